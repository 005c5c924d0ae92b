//! `handle_duplicate`: which rights the new handle gets, and what it shares.

mod rights;
mod sharing;

use vmo_abi::Capability::{Handles, Info, MemoryControl};
use vmo_abi::{
    ZX_ERR_ACCESS_DENIED, ZX_ERR_INVALID_ARGS, ZX_ERR_NO_MEMORY, ZX_OK, ZX_RIGHT_DUPLICATE,
    ZX_RIGHT_EXECUTE, ZX_RIGHT_GET_PROPERTY, ZX_RIGHT_INSPECT, ZX_RIGHT_MAP, ZX_RIGHT_READ,
    ZX_RIGHT_SAME_RIGHTS, ZX_RIGHT_SET_PROPERTY, ZX_RIGHT_SIGNAL, ZX_RIGHT_TRANSFER, ZX_RIGHT_WAIT,
    ZX_RIGHT_WRITE, zx_rights_t,
};

use super::object_get_info::expect_count;
use crate::level::Level;
use crate::program::{Address, Handle};
use crate::suite::{PAGE, Suite};

/// The rights that a fresh VMO handle has, by name.
pub(in crate::suite::cases) const VMO_RIGHTS: &[(&str, zx_rights_t)] = &[
    ("duplicate", ZX_RIGHT_DUPLICATE),
    ("transfer", ZX_RIGHT_TRANSFER),
    ("read", ZX_RIGHT_READ),
    ("write", ZX_RIGHT_WRITE),
    ("execute", ZX_RIGHT_EXECUTE),
    ("map", ZX_RIGHT_MAP),
    ("get_property", ZX_RIGHT_GET_PROPERTY),
    ("set_property", ZX_RIGHT_SET_PROPERTY),
    ("signal", ZX_RIGHT_SIGNAL),
    ("wait", ZX_RIGHT_WAIT),
    ("inspect", ZX_RIGHT_INSPECT),
];

/// Out pointers that no handle can be stored at.
pub(in crate::suite::cases) const BAD_PLACES: &[(&str, Address)] = &[
    ("null", Address::Null),
    ("unmapped", Address::Unmapped),
    ("readonly", Address::ReadOnly),
    ("kernel", Address::Kernel),
    ("straddling_by_1", Address::Straddle(1)),
    ("straddling_by_3", Address::Straddle(3)),
];

/// The level at which a fresh VMO handle has to have a right: the pages name
/// eight of them, and WAIT is needed to see the seed's signal (C-02).
pub(in crate::suite::cases) fn level_of(right: zx_rights_t) -> Level {
    if right & (ZX_RIGHT_SIGNAL | ZX_RIGHT_INSPECT) == 0 { Level::Page } else { Level::Kernel }
}

pub(super) fn add(suite: &mut Suite) {
    rights::add(suite);
    sharing::add(suite);
    refusals(suite);
    failures(suite);
}

