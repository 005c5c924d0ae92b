//! `vmo_op_range`.

mod cache;
mod commit;
mod commit_effects;
mod decommit;

use vmo_abi::Capability::{Handles, Info, OtherObjects, Properties, Range, Signals};
use vmo_abi::{
    ZX_ERR_ACCESS_DENIED, ZX_ERR_BAD_HANDLE, ZX_ERR_INVALID_ARGS, ZX_ERR_NOT_SUPPORTED,
    ZX_ERR_OUT_OF_RANGE, ZX_ERR_WRONG_TYPE, ZX_OK, ZX_RIGHT_NONE, ZX_RIGHT_READ, ZX_RIGHT_WRITE,
    ZX_USER_SIGNAL_2, ZX_VMO_OP_CACHE_CLEAN, ZX_VMO_OP_CACHE_CLEAN_INVALIDATE,
    ZX_VMO_OP_CACHE_INVALIDATE, ZX_VMO_OP_CACHE_SYNC, ZX_VMO_OP_COMMIT, ZX_VMO_OP_DECOMMIT,
    ZX_VMO_OP_LOCK, ZX_VMO_OP_UNLOCK, zx_rights_t,
};

use super::vmo_create::{LARGEST, LISTED_RIGHTS};
use super::vmo_read::create_old;
use crate::level::Level;
use crate::program::{Address, Handle};
use crate::suite::{PAGE, Side, Suite};

/// The operations that do something, the right that each needs, and the clauses
/// about it.
const OPERATIONS: &[(&str, u32, zx_rights_t, &[&str])] = &[
    ("commit", ZX_VMO_OP_COMMIT, ZX_RIGHT_WRITE, &["VMO-OPRANGE-11"]),
    ("decommit", ZX_VMO_OP_DECOMMIT, ZX_RIGHT_WRITE, &["VMO-OPRANGE-25"]),
    ("cache_sync", ZX_VMO_OP_CACHE_SYNC, ZX_RIGHT_READ, &["VMO-OPRANGE-36"]),
    ("cache_invalidate", ZX_VMO_OP_CACHE_INVALIDATE, ZX_RIGHT_WRITE, &["VMO-OPRANGE-39"]),
    ("cache_clean", ZX_VMO_OP_CACHE_CLEAN, ZX_RIGHT_READ, &["VMO-OPRANGE-37"]),
    (
        "cache_clean_invalidate",
        ZX_VMO_OP_CACHE_CLEAN_INVALIDATE,
        ZX_RIGHT_READ,
        &["VMO-OPRANGE-38"],
    ),
];

/// Codes of no operation, some of which are one in their lower bits.
const UNDEFINED: &[u32] = &[
    0,
    10,
    11,
    12,
    16,
    0x101,
    0x102,
    0x106,
    0x1_0001,
    0x1_0002,
    0x7fff_ffff,
    0x8000_0000,
    0x8000_0001,
    0x8000_0002,
    0xffff_fffe,
    0xffff_ffff,
];

/// Buffers that no operation looks at, and their sizes.
const BUFFERS: &[(&str, Address, u64)] = &[
    ("null_of_0", Address::Null, 0),
    ("null_of_1", Address::Null, 1),
    ("null_of_most", Address::Null, u64::MAX),
    ("one", Address::Literal(1), PAGE),
    ("kernel", Address::Kernel, 8),
    ("kernel_of_most", Address::Kernel, u64::MAX),
    ("unmapped", Address::Unmapped, PAGE),
    ("readonly", Address::ReadOnly, PAGE),
    ("top", Address::Literal(u64::MAX), u64::MAX),
];

/// Offsets and sizes of ranges of COMMIT and DECOMMIT in a VMO of three pages.
const RANGE_OFFSETS: &[u64] = &[
    0,
    1,
    PAGE / 2,
    PAGE - 1,
    PAGE,
    PAGE + 1,
    2 * PAGE - 1,
    2 * PAGE,
    2 * PAGE + 1,
    3 * PAGE - 1,
    3 * PAGE,
];
const RANGE_SIZES: &[u64] = &[
    0,
    1,
    2,
    PAGE - 1,
    PAGE,
    PAGE + 1,
    2 * PAGE - 1,
    2 * PAGE,
    2 * PAGE + 1,
    3 * PAGE - 1,
    3 * PAGE,
    3 * PAGE + 1,
    4 * PAGE,
    1 << 32,
    1 << 63,
    LARGEST - 4 * PAGE,
];

/// Ranges of COMMIT and DECOMMIT that begin beyond the end of three pages.
const BEYOND: &[(u64, u64)] = &[
    (3 * PAGE + 1, 0),
    (3 * PAGE + 1, 1),
    (4 * PAGE, 0),
    (4 * PAGE, PAGE),
    (1 << 31, 1),
    (1 << 32, PAGE),
    ((1 << 32) + PAGE, PAGE),
    (1 << 63, 1),
    (LARGEST, 0),
    (LARGEST, PAGE - 1),
    (u64::MAX, 0),
];

