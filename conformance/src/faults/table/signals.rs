//! `ZX_VMO_ZERO_CHILDREN` and user signals.

use std::ops::Range;

use vmo_abi::Syscall as Call;
use vmo_abi::{
    ZX_ERR_INVALID_ARGS, ZX_OK, ZX_RIGHT_SIGNAL, ZX_USER_SIGNAL_7, ZX_USER_SIGNAL_ALL,
    ZX_VM_FLAG_SPECIFIC_OVERWRITE, ZX_VMO_ZERO_CHILDREN, zx_koid_t, zx_signals_t,
};

use super::super::class::Class;
use super::super::hook::{Fault, Registers, argument, calls, fault, nothing};
use super::super::machine::Machine;
use super::super::notes::{Origin, round_up};

const CLASS: Class = Class::Signals;

/// Signals with ZERO_CHILDREN as it should not be.
fn with_zero_children(signals: zx_signals_t, active: bool) -> zx_signals_t {
    if active { signals | ZX_VMO_ZERO_CHILDREN } else { signals & !ZX_VMO_ZERO_CHILDREN }
}

/// A wait that sees ZERO_CHILDREN otherwise: `None` leaves it as it is.
fn wait(
    machine: &Machine,
    registers: &Registers,
    active: impl Fn(&Machine, u64) -> Option<bool>,
) -> i32 {
    machine.wait_seeing(registers, ZX_VMO_ZERO_CHILDREN, |machine, handle, signals| {
        if !machine.is_vmo(handle) {
            return signals;
        }
        active(machine, handle).map_or(signals, |active| with_zero_children(signals, active))
    })
}

/// The clones that were made of a VMO.
fn clones(machine: &Machine, vmo: u64) -> Vec<(zx_koid_t, Origin)> {
    let Some(koid) = machine.koid(vmo) else { return Vec::new() };
    let notes = machine.notes();
    let children = notes.children_of(koid).iter();
    children.filter_map(|clone| Some((*clone, *notes.clones.get(clone)?))).collect()
}

fn has_handle(machine: &Machine, koid: zx_koid_t) -> bool {
    machine.handle_to(koid, 0).is_some()
}

/// Notes about a VMO under its koid.
fn count_at(machine: &Machine, handle: u64, change: impl FnOnce(u64) -> u64) {
    if let Some(koid) = machine.koid(handle) {
        let mut notes = machine.notes();
        let number = notes.numbers.entry(koid).or_default();
        *number = change(*number);
    }
}

fn noted(machine: &Machine, handle: u64) -> u64 {
    let Some(koid) = machine.koid(handle) else { return 0 };
    machine.notes().numbers.get(&koid).copied().unwrap_or_default()
}

/// A wait in which ZERO_CHILDREN is inactive on VMOs that something was noted
/// about.
fn wait_noted(machine: &Machine, registers: &Registers) -> i32 {
    wait(machine, registers, |machine, handle| (noted(machine, handle) != 0).then_some(false))
}

/// A call that takes mappings away without raising ZERO_CHILDREN for clones
/// that lived through nothing else; `gone` are those that it takes.
fn unnoticed(
    machine: &Machine,
    call: Call,
    registers: &Registers,
    gone: impl Fn(&Machine, &Registers) -> Option<Range<u64>>,
) -> i32 {
    if call == Call::object_wait_one {
        return wait_noted(machine, registers);
    }
    let range = gone(machine, registers).unwrap_or_default();
    let mappings = machine.notes().mappings.clone();
    let status = machine.right(call, registers);
    for mapped in mappings.iter().filter(|mapped| mapped.overlaps(&range)) {
        let origin = machine.notes().clones.get(&mapped.vmo).copied();
        if let (ZX_OK, Some(origin)) = (status, origin)
            && !has_handle(machine, mapped.vmo)
        {
            machine.notes().numbers.insert(origin.parent, 1);
        }
    }
    status
}

macro_rules! zero_children {
    ($active:expr) => {
        calls(&[Call::object_wait_one], |machine, _, registers| wait(machine, registers, $active))
    };
}

