//! What the cargo-fuzz targets do: their input is the text of a program, which
//! is changed as a program, run, and judged by the oracle at every step.
//!
//! A [`Target`] keeps one backend for the life of the process. `VMO_BACKEND`
//! names another one than the reference: a backend that is built in, or
//! `fault:NAME` for the reference with a mistake. `VMO_LEVEL` sets the level,
//! which is `kernel` for the reference and `page` for others.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use vmo_abi::{Backend, Capabilities, Syscall};

use super::health::Tally;
use crate::backends::{StartError, built_in};
use crate::faults::{Faulty, fault_named};
use crate::generate::{self, Profile};
use crate::level::Level;
use crate::oracle::{Oracle, Violation};
use crate::program::{Program, parse_bytes, print};
use crate::runner::{RunError, Runner};

/// Where the name of the backend is taken from.
const BACKEND: &str = "VMO_BACKEND";
/// Where the level is taken from.
const LEVEL: &str = "VMO_LEVEL";
/// What the name of a backend with a mistake starts with.
const FAULT: &str = "fault:";
/// Programs between two looks at the clock.
const LOOK_EVERY: u64 = 1 << 14;
/// Time between two reports of what was counted, the first one excepted.
const REPORT_EVERY: Duration = Duration::from_secs(60);
/// Time before the first report.
const FIRST_REPORT: Duration = Duration::from_secs(5);
/// Of this many mutations one makes a program anew.
const ANEW_EVERY: u32 = 64;

/// What programs of a target are made of, given what the backend offers.
pub type MakeProfile = fn(Capabilities) -> Profile;

/// Every call.
#[must_use]
pub fn programs(offered: Capabilities) -> Profile {
    Profile { memory_control: 1, ..Profile::all(offered) }
}

/// Deep trees of clones, whose members are resized, committed and written.
#[must_use]
pub fn clones(offered: Capabilities) -> Profile {
    let calls = [
        Syscall::vmo_create,
        Syscall::vmo_clone,
        Syscall::vmo_read,
        Syscall::vmo_write,
        Syscall::vmo_get_size,
        Syscall::vmo_set_size,
        Syscall::vmo_op_range,
        Syscall::handle_close,
        Syscall::object_wait_one,
        Syscall::object_get_info,
    ];
    let mut profile = Profile { steps: (6, 30), ..Profile::all(offered).only(&calls) };
    for (call, weight) in &mut profile.weights {
        match call {
            Syscall::vmo_clone => *weight *= 2,
            Syscall::vmo_create => *weight = 2,
            _ => {}
        }
    }
    profile
}

/// Regions and mappings, with loads and stores.
#[must_use]
pub fn mappings(offered: Capabilities) -> Profile {
    let calls = [
        Syscall::vmo_create,
        Syscall::vmo_clone,
        Syscall::vmo_read,
        Syscall::vmo_write,
        Syscall::vmo_set_size,
        Syscall::vmo_op_range,
        Syscall::vmo_set_cache_policy,
        Syscall::vmar_map,
        Syscall::vmar_unmap,
        Syscall::vmar_protect,
        Syscall::vmar_allocate,
        Syscall::vmar_destroy,
        Syscall::handle_close,
        Syscall::handle_duplicate,
        Syscall::object_get_info,
    ];
    let mut profile = Profile::all(offered).only(&calls);
    for (call, weight) in &mut profile.weights {
        match call {
            Syscall::vmar_unmap | Syscall::vmar_protect | Syscall::vmar_allocate => *weight = 10,
            Syscall::vmo_read | Syscall::vmo_write | Syscall::vmo_clone => *weight = 6,
            _ => {}
        }
    }
    profile.accesses *= 2;
    profile
}

/// Handles, rights, names, signals, waits and messages.
#[must_use]
pub fn handles(offered: Capabilities) -> Profile {
    let is_left_out = |call: Syscall| {
        let about_memory = [
            Syscall::vmo_read,
            Syscall::vmo_set_cache_policy,
            Syscall::vmar_map,
            Syscall::vmar_unmap,
            Syscall::vmar_protect,
        ];
        about_memory.contains(&call)
    };
    let mut profile = Profile::all(offered);
    profile.weights.retain(|(call, _)| !is_left_out(*call));
    for (call, weight) in &mut profile.weights {
        match call {
            Syscall::vmo_write | Syscall::vmo_set_size | Syscall::vmo_op_range => *weight = 3,
            Syscall::vmo_create | Syscall::vmo_clone => *weight = 6,
            _ => *weight += 6,
        }
    }
    profile.accesses = 0;
    profile
}

/// Values near 2^64, memory limits and allocations that fail.
#[must_use]
pub fn limits(offered: Capabilities) -> Profile {
    Profile { memory_control: 12, far_percent: 25, ..Profile::all(offered) }
}

