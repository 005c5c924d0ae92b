//! From what came of tests, programs and findings to cases of a report.

use crate::ledger::clause_of;
use crate::oracle::Violation;
use crate::program::{Action, Program};
use crate::replay::{Replayed, Summary, Verdict as Replay};
use crate::suite::{CaseReport, CaseVerdict, Test};
use vmo_abi::LossKind;

use super::{CallCounts, Case, Detail, Kind, Taken, Verdict};

/// What loads and stores are called in [`CallCounts::call`].
const ACCESSES: &str = "loads and stores";

impl Case {
    /// What came of a test; `again` is the command that runs it again.
    #[must_use]
    pub fn of_test(
        test: &Test,
        report: &CaseReport,
        again: impl FnOnce() -> Option<String>,
    ) -> Self {
        let mut detail = Detail::default();
        let verdict = match &report.verdict {
            CaseVerdict::Pass => Verdict::Pass,
            CaseVerdict::Fail { step, expected, actual } => {
                detail.step = step.map(|step| step + 1);
                let step = step.and_then(|step| report.program.steps.get(step));
                detail.call = step.map(|step| step.action.name().to_owned());
                detail.expected = Some(expected.clone());
                detail.actual = Some(actual.clone());
                Verdict::Fail
            }
            CaseVerdict::Unsupported(reason) => reasoned(&mut detail, Verdict::Unsupported, reason),
            CaseVerdict::Hazard => {
                let reason = "a real kernel may not survive this";
                reasoned(&mut detail, Verdict::Hazard, reason)
            }
            CaseVerdict::Crash(reason) => reasoned(&mut detail, Verdict::Crash, reason),
            CaseVerdict::Timeout(reason) => reasoned(&mut detail, Verdict::Timeout, reason),
            CaseVerdict::Protocol(reason) => reasoned(&mut detail, Verdict::Protocol, reason),
            CaseVerdict::Broken(reason) => reasoned(&mut detail, Verdict::Broken, reason),
        };
        if verdict.is_bad() {
            detail.program = Some(report.program.to_string());
            detail.oracle =
                report.violation.as_ref().map(|(_, violation)| violation.clause.to_owned());
            detail.again = again();
        }
        let taken = report.sides.iter();
        Self {
            kind: Kind::Test,
            name: test.name.clone(),
            module: test.module().to_owned(),
            calls: calls_of_test(test),
            clauses: test.clauses.iter().map(|id| (*id).to_owned()).collect(),
            verdict,
            micros: micros(report.elapsed),
            sides: taken
                .map(|(conflict, side)| Taken { conflict: (*conflict).to_owned(), side: *side })
                .collect(),
            expectation: None,
            detail: (verdict != Verdict::Pass).then(|| Box::new(detail)),
        }
    }

    /// What came of replaying a program; `again` is the command that does it
    /// again.
    #[must_use]
    pub fn of_program(
        program: &Program,
        replayed: &Replayed,
        file: &str,
        again: impl FnOnce() -> String,
    ) -> Self {
        let mut detail = Detail::default();
        let verdict = match &replayed.verdict {
            Replay::Agreed => Verdict::Pass,
            Replay::Accepted { step, mismatch } | Replay::Disagreed { step, mismatch } => {
                detail.step = Some(step + 1);
                let step = program.steps.get(*step);
                detail.call = step.map(|step| step.action.name().to_owned());
                detail.what = Some(mismatch.what.to_owned());
                detail.oracle = clause_of(mismatch.what).map(|clause| clause.id.to_owned());
                detail.expected = Some(mismatch.expected.clone());
                detail.actual = Some(mismatch.actual.clone());
                let is_accepted = matches!(replayed.verdict, Replay::Accepted { .. });
                if is_accepted { Verdict::Accepted } else { Verdict::Fail }
            }
            Replay::Unsupported(missing) => reasoned(&mut detail, Verdict::Unsupported, missing),
            Replay::Lost { kind, detail: reason } => {
                let verdict = match kind {
                    LossKind::Crash => Verdict::Crash,
                    LossKind::Timeout => Verdict::Timeout,
                    LossKind::Protocol => Verdict::Protocol,
                };
                reasoned(&mut detail, verdict, reason)
            }
            Replay::Broken(error) => reasoned(&mut detail, Verdict::Broken, &error.to_string()),
        };
        if verdict.is_bad() {
            detail.program = Some(program.to_string());
            detail.file = Some(file.to_owned());
            detail.again = Some(again());
        }
        Self {
            kind: Kind::Program,
            name: program.name.clone(),
            module: module_of_program(&program.name).to_owned(),
            calls: calls_of_program(program),
            clauses: Vec::new(),
            verdict,
            micros: micros(replayed.elapsed),
            sides: Vec::new(),
            expectation: None,
            detail: (verdict != Verdict::Pass).then(|| Box::new(detail)),
        }
    }

