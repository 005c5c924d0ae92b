//! `init`: what it writes, what it leaves alone, and that it works.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn init(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_vmo-conformance"));
    command.arg("init").arg(folder).args(arguments).output().expect("the command runs")
}

/// A new, empty folder of the test's own.
fn folder(test: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("init").join(test);
    if folder.exists() {
        fs::remove_dir_all(&folder).expect("it can be removed");
    }
    fs::create_dir_all(&folder).expect("it can be made");
    folder
}

/// What `cargo new` makes, in a workspace of its own.
fn new_crate(test: &str) -> PathBuf {
    let folder = folder(test);
    let manifest = "[package]\nname = \"mine\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n\
                    [dependencies]\n\n[workspace]\n";
    fs::write(folder.join("Cargo.toml"), manifest).expect("it can be written");
    fs::create_dir(folder.join("src")).expect("it can be made");
    fs::write(folder.join("src/main.rs"), "fn main() {}\n").expect("it can be written");
    folder
}

fn workspace() -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    fs::canonicalize(folder).expect("the workspace is there")
}

#[test]
fn a_new_crate_with_what_it_writes_passes_cargo_test() {
    let folder = new_crate("rust");
    let workspace = workspace();
    let path = workspace.to_str().expect("it is UTF-8");
    let output = init(&folder, &["--kind", "rust", "--path", path]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(text(&output.stdout).contains("\nextended  Cargo.toml\n"));
    // The versions that the workspace has, which are known to be here.
    fs::copy(workspace.join("Cargo.lock"), folder.join("Cargo.lock")).expect("it can be copied");
    let cargo = |arguments: &[&str]| {
        let output = Command::new(env!("CARGO"))
            .args(arguments)
            .current_dir(&folder)
            .env("CARGO_TARGET_DIR", Path::new(env!("CARGO_TARGET_TMPDIR")).join("init/target"))
            .env("CARGO_PROFILE_DEV_DEBUG", "0")
            .output()
            .expect("cargo runs");
        let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
        assert!(output.status.success(), "{arguments:?}: {stdout}{stderr}");
        stdout
    };
    let tested = cargo(&["test", "--offline"]);
    let result = tested.lines().rfind(|line| line.starts_with("test result: "));
    let result = result.expect("tests were run");
    assert!(result.starts_with("test result: ok. ") && !result.contains(" 0 passed"), "{result}");
    // The command has the backend, and takes the configuration that was written.
    let ran = cargo(&["run", "--offline", "--example", "zircon", "--", "run", "--all"]);
    assert!(ran.contains("\nmine against edition 2018-06 at level page: "), "{ran}");
}

#[test]
fn nothing_is_overwritten() {
    let folder = new_crate("kept");
    fs::write(folder.join("expectations.toml"), "# mine\n").expect("it can be written");
    let first = init(&folder, &["--github", "--gitlab"]);
    assert!(text(&first.stdout).contains("kept      expectations.toml, as it was there\n"));
    let known = fs::read_to_string(folder.join("expectations.toml")).expect("it is there");
    assert_eq!(known, "# mine\n");
    let manifest = fs::read_to_string(folder.join("Cargo.toml")).expect("it is there");
    let again = text(&init(&folder, &["--github", "--gitlab"]).stdout);
    assert!(!again.contains("wrote") && !again.contains("extended"), "{again}");
    assert!(again.contains("let .gitlab-ci.yml include: "), "{again}");
    let after = fs::read_to_string(folder.join("Cargo.toml")).expect("it is there");
    assert_eq!(manifest, after);
}

#[test]
fn ci_files_start_the_command_of_the_kind() {
    let folder = new_crate("ci");
    init(&folder, &["--github", "--gitlab", "--clusterfuzzlite"]);
    let read = |name: &str| fs::read_to_string(folder.join(name)).expect("it is there");
    let own = "COMMAND: cargo run --release --example zircon --\n";
    assert!(read(".github/workflows/conformance.yml").contains(&format!("\n  {own}")));
    assert!(read("ci/vmo-conformance.gitlab-ci.yml").contains(&format!("\n  VMO_{own}")));
    assert!(read("fuzz/Cargo.toml").contains(concat!("git = \"", env!("CARGO_PKG_REPOSITORY"))));
    for (kind, backend) in [("lib", "lib:./libzircon.so"), ("exec", "exec:./zircon-agent/agent")] {
        let folder = self::folder(kind);
        let output = init(&folder, &["--kind", kind]);
        assert!(output.status.success(), "{}", text(&output.stderr));
        let file = fs::read_to_string(folder.join("vmo-conformance.toml")).expect("it is there");
        assert!(file.contains(&format!("\nbackend = \"{backend}\"\n")), "{file}");
    }
}

#[test]
fn the_files_of_a_library_are_understood() {
    let folder = folder("understood");
    init(&folder, &["--kind", "lib", "--backend", "reference"]);
    let output = Command::new(env!("CARGO_BIN_EXE_vmo-conformance"))
        .args(["run", "--call", "vmo_create"])
        .current_dir(&folder)
        .output()
        .expect("the command runs");
    assert!(output.status.success(), "{}", text(&output.stderr));
}

#[test]
fn what_does_not_fit_is_refused_and_nothing_written() {
    for (test, manifest, arguments, words) in [
        ("none", None, &["--kind", "rust"][..], "run `cargo init` there first"),
        ("fuzz", None, &["--clusterfuzzlite"][..], "--clusterfuzzlite is for Rust crates"),
        ("broken", Some("[package"), &[][..], "it is not in order: "),
        ("inline", Some("test = []\n"), &[][..], "it cannot take more lines at its end: "),
    ] {
        let folder = folder(test);
        if let Some(manifest) = manifest {
            fs::write(folder.join("Cargo.toml"), manifest).expect("it can be written");
        }
        let output = init(&folder, arguments);
        let stderr = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{test}");
        assert!(stderr.starts_with("error: ") && stderr.contains(words), "{stderr}");
        assert_eq!(
            fs::read_dir(&folder).expect("it is there").count(),
            usize::from(manifest.is_some())
        );
    }
}