/// Text that was parsed last, with its programs.
///
/// What a mutator prints is run next, and what was run is mutated next, so that
/// nearly nothing has to be parsed.
#[derive(Default)]
struct Parsed {
    text: Vec<u8>,
    programs: Vec<Program>,
}

impl Parsed {
    /// Whether the text is that of programs, which are kept.
    fn read(&mut self, text: &[u8]) -> bool {
        if self.text != text || self.programs.is_empty() {
            self.text.clear();
            self.text.extend_from_slice(text);
            self.programs = parse_bytes("input", text).unwrap_or_default();
        }
        !self.programs.is_empty()
    }
}

/// A step of a program that broke the contract.
#[derive(Debug)]
struct Broken<'p> {
    violation: Violation,
    program: &'p Program,
    step: usize,
}

/// A fuzz target: one backend with its oracle, which runs programs as text.
pub struct Target {
    runner: Runner<'static>,
    fresh: Oracle,
    profile: Profile,
    parsed: Parsed,
    tally: Tally,
    gave_up: u64,
    started: Instant,
    next_report: Duration,
}

impl Target {
    /// Starts a target on a backend, as `VMO_BACKEND` and `VMO_LEVEL` say.
    ///
    /// # Errors
    ///
    /// There is no such backend or level, or the backend would not start.
    pub fn from_environment(profile: MakeProfile) -> Result<Self, StartError> {
        let variable = |name| match std::env::var(name) {
            Ok(value) => Ok(Some(value)),
            Err(std::env::VarError::NotPresent) => Ok(None),
            Err(error) => Err(StartError(format!("{name}: {error}"))),
        };
        let backend = variable(BACKEND)?;
        let backend = backend.as_deref().unwrap_or("reference");
        let level = match variable(LEVEL)? {
            Some(name) => Level::named(&name)
                .ok_or_else(|| StartError(format!("{LEVEL}: there is no level `{name}`")))?,
            None if backend == "reference" || backend.starts_with(FAULT) => Level::Kernel,
            None => Level::Page,
        };
        Self::new(start(backend)?, level, profile)
    }

    /// As [`from_environment`](Self::from_environment); says what is wrong and
    /// ends the process if the target does not start.
    #[must_use]
    pub fn or_exit(profile: MakeProfile) -> Self {
        match Self::from_environment(profile) {
            Ok(target) => target,
            Err(error) => {
                eprintln!("error: {error}");
                std::process::exit(3)
            }
        }
    }

    /// A target on a backend, which lives as long as the process.
    ///
    /// # Errors
    ///
    /// The backend's arena is too small.
    pub fn new(
        backend: Box<dyn Backend>,
        level: Level,
        profile: MakeProfile,
    ) -> Result<Self, StartError> {
        let runner = Runner::new(Box::leak(backend))?;
        let environment = *runner.environment();
        Ok(Self {
            fresh: Oracle::new(&environment, level),
            profile: profile(environment.capabilities),
            runner,
            parsed: Parsed::default(),
            tally: Tally::default(),
            gave_up: 0,
            started: Instant::now(),
            next_report: FIRST_REPORT,
        })
    }

    /// Runs the programs of a text and judges each step. Answers whether the
    /// text is one of programs that the backend can run.
    ///
    /// # Panics
    ///
    /// An outcome breaks the contract. The message has the clause, what was
    /// expected and seen, and the program.
    pub fn run(&mut self, text: &[u8]) -> bool {
        let mut parsed = std::mem::take(&mut self.parsed);
        let mut can_run = parsed.read(text);
        for program in &parsed.programs {
            match self.judge(program) {
                Ok(ran) => can_run &= ran,
                Err(broken) => panic!("{}", self.report_of(&broken)),
            }
        }
        self.parsed = parsed;
        if self.tally.programs.is_multiple_of(LOOK_EVERY) {
            self.report_now_and_then();
        }
        can_run
    }

    /// Puts a program near those of `data[..size]` in their place, or one made
    /// anew if that is no text of programs, and answers with its length: at most
    /// `most`, the length of `data` too. The same seed gives the same bytes.
    pub fn mutate(&mut self, data: &mut [u8], size: usize, most: usize, seed: u32) -> usize {
        let text = data.get(..size).unwrap_or_default();
        let made = if !self.parsed.read(text) || seed.is_multiple_of(ANEW_EVERY) {
            generate::program(u64::from(seed), &self.profile)
        } else {
            let programs = &self.parsed.programs;
            let program = &programs[seed as usize % programs.len()];
            generate::mutated(program, u64::from(seed), &self.profile)
        };
        let most = most.min(data.len());
        self.print_into(made, &mut data[..most])
    }

