//! `vmo_create` failing: what wins, and what stays behind.

use vmo_abi::Capability::{Info, MemoryControl, ProcessVmos};
use vmo_abi::{ZX_ERR_INVALID_ARGS, ZX_ERR_NO_MEMORY, ZX_ERR_OUT_OF_RANGE, ZX_OK, zx_status_t};

use super::TOO_LARGE;
use crate::program::Address;
use crate::suite::{Answer, Checked, Context, PAGE, Suite};

/// A call that fails, as a test does it.
type Failing = fn(&mut Context<'_>) -> Checked<Answer>;

/// Calls that fail although their out pointer is good.
const FAILING: &[(&str, zx_status_t, Failing)] = &[
    ("options", ZX_ERR_INVALID_ARGS, |cx| cx.vmo_create(PAGE, 1)),
    ("all_options", ZX_ERR_INVALID_ARGS, |cx| cx.vmo_create(0, u32::MAX)),
    ("too_large", ZX_ERR_OUT_OF_RANGE, |cx| cx.vmo_create(u64::MAX, 0)),
    ("just_too_large", ZX_ERR_OUT_OF_RANGE, |cx| cx.vmo_create(super::LARGEST + 1, 0)),
];

/// Calls that fail because of their out pointer.
const BAD_POINTERS: &[(&str, Address)] = &[
    ("null", Address::Null),
    ("unmapped", Address::Unmapped),
    ("readonly", Address::ReadOnly),
    ("kernel", Address::Kernel),
    ("straddling", Address::Straddle(2)),
];

fn expect_nothing_left(
    cx: &mut Context<'_>,
    failing: impl Fn(&mut Context<'_>) -> Checked,
) -> Checked {
    let before = cx.vmo_infos()?.len();
    for _ in 0..3 {
        failing(cx)?;
    }
    let after = cx.vmo_infos()?.len();
    cx.expect(before == after, format!("{before} VMOs"), format!("{after} VMOs"))
}

pub(super) fn add(suite: &mut Suite) {
    for &(name, status, call) in FAILING {
        suite.test(
            format!("leaves_out_alone_on_failure::{name}"),
            &["VMO-CREATE-15"],
            &[],
            move |cx| call(cx)?.is(status)?.untouched().map(drop),
        );
        suite.test(
            format!("leaves_no_vmo_behind::{name}"),
            &["VMO-CREATE-15"],
            &[ProcessVmos, Info],
            move |cx| expect_nothing_left(cx, |cx| call(cx)?.is(status).map(drop)),
        );
    }

    for &(name, address) in BAD_POINTERS {
        suite.test(
            format!("refuses_out_pointer::{name}"),
            if address == Address::Null { &["VMO-CREATE-08"] } else { &["VMO-CREATE-09"] },
            &[],
            move |cx| {
                cx.with("out", address).vmo_create(PAGE, 0)?.is(ZX_ERR_INVALID_ARGS).map(drop)
            },
        );
        suite.test(
            format!("leaves_no_vmo_behind_without_out::{name}"),
            &["VMO-CREATE-15", "GEN-05"],
            &[ProcessVmos, Info],
            move |cx| {
                expect_nothing_left(cx, |cx| {
                    let answer = cx.with("out", address).vmo_create(PAGE, 0)?;
                    answer.is(ZX_ERR_INVALID_ARGS).map(drop)
                })
            },
        );
    }

    for &(name, size) in TOO_LARGE {
        suite.test(
            format!("judges_size_before_out_pointer::{name}"),
            &["VMO-CREATE-11"],
            &[],
            move |cx| {
                let answer = cx.with("out", Address::Null).vmo_create(size, 0)?;
                answer.is(ZX_ERR_OUT_OF_RANGE).map(drop)
            },
        );
        suite.test(
            format!("judges_options_before_size::{name}"),
            &["VMO-CREATE-12"],
            &[],
            move |cx| cx.vmo_create(size, 1 << 31)?.is(ZX_ERR_INVALID_ARGS).map(drop),
        );
    }

    suite.test("answers_no_memory", &["VMO-CREATE-10"], &[MemoryControl], |cx| {
        cx.fail_allocation(Some(1))?;
        cx.vmo_create(PAGE, 0)?.is(ZX_ERR_NO_MEMORY).map(drop)
    });

    suite.test("works_after_no_memory", &["VMO-CREATE-10"], &[MemoryControl], |cx| {
        let other = cx.create_filled(PAGE, 0x31)?;
        cx.fail_allocation(Some(1))?;
        cx.vmo_create(2 * PAGE, 0)?.is(ZX_ERR_NO_MEMORY)?;
        cx.fail_allocation(None)?;
        let vmo = cx.create(2 * PAGE)?;
        cx.expect_size(vmo, 2 * PAGE)?;
        cx.expect_fill(other, 0, PAGE, 0x31)
    });

    // How many allocations there are is the implementation's own business.
    for nth in 1..=4 {
        suite.test(
            format!("leaves_no_vmo_behind_without_memory::{nth}"),
            &["VMO-CREATE-15"],
            &[MemoryControl, ProcessVmos, Info],
            move |cx| {
                let before = cx.vmo_infos()?.len();
                cx.fail_allocation(Some(nth))?;
                let answer = cx.vmo_create(PAGE, 0)?.one_of(&[ZX_OK, ZX_ERR_NO_MEMORY])?;
                cx.fail_allocation(None)?;
                if answer.status() == Some(ZX_OK) {
                    cx.close(answer.handle(0))?;
                } else {
                    answer.untouched()?;
                }
                let after = cx.vmo_infos()?.len();
                cx.expect(before == after, format!("{before} VMOs"), format!("{after} VMOs"))
            },
        );
    }

    suite.test("judges_arguments_before_memory", &["VMO-CREATE-12"], &[MemoryControl], |cx| {
        cx.fail_allocation(Some(1))?;
        cx.vmo_create(PAGE, 1)?.is(ZX_ERR_INVALID_ARGS)?;
        cx.vmo_create(u64::MAX, 0)?.is(ZX_ERR_OUT_OF_RANGE)?;
        cx.vmo_create(PAGE, 0)?.is(ZX_ERR_NO_MEMORY).map(drop)
    });
}
