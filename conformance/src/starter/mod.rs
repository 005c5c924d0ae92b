//! What a third party starts with: a test crate, known failures, a configuration
//! file, and the files of its CI, all of them those of the folder `ci`.

mod cargo;

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::{fmt, iter};

/// What the backend is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A Rust crate.
    Rust,
    /// A shared library with the functions of `<zircon/syscalls.h>`.
    Library,
    /// A program that speaks the tester's protocol.
    Program,
}

/// What is to be written.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// What the backend is; as the folder suggests if not given.
    pub kind: Option<Kind>,
    /// How the backend is named; an example of its kind if not given.
    pub backend: Option<String>,
    /// A workflow for GitHub.
    pub github: bool,
    /// A job for GitLab.
    pub gitlab: bool,
    /// A fuzz target, and what ClusterFuzzLite needs to run it.
    pub clusterfuzzlite: bool,
    /// Where a Rust crate takes `vmo-conformance` from, if not from its
    /// repository.
    pub path: Option<PathBuf>,
}

/// What came of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Done {
    /// It was written.
    Written,
    /// It was there, and was left as it is.
    Kept,
    /// Lines were added at its end.
    Extended,
}

/// A file, relative to the folder, and what came of it.
pub type Step = (&'static str, Done);

/// What was done, and what is to be done next.
#[derive(Clone, Debug)]
pub struct Started {
    /// File by file.
    pub steps: Vec<Step>,
    /// In this order.
    pub next: Vec<String>,
}

/// Why nothing could be started.
#[derive(Debug)]
pub enum InitError {
    /// A Rust crate is to be extended, and there is none.
    NoCrate(PathBuf),
    /// The crate's manifest cannot take the lines.
    Manifest {
        /// The manifest.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
        /// What is to be in it.
        lines: String,
    },
    /// Fuzzers in the process are for Rust crates.
    NoFuzzTarget,
    /// A file cannot be read or written.
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
}

impl fmt::Display for InitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoCrate(folder) => write!(
                f,
                "{}: there is no Cargo.toml; run `cargo init` there first, or say --kind lib or \
                 --kind exec",
                folder.display()
            ),
            Self::Manifest { path, problem, lines } => write!(
                f,
                "{}: {problem}; nothing was written. Put these lines in yourself and try \
                 again:\n{lines}",
                path.display()
            ),
            Self::NoFuzzTarget => write!(
                f,
                "--clusterfuzzlite is for Rust crates, whose calls a fuzzer can watch; \
                 `vmo-conformance fuzz` tries random programs on every backend"
            ),
            Self::Io { path, error } => write!(f, "{}: {error}", path.display()),
        }
    }
}

impl std::error::Error for InitError {}

/// A file to be written.
struct File {
    path: &'static str,
    text: String,
    is_program: bool,
}

impl File {
    fn new(path: &'static str, text: impl Into<String>) -> Self {
        Self { path, text: text.into(), is_program: false }
    }
}

const BACKEND: &str = include_str!("../../../ci/example/src/lib.rs");
const MAIN: &str = include_str!("../../../ci/starter/main.rs");
const COMMAND: &str = include_str!("../../../ci/starter/command.rs");
const FUZZ_TARGET: &str = include_str!("../../../ci/starter/programs.rs");
const FUZZ_MANIFEST: &str = include_str!("../../../ci/starter/fuzz.toml");
const EXPECTATIONS: &str = include_str!("../../../ci/starter/expectations.toml");
const CONFIGURATION: &str = include_str!("../../../ci/starter/vmo-conformance.toml");
const GITHUB: &str = include_str!("../../../ci/github/conformance.yml");
const GITHUB_FUZZING: &str = include_str!("../../../ci/github/fuzzing.yml");
const GITLAB: &str = include_str!("../../../ci/gitlab/conformance.yml");
const CFLITE: [(&str, &str); 3] = [
    (".clusterfuzzlite/Dockerfile", include_str!("../../../ci/clusterfuzzlite/Dockerfile")),
    (".clusterfuzzlite/build.sh", include_str!("../../../ci/clusterfuzzlite/build.sh")),
    (".clusterfuzzlite/project.yaml", include_str!("../../../ci/clusterfuzzlite/project.yaml")),
];
const AGENT: [(&str, &str); 6] = [
    ("zircon-agent/README.md", include_str!("../../../ci/agent/README.md")),
    ("zircon-agent/agent.c", include_str!("../../../ci/agent/agent.c")),
    ("zircon-agent/agent.h", include_str!("../../../ci/agent/agent.h")),
    ("zircon-agent/ports/line.c", include_str!("../../../ci/agent/ports/line.c")),
    ("zircon-agent/ports/line.h", include_str!("../../../ci/agent/ports/line.h")),
    ("zircon-agent/ports/posix.c", include_str!("../../../ci/agent/ports/posix.c")),
];

