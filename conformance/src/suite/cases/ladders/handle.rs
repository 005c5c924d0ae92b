//! The ladders of the calls on handles.

use vmo_abi::{
    ZX_ERR_ACCESS_DENIED, ZX_ERR_BAD_HANDLE, ZX_ERR_INVALID_ARGS, ZX_RIGHT_DUPLICATE,
    ZX_RIGHT_SAME_RIGHTS,
};

use super::Flaw::{BadHandle, Denied, Value as Other};
use super::{Ladder, rung};
use crate::program::{Address, Value};
use crate::suite::cases::prototypes::number;

fn null() -> Value {
    Value::Address(Address::Null)
}

pub(super) static LADDERS: &[Ladder] = &[
    Ladder {
        prototype: "handle_close",
        order: &["HANDLE-CLOSE-03"],
        rungs: &[rung("bad_handle", ZX_ERR_BAD_HANDLE, BadHandle, &["HANDLE-CLOSE-03"])],
    },
    Ladder {
        prototype: "handle_duplicate",
        order: &["HANDLE-DUP-09", "GEN-05"],
        rungs: &[
            rung("bad_handle", ZX_ERR_BAD_HANDLE, BadHandle, &["HANDLE-DUP-10"]),
            rung("denied", ZX_ERR_ACCESS_DENIED, Denied(ZX_RIGHT_DUPLICATE), &["HANDLE-DUP-08"]),
            rung(
                "more_rights",
                ZX_ERR_INVALID_ARGS,
                Other(1, || number(0x200_u32)),
                &["HANDLE-DUP-05"],
            ),
            rung(
                "same_and_more_rights",
                ZX_ERR_INVALID_ARGS,
                Other(1, || number(ZX_RIGHT_SAME_RIGHTS | 4)),
                &["HANDLE-DUP-06"],
            ),
            rung("out", ZX_ERR_INVALID_ARGS, Other(2, null), &["HANDLE-DUP-11"])
                .leaving_as(&["HANDLE-DUP-12"]),
        ],
    },
    // What fails after the handle was found takes the handle with it.
    Ladder {
        prototype: "handle_replace",
        order: &["HANDLE-REPLACE-08", "GEN-05"],
        rungs: &[
            rung("bad_handle", ZX_ERR_BAD_HANDLE, BadHandle, &["HANDLE-REPLACE-08"]),
            rung(
                "more_rights",
                ZX_ERR_INVALID_ARGS,
                Other(1, || number(0x200_u32)),
                &["HANDLE-REPLACE-03", "HANDLE-REPLACE-04"],
            ),
            rung(
                "same_and_more_rights",
                ZX_ERR_INVALID_ARGS,
                Other(1, || number(ZX_RIGHT_SAME_RIGHTS | 4)),
                &["HANDLE-REPLACE-11"],
            ),
            rung(
                "out",
                ZX_ERR_INVALID_ARGS,
                Other(2, null),
                &["HANDLE-REPLACE-06", "HANDLE-REPLACE-04"],
            ),
        ],
    },
];
