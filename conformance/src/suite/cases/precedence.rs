//! Two errors at once: at the level of the kernel the one that it finds first,
//! below it any of the two (ND-07).

use vmo_abi::Capability::{CachePolicy, Handles, Info, OtherObjects, Regions};

use super::ladders::{Flaw, LADDERS, Ladder, Rung, flawed};
use crate::level::Level;
use crate::suite::{Checked, Context, Suite};

/// The clauses that fix the order of a call's checks.
fn order_of(ladder: &Ladder) -> &'static [&'static str] {
    match ladder.prototype {
        "vmo_read" => &["VMO-READ-13", "VMO-READ-17"],
        "vmo_write" => &["VMO-WRITE-13", "VMO-WRITE-19"],
        "vmo_get_size" => &["VMO-GETSIZE-06"],
        "vmo_clone" => &["VMO-CLONE-18"],
        "vmo_op_range_commit" | "vmo_op_range_decommit" => &["VMO-OPRANGE-07", "VMO-OPRANGE-08"],
        "vmo_op_range_sync" | "vmo_op_range_invalidate" => &["VMO-OPRANGE-41", "VMO-OPRANGE-08"],
        "vmo_set_cache_policy" => &["VMO-CACHEPOL-03"],
        "vmar_map_vmo" | "vmar_map_vmar" => &["VMAR-MAP-04", "VMAR-MAP-06"],
        "vmar_unmap" => &["VMAR-UNMAP-13"],
        "handle_duplicate" => &["HANDLE-DUP-09"],
        "object_get_property" => &["OBJ-GETPROP-08", "OBJ-GETPROP-12"],
        "object_set_property" => &["OBJ-SETPROP-04"],
        "object_get_info_count" | "object_get_info_basic" => &["OBJ-INFO-17"],
        "object_signal" => &["OBJ-SIGNAL-09"],
        "object_wait_one" => &["OBJ-WAIT-11"],
        _ => &["GEN-01", "GEN-02"],
    }
}

/// What making a flaw needs.
fn needs_of(flaw: Flaw) -> &'static [vmo_abi::Capability] {
    match flaw {
        Flaw::WrongType => &[OtherObjects, Regions, Handles],
        Flaw::Denied(_) => &[Handles, Info],
        Flaw::Uncached => &[CachePolicy],
        Flaw::Destroyed => &[Regions],
        Flaw::BadHandle | Flaw::Committed | Flaw::Argument(_) => &[],
    }
}

fn judge(cx: &mut Context<'_>, ladder: &Ladder, first: &Rung, second: &Rung) -> Checked {
    let call = flawed(cx, ladder.prototype(), &[first.flaw, second.flaw])?;
    let answer = cx.call(call.syscall, call.arguments)?;
    if cx.level() == Level::Kernel {
        answer.is(first.status).map(drop)
    } else {
        answer.one_of(&[first.status, second.status]).map(drop)
    }
}

pub(super) fn add(suite: &mut Suite) {
    for ladder in LADDERS {
        for (index, first) in ladder.rungs.iter().enumerate() {
            for second in &ladder.rungs[index + 1..] {
                if !first.flaw.goes_with(second.flaw) {
                    continue;
                }
                let more = [needs_of(first.flaw), needs_of(second.flaw)].concat();
                suite
                    .test(
                        format!("{}::{}_before_{}", ladder.prototype, first.name, second.name),
                        order_of(ladder),
                        &ladder.prototype().needs_and(&more),
                        move |cx| judge(cx, ladder, first, second),
                    )
                    .at(Level::Page);
            }
        }
    }
}
