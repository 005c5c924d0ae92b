//! The cache operations.

use vmo_abi::Capability::{CachePolicy, Clone, Info, Mapping, MemoryControl, ProcessVmos, Range};
use vmo_abi::{
    ZX_ERR_BAD_STATE, ZX_ERR_INVALID_ARGS, ZX_ERR_OUT_OF_RANGE, ZX_VMO_OP_CACHE_CLEAN,
    ZX_VMO_OP_CACHE_CLEAN_INVALIDATE, ZX_VMO_OP_CACHE_INVALIDATE, ZX_VMO_OP_CACHE_SYNC,
    ZX_VMO_OP_COMMIT,
};

use crate::suite::cases::vmo_create::LARGEST;
use crate::suite::cases::vmo_read::{create_old, named, new_bytes, old_bytes};
use crate::suite::{PAGE, READ_WRITE, Suite};

const CACHE_OPERATIONS: &[(&str, u32)] = &[
    ("sync", ZX_VMO_OP_CACHE_SYNC),
    ("invalidate", ZX_VMO_OP_CACHE_INVALIDATE),
    ("clean", ZX_VMO_OP_CACHE_CLEAN),
    ("clean_invalidate", ZX_VMO_OP_CACHE_CLEAN_INVALIDATE),
];

/// Ranges inside of three pages.
const INSIDE: &[(u64, u64)] = &[
    (0, 1),
    (1, 1),
    (0, PAGE),
    (0, 3 * PAGE),
    (1, PAGE),
    (PAGE - 1, 2),
    (PAGE, PAGE),
    (PAGE + 1, 2 * PAGE - 1),
    (2 * PAGE - 1, PAGE + 1),
    (3 * PAGE - 1, 1),
];

/// Ranges that are not.
const OUTSIDE: &[(u64, u64)] = &[
    (0, 3 * PAGE + 1),
    (1, 3 * PAGE),
    (2 * PAGE, PAGE + 1),
    (3 * PAGE - 1, 2),
    (3 * PAGE, 1),
    (3 * PAGE + 1, 1),
    (1 << 31, 1),
    (1 << 32, 1),
    (1 << 63, 1),
    (0, 1 << 32),
    (0, (1 << 32) + 1),
    (0, u64::MAX),
    (1, u64::MAX),
    (PAGE, LARGEST),
    (PAGE, u64::MAX),
    (LARGEST, PAGE),
    (u64::MAX, 1),
    (u64::MAX, 2),
    (1 << 63, 1 << 63),
];

pub(super) fn add(suite: &mut Suite) {
    for &(name, op) in CACHE_OPERATIONS {
        ranges(suite, name, op);
        effects(suite, name, op);
    }
    invalidate(suite);
}

