//! `object_signal` and `object_signal_peer`.

use vmo_abi::{
    ZX_ERR_ACCESS_DENIED, ZX_ERR_INVALID_ARGS, ZX_ERR_NOT_SUPPORTED, ZX_ERR_PEER_CLOSED,
    ZX_RIGHT_SIGNAL, ZX_RIGHT_SIGNAL_PEER, ZX_USER_SIGNAL_ALL,
};

use crate::oracle::clause::clause;
use crate::oracle::context::{Context, Judged};
use crate::oracle::event::CallEvent;
use crate::oracle::handles::{ObjectId, Rights};
use crate::oracle::state::{Kind, State};

/// The signal that an event has besides the user signals.
const EVENT_SIGNALED: u32 = 1 << 3;

pub(super) fn judge(state: &mut State, cx: &mut Context<'_>, call: &CallEvent<'_>) -> Judged {
    let (clear, set) = (call.int(1), call.int(2));
    let entry = cx.handle(state, call.int(0), clause!("OBJ-SIGNAL-08"));
    let mut own = 0;
    if let Some(entry) = &entry {
        cx.rights(entry, ZX_RIGHT_SIGNAL, clause!("OBJ-SIGNAL-06"));
        if state.object(entry.object).kind == Kind::Event {
            own = EVENT_SIGNALED;
        }
    }
    let illegal = (clear | set) & !ZX_USER_SIGNAL_ALL;
    cx.must(illegal & !own != 0, ZX_ERR_INVALID_ARGS, clause!("OBJ-SIGNAL-03"));
    // No clause says what an event's own signal does here.
    cx.may(illegal & own != 0, ZX_ERR_INVALID_ARGS, clause!("OBJ-SIGNAL-03"));

    let success = cx.settle(state, clause!("OBJ-SIGNAL-02"))?;
    if let Some(mut entry) = entry.filter(|_| success) {
        if entry.rights.have & ZX_RIGHT_SIGNAL == 0 {
            entry.rights = Rights { have: entry.rights.have | ZX_RIGHT_SIGNAL, ..entry.rights };
            state.handles_mut().set_rights(entry.value, entry.rights);
        }
        change(state, cx, entry.object, clear, set);
    }
    Ok(())
}

fn change(state: &mut State, cx: &mut Context<'_>, object: ObjectId, clear: u32, set: u32) {
    cx.examples(&[
        (clear & set != 0, clause!("OBJ-SIGNAL-01")),
        (clear | set == 0, clause!("OBJ-SIGNAL-10")),
    ]);
    let object = state.object_mut(object);
    object.signals = (object.signals & !clear | set) & ZX_USER_SIGNAL_ALL;
}

pub(super) fn judge_peer(state: &mut State, cx: &mut Context<'_>, call: &CallEvent<'_>) -> Judged {
    let (clear, set) = (call.int(1), call.int(2));
    let entry = cx.handle(state, call.int(0), clause!("OBJ-SIGNAL-08"));
    let mut peer = None;
    if let Some(entry) = &entry {
        match state.object(entry.object).kind {
            Kind::Channel(other) => {
                peer = other;
                cx.rights(entry, ZX_RIGHT_SIGNAL_PEER, clause!("OBJ-SIGNAL-14"));
            }
            _ => {
                cx.must(true, ZX_ERR_ACCESS_DENIED, clause!("OBJ-SIGNAL-14"));
                cx.lenient(true, ZX_ERR_NOT_SUPPORTED, clause!("C-23"));
            }
        }
    }
    let illegal = (clear | set) & !ZX_USER_SIGNAL_ALL != 0;
    let orphaned = entry.is_some() && peer.is_none();
    if orphaned && illegal {
        // No clause says which is found first.
        cx.may(true, ZX_ERR_PEER_CLOSED, clause!("OBJ-SIGNAL-14"));
    }
    cx.must(illegal, ZX_ERR_INVALID_ARGS, clause!("OBJ-SIGNAL-03"));
    cx.must(orphaned, ZX_ERR_PEER_CLOSED, clause!("OBJ-SIGNAL-14"));

    let success = cx.settle(state, clause!("OBJ-SIGNAL-14"))?;
    if let Some(peer) = peer.filter(|_| success) {
        change(state, cx, peer, clear, set);
    }
    Ok(())
}
