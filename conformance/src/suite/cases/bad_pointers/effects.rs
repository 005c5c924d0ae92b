//! What a call with a bad pointer leaves behind: nothing.

use vmo_abi::Capability::{Handles, Info};
use vmo_abi::{Syscall, ZX_ERR_BAD_HANDLE, ZX_ERR_INVALID_ARGS, ZX_RIGHT_SAME_RIGHTS};

use super::{Pointer, pointers};
use crate::program::{Address, Value};
use crate::suite::cases::prototypes::Clauses;
use crate::suite::{Checked, Context, PAGE, Suite};

/// The clauses that say that nothing has changed, for calls that change
/// something when the pointer is good.
fn clauses_of(pointer: Pointer) -> Option<Clauses> {
    Some(match pointer.prototype.syscall {
        Syscall::vmo_write => &["VMO-WRITE-14"],
        Syscall::vmo_clone => &["VMO-CLONE-16", "SIG-ZC-17", "GEN-05"],
        Syscall::vmar_map => &["VMAR-MAP-35"],
        Syscall::handle_duplicate => &["HANDLE-DUP-12", "GEN-05"],
        Syscall::object_set_property => &["OBJ-SETPROP-05"],
        _ => return None,
    })
}

pub(super) fn add(suite: &mut Suite) {
    for pointer in pointers() {
        let Some(clauses) = clauses_of(pointer) else { continue };
        let mut rows = vec![
            ("null", Address::Null),
            ("kernel", Address::Kernel),
            ("unmapped", Address::Unmapped),
            ("straddling", Address::Straddle(pointer.size() - 1)),
        ];
        if !pointer.is_input() {
            rows.push(("readonly", Address::ReadOnly));
        }
        for (row, address) in rows {
            suite.test(
                pointer.case(&format!("nothing_changes::{row}")),
                clauses,
                &pointer.prototype.needs_and_effect(&[]),
                move |cx| refuse_and_repeat(cx, pointer, address),
            );
        }
    }

    for (row, address) in [
        ("null", Address::Null),
        ("readonly", Address::ReadOnly),
        ("straddling", Address::Straddle(3)),
    ] {
        suite.test(
            format!("handle_replace::the_handle_is_gone::{row}"),
            &["HANDLE-REPLACE-06"],
            &[Handles, Info],
            move |cx| {
                let vmo = cx.create(PAGE)?;
                let second = cx.duplicate_same(vmo)?;
                let answer =
                    cx.with("out", address).handle_replace(second, ZX_RIGHT_SAME_RIGHTS)?;
                answer.is(ZX_ERR_INVALID_ARGS)?;
                cx.vmo_get_size(second)?.is(ZX_ERR_BAD_HANDLE)?;
                let count = cx.handle_count(vmo)?;
                cx.expect(count == 1, "1 handle", count)
            },
        );
    }
}

/// A refused call changes nothing, and with a good pointer it then does what it
/// is for.
fn refuse_and_repeat(cx: &mut Context<'_>, pointer: Pointer, address: Address) -> Checked {
    let prototype = pointer.prototype;
    let object = prototype.object.make(cx)?;
    let good = (prototype.arguments)(cx, object, object)?;
    let before = prototype.look(cx, object, &good)?;
    let mut arguments = good.clone();
    arguments[pointer.position] = Value::Address(address);
    let answer = cx.call(prototype.syscall, arguments)?.is(ZX_ERR_INVALID_ARGS)?;
    answer.untouched()?;
    let after = prototype.look(cx, object, &good)?;
    cx.expect(before == after, "everything as before", "something changed")?;
    cx.call(prototype.syscall, good.clone())?.ok()?;
    let done = prototype.look(cx, object, &good)?;
    cx.expect(after != done, "the effect of the call", "none")
}
