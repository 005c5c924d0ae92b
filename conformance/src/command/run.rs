//! `run`: the suite and the recordings.

use std::io::{self, Write};

use clap::Args;
use vmo_abi::Syscall;

use super::exit::Exit;
use super::failure::Failure;
use super::known::KnownFailures;
use super::replay::{Again, Selection, finish, judge, select};
use super::reports::{Described, Ending, Reports};
use super::source::{self, Source};
use super::{How, quoted};
use crate::backends::Choice;
use crate::ledger::clause_of;
use crate::program::{Action, Program};
use crate::report::Case;
use crate::shard::Shard;
use crate::suite::{CaseOptions, CaseReport, Suite, Test, run_cases_told};

#[derive(Args)]
pub(super) struct Run {
    /// Tests and recordings, by name or pattern; all if none is given.
    ///
    /// Tests and recorded programs, by name or pattern with `*`; all if none
    /// is given.
    names: Vec<String>,
    /// Take the names literally, without patterns.
    #[arg(long, requires = "names")]
    exact: bool,
    /// Only what is about a call.
    ///
    /// Only what is about this call, such as `vmo_clone`.
    #[arg(long, value_name = "CALL")]
    call: Option<String>,
    /// Only the tests of a clause.
    ///
    /// Only the tests of this clause, such as `VMO-CLONE-07`.
    #[arg(long, value_name = "ID")]
    clause: Option<String>,
    /// Also run what kernels may not survive.
    ///
    /// Also run what a real kernel of the edition may not survive.
    #[arg(long)]
    include_hazards: bool,
    /// Print the names, run nothing.
    ///
    /// Print the names instead of running anything.
    #[arg(long)]
    list: bool,
    /// Run just one of several parts.
    ///
    /// Run just one of several parts, such as 1/4; all of them together are the
    /// whole, and `vmo-conformance merge` puts their reports together.
    #[arg(long, value_name = "K/N")]
    shard: Option<Shard>,
    #[command(flatten)]
    known: KnownFailures,
    #[command(flatten)]
    reports: Reports,
    #[command(flatten)]
    how: How,
}

impl Run {
    fn selection(&self) -> Selection<'_> {
        Selection { names: &self.names, exact: self.exact }
    }

    fn check_filters(&self) -> Result<(), Failure> {
        if let Some(call) = &self.call {
            Syscall::from_name(call).ok_or_else(|| Failure::UnknownCall(call.clone()))?;
        }
        if let Some(clause) = &self.clause {
            clause_of(clause).ok_or_else(|| Failure::UnknownClause(clause.clone()))?;
        }
        Ok(())
    }

    fn selects_test(&self, test: &Test) -> bool {
        let is_about = |call: &str| {
            let calls = test.clauses.iter().filter_map(|id| clause_of(id));
            test.module() == call || calls.into_iter().any(|clause| clause.call == call)
        };
        self.selection().selects(&test.name)
            && self.call.as_deref().is_none_or(is_about)
            && self.clause.as_deref().is_none_or(|id| test.clauses.contains(&id))
    }

    fn selects_program(&self, program: &Program) -> bool {
        let calls = |name: &str| {
            program.steps.iter().any(|step| match &step.action {
                Action::Call(call) => call.syscall.name() == name,
                _ => false,
            })
        };
        self.selection().selects(&program.name)
            && self.call.as_deref().is_none_or(calls)
            && self.clause.is_none()
    }

    /// At which level there are tests, if there are none at the chosen one.
    fn hint(&self, suite: &Suite) -> Option<String> {
        let selected = suite.tests().iter().filter(|test| self.selects_test(test));
        let level = selected.clone().map(|test| test.level).min()?;
        let count = selected.filter(|test| test.level == level).count();
        let tests = if count == 1 { "1 test is" } else { &format!("{count} tests are") };
        Some(format!("{tests} run with --level {}.", level.name()))
    }

    /// The recordings that can hold something selected. Reading all of them
    /// would take longer than running one test.
    fn sources(&self, suite: &Suite) -> Result<Vec<Source>, Failure> {
        let is_test = |name: &String| suite.tests().iter().any(|test| test.name == *name);
        let only_tests = self.exact && !self.names.is_empty() && self.names.iter().all(is_test);
        if only_tests || self.clause.is_some() {
            return Ok(Vec::new());
        }
        let wanted = if self.exact { self.names.as_slice() } else { &[] };
        Ok(source::built_in(wanted)?)
    }
}

pub(super) fn run(arguments: &Run) -> Result<Exit, Failure> {
    arguments.check_filters()?;
    arguments.reports.check()?;
    let how = &arguments.how;
    let suite = Suite::new();
    let sources = arguments.sources(&suite)?;
    let selection = arguments.selection();
    for name in selection.names {
        let mut programs = sources.iter().flat_map(|source| &source.programs);
        let is_known = suite.tests().iter().any(|test| selection.matches(name, &test.name))
            || programs.any(|program| selection.matches(name, &program.name));
        if !is_known {
            return Err(Failure::NoSuchName(name.clone()));
        }
    }
    let tests = suite.at_level(how.level()).filter(|test| arguments.selects_test(test)).collect();
    let selected = select(&sources, |program| arguments.selects_program(program));
    let (tests, selected) = match arguments.shard {
        Some(shard) => (shard.of(tests), shard.of(selected)),
        None => (tests, selected),
    };
    if arguments.list {
        let mut out = io::BufWriter::new(io::stdout().lock());
        for test in &tests {
            writeln!(out, "{}", test.name)?;
        }
        for (_, program) in &selected {
            writeln!(out, "{}", program.name)?;
        }
        out.flush()?;
        return Ok(Exit::Good);
    }

    let backend = how.target.choice()?;
    let start = || backend.start();
    // The reference survives everything.
    let is_reference = how.target.backend == "reference" || matches!(backend, Choice::Fault(_));
    let include_hazards = arguments.include_hazards || is_reference;
    let options = CaseOptions { level: how.level(), include_hazards };
    let known = arguments.known.read()?;
    let described = Described {
        command: "run",
        target: &how.target,
        shard: arguments.shard,
        known: known.as_ref(),
    };
    let recording = arguments.reports.begin(&described, &start)?;
    recording.expects(tests.len() + selected.len());
    let judged = |index: usize, report: &CaseReport| {
        let test = tests[index];
        let again = || {
            Some(format!(
                "vmo-conformance run --exact {}{}",
                quoted(&test.name),
                how.target.again()
            ))
        };
        recording.judged(index, Case::of_test(test, report, again));
    };
    let tested = run_cases_told(&tests, options, how.jobs(&backend), &start, &judged);
    let replayed = match tested {
        Ok(_) if selected.is_empty() => Ok(None),
        Ok(_) => judge(&recording, tests.len(), &selected, how, &backend, &Again::Run).map(Some),
        Err(error) => Err(error.into()),
    };
    let hint = tests.is_empty().then(|| arguments.hint(&suite)).flatten();
    let ending = Ending { all: how.all, ..Ending::default() };
    finish(recording, replayed, &arguments.reports, ending, hint)
}
