//! Rights that are not looked at, that are not needed, and wrong ones.

use vmo_abi::Syscall as Call;
use vmo_abi::{
    ZX_ERR_ACCESS_DENIED, ZX_INFO_HANDLE_BASIC, ZX_INFO_HANDLE_COUNT, ZX_RIGHT_DUPLICATE,
    ZX_RIGHT_EXECUTE, ZX_RIGHT_GET_PROPERTY, ZX_RIGHT_INSPECT, ZX_RIGHT_MAP, ZX_RIGHT_READ,
    ZX_RIGHT_SET_PROPERTY, ZX_RIGHT_SIGNAL, ZX_RIGHT_TRANSFER, ZX_RIGHT_WAIT, ZX_RIGHT_WRITE,
    ZX_VM_FLAG_PERM_EXECUTE, ZX_VM_FLAG_PERM_READ, ZX_VM_FLAG_PERM_WRITE,
    ZX_VMO_OP_CACHE_CLEAN, ZX_VMO_OP_CACHE_CLEAN_INVALIDATE, ZX_VMO_OP_CACHE_INVALIDATE,
    ZX_VMO_OP_CACHE_SYNC, ZX_VMO_OP_COMMIT, ZX_VMO_OP_DECOMMIT, zx_rights_t,
};

use super::super::class::Class;
use super::super::hook::{Fault, Hook, Registers, calls, fault};
use super::super::machine::Machine;
use super::is;

const CLASS: Class = Class::Rights;

/// An operation with a look at another right than its own.
fn operation_mistakes(
    machine: &Machine,
    call: Call,
    registers: &Registers,
    op: u32,
    rights: (zx_rights_t, zx_rights_t),
) -> i32 {
    if is(registers[1], op) {
        machine.mistaking(call, registers, 0, rights)
    } else {
        machine.right(call, registers)
    }
}

/// `vmar_map` without a look at the right that a permission needs.
fn map_ignores(
    machine: &Machine,
    call: Call,
    registers: &Registers,
    (position, permission, right): (usize, u32, zx_rights_t),
) -> i32 {
    if registers[5] & u64::from(permission) != 0 {
        machine.ignoring(call, registers, position, right)
    } else {
        machine.right(call, registers)
    }
}

/// A call that does not look at a right of its first handle.
macro_rules! ignores {
    ($call:ident, $right:ident) => {
        calls(&[Call::$call], |machine, call, registers| {
            machine.ignoring(call, registers, 0, $right)
        })
    };
}

/// A call that wants a right of its first handle that it has no need of.
macro_rules! needs {
    ($call:ident, $right:ident) => {
        calls(&[Call::$call], |machine, call, registers| {
            machine.needing(call, registers, 0, $right)
        })
    };
}

/// A call that looks at the second right instead of the first.
macro_rules! mistakes {
    ($call:ident, $right:ident, $wrong:ident) => {
        calls(&[Call::$call], |machine, call, registers| {
            machine.mistaking(call, registers, 0, ($right, $wrong))
        })
    };
}

/// An operation that looks at the second right instead of the first.
macro_rules! operation {
    ($op:ident, $right:ident, $wrong:ident) => {
        calls(&[Call::vmo_op_range], |machine, call, registers| {
            operation_mistakes(machine, call, registers, $op, ($right, $wrong))
        })
    };
}

/// `vmar_map` that does not look at a right for a permission.
macro_rules! map {
    ($position:literal, $permission:ident, $right:ident) => {
        calls(&[Call::vmar_map], |machine, call, registers| {
            map_ignores(machine, call, registers, ($position, $permission, $right))
        })
    };
}

const CLOSE_NEEDS_A_RIGHT: Hook = calls(&[Call::handle_close], |machine, call, registers| {
    match machine.basic(registers[0]) {
        Some(basic) if basic.rights == 0 => ZX_ERR_ACCESS_DENIED,
        _ => machine.right(call, registers),
    }
});

