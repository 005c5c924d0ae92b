//! What handles allow, and what objects tell: rights, names, signals, facts.

use vmo_abi::Syscall::{
    channel_create, channel_read, channel_write, event_create, handle_close, handle_close_many,
    handle_duplicate, handle_replace, object_get_info, object_get_property, object_set_property,
    object_signal, object_signal_peer, object_wait_many, object_wait_one, vmo_clone, vmo_create,
    vmo_get_size, vmo_op_range, vmo_read, vmo_set_cache_policy, vmo_set_size, vmo_write,
};
use vmo_abi::{
    ZX_DEFAULT_VMO_RIGHTS, ZX_INFO_HANDLE_BASIC, ZX_INFO_HANDLE_COUNT, ZX_INFO_HANDLE_VALID,
    ZX_INFO_PROCESS_VMOS, ZX_PROP_NAME, ZX_RIGHT_DUPLICATE, ZX_RIGHT_EXECUTE,
    ZX_RIGHT_GET_PROPERTY, ZX_RIGHT_INSPECT, ZX_RIGHT_READ, ZX_RIGHT_SAME_RIGHTS,
    ZX_RIGHT_SET_PROPERTY, ZX_RIGHT_SIGNAL, ZX_RIGHT_TRANSFER, ZX_RIGHT_WAIT, ZX_RIGHT_WRITE,
    ZX_SIGNAL_HANDLE_CLOSED, ZX_TIME_INFINITE, ZX_USER_SIGNAL_0, ZX_USER_SIGNAL_7,
    ZX_VMO_ZERO_CHILDREN,
};

use super::{
    BEYOND_32_BITS, PAGE, SCRATCH, at, bad_places, data, handle, items, masks, numbers, starts,
};
use crate::enumerate::universe::{Pick, Shape, Universe};
use crate::program::{Address, Handle, Part};

const STARTS: &str = "\
program nothing

program named-vmo
  v0 = vmo_create(size=0x1000, options=0)
  object_set_property(handle=v0, property=NAME, value=hex(616263ff00), value_size=5)
  object_signal(handle=v0, clear_mask=0, set_mask=USER_1)

program clone
  v0 = vmo_create(size=0x1000, options=0)
  object_set_property(handle=v0, property=NAME, value=hex(616200), value_size=3)
  v1 = vmo_clone(handle=v0, options=COPY_ON_WRITE, offset=0, size=0x1000)

program event
  v0 = vmo_create(size=0x1000, options=0)
  e0 = event_create(options=0)

program channel
  v0 = vmo_create(size=0x1000, options=0)
  c0, c1 = channel_create(options=0)
";

const ALL: u32 = ZX_DEFAULT_VMO_RIGHTS;
const ENTRY: u64 = 104;
/// The name of the longest kind, 31 bytes and a NUL.
const LONGEST_NAME: u64 = 32;

pub(super) fn universe() -> Universe {
    Universe {
        name: "handles",
        about: "what handles allow, and what objects tell: rights, names, signals, facts",
        starts: starts(STARTS),
        shapes: [copying(), closing(), others(), telling(), signals(), using()].concat(),
    }
}

fn any() -> [Pick; 1] {
    [Pick::Vmo]
}

fn bad() -> [Pick; 5] {
    let invalid = [Handle::Invalid, Handle::Never].map(handle);
    let [zero, never] = invalid;
    [zero, never, Pick::Closed, handle(Handle::Process), Pick::Other]
}

/// Values that name nothing. Whoever closes a handle to the process can test no
/// more.
fn gone() -> [Pick; 3] {
    [handle(Handle::Invalid), handle(Handle::Never), Pick::Closed]
}

fn copying() -> Vec<Shape> {
    let less = |right: u32| ALL & !right;
    let rights = masks([
        ZX_RIGHT_SAME_RIGHTS,
        less(ZX_RIGHT_READ),
        less(ZX_RIGHT_WRITE),
        less(ZX_RIGHT_DUPLICATE | ZX_RIGHT_EXECUTE),
        less(ZX_RIGHT_GET_PROPERTY | ZX_RIGHT_SET_PROPERTY | ZX_RIGHT_TRANSFER),
        less(ZX_RIGHT_SIGNAL | ZX_RIGHT_WAIT | ZX_RIGHT_INSPECT),
    ]);
    let odd = masks([
        0,
        ALL,
        ALL | 1 << 8,
        1 << 20,
        1 << 16 | ALL,
        ZX_RIGHT_SAME_RIGHTS | ZX_RIGHT_READ,
        u32::MAX,
    ]);
    vec![
        Shape::call(handle_duplicate)
            .with("handle", any(), bad())
            .with("rights", rights, odd.clone())
            .with("out", [SCRATCH], bad_places()),
        Shape::call(handle_replace)
            .with("handle", any(), gone())
            .with("rights", masks([ZX_RIGHT_SAME_RIGHTS, less(ZX_RIGHT_DUPLICATE)]), odd)
            .with("out", [SCRATCH], bad_places()),
    ]
}

