//! `transfer`.

use crate::suite::Suite;

pub(super) fn add(_suite: &mut Suite) {}
