//! Where results go: the terminal, or a file that is either whole or not there.

use std::io::{self, Write};
use std::path::Path;

use super::failure::Failure;
use crate::whole_file::write_file;

/// Prints a text, or writes it to a file: to a new one beside it first, which
/// then takes its place.
pub(super) fn deliver(text: &str, path: Option<&Path>) -> Result<(), Failure> {
    match path {
        None => {
            let mut out = io::stdout().lock();
            out.write_all(text.as_bytes())?;
            out.flush()?;
            Ok(())
        }
        Some(path) => write_file(path, text)
            .map_err(|error| Failure::Unwritable { path: path.to_owned(), error }),
    }
}
