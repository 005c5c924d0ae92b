//! How fast the oracle judges.

use std::time::{Duration, Instant};

use vmo_conformance::Level;
use vmo_conformance::backends::built_in;
use vmo_conformance::oracle::Oracle;
use vmo_conformance::runner::Runner;

use super::captured::{captured, recordings};
use super::generator::{Flavour, Generator};
use super::random::judge;

/// Few enough for their events to stay in the cache.
const PROGRAMS: u64 = 400;
const ROUNDS: usize = 40;

fn rate(count: usize, time: Duration) -> f64 {
    count as f64 / time.as_secs_f64() / 1e6
}

/// Events a second, alone, with a clone of the oracle kept at each event, and
/// behind the reference. Run in release with `--ignored --nocapture`.
#[test]
#[ignore = "measures, and tests nothing"]
fn speed() {
    let flavours = [Flavour::Contents, Flavour::Mappings, Flavour::Handles, Flavour::Everything];
    let mut sets = vec![("recordings".to_owned(), recordings())];
    for flavour in flavours {
        let programs = (0..PROGRAMS).map(|seed| Generator::program(seed, flavour)).collect();
        sets.push((format!("{flavour:?}"), programs));
    }
    let backend = (built_in("reference").expect("it is built in").start)().expect("it starts");
    let mut runner = Runner::new(backend.as_ref()).expect("its arena is large enough");
    for (name, programs) in &sets {
        let (environment, events) = captured(programs);
        let rounds = if programs.len() > 1000 { 2 } else { ROUNDS };
        let count = rounds * events.iter().map(Vec::len).sum::<usize>();
        let start = Instant::now();
        for program in programs.iter().cycle().take(rounds * programs.len()) {
            drop(runner.run(program, |_, _, _| true));
        }
        print!("{name:10} {count:7} events; reference {:5.2}", rate(count, start.elapsed()));
        for level in [Level::Kernel, Level::Page] {
            let fresh = Oracle::new(&environment, level);
            let pass = |keeps: bool| {
                let start = Instant::now();
                for program in events.iter().cycle().take(rounds * events.len()) {
                    let mut oracle = fresh.clone();
                    for event in program {
                        let before = keeps.then(|| oracle.clone());
                        event.judge(&mut oracle).expect("the reference is right");
                        drop(before);
                    }
                }
                rate(count, start.elapsed())
            };
            let (alone, cloned) = (pass(false), pass(true));
            let fresh = Oracle::new(runner.environment(), level);
            let start = Instant::now();
            for program in programs.iter().cycle().take(rounds * programs.len()) {
                judge(&mut runner, &fresh, program);
            }
            let both = rate(count, start.elapsed());
            let level = level.name();
            print!("; {level} oracle {alone:5.2}, cloned {cloned:5.2}, both {both:5.2}");
        }
        println!(" million a second");
    }
}
