//! The rights of a fresh handle, and what each permits.

use vmo_abi::Capability::{Handles, Info, Mapping, Properties};
use vmo_abi::{
    RIGHTS, ZX_DEFAULT_VMO_RIGHTS, ZX_ERR_ACCESS_DENIED, ZX_PROP_NAME, ZX_RIGHT_DUPLICATE,
    ZX_RIGHT_EXECUTE, ZX_RIGHT_GET_PROPERTY, ZX_RIGHT_MAP, ZX_RIGHT_READ, ZX_RIGHT_SAME_RIGHTS,
    ZX_RIGHT_SET_PROPERTY, ZX_RIGHT_TRANSFER, ZX_RIGHT_WAIT, ZX_RIGHT_WRITE,
    ZX_VM_FLAG_PERM_EXECUTE, zx_rights_t,
};

use super::LISTED_RIGHTS;
use crate::level::Level;
use crate::program::Handle;
use crate::suite::{Checked, Context, PAGE, READ_ONLY, READ_WRITE, Side, Suite};

const READ_EXECUTE: u32 = READ_ONLY | ZX_VM_FLAG_PERM_EXECUTE;

/// The rights that the seed page lists, each with its clause.
const RIGHTS_OF_THE_SEED: &[(&str, &[&str], zx_rights_t)] = &[
    ("duplicate", &["VMO-CREATE-16"], ZX_RIGHT_DUPLICATE),
    ("transfer", &["VMO-CREATE-17"], ZX_RIGHT_TRANSFER),
    ("read", &["VMO-CREATE-18"], ZX_RIGHT_READ),
    ("write", &["VMO-CREATE-19"], ZX_RIGHT_WRITE),
    ("execute", &["VMO-CREATE-20"], ZX_RIGHT_EXECUTE),
    ("map", &["VMO-CREATE-21"], ZX_RIGHT_MAP),
    ("get_property", &["VMO-CREATE-22"], ZX_RIGHT_GET_PROPERTY),
    ("set_property", &["VMO-CREATE-23"], ZX_RIGHT_SET_PROPERTY),
];

/// Mapping flags, the clause about the right that they ask for, and the right.
const PERMISSIONS: &[(&str, &[&str], u32, zx_rights_t)] = &[
    ("read", &["VMO-CREATE-26"], READ_ONLY, ZX_RIGHT_READ),
    ("write", &["VMO-CREATE-27"], READ_WRITE, ZX_RIGHT_WRITE),
    ("execute", &["VMO-CREATE-28"], READ_EXECUTE, ZX_RIGHT_EXECUTE),
    ("map_for_reading", &["VMO-CREATE-29"], READ_ONLY, ZX_RIGHT_MAP),
    ("map_for_writing", &["VMO-CREATE-29"], READ_WRITE, ZX_RIGHT_MAP),
    ("map_for_executing", &["VMO-CREATE-29"], READ_EXECUTE, ZX_RIGHT_MAP),
];

fn expect_map_denied(cx: &mut Context<'_>, vmo: Handle, flags: u32) -> Checked {
    let answer = cx.vmar_map(Handle::Region, 0, vmo, 0, PAGE, flags)?;
    answer.is(ZX_ERR_ACCESS_DENIED).map(drop)
}

pub(super) fn add(suite: &mut Suite) {
    masks(suite);
    contents(suite);
    mappings(suite);
    handles_and_names(suite);
}

