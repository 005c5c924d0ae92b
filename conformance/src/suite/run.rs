//! Runs tests, each against a fresh backend.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use vmo_abi::{Backend, Capabilities, Capability, LossKind};

use super::answer::Failure;
use super::context::{Context, Finished, Side};
use super::{Suite, Test};
use crate::backends::StartError;
use crate::level::Level;
use crate::oracle::Violation;
use crate::parallel::on_threads;
use crate::program::Program;
use crate::runner::RunError;

/// How a test came out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CaseVerdict {
    /// Everything was as expected.
    Pass,
    /// Something was not.
    Fail {
        /// Index of the step in the recorded program, if it was one step.
        step: Option<usize>,
        /// What was expected.
        expected: String,
        /// What was seen.
        actual: String,
    },
    /// The backend does not offer what the test needs.
    Unsupported(String),
    /// The test is not run unless it is asked for, as a real kernel may not
    /// survive it.
    Hazard,
    /// The backend panicked, or its process ended.
    Crash(String),
    /// The backend did not answer in time.
    Timeout(String),
    /// What the backend answered was no answer.
    Protocol(String),
    /// The tester's own fault.
    Broken(String),
}

/// How a test came out, and what was done in it.
#[derive(Clone, Debug)]
pub struct CaseReport {
    /// How it came out.
    pub verdict: CaseVerdict,
    /// What was done, with what came of each step.
    pub program: Program,
    /// The sides of conflicts that the backend took.
    pub sides: Vec<(&'static str, Side)>,
    /// The first step that the oracle does not allow, and why.
    pub violation: Option<(usize, Violation)>,
    /// How long it took, with the start of the backend; 0 if it was run alone.
    pub elapsed: Duration,
}

impl CaseReport {
    /// The report of a test in which nothing was done.
    fn of(verdict: CaseVerdict) -> Self {
        Self {
            verdict,
            program: Program::default(),
            sides: Vec::new(),
            violation: None,
            elapsed: Duration::ZERO,
        }
    }
}

/// Starts fresh backends.
pub type Start<'s> = dyn Fn() -> Result<Box<dyn Backend>, StartError> + Sync + 's;

/// What the tests of a run have in common.
#[derive(Clone, Copy, Debug)]
pub struct CaseOptions {
    /// What the backend is held to.
    pub level: Level,
    /// Whether tests that a real kernel may not survive are run.
    pub include_hazards: bool,
}

impl Test {
    /// The first capability that the test needs and a backend does not offer.
    #[must_use]
    pub fn missing(&self, offered: Capabilities) -> Option<Capability> {
        let needs = self.needs.with(Capability::Vmo);
        needs.iter().find(|needed| !offered.contains(*needed))
    }
}

/// Runs one test against a backend that nothing was done with before.
pub fn run_case(test: &Test, backend: &dyn Backend, options: CaseOptions) -> CaseReport {
    if test.hazard && !options.include_hazards {
        return CaseReport::of(CaseVerdict::Hazard);
    }
    let started = catch_unwind(AssertUnwindSafe(|| {
        let offered = backend.environment().capabilities;
        (offered, Context::new(backend, test, options.level))
    }));
    let (offered, context) = match started {
        Ok(started) => started,
        Err(panic) => return CaseReport::of(CaseVerdict::Crash(panic_text(panic.as_ref()))),
    };
    if let Some(missing) = test.missing(offered) {
        return CaseReport::of(CaseVerdict::Unsupported(missing.name().to_owned()));
    }
    let mut context = match context {
        Ok(context) => context,
        Err(error) => return CaseReport::of(verdict_of(error, offered)),
    };
    let result = catch_unwind(AssertUnwindSafe(|| (test.body)(&mut context)));
    let mut verdict = match result {
        Ok(Ok(())) => CaseVerdict::Pass,
        Ok(Err(Failure::Expectation { step, expected, actual })) => {
            CaseVerdict::Fail { step, expected, actual }
        }
        Ok(Err(Failure::CannotRun(error))) => verdict_of(error, offered),
        Err(panic) => CaseVerdict::Crash(panic_text(panic.as_ref())),
    };
    let cleaned = catch_unwind(AssertUnwindSafe(|| {
        context.clean_up();
        context.runner.check_alive()
    }));
    match cleaned {
        // Whatever a test makes of the answers of a backend that is gone.
        Ok(Err(error)) => verdict = verdict_of(error, offered),
        Err(panic) if verdict == CaseVerdict::Pass => {
            verdict = CaseVerdict::Crash(panic_text(panic.as_ref()));
        }
        _ => {}
    }
    let Finished { program, sides, violation } = context.finish();
    if let (CaseVerdict::Pass, Some((step, violation))) = (&verdict, &violation) {
        verdict = CaseVerdict::Fail {
            step: Some(*step),
            expected: violation.expected.clone(),
            actual: violation.actual.clone(),
        };
    }
    CaseReport { verdict, program, sides, violation, elapsed: Duration::ZERO }
}

/// How a test came out that could not be run to its end on a backend with these
/// claims: what is claimed and missing is a failure.
fn verdict_of(error: RunError, offered: Capabilities) -> CaseVerdict {
    let actual = error.to_string();
    let fail =
        |expected: String| CaseVerdict::Fail { step: None, expected, actual: actual.clone() };
    match error {
        RunError::Unsupported(missing) if offered.contains(missing) => {
            fail(format!("`{}`, as the backend claims", missing.name()))
        }
        RunError::Unsupported(missing) => {
            let name = missing.name();
            CaseVerdict::Broken(format!("the test needs `{name}` and does not say so"))
        }
        RunError::NoSuchAddress(_) | RunError::NoSuchHandle(_) | RunError::DataTooLong { .. } => {
            CaseVerdict::Unsupported(actual)
        }
        RunError::Lost { kind: LossKind::Crash, detail } => CaseVerdict::Crash(detail),
        RunError::Lost { kind: LossKind::Timeout, detail } => CaseVerdict::Timeout(detail),
        RunError::Lost { kind: LossKind::Protocol, detail } => CaseVerdict::Protocol(detail),
        RunError::NoRegion(_) => fail("a region, as the backend claims".to_owned()),
        RunError::ArenaTooSmall { .. } | RunError::ArenaFault(_) => {
            fail("an arena of 16 pages or more that can be read and written".to_owned())
        }
    }
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a panic without a message".to_owned())
}

/// Runs tests on `jobs` threads, each test against a fresh backend, and answers
/// with a report of each, in order.
///
/// # Errors
///
/// The first backend would not start.
pub fn run_cases(
    tests: &[&Test],
    options: CaseOptions,
    jobs: usize,
    start: &Start<'_>,
) -> Result<Vec<CaseReport>, StartError> {
    run_cases_told(tests, options, jobs, start, &|_, _| {})
}

/// As [`run_cases`]; `judged` is told the index and the report of each test as
/// soon as it is over, on the thread that ran it.
///
/// # Errors
///
/// The first backend would not start.
pub fn run_cases_told(
    tests: &[&Test],
    options: CaseOptions,
    jobs: usize,
    start: &Start<'_>,
    judged: &(dyn Fn(usize, &CaseReport) + Sync),
) -> Result<Vec<CaseReport>, StartError> {
    if !tests.is_empty() {
        // One that cannot be started is told of once and not by every thread.
        drop(start()?);
    }
    let next = AtomicUsize::new(0);
    let work = || -> Result<Vec<(usize, CaseReport)>, StartError> {
        let mut done = Vec::new();
        loop {
            let turn = next.fetch_add(1, Ordering::Relaxed);
            let Some(index) = in_turn(turn, tests.len()) else { return Ok(done) };
            let test = tests[index];
            let started = Instant::now();
            let mut report = match start() {
                Ok(backend) => run_case(test, backend.as_ref(), options),
                // What was judged so far is not given up for it.
                Err(error) => CaseReport::of(CaseVerdict::Crash(error.to_string())),
            };
            report.elapsed = started.elapsed();
            judged(index, &report);
            done.push((index, report));
        }
    };
    let jobs = jobs.clamp(1, tests.len().max(1));
    on_threads(jobs, work)
}

/// The test of `count` that is run in this turn. Neighbours are run far apart,
/// so that not every thread comes to tests that just wait at the same time.
fn in_turn(turn: usize, count: usize) -> Option<usize> {
    /// A prime, and so a stride that comes to every test, unless it divides
    /// their number.
    const STRIDE: usize = 7919;
    let stride = if count.is_multiple_of(STRIDE) { 1 } else { STRIDE };
    (turn < count).then(|| turn * stride % count)
}

impl Suite {
    /// The tests that are run at a level: those whose clauses are demanded
    /// there.
    pub fn at_level(&self, level: Level) -> impl Iterator<Item = &Test> {
        self.tests().iter().filter(move |test| test.level <= level)
    }
}