pub(super) const FAULTS: &[Fault] = &[
    fault(
        CLASS,
        "zero_children_never_falls",
        "ZERO_CHILDREN stays active whatever clones there are.",
        &["SIG-ZC-02", "SIG-ZC-03"],
        zero_children!(|_, _| Some(true)),
    ),
    fault(
        CLASS,
        "zero_children_is_never_raised",
        "ZERO_CHILDREN stays inactive on a fresh VMO.",
        &["SIG-ZC-01", "VMO-CREATE-34", "VMO-CREATE-35"],
        zero_children!(|_, _| Some(false)),
    ),
    fault(
        CLASS,
        "zero_children_stays_low",
        "ZERO_CHILDREN stays inactive on a VMO that once had a clone.",
        &["SIG-ZC-04", "SIG-ZC-06"],
        zero_children!(|machine, vmo| (!clones(machine, vmo).is_empty()).then_some(false)),
    ),
    fault(
        CLASS,
        "zero_children_rises_with_the_last_handle",
        "ZERO_CHILDREN is raised when the last handle to the clone is closed, mapped or not.",
        &["SIG-ZC-07", "SIG-ZC-12", "SIG-ZC-08"],
        zero_children!(|machine, vmo| {
            let live = clones(machine, vmo).iter().any(|(clone, _)| has_handle(machine, *clone));
            Some(!live)
        }),
    ),
    fault(
        CLASS,
        "zero_children_rises_with_any_handle",
        "ZERO_CHILDREN is raised when the first of several handles to the clone is closed.",
        &["SIG-ZC-11"],
        calls(&[Call::object_wait_one, Call::handle_close], |machine, call, registers| {
            if call == Call::handle_close {
                let parent = machine.origin(registers[0]).map(|origin| origin.parent);
                let status = machine.right(call, registers);
                if let (ZX_OK, Some(parent)) = (status, parent) {
                    machine.notes().numbers.insert(parent, 1);
                }
                return status;
            }
            wait(machine, registers, |machine, vmo| {
                (noted(machine, vmo) != 0).then_some(true)
            })
        }),
    ),
    fault(
        CLASS,
        "zero_children_rises_with_the_first_clone",
        "ZERO_CHILDREN is raised when the first of several clones is gone.",
        &["SIG-ZC-05"],
        zero_children!(|machine, vmo| {
            let clones = clones(machine, vmo);
            let newest = clones.iter().map(|(clone, _)| *clone).max()?;
            let gone = |clone: zx_koid_t| !has_handle(machine, clone);
            let one_is_gone = clones.iter().any(|(clone, _)| gone(*clone));
            (clones.len() > 1 && !gone(newest) && one_is_gone).then_some(true)
        }),
    ),
    fault(
        CLASS,
        "zero_children_counts_grandchildren",
        "ZERO_CHILDREN of the root falls with every descendant and rises with direct clones only.",
        &["SIG-ZC-13", "SIG-ZC-12", "SIG-ZC-14", "SIG-ZC-04"],
        zero_children!(|machine, vmo| {
            let children = clones(machine, vmo);
            let notes = machine.notes();
            let mut parents = children.iter().map(|(child, _)| *child);
            let had_grandchild = parents.any(|child| !notes.children_of(child).is_empty());
            had_grandchild.then_some(false)
        }),
    ),
    fault(
        CLASS,
        "zero_children_rises_with_the_grandchild",
        "ZERO_CHILDREN of the root is raised when a clone of its clone is gone.",
        &["SIG-ZC-14"],
        zero_children!(|machine, vmo| {
            let children = clones(machine, vmo);
            let grandchildren: Vec<_> = {
                let notes = machine.notes();
                children.iter().flat_map(|(child, _)| notes.children_of(*child).to_vec()).collect()
            };
            let gone = grandchildren.iter().any(|koid| !has_handle(machine, *koid));
            gone.then_some(true)
        }),
    ),
    fault(
        CLASS,
        "zero_children_of_the_middle_stays",
        "A clone of a clone lowers ZERO_CHILDREN of the root and not of the clone.",
        &["SIG-ZC-13", "SIG-ZC-02"],
        zero_children!(|machine, vmo| machine.origin(vmo).map(|_| true)),
    ),
    fault(
        CLASS,
        "zero_children_of_a_clone_is_inactive",
        "A new clone has no ZERO_CHILDREN.",
        &["SIG-ZC-15", "VMO-CLONE-27"],
        zero_children!(|machine, vmo| machine.origin(vmo).map(|_| false)),
    ),
    fault(
        CLASS,
        "clones_of_size_0_do_not_count",
        "A clone of size 0 does not lower ZERO_CHILDREN.",
        &["SIG-ZC-18", "VMO-CLONE-14"],
        zero_children!(|machine, vmo| {
            let clones = clones(machine, vmo);
            let empty = !clones.is_empty() && clones.iter().all(|(_, origin)| origin.size == 0);
            empty.then_some(true)
        }),
    ),
    fault(
        CLASS,
        "empty_clones_do_not_count",
        "A clone that was resized to 0 does not count for ZERO_CHILDREN.",
        &["SIG-ZC-18"],
        zero_children!(|machine, vmo| {
            let live = machine.clones_of(vmo);
            let empty = |clone: u64| machine.size(clone) == Some(0);
            (!live.is_empty() && live.iter().all(|(clone, _)| empty(*clone))).then_some(true)
        }),
    ),
    fault(
        CLASS,
        "mapping_lowers_zero_children",
        "Mapping a VMO lowers its own ZERO_CHILDREN.",
        &["SIG-ZC-16", "VMAR-MAP-50"],
        zero_children!(|machine, vmo| {
            let koid = machine.koid(vmo)?;
            let mapped = machine.notes().mappings.iter().any(|mapped| mapped.vmo == koid);
            mapped.then_some(false)
        }),
    ),
    fault(
        CLASS,
        "duplicating_lowers_zero_children",
        "A second handle lowers ZERO_CHILDREN.",
        &["SIG-ZC-16"],
        zero_children!(|machine, vmo| {
            let koid = machine.koid(vmo)?;
            (machine.live_handles(koid) > 1).then_some(false)
        }),
    ),
    fault(
        CLASS,
        "writing_lowers_zero_children",
        "vmo_write lowers ZERO_CHILDREN.",
        &["SIG-ZC-16", "VMO-WRITE-26"],
        calls(&[Call::object_wait_one, Call::vmo_write], |machine, call, registers| {
            if call == Call::object_wait_one {
                return wait_noted(machine, registers);
            }
            let status = machine.right(call, registers);
            if status == ZX_OK {
                count_at(machine, registers[0], |_| 1);
            }
            status
        }),
    ),
    fault(
        CLASS,
        "failing_clone_lowers_zero_children",
        "vmo_clone that is refused for its offset leaves ZERO_CHILDREN inactive.",
        &["SIG-ZC-17", "VMO-CLONE-09"],
        calls(&[Call::object_wait_one, Call::vmo_clone], |machine, call, registers| {
            if call == Call::object_wait_one {
                return wait_noted(machine, registers);
            }
            let status = machine.right(call, registers);
            if status == ZX_ERR_INVALID_ARGS && registers[2] % super::PAGE != 0 {
                count_at(machine, registers[0], |_| 1);
            }
            status
        }),
    ),
    fault(
        CLASS,
        "part_of_an_unmapped_clone_is_enough",
        "Unmapping a part of a clone's mapping raises ZERO_CHILDREN.",
        &["SIG-ZC-08", "VMAR-UNMAP-18"],
        calls(&[Call::object_wait_one, Call::vmar_unmap], |machine, call, registers| {
            if call == Call::object_wait_one {
                return wait(machine, registers, |machine, vmo| {
                    (noted(machine, vmo) != 0).then_some(true)
                });
            }
            let mapped = machine.notes().mapping_at(registers[1]);
            let status = machine.right(call, registers);
            if let (ZX_OK, Some(mapped)) = (status, mapped) {
                let clone = machine.notes().clones.get(&mapped.vmo).copied();
                if let Some(origin) = clone
                    && !has_handle(machine, mapped.vmo)
                {
                    machine.notes().numbers.insert(origin.parent, 1);
                }
            }
            status
        }),
    ),
    fault(
        CLASS,
        "unmapping_does_not_raise_zero_children",
        "ZERO_CHILDREN stays inactive when a clone goes with its mapping by vmar_unmap.",
        &["SIG-ZC-06", "SIG-ZC-04", "SIG-ZC-07", "VMAR-UNMAP-17"],
        calls(&[Call::object_wait_one, Call::vmar_unmap], |machine, call, registers| {
            unnoticed(machine, call, registers, |_, registers| {
                let [_, base, len, ..] = *registers;
                Some(base..base.saturating_add(round_up(len)))
            })
        }),
    ),
    fault(
        CLASS,
        "destroying_does_not_raise_zero_children",
        "ZERO_CHILDREN stays inactive when a clone goes with its region.",
        &["SIG-ZC-09", "SIG-ZC-06", "VMAR-DESTROY-07"],
        calls(&[Call::object_wait_one, Call::vmar_destroy], |machine, call, registers| {
            unnoticed(machine, call, registers, |machine, registers| {
                machine.region_range(registers[0])
            })
        }),
    ),
    fault(
        CLASS,
        "overwriting_does_not_raise_zero_children",
        "ZERO_CHILDREN stays inactive when a clone goes with a mapping that is overwritten.",
        &["SIG-ZC-10", "SIG-ZC-06"],
        calls(&[Call::object_wait_one, Call::vmar_map], |machine, call, registers| {
            unnoticed(machine, call, registers, |machine, registers| {
                let [region, offset, _, _, len, flags, ..] = *registers;
                if flags & u64::from(ZX_VM_FLAG_SPECIFIC_OVERWRITE) == 0 {
                    return None;
                }
                let base = machine.region_range(region)?.start.checked_add(offset)?;
                Some(base..base.saturating_add(round_up(len)))
            })
        }),
    ),
    fault(
        CLASS,
        "zero_children_wakes_nobody",
        "A wait does not end when ZERO_CHILDREN is raised.",
        &["OBJ-WAIT-03", "SIG-ZC-06", "SIG-ZC-04"],
        calls(&[Call::object_wait_one], |machine, call, registers| {
            let [handle, wanted, ..] = *registers;
            let asked = u64::from(ZX_VMO_ZERO_CHILDREN);
            match machine.signals(handle) {
                Some(now) if now & ZX_VMO_ZERO_CHILDREN == 0 && machine.is_vmo(handle) => {
                    machine.with(call, registers, 1, wanted & !asked)
                }
                _ => machine.right(call, registers),
            }
        }),
    ),
    fault(
        CLASS,
        "signal_does_nothing",
        "object_signal succeeds without changing anything.",
        &["OBJ-SIGNAL-02", "OBJ-SIGNAL-01"],
        nothing(&[Call::object_signal]),
    ),
    fault(
        CLASS,
        "signal_does_not_clear",
        "object_signal does not look at the signals to clear.",
        &["OBJ-SIGNAL-02", "OBJ-SIGNAL-01"],
        calls(&[Call::object_signal], |machine, call, registers| {
            // What is refused stays refused, bits to clear included.
            let [_, clear, ..] = *registers;
            let legal = u64::from(ZX_USER_SIGNAL_ALL);
            machine.with(call, registers, 1, clear & !legal)
        }),
    ),
    fault(
        CLASS,
        "signal_sets_before_it_clears",
        "object_signal sets, then clears.",
        &["OBJ-SIGNAL-01"],
        calls(&[Call::object_signal], |machine, call, registers| {
            let [_, clear, set, ..] = *registers;
            let legal = u64::from(ZX_USER_SIGNAL_ALL);
            machine.with(call, registers, 2, set & !(clear & legal))
        }),
    ),
    fault(
        CLASS,
        "signal_replaces_the_others",
        "object_signal clears every signal that it does not set.",
        &["OBJ-SIGNAL-11", "OBJ-SIGNAL-02"],
        calls(&[Call::object_signal], |machine, call, registers| {
            let status = machine.right(call, registers);
            if status == ZX_OK && registers[2] as u32 != 0 {
                return machine.with(call, registers, 1, ZX_USER_SIGNAL_ALL.into());
            }
            status
        }),
    ),
    fault(
        CLASS,
        "signal_ignores_system_bits_to_set",
        "object_signal ignores bits below the user signals among those to set.",
        &["OBJ-SIGNAL-03", "OBJ-SIGNAL-05"],
        argument(Call::object_signal, 2, |set| set & u64::from(ZX_USER_SIGNAL_ALL)),
    ),
    fault(
        CLASS,
        "signal_ignores_system_bits_to_clear",
        "object_signal ignores bits below the user signals among those to clear.",
        &["OBJ-SIGNAL-03", "OBJ-SIGNAL-05"],
        argument(Call::object_signal, 1, |clear| clear & u64::from(ZX_USER_SIGNAL_ALL)),
    ),
    fault(
        CLASS,
        "signal_may_set_zero_children",
        "object_signal takes ZERO_CHILDREN among the signals to set.",
        &["OBJ-SIGNAL-05", "OBJ-SIGNAL-03"],
        argument(Call::object_signal, 2, |set| set & !u64::from(ZX_VMO_ZERO_CHILDREN)),
    ),
    fault(
        CLASS,
        "signal_may_clear_handle_closed",
        "object_signal takes bit 23 among the signals to clear.",
        &["OBJ-SIGNAL-03"],
        argument(Call::object_signal, 1, |clear| clear & !(1 << 23)),
    ),
    fault(
        CLASS,
        "signal_has_seven",
        "object_signal ignores the last user signal, whose bit is the sign.",
        &["OBJ-SIGNAL-02"],
        argument(Call::object_signal, 2, |set| set & !u64::from(ZX_USER_SIGNAL_7)),
    ),
    fault(
        CLASS,
        "signal_refuses_nothing_to_do",
        "object_signal refuses two masks of 0.",
        &["OBJ-SIGNAL-10"],
        calls(&[Call::object_signal], |machine, call, registers| {
            match machine.right(call, registers) {
                ZX_OK if (registers[1] | registers[2]) as u32 == 0 => ZX_ERR_INVALID_ARGS,
                status => status,
            }
        }),
    ),
    fault(
        CLASS,
        "signals_belong_to_handles",
        "A user signal is seen only through the handle that it was set through.",
        &["OBJ-SIGNAL-11", "HANDLE-DUP-13"],
        calls(&[Call::object_wait_one, Call::object_signal], |machine, call, registers| {
            let own = |machine: &Machine, handle: u64| {
                let notes = machine.notes();
                notes.numbers.get(&(handle | 1)).copied().unwrap_or_default() as u32
            };
            if call == Call::object_wait_one {
                return machine.wait_seeing(
                    registers,
                    ZX_USER_SIGNAL_ALL,
                    |machine, handle, signals| {
                        signals & (!ZX_USER_SIGNAL_ALL | own(machine, handle))
                    },
                );
            }
            let [handle, clear, set, ..] = *registers;
            let status = machine.right(call, registers);
            if status == ZX_OK {
                let signals = u64::from(own(machine, handle)) & !clear | set;
                machine.notes().numbers.insert(handle | 1, signals);
            }
            status
        }),
    ),
    fault(
        CLASS,
        "writing_clears_user_signals",
        "vmo_write clears the user signals.",
        &["OBJ-SIGNAL-11", "VMO-WRITE-26"],
        calls(&[Call::vmo_write], |machine, call, registers| {
            let status = machine.right(call, registers);
            if status == ZX_OK
                && let Some(handle) = machine.sibling(registers[0], ZX_RIGHT_SIGNAL)
            {
                let clear = [handle, ZX_USER_SIGNAL_ALL.into(), 0, 0, 0, 0, 0, 0];
                machine.right(Call::object_signal, &clear);
            }
            status
        }),
    ),
    fault(
        CLASS,
        "resizing_clears_user_signals",
        "vmo_set_size clears the user signals.",
        &["OBJ-SIGNAL-11", "VMO-SETSIZE-22"],
        calls(&[Call::vmo_set_size], |machine, call, registers| {
            let status = machine.right(call, registers);
            if status == ZX_OK
                && let Some(handle) = machine.sibling(registers[0], ZX_RIGHT_SIGNAL)
            {
                let clear = [handle, ZX_USER_SIGNAL_ALL.into(), 0, 0, 0, 0, 0, 0];
                machine.right(Call::object_signal, &clear);
            }
            status
        }),
    ),
    fault(
        CLASS,
        "clones_inherit_user_signals",
        "A clone starts with the user signals of its source.",
        &["VMO-CLONE-27"],
        calls(&[Call::vmo_clone], |machine, call, registers| {
            let signals = machine.signals(registers[0]).unwrap_or_default();
            let status = machine.right(call, registers);
            if status == ZX_OK
                && let Some(clone) = machine.word(registers[4])
            {
                let set = u64::from(signals & ZX_USER_SIGNAL_ALL);
                machine.right(Call::object_signal, &[clone.into(), 0, set, 0, 0, 0, 0, 0]);
            }
            status
        }),
    ),
];
