//! The configuration file: what it sets, what counts more, and what is wrong.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const PAGE: &str = include_str!("../CONFIGURATION.md");

/// A folder of the test's own with a configuration file.
fn folder(test: &str, text: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("configuration").join(test);
    fs::create_dir_all(&folder).expect("the folder can be made");
    fs::write(folder.join("vmo-conformance.toml"), text).expect("the file can be written");
    folder
}

fn command(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_vmo-conformance"));
    command.args(arguments).current_dir(folder).output().expect("the command runs")
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("it is UTF-8")
}

/// Names that `run --list` prints in a folder.
fn listed(folder: &Path, arguments: &[&str]) -> usize {
    let output = command(folder, &[&["run", "--list"], arguments].concat());
    assert!(output.status.success(), "{}", text(&output.stderr));
    text(&output.stdout).lines().count()
}

fn expect_error(test: &str, file: &str, expected: &str) {
    let output = command(&folder(test, file), &["backends"]);
    let stderr = text(&output.stderr);
    assert_eq!(stderr.trim_end(), format!("error: vmo-conformance.toml{expected}"));
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn the_command_line_counts_more_than_a_section_and_that_more_than_the_top() {
    let empty = folder("none", "");
    let count = |level: &str| listed(&empty, &["--level", level]);
    let (seed, page, kernel) = (count("seed"), count("page"), count("kernel"));
    assert!(seed < page && page < kernel);

    let top = folder("top", "level = 'kernel'\n");
    assert_eq!(listed(&top, &[]), kernel);
    let both = folder("both", "level = 'kernel'\n[run]\nlevel = 'seed'\n[fuzz]\nlevel='page'");
    assert_eq!(listed(&both, &[]), seed);
    assert_eq!(listed(&both, &["--level=page"]), page);
    assert_eq!(listed(&both, &["--no-config"]), page);
}

#[test]
fn a_file_can_be_named() {
    let folder = folder("named", "level = 'kernel'\n");
    fs::write(folder.join("other.toml"), "level = 'seed'\n").expect("it can be written");
    let seed = listed(&folder, &["--no-config", "--level", "seed"]);
    assert_eq!(listed(&folder, &["--config", "other.toml"]), seed);
    let output = command(&folder, &["backends", "--config=none.toml"]);
    assert_eq!(output.status.code(), Some(2));
    let stderr = text(&output.stderr);
    assert!(stderr.starts_with("error: none.toml: it cannot be read: "), "{stderr}");
}

#[test]
fn switches_and_lists_can_be_set() {
    let folder = folder("lists", "list = true\n[fuzz]\ncall = ['vmo_read']\nprograms = 20\n");
    let output = command(&folder, &["run", "vmo_create::*"]);
    assert!(text(&output.stdout).lines().all(|name| name.starts_with("vmo_create::")));
    let output = command(&folder, &["fuzz", "--seed=1", "-v"]);
    assert!(text(&output.stdout).contains("20 programs"), "{}", text(&output.stdout));
    let remark = "vmo-conformance.toml: list = true; [fuzz] call = vmo_read; [fuzz] programs = 20";
    assert_eq!(text(&output.stderr).lines().next(), Some(remark));
}

#[test]
fn what_is_wrong_is_named_with_its_line_and_what_is_near() {
    let error = expect_error;
    error("key", "\nlevle = 'page'", ":2: no command has an option `levle`; did you mean `level`?");
    error("in", "[run]\nlevle = 1", ":2: unknown key `levle` in [run]; did you mean `level`?");
    let words = ":1: no command is called `rum`, as [rum] has it; did you mean `run`?";
    error("section", "[rum]\nlevel = 'page'", words);
    let words = ":3: unknown key `qqq` in [clauses]; known are call, level, untested, format";
    error("far", "\n[clauses]\nqqq = 1", words);
    let words = ":2: `color` is for all commands; move it from [run] to the top, above every \
                 section";
    error("all", "[run]\ncolor = 'never'", words);
    error(
        "type",
        "jobs = 1.5",
        ":1: `jobs` takes a text or a number, and this is a number with a fraction",
    );
    error("switch", "list = 'yes'", ":1: `list` takes true or false, and this is a text");
    let words = ":1: `level`: invalid value 'high' [possible values: seed, \
                 page, kernel]";
    error("value", "level = 'high'", words);
    let words = ":2: `time`: invalid value 'soon': expected number at 0";
    error("time", "[fuzz]\ntime = 'soon'", words);
    error("syntax", "level = ", ":1: string values must be quoted, expected literal string");
    error("twice", "jobs = 1\njobs = 2", ":2: duplicate key");
}

#[test]
fn the_example_of_the_page_is_right() {
    let example = PAGE.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next());
    let folder = folder("page", example.expect("the page has an example"));
    let output = command(&folder, &["fuzz", "--help"]);
    let help = text(&output.stdout);
    assert!(output.status.success(), "{}", text(&output.stderr));
    for default in ["lib:target/release/libzircon.so", "5m", "findings", "vmo_clone vmo_read"] {
        assert!(help.contains(&format!("[default: {default}]")), "{default}: {help}");
    }
}
