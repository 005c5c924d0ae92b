//! `vmar_unmap`: which parts of which mappings go away.

mod ranges;
mod regions;

use vmo_abi::Capability::{Clone, Handles, Mapping, Regions, Signals};
use vmo_abi::{
    ZX_ERR_BAD_STATE, ZX_ERR_INVALID_ARGS, ZX_ERR_NOT_FOUND, ZX_OK, ZX_VM_FLAG_SPECIFIC,
    ZX_VMO_ZERO_CHILDREN,
};

use super::prototypes::ANY_MAPPING;
use super::vmar_map::{mark, numbered};
use crate::level::Level;
use crate::program::{Address, Handle};
use crate::suite::{Checked, Context, PAGE, READ_WRITE, Suite, plus};

pub(super) use regions::region_at;

const SPECIFIC: u32 = READ_WRITE | ZX_VM_FLAG_SPECIFIC;

/// Ranges in a mapping of six pages: first byte, length, and the pages that go.
const RANGES: &[(&str, u64, u64, std::ops::Range<u64>)] = &[
    ("first_page", 0, PAGE, 0..1),
    ("first_two", 0, 2 * PAGE, 0..2),
    ("middle", 2 * PAGE, PAGE, 2..3),
    ("middle_three", 2 * PAGE, 3 * PAGE, 2..5),
    ("last_page", 5 * PAGE, PAGE, 5..6),
    ("last_two", 4 * PAGE, 2 * PAGE, 4..6),
    ("all", 0, 6 * PAGE, 0..6),
    ("one_byte", PAGE, 1, 1..2),
    ("a_byte_less_than_a_page", PAGE, PAGE - 1, 1..2),
    ("a_byte_more_than_a_page", PAGE, PAGE + 1, 1..3),
];

/// A region of `pages` pages filled by a mapping of a [`numbered`] VMO.
pub(super) fn filled(cx: &mut Context<'_>, pages: u64) -> Checked<(Handle, Address, Handle)> {
    let vmo = numbered(cx, pages)?;
    let (region, base) = cx.allocate(pages * PAGE, ANY_MAPPING)?;
    cx.vmar_map(region, 0, vmo, 0, pages * PAGE, SPECIFIC)?.ok()?;
    Ok((region, base, vmo))
}

/// Expects pages `gone` to fault and the others to show their mark.
fn expect_gone(
    cx: &mut Context<'_>,
    base: Address,
    pages: u64,
    gone: &std::ops::Range<u64>,
) -> Checked {
    for page in 0..pages {
        let address = plus(base, page * PAGE);
        if gone.contains(&page) {
            cx.expect_load_fault(address)?;
            cx.expect_store_fault(plus(address, PAGE - 1))?;
        } else {
            cx.expect_load(address, &mark(page))?;
            cx.expect_load(plus(address, PAGE - 1), &mark(page))?;
        }
    }
    Ok(())
}

