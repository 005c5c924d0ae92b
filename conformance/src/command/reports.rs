//! Where the report of a run goes, and in which forms.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Mutex;
use std::time::{Instant, SystemTime};

use clap::{Args, ValueEnum};
use indicatif::ProgressBar;
use tempfile::NamedTempFile;
use vmo_abi::Environment;

use super::exit::Exit;
use super::failure::Failure;
use super::known::Known;
use super::replay::exit_of;
use super::target::Target;
use super::terminal;
use crate::expectations::{Applied, Conditions};
use crate::report::{Case, Format, RenderError, Report, Run, StreamWriter};
use crate::shard::Shard;
use crate::suite::Start;
use crate::whole_file::write_file;

/// What is printed, and which files are written besides.
#[derive(Args, Clone, Default)]
pub(super) struct Reports {
    /// How to print it: human, json, html….
    ///
    /// How to print the report.
    #[arg(long, value_enum, default_value_t = Printed::Human, hide_possible_values = true)]
    format: Printed,
    /// Write to this file what would be printed.
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Write the report to a file, too.
    ///
    /// Write the report to a file, too; may be repeated. Formats: human, json,
    /// jsonl (a line for each case, as soon as it is judged), junit, markdown,
    /// html, badge-json (for shields.io), badge-svg.
    #[arg(long = "report", value_name = "FORMAT=FILE")]
    reports: Vec<ReportFile>,
}

/// Forms that can be printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Printed {
    #[default]
    Human,
    Json,
    Junit,
    Markdown,
    Html,
}

impl Printed {
    fn format(self) -> Format {
        match self {
            Self::Human => Format::Human,
            Self::Json => Format::Json,
            Self::Junit => Format::Junit,
            Self::Markdown => Format::Markdown,
            Self::Html => Format::Html,
        }
    }
}

/// A file to write, and in which form.
#[derive(Clone)]
struct ReportFile {
    format: Format,
    path: PathBuf,
}

impl FromStr for ReportFile {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let names: Vec<_> = Format::ALL.iter().map(|format| format.name()).collect();
        let (name, path) = match text.split_once('=') {
            Some((name, path)) if !path.is_empty() => (name, path),
            _ => return Err("it takes FORMAT=FILE, such as junit=report.xml".to_owned()),
        };
        let format = Format::named(name)
            .ok_or_else(|| format!("unknown format `{name}`: known are {}", names.join(", ")))?;
        Ok(Self { format, path: PathBuf::from(path) })
    }
}

/// What is wrong with files that were to be written.
#[derive(Debug)]
pub(super) enum ReportError {
    Unwritable { path: PathBuf, error: io::Error },
    Unrenderable(RenderError),
}

impl std::fmt::Display for ReportError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unwritable { path, error } => {
                write!(f, "{} cannot be written: {error}", path.display())
            }
            Self::Unrenderable(error) => error.fmt(f),
        }
    }
}

/// What is run, for the report of it.
pub(super) struct Described<'a> {
    pub(super) command: &'static str,
    pub(super) target: &'a Target,
    pub(super) shard: Option<Shard>,
    pub(super) known: Option<&'a Known<'a>>,
}

impl Described<'_> {
    fn run(&self, environment: &Environment) -> Run {
        let arguments = std::env::args_os().skip(1);
        let capabilities = environment.capabilities.iter();
        Run {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            command: self.command.to_owned(),
            arguments: arguments.map(|word| word.to_string_lossy().into_owned()).collect(),
            backend: self.target.backend.clone(),
            capabilities: capabilities.map(|capability| capability.name().to_owned()).collect(),
            edition: environment.edition.name.to_owned(),
            level: self.target.level(),
            started: humantime::format_rfc3339_seconds(SystemTime::now()).to_string(),
            shard: self.shard,
        }
    }
}

/// What people are shown of a run whose report is not all that they are to
/// see.
#[derive(Default)]
pub(super) struct Told {
    /// What was printed while the run went on, if that went to the terminal.
    pub(super) before: String,
    /// What is to be printed at the end.
    pub(super) rest: String,
}

