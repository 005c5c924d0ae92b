//! What calls store.

use vmo_abi::{ZX_HANDLE_INVALID, zx_handle_t, zx_vaddr_t};

use crate::oracle::clause::{Clause, clause};
use crate::oracle::context::{Context, Judged};
use crate::oracle::event::Stored;
use crate::oracle::handles::{ObjectId, Origin, Rights};
use crate::oracle::memory::{Access, Span};
use crate::oracle::state::State;

/// Judges a handle that a call stored at `address` for `object`, and opens it.
/// `missing` is the clause that is broken if there is none.
pub(super) fn new_handle(
    state: &mut State,
    cx: &mut Context<'_>,
    (address, span): (zx_vaddr_t, &Span),
    stored: Stored,
    (object, rights): (ObjectId, (Rights, Origin)),
    missing: Clause,
) -> Judged {
    match stored {
        Stored::Nothing => {
            return Err(cx.violation(missing, "a handle stored", "nothing stored"));
        }
        Stored::Unknown => {
            // There is a handle somewhere that nobody can name.
            state.object_mut(object).handles += 1;
            deliver(state, cx, (address, span), 4, &[]);
        }
        Stored::Word(word) => {
            let value = word as zx_handle_t;
            check_handle(state, cx, value)?;
            state.add_handle(value, object, rights);
            deliver(state, cx, (address, span), 4, &value.to_le_bytes());
        }
    }
    Ok(())
}

/// Judges the value of a handle that was not open before.
pub(super) fn check_handle(state: &State, cx: &mut Context<'_>, value: zx_handle_t) -> Judged {
    if value == ZX_HANDLE_INVALID {
        return Err(cx.violation(clause!("HV-01"), "a handle other than 0", "0"));
    }
    if cx.kernel && (value & 1 == 0 || value >> 31 != 0) {
        return Err(cx.violation(
            clause!("HV-02"),
            "a handle with bit 0 set and bit 31 clear",
            format!("{value:#x}"),
        ));
    }
    cx.reach(clause!("HV-10"));
    if state.handles.get(value).is_some() {
        return Err(cx.violation(
            clause!("HV-10"),
            "a handle that is not open yet",
            format!("{value:#x}"),
        ));
    }
    Ok(())
}

/// A call that succeeded has stored bytes at a place.
pub(super) fn deliver(
    state: &mut State,
    cx: &Context<'_>,
    (address, span): (zx_vaddr_t, &Span),
    len: u64,
    known: &[u8],
) {
    if span.mapped {
        state.deliver(cx.how(), cx.environment, address, len, known);
    }
}

/// A call that failed may have stored something at a place: at a place that is
/// only partly good the kernel, too (GEN-09), or when memory runs out on the
/// way, and at any place an implementation by the pages, none of which says
/// what such a place holds.
pub(super) fn spoil(state: &mut State, cx: &mut Context<'_>, address: zx_vaddr_t, span: &Span) {
    if !span.mapped || span.good == 0 || is_kept(state, cx, span) {
        return;
    }
    cx.reach(clause!("GEN-09"));
    state.deliver(cx.how().perhaps(), cx.environment, address, span.good, &[]);
}

/// Whether a place certainly keeps its bytes when the call fails.
pub(super) fn is_kept(state: &State, cx: &Context<'_>, span: &Span) -> bool {
    cx.kernel && span.access == Access::Good && !state.memory_is_short()
}

/// Whether two places share a byte, be it through two mappings of one VMO.
pub(super) fn overlap(
    state: &State,
    cx: &Context<'_>,
    (one, one_len): (zx_vaddr_t, u64),
    (other, other_len): (zx_vaddr_t, u64),
) -> bool {
    if one < other.saturating_add(other_len) && other < one.saturating_add(one_len) {
        return true;
    }
    let parts = state.parts(cx.kernel, cx.environment, one, one_len);
    let others = state.parts(cx.kernel, cx.environment, other, other_len);
    parts.iter().any(|part| {
        others.iter().any(|other| {
            part.vmo == other.vmo
                && part.offset < other.offset + other.len
                && other.offset < part.offset + part.len
        })
    })
}
