//! Rights that new handles get, and those that mappings remember.

use vmo_abi::Syscall as Call;
use vmo_abi::{
    ZX_DEFAULT_VMO_RIGHTS, ZX_ERR_INVALID_ARGS, ZX_OK, ZX_RIGHT_DUPLICATE, ZX_RIGHT_EXECUTE,
    ZX_RIGHT_GET_PROPERTY, ZX_RIGHT_MAP, ZX_RIGHT_READ, ZX_RIGHT_SAME_RIGHTS,
    ZX_RIGHT_SET_PROPERTY, ZX_RIGHT_SIGNAL, ZX_RIGHT_TRANSFER, ZX_RIGHT_WAIT, ZX_RIGHT_WRITE,
    ZX_VM_FLAG_SPECIFIC_OVERWRITE, zx_rights_t,
};

use super::super::class::Class;
use super::super::hook::{Fault, Registers, calls, fault};
use super::super::machine::Machine;
use super::{PAGE, replaced};

const CLASS: Class = Class::Rights;

/// A new VMO handle that lacks rights.
fn create_lacking(machine: &Machine, call: Call, registers: &Registers, rights: u32) -> i32 {
    let status = machine.right(call, registers);
    if status == ZX_OK {
        machine.restrict(registers[2], ZX_DEFAULT_VMO_RIGHTS & !rights);
    }
    status
}

/// A clone whose handle has other rights: what the function makes of the rights
/// of the source handle and those that are right.
fn clone_with(
    machine: &Machine,
    call: Call,
    registers: &Registers,
    rights: fn(zx_rights_t, zx_rights_t) -> zx_rights_t,
) -> i32 {
    let [source, _, _, _, out, ..] = *registers;
    let own = machine.rights(source);
    let right = own | ZX_RIGHT_WRITE | ZX_RIGHT_GET_PROPERTY | ZX_RIGHT_SET_PROPERTY;
    let wrong = rights(own, right);
    let missing = wrong & !right;
    // Rights that the source handle lacks come from another handle to it.
    let donor = if missing == 0 { None } else { machine.sibling(source, own | missing) };
    let status = match donor {
        Some(donor) if own & ZX_RIGHT_READ != 0 && own & ZX_RIGHT_DUPLICATE != 0 => {
            machine.with(call, registers, 0, donor)
        }
        _ => machine.right(call, registers),
    };
    if status == ZX_OK {
        let clone = machine.word(out).map_or(0, u64::from);
        if own & ZX_RIGHT_GET_PROPERTY == 0 {
            machine.set_name(clone, b"");
        }
        machine.restrict(out, wrong & machine.rights(clone));
    }
    status
}

/// A duplicate or replacement with other rights than asked for.
fn with_rights(
    machine: &Machine,
    call: Call,
    registers: &Registers,
    rights: fn(zx_rights_t, zx_rights_t) -> zx_rights_t,
) -> i32 {
    let [source, asked, ..] = *registers;
    let wrong = rights(asked as u32, machine.rights(source));
    machine.with(call, registers, 1, wrong.into())
}

/// What is asked for, as far as it is there.
fn masked(asked: zx_rights_t, own: zx_rights_t) -> zx_rights_t {
    if asked == ZX_RIGHT_SAME_RIGHTS { asked } else { asked & own }
}

/// The same rights, whatever is asked for besides.
fn same_if_asked(asked: zx_rights_t, _: zx_rights_t) -> zx_rights_t {
    if asked & ZX_RIGHT_SAME_RIGHTS != 0 { ZX_RIGHT_SAME_RIGHTS } else { asked }
}

/// SAME_RIGHTS without EXECUTE.
fn same_but_execute(asked: zx_rights_t, own: zx_rights_t) -> zx_rights_t {
    if asked == ZX_RIGHT_SAME_RIGHTS { own & !ZX_RIGHT_EXECUTE } else { asked }
}

