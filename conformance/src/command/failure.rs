//! Why a command could not do its work.

use std::path::PathBuf;
use std::{fmt, io};

use super::exit::Exit;
use super::source::SourceError;
use crate::backends::{BUILT_IN, StartError};
use crate::enumerate::{EnumerateError, UNIVERSES};

#[derive(Debug)]
pub(super) enum Failure {
    Source(SourceError),
    UnknownBackend(String),
    /// Nothing has this name.
    NoSuchName(String),
    /// No fault has this name.
    NoSuchFault(String),
    UnknownCall(String),
    UnknownClause(String),
    UnknownUniverse(String),
    /// Programs cannot be enumerated.
    Enumerate(EnumerateError),
    /// A file or folder cannot be written.
    Unwritable(PathBuf, io::Error),
    Start(StartError),
    Output(io::Error),
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
            Self::UnknownBackend(name) => {
                let known: Vec<_> = BUILT_IN.iter().map(|known| known.name).collect();
                write!(f, "unknown backend `{name}`: known are {}", known.join(", "))
            }
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
            Self::UnknownUniverse(name) => {
                let known: Vec<_> = UNIVERSES.iter().map(|(known, _)| *known).collect();
                write!(f, "unknown universe `{name}`: known are {}", known.join(", "))
            }
            Self::Enumerate(error) => error.fmt(f),
            Self::Unwritable(path, error) => {
                write!(f, "{} cannot be written: {error}", path.display())
            }
            Self::Start(error) => error.fmt(f),
            Self::Output(error) => write!(f, "the output cannot be written: {error}"),
        }
    }
}

impl From<SourceError> for Failure {
    fn from(error: SourceError) -> Self {
        Self::Source(error)
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
