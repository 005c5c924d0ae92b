//! Why a command could not do its work.

use std::{fmt, io};

use super::exit::Exit;
use super::source::SourceError;
use crate::backends::{StartError, UnknownBackend};

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
    Start(StartError),
    Output(io::Error),
}

impl Failure {
    pub(super) fn exit(&self) -> Exit {
        match self {
            Self::Start(_) => Exit::NotStarted,
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

impl From<UnknownBackend> for Failure {
    fn from(error: UnknownBackend) -> Self {
        Self::UnknownBackend(error)
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
