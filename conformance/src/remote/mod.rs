//! Backends in other processes and machines, by the protocol of `PROTOCOL.md`.
//!
//! Whatever happens there, a crash, a hang, an answer that is none, is a verdict
//! about what was being done ([`Backend::lost`](vmo_abi::Backend::lost)); the
//! next backend is started afresh.

mod backend;
mod client;
mod door;
mod frame;
mod link;
mod message;
mod process;
pub mod serve;

pub(crate) use door::SCHEMES;
pub use door::{Door, DoorError, Limits};
pub use message::{Hello, VERSION};
pub(crate) use process::{LAUNCH, can_launch, launch};

/// Bytes of a payload at most, on the side of the tester.
const LARGEST_PAYLOAD: usize = 1 << 16;
