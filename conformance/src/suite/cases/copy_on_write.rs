//! What the members of a clone family show after calls on one of them.

mod addresses;
mod chains;
mod committing;
mod either;
mod families;
mod following;
mod large;
mod lifetimes;
mod mappings;
pub(super) mod pages;
mod refreshing;
mod resizing;

use crate::suite::Suite;

pub(super) fn add(suite: &mut Suite) {
    following::add(suite);
    families::add(suite);
    resizing::add(suite);
    committing::add(suite);
    chains::add(suite);
    either::add(suite);
    mappings::add(suite);
    refreshing::add(suite);
    lifetimes::add(suite);
    large::add(suite);
    addresses::add(suite);
}
