//! What was found, and making it short.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use vmo_abi::{ZX_ERR_NO_MEMORY, ZX_ERR_NO_RESOURCES};

use crate::backends::StartError;
use crate::level::Level;
use crate::oracle::{Oracle, Violation};
use crate::program::Program;
use crate::runner::{RunError, Runner};
use crate::shrink::shrink;
use crate::suite::Start;

/// A way in which a backend breaks the contract.
#[derive(Clone, Debug)]
pub struct Finding {
    /// What is broken, as the shrunk program shows it.
    pub violation: Violation,
    /// The program that was found, up to the call that broke the clause.
    pub found: Program,
    /// The shortest program that was made of it.
    pub shrunk: Program,
    /// Whether the program breaks the clause on a backend that nothing was done
    /// with before. If not, it needs the programs that were run before it, and
    /// could not be shrunk.
    pub stands_alone: bool,
    /// The number of the program in the run.
    pub number: u64,
    /// Calls of the run that were judged before the clause was broken, those of
    /// the programs with smaller numbers included.
    pub calls: u64,
    /// How long the run had taken when the clause was broken.
    pub elapsed: Duration,
}

/// A broken clause together with the call that broke it: two findings that
/// agree in both count as one.
pub(super) type Key = (&'static str, &'static str);

/// What findings are told apart by.
pub(super) fn key(violation: &Violation) -> Key {
    (violation.clause, violation.call)
}

/// A violation as a run comes upon it.
pub(super) struct Raw {
    pub(super) violation: Violation,
    /// The program up to the call that broke the clause.
    pub(super) program: Program,
    pub(super) number: u64,
    /// Calls since the beginning of the batch.
    pub(super) calls: u64,
    pub(super) elapsed: Duration,
}

/// What a backend did wrong that is no outcome of a judged step; `during` is the
/// call that was made last.
pub(crate) fn unusable(error: &RunError, during: &'static str) -> Option<Violation> {
    let (call, expected) = match error {
        // These are limits of the tester or of what the backend offers.
        RunError::ArenaTooSmall { .. }
        | RunError::Unsupported(_)
        | RunError::NoSuchAddress(_)
        | RunError::NoSuchHandle(_)
        | RunError::DataTooLong { .. }
        | RunError::NoRegion(ZX_ERR_NO_MEMORY | ZX_ERR_NO_RESOURCES) => return None,
        RunError::NoRegion(_) => ("vmar_allocate", "a region in the root region"),
        RunError::ArenaFault(_) => ("load", "an arena that can be accessed"),
        RunError::Lost { .. } => (during, "an answer to every call"),
    };
    let expected = expected.to_owned();
    Some(Violation { clause: "GEN-04", call, expected, actual: error.to_string() })
}

/// A backend that panicked.
pub(super) fn crash(panic: &(dyn std::any::Any + Send), call: &'static str) -> Violation {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    Violation {
        clause: "GEN-04",
        call,
        expected: "success or a negative status".to_owned(),
        actual: format!("a crash: {}", text.as_deref().unwrap_or("a panic without a message")),
    }
}

/// Runs a program on a backend that nothing was done with before, and answers
/// with what it breaks.
///
/// # Errors
///
/// The backend would not start.
pub fn violation_of(
    start: &Start<'_>,
    level: Level,
    program: &Program,
) -> Result<Option<Violation>, StartError> {
    let backend = start()?;
    let mut call = program.steps.first().map_or("", |step| step.action.name());
    let result = catch_unwind(AssertUnwindSafe(|| {
        let mut runner = Runner::new(backend.as_ref())?;
        let mut oracle = Oracle::new(runner.environment(), level);
        let mut found = None;
        let result = runner.run(program, |index, outcome, facts| {
            let action = &program.steps[index].action;
            call = program.steps.get(index + 1).map_or("", |step| step.action.name());
            found = oracle.observe(action, outcome, facts).err();
            found.is_none()
        });
        match result {
            Ok(()) => Ok(found),
            Err(error) => Ok::<_, RunError>(unusable(&error, call)),
        }
    }));
    match result {
        Ok(found) => Ok(found?),
        Err(panic) => Ok(Some(crash(panic.as_ref(), call))),
    }
}

impl Finding {
    /// Makes the program of a violation as short as it can be.
    ///
    /// # Errors
    ///
    /// The backend would not start any more.
    pub(super) fn of(
        raw: Raw,
        calls_before: u64,
        start: &Start<'_>,
        level: Level,
    ) -> Result<Self, StartError> {
        let wanted = key(&raw.violation);
        let mut failed = None;
        let mut breaks = |program: &Program| match violation_of(start, level, program) {
            Ok(found) => found.filter(|violation| key(violation) == wanted),
            Err(error) => {
                failed = Some(error);
                None
            }
        };
        let mut finding = Self {
            violation: raw.violation,
            shrunk: raw.program.clone(),
            found: raw.program,
            stands_alone: false,
            number: raw.number,
            calls: calls_before + raw.calls,
            elapsed: raw.elapsed,
        };
        if breaks(&finding.found).is_some() {
            finding.shrunk = shrink(&finding.found, |program| breaks(program).is_some());
            if let Some(violation) = breaks(&finding.shrunk) {
                finding.violation = violation;
                finding.stands_alone = true;
            }
        }
        match failed {
            Some(error) => Err(error),
            None => Ok(finding),
        }
    }
}
