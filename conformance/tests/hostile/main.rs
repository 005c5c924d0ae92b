//! Whatever an agent does costs one verdict and never the run.

use std::path::Path;
use std::process::{Command, ExitCode, Output, Stdio};
use std::time::{Duration, Instant};

use libtest_mimic::{Arguments, Trial};

mod agent;

/// Most memory that the tester may ever use, in KiB.
const MOST_MEMORY: u64 = 200 << 10;

/// The argument by which this program becomes the agent.
const AGENT: &str = "be-the-agent";

/// The name of a backend that misbehaves.
fn backend(misbehaviour: &str, marker: &Path) -> String {
    let program = std::env::current_exe().expect("this program has a path");
    format!("exec:{} {AGENT} {misbehaviour} {}", program.display(), marker.display())
}

/// Runs some tests with an agent that misbehaves once, and measures the most
/// memory that the tester had.
fn run(misbehaviour: &str) -> (Output, u64) {
    let folder = tempfile::tempdir().expect("a folder");
    let marker = folder.path().join("marker");
    let line = backend(misbehaviour, &marker);
    let child = Command::new(env!("CARGO_BIN_EXE_vmo-conformance"))
        .args(["run", "vmo_get_size::*", "--jobs", "2", "--timeout", "1500ms", "--backend", &line])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the tester starts");
    let status = format!("/proc/{}/status", child.id());
    let watch = std::thread::spawn(move || {
        let mut most = 0;
        while let Ok(text) = std::fs::read_to_string(&status) {
            let line = text.lines().find(|line| line.starts_with("VmHWM:"));
            let word = line.and_then(|line| line.split_whitespace().nth(1)?.parse().ok());
            let Some(now) = word else { break };
            most = u64::max(most, now);
            std::thread::sleep(Duration::from_millis(5));
        }
        most
    });
    let output = child.wait_with_output().expect("the tester ends");
    (output, watch.join().expect("it only reads"))
}

/// Expects that one test has this verdict and all others pass.
fn costs(misbehaviour: &str, verdict: &str, detail: &str) {
    let (output, memory) = run(misbehaviour);
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{misbehaviour}:\n{text}");
    let bad: Vec<_> = ["FAIL ", "CRASH ", "TIMEOUT ", "PROTOCOL ", "BROKEN "]
        .iter()
        .flat_map(|label| text.lines().filter(move |line| line.starts_with(label)))
        .collect();
    assert_eq!(bad.len(), 1, "{misbehaviour}:\n{text}");
    assert!(bad[0].starts_with(verdict), "{misbehaviour}: {}", bad[0]);
    assert!(text.contains(detail), "{misbehaviour}: `{detail}` is not in\n{text}");
    let last = text.lines().rfind(|line| line.contains("tests pass")).expect("a last line");
    let place = last.find(" tests pass").expect("it is there");
    let before: Vec<_> = last[..place].rsplit(' ').take(3).collect();
    let [all, "of", passed] = before.as_slice() else { panic!("{last}") };
    let (all, passed): (u64, u64) = (all.parse().expect("a number"), passed.parse().expect("one"));
    let unsupported = last.split(", ").find_map(|part| part.strip_suffix(" unsupported"));
    let unsupported: u64 = unsupported.and_then(|word| word.parse().ok()).expect("a number");
    assert_eq!(passed + 1 + unsupported, all, "{misbehaviour}: {last}");
    assert!(memory < MOST_MEMORY, "{misbehaviour}: {memory} KiB");
}

/// For each misbehaviour the verdict that it costs, and words of its reason.
const COSTS: &[(&str, &str, &str)] = &[
    ("abort", "CRASH", "killed by signal 6"),
    ("exit", "CRASH", "exited with status 7"),
    ("exit_well", "CRASH", "exited with status 0"),
    ("hang", "TIMEOUT", "no answer within"),
    ("close", "CRASH", "it closed its end of the stream and went on"),
    ("say_nothing_and_leave_a_child", "TIMEOUT", "no answer within"),
    ("garbage", "TIMEOUT", "no answer within"),
    ("flood_of_noise", "PROTOCOL", "bytes that are no frame"),
    ("flood_of_beginnings", "PROTOCOL", "bytes that are no frame"),
    ("flood_of_answers", "PROTOCOL", "got the answer to"),
    ("half_a_frame", "TIMEOUT", "no answer within"),
    ("half_a_frame_and_exit", "CRASH", "exited with status 9"),
    ("too_long_a_frame", "PROTOCOL", "a frame of 2147483647 bytes"),
    ("wrong_checksum", "PROTOCOL", "wrong checksum"),
    ("wrong_header_checksum", "TIMEOUT", "no answer within"),
    ("stale_answer", "PROTOCOL", "got the answer to"),
    ("answer_of_the_future", "PROTOCOL", "got the answer to"),
    ("answer_twice", "PROTOCOL", "got the answer to"),
    ("empty_answer", "PROTOCOL", "is cut short or another one"),
    ("cut_answer", "PROTOCOL", "is cut short or another one"),
    ("long_answer", "PROTOCOL", "too long"),
    ("refusal", "PROTOCOL", "refused as malformed"),
    ("another_result", "PROTOCOL", "is cut short or another one"),
    ("trickle", "TIMEOUT", "no answer within"),
    ("stop_reading", "TIMEOUT", "no answer within"),
];

fn a_tester_that_is_killed_leaves_no_process() {
    let folder = tempfile::tempdir().expect("a folder");
    let marker = folder.path().join("marker");
    let line = backend("hang", &marker);
    let mut tester = Command::new(env!("CARGO_BIN_EXE_vmo-conformance"))
        .args(["run", "vmo_get_size::*", "--jobs", "1", "--timeout", "60s", "--backend", &line])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the tester starts");
    let until = |holds: &dyn Fn() -> bool| {
        let since = Instant::now();
        while !holds() {
            assert!(since.elapsed() < Duration::from_secs(30), "it does not come to pass");
            std::thread::sleep(Duration::from_millis(10));
        }
    };
    until(&|| marker.exists());
    let name = folder.path().display().to_string();
    assert!(is_running(&name));
    tester.kill().expect("it can be killed");
    tester.wait().expect("it ends");
    until(&|| !is_running(&name));
}

/// Whether a process has this in its command line, other than the tester.
fn is_running(word: &str) -> bool {
    let processes = std::fs::read_dir("/proc").expect("processes are listed");
    processes.flatten().any(|process| {
        let line = std::fs::read(process.path().join("cmdline")).unwrap_or_default();
        let line = String::from_utf8_lossy(&line);
        line.contains(AGENT) && !line.contains("run") && line.contains(word)
    })
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    if let [_, word, misbehaviour, marker] = arguments.as_slice()
        && word == AGENT
    {
        return match agent::agent(misbehaviour, marker) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("error: {error}");
                ExitCode::FAILURE
            }
        };
    }
    let names = agent::MISBEHAVIOURS.iter().map(|(name, _)| *name);
    assert!(names.eq(COSTS.iter().map(|(name, ..)| *name)), "what each costs is to be known");
    let trials = COSTS.iter().map(|&(name, verdict, detail)| {
        Trial::test(name, move || {
            costs(name, verdict, detail);
            Ok(())
        })
    });
    let killed = Trial::test("a_tester_that_is_killed_leaves_no_process", || {
        a_tester_that_is_killed_leaves_no_process();
        Ok(())
    });
    libtest_mimic::run(&Arguments::from_args(), trials.chain([killed]).collect()).exit_code()
}