const GITHUB_FILE: &str = ".github/workflows/conformance.yml";
const GITLAB_FILE: &str = "ci/vmo-conformance.gitlab-ci.yml";
const GITLAB_MAIN: &str = ".gitlab-ci.yml";
const GITLAB_INCLUDE: &str = "include:\n  - local: ci/vmo-conformance.gitlab-ci.yml\n";
const CONFIGURATION_FILE: &str = "vmo-conformance.toml";
const MANIFEST: &str = "Cargo.toml";

/// How a crate starts the command that has its backend built in.
const OWN_COMMAND: &str = "cargo run --release --example zircon --";

impl Kind {
    /// What the files of a folder suggest.
    #[must_use]
    pub fn of_folder(folder: &Path) -> Self {
        if folder.join(MANIFEST).exists() { Self::Rust } else { Self::Library }
    }

    /// What a backend of this kind may be called; a crate brings along its own.
    fn example(self) -> Option<&'static str> {
        match self {
            Self::Rust => None,
            Self::Library => Some("lib:./libzircon.so"),
            Self::Program => Some("exec:./zircon-agent/agent"),
        }
    }
}

/// Writes what is wanted into a folder, and nothing over what is there.
///
/// # Errors
///
/// The folder does not fit the kind, or a file cannot be written.
pub fn start(folder: &Path, wanted: &Wanted) -> Result<Started, InitError> {
    let kind = wanted.kind.unwrap_or_else(|| Kind::of_folder(folder));
    if wanted.clusterfuzzlite && kind != Kind::Rust {
        return Err(InitError::NoFuzzTarget);
    }
    let manifest = match kind {
        Kind::Rust => cargo::extended(folder, wanted.path.as_deref())?,
        Kind::Library | Kind::Program => None,
    };
    let mut steps = Vec::new();
    for file in files(kind, wanted) {
        steps.push((file.path, write(folder, &file)?));
    }
    if kind == Kind::Rust {
        let path = folder.join(MANIFEST);
        let done = if manifest.is_some() { Done::Extended } else { Done::Kept };
        if let Some(text) = manifest {
            fs::write(&path, text).map_err(|error| InitError::Io { path, error })?;
        }
        steps.push((MANIFEST, done));
    }
    let next = next(kind, wanted, &steps);
    Ok(Started { steps, next })
}

fn files(kind: Kind, wanted: &Wanted) -> Vec<File> {
    let mut files = Vec::new();
    if kind == Kind::Rust {
        files.push(File::new("tests/zircon/main.rs", MAIN));
        files.push(File::new("tests/zircon/backend.rs", BACKEND));
        files.push(File::new("examples/zircon.rs", COMMAND));
    }
    if kind == Kind::Program {
        // What stays behind is linked to.
        let ci = concat!("](", env!("CARGO_PKG_REPOSITORY"), "/blob/main/ci/");
        files.extend(AGENT.map(|(path, text)| File::new(path, text.replace("](../", ci))));
    }
    files.push(File::new("expectations.toml", EXPECTATIONS));
    let backend = wanted.backend.as_deref().or(kind.example());
    let line = backend.map(|name| format!("backend = {}\n", toml::Value::from(name)));
    let text = CONFIGURATION.replacen("level = ", &(line.unwrap_or_default() + "level = "), 1);
    files.push(File::new(CONFIGURATION_FILE, text));
    let with_command = |text: &str, empty: &str| match kind {
        Kind::Rust => text.replacen(empty, &empty.replace("\"\"", OWN_COMMAND), 1),
        Kind::Library | Kind::Program => text.to_owned(),
    };
    if wanted.github {
        files.push(File::new(GITHUB_FILE, with_command(GITHUB, "  COMMAND: \"\"\n")));
    }
    if wanted.gitlab {
        files.push(File::new(GITLAB_FILE, with_command(GITLAB, "  VMO_COMMAND: \"\"\n")));
        files.push(File::new(GITLAB_MAIN, GITLAB_INCLUDE));
    }
    if wanted.clusterfuzzlite {
        let manifest = cargo::with_source(FUZZ_MANIFEST, wanted.path.as_deref(), "..");
        files.push(File::new("fuzz/Cargo.toml", manifest));
        files.push(File::new("fuzz/fuzz_targets/programs.rs", FUZZ_TARGET));
        files.push(File::new("fuzz/.gitignore", "target/\nartifacts/\ncorpus/\n"));
        files.extend(CFLITE.map(|(path, text)| File {
            is_program: path.ends_with(".sh"),
            ..File::new(path, text)
        }));
        files.push(File::new(".github/workflows/fuzzing.yml", GITHUB_FUZZING));
    }
    files
}

