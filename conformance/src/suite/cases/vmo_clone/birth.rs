//! What a clone is like at birth: name, signals, cache policy, pages, koid.

use vmo_abi::Capability::{
    CachePolicy, Clone, Handles, Info, Mapping, ProcessVmos, Properties, Signals,
};
use vmo_abi::{
    ZX_CACHE_POLICY_CACHED, ZX_DEFAULT_VMO_RIGHTS, ZX_ERR_BAD_STATE, ZX_INFO_HANDLE_BASIC,
    ZX_OBJ_PROP_WAITABLE, ZX_OBJ_TYPE_VMO, ZX_RIGHT_GET_PROPERTY, ZX_RIGHT_SET_PROPERTY,
    ZX_USER_SIGNAL_0, ZX_USER_SIGNAL_7, ZX_USER_SIGNAL_ALL, ZX_VMO_CLONE_COPY_ON_WRITE,
    ZX_VMO_ZERO_CHILDREN,
};

use crate::level::Level;
use crate::suite::cases::copy_on_write::pages::{clone, create, map, put, shows};
use crate::suite::steps::PAGE;
use crate::suite::{Side, Suite};

pub(super) fn add(suite: &mut Suite) {
    add_names(suite);
    add_signals(suite);
    add_policies(suite);
    add_identity(suite);
    add_pages(suite);
}

fn add_names(suite: &mut Suite) {
    const NEEDS: &[vmo_abi::Capability] = &[Clone, Properties];

    for (name, text) in [
        ("none", b"".as_slice()),
        ("1_byte", b"n"),
        ("a_word", b"parentname"),
        ("30_bytes", b"123456789012345678901234567890"),
        ("31_bytes", b"1234567890123456789012345678901"),
        ("not_ascii", b"\xff\x80\x01"),
    ] {
        suite.test(format!("takes_over_the_name::{name}"), &["VMO-CLONE-25"], NEEDS, move |cx| {
            let vmo = cx.create(PAGE)?;
            cx.set_name(vmo, text)?;
            let copy = clone(cx, vmo, 0, 1)?;
            cx.expect_name(copy, text)?;
            cx.expect_name(vmo, text)
        });
    }

    suite.test("takes_over_the_name_of_the_moment", &["VMO-CLONE-25"], NEEDS, |cx| {
        let vmo = cx.create(PAGE)?;
        cx.set_name(vmo, b"a much longer name")?;
        let early = clone(cx, vmo, 0, 1)?;
        cx.set_name(vmo, b"short")?;
        let late = clone(cx, vmo, 0, 1)?;
        cx.expect_name(early, b"a much longer name")?;
        cx.expect_name(late, b"short")
    });

    suite.test("a_clone_of_a_clone_takes_the_clones_name", &["VMO-CLONE-25"], NEEDS, |cx| {
        let vmo = cx.create(PAGE)?;
        cx.set_name(vmo, b"root")?;
        let first = clone(cx, vmo, 0, 1)?;
        let second = clone(cx, first, 0, 1)?;
        cx.expect_name(second, b"root")?;
        cx.set_name(first, b"middle")?;
        let third = clone(cx, first, 0, 1)?;
        cx.expect_name(third, b"middle")
    });

    // Zircon's own tests insist only on the name that is taken over.
    suite
        .test(
            "without_get_property_there_is_no_name",
            &["VMO-CLONE-25"],
            &[Clone, Properties, Handles],
            |cx| {
                let vmo = cx.create(PAGE)?;
                cx.set_name(vmo, b"secret")?;
                let source = cx.duplicate(vmo, ZX_DEFAULT_VMO_RIGHTS & !ZX_RIGHT_GET_PROPERTY)?;
                let copy = clone(cx, source, 0, 1)?;
                cx.expect_name(copy, b"")?;
                cx.expect_name(vmo, b"secret")
            },
        )
        .at(Level::Kernel);

    suite.test(
        "without_set_property_the_name_is_taken_over",
        &["VMO-CLONE-25"],
        &[Clone, Properties, Handles],
        |cx| {
            let vmo = cx.create(PAGE)?;
            cx.set_name(vmo, b"open")?;
            let source = cx.duplicate(vmo, 0xff & !ZX_RIGHT_SET_PROPERTY)?;
            let copy = clone(cx, source, 0, 1)?;
            cx.expect_name(copy, b"open")
        },
    );

    suite.test("naming_the_clone_leaves_the_source", &["VMO-CLONE-26"], NEEDS, |cx| {
        let vmo = cx.create(PAGE)?;
        cx.set_name(vmo, b"source")?;
        let (copy, sibling) = (clone(cx, vmo, 0, 1)?, clone(cx, vmo, 0, 1)?);
        cx.set_name(copy, b"clone")?;
        cx.expect_name(copy, b"clone")?;
        cx.expect_name(vmo, b"source")?;
        cx.expect_name(sibling, b"source")
    });

    suite.test("naming_the_source_leaves_the_clone", &["VMO-CLONE-26"], NEEDS, |cx| {
        let vmo = cx.create(PAGE)?;
        cx.set_name(vmo, b"before")?;
        let copy = clone(cx, vmo, 0, 1)?;
        cx.set_name(vmo, b"after")?;
        cx.expect_name(copy, b"before")?;
        cx.close(vmo)?;
        cx.expect_name(copy, b"before")
    });
}