/// What ends a run.
#[derive(Default)]
pub(super) struct Ending<'a> {
    /// Whether every failure is shown in full.
    pub(super) all: bool,
    /// Whether the run was cut short.
    pub(super) is_cut_short: bool,
    /// Names of programs that known failures may name, besides those that the
    /// command carries.
    pub(super) others: &'a [&'a str],
    /// What people are shown instead of the text that the report makes.
    pub(super) told: Option<Told>,
}

impl Reports {
    /// Whether what is printed is text for people, on the terminal.
    pub(super) fn prints_for_people(&self) -> bool {
        self.format == Printed::Human && self.output.is_none()
    }

    /// Tries whether all the files can be written, so that nobody learns only
    /// after a long run that they cannot.
    ///
    /// # Errors
    ///
    /// One of them cannot.
    pub(super) fn check(&self) -> Result<(), Failure> {
        let reports = self.reports.iter().map(|file| &file.path);
        for path in reports.chain(&self.output) {
            probe(path).map_err(|error| Failure::Unwritable { path: path.clone(), error })?;
        }
        Ok(())
    }

    /// Begins the report of a run against a backend that claims what one that
    /// is started for it does.
    ///
    /// # Errors
    ///
    /// The backend would not start, or a file to which cases are to be appended
    /// cannot be written.
    pub(super) fn begin<'r>(
        &'r self,
        described: &Described<'r>,
        start: &Start<'_>,
    ) -> Result<Recording<'r>, Failure> {
        let environment = start()?.environment();
        let run = described.run(&environment);
        let conditions = Conditions { level: run.level, edition: environment.edition.name };
        let applied = described.known.map(|known| known.expectations.applied(conditions));
        let mut streams = Vec::new();
        for ReportFile { path, .. } in
            self.reports.iter().filter(|file| file.format == Format::Jsonl)
        {
            let stream = StreamWriter::create(path, &run)
                .map_err(|error| Failure::Unwritable { path: path.clone(), error })?;
            streams.push((path.as_path(), stream));
        }
        let cases = Mutex::new(Vec::new());
        let (known, started) = (described.known, Instant::now());
        let bar = terminal::progress(None, "{bar:30} {pos} of {len}, {eta} left");
        Ok(Recording { reports: self, run, started, streams, cases, known, applied, bar })
    }

    /// Writes a report that is whole to all files but those that were written
    /// line by line, and prints it.
    fn deliver(
        &self,
        report: &Report,
        all: bool,
        is_streamed: bool,
        told: Option<&Told>,
        errors: &mut Vec<ReportError>,
    ) -> Result<(), Failure> {
        let render = |format: Format, all| match (format, told) {
            (Format::Human, Some(told)) => Ok(told.before.clone() + &told.rest),
            _ => format.render(report, all),
        };
        let mut printed = render(self.format.format(), all).unwrap_or_else(|error| {
            errors.push(ReportError::Unrenderable(error));
            String::new()
        });
        let mut is_written = false;
        if let Some(path) = &self.output {
            match write_file(path, &printed) {
                Ok(()) => is_written = true,
                // What was found out is not lost for it.
                Err(error) => errors.push(ReportError::Unwritable { path: path.clone(), error }),
            }
        }
        if let Some(told) = told.filter(|_| self.prints_for_people()) {
            printed.clone_from(&told.rest);
        }
        let is_quiet = terminal::is_quiet() && self.prints_for_people();
        let is_silent = is_quiet && exit_of(report) == Exit::Good;
        if !is_written && !is_silent {
            let mut out: Box<dyn Write> = match self.format {
                Printed::Human => Box::new(terminal::stdout()),
                _ => Box::new(io::stdout().lock()),
            };
            out.write_all(printed.as_bytes())?;
            out.flush()?;
        }
        for ReportFile { format, path } in &self.reports {
            if is_streamed && *format == Format::Jsonl {
                continue;
            }
            match render(*format, true) {
                Ok(text) => {
                    if let Err(error) = write_file(path, &text) {
                        errors.push(ReportError::Unwritable { path: path.clone(), error });
                    }
                }
                Err(error) => errors.push(ReportError::Unrenderable(error)),
            }
        }
        Ok(())
    }

    /// Prints a report that was not made just now, and writes all its files.
    ///
    /// # Errors
    ///
    /// Some of them cannot be written.
    pub(super) fn write(&self, report: &Report, all: bool) -> Result<(), Failure> {
        let mut errors = Vec::new();
        self.deliver(report, all, false, None, &mut errors)?;
        if errors.is_empty() { Ok(()) } else { Err(Failure::Reports(errors)) }
    }
}