fn ranges(suite: &mut Suite, name: &'static str, op: u32) {
    for &(offset, size) in INSIDE {
        suite.test(
            format!("cache_operation_takes::{name}::{offset}_for_{size}"),
            &["VMO-OPRANGE-43"],
            &[Range],
            move |cx| {
                let vmo = create_old(cx, 3)?;
                cx.operate(vmo, op, offset, size)?;
                let fresh = cx.create(3 * PAGE)?;
                cx.operate(fresh, op, offset, size)
            },
        );
    }

    for &(offset, size) in OUTSIDE {
        suite.test(
            format!("cache_operation_refuses::{name}::{}_for_{}", named(offset), named(size)),
            &["VMO-OPRANGE-42"],
            &[Range],
            move |cx| {
                let vmo = create_old(cx, 3)?;
                cx.vmo_op_range(vmo, op, offset, size)?.is(ZX_ERR_OUT_OF_RANGE).map(drop)
            },
        );
    }

    suite.test(format!("refuses_size_0::{name}"), &["VMO-OPRANGE-40"], &[Range], move |cx| {
        let vmo = create_old(cx, 3)?;
        for offset in [0, 1, PAGE, 3 * PAGE - 1] {
            cx.vmo_op_range(vmo, op, offset, 0)?.is(ZX_ERR_INVALID_ARGS)?;
        }
        Ok(())
    });

    suite.test(
        format!("judges_size_0_before_the_range::{name}"),
        &["VMO-OPRANGE-41"],
        &[Range],
        move |cx| {
            let vmo = cx.create(PAGE)?;
            for offset in [PAGE, PAGE + 1, 1 << 40, u64::MAX] {
                cx.vmo_op_range(vmo, op, offset, 0)?.is(ZX_ERR_INVALID_ARGS)?;
            }
            Ok(())
        },
    );

    suite.test(
        format!("an_empty_vmo_has_no_cache::{name}"),
        &["VMO-OPRANGE-49"],
        &[Range],
        move |cx| {
            let vmo = cx.create(0)?;
            for offset in [0, 1] {
                cx.vmo_op_range(vmo, op, offset, 0)?.is(ZX_ERR_INVALID_ARGS)?;
                cx.vmo_op_range(vmo, op, offset, 1)?.is(ZX_ERR_OUT_OF_RANGE)?;
            }
            cx.vmo_op_range(vmo, op, 0, u64::MAX)?.is(ZX_ERR_OUT_OF_RANGE).map(drop)
        },
    );

    suite.test(
        format!("cache_operation_goes_by_the_present_size::{name}"),
        &["VMO-OPRANGE-42"],
        &[Range],
        move |cx| {
            let vmo = create_old(cx, 3)?;
            cx.resize(vmo, PAGE)?;
            cx.vmo_op_range(vmo, op, 0, PAGE + 1)?.is(ZX_ERR_OUT_OF_RANGE)?;
            cx.resize(vmo, 4 * PAGE)?;
            cx.operate(vmo, op, 0, 4 * PAGE)
        },
    );
}

fn effects(suite: &mut Suite, name: &'static str, op: u32) {
    suite.test(
        format!("cache_operation_commits_nothing::{name}"),
        &["VMO-OPRANGE-44"],
        &[Range, CachePolicy],
        move |cx| {
            let vmo = cx.create(3 * PAGE)?;
            cx.operate(vmo, op, 0, 3 * PAGE)?;
            cx.operate(vmo, op, PAGE - 1, 2)?;
            cx.expect_nothing_committed(vmo)
        },
    );

    suite.test(
        format!("cache_operation_skips_uncommitted_pages::{name}"),
        &["VMO-OPRANGE-44"],
        &[Range, ProcessVmos, Info],
        move |cx| {
            let vmo = cx.create(4 * PAGE)?;
            cx.write(vmo, PAGE, b"x")?;
            cx.operate(vmo, op, 0, 4 * PAGE)?;
            cx.expect_committed(vmo, PAGE)
        },
    );

    suite.test(
        format!("cache_operation_needs_no_memory::{name}"),
        &["VMO-OPRANGE-44"],
        &[Range, MemoryControl],
        move |cx| {
            cx.limit_memory(Some(0))?;
            let vmo = cx.create(3 * PAGE)?;
            cx.operate(vmo, op, 0, 3 * PAGE)
        },
    );

    // What INVALIDATE may do to bytes is tested below.
    if op != ZX_VMO_OP_CACHE_INVALIDATE {
        for &(offset, size) in INSIDE {
            suite.test(
                format!("cache_operation_changes_no_byte::{name}::{offset}_for_{size}"),
                &["VMO-OPRANGE-45"],
                &[Range],
                move |cx| {
                    let vmo = create_old(cx, 3)?;
                    cx.operate(vmo, op, offset, size)?;
                    cx.expect_bytes(vmo, 0, &old_bytes(3 * PAGE))
                },
            );
        }

        suite.test(
            format!("cache_operation_sees_stores::{name}"),
            &["VMO-OPRANGE-45"],
            &[Range, Mapping],
            move |cx| {
                let vmo = create_old(cx, 2)?;
                let address = cx.map(vmo, 0, 2 * PAGE, READ_WRITE)?;
                cx.store_bytes(address, b"stored")?;
                cx.operate(vmo, op, 0, 2 * PAGE)?;
                cx.expect_load(address, b"stored")?;
                cx.expect_bytes(vmo, 0, b"stored")
            },
        );

        suite.test(
            format!("cache_operation_does_not_copy_into_a_clone::{name}"),
            &["VMO-OPRANGE-47"],
            &[Range, Clone, ProcessVmos, Info],
            move |cx| {
                let parent = create_old(cx, 2)?;
                let clone = cx.clone_of(parent, 0, 3 * PAGE)?;
                cx.operate(clone, op, 0, 3 * PAGE)?;
                cx.expect_committed(clone, 0)?;
                cx.expect_bytes(clone, 0, &old_bytes(2 * PAGE))?;
                // Nothing was copied: the clone goes on following.
                cx.write(parent, PAGE - 1, b"follow")?;
                cx.expect_bytes(clone, PAGE - 1, b"follow")
            },
        );
    }

    for policy in 1..4 {
        suite.test(
            format!("cache_operation_works_under_cache_policy::{name}::{policy}"),
            &["VMO-OPRANGE-48"],
            &[Range, CachePolicy],
            move |cx| {
                let vmo = cx.create(2 * PAGE)?;
                cx.vmo_set_cache_policy(vmo, policy)?.ok()?;
                cx.operate(vmo, op, 0, 2 * PAGE)?;
                cx.operate(vmo, ZX_VMO_OP_COMMIT, 0, PAGE)?;
                cx.operate(vmo, op, 0, 2 * PAGE)?;
                cx.vmo_op_range(vmo, op, 0, 2 * PAGE + 1)?.is(ZX_ERR_OUT_OF_RANGE)?;
                cx.vmo_set_cache_policy(vmo, 0)?.is(ZX_ERR_BAD_STATE).map(drop)
            },
        );
    }
}

