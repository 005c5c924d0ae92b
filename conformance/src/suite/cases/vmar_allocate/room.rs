//! Where regions are placed, until there is no room, and lack of memory.

use vmo_abi::Capability::{Mapping, MemoryControl, Regions};
use vmo_abi::{ZX_ERR_NO_MEMORY, ZX_OK, ZX_VM_FLAG_SPECIFIC};

use crate::level::Level;
use crate::program::{Address, Handle};
use crate::suite::cases::copy_on_write::pages::create;
use crate::suite::cases::mappings::picture::{lay, pages_show};
use crate::suite::cases::prototypes::ANY_MAPPING;
use crate::suite::cases::vmar_unmap::region_at;
use crate::suite::{Checked, Context, PAGE, READ_WRITE, Suite, plus};

const BASE: Address = Address::Region(0);
const SPECIFIC: u32 = ANY_MAPPING | ZX_VM_FLAG_SPECIFIC;
/// Allocations that a call makes at most.
const MOST: u64 = 100;

pub(super) fn add(suite: &mut Suite) {
    apart(suite);
    room(suite);
    handles(suite);
    memory(suite);
}

fn apart(suite: &mut Suite) {
    suite.test("many_regions_lie_apart", &["VMAR-ALLOC-01"], &[Regions, Mapping], |cx| {
        cx.expect_load_fault(BASE)?;
        let start = cx.address_of(BASE)?;
        let mut ranges = Vec::new();
        for number in 0..40 {
            let pages = 1 + number % 3;
            let answer = cx.vmar_allocate(Handle::Region, 0, pages * PAGE, ANY_MAPPING)?.ok()?;
            let address = answer.word(5)?;
            let inside = address.wrapping_sub(start);
            cx.expect(address.is_multiple_of(PAGE), "an aligned address", address)?;
            cx.expect(inside < 1 << 32, "a place inside", inside)?;
            ranges.push((address, pages * PAGE));
            // A mapping does not get into any of them.
            let vmo = cx.create(PAGE)?;
            ranges.push((cx.vmar_map(Handle::Region, 0, vmo, 0, PAGE, 1)?.ok()?.word(6)?, PAGE));
        }
        ranges.sort_unstable();
        let apart = ranges.windows(2).all(|pair| pair[0].0 + pair[0].1 <= pair[1].0);
        cx.expect(apart, "regions and mappings that do not overlap", "two that do")
    });

    suite.test("a_fresh_region_is_empty", &["VMAR-ALLOC-01"], &[Regions, Mapping], |cx| {
        lay(cx, Handle::Region, "[abc]")?;
        cx.vmar_unmap(Handle::Region, BASE, 3 * PAGE)?.ok()?;
        let region = region_at(cx, Handle::Region, 0, 3)?;
        pages_show(cx, BASE, "---")?;
        lay(cx, region, "-[x]")?;
        pages_show(cx, BASE, "-x-")
    });

    suite.test("regions_fill_a_region", &["VMAR-ALLOC-01"], &[Regions, Mapping], |cx| {
        let (parent, base) = cx.allocate(4 * PAGE, ANY_MAPPING)?;
        for _ in 0..4 {
            let child = cx.vmar_allocate(parent, 0, PAGE, ANY_MAPPING)?.ok()?.handle(0);
            lay(cx, child, "[a]")?;
        }
        pages_show(cx, base, "aaaa")?;
        let answer = cx.vmar_allocate(parent, 0, PAGE, ANY_MAPPING)?;
        answer.is(ZX_ERR_NO_MEMORY)?.untouched().map(drop)
    });

    suite.test(
        "a_region_of_the_size_of_its_parent",
        &["VMAR-ALLOC-01"],
        &[Regions, Mapping],
        |cx| {
            let (mut region, base) = cx.allocate(2 * PAGE, ANY_MAPPING)?;
            for _ in 0..20 {
                let answer = cx.vmar_allocate(region, 0, 2 * PAGE, ANY_MAPPING)?.ok()?;
                let at = cx.address_of(base)?;
                region = answer.word_is(5, at)?.handle(0);
            }
            lay(cx, region, "[ab]")?;
            pages_show(cx, base, "ab")
        },
    );
}

