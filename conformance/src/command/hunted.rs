//! `faults --fuzz`: how soon fuzzing finds wrong backends.

use std::io::{self, BufWriter, Write};
use std::time::Duration;

use clap::Args;

use super::exit::Exit;
use super::failure::Failure;
use super::target::time;
use super::terminal;
use crate::faults::{Fault, Hunt, HuntOptions, hunt};
use crate::level::Level;

/// How fuzzing against faults is done.
#[derive(Args)]
pub(super) struct Hunting {
    /// Fuzz instead of running the suite.
    #[arg(long)]
    pub(super) fuzz: bool,
    /// Runs with each fault.
    ///
    /// Runs with each fault, with the seeds 1 to N.
    #[arg(long, value_name = "N", default_value_t = 1, requires = "fuzz",
        value_parser = clap::value_parser!(u64).range(1..=1000))]
    seeds: u64,
    /// Time of a run at most.
    ///
    /// Time that a run has at most, on one core.
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = time,
        requires = "fuzz")]
    time: Duration,
}

/// Fuzzes against faults and shows for each how soon it was found.
pub(super) fn hunt_faults(
    faults: &[&'static Fault],
    hunting: &Hunting,
    level: Level,
    jobs: usize,
) -> Result<Exit, Failure> {
    let options = HuntOptions { level, seeds: hunting.seeds, time: hunting.time, jobs };
    let bar = terminal::progress(
        Some(faults.len() as u64 * hunting.seeds),
        "{bar:30} {pos} of {len} runs, {eta} left",
    );
    let hunts = hunt(faults, options, |_, _| bar.inc(1))?;
    bar.finish_and_clear();
    let mut out = BufWriter::new(io::stdout().lock());
    write_table(&mut out, &hunts)?;
    let exit = write_summary(&mut out, &hunts, options)?;
    out.flush()?;
    Ok(exit)
}

fn write_table(out: &mut impl Write, hunts: &[Hunt]) -> io::Result<()> {
    let width = |text: fn(&Fault) -> &'static str| {
        hunts.iter().map(|hunt| text(hunt.fault).len()).max().unwrap_or_default()
    };
    let (name, class) =
        (width(|fault| fault.name).max(5), width(|fault| fault.class.name()).max(5));
    writeln!(
        out,
        "{:<name$}  {:<class$}  found  median time  median calls  steps  right  clauses",
        "fault", "class",
    )?;
    for hunt in hunts {
        let found = format!("{}/{}", hunt.found().count(), hunt.finds.len());
        let time = hunt.median(|finding| finding.elapsed);
        let time = time.map_or("-".to_owned(), |time| format!("{:.3} s", time.as_secs_f64()));
        let shown = |number: Option<u64>| number.map_or("-".to_owned(), |calls| calls.to_string());
        let calls = shown(hunt.median(|finding| finding.calls));
        let steps = shown(hunt.median(|finding| finding.shrunk.steps.len() as u64));
        let right = hunt.found().filter(|finding| hunt.is_right(finding)).count();
        let mut clauses: Vec<_> = hunt
            .found()
            .map(|finding| format!("{}@{}", finding.violation.clause, finding.violation.call))
            .collect();
        clauses.sort_unstable();
        clauses.dedup();
        writeln!(
            out,
            "{:<name$}  {:<class$}  {found:>5}  {time:>11}  {calls:>12}  {steps:>5}  {right:>5}  {}",
            hunt.fault.name,
            hunt.fault.class.name(),
            if clauses.is_empty() { "NOT FOUND".to_owned() } else { clauses.join(" ") },
        )?;
    }
    Ok(())
}

fn write_summary(out: &mut impl Write, hunts: &[Hunt], options: HuntOptions) -> io::Result<Exit> {
    let finds = || hunts.iter().flat_map(Hunt::found);
    let (runs, found) = (hunts.len() as u64 * options.seeds, finds().count());
    let share = |part: usize, of: u64| 100.0 * part as f64 / of.max(1) as f64;
    let always = hunts.iter().filter(|hunt| hunt.finds.iter().all(Option::is_some)).count();
    let ever = hunts.iter().filter(|hunt| hunt.found().next().is_some()).count();
    let right: usize =
        hunts.iter().map(|hunt| hunt.found().filter(|find| hunt.is_right(find)).count()).sum();
    let mut times: Vec<_> = finds().map(|finding| finding.elapsed).collect();
    let mut calls: Vec<_> = finds().map(|finding| finding.calls).collect();
    times.sort_unstable();
    calls.sort_unstable();
    writeln!(
        out,
        "\n{found} of {runs} runs find the fault ({:.1} %) within {:?} at level {}: {always} of {} \
         faults with every seed, {ever} with any",
        share(found, runs),
        options.time,
        options.level.name(),
        hunts.len(),
    )?;
    writeln!(
        out,
        "{right} of {found} shrunk programs break a clause that the fault is known to break \
         ({:.1} %)",
        share(right, found as u64),
    )?;
    if let (Some(time), Some(calls)) = (times.get(found / 2), calls.get(found / 2)) {
        writeln!(out, "median of all findings: {:.3} s, {calls} calls", time.as_secs_f64())?;
    }
    Ok(match found as u64 {
        _ if hunts.is_empty() => Exit::NothingTested,
        found if found == runs => Exit::Good,
        _ => Exit::Disagreed,
    })
}
