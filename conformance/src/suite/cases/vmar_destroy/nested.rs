//! Regions in regions, what is beside them, and what becomes of the handles.

use vmo_abi::Capability::{Handles, Info, Mapping, MemoryControl, Regions};
use vmo_abi::{
    ZX_ERR_BAD_STATE, ZX_ERR_NO_MEMORY, ZX_ERR_NOT_FOUND, ZX_OK, ZX_VM_FLAG_SPECIFIC,
    ZX_VM_FLAG_SPECIFIC_OVERWRITE,
};

use crate::program::{Address, Handle};
use crate::suite::cases::copy_on_write::pages::{create, shows};
use crate::suite::cases::mappings::picture::{lay, map_at, pages_show, stores_arrive};
use crate::suite::cases::prototypes::ANY_MAPPING;
use crate::suite::cases::vmar_unmap::region_at;
use crate::suite::{Answer, Checked, Context, PAGE, READ_ONLY, READ_WRITE, Suite, plus};

const BASE: Address = Address::Region(0);

/// A call through a region.
type Through = fn(&mut Context<'_>, Handle, Handle) -> Checked<Answer>;

/// Each call through a region, given the region and a VMO.
const CALLS: &[(&str, Through)] = &[
    ("map", |cx, region, vmo| cx.vmar_map(region, 0, vmo, 0, PAGE, READ_ONLY)),
    ("map_without_permissions", |cx, region, vmo| cx.vmar_map(region, 0, vmo, 0, PAGE, 0)),
    ("map_specific", |cx, region, vmo| {
        cx.vmar_map(region, 0, vmo, 0, PAGE, READ_ONLY | ZX_VM_FLAG_SPECIFIC)
    }),
    ("overwrite", |cx, region, vmo| {
        cx.vmar_map(region, 0, vmo, 0, PAGE, READ_ONLY | ZX_VM_FLAG_SPECIFIC_OVERWRITE)
    }),
    ("unmap", |cx, region, _| cx.vmar_unmap(region, Address::Region(PAGE), PAGE)),
    ("protect", |cx, region, _| cx.vmar_protect(region, Address::Region(PAGE), PAGE, READ_ONLY)),
    ("allocate", |cx, region, _| cx.vmar_allocate(region, 0, PAGE, ANY_MAPPING)),
    ("allocate_specific", |cx, region, _| {
        cx.vmar_allocate(region, 0, PAGE, ANY_MAPPING | ZX_VM_FLAG_SPECIFIC)
    }),
    ("destroy", |cx, region, _| cx.vmar_destroy(region)),
];

/// A region of three levels, each a page further in than the one around it.
fn three_levels(cx: &mut Context<'_>) -> Checked<[Handle; 3]> {
    let outer = region_at(cx, Handle::Region, 1, 6)?;
    let middle = region_at(cx, outer, 1, 4)?;
    let inner = region_at(cx, middle, 1, 2)?;
    lay(cx, Handle::Region, "[a]------[z]")?;
    lay(cx, outer, "[b]----[y]")?;
    lay(cx, middle, "[c]--[x]")?;
    lay(cx, inner, "[de]")?;
    pages_show(cx, BASE, "abcdexyz")?;
    Ok([outer, middle, inner])
}

pub(super) fn add(suite: &mut Suite) {
    for &(call_name, call) in CALLS {
        for (level, row) in ["itself", "a_region_in_it", "a_region_two_down"].iter().enumerate() {
            suite.test(
                format!("is_in_a_bad_state_for::{call_name}::{row}"),
                if call_name == "destroy" { &["VMAR-DESTROY-03"] } else { &["VMAR-DESTROY-02"] },
                &[Mapping, Regions],
                move |cx| {
                    let regions = three_levels(cx)?;
                    cx.vmar_destroy(regions[0])?.ok()?;
                    // Another mapping where the region was.
                    let vmo = create(cx, "klmnop")?;
                    map_at(cx, Handle::Region, 1, vmo, 0, 6, READ_WRITE)?;
                    call(cx, regions[level], vmo)?.is(ZX_ERR_BAD_STATE)?.untouched()?;
                    pages_show(cx, BASE, "aklmnopz")?;
                    cx.store_bytes(plus(BASE, PAGE), b"!")
                },
            );
        }
    }
    levels(suite);
    room(suite);
    handles(suite);
}

fn levels(suite: &mut Suite) {
    for (level, row, shown) in
        [(0, "the_outer", "a------z"), (1, "the_middle", "ab----yz"), (2, "the_inner", "abc--xyz")]
    {
        suite.test(
            format!("destroys_all_that_is_inside::{row}"),
            &["VMAR-DESTROY-01", "VMAR-DESTROY-02"],
            &[Mapping, Regions],
            move |cx| {
                let regions = three_levels(cx)?;
                cx.vmar_destroy(regions[level])?.ok()?;
                pages_show(cx, BASE, shown)?;
                // Those around it can still be used.
                for region in regions.into_iter().skip(level) {
                    cx.vmar_destroy(region)?.is(ZX_ERR_BAD_STATE)?;
                }
                if level > 0 {
                    let vmo = create(cx, "!")?;
                    map_at(cx, regions[level - 1], 1, vmo, 0, 1, READ_WRITE)?;
                    let first = Address::Region((level as u64 + 1) * PAGE);
                    pages_show(cx, first, "!")?;
                }
                Ok(())
            },
        );
    }

    suite.test("from_the_inside_out", &["VMAR-DESTROY-01"], &[Mapping, Regions], |cx| {
        let [outer, middle, inner] = three_levels(cx)?;
        for (region, shown) in [(inner, "abc--xyz"), (middle, "ab----yz"), (outer, "a------z")] {
            cx.vmar_destroy(region)?.ok()?;
            pages_show(cx, BASE, shown)?;
        }
        Ok(())
    });

    suite.test("many_levels", &["VMAR-DESTROY-01"], &[Mapping, Regions], |cx| {
        let (mut region, base) = cx.allocate(40 * PAGE, ANY_MAPPING)?;
        let mut regions = vec![region];
        for depth in 1..20 {
            region = region_at(cx, region, 1, 40 - 2 * depth)?;
            lay(cx, region, "[a]")?;
            regions.push(region);
        }
        pages_show(cx, plus(base, PAGE), "aaaaaaaaaaaaaaaaaaa-")?;
        cx.vmar_destroy(regions[10])?.ok()?;
        pages_show(cx, plus(base, PAGE), "aaaaaaaaa-----------")?;
        for region in &regions[10..] {
            cx.vmar_destroy(*region)?.is(ZX_ERR_BAD_STATE)?;
        }
        cx.vmar_destroy(regions[9])?.ok()?;
        cx.vmar_destroy(regions[0])?.ok()?;
        pages_show(cx, plus(base, PAGE), "--")
    });

    suite.test("regions_side_by_side", &["VMAR-DESTROY-01"], &[Mapping, Regions], |cx| {
        let mut regions = Vec::new();
        for (page, letter) in (0..).zip("abcde".chars()) {
            let region = region_at(cx, Handle::Region, page, 1)?;
            lay(cx, region, &format!("[{letter}]"))?;
            regions.push(region);
        }
        for (destroyed, shown) in [(2, "ab-de"), (0, "-b-de"), (4, "-b-d-")] {
            cx.vmar_destroy(regions[destroyed])?.ok()?;
            pages_show(cx, BASE, shown)?;
        }
        cx.vmar_destroy(regions[1])?.ok()?;
        cx.vmar_destroy(regions[3])?.ok().map(drop)
    });

    suite.test("an_empty_region", &["VMAR-DESTROY-01"], &[Regions], |cx| {
        let (region, _) = cx.allocate(PAGE, 0)?;
        cx.vmar_destroy(region)?.ok()?;
        cx.vmar_destroy(region)?.is(ZX_ERR_BAD_STATE).map(drop)
    });

    suite.test("mappings_of_every_kind", &["VMAR-DESTROY-01"], &[Mapping, Regions], |cx| {
        let region = region_at(cx, Handle::Region, 0, 4)?;
        let vmo = create(cx, "a")?;
        for (page, permissions) in [(0, 0), (1, READ_ONLY), (2, READ_WRITE), (3, 5)] {
            map_at(cx, region, page, vmo, page % 2, 1, permissions)?;
        }
        cx.vmar_destroy(region)?.ok()?;
        pages_show(cx, BASE, "----")?;
        cx.resize(vmo, 2 * PAGE)?;
        pages_show(cx, BASE, "----")
    });

    suite.test("the_program_s_own_region", &["VMAR-DESTROY-01"], &[Mapping, Regions], |cx| {
        let pieces = lay(cx, Handle::Region, "[ab]")?;
        let child = region_at(cx, Handle::Region, 3, 1)?;
        lay(cx, child, "[c]")?;
        cx.vmar_destroy(Handle::Region)?.ok()?;
        pages_show(cx, BASE, "-----")?;
        shows(cx, pieces[0].vmo, "#ab")?;
        cx.vmar_destroy(child)?.is(ZX_ERR_BAD_STATE)?;
        cx.vmar_destroy(Handle::Region)?.is(ZX_ERR_BAD_STATE).map(drop)
    });
}

fn room(suite: &mut Suite) {
    suite.test("a_region_takes_the_room", &["VMAR-DESTROY-01"], &[Mapping, Regions], |cx| {
        let [outer, ..] = three_levels(cx)?;
        cx.vmar_destroy(outer)?.ok()?;
        let again = region_at(cx, Handle::Region, 1, 6)?;
        pages_show(cx, BASE, "a------z")?;
        lay(cx, again, "-[kl]-[m]")?;
        pages_show(cx, BASE, "a-kl-m-z")?;
        // The region that was there is another.
        cx.vmar_destroy(outer)?.is(ZX_ERR_BAD_STATE)?;
        pages_show(cx, BASE, "a-kl-m-z")?;
        cx.vmar_destroy(again)?.ok()?;
        pages_show(cx, BASE, "a------z")
    });

    suite.test("the_room_is_found_again", &["VMAR-DESTROY-01"], &[Mapping, Regions], |cx| {
        let (parent, base) = cx.allocate(4 * PAGE, ANY_MAPPING)?;
        lay(cx, parent, "[a]--[d]")?;
        let child = region_at(cx, parent, 1, 2)?;
        let vmo = create(cx, "xy")?;
        let answer = cx.vmar_map(parent, 0, vmo, 0, 2 * PAGE, READ_WRITE)?;
        answer.is(ZX_ERR_NO_MEMORY)?.untouched()?;
        cx.vmar_destroy(child)?.ok()?;
        cx.vmar_map(parent, 0, vmo, 0, 2 * PAGE, READ_WRITE)?.ok()?;
        pages_show(cx, base, "axyd")
    });

    suite.test("again_and_again", &["VMAR-DESTROY-01"], &[Mapping, Regions], |cx| {
        let vmo = create(cx, "a")?;
        for _ in 0..300 {
            let region = region_at(cx, Handle::Region, 0, 2)?;
            map_at(cx, region, 1, vmo, 0, 1, READ_WRITE)?;
            cx.vmar_destroy(region)?.ok()?;
            cx.close(region)?;
        }
        pages_show(cx, BASE, "--")?;
        shows(cx, vmo, "a")
    });

    suite.test("the_parent_finds_a_gap", &["VMAR-PROTECT-10"], &[Mapping, Regions], |cx| {
        lay(cx, Handle::Region, "[a]-[c]")?;
        let child = region_at(cx, Handle::Region, 1, 1)?;
        cx.vmar_destroy(child)?.ok()?;
        let answer = cx.vmar_protect(Handle::Region, BASE, 3 * PAGE, READ_ONLY)?;
        answer.is(ZX_ERR_NOT_FOUND)?;
        cx.vmar_unmap(Handle::Region, BASE, 3 * PAGE)?.ok()?;
        pages_show(cx, BASE, "---")
    });

    suite.test(
        "what_lived_only_in_it_gives_its_pages_back",
        &["VMAR-DESTROY-01"],
        &[Mapping, Regions, MemoryControl],
        |cx| {
            let region = region_at(cx, Handle::Region, 0, 4)?;
            let inner = region_at(cx, region, 2, 2)?;
            for piece in [lay(cx, region, "[a]")?, lay(cx, inner, "[bc]")?].iter().flatten() {
                cx.close(piece.vmo)?;
            }
            let other = cx.create(6 * PAGE)?;
            cx.limit_memory(Some(5))?;
            cx.vmo_write(other, 0, b"x")?.is(ZX_ERR_NO_MEMORY)?;
            cx.vmar_destroy(region)?.ok()?;
            for page in 0..5 {
                cx.write(other, page * PAGE, b"x")?;
            }
            cx.vmo_write(other, 5 * PAGE, b"x")?.is(ZX_ERR_NO_MEMORY).map(drop)
        },
    );

    suite.test("vmos_with_handles_stay", &["VMAR-DESTROY-06"], &[Mapping, Regions], |cx| {
        let region = region_at(cx, Handle::Region, 0, 3)?;
        let pieces = lay(cx, region, "[ab][c]")?;
        let around = map_at(cx, Handle::Region, 4, pieces[0].vmo, 1, 2, READ_WRITE)?;
        stores_arrive(cx, BASE, &pieces, |_| true)?;
        cx.vmar_destroy(region)?.ok()?;
        pages_show(cx, BASE, "---")?;
        cx.expect_load(plus(around, 0x7f8), b"!a")?;
        cx.store_bytes(around, b"x")?;
        cx.expect_bytes(pieces[0].vmo, PAGE, b"xa")?;
        cx.resize(pieces[1].vmo, PAGE)
    });
}

fn handles(suite: &mut Suite) {
    suite.test(
        "handles_to_it_stay_what_they_are",
        &["VMAR-DESTROY-02"],
        &[Regions, Info, Handles],
        |cx| {
            let (region, _) = cx.allocate(2 * PAGE, ANY_MAPPING)?;
            let second = cx.duplicate(region, 1)?;
            let koid = cx.koid(region)?;
            let rights = cx.rights(region)?;
            cx.vmar_destroy(second)?.ok()?;
            cx.expect_rights(region, rights)?;
            cx.expect_rights(second, 1)?;
            let third = cx.duplicate_same(region)?;
            let koids = [cx.koid(region)?, cx.koid(second)?, cx.koid(third)?];
            cx.expect(koids == [koid; 3], "the koid as before", "another")?;
            for handle in [second, third, region] {
                cx.close(handle)?;
                cx.expect_valid(handle, false)?;
            }
            Ok(())
        },
    );

    suite.test(
        "any_handle_destroys_it_for_all",
        &["VMAR-DESTROY-02"],
        &[Mapping, Regions, Handles],
        |cx| {
            let region = region_at(cx, Handle::Region, 0, 2)?;
            let second = cx.duplicate_same(region)?;
            lay(cx, region, "[ab]")?;
            cx.vmar_destroy(region)?.ok()?;
            cx.close(region)?;
            let vmo = create(cx, "x")?;
            let answer = cx.vmar_map(second, 0, vmo, 0, PAGE, READ_ONLY)?;
            answer.is(ZX_ERR_BAD_STATE)?.untouched()?;
            pages_show(cx, BASE, "--")
        },
    );

    suite.test(
        "a_region_around_it_without_handles",
        &["VMAR-DESTROY-01"],
        &[Mapping, Regions],
        |cx| {
            let [outer, middle, inner] = three_levels(cx)?;
            cx.close(outer)?;
            cx.close(inner)?;
            cx.vmar_destroy(middle)?.ok()?;
            pages_show(cx, BASE, "ab----yz")?;
            let answer = cx.vmar_unmap(Handle::Region, Address::Region(PAGE), PAGE)?;
            answer.is(vmo_abi::ZX_ERR_INVALID_ARGS)?;
            cx.vmar_unmap(Handle::Region, Address::Region(PAGE), 6 * PAGE)?.is(ZX_OK)?;
            pages_show(cx, BASE, "a------z")
        },
    );
}
