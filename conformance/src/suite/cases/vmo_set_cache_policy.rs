//! `vmo_set_cache_policy`.

use crate::suite::Suite;

pub(super) fn add(_suite: &mut Suite) {}
