//! The ladders of the calls on objects of any type.

use vmo_abi::Capability::OtherObjects;
use vmo_abi::{
    ZX_ERR_ACCESS_DENIED, ZX_ERR_BAD_HANDLE, ZX_ERR_BUFFER_TOO_SMALL, ZX_ERR_INVALID_ARGS,
    ZX_ERR_NOT_SUPPORTED, ZX_ERR_OUT_OF_RANGE, ZX_ERR_WRONG_TYPE, ZX_INFO_VMAR,
    ZX_PROP_PROCESS_DEBUG_ADDR, ZX_RIGHT_GET_PROPERTY, ZX_RIGHT_READ, ZX_RIGHT_SET_PROPERTY,
    ZX_RIGHT_SIGNAL, ZX_RIGHT_WAIT,
};

use super::Flaw::{BadHandle, Denied, Scene, Value as Other};
use super::{Ladder, rung};
use crate::program::{Address, Value};
use crate::suite::cases::prototypes::number;

fn null() -> Value {
    Value::Address(Address::Null)
}

fn unmapped() -> Value {
    Value::Address(Address::Unmapped)
}

pub(super) static LADDERS: &[Ladder] = &[
    Ladder {
        prototype: "object_get_property",
        order: &["OBJ-GETPROP-08", "OBJ-GETPROP-11", "OBJ-GETPROP-12"],
        rungs: &[
            rung("null", ZX_ERR_INVALID_ARGS, Other(2, null), &["OBJ-GETPROP-07"]),
            rung("bad_handle", ZX_ERR_BAD_HANDLE, BadHandle, &["OBJ-GETPROP-06"]),
            rung(
                "denied",
                ZX_ERR_ACCESS_DENIED,
                Denied(ZX_RIGHT_GET_PROPERTY),
                &["OBJ-GETPROP-05"],
            ),
            // C-22.
            rung(
                "unknown",
                ZX_ERR_INVALID_ARGS,
                Other(1, || number(0x7777_u32)),
                &["OBJ-GETPROP-09"],
            )
            .or(&[ZX_ERR_NOT_SUPPORTED]),
            rung(
                "too_small",
                ZX_ERR_BUFFER_TOO_SMALL,
                Other(3, || number(7_u64)),
                &["OBJ-GETPROP-03"],
            ),
            rung(
                "of_another_type",
                ZX_ERR_WRONG_TYPE,
                Other(1, || number(ZX_PROP_PROCESS_DEBUG_ADDR)),
                &["OBJ-GETPROP-10"],
            ),
            rung("unwritable", ZX_ERR_INVALID_ARGS, Other(2, unmapped), &["OBJ-GETPROP-07"]),
        ],
    },
    Ladder {
        prototype: "object_set_property",
        order: &["OBJ-SETPROP-04", "OBJ-SETPROP-14"],
        rungs: &[
            rung("null", ZX_ERR_INVALID_ARGS, Other(2, null), &["OBJ-SETPROP-04"]),
            rung("bad_handle", ZX_ERR_BAD_HANDLE, BadHandle, &["OBJ-SETPROP-03"]),
            rung(
                "denied",
                ZX_ERR_ACCESS_DENIED,
                Denied(ZX_RIGHT_SET_PROPERTY),
                &["OBJ-SETPROP-02"],
            ),
            // C-22.
            rung(
                "unknown",
                ZX_ERR_INVALID_ARGS,
                Other(1, || number(0x7777_u32)),
                &["OBJ-SETPROP-13"],
            )
            .or(&[ZX_ERR_NOT_SUPPORTED]),
            rung("unreadable", ZX_ERR_INVALID_ARGS, Other(2, unmapped), &["OBJ-SETPROP-05"]),
            // The value of the prototype has 4 bytes.
            rung(
                "too_small",
                ZX_ERR_BUFFER_TOO_SMALL,
                Scene(&[1, 2], |_, _, arguments| {
                    arguments[1] = number(ZX_PROP_PROCESS_DEBUG_ADDR);
                    Ok(())
                }),
                &["OBJ-SETPROP-14"],
            ),
        ],
    },
    Ladder {
        prototype: "object_get_info_count",
        order: &["OBJ-INFO-14", "OBJ-INFO-17"],
        rungs: &[
            rung("topic", ZX_ERR_NOT_SUPPORTED, Other(1, || number(0x63_u32)), &["OBJ-INFO-16"]),
            rung("bad_handle", ZX_ERR_BAD_HANDLE, BadHandle, &["OBJ-INFO-15"]),
            rung("denied", ZX_ERR_ACCESS_DENIED, Denied(ZX_RIGHT_READ), &["OBJ-INFO-19"]),
            rung("buffer", ZX_ERR_INVALID_ARGS, Other(2, null), &["OBJ-INFO-13"]),
            rung("actual", ZX_ERR_INVALID_ARGS, Other(4, unmapped), &["OBJ-INFO-13"]),
            rung("avail", ZX_ERR_INVALID_ARGS, Other(5, unmapped), &["OBJ-INFO-13"]),
            // A buffer that is too small is not looked at.
            rung(
                "too_small",
                ZX_ERR_BUFFER_TOO_SMALL,
                Scene(&[2, 3], |_, _, arguments| {
                    arguments[3] = number(3_u64);
                    Ok(())
                }),
                &["OBJ-INFO-10"],
            ),
        ],
    },
    Ladder {
        prototype: "object_get_info_basic",
        order: &["OBJ-INFO-14", "OBJ-INFO-17"],
        rungs: &[
            rung("topic", ZX_ERR_NOT_SUPPORTED, Other(1, || number(0x63_u32)), &["OBJ-INFO-16"]),
            rung("bad_handle", ZX_ERR_BAD_HANDLE, BadHandle, &["OBJ-INFO-15"]),
            rung(
                "of_another_type",
                ZX_ERR_WRONG_TYPE,
                Other(1, || number(ZX_INFO_VMAR)),
                &["OBJ-INFO-21"],
            ),
            rung("buffer", ZX_ERR_INVALID_ARGS, Other(2, unmapped), &["OBJ-INFO-13"]),
            rung("actual", ZX_ERR_INVALID_ARGS, Other(4, unmapped), &["OBJ-INFO-13"]),
            rung("avail", ZX_ERR_INVALID_ARGS, Other(5, unmapped), &["OBJ-INFO-13"]),
            rung(
                "too_small",
                ZX_ERR_BUFFER_TOO_SMALL,
                Scene(&[2, 3], |_, _, arguments| {
                    arguments[3] = number(15_u64);
                    Ok(())
                }),
                &["OBJ-INFO-10"],
            ),
        ],
    },
    Ladder {
        prototype: "object_wait_one",
        order: &["OBJ-WAIT-11", "OBJ-WAIT-13"],
        rungs: &[
            rung("bad_handle", ZX_ERR_BAD_HANDLE, BadHandle, &["OBJ-WAIT-12"]),
            rung("denied", ZX_ERR_ACCESS_DENIED, Denied(ZX_RIGHT_WAIT), &["OBJ-WAIT-12"]),
            rung("observed", ZX_ERR_INVALID_ARGS, Other(3, unmapped), &["OBJ-WAIT-10"]),
        ],
    },
    Ladder {
        prototype: "object_wait_many_last",
        order: &["OBJ-WAIT-12"],
        rungs: &[
            rung("bad_handle", ZX_ERR_BAD_HANDLE, BadHandle, &["OBJ-WAIT-12"]),
            rung("denied", ZX_ERR_ACCESS_DENIED, Denied(ZX_RIGHT_WAIT), &["OBJ-WAIT-12"]),
            rung(
                "too_many",
                ZX_ERR_OUT_OF_RANGE,
                Scene(&[0, 1], |_, _, arguments| {
                    if let Value::WaitItems(items) = &mut arguments[0] {
                        let first = items[0];
                        items.resize(17, first);
                        arguments[1] = number(17_u64);
                    }
                    Ok(())
                }),
                &["OBJ-WAIT-18"],
            ),
        ],
    },
    Ladder {
        prototype: "object_signal",
        order: &["OBJ-SIGNAL-09"],
        rungs: &[
            rung("bad_handle", ZX_ERR_BAD_HANDLE, BadHandle, &["OBJ-SIGNAL-08"]),
            rung("denied", ZX_ERR_ACCESS_DENIED, Denied(ZX_RIGHT_SIGNAL), &["OBJ-SIGNAL-06"]),
            rung("clear_mask", ZX_ERR_INVALID_ARGS, Other(1, || number(8_u32)), &["OBJ-SIGNAL-03"]),
            rung(
                "set_mask",
                ZX_ERR_INVALID_ARGS,
                Other(2, || number(0x0180_0000_u32)),
                &["OBJ-SIGNAL-03"],
            ),
        ],
    },
    Ladder {
        prototype: "object_signal_peer",
        order: &["OBJ-SIGNAL-09"],
        rungs: &[
            rung("bad_handle", ZX_ERR_BAD_HANDLE, BadHandle, &["OBJ-SIGNAL-08"]),
            rung(
                "vmo",
                ZX_ERR_ACCESS_DENIED,
                Scene(&[0], |cx, _, arguments| {
                    arguments[0] = cx.create(0)?.into();
                    Ok(())
                }),
                &["OBJ-SIGNAL-14"],
            )
            .or(&[ZX_ERR_NOT_SUPPORTED])
            .needs(&[OtherObjects]),
        ],
    },
];
