//! The system calls, each in the order of checks of its clause group.

mod channel;
mod handle;
mod info;
mod object;
mod property;
mod vmar;
mod vmo;