fn closing() -> Vec<Shape> {
    let (vmo, zero) = (|| Pick::Vmo, || handle(Handle::Invalid));
    vec![
        Shape::call(handle_close).with("handle", any(), gone()),
        Shape::call(handle_close).with("handle", [Pick::Other], []),
        Shape::call(handle_close_many)
            .with(
                "handles",
                [
                    Pick::Handles(vec![vmo(), vmo()]),
                    Pick::Handles(vec![zero(), vmo()]),
                    Pick::Handles(vec![Pick::Closed, vmo()]),
                ],
                [Pick::Handles(vec![vmo()]), at(Address::Null), at(Address::Kernel)],
            )
            .with("num_handles", [Pick::Fitting], numbers([0, 1])),
    ]
}

fn others() -> Vec<Shape> {
    vec![
        Shape::call(vmo_create)
            .with("size", numbers([PAGE]), [])
            .with("options", masks([0]), masks([1]))
            .with("out", [SCRATCH], bad_places()),
        Shape::call(event_create).with("out", [SCRATCH], bad_places()),
        Shape::call(channel_create).with("out0", [SCRATCH], bad_places()),
        Shape::call(channel_write)
            .with("handle", [Pick::Other], [])
            .with("bytes", [data([])], [])
            .with("handles", [Pick::Handles(vec![Pick::Vmo])], []),
        Shape::call(channel_read)
            .with("handle", [Pick::Other], [])
            .with("num_handles", numbers([1]), [])
            .with("num_bytes", numbers([0]), []),
    ]
}

fn telling() -> Vec<Shape> {
    let name = u64::from(ZX_PROP_NAME);
    let topics = || numbers([0, 7, 3, 10, 99, BEYOND_32_BITS - 1]);
    let buffers = || [at(Address::Null), at(Address::ReadOnly), at(Address::Kernel)];
    vec![
        Shape::call(object_set_property)
            .with("handle", any(), bad())
            .with("property", numbers([name]), numbers([0, 5, 99]))
            .with(
                "value",
                [
                    data([Part::Seq(0x61, 3)]),
                    data([Part::Hex(vec![0x78, 0, 0x79])]),
                    data([Part::Seq(0x41, LONGEST_NAME)]),
                ],
                [data([]), data([Part::Hex(vec![7, 0xc3, 0x28])]), data([Part::Fill(0x7a, 40)])]
                    .into_iter()
                    .chain(buffers()),
            )
            .with("value_size", [Pick::Fitting], numbers([0, 1, 31, BEYOND_32_BITS + 3])),
        Shape::call(object_get_property)
            .with("handle", any(), bad())
            .with("property", numbers([name]), numbers([0, 5, 99]))
            .with("value", [SCRATCH], buffers())
            .with(
                "value_size",
                numbers([LONGEST_NAME]),
                numbers([0, 3, 31, 33, BEYOND_32_BITS + 1]),
            )
            .looking(),
        Shape::call(object_get_info)
            .with("handle", any(), bad())
            .with("topic", masks([ZX_INFO_HANDLE_BASIC]), topics())
            .with("buffer", [SCRATCH], buffers())
            .with("buffer_size", numbers([32]), numbers([0, 31, 33, BEYOND_32_BITS]))
            .with("actual", [SCRATCH], [at(Address::Null), at(Address::Kernel)])
            .with("avail", [SCRATCH], [at(Address::Null), at(Address::Kernel)])
            .looking(),
        Shape::call(object_get_info)
            .with("handle", any(), bad())
            .with("topic", masks([ZX_INFO_HANDLE_COUNT]), [])
            .with("buffer_size", numbers([4]), numbers([0, 3, 8]))
            .looking(),
        Shape::call(object_get_info)
            .with("handle", any(), bad())
            .with("topic", masks([ZX_INFO_HANDLE_VALID]), [])
            .with("buffer_size", numbers([0]), numbers([8]))
            .odd_at_once(1),
        Shape::call(object_get_info)
            .with("handle", [handle(Handle::Observed)], [handle(Handle::Process), Pick::Vmo])
            .with("topic", masks([ZX_INFO_PROCESS_VMOS]), [])
            .with("buffer_size", numbers([4 * ENTRY]), numbers([0, ENTRY]))
            .odd_at_once(1)
            .looking(),
    ]
}

