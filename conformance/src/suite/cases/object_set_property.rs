//! `object_set_property`.

use crate::suite::Suite;

pub(super) fn add(_suite: &mut Suite) {}
