//! Who sees what `vmo_write` wrote, and what it leaves alone.

use vmo_abi::Capability::{Handles, Info, Mapping, Properties, Signals};
use vmo_abi::{ZX_ERR_OUT_OF_RANGE, ZX_USER_SIGNAL_5};

use super::overwritten;
use crate::suite::cases::vmo_read::{create_old, new_bytes, old_bytes};
use crate::suite::{PAGE, READ_ONLY, READ_WRITE, Suite, plus};

pub(super) fn add(suite: &mut Suite) {
    mapped(suite);
    left_alone(suite);
    sequences(suite);
}

fn mapped(suite: &mut Suite) {
    for (name, flags) in [("read_only", READ_ONLY), ("read_write", READ_WRITE)] {
        suite.test(
            format!("a_mapping_shows_it::{name}"),
            &["VMO-WRITE-23"],
            &[Mapping],
            move |cx| {
                let vmo = create_old(cx, 3)?;
                let address = cx.map(vmo, 0, 3 * PAGE, flags)?;
                cx.expect_load(address, &old_bytes(3 * PAGE))?;
                cx.write(vmo, PAGE - 5, &new_bytes(PAGE + 10))?;
                cx.expect_load(address, &overwritten(3, PAGE - 5, PAGE + 10))
            },
        );

        suite.test(
            format!("a_mapping_that_read_zeros_shows_it::{name}"),
            &["VMO-WRITE-23"],
            &[Mapping],
            move |cx| {
                let vmo = cx.create(2 * PAGE)?;
                let address = cx.map(vmo, 0, 2 * PAGE, flags)?;
                cx.expect_load(address, &[0; 2 * PAGE as usize])?;
                cx.write(vmo, PAGE + 1, b"first")?;
                cx.expect_load(plus(address, PAGE), b"\0first\0")?;
                cx.expect_load(address, &[0; PAGE as usize])?;
                cx.write(vmo, 7, b"second")?;
                cx.expect_load(plus(address, 6), b"\0second\0")
            },
        );
    }

    suite.test("a_mapping_made_before_shows_it", &["VMO-WRITE-23"], &[Mapping], |cx| {
        let vmo = cx.create(2 * PAGE)?;
        let address = cx.map(vmo, 0, 2 * PAGE, READ_ONLY)?;
        cx.write(vmo, PAGE - 2, b"edge")?;
        cx.expect_load(plus(address, PAGE - 3), b"\0edge\0")
    });

    suite.test("every_mapping_shows_it_at_its_offset", &["VMO-WRITE-23"], &[Mapping], |cx| {
        let vmo = cx.create(4 * PAGE)?;
        let whole = cx.map(vmo, 0, 4 * PAGE, READ_WRITE)?;
        let tail = cx.map(vmo, 2 * PAGE, 2 * PAGE, READ_ONLY)?;
        let middle = cx.map(vmo, PAGE, 2 * PAGE, READ_ONLY)?;
        for address in [whole, tail, middle] {
            cx.expect_load(address, &[0; 2 * PAGE as usize])?;
        }
        cx.write(vmo, 2 * PAGE + 8, b"all three")?;
        cx.expect_load(plus(whole, 2 * PAGE + 8), b"all three")?;
        cx.expect_load(plus(tail, 8), b"all three")?;
        cx.expect_load(plus(middle, PAGE + 8), b"all three")?;
        cx.expect_load(middle, &[0; PAGE as usize])
    });

    suite.test("a_store_and_a_write_to_one_page_both_stay", &["VMO-WRITE-23"], &[Mapping], |cx| {
        let vmo = cx.create(PAGE)?;
        let address = cx.map(vmo, 0, PAGE, READ_WRITE)?;
        cx.store_bytes(address, b"stored")?;
        cx.write(vmo, 6, b"written")?;
        cx.store_bytes(plus(address, 13), b"stored")?;
        cx.expect_load(address, b"storedwrittenstored")?;
        cx.expect_bytes(vmo, 0, b"storedwrittenstored\0")
    });
}

fn left_alone(suite: &mut Suite) {
    suite.test(
        "leaves_size_name_signals_and_koid",
        &["VMO-WRITE-26"],
        &[Info, Properties, Signals],
        |cx| {
            let vmo = create_old(cx, 2)?;
            cx.set_name(vmo, b"name")?;
            cx.object_signal(vmo, 0, ZX_USER_SIGNAL_5)?.ok()?;
            let before = cx.snapshot(vmo)?;
            cx.write(vmo, 0, &new_bytes(2 * PAGE))?;
            cx.write(vmo, 2 * PAGE, b"")?;
            cx.vmo_write(vmo, 2 * PAGE, b"x")?.is(ZX_ERR_OUT_OF_RANGE)?;
            // With the old contents back, everything has to be as it was.
            cx.write(vmo, 0, &old_bytes(2 * PAGE))?;
            cx.expect_unchanged(vmo, &before)
        },
    );

    suite.test("leaves_other_vmos", &["VMO-WRITE-01"], &[], |cx| {
        let (before, vmo, after) = (create_old(cx, 2)?, create_old(cx, 2)?, create_old(cx, 2)?);
        cx.write(vmo, 0, &new_bytes(2 * PAGE))?;
        cx.expect_bytes(before, 0, &old_bytes(2 * PAGE))?;
        cx.expect_bytes(after, 0, &old_bytes(2 * PAGE))
    });
}

