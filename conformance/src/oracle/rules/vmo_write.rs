//! `vmo_write`.

use vmo_abi::{
    ZX_CACHE_POLICY_CACHED, ZX_ERR_BAD_STATE, ZX_ERR_INVALID_ARGS, ZX_ERR_NO_MEMORY,
    ZX_ERR_OUT_OF_RANGE, ZX_PAGE_SIZE, ZX_RIGHT_WRITE, zx_vaddr_t,
};

use crate::oracle::clause::clause;
use crate::oracle::context::{Context, Judged};
use crate::oracle::event::CallEvent;
use crate::oracle::memory::{Access, READ, Span};
use crate::oracle::state::{MODEST, State};
use crate::oracle::vmo::{VmoId, pages_of};
use crate::oracle::writing::How;

pub(super) fn judge(state: &mut State, cx: &mut Context<'_>, call: &CallEvent<'_>) -> Judged {
    let (buffer, offset, len) = (call.long(1), call.long(2), call.long(3));

    let mut vmo = None;
    if let Some(entry) = cx.handle(state, call.int(0), clause!("VMO-WRITE-02")) {
        cx.rights(&entry, ZX_RIGHT_WRITE, clause!("VMO-WRITE-04"));
        vmo = cx.vmo(state, &entry, clause!("VMO-WRITE-03"));
        cx.promise(&entry, ZX_RIGHT_WRITE, clause!("VMO-CREATE-27"));
    }
    let span = cx.span(state, buffer, len, READ);
    if len == 0 {
        let access = cx.span(state, buffer, 1, READ).access;
        cx.lenient(access != Access::Good, ZX_ERR_INVALID_ARGS, clause!("C-04"));
    }
    // What is wrong apart from the buffer decides whether a bad buffer can have
    // been found while copying.
    let mut beyond = true;
    let mut uncached = true;
    if let Some(vmo) = vmo {
        let vmo = state.vmo(vmo);
        uncached = vmo.cache_policy != ZX_CACHE_POLICY_CACHED;
        beyond = offset.checked_add(len).is_none_or(|end| end > vmo.size);
    }
    let was_denied = cx.must_fail();
    if len > 0 {
        cx.pointer(span.access, clause!("VMO-WRITE-06"));
    }
    if vmo.is_some() {
        cx.must(uncached, ZX_ERR_BAD_STATE, clause!("VMO-WRITE-18"));
        cx.must(beyond, ZX_ERR_OUT_OF_RANGE, clause!("VMO-WRITE-08"));
    }
    if len > 0 {
        cx.no_memory(state, clause!("VMO-WRITE-16"));
        let is_huge = len / ZX_PAGE_SIZE > MODEST;
        cx.may(is_huge, ZX_ERR_NO_MEMORY, clause!("VMO-WRITE-16"));
    }

    let success = cx.settle(state, clause!("VMO-WRITE-01"))?;
    let Some(vmo) = vmo else { return Ok(()) };
    let how = if success { cx.how() } else { cx.how().perhaps() };
    if success {
        state.pages_asked = state.pages_asked.saturating_add(len / ZX_PAGE_SIZE);
        let is_mapped = state.vmo(vmo).mappings > 0;
        cx.examples(&[
            (len > 0, clause!("VMO-WRITE-20")),
            (len == 0, clause!("VMO-WRITE-22")),
            (len == 0 && offset == state.vmo(vmo).size, clause!("VMO-WRITE-10")),
            (is_mapped, clause!("VMO-WRITE-23")),
            (offset % ZX_PAGE_SIZE + len > ZX_PAGE_SIZE, clause!("VMO-WRITE-24")),
        ]);
        store(state, cx, how, (vmo, offset), (buffer, len), call.input);
    } else if !was_denied && !uncached && !beyond {
        let taken = match cx.status {
            ZX_ERR_NO_MEMORY => len,
            // The kernel tries all of the buffer before it copies any.
            _ if cx.kernel => 0,
            ZX_ERR_INVALID_ARGS => span.good,
            _ => 0,
        };
        if taken > 0 {
            cx.reach(clause!("VMO-WRITE-15"));
            store(state, cx, how, (vmo, offset), (buffer, taken), call.input);
        }
    }
    Ok(())
}

/// The bytes of a buffer are in the VMO, or may be.
fn store(
    state: &mut State,
    cx: &mut Context<'_>,
    how: How,
    (vmo, offset): (VmoId, u64),
    (buffer, len): (zx_vaddr_t, u64),
    input: &[u8],
) {
    let Span { mapped, .. } = state.span(cx.kernel, cx.environment, buffer, len, READ);
    if !mapped {
        if input.is_empty() && cx.environment.bad.read_only.is_some() {
            let known = state.peek(cx.kernel, cx.environment, buffer, known_len(len));
            state.write_all(how, vmo, offset, len, known.as_deref().unwrap_or_default());
        } else {
            state.write_all(how, vmo, offset, len, input);
        }
        return;
    }
    cx.reach(clause!("VMO-WRITE-25"));
    let parts = state.parts(cx.kernel, cx.environment, buffer, len);
    let (first, end) = pages_of(offset, len);
    let overlaps = parts.iter().any(|part| {
        let range = pages_of(part.offset, part.len);
        state.shows(part.vmo, range, vmo, first, end)
    });
    if overlaps && !cx.kernel {
        // What is copied changes while it is copied.
        state.smear(how, vmo, offset, len);
        return;
    }
    let mut done = 0;
    for part in parts {
        state.smear(how, vmo, offset + done, part.before - done);
        state.copy(how, (part.vmo, part.offset), (vmo, offset + part.before), part.len);
        done = part.before + part.len;
    }
    state.smear(how, vmo, offset + done, len - done);
}

/// The read-only page is all that is known outside of mappings.
fn known_len(len: u64) -> usize {
    len.min(ZX_PAGE_SIZE) as usize
}
