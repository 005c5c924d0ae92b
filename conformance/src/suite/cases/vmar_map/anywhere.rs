//! Mappings whose place is not asked for: inside, apart, and until it is full.

use vmo_abi::Capability::{CachePolicy, Mapping, Regions};
use vmo_abi::{ZX_ERR_INVALID_ARGS, ZX_ERR_NO_MEMORY, ZX_VM_FLAG_SPECIFIC};

use crate::program::{Address, Handle};
use crate::suite::cases::copy_on_write::pages::create;
use crate::suite::cases::mappings::picture::{lay, map_at, pages_show};
use crate::suite::cases::prototypes::ANY_MAPPING;
use crate::suite::{Checked, Context, PAGE, READ_ONLY, READ_WRITE, Suite, plus};

const SPECIFIC: u32 = READ_WRITE | ZX_VM_FLAG_SPECIFIC;

/// Maps pages anywhere in a region and answers with the address.
fn map(cx: &mut Context<'_>, region: Handle, vmo: Handle, pages: u64) -> Checked<Address> {
    Ok(cx.vmar_map(region, 0, vmo, 0, pages * PAGE, READ_WRITE)?.ok()?.address())
}

fn has_no_room(cx: &mut Context<'_>, region: Handle, vmo: Handle, pages: u64) -> Checked {
    let answer = cx.vmar_map(region, 0, vmo, 0, pages * PAGE, READ_WRITE)?;
    answer.is(ZX_ERR_NO_MEMORY)?.untouched().map(drop)
}

pub(super) fn add(suite: &mut Suite) {
    apart(suite);
    room(suite);
    taken(suite);
}

fn apart(suite: &mut Suite) {
    suite.test("many_mappings_lie_apart", &["VMAR-MAP-48"], &[Mapping], |cx| {
        cx.expect_load_fault(Address::Region(0))?;
        let start = cx.address_of(Address::Region(0))?;
        let mut ranges = Vec::new();
        for number in 0..60 {
            let pages = 1 + number % 4;
            let vmo = cx.create(pages * PAGE)?;
            let answer =
                cx.vmar_map(Handle::Region, 0, vmo, 0, pages * PAGE - 1, READ_WRITE)?.ok()?;
            let address = answer.word(6)?;
            let (inside, end) = (address.wrapping_sub(start), 1_u64 << 32);
            cx.expect(address.is_multiple_of(PAGE), "an aligned address", address)?;
            cx.expect(inside < end && pages * PAGE <= end - inside, "a place inside", inside)?;
            cx.store_bytes(answer.address(), &[number as u8 + 1])?;
            cx.store_bytes(plus(answer.address(), pages * PAGE - 1), &[number as u8 + 1])?;
            ranges.push((address, pages * PAGE, answer.address(), number as u8 + 1));
        }
        for &(_, len, address, byte) in &ranges {
            cx.expect_load(address, &[byte])?;
            cx.expect_load(plus(address, len - 1), &[byte])?;
        }
        ranges.sort_unstable_by_key(|range| range.0);
        let apart = ranges.windows(2).all(|pair| pair[0].0 + pair[0].1 <= pair[1].0);
        cx.expect(apart, "mappings that do not overlap", "two that do")
    });

    for pages in [1, 2, 3, 5] {
        suite.test(
            format!("fills_a_region_to_the_last_page::{pages}"),
            &["VMAR-MAP-48", "VMAR-MAP-52"],
            &[Mapping, Regions],
            move |cx| {
                let (region, base) = cx.allocate(pages * PAGE, ANY_MAPPING)?;
                let mut vmos = Vec::new();
                for page in 0..pages {
                    let vmo = create(cx, ["a", "b", "c", "d", "e"][page as usize])?;
                    map(cx, region, vmo, 1)?;
                    vmos.push(vmo);
                }
                has_no_room(cx, region, vmos[0], 1)?;
                let mut seen = Vec::new();
                for page in 0..pages {
                    seen.extend(cx.load_bytes(plus(base, page * PAGE), 1)?);
                }
                seen.sort_unstable();
                let all = seen == b"abcde"[..pages as usize];
                cx.expect(all, "each page mapped once", format!("{seen:?}"))
            },
        );
    }
}

