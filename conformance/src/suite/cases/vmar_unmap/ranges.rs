//! Every range of pictures with gaps, and of pictures with regions.

use vmo_abi::Capability::{Mapping, Regions};
use vmo_abi::{ZX_ERR_BAD_STATE, ZX_ERR_INVALID_ARGS, ZX_ERR_NOT_FOUND, ZX_OK};
use vmo_abi::{ZX_VM_FLAG_PERM_EXECUTE, ZX_VM_FLAG_SPECIFIC};

use crate::level::Level;
use crate::program::{Address, Handle};
use crate::suite::cases::copy_on_write::pages::create;
use crate::suite::cases::mappings::picture::{
    Piece, changed, lay, lay_with, map_at, pages_of, pages_show, stores_arrive,
};
use crate::suite::cases::prototypes::ANY_MAPPING;
use crate::suite::{Answer, Checked, Context, PAGE, READ_ONLY, READ_WRITE, Suite, plus};

const BASE: Address = Address::Region(0);
const PICTURE: &str = "[ab]-[cde][f]-";

/// Unmaps the pages from `first` to before `end` of the program's region.
fn unmap(cx: &mut Context<'_>, first: u64, end: u64) -> Checked<Answer> {
    cx.vmar_unmap(Handle::Region, Address::Region(first * PAGE), (end - first) * PAGE)
}

pub(super) fn add(suite: &mut Suite) {
    for first in 0..8 {
        for end in first + 1..=8 {
            let is_gap = pages_of(PICTURE)[first as usize..end as usize] == *"-";
            if is_gap {
                suite
                    .test(
                        format!("a_gap_alone::{first}_to_{end}"),
                        &["VMAR-UNMAP-10"],
                        &[Mapping],
                        move |cx| {
                            let pieces = lay(cx, Handle::Region, PICTURE)?;
                            let answer = unmap(cx, first, end)?;
                            cx.either("C-17", answer, ZX_ERR_NOT_FOUND, ZX_OK)?;
                            what_is_left(cx, &pieces, 0..0)
                        },
                    )
                    .at(Level::Page);
                continue;
            }
            suite.test(
                format!("removes_every_range::{first}_to_{end}"),
                &["VMAR-UNMAP-01", "VMAR-UNMAP-02", "VMAR-UNMAP-16"],
                &[Mapping],
                move |cx| {
                    let pieces = lay(cx, Handle::Region, PICTURE)?;
                    unmap(cx, first, end)?.ok()?;
                    what_is_left(cx, &pieces, first..end)
                },
            );
        }
    }
    twice(suite);
    kinds(suite);
    regions(suite);
}

fn what_is_left(cx: &mut Context<'_>, pieces: &[Piece], gone: std::ops::Range<u64>) -> Checked {
    pages_show(cx, BASE, &changed(&pages_of(PICTURE), gone.clone(), |_| '-'))?;
    stores_arrive(cx, BASE, pieces, |page| !gone.contains(&page))
}