fn add_signals(suite: &mut Suite) {
    const NEEDS: &[vmo_abi::Capability] = &[Clone, Signals];

    suite.test("signals_at_birth", &["VMO-CLONE-27"], NEEDS, |cx| {
        let vmo = cx.create(PAGE)?;
        let copy = clone(cx, vmo, 0, 1)?;
        cx.expect_signals(copy, ZX_VMO_ZERO_CHILDREN)
    });

    suite.test("user_signals_are_not_inherited", &["VMO-CLONE-27"], NEEDS, |cx| {
        let vmo = cx.create(PAGE)?;
        cx.object_signal(vmo, 0, ZX_USER_SIGNAL_ALL)?.ok()?;
        let copy = clone(cx, vmo, 0, 1)?;
        cx.expect_signals(copy, ZX_VMO_ZERO_CHILDREN)?;
        cx.expect_signals(vmo, ZX_USER_SIGNAL_ALL)
    });

    suite.test("the_signals_of_a_family_are_separate", &["VMO-CLONE-27"], NEEDS, |cx| {
        let vmo = cx.create(PAGE)?;
        let copy = clone(cx, vmo, 0, 1)?;
        cx.object_signal(vmo, 0, ZX_USER_SIGNAL_0)?.ok()?;
        cx.object_signal(copy, 0, ZX_USER_SIGNAL_7)?.ok()?;
        cx.expect_signals(vmo, ZX_USER_SIGNAL_0)?;
        cx.expect_signals(copy, ZX_VMO_ZERO_CHILDREN | ZX_USER_SIGNAL_7)
    });

    suite.test("a_clone_of_a_parent_of_clones_starts_high", &["VMO-CLONE-27"], NEEDS, |cx| {
        let vmo = cx.create(PAGE)?;
        let first = clone(cx, vmo, 0, 1)?;
        let second = clone(cx, vmo, 0, 1)?;
        let third = clone(cx, second, 0, 1)?;
        cx.expect_signals(first, ZX_VMO_ZERO_CHILDREN)?;
        cx.expect_signals(second, 0)?;
        cx.expect_signals(third, ZX_VMO_ZERO_CHILDREN)
    });
}

