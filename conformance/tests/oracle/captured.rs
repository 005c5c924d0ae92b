//! Events that were captured, to be judged again and altered.

use vmo_abi::{Environment, MAX_ARGUMENTS, Syscall, zx_status_t};

use vmo_conformance::backends::built_in;
use vmo_conformance::oracle::{CallEvent, Event, Oracle, Violation};
use vmo_conformance::program::{Program, parse};
use vmo_conformance::runner::{REGION_BYTES, Runner};

/// An event that owns what it is about.
#[derive(Clone)]
pub enum Captured {
    Call(Box<CapturedCall>),
    Load {
        address: u64,
        len: u64,
        bytes: Option<Vec<u8>>,
    },
    Store {
        address: u64,
        bytes: Vec<u8>,
        faulted: bool,
    },
    LimitMemory(Option<u64>),
    FailAllocation(Option<u64>),
    /// The runner has allocated the program's region.
    Region {
        handle: u32,
        base: u64,
        flags: u32,
    },
}

/// A call that owns what it is about.
#[derive(Clone)]
pub struct CapturedCall {
    pub syscall: Syscall,
    pub registers: [u64; MAX_ARGUMENTS],
    pub input: Vec<u8>,
    pub handles: Vec<u8>,
    pub status: zx_status_t,
    pub words: [Option<u64>; MAX_ARGUMENTS],
    pub fresh_words: u8,
    pub bytes: Option<Vec<u8>>,
    pub pattern: u8,
    pub untouched: bool,
    pub overran: bool,
}

impl From<&Event<'_>> for Captured {
    fn from(event: &Event<'_>) -> Self {
        match event {
            Event::Call(call) => Self::Call(Box::new(CapturedCall {
                syscall: call.syscall,
                registers: *call.registers,
                input: call.input.to_vec(),
                handles: call.handles.to_vec(),
                status: call.status,
                words: *call.words,
                fresh_words: call.fresh_words,
                bytes: call.bytes.map(<[u8]>::to_vec),
                pattern: call.pattern,
                untouched: call.untouched,
                overran: call.overran,
            })),
            Event::Load { address, len, bytes } => {
                Self::Load { address: *address, len: *len, bytes: bytes.map(<[u8]>::to_vec) }
            }
            Event::Store { address, bytes, faulted } => {
                Self::Store { address: *address, bytes: bytes.to_vec(), faulted: *faulted }
            }
            Event::LimitMemory(pages) => Self::LimitMemory(*pages),
            Event::FailAllocation(nth) => Self::FailAllocation(*nth),
        }
    }
}

impl Captured {
    pub fn judge(&self, oracle: &mut Oracle) -> Result<(), Violation> {
        oracle.judge(&match self {
            Self::Region { handle, base, flags } => {
                oracle.adopt_region(*handle, *base, REGION_BYTES, *flags);
                return Ok(());
            }
            Self::Call(call) => Event::Call(CallEvent {
                syscall: call.syscall,
                registers: &call.registers,
                input: &call.input,
                handles: &call.handles,
                status: call.status,
                words: &call.words,
                fresh_words: call.fresh_words,
                bytes: call.bytes.as_deref(),
                pattern: call.pattern,
                untouched: call.untouched,
                overran: call.overran,
            }),
            Self::Load { address, len, bytes } => {
                Event::Load { address: *address, len: *len, bytes: bytes.as_deref() }
            }
            Self::Store { address, bytes, faulted } => {
                Event::Store { address: *address, bytes, faulted: *faulted }
            }
            Self::LimitMemory(pages) => Event::LimitMemory(*pages),
            Self::FailAllocation(nth) => Event::FailAllocation(*nth),
        })
    }
}

/// What the reference does at each step of a program.
pub fn capture(runner: &mut Runner<'_>, program: &Program) -> Vec<Captured> {
    let environment = *runner.environment();
    let mut events = Vec::new();
    let mut knows_region = false;
    let result = runner.run(program, |index, outcome, facts| {
        if let (Some((handle, base)), false) = (facts.region(), knows_region) {
            knows_region = true;
            events.push(Captured::Region { handle, base, flags: facts.region_flags() });
        }
        let mut buffer = Vec::new();
        let action = &program.steps[index].action;
        events.push((&Event::of(&environment, action, outcome, facts, &mut buffer)).into());
        true
    });
    // A program may have more data than there is room for.
    drop(result);
    events
}

/// The recordings of the real kernel.
pub fn recordings() -> Vec<Program> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../corpus/golden");
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .expect("the recordings can be listed")
        .map(|entry| entry.expect("an entry can be read").path())
        .collect();
    files.sort();
    let read = |path: &std::path::PathBuf| {
        let text = std::fs::read_to_string(path).expect("a recording can be read");
        parse(&path.display().to_string(), &text).expect("a recording is a list of programs")
    };
    files.iter().flat_map(read).collect()
}

/// What the reference does at each step of programs, with the environment that
/// it does it in.
pub fn captured(programs: &[Program]) -> (Environment, Vec<Vec<Captured>>) {
    let backend = (built_in("reference").expect("it is built in").start)().expect("it starts");
    let mut runner = Runner::new(backend.as_ref()).expect("its arena is large enough");
    let captured = programs.iter().map(|program| capture(&mut runner, program)).collect();
    (*runner.environment(), captured)
}
