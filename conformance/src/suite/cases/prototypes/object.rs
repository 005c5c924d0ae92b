//! Prototypes of the calls on objects of any type.

use vmo_abi::Capability::{Info, Properties, Signals};
use vmo_abi::{
    Syscall, ZX_INFO_HANDLE_BASIC, ZX_INFO_HANDLE_COUNT, ZX_INFO_HANDLE_VALID,
    ZX_INFO_PROCESS_VMOS, ZX_PROP_NAME, ZX_RIGHT_GET_PROPERTY, ZX_RIGHT_READ,
    ZX_RIGHT_SET_PROPERTY, ZX_RIGHT_SIGNAL, ZX_RIGHT_WAIT, ZX_USER_SIGNAL_0, ZX_VMO_ZERO_CHILDREN,
};

use super::{Object, PLAIN, Prototype, bad_handle, bytes, effects, number};
use crate::program::{Handle, Value};
use crate::suite::{Checked, Context};

fn info(used: Handle, topic: u32, size: u64) -> Vec<Value> {
    vec![used.into(), number(topic), Value::Scratch, number(size), Value::Scratch, Value::Scratch]
}

/// Arguments of `object_wait_many` with the handle among two, and a signal that
/// is active on all of them.
fn two(cx: &mut Context<'_>, used: Handle, entry: usize) -> Checked<Vec<Value>> {
    let mut items = vec![(cx.create(0)?, ZX_VMO_ZERO_CHILDREN)];
    items.insert(entry, (used, ZX_VMO_ZERO_CHILDREN));
    Ok(vec![Value::WaitItems(items), number(2_u64), number(0_u64)])
}

const INFO: Prototype = Prototype {
    syscall: Syscall::object_get_info,
    needs: &[Info],
    bad_handle: bad_handle!("OBJ-INFO-15"),
    ..PLAIN
};

const WAIT_MANY: Prototype = Prototype {
    syscall: Syscall::object_wait_many,
    needs: &[Signals],
    rights: ZX_RIGHT_WAIT,
    rights_first: true,
    bad_handle: bad_handle!("OBJ-WAIT-12"),
    denied: &[(ZX_RIGHT_WAIT, &["OBJ-WAIT-12"])],
    enough: &["OBJ-WAIT-17"],
    ..PLAIN
};

pub(super) static PROTOTYPES: &[Prototype] = &[
    Prototype {
        name: "object_get_property",
        syscall: Syscall::object_get_property,
        needs: &[Properties],
        rights: ZX_RIGHT_GET_PROPERTY,
        rights_first: true,
        bad_handle: bad_handle!("OBJ-GETPROP-06"),
        denied: &[(ZX_RIGHT_GET_PROPERTY, &["OBJ-GETPROP-05"])],
        enough: &["VMO-CREATE-32"],
        arguments: |_, _, used| {
            Ok(vec![used.into(), number(ZX_PROP_NAME), Value::Scratch, number(32_u64)])
        },
        ..PLAIN
    },
    Prototype {
        name: "object_set_property",
        syscall: Syscall::object_set_property,
        needs: &[Properties],
        rights: ZX_RIGHT_SET_PROPERTY,
        rights_first: true,
        bad_handle: bad_handle!("OBJ-SETPROP-03"),
        denied: &[(ZX_RIGHT_SET_PROPERTY, &["OBJ-SETPROP-02"])],
        enough: &["VMO-CREATE-33"],
        effect: &effects::NAME,
        arguments: |_, _, used| {
            Ok(vec![used.into(), number(ZX_PROP_NAME), bytes(0x6e, 4), number(4_u64)])
        },
        ..PLAIN
    },
    Prototype {
        name: "object_get_info_valid",
        bad_handle: bad_handle!("OBJ-INFO-01"),
        enough: &["OBJ-INFO-01"],
        arguments: |_, _, used| Ok(info(used, ZX_INFO_HANDLE_VALID, 0)),
        ..INFO
    },
    Prototype {
        name: "object_get_info_basic",
        enough: &["OBJ-INFO-04"],
        arguments: |_, _, used| Ok(info(used, ZX_INFO_HANDLE_BASIC, 32)),
        ..INFO
    },
    Prototype {
        name: "object_get_info_count",
        rights: ZX_RIGHT_READ,
        rights_first: true,
        denied: &[(ZX_RIGHT_READ, &["OBJ-INFO-19"])],
        enough: &["OBJ-INFO-19"],
        arguments: |_, _, used| Ok(info(used, ZX_INFO_HANDLE_COUNT, 4)),
        ..INFO
    },
    Prototype {
        name: "object_get_info_process_vmos",
        object: Object::Process,
        rights: ZX_RIGHT_READ,
        rights_first: true,
        wrong_type: &["OBJ-INFO-21"],
        denied: &[(ZX_RIGHT_READ, &["OBJ-INFO-22"])],
        enough: &["OBJ-INFO-22"],
        arguments: |cx, _, used| {
            // There has to be an entry, or nothing is stored.
            cx.create(0)?;
            Ok(info(used, ZX_INFO_PROCESS_VMOS, 1040))
        },
        ..INFO
    },
    Prototype {
        name: "object_wait_one",
        syscall: Syscall::object_wait_one,
        needs: &[Signals],
        rights: ZX_RIGHT_WAIT,
        rights_first: true,
        bad_handle: bad_handle!("OBJ-WAIT-12"),
        denied: &[(ZX_RIGHT_WAIT, &["OBJ-WAIT-12"])],
        enough: &["OBJ-WAIT-17"],
        arguments: |_, _, used| {
            Ok(vec![used.into(), number(ZX_VMO_ZERO_CHILDREN), number(0_u64), Value::Scratch])
        },
        ..PLAIN
    },
    Prototype {
        name: "object_wait_many_first",
        entry: 0,
        arguments: |cx, _, used| two(cx, used, 0),
        ..WAIT_MANY
    },
    Prototype {
        name: "object_wait_many_last",
        entry: 1,
        arguments: |cx, _, used| two(cx, used, 1),
        ..WAIT_MANY
    },
    Prototype {
        name: "object_signal",
        syscall: Syscall::object_signal,
        needs: &[Signals],
        rights: ZX_RIGHT_SIGNAL,
        rights_first: true,
        bad_handle: bad_handle!("OBJ-SIGNAL-08"),
        denied: &[(ZX_RIGHT_SIGNAL, &["OBJ-SIGNAL-06"])],
        enough: &["OBJ-SIGNAL-07"],
        effect: &effects::SIGNALS,
        arguments: |_, _, used| Ok(vec![used.into(), number(0_u32), number(ZX_USER_SIGNAL_0)]),
        ..PLAIN
    },
];
