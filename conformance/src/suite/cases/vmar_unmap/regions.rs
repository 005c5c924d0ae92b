//! Regions in regions, and ranges outside of the region.

use vmo_abi::Capability::{Handles, Mapping, MemoryControl, Regions};
use vmo_abi::{ZX_ERR_BAD_STATE, ZX_ERR_INVALID_ARGS, ZX_VM_FLAG_SPECIFIC};

use crate::program::{Address, Handle};
use crate::suite::cases::copy_on_write::pages::create;
use crate::suite::cases::mappings::picture::{lay, map_at, pages_show, stores_arrive};
use crate::suite::cases::prototypes::ANY_MAPPING;
use crate::suite::{Checked, Context, PAGE, READ_ONLY, READ_WRITE, Suite, plus};

const BASE: Address = Address::Region(0);
const REGION_BYTES: u64 = 1 << 32;

/// Allocates a region of pages at a page of another.
pub(in crate::suite::cases) fn region_at(
    cx: &mut Context<'_>,
    parent: Handle,
    page: u64,
    pages: u64,
) -> Checked<Handle> {
    let flags = ANY_MAPPING | ZX_VM_FLAG_SPECIFIC;
    let answer = cx.vmar_allocate(parent, page * PAGE, pages * PAGE, flags)?;
    Ok(answer.ok()?.handle(0))
}

pub(super) fn add(suite: &mut Suite) {
    nested(suite);
    outside(suite);
    alignment(suite);
    giving_back(suite);
}

