//! Two errors at once: at the level of the kernel the one that it finds first,
//! below it any of the two (ND-07). And with as many others as go together.

use super::ladders::{Ladder, Rung, flawed, ladders};
use crate::level::Level;
use crate::suite::{Checked, Context, Suite};

fn judge(cx: &mut Context<'_>, ladder: &Ladder, rungs: &[&Rung]) -> Checked {
    let call = flawed(cx, ladder.prototype(), rungs)?;
    let answer = cx.call(call.syscall, call.arguments)?;
    let level = cx.level();
    if level != Level::Kernel && !rungs.iter().all(|rung| rung.is_of_pages()) {
        // No page says with which status the others are refused, if they are.
        let is_refused = answer.status().is_some_and(|status| status < 0);
        let actual = format!("{:?}", answer.result());
        return if is_refused { Ok(()) } else { Err(answer.failure("an error", actual)) };
    }
    let found = if level == Level::Kernel { &rungs[..1] } else { rungs };
    let statuses: Vec<_> =
        found.iter().flat_map(|rung| rung.statuses(level, ladder.prototype())).collect();
    answer.one_of(&statuses).map(drop)
}

/// Adds a case for rungs in the order of the ladder. It is run at the level of
/// the pages if these ask for one of the errors, so that the call may not
/// succeed.
fn add_case(suite: &mut Suite, ladder: &'static Ladder, name: String, rungs: Vec<&'static Rung>) {
    let prototype = ladder.prototype();
    let more: Vec<_> = rungs.iter().flat_map(|rung| rung.all_needs()).collect();
    let of_pages = rungs.iter().any(|rung| rung.is_of_pages());
    let level = if of_pages { Level::Page } else { Level::Kernel };
    suite
        .test(
            format!("{}::{name}", prototype.name),
            ladder.order,
            &prototype.needs_and(&more),
            move |cx| judge(cx, ladder, &rungs),
        )
        .at(level);
}

pub(super) fn add(suite: &mut Suite) {
    for ladder in ladders() {
        let go_together = |first: &Rung, second: &Rung| first.goes_with(second, ladder.prototype());
        for (index, first) in ladder.rungs.iter().enumerate() {
            let later = &ladder.rungs[index + 1..];
            for second in later.iter().filter(|second| go_together(first, second)) {
                let name = format!("{}_before_{}", first.name, second.name);
                add_case(suite, ladder, name, vec![first, second]);
            }
            // As many later errors as go together, from the first on and from
            // the last on: a check in the wrong place shows beside any other.
            for (way, rungs) in [
                ("first", later.iter().collect::<Vec<_>>()),
                ("last", later.iter().rev().collect::<Vec<_>>()),
            ] {
                let mut all = vec![first];
                for rung in rungs {
                    if all.iter().all(|known| go_together(known, rung)) {
                        all.push(rung);
                    }
                }
                if all.len() > 2 {
                    all[1..].sort_by_key(|rung| {
                        later.iter().position(|known| std::ptr::eq(known, *rung))
                    });
                    let name = format!("{}_before_all_others_{way}", first.name);
                    add_case(suite, ladder, name, all);
                }
            }
        }
    }
}
