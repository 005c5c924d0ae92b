//! `channel_write` and `channel_read`.
//!
//! The contract mentions channels only as a way for handles to go
//! (VMO-CREATE-31, SIG-ZC-22); what the calls themselves answer is taken from
//! the kernel, at either level.

use vmo_abi::{
    ZX_CHANNEL_MAX_MSG_BYTES, ZX_CHANNEL_MAX_MSG_HANDLES, ZX_CHANNEL_READ_MAY_DISCARD,
    ZX_ERR_ACCESS_DENIED, ZX_ERR_BAD_HANDLE, ZX_ERR_BUFFER_TOO_SMALL, ZX_ERR_INVALID_ARGS,
    ZX_ERR_NOT_SUPPORTED, ZX_ERR_OUT_OF_RANGE, ZX_ERR_PEER_CLOSED, ZX_ERR_SHOULD_WAIT,
    ZX_ERR_WRONG_TYPE, ZX_RIGHT_READ, ZX_RIGHT_TRANSFER, ZX_RIGHT_WRITE, zx_handle_t,
};

use super::results::{deliver, new_handle};
use crate::oracle::clause::clause;
use crate::oracle::context::{Context, Judged};
use crate::oracle::event::{CallEvent, Stored};
use crate::oracle::handles::{Entry, Named, ObjectId, Origin};
use crate::oracle::memory::{Access, READ, Span, WRITE};
use crate::oracle::state::{Kind, Message, State};
use crate::program::Data;

/// The end of a channel that the handle has to name.
fn channel(state: &State, cx: &mut Context<'_>, entry: &Entry) -> Option<Option<ObjectId>> {
    match state.object(entry.object).kind {
        Kind::Channel(peer) => Some(peer),
        _ => {
            cx.must(true, ZX_ERR_WRONG_TYPE, clause!("TYPE-07"));
            None
        }
    }
}

pub(super) fn judge_write(state: &mut State, cx: &mut Context<'_>, call: &CallEvent<'_>) -> Judged {
    let (bytes, len) = (call.long(2), call.int(3));
    let (array, count) = (call.long(4), call.int(5));
    cx.must(call.int(1) != 0, ZX_ERR_INVALID_ARGS, clause!("TYPE-07"));
    let entry = cx.handle(state, call.int(0), clause!("GEN-03"));
    let mut channel_end = None;
    if let Some(entry) = &entry {
        cx.rights(entry, ZX_RIGHT_WRITE, clause!("TYPE-07"));
        channel_end = channel(state, cx, entry);
    }
    let too_large = len > ZX_CHANNEL_MAX_MSG_BYTES || count > ZX_CHANNEL_MAX_MSG_HANDLES;
    cx.must(too_large, ZX_ERR_OUT_OF_RANGE, clause!("TYPE-07"));
    cx.no_memory(state, clause!("ND-03"));
    let bytes_access = cx.span(state, bytes, u64::from(len), READ).access;
    cx.pointer(bytes_access, clause!("GEN-07"));
    let array_len = u64::from(count) * 4;
    let array_access = cx.span(state, array, array_len, READ).access;
    cx.pointer(array_access, clause!("GEN-07"));
    if array_access == Access::Unknown {
        state.lost = true;
        return Ok(());
    }
    let values = if array_access == Access::Good {
        let Some(values) = values(state, cx, call, array, array_len as usize) else {
            state.lost = true;
            return Ok(());
        };
        values
    } else {
        Vec::new()
    };
    let is_unclear = |value: &zx_handle_t| matches!(state.handles.find(*value), Named::Perhaps(_));
    if !cx.kernel && values.iter().any(is_unclear) {
        // Whether bit 0 counts is open (HV-06), and so is what was taken.
        state.lost = true;
        return Ok(());
    }
    let own = entry.map(|entry| entry.object);
    check_handles(state, cx, &values, own);
    let orphaned = channel_end == Some(None);
    cx.must(orphaned, ZX_ERR_PEER_CLOSED, clause!("TYPE-07"));

    let success = cx.settle(state, clause!("VMO-CREATE-31"))?;
    let message = in_memory(state, cx, call, bytes, len as usize);
    // The handles are gone in any case.
    let mut handles = Vec::new();
    for value in values {
        let entry = match state.handles.find(value) {
            Named::Handle(entry) | Named::Perhaps(entry) => entry,
            Named::Nothing => continue,
        };
        state.handles_mut().remove(entry.value);
        handles.push((entry.object, entry.rights));
    }
    match channel_end {
        Some(Some(to)) if success => {
            cx.reach(clause!("OBJ-INFO-20"));
            let message = Message { to, len, bytes: message.map(Into::into), handles };
            state.messages_mut().push(message);
        }
        _ => handles.iter().for_each(|(object, _)| state.drop_handle(*object)),
    }
    Ok(())
}

