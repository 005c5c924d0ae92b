//! `handle_close` and `handle_close_many`.

use vmo_abi::{ZX_ERR_BAD_HANDLE, ZX_ERR_INVALID_ARGS, ZX_HANDLE_INVALID, zx_handle_t};

use crate::oracle::clause::clause;
use crate::oracle::context::{Context, Judged};
use crate::oracle::event::CallEvent;
use crate::oracle::handles::Named;
use crate::oracle::memory::{Access, READ};
use crate::oracle::state::State;

/// Handles that the kernel takes from the array at a time (HANDLE-CLOSE-13).
const BLOCK: u64 = 64;

pub(super) fn judge(state: &mut State, cx: &mut Context<'_>, call: &CallEvent<'_>) -> Judged {
    let value = call.int(0);
    let mut entry = None;
    if value == ZX_HANDLE_INVALID {
        cx.reach(clause!("HANDLE-CLOSE-02"));
    } else {
        entry = cx.handle(state, value, clause!("HANDLE-CLOSE-03"));
    }
    let success = cx.settle(state, clause!("HANDLE-CLOSE-01"))?;
    if let Some(entry) = entry.filter(|_| success) {
        state.close(entry.value);
    }
    Ok(())
}

pub(super) fn judge_many(state: &mut State, cx: &mut Context<'_>, call: &CallEvent<'_>) -> Judged {
    let (array, count) = (call.long(0), call.long(1));
    let span = match count.checked_mul(4) {
        Some(len) => cx.span(state, array, len, READ),
        None => cx.span(state, array, u64::MAX, READ),
    };
    let readable = if span.access == Access::Good { count } else { span.good / 4 };
    let Some(values) = values(state, cx, call, readable) else {
        // Nobody knows what was closed.
        state.lost = true;
        return Ok(());
    };
    if span.access != Access::Good {
        return judge_unreadable(state, cx, &span.access, &values);
    }
    judge_values(state, cx, &values)
}

/// The array, as far as it can be read; `None` if what is there is not known.
fn values(
    state: &State,
    cx: &Context<'_>,
    call: &CallEvent<'_>,
    count: u64,
) -> Option<Vec<zx_handle_t>> {
    let len = usize::try_from(count.checked_mul(4)?).ok()?;
    let bytes = match call.input.get(..len) {
        Some(bytes) => bytes,
        // More than the state keeps is not looked at.
        None if len > 1 << 20 => return None,
        None => &state.peek(cx.kernel, cx.environment, call.long(0), len)?,
    };
    Some(bytes.as_chunks().0.iter().map(|value| zx_handle_t::from_le_bytes(*value)).collect())
}

/// Closes every handle of a list. Answers whether a value named none, and
/// whether that depends on how values are looked up (HV-06).
fn close_all(state: &mut State, values: &[zx_handle_t], aliases: bool) -> (bool, bool) {
    let (mut is_bad, mut depends) = (false, false);
    for value in values.iter().filter(|value| **value != ZX_HANDLE_INVALID) {
        match state.handles.find(*value) {
            Named::Handle(entry) => state.close(entry.value),
            Named::Perhaps(entry) => {
                depends = true;
                if aliases {
                    state.close(entry.value);
                } else {
                    is_bad = true;
                }
            }
            Named::Nothing => is_bad = true,
        }
    }
    (is_bad, depends)
}

fn judge_values(state: &mut State, cx: &mut Context<'_>, values: &[zx_handle_t]) -> Judged {
    let before = state.clone();
    let (is_bad, depends) = close_all(state, values, true);
    if depends && !cx.kernel && cx.status == ZX_ERR_BAD_HANDLE {
        // Whether bit 0 counts is open.
        let mut fork = before;
        close_all(&mut fork, values, false);
        cx.forks.push(fork);
        cx.may(true, ZX_ERR_BAD_HANDLE, clause!("HV-06"));
    }
    cx.must(is_bad, ZX_ERR_BAD_HANDLE, clause!("HANDLE-CLOSE-10"));
    cx.settle(state, clause!("HANDLE-CLOSE-09"))?;
    if is_bad {
        cx.reach(clause!("HANDLE-CLOSE-09"));
    }
    Ok(())
}

/// An array that cannot be read to its end: the kernel stops there without a
/// word, having closed the blocks before (C-29).
fn judge_unreadable(
    state: &mut State,
    cx: &mut Context<'_>,
    access: &Access,
    values: &[zx_handle_t],
) -> Judged {
    cx.reach(clause!("C-29"));
    if *access == Access::Unknown {
        state.lost = true;
        return Ok(());
    }
    let blocks = (values.len() as u64 / BLOCK * BLOCK) as usize;
    let before = state.clone();
    let (is_bad, _) = close_all(state, &values[..blocks], true);
    if cx.kernel {
        cx.must(is_bad, ZX_ERR_BAD_HANDLE, clause!("HANDLE-CLOSE-13"));
        cx.settle(state, clause!("HANDLE-CLOSE-13"))?;
        return Ok(());
    }
    let mut fork = before.clone();
    let (is_bad, _) = close_all(&mut fork, values, true);
    cx.may(true, ZX_ERR_INVALID_ARGS, clause!("C-29"));
    cx.may(is_bad, ZX_ERR_BAD_HANDLE, clause!("C-29"));
    cx.settle(state, clause!("HANDLE-CLOSE-13"))?;
    if !values.is_empty() {
        cx.forks.push(fork);
        if blocks > 0 {
            cx.forks.push(before);
        }
    }
    Ok(())
}
