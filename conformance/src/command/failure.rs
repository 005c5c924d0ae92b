//! Why a command could not do its work.

use std::path::PathBuf;
use std::{fmt, io};

use super::exit::Exit;
use super::reports::ReportError;
use super::source::SourceError;
use crate::backends::{StartError, UnknownBackend};
use crate::enumerate::{EnumerateError, UNIVERSES};
use crate::expectations::ExpectationsError;
use crate::export::ExportError;
use crate::level::Level;
use crate::report::{MergeError, ReadError, RenderError};
use crate::runner::RunError;
use crate::starter::InitError;

#[derive(Debug)]
pub(super) enum Failure {
    Source(SourceError),
    UnknownBackend(UnknownBackend),
    /// Nothing has this name.
    NoSuchName(String),
    /// No fault has this name.
    NoSuchFault(String),
    UnknownCall(String),
    UnknownClause(String),
    /// A file has no programs.
    NoProgram(PathBuf),
    /// No program of a file has this name.
    NoSuchProgram {
        name: String,
        file: PathBuf,
    },
    /// A file has several programs where one is wanted.
    SeveralPrograms {
        file: PathBuf,
        count: usize,
    },
    /// A program cannot be run on the backend.
    CannotRun {
        program: String,
        error: RunError,
    },
    /// No program of a file fails.
    NothingFails {
        file: PathBuf,
        backend: String,
        level: Level,
    },
    /// A program cannot be written in a form.
    Export(ExportError),
    /// A file cannot be written.
    Unwritable {
        path: PathBuf,
        error: io::Error,
    },
    UnknownUniverse(String),
    /// Programs cannot be enumerated.
    Enumerate(EnumerateError),
    Start(StartError),
    /// Findings cannot be written to a folder.
    FindingsUnwritable {
        path: PathBuf,
        error: io::Error,
        /// Findings of the run, which were printed.
        findings: usize,
    },
    /// A report cannot be read.
    Read(ReadError),
    /// A file of expectations cannot be used.
    Expectations(ExpectationsError),
    /// A report cannot be written in a form.
    Render(RenderError),
    /// Reports do not belong together.
    Merge(MergeError),
    /// The report cannot be written to files; it was printed.
    Reports(Vec<ReportError>),
    Output(io::Error),
    /// Nothing could be started.
    Init(InitError),
}

impl Failure {
    pub(super) fn exit(&self) -> Exit {
        match self {
            Self::Start(_) | Self::Enumerate(EnumerateError::Start(_)) => Exit::NotStarted,
            _ => Exit::Usage,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Source(error) => error.fmt(f),
            Self::UnknownBackend(error) => error.fmt(f),
            Self::NoSuchName(name) => {
                write!(
                    f,
                    "nothing is called `{name}`; `vmo-conformance run --list` prints the names"
                )
            }
            Self::NoSuchFault(name) => {
                write!(f, "no fault is called `{name}`; `vmo-conformance faults --list` lists them")
            }
            Self::UnknownCall(name) => {
                write!(f, "unknown call `{name}`; names are those of Zircon without `zx_`")
            }
            Self::UnknownClause(id) => {
                write!(f, "unknown clause `{id}`; `vmo-conformance clauses` lists them")
            }
            Self::NoProgram(file) => write!(f, "{}: there is no program in it", file.display()),
            Self::NoSuchProgram { name, file } => {
                write!(f, "{}: no program is called `{name}`", file.display())
            }
            Self::SeveralPrograms { file, count } => write!(
                f,
                "{}: {count} programs, and this form holds one; choose with --only NAME",
                file.display()
            ),
            Self::CannotRun { program, error } => write!(f, "{program} cannot be run: {error}"),
            Self::NothingFails { file, backend, level } => write!(
                f,
                "{}: nothing to minimize, as no program fails against `{backend}` at level {}",
                file.display(),
                level.name()
            ),
            Self::Export(error) => error.fmt(f),
            Self::Unwritable { path, error } => {
                write!(f, "{} cannot be written: {error}", path.display())
            }
            Self::UnknownUniverse(name) => {
                let known: Vec<_> = UNIVERSES.iter().map(|(known, _)| *known).collect();
                write!(f, "unknown universe `{name}`: known are {}", known.join(", "))
            }
            Self::Enumerate(error) => error.fmt(f),
            Self::Start(error) => error.fmt(f),
            Self::FindingsUnwritable { path, error, findings } => {
                write!(f, "findings cannot be written to {}: {error}", path.display())?;
                if *findings != 0 {
                    write!(f, "; the output has all of them in full: {findings}")?;
                }
                Ok(())
            }
            Self::Read(error) => error.fmt(f),
            Self::Expectations(error) => error.fmt(f),
            Self::Render(error) => error.fmt(f),
            Self::Merge(error) => error.fmt(f),
            Self::Reports(errors) => {
                for (index, error) in errors.iter().enumerate() {
                    write!(f, "{}{error}", if index == 0 { "" } else { "; " })?;
                }
                Ok(())
            }
            Self::Init(error) => error.fmt(f),
            Self::Output(error) => write!(f, "the output cannot be written: {error}"),
        }
    }
}

impl From<InitError> for Failure {
    fn from(error: InitError) -> Self {
        Self::Init(error)
    }
}

impl From<SourceError> for Failure {
    fn from(error: SourceError) -> Self {
        Self::Source(error)
    }
}

impl From<UnknownBackend> for Failure {
    fn from(error: UnknownBackend) -> Self {
        Self::UnknownBackend(error)
    }
}

impl From<ExportError> for Failure {
    fn from(error: ExportError) -> Self {
        Self::Export(error)
    }
}

impl From<StartError> for Failure {
    fn from(error: StartError) -> Self {
        Self::Start(error)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

impl From<EnumerateError> for Failure {
    fn from(error: EnumerateError) -> Self {
        Self::Enumerate(error)
    }
}

impl From<ReadError> for Failure {
    fn from(error: ReadError) -> Self {
        Self::Read(error)
    }
}

impl From<MergeError> for Failure {
    fn from(error: MergeError) -> Self {
        Self::Merge(error)
    }
}

impl From<ExpectationsError> for Failure {
    fn from(error: ExpectationsError) -> Self {
        Self::Expectations(error)
    }
}

impl From<RenderError> for Failure {
    fn from(error: RenderError) -> Self {
        Self::Render(error)
    }
}
