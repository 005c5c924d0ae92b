//! Fuzzing: what it finds depends on nothing but the seed, and can be run
//! again.

use std::fs;
use std::path::{Path, PathBuf};

use vmo_abi::{
    Backend, Capabilities, Capability, Environment, Fault as PageFault, MAX_ARGUMENTS, Syscall,
    zx_handle_t, zx_status_t, zx_time_t, zx_vaddr_t,
};
use vmo_conformance::Level;
use vmo_conformance::backends::{StartError, built_in};
use vmo_conformance::faults::{Faulty, HuntOptions, fault_named, hunt};
use vmo_conformance::fuzz::{Context, Finding, Folder, Plan, Progress, Report, fuzz, violation_of};
use vmo_conformance::generate::Profile;
use vmo_conformance::program::parse;

type Started = Result<Box<dyn Backend>, StartError>;

fn plan(programs: u64, jobs: usize) -> Plan {
    let offered = Capabilities::all();
    Plan {
        seed: 7,
        level: Level::Kernel,
        profile: Profile::all(offered).with_memory_control(offered),
        programs: Some(programs),
        time: None,
        jobs,
        stop_at_first: false,
    }
}

fn run(plan: &Plan, start: &(dyn Fn() -> Started + Sync)) -> Report {
    fuzz(plan, start, &Progress::default(), |_| true).expect("the backend starts")
}

fn reference() -> Started {
    (built_in("reference").expect("it is built in").start)()
}

fn with_fault(name: &'static str) -> impl Fn() -> Started + Sync {
    let fault = fault_named(name).expect("there is such a fault");
    move || Ok(Box::new(Faulty::reference(Some(fault))?))
}

/// All of a finding but how long it took.
fn told(finding: &Finding) -> String {
    let Finding { violation, found, shrunk, stands_alone, number, calls, .. } = finding;
    format!("{number} {calls} {stands_alone} {violation}\n{found}\n{shrunk}")
}

#[test]
fn the_number_of_threads_changes_nothing() {
    // Several rounds, so that later programs are made of what was learned.
    let programs = 9_000;
    let start = with_fault("create_gives_a_page_too_many");
    for start in [&reference as &(dyn Fn() -> Started + Sync), &start] {
        let one = run(&plan(programs, 1), start);
        let three = run(&plan(programs, 3), start);
        assert_eq!(one.tally, three.tally);
        assert_eq!(one.tally.programs, programs);
        assert_eq!(one.covered, three.covered);
        assert_eq!((one.combinations, one.kept), (three.combinations, three.kept));
        let findings = |report: &Report| report.findings.iter().map(told).collect::<Vec<_>>();
        assert_eq!(findings(&one), findings(&three));
        let seeded = run(&Plan { seed: 8, ..plan(programs, 1) }, start);
        assert_ne!(seeded.tally, one.tally);
    }
}

#[test]
fn stopping_at_the_first_finding_stops_at_the_same_one() {
    let start = with_fault("set_size_keeps_a_page");
    let first = |jobs| {
        let report = run(&Plan { stop_at_first: true, ..plan(50_000, jobs) }, &start);
        assert_eq!(report.findings.len(), 1);
        (told(&report.findings[0]), report.tally)
    };
    assert_eq!(first(1), first(3));
}

#[test]
fn guidance_reaches_more_and_the_reference_is_right() {
    let report = run(&plan(9_000, 2), &reference);
    let findings: Vec<_> = report.findings.iter().map(told).collect();
    assert!(findings.is_empty(), "{}", findings.join("\n"));
    assert!(report.covered.count() > 200, "{}", report.covered.count());
    assert!(report.kept > 500 && report.combinations >= report.kept as u64);
}

/// A folder of the test's own that is empty.
fn folder(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("fuzz").join(name);
    // It may be left from an earlier run, or not.
    let _ = fs::remove_dir_all(&path);
    path
}

fn context() -> Context<'static> {
    Context { backend: "faulty", level: Level::Kernel, seed: 7, command: "vmo-conformance fuzz" }
}

