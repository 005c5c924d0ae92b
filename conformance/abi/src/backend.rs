//! What a tester has to know of a backend before the first call.

use core::fmt;

use crate::capability::Capabilities;
use crate::constants::{zx_handle_t, zx_vaddr_t};
use crate::edition::Edition;

/// A load or store that faulted. On a real machine it is an exception for the
/// thread; here it is a value (ND-19).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The first address that could not be accessed.
    pub address: zx_vaddr_t,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "page fault at {:#x}", self.address)
    }
}

impl core::error::Error for Fault {}

/// How a backend was lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum LossKind {
    /// It ended by itself, or was killed by what it did.
    Crash,
    /// It did not answer in time.
    Timeout,
    /// What it answered was no answer.
    Protocol,
}

impl LossKind {
    /// The name used in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Crash => "crash",
            Self::Timeout => "timeout",
            Self::Protocol => "broken protocol",
        }
    }
}

/// The end of a backend that runs elsewhere: nothing that it answers from then
/// on means anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Loss<'a> {
    /// How it was lost.
    pub kind: LossKind,
    /// What was seen of it, such as `killed by signal 11`.
    pub detail: &'a str,
}

/// The tester's scratch memory: readable, writable, page aligned, with
/// unmapped ground on both sides, and not part of any region.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arena {
    /// Address of the first byte.
    pub base: zx_vaddr_t,
    /// Bytes, a multiple of the page size, at least 16 pages.
    pub len: u64,
}

impl Arena {
    /// The address behind the last byte.
    #[must_use]
    pub const fn end(&self) -> zx_vaddr_t {
        self.base + self.len
    }

    /// Whether the whole range lies in the arena.
    #[must_use]
    pub const fn contains(&self, address: zx_vaddr_t, len: u64) -> bool {
        address >= self.base && address <= self.end() && len <= self.end() - address
    }
}

/// An address of each bad kind that the backend can offer. NULL is always
/// there, and so is an address that straddles from the arena into the unmapped
/// ground behind it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BadAddresses {
    /// A user address where nothing is mapped for at least a page.
    pub unmapped: Option<zx_vaddr_t>,
    /// A page of 4096 zero bytes that can be read and not written.
    pub read_only: Option<zx_vaddr_t>,
    /// An address outside of user space.
    pub kernel: Option<zx_vaddr_t>,
}

/// The place a backend offers to be tested in.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Environment {
    /// The edition of the contract that the backend implements.
    pub edition: Edition,
    /// What the backend claims to offer.
    pub capabilities: Capabilities,
    /// The tester's scratch memory.
    pub arena: Arena,
    /// Addresses that calls must refuse.
    pub bad: BadAddresses,
    /// A handle to the root region of the process, 0 if there is none.
    pub root_vmar: zx_handle_t,
    /// A handle to the process itself, 0 if there is none.
    pub process: zx_handle_t,
    /// A handle to a process for which `ZX_INFO_PROCESS_VMOS` lists the VMOs
    /// of this process, 0 if there is none.
    ///
    /// A process cannot ask that about itself (OBJ-INFO-22). A real kernel
    /// needs a second process that looks from outside; a model can have an
    /// object that counts as one.
    pub observed_process: zx_handle_t,
}