/// A mapping that remembers rights that the handle at a position did not have:
/// it is made rightly, and then once more with another handle.
fn map_remembering(
    machine: &Machine,
    call: Call,
    registers: &Registers,
    position: usize,
) -> i32 {
    let status = machine.right(call, registers);
    let [region, _, vmo, _, _, flags, out, ..] = *registers;
    let all = ZX_RIGHT_READ | ZX_RIGHT_WRITE | ZX_RIGHT_EXECUTE | ZX_RIGHT_MAP;
    let wanted = if position == 2 { all } else { all & !ZX_RIGHT_MAP };
    if status != ZX_OK || machine.rights([region, region, vmo][position]) & wanted == wanted {
        return status;
    }
    let other = machine.sibling(registers[position], wanted);
    let base = machine.environment().root_vmar;
    let (Some(other), Some(address), Some(start)) =
        (other, machine.long(out), start_of(machine, region, base.into()))
    else {
        return status;
    };
    let mut again = replaced(registers, position, other);
    again[1] = address - start;
    again[5] = flags & 7 | u64::from(ZX_VM_FLAG_SPECIFIC_OVERWRITE);
    machine.right(call, &again);
    status
}

/// The address of the first byte of a region.
fn start_of(machine: &Machine, region: u64, root: u64) -> Option<u64> {
    if region == root { None } else { machine.region_range(region).map(|range| range.start) }
}

/// A fresh handle that lacks a right.
macro_rules! create_lacks {
    ($right:expr) => {
        calls(&[Call::vmo_create], |machine, call, registers| {
            create_lacking(machine, call, registers, $right)
        })
    };
}

/// A clone's handle with other rights.
macro_rules! clone_gives {
    ($rights:expr) => {
        calls(&[Call::vmo_clone], |machine, call, registers| {
            clone_with(machine, call, registers, $rights)
        })
    };
}

/// A call that passes on other rights than asked for.
macro_rules! gives {
    ($call:ident, $rights:expr) => {
        calls(&[Call::$call], |machine, call, registers| {
            with_rights(machine, call, registers, $rights)
        })
    };
}

