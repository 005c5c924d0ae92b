//! `completions`: what completes the command in a shell.

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use super::exit::Exit;
use super::failure::Failure;
use super::output::deliver;

/// What `completions` takes.
#[derive(Args)]
pub(super) struct Completions {
    /// The shell.
    shell: Shell,
}

/// Prints a script for a shell.
pub(super) fn completions(arguments: &Completions) -> Result<Exit, Failure> {
    let mut command = super::Command::command();
    let name = command.get_name().to_owned();
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut command, name, &mut script);
    deliver(&String::from_utf8_lossy(&script), None)?;
    Ok(Exit::Good)
}
