//! Rights that `vmo_clone` needs, and rights of the handle that it gives.

use vmo_abi::Capability::{
    Clone, Handles, Info, Mapping, OtherObjects, Properties, Regions, Signals,
};
use vmo_abi::{
    RIGHTS, ZX_DEFAULT_VMO_RIGHTS, ZX_ERR_ACCESS_DENIED, ZX_ERR_BAD_HANDLE, ZX_ERR_WRONG_TYPE,
    ZX_RIGHT_DUPLICATE, ZX_RIGHT_EXECUTE, ZX_RIGHT_GET_PROPERTY, ZX_RIGHT_MAP, ZX_RIGHT_NONE,
    ZX_RIGHT_READ, ZX_RIGHT_SET_PROPERTY, ZX_RIGHT_WAIT, ZX_RIGHT_WRITE, ZX_USER_SIGNAL_0,
    ZX_VMO_CLONE_COPY_ON_WRITE, zx_rights_t,
};

use crate::level::Level;
use crate::program::Handle;
use crate::suite::cases::copy_on_write::pages::{clone, create, put, shows};
use crate::suite::steps::PAGE;
use crate::suite::{Checked, Context, Deadline, READ_ONLY, Side, Suite};

/// What the call needs.
const NEEDED: zx_rights_t = ZX_RIGHT_DUPLICATE | ZX_RIGHT_READ;
/// The rights that the seed's page names.
const SEED_RIGHTS: zx_rights_t = 0xff;
/// What it adds.
const ADDED: zx_rights_t = ZX_RIGHT_WRITE | ZX_RIGHT_GET_PROPERTY | ZX_RIGHT_SET_PROPERTY;
/// What the page says it adds, too, and the kernel does not (C-07).
const TEMPORARY: zx_rights_t = ZX_RIGHT_EXECUTE | ZX_RIGHT_MAP;

pub(super) fn add(suite: &mut Suite) {
    add_handles(suite);
    add_needed(suite);
    add_given(suite);
    add_effects(suite);
}

/// Expects a refusal with this status.
fn refuse(cx: &mut Context<'_>, handle: Handle, status: i32) -> Checked {
    let answer = cx.vmo_clone(handle, ZX_VMO_CLONE_COPY_ON_WRITE, 0, PAGE)?;
    answer.is(status)?.untouched().map(drop)
}

fn add_handles(suite: &mut Suite) {
    for (name, handle) in
        [("0", Some(Handle::Invalid)), ("bit_31", Some(Handle::Never)), ("closed", None)]
    {
        suite
            .test(
                format!("bad_handle::{name}"),
                &["VMO-CLONE-03", "GEN-03", "HV-08"],
                &[Clone],
                move |cx| {
                    let handle = match handle {
                        Some(handle) => handle,
                        None => cx.closed_handle()?,
                    };
                    let answer = cx.vmo_clone(handle, ZX_VMO_CLONE_COPY_ON_WRITE, 0, PAGE)?;
                    answer.is(ZX_ERR_BAD_HANDLE)?.untouched()?;
                    cx.takes("C-09", Side::Kernel);
                    Ok(())
                },
            )
            .at(Level::Page);
    }

    suite.test("wrong_type::event", &["TYPE-03"], &[Clone, OtherObjects], |cx| {
        let event = cx.event()?;
        refuse(cx, event, ZX_ERR_WRONG_TYPE)
    });
    suite.test("wrong_type::port", &["TYPE-03"], &[Clone, OtherObjects], |cx| {
        let port = cx.port()?;
        refuse(cx, port, ZX_ERR_WRONG_TYPE)
    });
    suite.test("wrong_type::region", &["TYPE-03"], &[Clone, Regions], |cx| {
        refuse(cx, Handle::Region, ZX_ERR_WRONG_TYPE)
    });
    // A channel's handle has no DUPLICATE, and rights are judged first.
    suite.test("wrong_type::channel", &["TYPE-03"], &[Clone, OtherObjects], |cx| {
        let (near, _far) = cx.channel()?;
        refuse(cx, near, ZX_ERR_ACCESS_DENIED)
    });
    suite.test(
        "wrong_type::event_without_read",
        &["TYPE-03"],
        &[Clone, OtherObjects, Handles],
        |cx| {
            let event = cx.event()?;
            let blind = cx.duplicate(event, ZX_RIGHT_DUPLICATE)?;
            refuse(cx, blind, ZX_ERR_ACCESS_DENIED)
        },
    );
}

