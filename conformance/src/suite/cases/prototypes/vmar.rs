//! Prototypes of the calls on regions.

use vmo_abi::Capability::{Mapping, Regions};
use vmo_abi::{
    Syscall, ZX_RIGHT_EXECUTE, ZX_RIGHT_MAP, ZX_RIGHT_READ, ZX_RIGHT_WRITE,
    ZX_VM_FLAG_CAN_MAP_EXECUTE, ZX_VM_FLAG_CAN_MAP_READ, ZX_VM_FLAG_CAN_MAP_WRITE,
    ZX_VM_FLAG_PERM_EXECUTE, ZX_VM_FLAG_PERM_READ, ZX_VM_FLAG_SPECIFIC, zx_rights_t,
};

use super::{Clauses, Object, PLAIN, Prototype, REGION_PAGES, bad_handle, effects, number};
use crate::program::{Address, Handle, Value};
use crate::suite::{Checked, Context, PAGE, READ_ONLY, READ_WRITE};

const READ_EXECUTE: u32 = ZX_VM_FLAG_PERM_READ | ZX_VM_FLAG_PERM_EXECUTE;

fn map(vmar: Handle, vmo: Handle, flags: u32) -> Vec<Value> {
    vec![
        vmar.into(),
        number(0_u64),
        vmo.into(),
        number(0_u64),
        number(PAGE),
        number(flags),
        Value::Scratch,
    ]
}

fn map_fresh_vmo(cx: &mut Context<'_>, vmar: Handle, flags: u32) -> Checked<Vec<Value>> {
    let vmo = cx.create(PAGE)?;
    Ok(map(vmar, vmo, flags))
}

/// Maps a fresh page in the middle of a region, where it is in nobody's way.
fn map_in_the_middle(
    cx: &mut Context<'_>,
    region: Handle,
    vmo: Handle,
    flags: u32,
) -> Checked<Address> {
    let flags = flags | ZX_VM_FLAG_SPECIFIC;
    let answer = cx.vmar_map(region, REGION_PAGES / 2 * PAGE, vmo, 0, PAGE, flags)?;
    Ok(answer.ok()?.address())
}

/// Arguments of `vmar_protect` for a page that the VMO has and nobody has
/// loaded from through the mapping, so that allowing stores is no hazard.
fn protect(
    cx: &mut Context<'_>,
    full: Handle,
    used: Handle,
    before: u32,
    after: u32,
) -> Checked<Vec<Value>> {
    let vmo = cx.create_filled(PAGE, 0x50)?;
    let address = map_in_the_middle(cx, full, vmo, READ_WRITE | READ_EXECUTE)?;
    cx.vmar_protect(full, address, PAGE, before)?.ok()?;
    Ok(vec![used.into(), Value::Address(address), number(PAGE), number(after)])
}

/// Arguments of `vmar_allocate` that take up the whole region.
fn allocate(used: Handle, flags: u32) -> Vec<Value> {
    vec![
        used.into(),
        number(0_u64),
        number(REGION_PAGES * PAGE),
        number(flags),
        Value::Scratch,
        Value::Scratch,
    ]
}

const MAP_DENIED: &[(zx_rights_t, Clauses)] = &[
    (ZX_RIGHT_MAP, &["VMAR-MAP-05"]),
    (ZX_RIGHT_READ, &["VMAR-MAP-07"]),
    (ZX_RIGHT_WRITE, &["VMAR-MAP-08"]),
    (ZX_RIGHT_EXECUTE, &["VMAR-MAP-09"]),
];

/// The VMO of `vmar_map`.
const MAP_VMO: Prototype = Prototype {
    name: "vmar_map_vmo",
    syscall: Syscall::vmar_map,
    position: 2,
    needs: &[Mapping],
    rights: ZX_RIGHT_MAP | ZX_RIGHT_READ,
    bad_handle: bad_handle!("VMAR-MAP-02"),
    wrong_type: &["VMAR-MAP-03", "TYPE-05"],
    denied: MAP_DENIED,
    enough: &["VMAR-MAP-05", "VMAR-MAP-07"],
    effect: &effects::IN_USE,
    arguments: |_, _, used| Ok(map(Handle::Region, used, READ_ONLY)),
    ..PLAIN
};

