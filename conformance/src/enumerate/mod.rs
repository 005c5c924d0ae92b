//! All programs up to a length over a small universe, judged by the oracle: a
//! gate that tries the same every time.
//!
//! A [`Universe`] says which calls there are and which values their arguments
//! take. Programs are gone through depth first after each start of the universe.
//! Only calls that changed something are built upon; the others are made one
//! after the other in the same state. After the last call of a program that
//! changed something, what can be seen of it is looked at.
//!
//! # What is left out
//!
//! - Handles with the same object and the same rights are interchangeable: just
//!   the first of them is used, and others only in a call with that one.
//! - So are objects that were made in the same way one after the other and not
//!   used since.
//! - Calls one after the other that make objects independently of each other are
//!   tried in one order.
//!
//! With up to three calls no two programs are left that can be made into each
//! other like this; with more, a few are, where it takes two of these at once.
//! Calls with an odd value are not built upon, and those with two odd values at
//! once are tried only with at most one call before them.
//!
//! # Parts
//!
//! The work is cut into parts that depend on nothing but the universe, each with
//! a backend of its own, so that the number of threads changes nothing that is
//! found or counted.

mod error;
mod plan;
mod report;
mod size;
mod templates;
#[cfg(test)]
mod tests;
mod universe;
mod universes;
mod walk;
mod world;

use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Instant;

use crate::backends::StartError;
use crate::level::Level;
use crate::oracle::{Oracle, Violation};
use crate::parallel::on_threads;
use crate::program::Program;
use crate::runner::{Outcome, Runner};
use crate::shrink::shrink;
use crate::suite::Start;

pub use error::EnumerateError;
use plan::{Creation, Planner};
pub use report::{Counts, Finding, Report};
pub use size::Size;
use templates::{Template, templates};
pub use universe::{Choice, Deed, Pick, Shape, Universe};
pub use universes::{UNIVERSES, universe};
use walk::{Branch, Part, Walk};

/// Most programs that are begun with: days of work.
const MOST_PROGRAMS: f64 = 1e12;

/// What is to be tried.
pub struct Plan<'p> {
    /// What programs are made of.
    pub universes: &'p [Universe],
    /// Calls of a program at most, without those of its start; at least 1.
    pub depth: usize,
    /// What the backend is held to.
    pub level: Level,
    /// Threads.
    pub jobs: usize,
    /// Answers whether to stop at this.
    pub stops: &'p (dyn Fn(&Violation) -> bool + Sync),
    /// Whether findings are made as short as possible.
    pub shrinks: bool,
    /// Is told of each program, for whoever wants to have them.
    pub told: Option<&'p (dyn Fn(&Program) + Sync)>,
}

/// Progress of a run, for whoever watches.
#[derive(Debug, Default)]
pub struct Progress {
    /// How many programs there are, as far as it is known; rises and falls.
    pub expected: AtomicU64,
    /// How many of these are done.
    pub done: AtomicU64,
    /// Findings so far; the same may be found several times.
    pub findings: AtomicU64,
    /// Set to end the run early.
    pub stop: AtomicBool,
}

/// The programs with one start.
struct Section {
    start: Program,
    /// The number of its universe.
    universe: usize,
}

/// A planner for each universe, of a thread.
type Planners = Vec<Planner>;

/// A part of the work: what comes after a call that comes after a start.
struct Task {
    section: usize,
    branch: Branch,
    made: Vec<Creation>,
    /// How many programs it is expected to have.
    expected: u64,
}

/// Tries all programs.
///
/// # Errors
///
/// There are too many of them, or a backend would not start.
pub fn enumerate(
    plan: &Plan<'_>,
    start: &Start<'_>,
    progress: &Progress,
) -> Result<Report, EnumerateError> {
    if plan.depth == 0 {
        return Err(EnumerateError::NoDepth);
    }
    let started = Instant::now();
    let environment = start()?.environment();
    let mut left_out = Vec::new();
    let mut sections = Vec::new();
    let mut all_templates: Vec<Vec<Template>> = Vec::new();
    for universe in plan.universes {
        let (offered, missing) = universe.offered_by(&environment);
        left_out.extend(missing);
        let universe = all_templates.len();
        all_templates.push(templates(&offered));
        let section = |start| Section { start, universe };
        sections.extend(offered.starts.into_iter().map(section));
    }
    left_out.dedup();
    let run = Run {
        plan,
        start,
        progress,
        sections,
        templates: all_templates,
        stopped: AtomicUsize::new(usize::MAX),
    };
    let parts = run.all(started)?;
    let mut report = Report {
        counts: Counts::default(),
        findings: Vec::new(),
        left_out,
        is_complete: parts.iter().all(Option::is_some)
            && run.stopped.load(Ordering::Relaxed) == usize::MAX,
        elapsed: started.elapsed(),
    };
    for part in parts.into_iter().flatten() {
        report.counts += part.counts;
        for broken in part.broken {
            let key = |violation: &Violation| (violation.clause, violation.call);
            let found = &mut report.findings;
            if found.iter().all(|known| key(&known.violation) != key(&broken.violation)) {
                let (violation, found_in) = (broken.violation, broken.program);
                found.push(Finding { violation, found: found_in, shrunk: None });
            }
        }
    }
    if plan.shrinks {
        for finding in &mut report.findings {
            confirm(finding, plan.level, start)?;
        }
    }
    report.elapsed = started.elapsed();
    Ok(report)
}

struct Run<'r> {
    plan: &'r Plan<'r>,
    start: &'r Start<'r>,
    progress: &'r Progress,
    sections: Vec<Section>,
    /// Those of each universe.
    templates: Vec<Vec<Template>>,
    /// The part in which something was found at which to stop; those after it
    /// do not matter any more.
    stopped: AtomicUsize,
}

