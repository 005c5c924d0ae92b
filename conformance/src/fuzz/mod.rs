//! Random programs against a backend, judged by whoever can: findings are
//! deduplicated, shrunk, and can be replayed exactly from the seed.
//!
//! Program `n` of a run depends only on the seed of the run and on `n`, so that
//! neither the number of threads nor the speed of the machine changes what is
//! tried or found.

mod health;
pub mod target;

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use vmo_abi::{Environment, Syscall, ZX_OK};

use crate::backends::StartError;
use crate::generate::{self, Profile};
use crate::program::{Action, Program, StepResult};
use crate::runner::{Facts, Outcome, RunError, Runner};
use crate::shrink::shrink;
use crate::suite::Start;

/// Programs that a thread takes at a time.
const BATCH: u64 = 256;

/// Judges the steps of one program, one after the other.
pub trait Judge {
    /// Judges a step.
    ///
    /// # Errors
    ///
    /// What came of the step is not allowed.
    fn judge(
        &mut self,
        action: &Action,
        outcome: &Outcome,
        facts: &Facts<'_>,
    ) -> Result<(), Broken>;
}

/// What a judge found to be broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// The clause that is broken.
    pub clause: String,
    /// The call that broke it, or `load` or `store`.
    pub call: String,
    /// What would have been allowed.
    pub expected: String,
    /// What came instead.
    pub actual: String,
}

/// A way in which a backend breaks the contract.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What is broken.
    pub broken: Broken,
    /// The program that was found, up to the call that broke the clause.
    pub found: Program,
    /// The shortest program that was made of it.
    pub shrunk: Program,
    /// The number of the program in the run.
    pub number: u64,
}

/// How many calls of one kind were made, and how many of them succeeded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Health {
    /// Calls that were made.
    pub calls: u64,
    /// Calls that returned `ZX_OK`, or accesses that went through.
    pub succeeded: u64,
}

impl Health {
    fn add(&mut self, other: Self) {
        self.calls += other.calls;
        self.succeeded += other.succeeded;
    }
}

/// What is to be tried.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The seed of the run.
    pub seed: u64,
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
    /// Programs that were run.
    pub programs: u64,
    /// How often each call succeeded.
    pub syscalls: Vec<(Syscall, Health)>,
    /// How often loads and stores went through.
    pub accesses: Health,
    /// Findings, one for each broken clause and call, in the order of the
    /// programs in which they were first made.
    pub findings: Vec<Finding>,
    /// How long it took.
    pub elapsed: Duration,
}

impl Report {
    /// Calls and accesses in all.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.syscalls.iter().map(|(_, health)| health.calls).sum::<u64>() + self.accesses.calls
    }
}

/// Progress of a run, for whoever watches.
#[derive(Debug, Default)]
pub struct Progress {
    /// Programs that were run so far.
    pub programs: AtomicU64,
    /// Findings so far.
    pub findings: AtomicU64,
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

/// Findings by clause and call, the earliest program of each.
type Findings = BTreeMap<(String, String), Finding>;

struct Shared<'a, J> {
    plan: &'a Plan,
    progress: &'a Progress,
    started: Instant,
    next: AtomicU64,
    /// No program from here on is begun any more.
    end: AtomicU64,
    findings: Mutex<Findings>,
    new_judge: &'a (dyn Fn(&Environment) -> J + Sync),
}

/// Tries random programs.
///
/// # Errors
///
/// A backend would not start.
pub fn fuzz<J: Judge>(
    plan: &Plan,
    start: &Start<'_>,
    new_judge: &(dyn Fn(&Environment) -> J + Sync),
    progress: &Progress,
) -> Result<Report, StartError> {
    let shared = Shared {
        plan,
        progress,
        started: Instant::now(),
        next: AtomicU64::new(0),
        end: AtomicU64::new(plan.programs.unwrap_or(u64::MAX)),
        findings: Mutex::new(Findings::new()),
        new_judge,
    };
    let work = || shared.work(start);
    let jobs = plan.jobs.max(1);
    let parts: Vec<_> = std::thread::scope(|scope| {
        let others: Vec<_> = (1..jobs).map(|_| scope.spawn(work)).collect();
        let own = work();
        let joined = others.into_iter().map(|thread| match thread.join() {
            Ok(part) => part,
            Err(panic) => std::panic::resume_unwind(panic),
        });
        std::iter::once(own).chain(joined).collect()
    });
    let mut report = Report {
        programs: 0,
        syscalls: Syscall::ALL.iter().map(|syscall| (*syscall, Health::default())).collect(),
        accesses: Health::default(),
        findings: Vec::new(),
        elapsed: shared.started.elapsed(),
    };
    for part in parts {
        let part = part?;
        report.programs += part.programs;
        report.accesses.add(part.accesses);
        for ((_, health), other) in report.syscalls.iter_mut().zip(part.syscalls) {
            health.add(other);
        }
    }
    let findings = shared.findings.into_inner().unwrap_or_else(PoisonError::into_inner);
    report.findings = findings.into_values().collect();
    report.findings.sort_by_key(|finding| finding.number);
    if plan.stop_at_first {
        report.findings.truncate(1);
    }
    Ok(report)
}

