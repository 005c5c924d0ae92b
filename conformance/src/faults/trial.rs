//! The suite against wrong backends.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use vmo_abi::{Capability, Syscall};

use super::faulty::{Event, Faulty};
use super::hook::Fault;
use crate::backends::StartError;
use crate::level::Level;
use crate::parallel::on_threads;
use crate::program::Action;
use crate::suite::{CaseOptions, CaseReport, CaseVerdict, Suite, Test, run_case};

/// Tests that a thread takes at a time.
const BATCH: usize = 32;

/// A test that did not pass, and how it came out.
#[derive(Clone, Debug)]
pub struct Failed<'s> {
    /// The test.
    pub test: &'s Test,
    /// How it came out.
    pub verdict: CaseVerdict,
    /// The clause that the oracle found to be broken.
    pub broken: Option<&'static str>,
}

impl<'s> Failed<'s> {
    fn new(test: &'s Test, report: CaseReport) -> Option<Self> {
        let verdict = report.verdict;
        let broken = report.violation.map(|(_, violation)| violation.clause);
        is_a_failure(&verdict).then_some(Self { test, verdict, broken })
    }

    /// Whether the test found something wrong, and was not just stopped by it.
    fn is_a_find(&self) -> bool {
        matches!(self.verdict, CaseVerdict::Fail { .. })
    }

    fn is_about(&self, fault: &Fault) -> bool {
        names_clause_of(self.test, fault)
            || self.broken.is_some_and(|broken| fault.clauses.contains(&broken))
    }
}

fn names_clause_of(test: &Test, fault: &Fault) -> bool {
    test.clauses.iter().any(|clause| fault.clauses.contains(clause))
}

/// What the suite made of a fault.
#[derive(Clone, Debug)]
pub struct Trial<'s> {
    /// The fault.
    pub fault: &'static Fault,
    /// The tests that did not pass, in the order of the suite.
    pub failed: Vec<Failed<'s>>,
}

impl<'s> Trial<'s> {
    /// The tests that found the fault, in the order of the suite. A test that
    /// crashed or broke is not among them.
    pub fn finders(&self) -> impl Iterator<Item = &'s Test> {
        self.failed.iter().filter(|failed| failed.is_a_find()).map(|failed| failed.test)
    }

    /// The tests that found the fault and name a clause that it breaks, or whose
    /// calls the oracle finds to break one.
    pub fn right_finders(&self) -> impl Iterator<Item = &'s Test> {
        let fault = self.fault;
        let right = self.failed.iter().filter(move |failed| failed.is_about(fault));
        right.filter(|failed| failed.is_a_find()).map(|failed| failed.test)
    }

    /// Whether any test found the fault.
    #[must_use]
    pub fn is_killed(&self) -> bool {
        self.finders().next().is_some()
    }

    /// Whether a test found the fault that names a clause that it breaks.
    #[must_use]
    pub fn is_killed_for_the_right_clause(&self) -> bool {
        self.right_finders().next().is_some()
    }
}

/// A test with the calls that it did on the right backend.
struct Watched<'s> {
    test: &'s Test,
    events: Vec<Event>,
    /// The bits of the calls among the events.
    calls: u64,
}

impl Watched<'_> {
    /// Whether a fault can show in the test: up to the first call in which it
    /// could, a wrong backend does what the right one did.
    fn is_touched_by(&self, fault: &Fault) -> bool {
        fault.hook.touched_calls() & self.calls != 0
            && self.events.iter().any(|event| fault.hook.touches(event))
    }
}

/// The suite, ready to be run against faults.
pub struct Trials<'s> {
    options: CaseOptions,
    tests: Vec<Watched<'s>>,
    failed: Vec<Failed<'s>>,
}

impl<'s> Trials<'s> {
    /// Runs the suite against the reference without a fault, and notes what
    /// each test does.
    ///
    /// # Errors
    ///
    /// The reference would not start.
    pub fn new(suite: &'s Suite, level: Level, jobs: usize) -> Result<Self, StartError> {
        // The reference survives everything.
        let options = CaseOptions { level, include_hazards: true };
        let tests: Vec<_> = suite.at_level(level).collect();
        let next = AtomicUsize::new(0);
        let watched = on_threads(jobs, || {
            let mut done = Vec::new();
            loop {
                let index = next.fetch_add(1, Ordering::Relaxed);
                let Some(test) = tests.get(index) else { return Ok::<_, StartError>(done) };
                done.push((index, watch(test, options)?));
            }
        })?;
        let mut trials = Self { options, tests: Vec::new(), failed: Vec::new() };
        for (watched, report) in watched {
            trials.failed.extend(Failed::new(watched.test, report));
            trials.tests.push(watched);
        }
        Ok(trials)
    }

