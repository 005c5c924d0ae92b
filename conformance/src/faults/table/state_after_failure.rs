//! What a refused call leaves behind.

use vmo_abi::Syscall as Call;
use vmo_abi::{
    ZX_ERR_ACCESS_DENIED, ZX_ERR_BAD_HANDLE, ZX_ERR_BAD_STATE, ZX_ERR_BUFFER_TOO_SMALL,
    ZX_ERR_INVALID_ARGS, ZX_ERR_NO_MEMORY, ZX_ERR_NOT_FOUND, ZX_ERR_OUT_OF_RANGE,
    ZX_ERR_WRONG_TYPE, ZX_INFO_HANDLE_BASIC, ZX_OK, ZX_PROP_NAME, ZX_RIGHT_SAME_RIGHTS,
    ZX_USER_SIGNAL_ALL, ZX_VMO_OP_COMMIT, ZX_VMO_OP_DECOMMIT,
};

use super::super::class::Class;
use super::super::hook::{Fault, Registers, calls, fault};
use super::super::machine::Machine;
use super::{PAGE, is, lower_half, replaced, round_down};

const CLASS: Class = Class::StateAfterFailure;

/// A refused call that stores `bytes` where its result would go.
fn stores(
    machine: &Machine,
    call: Call,
    registers: &Registers,
    (position, bytes): (usize, &[u8]),
) -> i32 {
    let status = machine.right(call, registers);
    if status != ZX_OK {
        machine.put(registers[position], bytes);
    }
    status
}

macro_rules! stores {
    ($call:ident, $position:literal, $bytes:expr) => {
        calls(&[Call::$call], |machine, call, registers| {
            stores(machine, call, registers, ($position, $bytes))
        })
    };
}

