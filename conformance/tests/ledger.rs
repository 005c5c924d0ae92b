//! The ledger is closed: every clause has a test or a reason, and every
//! conflict is reported.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

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

/// The page about conflicts, as the ledger has it.
fn page_of_conflicts() -> String {
    let mut text = "# Where pages and kernel contradict each other\n\n\
                    The pages of the edition 2018-06, and its kernel as it was recorded. Below the level\n\
                    of the kernel a backend is judged as the last column says, and the report tells on\n\
                    which side it stands. Made of the ledger (`src/ledger/conflicts.rs`) by the test\n\
                    `ledger`.\n\n\
                    | conflict | the pages | the kernel | how it is judged | clauses |\n\
                    |---|---|---|---|---|\n"
        .to_owned();
    for conflict in conflicts() {
        let clauses = clauses().filter(|clause| clause.conflict == Some(conflict.id));
        let clauses: Vec<_> = clauses.map(|clause| clause.id).collect();
        let cell = |text: &str| text.replace('|', "\\|");
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {} |",
            conflict.id,
            cell(conflict.page),
            cell(conflict.kernel),
            cell(conflict.verdict),
            clauses.join(" ")
        );
    }
    text
}

#[test]
fn the_page_about_conflicts_is_that_of_the_ledger() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("CONFLICTS.md");
    let made = page_of_conflicts();
    if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
        fs::write(&file, &made).expect("the file can be written");
    }
    let known = fs::read_to_string(&file).unwrap_or_default();
    let place = file.display();
    assert!(known == made, "{place} is out of date; run the test with UPDATE_SNAPSHOTS=1");
}