fn add_policies(suite: &mut Suite) {
    for policy in 1..4 {
        // The pages do not list this error, but Zircon's own tests insist.
        suite.test(
            format!("refuses_a_source_that_is_not_cached::{policy}"),
            &["VMO-CLONE-17"],
            &[Clone, CachePolicy],
            move |cx| {
                let vmo = cx.create(PAGE)?;
                cx.vmo_set_cache_policy(vmo, policy)?.ok()?;
                let answer = cx.vmo_clone(vmo, ZX_VMO_CLONE_COPY_ON_WRITE, 0, PAGE)?;
                let is_refused = answer.status() == Some(ZX_ERR_BAD_STATE);
                cx.takes("C-34", if is_refused { Side::Kernel } else { Side::Page });
                answer.is(ZX_ERR_BAD_STATE)?.untouched()?;
                // A clone that stayed behind would be an obstacle to this.
                cx.vmo_set_cache_policy(vmo, ZX_CACHE_POLICY_CACHED)?.ok()?;
                let copy = clone(cx, vmo, 0, 1)?;
                shows(cx, copy, ".")
            },
        );
    }

    suite.test("an_empty_clone_of_what_is_not_cached", &["VMO-CLONE-17"], &[Clone, CachePolicy], {
        |cx| {
            let vmo = cx.create(0)?;
            cx.vmo_set_cache_policy(vmo, 1)?.ok()?;
            let answer = cx.vmo_clone(vmo, ZX_VMO_CLONE_COPY_ON_WRITE, 0, 0)?;
            answer.is(ZX_ERR_BAD_STATE)?.untouched().map(drop)
        }
    });

    // A policy can be set neither on a clone nor on what has one, so neither
    // can become the reason.
    suite.test("a_clone_stays_cached", &["VMO-CLONE-28"], &[Clone, CachePolicy], |cx| {
        let vmo = create(cx, "a")?;
        let copy = clone(cx, vmo, 0, 1)?;
        cx.vmo_set_cache_policy(copy, 1)?.is(ZX_ERR_BAD_STATE)?;
        cx.vmo_set_cache_policy(vmo, 1)?.is(ZX_ERR_BAD_STATE)?;
        put(cx, copy, 0, 'x')?;
        shows(cx, copy, "x")?;
        let second = clone(cx, copy, 0, 1)?;
        shows(cx, second, "x")
    });
}

fn add_identity(suite: &mut Suite) {
    suite.test("a_clone_has_a_koid_of_its_own", &["KOID-05", "KOID-04"], &[Clone, Info], |cx| {
        let vmo = cx.create(PAGE)?;
        let first = clone(cx, vmo, 0, 1)?;
        let second = clone(cx, vmo, 0, 1)?;
        let third = clone(cx, first, 0, 1)?;
        let mut last = 1023;
        for member in [vmo, first, second, third] {
            let koid = cx.koid(member)?;
            cx.expect(koid > last, format!("a koid above {last}"), koid)?;
            last = koid;
        }
        Ok(())
    });

    suite.test("basic_info_of_a_clone", &["VMO-CLONE-32"], &[Clone, Info], |cx| {
        let vmo = cx.create(PAGE)?;
        let copy = clone(cx, vmo, 0, 1)?;
        let answer = cx.object_get_info(copy, ZX_INFO_HANDLE_BASIC, 32)?.ok()?;
        let info = answer.basic_info()?;
        let seen = (info.type_, info.related_koid, info.props);
        let expected = (ZX_OBJ_TYPE_VMO, 0, ZX_OBJ_PROP_WAITABLE);
        cx.expect(seen == expected, format!("{expected:?}"), format!("{seen:?}"))?;
        let count = cx.handle_count(copy)?;
        cx.expect(count == 1, "1 handle", count)
    });
}

fn add_pages(suite: &mut Suite) {
    const NEEDS: &[vmo_abi::Capability] = &[Clone, Info, ProcessVmos];

    suite.test("no_page_of_a_clone_is_its_own", &["VMO-CLONE-28", "COW-36"], NEEDS, |cx| {
        let vmo = create(cx, "ab.")?;
        let copy = clone(cx, vmo, 0, 3)?;
        cx.expect_committed(copy, 0)?;
        cx.expect_committed(vmo, 2 * PAGE)
    });

    suite.test("a_large_clone_costs_nothing", &["VMO-CLONE-28"], NEEDS, |cx| {
        let vmo = create(cx, "ab")?;
        let copy = cx.clone_of(vmo, 0, 1 << 63)?;
        cx.expect_size(copy, 1 << 63)?;
        cx.expect_committed(copy, 0)
    });

    suite.test(
        "a_clone_of_a_mapped_vmo_is_not_mapped",
        &["VMO-CLONE-29", "OBJ-INFO-27"],
        &[Clone, Info, ProcessVmos, Mapping],
        |cx| {
            let vmo = create(cx, "a")?;
            map(cx, vmo, 1)?;
            let copy = clone(cx, vmo, 0, 1)?;
            let (source, made) = (cx.vmo_info(vmo)?, cx.vmo_info(copy)?);
            let mappings = (source.num_mappings, made.num_mappings);
            cx.expect(mappings == (1, 0), "1 and 0 mappings", format!("{mappings:?}"))?;
            let parents = (source.parent_koid, made.parent_koid);
            let expected = (0, source.koid);
            cx.expect(parents == expected, format!("{expected:?}"), format!("{parents:?}"))
        },
    );
}
