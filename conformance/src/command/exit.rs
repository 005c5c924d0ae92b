//! The exit codes.

use std::process::ExitCode;

/// The exit codes in the short help text.
pub(super) const SHORT_HELP: &str = "\
Exit codes: 0 all as it should be, 1 something disagreed, 2 bad command line or
input, 3 the backend would not start, 4 nothing was tested, 5 expected failures
are stale

Example: vmo-conformance --level kernel";

/// The exit codes in the long help text.
pub(super) const HELP: &str = "\
Exit codes:
  0  all as it should be
  1  something disagreed
  2  the command line is wrong, or an input cannot be read
  3  the backend would not start
  4  nothing was tested
  5  all else is good, but expected failures are stale: they pass, have
     expired, or name nothing

Example: vmo-conformance --level kernel";

/// How the command ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Exit {
    /// All as it should be.
    Good = 0,
    /// Something disagreed.
    Disagreed = 1,
    /// The command line is wrong, or an input cannot be read.
    Usage = 2,
    /// The backend would not start.
    NotStarted = 3,
    /// Nothing was tested.
    NothingTested = 4,
    /// Expected failures pass, have expired, or name nothing.
    Stale = 5,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}
