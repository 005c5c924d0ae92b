//! Clauses without a test, and why.

/// The clauses that no test checks, with the reason.
pub(super) static UNTESTED: &[(&str, &str)] = &[];
