//! `handle_replace`: the old handle goes, whatever happens.

mod keeping;
mod rights;

use vmo_abi::Capability::{Clone, Handles, Info, Signals};
use vmo_abi::{
    ZX_ERR_BAD_HANDLE, ZX_ERR_INVALID_ARGS, ZX_RIGHT_READ, ZX_RIGHT_SAME_RIGHTS, ZX_RIGHT_WRITE,
    ZX_VMO_ZERO_CHILDREN, zx_rights_t,
};

use super::handle_duplicate::BAD_PLACES;
use super::object_get_info::expect_count;
use crate::program::{Address, Handle};
use crate::suite::{PAGE, Suite};

/// A refusal: its name, whether the out pointer is bad, and the rights asked.
const REFUSALS: &[(&str, bool, zx_rights_t)] = &[
    ("bad_pointer", true, ZX_RIGHT_READ),
    ("bad_pointer_same_rights", true, ZX_RIGHT_SAME_RIGHTS),
    ("rights", false, ZX_RIGHT_READ | ZX_RIGHT_WRITE),
    ("same_rights_and_more", false, ZX_RIGHT_SAME_RIGHTS | ZX_RIGHT_READ),
    ("both", true, ZX_RIGHT_WRITE),
];

pub(super) fn add(suite: &mut Suite) {
    rights::add(suite);
    keeping::add(suite);
    consumed(suite);
    not_handles(suite);
}

fn consumed(suite: &mut Suite) {
    suite.test(
        "the_old_handle_is_gone",
        &["HANDLE-REPLACE-01", "HANDLE-REPLACE-04"],
        &[Handles],
        |cx| {
            let vmo = cx.create_filled(PAGE, 0x41)?;
            let other = cx.handle_replace(vmo, ZX_RIGHT_SAME_RIGHTS)?.ok()?.handle(0);
            cx.vmo_get_size(vmo)?.is(ZX_ERR_BAD_HANDLE)?;
            cx.expect_fill(other, 0, PAGE, 0x41)?;
            cx.handle_close(vmo)?.is(ZX_ERR_BAD_HANDLE)?;
            cx.handle_replace(vmo, ZX_RIGHT_SAME_RIGHTS)?.is(ZX_ERR_BAD_HANDLE)?.untouched()?;
            cx.expect_fill(other, 0, PAGE, 0x41)
        },
    );

    suite.test("a_refusal_stores_nothing", &["HANDLE-REPLACE-12"], &[Handles], |cx| {
        let vmo = cx.create(PAGE)?;
        let few = cx.duplicate(vmo, ZX_RIGHT_READ)?;
        let answer = cx.handle_replace(few, ZX_RIGHT_WRITE)?;
        answer.is(ZX_ERR_INVALID_ARGS)?.untouched().map(drop)
    });

    for &(row, address) in BAD_PLACES {
        suite.test(
            format!("a_bad_pointer_takes_the_handle::{row}"),
            &["HANDLE-REPLACE-06"],
            &[Handles, Info],
            move |cx| {
                let vmo = cx.create(PAGE)?;
                let second = cx.duplicate_same(vmo)?;
                cx.with("out", address);
                cx.handle_replace(second, ZX_RIGHT_SAME_RIGHTS)?.is(ZX_ERR_INVALID_ARGS)?;
                cx.expect_valid(second, false)?;
                expect_count(cx, vmo, 1)
            },
        );
    }

    for &(row, bad_pointer, asked) in REFUSALS {
        suite.test(
            format!("a_refusal_takes_just_the_one_handle::{row}"),
            &["HANDLE-REPLACE-04"],
            &[Handles, Info],
            move |cx| {
                let vmo = cx.create_filled(PAGE, 0x41)?;
                let few = cx.duplicate(vmo, ZX_RIGHT_READ)?;
                let second = cx.duplicate(vmo, ZX_RIGHT_READ)?;
                if bad_pointer {
                    cx.with("out", Address::Null);
                }
                cx.handle_replace(few, asked)?.is(ZX_ERR_INVALID_ARGS)?;
                cx.expect_valid(few, false)?;
                cx.handle_close(few)?.is(ZX_ERR_BAD_HANDLE)?;
                expect_count(cx, vmo, 2)?;
                cx.expect_rights(second, ZX_RIGHT_READ)?;
                cx.expect_fill(second, 0, PAGE, 0x41)
            },
        );
        suite.test(
            format!("a_failure_with_the_last_handle_destroys::{row}"),
            &["HANDLE-REPLACE-07"],
            &[Handles, Clone, Signals],
            move |cx| {
                let parent = cx.create(PAGE)?;
                let clone = cx.clone_of(parent, 0, PAGE)?;
                let few = cx.handle_replace(clone, ZX_RIGHT_READ)?.ok()?.handle(0);
                cx.expect_signal(parent, ZX_VMO_ZERO_CHILDREN, false)?;
                if bad_pointer {
                    cx.with("out", Address::Null);
                }
                cx.handle_replace(few, asked)?.is(ZX_ERR_INVALID_ARGS)?;
                cx.expect_signal(parent, ZX_VMO_ZERO_CHILDREN, true)
            },
        );
        suite.test(
            format!("a_failure_with_another_handle_left_destroys_nothing::{row}"),
            &["HANDLE-REPLACE-07"],
            &[Handles, Clone, Signals],
            move |cx| {
                let parent = cx.create_filled(PAGE, 0x41)?;
                let clone = cx.clone_of(parent, 0, PAGE)?;
                let few = cx.duplicate(clone, ZX_RIGHT_READ)?;
                if bad_pointer {
                    cx.with("out", Address::Null);
                }
                cx.handle_replace(few, asked)?.is(ZX_ERR_INVALID_ARGS)?;
                cx.expect_signal(parent, ZX_VMO_ZERO_CHILDREN, false)?;
                cx.expect_fill(clone, 0, PAGE, 0x41)
            },
        );
    }
}

fn not_handles(suite: &mut Suite) {
    suite.test("no_handle_takes_nothing", &["HANDLE-REPLACE-08"], &[Handles, Info], |cx| {
        let vmo = cx.create(PAGE)?;
        let closed = cx.closed_handle()?;
        for bad in [Handle::Invalid, Handle::Never, closed] {
            cx.handle_replace(bad, ZX_RIGHT_SAME_RIGHTS)?.is(ZX_ERR_BAD_HANDLE)?.untouched()?;
        }
        cx.expect_valid(vmo, true)?;
        expect_count(cx, vmo, 1)
    });

    for (row, asked) in [("fine", ZX_RIGHT_SAME_RIGHTS), ("undefined", 1 << 30)] {
        suite.test(
            format!("a_handle_replaced_is_none_any_more::rights_{row}"),
            &["HANDLE-REPLACE-08"],
            &[Handles, Info],
            move |cx| {
                let vmo = cx.create(PAGE)?;
                let mut old = Vec::new();
                let mut handle = cx.duplicate_same(vmo)?;
                for _ in 0..20 {
                    old.push(handle);
                    handle = cx.handle_replace(handle, ZX_RIGHT_SAME_RIGHTS)?.ok()?.handle(0);
                }
                // Twenty values later the first must not have become good again.
                for value in old {
                    cx.handle_replace(value, asked)?.is(ZX_ERR_BAD_HANDLE)?.untouched()?;
                }
                expect_count(cx, vmo, 2)?;
                cx.expect_valid(handle, true)
            },
        );
    }
}
