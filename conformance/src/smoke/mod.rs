//! A short test of an adapter, step by step: for whoever writes one and wants to
//! know what to do next.

use std::fmt::Write as _;

use vmo_abi::{
    Arena, Backend, Capability, Environment, Fault, MAX_ARGUMENTS, Syscall, ZX_ERR_BAD_SYSCALL,
    ZX_PAGE_SIZE,
};

use crate::level::Level;
use crate::program::{Program, parse};
use crate::replay::{Verdict, replay};
use crate::runner::Runner;

/// Programs that do each call once, named for the capability they are about.
const CALLS: &str = include_str!("calls.vmo");

/// What a step came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Came {
    /// It works.
    Good(String),
    /// It does not.
    Bad {
        /// What was seen.
        seen: String,
        /// What to do next.
        next: String,
    },
    /// It is not offered.
    Missing(String),
}

/// A step of the test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// What was tried.
    pub what: String,
    /// What it came to.
    pub came: Came,
}

/// Tries a backend that nothing was done with before, step by step, handing each
/// step to `report`. Ends early where the rest would be nonsense.
pub fn smoke(backend: &dyn Backend, mut report: impl FnMut(Step)) {
    let environment = backend.environment();
    let mut steps = Steps { backend, environment, report: &mut report };
    steps.describe();
    if steps.arena() && steps.clock() {
        steps.bad_addresses();
        steps.capabilities();
    }
}

struct Steps<'s> {
    backend: &'s dyn Backend,
    environment: Environment,
    report: &'s mut dyn FnMut(Step),
}

