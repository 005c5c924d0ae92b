//! `fuzz`: random programs, judged by the oracle.

use std::hash::{BuildHasher, Hasher};
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use clap::Args;
use indicatif::ProgressBar;
use vmo_abi::Syscall;

use super::exit::Exit;
use super::failure::Failure;
use super::fuzzed::Fuzzed;
use super::reports::{Described, Ending, Reports, Told};
use super::target::{Target, time};
use super::{quoted, terminal};
use crate::backends::{Choice, StartError};
use crate::fuzz::{self, Context, Folder, Plan, Progress};
use crate::generate::Profile;
use crate::report::{Case, STEPS_JUDGED};

/// How long a run takes if nothing is said about it.
const DEFAULT_TIME: Duration = Duration::from_secs(60);
/// Most threads; each has a backend of its own.
const MOST_JOBS: i64 = 512;

/// What `fuzz` takes.
#[derive(Args)]
pub(super) struct Fuzz {
    #[command(flatten)]
    target: Target,
    /// The seed of the run.
    ///
    /// The seed of the run, decimal or 0x…; a new one each time if not given.
    #[arg(long, value_name = "N", value_parser = number)]
    seed: Option<u64>,
    /// Time to spend, such as 60s or 5m.
    ///
    /// Time to spend, such as 60s or 5m; 60s if --programs is not given.
    #[arg(long, value_name = "TIME", value_parser = time)]
    time: Option<Duration>,
    /// Programs to try at most.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    programs: Option<u64>,
    /// Threads.
    ///
    /// Threads, each with a backend of its own; one for each of the host's
    /// cores if not given. They do not change what is tried or found.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=MOST_JOBS))]
    jobs: Option<u16>,
    /// Use only these calls, and vmo_create.
    ///
    /// Use only these calls, such as vmo_clone,vmo_read, besides vmo_create;
    /// may be repeated.
    #[arg(long = "call", value_name = "CALLS", value_delimiter = ',')]
    calls: Vec<String>,
    /// End with the first finding.
    ///
    /// End with the first finding instead of collecting one for each broken
    /// clause and call.
    #[arg(long)]
    stop_at_first: bool,
    /// Also write findings to this folder.
    ///
    /// Also write findings to this folder, each as a program of its own.
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
    /// Also print the clauses that were not reached.
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    reports: Reports,
}

/// A number as programs write it.
fn number(text: &str) -> Result<u64, String> {
    let parsed = match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16),
        None => text.parse(),
    };
    parsed.map_err(|error| error.to_string())
}

/// The host's cores.
pub(super) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

impl Fuzz {
    fn plan(&self, backend: &Choice) -> Result<Plan, Failure> {
        let offered = backend.start()?.environment().capabilities;
        let mut profile = Profile::all(offered).with_memory_control(offered);
        if !self.calls.is_empty() {
            let mut calls = vec![Syscall::vmo_create];
            for name in &self.calls {
                let call =
                    Syscall::from_name(name).ok_or_else(|| Failure::UnknownCall(name.clone()))?;
                let needed = call.declaration().capability;
                if !offered.contains(needed) {
                    return Err(StartError(format!(
                        "it does not offer `{}`, which {name} needs",
                        needed.name()
                    ))
                    .into());
                }
                calls.push(call);
            }
            profile = profile.only(&calls);
        }
        let has_budget = self.time.is_some() || self.programs.is_some();
        Ok(Plan {
            // Of this many bits nobody will come upon the same ones twice.
            seed: self
                .seed
                .unwrap_or_else(|| std::hash::RandomState::new().build_hasher().finish()),
            level: self.target.level(),
            profile,
            programs: self.programs,
            time: if has_budget { self.time } else { Some(DEFAULT_TIME) },
            jobs: self.jobs.map_or_else(cores, usize::from).min(backend.backends_at_once()),
            stop_at_first: self.stop_at_first,
        })
    }

    /// The command that tries the same programs again, up to the program of
    /// this number.
    fn again(&self, seed: u64, number: u64) -> String {
        let mut command =
            format!("vmo-conformance fuzz --seed {seed:#x} --programs {}", number + 1);
        command.push_str(&self.target.again());
        if !self.calls.is_empty() {
            command.push_str(&format!(" --call {}", quoted(&self.calls.join(","))));
        }
        command
    }
}