/// The region of `vmar_map`.
const MAP_VMAR: Prototype = Prototype {
    name: "vmar_map_vmar",
    syscall: Syscall::vmar_map,
    object: Object::Region,
    needs: &[Mapping],
    rights: ZX_RIGHT_READ,
    bad_handle: bad_handle!("VMAR-MAP-02"),
    wrong_type: &["VMAR-MAP-03", "TYPE-05"],
    denied: MAP_DENIED,
    enough: &["VMAR-MAP-07"],
    effect: &effects::MAPPED_IN_USE,
    arguments: |cx, _, used| map_fresh_vmo(cx, used, READ_ONLY),
    ..PLAIN
};

const PROTECT: Prototype = Prototype {
    name: "vmar_protect",
    syscall: Syscall::vmar_protect,
    object: Object::Region,
    needs: &[Mapping],
    rights: ZX_RIGHT_READ,
    rights_first: true,
    bad_handle: bad_handle!("VMAR-PROTECT-13"),
    wrong_type: &["VMAR-PROTECT-13"],
    denied: &[(ZX_RIGHT_READ | ZX_RIGHT_WRITE | ZX_RIGHT_EXECUTE, &["VMAR-PROTECT-02"])],
    enough: &["VMAR-PROTECT-02"],
    effect: &effects::STORABLE,
    arguments: |cx, full, used| protect(cx, full, used, READ_WRITE, READ_ONLY),
    ..PLAIN
};

const ALLOCATE: Prototype = Prototype {
    name: "vmar_allocate",
    syscall: Syscall::vmar_allocate,
    object: Object::Region,
    needs: &[Regions],
    rights: ZX_RIGHT_READ,
    rights_first: true,
    bad_handle: bad_handle!(),
    wrong_type: &["TYPE-06"],
    denied: &[(ZX_RIGHT_READ | ZX_RIGHT_WRITE | ZX_RIGHT_EXECUTE, &["VMAR-ALLOC-03"])],
    enough: &["VMAR-ALLOC-03"],
    effect: &effects::ROOM,
    arguments: |_, _, used| Ok(allocate(used, ZX_VM_FLAG_CAN_MAP_READ)),
    ..PLAIN
};

pub(super) static PROTOTYPES: &[Prototype] = &[
    MAP_VMO,
    MAP_VMAR,
    Prototype {
        name: "vmar_unmap",
        syscall: Syscall::vmar_unmap,
        object: Object::Region,
        needs: &[Mapping],
        bad_handle: bad_handle!("VMAR-UNMAP-11"),
        wrong_type: &["VMAR-UNMAP-11", "TYPE-05"],
        enough: &["VMAR-UNMAP-14"],
        effect: &effects::LOADABLE,
        arguments: |cx, full, used| {
            let vmo = cx.create(PAGE)?;
            let address = map_in_the_middle(cx, full, vmo, READ_ONLY)?;
            Ok(vec![used.into(), Value::Address(address), number(PAGE)])
        },
        ..PLAIN
    },
    PROTECT,
    ALLOCATE,
    Prototype {
        name: "vmar_destroy",
        syscall: Syscall::vmar_destroy,
        object: Object::Region,
        needs: &[Regions],
        bad_handle: bad_handle!("VMAR-DESTROY-04"),
        wrong_type: &["VMAR-DESTROY-04", "TYPE-05"],
        enough: &["VMAR-DESTROY-05"],
        effect: &effects::ROOM,
        ..PLAIN
    },
];

