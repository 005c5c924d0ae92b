//! A report for people at a terminal.

use std::collections::BTreeMap;
use std::fmt::{Result, Write};

use super::{CallCounts, Case, Kind, Report, STEPS_JUDGED, Stand, Verdict};
use crate::ledger::{clause_of, conflicts};

/// Cases that are shown in full.
const SHOWN: usize = 10;

/// Steps of a test that are shown at most.
const MOST_STEPS: usize = 16;

/// Steps of a program that are shown at most before the one in question.
const MOST_STEPS_BEFORE: usize = 12;

/// Characters of a step that are shown at most.
const MOST_CHARACTERS: usize = 200;

/// A report as text for a terminal.
#[derive(Clone, Copy, Debug)]
pub struct Human<'a> {
    /// The report.
    pub report: &'a Report,
    /// Whether every failure is shown in full, not just the first ones.
    pub all: bool,
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

/// Everything about a case that did not pass, but for its name: the rule, the
/// calls so far, what was expected and what was seen, and how to run it again.
#[must_use]
pub fn case_text(case: &Case) -> String {
    let mut text = String::new();
    // A string can always be written to.
    let _ = match case.kind {
        Kind::Test | Kind::Finding => write_test(&mut text, case),
        Kind::Program => write_program(&mut text, case),
    };
    text
}

fn write_test(text: &mut String, case: &Case) -> Result {
    let detail = case.details();
    let rule_of = |id: &str| clause_of(id).map_or("", |clause| clause.text);
    for (index, id) in case.clauses.iter().enumerate() {
        let label = if index == 0 { "rule" } else { "" };
        writeln!(text, "  {label:<9} {id}: {}", rule_of(id))?;
    }
    if let Some(id) = detail.oracle.as_ref().filter(|id| !case.clauses.contains(id)) {
        writeln!(text, "  {:<9} {id}: {}", "oracle", rule_of(id))?;
    }
    let steps: Vec<_> = detail.steps().collect();
    let shown_from = steps.len().saturating_sub(MOST_STEPS);
    for (index, step) in steps.iter().enumerate().skip(shown_from) {
        let label = if index == shown_from { "calls" } else { "" };
        writeln!(text, "  {label:<9} {:>2}  {}", index + 1, shortened(step))?;
    }
    if let (Some(expected), Some(actual)) = (&detail.expected, &detail.actual) {
        let at = detail.step.map_or(String::new(), |step| format!(" (call {step})"));
        writeln!(text, "  expected  {expected}{at}")?;
        writeln!(text, "  actual    {actual}")?;
    }
    if let Some(reason) = &detail.reason {
        let label = match case.verdict_itself() {
            Verdict::Unsupported => "missing",
            verdict => verdict.name(),
        };
        writeln!(text, "  {label:<9} {reason}")?;
    }
    write_rest(text, case)
}

fn write_program(text: &mut String, case: &Case) -> Result {
    let detail = case.details();
    if let Some(file) = &detail.file {
        writeln!(text, "  file      {file}")?;
    }
    if let (Some(number), Some(expected), Some(actual)) =
        (detail.step, &detail.expected, &detail.actual)
    {
        let steps: Vec<_> = detail.steps().collect();
        let before = number.saturating_sub(1).min(steps.len());
        let first = before.saturating_sub(MOST_STEPS_BEFORE);
        if first != 0 {
            writeln!(text, "  …         {first} steps before")?;
        }
        for (index, step) in steps.iter().enumerate().take(before).skip(first) {
            writeln!(text, "  after {:<3} {step}", index + 1)?;
        }
        if let Some(step) = steps.get(before) {
            writeln!(text, "  call {number:<4} {step}")?;
        }
        let what = detail.what.as_deref().unwrap_or_default();
        writeln!(text, "  expected  {what} {expected}")?;
        writeln!(text, "  actual    {what} {actual}")?;
    }
    if let Some(reason) = &detail.reason {
        let label = match case.verdict_itself() {
            Verdict::Broken => "reason",
            verdict => verdict.name(),
        };
        writeln!(text, "  {label:<9} {reason}")?;
    }
    write_rest(text, case)
}

fn write_rest(text: &mut String, case: &Case) -> Result {
    if let Some(expectation) = &case.expectation {
        let link = expectation.link.as_ref().map_or(String::new(), |link| format!(" ({link})"));
        writeln!(text, "  known     {}{link}", expectation.reason)?;
    }
    if let Some(again) = &case.details().again {
        writeln!(text, "  again     {again}")?;
    }
    Ok(())
}