/// Ranges that begin inside of three pages or anywhere and leave 64 bits.
const WRAPPING: &[(u64, u64)] = &[
    (1, u64::MAX),
    (PAGE, u64::MAX),
    (PAGE, LARGEST),
    (2 * PAGE, LARGEST - PAGE),
    (3 * PAGE, LARGEST),
    (PAGE - 1, u64::MAX - PAGE + 2),
    (u64::MAX, 1),
    (u64::MAX, 2),
    (LARGEST, PAGE),
    (1 << 63, 1 << 63),
];

/// The pages of a VMO of three pages that a range touches; empty if it touches
/// none.
fn touched(offset: u64, size: u64) -> std::ops::Range<u64> {
    let end = offset.saturating_add(size).min(3 * PAGE);
    if size == 0 || offset >= end { 0..0 } else { offset / PAGE..end.div_ceil(PAGE) }
}

/// Whether a range of COMMIT or DECOMMIT is wholly inside of three pages.
fn is_inside(offset: u64, size: u64) -> bool {
    offset.checked_add(size).is_some_and(|end| end <= 3 * PAGE)
}

pub(super) fn add(suite: &mut Suite) {
    codes(suite);
    handles(suite);
    order(suite);
    buffers(suite);
    commit::add(suite);
    commit_effects::add(suite);
    decommit::add(suite);
    cache::add(suite);
}

fn codes(suite: &mut Suite) {
    for &op in UNDEFINED {
        suite.test(
            format!("refuses_undefined_code::{op:#x}"),
            &["VMO-OPRANGE-01"],
            &[Range],
            move |cx| {
                let vmo = cx.create(2 * PAGE)?;
                for (offset, size) in [(0, PAGE), (0, 2 * PAGE), (1, 0)] {
                    cx.vmo_op_range(vmo, op, offset, size)?.is(ZX_ERR_INVALID_ARGS)?;
                }
                Ok(())
            },
        );
        suite.test(
            format!("an_undefined_code_does_nothing::{op:#x}"),
            &["VMO-OPRANGE-02"],
            &[Range],
            move |cx| {
                let vmo = create_old(cx, 1)?;
                cx.vmo_op_range(vmo, op, 0, PAGE)?.is(ZX_ERR_INVALID_ARGS)?;
                cx.vmo_op_range(vmo, op, 2 * PAGE, 1)?.is(ZX_ERR_INVALID_ARGS)?;
                cx.vmo_op_range(vmo, op, u64::MAX, 2)?.is(ZX_ERR_INVALID_ARGS)?;
                cx.expect_bytes(vmo, 0, &super::vmo_read::old_bytes(PAGE))
            },
        );
    }

    suite
        .test("has_no_look_up", &["VMO-OPRANGE-01", "VMO-OPRANGE-02"], &[Range], |cx| {
            let vmo = create_old(cx, 1)?;
            for (offset, size) in [(0, PAGE), (0, 0), (PAGE + 1, 1)] {
                cx.vmo_op_range(vmo, 5, offset, size)?.is(ZX_ERR_INVALID_ARGS)?;
            }
            cx.takes("C-11", Side::Kernel);
            Ok(())
        })
        .at(Level::Page);

    for (name, op) in [("lock", ZX_VMO_OP_LOCK), ("unlock", ZX_VMO_OP_UNLOCK)] {
        suite.test(format!("does_not_support::{name}"), &["VMO-OPRANGE-03"], &[Range], move |cx| {
            let vmo = cx.create(2 * PAGE)?;
            for (offset, size) in [(0, PAGE), (0, 2 * PAGE), (PAGE, PAGE)] {
                cx.vmo_op_range(vmo, op, offset, size)?.is(ZX_ERR_NOT_SUPPORTED)?;
            }
            cx.takes("C-33", Side::Kernel);
            Ok(())
        });
        suite.test(
            format!("does_not_support_whatever_the_range::{name}"),
            &["VMO-OPRANGE-04"],
            &[Range],
            move |cx| {
                let vmo = cx.create(PAGE)?;
                for (offset, size) in [(0, 0), (PAGE + 1, 0), (0, PAGE + 1), (u64::MAX, 2)] {
                    cx.vmo_op_range(vmo, op, offset, size)?.is(ZX_ERR_NOT_SUPPORTED)?;
                }
                let answer =
                    cx.vmo_op_range_with_buffer(vmo, op, 0, PAGE, Address::Kernel, PAGE)?;
                answer.is(ZX_ERR_NOT_SUPPORTED).map(drop)
            },
        );
        suite.test(
            format!("does_not_support_whatever_the_rights::{name}"),
            &["VMO-OPRANGE-04"],
            &[Range, Handles],
            move |cx| {
                let vmo = cx.create(PAGE)?;
                for rights in [ZX_RIGHT_NONE, ZX_RIGHT_READ, ZX_RIGHT_WRITE] {
                    let handle = cx.duplicate(vmo, rights)?;
                    cx.vmo_op_range(handle, op, 0, PAGE)?.is(ZX_ERR_NOT_SUPPORTED)?;
                }
                Ok(())
            },
        );
    }
}

