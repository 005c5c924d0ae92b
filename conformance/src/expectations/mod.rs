//! Expected failures: a file that says which tests and programs are known to
//! fail, and why.
//!
//! The file is TOML, with an entry for each known failure:
//!
//! ```toml
//! [[expected]]
//! test = "vmo_clone::*"              # a name, or a pattern with `*`
//! verdict = "crash"                  # fail if not given
//! reason = "clones are not finished"
//! link = "https://example.org/issues/12"
//! level = "kernel"                   # only when held to this level
//! edition = "2018-06"                # only for backends of this edition
//! expires = 2027-06-30               # after this day it is an error
//! ```
//!
//! An entry that expects a failure of what passes is an error, and so is one
//! that has expired or names nothing: a file of expectations never gets stale
//! unnoticed.

mod parse;
mod update;

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use toml::value::Date;

use crate::level::Level;
use crate::pattern::matches;
use crate::report::{Case, Expectation, Verdict};

/// What a new entry gives as its reason.
pub const NO_REASON_YET: &str = "not looked into yet";

/// Names that are shown of what passes unexpectedly.
const SHOWN: usize = 3;

/// What is wrong with an entry that names nothing.
const NAMES_NOTHING: &str = "names no test and no program; `vmo-conformance run --level kernel \
                             --list` prints their names, or take the entry out";

/// One entry of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The line of the file on which it begins, from 1.
    line: usize,
    /// A name or pattern.
    test: String,
    verdict: Verdict,
    reason: String,
    link: Option<String>,
    level: Option<Level>,
    edition: Option<String>,
    expires: Option<Date>,
}

impl Entry {
    fn is_pattern(&self) -> bool {
        self.test.contains('*')
    }

    fn names(&self, name: &str) -> bool {
        matches(&self.test, name)
    }

    fn expectation(&self) -> Expectation {
        Expectation { verdict: self.verdict, reason: self.reason.clone(), link: self.link.clone() }
    }
}

/// Why a file of expectations cannot be used.
#[derive(Debug)]
pub enum ExpectationsError {
    /// It cannot be read.
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// Something in it is wrong.
    Malformed {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong with it, and what to do.
        what: String,
    },
}

impl fmt::Display for ExpectationsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable { path, error } => {
                write!(f, "{} cannot be read: {error}", path.display())
            }
            Self::Malformed { path, line, what } => write!(f, "{}:{line}: {what}", path.display()),
        }
    }
}

impl std::error::Error for ExpectationsError {}

/// What is the same for all cases of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conditions<'a> {
    /// What the backend is held to.
    pub level: Level,
    /// The edition that it names.
    pub edition: &'a str,
}

impl Conditions<'_> {
    fn hold_for(&self, entry: &Entry) -> bool {
        entry.level.is_none_or(|level| level == self.level)
            && entry.edition.as_deref().is_none_or(|edition| edition == self.edition)
    }
}

/// A file of expectations.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expectations {
    path: PathBuf,
    entries: Vec<Entry>,
}

impl Expectations {
    /// Reads a file.
    ///
    /// # Errors
    ///
    /// It cannot be read, or something in it is wrong.
    pub fn read(path: &Path) -> Result<Self, ExpectationsError> {
        let text = std::fs::read_to_string(path)
            .map_err(|error| ExpectationsError::Unreadable { path: path.to_owned(), error })?;
        Self::parse(path, &text)
    }

    /// The expectations of a text; `path` is where messages say that it is.
    ///
    /// # Errors
    ///
    /// Something in it is wrong.
    pub fn parse(path: &Path, text: &str) -> Result<Self, ExpectationsError> {
        let entries = parse::entries(path, text)?;
        Ok(Self { path: path.to_owned(), entries })
    }

    /// No expectations, of a file that does not exist yet.
    #[must_use]
    pub fn none(path: &Path) -> Self {
        Self { path: path.to_owned(), entries: Vec::new() }
    }

    /// The entries that count in a run.
    #[must_use]
    pub fn applied(&self, conditions: Conditions<'_>) -> Applied<'_> {
        let entries = self.entries.iter().filter(|entry| conditions.hold_for(entry));
        let (patterns, exact): (Vec<_>, Vec<_>) = entries.partition(|entry| entry.is_pattern());
        let mut by_name: HashMap<_, Vec<_>> = HashMap::new();
        for entry in exact {
            by_name.entry(entry.test.as_str()).or_default().push(entry);
        }
        Applied { path: &self.path, patterns, by_name }
    }

    /// The entries about one test or program.
    #[must_use]
    pub fn about(&self, name: &str) -> Self {
        let entries = self.entries.iter().filter(|entry| entry.names(name)).cloned();
        Self { path: self.path.clone(), entries: entries.collect() }
    }

    /// How many entries there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is no entry.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn place(&self, entry: &Entry) -> String {
        format!("{}:{}: `{}`", self.path.display(), entry.line, entry.test)
    }

