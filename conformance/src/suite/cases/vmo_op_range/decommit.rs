//! DECOMMIT.

use vmo_abi::Capability::{CachePolicy, Handles, Info, Mapping, MemoryControl, ProcessVmos, Range};
use vmo_abi::{
    ZX_ERR_BAD_STATE, ZX_ERR_NO_MEMORY, ZX_ERR_OUT_OF_RANGE, ZX_OK, ZX_RIGHT_WRITE,
    ZX_VMO_OP_COMMIT, ZX_VMO_OP_DECOMMIT,
};

use super::{BEYOND, RANGE_OFFSETS, RANGE_SIZES, WRAPPING, is_inside, touched};
use crate::level::Level;
use crate::suite::cases::vmo_read::{create_old, named, new_bytes, old_bytes};
use crate::suite::{PAGE, READ_ONLY, READ_WRITE, Side, Suite, plus};

/// The [`old_bytes`] of three pages, but zeros in some of these.
fn without(pages: &std::ops::Range<u64>) -> Vec<u8> {
    let mut bytes = old_bytes(3 * PAGE);
    bytes[(pages.start * PAGE) as usize..(pages.end * PAGE) as usize].fill(0);
    bytes
}

pub(super) fn add(suite: &mut Suite) {
    ranges(suite);
    refusals(suite);
    state(suite);
    mapped(suite);
}

fn ranges(suite: &mut Suite) {
    for &offset in RANGE_OFFSETS {
        for &size in RANGE_SIZES {
            let name = format!("{offset}_for_{}", named(size));
            let pages = touched(offset, size);
            let is_aligned = offset.is_multiple_of(PAGE) && size.is_multiple_of(PAGE);
            if is_inside(offset, size) {
                let clauses: &[&str] = match (size, is_aligned) {
                    (0, _) => &["VMO-OPRANGE-30"],
                    (_, true) => &["VMO-OPRANGE-26", "VMO-OPRANGE-27", "VMO-OPRANGE-29"],
                    (_, false) => &["VMO-OPRANGE-28", "VMO-OPRANGE-29"],
                };
                suite.test(format!("decommits_whole_pages::{name}"), clauses, &[Range], {
                    let pages = pages.clone();
                    move |cx| {
                        let vmo = create_old(cx, 3)?;
                        cx.operate(vmo, ZX_VMO_OP_DECOMMIT, offset, size)?;
                        cx.expect_bytes(vmo, 0, &without(&pages))
                    }
                });
            } else {
                let test = suite.test(
                    format!("decommit_cuts_a_range_at_the_end::{name}"),
                    &["VMO-OPRANGE-30"],
                    &[Range],
                    {
                        let pages = pages.clone();
                        move |cx| {
                            let vmo = create_old(cx, 3)?;
                            let answer = cx.vmo_op_range(vmo, ZX_VMO_OP_DECOMMIT, offset, size)?;
                            let (_, side) =
                                cx.either("C-12", answer, ZX_ERR_OUT_OF_RANGE, ZX_OK)?;
                            let is_done = side == Side::Kernel;
                            let expected = without(&if is_done { pages.clone() } else { 0..0 });
                            cx.expect_bytes(vmo, 0, &expected)
                        }
                    },
                );
                if offset.is_multiple_of(PAGE) {
                    test.at(Level::Page);
                }
            }
            suite.test(
                format!("releases_whole_pages::{name}"),
                if size == 0 { &["VMO-OPRANGE-30"] } else { &["VMO-OPRANGE-28", "VMO-OPRANGE-29"] },
                &[Range, ProcessVmos, Info],
                move |cx| {
                    let vmo = create_old(cx, 3)?;
                    for _ in 0..2 {
                        cx.operate(vmo, ZX_VMO_OP_DECOMMIT, offset, size)?;
                        cx.expect_committed(vmo, (3 - (pages.end - pages.start)) * PAGE)?;
                    }
                    Ok(())
                },
            );
        }
    }
}