fn refusals(suite: &mut Suite) {
    for (row, asked) in
        [("same_rights", ZX_RIGHT_SAME_RIGHTS), ("none", 0), ("read", ZX_RIGHT_READ)]
    {
        suite.test(
            format!("without_duplicate_it_is_denied::{row}"),
            &["HANDLE-DUP-08"],
            &[Handles, Info],
            move |cx| {
                let vmo = cx.create(PAGE)?;
                let fixed = cx.duplicate(vmo, ZX_RIGHT_READ | ZX_RIGHT_WRITE)?;
                cx.handle_duplicate(fixed, asked)?.is(ZX_ERR_ACCESS_DENIED)?.untouched()?;
                cx.expect_rights(fixed, ZX_RIGHT_READ | ZX_RIGHT_WRITE)?;
                expect_count(cx, vmo, 2)
            },
        );
    }

    suite.test("a_handle_without_rights_is_denied", &["HANDLE-DUP-08"], &[Handles], |cx| {
        let vmo = cx.create(PAGE)?;
        let bare = cx.duplicate(vmo, 0)?;
        for asked in [ZX_RIGHT_SAME_RIGHTS, 0] {
            cx.handle_duplicate(bare, asked)?.is(ZX_ERR_ACCESS_DENIED)?.untouched()?;
        }
        Ok(())
    });

    for (row, asked) in [
        ("one_more", ZX_RIGHT_READ | ZX_RIGHT_WRITE),
        ("undefined", 1 << 30),
        ("same_rights_and_more", ZX_RIGHT_SAME_RIGHTS | ZX_RIGHT_READ),
        ("all_ones", u32::MAX),
    ] {
        suite.test(
            format!("the_right_comes_before_the_subset::{row}"),
            &["HANDLE-DUP-09"],
            &[Handles],
            move |cx| {
                let vmo = cx.create(PAGE)?;
                let fixed = cx.duplicate(vmo, ZX_RIGHT_READ)?;
                cx.handle_duplicate(fixed, asked)?.is(ZX_ERR_ACCESS_DENIED)?.untouched().map(drop)
            },
        );
    }

    suite.test("no_handle_with_bad_rights_is_no_handle", &["HANDLE-DUP-10"], &[Handles], |cx| {
        let closed = cx.closed_handle()?;
        for bad in [Handle::Invalid, Handle::Never, closed] {
            let answer = cx.handle_duplicate(bad, ZX_RIGHT_SAME_RIGHTS)?;
            answer.is(vmo_abi::ZX_ERR_BAD_HANDLE)?.untouched()?;
        }
        Ok(())
    });
}

fn failures(suite: &mut Suite) {
    for &(row, address) in BAD_PLACES {
        suite.test(
            format!("a_bad_pointer_adds_no_handle::{row}"),
            &["HANDLE-DUP-12"],
            &[Handles, Info],
            move |cx| {
                let vmo = cx.create_filled(PAGE, 0x41)?;
                let rights = cx.rights(vmo)?;
                for asked in [ZX_RIGHT_SAME_RIGHTS, ZX_RIGHT_READ, 0] {
                    cx.with("out", address);
                    cx.handle_duplicate(vmo, asked)?.is(ZX_ERR_INVALID_ARGS)?;
                    expect_count(cx, vmo, 1)?;
                }
                cx.expect_rights(vmo, rights)?;
                cx.expect_fill(vmo, 0, PAGE, 0x41)
            },
        );
    }

    suite.test("many_failures_add_no_handle", &["HANDLE-DUP-12"], &[Handles, Info], |cx| {
        let vmo = cx.create(PAGE)?;
        for round in 0..100 {
            if round % 2 == 0 {
                cx.with("out", Address::Null);
            }
            let asked = if round % 2 == 0 { ZX_RIGHT_SAME_RIGHTS } else { 1 << 20 };
            cx.handle_duplicate(vmo, asked)?.is(ZX_ERR_INVALID_ARGS)?;
        }
        expect_count(cx, vmo, 1)
    });

    for nth in 1..4 {
        suite.test(
            format!("lack_of_memory_adds_no_handle::allocation_{nth}"),
            &["HANDLE-DUP-14"],
            &[Handles, Info, MemoryControl],
            move |cx| {
                let vmo = cx.create(PAGE)?;
                cx.fail_allocation(Some(nth))?;
                let answer = cx.handle_duplicate(vmo, ZX_RIGHT_SAME_RIGHTS)?;
                cx.fail_allocation(None)?;
                let answer = answer.one_of(&[ZX_OK, ZX_ERR_NO_MEMORY])?;
                if answer.status() == Some(ZX_OK) {
                    return expect_count(cx, vmo, 2);
                }
                answer.untouched()?;
                expect_count(cx, vmo, 1)?;
                cx.duplicate_same(vmo)?;
                expect_count(cx, vmo, 2)
            },
        );
    }
}
