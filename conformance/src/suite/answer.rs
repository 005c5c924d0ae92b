//! What a call answered, and what a test expects of it.

use std::fmt;
use std::ops::Deref;

use vmo_abi::{MAX_ARGUMENTS, Record, ZX_OK, zx_info_handle_basic_t, zx_status_t, zx_vaddr_t};

use crate::program::{Address, Handle, Name, StepResult};
use crate::runner::{RunError, Status};

/// What a test comes to.
pub type Checked<T = ()> = Result<T, Failure>;

/// Why a test did not pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// Something came out otherwise than expected.
    Expectation {
        /// Index of the step it was about, as recorded.
        step: Option<usize>,
        /// What was expected.
        expected: String,
        /// What was seen.
        actual: String,
    },
    /// The test could not be run on this backend.
    CannotRun(RunError),
}

impl Failure {
    /// A failed expectation about no step in particular.
    pub fn new(expected: impl fmt::Display, actual: impl fmt::Display) -> Self {
        Self::Expectation { step: None, expected: expected.to_string(), actual: actual.to_string() }
    }
}

impl From<RunError> for Failure {
    fn from(error: RunError) -> Self {
        Self::CannotRun(error)
    }
}

/// What a call answered, or what came of a load or store.
#[derive(Clone, Debug)]
#[must_use = "an answer is to be judged"]
pub struct Answer {
    pub(super) step: usize,
    pub(super) result: StepResult,
    pub(super) words: [Option<u64>; MAX_ARGUMENTS],
    pub(super) bytes: Vec<u8>,
    pub(super) untouched: bool,
    pub(super) overran: bool,
    pub(super) names: Vec<Name>,
}

impl Answer {
    /// How the call ended.
    #[must_use]
    pub fn result(&self) -> StepResult {
        self.result
    }

    /// The status that the call returned; `ZX_OK` for an access that went
    /// through, and no status for one that faulted.
    #[must_use]
    pub fn status(&self) -> Option<zx_status_t> {
        match self.result {
            StepResult::Status(status) => Some(status),
            StepResult::Fault => None,
        }
    }

    fn text(&self) -> String {
        match self.result {
            StepResult::Status(status) => Status(status).to_string(),
            StepResult::Fault => "FAULT".to_owned(),
        }
    }

    /// A failed expectation about this call.
    pub fn failure(&self, expected: impl fmt::Display, actual: impl fmt::Display) -> Failure {
        Failure::Expectation {
            step: Some(self.step),
            expected: expected.to_string(),
            actual: actual.to_string(),
        }
    }

    /// Expects this status, and that nothing was stored outside of the buffers.
    pub fn is(self, status: zx_status_t) -> Checked<Judged> {
        if self.status() != Some(status) {
            return Err(self.failure(Status(status), self.text()));
        }
        if self.overran {
            return Err(
                self.failure("nothing stored outside of the buffers", "bytes there changed")
            );
        }
        Ok(Judged(self))
    }

    /// Expects `ZX_OK`.
    pub fn ok(self) -> Checked<Judged> {
        self.is(ZX_OK)
    }

    /// Expects one of these statuses.
    pub fn one_of(self, statuses: &[zx_status_t]) -> Checked<Judged> {
        if self.status().is_some_and(|status| statuses.contains(&status)) {
            return Ok(Judged(self));
        }
        let names: Vec<_> = statuses.iter().map(|status| Status(*status).to_string()).collect();
        Err(self.failure(names.join(" or "), self.text()))
    }

    /// Expects that an access faulted.
    pub fn faults(self) -> Checked<Judged> {
        match self.result {
            StepResult::Fault => Ok(Judged(self)),
            StepResult::Status(_) => Err(self.failure("FAULT", "the access went through")),
        }
    }

    /// The number stored for the argument at `position`.
    pub fn word(&self, position: usize) -> Checked<u64> {
        self.words[position].ok_or_else(|| self.failure("a number stored", "nothing stored"))
    }

    /// Whether anything was stored for the argument at `position`.
    #[must_use]
    pub fn has_word(&self, position: usize) -> bool {
        self.words[position].is_some()
    }

    /// The bytes stored or loaded.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The `nth` handle that the call stored.
    #[must_use]
    pub fn handle(&self, nth: usize) -> Handle {
        Handle::Named(self.names[nth])
    }

    /// The address that the call stored.
    #[must_use]
    pub fn address(&self) -> Address {
        Address::Named(self.names[0], 0)
    }

    /// The record of `ZX_INFO_HANDLE_BASIC`.
    pub fn basic_info(&self) -> Checked<zx_info_handle_basic_t> {
        match self.bytes.first_chunk() {
            Some(bytes) => Ok(zx_info_handle_basic_t::from_bytes(bytes)),
            None => Err(self.failure("32 bytes stored", format!("{} bytes", self.bytes.len()))),
        }
    }
}

/// An answer whose status was judged; what it stored can be judged further.
#[derive(Clone, Debug)]
pub struct Judged(Answer);

impl Deref for Judged {
    type Target = Answer;

    fn deref(&self) -> &Answer {
        &self.0
    }
}

/// Expectations about what the call stored. Each fails if it is not met.
#[allow(clippy::missing_errors_doc)]
impl Judged {
    /// Expects that every good output location kept its bytes (GEN-06). Below
    /// the level of the kernel a call may store what it likes when it fails.
    pub fn untouched(self) -> Checked<Self> {
        if self.0.untouched {
            return Ok(self);
        }
        Err(self.failure("every output location keeps its bytes", "one was written"))
    }

    /// Expects that the bytes stored or loaded are just these.
    pub fn bytes_are(self, expected: &[u8]) -> Checked<Self> {
        if self.0.bytes == expected {
            return Ok(self);
        }
        let data = |bytes: &[u8]| crate::program::Data::from_bytes(bytes).to_string();
        let (expected, actual) = (data(expected), data(&self.0.bytes));
        Err(self.failure(expected, actual))
    }

    /// Expects that the number stored for the argument at `position` is this.
    pub fn word_is(self, position: usize, expected: u64) -> Checked<Self> {
        match self.0.words[position] {
            Some(word) if word == expected => Ok(self),
            Some(word) => Err(self.failure(format!("{expected:#x}"), format!("{word:#x}"))),
            None => Err(self.failure(format!("{expected:#x}"), "nothing stored")),
        }
    }
}

/// An address so many bytes further on.
#[must_use]
pub fn plus(address: Address, offset: u64) -> Address {
    match address {
        Address::Named(name, base) => Address::Named(name, base.wrapping_add(offset)),
        Address::Region(base) => Address::Region(base.wrapping_add(offset)),
        Address::Literal(base) => Address::Literal(base.wrapping_add(offset)),
        Address::Straddle(bytes) => Address::Straddle(bytes.wrapping_sub(offset)),
        Address::Null => Address::Literal(offset as zx_vaddr_t),
        other => other,
    }
}
