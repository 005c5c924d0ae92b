//! `clauses`: the ledger with its tests.

use std::io::{self, Write};

use clap::{Args, ValueEnum};
use serde_json::json;
use vmo_abi::Syscall;

use super::LevelName;
use super::exit::Exit;
use super::failure::Failure;
use crate::ledger::{Clause, clauses as all_clauses, untested_reason};
use crate::level::Level;
use crate::suite::Suite;

#[derive(Args)]
pub(super) struct Clauses {
    /// Only those about a call, such as vmo_clone.
    ///
    /// Only clauses about this call, such as `vmo_clone`.
    #[arg(long, value_name = "CALL")]
    call: Option<String>,
    /// Only those of seed, page or kernel.
    ///
    /// Only clauses of this source: the page of zx_vmo_create, another page, or
    /// the kernel alone.
    #[arg(long, value_enum, hide_possible_values = true)]
    level: Option<LevelName>,
    /// Only those without a test, with the reason.
    #[arg(long)]
    untested: bool,
    /// How to print them: text, json or markdown.
    #[arg(long, value_enum, default_value_t = Format::Text, hide_possible_values = true)]
    format: Format,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    Text,
    Json,
    Markdown,
}

/// A clause and the names of its tests.
struct Entry {
    clause: &'static Clause,
    tests: Vec<String>,
}

pub(super) fn clauses(arguments: &Clauses) -> Result<Exit, Failure> {
    if let Some(call) = &arguments.call {
        Syscall::from_name(call).ok_or_else(|| Failure::UnknownCall(call.clone()))?;
    }
    let source = arguments.level.map(|level| match level {
        LevelName::Seed => Level::Seed,
        LevelName::Page => Level::Page,
        LevelName::Kernel => Level::Kernel,
    });
    let suite = Suite::new();
    let entries: Vec<_> = all_clauses()
        .filter(|clause| arguments.call.as_deref().is_none_or(|call| clause.call == call))
        .filter(|clause| source.is_none_or(|source| clause.source == source))
        .map(|clause| {
            let tests = suite.tests().iter().filter(|test| test.clauses.contains(&clause.id));
            Entry { clause, tests: tests.map(|test| test.name.clone()).collect() }
        })
        .filter(|entry| !arguments.untested || entry.tests.is_empty())
        .collect();
    let mut out = io::BufWriter::new(io::stdout().lock());
    match arguments.format {
        Format::Text => write_text(&mut out, &entries)?,
        Format::Json => write_json(&mut out, &entries)?,
        Format::Markdown => write_markdown(&mut out, &entries)?,
    }
    out.flush()?;
    Ok(Exit::Good)
}

/// What is particular about a clause, in words.
fn remarks(clause: &Clause) -> Vec<String> {
    let mut remarks = Vec::new();
    if let Some(conflict) = clause.conflict {
        remarks.push(format!("conflict {conflict}"));
    }
    for (holds, remark) in [
        (clause.either, "either outcome is accepted"),
        (clause.hazard, "hazard for a real kernel"),
        (clause.insisted, "insisted on by Zircon's own tests"),
        (clause.kernel_differs, "the kernel differs"),
    ] {
        if holds {
            remarks.push(remark.to_owned());
        }
    }
    remarks
}

fn write_text(out: &mut impl Write, entries: &[Entry]) -> io::Result<()> {
    for Entry { clause, tests } in entries {
        let call = if clause.call.is_empty() { "several calls" } else { clause.call };
        let mut head = format!("{} [{}] {call}", clause.id, clause.source.name());
        for remark in remarks(clause) {
            head.push_str(", ");
            head.push_str(&remark);
        }
        writeln!(out, "{head}")?;
        writeln!(out, "  {}", clause.text)?;
        for test in tests {
            writeln!(out, "    {test}")?;
        }
        if tests.is_empty() {
            writeln!(out, "    untested: {}", untested_reason(clause.id).unwrap_or("no test yet"))?;
        }
    }
    let tested = entries.iter().filter(|entry| !entry.tests.is_empty()).count();
    writeln!(out, "{} clauses, {tested} with tests.", entries.len())
}

fn write_json(out: &mut impl Write, entries: &[Entry]) -> io::Result<()> {
    let entries: Vec<_> = entries
        .iter()
        .map(|Entry { clause, tests }| {
            json!({
                "id": clause.id,
                "level": clause.source.name(),
                "call": clause.call,
                "text": clause.text,
                "conflict": clause.conflict,
                "either": clause.either,
                "hazard": clause.hazard,
                "insisted": clause.insisted,
                "kernel_differs": clause.kernel_differs,
                "tests": tests,
                "untested": tests.is_empty().then(|| untested_reason(clause.id)).flatten(),
            })
        })
        .collect();
    serde_json::to_writer_pretty(&mut *out, &entries)?;
    writeln!(out)
}

fn write_markdown(out: &mut impl Write, entries: &[Entry]) -> io::Result<()> {
    writeln!(out, "| clause | level | call | what it says | tests |")?;
    writeln!(out, "|---|---|---|---|---|")?;
    for Entry { clause, tests } in entries {
        let mut text = clause.text.replace('|', "\\|");
        for remark in remarks(clause) {
            text.push_str(&format!(" *({remark})*"));
        }
        let tests = if tests.is_empty() {
            format!("untested: {}", untested_reason(clause.id).unwrap_or("no test yet"))
        } else {
            tests.len().to_string()
        };
        let Clause { id, source, call, .. } = clause;
        writeln!(out, "| {id} | {} | {call} | {text} | {tests} |", source.name())?;
    }
    Ok(())
}