/// The bytes of the message, if they are known.
fn in_memory(
    state: &State,
    cx: &Context<'_>,
    call: &CallEvent<'_>,
    address: u64,
    len: usize,
) -> Option<Vec<u8>> {
    if len > ZX_CHANNEL_MAX_MSG_BYTES as usize {
        return None;
    }
    match call.input.get(..len) {
        Some(bytes) => Some(bytes.to_vec()),
        None => state.peek(cx.kernel, cx.environment, address, len),
    }
}

/// The array of handles; `None` if what is there is not known.
fn values(
    state: &State,
    cx: &Context<'_>,
    call: &CallEvent<'_>,
    address: u64,
    len: usize,
) -> Option<Vec<zx_handle_t>> {
    let in_mapping;
    let bytes = match call.handles.get(..len) {
        Some(bytes) => bytes,
        None if len > 1 << 16 => return None,
        None => {
            in_mapping = state.peek(cx.kernel, cx.environment, address, len)?;
            &in_mapping
        }
    };
    Some(bytes.as_chunks().0.iter().map(|value| zx_handle_t::from_le_bytes(*value)).collect())
}

/// What is wrong with the first bad handle of the array.
fn check_handles(
    state: &State,
    cx: &mut Context<'_>,
    values: &[zx_handle_t],
    own: Option<ObjectId>,
) {
    for (index, value) in values.iter().enumerate() {
        let entry = match state.handles.find(*value) {
            Named::Handle(entry) | Named::Perhaps(entry)
                if !values[..index].iter().any(|before| before | 1 == value | 1) =>
            {
                entry
            }
            _ => {
                cx.must(true, ZX_ERR_BAD_HANDLE, clause!("GEN-03"));
                continue;
            }
        };
        let missing = entry.rights.may & ZX_RIGHT_TRANSFER == 0;
        cx.must(missing, ZX_ERR_ACCESS_DENIED, clause!("VMO-CREATE-31"));
        let unsure = entry.rights.have & ZX_RIGHT_TRANSFER == 0;
        cx.may(unsure, ZX_ERR_ACCESS_DENIED, clause!("VMO-CREATE-31"));
        let is_own = own == Some(entry.object);
        cx.must(is_own, ZX_ERR_NOT_SUPPORTED, clause!("TYPE-07"));
    }
}

