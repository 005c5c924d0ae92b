//! `enumerate`: all short programs over a small universe, judged by the oracle.

use std::io::{self, BufWriter, Write};
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

use clap::Args;

use crate::enumerate::{
    self, EnumerateError, Finding, Plan, Progress, Report, UNIVERSES, Universe,
};
use crate::ledger::clause_of;
use crate::program::Program;
use crate::report::{Case, STEPS_JUDGED};

use super::exit::Exit;
use super::failure::Failure;
use super::findings::Folder;
use super::reports::{Described, Ending, Reports, Told};
use super::{Target, terminal};

/// How often the progress bar is drawn.
const TICK: Duration = Duration::from_millis(200);

/// What `enumerate` takes.
#[derive(Args)]
pub(super) struct Enumerate {
    /// Calls of a program at most.
    ///
    /// Calls of a program at most, without those of its start.
    #[arg(long, default_value_t = 3, value_name = "N")]
    depth: usize,
    /// vmo, handles or mappings; all if not given.
    ///
    /// What programs are made of: `vmo`, `handles` or `mappings`, or several of
    /// these; all if not given.
    #[arg(long = "universe", value_name = "NAME")]
    universes: Vec<String>,
    /// Print the universe, try nothing.
    ///
    /// Print the universe instead of trying anything.
    #[arg(long)]
    show_universe: bool,
    #[command(flatten)]
    target: Target,
    /// Threads.
    ///
    /// Threads, each with a backend of its own; as many as the host has cores if
    /// not given. What is found does not depend on it.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    jobs: Option<u16>,
    /// Stop at the first finding.
    ///
    /// Stop at the first finding instead of collecting all.
    #[arg(long)]
    first: bool,
    /// Also write findings to this folder.
    ///
    /// Also write findings to this folder, each as a program of its own.
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
    #[command(flatten)]
    reports: Reports,
}

/// The universes with these names, all if there is none.
pub(super) fn universes(names: &[String]) -> Result<Vec<Universe>, Failure> {
    if names.is_empty() {
        return Ok(UNIVERSES.iter().map(|(_, make)| make()).collect());
    }
    let named = |name: &String| {
        enumerate::universe(name).ok_or_else(|| Failure::UnknownUniverse(name.clone()))
    };
    names.iter().map(named).collect()
}

impl Enumerate {
    fn jobs(&self) -> usize {
        let cores = || thread::available_parallelism().map_or(1, std::num::NonZero::get);
        self.jobs.map_or_else(cores, usize::from)
    }

    /// The command that does all of it again.
    fn again(&self) -> String {
        let universes: String =
            self.universes.iter().map(|name| format!(" --universe {name}")).collect();
        let how = self.target.again();
        format!("vmo-conformance enumerate --depth {}{universes}{how}", self.depth)
    }
}

/// Tries all programs, and shows what they found.
pub(super) fn enumerate(arguments: &Enumerate) -> Result<Exit, Failure> {
    let universes = universes(&arguments.universes)?;
    if arguments.show_universe {
        let mut out = BufWriter::new(terminal::stdout());
        for universe in &universes {
            writeln!(out, "{universe}")?;
        }
        out.flush()?;
        return Ok(Exit::Good);
    }
    let backend = arguments.target.choice()?;
    let folder = arguments.out.as_deref().map(Folder::new).transpose()?;
    arguments.reports.check()?;
    let described =
        Described { command: "enumerate", target: &arguments.target, shard: None, known: None };
    let recording = arguments.reports.begin(&described, &|| backend.start())?;
    let stops = |_: &_| arguments.first;
    let plan = Plan {
        universes: &universes,
        depth: arguments.depth,
        level: arguments.target.level(),
        jobs: arguments.jobs().min(backend.backends_at_once()),
        stops: &stops,
        shrinks: true,
        told: None,
    };
    let report = watched(&plan, &|| backend.start())?;
    let shown = Shown { arguments, report: &report, universes: &universes };
    let mut out = Vec::new();
    shown.write(&mut out)?;
    let mut written = Ok(());
    let findings = report.findings.iter().enumerate();
    let programs: Vec<_> = findings.map(|(index, finding)| shown.program(index, finding)).collect();
    for program in &programs {
        writeln!(out)?;
        for line in program.to_string().lines() {
            writeln!(out, "  {line}")?;
        }
    }
    for (index, (finding, program)) in report.findings.iter().zip(&programs).enumerate() {
        let mut file = None;
        if let Some(folder) = folder.as_ref().filter(|_| written.is_ok()) {
            match folder.write(program) {
                Ok(path) => {
                    writeln!(out, "{}", path.display())?;
                    file = Some(path.display().to_string());
                }
                // The output and the report have all of them.
                Err(error) => written = Err(error),
            }
        }
        let again = arguments.again();
        recording.judged(index, Case::of_finding(&finding.violation, program, file, again));
    }
    let told = Told { before: String::new(), rest: String::from_utf8_lossy(&out).into_owned() };
    let ending =
        Ending { is_cut_short: !report.is_complete, told: Some(told), ..Ending::default() };
    recording.finish(&ending, |report_of| {
        let counts = &report.counts;
        for (what, count) in [
            (STEPS_JUDGED, counts.judged),
            ("programs", counts.programs),
            ("programs left out", counts.other_order + counts.broken_often),
            ("calls not judged", counts.not_judged),
        ] {
            report_of.totals.insert(what.to_owned(), count);
        }
    })?;
    written?;
    Ok(match &report {
        report if !report.findings.is_empty() => Exit::Disagreed,
        report if report.counts.judged == 0 => Exit::NothingTested,
        _ => Exit::Good,
    })
}

