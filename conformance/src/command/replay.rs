//! `replay`, and what `run` has in common with it.

use std::io::{self, Write};
use std::path::PathBuf;

use clap::Args;

use super::exit::Exit;
use super::failure::Failure;
use super::known::KnownFailures;
use super::reports::{Described, Ending, Recording, Reports};
use super::source::{self, Source};
use super::{How, quoted};
use crate::backends::Choice;
use crate::pattern::matches;
use crate::program::Program;
use crate::replay::{Replayed, Summary, replay_all_told};
use crate::report::{Case, Report, STEPS_JUDGED, counts_of_calls};
use crate::shard::Shard;

#[derive(Args)]
pub(super) struct Replay {
    /// Files with programs (.vmo, or recorded .jsonl), and folders of these.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Only the programs of this name or pattern.
    ///
    /// Only the programs of this name or pattern; may be repeated.
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,
    /// Take the names literally, without patterns.
    #[arg(long)]
    exact: bool,
    /// Run just one of several parts, such as 1/4.
    #[arg(long, value_name = "K/N")]
    shard: Option<Shard>,
    #[command(flatten)]
    known: KnownFailures,
    #[command(flatten)]
    reports: Reports,
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
        if self.exact { pattern == name } else { matches(pattern, name) }
    }
}

pub(super) fn replay(arguments: &Replay) -> Result<Exit, Failure> {
    arguments.reports.check()?;
    let sources = source::from_paths(&arguments.files)?;
    let selection = Selection { names: &arguments.only, exact: arguments.exact };
    for name in selection.names {
        let mut programs = sources.iter().flat_map(|source| &source.programs);
        if !programs.any(|program| selection.matches(name, &program.name)) {
            return Err(Failure::NoSuchName(name.clone()));
        }
    }
    let selected = select(&sources, |program| selection.selects(&program.name));
    let selected = match arguments.shard {
        Some(shard) => shard.of(selected),
        None => selected,
    };
    let how = &arguments.how;
    let backend = how.target.choice()?;
    let known = arguments.known.read()?;
    let (reports, shard) = (&arguments.reports, arguments.shard);
    let target = &how.target;
    let described = Described { command: "replay", target, shard, known: known.as_ref() };
    let recording = reports.begin(&described, &|| backend.start())?;
    recording.expects(selected.len());
    let replayed = judge(&recording, 0, &selected, how, &backend, &Again::Replay).map(Some);
    let programs = sources.iter().flat_map(|source| &source.programs);
    let others: Vec<_> = programs.map(|program| program.name.as_str()).collect();
    let ending = Ending { all: how.all, others: &others, ..Ending::default() };
    finish(recording, replayed, reports, ending, None)
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

/// Which command runs a program again.
pub(super) enum Again {
    Run,
    Replay,
}

impl Again {
    fn command(&self, (source, program): &Selected<'_>, how: &How) -> String {
        let name = quoted(&program.name);
        let mut command = match self {
            Self::Run => format!("vmo-conformance run --exact {name}"),
            Self::Replay => {
                format!("vmo-conformance replay {} --exact --only {name}", quoted(&source.path))
            }
        };
        command.push_str(&how.target.again());
        command
    }
}

/// Replays programs; the first of them has the place `first` in the report.
pub(super) fn judge(
    recording: &Recording<'_>,
    first: usize,
    selected: &[Selected<'_>],
    how: &How,
    backend: &Choice,
    again: &Again,
) -> Result<Summary, Failure> {
    let start = || backend.start();
    let programs: Vec<_> = selected.iter().map(|(_, program)| *program).collect();
    let judged = |index: usize, replayed: &Replayed| {
        let (source, program) = &selected[index];
        let again = || again.command(&selected[index], how);
        recording.judged(first + index, Case::of_program(program, replayed, &source.path, again));
    };
    let replayed = replay_all_told(&programs, how.level(), how.jobs(backend), &start, &judged)?;
    Ok(Summary::of(&programs, &replayed))
}

/// Ends a run: prints and writes its report, and tells how it went. The hint is
/// for people if nothing was tested.
pub(super) fn finish(
    recording: Recording<'_>,
    replayed: Result<Option<Summary>, Failure>,
    reports: &Reports,
    ending: Ending<'_>,
    hint: Option<String>,
) -> Result<Exit, Failure> {
    let ending = Ending { is_cut_short: replayed.is_err(), ..ending };
    let report = recording.finish(&ending, |report| {
        if let Ok(Some(summary)) = &replayed {
            report.calls = counts_of_calls(summary);
            report.totals.insert(STEPS_JUDGED.to_owned(), summary.steps_judged as u64);
        }
    })?;
    replayed?;
    let exit = exit_of(&report);
    if exit == Exit::NothingTested && report.run.command == "run" && reports.prints_for_people() {
        let mut out = io::stdout().lock();
        writeln!(out, "Nothing was tested.")?;
        if let Some(hint) = hint {
            writeln!(out, "{hint}")?;
        }
    }
    Ok(exit)
}

/// How a run with this report ends.
pub(super) fn exit_of(report: &Report) -> Exit {
    if report.bad() != 0 {
        Exit::Disagreed
    } else if !report.stale.is_empty() {
        Exit::Stale
    } else if !report.tested_anything() {
        Exit::NothingTested
    } else {
        Exit::Good
    }
}
