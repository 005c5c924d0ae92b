//! Findings on disk.

use std::path::{Path, PathBuf};
use std::{fs, io};

use super::finding::Finding;
use crate::export::{Form, export};
use crate::ledger::clause_of;
use crate::level::Level;
use crate::program::{Program, print};
use crate::whole_file::write_file;

/// A folder that findings are written to, each into a file of its own.
#[derive(Clone, Debug)]
pub struct Folder(PathBuf);

impl Folder {
    /// Makes the folder if there is none, and makes sure that files can be
    /// written there.
    ///
    /// # Errors
    ///
    /// They cannot.
    pub fn create(path: &Path) -> io::Result<Self> {
        fs::create_dir_all(path)?;
        tempfile::NamedTempFile::new_in(path)?.close()?;
        Ok(Self(path.to_owned()))
    }

    /// Writes a finding in every form there is, and answers with the file of
    /// its text. Nobody ever sees a file that is written half, and a file that
    /// is there under the same name is of the same finding.
    ///
    /// # Errors
    ///
    /// A file could not be written; nothing is left of that file then.
    pub fn save(&self, finding: &Finding, context: &Context<'_>) -> io::Result<PathBuf> {
        let name = file_name(finding, context);
        let saved = self.write(&format!("{name}.vmo"), &text_of(finding, context))?;
        if finding.stands_alone {
            let mut program = finding.shrunk.clone();
            program.name = program_name(finding, context);
            for (form, extension) in [(Form::Rust, "rs"), (Form::C, "c")] {
                // Not every finding can be shown by a C program.
                if let Ok(text) = export(&program, Some(&finding.violation), context.level, form) {
                    self.write(&format!("{name}.{extension}"), &text)?;
                }
            }
        }
        Ok(saved)
    }

    fn write(&self, name: &str, text: &str) -> io::Result<PathBuf> {
        let path = self.0.join(name);
        write_file(&path, text)?;
        Ok(path)
    }
}

/// What a finding's text says besides the program.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// The backend that was tested.
    pub backend: &'a str,
    /// What it was held to.
    pub level: Level,
    /// The seed of the run.
    pub seed: u64,
    /// The command that makes the same finding again.
    pub command: &'a str,
}

/// The name of a finding's file, without extension.
fn file_name(finding: &Finding, context: &Context<'_>) -> String {
    let violation = &finding.violation;
    format!("{}-{}-{:x}-{}", violation.clause, violation.call, context.seed, finding.number)
}

fn program_name(finding: &Finding, context: &Context<'_>) -> String {
    format!("found/{}", file_name(finding, context))
}

/// The shrunk program with what is known of it as comments.
#[must_use]
pub fn annotated(finding: &Finding, context: &Context<'_>) -> Program {
    let violation = &finding.violation;
    let mut program = finding.shrunk.clone();
    program.name = program_name(finding, context);
    let rule = clause_of(violation.clause).map_or("", |clause| clause.text);
    program.comments = vec![
        format!(
            "{} is broken by {} of backend {}",
            violation.clause, violation.call, context.backend
        ),
        format!("at level {}: {rule}", context.level.name()),
        format!("found by {}", context.command),
    ];
    if !finding.stands_alone {
        program.comments.push(
            "It does not show on a fresh backend: it needs the programs before it in that run."
                .to_owned(),
        );
    }
    if let Some(step) = program.steps.last_mut() {
        step.comments = vec![
            format!("breaks {}", violation.clause),
            format!("expected {}", violation.expected),
            format!("actual {}", violation.actual),
        ];
    }
    for comments in std::iter::once(&mut program.comments)
        .chain(program.steps.iter_mut().map(|step| &mut step.comments))
    {
        for comment in comments {
            // One comment is one line.
            *comment = comment.replace(char::is_control, " ");
        }
    }
    program
}

fn text_of(finding: &Finding, context: &Context<'_>) -> String {
    print(&[annotated(finding, context)])
}