#[test]
fn what_is_found_is_shrunk_written_and_found_again() {
    for name in
        ["create_gives_a_page_too_many", "map_aligns_the_vmo_offset", "clone_aligns_the_offset"]
    {
        let start = with_fault(name);
        let plan = Plan { stop_at_first: true, ..plan(50_000, 1) };
        let report = run(&plan, &start);
        let finding = report.findings.first().expect("the fault is found");
        assert!(finding.stands_alone, "{name}");
        assert!(finding.shrunk.steps.len() <= finding.found.steps.len());
        let path = folder(name);
        let saved = Folder::create(&path).and_then(|folder| folder.save(finding, &context()));
        let saved = saved.expect("the folder can be written");
        let saved_as = |extension| saved.with_extension(extension).exists();
        assert!(saved_as("vmo") && saved_as("rs") && saved_as("c"), "{name}");
        assert_eq!(fs::read_dir(&path).unwrap().count(), 3, "nothing else is left behind");
        let text = fs::read_to_string(&saved).unwrap();
        assert!(text.contains(finding.violation.clause), "{text}");
        let program = parse("saved", &text).unwrap_or_else(|error| panic!("{error}")).remove(0);
        let again = violation_of(&start, plan.level, &program).expect("the backend starts");
        assert_eq!(again.as_ref(), Some(&finding.violation), "{text}");
        let right = violation_of(&reference, plan.level, &program).expect("the reference starts");
        assert_eq!(right, None);
    }
}

#[test]
fn a_file_that_cannot_be_written_leaves_nothing_behind() {
    let start = with_fault("create_gives_a_page_too_many");
    let report = run(&Plan { stop_at_first: true, ..plan(1_000, 1) }, &start);
    let path = folder("gone");
    let saving = Folder::create(&path).expect("the folder can be made");
    fs::remove_dir(&path).expect("it is empty");
    assert!(saving.save(&report.findings[0], &context()).is_err());
    fs::write(&path, b"").expect("a file can be in its place");
    assert!(Folder::create(&path).is_err());
    fs::remove_file(&path).unwrap();
}

#[test]
fn a_run_ends_when_a_finding_cannot_be_taken() {
    let start = with_fault("create_gives_a_page_too_many");
    let mut seen = 0;
    let report = fuzz(&plan(1_000_000, 1), &start, &Progress::default(), |_| {
        seen += 1;
        false
    });
    assert_eq!(report.expect("the backend starts").findings.len(), 1);
    assert_eq!(seen, 1);
}

#[test]
fn faults_are_hunted() {
    let names = ["create_gives_a_page_too_many", "clone_aligns_the_offset"];
    let faults: Vec<_> = names.iter().filter_map(|name| fault_named(name)).collect();
    let time = std::time::Duration::from_secs(60);
    let options = HuntOptions { level: Level::Kernel, seeds: 2, time, jobs: 2 };
    let hunts = hunt(&faults, options, |_, _| {}).expect("the reference starts");
    for (hunt, name) in hunts.iter().zip(names) {
        assert_eq!(hunt.fault.name, name);
        assert_eq!(hunt.found().count(), 2);
        assert!(hunt.median(|finding| finding.calls).is_some());
    }
}

/// A backend that crashes whenever it is asked for a size.
struct Crashing(Box<dyn Backend>);

impl Backend for Crashing {
    fn environment(&self) -> Environment {
        Environment {
            capabilities: Capabilities::NONE.with(Capability::Vmo),
            ..self.0.environment()
        }
    }

    fn load(&self, address: zx_vaddr_t, bytes: &mut [u8]) -> Result<(), PageFault> {
        self.0.load(address, bytes)
    }

    fn store(&self, address: zx_vaddr_t, bytes: &[u8]) -> Result<(), PageFault> {
        self.0.store(address, bytes)
    }

    fn monotonic_now(&self) -> zx_time_t {
        self.0.monotonic_now()
    }

    fn syscall(&self, call: Syscall, registers: &[u64; MAX_ARGUMENTS]) -> zx_status_t {
        assert!(call != Syscall::vmo_get_size, "sizes are secret");
        self.0.syscall(call, registers)
    }

    fn handle_close(&self, handle: zx_handle_t) -> zx_status_t {
        self.0.handle_close(handle)
    }
}

#[test]
fn a_crash_is_a_finding() {
    let start = || Ok(Box::new(Crashing(reference()?)) as Box<dyn Backend>);
    let profile = Profile::all(Capabilities::NONE.with(Capability::Vmo));
    let report = run(&Plan { profile, stop_at_first: true, ..plan(1_000, 1) }, &start);
    let finding = report.findings.first().expect("the crash is found");
    assert_eq!((finding.violation.clause, finding.violation.call), ("GEN-04", "vmo_get_size"));
    assert!(finding.violation.actual.contains("sizes are secret"), "{}", finding.violation);
    assert!(finding.shrunk.steps.len() <= 2, "{}", finding.shrunk);
}
