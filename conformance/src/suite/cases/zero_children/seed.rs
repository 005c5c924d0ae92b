//! What the seed page itself says of the signal.

use vmo_abi::Capability::{Clone, Handles, Mapping, Regions, Signals};
use vmo_abi::{ZX_VM_FLAG_CAN_MAP_READ, ZX_VM_FLAG_CAN_MAP_WRITE, ZX_VMO_ZERO_CHILDREN};

use crate::program::Handle;
use crate::suite::cases::copy_on_write::pages::{clone, create, map, put};
use crate::suite::steps::PAGE;
use crate::suite::{Checked, Context, Deadline, READ_WRITE, Suite};

/// As long as a signal may take to rise: the page does not say how soon it does.
const SOON: Deadline = Deadline::FromNow(1_000_000_000);

/// Expects that a VMO without clones says so, sooner or later.
fn rises(cx: &mut Context<'_>, vmo: Handle) -> Checked {
    let answer = cx.object_wait_one(vmo, ZX_VMO_ZERO_CHILDREN, SOON)?.ok()?;
    let observed = answer.word(3)?;
    let is_active = observed & u64::from(ZX_VMO_ZERO_CHILDREN) != 0;
    cx.expect(is_active, "ZERO_CHILDREN observed", format!("{observed:#x}"))
}

/// Expects that a VMO with a clone does not say that it has none.
fn is_low(cx: &mut Context<'_>, vmo: Handle) -> Checked {
    cx.expect_signal(vmo, ZX_VMO_ZERO_CHILDREN, false)
}

