//! What regions may hold bounds mappings and regions at every depth.

use vmo_abi::Capability::{Handles, Info, Mapping, Regions};
use vmo_abi::{
    ZX_ERR_ACCESS_DENIED, ZX_OK, ZX_VM_FLAG_CAN_MAP_SPECIFIC, ZX_VM_FLAG_PERM_READ, zx_status_t,
};

use crate::program::Handle;
use crate::suite::cases::copy_on_write::pages::create;
use crate::suite::cases::mappings::picture::pages_allow;
use crate::suite::cases::prototypes::ANY_MAPPING;
use crate::suite::cases::vmar_map::rights::{READABLE, named, rights_for};
use crate::suite::{Checked, Context, PAGE, Suite};

/// DUPLICATE, TRANSFER and INSPECT, which every region handle has.
const BASIC_RIGHTS: u32 = 0x8003;

/// The CAN_MAP flags for permissions.
fn can_map(permissions: u32) -> u32 {
    permissions << 7
}

fn expected(possible: u32, asked: u32) -> zx_status_t {
    if asked & !possible == 0 { ZX_OK } else { ZX_ERR_ACCESS_DENIED }
}

/// Allocates a region in another that may hold these permissions.
fn allocate_in(cx: &mut Context<'_>, parent: Handle, pages: u64, may: u32) -> Checked<Handle> {
    Ok(cx.vmar_allocate(parent, 0, pages * PAGE, can_map(may))?.ok()?.handle(0))
}

/// Maps a page with each permission, and expects just those that are possible.
fn maps_only(cx: &mut Context<'_>, region: Handle, possible: u32) -> Checked {
    let vmo = create(cx, "a")?;
    for asked in READABLE {
        let status = expected(possible, asked);
        let answer = cx.vmar_map(region, 0, vmo, 0, PAGE, asked)?.is(status)?;
        if status == ZX_OK {
            pages_allow(cx, answer.address(), if asked & 2 != 0 { "w" } else { "r" })?;
        } else {
            answer.untouched()?;
        }
    }
    Ok(())
}

pub(super) fn add(suite: &mut Suite) {
    for may in 0..8 {
        suite.test(
            format!("a_region_bounds_its_mappings::{}", named(may)),
            &["VMAR-ALLOC-02"],
            &[Mapping, Regions],
            move |cx| {
                let region = allocate_in(cx, Handle::Region, 16, may)?;
                maps_only(cx, region, may)
            },
        );

        suite.test(
            format!("a_region_bounds_what_is_granted_later::{}", named(may)),
            &["VMAR-ALLOC-02", "VMAR-PROTECT-02"],
            &[Mapping, Regions],
            move |cx| {
                let region = allocate_in(cx, Handle::Region, 2, may)?;
                let vmo = create(cx, "a")?;
                let page = cx.vmar_map(region, 0, vmo, 0, PAGE, 0)?.ok()?.address();
                for asked in READABLE {
                    cx.vmar_protect(region, page, PAGE, asked)?.is(expected(may, asked))?;
                }
                Ok(())
            },
        );

        for inner in 0..8 {
            let fits = inner & !may == 0;
            suite.test(
                format!("a_region_bounds_its_regions::{}::{}", named(may), named(inner)),
                &["VMAR-ALLOC-03"],
                &[Regions],
                move |cx| {
                    let outer = allocate_in(cx, Handle::Region, 16, may)?;
                    let answer = cx.vmar_allocate(outer, 0, PAGE, can_map(inner))?;
                    let answer = answer.is(expected(may, inner))?;
                    if fits { Ok(()) } else { answer.untouched().map(drop) }
                },
            );
            suite.test(
                format!("the_parent_handle_bounds_it::{}::{}", named(may), named(inner)),
                &["VMAR-ALLOC-03"],
                &[Regions, Handles],
                move |cx| {
                    let (parent, _) = cx.allocate(16 * PAGE, ANY_MAPPING)?;
                    let used = cx.duplicate(parent, rights_for(may))?;
                    let answer = cx.vmar_allocate(used, 0, PAGE, can_map(inner))?;
                    let answer = answer.is(expected(may, inner))?;
                    if fits { Ok(()) } else { answer.untouched().map(drop) }
                },
            );
            if fits {
                suite.test(
                    format!("bounds_hold_two_regions_down::{}::{}", named(may), named(inner)),
                    &["VMAR-ALLOC-02", "VMAR-ALLOC-03"],
                    &[Mapping, Regions],
                    move |cx| {
                        let outer = allocate_in(cx, Handle::Region, 32, may)?;
                        let middle = allocate_in(cx, outer, 24, may)?;
                        let region = allocate_in(cx, middle, 16, inner)?;
                        maps_only(cx, region, inner)?;
                        maps_only(cx, outer, may)
                    },
                );
                suite.test(
                    format!("rights_of_a_region_in_a_region::{}::{}", named(may), named(inner)),
                    &["VMAR-ALLOC-04"],
                    &[Regions, Info],
                    move |cx| {
                        let outer = allocate_in(cx, Handle::Region, 16, may)?;
                        let region = allocate_in(cx, outer, 1, inner)?;
                        cx.expect_rights(outer, BASIC_RIGHTS | rights_for(may))?;
                        cx.expect_rights(region, BASIC_RIGHTS | rights_for(inner))
                    },
                );
            }
        }
    }

    suite.test(
        "rights_do_not_come_from_the_parent_handle",
        &["VMAR-ALLOC-04"],
        &[Regions, Info, Handles],
        |cx| {
            let (parent, _) = cx.allocate(4 * PAGE, ANY_MAPPING)?;
            let used = cx.duplicate(parent, rights_for(1))?;
            let answer =
                cx.vmar_allocate(used, 0, PAGE, can_map(1) | ZX_VM_FLAG_CAN_MAP_SPECIFIC)?;
            cx.expect_rights(answer.ok()?.handle(0), BASIC_RIGHTS | rights_for(1))
        },
    );

    suite.test(
        "a_handle_without_rights_allocates_nothing_to_hold",
        &["VMAR-ALLOC-03"],
        &[Regions, Handles, Mapping],
        |cx| {
            let (parent, _) = cx.allocate(8 * PAGE, ANY_MAPPING)?;
            let bare = cx.duplicate(parent, 0)?;
            let region = cx.vmar_allocate(bare, 0, 4 * PAGE, 0)?.ok()?.handle(0);
            let vmo = create(cx, "a")?;
            let answer = cx.vmar_map(region, 0, vmo, 0, PAGE, ZX_VM_FLAG_PERM_READ)?;
            answer.is(ZX_ERR_ACCESS_DENIED)?.untouched()?;
            let address = cx.vmar_map(region, 0, vmo, 0, PAGE, 0)?.ok()?.address();
            pages_allow(cx, address, "-")
        },
    );
}