/// What one thread counted.
struct Part {
    programs: u64,
    syscalls: Vec<Health>,
    accesses: Health,
}

impl Part {
    fn count(&mut self, action: &Action, outcome: &Outcome) {
        let health = match action {
            Action::Call(call) => &mut self.syscalls[call.syscall as usize],
            Action::Load { .. } | Action::Store { .. } => &mut self.accesses,
            Action::LimitMemory(_) | Action::FailAllocation(_) => return,
        };
        health.calls += 1;
        health.succeeded += u64::from(outcome.result == StepResult::Status(ZX_OK));
    }
}

impl<J: Judge> Shared<'_, J> {
    fn work(&self, start: &Start<'_>) -> Result<Part, StartError> {
        let backend = start()?;
        let mut runner = Runner::new(backend.as_ref())?;
        let mut part = Part {
            programs: 0,
            syscalls: vec![Health::default(); Syscall::ALL.len()],
            accesses: Health::default(),
        };
        loop {
            let first = self.next.fetch_add(BATCH, Ordering::Relaxed);
            for number in first..first.saturating_add(BATCH) {
                if number >= self.end.load(Ordering::Relaxed) {
                    return Ok(part);
                }
                let seed = seed_of(self.plan.seed, number);
                let program = generate::program(seed, &self.plan.profile);
                if let Some((broken, steps)) =
                    self.try_program(&mut runner, &program, Some(&mut part))
                {
                    self.note(&mut runner, program, broken, steps, number);
                }
                part.programs += 1;
            }
            self.progress.programs.fetch_add(BATCH, Ordering::Relaxed);
            let is_late = self.plan.time.is_some_and(|time| self.started.elapsed() >= time);
            if is_late || self.progress.stop.load(Ordering::Relaxed) {
                return Ok(part);
            }
        }
    }

    /// Runs a program; answers with what it broke and after how many steps.
    fn try_program(
        &self,
        runner: &mut Runner<'_>,
        program: &Program,
        mut part: Option<&mut Part>,
    ) -> Option<(Broken, usize)> {
        let mut judge = (self.new_judge)(runner.environment());
        let mut found = None;
        let result = runner.run(program, |index, outcome, facts| {
            let action = &program.steps[index].action;
            if let Some(part) = &mut part {
                part.count(action, outcome);
            }
            match judge.judge(action, outcome, facts) {
                Ok(()) => true,
                Err(broken) => {
                    found = Some((broken, index + 1));
                    false
                }
            }
        });
        match result {
            Ok(()) | Err(RunError::Unsupported(_)) => found,
            Err(error) => Some((
                Broken {
                    clause: "GEN-04".to_owned(),
                    call: "tester".to_owned(),
                    expected: "a program that can be run".to_owned(),
                    actual: error.to_string(),
                },
                program.steps.len(),
            )),
        }
    }

    fn note(
        &self,
        runner: &mut Runner<'_>,
        mut program: Program,
        broken: Broken,
        steps: usize,
        number: u64,
    ) {
        let key = (broken.clause.clone(), broken.call.clone());
        let is_earlier = {
            let findings = self.findings.lock().unwrap_or_else(PoisonError::into_inner);
            findings.get(&key).is_none_or(|known| number < known.number)
        };
        if self.plan.stop_at_first {
            // Programs before this one may still break something earlier.
            self.end.fetch_min(number, Ordering::Relaxed);
        }
        if !is_earlier {
            return;
        }
        program.steps.truncate(steps);
        let shrunk = shrink(&program, |candidate| {
            self.try_program(runner, candidate, None)
                .is_some_and(|(other, _)| (&other.clause, &other.call) == (&key.0, &key.1))
        });
        let broken = self.try_program(runner, &shrunk, None).map_or(broken, |(broken, _)| broken);
        let finding = Finding { broken, found: program, shrunk, number };
        let mut findings = self.findings.lock().unwrap_or_else(PoisonError::into_inner);
        let known = findings.get(&key).map(|known| known.number);
        if known.is_none_or(|known| number < known) {
            findings.insert(key, finding);
            let count = findings.len() as u64;
            self.progress.findings.store(count, Ordering::Relaxed);
        }
    }
}
