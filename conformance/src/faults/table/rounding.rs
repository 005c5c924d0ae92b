//! Sizes, offsets and lengths that are no multiple of the page size.

use vmo_abi::Syscall as Call;
use vmo_abi::{ZX_ERR_INVALID_ARGS, ZX_OK, ZX_VMO_OP_COMMIT, ZX_VMO_OP_DECOMMIT};

use super::super::class::Class;
use super::super::hook::{Fault, Registers, argument, calls, fault};
use super::super::machine::Machine;
use super::super::notes::round_up;
use super::{PAGE, is, round_down};

const CLASS: Class = Class::Rounding;

/// An operation on just the whole pages of a range.
fn inwards(machine: &Machine, call: Call, registers: &Registers) -> i32 {
    let [_, _, offset, size, ..] = *registers;
    let end = round_down(offset.saturating_add(size));
    let mut inner = *registers;
    inner[2] = round_up(offset);
    inner[3] = end.saturating_sub(inner[2]);
    if inner[3] == 0 {
        // Refusals are as they are.
        return machine.with(call, registers, 3, 0);
    }
    machine.right(call, &inner)
}

/// Whether an operation on a cache is none of COMMIT and DECOMMIT.
fn is_cache_op(op: u64) -> bool {
    (6..=9).contains(&op)
}

