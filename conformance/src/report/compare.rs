//! Reports side by side: by call, by clause, and what changed between two of
//! one backend.

use std::collections::{BTreeMap, HashMap};

use serde::Serialize;

use super::{Case, Kind, Report, Verdict};
use crate::ledger::clauses;
use crate::level::Level;

/// What cases that are about no single call are listed under.
const SEVERAL: &str = "several calls";

/// One of the reports.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Column {
    /// What tells it from the others: the backend, or the file if two are of
    /// one backend.
    pub label: String,
    /// The file.
    pub file: String,
    /// The backend.
    pub backend: String,
    /// What it was held to.
    pub level: Level,
    /// Whether the run came to its end.
    pub complete: bool,
    /// All its cases.
    pub all: Cell,
}

/// How many cases of a report came out how, of those that are about something.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Cell {
    /// The backend did what it should.
    pub passed: usize,
    /// It did not, known or not.
    pub failed: usize,
    /// It does not offer what is needed, or may not survive it.
    pub untested: usize,
}

impl Cell {
    fn add(&mut self, verdict: Verdict) {
        *match class(verdict) {
            Class::Pass => &mut self.passed,
            Class::Untested => &mut self.untested,
            Class::Fail | Class::Lost => &mut self.failed,
        } += 1;
    }
}

/// Something that cases are about, with a cell for each report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Row {
    /// The call or the clause.
    pub name: String,
    /// In the order of the reports.
    pub cells: Vec<Cell>,
}

/// A case that came out otherwise than before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    /// What it is.
    pub kind: Kind,
    /// Its name.
    pub name: String,
    /// How it came out in the first report, if it is there.
    pub before: Option<Verdict>,
    /// How it came out in the second report, if it is there.
    pub after: Option<Verdict>,
}

/// What changed between two reports of one backend.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Changes {
    /// What passed or was not tested and does not pass any more, and what
    /// failed and now loses the backend.
    pub worse: Vec<Change>,
    /// What did not pass and now does, and what lost the backend and now just
    /// fails.
    pub better: Vec<Change>,
    /// What failed and is now not tested.
    pub otherwise: Vec<Change>,
    /// What is in the second report only.
    pub new: Vec<Change>,
    /// What is in the first report only.
    pub gone: Vec<Change>,
}

/// Reports side by side.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Comparison {
    /// The reports.
    pub reports: Vec<Column>,
    /// By call, in the order of the contract; those that any case is about.
    pub calls: Vec<Row>,
    /// By clause, in the order of the contract; all of them.
    pub clauses: Vec<Row>,
    /// What changed, of two reports of one backend at one level.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub changes: Option<Changes>,
}

/// How well it is with a backend.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Pass,
    Untested,
    Fail,
    Lost,
}

fn class(verdict: Verdict) -> Class {
    match verdict {
        Verdict::Pass | Verdict::Accepted | Verdict::UnexpectedPass => Class::Pass,
        Verdict::Unsupported | Verdict::Hazard => Class::Untested,
        Verdict::Fail | Verdict::ExpectedFailure => Class::Fail,
        Verdict::Crash | Verdict::Timeout | Verdict::Protocol | Verdict::Broken => Class::Lost,
    }
}

/// Compares reports, each with the file that it comes from.
#[must_use]
pub fn compare(reports: &[(String, Report)]) -> Comparison {
    let count = reports.len();
    let mut calls: HashMap<&str, Vec<Cell>> = HashMap::new();
    let mut by_clause: HashMap<&str, Vec<Cell>> = HashMap::new();
    for (index, (_, report)) in reports.iter().enumerate() {
        for case in &report.cases {
            let verdict = case.verdict_itself();
            let add = |cells: &mut Vec<Cell>| {
                cells.resize(count, Cell::default());
                cells[index].add(verdict);
            };
            if case.calls.is_empty() {
                add(calls.entry(SEVERAL).or_default());
            }
            case.calls.iter().for_each(|call| add(calls.entry(call).or_default()));
            case.clauses.iter().for_each(|id| add(by_clause.entry(id).or_default()));
        }
    }
    let place =
        |name: &str| vmo_abi::Syscall::from_name(name).map_or(usize::MAX, |call| call as usize);
    let mut calls: Vec<_> =
        calls.into_iter().map(|(name, cells)| Row { name: name.to_owned(), cells }).collect();
    calls.sort_by(|one, other| {
        (place(&one.name), &one.name).cmp(&(place(&other.name), &other.name))
    });
    let clauses = clauses().map(|clause| Row {
        name: clause.id.to_owned(),
        cells: by_clause.remove(clause.id).unwrap_or_else(|| vec![Cell::default(); count]),
    });
    let changes = match reports {
        [(_, before), (_, after)]
            if (&before.run.backend, before.run.level) == (&after.run.backend, after.run.level) =>
        {
            Some(changes(before, after))
        }
        _ => None,
    };
    Comparison { reports: columns(reports), calls, clauses: clauses.collect(), changes }
}

fn columns(reports: &[(String, Report)]) -> Vec<Column> {
    let is_alone = |backend: &str| {
        reports.iter().filter(|(_, report)| report.run.backend == backend).count() == 1
    };
    let column = |(file, report): &(String, Report)| {
        let mut all = Cell::default();
        report.cases.iter().for_each(|case| all.add(case.verdict_itself()));
        let backend = &report.run.backend;
        Column {
            label: if is_alone(backend) { backend.clone() } else { file.clone() },
            file: file.clone(),
            backend: backend.clone(),
            level: report.run.level,
            complete: report.complete,
            all,
        }
    };
    reports.iter().map(column).collect()
}

fn changes(before: &Report, after: &Report) -> Changes {
    let key = |case: &Case| (case.kind, case.name.clone());
    let mut old: BTreeMap<_, Vec<Verdict>> = BTreeMap::new();
    for case in before.cases.iter().rev() {
        old.entry(key(case)).or_default().push(case.verdict_itself());
    }
    let mut changes = Changes::default();
    for case in &after.cases {
        let (before, after) = (old.get_mut(&key(case)).and_then(Vec::pop), case.verdict_itself());
        let change =
            || Change { kind: case.kind, name: case.name.clone(), before, after: Some(after) };
        match before.map(|before| (class(before), class(after))) {
            None => changes.new.push(change()),
            Some((one, other)) if one == other => {}
            Some((_, Class::Pass) | (Class::Lost, Class::Fail)) => changes.better.push(change()),
            Some((Class::Fail | Class::Lost, Class::Untested)) => changes.otherwise.push(change()),
            Some(_) => changes.worse.push(change()),
        }
    }
    for case in before.cases.iter().rev() {
        if let Some(verdict) = old.get_mut(&key(case)).and_then(Vec::pop) {
            let (kind, name) = key(case);
            changes.gone.push(Change { kind, name, before: Some(verdict), after: None });
        }
    }
    changes.gone.reverse();
    changes
}

impl Comparison {
    /// Whether something got worse.
    #[must_use]
    pub fn is_worse(&self) -> bool {
        self.changes.as_ref().is_some_and(|changes| !changes.worse.is_empty())
    }

    /// Clauses that did not simply pass in all reports, or in none was tested.
    pub(super) fn notable_clauses(&self) -> impl Iterator<Item = &Row> {
        self.clauses.iter().filter(|row| {
            let is_tested = |cell: &Cell| cell.passed + cell.failed != 0;
            row.cells.iter().any(|cell| cell.failed != 0)
                || row.cells.iter().any(|cell| is_tested(cell) != is_tested(&row.cells[0]))
        })
    }
}