fn twice(suite: &mut Suite) {
    // Ranges that are unmapped one after the other.
    for (row, ranges, shown) in [
        ("middle_then_first", &[(2, 3), (0, 1)][..], "-b-def"),
        ("middle_then_last", &[(2, 3), (5, 6)], "ab-de-"),
        ("page_by_page_upward", &[(0, 1), (1, 2), (2, 3)], "---def"),
        ("page_by_page_downward", &[(5, 6), (4, 5), (3, 4)], "abc---"),
        ("every_other", &[(1, 2), (3, 4), (5, 6)], "a-c-e-"),
        ("over_a_hole", &[(2, 4), (1, 5)], "a----f"),
        ("beside_a_hole", &[(2, 3), (3, 5)], "ab---f"),
        ("all_after_a_hole", &[(3, 4), (0, 6)], "------"),
    ] {
        suite.test(
            format!("one_range_after_the_other::{row}"),
            &["VMAR-UNMAP-01", "VMAR-UNMAP-02"],
            &[Mapping],
            move |cx| {
                let pieces = lay(cx, Handle::Region, "[abcdef]")?;
                for (first, end) in ranges {
                    unmap(cx, *first, *end)?.ok()?;
                }
                pages_show(cx, BASE, shown)?;
                let is_left = |page| shown.as_bytes()[page as usize] != b'-';
                stores_arrive(cx, BASE, &pieces, is_left)
            },
        );
    }

    suite.test("one_vmo_mapped_side_by_side", &["VMAR-UNMAP-02"], &[Mapping], |cx| {
        let vmo = create(cx, "abc")?;
        map_at(cx, Handle::Region, 0, vmo, 0, 3, READ_WRITE)?;
        map_at(cx, Handle::Region, 3, vmo, 0, 3, READ_WRITE)?;
        unmap(cx, 2, 4)?.ok()?;
        pages_show(cx, BASE, "ab--bc")?;
        cx.store_bytes(Address::Region(4 * PAGE), b"!")?;
        cx.expect_load(Address::Region(PAGE), b"!b")
    });

    suite.test("what_was_split_can_be_filled", &["VMAR-UNMAP-01"], &[Mapping], |cx| {
        lay(cx, Handle::Region, "[abcd]")?;
        unmap(cx, 1, 3)?.ok()?;
        let other = create(cx, "xy")?;
        map_at(cx, Handle::Region, 1, other, 0, 2, READ_WRITE)?;
        pages_show(cx, BASE, "axyd")?;
        unmap(cx, 2, 4)?.ok()?;
        pages_show(cx, BASE, "ax--")
    });
}

fn kinds(suite: &mut Suite) {
    for (row, permissions, left) in [
        ("without_permissions", 0, "---"),
        ("read_only", READ_ONLY, "a-c"),
        ("executable", READ_ONLY | ZX_VM_FLAG_PERM_EXECUTE, "a-c"),
    ] {
        suite.test(
            format!("removes_any_mapping::{row}"),
            &["VMAR-UNMAP-01"],
            &[Mapping],
            move |cx| {
                lay_with(cx, Handle::Region, "[abc]", |_| permissions)?;
                unmap(cx, 1, 2)?.ok()?;
                pages_show(cx, BASE, left)?;
                let other = create(cx, "x")?;
                map_at(cx, Handle::Region, 1, other, 0, 1, READ_WRITE)?;
                cx.expect_load(Address::Region(PAGE), b"x")
            },
        );
    }

    suite.test("removes_what_lies_beyond_the_end", &["VMAR-UNMAP-01"], &[Mapping], |cx| {
        let vmo = create(cx, "a")?;
        map_at(cx, Handle::Region, 0, vmo, 0, 4, READ_WRITE)?;
        unmap(cx, 1, 3)?.ok()?;
        cx.resize(vmo, 4 * PAGE)?;
        pages_show(cx, BASE, "a--.")
    });

    suite.test("removes_pages_that_were_never_touched", &["VMAR-UNMAP-01"], &[Mapping], |cx| {
        let vmo = cx.create(3 * PAGE)?;
        map_at(cx, Handle::Region, 0, vmo, 0, 3, READ_WRITE)?;
        unmap(cx, 0, 2)?.ok()?;
        pages_show(cx, BASE, "--.")
    });

    suite.test("removes_pages_that_were_touched", &["VMAR-UNMAP-16"], &[Mapping], |cx| {
        lay(cx, Handle::Region, "[abcd]")?;
        for page in 0..4 {
            let address = Address::Region(page * PAGE);
            cx.load_bytes(address, PAGE)?;
            cx.store_bytes(plus(address, 9), b"t")?;
        }
        unmap(cx, 1, 3)?.ok()?;
        for page in [1, 2] {
            for offset in [0, 9, PAGE - 1] {
                cx.expect_load_fault(Address::Region(page * PAGE + offset))?;
                cx.expect_store_fault(Address::Region(page * PAGE + offset))?;
            }
        }
        cx.expect_load(Address::Region(9), b"ta")?;
        cx.expect_load(Address::Region(3 * PAGE + 9), b"td")
    });

    suite.test("a_call_finds_no_buffer_there", &["VMAR-UNMAP-16", "GEN-10"], &[Mapping], |cx| {
        let pieces = lay(cx, Handle::Region, "[abc]")?;
        let vmo = cx.create(5 * PAGE)?;
        let size = |cx: &mut Context<'_>, offset| {
            cx.with("size", Address::Region(offset)).vmo_get_size(vmo)
        };
        size(cx, PAGE)?.ok()?;
        unmap(cx, 1, 2)?.ok()?;
        size(cx, PAGE)?.is(ZX_ERR_INVALID_ARGS)?;
        size(cx, PAGE - 4)?.is(ZX_ERR_INVALID_ARGS)?;
        size(cx, 2 * PAGE - 4)?.is(ZX_ERR_INVALID_ARGS)?;
        size(cx, PAGE - 8)?.ok()?;
        size(cx, 2 * PAGE)?.ok()?;
        cx.expect_bytes(pieces[0].vmo, 3 * PAGE, &(5 * PAGE).to_le_bytes())
    });
}

