//! The report of `fuzz` for people.

use std::io::{self, Write};
use std::path::Path;

use vmo_abi::Syscall;

use super::quoted;
use crate::fuzz::{Context, Finding, Health, Plan, Report};
use crate::ledger::clause_of;
use crate::level::Level;
use crate::oracle::JUDGED_CLAUSES;

/// What was run.
pub(super) struct Fuzzed<'a> {
    pub(super) plan: &'a Plan,
    pub(super) backend: &'a str,
}

impl Fuzzed<'_> {
    /// A finding, with all that is known of it.
    pub(super) fn write_finding(
        &self,
        out: &mut impl Write,
        finding: &Finding,
        file: Option<&Path>,
        context: &Context<'_>,
    ) -> io::Result<()> {
        let Finding { violation, shrunk, .. } = finding;
        let rule = clause_of(violation.clause).map_or("", |clause| clause.text);
        writeln!(out, "FOUND {} broken by {}", violation.clause, violation.call)?;
        writeln!(out, "  rule      {rule}")?;
        for index in 0..shrunk.steps.len() {
            let label = if index == 0 { "program" } else { "" };
            writeln!(out, "  {label:<8}{:>3} {}", index + 1, shrunk.step_text(index))?;
        }
        writeln!(out, "  expected  {} (call {})", violation.expected, shrunk.steps.len())?;
        writeln!(out, "  actual    {}", violation.actual)?;
        writeln!(
            out,
            "  found     in program {} after {} calls and {:.2} s, with {} steps",
            finding.number,
            finding.calls,
            finding.elapsed.as_secs_f64(),
            finding.found.steps.len(),
        )?;
        if !finding.stands_alone {
            writeln!(out, "  needs     the programs before it: a fresh backend does not show it")?;
        }
        if let Some(file) = file {
            writeln!(out, "  file      {}", file.display())?;
        }
        match file.filter(|_| finding.stands_alone) {
            Some(file) => {
                let mut command =
                    format!("vmo-conformance replay {}", quoted(&file.display().to_string()));
                if self.backend != "reference" {
                    command.push_str(&format!(" --backend {}", quoted(self.backend)));
                }
                if self.plan.level != Level::default() {
                    command.push_str(&format!(" --level {}", self.plan.level.name()));
                }
                writeln!(out, "  again     {command}")?;
            }
            None => writeln!(out, "  again     {}", context.command)?,
        }
        writeln!(out)
    }

    /// What was done in all.
    pub(super) fn write_report(
        &self,
        out: &mut impl Write,
        report: &Report,
        shows_unreached: bool,
    ) -> io::Result<()> {
        writeln!(out, "{:<22}{:>14}{:>14}", "", "calls", "succeeded")?;
        for syscall in Syscall::ALL {
            write_health(out, syscall.name(), report.tally.of(*syscall))?;
        }
        write_health(out, "loads and stores", report.tally.accesses)?;
        writeln!(out)?;
        let unreached: Vec<_> =
            JUDGED_CLAUSES.iter().filter(|id| !report.covered.contains(id)).copied().collect();
        writeln!(
            out,
            "Reached {} of the {} clauses that the oracle judges, in {} combinations with a call \
             and how it ended; {} programs kept.",
            JUDGED_CLAUSES.len() - unreached.len(),
            JUDGED_CLAUSES.len(),
            report.combinations,
            report.kept,
        )?;
        if shows_unreached && !unreached.is_empty() {
            writeln!(out, "Not reached: {}", unreached.join(" "))?;
        }
        if report.tally.cut_short != 0 {
            writeln!(
                out,
                "Cut short: {} programs, as the backend or the tester lacks room or an address.",
                report.tally.cut_short
            )?;
        }
        let (seconds, calls) = (report.elapsed.as_secs_f64(), report.tally.calls());
        writeln!(
            out,
            "{} against edition 2018-06 at level {}, seed {:#x}: {} programs, {calls} calls in \
             {seconds:.1} s ({:.0} a second), {} findings.",
            self.backend,
            self.plan.level.name(),
            self.plan.seed,
            report.tally.programs,
            calls as f64 / seconds.max(1e-9),
            report.findings.len(),
        )
    }
}

fn write_health(out: &mut impl Write, name: &str, health: Health) -> io::Result<()> {
    let Health { calls, succeeded } = health;
    if calls == 0 {
        return Ok(());
    }
    let share = 100.0 * succeeded as f64 / calls as f64;
    writeln!(out, "{name:<22}{calls:>14}{share:>12.1} %")
}
