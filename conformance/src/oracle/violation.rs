//! A broken clause.

use std::fmt;

/// An outcome that the contract does not allow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The clause that is broken, such as `VMO-CREATE-02`.
    pub clause: &'static str,
    /// The call, without `zx_`, or `load` or `store`.
    pub call: &'static str,
    /// What would have been allowed.
    pub expected: String,
    /// What came instead.
    pub actual: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { clause, call, expected, actual } = self;
        write!(f, "{call} breaks {clause}: expected {expected}, got {actual}")
    }
}

impl std::error::Error for Violation {}
