//! What a clone and its family show.

use vmo_abi::Syscall as Call;
use vmo_abi::{
    ZX_OK, ZX_RIGHT_READ, ZX_RIGHT_WRITE, ZX_VM_FLAG_MAP_RANGE, ZX_VMO_OP_CACHE_SYNC,
    ZX_VMO_OP_COMMIT, ZX_VMO_OP_DECOMMIT,
};

use super::super::class::Class;
use super::super::hook::{Fault, Registers, argument, calls, fault};
use super::super::machine::Machine;
use super::super::notes::round_up;
use super::{PAGE, is, replaced, round_down};

const CLASS: Class = Class::CopyOnWrite;

/// The register after a call that succeeded, with what to do then.
fn after(
    machine: &Machine,
    call: Call,
    registers: &Registers,
    then: impl FnOnce(&Registers),
) -> i32 {
    let status = machine.right(call, registers);
    if status == ZX_OK {
        then(registers);
    }
    status
}

fn commit_clone(machine: &Machine, registers: &Registers) {
    if let Some(clone) = machine.word(registers[4]) {
        machine.commit(clone.into(), 0, round_up(registers[3]));
    }
}

/// Lets every clone of a VMO keep what it shows in a range of the VMO.
fn detach_clones(machine: &Machine, vmo: u64, from: u64, to: u64) {
    for (clone, origin) in machine.clones_of(vmo) {
        let start = from.saturating_sub(origin.offset);
        let end = to.saturating_sub(origin.offset).min(machine.size(clone).unwrap_or_default());
        if let Some(writable) = machine.sibling(clone, ZX_RIGHT_WRITE)
            && start < end
        {
            machine.commit(writable, start, end - start);
        }
    }
}

/// Writes what was just written into a clone into another VMO, too.
fn write_to(machine: &Machine, registers: &Registers, other: u64, offset: u64) {
    let [_, buffer, _, len, ..] = *registers;
    let inner = [other, buffer, offset, len, 0, 0, 0, 0];
    machine.right(Call::vmo_write, &inner);
}

/// Whether an operation of `vmo_op_range` on a clone.
fn is_on_a_clone(machine: &Machine, registers: &Registers, op: u32) -> bool {
    is(registers[1], op) && machine.origin(registers[0]).is_some()
}

/// The whole pages of a range inside a VMO.
fn pages(machine: &Machine, registers: &Registers) -> (u64, u64) {
    let [vmo, _, offset, size, ..] = *registers;
    let end = offset.saturating_add(size).min(machine.size(vmo).unwrap_or_default());
    let first = round_down(offset);
    (first, if size == 0 { 0 } else { round_up(end).saturating_sub(first) })
}