fn refusals(suite: &mut Suite) {
    for &(offset, size) in BEYOND.iter().chain(WRAPPING) {
        let name = format!("decommit_refuses_a_range::{}_for_{}", named(offset), named(size));
        let test = suite.test(name, &["VMO-OPRANGE-30"], &[Range], move |cx| {
            let vmo = create_old(cx, 3)?;
            let answer = cx.vmo_op_range(vmo, ZX_VMO_OP_DECOMMIT, offset, size)?;
            answer.is(ZX_ERR_OUT_OF_RANGE)?;
            cx.expect_bytes(vmo, 0, &old_bytes(3 * PAGE))
        });
        // On a range that begins beyond the end pages and kernel agree.
        if offset > 3 * PAGE {
            test.at(Level::Page);
        }
    }

    suite.test("decommit_takes_a_range_up_to_the_last_byte", &["VMO-OPRANGE-30"], &[Range], |cx| {
        let vmo = create_old(cx, 3)?;
        cx.operate(vmo, ZX_VMO_OP_DECOMMIT, 2 * PAGE, u64::MAX - 2 * PAGE)?;
        cx.expect_bytes(vmo, 0, &without(&(2..3)))?;
        cx.operate(vmo, ZX_VMO_OP_DECOMMIT, 0, u64::MAX)?;
        cx.expect_fill(vmo, 0, 3 * PAGE, 0)
    });

    suite.test("decommit_goes_by_the_present_size", &["VMO-OPRANGE-30"], &[Range], |cx| {
        let vmo = create_old(cx, 3)?;
        cx.resize(vmo, PAGE)?;
        let answer = cx.vmo_op_range(vmo, ZX_VMO_OP_DECOMMIT, PAGE + 1, 0)?;
        answer.is(ZX_ERR_OUT_OF_RANGE)?;
        cx.resize(vmo, 5 * PAGE)?;
        cx.write(vmo, 4 * PAGE, &new_bytes(PAGE))?;
        cx.operate(vmo, ZX_VMO_OP_DECOMMIT, 4 * PAGE, PAGE)?;
        cx.expect_bytes(vmo, 0, &old_bytes(PAGE))?;
        cx.expect_fill(vmo, PAGE, 4 * PAGE, 0)
    });
}

