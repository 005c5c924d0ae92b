//! The command line.

mod exit;
mod report;
mod source;

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::backends::{self, BuiltIn};
use crate::level::Level;
use crate::program::Program;
use crate::replay::{Summary, replay_all};

use exit::Exit;
use source::{Source, SourceError};

/// Checks implementations of Zircon's virtual memory objects.
///
/// Without a subcommand it does `run`: everything there is, against the
/// reference backend.
#[derive(Parser)]
#[command(name = "vmo-conformance", version, after_help = exit::HELP, args_conflicts_with_subcommands = true)]
struct Command {
    #[command(subcommand)]
    action: Option<Action>,
    #[command(flatten)]
    run: Run,
}

#[derive(Subcommand)]
enum Action {
    /// Run everything there is: the recordings of a real kernel.
    #[command(after_help = "Example: vmo-conformance run --level kernel 'clone-trees/*'")]
    Run(Run),
    /// Replay programs from files: .vmo, recorded .jsonl, or folders of these.
    #[command(after_help = "Example: vmo-conformance replay corpus --level kernel")]
    Replay(Replay),
    /// List the backends that are built in.
    Backends,
}

#[derive(Args)]
struct Run {
    /// Programs to run, by name or pattern with `*`; all if none is given.
    names: Vec<String>,
    /// Take the names literally, without patterns.
    #[arg(long)]
    exact: bool,
    /// Print the names of the programs instead of running them.
    #[arg(long)]
    list: bool,
    #[command(flatten)]
    how: How,
}

#[derive(Args)]
struct Replay {
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

#[derive(Args)]
struct How {
    /// The backend to check; `vmo-conformance backends` lists them.
    #[arg(long, default_value = "reference", value_name = "NAME")]
    backend: String,
    /// What to hold it to: what the pages promise, or also what the recorded
    /// kernel did.
    #[arg(long, value_enum, default_value_t = LevelName::Page)]
    level: LevelName,
    /// Threads, each with a backend of its own; the host's cores if not given.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    jobs: Option<u16>,
    /// Show every disagreement in full, not just the first ones.
    #[arg(long)]
    all: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum LevelName {
    Page,
    Kernel,
}

impl From<LevelName> for Level {
    fn from(name: LevelName) -> Self {
        match name {
            LevelName::Page => Self::Page,
            LevelName::Kernel => Self::Kernel,
        }
    }
}

/// Runs the command line with the given arguments, the program's name first,
/// and answers with the exit code.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let command = match Command::try_parse_from(arguments) {
        Ok(command) => command,
        Err(error) => {
            let exit = if error.use_stderr() { Exit::Usage } else { Exit::Good };
            // Where neither stream can be written to, the exit code is all
            // that is left to say.
            let _ = error.print();
            return exit.into();
        }
    };
    let result = match command.action {
        None => run(&command.run),
        Some(Action::Run(run_arguments)) => run(&run_arguments),
        Some(Action::Replay(replay_arguments)) => replay(&replay_arguments),
        Some(Action::Backends) => list_backends(),
    };
    match result {
        Ok(exit) => exit.into(),
        Err(Failure::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => {
            // Whoever reads has seen enough.
            Exit::Good.into()
        }
        Err(failure) => {
            eprintln!("error: {failure}");
            failure.exit().into()
        }
    }
}

/// Why a command could not do its work.
#[derive(Debug)]
enum Failure {
    Source(SourceError),
    UnknownBackend(String),
    NoSuchProgram(String),
    Start(backends::StartError),
    Output(io::Error),
}

impl Failure {
    fn exit(&self) -> Exit {
        match self {
            Self::Source(_)
            | Self::UnknownBackend(_)
            | Self::NoSuchProgram(_)
            | Self::Output(_) => Exit::Usage,
            Self::Start(_) => Exit::NotStarted,
        }
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Source(error) => error.fmt(f),
            Self::UnknownBackend(name) => {
                let known: Vec<_> = backends::BUILT_IN.iter().map(|known| known.name).collect();
                write!(f, "unknown backend `{name}`: known are {}", known.join(", "))
            }
            Self::NoSuchProgram(name) => write!(
                f,
                "no program is called `{name}`; `vmo-conformance run --list` prints the names"
            ),
            Self::Start(error) => error.fmt(f),
            Self::Output(error) => write!(f, "the output cannot be written: {error}"),
        }
    }
}

impl From<SourceError> for Failure {
    fn from(error: SourceError) -> Self {
        Self::Source(error)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

fn run(arguments: &Run) -> Result<Exit, Failure> {
    let sources = source::built_in()?;
    let selected = select(&sources, &arguments.names, arguments.exact)?;
    if arguments.list {
        let mut out = io::BufWriter::new(io::stdout().lock());
        for (_, program) in &selected {
            writeln!(out, "{}", program.name)?;
        }
        out.flush()?;
        return Ok(Exit::Good);
    }
    judge(&selected, &arguments.how, &report::Again::Run)
}

fn replay(arguments: &Replay) -> Result<Exit, Failure> {
    let sources = source::from_paths(&arguments.files)?;
    let selected = select(&sources, &arguments.only, arguments.exact)?;
    judge(&selected, &arguments.how, &report::Again::Replay)
}

/// A program and the file it comes from.
type Selected<'a> = (&'a Source, &'a Program);

/// The programs that names or patterns select, all if there are none.
fn select<'a>(
    sources: &'a [Source],
    names: &[String],
    exact: bool,
) -> Result<Vec<Selected<'a>>, Failure> {
    let programs = || {
        sources
            .iter()
            .flat_map(|source| source.programs.iter().map(move |program| (source, program)))
    };
    if names.is_empty() {
        return Ok(programs().collect());
    }
    let matches = |pattern: &str, name: &str| {
        if exact { pattern == name } else { source::matches(pattern, name) }
    };
    for name in names {
        if !programs().any(|(_, program)| matches(name, &program.name)) {
            return Err(Failure::NoSuchProgram(name.clone()));
        }
    }
    let is_selected = |program: &Program| names.iter().any(|name| matches(name, &program.name));
    Ok(programs().filter(|(_, program)| is_selected(program)).collect())
}

fn judge(selected: &[Selected<'_>], how: &How, again: &report::Again) -> Result<Exit, Failure> {
    let BuiltIn { start, .. } = backends::built_in(&how.backend)
        .ok_or_else(|| Failure::UnknownBackend(how.backend.clone()))?;
    let level = Level::from(how.level);
    let jobs = how
        .jobs
        .map(usize::from)
        .unwrap_or_else(|| std::thread::available_parallelism().map_or(1, std::num::NonZero::get));
    let programs: Vec<_> = selected.iter().map(|(_, program)| *program).collect();
    let replayed = replay_all(&programs, level, jobs, start).map_err(Failure::Start)?;
    let summary = Summary::of(&programs, &replayed);

    let mut out = io::BufWriter::new(io::stdout().lock());
    let report = report::Report { selected, replayed: &replayed, summary: &summary, how, again };
    report.write(&mut out)?;
    out.flush()?;
    Ok(if !summary.is_good() {
        Exit::Disagreed
    } else if !summary.tested_anything() {
        Exit::NothingTested
    } else {
        Exit::Good
    })
}

fn list_backends() -> Result<Exit, Failure> {
    let mut out = io::stdout().lock();
    for backend in backends::BUILT_IN {
        writeln!(out, "{:<12} {}", backend.name, backend.description)?;
    }
    Ok(Exit::Good)
}
