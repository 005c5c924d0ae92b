//! Pointers of the process as pointers of the machine.
//!
//! An address of the machine (in a mapping, or bad ground of its own) is passed
//! on as it is, and so is one where the process has nothing either: the machine
//! refuses it. For memory of the process a stretch of the arena stands in. If
//! only the first bytes of a buffer can be accessed, these are put at the end of
//! the arena, so that the machine, too, finds nothing behind them.

use std::ops::Range;
use std::ptr;
use std::sync::{Mutex, PoisonError};

use vmo_abi::{
    ArgumentKind, Backend, Environment, MAX_ARGUMENTS, Syscall, zx_info_vmar_t, zx_status_t,
};

use crate::process::accessible;

/// What stand-ins begin at multiples of.
const ALIGNMENT: u64 = 16;

/// The addresses of the machine, and which of its arena stand for memory of the
/// process at this moment.
pub(crate) struct Ground {
    addresses: Range<u64>,
    arena: Range<u64>,
    in_use: Mutex<Vec<Range<u64>>>,
}

/// A stretch of the arena that stands for memory of the process.
struct StandIn<'g> {
    ground: &'g Ground,
    /// Where it is, with the bytes that keep others away.
    place: Range<u64>,
    /// The memory of the process.
    own: u64,
    len: usize,
    is_output: bool,
}

impl Drop for StandIn<'_> {
    fn drop(&mut self) {
        let mut in_use = self.ground.in_use.lock().unwrap_or_else(PoisonError::into_inner);
        in_use.retain(|range| *range != self.place);
    }
}

impl Ground {
    pub(crate) fn new(environment: &Environment, root: &zx_info_vmar_t) -> Self {
        let arena = environment.arena.base..environment.arena.end();
        let bad = [environment.bad.unmapped, environment.bad.read_only];
        let first = bad.into_iter().flatten().fold(arena.start, u64::min).min(root.base);
        let last = arena.end.max(root.base.saturating_add(root.len));
        Self { addresses: first..last, arena, in_use: Mutex::default() }
    }

    /// Does a call whose pointers are addresses of the process.
    ///
    /// # Safety
    ///
    /// Nobody else uses the memory at the pointers meanwhile.
    pub(crate) unsafe fn call(
        &self,
        backend: &dyn Backend,
        syscall: Syscall,
        registers: &[u64; MAX_ARGUMENTS],
    ) -> zx_status_t {
        let mut passed = *registers;
        let mut stand_ins = Vec::new();
        for (index, argument) in syscall.arguments().iter().enumerate() {
            let Some(len) = pointee_len(syscall, argument.kind, registers) else { continue };
            let is_output = argument.kind.is_output();
            let Some(stand_in) = self.stand_in(registers[index], len, is_output) else { continue };
            let mut bytes = vec![0_u8; stand_in.len];
            // SAFETY: so many bytes of the process can be read, and the caller
            // promises that nobody writes them meanwhile.
            unsafe {
                ptr::copy_nonoverlapping(
                    stand_in.own as *const u8,
                    bytes.as_mut_ptr(),
                    stand_in.len,
                );
            }
            if backend.store(stand_in.place.start, &bytes).is_err() {
                fail("the arena cannot be written");
            }
            passed[index] = stand_in.place.start;
            stand_ins.push(stand_in);
        }
        let status = backend.syscall(syscall, &passed);
        for stand_in in stand_ins.iter().filter(|stand_in| stand_in.is_output) {
            let mut bytes = vec![0_u8; stand_in.len];
            if backend.load(stand_in.place.start, &mut bytes).is_err() {
                fail("the arena cannot be read");
            }
            // SAFETY: so many bytes of the process can be written, and the
            // caller promises that nobody uses them meanwhile.
            unsafe {
                ptr::copy_nonoverlapping(bytes.as_ptr(), stand_in.own as *mut u8, stand_in.len);
            }
        }
        status
    }

