//! Handle values, koids, and what holds for every call.

mod every_call;
mod koids;

use std::collections::BTreeSet;

use vmo_abi::Capability::{CachePolicy, Clone, Handles, Info, OtherObjects, Properties, Signals};
use vmo_abi::{
    ZX_CACHE_POLICY_UNCACHED, ZX_ERR_ACCESS_DENIED, ZX_ERR_BAD_HANDLE, ZX_OK, ZX_RIGHT_READ,
    ZX_RIGHT_SAME_RIGHTS, ZX_RIGHT_WRITE, zx_handle_t,
};

use crate::level::Level;
use crate::program::Handle;
use crate::suite::{Checked, Context, PAGE, READ_WRITE, Suite};

/// After so many uses of its place a value may come back.
const GENERATIONS: usize = 4096;

/// A handle from every call that makes one, with the call's name.
fn one_of_each(cx: &mut Context<'_>) -> Checked<Vec<(&'static str, zx_handle_t)>> {
    let vmo = cx.create(PAGE)?;
    let clone = cx.clone_of(vmo, 0, PAGE)?;
    let second = cx.duplicate_same(vmo)?;
    let third = cx.duplicate(vmo, 0)?;
    let third = cx.handle_replace(third, 0)?.ok()?.handle(0);
    let (near, far) = cx.channel()?;
    let (event, port) = (cx.event()?, cx.port()?);
    let (region, _) = cx.allocate(PAGE, 0)?;
    let made = [
        ("vmo_create", vmo),
        ("vmo_clone", clone),
        ("handle_duplicate", second),
        ("handle_replace", third),
        ("channel_create", near),
        ("channel_create", far),
        ("event_create", event),
        ("port_create", port),
        ("vmar_allocate", region),
    ];
    Ok(made.into_iter().map(|(name, handle)| (name, cx.handle_value(handle))).collect())
}

const EACH: &[vmo_abi::Capability] = &[Clone, Handles, OtherObjects, vmo_abi::Capability::Regions];

pub(super) fn add(suite: &mut Suite) {
    values(suite);
    reuse(suite);
    rights(suite);
    types(suite);
    every_call::add(suite);
    koids::add(suite);
}

fn values(suite: &mut Suite) {
    suite.test("no_value_is_0", &["HV-01"], EACH, |cx| {
        for _ in 0..10 {
            for (name, value) in one_of_each(cx)? {
                cx.expect(value != 0, format!("a handle of {name}"), "0")?;
            }
        }
        Ok(())
    });

    suite.test("values_are_odd_and_positive", &["HV-02"], EACH, |cx| {
        for _ in 0..10 {
            for (name, value) in one_of_each(cx)? {
                let holds = value & 1 == 1 && value >> 31 == 0;
                cx.expect(holds, format!("bits 0 and 31 of {name}"), format!("{value:#x}"))?;
            }
        }
        Ok(())
    });

    suite.test("values_of_any_objects_differ", &["HV-10"], EACH, |cx| {
        let mut values = BTreeSet::new();
        for _ in 0..10 {
            for (name, value) in one_of_each(cx)? {
                let text = format!("{value:#x} again");
                cx.expect(values.insert(value), format!("a new value of {name}"), text)?;
            }
        }
        Ok(())
    });

    suite.test("live_values_differ", &["HV-10"], &[], |cx| {
        let mut live = Vec::new();
        for round in 0..300 {
            live.push(cx.create(0)?);
            // Now and then some go from amid the others.
            if round % 3 == 2 {
                let gone = live.remove(live.len() / 2);
                cx.close(gone)?;
            }
            if round % 50 == 49 {
                let values: BTreeSet<_> = live.iter().map(|vmo| cx.handle_value(*vmo)).collect();
                cx.expect(values.len() == live.len(), live.len(), values.len())?;
            }
        }
        Ok(())
    });

    suite.test("values_of_one_object_differ", &["HV-10"], &[Handles], |cx| {
        let vmo = cx.create(PAGE)?;
        let mut values = BTreeSet::from([cx.handle_value(vmo)]);
        for _ in 0..100 {
            let second = cx.duplicate_same(vmo)?;
            let value = cx.handle_value(second);
            cx.expect(values.insert(value), "a value of its own", format!("{value:#x} again"))?;
        }
        Ok(())
    });

    suite.test("each_value_names_its_own_object", &["HV-10"], &[], |cx| {
        let mut vmos = Vec::new();
        for pages in 0..100 {
            vmos.push(cx.create(pages * PAGE)?);
        }
        for index in (0..100).step_by(7) {
            cx.close(vmos[index])?;
            vmos[index] = cx.create(index as u64 * PAGE)?;
        }
        for (pages, vmo) in vmos.into_iter().enumerate() {
            cx.expect_size(vmo, pages as u64 * PAGE)?;
        }
        Ok(())
    });
}

