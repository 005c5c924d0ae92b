//! What a judge may ask about the program that runs.

use vmo_abi::{MAX_ARGUMENTS, ZX_HANDLE_INVALID, zx_handle_t, zx_koid_t, zx_vaddr_t};

use super::{NEVER, Runner};
use crate::program::{Address, Handle};

/// What a judge may ask about the program that runs, besides the outcome.
pub struct Facts<'r> {
    pub(super) runner: &'r Runner<'r>,
}

impl Facts<'_> {
    /// The address that an address of the program stands for, if that is
    /// already known.
    #[must_use]
    pub fn address(&self, address: Address) -> Option<zx_vaddr_t> {
        match address {
            Address::Region(offset) => Some(self.runner.region?.address.wrapping_add(offset)),
            Address::Named(name, offset) => {
                Some(self.runner.binding(name).address.wrapping_add(offset))
            }
            Address::Literal(address) => Some(address),
            _ => None,
        }
    }

    /// The koid that a handle showed when the program last asked for it.
    #[must_use]
    pub fn koid(&self, handle: Handle) -> Option<zx_koid_t> {
        self.runner.koids.iter().rev().find(|(known, _)| *known == handle).map(|(_, koid)| *koid)
    }

    /// The handle value that a handle of the program stands for, 0 if the
    /// program's region was not used yet.
    #[must_use]
    pub fn handle(&self, handle: Handle) -> zx_handle_t {
        let environment = &self.runner.environment;
        match handle {
            Handle::Invalid => ZX_HANDLE_INVALID,
            Handle::Never => NEVER,
            Handle::Region => self.runner.region.unwrap_or_default().handle,
            Handle::Root => environment.root_vmar,
            Handle::Process => environment.process,
            Handle::Observed => environment.observed_process,
            Handle::Named(name) => self.runner.binding(name).handle,
            Handle::Literal(value) => value,
        }
    }

    /// The arguments that the last call was made with, as they were in the
    /// registers.
    #[must_use]
    pub fn registers(&self) -> &[u64; MAX_ARGUMENTS] {
        &self.runner.registers
    }

    /// The bytes that the tester had put into the buffer of the last call
    /// before it was made: its data, handles or wait items, data before handles.
    /// Empty if the call has no such argument or its buffer is not in scratch
    /// memory.
    #[must_use]
    pub fn input(&self) -> &[u8] {
        &self.runner.input
    }

    /// Handle and address of the program's own region, once it is in use.
    #[must_use]
    pub fn region(&self) -> Option<(zx_handle_t, zx_vaddr_t)> {
        self.runner.region.map(|region| (region.handle, region.address))
    }

    /// The flags that the program's own region is allocated with.
    #[must_use]
    pub fn region_flags(&self) -> u32 {
        super::REGION_FLAGS
    }

    /// What places and buffers are filled with before a call.
    #[must_use]
    pub fn pattern(&self) -> u8 {
        super::scratch::PATTERN
    }
}
