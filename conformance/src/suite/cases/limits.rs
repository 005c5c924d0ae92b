//! Much of everything, and too little memory.

mod deep;
mod failing;
mod many;
mod memory;

use crate::suite::Suite;

pub(super) fn add(suite: &mut Suite) {
    deep::add(suite);
    many::add(suite);
    memory::add(suite);
    failing::add(suite);
}
