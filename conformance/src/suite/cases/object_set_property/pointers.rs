//! The bytes of a name: how many have to be readable, and which are read.

use vmo_abi::Capability::{Handles, Info, Mapping, Properties};
use vmo_abi::{
    Syscall, ZX_ERR_ACCESS_DENIED, ZX_ERR_BAD_HANDLE, ZX_ERR_INVALID_ARGS, ZX_OK, ZX_PROP_NAME,
    ZX_RIGHT_SET_PROPERTY,
};

use crate::level::Level;
use crate::program::{Address, Handle, Value};
use crate::suite::{Answer, Checked, Context, Failure, PAGE, READ_WRITE, Suite};

/// Names a VMO by bytes that end where memory ends.
fn set_at_the_end_of_memory(
    cx: &mut Context<'_>,
    vmo: Handle,
    bytes: &[u8],
    size: u64,
) -> Checked<Answer> {
    let address = cx.backend().environment().arena.end() - bytes.len() as u64;
    let stored = cx.backend().store(address, bytes);
    stored.map_err(|fault| Failure::CannotRun(fault.into()))?;
    let value = Value::Address(Address::Straddle(bytes.len() as u64));
    let arguments =
        vec![vmo.into(), Value::Number(ZX_PROP_NAME.into()), value, Value::Number(size)];
    cx.call(Syscall::object_set_property, arguments)
}

/// Addresses that are never read.
const BAD: &[(&str, Address)] = &[
    ("unmapped", Address::Unmapped),
    ("kernel", Address::Kernel),
    ("one", Address::Literal(1)),
    ("below_user_space", Address::Literal(0xff_ffff)),
    ("top", Address::Literal(u64::MAX)),
    ("not_canonical", Address::Literal(1 << 47)),
];

pub(super) fn add(suite: &mut Suite) {
    readable(suite);
    unreadable(suite);
    empty(suite);
}

fn readable(suite: &mut Suite) {
    let name = b"abcdefghijklmnopqrstuvwxyz01234";
    for len in [1_usize, 2, 7, 8, 16, 30, 31] {
        suite.test(
            format!("a_name_up_to_the_end_of_memory::{len}"),
            &["OBJ-SETPROP-09"],
            &[Properties],
            move |cx| {
                let vmo = cx.create(PAGE)?;
                set_at_the_end_of_memory(cx, vmo, &name[..len], len as u64)?.ok()?;
                cx.expect_name(vmo, &name[..len])?;
                // One byte more is not there, unless it is not needed.
                let answer = set_at_the_end_of_memory(cx, vmo, &name[..len], len as u64 + 1)?;
                answer.is(if len < 31 { ZX_ERR_INVALID_ARGS } else { ZX_OK })?;
                cx.expect_name(vmo, &name[..len])
            },
        );
    }

    for (row, size) in [
        ("31", 31),
        ("32", 32),
        ("33", 33),
        ("4096", 4096),
        ("2_to_32", 1 << 32),
        ("2_to_63", 1 << 63),
        ("all_ones", u64::MAX),
    ] {
        suite.test(
            format!("only_31_bytes_are_read::{row}"),
            &["OBJ-SETPROP-07"],
            &[Properties],
            move |cx| {
                let vmo = cx.create(PAGE)?;
                set_at_the_end_of_memory(cx, vmo, name, size)?.ok()?;
                cx.expect_name(vmo, name)
            },
        );
    }

    suite.test("a_name_in_read_only_memory", &["OBJ-SETPROP-10"], &[Properties], |cx| {
        let vmo = cx.create(PAGE)?;
        cx.set_name(vmo, b"before")?;
        // It holds nothing but zeros.
        cx.with("value", Address::ReadOnly);
        cx.object_set_property(vmo, ZX_PROP_NAME, b"any 9 bytes")?.ok()?;
        cx.expect_name(vmo, b"")
    });

    suite.test("the_name_is_a_copy", &["OBJ-SETPROP-01"], &[Properties, Mapping], |cx| {
        let source = cx.create(PAGE)?;
        cx.write(source, 0, b"mapped")?;
        let address = cx.map(source, 0, PAGE, READ_WRITE)?;
        let vmo = cx.create(PAGE)?;
        cx.with("value", address);
        cx.object_set_property(vmo, ZX_PROP_NAME, &[1; 6])?.ok()?;
        cx.store_bytes(address, b"MAPPED")?;
        cx.expect_name(vmo, b"mapped")?;
        cx.vmar_unmap(Handle::Region, address, PAGE)?.ok()?;
        cx.expect_name(vmo, b"mapped")
    });
}

