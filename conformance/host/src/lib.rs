//! The memory side of backends that live in the tester's own address space.
//!
//! Two things are ready-made here:
//!
//! - [`HostMemory`] is the tester's arena, the bad addresses, and loads and
//!   stores that are real accesses: where one faults, the fault is a value and
//!   the tester goes on. An adapter that has one needs only its system calls.
//! - [`Library`] is a whole backend over a shared library that exports the
//!   functions of `<zircon/syscalls.h>`.
//!
//! [`Rings`] besides carry a tester's requests and an agent's answers through
//! memory that both share.
//!
//! ```
//! use vmo_abi::{Capabilities, Fault};
//! use vmo_host::HostMemory;
//!
//! let memory = HostMemory::new(1 << 20)?;
//! let arena = memory.arena();
//! memory.store(arena.base, &7_u32.to_le_bytes())?;
//! let mut bytes = [0; 4];
//! memory.load(arena.base, &mut bytes)?;
//! assert_eq!(u32::from_le_bytes(bytes), 7);
//! assert_eq!(memory.load(arena.end() - 2, &mut bytes), Err(Fault { address: arena.end() }));
//! assert_eq!(memory.environment(Capabilities::NONE).arena, arena);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Faults
//!
//! [`HostMemory::new`] and [`Library::open`] install a handler for `SIGSEGV`
//! and `SIGBUS` once. It concerns itself only with the accesses that are made
//! here and hands everything else on to the handler that was there before. An
//! implementation that resolves faults in a handler of its own installs it
//! afterwards and hands on what it does not resolve: then it is asked first.

#![deny(unsafe_code)]

#[cfg(not(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64"))))]
compile_error!("vmo-host can go on after a fault only on Linux on x86_64 and aarch64");

mod access;
mod library;
mod memory;
mod rings;
mod symbols;

pub use library::{Library, LibraryError};
pub use memory::HostMemory;
pub use rings::Rings;
