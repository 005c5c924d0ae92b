//! A small VMO implementation in safe Rust, and its adapter for the suite.
//!
//! It has the plain VMO calls and nothing else, and claims just that: every
//! test that needs more is reported as ignored, never as passed. Its user
//! memory is a vector; addresses are numbers that mean something only here.

#![forbid(unsafe_code)]

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use vmo_abi::{
    Arena, Backend, BadAddresses, Capabilities, Capability, EDITION_2018_06, Environment, Fault,
    ZX_ERR_BAD_HANDLE, ZX_ERR_INVALID_ARGS, ZX_ERR_NO_MEMORY, ZX_ERR_OUT_OF_RANGE, ZX_OK,
    ZX_PAGE_SIZE, zx_handle_t, zx_status_t, zx_time_t, zx_vaddr_t,
};

const ARENA: Arena = Arena { base: 0x1000_0000, len: 1 << 20 };
/// Largest VMO that this implementation makes; beyond it memory has run out.
const LARGEST: u64 = 1 << 26;

/// The implementation: VMOs by handle, and the tester's memory.
pub struct Example {
    state: Mutex<State>,
    started: Instant,
}

struct State {
    vmos: HashMap<zx_handle_t, Vec<u8>>,
    last_handle: zx_handle_t,
    arena: Vec<u8>,
}

impl Default for Example {
    fn default() -> Self {
        let arena = vec![0; ARENA.len as usize];
        let state = State { vmos: HashMap::new(), last_handle: 1, arena };
        Self { state: Mutex::new(state), started: Instant::now() }
    }
}

impl State {
    /// The bytes of user memory in a range, if all of it is good.
    fn user(&mut self, address: zx_vaddr_t, len: u64) -> Result<&mut [u8], zx_status_t> {
        if !ARENA.contains(address, len) {
            return Err(ZX_ERR_INVALID_ARGS);
        }
        let start = (address - ARENA.base) as usize;
        Ok(&mut self.arena[start..start + len as usize])
    }

    fn vmo(&mut self, handle: zx_handle_t) -> Result<&mut Vec<u8>, zx_status_t> {
        self.vmos.get_mut(&handle).ok_or(ZX_ERR_BAD_HANDLE)
    }

    fn create(&mut self, size: u64, options: u32, out: zx_vaddr_t) -> Result<(), zx_status_t> {
        if options != 0 {
            return Err(ZX_ERR_INVALID_ARGS);
        }
        let size = round(size)?;
        let handle = self.last_handle + 2;
        self.user(out, 4)?.copy_from_slice(&handle.to_le_bytes());
        self.last_handle = handle;
        self.vmos.insert(handle, vec![0; size]);
        Ok(())
    }

    fn copy(
        &mut self,
        handle: zx_handle_t,
        buffer: zx_vaddr_t,
        offset: u64,
        len: u64,
        to_vmo: bool,
    ) -> Result<(), zx_status_t> {
        let size = self.vmo(handle)?.len() as u64;
        if len != 0 {
            self.user(buffer, len)?;
        }
        if offset.checked_add(len).is_none_or(|end| end > size) {
            return Err(ZX_ERR_OUT_OF_RANGE);
        }
        if len == 0 {
            return Ok(());
        }
        let range = offset as usize..(offset + len) as usize;
        if to_vmo {
            let bytes = self.user(buffer, len)?.to_vec();
            self.vmo(handle)?[range].copy_from_slice(&bytes);
        } else {
            let bytes = self.vmo(handle)?[range].to_vec();
            self.user(buffer, len)?.copy_from_slice(&bytes);
        }
        Ok(())
    }

    fn get_size(&mut self, handle: zx_handle_t, out: zx_vaddr_t) -> Result<(), zx_status_t> {
        let size = self.vmo(handle)?.len() as u64;
        self.user(out, 8)?.copy_from_slice(&size.to_le_bytes());
        Ok(())
    }

    fn set_size(&mut self, handle: zx_handle_t, size: u64) -> Result<(), zx_status_t> {
        let vmo = self.vmo(handle)?;
        vmo.resize(round(size)?, 0);
        Ok(())
    }

    fn close(&mut self, handle: zx_handle_t) -> Result<(), zx_status_t> {
        if handle == 0 || self.vmos.remove(&handle).is_some() {
            Ok(())
        } else {
            Err(ZX_ERR_BAD_HANDLE)
        }
    }
}

fn round(size: u64) -> Result<usize, zx_status_t> {
    let rounded = size.checked_next_multiple_of(ZX_PAGE_SIZE).ok_or(ZX_ERR_OUT_OF_RANGE)?;
    if rounded > LARGEST {
        return Err(ZX_ERR_NO_MEMORY);
    }
    Ok(rounded as usize)
}

impl Example {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn status(result: Result<(), zx_status_t>) -> zx_status_t {
    result.err().unwrap_or(ZX_OK)
}

impl Backend for Example {
    fn environment(&self) -> Environment {
        Environment {
            edition: EDITION_2018_06,
            capabilities: Capabilities::NONE.with(Capability::Vmo),
            arena: ARENA,
            bad: BadAddresses {
                unmapped: Some(ARENA.end() + ZX_PAGE_SIZE),
                read_only: None,
                kernel: Some(0xffff_ff80_0010_0000),
            },
            root_vmar: 0,
            process: 0,
            observed_process: 0,
        }
    }

    fn load(&self, address: zx_vaddr_t, bytes: &mut [u8]) -> Result<(), Fault> {
        let mut state = self.state();
        let source = state.user(address, bytes.len() as u64).map_err(|_| Fault { address })?;
        bytes.copy_from_slice(source);
        Ok(())
    }

    fn store(&self, address: zx_vaddr_t, bytes: &[u8]) -> Result<(), Fault> {
        let mut state = self.state();
        let target = state.user(address, bytes.len() as u64).map_err(|_| Fault { address })?;
        target.copy_from_slice(bytes);
        Ok(())
    }

    fn monotonic_now(&self) -> zx_time_t {
        self.started.elapsed().as_nanos() as zx_time_t + 1_000_000_000
    }

    fn vmo_create(&self, size: u64, options: u32, out: u64) -> zx_status_t {
        status(self.state().create(size, options, out))
    }

    fn vmo_read(&self, handle: u32, buffer: u64, offset: u64, buffer_size: u64) -> zx_status_t {
        status(self.state().copy(handle, buffer, offset, buffer_size, false))
    }

    fn vmo_write(&self, handle: u32, buffer: u64, offset: u64, buffer_size: u64) -> zx_status_t {
        status(self.state().copy(handle, buffer, offset, buffer_size, true))
    }

    fn vmo_get_size(&self, handle: u32, size: u64) -> zx_status_t {
        status(self.state().get_size(handle, size))
    }

    fn vmo_set_size(&self, handle: u32, size: u64) -> zx_status_t {
        status(self.state().set_size(handle, size))
    }

    fn handle_close(&self, handle: u32) -> zx_status_t {
        status(self.state().close(handle))
    }
}