fn unreadable(suite: &mut Suite) {
    for &(row, address) in BAD {
        suite.test(
            format!("an_unreadable_name_is_refused::{row}"),
            &["OBJ-SETPROP-05"],
            &[Properties],
            move |cx| {
                let vmo = cx.create(PAGE)?;
                cx.set_name(vmo, b"stays")?;
                for size in [1, 8, 31, 32, u64::MAX] {
                    cx.with("value", address);
                    let answer = cx.object_set_property_sized(vmo, ZX_PROP_NAME, b"", size)?;
                    answer.is(ZX_ERR_INVALID_ARGS)?;
                    cx.expect_name(vmo, b"stays")?;
                }
                Ok(())
            },
        );
    }

    for readable in [1_usize, 5, 15, 30] {
        suite.test(
            format!("a_name_that_is_there_in_part_is_refused::{readable}"),
            &["OBJ-SETPROP-05"],
            &[Properties],
            move |cx| {
                let vmo = cx.create(PAGE)?;
                cx.set_name(vmo, b"stays")?;
                let answer = set_at_the_end_of_memory(cx, vmo, &vec![b'n'; readable], 31)?;
                answer.is(ZX_ERR_INVALID_ARGS)?;
                cx.expect_name(vmo, b"stays")
            },
        );
    }

    suite
        .test("what_follows_a_nul_has_to_be_there", &["OBJ-SETPROP-05"], &[Properties], |cx| {
            let vmo = cx.create(PAGE)?;
            cx.set_name(vmo, b"stays")?;
            set_at_the_end_of_memory(cx, vmo, b"new\0", 8)?.is(ZX_ERR_INVALID_ARGS)?;
            cx.expect_name(vmo, b"stays")
        })
        .at(Level::Kernel);

    for (row, address) in [("unmapped", Address::Unmapped), ("kernel", Address::Kernel)] {
        suite
            .test(
                format!("other_errors_come_before_the_bytes::{row}"),
                &["OBJ-SETPROP-02", "OBJ-SETPROP-03"],
                &[Properties, Handles, Info],
                move |cx| {
                    let vmo = cx.create(PAGE)?;
                    let dumb = cx.duplicate_without(vmo, ZX_RIGHT_SET_PROPERTY)?;
                    cx.with("value", address);
                    let answer = cx.object_set_property(dumb, ZX_PROP_NAME, b"name")?;
                    answer.is(ZX_ERR_ACCESS_DENIED)?;
                    cx.with("value", address);
                    let answer = cx.object_set_property(Handle::Never, ZX_PROP_NAME, b"name")?;
                    answer.is(ZX_ERR_BAD_HANDLE).map(drop)
                },
            )
            .at(Level::Kernel);
    }
}

fn empty(suite: &mut Suite) {
    for (row, size) in [("0", 0), ("4", 4), ("32", 32)] {
        suite.test(
            format!("null_comes_before_the_handle::{row}"),
            &["OBJ-SETPROP-04"],
            &[Properties, Handles, Info],
            move |cx| {
                let vmo = cx.create(PAGE)?;
                cx.set_name(vmo, b"stays")?;
                let dumb = cx.duplicate_without(vmo, ZX_RIGHT_SET_PROPERTY)?;
                for handle in [Handle::Never, Handle::Invalid, dumb, vmo] {
                    for property in [ZX_PROP_NAME, 100] {
                        cx.with("value", Address::Null);
                        let answer = cx.object_set_property_sized(handle, property, b"", size)?;
                        answer.is(ZX_ERR_INVALID_ARGS)?;
                    }
                }
                cx.expect_name(vmo, b"stays")
            },
        );
    }

    for &(row, address) in BAD.iter().filter(|(_, address)| *address != Address::Unmapped) {
        suite.test(
            format!("size_0_still_needs_a_user_address::{row}"),
            &["OBJ-SETPROP-17"],
            &[Properties],
            move |cx| {
                let vmo = cx.create(PAGE)?;
                cx.set_name(vmo, b"stays")?;
                cx.with("value", address);
                let answer = cx.object_set_property_sized(vmo, ZX_PROP_NAME, b"", 0)?;
                answer.is(ZX_ERR_INVALID_ARGS)?;
                cx.expect_name(vmo, b"stays")
            },
        );
    }

    suite.test("size_0_reads_nothing", &["OBJ-SETPROP-17"], &[Properties], |cx| {
        let vmo = cx.create(PAGE)?;
        for address in [Address::Unmapped, Address::Straddle(0)] {
            cx.set_name(vmo, b"before")?;
            cx.with("value", address);
            cx.object_set_property_sized(vmo, ZX_PROP_NAME, b"", 0)?.ok()?;
            cx.expect_name(vmo, b"")?;
        }
        Ok(())
    });
}
