//! Mappings and regions: places, permissions, loads and stores.

use vmo_abi::Syscall::{
    handle_close, handle_duplicate, object_get_info, object_wait_one, vmar_allocate, vmar_destroy,
    vmar_map, vmar_protect, vmar_unmap, vmo_clone, vmo_create, vmo_get_size, vmo_op_range,
    vmo_read, vmo_set_size, vmo_write,
};
use vmo_abi::{
    ZX_DEFAULT_VMO_RIGHTS, ZX_INFO_PROCESS_VMOS, ZX_RIGHT_EXECUTE, ZX_RIGHT_MAP, ZX_RIGHT_WRITE,
    ZX_VM_FLAG_CAN_MAP_READ, ZX_VM_FLAG_CAN_MAP_SPECIFIC, ZX_VM_FLAG_CAN_MAP_WRITE,
    ZX_VM_FLAG_COMPACT, ZX_VM_FLAG_MAP_RANGE, ZX_VM_FLAG_PERM_EXECUTE, ZX_VM_FLAG_PERM_READ,
    ZX_VM_FLAG_PERM_WRITE, ZX_VM_FLAG_SPECIFIC, ZX_VM_FLAG_SPECIFIC_OVERWRITE,
    ZX_VMO_ZERO_CHILDREN,
};

use super::{
    BEYOND_32_BITS, PAGE, SCRATCH, TOP, at, bad_places, data, handle, masks, numbers, region,
    starts,
};
use crate::enumerate::universe::{Pick, Shape, Universe};
use crate::program::{Address, Handle, Part};

const STARTS: &str = "\
program vmo
  v0 = vmo_create(size=0x2000, options=0)
  vmo_write(handle=v0, buffer=seq(1, 16), offset=0xff8, buffer_size=16)

program mapping
  v0 = vmo_create(size=0x2000, options=0)
  vmo_write(handle=v0, buffer=seq(1, 16), offset=0xff8, buffer_size=16)
  m0 = vmar_map(vmar=region, vmar_offset=0, vmo=v0, vmo_offset=0, len=0x3000, map_flags=PERM_READ|PERM_WRITE|SPECIFIC)

program mapped-clone
  v0 = vmo_create(size=0x2000, options=0)
  vmo_write(handle=v0, buffer=seq(1, 16), offset=0xff8, buffer_size=16)
  v1 = vmo_clone(handle=v0, options=COPY_ON_WRITE, offset=0, size=0x2000)
  m0 = vmar_map(vmar=region, vmar_offset=0, vmo=v1, vmo_offset=0, len=0x2000, map_flags=PERM_READ|PERM_WRITE|SPECIFIC)

program region
  v0 = vmo_create(size=0x2000, options=0)
  r0 = vmar_allocate(parent_vmar=region, offset=0, size=0x4000, map_flags=CAN_MAP_READ|CAN_MAP_WRITE|CAN_MAP_SPECIFIC|SPECIFIC)
";

const READ: u32 = ZX_VM_FLAG_PERM_READ;
const WRITE: u32 = ZX_VM_FLAG_PERM_WRITE;
const EXECUTE: u32 = ZX_VM_FLAG_PERM_EXECUTE;
const SPECIFIC: u32 = ZX_VM_FLAG_SPECIFIC;
const OVERWRITE: u32 = ZX_VM_FLAG_SPECIFIC_OVERWRITE;
const CAN: u32 = ZX_VM_FLAG_CAN_MAP_READ | ZX_VM_FLAG_CAN_MAP_WRITE;
const FOUR_VMOS: u64 = 4 * 104;

pub(super) fn universe() -> Universe {
    Universe {
        name: "mappings",
        about: "mappings and regions: places, permissions, loads and stores",
        starts: starts(STARTS),
        shapes: [mapping(), changing(), regions(), vmos(), looking()].concat(),
    }
}

fn own() -> [Pick; 2] {
    [handle(Handle::Region), Pick::Region]
}

fn bad() -> [Pick; 3] {
    [handle(Handle::Invalid), Pick::Closed, Pick::Vmo]
}

fn mapping() -> Vec<Shape> {
    let map = || {
        Shape::call(vmar_map).with("vmar", own(), bad()).with(
            "vmo",
            [Pick::Vmo],
            [handle(Handle::Invalid), handle(Handle::Process)],
        )
    };
    vec![
        map()
            .with("vmar_offset", numbers([0, PAGE]), numbers([1, 1 << 32, TOP]))
            .with("vmo_offset", numbers([0]), numbers([1, PAGE, 4 * PAGE, TOP]))
            .with("len", numbers([2 * PAGE]), numbers([0, 1, 1 << 32, TOP, u64::MAX]))
            .with(
                "map_flags",
                masks([READ | WRITE | SPECIFIC, READ | OVERWRITE]),
                masks([
                    SPECIFIC,
                    WRITE | SPECIFIC,
                    EXECUTE | READ | SPECIFIC,
                    READ | SPECIFIC | ZX_VM_FLAG_MAP_RANGE,
                    READ | OVERWRITE | ZX_VM_FLAG_MAP_RANGE,
                    READ | SPECIFIC | ZX_VM_FLAG_COMPACT,
                    READ | SPECIFIC | ZX_VM_FLAG_CAN_MAP_READ,
                    READ | SPECIFIC | ZX_VM_FLAG_CAN_MAP_SPECIFIC,
                    READ | SPECIFIC | 1 << 11,
                    READ,
                ]),
            )
            .with("mapped_addr", [SCRATCH], bad_places()),
    ]
}

