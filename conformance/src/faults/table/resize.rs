//! What a change of the size does.

use vmo_abi::Syscall as Call;
use vmo_abi::{
    ZX_ERR_BAD_STATE, ZX_ERR_INVALID_ARGS, ZX_ERR_OUT_OF_RANGE, ZX_OK, ZX_RIGHT_SET_PROPERTY,
    ZX_RIGHT_WRITE,
};

use super::super::class::Class;
use super::super::hook::{Fault, Registers, calls, fault, nothing};
use super::super::machine::Machine;
use super::super::notes::round_up;
use super::{LARGEST, PAGE};

const CLASS: Class = Class::Resize;

/// A resize that is refused where it would succeed.
fn refused_if(
    machine: &Machine,
    call: Call,
    registers: &Registers,
    (refused, status): (bool, i32),
) -> i32 {
    let [vmo, size, ..] = *registers;
    let is_good = machine.is_vmo(vmo)
        && machine.rights(vmo) & ZX_RIGHT_WRITE != 0
        && size <= LARGEST;
    if is_good && refused { status } else { machine.right(call, registers) }
}

fn is_mapped(machine: &Machine, vmo: u64) -> bool {
    let koid = machine.koid(vmo);
    machine.notes().mappings.iter().any(|mapped| Some(mapped.vmo) == koid)
}

