//! The ladders of the calls on regions.

use vmo_abi::Capability::{Handles, Info, Regions};
use vmo_abi::{
    ZX_ERR_ACCESS_DENIED, ZX_ERR_BAD_HANDLE, ZX_ERR_BAD_STATE, ZX_ERR_INVALID_ARGS,
    ZX_ERR_NO_MEMORY, ZX_ERR_NOT_FOUND, ZX_ERR_WRONG_TYPE, ZX_RIGHT_EXECUTE, ZX_RIGHT_MAP,
    ZX_RIGHT_READ, ZX_RIGHT_WRITE, ZX_VM_FLAG_CAN_MAP_READ, ZX_VM_FLAG_COMPACT,
    ZX_VM_FLAG_MAP_RANGE, ZX_VM_FLAG_PERM_EXECUTE, ZX_VM_FLAG_PERM_READ, ZX_VM_FLAG_PERM_WRITE,
    ZX_VM_FLAG_SPECIFIC, ZX_VM_FLAG_SPECIFIC_OVERWRITE, zx_rights_t,
};

use super::Flaw::{BadHandle, Bits, Denied, Destroyed, Scene, Shift, Value as Other, WrongType};
use super::vmo::TOP_PAGE;
use super::{Ladder, STATE, rung};
use crate::program::{Address, Handle, Value};
use crate::suite::cases::prototypes::{REGION_PAGES, number};
use crate::suite::{Checked, Context, PAGE, READ_ONLY, plus};

const READ: u64 = ZX_VM_FLAG_PERM_READ as u64;
const WRITE: u64 = ZX_VM_FLAG_PERM_WRITE as u64;
const EXECUTE: u64 = ZX_VM_FLAG_PERM_EXECUTE as u64;
const SPECIFIC: u32 = ZX_VM_FLAG_SPECIFIC;
/// No flag of the edition.
const UNDEFINED: u64 = 1 << 20;
/// Far out of any region of a prototype.
const FAR: u64 = 1 << 40;
const ALL: zx_rights_t = ZX_RIGHT_READ | ZX_RIGHT_WRITE | ZX_RIGHT_EXECUTE;

fn null() -> Value {
    Value::Address(Address::Null)
}

fn set(value: &mut Value, bits: u32) {
    if let Value::Number(number) = value {
        *number |= u64::from(bits);
    }
}

/// Takes rights from the VMO that is to be mapped.
fn reduce_vmo(cx: &mut Context<'_>, arguments: &mut [Value], rights: zx_rights_t) -> Checked {
    if let Value::Handle(vmo) = arguments[2] {
        arguments[2] = cx.duplicate_without(vmo, rights)?.into();
    }
    Ok(())
}

/// Maps pages of a fresh VMO at a page of the region.
fn occupy(cx: &mut Context<'_>, region: Handle, page: u64, pages: u64) -> Checked<Address> {
    let vmo = cx.create(pages * PAGE)?;
    let flags = READ_ONLY | SPECIFIC;
    Ok(cx.vmar_map(region, page * PAGE, vmo, 0, pages * PAGE, flags)?.ok()?.address())
}

/// Allocates two pages of the region as one of its own.
fn nest(cx: &mut Context<'_>, region: Handle, page: u64) -> Checked<(Handle, Address)> {
    let flags = ZX_VM_FLAG_CAN_MAP_READ | SPECIFIC;
    let answer = cx.vmar_allocate(region, page * PAGE, 2 * PAGE, flags)?.ok()?;
    Ok((answer.handle(0), answer.address()))
}

/// The place that a call asks for, by offset and flag.
fn place(arguments: &mut [Value], offset: u64, flag: u32, flags_at: usize) {
    arguments[1] = number(offset);
    set(&mut arguments[flags_at], flag);
}

