//! `handle_duplicate` and `handle_replace`.

use vmo_abi::{
    ZX_ERR_BAD_HANDLE, ZX_ERR_INVALID_ARGS, ZX_RIGHT_DUPLICATE, ZX_RIGHT_SAME_RIGHTS, zx_rights_t,
};

use super::results::{new_handle, spoil};
use crate::oracle::clause::{Clause, clause};
use crate::oracle::context::{Context, Judged};
use crate::oracle::event::{CallEvent, Stored};
use crate::oracle::handles::{Entry, Origin, Rights};
use crate::oracle::memory::Access;
use crate::oracle::state::State;

/// Asks for rights that the source handle has to have.
fn subset(cx: &mut Context<'_>, entry: &Entry, rights: zx_rights_t, clause: Clause) {
    if rights != ZX_RIGHT_SAME_RIGHTS {
        cx.must(rights & !entry.rights.may != 0, ZX_ERR_INVALID_ARGS, clause);
        cx.may(rights & !entry.rights.have != 0, ZX_ERR_INVALID_ARGS, clause);
    }
}

/// The rights of the new handle.
fn granted(entry: &Entry, rights: zx_rights_t) -> Rights {
    if rights == ZX_RIGHT_SAME_RIGHTS { entry.rights } else { Rights::exactly(rights) }
}

pub(super) fn judge(state: &mut State, cx: &mut Context<'_>, call: &CallEvent<'_>) -> Judged {
    let (rights, out) = (call.int(1), call.long(2));
    let entry = cx.handle(state, call.int(0), clause!("HANDLE-DUP-10"));
    if let Some(entry) = &entry {
        cx.rights(entry, ZX_RIGHT_DUPLICATE, clause!("HANDLE-DUP-08"));
        cx.promise(entry, ZX_RIGHT_DUPLICATE, clause!("VMO-CREATE-30"));
        subset(cx, entry, rights, clause!("HANDLE-DUP-05"));
    }
    cx.no_memory(state, clause!("HANDLE-DUP-14"));
    let span = cx.place(state, out, 4, clause!("HANDLE-DUP-11"));

    let success = cx.settle(state, clause!("HANDLE-DUP-01"))?;
    let Some(mut entry) = entry.filter(|_| success) else {
        spoil(state, cx, out, &span);
        return cx.untouched(call.untouched, clause!("GEN-06"));
    };
    cx.examples(&[
        (rights == ZX_RIGHT_SAME_RIGHTS, clause!("HANDLE-DUP-02")),
        (rights == entry.rights.have, clause!("HANDLE-DUP-04")),
        (rights == 0, clause!("HANDLE-DUP-07")),
    ]);
    let mut shown = ZX_RIGHT_DUPLICATE;
    if rights != ZX_RIGHT_SAME_RIGHTS {
        shown |= rights;
    }
    if shown & !entry.rights.have != 0 {
        // The source has what it could do.
        entry.rights.have |= shown;
        state.handles_mut().set_rights(entry.value, entry.rights);
    }
    new_handle(
        state,
        cx,
        (out, &span),
        call.stored(2),
        (entry.object, (granted(&entry, rights), Origin::Duplicate)),
        clause!("HANDLE-DUP-01"),
    )
}

pub(super) fn judge_replace(
    state: &mut State,
    cx: &mut Context<'_>,
    call: &CallEvent<'_>,
) -> Judged {
    let (rights, out) = (call.int(1), call.long(2));
    let entry = cx.handle(state, call.int(0), clause!("HANDLE-REPLACE-08"));
    if let Some(entry) = &entry {
        subset(cx, entry, rights, clause!("HANDLE-REPLACE-03"));
    }
    cx.no_memory(state, clause!("ND-03"));
    let span = cx.place(state, out, 4, clause!("HANDLE-REPLACE-06"));

    let success = cx.settle(state, clause!("HANDLE-REPLACE-01"))?;
    if let Some(entry) = entry.filter(|_| success) {
        let granted = granted(&entry, rights);
        let value = call.stored(2);
        if cx.kernel && value == Stored::Word(u64::from(entry.value)) {
            let text = format!("{:#x}", entry.value);
            return Err(cx.violation(
                clause!("HANDLE-REPLACE-10"),
                "another value than the old one",
                text,
            ));
        }
        // The object has a handle all the time (HANDLE-REPLACE-09).
        state.object_mut(entry.object).handles += 1;
        state.close(entry.value);
        let judged = new_handle(
            state,
            cx,
            (out, &span),
            value,
            (entry.object, (granted, Origin::Replace)),
            clause!("HANDLE-REPLACE-01"),
        );
        state.drop_handle(entry.object);
        return judged;
    }
    spoil(state, cx, out, &span);
    let was_handle = cx.status != ZX_ERR_BAD_HANDLE;
    if let Some(entry) = entry.filter(|_| was_handle) {
        cx.reach(clause!("HANDLE-REPLACE-04"));
        state.close(entry.value);
    }
    // An in-tree test insists on this for rights that are refused.
    let is_refusal = cx.status == ZX_ERR_INVALID_ARGS && span.access == Access::Good;
    if !call.untouched && (cx.kernel || is_refusal) {
        return Err(cx.violation(
            clause!("HANDLE-REPLACE-12"),
            "output places untouched",
            "something stored",
        ));
    }
    Ok(())
}
