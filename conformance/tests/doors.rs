//! The same verdicts through every door.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use vmo_abi::Capability;
use vmo_conformance::Level;
use vmo_conformance::backends::{self, Choice};
use vmo_conformance::suite::{CaseOptions, CaseReport, Suite, Test, run_cases};

const COMMAND: &str = env!("CARGO_BIN_EXE_vmo-conformance");
const OPTIONS: CaseOptions = CaseOptions { level: Level::Kernel, include_hazards: true };

/// Threads are not claimed elsewhere: calls come one at a time.
fn tests(suite: &Suite, every: usize) -> Vec<&Test> {
    let alone = suite.tests().iter().filter(|test| !test.needs.contains(Capability::Threads));
    alone.step_by(every).collect()
}

fn run(backend: &Choice, tests: &[&Test], jobs: usize) -> Vec<CaseReport> {
    let jobs = jobs.min(backend.backends_at_once());
    run_cases(tests, OPTIONS, jobs, &|| backend.start()).expect("the backend starts")
}

/// Compares every `every`th test of the suite with the backend in process.
fn expect_the_same(name: &str, in_process: &str, every: usize) {
    let suite = Suite::new();
    let tests = tests(&suite, every);
    let here = run(&backends::named(in_process).expect("it is known"), &tests, 8);
    let there = run(&backends::named(name).expect("it is a door"), &tests, 8);
    for ((test, here), there) in tests.iter().zip(&here).zip(&there) {
        assert_eq!(here.verdict, there.verdict, "{} through {name}", test.name);
    }
    assert!(tests.len() > 100);
}

/// A process that ends with the test.
struct Agent(Child);

impl Drop for Agent {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn serve(listen: &[&str], input: Stdio, output: Stdio) -> Agent {
    let child = Command::new(COMMAND).arg("serve").args(listen).stdin(input).stdout(output).spawn();
    Agent(child.expect("the agent starts"))
}

fn wait_for(path: &Path) {
    let since = Instant::now();
    while !path.exists() {
        assert!(since.elapsed() < Duration::from_secs(30), "{} does not appear", path.display());
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_process_gives_the_verdicts_of_the_backend_in_it() {
    expect_the_same(&format!("exec:{COMMAND} serve"), "reference", 1);
}

#[test]
fn a_wrong_backend_fails_alike_in_a_process() {
    let name = "fault:create_rounds_size_down";
    expect_the_same(&format!("exec:{COMMAND} serve --backend {name}"), name, 7);
}

#[test]
fn a_socket_gives_the_same_verdicts() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("socket");
    let place = format!("unix:{}", path.display());
    let _agent = serve(&["--listen", &place], Stdio::null(), Stdio::null());
    wait_for(&path);
    expect_the_same(&place, "reference", 11);
}

#[test]
fn a_port_gives_the_same_verdicts() {
    let free = std::net::TcpListener::bind("localhost:0").expect("a free port");
    let place = format!("tcp:{}", free.local_addr().expect("it has an address"));
    drop(free);
    let _agent = serve(&["--listen", &place], Stdio::null(), Stdio::null());
    let since = Instant::now();
    while std::net::TcpStream::connect(&place["tcp:".len()..]).is_err() {
        assert!(since.elapsed() < Duration::from_secs(30));
        std::thread::sleep(Duration::from_millis(5));
    }
    expect_the_same(&place, "reference", 11);
}

#[test]
fn shared_memory_gives_the_same_verdicts() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("memory");
    let place = format!("shm:{}", path.display());
    let _agent = serve(&["--listen", &place], Stdio::null(), Stdio::null());
    wait_for(&path);
    expect_the_same(&place, "reference", 11);
}

/// A terminal, and the end at which somebody would sit.
fn terminal() -> (File, String) {
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a terminal");
    grantpt(&master).expect("it is ours");
    unlockpt(&master).expect("it can be opened");
    let path = ptsname(&master, Vec::new()).expect("it has a name");
    (File::from(master), path.into_string().expect("of letters"))
}

/// Copies bytes, with what a console may say in between.
fn relay(mut from: impl Read, mut to: impl Write, noise: bool) {
    let mut bytes = [0; 4096];
    let mut turn = 0_u32;
    while let Ok(len) = from.read(&mut bytes) {
        if len == 0 {
            return;
        }
        turn += 1;
        let said: &[u8] = match turn % 64 {
            7 if noise => b"[   12.345678] usb 1-1: new high-speed device\r\n",
            23 if noise => b"\xf5VM \xf5\xf5VMO",
            _ => b"",
        };
        if to.write_all(said).and_then(|()| to.write_all(&bytes[..len])).is_err() {
            return;
        }
    }
}

#[test]
fn a_noisy_terminal_gives_the_same_verdicts() {
    let (master, path) = terminal();
    // The other end stays open, or the terminal would hang up between two
    // testers.
    let _slave = File::options().read(true).write(true).open(&path).expect("it opens");
    let (ours, theirs) = std::os::unix::net::UnixStream::pair().expect("a pair of sockets");
    let input = OwnedFd::from(theirs.try_clone().expect("another end"));
    let _agent = serve(&[], Stdio::from(input), Stdio::from(OwnedFd::from(theirs)));
    let (to_agent, from_agent) = (ours.try_clone().expect("another end"), ours);
    let from_tester = master.try_clone().expect("another end");
    std::thread::spawn(move || relay(from_tester, to_agent, false));
    std::thread::spawn(move || relay(from_agent, master, true));
    expect_the_same(&format!("serial:{path}"), "reference", 37);
}
