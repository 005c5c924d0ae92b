//! `object_wait_one` and `object_wait_many`.
//!
//! With a single thread nothing changes while a call waits, so what it ends
//! with follows from the state.

use std::sync::Arc;

use vmo_abi::{
    Record, ZX_ERR_INVALID_ARGS, ZX_ERR_NO_MEMORY, ZX_ERR_OUT_OF_RANGE, ZX_ERR_TIMED_OUT, ZX_OK,
    ZX_RIGHT_WAIT, ZX_TIME_INFINITE, ZX_WAIT_MANY_MAX_ITEMS, zx_signals_t, zx_wait_item_t,
};

use super::results::{deliver, spoil};
use crate::oracle::clause::{Clause, clause};
use crate::oracle::context::{Context, Judged};
use crate::oracle::event::{CallEvent, Stored};
use crate::oracle::handles::ObjectId;
use crate::oracle::memory::{Access, Span, WRITE};
use crate::oracle::state::{Kind, State};
use crate::oracle::vmo::Vmo;

/// Most items that every implementation takes (C-25).
const CERTAIN_ITEMS: u64 = 8;
const ITEM_LEN: u64 = size_of::<[u32; 3]>() as u64;

/// How a wait may end: whether a signal that was asked for may be active, and
/// whether it may not.
#[derive(Clone, Copy, Default)]
struct Wait {
    may_be_satisfied: bool,
    may_time_out: bool,
}

impl Wait {
    fn on(state: &State, object: ObjectId, wanted: zx_signals_t) -> Self {
        let (known, active) = state.signals(object);
        let satisfied = active & known & wanted != 0;
        Self { may_be_satisfied: satisfied || wanted & !known != 0, may_time_out: !satisfied }
    }

    /// Any of two is enough.
    fn or(self, other: Self) -> Self {
        Self {
            may_be_satisfied: self.may_be_satisfied || other.may_be_satisfied,
            may_time_out: self.may_time_out && other.may_time_out,
        }
    }

    fn expect(self, cx: &mut Context<'_>, deadline: u64) {
        if !self.may_be_satisfied {
            cx.must(true, ZX_ERR_TIMED_OUT, clause!("OBJ-WAIT-03"));
        } else if self.may_time_out && deadline != ZX_TIME_INFINITE {
            cx.may(true, ZX_ERR_TIMED_OUT, clause!("OBJ-WAIT-03"));
        }
    }
}

/// A wait without end cannot have timed out.
fn check_deadline(cx: &Context<'_>, deadline: u64) -> Judged {
    if deadline == ZX_TIME_INFINITE && cx.status == ZX_ERR_TIMED_OUT {
        return Err(cx.violation(clause!("OBJ-WAIT-04"), "no end of the wait", "ERR_TIMED_OUT"));
    }
    Ok(())
}

/// The clause that says whether ZERO_CHILDREN is active on an object.
fn zero_children_clause(state: &State, object: ObjectId) -> Clause {
    let Kind::Vmo(id) = state.object(object).kind else { return clause!("OBJ-WAIT-05") };
    let vmo = state.vmo(id);
    if vmo.children == 0 {
        return if vmo.was_cloned { clause!("SIG-ZC-04") } else { clause!("SIG-ZC-01") };
    }
    let is_child = |vmo: &&Arc<Vmo>| !vmo.is_free() && vmo.parent.is_some_and(|it| it.0 == id);
    let mut children = state.vmos.iter().filter(is_child);
    if children.clone().any(|child| child.named) {
        clause!("SIG-ZC-02")
    } else if children.any(|child| child.mappings > 0) {
        clause!("SIG-ZC-07")
    } else {
        clause!("SIG-ZC-12")
    }
}

/// The signals that were seen.
fn check_signals(
    state: &State,
    cx: &mut Context<'_>,
    object: ObjectId,
    observed: zx_signals_t,
) -> Judged {
    let (known, active) = state.signals(object);
    cx.reach(clause!("OBJ-WAIT-05"));
    if matches!(state.object(object).kind, Kind::Vmo(_)) {
        cx.reach(zero_children_clause(state, object));
    }
    if observed & known == active & known {
        return Ok(());
    }
    let wrong = (observed ^ active) & known;
    let clause: Clause = if wrong & vmo_abi::ZX_VMO_ZERO_CHILDREN != 0 {
        zero_children_clause(state, object)
    } else if wrong & vmo_abi::ZX_SIGNAL_HANDLE_CLOSED != 0 {
        clause!("OBJ-WAIT-15")
    } else if wrong & vmo_abi::ZX_USER_SIGNAL_ALL != 0 {
        clause!("OBJ-SIGNAL-11")
    } else {
        clause!("OBJ-WAIT-05")
    };
    Err(cx.violation(clause, format!("signals {:#x}", active & known), format!("{observed:#x}")))
}

