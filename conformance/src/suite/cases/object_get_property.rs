//! `object_get_property`: the name of a VMO, and what is refused.

use vmo_abi::Capability::{Handles, Info, Properties};
use vmo_abi::{
    ZX_ERR_ACCESS_DENIED, ZX_ERR_BUFFER_TOO_SMALL, ZX_ERR_INVALID_ARGS, ZX_ERR_NOT_SUPPORTED,
    ZX_ERR_WRONG_TYPE, ZX_PROP_NAME, ZX_RIGHT_GET_PROPERTY,
};

use crate::level::Level;
use crate::program::{Address, Handle};
use crate::suite::{PAGE, Suite};

/// Properties of other objects that can be asked for.
const OTHERS: &[(&str, u32)] = &[("process_debug_addr", 5), ("process_vdso_base_address", 6)];
/// Numbers of no property, and of properties that can only be set.
const UNKNOWN: &[(&str, u32)] = &[
    ("zero", 0),
    ("one", 1),
    ("register_fs", 4),
    ("seven", 7),
    ("a_hundred", 100),
    ("high_bit", 1 << 31 | ZX_PROP_NAME),
    ("all_ones", u32::MAX),
];

pub(super) fn add(suite: &mut Suite) {
    suite.test("gives_the_name_with_a_nul", &["OBJ-GETPROP-01"], &[Properties], |cx| {
        let vmo = cx.create(PAGE)?;
        cx.set_name(vmo, b"frame buffer")?;
        cx.expect_name(vmo, b"frame buffer")
    });

    suite.test("a_new_vmo_has_the_empty_name", &["OBJ-GETPROP-01"], &[Properties], |cx| {
        let vmo = cx.create(PAGE)?;
        cx.expect_name(vmo, b"")
    });

    suite.test("the_rest_is_nul_after_a_longer_name", &["OBJ-GETPROP-02"], &[Properties], |cx| {
        let vmo = cx.create(PAGE)?;
        cx.set_name(vmo, &[b'l'; 31])?;
        cx.set_name(vmo, b"short")?;
        cx.expect_name(vmo, b"short")
    });

    for size in [0, 1, 6, 31] {
        suite.test(
            format!("a_size_below_32_is_too_small::{size}"),
            &["OBJ-GETPROP-03"],
            &[Properties],
            move |cx| {
                let vmo = cx.create(PAGE)?;
                cx.set_name(vmo, b"short")?;
                let answer = cx.object_get_property(vmo, ZX_PROP_NAME, size)?;
                answer.is(ZX_ERR_BUFFER_TOO_SMALL).map(drop)
            },
        );
        suite.test(
            format!("a_failure_writes_nothing::size_{size}"),
            &["OBJ-GETPROP-13"],
            &[Properties],
            move |cx| {
                let vmo = cx.create(PAGE)?;
                cx.set_name(vmo, b"short")?;
                let answer = cx.object_get_property(vmo, ZX_PROP_NAME, size)?;
                answer.is(ZX_ERR_BUFFER_TOO_SMALL)?.untouched().map(drop)
            },
        );
    }

    for size in [33, 64, 4096] {
        suite.test(
            format!("a_larger_size_gets_32_bytes::{size}"),
            &["OBJ-GETPROP-04"],
            &[Properties],
            move |cx| {
                let vmo = cx.create(PAGE)?;
                cx.set_name(vmo, b"name")?;
                let answer = cx.object_get_property(vmo, ZX_PROP_NAME, size)?.ok()?;
                let mut expected = b"name".to_vec();
                expected.resize(32, 0);
                // What lies behind them keeps what the tester had put there.
                expected
                    .extend(answer.bytes()[32..].iter().map(|_| answer.bytes()[size as usize - 1]));
                let stays = answer.bytes()[32] != 0;
                cx.expect(stays, "only 32 bytes written", "more")?;
                answer.bytes_are(&expected).map(drop)
            },
        );
    }

    suite.test("needs_get_property", &["OBJ-GETPROP-05"], &[Properties, Handles, Info], |cx| {
        let vmo = cx.create(PAGE)?;
        let blind = cx.duplicate_without(vmo, ZX_RIGHT_GET_PROPERTY)?;
        let answer = cx.object_get_property(blind, ZX_PROP_NAME, 32)?;
        answer.is(ZX_ERR_ACCESS_DENIED)?.untouched()?;
        let just = cx.duplicate(vmo, ZX_RIGHT_GET_PROPERTY)?;
        cx.expect_name(just, b"")
    });

    for &(row, property) in UNKNOWN {
        suite
            .test(
                format!("an_unknown_property::{row}"),
                &["OBJ-GETPROP-09"],
                &[Properties],
                move |cx| {
                    let vmo = cx.create(PAGE)?;
                    let answer = cx.object_get_property(vmo, property, 32)?;
                    let (answer, _) =
                        cx.either("C-22", answer, ZX_ERR_NOT_SUPPORTED, ZX_ERR_INVALID_ARGS)?;
                    answer.untouched().map(drop)
                },
            )
            .at(Level::Page);
    }

    for &(row, property) in OTHERS {
        suite.test(
            format!("a_property_of_another_object::{row}"),
            &["OBJ-GETPROP-10"],
            &[Properties],
            move |cx| {
                let vmo = cx.create(PAGE)?;
                for size in [8, 32] {
                    let answer = cx.object_get_property(vmo, property, size)?;
                    answer.is(ZX_ERR_WRONG_TYPE)?.untouched()?;
                }
                Ok(())
            },
        );
        suite.test(
            format!("a_small_size_comes_before_the_type::{row}"),
            &["OBJ-GETPROP-11"],
            &[Properties],
            move |cx| {
                let vmo = cx.create(PAGE)?;
                for size in [0, 7] {
                    let answer = cx.object_get_property(vmo, property, size)?;
                    answer.is(ZX_ERR_BUFFER_TOO_SMALL)?.untouched()?;
                }
                Ok(())
            },
        );
    }

    suite.test(
        "rights_come_before_property_and_size",
        &["OBJ-GETPROP-12"],
        &[Properties, Handles, Info],
        |cx| {
            let vmo = cx.create(PAGE)?;
            let blind = cx.duplicate_without(vmo, ZX_RIGHT_GET_PROPERTY)?;
            cx.object_get_property(blind, 100, 32)?.is(ZX_ERR_ACCESS_DENIED)?;
            cx.object_get_property(blind, ZX_PROP_NAME, 0)?.is(ZX_ERR_ACCESS_DENIED).map(drop)
        },
    );

    suite.test("null_comes_before_the_handle", &["OBJ-GETPROP-08"], &[Properties], |cx| {
        cx.with("value", Address::Null);
        let answer = cx.object_get_property(Handle::Never, ZX_PROP_NAME, 32)?;
        answer.is(ZX_ERR_INVALID_ARGS).map(drop)
    });
}
