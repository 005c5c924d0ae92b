//! The tester's memory: an arena between grounds where nothing is mapped.

#![allow(unsafe_code)]

use std::io;
use std::ptr;

use vmo_abi::{
    Arena, BadAddresses, Capabilities, EDITION_2018_06, Environment, Fault, ZX_PAGE_SIZE,
    ZX_TIME_INFINITE, zx_time_t, zx_vaddr_t,
};

use crate::access;

/// Bytes of each ground where nothing is mapped. The largest page that a host
/// of ours has, so that everything between is aligned for any of them.
const GROUND: u64 = 64 << 10;
/// The largest arena.
const LARGEST: u64 = 1 << 46;
/// An address that no process can have.
const KERNEL_ADDRESS: zx_vaddr_t = 0xffff_ff80_0010_0000;

/// An arena in the process's own memory, an address of each bad kind, and loads
/// and stores at any address, of which a fault is a value.
///
/// Any number of threads may load and store at once.
#[derive(Debug)]
pub struct HostMemory {
    /// What was reserved: ground, the page that is read-only, ground, the
    /// arena, ground.
    base: zx_vaddr_t,
    len: u64,
    arena: Arena,
}

impl HostMemory {
    /// Sets up an arena of zeros with so many bytes, rounded up to a multiple of
    /// 64 KiB, and installs the handler for faults.
    ///
    /// # Errors
    ///
    /// `arena_bytes` is 0 or more than 2^46, or the host has no addresses left
    /// or refused the handler.
    pub fn new(arena_bytes: u64) -> io::Result<Self> {
        if arena_bytes == 0 || arena_bytes > LARGEST {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                format!("an arena has 1 to 2^46 bytes, not {arena_bytes:#x}"),
            ));
        }
        access::install()?;
        let arena_len = arena_bytes.next_multiple_of(GROUND);
        let before_arena = 3 * GROUND;
        let len = before_arena + arena_len + GROUND;
        let base = reserve(len)?;
        let arena = Arena { base: base + before_arena, len: arena_len };
        let memory = Self { base, len, arena };
        make_accessible(memory.read_only(), ZX_PAGE_SIZE, libc::PROT_READ)?;
        make_accessible(arena.base, arena.len, libc::PROT_READ | libc::PROT_WRITE)?;
        Ok(memory)
    }

    fn read_only(&self) -> zx_vaddr_t {
        self.base + GROUND
    }

    /// The tester's scratch memory, with 64 KiB or more on either side where
    /// nothing is mapped.
    #[must_use]
    pub fn arena(&self) -> Arena {
        self.arena
    }

    /// An address of every bad kind.
    #[must_use]
    pub fn bad_addresses(&self) -> BadAddresses {
        BadAddresses {
            unmapped: Some(self.base + GROUND / 2),
            read_only: Some(self.read_only()),
            kernel: Some(KERNEL_ADDRESS),
        }
    }

    /// The place that a backend over this memory offers to be tested in, of the
    /// edition 2018-06 and without a handle: to be completed with those there
    /// are.
    #[must_use]
    pub fn environment(&self, capabilities: Capabilities) -> Environment {
        Environment {
            edition: EDITION_2018_06,
            capabilities,
            arena: self.arena(),
            bad: self.bad_addresses(),
            root_vmar: 0,
            process: 0,
            observed_process: 0,
        }
    }

    /// Loads `bytes.len()` bytes from any address of the process: 1, 2, 4 and 8
    /// bytes with one instruction, other lengths byte by byte.
    ///
    /// # Errors
    ///
    /// The access faulted, with the first address that could not be accessed.
    /// Of a copy the bytes before it are in `bytes`.
    pub fn load(&self, address: zx_vaddr_t, bytes: &mut [u8]) -> Result<(), Fault> {
        access::load(address, bytes)
    }

    /// Stores bytes at any address of the process, divided into accesses as for
    /// [`load`](Self::load).
    ///
    /// The process itself is not protected from a store: at an address that is
    /// neither the arena's nor a mapping's it overwrites what is there, if that
    /// can be written.
    ///
    /// # Errors
    ///
    /// The access faulted, with the first address that could not be accessed.
    /// Of a copy the bytes before it are stored.
    pub fn store(&self, address: zx_vaddr_t, bytes: &[u8]) -> Result<(), Fault> {
        access::store(address, bytes)
    }

    /// The host's monotonic clock in nanoseconds, which is never less than 2.
    #[must_use]
    pub fn monotonic_now(&self) -> zx_time_t {
        let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        // SAFETY: stores into a record of ours. It cannot fail for this clock.
        unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &mut now) };
        let seconds = zx_time_t::try_from(now.tv_sec).unwrap_or_default();
        let nanoseconds = zx_time_t::try_from(now.tv_nsec).unwrap_or_default();
        let now = seconds.saturating_mul(1_000_000_000).saturating_add(nanoseconds);
        now.clamp(2, ZX_TIME_INFINITE - 1)
    }
}

impl Drop for HostMemory {
    fn drop(&mut self) {
        // SAFETY: the stretch was reserved by `new` and is not used again.
        unsafe {
            libc::munmap(ptr::with_exposed_provenance_mut(self.base as usize), self.len as usize)
        };
    }
}

/// Reserves addresses that begin at a multiple of [`GROUND`].
fn reserve(len: u64) -> io::Result<zx_vaddr_t> {
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
    let asked = usize::try_from(len + GROUND).map_err(io::Error::other)?;
    // SAFETY: asks for addresses wherever the host has them.
    let found = unsafe { libc::mmap(ptr::null_mut(), asked, libc::PROT_NONE, flags, -1, 0) };
    if found == libc::MAP_FAILED {
        return Err(io::Error::last_os_error());
    }
    let found = found.expose_provenance() as u64;
    let base = found.next_multiple_of(GROUND);
    for (start, end) in [(found, base), (base + len, found + len + GROUND)] {
        if start < end {
            // SAFETY: gives back what is not needed of the stretch just found.
            unsafe {
                libc::munmap(
                    ptr::with_exposed_provenance_mut(start as usize),
                    (end - start) as usize,
                )
            };
        }
    }
    Ok(base)
}

fn make_accessible(start: zx_vaddr_t, len: u64, protection: i32) -> io::Result<()> {
    let address = ptr::with_exposed_provenance_mut(start as usize);
    // SAFETY: the range lies in the reserved stretch, which nobody uses yet.
    let result = unsafe { libc::mprotect(address, len as usize, protection) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