impl Steps<'_> {
    fn good(&mut self, what: &str, seen: impl Into<String>) {
        (self.report)(Step { what: what.to_owned(), came: Came::Good(seen.into()) });
    }

    /// Reports what does not work; `false`.
    fn bad(&mut self, what: &str, seen: impl Into<String>, next: &str) -> bool {
        let mut seen = seen.into();
        let mut next = next.to_owned();
        if let Some(loss) = self.backend.lost() {
            seen = format!("{}: {}", loss.kind.name(), loss.detail);
            next = "look into what it did last; nothing after this can be tried".to_owned();
        }
        (self.report)(Step { what: what.to_owned(), came: Came::Bad { seen, next } });
        false
    }

    fn describe(&mut self) {
        let Environment { edition, capabilities, root_vmar, process, .. } = self.environment;
        let names: Vec<_> = capabilities.iter().map(Capability::name).collect();
        self.good("start", format!("edition {}, claims {}", edition.name, names.join(", ")));
        if root_vmar == 0 {
            let seen = "no root region (`zx_vmar_root_self`): mappings cannot be tested";
            (self.report)(Step { what: "root".to_owned(), came: Came::Missing(seen.to_owned()) });
        }
        if process == 0 {
            let seen = "no handle to the process: a few tests of infos cannot be run";
            (self.report)(Step {
                what: "process".to_owned(),
                came: Came::Missing(seen.to_owned()),
            });
        }
    }

    /// Whether the tester's memory can be used.
    fn arena(&mut self) -> bool {
        let arena @ Arena { base, len } = self.environment.arena;
        let next = "offer at least 16 readable, writable pages that nothing else uses";
        if len < 16 * ZX_PAGE_SIZE || !base.is_multiple_of(ZX_PAGE_SIZE) {
            return self.bad("arena", format!("{len:#x} bytes at {base:#x}"), next);
        }
        for len in [1_u64, 2, 4, 8, 12, 4096, 0xfffe] {
            for place in [base, arena.end() - len] {
                let bytes: Vec<u8> = (0..len).map(|at| (at * 7 + len) as u8).collect();
                let mut found = vec![0; bytes.len()];
                let stored = self.backend.store(place, &bytes);
                let loaded = stored.and_then(|()| self.backend.load(place, &mut found));
                if let Err(Fault { address }) = loaded {
                    let seen = format!("a fault at {address:#x} for {len} bytes at {place:#x}");
                    return self.bad("arena", seen, next);
                }
                if self.backend.lost().is_some() || found != bytes {
                    let seen = format!("{len} bytes at {place:#x} are not what was stored there");
                    return self.bad("arena", seen, next);
                }
            }
        }
        for (place, where_) in [(arena.end(), "behind"), (base.wrapping_sub(1), "before")] {
            if self.backend.load(place, &mut [0]).is_ok() {
                let seen = format!("a load at {place:#x}, just {where_} it, goes through");
                let next = "leave unmapped ground on both sides, and let loads there fault: \
                            give the hook for faults if there is one";
                return self.bad("arena", seen, next);
            }
        }
        if self.backend.lost().is_some() {
            return self.bad("arena", "", "");
        }
        self.good("arena", format!("{len:#x} bytes at {base:#x}, with unmapped ground around it"));
        true
    }

    fn clock(&mut self) -> bool {
        let (one, other) = (self.backend.monotonic_now(), self.backend.monotonic_now());
        if self.backend.lost().is_some() || one < 2 || other < one {
            let seen = format!("{one} ns, and then {other} ns");
            let next = "give the nanoseconds that deadlines refer to, never less than before";
            return self.bad("clock", seen, next);
        }
        self.good("clock", format!("{other} ns"));
        true
    }

    fn bad_addresses(&mut self) {
        let bad = self.environment.bad;
        let mut missing = Vec::new();
        for (name, address) in
            [("unmapped", bad.unmapped), ("read-only", bad.read_only), ("kernel", bad.kernel)]
        {
            let Some(address) = address else {
                missing.push(name);
                continue;
            };
            let mut page = [1; ZX_PAGE_SIZE as usize];
            let what = format!("{name} address");
            let loaded = self.backend.load(address, &mut page);
            let is_right = match name {
                "read-only" => {
                    loaded.is_ok()
                        && page.iter().all(|byte| *byte == 0)
                        && self.backend.store(address, &[1]).is_err()
                }
                _ => loaded.is_err() && self.backend.store(address, &[1]).is_err(),
            };
            if !is_right || self.backend.lost().is_some() {
                let next = match name {
                    "read-only" => "it is to be a page of zeros that can be read and not written",
                    _ => "loads and stores there are to fault",
                };
                self.bad(&what, format!("{address:#x} is no such address"), next);
                return;
            }
            self.good(&what, format!("{address:#x}"));
        }
        if !missing.is_empty() {
            let seen = format!("no {} address: tests with one are not run", missing.join(" or "));
            let what = "bad addresses".to_owned();
            (self.report)(Step { what, came: Came::Missing(seen) });
        }
    }

    fn capabilities(&mut self) {
        let programs = match parse("calls.vmo", CALLS) {
            Ok(programs) => programs,
            Err(error) => {
                self.bad("tester", error.to_string(), "report this as a mistake of the tester's");
                return;
            }
        };
        for capability in Capability::ALL {
            if self.backend.lost().is_some() {
                return;
            }
            let name = capability.name();
            if self.environment.capabilities.contains(capability) {
                if let Some(program) = programs.iter().find(|program| program.name == name) {
                    self.program(name, program);
                } else {
                    self.good(name, "claimed, and checked by the tests that need it");
                }
            } else {
                let seen = self.why_not(capability);
                (self.report)(Step { what: name.to_owned(), came: Came::Missing(seen) });
            }
        }
    }

    fn program(&mut self, name: &str, program: &Program) {
        let mut runner = match Runner::new(self.backend) {
            Ok(runner) => runner,
            Err(error) => {
                self.bad(name, error.to_string(), "mend the arena first");
                return;
            }
        };
        let replayed = replay(&mut runner, program, Level::Page);
        match replayed.verdict {
            Verdict::Agreed | Verdict::Accepted { .. } => {
                let calls = program.steps.len();
                self.good(name, format!("{calls} calls and accesses do what they should"));
            }
            Verdict::Disagreed { step, mismatch } => {
                let mut seen = String::new();
                for index in 0..=step {
                    // A `String` takes everything.
                    let _ = writeln!(seen, "{}", program.step_text(index));
                }
                let _ = write!(
                    seen,
                    "expected {} {}, found {}",
                    mismatch.what, mismatch.expected, mismatch.actual
                );
                let call = program.steps[step].action.name();
                let next = format!("mend `{call}`; `vmo-conformance run --call {call}` tells more");
                self.bad(name, seen, &next);
            }
            Verdict::Lost { kind, detail } => {
                self.bad(name, format!("{}: {detail}", kind.name()), "");
            }
            Verdict::Unsupported(missing) => {
                let seen = format!("it needs `{missing}` as well");
                self.bad(name, seen, "claim both or neither");
            }
            Verdict::Broken(error) => {
                self.bad(name, error.to_string(), "see whether its arena and handles are right");
            }
        }
    }

    /// What keeps a capability from being claimed.
    fn why_not(&mut self, capability: Capability) -> String {
        let of = |call: &&Syscall| call.declaration().capability == capability;
        let is_missing = |call: &&Syscall| {
            // No handle, no pointer: nothing can come of it.
            self.backend.syscall(**call, &[0; MAX_ARGUMENTS]) == ZX_ERR_BAD_SYSCALL
        };
        let missing: Vec<_> =
            Syscall::ALL.iter().filter(of).filter(is_missing).map(|call| call.name()).collect();
        match capability {
            _ if !missing.is_empty() => format!("not claimed; missing are {}", missing.join(", ")),
            Capability::Mapping | Capability::Regions => {
                "not claimed; it needs a root region".to_owned()
            }
            Capability::ProcessVmos => {
                "not claimed; it needs a process that looks at this one".to_owned()
            }
            Capability::MemoryControl => {
                "not claimed; it needs a memory limit and failing allocations".to_owned()
            }
            Capability::Threads => "not claimed; tests with several threads are not run".to_owned(),
            _ => "not claimed, although the calls are there".to_owned(),
        }
    }
}
