//! Permissions while the VMO changes, and through regions in regions.

use vmo_abi::Capability::{Clone, Handles, Mapping, Range, Regions};
use vmo_abi::{ZX_ERR_BAD_STATE, ZX_ERR_INVALID_ARGS, ZX_OK, ZX_VMO_OP_COMMIT, ZX_VMO_OP_DECOMMIT};

use crate::level::Level;
use crate::program::{Address, Handle};
use crate::suite::cases::copy_on_write::pages::{create, put, shows};
use crate::suite::cases::mappings::picture::{lay, map_at, pages_allow, pages_show};
use crate::suite::cases::vmar_unmap::region_at;
use crate::suite::{Checked, Context, PAGE, READ_ONLY, READ_WRITE, Suite, plus};

const BASE: Address = Address::Region(0);

/// What is done to a VMO of the pages `abc` that is mapped, and what it shows
/// afterwards.
type Change = (
    &'static str,
    &'static [vmo_abi::Capability],
    fn(&mut Context<'_>, Handle) -> Checked,
    &'static str,
);

const CHANGES: &[Change] = &[
    ("nothing", &[Mapping], |_, _| Ok(()), "abc"),
    ("a_write", &[Mapping], |cx, vmo| put(cx, vmo, 1, 'x'), "axc"),
    ("growing", &[Mapping], |cx, vmo| cx.resize(vmo, 5 * PAGE), "abc"),
    (
        "shrinking_and_growing",
        &[Mapping],
        |cx, vmo| {
            cx.resize(vmo, PAGE)?;
            cx.resize(vmo, 3 * PAGE)
        },
        "a..",
    ),
    (
        "a_commit",
        &[Mapping, Range],
        |cx, vmo| cx.operate(vmo, ZX_VMO_OP_COMMIT, 0, 3 * PAGE),
        "abc",
    ),
    (
        "a_decommit",
        &[Mapping, Range],
        |cx, vmo| cx.operate(vmo, ZX_VMO_OP_DECOMMIT, PAGE, PAGE),
        "a.c",
    ),
    ("a_clone", &[Mapping, Clone], |cx, vmo| cx.clone_of(vmo, 0, 3 * PAGE).map(drop), "abc"),
    (
        "another_mapping",
        &[Mapping],
        |cx, vmo| cx.map(vmo, 0, 3 * PAGE, READ_WRITE).map(drop),
        "abc",
    ),
    ("closing_the_handle", &[Mapping], |cx, vmo| cx.close(vmo), "abc"),
];

pub(super) fn add(suite: &mut Suite) {
    for &(row, needs, change, shown) in CHANGES {
        suite.test(
            format!("stays_read_only_over::{row}"),
            &["VMAR-PROTECT-01"],
            needs,
            move |cx| {
                let vmo = create(cx, "abc")?;
                map_at(cx, Handle::Region, 0, vmo, 0, 3, READ_WRITE)?;
                pages_allow(cx, BASE, "www")?;
                cx.vmar_protect(Handle::Region, BASE, 2 * PAGE, READ_ONLY)?.ok()?;
                change(cx, vmo)?;
                pages_allow(cx, BASE, "rrw")?;
                pages_show(cx, BASE, shown)
            },
        );
        suite
            .test(format!("stays_closed_over::{row}"), &["VMAR-PROTECT-07"], needs, move |cx| {
                let vmo = create(cx, "abc")?;
                map_at(cx, Handle::Region, 0, vmo, 0, 3, READ_WRITE)?;
                pages_allow(cx, BASE, "www")?;
                let answer = cx.vmar_protect(Handle::Region, BASE, 2 * PAGE, 0)?;
                let (answer, _) = cx.either("C-20", answer, ZX_ERR_INVALID_ARGS, ZX_OK)?;
                let is_closed = answer.status() == Some(ZX_OK);
                change(cx, vmo)?;
                pages_allow(cx, BASE, if is_closed { "--w" } else { "www" })
            })
            .at(Level::Page);
    }

    suite.test("calls_obey_it_at_once", &["VMAR-PROTECT-01", "GEN-10"], &[Mapping], |cx| {
        let pieces = lay(cx, Handle::Region, "[ab]")?;
        let vmo = cx.create(7 * PAGE)?;
        cx.with("size", BASE).vmo_get_size(vmo)?.ok()?;
        cx.vmar_protect(Handle::Region, BASE, PAGE, READ_ONLY)?.ok()?;
        cx.with("size", BASE).vmo_get_size(vmo)?.is(ZX_ERR_INVALID_ARGS)?;
        cx.with("size", plus(BASE, PAGE - 4)).vmo_get_size(vmo)?.is(ZX_ERR_INVALID_ARGS)?;
        cx.with("size", plus(BASE, PAGE)).vmo_get_size(vmo)?.ok()?;
        cx.with("buffer", plus(BASE, 8)).vmo_write_from_buffer(vmo, 0, 2)?.ok()?;
        cx.expect_bytes(vmo, 0, b"aa\0")?;
        cx.expect_bytes(pieces[0].vmo, PAGE, &(7 * PAGE).to_le_bytes())?;
        cx.vmar_protect(Handle::Region, BASE, PAGE, READ_WRITE)?.ok()?;
        cx.with("size", plus(BASE, 16)).vmo_get_size(vmo)?.ok().map(drop)
    });

    suite.test("pages_beyond_the_end_are_protected", &["VMAR-PROTECT-01"], &[Mapping], |cx| {
        let vmo = create(cx, "a")?;
        map_at(cx, Handle::Region, 0, vmo, 0, 3, READ_WRITE)?;
        cx.vmar_protect(Handle::Region, plus(BASE, PAGE), PAGE, READ_ONLY)?.ok()?;
        cx.resize(vmo, 3 * PAGE)?;
        pages_allow(cx, BASE, "wrw")
    });

    suite.test("untouched_pages_are_protected", &["VMAR-PROTECT-01"], &[Mapping], |cx| {
        let vmo = cx.create(3 * PAGE)?;
        map_at(cx, Handle::Region, 0, vmo, 0, 3, READ_WRITE)?;
        cx.vmar_protect(Handle::Region, plus(BASE, PAGE), PAGE, READ_ONLY)?.ok()?;
        pages_allow(cx, BASE, "wrw")?;
        shows(cx, vmo, "...")
    });

    suite.test("writing_to_the_vmo_needs_no_permission", &["VMAR-PROTECT-15"], &[Mapping], |cx| {
        let vmo = create(cx, "ab")?;
        map_at(cx, Handle::Region, 0, vmo, 0, 2, READ_WRITE)?;
        cx.vmar_protect(Handle::Region, BASE, 2 * PAGE, READ_ONLY)?.ok()?;
        put(cx, vmo, 1, 'x')?;
        pages_show(cx, BASE, "ax")?;
        shows(cx, vmo, "ax")
    });

    regions(suite);
}

fn regions(suite: &mut Suite) {
    suite
        .test(
            "a_region_protects_in_itself_alone",
            &["VMAR-PROTECT-09"],
            &[Mapping, Regions],
            |cx| {
                lay(cx, Handle::Region, "[a]--[d]")?;
                let child = region_at(cx, Handle::Region, 1, 2)?;
                lay(cx, child, "[bc]")?;
                for (first, pages) in [(0, 1), (0, 2), (2, 2), (3, 1), (0, 4)] {
                    let address = Address::Region(first * PAGE);
                    let answer = cx.vmar_protect(child, address, pages * PAGE, READ_ONLY)?;
                    answer.is(ZX_ERR_INVALID_ARGS)?;
                }
                pages_allow(cx, BASE, "wwww")?;
                cx.vmar_protect(child, plus(BASE, PAGE), 2 * PAGE, READ_ONLY)?.ok()?;
                pages_allow(cx, BASE, "wrrw")
            },
        )
        .at(Level::Kernel);

    suite.test(
        "regions_inside_are_refused_at_any_depth",
        &["VMAR-PROTECT-11"],
        &[Mapping, Regions],
        |cx| {
            let outer = region_at(cx, Handle::Region, 0, 4)?;
            let inner = region_at(cx, outer, 1, 2)?;
            lay(cx, inner, "[bc]")?;
            for parent in [Handle::Region, outer] {
                for first in [1, 2] {
                    let address = Address::Region(first * PAGE);
                    let answer = cx.vmar_protect(parent, address, PAGE, READ_ONLY)?;
                    answer.is(ZX_ERR_INVALID_ARGS)?;
                }
            }
            pages_allow(cx, BASE, "-ww-")?;
            cx.vmar_protect(inner, plus(BASE, PAGE), PAGE, READ_ONLY)?.ok()?;
            pages_allow(cx, BASE, "-rw-")
        },
    );

    suite.test(
        "a_destroyed_region_protects_nothing",
        &["VMAR-PROTECT-14"],
        &[Mapping, Regions, Handles],
        |cx| {
            let child = region_at(cx, Handle::Region, 0, 2)?;
            let second = cx.duplicate_same(child)?;
            lay(cx, child, "[ab]")?;
            cx.vmar_destroy(second)?.ok()?;
            // The same place, mapped by another region.
            lay(cx, Handle::Region, "[xy]")?;
            for region in [child, second] {
                cx.vmar_protect(region, BASE, PAGE, READ_ONLY)?.is(ZX_ERR_BAD_STATE)?;
            }
            pages_allow(cx, BASE, "ww")
        },
    );
}
