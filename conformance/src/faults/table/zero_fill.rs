//! Bytes that have to be 0 and are not.

use vmo_abi::Syscall as Call;
use vmo_abi::{ZX_OK, ZX_RIGHT_READ, ZX_RIGHT_WRITE, ZX_VMO_OP_COMMIT, ZX_VMO_OP_DECOMMIT};

use super::super::class::Class;
use super::super::hook::{Fault, Registers, calls, fault};
use super::super::machine::Machine;
use super::super::notes::round_up;
use super::{PAGE, is, round_down};

const CLASS: Class = Class::ZeroFill;
/// What memory that was not cleared holds.
const OLD: u8 = 0xa5;
/// Most bytes that a fault keeps.
const MOST: u64 = 64 * PAGE;

/// Whether an operation has this code.
fn asks(registers: &Registers, op: u32) -> bool {
    is(registers[1], op)
}

/// The bytes of a range, if they can be had.
fn bytes(machine: &Machine, vmo: u64, from: u64, to: u64) -> Option<Vec<u8>> {
    if to <= from || to - from > MOST || machine.rights(vmo) & ZX_RIGHT_READ == 0 {
        return None;
    }
    machine.read(vmo, from, to - from)
}

/// The whole pages that a range touches inside a VMO.
fn pages(machine: &Machine, registers: &Registers) -> (u64, u64) {
    let [vmo, _, offset, size, ..] = *registers;
    let end = offset.saturating_add(size).min(machine.size(vmo).unwrap_or_default());
    (round_down(offset), if size == 0 { 0 } else { round_up(end) })
}

/// A resize after which old bytes are there again: as many pages as `kept`
/// beyond the end it once had.
fn resize_keeping(machine: &Machine, call: Call, registers: &Registers, kept: u64) -> i32 {
    let [vmo, size, ..] = *registers;
    let (koid, old) = (machine.koid(vmo).unwrap_or_default(), machine.size(vmo));
    let (old, new) = (old.unwrap_or_default(), round_up(size));
    let cut = bytes(machine, vmo, new, old.min(new.saturating_add(kept)));
    let status = machine.right(call, registers);
    if status != ZX_OK {
        return status;
    }
    if let Some(cut) = cut {
        machine.notes().bytes.insert(koid, cut);
        machine.notes().numbers.insert(koid, new);
    } else if new > old {
        let came = {
            let mut notes = machine.notes();
            notes.bytes.remove(&koid).zip(notes.numbers.remove(&koid))
        };
        if let Some((mut came, at)) = came
            && at == old
            && came.iter().any(|byte| *byte != 0)
        {
            came.truncate((new - old) as usize);
            machine.write(vmo, old, &came);
        }
    }
    status
}

