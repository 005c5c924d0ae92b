//! Programs that show a mistake, written as Rust tests: they compile as a file
//! of `tests/`, pass on the reference, and fail for the same clause on the
//! backend with the mistake.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::SystemTime;

use vmo_conformance::Level;
use vmo_conformance::backends;
use vmo_conformance::export::{Form, export};
use vmo_conformance::program::parse;
use vmo_conformance::reproduce::first_wrong_step;
use vmo_conformance::runner::Runner;

/// Faults with programs that show them.
const SHOWN: &[(&str, &str)] = &[
    ("create_rounds_size_down", "v0 = vmo_create(size=0x1, options=0)\n  vmo_get_size(handle=v0)"),
    (
        "set_size_keeps_a_page",
        "v0 = vmo_create(size=0x1000, options=0)\n  \
      vmo_set_size(handle=v0, size=0)\n  vmo_get_size(handle=v0)",
    ),
    ("create_demands_whole_pages", "v0 = vmo_create(size=0x1, options=0)"),
];

/// The libraries that this test was built beside.
fn libraries() -> PathBuf {
    let test = std::env::current_exe().expect("the test has a path");
    test.parent().expect("it lies in a folder").to_owned()
}

/// The builds of our library, the latest first: which one belongs to this test
/// is cargo's secret, and any with the reference in it will do.
fn builds() -> Vec<PathBuf> {
    let entries = std::fs::read_dir(libraries()).expect("the folder can be read");
    let mut builds: Vec<(SystemTime, PathBuf)> = entries
        .filter_map(|entry| {
            let path = entry.ok()?.path();
            let name = path.file_name()?.to_str()?;
            let is_ours = name.starts_with("libvmo_conformance-") && name.ends_with(".rlib");
            is_ours.then(|| Some((path.metadata().ok()?.modified().ok()?, path.clone())))?
        })
        .collect();
    builds.sort();
    builds.into_iter().rev().map(|(_, path)| path).collect()
}

fn compile(source: &Path, library: &Path) -> Result<PathBuf, String> {
    let test = source.with_extension("test");
    let mut dependency = std::ffi::OsString::from("dependency=");
    dependency.push(libraries());
    let mut library_named = std::ffi::OsString::from("vmo_conformance=");
    library_named.push(library);
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc)
        .args(["--edition=2024", "--test", "-Dwarnings", "-L"])
        .arg(dependency)
        .arg("--extern")
        .arg(library_named)
        .arg(source)
        .arg("-o")
        .arg(&test)
        .output()
        .expect("rustc runs");
    match output.status.success() {
        true => Ok(test),
        false => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
    }
}

fn run(test: &Path, backend: &str) -> Output {
    Command::new(test).env("VMO_BACKEND", backend).output().expect("the test runs")
}

#[test]
fn rust_tests_show_mistakes_and_nothing_else() {
    let folder = tempfile::tempdir().expect("there is room for a folder");
    let mut build: Option<PathBuf> = None;
    for (fault, steps) in SHOWN {
        let name = format!("fault:{fault}");
        let backend = backends::named(&name).expect("it is known").start().expect("it starts");
        let mut program = parse("x", &format!("program {fault}\n  {steps}\n")).unwrap().remove(0);
        let mut runner = Runner::new(backend.as_ref()).expect("the arena is large enough");
        let finding = first_wrong_step(&mut runner, &program, Level::Page)
            .expect("it can be run")
            .expect("the program shows the fault");
        program.steps.truncate(finding.step + 1);
        let violation = finding.wrong.violation().expect("a clause is broken");
        let text = export(&program, Some(violation), Level::Page, Form::Rust).expect("it is Rust");
        let source = folder.path().join(format!("{fault}.rs"));
        std::fs::write(&source, &text).expect("the test can be written");

        let test = match &build {
            Some(library) => compile(&source, library).expect("the test compiles"),
            None => {
                let mut words = String::new();
                let found =
                    builds().into_iter().find_map(|library| match compile(&source, &library) {
                        Ok(test) if run(&test, "reference").status.success() => {
                            Some((library, test))
                        }
                        Ok(test) => {
                            words = format!("{:?}", run(&test, "reference"));
                            None
                        }
                        Err(error) => {
                            words = error;
                            None
                        }
                    });
                let Some((library, test)) = found else { panic!("{fault}: {words}\n{text}") };
                build = Some(library);
                test
            }
        };
        let right = run(&test, "reference");
        assert!(right.status.success(), "{}", String::from_utf8_lossy(&right.stdout));
        let wrong = run(&test, &name);
        let words = String::from_utf8_lossy(&wrong.stdout);
        assert_eq!(wrong.status.code(), Some(101), "{fault}: {words}");
        let expected = format!("{} breaks {}: ", violation.call, violation.clause);
        assert!(words.contains(&expected), "{fault}: {words}");
    }
}
