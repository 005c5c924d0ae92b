//! Mappings as memory: what loads, stores and calls find, and what changes it.

mod access;
mod aliases;
mod buffers;
mod changes;
mod lasting;
pub(super) mod picture;
mod positions;
mod resizing;
mod running_out;

use crate::suite::Suite;

/// Bytes of which no two near each other are the same: byte `at` of a VMO.
fn pattern(at: u64, len: u64) -> Vec<u8> {
    (at..at + len).map(|at| (at % 251) as u8 ^ (at / 4096 * 16) as u8).collect()
}

pub(super) fn add(suite: &mut Suite) {
    access::add(suite);
    aliases::add(suite);
    changes::add(suite);
    resizing::add(suite);
    positions::add(suite);
    buffers::add(suite);
    lasting::add(suite);
    running_out::add(suite);
}
