//! The suite finds every wrong backend there is, for the right clause.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use vmo_conformance::Level;
use vmo_conformance::faults::{Class, FAULTS, Trials};
use vmo_conformance::ledger::clause_of;
use vmo_conformance::suite::Suite;

/// Threads that the suite runs on; some tests just wait.
const THREADS: usize = 4;

/// The faults that no test finds which names a clause that they break.
fn missed(trials: &Trials<'_>) -> Vec<&'static str> {
    let next = AtomicUsize::new(0);
    let work = || {
        let faults = std::iter::from_fn(|| FAULTS.get(next.fetch_add(1, Ordering::Relaxed)));
        let is_missed = |fault: &&'static _| {
            trials.first_right_finder(fault).expect("the reference starts").is_none()
        };
        faults.filter(is_missed).map(|fault| fault.name).collect::<Vec<_>>()
    };
    thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(work)).collect();
        threads.into_iter().flat_map(|thread| thread.join().expect("no fault panics")).collect()
    })
}

#[test]
fn every_fault_is_found_for_the_right_clause_and_nothing_else() {
    let suite = Suite::new();
    let trials = Trials::new(&suite, Level::Kernel, THREADS).expect("the reference starts");
    let wrong: Vec<_> = trials.failed_without_a_fault().iter().map(|f| &f.test.name).collect();
    assert!(wrong.is_empty(), "fail without a fault: {wrong:?}");
    let missed = missed(&trials);
    assert!(missed.is_empty(), "not found: {missed:?}");
}

#[test]
fn faults_have_names_of_their_own() {
    let names: BTreeSet<_> = FAULTS.iter().map(|fault| fault.name).collect();
    assert_eq!(names.len(), FAULTS.len());
}

#[test]
fn faults_break_clauses_that_there_are() {
    for fault in FAULTS {
        assert!(!fault.clauses.is_empty(), "{} breaks nothing", fault.name);
        for id in fault.clauses {
            assert!(clause_of(id).is_some(), "{} breaks {id}, which is no clause", fault.name);
        }
    }
}

#[test]
fn every_class_has_faults() {
    for class in Class::ALL {
        assert!(FAULTS.iter().any(|fault| fault.class == class), "{} has none", class.name());
    }
}
