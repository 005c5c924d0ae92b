//! The help texts: each fits a screen, has an example, and is as it was.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Lines and columns of the screen that a help text has to fit.
const LINES: usize = 40;
const COLUMNS: usize = 80;

fn run(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_vmo-conformance"))
        .args(arguments)
        .env_remove("COLUMNS")
        .env_remove("CLICOLOR_FORCE")
        .current_dir(env!("CARGO_TARGET_TMPDIR"))
        .output()
        .expect("the command runs");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {stderr}");
    String::from_utf8(output.stdout).expect("the output is UTF-8")
}

/// The commands that the help text of the whole lists.
fn commands() -> Vec<String> {
    let help = run(&["-h"]);
    let listed = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let names = listed.take_while(|line| !line.is_empty());
    names.filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect()
}

fn snapshots() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/help")
}

#[test]
fn every_help_text_fits_a_screen_and_is_as_it_was() {
    let mut expected_files = BTreeSet::from(["vmo-conformance.txt".to_owned()]);
    let mut texts = vec![("vmo-conformance".to_owned(), run(&["-h"]))];
    let commands = commands();
    assert!(commands.len() > 10, "{commands:?}");
    for command in commands {
        expected_files.insert(format!("{command}.txt"));
        let text = run(&[&command, "-h"]);
        texts.push((command, text));
    }
    let is_update = std::env::var_os("UPDATE_SNAPSHOTS").is_some();
    for (command, text) in &texts {
        assert!(text.lines().count() <= LINES, "{command} -h is too long:\n{text}");
        let widest = text.lines().map(|line| line.chars().count()).max();
        assert!(widest <= Some(COLUMNS), "{command} -h is too wide:\n{text}");
        assert!(text.contains("\nExample: vmo-conformance"), "{command} -h has no example");
        let file = snapshots().join(format!("{command}.txt"));
        if is_update {
            fs::create_dir_all(snapshots()).expect("the folder can be made");
            fs::write(&file, text).expect("the file can be written");
        }
        let known = fs::read_to_string(&file).unwrap_or_default();
        assert_eq!(
            known,
            *text,
            "{} is out of date; see whether that is right, and run the test with \
             UPDATE_SNAPSHOTS=1",
            file.display()
        );
    }
    let files = fs::read_dir(snapshots()).expect("the folder is there");
    let files: BTreeSet<_> = files
        .map(|file| file.expect("it can be listed").file_name().to_string_lossy().into_owned())
        .collect();
    assert_eq!(files, expected_files, "a snapshot is of no command");
}

#[test]
fn the_long_form_says_more() {
    for command in commands() {
        let (short, long) = (run(&[&command, "-h"]), run(&[&command, "--help"]));
        assert!(long.len() >= short.len(), "{command}");
    }
}

#[test]
fn without_a_command_it_is_run() {
    let listed = run(&["run", "--exact", "--list", "vmo_create::rounds_size_up_to_a_page::1"]);
    assert_eq!(run(&["--exact", "--list", "vmo_create::rounds_size_up_to_a_page::1"]), listed);
    assert_eq!(
        run(&["-q", "--color", "never", "vmo_create::rounds_size_up_to_a_page::1", "--list"]),
        listed
    );
}

#[test]
fn colours_come_when_they_are_wanted() {
    let help = |arguments: &[&str], variable: Option<&str>| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_vmo-conformance"));
        for name in ["NO_COLOR", "CLICOLOR_FORCE", "CLICOLOR"] {
            command.env_remove(name);
        }
        command.args(arguments).envs(variable.map(|name| (name, "1")));
        let output = command.output().expect("the command runs");
        output.stdout.contains(&0x1b)
    };
    assert!(!help(&["-h"], None));
    assert!(help(&["-h"], Some("CLICOLOR_FORCE")));
    assert!(help(&["-h", "--color", "always"], Some("NO_COLOR")));
    assert!(!help(&["-h", "--color=never"], Some("CLICOLOR_FORCE")));
    let fuzz = ["fuzz", "--seed=1", "--programs=500", "--backend=fault:create_rounds_size_down"];
    assert!(!help(&fuzz, None));
    assert!(help(&fuzz, Some("CLICOLOR_FORCE")));
    assert!(help(&[&fuzz[..], &["--color=always"]].concat(), None));
}

#[test]
fn every_shell_is_completed() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = run(&["completions", shell]);
        for command in commands() {
            assert!(script.contains(&command), "{shell}: {command}");
        }
    }
}

#[test]
fn every_command_has_a_manual_page() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("man1");
    run(&["man", "--out", folder.to_str().expect("it is UTF-8")]);
    let page = |name: &str| fs::read_to_string(folder.join(name)).expect("the page is there");
    assert_eq!(page("vmo-conformance.1"), run(&["man"]));
    for command in commands() {
        let page = page(&format!("vmo-conformance-{command}.1"));
        assert!(page.contains("Example: vmo\\-conformance"), "{command}");
        assert!(page.contains("\\-\\-color"), "{command}");
    }
}
