//! Handle values, koids, and what holds for every call.

use std::collections::BTreeSet;

use vmo_abi::Capability::{CachePolicy, Clone, Handles, Info, OtherObjects, Properties, Signals};
use vmo_abi::{
    ZX_CACHE_POLICY_UNCACHED, ZX_ERR_ACCESS_DENIED, ZX_ERR_BAD_HANDLE, ZX_ERR_INVALID_ARGS, ZX_OK,
    ZX_RIGHT_SAME_RIGHTS,
};

use crate::level::Level;
use crate::program::Handle;
use crate::suite::{PAGE, Suite};

pub(super) fn add(suite: &mut Suite) {
    suite.test("success_is_0_and_failures_are_negative", &["GEN-04"], &[], |cx| {
        let vmo = cx.create(PAGE)?;
        for answer in [
            cx.vmo_get_size(vmo)?,
            cx.vmo_get_size(Handle::Never)?,
            cx.vmo_read(vmo, PAGE, 1)?,
            cx.vmo_create(PAGE, 1)?,
            cx.vmo_set_size(vmo, 2 * PAGE)?,
            cx.vmo_write(vmo, PAGE, b"x")?,
        ] {
            let status = answer.status();
            let holds = status.is_some_and(|status| status <= 0);
            cx.expect(holds, "0 or a negative status", format!("{status:?}"))?;
        }
        Ok(())
    });

    suite.test("a_refused_create_stores_no_handle", &["GEN-06"], &[], |cx| {
        cx.vmo_create(PAGE, 1)?.is(ZX_ERR_INVALID_ARGS)?.untouched().map(drop)
    });

    suite.test("a_refused_clone_stores_no_handle", &["GEN-06"], &[Clone], |cx| {
        let vmo = cx.create(PAGE)?;
        cx.vmo_clone(vmo, 0, 0, PAGE)?.is(ZX_ERR_INVALID_ARGS)?.untouched()?;
        cx.vmo_clone(vmo, 1, 1, PAGE)?.is(ZX_ERR_INVALID_ARGS)?.untouched().map(drop)
    });

    suite.test("a_refused_duplicate_stores_no_handle", &["GEN-06"], &[Handles], |cx| {
        let vmo = cx.create(PAGE)?;
        cx.handle_duplicate(vmo, 1 << 30)?.is(ZX_ERR_INVALID_ARGS)?.untouched().map(drop)
    });

    suite.test("live_values_differ", &["HV-10"], &[], |cx| {
        let mut values = BTreeSet::new();
        for _ in 0..64 {
            let vmo = cx.create(0)?;
            let value = cx.handle_value(vmo);
            cx.expect(values.insert(value), "a value of its own", format!("{value:#x} again"))?;
        }
        Ok(())
    });

    suite.test("a_closed_value_may_come_back_to_another", &["HV-04"], &[], |cx| {
        // Whether or not it does, the new handle names the new object.
        for pages in 1..40 {
            let vmo = cx.create(pages * PAGE)?;
            cx.expect_size(vmo, pages * PAGE)?;
            cx.close(vmo)?;
        }
        Ok(())
    });

    suite
        .test("a_value_is_not_used_again_at_once", &["HV-05"], &[], |cx| {
            let mut values = BTreeSet::new();
            for _ in 0..1000 {
                let vmo = cx.create(0)?;
                let value = cx.handle_value(vmo);
                cx.expect(values.insert(value), "a new value", format!("{value:#x} again"))?;
                cx.close(vmo)?;
            }
            Ok(())
        })
        .at(Level::Kernel);

    suite.test("bit_31_names_nothing", &["HV-07"], &[], |cx| {
        let vmo = cx.create(PAGE)?;
        let value = cx.handle_value(vmo) | 1 << 31;
        cx.vmo_get_size(Handle::Literal(value))?.is(ZX_ERR_BAD_HANDLE)?;
        cx.handle_close(Handle::Literal(value))?.is(ZX_ERR_BAD_HANDLE)?;
        cx.expect_size(vmo, PAGE)
    });

    suite.test("koids_differ_and_are_not_0", &["KOID-01", "KOID-03"], &[Info], |cx| {
        let mut koids = BTreeSet::new();
        for _ in 0..32 {
            let vmo = cx.create(0)?;
            let koid = cx.koid(vmo)?;
            cx.expect(koid != 0, "a koid", koid)?;
            cx.expect(koids.insert(koid), "a koid of its own", format!("{koid} again"))?;
            cx.close(vmo)?;
        }
        Ok(())
    });

    suite.test("koids_of_other_objects_differ_too", &["KOID-01"], &[Info, OtherObjects], |cx| {
        let mut koids = BTreeSet::new();
        for _ in 0..4 {
            let (near, far) = cx.channel()?;
            for handle in [near, far, cx.event()?, cx.create(0)?] {
                let koid = cx.koid(handle)?;
                cx.expect(koids.insert(koid), "a koid of its own", format!("{koid} again"))?;
            }
        }
        Ok(())
    });

    suite.test(
        "a_cache_policy_needs_map_before_the_type",
        &["TYPE-04"],
        &[CachePolicy, OtherObjects],
        |cx| {
            let event = cx.event()?;
            let answer = cx.vmo_set_cache_policy(event, ZX_CACHE_POLICY_UNCACHED)?;
            answer.is(ZX_ERR_ACCESS_DENIED)?;
            let (near, _) = cx.channel()?;
            cx.vmo_set_cache_policy(near, ZX_CACHE_POLICY_UNCACHED)?
                .is(ZX_ERR_ACCESS_DENIED)
                .map(drop)
        },
    );

    suite.test(
        "a_cache_policy_of_a_region_needs_map",
        &["TYPE-04"],
        &[CachePolicy, vmo_abi::Capability::Regions],
        |cx| {
            let answer = cx.vmo_set_cache_policy(Handle::Region, ZX_CACHE_POLICY_UNCACHED)?;
            answer.is(ZX_ERR_ACCESS_DENIED).map(drop)
        },
    );

    suite.test(
        "calls_for_any_object_take_a_vmo",
        &["TYPE-07"],
        &[Handles, Info, Properties, Signals],
        |cx| {
            let vmo = cx.create(PAGE)?;
            let second = cx.handle_duplicate(vmo, ZX_RIGHT_SAME_RIGHTS)?.ok()?.handle(0);
            let third = cx.handle_replace(second, ZX_RIGHT_SAME_RIGHTS)?.ok()?.handle(0);
            cx.set_name(third, b"any")?;
            cx.expect_name(vmo, b"any")?;
            cx.handle_count(vmo)?;
            cx.object_signal(third, 0, 1 << 24)?.ok()?;
            cx.expect_signal(vmo, 1 << 24, true)?;
            cx.handle_close_many(&[third])?.is(ZX_OK)?;
            cx.close(vmo)
        },
    );
}
