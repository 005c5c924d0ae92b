//! Why programs cannot be enumerated.

use std::fmt;

use crate::backends::StartError;

/// Why programs cannot be enumerated.
#[derive(Clone, Debug, PartialEq)]
pub enum EnumerateError {
    /// A program has no call.
    NoDepth,
    /// There are more programs than anybody could wait for.
    TooMany {
        /// Calls of a program at most.
        depth: usize,
        /// How many programs there are at least, as far as it can be counted
        /// ahead.
        programs: f64,
        /// How long they would take at the speed that was measured so far.
        seconds: f64,
    },
    /// The backend would not start.
    Start(StartError),
}

impl fmt::Display for EnumerateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoDepth => f.write_str("a depth of 0 has no programs; it starts at 1"),
            Self::TooMany { depth, programs, seconds } => {
                let days = seconds / 86_400.0;
                write!(
                    f,
                    "a depth of {depth} has at least {programs:.0e} programs, which would take \
                     about {days:.0e} days"
                )
            }
            Self::Start(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for EnumerateError {}

impl From<StartError> for EnumerateError {
    fn from(error: StartError) -> Self {
        Self::Start(error)
    }
}
