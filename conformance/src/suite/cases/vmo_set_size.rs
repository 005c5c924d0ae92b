//! `vmo_set_size`.

use crate::suite::Suite;

pub(super) fn add(_suite: &mut Suite) {}
