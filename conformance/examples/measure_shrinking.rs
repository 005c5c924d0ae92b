//! How long the reproducers of the faults are that ship, compared with the
//! shortest known.
//!
//! For each fault random programs are tried until the oracle finds it, and the
//! first find is shrunk. The shortest known is the shortest of the shrunk finds
//! of other seeds; nothing searches for a shorter one.
//!
//! Run with `cargo run --release --example measure_shrinking [STRIDE]`.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use vmo_conformance::Level;
use vmo_conformance::faults::{FAULTS, Fault, Faulty};
use vmo_conformance::generate::{self, Profile};
use vmo_conformance::program::Program;
use vmo_conformance::reproduce::{Finding, first_wrong_step};
use vmo_conformance::runner::Runner;
use vmo_conformance::shrink::shrink;

/// How long finds of a fault are looked for.
const TIME: Duration = Duration::from_secs(2);
/// Finds that are shrunk for each fault.
const FINDS: usize = 12;
const LEVEL: Level = Level::Kernel;

/// The finds of a fault, shrunk, the first one first, and how many candidates
/// were run for each.
fn finds(fault: &'static Fault) -> Vec<(Program, Finding, usize)> {
    let backend = Faulty::reference(Some(fault)).expect("the reference starts");
    let mut runner = Runner::new(&backend).expect("the arena is large enough");
    let profile = Profile::all(runner.environment().capabilities);
    let start = Instant::now();
    let mut finds = Vec::new();
    for seed in 0.. {
        if start.elapsed() > TIME || finds.len() == FINDS {
            break;
        }
        let mut program = generate::program(seed, &profile);
        let Ok(Some(found)) = first_wrong_step(&mut runner, &program, LEVEL) else { continue };
        program.steps.truncate(found.step + 1);
        let mut runs = 0;
        let shrunk = shrink(&program, |candidate| {
            runs += 1;
            let again = first_wrong_step(&mut runner, candidate, LEVEL).ok().flatten();
            again.is_some_and(|again| {
                again.wrong.is_like(&found.wrong) && again.step + 1 == candidate.steps.len()
            })
        });
        finds.push((shrunk, found, runs));
    }
    finds
}

/// A distribution as `value: how often`.
fn distribution(values: impl Iterator<Item = usize>) -> String {
    let mut counts: BTreeMap<usize, usize> = BTreeMap::new();
    values.for_each(|value| *counts.entry(value).or_default() += 1);
    let parts: Vec<_> = counts.iter().map(|(value, count)| format!("{value}: {count}")).collect();
    parts.join(", ")
}

fn median(mut values: Vec<usize>) -> usize {
    values.sort_unstable();
    values.get(values.len() / 2).copied().unwrap_or_default()
}

fn main() {
    let stride = std::env::args().nth(1).and_then(|word| word.parse().ok()).unwrap_or(1);
    let (mut lengths, mut excess, mut alike, mut runs, mut missed) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for fault in FAULTS.iter().step_by(stride) {
        let finds = finds(fault);
        let Some((first, found, candidates)) = finds.first() else {
            missed.push(fault.name);
            continue;
        };
        let shortest = finds.iter().map(|(program, ..)| program.steps.len()).min().unwrap_or(0);
        let shortest_alike = finds
            .iter()
            .filter(|(_, other, _)| other.wrong.is_like(&found.wrong))
            .map(|(program, ..)| program.steps.len())
            .min()
            .unwrap_or(0);
        let len = first.steps.len();
        lengths.push(len);
        excess.push(len - shortest);
        alike.push(len - shortest_alike);
        runs.push(*candidates);
        if len > shortest_alike {
            println!(
                "{}: {len} steps, {shortest_alike} are known for the same\n{first}",
                fault.name
            );
        }
    }
    println!("{} faults found, {} not: {}", lengths.len(), missed.len(), missed.join(" "));
    println!("steps                      {}", distribution(lengths.iter().copied()));
    println!("median of steps            {}", median(lengths));
    println!("more than for the same     {}", distribution(alike.iter().copied()));
    println!("more than for any clause   {}", distribution(excess.iter().copied()));
    println!("medians                    {} and {}", median(alike), median(excess));
    println!(
        "candidates, median         {}, most {}",
        median(runs.clone()),
        runs.iter().max().unwrap_or(&0)
    );
}