fn signals() -> Vec<Shape> {
    let masks_of_signals = || {
        masks([
            0,
            ZX_VMO_ZERO_CHILDREN,
            ZX_USER_SIGNAL_0 | ZX_VMO_ZERO_CHILDREN,
            ZX_SIGNAL_HANDLE_CLOSED,
            1 << 25,
        ])
    };
    let waits = ZX_VMO_ZERO_CHILDREN | ZX_USER_SIGNAL_0;
    let many = |count: usize| {
        let first = std::iter::once((Pick::Vmo, waits));
        Pick::Items(first.chain(vec![(Pick::Same, waits); count - 1]).collect())
    };
    vec![
        Shape::call(object_signal)
            .with("handle", any(), bad())
            .with("clear_mask", masks([0, ZX_USER_SIGNAL_0]), masks_of_signals())
            .with("set_mask", masks([ZX_USER_SIGNAL_0, ZX_USER_SIGNAL_7]), masks_of_signals()),
        Shape::call(object_signal_peer).with("handle", any(), bad()).with(
            "set_mask",
            masks([ZX_USER_SIGNAL_0]),
            masks([ZX_VMO_ZERO_CHILDREN]),
        ),
        Shape::call(object_wait_one)
            .with("handle", any(), bad())
            .with("signals", masks([u32::MAX]), masks([0, ZX_VMO_ZERO_CHILDREN, ZX_USER_SIGNAL_0]))
            .with("deadline", numbers([0]), numbers([1]))
            .with("observed", [SCRATCH], [at(Address::Null), at(Address::Kernel)])
            .looking(),
        Shape::call(object_wait_many)
            .with(
                "items",
                [
                    items([(Pick::Vmo, waits)]),
                    items([(Pick::Vmo, waits), (Pick::Vmo, ZX_USER_SIGNAL_7)]),
                ],
                [
                    items([(Pick::Vmo, waits), (handle(Handle::Invalid), waits)]),
                    items([]),
                    at(Address::Kernel),
                    many(9),
                    many(16),
                    many(17),
                ],
            )
            .with("count", [Pick::Fitting], numbers([17])),
        // What is so already ends a wait at once.
        Shape::call(object_wait_one)
            .with("handle", [handle(Handle::Invalid), Pick::Closed], [])
            .with("signals", masks([ZX_VMO_ZERO_CHILDREN]), [])
            .with("deadline", numbers([ZX_TIME_INFINITE]), []),
    ]
}

/// Each other call on a VMO once, as far as it needs rights.
fn using() -> Vec<Shape> {
    let on = |shape: Shape| shape.with("handle", any(), [Pick::Other]).odd_at_once(2);
    let beyond = || numbers([u64::MAX]);
    vec![
        on(Shape::call(vmo_read)).with("buffer_size", numbers([1]), beyond()).with(
            "buffer",
            [SCRATCH],
            [at(Address::Kernel)],
        ),
        on(Shape::call(vmo_write))
            .with("buffer", [data([Part::Fill(0x55, 1)])], [at(Address::Kernel)])
            .with("offset", numbers([0]), beyond()),
        on(Shape::call(vmo_get_size)).with("size", [SCRATCH], [at(Address::Kernel)]),
        on(Shape::call(vmo_set_size)).with("size", numbers([2 * PAGE]), beyond()),
        on(Shape::call(vmo_clone))
            .with("options", masks([1]), masks([0]))
            .with("offset", numbers([0]), numbers([1]))
            .with("size", numbers([PAGE]), beyond())
            .with("out", [SCRATCH], [at(Address::Kernel)]),
        on(Shape::call(vmo_op_range))
            .with("op", numbers([1, 2, 6]), numbers([0, 3, 7, 8, 9]))
            .with("size", numbers([PAGE]), beyond()),
        on(Shape::call(vmo_set_cache_policy)).with("cache_policy", numbers([1]), numbers([0, 4])),
    ]
}
