//! The system calls of a backend as C functions: programs that include
//! `<zircon/syscalls.h>` and are linked with this library run on Linux.
//!
//! The user address space is the process itself. Mappings have real addresses,
//! which the program reads and writes through pointers; memory of the program's
//! own (its stack, its variables) is no part of the machine, so what a call is to
//! read there is copied into the machine's arena first, and what it stored is
//! copied back (`bounce`).
//!
//! `VMO_BACKEND` chooses what is behind the functions: `reference`, which is the
//! default, or `fault:NAME` for the reference with a mistake. Mistakes in loads
//! and stores do not show, as pointers reach the memory itself.

mod bounce;
mod process;

use std::sync::OnceLock;

use vmo_abi::{Backend, Record, Syscall, ZX_INFO_VMAR, ZX_OK, zx_info_vmar_t};
use vmo_conformance::backends::{self, Choice};
use vmo_conformance::faults::Faulty;
use vmo_reference::fault_handler;

use bounce::Ground;

/// The exit code if the machine would not start.
const NOT_STARTED: i32 = 3;

/// The machine behind the functions.
struct Machine {
    backend: Box<dyn Backend>,
    ground: Ground,
}

static MACHINE: OnceLock<Machine> = OnceLock::new();

/// The machine, started at the first call. A C program has nobody to tell that
/// it would not start, so the process ends then.
fn machine() -> &'static Machine {
    MACHINE.get_or_init(|| match start() {
        Ok(machine) => machine,
        Err(reason) => {
            eprintln!("error: {reason}");
            std::process::exit(NOT_STARTED);
        }
    })
}

fn start() -> Result<Machine, String> {
    let name = std::env::var("VMO_BACKEND").unwrap_or_else(|_| "reference".to_owned());
    let choice = backends::named(&name).map_err(|error| error.to_string())?;
    let right = match choice {
        Choice::BuiltIn(backend) => (backend.start)(),
        Choice::Fault(_) => backends::named("reference").map_err(|e| e.to_string())?.start(),
    };
    let right = right.map_err(|error| error.to_string())?;
    // Asked before there is a mistake in what answers.
    let ground = ground_of(right.as_ref())?;
    let backend: Box<dyn Backend> = match choice {
        Choice::BuiltIn(_) => right,
        Choice::Fault(fault) => Box::new(Faulty::new(right, Some(fault))),
    };
    fault_handler::install().map_err(|error| format!("no handler for faults: {error}"))?;
    Ok(Machine { backend, ground })
}

/// The addresses that belong to the machine.
fn ground_of(backend: &dyn Backend) -> Result<Ground, String> {
    let environment = backend.environment();
    let place = environment.arena.base;
    let size = zx_info_vmar_t::SIZE as u64;
    let status = backend.object_get_info(environment.root_vmar, ZX_INFO_VMAR, place, size, 0, 0);
    let mut bytes = [0; zx_info_vmar_t::SIZE];
    if status != ZX_OK || backend.load(place, &mut bytes).is_err() {
        return Err(format!("the backend does not say where its root region is: {status}"));
    }
    Ok(Ground::new(&environment, &zx_info_vmar_t::from_bytes(&bytes)))
}

/// The root region of the process.
#[unsafe(export_name = "zx_vmar_root_self")]
pub extern "C" fn vmar_root_self() -> u32 {
    machine().backend.environment().root_vmar
}

/// The process itself.
#[unsafe(export_name = "zx_process_self")]
pub extern "C" fn process_self() -> u32 {
    machine().backend.environment().process
}

/// The point on the monotonic clock so many nanoseconds from now.
#[unsafe(export_name = "zx_deadline_after")]
pub extern "C" fn deadline_after(nanoseconds: u64) -> u64 {
    machine().backend.monotonic_now().saturating_add(nanoseconds)
}

macro_rules! export {
    ($($(#[$doc:meta])* $name:ident($($argument:ident: $register:ident = $kind:expr),*)
        $capability:ident $clauses:literal;)*) => {
        $($(#[$doc])*
        ///
        /// # Safety
        ///
        /// Memory of the process at a pointer argument that the call reads or
        /// stores to must not be in use by anybody else meanwhile.
        #[allow(clippy::too_many_arguments)]
        #[unsafe(export_name = concat!("zx_", stringify!($name)))]
        pub unsafe extern "C" fn $name($($argument: $register),*) -> i32 {
            let mut registers = [0; vmo_abi::MAX_ARGUMENTS];
            for (register, value) in registers.iter_mut().zip([$(u64::from($argument)),*]) {
                *register = value;
            }
            let Machine { backend, ground } = machine();
            // SAFETY: what the caller promises.
            unsafe { ground.call(backend.as_ref(), Syscall::$name, &registers) }
        })*
    };
}

vmo_abi::for_each_syscall!(export);
