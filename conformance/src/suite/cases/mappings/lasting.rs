//! Mappings that live on without handles, and what they keep.

use vmo_abi::Capability::{Clone, Handles, Mapping, MemoryControl, Regions};
use vmo_abi::{ZX_ERR_NO_MEMORY, ZX_RIGHT_SAME_RIGHTS};

use super::picture::{lay, map_at, pages_allow, pages_show};
use crate::program::{Address, Handle};
use crate::suite::cases::copy_on_write::pages::{clone, create, put, put_at};
use crate::suite::cases::vmar_unmap::region_at;
use crate::suite::{Checked, Context, PAGE, READ_ONLY, READ_WRITE, Suite, plus};

const BASE: Address = Address::Region(0);

/// A way for a VMO to lose its only handle.
type Lose = fn(&mut Context<'_>, Handle) -> Checked;

/// Ways to lose it, with what they need.
const LOSSES: &[(&str, &[vmo_abi::Capability], Lose)] = &[
    ("closed", &[Mapping], |cx, vmo| cx.close(vmo)),
    ("closed_with_others", &[Mapping, Handles], |cx, vmo| {
        let others = [cx.create(0)?, cx.create(0)?];
        cx.handle_close_many(&[others[0], vmo, others[1]])?.ok().map(drop)
    }),
    ("replaced_and_closed", &[Mapping, Handles], |cx, vmo| {
        let other = cx.handle_replace(vmo, ZX_RIGHT_SAME_RIGHTS)?.ok()?.handle(0);
        cx.close(other)
    }),
    ("replaced_in_vain", &[Mapping, Handles], |cx, vmo| {
        cx.handle_replace(vmo, 0x40000)?.is(vmo_abi::ZX_ERR_INVALID_ARGS).map(drop)
    }),
    ("duplicated_and_closed", &[Mapping, Handles], |cx, vmo| {
        let other = cx.duplicate_same(vmo)?;
        cx.close(vmo)?;
        cx.close(other)
    }),
];

/// Makes VMOs that would take the pages of one that had gone.
fn take_free_pages(cx: &mut Context<'_>) -> Checked {
    for _ in 0..4 {
        let other = cx.create_filled(4 * PAGE, b'?')?;
        cx.close(other)?;
        cx.create_filled(2 * PAGE, b'?')?;
    }
    Ok(())
}

pub(super) fn add(suite: &mut Suite) {
    for &(row, needs, lose) in LOSSES {
        suite.test(format!("outlives_the_handles::{row}"), &["VMAR-MAP-38"], needs, move |cx| {
            let vmo = create(cx, "a.cd")?;
            map_at(cx, Handle::Region, 0, vmo, 0, 4, READ_WRITE)?;
            map_at(cx, Handle::Region, 5, vmo, 1, 3, READ_ONLY)?;
            lose(cx, vmo)?;
            take_free_pages(cx)?;
            pages_show(cx, BASE, "a.cd-.cd")?;
            put_at(cx, BASE, 1, 'x')?;
            put_at(cx, BASE, 3, 'y')?;
            take_free_pages(cx)?;
            pages_show(cx, BASE, "axcy-xcy")?;
            pages_allow(cx, BASE, "wwww-rrr")
        });

        suite.test(
            format!("each_part_outlives_the_handles::{row}"),
            &["VMAR-MAP-38", "VMAR-UNMAP-02"],
            needs,
            move |cx| {
                let vmo = create(cx, "abcd")?;
                map_at(cx, Handle::Region, 0, vmo, 0, 4, READ_WRITE)?;
                lose(cx, vmo)?;
                cx.vmar_unmap(Handle::Region, plus(BASE, PAGE), PAGE)?.ok()?;
                take_free_pages(cx)?;
                pages_show(cx, BASE, "a-cd")?;
                cx.vmar_unmap(Handle::Region, BASE, PAGE)?.ok()?;
                take_free_pages(cx)?;
                pages_show(cx, BASE, "--cd")?;
                put_at(cx, BASE, 3, 'x')?;
                cx.vmar_unmap(Handle::Region, plus(BASE, 2 * PAGE), PAGE)?.ok()?;
                take_free_pages(cx)?;
                pages_show(cx, BASE, "---x")
            },
        );
    }
    ends(suite);
    gone(suite);
    regions(suite);
}

fn ends(suite: &mut Suite) {
    suite.test("its_end_stays", &["VMAR-MAP-38", "VMAR-MAP-42"], &[Mapping], |cx| {
        let vmo = create(cx, "ab")?;
        map_at(cx, Handle::Region, 0, vmo, 0, 4, READ_WRITE)?;
        cx.close(vmo)?;
        pages_show(cx, BASE, "ab--")
    });

    suite.test("a_clone_outlives_its_handles", &["VMAR-MAP-38"], &[Mapping, Clone], |cx| {
        let parent = create(cx, "abc")?;
        let copy = clone(cx, parent, 0, 3)?;
        put(cx, copy, 1, 'x')?;
        map_at(cx, Handle::Region, 0, copy, 0, 3, READ_WRITE)?;
        cx.close(copy)?;
        take_free_pages(cx)?;
        pages_show(cx, BASE, "axc")?;
        cx.close(parent)?;
        take_free_pages(cx)?;
        pages_show(cx, BASE, "axc")?;
        put_at(cx, BASE, 2, 'z')?;
        pages_show(cx, BASE, "axz")
    });

    suite.test("a_mapped_parent_outlives_its_handles", &["VMAR-MAP-38"], &[Mapping, Clone], |cx| {
        let parent = create(cx, "ab")?;
        let copy = clone(cx, parent, 0, 2)?;
        map_at(cx, Handle::Region, 0, parent, 0, 2, READ_WRITE)?;
        cx.close(parent)?;
        put_at(cx, BASE, 1, 'x')?;
        cx.expect_bytes(copy, PAGE - 1, b"ax")?;
        cx.close(copy)?;
        take_free_pages(cx)?;
        pages_show(cx, BASE, "ax")
    });

    suite.test("a_handle_of_the_same_value_is_another", &["VMAR-MAP-38"], &[Mapping], |cx| {
        let vmo = create(cx, "a")?;
        map_at(cx, Handle::Region, 0, vmo, 0, 1, READ_WRITE)?;
        cx.close(vmo)?;
        for _ in 0..20 {
            let other = cx.create_filled(PAGE, b'?')?;
            cx.resize(other, 0)?;
        }
        pages_show(cx, BASE, "a")
    });
}

fn gone(suite: &mut Suite) {
    const NEEDS: &[vmo_abi::Capability] = &[Mapping, MemoryControl];

    // Pages that a mapping keeps are not to be had by others.
    suite.test("keeps_its_pages_to_itself", &["VMAR-MAP-38"], NEEDS, |cx| {
        let vmo = create(cx, "ab")?;
        map_at(cx, Handle::Region, 0, vmo, 0, 1, READ_WRITE)?;
        cx.close(vmo)?;
        let other = cx.create(PAGE)?;
        cx.limit_memory(Some(2))?;
        cx.vmo_write(other, 0, b"x")?.is(ZX_ERR_NO_MEMORY)?;
        pages_show(cx, BASE, "a")?;
        cx.vmar_unmap(Handle::Region, BASE, PAGE)?.ok()?;
        cx.write(other, 0, b"x")?;
        cx.expect_bytes(other, 0, b"x\0")
    });

    suite.test("a_closed_handle_alone_gives_nothing_back", &["VMAR-MAP-38"], NEEDS, |cx| {
        let vmo = cx.create(3 * PAGE)?;
        map_at(cx, Handle::Region, 0, vmo, 0, 3, READ_WRITE)?;
        cx.close(vmo)?;
        cx.limit_memory(Some(2))?;
        put_at(cx, BASE, 0, 'a')?;
        put_at(cx, BASE, 2, 'c')?;
        cx.expect_store_fault(plus(BASE, PAGE))?;
        pages_show(cx, BASE, "a.c")?;
        cx.limit_memory(Some(3))?;
        put_at(cx, BASE, 1, 'b')?;
        pages_show(cx, BASE, "abc")
    });
}

fn regions(suite: &mut Suite) {
    suite.test(
        "outlives_all_handles_there_are",
        &["VMAR-MAP-38", "VMAR-ALLOC-08"],
        &[Mapping, Regions],
        |cx| {
            let outer = region_at(cx, Handle::Region, 1, 4)?;
            let inner = region_at(cx, outer, 1, 2)?;
            for piece in lay(cx, inner, "[ab]")? {
                cx.close(piece.vmo)?;
            }
            cx.close(inner)?;
            cx.close(outer)?;
            take_free_pages(cx)?;
            pages_show(cx, BASE, "--ab--")?;
            put_at(cx, BASE, 3, 'x')?;
            pages_show(cx, BASE, "--ax--")
        },
    );

    suite.test("regions_share_a_vmo", &["VMAR-MAP-39", "VMAR-MAP-49"], &[Mapping, Regions], |cx| {
        let vmo = create(cx, "ab")?;
        let (first, second) =
            (region_at(cx, Handle::Region, 0, 2)?, region_at(cx, Handle::Region, 3, 2)?);
        map_at(cx, first, 0, vmo, 0, 2, READ_WRITE)?;
        map_at(cx, second, 0, vmo, 0, 2, READ_WRITE)?;
        put_at(cx, BASE, 1, 'x')?;
        pages_show(cx, BASE, "ax-ax")?;
        cx.close(vmo)?;
        cx.vmar_destroy(first)?.ok()?;
        take_free_pages(cx)?;
        pages_show(cx, BASE, "---ax")?;
        put_at(cx, BASE, 4, 'y')?;
        pages_show(cx, BASE, "---ay")
    });
}
