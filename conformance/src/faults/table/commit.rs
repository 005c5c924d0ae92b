//! What is committed, and when.

use vmo_abi::Syscall as Call;
use vmo_abi::{
    ZX_ERR_BAD_STATE, ZX_ERR_INVALID_ARGS, ZX_ERR_NO_MEMORY, ZX_ERR_OUT_OF_RANGE, ZX_OK,
    ZX_RIGHT_WRITE, ZX_VMO_OP_COMMIT, ZX_VMO_OP_DECOMMIT,
};

use super::super::class::Class;
use super::super::hook::{Fault, Registers, argument, calls, fault, nothing};
use super::super::machine::Machine;
use super::super::notes::round_up;
use super::{PAGE, round_down};

const CLASS: Class = Class::Commit;

const COMMIT: u64 = ZX_VMO_OP_COMMIT as u64;
const DECOMMIT: u64 = ZX_VMO_OP_DECOMMIT as u64;

fn is_cache_op(op: u64) -> bool {
    (6..=9).contains(&op)
}

/// Another range, made of an offset, a size and the VMO's size.
type Range = fn(u64, u64, u64) -> (u64, u64);

/// An operation done on another range.
fn on_range(
    machine: &Machine,
    call: Call,
    registers: &Registers,
    (op, range): (u64, Range),
) -> i32 {
    let [vmo, asked, offset, size, ..] = *registers;
    // Refusals are as they are.
    let is_refused = machine.with(call, registers, 3, 0) != ZX_OK;
    if asked != op || is_refused || size == 0 || offset.checked_add(size).is_none() {
        return machine.right(call, registers);
    }
    let mut other = *registers;
    (other[2], other[3]) = range(offset, size, machine.size(vmo).unwrap_or_default());
    machine.right(call, &other)
}

macro_rules! on_range {
    ($op:ident, $range:expr) => {
        calls(&[Call::vmo_op_range], |machine, call, registers| {
            on_range(machine, call, registers, ($op, $range))
        })
    };
}

