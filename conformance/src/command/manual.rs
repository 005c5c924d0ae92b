//! `man`: manual pages.

use std::fs;
use std::path::{Path, PathBuf};

use clap::{Args, CommandFactory};
use clap_mangen::Man as Page;

use super::exit::Exit;
use super::failure::Failure;
use super::output::deliver;

/// What `man` takes.
#[derive(Args)]
pub(super) struct Man {
    /// Write the pages of all commands to this folder.
    ///
    /// Write the pages of all commands to this folder, which is made if it is not
    /// there. Without it the page of the command as a whole is printed.
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
}

/// Prints the manual page, or writes all.
pub(super) fn manual(arguments: &Man) -> Result<Exit, Failure> {
    let mut command = super::Command::command();
    // So that every page knows the options that all commands have.
    command.build();
    let Some(folder) = &arguments.out else {
        deliver(&text_of(&Page::new(command))?, None)?;
        return Ok(Exit::Good);
    };
    fs::create_dir_all(folder)
        .map_err(|error| Failure::Unwritable { path: folder.clone(), error })?;
    for part in command.get_subcommands() {
        write(folder, part.clone())?;
    }
    write(folder, command)?;
    Ok(Exit::Good)
}

fn text_of(page: &Page) -> Result<String, Failure> {
    let mut text = Vec::new();
    page.render(&mut text)?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

fn write(folder: &Path, command: clap::Command) -> Result<(), Failure> {
    let page = Page::new(command);
    deliver(&text_of(&page)?, Some(&folder.join(page.get_filename())))
}
