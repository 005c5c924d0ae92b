//! The ladders of the calls on VMOs.

use vmo_abi::Capability::{Clone, Mapping, Regions};
use vmo_abi::{
    ZX_ERR_ACCESS_DENIED, ZX_ERR_BAD_HANDLE, ZX_ERR_BAD_STATE, ZX_ERR_INVALID_ARGS,
    ZX_ERR_NO_MEMORY, ZX_ERR_NOT_SUPPORTED, ZX_ERR_OUT_OF_RANGE, ZX_ERR_WRONG_TYPE,
    ZX_RIGHT_DUPLICATE, ZX_RIGHT_MAP, ZX_RIGHT_READ, ZX_RIGHT_WRITE,
};

use super::Flaw::{BadHandle, Bits, Committed, Denied, Scene, Uncached, Value as Other, WrongType};
use super::{Flaw, Ladder, STATE, rung};
use crate::program::{Address, Value};
use crate::suite::cases::prototypes::number;
use crate::suite::{PAGE, READ_ONLY};

pub(super) const TOP_PAGE: u64 = 0xffff_ffff_ffff_f000;
const FAR: u64 = 1 << 40;

fn null() -> Value {
    Value::Address(Address::Null)
}

const fn other(position: usize, value: fn() -> Value) -> Flaw {
    Other(position, value)
}

/// The rungs of an operation that commits or releases pages.
macro_rules! pages {
    ($prototype:literal, $denied:literal, $outside:literal, $overflow:literal) => {
        Ladder {
            prototype: $prototype,
            order: &["GEN-02", "VMO-OPRANGE-07", "VMO-OPRANGE-08"],
            rungs: &[
                rung("bad_handle", ZX_ERR_BAD_HANDLE, BadHandle, &["VMO-OPRANGE-05"]),
                rung("wrong_type", ZX_ERR_WRONG_TYPE, WrongType, &["VMO-OPRANGE-06"]),
                rung(
                    "undefined",
                    ZX_ERR_INVALID_ARGS,
                    other(1, || number(99_u32)),
                    &["VMO-OPRANGE-01"],
                ),
                rung(
                    "zero",
                    ZX_ERR_INVALID_ARGS,
                    other(1, || number(0_u32)),
                    &["VMO-OPRANGE-01", "VMO-OPRANGE-02"],
                ),
                rung(
                    "retired",
                    ZX_ERR_INVALID_ARGS,
                    other(1, || number(5_u32)),
                    &["VMO-OPRANGE-02"],
                ),
                rung("lock", ZX_ERR_NOT_SUPPORTED, other(1, || number(3_u32)), &["VMO-OPRANGE-03"]),
                rung(
                    "unlock",
                    ZX_ERR_NOT_SUPPORTED,
                    other(1, || number(4_u32)),
                    &["VMO-OPRANGE-03"],
                ),
                rung("denied", ZX_ERR_ACCESS_DENIED, Denied(ZX_RIGHT_WRITE), &[$denied]),
                rung("outside", ZX_ERR_OUT_OF_RANGE, other(2, || number(FAR)), &[$outside]),
                rung(
                    "overflow",
                    ZX_ERR_OUT_OF_RANGE,
                    Scene(&[2, 3], |_, _, arguments| {
                        arguments[2] = number(PAGE);
                        arguments[3] = number(u64::MAX);
                        Ok(())
                    }),
                    &[$overflow],
                ),
            ],
        }
    };
}

/// The rungs of an operation on caches.
macro_rules! caches {
    ($prototype:literal, $right:ident, $denied:literal) => {
        Ladder {
            prototype: $prototype,
            order: &["GEN-02", "VMO-OPRANGE-07", "VMO-OPRANGE-08", "VMO-OPRANGE-41"],
            rungs: &[
                rung("bad_handle", ZX_ERR_BAD_HANDLE, BadHandle, &["VMO-OPRANGE-05"]),
                rung("wrong_type", ZX_ERR_WRONG_TYPE, WrongType, &["VMO-OPRANGE-06"]),
                rung(
                    "undefined",
                    ZX_ERR_INVALID_ARGS,
                    other(1, || number(10_u32)),
                    &["VMO-OPRANGE-01"],
                ),
                rung("lock", ZX_ERR_NOT_SUPPORTED, other(1, || number(3_u32)), &["VMO-OPRANGE-03"]),
                rung("denied", ZX_ERR_ACCESS_DENIED, Denied($right), &[$denied]),
                rung(
                    "size_0",
                    ZX_ERR_INVALID_ARGS,
                    other(3, || number(0_u64)),
                    &["VMO-OPRANGE-40"],
                ),
                rung("outside", ZX_ERR_OUT_OF_RANGE, other(2, || number(FAR)), &["VMO-OPRANGE-42"]),
                rung(
                    "too_long",
                    ZX_ERR_OUT_OF_RANGE,
                    other(3, || number(2 * PAGE + 1)),
                    &["VMO-OPRANGE-42"],
                ),
            ],
        }
    };
}

