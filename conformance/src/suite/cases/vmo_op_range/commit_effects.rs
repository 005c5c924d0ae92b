//! What COMMIT does besides committing: nothing.

use vmo_abi::Capability::{
    CachePolicy, Clone, Handles, Info, Mapping, MemoryControl, ProcessVmos, Range,
};
use vmo_abi::{
    ZX_ERR_BAD_STATE, ZX_ERR_NO_MEMORY, ZX_ERR_OUT_OF_RANGE, ZX_RIGHT_WRITE, ZX_VMO_OP_COMMIT,
    ZX_VMO_OP_DECOMMIT,
};

use crate::level::Level;
use crate::suite::cases::vmo_read::{create_old, new_bytes, old_bytes};
use crate::suite::{PAGE, READ_ONLY, READ_WRITE, Suite, plus};

pub(super) fn add(suite: &mut Suite) {
    contents(suite);
    memory(suite);
    others(suite);
}

fn contents(suite: &mut Suite) {
    // Each combination of pages that hold data before.
    for written in 0_u64..8 {
        suite.test(
            format!("committing_changes_no_byte::{written:03b}"),
            &["VMO-OPRANGE-19"],
            &[Range],
            move |cx| {
                let vmo = cx.create(3 * PAGE)?;
                let old = old_bytes(3 * PAGE);
                let mut expected = vec![0; 3 * PAGE as usize];
                for page in (0..3).filter(|page| written >> page & 1 != 0) {
                    let range = (page * PAGE) as usize..((page + 1) * PAGE) as usize;
                    cx.write(vmo, page * PAGE, &old[range.clone()])?;
                    expected[range.clone()].copy_from_slice(&old[range]);
                }
                for (offset, size) in [(PAGE - 1, 2), (0, 3 * PAGE), (0, 3 * PAGE)] {
                    cx.operate(vmo, ZX_VMO_OP_COMMIT, offset, size)?;
                    cx.expect_bytes(vmo, 0, &expected)?;
                }
                Ok(())
            },
        );
    }

    suite.test("committed_pages_can_be_written", &["VMO-OPRANGE-19"], &[Range], |cx| {
        let vmo = cx.create(3 * PAGE)?;
        cx.operate(vmo, ZX_VMO_OP_COMMIT, 0, 3 * PAGE)?;
        cx.write(vmo, PAGE - 3, b"border")?;
        cx.expect_fill(vmo, 0, PAGE - 3, 0)?;
        cx.expect_bytes(vmo, PAGE - 3, b"border")?;
        cx.expect_fill(vmo, PAGE + 3, 2 * PAGE - 3, 0)
    });

    suite.test("pages_committed_after_a_decommit_are_zero", &["VMO-OPRANGE-19"], &[Range], |cx| {
        let vmo = create_old(cx, 3)?;
        cx.operate(vmo, ZX_VMO_OP_DECOMMIT, 0, 3 * PAGE)?;
        cx.operate(vmo, ZX_VMO_OP_COMMIT, 0, 3 * PAGE)?;
        cx.expect_fill(vmo, 0, 3 * PAGE, 0)
    });

    for policy in 1..4 {
        suite.test(
            format!("commits_under_cache_policy::{policy}"),
            &["VMO-OPRANGE-22"],
            &[Range, CachePolicy],
            move |cx| {
                let vmo = cx.create(2 * PAGE)?;
                cx.vmo_set_cache_policy(vmo, policy)?.ok()?;
                cx.operate(vmo, ZX_VMO_OP_COMMIT, PAGE, PAGE)?;
                cx.vmo_set_cache_policy(vmo, 0)?.is(ZX_ERR_BAD_STATE)?;
                cx.operate(vmo, ZX_VMO_OP_DECOMMIT, PAGE, PAGE)?;
                cx.vmo_set_cache_policy(vmo, 0)?.ok().map(drop)
            },
        );
    }

    for (name, flags) in [("read_only", READ_ONLY), ("read_write", READ_WRITE)] {
        suite.test(
            format!("a_mapping_shows_the_same_bytes::{name}"),
            &["VMO-OPRANGE-23"],
            &[Range, Mapping],
            move |cx| {
                let vmo = cx.create(3 * PAGE)?;
                cx.write(vmo, PAGE, &old_bytes(PAGE))?;
                let address = cx.map(vmo, 0, 3 * PAGE, flags)?;
                let bytes = cx.load_bytes(address, 3 * PAGE)?;
                cx.operate(vmo, ZX_VMO_OP_COMMIT, 0, 3 * PAGE)?;
                cx.expect_load(address, &bytes)?;
                // And it shows the committed pages, not what it read before.
                cx.write(vmo, 2 * PAGE, b"written")?;
                cx.expect_load(plus(address, 2 * PAGE), b"written\0")
            },
        );
    }
}

