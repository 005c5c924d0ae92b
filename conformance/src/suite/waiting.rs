//! Waits that something ends while they last.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use vmo_abi::{Backend, zx_signals_t, zx_status_t, zx_time_t};

use super::answer::{Checked, Failure};
use super::context::Context;
use crate::program::{Handle, StepResult};

/// How long a wait is left alone before something is done about it.
const HEAD_START: Duration = Duration::from_millis(20);
/// How long a wait that should have ended may go on.
const PATIENCE: Duration = Duration::from_secs(10);
/// Where in the arena a waiting thread has its results, away from the tester's
/// own scratch memory.
const OBSERVED_OFFSET: u64 = 0x800;

/// How a wait came out that went on while something else was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waited {
    /// What the wait returned.
    pub status: zx_status_t,
    /// The signals it stored.
    pub observed: zx_signals_t,
    /// Whether it was still going on when the other thing was begun.
    pub had_waited: bool,
}

impl Waited {
    /// Expects how a wait came out.
    ///
    /// # Errors
    ///
    /// It came out otherwise.
    pub fn is(self, status: zx_status_t, observed: zx_signals_t) -> Checked {
        let text =
            |status, observed| format!("{} observed={observed:#x}", crate::runner::Status(status));
        if !self.had_waited {
            return Err(Failure::new("a wait that goes on", text(self.status, self.observed)));
        }
        if (self.status, self.observed) == (status, observed) {
            return Ok(());
        }
        Err(Failure::new(text(status, observed), text(self.status, self.observed)))
    }
}

impl Context<'_> {
    /// Waits on a handle in another thread, at most for `timeout`, and does
    /// something meanwhile.
    ///
    /// # Errors
    ///
    /// What is done meanwhile fails, or the wait does not end.
    pub fn wait_while(
        &mut self,
        handle: Handle,
        signals: zx_signals_t,
        timeout: Duration,
        meanwhile: impl FnOnce(&mut Self) -> Checked,
    ) -> Checked<Waited> {
        let value = self.runner.facts().handle(handle);
        let observed = self.runner.environment().arena.base + OBSERVED_OFFSET;
        let backend = self.backend;
        store(backend, observed, &[0xaa; 4])?;
        let deadline = deadline(backend, timeout);
        let begins = &AtomicBool::new(false);
        let (status, had_waited) = thread::scope(|scope| {
            let waiting = scope.spawn(move || {
                begins.store(true, Ordering::Release);
                backend.object_wait_one(value, signals, deadline, observed)
            });
            // On a busy host it can take long until the thread is run at all.
            while !begins.load(Ordering::Acquire) {
                thread::sleep(Duration::from_millis(1));
            }
            thread::sleep(HEAD_START);
            let had_waited = !waiting.is_finished();
            meanwhile(self)?;
            let since = Instant::now();
            while !waiting.is_finished() && since.elapsed() < timeout.min(PATIENCE) + PATIENCE {
                thread::sleep(Duration::from_millis(1));
            }
            match waiting.join() {
                Ok(status) => Ok::<_, Failure>((status, had_waited)),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        })?;
        let mut bytes = [0; 4];
        backend.load(observed, &mut bytes).map_err(crate::runner::RunError::from)?;
        Ok(Waited { status, observed: zx_signals_t::from_le_bytes(bytes), had_waited })
    }

    /// Expects that a wait that nothing ends times out, not before its deadline.
    ///
    /// # Errors
    ///
    /// It ended otherwise, or too early.
    pub fn expect_timeout(
        &mut self,
        handle: Handle,
        signals: zx_signals_t,
        timeout: Duration,
    ) -> Checked {
        let nanoseconds = u64::try_from(timeout.as_nanos()).unwrap_or(u64::MAX);
        let started = self.backend.monotonic_now();
        let answer =
            self.object_wait_one(handle, signals, super::calls::Deadline::FromNow(nanoseconds))?;
        let ended = self.backend.monotonic_now();
        let answer = answer.is(vmo_abi::ZX_ERR_TIMED_OUT)?;
        if ended - started < nanoseconds {
            let waited = format!("{} ns", ended - started);
            return Err(answer.failure(format!("a wait of {nanoseconds} ns"), waited));
        }
        match answer.result() {
            StepResult::Status(_) => Ok(()),
            StepResult::Fault => Err(answer.failure("a status", "FAULT")),
        }
    }
}

fn store(backend: &dyn Backend, address: u64, bytes: &[u8]) -> Checked {
    backend.store(address, bytes).map_err(|fault| Failure::CannotRun(fault.into()))
}

fn deadline(backend: &dyn Backend, timeout: Duration) -> zx_time_t {
    let nanoseconds = u64::try_from(timeout.as_nanos()).unwrap_or(u64::MAX);
    backend.monotonic_now().saturating_add(nanoseconds)
}
