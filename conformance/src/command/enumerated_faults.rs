//! `faults --enumerate`: which wrong backends all short programs find.

use std::io::{self, Write};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use clap::Args;
use vmo_abi::Backend;

use crate::enumerate::{EnumerateError, Plan, Progress, Universe, broken_by, enumerate};
use crate::faults::{Fault, Faulty};
use crate::level::Level;
use crate::oracle::Violation;
use crate::parallel::on_threads;

use super::enumerate::universes;
use super::exit::Exit;
use super::failure::Failure;
use super::faults::first_clause;

/// Which programs `faults --enumerate` tries.
#[derive(Args)]
pub(super) struct Programs {
    /// Calls of a program at most.
    ///
    /// Calls of a program at most, without those of its start.
    #[arg(long, default_value_t = 3, value_name = "N", requires = "enumerate")]
    depth: usize,
    /// vmo, handles or mappings; all if not given.
    ///
    /// What programs are made of: `vmo`, `handles` or `mappings`, or several of
    /// these; all if not given.
    #[arg(long = "universe", value_name = "NAME", requires = "enumerate")]
    universes: Vec<String>,
}

/// What came of a fault.
struct Trial {
    fault: &'static Fault,
    /// The first clause that was found broken, and the first of those that the
    /// fault breaks. A program that does not show it alone does not count.
    first: Option<Violation>,
    right: Option<Violation>,
    /// Calls that were judged until the right clause was found, or in all.
    judged: u64,
    elapsed: Duration,
}

/// Tries all programs against each fault, and shows what they found.
pub(super) fn run(
    faults: &[&'static Fault],
    programs: &Programs,
    level: Level,
    jobs: usize,
) -> Result<Exit, Failure> {
    let universes = universes(&programs.universes)?;
    let next = AtomicUsize::new(0);
    // A line for each fault as soon as it is known, so that a run which is ended
    // early has not been for nothing.
    let out = Mutex::new(io::stdout());
    writeln!(
        lock(&out),
        "{:<48} {:<16} {:<16} right  judged calls  seconds",
        "fault",
        "clause",
        "found"
    )?;
    let trials = on_threads(jobs, || {
        let mut done = Vec::new();
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(fault) = faults.get(index) else { return Ok::<_, Failure>(done) };
            let trial = try_fault(fault, &universes, programs.depth, level)?;
            let mut out = lock(&out);
            write_line(&mut *out, &trial)?;
            out.flush()?;
            done.push((index, trial));
        }
    })?;
    let mut out = lock(&out);
    let found = trials.iter().filter(|trial| trial.first.is_some()).count();
    let right = trials.iter().filter(|trial| trial.right.is_some()).count();
    let percent = |count: usize| 100.0 * count as f64 / trials.len().max(1) as f64;
    writeln!(
        out,
        "\n{found} of {} faults found ({:.1} %), {right} for the right clause ({:.1} %), \
         with up to {} calls",
        trials.len(),
        percent(found),
        percent(right),
        programs.depth,
    )?;
    Ok(match trials.len() {
        0 => Exit::NothingTested,
        all if all == found => Exit::Good,
        _ => Exit::Disagreed,
    })
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn try_fault(
    fault: &'static Fault,
    universes: &[Universe],
    depth: usize,
    level: Level,
) -> Result<Trial, EnumerateError> {
    let is_right = |violation: &Violation| fault.clauses.contains(&violation.clause);
    let start = || Ok(Box::new(Faulty::reference(Some(fault))?) as Box<dyn Backend>);
    let plan =
        Plan { universes, depth, level, jobs: 1, stops: &is_right, shrinks: false, told: None };
    let report = enumerate(&plan, &start, &Progress::default())?;
    let mut trial = Trial {
        fault,
        first: None,
        right: None,
        judged: report.counts.judged,
        elapsed: report.elapsed,
    };
    for finding in report.findings {
        let shown = broken_by(&finding.found, level, &start)?;
        let Some(violation) = shown else { continue };
        if trial.right.is_none() && is_right(&violation) {
            trial.right = Some(violation.clone());
        }
        trial.first.get_or_insert(violation);
    }
    Ok(trial)
}

fn write_line(out: &mut impl Write, trial: &Trial) -> io::Result<()> {
    let shown = trial.right.as_ref().or(trial.first.as_ref());
    writeln!(
        out,
        "{:<48} {:<16} {:<16} {:<5}  {:>12}  {:>7.2}",
        trial.fault.name,
        first_clause(trial.fault),
        shown.map_or("SURVIVES", |violation| violation.clause),
        if trial.right.is_some() { "yes" } else { "NO" },
        trial.judged,
        trial.elapsed.as_secs_f64(),
    )
}
