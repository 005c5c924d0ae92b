//! The command line.

mod check_backend;
mod clauses;
mod compare;
mod completions;
mod configuration;
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
mod init;
mod known;
mod manual;
mod merge;
mod minimize;
mod output;
mod replay;
mod reports;
mod run;
mod serve;
mod source;
mod target;
mod terminal;
mod words;

use std::ffi::OsString;
use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Instant;

use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::backends::{self, BuiltIn, Choice};
use crate::level::Level;
use crate::remote;

use exit::Exit;
use failure::Failure;
use target::{LevelName, Target};
use terminal::Terminal;

/// Widest line of a help text.
const WIDTH: usize = 80;

/// Checks implementations of Zircon's virtual memory objects.
///
/// Checks implementations of Zircon's virtual memory objects. Without a command
/// it does `run`: everything there is, against the reference backend.
#[derive(Parser)]
#[command(
    name = "vmo-conformance",
    version,
    max_term_width = WIDTH,
    after_help = exit::SHORT_HELP,
    after_long_help = exit::HELP,
    disable_help_subcommand = true,
    override_usage = "vmo-conformance [OPTIONS] [COMMAND]"
)]
struct Command {
    #[command(subcommand)]
    action: Action,
    #[command(flatten)]
    terminal: Terminal,
}

#[derive(Subcommand)]
enum Action {
    /// Write a starter test, known failures and CI files.
    ///
    /// Write a starter test, a list of known failures, a configuration file and
    /// CI files into your project. Nothing that is there is overwritten.
    #[command(after_help = "Example: vmo-conformance init --kind rust --github")]
    Init(init::Init),
    /// Run the suite, and replay recordings of a real kernel.
    #[command(after_help = "Example: vmo-conformance run --level kernel 'vmo_clone::*'")]
    Run(run::Run),
    /// Replay programs from files and folders.
    #[command(after_help = "Example: vmo-conformance replay corpus --level kernel")]
    Replay(replay::Replay),
    /// List the clauses of the contract with their tests.
    #[command(after_help = "Example: vmo-conformance clauses --call vmo_clone --level seed")]
    Clauses(clauses::Clauses),
    /// Run the suite, or fuzz, against wrong backends.
    ///
    /// Run the suite, or fuzz, against wrong backends, each the reference with a
    /// mistake.
    #[command(after_help = "Example: vmo-conformance faults --class rounding 'create_*'")]
    Faults(faults::Faults),
    /// Try random programs, each judged by the oracle.
    #[command(after_help = "Example: vmo-conformance fuzz --time 5m --out findings")]
    Fuzz(fuzz::Fuzz),
    /// Shrink programs that fail.
    ///
    /// Shrink programs that fail to the shortest that break the same clause.
    #[command(after_help = "Example: vmo-conformance minimize found.vmo --backend \
                            fault:create_rounds_size_down --out short.vmo")]
    Minimize(minimize::Minimize),
    /// Write a program as text, as a Rust test or as a C program.
    #[command(after_help = "Example: vmo-conformance export short.vmo --as c --backend \
                            fault:create_rounds_size_down --out short.c")]
    Export(export::Export),
    /// Try all short programs, each judged by the oracle.
    ///
    /// Try all programs up to a length over a small universe, each judged by the
    /// oracle.
    #[command(after_help = "Example: vmo-conformance enumerate --depth 2 --universe mappings")]
    Enumerate(enumerate::Enumerate),
    /// Show reports side by side, and what got better or worse.
    #[command(after_help = "Example: vmo-conformance compare yesterday.json today.json")]
    Compare(compare::Compare),
    /// Put the reports of all parts of a run together.
    #[command(after_help = "Example: vmo-conformance merge 1.json 2.json --report html=all.html")]
    Merge(merge::Merge),
    /// List the backends that are built in.
    #[command(after_help = "Example: vmo-conformance backends")]
    Backends,
    /// Try an adapter step by step, and say what to do next.
    #[command(after_help = "Example: vmo-conformance check-backend --backend lib:./libzircon.so")]
    CheckBackend(check_backend::CheckBackend),
    /// Print what completes the command in a shell.
    #[command(after_help = "Example: vmo-conformance completions zsh > _vmo-conformance")]
    Completions(completions::Completions),
    /// Print the manual page, or write those of all commands.
    #[command(after_help = "Example: vmo-conformance man --out /usr/local/share/man/man1")]
    Man(manual::Man),
    /// Be the agent of a backend, for a tester elsewhere.
    #[command(
        after_help = "Example: vmo-conformance serve --backend reference --listen tcp:localhost:7001"
    )]
    Serve(serve::Serve),
}