fn changing() -> Vec<Shape> {
    let addresses = || region(&[0, PAGE]);
    let odd = || region(&[1, 2 * PAGE, 3 * PAGE, 1 << 32]).into_iter().chain([at(Address::Null)]);
    let lengths = || numbers([0, 1, 4 * PAGE, BEYOND_32_BITS + PAGE, TOP, u64::MAX]);
    vec![
        Shape::call(vmar_unmap).with("vmar", own(), bad()).with("addr", addresses(), odd()).with(
            "len",
            numbers([PAGE]),
            lengths(),
        ),
        Shape::call(vmar_protect)
            .with("vmar", own(), bad())
            .with("addr", addresses(), odd())
            .with("len", numbers([PAGE]), lengths())
            .with(
                "prot_flags",
                masks([READ, READ | WRITE]),
                masks([0, WRITE, READ | EXECUTE, READ | SPECIFIC, READ | 1 << 11]),
            ),
    ]
}

fn regions() -> Vec<Shape> {
    vec![
        Shape::call(vmar_allocate)
            .with("parent_vmar", own(), bad())
            .with("offset", numbers([PAGE]), numbers([1, 1 << 32, TOP]))
            .with("size", numbers([PAGE]), numbers([0, 1, 1 << 33, TOP, u64::MAX]))
            .with(
                "map_flags",
                masks([CAN | SPECIFIC]),
                masks([
                    SPECIFIC,
                    CAN | SPECIFIC | READ,
                    CAN | SPECIFIC | 1 << 11,
                    CAN | SPECIFIC | ZX_VM_FLAG_CAN_MAP_SPECIFIC,
                    CAN,
                ]),
            )
            .with("child_vmar", [SCRATCH], bad_places())
            .with("child_addr", [SCRATCH], bad_places()),
        Shape::call(vmar_destroy).with("vmar", [Pick::Region], bad()),
        Shape::call(handle_close).with("handle", [Pick::Region], []),
    ]
}

/// Calls on VMOs that mappings show.
fn vmos() -> Vec<Shape> {
    let less = |right: u32| ZX_DEFAULT_VMO_RIGHTS & !right;
    vec![
        Shape::call(handle_duplicate).with("handle", [Pick::Vmo], []).with(
            "rights",
            masks([less(ZX_RIGHT_WRITE | ZX_RIGHT_EXECUTE), less(ZX_RIGHT_MAP)]),
            [],
        ),
        Shape::call(handle_close).with("handle", [Pick::Vmo], []),
        Shape::call(vmo_create).with("size", numbers([PAGE]), []),
        Shape::call(vmo_clone)
            .with("handle", [Pick::Vmo], [])
            .with("options", masks([1]), [])
            .with("size", numbers([2 * PAGE]), []),
        Shape::call(vmo_set_size).with("handle", [Pick::Vmo], []).with(
            "size",
            numbers([PAGE, 3 * PAGE]),
            [],
        ),
        Shape::call(vmo_write)
            .with("handle", [Pick::Vmo], [])
            .with("buffer", [data([Part::Seq(0x41, 4)])], region(&[0]))
            .with("offset", numbers([PAGE - 2]), [])
            .with("buffer_size", [Pick::Fitting], numbers([4])),
        Shape::call(vmo_read)
            .with("handle", [Pick::Vmo], [])
            .with("buffer", region(&[0, 2 * PAGE - 2]), [])
            .with("offset", numbers([PAGE - 2]), [])
            .with("buffer_size", numbers([4]), []),
        Shape::call(vmo_op_range)
            .with("handle", [Pick::Vmo], [])
            .with("op", numbers([1, 2]), [])
            .with("size", numbers([2 * PAGE]), []),
    ]
}

fn looking() -> Vec<Shape> {
    vec![
        Shape::load(region(&[0, PAGE - 4, 2 * PAGE - 4, 3 * PAGE]), numbers([4, 8]).into())
            .looking(),
        Shape::store(region(&[PAGE - 2, 2 * PAGE]), vec![data([Part::Seq(0x61, 4)])]),
        Shape::call(vmo_read)
            .with("handle", [Pick::Vmo], [])
            .with("offset", numbers([PAGE - 4]), [])
            .with("buffer_size", numbers([8]), [])
            .looking(),
        Shape::call(vmo_get_size).with("handle", [Pick::Vmo], []).looking(),
        Shape::call(object_wait_one)
            .with("handle", [Pick::Vmo], [])
            .with("signals", masks([ZX_VMO_ZERO_CHILDREN]), [])
            .looking(),
        Shape::call(object_get_info)
            .with("handle", [handle(Handle::Observed)], [])
            .with("topic", masks([ZX_INFO_PROCESS_VMOS]), [])
            .with("buffer_size", numbers([FOUR_VMOS]), [])
            .looking(),
    ]
}
