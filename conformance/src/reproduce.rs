//! Runs a program once and judges it by everything there is: the oracle, and
//! what the program itself expects.
//!
//! A program that was found to break something is reported together with what
//! it breaks; the tests that [`export`](crate::export) writes in Rust call
//! [`reproduce`].

use std::fmt;

use vmo_abi::Backend;

use crate::fuzz::unusable;
use crate::ledger::clause_of;
use crate::level::Level;
use crate::oracle::{Oracle, Violation};
use crate::program::{Action, Program, SyntaxError, parse};
use crate::replay::{Mismatch, compare, may_be_a_choice};
use crate::runner::{RunError, Runner};

/// What a step did wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wrong {
    /// It broke a clause, says the oracle.
    Clause(Violation),
    /// It came out otherwise than the program expects.
    Expectation {
        /// The call without `zx_`, or `load` or `store`.
        call: &'static str,
        /// What was different.
        mismatch: Mismatch,
    },
}

impl Wrong {
    /// Whether the other is the same mistake: the same clause at the same call,
    /// or the same result of the same call.
    #[must_use]
    pub fn is_like(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Clause(one), Self::Clause(other)) => {
                (one.clause, one.call) == (other.clause, other.call)
            }
            (
                Self::Expectation { call, mismatch },
                Self::Expectation { call: other_call, mismatch: other },
            ) => (call, mismatch.what) == (other_call, other.what),
            _ => false,
        }
    }

    /// The call without `zx_`, or `load` or `store`.
    #[must_use]
    pub fn call(&self) -> &'static str {
        match self {
            Self::Clause(violation) => violation.call,
            Self::Expectation { call, .. } => call,
        }
    }

    /// The broken clause as a violation. What a program expects by itself is
    /// no clause.
    #[must_use]
    pub fn violation(&self) -> Option<&Violation> {
        match self {
            Self::Clause(violation) => Some(violation),
            Self::Expectation { .. } => None,
        }
    }
}

/// A step of a program that did something wrong. The steps after it were not
/// run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Index of the step.
    pub step: usize,
    /// What it did wrong.
    pub wrong: Wrong,
}

/// The name of what a step does: a call's without `zx_`.
#[must_use]
pub fn action_name(action: &Action) -> &'static str {
    match action {
        Action::Call(call) => call.syscall.name(),
        Action::Load { .. } => "load",
        Action::Store { .. } => "store",
        Action::LimitMemory(_) => "limit_memory",
        Action::FailAllocation(_) => "fail_allocation",
    }
}

/// Runs a program up to the first step that breaks a clause or comes out
/// otherwise than expected, and answers with that step.
///
/// # Errors
///
/// The program cannot be run on this backend. That the backend is lost counts as
/// a wrong step.
pub fn first_wrong_step(
    runner: &mut Runner<'_>,
    program: &Program,
    level: Level,
) -> Result<Option<Finding>, RunError> {
    let mut oracle = Oracle::new(runner.environment(), level);
    let (mut found, mut done) = (None, 0);
    let ran = runner.run(program, |step, outcome, facts| {
        done = step + 1;
        let action = &program.steps[step].action;
        let judged = oracle.observe(action, outcome, facts);
        let expected = &program.steps[step].expected;
        let mismatch = expected.as_ref().and_then(|e| compare(action, e, outcome, facts).err());
        let wrong = match (judged, mismatch) {
            (Err(violation), _) => Some(Wrong::Clause(violation)),
            (Ok(()), Some(mismatch)) => {
                if level != Level::Kernel && may_be_a_choice(program, step, outcome, &mismatch) {
                    // The steps after it depend on it.
                    return false;
                }
                Some(Wrong::Expectation { call: action_name(action), mismatch })
            }
            (Ok(()), None) => None,
        };
        found = wrong.map(|wrong| Finding { step, wrong });
        found.is_none()
    });
    match ran {
        Ok(()) => Ok(found),
        Err(error @ RunError::Lost { .. }) => {
            let during = program.steps.get(done).map_or("", |step| action_name(&step.action));
            let wrong = unusable(&error, during).map(Wrong::Clause);
            Ok(wrong.map(|wrong| Finding { step: done, wrong }))
        }
        Err(error) => Err(error),
    }
}

