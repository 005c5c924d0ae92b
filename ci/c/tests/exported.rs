//! Programs that show a mistake, written in C: they compile, pass on the
//! reference, and fail for the same clause on the backend with the mistake.
//!
//! `FAULTS=all` takes every fault that ships, and prints what came of each.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use vmo_conformance::Level;
use vmo_conformance::export::{ExportError, Form, INCONCLUSIVE, export, headers};
use vmo_conformance::faults::{FAULTS, Fault, Faulty};
use vmo_conformance::generate::{self, Profile};
use vmo_conformance::program::{Program, parse};
use vmo_conformance::reproduce::{Finding, first_wrong_step};
use vmo_conformance::runner::Runner;
use vmo_conformance::shrink::shrink;

/// Every so many faults one is tried, unless all are.
const STRIDE: usize = 13;
/// Random programs that are tried for each fault.
const PROGRAMS: u64 = 1_500;

/// The folder of the library with the C functions.
fn library() -> PathBuf {
    let test = std::env::current_exe().expect("the test has a path");
    test.parent().expect("it lies in a folder").to_owned()
}

/// The C compiler, if there is one.
fn compiler() -> Option<String> {
    let named = std::env::var("CC").ok();
    let known = named.into_iter().chain(["cc", "gcc", "clang"].map(str::to_owned));
    let found = known.into_iter().find(|name| {
        Command::new(name).arg("--version").output().is_ok_and(|o| o.status.success())
    });
    if found.is_none() {
        eprintln!("skipped: there is no C compiler; CC names one");
    }
    found
}

/// Where C programs are compiled.
struct Workshop {
    compiler: String,
    folder: tempfile::TempDir,
}

impl Workshop {
    fn new() -> Option<Self> {
        let compiler = compiler()?;
        let folder = tempfile::tempdir().expect("there is room for a folder");
        for header in headers() {
            let path = folder.path().join("include").join(header.path);
            std::fs::create_dir_all(path.parent().expect("it lies in a folder")).unwrap();
            std::fs::write(path, header.text).unwrap();
        }
        Some(Self { compiler, folder })
    }

    /// Compiles a program and answers with its path.
    fn compile(&self, name: &str, text: &str) -> PathBuf {
        let source = self.folder.path().join(format!("{name}.c"));
        let program = self.folder.path().join(name);
        std::fs::write(&source, text).expect("the program can be written");
        let mut search = std::ffi::OsString::from("-Wl,-rpath,");
        search.push(library());
        let output = Command::new(&self.compiler)
            .args(["-std=c11", "-D_POSIX_C_SOURCE=200809L", "-Wall", "-Wextra", "-Werror", "-O1"])
            .arg("-I")
            .arg(self.folder.path().join("include"))
            .arg(&source)
            .arg("-L")
            .arg(library())
            .args(["-lvmo_c".as_ref(), search.as_os_str(), "-o".as_ref(), program.as_os_str()])
            .output()
            .expect("the compiler runs");
        let words = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{name} does not compile: {words}\n{text}");
        program
    }
}

fn run(program: &Path, backend: &str) -> Output {
    // Cargo names folders where an older library may lie.
    let mut command = Command::new(program);
    command.env_remove("LD_LIBRARY_PATH").env("VMO_BACKEND", backend);
    command.output().expect("the program runs")
}

/// The shortest program that shows a fault on a fresh backend, found at random.
fn find(fault: &'static Fault, level: Level) -> Option<(Program, Finding)> {
    let backend = Faulty::reference(Some(fault)).expect("the reference starts");
    let mut runner = Runner::new(&backend).expect("the arena is large enough");
    let profile = Profile::all(runner.environment().capabilities);
    for seed in 0..PROGRAMS {
        let mut program = generate::program(seed, &profile);
        let Ok(Some(finding)) = first_wrong_step(&mut runner, &program, level) else { continue };
        program.steps.truncate(finding.step + 1);
        let shrunk = shrink(&program, |candidate| {
            let found = first_wrong_step(&mut runner, candidate, level).ok().flatten();
            found.is_some_and(|found| {
                found.wrong.is_like(&finding.wrong) && found.step + 1 == candidate.steps.len()
            })
        });
        // What needs a history that no program tells is of no use.
        let fresh = Faulty::reference(Some(fault)).expect("the reference starts");
        let mut fresh = Runner::new(&fresh).expect("the arena is large enough");
        if let Ok(Some(again)) = first_wrong_step(&mut fresh, &shrunk, level)
            && again.wrong.is_like(&finding.wrong)
        {
            return Some((shrunk, again));
        }
    }
    None
}

/// What came of a fault.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Fate {
    /// The C program fails for the same clause.
    Reproduced,
    /// It fails for another one.
    OtherClause(String),
    /// It passes although the fault is there.
    Missed(String),
    /// It says that nothing can be said.
    Inconclusive(String),
    /// There is no C program.
    NoProgram(String),
    /// No random program showed the fault.
    NotFound,
}