pub(super) static LADDERS: &[Ladder] = &[
    Ladder {
        prototype: "vmar_map_vmar",
        order: &["GEN-02", "VMAR-MAP-04", "VMAR-MAP-06", "VMAR-MAP-10"],
        rungs: &[
            rung("bad_vmar", ZX_ERR_BAD_HANDLE, BadHandle, &["VMAR-MAP-02"]),
            rung("wrong_vmar", ZX_ERR_WRONG_TYPE, WrongType, &["VMAR-MAP-03"]),
            rung("bad_vmo", ZX_ERR_BAD_HANDLE, Other(2, || Handle::Never.into()), &["VMAR-MAP-02"]),
            rung(
                "wrong_vmo",
                ZX_ERR_WRONG_TYPE,
                Other(2, || Handle::Root.into()),
                &["VMAR-MAP-03"],
            ),
            rung(
                "vmo_without_map",
                ZX_ERR_ACCESS_DENIED,
                Scene(&[2], |cx, _, arguments| reduce_vmo(cx, arguments, ZX_RIGHT_MAP)),
                &["VMAR-MAP-05"],
            )
            .needs(&[Handles, Info]),
            rung("write_only", ZX_ERR_INVALID_ARGS, Bits(5, WRITE, READ), &["VMAR-MAP-10"]),
            rung("execute_only", ZX_ERR_INVALID_ARGS, Bits(5, EXECUTE, READ), &["VMAR-MAP-10"]),
            rung(
                "eager_overwriting",
                ZX_ERR_INVALID_ARGS,
                Bits(5, (ZX_VM_FLAG_MAP_RANGE | ZX_VM_FLAG_SPECIFIC_OVERWRITE) as u64, 0),
                &["VMAR-MAP-30"],
            ),
            rung(
                "can_map_flag",
                ZX_ERR_INVALID_ARGS,
                Bits(5, ZX_VM_FLAG_CAN_MAP_READ as u64, 0),
                &["VMAR-MAP-13"],
            ),
            rung(
                "vmo_without_rights",
                ZX_ERR_ACCESS_DENIED,
                Scene(&[2], |cx, _, arguments| reduce_vmo(cx, arguments, ALL)),
                &["VMAR-MAP-07"],
            )
            .needs(&[Handles, Info]),
            rung("vmar_without_rights", ZX_ERR_ACCESS_DENIED, Denied(ALL), &["VMAR-MAP-07"]),
            rung("undefined_flag", ZX_ERR_INVALID_ARGS, Bits(5, UNDEFINED, 0), &["VMAR-MAP-12"]),
            rung(
                "compact",
                ZX_ERR_INVALID_ARGS,
                Bits(5, ZX_VM_FLAG_COMPACT as u64, 0),
                &["VMAR-MAP-13"],
            ),
            rung("vmo_offset", ZX_ERR_INVALID_ARGS, Bits(3, 1, 0), &["VMAR-MAP-17"]),
            rung(
                "vmo_offset_wraps",
                ZX_ERR_INVALID_ARGS,
                Scene(&[3, 4], |_, _, arguments| {
                    arguments[3] = number(TOP_PAGE);
                    Ok(())
                }),
                &["VMAR-MAP-18"],
            ),
            rung("destroyed", ZX_ERR_BAD_STATE, Destroyed, &["VMAR-MAP-37"]),
            rung("len_0", ZX_ERR_INVALID_ARGS, Other(4, || number(0_u64)), &["VMAR-MAP-14"]),
            rung("len_wraps", ZX_ERR_INVALID_ARGS, Other(4, || number(u64::MAX)), &["VMAR-MAP-16"]),
            rung("vmar_offset", ZX_ERR_INVALID_ARGS, Other(1, || number(PAGE)), &["VMAR-MAP-20"]),
            rung(
                "no_place_may_be_chosen",
                ZX_ERR_ACCESS_DENIED,
                Scene(&[0, 1, STATE], |cx, region, arguments| {
                    let (nested, _) = nest(cx, region, 4)?;
                    arguments[0] = nested.into();
                    place(arguments, 0, SPECIFIC, 5);
                    Ok(())
                }),
                &["VMAR-MAP-22"],
            )
            .needs(&[Regions]),
            rung(
                "outside",
                ZX_ERR_INVALID_ARGS,
                Scene(&[1], |_, _, arguments| {
                    place(arguments, FAR, SPECIFIC, 5);
                    Ok(())
                }),
                &["VMAR-MAP-24"],
            ),
            rung(
                "too_long",
                ZX_ERR_INVALID_ARGS,
                Other(4, || number((REGION_PAGES + 1) * PAGE)),
                &["VMAR-MAP-24"],
            ),
            rung(
                "unaligned_place",
                ZX_ERR_INVALID_ARGS,
                Scene(&[1], |_, _, arguments| {
                    place(arguments, 1, SPECIFIC, 5);
                    Ok(())
                }),
                &["VMAR-MAP-23"],
            ),
            rung(
                "place_taken",
                ZX_ERR_NO_MEMORY,
                Scene(&[1, STATE], |cx, region, arguments| {
                    occupy(cx, region, 4, 1)?;
                    place(arguments, 4 * PAGE, SPECIFIC, 5);
                    Ok(())
                }),
                &["VMAR-MAP-25", "VMAR-MAP-26"],
            )
            // C-31
            .or(&[ZX_ERR_INVALID_ARGS]),
            rung(
                "no_room",
                ZX_ERR_NO_MEMORY,
                Scene(&[1, 4, STATE], |cx, region, _| {
                    occupy(cx, region, 0, REGION_PAGES).map(drop)
                }),
                &["VMAR-MAP-52"],
            ),
            rung(
                "region_in_the_way",
                ZX_ERR_INVALID_ARGS,
                Scene(&[1, STATE], |cx, region, arguments| {
                    nest(cx, region, 4)?;
                    place(arguments, 4 * PAGE, ZX_VM_FLAG_SPECIFIC_OVERWRITE, 5);
                    Ok(())
                }),
                &["VMAR-MAP-29"],
            )
            .needs(&[Regions]),
            rung("mapped_addr", ZX_ERR_INVALID_ARGS, Other(6, null), &["VMAR-MAP-34"])
                .leaving_as(&["VMAR-MAP-35"]),
        ],
    },
    Ladder {
        prototype: "vmar_unmap",
        order: &["GEN-02", "VMAR-UNMAP-13"],
        rungs: &[
            rung("bad_handle", ZX_ERR_BAD_HANDLE, BadHandle, &["VMAR-UNMAP-11"]),
            rung("wrong_type", ZX_ERR_WRONG_TYPE, WrongType, &["VMAR-UNMAP-11"]),
            rung("alignment", ZX_ERR_INVALID_ARGS, Shift(1, 1), &["VMAR-UNMAP-06"]),
            rung("len_0", ZX_ERR_INVALID_ARGS, Other(2, || number(0_u64)), &["VMAR-UNMAP-07"]),
            rung("destroyed", ZX_ERR_BAD_STATE, Destroyed, &["VMAR-UNMAP-12"]),
            rung("outside", ZX_ERR_INVALID_ARGS, Shift(1, FAR), &["VMAR-UNMAP-09"]),
            rung(
                "too_long",
                ZX_ERR_INVALID_ARGS,
                Other(2, || number((REGION_PAGES + 1) * PAGE)),
                &["VMAR-UNMAP-09"],
            ),
            rung(
                "part_of_a_region",
                ZX_ERR_INVALID_ARGS,
                Scene(&[1, 2, STATE], |cx, region, arguments| {
                    arguments[1] = Value::Address(nest(cx, region, 4)?.1);
                    Ok(())
                }),
                &["VMAR-UNMAP-04"],
            )
            .needs(&[Regions]),
        ],
    },
    Ladder {
        prototype: "vmar_protect",
        order: &["GEN-01"],
        rungs: &[
            rung("bad_handle", ZX_ERR_BAD_HANDLE, BadHandle, &["VMAR-PROTECT-13"]),
            rung("denied", ZX_ERR_ACCESS_DENIED, Denied(ALL), &["VMAR-PROTECT-02"]),
            rung("wrong_type", ZX_ERR_WRONG_TYPE, WrongType, &["VMAR-PROTECT-13"]),
            rung("write_only", ZX_ERR_INVALID_ARGS, Bits(3, WRITE, READ), &["VMAR-PROTECT-06"]),
            rung("execute_only", ZX_ERR_INVALID_ARGS, Bits(3, EXECUTE, READ), &["VMAR-PROTECT-06"]),
            rung("alignment", ZX_ERR_INVALID_ARGS, Shift(1, 1), &["VMAR-PROTECT-09"]),
            rung(
                "other_flag",
                ZX_ERR_INVALID_ARGS,
                Bits(3, SPECIFIC as u64, 0),
                &["VMAR-PROTECT-08"],
            ),
            rung("len_0", ZX_ERR_INVALID_ARGS, Other(2, || number(0_u64)), &["VMAR-PROTECT-09"]),
            rung("destroyed", ZX_ERR_BAD_STATE, Destroyed, &["VMAR-PROTECT-14"]),
            rung(
                "beyond_the_mapping",
                ZX_ERR_ACCESS_DENIED,
                Scene(&[1, 2, 3, STATE], |cx, region, arguments| {
                    let vmo = cx.create(PAGE)?;
                    let reader = cx.duplicate_without(vmo, ZX_RIGHT_WRITE)?;
                    let answer =
                        cx.vmar_map(region, 13 * PAGE, reader, 0, PAGE, READ_ONLY | SPECIFIC)?;
                    arguments[1] = Value::Address(answer.ok()?.address());
                    set(&mut arguments[3], ZX_VM_FLAG_PERM_WRITE);
                    Ok(())
                }),
                &["VMAR-PROTECT-03"],
            )
            .needs(&[Handles, Info]),
            rung(
                "gap_first",
                ZX_ERR_NOT_FOUND,
                Scene(&[1, 2, STATE], |cx, region, arguments| {
                    let address = occupy(cx, region, 13, 1)?;
                    arguments[1] = Value::Address(plus(address, 0_u64.wrapping_sub(PAGE)));
                    arguments[2] = number(2 * PAGE);
                    Ok(())
                }),
                &["VMAR-PROTECT-10"],
            ),
            rung(
                "gap_between",
                ZX_ERR_NOT_FOUND,
                Scene(&[1, 2, STATE], |cx, region, arguments| {
                    arguments[1] = Value::Address(occupy(cx, region, 11, 1)?);
                    occupy(cx, region, 13, 1)?;
                    arguments[2] = number(3 * PAGE);
                    Ok(())
                }),
                &["VMAR-PROTECT-10"],
            ),
            rung(
                "gap_last",
                ZX_ERR_NOT_FOUND,
                Scene(&[1, 2, STATE], |cx, region, arguments| {
                    arguments[1] = Value::Address(occupy(cx, region, 13, 1)?);
                    arguments[2] = number(2 * PAGE);
                    Ok(())
                }),
                &["VMAR-PROTECT-10"],
            ),
            rung(
                "region_in_the_way",
                ZX_ERR_INVALID_ARGS,
                Scene(&[1, 2, STATE], |cx, region, arguments| {
                    arguments[1] = Value::Address(nest(cx, region, 4)?.1);
                    Ok(())
                }),
                &["VMAR-PROTECT-11"],
            )
            .needs(&[Regions]),
        ],
    },
    Ladder {
        prototype: "vmar_allocate",
        order: &["GEN-01"],
        rungs: &[
            rung("bad_handle", ZX_ERR_BAD_HANDLE, BadHandle, &["GEN-03"]),
            rung("denied", ZX_ERR_ACCESS_DENIED, Denied(ALL), &["VMAR-ALLOC-03"]),
            rung("wrong_type", ZX_ERR_WRONG_TYPE, WrongType, &["TYPE-06"]),
            rung("perm_read", ZX_ERR_INVALID_ARGS, Bits(3, READ, 0), &["VMAR-ALLOC-09"]),
            rung("undefined_flag", ZX_ERR_INVALID_ARGS, Bits(3, UNDEFINED, 0), &["VMAR-ALLOC-09"]),
            rung("unaligned_size", ZX_ERR_INVALID_ARGS, Bits(2, 1, 0), &["VMAR-ALLOC-05"]),
            rung("destroyed", ZX_ERR_BAD_STATE, Destroyed, &["VMAR-DESTROY-02"]),
            rung("size_0", ZX_ERR_INVALID_ARGS, Other(2, || number(0_u64)), &["VMAR-ALLOC-05"]),
            rung("offset", ZX_ERR_INVALID_ARGS, Other(1, || number(PAGE)), &["VMAR-ALLOC-05"]),
            // What is left behind is conflict C-30.
            rung("child_vmar", ZX_ERR_INVALID_ARGS, Other(4, null), &["VMAR-ALLOC-06"])
                .leaving_something(),
            rung("child_addr", ZX_ERR_INVALID_ARGS, Other(5, null), &["VMAR-ALLOC-06"])
                .leaving_something(),
        ],
    },
    Ladder {
        prototype: "vmar_destroy",
        order: &["GEN-02", "VMAR-DESTROY-03"],
        rungs: &[
            rung("bad_handle", ZX_ERR_BAD_HANDLE, BadHandle, &["VMAR-DESTROY-04"]),
            rung("wrong_type", ZX_ERR_WRONG_TYPE, WrongType, &["VMAR-DESTROY-04"]),
            rung("destroyed", ZX_ERR_BAD_STATE, Destroyed, &["VMAR-DESTROY-03"]),
        ],
    },
];
