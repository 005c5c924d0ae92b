//! `vmar_protect`: which permissions pages get, and what is refused.

mod ranges;
mod rights;
mod under_way;

use vmo_abi::Capability::{Handles, Mapping, Regions};
use vmo_abi::{
    ZX_ERR_ACCESS_DENIED, ZX_ERR_BAD_STATE, ZX_ERR_INVALID_ARGS, ZX_ERR_NOT_FOUND, ZX_OK,
    ZX_RIGHT_EXECUTE, ZX_RIGHT_MAP, ZX_RIGHT_READ, ZX_RIGHT_WRITE, ZX_VM_FLAG_PERM_EXECUTE,
    ZX_VM_FLAG_PERM_READ, ZX_VM_FLAG_SPECIFIC,
};

use super::prototypes::ANY_MAPPING;
use super::vmar_map::{mark, numbered};
use super::vmar_unmap::filled;
use crate::level::Level;
use crate::program::{Address, Handle};
use crate::suite::{Checked, Context, PAGE, READ_ONLY, READ_WRITE, Suite, plus};

const EXECUTE: u32 = ZX_VM_FLAG_PERM_READ | ZX_VM_FLAG_PERM_EXECUTE;
const ALL: u32 = READ_WRITE | ZX_VM_FLAG_PERM_EXECUTE;
const SPECIFIC: u32 = READ_WRITE | ZX_VM_FLAG_SPECIFIC;

/// Ranges in a mapping of five pages: first byte, length, and the pages that
/// are protected.
const RANGES: &[(&str, u64, u64, std::ops::Range<u64>)] = &[
    ("first", 0, PAGE, 0..1),
    ("middle", 2 * PAGE, PAGE, 2..3),
    ("middle_two", PAGE, 2 * PAGE, 1..3),
    ("last", 4 * PAGE, PAGE, 4..5),
    ("all", 0, 5 * PAGE, 0..5),
    ("one_byte", PAGE, 1, 1..2),
    ("a_byte_more_than_a_page", 2 * PAGE, PAGE + 1, 2..4),
    ("a_byte_less_than_all", 0, 5 * PAGE - 1, 0..5),
];

/// Expects that just the pages `closed` cannot be stored to, and all be loaded.
fn expect_read_only(
    cx: &mut Context<'_>,
    base: Address,
    pages: u64,
    closed: &std::ops::Range<u64>,
) -> Checked {
    for page in 0..pages {
        let address = plus(base, page * PAGE);
        cx.expect_load(address, &mark(page))?;
        if closed.contains(&page) {
            cx.expect_store_fault(address)?;
            cx.expect_store_fault(plus(address, PAGE - 1))?;
        } else {
            cx.store_bytes(plus(address, 1), b"s")?;
            cx.store_bytes(plus(address, PAGE - 2), b"s")?;
        }
    }
    Ok(())
}

pub(super) fn add(suite: &mut Suite) {
    permissions(suite);
    bounds(suite);
    ranges(suite);
    ranges::add(suite);
    rights::add(suite);
    under_way::add(suite);
}

