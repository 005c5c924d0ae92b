//! What a program leaves behind, and taking it away.

use vmo_abi::{
    ArgumentKind, Backend, Environment, MAX_ARGUMENTS, Syscall, zx_handle_t, zx_vaddr_t,
};

use super::{Binding, Outcome, REGION_BYTES};
use crate::program::Call;

/// What a program made and may have left behind.
#[derive(Default)]
pub(super) struct Leftovers {
    /// Every handle value that a call stored, also a call that failed (C-30).
    handles: Vec<zx_handle_t>,
    /// Mappings and regions made directly in the root region.
    in_root: Vec<(zx_vaddr_t, u64)>,
    /// Whether the program used the memory limit or failing allocations.
    pub(super) memory_control: bool,
}

impl Leftovers {
    pub(super) fn note(
        &mut self,
        call: &Call,
        registers: &[u64; MAX_ARGUMENTS],
        outcome: &Outcome,
        environment: &Environment,
    ) {
        for (index, argument) in call.syscall.arguments().iter().enumerate() {
            let Some(word) = outcome.words[index] else { continue };
            match argument.kind {
                ArgumentKind::HandleOut | ArgumentKind::HandlesOut(_) => {
                    let handle = word as zx_handle_t;
                    // A wrong backend may give out a handle that it needs to
                    // go on being tested.
                    let fixed =
                        [environment.root_vmar, environment.process, environment.observed_process];
                    if fixed.contains(&handle) {
                        continue;
                    }
                    self.handles.push(handle);
                }
                ArgumentKind::AddressOut if registers[0] == u64::from(environment.root_vmar) => {
                    let len = match call.syscall {
                        Syscall::vmar_map => registers[4],
                        _ => registers[2],
                    };
                    self.in_root.push((word, len));
                }
                _ => {}
            }
        }
    }

    /// Takes everything away. Much of it has gone already; that is no error.
    pub(super) fn clean_up(
        &mut self,
        backend: &dyn Backend,
        environment: &Environment,
        region: Option<Binding>,
    ) {
        if std::mem::take(&mut self.memory_control) {
            backend.fail_allocation(None);
            backend.set_memory_limit(None);
        }
        // By way of the root region, as the program may have closed the handles
        // to its regions.
        let region_range = region.map(|region| (region.address, REGION_BYTES));
        for (address, len) in self.in_root.drain(..).chain(region_range) {
            backend.vmar_unmap(environment.root_vmar, address, len);
        }
        self.handles.extend(region.map(|region| region.handle));
        for handle in self.handles.drain(..) {
            backend.handle_close(handle);
        }
    }
}