pub(super) const FAULTS: &[Fault] = &[
    fault(
        CLASS,
        "op_range_does_nothing",
        "vmo_op_range succeeds whatever it is asked for.",
        &["VMO-OPRANGE-01", "VMO-OPRANGE-13", "VMO-OPRANGE-26"],
        nothing(&[Call::vmo_op_range]),
    ),
    fault(
        CLASS,
        "commit_does_nothing",
        "COMMIT succeeds without committing anything.",
        &["VMO-OPRANGE-13", "VMO-OPRANGE-24"],
        calls(&[Call::vmo_op_range], |machine, call, registers| {
            let size = if registers[1] == COMMIT { 0 } else { registers[3] };
            machine.with(call, registers, 3, size)
        }),
    ),
    fault(
        CLASS,
        "commit_leaves_the_last_page",
        "COMMIT leaves out the last of several pages.",
        &["VMO-OPRANGE-13", "VMO-OPRANGE-14"],
        on_range!(COMMIT, |offset, size, bytes| {
            let end = round_up(offset.saturating_add(size)).min(bytes);
            let last = end.saturating_sub(PAGE);
            if last > offset { (offset, last - offset) } else { (offset, size) }
        }),
    ),
    fault(
        CLASS,
        "commit_leaves_the_first_page",
        "COMMIT leaves out the first of several pages.",
        &["VMO-OPRANGE-13", "VMO-OPRANGE-14"],
        on_range!(COMMIT, |offset, size, _| {
            let second = round_down(offset) + PAGE;
            let end = offset + size;
            if second < end { (second, end - second) } else { (offset, size) }
        }),
    ),
    fault(
        CLASS,
        "commit_takes_a_page_too_many",
        "COMMIT commits the page behind the range.",
        &["VMO-OPRANGE-14", "VMO-OPRANGE-13"],
        on_range!(COMMIT, |offset, size, _| (offset, size.saturating_add(PAGE).min(u64::MAX - offset))),
    ),
    fault(
        CLASS,
        "commit_takes_the_whole_vmo",
        "COMMIT commits every page, whatever the range.",
        &["VMO-OPRANGE-14", "VMO-OPRANGE-13"],
        on_range!(COMMIT, |offset, size, bytes| {
            if bytes <= 64 * PAGE { (0, bytes) } else { (offset, size) }
        }),
    ),
    fault(
        CLASS,
        "commit_clears",
        "COMMIT clears pages that are committed already.",
        &["VMO-OPRANGE-19", "VMO-OPRANGE-23"],
        calls(&[Call::vmo_op_range], |machine, call, registers| {
            let [vmo, op, offset, size, ..] = *registers;
            let status = machine.right(call, registers);
            if status == ZX_OK && op == COMMIT && machine.origin(vmo).is_none() {
                machine.operate(vmo, ZX_VMO_OP_DECOMMIT, offset, size);
                return machine.right(call, registers);
            }
            status
        }),
    ),
    fault(
        CLASS,
        "commit_refuses_a_range_beyond_the_end",
        "COMMIT refuses a range that runs beyond the end.",
        &["VMO-OPRANGE-15"],
        calls(&[Call::vmo_op_range], |machine, call, registers| {
            let [vmo, op, offset, size, ..] = *registers;
            let beyond = machine.size(vmo).is_some_and(|bytes| offset.saturating_add(size) > bytes);
            match machine.with(call, registers, 3, 0) {
                ZX_OK if op == COMMIT && beyond => ZX_ERR_OUT_OF_RANGE,
                _ => machine.right(call, registers),
            }
        }),
    ),
    fault(
        CLASS,
        "decommit_refuses_a_range_beyond_the_end",
        "DECOMMIT refuses a range that runs beyond the end.",
        &["VMO-OPRANGE-30"],
        calls(&[Call::vmo_op_range], |machine, call, registers| {
            let [vmo, op, offset, size, ..] = *registers;
            let beyond = machine.size(vmo).is_some_and(|bytes| offset.saturating_add(size) > bytes);
            match machine.with(call, registers, 3, 0) {
                ZX_OK if op == DECOMMIT && beyond => ZX_ERR_OUT_OF_RANGE,
                _ => machine.right(call, registers),
            }
        }),
    ),
    fault(
        CLASS,
        "commit_of_nothing_is_refused",
        "COMMIT and DECOMMIT refuse size 0.",
        &["VMO-OPRANGE-18", "VMO-OPRANGE-30"],
        calls(&[Call::vmo_op_range], |machine, call, registers| {
            match machine.right(call, registers) {
                ZX_OK if registers[3] == 0 => ZX_ERR_INVALID_ARGS,
                status => status,
            }
        }),
    ),
    fault(
        CLASS,
        "commit_of_nothing_takes_a_page",
        "COMMIT of size 0 commits the page at the offset.",
        &["VMO-OPRANGE-18"],
        calls(&[Call::vmo_op_range], |machine, call, registers| {
            let [vmo, op, offset, size, ..] = *registers;
            let status = machine.right(call, registers);
            if status == ZX_OK && op == COMMIT && size == 0 {
                machine.commit(vmo, offset, 1);
            }
            status
        }),
    ),
    fault(
        CLASS,
        "commit_of_an_uncached_vmo_is_refused",
        "COMMIT refuses a VMO whose cache policy is not CACHED.",
        &["VMO-OPRANGE-22", "VMO-CACHEPOL-19"],
        calls(&[Call::vmo_op_range], |machine, call, registers| {
            let nothing = [registers[0], 0, 0, 0, 0, 0, 0, 0];
            let is_uncached = machine.right(Call::vmo_read, &nothing) == ZX_ERR_BAD_STATE;
            match machine.with(call, registers, 3, 0) {
                ZX_OK if registers[1] == COMMIT && is_uncached => ZX_ERR_BAD_STATE,
                _ => machine.right(call, registers),
            }
        }),
    ),
    fault(
        CLASS,
        "commit_without_memory_succeeds",
        "COMMIT succeeds although there is not enough memory.",
        &["VMO-OPRANGE-20"],
        calls(&[Call::vmo_op_range], |machine, call, registers| {
            match machine.right(call, registers) {
                ZX_ERR_NO_MEMORY => ZX_OK,
                status => status,
            }
        }),
    ),
    fault(
        CLASS,
        "decommit_leaves_the_last_page",
        "DECOMMIT leaves the last of several pages.",
        &["VMO-OPRANGE-26", "VMO-OPRANGE-27", "VMO-OPRANGE-28"],
        on_range!(DECOMMIT, |offset, size, bytes| {
            let end = round_up(offset.saturating_add(size)).min(bytes);
            let last = end.saturating_sub(PAGE);
            if last > offset { (offset, last - offset) } else { (offset, size) }
        }),
    ),
    fault(
        CLASS,
        "decommit_takes_a_page_too_many",
        "DECOMMIT releases the page behind the range.",
        &["VMO-OPRANGE-29"],
        on_range!(DECOMMIT, |offset, size, _| {
            (offset, size.saturating_add(PAGE).min(u64::MAX - offset))
        }),
    ),
    fault(
        CLASS,
        "decommit_takes_the_whole_vmo",
        "DECOMMIT releases every page, whatever the range.",
        &["VMO-OPRANGE-29"],
        on_range!(DECOMMIT, |_, _, bytes| (0, bytes)),
    ),
    fault(
        CLASS,
        "decommit_clears_without_releasing",
        "DECOMMIT clears the pages and keeps them.",
        &["VMO-OPRANGE-26", "VMO-OPRANGE-33"],
        calls(&[Call::vmo_op_range], |machine, call, registers| {
            let [vmo, op, offset, size, ..] = *registers;
            let before = machine.committed(vmo);
            let status = machine.right(call, registers);
            let is_root = machine.origin(vmo).is_none();
            if status == ZX_OK && op == DECOMMIT && is_root && machine.committed(vmo) < before {
                machine.commit(vmo, offset, size);
            }
            status
        }),
    ),
    fault(
        CLASS,
        "decommit_of_uncommitted_is_refused",
        "DECOMMIT refuses a range without committed pages.",
        &["VMO-OPRANGE-31"],
        calls(&[Call::vmo_op_range], |machine, call, registers| {
            let [vmo, op, _, size, ..] = *registers;
            let before = machine.committed(vmo);
            let status = machine.right(call, registers);
            let released = machine.committed(vmo) < before;
            if status == ZX_OK && op == DECOMMIT && size != 0 && !released {
                return ZX_ERR_BAD_STATE;
            }
            status
        }),
    ),
    fault(
        CLASS,
        "decommit_unmaps",
        "DECOMMIT removes the mappings of the pages that it releases.",
        &["VMO-OPRANGE-32"],
        calls(&[Call::vmo_op_range], |machine, call, registers| {
            let [vmo, op, offset, size, ..] = *registers;
            let status = machine.right(call, registers);
            let koid = machine.koid(vmo).unwrap_or_default();
            let (first, end) = (round_down(offset), round_up(offset.saturating_add(size)));
            let mappings = machine.notes().mappings.clone();
            for mapped in mappings.into_iter().filter(|mapped| mapped.vmo == koid) {
                let from = first.max(mapped.vmo_offset);
                let to = end.min(mapped.vmo_offset.saturating_add(mapped.len));
                if status == ZX_OK && op == DECOMMIT && size != 0 && from < to {
                    let base = mapped.base + (from - mapped.vmo_offset);
                    machine.unmap(base, to - from);
                }
            }
            status
        }),
    ),
    fault(
        CLASS,
        "cache_op_of_nothing_succeeds",
        "The cache operations accept size 0.",
        &["VMO-OPRANGE-40", "VMO-OPRANGE-49", "VMO-OPRANGE-41"],
        calls(&[Call::vmo_op_range], |machine, call, registers| {
            match machine.right(call, registers) {
                ZX_ERR_INVALID_ARGS if is_cache_op(registers[1]) => ZX_OK,
                status => status,
            }
        }),
    ),
    fault(
        CLASS,
        "cache_ops_commit",
        "The cache operations commit the pages of the range.",
        &["VMO-OPRANGE-44"],
        calls(&[Call::vmo_op_range], |machine, call, registers| {
            let [vmo, op, offset, size, ..] = *registers;
            let status = machine.right(call, registers);
            if status == ZX_OK
                && is_cache_op(op)
                && machine.origin(vmo).is_none()
                && let Some(writable) = machine.sibling(vmo, ZX_RIGHT_WRITE)
            {
                machine.commit(writable, offset, size);
            }
            status
        }),
    ),
    fault(
        CLASS,
        "cache_clean_invalidate_discards",
        "CACHE_CLEAN_INVALIDATE loses the bytes of the range.",
        &["VMO-OPRANGE-45"],
        calls(&[Call::vmo_op_range], |machine, call, registers| {
            let [vmo, op, offset, size, ..] = *registers;
            let status = machine.right(call, registers);
            if status == ZX_OK
                && op == 9
                && let Some(writable) = machine.sibling(vmo, ZX_RIGHT_WRITE)
            {
                machine.operate(writable, ZX_VMO_OP_DECOMMIT, offset, size);
            }
            status
        }),
    ),
    fault(
        CLASS,
        "create_commits",
        "vmo_create commits every page.",
        &["VMO-CREATE-38"],
        calls(&[Call::vmo_create], |machine, call, registers| {
            let status = machine.right(call, registers);
            if status == ZX_OK
                && let Some(vmo) = machine.word(registers[2])
            {
                machine.commit(vmo.into(), 0, round_up(registers[0]));
            }
            status
        }),
    ),
    fault(
        CLASS,
        "reading_commits",
        "vmo_read commits the pages that it reads.",
        &["VMO-READ-18", "VMO-READ-21", "VMO-CACHEPOL-17"],
        calls(&[Call::vmo_read], |machine, call, registers| {
            let [vmo, _, offset, len, ..] = *registers;
            let status = machine.right(call, registers);
            if status == ZX_OK
                && len != 0
                && machine.origin(vmo).is_none()
                && let Some(writable) = machine.sibling(vmo, ZX_RIGHT_WRITE)
            {
                machine.commit(writable, offset, len);
            }
            status
        }),
    ),
    fault(
        CLASS,
        "write_of_nothing_commits",
        "vmo_write of no bytes commits the page at the offset.",
        &["VMO-WRITE-22"],
        calls(&[Call::vmo_write], |machine, call, registers| {
            let [vmo, _, offset, len, ..] = *registers;
            let status = machine.right(call, registers);
            if status == ZX_OK && len == 0 && machine.origin(vmo).is_none() {
                machine.commit(vmo, offset, 1);
            }
            status
        }),
    ),
    fault(
        CLASS,
        "write_commits_the_next_page",
        "vmo_write commits the page behind the last one that it writes.",
        &["VMO-WRITE-21"],
        calls(&[Call::vmo_write], |machine, call, registers| {
            let [vmo, _, offset, len, ..] = *registers;
            let status = machine.right(call, registers);
            if status == ZX_OK && len != 0 {
                machine.commit(vmo, round_up(offset + len), 1);
            }
            status
        }),
    ),
    fault(
        CLASS,
        "write_does_nothing",
        "vmo_write succeeds and writes nothing.",
        &["VMO-WRITE-01", "VMO-WRITE-20"],
        argument(Call::vmo_write, 3, |_| 0),
    ),
];
