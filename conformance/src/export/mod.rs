//! Writes programs for people to run again: as text, as a Rust test, and as a
//! C program for Zircon.
//!
//! All three say which clause is broken, in the words of the ledger, what was
//! expected and what came instead.

mod allowed;
mod c;
mod expected;
mod headers;
mod rust;
mod text;

use std::fmt;

use crate::backends::StartError;
use crate::level::Level;
use crate::oracle::Violation;
use crate::program::Program;
use crate::runner::RunError;

pub use c::INCONCLUSIVE;
pub use headers::{Header, headers};

/// The form in which a program is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// The text form, with comments.
    Vmo,
    /// A file of `tests/` with one test.
    Rust,
    /// A C program that includes `<zircon/syscalls.h>`.
    C,
}

impl Form {
    /// Every form.
    pub const ALL: [Self; 3] = [Self::Vmo, Self::Rust, Self::C];

    /// The name used on the command line, which is also the usual ending of a
    /// file.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Vmo => "vmo",
            Self::Rust => "rust",
            Self::C => "c",
        }
    }
}

/// Why a program cannot be written in a form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExportError {
    /// The program has no steps.
    Empty,
    /// A step, counted from 1, does what no program of this form can do.
    NotExpressible {
        /// The step.
        step: usize,
        /// What it does.
        what: &'static str,
    },
    /// What is wrong shows in a fault that should be and is not; a C program
    /// does not survive a fault.
    ExpectsFault {
        /// The step, counted from 1.
        step: usize,
    },
    /// What breaks the clause is nothing that a call stores or returns.
    NotVisible {
        /// The clause.
        clause: String,
    },
    /// The program cannot be run on the reference, which shows what is right.
    Run(RunError),
    /// The reference, which shows what is right, would not start.
    Start(StartError),
}

impl fmt::Display for ExportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("the program has no steps"),
            Self::NotExpressible { step, what } => {
                write!(f, "step {step} {what}, which a C program cannot")
            }
            Self::ExpectsFault { step } => write!(
                f,
                "step {step} is an access that has to fault, which a C program does not survive"
            ),
            Self::NotVisible { clause } => {
                write!(f, "no single result of a call shows a C program that {clause} is broken")
            }
            Self::Run(error) => write!(f, "the program cannot be run on the reference: {error}"),
            Self::Start(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for ExportError {}

impl From<RunError> for ExportError {
    fn from(error: RunError) -> Self {
        Self::Run(error)
    }
}

impl From<StartError> for ExportError {
    fn from(error: StartError) -> Self {
        Self::Start(error)
    }
}

/// Writes a program that breaks a clause at its last step, or one that breaks
/// none: then it holds a backend to what the oracle allows and to what the
/// program itself expects.
///
/// # Errors
///
/// The program cannot be written in this form.
pub fn export(
    program: &Program,
    finding: Option<&Violation>,
    level: Level,
    form: Form,
) -> Result<String, ExportError> {
    if program.steps.is_empty() {
        return Err(ExportError::Empty);
    }
    match form {
        Form::Vmo => Ok(text::export(program, finding, level)),
        Form::Rust => Ok(rust::export(program, finding, level)),
        Form::C => c::export(program, finding, level),
    }
}
