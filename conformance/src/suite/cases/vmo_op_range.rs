//! `vmo_op_range`.

use crate::suite::Suite;

pub(super) fn add(_suite: &mut Suite) {}
