//! Shared memory and shared libraries.

use std::cell::RefCell;
use std::io::{self, Read, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};

use vmo_abi::{
    Backend, Environment, Fault, MAX_ARGUMENTS, Syscall, zx_status_t, zx_time_t, zx_vaddr_t,
};
use vmo_host::{Library, Rings};

use super::Failure;
use crate::backends::StartError;
use crate::remote::serve::Served;

/// Time between two looks at the clock while nothing comes.
const PATIENCE: Duration = Duration::from_secs(60);

/// Shared memory as a stream that never ends.
pub(super) struct Stream<'r>(pub(super) &'r RefCell<Rings>);

impl Read for Stream<'_> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.0.borrow_mut().take_until(bytes, Instant::now() + PATIENCE) {
                0 => {}
                len => return Ok(len),
            }
        }
    }
}

impl Write for Stream<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut rings = self.0.borrow_mut();
        loop {
            match rings.put(bytes) {
                0 if !bytes.is_empty() => rings.pause(),
                len => return Ok(len),
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The library at a path. It keeps its state until it is reset.
pub(super) fn library(path: &str) -> Result<Served, Failure> {
    let library = Library::open(path).map_err(|error| StartError(error.to_string()))?;
    let library = Arc::new(library);
    let can_reset = library.can_reset();
    let backend = Box::new(Loaded(Arc::clone(&library)));
    let reset = move |_: &mut Box<dyn Backend>| {
        if library.reset() { Ok(()) } else { Err(StartError("it cannot be reset".to_owned())) }
    };
    let name = format!("lib:{path}");
    Ok(Served { backend, reset: can_reset.then(|| Box::new(reset) as _), name })
}

/// A library that others use as well.
struct Loaded(Arc<Library>);

impl Backend for Loaded {
    fn environment(&self) -> Environment {
        self.0.environment()
    }

    fn load(&self, address: zx_vaddr_t, bytes: &mut [u8]) -> Result<(), Fault> {
        self.0.load(address, bytes)
    }

    fn store(&self, address: zx_vaddr_t, bytes: &[u8]) -> Result<(), Fault> {
        self.0.store(address, bytes)
    }

    fn monotonic_now(&self) -> zx_time_t {
        self.0.monotonic_now()
    }

    fn set_memory_limit(&self, pages: Option<u64>) -> bool {
        self.0.set_memory_limit(pages)
    }

    fn fail_allocation(&self, nth: Option<u64>) -> bool {
        self.0.fail_allocation(nth)
    }

    fn syscall(&self, syscall: Syscall, registers: &[u64; MAX_ARGUMENTS]) -> zx_status_t {
        self.0.syscall(syscall, registers)
    }
}
