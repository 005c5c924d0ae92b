//! `vmo_write` running out of memory.

use vmo_abi::Capability::{Info, MemoryControl, ProcessVmos, Range};
use vmo_abi::{ZX_ERR_NO_MEMORY, ZX_ERR_OUT_OF_RANGE, ZX_OK, ZX_VMO_OP_DECOMMIT};

use super::overwritten;
use crate::suite::cases::vmo_read::{create_old, new_bytes, old_bytes};
use crate::suite::{PAGE, Suite};

/// Ranges in a VMO of five pages, how many pages there may be, and how many
/// bytes of the range fit into these.
const CUT_SHORT: &[(&str, u64, u64, u64, u64)] = &[
    ("none_of_4_pages", 0, 4 * PAGE, 0, 0),
    ("1_of_4_pages", 0, 4 * PAGE, 1, PAGE),
    ("3_of_4_pages", 0, 4 * PAGE, 3, 3 * PAGE),
    ("unaligned_none", PAGE + 10, 2 * PAGE, 0, 0),
    ("unaligned_1", PAGE + 10, 2 * PAGE, 1, PAGE - 10),
    ("unaligned_2", PAGE + 10, 2 * PAGE, 2, 2 * PAGE - 10),
    ("two_bytes_across_a_border", 2 * PAGE - 1, 2, 1, 1),
];

pub(super) fn add(suite: &mut Suite) {
    for &(name, offset, len, pages, fits) in CUT_SHORT {
        suite.test(
            format!("answers_no_memory::{name}"),
            &["VMO-WRITE-16"],
            &[MemoryControl],
            move |cx| {
                cx.limit_memory(Some(pages))?;
                let vmo = cx.create(5 * PAGE)?;
                cx.vmo_write(vmo, offset, &new_bytes(len))?.is(ZX_ERR_NO_MEMORY)?;
                cx.limit_memory(None)?;
                cx.write(vmo, offset, &new_bytes(len))?;
                cx.expect_bytes(vmo, offset, &new_bytes(len))
            },
        );

        suite.test(
            format!("keeps_the_pages_that_were_written::{name}"),
            &["VMO-WRITE-17"],
            &[MemoryControl, ProcessVmos, Info],
            move |cx| {
                cx.limit_memory(Some(pages))?;
                let vmo = cx.create(5 * PAGE)?;
                cx.vmo_write(vmo, offset, &new_bytes(len))?.is(ZX_ERR_NO_MEMORY)?;
                let mut expected = vec![0; 5 * PAGE as usize];
                expected[offset as usize..][..fits as usize].copy_from_slice(&new_bytes(fits));
                cx.expect_bytes(vmo, 0, &expected)?;
                cx.expect_committed(vmo, pages * PAGE)?;
                cx.expect_size(vmo, 5 * PAGE)
            },
        );
    }

    for nth in 1..=4 {
        suite.test(
            format!("a_failing_allocation_leaves_a_prefix::{nth}"),
            &["VMO-WRITE-15", "VMO-WRITE-16"],
            &[MemoryControl],
            move |cx| {
                let vmo = cx.create(4 * PAGE)?;
                cx.fail_allocation(Some(nth))?;
                let answer = cx.vmo_write(vmo, 0, &new_bytes(4 * PAGE))?;
                // Only the first allocation is there in every implementation.
                let answer = if nth == 1 {
                    answer.is(ZX_ERR_NO_MEMORY)?
                } else {
                    answer.one_of(&[ZX_OK, ZX_ERR_NO_MEMORY])?
                };
                cx.fail_allocation(None)?;
                let bytes = cx.read(vmo, 0, 4 * PAGE)?;
                let written = bytes.iter().take_while(|byte| **byte != 0).count();
                let mut expected = new_bytes(4 * PAGE);
                expected[written..].fill(0);
                cx.expect(bytes == expected, "new bytes, then old ones", "something else")?;
                let is_whole = written == bytes.len();
                let is_ok = answer.status() == Some(ZX_OK);
                cx.expect(is_whole == is_ok, is_ok, is_whole)?;
                cx.write(vmo, 0, &new_bytes(4 * PAGE))?;
                cx.expect_bytes(vmo, 0, &new_bytes(4 * PAGE))
            },
        );
    }

    suite.test("pages_that_are_there_need_no_memory", &["VMO-WRITE-21"], &[MemoryControl], |cx| {
        let vmo = create_old(cx, 3)?;
        cx.limit_memory(Some(0))?;
        cx.write(vmo, 50, &new_bytes(2 * PAGE))?;
        cx.expect_bytes(vmo, 0, &overwritten(3, 50, 2 * PAGE))
    });

    suite.test(
        "stops_at_the_first_page_that_is_not_there",
        &["VMO-WRITE-17"],
        &[MemoryControl, Range],
        |cx| {
            let vmo = create_old(cx, 4)?;
            cx.operate(vmo, ZX_VMO_OP_DECOMMIT, 2 * PAGE, PAGE)?;
            cx.limit_memory(Some(3))?;
            cx.vmo_write(vmo, 0, &new_bytes(4 * PAGE))?.is(ZX_ERR_NO_MEMORY)?;
            cx.expect_bytes(vmo, 0, &new_bytes(2 * PAGE))?;
            cx.expect_fill(vmo, 2 * PAGE, PAGE, 0)?;
            cx.expect_bytes(vmo, 3 * PAGE, &old_bytes(4 * PAGE)[3 * PAGE as usize..])
        },
    );

    suite.test("judges_range_before_memory", &["VMO-WRITE-14"], &[MemoryControl], |cx| {
        cx.limit_memory(Some(0))?;
        let vmo = cx.create(2 * PAGE)?;
        cx.vmo_write(vmo, PAGE, &new_bytes(PAGE + 1))?.is(ZX_ERR_OUT_OF_RANGE)?;
        cx.write(vmo, 2 * PAGE, b"")
    });

    suite.test("another_vmo_is_not_affected", &["VMO-WRITE-16"], &[MemoryControl], |cx| {
        let other = create_old(cx, 2)?;
        cx.limit_memory(Some(2))?;
        let vmo = cx.create(PAGE)?;
        cx.vmo_write(vmo, 0, b"x")?.is(ZX_ERR_NO_MEMORY)?;
        cx.expect_bytes(other, 0, &old_bytes(2 * PAGE))?;
        cx.close(other)?;
        cx.write(vmo, 0, b"x")
    });
}