fn nested(suite: &mut Suite) {
    suite.test(
        "regions_in_a_removed_region_are_destroyed",
        &["VMAR-UNMAP-03"],
        &[Mapping, Regions],
        |cx| {
            let outer = region_at(cx, Handle::Region, 1, 6)?;
            let middle = region_at(cx, outer, 1, 4)?;
            let inner = region_at(cx, middle, 1, 2)?;
            lay(cx, inner, "[ab]")?;
            cx.vmar_unmap(Handle::Region, Address::Region(PAGE), 6 * PAGE)?.ok()?;
            pages_show(cx, BASE, "--------")?;
            let vmo = create(cx, "x")?;
            for region in [outer, middle, inner] {
                let answer = cx.vmar_map(region, 0, vmo, 0, PAGE, READ_ONLY)?;
                answer.is(ZX_ERR_BAD_STATE)?.untouched()?;
                cx.vmar_destroy(region)?.is(ZX_ERR_BAD_STATE)?;
            }
            Ok(())
        },
    );

    suite.test(
        "the_room_of_a_removed_region_is_free",
        &["VMAR-UNMAP-03"],
        &[Mapping, Regions],
        |cx| {
            let child = region_at(cx, Handle::Region, 1, 2)?;
            lay(cx, child, "[ab]")?;
            cx.vmar_unmap(Handle::Region, Address::Region(PAGE), 2 * PAGE)?.ok()?;
            let other = create(cx, "xy")?;
            map_at(cx, Handle::Region, 0, other, 0, 2, READ_WRITE)?;
            let again = region_at(cx, Handle::Region, 2, 1)?;
            map_at(cx, again, 0, other, 0, 1, READ_WRITE)?;
            pages_show(cx, BASE, "xyx-")?;
            // The handle of the region that was there does not mean this one.
            cx.vmar_unmap(child, Address::Region(2 * PAGE), PAGE)?.is(ZX_ERR_BAD_STATE)?;
            pages_show(cx, BASE, "xyx-")
        },
    );

    suite.test("an_empty_region_is_removed", &["VMAR-UNMAP-03"], &[Mapping, Regions], |cx| {
        let child = region_at(cx, Handle::Region, 1, 1)?;
        cx.vmar_unmap(Handle::Region, Address::Region(PAGE), 1)?.ok()?;
        cx.vmar_destroy(child)?.is(ZX_ERR_BAD_STATE).map(drop)
    });

    suite.test(
        "a_region_without_handle_is_removed",
        &["VMAR-UNMAP-03"],
        &[Mapping, Regions],
        |cx| {
            let child = region_at(cx, Handle::Region, 1, 2)?;
            lay(cx, child, "[ab]")?;
            cx.close(child)?;
            let half = cx.vmar_unmap(Handle::Region, Address::Region(PAGE), PAGE)?;
            half.is(ZX_ERR_INVALID_ARGS)?;
            cx.vmar_unmap(Handle::Region, BASE, 4 * PAGE)?.ok()?;
            pages_show(cx, BASE, "----")?;
            region_at(cx, Handle::Region, 0, 4).map(drop)
        },
    );

    suite.test(
        "unmapping_all_inside_leaves_the_region",
        &["VMAR-UNMAP-01"],
        &[Mapping, Regions],
        |cx| {
            let child = region_at(cx, Handle::Region, 1, 2)?;
            let inner = region_at(cx, child, 1, 1)?;
            lay(cx, child, "[a]")?;
            lay(cx, inner, "[b]")?;
            cx.vmar_unmap(child, Address::Region(PAGE), 2 * PAGE)?.ok()?;
            pages_show(cx, BASE, "----")?;
            cx.vmar_destroy(inner)?.is(ZX_ERR_BAD_STATE)?;
            lay(cx, child, "[xy]")?;
            pages_show(cx, BASE, "-xy-")?;
            cx.vmar_destroy(child)?.ok().map(drop)
        },
    );

    suite.test(
        "unmapping_inside_leaves_what_is_around",
        &["VMAR-UNMAP-01"],
        &[Mapping, Regions],
        |cx| {
            let around = lay(cx, Handle::Region, "[a]--[d]")?;
            let child = region_at(cx, Handle::Region, 1, 2)?;
            lay(cx, child, "[bc]")?;
            cx.vmar_unmap(child, Address::Region(PAGE), PAGE)?.ok()?;
            pages_show(cx, BASE, "a-cd")?;
            stores_arrive(cx, BASE, &around, |_| true)
        },
    );

    suite.test(
        "deeper_regions_are_cut_through_their_parent_alone",
        &["VMAR-UNMAP-04"],
        &[Mapping, Regions],
        |cx| {
            let outer = region_at(cx, Handle::Region, 0, 4)?;
            let inner = region_at(cx, outer, 1, 2)?;
            lay(cx, inner, "[ab]")?;
            // The outer region is cut by the first, the inner one by the second.
            for parent in [Handle::Region, outer] {
                let answer = cx.vmar_unmap(parent, Address::Region(2 * PAGE), PAGE)?;
                answer.is(ZX_ERR_INVALID_ARGS)?;
            }
            cx.vmar_unmap(inner, Address::Region(2 * PAGE), PAGE)?.ok()?;
            pages_show(cx, BASE, "-a--")
        },
    );

    suite.test(
        "any_handle_of_the_region_will_do",
        &["VMAR-UNMAP-14"],
        &[Mapping, Regions, Handles],
        |cx| {
            let child = region_at(cx, Handle::Region, 1, 2)?;
            let second = cx.duplicate(child, 0)?;
            lay(cx, child, "[ab]")?;
            cx.close(child)?;
            cx.vmar_unmap(second, Address::Region(PAGE), PAGE)?.ok()?;
            pages_show(cx, BASE, "--b-")
        },
    );
}

/// Ranges that do not lie in a region of two pages at page 2, given from the
/// start of the program's region on.
const OUTSIDE: &[(&str, u64, u64)] = &[
    ("the_page_before", PAGE, PAGE),
    ("over_the_start", PAGE, 2 * PAGE),
    ("all_around", 0, 6 * PAGE),
    ("over_the_end", 3 * PAGE, 2 * PAGE),
    ("over_the_end_by_a_byte", 3 * PAGE, PAGE + 1),
    ("all_and_a_byte", 2 * PAGE, 2 * PAGE + 1),
    ("the_page_behind", 4 * PAGE, PAGE),
    ("2_to_the_32_too_long", 2 * PAGE, (1 << 32) + PAGE),
    ("2_to_the_63", 2 * PAGE, 1 << 63),
    ("a_page_less_than_everything", 2 * PAGE, 0_u64.wrapping_sub(PAGE)),
];

