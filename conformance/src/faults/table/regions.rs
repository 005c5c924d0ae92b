//! `vmar_unmap`, `vmar_protect`, `vmar_allocate` and `vmar_destroy`.

use vmo_abi::Syscall as Call;
use vmo_abi::{
    ZX_ERR_BAD_STATE, ZX_ERR_INVALID_ARGS, ZX_ERR_NOT_FOUND, ZX_OBJ_TYPE_VMAR, ZX_OK,
    ZX_RIGHT_MAP, ZX_RIGHT_WRITE, ZX_VM_FLAG_SPECIFIC_OVERWRITE, ZX_VMO_OP_DECOMMIT,
};

use super::super::class::Class;
use super::super::hook::{Fault, argument, calls, fault, nothing};
use super::super::machine::Machine;
use super::super::notes::{Mapped, round_up};
use super::PAGE;

const CLASS: Class = Class::Mapping;

/// The mappings that a range touches.
fn touched(machine: &Machine, base: u64, len: u64) -> Vec<Mapped> {
    let range = base..base.saturating_add(round_up(len));
    let mappings = machine.notes().mappings.clone();
    mappings.into_iter().filter(|mapped| mapped.overlaps(&range)).collect()
}

/// Empties the VMOs of mappings, as far as handles to them are left.
fn empty(machine: &Machine, mappings: &[Mapped]) {
    for mapped in mappings {
        if let Some(vmo) = machine.handle_to(mapped.vmo, ZX_RIGHT_WRITE) {
            machine.operate(vmo, ZX_VMO_OP_DECOMMIT, mapped.vmo_offset, mapped.len);
        }
    }
}

