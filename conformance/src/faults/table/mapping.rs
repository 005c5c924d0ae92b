//! What mappings show, and where they are.

use vmo_abi::Syscall as Call;
use vmo_abi::{
    Fault as PageFault, ZX_ERR_INVALID_ARGS, ZX_ERR_OUT_OF_RANGE, ZX_OK, ZX_RIGHT_WRITE,
    ZX_VM_FLAG_MAP_RANGE, ZX_VM_FLAG_PERM_READ, ZX_VM_FLAG_PERM_WRITE, ZX_VM_FLAG_SPECIFIC,
    ZX_VM_FLAG_SPECIFIC_OVERWRITE, ZX_VMO_OP_DECOMMIT, zx_vaddr_t,
};

use super::super::class::Class;
use super::super::hook::{Fault, Hook, Load, Registers, Store, argument, calls, fault};
use super::super::machine::Machine;
use super::super::notes::{Mapped, round_up};
use super::{PAGE, is, round_down};

const CLASS: Class = Class::Mapping;

const WRITE: u64 = ZX_VM_FLAG_PERM_WRITE as u64;
const READ: u64 = ZX_VM_FLAG_PERM_READ as u64;
const SPECIFIC: u64 = ZX_VM_FLAG_SPECIFIC as u64;
const OVERWRITE: u64 = ZX_VM_FLAG_SPECIFIC_OVERWRITE as u64;

/// Loads and stores done otherwise, and all calls rightly.
const fn accesses(load: Load, store: Store) -> Hook {
    Hook::Accesses { calls: &[], how: Machine::right, load, store }
}

fn load_rightly(machine: &Machine, address: zx_vaddr_t, bytes: &mut [u8]) -> Result<(), PageFault> {
    machine.inner().load(address, bytes)
}

fn store_rightly(machine: &Machine, address: zx_vaddr_t, bytes: &[u8]) -> Result<(), PageFault> {
    machine.inner().store(address, bytes)
}

/// The mapping that an access lies in, and the position in the VMO.
fn at(machine: &Machine, address: zx_vaddr_t) -> Option<(Mapped, u64)> {
    let mapped = machine.notes().mapping_at(address)?;
    Some((mapped, mapped.vmo_offset.wrapping_add(address - mapped.base)))
}

/// A load that goes on showing each page as it was when `keeps` saw it first.
fn load_stale(
    machine: &Machine,
    address: zx_vaddr_t,
    bytes: &mut [u8],
    keeps: fn(&Machine, Mapped, &[u8]) -> bool,
) -> Result<(), PageFault> {
    machine.inner().load(address, bytes)?;
    let end = address + bytes.len() as u64;
    for page in (round_down(address)..end).step_by(PAGE as usize) {
        let Some((mapped, _)) = at(machine, page) else { continue };
        let (from, to) = (address.max(page), end.min(page + PAGE));
        let known = machine.notes().bytes.get(&page).cloned();
        if let Some(known) = known {
            let shown = &known[(from - page) as usize..(to - page) as usize];
            bytes[(from - address) as usize..(to - address) as usize].copy_from_slice(shown);
        } else if let Some(shown) = machine.bytes_at(page, PAGE as usize)
            && keeps(machine, mapped, &shown)
        {
            machine.notes().bytes.insert(page, shown);
        }
    }
    Ok(())
}

/// A store after which the page is looked up afresh.
fn store_afresh(machine: &Machine, address: zx_vaddr_t, bytes: &[u8]) -> Result<(), PageFault> {
    let stored = machine.inner().store(address, bytes);
    let end = address.saturating_add(bytes.len() as u64);
    for page in (round_down(address)..end).step_by(PAGE as usize) {
        machine.notes().bytes.remove(&page);
    }
    stored
}

/// A call after which every page is looked up afresh.
fn call_afresh(machine: &Machine, call: Call, registers: &Registers) -> i32 {
    let status = machine.right(call, registers);
    machine.notes().bytes.clear();
    status
}