fn outside(suite: &mut Suite) {
    for &(row, start, len) in OUTSIDE {
        suite.test(
            format!("a_range_outside_removes_nothing::{row}"),
            &["VMAR-UNMAP-09"],
            &[Mapping, Regions],
            move |cx| {
                lay(cx, Handle::Region, "[ab]--[ef]")?;
                let child = region_at(cx, Handle::Region, 2, 2)?;
                lay(cx, child, "[cd]")?;
                let answer = cx.vmar_unmap(child, Address::Region(start), len)?;
                answer.is(ZX_ERR_INVALID_ARGS)?;
                pages_show(cx, BASE, "abcdef")
            },
        );
    }

    for (row, start, len) in [
        ("the_end", REGION_BYTES, PAGE),
        ("over_the_end", REGION_BYTES - PAGE, 2 * PAGE),
        ("over_the_end_by_a_byte", REGION_BYTES - PAGE, PAGE + 1),
        ("over_the_start", 0_u64.wrapping_sub(PAGE), 2 * PAGE),
        ("2_to_the_32_too_far", REGION_BYTES + PAGE, PAGE),
        ("2_to_the_32_too_long", PAGE, REGION_BYTES + PAGE),
    ] {
        suite.test(
            format!("a_range_outside_the_program_removes_nothing::{row}"),
            &["VMAR-UNMAP-09"],
            &[Mapping],
            move |cx| {
                lay(cx, Handle::Region, "[ab]")?;
                let last = create(cx, "z")?;
                map_at(cx, Handle::Region, REGION_BYTES / PAGE - 1, last, 0, 1, READ_WRITE)?;
                let answer = cx.vmar_unmap(Handle::Region, Address::Region(start), len)?;
                answer.is(ZX_ERR_INVALID_ARGS)?;
                pages_show(cx, BASE, "ab")?;
                pages_show(cx, Address::Region(REGION_BYTES - PAGE), "z")
            },
        );
    }

    for (row, address) in [
        ("null", Address::Null),
        ("unmapped", Address::Unmapped),
        ("kernel", Address::Kernel),
        ("last_page", Address::Literal(0_u64.wrapping_sub(PAGE))),
        ("middle", Address::Literal(1 << 63)),
    ] {
        suite.test(
            format!("an_address_outside_any_region::{row}"),
            &["VMAR-UNMAP-09"],
            &[Mapping],
            move |cx| {
                lay(cx, Handle::Region, "[a]")?;
                for len in [1, PAGE, 2 * PAGE] {
                    let answer = cx.vmar_unmap(Handle::Region, address, len)?;
                    answer.is(ZX_ERR_INVALID_ARGS)?;
                }
                pages_show(cx, BASE, "a")
            },
        );
    }

    suite.test("the_last_page_of_the_region", &["VMAR-UNMAP-01"], &[Mapping], |cx| {
        let vmo = create(cx, "ab")?;
        let last = REGION_BYTES / PAGE - 1;
        map_at(cx, Handle::Region, last - 1, vmo, 0, 2, READ_WRITE)?;
        cx.vmar_unmap(Handle::Region, Address::Region(last * PAGE), 1)?.ok()?;
        pages_show(cx, Address::Region((last - 1) * PAGE), "a-")
    });

    for (row, len) in [("exactly", REGION_BYTES), ("rounded_up", REGION_BYTES - PAGE + 1)] {
        suite.test(
            format!("the_whole_region::{row}"),
            &["VMAR-UNMAP-01", "VMAR-UNMAP-08"],
            &[Mapping],
            move |cx| {
                lay(cx, Handle::Region, "[ab]-[c]")?;
                let vmo = create(cx, "z")?;
                map_at(cx, Handle::Region, REGION_BYTES / PAGE - 1, vmo, 0, 1, READ_WRITE)?;
                cx.vmar_unmap(Handle::Region, BASE, len)?.ok()?;
                pages_show(cx, BASE, "----")?;
                pages_show(cx, Address::Region(REGION_BYTES - PAGE), "-")
            },
        );
    }
}