fn memory(suite: &mut Suite) {
    // Pages there may be, pages of four that are committed before.
    for (limit, before) in [(0, 0), (1, 0), (3, 0), (2, 1), (3, 2), (3, 3)] {
        let name = format!("{limit}_pages_with_{before}");
        suite.test(
            format!("commit_answers_no_memory::{name}"),
            &["VMO-OPRANGE-20"],
            &[Range, MemoryControl],
            move |cx| {
                let vmo = cx.create(4 * PAGE)?;
                cx.write(vmo, 0, &old_bytes(before * PAGE))?;
                cx.limit_memory(Some(limit))?;
                let answer = cx.vmo_op_range(vmo, ZX_VMO_OP_COMMIT, 0, 4 * PAGE)?;
                answer.is(ZX_ERR_NO_MEMORY)?;
                cx.limit_memory(None)?;
                cx.operate(vmo, ZX_VMO_OP_COMMIT, 0, 4 * PAGE)?;
                cx.expect_bytes(vmo, 0, &old_bytes(before * PAGE))
            },
        );
        suite.test(
            format!("commit_is_all_or_nothing::{name}"),
            &["VMO-OPRANGE-21"],
            &[Range, MemoryControl, ProcessVmos, Info],
            move |cx| {
                let vmo = cx.create(4 * PAGE)?;
                cx.write(vmo, 0, &old_bytes(before * PAGE))?;
                cx.limit_memory(Some(limit))?;
                let answer = cx.vmo_op_range(vmo, ZX_VMO_OP_COMMIT, 0, 4 * PAGE)?;
                answer.is(ZX_ERR_NO_MEMORY)?;
                cx.expect_committed(vmo, before * PAGE)?;
                cx.expect_bytes(vmo, 0, &old_bytes(before * PAGE))?;
                cx.expect_fill(vmo, before * PAGE, (4 - before) * PAGE, 0)
            },
        );
    }

    for nth in 1..=4 {
        suite.test(
            format!("a_failing_allocation_leaves_nothing_committed::{nth}"),
            &["VMO-OPRANGE-21"],
            &[Range, MemoryControl, CachePolicy],
            move |cx| {
                let vmo = cx.create(4 * PAGE)?;
                cx.fail_allocation(Some(nth))?;
                let answer = cx.vmo_op_range(vmo, ZX_VMO_OP_COMMIT, 0, 4 * PAGE)?;
                answer.is(ZX_ERR_NO_MEMORY)?;
                cx.fail_allocation(None)?;
                cx.expect_nothing_committed(vmo)?;
                cx.operate(vmo, ZX_VMO_OP_COMMIT, 0, 4 * PAGE)
            },
        );
    }

    suite.test(
        "pages_kept_from_a_refused_commit_can_be_used",
        &["VMO-OPRANGE-21"],
        &[Range, MemoryControl],
        |cx| {
            cx.limit_memory(Some(3))?;
            let vmo = cx.create(4 * PAGE)?;
            cx.vmo_op_range(vmo, ZX_VMO_OP_COMMIT, 0, 4 * PAGE)?.is(ZX_ERR_NO_MEMORY)?;
            let other = cx.create(3 * PAGE)?;
            cx.operate(other, ZX_VMO_OP_COMMIT, 0, 3 * PAGE)
        },
    );

    suite.test(
        "commit_needs_only_the_missing_pages",
        &["VMO-OPRANGE-13"],
        &[Range, MemoryControl],
        |cx| {
            cx.limit_memory(Some(3))?;
            let vmo = cx.create(3 * PAGE)?;
            cx.operate(vmo, ZX_VMO_OP_COMMIT, PAGE, 2 * PAGE)?;
            cx.operate(vmo, ZX_VMO_OP_COMMIT, 0, 3 * PAGE)?;
            cx.operate(vmo, ZX_VMO_OP_COMMIT, 0, 3 * PAGE)
        },
    );

    suite.test(
        "writes_to_committed_pages_need_no_memory",
        &["VMO-OPRANGE-13"],
        &[Range, MemoryControl],
        |cx| {
            let vmo = cx.create(4 * PAGE)?;
            cx.operate(vmo, ZX_VMO_OP_COMMIT, PAGE, 2 * PAGE)?;
            cx.limit_memory(Some(2))?;
            cx.write(vmo, PAGE, &new_bytes(2 * PAGE))?;
            cx.expect_bytes(vmo, PAGE, &new_bytes(2 * PAGE))?;
            cx.vmo_write(vmo, 0, b"x")?.is(ZX_ERR_NO_MEMORY).map(drop)
        },
    );

    suite.test(
        "stores_to_committed_pages_need_no_memory",
        &["VMO-OPRANGE-13"],
        &[Range, MemoryControl, Mapping],
        |cx| {
            let vmo = cx.create(2 * PAGE)?;
            let address = cx.map(vmo, 0, 2 * PAGE, READ_WRITE)?;
            cx.operate(vmo, ZX_VMO_OP_COMMIT, 0, 2 * PAGE)?;
            cx.limit_memory(Some(2))?;
            cx.store_bytes(plus(address, PAGE - 1), b"x")?;
            cx.store_bytes(plus(address, PAGE), b"y")?;
            cx.expect_bytes(vmo, PAGE - 1, b"xy")
        },
    );

    suite.test(
        "commit_refuses_more_than_there_is",
        &["VMO-OPRANGE-20"],
        &[Range, MemoryControl],
        |cx| {
            cx.limit_memory(Some(100))?;
            let answer = cx.vmo_create(1 << 40, 0)?;
            let Some(created) = cx.ok_or_no_memory(answer)? else { return Ok(()) };
            let vmo = created.handle(0);
            cx.vmo_op_range(vmo, ZX_VMO_OP_COMMIT, 0, 1 << 40)?.is(ZX_ERR_NO_MEMORY)?;
            cx.operate(vmo, ZX_VMO_OP_COMMIT, 1 << 39, 100 * PAGE)
        },
    );
}