/// Loads that go on showing a page as they saw it first.
const fn stale(load: Load) -> Hook {
    Hook::Accesses {
        calls: &[
            Call::vmar_map,
            Call::vmar_unmap,
            Call::vmar_protect,
            Call::vmar_destroy,
            Call::vmo_set_size,
        ],
        how: call_afresh,
        load,
        store: store_afresh,
    }
}

/// Lets loads show what they show now, whatever happens to the VMO.
fn freeze(machine: &Machine, vmo: u64) {
    let Some(koid) = machine.koid(vmo) else { return };
    let mappings = machine.notes().mappings.clone();
    for mapped in mappings.into_iter().filter(|mapped| mapped.vmo == koid) {
        for page in (mapped.base..mapped.end()).step_by(PAGE as usize).take(64) {
            if let Some(shown) = machine.bytes_at(page, PAGE as usize) {
                machine.notes().bytes.entry(page).or_insert(shown);
            }
        }
    }
}

pub(super) const FAULTS: &[Fault] = &[
    fault(
        CLASS,
        "map_ignores_the_vmo_offset",
        "A mapping shows the VMO from its first byte on.",
        &["VMAR-MAP-01"],
        argument(Call::vmar_map, 3, |offset| if offset.is_multiple_of(PAGE) { 0 } else { offset }),
    ),
    fault(
        CLASS,
        "map_begins_a_page_late",
        "A mapping shows the VMO from the page behind the offset on.",
        &["VMAR-MAP-01", "VMAR-MAP-39"],
        argument(Call::vmar_map, 3, |offset| {
            if offset < 1 << 62 { offset + PAGE } else { offset }
        }),
    ),
    fault(
        CLASS,
        "map_ignores_specific",
        "vmar_map places a mapping anywhere although a place is asked for.",
        &["VMAR-MAP-21", "VMAR-MAP-25"],
        calls(&[Call::vmar_map], |machine, call, registers| {
            let mut anywhere = *registers;
            if registers[5] & SPECIFIC != 0 && registers[5] & OVERWRITE == 0 {
                anywhere[1] = 0;
                anywhere[5] &= !SPECIFIC;
            }
            machine.right(call, &anywhere)
        }),
    ),
    fault(
        CLASS,
        "map_specific_overwrites",
        "SPECIFIC replaces what is mapped already.",
        &["VMAR-MAP-25", "VMAR-MAP-26"],
        argument(Call::vmar_map, 5, |flags| {
            // With MAP_RANGE the flag would be refused.
            if flags & SPECIFIC == 0 || flags & u64::from(ZX_VM_FLAG_MAP_RANGE) != 0 {
                flags
            } else {
                flags | OVERWRITE
            }
        }),
    ),
    fault(
        CLASS,
        "map_overwrite_does_not_overwrite",
        "SPECIFIC_OVERWRITE fails where something is mapped already.",
        &["VMAR-MAP-27"],
        argument(Call::vmar_map, 5, |flags| {
            if flags & OVERWRITE == 0 { flags } else { flags & !OVERWRITE | SPECIFIC }
        }),
    ),
    fault(
        CLASS,
        "map_overwrite_removes_whole_mappings",
        "SPECIFIC_OVERWRITE removes a mapping that it touches altogether.",
        &["VMAR-MAP-27"],
        calls(&[Call::vmar_map], |machine, call, registers| {
            let [_, _, _, _, len, flags, out, ..] = *registers;
            let before = machine.notes().mappings.clone();
            let status = machine.right(call, registers);
            if status == ZX_OK
                && flags & OVERWRITE != 0
                && let Some(base) = machine.long(out)
            {
                let new = base..base + round_up(len);
                for old in before.into_iter().filter(|mapped| mapped.overlaps(&new)) {
                    for (from, to) in [(old.base, new.start), (new.end, old.end())] {
                        if from < to {
                            machine.unmap(from, to - from);
                        }
                    }
                }
            }
            status
        }),
    ),
    fault(
        CLASS,
        "map_has_to_lie_in_the_vmo",
        "vmar_map refuses a range that is not inside the VMO.",
        &["VMAR-MAP-19"],
        calls(&[Call::vmar_map], |machine, call, registers| {
            let [_, _, vmo, offset, len, _, out, ..] = *registers;
            let size = machine.size(vmo).unwrap_or_default();
            let status = machine.right(call, registers);
            if status == ZX_OK && offset.saturating_add(round_up(len)) > size {
                if let Some(base) = machine.long(out) {
                    machine.unmap(base, round_up(len));
                }
                return ZX_ERR_OUT_OF_RANGE;
            }
            status
        }),
    ),
    fault(
        CLASS,
        "map_read_only_is_writable",
        "A mapping with read permission can be written if the handles permit it.",
        &["VMAR-MAP-44", "GEN-10"],
        calls(&[Call::vmar_map], |machine, call, registers| {
            let [region, _, vmo, _, _, flags, ..] = *registers;
            let rights = machine.rights(region) & machine.rights(vmo);
            let wider = flags & READ != 0 && rights & ZX_RIGHT_WRITE != 0;
            match (wider, machine.with(call, registers, 5, if wider { flags | WRITE } else { flags })) {
                (true, ZX_OK) => ZX_OK,
                (true, _) => machine.right(call, registers),
                (false, status) => status,
            }
        }),
    ),
    fault(
        CLASS,
        "map_writable_is_read_only",
        "A mapping with write permission cannot be written.",
        &["VMAR-MAP-40", "VMAR-MAP-44", "VMO-CREATE-27"],
        argument(Call::vmar_map, 5, |flags| if flags & READ == 0 { flags } else { flags & !WRITE }),
    ),
    fault(
        CLASS,
        "map_without_permissions_can_be_read",
        "A mapping without permissions can be read if the handles permit it.",
        &["VMAR-MAP-11", "VMAR-MAP-44"],
        calls(&[Call::vmar_map], |machine, call, registers| {
            let [region, _, vmo, _, _, flags, ..] = *registers;
            let rights = machine.rights(region) & machine.rights(vmo);
            let none = flags & 7 == 0 && rights & vmo_abi::ZX_RIGHT_READ != 0;
            match (none, machine.with(call, registers, 5, if none { flags | READ } else { flags })) {
                (true, ZX_OK) => ZX_OK,
                (true, _) => machine.right(call, registers),
                (false, status) => status,
            }
        }),
    ),
    fault(
        CLASS,
        "map_commits",
        "vmar_map commits every page of the range.",
        &["VMAR-MAP-33", "VMAR-MAP-50", "VMAR-MAP-41"],
        calls(&[Call::vmar_map], |machine, call, registers| {
            let [_, _, vmo, offset, len, ..] = *registers;
            let status = machine.right(call, registers);
            if status == ZX_OK
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
        "map_range_commits",
        "MAP_RANGE commits every page of the range.",
        &["VMAR-MAP-33", "VMAR-MAP-31"],
        calls(&[Call::vmar_map], |machine, call, registers| {
            let [_, _, vmo, offset, len, flags, ..] = *registers;
            let status = machine.right(call, registers);
            if status == ZX_OK
                && flags & u64::from(ZX_VM_FLAG_MAP_RANGE) != 0
                && let Some(writable) = machine.sibling(vmo, ZX_RIGHT_WRITE)
            {
                machine.commit(writable, offset, len);
            }
            status
        }),
    ),
    fault(
        CLASS,
        "map_range_ignores_the_position",
        "MAP_RANGE works with a position in the VMO other than 0.",
        &["VMAR-MAP-32"],
        argument(Call::vmar_map, 5, |flags| flags & !u64::from(ZX_VM_FLAG_MAP_RANGE)),
    ),
    fault(
        CLASS,
        "map_stores_the_end",
        "vmar_map stores the address behind the mapping.",
        &["VMAR-MAP-01", "VMAR-MAP-21"],
        calls(&[Call::vmar_map], |machine, call, registers| {
            let status = machine.right(call, registers);
            if status == ZX_OK
                && let Some(base) = machine.long(registers[6])
            {
                machine.put(registers[6], &(base + round_up(registers[4])).to_le_bytes());
            }
            status
        }),
    ),
    fault(
        CLASS,
        "map_refuses_a_second_mapping",
        "vmar_map refuses a VMO that is mapped already.",
        &["VMAR-MAP-49", "VMAR-MAP-39"],
        calls(&[Call::vmar_map], |machine, call, registers| {
            let koid = machine.koid(registers[2]);
            let again =
                machine.notes().mappings.iter().any(|mapped| Some(mapped.vmo) == koid);
            if again { vmo_abi::ZX_ERR_ALREADY_EXISTS } else { machine.right(call, registers) }
        }),
    ),
    fault(
        CLASS,
        "map_refuses_uncached",
        "vmar_map refuses a VMO whose cache policy is not CACHED.",
        &["VMAR-MAP-51", "VMO-CACHEPOL-19", "VMO-CACHEPOL-20"],
        calls(&[Call::vmar_map], |machine, call, registers| {
            let nothing = [registers[2], 0, 0, 0, 0, 0, 0, 0];
            match machine.right(Call::vmo_read, &nothing) {
                vmo_abi::ZX_ERR_BAD_STATE => vmo_abi::ZX_ERR_BAD_STATE,
                _ => machine.right(call, registers),
            }
        }),
    ),
    fault(
        CLASS,
        "closing_the_handle_unmaps",
        "Closing the last handle to a VMO removes its mappings.",
        &["VMAR-MAP-38", "HANDLE-CLOSE-05"],
        calls(&[Call::handle_close], |machine, call, registers| {
            let koid = machine.koid(registers[0]).unwrap_or_default();
            let status = machine.right(call, registers);
            let mappings = machine.notes().mappings.clone();
            let of_it = mappings.into_iter().filter(|mapped| mapped.vmo == koid);
            if status == ZX_OK && machine.handle_to(koid, 0).is_none() {
                of_it.for_each(|mapped| machine.unmap(mapped.base, mapped.len));
            }
            status
        }),
    ),
    fault(
        CLASS,
        "mappings_keep_pages_of_zeros",
        "A mapping that read a page of zeros goes on showing it after the page is written.",
        &["VMO-WRITE-23", "VMAR-MAP-39", "COW-32"],
        stale(|machine, address, bytes| {
            load_stale(machine, address, bytes, |_, _, page| page.iter().all(|byte| *byte == 0))
        }),
    ),
    fault(
        CLASS,
        "mappings_of_clones_keep_the_parents_pages",
        "A mapping of a clone goes on showing the page that it read first.",
        &["COW-32", "COW-31"],
        stale(|machine, address, bytes| {
            load_stale(machine, address, bytes, |machine, mapped, _| {
                machine.notes().clones.contains_key(&mapped.vmo)
            })
        }),
    ),
    fault(
        CLASS,
        "mappings_keep_decommitted_pages",
        "A mapping goes on showing a page that was decommitted.",
        &["VMO-OPRANGE-32"],
        Hook::Accesses {
            calls: &[
                Call::vmo_op_range,
                Call::vmo_write,
                Call::vmar_map,
                Call::vmar_unmap,
                Call::vmar_protect,
                Call::vmar_destroy,
            ],
            how: |machine, call, registers| {
                if call != Call::vmo_op_range {
                    return call_afresh(machine, call, registers);
                }
                let [vmo, op, _, size, ..] = *registers;
                if is(op, ZX_VMO_OP_DECOMMIT) && size != 0 {
                    freeze(machine, vmo);
                }
                let status = machine.right(call, registers);
                if status != ZX_OK {
                    machine.notes().bytes.clear();
                }
                status
            },
            load: |machine, address, bytes| {
                load_stale(machine, address, bytes, |_, _, _| false)
            },
            store: store_afresh,
        },
    ),
    fault(
        CLASS,
        "loads_beyond_the_end_give_zeros",
        "A load through a mapping beyond the end of the VMO gives zeros.",
        &["VMAR-MAP-42", "VMO-SETSIZE-16"],
        accesses(
            |machine, address, bytes| match (load_rightly(machine, address, bytes), at(machine, address)) {
                (Err(_), Some((mapped, _))) if mapped.flags & READ != 0 => {
                    bytes.fill(0);
                    Ok(())
                }
                (result, _) => result,
            },
            store_rightly,
        ),
    ),
    fault(
        CLASS,
        "stores_beyond_the_end_are_lost",
        "A store through a mapping beyond the end of the VMO is lost without a fault.",
        &["VMAR-MAP-42", "VMO-SETSIZE-16"],
        accesses(load_rightly, |machine, address, bytes| {
            match (store_rightly(machine, address, bytes), at(machine, address)) {
                (Err(_), Some((mapped, _))) if mapped.flags & WRITE != 0 => Ok(()),
                (result, _) => result,
            }
        }),
    ),
    fault(
        CLASS,
        "stores_without_permission_are_lost",
        "A store through a mapping without write permission is lost without a fault.",
        &["VMAR-MAP-44"],
        accesses(load_rightly, |machine, address, bytes| {
            match (store_rightly(machine, address, bytes), at(machine, address)) {
                (Err(_), Some((mapped, _))) if mapped.flags & WRITE == 0 => Ok(()),
                (result, _) => result,
            }
        }),
    ),
    fault(
        CLASS,
        "mappings_end_where_the_vmo_ended",
        "A mapping faults beyond the end that the VMO had when it was mapped.",
        &["VMAR-MAP-43", "VMO-SETSIZE-17"],
        accesses(
            |machine, address, bytes| match at(machine, address) {
                Some((mapped, position)) if position >= mapped.vmo_size => {
                    Err(PageFault { address })
                }
                _ => load_rightly(machine, address, bytes),
            },
            |machine, address, bytes| match at(machine, address) {
                Some((mapped, position)) if position >= mapped.vmo_size => {
                    Err(PageFault { address })
                }
                _ => store_rightly(machine, address, bytes),
            },
        ),
    ),
    fault(
        CLASS,
        "loads_commit",
        "A load through a mapping commits the page.",
        &["VMAR-MAP-41", "VMO-CACHEPOL-17", "COW-08"],
        accesses(
            |machine, address, bytes| {
                let result = load_rightly(machine, address, bytes);
                if let (Ok(()), Some((mapped, position))) = (result, at(machine, address))
                    && let Some(vmo) = machine.handle_to(mapped.vmo, ZX_RIGHT_WRITE)
                {
                    machine.commit(vmo, round_down(position), PAGE);
                }
                result
            },
            store_rightly,
        ),
    ),
    fault(
        CLASS,
        "stores_through_a_clone_reach_the_parent",
        "A store through a mapping of a clone changes the parent's page, too.",
        &["COW-33", "COW-05"],
        accesses(load_rightly, |machine, address, bytes| {
            let result = store_rightly(machine, address, bytes);
            let place = at(machine, address);
            if let (Ok(()), Some((mapped, position))) = (result, place) {
                let origin = machine.notes().clones.get(&mapped.vmo).copied();
                if let Some(origin) = origin
                    && let Some(parent) = machine.handle_to(origin.parent, ZX_RIGHT_WRITE)
                {
                    machine.write(parent, origin.offset + position, bytes);
                }
            }
            result
        }),
    ),
    fault(
        CLASS,
        "buffers_ignore_permissions",
        "vmo_read stores into a mapping that has no write permission.",
        &["VMO-READ-22", "GEN-10"],
        calls(&[Call::vmo_read], |machine, call, registers| {
            match machine.right(call, registers) {
                ZX_ERR_INVALID_ARGS if at(machine, registers[1]).is_some() => ZX_OK,
                status => status,
            }
        }),
    ),
];