/// Whether a file could be written here.
fn probe(path: &Path) -> io::Result<()> {
    match std::fs::metadata(path) {
        Ok(known) if known.is_dir() => Err(io::ErrorKind::IsADirectory.into()),
        Ok(known) if !known.is_file() => Ok(()),
        Ok(_) => folder_probe(&std::fs::canonicalize(path)?),
        Err(error) if error.kind() == io::ErrorKind::NotFound => folder_probe(path),
        Err(error) => Err(error),
    }
}

fn folder_probe(path: &Path) -> io::Result<()> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    // The error of the file that is made next would name that file.
    std::fs::metadata(folder)?;
    NamedTempFile::new_in(folder)?.close()
}

/// The report of a run that goes on.
pub(super) struct Recording<'a> {
    reports: &'a Reports,
    run: Run,
    started: Instant,
    streams: Vec<(&'a Path, StreamWriter)>,
    cases: Mutex<Vec<(usize, Case)>>,
    known: Option<&'a Known<'a>>,
    applied: Option<Applied<'a>>,
    bar: ProgressBar,
}

impl Recording<'_> {
    /// Says how many cases there are to be.
    pub(super) fn expects(&self, cases: usize) {
        self.bar.set_length(cases as u64);
    }

    /// Takes in the case with this place among all.
    pub(super) fn judged(&self, number: usize, mut case: Case) {
        if let Some(applied) = &self.applied {
            applied.judge(&mut case);
        }
        for (_, stream) in &self.streams {
            stream.write(number, &case);
        }
        let mut cases = self.cases.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        cases.push((number, case));
        if self.started.elapsed() > terminal::PATIENCE {
            self.bar.set_position(cases.len() as u64);
        }
    }

    /// The arguments of the run, for those that were chosen for whoever did not
    /// give them.
    pub(super) fn add_arguments(&mut self, arguments: &[&str]) {
        self.run.arguments.extend(arguments.iter().map(|&argument| argument.to_owned()));
    }

    /// Ends the report; `fill` adds what only the end tells. Answers with the
    /// report after it was printed and written.
    ///
    /// # Errors
    ///
    /// The output or a file cannot be written; whatever can be is written all
    /// the same.
    pub(super) fn finish(
        self,
        ending: &Ending<'_>,
        fill: impl FnOnce(&mut Report),
    ) -> Result<Report, Failure> {
        self.bar.finish_and_clear();
        let complete = !ending.is_cut_short;
        let mut cases = self.cases.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
        cases.sort_by_key(|(number, _)| *number);
        let cases = cases.into_iter().map(|(_, case)| case).collect();
        let mut report = Report::new(self.run, cases);
        report.seconds = self.started.elapsed().as_secs_f64();
        report.complete = complete;
        fill(&mut report);
        let settled = match self.known {
            Some(known) if complete => known.settle(&mut report, ending.others),
            _ => Ok(()),
        };
        let mut errors = Vec::new();
        for (path, stream) in self.streams {
            let finished = if complete { stream.finish(&report) } else { stream.abandon() };
            if let Err(error) = finished {
                errors.push(ReportError::Unwritable { path: path.to_owned(), error });
            }
        }
        let told = ending.told.as_ref();
        self.reports.deliver(&report, ending.all, true, told, &mut errors)?;
        settled?;
        if errors.is_empty() { Ok(report) } else { Err(Failure::Reports(errors)) }
    }
}
