//! The functions that a shared library exports.

#![allow(unsafe_code)]

use std::error::Error;
use std::io;
use std::mem::ManuallyDrop;
use std::path::Path;

use libloading::os::unix;
use vmo_abi::{
    Capabilities, Capability, Syscall, for_each_syscall, zx_handle_t, zx_status_t, zx_time_t,
};

/// Why a file does not open.
#[derive(Debug)]
pub(crate) enum OpenError {
    /// There is none, or it cannot be read.
    File(io::Error),
    /// The host does not load it, in its own words.
    Refused(String),
}

/// A loaded library, whose functions stay where they are from now on.
struct Loaded(ManuallyDrop<unix::Library>);

impl Loaded {
    fn open(path: &Path) -> Result<Self, OpenError> {
        // A name without a slash would be looked for elsewhere.
        let path = path.canonicalize().map_err(OpenError::File)?;
        let flags = unix::RTLD_NOW | unix::RTLD_LOCAL;
        // SAFETY: loading runs the library's own code, which is trusted with
        // this process by who asks to test it here.
        let library = unsafe { unix::Library::open(Some(path), flags) };
        let library = library.map_err(|error| {
            // The host's own words are the cause of an error without any.
            let words = error.source().map_or_else(|| error.to_string(), |cause| cause.to_string());
            OpenError::Refused(words)
        })?;
        // Never unloaded: it may have handlers for signals, or threads.
        Ok(Self(ManuallyDrop::new(library)))
    }

    /// The function called `name`.
    ///
    /// # Safety
    ///
    /// `F` is a type of C functions, and the one that a function of this name
    /// has.
    unsafe fn function<F: Copy>(&self, name: &str) -> Option<F> {
        // SAFETY: what the caller promises.
        unsafe { self.0.get::<F>(name.as_bytes()) }.ok().map(|symbol| *symbol)
    }
}

/// A function without arguments that gives a handle.
type GivesHandle = unsafe extern "C" fn() -> zx_handle_t;

/// What is not a system call of the table.
#[derive(Clone, Copy)]
pub(crate) struct Extras {
    pub(crate) root_vmar: Option<GivesHandle>,
    pub(crate) process: Option<GivesHandle>,
    pub(crate) observed_process: Option<GivesHandle>,
    pub(crate) deadline_after: Option<unsafe extern "C" fn(u64) -> zx_time_t>,
    pub(crate) set_memory_limit: Option<unsafe extern "C" fn(u64)>,
    pub(crate) fail_allocation: Option<unsafe extern "C" fn(u64)>,
    pub(crate) reset: Option<unsafe extern "C" fn()>,
}

impl Extras {
    fn of(library: &Loaded) -> Self {
        // SAFETY: the types are those of `<zircon/process.h>`,
        // `<zircon/syscalls.h>` and `<vmo/backend.h>`; a library that exports
        // one of these names gives it that type.
        unsafe {
            Self {
                root_vmar: library.function("zx_vmar_root_self"),
                process: library.function("zx_process_self"),
                observed_process: library.function("vmo_backend_observed_process"),
                deadline_after: library.function("zx_deadline_after"),
                set_memory_limit: library.function("vmo_backend_set_memory_limit"),
                fail_allocation: library.function("vmo_backend_fail_allocation"),
                reset: library.function("vmo_backend_reset"),
            }
        }
    }

    fn missing(&self) -> impl Iterator<Item = &'static str> {
        [
            ("zx_vmar_root_self", self.root_vmar.is_some()),
            ("zx_process_self", self.process.is_some()),
            ("zx_deadline_after", self.deadline_after.is_some()),
            ("vmo_backend_observed_process", self.observed_process.is_some()),
            ("vmo_backend_set_memory_limit", self.set_memory_limit.is_some()),
            ("vmo_backend_fail_allocation", self.fail_allocation.is_some()),
            ("vmo_backend_reset", self.reset.is_some()),
        ]
        .into_iter()
        .filter_map(|(name, is_there)| (!is_there).then_some(name))
    }
}

macro_rules! functions {
    ($($(#[$doc:meta])* $name:ident($($argument:ident: $register:ident = $kind:expr),*)
        $capability:ident $clauses:literal;)*) => {
        /// The system calls of the table that are there.
        #[derive(Clone, Copy)]
        pub(crate) struct Calls {
            $(pub(crate) $name: Option<unsafe extern "C" fn($($register),*) -> zx_status_t>,)*
        }

        impl Calls {
            fn of(library: &Loaded) -> Self {
                // SAFETY: the types are those of `<zircon/syscalls.h>`, where a
                // pointer is a register like any other.
                unsafe {
                    Self { $($name: library.function(concat!("zx_", stringify!($name))),)* }
                }
            }

            fn has(&self, syscall: Syscall) -> bool {
                match syscall {
                    $(Syscall::$name => self.$name.is_some(),)*
                }
            }
        }
    };
}

for_each_syscall!(functions);

/// What of the contract's functions a library exports.
#[derive(Clone, Copy)]
pub(crate) struct Symbols {
    pub(crate) calls: Calls,
    pub(crate) extras: Extras,
}

impl Symbols {
    pub(crate) fn open(path: &Path) -> Result<Self, OpenError> {
        let library = Loaded::open(path)?;
        Ok(Self { calls: Calls::of(&library), extras: Extras::of(&library) })
    }

    /// Whether no system call is there at all.
    pub(crate) fn is_empty(&self) -> bool {
        !Syscall::ALL.iter().any(|syscall| self.calls.has(*syscall))
    }

    /// The names of functions that are not there.
    pub(crate) fn missing(&self) -> Vec<String> {
        let calls = Syscall::ALL.iter().filter(|syscall| !self.calls.has(**syscall));
        calls
            .map(|syscall| format!("zx_{}", syscall.name()))
            .chain(self.extras.missing().map(str::to_owned))
            .collect()
    }

    /// The capabilities of which every function is there.
    pub(crate) fn capabilities(&self) -> Capabilities {
        Capability::ALL.into_iter().filter(|capability| self.offers(*capability)).collect()
    }

    fn offers(&self, capability: Capability) -> bool {
        let Extras { root_vmar, observed_process, set_memory_limit, fail_allocation, .. } =
            self.extras;
        match capability {
            // That calls may come at once does not show in names.
            Capability::Threads => return false,
            Capability::ProcessVmos => return observed_process.is_some(),
            Capability::MemoryControl => {
                return set_memory_limit.is_some() && fail_allocation.is_some();
            }
            Capability::Mapping | Capability::Regions if root_vmar.is_none() => return false,
            _ => {}
        }
        let needs = |syscall: &&Syscall| syscall.declaration().capability == capability;
        Syscall::ALL.iter().filter(needs).all(|syscall| self.calls.has(*syscall))
    }
}
