//! Where a mapping is placed.

use vmo_abi::Capability::{Mapping, Regions};
use vmo_abi::{
    ZX_ERR_ACCESS_DENIED, ZX_ERR_INVALID_ARGS, ZX_ERR_NO_MEMORY, ZX_VM_FLAG_CAN_MAP_READ,
    ZX_VM_FLAG_SPECIFIC, ZX_VM_FLAG_SPECIFIC_OVERWRITE,
};

use super::{mark, numbered};
use crate::level::Level;
use crate::program::Address;
use crate::program::Handle;
use crate::suite::cases::prototypes::ANY_MAPPING;
use crate::suite::{Checked, Context, PAGE, READ_ONLY, READ_WRITE, Suite, plus};

const SPECIFIC: u32 = READ_WRITE | ZX_VM_FLAG_SPECIFIC;
const OVERWRITE: u32 = READ_WRITE | ZX_VM_FLAG_SPECIFIC_OVERWRITE;

/// Places outside a region of four pages: offset and length.
const OUTSIDE: &[(&str, u64, u64)] = &[
    ("at_the_end", 4 * PAGE, PAGE),
    ("over_the_end", 3 * PAGE, 2 * PAGE),
    ("over_the_end_by_rounding", 3 * PAGE, PAGE + 1),
    ("longer_than_the_region", 0, 5 * PAGE),
    ("far_outside", 1 << 46, PAGE),
    ("high_bit", 1 << 63, PAGE),
    ("wrapping", 0_u64.wrapping_sub(PAGE), 2 * PAGE),
    ("last_page", 0_u64.wrapping_sub(PAGE), PAGE),
];

/// Ranges that touch the middle two pages of four.
const OVERLAPS: &[(&str, u64, u64)] = &[
    ("just_it", 1, 2),
    ("its_first_page", 0, 2),
    ("its_last_page", 2, 2),
    ("inside", 1, 1),
    ("all_around", 0, 4),
];

pub(super) fn add(suite: &mut Suite) {
    specific(suite);
    overwriting(suite);
}