pub(super) static VARIANTS: &[Prototype] = &[
    Prototype {
        name: "vmar_map_vmo_without_permissions",
        rights: ZX_RIGHT_MAP,
        enough: &["VMAR-MAP-11"],
        arguments: |_, _, used| Ok(map(Handle::Region, used, 0)),
        ..MAP_VMO
    },
    Prototype {
        name: "vmar_map_vmo_for_writing",
        rights: ZX_RIGHT_MAP | ZX_RIGHT_READ | ZX_RIGHT_WRITE,
        enough: &["VMAR-MAP-05", "VMAR-MAP-07", "VMAR-MAP-08"],
        arguments: |_, _, used| Ok(map(Handle::Region, used, READ_WRITE)),
        ..MAP_VMO
    },
    Prototype {
        name: "vmar_map_vmo_for_executing",
        rights: ZX_RIGHT_MAP | ZX_RIGHT_READ | ZX_RIGHT_EXECUTE,
        enough: &["VMAR-MAP-05", "VMAR-MAP-07", "VMAR-MAP-09"],
        arguments: |_, _, used| Ok(map(Handle::Region, used, READ_EXECUTE)),
        ..MAP_VMO
    },
    Prototype {
        name: "vmar_map_vmo_for_everything",
        rights: ZX_RIGHT_MAP | ZX_RIGHT_READ | ZX_RIGHT_WRITE | ZX_RIGHT_EXECUTE,
        enough: &["VMAR-MAP-05", "VMAR-MAP-07", "VMAR-MAP-08", "VMAR-MAP-09"],
        arguments: |_, _, used| Ok(map(Handle::Region, used, READ_WRITE | READ_EXECUTE)),
        ..MAP_VMO
    },
    Prototype {
        name: "vmar_map_vmar_without_permissions",
        rights: 0,
        enough: &["VMAR-MAP-47"],
        arguments: |cx, _, used| map_fresh_vmo(cx, used, 0),
        ..MAP_VMAR
    },
    Prototype {
        name: "vmar_map_vmar_for_writing",
        rights: ZX_RIGHT_READ | ZX_RIGHT_WRITE,
        enough: &["VMAR-MAP-07", "VMAR-MAP-08"],
        arguments: |cx, _, used| map_fresh_vmo(cx, used, READ_WRITE),
        ..MAP_VMAR
    },
    Prototype {
        name: "vmar_map_vmar_for_executing",
        rights: ZX_RIGHT_READ | ZX_RIGHT_EXECUTE,
        enough: &["VMAR-MAP-07", "VMAR-MAP-09"],
        arguments: |cx, _, used| map_fresh_vmo(cx, used, READ_EXECUTE),
        ..MAP_VMAR
    },
    Prototype {
        name: "vmar_protect_for_writing",
        rights: ZX_RIGHT_READ | ZX_RIGHT_WRITE,
        arguments: |cx, full, used| protect(cx, full, used, READ_ONLY, READ_WRITE),
        ..PROTECT
    },
    Prototype {
        name: "vmar_protect_for_executing",
        rights: ZX_RIGHT_READ | ZX_RIGHT_EXECUTE,
        arguments: |cx, full, used| protect(cx, full, used, READ_WRITE, READ_EXECUTE),
        ..PROTECT
    },
    Prototype {
        name: "vmar_allocate_without_permissions",
        rights: 0,
        arguments: |_, _, used| Ok(allocate(used, 0)),
        ..ALLOCATE
    },
    Prototype {
        name: "vmar_allocate_for_writing",
        rights: ZX_RIGHT_WRITE,
        arguments: |_, _, used| Ok(allocate(used, ZX_VM_FLAG_CAN_MAP_WRITE)),
        ..ALLOCATE
    },
    Prototype {
        name: "vmar_allocate_for_executing",
        rights: ZX_RIGHT_EXECUTE,
        arguments: |_, _, used| Ok(allocate(used, ZX_VM_FLAG_CAN_MAP_EXECUTE)),
        ..ALLOCATE
    },
    Prototype {
        name: "vmar_allocate_for_everything",
        rights: ZX_RIGHT_READ | ZX_RIGHT_WRITE | ZX_RIGHT_EXECUTE,
        arguments: |_, _, used| {
            let flags = ZX_VM_FLAG_CAN_MAP_READ | ZX_VM_FLAG_CAN_MAP_WRITE;
            Ok(allocate(used, flags | ZX_VM_FLAG_CAN_MAP_EXECUTE))
        },
        ..ALLOCATE
    },
];
