//! The library, opened as a backend, comes to every verdict that the reference
//! in process comes to, apart from tests of what it does not claim.

use std::path::PathBuf;
use std::sync::Mutex;

use vmo_abi::{Backend, Capability};
use vmo_conformance::Level;
use vmo_conformance::backends::built_in;
use vmo_conformance::suite::{
    CaseOptions, CaseReport, CaseVerdict, Suite, Test, failure_text, run_case, run_cases,
};
use vmo_host::Library;

fn library() -> Library {
    let test = std::env::current_exe().expect("the test has a path");
    let path: PathBuf = test.with_file_name("libvmo_c.so");
    Library::open(&path).unwrap_or_else(|error| panic!("{error}"))
}

/// Tests that share the one library of the process take turns.
static TURN: Mutex<()> = Mutex::new(());

fn options() -> CaseOptions {
    CaseOptions { level: Level::Kernel, include_hazards: true }
}

fn right(tests: &[&Test]) -> Vec<CaseReport> {
    let reference = built_in("reference").expect("it is built in");
    run_cases(tests, options(), 2, &|| (reference.start)()).expect("it starts")
}

/// What is the same in two runs: details of an outcome may hold addresses.
fn kind(verdict: &CaseVerdict) -> String {
    match verdict {
        CaseVerdict::Fail { expected, .. } => format!("fail: {expected}"),
        verdict => format!("{verdict:?}"),
    }
}

fn compare(library: &Library, only: impl Fn(&Test) -> bool) {
    let suite = Suite::new();
    let tests: Vec<_> = suite.at_level(Level::Kernel).filter(|test| only(test)).collect();
    let mut different = Vec::new();
    let mut passed = 0;
    for (test, right) in tests.iter().zip(right(&tests)) {
        assert!(library.reset());
        let report = run_case(test, library, options());
        let offered = library.environment().capabilities;
        if test.missing(offered) == Some(Capability::Threads) {
            assert_eq!(report.verdict, CaseVerdict::Unsupported("threads".to_owned()));
        } else if kind(&report.verdict) != kind(&right.verdict) {
            let text = failure_text(test, &report, None);
            different.push(format!("{}: not {:?}\n{text}", test.name, right.verdict));
        } else {
            passed += usize::from(report.verdict == CaseVerdict::Pass);
        }
    }
    assert!(different.is_empty(), "{} differ:\n{}", different.len(), different.join("\n"));
    assert!(passed * 10 > tests.len() * 9, "{passed} of {} passed", tests.len());
    eprintln!("{passed} of {} passed", tests.len());
}

#[test]
fn every_verdict_is_that_of_the_reference() {
    let _turn = TURN.lock();
    let library = library();
    assert_eq!(library.missing(), [""; 0]);
    compare(&library, |_| true);
}

/// Calls of several threads, which the library takes although it cannot say so.
#[test]
fn tests_of_threads_pass_as_well() {
    let _turn = TURN.lock();
    compare(&library().claiming_threads(), |test| test.needs.contains(Capability::Threads));
}