/// Lays out `[a]`, a region of two pages with `[bc]`, `[d]`, a region of three
/// pages with `[e]-[f]`, and `[g]`.
fn with_regions(cx: &mut Context<'_>) -> Checked<[Handle; 2]> {
    lay(cx, Handle::Region, "[a]--[d]---[g]")?;
    let flags = ANY_MAPPING | ZX_VM_FLAG_SPECIFIC;
    let mut allocate = |place: u64, pages: u64| -> Checked<Handle> {
        let answer = cx.vmar_allocate(Handle::Region, place * PAGE, pages * PAGE, flags)?;
        Ok(answer.ok()?.handle(0))
    };
    let regions = [allocate(1, 2)?, allocate(4, 3)?];
    lay(cx, regions[0], "[bc]")?;
    lay(cx, regions[1], "[e]-[f]")?;
    Ok(regions)
}

const WITH_REGIONS: &str = "abcde-fg";
/// The pages of the regions in it.
const REGIONS: [std::ops::Range<u64>; 2] = [1..3, 4..7];

fn regions(suite: &mut Suite) {
    for first in 0..8 {
        for end in first + 1..=8 {
            let overlaps = |region: &std::ops::Range<u64>| first < region.end && region.start < end;
            let covers = |region: &std::ops::Range<u64>| first <= region.start && region.end <= end;
            let is_refused = REGIONS.iter().any(|region| overlaps(region) && !covers(region));
            if is_refused {
                suite.test(
                    format!("refuses_to_cut_regions::{first}_to_{end}"),
                    &["VMAR-UNMAP-04"],
                    &[Mapping, Regions],
                    move |cx| {
                        with_regions(cx)?;
                        unmap(cx, first, end)?.is(ZX_ERR_INVALID_ARGS).map(drop)
                    },
                );
                suite.test(
                    format!("a_refusal_to_cut_regions_removes_nothing::{first}_to_{end}"),
                    &["VMAR-UNMAP-05"],
                    &[Mapping, Regions],
                    move |cx| {
                        let regions = with_regions(cx)?;
                        unmap(cx, first, end)?.is(ZX_ERR_INVALID_ARGS)?;
                        pages_show(cx, BASE, WITH_REGIONS)?;
                        for region in regions {
                            cx.vmar_destroy(region)?.ok()?;
                        }
                        Ok(())
                    },
                );
                continue;
            }
            let covered = [covers(&REGIONS[0]), covers(&REGIONS[1])];
            suite.test(
                format!("removes_whole_regions::{first}_to_{end}"),
                &["VMAR-UNMAP-01", "VMAR-UNMAP-03"],
                &[Mapping, Regions],
                move |cx| {
                    let regions = with_regions(cx)?;
                    unmap(cx, first, end)?.ok()?;
                    pages_show(cx, BASE, &changed(WITH_REGIONS, first..end, |_| '-'))?;
                    for (region, is_gone) in regions.into_iter().zip(covered) {
                        let status = if is_gone { ZX_ERR_BAD_STATE } else { ZX_OK };
                        cx.vmar_destroy(region)?.is(status)?;
                    }
                    Ok(())
                },
            );
        }
    }
}
