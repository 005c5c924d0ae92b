//! The suite's own order: names, clauses, needs.

use std::collections::BTreeSet;

use super::*;
use crate::backends::built_in;

#[test]
fn names_are_unique_and_can_be_typed() {
    let suite = Suite::new();
    let names: BTreeSet<_> = suite.tests().iter().map(|test| test.name.as_str()).collect();
    assert_eq!(names.len(), suite.tests().len());
    for name in names {
        let is_fine = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "_:".contains(c);
        assert!(name.chars().all(is_fine), "{name}");
    }
}

#[test]
fn every_test_names_a_clause() {
    for test in Suite::new().tests() {
        assert!(!test.clauses.is_empty(), "{}", test.name);
    }
}

#[test]
fn every_test_passes_on_the_reference_and_says_what_it_needs() {
    let start = built_in("reference").expect("it is built in").start;
    let suite = Suite::new();
    for level in Level::ALL {
        let tests: Vec<_> = suite.at_level(level).collect();
        let options = CaseOptions { level, include_hazards: true };
        let reports = run_cases(&tests, options, 2, &start).expect("the reference starts");
        for (test, report) in tests.iter().zip(reports) {
            let text = failure_text(test, &report, None);
            assert_eq!(report.verdict, CaseVerdict::Pass, "{}\n{text}", test.name);
            let stated = test.needs.with(Capability::Vmo);
            for needed in report.program.needs().iter() {
                assert!(stated.contains(needed), "{} needs {}", test.name, needed.name());
            }
        }
    }
}
