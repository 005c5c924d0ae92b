//! The whole suite through the doors for foreign code: the library in a worker
//! process, and the agent for kernels behind a pipe and in shared memory.
//!
//! This program is the command `vmo-conformance` as well, which starts itself
//! again to be the worker.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use libtest_mimic::{Arguments, Failed, Trial};
use vmo_abi::Capability;
use vmo_conformance::suite::Suite;

fn this_program() -> PathBuf {
    std::env::current_exe().expect("the test has a path")
}

/// Runs the tests of a module, or of all of them, at the level of the kernel
/// through a door, and expects that all pass but those with threads, which are not
/// claimed.
fn expect_all(backend: &str, module: Option<&str>) -> Result<(), Failed> {
    let output = Command::new(this_program())
        .args(["run", "--level", "kernel", "--include-hazards", "--backend", backend])
        .args(module.map(|module| format!("{module}::*")))
        .output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let suite = Suite::new();
    let needs_threads =
        |test: &&vmo_conformance::suite::Test| test.needs.contains(Capability::Threads);
    let chosen =
        suite.tests().iter().filter(|test| module.is_none_or(|module| test.module() == module));
    let threads = chosen.clone().filter(needs_threads).count();
    let all = chosen.count();
    let summary = format!("{} of {all} tests pass", all - threads);
    let unsupported = format!("{threads} unsupported");
    if output.status.success() && text.contains(&summary) && text.contains(&unsupported) {
        return Ok(());
    }
    let errors = String::from_utf8_lossy(&output.stderr);
    Err(format!("{backend}: not `{summary}` with `{unsupported}`\n{text}\n{errors}").into())
}

/// The agent for kernels over the library, if there is a C compiler.
fn agent(folder: &Path) -> Option<PathBuf> {
    let library = this_program().parent()?.display().to_string();
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("../agent");
    let program = folder.join("agent");
    let status = Command::new("cc")
        .args(["-std=c99", "-O1"])
        .arg(format!("-I{}", sources.display()))
        .args(["agent.c", "ports/posix.c", "ports/line.c"].map(|name| sources.join(name)))
        .arg(format!("-L{library}"))
        .args(["-lvmo_c", &format!("-Wl,-rpath,{library}"), "-o"])
        .arg(&program)
        .status();
    match status {
        Ok(status) if status.success() => Some(program),
        Ok(status) => panic!("the agent does not compile: {status}"),
        Err(error) => {
            eprintln!("NOT RUN: there is no C compiler: {error}");
            None
        }
    }
}

fn library() -> Result<(), Failed> {
    expect_all(&format!("lib:{}", this_program().with_file_name("libvmo_c.so").display()), None)
}

fn agent_behind_a_pipe() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    match agent(folder.path()) {
        Some(agent) => expect_all(&format!("exec:{}", agent.display()), None),
        None => Ok(()),
    }
}

/// A process that ends with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn agent_in_shared_memory() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let Some(agent) = agent(folder.path()) else { return Ok(()) };
    let memory = folder.path().join("memory");
    let child = Command::new(agent).arg("--shm").arg(&memory).stdin(Stdio::null()).spawn()?;
    let _agent = Running(child);
    let since = Instant::now();
    while !memory.exists() && since.elapsed() < Duration::from_secs(30) {
        std::thread::sleep(Duration::from_millis(5));
    }
    // Both sides look for bytes again and again, which takes long on a host where
    // others want its cores.
    expect_all(&format!("shm:{}", memory.display()), Some("vmo_clone"))
}

fn main() -> ExitCode {
    if std::env::args().nth(1).is_some_and(|word| ["run", "serve", "launch"].contains(&&*word)) {
        return vmo_conformance::command::main(std::env::args_os());
    }
    let trials = vec![
        Trial::test("library", library),
        Trial::test("agent_behind_a_pipe", agent_behind_a_pipe),
        Trial::test("agent_in_shared_memory", agent_in_shared_memory),
    ];
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}