/// How a backend is checked.
#[derive(Args)]
struct How {
    #[command(flatten)]
    target: Target,
    /// Threads.
    ///
    /// Threads, each with a backend of its own; eight for each of the host's
    /// cores if not given, as some tests sleep.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    jobs: Option<u16>,
    /// Show all failures, not just the first.
    #[arg(long)]
    all: bool,
}

impl How {
    fn level(&self) -> Level {
        self.target.level()
    }

    /// Threads to use, as far as there can be so many backends.
    fn jobs(&self, backend: &Choice) -> usize {
        let jobs = self.jobs.map(usize::from).unwrap_or_else(|| {
            8 * std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
        });
        jobs.min(backend.backends_at_once())
    }
}

/// The command `vmo-conformance` for a program that brings along backends of its
/// own: all of the command line, with the first of them as the default.
///
/// ```no_run
/// use vmo_conformance::backends::{BuiltIn, StartError};
/// use vmo_reference::{Configuration, Reference};
///
/// static MINE: [BuiltIn; 1] = [BuiltIn {
///     name: "mine",
///     description: "the implementation of this crate",
///     start: || match Reference::new(Configuration::default()) {
///         Ok(backend) => Ok(Box::new(backend)),
///         Err(error) => Err(StartError(error.to_string())),
///     },
/// }];
///
/// fn main() -> std::process::ExitCode {
///     vmo_conformance::command::main_with(&MINE)
/// }
/// ```
pub fn main_with(own: &'static [BuiltIn]) -> ExitCode {
    backends::bring_along(own);
    main(std::env::args_os())
}

/// Runs the command line with the given arguments, the program's name first,
/// and answers with the exit code.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments: Vec<_> = arguments.into_iter().collect();
    if let [_, word, rest @ ..] = arguments.as_slice()
        && word == remote::LAUNCH
    {
        let error = remote::launch(rest);
        eprintln!("error: the program cannot be started: {error}");
        return Exit::NotStarted.into();
    }
    remote::can_launch();
    let known = Command::command().color(terminal::colours(&arguments));
    let words = words::with_command(&known, arguments);
    let configured = match configuration::configured(known, &words) {
        Ok(configured) => configured,
        Err(error) => {
            eprintln!("error: {error}");
            return Exit::Usage.into();
        }
    };
    let parsed = configured.command.try_get_matches_from(words);
    let command = match parsed.and_then(|matches| Command::from_arg_matches(&matches)) {
        Ok(command) => command,
        Err(error) => {
            let exit = if error.use_stderr() { Exit::Usage } else { Exit::Good };
            // Where neither stream can be written to, the exit code is all
            // that is left to say.
            let _ = error.print();
            return exit.into();
        }
    };
    command.terminal.choose();
    if let Some(words) = configured.remark {
        terminal::remark(|| words);
    }
    let started = Instant::now();
    let result = match command.action {
        Action::Init(arguments) => init::init(&arguments),
        Action::Run(arguments) => run::run(&arguments),
        Action::Replay(arguments) => replay::replay(&arguments),
        Action::Clauses(arguments) => clauses::clauses(&arguments),
        Action::Faults(arguments) => faults::faults(&arguments),
        Action::Fuzz(arguments) => fuzz::fuzz(&arguments),
        Action::Minimize(arguments) => minimize::minimize(&arguments),
        Action::Export(arguments) => export::export(&arguments),
        Action::Enumerate(arguments) => enumerate::enumerate(&arguments),
        Action::Completions(arguments) => completions::completions(&arguments),
        Action::Man(arguments) => manual::manual(&arguments),
        Action::Backends => list_backends(),
        Action::Compare(arguments) => compare::compare(&arguments),
        Action::Merge(arguments) => merge::merge(&arguments),
        Action::CheckBackend(arguments) => check_backend::check_backend(&arguments),
        Action::Serve(arguments) => serve::serve(&arguments),
    };
    terminal::remark(|| format!("took {:.1} s", started.elapsed().as_secs_f64()));
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
    for backend in backends::known() {
        writeln!(out, "{:<19} {}", backend.name, backend.description)?;
    }
    let faults = "the reference with a mistake that `vmo-conformance faults --list` names";
    writeln!(out, "{:<19} {faults}", "fault:NAME")?;
    writeln!(out, "{:<19} any of these in a process of its own", "isolated:…")?;
    for (scheme, description) in remote::SCHEMES {
        writeln!(out, "{scheme:<19} {description}")?;
    }
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
