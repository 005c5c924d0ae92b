//! The choice among several refusals that apply at once: checks in the wrong
//! order.

use vmo_abi::Syscall as Call;
use vmo_abi::{
    ZX_ERR_ACCESS_DENIED, ZX_ERR_BAD_HANDLE, ZX_ERR_BAD_STATE, ZX_ERR_BUFFER_TOO_SMALL,
    ZX_ERR_INVALID_ARGS, ZX_ERR_NOT_SUPPORTED, ZX_ERR_OUT_OF_RANGE, ZX_ERR_WRONG_TYPE, ZX_OK,
    ZX_OBJ_TYPE_VMAR, ZX_OBJ_TYPE_VMO, ZX_PROP_NAME, ZX_RIGHT_DUPLICATE, ZX_RIGHT_GET_PROPERTY,
    ZX_RIGHT_MAP, ZX_RIGHT_READ, ZX_RIGHT_SAME_RIGHTS, ZX_RIGHT_SET_PROPERTY, ZX_RIGHT_SIGNAL,
    ZX_RIGHT_WRITE, ZX_USER_SIGNAL_ALL,
};

use super::super::class::Class;
use super::super::hook::{Fault, Registers, calls, fault};
use super::super::machine::Machine;
use super::{LARGEST, PAGE, is};

const CLASS: Class = Class::Precedence;

/// A call that looks at a bad pointer before anything else.
fn pointer_first(
    machine: &Machine,
    call: Call,
    registers: &Registers,
    (position, len): (usize, usize),
) -> i32 {
    if machine.is_writable(registers[position], len) {
        machine.right(call, registers)
    } else {
        ZX_ERR_INVALID_ARGS
    }
}

/// A call that looks at a handle's type before its rights.
fn type_first(machine: &Machine, call: Call, registers: &Registers, kind: u32) -> i32 {
    match machine.basic(registers[0]) {
        Some(basic) if basic.type_ != kind => ZX_ERR_WRONG_TYPE,
        _ => machine.right(call, registers),
    }
}

/// `vmo_read` or `vmo_write` that judges the range before what is judged by
/// rights.
fn range_before(
    machine: &Machine,
    call: Call,
    registers: &Registers,
    (right, later): (u32, i32),
) -> i32 {
    let [vmo, _, offset, len, ..] = *registers;
    let is_judged = machine.is_vmo(vmo) && machine.rights(vmo) & right != 0;
    match machine.size(vmo) {
        Some(size) if is_judged && offset.checked_add(len).is_none_or(|end| end > size) => {
            match machine.right(call, registers) {
                status if status == later => ZX_ERR_OUT_OF_RANGE,
                status => status,
            }
        }
        _ => machine.right(call, registers),
    }
}

/// A call that refuses a value that is no handle before everything else.
fn handle_first(machine: &Machine, call: Call, registers: &Registers) -> i32 {
    if machine.is_live(registers[0]) {
        machine.right(call, registers)
    } else {
        ZX_ERR_BAD_HANDLE
    }
}

macro_rules! pointer_first {
    ($call:ident, $position:literal, $len:literal) => {
        calls(&[Call::$call], |machine, call, registers| {
            pointer_first(machine, call, registers, ($position, $len))
        })
    };
}

macro_rules! type_first {
    ($call:ident, $kind:ident) => {
        calls(&[Call::$call], |machine, call, registers| {
            type_first(machine, call, registers, $kind)
        })
    };
}

macro_rules! range_before {
    ($call:ident, $right:ident, $later:ident) => {
        calls(&[Call::$call], |machine, call, registers| {
            range_before(machine, call, registers, ($right, $later))
        })
    };
}

