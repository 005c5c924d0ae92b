//! Uses every part of `vmo-abi` as a kernel would.

#![no_std]
#![forbid(unsafe_code)]

use vmo_abi::{
    Arena, BadAddresses, Backend, Capabilities, Capability, EDITION_2018_06, Environment, Fault,
    Syscall, ZX_ERR_INVALID_ARGS, ZX_OK, zx_status_t, zx_time_t, zx_vaddr_t,
};

/// A kernel that knows one call.
pub struct Kernel;

impl Backend for Kernel {
    fn environment(&self) -> Environment {
        Environment {
            edition: EDITION_2018_06,
            capabilities: Capabilities::NONE.with(Capability::Vmo),
            arena: Arena { base: 0x100_0000, len: 0x1_0000 },
            bad: BadAddresses::default(),
            root_vmar: 0,
            process: 0,
            observed_process: 0,
        }
    }

    fn load(&self, address: zx_vaddr_t, _bytes: &mut [u8]) -> Result<(), Fault> {
        Err(Fault { address })
    }

    fn store(&self, address: zx_vaddr_t, _bytes: &[u8]) -> Result<(), Fault> {
        Err(Fault { address })
    }

    fn monotonic_now(&self) -> zx_time_t {
        2
    }

    fn vmo_create(&self, _size: u64, options: u32, _out: u64) -> zx_status_t {
        if options == 0 { ZX_OK } else { ZX_ERR_INVALID_ARGS }
    }
}

/// The number of calls in the table.
#[must_use]
pub fn call_count() -> usize {
    Syscall::ALL.len()
}
