//! The rules, one file for each family of calls.
//!
//! Every rule has the same shape: the errors of the call in the kernel's order,
//! each with its clause; the verdict on the status; then what must have been
//! stored, and what the call changes.
//!
//! Clauses that only the kernel vouches for are asked for at page level, too,
//! where an in-tree test insists on them (section 24 of the contract), where
//! they follow from what a page says, or where the alternative would be that
//! a call without any fault fails. Where that was a matter of judgement the
//! rule says so.

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

use super::context::{Context, Judged};
use super::event::CallEvent;
use super::state::State;

pub(super) use access::{judge_load, judge_store};

/// Judges a call and moves the state along.
pub(super) fn judge_call(state: &mut State, cx: &mut Context<'_>, call: &CallEvent<'_>) -> Judged {
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
