//! `vmo_get_size` and `vmo_set_size`.

use std::cmp::Ordering;

use vmo_abi::{ZX_ERR_NO_MEMORY, ZX_ERR_OUT_OF_RANGE, ZX_RIGHT_WRITE};

use super::results::{deliver, spoil};
use crate::oracle::clause::clause;
use crate::oracle::context::{Context, Judged};
use crate::oracle::event::CallEvent;
use crate::oracle::state::State;
use crate::oracle::vmo::{VmoId, round_up};

pub(super) fn judge_get(state: &mut State, cx: &mut Context<'_>, call: &CallEvent<'_>) -> Judged {
    let pointer = call.long(1);
    let mut vmo = None;
    if let Some(entry) = cx.handle(state, call.int(0), clause!("VMO-GETSIZE-02")) {
        vmo = cx.vmo(state, &entry, clause!("VMO-GETSIZE-03"));
    }
    let span = cx.place(state, pointer, 8, clause!("VMO-GETSIZE-04"));
    let success = cx.settle(state, clause!("VMO-GETSIZE-01"))?;
    let Some(vmo) = vmo.filter(|_| success) else {
        spoil(state, cx, pointer, &span);
        return cx.untouched(call.untouched, clause!("VMO-GETSIZE-08"));
    };
    let (size, clause) = (state.vmo(vmo).size, state.vmo(vmo).size_clause);
    cx.same("the size", size, call.stored(1), clause)?;
    deliver(state, cx, (pointer, &span), 8, &size.to_le_bytes());
    Ok(())
}

pub(super) fn judge_set(state: &mut State, cx: &mut Context<'_>, call: &CallEvent<'_>) -> Judged {
    let size = call.long(1);
    let largest = cx.environment.edition.largest_vmo_size;
    let rounded = round_up(size).filter(|_| size <= largest);
    let mut vmo = None;
    if let Some(entry) = cx.handle(state, call.int(0), clause!("VMO-SETSIZE-02")) {
        cx.rights(&entry, ZX_RIGHT_WRITE, clause!("VMO-SETSIZE-04"));
        vmo = cx.vmo(state, &entry, clause!("VMO-SETSIZE-03"));
    }
    cx.must(rounded.is_none(), ZX_ERR_OUT_OF_RANGE, clause!("VMO-SETSIZE-06"));
    cx.lenient(true, ZX_ERR_NO_MEMORY, clause!("C-16"));

    let success = cx.settle(state, clause!("VMO-SETSIZE-01"))?;
    if let (Some(vmo), Some(rounded), true) = (vmo, rounded, success) {
        note(state, cx, vmo, rounded);
        state.resize(cx.kernel, vmo, rounded);
        state.vmo_mut(vmo).size_clause = clause!("VMO-SETSIZE-01");
    }
    Ok(())
}

/// Takes note of what a resize is an example of.
fn note(state: &State, cx: &mut Context<'_>, vmo: VmoId, size: u64) {
    let vmo = state.vmo(vmo);
    cx.reach(match size.cmp(&vmo.size) {
        Ordering::Less if size == 0 => clause!("VMO-SETSIZE-13"),
        Ordering::Less => clause!("VMO-SETSIZE-10"),
        Ordering::Equal => clause!("VMO-SETSIZE-12"),
        Ordering::Greater => clause!("VMO-SETSIZE-09"),
    });
    if size == vmo.size {
        return;
    }
    let grows = size > vmo.size;
    if vmo.mappings > 0 {
        cx.reach(if grows { clause!("VMO-SETSIZE-17") } else { clause!("VMO-SETSIZE-16") });
    }
    if vmo.children > 0 {
        cx.reach(if grows { clause!("COW-11") } else { clause!("COW-12") });
    }
    if vmo.parent.is_some() {
        cx.reach(if grows { clause!("COW-30") } else { clause!("COW-29") });
    }
    if grows && vmo.was_cut {
        cx.reach(clause!("VMO-SETSIZE-14"));
    }
}
