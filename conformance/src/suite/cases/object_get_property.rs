//! `object_get_property`: the name of a VMO, and what is refused.

mod numbers;

use vmo_abi::Capability::{Handles, Info, Properties, Signals};
use vmo_abi::{
    ZX_ERR_ACCESS_DENIED, ZX_ERR_BUFFER_TOO_SMALL, ZX_ERR_INVALID_ARGS, ZX_PROP_NAME,
    ZX_RIGHT_GET_PROPERTY,
};

use super::handle_duplicate::VMO_RIGHTS;
use crate::level::Level;
use crate::program::{Address, Handle};
use crate::suite::{Answer, Checked, PAGE, Suite};

/// Bytes of a name.
const NAME: u64 = 32;

/// Expects the buffer to hold this name, padded, and to keep its bytes behind.
fn expect_just_the_name(answer: &Answer, name: &[u8]) -> Checked {
    let mut expected = name.to_vec();
    expected.resize(NAME as usize, 0);
    let bytes = answer.bytes();
    let (stored, rest) = bytes.split_at(bytes.len().min(NAME as usize));
    if stored != expected {
        return Err(answer.failure(format!("{expected:x?}"), format!("{stored:x?}")));
    }
    match rest.iter().find(|byte| **byte != 0xaa) {
        None => Ok(()),
        Some(byte) => Err(answer.failure("32 bytes stored", format!("more: {byte:#x}"))),
    }
}

pub(super) fn add(suite: &mut Suite) {
    names(suite);
    sizes(suite);
    refusals(suite);
    numbers::add(suite);
}

fn names(suite: &mut Suite) {
    suite.test("gives_the_name_with_a_nul", &["OBJ-GETPROP-01"], &[Properties], |cx| {
        let vmo = cx.create(PAGE)?;
        for name in [&b"frame buffer"[..], b"x", &[b'y'; 31]] {
            cx.set_name(vmo, name)?;
            let seen = cx.name(vmo)?;
            let end = seen.iter().position(|byte| *byte == 0);
            let is_name = end.is_some_and(|end| seen[..end] == *name);
            cx.expect(is_name, format!("{name:x?} and a NUL"), format!("{seen:x?}"))?;
        }
        Ok(())
    });

    suite.test("a_new_vmo_has_the_empty_name", &["OBJ-GETPROP-01"], &[Properties], |cx| {
        for pages in [0, 1, 2] {
            let named = cx.create(pages * PAGE)?;
            cx.set_name(named, &[b'n'; 31])?;
            cx.close(named)?;
            let vmo = cx.create(pages * PAGE)?;
            let first = cx.name(vmo)?[0];
            cx.expect(first == 0, "the empty name", first)?;
        }
        Ok(())
    });

    for len in 0..32 {
        suite.test(
            format!("the_rest_is_nul::{len}"),
            &["OBJ-GETPROP-02"],
            &[Properties],
            move |cx| {
                let vmo = cx.create(PAGE)?;
                cx.set_name(vmo, &[b'l'; 31])?;
                cx.set_name(vmo, &vec![b's'; len])?;
                cx.expect_name(vmo, &vec![b's'; len])
            },
        );
    }

    suite.test("asking_changes_nothing", &["OBJ-GETPROP-01"], &[Properties, Info, Signals], |cx| {
        let vmo = cx.create_filled(PAGE, 0x41)?;
        cx.set_name(vmo, b"same")?;
        let before = cx.snapshot(vmo)?;
        for _ in 0..5 {
            cx.expect_name(vmo, b"same")?;
        }
        cx.expect_unchanged(vmo, &before)
    });

    suite.test(
        "what_is_done_to_the_vmo_leaves_the_name",
        &["OBJ-GETPROP-01"],
        &[Properties],
        |cx| {
            let vmo = cx.create(PAGE)?;
            cx.set_name(vmo, b"same")?;
            cx.write(vmo, 0, &[0x55; PAGE as usize])?;
            cx.resize(vmo, 0)?;
            cx.resize(vmo, 9 * PAGE)?;
            cx.vmo_set_size(vmo, u64::MAX)?.is(vmo_abi::ZX_ERR_OUT_OF_RANGE)?;
            cx.expect_name(vmo, b"same")
        },
    );
}

