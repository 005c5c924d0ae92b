//! Outcomes made by hand, for implementations that differ from the kernel.

use vmo_abi::{
    MAX_ARGUMENTS, Syscall, ZX_OK, ZX_VM_FLAG_CAN_MAP_READ, ZX_VM_FLAG_CAN_MAP_SPECIFIC,
    ZX_VM_FLAG_CAN_MAP_WRITE, zx_status_t,
};
use vmo_conformance::Level;
use vmo_conformance::backends::built_in;
use vmo_conformance::oracle::{Event, Oracle, Violation};
use vmo_conformance::runner::REGION_BYTES;

use super::captured::{Captured, CapturedCall};

pub const PAGE: u64 = 0x1000;
pub const REGION: u64 = 0x5000_0000_0000;
const REGION_HANDLE: u32 = 0x9001;

pub type Judged = Result<(), Violation>;

/// An oracle that is told of calls one by one.
#[derive(Clone)]
pub struct Hand {
    pub oracle: Oracle,
    next: u32,
    arena: u64,
}

impl Hand {
    pub fn new(level: Level) -> Self {
        let backend = (built_in("reference").expect("it is built in").start)().expect("it starts");
        let environment = backend.environment();
        let mut oracle = Oracle::new(&environment, level);
        let flags =
            ZX_VM_FLAG_CAN_MAP_READ | ZX_VM_FLAG_CAN_MAP_WRITE | ZX_VM_FLAG_CAN_MAP_SPECIFIC;
        oracle.adopt_region(REGION_HANDLE, REGION, REGION_BYTES, flags);
        Self { oracle, next: 0x1_0001, arena: environment.arena.base }
    }

    /// A good place for an output.
    pub fn place(&self) -> u64 {
        self.arena
    }

    fn handle(&mut self) -> u32 {
        self.next += 8;
        self.next
    }

    /// A call that stored these words and bytes.
    pub fn call(
        &mut self,
        syscall: Syscall,
        arguments: &[u64],
        status: zx_status_t,
        words: &[(usize, u64)],
        input: &[u8],
        bytes: Option<&[u8]>,
    ) -> Judged {
        let mut registers = [0; MAX_ARGUMENTS];
        registers[..arguments.len()].copy_from_slice(arguments);
        let mut stored = [None; MAX_ARGUMENTS];
        for (index, word) in words {
            stored[*index] = Some(*word);
        }
        Captured::Call(Box::new(CapturedCall {
            syscall,
            registers,
            input: input.to_vec(),
            handles: Vec::new(),
            status,
            words: stored,
            fresh_words: u8::MAX,
            bytes: bytes.map(<[u8]>::to_vec),
            pattern: 0xaa,
            untouched: true,
            overran: false,
        }))
        .judge(&mut self.oracle)
    }

    /// A call that returned just a status.
    pub fn status(&mut self, syscall: Syscall, arguments: &[u64], status: zx_status_t) -> Judged {
        self.call(syscall, arguments, status, &[], &[], None)
    }

    pub fn create(&mut self, size: u64) -> u32 {
        let (handle, place) = (self.handle(), self.place());
        let words = [(2, u64::from(handle))];
        self.call(Syscall::vmo_create, &[size, 0, place], ZX_OK, &words, &[], None)
            .expect("a VMO can be created");
        handle
    }

    pub fn clone_of(&mut self, source: u32, offset: u64, size: u64) -> u32 {
        let (handle, place) = (self.handle(), self.place());
        let words = [(4, u64::from(handle))];
        let arguments = [u64::from(source), 1, offset, size, place];
        self.call(Syscall::vmo_clone, &arguments, ZX_OK, &words, &[], None)
            .expect("a VMO can be cloned");
        handle
    }

    pub fn write_as(&mut self, vmo: u32, at: u64, bytes: &[u8], status: zx_status_t) -> Judged {
        let arguments = [u64::from(vmo), self.arena + PAGE, at, bytes.len() as u64];
        self.call(Syscall::vmo_write, &arguments, status, &[], bytes, None)
    }

    pub fn write(&mut self, vmo: u32, at: u64, bytes: &[u8]) {
        self.write_as(vmo, at, bytes, ZX_OK).expect("a VMO can be written");
    }

    /// Whether a read may show these bytes.
    pub fn read(&mut self, vmo: u32, at: u64, bytes: &[u8]) -> Judged {
        let arguments = [u64::from(vmo), self.arena + PAGE, at, bytes.len() as u64];
        self.call(Syscall::vmo_read, &arguments, ZX_OK, &[], &[], Some(bytes))
    }

    /// Whether a read may show these bytes, without having seen them.
    pub fn may_read(&self, vmo: u32, at: u64, bytes: &[u8]) -> bool {
        self.clone().read(vmo, at, bytes).is_ok()
    }

    pub fn operate(
        &mut self,
        vmo: u32,
        op: u32,
        offset: u64,
        size: u64,
        status: zx_status_t,
    ) -> Judged {
        let arguments = [u64::from(vmo), u64::from(op), offset, size];
        self.status(Syscall::vmo_op_range, &arguments, status)
    }

    pub fn resize(&mut self, vmo: u32, size: u64) {
        self.status(Syscall::vmo_set_size, &[u64::from(vmo), size], ZX_OK)
            .expect("a VMO can be resized");
    }

    pub fn set_policy(&mut self, vmo: u32, policy: u64, status: zx_status_t) -> Judged {
        self.status(Syscall::vmo_set_cache_policy, &[u64::from(vmo), policy], status)
    }

    /// Maps at an offset of the region.
    pub fn map(&mut self, vmo: u32, at: u64, vmo_offset: u64, len: u64, flags: u32) -> u64 {
        let place = self.place();
        self.map_as(vmo, at, vmo_offset, len, flags, place, ZX_OK).expect("a VMO can be mapped");
        REGION + at
    }

    #[allow(clippy::too_many_arguments)]
    pub fn map_as(
        &mut self,
        vmo: u32,
        at: u64,
        vmo_offset: u64,
        len: u64,
        flags: u32,
        pointer: u64,
        status: zx_status_t,
    ) -> Judged {
        let arguments = [
            u64::from(REGION_HANDLE),
            at,
            u64::from(vmo),
            vmo_offset,
            len,
            u64::from(flags),
            pointer,
        ];
        let words = [(6, REGION + at)];
        let words = if status == ZX_OK { &words[..] } else { &[] };
        self.call(Syscall::vmar_map, &arguments, status, words, &[], None)
    }

    pub fn in_region(&mut self, syscall: Syscall, rest: &[u64], status: zx_status_t) -> Judged {
        let mut arguments = vec![u64::from(REGION_HANDLE)];
        arguments.extend(rest);
        self.status(syscall, &arguments, status)
    }

    pub fn load(&mut self, address: u64, bytes: Option<&[u8]>) -> Judged {
        let len = bytes.map_or(1, |bytes| bytes.len() as u64);
        self.oracle.judge(&Event::Load { address, len, bytes })
    }

    pub fn may_load(&self, address: u64, bytes: Option<&[u8]>) -> bool {
        self.clone().load(address, bytes).is_ok()
    }

    pub fn store(&mut self, address: u64, bytes: &[u8]) {
        let stored = Event::Store { address, bytes, faulted: false };
        self.oracle.judge(&stored).expect("a mapping can be stored to");
    }
}
