//! Replays programs, such as the recordings of a real kernel, against a
//! backend. What comes of each step is compared with the outcome that the
//! program expects, if it expects one, and judged by the oracle.

mod compare;
mod marks;
mod summary;

use std::sync::atomic::{AtomicUsize, Ordering};

use vmo_abi::{Backend, Capability};

use crate::backends::StartError;
use crate::level::Level;
use crate::oracle::{Oracle, Violation};
use crate::parallel::on_threads;
use crate::program::Program;
use crate::runner::{RunError, Runner};

pub use compare::{Mismatch, compare};
pub use marks::accepting_mark;
pub use summary::{Counts, Summary};

/// What came of replaying one program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replayed {
    /// The verdict.
    pub verdict: Verdict,
    /// Steps that were run.
    pub steps_run: usize,
    /// Steps that were run and were judged: all but those without an expected
    /// outcome at which the oracle allows everything.
    pub steps_judged: usize,
}

/// Whether a backend did what a program expects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Every expected outcome was met.
    Agreed,
    /// A step came out otherwise than recorded in a way that the pages allow.
    /// The steps after it were not run, as they depend on it.
    Accepted {
        /// Index of the step.
        step: usize,
        /// The clause that allows it.
        mark: String,
        /// What was different.
        mismatch: Mismatch,
    },
    /// A step came out otherwise than expected, or broke a clause.
    Disagreed {
        /// Index of the step.
        step: usize,
        /// What was different.
        mismatch: Mismatch,
    },
    /// The backend does not offer something that the program needs.
    Unsupported(Capability),
    /// The program could not be run for a reason of the tester's or the
    /// backend's making.
    Broken(RunError),
}

/// Replays one program.
pub fn replay(runner: &mut Runner<'_>, program: &Program, level: Level) -> Replayed {
    let mut steps_run = 0;
    let mut steps_judged = 0;
    let mut verdict = Verdict::Agreed;
    let mut oracle = Oracle::new(runner.environment(), level);
    let result = runner.run(program, |index, outcome, facts| {
        steps_run += 1;
        let step = &program.steps[index];
        steps_judged += usize::from(step.expected.is_some() || !oracle.gave_up());
        let compared = match &step.expected {
            Some(expected) => compare(&step.action, expected, outcome, facts),
            None => Ok(()),
        };
        let Err(mismatch) = compared else {
            return match oracle.observe(&step.action, outcome, facts) {
                Ok(()) => true,
                Err(Violation { clause, expected, actual, .. }) => {
                    let mismatch = Mismatch { what: clause, expected, actual };
                    verdict = Verdict::Disagreed { step: index, mismatch };
                    false
                }
            };
        };
        let mark = match level {
            Level::Seed | Level::Page => accepting_mark(program, index, outcome, &mismatch),
            Level::Kernel => None,
        };
        verdict = match mark {
            Some(mark) => Verdict::Accepted { step: index, mark: mark.to_owned(), mismatch },
            None => Verdict::Disagreed { step: index, mismatch },
        };
        false
    });
    match result {
        Ok(()) => {}
        Err(RunError::Unsupported(capability)) => verdict = Verdict::Unsupported(capability),
        Err(error) => verdict = Verdict::Broken(error),
    }
    Replayed { verdict, steps_run, steps_judged }
}

/// Programs that a thread takes at a time.
const BATCH: usize = 64;

/// Replays programs on `jobs` threads, each against a backend of its own, and
/// answers with what came of each, in order.
///
/// # Errors
///
/// A backend would not start.
pub fn replay_all(
    programs: &[&Program],
    level: Level,
    jobs: usize,
    start: &(dyn Fn() -> Result<Box<dyn Backend>, StartError> + Sync),
) -> Result<Vec<Replayed>, StartError> {
    let next = AtomicUsize::new(0);
    let work = || -> Result<Vec<(usize, Replayed)>, StartError> {
        let backend = start()?;
        let mut runner = Runner::new(backend.as_ref()).map_err(StartError::from)?;
        let mut done = Vec::new();
        loop {
            let first = next.fetch_add(BATCH, Ordering::Relaxed);
            if first >= programs.len() {
                return Ok(done);
            }
            let last = (first + BATCH).min(programs.len());
            for (index, program) in (first..).zip(&programs[first..last]) {
                done.push((index, replay(&mut runner, program, level)));
            }
        }
    };
    let jobs = jobs.clamp(1, programs.len().div_ceil(BATCH).max(1));
    on_threads(jobs, work)
}