pub(super) const FAULTS: &[Fault] = &[
    fault(
        CLASS,
        "create_rounds_size_down",
        "vmo_create rounds the size down to whole pages.",
        &["VMO-CREATE-02", "VMO-CREATE-03"],
        argument(Call::vmo_create, 0, round_down),
    ),
    fault(
        CLASS,
        "create_gives_a_page_too_many",
        "vmo_create divides the size by the page size and adds one.",
        &["VMO-CREATE-02", "VMO-CREATE-03"],
        argument(Call::vmo_create, 0, |size| size.saturating_add(1)),
    ),
    fault(
        CLASS,
        "create_gives_size_0_a_page",
        "vmo_create makes a VMO of one page when none is asked for.",
        &["VMO-CREATE-04"],
        argument(Call::vmo_create, 0, |size| size.max(1)),
    ),
    fault(
        CLASS,
        "create_demands_whole_pages",
        "vmo_create refuses a size that is no multiple of the page size.",
        &["VMO-CREATE-02", "VMO-CREATE-05"],
        calls(&[Call::vmo_create], |machine, call, registers| {
            match machine.right(call, registers) {
                ZX_OK if !registers[0].is_multiple_of(PAGE) => {
                    if let Some(handle) = machine.word(registers[2]) {
                        machine.close(handle.into());
                    }
                    ZX_ERR_INVALID_ARGS
                }
                status => status,
            }
        }),
    ),
    fault(
        CLASS,
        "get_size_tells_what_was_asked_for",
        "vmo_get_size tells the size that was asked for, before it was rounded.",
        &["VMO-CREATE-03", "VMO-GETSIZE-07", "VMO-CREATE-02", "VMO-SETSIZE-01", "VMO-CLONE-02"],
        calls(
            &[Call::vmo_create, Call::vmo_clone, Call::vmo_set_size, Call::vmo_get_size],
            |machine, call, registers| {
                let status = machine.right(call, registers);
                let (vmo, asked) = match call {
                    Call::vmo_create => (machine.word(registers[2]).map(u64::from), registers[0]),
                    Call::vmo_clone => (machine.word(registers[4]).map(u64::from), registers[3]),
                    _ => (Some(registers[0]), registers[1]),
                };
                let Some(koid) = vmo.and_then(|vmo| machine.koid(vmo)) else { return status };
                if status == ZX_OK && call == Call::vmo_get_size {
                    let known = machine.notes().numbers.get(&koid).copied();
                    if let Some(size) = known {
                        machine.put(registers[1], &size.to_le_bytes());
                    }
                } else if status == ZX_OK {
                    machine.notes().numbers.insert(koid, asked);
                }
                status
            },
        ),
    ),
    fault(
        CLASS,
        "set_size_rounds_down",
        "vmo_set_size rounds the size down to whole pages.",
        &["VMO-SETSIZE-01", "VMO-SETSIZE-11"],
        argument(Call::vmo_set_size, 1, round_down),
    ),
    fault(
        CLASS,
        "set_size_gives_a_page_too_many",
        "vmo_set_size divides the size by the page size and adds one.",
        &["VMO-SETSIZE-01", "VMO-SETSIZE-12"],
        argument(Call::vmo_set_size, 1, |size| size.saturating_add(1)),
    ),
    fault(
        CLASS,
        "set_size_keeps_a_page",
        "vmo_set_size to 0 leaves a page.",
        &["VMO-SETSIZE-13"],
        argument(Call::vmo_set_size, 1, |size| size.max(1)),
    ),
    fault(
        CLASS,
        "clone_rounds_size_down",
        "vmo_clone rounds the size down to whole pages.",
        &["VMO-CLONE-02"],
        argument(Call::vmo_clone, 3, round_down),
    ),
    fault(
        CLASS,
        "clone_aligns_the_offset",
        "vmo_clone rounds an unaligned offset down instead of refusing it.",
        &["VMO-CLONE-09"],
        argument(Call::vmo_clone, 2, round_down),
    ),
    fault(
        CLASS,
        "read_starts_at_the_page",
        "vmo_read starts at the beginning of the page that the offset lies in.",
        &["VMO-READ-01", "VMO-READ-19", "VMO-READ-11"],
        argument(Call::vmo_read, 2, round_down),
    ),
    fault(
        CLASS,
        "write_starts_at_the_page",
        "vmo_write starts at the beginning of the page that the offset lies in.",
        &["VMO-WRITE-01", "VMO-WRITE-24", "VMO-WRITE-11"],
        argument(Call::vmo_write, 2, round_down),
    ),
    fault(
        CLASS,
        "commit_rounds_inwards",
        "COMMIT skips the pages that the range covers in part.",
        &["VMO-OPRANGE-14", "VMO-OPRANGE-13"],
        calls(&[Call::vmo_op_range], |machine, call, registers| {
            if is(registers[1], ZX_VMO_OP_COMMIT) {
                inwards(machine, call, registers)
            } else {
                machine.right(call, registers)
            }
        }),
    ),
    fault(
        CLASS,
        "decommit_rounds_inwards",
        "DECOMMIT skips the pages that the range covers in part.",
        &["VMO-OPRANGE-28"],
        calls(&[Call::vmo_op_range], |machine, call, registers| {
            if is(registers[1], ZX_VMO_OP_DECOMMIT) {
                inwards(machine, call, registers)
            } else {
                machine.right(call, registers)
            }
        }),
    ),
    fault(
        CLASS,
        "commit_rounds_just_the_size",
        "COMMIT rounds offset and size each by itself, and misses the last page of a range that \
         straddles a border.",
        &["VMO-OPRANGE-14", "VMO-OPRANGE-13"],
        calls(&[Call::vmo_op_range], |machine, call, registers| {
            let [_, op, offset, size, ..] = *registers;
            if !is(op, ZX_VMO_OP_COMMIT) || size == 0 || offset.checked_add(size).is_none() {
                return machine.right(call, registers);
            }
            let mut rounded = *registers;
            rounded[2] = round_down(offset);
            rounded[3] = round_up(size);
            machine.right(call, &rounded)
        }),
    ),
    fault(
        CLASS,
        "ranges_have_to_be_aligned",
        "vmo_op_range refuses an offset that is not page aligned.",
        &["VMO-OPRANGE-14", "VMO-OPRANGE-28", "VMO-OPRANGE-43"],
        calls(&[Call::vmo_op_range], |machine, call, registers| {
            match machine.with(call, registers, 3, 0) {
                ZX_OK | ZX_ERR_INVALID_ARGS if !registers[2].is_multiple_of(PAGE) => {
                    ZX_ERR_INVALID_ARGS
                }
                _ => machine.right(call, registers),
            }
        }),
    ),
    fault(
        CLASS,
        "cache_op_rounds_size_down",
        "The cache operations round the size down, so that less than a page is nothing.",
        &["VMO-OPRANGE-43"],
        calls(&[Call::vmo_op_range], |machine, call, registers| {
            if is_cache_op(registers[1]) {
                machine.with(call, registers, 3, round_down(registers[3]))
            } else {
                machine.right(call, registers)
            }
        }),
    ),
    fault(
        CLASS,
        "map_rounds_len_down",
        "vmar_map rounds the length down to whole pages.",
        &["VMAR-MAP-15"],
        argument(Call::vmar_map, 4, round_down),
    ),
    fault(
        CLASS,
        "map_aligns_the_vmo_offset",
        "vmar_map rounds an unaligned position in the VMO down instead of refusing it.",
        &["VMAR-MAP-17"],
        argument(Call::vmar_map, 3, round_down),
    ),
    fault(
        CLASS,
        "map_aligns_the_vmar_offset",
        "vmar_map rounds an unaligned position in the region down instead of refusing it.",
        &["VMAR-MAP-23"],
        argument(Call::vmar_map, 1, round_down),
    ),
    fault(
        CLASS,
        "unmap_rounds_len_down",
        "vmar_unmap rounds the length down to whole pages.",
        &["VMAR-UNMAP-08"],
        argument(Call::vmar_unmap, 2, round_down),
    ),
    fault(
        CLASS,
        "unmap_aligns_the_address",
        "vmar_unmap rounds an unaligned address down instead of refusing it.",
        &["VMAR-UNMAP-06"],
        argument(Call::vmar_unmap, 1, round_down),
    ),
    fault(
        CLASS,
        "protect_rounds_len_down",
        "vmar_protect rounds the length down to whole pages.",
        &["VMAR-PROTECT-01"],
        argument(Call::vmar_protect, 2, round_down),
    ),
    fault(
        CLASS,
        "protect_aligns_the_address",
        "vmar_protect rounds an unaligned address down instead of refusing it.",
        &["VMAR-PROTECT-09"],
        argument(Call::vmar_protect, 1, round_down),
    ),
    fault(
        CLASS,
        "allocate_rounds_the_size",
        "vmar_allocate rounds an unaligned size up instead of refusing it.",
        &["VMAR-ALLOC-05"],
        argument(Call::vmar_allocate, 2, round_up),
    ),
];
