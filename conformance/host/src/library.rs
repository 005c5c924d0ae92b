//! A shared library as a backend.

#![allow(unsafe_code)]

use std::error::Error;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use vmo_abi::{
    Backend, Capabilities, Capability, Environment, Fault, ZX_ERR_BAD_SYSCALL, for_each_syscall,
    zx_status_t, zx_time_t, zx_vaddr_t,
};

use crate::memory::HostMemory;
use crate::symbols::{OpenError, Symbols};

/// Bytes of the arena, as many as the reference has.
const ARENA_BYTES: u64 = 4 << 20;

/// A backend over a shared library that exports the functions of
/// `<zircon/syscalls.h>` of June 2018 under their names, such as
/// `zx_vmo_create`.
///
/// Its user memory is this process's: pointers are followed as they are, and
/// mappings are read and written through real addresses. What it claims is what
/// it exports: a capability all of whose calls are there. Mappings and regions
/// also need `zx_vmar_root_self`. These are taken if they are there, the last
/// four of them ours and not Zircon's:
///
/// | function | what for |
/// |---|---|
/// | `zx_handle_t zx_process_self(void)` | tests that ask about the process |
/// | `zx_time_t zx_deadline_after(zx_duration_t)` | the clock of deadlines, or else the host's monotonic one |
/// | `zx_handle_t vmo_backend_observed_process(void)` | the capability `process-vmos` |
/// | `void vmo_backend_set_memory_limit(uint64_t pages)` | `memory-control`; `UINT64_MAX` is no limit |
/// | `void vmo_backend_fail_allocation(uint64_t nth)` | `memory-control`; 0 takes an order back |
/// | `void vmo_backend_reset(void)` | [`reset`](Library::reset) |
///
/// A library is loaded once in a process and never unloaded: whoever opens the
/// same file twice has two names for one state. Its code runs in this process
/// and is trusted with it; what cannot be trusted is opened in another process.
pub struct Library {
    symbols: Symbols,
    memory: HostMemory,
    capabilities: Capabilities,
}

/// Why a shared library cannot be tested.
#[derive(Debug)]
#[non_exhaustive]
pub enum LibraryError {
    /// There is no such file, or it cannot be read.
    File {
        /// The file.
        path: PathBuf,
        /// What the host said.
        error: io::Error,
    },
    /// The file is not a library that the host loads.
    NotLoaded {
        /// The file.
        path: PathBuf,
        /// What `dlopen` said.
        words: String,
    },
    /// The library has none of the contract's functions.
    NoFunctions {
        /// The file.
        path: PathBuf,
    },
    /// The host has no memory for the tester, or refused the handler for faults.
    Memory(io::Error),
}

impl fmt::Display for LibraryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { path, error } => write!(
                f,
                "{}: {error}; build the library first, or give the path of the file",
                path.display()
            ),
            Self::NotLoaded { path, words } => write!(
                f,
                "{} cannot be loaded: {words}; it has to be a shared library for this machine \
                 (`-shared -fPIC`), linked with everything it needs",
                path.display()
            ),
            Self::NoFunctions { path } => write!(
                f,
                "{} exports none of the functions of <zircon/syscalls.h>, such as \
                 `zx_vmo_create`; `nm -D` lists what it exports: the names must be C names \
                 (`extern \"C\"`) and visible",
                path.display()
            ),
            Self::Memory(error) => write!(f, "no memory for the tester: {error}"),
        }
    }
}

impl Error for LibraryError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::File { error, .. } | Self::Memory(error) => Some(error),
            Self::NotLoaded { .. } | Self::NoFunctions { .. } => None,
        }
    }
}

