//! The command line.

mod clauses;
mod compare;
mod enumerate;
mod enumerated_faults;
mod exit;
mod export;
mod failure;
mod faults;
mod findings;
mod fuzz;
mod fuzzed;
mod hunted;
mod known;
mod merge;
mod minimize;
mod output;
mod replay;
mod reports;
mod run;
mod source;

use std::ffi::OsString;
use std::io::{self, Write};
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::backends::{self, Choice};
use crate::level::Level;
use crate::shard::Shard;
use crate::suite::Start;

use exit::Exit;
use failure::Failure;
use known::Known;
use reports::{Described, Recording, Reports};

/// Checks implementations of Zircon's virtual memory objects.
///
/// Without a subcommand it does `run`: everything there is, against the
/// reference backend.
#[derive(Parser)]
#[command(
    name = "vmo-conformance",
    version,
    after_help = exit::HELP,
    args_conflicts_with_subcommands = true
)]
struct Command {
    #[command(subcommand)]
    action: Option<Action>,
    #[command(flatten)]
    run: run::Run,
}

#[derive(Subcommand)]
enum Action {
    /// Run the suite, and replay what a real kernel was recorded to do.
    #[command(after_help = "Example: vmo-conformance run --level kernel 'vmo_clone::*'")]
    Run(run::Run),
    /// Replay programs from files: .vmo, recorded .jsonl, or folders of these.
    #[command(after_help = "Example: vmo-conformance replay corpus --level kernel")]
    Replay(replay::Replay),
    /// List the clauses of the contract with their tests.
    #[command(after_help = "Example: vmo-conformance clauses --call vmo_clone --level seed")]
    Clauses(clauses::Clauses),
    /// Run the suite, or fuzz, against wrong backends, each the reference with a
    /// mistake.
    #[command(after_help = "Example: vmo-conformance faults --class rounding 'create_*'")]
    Faults(faults::Faults),
    /// Try random programs, each judged by the oracle.
    #[command(after_help = "Example: vmo-conformance fuzz --time 5m --out findings")]
    Fuzz(fuzz::Fuzz),
    /// Shrink programs that fail to the shortest that break the same clause.
    #[command(after_help = "Example: vmo-conformance minimize found.vmo --backend \
                            fault:create_rounds_size_down --out short.vmo")]
    Minimize(minimize::Minimize),
    /// Write a program as text, as a Rust test or as a C program for Zircon.
    #[command(after_help = "Example: vmo-conformance export short.vmo --as c --backend \
                            fault:create_rounds_size_down --out short.c")]
    Export(export::Export),
    /// Try all programs up to a length over a small universe, judged by the oracle.
    #[command(after_help = "Example: vmo-conformance enumerate --depth 2 --universe mappings")]
    Enumerate(enumerate::Enumerate),
    /// Show reports side by side, and what got better or worse.
    #[command(after_help = "Example: vmo-conformance compare yesterday.json today.json")]
    Compare(compare::Compare),
    /// Put the reports of all parts of a run together.
    #[command(after_help = "Example: vmo-conformance merge 1.json 2.json --report html=all.html")]
    Merge(merge::Merge),
    /// List the backends that are built in.
    Backends,
}

/// How a backend is checked.
#[derive(Args)]
struct How {
    /// The backend to check: one that `vmo-conformance backends` lists, or
    /// fault:NAME for the reference with a mistake.
    #[arg(long, default_value = "reference", value_name = "NAME")]
    backend: String,
    /// What to hold it to: the seed page, all pages, or also the kernel.
    #[arg(long, value_enum, default_value_t = LevelName::Page)]
    level: LevelName,
    /// Threads, each with a backend of its own; eight for each of the host's
    /// cores if not given, as some tests sleep.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    jobs: Option<u16>,
    /// Show every failure in full, not just the first ones.
    #[arg(long)]
    all: bool,
}

impl How {
    fn level(&self) -> Level {
        Self::level_of(self.level)
    }

    fn level_of(name: LevelName) -> Level {
        match name {
            LevelName::Seed => Level::Seed,
            LevelName::Page => Level::Page,
            LevelName::Kernel => Level::Kernel,
        }
    }

    fn jobs(&self) -> usize {
        self.jobs.map(usize::from).unwrap_or_else(|| {
            8 * std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
        })
    }

    fn backend(&self) -> Result<Choice, Failure> {
        Ok(backends::named(&self.backend)?)
    }

    /// Begins the report of a run, as a backend that was just started claims.
    fn begin<'r>(
        &'r self,
        command: &'static str,
        reports: &'r Reports,
        shard: Option<Shard>,
        known: Option<&'r Known<'r>>,
        start: &Start<'_>,
    ) -> Result<Recording<'r>, Failure> {
        let backend = start()?;
        reports.begin(&Described {
            command,
            backend: &self.backend,
            environment: backend.environment(),
            level: self.level(),
            shard,
            known,
        })
    }

    /// The options that a command needs to check in the same way again.
    fn again(&self) -> String {
        let mut options = String::new();
        if self.backend != "reference" {
            options.push_str(&format!(" --backend {}", quoted(&self.backend)));
        }
        if self.level() != Level::default() {
            options.push_str(&format!(" --level {}", self.level().name()));
        }
        options
    }
}

#[derive(Clone, Copy, ValueEnum)]
enum LevelName {
    Seed,
    Page,
    Kernel,
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
        None => run::run(&command.run),
        Some(Action::Run(arguments)) => run::run(&arguments),
        Some(Action::Replay(arguments)) => replay::replay(&arguments),
        Some(Action::Clauses(arguments)) => clauses::clauses(&arguments),
        Some(Action::Faults(arguments)) => faults::faults(&arguments),
        Some(Action::Fuzz(arguments)) => fuzz::fuzz(&arguments),
        Some(Action::Minimize(arguments)) => minimize::minimize(&arguments),
        Some(Action::Export(arguments)) => export::export(&arguments),
        Some(Action::Enumerate(arguments)) => enumerate::enumerate(&arguments),
        Some(Action::Compare(arguments)) => compare::compare(&arguments),
        Some(Action::Merge(arguments)) => merge::merge(&arguments),
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

fn list_backends() -> Result<Exit, Failure> {
    let mut out = io::stdout().lock();
    for backend in backends::BUILT_IN {
        writeln!(out, "{:<12} {}", backend.name, backend.description)?;
    }
    let faults = "the reference with a mistake that `vmo-conformance faults --list` names";
    writeln!(out, "{:<12} {faults}", "fault:NAME")?;
    Ok(Exit::Good)
}

/// A word that a shell takes as it is.
fn quoted(word: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-+=:,@%".contains(&byte);
    if !word.is_empty() && word.bytes().all(is_plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}
