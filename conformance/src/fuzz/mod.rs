//! Random programs against a backend, judged by the oracle: findings are
//! deduplicated, shrunk, and can be replayed exactly from the seed.
//!
//! Program `n` of a run depends only on the seed of the run, on `n`, and on the
//! programs of earlier rounds that were kept because they showed something new.
//! Rounds have a fixed number of programs, and what their threads learned is
//! put together in the order of the numbers; so neither the number of threads
//! nor the speed of the machine changes what is tried or found.

mod finding;
mod guide;
mod health;
mod save;
pub mod target;
mod worker;

use std::sync::atomic::{AtomicBool, AtomicU64};
use std::time::{Duration, Instant};

use crate::backends::StartError;
use crate::generate::Profile;
use crate::level::Level;
use crate::oracle::Covered;
use crate::suite::Start;

pub(crate) use finding::unusable;
pub use finding::{Finding, violation_of};
use finding::{Key, key};
use guide::Guide;
pub use health::{Health, Tally};
pub use save::{Context, Folder, annotated};
use worker::{Batch, Round};

/// Programs that a thread takes at a time, and that share a backend.
const BATCH: u64 = 1024;
/// Batches of a round.
const ROUND: u64 = 4;

/// What is to be tried.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The seed of the run.
    pub seed: u64,
    /// What the backend is held to.
    pub level: Level,
    /// What programs are made of.
    pub profile: Profile,
    /// Programs at most.
    pub programs: Option<u64>,
    /// Time at most; the programs that are under way are still finished.
    pub time: Option<Duration>,
    /// Threads, each with a backend of its own.
    pub jobs: usize,
    /// Whether to stop when the first finding is made.
    pub stop_at_first: bool,
}

/// What came of a run.
#[derive(Clone, Debug)]
pub struct Report {
    /// What was run.
    pub tally: Tally,
    /// The clauses that the oracle came to.
    pub covered: Covered,
    /// Combinations of a call, how it ended and clauses that were seen.
    pub combinations: u64,
    /// Programs that were kept because they showed one of these first.
    pub kept: usize,
    /// Findings, one for each broken clause and call, in the order of the
    /// programs in which they were first made.
    pub findings: Vec<Finding>,
    /// How long it took.
    pub elapsed: Duration,
}

/// Progress of a run, for whoever watches.
#[derive(Debug, Default)]
pub struct Progress {
    /// Programs that were run so far.
    pub programs: AtomicU64,
    /// Calls that were judged so far.
    pub calls: AtomicU64,
    /// Set to end the run early.
    pub stop: AtomicBool,
}

/// The seed of program `number` of a run.
fn seed_of(seed: u64, number: u64) -> u64 {
    // Neighbouring numbers must not give neighbouring seeds.
    let mut mixed = seed ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// A run between two rounds.
struct Run {
    guide: Guide,
    tally: Tally,
    findings: Vec<Finding>,
    /// What is already found.
    known: Vec<Key>,
}

/// Tries random programs. Each finding is handed to `on_finding` as soon as its
/// round is over; if that answers `false`, the run ends.
///
/// # Errors
///
/// A backend would not start.
pub fn fuzz(
    plan: &Plan,
    start: &Start<'_>,
    progress: &Progress,
    mut on_finding: impl FnMut(&Finding) -> bool,
) -> Result<Report, StartError> {
    let started = Instant::now();
    let mut run = Run {
        guide: Guide::new(),
        tally: Tally::default(),
        findings: Vec::new(),
        known: Vec::new(),
    };
    let batches = plan.programs.map_or(u64::MAX, |programs| programs.div_ceil(BATCH));
    let mut first = 0;
    while first < batches {
        let end = batches.min(first + ROUND);
        let (next, last) = (AtomicU64::new(first), AtomicU64::new(end));
        let round =
            Round { plan, start, guide: &run.guide, progress, started, next: &next, end: &last };
        let done = on_threads(plan.jobs, &round)?;
        let is_whole = done.len() as u64 == end - first;
        let goes_on = run.merge(done, plan, start, &mut on_finding)?;
        if !is_whole || !goes_on {
            break;
        }
        first = end;
    }
    Ok(Report {
        tally: run.tally,
        combinations: run.guide.combinations,
        kept: run.guide.kept(),
        covered: run.guide.covered,
        findings: run.findings,
        elapsed: started.elapsed(),
    })
}

/// Does a round on several threads, this one among them.
fn on_threads(jobs: usize, round: &Round<'_>) -> Result<Vec<Batch>, StartError> {
    let mut batches: Vec<Batch> = std::thread::scope(|scope| {
        let others: Vec<_> = (1..jobs).map(|_| scope.spawn(|| round.work())).collect();
        let mut batches = round.work()?;
        for thread in others {
            batches.extend(match thread.join() {
                Ok(batches) => batches?,
                Err(panic) => std::panic::resume_unwind(panic),
            });
        }
        Ok::<_, StartError>(batches)
    })?;
    batches.sort_unstable_by_key(|batch| batch.number);
    Ok(batches)
}

impl Run {
    /// Takes in what came of the batches of a round, in their order. Answers
    /// whether the run goes on.
    fn merge(
        &mut self,
        batches: Vec<Batch>,
        plan: &Plan,
        start: &Start<'_>,
        on_finding: &mut impl FnMut(&Finding) -> bool,
    ) -> Result<bool, StartError> {
        for batch in batches {
            self.guide.covered.merge(&batch.covered);
            for (combinations, program) in batch.new {
                self.guide.learn(&combinations, program);
            }
            let calls_before = self.tally.calls();
            self.tally.add(&batch.tally);
            for raw in batch.violations {
                let key = key(&raw.violation);
                if self.known.contains(&key) {
                    continue;
                }
                self.known.push(key);
                let finding = Finding::of(raw, calls_before, start, plan.level)?;
                let goes_on = on_finding(&finding) && !plan.stop_at_first;
                self.findings.push(finding);
                if !goes_on {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }
}