/// Tries all programs with a progress bar, if there is a terminal for it.
fn watched(plan: &Plan<'_>, start: &crate::suite::Start<'_>) -> Result<Report, EnumerateError> {
    let progress = Progress::default();
    let template = "{bar:30} {human_pos} of about {human_len} programs, {msg}, {eta} left";
    let bar = terminal::progress(Some(1), template);
    thread::scope(|scope| {
        let work = scope.spawn(|| enumerate::enumerate(plan, start, &progress));
        while !bar.is_hidden() && !work.is_finished() {
            bar.set_length(progress.expected.load(Ordering::Relaxed).max(1));
            bar.set_position(progress.done.load(Ordering::Relaxed));
            bar.set_message(match progress.findings.load(Ordering::Relaxed) {
                0 => "nothing found".to_owned(),
                found => format!("{found} found"),
            });
            thread::sleep(TICK);
        }
        let done = match work.join() {
            Ok(done) => done,
            Err(panic) => std::panic::resume_unwind(panic),
        };
        bar.finish_and_clear();
        done
    })
}

struct Shown<'a> {
    arguments: &'a Enumerate,
    report: &'a Report,
    universes: &'a [Universe],
}

impl Shown<'_> {
    fn write(&self, out: &mut impl Write) -> io::Result<()> {
        let (report, counts) = (self.report, &self.report.counts);
        for universe in self.universes {
            let starts: Vec<_> = universe.starts.iter().map(|start| start.name.as_str()).collect();
            writeln!(
                out,
                "universe {}: {}; {} shapes of calls after {}",
                universe.name,
                universe.about,
                universe.shapes.len(),
                starts.join(", ")
            )?;
        }
        if !report.left_out.is_empty() {
            writeln!(out, "not claimed, so left out: {}", report.left_out.join(", "))?;
        }
        let seconds = report.elapsed.as_secs_f64();
        let speed = counts.judged as f64 / seconds.max(1e-9) / 1e6;
        for (count, what) in [
            (counts.programs, "programs tried"),
            (counts.prefixes, "of them were built upon, starts included"),
            (counts.other_order, "left out: the same calls in another order"),
            (counts.broken_often, "left out: the call broke the same clause often before"),
            (counts.looks, "looks at what the last call did"),
            (counts.repeated, "calls made again to come back to a state"),
            (counts.not_judged, "calls after which nobody knows what is right"),
            (counts.judged, "calls judged in all"),
        ] {
            writeln!(out, "{count:>13}  {what}")?;
        }
        let level = self.arguments.target.level().name();
        writeln!(
            out,
            "{} against all programs with up to {} calls at level {level}: {} findings, {seconds:.1} s, \
             {speed:.2} million judged calls a second{}.",
            self.arguments.target.backend,
            self.arguments.depth,
            report.findings.len(),
            if report.is_complete { "" } else { "; stopped early" },
        )
    }

    /// The program of a finding with what is to be said about it.
    fn program(&self, index: usize, finding: &Finding) -> Program {
        let violation = &finding.violation;
        let mut program = finding.program().clone();
        program.name = format!("enumerate/{}/{}", violation.clause, violation.call);
        let rule = clause_of(violation.clause).map_or("", |clause| clause.text);
        let mut comments = vec![
            format!("Finding {}: {} breaks {}.", index + 1, violation.call, violation.clause),
            format!("Rule: {rule}"),
            format!("Expected: {}", violation.expected),
            format!("Actual: {}", violation.actual),
            format!("Again: {}", self.arguments.again()),
        ];
        if finding.shrunk.is_none() {
            comments.push(
                "On a fresh backend this program alone does not show it; what ran before it has \
                 left something behind."
                    .to_owned(),
            );
        }
        program.comments = comments.into_iter().map(|line| line.replace('\n', " ")).collect();
        program
    }
}
