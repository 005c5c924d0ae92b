//! `copy_on_write`.

use crate::suite::Suite;

pub(super) fn add(_suite: &mut Suite) {}