fn alignment(suite: &mut Suite) {
    for bit in 0..12 {
        suite.test(
            format!("an_unaligned_address_removes_nothing::bit_{bit}"),
            &["VMAR-UNMAP-06"],
            &[Mapping],
            move |cx| {
                let pieces = lay(cx, Handle::Region, "[abc]")?;
                let address = Address::Region(PAGE + (1 << bit));
                for len in [1, PAGE, PAGE - (1 << bit)] {
                    let answer = cx.vmar_unmap(Handle::Region, address, len)?;
                    answer.is(ZX_ERR_INVALID_ARGS)?;
                }
                pages_show(cx, BASE, "abc")?;
                stores_arrive(cx, BASE, &pieces, |_| true)
            },
        );
    }

    for (row, len) in [("wraps_by_one", 0_u64.wrapping_sub(PAGE) + 1), ("wraps", u64::MAX)] {
        suite.test(
            format!("a_length_that_wraps_removes_nothing::{row}"),
            &["VMAR-UNMAP-09"],
            &[Mapping],
            move |cx| {
                lay(cx, Handle::Region, "[abc]")?;
                for page in [0, 1] {
                    let answer =
                        cx.vmar_unmap(Handle::Region, Address::Region(page * PAGE), len)?;
                    answer.is(ZX_ERR_INVALID_ARGS)?;
                }
                pages_show(cx, BASE, "abc")
            },
        );
    }
}

fn giving_back(suite: &mut Suite) {
    suite.test(
        "the_last_mapping_gives_the_pages_back",
        &["VMAR-UNMAP-01", "VMAR-MAP-38"],
        &[Mapping, MemoryControl],
        |cx| {
            let vmo = create(cx, "ab")?;
            map_at(cx, Handle::Region, 0, vmo, 0, 2, READ_WRITE)?;
            map_at(cx, Handle::Region, 3, vmo, 0, 1, READ_WRITE)?;
            cx.close(vmo)?;
            let other = cx.create(2 * PAGE)?;
            cx.limit_memory(Some(2))?;
            for (page, pages) in [(0, 1), (3, 1)] {
                cx.vmo_write(other, 0, b"x")?.is(vmo_abi::ZX_ERR_NO_MEMORY)?;
                let address = Address::Region(page * PAGE);
                cx.vmar_unmap(Handle::Region, address, pages * PAGE)?.ok()?;
            }
            cx.vmo_write(other, 0, b"x")?.is(vmo_abi::ZX_ERR_NO_MEMORY)?;
            cx.vmar_unmap(Handle::Region, Address::Region(PAGE), PAGE)?.ok()?;
            cx.write(other, PAGE - 1, b"xy")?;
            cx.vmo_read(other, 0, PAGE + 2)?.ok().map(drop)
        },
    );

    suite.test(
        "a_vmo_with_a_handle_keeps_its_pages",
        &["VMAR-UNMAP-15"],
        &[Mapping, MemoryControl],
        |cx| {
            let pieces = lay(cx, Handle::Region, "[ab]")?;
            cx.store_bytes(plus(BASE, PAGE + 1), b"kept")?;
            cx.vmar_unmap(Handle::Region, BASE, 2 * PAGE)?.ok()?;
            cx.limit_memory(Some(0))?;
            cx.expect_bytes(pieces[0].vmo, 2 * PAGE, b"bkeptb")?;
            cx.write(pieces[0].vmo, 2 * PAGE, b"in place")
        },
    );
}