fn permissions(suite: &mut Suite) {
    for (row, start, len, closed) in RANGES {
        suite.test(
            format!("takes_write_away_from_just_the_range::{row}"),
            &["VMAR-PROTECT-01"],
            &[Mapping, Regions],
            |cx| {
                let (region, base, _) = filled(cx, 5)?;
                cx.vmar_protect(region, plus(base, *start), *len, READ_ONLY)?.ok()?;
                expect_read_only(cx, base, 5, closed)
            },
        );
        suite.test(
            format!("gives_write_to_just_the_range::{row}"),
            &["VMAR-PROTECT-01", "VMAR-PROTECT-15"],
            &[Mapping, Regions],
            |cx| {
                let (region, base, vmo) = filled(cx, 5)?;
                cx.vmar_protect(region, base, 5 * PAGE, READ_ONLY)?.ok()?;
                expect_read_only(cx, base, 5, &(0..5))?;
                cx.vmar_protect(region, plus(base, *start), *len, READ_WRITE)?.ok()?;
                for page in 0..5 {
                    let address = plus(base, page * PAGE);
                    cx.expect_load(address, &mark(page))?;
                    if closed.contains(&page) {
                        cx.store_bytes(plus(address, 1), b"s")?;
                        cx.expect_bytes(vmo, page * PAGE + 1, b"s")?;
                    } else {
                        cx.expect_store_fault(address)?;
                    }
                }
                Ok(())
            },
        );
    }

    suite.test("execute_takes_write_away", &["VMAR-PROTECT-01"], &[Mapping], |cx| {
        let vmo = numbered(cx, 1)?;
        let address = cx.map(vmo, 0, PAGE, READ_WRITE)?;
        cx.vmar_protect(Handle::Region, address, PAGE, EXECUTE)?.ok()?;
        cx.expect_load(address, &mark(0))?;
        cx.expect_store_fault(address)
    });

    suite
        .test("gives_access_to_a_mapping_without_any", &["VMAR-PROTECT-01"], &[Mapping], |cx| {
            let vmo = numbered(cx, 1)?;
            let address = cx.map(vmo, 0, PAGE, 0)?;
            cx.expect_load_fault(address)?;
            cx.vmar_protect(Handle::Region, address, PAGE, READ_ONLY)?.ok()?;
            cx.expect_load(address, &mark(0))?;
            cx.expect_store_fault(address)
        })
        .at(Level::Kernel);

    suite
        .test("no_permission_at_all", &["VMAR-PROTECT-07"], &[Mapping], |cx| {
            let vmo = numbered(cx, 1)?;
            let address = cx.map(vmo, 0, PAGE, READ_WRITE)?;
            let answer = cx.vmar_protect(Handle::Region, address, PAGE, 0)?;
            let (answer, _) = cx.either("C-20", answer, ZX_ERR_INVALID_ARGS, ZX_OK)?;
            if answer.status() == Some(ZX_OK) {
                cx.expect_load_fault(address)?;
                return cx.expect_store_fault(address);
            }
            cx.expect_load(address, &mark(0))?;
            cx.store_bytes(address, b"x")
        })
        .at(Level::Page);

    suite.test("contents_stay", &["VMAR-PROTECT-15"], &[Mapping], |cx| {
        let vmo = numbered(cx, 3)?;
        let address = cx.map(vmo, 0, 3 * PAGE, READ_WRITE)?;
        cx.store_bytes(plus(address, PAGE + 1), b"kept")?;
        cx.vmar_protect(Handle::Region, plus(address, PAGE), PAGE, READ_ONLY)?.ok()?;
        cx.expect_load(plus(address, PAGE), b"\x11kept")?;
        cx.expect_bytes(vmo, PAGE, b"\x11kept")?;
        cx.write(vmo, PAGE, b"new")?;
        cx.expect_load(plus(address, PAGE), b"newpt")
    });

    suite.test("another_mapping_keeps_its_permissions", &["VMAR-PROTECT-01"], &[Mapping], |cx| {
        let vmo = numbered(cx, 1)?;
        let first = cx.map(vmo, 0, PAGE, READ_WRITE)?;
        let second = cx.map(vmo, 0, PAGE, READ_WRITE)?;
        cx.vmar_protect(Handle::Region, first, PAGE, READ_ONLY)?.ok()?;
        cx.expect_store_fault(first)?;
        cx.store_bytes(second, b"x")?;
        cx.expect_load(first, b"x")
    });
}