    /// The entries that name none of these.
    fn unknown<'n>(
        &self,
        names: impl Iterator<Item = &'n str> + Clone,
    ) -> impl Iterator<Item = &Entry> {
        let known: HashSet<&str> = names.clone().collect();
        self.entries.iter().filter(move |entry| {
            let is_known = known.contains(entry.test.as_str())
                || (entry.is_pattern() && names.clone().any(|name| entry.names(name)));
            !is_known
        })
    }

    /// What is wrong with entries that name none of the tests and programs
    /// there are.
    pub fn nameless<'n>(
        &self,
        names: impl Iterator<Item = &'n str> + Clone,
    ) -> impl Iterator<Item = String> {
        self.unknown(names).map(|entry| format!("{} {NAMES_NOTHING}", self.place(entry)))
    }

    /// What is wrong with entries, each with what to do: those that expect
    /// failures of what passed, that have expired, or that name none of the
    /// tests and programs there are, selected or not.
    #[must_use]
    pub fn stale<'n>(
        &self,
        conditions: Conditions<'_>,
        cases: &[Case],
        names: impl Iterator<Item = &'n str> + Clone,
    ) -> Vec<String> {
        let unknown: HashSet<_> = self.unknown(names).map(|entry| entry.line).collect();
        let mut problems = Vec::new();
        for entry in &self.entries {
            let place = self.place(entry);
            if unknown.contains(&entry.line) {
                problems.push(format!("{place} {NAMES_NOTHING}"));
            } else if conditions.hold_for(entry) {
                problems.extend(passing(entry, cases).map(|what| format!("{place} {what}")));
                if let Some(expires) = entry.expires.filter(|expires| *expires < today()) {
                    problems.push(format!(
                        "{place} expired on {expires}; look into it again, and take the entry out \
                         or set a later day"
                    ));
                }
            }
        }
        problems
    }
}

/// What to say if some of what an entry expects to fail has passed.
fn passing(entry: &Entry, cases: &[Case]) -> Option<String> {
    let named: Vec<_> = cases.iter().filter(|case| entry.names(&case.name)).collect();
    let passed: Vec<_> = named
        .iter()
        .filter(|case| case.verdict_itself().is_pass())
        .map(|case| &case.name)
        .collect();
    let tried = named.iter().filter(|case| case.verdict_itself().is_tried()).count();
    let shown: Vec<_> = passed.iter().take(SHOWN).map(|name| name.as_str()).collect();
    match passed.len() {
        0 => None,
        count if count == tried && !entry.is_pattern() => {
            Some("passes; take the entry out".to_owned())
        }
        count if count == tried => {
            Some(format!("names {count} that were run, and all of them pass; take the entry out"))
        }
        count => Some(format!(
            "names {tried} that were run, and {count} of them pass ({}{}); name just those that \
             fail, as --update-expectations does",
            shown.join(", "),
            if count > SHOWN { ", …" } else { "" }
        )),
    }
}

/// The present day, in UTC.
fn today() -> Date {
    let now = humantime::format_rfc3339_seconds(SystemTime::now()).to_string();
    let parsed = now.get(..10).and_then(|day| day.parse::<toml::value::Datetime>().ok());
    // What RFC 3339 begins with is a day.
    parsed.and_then(|day| day.date).unwrap_or(Date { year: 1970, month: 1, day: 1 })
}

/// The entries that count in a run.
#[derive(Clone, Debug)]
pub struct Applied<'e> {
    path: &'e Path,
    patterns: Vec<&'e Entry>,
    by_name: HashMap<&'e str, Vec<&'e Entry>>,
}

impl Applied<'_> {
    fn naming(&self, name: &str) -> impl Iterator<Item = &Entry> {
        let exact = self.by_name.get(name).into_iter().flatten();
        let patterns = self.patterns.iter().filter(move |entry| entry.names(name));
        exact.chain(patterns).copied()
    }

    /// Turns the verdict of a case into an expected failure or an unexpected
    /// pass, if an entry says so.
    pub fn judge(&self, case: &mut Case) {
        let verdict = case.verdict;
        let found = if verdict.is_bad() {
            self.naming(&case.name).find(|entry| entry.verdict == verdict)
        } else if verdict.is_pass() {
            self.naming(&case.name).next()
        } else {
            None
        };
        let Some(entry) = found else { return };
        case.expectation = Some(entry.expectation());
        case.verdict =
            if verdict.is_pass() { Verdict::UnexpectedPass } else { Verdict::ExpectedFailure };
    }

    /// What is wrong with the entry behind an expected failure or an unexpected
    /// pass, and what to do.
    #[must_use]
    pub fn complaint(&self, case: &Case) -> Option<String> {
        let place = |entry: &Entry| format!("{}:{}", self.path.display(), entry.line);
        let mut entries = self.naming(&case.name);
        match case.verdict {
            Verdict::UnexpectedPass => entries.next().map(|entry| {
                format!(
                    "it passes, and {} expects it to fail ({}); take the entry out or narrow it",
                    place(entry),
                    entry.reason
                )
            }),
            Verdict::ExpectedFailure => {
                let own = entries.find(|entry| entry.verdict == case.verdict_itself())?;
                let expires = own.expires.filter(|expires| *expires < today())?;
                Some(format!(
                    "{} expired on {expires}; look into it again, and take the entry out or set a \
                     later day",
                    place(own)
                ))
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
