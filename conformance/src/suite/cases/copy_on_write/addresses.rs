//! Clones of one VMO side by side in one region.

use vmo_abi::Capability::{Clone, Mapping, Regions};
use vmo_abi::{ZX_VM_FLAG_CAN_MAP_READ, ZX_VM_FLAG_CAN_MAP_WRITE, ZX_VM_FLAG_SPECIFIC_OVERWRITE};

use super::pages::{clone, create, map, put, put_at, shows, shows_at};
use crate::program::Handle;
use crate::suite::steps::PAGE;
use crate::suite::{READ_WRITE, Suite, plus};

pub(super) fn add(suite: &mut Suite) {
    suite.test(
        "a_clone_is_mapped_over_its_parent",
        &["VMAR-MAP-27", "COW-33"],
        &[Clone, Mapping],
        |cx| {
            let parent = create(cx, "abc")?;
            let copy = clone(cx, parent, 0, 3)?;
            let flags = READ_WRITE | ZX_VM_FLAG_SPECIFIC_OVERWRITE;
            let at = cx.vmar_map(Handle::Region, 0, parent, 0, 3 * PAGE, flags)?.ok()?.address();
            shows_at(cx, at, "abc")?;
            cx.vmar_map(Handle::Region, PAGE, copy, PAGE, PAGE, flags)?.ok()?;
            put_at(cx, at, 1, 'x')?;
            put_at(cx, at, 2, 'y')?;
            shows_at(cx, at, "axy")?;
            shows(cx, parent, "aby")?;
            shows(cx, copy, "axy")
        },
    );

    suite.test(
        "a_parent_is_unmapped_under_its_clone",
        &["VMAR-UNMAP-15", "COW-02"],
        &[Clone, Mapping],
        |cx| {
            let parent = create(cx, "ab")?;
            let copy = clone(cx, parent, 0, 2)?;
            let (above, at) = (map(cx, parent, 2)?, map(cx, copy, 2)?);
            shows_at(cx, above, "ab")?;
            shows_at(cx, at, "ab")?;
            cx.vmar_unmap(Handle::Region, above, 2 * PAGE)?.ok()?;
            shows_at(cx, at, "ab")?;
            put(cx, parent, 1, 'x')?;
            shows_at(cx, at, "ax")?;
            cx.expect_load_fault(above)
        },
    );

    suite.test(
        "a_part_of_a_clone_is_unmapped",
        &["VMAR-UNMAP-02", "COW-33"],
        &[Clone, Mapping],
        |cx| {
            let parent = create(cx, "abc")?;
            let copy = clone(cx, parent, 0, 3)?;
            let at = map(cx, copy, 3)?;
            shows_at(cx, at, "abc")?;
            cx.vmar_unmap(Handle::Region, plus(at, PAGE), PAGE)?.ok()?;
            put_at(cx, at, 0, 'x')?;
            put_at(cx, at, 2, 'z')?;
            shows(cx, copy, "xbz")?;
            put(cx, parent, 1, 'y')?;
            shows(cx, copy, "xyz")?;
            shows(cx, parent, "ayc")
        },
    );

    suite.test(
        "a_region_with_a_clone_is_destroyed",
        &["VMAR-DESTROY-06", "COW-04"],
        &[Clone, Mapping, Regions],
        |cx| {
            let parent = create(cx, "ab")?;
            let copy = clone(cx, parent, 0, 2)?;
            let flags = ZX_VM_FLAG_CAN_MAP_READ | ZX_VM_FLAG_CAN_MAP_WRITE;
            let (region, _) = cx.allocate(4 * PAGE, flags)?;
            let at = cx.vmar_map(region, 0, copy, 0, 2 * PAGE, READ_WRITE)?.ok()?.address();
            put_at(cx, at, 0, 'x')?;
            cx.vmar_destroy(region)?.ok()?;
            cx.expect_load_fault(at)?;
            put(cx, parent, 0, 'y')?;
            put(cx, parent, 1, 'z')?;
            shows(cx, copy, "xz")
        },
    );
}
