//! The rules, one file for each family of calls.
//!
//! Every rule has the same shape: the errors of the call in the kernel's order,
//! each with its clause; the verdict on the status; then what must have been
//! stored, and what the call changes.
//!
//! # Clauses that only the kernel vouches for
//!
//! At page level they are asked for where an in-tree test insists on them
//! (section 24 of the contract), where they follow from what a page says, or
//! where the alternative would be that a call without any fault fails. Where
//! that was a matter of judgement:
//!
//! | asked for at page level | because |
//! |---|---|
//! | VMO-CREATE-37, VMO-SETSIZE-09, -10 | a test insists that unwritten bytes are 0; bytes of before would be a leak |
//! | VMO-READ-20, VMO-SETSIZE-11, -14 | the size *is* the rounded size, and resizing is said to change nothing else |
//! | COW-06, -08, -13 to -16, -18, -23 to -25 | what a clone shows is what its parent shows, until it is written or committed |
//! | COW-28 | the kernel and the page agree where no ancestor has the page |
//! | VMO-OPRANGE-21, state after NO_MEMORY | ND-03 says so |
//! | VMO-OPRANGE-27, -32 | a test insists |
//! | SIG-ZC-03, -05, -06, -12 to -20 | they follow from "once a clone exists" and "when all are destroyed"; ND-12 excuses only other threads |
//! | SIGNAL among the rights of a new VMO | a test signals one |
//! | a store to a page that is not there | it may fault only if the tester made memory short, or no store would ever have to work |
//!
//! | left open at page level | what is allowed |
//! |---|---|
//! | precedence (ND-07) | every error that applies |
//! | COW-27, COW-34 (C-26, C-19) | the page of a middle clone, or under MAP_RANGE, is copied or not |
//! | COW-29, -30 | where a clone grew the parent shows, or zeros |
//! | VMO-OPRANGE-14, -28 | pages that a range covers in part are treated, or not, or DECOMMIT zeroes just the part |
//! | VMO-READ-18, VMAR-MAP-41 (C-06) | what was read counts as committed, or not |
//! | VMO-OPRANGE-46 (ND-11) | what was stored since the last clean is lost after INVALIDATE |
//! | VMO-READ-14, GEN-06, -09 | what output places hold after a failed call |
//! | VMAR-MAP-53, VMAR-ALLOC-07, HANDLE-CLOSE-13 | whether a call that failed late has done a part |
//! | VMO-CREATE-24, VMO-CLONE-22, VMAR-ALLOC-04 | rights beyond those that are promised |
//! | VMO-CLONE-25 | whether a clone inherits a name that the handle could not read |
//! | VMO-CACHEPOL-12 | whether an orphan is still a clone |
//! | HV-02, HV-06, KOID-04, HANDLE-REPLACE-10 | what handle values and koids look like |
//! | OBJ-INFO-11, -27 (mappings), -29, ND-08 | details of records |
//!
//! What no clause describes is left open at either level: the signals and
//! properties of other objects, options of ports, most topics about processes,
//! memory that a store which faults at its second page has already fetched.

mod access;
mod channel;
mod close;
mod duplicate;
mod info;
mod other_objects;
mod process_vmos;
mod properties;
mod results;
mod signal;
mod vmar_allocate;
mod vmar_map;
mod vmar_protect;
mod vmar_unmap;
mod vmo_clone;
mod vmo_create;
mod vmo_op_range;
mod vmo_read;
mod vmo_set_cache_policy;
mod vmo_size;
mod vmo_write;
mod wait;

use vmo_abi::Syscall;

use super::clause::{Clause, clause};
use super::context::{Context, Judged};
use super::event::CallEvent;
use super::state::State;

pub(super) use access::{judge_load, judge_store};

/// Judges a call and moves the state along.
pub(super) fn judge_call(state: &mut State, cx: &mut Context<'_>, call: &CallEvent<'_>) -> Judged {
    judge_rule(state, cx, call)?;
    if call.overran {
        let (expected, actual) = ("nothing stored outside of the buffers", "bytes there changed");
        return Err(cx.violation(stores_clause(call.syscall), expected, actual));
    }
    Ok(())
}

/// The clause that says what a call stores.
fn stores_clause(syscall: Syscall) -> Clause {
    match syscall {
        Syscall::vmo_create => clause!("VMO-CREATE-01"),
        Syscall::vmo_read => clause!("VMO-READ-01"),
        Syscall::vmo_get_size => clause!("VMO-GETSIZE-01"),
        Syscall::vmo_clone => clause!("VMO-CLONE-01"),
        Syscall::vmar_map => clause!("VMAR-MAP-01"),
        Syscall::vmar_allocate => clause!("VMAR-ALLOC-01"),
        Syscall::handle_duplicate => clause!("HANDLE-DUP-01"),
        Syscall::handle_replace => clause!("HANDLE-REPLACE-01"),
        Syscall::object_get_property => clause!("OBJ-GETPROP-01"),
        Syscall::object_get_info => clause!("OBJ-INFO-12"),
        Syscall::object_wait_one => clause!("OBJ-WAIT-05"),
        Syscall::object_wait_many => clause!("OBJ-WAIT-20"),
        // Of the others no clause says what they store; they store no more than
        // a kernel call may.
        _ => clause!("GEN-07"),
    }
}

fn judge_rule(state: &mut State, cx: &mut Context<'_>, call: &CallEvent<'_>) -> Judged {
    match call.syscall {
        Syscall::vmo_create => vmo_create::judge(state, cx, call),
        Syscall::vmo_read => vmo_read::judge(state, cx, call),
        Syscall::vmo_write => vmo_write::judge(state, cx, call),
        Syscall::vmo_get_size => vmo_size::judge_get(state, cx, call),
        Syscall::vmo_set_size => vmo_size::judge_set(state, cx, call),
        Syscall::vmo_clone => vmo_clone::judge(state, cx, call),
        Syscall::vmo_op_range => vmo_op_range::judge(state, cx, call),
        Syscall::vmo_set_cache_policy => vmo_set_cache_policy::judge(state, cx, call),
        Syscall::vmar_map => vmar_map::judge(state, cx, call),
        Syscall::vmar_unmap => vmar_unmap::judge(state, cx, call),
        Syscall::vmar_protect => vmar_protect::judge(state, cx, call),
        Syscall::vmar_allocate => vmar_allocate::judge(state, cx, call),
        Syscall::vmar_destroy => vmar_allocate::judge_destroy(state, cx, call),
        Syscall::handle_close => close::judge(state, cx, call),
        Syscall::handle_close_many => close::judge_many(state, cx, call),
        Syscall::handle_duplicate => duplicate::judge(state, cx, call),
        Syscall::handle_replace => duplicate::judge_replace(state, cx, call),
        Syscall::object_get_property => properties::judge_get(state, cx, call),
        Syscall::object_set_property => properties::judge_set(state, cx, call),
        Syscall::object_get_info => info::judge(state, cx, call),
        Syscall::object_wait_one => wait::judge_one(state, cx, call),
        Syscall::object_wait_many => wait::judge_many(state, cx, call),
        Syscall::object_signal => signal::judge(state, cx, call),
        Syscall::object_signal_peer => signal::judge_peer(state, cx, call),
        Syscall::event_create => other_objects::judge_event(state, cx, call),
        Syscall::channel_create => other_objects::judge_channel(state, cx, call),
        Syscall::port_create => other_objects::judge_port(state, cx, call),
        Syscall::channel_write => channel::judge_write(state, cx, call),
        Syscall::channel_read => channel::judge_read(state, cx, call),
    }
}