fn sizes(suite: &mut Suite) {
    for size in 0..NAME {
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

    for size in [32, 33, 34, 40, 63, 64, 128, 4096] {
        suite.test(
            format!("a_larger_size_gets_32_bytes::{size}"),
            &["OBJ-GETPROP-04"],
            &[Properties],
            move |cx| {
                let vmo = cx.create(PAGE)?;
                cx.set_name(vmo, b"name")?;
                let answer = cx.object_get_property(vmo, ZX_PROP_NAME, size)?.ok()?;
                expect_just_the_name(&answer, b"name")
            },
        );
    }

    // Cut to 32 bits these sizes are too small; as signed numbers some are
    // negative.
    for (row, size) in [
        ("2_to_31", 1 << 31),
        ("2_to_32", 1 << 32),
        ("2_to_32_and_31", (1 << 32) + 31),
        ("2_to_63", 1 << 63),
        ("all_ones", u64::MAX),
    ] {
        suite.test(
            format!("a_huge_size_gets_32_bytes::{row}"),
            &["OBJ-GETPROP-04"],
            &[Properties],
            move |cx| {
                let vmo = cx.create(PAGE)?;
                cx.set_name(vmo, b"name")?;
                let answer = cx.object_get_property(vmo, ZX_PROP_NAME, size)?.ok()?;
                expect_just_the_name(&answer, b"name")
            },
        );
    }

    suite.test("only_32_bytes_have_to_be_there", &["OBJ-GETPROP-04"], &[Properties], |cx| {
        let vmo = cx.create(PAGE)?;
        cx.set_name(vmo, b"name")?;
        for size in [32, 4096, 1 << 40] {
            cx.with("value", Address::Straddle(NAME));
            cx.object_get_property(vmo, ZX_PROP_NAME, size)?.ok()?;
        }
        let mut stored = [0; 32];
        let address = cx.backend().environment().arena.end() - NAME;
        let loaded = cx.backend().load(address, &mut stored);
        loaded.map_err(|fault| crate::suite::Failure::CannotRun(fault.into()))?;
        cx.expect(stored.starts_with(b"name\0"), "the name", format!("{stored:x?}"))
    });

    for bytes in [1, 4, 5, 8, 31] {
        suite.test(
            format!("all_32_bytes_have_to_be_there::{bytes}"),
            &["OBJ-GETPROP-07"],
            &[Properties],
            move |cx| {
                let vmo = cx.create(PAGE)?;
                cx.set_name(vmo, b"name")?;
                cx.with("value", Address::Straddle(bytes));
                let answer = cx.object_get_property(vmo, ZX_PROP_NAME, NAME)?;
                answer.is(ZX_ERR_INVALID_ARGS)?;
                cx.expect_name(vmo, b"name")
            },
        );
    }
}

fn refusals(suite: &mut Suite) {
    suite.test("needs_get_property", &["OBJ-GETPROP-05"], &[Properties, Handles, Info], |cx| {
        let vmo = cx.create(PAGE)?;
        cx.set_name(vmo, b"name")?;
        let blind = cx.duplicate_without(vmo, ZX_RIGHT_GET_PROPERTY)?;
        let answer = cx.object_get_property(blind, ZX_PROP_NAME, 32)?;
        answer.is(ZX_ERR_ACCESS_DENIED)?.untouched()?;
        let just = cx.duplicate(vmo, ZX_RIGHT_GET_PROPERTY)?;
        cx.expect_name(just, b"name")
    });

    for &(row, right) in VMO_RIGHTS.iter().filter(|(_, right)| *right != ZX_RIGHT_GET_PROPERTY) {
        suite
            .test(
                format!("another_right_is_not_enough::{row}"),
                &["OBJ-GETPROP-05"],
                &[Properties, Handles],
                move |cx| {
                    let vmo = cx.create(PAGE)?;
                    let other = cx.duplicate(vmo, right)?;
                    let answer = cx.object_get_property(other, ZX_PROP_NAME, 32)?;
                    answer.is(ZX_ERR_ACCESS_DENIED)?.untouched().map(drop)
                },
            )
            .at(super::handle_duplicate::level_of(right));
    }

    suite.test(
        "rights_come_before_property_and_size",
        &["OBJ-GETPROP-12"],
        &[Properties, Handles, Info],
        |cx| {
            let vmo = cx.create(PAGE)?;
            let blind = cx.duplicate_without(vmo, ZX_RIGHT_GET_PROPERTY)?;
            for (property, size) in [(100, 32), (ZX_PROP_NAME, 0), (5, 8), (5, 0), (0, 0)] {
                let answer = cx.object_get_property(blind, property, size)?;
                answer.is(ZX_ERR_ACCESS_DENIED)?.untouched()?;
            }
            cx.with("value", Address::Unmapped);
            cx.object_get_property(blind, ZX_PROP_NAME, 32)?.is(ZX_ERR_ACCESS_DENIED).map(drop)
        },
    );

    for (row, property, size) in
        [("name", ZX_PROP_NAME, 32), ("small", ZX_PROP_NAME, 0), ("unknown", 100, 32)]
    {
        suite.test(
            format!("null_comes_before_the_handle::{row}"),
            &["OBJ-GETPROP-08"],
            &[Properties, Handles, Info],
            move |cx| {
                let vmo = cx.create(PAGE)?;
                let blind = cx.duplicate_without(vmo, ZX_RIGHT_GET_PROPERTY)?;
                for handle in [Handle::Never, Handle::Invalid, blind, vmo] {
                    cx.with("value", Address::Null);
                    let answer = cx.object_get_property(handle, property, size)?;
                    answer.is(ZX_ERR_INVALID_ARGS)?;
                }
                Ok(())
            },
        );
    }

    for (row, address) in [("unmapped", Address::Unmapped), ("kernel", Address::Kernel)] {
        suite
            .test(
                format!("another_bad_pointer_comes_last::{row}"),
                &["OBJ-GETPROP-03", "OBJ-GETPROP-06"],
                &[Properties],
                move |cx| {
                    let vmo = cx.create(PAGE)?;
                    cx.with("value", address);
                    let answer = cx.object_get_property(vmo, ZX_PROP_NAME, 31)?;
                    answer.is(ZX_ERR_BUFFER_TOO_SMALL)?;
                    cx.with("value", address);
                    let answer = cx.object_get_property(Handle::Never, ZX_PROP_NAME, 32)?;
                    answer.is(vmo_abi::ZX_ERR_BAD_HANDLE).map(drop)
                },
            )
            .at(Level::Kernel);
    }
}
