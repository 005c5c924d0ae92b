//! `vmar_destroy`.

use crate::suite::Suite;

pub(super) fn add(_suite: &mut Suite) {}
