//! Options, flags, codes and masks.

use vmo_abi::Syscall as Call;
use vmo_abi::{
    ZX_CACHE_POLICY_WRITE_COMBINING, ZX_ERR_ACCESS_DENIED, ZX_ERR_INVALID_ARGS,
    ZX_ERR_NOT_SUPPORTED, ZX_ERR_OUT_OF_RANGE, ZX_OK, ZX_RIGHT_READ,
    ZX_VM_FLAG_COMPACT, ZX_VM_FLAG_MAP_RANGE, ZX_VM_FLAG_PERM_EXECUTE, ZX_VM_FLAG_PERM_READ,
    ZX_VM_FLAG_PERM_WRITE, ZX_VM_FLAG_SPECIFIC, ZX_VM_FLAG_SPECIFIC_OVERWRITE,
    ZX_VMO_CLONE_COPY_ON_WRITE, ZX_VMO_OP_CACHE_SYNC, ZX_VMO_OP_COMMIT, ZX_VMO_OP_LOCK,
    ZX_VMO_OP_UNLOCK,
};

use super::super::class::Class;
use super::super::hook::{Fault, argument, calls, fault};
use super::{is, replaced};

const CLASS: Class = Class::Options;

const READ: u64 = ZX_VM_FLAG_PERM_READ as u64;
const WRITE_OR_EXECUTE: u64 = (ZX_VM_FLAG_PERM_WRITE | ZX_VM_FLAG_PERM_EXECUTE) as u64;
const PERMISSIONS: u64 = READ | WRITE_OR_EXECUTE;
const CAN_MAP: u64 = 0x3c0;
const SPECIFIC: u64 = (ZX_VM_FLAG_SPECIFIC | ZX_VM_FLAG_SPECIFIC_OVERWRITE) as u64;
const MAP_RANGE: u64 = ZX_VM_FLAG_MAP_RANGE as u64;
const DEFINED: u64 = 0x7ff;

/// Write and execute permission with read permission.
const fn with_read(flags: u64) -> u64 {
    if flags & WRITE_OR_EXECUTE == 0 { flags } else { flags | READ }
}