fn room(suite: &mut Suite) {
    // What is there, how many pages are asked for, and where the only place is.
    for (row, picture, pages, place) in [
        ("first_page", "-[bcd]", 1, Some(0)),
        ("last_page", "[abc]-", 1, Some(3)),
        ("in_the_middle", "[a]-[cd]", 1, Some(1)),
        ("the_larger_gap", "-[b]--[e]-", 2, Some(2)),
        ("before_all", "---[d]--[g]", 3, Some(0)),
        ("behind_all", "-[b]--[e]---", 3, Some(5)),
        ("no_gap_is_large_enough", "--[c]--[f]--", 3, None),
        ("every_other_page", "-[b]-[d]-[f]-", 2, None),
        ("full", "[a][b][cd]", 1, None),
    ] {
        suite.test(
            format!("finds_the_only_room::{row}"),
            &["VMAR-MAP-52"],
            &[Mapping, Regions],
            move |cx| {
                let letters: String = picture.chars().filter(|c| !"[]".contains(*c)).collect();
                let (region, base) = cx.allocate(letters.len() as u64 * PAGE, ANY_MAPPING)?;
                lay(cx, region, picture)?;
                let other = create(cx, "KLM")?;
                let Some(place) = place else {
                    has_no_room(cx, region, other, pages)?;
                    return pages_show(cx, base, &letters);
                };
                map(cx, region, other, pages)?;
                let mut shown = letters;
                shown.replace_range(place..place + pages as usize, &"KLM"[..pages as usize]);
                pages_show(cx, base, &shown)
            },
        );
    }

    // So few pages are free that they cannot be found by chance.
    for (row, holes, pages, place) in [
        ("one_page", &[300][..], 1, 300),
        ("the_first_page", &[0], 1, 0),
        ("the_last_page", &[511], 1, 511),
        ("two_pages", &[100, 200, 201, 400], 2, 200),
        ("three_pages", &[7, 8, 60, 508, 509, 510], 3, 508),
    ] {
        suite.test(
            format!("finds_the_only_room_of_512_pages::{row}"),
            &["VMAR-MAP-52"],
            &[Mapping, Regions],
            move |cx| {
                let (region, base) = cx.allocate(512 * PAGE, ANY_MAPPING)?;
                let vmo = create(cx, "a")?;
                map_at(cx, region, 0, vmo, 0, 512, READ_WRITE)?;
                for hole in holes {
                    cx.vmar_unmap(region, plus(base, hole * PAGE), PAGE)?.ok()?;
                }
                let other = create(cx, "xyz")?;
                map(cx, region, other, pages)?;
                pages_show(cx, plus(base, place * PAGE), &"xyz"[..pages as usize])?;
                has_no_room(cx, region, other, pages)
            },
        );
    }

    suite.test("unmapping_makes_room", &["VMAR-MAP-52"], &[Mapping, Regions], |cx| {
        let (region, base) = cx.allocate(4 * PAGE, ANY_MAPPING)?;
        lay(cx, region, "[abcd]")?;
        let other = create(cx, "xy")?;
        has_no_room(cx, region, other, 1)?;
        cx.vmar_unmap(region, plus(base, PAGE), PAGE)?.ok()?;
        has_no_room(cx, region, other, 2)?;
        cx.vmar_unmap(region, plus(base, 2 * PAGE), PAGE)?.ok()?;
        map(cx, region, other, 2)?;
        pages_show(cx, base, "axyd")
    });

    suite.test(
        "a_mapping_for_which_there_is_no_room_is_not_there",
        &["VMAR-MAP-52", "VMO-CACHEPOL-09"],
        &[Mapping, Regions, CachePolicy],
        |cx| {
            let (region, _) = cx.allocate(2 * PAGE, ANY_MAPPING)?;
            let vmo = cx.create(2 * PAGE)?;
            lay(cx, region, "[a]")?;
            has_no_room(cx, region, vmo, 2)?;
            cx.expect_nothing_committed(vmo)
        },
    );

    suite.test("an_empty_region_is_too_small", &["VMAR-MAP-24"], &[Mapping, Regions], |cx| {
        let (region, base) = cx.allocate(3 * PAGE, ANY_MAPPING)?;
        let vmo = create(cx, "abcd")?;
        for len in [3 * PAGE + 1, 4 * PAGE, 1 << 32, (1 << 32) + PAGE, 1 << 63] {
            let answer = cx.vmar_map(region, 0, vmo, 0, len, READ_ONLY)?;
            answer.is(ZX_ERR_INVALID_ARGS)?.untouched()?;
        }
        map(cx, region, vmo, 3)?;
        pages_show(cx, base, "abc")
    });
}

