//! The right refusal with the wrong status.

use vmo_abi::Syscall as Call;
use vmo_abi::{
    ZX_ERR_ACCESS_DENIED, ZX_ERR_ALREADY_EXISTS, ZX_ERR_BAD_HANDLE, ZX_ERR_BAD_STATE,
    ZX_ERR_BUFFER_TOO_SMALL, ZX_ERR_INVALID_ARGS, ZX_ERR_NO_MEMORY, ZX_ERR_NO_RESOURCES,
    ZX_ERR_NOT_FOUND, ZX_ERR_NOT_SUPPORTED, ZX_ERR_OUT_OF_RANGE, ZX_ERR_TIMED_OUT,
    ZX_ERR_UNAVAILABLE, ZX_ERR_WRONG_TYPE, ZX_OK, ZX_RIGHT_GET_PROPERTY, ZX_RIGHT_SET_PROPERTY,
};

use super::super::class::Class;
use super::super::hook::{Fault, calls, fault, status};

const CLASS: Class = Class::ErrorCode;

pub(super) const FAULTS: &[Fault] = &[
    fault(
        CLASS,
        "create_calls_too_large_invalid",
        "vmo_create answers INVALID_ARGS for a size that is too large.",
        &["VMO-CREATE-06"],
        status(Call::vmo_create, ZX_ERR_OUT_OF_RANGE, ZX_ERR_INVALID_ARGS),
    ),
    fault(
        CLASS,
        "create_calls_too_large_no_memory",
        "vmo_create answers NO_MEMORY for a size that is too large.",
        &["VMO-CREATE-06"],
        status(Call::vmo_create, ZX_ERR_OUT_OF_RANGE, ZX_ERR_NO_MEMORY),
    ),
    fault(
        CLASS,
        "create_calls_options_unsupported",
        "vmo_create answers NOT_SUPPORTED for unknown options.",
        &["VMO-CREATE-07"],
        calls(&[Call::vmo_create], |machine, call, registers| {
            match machine.right(call, registers) {
                ZX_ERR_INVALID_ARGS if registers[1] & 0xffff_ffff != 0 => ZX_ERR_NOT_SUPPORTED,
                status => status,
            }
        }),
    ),
    fault(
        CLASS,
        "create_runs_out_of_resources",
        "vmo_create answers NO_RESOURCES where memory is lacking.",
        &["VMO-CREATE-10"],
        status(Call::vmo_create, ZX_ERR_NO_MEMORY, ZX_ERR_NO_RESOURCES),
    ),
    fault(
        CLASS,
        "read_calls_out_of_range_invalid",
        "vmo_read answers INVALID_ARGS for a range beyond the end.",
        &["VMO-READ-08", "VMO-READ-11", "VMO-READ-09"],
        status(Call::vmo_read, ZX_ERR_OUT_OF_RANGE, ZX_ERR_INVALID_ARGS),
    ),
    fault(
        CLASS,
        "read_accepts_a_bad_buffer",
        "vmo_read succeeds although the buffer cannot be written.",
        &["VMO-READ-06", "VMO-READ-22", "GEN-07"],
        status(Call::vmo_read, ZX_ERR_INVALID_ARGS, ZX_OK),
    ),
    fault(
        CLASS,
        "read_calls_a_missing_right_a_bad_handle",
        "vmo_read answers BAD_HANDLE without READ.",
        &["VMO-READ-04"],
        status(Call::vmo_read, ZX_ERR_ACCESS_DENIED, ZX_ERR_BAD_HANDLE),
    ),
    fault(
        CLASS,
        "read_calls_another_type_a_bad_handle",
        "vmo_read answers BAD_HANDLE for an object that is no VMO.",
        &["VMO-READ-03", "TYPE-01"],
        status(Call::vmo_read, ZX_ERR_WRONG_TYPE, ZX_ERR_BAD_HANDLE),
    ),
    fault(
        CLASS,
        "write_calls_out_of_range_invalid",
        "vmo_write answers INVALID_ARGS for a range beyond the end.",
        &["VMO-WRITE-08", "VMO-WRITE-11", "VMO-WRITE-09"],
        status(Call::vmo_write, ZX_ERR_OUT_OF_RANGE, ZX_ERR_INVALID_ARGS),
    ),
    fault(
        CLASS,
        "write_calls_uncached_unsupported",
        "vmo_write answers NOT_SUPPORTED where the cache policy forbids it.",
        &["VMO-WRITE-18", "VMO-CACHEPOL-18"],
        status(Call::vmo_write, ZX_ERR_BAD_STATE, ZX_ERR_NOT_SUPPORTED),
    ),
    fault(
        CLASS,
        "write_runs_out_of_range",
        "vmo_write answers OUT_OF_RANGE where memory is lacking.",
        &["VMO-WRITE-16"],
        status(Call::vmo_write, ZX_ERR_NO_MEMORY, ZX_ERR_OUT_OF_RANGE),
    ),
    fault(
        CLASS,
        "get_size_calls_a_bad_handle_a_wrong_type",
        "vmo_get_size answers WRONG_TYPE for a value that is no handle.",
        &["VMO-GETSIZE-02", "GEN-03", "HV-08"],
        status(Call::vmo_get_size, ZX_ERR_BAD_HANDLE, ZX_ERR_WRONG_TYPE),
    ),
    fault(
        CLASS,
        "get_size_accepts_a_bad_pointer",
        "vmo_get_size succeeds although the size cannot be stored.",
        &["VMO-GETSIZE-04", "GEN-07"],
        status(Call::vmo_get_size, ZX_ERR_INVALID_ARGS, ZX_OK),
    ),
    fault(
        CLASS,
        "set_size_calls_too_large_invalid",
        "vmo_set_size answers INVALID_ARGS for a size that is too large.",
        &["VMO-SETSIZE-06", "VMO-SETSIZE-07"],
        status(Call::vmo_set_size, ZX_ERR_OUT_OF_RANGE, ZX_ERR_INVALID_ARGS),
    ),
    fault(
        CLASS,
        "set_size_calls_another_type_unsupported",
        "vmo_set_size answers NOT_SUPPORTED for an object that is no VMO.",
        &["VMO-SETSIZE-03", "TYPE-01"],
        status(Call::vmo_set_size, ZX_ERR_WRONG_TYPE, ZX_ERR_NOT_SUPPORTED),
    ),
    fault(
        CLASS,
        "clone_calls_invalid_out_of_range",
        "vmo_clone answers OUT_OF_RANGE for an unaligned offset.",
        &["VMO-CLONE-09"],
        calls(&[Call::vmo_clone], |machine, call, registers| {
            match machine.right(call, registers) {
                ZX_ERR_INVALID_ARGS if !registers[2].is_multiple_of(super::PAGE) => {
                    ZX_ERR_OUT_OF_RANGE
                }
                status => status,
            }
        }),
    ),
    fault(
        CLASS,
        "clone_calls_the_mode_unsupported",
        "vmo_clone answers NOT_SUPPORTED without the only mode.",
        &["VMO-CLONE-07", "VMO-CLONE-06"],
        calls(&[Call::vmo_clone], |machine, call, registers| {
            match machine.right(call, registers) {
                ZX_ERR_INVALID_ARGS if registers[1] & 1 == 0 => ZX_ERR_NOT_SUPPORTED,
                status => status,
            }
        }),
    ),
    fault(
        CLASS,
        "clone_calls_uncached_invalid",
        "vmo_clone answers INVALID_ARGS for a source that is not CACHED.",
        &["VMO-CLONE-17", "VMO-CACHEPOL-19"],
        status(Call::vmo_clone, ZX_ERR_BAD_STATE, ZX_ERR_INVALID_ARGS),
    ),
    fault(
        CLASS,
        "clone_calls_too_large_invalid",
        "vmo_clone answers INVALID_ARGS for sizes and offsets that are too large.",
        &["VMO-CLONE-11", "VMO-CLONE-12", "VMO-CLONE-13"],
        status(Call::vmo_clone, ZX_ERR_OUT_OF_RANGE, ZX_ERR_INVALID_ARGS),
    ),
    fault(
        CLASS,
        "op_range_calls_an_unknown_code_unsupported",
        "vmo_op_range answers NOT_SUPPORTED for codes that are not defined.",
        &["VMO-OPRANGE-01", "VMO-OPRANGE-02"],
        calls(&[Call::vmo_op_range], |machine, call, registers| {
            let is_unknown = matches!(registers[1] & 0xffff_ffff, 0 | 5 | 10..);
            match machine.right(call, registers) {
                ZX_ERR_INVALID_ARGS if is_unknown => ZX_ERR_NOT_SUPPORTED,
                status => status,
            }
        }),
    ),
    fault(
        CLASS,
        "lock_is_invalid",
        "vmo_op_range answers INVALID_ARGS for LOCK and UNLOCK.",
        &["VMO-OPRANGE-03", "VMO-OPRANGE-04"],
        status(Call::vmo_op_range, ZX_ERR_NOT_SUPPORTED, ZX_ERR_INVALID_ARGS),
    ),
    fault(
        CLASS,
        "op_range_calls_out_of_range_invalid",
        "vmo_op_range answers INVALID_ARGS for a range that is out of range.",
        &["VMO-OPRANGE-16", "VMO-OPRANGE-17", "VMO-OPRANGE-30", "VMO-OPRANGE-42"],
        status(Call::vmo_op_range, ZX_ERR_OUT_OF_RANGE, ZX_ERR_INVALID_ARGS),
    ),
    fault(
        CLASS,
        "cache_op_of_nothing_is_out_of_range",
        "The cache operations answer OUT_OF_RANGE for size 0.",
        &["VMO-OPRANGE-40", "VMO-OPRANGE-49"],
        calls(&[Call::vmo_op_range], |machine, call, registers| {
            match machine.right(call, registers) {
                ZX_ERR_INVALID_ARGS if (6..=9).contains(&registers[1]) => ZX_ERR_OUT_OF_RANGE,
                status => status,
            }
        }),
    ),
    fault(
        CLASS,
        "set_cache_policy_calls_invalid_unsupported",
        "vmo_set_cache_policy answers NOT_SUPPORTED for policies that are not defined.",
        &["VMO-CACHEPOL-02", "VMO-CACHEPOL-03"],
        status(Call::vmo_set_cache_policy, ZX_ERR_INVALID_ARGS, ZX_ERR_NOT_SUPPORTED),
    ),
    fault(
        CLASS,
        "set_cache_policy_is_unavailable",
        "vmo_set_cache_policy answers UNAVAILABLE while something is in its way.",
        &["VMO-CACHEPOL-08", "VMO-CACHEPOL-09", "VMO-CACHEPOL-10", "VMO-CACHEPOL-11"],
        status(Call::vmo_set_cache_policy, ZX_ERR_BAD_STATE, ZX_ERR_UNAVAILABLE),
    ),
    fault(
        CLASS,
        "map_calls_a_missing_right_invalid",
        "vmar_map answers INVALID_ARGS for a permission that no right is held for.",
        &["VMAR-MAP-05", "VMAR-MAP-07", "VMAR-MAP-08", "VMAR-MAP-09"],
        status(Call::vmar_map, ZX_ERR_ACCESS_DENIED, ZX_ERR_INVALID_ARGS),
    ),
    fault(
        CLASS,
        "map_calls_a_taken_place_existing",
        "vmar_map answers ALREADY_EXISTS where something is mapped already.",
        &["VMAR-MAP-26", "VMAR-MAP-52"],
        status(Call::vmar_map, ZX_ERR_NO_MEMORY, ZX_ERR_ALREADY_EXISTS),
    ),
    fault(
        CLASS,
        "map_beyond_the_region_is_out_of_range",
        "vmar_map answers OUT_OF_RANGE for a place outside the region.",
        &["VMAR-MAP-24"],
        calls(&[Call::vmar_map], |machine, call, registers| {
            let [region, offset, _, _, len, ..] = *registers;
            let status = machine.right(call, registers);
            match machine.region_range(region) {
                Some(range) if status == ZX_ERR_INVALID_ARGS => {
                    let room = range.end - range.start;
                    let fits = offset < room && len <= room - offset;
                    if fits { status } else { ZX_ERR_OUT_OF_RANGE }
                }
                _ => status,
            }
        }),
    ),
    fault(
        CLASS,
        "unmap_calls_outside_not_found",
        "vmar_unmap answers NOT_FOUND for what it has to refuse.",
        &["VMAR-UNMAP-09", "VMAR-UNMAP-06", "VMAR-UNMAP-07"],
        status(Call::vmar_unmap, ZX_ERR_INVALID_ARGS, ZX_ERR_NOT_FOUND),
    ),
    fault(
        CLASS,
        "protect_calls_a_gap_invalid",
        "vmar_protect answers INVALID_ARGS for a gap in the range.",
        &["VMAR-PROTECT-10"],
        status(Call::vmar_protect, ZX_ERR_NOT_FOUND, ZX_ERR_INVALID_ARGS),
    ),
    fault(
        CLASS,
        "protect_calls_a_missing_right_invalid",
        "vmar_protect answers INVALID_ARGS for a permission that no right is held for.",
        &["VMAR-PROTECT-02", "VMAR-PROTECT-03"],
        status(Call::vmar_protect, ZX_ERR_ACCESS_DENIED, ZX_ERR_INVALID_ARGS),
    ),
    fault(
        CLASS,
        "allocate_calls_a_missing_right_invalid",
        "vmar_allocate answers INVALID_ARGS for what the parent may not hold.",
        &["VMAR-ALLOC-03"],
        status(Call::vmar_allocate, ZX_ERR_ACCESS_DENIED, ZX_ERR_INVALID_ARGS),
    ),
    fault(
        CLASS,
        "destroyed_regions_are_bad_handles",
        "vmar_map answers BAD_HANDLE for a region that was destroyed.",
        &["VMAR-MAP-37", "VMAR-DESTROY-02"],
        status(Call::vmar_map, ZX_ERR_BAD_STATE, ZX_ERR_BAD_HANDLE),
    ),
    fault(
        CLASS,
        "duplicate_calls_more_rights_denied",
        "handle_duplicate answers ACCESS_DENIED for rights that the source lacks.",
        &["HANDLE-DUP-05", "HANDLE-DUP-06"],
        calls(&[Call::handle_duplicate], |machine, call, registers| {
            let [source, asked, ..] = *registers;
            let lacks = asked as u32 & !machine.rights(source) != 0;
            match machine.right(call, registers) {
                ZX_ERR_INVALID_ARGS if lacks => ZX_ERR_ACCESS_DENIED,
                status => status,
            }
        }),
    ),
    fault(
        CLASS,
        "duplicate_calls_a_missing_right_invalid",
        "handle_duplicate answers INVALID_ARGS without DUPLICATE.",
        &["HANDLE-DUP-08"],
        status(Call::handle_duplicate, ZX_ERR_ACCESS_DENIED, ZX_ERR_INVALID_ARGS),
    ),
    fault(
        CLASS,
        "replace_calls_more_rights_denied",
        "handle_replace answers ACCESS_DENIED for rights that the source lacks.",
        &["HANDLE-REPLACE-03"],
        status(Call::handle_replace, ZX_ERR_INVALID_ARGS, ZX_ERR_ACCESS_DENIED),
    ),
    fault(
        CLASS,
        "get_property_calls_too_small_invalid",
        "object_get_property answers INVALID_ARGS for a size that is too small.",
        &["OBJ-GETPROP-03", "OBJ-GETPROP-11"],
        status(Call::object_get_property, ZX_ERR_BUFFER_TOO_SMALL, ZX_ERR_INVALID_ARGS),
    ),
    fault(
        CLASS,
        "get_property_calls_another_type_unsupported",
        "object_get_property answers NOT_SUPPORTED for a property of another type.",
        &["OBJ-GETPROP-10"],
        status(Call::object_get_property, ZX_ERR_WRONG_TYPE, ZX_ERR_NOT_SUPPORTED),
    ),
    fault(
        CLASS,
        "get_property_calls_unknown_unsupported",
        "object_get_property answers NOT_SUPPORTED for a property that is unknown.",
        &["OBJ-GETPROP-09"],
        calls(&[Call::object_get_property], |machine, call, registers| {
            let [handle, property, value, ..] = *registers;
            let is_judged = value != 0 && machine.rights(handle) & ZX_RIGHT_GET_PROPERTY != 0;
            match machine.right(call, registers) {
                ZX_ERR_INVALID_ARGS if is_judged && property != 3 => ZX_ERR_NOT_SUPPORTED,
                status => status,
            }
        }),
    ),
    fault(
        CLASS,
        "set_property_calls_unknown_unsupported",
        "object_set_property answers NOT_SUPPORTED for a property that is unknown.",
        &["OBJ-SETPROP-13"],
        calls(&[Call::object_set_property], |machine, call, registers| {
            let [handle, property, value, ..] = *registers;
            let is_judged = value != 0 && machine.rights(handle) & ZX_RIGHT_SET_PROPERTY != 0;
            match machine.right(call, registers) {
                ZX_ERR_INVALID_ARGS if is_judged && property != 3 => ZX_ERR_NOT_SUPPORTED,
                status => status,
            }
        }),
    ),
    fault(
        CLASS,
        "get_info_calls_a_topic_invalid",
        "object_get_info answers INVALID_ARGS for a topic that is not defined.",
        &["OBJ-INFO-16", "OBJ-INFO-17"],
        status(Call::object_get_info, ZX_ERR_NOT_SUPPORTED, ZX_ERR_INVALID_ARGS),
    ),
    fault(
        CLASS,
        "get_info_calls_too_small_invalid",
        "object_get_info answers INVALID_ARGS for a buffer that is too small.",
        &["OBJ-INFO-10"],
        status(Call::object_get_info, ZX_ERR_BUFFER_TOO_SMALL, ZX_ERR_INVALID_ARGS),
    ),
    fault(
        CLASS,
        "close_calls_a_bad_handle_invalid",
        "handle_close answers INVALID_ARGS for a value that is no handle.",
        &["HANDLE-CLOSE-03", "GEN-03"],
        status(Call::handle_close, ZX_ERR_BAD_HANDLE, ZX_ERR_INVALID_ARGS),
    ),
    fault(
        CLASS,
        "wait_calls_a_missing_right_a_bad_handle",
        "object_wait_one answers BAD_HANDLE without WAIT.",
        &["OBJ-WAIT-12"],
        status(Call::object_wait_one, ZX_ERR_ACCESS_DENIED, ZX_ERR_BAD_HANDLE),
    ),
    fault(
        CLASS,
        "wait_many_calls_too_many_invalid",
        "object_wait_many answers INVALID_ARGS for more items than it takes.",
        &["OBJ-WAIT-18"],
        status(Call::object_wait_many, ZX_ERR_OUT_OF_RANGE, ZX_ERR_INVALID_ARGS),
    ),
    fault(
        CLASS,
        "wait_many_times_out_well",
        "object_wait_many succeeds when the deadline passes.",
        &["OBJ-WAIT-20", "OBJ-WAIT-19"],
        status(Call::object_wait_many, ZX_ERR_TIMED_OUT, ZX_OK),
    ),
    fault(
        CLASS,
        "signal_peer_is_not_supported",
        "object_signal_peer answers NOT_SUPPORTED for a VMO.",
        &["OBJ-SIGNAL-14"],
        status(Call::object_signal_peer, ZX_ERR_ACCESS_DENIED, ZX_ERR_NOT_SUPPORTED),
    ),
];