/// Shows how far a run has come while it goes on, on a terminal only.
fn watch(progress: &Progress, bar: &ProgressBar, is_over: &AtomicBool) {
    while !is_over.load(Ordering::Relaxed) {
        let programs = progress.programs.load(Ordering::Relaxed);
        let calls = progress.calls.load(Ordering::Relaxed) as f64;
        let rate = calls / bar.elapsed().as_secs_f64().max(1e-3);
        bar.set_message(format!("{programs} programs, {:.2} million calls a second", rate / 1e6));
        bar.set_position(match bar.length() {
            Some(length) if length != 0 => length.min(programs),
            _ => programs,
        });
        std::thread::sleep(Duration::from_millis(100));
    }
    bar.finish_and_clear();
}

/// A bar towards the number of programs, or a spinner if only time ends the run.
fn bar_for(plan: &Plan) -> ProgressBar {
    match plan.programs {
        Some(programs) => {
            terminal::progress(Some(programs), "{elapsed_precise} {wide_bar} {msg}, {eta} left")
        }
        None => terminal::progress(None, "{spinner} {elapsed_precise} {msg}"),
    }
}

pub(super) fn fuzz(arguments: &Fuzz) -> Result<Exit, Failure> {
    arguments.reports.check()?;
    let folder = match &arguments.out {
        None => None,
        Some(path) => {
            let unwritable =
                |error| Failure::FindingsUnwritable { path: path.clone(), error, findings: 0 };
            Some(Folder::create(path).map_err(unwritable)?)
        }
    };
    let backend = arguments.target.choice()?;
    let plan = arguments.plan(&backend)?;
    let start = move || backend.start();
    let described =
        Described { command: "fuzz", target: &arguments.target, shard: None, known: None };
    let mut recording = arguments.reports.begin(&described, &start)?;
    if arguments.seed.is_none() {
        recording.add_arguments(&["--seed", &format!("{:#x}", plan.seed)]);
    }
    let mut told = Told::default();
    let mut found = 0;
    let (progress, is_over) = (Progress::default(), AtomicBool::new(false));
    let bar = bar_for(&plan);
    let mut unwritten: Option<io::Error> = None;
    let mut unprinted: Option<io::Error> = None;
    let report = std::thread::scope(|scope| {
        scope.spawn(|| watch(&progress, &bar, &is_over));
        let report = fuzz::fuzz(&plan, &start, &progress, |finding| {
            let command = arguments.again(plan.seed, finding.number);
            let context = Context {
                backend: &arguments.target.backend,
                level: plan.level,
                seed: plan.seed,
                command: &command,
            };
            let saved = folder.as_ref().map(|folder| folder.save(finding, &context));
            let file = match saved {
                Some(Ok(path)) => Some(path),
                Some(Err(error)) => {
                    unwritten = Some(error);
                    None
                }
                None => None,
            };
            let case_file = file.as_ref().map(|path| path.display().to_string());
            let (violation, shrunk) = (&finding.violation, &finding.shrunk);
            recording
                .judged(found, Case::of_finding(violation, shrunk, case_file, command.clone()));
            found += 1;
            let mut text = Vec::new();
            let fuzzed = Fuzzed { plan: &plan, backend: &arguments.target.backend };
            let written = fuzzed.write_finding(&mut text, finding, file.as_deref(), &context);
            told.before.push_str(&String::from_utf8_lossy(&text));
            // Findings are shown at once, so that nothing that happens later
            // can lose them.
            if arguments.reports.prints_for_people() {
                let printed = bar.suspend(|| {
                    let mut out = terminal::stdout();
                    written.and_then(|()| out.write_all(&text)).and_then(|()| out.flush())
                });
                unprinted = printed.err();
            }
            unwritten.is_none() && unprinted.is_none()
        });
        is_over.store(true, Ordering::Relaxed);
        report
    })?;
    if let Some(error) = unprinted {
        return Err(error.into());
    }
    let mut text = Vec::new();
    let fuzzed = Fuzzed { plan: &plan, backend: &arguments.target.backend };
    fuzzed.write_report(&mut text, &report, arguments.all)?;
    told.rest = String::from_utf8_lossy(&text).into_owned();
    let ending = Ending { told: Some(told), ..Ending::default() };
    recording.finish(&ending, |written| {
        let clauses = report.covered.count();
        for (what, count) in [
            (STEPS_JUDGED, report.tally.calls()),
            ("programs", report.tally.programs),
            ("programs kept", report.kept as u64),
            ("programs cut short", report.tally.cut_short),
            ("clauses reached", clauses as u64),
        ] {
            written.totals.insert(what.to_owned(), count);
        }
    })?;
    if let (Some(error), Some(path)) = (unwritten, &arguments.out) {
        let findings = report.findings.len();
        return Err(Failure::FindingsUnwritable { path: path.clone(), error, findings });
    }
    Ok(if !report.findings.is_empty() {
        Exit::Disagreed
    } else if report.tally.calls() == 0 {
        Exit::NothingTested
    } else {
        Exit::Good
    })
}
