//! `vmo_read`.

use vmo_abi::{
    ZX_CACHE_POLICY_CACHED, ZX_ERR_BAD_STATE, ZX_ERR_INVALID_ARGS, ZX_ERR_NO_MEMORY,
    ZX_ERR_OUT_OF_RANGE, ZX_PAGE_SIZE, ZX_RIGHT_READ, zx_vaddr_t,
};

use crate::oracle::clause::clause;
use crate::oracle::context::{Context, Judged};
use crate::oracle::event::CallEvent;
use crate::oracle::memory::{Access, Span, WRITE};
use crate::oracle::state::State;
use crate::oracle::vmo::VmoId;
use crate::program::Data;

/// Most bytes that the probe of the buffer is followed through.
const MOST_PROBED: u64 = 1 << 24;

pub(super) fn judge(state: &mut State, cx: &mut Context<'_>, call: &CallEvent<'_>) -> Judged {
    let (buffer, offset, len) = (call.long(1), call.long(2), call.long(3));

    let entry = cx.handle(state, call.int(0), clause!("VMO-READ-02"));
    let mut vmo = None;
    if let Some(entry) = &entry {
        cx.rights(entry, ZX_RIGHT_READ, clause!("VMO-READ-04"));
        vmo = cx.vmo(state, entry, clause!("VMO-READ-03"));
        cx.promise(entry, ZX_RIGHT_READ, clause!("VMO-CREATE-26"));
    }
    let span = cx.span(state, buffer, len, WRITE);
    if len > 0 {
        cx.pointer(span.access, clause!("VMO-READ-06"));
        cx.short_buffer(state, &span);
    } else {
        let access = cx.span(state, buffer, 1, WRITE).access;
        cx.lenient(access != Access::Good, ZX_ERR_INVALID_ARGS, clause!("C-04"));
    }
    if let Some(vmo) = vmo {
        let vmo = state.vmo(vmo);
        let uncached = vmo.cache_policy != ZX_CACHE_POLICY_CACHED;
        cx.must(uncached, ZX_ERR_BAD_STATE, clause!("VMO-READ-16"));
        let beyond = offset.checked_add(len).is_none_or(|end| end > vmo.size);
        cx.must(beyond, ZX_ERR_OUT_OF_RANGE, clause!("VMO-READ-08"));
        // Only an implementation that commits what it reads needs memory.
        cx.lenient(state.memory_is_short(), ZX_ERR_NO_MEMORY, clause!("C-06"));
    }

    let success = cx.settle(state, clause!("VMO-READ-01"))?;
    let Some(vmo) = vmo.filter(|_| success) else {
        // The kernel looks at the handle first.
        let was_probed =
            vmo.is_some() && entry.is_some_and(|entry| entry.rights.may & ZX_RIGHT_READ != 0);
        if span.mapped && span.good > 0 && (was_probed || !cx.kernel) {
            spoil_buffer(state, cx, buffer, len, &span);
        }
        return Ok(());
    };
    let size = state.vmo(vmo).size;
    cx.examples(&[
        (len == 0, clause!("VMO-READ-07")),
        (len == 0 && offset == size, clause!("VMO-READ-10")),
        (offset % ZX_PAGE_SIZE + len > ZX_PAGE_SIZE, clause!("VMO-READ-19")),
    ]);
    if let Some(bytes) = call.bytes {
        compare(state, cx, vmo, offset, &bytes[..bytes.len().min(len as usize)])?;
        if call.overran {
            return Err(cx.violation(
                clause!("VMO-READ-01"),
                "nothing stored behind the buffer",
                "bytes behind the buffer changed",
            ));
        }
    }
    if span.mapped {
        fill_buffer(state, cx, vmo, offset, buffer, len);
    }
    if !cx.kernel {
        state.note_read(vmo, offset, len);
    }
    Ok(())
}

/// Compares what was read with what is there.
pub(super) fn compare(
    state: &mut State,
    cx: &mut Context<'_>,
    vmo: VmoId,
    offset: u64,
    bytes: &[u8],
) -> Judged {
    state.observe(vmo, offset, bytes).map_err(|(clause, right)| {
        let at = offset + right as u64;
        let rest = &bytes[right..];
        let page = (ZX_PAGE_SIZE - at % ZX_PAGE_SIZE) as usize;
        let shown = state.visible(vmo, at / ZX_PAGE_SIZE);
        let len = rest.len().min(page);
        let expected = shown.bytes((at % ZX_PAGE_SIZE) as usize, len);
        // The first wrong byte says more than a page of right ones.
        let first = expected.map_or(0, |expected| {
            expected.iter().zip(rest).position(|(one, other)| one != other).unwrap_or(0)
        });
        let end = (first + 16).min(len);
        let text = |bytes: &[u8]| Data::from_bytes(&bytes[first..end]).to_string();
        cx.violation(
            clause,
            format!(
                "{} at {:#x}",
                expected.map_or_else(|| "other bytes".to_owned(), text),
                at + first as u64
            ),
            text(rest),
        )
    })
}

/// A read that failed may leave anything in its buffer (VMO-READ-15); the
/// kernel leaves zeros where it probed (VMO-READ-14).
fn spoil_buffer(
    state: &mut State,
    cx: &mut Context<'_>,
    buffer: zx_vaddr_t,
    len: u64,
    span: &Span,
) {
    cx.reach(clause!("VMO-READ-15"));
    if !cx.kernel || state.memory_is_short() {
        state.deliver(cx.how().perhaps(), cx.environment, buffer, span.good, &[]);
        return;
    }
    cx.reach(clause!("VMO-READ-14"));
    probe(state, cx, buffer, len, span);
}

/// The kernel stores a zero in each page of the buffer and at its end, as far
/// as it can.
fn probe(state: &mut State, cx: &mut Context<'_>, buffer: zx_vaddr_t, len: u64, span: &Span) {
    let reach = if span.access == Access::Good { len } else { span.good };
    if reach > MOST_PROBED {
        state.deliver(cx.how().perhaps(), cx.environment, buffer, reach, &[]);
        return;
    }
    let mut at = 0;
    while at < reach {
        state.deliver(cx.how(), cx.environment, buffer + at, 1, &[0]);
        at += ZX_PAGE_SIZE;
    }
    if reach == len && len > 0 {
        state.deliver(cx.how(), cx.environment, buffer + (len - 1), 1, &[0]);
    }
}

/// The bytes of the VMO are in a buffer that lies in mappings.
fn fill_buffer(
    state: &mut State,
    cx: &mut Context<'_>,
    vmo: VmoId,
    offset: u64,
    buffer: zx_vaddr_t,
    len: u64,
) {
    cx.reach(clause!("GEN-10"));
    let parts = state.parts(cx.kernel, cx.environment, buffer, len);
    if state.feeds_on(vmo, offset, len, &parts) {
        // What is read changes while it is read (W-16).
        if !cx.kernel {
            state.deliver(cx.how(), cx.environment, buffer, len, &[]);
            return;
        }
        let span = Span { good: len, access: Access::Good, mapped: true };
        probe(state, cx, buffer, len, &span);
    }
    for part in parts {
        state.copy(cx.how(), (vmo, offset + part.before), (part.vmo, part.offset), part.len);
    }
}
