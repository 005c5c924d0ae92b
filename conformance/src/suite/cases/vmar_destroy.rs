//! `vmar_destroy`: everything in a region goes away.

mod nested;

use vmo_abi::Capability::{Clone, Handles, Info, Mapping, Regions, Signals};
use vmo_abi::{ZX_ERR_BAD_STATE, ZX_VM_FLAG_SPECIFIC, ZX_VMO_ZERO_CHILDREN};

use super::prototypes::ANY_MAPPING;
use super::vmar_map::{mark, numbered};
use super::vmar_unmap::filled;
use crate::suite::{PAGE, READ_ONLY, READ_WRITE, Suite, plus};

const SPECIFIC: u32 = READ_WRITE | ZX_VM_FLAG_SPECIFIC;

pub(super) fn add(suite: &mut Suite) {
    nested::add(suite);
    suite.test("its_mappings_are_gone", &["VMAR-DESTROY-01"], &[Mapping, Regions], |cx| {
        let vmo = numbered(cx, 3)?;
        let (region, base) = cx.allocate(4 * PAGE, ANY_MAPPING)?;
        cx.vmar_map(region, 0, vmo, 0, PAGE, SPECIFIC)?.ok()?;
        cx.vmar_map(region, 2 * PAGE, vmo, PAGE, 2 * PAGE, SPECIFIC)?.ok()?;
        cx.vmar_destroy(region)?.ok()?;
        for page in 0..4 {
            cx.expect_load_fault(plus(base, page * PAGE))?;
        }
        Ok(())
    });

    suite.test("so_is_all_in_regions_inside", &["VMAR-DESTROY-01"], &[Mapping, Regions], |cx| {
        let vmo = numbered(cx, 1)?;
        let (outer, base) = cx.allocate(8 * PAGE, ANY_MAPPING)?;
        let flags = ANY_MAPPING | ZX_VM_FLAG_SPECIFIC;
        let middle = cx.vmar_allocate(outer, 2 * PAGE, 4 * PAGE, flags)?.ok()?.handle(0);
        let inner = cx.vmar_allocate(middle, PAGE, 2 * PAGE, flags)?.ok()?.handle(0);
        cx.vmar_map(inner, PAGE, vmo, 0, PAGE, SPECIFIC)?.ok()?;
        cx.expect_load(plus(base, 4 * PAGE), &mark(0))?;
        cx.vmar_destroy(outer)?.ok()?;
        cx.expect_load_fault(plus(base, 4 * PAGE))?;
        cx.vmar_destroy(middle)?.is(ZX_ERR_BAD_STATE)?;
        cx.vmar_destroy(inner)?.is(ZX_ERR_BAD_STATE).map(drop)
    });

    suite.test("what_is_beside_it_stays", &["VMAR-DESTROY-01"], &[Mapping, Regions], |cx| {
        let vmo = numbered(cx, 1)?;
        let (outer, base) = cx.allocate(4 * PAGE, ANY_MAPPING)?;
        let flags = ANY_MAPPING | ZX_VM_FLAG_SPECIFIC;
        let inner = cx.vmar_allocate(outer, PAGE, PAGE, flags)?.ok()?.handle(0);
        cx.vmar_map(inner, 0, vmo, 0, PAGE, SPECIFIC)?.ok()?;
        cx.vmar_map(outer, 0, vmo, 0, PAGE, SPECIFIC)?.ok()?;
        cx.vmar_map(outer, 2 * PAGE, vmo, 0, PAGE, SPECIFIC)?.ok()?;
        cx.vmar_destroy(inner)?.ok()?;
        cx.expect_load(base, &mark(0))?;
        cx.expect_load_fault(plus(base, PAGE))?;
        cx.expect_load(plus(base, 2 * PAGE), &mark(0))
    });

    suite.test("the_room_is_free_again", &["VMAR-DESTROY-01"], &[Mapping, Regions], |cx| {
        let vmo = numbered(cx, 1)?;
        let (outer, base) = cx.allocate(2 * PAGE, ANY_MAPPING)?;
        let flags = ANY_MAPPING | ZX_VM_FLAG_SPECIFIC;
        let inner = cx.vmar_allocate(outer, 0, 2 * PAGE, flags)?.ok()?.handle(0);
        cx.vmar_destroy(inner)?.ok()?;
        cx.vmar_map(outer, PAGE, vmo, 0, PAGE, SPECIFIC)?.ok()?;
        cx.expect_load(plus(base, PAGE), &mark(0))
    });

    suite.test(
        "every_call_through_it_is_in_a_bad_state",
        &["VMAR-DESTROY-02", "VMAR-MAP-37"],
        &[Mapping, Regions],
        |cx| {
            let (region, base, vmo) = filled(cx, 2)?;
            cx.vmar_destroy(region)?.ok()?;
            cx.vmar_map(region, 0, vmo, 0, PAGE, READ_ONLY)?.is(ZX_ERR_BAD_STATE)?.untouched()?;
            cx.vmar_unmap(region, base, PAGE)?.is(ZX_ERR_BAD_STATE)?;
            cx.vmar_allocate(region, 0, PAGE, ANY_MAPPING)?.is(ZX_ERR_BAD_STATE)?.untouched()?;
            cx.vmar_protect(region, base, PAGE, READ_ONLY)?.is(ZX_ERR_BAD_STATE).map(drop)
        },
    );

    suite.test("the_handle_stays_valid", &["VMAR-DESTROY-02"], &[Regions, Info], |cx| {
        let (region, _) = cx.allocate(PAGE, ANY_MAPPING)?;
        cx.vmar_destroy(region)?.ok()?;
        cx.expect_valid(region, true)?;
        cx.close(region)?;
        cx.expect_valid(region, false)
    });

    suite.test("twice_is_a_bad_state", &["VMAR-DESTROY-03"], &[Regions, Handles], |cx| {
        let (region, _) = cx.allocate(PAGE, ANY_MAPPING)?;
        let second = cx.duplicate_same(region)?;
        cx.vmar_destroy(region)?.ok()?;
        cx.vmar_destroy(region)?.is(ZX_ERR_BAD_STATE)?;
        cx.vmar_destroy(second)?.is(ZX_ERR_BAD_STATE).map(drop)
    });

    suite.test("no_right_is_needed", &["VMAR-DESTROY-05"], &[Regions, Handles], |cx| {
        let (region, _) = cx.allocate(PAGE, ANY_MAPPING)?;
        let bare = cx.duplicate(region, 0)?;
        cx.vmar_destroy(bare)?.ok()?;
        cx.vmar_destroy(region)?.is(ZX_ERR_BAD_STATE).map(drop)
    });

    suite.test(
        "the_vmo_keeps_contents_and_other_mappings",
        &["VMAR-DESTROY-06"],
        &[Mapping, Regions],
        |cx| {
            let (region, base, vmo) = filled(cx, 2)?;
            let other = cx.map(vmo, 0, 2 * PAGE, READ_WRITE)?;
            cx.store_bytes(plus(base, PAGE + 1), b"kept")?;
            cx.vmar_destroy(region)?.ok()?;
            cx.expect_load(plus(other, PAGE), b"\x11kept")?;
            cx.expect_bytes(vmo, PAGE, b"\x11kept")
        },
    );

    suite.test(
        "clones_that_lived_through_it_are_gone",
        &["VMAR-DESTROY-07", "SIG-ZC-09"],
        &[Mapping, Regions, Clone, Signals],
        |cx| {
            let parent = cx.create(PAGE)?;
            let clone = cx.clone_of(parent, 0, PAGE)?;
            let (outer, _) = cx.allocate(2 * PAGE, ANY_MAPPING)?;
            let inner = cx.vmar_allocate(outer, 0, PAGE, ANY_MAPPING)?.ok()?.handle(0);
            cx.vmar_map(inner, 0, clone, 0, PAGE, READ_ONLY)?.ok()?;
            cx.close(clone)?;
            cx.expect_signal(parent, ZX_VMO_ZERO_CHILDREN, false)?;
            cx.vmar_destroy(outer)?.ok()?;
            cx.expect_signal(parent, ZX_VMO_ZERO_CHILDREN, true)
        },
    );
}