pub(super) const FAULTS: &[Fault] = &[
    fault(
        CLASS,
        "create_gives_no_execute",
        "A fresh VMO handle lacks EXECUTE.",
        &["VMO-CREATE-20", "VMO-CREATE-28", "VMO-CREATE-24"],
        create_lacks!(ZX_RIGHT_EXECUTE),
    ),
    fault(
        CLASS,
        "create_gives_no_map",
        "A fresh VMO handle lacks MAP.",
        &["VMO-CREATE-21", "VMO-CREATE-29", "VMO-CREATE-24"],
        create_lacks!(ZX_RIGHT_MAP),
    ),
    fault(
        CLASS,
        "create_gives_no_transfer",
        "A fresh VMO handle lacks TRANSFER.",
        &["VMO-CREATE-17", "VMO-CREATE-31", "VMO-CREATE-24"],
        create_lacks!(ZX_RIGHT_TRANSFER),
    ),
    fault(
        CLASS,
        "create_gives_no_set_property",
        "A fresh VMO handle lacks SET_PROPERTY.",
        &["VMO-CREATE-23", "VMO-CREATE-33", "VMO-CREATE-24"],
        create_lacks!(ZX_RIGHT_SET_PROPERTY),
    ),
    fault(
        CLASS,
        "create_gives_the_listed_rights_only",
        "A fresh VMO handle has just the eight rights of the page.",
        &["VMO-CREATE-24"],
        create_lacks!(!0xff),
    ),
    fault(
        CLASS,
        "create_gives_no_signal",
        "A fresh VMO handle lacks SIGNAL.",
        &["VMO-CREATE-24"],
        create_lacks!(ZX_RIGHT_SIGNAL),
    ),
    fault(
        CLASS,
        "clone_gives_the_same_rights",
        "A clone's handle has just the rights of the source handle.",
        &["VMO-CLONE-20", "VMO-CLONE-21"],
        clone_gives!(|own, _| own),
    ),
    fault(
        CLASS,
        "clone_gives_no_set_property",
        "A clone's handle gets WRITE and GET_PROPERTY, but not SET_PROPERTY.",
        &["VMO-CLONE-21"],
        clone_gives!(|own, right| right & !ZX_RIGHT_SET_PROPERTY | own),
    ),
    fault(
        CLASS,
        "clone_gives_default_rights",
        "A clone's handle has the default rights, whatever the source handle has.",
        &["VMO-CLONE-21", "VMO-CLONE-23"],
        clone_gives!(|_, _| ZX_DEFAULT_VMO_RIGHTS),
    ),
    fault(
        CLASS,
        "clone_adds_map_and_execute",
        "A clone's handle has MAP and EXECUTE even when the source handle has not.",
        &["VMO-CLONE-21", "VMO-CLONE-23"],
        clone_gives!(|_, right| right | ZX_RIGHT_MAP | ZX_RIGHT_EXECUTE),
    ),
    fault(
        CLASS,
        "clone_drops_transfer",
        "A clone's handle lacks TRANSFER.",
        &["VMO-CLONE-23", "VMO-CLONE-21", "VMO-CLONE-24"],
        clone_gives!(|_, right| right & !ZX_RIGHT_TRANSFER),
    ),
    fault(
        CLASS,
        "clone_drops_wait",
        "A clone's handle lacks WAIT.",
        &["VMO-CLONE-23", "VMO-CLONE-21", "VMO-CLONE-24"],
        clone_gives!(|_, right| right & !ZX_RIGHT_WAIT),
    ),
    fault(
        CLASS,
        "duplicate_gives_the_same_rights",
        "handle_duplicate always gives the rights of the source handle.",
        &["HANDLE-DUP-03", "HANDLE-DUP-05"],
        gives!(handle_duplicate, |_, _| ZX_RIGHT_SAME_RIGHTS),
    ),
    fault(
        CLASS,
        "duplicate_masks_rights",
        "handle_duplicate gives what it can of the rights asked for.",
        &["HANDLE-DUP-05"],
        gives!(handle_duplicate, masked),
    ),
    fault(
        CLASS,
        "duplicate_adds_rights",
        "handle_duplicate gives rights that the source handle lacks.",
        &["HANDLE-DUP-05", "HANDLE-DUP-03", "HV-09"],
        calls(&[Call::handle_duplicate], |machine, call, registers| {
            let [source, asked, ..] = *registers;
            match machine.right(call, registers) {
                ZX_ERR_INVALID_ARGS => match machine.sibling(source, asked as u32) {
                    Some(donor) => machine.with(call, registers, 0, donor),
                    None => ZX_ERR_INVALID_ARGS,
                },
                status => status,
            }
        }),
    ),
    fault(
        CLASS,
        "duplicate_refuses_all_rights_spelt_out",
        "handle_duplicate wants a proper subset of the rights.",
        &["HANDLE-DUP-04"],
        gives!(handle_duplicate, |asked, own| if asked == own { 1 << 30 } else { asked }),
    ),
    fault(
        CLASS,
        "duplicate_refuses_no_rights",
        "handle_duplicate refuses to make a handle without rights.",
        &["HANDLE-DUP-07"],
        gives!(handle_duplicate, |asked, _| if asked == 0 { 1 << 30 } else { asked }),
    ),
    fault(
        CLASS,
        "duplicate_takes_same_rights_with_others",
        "handle_duplicate takes SAME_RIGHTS with another bit for SAME_RIGHTS.",
        &["HANDLE-DUP-06"],
        gives!(handle_duplicate, same_if_asked),
    ),
    fault(
        CLASS,
        "duplicate_loses_execute",
        "handle_duplicate with SAME_RIGHTS drops EXECUTE.",
        &["HANDLE-DUP-02"],
        gives!(handle_duplicate, same_but_execute),
    ),
    fault(
        CLASS,
        "duplicate_drops_duplicate",
        "handle_duplicate gives a handle that cannot be duplicated again.",
        &["HANDLE-DUP-02", "HANDLE-DUP-03"],
        gives!(handle_duplicate, |asked, own| {
            let asked = if asked == ZX_RIGHT_SAME_RIGHTS { own } else { asked };
            asked & !ZX_RIGHT_DUPLICATE
        }),
    ),
    fault(
        CLASS,
        "replace_gives_the_same_rights",
        "handle_replace always keeps the rights.",
        &["HANDLE-REPLACE-01", "HANDLE-REPLACE-03"],
        gives!(handle_replace, |_, _| ZX_RIGHT_SAME_RIGHTS),
    ),
    fault(
        CLASS,
        "replace_masks_rights",
        "handle_replace gives what it can of the rights asked for.",
        &["HANDLE-REPLACE-03"],
        gives!(handle_replace, masked),
    ),
    fault(
        CLASS,
        "replace_takes_same_rights_with_others",
        "handle_replace takes SAME_RIGHTS with another bit for SAME_RIGHTS.",
        &["HANDLE-REPLACE-11"],
        gives!(handle_replace, same_if_asked),
    ),
    fault(
        CLASS,
        "replace_loses_execute",
        "handle_replace with SAME_RIGHTS drops EXECUTE.",
        &["HANDLE-REPLACE-02"],
        gives!(handle_replace, same_but_execute),
    ),
    fault(
        CLASS,
        "mappings_forget_the_vmo_handles_rights",
        "vmar_protect may grant what the VMO handle of vmar_map had no right for.",
        &["VMAR-PROTECT-03", "VMAR-MAP-45"],
        calls(&[Call::vmar_map], |machine, call, registers| {
            map_remembering(machine, call, registers, 2)
        }),
    ),
    fault(
        CLASS,
        "mappings_forget_the_region_handles_rights",
        "vmar_protect may grant what the region handle of vmar_map had no right for.",
        &["VMAR-PROTECT-04", "VMAR-MAP-45"],
        calls(&[Call::vmar_map], |machine, call, registers| {
            map_remembering(machine, call, registers, 0)
        }),
    ),
    fault(
        CLASS,
        "mappings_can_do_what_they_do",
        "vmar_protect may grant only what the mapping was made with.",
        &["VMAR-MAP-45", "VMAR-PROTECT-01"],
        calls(&[Call::vmar_protect], |machine, call, registers| {
            let [_, address, len, flags, ..] = *registers;
            let end = address.saturating_add(len.max(PAGE));
            let touched = machine.notes().mappings.iter().any(|mapped| {
                mapped.overlaps(&(address..end)) && flags & 7 & !mapped.flags != 0
            });
            match machine.rights(registers[0]) {
                rights if touched && rights & (flags as u32 & 7) << 2 == (flags as u32 & 7) << 2 => {
                    vmo_abi::ZX_ERR_ACCESS_DENIED
                }
                _ => machine.right(call, registers),
            }
        }),
    ),
    fault(
        CLASS,
        "region_handles_have_every_right",
        "vmar_allocate gives READ, WRITE and EXECUTE, whatever the region may hold.",
        &["VMAR-ALLOC-04", "VMAR-ALLOC-02"],
        calls(&[Call::vmar_allocate], |machine, call, registers| {
            let all = registers[3] | 7 << 7;
            if machine.rights(registers[0]) & 0x1c == 0x1c {
                machine.with(call, registers, 3, all)
            } else {
                machine.right(call, registers)
            }
        }),
    ),
    fault(
        CLASS,
        "region_handles_lack_execute",
        "vmar_allocate never gives EXECUTE.",
        &["VMAR-ALLOC-04"],
        calls(&[Call::vmar_allocate], |machine, call, registers| {
            let status = machine.right(call, registers);
            if status == ZX_OK
                && let Some(region) = machine.word(registers[4])
            {
                let rights = machine.rights(region.into());
                machine.restrict(registers[4], rights & !ZX_RIGHT_EXECUTE);
            }
            status
        }),
    ),
];
