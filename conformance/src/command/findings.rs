//! Files of findings.

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use super::failure::Failure;
use crate::program::Program;
use crate::whole_file::write_file;

/// A folder that findings are written to.
pub(super) struct Folder(PathBuf);

impl Folder {
    /// Makes the folder if it is not there, and tries whether files can be
    /// written to it, so that nobody learns it only after a long run.
    ///
    /// # Errors
    ///
    /// Nothing can be written there.
    pub(super) fn new(path: &Path) -> Result<Self, Failure> {
        let probe = || {
            fs::create_dir_all(path)?;
            NamedTempFile::new_in(path)?.close()
        };
        match probe() {
            Ok(()) => Ok(Self(path.to_owned())),
            Err(error) => Err(Failure::Unwritable { path: path.to_owned(), error }),
        }
    }

    /// Writes a program to a file that has its name; either the whole file is
    /// there afterwards or nothing has changed. Answers with its path.
    ///
    /// # Errors
    ///
    /// The file cannot be written.
    pub(super) fn write(&self, program: &Program) -> Result<PathBuf, Failure> {
        let name: String =
            program.name.chars().map(|part| if part == '/' { '-' } else { part }).collect();
        let path = self.0.join(format!("{name}.vmo"));
        match write_file(&path, &program.to_string()) {
            Ok(()) => Ok(path),
            Err(error) => Err(Failure::Unwritable { path, error }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::program::parse;

    #[test]
    fn a_file_is_whole_or_an_error_that_names_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("inner");
        let findings = Folder::new(&path).expect("the folder can be made");
        let program = Program { name: "enumerate/X-01/x".to_owned(), ..Program::default() };
        let file = findings.write(&program).expect("the file can be written");
        assert_eq!(file, path.join("enumerate-X-01-x.vmo"));
        let text = fs::read_to_string(&file).expect("the file can be read");
        assert_eq!(parse("file", &text), Ok(vec![program.clone()]));
        assert_eq!(fs::read_dir(&path).expect("the folder").count(), 1);
        fs::remove_dir_all(&path).expect("the folder can be removed");
        let error = findings.write(&program).expect_err("the folder has gone").to_string();
        assert!(error.contains("enumerate-X-01-x.vmo cannot be written: "), "{error}");
    }
}