pub(super) const FAULTS: &[Fault] = &[
    fault(
        CLASS,
        "read_ignores_rights",
        "vmo_read does not look at READ.",
        &["VMO-READ-04"],
        ignores!(vmo_read, ZX_RIGHT_READ),
    ),
    fault(
        CLASS,
        "read_looks_at_write",
        "vmo_read looks at WRITE instead of READ.",
        &["VMO-READ-04", "VMO-READ-05"],
        mistakes!(vmo_read, ZX_RIGHT_READ, ZX_RIGHT_WRITE),
    ),
    fault(
        CLASS,
        "write_ignores_rights",
        "vmo_write does not look at WRITE.",
        &["VMO-WRITE-04"],
        ignores!(vmo_write, ZX_RIGHT_WRITE),
    ),
    fault(
        CLASS,
        "write_looks_at_read",
        "vmo_write looks at READ instead of WRITE.",
        &["VMO-WRITE-04", "VMO-WRITE-05"],
        mistakes!(vmo_write, ZX_RIGHT_WRITE, ZX_RIGHT_READ),
    ),
    fault(
        CLASS,
        "write_needs_read_too",
        "vmo_write wants READ besides WRITE.",
        &["VMO-WRITE-05"],
        needs!(vmo_write, ZX_RIGHT_READ),
    ),
    fault(
        CLASS,
        "get_size_needs_read",
        "vmo_get_size wants READ.",
        &["VMO-GETSIZE-05"],
        needs!(vmo_get_size, ZX_RIGHT_READ),
    ),
    fault(
        CLASS,
        "set_size_ignores_rights",
        "vmo_set_size does not look at WRITE.",
        &["VMO-SETSIZE-04"],
        ignores!(vmo_set_size, ZX_RIGHT_WRITE),
    ),
    fault(
        CLASS,
        "set_size_needs_read_too",
        "vmo_set_size wants READ besides WRITE.",
        &["VMO-SETSIZE-05"],
        needs!(vmo_set_size, ZX_RIGHT_READ),
    ),
    fault(
        CLASS,
        "clone_ignores_duplicate",
        "vmo_clone looks at READ only.",
        &["VMO-CLONE-05", "VMO-CLONE-04"],
        ignores!(vmo_clone, ZX_RIGHT_DUPLICATE),
    ),
    fault(
        CLASS,
        "clone_ignores_read",
        "vmo_clone looks at DUPLICATE only.",
        &["VMO-CLONE-05", "VMO-CLONE-04"],
        ignores!(vmo_clone, ZX_RIGHT_READ),
    ),
    fault(
        CLASS,
        "clone_needs_write",
        "vmo_clone wants WRITE, which the clone's handle has.",
        &["VMO-CLONE-05", "VMO-CLONE-20"],
        needs!(vmo_clone, ZX_RIGHT_WRITE),
    ),
    fault(
        CLASS,
        "commit_ignores_rights",
        "COMMIT does not look at WRITE.",
        &["VMO-OPRANGE-11"],
        operation!(ZX_VMO_OP_COMMIT, ZX_RIGHT_WRITE, ZX_RIGHT_NOTHING),
    ),
    fault(
        CLASS,
        "commit_needs_read_too",
        "COMMIT wants READ besides WRITE.",
        &["VMO-OPRANGE-12"],
        calls(&[Call::vmo_op_range], |machine, call, registers| {
            if is(registers[1], ZX_VMO_OP_COMMIT) {
                machine.needing(call, registers, 0, ZX_RIGHT_READ)
            } else {
                machine.right(call, registers)
            }
        }),
    ),
    fault(
        CLASS,
        "decommit_looks_at_read",
        "DECOMMIT looks at READ instead of WRITE.",
        &["VMO-OPRANGE-25"],
        operation!(ZX_VMO_OP_DECOMMIT, ZX_RIGHT_WRITE, ZX_RIGHT_READ),
    ),
    fault(
        CLASS,
        "cache_sync_looks_at_write",
        "CACHE_SYNC looks at WRITE instead of READ.",
        &["VMO-OPRANGE-36"],
        operation!(ZX_VMO_OP_CACHE_SYNC, ZX_RIGHT_READ, ZX_RIGHT_WRITE),
    ),
    fault(
        CLASS,
        "cache_clean_ignores_rights",
        "CACHE_CLEAN does not look at READ.",
        &["VMO-OPRANGE-37"],
        operation!(ZX_VMO_OP_CACHE_CLEAN, ZX_RIGHT_READ, ZX_RIGHT_NOTHING),
    ),
    fault(
        CLASS,
        "cache_clean_invalidate_looks_at_write",
        "CACHE_CLEAN_INVALIDATE looks at WRITE instead of READ.",
        &["VMO-OPRANGE-38"],
        operation!(ZX_VMO_OP_CACHE_CLEAN_INVALIDATE, ZX_RIGHT_READ, ZX_RIGHT_WRITE),
    ),
    fault(
        CLASS,
        "cache_invalidate_looks_at_read",
        "CACHE_INVALIDATE looks at READ instead of WRITE.",
        &["VMO-OPRANGE-39"],
        operation!(ZX_VMO_OP_CACHE_INVALIDATE, ZX_RIGHT_WRITE, ZX_RIGHT_READ),
    ),
    fault(
        CLASS,
        "set_cache_policy_ignores_rights",
        "vmo_set_cache_policy does not look at MAP.",
        &["VMO-CACHEPOL-06"],
        ignores!(vmo_set_cache_policy, ZX_RIGHT_MAP),
    ),
    fault(
        CLASS,
        "set_cache_policy_needs_write_too",
        "vmo_set_cache_policy wants WRITE besides MAP.",
        &["VMO-CACHEPOL-07"],
        needs!(vmo_set_cache_policy, ZX_RIGHT_WRITE),
    ),
    fault(
        CLASS,
        "map_ignores_map_right",
        "vmar_map does not look at MAP.",
        &["VMAR-MAP-05"],
        calls(&[Call::vmar_map], |machine, call, registers| {
            if machine.rights(registers[2]) & ZX_RIGHT_MAP == 0 {
                machine.ignoring(call, registers, 2, ZX_RIGHT_MAP)
            } else {
                machine.right(call, registers)
            }
        }),
    ),
    fault(
        CLASS,
        "map_ignores_read_on_the_vmo",
        "vmar_map gives read permission without a look at the VMO handle's READ.",
        &["VMAR-MAP-07", "VMO-CREATE-26"],
        map!(2, ZX_VM_FLAG_PERM_READ, ZX_RIGHT_READ),
    ),
    fault(
        CLASS,
        "map_ignores_write_on_the_vmo",
        "vmar_map gives write permission without a look at the VMO handle's WRITE.",
        &["VMAR-MAP-08", "VMO-CREATE-27"],
        map!(2, ZX_VM_FLAG_PERM_WRITE, ZX_RIGHT_WRITE),
    ),
    fault(
        CLASS,
        "map_ignores_execute_on_the_vmo",
        "vmar_map gives execute permission without a look at the VMO handle's EXECUTE.",
        &["VMAR-MAP-09", "VMO-CREATE-28"],
        map!(2, ZX_VM_FLAG_PERM_EXECUTE, ZX_RIGHT_EXECUTE),
    ),
    fault(
        CLASS,
        "map_ignores_rights_on_the_region",
        "vmar_map does not look at the region handle's WRITE.",
        &["VMAR-MAP-08"],
        map!(0, ZX_VM_FLAG_PERM_WRITE, ZX_RIGHT_WRITE),
    ),
    fault(
        CLASS,
        "map_needs_read_on_the_region",
        "vmar_map wants READ of the region handle even for a mapping without permissions.",
        &["VMAR-MAP-47"],
        needs!(vmar_map, ZX_RIGHT_READ),
    ),
    fault(
        CLASS,
        "protect_ignores_rights_on_the_region",
        "vmar_protect does not look at the region handle's WRITE.",
        &["VMAR-PROTECT-02"],
        ignores!(vmar_protect, ZX_RIGHT_WRITE),
    ),
    fault(
        CLASS,
        "unmap_needs_write_on_the_region",
        "vmar_unmap wants WRITE of the region handle.",
        &["VMAR-UNMAP-14"],
        needs!(vmar_unmap, ZX_RIGHT_WRITE),
    ),
    fault(
        CLASS,
        "destroy_needs_write_on_the_region",
        "vmar_destroy wants WRITE of the region handle.",
        &["VMAR-DESTROY-05"],
        needs!(vmar_destroy, ZX_RIGHT_WRITE),
    ),
    fault(
        CLASS,
        "close_needs_a_right",
        "handle_close refuses a handle without any right.",
        &["HANDLE-CLOSE-04", "HANDLE-DUP-07"],
        CLOSE_NEEDS_A_RIGHT,
    ),
    fault(
        CLASS,
        "duplicate_ignores_rights",
        "handle_duplicate does not look at DUPLICATE.",
        &["HANDLE-DUP-08"],
        calls(&[Call::handle_duplicate], |machine, call, registers| {
            let [source, asked, out, ..] = *registers;
            let own = machine.rights(source);
            let is_same = asked as u32 == vmo_abi::ZX_RIGHT_SAME_RIGHTS;
            if !is_same && asked as u32 & !own != 0 {
                return machine.right(call, registers);
            }
            let status = machine.ignoring(call, registers, 0, ZX_RIGHT_DUPLICATE);
            if is_same && status == 0 {
                machine.restrict(out, own);
            }
            status
        }),
    ),
    fault(
        CLASS,
        "replace_needs_duplicate",
        "handle_replace wants DUPLICATE.",
        &["HANDLE-REPLACE-05"],
        needs!(handle_replace, ZX_RIGHT_DUPLICATE),
    ),
    fault(
        CLASS,
        "get_property_ignores_rights",
        "object_get_property does not look at GET_PROPERTY.",
        &["OBJ-GETPROP-05"],
        ignores!(object_get_property, ZX_RIGHT_GET_PROPERTY),
    ),
    fault(
        CLASS,
        "get_property_looks_at_read",
        "object_get_property looks at READ instead of GET_PROPERTY.",
        &["OBJ-GETPROP-05"],
        mistakes!(object_get_property, ZX_RIGHT_GET_PROPERTY, ZX_RIGHT_READ),
    ),
    fault(
        CLASS,
        "set_property_ignores_rights",
        "object_set_property does not look at SET_PROPERTY.",
        &["OBJ-SETPROP-02"],
        ignores!(object_set_property, ZX_RIGHT_SET_PROPERTY),
    ),
    fault(
        CLASS,
        "set_property_looks_at_get_property",
        "object_set_property looks at GET_PROPERTY instead of SET_PROPERTY.",
        &["OBJ-SETPROP-02"],
        mistakes!(object_set_property, ZX_RIGHT_SET_PROPERTY, ZX_RIGHT_GET_PROPERTY),
    ),
    fault(
        CLASS,
        "info_basic_needs_inspect",
        "ZX_INFO_HANDLE_BASIC wants INSPECT.",
        &["OBJ-INFO-04"],
        calls(&[Call::object_get_info], |machine, call, registers| {
            if is(registers[1], ZX_INFO_HANDLE_BASIC) {
                machine.needing(call, registers, 0, ZX_RIGHT_INSPECT)
            } else {
                machine.right(call, registers)
            }
        }),
    ),
    fault(
        CLASS,
        "info_count_ignores_rights",
        "ZX_INFO_HANDLE_COUNT does not look at READ.",
        &["OBJ-INFO-19"],
        calls(&[Call::object_get_info], |machine, call, registers| {
            if is(registers[1], ZX_INFO_HANDLE_COUNT) {
                machine.ignoring(call, registers, 0, ZX_RIGHT_READ)
            } else {
                machine.right(call, registers)
            }
        }),
    ),
    fault(
        CLASS,
        "signal_ignores_rights",
        "object_signal does not look at SIGNAL.",
        &["OBJ-SIGNAL-06"],
        ignores!(object_signal, ZX_RIGHT_SIGNAL),
    ),
    fault(
        CLASS,
        "signal_looks_at_write",
        "object_signal looks at WRITE instead of SIGNAL.",
        &["OBJ-SIGNAL-06", "OBJ-SIGNAL-07"],
        mistakes!(object_signal, ZX_RIGHT_SIGNAL, ZX_RIGHT_WRITE),
    ),
    fault(
        CLASS,
        "wait_ignores_rights",
        "object_wait_one does not look at WAIT.",
        &["OBJ-WAIT-12"],
        ignores!(object_wait_one, ZX_RIGHT_WAIT),
    ),
    fault(
        CLASS,
        "wait_looks_at_read",
        "object_wait_one looks at READ instead of WAIT.",
        &["OBJ-WAIT-12", "OBJ-WAIT-17"],
        mistakes!(object_wait_one, ZX_RIGHT_WAIT, ZX_RIGHT_READ),
    ),
    fault(
        CLASS,
        "channel_ignores_transfer",
        "channel_write moves handles without a look at TRANSFER.",
        &["VMO-CREATE-31"],
        calls(&[Call::channel_write], |machine, call, registers| {
            let [_, _, _, _, handles, count, ..] = *registers;
            for at in (0..count.min(64)).map(|nth| handles + 4 * nth) {
                let Some(handle) = machine.word(at).map(u64::from) else { break };
                if let Some(basic) = machine.basic(handle)
                    && basic.rights & ZX_RIGHT_TRANSFER == 0
                    && let Some(other) = machine.sibling(handle, ZX_RIGHT_TRANSFER)
                    && let Some(moved) =
                        machine.duplicate(other, basic.rights | ZX_RIGHT_TRANSFER)
                {
                    machine.close(handle);
                    machine.put(at, &(moved as u32).to_le_bytes());
                }
            }
            machine.right(call, registers)
        }),
    ),
];

/// No right at all.
const ZX_RIGHT_NOTHING: zx_rights_t = 0;
