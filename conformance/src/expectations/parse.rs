//! Reads the file.

use std::ops::Range;
use std::path::Path;

use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};
use vmo_abi::{EDITIONS, Edition};

use super::{Entry, ExpectationsError};
use crate::level::Level;
use crate::report::Verdict;

/// The keys of an entry.
const KEYS: [&str; 7] = ["test", "verdict", "reason", "link", "level", "edition", "expires"];

/// The one key of the file.
const LIST: &str = "expected";

/// Verdicts that can be expected.
const VERDICTS: [Verdict; 5] =
    [Verdict::Fail, Verdict::Crash, Verdict::Timeout, Verdict::Protocol, Verdict::Broken];

/// A text and where it is.
struct Text<'t> {
    path: &'t Path,
    text: &'t str,
}

impl Text<'_> {
    fn line(&self, at: usize) -> usize {
        let before = self.text.as_bytes().get(..at).unwrap_or_default();
        1 + before.iter().filter(|byte| **byte == b'\n').count()
    }

    fn error(&self, span: Range<usize>, what: String) -> ExpectationsError {
        let line = self.line(span.start);
        ExpectationsError::Malformed { path: self.path.to_owned(), line, what }
    }

    fn unknown(&self, key: &Spanned<DeString<'_>>, known: &[&str]) -> ExpectationsError {
        let found: &str = key.get_ref();
        let nearest = known
            .iter()
            .map(|known| (strsim::damerau_levenshtein(found, known), *known))
            .min()
            .filter(|(distance, _)| *distance <= 3);
        let hint = match nearest {
            Some((_, nearest)) => format!("did you mean `{nearest}`?"),
            None => format!("known are {}", known.join(", ")),
        };
        self.error(key.span(), format!("unknown key `{found}`; {hint}"))
    }

    fn string(&self, key: &str, value: &Spanned<DeValue<'_>>) -> Result<String, ExpectationsError> {
        match value.get_ref() {
            DeValue::String(text) if !text.trim().is_empty() => Ok(text.to_string()),
            DeValue::String(_) => Err(self.error(value.span(), format!("`{key}` is empty"))),
            other => {
                let found = other.type_str();
                Err(self
                    .error(value.span(), format!("`{key}` is of type {found}; it takes a text")))
            }
        }
    }

    /// The value that a text names.
    fn choice<T: Copy>(
        &self,
        key: &str,
        value: &Spanned<DeValue<'_>>,
        known: impl Iterator<Item = (&'static str, T)> + Clone,
    ) -> Result<T, ExpectationsError> {
        let name = self.string(key, value)?;
        known.clone().find(|(known, _)| *known == name).map(|(_, choice)| choice).ok_or_else(|| {
            let known: Vec<_> = known.map(|(known, _)| known).collect();
            self.error(value.span(), format!("`{key}` is `{name}`; it takes {}", known.join(", ")))
        })
    }
}

/// The entries of a text.
pub(super) fn entries(path: &Path, text: &str) -> Result<Vec<Entry>, ExpectationsError> {
    let text = Text { path, text };
    let table = DeTable::parse(text.text).map_err(|error| {
        let span = error.span().unwrap_or(0..0);
        text.error(span, error.message().replace('\n', ", "))
    })?;
    let mut entries: Vec<Entry> = Vec::new();
    for (key, value) in table.get_ref() {
        if key.get_ref() != LIST {
            return Err(text.unknown(key, &[LIST]));
        }
        let DeValue::Array(list) = value.get_ref() else {
            let what = format!("`{LIST}` is no list; begin each entry with `[[{LIST}]]`");
            return Err(text.error(value.span(), what));
        };
        for item in list.iter() {
            let DeValue::Table(table) = item.get_ref() else {
                let what = format!("an entry is no table; begin each with `[[{LIST}]]`");
                return Err(text.error(item.span(), what));
            };
            let entry = entry(&text, item.span(), table)?;
            let is_same = |other: &&Entry| {
                (&other.test, other.verdict, other.level, &other.edition)
                    == (&entry.test, entry.verdict, entry.level, &entry.edition)
            };
            if let Some(other) = entries.iter().find(is_same) {
                let what = format!(
                    "`{}` is expected already on line {}; take one of them out",
                    entry.test, other.line
                );
                return Err(text.error(item.span(), what));
            }
            entries.push(entry);
        }
    }
    entries.sort_by_key(|entry| entry.line);
    Ok(entries)
}

fn entry(
    text: &Text<'_>,
    span: Range<usize>,
    table: &DeTable<'_>,
) -> Result<Entry, ExpectationsError> {
    if let Some((key, _)) = table.iter().find(|(key, _)| !KEYS.contains(&key.get_ref().as_ref())) {
        return Err(text.unknown(key, &KEYS));
    }
    let needed = |key: &str, hint: &str| match table.get(key) {
        Some(value) => text.string(key, value),
        None => Err(text.error(span.clone(), format!("an entry has no `{key}`; {hint}"))),
    };
    let optional = |key: &str| table.get(key).map(|value| text.string(key, value)).transpose();
    let test = needed("test", "it is the name of a test or program, or a pattern with `*`")?;
    let reason = needed("reason", "say why it is expected to fail")?;
    let link = optional("link")?;
    let verdicts = VERDICTS.iter().map(|verdict| (verdict.name(), *verdict));
    let verdict = match table.get("verdict") {
        Some(value) => text.choice("verdict", value, verdicts)?,
        None => Verdict::Fail,
    };
    let levels = Level::ALL.iter().map(|level| (level.name(), *level));
    let level = table.get("level").map(|value| text.choice("level", value, levels)).transpose()?;
    let editions = EDITIONS.iter().map(|Edition { name, .. }| (*name, *name));
    let edition =
        table.get("edition").map(|value| text.choice("edition", value, editions)).transpose()?;
    let expires = match table.get("expires") {
        None => None,
        Some(value) => match value.get_ref() {
            DeValue::Datetime(day) if day.time.is_none() => day.date,
            _ => {
                let what = "`expires` takes a day without quotes, such as 2027-06-30";
                return Err(text.error(value.span(), what.to_owned()));
            }
        },
    };
    let edition = edition.map(str::to_owned);
    let line = text.line(span.start);
    Ok(Entry { line, test, verdict, reason, link, level, edition, expires })
}