impl Human<'_> {
    /// The whole report.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        // A string can always be written to.
        let _ = self.write(&mut text);
        text
    }

    fn write(&self, out: &mut String) -> Result {
        let report = self.report;
        let has_tests = report.count_of_kind(Kind::Test) != 0;
        if has_tests {
            self.write_tests(out)?;
        }
        if report.count_of_kind(Kind::Program) != 0 || report.run.command == "replay" {
            if has_tests {
                writeln!(out)?;
            }
            self.write_programs(out)?;
        }
        if report.count_of_kind(Kind::Finding) != 0 {
            self.write_cases(out, Kind::Finding)?;
        }
        if !report.complete {
            writeln!(out, "The run did not come to its end.")?;
        }
        for problem in &report.stale {
            writeln!(out, "STALE {problem}")?;
        }
        Ok(())
    }

    fn count(&self, kind: Kind, verdict: Verdict) -> usize {
        self.report.count_of(kind, verdict)
    }

    fn write_tests(&self, out: &mut String) -> Result {
        self.write_modules(out)?;
        self.write_cases(out, Kind::Test)?;
        self.write_conflicts(out)?;
        let count = |verdict| self.count(Kind::Test, verdict);
        let run = &self.report.run;
        write!(
            out,
            "{} against edition {} at level {}: {} of {} tests pass, {} fail, {} crash, {} time \
             out, {} break the protocol, {} broken, {} unsupported, {} hazards not run",
            run.backend,
            run.edition,
            run.level.name(),
            count(Verdict::Pass) + count(Verdict::UnexpectedPass),
            self.report.count_of_kind(Kind::Test),
            count(Verdict::Fail),
            count(Verdict::Crash),
            count(Verdict::Timeout),
            count(Verdict::Protocol),
            count(Verdict::Broken),
            count(Verdict::Unsupported),
            count(Verdict::Hazard),
        )?;
        self.write_expectations(out, Kind::Test)
    }

    /// What expectations changed about the counts, and the end of the line.
    fn write_expectations(&self, out: &mut String, kind: Kind) -> Result {
        let expected = self.count(kind, Verdict::ExpectedFailure);
        let unexpected = self.count(kind, Verdict::UnexpectedPass);
        if expected + unexpected != 0 {
            write!(out, ", {expected} fail as expected, {unexpected} pass unexpectedly")?;
        }
        writeln!(out, ".")
    }

    fn write_modules(&self, out: &mut String) -> Result {
        writeln!(out, "{:<22}{:>11}{:>11}{:>13}", "", "passed", "failed", "unsupported")?;
        for (module, cases) in self.report.modules(Kind::Test) {
            let count =
                |is: &dyn Fn(Verdict) -> bool| cases.iter().filter(|case| is(case.verdict)).count();
            let passed = count(&Verdict::is_pass);
            let failed = count(&Verdict::is_bad);
            let unsupported = count(&|verdict| verdict == Verdict::Unsupported);
            writeln!(out, "{module:<22}{passed:>11}{failed:>11}{unsupported:>13}")?;
        }
        writeln!(out)
    }

    /// The cases of a kind that did not come out as they should.
    fn write_cases(&self, out: &mut String, kind: Kind) -> Result {
        let shown = if self.all { usize::MAX } else { SHOWN };
        let mut hidden = 0;
        let bad = self.report.cases_of(kind).filter(|case| case.verdict.is_bad());
        for (index, case) in bad.enumerate() {
            if index >= shown {
                hidden += 1;
                continue;
            }
            let label = match (kind, case.verdict) {
                (Kind::Finding, _) => "FOUND ",
                (Kind::Test, Verdict::Fail) => "FAIL ",
                (Kind::Test, Verdict::Crash) => "CRASH ",
                (Kind::Test, Verdict::Timeout) => "TIMEOUT ",
                (Kind::Test, Verdict::Protocol) => "PROTOCOL ",
                (Kind::Test, _) => "BROKEN ",
                (Kind::Program, Verdict::Fail) => "DISAGREES  ",
                (Kind::Program, Verdict::Broken) => "BROKEN     ",
                (Kind::Program, _) => "LOST       ",
            };
            writeln!(out, "{label}{}", case.name)?;
            writeln!(out, "{}", case_text(case))?;
        }
        if hidden != 0 {
            writeln!(out, "… and {hidden} more; --all shows every one.\n")?;
        }
        let passes = || {
            let cases = self.report.cases_of(kind);
            cases.filter(|case| case.verdict == Verdict::UnexpectedPass)
        };
        for case in passes().take(shown) {
            let reason = case.expectation.as_ref().map_or("", |known| known.reason.as_str());
            writeln!(out, "PASSES UNEXPECTEDLY {}\n  known     {reason}\n", case.name)?;
        }
        match passes().count().saturating_sub(shown) {
            0 => Ok(()),
            hidden => {
                writeln!(out, "… and {hidden} more pass unexpectedly; --all shows every one.\n")
            }
        }
    }

    /// On which side of each conflict the backend stands.
    fn write_conflicts(&self, out: &mut String) -> Result {
        let taken = &self.report.conflicts;
        if taken.is_empty() {
            return Ok(());
        }
        writeln!(
            out,
            "Where the pages and the kernel of June 2018 contradict each other, the backend"
        )?;
        for (label, wanted) in [
            ("sides with the kernel in", Some(Stand::Kernel)),
            ("sides with the pages in", Some(Stand::Page)),
            ("does now this, now that in", Some(Stand::Both)),
            ("was not seen in", None),
        ] {
            let stand = |id: &str| taken.iter().find(|one| one.conflict == id).map(|one| one.side);
            let ids = conflicts().map(|conflict| conflict.id);
            let ids: Vec<_> = ids.filter(|id| stand(id) == wanted).collect();
            if !ids.is_empty() {
                writeln!(out, "  {label} {}", ids.join(" "))?;
            }
        }
        writeln!(out)
    }

    fn write_programs(&self, out: &mut String) -> Result {
        let columns = ["programs", "calls", "agreed", "accepted", "disagreed"];
        write!(out, "{:<22}", "")?;
        for column in columns {
            write!(out, "{column:>11}")?;
        }
        writeln!(out)?;
        for CallCounts { call, programs, calls, agreed, accepted, disagreed } in &self.report.calls
        {
            write!(out, "{call:<22}")?;
            for count in [programs, calls, agreed, accepted, disagreed] {
                write!(out, "{count:>11}")?;
            }
            writeln!(out)?;
        }
        writeln!(out)?;
        self.write_cases(out, Kind::Program)?;
        self.write_accepted(out)?;
        self.write_unsupported(out)?;
        let count = |verdict| self.count(Kind::Program, verdict);
        let run = &self.report.run;
        let (disagreed, broken) = (count(Verdict::Fail), count(Verdict::Broken));
        let lost = count(Verdict::Crash) + count(Verdict::Timeout) + count(Verdict::Protocol);
        write!(
            out,
            "{} against edition {} at level {}: {} of {} programs agree, {} accepted, {disagreed} \
             disagree, {} unsupported, {lost} lost, {broken} broken",
            run.backend,
            run.edition,
            run.level.name(),
            count(Verdict::Pass) + count(Verdict::UnexpectedPass),
            self.report.count_of_kind(Kind::Program),
            count(Verdict::Accepted),
            count(Verdict::Unsupported),
        )?;
        self.write_expectations(out, Kind::Program)?;
        let judged = self.report.totals.get(STEPS_JUDGED).copied().unwrap_or_default();
        if disagreed + lost + broken == 0 && judged == 0 {
            writeln!(out, "Nothing was tested: no step that was run expects an outcome.")?;
        }
        Ok(())
    }

    /// Differences that are allowed, by the calls that they are about.
    fn write_accepted(&self, out: &mut String) -> Result {
        let mut by_call: BTreeMap<(&str, &str), (usize, &str)> = BTreeMap::new();
        for case in self.report.cases_of(Kind::Program) {
            if case.verdict != Verdict::Accepted {
                continue;
            }
            let detail = case.details();
            let call = match detail.call.as_deref() {
                None | Some("load" | "store") => "load or store",
                Some(call) => call,
            };
            let what = detail.what.as_deref().unwrap_or("outcome");
            by_call.entry((call, what)).or_insert((0, &case.name)).0 += 1;
        }
        for ((call, what), (count, example)) in by_call {
            writeln!(
                out,
                "{call}: another {what} than recorded, but an allowed one, in {count} programs, \
                 such as {example}."
            )?;
        }
        Ok(())
    }

    fn write_unsupported(&self, out: &mut String) -> Result {
        let mut missing: Vec<(&str, usize)> = Vec::new();
        for case in self.report.cases_of(Kind::Program) {
            if case.verdict != Verdict::Unsupported {
                continue;
            }
            let name = case.details().reason.as_deref().unwrap_or_default();
            match missing.iter_mut().find(|(known, _)| *known == name) {
                Some((_, count)) => *count += 1,
                None => missing.push((name, 1)),
            }
        }
        for (name, count) in missing {
            writeln!(out, "Unsupported: {count} programs need `{name}`.")?;
        }
        Ok(())
    }
}