fn try_fault(workshop: &Workshop, fault: &'static Fault) -> Fate {
    let level = Level::Kernel;
    let Some((program, finding)) = find(fault, level) else { return Fate::NotFound };
    let violation = finding.wrong.violation().expect("the program expects nothing by itself");
    let text = match export(&program, Some(violation), level, Form::C) {
        Ok(text) => text,
        Err(
            error @ (ExportError::NotExpressible { .. }
            | ExportError::ExpectsFault { .. }
            | ExportError::NotVisible { .. }),
        ) => return Fate::NoProgram(error.to_string()),
        Err(error) => panic!("{}: {error}", fault.name),
    };
    let compiled = workshop.compile(fault.name, &text);
    let right = run(&compiled, "reference");
    let words = String::from_utf8_lossy(&right.stdout).into_owned();
    assert_eq!(
        right.status.code(),
        Some(0),
        "{}: fails on the reference: {words}\n{text}",
        fault.name
    );
    let wrong = run(&compiled, &format!("fault:{}", fault.name));
    let words = String::from_utf8_lossy(&wrong.stdout).into_owned();
    let about = format!("{violation}\n{program}{words}");
    match wrong.status.code() {
        Some(1) if words.contains(&format!("breaks    {}", violation.clause)) => Fate::Reproduced,
        Some(1) => Fate::OtherClause(about),
        Some(0) => Fate::Missed(about),
        Some(INCONCLUSIVE) => Fate::Inconclusive(about),
        code => panic!("{}: {code:?}: {about}", fault.name),
    }
}

#[test]
fn c_programs_show_mistakes_and_nothing_else() {
    let Some(workshop) = Workshop::new() else { return };
    let all = std::env::var("FAULTS").is_ok_and(|faults| faults == "all");
    let stride = if all { 1 } else { STRIDE };
    let mut fates: BTreeMap<Fate, Vec<&str>> = BTreeMap::new();
    for fault in FAULTS.iter().step_by(stride) {
        fates.entry(try_fault(&workshop, fault)).or_default().push(fault.name);
    }
    let count = |is: &dyn Fn(&Fate) -> bool| -> usize {
        fates.iter().filter(|(fate, _)| is(fate)).map(|(_, names)| names.len()).sum()
    };
    let reproduced = count(&|fate| *fate == Fate::Reproduced);
    // Mistakes in loads and stores do not show through real pointers.
    let is_access = |about: &str| about.starts_with("load ") || about.starts_with("store ");
    let lost = count(&|fate| match fate {
        Fate::OtherClause(about) | Fate::Missed(about) => !is_access(about),
        _ => false,
    });
    for (fate, names) in &fates {
        match fate {
            Fate::Reproduced | Fate::NotFound => eprintln!("{fate:?}: {}", names.len()),
            fate => eprintln!("{names:?}: {fate:?}"),
        }
    }
    eprintln!("{reproduced} reproduced, {lost} not");
    assert!(reproduced >= 20 && lost * 10 <= reproduced, "{reproduced} reproduced, {lost} not");
}

/// What the layouts of records are in memory.
#[test]
fn headers_have_the_layouts_of_the_records() {
    let Some(workshop) = Workshop::new() else { return };
    let text = "#include <zircon/process.h>
#include <zircon/syscalls.h>
#include <zircon/syscalls/object.h>
_Static_assert(sizeof(zx_info_handle_basic_t) == 32, \"\");
_Static_assert(offsetof(zx_info_handle_basic_t, related_koid) == 16, \"\");
_Static_assert(sizeof(zx_info_vmar_t) == 16, \"\");
_Static_assert(sizeof(zx_info_vmo_t) == 104, \"\");
_Static_assert(offsetof(zx_info_vmo_t, size_bytes) == 40, \"\");
_Static_assert(offsetof(zx_info_vmo_t, flags) == 80, \"\");
_Static_assert(offsetof(zx_info_vmo_t, committed_bytes) == 88, \"\");
_Static_assert(offsetof(zx_info_vmo_t, handle_rights) == 96, \"\");
_Static_assert(sizeof(zx_wait_item_t) == 12, \"\");
int main(void) {
    zx_handle_t vmo = 0;
    return zx_vmo_create(1, 0, &vmo) == ZX_OK && vmo != 0 && zx_vmar_root_self() != 0 &&
                   zx_process_self() != 0
               ? 0
               : 1;
}
";
    let program = workshop.compile("layouts", text);
    assert_eq!(run(&program, "reference").status.code(), Some(0));
    assert_eq!(run(&program, "zircon").status.code(), Some(3));
}

/// Every kind of argument and result there is passes on the reference.
#[test]
fn c_programs_of_every_kind_pass_on_the_reference() {
    let Some(workshop) = Workshop::new() else { return };
    let text = include_str!("every_kind.vmo");
    for (number, program) in parse("every_kind.vmo", text).expect("programs").iter().enumerate() {
        for level in [Level::Page, Level::Kernel] {
            let text = export(program, None, level, Form::C).expect("it can be written in C");
            let compiled = workshop.compile(&format!("kind{number}"), &text);
            let output = run(&compiled, "reference");
            let words = String::from_utf8_lossy(&output.stdout);
            assert_eq!(output.status.code(), Some(0), "{}: {words}\n{text}", program.name);
        }
    }
}

#[test]
fn what_c_cannot_express_is_said() {
    for (text, words) in [
        ("limit_memory(pages=1)", "step 1 limits memory"),
        ("fail_allocation(nth=1)", "step 1 makes an allocation fail"),
        ("object_get_info(handle=observed, topic=PROCESS_VMOS, buffer_size=104)", "step 1 asks"),
    ] {
        let programs = parse("x", &format!("program x\n  {text}\n")).expect("a program");
        let error = export(&programs[0], None, Level::Page, Form::C).expect_err("it cannot");
        assert!(error.to_string().starts_with(words), "{error}");
    }
}
