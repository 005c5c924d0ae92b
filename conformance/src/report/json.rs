//! The forms that are read back: JSON, and one line of JSON for each case.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::stream::{Header, Line};
use super::{CallCounts, Case, ConflictTaken, Counts, Report, Run, SCHEMA};

/// A report without its cases.
#[derive(Serialize)]
struct Head<'a> {
    schema: u32,
    run: &'a Run,
    seconds: f64,
    complete: bool,
    counts: &'a Counts,
    totals: &'a BTreeMap<String, u64>,
    conflicts: &'a [ConflictTaken],
    calls: &'a [CallCounts],
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    stale: &'a [String],
}

/// A report as JSON, with a line for each case.
pub(super) fn write(report: &Report) -> serde_json::Result<String> {
    let Report { schema, run, seconds, complete, counts, totals, conflicts, calls, stale, cases } =
        report;
    let head = Head {
        schema: *schema,
        run,
        seconds: *seconds,
        complete: *complete,
        counts,
        totals,
        conflicts,
        calls,
        stale,
    };
    let mut text = serde_json::to_string_pretty(&head)?;
    // The brace at the end, and the line break before it, come after the cases.
    text.truncate(text.len() - "\n}".len());
    text.push_str(",\n  \"cases\": [");
    for (index, case) in cases.iter().enumerate() {
        text.push_str(if index == 0 { "\n    " } else { ",\n    " });
        text.push_str(&serde_json::to_string(case)?);
    }
    text.push_str(if cases.is_empty() { "]\n}\n" } else { "\n  ]\n}\n" });
    Ok(text)
}

/// Why a file is no report that can be read.
#[derive(Debug)]
pub enum ReadError {
    /// It cannot be read at all.
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// It ends before the report does.
    Truncated(PathBuf),
    /// It is no JSON.
    NoJson {
        /// The file.
        path: PathBuf,
        /// Where and why.
        error: serde_json::Error,
    },
    /// It is JSON, but no report.
    NoReport(PathBuf),
    /// It is a report of another version of the form.
    OtherSchema {
        /// The file.
        path: PathBuf,
        /// The version.
        found: u64,
    },
    /// Something in it is not as it should be.
    Malformed {
        /// The file.
        path: PathBuf,
        /// The line of the file, if it has one for each case.
        line: Option<usize>,
        /// Where and why.
        error: serde_json::Error,
    },
    /// Its counts are not those of its cases.
    Miscounted(PathBuf),
}

impl std::fmt::Display for ReadError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unreadable { path, error } => {
                write!(f, "{} cannot be read: {error}", path.display())
            }
            Self::Truncated(path) => write!(
                f,
                "{} ends before the report does; of a run that may be cut short, read what \
                 --report jsonl=FILE writes",
                path.display()
            ),
            Self::NoJson { path, error } => write!(
                f,
                "{} is no report: {error}; reports that are read come from --report json=FILE or \
                 jsonl=FILE",
                path.display()
            ),
            Self::NoReport(path) => write!(
                f,
                "{} is JSON, but no report: it has no number `schema`; reports that are read come \
                 from --report json=FILE or jsonl=FILE",
                path.display()
            ),
            Self::OtherSchema { path, found } => write!(
                f,
                "{} is a report of schema {found}, and this version reads schema {SCHEMA}; read \
                 it with the version of vmo-conformance that wrote it, or run again",
                path.display()
            ),
            Self::Malformed { path, line: Some(line), error } => {
                write!(f, "{}:{line} is no part of a report: {error}", path.display())
            }
            Self::Malformed { path, line: None, error } => {
                write!(f, "{} is no report of schema {SCHEMA}: {error}", path.display())
            }
            Self::Miscounted(path) => write!(
                f,
                "{}: its counts are not those of its cases; something was changed or cut out",
                path.display()
            ),
        }
    }
}

impl std::error::Error for ReadError {}

/// What is looked at first: other versions may have anything else in them.
#[derive(Deserialize)]
struct Probe {
    schema: Option<u64>,
    #[serde(default)]
    cases: Option<serde::de::IgnoredAny>,
}

/// The report in a file, as JSON or with a line for each case.
///
/// # Errors
///
/// The file cannot be read, or holds no whole report of schema [`SCHEMA`]. A
/// file with a line for each case may end early; the report says so.
pub fn read(path: &Path) -> Result<Report, ReadError> {
    let own = || path.to_owned();
    let bytes = fs::read(path).map_err(|error| ReadError::Unreadable { path: own(), error })?;
    let first = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    if let Ok(Probe { schema: Some(schema), cases: None }) = serde_json::from_slice(first) {
        check_schema(path, schema)?;
        return read_lines(path, &bytes);
    }
    let probe: Probe = serde_json::from_slice(&bytes).map_err(|error| {
        if error.is_eof() && !bytes.is_empty() {
            ReadError::Truncated(own())
        } else if error.is_data() {
            ReadError::NoReport(own())
        } else {
            ReadError::NoJson { path: own(), error }
        }
    })?;
    // An array could stand for the fields of a report in their order.
    if !bytes.trim_ascii_start().starts_with(b"{") {
        return Err(ReadError::NoReport(own()));
    }
    check_schema(path, probe.schema.ok_or_else(|| ReadError::NoReport(own()))?)?;
    let report: Report = serde_json::from_slice(&bytes).map_err(|error| ReadError::Malformed {
        path: own(),
        line: None,
        error,
    })?;
    let mut counted = report.clone();
    counted.count();
    if counted.counts != report.counts {
        return Err(ReadError::Miscounted(own()));
    }
    Ok(report)
}

fn check_schema(path: &Path, found: u64) -> Result<(), ReadError> {
    if found == u64::from(SCHEMA) {
        return Ok(());
    }
    Err(ReadError::OtherSchema { path: path.to_owned(), found })
}

fn read_lines(path: &Path, bytes: &[u8]) -> Result<Report, ReadError> {
    let malformed = |line: usize, error| ReadError::Malformed {
        path: path.to_owned(),
        line: Some(line + 1),
        error,
    };
    let mut lines = bytes.split_inclusive(|byte| *byte == b'\n').enumerate();
    let (_, first) = lines.next().unwrap_or_default();
    let header: Header = serde_json::from_slice(first).map_err(|error| malformed(0, error))?;
    let mut cases: Vec<(usize, Case)> = Vec::new();
    let mut end = None;
    for (index, line) in lines {
        match serde_json::from_slice(line) {
            Ok(Line::Case { number, case }) => cases.push((number, *case)),
            Ok(Line::End(found)) => end = Some(found),
            // Whoever wrote it was ended in the middle of a line.
            Err(_) if !line.ends_with(b"\n") => {}
            Err(error) => return Err(malformed(index, error)),
        }
    }
    cases.sort_by_key(|(number, _)| *number);
    let cases = cases.into_iter().map(|(_, case)| case).collect();
    let mut report = Report::new(header.run, cases);
    report.complete = false;
    if let Some(end) = end {
        end.put_into(&mut report);
    }
    Ok(report)
}
