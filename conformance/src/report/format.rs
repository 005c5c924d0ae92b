//! The forms of a report.

use std::fmt;
use std::io;

use super::{Human, Report, badge, html, json, junit, markdown, stream};

/// A form in which a report is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Text for a terminal.
    Human,
    /// JSON, which can be read back.
    Json,
    /// A line of JSON for each case, which can be read back.
    Jsonl,
    /// JUnit's XML.
    Junit,
    /// Markdown for the summary of a CI job.
    Markdown,
    /// A page for a browser.
    Html,
    /// The end point of a badge of shields.io.
    BadgeJson,
    /// A badge as a picture.
    BadgeSvg,
}

/// Why a report cannot be written in a form.
#[derive(Debug)]
pub enum RenderError {
    /// As JSON.
    Json(serde_json::Error),
    /// As lines of JSON.
    Lines(io::Error),
    /// As XML.
    Junit(quick_junit::SerializeError),
}

impl fmt::Display for RenderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the report cannot be written as ")?;
        match self {
            Self::Json(error) => write!(f, "JSON: {error}"),
            Self::Lines(error) => write!(f, "lines of JSON: {error}"),
            Self::Junit(error) => write!(f, "JUnit's XML: {error}"),
        }
    }
}

impl std::error::Error for RenderError {}

impl Format {
    /// Every form.
    pub const ALL: [Self; 8] = [
        Self::Human,
        Self::Json,
        Self::Jsonl,
        Self::Junit,
        Self::Markdown,
        Self::Html,
        Self::BadgeJson,
        Self::BadgeSvg,
    ];

    /// The name on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Human => "human",
            Self::Json => "json",
            Self::Jsonl => "jsonl",
            Self::Junit => "junit",
            Self::Markdown => "markdown",
            Self::Html => "html",
            Self::BadgeJson => "badge-json",
            Self::BadgeSvg => "badge-svg",
        }
    }

    /// The form called `name`.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.name() == name)
    }

    /// A report in this form. Text for a terminal shows every failure in full
    /// if `all` is set, and else the first ones.
    ///
    /// # Errors
    ///
    /// The report holds something that the form cannot express.
    pub fn render(self, report: &Report, all: bool) -> Result<String, RenderError> {
        match self {
            Self::Human => Ok(Human { report, all }.text()),
            Self::Json => json::write(report).map_err(RenderError::Json),
            Self::Jsonl => stream::text(report).map_err(RenderError::Lines),
            Self::Junit => junit::write(report).map_err(RenderError::Junit),
            Self::Markdown => Ok(markdown::write(report)),
            Self::Html => html::write(report).map_err(RenderError::Json),
            Self::BadgeJson => badge::json(report).map_err(RenderError::Json),
            Self::BadgeSvg => Ok(badge::svg(report)),
        }
    }
}