impl Library {
    /// Loads the library at `path`.
    ///
    /// The handler for faults is installed before, so that one the library
    /// installs comes first and hands on to it.
    ///
    /// # Errors
    ///
    /// There is no such file, it is no library for this machine, or it has none
    /// of the contract's functions.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, LibraryError> {
        let path = path.as_ref();
        let memory = HostMemory::new(ARENA_BYTES).map_err(LibraryError::Memory)?;
        let symbols = Symbols::open(path).map_err(|error| match error {
            OpenError::File(error) => LibraryError::File { path: path.to_owned(), error },
            OpenError::Refused(words) => LibraryError::NotLoaded { path: path.to_owned(), words },
        })?;
        if symbols.is_empty() {
            return Err(LibraryError::NoFunctions { path: path.to_owned() });
        }
        let capabilities = symbols.capabilities();
        Ok(Self { symbols, memory, capabilities })
    }

    /// Claims [`Capability::Threads`] as well: that calls may come from several
    /// threads at once, which no name tells.
    #[must_use]
    pub fn claiming_threads(mut self) -> Self {
        self.capabilities = self.capabilities.with(Capability::Threads);
        self
    }

    /// The functions that the library does not have, calls in the order of the
    /// table, with their whole names.
    #[must_use]
    pub fn missing(&self) -> Vec<String> {
        self.symbols.missing()
    }

    /// Whether [`reset`](Self::reset) works.
    #[must_use]
    pub fn can_reset(&self) -> bool {
        self.symbols.extras.reset.is_some()
    }

    /// Takes the library back to its state at the start: every handle and every
    /// mapping is gone. Answers whether it can, which is whether it exports
    /// `vmo_backend_reset`.
    ///
    /// The [environment](Backend::environment) may have other handles
    /// afterwards. No call may be under way.
    pub fn reset(&self) -> bool {
        let Some(reset) = self.symbols.extras.reset else { return false };
        // SAFETY: the library's function of this name has no arguments.
        unsafe { reset() };
        true
    }
}

impl fmt::Debug for Library {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Library")
            .field("capabilities", &self.capabilities)
            .field("memory", &self.memory)
            .finish_non_exhaustive()
    }
}

macro_rules! backend {
    ($($(#[$doc:meta])* $name:ident($($argument:ident: $register:ident = $kind:expr),*)
        $capability:ident $clauses:literal;)*) => {
        impl Backend for Library {
            fn environment(&self) -> Environment {
                let extras = &self.symbols.extras;
                // SAFETY: the functions have no arguments and give a handle.
                let handle = |function: Option<unsafe extern "C" fn() -> u32>| unsafe {
                    function.map_or(0, |function| function())
                };
                Environment {
                    root_vmar: handle(extras.root_vmar),
                    process: handle(extras.process),
                    observed_process: handle(extras.observed_process),
                    ..self.memory.environment(self.capabilities)
                }
            }

            fn load(&self, address: zx_vaddr_t, bytes: &mut [u8]) -> Result<(), Fault> {
                self.memory.load(address, bytes)
            }

            fn store(&self, address: zx_vaddr_t, bytes: &[u8]) -> Result<(), Fault> {
                self.memory.store(address, bytes)
            }

            fn monotonic_now(&self) -> zx_time_t {
                match self.symbols.extras.deadline_after {
                    // SAFETY: the function takes and gives a number.
                    Some(deadline_after) => unsafe { deadline_after(0) },
                    None => self.memory.monotonic_now(),
                }
            }

            fn set_memory_limit(&self, pages: Option<u64>) -> bool {
                let Some(set) = self.symbols.extras.set_memory_limit else { return false };
                // SAFETY: the function takes a number.
                unsafe { set(pages.unwrap_or(u64::MAX)) };
                true
            }

            fn fail_allocation(&self, nth: Option<u64>) -> bool {
                let Some(fail) = self.symbols.extras.fail_allocation else { return false };
                // SAFETY: the function takes a number.
                unsafe { fail(nth.unwrap_or(0)) };
                true
            }

            $(#[allow(clippy::too_many_arguments)]
            fn $name(&self, $($argument: $register),*) -> zx_status_t {
                let Some(call) = self.symbols.calls.$name else { return ZX_ERR_BAD_SYSCALL };
                // SAFETY: the function has the type of the table; what it does
                // with pointers is what is tested.
                unsafe { call($($argument),*) }
            })*
        }
    };
}

for_each_syscall!(backend);
