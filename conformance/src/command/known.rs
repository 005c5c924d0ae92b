//! Known failures: `--expectations`.

use std::path::{Path, PathBuf};

use clap::Args;

use super::failure::Failure;
use crate::expectations::{Conditions, Expectations};
use crate::recordings::program_names;
use crate::report::Report;
use crate::suite::Suite;
use crate::whole_file::write_file;

/// Which failures are known.
#[derive(Args, Clone, Default)]
pub(super) struct KnownFailures {
    /// Known failures.
    ///
    /// Known failures, with a reason for each, as TOML; one that does not fail
    /// any more is an error.
    #[arg(long = "expectations", value_name = "FILE")]
    file: Option<PathBuf>,
    /// Write the file of known failures anew.
    ///
    /// Write the file of known failures anew from this run; reasons are kept.
    #[arg(long, requires = "file")]
    update_expectations: bool,
}

impl KnownFailures {
    /// Reads the file, if one is named. One that is to be written anew need not
    /// be there.
    ///
    /// # Errors
    ///
    /// The file cannot be read, or something in it is wrong.
    pub(super) fn read(&self) -> Result<Option<Known<'_>>, Failure> {
        let Some(path) = &self.file else { return Ok(None) };
        let expectations = if self.update_expectations && !path.exists() {
            Expectations::none(path)
        } else {
            Expectations::read(path)?
        };
        Ok(Some(Known { path, expectations, updates: self.update_expectations }))
    }
}

/// The known failures of a run.
pub(super) struct Known<'a> {
    path: &'a Path,
    pub(super) expectations: Expectations,
    updates: bool,
}

impl Known<'_> {
    /// Tells in the report which entries are stale, or writes the file anew.
    /// `others` are names of programs besides those that the command carries.
    ///
    /// # Errors
    ///
    /// The file cannot be written.
    pub(super) fn settle(&self, report: &mut Report, others: &[&str]) -> Result<(), Failure> {
        let suite = Suite::new();
        let tests = suite.tests().iter().map(|test| test.name.as_str());
        let names = tests.chain(program_names()).chain(others.iter().copied());
        let edition = report.run.edition.clone();
        let conditions = Conditions { level: report.run.level, edition: &edition };
        if !self.updates {
            report.stale = self.expectations.stale(conditions, &report.cases, names);
            return Ok(());
        }
        let text = self.expectations.updated(conditions, &report.cases, names.clone());
        write_file(self.path, &text)
            .map_err(|error| Failure::Unwritable { path: self.path.to_owned(), error })?;
        let updated = Expectations::parse(self.path, &text)?;
        let applied = updated.applied(conditions);
        for case in &mut report.cases {
            case.verdict = case.verdict_itself();
            case.expectation = None;
            applied.judge(case);
        }
        report.count();
        report.stale = updated.stale(conditions, &report.cases, names);
        Ok(())
    }
}