fn state(suite: &mut Suite) {
    suite.test(
        "decommitting_what_is_not_committed_succeeds",
        &["VMO-OPRANGE-31"],
        &[Range],
        |cx| {
            let vmo = cx.create(4 * PAGE)?;
            cx.operate(vmo, ZX_VMO_OP_DECOMMIT, 0, 4 * PAGE)?;
            cx.operate(vmo, ZX_VMO_OP_DECOMMIT, 1, 1)?;
            cx.write(vmo, 2 * PAGE, &new_bytes(PAGE))?;
            cx.operate(vmo, ZX_VMO_OP_DECOMMIT, 0, 4 * PAGE)?;
            cx.operate(vmo, ZX_VMO_OP_DECOMMIT, 0, 4 * PAGE)?;
            cx.expect_fill(vmo, 0, 4 * PAGE, 0)
        },
    );

    // Each combination of pages that are committed before.
    for written in 0_u64..8 {
        suite.test(
            format!("decommits_committed_pages_among_others::{written:03b}"),
            &["VMO-OPRANGE-27", "VMO-OPRANGE-29", "VMO-OPRANGE-31"],
            &[Range],
            move |cx| {
                let vmo = cx.create(3 * PAGE)?;
                let old = old_bytes(3 * PAGE);
                let mut expected = vec![0; 3 * PAGE as usize];
                for page in (0..3).filter(|page| written >> page & 1 != 0) {
                    let range = (page * PAGE) as usize..((page + 1) * PAGE) as usize;
                    cx.write(vmo, page * PAGE, &old[range.clone()])?;
                    if page == 0 {
                        expected[range.clone()].copy_from_slice(&old[range]);
                    }
                }
                cx.operate(vmo, ZX_VMO_OP_DECOMMIT, PAGE, 2 * PAGE)?;
                cx.expect_bytes(vmo, 0, &expected)
            },
        );
    }

    suite.test(
        "a_released_vmo_has_nothing_committed",
        &["VMO-OPRANGE-33"],
        &[Range, CachePolicy],
        |cx| {
            let vmo = create_old(cx, 3)?;
            cx.operate(vmo, ZX_VMO_OP_DECOMMIT, 0, 2 * PAGE)?;
            cx.vmo_set_cache_policy(vmo, 0)?.is(ZX_ERR_BAD_STATE)?;
            cx.operate(vmo, ZX_VMO_OP_DECOMMIT, 2 * PAGE, PAGE)?;
            cx.expect_nothing_committed(vmo)
        },
    );

    suite.test(
        "a_page_is_released_by_its_last_byte",
        &["VMO-OPRANGE-28"],
        &[Range, CachePolicy],
        |cx| {
            let vmo = create_old(cx, 1)?;
            cx.operate(vmo, ZX_VMO_OP_DECOMMIT, PAGE - 1, 1)?;
            cx.expect_nothing_committed(vmo)
        },
    );

    suite.test("a_released_page_can_be_written_again", &["VMO-OPRANGE-27"], &[Range], |cx| {
        let vmo = create_old(cx, 3)?;
        cx.operate(vmo, ZX_VMO_OP_DECOMMIT, PAGE, PAGE)?;
        cx.write(vmo, PAGE + 10, b"again")?;
        cx.expect_fill(vmo, PAGE, 10, 0)?;
        cx.expect_bytes(vmo, PAGE + 10, b"again")?;
        cx.expect_fill(vmo, PAGE + 15, PAGE - 15, 0)?;
        cx.operate(vmo, ZX_VMO_OP_DECOMMIT, PAGE, PAGE)?;
        cx.expect_bytes(vmo, 0, &without(&(1..2)))
    });

    suite.test("released_memory_can_be_used", &["VMO-OPRANGE-26"], &[Range, MemoryControl], |cx| {
        let vmo = create_old(cx, 3)?;
        cx.limit_memory(Some(3))?;
        let other = cx.create(2 * PAGE)?;
        cx.vmo_write(other, 0, b"x")?.is(ZX_ERR_NO_MEMORY)?;
        cx.operate(vmo, ZX_VMO_OP_DECOMMIT, PAGE, 2 * PAGE)?;
        cx.write(other, 0, &new_bytes(2 * PAGE))?;
        cx.expect_bytes(other, 0, &new_bytes(2 * PAGE))?;
        cx.vmo_write(vmo, PAGE, b"x")?.is(ZX_ERR_NO_MEMORY)?;
        // Reading may commit (C-06).
        cx.limit_memory(None)?;
        cx.expect_bytes(vmo, 0, &without(&(1..3)))
    });

    suite.test(
        "decommitting_needs_no_memory",
        &["VMO-OPRANGE-26"],
        &[Range, MemoryControl],
        |cx| {
            let vmo = create_old(cx, 3)?;
            cx.limit_memory(Some(0))?;
            cx.operate(vmo, ZX_VMO_OP_DECOMMIT, 0, PAGE)?;
            // Reading may commit (C-06).
            cx.limit_memory(None)?;
            cx.expect_bytes(vmo, 0, &without(&(0..1)))
        },
    );

    suite.test(
        "decommits_through_any_handle",
        &["VMO-OPRANGE-26", "VMO-OPRANGE-27"],
        &[Range, Handles],
        |cx| {
            let vmo = create_old(cx, 3)?;
            let writer = cx.duplicate(vmo, ZX_RIGHT_WRITE)?;
            cx.operate(writer, ZX_VMO_OP_DECOMMIT, PAGE, PAGE)?;
            cx.expect_bytes(vmo, 0, &without(&(1..2)))
        },
    );

    suite.test("decommits_a_long_range", &["VMO-OPRANGE-27", "VMO-OPRANGE-29"], &[Range], |cx| {
        let vmo = cx.create(1100 * PAGE)?;
        let pages = [0, 30, 31, 32, 33, 63, 64, 511, 512, 513, 1022, 1023, 1024, 1025, 1099];
        for page in pages {
            cx.write(vmo, page * PAGE + 9, b"x")?;
        }
        cx.operate(vmo, ZX_VMO_OP_DECOMMIT, 32 * PAGE, (1024 - 32) * PAGE)?;
        for page in pages {
            let byte = if (32..1024).contains(&page) { b"\0" } else { b"x" };
            cx.expect_bytes(vmo, page * PAGE + 9, byte)?;
        }
        Ok(())
    });

    suite.test("decommitting_leaves_other_vmos", &["VMO-OPRANGE-29"], &[Range], |cx| {
        let (before, vmo, after) = (create_old(cx, 3)?, create_old(cx, 3)?, create_old(cx, 3)?);
        cx.operate(vmo, ZX_VMO_OP_DECOMMIT, 0, 3 * PAGE)?;
        cx.expect_bytes(before, 0, &old_bytes(3 * PAGE))?;
        cx.expect_bytes(after, 0, &old_bytes(3 * PAGE))
    });

    suite.test(
        "committing_and_decommitting_alternate",
        &["VMO-OPRANGE-26"],
        &[Range, CachePolicy],
        |cx| {
            let vmo = cx.create(2 * PAGE)?;
            for _ in 0..3 {
                cx.operate(vmo, ZX_VMO_OP_COMMIT, PAGE, PAGE)?;
                cx.vmo_set_cache_policy(vmo, 0)?.is(ZX_ERR_BAD_STATE)?;
                cx.operate(vmo, ZX_VMO_OP_DECOMMIT, PAGE, PAGE)?;
                cx.expect_nothing_committed(vmo)?;
            }
            Ok(())
        },
    );

    for policy in 1..4 {
        suite.test(
            format!("decommits_under_cache_policy::{policy}"),
            &["VMO-CACHEPOL-19", "VMO-OPRANGE-33"],
            &[Range, CachePolicy],
            move |cx| {
                let vmo = cx.create(2 * PAGE)?;
                cx.vmo_set_cache_policy(vmo, policy)?.ok()?;
                cx.operate(vmo, ZX_VMO_OP_COMMIT, 0, 2 * PAGE)?;
                cx.operate(vmo, ZX_VMO_OP_DECOMMIT, 0, 2 * PAGE)?;
                cx.vmo_set_cache_policy(vmo, 0)?.ok()?;
                cx.expect_fill(vmo, 0, 2 * PAGE, 0)
            },
        );
    }
}

