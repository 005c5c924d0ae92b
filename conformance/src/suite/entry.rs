//! Finding out whether another thread is inside a call that waits.

use std::fs;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, Instant};

/// How long a wait is left alone, once it was asked for, before something is
/// done about it: a backend may be behind a pipe.
const HEAD_START: Duration = Duration::from_millis(20);
/// How long a thread may go on running before it counts as waiting all the
/// same: a backend may wait without sleeping.
const BUSY: Duration = Duration::from_secs(1);
/// Time between two looks.
const PAUSE: Duration = Duration::from_millis(1);

/// A door that a thread goes through just before it does a call that waits.
///
/// Without it a test of a wait would depend on how busy the host is: the thread
/// that is to wait may not have come to it yet.
#[derive(Debug, Default)]
pub(super) struct Entry {
    /// Where the host tells what the thread does, if it does.
    thread: OnceLock<Option<PathBuf>>,
}

impl Entry {
    /// The present thread does the call next.
    pub(super) fn enter(&self) {
        let folder = fs::canonicalize("/proc/thread-self").ok();
        self.thread.get_or_init(|| folder.map(|folder| folder.join("stat")));
    }

    /// Returns once the thread is inside the call, or `is_over` says that it has
    /// ended.
    pub(super) fn await_inside(&self, is_over: impl Fn() -> bool) {
        let thread = loop {
            match self.thread.get() {
                Some(thread) => break thread.as_ref(),
                None if is_over() => return,
                None => thread::sleep(PAUSE),
            }
        };
        let entered = Instant::now();
        thread::sleep(HEAD_START);
        let is_running = || thread.and_then(|path| fs::read_to_string(path).ok()).is_some_and(runs);
        while !is_over() && is_running() && entered.elapsed() < BUSY {
            thread::sleep(PAUSE);
        }
    }
}

/// Whether a thread runs or would like to, by its line in `/proc`.
fn runs(stat: String) -> bool {
    // The name before it, in parentheses, may hold anything.
    let state = stat.rsplit(')').next().and_then(|rest| rest.split_whitespace().next());
    state == Some("R")
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    #[test]
    fn a_thread_that_runs_is_told_from_one_that_waits() {
        assert!(runs("17 (a) S b) R 1 17".to_owned()));
        assert!(!runs("17 (R) S 1 17".to_owned()));
        assert!(!runs(String::new()));
    }

    #[test]
    fn the_tester_goes_on_when_the_thread_sleeps() {
        let (entry, is_asleep) = (Entry::default(), AtomicBool::new(false));
        thread::scope(|scope| {
            let other = scope.spawn(|| {
                entry.enter();
                let started = Instant::now();
                // Longer than the head start.
                while started.elapsed() < 3 * HEAD_START {
                    std::hint::spin_loop();
                }
                is_asleep.store(true, Ordering::SeqCst);
                thread::park_timeout(Duration::from_secs(5));
            });
            entry.await_inside(|| other.is_finished());
            let was_asleep = is_asleep.load(Ordering::SeqCst);
            other.thread().unpark();
            assert!(was_asleep || cfg!(not(target_os = "linux")));
        });
    }

    #[test]
    fn nobody_waits_for_a_thread_that_has_ended() {
        Entry::default().await_inside(|| true);
    }
}
