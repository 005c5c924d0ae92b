//! `init`: what a third party starts with.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::exit::Exit;
use super::failure::Failure;
use super::output::deliver;
use crate::starter::{Kind, Wanted, start};

/// What `init` takes.
#[derive(Args)]
pub(super) struct Init {
    /// The folder of your project.
    #[arg(default_value = ".")]
    folder: PathBuf,
    /// What the backend is: rust, lib or exec.
    ///
    /// What the backend is. If not given, it is a Rust crate where there is a
    /// Cargo.toml, and else a shared library.
    #[arg(long, value_enum, hide_possible_values = true)]
    kind: Option<KindName>,
    /// How the backend is named, such as lib:./libzircon.so.
    #[arg(long, value_name = "NAME")]
    backend: Option<String>,
    /// Write a workflow for GitHub.
    #[arg(long)]
    github: bool,
    /// Write a job for GitLab.
    #[arg(long)]
    gitlab: bool,
    /// Write a fuzz target for ClusterFuzzLite.
    ///
    /// Write a fuzz target, and what ClusterFuzzLite needs to run it on GitHub.
    #[arg(long)]
    clusterfuzzlite: bool,
    /// Take vmo-conformance from this folder.
    ///
    /// Let a Rust crate take vmo-conformance from this folder, which is a checkout
    /// of its repository, and not from the repository itself.
    #[arg(long, value_name = "FOLDER")]
    path: Option<PathBuf>,
}

#[derive(Clone, Copy, ValueEnum)]
enum KindName {
    /// A Rust crate, with a test target, and the command with its backend.
    Rust,
    /// A shared library with the functions of <zircon/syscalls.h>.
    Lib,
    /// A program that is an agent, with the sources of one.
    Exec,
}

impl From<KindName> for Kind {
    fn from(name: KindName) -> Self {
        match name {
            KindName::Rust => Self::Rust,
            KindName::Lib => Self::Library,
            KindName::Exec => Self::Program,
        }
    }
}

/// Writes what is wanted, and says what to do next.
pub(super) fn init(arguments: &Init) -> Result<Exit, Failure> {
    let wanted = Wanted {
        kind: arguments.kind.map(Kind::from),
        backend: arguments.backend.clone(),
        github: arguments.github,
        gitlab: arguments.gitlab,
        clusterfuzzlite: arguments.clusterfuzzlite,
        path: arguments.path.clone(),
    };
    let started = start(&arguments.folder, &wanted)?;
    deliver(&started.to_string(), None)?;
    Ok(Exit::Good)
}
