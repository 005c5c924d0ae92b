//! What is wrong with a text that should be programs, and where.

use std::fmt;

/// A place in a text. Both numbers start with 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The column, in characters and not in bytes.
    pub column: usize,
}

impl Position {
    /// The position of the byte `offset` of `text`.
    pub(super) fn of(text: &str, offset: usize) -> Self {
        let before = text.get(..offset).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Self {
            line: before.bytes().filter(|byte| *byte == b'\n').count() + 1,
            column: before.get(line_start..).unwrap_or("").chars().count() + 1,
        }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// A text is not what its form demands.
///
/// Displayed as one line, `FILE:LINE:COLUMN: expected X, found Y`, followed by
/// a suggestion where a known word is near.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyntaxError {
    source_name: String,
    position: Position,
    expected: String,
    found: String,
    suggestion: Option<String>,
}

impl SyntaxError {
    pub(super) fn new(source_name: &str, position: Position, failure: Failure) -> Self {
        let Failure { expected, found, suggestion, .. } = failure;
        Self { source_name: source_name.to_owned(), position, expected, found, suggestion }
    }

    /// The file, or what else the text was called when it was handed in.
    #[must_use]
    pub fn source_name(&self) -> &str {
        &self.source_name
    }

    /// Where the text stops to make sense.
    #[must_use]
    pub fn position(&self) -> Position {
        self.position
    }

    /// What would have made sense there.
    #[must_use]
    pub fn expected(&self) -> &str {
        &self.expected
    }

    /// What is there, shortened, with control characters escaped.
    #[must_use]
    pub fn found(&self) -> &str {
        &self.found
    }

    /// The known word that is nearest to what was found, if one is near.
    #[must_use]
    pub fn suggestion(&self) -> Option<&str> {
        self.suggestion.as_deref()
    }
}

impl fmt::Display for SyntaxError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { source_name, position, expected, found, suggestion } = self;
        write!(f, "{source_name}:{position}: expected {expected}, found {found}")?;
        match suggestion {
            Some(suggestion) => write!(f, " (did you mean `{suggestion}`?)"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for SyntaxError {}

/// A [`SyntaxError`] before its place has a line and a column.
///
/// Boxed on its way up, so that results stay small where nothing fails.
#[derive(Debug)]
pub(super) struct Failure {
    pub offset: usize,
    pub expected: String,
    pub found: String,
    pub suggestion: Option<String>,
}

impl Failure {
    pub fn new(offset: usize, expected: impl Into<String>, found: impl Into<String>) -> Box<Self> {
        Box::new(Self { offset, expected: expected.into(), found: found.into(), suggestion: None })
    }

    /// Adds the candidate that is nearest to `word`, if one is near.
    pub fn suggest<'c>(
        mut self: Box<Self>,
        word: &str,
        candidates: impl IntoIterator<Item = &'c str>,
    ) -> Box<Self> {
        self.suggestion = nearest(word, candidates).map(str::to_owned);
        self
    }
}

/// What parts of reading a text answer.
pub(super) type Result<T> = std::result::Result<T, Box<Failure>>;

/// Most characters of the text that an error repeats.
const LONGEST_QUOTE: usize = 40;

/// A piece of text as errors show it: in backticks, short, on one line.
pub(super) fn quote(text: &str) -> String {
    let mut quoted = String::from("`");
    for (index, character) in text.chars().enumerate() {
        if index == LONGEST_QUOTE {
            quoted.push('…');
            break;
        }
        if character.is_control() {
            quoted.extend(character.escape_default());
        } else {
            quoted.push(character);
        }
    }
    quoted.push('`');
    quoted
}

/// Longest word for which a near one is searched: the search is quadratic.
const LONGEST_SUGGESTION: usize = 40;

/// The candidate with the smallest edit distance to `word`, if that is at most
/// 2 and leaves at least half of the word as it is.
pub(super) fn nearest<'c>(
    word: &str,
    candidates: impl IntoIterator<Item = &'c str>,
) -> Option<&'c str> {
    if word.len() > LONGEST_SUGGESTION {
        return None;
    }
    candidates
        .into_iter()
        .filter(|candidate| candidate.len().abs_diff(word.len()) <= 2)
        .map(|candidate| (edit_distance(word.as_bytes(), candidate.as_bytes()), candidate))
        .filter(|(distance, _)| *distance <= 2 && distance * 2 <= word.len())
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Insertions, deletions and replacements of bytes that make `a` into `b`.
fn edit_distance(a: &[u8], b: &[u8]) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.iter().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        for (cell, to) in row.iter_mut().skip(1).zip(b) {
            let replaced = diagonal + usize::from(from != to);
            diagonal = *cell;
            left = replaced.min(diagonal + 1).min(left + 1);
            *cell = left;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_count_characters() {
        let text = "ab\näöx\n";
        assert_eq!(Position::of(text, 0), Position { line: 1, column: 1 });
        assert_eq!(Position::of(text, 2), Position { line: 1, column: 3 });
        assert_eq!(Position::of(text, 7), Position { line: 2, column: 3 });
        assert_eq!(Position::of(text, 9), Position { line: 3, column: 1 });
    }

    #[test]
    fn edit_distances() {
        for (a, b, distance) in [
            ("", "", 0),
            ("", "ab", 2),
            ("vmo_read", "vmo_reed", 1),
            ("vmo_read", "vmo_raed", 2),
            ("vmo_read", "vmoread", 1),
            ("abc", "xyz", 3),
        ] {
            assert_eq!(edit_distance(a.as_bytes(), b.as_bytes()), distance, "{a} {b}");
            assert_eq!(edit_distance(b.as_bytes(), a.as_bytes()), distance, "{b} {a}");
        }
    }

    #[test]
    fn only_near_words_are_suggested() {
        let known = ["vmo_read", "vmo_write", "m0"];
        assert_eq!(nearest("vmo_reed", known), Some("vmo_read"));
        assert_eq!(nearest("vmo_writ", known), Some("vmo_write"));
        assert_eq!(nearest("m1", known), Some("m0"));
        assert_eq!(nearest("x", known), None);
        assert_eq!(nearest("vmo_frobnicate", known), None);
        assert_eq!(nearest(&"x".repeat(1 << 20), known), None);
    }

    #[test]
    fn quotes_are_short_and_on_one_line() {
        assert_eq!(quote("v0"), "`v0`");
        assert_eq!(quote("a\u{1b}\n"), "`a\\u{1b}\\n`");
        assert_eq!(quote(&"é".repeat(41)), format!("`{}…`", "é".repeat(40)));
    }
}