    /// Puts the head of a program of one text and the tail of one of another
    /// into `out`, and answers with the length. The same seed gives the same
    /// bytes.
    pub fn cross(&mut self, one: &[u8], other: &[u8], out: &mut [u8], seed: u32) -> usize {
        let other = parse_bytes("input", other).unwrap_or_default();
        let made = match (self.parsed.read(one), other.first()) {
            (true, Some(other)) => {
                generate::crossed(&self.parsed.programs[0], other, u64::from(seed))
            }
            _ => generate::program(u64::from(seed), &self.profile),
        };
        self.print_into(made, out)
    }

    /// Writes the text of a program, without as many steps at its end as do not
    /// fit, and answers with its length.
    fn print_into(&mut self, mut program: Program, out: &mut [u8]) -> usize {
        let mut text = print(std::slice::from_ref(&program));
        while text.len() > out.len() && !program.steps.is_empty() {
            let too_long = text.len() - out.len();
            let shortest_step = "  load(address=0, len=1)\n".len();
            for _ in 0..too_long.div_ceil(4 * shortest_step) {
                program.steps.pop();
            }
            text = print(std::slice::from_ref(&program));
        }
        if text.len() > out.len() {
            return 0;
        }
        out[..text.len()].copy_from_slice(text.as_bytes());
        let len = text.len();
        // The names that the last steps bound are gone with them.
        program.names.truncate(names_bound(&program));
        self.parsed = Parsed { text: text.into_bytes(), programs: vec![program] };
        len
    }

    /// Runs a program; answers whether the backend could run all of it.
    fn judge<'p>(&mut self, program: &'p Program) -> Result<bool, Broken<'p>> {
        let mut oracle = self.fresh.clone();
        let mut broken = None;
        let tally = &mut self.tally;
        let result = self.runner.run(program, |step, outcome, facts| {
            let action = &program.steps[step].action;
            tally.count(action, outcome);
            match oracle.observe(action, outcome, facts) {
                Ok(()) => true,
                Err(violation) => {
                    broken = Some(Broken { violation, program, step });
                    false
                }
            }
        });
        self.tally.programs += 1;
        self.gave_up += u64::from(oracle.gave_up());
        if let Some(broken) = broken {
            return Err(broken);
        }
        match result {
            Ok(()) => Ok(true),
            // The backend lacks something, or the tester itself room or memory.
            Err(
                RunError::Unsupported(_)
                | RunError::NoSuchAddress(_)
                | RunError::NoSuchHandle(_)
                | RunError::DataTooLong { .. }
                | RunError::NoRegion(_),
            ) => {
                self.tally.cut_short += 1;
                Ok(false)
            }
            Err(
                error @ (RunError::ArenaTooSmall { .. }
                | RunError::ArenaFault(_)
                | RunError::Lost { .. }),
            ) => {
                panic!("the program could not be run: {error}\n{program}")
            }
        }
    }

    fn report_of(&self, broken: &Broken<'_>) -> String {
        let Broken { violation, program, step } = broken;
        format!(
            "step {} breaks {} at level {}\n  step      {}\n  expected  {}\n  actual    {}\n{program}",
            step + 1,
            violation.clause,
            self.fresh.level().name(),
            program.step_text(*step),
            violation.expected,
            violation.actual,
        )
    }

    #[cold]
    fn report_now_and_then(&mut self) {
        let elapsed = self.started.elapsed();
        if elapsed >= self.next_report {
            self.next_report = elapsed + REPORT_EVERY;
            eprint!("{}", self.health());
        }
    }

    /// How the target fares: programs and calls a second, and how often each
    /// call succeeds. A fuzzer whose calls all fail tests nothing.
    #[must_use]
    pub fn health(&self) -> String {
        let tally = &self.tally;
        let seconds = self.started.elapsed().as_secs_f64().max(1e-9);
        let share = |part: u64, of: u64| 100.0 * part as f64 / of.max(1) as f64;
        let mut text = format!(
            "health: {} programs ({:.0} a second) of {:.1} calls each; cut short {:.1} %, judged to \
             a part {:.1} %; calls that succeed:",
            tally.programs,
            tally.programs as f64 / seconds,
            tally.calls() as f64 / tally.programs.max(1) as f64,
            share(tally.cut_short, tally.programs),
            share(self.gave_up, tally.programs),
        );
        let calls = Syscall::ALL.iter().map(|call| (call.name(), tally.of(*call)));
        let all = calls.chain([("load and store", tally.accesses)]);
        for (index, (name, health)) in all.filter(|(_, health)| health.calls > 0).enumerate() {
            let separator = if index % 5 == 0 { "\nhealth:   " } else { ", " };
            let percent = share(health.succeeded, health.calls);
            // A string takes everything.
            let _ = write!(text, "{separator}{name} {percent:.0} % of {}", health.calls);
        }
        text.push('\n');
        text
    }
}

