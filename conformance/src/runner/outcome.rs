//! What came of a step.

use vmo_abi::{MAX_ARGUMENTS, Record, ZX_OK, zx_info_handle_basic_t};

use super::scratch::PATTERN;
use crate::program::{StepResult, is_fill};

/// What came of a step: how it ended, and what it stored.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// How the step ended.
    pub result: StepResult,
    /// For each argument that points to a place of fixed size: what was stored
    /// there, or `None` if nothing was or the place was not good.
    pub words: [Option<u64>; MAX_ARGUMENTS],
    /// What was stored in a buffer, or loaded.
    pub bytes: Option<Vec<u8>>,
    /// Whether a byte just before or behind a place or buffer was changed.
    pub overran: bool,
    /// Whether every good output location kept its bytes: all but the buffer of
    /// `vmo_read`, and `actual` and `avail`, which are results even of a call
    /// that fails.
    pub untouched: bool,
    /// Memory of an earlier step's bytes, to be used again.
    pub(super) spare: Vec<u8>,
}

impl Default for Outcome {
    fn default() -> Self {
        Self {
            result: StepResult::Status(ZX_OK),
            words: [None; MAX_ARGUMENTS],
            bytes: None,
            overran: false,
            untouched: true,
            spare: Vec::new(),
        }
    }
}

impl Outcome {
    /// Whether the call returned `ZX_OK` or the access went through.
    #[must_use]
    pub fn is_ok(&self) -> bool {
        self.result == StepResult::Status(ZX_OK)
    }

    /// The record, if the step asked for `ZX_INFO_HANDLE_BASIC` and got it.
    #[must_use]
    pub fn basic_info(&self) -> Option<zx_info_handle_basic_t> {
        let bytes = self.is_ok().then_some(self.bytes.as_ref()?)?;
        Some(zx_info_handle_basic_t::from_bytes(bytes.first_chunk()?))
    }

    /// The first `len` bytes of the buffer, if the call stored just these.
    #[must_use]
    pub fn stored_exactly(&self, len: usize) -> Option<&[u8]> {
        let (stored, rest) = self.bytes.as_ref()?.split_at_checked(len)?;
        is_fill(rest, PATTERN).then_some(stored)
    }

    pub(super) fn clear(&mut self) {
        let spare = self.bytes.take().unwrap_or_else(|| std::mem::take(&mut self.spare));
        *self = Self { spare, ..Self::default() };
    }
}