fn handles(suite: &mut Suite) {
    for &(name, op, right, clauses) in OPERATIONS {
        suite.test(
            format!("refuses_a_closed_handle::{name}"),
            &["VMO-OPRANGE-05"],
            &[Range],
            move |cx| {
                let closed = cx.closed_handle()?;
                cx.vmo_op_range(closed, op, 0, 1)?.is(ZX_ERR_BAD_HANDLE)?;
                cx.vmo_op_range(Handle::Invalid, op, 0, 1)?.is(ZX_ERR_BAD_HANDLE).map(drop)
            },
        );
        suite.test(
            format!("refuses_an_event::{name}"),
            &["VMO-OPRANGE-06"],
            &[Range, OtherObjects],
            move |cx| {
                let event = cx.event()?;
                cx.vmo_op_range(event, op, 0, 1)?.is(ZX_ERR_WRONG_TYPE).map(drop)
            },
        );
        suite.test(format!("needs_its_right::{name}"), clauses, &[Range, Handles], move |cx| {
            let vmo = create_old(cx, 1)?;
            for rights in [ZX_RIGHT_NONE, LISTED_RIGHTS & !right] {
                let handle = cx.duplicate(vmo, rights)?;
                cx.vmo_op_range(handle, op, 0, PAGE)?.is(ZX_ERR_ACCESS_DENIED)?;
            }
            cx.operate(vmo, op, 0, PAGE)
        });
        suite.test(
            format!("needs_nothing_but_its_right::{name}"),
            &["VMO-OPRANGE-12"],
            &[Range, Handles],
            move |cx| {
                let vmo = create_old(cx, 1)?;
                let handle = cx.duplicate(vmo, right)?;
                cx.operate(handle, op, 0, PAGE)
            },
        );
        suite.test(
            format!("a_denied_operation_does_nothing::{name}"),
            &["VMO-OPRANGE-08"],
            &[Range, Handles],
            move |cx| {
                let vmo = create_old(cx, 2)?;
                let handle = cx.duplicate(vmo, LISTED_RIGHTS & !right)?;
                cx.vmo_op_range(handle, op, 0, 2 * PAGE)?.is(ZX_ERR_ACCESS_DENIED)?;
                cx.expect_bytes(vmo, 0, &super::vmo_read::old_bytes(2 * PAGE))
            },
        );
    }
}

fn order(suite: &mut Suite) {
    for op in [0, 5, 10, u32::MAX] {
        suite.test(
            format!("judges_code_before_rights::{op:#x}"),
            &["VMO-OPRANGE-07"],
            &[Range, Handles],
            move |cx| {
                let vmo = cx.create(PAGE)?;
                let powerless = cx.duplicate(vmo, ZX_RIGHT_NONE)?;
                cx.vmo_op_range(powerless, op, 0, PAGE)?.is(ZX_ERR_INVALID_ARGS)?;
                let closed = cx.closed_handle()?;
                cx.vmo_op_range(closed, op, 0, PAGE)?.is(ZX_ERR_BAD_HANDLE).map(drop)
            },
        );
    }

    for &(name, op, right, _) in OPERATIONS {
        suite.test(
            format!("judges_rights_before_range::{name}"),
            &["VMO-OPRANGE-08"],
            &[Range, Handles],
            move |cx| {
                let vmo = cx.create(PAGE)?;
                let handle = cx.duplicate(vmo, LISTED_RIGHTS & !right)?;
                for (offset, size) in [(0, 0), (PAGE + 1, 0), (PAGE + 1, 1), (u64::MAX, 2)] {
                    cx.vmo_op_range(handle, op, offset, size)?.is(ZX_ERR_ACCESS_DENIED)?;
                }
                Ok(())
            },
        );

        suite.test(
            format!("leaves_size_name_koid_and_signals::{name}"),
            &["VMO-OPRANGE-10"],
            &[Range, Info, Properties, Signals],
            move |cx| {
                let vmo = cx.create(3 * PAGE)?;
                cx.set_name(vmo, b"name")?;
                cx.object_signal(vmo, 0, ZX_USER_SIGNAL_2)?.ok()?;
                // With zeros for contents nothing at all may change.
                let before = cx.snapshot(vmo)?;
                cx.operate(vmo, op, 0, 3 * PAGE)?;
                cx.operate(vmo, op, 1, PAGE)?;
                cx.vmo_op_range(vmo, op, 3 * PAGE + 1, 1)?.is(ZX_ERR_OUT_OF_RANGE)?;
                cx.expect_unchanged(vmo, &before)
            },
        );
    }
}

fn buffers(suite: &mut Suite) {
    for &(name, op, _, _) in OPERATIONS {
        for &(buffer_name, buffer, size) in BUFFERS {
            suite.test(
                format!("ignores_the_buffer::{name}::{buffer_name}"),
                &["VMO-OPRANGE-09"],
                &[Range],
                move |cx| {
                    let vmo = cx.create(PAGE)?;
                    let answer = cx.vmo_op_range_with_buffer(vmo, op, 0, PAGE, buffer, size)?;
                    let answer = answer.is(ZX_OK)?;
                    cx.takes("C-32", Side::Kernel);
                    answer.untouched().map(drop)
                },
            );
        }
    }
}
