//! The pages that `vmo_write` commits.

use vmo_abi::Capability::{CachePolicy, Clone, Handles, Info, ProcessVmos, Range};
use vmo_abi::{
    ZX_ERR_ACCESS_DENIED, ZX_ERR_BAD_STATE, ZX_ERR_INVALID_ARGS, ZX_ERR_OUT_OF_RANGE,
    ZX_RIGHT_WRITE, ZX_VMO_OP_DECOMMIT,
};

use crate::program::Address;
use crate::suite::cases::vmo_create::LISTED_RIGHTS;
use crate::suite::cases::vmo_read::{named, new_bytes};
use crate::suite::{PAGE, Suite};

/// Ranges in a VMO of four pages, and the pages that they touch.
const TOUCHED: &[(u64, u64, std::ops::Range<u64>)] = &[
    (0, 1, 0..1),
    (PAGE - 1, 1, 0..1),
    (PAGE, 1, 1..2),
    (4 * PAGE - 1, 1, 3..4),
    (PAGE - 1, 2, 0..2),
    (2 * PAGE - 1, 2, 1..3),
    (3 * PAGE - 1, PAGE + 1, 2..4),
    (0, PAGE, 0..1),
    (PAGE, PAGE, 1..2),
    (1, PAGE, 0..2),
    (PAGE + 1, 2 * PAGE - 1, 1..3),
    (PAGE + 1, 2 * PAGE, 1..4),
    (0, 4 * PAGE, 0..4),
];

pub(super) fn add(suite: &mut Suite) {
    for (offset, len, pages) in TOUCHED.iter().cloned() {
        let name = format!("{offset}_for_{len}");
        let touched = pages.clone();
        suite.test(
            format!("commits_the_pages_it_touches::{name}"),
            &["VMO-WRITE-20"],
            &[CachePolicy, Range],
            move |cx| {
                // One page after the other, so that each is seen alone.
                for page in touched.clone() {
                    let vmo = cx.create(4 * PAGE)?;
                    cx.write(vmo, offset, &new_bytes(len))?;
                    for other in (0..4).filter(|other| *other != page) {
                        cx.operate(vmo, ZX_VMO_OP_DECOMMIT, other * PAGE, PAGE)?;
                    }
                    cx.vmo_set_cache_policy(vmo, 0)?.is(ZX_ERR_BAD_STATE)?;
                }
                Ok(())
            },
        );

        let touched = pages.clone();
        suite.test(
            format!("commits_no_other_pages::{name}"),
            &["VMO-WRITE-21"],
            &[ProcessVmos, Info, Range, CachePolicy],
            move |cx| {
                let vmo = cx.create(4 * PAGE)?;
                cx.write(vmo, offset, &new_bytes(len))?;
                let bytes = (touched.end - touched.start) * PAGE;
                cx.expect_committed(vmo, bytes)?;
                cx.write(vmo, offset, &new_bytes(len))?;
                cx.expect_committed(vmo, bytes)?;
                cx.operate(vmo, ZX_VMO_OP_DECOMMIT, touched.start * PAGE, bytes)?;
                cx.expect_nothing_committed(vmo)
            },
        );

        suite.test(
            format!("the_rest_of_a_fresh_page_is_zero::{name}"),
            &["VMO-WRITE-21"],
            &[],
            move |cx| {
                let vmo = cx.create(4 * PAGE)?;
                cx.write(vmo, offset, &new_bytes(len))?;
                let mut expected = vec![0; 4 * PAGE as usize];
                expected[offset as usize..][..len as usize].copy_from_slice(&new_bytes(len));
                cx.expect_bytes(vmo, 0, &expected)
            },
        );
    }

    suite.test(
        "a_second_write_commits_the_next_page",
        &["VMO-WRITE-21"],
        &[ProcessVmos, Info],
        |cx| {
            let vmo = cx.create(4 * PAGE)?;
            for page in [2, 0, 3, 1] {
                cx.write(vmo, page * PAGE + 17, b"x")?;
            }
            cx.expect_committed(vmo, 4 * PAGE)
        },
    );

    for offset in [0, 1, PAGE, 2 * PAGE] {
        suite.test(
            format!("a_write_of_nothing_commits_nothing::{offset}"),
            &["VMO-WRITE-22"],
            &[CachePolicy],
            move |cx| {
                let vmo = cx.create(2 * PAGE)?;
                cx.write(vmo, offset, b"")?;
                cx.with("buffer", Address::Null).vmo_write_from_buffer(vmo, offset, 0)?.ok()?;
                cx.expect_nothing_committed(vmo)
            },
        );
    }

    suite.test(
        "a_write_of_nothing_copies_nothing_into_a_clone",
        &["VMO-WRITE-22"],
        &[Clone, ProcessVmos, Info],
        |cx| {
            let parent = cx.create_filled(PAGE, 1)?;
            let clone = cx.clone_of(parent, 0, PAGE)?;
            cx.write(clone, 0, b"")?;
            cx.write(clone, PAGE / 2, b"")?;
            cx.expect_committed(clone, 0)?;
            cx.write(parent, PAGE / 2, b"\x02")?;
            cx.expect_bytes(clone, PAGE / 2 - 1, &[1, 2, 1])
        },
    );

    suite.test(
        "the_rest_of_a_fresh_page_of_a_clone_is_the_parents",
        &["VMO-WRITE-21"],
        &[Clone],
        |cx| {
            let parent = cx.create_filled(2 * PAGE, 0x70)?;
            let clone = cx.clone_of(parent, 0, 2 * PAGE)?;
            cx.write(clone, PAGE - 1, b"ab")?;
            cx.expect_fill(clone, 0, PAGE - 1, 0x70)?;
            cx.expect_bytes(clone, PAGE - 1, b"ab")?;
            cx.expect_fill(clone, PAGE + 1, PAGE - 1, 0x70)
        },
    );

    for (offset, len) in
        [(2 * PAGE, 1), (2 * PAGE - 1, 2), (1, 2 * PAGE), (u64::MAX, 2), (1 << 40, 1)]
    {
        suite.test(
            format!("a_write_out_of_range_commits_nothing::{}_for_{len}", named(offset)),
            &["VMO-WRITE-14"],
            &[CachePolicy],
            move |cx| {
                let vmo = cx.create(2 * PAGE)?;
                cx.vmo_write(vmo, offset, &new_bytes(len))?.is(ZX_ERR_OUT_OF_RANGE)?;
                cx.expect_nothing_committed(vmo)
            },
        );
    }

    suite.test("a_bad_buffer_commits_nothing", &["VMO-WRITE-14"], &[CachePolicy], |cx| {
        let vmo = cx.create(2 * PAGE)?;
        for address in [Address::Null, Address::Unmapped, Address::Straddle(100)] {
            let answer = cx.with("buffer", address).vmo_write_from_buffer(vmo, 0, 2 * PAGE)?;
            answer.is(ZX_ERR_INVALID_ARGS)?;
        }
        cx.expect_nothing_committed(vmo)
    });

    suite.test(
        "a_denied_write_commits_nothing",
        &["VMO-WRITE-14"],
        &[CachePolicy, Handles],
        |cx| {
            let vmo = cx.create(2 * PAGE)?;
            let reader = cx.duplicate(vmo, LISTED_RIGHTS & !ZX_RIGHT_WRITE)?;
            cx.vmo_write(reader, 0, &new_bytes(PAGE))?.is(ZX_ERR_ACCESS_DENIED)?;
            cx.expect_nothing_committed(vmo)
        },
    );
}