fn taken(suite: &mut Suite) {
    suite.test("a_region_inside_is_no_room", &["VMAR-MAP-52"], &[Mapping, Regions], |cx| {
        let (region, base) = cx.allocate(4 * PAGE, ANY_MAPPING)?;
        let flags = ANY_MAPPING | ZX_VM_FLAG_SPECIFIC;
        let child = cx.vmar_allocate(region, PAGE, 3 * PAGE, flags)?.ok()?.handle(0);
        let (vmo, other) = (create(cx, "a")?, create(cx, "b")?);
        map(cx, region, vmo, 1)?;
        has_no_room(cx, region, vmo, 1)?;
        map_at(cx, child, 2, other, 0, 1, READ_WRITE)?;
        pages_show(cx, base, "a--b")
    });

    suite.test("a_full_region_inside_is_full_alone", &["VMAR-MAP-52"], &[Mapping, Regions], |cx| {
        let (region, base) = cx.allocate(3 * PAGE, ANY_MAPPING)?;
        let flags = ANY_MAPPING | ZX_VM_FLAG_SPECIFIC;
        let child = cx.vmar_allocate(region, PAGE, PAGE, flags)?.ok()?.handle(0);
        let vmo = create(cx, "a")?;
        map(cx, child, vmo, 1)?;
        has_no_room(cx, child, vmo, 1)?;
        map(cx, region, vmo, 1)?;
        map(cx, region, vmo, 1)?;
        has_no_room(cx, region, vmo, 1)?;
        pages_show(cx, base, "aaa")
    });

    // A region on pages 2 and 3, alone or with a mapping in it.
    for (row, first, pages) in
        [("around", 0, 6), ("its_start", 1, 2), ("its_end", 3, 2), ("just_it", 2, 2), ("in", 3, 1)]
    {
        for filled in [false, true] {
            let kind = if filled { "with_a_mapping" } else { "empty" };
            suite.test(
                format!("specific_over_a_region_fails::{row}_{kind}"),
                &["VMAR-MAP-25"],
                &[Mapping, Regions],
                move |cx| specific_over_region(cx, first, pages, filled),
            );
        }
    }

    for (row, place, len) in [("behind", 0, PAGE + 1), ("before", 2 * PAGE, 1)] {
        suite.test(
            format!("specific_over_a_mapping_by_a_byte_fails::{row}"),
            &["VMAR-MAP-25", "VMAR-MAP-15"],
            &[Mapping],
            move |cx| {
                lay(cx, Handle::Region, "-[ab]-")?;
                let other = create(cx, "xy")?;
                let answer = cx.vmar_map(Handle::Region, place, other, 0, len, SPECIFIC)?;
                let (answer, _) =
                    cx.either("C-31", answer, ZX_ERR_INVALID_ARGS, ZX_ERR_NO_MEMORY)?;
                answer.untouched()?;
                pages_show(cx, Address::Region(0), "-ab-")
            },
        );
    }

    suite.test(
        "a_specific_mapping_that_fails_is_not_there",
        &["VMAR-MAP-25", "VMO-CACHEPOL-09"],
        &[Mapping, CachePolicy],
        |cx| {
            lay(cx, Handle::Region, "[ab]")?;
            let other = cx.create(2 * PAGE)?;
            let answer = cx.vmar_map(Handle::Region, PAGE, other, 0, 2 * PAGE, SPECIFIC)?;
            answer.one_of(&[ZX_ERR_INVALID_ARGS, ZX_ERR_NO_MEMORY])?.untouched()?;
            cx.expect_nothing_committed(other)?;
            pages_show(cx, Address::Region(0), "ab-")
        },
    );

    suite.test(
        "places_count_from_the_region_inside",
        &["VMAR-MAP-21"],
        &[Mapping, Regions],
        |cx| {
            let flags = ANY_MAPPING | ZX_VM_FLAG_SPECIFIC;
            let outer =
                cx.vmar_allocate(Handle::Region, 2 * PAGE, 8 * PAGE, flags)?.ok()?.handle(0);
            let inner = cx.vmar_allocate(outer, 3 * PAGE, 4 * PAGE, flags)?.ok()?.handle(0);
            let (vmo, other) = (create(cx, "abc")?, create(cx, "x")?);
            map_at(cx, inner, 1, vmo, 0, 3, READ_WRITE)?;
            map_at(cx, outer, 2, other, 0, 1, READ_WRITE)?;
            pages_show(cx, Address::Region(2 * PAGE), "--x-abc-")?;
            let answer = cx.vmar_map(inner, 2 * PAGE, vmo, 0, 3 * PAGE, SPECIFIC)?;
            answer.is(ZX_ERR_INVALID_ARGS)?.untouched().map(drop)
        },
    );
}

fn specific_over_region(cx: &mut Context<'_>, first: u64, pages: u64, filled: bool) -> Checked {
    let flags = ANY_MAPPING | ZX_VM_FLAG_SPECIFIC;
    let child = cx.vmar_allocate(Handle::Region, 2 * PAGE, 2 * PAGE, flags)?.ok()?.handle(0);
    if filled {
        lay(cx, child, "[ab]")?;
    }
    let other = create(cx, "KLMNOP")?;
    let answer = cx.vmar_map(Handle::Region, first * PAGE, other, 0, pages * PAGE, SPECIFIC)?;
    let (answer, _) = cx.either("C-31", answer, ZX_ERR_INVALID_ARGS, ZX_ERR_NO_MEMORY)?;
    answer.untouched()?;
    pages_show(cx, Address::Region(0), if filled { "--ab--" } else { "------" })?;
    cx.vmar_destroy(child)?.ok().map(drop)
}
