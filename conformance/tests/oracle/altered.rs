//! How much of what is wrong the oracle notices.

use std::collections::BTreeMap;

use vmo_conformance::Level;
use vmo_conformance::oracle::Oracle;
use vmo_conformance::program::Program;

use super::alterations::{Random, alterations};
use super::captured::{captured, recordings};
use super::generator::{Flavour, Generator};

/// How many alterations of a kind there were, and how many were noticed at
/// once, and by the end of the program.
#[derive(Clone, Copy, Default)]
struct Noticed {
    altered: u32,
    at_once: u32,
    by_the_end: u32,
}

fn notice_alterations(level: Level, programs: &[Program]) -> BTreeMap<&'static str, Noticed> {
    let (environment, programs) = captured(programs);
    let fresh = Oracle::new(&environment, level);
    let mut random = Random(0x5eed);
    let mut kinds: BTreeMap<_, Noticed> = BTreeMap::new();
    for program in &programs {
        let mut oracle = fresh.clone();
        for (step, event) in program.iter().enumerate() {
            for (kind, altered) in alterations(event, &mut random) {
                let noticed = kinds.entry(kind).or_default();
                noticed.altered += 1;
                let mut fork = oracle.clone();
                if altered.judge(&mut fork).is_err() {
                    noticed.at_once += 1;
                    noticed.by_the_end += 1;
                    continue;
                }
                let mut rest = program[step + 1..].iter();
                if rest.any(|event| event.judge(&mut fork).is_err()) {
                    noticed.by_the_end += 1;
                }
            }
            event.judge(&mut oracle).expect("the reference is right");
        }
    }
    kinds
}

/// Kinds of alterations with how many of 1000 have to be noticed at once in the
/// recordings, at kernel level and at page level.
///
/// What is left is free: a koid or an address that nobody knew before is as
/// good as another, rights that no page names, handle values. By the pages
/// memory may run out at any time (ND-03), any error that applies may be
/// reported (ND-07), and places that a failed call leaves are not mentioned.
const LEAST: &[(&str, u32, u32)] = &[
    ("NO_MEMORY", 1000, 500),
    ("NO_MEMORY instead of success", 1000, 500),
    ("a byte loaded", 1000, 998),
    ("a byte of a name", 1000, 1000),
    ("a byte read", 1000, 998),
    ("a count of handles", 1000, 1000),
    ("a count of records", 1000, 1000),
    ("a handle of 0", 1000, 1000),
    ("a handle that is open", 1000, 750),
    ("a koid", 400, 350),
    ("a load that faults, or does not", 1000, 1000),
    ("a positive status", 1000, 1000),
    ("a related koid", 1000, 700),
    ("a right", 1000, 800),
    ("a signal", 1000, 1000),
    ("a size by a page", 1000, 1000),
    ("a size not stored", 1000, 1000),
    ("a store that faults, or does not", 1000, 1000),
    ("a type", 1000, 1000),
    ("an address by a byte", 1000, 1000),
    ("an address by a page", 600, 600),
    ("an error instead of success", 1000, 990),
    ("an even handle", 1000, 0),
    ("another error", 999, 960),
    ("bytes behind the buffer", 1000, 1000),
    ("no handle", 1000, 1000),
    ("props", 1000, 1000),
    ("something stored by a failed call", 1000, 0),
    ("success instead of an error", 1000, 990),
];

fn print(level: Level, name: &str, kinds: &BTreeMap<&'static str, Noticed>) {
    println!("{} {name}: altered, noticed at once, by the end of the program", level.name());
    for (kind, Noticed { altered, at_once, by_the_end }) in kinds {
        let percent = |count: u32| 100.0 * f64::from(count) / f64::from(*altered);
        println!(
            "{kind:36} {altered:7} {at_once:7} {:5.1} % {by_the_end:7} {:5.1} %",
            percent(*at_once),
            percent(*by_the_end)
        );
    }
}

#[test]
fn alterations_of_the_recordings_are_noticed() {
    let programs = recordings();
    for level in [Level::Kernel, Level::Page] {
        let kinds = notice_alterations(level, &programs);
        print(level, "recordings", &kinds);
        assert_eq!(kinds.len(), LEAST.len());
        for (kind, kernel, page) in LEAST {
            let least = if level == Level::Kernel { *kernel } else { *page };
            let Noticed { altered, at_once, .. } = kinds[kind];
            assert!(altered > 500, "{kind}: {altered}");
            let noticed = u64::from(at_once) * 1000;
            assert!(noticed >= u64::from(altered) * u64::from(least), "{}: {kind}", level.name());
        }
    }
}

/// Random programs of each flavour whose outcomes are altered.
const RANDOM_PROGRAMS: u64 = 400;

#[test]
fn alterations_of_random_programs_are_noticed() {
    let seeds = |flavour| (0..RANDOM_PROGRAMS).map(move |seed| Generator::program(seed, flavour));
    let programs: Vec<_> = Flavour::ALL.into_iter().flat_map(seeds).collect();
    let sum = |kinds: &BTreeMap<_, Noticed>| {
        kinds.values().fold((0, 0), |(altered, noticed), kind| {
            (altered + kind.altered, noticed + kind.at_once)
        })
    };
    for (level, least) in [(Level::Kernel, 95), (Level::Page, 70)] {
        let kinds = notice_alterations(level, &programs);
        print(level, "random", &kinds);
        let (altered, noticed) = sum(&kinds);
        println!("{noticed} of {altered}");
        assert!(noticed >= altered / 100 * least, "{noticed} of {altered}");
    }
}
