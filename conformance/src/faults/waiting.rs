//! Waits on objects whose signals a wrong backend takes for others.

use std::thread;
use std::time::Duration;

use vmo_abi::{
    Syscall, ZX_ERR_CANCELED, ZX_ERR_INVALID_ARGS, ZX_ERR_TIMED_OUT, ZX_OK,
    ZX_SIGNAL_HANDLE_CLOSED, zx_signals_t, zx_status_t,
};

use super::hook::Registers;
use super::machine::Machine;

/// Between two looks at signals.
const STEP: Duration = Duration::from_millis(1);

impl Machine {
    /// `object_wait_one` on objects whose signals are what `see` makes of a
    /// handle and its true signals. Only the bits of `changed` may differ.
    pub(super) fn wait_seeing(
        &self,
        registers: &Registers,
        changed: zx_signals_t,
        see: impl Fn(&Self, u64, zx_signals_t) -> zx_signals_t,
    ) -> zx_status_t {
        let [handle, wanted, deadline, observed, ..] = *registers;
        let wanted = wanted as zx_signals_t;
        let Some(first) = self.signals(handle) else {
            return self.right(Syscall::object_wait_one, registers);
        };
        if wanted & changed == 0 {
            // Nothing else is decided otherwise, but what is seen.
            let status = self.right(Syscall::object_wait_one, registers);
            if let (ZX_OK | ZX_ERR_TIMED_OUT, Some(seen)) = (status, self.word(observed))
                && observed != 0
            {
                self.put(observed, &see(self, handle, seen).to_le_bytes());
            }
            return status;
        }
        let deadline = self.in_time(deadline);
        let mut seen = see(self, handle, first);
        let mut status = ZX_OK;
        while seen & wanted == 0 {
            if self.inner().monotonic_now() >= deadline {
                status = ZX_ERR_TIMED_OUT;
                break;
            }
            thread::sleep(STEP);
            match self.signals(handle) {
                Some(now) => seen |= see(self, handle, now),
                None => {
                    seen |= ZX_SIGNAL_HANDLE_CLOSED;
                    status = ZX_ERR_CANCELED;
                    break;
                }
            }
        }
        if observed != 0 && !self.put(observed, &seen.to_le_bytes()) {
            return ZX_ERR_INVALID_ARGS;
        }
        status
    }
}
