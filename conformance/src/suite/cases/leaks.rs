//! Nothing leaks: no old bytes into fresh memory, no handles, no objects, no
//! properties of what is gone.

mod behind;
mod left;
mod memory;
mod objects;
mod rounds;

use crate::suite::Suite;

pub(super) fn add(suite: &mut Suite) {
    memory::add(suite);
    objects::add(suite);
    behind::add(suite);
    left::add(suite);
    rounds::add(suite);
}