fn specific(suite: &mut Suite) {
    suite.test("specific_places_it_at_the_offset", &["VMAR-MAP-21"], &[Mapping, Regions], |cx| {
        let vmo = numbered(cx, 2)?;
        let (region, base) = cx.allocate(4 * PAGE, ANY_MAPPING)?;
        cx.vmar_map(region, 2 * PAGE, vmo, PAGE, PAGE, SPECIFIC)?.ok()?;
        cx.expect_load(plus(base, 2 * PAGE), &mark(1))?;
        cx.expect_load_fault(plus(base, PAGE))?;
        cx.expect_load_fault(plus(base, 3 * PAGE))
    });

    suite.test("specific_at_the_offset_0", &["VMAR-MAP-21"], &[Mapping, Regions], |cx| {
        let vmo = numbered(cx, 1)?;
        let (region, base) = cx.allocate(2 * PAGE, ANY_MAPPING)?;
        cx.vmar_map(region, 0, vmo, 0, PAGE, SPECIFIC)?.ok()?;
        cx.expect_load(base, &mark(0))?;
        cx.expect_load_fault(plus(base, PAGE))
    });

    suite.test("specific_stores_the_address", &["VMAR-MAP-21"], &[Mapping, Regions], |cx| {
        let vmo = cx.create(PAGE)?;
        let answer = cx.vmar_allocate(Handle::Region, 0, 4 * PAGE, ANY_MAPPING)?.ok()?;
        let base = answer.word(5)?;
        let answer = cx.vmar_map(answer.handle(0), 3 * PAGE, vmo, 0, PAGE, SPECIFIC)?.ok()?;
        answer.word_is(6, base + 3 * PAGE).map(drop)
    });

    suite.test(
        "a_region_can_be_filled",
        &["VMAR-MAP-21", "VMAR-MAP-24"],
        &[Mapping, Regions],
        |cx| {
            let vmo = numbered(cx, 4)?;
            let (region, base) = cx.allocate(4 * PAGE, ANY_MAPPING)?;
            cx.vmar_map(region, 0, vmo, 0, 4 * PAGE, SPECIFIC)?.ok()?;
            cx.expect_load(plus(base, 4 * PAGE - 1), &mark(3))
        },
    );

    suite.test("anywhere_lies_inside_the_region", &["VMAR-MAP-48"], &[Mapping, Regions], |cx| {
        let vmo = cx.create(PAGE)?;
        let answer = cx.vmar_allocate(Handle::Region, 0, 8 * PAGE, ANY_MAPPING)?.ok()?;
        let (region, base) = (answer.handle(0), answer.word(5)?);
        for _ in 0..8 {
            let address = cx.vmar_map(region, 0, vmo, 0, PAGE, READ_ONLY)?.ok()?.word(6)?;
            let inside = (base..base + 8 * PAGE).contains(&address);
            cx.expect(inside, format!("an address in 8 pages at {base:#x}"), address)?;
        }
        let answer = cx.vmar_map(region, 0, vmo, 0, PAGE, READ_ONLY)?;
        answer.is(ZX_ERR_NO_MEMORY)?.untouched().map(drop)
    });

    suite.test(
        "an_offset_without_specific_is_refused",
        &["VMAR-MAP-20"],
        &[Mapping, Regions],
        |cx| {
            let vmo = cx.create(PAGE)?;
            let (region, _) = cx.allocate(4 * PAGE, ANY_MAPPING)?;
            let answer = cx.vmar_map(region, PAGE, vmo, 0, PAGE, READ_ONLY)?;
            answer.is(ZX_ERR_INVALID_ARGS)?.untouched().map(drop)
        },
    );

    for flags in [SPECIFIC, OVERWRITE] {
        let kind = if flags == SPECIFIC { "specific" } else { "overwrite" };
        let name = format!("{kind}_needs_a_region_that_allows_it");
        suite.test(name, &["VMAR-MAP-22"], &[Mapping, Regions], move |cx| {
            let vmo = cx.create(PAGE)?;
            let (region, _) =
                cx.allocate(4 * PAGE, ANY_MAPPING & !vmo_abi::ZX_VM_FLAG_CAN_MAP_SPECIFIC)?;
            cx.vmar_map(region, 0, vmo, 0, PAGE, READ_ONLY)?.ok()?;
            let answer = cx.vmar_map(region, 0, vmo, 0, PAGE, flags)?;
            answer.is(ZX_ERR_ACCESS_DENIED)?.untouched().map(drop)
        });
        for offset in [1, PAGE / 2, PAGE - 1, PAGE + 1] {
            let name = format!("{kind}_at_an_unaligned_offset::{offset}");
            suite.test(name, &["VMAR-MAP-23"], &[Mapping, Regions], move |cx| {
                let vmo = cx.create(PAGE)?;
                let (region, base) = cx.allocate(4 * PAGE, ANY_MAPPING)?;
                let answer = cx.vmar_map(region, offset, vmo, 0, PAGE, flags)?;
                answer.is(ZX_ERR_INVALID_ARGS)?.untouched()?;
                cx.expect_load_fault(base)
            });
        }
        for &(row, offset, len) in OUTSIDE {
            let name = format!("{kind}_outside_the_region::{row}");
            suite.test(name, &["VMAR-MAP-24"], &[Mapping, Regions], move |cx| {
                let vmo = cx.create(PAGE)?;
                let (region, base) = cx.allocate(4 * PAGE, ANY_MAPPING)?;
                let answer = cx.vmar_map(region, offset, vmo, 0, len, flags)?;
                answer.is(ZX_ERR_INVALID_ARGS)?.untouched()?;
                cx.expect_load_fault(plus(base, 3 * PAGE))
            });
        }
    }

    suite.test("longer_than_the_region_is_refused", &["VMAR-MAP-24"], &[Mapping, Regions], |cx| {
        let vmo = cx.create(PAGE)?;
        let (region, _) = cx.allocate(2 * PAGE, ANY_MAPPING)?;
        for len in [2 * PAGE + 1, 3 * PAGE] {
            let answer = cx.vmar_map(region, 0, vmo, 0, len, READ_ONLY)?;
            answer.is(ZX_ERR_INVALID_ARGS)?.untouched()?;
        }
        cx.vmar_map(region, 0, vmo, 0, 2 * PAGE, READ_ONLY)?.ok().map(drop)
    });

    for &(row, first, pages) in OVERLAPS {
        suite.test(
            format!("specific_over_a_mapping_fails::{row}"),
            &["VMAR-MAP-25"],
            &[Mapping, Regions],
            move |cx| {
                let (region, base) = with_middle(cx)?;
                let other = cx.create(4 * PAGE)?;
                let answer = cx.vmar_map(region, first * PAGE, other, 0, pages * PAGE, SPECIFIC)?;
                let (answer, _) =
                    cx.either("C-31", answer, ZX_ERR_INVALID_ARGS, ZX_ERR_NO_MEMORY)?;
                answer.untouched()?;
                cx.expect_load(plus(base, PAGE), &mark(0))?;
                cx.expect_load(plus(base, 2 * PAGE), &mark(1))?;
                cx.expect_load_fault(base)?;
                cx.expect_load_fault(plus(base, 3 * PAGE))
            },
        );
    }

    // Below the level of the kernel both sides of C-31 are accepted.
    suite
        .test("overlapping_is_called_no_memory", &["VMAR-MAP-26"], &[Mapping, Regions], |cx| {
            let (region, _) = with_middle(cx)?;
            let other = cx.create(PAGE)?;
            let answer = cx.vmar_map(region, 2 * PAGE, other, 0, PAGE, SPECIFIC)?;
            answer.is(ZX_ERR_NO_MEMORY)?.untouched().map(drop)
        })
        .at(Level::Kernel);

    suite.test(
        "beside_a_mapping_is_free",
        &["VMAR-MAP-21", "VMAR-MAP-25"],
        &[Mapping, Regions],
        |cx| {
            let (region, base) = with_middle(cx)?;
            let other = cx.create_filled(PAGE, 0x77)?;
            cx.vmar_map(region, 0, other, 0, PAGE, SPECIFIC)?.ok()?;
            cx.vmar_map(region, 3 * PAGE, other, 0, PAGE, SPECIFIC)?.ok()?;
            cx.expect_load(base, &[0x77])?;
            cx.expect_load(plus(base, PAGE), &mark(0))?;
            cx.expect_load(plus(base, 3 * PAGE), &[0x77])
        },
    );

    suite.test("specific_over_a_region_fails", &["VMAR-MAP-25"], &[Mapping, Regions], |cx| {
        let vmo = cx.create(PAGE)?;
        let (region, _) = cx.allocate(4 * PAGE, ANY_MAPPING)?;
        let flags = ZX_VM_FLAG_CAN_MAP_READ | ZX_VM_FLAG_SPECIFIC;
        cx.vmar_allocate(region, PAGE, PAGE, flags)?.ok()?;
        let answer = cx.vmar_map(region, PAGE, vmo, 0, PAGE, SPECIFIC)?;
        answer.one_of(&[ZX_ERR_INVALID_ARGS, ZX_ERR_NO_MEMORY])?.untouched().map(drop)
    });
}

