//! Why a program could not be run.

use std::fmt;

use vmo_abi::{Capability, Loss, LossKind, status_name, zx_status_t};

/// Why a program could not be run at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RunError {
    /// The backend's arena is too small to work in.
    ArenaTooSmall {
        /// Bytes that the backend offers.
        offered: u64,
        /// Bytes that are needed.
        needed: u64,
    },
    /// The backend does not offer something that the program needs.
    Unsupported(Capability),
    /// The backend does not offer an address of a kind that the program uses.
    NoSuchAddress(&'static str),
    /// The backend does not offer a handle that every program may use.
    NoSuchHandle(&'static str),
    /// The region that every program may use could not be allocated.
    NoRegion(zx_status_t),
    /// The tester could not access the arena.
    ArenaFault(vmo_abi::Fault),
    /// The backend was lost.
    Lost {
        /// How.
        kind: LossKind,
        /// What was seen of it.
        detail: String,
    },
    /// A step has more data than the arena has room for.
    DataTooLong {
        /// Bytes of the data.
        len: u64,
        /// Bytes there is room for.
        room: u64,
    },
}

impl fmt::Display for RunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ArenaTooSmall { offered, needed } => {
                write!(f, "the arena has {offered:#x} bytes, at least {needed:#x} are needed")
            }
            Self::Unsupported(capability) => {
                write!(f, "the backend does not offer `{}`", capability.name())
            }
            Self::NoSuchAddress(kind) => write!(f, "the backend offers no `{kind}` address"),
            Self::NoSuchHandle(kind) => write!(f, "the backend offers no handle to its {kind}"),
            Self::NoRegion(status) => {
                write!(f, "the region of the program could not be allocated: {}", Status(*status))
            }
            Self::ArenaFault(fault) => write!(f, "the arena cannot be accessed: {fault}"),
            Self::Lost { kind, detail } => write!(f, "{}: {detail}", kind.name()),
            Self::DataTooLong { len, room } => {
                write!(f, "{len:#x} bytes of data do not fit into the arena's {room:#x} bytes")
            }
        }
    }
}

impl std::error::Error for RunError {}

impl From<Loss<'_>> for RunError {
    fn from(loss: Loss<'_>) -> Self {
        Self::Lost { kind: loss.kind, detail: loss.detail.to_owned() }
    }
}

impl From<vmo_abi::Fault> for RunError {
    fn from(fault: vmo_abi::Fault) -> Self {
        Self::ArenaFault(fault)
    }
}

/// A status that is written by its name, or as a number if it has none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Status(pub zx_status_t);

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match status_name(self.0) {
            Some(name) => f.write_str(name),
            None => write!(f, "status {}", self.0),
        }
    }
}
