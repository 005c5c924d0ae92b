//! Every error of every call alone: its status, that nothing has changed
//! afterwards, and that the call without the flaw then succeeds.

use vmo_abi::Capability::{CachePolicy, Handles, Info, OtherObjects, Properties, Regions, Signals};
use vmo_abi::{Capability, Syscall};

use super::ladders::{Flaw, LADDERS, Ladder, Rung, flawed};
use super::prototypes::Object;
use crate::suite::{Checked, Context, Suite};

const LOOKING: &[Capability] =
    &[Handles, Info, OtherObjects, Properties, Regions, Signals, CachePolicy];

fn refuse_and_look(cx: &mut Context<'_>, ladder: &Ladder, rung: &Rung) -> Checked {
    let prototype = ladder.prototype();
    let call = flawed(cx, prototype, &[rung.flaw])?;
    // A VMO that is not cached cannot be read.
    let is_seen = prototype.object == Object::Vmo && !matches!(rung.flaw, Flaw::Uncached);
    let before = if is_seen { Some(cx.snapshot(call.object)?) } else { None };
    let answer = cx.call(call.syscall, call.arguments)?.is(rung.status)?;
    // What a failing vmar_allocate stores is conflict C-30.
    if call.syscall != Syscall::vmar_allocate {
        answer.untouched()?;
    }
    match before {
        Some(before) => cx.expect_unchanged(call.object, &before),
        None => cx.expect_valid(call.object, true),
    }
}

pub(super) fn add(suite: &mut Suite) {
    for ladder in LADDERS {
        for rung in ladder.rungs {
            suite.test(
                format!("{}::{}", ladder.prototype, rung.name),
                rung.clauses,
                &ladder.prototype().needs_and(LOOKING),
                move |cx| refuse_and_look(cx, ladder, rung),
            );
            let lasts = matches!(rung.flaw, Flaw::Uncached | Flaw::Destroyed | Flaw::Committed);
            if lasts {
                continue;
            }
            suite.test(
                format!("{}::works_after_{}", ladder.prototype, rung.name),
                rung.clauses,
                &ladder.prototype().needs_and(LOOKING),
                move |cx| {
                    let prototype = ladder.prototype();
                    let call = flawed(cx, prototype, &[rung.flaw])?;
                    cx.call(call.syscall, call.arguments)?.is(rung.status)?;
                    let arguments = (prototype.arguments)(cx, call.object, call.object)?;
                    cx.call(prototype.syscall, arguments)?.ok().map(drop)
                },
            );
        }
    }
}
