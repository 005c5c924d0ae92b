//! `merge`: one report of several.

use std::path::PathBuf;

use clap::Args;

use super::exit::Exit;
use super::failure::Failure;
use super::replay::exit_of;
use super::reports::Reports;
use crate::report::{merge as merged, read};

#[derive(Args)]
pub(super) struct Merge {
    /// Reports as JSON or JSON lines.
    ///
    /// Reports that --report json=FILE or jsonl=FILE wrote: of all parts of a
    /// run, or of runs of different cases against one backend.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Show all failures, not just the first.
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    reports: Reports,
}

pub(super) fn merge(arguments: &Merge) -> Result<Exit, Failure> {
    arguments.reports.check()?;
    let mut reports = Vec::new();
    for file in &arguments.files {
        reports.push((file.display().to_string(), read(file)?));
    }
    let report = merged(reports)?;
    arguments.reports.write(&report, arguments.all)?;
    Ok(exit_of(&report))
}