fn room(suite: &mut Suite) {
    // Mappings and regions (in capitals), the size, and the only place for it.
    for (row, picture, pages, place) in [
        ("between", "m--R-m", 2, Some(1)),
        ("behind", "mR-m--", 2, Some(4)),
        ("before", "---RmR", 3, Some(0)),
        ("none", "-m-R-m", 2, None),
        ("full", "mRmR", 1, None),
    ] {
        suite
            .test(
                format!("finds_the_only_room::{row}"),
                &["VMAR-ALLOC-01"],
                &[Regions, Mapping],
                move |cx| {
                    let (parent, base) = cx.allocate(picture.len() as u64 * PAGE, ANY_MAPPING)?;
                    let vmo = create(cx, "m")?;
                    for (page, kind) in (0..).zip(picture.chars()) {
                        let flags = READ_WRITE | ZX_VM_FLAG_SPECIFIC;
                        match kind {
                            'R' => drop(region_at(cx, parent, page, 1)?),
                            'm' => {
                                drop(cx.vmar_map(parent, page * PAGE, vmo, 0, PAGE, flags)?.ok()?)
                            }
                            _ => {}
                        }
                    }
                    let answer = cx.vmar_allocate(parent, 0, pages * PAGE, ANY_MAPPING)?;
                    let Some(place) = place else {
                        return answer.is(ZX_ERR_NO_MEMORY)?.untouched().map(drop);
                    };
                    let at = cx.address_of(plus(base, place * PAGE))?;
                    answer.ok()?.word_is(5, at).map(drop)
                },
            )
            .at(Level::Kernel);
    }

    suite.test("finds_the_only_room_of_512_pages", &["VMAR-ALLOC-01"], &[Regions, Mapping], |cx| {
        let (parent, base) = cx.allocate(512 * PAGE, ANY_MAPPING)?;
        let vmo = create(cx, "m")?;
        let flags = READ_WRITE | ZX_VM_FLAG_SPECIFIC;
        cx.vmar_map(parent, 0, vmo, 0, 200 * PAGE, flags)?.ok()?;
        region_at(cx, parent, 202, 310)?;
        let at = cx.address_of(plus(base, 200 * PAGE))?;
        cx.vmar_allocate(parent, 0, 2 * PAGE, ANY_MAPPING)?.ok()?.word_is(5, at)?;
        let answer = cx.vmar_allocate(parent, 0, PAGE, ANY_MAPPING)?;
        answer.is(ZX_ERR_NO_MEMORY)?.untouched().map(drop)
    });

    suite.test("a_parent_maps_beside_its_regions", &["VMAR-ALLOC-01"], &[Regions, Mapping], |cx| {
        let child = region_at(cx, Handle::Region, 1, 2)?;
        lay(cx, Handle::Region, "[a]--[d]")?;
        lay(cx, child, "[bc]")?;
        pages_show(cx, BASE, "abcd")
    });
}

