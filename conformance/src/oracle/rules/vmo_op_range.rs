//! `vmo_op_range`.

use vmo_abi::{
    ZX_ERR_ACCESS_DENIED, ZX_ERR_INVALID_ARGS, ZX_ERR_NO_MEMORY, ZX_ERR_NOT_SUPPORTED,
    ZX_ERR_OUT_OF_RANGE, ZX_PAGE_SHIFT, ZX_PAGE_SIZE, ZX_RIGHT_READ, ZX_RIGHT_WRITE,
    ZX_VMO_OP_CACHE_CLEAN, ZX_VMO_OP_CACHE_CLEAN_INVALIDATE, ZX_VMO_OP_CACHE_INVALIDATE,
    ZX_VMO_OP_CACHE_SYNC, ZX_VMO_OP_COMMIT, ZX_VMO_OP_DECOMMIT, ZX_VMO_OP_LOCK, ZX_VMO_OP_UNLOCK,
    zx_rights_t,
};

use crate::oracle::clause::{Clause, clause};
use crate::oracle::context::{Context, Judged};
use crate::oracle::event::CallEvent;
use crate::oracle::state::{MODEST, State};
use crate::oracle::vmo::{VmoId, is_aligned, pages_of};

/// The right that an operation needs, if it needs one.
fn right_of(op: u32) -> Option<(zx_rights_t, Clause)> {
    Some(match op {
        ZX_VMO_OP_COMMIT => (ZX_RIGHT_WRITE, clause!("VMO-OPRANGE-11")),
        ZX_VMO_OP_DECOMMIT => (ZX_RIGHT_WRITE, clause!("VMO-OPRANGE-25")),
        ZX_VMO_OP_CACHE_SYNC => (ZX_RIGHT_READ, clause!("VMO-OPRANGE-36")),
        ZX_VMO_OP_CACHE_INVALIDATE => (ZX_RIGHT_WRITE, clause!("VMO-OPRANGE-39")),
        ZX_VMO_OP_CACHE_CLEAN => (ZX_RIGHT_READ, clause!("VMO-OPRANGE-37")),
        ZX_VMO_OP_CACHE_CLEAN_INVALIDATE => (ZX_RIGHT_READ, clause!("VMO-OPRANGE-38")),
        _ => return None,
    })
}

pub(super) fn judge(state: &mut State, cx: &mut Context<'_>, call: &CallEvent<'_>) -> Judged {
    let (op, offset, len) = (call.int(1), call.long(2), call.long(3));
    let mut vmo = None;
    let entry = cx.handle(state, call.int(0), clause!("VMO-OPRANGE-05"));
    if let Some(entry) = &entry {
        vmo = cx.vmo(state, entry, clause!("VMO-OPRANGE-06"));
    }
    let right = right_of(op);
    let locks = matches!(op, ZX_VMO_OP_LOCK | ZX_VMO_OP_UNLOCK);
    cx.must(locks, ZX_ERR_NOT_SUPPORTED, clause!("VMO-OPRANGE-03"));
    cx.must(right.is_none() && !locks, ZX_ERR_INVALID_ARGS, clause!("VMO-OPRANGE-01"));
    if let (Some(entry), Some((right, clause))) = (&entry, right) {
        cx.rights(entry, right, clause);
    }
    let (size, is_clone) = vmo.map_or((u64::MAX, false), |vmo| {
        let vmo = state.vmo(vmo);
        (vmo.size, vmo.parent.is_some())
    });
    let end = offset.checked_add(len);
    if right.is_none() {
        // An operation that is not known has rights and ranges that are wrong.
        let bare =
            entry.is_some_and(|entry| entry.rights.have & (ZX_RIGHT_READ | ZX_RIGHT_WRITE) == 0);
        cx.lenient(bare, ZX_ERR_ACCESS_DENIED, clause!("ND-07"));
        let beyond = end.is_none_or(|end| end > size);
        cx.lenient(beyond, ZX_ERR_OUT_OF_RANGE, clause!("ND-07"));
    } else if matches!(op, ZX_VMO_OP_COMMIT | ZX_VMO_OP_DECOMMIT) {
        let trims = cx.environment.edition.ranges_are_trimmed;
        cx.must(offset > size, ZX_ERR_OUT_OF_RANGE, clause!("VMO-OPRANGE-16"));
        cx.must(end.is_none(), ZX_ERR_OUT_OF_RANGE, clause!("VMO-OPRANGE-17"));
        let beyond = end.is_some_and(|end| end > size);
        cx.must(beyond && !trims, ZX_ERR_OUT_OF_RANGE, clause!("VMO-OPRANGE-15"));
        cx.lenient(beyond, ZX_ERR_OUT_OF_RANGE, clause!("C-12"));
        if op == ZX_VMO_OP_COMMIT {
            cx.no_memory(state, clause!("VMO-OPRANGE-20"));
            let pages = len.min(size.saturating_sub(offset)) / ZX_PAGE_SIZE;
            let is_huge = state.pages_asked.saturating_add(pages) > MODEST;
            cx.may(is_huge, ZX_ERR_NO_MEMORY, clause!("VMO-OPRANGE-20"));
        }
    } else {
        cx.must(len == 0, ZX_ERR_INVALID_ARGS, clause!("VMO-OPRANGE-40"));
        let beyond = end.is_none_or(|end| end > size);
        cx.must(beyond, ZX_ERR_OUT_OF_RANGE, clause!("VMO-OPRANGE-42"));
    }

    let success = cx.settle(state, success_of(op, is_clone))?;
    let (Some(vmo), true) = (vmo, success) else { return Ok(()) };
    cx.examples(&[
        (end.is_some_and(|end| end > size), clause!("VMO-OPRANGE-15")),
        (!is_aligned(offset) && op == ZX_VMO_OP_COMMIT, clause!("VMO-OPRANGE-14")),
        (!is_aligned(offset) && op == ZX_VMO_OP_DECOMMIT, clause!("VMO-OPRANGE-28")),
        (state.vmo(vmo).mappings > 0, clause!("VMO-OPRANGE-32")),
    ]);
    let len = len.min(size.saturating_sub(offset));
    apply(state, cx, vmo, op, offset, len);
    Ok(())
}

