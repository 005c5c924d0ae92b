//! The command line: exit codes, and one clear line for every bad input.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Exit codes, as the help text lists them.
const GOOD: i32 = 0;
const DISAGREED: i32 = 1;
const USAGE: i32 = 2;
const NOTHING_TESTED: i32 = 4;

fn command(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_vmo-conformance"))
        .args(arguments)
        // Not in the repository: what is replayed has to be found from anywhere.
        .current_dir(env!("CARGO_TARGET_TMPDIR"))
        .output()
        .expect("the command runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Expects exit code 2 and just one line that starts with `error: ` and
/// contains `words`.
fn expect_error(arguments: &[&str], words: &str) {
    let output = command(arguments);
    let stderr = text(&output.stderr);
    assert_eq!(output.status.code(), Some(USAGE), "{arguments:?}: {stderr}");
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
    assert!(stderr.starts_with("error: ") && stderr.contains(words), "{stderr}");
    assert!(output.stdout.is_empty());
}

fn expect(arguments: &[&str], code: i32, words: &str) {
    let output = command(arguments);
    let stdout = text(&output.stdout);
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {}", text(&output.stderr));
    assert!(stdout.contains(words), "{arguments:?}: {stdout}");
}

/// A file in a folder of the test's own.
fn file(test: &str, name: &str, contents: &[u8]) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(test);
    fs::create_dir_all(&folder).expect("the folder can be made");
    let path = folder.join(name);
    fs::write(&path, contents).expect("the file can be written");
    path
}

fn replay_error(test: &str, name: &str, contents: &[u8], words: &str) {
    let path = file(test, name, contents);
    expect_error(&["replay", path.to_str().unwrap()], words);
}

#[test]
fn no_argument_does_the_main_job() {
    let output = command(&[]);
    assert_eq!(output.status.code(), Some(GOOD), "{}", text(&output.stderr));
    assert!(text(&output.stdout).contains("8140 of 8140 programs agree"));
}

#[test]
fn malformed_programs_are_refused_with_the_place() {
    let test = "malformed";
    for (name, contents, words) in [
        ("call.vmo", "program x\n  v0 = vmo_frob(size=1)\n", "call.vmo:2:8: expected a call"),
        (
            "number.vmo",
            "program x\n  v0 = vmo_create(size=0x1ffffffffffffffff, options=0)\n",
            ":2:24:",
        ),
        ("bits.vmo", "program x\n  v0 = vmo_create(size=1, options=0x100000000)\n", ":2:35:"),
        ("missing.vmo", "program x\n  v0 = vmo_create(size=1)\n", "options"),
        ("unbound.vmo", "program x\n  handle_close(handle=v7)\n", ":2:23:"),
        ("cut.vmo", "program x\n  v0 = vmo_create(size=1, opt", ":2:27:"),
        ("junk.vmo", "once upon a time\n", "junk.vmo:1:1:"),
        ("json.jsonl", "{\"id\": \"x\"\n", "json.jsonl:1:"),
        ("key.jsonl", "{\"id\":\"x\",\"topic\":\"t\",\"steps\":[],\"more\":1}\n", "key.jsonl:1:"),
    ] {
        replay_error(test, name, contents.as_bytes(), words);
    }
}

#[test]
fn files_that_are_no_text_are_refused() {
    replay_error("binary", "binary.vmo", &[0x7f, b'E', b'L', b'F', 2, 1, 0, 0xff], "binary.vmo:1:");
    replay_error("binary", "latin.jsonl", b"{\"id\":\"\xe9\"}", "latin.jsonl:1:");
}

#[test]
fn a_large_file_of_junk_is_refused() {
    let contents = vec![b'x'; 100 << 20];
    replay_error("large", "large.vmo", &contents, "large.vmo:1:1:");
    fs::remove_file(Path::new(env!("CARGO_TARGET_TMPDIR")).join("large/large.vmo")).unwrap();
}

#[test]
fn paths_that_cannot_be_read_are_named() {
    expect_error(&["replay", "/nonexistent/x.vmo"], "/nonexistent/x.vmo: No such file");
    let folder = file("unreadable", "readme.txt", b"").parent().unwrap().to_owned();
    expect_error(&["replay", folder.to_str().unwrap()], "no .vmo or .jsonl file");
}

#[test]
fn unknown_names_are_refused_with_what_is_known() {
    expect_error(&["--backend", "zircon"], "known are reference, fault:NAME");
    expect_error(&["run", "no_such_test"], "nothing is called `no_such_test`");
    expect_error(&["run", "--call", "vmo_frob"], "unknown call `vmo_frob`");
    expect_error(&["run", "--clause", "VMO-CREATE-99"], "unknown clause `VMO-CREATE-99`");
    expect_error(&["clauses", "--call", "vmo_frob"], "unknown call `vmo_frob`");
    let output = command(&["--frob"]);
    assert_eq!(output.status.code(), Some(USAGE));
}

#[test]
fn a_disagreement_shows_program_call_expectation_and_rerun() {
    let path = file(
        "disagreement",
        "wrong size.vmo",
        b"program wrong/1\n  v0 = vmo_create(size=1, options=0) -> OK\n  \
          vmo_get_size(handle=v0) -> OK size=1\n",
    );
    let path = path.to_str().unwrap();
    for words in [
        "DISAGREES  wrong/1",
        "after 1   v0 = vmo_create(size=0x1, options=0) -> OK",
        "call 2    vmo_get_size(handle=v0) -> OK size=0x1",
        "expected  size 0x1\n  actual    size 0x1000",
        &format!("again     vmo-conformance replay '{path}' --exact --only wrong/1\n"),
    ] {
        expect(&["replay", path], DISAGREED, words);
    }
    expect(&["replay", path, "--exact", "--only", "wrong/1"], DISAGREED, "0 of 1 programs agree");
}

#[test]
fn a_run_that_judges_nothing_is_no_success() {
    let empty = file("nothing", "empty.vmo", b"");
    expect(&["replay", empty.to_str().unwrap()], NOTHING_TESTED, "Nothing was tested");
}

#[test]
fn programs_without_expectations_are_judged() {
    let silent =
        file("nothing", "silent.vmo", b"program x\n  v0 = vmo_create(size=1, options=0)\n");
    expect(&["replay", silent.to_str().unwrap()], GOOD, "1 of 1 programs agree");
}

#[test]
fn fuzzing_tells_what_it_did() {
    let run = ["fuzz", "--seed", "0x5eed", "--programs", "300", "--jobs", "2", "--level", "kernel"];
    expect(&run, GOOD, "seed 0x5eed: 300 programs");
    expect(&run, GOOD, "clauses that the oracle judges");
    expect(&[&run[..], &["--call", "vmo_clone,vmo_read"]].concat(), GOOD, "vmo_clone");
    let output = command(&[&run[..], &["--call", "vmo_clone,vmo_read"]].concat());
    assert!(!text(&output.stdout).contains("vmar_map"));
    assert!(output.stderr.is_empty(), "{}", text(&output.stderr));
}

#[test]
fn impossible_budgets_are_refused() {
    for (option, value, words) in [
        ("--time", "0s", "no time"),
        ("--time", "soon", "--time"),
        ("--programs", "0", "--programs"),
        ("--programs", "-1", "-1"),
        ("--jobs", "0", "--jobs"),
        ("--jobs", "60000", "1..=512"),
        ("--seed", "0xg", "--seed"),
    ] {
        let output = command(&["fuzz", option, value]);
        let stderr = text(&output.stderr);
        assert_eq!(output.status.code(), Some(USAGE), "{option} {value}: {stderr}");
        assert!(stderr.starts_with("error: ") && stderr.contains(words), "{stderr}");
        assert!(output.stdout.is_empty());
    }
    expect_error(&["fuzz", "--call", "vmo_frob"], "unknown call `vmo_frob`");
    expect_error(&["fuzz", "--backend", "zircon"], "known are reference");
}

#[test]
fn a_folder_that_cannot_be_written_is_refused_before_the_run() {
    let taken = file("unwritable", "taken", b"");
    let folder = taken.join("findings");
    // Were the run begun, it would not end while the test waits.
    let run = ["fuzz", "--time", "1h", "--out"];
    expect_error(
        &[&run[..], &[folder.to_str().unwrap()]].concat(),
        "findings cannot be written to",
    );
    expect_error(&[&run[..], &["/proc"]].concat(), "findings cannot be written to /proc");
}

#[test]
fn one_test_and_one_program_are_run_by_name() {
    let test = "vmo_create::accepts_size_0";
    expect(&["run", "--exact", test], GOOD, "1 of 1 tests pass");
    expect(&["run", "--exact", "b/create/12"], GOOD, "1 of 1 programs agree");
    expect(&["run", "--list", "b/create/12"], GOOD, "b/create/12\n");
}

#[test]
fn clauses_are_listed_in_three_forms() {
    let seed = ["clauses", "--call", "vmo_create", "--level", "seed"];
    expect(&seed, GOOD, "VMO-CREATE-02 [seed] vmo_create");
    expect(&[&seed[..], &["--format", "markdown"]].concat(), GOOD, "| VMO-CREATE-02 | seed |");
    let output = command(&[&seed[..], &["--format", "json"]].concat());
    let clauses: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(clauses.as_array().map(Vec::len), Some(25));
}

#[test]
fn the_help_lists_the_exit_codes() {
    expect(&["--help"], GOOD, "Exit codes:");
}

#[test]
fn all_short_programs_are_tried() {
    let arguments = ["enumerate", "--depth", "1", "--jobs", "1"];
    expect(&arguments, GOOD, "calls judged in all");
    let kernel = [&arguments[..], &["--level", "kernel", "--universe", "mappings"]].concat();
    expect(&kernel, GOOD, "with up to 1 calls at level kernel: 0 findings");
    expect(&["enumerate", "--show-universe"], GOOD, "universe vmo: what VMOs hold");
}

#[test]
fn bad_ways_to_enumerate_are_refused() {
    expect_error(&["enumerate", "--depth", "0"], "a depth of 0 has no programs");
    expect_error(&["enumerate", "--depth", "40"], "a depth of 40 has at least");
    expect_error(&["enumerate", "--universe", "pages"], "known are vmo, handles, mappings");
    expect_error(&["enumerate", "--backend", "zircon"], "known are reference");
    let file = file("enumerate", "file", b"");
    let folder = file.join("folder");
    let folder = folder.to_str().unwrap();
    let words = format!("{folder} cannot be written: ");
    expect_error(&["enumerate", "--depth", "1", "--out", folder], &words);
    for arguments in [&["--depth", "x"][..], &["--depth", "-1"], &["--jobs", "0"]] {
        let output = command(&[&["enumerate"], arguments].concat());
        assert_eq!(output.status.code(), Some(USAGE));
    }
}

#[test]
fn a_wrong_backend_is_found_by_all_short_programs() {
    let of = |fault: &'static str| ["faults", "--enumerate", "--depth", "1", fault];
    expect(&of("create_rounds_size_down"), GOOD, "1 of 1 faults found (100.0 %), 1 for the right");
    expect_error(&of("no_such_fault"), "no fault is called `no_such_fault`");
    expect_error(&[&of("read_*")[..], &["--universe", "pages"]].concat(), "unknown universe");
    let output = command(&["faults", "--depth", "2"]);
    assert_eq!(output.status.code(), Some(USAGE));
}

/// Arguments of a run that finds something.
const FINDING_RUN: [&str; 7] = [
    "fuzz",
    "--backend",
    "fault:create_gives_a_page_too_many",
    "--seed=1",
    "--programs=2000",
    "--stop-at-first",
    "--out",
];

fn names_in(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("the folder can be listed");
    let names = entries.map(|entry| entry.expect("it can be read").file_name());
    names.map(|name| name.to_string_lossy().into_owned()).collect()
}

#[test]
fn findings_are_printed_written_and_can_be_replayed() {
    let folder = file("findings", "note", b"").parent().unwrap().join("out");
    let folder = folder.to_str().unwrap();
    let run = [&FINDING_RUN[..], &[folder]].concat();
    for words in
        ["FOUND VMO-", "  expected  ", "  again     vmo-conformance replay ", "1 findings."]
    {
        expect(&run, DISAGREED, words);
    }
    let replay = ["replay", folder, "--backend", "fault:create_gives_a_page_too_many"];
    expect(&replay, DISAGREED, "0 of 1 programs agree");
    expect(&["replay", folder], GOOD, "1 of 1 programs agree");
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn a_finding_that_cannot_be_written_is_not_lost() {
    let folder = file("lost", "note", b"").parent().unwrap().to_owned();
    let (writable, taken) = (folder.join("writable"), folder.join("taken"));
    let run = |folder: &Path| [&FINDING_RUN[..], &[folder.to_str().unwrap()]].concat().join("\n");
    let split = |run: &str| command(&run.split('\n').collect::<Vec<_>>());
    assert_eq!(split(&run(&writable)).status.code(), Some(DISAGREED));
    // A folder of the file's name stands in the way.
    let name = names_in(&writable).into_iter().find(|name| name.ends_with(".vmo")).unwrap();
    fs::create_dir_all(taken.join(&name)).unwrap();
    let output = split(&run(&taken));
    let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(USAGE), "{stderr}");
    assert!(stderr.starts_with("error: findings cannot be written to "), "{stderr}");
    assert!(stderr.contains("the output has all of them in full: 1"), "{stderr}");
    assert!(stdout.contains("FOUND VMO-") && stdout.contains("vmo_create("), "{stdout}");
    assert_eq!(names_in(&taken), [name], "nothing half-written is left");
    fs::remove_dir_all(&writable).unwrap();
    fs::remove_dir_all(&taken).unwrap();
}

/// A program that is longer than it has to be, for a mistake that it shows.
const LONG: &str = "program long\n  e0 = event_create(options=0)\n  \
    v0 = vmo_create(size=0x1001, options=0)\n  v1 = handle_duplicate(handle=v0, \
    rights=SAME_RIGHTS)\n  vmo_get_size(handle=v1)\n  handle_close(handle=e0)\n";
const MISTAKE: [&str; 2] = ["--backend", "fault:create_rounds_size_down"];

#[test]
fn minimize_writes_the_shortest_program_with_its_clause() {
    let long = file("minimize", "long.vmo", LONG.as_bytes());
    let short = long.with_file_name("short.vmo");
    let long = long.to_str().unwrap();
    let arguments = [&["minimize", long][..], &MISTAKE].concat();
    expect(&arguments, GOOD, "# vmo_get_size breaks VMO-CREATE-03.\n");
    expect(&arguments, GOOD, "v0 = vmo_create(size=0x1, options=0)\n  vmo_get_size(handle=v0)\n");
    let out = [&arguments[..], &["--out", short.to_str().unwrap()]].concat();
    expect(&out, GOOD, "");
    let written = fs::read_to_string(&short).expect("it was written");
    assert_eq!(written, text(&command(&arguments).stdout));
    // What was made is itself a program that fails.
    let again = [&["minimize", short.to_str().unwrap()][..], &MISTAKE].concat();
    expect(&again, GOOD, &written);
}

#[test]
fn minimize_changes_nothing_about_an_expectation_that_is_wrong() {
    let path = file(
        "expectation",
        "long.vmo",
        b"program x\n  v0 = vmo_create(size=0x3001, options=0)\n  \
          vmo_create(size=0x1, options=0x4) -> OK\n  vmo_get_size(handle=v0)\n",
    );
    // No right backend meets it, so a shorter program could mean anything; only
    // what comes after it is left out.
    let output = command(&["minimize", path.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(GOOD), "{}", text(&output.stderr));
    let steps = "program x\n  v0 = vmo_create(size=0x3001, options=0)\n  \
                 vmo_create(size=0x1, options=0x4) -> OK\n";
    assert_eq!(text(&output.stdout), steps);
}

#[test]
fn programs_are_exported_in_every_form() {
    let path = file("forms", "long.vmo", LONG.as_bytes());
    let path = path.to_str().unwrap();
    for (form, words) in [
        ("vmo", "# vmo_get_size breaks VMO-CREATE-03."),
        ("rust", "fn vmo_get_size_breaks_vmo_create_03() {"),
        ("c", "expect_number(VMO_CREATE_03, \"size\", stored_size,"),
    ] {
        expect(&[&["export", path, "--as", form][..], &MISTAKE].concat(), GOOD, words);
        // Without a finding there is nothing to say of a clause.
        expect(&["export", path, "--as", form], GOOD, "vmo_get_size");
    }
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("forms/headers");
    expect(&["export", "--headers", folder.to_str().unwrap()], GOOD, "");
    let header = fs::read_to_string(folder.join("zircon/syscalls.h")).expect("it was written");
    assert!(header.contains("zx_status_t zx_vmo_create(uint64_t size, uint32_t options,"));
}

#[test]
fn bad_input_to_minimize_and_export_is_named() {
    let long = file("bad", "long.vmo", LONG.as_bytes());
    let long = long.to_str().unwrap();
    let junk = file("bad", "junk.vmo", b"once upon a time\n");
    let empty = file("bad", "empty.vmo", b"");
    let two = file(
        "bad",
        "two.vmo",
        format!("{LONG}\nprogram y\n  e0 = event_create(options=0)\n").as_bytes(),
    );
    let limited = file("bad", "limited.vmo", b"program x\n  limit_memory(pages=1)\n");
    for form in [&["minimize"][..], &["export", "--as", "c"]] {
        let with = |more: &[&'static str], path: &str, words: &str| {
            let arguments: Vec<_> = form.iter().chain(more).copied().chain([path]).collect();
            expect_error(&arguments, words);
        };
        with(&[], "/nonexistent/x.vmo", "/nonexistent/x.vmo: No such file");
        with(&[], junk.to_str().unwrap(), "junk.vmo:1:1:");
        with(&[], empty.to_str().unwrap(), "there is no program in it");
        with(&["--backend", "zircon"], long, "unknown backend `zircon`: known are reference");
        with(&["--backend", "fault:frob"], long, "no fault is called `frob`");
        with(&["--only", "frob"], long, "no program is called `frob`");
        let mistake = ["--backend", "fault:create_rounds_size_down"];
        with(
            &[&mistake[..], &["--out", "/nonexistent/x"]].concat(),
            long,
            "/nonexistent/x cannot be written: ",
        );
        with(
            &[&mistake[..], &["--out", "/dev/full"]].concat(),
            long,
            "/dev/full cannot be written: No space left",
        );
    }
    expect_error(&["minimize", long], "no program fails against `reference` at level page");
    expect_error(&["export", "--as", "c", two.to_str().unwrap()], "choose with --only NAME");
    expect_error(&["export", "--as", "c", limited.to_str().unwrap()], "step 1 limits memory");
    expect_error(&["export", "--headers", "/dev/null/x"], "/dev/null/x");
    for arguments in [&["export", long, "--as", "pascal"][..], &["export", long], &["minimize"]] {
        let output = command(arguments);
        assert_eq!(output.status.code(), Some(USAGE));
        assert!(text(&output.stderr).starts_with("error: "));
    }
}

#[test]
fn a_file_that_cannot_be_replaced_stays_as_it_is() {
    let long = file("whole", "long.vmo", LONG.as_bytes());
    let folder = long.parent().unwrap().join("result");
    fs::create_dir_all(&folder).expect("the folder can be made");
    let out = folder.join("short.vmo");
    fs::write(&out, "precious\n").expect("the file can be written");
    let long = long.to_str().unwrap();
    let path = out.to_str().unwrap();
    expect_error(&["minimize", long, "--out", path], "no program fails");
    assert_eq!(fs::read_to_string(&out).ok().as_deref(), Some("precious\n"));
    expect(&[&["minimize", long, "--out", path][..], &MISTAKE].concat(), GOOD, "");
    // Nothing half-written is left beside it.
    assert_eq!(fs::read_dir(&folder).expect("it can be read").count(), 1);
}
