//! A comparison for people, on a terminal and as Markdown.

use std::fmt::{Result, Write};

use super::Verdict;
use super::compare::{Cell, Change, Changes, Column, Comparison, Row};
use crate::ledger::clause_of;

/// Cases that are listed of each sort, unless all are to be.
const SHOWN: usize = 20;

/// Columns of a terminal.
const WIDTH: usize = 80;

/// The width of the column of names.
const NAMES: usize = 23;

/// How many of those that were tested passed; what was not tested has a dash.
fn fraction(cell: Cell) -> String {
    let tested = cell.passed + cell.failed;
    if tested == 0 { "-".to_owned() } else { format!("{}/{tested}", cell.passed) }
}

/// The end of a text that is too long for its column.
fn fitted(text: &str, width: usize) -> String {
    let characters = text.chars().count();
    if characters <= width {
        return text.to_owned();
    }
    let end: String = text.chars().skip(characters + 1 - width).collect();
    format!("…{end}")
}

/// What is said of a case that is in one report only, or came out otherwise.
fn arrow(change: &Change) -> String {
    let name = |verdict: Option<Verdict>| verdict.map_or("", Verdict::name);
    match (change.before, change.after) {
        (Some(_), Some(_)) => format!("{} -> {}", name(change.before), name(change.after)),
        (before, after) => name(before.or(after)).to_owned(),
    }
}

fn sorts(changes: &Changes) -> [(&'static str, &[Change]); 5] {
    [
        ("worse", &changes.worse),
        ("better", &changes.better),
        ("no longer tested", &changes.otherwise),
        ("new", &changes.new),
        ("gone", &changes.gone),
    ]
}

impl Comparison {
    /// The comparison for a terminal; every case that changed if `all` is set,
    /// and else the first ones.
    #[must_use]
    pub fn text(&self, all: bool) -> String {
        let mut text = String::new();
        // A string can always be written to.
        let _ = self.write(&mut text, all);
        text
    }

    fn write(&self, out: &mut String, all: bool) -> Result {
        let width = (WIDTH.saturating_sub(NAMES) / self.reports.len().max(1)).clamp(9, 20);
        let row = |out: &mut String, name: &str, cells: &mut dyn Iterator<Item = String>| {
            write!(out, "{name:<NAMES$}")?;
            for cell in cells {
                write!(out, "{:>width$}", fitted(&cell, width - 1))?;
            }
            writeln!(out)
        };
        row(out, "passed of tested", &mut self.reports.iter().map(|one| one.label.clone()))?;
        let fractions =
            |row: &Row| row.cells.iter().map(|cell| fraction(*cell)).collect::<Vec<_>>();
        for call in &self.calls {
            row(out, &call.name, &mut fractions(call).into_iter())?;
        }
        row(out, "all cases", &mut self.reports.iter().map(|one| fraction(one.all)))?;
        row(out, "not tested", &mut self.reports.iter().map(|one| one.all.untested.to_string()))?;
        row(out, "level", &mut self.reports.iter().map(|one| one.level.name().to_owned()))?;
        writeln!(out)?;
        let notable: Vec<_> = self.notable_clauses().collect();
        for clause in &notable {
            row(out, &clause.name, &mut fractions(clause).into_iter())?;
        }
        let others = self.clauses.len() - notable.len();
        writeln!(out, "{others} other clauses pass, or are not tested, in all alike.")?;
        for Column { file, .. } in self.reports.iter().filter(|report| !report.complete) {
            writeln!(out, "{file} is of a run that did not come to its end.")?;
        }
        let Some(changes) = &self.changes else { return Ok(()) };
        writeln!(out)?;
        let mut summary = Vec::new();
        for (label, cases) in sorts(changes) {
            summary.push(format!("{} {label}", cases.len()));
            if cases.is_empty() {
                continue;
            }
            writeln!(out, "{label}")?;
            let shown = if all { cases.len() } else { SHOWN };
            for change in cases.iter().take(shown) {
                writeln!(out, "  {:<18} {}", arrow(change), change.name)?;
            }
            if cases.len() > shown {
                writeln!(out, "  … and {} more; --all shows every one", cases.len() - shown)?;
            }
        }
        writeln!(out, "{}.", summary.join(", "))
    }

    /// The comparison as Markdown.
    #[must_use]
    pub fn markdown(&self) -> String {
        let mut text = String::new();
        // A string can always be written to.
        let _ = self.write_markdown(&mut text);
        text
    }

    fn write_markdown(&self, out: &mut String) -> Result {
        let code = |word: &str| {
            let word = word.replace('&', "&amp;").replace('<', "&lt;").replace('|', "&#124;");
            format!("<code>{word}</code>")
        };
        let heads: String =
            self.reports.iter().map(|one| format!(" {} |", code(&one.label))).collect();
        let lines = "---:|".repeat(self.reports.len());
        let cells = |cells: &mut dyn Iterator<Item = Cell>| -> String {
            cells.map(|cell| format!(" {} |", fraction(cell))).collect()
        };
        if let Some(changes) = &self.changes {
            let counts: Vec<_> = sorts(changes)
                .iter()
                .map(|(label, cases)| format!("{} {label}", cases.len()))
                .collect();
            writeln!(out, "**{}**\n", counts.join(", "))?;
            for (label, cases) in sorts(changes).into_iter().filter(|(_, cases)| !cases.is_empty())
            {
                writeln!(out, "<details><summary>{label}: {}</summary>\n", cases.len())?;
                for change in cases.iter().take(1000) {
                    writeln!(out, "- {} {}", code(&change.name), arrow(change))?;
                }
                if cases.len() > 1000 {
                    writeln!(out, "- … and {} more", cases.len() - 1000)?;
                }
                writeln!(out, "\n</details>\n")?;
            }
        }
        writeln!(out, "| passed of tested |{heads}\n|---|{lines}")?;
        for row in &self.calls {
            writeln!(out, "| {} |{}", code(&row.name), cells(&mut row.cells.iter().copied()))?;
        }
        writeln!(out, "| all cases |{}", cells(&mut self.reports.iter().map(|one| one.all)))?;
        let mut notable = self.notable_clauses().peekable();
        if notable.peek().is_some() {
            writeln!(out, "\n| clause |{heads} what it says |\n|---|{lines}---|")?;
        }
        for row in notable {
            let rule = clause_of(&row.name).map_or("", |clause| clause.text).replace('|', "\\|");
            let cells = cells(&mut row.cells.iter().copied());
            writeln!(out, "| {} |{cells} {rule} |", row.name)?;
        }
        Ok(())
    }
}
