//! Putting the reports of parts of a run together.

use std::collections::HashSet;
use std::fmt;

use super::{CallCounts, Case, Kind, Report};
use crate::shard::Shard;

/// Why reports do not belong together. Each is named by the file that it was
/// read from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MergeError {
    /// There is none.
    Nothing,
    /// Two are of different runs.
    Different {
        /// What is different.
        what: &'static str,
        /// The first report, and what it has.
        one: (String, String),
        /// The other report, and what it has.
        other: (String, String),
    },
    /// Some are parts of a run and others are not, or parts of another size.
    Mixed {
        /// A report.
        one: String,
        /// One that does not go with it.
        other: String,
    },
    /// A part is not there.
    Missing(Shard),
    /// A case is in two reports.
    Twice {
        /// The case.
        case: String,
        /// A report.
        one: String,
        /// The other report.
        other: String,
    },
}

impl fmt::Display for MergeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => write!(f, "there is no report to put together"),
            Self::Different { what, one: (one, has), other: (other, other_has) } => write!(
                f,
                "{one} and {other} are not of one run: their {what} is `{has}` and `{other_has}`; \
                 `vmo-conformance compare` takes reports of different runs"
            ),
            Self::Mixed { one, other } => {
                write!(f, "{one} and {other} are not parts of one run, cut in the same way")
            }
            Self::Missing(shard) => {
                write!(f, "part {shard} is missing: give the reports of all parts")
            }
            Self::Twice { case, one, other } => {
                write!(f, "{case} is both in {one} and in {other}")
            }
        }
    }
}

impl std::error::Error for MergeError {}

/// One report of the parts of a run, or of runs of different cases against the
/// same backend. Each comes with a name for messages. Parts that [`Shard`]
/// made come out in the order that the whole has.
///
/// # Errors
///
/// They do not belong together, or a part is missing.
pub fn merge(mut reports: Vec<(String, Report)>) -> Result<Report, MergeError> {
    reports.sort_by_key(|(_, report)| report.run.shard);
    let Some((first_name, first)) = reports.first() else { return Err(MergeError::Nothing) };
    for (name, report) in &reports {
        for (what, one, other) in [
            ("version", &first.run.version, &report.run.version),
            ("command", &first.run.command, &report.run.command),
            ("backend", &first.run.backend, &report.run.backend),
            ("edition", &first.run.edition, &report.run.edition),
            ("level", &first.run.level.name().to_owned(), &report.run.level.name().to_owned()),
        ] {
            if one != other {
                let one = (first_name.clone(), one.clone());
                return Err(MergeError::Different {
                    what,
                    one,
                    other: (name.clone(), other.clone()),
                });
            }
        }
    }
    check_shards(&reports)?;
    check_cases(&reports)?;
    let mut run = first.run.clone();
    let starts = reports.iter().map(|(_, report)| &report.run.started);
    run.started = starts.min().cloned().unwrap_or_default();
    let is_sharded = run.shard.take().is_some();
    let mut merged = Report::new(run, Vec::new());
    for (_, report) in &reports {
        merged.seconds += report.seconds;
        merged.complete &= report.complete;
        for (what, count) in &report.totals {
            *merged.totals.entry(what.clone()).or_default() += count;
        }
        for counts in &report.calls {
            add_calls(&mut merged.calls, counts);
        }
        for problem in &report.stale {
            if !merged.stale.contains(problem) {
                merged.stale.push(problem.clone());
            }
        }
    }
    // Parts may have met calls in different orders; the table has that of the
    // contract.
    let place =
        |name: &str| vmo_abi::Syscall::from_name(name).map_or(usize::MAX, |call| call as usize);
    merged.calls.sort_by_key(|counts| place(&counts.call));
    let parts: Vec<Vec<Case>> = reports.into_iter().map(|(_, report)| report.cases).collect();
    merged.cases = if is_sharded { dealt(parts) } else { parts.into_iter().flatten().collect() };
    merged.count();
    Ok(merged)
}

fn check_shards(reports: &[(String, Report)]) -> Result<(), MergeError> {
    let mut before: Option<(&str, Option<Shard>)> = None;
    for (name, report) in reports {
        let shard = report.run.shard;
        if let Some((other, other_shard)) = before
            && other_shard.map(Shard::count) != shard.map(Shard::count)
        {
            return Err(MergeError::Mixed { one: other.to_owned(), other: name.clone() });
        }
        before = Some((name, shard));
    }
    let Some(count) = before.and_then(|(_, shard)| shard).map(Shard::count) else { return Ok(()) };
    for number in 1..=count {
        let of_number = reports.iter().filter_map(|(_, report)| report.run.shard);
        if !of_number.into_iter().any(|shard| shard.number() == number) {
            let missing = format!("{number}/{count}").parse().map_err(|_| MergeError::Nothing)?;
            return Err(MergeError::Missing(missing));
        }
    }
    Ok(())
}

fn check_cases(reports: &[(String, Report)]) -> Result<(), MergeError> {
    for (index, (other, report)) in reports.iter().enumerate() {
        let names: HashSet<_> =
            report.cases.iter().map(|case| (case.kind, case.name.as_str())).collect();
        for (one, earlier) in &reports[..index] {
            let twice =
                earlier.cases.iter().find(|case| names.contains(&(case.kind, case.name.as_str())));
            // What several random runs found may well be the same.
            if let Some(case) = twice.filter(|case| case.kind != Kind::Finding) {
                let case = case.name.clone();
                return Err(MergeError::Twice { case, one: one.clone(), other: other.clone() });
            }
        }
    }
    Ok(())
}

fn add_calls(all: &mut Vec<CallCounts>, counts: &CallCounts) {
    let Some(known) = all.iter_mut().find(|known| known.call == counts.call) else {
        all.push(counts.clone());
        return;
    };
    known.programs += counts.programs;
    known.calls += counts.calls;
    known.agreed += counts.agreed;
    known.accepted += counts.accepted;
    known.disagreed += counts.disagreed;
}

/// The cases of all parts, taken in turns, kind by kind.
fn dealt(parts: Vec<Vec<Case>>) -> Vec<Case> {
    let mut all = Vec::with_capacity(parts.iter().map(Vec::len).sum());
    let mut parts: Vec<_> = parts.into_iter().map(|part| part.into_iter().peekable()).collect();
    for kind in Kind::ALL {
        loop {
            let before = all.len();
            for part in &mut parts {
                all.extend(part.next_if(|case| case.kind == kind));
            }
            if all.len() == before {
                break;
            }
        }
    }
    all
}