pub(super) fn add(suite: &mut Suite) {
    ranges::add(suite);
    regions::add(suite);
    for (row, start, len, gone) in RANGES {
        suite.test(
            format!("removes_just_the_range::{row}"),
            &["VMAR-UNMAP-01", "VMAR-UNMAP-02", "VMAR-UNMAP-08", "VMAR-UNMAP-16"],
            &[Mapping, Regions],
            |cx| {
                let (region, base, vmo) = filled(cx, 6)?;
                cx.vmar_unmap(region, plus(base, *start), *len)?.ok()?;
                expect_gone(cx, base, 6, gone)?;
                if !gone.contains(&0) {
                    cx.store_bytes(base, b"s")?;
                    cx.expect_bytes(vmo, 0, b"s")?;
                }
                Ok(())
            },
        );
    }

    for (row, address, len) in [
        ("address_one", 1, PAGE),
        ("address_before_a_page", PAGE - 1, PAGE),
        ("address_half_a_page", PAGE / 2, PAGE),
        ("length_0", 0, 0),
        ("length_0_in_the_middle", PAGE, 0),
    ] {
        let clauses: &'static [&str] =
            if len == 0 { &["VMAR-UNMAP-07"] } else { &["VMAR-UNMAP-06"] };
        suite.test(format!("refuses::{row}"), clauses, &[Mapping, Regions], move |cx| {
            let (region, base, _) = filled(cx, 3)?;
            cx.vmar_unmap(region, plus(base, address), len)?.is(ZX_ERR_INVALID_ARGS)?;
            expect_gone(cx, base, 3, &(0..0))
        });
    }

    for (row, offset, len) in [
        ("over_the_end", 2 * PAGE, 2 * PAGE),
        ("behind_the_end", 3 * PAGE, PAGE),
        ("over_the_start", 0_u64.wrapping_sub(PAGE), 2 * PAGE),
        ("wrapping", PAGE, u64::MAX - PAGE + 1),
        ("half_of_everything", 0, 1 << 63),
        ("rounding_to_0", 0, u64::MAX),
    ] {
        suite.test(
            format!("refuses_a_range_outside_the_region::{row}"),
            &["VMAR-UNMAP-09"],
            &[Mapping, Regions],
            move |cx| {
                let (region, base, _) = filled(cx, 3)?;
                let address = Address::Literal(cx.address_of(base)?.wrapping_add(offset));
                cx.vmar_unmap(region, address, len)?.is(ZX_ERR_INVALID_ARGS)?;
                expect_gone(cx, base, 3, &(0..0))
            },
        );
    }

    suite
        .test("where_nothing_is_mapped", &["VMAR-UNMAP-10"], &[Mapping, Regions], |cx| {
            let (region, base) = cx.allocate(4 * PAGE, ANY_MAPPING)?;
            let answer = cx.vmar_unmap(region, plus(base, PAGE), PAGE)?;
            cx.either("C-17", answer, ZX_ERR_NOT_FOUND, ZX_OK).map(drop)
        })
        .at(Level::Page);

    suite.test("the_same_range_twice", &["VMAR-UNMAP-10"], &[Mapping, Regions], |cx| {
        let (region, base, _) = filled(cx, 3)?;
        cx.vmar_unmap(region, plus(base, PAGE), PAGE)?.ok()?;
        cx.vmar_unmap(region, plus(base, PAGE), PAGE)?.ok()?;
        expect_gone(cx, base, 3, &(1..2))
    });

    suite.test(
        "gaps_before_and_behind_do_not_matter",
        &["VMAR-UNMAP-01"],
        &[Mapping, Regions],
        |cx| {
            let vmo = numbered(cx, 1)?;
            let (region, base) = cx.allocate(6 * PAGE, ANY_MAPPING)?;
            for page in [1, 3, 5] {
                cx.vmar_map(region, page * PAGE, vmo, 0, PAGE, SPECIFIC)?.ok()?;
            }
            cx.vmar_unmap(region, base, 5 * PAGE)?.ok()?;
            cx.expect_load_fault(plus(base, PAGE))?;
            cx.expect_load_fault(plus(base, 3 * PAGE))?;
            cx.expect_load(plus(base, 5 * PAGE), &mark(0))
        },
    );

    suite.test("parts_of_two_mappings", &["VMAR-UNMAP-02"], &[Mapping, Regions], |cx| {
        let vmo = numbered(cx, 4)?;
        let (region, base) = cx.allocate(4 * PAGE, ANY_MAPPING)?;
        cx.vmar_map(region, 0, vmo, 0, 2 * PAGE, SPECIFIC)?.ok()?;
        cx.vmar_map(region, 2 * PAGE, vmo, 2 * PAGE, 2 * PAGE, SPECIFIC)?.ok()?;
        cx.vmar_unmap(region, plus(base, PAGE), 2 * PAGE)?.ok()?;
        expect_gone(cx, base, 4, &(1..3))
    });

    suite.test("the_room_can_be_used_again", &["VMAR-UNMAP-01"], &[Mapping, Regions], |cx| {
        let (region, base, _) = filled(cx, 3)?;
        cx.vmar_unmap(region, plus(base, PAGE), PAGE)?.ok()?;
        let other = cx.create_filled(PAGE, 0x77)?;
        cx.vmar_map(region, PAGE, other, 0, PAGE, SPECIFIC)?.ok()?;
        cx.expect_load(plus(base, PAGE), &[0x77])?;
        cx.expect_load(plus(base, 2 * PAGE), &mark(2))
    });

    suite.test("other_mappings_of_the_vmo_stay", &["VMAR-UNMAP-15"], &[Mapping], |cx| {
        let vmo = numbered(cx, 2)?;
        let first = cx.map(vmo, 0, 2 * PAGE, READ_WRITE)?;
        let second = cx.map(vmo, 0, 2 * PAGE, READ_WRITE)?;
        cx.store_bytes(plus(first, 1), b"kept")?;
        cx.vmar_unmap(Handle::Region, first, 2 * PAGE)?.ok()?;
        cx.expect_load(second, b"\x10kept")?;
        cx.expect_bytes(vmo, 0, b"\x10kept")?;
        cx.expect_load(plus(second, PAGE), &mark(1))
    });

    suite.test("no_right_is_needed", &["VMAR-UNMAP-14"], &[Mapping, Regions, Handles], |cx| {
        let (region, base, _) = filled(cx, 2)?;
        let bare = cx.duplicate(region, 0)?;
        cx.vmar_unmap(bare, base, PAGE)?.ok()?;
        expect_gone(cx, base, 2, &(0..1))
    });

    suite.test("a_region_inside_is_destroyed", &["VMAR-UNMAP-03"], &[Mapping, Regions], |cx| {
        let vmo = numbered(cx, 1)?;
        let (region, base) = cx.allocate(4 * PAGE, ANY_MAPPING)?;
        let flags = ANY_MAPPING | ZX_VM_FLAG_SPECIFIC;
        let child = cx.vmar_allocate(region, PAGE, PAGE, flags)?.ok()?.handle(0);
        cx.vmar_map(child, 0, vmo, 0, PAGE, SPECIFIC)?.ok()?;
        cx.vmar_unmap(region, base, 4 * PAGE)?.ok()?;
        cx.expect_load_fault(plus(base, PAGE))?;
        cx.vmar_destroy(child)?.is(ZX_ERR_BAD_STATE).map(drop)
    });

    for (row, start, len) in
        [("its_start", 0, 3 * PAGE), ("its_end", 3 * PAGE, 3 * PAGE), ("its_middle", 3 * PAGE, 1)]
    {
        let test = move |cx: &mut Context<'_>| {
            let vmo = numbered(cx, 2)?;
            let (region, base) = cx.allocate(6 * PAGE, ANY_MAPPING)?;
            cx.vmar_map(region, 0, vmo, 0, PAGE, SPECIFIC)?.ok()?;
            cx.vmar_map(region, 5 * PAGE, vmo, PAGE, PAGE, SPECIFIC)?.ok()?;
            let flags = ANY_MAPPING | ZX_VM_FLAG_SPECIFIC;
            let child = cx.vmar_allocate(region, 2 * PAGE, 3 * PAGE, flags)?.ok()?.handle(0);
            cx.vmar_unmap(region, plus(base, start), len)?.is(ZX_ERR_INVALID_ARGS)?;
            Ok((base, child))
        };
        suite.test(
            format!("a_region_partly_inside_is_refused::{row}"),
            &["VMAR-UNMAP-04"],
            &[Mapping, Regions],
            move |cx| test(cx).map(drop),
        );
        suite.test(
            format!("a_region_partly_inside_keeps_everything::{row}"),
            &["VMAR-UNMAP-05"],
            &[Mapping, Regions],
            move |cx| {
                let (base, child) = test(cx)?;
                cx.expect_load(base, &mark(0))?;
                cx.expect_load(plus(base, 5 * PAGE), &mark(1))?;
                cx.vmar_destroy(child)?.ok().map(drop)
            },
        );
    }

    suite.test(
        "a_destroyed_region_is_in_a_bad_state",
        &["VMAR-UNMAP-12"],
        &[Mapping, Regions],
        |cx| {
            let (region, base, _) = filled(cx, 2)?;
            cx.vmar_destroy(region)?.ok()?;
            cx.vmar_unmap(region, base, PAGE)?.is(ZX_ERR_BAD_STATE).map(drop)
        },
    );

    suite.test(
        "arguments_come_before_a_bad_state",
        &["VMAR-UNMAP-13"],
        &[Mapping, Regions],
        |cx| {
            let (region, base, _) = filled(cx, 2)?;
            cx.vmar_destroy(region)?.ok()?;
            cx.vmar_unmap(region, plus(base, 1), PAGE)?.is(ZX_ERR_INVALID_ARGS)?;
            cx.vmar_unmap(region, base, 0)?.is(ZX_ERR_INVALID_ARGS).map(drop)
        },
    );

    suite.test(
        "the_last_mapping_of_a_clone_frees_it",
        &["VMAR-UNMAP-17"],
        &[Mapping, Clone, Signals],
        |cx| {
            let parent = cx.create(2 * PAGE)?;
            let clone = cx.clone_of(parent, 0, 2 * PAGE)?;
            let address = cx.map(clone, 0, 2 * PAGE, READ_WRITE)?;
            cx.close(clone)?;
            cx.expect_signal(parent, ZX_VMO_ZERO_CHILDREN, false)?;
            cx.vmar_unmap(Handle::Region, address, 2 * PAGE)?.ok()?;
            cx.expect_signal(parent, ZX_VMO_ZERO_CHILDREN, true)
        },
    );

    suite.test(
        "a_part_left_of_a_mapping_keeps_the_clone",
        &["VMAR-UNMAP-18"],
        &[Mapping, Clone, Signals],
        |cx| {
            let parent = numbered(cx, 2)?;
            let clone = cx.clone_of(parent, 0, 2 * PAGE)?;
            let address = cx.map(clone, 0, 2 * PAGE, READ_WRITE)?;
            cx.close(clone)?;
            cx.vmar_unmap(Handle::Region, address, PAGE)?.ok()?;
            cx.expect_signal(parent, ZX_VMO_ZERO_CHILDREN, false)?;
            cx.expect_load(plus(address, PAGE), &mark(1))
        },
    );
}
