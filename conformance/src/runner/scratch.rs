//! The tester's scratch memory in the backend's arena.
//!
//! ```text
//! page 0    places of fixed size, one for each argument, 64 bytes apart;
//!           from 0x400 the handles of a call that has another buffer as well
//! page 1…   the buffer of a call, up to the end of the arena
//! ```
//!
//! Places and buffers are filled with a pattern before a call, so that it shows
//! afterwards what the call stored and whether it went too far.

use vmo_abi::{Arena, ArgumentKind, Backend, ZX_PAGE_SIZE, zx_vaddr_t};

use super::RunError;
use super::outcome::Outcome;
use crate::program::is_fill;

/// What places hold before a call.
pub(super) const PATTERN: u8 = 0xaa;
/// Bytes before and behind a place or buffer that must keep the pattern.
const CANARY: usize = 16;
const PLACE_STRIDE: u64 = 64;
/// Where the handles lie of a call that has another buffer as well.
const HANDLES_OFFSET: u64 = 0x400;
/// Bytes that there are for such handles.
const HANDLES_ROOM: usize = 0x400;
const SMALLEST_ARENA: u64 = 16 * ZX_PAGE_SIZE;

pub(super) struct Scratch {
    arena: Arena,
    pattern: Vec<u8>,
    /// Bytes of the present call's buffer that hold the pattern, those behind it
    /// included.
    prepared: usize,
}

impl Scratch {
    pub(super) fn new(arena: Arena) -> Result<Self, RunError> {
        if arena.len < SMALLEST_ARENA {
            return Err(RunError::ArenaTooSmall { offered: arena.len, needed: SMALLEST_ARENA });
        }
        Ok(Self { arena, pattern: Vec::new(), prepared: 0 })
    }

    fn buffer(&self) -> zx_vaddr_t {
        self.arena.base + ZX_PAGE_SIZE
    }

    /// Bytes that a buffer can have.
    pub(super) fn room(&self) -> usize {
        usize::try_from(self.arena.len - ZX_PAGE_SIZE).unwrap_or(usize::MAX)
    }

    pub(super) fn check_room(&self, len: u64) -> Result<(), RunError> {
        let room = self.room() as u64;
        if len > room { Err(RunError::DataTooLong { len, room }) } else { Ok(()) }
    }

    fn place_of(&self, index: usize) -> zx_vaddr_t {
        self.arena.base + PLACE_STRIDE * index as u64 + CANARY as u64
    }

    /// Prepares good memory for a pointer argument and answers with its
    /// address.
    pub(super) fn prepare(
        &mut self,
        backend: &dyn Backend,
        index: usize,
        kind: ArgumentKind,
        len: u64,
    ) -> Result<zx_vaddr_t, RunError> {
        if let Some(size) = kind.pointee_size() {
            let place = self.place_of(index);
            let bytes = &[PATTERN; 8 + 2 * CANARY][..size as usize + 2 * CANARY];
            backend.store(place - CANARY as u64, bytes)?;
            return Ok(place);
        }
        if matches!(kind, ArgumentKind::HandlesOut(_)) {
            return self.place_handles(backend, &[PATTERN; HANDLES_ROOM]);
        }
        if matches!(kind, ArgumentKind::BytesOut(_)) {
            // A length beyond the arena is left to the call to refuse; then a
            // page shows as well as all of it whether something was stored.
            let room = self.room() - CANARY;
            let len = match usize::try_from(len) {
                Ok(len) if len <= room => len,
                _ => ZX_PAGE_SIZE as usize,
            };
            self.prepared = len + CANARY;
            let whole = CANARY + self.prepared;
            if self.pattern.len() < whole {
                self.pattern.resize(whole, PATTERN);
            }
            backend.store(self.buffer() - CANARY as u64, &self.pattern[..whole])?;
        }
        Ok(self.buffer())
    }

    /// Puts bytes into the buffer and answers with its address.
    pub(super) fn place(
        &self,
        backend: &dyn Backend,
        bytes: &[u8],
    ) -> Result<zx_vaddr_t, RunError> {
        self.check_room(bytes.len() as u64)?;
        backend.store(self.buffer(), bytes)?;
        Ok(self.buffer())
    }

    /// Puts handles beside the buffer and answers with their address.
    pub(super) fn place_handles(
        &self,
        backend: &dyn Backend,
        bytes: &[u8],
    ) -> Result<zx_vaddr_t, RunError> {
        if bytes.len() > HANDLES_ROOM {
            let (len, room) = (bytes.len() as u64, HANDLES_ROOM as u64);
            return Err(RunError::DataTooLong { len, room });
        }
        let address = self.arena.base + HANDLES_OFFSET;
        backend.store(address, bytes)?;
        Ok(address)
    }

    /// The first handle that a call stored beside the buffer.
    pub(super) fn first_handle(&self, backend: &dyn Backend) -> Result<Option<u64>, RunError> {
        let mut bytes = [0; 4];
        backend.load(self.arena.base + HANDLES_OFFSET, &mut bytes)?;
        Ok((bytes != [PATTERN; 4]).then(|| u64::from(u32::from_le_bytes(bytes))))
    }

    /// What a call stored in a place of fixed size; `None` if the place still
    /// holds the pattern. Notes whether the bytes around it do.
    pub(super) fn collect_word(
        &self,
        backend: &dyn Backend,
        index: usize,
        size: u64,
        outcome: &mut Outcome,
    ) -> Result<Option<u64>, RunError> {
        let mut bytes = [0; 8 + 2 * CANARY];
        let bytes = &mut bytes[..size as usize + 2 * CANARY];
        backend.load(self.place_of(index) - CANARY as u64, bytes)?;
        if is_fill(bytes, PATTERN) {
            return Ok(None);
        }
        let (before, rest) = bytes.split_at(CANARY);
        let (stored, behind) = rest.split_at(size as usize);
        outcome.overran |= !is_fill(before, PATTERN) || !is_fill(behind, PATTERN);
        if is_fill(stored, PATTERN) {
            return Ok(None);
        }
        let mut word = [0; 8];
        word[..stored.len()].copy_from_slice(stored);
        Ok(Some(u64::from_le_bytes(word)))
    }

    /// What a call stored in its buffer of `len` bytes; `exempt` says that the
    /// buffer may have changed although the call failed.
    pub(super) fn collect_bytes(
        &self,
        backend: &dyn Backend,
        len: u64,
        exempt: bool,
        outcome: &mut Outcome,
    ) -> Result<(), RunError> {
        self.load_bytes(backend, self.prepared, outcome)?;
        let Some(bytes) = &mut outcome.bytes else { return Ok(()) };
        let inside = self.prepared - CANARY;
        // A call whose length exceeds the arena may have touched all of it.
        if inside as u64 == len {
            outcome.overran |= !is_fill(&bytes[inside..], PATTERN);
        }
        let mut before = [0; CANARY];
        bytes.truncate(inside);
        if !exempt && !is_fill(bytes, PATTERN) {
            outcome.untouched = false;
        }
        backend.load(self.buffer() - CANARY as u64, &mut before)?;
        outcome.overran |= !is_fill(&before, PATTERN);
        Ok(())
    }

    /// Reads the first bytes of the buffer.
    pub(super) fn load_bytes(
        &self,
        backend: &dyn Backend,
        len: usize,
        outcome: &mut Outcome,
    ) -> Result<(), RunError> {
        let mut bytes = std::mem::take(&mut outcome.spare);
        // What an earlier step left in it is overwritten.
        bytes.resize(len, 0);
        backend.load(self.buffer(), &mut bytes)?;
        outcome.bytes = Some(bytes);
        Ok(())
    }
}
