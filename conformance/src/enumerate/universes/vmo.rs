//! What VMOs hold: sizes, bytes, clones, committed pages.

use vmo_abi::Syscall::{
    handle_close, object_get_info, object_wait_one, vmo_clone, vmo_create, vmo_get_size,
    vmo_op_range, vmo_read, vmo_set_cache_policy, vmo_set_size, vmo_write,
};
use vmo_abi::{ZX_INFO_PROCESS_VMOS, ZX_VMO_ZERO_CHILDREN};

use super::{
    BEYOND_32_BITS, PAGE, SCRATCH, TOP, bad_places, data, handle, masks, no_vmo, numbers, starts,
};
use crate::enumerate::universe::{Pick, Shape, Universe};
use crate::program::{Address, Handle, Part, Value};

const STARTS: &str = "\
program nothing

program one-vmo
  v0 = vmo_create(size=0x2000, options=0)
  vmo_write(handle=v0, buffer=seq(1, 16), offset=0xff8, buffer_size=16)

program clone
  v0 = vmo_create(size=0x2000, options=0)
  vmo_write(handle=v0, buffer=seq(1, 16), offset=0xff8, buffer_size=16)
  v1 = vmo_clone(handle=v0, options=COPY_ON_WRITE, offset=0, size=0x2000)

program clone-of-clone
  v0 = vmo_create(size=0x3000, options=0)
  vmo_write(handle=v0, buffer=seq(1, 16), offset=0xff8, buffer_size=16)
  vmo_write(handle=v0, buffer=seq(17, 16), offset=0x1ff8, buffer_size=16)
  v1 = vmo_clone(handle=v0, options=COPY_ON_WRITE, offset=0x1000, size=0x2000)
  v2 = vmo_clone(handle=v1, options=COPY_ON_WRITE, offset=0x1000, size=0x2000)
";

/// Bytes that `ZX_INFO_PROCESS_VMOS` stores for four VMOs.
const FOUR_VMOS: u64 = 4 * 104;

pub(super) fn universe() -> Universe {
    Universe {
        name: "vmo",
        about: "what VMOs hold: sizes, bytes, clones, committed pages",
        starts: starts(STARTS),
        shapes: [making(), contents(), ranges(), looking()].concat(),
    }
}

fn making() -> Vec<Shape> {
    vec![
        Shape::call(vmo_create)
            .with(
                "size",
                numbers([0, 1, 2 * PAGE]),
                numbers([PAGE, PAGE + 1, BEYOND_32_BITS + 1, 1 << 63, TOP, TOP + 1, u64::MAX]),
            )
            .with("options", masks([0]), masks([1, 1 << 16, 1 << 31]))
            .with("out", [SCRATCH], bad_places()),
        Shape::call(vmo_clone)
            .with("handle", [Pick::Vmo], no_vmo())
            .with("options", masks([1]), masks([0, 2, 3, 1 << 16 | 1]))
            .with("offset", numbers([0, PAGE]), numbers([1, BEYOND_32_BITS, TOP, u64::MAX]))
            .with(
                "size",
                numbers([1, 2 * PAGE]),
                numbers([0, BEYOND_32_BITS + 1, TOP, TOP + 1, u64::MAX]),
            )
            .with("out", [SCRATCH], bad_places()),
        Shape::call(handle_close).with(
            "handle",
            [Pick::Vmo],
            [handle(Handle::Invalid), Pick::Closed],
        ),
    ]
}

fn contents() -> Vec<Shape> {
    let offsets = numbers([2 * PAGE, 2 * PAGE + 1, BEYOND_32_BITS, TOP, u64::MAX]);
    vec![
        Shape::call(vmo_read)
            .with("handle", [Pick::Vmo], no_vmo())
            .with("buffer", [SCRATCH], bad_places())
            .with("offset", numbers([PAGE - 2, 0]), offsets.clone())
            .with(
                "buffer_size",
                numbers([4]),
                numbers([0, PAGE + 1, BEYOND_32_BITS + 4, u64::MAX]),
            ),
        Shape::call(vmo_write)
            .with("handle", [Pick::Vmo], no_vmo())
            .with(
                "buffer",
                [data([Part::Seq(0x41, 4)])],
                [
                    data([Part::Fill(0x61, PAGE)]),
                    Pick::Value(Value::Address(Address::Null)),
                    Pick::Value(Value::Address(Address::ReadOnly)),
                    Pick::Value(Value::Address(Address::Kernel)),
                ],
            )
            .with("offset", numbers([PAGE - 2, 0]), offsets)
            .with("buffer_size", [Pick::Fitting], numbers([0, BEYOND_32_BITS + 4, u64::MAX])),
        Shape::call(vmo_set_size).with("handle", [Pick::Vmo], no_vmo()).with(
            "size",
            numbers([0, 1, 3 * PAGE]),
            numbers([PAGE, PAGE + 1, 2 * PAGE, BEYOND_32_BITS + 1, TOP, TOP + 1, u64::MAX]),
        ),
    ]
}

fn ranges() -> Vec<Shape> {
    let page = |range: Shape| {
        range
            .with("handle", [Pick::Vmo], no_vmo())
            .with(
                "offset",
                numbers([0, PAGE]),
                numbers([1, 2 * PAGE, 3 * PAGE, BEYOND_32_BITS, TOP, u64::MAX]),
            )
            .with(
                "size",
                numbers([1, 2 * PAGE]),
                numbers([0, PAGE, BEYOND_32_BITS + 1, TOP, u64::MAX]),
            )
    };
    vec![
        page(Shape::call(vmo_op_range)).with("op", numbers([1, 2]), []),
        page(Shape::call(vmo_op_range)).with("op", numbers([6]), numbers([7, 8, 9])),
        Shape::call(vmo_op_range)
            .with("handle", [Pick::Vmo], no_vmo())
            .with("op", numbers([3]), numbers([0, 4, 5, 10, 1 << 4 | 1, 1 << 31]))
            .with("size", numbers([PAGE]), numbers([u64::MAX]))
            .with(
                "buffer",
                [Pick::Value(Value::Address(Address::Null))],
                [Pick::Value(Value::Address(Address::Kernel))],
            ),
        Shape::call(vmo_set_cache_policy).with("handle", [Pick::Vmo], no_vmo()).with(
            "cache_policy",
            numbers([1]),
            numbers([0, 2, 3, 4, 5, 1 << 31]),
        ),
    ]
}

fn looking() -> Vec<Shape> {
    vec![
        Shape::call(vmo_get_size)
            .with("handle", [Pick::Vmo], no_vmo())
            .with("size", [SCRATCH], bad_places())
            .looking(),
        Shape::call(vmo_read)
            .with("handle", [Pick::Vmo], [])
            .with("offset", numbers([PAGE - 4, 2 * PAGE - 4, 0]), [])
            .with("buffer_size", numbers([8]), [])
            .looking(),
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
