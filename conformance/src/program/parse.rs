//! From text to programs.
//!
//! The grammar, on one page, is `corpus/GRAMMAR.md`. It is line oriented and
//! nothing in it nests, so the parser is one pass of plain functions without
//! recursion: this file reads lines and what belongs to a whole program,
//! `parse/steps.rs` reads steps, `parse/values.rs` the values in them, and
//! `parse/cursor.rs` single words and numbers.

mod cursor;
mod steps;
mod values;

use super::error::{Failure, Position, Result, SyntaxError, quote};
use super::names::Names;
use super::{Program, Step};
use cursor::Cursor;

/// Reads the programs of a text. `source_name`, a file name as a rule, is only
/// for the error.
///
/// Names of each program are numbered in the order in which steps bind them.
/// A text without programs is no error; its comments are dropped.
///
/// # Errors
///
/// The text doesn't follow the grammar. The first place where that shows is
/// reported.
pub fn parse(source_name: &str, text: &str) -> std::result::Result<Vec<Program>, SyntaxError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let read = || {
        if let Some(nul) = text.as_bytes().iter().position(|byte| *byte == 0) {
            return Err(Failure::new(nul, "text", "a NUL byte"));
        }
        Parser::new(text).file()
    };
    read().map_err(|failure| {
        SyntaxError::new(source_name, Position::of(text, failure.offset), *failure)
    })
}

/// [`parse`] for bytes of which nobody knows whether they are text.
///
/// # Errors
///
/// The bytes are not text in UTF-8, or the text doesn't follow the grammar.
pub fn parse_bytes(
    source_name: &str,
    bytes: &[u8],
) -> std::result::Result<Vec<Program>, SyntaxError> {
    let invalid = match str::from_utf8(bytes) {
        Ok(text) => return parse(source_name, text),
        Err(error) => error.valid_up_to(),
    };
    let valid = bytes.get(..invalid).unwrap_or(bytes);
    // A NUL before the invalid byte says more about what the file is.
    let (offset, found) = match valid.iter().position(|byte| *byte == 0) {
        Some(nul) => (nul, "a NUL byte".to_owned()),
        None => (invalid, format!("the byte {:#04x}", bytes.get(invalid).unwrap_or(&0))),
    };
    let position = Position::of(str::from_utf8(valid).unwrap_or(""), offset);
    Err(SyntaxError::new(source_name, position, *Failure::new(offset, "text in UTF-8", found)))
}

/// Reads steps; `steps.rs` and `values.rs` add to it.
struct Reader<'a> {
    cursor: Cursor<'a>,
    names: Names<'a>,
}

/// Reads a whole text.
struct Parser<'a> {
    reader: Reader<'a>,
    finished: Vec<Program>,
    /// The program whose steps are read.
    current: Option<Program>,
    /// Comments that wait for the program or step they belong to.
    comments: Vec<String>,
    /// How many of them, from the first to the last indented one, belong to
    /// the end of the current program if a new program follows.
    trailing: usize,
}

impl<'a> Parser<'a> {
    fn new(text: &'a str) -> Self {
        Self {
            reader: Reader { cursor: Cursor::new(text), names: Names::default() },
            finished: Vec::new(),
            current: None,
            comments: Vec::new(),
            trailing: 0,
        }
    }

    fn file(mut self) -> Result<Vec<Program>> {
        loop {
            let line_start = self.reader.cursor.offset();
            match self.reader.cursor.next() {
                None => break,
                Some(b'#') => self.comment_line(line_start)?,
                _ if self.reader.cursor.is_at_line_end() => {
                    self.reader.cursor.end_line()?;
                }
                _ if self.reader.cursor.eat_keyword("program") => self.header()?,
                _ => self.step()?,
            }
        }
        self.trailing = self.comments.len();
        self.finish_program();
        Ok(self.finished)
    }

    fn comment_line(&mut self, line_start: usize) -> Result<()> {
        let is_indented = self.reader.cursor.offset() > line_start;
        if let Some(comment) = self.reader.cursor.end_line()? {
            self.comments.push(comment.to_owned());
        }
        if is_indented {
            self.trailing = self.comments.len();
        }
        Ok(())
    }

    /// Puts the current program, if any, to the finished ones, together with
    /// the comments at its end.
    fn finish_program(&mut self) {
        if let Some(mut program) = self.current.take() {
            program.names = self.reader.names.finish();
            program.trailing_comments.extend(self.comments.drain(..self.trailing));
            self.finished.push(program);
        }
        self.trailing = 0;
    }

    /// The rest of a line that starts with `program`.
    fn header(&mut self) -> Result<()> {
        self.finish_program();
        let cursor = &mut self.reader.cursor;
        let Some(name) = cursor.header_word() else {
            return Err(cursor.unexpected("the name of the program"));
        };
        let mut program = Program {
            name: name.to_owned(),
            comments: std::mem::take(&mut self.comments),
            ..Program::default()
        };
        while !cursor.is_at_line_end() {
            let start = cursor.offset();
            let expected = "`topic=`, `marks=` or the end of the line";
            let Some(word) = cursor.header_word() else {
                return Err(cursor.unexpected(expected));
            };
            let (key, value) = word.split_once('=').unwrap_or((word, ""));
            match key {
                "topic" if value.is_empty() => {
                    return Err(Failure::new(start, "`topic=` and a topic", quote(word)));
                }
                "topic" if program.topic.is_empty() => program.topic = value.to_owned(),
                "marks" if value.split(',').any(str::is_empty) => {
                    let expected = "`marks=` and marks joined by `,`";
                    return Err(Failure::new(start, expected, quote(word)));
                }
                "marks" if program.marks.is_empty() => {
                    program.marks = value.split(',').map(str::to_owned).collect();
                }
                "topic" | "marks" => {
                    let expected = format!("`{key}=` at most once");
                    return Err(Failure::new(start, expected, format!("a second `{key}=`")));
                }
                _ => return Err(Failure::new(start, expected, quote(word))),
            }
        }
        if let Some(comment) = cursor.end_line()? {
            program.comments.push(comment.to_owned());
        }
        self.current = Some(program);
        Ok(())
    }

    fn step(&mut self) -> Result<()> {
        let Some(program) = &mut self.current else {
            return Err(self.reader.cursor.unexpected("`program` before the first step"));
        };
        let (action, expected) = self.reader.step()?;
        let mut comments = std::mem::take(&mut self.comments);
        self.trailing = 0;
        if let Some(comment) = self.reader.cursor.end_line()? {
            comments.push(comment.to_owned());
        }
        program.steps.push(Step { comments, action, expected });
        Ok(())
    }
}