fn mapped(suite: &mut Suite) {
    for (name, flags) in [("read_only", READ_ONLY), ("read_write", READ_WRITE)] {
        suite.test(
            format!("a_mapping_shows_zeros::{name}"),
            &["VMO-OPRANGE-32"],
            &[Range, Mapping],
            move |cx| {
                let vmo = create_old(cx, 3)?;
                let address = cx.map(vmo, 0, 3 * PAGE, flags)?;
                cx.expect_load(address, &old_bytes(3 * PAGE))?;
                cx.operate(vmo, ZX_VMO_OP_DECOMMIT, PAGE, PAGE)?;
                cx.expect_load(address, &without(&(1..2)))
            },
        );
    }

    suite.test("every_mapping_shows_zeros", &["VMO-OPRANGE-32"], &[Range, Mapping], |cx| {
        let vmo = create_old(cx, 4)?;
        let whole = cx.map(vmo, 0, 4 * PAGE, READ_WRITE)?;
        let tail = cx.map(vmo, 2 * PAGE, 2 * PAGE, READ_ONLY)?;
        cx.store_bytes(plus(whole, 2 * PAGE), b"stored")?;
        cx.expect_load(tail, b"stored")?;
        cx.operate(vmo, ZX_VMO_OP_DECOMMIT, PAGE, PAGE)?;
        cx.expect_load(tail, b"stored")?;
        cx.operate(vmo, ZX_VMO_OP_DECOMMIT, 2 * PAGE, PAGE)?;
        cx.expect_load(tail, &[0; PAGE as usize])?;
        cx.expect_load(plus(whole, PAGE), &[0; 2 * PAGE as usize])?;
        let last = &old_bytes(4 * PAGE)[3 * PAGE as usize..];
        cx.expect_load(plus(tail, PAGE), last)
    });

    suite.test(
        "a_store_afterwards_commits_a_fresh_page",
        &["VMO-OPRANGE-32"],
        &[Range, Mapping],
        |cx| {
            let vmo = create_old(cx, 3)?;
            let address = cx.map(vmo, 0, 3 * PAGE, READ_WRITE)?;
            cx.store_bytes(plus(address, PAGE), b"before")?;
            cx.operate(vmo, ZX_VMO_OP_DECOMMIT, 0, 3 * PAGE)?;
            cx.store_bytes(plus(address, PAGE + 8), b"after")?;
            cx.expect_load(plus(address, PAGE), b"\0\0\0\0\0\0\0\0after\0")?;
            cx.expect_fill(vmo, 0, PAGE + 8, 0)?;
            cx.expect_bytes(vmo, PAGE + 8, b"after")?;
            cx.expect_fill(vmo, PAGE + 13, 2 * PAGE - 13, 0)
        },
    );

    suite.test(
        "a_store_afterwards_is_committed",
        &["VMO-OPRANGE-32"],
        &[Range, Mapping, MemoryControl],
        |cx| {
            let vmo = create_old(cx, 1)?;
            let address = cx.map(vmo, 0, PAGE, READ_WRITE)?;
            cx.store_bytes(address, b"x")?;
            cx.operate(vmo, ZX_VMO_OP_DECOMMIT, 0, PAGE)?;
            cx.limit_memory(Some(1))?;
            cx.store_bytes(address, b"y")?;
            let other = cx.create(PAGE)?;
            cx.vmo_write(other, 0, b"x")?.is(ZX_ERR_NO_MEMORY)?;
            cx.expect_bytes(vmo, 0, b"y\0")
        },
    );
}
