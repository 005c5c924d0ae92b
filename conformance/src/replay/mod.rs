//! Replays programs, such as the recordings of a real kernel, against a
//! backend. What comes of each step is compared with the outcome that the
//! program expects, if it expects one, and judged by the oracle.

mod compare;
mod summary;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use vmo_abi::{Backend, LossKind};

use crate::backends::StartError;
use crate::level::Level;
use crate::oracle::Oracle;
use crate::parallel::on_threads;
use crate::program::Program;
use crate::runner::{RunError, Runner};

pub use compare::{Mismatch, compare, may_be_a_choice};
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
    /// How long it took.
    pub elapsed: Duration,
}

/// Whether a backend did what a program expects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Every expected outcome was met.
    Agreed,
    /// A step came out otherwise than expected, in a way that the oracle allows
    /// at the level in question, and so did whatever came after it.
    Accepted {
        /// Index of the first such step.
        step: usize,
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
    /// The backend does not offer something that the program needs: the name of
    /// a capability, or what else it is.
    Unsupported(String),
    /// The backend was lost.
    Lost {
        /// How.
        kind: LossKind,
        /// What was seen of it.
        detail: String,
    },
    /// The program could not be run for a reason of the tester's or the
    /// backend's making.
    Broken(RunError),
}

/// Replays one program.
///
/// At the level of the kernel every step has to come out as expected. Below it
/// another choice that the oracle allows is accepted. What the oracle does not
/// allow is a disagreement at every level, expected or not.
pub fn replay(runner: &mut Runner<'_>, program: &Program, level: Level) -> Replayed {
    let started = Instant::now();
    let mut steps_run = 0;
    let mut steps_judged = 0;
    let mut verdict = Verdict::Agreed;
    let mut oracle = Oracle::new(runner.environment(), level);
    let result = runner.run(program, |index, outcome, facts| {
        steps_run += 1;
        let step = &program.steps[index];
        steps_judged += usize::from(step.expected.is_some() || !oracle.gave_up());
        let violation = oracle.observe(&step.action, outcome, facts).err();
        let mismatch = match &step.expected {
            // What follows an accepted difference depends on it.
            Some(expected) if verdict == Verdict::Agreed => {
                compare(&step.action, expected, outcome, facts).err()
            }
            _ => None,
        };
        match (mismatch, violation) {
            (None, None) => {}
            (Some(mismatch), None)
                if level != Level::Kernel
                    && may_be_a_choice(program, index, outcome, &mismatch) =>
            {
                verdict = Verdict::Accepted { step: index, mismatch };
            }
            (Some(mismatch), _) => verdict = Verdict::Disagreed { step: index, mismatch },
            (None, Some(violation)) => {
                verdict = Verdict::Disagreed { step: index, mismatch: violation.into() };
            }
        }
        !matches!(verdict, Verdict::Disagreed { .. })
    });
    match result {
        Ok(()) => {}
        Err(RunError::Unsupported(capability)) => {
            verdict = Verdict::Unsupported(capability.name().to_owned());
        }
        Err(RunError::NoSuchAddress(kind)) => {
            verdict = Verdict::Unsupported(format!("{kind} address"));
        }
        Err(RunError::NoSuchHandle(kind)) => {
            verdict = Verdict::Unsupported(format!("handle to the {kind}"));
        }
        Err(RunError::Lost { kind, detail }) => verdict = Verdict::Lost { kind, detail },
        Err(error) => verdict = Verdict::Broken(error),
    }
    Replayed { verdict, steps_run, steps_judged, elapsed: started.elapsed() }
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
    replay_all_told(programs, level, jobs, start, &|_, _| {})
}

/// As [`replay_all`]; `judged` is told the index of each program and what came
/// of it as soon as it is over, on the thread that replayed it.
///
/// # Errors
///
/// A backend would not start.
pub fn replay_all_told(
    programs: &[&Program],
    level: Level,
    jobs: usize,
    start: &(dyn Fn() -> Result<Box<dyn Backend>, StartError> + Sync),
    judged: &(dyn Fn(usize, &Replayed) + Sync),
) -> Result<Vec<Replayed>, StartError> {
    let next = AtomicUsize::new(0);
    let work = || -> Result<Vec<(usize, Replayed)>, StartError> {
        let mut done = Vec::new();
        let mut taken = 0..0;
        loop {
            let backend = start()?;
            let mut runner = Runner::new(backend.as_ref()).map_err(StartError::from)?;
            while runner.check_alive().is_ok() {
                if taken.is_empty() {
                    let first = next.fetch_add(BATCH, Ordering::Relaxed);
                    taken = first..(first + BATCH).min(programs.len());
                }
                let Some(index) = taken.next() else { return Ok(done) };
                let replayed = replay(&mut runner, programs[index], level);
                judged(index, &replayed);
                done.push((index, replayed));
            }
        }
    };
    let jobs = jobs.clamp(1, programs.len().div_ceil(BATCH).max(1));
    on_threads(jobs, work)
}
