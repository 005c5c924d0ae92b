//! The text form, with comments that say what is broken.

use crate::ledger::clause_of;
use crate::level::Level;
use crate::oracle::Violation;
use crate::program::{Program, print};

/// What is broken, line by line.
pub(super) fn heading(finding: &Violation, level: Level) -> Vec<String> {
    let mut lines = vec![format!("{} breaks {}.", finding.call, finding.clause)];
    if let Some(clause) = clause_of(finding.clause) {
        lines.push(clause.text.to_owned());
    }
    lines.push(format!("expected  {}", finding.expected));
    lines.push(format!("actual    {}", finding.actual));
    lines.push(format!("level     {}", level.name()));
    // A line break of a foreign backend's making must not end a comment.
    lines.iter().map(|line| line.replace(['\n', '\r'], " ")).collect()
}

pub(super) fn export(program: &Program, finding: Option<&Violation>, level: Level) -> String {
    let mut program = program.clone();
    if let Some(finding) = finding {
        let heading = heading(finding, level);
        // What was exported before does not get a second heading.
        if !program.comments.starts_with(&heading) {
            program.comments.splice(0..0, heading);
        }
    }
    print(std::slice::from_ref(&program))
}