fn invalidate(suite: &mut Suite) {
    suite.test("invalidate_keeps_what_was_cleaned", &["VMO-OPRANGE-46"], &[Range], |cx| {
        let vmo = create_old(cx, 2)?;
        cx.operate(vmo, ZX_VMO_OP_CACHE_CLEAN, 0, 2 * PAGE)?;
        cx.operate(vmo, ZX_VMO_OP_CACHE_INVALIDATE, 0, 2 * PAGE)?;
        cx.expect_bytes(vmo, 0, &old_bytes(2 * PAGE))
    });

    suite.test(
        "invalidate_leaves_the_newest_or_older_bytes",
        &["VMO-OPRANGE-46"],
        &[Range],
        |cx| {
            let vmo = create_old(cx, 2)?;
            cx.operate(vmo, ZX_VMO_OP_CACHE_CLEAN, 0, 2 * PAGE)?;
            cx.write(vmo, 0, &new_bytes(2 * PAGE))?;
            cx.operate(vmo, ZX_VMO_OP_CACHE_INVALIDATE, 0, 2 * PAGE)?;
            let bytes = cx.read(vmo, 0, 2 * PAGE)?;
            let (old, new) = (old_bytes(2 * PAGE), new_bytes(2 * PAGE));
            let mut both = bytes.iter().zip(old.iter().zip(&new));
            let is_either = both.all(|(byte, (old, new))| byte == old || byte == new);
            cx.expect(is_either, "each byte old or new", "other bytes")
        },
    );

    suite.test("invalidate_leaves_other_pages", &["VMO-OPRANGE-46"], &[Range], |cx| {
        let vmo = create_old(cx, 3)?;
        cx.operate(vmo, ZX_VMO_OP_CACHE_INVALIDATE, PAGE, PAGE)?;
        cx.expect_bytes(vmo, 0, &old_bytes(PAGE))?;
        cx.expect_bytes(vmo, 2 * PAGE, &old_bytes(3 * PAGE)[2 * PAGE as usize..])
    });
}