impl Run<'_> {
    /// Every part, in order; `None` for one that was not begun.
    fn all(&self, started: Instant) -> Result<Vec<Option<Part>>, EnumerateError> {
        let more = self.plan.depth > 1;
        let mut parts = self.parts(0, self.sections.len(), |index, planners| {
            self.walk(planners, index, index, |walk| walk.first_calls(more))
        })?;
        let mut tasks = Vec::new();
        for (section, part) in parts.iter_mut().enumerate() {
            let Some(part) = part else { continue };
            let made = std::mem::take(&mut part.made);
            for branch in std::mem::take(&mut part.branches) {
                let made = made.clone();
                tasks.push(Task { section, branch, made, expected: 0 });
            }
        }
        let expected = self.expect(&mut tasks);
        if expected > MOST_PROGRAMS {
            let tried: u64 = parts.iter().flatten().map(|part| part.counts.programs).sum();
            let seconds = expected / tried.max(1) as f64 * started.elapsed().as_secs_f64();
            let (depth, programs) = (self.plan.depth, expected);
            return Err(EnumerateError::TooMany { depth, programs, seconds });
        }
        let first = self.sections.len();
        let later = self.parts(first, tasks.len(), |index, planners| {
            let task = &tasks[index];
            let made = task.made.clone();
            let part = self.walk(planners, task.section, first + index, |walk| {
                walk.branch(task.branch.at, made, self.plan.depth - 2)
            });
            self.progress.done.fetch_add(task.expected, Ordering::Relaxed);
            part
        })?;
        parts.extend(later);
        Ok(parts)
    }

    /// Does parts on all threads; the first of them has the number `first`.
    fn parts(
        &self,
        first: usize,
        count: usize,
        work: impl Fn(usize, &mut Planners) -> Result<Part, StartError> + Sync,
    ) -> Result<Vec<Option<Part>>, StartError> {
        let next = AtomicUsize::new(0);
        on_threads(self.plan.jobs, || {
            let mut done = Vec::new();
            let templates = self.templates.iter().map(Vec::as_slice);
            let mut planners: Planners = templates.map(|all| Planner::new(Rc::from(all))).collect();
            loop {
                let index = next.fetch_add(1, Ordering::Relaxed);
                if index >= count {
                    return Ok::<_, StartError>(done);
                }
                let is_over = self.progress.stop.load(Ordering::Relaxed)
                    || first + index > self.stopped.load(Ordering::Relaxed);
                let part = if is_over { None } else { Some(work(index, &mut planners)?) };
                done.push((index, part));
            }
        })
    }

    fn walk(
        &self,
        planners: &mut Planners,
        section: usize,
        number: usize,
        work: impl FnOnce(Walk<'_, '_>) -> Part,
    ) -> Result<Part, StartError> {
        let section = &self.sections[section];
        let backend = (self.start)()?;
        let runner = Runner::new(backend.as_ref())?;
        let planner = &mut planners[section.universe];
        let stops = |violation: &Violation| {
            let stops = (self.plan.stops)(violation);
            if stops {
                // Parts before this one may still find something.
                self.stopped.fetch_min(number, Ordering::Relaxed);
            }
            stops
        };
        let walk =
            Walk::new(&section.start, runner, planner, self.plan.level, &stops, self.plan.told);
        let part = work(walk);
        let found = part.broken.len() as u64;
        self.progress.findings.fetch_add(found, Ordering::Relaxed);
        Ok(part)
    }

    /// Counts ahead how many programs each part of the work has: the calls that
    /// are tried after it are listed already; of each of these as many change
    /// something as among the calls before. Answers with how many there are in
    /// all.
    fn expect(&self, tasks: &mut [Task]) -> f64 {
        let mut changing = vec![0_u64; self.sections.len()];
        for task in tasks.iter() {
            changing[task.section] += 1;
        }
        let mut all = 0.0;
        for task in tasks {
            let calls = task.branch.calls as u64;
            let size = Size { calls, changing: changing[task.section] };
            let programs = size.programs(self.plan.depth - 1);
            task.expected = programs as u64;
            all += programs;
        }
        self.progress.expected.store(all as u64, Ordering::Relaxed);
        all
    }
}

/// Finds out whether a fresh backend breaks the same clause with the program
/// alone, and makes the program as short as possible.
fn confirm(finding: &mut Finding, level: Level, start: &Start<'_>) -> Result<(), StartError> {
    let key = (finding.violation.clause, finding.violation.call);
    let breaks = |program: &Program| -> Result<Option<Violation>, StartError> {
        Ok(broken_by(program, level, start)?
            .filter(|violation| (violation.clause, violation.call) == key))
    };
    let Some(violation) = breaks(&finding.found)? else { return Ok(()) };
    finding.violation = violation;
    let shrunk = shrink(&finding.found, |candidate| matches!(breaks(candidate), Ok(Some(_))));
    if let Some(violation) = breaks(&shrunk)? {
        finding.violation = violation;
        finding.shrunk = Some(shrunk);
    }
    Ok(())
}

/// What a program breaks first on a fresh backend, if anything.
///
/// # Errors
///
/// The backend would not start.
pub fn broken_by(
    program: &Program,
    level: Level,
    start: &Start<'_>,
) -> Result<Option<Violation>, StartError> {
    let backend = start()?;
    let mut runner = Runner::new(backend.as_ref())?;
    let mut oracle = Oracle::new(runner.environment(), level);
    let mut outcome = Outcome::default();
    runner.begin();
    let violation = program
        .steps
        .iter()
        .find_map(|step| walk::perform(&mut runner, &mut oracle, &step.action, &mut outcome).err());
    runner.finish();
    Ok(violation)
}