fn bounds(suite: &mut Suite) {
    const RIGHTS: u32 = ZX_RIGHT_READ | ZX_RIGHT_WRITE | ZX_RIGHT_EXECUTE;
    for (row, flags, right) in [
        ("read", READ_ONLY, ZX_RIGHT_READ),
        ("write", READ_WRITE, ZX_RIGHT_WRITE),
        ("execute", EXECUTE, ZX_RIGHT_EXECUTE),
        ("all_but_read", ALL, ZX_RIGHT_READ),
        ("all_but_write", ALL, ZX_RIGHT_WRITE),
        ("all_but_execute", ALL, ZX_RIGHT_EXECUTE),
    ] {
        suite.test(
            format!("the_region_handle_needs_the_right::{row}"),
            &["VMAR-PROTECT-02"],
            &[Mapping, Regions, Handles],
            move |cx| {
                let (region, base, _) = filled(cx, 1)?;
                let few = cx.duplicate(region, RIGHTS & !right)?;
                cx.vmar_protect(few, base, PAGE, flags)?.is(ZX_ERR_ACCESS_DENIED)?;
                cx.store_bytes(base, b"x")?;
                let enough = cx.duplicate(region, RIGHTS)?;
                cx.vmar_protect(enough, base, PAGE, flags)?.ok().map(drop)
            },
        );
        suite.test(
            format!("the_vmo_handle_needed_the_right::{row}"),
            &["VMAR-PROTECT-03"],
            &[Mapping, Handles],
            move |cx| {
                let vmo = numbered(cx, 1)?;
                let few = cx.duplicate(vmo, ZX_RIGHT_MAP | RIGHTS & !right)?;
                let allowed = if right == ZX_RIGHT_READ { 0 } else { READ_ONLY };
                let address = cx.map(few, 0, PAGE, allowed)?;
                cx.vmar_protect(Handle::Region, address, PAGE, flags)?.is(ZX_ERR_ACCESS_DENIED)?;
                if allowed == 0 {
                    return cx.expect_load_fault(address);
                }
                cx.expect_load(address, &mark(0))?;
                cx.expect_store_fault(address)
            },
        );
        suite.test(
            format!("the_region_handle_of_the_mapping_needed_it::{row}"),
            &["VMAR-PROTECT-04"],
            &[Mapping, Regions, Handles],
            move |cx| {
                let vmo = numbered(cx, 1)?;
                let (region, _) = cx.allocate(2 * PAGE, ANY_MAPPING)?;
                let few = cx.duplicate(region, RIGHTS & !right)?;
                let address = cx.vmar_map(few, 0, vmo, 0, PAGE, 0)?.ok()?.address();
                cx.vmar_protect(region, address, PAGE, flags)?.is(ZX_ERR_ACCESS_DENIED).map(drop)
            },
        );
    }

    suite.test("a_closed_vmo_handle_makes_no_difference", &["VMAR-PROTECT-05"], &[Mapping], |cx| {
        let vmo = numbered(cx, 1)?;
        let address = cx.map(vmo, 0, PAGE, READ_ONLY)?;
        cx.close(vmo)?;
        cx.vmar_protect(Handle::Region, address, PAGE, READ_WRITE)?.ok()?;
        cx.store_bytes(address, b"x")?;
        cx.expect_load(address, b"x")
    });

    for (row, flags) in [("write", 2), ("execute", 4), ("both", 6)] {
        suite.test(
            format!("without_read_is_refused::{row}"),
            &["VMAR-PROTECT-06"],
            &[Mapping, Regions],
            move |cx| {
                let (region, base, _) = filled(cx, 1)?;
                cx.vmar_protect(region, base, PAGE, flags)?.is(ZX_ERR_INVALID_ARGS)?;
                cx.expect_load(base, &mark(0))?;
                cx.store_bytes(base, b"x")
            },
        );
    }

    for bit in [3, 4, 5, 6, 7, 8, 9, 10, 11, 31] {
        suite.test(
            format!("any_other_flag_is_refused::bit_{bit}"),
            &["VMAR-PROTECT-08"],
            &[Mapping, Regions],
            move |cx| {
                let (region, base, _) = filled(cx, 1)?;
                let answer = cx.vmar_protect(region, base, PAGE, READ_ONLY | 1 << bit)?;
                answer.is(ZX_ERR_INVALID_ARGS)?;
                cx.store_bytes(base, b"x")
            },
        );
    }
}

