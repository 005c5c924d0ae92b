//! A reference implementation of Zircon's VMO subsystem, hosted on Linux
//! memory behind the [`Backend`](vmo_abi::Backend) trait.
//!
//! It follows the kernel of June 2018 in everything that can be seen from user
//! code, the order of checks included, and keeps what the pages promise where
//! that kernel could hang, panic or corrupt memory.
//!
//! Memory is real: frames come from one sparse memfd, mappings have addresses
//! that real pointers can follow ([`fault_handler`]), and copy-on-write and
//! commitment happen at the first store, through whichever door it comes.
//!
//! ```
//! use vmo_abi::{Backend, ZX_OK};
//! use vmo_reference::{Configuration, Reference};
//!
//! let machine = Reference::new(Configuration::default())?;
//! let arena = machine.environment().arena;
//! assert_eq!(machine.vmo_create(1, 0, arena.base), ZX_OK);
//! let mut handle = [0; 4];
//! machine.load(arena.base, &mut handle)?;
//! assert_eq!(machine.vmo_get_size(u32::from_le_bytes(handle), arena.base + 8), ZX_OK);
//! let mut size = [0; 8];
//! machine.load(arena.base + 8, &mut size)?;
//! assert_eq!(u64::from_le_bytes(size), 4096);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![deny(unsafe_code)]

mod address_space;
mod budget;
mod configuration;
pub mod fault_handler;
mod handle_table;
mod kernel;
mod memory;
mod object;
mod pages;
mod process;
mod random;
mod reference;
mod syscalls;
mod vmo;
mod wait;

pub use configuration::Configuration;
pub use reference::{Census, Reference};
