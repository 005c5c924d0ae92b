//! `export`: programs in other forms.

use std::fs;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use super::exit::Exit;
use super::failure::Failure;
use super::minimize::{first_wrong, programs};
use super::{Target, output};
use crate::export::{Form, export as write_as, headers};
use crate::whole_file::write_file;

/// What `export` takes.
#[derive(Args)]
pub(super) struct Export {
    /// The file with the program.
    #[arg(required_unless_present = "headers")]
    file: Option<PathBuf>,
    /// The form: vmo, rust or c.
    ///
    /// The form to write.
    #[arg(
        long = "as",
        value_enum,
        hide_possible_values = true,
        value_name = "FORM",
        required_unless_present = "headers"
    )]
    form: Option<FormName>,
    #[command(flatten)]
    target: Target,
    /// Only the program of this name or pattern.
    ///
    /// Only the program of this name or pattern; may be repeated.
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,
    /// The file to write to.
    ///
    /// The file to write to; the terminal if not given.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Write headers for C programs to this folder.
    ///
    /// Write headers with the names of Zircon's into this folder, for
    /// compiling exported C programs without Zircon's own.
    #[arg(long, value_name = "FOLDER", conflicts_with_all = ["file", "form", "out", "only"])]
    headers: Option<PathBuf>,
}

#[derive(Clone, Copy, ValueEnum)]
enum FormName {
    /// The text form.
    Vmo,
    /// A Rust file with a test.
    Rust,
    /// A C program for Zircon.
    C,
}

impl FormName {
    fn form(self) -> Form {
        match self {
            Self::Vmo => Form::Vmo,
            Self::Rust => Form::Rust,
            Self::C => Form::C,
        }
    }
}

/// Writes a program in another form.
pub(super) fn export(arguments: &Export) -> Result<Exit, Failure> {
    if let Some(folder) = &arguments.headers {
        return write_headers(folder);
    }
    // The command line asks for both where there are no headers to write.
    let (Some(file), Some(form)) = (&arguments.file, arguments.form) else {
        return Ok(Exit::Usage);
    };
    let form = form.form();
    let target = &arguments.target;
    let backend = target.choice()?;
    let level = target.level();
    let programs = programs(file, &arguments.only)?;
    if form != Form::Vmo && programs.len() > 1 {
        return Err(Failure::SeveralPrograms { file: file.clone(), count: programs.len() });
    }
    let mut texts = Vec::new();
    for mut program in programs {
        let finding = first_wrong(&backend, &program, level)?;
        if let Some(finding) = &finding {
            program.steps.truncate(finding.step + 1);
        }
        let violation = finding.as_ref().and_then(|finding| finding.wrong.violation());
        texts.push(write_as(&program, violation, level, form)?);
    }
    output::deliver(&texts.join("\n"), arguments.out.as_deref())?;
    Ok(Exit::Good)
}

fn write_headers(folder: &Path) -> Result<Exit, Failure> {
    for header in headers() {
        let path = folder.join(header.path);
        let parent = path.parent().unwrap_or(folder);
        fs::create_dir_all(parent)
            .and_then(|()| write_file(&path, &header.text))
            .map_err(|error| Failure::Unwritable { path, error })?;
    }
    Ok(Exit::Good)
}
