//! Handle values that a wrong backend takes for others.

use vmo_abi::{ArgumentKind, Syscall, ZX_OK, zx_status_t};

use super::hook::Registers;
use super::machine::Machine;

/// Most entries of an array that are looked at.
const MOST_ENTRIES: u64 = 4096;
/// Bytes of an entry of an array of handles, and of one of wait items.
const HANDLE_BYTES: u64 = 4;
const ITEM_BYTES: u64 = 12;

impl Machine {
    /// A call whose handle values are translated: what user code has into what
    /// the right backend knows, and what that gives out into what user code
    /// gets.
    pub(super) fn translated(
        &self,
        call: Syscall,
        registers: &Registers,
        inward: impl Fn(u64) -> u64,
        outward: impl Fn(u64) -> u64,
    ) -> zx_status_t {
        let mut inner = *registers;
        let mut replaced = Vec::new();
        for (position, argument) in call.arguments().iter().enumerate() {
            let stride = match argument.kind {
                ArgumentKind::Handle => {
                    inner[position] = inward(registers[position] & 0xffff_ffff);
                    continue;
                }
                ArgumentKind::HandlesIn(_) => HANDLE_BYTES,
                ArgumentKind::WaitItems(_) => ITEM_BYTES,
                _ => continue,
            };
            let count = argument
                .kind
                .length_argument()
                .and_then(|name| call.declaration().position(name))
                .map_or(0, |position| registers[position]);
            for nth in 0..count.min(MOST_ENTRIES) {
                let at = registers[position].saturating_add(stride * nth);
                let Some(handle) = self.word(at) else { break };
                let known = inward(handle.into()) as u32;
                if known != handle && self.put(at, &known.to_le_bytes()) {
                    replaced.push((at, handle));
                }
            }
        }
        let status = self.right(call, &inner);
        for (at, handle) in replaced {
            self.put(at, &handle.to_le_bytes());
        }
        if status == ZX_OK {
            self.translate_results(call, registers, outward);
        }
        status
    }

    fn translate_results(
        &self,
        call: Syscall,
        registers: &Registers,
        outward: impl Fn(u64) -> u64,
    ) {
        let translate = |at: u64| {
            if let Some(handle) = self.word(at) {
                let given = outward(handle.into()) as u32;
                self.put(at, &given.to_le_bytes());
            }
        };
        for (argument, register) in call.arguments().iter().zip(registers) {
            if argument.kind == ArgumentKind::HandleOut {
                translate(*register);
            }
        }
        if call == Syscall::channel_read {
            let count = u64::from(self.word(registers[7]).unwrap_or_default());
            (0..count.min(MOST_ENTRIES)).for_each(|nth| translate(registers[3] + 4 * nth));
        }
    }
}
