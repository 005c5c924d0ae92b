//! What is never given back.

use vmo_abi::Syscall as Call;
use vmo_abi::{
    ZX_ERR_INVALID_ARGS, ZX_ERR_OUT_OF_RANGE, ZX_OK, ZX_RIGHT_DUPLICATE, ZX_RIGHT_READ,
    ZX_RIGHT_SAME_RIGHTS, ZX_VM_FLAG_SPECIFIC,
};

use super::super::class::Class;
use super::super::hook::{Fault, Registers, calls, fault};
use super::super::machine::Machine;
use super::{PAGE, replaced};

const CLASS: Class = Class::Leaks;

/// A call that keeps what it made when it cannot store the handle: it is made
/// once more, and nobody gets to know its handle.
fn made_and_lost(
    machine: &Machine,
    call: Call,
    registers: &Registers,
    position: usize,
) -> i32 {
    let status = machine.right(call, registers);
    if status == ZX_ERR_INVALID_ARGS && !machine.is_writable(registers[position], 4) {
        machine.in_place(4, |place| machine.right(call, &replaced(registers, position, place)));
    }
    status
}

/// Keeps the object of a handle forever, where there is a right to do so.
fn hold(machine: &Machine, handle: u64) -> Option<u64> {
    if machine.rights(handle) & ZX_RIGHT_DUPLICATE == 0 {
        return None;
    }
    machine.duplicate_same(handle)
}

fn is_last_handle(machine: &Machine, handle: u64) -> bool {
    let Some(koid) = machine.koid(handle) else { return false };
    machine.is_vmo(handle) && machine.live_handles(koid) == 1
}

macro_rules! made_and_lost {
    ($call:ident, $position:literal) => {
        calls(&[Call::$call], |machine, call, registers| {
            made_and_lost(machine, call, registers, $position)
        })
    };
}

