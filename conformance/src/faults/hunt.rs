//! Fuzzing against wrong backends: how soon each fault is found.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use vmo_abi::Backend;

use super::faulty::Faulty;
use super::hook::Fault;
use crate::backends::StartError;
use crate::fuzz::{Finding, Plan, Progress, fuzz};
use crate::generate::Profile;
use crate::level::Level;
use crate::parallel::on_threads;

/// How faults are hunted.
#[derive(Clone, Copy, Debug)]
pub struct HuntOptions {
    /// What the wrong backends are held to.
    pub level: Level,
    /// Seeds, from 1 on; a run with each for every fault.
    pub seeds: u64,
    /// Time that a run has, at most.
    pub time: Duration,
    /// Runs at a time; each takes one thread.
    pub jobs: usize,
}

/// What came of fuzzing with a fault.
#[derive(Clone, Debug)]
pub struct Hunt {
    /// The fault.
    pub fault: &'static Fault,
    /// What each seed found first, if it found anything.
    pub finds: Vec<Option<Finding>>,
}

impl Hunt {
    /// The findings.
    pub fn found(&self) -> impl Iterator<Item = &Finding> {
        self.finds.iter().flatten()
    }

    /// Whether the program of a finding shows the fault by itself and breaks a
    /// clause that the fault is known to break.
    #[must_use]
    pub fn is_right(&self, finding: &Finding) -> bool {
        finding.stands_alone && self.fault.clauses.contains(&finding.violation.clause)
    }

    /// The median over all seeds of what is asked of a finding; `None` if most
    /// seeds found nothing.
    #[must_use]
    pub fn median<T: Ord>(&self, of: impl Fn(&Finding) -> T) -> Option<T> {
        let mut values: Vec<_> = self.found().map(of).collect();
        values.sort_unstable();
        let middle = self.finds.len() / 2;
        values.into_iter().nth(middle)
    }
}

/// Fuzzes with each fault, with each seed until the first finding, and answers
/// in the order of the faults. `on_run` is told of each run that is over.
///
/// # Errors
///
/// The reference would not start.
pub fn hunt(
    faults: &[&'static Fault],
    options: HuntOptions,
    on_run: impl Fn(&'static Fault, Option<&Finding>) + Sync,
) -> Result<Vec<Hunt>, StartError> {
    let offered = Faulty::reference(None)?.environment().capabilities;
    let profile = Profile::all(offered).with_memory_control(offered);
    let seeds = options.seeds as usize;
    let runs = faults.len() * seeds;
    let next = AtomicUsize::new(0);
    let on_run = &on_run;
    let finds = on_threads(options.jobs.clamp(1, runs.max(1)), || {
        let mut done = Vec::new();
        loop {
            let run = next.fetch_add(1, Ordering::Relaxed);
            if run >= runs {
                return Ok::<_, StartError>(done);
            }
            let fault = faults[run / seeds];
            let plan = Plan {
                seed: (run % seeds) as u64 + 1,
                level: options.level,
                profile: profile.clone(),
                programs: None,
                time: Some(options.time),
                jobs: 1,
                stop_at_first: true,
            };
            let start = || {
                let backend = Faulty::reference(Some(fault))?;
                Ok(Box::new(backend) as Box<dyn Backend>)
            };
            let report = fuzz(&plan, &start, &Progress::default(), |_| true)?;
            let found = report.findings.into_iter().next();
            on_run(fault, found.as_ref());
            done.push((run, found));
        }
    })?;
    let mut finds = finds.into_iter();
    let hunts =
        faults.iter().map(|fault| Hunt { fault, finds: finds.by_ref().take(seeds).collect() });
    Ok(hunts.collect())
}
