//! Waiting for signals.

use vmo_abi::Syscall as Call;
use vmo_abi::{
    ZX_ERR_BAD_HANDLE, ZX_ERR_CANCELED, ZX_ERR_INVALID_ARGS, ZX_ERR_OUT_OF_RANGE,
    ZX_ERR_TIMED_OUT, ZX_OK, ZX_SIGNAL_HANDLE_CLOSED, ZX_USER_SIGNAL_ALL,
};

use super::super::class::Class;
use super::super::hook::{Fault, argument, calls, fault};
use super::super::machine::Machine;

const CLASS: Class = Class::Waits;

/// Bytes of an item of `object_wait_many`, and where its signals seen lie.
const ITEM: u64 = 12;
const PENDING: u64 = 8;

/// Changes the signals seen of each item of `object_wait_many`.
fn change_pending(machine: &Machine, items: u64, count: u64, change: impl Fn(u64, u32) -> u32) {
    for nth in 0..count.min(16) {
        let at = items + ITEM * nth + PENDING;
        if let Some(pending) = machine.word(at) {
            machine.put(at, &change(nth, pending).to_le_bytes());
        }
    }
}

pub(super) const FAULTS: &[Fault] = &[
    fault(
        CLASS,
        "wait_judges_the_deadline_first",
        "object_wait_one with a deadline that has passed times out although a signal is active.",
        &["OBJ-WAIT-02"],
        calls(&[Call::object_wait_one], |machine, call, registers| {
            let passed = registers[2] <= machine.inner().monotonic_now();
            match machine.right(call, registers) {
                ZX_OK if passed => ZX_ERR_TIMED_OUT,
                status => status,
            }
        }),
    ),
    fault(
        CLASS,
        "wait_deadline_0_is_invalid",
        "object_wait_one refuses the deadline 0.",
        &["OBJ-WAIT-02", "OBJ-WAIT-07"],
        calls(&[Call::object_wait_one], |machine, call, registers| {
            match machine.right(call, registers) {
                ZX_OK | ZX_ERR_TIMED_OUT if registers[2] == 0 => ZX_ERR_INVALID_ARGS,
                status => status,
            }
        }),
    ),
    fault(
        CLASS,
        "wait_deadline_is_signed",
        "object_wait_one takes deadlines of 2^63 and more for the past.",
        &["OBJ-WAIT-04"],
        argument(Call::object_wait_one, 2, |deadline| {
            if deadline >> 63 == 0 { deadline } else { 0 }
        }),
    ),
    fault(
        CLASS,
        "wait_does_not_wait",
        "object_wait_one looks at the signals once.",
        &["OBJ-WAIT-03", "OBJ-WAIT-04"],
        argument(Call::object_wait_one, 2, |_| 0),
    ),
    fault(
        CLASS,
        "wait_ends_halfway",
        "object_wait_one times out after half of the time.",
        &["OBJ-WAIT-03"],
        calls(&[Call::object_wait_one], |machine, call, registers| {
            let (now, deadline) = (machine.inner().monotonic_now(), registers[2]);
            let half = now.saturating_add(deadline.saturating_sub(now) / 2);
            machine.with(call, registers, 2, if deadline == u64::MAX { deadline } else { half })
        }),
    ),
    fault(
        CLASS,
        "wait_times_out_well",
        "object_wait_one succeeds when the deadline passes.",
        &["OBJ-WAIT-03", "OBJ-WAIT-07"],
        calls(&[Call::object_wait_one], |machine, call, registers| {
            match machine.right(call, registers) {
                ZX_ERR_TIMED_OUT => ZX_OK,
                status => status,
            }
        }),
    ),
    fault(
        CLASS,
        "wait_for_nothing_is_for_anything",
        "object_wait_one for no signals ends with any.",
        &["OBJ-WAIT-16"],
        argument(Call::object_wait_one, 1, |signals| {
            if signals & 0xffff_ffff == 0 { 0xffff_ffff } else { signals }
        }),
    ),
    fault(
        CLASS,
        "wait_for_nothing_succeeds",
        "object_wait_one for no signals succeeds at once.",
        &["OBJ-WAIT-16"],
        calls(&[Call::object_wait_one], |machine, call, registers| {
            if registers[1] as u32 != 0 {
                return machine.right(call, registers);
            }
            match machine.with(call, registers, 2, 0) {
                ZX_ERR_TIMED_OUT => ZX_OK,
                status => status,
            }
        }),
    ),
    fault(
        CLASS,
        "wait_is_for_all",
        "object_wait_one ends when all signals asked for are active.",
        &["OBJ-WAIT-01"],
        calls(&[Call::object_wait_one], |machine, call, registers| {
            let [handle, wanted, ..] = *registers;
            let wanted = wanted as u32;
            let status = machine.right(call, registers);
            let now = machine.signals(handle).unwrap_or_default();
            match status {
                ZX_OK if wanted & !now != 0 => ZX_ERR_TIMED_OUT,
                status => status,
            }
        }),
    ),
    fault(
        CLASS,
        "wait_overlooks_the_last_signal",
        "object_wait_one ignores the last user signal, whose bit is the sign.",
        &["OBJ-WAIT-01", "OBJ-SIGNAL-02"],
        argument(Call::object_wait_one, 1, |signals| signals & !(1 << 31)),
    ),
    fault(
        CLASS,
        "wait_shows_what_was_asked_for",
        "object_wait_one stores only signals that were asked for.",
        &["OBJ-WAIT-05", "OBJ-WAIT-07"],
        calls(&[Call::object_wait_one], |machine, call, registers| {
            let [_, wanted, _, observed, ..] = *registers;
            let status = machine.right(call, registers);
            if let (ZX_OK | ZX_ERR_TIMED_OUT, Some(seen)) = (status, machine.word(observed)) {
                machine.put(observed, &(seen & wanted as u32).to_le_bytes());
            }
            status
        }),
    ),
    fault(
        CLASS,
        "wait_stores_nothing_on_timeout",
        "object_wait_one does not store the signals when it times out.",
        &["OBJ-WAIT-06", "OBJ-WAIT-07"],
        calls(&[Call::object_wait_one], |machine, call, registers| {
            let observed = registers[3];
            let before = machine.bytes_at(observed, 4);
            let status = machine.right(call, registers);
            if let (ZX_ERR_TIMED_OUT, Some(before)) = (status, before) {
                machine.put(observed, &before);
            }
            status
        }),
    ),
    fault(
        CLASS,
        "wait_needs_observed",
        "object_wait_one refuses NULL for observed.",
        &["OBJ-WAIT-09"],
        calls(&[Call::object_wait_one], |machine, call, registers| {
            match machine.right(call, registers) {
                ZX_OK | ZX_ERR_TIMED_OUT if registers[3] == 0 => ZX_ERR_INVALID_ARGS,
                status => status,
            }
        }),
    ),
    fault(
        CLASS,
        "wait_accepts_a_bad_pointer",
        "object_wait_one succeeds although the signals cannot be stored.",
        &["OBJ-WAIT-10", "OBJ-WAIT-11"],
        calls(&[Call::object_wait_one], |machine, call, registers| {
            match machine.right(call, registers) {
                ZX_ERR_INVALID_ARGS => machine.with(call, registers, 3, 0),
                status => status,
            }
        }),
    ),
    fault(
        CLASS,
        "wait_shows_the_closed_bit",
        "object_wait_one shows bit 23 without a handle being closed.",
        &["OBJ-WAIT-15"],
        calls(&[Call::object_wait_one], |machine, call, registers| {
            let observed = registers[3];
            let status = machine.right(call, registers);
            if let (ZX_OK | ZX_ERR_TIMED_OUT, Some(seen)) = (status, machine.word(observed)) {
                machine.put(observed, &(seen | ZX_SIGNAL_HANDLE_CLOSED).to_le_bytes());
            }
            status
        }),
    ),
    fault(
        CLASS,
        "wait_forgets_signals_of_a_moment",
        "object_wait_one stores the signals at its end.",
        &["OBJ-WAIT-08"],
        calls(&[Call::object_wait_one], |machine, call, registers| {
            let [handle, _, _, observed, ..] = *registers;
            let status = machine.right(call, registers);
            if let (ZX_OK | ZX_ERR_TIMED_OUT, Some(now)) = (status, machine.signals(handle))
                && observed != 0
            {
                machine.put(observed, &now.to_le_bytes());
            }
            status
        }),
    ),
    fault(
        CLASS,
        "canceled_waits_do_not_show_why",
        "object_wait_one that is canceled does not show bit 23.",
        &["OBJ-WAIT-14", "HANDLE-CLOSE-07"],
        calls(&[Call::object_wait_one], |machine, call, registers| {
            let observed = registers[3];
            let status = machine.right(call, registers);
            if let (ZX_ERR_CANCELED, Some(seen)) = (status, machine.word(observed)) {
                machine.put(observed, &(seen & !ZX_SIGNAL_HANDLE_CLOSED).to_le_bytes());
            }
            status
        }),
    ),
    fault(
        CLASS,
        "canceled_waits_are_bad_handles",
        "object_wait_one answers BAD_HANDLE when its handle is closed meanwhile.",
        &["OBJ-WAIT-14", "HANDLE-CLOSE-07", "HANDLE-REPLACE-13"],
        calls(&[Call::object_wait_one], |machine, call, registers| {
            match machine.right(call, registers) {
                ZX_ERR_CANCELED => ZX_ERR_BAD_HANDLE,
                status => status,
            }
        }),
    ),
    fault(
        CLASS,
        "closing_cancels_no_wait",
        "object_wait_one goes on when its handle is closed.",
        &["HANDLE-CLOSE-07", "OBJ-WAIT-14"],
        calls(&[Call::object_wait_one], |machine, call, registers| {
            let deadline = machine.in_time(registers[2]);
            let status = machine.right(call, registers);
            if status == ZX_ERR_CANCELED {
                while machine.inner().monotonic_now() < deadline {
                    std::thread::sleep(std::time::Duration::from_millis(1));
                }
                return ZX_ERR_TIMED_OUT;
            }
            status
        }),
    ),
    fault(
        CLASS,
        "closing_cancels_every_wait",
        "Closing a handle cancels the waits through other handles to the object.",
        &["HANDLE-CLOSE-08"],
        calls(&[Call::object_wait_one, Call::handle_close], |machine, call, registers| {
            let koid = machine.koid(registers[0]).unwrap_or_default();
            let key = koid << 32;
            if call == Call::handle_close {
                *machine.notes().numbers.entry(key).or_default() += 1;
                return machine.right(call, registers);
            }
            let closed = || machine.notes().numbers.get(&key).copied().unwrap_or_default();
            let before = closed();
            let deadline = machine.in_time(registers[2]);
            loop {
                let now = machine.inner().monotonic_now();
                let soon = deadline.min(now + 1_000_000);
                let status = machine.with(call, registers, 2, soon);
                if closed() != before {
                    return ZX_ERR_CANCELED;
                }
                if status != ZX_ERR_TIMED_OUT || now >= deadline {
                    return status;
                }
            }
        }),
    ),
    fault(
        CLASS,
        "replacing_cancels_no_wait",
        "object_wait_one goes on when its handle is replaced.",
        &["HANDLE-REPLACE-13"],
        calls(&[Call::object_wait_one, Call::handle_replace], |machine, call, registers| {
            let key = registers[0] | 1;
            if call == Call::handle_replace {
                machine.notes().numbers.insert(key, 1);
                return machine.right(call, registers);
            }
            let deadline = machine.in_time(registers[2]);
            let status = machine.right(call, registers);
            let replaced = machine.notes().numbers.contains_key(&key);
            if status == ZX_ERR_CANCELED && replaced {
                while machine.inner().monotonic_now() < deadline {
                    std::thread::sleep(std::time::Duration::from_millis(1));
                }
                return ZX_ERR_TIMED_OUT;
            }
            status
        }),
    ),
    fault(
        CLASS,
        "wait_many_takes_8",
        "object_wait_many refuses more than 8 items.",
        &["OBJ-WAIT-18"],
        calls(&[Call::object_wait_many], |machine, call, registers| {
            if registers[1] > 8 { ZX_ERR_OUT_OF_RANGE } else { machine.right(call, registers) }
        }),
    ),
    fault(
        CLASS,
        "wait_many_takes_17",
        "object_wait_many takes items above 16 and looks at the first 16.",
        &["OBJ-WAIT-18"],
        argument(Call::object_wait_many, 1, |count| count.min(16)),
    ),
    fault(
        CLASS,
        "wait_many_of_none_returns",
        "object_wait_many of no items times out at once.",
        &["OBJ-WAIT-19"],
        calls(&[Call::object_wait_many], |machine, call, registers| {
            let deadline = if registers[1] == 0 { 0 } else { registers[2] };
            machine.with(call, registers, 2, deadline)
        }),
    ),
    fault(
        CLASS,
        "wait_many_looks_at_the_first",
        "object_wait_many looks at the first item only.",
        &["OBJ-WAIT-20", "OBJ-WAIT-18"],
        argument(Call::object_wait_many, 1, |count| if count <= 16 { count.min(1) } else { count }),
    ),
    fault(
        CLASS,
        "wait_many_fills_nothing_on_timeout",
        "object_wait_many leaves pending alone when it times out.",
        &["OBJ-WAIT-20"],
        calls(&[Call::object_wait_many], |machine, call, registers| {
            let [items, count, ..] = *registers;
            let status = machine.right(call, registers);
            if status == ZX_ERR_TIMED_OUT {
                change_pending(machine, items, count, |_, _| 0);
            }
            status
        }),
    ),
    fault(
        CLASS,
        "wait_many_fills_what_was_asked_for",
        "object_wait_many fills pending with the signals asked for only.",
        &["OBJ-WAIT-20"],
        calls(&[Call::object_wait_many], |machine, call, registers| {
            let [items, count, ..] = *registers;
            let status = machine.right(call, registers);
            if matches!(status, ZX_OK | ZX_ERR_TIMED_OUT) {
                change_pending(machine, items, count, |_, pending| pending & ZX_USER_SIGNAL_ALL);
            }
            status
        }),
    ),
    fault(
        CLASS,
        "wait_many_fills_the_first",
        "object_wait_many fills pending of the first item only.",
        &["OBJ-WAIT-20"],
        calls(&[Call::object_wait_many], |machine, call, registers| {
            let [items, count, ..] = *registers;
            let status = machine.right(call, registers);
            if matches!(status, ZX_OK | ZX_ERR_TIMED_OUT) {
                change_pending(machine, items, count, |nth, pending| {
                    if nth == 0 { pending } else { 0 }
                });
            }
            status
        }),
    ),
];
