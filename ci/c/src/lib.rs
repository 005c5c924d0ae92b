//! The system calls of a backend as C functions: programs that include
//! `<zircon/syscalls.h>` and are linked with this library run on Linux.
//!
//! The user address space is the process itself: calls follow pointers to the
//! program's own memory, and mappings have real addresses, which the program
//! reads and writes through pointers. The headers are in `include`; besides
//! Zircon's there is `<vmo/backend.h>`, with what a tester asks of a library.
//!
//! `VMO_BACKEND` chooses what is behind the functions: `reference`, which is the
//! default, or `fault:NAME` for the reference with a mistake. Mistakes in loads
//! and stores do not show, as pointers reach the memory itself.

use std::sync::{Arc, PoisonError, RwLock};

use vmo_abi::Backend;
use vmo_conformance::backends::{self, Choice};
use vmo_conformance::faults::Faulty;
use vmo_reference::{Configuration, Reference, fault_handler};

/// The exit code if the machine would not start.
const NOT_STARTED: i32 = 3;

/// A machine, held by every call that is under way.
type Machine = Arc<dyn Backend>;

/// The machine behind the functions, from the first call on.
static MACHINE: RwLock<Option<Machine>> = RwLock::new(None);

/// The machine, started if there is none. A C program has nobody to tell that it
/// would not start, so the process ends then.
fn machine() -> Machine {
    if let Some(machine) = &*MACHINE.read().unwrap_or_else(PoisonError::into_inner) {
        return Arc::clone(machine);
    }
    let mut place = MACHINE.write().unwrap_or_else(PoisonError::into_inner);
    Arc::clone(place.get_or_insert_with(|| match start() {
        Ok(machine) => machine,
        Err(reason) => {
            eprintln!("error: {reason}");
            std::process::exit(NOT_STARTED);
        }
    }))
}

fn start() -> Result<Machine, String> {
    let name = std::env::var("VMO_BACKEND").unwrap_or_else(|_| "reference".to_owned());
    let fault = match backends::named(&name).map_err(|error| error.to_string())? {
        Choice::BuiltIn(backend) if backend.name == "reference" => None,
        Choice::Fault(fault) => Some(fault),
        Choice::BuiltIn(_) | Choice::Door(_) => {
            return Err(format!("`{name}` cannot be behind C functions"));
        }
    };
    let configuration = Configuration { process_memory: true, ..Configuration::default() };
    let right = Reference::new(configuration)
        .map_err(|error| format!("the backend would not start: {error}"))?;
    fault_handler::install().map_err(|error| format!("no handler for faults: {error}"))?;
    Ok(match fault {
        None => Arc::new(right),
        Some(_) => Arc::new(Faulty::new(Box::new(right), fault)),
    })
}

/// The root region of the process.
#[unsafe(export_name = "zx_vmar_root_self")]
pub extern "C" fn vmar_root_self() -> u32 {
    machine().environment().root_vmar
}

/// The process itself.
#[unsafe(export_name = "zx_process_self")]
pub extern "C" fn process_self() -> u32 {
    machine().environment().process
}

/// The point on the monotonic clock so many nanoseconds from now.
#[unsafe(export_name = "zx_deadline_after")]
pub extern "C" fn deadline_after(nanoseconds: u64) -> u64 {
    machine().monotonic_now().saturating_add(nanoseconds)
}

/// A process whose VMOs are those of this process.
#[unsafe(export_name = "vmo_backend_observed_process")]
pub extern "C" fn observed_process() -> u32 {
    machine().environment().observed_process
}

/// Limits the pages that can be committed in all; `UINT64_MAX` is no limit.
#[unsafe(export_name = "vmo_backend_set_memory_limit")]
pub extern "C" fn set_memory_limit(pages: u64) {
    machine().set_memory_limit((pages != u64::MAX).then_some(pages));
}

/// Makes the `nth` allocation from now fail; 0 takes the order back.
#[unsafe(export_name = "vmo_backend_fail_allocation")]
pub extern "C" fn fail_allocation(nth: u64) {
    machine().fail_allocation((nth != 0).then_some(nth));
}

/// Gives the machine up; the next call has a fresh one.
#[unsafe(export_name = "vmo_backend_reset")]
pub extern "C" fn reset() {
    *MACHINE.write().unwrap_or_else(PoisonError::into_inner) = None;
}

macro_rules! export {
    ($($(#[$doc:meta])* $name:ident($($argument:ident: $register:ident = $kind:expr),*)
        $capability:ident $clauses:literal;)*) => {
        $($(#[$doc])*
        ///
        /// # Safety
        ///
        /// Memory of the process at a pointer argument that the call reads or
        /// stores to must not be unmapped meanwhile, nor be in use by anybody
        /// else.
        #[allow(clippy::too_many_arguments)]
        #[unsafe(export_name = concat!("zx_", stringify!($name)))]
        pub unsafe extern "C" fn $name($($argument: $register),*) -> i32 {
            machine().$name($($argument),*)
        })*
    };
}

vmo_abi::for_each_syscall!(export);