fn handles(suite: &mut Suite) {
    suite.test("regions_live_on_without_handles", &["VMAR-ALLOC-08"], &[Regions, Mapping], |cx| {
        let outer = region_at(cx, Handle::Region, 0, 6)?;
        let middle = region_at(cx, outer, 1, 4)?;
        let inner = region_at(cx, middle, 1, 2)?;
        lay(cx, outer, "[a]")?;
        lay(cx, middle, "[b]")?;
        cx.close(outer)?;
        cx.close(middle)?;
        pages_show(cx, BASE, "ab----")?;
        lay(cx, inner, "[cd]")?;
        pages_show(cx, BASE, "abcd--")?;
        cx.store_bytes(plus(BASE, 2 * PAGE), b"!")?;
        cx.close(inner)?;
        cx.expect_load(plus(BASE, 2 * PAGE), b"!c")
    });

    suite
        .test("room_stays_taken_without_handles", &["VMAR-ALLOC-08"], &[Regions, Mapping], |cx| {
            let child = region_at(cx, Handle::Region, 1, 2)?;
            cx.close(child)?;
            let vmo = create(cx, "abcd")?;
            for (place, pages) in [(0, 2), (1, 1), (2, 1), (2, 2), (0, 4)] {
                let flags = READ_WRITE | ZX_VM_FLAG_SPECIFIC;
                let answer =
                    cx.vmar_map(Handle::Region, place * PAGE, vmo, 0, pages * PAGE, flags)?;
                cx.either("C-31", answer, vmo_abi::ZX_ERR_INVALID_ARGS, ZX_ERR_NO_MEMORY)?;
                let answer =
                    cx.vmar_allocate(Handle::Region, place * PAGE, pages * PAGE, SPECIFIC)?;
                answer.one_of(&[ZX_ERR_NO_MEMORY, vmo_abi::ZX_ERR_INVALID_ARGS])?.untouched()?;
            }
            pages_show(cx, BASE, "----")
        })
        .at(Level::Page);
}

/// Allocates with one allocation after the other failing, until it succeeds
/// with none failing; `look` judges what a failure has left.
fn until_it_succeeds(
    cx: &mut Context<'_>,
    look: impl Fn(&mut Context<'_>) -> Checked,
) -> Checked<Handle> {
    for nth in 1..=MOST {
        cx.fail_allocation(Some(nth))?;
        let answer = cx.vmar_allocate(Handle::Region, PAGE, 2 * PAGE, SPECIFIC)?;
        cx.fail_allocation(None)?;
        if answer.status() == Some(ZX_OK) {
            cx.expect(nth > 1, "an allocation that can fail", "none failed")?;
            return Ok(answer.ok()?.handle(0));
        }
        answer.is(ZX_ERR_NO_MEMORY)?.untouched()?;
        look(cx)?;
    }
    Err(crate::suite::Failure::new(format!("at most {MOST} allocations"), "more"))
}

fn memory(suite: &mut Suite) {
    const NEEDS: &[vmo_abi::Capability] = &[Regions, Mapping, MemoryControl];

    suite
        .test("lack_of_memory_leaves_no_region", &["VMAR-ALLOC-01"], NEEDS, |cx| {
            let vmo = create(cx, "ab")?;
            cx.expect_load_fault(BASE)?;
            let region = until_it_succeeds(cx, |cx| {
                // Its room is free.
                let flags = READ_WRITE | ZX_VM_FLAG_SPECIFIC;
                cx.vmar_map(Handle::Region, PAGE, vmo, 0, 2 * PAGE, flags)?.ok()?;
                pages_show(cx, BASE, "-ab-")?;
                cx.vmar_unmap(Handle::Region, plus(BASE, PAGE), 2 * PAGE)?.ok().map(drop)
            })?;
            lay(cx, region, "[xy]")?;
            pages_show(cx, BASE, "-xy-")
        })
        .at(Level::Kernel);

    suite
        .test("a_region_takes_no_pages", &["VMAR-ALLOC-01"], NEEDS, |cx| {
            cx.limit_memory(Some(0))?;
            let region = region_at(cx, Handle::Region, 1, 2)?;
            let vmo = cx.create(2 * PAGE)?;
            cx.vmar_map(region, 0, vmo, 0, 2 * PAGE, READ_WRITE)?.ok()?;
            pages_show_zeros(cx)
        })
        .at(Level::Kernel);
}

fn pages_show_zeros(cx: &mut Context<'_>) -> Checked {
    cx.expect_load(plus(BASE, PAGE), &[0; 2 * PAGE as usize])?;
    cx.expect_store_fault(plus(BASE, PAGE))
}
