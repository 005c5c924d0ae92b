//! What people see of a test that did not pass.

use std::fmt::Write;

use super::Test;
use super::run::{CaseReport, CaseVerdict};
use crate::ledger::clause_of;

/// Steps that are shown at most.
const MOST_STEPS: usize = 16;

/// Characters of a step that are shown at most.
const MOST_CHARACTERS: usize = 200;

/// Everything about a test that did not pass: the rule, the calls so far, what
/// was expected and what was seen, and how to run it again.
#[must_use]
pub fn failure_text(test: &Test, report: &CaseReport, again: Option<&str>) -> String {
    let mut text = String::new();
    write_failure(&mut text, test, report, again).expect("a string can always be written to");
    text
}

/// A step without the middle of what is too long to read.
fn shortened(step: &str) -> String {
    let characters = step.chars().count();
    if characters <= MOST_CHARACTERS {
        return step.to_owned();
    }
    let half = MOST_CHARACTERS / 2;
    let start: String = step.chars().take(half).collect();
    let end: String = step.chars().skip(characters - half).collect();
    format!("{start}…{end}")
}

fn write_failure(
    text: &mut String,
    test: &Test,
    report: &CaseReport,
    again: Option<&str>,
) -> std::fmt::Result {
    for (index, id) in test.clauses.iter().enumerate() {
        let label = if index == 0 { "rule" } else { "" };
        let rule = clause_of(id).map_or("", |clause| clause.text);
        writeln!(text, "  {label:<9} {id}: {rule}")?;
    }
    if let Some((_, violation)) = &report.violation
        && !test.clauses.contains(&violation.clause)
    {
        let rule = clause_of(violation.clause).map_or("", |clause| clause.text);
        writeln!(text, "  {:<9} {}: {rule}", "oracle", violation.clause)?;
    }
    let steps = report.program.steps.len();
    let shown_from = steps.saturating_sub(MOST_STEPS);
    for index in shown_from..steps {
        let label = if index == shown_from { "calls" } else { "" };
        let step = shortened(&report.program.step_text(index));
        writeln!(text, "  {label:<9} {:>2}  {step}", index + 1)?;
    }
    match &report.verdict {
        CaseVerdict::Fail { step, expected, actual } => {
            let at = step.map_or(String::new(), |step| format!(" (call {})", step + 1));
            writeln!(text, "  expected  {expected}{at}")?;
            writeln!(text, "  actual    {actual}")?;
        }
        CaseVerdict::Crash(panic) => writeln!(text, "  crash     {panic}")?,
        CaseVerdict::Timeout(detail) => writeln!(text, "  timeout   {detail}")?,
        CaseVerdict::Protocol(detail) => writeln!(text, "  protocol  {detail}")?,
        CaseVerdict::Broken(reason) => writeln!(text, "  broken    {reason}")?,
        CaseVerdict::Unsupported(reason) => writeln!(text, "  missing   {reason}")?,
        CaseVerdict::Hazard => writeln!(text, "  hazard    a real kernel may not survive this")?,
        CaseVerdict::Pass => {}
    }
    if let Some(again) = again {
        writeln!(text, "  again     {again}")?;
    }
    Ok(())
}
