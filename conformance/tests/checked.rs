//! A test target with known failures, as a third party has one: this binary is
//! one when it is started with a file of them, and else it starts itself so.

use std::process::{Command, ExitCode};

use vmo_conformance::faults::{Faulty, fault_named};
use vmo_conformance::suite::Check;

/// Names the file of known failures to the target.
const FILE: &str = "VMO_TEST_KNOWN_FAILURES";

/// A test that the wrong backend fails, and one that it passes.
const FAILS: &str = "vmo_create::rounds_size_up_to_a_page::1";
const PASSES: &str = "vmo_create::accepts_size_0";

fn wrong_backend() -> Faulty {
    Faulty::reference(fault_named("create_rounds_size_down")).expect("the reference starts")
}

fn main() -> ExitCode {
    if let Some(file) = std::env::var_os(FILE) {
        return Check::new(wrong_backend).expectations(file).main();
    }
    if std::env::args().any(|argument| argument == "--list") {
        println!("known_failures: test");
        return ExitCode::SUCCESS;
    }
    let folder = tempfile::tempdir().expect("a folder can be made");
    let file = folder.path().join("known.toml");
    let entry = |test: &str, more: &str| {
        format!("[[expected]]\ntest = \"{test}\"\nreason = \"known\"\n{more}\n")
    };
    for (text, test, code, words) in [
        (String::new(), PASSES, 0, "1 passed; 0 failed; 0 ignored"),
        (String::new(), FAILS, 101, "expected  0x1000"),
        // A pass and not ignored.
        (entry(FAILS, ""), FAILS, 0, "1 passed; 0 failed; 0 ignored"),
        (entry(FAILS, ""), FAILS, 0, "fails as expected"),
        (entry(FAILS, "verdict = \"crash\""), FAILS, 101, "expected  0x1000"),
        (entry(FAILS, "level = \"kernel\""), FAILS, 101, "expected  0x1000"),
        (entry(FAILS, "expires = 2020-01-01"), FAILS, 101, "known.toml:1 expired on 2020-01-01"),
        (entry("vmo_create::*", ""), PASSES, 101, "known.toml:1 expects it to fail (known)"),
        (entry("vmo_frob::*", ""), PASSES, 5, "`vmo_frob::*` names no test and no program"),
        // What names programs is for the command.
        (entry("b/create/12", ""), PASSES, 0, "1 passed"),
        (entry(FAILS, "expries = 2020-01-01"), FAILS, 2, "known.toml:4: unknown key `expries`"),
    ] {
        std::fs::write(&file, &text).expect("the file can be written");
        let output = Command::new(std::env::current_exe().expect("this binary has a path"))
            .args(["--exact", test])
            .env(FILE, &file)
            .output()
            .expect("this binary runs");
        let printed = [output.stdout, output.stderr].concat();
        let printed = String::from_utf8_lossy(&printed);
        assert_eq!(output.status.code(), Some(code), "{text}{printed}");
        assert!(printed.contains(words), "{text}{printed}");
    }
    println!("test known_failures ... ok\n\ntest result: ok. 1 passed; 0 failed");
    ExitCode::SUCCESS
}