pub(super) const FAULTS: &[Fault] = &[
    fault(
        CLASS,
        "set_size_does_nothing",
        "vmo_set_size succeeds and leaves the size.",
        &["VMO-SETSIZE-01"],
        nothing(&[Call::vmo_set_size]),
    ),
    fault(
        CLASS,
        "set_size_only_grows",
        "vmo_set_size to a smaller size succeeds and leaves the size.",
        &["VMO-SETSIZE-01", "VMO-SETSIZE-13"],
        calls(&[Call::vmo_set_size], |machine, call, registers| {
            let [vmo, size, ..] = *registers;
            match machine.size(vmo) {
                Some(old) if size < old => machine.with(call, registers, 1, old),
                _ => machine.right(call, registers),
            }
        }),
    ),
    fault(
        CLASS,
        "set_size_only_shrinks",
        "vmo_set_size to a larger size is out of range.",
        &["VMO-SETSIZE-01", "VMO-SETSIZE-09"],
        calls(&[Call::vmo_set_size], |machine, call, registers| {
            let [vmo, size, ..] = *registers;
            let grows = machine.size(vmo).is_some_and(|old| size > old);
            refused_if(machine, call, registers, (grows, ZX_ERR_OUT_OF_RANGE))
        }),
    ),
    fault(
        CLASS,
        "set_size_discards_everything",
        "vmo_set_size loses the contents.",
        &["VMO-SETSIZE-14", "VMO-SETSIZE-12"],
        calls(&[Call::vmo_set_size], |machine, call, registers| {
            match machine.with(call, registers, 1, 0) {
                ZX_OK if registers[1] <= LARGEST => machine.right(call, registers),
                ZX_OK => ZX_ERR_OUT_OF_RANGE,
                status => status,
            }
        }),
    ),
    fault(
        CLASS,
        "set_size_discards_a_page_too_many",
        "vmo_set_size to a smaller size loses the last page that it keeps.",
        &["VMO-SETSIZE-14", "VMO-SETSIZE-11"],
        calls(&[Call::vmo_set_size], |machine, call, registers| {
            let [vmo, size, ..] = *registers;
            let shrinks = machine.size(vmo).is_some_and(|old| round_up(size) < old);
            let is_right = machine.rights(vmo) & ZX_RIGHT_WRITE != 0;
            if shrinks && is_right && size > 0 {
                machine.resize(vmo, round_up(size) - PAGE);
            }
            machine.right(call, registers)
        }),
    ),
    fault(
        CLASS,
        "set_size_to_the_same_discards",
        "vmo_set_size to the present size loses the contents.",
        &["VMO-SETSIZE-12"],
        calls(&[Call::vmo_set_size], |machine, call, registers| {
            let [vmo, size, ..] = *registers;
            let is_same = machine.size(vmo) == Some(round_up(size));
            let is_right = machine.rights(vmo) & ZX_RIGHT_WRITE != 0;
            if is_same && is_right && size <= LARGEST {
                machine.resize(vmo, 0);
            }
            machine.right(call, registers)
        }),
    ),
    fault(
        CLASS,
        "set_size_to_the_same_is_refused",
        "vmo_set_size to the present size is refused.",
        &["VMO-SETSIZE-12"],
        calls(&[Call::vmo_set_size], |machine, call, registers| {
            let [vmo, size, ..] = *registers;
            let is_same = machine.size(vmo) == Some(round_up(size));
            refused_if(machine, call, registers, (is_same, ZX_ERR_INVALID_ARGS))
        }),
    ),
    fault(
        CLASS,
        "set_size_to_0_is_refused",
        "vmo_set_size to 0 is refused.",
        &["VMO-SETSIZE-13"],
        calls(&[Call::vmo_set_size], |machine, call, registers| {
            refused_if(machine, call, registers, (registers[1] == 0, ZX_ERR_INVALID_ARGS))
        }),
    ),
    fault(
        CLASS,
        "set_size_of_a_mapped_vmo_is_refused",
        "vmo_set_size of a VMO that is mapped is refused.",
        &["VMO-SETSIZE-15"],
        calls(&[Call::vmo_set_size], |machine, call, registers| {
            let refused = is_mapped(machine, registers[0]);
            refused_if(machine, call, registers, (refused, ZX_ERR_BAD_STATE))
        }),
    ),
    fault(
        CLASS,
        "set_size_of_a_cloned_vmo_is_refused",
        "vmo_set_size of a VMO that has a clone is refused.",
        &["VMO-SETSIZE-18", "COW-11", "COW-12"],
        calls(&[Call::vmo_set_size], |machine, call, registers| {
            let refused = !machine.clones_of(registers[0]).is_empty();
            refused_if(machine, call, registers, (refused, ZX_ERR_BAD_STATE))
        }),
    ),
    fault(
        CLASS,
        "set_size_of_an_uncached_vmo_is_refused",
        "vmo_set_size of a VMO whose cache policy is not CACHED is refused.",
        &["VMO-SETSIZE-19", "VMO-CACHEPOL-19"],
        calls(&[Call::vmo_set_size], |machine, call, registers| {
            let nothing = [registers[0], 0, 0, 0, 0, 0, 0, 0];
            let refused = machine.right(Call::vmo_read, &nothing) == ZX_ERR_BAD_STATE;
            refused_if(machine, call, registers, (refused, ZX_ERR_BAD_STATE))
        }),
    ),
    fault(
        CLASS,
        "set_size_resizes_clones",
        "vmo_set_size resizes the clones of the VMO, too.",
        &["VMO-SETSIZE-18"],
        calls(&[Call::vmo_set_size], |machine, call, registers| {
            let [vmo, size, ..] = *registers;
            let status = machine.right(call, registers);
            if status == ZX_OK {
                for (clone, _) in machine.clones_of(vmo) {
                    if let Some(writable) = machine.sibling(clone, ZX_RIGHT_WRITE) {
                        machine.resize(writable, size);
                    }
                }
            }
            status
        }),
    ),
    fault(
        CLASS,
        "set_size_resizes_the_parent",
        "vmo_set_size of a clone makes its parent as large.",
        &["VMO-SETSIZE-18"],
        calls(&[Call::vmo_set_size], |machine, call, registers| {
            let [vmo, size, ..] = *registers;
            let status = machine.right(call, registers);
            if status == ZX_OK
                && let Some(origin) = machine.origin(vmo)
                && let Some(parent) = machine.handle_to(origin.parent, ZX_RIGHT_WRITE)
            {
                machine.resize(parent, size);
            }
            status
        }),
    ),
    fault(
        CLASS,
        "set_size_cuts_mappings_off",
        "vmo_set_size to a smaller size unmaps what lies beyond the end.",
        &["VMO-SETSIZE-15", "VMO-SETSIZE-17", "VMAR-MAP-43"],
        calls(&[Call::vmo_set_size], |machine, call, registers| {
            let [vmo, size, ..] = *registers;
            let old = machine.size(vmo).unwrap_or_default();
            let status = machine.right(call, registers);
            let koid = machine.koid(vmo).unwrap_or_default();
            let mappings = machine.notes().mappings.clone();
            for mapped in mappings.into_iter().filter(|mapped| mapped.vmo == koid) {
                let kept = round_up(size).saturating_sub(mapped.vmo_offset).min(mapped.len);
                if status == ZX_OK && size < old && kept < mapped.len {
                    machine.unmap(mapped.base + kept, mapped.len - kept);
                }
            }
            status
        }),
    ),
    fault(
        CLASS,
        "set_size_commits",
        "vmo_set_size commits the pages that it adds.",
        &["VMO-SETSIZE-19", "VMO-SETSIZE-21"],
        calls(&[Call::vmo_set_size], |machine, call, registers| {
            let [vmo, size, ..] = *registers;
            let old = machine.size(vmo).unwrap_or_default();
            let status = machine.right(call, registers);
            if status == ZX_OK && size > old {
                machine.commit(vmo, old, round_up(size) - old);
            }
            status
        }),
    ),
    fault(
        CLASS,
        "set_size_clears_the_name",
        "vmo_set_size takes the name away.",
        &["VMO-SETSIZE-22"],
        calls(&[Call::vmo_set_size], |machine, call, registers| {
            let status = machine.right(call, registers);
            if status == ZX_OK
                && let Some(handle) = machine.sibling(registers[0], ZX_RIGHT_SET_PROPERTY)
            {
                machine.set_name(handle, b"");
            }
            status
        }),
    ),
    fault(
        CLASS,
        "write_grows_the_vmo",
        "vmo_write beyond the end makes the VMO larger.",
        &["VMO-WRITE-08", "VMO-WRITE-09"],
        calls(&[Call::vmo_write], |machine, call, registers| {
            let [vmo, _, offset, len, ..] = *registers;
            match machine.right(call, registers) {
                ZX_ERR_OUT_OF_RANGE if offset.checked_add(len).is_some() => {
                    machine.resize(vmo, offset + len);
                    machine.right(call, registers)
                }
                status => status,
            }
        }),
    ),
    fault(
        CLASS,
        "write_at_the_end_grows_the_vmo",
        "vmo_write that starts at the end appends.",
        &["VMO-WRITE-08", "VMO-WRITE-09"],
        calls(&[Call::vmo_write], |machine, call, registers| {
            let [vmo, _, offset, len, ..] = *registers;
            match machine.right(call, registers) {
                ZX_ERR_OUT_OF_RANGE if machine.size(vmo) == Some(offset) && len <= PAGE => {
                    machine.resize(vmo, offset.saturating_add(len));
                    machine.right(call, registers)
                }
                status => status,
            }
        }),
    ),
    fault(
        CLASS,
        "handles_remember_the_size",
        "A duplicate tells the size that the VMO had when it was made.",
        &["VMO-GETSIZE-09", "HANDLE-DUP-13"],
        calls(&[Call::handle_duplicate, Call::vmo_get_size], |machine, call, registers| {
            let status = machine.right(call, registers);
            if status != ZX_OK {
                return status;
            }
            if call == Call::handle_duplicate {
                let made = machine.word(registers[2]).map(u64::from);
                if let Some(handle) = made
                    && let Some(size) = machine.size(handle)
                {
                    machine.notes().numbers.insert(handle | 1, size);
                }
                return status;
            }
            let known = machine.notes().numbers.get(&(registers[0] | 1)).copied();
            if let Some(size) = known {
                machine.put(registers[1], &size.to_le_bytes());
            }
            status
        }),
    ),
];