fn others(suite: &mut Suite) {
    suite.test("committing_leaves_other_vmos", &["VMO-OPRANGE-24"], &[Range, CachePolicy], |cx| {
        let (first, second) = (cx.create(2 * PAGE)?, cx.create(2 * PAGE)?);
        cx.operate(first, ZX_VMO_OP_COMMIT, 0, 2 * PAGE)?;
        cx.expect_nothing_committed(second)?;
        cx.vmo_set_cache_policy(first, 0)?.is(ZX_ERR_BAD_STATE).map(drop)
    });

    // Other implementations may count otherwise (ND-08).
    suite
        .test(
            "committed_bytes_count_pages",
            &["VMO-OPRANGE-24"],
            &[Range, ProcessVmos, Info],
            |cx| {
                let vmo = cx.create(8 * PAGE)?;
                for (offset, size, pages) in [
                    (PAGE, PAGE, 1),
                    (0, 3 * PAGE, 3),
                    (7 * PAGE, PAGE, 4),
                    (3 * PAGE - 1, 2, 5),
                    (0, 8 * PAGE, 8),
                ] {
                    cx.operate(vmo, ZX_VMO_OP_COMMIT, offset, size)?;
                    cx.expect_committed(vmo, pages * PAGE)?;
                }
                Ok(())
            },
        )
        .at(Level::Kernel);

    suite
        .test("commits_a_long_range", &["VMO-OPRANGE-14"], &[Range, ProcessVmos, Info], |cx| {
            let vmo = cx.create(1100 * PAGE)?;
            cx.operate(vmo, ZX_VMO_OP_COMMIT, 30 * PAGE + 1, 1000 * PAGE)?;
            cx.expect_committed(vmo, 1001 * PAGE)?;
            cx.operate(vmo, ZX_VMO_OP_COMMIT, 0, 1100 * PAGE)?;
            cx.expect_committed(vmo, 1100 * PAGE)
        })
        .at(Level::Kernel);

    suite.test(
        "commits_through_any_handle",
        &["VMO-OPRANGE-24"],
        &[Range, CachePolicy, Handles],
        |cx| {
            let vmo = cx.create(PAGE)?;
            let writer = cx.duplicate(vmo, ZX_RIGHT_WRITE)?;
            cx.operate(writer, ZX_VMO_OP_COMMIT, 0, PAGE)?;
            cx.vmo_set_cache_policy(vmo, 0)?.is(ZX_ERR_BAD_STATE)?;
            cx.operate(vmo, ZX_VMO_OP_DECOMMIT, 0, PAGE)?;
            cx.expect_nothing_committed(vmo)
        },
    );

    suite.test("commit_goes_by_the_present_size", &["VMO-OPRANGE-16"], &[Range], |cx| {
        let vmo = cx.create(3 * PAGE)?;
        cx.resize(vmo, PAGE)?;
        let answer = cx.vmo_op_range(vmo, ZX_VMO_OP_COMMIT, 2 * PAGE, PAGE)?;
        answer.is(ZX_ERR_OUT_OF_RANGE)?;
        cx.resize(vmo, 5 * PAGE)?;
        cx.operate(vmo, ZX_VMO_OP_COMMIT, 4 * PAGE, PAGE)
    });

    for (offset, size) in [(0, 0), (0, 1), (0, u64::MAX)] {
        suite.test(
            format!("an_empty_vmo_has_nothing_to_commit::{size}"),
            if size == 0 { &["VMO-OPRANGE-18"] } else { &["VMO-OPRANGE-15"] },
            &[Range, CachePolicy],
            move |cx| {
                let vmo = cx.create(0)?;
                for op in [ZX_VMO_OP_COMMIT, ZX_VMO_OP_DECOMMIT] {
                    cx.operate(vmo, op, offset, size)?;
                    cx.vmo_op_range(vmo, op, 1, 0)?.is(ZX_ERR_OUT_OF_RANGE)?;
                }
                cx.resize(vmo, PAGE)?;
                cx.expect_nothing_committed(vmo)
            },
        );
    }

    suite.test("commits_at_high_offsets", &["VMO-OPRANGE-13"], &[Range, CachePolicy], |cx| {
        for offset in [1 << 31, 1 << 32, 1 << 40] {
            let answer = cx.vmo_create(offset + 2 * PAGE, 0)?;
            let Some(created) = cx.ok_or_no_memory(answer)? else { return Ok(()) };
            let vmo = created.handle(0);
            cx.operate(vmo, ZX_VMO_OP_COMMIT, offset, PAGE)?;
            cx.operate(vmo, ZX_VMO_OP_DECOMMIT, 0, 4 * PAGE)?;
            cx.vmo_set_cache_policy(vmo, 0)?.is(ZX_ERR_BAD_STATE)?;
            cx.operate(vmo, ZX_VMO_OP_DECOMMIT, offset, PAGE)?;
            cx.expect_nothing_committed(vmo)?;
        }
        Ok(())
    });

    suite.test(
        "committing_a_clone_leaves_its_parent",
        &["VMO-OPRANGE-19"],
        &[Range, Clone],
        |cx| {
            let parent = create_old(cx, 2)?;
            let clone = cx.clone_of(parent, 0, 3 * PAGE)?;
            cx.operate(clone, ZX_VMO_OP_COMMIT, 0, 3 * PAGE)?;
            cx.expect_bytes(clone, 0, &old_bytes(2 * PAGE))?;
            cx.expect_fill(clone, 2 * PAGE, PAGE, 0)?;
            cx.expect_bytes(parent, 0, &old_bytes(2 * PAGE))
        },
    );
}