pub(super) fn judge_one(state: &mut State, cx: &mut Context<'_>, call: &CallEvent<'_>) -> Judged {
    let (signals, deadline, pointer) = (call.int(1), call.long(2), call.long(3));
    let entry = cx.handle(state, call.int(0), clause!("OBJ-WAIT-12"));
    if let Some(entry) = &entry {
        cx.rights(entry, ZX_RIGHT_WAIT, clause!("OBJ-WAIT-12"));
    }
    let mut span = Span { good: 0, access: Access::Good, mapped: false };
    if pointer != 0 {
        span = cx.place(state, pointer, 4, clause!("OBJ-WAIT-10"));
    }
    if let Some(entry) = &entry {
        check_deadline(cx, deadline)?;
        Wait::on(state, entry.object, signals).expect(cx, deadline);
    }
    // A wait may need memory as well.
    let short = state.memory_is_short();
    cx.may(short, ZX_ERR_NO_MEMORY, clause!("ND-03"));

    let success = cx.settle(state, clause!("OBJ-WAIT-01"))?;
    let (Some(entry), true) = (entry, success || cx.status == ZX_ERR_TIMED_OUT) else {
        spoil(state, cx, pointer, &span);
        return cx.untouched(call.untouched, clause!("OBJ-WAIT-13"));
    };
    if pointer == 0 || span.access != Access::Good {
        return Ok(());
    }
    match call.stored(3) {
        Stored::Word(observed) => {
            let observed = observed as u32;
            check_signals(state, cx, entry.object, observed)?;
            if (observed & signals != 0) != success {
                let expected = "an end of the wait that fits the signals seen";
                let actual = format!("{observed:#x}");
                return Err(cx.violation(clause!("OBJ-WAIT-01"), expected, actual));
            }
        }
        Stored::Unknown => {}
        Stored::Nothing => {
            return Err(cx.violation(clause!("OBJ-WAIT-06"), "signals stored", "nothing stored"));
        }
    }
    let (known, active) = state.signals(entry.object);
    let bytes = active.to_le_bytes();
    let is_known = known == zx_signals_t::MAX;
    deliver(state, cx, (pointer, &span), 4, if is_known { &bytes } else { &[] });
    Ok(())
}

pub(super) fn judge_many(state: &mut State, cx: &mut Context<'_>, call: &CallEvent<'_>) -> Judged {
    let (pointer, count, deadline) = (call.long(0), call.long(1), call.long(2));
    if count == 0 {
        check_deadline(cx, deadline)?;
        cx.must(true, ZX_ERR_TIMED_OUT, clause!("OBJ-WAIT-19"));
        cx.lenient(true, ZX_OK, clause!("OBJ-WAIT-19"));
        cx.settle(state, clause!("OBJ-WAIT-19"))?;
        return Ok(());
    }
    let too_many = count > ZX_WAIT_MANY_MAX_ITEMS;
    cx.must(too_many, ZX_ERR_OUT_OF_RANGE, clause!("OBJ-WAIT-18"));
    cx.lenient(count > CERTAIN_ITEMS, ZX_ERR_OUT_OF_RANGE, clause!("C-25"));
    cx.lenient(count > CERTAIN_ITEMS, ZX_ERR_INVALID_ARGS, clause!("C-25"));
    let len = count.saturating_mul(ITEM_LEN);
    let span = cx.span(state, pointer, len, WRITE);
    // The items are read first and stored last; memory that can only be read
    // is found at the end.
    let readable = cx.span(state, pointer, len, vmo_abi::ZX_RIGHT_READ);
    cx.pointer(readable.access, clause!("OBJ-WAIT-20"));
    cx.short_buffer(state, &span);
    if too_many || readable.access != Access::Good {
        cx.settle(state, clause!("OBJ-WAIT-20"))?;
        return Ok(());
    }
    let Some(items) = items(state, cx, call, len as usize) else {
        // Nobody knows what was waited for; nothing is changed by it.
        if span.mapped {
            state.deliver(cx.how().perhaps(), cx.environment, pointer, span.good, &[]);
        }
        return Ok(());
    };
    let mut wait = Wait { may_be_satisfied: false, may_time_out: true };
    let mut objects = Vec::with_capacity(items.len());
    for item in &items {
        if let Some(entry) = cx.handle(state, item.handle, clause!("OBJ-WAIT-12")) {
            cx.rights(&entry, ZX_RIGHT_WAIT, clause!("OBJ-WAIT-12"));
            wait = wait.or(Wait::on(state, entry.object, item.waitfor));
            objects.push(entry.object);
        }
    }
    cx.pointer(span.access, clause!("OBJ-WAIT-20"));
    if objects.len() == items.len() {
        check_deadline(cx, deadline)?;
        wait.expect(cx, deadline);
    }
    cx.may(state.memory_is_short(), ZX_ERR_NO_MEMORY, clause!("ND-03"));
    let success = cx.settle(state, clause!("OBJ-WAIT-20"))?;
    if !success && cx.status != ZX_ERR_TIMED_OUT {
        spoil(state, cx, pointer, &span);
        return Ok(());
    }
    let stored = call.bytes.unwrap_or_default();
    for (bytes, object) in stored.as_chunks().0.iter().zip(&objects) {
        let item = zx_wait_item_t::from_bytes(bytes);
        check_signals(state, cx, *object, item.pending)?;
    }
    deliver(state, cx, (pointer, &span), len, &[]);
    Ok(())
}

/// The items, `None` if it is not known what they are.
fn items(
    state: &State,
    cx: &Context<'_>,
    call: &CallEvent<'_>,
    len: usize,
) -> Option<Vec<zx_wait_item_t>> {
    let bytes = match call.input.get(..len) {
        Some(bytes) => bytes,
        None => &state.peek(cx.kernel, cx.environment, call.long(0), len)?,
    };
    Some(bytes.as_chunks().0.iter().map(zx_wait_item_t::from_bytes).collect())
}
