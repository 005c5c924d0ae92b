//! `handle_close`.

use crate::suite::Suite;

pub(super) fn add(_suite: &mut Suite) {}