    /// A broken clause and the shortest program that is known to break it at
    /// its last call.
    #[must_use]
    pub fn of_finding(
        violation: &Violation,
        program: &Program,
        file: Option<String>,
        again: String,
    ) -> Self {
        let detail = Detail {
            step: Some(program.steps.len()),
            call: Some(violation.call.to_owned()),
            expected: Some(violation.expected.clone()),
            actual: Some(violation.actual.clone()),
            oracle: Some(violation.clause.to_owned()),
            program: Some(program.to_string()),
            file,
            again: Some(again),
            ..Detail::default()
        };
        Self {
            kind: Kind::Finding,
            name: format!("{}/{}", violation.clause, violation.call),
            module: violation.call.to_owned(),
            calls: vec![violation.call.to_owned()],
            clauses: vec![violation.clause.to_owned()],
            verdict: Verdict::Fail,
            micros: 0,
            sides: Vec::new(),
            expectation: None,
            detail: Some(Box::new(detail)),
        }
    }
}

fn reasoned(detail: &mut Detail, verdict: Verdict, reason: &str) -> Verdict {
    detail.reason = Some(reason.to_owned());
    verdict
}

fn micros(elapsed: std::time::Duration) -> u64 {
    u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX)
}

/// The module if that is a call, and the calls of the clauses.
fn calls_of_test(test: &Test) -> Vec<String> {
    let mut calls: Vec<&str> = Vec::new();
    let module = vmo_abi::Syscall::from_name(test.module()).map(|call| call.name());
    let clauses = test.clauses.iter().filter_map(|id| clause_of(id)).map(|clause| clause.call);
    for call in module.into_iter().chain(clauses) {
        if !call.is_empty() && !calls.contains(&call) {
            calls.push(call);
        }
    }
    calls.into_iter().map(str::to_owned).collect()
}

fn calls_of_program(program: &Program) -> Vec<String> {
    let mut calls: Vec<&str> = Vec::new();
    for step in &program.steps {
        if let Action::Call(call) = &step.action
            && !calls.contains(&call.syscall.name())
        {
            calls.push(call.syscall.name());
        }
    }
    calls.into_iter().map(str::to_owned).collect()
}

/// The part of a program's name before the last `/`; all of it if there is none.
fn module_of_program(name: &str) -> &str {
    name.rsplit_once('/').map_or(name, |(module, _)| module)
}

/// What replayed programs did, call by call, of calls that were done at all.
#[must_use]
pub fn counts_of_calls(summary: &Summary) -> Vec<CallCounts> {
    let syscalls = summary.syscalls.iter().map(|(call, counts)| (call.name(), counts));
    let all = syscalls.chain([(ACCESSES, &summary.accesses)]);
    all.filter(|(_, counts)| counts.calls != 0)
        .map(|(call, counts)| CallCounts {
            call: call.to_owned(),
            programs: counts.programs,
            calls: counts.calls,
            agreed: counts.agreed,
            accepted: counts.accepted,
            disagreed: counts.disagreed,
        })
        .collect()
}
