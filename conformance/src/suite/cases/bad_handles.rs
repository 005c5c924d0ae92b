//! Values that name no handle, for every call and every handle argument.

use vmo_abi::Capability::{self, Handles, Mapping};
use vmo_abi::{
    Syscall, ZX_ERR_BAD_HANDLE, ZX_ERR_INVALID_ARGS, ZX_OK, ZX_RIGHT_SAME_RIGHTS, zx_status_t,
};

use super::prototypes::{Prototype, prototypes};
use crate::program::{Handle, Value};
use crate::suite::{Checked, Context, PAGE, Suite};

/// A value that names no handle.
type Make = fn(&mut Context<'_>) -> Checked<Handle>;

/// Values that name no handle, and what making them needs.
const VALUES: &[(&str, &[Capability], Make)] = &[
    ("zero", &[], |_| Ok(Handle::Invalid)),
    ("never", &[], |_| Ok(Handle::Never)),
    ("never_issued", &[], |_| Ok(Handle::Literal(0x8000_0000))),
    ("closed", &[], |cx| cx.closed_handle()),
    ("closed_by_close_many", &[Handles], |cx| {
        let vmo = cx.create(0)?;
        cx.handle_close_many(&[vmo])?.ok()?;
        Ok(vmo)
    }),
    ("closed_by_failing_close_many", &[Handles], |cx| {
        let vmo = cx.create(0)?;
        cx.handle_close_many(&[Handle::Never, vmo])?.is(ZX_ERR_BAD_HANDLE)?;
        Ok(vmo)
    }),
    ("replaced", &[Handles], |cx| {
        let vmo = cx.create(0)?;
        cx.handle_replace(vmo, ZX_RIGHT_SAME_RIGHTS)?.ok()?;
        Ok(vmo)
    }),
    ("lost_to_a_failing_replace", &[Handles], |cx| {
        let vmo = cx.create(0)?;
        cx.handle_replace(vmo, 1 << 16)?.is(ZX_ERR_INVALID_ARGS)?;
        Ok(vmo)
    }),
    ("closed_duplicate", &[Handles], |cx| {
        let vmo = cx.create(0)?;
        let second = cx.duplicate_same(vmo)?;
        cx.close(second)?;
        Ok(second)
    }),
];

/// What a call answers to a value: closing 0 is fine (HANDLE-CLOSE-02,
/// HANDLE-CLOSE-11).
fn answer_to(syscall: Syscall, value: Handle) -> zx_status_t {
    let closes = matches!(syscall, Syscall::handle_close | Syscall::handle_close_many);
    if closes && value == Handle::Invalid { ZX_OK } else { ZX_ERR_BAD_HANDLE }
}

pub(super) fn add(suite: &mut Suite) {
    for prototype in prototypes() {
        add_values(suite, prototype);
        add_effects(suite, prototype);
        add_neighbors(suite, prototype);
    }
    add_both(suite);
}

fn add_values(suite: &mut Suite, prototype: &'static Prototype) {
    for &(name, more, make) in VALUES {
        let is_zero = name == "zero";
        let closing_0 = is_zero && answer_to(prototype.syscall, Handle::Invalid) == ZX_OK;
        let clauses = match prototype.syscall {
            Syscall::handle_close if closing_0 => &["HANDLE-CLOSE-02"],
            Syscall::handle_close_many if closing_0 => &["HANDLE-CLOSE-11"],
            _ if is_zero => prototype.bad_handle.zero,
            _ => prototype.bad_handle.any,
        };
        suite.test(
            format!("{}::{name}", prototype.name),
            clauses,
            &prototype.needs_and(more),
            move |cx| {
                let object = prototype.object.make(cx)?;
                let mut arguments = (prototype.arguments)(cx, object, object)?;
                if prototype.needs.contains(&Mapping) {
                    cx.use_region()?;
                }
                let bad = make(cx)?;
                prototype.put(&mut arguments, bad);
                let expected = answer_to(prototype.syscall, bad);
                let answer = cx.call(prototype.syscall, arguments)?.is(expected)?;
                answer.untouched().map(drop)
            },
        );
    }
}

/// A call on a value that names nothing does nothing to anything else, and the
/// good handle works afterwards.
fn add_effects(suite: &mut Suite, prototype: &'static Prototype) {
    for &(name, more, make) in VALUES.iter().filter(|(name, ..)| ["zero", "closed"].contains(name))
    {
        let clauses = match prototype.syscall {
            Syscall::handle_close_many => &["HANDLE-CLOSE-09", "HANDLE-CLOSE-11"],
            _ => prototype.bad_handle.any,
        };
        suite.test(
            format!("{}::nothing_else_changes::{name}", prototype.name),
            clauses,
            &prototype.needs_and_effect(more),
            move |cx| {
                let object = prototype.object.make(cx)?;
                let good = (prototype.arguments)(cx, object, object)?;
                let before = prototype.look(cx, object, &good)?;
                if prototype.needs.contains(&Mapping) {
                    cx.use_region()?;
                }
                let bad = make(cx)?;
                let mut arguments = good.clone();
                prototype.put(&mut arguments, bad);
                let expected = answer_to(prototype.syscall, bad);
                cx.call(prototype.syscall, arguments)?.is(expected)?;
                let after = prototype.look(cx, object, &good)?;
                cx.expect(before == after, "everything as before", "something changed")?;
                if prototype.syscall == Syscall::handle_close_many {
                    return expect_others_closed(cx, object, &good[0]);
                }
                cx.call(prototype.syscall, good)?.ok().map(drop)
            },
        );
    }
}

/// `handle_close_many` has closed all the other handles of the array.
fn expect_others_closed(cx: &mut Context<'_>, object: Handle, array: &Value) -> Checked {
    if let Value::Handles(handles) = array {
        for handle in handles.iter().filter(|handle| **handle != object) {
            cx.vmo_get_size(*handle)?.is(ZX_ERR_BAD_HANDLE)?;
        }
    }
    cx.close(object)
}

/// Live handles do not answer to other values: what one bit more names is no
/// handle, although the live handle is right beside it.
fn add_neighbors(suite: &mut Suite, prototype: &'static Prototype) {
    suite.test(
        format!("{}::live_with_bit_31", prototype.name),
        &["HV-07"],
        &prototype.needs_and(&[]),
        move |cx| {
            let object = prototype.object.make(cx)?;
            let mut arguments = (prototype.arguments)(cx, object, object)?;
            let value = cx.handle_value(object);
            prototype.put(&mut arguments, Handle::Literal(value | 1 << 31));
            let answer = cx.call(prototype.syscall, arguments)?.is(ZX_ERR_BAD_HANDLE)?;
            answer.untouched().map(drop)
        },
    );
}

/// Both handles of `vmar_map`, and values that are reached although they look
/// different.
fn add_both(suite: &mut Suite) {
    use vmo_abi::Capability::{Mapping, Regions};
    for (name, region, vmo) in [
        ("zeros", Handle::Invalid, Handle::Invalid),
        ("nevers", Handle::Never, Handle::Never),
        ("zero_and_never", Handle::Invalid, Handle::Never),
    ] {
        suite.test(
            format!("vmar_map_both::{name}"),
            &["VMAR-MAP-02", "GEN-03"],
            &[Mapping, Regions],
            move |cx| {
                let answer = cx.vmar_map(region, 0, vmo, 0, PAGE, 1)?;
                let answer = answer.is(ZX_ERR_BAD_HANDLE)?;
                answer.untouched().map(drop)
            },
        );
    }

    suite.test("bit_0_of_a_value_is_ignored", &["HV-06"], &[], |cx| {
        let vmo = cx.create(PAGE)?;
        let even = Handle::Literal(cx.handle_value(vmo) & !1);
        cx.vmo_get_size(even)?.ok()?.word_is(1, PAGE)?;
        cx.close(even)?;
        cx.vmo_get_size(vmo)?.is(ZX_ERR_BAD_HANDLE).map(drop)
    });

    suite.test("every_entry_is_bad", &["HANDLE-CLOSE-10"], &[Handles], |cx| {
        let closed = cx.closed_handle()?;
        let answer = cx.handle_close_many(&[Handle::Never, closed, Handle::Literal(1 << 31)])?;
        answer.is(ZX_ERR_BAD_HANDLE).map(drop)
    });
}
