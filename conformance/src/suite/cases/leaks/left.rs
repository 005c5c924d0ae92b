//! What refused calls leave behind, seen from outside of the process: no entry
//! for a VMO or a mapping that was not there before.

use vmo_abi::Capability::{Info, ProcessVmos};
use vmo_abi::Syscall;

use crate::suite::cases::ladders::{Flaw, Ladder, Rung, flawed, ladders};
use crate::suite::cases::prototypes::Clauses;
use crate::suite::{Checked, Context, Suite};

/// The clauses about calls that make a handle or a mapping.
fn clauses_of(syscall: Syscall) -> Option<Clauses> {
    Some(match syscall {
        Syscall::vmo_create => &["VMO-CREATE-15"],
        Syscall::vmo_clone => &["VMO-CLONE-16", "GEN-05"],
        Syscall::vmar_map => &["VMAR-MAP-35"],
        Syscall::vmar_protect => &["VMAR-PROTECT-12"],
        Syscall::vmar_unmap => &["VMAR-UNMAP-05"],
        Syscall::handle_duplicate => &["HANDLE-DUP-12", "GEN-05"],
        Syscall::handle_replace => &["HANDLE-REPLACE-04"],
        _ => return None,
    })
}

pub(super) fn add(suite: &mut Suite) {
    for ladder in ladders() {
        let prototype = ladder.prototype();
        let Some(clauses) = clauses_of(prototype.syscall) else { continue };
        for rung in ladder.rungs {
            let mut needs = prototype.needs_and(&rung.all_needs());
            needs.extend([Info, ProcessVmos]);
            suite.test(
                format!("nothing_is_left::{}::{}", prototype.name, rung.name),
                clauses,
                &needs,
                move |cx| refuse_and_count(cx, ladder, rung),
            );
        }
    }
}

fn refuse_and_count(cx: &mut Context<'_>, ladder: &Ladder, rung: &Rung) -> Checked {
    let call = flawed(cx, ladder.prototype(), &[rung])?;
    let before = cx.vmo_infos()?.len();
    let answer = cx.call(call.syscall, call.arguments)?;
    let statuses: Vec<_> = rung.statuses(cx.level(), ladder.prototype()).collect();
    answer.one_of(&statuses)?;
    // A failing replace takes its handle with it.
    let takes_one =
        call.syscall == Syscall::handle_replace && !matches!(rung.flaw, Flaw::BadHandle);
    let expected = before - usize::from(takes_one);
    let after = cx.vmo_infos()?.len();
    cx.expect(after == expected, format!("{expected} entries"), format!("{after} entries"))
}