fn add_needed(suite: &mut Suite) {
    for (name, rights) in [
        ("none", ZX_RIGHT_NONE),
        ("duplicate_only", ZX_RIGHT_DUPLICATE),
        ("read_only", ZX_RIGHT_READ),
        ("all_but_duplicate", SEED_RIGHTS & !ZX_RIGHT_DUPLICATE),
        ("all_but_read", SEED_RIGHTS & !ZX_RIGHT_READ),
        ("all_but_both", SEED_RIGHTS & !NEEDED),
        ("read_and_write", ZX_RIGHT_READ | ZX_RIGHT_WRITE),
        ("duplicate_and_write", ZX_RIGHT_DUPLICATE | ZX_RIGHT_WRITE),
        ("read_and_map", ZX_RIGHT_READ | ZX_RIGHT_MAP),
    ] {
        suite.test(
            format!("needs_duplicate_and_read::{name}"),
            &["VMO-CLONE-04", "VMO-CLONE-05"],
            &[Clone, Handles],
            move |cx| {
                let vmo = create(cx, "a")?;
                let fewer = cx.duplicate(vmo, rights)?;
                refuse(cx, fewer, ZX_ERR_ACCESS_DENIED)?;
                shows(cx, vmo, "a")
            },
        );
    }

    suite.test("duplicate_and_read_are_enough", &["VMO-CLONE-05"], &[Clone, Handles], |cx| {
        let vmo = create(cx, "a")?;
        let fewer = cx.duplicate(vmo, NEEDED)?;
        let copy = clone(cx, fewer, 0, 1)?;
        shows(cx, copy, "a")
    });

    suite.test(
        "the_handle_used_decides_not_another_of_the_vmo",
        &["VMO-CLONE-04", "HV-09"],
        &[Clone, Handles],
        |cx| {
            let vmo = create(cx, "a")?;
            let blind = cx.duplicate(vmo, SEED_RIGHTS & !ZX_RIGHT_READ)?;
            clone(cx, vmo, 0, 1)?;
            refuse(cx, blind, ZX_ERR_ACCESS_DENIED)
        },
    );

    suite.test(
        "a_refusal_for_rights_changes_nothing",
        &["VMO-CLONE-04", "SIG-ZC-17"],
        &[Clone, Handles, Info, Properties, Signals],
        |cx| {
            let vmo = create(cx, "a")?;
            let blind = cx.duplicate(vmo, SEED_RIGHTS & !ZX_RIGHT_READ)?;
            cx.expect_refusal(vmo, ZX_ERR_ACCESS_DENIED, |cx| {
                cx.vmo_clone(blind, ZX_VMO_CLONE_COPY_ON_WRITE, 0, PAGE)
            })
        },
    );
}

/// Clones through a handle with these rights and expects the rights of what
/// comes of it.
fn expect_given(cx: &mut Context<'_>, vmo: Handle, rights: zx_rights_t) -> Checked {
    let source = cx.duplicate(vmo, rights)?;
    let copy = clone(cx, source, 0, 1)?;
    let given = cx.rights(copy)?;
    // The pages have EXECUTE and MAP added; only beyond them they are open.
    let (expected, open) = match cx.level() {
        Level::Kernel => (rights | ADDED, 0),
        _ => (rights | ADDED, TEMPORARY),
    };
    cx.expect(
        given & !open == expected & !open && given & expected == expected,
        format!("rights {expected:#x} from {rights:#x}"),
        format!("rights {given:#x}"),
    )?;
    cx.close(copy)?;
    cx.close(source)
}