pub(super) const FAULTS: &[Fault] = &[
    fault(
        CLASS,
        "create_stores_0_when_it_fails",
        "vmo_create stores the invalid handle when it is refused.",
        &["VMO-CREATE-15", "GEN-06"],
        stores!(vmo_create, 2, &[0; 4]),
    ),
    fault(
        CLASS,
        "clone_stores_0_when_it_fails",
        "vmo_clone stores the invalid handle when it is refused.",
        &["GEN-06", "VMO-CLONE-04", "VMO-CLONE-07"],
        stores!(vmo_clone, 4, &[0; 4]),
    ),
    fault(
        CLASS,
        "duplicate_stores_0_when_it_fails",
        "handle_duplicate stores the invalid handle when it is refused.",
        &["GEN-06", "HANDLE-DUP-05", "HANDLE-DUP-08"],
        stores!(handle_duplicate, 2, &[0; 4]),
    ),
    fault(
        CLASS,
        "replace_stores_0_when_it_fails",
        "handle_replace stores the invalid handle when the rights are refused.",
        &["HANDLE-REPLACE-12", "GEN-06"],
        stores!(handle_replace, 2, &[0; 4]),
    ),
    fault(
        CLASS,
        "get_size_stores_0_when_it_fails",
        "vmo_get_size stores 0 when it is refused.",
        &["VMO-GETSIZE-08"],
        stores!(vmo_get_size, 1, &[0; 8]),
    ),
    fault(
        CLASS,
        "map_stores_0_when_it_fails",
        "vmar_map stores address 0 when it is refused.",
        &["VMAR-MAP-36"],
        stores!(vmar_map, 6, &[0; 8]),
    ),
    fault(
        CLASS,
        "get_property_clears_value_when_it_fails",
        "object_get_property clears the value before it looks at anything.",
        &["OBJ-GETPROP-13"],
        stores!(object_get_property, 2, &[0; 4]),
    ),
    fault(
        CLASS,
        "wait_stores_0_when_it_is_refused",
        "object_wait_one stores no signals when handle or right are missing.",
        &["OBJ-WAIT-13"],
        calls(&[Call::object_wait_one], |machine, call, registers| {
            let status = machine.right(call, registers);
            if matches!(status, ZX_ERR_BAD_HANDLE | ZX_ERR_ACCESS_DENIED) {
                machine.put(registers[3], &[0; 4]);
            }
            status
        }),
    ),
    fault(
        CLASS,
        "get_info_stores_what_fits",
        "object_get_info stores the first bytes of a record that does not fit.",
        &["OBJ-INFO-11"],
        calls(&[Call::object_get_info], |machine, call, registers| {
            let [handle, topic, buffer, size, ..] = *registers;
            let status = machine.right(call, registers);
            if status == ZX_ERR_BUFFER_TOO_SMALL && is(topic, ZX_INFO_HANDLE_BASIC) {
                let koid = machine.koid(handle).unwrap_or_default().to_le_bytes();
                machine.put(buffer, &koid[..(size as usize).min(koid.len())]);
            }
            status
        }),
    ),
    fault(
        CLASS,
        "get_info_counts_a_record_that_does_not_fit",
        "object_get_info says that one record was stored when none fits.",
        &["OBJ-INFO-11"],
        calls(&[Call::object_get_info], |machine, call, registers| {
            let status = machine.right(call, registers);
            if status == ZX_ERR_BUFFER_TOO_SMALL {
                machine.put(registers[4], &1_u64.to_le_bytes());
            }
            status
        }),
    ),
    fault(
        CLASS,
        "write_begins_before_it_refuses",
        "vmo_write of a range that runs beyond the end writes what fits before it refuses.",
        &["VMO-WRITE-14"],
        calls(&[Call::vmo_write], |machine, call, registers| {
            let [vmo, _, offset, len, ..] = *registers;
            match (machine.right(call, registers), machine.size(vmo)) {
                (ZX_ERR_OUT_OF_RANGE, Some(size)) if offset < size => {
                    machine.with(call, registers, 3, len.min(size - offset));
                    ZX_ERR_OUT_OF_RANGE
                }
                (status, _) => status,
            }
        }),
    ),
    fault(
        CLASS,
        "write_commits_before_it_refuses",
        "vmo_write of a range that runs beyond the end commits the pages that there are.",
        &["VMO-WRITE-14"],
        calls(&[Call::vmo_write], |machine, call, registers| {
            let [vmo, _, offset, len, ..] = *registers;
            let status = machine.right(call, registers);
            if status == ZX_ERR_OUT_OF_RANGE {
                machine.commit(vmo, offset, len);
            }
            status
        }),
    ),
    fault(
        CLASS,
        "write_takes_back_what_it_could_write",
        "vmo_write that runs out of memory releases the pages that it wrote.",
        &["VMO-WRITE-17"],
        calls(&[Call::vmo_write], |machine, call, registers| {
            let [vmo, _, offset, len, ..] = *registers;
            let status = machine.right(call, registers);
            if status == ZX_ERR_NO_MEMORY {
                machine.operate(vmo, ZX_VMO_OP_DECOMMIT, offset, len);
            }
            status
        }),
    ),
    fault(
        CLASS,
        "commit_keeps_what_it_could_get",
        "COMMIT that runs out of memory keeps the pages that it got.",
        &["VMO-OPRANGE-21"],
        calls(&[Call::vmo_op_range], |machine, call, registers| {
            let [vmo, op, offset, size, ..] = *registers;
            let status = machine.right(call, registers);
            if status == ZX_ERR_NO_MEMORY && is(op, ZX_VMO_OP_COMMIT) {
                let first = round_down(offset);
                for page in 0..size.div_ceil(PAGE).min(64) {
                    machine.commit(vmo, first + page * PAGE, PAGE);
                }
            }
            status
        }),
    ),
    fault(
        CLASS,
        "decommit_beyond_the_end_empties",
        "DECOMMIT that is out of range releases the pages up to the end all the same.",
        &["VMO-OPRANGE-30"],
        calls(&[Call::vmo_op_range], |machine, call, registers| {
            let [vmo, op, offset, ..] = *registers;
            let status = machine.right(call, registers);
            if status == ZX_ERR_OUT_OF_RANGE
                && is(op, ZX_VMO_OP_DECOMMIT)
                && let Some(size) = machine.size(vmo)
            {
                let from = offset.min(size.saturating_sub(PAGE));
                machine.operate(vmo, ZX_VMO_OP_DECOMMIT, from, size - from);
            }
            status
        }),
    ),
    fault(
        CLASS,
        "set_size_empties_before_it_refuses",
        "vmo_set_size to a size that is too large discards the contents.",
        &["VMO-SETSIZE-08"],
        calls(&[Call::vmo_set_size], |machine, call, registers| {
            let vmo = registers[0];
            let status = machine.right(call, registers);
            if status == ZX_ERR_OUT_OF_RANGE
                && let Some(size) = machine.size(vmo)
            {
                machine.resize(vmo, 0);
                machine.resize(vmo, size);
            }
            status
        }),
    ),
    fault(
        CLASS,
        "set_size_sets_0_when_it_refuses",
        "vmo_set_size to a size that is too large leaves size 0.",
        &["VMO-SETSIZE-08"],
        calls(&[Call::vmo_set_size], |machine, call, registers| {
            let status = machine.right(call, registers);
            if status == ZX_ERR_OUT_OF_RANGE {
                machine.resize(registers[0], 0);
            }
            status
        }),
    ),
    fault(
        CLASS,
        "set_cache_policy_sets_before_it_refuses",
        "vmo_set_cache_policy remembers a policy that it refused, and uses it later on.",
        &["VMO-CACHEPOL-21"],
        calls(
            &[Call::vmo_set_cache_policy, Call::vmo_read, Call::vmo_write],
            |machine, call, registers| {
                let [vmo, policy, ..] = *registers;
                let status = machine.right(call, registers);
                let Some(koid) = machine.koid(vmo) else { return status };
                if call == Call::vmo_set_cache_policy {
                    match status {
                        ZX_OK => drop(machine.notes().numbers.remove(&koid)),
                        ZX_ERR_BAD_STATE => {
                            machine.notes().numbers.insert(koid, lower_half(policy));
                        }
                        _ => {}
                    }
                    return status;
                }
                let refused = machine.notes().numbers.get(&koid).copied();
                match status {
                    ZX_OK | ZX_ERR_OUT_OF_RANGE if refused.unwrap_or_default() != 0 => {
                        ZX_ERR_BAD_STATE
                    }
                    status => status,
                }
            },
        ),
    ),
    fault(
        CLASS,
        "protect_begins_before_the_gap",
        "vmar_protect changes what lies before a gap and refuses then.",
        &["VMAR-PROTECT-12"],
        calls(&[Call::vmar_protect], |machine, call, registers| {
            let status = machine.right(call, registers);
            if matches!(status, ZX_ERR_NOT_FOUND | ZX_ERR_INVALID_ARGS) {
                let len = registers[2].min(PAGE);
                machine.with(call, registers, 2, len);
            }
            status
        }),
    ),
    fault(
        CLASS,
        "unmap_begins_before_it_refuses",
        "vmar_unmap removes what lies before a region that is partly in the range.",
        &["VMAR-UNMAP-05"],
        calls(&[Call::vmar_unmap], |machine, call, registers| {
            let [region, address, len, ..] = *registers;
            let status = machine.right(call, registers);
            if status == ZX_ERR_INVALID_ARGS {
                for page in 0..(len / PAGE).min(16) {
                    let one = [region, address.wrapping_add(page * PAGE), PAGE, 0, 0, 0, 0, 0];
                    machine.right(call, &one);
                }
            }
            status
        }),
    ),
    fault(
        CLASS,
        "overwrite_unmaps_before_it_refuses",
        "SPECIFIC_OVERWRITE that meets a region removes the mappings in its way all the same.",
        &["VMAR-MAP-29"],
        calls(&[Call::vmar_map], |machine, call, registers| {
            let [region, offset, _, _, len, flags, ..] = *registers;
            let status = machine.right(call, registers);
            if status == ZX_ERR_INVALID_ARGS
                && flags & 0x20 != 0
                && let Some(range) = machine.region_range(region)
            {
                for page in 0..len.div_ceil(PAGE).min(16) {
                    let address = range.start.saturating_add(offset).saturating_add(page * PAGE);
                    let one = [region, address, PAGE, 0, 0, 0, 0, 0];
                    machine.right(Call::vmar_unmap, &one);
                }
            }
            status
        }),
    ),
    fault(
        CLASS,
        "duplicate_with_a_bad_pointer_closes_the_source",
        "handle_duplicate that cannot store the handle closes the source handle.",
        &["HANDLE-DUP-12"],
        calls(&[Call::handle_duplicate], |machine, call, registers| {
            let status = machine.right(call, registers);
            if status == ZX_ERR_INVALID_ARGS && !machine.is_writable(registers[2], 4) {
                machine.close(registers[0]);
            }
            status
        }),
    ),
    fault(
        CLASS,
        "replace_with_too_many_rights_keeps_the_handle",
        "handle_replace keeps the old handle when it refuses the rights.",
        &["HANDLE-REPLACE-04", "HANDLE-REPLACE-07", "HANDLE-REPLACE-11"],
        calls(&[Call::handle_replace], |machine, call, registers| {
            let [handle, asked, ..] = *registers;
            let own = machine.rights(handle);
            let is_granted = asked as u32 == ZX_RIGHT_SAME_RIGHTS || asked as u32 & !own == 0;
            if machine.is_live(handle) && !is_granted {
                return ZX_ERR_INVALID_ARGS;
            }
            machine.right(call, registers)
        }),
    ),
    fault(
        CLASS,
        "replace_with_a_bad_pointer_keeps_the_handle",
        "handle_replace keeps the old handle when the new one cannot be stored.",
        &["HANDLE-REPLACE-06", "HANDLE-REPLACE-04"],
        calls(&[Call::handle_replace], |machine, call, registers| {
            if machine.is_live(registers[0]) && !machine.is_writable(registers[2], 4) {
                return ZX_ERR_INVALID_ARGS;
            }
            machine.right(call, registers)
        }),
    ),
    fault(
        CLASS,
        "close_many_stops_at_the_first_bad",
        "handle_close_many stops at the first entry that is no handle.",
        &["HANDLE-CLOSE-09"],
        calls(&[Call::handle_close_many], |machine, call, registers| {
            let [handles, count, ..] = *registers;
            for nth in 0..count.min(4096) {
                let Some(handle) = machine.word(handles.saturating_add(4 * nth)) else { break };
                if handle != 0 && !machine.is_live(handle.into()) {
                    return ZX_ERR_BAD_HANDLE;
                }
                machine.close(handle.into());
            }
            // What is left is closed already, and is no reason to refuse.
            match machine.bytes_at(handles, 1) {
                Some(_) => ZX_OK,
                None => machine.right(call, registers),
            }
        }),
    ),
    fault(
        CLASS,
        "close_many_checks_before_it_closes",
        "handle_close_many closes nothing when an entry is no handle.",
        &["HANDLE-CLOSE-09"],
        calls(&[Call::handle_close_many], |machine, call, registers| {
            let [handles, count, ..] = *registers;
            let entries = (0..count.min(4096)).map(|nth| handles.saturating_add(4 * nth));
            let is_bad = |handle: u32| handle != 0 && !machine.is_live(handle.into());
            if entries.into_iter().filter_map(|at| machine.word(at)).any(is_bad) {
                return ZX_ERR_BAD_HANDLE;
            }
            machine.right(call, registers)
        }),
    ),
    fault(
        CLASS,
        "set_property_clears_the_name_before_it_refuses",
        "object_set_property with an unreadable value clears the name.",
        &["OBJ-SETPROP-05"],
        calls(&[Call::object_set_property], |machine, call, registers| {
            let status = machine.right(call, registers);
            let is_name = is(registers[1], ZX_PROP_NAME);
            if status == ZX_ERR_INVALID_ARGS && is_name && registers[2] != 0 {
                machine.set_name(registers[0], b"");
            }
            status
        }),
    ),
    fault(
        CLASS,
        "signal_takes_the_legal_bits_before_it_refuses",
        "object_signal that refuses a bit sets and clears the others.",
        &["OBJ-SIGNAL-04"],
        calls(&[Call::object_signal], |machine, call, registers| {
            let status = machine.right(call, registers);
            if status == ZX_ERR_INVALID_ARGS {
                let legal = u64::from(ZX_USER_SIGNAL_ALL);
                let masked = replaced(registers, 1, registers[1] & legal);
                machine.with(call, &masked, 2, registers[2] & legal);
            }
            status
        }),
    ),
    fault(
        CLASS,
        "clone_that_fails_empties_the_name",
        "vmo_clone that is refused takes the source's name away.",
        &["VMO-CLONE-29", "VMO-CLONE-16"],
        calls(&[Call::vmo_clone], |machine, call, registers| {
            let status = machine.right(call, registers);
            if status != ZX_OK && status != ZX_ERR_WRONG_TYPE {
                machine.set_name(registers[0], b"");
            }
            status
        }),
    ),
];