fn masks(suite: &mut Suite) {
    for &(name, clauses, right) in RIGHTS_OF_THE_SEED {
        suite.test(format!("fresh_handle_has::{name}"), clauses, &[Info], move |cx| {
            let vmo = cx.create(PAGE)?;
            let rights = cx.rights(vmo)?;
            cx.expect(rights & right != 0, format!("the right {name}"), format!("{rights:#x}"))
        });
        suite.test(format!("fresh_handle_can_pass_on::{name}"), clauses, &[Handles], move |cx| {
            let vmo = cx.create(PAGE)?;
            cx.duplicate(vmo, right).map(drop)
        });
    }

    // Without WAIT nobody could see the signal that the seed page promises.
    suite
        .test("has_the_listed_rights_and_wait", &["VMO-CREATE-24"], &[Info], |cx| {
            let vmo = cx.create(PAGE)?;
            let rights = cx.rights(vmo)?;
            let needed = LISTED_RIGHTS | ZX_RIGHT_WAIT;
            cx.expect(rights & needed == needed, format!("{needed:#x}"), format!("{rights:#x}"))?;
            let is_exact = rights == ZX_DEFAULT_VMO_RIGHTS;
            cx.takes("C-02", if is_exact { Side::Kernel } else { Side::Page });
            Ok(())
        })
        .at(Level::Page);

    suite.test("gives_exactly_the_default_rights", &["VMO-CREATE-24"], &[Info], |cx| {
        for size in [0, 1, PAGE, 1 << 32] {
            let vmo = cx.create(size)?;
            cx.expect_rights(vmo, ZX_DEFAULT_VMO_RIGHTS)?;
        }
        Ok(())
    });

    for &(name, right) in RIGHTS {
        let right = right as zx_rights_t;
        if right & (ZX_DEFAULT_VMO_RIGHTS | ZX_RIGHT_SAME_RIGHTS) != 0 {
            continue;
        }
        suite.test(
            format!("fresh_handle_lacks::{}", name.to_lowercase()),
            &["VMO-CREATE-25"],
            &[Info],
            move |cx| {
                let vmo = cx.create(PAGE)?;
                let rights = cx.rights(vmo)?;
                cx.expect(rights & right == 0, format!("no {name}"), format!("{rights:#x}"))
            },
        );
    }
}

fn contents(suite: &mut Suite) {
    suite.test("read_permits_reading", &["VMO-CREATE-26"], &[Handles], |cx| {
        let vmo = cx.create_filled(PAGE, 0x26)?;
        let with = cx.duplicate(vmo, LISTED_RIGHTS)?;
        cx.expect_fill(with, 0, PAGE, 0x26)?;
        let without = cx.duplicate(vmo, LISTED_RIGHTS & !ZX_RIGHT_READ)?;
        cx.vmo_read(without, 0, PAGE)?.is(ZX_ERR_ACCESS_DENIED).map(drop)
    });

    suite.test("read_does_not_permit_writing", &["VMO-CREATE-27"], &[Handles], |cx| {
        let vmo = cx.create_filled(PAGE, 0x27)?;
        let reader = cx.duplicate(vmo, LISTED_RIGHTS & !ZX_RIGHT_WRITE)?;
        cx.vmo_write(reader, 0, b"x")?.is(ZX_ERR_ACCESS_DENIED)?;
        cx.expect_fill(reader, 0, PAGE, 0x27)
    });

    suite.test("write_permits_writing", &["VMO-CREATE-27"], &[Handles], |cx| {
        let vmo = cx.create_filled(PAGE, 0x27)?;
        let writer = cx.duplicate(vmo, LISTED_RIGHTS & !ZX_RIGHT_READ)?;
        cx.write(writer, 1, b"new")?;
        cx.expect_bytes(vmo, 0, b"\x27new\x27")
    });

    suite.test("every_other_right_does_not_help", &["VMO-CREATE-26"], &[Handles], |cx| {
        let vmo = cx.create(PAGE)?;
        let rights = LISTED_RIGHTS & !(ZX_RIGHT_READ | ZX_RIGHT_WRITE);
        let neither = cx.duplicate(vmo, rights)?;
        cx.vmo_read(neither, 0, 1)?.is(ZX_ERR_ACCESS_DENIED)?;
        cx.vmo_write(neither, 0, b"x")?.is(ZX_ERR_ACCESS_DENIED)?;
        cx.expect_fill(vmo, 0, PAGE, 0)
    });
}

