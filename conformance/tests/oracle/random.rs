//! The oracle and the reference, which were written apart, agree on random
//! programs.

use std::collections::BTreeMap;
use std::time::Instant;

use vmo_conformance::Level;
use vmo_conformance::backends::built_in;
use vmo_conformance::generate::{self, Profile};
use vmo_conformance::oracle::{Oracle, Violation};
use vmo_conformance::program::Program;
use vmo_conformance::runner::{RunError, Runner};
use vmo_conformance::shrink::shrink;

use super::generator::{Flavour, Generator};

/// Where programs come from.
#[derive(Clone, Copy, Debug)]
enum Source {
    /// From the generator of these tests.
    Own(Flavour),
    /// From the generator that fuzzing uses.
    Suite { memory_control: u32 },
}

impl Source {
    const ALL: [Self; 7] = [
        Self::Own(Flavour::Everything),
        Self::Own(Flavour::Contents),
        Self::Own(Flavour::Mappings),
        Self::Own(Flavour::Handles),
        Self::Own(Flavour::Memory),
        Self::Suite { memory_control: 0 },
        Self::Suite { memory_control: 8 },
    ];

    fn program(self, seed: u64, everything: &Profile) -> Program {
        match self {
            Self::Own(flavour) => Generator::program(seed, flavour),
            Self::Suite { memory_control } => {
                let profile = Profile { memory_control, ..everything.clone() };
                generate::program(seed, &profile)
            }
        }
    }
}

/// Programs of each source that are tried; more with `PROGRAMS`.
const PROGRAMS: u64 = 4_000;

/// What came of judging one program.
pub struct Judged {
    pub steps: u64,
    pub gave_up: bool,
    pub found: Option<Violation>,
}

/// Judges what the reference does at a program.
pub fn judge(runner: &mut Runner<'_>, fresh: &Oracle, program: &Program) -> Judged {
    let mut oracle = fresh.clone();
    let mut steps = 0;
    let mut found = None;
    let result = runner.run(program, |index, outcome, facts| {
        steps += 1;
        found = oracle.observe(&program.steps[index].action, outcome, facts).err();
        found.is_none()
    });
    match result {
        // The tester itself may lack room or memory.
        Ok(()) | Err(RunError::DataTooLong { .. } | RunError::NoRegion(_)) => {}
        Err(error) => panic!("{}: {error}", program.name),
    }
    Judged { steps, gave_up: oracle.gave_up(), found }
}

/// The shortest program found that breaks the same clause at the same call.
fn smallest(
    runner: &mut Runner<'_>,
    fresh: &Oracle,
    program: &Program,
    violation: &Violation,
) -> String {
    let is_same =
        |other: &Violation| (other.call, other.clause) == (violation.call, violation.clause);
    let small = shrink(program, |candidate| {
        judge(runner, fresh, candidate).found.as_ref().is_some_and(is_same)
    });
    let found = judge(runner, fresh, &small).found;
    format!("{}\n{small}", found.as_ref().unwrap_or(violation))
}

fn number(variable: &str, otherwise: u64) -> u64 {
    let value = std::env::var(variable).ok();
    value.and_then(|value| value.parse().ok()).unwrap_or(otherwise)
}

/// The reference does what the kernel did in every recording, so a random
/// program that it is called wrong at shows a mistake, its own or the oracle's.
#[test]
fn the_reference_is_never_called_wrong() {
    let (programs, first) = (number("PROGRAMS", PROGRAMS), number("FIRST", 0));
    let backend = (built_in("reference").expect("it is built in").start)().expect("it starts");
    let mut runner = Runner::new(backend.as_ref()).expect("its arena is large enough");
    let everything = Profile::all(runner.environment().capabilities);
    let mut findings: BTreeMap<(&str, &str, &str), (u64, String)> = BTreeMap::new();
    for level in Level::ALL {
        let fresh = Oracle::new(runner.environment(), level);
        for source in Source::ALL {
            let (mut steps, mut gave_up) = (0, 0);
            let start = Instant::now();
            for seed in first..first + programs {
                let program = source.program(seed, &everything);
                let judged = judge(&mut runner, &fresh, &program);
                steps += judged.steps;
                gave_up += u64::from(judged.gave_up);
                let Some(violation) = judged.found else { continue };
                let key = (level.name(), violation.call, violation.clause);
                let entry = findings
                    .entry(key)
                    .or_insert_with(|| (0, smallest(&mut runner, &fresh, &program, &violation)));
                entry.0 += 1;
            }
            println!(
                "{} {source:?}: {steps} steps of {programs} programs in {:?}, gave up in {gave_up}",
                level.name(),
                start.elapsed()
            );
            assert!(gave_up <= programs / 100);
        }
    }
    for ((level, ..), (count, text)) in &findings {
        println!("--- {level}, {count} times: {text}");
    }
    assert!(findings.is_empty(), "{} kinds of disagreement", findings.len());
}
