//! The command, as a person at a terminal uses it.

#![allow(dead_code, reason = "not every test file uses all of it")]

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};

/// Exit codes, as the help text lists them.
pub const GOOD: i32 = 0;
pub const DISAGREED: i32 = 1;
pub const USAGE: i32 = 2;
pub const NOTHING_TESTED: i32 = 4;
pub const STALE: i32 = 5;

/// A folder of a test's own, empty at first, in which it runs the command.
pub struct Folder(tempfile::TempDir);

/// What came of a command.
pub struct Ran {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Folder {
    pub fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder can be made"))
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    pub fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).expect("the file can be written");
    }

    pub fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.0.path()).expect("the folder can be listed");
        let name = |entry: fs::DirEntry| entry.file_name().to_string_lossy().into_owned();
        let mut names: Vec<_> = entries.map(|entry| name(entry.expect("it can be read"))).collect();
        names.sort();
        names
    }

    /// Runs the command; words are separated by spaces.
    pub fn run(&self, words: &str) -> Ran {
        let output: Output = Command::new(env!("CARGO_BIN_EXE_vmo-conformance"))
            .args(words.split_whitespace())
            .current_dir(self.0.path())
            .output()
            .expect("the command runs");
        Ran {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).expect("the output is text"),
            stderr: String::from_utf8(output.stderr).expect("the errors are text"),
        }
    }

    /// Runs the command and expects it to end so, and to print these words.
    pub fn expect(&self, words: &str, code: i32, printed: &str) -> Ran {
        let ran = self.run(words);
        assert_eq!(ran.code, Some(code), "{words}: {}{}", ran.stdout, ran.stderr);
        assert!(ran.stdout.contains(printed), "{words}: {}", ran.stdout);
        ran
    }

    /// Expects exit code 2, and one line that starts with `error: ` and
    /// contains these words.
    pub fn expect_error(&self, words: &str, said: &str) -> Ran {
        let ran = self.run(words);
        assert_eq!(ran.code, Some(USAGE), "{words}: {}{}", ran.stdout, ran.stderr);
        let first = ran.stderr.lines().next().unwrap_or_default();
        assert!(first.starts_with("error: ") && first.contains(said), "{words}: {}", ran.stderr);
        ran
    }
}