    /// A stretch of the arena for memory of the process, if that is what an
    /// address points to.
    fn stand_in(&self, own: u64, len: u64, is_output: bool) -> Option<StandIn<'_>> {
        if own == 0 || self.addresses.contains(&own) {
            return None;
        }
        let good = match accessible(own, len, is_output) {
            Ok(good) => good,
            Err(error) => fail(&format!("/proc/self/maps cannot be read: {error}")),
        };
        if good == 0 {
            return None;
        }
        let place = self.reserve(good, good < len);
        let len = usize::try_from(good).ok()?;
        Some(StandIn { ground: self, place, own, len, is_output })
    }

    /// Reserves bytes of the arena, at its end if nothing is to follow them.
    fn reserve(&self, len: u64, at_end: bool) -> Range<u64> {
        let mut in_use = self.in_use.lock().unwrap_or_else(PoisonError::into_inner);
        let is_free = |place: &Range<u64>, in_use: &[Range<u64>]| {
            !in_use.iter().any(|used| used.start < place.end && place.start < used.end)
        };
        let mut place = if at_end {
            self.arena.end.saturating_sub(len)..self.arena.end
        } else {
            self.arena.start..self.arena.start.saturating_add(len)
        };
        while !at_end && !is_free(&place, &in_use) {
            let next = in_use
                .iter()
                .filter(|used| used.start < place.end && place.start < used.end)
                .fold(place.start, |next, used| next.max(used.end))
                .next_multiple_of(ALIGNMENT);
            place = next..next.saturating_add(len);
        }
        if place.start < self.arena.start || place.end > self.arena.end || !is_free(&place, &in_use)
        {
            fail(&format!("buffers of {len:#x} bytes do not fit into the arena"));
        }
        in_use.push(place.clone());
        place
    }
}

/// Bytes that a call may access at a pointer; `None` for what is no pointer.
fn pointee_len(
    syscall: Syscall,
    kind: ArgumentKind,
    registers: &[u64; MAX_ARGUMENTS],
) -> Option<u64> {
    if let Some(size) = kind.pointee_size() {
        return Some(size);
    }
    let position = syscall.declaration().position(kind.length_argument()?)?;
    let element = match kind {
        ArgumentKind::HandlesIn(_) | ArgumentKind::HandlesOut(_) => 4,
        ArgumentKind::WaitItems(_) => 12,
        _ => 1,
    };
    Some(registers[position].saturating_mul(element))
}

/// Ends the process: the machine cannot do what the call asks for, which must not
/// look like an answer of the machine.
fn fail(reason: &str) -> ! {
    eprintln!("error: {reason}");
    std::process::exit(crate::NOT_STARTED)
}

#[cfg(test)]
mod tests {
    use vmo_abi::{ZX_ERR_INVALID_ARGS, ZX_OK};

    use super::*;

    /// Does a call on the machine of this process.
    fn call(syscall: Syscall, arguments: &[u64]) -> zx_status_t {
        let machine = crate::machine();
        let mut registers = [0; MAX_ARGUMENTS];
        registers[..arguments.len()].copy_from_slice(arguments);
        // SAFETY: the tests pass their own variables, which nobody else uses.
        unsafe { machine.ground.call(machine.backend.as_ref(), syscall, &registers) }
    }

    #[test]
    fn variables_of_the_process_are_read_and_stored_to() {
        let mut vmo = 0_u32;
        let out = &raw mut vmo as u64;
        assert_eq!(call(Syscall::vmo_create, &[0x2000, 0, out]), ZX_OK);
        assert_ne!(vmo, 0);
        let written = vec![7_u8; 0x1234];
        let at = written.as_ptr() as u64;
        assert_eq!(call(Syscall::vmo_write, &[vmo.into(), at, 0x10, 0x1234]), ZX_OK);
        let mut read = vec![1_u8; 0x1244];
        let at = read.as_mut_ptr() as u64;
        assert_eq!(call(Syscall::vmo_read, &[vmo.into(), at, 0, 0x1244]), ZX_OK);
        assert!(read[..0x10].iter().all(|byte| *byte == 0));
        assert!(read[0x10..].iter().all(|byte| *byte == 7));
    }

    #[test]
    fn what_cannot_be_accessed_is_refused_by_the_machine() {
        static CONSTANT: [u8; 64] = [7; 64];
        for bad in [0, 16, CONSTANT.as_ptr() as u64, 0xffff_ff80_0010_0000] {
            assert_eq!(call(Syscall::vmo_create, &[1, 0, bad]), ZX_ERR_INVALID_ARGS, "{bad:#x}");
        }
    }
}