fn mappings(suite: &mut Suite) {
    for &(name, clauses, flags, right) in PERMISSIONS {
        suite.test(
            format!("right_permits_mapping::{name}"),
            clauses,
            &[Handles, Mapping],
            move |cx| {
                let vmo = cx.create_filled(PAGE, 0x29)?;
                let with = cx.duplicate(vmo, LISTED_RIGHTS)?;
                let address = cx.map(with, 0, PAGE, flags)?;
                cx.expect_load(address, &[0x29; 16])?;
                let without = cx.duplicate(vmo, LISTED_RIGHTS & !right)?;
                expect_map_denied(cx, without, flags)
            },
        );
    }

    suite.test("fresh_handle_maps_every_way", &["VMO-CREATE-29"], &[Mapping], |cx| {
        let vmo = cx.create_filled(PAGE, 0x29)?;
        for flags in [READ_ONLY, READ_WRITE, READ_EXECUTE, READ_WRITE | READ_EXECUTE] {
            let address = cx.map(vmo, 0, PAGE, flags)?;
            cx.expect_load(address, &[0x29; 4])?;
        }
        Ok(())
    });

    suite.test(
        "a_mapping_without_write_needs_no_write",
        &["VMO-CREATE-26", "VMO-CREATE-27"],
        &[Handles, Mapping],
        |cx| {
            let vmo = cx.create_filled(PAGE, 0x2a)?;
            let reader = cx.duplicate(vmo, LISTED_RIGHTS & !(ZX_RIGHT_WRITE | ZX_RIGHT_EXECUTE))?;
            let address = cx.map(reader, 0, PAGE, READ_ONLY)?;
            cx.expect_load(address, &[0x2a; 8])?;
            expect_map_denied(cx, reader, READ_WRITE)?;
            expect_map_denied(cx, reader, READ_EXECUTE)
        },
    );

    suite.test("write_permits_storing", &["VMO-CREATE-27"], &[Handles, Mapping], |cx| {
        let vmo = cx.create(PAGE)?;
        let with = cx.duplicate(vmo, LISTED_RIGHTS & !ZX_RIGHT_EXECUTE)?;
        let address = cx.map(with, 0, PAGE, READ_WRITE)?;
        cx.store_bytes(address, b"stored")?;
        cx.expect_bytes(vmo, 0, b"stored\0")
    });
}

fn handles_and_names(suite: &mut Suite) {
    suite.test("duplicate_permits_duplicating", &["VMO-CREATE-30"], &[Handles], |cx| {
        let vmo = cx.create_filled(PAGE, 0x30)?;
        let second = cx.duplicate_same(vmo)?;
        cx.expect_fill(second, 0, PAGE, 0x30)?;
        let last = cx.duplicate(vmo, LISTED_RIGHTS & !ZX_RIGHT_DUPLICATE)?;
        cx.handle_duplicate(last, ZX_RIGHT_SAME_RIGHTS)?.is(ZX_ERR_ACCESS_DENIED)?;
        cx.handle_duplicate(last, ZX_RIGHT_READ)?.is(ZX_ERR_ACCESS_DENIED)?;
        cx.expect_fill(last, 0, PAGE, 0x30)
    });

    suite.test("get_property_permits_asking", &["VMO-CREATE-32"], &[Handles, Properties], |cx| {
        let vmo = cx.create(PAGE)?;
        cx.set_name(vmo, b"name")?;
        let with = cx.duplicate(vmo, LISTED_RIGHTS & !ZX_RIGHT_SET_PROPERTY)?;
        cx.expect_name(with, b"name")?;
        let without = cx.duplicate(vmo, LISTED_RIGHTS & !ZX_RIGHT_GET_PROPERTY)?;
        let answer = cx.object_get_property(without, ZX_PROP_NAME, 32)?;
        answer.is(ZX_ERR_ACCESS_DENIED).map(drop)
    });

    suite.test("set_property_permits_setting", &["VMO-CREATE-33"], &[Handles, Properties], |cx| {
        let vmo = cx.create(PAGE)?;
        let with = cx.duplicate(vmo, LISTED_RIGHTS & !ZX_RIGHT_GET_PROPERTY)?;
        cx.set_name(with, b"first")?;
        let without = cx.duplicate(vmo, LISTED_RIGHTS & !ZX_RIGHT_SET_PROPERTY)?;
        let answer = cx.object_set_property(without, ZX_PROP_NAME, b"second")?;
        answer.is(ZX_ERR_ACCESS_DENIED)?;
        cx.expect_name(vmo, b"first")
    });

    suite.test("fresh_handle_has_a_settable_name", &["VMO-CREATE-33"], &[Properties], |cx| {
        let vmo = cx.create(PAGE)?;
        cx.set_name(vmo, b"fresh")?;
        cx.expect_name(vmo, b"fresh")
    });
}
