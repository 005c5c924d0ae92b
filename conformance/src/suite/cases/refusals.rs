//! Every error of every call alone: its status, that nothing has changed
//! afterwards, and that the call without the flaw then succeeds.

use vmo_abi::Capability::{Info, Properties, Signals};
use vmo_abi::{Capability, Syscall, ZX_ERR_INVALID_ARGS};

use super::ladders::{Flaw, Flawed, Ladder, Rung, flawed, ladders};
use super::prototypes::{Clauses, Object, Prototype};
use crate::program::{Address, Value};
use crate::suite::{Checked, Context, Suite};

/// What a snapshot needs.
const SNAPSHOT: &[Capability] = &[Info, Properties, Signals];

/// Makes a call with a flaw.
fn refuse(cx: &mut Context<'_>, prototype: &Prototype, rung: &Rung, call: &Flawed) -> Checked {
    let answer = cx.call(call.syscall, call.arguments.clone())?;
    let statuses: Vec<_> = rung.statuses(cx.level(), prototype).collect();
    let answer = answer.one_of(&statuses)?;
    // What a failing vmar_allocate stores is conflict C-30, and what
    // object_get_info stores before it finds a bad pointer is OBJ-INFO-14.
    let may_store = matches!(call.syscall, Syscall::vmar_allocate | Syscall::object_get_info);
    if may_store { Ok(()) } else { answer.untouched().map(drop) }
}

/// Whether a failing call takes its handle away (HANDLE-REPLACE-04).
fn consumes(rung: &Rung, call: &Flawed) -> bool {
    call.syscall == Syscall::handle_replace && !matches!(rung.flaw, Flaw::BadHandle)
}

pub(super) fn add(suite: &mut Suite) {
    for ladder in ladders() {
        for rung in ladder.rungs {
            add_status(suite, ladder, rung);
            add_effect(suite, ladder, rung);
            add_snapshot(suite, ladder, rung);
        }
    }
    add_info(suite);
}

/// `object_get_info` stores record and counts one after the other.
fn add_info(suite: &mut Suite) {
    let ladders = ladders().filter(|ladder| ladder.prototype().syscall == Syscall::object_get_info);
    for ladder in ladders {
        for (name, bad, stored, kept) in [
            ("buffer", 2, &[][..], &[4, 5][..]),
            ("actual", 4, &[][..], &[5][..]),
            ("avail", 5, &[4][..], &[][..]),
        ] {
            let prototype = ladder.prototype();
            suite.test(
                format!("{}::what_is_stored_before_a_bad_{name}", prototype.name),
                &["OBJ-INFO-14"],
                &prototype.needs_and(&[]),
                move |cx| {
                    let object = prototype.object.make(cx)?;
                    let mut arguments = (prototype.arguments)(cx, object, object)?;
                    arguments[bad] = Value::Address(Address::Unmapped);
                    let answer = cx.call(prototype.syscall, arguments)?.is(ZX_ERR_INVALID_ARGS)?;
                    let holds = stored.iter().all(|position| answer.has_word(*position))
                        && !kept.iter().any(|position| answer.has_word(*position));
                    cx.expect(holds, "what comes before stored, and no more", "otherwise")
                },
            );
        }
    }
}

/// The clauses that say that nothing has changed. Of a write that fails on the
/// way the pages leave open how much was written (VMO-WRITE-15).
fn clauses_of_state(ladder: &Ladder, rung: &Rung) -> Clauses {
    let prototype = ladder.prototype();
    match prototype.syscall {
        Syscall::vmo_write if !rung.is_of_handle(prototype.position) => &["VMO-WRITE-14"],
        _ => rung.state.unwrap_or(rung.clauses),
    }
}

fn add_status(suite: &mut Suite, ladder: &'static Ladder, rung: &'static Rung) {
    let prototype = ladder.prototype();
    suite.test(
        format!("{}::{}", prototype.name, rung.name),
        rung.clauses,
        &prototype.needs_and(&rung.all_needs()),
        move |cx| {
            let call = flawed(cx, prototype, &[rung])?;
            refuse(cx, prototype, rung, &call)?;
            // Asked again it answers the same.
            let is_other_call = consumes(rung, &call) || rung.may_leave_something;
            if is_other_call { Ok(()) } else { refuse(cx, prototype, rung, &call) }
        },
    );
}

/// What the call would have done has not been done; and then it is.
fn add_effect(suite: &mut Suite, ladder: &'static Ladder, rung: &'static Rung) {
    let prototype = ladder.prototype();
    if prototype.object == Object::None || rung.may_leave_something {
        return;
    }
    suite.test(
        format!("{}::works_after_{}", prototype.name, rung.name),
        clauses_of_state(ladder, rung),
        &prototype.needs_and_effect(&rung.all_needs()),
        move |cx| {
            let call = flawed(cx, prototype, &[rung])?;
            let before = prototype.look(cx, call.object, &call.sound)?;
            refuse(cx, prototype, rung, &call)?;
            let after = prototype.look(cx, call.object, &call.sound)?;
            if consumes(rung, &call) {
                return cx.expect(before != after, "the handle gone", "still there");
            }
            cx.expect(before == after, "everything as before", "something changed")?;
            if !call.mend(cx, rung)? {
                return Ok(());
            }
            let mended = prototype.look(cx, call.object, &call.sound)?;
            cx.call(call.syscall, call.sound.clone())?.ok()?;
            let done = prototype.look(cx, call.object, &call.sound)?;
            let holds = (mended != done) == prototype.effect.shows;
            cx.expect(holds, "the effect of the call", "another")
        },
    );
}

/// Nothing else has changed either.
fn add_snapshot(suite: &mut Suite, ladder: &'static Ladder, rung: &'static Rung) {
    let prototype = ladder.prototype();
    // A VMO that is not cached cannot be read.
    if prototype.object != Object::Vmo || matches!(rung.flaw, Flaw::Uncached) {
        return;
    }
    let mut needs = prototype.needs_and(&rung.all_needs());
    needs.extend(SNAPSHOT);
    suite.test(
        format!("{}::nothing_changes_by_{}", prototype.name, rung.name),
        clauses_of_state(ladder, rung),
        &needs,
        move |cx| {
            let call = flawed(cx, prototype, &[rung])?;
            if consumes(rung, &call) {
                return refuse_through_a_second(cx, prototype, rung, &call);
            }
            let before = cx.snapshot(call.object)?;
            refuse(cx, prototype, rung, &call)?;
            cx.expect_unchanged(call.object, &before)
        },
    );
}

/// A call that takes its handle away even when it fails leaves the object as it
/// was for its other handle.
fn refuse_through_a_second(
    cx: &mut Context<'_>,
    prototype: &Prototype,
    rung: &Rung,
    call: &Flawed,
) -> Checked {
    let before = cx.snapshot(call.object)?;
    let second = cx.duplicate_same(call.object)?;
    let mut arguments = call.arguments.clone();
    arguments[0] = second.into();
    let call = Flawed { syscall: call.syscall, arguments, sound: Vec::new(), object: call.object };
    refuse(cx, prototype, rung, &call)?;
    cx.expect_unchanged(call.object, &before)
}
