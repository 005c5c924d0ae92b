//! Calls for which no type is wrong: on VMOs and on everything else.

use vmo_abi::Capability::{self, Handles, Info, Signals};
use vmo_abi::{
    Syscall, ZX_ERR_ACCESS_DENIED, ZX_ERR_BAD_HANDLE, ZX_ERR_TIMED_OUT, ZX_INFO_HANDLE_BASIC,
    ZX_OBJ_TYPE_CHANNEL, ZX_OBJ_TYPE_EVENT, ZX_OBJ_TYPE_PORT, ZX_OBJ_TYPE_VMAR, ZX_OBJ_TYPE_VMO,
    ZX_OK, ZX_RIGHT_DUPLICATE, ZX_RIGHT_READ, ZX_RIGHT_SAME_RIGHTS, ZX_RIGHT_SIGNAL, ZX_RIGHT_WAIT,
    ZX_USER_SIGNAL_3,
};

use super::{Clauses, KINDS, Kind};
use crate::program::Handle;
use crate::suite::cases::prototypes::{Object, prototypes};
use crate::suite::{Checked, Context, Deadline, Suite};

/// A call that takes any object.
struct Row {
    name: &'static str,
    clauses: Clauses,
    needs: &'static [Capability],
    check: fn(&mut Context<'_>, &Kind, Handle) -> Checked,
}

fn object_type(kind: &Kind) -> u32 {
    match kind.name {
        "event" => ZX_OBJ_TYPE_EVENT,
        "port" => ZX_OBJ_TYPE_PORT,
        "channel" => ZX_OBJ_TYPE_CHANNEL,
        "vmo" => ZX_OBJ_TYPE_VMO,
        _ => ZX_OBJ_TYPE_VMAR,
    }
}

const ROWS: &[Row] = &[
    Row {
        name: "handle_duplicate",
        clauses: &["HANDLE-DUP-01", "HANDLE-DUP-08"],
        needs: &[Handles],
        check: |cx, kind, object| {
            let answer = cx.handle_duplicate(object, ZX_RIGHT_SAME_RIGHTS)?;
            let allowed = kind.rights & ZX_RIGHT_DUPLICATE != 0;
            answer.is(if allowed { ZX_OK } else { ZX_ERR_ACCESS_DENIED })?;
            cx.close(object)
        },
    },
    Row {
        name: "handle_replace",
        clauses: &["HANDLE-REPLACE-01"],
        needs: &[Handles],
        check: |cx, _, object| {
            let second = cx.handle_replace(object, ZX_RIGHT_SAME_RIGHTS)?.ok()?.handle(0);
            cx.handle_close(object)?.is(ZX_ERR_BAD_HANDLE)?;
            cx.close(second)
        },
    },
    Row {
        name: "handle_close",
        clauses: &["HANDLE-CLOSE-01"],
        needs: &[],
        check: |cx, _, object| {
            cx.close(object)?;
            cx.handle_close(object)?.is(ZX_ERR_BAD_HANDLE).map(drop)
        },
    },
    Row {
        name: "handle_close_many",
        clauses: &["HANDLE-CLOSE-09"],
        needs: &[Handles],
        check: |cx, _, object| {
            let vmo = cx.create(0)?;
            cx.handle_close_many(&[vmo, object])?.ok()?;
            cx.handle_close(object)?.is(ZX_ERR_BAD_HANDLE).map(drop)
        },
    },
    Row {
        name: "object_get_info_valid",
        clauses: &["OBJ-INFO-01"],
        needs: &[Info],
        check: |cx, _, object| {
            cx.expect_valid(object, true)?;
            cx.close(object)?;
            cx.expect_valid(object, false)
        },
    },
    Row {
        name: "object_get_info_basic",
        clauses: &["OBJ-INFO-03"],
        needs: &[Info],
        check: |cx, kind, object| {
            let answer = cx.object_get_info(object, ZX_INFO_HANDLE_BASIC, 32)?.ok()?;
            let info = answer.basic_info()?;
            let expected = object_type(kind);
            cx.expect(info.type_ == expected, format!("type {expected}"), info.type_)?;
            cx.expect(info.koid != 0, "a koid", info.koid)
        },
    },
    Row {
        name: "object_get_info_count",
        clauses: &["OBJ-INFO-18"],
        needs: &[Info],
        check: |cx, kind, object| {
            cx.expect(kind.rights & ZX_RIGHT_READ != 0, "READ by default", "no READ")?;
            let count = cx.handle_count(object)?;
            cx.expect(count == 1, "1 handle", count)
        },
    },
    Row {
        name: "object_wait_one",
        clauses: &["OBJ-WAIT-12"],
        needs: &[Signals],
        check: |cx, kind, object| {
            let allowed = kind.rights & ZX_RIGHT_WAIT != 0;
            let answer = cx.object_wait_one(object, 0, Deadline::At(0))?;
            answer.is(if allowed { ZX_ERR_TIMED_OUT } else { ZX_ERR_ACCESS_DENIED }).map(drop)
        },
    },
    Row {
        name: "object_signal",
        clauses: &["OBJ-SIGNAL-06"],
        needs: &[Signals],
        check: |cx, kind, object| {
            let allowed = kind.rights & ZX_RIGHT_SIGNAL != 0;
            let answer = cx.object_signal(object, 0, ZX_USER_SIGNAL_3)?;
            answer.is(if allowed { ZX_OK } else { ZX_ERR_ACCESS_DENIED })?;
            if !allowed {
                return Ok(());
            }
            let signals = cx.signals(object)?;
            let is_set = signals & ZX_USER_SIGNAL_3 != 0;
            cx.expect(is_set, "the signal active", format!("{signals:#x}"))
        },
    },
];

pub(super) fn add(suite: &mut Suite) {
    for row in ROWS {
        // The process and its root region are needed for the tests themselves.
        let made = KINDS.iter().filter(|kind| !["process", "root_vmar"].contains(&kind.name));
        for kind in made {
            let needs: Vec<_> = row.needs.iter().chain(kind.needs).copied().collect();
            suite.test(
                format!("any_object::{}::{}", row.name, kind.name),
                row.clauses,
                &needs,
                move |cx| {
                    let object = (kind.make)(cx)?;
                    (row.check)(cx, kind, object)
                },
            );
        }
    }

    let untyped = prototypes().filter(|prototype| {
        prototype.object == Object::Vmo
            && prototype.wrong_type.is_empty()
            && prototype.syscall != Syscall::object_wait_many
    });
    for prototype in untyped {
        suite.test(
            format!("{}::takes_a_vmo", prototype.name),
            &["TYPE-07"],
            &prototype.needs_and_effect(&[]),
            move |cx| {
                let vmo = prototype.object.make(cx)?;
                let arguments = (prototype.arguments)(cx, vmo, vmo)?;
                let before = prototype.look(cx, vmo, &arguments)?;
                cx.call(prototype.syscall, arguments.clone())?.ok()?;
                let after = prototype.look(cx, vmo, &arguments)?;
                let holds = (before != after) == prototype.effect.shows;
                cx.expect(holds, "the effect of the call", "another")
            },
        );
    }
}
