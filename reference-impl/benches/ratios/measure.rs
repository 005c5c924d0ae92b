//! Timing two things side by side, and a table of what came out.
//!
//! What counts are ratios, and the host may be shared and noisy: so the two
//! sides take turns in short rounds, each round gives one ratio, and the median
//! of all of them is what is told. Neither divan nor criterion measures in this
//! way or hands numbers to the program that called it.

use std::fmt;
use std::time::{Duration, Instant};

/// How long the measurements may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Effort {
    /// Rounds of each measurement.
    pub rounds: usize,
    /// What one side of a round should take at least.
    pub round_time: Duration,
    /// Divides the sizes of the largest tasks.
    pub divisor: u64,
}

impl Effort {
    /// The effort for one of `parts` measurements that are told as one.
    pub fn part(self, parts: usize) -> Self {
        Self { rounds: self.rounds.div_ceil(parts), ..self }
    }

    /// For `cargo bench`.
    pub const FULL: Self = Self { rounds: 301, round_time: Duration::from_micros(500), divisor: 1 };
    /// For `cargo test`, which only has to see that everything works.
    pub const SMOKE: Self = Self { rounds: 3, round_time: Duration::from_micros(20), divisor: 100 };
}

/// Tasks that are done before any is measured.
const WARM_UP: usize = 5;

/// One side of a comparison: does its task as often as asked and answers how
/// long that took, without what it did to prepare and to check.
pub type Side<'a> = &'a mut dyn FnMut(u32) -> Duration;

/// A task without preparation.
pub fn plain(mut task: impl FnMut()) -> impl FnMut(u32) -> Duration {
    move |times| {
        let start = Instant::now();
        (0..times).for_each(|_| task());
        start.elapsed()
    }
}

/// Nanoseconds of one task of ours and of theirs, for each round.
#[derive(Default)]
pub struct Rounds(Vec<(f64, f64)>);

impl Rounds {
    /// The same told for each of `count` parts of a task.
    pub fn per(mut self, count: u64) -> Self {
        for (ours, theirs) in &mut self.0 {
            *ours /= count as f64;
            *theirs /= count as f64;
        }
        self
    }

    /// Takes the rounds of another measurement of the same tasks, too.
    pub fn add(&mut self, mut more: Self) {
        self.0.append(&mut more.0);
    }
}

fn quantile(sorted: &[f64], part: f64) -> f64 {
    sorted[((sorted.len() - 1) as f64 * part).round() as usize]
}

fn sorted(numbers: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut numbers: Vec<_> = numbers.collect();
    numbers.sort_by(f64::total_cmp);
    numbers
}

/// How often a side does its task to fill the time of a round; at least once.
fn times_for(side: Side, effort: Effort) -> u32 {
    // Memory that was never touched, and code that never ran, would make the
    // first task look long.
    for _ in 0..WARM_UP {
        side(1);
    }
    let mut times = 1;
    loop {
        let taken = side(times);
        if taken >= effort.round_time || times >= 1 << 20 {
            return times;
        }
        times *= 2;
    }
}

/// Measures two sides in turns.
pub fn compare(effort: Effort, ours: Side, theirs: Side) -> Rounds {
    let times = [times_for(ours, effort), times_for(theirs, effort)];
    let nanoseconds = |taken: Duration, times: u32| taken.as_nanos() as f64 / f64::from(times);
    let round = |number| {
        // Who goes first changes, so that neither always finds the caches as
        // the other left them.
        if number % 2 == 0 {
            let first = nanoseconds(ours(times[0]), times[0]);
            (first, nanoseconds(theirs(times[1]), times[1]))
        } else {
            let first = nanoseconds(theirs(times[1]), times[1]);
            (nanoseconds(ours(times[0]), times[0]), first)
        }
    };
    Rounds((0..effort.rounds).map(round).collect())
}

/// What is asked of a ratio.
#[derive(Clone, Copy, Debug)]
pub enum Bar {
    /// Theirs divided by ours is at least this: so many times as fast.
    Speed(f64),
    /// Ours divided by theirs is at most this: so many times the time.
    Time(f64),
    /// Nothing; the row is for information. Told as time.
    None,
}

struct Row {
    ours: String,
    theirs: String,
    rounds: Rounds,
    bar: Bar,
}

/// The table of all comparisons.
#[derive(Default)]
pub struct Table {
    rows: Vec<Row>,
}

impl Table {
    pub fn add(&mut self, ours: &str, theirs: &str, bar: Bar, rounds: Rounds) {
        self.rows.push(Row { ours: ours.into(), theirs: theirs.into(), rounds, bar });
    }
}

/// Nanoseconds for people to read.
pub fn time(nanoseconds: f64) -> String {
    if nanoseconds < 10_000.0 {
        format!("{nanoseconds:.0} ns")
    } else {
        format!("{:.1} µs", nanoseconds / 1_000.0)
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (ours, theirs) = ("ours", "compared with");
        writeln!(f, "{ours:38} {:>9}  {theirs:36} {:>9}", "", "")?;
        for Row { ours, theirs, rounds: Rounds(rounds), bar } in &self.rows {
            let times = [
                sorted(rounds.iter().map(|round| round.0)),
                sorted(rounds.iter().map(|round| round.1)),
            ];
            let ratios = sorted(rounds.iter().map(|(ours, theirs)| ours / theirs));
            let [low, ratio, high] = [0.25, 0.5, 0.75].map(|part| quantile(&ratios, part));
            let (told, low, high, asked, is_met) = match *bar {
                Bar::Speed(bar) => {
                    (1.0 / ratio, 1.0 / high, 1.0 / low, format!(">= {bar}"), 1.0 / ratio >= bar)
                }
                Bar::Time(bar) => (ratio, low, high, format!("<= {bar}"), ratio <= bar),
                Bar::None => (ratio, low, high, String::new(), true),
            };
            let kind = if matches!(bar, Bar::Speed(_)) { "speed" } else { "time " };
            let verdict = match (bar, is_met) {
                (Bar::None, _) => "",
                (_, true) => "met",
                (_, false) => "MISSED",
            };
            writeln!(
                f,
                "{ours:38} {:>9}  {theirs:36} {:>9}  {kind} {told:6.2} ({low:.2} to {high:.2}) \
                 {asked:7} {verdict}",
                time(quantile(&times[0], 0.5)),
                time(quantile(&times[1], 0.5)),
            )?;
        }
        Ok(())
    }
}
