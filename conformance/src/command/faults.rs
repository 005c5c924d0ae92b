//! `faults`: the suite, or fuzzing, against wrong backends.

use std::io::{self, BufWriter, Write};

use clap::Args;
use vmo_abi::Syscall;

use crate::faults::{Class, FAULTS, Fault, Trial, Trials};
use crate::ledger::clause_of;
use crate::pattern::matches;
use crate::suite::Suite;

use super::exit::Exit;
use super::failure::Failure;
use super::fuzz::cores;
use super::hunted::{Hunting, hunt_faults};
use super::{LevelName, enumerated_faults};

/// Names of tests that are shown of those that find a fault.
const SHOWN: usize = 2;

/// What `faults` takes.
#[derive(Args)]
pub(super) struct Faults {
    /// Faults, by name or pattern; all if none is given.
    names: Vec<String>,
    /// Only those of a class, such as rounding.
    ///
    /// Only the faults of a class, such as `rounding`.
    #[arg(long, value_name = "CLASS", value_parser = class)]
    class: Option<Class>,
    /// Only those about a call, such as vmo_clone.
    ///
    /// Only the faults that break a clause about this call, such as `vmo_clone`.
    #[arg(long, value_name = "CALL")]
    call: Option<String>,
    /// What to hold them to: seed, page or kernel.
    ///
    /// What to hold the wrong backends to: the page of zx_vmo_create alone, all
    /// pages, or also what the kernel did.
    #[arg(long, value_enum, default_value_t = LevelName::Kernel, hide_possible_values = true)]
    level: LevelName,
    /// Threads.
    ///
    /// Threads. If not given, twice the host's cores, as some tests just wait;
    /// for fuzzing its cores.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    jobs: Option<u16>,
    /// Print what the faults are, run nothing.
    #[arg(long)]
    list: bool,
    #[command(flatten)]
    hunting: Hunting,
    /// Try all short programs, not the suite.
    ///
    /// Try all short programs, judged by the oracle, instead of the suite.
    #[arg(long, conflicts_with = "fuzz")]
    enumerate: bool,
    #[command(flatten)]
    programs: enumerated_faults::Programs,
}

fn class(name: &str) -> Result<Class, String> {
    let known = || Class::ALL.map(Class::name).join(", ");
    Class::named(name).ok_or_else(|| format!("known are {}", known()))
}

impl Faults {
    fn selects(&self, fault: &Fault) -> bool {
        let is_about = |call: &str| {
            let mut clauses = fault.clauses.iter().filter_map(|id| clause_of(id));
            clauses.any(|clause| clause.call == call)
        };
        let named = |pattern: &String| matches(pattern, fault.name);
        (self.names.is_empty() || self.names.iter().any(named))
            && self.class.is_none_or(|class| fault.class == class)
            && self.call.as_deref().is_none_or(is_about)
    }

    fn selected(&self) -> Result<Vec<&'static Fault>, Failure> {
        if let Some(call) = &self.call {
            Syscall::from_name(call).ok_or_else(|| Failure::UnknownCall(call.clone()))?;
        }
        let is_known = |name: &String| FAULTS.iter().any(|fault| matches(name, fault.name));
        if let Some(unknown) = self.names.iter().find(|name| !is_known(name)) {
            return Err(Failure::NoSuchFault(unknown.clone()));
        }
        Ok(FAULTS.iter().filter(|fault| self.selects(fault)).collect())
    }

    fn jobs(&self) -> usize {
        let threads = if self.hunting.fuzz || self.enumerate { cores() } else { 2 * cores() };
        self.jobs.map_or(threads, usize::from)
    }
}

