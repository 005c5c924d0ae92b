//! `event_create`, `channel_create` and `port_create`.
//!
//! The contract only says what these objects are good for: being no VMO, and
//! having rights and signals (section 1.3).

use vmo_abi::{
    ZX_DEFAULT_CHANNEL_RIGHTS, ZX_DEFAULT_EVENT_RIGHTS, ZX_DEFAULT_PORT_RIGHTS, ZX_ERR_INVALID_ARGS,
};

use super::results::{new_handle, overlap, spoil};
use crate::oracle::clause::clause;
use crate::oracle::context::{Context, Judged};
use crate::oracle::event::CallEvent;
use crate::oracle::handles::Origin;
use crate::oracle::state::{Kind, State, rights_by_level};

fn judge_one(
    state: &mut State,
    cx: &mut Context<'_>,
    call: &CallEvent<'_>,
    kind: Kind,
    rights: u32,
) -> Judged {
    let (options, out) = (call.int(0), call.long(1));
    if kind == Kind::Port {
        // Ports have an option that is no part of the contract.
        cx.may(options != 0, ZX_ERR_INVALID_ARGS, clause!("TYPE-07"));
    } else {
        cx.must(options != 0, ZX_ERR_INVALID_ARGS, clause!("TYPE-07"));
    }
    cx.no_memory(state, clause!("ND-03"));
    let span = cx.place(state, out, 4, clause!("GEN-05"));
    if !cx.settle(state, clause!("TYPE-07"))? {
        spoil(state, cx, out, &span);
        return cx.untouched(call.untouched, clause!("GEN-06"));
    }
    let object = state.new_object(kind);
    let rights = rights_by_level(cx.kernel, rights, 0);
    new_handle(
        state,
        cx,
        (out, &span),
        call.stored(1),
        (object, (rights, Origin::Other)),
        clause!("TYPE-07"),
    )
}

pub(super) fn judge_event(state: &mut State, cx: &mut Context<'_>, call: &CallEvent<'_>) -> Judged {
    judge_one(state, cx, call, Kind::Event, ZX_DEFAULT_EVENT_RIGHTS)
}

pub(super) fn judge_port(state: &mut State, cx: &mut Context<'_>, call: &CallEvent<'_>) -> Judged {
    judge_one(state, cx, call, Kind::Port, ZX_DEFAULT_PORT_RIGHTS)
}

pub(super) fn judge_channel(
    state: &mut State,
    cx: &mut Context<'_>,
    call: &CallEvent<'_>,
) -> Judged {
    let (options, one, other) = (call.int(0), call.long(1), call.long(2));
    cx.must(options != 0, ZX_ERR_INVALID_ARGS, clause!("TYPE-07"));
    cx.no_memory(state, clause!("ND-03"));
    let span_one = cx.place(state, one, 4, clause!("GEN-05"));
    let span_other = cx.place(state, other, 4, clause!("GEN-05"));
    if !cx.settle(state, clause!("TYPE-07"))? {
        // One handle may have been stored before the other place was found bad.
        for (address, span) in [(one, span_one), (other, span_other)] {
            if span.mapped {
                let how = cx.how().perhaps();
                state.deliver(how, cx.environment, address, span.good, &[]);
            }
        }
        return Ok(());
    }
    if overlap(state, cx, (one, 4), (other, 4)) {
        // Nobody knows which of the handles is still there.
        state.lost = true;
        return Ok(());
    }
    let rights = rights_by_level(cx.kernel, ZX_DEFAULT_CHANNEL_RIGHTS, 0);
    let (object_one, object_other) = state.new_pair();
    for (argument, address, span, object) in
        [(1, one, span_one, object_one), (2, other, span_other, object_other)]
    {
        let stored = call.stored(argument);
        let missing = clause!("TYPE-07");
        new_handle(
            state,
            cx,
            (address, &span),
            stored,
            (object, (rights, Origin::Other)),
            missing,
        )?;
    }
    Ok(())
}