fn ranges(suite: &mut Suite) {
    for (row, start, len) in [
        ("address_one", 1, PAGE),
        ("address_before_a_page", PAGE - 1, 1),
        ("length_0", 0, 0),
        ("length_that_wraps", 0, u64::MAX),
    ] {
        suite.test(
            format!("refuses_a_range::{row}"),
            &["VMAR-PROTECT-09"],
            &[Mapping, Regions],
            move |cx| {
                let (region, base, _) = filled(cx, 2)?;
                let answer = cx.vmar_protect(region, plus(base, start), len, READ_ONLY)?;
                answer.is(ZX_ERR_INVALID_ARGS)?;
                expect_read_only(cx, base, 2, &(0..0))
            },
        );
    }

    for (row, first, pages) in
        [("before", 0, 2), ("behind", 1, 2), ("between", 1, 3), ("nothing_there", 2, 1)]
    {
        let test = move |cx: &mut Context<'_>| {
            let vmo = numbered(cx, 4)?;
            let (region, base) = cx.allocate(6 * PAGE, ANY_MAPPING)?;
            for page in [1, 3] {
                cx.vmar_map(region, page * PAGE, vmo, page * PAGE, PAGE, SPECIFIC)?.ok()?;
            }
            let start = plus(base, first * PAGE);
            cx.vmar_protect(region, start, pages * PAGE, READ_ONLY)?.is(ZX_ERR_NOT_FOUND)?;
            Ok(base)
        };
        suite.test(
            format!("a_gap_is_not_found::{row}"),
            &["VMAR-PROTECT-10"],
            &[Mapping, Regions],
            move |cx| test(cx).map(drop),
        );
        suite.test(
            format!("a_gap_changes_nothing::{row}"),
            &["VMAR-PROTECT-12"],
            &[Mapping, Regions],
            move |cx| {
                let base = test(cx)?;
                cx.store_bytes(plus(base, PAGE), b"x")?;
                cx.store_bytes(plus(base, 3 * PAGE), b"x")
            },
        );
    }

    suite.test("two_mappings_side_by_side", &["VMAR-PROTECT-01"], &[Mapping, Regions], |cx| {
        let vmo = numbered(cx, 4)?;
        let (region, base) = cx.allocate(4 * PAGE, ANY_MAPPING)?;
        cx.vmar_map(region, 0, vmo, 0, 2 * PAGE, SPECIFIC)?.ok()?;
        cx.vmar_map(region, 2 * PAGE, vmo, 2 * PAGE, 2 * PAGE, SPECIFIC)?.ok()?;
        cx.vmar_protect(region, plus(base, PAGE), 2 * PAGE, READ_ONLY)?.ok()?;
        expect_read_only(cx, base, 4, &(1..3))
    });

    for (row, first, pages) in [("whole", 2, 1), ("with_the_mapping_before", 1, 2)] {
        suite.test(
            format!("a_region_in_the_range_is_refused::{row}"),
            &["VMAR-PROTECT-11", "VMAR-PROTECT-12"],
            &[Mapping, Regions],
            move |cx| {
                let vmo = numbered(cx, 2)?;
                let (region, base) = cx.allocate(4 * PAGE, ANY_MAPPING)?;
                cx.vmar_map(region, PAGE, vmo, 0, PAGE, SPECIFIC)?.ok()?;
                let flags = ANY_MAPPING | ZX_VM_FLAG_SPECIFIC;
                let child = cx.vmar_allocate(region, 2 * PAGE, PAGE, flags)?.ok()?.handle(0);
                cx.vmar_map(child, 0, vmo, PAGE, PAGE, SPECIFIC)?.ok()?;
                let start = plus(base, first * PAGE);
                let answer = cx.vmar_protect(region, start, pages * PAGE, READ_ONLY)?;
                answer.is(ZX_ERR_INVALID_ARGS)?;
                cx.store_bytes(plus(base, PAGE), b"x")?;
                cx.store_bytes(plus(base, 2 * PAGE), b"x")
            },
        );
    }

    suite.test(
        "a_destroyed_region_is_in_a_bad_state",
        &["VMAR-PROTECT-14"],
        &[Mapping, Regions],
        |cx| {
            let (region, base, _) = filled(cx, 1)?;
            cx.vmar_destroy(region)?.ok()?;
            cx.vmar_protect(region, base, PAGE, READ_ONLY)?.is(ZX_ERR_BAD_STATE).map(drop)
        },
    );
}
