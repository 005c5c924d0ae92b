//! `vmo_create`.

use vmo_abi::Capability::{Info, Signals};
use vmo_abi::{
    ZX_DEFAULT_VMO_RIGHTS, ZX_ERR_INVALID_ARGS, ZX_ERR_OUT_OF_RANGE, ZX_VMO_ZERO_CHILDREN,
};

use crate::program::Address;
use crate::suite::Suite;
use crate::suite::steps::PAGE;

/// Sizes asked for, and what they are rounded to.
const SIZES: &[(&str, u64, u64)] = &[
    ("0", 0, 0),
    ("1", 1, PAGE),
    ("page_less_1", PAGE - 1, PAGE),
    ("page", PAGE, PAGE),
    ("page_plus_1", PAGE + 1, 2 * PAGE),
];

pub(super) fn add(suite: &mut Suite) {
    for &(name, size, rounded) in SIZES {
        suite.test(
            format!("rounds_size_up_to_a_page::{name}"),
            &["VMO-CREATE-02", "VMO-CREATE-03"],
            &[],
            move |cx| {
                let vmo = cx.create(size)?;
                cx.expect_size(vmo, rounded)
            },
        );
    }

    for bit in 0..32 {
        suite.test(format!("refuses_option_bit::{bit}"), &["VMO-CREATE-07"], &[], move |cx| {
            cx.vmo_create(PAGE, 1 << bit)?.is(ZX_ERR_INVALID_ARGS)?.untouched().map(drop)
        });
    }

    suite.test("refuses_a_null_out_pointer", &["VMO-CREATE-08"], &[], |cx| {
        cx.with("out", Address::Null).vmo_create(PAGE, 0)?.is(ZX_ERR_INVALID_ARGS).map(drop)
    });

    suite.test("judges_size_before_out_pointer", &["VMO-CREATE-11"], &[], |cx| {
        let answer = cx.with("out", Address::Null).vmo_create(u64::MAX, 0)?;
        answer.is(ZX_ERR_OUT_OF_RANGE).map(drop)
    });

    suite.test("gives_exactly_the_default_rights", &["VMO-CREATE-24"], &[Info], |cx| {
        let vmo = cx.create(PAGE)?;
        cx.expect_rights(vmo, ZX_DEFAULT_VMO_RIGHTS)
    });

    suite.test("shows_just_zero_children_at_birth", &["VMO-CREATE-35"], &[Signals], |cx| {
        let vmo = cx.create(PAGE)?;
        cx.expect_signals(vmo, ZX_VMO_ZERO_CHILDREN)
    });
}
