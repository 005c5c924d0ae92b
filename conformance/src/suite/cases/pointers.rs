//! Output locations of which only a part is good.

use vmo_abi::Capability::Clone;
use vmo_abi::ZX_ERR_INVALID_ARGS;

use crate::program::Address;
use crate::suite::{PAGE, Suite};

pub(super) fn add(suite: &mut Suite) {
    for bytes in 1..4 {
        suite.test(
            format!("a_handle_needs_its_four_bytes::{bytes}"),
            &["GEN-09"],
            &[Clone],
            move |cx| {
                let vmo = cx.create(PAGE)?;
                cx.with("out", Address::Straddle(bytes));
                cx.vmo_create(PAGE, 0)?.is(ZX_ERR_INVALID_ARGS)?;
                cx.with("out", Address::Straddle(bytes));
                cx.vmo_clone(vmo, 1, 0, PAGE)?.is(ZX_ERR_INVALID_ARGS)?;
                cx.with("out", Address::Straddle(4));
                cx.vmo_create(PAGE, 0)?.ok().map(drop)
            },
        );
    }

    for bytes in 1..8 {
        suite.test(format!("a_size_needs_its_eight_bytes::{bytes}"), &["GEN-09"], &[], move |cx| {
            let vmo = cx.create(3 * PAGE)?;
            cx.with("size", Address::Straddle(bytes));
            cx.vmo_get_size(vmo)?.is(ZX_ERR_INVALID_ARGS)?;
            cx.with("size", Address::Straddle(8));
            cx.vmo_get_size(vmo)?.ok()?.word_is(1, 3 * PAGE).map(drop)
        });
    }
}
