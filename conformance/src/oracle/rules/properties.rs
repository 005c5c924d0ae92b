//! `object_get_property` and `object_set_property`.

use vmo_abi::{
    ZX_ERR_BUFFER_TOO_SMALL, ZX_ERR_INVALID_ARGS, ZX_ERR_NOT_SUPPORTED, ZX_ERR_WRONG_TYPE,
    ZX_MAX_NAME_LEN, ZX_PROP_CHANNEL_TX_MSG_MAX, ZX_PROP_NAME, ZX_PROP_PROCESS_DEBUG_ADDR,
    ZX_PROP_PROCESS_VDSO_BASE_ADDRESS, ZX_PROP_REGISTER_FS, ZX_PROP_REGISTER_GS,
    ZX_PROP_SOCKET_RX_BUF_MAX, ZX_PROP_SOCKET_TX_BUF_SIZE, ZX_RIGHT_GET_PROPERTY,
    ZX_RIGHT_SET_PROPERTY, zx_vaddr_t,
};

use super::results::{deliver, spoil};
use crate::oracle::clause::clause;
use crate::oracle::context::{Context, Judged};
use crate::oracle::event::CallEvent;
use crate::oracle::handles::Entry;
use crate::oracle::memory::{Access, READ, Span, WRITE, is_user};
use crate::oracle::state::{Kind, State};
use crate::oracle::vmo::{Name, NameBytes, VmoId};
use crate::program::{Data, is_fill};

const NAME_LEN: u64 = ZX_MAX_NAME_LEN as u64;
/// Bytes of a name that count; the last is NUL (OBJ-SETPROP-06).
const LONGEST_NAME: u64 = NAME_LEN - 1;
/// Bytes of every property that is a number.
const NUMBER_LEN: u64 = 8;

/// The VMO that the handle names; of other objects no clause says what their
/// properties are, so any error of the call is allowed.
fn target(state: &State, cx: &mut Context<'_>, entry: &Entry) -> Option<VmoId> {
    match state.object(entry.object).kind {
        Kind::Vmo(vmo) => Some(vmo),
        _ => {
            for status in [
                ZX_ERR_WRONG_TYPE,
                ZX_ERR_NOT_SUPPORTED,
                ZX_ERR_INVALID_ARGS,
                ZX_ERR_BUFFER_TOO_SMALL,
            ] {
                cx.may(true, status, clause!("TYPE-07"));
            }
            None
        }
    }
}

/// Properties of other types of objects that can be asked for.
fn is_foreign(property: u32) -> bool {
    matches!(property, ZX_PROP_PROCESS_DEBUG_ADDR | ZX_PROP_PROCESS_VDSO_BASE_ADDRESS)
        || (ZX_PROP_SOCKET_RX_BUF_MAX..=ZX_PROP_SOCKET_TX_BUF_SIZE).contains(&property)
        || property == ZX_PROP_CHANNEL_TX_MSG_MAX
}

pub(super) fn judge_get(state: &mut State, cx: &mut Context<'_>, call: &CallEvent<'_>) -> Judged {
    let (property, value, size) = (call.int(1), call.long(2), call.long(3));
    cx.must(value == 0, ZX_ERR_INVALID_ARGS, clause!("OBJ-GETPROP-08"));
    let mut vmo = None;
    if let Some(entry) = cx.handle(state, call.int(0), clause!("OBJ-GETPROP-06")) {
        cx.rights(&entry, ZX_RIGHT_GET_PROPERTY, clause!("OBJ-GETPROP-05"));
        cx.promise(&entry, ZX_RIGHT_GET_PROPERTY, clause!("VMO-CREATE-32"));
        vmo = target(state, cx, &entry);
    }
    let mut span = Span { good: 0, access: Access::Good, mapped: false };
    if property == ZX_PROP_NAME {
        cx.must(size < NAME_LEN, ZX_ERR_BUFFER_TOO_SMALL, clause!("OBJ-GETPROP-03"));
        span = cx.span(state, value, NAME_LEN, WRITE);
        cx.pointer(span.access, clause!("OBJ-GETPROP-07"));
        cx.short_buffer(state, &span);
    } else {
        let access = cx.span(state, value, size.min(NUMBER_LEN), WRITE).access;
        if vmo.is_some() && is_foreign(property) {
            let short = size < NUMBER_LEN;
            cx.must(short, ZX_ERR_BUFFER_TOO_SMALL, clause!("OBJ-GETPROP-11"));
            cx.must(true, ZX_ERR_WRONG_TYPE, clause!("OBJ-GETPROP-10"));
        } else if vmo.is_some() || !is_foreign(property) {
            cx.must(true, ZX_ERR_INVALID_ARGS, clause!("OBJ-GETPROP-09"));
            cx.lenient(true, ZX_ERR_NOT_SUPPORTED, clause!("C-22"));
        }
        cx.pointer(access, clause!("OBJ-GETPROP-07"));
    }
    cx.no_memory(state, clause!("ND-03"));

    let success = cx.settle(state, clause!("OBJ-GETPROP-01"))?;
    if !success {
        spoil(state, cx, value, &span);
        return cx.untouched(call.untouched, clause!("OBJ-GETPROP-13"));
    }
    let Some(vmo) = vmo else {
        deliver(state, cx, (value, &span), NAME_LEN, &[]);
        return Ok(());
    };
    if let Some(bytes) = call.bytes {
        check_name(state, cx, vmo, bytes, call)?;
    }
    let known = match &state.vmo(vmo).name {
        Name::Known(name) => *name,
        _ => {
            deliver(state, cx, (value, &span), NAME_LEN, &[]);
            return Ok(());
        }
    };
    deliver(state, cx, (value, &span), NAME_LEN, &known);
    Ok(())
}