pub(super) const FAULTS: &[Fault] = &[
    fault(
        CLASS,
        "create_leaks_what_it_cannot_hand_out",
        "vmo_create keeps the VMO when its handle cannot be stored.",
        &["VMO-CREATE-15", "GEN-05"],
        made_and_lost!(vmo_create, 2),
    ),
    fault(
        CLASS,
        "clone_leaks_what_it_cannot_hand_out",
        "vmo_clone keeps the clone when its handle cannot be stored.",
        &["VMO-CLONE-16", "GEN-05", "SIG-ZC-17"],
        made_and_lost!(vmo_clone, 4),
    ),
    fault(
        CLASS,
        "duplicate_leaks_what_it_cannot_hand_out",
        "handle_duplicate keeps the handle when it cannot be stored.",
        &["HANDLE-DUP-12", "GEN-05"],
        made_and_lost!(handle_duplicate, 2),
    ),
    fault(
        CLASS,
        "replace_leaks_what_it_cannot_hand_out",
        "handle_replace keeps the new handle when it cannot be stored.",
        &["HANDLE-REPLACE-06", "HANDLE-REPLACE-07", "GEN-05"],
        calls(&[Call::handle_replace], |machine, call, registers| {
            let is_bad = !machine.is_writable(registers[2], 4);
            let held = if is_bad { hold(machine, registers[0]) } else { None };
            let status = machine.right(call, registers);
            if let Some(held) = held
                && status != ZX_ERR_INVALID_ARGS
            {
                machine.close(held);
            }
            status
        }),
    ),
    fault(
        CLASS,
        "replace_with_too_many_rights_leaks_the_object",
        "handle_replace that refuses the rights takes the handle and keeps the object.",
        &["HANDLE-REPLACE-07", "SIG-ZC-20"],
        calls(&[Call::handle_replace], |machine, call, registers| {
            let held = hold(machine, registers[0]);
            let status = machine.right(call, registers);
            if let Some(held) = held
                && status != ZX_ERR_INVALID_ARGS
            {
                machine.close(held);
            }
            status
        }),
    ),
    fault(
        CLASS,
        "map_leaks_what_it_cannot_tell",
        "vmar_map leaves the mapping when its address cannot be stored.",
        &["VMAR-MAP-35"],
        calls(&[Call::vmar_map], |machine, call, registers| {
            let status = machine.right(call, registers);
            if status == ZX_ERR_INVALID_ARGS && !machine.is_writable(registers[6], 8) {
                machine.in_place(8, |place| machine.right(call, &replaced(registers, 6, place)));
            }
            status
        }),
    ),
    fault(
        CLASS,
        "close_leaks_the_object",
        "handle_close of the last handle to a VMO keeps the VMO.",
        &["HANDLE-CLOSE-06", "SIG-ZC-04", "SIG-ZC-06"],
        calls(&[Call::handle_close], |machine, call, registers| {
            if is_last_handle(machine, registers[0]) {
                hold(machine, registers[0]);
            }
            machine.right(call, registers)
        }),
    ),
    fault(
        CLASS,
        "close_many_leaks_the_objects",
        "handle_close_many of the last handle to a VMO keeps the VMO.",
        &["HANDLE-CLOSE-06", "SIG-ZC-06"],
        calls(&[Call::handle_close_many], |machine, call, registers| {
            let [handles, count, ..] = *registers;
            for at in (0..count.min(64)).map(|nth| handles.saturating_add(4 * nth)) {
                let Some(handle) = machine.word(at).map(u64::from) else { break };
                if is_last_handle(machine, handle) {
                    hold(machine, handle);
                }
            }
            machine.right(call, registers)
        }),
    ),
    fault(
        CLASS,
        "mappings_take_a_reference_too_many",
        "vmar_map takes two references to the VMO, of which vmar_unmap gives back one.",
        &[
            "VMAR-UNMAP-17",
            "VMAR-DESTROY-07",
            "SIG-ZC-09",
            "SIG-ZC-10",
            "VMO-CACHEPOL-16",
            "OBJ-INFO-27",
        ],
        calls(&[Call::vmar_map], |machine, call, registers| {
            let [_, _, vmo, offset, len, ..] = *registers;
            let status = machine.right(call, registers);
            if status == ZX_OK {
                // A mapping that nobody knows of.
                let root = machine.environment().root_vmar.into();
                machine.remap([root, 0, vmo, offset, len.min(PAGE), 0]);
            }
            status
        }),
    ),
    fault(
        CLASS,
        "failing_clone_leaks_a_child",
        "vmo_clone that is refused for offset and size leaves a child behind.",
        &["SIG-ZC-17", "VMO-CLONE-11", "VMO-CLONE-12"],
        calls(&[Call::vmo_clone], |machine, call, registers| {
            let status = machine.right(call, registers);
            if status == ZX_ERR_OUT_OF_RANGE {
                machine.in_place(4, |place| {
                    let mut empty = replaced(registers, 4, place);
                    (empty[2], empty[3]) = (0, 0);
                    machine.right(call, &empty)
                });
            }
            status
        }),
    ),
    fault(
        CLASS,
        "duplicate_leaks_a_handle",
        "handle_duplicate makes two handles and gives out one.",
        &["OBJ-INFO-18", "HANDLE-DUP-01"],
        calls(&[Call::handle_duplicate], |machine, call, registers| {
            let status = machine.right(call, registers);
            if status == ZX_OK {
                machine.duplicate(registers[0], ZX_RIGHT_SAME_RIGHTS);
            }
            status
        }),
    ),
    fault(
        CLASS,
        "replace_leaks_a_handle",
        "handle_replace counts one handle more.",
        &["OBJ-INFO-18", "HANDLE-REPLACE-01"],
        calls(&[Call::handle_replace], |machine, call, registers| {
            let status = machine.right(call, registers);
            if status == ZX_OK
                && let Some(new) = machine.word(registers[2])
            {
                hold(machine, new.into());
            }
            status
        }),
    ),
    fault(
        CLASS,
        "refused_duplicate_leaks_a_handle",
        "handle_duplicate that refuses the rights leaves a handle behind.",
        &["HANDLE-DUP-05", "OBJ-INFO-18"],
        calls(&[Call::handle_duplicate], |machine, call, registers| {
            let status = machine.right(call, registers);
            if status == ZX_ERR_INVALID_ARGS {
                machine.duplicate(registers[0], ZX_RIGHT_READ);
            }
            status
        }),
    ),
    fault(
        CLASS,
        "names_show_old_memory",
        "object_get_property leaves old bytes behind the end of the name.",
        &["OBJ-GETPROP-02", "OBJ-SETPROP-08"],
        calls(&[Call::object_get_property], |machine, call, registers| {
            let [_, property, value, ..] = *registers;
            let status = machine.right(call, registers);
            if status == ZX_OK
                && property == 3
                && let Some(name) = machine.bytes_at(value, 32)
            {
                let end = name.iter().position(|byte| *byte == 0).unwrap_or(31) + 1;
                machine.put(value + end as u64, &[0xa5; 32][end..]);
            }
            status
        }),
    ),
    fault(
        CLASS,
        "unmapped_places_stay_taken",
        "vmar_unmap does not give the addresses back.",
        &["VMAR-UNMAP-01", "VMAR-MAP-21"],
        calls(&[Call::vmar_map, Call::vmar_unmap], |machine, call, registers| {
            let [region, offset, ..] = *registers;
            if call == Call::vmar_unmap {
                let status = machine.right(call, registers);
                let had = machine.notes().mapping_at(registers[1]);
                if let (ZX_OK, Some(mapped)) = (status, had) {
                    machine.notes().numbers.insert(mapped.base, mapped.len);
                }
                return status;
            }
            let start = machine.region_range(region).map(|range| range.start);
            let taken = start.is_some_and(|start| {
                let asked = start.saturating_add(offset);
                let notes = machine.notes();
                notes.numbers.iter().any(|(base, len)| (*base..base + len).contains(&asked))
            });
            let is_specific = registers[5] & u64::from(ZX_VM_FLAG_SPECIFIC) != 0;
            if taken && is_specific {
                return vmo_abi::ZX_ERR_NO_MEMORY;
            }
            machine.right(call, registers)
        }),
    ),
];