fn add_given(suite: &mut Suite) {
    const GIVEN: &[&str] = &["VMO-CLONE-20", "VMO-CLONE-21", "VMO-CLONE-23"];
    const NEEDS: &[vmo_abi::Capability] = &[Clone, Handles, Info];

    for &(name, right) in RIGHTS {
        let right = right as zx_rights_t;
        if right & ZX_DEFAULT_VMO_RIGHTS & !NEEDED == 0 {
            continue;
        }
        let name = name.to_ascii_lowercase();
        suite.test(format!("rights_of_the_clone::all_but_{name}"), GIVEN, NEEDS, move |cx| {
            let vmo = cx.create(PAGE)?;
            let rights = cx.rights(vmo)? & ZX_DEFAULT_VMO_RIGHTS;
            expect_given(cx, vmo, rights & !right)
        });
        suite.test(format!("rights_of_the_clone::just_{name}"), GIVEN, NEEDS, move |cx| {
            let vmo = cx.create(PAGE)?;
            let right = right & cx.rights(vmo)?;
            expect_given(cx, vmo, NEEDED | right)
        });
    }
    suite.test("rights_of_the_clone::fewest", GIVEN, NEEDS, |cx| {
        let vmo = cx.create(PAGE)?;
        expect_given(cx, vmo, NEEDED)
    });
    suite.test("rights_of_the_clone::every_mask", GIVEN, NEEDS, |cx| {
        let vmo = cx.create(PAGE)?;
        let all = cx.rights(vmo)? & ZX_DEFAULT_VMO_RIGHTS;
        for rights in (0..=all).filter(|rights| rights & !all == 0) {
            if rights & NEEDED == NEEDED {
                expect_given(cx, vmo, rights)?;
            } else {
                let source = cx.duplicate(vmo, rights)?;
                refuse(cx, source, ZX_ERR_ACCESS_DENIED)?;
                cx.close(source)?;
            }
        }
        Ok(())
    });

    suite.test("rights_of_the_clone::default", &["VMO-CLONE-24"], &[Clone, Info], |cx| {
        let vmo = cx.create(PAGE)?;
        let copy = clone(cx, vmo, 0, 1)?;
        cx.expect_rights(copy, ZX_DEFAULT_VMO_RIGHTS)
    });

    suite.test("rights_of_a_clone_of_a_clone", GIVEN, NEEDS, |cx| {
        let vmo = cx.create(PAGE)?;
        let source = cx.duplicate(vmo, NEEDED | TEMPORARY)?;
        let first = clone(cx, source, 0, 1)?;
        let second = clone(cx, first, 0, 1)?;
        cx.expect_rights(second, NEEDED | TEMPORARY | ADDED)
    });

    suite.test("cloning_gives_the_source_handle_no_rights", GIVEN, NEEDS, |cx| {
        let vmo = cx.create(PAGE)?;
        let source = cx.duplicate(vmo, NEEDED)?;
        clone(cx, source, 0, 1)?;
        cx.expect_rights(source, NEEDED)?;
        cx.vmo_write(source, 0, b"x")?.is(ZX_ERR_ACCESS_DENIED).map(drop)
    });

    suite.test("execute_and_map_are_added_or_not", &["VMO-CLONE-22"], NEEDS, |cx| {
        let vmo = cx.create(PAGE)?;
        let source = cx.duplicate(vmo, NEEDED)?;
        let copy = clone(cx, source, 0, 1)?;
        let temporary = cx.rights(copy)? & TEMPORARY;
        let side = if temporary == 0 { Side::Kernel } else { Side::Page };
        cx.takes("C-07", side);
        let allowed = temporary == 0 || cx.level() != Level::Kernel && temporary == TEMPORARY;
        cx.expect(allowed, "both or none, by the kernel none", format!("{temporary:#x}"))
    });

    // Zircon's own tests insist on the kernel's side.
    suite.test("get_property_and_set_property_are_added", &["VMO-CLONE-21"], NEEDS, |cx| {
        let vmo = cx.create(PAGE)?;
        let source = cx.duplicate(vmo, NEEDED)?;
        let copy = clone(cx, source, 0, 1)?;
        let both = ZX_RIGHT_GET_PROPERTY | ZX_RIGHT_SET_PROPERTY;
        let added = cx.rights(copy)? & both;
        cx.takes("C-08", if added == both { Side::Kernel } else { Side::Page });
        cx.expect(added == both, format!("{both:#x} added"), format!("{added:#x}"))
    });
}

