//! What a fault is.

use std::fmt;

use vmo_abi::{Fault as PageFault, MAX_ARGUMENTS, Syscall, ZX_OK, zx_status_t, zx_vaddr_t};

use super::class::Class;
use super::faulty::Event;
use super::machine::Machine;

/// The arguments of a call, as whole registers.
pub type Registers = [u64; MAX_ARGUMENTS];

/// One mistake.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct Fault {
    /// The name, such as `create_rounds_size_down`.
    pub name: &'static str,
    /// What kind of mistake it is.
    pub class: Class,
    /// What is wrong, in one sentence.
    pub description: &'static str,
    /// Ids of the clauses that are broken. A test that finds the fault should
    /// name one of them.
    pub clauses: &'static [&'static str],
    pub(super) hook: Hook,
}

impl fmt::Debug for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fault").field("name", &self.name).field("class", &self.class).finish()
    }
}

/// A call done otherwise.
pub(super) type Otherwise = fn(&Machine, Syscall, &Registers) -> zx_status_t;
/// A load done otherwise.
pub(super) type Load = fn(&Machine, zx_vaddr_t, &mut [u8]) -> Result<(), PageFault>;
/// A store done otherwise.
pub(super) type Store = fn(&Machine, zx_vaddr_t, &[u8]) -> Result<(), PageFault>;

/// Where a mistake is made.
#[derive(Clone, Copy)]
pub(super) enum Hook {
    /// A call gives the second status where it should give the first.
    Status(Syscall, zx_status_t, zx_status_t),
    /// A call takes an argument for another value.
    Argument(Syscall, usize, fn(u64) -> u64),
    /// These calls are done as the function does them with the right backend.
    Calls(&'static [Syscall], Otherwise),
    /// Loads and stores are done otherwise, and perhaps some calls. Only what
    /// concerns mappings may change.
    Accesses { calls: &'static [Syscall], how: Otherwise, load: Load, store: Store },
}

impl Hook {
    /// The bits of the calls in which the mistake can show.
    pub(super) fn touched_calls(&self) -> u64 {
        let bit = |call: Syscall| 1_u64 << call as u64;
        match *self {
            Self::Status(call, ..) | Self::Argument(call, ..) => bit(call),
            Self::Calls(calls, _) => calls.iter().fold(0, |bits, call| bits | bit(*call)),
            Self::Accesses { calls, .. } => {
                calls.iter().fold(bit(Syscall::vmar_map), |bits, call| bits | bit(*call))
            }
        }
    }

    /// Whether the mistake can show at a call that was done rightly.
    ///
    /// Up to the first such call a wrong backend cannot be told from the right
    /// one, so a test without one passes.
    pub(super) fn touches(&self, event: &Event) -> bool {
        match *self {
            Self::Status(call, from, _) => event.call == call && event.status == from,
            Self::Argument(call, position, change) => {
                let value = event.registers[position];
                event.call == call && change(value) != value
            }
            Self::Calls(calls, _) => calls.contains(&event.call),
            Self::Accesses { calls, .. } => {
                event.call == Syscall::vmar_map || calls.contains(&event.call)
            }
        }
    }
}

/// The second status where the first should be.
pub(super) const fn status(call: Syscall, from: zx_status_t, to: zx_status_t) -> Hook {
    Hook::Status(call, from, to)
}

/// An argument taken for another value.
pub(super) const fn argument(call: Syscall, position: usize, change: fn(u64) -> u64) -> Hook {
    Hook::Argument(call, position, change)
}

/// Calls done otherwise.
pub(super) const fn calls(calls: &'static [Syscall], how: Otherwise) -> Hook {
    Hook::Calls(calls, how)
}

/// A call that does nothing and succeeds.
pub(super) const fn nothing(call: &'static [Syscall]) -> Hook {
    Hook::Calls(call, |_, _, _| ZX_OK)
}

/// A fault of a table.
pub(super) const fn fault(
    class: Class,
    name: &'static str,
    description: &'static str,
    clauses: &'static [&'static str],
    hook: Hook,
) -> Fault {
    Fault { name, class, description, clauses, hook }
}