fn write(folder: &Path, file: &File) -> Result<Done, InitError> {
    let path = folder.join(file.path);
    let failed = |error| InitError::Io { path: path.clone(), error };
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).map_err(failed)?;
    }
    let mode = if file.is_program { 0o777 } else { 0o666 };
    match OpenOptions::new().write(true).create_new(true).mode(mode).open(&path) {
        Ok(mut new) => new.write_all(file.text.as_bytes()).map_err(failed).map(|()| Done::Written),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(Done::Kept),
        Err(error) => Err(failed(error)),
    }
}

fn next(kind: Kind, wanted: &Wanted, steps: &[Step]) -> Vec<String> {
    let was_kept = |path| steps.contains(&(path, Done::Kept));
    let mut next = Vec::new();
    match kind {
        Kind::Rust => {
            next.push(
                "cargo test --test zircon, which checks the small VMOs that are in \
                       tests/zircon/backend.rs now"
                    .to_owned(),
            );
            next.push(
                "put calls of your VMOs in their place, and claim there what you offer \
                       besides"
                    .to_owned(),
            );
            next.push(format!("{OWN_COMMAND} check-backend, then `run` in its place"));
        }
        Kind::Library | Kind::Program => {
            if kind == Kind::Program {
                next.push(
                    "build zircon-agent/agent as zircon-agent/ports/posix.c says, or write \
 a port of your own, as zircon-agent/README.md shows"
                        .to_owned(),
                );
            }
            if wanted.backend.is_none() {
                next.push(format!("say in {CONFIGURATION_FILE} where the backend is"));
            }
            next.push("vmo-conformance check-backend, then vmo-conformance run".to_owned());
        }
    }
    next.push(
        "write down known failures: `run --update-expectations`, and give each a reason in \
               expectations.toml"
            .to_owned(),
    );
    if kind != Kind::Rust && wanted.github {
        next.push(format!("say in {GITHUB_FILE}, as BUILD, what builds the backend"));
    }
    if kind != Kind::Rust && wanted.gitlab {
        next.push(format!("say in {GITLAB_FILE}, as VMO_BUILD, what builds the backend"));
    }
    if wanted.gitlab && was_kept(GITLAB_MAIN) {
        next.push(format!("let {GITLAB_MAIN} include: [{{local: {GITLAB_FILE}}}]"));
    }
    if wanted.clusterfuzzlite {
        next.push("cargo +nightly fuzz run programs".to_owned());
    }
    if !wanted.github && !wanted.gitlab {
        next.push("for CI: init --github or --gitlab, and --clusterfuzzlite".to_owned());
    }
    next
}

/// The manual of what was done, for people.
impl fmt::Display for Started {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (path, done) in &self.steps {
            match done {
                Done::Written => writeln!(f, "wrote     {path}")?,
                Done::Extended => writeln!(f, "extended  {path}")?,
                Done::Kept => writeln!(f, "kept      {path}, as it was there")?,
            }
        }
        writeln!(f, "\nNext:")?;
        for (number, what) in iter::zip(1.., &self.next) {
            writeln!(f, "  {number}. {what}")?;
        }
        Ok(())
    }
}
