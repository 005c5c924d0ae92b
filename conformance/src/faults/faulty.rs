//! A backend that makes one mistake.

use std::sync::{Arc, Mutex, PoisonError};

use vmo_abi::{
    Backend, Environment, Fault as PageFault, MAX_ARGUMENTS, Syscall, for_each_syscall,
    zx_status_t, zx_time_t, zx_vaddr_t,
};

use super::hook::{Fault, Hook, Registers};
use super::machine::Machine;
use crate::backends::{StartError, built_in};

/// A call that was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    /// Which one.
    pub call: Syscall,
    /// Its arguments.
    pub registers: Registers,
    /// What it returned.
    pub status: zx_status_t,
}

/// A list of calls that somebody else may look at.
pub(super) type Record = Arc<Mutex<Vec<Event>>>;

/// A backend that makes one mistake, or none: then it does what the backend
/// inside of it does.
pub struct Faulty {
    machine: Machine,
    fault: Option<&'static Fault>,
    /// Where calls are noted.
    record: Option<Record>,
}

impl Faulty {
    /// A wrong backend made of a right one that nothing was done with before.
    #[must_use]
    pub fn new(inner: Box<dyn Backend>, fault: Option<&'static Fault>) -> Self {
        Self { machine: Machine::new(inner), fault, record: None }
    }

    /// The reference with a mistake.
    ///
    /// # Errors
    ///
    /// The reference would not start.
    pub fn reference(fault: Option<&'static Fault>) -> Result<Self, StartError> {
        match built_in("reference") {
            Some(reference) => Ok(Self::new((reference.start)()?, fault)),
            None => Err(StartError("there is no reference".to_owned())),
        }
    }

    /// Notes every call.
    pub(super) fn recorded_in(self, record: Record) -> Self {
        Self { record: Some(record), ..self }
    }

    /// The one place that every call passes.
    fn call(&self, call: Syscall, registers: &Registers) -> zx_status_t {
        let machine = &self.machine;
        let status = match self.fault.map(|fault| &fault.hook) {
            None => machine.inner().syscall(call, registers),
            Some(hook) => Self::call_wrongly(machine, hook, call, registers),
        };
        if let Some(record) = &self.record {
            let event = Event { call, registers: *registers, status };
            record.lock().unwrap_or_else(PoisonError::into_inner).push(event);
        }
        status
    }

    fn call_wrongly(
        machine: &Machine,
        hook: &Hook,
        call: Syscall,
        registers: &Registers,
    ) -> zx_status_t {
        match *hook {
            Hook::Status(wrong, from, to) => match machine.right(call, registers) {
                status if call == wrong && status == from => to,
                status => status,
            },
            Hook::Argument(wrong, position, change) if call == wrong => {
                machine.with(call, registers, position, change(registers[position]))
            }
            Hook::Argument(..) => machine.right(call, registers),
            Hook::Calls(calls, how) | Hook::Accesses { calls, how, .. } => {
                let status = if calls.contains(&call) {
                    how(machine, call, registers)
                } else {
                    machine.right(call, registers)
                };
                machine.note(call, registers, status);
                status
            }
        }
    }
}

impl std::fmt::Debug for Faulty {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Faulty").field("fault", &self.fault).finish_non_exhaustive()
    }
}

macro_rules! pass_on {
    ($($(#[$doc:meta])* $name:ident($($argument:ident: $register:ident = $kind:expr),*)
        $capability:ident $clauses:literal;)*) => {
        impl Backend for Faulty {
            fn environment(&self) -> Environment {
                self.machine.inner().environment()
            }

            fn load(&self, address: zx_vaddr_t, bytes: &mut [u8]) -> Result<(), PageFault> {
                match self.fault.map(|fault| &fault.hook) {
                    Some(Hook::Accesses { load, .. }) => load(&self.machine, address, bytes),
                    _ => self.machine.inner().load(address, bytes),
                }
            }

            fn store(&self, address: zx_vaddr_t, bytes: &[u8]) -> Result<(), PageFault> {
                match self.fault.map(|fault| &fault.hook) {
                    Some(Hook::Accesses { store, .. }) => store(&self.machine, address, bytes),
                    _ => self.machine.inner().store(address, bytes),
                }
            }

            fn monotonic_now(&self) -> zx_time_t {
                self.machine.inner().monotonic_now()
            }

            fn set_memory_limit(&self, pages: Option<u64>) -> bool {
                self.machine.inner().set_memory_limit(pages)
            }

            fn fail_allocation(&self, nth: Option<u64>) -> bool {
                self.machine.inner().fail_allocation(nth)
            }

            fn syscall(&self, syscall: Syscall, registers: &Registers) -> zx_status_t {
                self.call(syscall, registers)
            }

            $(fn $name(&self, $($argument: $register),*) -> zx_status_t {
                let mut registers = [0; MAX_ARGUMENTS];
                for (register, value) in registers.iter_mut().zip([$(u64::from($argument)),*]) {
                    *register = value;
                }
                self.call(Syscall::$name, &registers)
            })*
        }
    };
}

for_each_syscall!(pass_on);