/// The clause that says that an operation without fault succeeds.
fn success_of(op: u32, is_clone: bool) -> Clause {
    match (op, is_clone) {
        (ZX_VMO_OP_COMMIT, true) => clause!("COW-17"),
        (ZX_VMO_OP_COMMIT, false) => clause!("VMO-OPRANGE-13"),
        (ZX_VMO_OP_DECOMMIT, true) => clause!("COW-19"),
        (ZX_VMO_OP_DECOMMIT, false) => clause!("VMO-OPRANGE-26"),
        _ => clause!("VMO-OPRANGE-43"),
    }
}

fn apply(state: &mut State, cx: &mut Context<'_>, vmo: VmoId, op: u32, offset: u64, len: u64) {
    if len == 0 {
        cx.reach(clause!("VMO-OPRANGE-18"));
        return;
    }
    let (first, end) = pages_of(offset, len);
    // Pages that the range covers as a whole. By the pages it is open what
    // happens to the others (VMO-OPRANGE-14 and -28 are the kernel's).
    let last = offset + (len - 1);
    let whole_first = if is_aligned(offset) || cx.kernel { first } else { first + 1 };
    let ends_page = last % ZX_PAGE_SIZE == ZX_PAGE_SIZE - 1;
    let whole_end = if ends_page || cx.kernel { end } else { end - 1 };
    match op {
        ZX_VMO_OP_COMMIT => {
            state.pages_asked = state.pages_asked.saturating_add(end - first);
            state.commit(cx.how(), vmo, whole_first, whole_end);
            let perhaps = cx.how().perhaps();
            state.commit(perhaps, vmo, first, whole_first.min(end));
            state.commit(perhaps, vmo, whole_end.max(first), end);
        }
        ZX_VMO_OP_DECOMMIT => {
            state.release(vmo, whole_first, whole_end);
            if whole_first > first {
                let stop = last.min((whole_first << ZX_PAGE_SHIFT) - 1);
                state.release_partly(vmo, offset, stop - offset + 1);
            }
            if whole_end < end && whole_end >= whole_first {
                let start = whole_end << ZX_PAGE_SHIFT;
                state.release_partly(vmo, start, last - start + 1);
            }
        }
        // On the recorded machine it does nothing (VMO-OPRANGE-46).
        ZX_VMO_OP_CACHE_INVALIDATE if !cx.kernel => {
            cx.reach(clause!("ND-11"));
            state.invalidate(vmo, first, end);
        }
        ZX_VMO_OP_CACHE_CLEAN | ZX_VMO_OP_CACHE_CLEAN_INVALIDATE if !cx.kernel => {
            state.clean(vmo, whole_first, whole_end);
        }
        _ => {}
    }
}