    /// The tests that do not pass without a fault.
    #[must_use]
    pub fn failed_without_a_fault(&self) -> &[Failed<'s>] {
        &self.failed
    }

    /// Runs the suite against faults, on `jobs` threads, and answers with a
    /// trial of each, in order.
    ///
    /// Tests that a fault cannot show in are left out; they pass.
    ///
    /// # Errors
    ///
    /// The reference would not start.
    pub fn run(
        &self,
        faults: &[&'static Fault],
        jobs: usize,
    ) -> Result<Vec<Trial<'s>>, StartError> {
        let mut runs = Vec::new();
        for (nth, fault) in faults.iter().enumerate() {
            let touched = self.tests.iter().filter(|test| test.is_touched_by(fault));
            runs.extend(touched.map(|test| (nth, test.test)));
        }
        let next = AtomicUsize::new(0);
        let failed = on_threads(jobs, || {
            let mut failed = Vec::new();
            loop {
                let first = next.fetch_add(BATCH, Ordering::Relaxed);
                if first >= runs.len() {
                    return Ok::<_, StartError>(failed);
                }
                let last = (first + BATCH).min(runs.len());
                for (index, (nth, test)) in (first..).zip(&runs[first..last]) {
                    let report = self.report(test, faults[*nth])?;
                    failed.extend(Failed::new(test, report).map(|one| (index, (*nth, one))));
                }
            }
        })?;
        let empty = |fault: &&'static Fault| Trial { fault, failed: Vec::new() };
        let mut trials: Vec<_> = faults.iter().map(empty).collect();
        for (nth, failed) in failed {
            trials[nth].failed.push(failed);
        }
        Ok(trials)
    }

    /// The first test that finds a fault and names a clause that it breaks.
    ///
    /// # Errors
    ///
    /// The reference would not start.
    pub fn first_right_finder(
        &self,
        fault: &'static Fault,
    ) -> Result<Option<&'s Test>, StartError> {
        for watched in &self.tests {
            if names_clause_of(watched.test, fault)
                && watched.is_touched_by(fault)
                && matches!(self.report(watched.test, fault)?.verdict, CaseVerdict::Fail { .. })
            {
                return Ok(Some(watched.test));
            }
        }
        Ok(None)
    }

    fn report(&self, test: &Test, fault: &'static Fault) -> Result<CaseReport, StartError> {
        let backend = Faulty::reference(Some(fault))?;
        Ok(run_case(test, &backend, self.options))
    }
}

/// Runs a test against the right backend and notes what it does.
fn watch(test: &Test, options: CaseOptions) -> Result<(Watched<'_>, CaseReport), StartError> {
    let record = Arc::new(Mutex::new(Vec::new()));
    let backend = Faulty::reference(None)?.recorded_in(Arc::clone(&record));
    let report = run_case(test, &backend, options);
    let mut events = std::mem::take(&mut *record.lock().unwrap_or_else(PoisonError::into_inner));
    // What takes the leftovers of a test away is judged by nobody. A test that
    // needs threads may do calls that are not in its program.
    if !test.needs.contains(Capability::Threads) {
        for call in [Syscall::handle_close, Syscall::vmar_unmap] {
            if !does(&report, call) {
                events.retain(|event| event.call != call);
            }
        }
    }
    let calls = events.iter().fold(0, |calls, event| calls | 1 << event.call as u64);
    Ok((Watched { test, events, calls }, report))
}

/// Whether a call is a step of what was done in a test.
fn does(report: &CaseReport, wanted: Syscall) -> bool {
    report.program.steps.iter().any(|step| match &step.action {
        Action::Call(call) => call.syscall == wanted,
        _ => false,
    })
}

fn is_a_failure(verdict: &CaseVerdict) -> bool {
    !matches!(verdict, CaseVerdict::Pass | CaseVerdict::Unsupported(_) | CaseVerdict::Hazard)
}
