//! What is judged: one thing that was done, and what came of it.

use vmo_abi::{MAX_ARGUMENTS, Syscall, zx_status_t, zx_vaddr_t};

/// One thing that the tester did, and what came of it.
///
/// Everything is given in concrete handles and addresses, so that it does not
/// matter where calls come from.
#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// A system call.
    Call(CallEvent<'a>),
    /// User code loaded bytes.
    Load {
        /// From where.
        address: zx_vaddr_t,
        /// How many.
        len: u64,
        /// The bytes, or `None` if the access faulted.
        bytes: Option<&'a [u8]>,
    },
    /// User code stored bytes.
    Store {
        /// To where.
        address: zx_vaddr_t,
        /// What.
        bytes: &'a [u8],
        /// Whether the access faulted.
        faulted: bool,
    },
    /// The tester limited the pages that can be committed, or took that back.
    LimitMemory(Option<u64>),
    /// The tester ordered the n-th allocation from now to fail, or took that
    /// back.
    FailAllocation(Option<u64>),
}

/// A system call and its outcome.
#[derive(Clone, Copy, Debug)]
pub struct CallEvent<'a> {
    /// Which call.
    pub syscall: Syscall,
    /// Its arguments. Of a 32-bit argument only the lower half counts.
    pub registers: &'a [u64; MAX_ARGUMENTS],
    /// What the tester had put where the call's one input pointer points:
    /// data, wait items, or handles. What the call reads beyond it, or all if
    /// this is empty, counts as unknown, unless it lies in a mapping.
    pub input: &'a [u8],
    /// What the tester had put where the call's array of handles points, if the
    /// call reads such an array besides [`input`](Self::input).
    pub handles: &'a [u8],
    /// What the call returned.
    pub status: zx_status_t,
    /// For each argument that points to a place of fixed size, what the place
    /// holds after the call; `None` if it still holds the pattern, or if it is
    /// not known.
    pub words: &'a [Option<u64>; MAX_ARGUMENTS],
    /// The arguments, as bits, whose places were filled with
    /// [`pattern`](Self::pattern) before the call: a word there was stored by
    /// the call, and where there is none, nothing was stored.
    pub fresh_words: u8,
    /// What the buffer that the call stores in holds after the call, if that is
    /// known. It was filled with [`pattern`](Self::pattern) before.
    pub bytes: Option<&'a [u8]>,
    /// What buffers are filled with before a call.
    pub pattern: u8,
    /// Whether every good output location kept its bytes: all but the buffer of
    /// `vmo_read`, and `actual` and `avail` of `object_get_info`.
    pub untouched: bool,
    /// Whether a byte just before or behind a place or buffer was changed.
    pub overran: bool,
}

impl CallEvent<'_> {
    /// A 64-bit argument.
    pub(super) fn long(&self, argument: usize) -> u64 {
        self.registers[argument]
    }

    /// A 32-bit argument.
    pub(super) fn int(&self, argument: usize) -> u32 {
        self.registers[argument] as u32
    }

    /// Whether a call stored nothing in a place that it was looked for.
    pub(super) fn is_unwritten(&self, argument: usize) -> bool {
        self.fresh_words & (1 << argument) == 0 || self.words[argument].is_none()
    }

    /// What the call stored in a place.
    pub(super) fn stored(&self, argument: usize) -> Stored {
        match self.words[argument] {
            Some(word) => Stored::Word(word),
            None if self.fresh_words & (1 << argument) != 0 => Stored::Nothing,
            None => Stored::Unknown,
        }
    }
}

/// What a call stored in a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stored {
    /// This.
    Word(u64),
    /// Nothing.
    Nothing,
    /// Nobody knows.
    Unknown,
}
