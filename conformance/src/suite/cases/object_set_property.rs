//! `object_set_property`: naming a VMO, and what is refused.

mod names;
mod numbers;
mod pointers;

use vmo_abi::Capability::{CachePolicy, Clone, Handles, Info, Properties, Signals};
use vmo_abi::{ZX_ERR_ACCESS_DENIED, ZX_PROP_NAME, ZX_RIGHT_SAME_RIGHTS, ZX_RIGHT_SET_PROPERTY};

use super::handle_duplicate::{VMO_RIGHTS, level_of};
use crate::suite::{PAGE, Suite};

pub(super) fn add(suite: &mut Suite) {
    names::add(suite);
    pointers::add(suite);
    numbers::add(suite);
    ownership(suite);
    rights(suite);
}

fn ownership(suite: &mut Suite) {
    suite.test(
        "the_name_belongs_to_the_object",
        &["OBJ-SETPROP-12"],
        &[Properties, Handles],
        |cx| {
            let vmo = cx.create(PAGE)?;
            let second = cx.duplicate_same(vmo)?;
            cx.set_name(second, b"shared")?;
            cx.expect_name(vmo, b"shared")?;
            cx.close(second)?;
            cx.expect_name(vmo, b"shared")?;
            let third = cx.duplicate_same(vmo)?;
            cx.expect_name(third, b"shared")?;
            let other = cx.handle_replace(vmo, ZX_RIGHT_SAME_RIGHTS)?.ok()?.handle(0);
            cx.expect_name(other, b"shared")?;
            cx.set_name(other, b"again")?;
            cx.expect_name(third, b"again")
        },
    );

    suite.test("objects_have_their_own_names", &["OBJ-SETPROP-12"], &[Properties], |cx| {
        let mut vmos = Vec::new();
        for number in 0..20 {
            let vmo = cx.create(PAGE)?;
            cx.set_name(vmo, format!("vmo {number}").as_bytes())?;
            vmos.push(vmo);
        }
        for (number, vmo) in vmos.iter().enumerate() {
            cx.expect_name(*vmo, format!("vmo {number}").as_bytes())?;
        }
        // Names need not differ, either.
        for vmo in &vmos {
            cx.set_name(*vmo, b"the same")?;
        }
        for vmo in vmos {
            cx.expect_name(vmo, b"the same")?;
        }
        Ok(())
    });

    suite.test("a_clone_has_its_own_name", &["OBJ-SETPROP-12"], &[Properties, Clone], |cx| {
        let vmo = cx.create(PAGE)?;
        let clone = cx.clone_of(vmo, 0, PAGE)?;
        cx.set_name(vmo, b"parent")?;
        cx.set_name(clone, b"child")?;
        cx.expect_name(vmo, b"parent")?;
        cx.expect_name(clone, b"child")
    });

    suite.test(
        "a_name_changes_nothing_else",
        &["OBJ-SETPROP-16"],
        &[Properties, Info, Signals, Clone],
        |cx| {
            let vmo = cx.create_filled(2 * PAGE, 0x41)?;
            cx.object_signal(vmo, 0, 0x3300_0000)?.ok()?;
            cx.clone_of(vmo, 0, PAGE)?;
            let before = cx.snapshot(vmo)?;
            cx.set_name(vmo, &[b'x'; 31])?;
            cx.set_name(vmo, b"name")?;
            cx.set_name(vmo, b"")?;
            cx.expect_unchanged(vmo, &before)
        },
    );

    suite.test("a_name_commits_nothing", &["OBJ-SETPROP-16"], &[Properties, CachePolicy], |cx| {
        let vmo = cx.create(PAGE)?;
        cx.set_name(vmo, b"name")?;
        cx.expect_nothing_committed(vmo)
    });
}

fn rights(suite: &mut Suite) {
    suite.test("needs_set_property", &["OBJ-SETPROP-02"], &[Properties, Handles, Info], |cx| {
        let vmo = cx.create(PAGE)?;
        cx.set_name(vmo, b"stays")?;
        let dumb = cx.duplicate_without(vmo, ZX_RIGHT_SET_PROPERTY)?;
        cx.object_set_property(dumb, ZX_PROP_NAME, b"new")?.is(ZX_ERR_ACCESS_DENIED)?;
        cx.object_set_property(dumb, ZX_PROP_NAME, b"")?.is(ZX_ERR_ACCESS_DENIED)?;
        cx.expect_name(vmo, b"stays")?;
        let just = cx.duplicate(vmo, ZX_RIGHT_SET_PROPERTY)?;
        cx.set_name(just, b"new")?;
        cx.expect_name(vmo, b"new")
    });

    for &(row, right) in VMO_RIGHTS.iter().filter(|(_, right)| *right != ZX_RIGHT_SET_PROPERTY) {
        suite
            .test(
                format!("another_right_is_not_enough::{row}"),
                &["OBJ-SETPROP-02"],
                &[Properties, Handles],
                move |cx| {
                    let vmo = cx.create(PAGE)?;
                    cx.set_name(vmo, b"stays")?;
                    let other = cx.duplicate(vmo, right)?;
                    cx.object_set_property(other, ZX_PROP_NAME, b"new")?
                        .is(ZX_ERR_ACCESS_DENIED)?;
                    cx.expect_name(vmo, b"stays")
                },
            )
            .at(level_of(right));
    }
}
