//! `ZX_VMO_ZERO_CHILDREN`: when it falls and when it rises.

mod counting;
mod doors;
mod lasting;
mod seed;

use vmo_abi::ZX_VMO_ZERO_CHILDREN;

use crate::program::Handle;
use crate::suite::{Checked, Context, Suite};

pub(super) fn add(suite: &mut Suite) {
    seed::add(suite);
    counting::add(suite);
    doors::add(suite);
    lasting::add(suite);
}

/// Expects a VMO to show that it has a clone, and no other signal.
fn low(cx: &mut Context<'_>, vmo: Handle) -> Checked {
    cx.expect_signals(vmo, 0)
}

/// Expects a VMO to show that it has no clone, and no other signal.
fn high(cx: &mut Context<'_>, vmo: Handle) -> Checked {
    cx.expect_signals(vmo, ZX_VMO_ZERO_CHILDREN)
}