/// Names that the steps of a program bind.
fn names_bound(program: &Program) -> usize {
    let calls = program.steps.iter().filter_map(|step| match &step.action {
        crate::program::Action::Call(call) => Some(call.results.len()),
        _ => None,
    });
    calls.sum()
}

fn start(backend: &str) -> Result<Box<dyn Backend>, StartError> {
    if let Some(name) = backend.strip_prefix(FAULT) {
        let fault = fault_named(name)
            .ok_or_else(|| StartError(format!("{BACKEND}: there is no fault `{name}`")))?;
        return Ok(Box::new(Faulty::reference(Some(fault))?));
    }
    let built_in = built_in(backend)
        .ok_or_else(|| StartError(format!("{BACKEND}: there is no backend `{backend}`")))?;
    (built_in.start)()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::program::parse;

    fn target(backend: &str, profile: MakeProfile) -> Target {
        let backend = start(backend).expect("it starts");
        Target::new(backend, Level::Kernel, profile).expect("its arena is large enough")
    }

    /// What libFuzzer does, without coverage: each input is a change of an
    /// earlier one.
    fn fuzz(target: &mut Target, rounds: u32) {
        let mut data = vec![0; 4096];
        let mut size = target.mutate(&mut data, 0, 4096, 1);
        for seed in 1..rounds {
            let before = data[..size].to_vec();
            size = if seed % 8 == 0 {
                let mut out = vec![0; 4096];
                let size = target.cross(&before, &before, &mut out, seed);
                data = out;
                size
            } else {
                target.mutate(&mut data, size, 4096, seed)
            };
            assert!(parse_bytes("input", &data[..size]).is_ok());
            target.run(&data[..size]);
        }
    }

    #[test]
    fn the_reference_is_never_called_wrong() {
        for profile in [programs, clones, mappings, handles, limits] {
            let mut target = target("reference", profile);
            fuzz(&mut target, 2000);
            let calls = target.tally.calls();
            assert!(calls > 10 * target.tally.programs, "{}", target.health());
            let ok: u64 = Syscall::ALL.iter().map(|call| target.tally.of(*call).succeeded).sum();
            assert!(3 * ok > calls, "{}", target.health());
            assert!(20 * target.gave_up < target.tally.programs, "{}", target.health());
        }
    }

    #[test]
    #[should_panic = "breaks VMO-"]
    fn a_mistake_is_found() {
        fuzz(&mut target("fault:create_rounds_size_down", programs), 5000);
    }

    #[test]
    fn the_same_seed_gives_the_same_bytes() {
        let made = |seed| {
            let mut target = target("reference", programs);
            let mut data = vec![0; 4096];
            let mut size = target.mutate(&mut data, 0, 4096, seed);
            // What was parsed before must not matter.
            target.run(b"program x\n  v0 = vmo_create(size=0, options=0)\n");
            size = target.mutate(&mut data, size, 4096, seed + 1);
            data[..size].to_vec()
        };
        assert!((0..50).all(|seed| made(seed) == made(seed)));
        assert!(made(1) != made(2));
    }

    /// libFuzzer asks for inputs that are shorter than the one there is.
    #[test]
    fn texts_are_cut_to_fit_between_steps() {
        let mut target = target("reference", programs);
        let mut data = vec![0; 4096];
        for seed in 0..500 {
            let size = target.mutate(&mut data, 0, 4096, seed);
            for most in [size / 2, 60, 10, 0] {
                let mut cut = data.clone();
                let len = target.mutate(&mut cut, size, most, seed + 1);
                assert!(len <= most);
                let text = str::from_utf8(&cut[..len]).expect("it is text");
                let programs = parse("cut", text).expect("it is a program");
                assert!(programs.is_empty() || target.parsed.programs == programs);
            }
        }
    }

    #[test]
    fn nonsense_is_replaced() {
        let mut target = target("reference", programs);
        let mut data = b"nonsense".to_vec();
        data.resize(4096, 0);
        assert!(!target.run(&data[..8]));
        let size = target.mutate(&mut data, 8, 4096, 3);
        assert!(target.run(&data[..size]));
    }

    #[test]
    fn backends_that_are_not_there_are_named() {
        let error = |name| start(name).err().map(|error| error.0).unwrap_or_default();
        assert_eq!(error("nothing"), "VMO_BACKEND: there is no backend `nothing`");
        assert_eq!(error("fault:nothing"), "VMO_BACKEND: there is no fault `nothing`");
    }
}
