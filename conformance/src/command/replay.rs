//! `replay`, and what `run` has in common with it.

use std::io::{self, Write};
use std::path::PathBuf;

use clap::Args;

use super::How;
use super::exit::Exit;
use super::failure::Failure;
use super::recorded::{Again, Report};
use super::source::{self, Source};
use crate::program::Program;
use crate::replay::{Summary, replay_all};

#[derive(Args)]
pub(super) struct Replay {
    /// Files or folders to replay.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Replay just the programs of this name or pattern; may be repeated.
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,
    /// Take the names of --only literally, without patterns.
    #[arg(long)]
    exact: bool,
    #[command(flatten)]
    how: How,
}

/// A program and the file it comes from.
pub(super) type Selected<'a> = (&'a Source, &'a Program);

/// Names or patterns that select what is run; everything if there are none.
pub(super) struct Selection<'a> {
    pub(super) names: &'a [String],
    pub(super) exact: bool,
}

impl Selection<'_> {
    /// Whether one of the names or patterns means this name.
    pub(super) fn selects(&self, name: &str) -> bool {
        self.names.is_empty() || self.names.iter().any(|pattern| self.matches(pattern, name))
    }

    pub(super) fn matches(&self, pattern: &str, name: &str) -> bool {
        if self.exact { pattern == name } else { source::matches(pattern, name) }
    }
}

pub(super) fn replay(arguments: &Replay) -> Result<Exit, Failure> {
    let sources = source::from_paths(&arguments.files)?;
    let selection = Selection { names: &arguments.only, exact: arguments.exact };
    for name in selection.names {
        let mut programs = sources.iter().flat_map(|source| &source.programs);
        if !programs.any(|program| selection.matches(name, &program.name)) {
            return Err(Failure::NoSuchName(name.clone()));
        }
    }
    let selected = select(&sources, |program| selection.selects(&program.name));
    let mut out = io::BufWriter::new(io::stdout().lock());
    let summary = judge(&mut out, &selected, &arguments.how, &Again::Replay)?;
    out.flush()?;
    Ok(exit_of(&summary))
}

/// The programs of files that satisfy a condition.
pub(super) fn select(
    sources: &[Source],
    is_selected: impl Fn(&Program) -> bool,
) -> Vec<Selected<'_>> {
    let programs = sources
        .iter()
        .flat_map(|source| source.programs.iter().map(move |program| (source, program)));
    programs.filter(|(_, program)| is_selected(program)).collect()
}

/// Replays programs and reports what came of them.
pub(super) fn judge(
    out: &mut impl Write,
    selected: &[Selected<'_>],
    how: &How,
    again: &Again,
) -> Result<Summary, Failure> {
    let backend = how.target.choice()?;
    let start = || backend.start();
    let programs: Vec<_> = selected.iter().map(|(_, program)| *program).collect();
    let replayed = replay_all(&programs, how.level(), how.jobs(&backend), &start)?;
    let summary = Summary::of(&programs, &replayed);
    Report { selected, replayed: &replayed, summary: &summary, how, again }.write(out)?;
    Ok(summary)
}

fn exit_of(summary: &Summary) -> Exit {
    if !summary.is_good() {
        Exit::Disagreed
    } else if !summary.tested_anything() {
        Exit::NothingTested
    } else {
        Exit::Good
    }
}
