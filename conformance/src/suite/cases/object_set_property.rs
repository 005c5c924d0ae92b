//! `object_set_property`: naming a VMO, and what is refused.

use vmo_abi::Capability::{Handles, Info, Properties, Signals};
use vmo_abi::{
    ZX_ERR_ACCESS_DENIED, ZX_ERR_BUFFER_TOO_SMALL, ZX_ERR_INVALID_ARGS, ZX_ERR_NOT_SUPPORTED,
    ZX_ERR_WRONG_TYPE, ZX_PROP_NAME, ZX_RIGHT_SET_PROPERTY,
};

use crate::level::Level;
use crate::program::{Address, Handle};
use crate::suite::{PAGE, Suite};

/// A row's name and clauses, a name as set, and as read back.
type Name = (&'static str, &'static [&'static str], &'static [u8], &'static [u8]);

/// Names as set and as read back.
const NAMES: &[Name] = &[
    ("one_letter", &["OBJ-SETPROP-01"], b"a\0", b"a"),
    ("a_word", &["OBJ-SETPROP-01"], b"heap\0", b"heap"),
    (
        "thirty_one",
        &["OBJ-SETPROP-01"],
        b"abcdefghijklmnopqrstuvwxyz01234",
        b"abcdefghijklmnopqrstuvwxyz01234",
    ),
    ("no_nul", &["OBJ-SETPROP-09"], b"heap", b"heap"),
    (
        "thirty_two",
        &["OBJ-SETPROP-06"],
        b"abcdefghijklmnopqrstuvwxyz012345",
        b"abcdefghijklmnopqrstuvwxyz01234",
    ),
    ("forty", &["OBJ-SETPROP-06"], &[b'x'; 40], &[b'x'; 31]),
    ("a_page", &["OBJ-SETPROP-06"], &[b'y'; 4096], &[b'y'; 31]),
    ("nul_inside", &["OBJ-SETPROP-08"], b"head\0tail", b"head"),
    ("nul_first", &["OBJ-SETPROP-08"], b"\0tail", b""),
    ("bytes_above_127", &["OBJ-SETPROP-11"], b"\xff\xfe\x80\xc3(", b"\xff\xfe\x80\xc3("),
    ("control_bytes", &["OBJ-SETPROP-11"], b"\x01\n\t \x7f", b"\x01\n\t \x7f"),
];

/// Numbers of no property, and of properties that can only be read.
const UNKNOWN: &[(&str, u32)] = &[
    ("zero", 0),
    ("one", 1),
    ("process_vdso_base_address", 6),
    ("seven", 7),
    ("high_bit", 1 << 31 | ZX_PROP_NAME),
    ("all_ones", u32::MAX),
];

pub(super) fn add(suite: &mut Suite) {
    for &(row, clauses, set, read) in NAMES {
        suite.test(format!("sets_the_name::{row}"), clauses, &[Properties], move |cx| {
            let vmo = cx.create(PAGE)?;
            cx.set_name(vmo, b"some longer name from before")?;
            cx.set_name(vmo, set)?;
            cx.expect_name(vmo, read)
        });
    }

    suite.test("size_0_sets_the_empty_name", &["OBJ-SETPROP-10"], &[Properties], |cx| {
        let vmo = cx.create(PAGE)?;
        cx.set_name(vmo, b"before")?;
        cx.object_set_property_sized(vmo, ZX_PROP_NAME, b"unread", 0)?.ok()?;
        cx.expect_name(vmo, b"")
    });

    for (row, size) in [("two", 2), ("three", 3), ("four", 4)] {
        suite.test(
            format!("only_so_many_bytes_are_taken::{row}"),
            &["OBJ-SETPROP-09"],
            &[Properties],
            move |cx| {
                let vmo = cx.create(PAGE)?;
                cx.object_set_property_sized(vmo, ZX_PROP_NAME, b"longer", size)?.ok()?;
                cx.expect_name(vmo, &b"longer"[..size as usize])
            },
        );
    }

    for (row, size) in [("large", 1 << 40), ("high_bit", 1 << 63), ("all_ones", u64::MAX)] {
        suite.test(
            format!("only_31_bytes_are_read::{row}"),
            &["OBJ-SETPROP-07"],
            &[Properties],
            move |cx| {
                let vmo = cx.create(PAGE)?;
                let name = [b'n'; 31];
                cx.object_set_property_sized(vmo, ZX_PROP_NAME, &name, size)?.ok()?;
                cx.expect_name(vmo, &name)
            },
        );
    }

    suite.test("an_unreadable_name_is_refused", &["OBJ-SETPROP-05"], &[Properties], |cx| {
        let vmo = cx.create(PAGE)?;
        cx.set_name(vmo, b"stays")?;
        for address in [Address::Unmapped, Address::Kernel, Address::Straddle(3)] {
            cx.with("value", address);
            cx.object_set_property(vmo, ZX_PROP_NAME, b"eight by")?.is(ZX_ERR_INVALID_ARGS)?;
            cx.expect_name(vmo, b"stays")?;
        }
        Ok(())
    });

    suite.test("null_comes_before_the_handle", &["OBJ-SETPROP-04"], &[Properties], |cx| {
        cx.with("value", Address::Null);
        let answer = cx.object_set_property_sized(Handle::Never, ZX_PROP_NAME, b"", 0)?;
        answer.is(ZX_ERR_INVALID_ARGS).map(drop)
    });

    suite.test("size_0_still_needs_a_user_address", &["OBJ-SETPROP-17"], &[Properties], |cx| {
        let vmo = cx.create(PAGE)?;
        cx.set_name(vmo, b"stays")?;
        cx.with("value", Address::Kernel);
        let answer = cx.object_set_property_sized(vmo, ZX_PROP_NAME, b"", 0)?;
        answer.is(ZX_ERR_INVALID_ARGS)?;
        cx.expect_name(vmo, b"stays")?;
        cx.with("value", Address::Unmapped);
        cx.object_set_property_sized(vmo, ZX_PROP_NAME, b"", 0)?.ok()?;
        cx.expect_name(vmo, b"")
    });

    suite.test(
        "the_name_belongs_to_the_object",
        &["OBJ-SETPROP-12"],
        &[Properties, Handles],
        |cx| {
            let vmo = cx.create(PAGE)?;
            let second = cx.duplicate_same(vmo)?;
            cx.set_name(second, b"shared")?;
            cx.close(second)?;
            cx.expect_name(vmo, b"shared")
        },
    );

    suite.test("objects_have_their_own_names", &["OBJ-SETPROP-12"], &[Properties], |cx| {
        let first = cx.create(PAGE)?;
        let second = cx.create(PAGE)?;
        cx.set_name(first, b"first")?;
        cx.set_name(second, b"second")?;
        cx.expect_name(first, b"first")
    });

    suite.test("needs_set_property", &["OBJ-SETPROP-02"], &[Properties, Handles, Info], |cx| {
        let vmo = cx.create(PAGE)?;
        cx.set_name(vmo, b"stays")?;
        let dumb = cx.duplicate_without(vmo, ZX_RIGHT_SET_PROPERTY)?;
        cx.object_set_property(dumb, ZX_PROP_NAME, b"new")?.is(ZX_ERR_ACCESS_DENIED)?;
        cx.expect_name(vmo, b"stays")?;
        let just = cx.duplicate(vmo, ZX_RIGHT_SET_PROPERTY)?;
        cx.set_name(just, b"new")?;
        cx.expect_name(vmo, b"new")
    });

    for &(row, property) in UNKNOWN {
        suite
            .test(
                format!("an_unknown_property::{row}"),
                &["OBJ-SETPROP-13"],
                &[Properties],
                move |cx| {
                    let vmo = cx.create(PAGE)?;
                    let answer = cx.object_set_property(vmo, property, &[1; 32])?;
                    cx.either("C-22", answer, ZX_ERR_NOT_SUPPORTED, ZX_ERR_INVALID_ARGS)?;
                    cx.expect_name(vmo, b"")
                },
            )
            .at(Level::Page);
    }

    suite.test("the_debug_address_of_a_process", &["OBJ-SETPROP-14"], &[Properties], |cx| {
        const PROCESS_DEBUG_ADDR: u32 = 5;
        let vmo = cx.create(PAGE)?;
        for (size, status) in [
            (0, ZX_ERR_BUFFER_TOO_SMALL),
            (7, ZX_ERR_BUFFER_TOO_SMALL),
            (8, ZX_ERR_WRONG_TYPE),
            (9, ZX_ERR_WRONG_TYPE),
        ] {
            cx.object_set_property_sized(vmo, PROCESS_DEBUG_ADDR, &[1; 16], size)?.is(status)?;
        }
        Ok(())
    });

    suite.test("the_register_of_a_thread", &["OBJ-SETPROP-15"], &[Properties], |cx| {
        const REGISTER_FS: u32 = 4;
        let vmo = cx.create(PAGE)?;
        let answer = cx.object_set_property(vmo, REGISTER_FS, &[1; 8])?;
        answer.one_of(&[ZX_ERR_WRONG_TYPE, ZX_ERR_INVALID_ARGS]).map(drop)
    });

    suite.test(
        "a_name_changes_nothing_else",
        &["OBJ-SETPROP-16"],
        &[Properties, Info, Signals],
        |cx| {
            let vmo = cx.create_filled(PAGE, 0x41)?;
            let (koid, signals) = (cx.koid(vmo)?, cx.signals(vmo)?);
            cx.set_name(vmo, b"new name")?;
            cx.expect_signals(vmo, signals)?;
            cx.expect_fill(vmo, 0, PAGE, 0x41)?;
            let after = cx.koid(vmo)?;
            cx.expect(after == koid, koid, after)
        },
    );
}
