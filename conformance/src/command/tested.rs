//! The report of the suite for people.

use std::collections::BTreeMap;
use std::io::{self, Write};

use super::{How, quoted};
use crate::ledger::conflicts;
use crate::suite::{CaseReport, CaseVerdict, Side, Test, failure_text};

/// Failures that are shown in full.
const SHOWN: usize = 10;

/// How many tests came out how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    passed: usize,
    failed: usize,
    crashed: usize,
    timed_out: usize,
    protocol: usize,
    broken: usize,
    unsupported: usize,
    hazards: usize,
}

impl Counts {
    fn add(&mut self, verdict: &CaseVerdict) {
        *match verdict {
            CaseVerdict::Pass => &mut self.passed,
            CaseVerdict::Fail { .. } => &mut self.failed,
            CaseVerdict::Crash(_) => &mut self.crashed,
            CaseVerdict::Timeout(_) => &mut self.timed_out,
            CaseVerdict::Protocol(_) => &mut self.protocol,
            CaseVerdict::Broken(_) => &mut self.broken,
            CaseVerdict::Unsupported(_) => &mut self.unsupported,
            CaseVerdict::Hazard => &mut self.hazards,
        } += 1;
    }

    pub(super) fn is_good(&self) -> bool {
        self.bad() == 0
    }

    pub(super) fn tested_anything(&self) -> bool {
        self.passed + self.bad() - self.broken != 0
    }

    /// Tests that did not come out as they should.
    fn bad(&self) -> usize {
        self.failed + self.crashed + self.timed_out + self.protocol + self.broken
    }
}

/// All that is known about a run of the suite.
pub(super) struct Report<'a> {
    pub(super) tests: &'a [&'a Test],
    pub(super) reports: &'a [CaseReport],
    pub(super) how: &'a How,
}

impl Report<'_> {
    pub(super) fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        self.reports.iter().for_each(|report| counts.add(&report.verdict));
        counts
    }

    pub(super) fn write(&self, out: &mut impl Write) -> io::Result<()> {
        if self.tests.is_empty() {
            return Ok(());
        }
        self.write_table(out)?;
        self.write_failures(out)?;
        self.write_conflicts(out)?;
        let Counts { passed, failed, crashed, timed_out, protocol, broken, unsupported, hazards } =
            self.counts();
        writeln!(
            out,
            "{} against edition 2018-06 at level {}: {passed} of {} tests pass, {failed} fail, \
             {crashed} crash, {timed_out} time out, {protocol} break the protocol, {broken} broken, \
             {unsupported} unsupported, {hazards} hazards not run.",
            self.how.target.backend,
            self.how.level().name(),
            self.tests.len(),
        )
    }

    fn write_table(&self, out: &mut impl Write) -> io::Result<()> {
        let mut modules: Vec<(&str, Counts)> = Vec::new();
        for (test, report) in self.tests.iter().zip(self.reports) {
            if modules.last().is_none_or(|(module, _)| *module != test.module()) {
                modules.push((test.module(), Counts::default()));
            }
            if let Some((_, counts)) = modules.last_mut() {
                counts.add(&report.verdict);
            }
        }
        writeln!(out, "{:<22}{:>11}{:>11}{:>13}", "", "passed", "failed", "unsupported")?;
        for (module, counts) in modules {
            let failed = counts.bad();
            let Counts { passed, unsupported, .. } = counts;
            writeln!(out, "{module:<22}{passed:>11}{failed:>11}{unsupported:>13}")?;
        }
        writeln!(out)
    }

    fn write_failures(&self, out: &mut impl Write) -> io::Result<()> {
        let shown = if self.how.all { usize::MAX } else { SHOWN };
        let mut hidden = 0;
        let failures = self.tests.iter().zip(self.reports).filter_map(|(test, report)| {
            let label = match report.verdict {
                CaseVerdict::Fail { .. } => "FAIL",
                CaseVerdict::Crash(_) => "CRASH",
                CaseVerdict::Timeout(_) => "TIMEOUT",
                CaseVerdict::Protocol(_) => "PROTOCOL",
                CaseVerdict::Broken(_) => "BROKEN",
                _ => return None,
            };
            Some((label, test, report))
        });
        for (index, (label, test, report)) in failures.enumerate() {
            if index >= shown {
                hidden += 1;
                continue;
            }
            let again = format!(
                "vmo-conformance run --exact {}{}",
                quoted(&test.name),
                self.how.target.again()
            );
            writeln!(out, "{label} {}", test.name)?;
            writeln!(out, "{}", failure_text(test, report, Some(&again)))?;
        }
        if hidden != 0 {
            writeln!(out, "… and {hidden} more; --all shows every one.\n")?;
        }
        Ok(())
    }

    /// On which side of each conflict the backend stands.
    fn write_conflicts(&self, out: &mut impl Write) -> io::Result<()> {
        let mut sides: BTreeMap<&str, (bool, bool)> = BTreeMap::new();
        for (conflict, side) in self.reports.iter().flat_map(|report| &report.sides) {
            let seen = sides.entry(conflict).or_default();
            match side {
                Side::Page => seen.0 = true,
                Side::Kernel => seen.1 = true,
            }
        }
        if sides.is_empty() {
            return Ok(());
        }
        let on = |wanted: (bool, bool)| -> Vec<&str> {
            let ids = conflicts().map(|conflict| conflict.id);
            ids.filter(|id| sides.get(id).copied().unwrap_or_default() == wanted).collect()
        };
        writeln!(
            out,
            "Where the pages and the kernel of June 2018 contradict each other, the backend"
        )?;
        for (label, wanted) in [
            ("sides with the kernel in", (false, true)),
            ("sides with the pages in", (true, false)),
            ("does now this, now that in", (true, true)),
            ("was not seen in", (false, false)),
        ] {
            let ids = on(wanted);
            if !ids.is_empty() {
                writeln!(out, "  {label} {}", ids.join(" "))?;
            }
        }
        writeln!(out)
    }
}