fn sequences(suite: &mut Suite) {
    suite.test("writes_12_pages_at_once", &["VMO-WRITE-01", "VMO-WRITE-08"], &[], |cx| {
        let vmo = cx.create(12 * PAGE)?;
        cx.write(vmo, 0, &old_bytes(12 * PAGE))?;
        cx.expect_bytes(vmo, 0, &old_bytes(12 * PAGE))?;
        cx.write(vmo, 1, &new_bytes(12 * PAGE - 2))?;
        cx.expect_bytes(vmo, 0, &overwritten(12, 1, 12 * PAGE - 2))
    });

    suite.test("pages_can_be_written_in_any_order", &["VMO-WRITE-24"], &[], |cx| {
        let vmo = cx.create(5 * PAGE)?;
        let bytes = old_bytes(5 * PAGE);
        for page in [3, 0, 4, 2, 1] {
            let range = (page * PAGE) as usize..((page + 1) * PAGE) as usize;
            cx.write(vmo, page * PAGE, &bytes[range])?;
        }
        cx.expect_bytes(vmo, 0, &bytes)
    });

    suite.test("the_last_of_overlapping_writes_wins", &["VMO-WRITE-01"], &[], |cx| {
        let vmo = cx.create(3 * PAGE)?;
        cx.write(vmo, 0, &old_bytes(3 * PAGE))?;
        cx.write(vmo, PAGE / 2, &new_bytes(2 * PAGE))?;
        cx.write(vmo, PAGE, &[0xff; PAGE as usize])?;
        let mut expected = overwritten(3, PAGE / 2, 2 * PAGE);
        expected[PAGE as usize..2 * PAGE as usize].fill(0xff);
        cx.expect_bytes(vmo, 0, &expected)
    });

    // Where tables of pages may have their seams.
    for page in [16, 31, 32, 63, 64, 255, 256, 511, 512, 513, 1024, 4096, 1 << 18] {
        suite.test(format!("writes_across_the_end_of_page::{page}"), &["VMO-WRITE-24"], &[], {
            move |cx| {
                // A gibibyte may be more than there is (ND-18).
                let answer = cx.vmo_create((page + 2) * PAGE, 0)?;
                let Some(created) = cx.ok_or_no_memory(answer)? else { return Ok(()) };
                let vmo = created.handle(0);
                cx.write(vmo, page * PAGE - 3, b"seam")?;
                cx.write(vmo, (page + 1) * PAGE - 2, b"next")?;
                cx.expect_bytes(vmo, page * PAGE - 5, b"\0\0seam\0")?;
                cx.expect_bytes(vmo, (page + 1) * PAGE - 4, b"\0\0next\0")?;
                cx.expect_bytes(vmo, 0, &[0; 8])
            }
        });
    }

    suite.test("every_byte_can_be_written_alone", &["VMO-WRITE-24"], &[], |cx| {
        let vmo = create_old(cx, 2)?;
        let mut expected = old_bytes(2 * PAGE);
        for offset in (0..2 * PAGE).step_by(61).chain(PAGE - 2..PAGE + 2) {
            cx.write(vmo, offset, &[0xfe])?;
            expected[offset as usize] = 0xfe;
        }
        cx.expect_bytes(vmo, 0, &expected)
    });

    suite.test("zeros_are_written_like_other_bytes", &["VMO-WRITE-01"], &[], |cx| {
        let vmo = create_old(cx, 2)?;
        cx.write(vmo, PAGE - 10, &[0; 20])?;
        let mut expected = old_bytes(2 * PAGE);
        expected[PAGE as usize - 10..][..20].fill(0);
        cx.expect_bytes(vmo, 0, &expected)
    });

    suite.test("every_handle_sees_it", &["VMO-WRITE-01"], &[Handles], |cx| {
        let vmo = create_old(cx, 2)?;
        let second = cx.duplicate_same(vmo)?;
        cx.write(second, PAGE - 5, &new_bytes(10))?;
        cx.expect_bytes(vmo, 0, &overwritten(2, PAGE - 5, 10))?;
        cx.expect_bytes(second, 0, &overwritten(2, PAGE - 5, 10))
    });
}