pub(super) const FAULTS: &[Fault] = &[
    fault(
        CLASS,
        "clone_is_a_snapshot",
        "A clone keeps what its source showed when it was made.",
        &["COW-02", "COW-07", "VMO-CLONE-28"],
        calls(&[Call::vmo_clone], |machine, call, registers| {
            after(machine, call, registers, |registers| commit_clone(machine, registers))
        }),
    ),
    fault(
        CLASS,
        "clone_ignores_the_offset",
        "A clone begins at the start of its source.",
        &["VMO-CLONE-01", "COW-01", "VMO-CLONE-10"],
        argument(Call::vmo_clone, 2, |offset| {
            // What is refused stays refused.
            if offset.is_multiple_of(PAGE) && offset < 1 << 63 { 0 } else { offset }
        }),
    ),
    fault(
        CLASS,
        "clone_begins_a_page_late",
        "A clone begins a page behind the offset.",
        &["VMO-CLONE-01", "COW-01"],
        argument(Call::vmo_clone, 2, |offset| {
            if offset < 1 << 62 { offset + PAGE } else { offset }
        }),
    ),
    fault(
        CLASS,
        "clone_shows_nothing",
        "A clone is a VMO of its own that shows zeros.",
        &["COW-01", "VMO-CLONE-01"],
        calls(&[Call::vmo_clone], |machine, call, registers| {
            // A position that no source reaches.
            let far = replaced(registers, 2, 1 << 62);
            let is_good = registers[2].is_multiple_of(PAGE)
                && registers[2] < 1 << 62
                && registers[3] < 1 << 62;
            machine.right(call, if is_good { &far } else { registers })
        }),
    ),
    fault(
        CLASS,
        "clone_of_clone_forgets_the_first_offset",
        "The offset of a clone of a clone is taken as a position in the root.",
        &["COW-24", "COW-23"],
        calls(&[Call::vmo_clone], |machine, call, registers| {
            let [source, _, offset, ..] = *registers;
            match machine.origin(source) {
                Some(origin) if offset >= origin.offset => {
                    machine.with(call, registers, 2, offset - origin.offset)
                }
                _ => machine.right(call, registers),
            }
        }),
    ),
    fault(
        CLASS,
        "clone_of_clone_is_a_clone_of_the_root",
        "A clone of a clone looks past the middle.",
        &["COW-23", "COW-25", "VMO-CLONE-30", "SIG-ZC-13"],
        calls(&[Call::vmo_clone], |machine, call, registers| {
            let [source, _, offset, ..] = *registers;
            let own = machine.rights(source);
            let root = machine.origin(source).and_then(|origin| {
                Some((machine.handle_to(origin.parent, own)?, offset.checked_add(origin.offset)?))
            });
            match root {
                Some((root, offset)) => {
                    let elsewhere = replaced(registers, 0, root);
                    machine.with(call, &elsewhere, 2, offset)
                }
                None => machine.right(call, registers),
            }
        }),
    ),
    fault(
        CLASS,
        "parent_sees_the_clones_writes",
        "What is written to a clone is written to its parent.",
        &["COW-05", "COW-26"],
        calls(&[Call::vmo_write], |machine, call, registers| {
            after(machine, call, registers, |registers| {
                if let Some(origin) = machine.origin(registers[0])
                    && let Some(parent) = machine.handle_to(origin.parent, ZX_RIGHT_WRITE)
                {
                    write_to(machine, registers, parent, origin.offset + registers[2]);
                }
            })
        }),
    ),
    fault(
        CLASS,
        "middle_sees_the_grandchilds_writes",
        "What is written to a clone of a clone is written to the clone in the middle.",
        &["COW-26", "COW-05"],
        calls(&[Call::vmo_write], |machine, call, registers| {
            after(machine, call, registers, |registers| {
                if let Some(origin) = machine.origin(registers[0])
                    && let Some(middle) = machine.handle_to(origin.parent, ZX_RIGHT_WRITE)
                    && machine.origin(middle).is_some()
                {
                    write_to(machine, registers, middle, origin.offset + registers[2]);
                }
            })
        }),
    ),
    fault(
        CLASS,
        "siblings_see_each_others_writes",
        "What is written to a clone is written to the other clones of its parent.",
        &["COW-06"],
        calls(&[Call::vmo_write], |machine, call, registers| {
            after(machine, call, registers, |registers| {
                let vmo = registers[0];
                let Some(origin) = machine.origin(vmo) else { return };
                let Some(parent) = machine.handle_to(origin.parent, 0) else { return };
                for (sibling, of_sibling) in machine.clones_of(parent) {
                    let at = (origin.offset + registers[2]).checked_sub(of_sibling.offset);
                    let writable = machine.sibling(sibling, ZX_RIGHT_WRITE);
                    if let (Some(at), Some(writable)) = (at, writable)
                        && machine.koid(sibling) != machine.koid(vmo)
                    {
                        write_to(machine, registers, writable, at);
                    }
                }
            })
        }),
    ),
    fault(
        CLASS,
        "write_detaches_the_whole_clone",
        "The first write to a clone copies every page.",
        &["COW-07"],
        calls(&[Call::vmo_write], |machine, call, registers| {
            after(machine, call, registers, |registers| {
                let [vmo, _, _, len, ..] = *registers;
                if machine.origin(vmo).is_some() && len != 0 {
                    machine.commit(vmo, 0, machine.size(vmo).unwrap_or_default());
                }
            })
        }),
    ),
    fault(
        CLASS,
        "write_copies_nothing",
        "The first write to a page of a clone puts a page of zeros in place of the parent's.",
        &["COW-03", "VMO-WRITE-21", "VMO-WRITE-01"],
        calls(&[Call::vmo_write], |machine, call, registers| {
            let [vmo, _, offset, len, ..] = *registers;
            // Refusals come before the pages are touched.
            let is_refused = machine.with(call, registers, 3, 0) != ZX_OK;
            if machine.origin(vmo).is_none() || is_refused {
                return machine.right(call, registers);
            }
            if machine.bytes_at(registers[1], 1).is_some() {
                for page in machine.commit_fresh(vmo, offset, len) {
                    machine.fill(vmo, page, PAGE, 0);
                }
            }
            machine.right(call, registers)
        }),
    ),
    fault(
        CLASS,
        "write_of_nothing_detaches",
        "vmo_write of no bytes copies the page of a clone.",
        &["VMO-WRITE-22"],
        calls(&[Call::vmo_write], |machine, call, registers| {
            after(machine, call, registers, |registers| {
                let [vmo, _, offset, len, ..] = *registers;
                if len == 0 && machine.origin(vmo).is_some() {
                    machine.commit(vmo, round_down(offset), PAGE);
                }
            })
        }),
    ),
    fault(
        CLASS,
        "reading_detaches",
        "vmo_read of a clone's page copies it.",
        &["COW-08", "VMO-READ-18"],
        calls(&[Call::vmo_read], |machine, call, registers| {
            after(machine, call, registers, |registers| {
                let [vmo, _, offset, len, ..] = *registers;
                if machine.origin(vmo).is_some()
                    && let Some(writable) = machine.sibling(vmo, ZX_RIGHT_WRITE)
                {
                    machine.commit(writable, offset, len);
                }
            })
        }),
    ),
    fault(
        CLASS,
        "cache_ops_detach",
        "CACHE_SYNC of a clone's page copies it.",
        &["VMO-OPRANGE-47", "VMO-OPRANGE-44"],
        calls(&[Call::vmo_op_range], |machine, call, registers| {
            after(machine, call, registers, |registers| {
                let [vmo, _, offset, size, ..] = *registers;
                if is_on_a_clone(machine, registers, ZX_VMO_OP_CACHE_SYNC) {
                    machine.commit(vmo, offset, size);
                }
            })
        }),
    ),
    fault(
        CLASS,
        "clones_keep_what_the_parent_cuts_off",
        "A clone goes on showing what its parent lost by shrinking.",
        &["COW-12", "COW-13", "COW-09"],
        calls(&[Call::vmo_set_size], |machine, call, registers| {
            let [vmo, size, ..] = *registers;
            if let Some(old) = machine.size(vmo)
                && size < old
                && machine.rights(vmo) & ZX_RIGHT_WRITE != 0
            {
                detach_clones(machine, vmo, round_up(size), old);
            }
            machine.right(call, registers)
        }),
    ),
    fault(
        CLASS,
        "clones_do_not_follow_growth",
        "A clone goes on showing zeros where its parent had ended when that grows.",
        &["COW-11"],
        calls(&[Call::vmo_set_size], |machine, call, registers| {
            let [vmo, size, ..] = *registers;
            if let Some(old) = machine.size(vmo)
                && (old..super::LARGEST).contains(&size)
                && machine.rights(vmo) & ZX_RIGHT_WRITE != 0
            {
                detach_clones(machine, vmo, old, round_up(size));
            }
            machine.right(call, registers)
        }),
    ),
    fault(
        CLASS,
        "clones_keep_what_the_parent_decommits",
        "A clone goes on showing what its parent decommitted.",
        &["COW-14"],
        calls(&[Call::vmo_op_range], |machine, call, registers| {
            let [vmo, op, ..] = *registers;
            let (first, len) = pages(machine, registers);
            if is(op, ZX_VMO_OP_DECOMMIT) && machine.rights(vmo) & ZX_RIGHT_WRITE != 0 {
                detach_clones(machine, vmo, first, first + len);
            }
            machine.right(call, registers)
        }),
    ),
    fault(
        CLASS,
        "closing_the_parent_empties_its_clones",
        "A clone shows zeros once the last handle to its parent is closed.",
        &["COW-15", "HANDLE-CLOSE-05"],
        calls(&[Call::handle_close], |machine, call, registers| {
            let vmo = registers[0];
            if let Some(koid) = machine.koid(vmo)
                && machine.is_vmo(vmo)
                && machine.live_handles(koid) == 1
                && !machine.clones_of(vmo).is_empty()
            {
                let size = machine.size(vmo).unwrap_or_default();
                machine.operate(vmo, ZX_VMO_OP_DECOMMIT, 0, size);
            }
            machine.right(call, registers)
        }),
    ),
    fault(
        CLASS,
        "commit_on_a_clone_gives_zeros",
        "COMMIT on a clone puts pages of zeros in place of the parent's.",
        &["COW-17", "VMO-OPRANGE-19"],
        calls(&[Call::vmo_op_range], |machine, call, registers| {
            let (first, len) = pages(machine, registers);
            let fresh = if is_on_a_clone(machine, registers, ZX_VMO_OP_COMMIT) {
                machine.commit_fresh(registers[0], first, len)
            } else {
                Vec::new()
            };
            for page in fresh {
                machine.fill(registers[0], page, PAGE, 0);
            }
            machine.right(call, registers)
        }),
    ),
    fault(
        CLASS,
        "commit_on_a_clone_does_nothing",
        "COMMIT on a clone leaves its pages to the parent.",
        &["COW-17", "COW-18", "VMO-OPRANGE-13"],
        calls(&[Call::vmo_op_range], |machine, call, registers| {
            if is_on_a_clone(machine, registers, ZX_VMO_OP_COMMIT) {
                machine.with(call, registers, 3, 0)
            } else {
                machine.right(call, registers)
            }
        }),
    ),
    fault(
        CLASS,
        "commit_on_a_clone_commits_the_parent",
        "COMMIT on a clone commits the parent's pages, too.",
        &["COW-21", "COW-28"],
        calls(&[Call::vmo_op_range], |machine, call, registers| {
            after(machine, call, registers, |registers| {
                let (first, len) = pages(machine, registers);
                if is_on_a_clone(machine, registers, ZX_VMO_OP_COMMIT)
                    && let Some(origin) = machine.origin(registers[0])
                    && let Some(parent) = machine.handle_to(origin.parent, ZX_RIGHT_WRITE)
                {
                    machine.commit(parent, origin.offset + first, len);
                }
            })
        }),
    ),
    fault(
        CLASS,
        "decommit_on_a_clone_shows_zeros",
        "A page that a clone decommitted shows zeros and not the parent's bytes.",
        &["COW-19", "COW-22"],
        calls(&[Call::vmo_op_range], |machine, call, registers| {
            after(machine, call, registers, |registers| {
                if is_on_a_clone(machine, registers, ZX_VMO_OP_DECOMMIT) {
                    let (first, len) = pages(machine, registers);
                    machine.fill(registers[0], first, len, 0);
                }
            })
        }),
    ),
    fault(
        CLASS,
        "decommit_on_a_clone_does_nothing",
        "DECOMMIT on a clone leaves its own pages.",
        &["COW-19", "COW-20", "VMO-OPRANGE-26"],
        calls(&[Call::vmo_op_range], |machine, call, registers| {
            if is_on_a_clone(machine, registers, ZX_VMO_OP_DECOMMIT) {
                machine.with(call, registers, 3, 0)
            } else {
                machine.right(call, registers)
            }
        }),
    ),
    fault(
        CLASS,
        "decommit_on_a_clone_decommits_the_parent",
        "DECOMMIT on a clone releases the parent's pages, too.",
        &["COW-21", "COW-19", "COW-22"],
        calls(&[Call::vmo_op_range], |machine, call, registers| {
            after(machine, call, registers, |registers| {
                let (first, len) = pages(machine, registers);
                if is_on_a_clone(machine, registers, ZX_VMO_OP_DECOMMIT)
                    && let Some(origin) = machine.origin(registers[0])
                    && let Some(parent) = machine.handle_to(origin.parent, ZX_RIGHT_WRITE)
                {
                    machine.operate(parent, ZX_VMO_OP_DECOMMIT, origin.offset + first, len);
                }
            })
        }),
    ),
    fault(
        CLASS,
        "clone_that_grows_shows_zeros",
        "The bytes that a clone grows by are 0 and not the parent's.",
        &["COW-29", "COW-30"],
        calls(&[Call::vmo_set_size], |machine, call, registers| {
            let [vmo, size, ..] = *registers;
            let old = machine.size(vmo);
            after(machine, call, registers, |_| {
                if let Some(old) = old
                    && size > old
                    && machine.origin(vmo).is_some()
                {
                    machine.fill(vmo, old, round_up(size) - old, 0);
                }
            })
        }),
    ),
    fault(
        CLASS,
        "clone_ends_where_it_was_made_to",
        "A clone that grows beyond the size it was made with shows zeros there.",
        &["COW-30"],
        calls(&[Call::vmo_set_size], |machine, call, registers| {
            let [vmo, size, ..] = *registers;
            let old = machine.size(vmo);
            after(machine, call, registers, |_| {
                if let Some(old) = old
                    && let Some(origin) = machine.origin(vmo)
                    && size > old.max(round_up(origin.size))
                {
                    let from = old.max(round_up(origin.size));
                    machine.fill(vmo, from, round_up(size) - from, 0);
                }
            })
        }),
    ),
    fault(
        CLASS,
        "clone_that_shrinks_keeps_its_pages",
        "A clone that shrinks and grows again shows its own old pages.",
        &["COW-29", "VMO-SETSIZE-10"],
        calls(&[Call::vmo_set_size], |machine, call, registers| {
            let [vmo, size, ..] = *registers;
            let Some(old) = machine.size(vmo) else { return machine.right(call, registers) };
            let (koid, rounded) = (machine.koid(vmo).unwrap_or_default(), round_up(size));
            let is_clone = machine.origin(vmo).is_some() && old.max(rounded) <= 64 * PAGE;
            if is_clone && rounded < old && machine.rights(vmo) & ZX_RIGHT_READ != 0 {
                for at in (rounded..old).step_by(PAGE as usize) {
                    let before = machine.committed(vmo);
                    machine.operate(vmo, ZX_VMO_OP_COMMIT, at, PAGE);
                    let is_own = machine.committed(vmo) == before;
                    if let Some(page) = machine.read(vmo, at, PAGE)
                        && is_own
                    {
                        machine.notes().bytes.insert(koid << 20 | at, page);
                    }
                }
            }
            after(machine, call, registers, |_| {
                for at in (old..rounded).step_by(PAGE as usize).take(64) {
                    let kept = machine.notes().bytes.remove(&(koid << 20 | at));
                    if let Some(page) = kept {
                        machine.write(vmo, at, &page);
                    }
                }
            })
        }),
    ),
    fault(
        CLASS,
        "map_range_leaves_clones_attached",
        "MAP_RANGE of a clone enters the parent's pages without copying them.",
        &["COW-34", "VMAR-MAP-32"],
        argument(Call::vmar_map, 5, |flags| flags & !u64::from(ZX_VM_FLAG_MAP_RANGE)),
    ),
    fault(
        CLASS,
        "map_detaches_clones",
        "Mapping a clone copies every page of the range.",
        &["COW-08", "COW-31", "COW-32"],
        calls(&[Call::vmar_map], |machine, call, registers| {
            after(machine, call, registers, |registers| {
                let [_, _, vmo, offset, len, ..] = *registers;
                if machine.origin(vmo).is_some()
                    && let Some(writable) = machine.sibling(vmo, ZX_RIGHT_WRITE)
                {
                    machine.commit(writable, offset, len);
                }
            })
        }),
    ),
];
