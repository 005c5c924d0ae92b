//! What people see of a test that did not pass.

use super::Test;
use super::run::CaseReport;
use crate::report::{Case, case_text};

/// Everything about a test that did not pass: the rule, the calls so far, what
/// was expected and what was seen, and how to run it again.
#[must_use]
pub fn failure_text(test: &Test, report: &CaseReport, again: Option<&str>) -> String {
    case_text(&Case::of_test(test, report, || again.map(str::to_owned)))
}
