//! `compare`: reports side by side.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::exit::Exit;
use super::failure::Failure;
use super::output::deliver;
use crate::report::{RenderError, compare as compared, read};

#[derive(Args)]
pub(super) struct Compare {
    /// Reports as JSON or JSON lines.
    ///
    /// Reports that --report json=FILE or jsonl=FILE wrote. Of two of one
    /// backend it is told what changed from the first to the second.
    #[arg(required = true, num_args = 2..)]
    files: Vec<PathBuf>,
    /// How to print it: human, json or markdown.
    #[arg(long, value_enum, default_value_t = Format::Human, hide_possible_values = true)]
    format: Format,
    /// List all cases that changed, not just the first.
    #[arg(long)]
    all: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    Human,
    Json,
    Markdown,
}

pub(super) fn compare(arguments: &Compare) -> Result<Exit, Failure> {
    let mut reports = Vec::new();
    for file in &arguments.files {
        reports.push((file.display().to_string(), read(file)?));
    }
    let comparison = compared(&reports);
    let text = match arguments.format {
        Format::Human => comparison.text(arguments.all),
        Format::Markdown => comparison.markdown(),
        Format::Json => {
            let json = serde_json::to_string_pretty(&comparison).map_err(RenderError::Json)?;
            json + "\n"
        }
    };
    deliver(&text, None)?;
    Ok(if comparison.is_worse() { Exit::Disagreed } else { Exit::Good })
}