pub(super) const FAULTS: &[Fault] = &[
    fault(
        CLASS,
        "create_ignores_options",
        "vmo_create does not look at the options.",
        &["VMO-CREATE-07"],
        argument(Call::vmo_create, 1, |_| 0),
    ),
    fault(
        CLASS,
        "create_takes_option_1",
        "vmo_create knows an option that later editions have.",
        &["VMO-CREATE-07"],
        argument(Call::vmo_create, 1, |options| options & !1),
    ),
    fault(
        CLASS,
        "create_looks_at_16_bits_of_options",
        "vmo_create looks at the lower 16 bits of the options.",
        &["VMO-CREATE-07"],
        argument(Call::vmo_create, 1, |options| options & 0xffff),
    ),
    fault(
        CLASS,
        "create_takes_the_highest_option",
        "vmo_create takes bit 31 of the options for a sign.",
        &["VMO-CREATE-07"],
        argument(Call::vmo_create, 1, |options| options & 0x7fff_ffff),
    ),
    fault(
        CLASS,
        "create_looks_at_the_upper_half_of_options",
        "vmo_create looks at the whole register, although the options have 32 bits.",
        &["VMO-CREATE-07"],
        argument(Call::vmo_create, 1, |options| options | u64::from(options >> 32 != 0)),
    ),
    fault(
        CLASS,
        "clone_ignores_options",
        "vmo_clone does not look at the options.",
        &["VMO-CLONE-07", "VMO-CLONE-06"],
        argument(Call::vmo_clone, 1, |_| ZX_VMO_CLONE_COPY_ON_WRITE.into()),
    ),
    fault(
        CLASS,
        "clone_takes_options_0_for_the_mode",
        "vmo_clone without a mode makes a copy-on-write clone.",
        &["VMO-CLONE-07", "VMO-CLONE-06"],
        argument(Call::vmo_clone, 1, |options| if options == 0 { 1 } else { options }),
    ),
    fault(
        CLASS,
        "clone_refuses_other_options",
        "vmo_clone refuses option bits beside the mode.",
        &["VMO-CLONE-08"],
        argument(Call::vmo_clone, 1, |options| {
            if options & 0xffff_ffff == 1 { options } else { 0 }
        }),
    ),
    fault(
        CLASS,
        "clone_looks_at_16_bits_of_options",
        "vmo_clone accepts options without the mode as long as a higher bit is set.",
        &["VMO-CLONE-07"],
        argument(Call::vmo_clone, 1, |options| options | u64::from(options & 0xffff_0000 != 0)),
    ),
    fault(
        CLASS,
        "op_range_0_is_commit",
        "vmo_op_range takes code 0 for COMMIT.",
        &["VMO-OPRANGE-02", "VMO-OPRANGE-01", "VMO-OPRANGE-07"],
        argument(Call::vmo_op_range, 1, |op| if op == 0 { ZX_VMO_OP_COMMIT.into() } else { op }),
    ),
    fault(
        CLASS,
        "op_range_still_has_lookup",
        "vmo_op_range accepts the retired code 5.",
        &["VMO-OPRANGE-02", "VMO-OPRANGE-01", "VMO-OPRANGE-07"],
        calls(&[Call::vmo_op_range], |machine, call, registers| {
            match machine.right(call, registers) {
                ZX_ERR_INVALID_ARGS if registers[1] == 5 => ZX_OK,
                status => status,
            }
        }),
    ),
    fault(
        CLASS,
        "op_range_looks_at_4_bits",
        "vmo_op_range looks at the lower 4 bits of the code.",
        &["VMO-OPRANGE-01", "VMO-OPRANGE-02"],
        argument(Call::vmo_op_range, 1, |op| op & 0xf),
    ),
    fault(
        CLASS,
        "lock_succeeds",
        "LOCK and UNLOCK do nothing and succeed.",
        &["VMO-OPRANGE-03", "VMO-OPRANGE-04"],
        calls(&[Call::vmo_op_range], |machine, call, registers| {
            match machine.right(call, registers) {
                ZX_ERR_NOT_SUPPORTED => ZX_OK,
                status => status,
            }
        }),
    ),
    fault(
        CLASS,
        "lock_needs_a_right",
        "LOCK and UNLOCK want READ before they are not supported.",
        &["VMO-OPRANGE-04"],
        calls(&[Call::vmo_op_range], |machine, call, registers| {
            match machine.right(call, registers) {
                ZX_ERR_NOT_SUPPORTED if machine.rights(registers[0]) & ZX_RIGHT_READ == 0 => {
                    ZX_ERR_ACCESS_DENIED
                }
                status => status,
            }
        }),
    ),
    fault(
        CLASS,
        "lock_looks_at_the_range",
        "LOCK and UNLOCK judge the range before they are not supported.",
        &["VMO-OPRANGE-04"],
        calls(&[Call::vmo_op_range], |machine, call, registers| {
            let [vmo, op, offset, size, ..] = *registers;
            let is_lock = is(op, ZX_VMO_OP_LOCK) || is(op, ZX_VMO_OP_UNLOCK);
            match (machine.right(call, registers), machine.size(vmo)) {
                (_, Some(bytes)) if is_lock && offset.saturating_add(size) > bytes => {
                    ZX_ERR_OUT_OF_RANGE
                }
                (status, _) => status,
            }
        }),
    ),
    fault(
        CLASS,
        "op_range_looks_at_the_buffer",
        "vmo_op_range refuses a buffer that cannot be written.",
        &["VMO-OPRANGE-09"],
        calls(&[Call::vmo_op_range], |machine, call, registers| {
            let [_, _, _, _, buffer, size, ..] = *registers;
            match machine.right(call, registers) {
                ZX_OK if size != 0 && !machine.is_writable(buffer, 1) => ZX_ERR_INVALID_ARGS,
                status => status,
            }
        }),
    ),
    fault(
        CLASS,
        "cache_clean_is_sync_only",
        "vmo_op_range knows CACHE_SYNC and no other operation on caches.",
        &["VMO-OPRANGE-43", "VMO-OPRANGE-37", "VMO-OPRANGE-38", "VMO-OPRANGE-39"],
        argument(Call::vmo_op_range, 1, |op| {
            if op > ZX_VMO_OP_CACHE_SYNC.into() { 5 } else { op }
        }),
    ),
    fault(
        CLASS,
        "cache_policy_looks_at_two_bits",
        "vmo_set_cache_policy looks at the lower two bits of the policy.",
        &["VMO-CACHEPOL-02", "VMO-CACHEPOL-03"],
        argument(Call::vmo_set_cache_policy, 1, |policy| policy & 3),
    ),
    fault(
        CLASS,
        "cache_policy_3_is_refused",
        "vmo_set_cache_policy does not know WRITE_COMBINING.",
        &["VMO-CACHEPOL-01"],
        argument(Call::vmo_set_cache_policy, 1, |policy| {
            if is(policy, ZX_CACHE_POLICY_WRITE_COMBINING) { 4 } else { policy }
        }),
    ),
    fault(
        CLASS,
        "cache_policy_takes_4",
        "vmo_set_cache_policy accepts the mask plus one as UNCACHED.",
        &["VMO-CACHEPOL-02", "VMO-CACHEPOL-03"],
        argument(Call::vmo_set_cache_policy, 1, |policy| if policy == 4 { 1 } else { policy }),
    ),
    fault(
        CLASS,
        "map_ignores_undefined_flags",
        "vmar_map ignores flags that are not defined.",
        &["VMAR-MAP-12"],
        argument(Call::vmar_map, 5, |flags| flags & DEFINED),
    ),
    fault(
        CLASS,
        "map_takes_flags_of_regions",
        "vmar_map ignores CAN_MAP_SPECIFIC and the other flags of regions.",
        &["VMAR-MAP-13"],
        argument(Call::vmar_map, 5, |flags| flags & !CAN_MAP),
    ),
    fault(
        CLASS,
        "map_takes_compact",
        "vmar_map ignores COMPACT.",
        &["VMAR-MAP-13"],
        argument(Call::vmar_map, 5, |flags| flags & !u64::from(ZX_VM_FLAG_COMPACT)),
    ),
    fault(
        CLASS,
        "map_write_implies_read",
        "vmar_map adds read permission to write and execute permission.",
        &["VMAR-MAP-10"],
        argument(Call::vmar_map, 5, with_read),
    ),
    fault(
        CLASS,
        "map_without_permissions_is_refused",
        "vmar_map refuses a mapping without permissions.",
        &["VMAR-MAP-11", "VMAR-MAP-47"],
        argument(Call::vmar_map, 5, |flags| {
            if flags & PERMISSIONS == 0 { flags | WRITE_OR_EXECUTE } else { flags }
        }),
    ),
    fault(
        CLASS,
        "map_takes_map_range_when_overwriting",
        "vmar_map ignores MAP_RANGE beside SPECIFIC_OVERWRITE.",
        &["VMAR-MAP-30"],
        argument(Call::vmar_map, 5, |flags| {
            let overwrite = u64::from(ZX_VM_FLAG_SPECIFIC_OVERWRITE);
            if flags & overwrite == 0 { flags } else { flags & !MAP_RANGE }
        }),
    ),
    fault(
        CLASS,
        "map_ignores_offset_without_specific",
        "vmar_map ignores the position in the region when it may choose it.",
        &["VMAR-MAP-20"],
        calls(&[Call::vmar_map], |machine, call, registers| {
            let offset = if registers[5] & SPECIFIC == 0 { 0 } else { registers[1] };
            machine.with(call, registers, 1, offset)
        }),
    ),
    fault(
        CLASS,
        "map_takes_a_length_of_0",
        "vmar_map of no bytes maps a page.",
        &["VMAR-MAP-14"],
        argument(Call::vmar_map, 4, |len| len.max(1)),
    ),
    fault(
        CLASS,
        "protect_write_implies_read",
        "vmar_protect adds read permission to write and execute permission.",
        &["VMAR-PROTECT-06"],
        calls(&[Call::vmar_protect], |machine, call, registers| {
            // Rights are judged by what was asked for.
            match machine.right(call, registers) {
                ZX_ERR_INVALID_ARGS => {
                    machine.with(call, registers, 3, with_read(registers[3]))
                }
                status => status,
            }
        }),
    ),
    fault(
        CLASS,
        "protect_ignores_other_flags",
        "vmar_protect ignores every flag that is no permission.",
        &["VMAR-PROTECT-08"],
        argument(Call::vmar_protect, 3, |flags| flags & PERMISSIONS),
    ),
    fault(
        CLASS,
        "protect_refuses_no_permissions",
        "vmar_protect refuses to take all permissions away.",
        &["VMAR-PROTECT-07"],
        calls(&[Call::vmar_protect], |machine, call, registers| {
            if registers[3] & 0xffff_ffff == 0 && machine.is_live(registers[0]) {
                ZX_ERR_INVALID_ARGS
            } else {
                machine.right(call, registers)
            }
        }),
    ),
    fault(
        CLASS,
        "protect_takes_a_length_of_0",
        "vmar_protect of no bytes does nothing and succeeds.",
        &["VMAR-PROTECT-09"],
        calls(&[Call::vmar_protect], |machine, call, registers| {
            match machine.right(call, registers) {
                ZX_ERR_INVALID_ARGS if registers[2] == 0 => ZX_OK,
                status => status,
            }
        }),
    ),
    fault(
        CLASS,
        "unmap_takes_a_length_of_0",
        "vmar_unmap of no bytes does nothing and succeeds.",
        &["VMAR-UNMAP-07"],
        calls(&[Call::vmar_unmap], |machine, call, registers| {
            match machine.right(call, registers) {
                ZX_ERR_INVALID_ARGS if registers[2] == 0 => ZX_OK,
                status => status,
            }
        }),
    ),
    fault(
        CLASS,
        "allocate_ignores_undefined_flags",
        "vmar_allocate ignores flags that are not defined.",
        &["VMAR-ALLOC-09"],
        argument(Call::vmar_allocate, 3, |flags| flags & DEFINED),
    ),
    fault(
        CLASS,
        "allocate_takes_perm_read",
        "vmar_allocate ignores PERM_READ, which is for mappings.",
        &["VMAR-ALLOC-09"],
        argument(Call::vmar_allocate, 3, |flags| flags & !READ),
    ),
    fault(
        CLASS,
        "allocate_ignores_offset_without_specific",
        "vmar_allocate ignores the position in the region when it may choose it.",
        &["VMAR-ALLOC-05"],
        calls(&[Call::vmar_allocate], |machine, call, registers| {
            let offset = if registers[3] & SPECIFIC == 0 { 0 } else { registers[1] };
            machine.with(call, registers, 1, offset)
        }),
    ),
    fault(
        CLASS,
        "read_of_nothing_looks_at_the_buffer",
        "vmo_read of no bytes refuses NULL.",
        &["VMO-READ-07"],
        calls(&[Call::vmo_read], |machine, call, registers| {
            let [vmo, buffer, _, len, ..] = *registers;
            if len == 0
                && !machine.is_writable(buffer, 1)
                && machine.is_vmo(vmo)
                && machine.rights(vmo) & ZX_RIGHT_READ != 0
            {
                return ZX_ERR_INVALID_ARGS;
            }
            machine.right(call, registers)
        }),
    ),
    fault(
        CLASS,
        "write_of_nothing_looks_at_the_buffer",
        "vmo_write of no bytes refuses NULL.",
        &["VMO-WRITE-07"],
        calls(&[Call::vmo_write], |machine, call, registers| {
            let [vmo, buffer, _, len, ..] = *registers;
            if len == 0
                && machine.bytes_at(buffer, 1).is_none()
                && machine.is_vmo(vmo)
                && machine.rights(vmo) & vmo_abi::ZX_RIGHT_WRITE != 0
            {
                return ZX_ERR_INVALID_ARGS;
            }
            machine.right(call, registers)
        }),
    ),
    fault(
        CLASS,
        "write_wants_a_writable_buffer",
        "vmo_write refuses a buffer that can only be read.",
        &["VMO-WRITE-25"],
        calls(&[Call::vmo_write], |machine, call, registers| {
            let [_, buffer, _, len, ..] = *registers;
            let is_bad = len != 0
                && machine.bytes_at(buffer, 1).is_some()
                && !machine.is_writable(buffer, 1);
            match machine.with(call, registers, 3, 0) {
                ZX_OK if is_bad => ZX_ERR_INVALID_ARGS,
                _ => machine.right(call, registers),
            }
        }),
    ),
    fault(
        CLASS,
        "out_pointers_have_to_be_aligned",
        "vmo_create, vmo_clone, vmo_get_size and handle_duplicate refuse unaligned pointers.",
        &["GEN-08", "VMO-CREATE-01", "VMO-CLONE-01", "VMO-GETSIZE-01"],
        calls(
            &[Call::vmo_create, Call::vmo_clone, Call::vmo_get_size, Call::handle_duplicate],
            |machine, call, registers| {
                let (position, size) = match call {
                    Call::vmo_create | Call::handle_duplicate => (2, 4),
                    Call::vmo_clone => (4, 4),
                    _ => (1, 8),
                };
                if registers[position].is_multiple_of(size) {
                    machine.right(call, registers)
                } else {
                    machine.right(call, &replaced(registers, position, 0))
                }
            },
        ),
    ),
    fault(
        CLASS,
        "duplicate_looks_at_the_upper_half_of_rights",
        "handle_duplicate refuses rights with anything in the upper half of the register.",
        &["HANDLE-DUP-03"],
        argument(Call::handle_duplicate, 1, |rights| {
            if rights >> 32 == 0 { rights } else { 1 << 30 }
        }),
    ),
];