fn check_name(
    state: &mut State,
    cx: &mut Context<'_>,
    vmo: VmoId,
    bytes: &[u8],
    call: &CallEvent<'_>,
) -> Judged {
    let Some((name, rest)) = bytes.split_first_chunk() else { return Ok(()) };
    // A name may be seen that was one of several before.
    let was = state.vmo(vmo).name.clone();
    if !state.vmo_mut(vmo).name.observe(name) {
        let expected = match was {
            Name::Known(name) => Data::from_bytes(&name).to_string(),
            _ => "another name".to_owned(),
        };
        let clause = if matches!(was, Name::Known(known) if known == [0; ZX_MAX_NAME_LEN]) {
            clause!("VMO-CREATE-39")
        } else {
            clause!("OBJ-SETPROP-01")
        };
        return Err(cx.violation(clause, expected, Data::from_bytes(name).to_string()));
    }
    if call.overran || (cx.kernel && !is_fill(rest, call.pattern)) {
        return Err(cx.violation(clause!("OBJ-GETPROP-04"), "32 bytes stored", "more than that"));
    }
    Ok(())
}

pub(super) fn judge_set(state: &mut State, cx: &mut Context<'_>, call: &CallEvent<'_>) -> Judged {
    let (property, value, size) = (call.int(1), call.long(2), call.long(3));
    cx.must(value == 0, ZX_ERR_INVALID_ARGS, clause!("OBJ-SETPROP-04"));
    let mut vmo = None;
    let mut is_process = false;
    if let Some(entry) = cx.handle(state, call.int(0), clause!("OBJ-SETPROP-03")) {
        cx.rights(&entry, ZX_RIGHT_SET_PROPERTY, clause!("OBJ-SETPROP-02"));
        cx.promise(&entry, ZX_RIGHT_SET_PROPERTY, clause!("VMO-CREATE-33"));
        vmo = target(state, cx, &entry);
        is_process = matches!(state.object(entry.object).kind, Kind::Process { .. });
    }
    let len = size.min(LONGEST_NAME);
    match property {
        ZX_PROP_NAME => {
            let access = if len > 0 {
                cx.span(state, value, len, READ).access
            } else if cx.kernel && !is_user(true, cx.environment, value) {
                cx.reach(clause!("OBJ-SETPROP-17"));
                Access::Bad
            } else {
                Access::Good
            };
            cx.pointer(access, clause!("OBJ-SETPROP-05"));
            let unreadable = cx.span(state, value, size.max(1), READ).access != Access::Good;
            cx.lenient(unreadable, ZX_ERR_INVALID_ARGS, clause!("OBJ-SETPROP-05"));
        }
        _ if vmo.is_none() && is_process => {}
        ZX_PROP_PROCESS_DEBUG_ADDR => {
            let short = size < NUMBER_LEN;
            cx.must(short, ZX_ERR_BUFFER_TOO_SMALL, clause!("OBJ-SETPROP-14"));
            cx.must(true, ZX_ERR_WRONG_TYPE, clause!("OBJ-SETPROP-14"));
        }
        ZX_PROP_REGISTER_FS | ZX_PROP_REGISTER_GS => {
            // Other machines do not know them.
            cx.lenient(true, ZX_ERR_INVALID_ARGS, clause!("OBJ-SETPROP-15"));
            cx.lenient(true, ZX_ERR_NOT_SUPPORTED, clause!("C-22"));
            let short = size < NUMBER_LEN;
            cx.must(short, ZX_ERR_BUFFER_TOO_SMALL, clause!("OBJ-SETPROP-15"));
            cx.must(true, ZX_ERR_WRONG_TYPE, clause!("OBJ-SETPROP-15"));
        }
        _ => {
            cx.must(true, ZX_ERR_INVALID_ARGS, clause!("OBJ-SETPROP-13"));
            cx.lenient(true, ZX_ERR_NOT_SUPPORTED, clause!("C-22"));
            cx.lenient(is_foreign(property), ZX_ERR_WRONG_TYPE, clause!("C-22"));
        }
    }
    cx.no_memory(state, clause!("ND-03"));

    let success = cx.settle(state, clause!("OBJ-SETPROP-01"))?;
    if let Some(vmo) = vmo.filter(|_| success) {
        let name = new_name(state, cx, call, value, len as usize);
        state.vmo_mut(vmo).name = name;
    }
    Ok(())
}

/// The name that was set: it ends at the first NUL (OBJ-SETPROP-08).
fn new_name(
    state: &State,
    cx: &mut Context<'_>,
    call: &CallEvent<'_>,
    value: zx_vaddr_t,
    len: usize,
) -> Name {
    let in_memory;
    let bytes = match call.input.get(..len) {
        Some(bytes) => bytes,
        None => {
            in_memory = state.peek(cx.kernel, cx.environment, value, len);
            match &in_memory {
                Some(bytes) => bytes,
                None => return Name::Unknown,
            }
        }
    };
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    cx.examples(&[
        (call.long(3) > LONGEST_NAME, clause!("OBJ-SETPROP-06")),
        (end < bytes.len(), clause!("OBJ-SETPROP-08")),
        (bytes.is_empty(), clause!("OBJ-SETPROP-10")),
    ]);
    let mut name: NameBytes = [0; ZX_MAX_NAME_LEN];
    name[..end].copy_from_slice(&bytes[..end]);
    Name::Known(name)
}