/// What the rights of the clone's handle let a program do.
fn add_effects(suite: &mut Suite) {
    suite.test(
        "a_clone_of_what_cannot_be_written_can_be",
        &["VMO-CLONE-20", "COW-05"],
        &[Clone, Handles],
        |cx| {
            let vmo = create(cx, "ab")?;
            let source = cx.duplicate(vmo, NEEDED)?;
            let copy = clone(cx, source, 0, 2)?;
            put(cx, copy, 1, 'x')?;
            shows(cx, copy, "ax")?;
            shows(cx, vmo, "ab")?;
            cx.resize(copy, PAGE)?;
            cx.expect_size(copy, PAGE)
        },
    );

    suite.test(
        "a_clone_can_be_named_though_its_source_cannot",
        &["VMO-CLONE-21"],
        &[Clone, Handles, Properties],
        |cx| {
            let vmo = cx.create(PAGE)?;
            let source = cx.duplicate(vmo, NEEDED)?;
            let copy = clone(cx, source, 0, 1)?;
            cx.set_name(copy, b"mine")?;
            cx.expect_name(copy, b"mine")
        },
    );

    suite.test(
        "a_clone_lacks_map_like_its_source",
        &["VMO-CLONE-21", "VMO-CLONE-23", "VMAR-MAP-06"],
        &[Clone, Handles, Mapping],
        |cx| {
            let vmo = cx.create(PAGE)?;
            let source = cx.duplicate(vmo, NEEDED)?;
            let copy = clone(cx, source, 0, 1)?;
            let answer = cx.vmar_map(Handle::Region, 0, copy, 0, PAGE, READ_ONLY)?;
            answer.is(ZX_ERR_ACCESS_DENIED)?.untouched().map(drop)
        },
    );

    suite.test(
        "a_clone_lacks_wait_like_its_source",
        &["VMO-CLONE-23"],
        &[Clone, Handles, Signals],
        |cx| {
            let vmo = cx.create(PAGE)?;
            let source = cx.duplicate(vmo, SEED_RIGHTS)?;
            let copy = clone(cx, source, 0, 1)?;
            let answer = cx.object_wait_one(copy, ZX_USER_SIGNAL_0, Deadline::At(0))?;
            answer.is(ZX_ERR_ACCESS_DENIED).map(drop)
        },
    );

    suite.test(
        "a_clone_lacks_signal_like_its_source",
        &["VMO-CLONE-23"],
        &[Clone, Handles, Signals],
        |cx| {
            let vmo = cx.create(PAGE)?;
            let source = cx.duplicate(vmo, SEED_RIGHTS | ZX_RIGHT_WAIT)?;
            let copy = clone(cx, source, 0, 1)?;
            cx.object_signal(copy, 0, ZX_USER_SIGNAL_0)?.is(ZX_ERR_ACCESS_DENIED)?;
            cx.expect_signal(copy, ZX_USER_SIGNAL_0, false)
        },
    );

    suite.test(
        "what_a_clone_lacks_no_duplicate_of_it_has",
        &["VMO-CLONE-23", "HANDLE-DUP-05"],
        &[Clone, Handles],
        |cx| {
            let vmo = cx.create(PAGE)?;
            let source = cx.duplicate(vmo, NEEDED)?;
            let copy = clone(cx, source, 0, 1)?;
            let answer = cx.handle_duplicate(copy, vmo_abi::ZX_RIGHT_TRANSFER)?;
            answer.is(vmo_abi::ZX_ERR_INVALID_ARGS)?.untouched().map(drop)
        },
    );
}