/// A region of four pages with a [`numbered`] VMO mapped on the middle two.
fn with_middle(cx: &mut Context<'_>) -> Checked<(Handle, Address)> {
    let vmo = numbered(cx, 2)?;
    let (region, base) = cx.allocate(4 * PAGE, ANY_MAPPING)?;
    cx.vmar_map(region, PAGE, vmo, 0, 2 * PAGE, SPECIFIC)?.ok()?;
    Ok((region, base))
}

fn overwriting(suite: &mut Suite) {
    for &(row, first, pages) in OVERLAPS {
        suite.test(
            format!("overwriting_replaces::{row}"),
            &["VMAR-MAP-27"],
            &[Mapping, Regions],
            move |cx| {
                let (region, base) = with_middle(cx)?;
                let other = cx.create_filled(4 * PAGE, 0x77)?;
                let at = first * PAGE;
                cx.vmar_map(region, at, other, 0, pages * PAGE, OVERWRITE)?.ok()?;
                for page in 0..4 {
                    let address = plus(base, page * PAGE);
                    if (first..first + pages).contains(&page) {
                        cx.expect_load(address, &[0x77])?;
                    } else if page == 1 || page == 2 {
                        cx.expect_load(address, &mark(page - 1))?;
                    } else {
                        cx.expect_load_fault(address)?;
                    }
                }
                Ok(())
            },
        );
    }

    suite.test("overwriting_where_nothing_is", &["VMAR-MAP-27"], &[Mapping, Regions], |cx| {
        let vmo = numbered(cx, 1)?;
        let (region, base) = cx.allocate(2 * PAGE, ANY_MAPPING)?;
        cx.vmar_map(region, PAGE, vmo, 0, PAGE, OVERWRITE)?.ok()?;
        cx.expect_load(plus(base, PAGE), &mark(0))?;
        cx.expect_load_fault(base)
    });

    suite.test("overwriting_splits_a_mapping", &["VMAR-MAP-27"], &[Mapping, Regions], |cx| {
        let vmo = numbered(cx, 4)?;
        let (region, base) = cx.allocate(4 * PAGE, ANY_MAPPING)?;
        cx.vmar_map(region, 0, vmo, 0, 4 * PAGE, SPECIFIC)?.ok()?;
        let other = cx.create_filled(PAGE, 0x77)?;
        cx.vmar_map(region, PAGE, other, 0, PAGE, OVERWRITE)?.ok()?;
        cx.expect_load(base, &mark(0))?;
        cx.expect_load(plus(base, PAGE), &[0x77])?;
        cx.expect_load(plus(base, 2 * PAGE), &mark(2))?;
        cx.store_bytes(plus(base, 3 * PAGE), b"s")?;
        cx.expect_bytes(vmo, 3 * PAGE, b"s")?;
        cx.expect_bytes(vmo, PAGE, &mark(1))
    });

    suite.test("overwriting_several_mappings", &["VMAR-MAP-27"], &[Mapping, Regions], |cx| {
        let vmo = numbered(cx, 3)?;
        let (region, base) = cx.allocate(4 * PAGE, ANY_MAPPING)?;
        for page in 0..3 {
            cx.vmar_map(region, page * PAGE, vmo, page * PAGE, PAGE, SPECIFIC)?.ok()?;
        }
        let other = cx.create_filled(3 * PAGE, 0x77)?;
        cx.vmar_map(region, PAGE, other, 0, 3 * PAGE, OVERWRITE)?.ok()?;
        cx.expect_load(base, &mark(0))?;
        for page in 1..4 {
            cx.expect_load(plus(base, page * PAGE), &[0x77])?;
        }
        Ok(())
    });

    for (row, at) in [("inside", 0), ("at_its_end", PAGE), ("at_its_start", 2 * PAGE)] {
        suite.test(
            format!("overwriting_a_region_is_refused::{row}"),
            &["VMAR-MAP-29"],
            &[Mapping, Regions],
            move |cx| {
                let vmo = numbered(cx, 1)?;
                let (region, base) = cx.allocate(6 * PAGE, ANY_MAPPING)?;
                let flags = ANY_MAPPING | ZX_VM_FLAG_SPECIFIC;
                let child = cx.vmar_allocate(region, 2 * PAGE, PAGE, flags)?.ok()?.handle(0);
                cx.vmar_map(child, 0, vmo, 0, PAGE, SPECIFIC)?.ok()?;
                let answer = cx.vmar_map(region, at, vmo, 0, 3 * PAGE, OVERWRITE)?;
                answer.is(ZX_ERR_INVALID_ARGS)?.untouched()?;
                cx.expect_load(plus(base, 2 * PAGE), &mark(0))?;
                cx.expect_load_fault(plus(base, 4 * PAGE))
            },
        );
    }
}
