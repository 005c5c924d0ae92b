//! A report with a line for each case, written while the run goes on, so that
//! what was judged can be read whatever happens to the tester.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::sync::Mutex;

use serde::{Deserialize, Serialize};

use super::{CallCounts, Case, Report, Run, SCHEMA};

/// The first line.
#[derive(Serialize, Deserialize)]
pub(super) struct Header {
    schema: u32,
    pub(super) run: Run,
}

/// Every other line.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", untagged)]
pub(super) enum Line {
    /// A case and its place among all cases.
    Case { number: usize, case: Box<Case> },
    /// The last line.
    End(Box<End>),
}

/// What is known only when a run is over.
#[derive(Serialize, Deserialize)]
pub(super) struct End {
    seconds: f64,
    totals: BTreeMap<String, u64>,
    calls: Vec<CallCounts>,
    stale: Vec<String>,
}

impl End {
    fn of(report: &Report) -> Self {
        Self {
            seconds: report.seconds,
            totals: report.totals.clone(),
            calls: report.calls.clone(),
            stale: report.stale.clone(),
        }
    }

    /// Puts what is known only at the end into the report of the cases.
    pub(super) fn put_into(self, report: &mut Report) {
        report.complete = true;
        report.seconds = self.seconds;
        report.totals = self.totals;
        report.calls = self.calls;
        report.stale = self.stale;
    }
}

/// A case that is written.
#[derive(Serialize)]
struct Written<'a> {
    number: usize,
    case: &'a Case,
}

/// A file to which cases are appended as they are judged.
#[derive(Debug)]
pub struct StreamWriter {
    file: Mutex<(File, Option<io::Error>)>,
}

impl StreamWriter {
    /// Begins a file with the line that tells what is run.
    ///
    /// # Errors
    ///
    /// The file cannot be written.
    pub fn create(path: &Path, run: &Run) -> io::Result<Self> {
        let mut file = File::create(path)?;
        let header = Header { schema: SCHEMA, run: run.clone() };
        file.write_all(line_of(&header)?.as_bytes())?;
        Ok(Self { file: Mutex::new((file, None)) })
    }

    /// Appends the case with this place among all. An error is kept, and told
    /// at the end.
    pub fn write(&self, number: usize, case: &Case) {
        self.append(&Written { number, case });
    }

    fn append(&self, value: &impl Serialize) {
        let line = line_of(value);
        let mut guard = self.file.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let (file, failed) = &mut *guard;
        if failed.is_none() {
            // One call for each line, so that none is cut while the disk has
            // room.
            *failed = line.and_then(|line| file.write_all(line.as_bytes())).err();
        }
    }

    /// Appends the last line: what is known only when all is over.
    ///
    /// # Errors
    ///
    /// This or an earlier line could not be written.
    pub fn finish(self, report: &Report) -> io::Result<()> {
        self.append(&End::of(report));
        self.abandon()
    }

    /// Ends the file without a last line: the run did not come to its end.
    ///
    /// # Errors
    ///
    /// A line could not be written.
    pub fn abandon(self) -> io::Result<()> {
        let (_, failed) = self.file.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
        failed.map_or(Ok(()), Err)
    }
}

/// A whole report in this form.
pub(super) fn text(report: &Report) -> io::Result<String> {
    let mut text = line_of(&Header { schema: report.schema, run: report.run.clone() })?;
    for (number, case) in report.cases.iter().enumerate() {
        text.push_str(&line_of(&Written { number, case })?);
    }
    if report.complete {
        text.push_str(&line_of(&End::of(report))?);
    }
    Ok(text)
}

fn line_of(value: &impl Serialize) -> io::Result<String> {
    let mut line = serde_json::to_string(value)?;
    line.push('\n');
    Ok(line)
}
