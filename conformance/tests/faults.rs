//! The suite finds every wrong backend there is.

use std::thread;

use vmo_conformance::Level;
use vmo_conformance::faults::{MISTAKES, Mistake, first_failure};
use vmo_conformance::suite::Suite;

fn missed(suite: &Suite, mistakes: &'static [Mistake]) -> Vec<String> {
    let is_missed = |mistake: &&'static Mistake| {
        let found = first_failure(suite, mistake, Level::Kernel).expect("the reference starts");
        found.is_none()
    };
    let name = |mistake: &Mistake| format!("{}::{}", mistake.call.name(), mistake.name);
    mistakes.iter().filter(is_missed).map(name).collect()
}

#[test]
fn every_wrong_backend_is_found() {
    let suite = Suite::new();
    let missed = thread::scope(|scope| {
        let half = MISTAKES.len() / 2;
        let halves = [&MISTAKES[..half], &MISTAKES[half..]];
        let threads = halves.map(|mistakes| scope.spawn(|| missed(&suite, mistakes)));
        threads.map(|thread| thread.join().expect("no mistake panics")).concat()
    });
    assert!(missed.is_empty(), "not found: {missed:?}");
    assert!(MISTAKES.len() >= 60, "{}", MISTAKES.len());
}

#[test]
fn mistakes_have_names_of_their_own() {
    let mut names: Vec<_> = MISTAKES.iter().map(|mistake| (mistake.call, mistake.name)).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), MISTAKES.len());
}