pub(super) static LADDERS: &[Ladder] = &[
    Ladder {
        prototype: "vmo_create",
        order: &["VMO-CREATE-11", "VMO-CREATE-12"],
        rungs: &[
            rung("options", ZX_ERR_INVALID_ARGS, other(1, || number(1_u32)), &["VMO-CREATE-07"]),
            // C-01: for the seed's page a size is an invalid argument or too
            // much memory.
            rung("size", ZX_ERR_OUT_OF_RANGE, other(0, || number(u64::MAX)), &["VMO-CREATE-06"])
                .or(&[ZX_ERR_INVALID_ARGS, ZX_ERR_NO_MEMORY]),
            rung("out", ZX_ERR_INVALID_ARGS, other(2, null), &["VMO-CREATE-08"]),
        ],
    },
    Ladder {
        prototype: "vmo_read",
        order: &["GEN-01", "VMO-READ-13", "VMO-READ-17"],
        rungs: &[
            rung("bad_handle", ZX_ERR_BAD_HANDLE, BadHandle, &["VMO-READ-02"]),
            rung("denied", ZX_ERR_ACCESS_DENIED, Denied(ZX_RIGHT_READ), &["VMO-READ-04"]),
            rung("wrong_type", ZX_ERR_WRONG_TYPE, WrongType, &["VMO-READ-03"]),
            rung("buffer", ZX_ERR_INVALID_ARGS, other(1, null), &["VMO-READ-06"]),
            rung("uncached", ZX_ERR_BAD_STATE, Uncached, &["VMO-READ-16"]),
            rung("outside", ZX_ERR_OUT_OF_RANGE, other(2, || number(FAR)), &["VMO-READ-08"]),
            rung(
                "overflow",
                ZX_ERR_OUT_OF_RANGE,
                other(2, || number(u64::MAX - 7)),
                &["VMO-READ-12"],
            ),
            rung("too_long", ZX_ERR_OUT_OF_RANGE, other(3, || number(2 * PAGE)), &["VMO-READ-08"]),
        ],
    },
    Ladder {
        prototype: "vmo_write",
        order: &["GEN-01", "VMO-WRITE-13", "VMO-WRITE-19"],
        rungs: &[
            rung("bad_handle", ZX_ERR_BAD_HANDLE, BadHandle, &["VMO-WRITE-02"]),
            rung("denied", ZX_ERR_ACCESS_DENIED, Denied(ZX_RIGHT_WRITE), &["VMO-WRITE-04"]),
            rung("wrong_type", ZX_ERR_WRONG_TYPE, WrongType, &["VMO-WRITE-03"]),
            rung("buffer", ZX_ERR_INVALID_ARGS, other(1, null), &["VMO-WRITE-06"]),
            rung("uncached", ZX_ERR_BAD_STATE, Uncached, &["VMO-WRITE-18"]),
            rung("outside", ZX_ERR_OUT_OF_RANGE, other(2, || number(FAR)), &["VMO-WRITE-08"]),
            rung(
                "overflow",
                ZX_ERR_OUT_OF_RANGE,
                other(2, || number(u64::MAX - 7)),
                &["VMO-WRITE-12"],
            ),
            rung("too_long", ZX_ERR_OUT_OF_RANGE, other(3, || number(2 * PAGE)), &["VMO-WRITE-08"]),
        ],
    },
    Ladder {
        prototype: "vmo_get_size",
        order: &["GEN-02", "VMO-GETSIZE-06"],
        rungs: &[
            rung("bad_handle", ZX_ERR_BAD_HANDLE, BadHandle, &["VMO-GETSIZE-02"]),
            rung("wrong_type", ZX_ERR_WRONG_TYPE, WrongType, &["VMO-GETSIZE-03"]),
            rung("pointer", ZX_ERR_INVALID_ARGS, other(1, null), &["VMO-GETSIZE-04"]),
        ],
    },
    Ladder {
        prototype: "vmo_set_size",
        order: &["GEN-01"],
        rungs: &[
            rung("bad_handle", ZX_ERR_BAD_HANDLE, BadHandle, &["VMO-SETSIZE-02"]),
            rung("denied", ZX_ERR_ACCESS_DENIED, Denied(ZX_RIGHT_WRITE), &["VMO-SETSIZE-04"]),
            rung("wrong_type", ZX_ERR_WRONG_TYPE, WrongType, &["VMO-SETSIZE-03"]),
            rung(
                "largest",
                ZX_ERR_OUT_OF_RANGE,
                other(1, || number(u64::MAX)),
                &["VMO-SETSIZE-06"],
            ),
            rung(
                "just_too_large",
                ZX_ERR_OUT_OF_RANGE,
                other(1, || number(TOP_PAGE + 1)),
                &["VMO-SETSIZE-07"],
            ),
        ],
    },
    Ladder {
        prototype: "vmo_clone",
        order: &["GEN-01", "VMO-CLONE-18"],
        rungs: &[
            rung("bad_handle", ZX_ERR_BAD_HANDLE, BadHandle, &["VMO-CLONE-03"]),
            rung("denied_read", ZX_ERR_ACCESS_DENIED, Denied(ZX_RIGHT_READ), &["VMO-CLONE-05"]),
            rung(
                "denied_duplicate",
                ZX_ERR_ACCESS_DENIED,
                Denied(ZX_RIGHT_DUPLICATE),
                &["VMO-CLONE-05"],
            ),
            rung("wrong_type", ZX_ERR_WRONG_TYPE, WrongType, &["TYPE-03"]),
            rung("options", ZX_ERR_INVALID_ARGS, other(1, || number(2_u32)), &["VMO-CLONE-07"]),
            rung("no_options", ZX_ERR_INVALID_ARGS, other(1, || number(0_u32)), &["VMO-CLONE-07"]),
            rung("size", ZX_ERR_OUT_OF_RANGE, other(3, || number(u64::MAX)), &["VMO-CLONE-13"]),
            rung("uncached", ZX_ERR_BAD_STATE, Uncached, &["VMO-CLONE-17"]),
            rung("alignment", ZX_ERR_INVALID_ARGS, Bits(2, 1, 0), &["VMO-CLONE-09"]),
            rung("sum", ZX_ERR_OUT_OF_RANGE, Bits(2, TOP_PAGE, 0), &["VMO-CLONE-12"]),
            rung("out", ZX_ERR_INVALID_ARGS, other(4, null), &["VMO-CLONE-15"])
                .leaving_as(&["VMO-CLONE-16"]),
        ],
    },
    pages!("vmo_op_range_commit", "VMO-OPRANGE-11", "VMO-OPRANGE-16", "VMO-OPRANGE-17"),
    pages!("vmo_op_range_decommit", "VMO-OPRANGE-25", "VMO-OPRANGE-30", "VMO-OPRANGE-30"),
    caches!("vmo_op_range_sync", ZX_RIGHT_READ, "VMO-OPRANGE-36"),
    caches!("vmo_op_range_clean", ZX_RIGHT_READ, "VMO-OPRANGE-37"),
    caches!("vmo_op_range_clean_invalidate", ZX_RIGHT_READ, "VMO-OPRANGE-38"),
    caches!("vmo_op_range_invalidate", ZX_RIGHT_WRITE, "VMO-OPRANGE-39"),
    Ladder {
        prototype: "vmo_set_cache_policy",
        order: &["GEN-01", "VMO-CACHEPOL-03"],
        rungs: &[
            rung("policy", ZX_ERR_INVALID_ARGS, other(1, || number(4_u32)), &["VMO-CACHEPOL-02"]),
            rung(
                "high_policy",
                ZX_ERR_INVALID_ARGS,
                other(1, || number(0x8000_0000_u32)),
                &["VMO-CACHEPOL-02"],
            ),
            rung("bad_handle", ZX_ERR_BAD_HANDLE, BadHandle, &["VMO-CACHEPOL-05"]),
            rung("denied", ZX_ERR_ACCESS_DENIED, Denied(ZX_RIGHT_MAP), &["VMO-CACHEPOL-06"]),
            // No handle of another type has MAP.
            rung("wrong_type", ZX_ERR_ACCESS_DENIED, WrongType, &["TYPE-04"]),
            rung("committed", ZX_ERR_BAD_STATE, Committed, &["VMO-CACHEPOL-08"]),
            rung(
                "mapped",
                ZX_ERR_BAD_STATE,
                Scene(&[STATE], |cx, object, _| cx.map(object, 0, PAGE, READ_ONLY).map(drop)),
                &["VMO-CACHEPOL-09"],
            )
            .needs(&[Mapping, Regions]),
            rung(
                "cloned",
                ZX_ERR_BAD_STATE,
                Scene(&[STATE], |cx, object, _| cx.clone_of(object, 0, PAGE).map(drop)),
                &["VMO-CACHEPOL-10"],
            )
            .needs(&[Clone]),
            rung(
                "clone",
                ZX_ERR_BAD_STATE,
                Scene(&[0, STATE], |cx, object, arguments| {
                    arguments[0] = cx.clone_of(object, 0, PAGE)?.into();
                    Ok(())
                }),
                &["VMO-CACHEPOL-11"],
            )
            .needs(&[Clone]),
        ],
    },
];