pub(super) const FAULTS: &[Fault] = &[
    fault(
        CLASS,
        "fresh_vmo_is_not_zero",
        "A fresh VMO shows what its memory held before.",
        &["VMO-CREATE-37", "VMO-CREATE-38"],
        calls(&[Call::vmo_create], |machine, call, registers| {
            let status = machine.right(call, registers);
            if status == ZX_OK
                && let Some(vmo) = machine.word(registers[2])
            {
                machine.fill(vmo.into(), 0, round_up(registers[0]), OLD);
            }
            status
        }),
    ),
    fault(
        CLASS,
        "rest_of_the_last_page_is_not_zero",
        "The bytes between the size asked for and the end of the page are not cleared.",
        &["VMO-READ-20", "VMO-CREATE-37"],
        calls(&[Call::vmo_create], |machine, call, registers| {
            let size = registers[0];
            let status = machine.right(call, registers);
            if status == ZX_OK
                && let Some(vmo) = machine.word(registers[2])
            {
                machine.fill(vmo.into(), size, round_up(size) - size, OLD);
            }
            status
        }),
    ),
    fault(
        CLASS,
        "committed_pages_are_not_zero",
        "COMMIT does not clear the pages that it gets.",
        &["VMO-OPRANGE-19"],
        calls(&[Call::vmo_op_range], |machine, call, registers| {
            let vmo = registers[0];
            let is_root = machine.origin(vmo).is_none() && machine.is_vmo(vmo);
            let (first, end) = pages(machine, registers);
            let fresh = if asks(registers, ZX_VMO_OP_COMMIT) && is_root {
                machine.commit_fresh(vmo, first, end.saturating_sub(first))
            } else {
                Vec::new()
            };
            for page in fresh {
                machine.fill(vmo, page, PAGE, OLD);
            }
            machine.right(call, registers)
        }),
    ),
    fault(
        CLASS,
        "written_pages_are_not_zero_elsewhere",
        "vmo_write does not clear the rest of a page that it gets.",
        &["VMO-WRITE-21"],
        calls(&[Call::vmo_write], |machine, call, registers| {
            let [vmo, buffer, offset, len, ..] = *registers;
            let is_refused = machine.with(call, registers, 3, 0) != ZX_OK
                || machine.origin(vmo).is_some()
                || machine.bytes_at(buffer, 1).is_none();
            let end = offset.saturating_add(len);
            if !is_refused && machine.size(vmo).is_some_and(|size| end <= size) {
                for page in machine.commit_fresh(vmo, offset, len) {
                    machine.fill(vmo, page, PAGE, OLD);
                }
            }
            machine.right(call, registers)
        }),
    ),
    fault(
        CLASS,
        "grown_bytes_are_not_zero",
        "vmo_set_size does not clear the pages that it adds.",
        &["VMO-SETSIZE-09"],
        calls(&[Call::vmo_set_size], |machine, call, registers| {
            let [vmo, size, ..] = *registers;
            let old = machine.size(vmo).unwrap_or_default();
            let status = machine.right(call, registers);
            if status == ZX_OK && size > old && machine.origin(vmo).is_none() {
                machine.fill(vmo, old, round_up(size) - old, OLD);
            }
            status
        }),
    ),
    fault(
        CLASS,
        "cut_pages_come_back",
        "A VMO that shrinks and grows again shows its old bytes.",
        &["VMO-SETSIZE-10"],
        calls(&[Call::vmo_set_size], |machine, call, registers| {
            resize_keeping(machine, call, registers, MOST)
        }),
    ),
    fault(
        CLASS,
        "first_cut_page_comes_back",
        "vmo_set_size discards the pages from the one after the first that it cuts off.",
        &["VMO-SETSIZE-10"],
        calls(&[Call::vmo_set_size], |machine, call, registers| {
            resize_keeping(machine, call, registers, PAGE)
        }),
    ),
    fault(
        CLASS,
        "decommit_does_nothing",
        "DECOMMIT leaves the pages where they are.",
        &["VMO-OPRANGE-26", "VMO-OPRANGE-27", "VMO-OPRANGE-33"],
        calls(&[Call::vmo_op_range], |machine, call, registers| {
            if asks(registers, ZX_VMO_OP_DECOMMIT) {
                machine.with(call, registers, 3, 0)
            } else {
                machine.right(call, registers)
            }
        }),
    ),
    fault(
        CLASS,
        "decommitted_data_comes_back",
        "COMMIT after DECOMMIT brings the old bytes back.",
        &["VMO-OPRANGE-19", "VMO-OPRANGE-27"],
        calls(&[Call::vmo_op_range], |machine, call, registers| {
            let vmo = registers[0];
            let (first, end) = pages(machine, registers);
            let koid = machine.koid(vmo).unwrap_or_default();
            let before = bytes(machine, vmo, first, end);
            let fresh = if asks(registers, ZX_VMO_OP_COMMIT) && machine.origin(vmo).is_none() {
                machine.commit_fresh(vmo, first, end.saturating_sub(first))
            } else {
                Vec::new()
            };
            let status = machine.right(call, registers);
            if status == ZX_OK && asks(registers, ZX_VMO_OP_DECOMMIT) {
                for (page, held) in (first..).step_by(PAGE as usize).zip(
                    before.as_deref().unwrap_or_default().chunks(PAGE as usize),
                ) {
                    machine.notes().bytes.insert(koid << 20 | page, held.to_vec());
                }
            }
            for page in fresh {
                let held = machine.notes().bytes.remove(&(koid << 20 | page));
                if let Some(held) = held {
                    machine.write(vmo, page, &held);
                }
            }
            status
        }),
    ),
    fault(
        CLASS,
        "decommit_leaves_the_rest_of_a_page",
        "DECOMMIT clears just the bytes of the range and leaves the others of its pages.",
        &["VMO-OPRANGE-28"],
        calls(&[Call::vmo_op_range], |machine, call, registers| {
            let [vmo, _, offset, size, ..] = *registers;
            let (first, end) = pages(machine, registers);
            let last = offset.saturating_add(size);
            let kept = if asks(registers, ZX_VMO_OP_DECOMMIT) && size != 0 {
                [(first, offset), (last, end)].map(|(from, to)| {
                    bytes(machine, vmo, from, to).map(|bytes| (from, bytes))
                })
            } else {
                [None, None]
            };
            let status = machine.right(call, registers);
            for (at, bytes) in kept.into_iter().flatten() {
                if status == ZX_OK && bytes.iter().any(|byte| *byte != 0) {
                    machine.write(vmo, at, &bytes);
                }
            }
            status
        }),
    ),
    fault(
        CLASS,
        "clone_beyond_its_parent_is_not_zero",
        "A clone shows old memory where its parent has no bytes.",
        &["COW-09", "COW-10"],
        calls(&[Call::vmo_clone], |machine, call, registers| {
            let [source, _, offset, size, out, ..] = *registers;
            let status = machine.right(call, registers);
            if status == ZX_OK
                && let (Some(clone), Some(bytes)) = (machine.word(out), machine.size(source))
            {
                let from = bytes.saturating_sub(offset).min(round_up(size));
                machine.fill(clone.into(), from, round_up(size) - from, OLD);
            }
            status
        }),
    ),
    fault(
        CLASS,
        "whole_pages_are_kept_by_halves",
        "vmo_set_size clears the bytes above the size asked for in the last page that it keeps.",
        &["VMO-SETSIZE-11"],
        calls(&[Call::vmo_set_size], |machine, call, registers| {
            let [vmo, size, ..] = *registers;
            let old = machine.size(vmo).unwrap_or_default();
            let status = machine.right(call, registers);
            if status == ZX_OK
                && size < old
                && machine.rights(vmo) & ZX_RIGHT_WRITE != 0
                && let Some(rest) = bytes(machine, vmo, size, round_up(size))
                && rest.iter().any(|byte| *byte != 0)
            {
                machine.fill(vmo, size, round_up(size) - size, 0);
            }
            status
        }),
    ),
];
