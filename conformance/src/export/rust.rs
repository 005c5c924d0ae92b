//! A Rust test that runs a program and judges it.

use std::fmt::Write as _;

use super::text::heading;
use crate::level::Level;
use crate::oracle::Violation;
use crate::program::{Program, print};

pub(super) fn export(program: &Program, finding: Option<&Violation>, level: Level) -> String {
    let mut out = String::new();
    // A `String` takes everything.
    let _ = write_test(&mut out, program, finding, level);
    out
}

fn write_test(
    out: &mut String,
    program: &Program,
    finding: Option<&Violation>,
    level: Level,
) -> std::fmt::Result {
    match finding {
        Some(finding) => {
            for line in heading(finding, level) {
                writeln!(out, "//! {line}")?;
            }
        }
        None => writeln!(out, "//! Holds a backend to the contract at level {}.", level.name())?,
    }
    let name = match finding {
        Some(finding) => identifier(&format!("{} breaks {}", finding.call, finding.clause)),
        None => identifier(&program.name),
    };
    let level_of_heading = level;
    let level = match level {
        Level::Seed => "Seed",
        Level::Page => "Page",
        Level::Kernel => "Kernel",
    };
    let mut program = program.clone();
    if let Some(finding) = finding {
        // That is said above already.
        let said = heading(finding, level_of_heading);
        if program.comments.starts_with(&said) {
            program.comments.drain(..said.len());
        }
    }
    let text = print(std::slice::from_ref(&program));
    let hashes = hashes_for(&text);
    write!(
        out,
        r##"
use vmo_conformance::Level;
use vmo_conformance::backends;
use vmo_conformance::reproduce::reproduce;

/// The calls, one a line; each is judged by the contract.
const PROGRAM: &str = r{hashes}"
{text}"{hashes};

#[test]
fn {name}() {{
    // Any implementation of `vmo_abi::Backend` can be put here.
    let name = std::env::var("VMO_BACKEND").unwrap_or_else(|_| "reference".to_owned());
    let backend = backends::named(&name).unwrap().start().unwrap();
    if let Err(failure) = reproduce(backend.as_ref(), Level::{level}, PROGRAM) {{
        panic!("{{failure}}");
    }}
}}
"##
    )
}

/// As many `#` as a raw string needs around a text.
fn hashes_for(text: &str) -> String {
    let mut hashes = "#".to_owned();
    while text.contains(&format!("\"{hashes}")) {
        hashes.push('#');
    }
    hashes
}

/// A name for a function made of words.
fn identifier(words: &str) -> String {
    let mut name: String = words
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' })
        .collect();
    if !name.starts_with(|c: char| c.is_ascii_lowercase()) {
        name.insert_str(0, "program_");
    }
    name
}

#[cfg(test)]
mod tests {
    use super::{hashes_for, identifier};

    #[test]
    fn names_are_identifiers() {
        assert_eq!(identifier("vmo_read breaks VMO-READ-01"), "vmo_read_breaks_vmo_read_01");
        assert_eq!(identifier("0/ä"), "program_0__");
        assert_eq!(identifier(""), "program_");
    }

    #[test]
    fn raw_strings_hold_any_text() {
        assert_eq!(hashes_for("a"), "#");
        assert_eq!(hashes_for("a \"# b"), "##");
    }
}
