//! What `vmo_read` sees, and that it leaves no trace.

use vmo_abi::Capability::{
    CachePolicy, Handles, Info, Mapping, MemoryControl, ProcessVmos, Properties, Signals,
};
use vmo_abi::{
    ZX_ERR_BAD_STATE, ZX_ERR_INVALID_ARGS, ZX_ERR_OUT_OF_RANGE, ZX_OK, ZX_RIGHT_WRITE,
    ZX_USER_SIGNAL_3,
};

use super::{create_old, old_bytes};
use crate::level::Level;
use crate::program::Address;
use crate::suite::{PAGE, READ_WRITE, Suite, plus};

/// Policies other than CACHED.
const UNCACHED: [u32; 3] = [1, 2, 3];

pub(super) fn add(suite: &mut Suite) {
    policies(suite);
    traces(suite);
    newest(suite);
}

fn policies(suite: &mut Suite) {
    for policy in UNCACHED {
        suite.test(
            format!("refuses_cache_policy::{policy}"),
            &["VMO-READ-16"],
            &[CachePolicy],
            move |cx| {
                let vmo = cx.create(PAGE)?;
                cx.vmo_set_cache_policy(vmo, policy)?.ok()?;
                cx.vmo_read(vmo, 0, 1)?.is(ZX_ERR_BAD_STATE)?;
                cx.vmo_read(vmo, 1, PAGE - 1)?.is(ZX_ERR_BAD_STATE).map(drop)
            },
        );

        suite.test(
            format!("judges_cache_policy_before_range::{policy}"),
            &["VMO-READ-17"],
            &[CachePolicy],
            move |cx| {
                let vmo = cx.create(PAGE)?;
                cx.vmo_set_cache_policy(vmo, policy)?.ok()?;
                for (offset, len) in
                    [(0, 0), (PAGE, 0), (PAGE + 1, 0), (0, PAGE + 1), (u64::MAX, 2)]
                {
                    cx.vmo_read(vmo, offset, len)?.is(ZX_ERR_BAD_STATE)?;
                }
                let answer = cx.with("buffer", Address::Null).vmo_read(vmo, 0, 1)?;
                answer.is(ZX_ERR_INVALID_ARGS)?;
                let answer = cx.with("buffer", Address::Null).vmo_read(vmo, 0, 0)?;
                answer.is(ZX_ERR_BAD_STATE).map(drop)
            },
        );
    }
}

