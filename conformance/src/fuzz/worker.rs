//! One thread of a run.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use super::finding::{Raw, crash, key, unusable};
use super::guide::{Combination, Guide, combination};
use super::health::Tally;
use super::{BATCH, Plan, Progress, seed_of};
use crate::backends::StartError;
use crate::oracle::{Covered, Oracle, Violation};
use crate::program::Program;
use crate::runner::{RunError, Runner};
use crate::suite::Start;

/// A round as its threads share it.
pub(super) struct Round<'a> {
    pub(super) plan: &'a Plan,
    pub(super) start: &'a Start<'a>,
    pub(super) guide: &'a Guide,
    pub(super) progress: &'a Progress,
    pub(super) started: Instant,
    /// The number of the batch that is taken next.
    pub(super) next: &'a AtomicU64,
    /// No batch from here on is begun.
    pub(super) end: &'a AtomicU64,
}

/// What came of a batch.
pub(super) struct Batch {
    /// Its number in the run.
    pub(super) number: u64,
    pub(super) tally: Tally,
    pub(super) covered: Covered,
    /// Programs that showed combinations that were not known before the round.
    pub(super) new: Vec<(Vec<Combination>, Program)>,
    /// The first violation of each kind, in the order of the programs.
    pub(super) violations: Vec<Raw>,
}

impl Round<'_> {
    /// Does batches until there are none left.
    pub(super) fn work(&self) -> Result<Vec<Batch>, StartError> {
        let mut batches = Vec::new();
        loop {
            if self.plan.time.is_some_and(|time| self.started.elapsed() >= time)
                || self.progress.stop.load(Ordering::Relaxed)
            {
                return Ok(batches);
            }
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            if number >= self.end.load(Ordering::Relaxed) {
                return Ok(batches);
            }
            let batch = self.batch(number)?;
            self.progress.programs.fetch_add(batch.tally.programs, Ordering::Relaxed);
            self.progress.calls.fetch_add(batch.tally.calls(), Ordering::Relaxed);
            if self.plan.stop_at_first && !batch.violations.is_empty() {
                // The batches before may still break something earlier.
                self.end.fetch_min(number, Ordering::Relaxed);
            }
            batches.push(batch);
        }
    }

    /// Runs the programs of a batch. It begins with a fresh backend, and so
    /// does what follows a violation, or a program that did what nobody can know
    /// any more: what comes of a program depends on nothing but those before it
    /// in its batch.
    fn batch(&self, number: u64) -> Result<Batch, StartError> {
        let mut batch = Batch {
            number,
            tally: Tally::default(),
            covered: Covered::default(),
            new: Vec::new(),
            violations: Vec::new(),
        };
        let mut program = number * BATCH;
        let last = self.plan.programs.unwrap_or(u64::MAX).min((number + 1) * BATCH);
        while program < last {
            let backend = (self.start)()?;
            let mut runner = Runner::new(backend.as_ref())?;
            let fresh = Oracle::new(runner.environment(), self.plan.level);
            while program < last {
                let goes_on = self.program(program, &mut runner, &fresh, &mut batch);
                program += 1;
                if !goes_on {
                    break;
                }
            }
            if self.plan.stop_at_first && !batch.violations.is_empty() {
                break;
            }
        }
        Ok(batch)
    }

    /// Runs a program, and answers whether the next one can use the backend.
    fn program(
        &self,
        number: u64,
        runner: &mut Runner<'_>,
        fresh: &Oracle,
        batch: &mut Batch,
    ) -> bool {
        let program = self.guide.program(seed_of(self.plan.seed, number), &self.plan.profile);
        let mut oracle = fresh.clone();
        let mut new = Vec::new();
        let mut broken: Option<Violation> = None;
        let (mut done, mut is_judging) = (0, false);
        let Batch { tally, covered, violations, .. } = &mut *batch;
        let run = AssertUnwindSafe(|| {
            runner.run(&program, |index, outcome, facts| {
                let action = &program.steps[index].action;
                tally.count(action, outcome);
                is_judging = true;
                broken = oracle.observe(action, outcome, facts).err();
                is_judging = false;
                done = index + 1;
                let combination = combination(action, outcome.result, oracle.covered());
                if !self.guide.knows(combination) {
                    new.push(combination);
                    covered.merge(oracle.covered());
                }
                oracle.forget_covered();
                broken.is_none()
            })
        });
        match catch_unwind(run) {
            Ok(Ok(())) => {}
            Ok(Err(error)) => match unusable(&error, name_of(&program, done)) {
                Some(violation) => {
                    broken = Some(violation);
                    done += 1;
                }
                None => tally.cut_short += u64::from(!matches!(error, RunError::Unsupported(_))),
            },
            // The tester's own mistake is none of the backend's.
            Err(panic) if is_judging => resume_unwind(panic),
            Err(panic) => {
                broken = Some(crash(panic.as_ref(), name_of(&program, done)));
                done += 1;
            }
        }
        tally.programs += 1;
        let Some(violation) = broken else {
            if !new.is_empty() {
                batch.new.push((new, program));
            }
            // Such as closing handles that are the tester's.
            return !oracle.gave_up();
        };
        if violations.iter().all(|known| key(&known.violation) != key(&violation)) {
            let (calls, elapsed) = (tally.calls(), self.started.elapsed());
            let mut program = program;
            program.steps.truncate(done.max(1));
            violations.push(Raw { violation, program, number, calls, elapsed });
        }
        false
    }
}

/// What the step at `index` does.
fn name_of(program: &Program, index: usize) -> &'static str {
    program.steps.get(index).map_or("", |step| step.action.name())
}
