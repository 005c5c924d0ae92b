//! The oracle against what is known to be right, and against what is known to
//! be wrong.

#[path = "oracle/alterations.rs"]
mod alterations;
#[path = "oracle/altered.rs"]
mod altered;
#[path = "oracle/by_hand.rs"]
mod by_hand;
#[path = "oracle/captured.rs"]
mod captured;
#[path = "oracle/freedoms.rs"]
mod freedoms;
#[path = "oracle/garbage.rs"]
mod garbage;
#[path = "oracle/generator.rs"]
mod generator;
#[path = "oracle/random.rs"]
mod random;
#[path = "oracle/speed.rs"]
mod speed;

use std::time::Instant;

use captured::{captured, recordings};
use garbage::Garbage;
use vmo_conformance::Level;
use vmo_conformance::backends::built_in;
use vmo_conformance::oracle::Oracle;
use vmo_conformance::runner::REGION_BYTES;

/// The recordings are what a real kernel did, so the oracle has to allow all of
/// it, whatever the level.
#[test]
fn nothing_that_the_kernel_did_is_called_wrong() {
    let (environment, programs) = captured(&recordings());
    assert_eq!(programs.len(), 8140);
    for level in Level::ALL {
        let fresh = Oracle::new(&environment, level);
        let mut wrong = Vec::new();
        let mut covered = fresh.covered().clone();
        let start = Instant::now();
        for (number, program) in programs.iter().enumerate() {
            let mut oracle = fresh.clone();
            for (step, event) in program.iter().enumerate() {
                if let Err(violation) = event.judge(&mut oracle) {
                    wrong.push(format!("program {number} step {step}: {violation}"));
                    break;
                }
            }
            assert!(!oracle.gave_up(), "the oracle gave up in program {number}");
            covered.merge(oracle.covered());
        }
        let steps: usize = programs.iter().map(Vec::len).sum();
        println!(
            "{}: {steps} events of {} programs in {:?}, {} clauses",
            level.name(),
            programs.len(),
            start.elapsed(),
            covered.count(),
        );
        assert!(wrong.is_empty(), "{} called wrong, such as {:#?}", wrong.len(), &wrong[..1]);
        assert!(covered.count() > 220);
    }
}

/// A backend may be as wrong as it likes, and a caller may go on after a
/// violation: the oracle says no, and does not panic.
#[test]
fn nothing_makes_it_panic() {
    let backend = (built_in("reference").expect("it is built in").start)().expect("it starts");
    let environment = backend.environment();
    let arena = environment.arena;
    let region = 0x5000_0000_0000;
    let region_handle = 0x1235;
    for level in Level::ALL {
        let fresh = Oracle::new(&environment, level);
        let mut allowed = 0;
        for seed in 0..400 {
            let mut oracle = fresh.clone();
            oracle.adopt_region(region_handle, region, REGION_BYTES, 0x3c0);
            let fixed = [environment.root_vmar, environment.process, environment.observed_process];
            let mut seen: Vec<_> = fixed.into_iter().map(u64::from).collect();
            seen.extend([u64::from(region_handle), u64::from(region_handle), 0x2001, 0x2003]);
            seen.extend([0x2005, region, region, region + 0x1000, arena.base, arena.end() - 4]);
            seen.extend([3, 0x10, 0x13, 0x1000]);
            let mut garbage = Garbage::new(seed * 7919, seen);
            for _ in 0..300 {
                allowed += u32::from(garbage.event().judge(&mut oracle).is_ok());
                if oracle.gave_up() {
                    break;
                }
            }
        }
        println!("{}: {allowed} of the events allowed", level.name());
    }
}
