//! The ledger is closed: every clause has a test or a reason, and every
//! conflict is reported.

use std::collections::BTreeSet;

use vmo_conformance::Level;
use vmo_conformance::backends::built_in;
use vmo_conformance::ledger::{clauses, conflicts, untested_reason};
use vmo_conformance::suite::{CaseOptions, Suite, run_cases};

/// Reasons that there may be at most.
const MOST_REASONS: usize = 40;

#[test]
fn every_clause_has_a_test_or_a_reason() {
    let suite = Suite::new();
    let tested: BTreeSet<_> = suite.tests().iter().flat_map(|test| test.clauses).collect();
    let open: Vec<_> = clauses()
        .filter(|clause| !tested.contains(&clause.id) && untested_reason(clause.id).is_none())
        .map(|clause| clause.id)
        .collect();
    assert!(open.is_empty(), "clauses with neither a test nor a reason: {open:?}");
}

#[test]
fn reasons_are_few_and_only_for_clauses_without_a_test() {
    let suite = Suite::new();
    let reasons: Vec<_> = clauses().filter(|clause| untested_reason(clause.id).is_some()).collect();
    assert!(reasons.len() <= MOST_REASONS, "{} reasons", reasons.len());
    for clause in reasons {
        let test = suite.tests().iter().find(|test| test.clauses.contains(&clause.id));
        assert!(test.is_none(), "{} has a reason and a test", clause.id);
    }
}

#[test]
fn every_conflict_is_reported() {
    let start = built_in("reference").expect("it is built in").start;
    let suite = Suite::new();
    let tests: Vec<_> = suite.at_level(Level::Kernel).collect();
    let options = CaseOptions { level: Level::Kernel, include_hazards: true };
    let reports = run_cases(&tests, options, 2, &start).expect("the reference starts");
    let seen: BTreeSet<_> =
        reports.iter().flat_map(|report| &report.sides).map(|(conflict, _)| *conflict).collect();
    let known: BTreeSet<_> = conflicts().map(|conflict| conflict.id).collect();
    assert!(seen.is_subset(&known), "unknown: {:?}", seen.difference(&known));
    let silent: Vec<_> = known.difference(&seen).collect();
    assert!(silent.is_empty(), "conflicts that no test reports: {silent:?}");
}
