//! Wrong backends: the reference with one mistake each, which shows that the
//! suite finds what implementers get wrong.

mod table;

use vmo_abi::{
    Backend, Environment, Fault, MAX_ARGUMENTS, Syscall, ZX_OK, for_each_syscall, zx_status_t,
    zx_time_t, zx_vaddr_t,
};
use vmo_reference::{Configuration, Reference};

use crate::backends::StartError;
use crate::ledger::clause_of;
use crate::level::Level;
use crate::suite::{CaseOptions, CaseReport, CaseVerdict, Suite, Test, run_case};

pub use table::MISTAKES;

/// The arguments of a call, as whole registers.
pub type Registers = [u64; MAX_ARGUMENTS];

/// A mistake in one call.
#[derive(Clone, Copy, Debug)]
pub struct Mistake {
    /// What it is, in snake case.
    pub name: &'static str,
    /// The call that it is in.
    pub call: Syscall,
    /// How the call is done instead.
    pub change: Change,
}

/// How a call is done instead.
#[derive(Clone, Copy, Debug)]
pub enum Change {
    /// The second status in place of the first.
    Status(zx_status_t, zx_status_t),
    /// With the argument at this position changed.
    Argument(usize, fn(u64) -> u64),
    /// Nothing is done, and called a success.
    Nothing,
    /// As the function does it with the right backend.
    Otherwise(fn(&Reference, &Registers) -> zx_status_t),
}

/// A backend that makes one mistake.
#[derive(Debug)]
pub struct WrongBackend {
    reference: Reference,
    mistake: &'static Mistake,
}

impl WrongBackend {
    /// A fresh backend with a mistake.
    ///
    /// # Errors
    ///
    /// The reference would not start.
    pub fn new(mistake: &'static Mistake) -> Result<Self, StartError> {
        match Reference::new(Configuration::default()) {
            Ok(reference) => Ok(Self { reference, mistake }),
            Err(error) => Err(StartError(error.to_string())),
        }
    }

    fn call(&self, syscall: Syscall, registers: &Registers) -> zx_status_t {
        if syscall != self.mistake.call {
            return self.reference.syscall(syscall, registers);
        }
        match self.mistake.change {
            Change::Status(from, to) => match self.reference.syscall(syscall, registers) {
                status if status == from => to,
                status => status,
            },
            Change::Argument(position, change) => {
                let mut changed = *registers;
                changed[position] = change(changed[position]);
                self.reference.syscall(syscall, &changed)
            }
            Change::Nothing => ZX_OK,
            Change::Otherwise(instead) => instead(&self.reference, registers),
        }
    }
}

macro_rules! forward {
    ($($(#[$doc:meta])* $name:ident($($argument:ident: $register:ident = $kind:expr),*)
        $capability:ident $clauses:literal;)*) => {
        impl Backend for WrongBackend {
            fn environment(&self) -> Environment {
                self.reference.environment()
            }

            fn load(&self, address: zx_vaddr_t, bytes: &mut [u8]) -> Result<(), Fault> {
                self.reference.load(address, bytes)
            }

            fn store(&self, address: zx_vaddr_t, bytes: &[u8]) -> Result<(), Fault> {
                self.reference.store(address, bytes)
            }

            fn monotonic_now(&self) -> zx_time_t {
                self.reference.monotonic_now()
            }

            fn set_memory_limit(&self, pages: Option<u64>) -> bool {
                self.reference.set_memory_limit(pages)
            }

            fn fail_allocation(&self, nth: Option<u64>) -> bool {
                self.reference.fail_allocation(nth)
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

for_each_syscall!(forward);

/// The first test that fails on a backend with a mistake, those that are about
/// its call being tried first.
///
/// # Errors
///
/// The reference would not start.
pub fn first_failure<'s>(
    suite: &'s Suite,
    mistake: &'static Mistake,
    level: Level,
) -> Result<Option<(&'s Test, CaseReport)>, StartError> {
    let options = CaseOptions { level, include_hazards: false };
    let name = mistake.call.name();
    let about_it = |test: &Test| {
        let mut clauses = test.clauses.iter().filter_map(|id| clause_of(id));
        clauses.any(|clause| clause.call == name) || test.name.split("::").any(|part| part == name)
    };
    let (near, far): (Vec<_>, Vec<_>) = suite.at_level(level).partition(|test| about_it(test));
    for test in near.into_iter().chain(far) {
        let report = run_case(test, &WrongBackend::new(mistake)?, options);
        let passes = matches!(
            report.verdict,
            CaseVerdict::Pass | CaseVerdict::Hazard | CaseVerdict::Unsupported(_)
        );
        if !passes {
            return Ok(Some((test, report)));
        }
    }
    Ok(None)
}