/// Shows for each fault the tests that find it.
pub(super) fn faults(arguments: &Faults) -> Result<Exit, Failure> {
    let faults = arguments.selected()?;
    if arguments.enumerate && !arguments.list {
        let jobs = arguments.jobs();
        let level = arguments.level.level();
        return enumerated_faults::run(&faults, &arguments.programs, level, jobs);
    }
    let mut out = BufWriter::new(io::stdout().lock());
    if arguments.list {
        for fault in faults {
            list(&mut out, fault)?;
        }
        out.flush()?;
        return Ok(Exit::Good);
    }
    let level = arguments.level.level();
    if arguments.hunting.fuzz {
        drop(out);
        return hunt_faults(&faults, &arguments.hunting, level, arguments.jobs());
    }
    let suite = Suite::new();
    let trials = Trials::new(&suite, level, arguments.jobs())?;
    let trial = trials.run(&faults, arguments.jobs())?;
    let report = Report { trials: &trial, wrongly_failed: trials.failed_without_a_fault().len() };
    report.write(&mut out)?;
    for failed in trials.failed_without_a_fault() {
        writeln!(out, "without a fault {} fails", failed.test.name)?;
    }
    out.flush()?;
    Ok(report.exit())
}

fn list(out: &mut impl Write, fault: &Fault) -> io::Result<()> {
    writeln!(out, "{}", fault.name)?;
    writeln!(out, "  {:<20} {}", fault.class.name(), fault.description)?;
    writeln!(out, "  {:<20} {}", "breaks", fault.clauses.join(" "))
}

struct Report<'a> {
    trials: &'a [Trial<'a>],
    /// Tests that fail without a fault.
    wrongly_failed: usize,
}

impl Report<'_> {
    fn killed(&self) -> usize {
        self.trials.iter().filter(|trial| trial.is_killed()).count()
    }

    fn rightly_killed(&self) -> usize {
        self.trials.iter().filter(|trial| trial.is_killed_for_the_right_clause()).count()
    }

    fn exit(&self) -> Exit {
        if self.wrongly_failed != 0 {
            Exit::Disagreed
        } else if self.trials.is_empty() {
            Exit::NothingTested
        } else if self.rightly_killed() == self.trials.len() {
            Exit::Good
        } else {
            Exit::Disagreed
        }
    }

    fn write(&self, out: &mut impl Write) -> io::Result<()> {
        let widths = |text: fn(&Fault) -> &'static str| {
            self.trials.iter().map(|trial| text(trial.fault).len()).max().unwrap_or_default()
        };
        let name = widths(|fault| fault.name).max("fault".len());
        let class = widths(|fault| fault.class.name()).max("class".len());
        let clause = widths(first_clause).max("clause".len());
        writeln!(
            out,
            "{:<name$}  {:<class$}  {:<clause$}  killed by  right  first tests",
            "fault", "class", "clause",
        )?;
        for trial in self.trials {
            let fault = trial.fault;
            let right = trial.is_killed_for_the_right_clause();
            // Those for the right clause first.
            let other =
                trial.finders().filter(|test| !trial.right_finders().any(|r| r.name == test.name));
            let tests = trial.right_finders().chain(other).take(SHOWN);
            let tests: Vec<_> = tests.map(|test| test.name.as_str()).collect();
            let line = format!(
                "{:<name$}  {:<class$}  {:<clause$}  {:>9}  {:<5}  {}",
                fault.name,
                fault.class.name(),
                first_clause(fault),
                trial.finders().count(),
                if right { "yes" } else { "NO" },
                if tests.is_empty() { "SURVIVES".to_owned() } else { tests.join(" ") },
            );
            writeln!(out, "{}", line.trim_end())?;
        }
        let (killed, all, right) = (self.killed(), self.trials.len(), self.rightly_killed());
        let without = match self.wrongly_failed {
            0 => "no test fails without a fault".to_owned(),
            1 => "1 test fails without a fault".to_owned(),
            more => format!("{more} tests fail without a fault"),
        };
        writeln!(out, "\n{killed} of {all} faults killed, {right} for the right clause; {without}")
    }
}

pub(super) fn first_clause(fault: &Fault) -> &'static str {
    fault.clauses.first().copied().unwrap_or_default()
}
