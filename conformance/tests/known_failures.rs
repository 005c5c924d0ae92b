//! Known failures: the file that expects them, and what becomes of it.

mod common;

use common::{DISAGREED, Folder, GOOD, STALE};

/// A run that finds a mistake, at the tests of one module and some programs.
const RUN: &str = "run vmo_create::* b/create/* --backend fault:create_rounds_size_down";

fn entry(test: &str, more: &str) -> String {
    format!("[[expected]]\ntest = \"{test}\"\nreason = \"sizes are not rounded yet\"\n{more}\n")
}

#[test]
fn a_file_is_made_from_a_run_and_then_all_is_as_expected() {
    let folder = Folder::new();
    folder.expect(RUN, DISAGREED, "FAIL");
    let known = "--expectations known.toml";
    folder.expect_error(&format!("{RUN} {known}"), "known.toml cannot be read: No such file");
    folder.expect(&format!("{RUN} {known} --update-expectations"), GOOD, "fail as expected");
    let made = folder.read("known.toml");
    assert!(made.contains("test = \"vmo_create::rounds_size_up_to_a_page::1\""), "{made}");
    assert!(made.contains("reason = \"not looked into yet\""), "{made}");
    let ran = folder.expect(&format!("{RUN} {known} --format json"), GOOD, "");
    let report: serde_json::Value = serde_json::from_str(&ran.stdout).expect("JSON");
    let case = report["cases"].as_array().expect("cases").iter();
    let case = case.clone().find(|case| case["verdict"] == "expected-failure").expect("one");
    assert_eq!(case["expectation"]["verdict"], "fail");
    assert!(case["detail"]["program"].is_string(), "nothing of it is lost");
    folder.expect(&format!("{RUN} {known} --format junit"), GOOD, "expected failure: not looked");
    // Parts of the run are as expected, too.
    folder.expect(&format!("{RUN} {known} --shard 1/3"), GOOD, "fail as expected");
    // What a person wrote stays when the file is made anew.
    let written = made.replacen("not looked into yet", "issue 7", 1);
    folder.write("known.toml", &written);
    folder.expect(&format!("{RUN} {known} --update-expectations"), GOOD, "fail as expected");
    assert_eq!(folder.read("known.toml"), written);
    // Once the mistake is mended nothing of it is left.
    let mended = "run vmo_create::* b/create/* --expectations known.toml";
    let ran = folder.expect(mended, STALE, "PASSES UNEXPECTEDLY vmo_create::rounds_size_up");
    assert!(ran.stdout.contains("STALE known.toml:"), "{}", ran.stdout);
    folder.expect(&format!("{mended} --update-expectations"), GOOD, "0 fail");
    assert!(!folder.read("known.toml").contains("[[expected]]"));
}

#[test]
fn entries_that_do_not_hold_are_told_with_what_to_do() {
    let folder = Folder::new();
    let run = "run vmo_create::* --expectations known.toml";
    for (entry, said) in [
        (
            entry("vmo_create::accepts_size_0", ""),
            "known.toml:1: `vmo_create::accepts_size_0` passes; take",
        ),
        (entry("vmo_create::accepts_*", ""), "all of them pass; take the entry out"),
        (entry("vmo_craete::*", ""), "names no test and no program"),
        (
            entry("vmo_clone::*", "expires = 2020-01-31"),
            "expired on 2020-01-31; look into it again",
        ),
    ] {
        folder.write("known.toml", &entry);
        let ran = folder.expect(run, STALE, "STALE known.toml:1: ");
        assert!(ran.stdout.contains(said), "{}", ran.stdout);
    }
    // Not selected, or of another level: nothing to say.
    for entry in [
        entry("vmo_clone::*", ""),
        entry("b/create/12", ""),
        entry("vmo_create::*", "level = \"seed\""),
    ] {
        folder.write("known.toml", &entry);
        folder.expect(run, GOOD, "186 of 186");
    }
}

#[test]
fn an_unexpected_failure_is_still_one() {
    let folder = Folder::new();
    folder.write("known.toml", &entry("vmo_create::*", "verdict = \"crash\""));
    folder.expect(
        &format!("{RUN} --expectations known.toml"),
        DISAGREED,
        "FAIL vmo_create::rounds",
    );
}

#[test]
fn replayed_programs_can_be_expected_to_fail() {
    let folder = Folder::new();
    folder
        .write("x.vmo", "program mine/1\n  v0 = vmo_create(size=1, options=0) -> ERR_BAD_STATE\n");
    folder.expect("replay x.vmo", DISAGREED, "DISAGREES  mine/1");
    folder.write("known.toml", &entry("mine/1", ""));
    folder.expect("replay x.vmo --expectations known.toml", GOOD, "1 fail as expected");
}

#[test]
fn mistakes_in_the_file_are_told_with_their_line() {
    let folder = Folder::new();
    for (text, said) in [
        (
            "[[expected]]\ntest = \"x\"\nreson = \"y\"\n",
            "known.toml:3: unknown key `reson`; did you mean `reason`?",
        ),
        ("[[expected]]\ntest = \"x\"\n", "known.toml:1: an entry has no `reason`"),
        ("[[expected\n", "known.toml:1: "),
        ("not toml at all", "known.toml:1: "),
    ] {
        folder.write("known.toml", text);
        let ran = folder.expect_error(&format!("{RUN} --expectations known.toml"), said);
        assert!(ran.stdout.is_empty() && ran.stderr.lines().count() == 1, "{}", ran.stderr);
    }
    folder.expect_error("run vmo_create::* --update-expectations", "required arguments were not");
    folder.write("known.toml", "[[expected]]\ntest = \"x\"\nreson = \"y\"\n");
    folder.expect_error(&format!("{RUN} --expectations known.toml --update-expectations"), "reson");
}