pub(super) const FAULTS: &[Fault] = &[
    fault(
        CLASS,
        "unmap_does_nothing",
        "vmar_unmap succeeds and leaves the mappings.",
        &["VMAR-UNMAP-01", "VMAR-UNMAP-16"],
        nothing(&[Call::vmar_unmap]),
    ),
    fault(
        CLASS,
        "unmap_removes_one_page",
        "vmar_unmap removes the first page of the range only.",
        &["VMAR-UNMAP-01"],
        argument(Call::vmar_unmap, 2, |len| len.min(PAGE)),
    ),
    fault(
        CLASS,
        "unmap_removes_a_page_too_few",
        "vmar_unmap leaves the last of several pages.",
        &["VMAR-UNMAP-01", "VMAR-UNMAP-08"],
        argument(Call::vmar_unmap, 2, |len| {
            if len > PAGE && len < 1 << 62 { round_up(len) - PAGE } else { len }
        }),
    ),
    fault(
        CLASS,
        "unmap_removes_a_page_too_many",
        "vmar_unmap removes the page behind the range.",
        &["VMAR-UNMAP-01", "VMAR-UNMAP-02"],
        calls(&[Call::vmar_unmap], |machine, call, registers| {
            let [_, base, len, ..] = *registers;
            let status = machine.right(call, registers);
            if status == ZX_OK {
                machine.unmap(base + round_up(len), PAGE);
            }
            status
        }),
    ),
    fault(
        CLASS,
        "unmap_removes_whole_mappings",
        "vmar_unmap removes every mapping that the range touches altogether.",
        &["VMAR-UNMAP-02"],
        calls(&[Call::vmar_unmap], |machine, call, registers| {
            let [_, base, len, ..] = *registers;
            let mappings = touched(machine, base, len);
            let status = machine.right(call, registers);
            if status == ZX_OK {
                mappings.iter().for_each(|mapped| machine.unmap(mapped.base, mapped.len));
            }
            status
        }),
    ),
    fault(
        CLASS,
        "unmap_shifts_the_rest",
        "What is left behind a hole in a mapping shows the VMO from the hole on.",
        &["VMAR-UNMAP-02"],
        calls(&[Call::vmar_unmap], |machine, call, registers| {
            let [region, base, len, ..] = *registers;
            let end = base.saturating_add(round_up(len));
            let mappings = touched(machine, base, len);
            let status = machine.right(call, registers);
            let start = machine.region_range(region).map(|range| range.start);
            let (ZX_OK, Some(start)) = (status, start) else { return status };
            for mapped in mappings.iter().filter(|mapped| mapped.end() > end) {
                let rights = ZX_RIGHT_MAP | (mapped.flags as u32 & 7) << 2;
                if let Some(vmo) = machine.handle_to(mapped.vmo, rights) {
                    let flags =
                        mapped.flags & 7 | u64::from(ZX_VM_FLAG_SPECIFIC_OVERWRITE);
                    let position = mapped.vmo_offset + (base.max(mapped.base) - mapped.base);
                    machine.remap([region, end - start, vmo, position, mapped.end() - end, flags]);
                }
            }
            status
        }),
    ),
    fault(
        CLASS,
        "unmap_of_a_gap_is_not_found",
        "vmar_unmap refuses a range where nothing is mapped.",
        &["VMAR-UNMAP-10"],
        calls(&[Call::vmar_unmap], |machine, call, registers| {
            let [_, base, len, ..] = *registers;
            let mappings = touched(machine, base, len);
            match machine.right(call, registers) {
                ZX_OK if mappings.is_empty() => ZX_ERR_NOT_FOUND,
                status => status,
            }
        }),
    ),
    fault(
        CLASS,
        "unmap_is_cut_at_the_regions_end",
        "vmar_unmap of a range that runs beyond the region removes what lies inside.",
        &["VMAR-UNMAP-09"],
        calls(&[Call::vmar_unmap], |machine, call, registers| {
            let [region, base, len, ..] = *registers;
            match machine.region_range(region) {
                Some(range) if range.contains(&base) && len != 0 && len < 1 << 62 => {
                    machine.with(call, registers, 2, len.min(range.end - base))
                }
                _ => machine.right(call, registers),
            }
        }),
    ),
    fault(
        CLASS,
        "unmap_takes_part_of_a_region",
        "vmar_unmap of a range that covers a region in part succeeds.",
        &["VMAR-UNMAP-04"],
        calls(&[Call::vmar_unmap], |machine, call, registers| {
            let [region, base, len, ..] = *registers;
            let inside = machine.region_range(region).is_some_and(|range| {
                range.contains(&base) && len != 0 && len <= range.end - base
            });
            match machine.right(call, registers) {
                ZX_ERR_INVALID_ARGS if inside && base.is_multiple_of(PAGE) => ZX_OK,
                status => status,
            }
        }),
    ),
    fault(
        CLASS,
        "unmap_refuses_regions",
        "vmar_unmap refuses a range with a region wholly in it.",
        &["VMAR-UNMAP-03"],
        calls(&[Call::vmar_unmap], |machine, call, registers| {
            let [region, base, len, ..] = *registers;
            let range = base..base.saturating_add(round_up(len));
            let own = machine.region_range(region);
            if own.is_some() && machine.has_region_in(&range) {
                return ZX_ERR_INVALID_ARGS;
            }
            machine.right(call, registers)
        }),
    ),
    fault(
        CLASS,
        "unmap_empties_the_vmo",
        "vmar_unmap discards the contents of what it unmaps.",
        &["VMAR-UNMAP-15"],
        calls(&[Call::vmar_unmap], |machine, call, registers| {
            let mappings = touched(machine, registers[1], registers[2]);
            let status = machine.right(call, registers);
            if status == ZX_OK {
                empty(machine, &mappings);
            }
            status
        }),
    ),
    fault(
        CLASS,
        "protect_does_nothing",
        "vmar_protect succeeds and changes nothing.",
        &["VMAR-PROTECT-01"],
        nothing(&[Call::vmar_protect]),
    ),
    fault(
        CLASS,
        "protect_changes_one_page",
        "vmar_protect changes the first page of the range only.",
        &["VMAR-PROTECT-01"],
        argument(Call::vmar_protect, 2, |len| len.min(PAGE)),
    ),
    fault(
        CLASS,
        "protect_changes_whole_mappings",
        "vmar_protect changes every mapping that the range touches altogether.",
        &["VMAR-PROTECT-01"],
        calls(&[Call::vmar_protect], |machine, call, registers| {
            let [region, base, len, flags, ..] = *registers;
            let status = machine.right(call, registers);
            if status == ZX_OK {
                for mapped in touched(machine, base, len) {
                    let all = [region, mapped.base, mapped.len, flags, 0, 0, 0, 0];
                    machine.right(call, &all);
                }
            }
            status
        }),
    ),
    fault(
        CLASS,
        "protect_never_takes_read_away",
        "vmar_protect leaves read permission.",
        &["VMAR-PROTECT-07", "VMAR-PROTECT-01"],
        argument(Call::vmar_protect, 3, |flags| if flags & 7 == 0 { flags | 1 } else { flags }),
    ),
    fault(
        CLASS,
        "protect_never_takes_write_away",
        "vmar_protect to read permission leaves write permission, if it may be had.",
        &["VMAR-PROTECT-01"],
        calls(&[Call::vmar_protect], |machine, call, registers| {
            let status = machine.right(call, registers);
            if status == ZX_OK && registers[3] & 7 == 1 {
                machine.with(call, registers, 3, 3);
            }
            status
        }),
    ),
    fault(
        CLASS,
        "protect_skips_gaps",
        "vmar_protect of a range with a gap changes what is mapped, and succeeds.",
        &["VMAR-PROTECT-10"],
        calls(&[Call::vmar_protect], |machine, call, registers| {
            let [region, base, len, flags, ..] = *registers;
            match machine.right(call, registers) {
                ZX_ERR_NOT_FOUND => {
                    for page in 0..len.div_ceil(PAGE).min(64) {
                        let one = [region, base + page * PAGE, PAGE, flags, 0, 0, 0, 0];
                        machine.right(call, &one);
                    }
                    ZX_OK
                }
                status => status,
            }
        }),
    ),
    fault(
        CLASS,
        "protect_empties_the_vmo",
        "vmar_protect discards the contents of the range.",
        &["VMAR-PROTECT-15"],
        calls(&[Call::vmar_protect], |machine, call, registers| {
            let status = machine.right(call, registers);
            if status == ZX_OK {
                empty(machine, &touched(machine, registers[1], registers[2]));
            }
            status
        }),
    ),
    fault(
        CLASS,
        "destroy_does_nothing",
        "vmar_destroy succeeds and leaves the region.",
        &["VMAR-DESTROY-01", "VMAR-DESTROY-02", "VMAR-DESTROY-03"],
        nothing(&[Call::vmar_destroy]),
    ),
    fault(
        CLASS,
        "destroy_leaves_the_mappings",
        "vmar_destroy makes the region unusable and leaves its mappings.",
        &["VMAR-DESTROY-01"],
        calls(
            &[
                Call::vmar_destroy,
                Call::vmar_map,
                Call::vmar_unmap,
                Call::vmar_protect,
                Call::vmar_allocate,
            ],
            |machine, call, registers| {
                let koid = machine.koid(registers[0]).unwrap_or_default();
                let gone = machine.notes().numbers.contains_key(&koid);
                if gone {
                    return ZX_ERR_BAD_STATE;
                }
                let is_region =
                    machine.basic(registers[0]).is_some_and(|basic| basic.type_ == ZX_OBJ_TYPE_VMAR);
                if call == Call::vmar_destroy && is_region {
                    machine.notes().numbers.insert(koid, 1);
                    return ZX_OK;
                }
                machine.right(call, registers)
            },
        ),
    ),
    fault(
        CLASS,
        "destroy_twice_succeeds",
        "vmar_destroy of a region that was destroyed succeeds.",
        &["VMAR-DESTROY-03", "VMAR-DESTROY-02"],
        calls(&[Call::vmar_destroy], |machine, call, registers| {
            match machine.right(call, registers) {
                ZX_ERR_BAD_STATE => ZX_OK,
                status => status,
            }
        }),
    ),
    fault(
        CLASS,
        "destroy_closes_the_handle",
        "vmar_destroy closes the region's handle.",
        &["VMAR-DESTROY-02", "VMAR-DESTROY-03"],
        calls(&[Call::vmar_destroy], |machine, call, registers| {
            let status = machine.right(call, registers);
            if status == ZX_OK {
                machine.close(registers[0]);
            }
            status
        }),
    ),
    fault(
        CLASS,
        "destroy_empties_the_vmos",
        "vmar_destroy discards the contents of the VMOs that were mapped.",
        &["VMAR-DESTROY-06"],
        calls(&[Call::vmar_destroy], |machine, call, registers| {
            let range = machine.region_range(registers[0]).unwrap_or_default();
            let mappings = touched(machine, range.start, range.end - range.start);
            let status = machine.right(call, registers);
            if status == ZX_OK {
                empty(machine, &mappings);
            }
            status
        }),
    ),
    fault(
        CLASS,
        "closing_a_region_handle_destroys_it",
        "Closing the handle to a region destroys the region.",
        &["VMAR-ALLOC-08"],
        calls(&[Call::handle_close], |machine, call, registers| {
            if machine.region_range(registers[0]).is_some() {
                machine.right(Call::vmar_destroy, registers);
            }
            machine.right(call, registers)
        }),
    ),
    fault(
        CLASS,
        "allocate_ignores_what_the_parent_may_hold",
        "vmar_allocate drops what the parent region may not hold instead of refusing it.",
        &["VMAR-ALLOC-03"],
        calls(&[Call::vmar_allocate], |machine, call, registers| {
            let flags = registers[3];
            match machine.right(call, registers) {
                vmo_abi::ZX_ERR_ACCESS_DENIED => {
                    let held = machine.rights(registers[0]) >> 2 & 7;
                    let kept = flags & !(7 << 7) | flags & u64::from(held) << 7;
                    machine.with(call, registers, 3, kept)
                }
                status => status,
            }
        }),
    ),
];
