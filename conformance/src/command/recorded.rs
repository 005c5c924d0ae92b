//! The report of replayed programs for people.

use std::collections::BTreeMap;
use std::io::{self, Write};

use super::replay::Selected;
use super::{How, quoted};
use crate::program::{Action, Program};
use crate::replay::{Counts, Mismatch, Replayed, Summary, Verdict};

/// Disagreements that are shown in full.
const SHOWN: usize = 10;

/// Which command runs a program again.
pub(super) enum Again {
    Run,
    Replay,
}

/// All that is known about a run.
pub(super) struct Report<'a> {
    pub(super) selected: &'a [Selected<'a>],
    pub(super) replayed: &'a [Replayed],
    pub(super) summary: &'a Summary,
    pub(super) how: &'a How,
    pub(super) again: &'a Again,
}

impl Report<'_> {
    pub(super) fn write(&self, out: &mut impl Write) -> io::Result<()> {
        self.write_table(out)?;
        self.write_disagreements(out)?;
        self.write_accepted(out)?;
        self.write_unsupported(out)?;
        self.write_verdict(out)
    }

    fn write_table(&self, out: &mut impl Write) -> io::Result<()> {
        let columns = ["programs", "calls", "agreed", "accepted", "disagreed"];
        write!(out, "{:<22}", "")?;
        for column in columns {
            write!(out, "{column:>11}")?;
        }
        writeln!(out)?;
        let syscalls = self.summary.syscalls.iter().map(|(call, counts)| (call.name(), counts));
        for (name, counts) in syscalls.chain([("loads and stores", &self.summary.accesses)]) {
            if counts.calls != 0 {
                write_row(out, name, counts)?;
            }
        }
        writeln!(out)
    }

    fn write_disagreements(&self, out: &mut impl Write) -> io::Result<()> {
        let is_bad = |replayed: &Replayed| {
            matches!(
                replayed.verdict,
                Verdict::Disagreed { .. } | Verdict::Lost { .. } | Verdict::Broken(_)
            )
        };
        let bad = self.selected.iter().zip(self.replayed).filter(|(_, replayed)| is_bad(replayed));
        let shown = if self.how.all { usize::MAX } else { SHOWN };
        let mut hidden = 0;
        for (index, (selected, replayed)) in bad.enumerate() {
            if index >= shown {
                hidden += 1;
                continue;
            }
            match &replayed.verdict {
                Verdict::Disagreed { step, mismatch } => {
                    self.write_disagreement(out, selected, *step, mismatch)?;
                }
                Verdict::Lost { kind, detail } => {
                    writeln!(out, "LOST       {}", selected.1.name)?;
                    writeln!(out, "  file      {}", selected.0.path)?;
                    writeln!(out, "  {:<9} {detail}", kind.name())?;
                }
                Verdict::Broken(error) => {
                    writeln!(out, "BROKEN     {}", selected.1.name)?;
                    writeln!(out, "  file      {}", selected.0.path)?;
                    writeln!(out, "  reason    {error}")?;
                }
                _ => {}
            }
            writeln!(out, "  again     {}\n", self.command(selected))?;
        }
        if hidden != 0 {
            writeln!(out, "… and {hidden} more; --all shows every one.\n")?;
        }
        Ok(())
    }

    fn write_disagreement(
        &self,
        out: &mut impl Write,
        (source, program): &Selected<'_>,
        step: usize,
        mismatch: &Mismatch,
    ) -> io::Result<()> {
        writeln!(out, "DISAGREES  {}", program.name)?;
        writeln!(out, "  file      {}", source.path)?;
        write_calls_before(out, program, step)?;
        writeln!(out, "  call {:<4} {}", step + 1, program.step_text(step))?;
        writeln!(out, "  expected  {} {}", mismatch.what, mismatch.expected)?;
        writeln!(out, "  actual    {} {}", mismatch.what, mismatch.actual)
    }

    /// Differences that are allowed, by the calls that they are about.
    fn write_accepted(&self, out: &mut impl Write) -> io::Result<()> {
        let mut by_call: BTreeMap<(&str, &str), (usize, &str)> = BTreeMap::new();
        for ((_, program), replayed) in self.selected.iter().zip(self.replayed) {
            let Verdict::Accepted { step, mismatch } = &replayed.verdict else { continue };
            let call = match &program.steps[*step].action {
                Action::Call(call) => call.syscall.name(),
                _ => "load or store",
            };
            by_call.entry((call, mismatch.what)).or_insert((0, &program.name)).0 += 1;
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

    fn write_unsupported(&self, out: &mut impl Write) -> io::Result<()> {
        let mut missing: Vec<(&str, usize)> = Vec::new();
        for replayed in self.replayed {
            let Verdict::Unsupported(capability) = &replayed.verdict else { continue };
            let name = capability.name();
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

    fn write_verdict(&self, out: &mut impl Write) -> io::Result<()> {
        let Summary { programs, agreed, accepted, disagreed, unsupported, lost, broken, .. } =
            *self.summary;
        let level = self.how.level().name();
        writeln!(
            out,
            "{} against edition 2018-06 at level {level}: {} of {programs} programs agree, \
             {accepted} accepted, {disagreed} disagree, {unsupported} unsupported, {lost} lost, \
             {broken} broken.",
            self.how.target.backend, agreed,
        )?;
        if disagreed + lost + broken == 0 && !self.summary.tested_anything() {
            writeln!(out, "Nothing was tested: no step that was run expects an outcome.")?;
        }
        Ok(())
    }

    /// The command that runs just one program again.
    fn command(&self, (source, program): &Selected<'_>) -> String {
        let name = quoted(&program.name);
        let mut command = match self.again {
            Again::Run => format!("vmo-conformance run --exact {name}"),
            Again::Replay => {
                format!("vmo-conformance replay {} --exact --only {name}", quoted(&source.path))
            }
        };
        command.push_str(&self.how.target.again());
        command
    }
}

fn write_row(out: &mut impl Write, name: &str, counts: &Counts) -> io::Result<()> {
    let Counts { programs, calls, agreed, accepted, disagreed } = *counts;
    write!(out, "{name:<22}")?;
    for count in [programs, calls, agreed, accepted, disagreed] {
        write!(out, "{count:>11}")?;
    }
    writeln!(out)
}

/// The steps that led to a disagreement, the last ones if they are many.
fn write_calls_before(out: &mut impl Write, program: &Program, step: usize) -> io::Result<()> {
    const MOST: usize = 12;
    let first = step.saturating_sub(MOST);
    if first != 0 {
        writeln!(out, "  …         {first} steps before")?;
    }
    for index in first..step {
        writeln!(out, "  after {:<3} {}", index + 1, program.step_text(index))?;
    }
    Ok(())
}