pub(super) fn add(suite: &mut Suite) {
    const NEEDS: &[vmo_abi::Capability] = &[Clone, Signals];
    const NEEDS_MAPPING: &[vmo_abi::Capability] = &[Clone, Signals, Mapping];

    for (name, size) in [("0", 0), ("1_byte", 1), ("3_pages", 3 * PAGE), ("2_to_32", 1 << 32)] {
        let name = format!("active_on_a_vmo_that_never_had_a_clone::{name}");
        suite.test(name, &["SIG-ZC-01", "VMO-CREATE-34"], &[Signals], move |cx| {
            let answer = cx.vmo_create(size, 0)?;
            let Some(answer) = cx.ok_or_no_memory(answer)? else { return Ok(()) };
            cx.expect_signal(answer.handle(0), ZX_VMO_ZERO_CHILDREN, true)
        });
    }

    suite.test("inactive_once_a_clone_exists", &["SIG-ZC-02"], NEEDS, |cx| {
        let vmo = create(cx, "ab")?;
        clone(cx, vmo, 0, 2)?;
        is_low(cx, vmo)
    });

    suite.test("active_again_without_the_clone", &["SIG-ZC-02", "SIG-ZC-04"], NEEDS, |cx| {
        let vmo = create(cx, "ab")?;
        let copy = clone(cx, vmo, 0, 2)?;
        is_low(cx, vmo)?;
        cx.close(copy)?;
        rises(cx, vmo)
    });

    suite.test("falls_and_rises_ten_times", &["SIG-ZC-02", "SIG-ZC-04"], NEEDS, |cx| {
        let vmo = cx.create(PAGE)?;
        for _ in 0..10 {
            let copy = clone(cx, vmo, 0, 1)?;
            is_low(cx, vmo)?;
            cx.close(copy)?;
            rises(cx, vmo)?;
        }
        Ok(())
    });

    suite.test("all_clones_have_to_be_gone", &["SIG-ZC-02", "SIG-ZC-04"], NEEDS, |cx| {
        let vmo = cx.create(PAGE)?;
        let clones = [clone(cx, vmo, 0, 1)?, clone(cx, vmo, 0, 1)?, clone(cx, vmo, 0, 1)?];
        for (left, copy) in (0..3).rev().zip(clones) {
            is_low(cx, vmo)?;
            cx.close(copy)?;
            if left == 0 {
                rises(cx, vmo)?;
            }
        }
        Ok(())
    });

    suite.test("a_written_clone_is_a_clone", &["SIG-ZC-02", "SIG-ZC-04"], NEEDS, |cx| {
        let vmo = create(cx, "ab")?;
        let copy = clone(cx, vmo, 0, 2)?;
        put(cx, copy, 0, 'x')?;
        put(cx, copy, 1, 'y')?;
        is_low(cx, vmo)?;
        cx.close(copy)?;
        rises(cx, vmo)
    });

    suite.test("a_mapped_clone_counts", &["SIG-ZC-07", "SIG-ZC-04"], NEEDS_MAPPING, |cx| {
        let vmo = cx.create(2 * PAGE)?;
        let copy = clone(cx, vmo, 0, 2)?;
        let at = map(cx, copy, 2)?;
        is_low(cx, vmo)?;
        cx.close(copy)?;
        is_low(cx, vmo)?;
        cx.vmar_unmap(Handle::Region, at, 2 * PAGE)?.ok()?;
        rises(cx, vmo)
    });

    suite.test("an_unmapped_clone_counts_by_its_handle", &["SIG-ZC-04"], NEEDS_MAPPING, |cx| {
        let vmo = cx.create(2 * PAGE)?;
        let copy = clone(cx, vmo, 0, 2)?;
        let at = map(cx, copy, 2)?;
        cx.vmar_unmap(Handle::Region, at, 2 * PAGE)?.ok()?;
        is_low(cx, vmo)?;
        cx.close(copy)?;
        rises(cx, vmo)
    });

    suite.test("every_mapping_counts", &["SIG-ZC-07", "SIG-ZC-04"], NEEDS_MAPPING, |cx| {
        let vmo = cx.create(PAGE)?;
        let copy = clone(cx, vmo, 0, 1)?;
        let (first, second) = (map(cx, copy, 1)?, map(cx, copy, 1)?);
        cx.close(copy)?;
        cx.vmar_unmap(Handle::Region, second, PAGE)?.ok()?;
        is_low(cx, vmo)?;
        cx.vmar_unmap(Handle::Region, first, PAGE)?.ok()?;
        rises(cx, vmo)
    });

    suite.test(
        "a_clone_that_is_mapped_and_one_that_is_not",
        &["SIG-ZC-07", "SIG-ZC-04"],
        NEEDS_MAPPING,
        |cx| {
            let vmo = cx.create(PAGE)?;
            let (mapped, other) = (clone(cx, vmo, 0, 1)?, clone(cx, vmo, 0, 1)?);
            let at = map(cx, mapped, 1)?;
            cx.close(mapped)?;
            cx.close(other)?;
            is_low(cx, vmo)?;
            cx.vmar_unmap(Handle::Region, at, PAGE)?.ok()?;
            rises(cx, vmo)
        },
    );

    suite.test(
        "a_duplicate_keeps_the_clone",
        &["SIG-ZC-02", "SIG-ZC-04"],
        &[Clone, Signals, Handles],
        |cx| {
            let vmo = cx.create(PAGE)?;
            let copy = clone(cx, vmo, 0, 1)?;
            let second = cx.duplicate_same(copy)?;
            cx.close(copy)?;
            is_low(cx, vmo)?;
            cx.close(second)?;
            rises(cx, vmo)
        },
    );

    suite.test(
        "a_mapping_of_the_vmo_itself_is_no_clone",
        &["SIG-ZC-01"],
        &[Signals, Mapping],
        |cx| {
            let vmo = cx.create(PAGE)?;
            map(cx, vmo, 1)?;
            cx.expect_signal(vmo, ZX_VMO_ZERO_CHILDREN, true)
        },
    );

    suite.test(
        "a_destroyed_region_maps_no_clone",
        &["SIG-ZC-07", "SIG-ZC-04"],
        &[Clone, Signals, Mapping, Regions],
        |cx| {
            let vmo = cx.create(PAGE)?;
            let copy = clone(cx, vmo, 0, 1)?;
            let flags = ZX_VM_FLAG_CAN_MAP_READ | ZX_VM_FLAG_CAN_MAP_WRITE;
            let (region, _) = cx.allocate(4 * PAGE, flags)?;
            cx.vmar_map(region, 0, copy, 0, PAGE, READ_WRITE)?.ok()?;
            cx.close(copy)?;
            is_low(cx, vmo)?;
            cx.vmar_destroy(region)?.ok()?;
            rises(cx, vmo)
        },
    );
}