fn reuse(suite: &mut Suite) {
    suite.test("a_closed_value_may_come_back_to_another", &["HV-04"], &[], |cx| {
        // Whether or not it does, the new handle names the new object.
        for pages in 1..40 {
            let vmo = cx.create(pages * PAGE)?;
            cx.expect_size(vmo, pages * PAGE)?;
            cx.close(vmo)?;
        }
        Ok(())
    });

    suite.test("a_value_goes_on_working_when_it_has_come_back", &["HV-04"], &[], |cx| {
        let keeper = cx.create(7 * PAGE)?;
        for round in 0..2 * GENERATIONS as u64 {
            let vmo = cx.create((round % 5) * PAGE)?;
            if round % 512 == 0 {
                cx.expect_size(vmo, (round % 5) * PAGE)?;
            }
            cx.close(vmo)?;
        }
        cx.expect_size(keeper, 7 * PAGE)
    });

    suite
        .test("a_value_is_not_used_again_at_once", &["HV-05"], &[], |cx| {
            let mut values = BTreeSet::new();
            for _ in 0..GENERATIONS {
                let vmo = cx.create(0)?;
                let value = cx.handle_value(vmo);
                cx.expect(values.insert(value), "a new value", format!("{value:#x} again"))?;
                cx.close(vmo)?;
            }
            Ok(())
        })
        .at(Level::Kernel);

    suite
        .test("nor_is_a_duplicates", &["HV-05"], &[Handles], |cx| {
            let vmo = cx.create(0)?;
            let mut values = BTreeSet::new();
            for _ in 0..GENERATIONS {
                let second = cx.duplicate_same(vmo)?;
                let value = cx.handle_value(second);
                cx.expect(values.insert(value), "a new value", format!("{value:#x} again"))?;
                cx.close(second)?;
            }
            Ok(())
        })
        .at(Level::Kernel);

    suite
        .test("nor_is_a_replaced_ones", &["HV-05"], &[Handles], |cx| {
            let mut vmo = cx.create(0)?;
            let mut values = BTreeSet::new();
            for _ in 0..GENERATIONS {
                let value = cx.handle_value(vmo);
                cx.expect(values.insert(value), "a new value", format!("{value:#x} again"))?;
                vmo = cx.handle_replace(vmo, ZX_RIGHT_SAME_RIGHTS)?.ok()?.handle(0);
            }
            Ok(())
        })
        .at(Level::Kernel);

    suite
        .test("closed_values_stay_closed_when_others_come", &["HV-05"], &[], |cx| {
            let mut closed = Vec::new();
            for _ in 0..20 {
                let vmo = cx.create(PAGE)?;
                cx.close(vmo)?;
                closed.push(vmo);
            }
            for _ in 0..40 {
                cx.create(PAGE)?;
                for vmo in &closed {
                    cx.vmo_get_size(*vmo)?.is(ZX_ERR_BAD_HANDLE)?;
                }
            }
            Ok(())
        })
        .at(Level::Kernel);
}

fn rights(suite: &mut Suite) {
    suite.test(
        "rights_never_change",
        &["HV-09"],
        &[Handles, Info, Clone, Properties, Signals],
        |cx| {
            let vmo = cx.create(PAGE)?;
            let all = cx.rights(vmo)?;
            let reader = cx.duplicate(vmo, ZX_RIGHT_READ | 3)?;
            let writer = cx.duplicate(vmo, ZX_RIGHT_WRITE)?;
            for round in 0..5 {
                cx.write(writer, 0, b"x")?;
                cx.resize(vmo, (1 + round) * PAGE)?;
                cx.clone_of(vmo, 0, PAGE)?;
                cx.set_name(vmo, b"name")?;
                cx.object_signal(vmo, 0, 1 << 24)?.ok()?;
                let weak = cx.duplicate(reader, ZX_RIGHT_READ)?;
                cx.vmo_write(weak, 0, b"x")?.is(ZX_ERR_ACCESS_DENIED)?;
                cx.handle_replace(weak, 0)?.ok()?;
                cx.expect_rights(vmo, all)?;
                cx.expect_rights(reader, ZX_RIGHT_READ | 3)?;
                cx.expect_rights(writer, ZX_RIGHT_WRITE)?;
            }
            Ok(())
        },
    );

    suite.test("rights_do_not_come_back_with_a_value", &["HV-09"], &[Handles, Info], |cx| {
        let vmo = cx.create(PAGE)?;
        let all = cx.rights(vmo)?;
        for _ in 0..50 {
            let strong = cx.duplicate_same(vmo)?;
            cx.close(strong)?;
            let weak = cx.duplicate(vmo, 0)?;
            cx.expect_rights(weak, 0)?;
            cx.close(weak)?;
            let fresh = cx.create(0)?;
            cx.expect_rights(fresh, all)?;
            cx.close(fresh)?;
        }
        Ok(())
    });
}

fn types(suite: &mut Suite) {
    suite.test(
        "a_cache_policy_needs_map_before_the_type",
        &["TYPE-04"],
        &[CachePolicy, OtherObjects],
        |cx| {
            let event = cx.event()?;
            let port = cx.port()?;
            let (near, far) = cx.channel()?;
            for handle in [event, port, near, far] {
                for policy in 0..4 {
                    let answer = cx.vmo_set_cache_policy(handle, policy)?;
                    answer.is(ZX_ERR_ACCESS_DENIED)?;
                }
            }
            Ok(())
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

    suite.test(
        "calls_for_any_object_take_a_clone",
        &["TYPE-07"],
        &[Handles, Info, Properties, Signals, Clone, vmo_abi::Capability::Mapping],
        |cx| {
            let vmo = cx.create(PAGE)?;
            let clone = cx.clone_of(vmo, 0, PAGE)?;
            cx.map(clone, 0, PAGE, READ_WRITE)?;
            let second = cx.duplicate_same(clone)?;
            let third = cx.handle_replace(second, ZX_RIGHT_SAME_RIGHTS)?.ok()?.handle(0);
            cx.set_name(third, b"clone")?;
            cx.expect_name(clone, b"clone")?;
            cx.handle_count(third)?;
            cx.object_signal(third, 0, 1 << 24)?.ok()?;
            cx.expect_signal(clone, 1 << 24, true)?;
            cx.handle_close_many(&[third, clone])?.is(ZX_OK).map(drop)
        },
    );
}