/// Why a reproducer did not pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The text is no program.
    Syntax(SyntaxError),
    /// A program cannot be run on the backend.
    Run {
        /// The program's name.
        program: String,
        /// Why.
        error: RunError,
    },
    /// The backend does something wrong.
    Wrong {
        /// The program, with the steps that were run.
        program: Box<Program>,
        /// What it does wrong, at the last of these steps.
        finding: Box<Finding>,
    },
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Syntax(error) => error.fmt(f),
            Self::Run { program, error } => write!(f, "{program} cannot be run: {error}"),
            Self::Wrong { program, finding } => write_wrong(f, program, finding),
        }
    }
}

impl std::error::Error for Failure {}

fn write_wrong(f: &mut fmt::Formatter<'_>, program: &Program, finding: &Finding) -> fmt::Result {
    match &finding.wrong {
        Wrong::Clause(Violation { clause, call, .. }) => {
            write!(f, "{call} breaks {clause}")?;
            if let Some(known) = clause_of(clause) {
                write!(f, ": {}", known.text)?;
            }
            writeln!(f)?;
        }
        Wrong::Expectation { call, .. } => writeln!(f, "{call} does not do what is expected")?,
    }
    for index in 0..=finding.step.min(program.steps.len().saturating_sub(1)) {
        writeln!(f, "  {:>4}  {}", index + 1, program.step_text(index))?;
    }
    match &finding.wrong {
        Wrong::Clause(Violation { expected, actual, .. }) => {
            writeln!(f, "  expected  {expected}")?;
            write!(f, "  actual    {actual}")
        }
        Wrong::Expectation { mismatch, .. } => {
            writeln!(f, "  expected  {} {}", mismatch.what, mismatch.expected)?;
            write!(f, "  actual    {} {}", mismatch.what, mismatch.actual)
        }
    }
}

/// Runs the programs of a text against a backend, and judges every step by the
/// contract and by what the text expects.
///
/// # Errors
///
/// The first step that is wrong, or why there is nothing to judge.
pub fn reproduce(backend: &dyn Backend, level: Level, text: &str) -> Result<(), Failure> {
    let programs = parse("reproducer", text).map_err(Failure::Syntax)?;
    for mut program in programs {
        let failed = |error| Failure::Run { program: program.name.clone(), error };
        let mut runner = Runner::new(backend).map_err(failed)?;
        let found = first_wrong_step(&mut runner, &program, level).map_err(failed)?;
        if let Some(finding) = found {
            program.steps.truncate(finding.step + 1);
            return Err(Failure::Wrong { program: Box::new(program), finding: Box::new(finding) });
        }
    }
    Ok(())
}

#[cfg(all(test, feature = "reference"))]
mod tests {
    use super::*;
    use crate::backends::named;

    const TEXT: &str = "program x\n  v0 = vmo_create(size=0x1001, options=0)\n  \
                        vmo_get_size(handle=v0)\n";

    fn failure(backend: &str, text: &str) -> Option<String> {
        let backend = named(backend).expect("it is known").start().expect("it starts");
        reproduce(backend.as_ref(), Level::Page, text).err().map(|failure| failure.to_string())
    }

    #[test]
    fn a_wrong_backend_is_told_the_clause_and_the_calls() {
        assert_eq!(failure("reference", TEXT), None);
        let words = failure("fault:create_rounds_size_down", TEXT).expect("it is wrong");
        assert!(words.starts_with("vmo_get_size breaks VMO-CREATE-03: vmo_get_size"), "{words}");
        assert!(words.contains("     2  vmo_get_size(handle=v0)\n  expected  "), "{words}");
    }

    #[test]
    fn what_the_text_expects_counts_too() {
        let text = TEXT.replace("handle=v0)", "handle=v0) -> OK size=0x1000");
        let words = failure("reference", &text).expect("it is wrong");
        assert!(words.contains("expected  size 0x1000\n  actual    size 0x2000"), "{words}");
    }

    #[test]
    fn what_is_no_program_is_no_pass() {
        assert!(failure("reference", "once upon a time\n").is_some());
    }
}