pub(super) fn judge_read(state: &mut State, cx: &mut Context<'_>, call: &CallEvent<'_>) -> Judged {
    let options = call.int(1);
    let (bytes, handles) = (call.long(2), call.long(3));
    let (num_bytes, num_handles) = (call.int(4), call.int(5));
    let entry = cx.handle(state, call.int(0), clause!("GEN-03"));
    let mut peer = None;
    if let Some(entry) = &entry {
        cx.rights(entry, ZX_RIGHT_READ, clause!("TYPE-07"));
        peer = channel(state, cx, entry);
    }
    let unknown = options & !ZX_CHANNEL_READ_MAY_DISCARD != 0;
    cx.must(unknown, ZX_ERR_NOT_SUPPORTED, clause!("TYPE-07"));
    let end = entry.filter(|_| peer.is_some()).map(|entry| entry.object);
    let waiting = end.and_then(|end| state.messages.iter().find(|message| message.to == end));
    let sizes = waiting.map(|message| (message.len, message.handles.len() as u32));
    if peer.is_some() && sizes.is_none() {
        let status = if peer == Some(None) { ZX_ERR_PEER_CLOSED } else { ZX_ERR_SHOULD_WAIT };
        cx.must(true, status, clause!("TYPE-07"));
    }
    let was_read = !cx.must_fail();
    let good = Span { good: 0, access: Access::Good, mapped: false };
    let mut counts = [(6, good), (7, good)];
    for (argument, span) in &mut counts {
        if call.long(*argument) != 0 {
            *span = cx.place(state, call.long(*argument), 4, clause!("GEN-07"));
        }
    }
    let (len, count) = sizes.unwrap_or((0, 0));
    let too_small = sizes.is_some() && (len > num_bytes || count > num_handles);
    cx.must(too_small, ZX_ERR_BUFFER_TOO_SMALL, clause!("TYPE-07"));
    let span = cx.span(state, bytes, u64::from(len), WRITE);
    cx.pointer(span.access, clause!("GEN-07"));
    cx.short_buffer(state, &span);

    let success = cx.settle(state, clause!("VMO-CREATE-31"))?;
    for (argument, span) in &counts {
        if span.mapped {
            let address = call.long(*argument);
            state.deliver(cx.how().perhaps(), cx.environment, address, span.good, &[]);
        }
    }
    let Some(end) = end.filter(|_| was_read) else { return Ok(()) };
    if !success {
        // Of a buffer that is good in part that part may have been stored (GEN-09).
        let handles_span = cx.span(state, handles, u64::from(count) * 4, WRITE);
        for (address, span) in [(bytes, &span), (handles, &handles_span)] {
            if span.mapped && !too_small {
                state.deliver(cx.how().perhaps(), cx.environment, address, span.good, &[]);
            }
        }
        // What was taken out and could not be stored is gone.
        if !too_small || options & ZX_CHANNEL_READ_MAY_DISCARD != 0 {
            discard(state, end);
        }
        return Ok(());
    }
    let Some(message) = state.take_message(end) else { return Ok(()) };
    if let (Some(known), Some(stored)) = (&message.bytes, call.bytes)
        && let Some(stored) = stored.get(..known.len())
        && known[..] != *stored
    {
        let (expected, actual) = (Data::from_bytes(known), Data::from_bytes(stored));
        return Err(cx.violation(clause!("TYPE-07"), expected.to_string(), actual.to_string()));
    }
    deliver(state, cx, (bytes, &span), u64::from(len), message.bytes.as_deref().unwrap_or(&[]));
    receive(state, cx, call, handles, &message)
}

/// Nobody reads the message any more.
fn discard(state: &mut State, end: ObjectId) {
    if let Some(message) = state.take_message(end) {
        message.handles.iter().for_each(|(object, _)| state.drop_handle(*object));
    }
}

/// The handles of a message are the reader's. The tester looks at the first of
/// them only.
fn receive(
    state: &mut State,
    cx: &mut Context<'_>,
    call: &CallEvent<'_>,
    address: u64,
    message: &Message,
) -> Judged {
    let count = message.handles.len() as u64;
    let span = cx.span(state, address, count * 4, WRITE);
    for (index, (object, rights)) in message.handles.iter().enumerate() {
        // In the message it was counted, too.
        let stored = if index == 0 && span.access == Access::Good {
            call.stored(3)
        } else {
            Stored::Unknown
        };
        let place = (address.saturating_add(index as u64 * 4), &span);
        let rights = (*rights, Origin::Other);
        new_handle(state, cx, place, stored, (*object, rights), clause!("HV-09"))?;
        state.drop_handle(*object);
    }
    Ok(())
}
