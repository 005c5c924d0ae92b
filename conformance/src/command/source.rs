//! Where programs come from: what the command carries, files and folders.

use std::fmt;
use std::path::{Path, PathBuf};
use std::{fs, io};

use crate::program::{self, Program, SyntaxError};
use crate::recordings::recordings;

/// Programs of one file.
pub(super) struct Source {
    /// The file, or the place in the repository of what the command carries.
    pub(super) path: String,
    pub(super) programs: Vec<Program>,
}

/// Why programs cannot be had.
#[derive(Debug)]
pub(super) enum SourceError {
    Unreadable { path: PathBuf, error: io::Error },
    Malformed(SyntaxError),
    NoPrograms(PathBuf),
}

impl fmt::Display for SourceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable { path, error } => write!(f, "{}: {error}", path.display()),
            Self::Malformed(error) => error.fmt(f),
            Self::NoPrograms(path) => {
                write!(f, "{}: no .vmo or .jsonl file below this folder", path.display())
            }
        }
    }
}

impl From<SyntaxError> for SourceError {
    fn from(error: SyntaxError) -> Self {
        Self::Malformed(error)
    }
}

/// What the command carries; with names just the files that have programs of
/// these names.
pub(super) fn built_in(names: &[String]) -> Result<Vec<Source>, SourceError> {
    let has = |text: &str, name: &str| {
        text.split("program ").skip(1).any(|rest| {
            rest.strip_prefix(name).is_some_and(|rest| rest.starts_with(char::is_whitespace))
        })
    };
    recordings()
        .filter(|recording| names.is_empty() || names.iter().any(|name| has(recording.text, name)))
        .map(|recording| {
            let programs = program::parse(recording.path, recording.text)?;
            Ok(Source { path: recording.path.to_owned(), programs })
        })
        .collect()
}

/// The programs of files, and of the files below folders.
pub(super) fn from_paths(paths: &[PathBuf]) -> Result<Vec<Source>, SourceError> {
    let mut files = Vec::new();
    for path in paths {
        let unreadable = |error| SourceError::Unreadable { path: path.clone(), error };
        if fs::metadata(path).map_err(unreadable)?.is_dir() {
            let before = files.len();
            files_below(path, &mut files)?;
            if files.len() == before {
                return Err(SourceError::NoPrograms(path.clone()));
            }
        } else {
            files.push(path.clone());
        }
    }
    files.iter().map(|file| read(file)).collect()
}

/// The program files below a folder, in the order of their names. Links are not
/// followed, so that no folder is visited twice.
fn files_below(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), SourceError> {
    let mut folders = vec![folder.to_owned()];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        let unreadable = |error| SourceError::Unreadable { path: folder.clone(), error };
        for entry in fs::read_dir(&folder).map_err(unreadable)? {
            let entry = entry.map_err(unreadable)?;
            let path = entry.path();
            if entry.file_type().map_err(unreadable)?.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|kind| kind == "vmo" || kind == "jsonl") {
                found.push(path);
            }
        }
    }
    found.sort();
    files.append(&mut found);
    Ok(())
}

fn read(path: &Path) -> Result<Source, SourceError> {
    let bytes =
        fs::read(path).map_err(|error| SourceError::Unreadable { path: path.to_owned(), error })?;
    let name = path.display().to_string();
    let is_recorded = path.extension().is_some_and(|kind| kind == "jsonl");
    let programs = match str::from_utf8(&bytes) {
        Ok(text) if is_recorded => program::parse_golden(&name, text)?,
        _ => program::parse_bytes(&name, &bytes)?,
    };
    Ok(Source { path: name, programs })
}
