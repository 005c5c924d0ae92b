//! The vocabulary of Zircon's VMO contract.
//!
//! Everything here is a fact of the contract that testers and implementers
//! share: the system calls ([`for_each_syscall`] declares each one once), the
//! types and constants under Zircon's own names, the [`Edition`]s of the
//! contract, and the [`Backend`] trait that an implementation offers to be
//! tested through.
//!
//! The crate is `no_std`, has no dependencies and allocates nothing, so that a
//! kernel can depend on it.
//!
//! Clause ids such as `VMO-CREATE-02` in the documentation name entries of the
//! contract for edition 2018-06.

#![no_std]
#![forbid(unsafe_code)]

mod backend;
mod capability;
mod constants;
mod declaration;
mod edition;
mod names;
mod records;
mod syscalls;

pub use backend::{Arena, BadAddresses, Environment, Fault, Loss, LossKind};
pub use capability::{Capabilities, Capability};
pub use constants::*;
pub use declaration::{Argument, ArgumentKind, Declaration, MAX_ARGUMENTS};
pub use edition::{EDITION_2018_06, EDITIONS, Edition};
pub use names::{Named, names_of, status_from_name, status_name};
pub use records::{Record, zx_info_handle_basic_t, zx_info_vmar_t, zx_info_vmo_t, zx_wait_item_t};
pub use syscalls::{Backend, Syscall};
