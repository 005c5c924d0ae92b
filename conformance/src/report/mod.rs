//! Reports: one value that a run fills, and the forms that it is written in.
//!
//! A [`Report`] holds everything that any form shows. JSON is the form that is
//! read back; `conformance/report.schema.json` describes it.

mod badge;
mod case;
mod compare;
mod compared;
mod format;
mod gather;
mod html;
mod human;
mod json;
mod junit;
mod markdown;
mod merge;
mod stream;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::ledger::conflicts;
use crate::level::Level;
use crate::shard::Shard;
use crate::suite::Side;

pub use case::{Case, Detail, Expectation, Kind, Taken, Verdict};
pub use compare::{Cell, Change, Changes, Column, Comparison, Row, compare};
pub use format::{Format, RenderError};
pub use gather::counts_of_calls;
pub use human::{Human, case_text};
pub use json::{ReadError, read};
pub use merge::{MergeError, merge};
pub use stream::StreamWriter;

/// The version of the form in which reports are stored. It goes up with every
/// change of it.
pub const SCHEMA: u32 = 1;

/// Steps of replayed programs that were judged, in [`Report::totals`].
pub const STEPS_JUDGED: &str = "steps judged";

/// What was run, how, and against what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// The version of the tool.
    pub version: String,
    /// The subcommand: `run`, `replay`, `fuzz` or `enumerate`.
    pub command: String,
    /// The arguments of the command line, the subcommand among them.
    pub arguments: Vec<String>,
    /// The backend, as `--backend` names it.
    pub backend: String,
    /// The capabilities that it claims.
    pub capabilities: Vec<String>,
    /// The edition of the contract that it names, such as `2018-06`.
    pub edition: String,
    /// What it is held to.
    pub level: Level,
    /// When the run began, as RFC 3339 has it, in UTC.
    pub started: String,
    /// The part of the cases that was run, if it was not all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shard: Option<Shard>,
}

/// The side that a backend takes in a conflict between pages and kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stand {
    /// With the pages.
    Page,
    /// With the kernel.
    Kernel,
    /// Now with these, now with that.
    Both,
}

/// The side that a backend takes in one conflict.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConflictTaken {
    /// The conflict, such as `C-12`.
    pub conflict: String,
    /// The side.
    pub side: Stand,
}

/// What replayed programs did with one call.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallCounts {
    /// The call without `zx_`, or `loads and stores`.
    pub call: String,
    /// Programs that do it.
    pub programs: usize,
    /// How often it was done.
    pub calls: usize,
    /// How often it came out as expected.
    pub agreed: usize,
    /// How often it came out otherwise in a way that is allowed.
    pub accepted: usize,
    /// How often it came out as it should not.
    pub disagreed: usize,
}

/// How many cases of each kind came out how.
pub type Counts = BTreeMap<Kind, BTreeMap<Verdict, usize>>;

/// Everything about a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// [`SCHEMA`].
    pub schema: u32,
    /// What was run.
    pub run: Run,
    /// How long it took, in seconds; of several runs put together, all of them.
    pub seconds: f64,
    /// Whether the run came to its end.
    pub complete: bool,
    /// How many cases of each kind came out how.
    pub counts: Counts,
    /// What else was counted, such as [`STEPS_JUDGED`].
    pub totals: BTreeMap<String, u64>,
    /// The sides taken in conflicts, of those that were come upon.
    pub conflicts: Vec<ConflictTaken>,
    /// What replayed programs did, call by call.
    pub calls: Vec<CallCounts>,
    /// What is wrong with the file of expectations, each with what to do.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stale: Vec<String>,
    /// The cases in order.
    pub cases: Vec<Case>,
}

impl Report {
    /// The report of a run with these cases, so far without durations and
    /// totals.
    #[must_use]
    pub fn new(run: Run, cases: Vec<Case>) -> Self {
        let mut report = Self {
            schema: SCHEMA,
            run,
            seconds: 0.0,
            complete: true,
            counts: Counts::new(),
            totals: BTreeMap::new(),
            conflicts: Vec::new(),
            calls: Vec::new(),
            stale: Vec::new(),
            cases,
        };
        report.count();
        report
    }

    /// Counts the cases, and the sides that were taken in them, again.
    pub fn count(&mut self) {
        let mut counts = Counts::new();
        let mut sides: BTreeMap<&str, (bool, bool)> = BTreeMap::new();
        for case in &self.cases {
            *counts.entry(case.kind).or_default().entry(case.verdict).or_default() += 1;
            for taken in &case.sides {
                let seen = sides.entry(&taken.conflict).or_default();
                match taken.side {
                    Side::Page => seen.0 = true,
                    Side::Kernel => seen.1 = true,
                }
            }
        }
        let known = conflicts().filter_map(|conflict| {
            let side = match sides.get(conflict.id)? {
                (true, true) => Stand::Both,
                (true, false) => Stand::Page,
                (false, _) => Stand::Kernel,
            };
            Some(ConflictTaken { conflict: conflict.id.to_owned(), side })
        });
        self.conflicts = known.collect();
        self.counts = counts;
    }

    /// How many cases of a kind came out so.
    #[must_use]
    pub fn count_of(&self, kind: Kind, verdict: Verdict) -> usize {
        self.counts.get(&kind).and_then(|counts| counts.get(&verdict)).copied().unwrap_or(0)
    }

    /// How many cases of a kind there are.
    #[must_use]
    pub fn count_of_kind(&self, kind: Kind) -> usize {
        self.counts.get(&kind).map_or(0, |counts| counts.values().sum())
    }

    /// How many cases came out as they should not.
    #[must_use]
    pub fn bad(&self) -> usize {
        self.cases.iter().filter(|case| case.verdict.is_bad()).count()
    }

    /// Whether anything was judged at all.
    #[must_use]
    pub fn tested_anything(&self) -> bool {
        let is_tested = |case: &Case| {
            let verdict = case.verdict_itself();
            case.kind == Kind::Finding
                || (case.kind == Kind::Test && verdict.is_tried() && verdict != Verdict::Broken)
        };
        self.totals.get(STEPS_JUDGED).is_some_and(|steps| *steps != 0)
            || self.cases.iter().any(is_tested)
    }

    /// The cases of a kind, in order.
    pub fn cases_of(&self, kind: Kind) -> impl Iterator<Item = &Case> {
        self.cases.iter().filter(move |case| case.kind == kind)
    }

    /// The cases of a kind by what they are listed under, in the order of the
    /// first of each.
    #[must_use]
    pub fn modules(&self, kind: Kind) -> Vec<(&str, Vec<&Case>)> {
        let mut modules: Vec<(&str, Vec<&Case>)> = Vec::new();
        let mut places: BTreeMap<&str, usize> = BTreeMap::new();
        for case in self.cases_of(kind) {
            let place = *places.entry(&case.module).or_insert_with(|| {
                modules.push((&case.module, Vec::new()));
                modules.len() - 1
            });
            modules[place].1.push(case);
        }
        modules
    }
}