pub(super) const FAULTS: &[Fault] = &[
    fault(
        CLASS,
        "create_judges_size_before_options",
        "vmo_create judges the size before the options.",
        &["VMO-CREATE-12"],
        calls(&[Call::vmo_create], |machine, call, registers| {
            if registers[0] > LARGEST {
                return ZX_ERR_OUT_OF_RANGE;
            }
            machine.right(call, registers)
        }),
    ),
    fault(
        CLASS,
        "create_judges_pointer_first",
        "vmo_create looks at the pointer before the size.",
        &["VMO-CREATE-11", "GEN-05"],
        pointer_first!(vmo_create, 2, 4),
    ),
    fault(
        CLASS,
        "read_judges_type_before_rights",
        "vmo_read looks at the object's type before the rights.",
        &["GEN-01", "TYPE-02"],
        type_first!(vmo_read, ZX_OBJ_TYPE_VMO),
    ),
    fault(
        CLASS,
        "read_judges_range_before_buffer",
        "vmo_read judges the range before the buffer.",
        &["VMO-READ-13"],
        range_before!(vmo_read, ZX_RIGHT_READ, ZX_ERR_INVALID_ARGS),
    ),
    fault(
        CLASS,
        "read_judges_range_before_policy",
        "vmo_read judges the range before the cache policy.",
        &["VMO-READ-17"],
        range_before!(vmo_read, ZX_RIGHT_READ, ZX_ERR_BAD_STATE),
    ),
    fault(
        CLASS,
        "write_judges_type_before_rights",
        "vmo_write looks at the object's type before the rights.",
        &["GEN-01", "TYPE-02"],
        type_first!(vmo_write, ZX_OBJ_TYPE_VMO),
    ),
    fault(
        CLASS,
        "write_judges_range_before_buffer",
        "vmo_write judges the range before the buffer.",
        &["VMO-WRITE-13"],
        range_before!(vmo_write, ZX_RIGHT_WRITE, ZX_ERR_INVALID_ARGS),
    ),
    fault(
        CLASS,
        "write_judges_range_before_policy",
        "vmo_write judges the range before the cache policy.",
        &["VMO-WRITE-19"],
        range_before!(vmo_write, ZX_RIGHT_WRITE, ZX_ERR_BAD_STATE),
    ),
    fault(
        CLASS,
        "get_size_judges_pointer_first",
        "vmo_get_size looks at the pointer before the handle.",
        &["VMO-GETSIZE-06"],
        pointer_first!(vmo_get_size, 1, 8),
    ),
    fault(
        CLASS,
        "set_size_judges_type_before_rights",
        "vmo_set_size looks at the object's type before the rights.",
        &["GEN-01", "TYPE-02"],
        type_first!(vmo_set_size, ZX_OBJ_TYPE_VMO),
    ),
    fault(
        CLASS,
        "set_size_judges_size_first",
        "vmo_set_size judges the size before the handle.",
        &["GEN-01", "VMO-SETSIZE-02", "VMO-SETSIZE-03", "VMO-SETSIZE-04"],
        calls(&[Call::vmo_set_size], |machine, call, registers| {
            if registers[1] > LARGEST {
                return ZX_ERR_OUT_OF_RANGE;
            }
            machine.right(call, registers)
        }),
    ),
    fault(
        CLASS,
        "clone_judges_type_before_rights",
        "vmo_clone looks at the object's type before the rights.",
        &["GEN-01", "TYPE-03"],
        type_first!(vmo_clone, ZX_OBJ_TYPE_VMO),
    ),
    fault(
        CLASS,
        "clone_judges_alignment_before_size",
        "vmo_clone looks at the offset's alignment before the size.",
        &["VMO-CLONE-18"],
        calls(&[Call::vmo_clone], |machine, call, registers| {
            match machine.right(call, registers) {
                ZX_ERR_OUT_OF_RANGE if !registers[2].is_multiple_of(PAGE) => ZX_ERR_INVALID_ARGS,
                status => status,
            }
        }),
    ),
    fault(
        CLASS,
        "clone_judges_size_before_options",
        "vmo_clone judges the size before the options.",
        &["VMO-CLONE-18"],
        calls(&[Call::vmo_clone], |machine, call, registers| {
            match machine.right(call, registers) {
                ZX_ERR_INVALID_ARGS if registers[3] > LARGEST => ZX_ERR_OUT_OF_RANGE,
                status => status,
            }
        }),
    ),
    fault(
        CLASS,
        "clone_judges_alignment_before_policy",
        "vmo_clone looks at the offset's alignment before the cache policy.",
        &["VMO-CLONE-18"],
        calls(&[Call::vmo_clone], |machine, call, registers| {
            match machine.right(call, registers) {
                ZX_ERR_BAD_STATE if !registers[2].is_multiple_of(PAGE) => ZX_ERR_INVALID_ARGS,
                status => status,
            }
        }),
    ),
    fault(
        CLASS,
        "clone_judges_policy_before_size",
        "vmo_clone looks at the cache policy before the size.",
        &["VMO-CLONE-18"],
        calls(&[Call::vmo_clone], |machine, call, registers| {
            match machine.right(call, registers) {
                ZX_ERR_OUT_OF_RANGE => match machine.with(call, registers, 3, 0) {
                    ZX_ERR_BAD_STATE => ZX_ERR_BAD_STATE,
                    ZX_OK => {
                        if let Some(clone) = machine.word(registers[4]) {
                            machine.close(clone.into());
                        }
                        ZX_ERR_OUT_OF_RANGE
                    }
                    _ => ZX_ERR_OUT_OF_RANGE,
                },
                status => status,
            }
        }),
    ),
    fault(
        CLASS,
        "clone_judges_pointer_first",
        "vmo_clone looks at the pointer before size, cache policy and offset.",
        &["VMO-CLONE-18", "GEN-05"],
        calls(&[Call::vmo_clone], |machine, call, registers| {
            match machine.right(call, registers) {
                ZX_ERR_OUT_OF_RANGE | ZX_ERR_BAD_STATE
                    if !machine.is_writable(registers[4], 4) =>
                {
                    ZX_ERR_INVALID_ARGS
                }
                status => status,
            }
        }),
    ),
    fault(
        CLASS,
        "op_range_judges_rights_before_code",
        "vmo_op_range wants WRITE for codes that are not defined.",
        &["VMO-OPRANGE-07"],
        calls(&[Call::vmo_op_range], |machine, call, registers| {
            let [vmo, op, ..] = *registers;
            let is_unknown = matches!(op & 0xffff_ffff, 0 | 5 | 10..);
            match machine.right(call, registers) {
                ZX_ERR_INVALID_ARGS
                    if is_unknown && machine.rights(vmo) & ZX_RIGHT_WRITE == 0 =>
                {
                    ZX_ERR_ACCESS_DENIED
                }
                status => status,
            }
        }),
    ),
    fault(
        CLASS,
        "op_range_judges_range_before_rights",
        "vmo_op_range judges the offset before the rights.",
        &["VMO-OPRANGE-08"],
        calls(&[Call::vmo_op_range], |machine, call, registers| {
            let [vmo, _, offset, size, ..] = *registers;
            match (machine.right(call, registers), machine.size(vmo)) {
                (ZX_ERR_ACCESS_DENIED, Some(bytes))
                    if offset > bytes || offset.checked_add(size).is_none() =>
                {
                    ZX_ERR_OUT_OF_RANGE
                }
                (status, _) => status,
            }
        }),
    ),
    fault(
        CLASS,
        "op_range_judges_code_before_type",
        "vmo_op_range looks at the code before the object's type.",
        &["GEN-02", "VMO-OPRANGE-06"],
        calls(&[Call::vmo_op_range], |machine, call, registers| {
            match (machine.right(call, registers), registers[1] & 0xffff_ffff) {
                (ZX_ERR_WRONG_TYPE, 0 | 5 | 10..) => ZX_ERR_INVALID_ARGS,
                (ZX_ERR_WRONG_TYPE, 3 | 4) => ZX_ERR_NOT_SUPPORTED,
                (status, _) => status,
            }
        }),
    ),
    fault(
        CLASS,
        "cache_op_judges_range_before_size_0",
        "The cache operations judge the offset before they refuse size 0.",
        &["VMO-OPRANGE-41"],
        calls(&[Call::vmo_op_range], |machine, call, registers| {
            let [vmo, op, offset, size, ..] = *registers;
            match (machine.right(call, registers), machine.size(vmo)) {
                (ZX_ERR_INVALID_ARGS, Some(bytes))
                    if (6..=9).contains(&op) && size == 0 && offset > bytes =>
                {
                    ZX_ERR_OUT_OF_RANGE
                }
                (status, _) => status,
            }
        }),
    ),
    fault(
        CLASS,
        "set_cache_policy_judges_handle_first",
        "vmo_set_cache_policy looks at the handle before the policy.",
        &["VMO-CACHEPOL-03"],
        calls(&[Call::vmo_set_cache_policy], handle_first),
    ),
    fault(
        CLASS,
        "set_cache_policy_judges_type_before_rights",
        "vmo_set_cache_policy looks at the object's type before the rights.",
        &["GEN-01", "TYPE-04"],
        calls(&[Call::vmo_set_cache_policy], |machine, call, registers| {
            match machine.right(call, registers) {
                ZX_ERR_ACCESS_DENIED if !machine.is_vmo(registers[0]) => ZX_ERR_WRONG_TYPE,
                status => status,
            }
        }),
    ),
    fault(
        CLASS,
        "map_judges_vmo_first",
        "vmar_map looks at the VMO's handle before the region's.",
        &["VMAR-MAP-04"],
        calls(&[Call::vmar_map], |machine, call, registers| {
            match machine.basic(registers[2]) {
                None => ZX_ERR_BAD_HANDLE,
                Some(basic) if basic.type_ != ZX_OBJ_TYPE_VMO => ZX_ERR_WRONG_TYPE,
                Some(_) => machine.right(call, registers),
            }
        }),
    ),
    fault(
        CLASS,
        "map_judges_flags_before_map_right",
        "vmar_map looks at the flags before MAP.",
        &["VMAR-MAP-06"],
        calls(&[Call::vmar_map], |machine, call, registers| {
            let flags = registers[5];
            match machine.right(call, registers) {
                ZX_ERR_ACCESS_DENIED
                    if flags & 1 == 0
                        && flags & 6 != 0
                        && machine.rights(registers[2]) & ZX_RIGHT_MAP == 0 =>
                {
                    ZX_ERR_INVALID_ARGS
                }
                status => status,
            }
        }),
    ),
    fault(
        CLASS,
        "map_judges_rights_before_flags",
        "vmar_map looks at READ and WRITE before it refuses write permission alone.",
        &["VMAR-MAP-10"],
        calls(&[Call::vmar_map], |machine, call, registers| {
            let [_, _, vmo, _, _, flags, ..] = *registers;
            let needed = (flags as u32 & 7) << 2;
            match machine.right(call, registers) {
                ZX_ERR_INVALID_ARGS if flags & 1 == 0 && machine.is_vmo(vmo) => {
                    let held = machine.rights(vmo) & machine.rights(registers[0]);
                    if needed & !held != 0 { ZX_ERR_ACCESS_DENIED } else { ZX_ERR_INVALID_ARGS }
                }
                status => status,
            }
        }),
    ),
    fault(
        CLASS,
        "unmap_judges_state_first",
        "vmar_unmap notices a destroyed region before it looks at address and length.",
        &["VMAR-UNMAP-13"],
        calls(&[Call::vmar_unmap], |machine, call, registers| {
            match machine.right(call, registers) {
                ZX_ERR_INVALID_ARGS => {
                    // A page far outside of every region.
                    let probe = [registers[0], PAGE, PAGE, 0, 0, 0, 0, 0];
                    match machine.right(call, &probe) {
                        ZX_ERR_BAD_STATE => ZX_ERR_BAD_STATE,
                        _ => ZX_ERR_INVALID_ARGS,
                    }
                }
                status => status,
            }
        }),
    ),
    fault(
        CLASS,
        "protect_judges_type_before_rights",
        "vmar_protect looks at the object's type before the rights.",
        &["GEN-01", "TYPE-06"],
        type_first!(vmar_protect, ZX_OBJ_TYPE_VMAR),
    ),
    fault(
        CLASS,
        "allocate_judges_type_before_rights",
        "vmar_allocate looks at the object's type before the rights.",
        &["GEN-01", "TYPE-06"],
        type_first!(vmar_allocate, ZX_OBJ_TYPE_VMAR),
    ),
    fault(
        CLASS,
        "duplicate_judges_subset_before_right",
        "handle_duplicate compares the rights before it looks at DUPLICATE.",
        &["HANDLE-DUP-09"],
        calls(&[Call::handle_duplicate], |machine, call, registers| {
            let [source, asked, ..] = *registers;
            let rights = machine.rights(source);
            let is_subset = asked as u32 == ZX_RIGHT_SAME_RIGHTS || asked as u32 & !rights == 0;
            match machine.right(call, registers) {
                ZX_ERR_ACCESS_DENIED if !is_subset && rights & ZX_RIGHT_DUPLICATE == 0 => {
                    ZX_ERR_INVALID_ARGS
                }
                status => status,
            }
        }),
    ),
    fault(
        CLASS,
        "get_property_judges_handle_first",
        "object_get_property looks at the handle before it refuses NULL.",
        &["OBJ-GETPROP-08"],
        calls(&[Call::object_get_property], handle_first),
    ),
    fault(
        CLASS,
        "get_property_judges_size_before_right",
        "object_get_property looks at the size before GET_PROPERTY.",
        &["OBJ-GETPROP-12"],
        calls(&[Call::object_get_property], |machine, call, registers| {
            let [_, property, _, size, ..] = *registers;
            match machine.right(call, registers) {
                ZX_ERR_ACCESS_DENIED if is(property, ZX_PROP_NAME) && size < 32 => {
                    ZX_ERR_BUFFER_TOO_SMALL
                }
                status => status,
            }
        }),
    ),
    fault(
        CLASS,
        "get_property_judges_property_before_right",
        "object_get_property looks at the property before GET_PROPERTY.",
        &["OBJ-GETPROP-12"],
        calls(&[Call::object_get_property], |machine, call, registers| {
            let status = machine.right(call, registers);
            let known = matches!(registers[1] & 0xffff_ffff, 3 | 5 | 6 | 8..=12);
            let lacks = machine.rights(registers[0]) & ZX_RIGHT_GET_PROPERTY == 0;
            if status == ZX_ERR_ACCESS_DENIED && lacks && !known {
                return ZX_ERR_INVALID_ARGS;
            }
            status
        }),
    ),
    fault(
        CLASS,
        "get_property_judges_type_before_size",
        "object_get_property looks at the object's type before the size.",
        &["OBJ-GETPROP-11"],
        calls(&[Call::object_get_property], |machine, call, registers| {
            match machine.right(call, registers) {
                ZX_ERR_BUFFER_TOO_SMALL if !is(registers[1], ZX_PROP_NAME) => {
                    machine.with(call, registers, 3, 8)
                }
                status => status,
            }
        }),
    ),
    fault(
        CLASS,
        "set_property_judges_handle_first",
        "object_set_property looks at the handle before it refuses NULL.",
        &["OBJ-SETPROP-04"],
        calls(&[Call::object_set_property], handle_first),
    ),
    fault(
        CLASS,
        "set_property_judges_value_before_right",
        "object_set_property reads the value before it looks at SET_PROPERTY.",
        &["OBJ-SETPROP-02", "OBJ-SETPROP-05"],
        calls(&[Call::object_set_property], |machine, call, registers| {
            let [handle, property, value, size, ..] = *registers;
            let lacks = machine.rights(handle) & ZX_RIGHT_SET_PROPERTY == 0;
            let is_read = is(property, ZX_PROP_NAME) && size != 0;
            match machine.right(call, registers) {
                ZX_ERR_ACCESS_DENIED
                    if lacks && is_read && machine.bytes_at(value, 1).is_none() =>
                {
                    ZX_ERR_INVALID_ARGS
                }
                status => status,
            }
        }),
    ),
    fault(
        CLASS,
        "get_info_judges_handle_first",
        "object_get_info looks at the handle before the topic.",
        &["OBJ-INFO-17"],
        calls(&[Call::object_get_info], handle_first),
    ),
    fault(
        CLASS,
        "get_info_judges_counts_first",
        "object_get_info looks at actual and avail before it stores the record.",
        &["OBJ-INFO-14"],
        calls(&[Call::object_get_info], |machine, call, registers| {
            let [_, topic, _, _, actual, avail, ..] = *registers;
            let is_bad = |pointer: u64| pointer != 0 && !machine.is_writable(pointer, 8);
            let judged = (topic == 2 || topic == 19) && (is_bad(actual) || is_bad(avail));
            if judged && machine.is_live(registers[0]) {
                // What comes before the pointers is right.
                let without = [registers[0], topic, 0, 0, 0, 0, 0, 0];
                return match machine.right(call, &without) {
                    ZX_ERR_BUFFER_TOO_SMALL => ZX_ERR_INVALID_ARGS,
                    status => status,
                };
            }
            machine.right(call, registers)
        }),
    ),
    fault(
        CLASS,
        "signal_judges_masks_first",
        "object_signal looks at the masks before handle and right.",
        &["OBJ-SIGNAL-09"],
        calls(&[Call::object_signal], |machine, call, registers| {
            let masks = (registers[1] | registers[2]) as u32;
            let lacks = machine.rights(registers[0]) & ZX_RIGHT_SIGNAL == 0;
            if masks & !ZX_USER_SIGNAL_ALL != 0 && lacks {
                return ZX_ERR_INVALID_ARGS;
            }
            machine.right(call, registers)
        }),
    ),
    fault(
        CLASS,
        "wait_judges_pointer_first",
        "object_wait_one looks at observed before handle and right.",
        &["OBJ-WAIT-11", "OBJ-WAIT-12"],
        calls(&[Call::object_wait_one], |machine, call, registers| {
            let observed = registers[3];
            if observed != 0 && !machine.is_writable(observed, 4) {
                return ZX_ERR_INVALID_ARGS;
            }
            machine.right(call, registers)
        }),
    ),
];