fn traces(suite: &mut Suite) {
    // Seen only in whether the cache policy can be set.
    suite
        .test("reading_does_not_commit", &["VMO-READ-18"], &[CachePolicy], |cx| {
            let vmo = cx.create(3 * PAGE)?;
            cx.expect_fill(vmo, 0, 3 * PAGE, 0)?;
            let answer = cx.vmo_set_cache_policy(vmo, 0)?;
            cx.either("C-06", answer, ZX_ERR_BAD_STATE, ZX_OK).map(drop)
        })
        .at(Level::Page);

    for (name, offset, len) in [
        ("nothing", 0, 0),
        ("one_byte", PAGE + 7, 1),
        ("across_a_border", PAGE - 1, 2),
        ("everything", 0, 4 * PAGE),
    ] {
        suite.test(
            format!("reading_leaves_pages_uncommitted::{name}"),
            &["VMO-READ-18", "VMO-READ-21"],
            &[ProcessVmos, Info],
            move |cx| {
                let vmo = cx.create(4 * PAGE)?;
                cx.expect_fill(vmo, offset, len, 0)?;
                cx.expect_committed(vmo, 0)?;
                cx.write(vmo, 2 * PAGE, b"x")?;
                cx.vmo_read(vmo, offset, len)?.ok()?;
                cx.expect_committed(vmo, PAGE)
            },
        );
    }

    suite.test("reading_needs_no_memory", &["VMO-READ-18"], &[MemoryControl], |cx| {
        cx.limit_memory(Some(0))?;
        let vmo = cx.create(3 * PAGE)?;
        cx.expect_fill(vmo, 0, 3 * PAGE, 0)?;
        cx.fail_allocation(Some(1))?;
        cx.expect_fill(vmo, PAGE - 1, 2, 0)
    });

    suite.test("reading_changes_nothing", &["VMO-READ-21"], &[Info, Properties, Signals], |cx| {
        let vmo = create_old(cx, 2)?;
        cx.set_name(vmo, b"name")?;
        cx.object_signal(vmo, 0, ZX_USER_SIGNAL_3)?.ok()?;
        let before = cx.snapshot(vmo)?;
        for (offset, len) in [(0, 2 * PAGE), (PAGE - 1, 2), (2 * PAGE, 0), (5, 1)] {
            cx.vmo_read(vmo, offset, len)?.ok()?;
        }
        cx.vmo_read(vmo, 2 * PAGE, 1)?.is(ZX_ERR_OUT_OF_RANGE)?;
        cx.expect_unchanged(vmo, &before)
    });

    suite.test("reading_twice_gives_the_same", &["VMO-READ-21"], &[], |cx| {
        let vmo = create_old(cx, 3)?;
        for _ in 0..3 {
            cx.expect_bytes(vmo, 0, &old_bytes(3 * PAGE))?;
        }
        Ok(())
    });

    for asked in [1, 100, PAGE - 1, PAGE + 1, 2 * PAGE + 2000] {
        suite.test(
            format!("the_rest_of_the_last_page_is_ordinary::{asked}"),
            &["VMO-READ-20"],
            &[],
            move |cx| {
                let vmo = cx.create(asked)?;
                let size = asked.next_multiple_of(PAGE);
                cx.expect_fill(vmo, asked, size - asked, 0)?;
                cx.write(vmo, asked - 1, &vec![0x77; (size - asked) as usize + 1])?;
                cx.expect_fill(vmo, asked - 1, size - asked + 1, 0x77)?;
                cx.vmo_read(vmo, asked, size - asked + 1)?.is(ZX_ERR_OUT_OF_RANGE).map(drop)
            },
        );
    }
}

fn newest(suite: &mut Suite) {
    suite.test("sees_the_newest_write", &["VMO-READ-23"], &[], |cx| {
        let vmo = cx.create(2 * PAGE)?;
        for round in 1..20 {
            cx.write(vmo, PAGE - 2, &[round; 4])?;
            cx.expect_fill(vmo, PAGE - 2, 4, round)?;
        }
        Ok(())
    });

    suite.test("sees_what_another_handle_wrote", &["VMO-READ-23"], &[Handles], |cx| {
        let vmo = create_old(cx, 2)?;
        let writer = cx.duplicate(vmo, ZX_RIGHT_WRITE)?;
        let second = cx.duplicate_same(vmo)?;
        cx.expect_bytes(second, 0, &old_bytes(2 * PAGE))?;
        cx.write(writer, PAGE, b"written")?;
        cx.expect_bytes(vmo, PAGE, b"written")?;
        cx.expect_bytes(second, PAGE, b"written")?;
        cx.close(writer)?;
        cx.expect_bytes(second, PAGE, b"written")
    });

    suite.test("sees_what_was_stored_through_a_mapping", &["VMO-READ-23"], &[Mapping], |cx| {
        let vmo = create_old(cx, 3)?;
        let address = cx.map(vmo, PAGE, 2 * PAGE, READ_WRITE)?;
        cx.store_bytes(plus(address, 3), b"stored")?;
        cx.store_bytes(plus(address, PAGE + 9), b"again")?;
        let mut expected = old_bytes(3 * PAGE);
        expected[PAGE as usize + 3..][..6].copy_from_slice(b"stored");
        expected[2 * PAGE as usize + 9..][..5].copy_from_slice(b"again");
        cx.expect_bytes(vmo, 0, &expected)
    });

    suite.test("sees_a_store_to_a_page_read_as_zero", &["VMO-READ-23"], &[Mapping], |cx| {
        let vmo = cx.create(2 * PAGE)?;
        let address = cx.map(vmo, 0, 2 * PAGE, READ_WRITE)?;
        cx.expect_fill(vmo, 0, 2 * PAGE, 0)?;
        cx.store_bytes(plus(address, PAGE), b"fresh")?;
        cx.expect_bytes(vmo, PAGE, b"fresh\0")?;
        cx.expect_fill(vmo, 0, PAGE, 0)
    });
}
