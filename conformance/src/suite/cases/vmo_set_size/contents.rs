//! What `vmo_set_size` does to the contents.

use vmo_abi::Capability::{CachePolicy, Handles, Info, ProcessVmos, Properties, Range, Signals};
use vmo_abi::{
    ZX_ERR_BAD_STATE, ZX_RIGHT_READ, ZX_RIGHT_WRITE, ZX_USER_SIGNAL_1, ZX_VMO_OP_COMMIT,
};

use crate::program::Handle;
use crate::suite::cases::vmo_create::LARGEST;
use crate::suite::cases::vmo_read::{create_old, new_bytes, old_bytes};
use crate::suite::{Checked, Context, PAGE, Suite};

/// Pages before, the size asked for, and the pages after.
const CUTS: &[(u64, u64, u64)] = &[
    (1, 0, 0),
    (3, 0, 0),
    (3, 1, 1),
    (3, PAGE - 1, 1),
    (3, PAGE, 1),
    (3, PAGE + 1, 2),
    (3, 2 * PAGE - 1, 2),
    (3, 2 * PAGE, 2),
    (5, PAGE, 1),
    (5, 4 * PAGE, 4),
    (12, 5 * PAGE + 5, 6),
];

/// Sizes that round to three pages.
const SAME: &[(&str, u64)] = &[
    ("2_pages_plus_1", 2 * PAGE + 1),
    ("2_pages_and_a_half", 2 * PAGE + PAGE / 2),
    ("3_pages_less_1", 3 * PAGE - 1),
    ("3_pages", 3 * PAGE),
];

fn expect_old_then_zeros(cx: &mut Context<'_>, vmo: Handle, pages: u64, size: u64) -> Checked {
    let mut expected = old_bytes(pages * PAGE);
    expected.resize((size * PAGE) as usize, 0);
    cx.expect_bytes(vmo, 0, &expected)
}

pub(super) fn add(suite: &mut Suite) {
    growing(suite);
    shrinking(suite);
    unchanged(suite);
}

fn growing(suite: &mut Suite) {
    for (before, after) in [(0, 1), (0, 3), (1, 2), (1, 12), (3, 4), (3, 8)] {
        suite.test(
            format!("grown_bytes_are_zero::{before}_to_{after}_pages"),
            &["VMO-SETSIZE-09", "VMO-SETSIZE-14"],
            &[],
            move |cx| {
                let vmo = create_old(cx, before)?;
                cx.resize(vmo, after * PAGE)?;
                expect_old_then_zeros(cx, vmo, before, after)
            },
        );

        suite.test(
            format!("grown_pages_can_be_written::{before}_to_{after}_pages"),
            &["VMO-SETSIZE-09"],
            &[],
            move |cx| {
                let vmo = create_old(cx, before)?;
                cx.resize(vmo, after * PAGE)?;
                cx.write(vmo, after * PAGE - 5, b"grown")?;
                let mut expected = old_bytes(before * PAGE);
                expected.resize((after * PAGE - 5) as usize, 0);
                expected.extend(b"grown");
                cx.expect_bytes(vmo, 0, &expected)
            },
        );
    }

    for size in [1 << 31, 1 << 32, 1 << 40, 1 << 63, LARGEST] {
        suite.test(
            format!("grown_bytes_are_zero_all_over::{size:#x}"),
            &["VMO-SETSIZE-09", "VMO-SETSIZE-14"],
            &[],
            move |cx| {
                let vmo = create_old(cx, 2)?;
                cx.resize(vmo, size)?;
                cx.expect_bytes(vmo, 0, &old_bytes(2 * PAGE))?;
                for offset in [2 * PAGE, size / 2, size - PAGE, size - 16] {
                    cx.expect_fill(vmo, offset, 16, 0)?;
                }
                Ok(())
            },
        );
    }

    suite.test("growing_commits_nothing", &["VMO-SETSIZE-09"], &[ProcessVmos, Info], |cx| {
        let vmo = create_old(cx, 1)?;
        cx.resize(vmo, 100 * PAGE)?;
        cx.expect_committed(vmo, PAGE)
    });

    suite.test("growing_an_empty_vmo_commits_nothing", &["VMO-SETSIZE-09"], &[CachePolicy], |cx| {
        let vmo = cx.create(0)?;
        cx.resize(vmo, 100 * PAGE)?;
        cx.expect_nothing_committed(vmo)
    });
}

fn shrinking(suite: &mut Suite) {
    for &(before, asked, after) in CUTS {
        let name = format!("{before}_pages_to_{asked}");
        suite.test(
            format!("cut_bytes_do_not_come_back::{name}"),
            &["VMO-SETSIZE-10"],
            &[],
            move |cx| {
                let vmo = create_old(cx, before)?;
                cx.resize(vmo, asked)?;
                cx.resize(vmo, before * PAGE)?;
                expect_old_then_zeros(cx, vmo, after, before)
            },
        );

        suite.test(
            format!("whole_pages_are_kept::{name}"),
            &["VMO-SETSIZE-11", "VMO-SETSIZE-14"],
            &[],
            move |cx| {
                let vmo = create_old(cx, before)?;
                cx.resize(vmo, asked)?;
                expect_old_then_zeros(cx, vmo, after, after)
            },
        );

        suite.test(
            format!("cut_pages_are_released::{name}"),
            &["VMO-SETSIZE-10"],
            &[ProcessVmos, Info],
            move |cx| {
                let vmo = create_old(cx, before)?;
                cx.resize(vmo, asked)?;
                cx.expect_committed(vmo, after * PAGE)?;
                cx.resize(vmo, before * PAGE)?;
                cx.expect_committed(vmo, after * PAGE)
            },
        );
    }

    suite.test("cut_bytes_do_not_come_back_page_by_page", &["VMO-SETSIZE-10"], &[], |cx| {
        let vmo = create_old(cx, 5)?;
        for pages in (0..5).rev() {
            cx.resize(vmo, pages * PAGE)?;
            cx.resize(vmo, 5 * PAGE)?;
            expect_old_then_zeros(cx, vmo, pages, 5)?;
        }
        Ok(())
    });

    suite.test("what_is_written_after_growing_again_stays", &["VMO-SETSIZE-10"], &[], |cx| {
        let vmo = create_old(cx, 3)?;
        cx.resize(vmo, PAGE)?;
        cx.resize(vmo, 4 * PAGE)?;
        cx.write(vmo, 2 * PAGE, &new_bytes(PAGE))?;
        cx.expect_bytes(vmo, 0, &old_bytes(PAGE))?;
        cx.expect_fill(vmo, PAGE, PAGE, 0)?;
        cx.expect_bytes(vmo, 2 * PAGE, &new_bytes(PAGE))?;
        cx.expect_fill(vmo, 3 * PAGE, PAGE, 0)
    });

    suite.test("pages_far_beyond_the_new_end_are_cut", &["VMO-SETSIZE-10"], &[], |cx| {
        let vmo = cx.create(1 << 33)?;
        for offset in [0, PAGE, 1 << 31, 1 << 32, (1 << 33) - 1] {
            cx.write(vmo, offset, b"x")?;
        }
        cx.resize(vmo, PAGE)?;
        cx.resize(vmo, 1 << 33)?;
        cx.expect_bytes(vmo, 0, b"x")?;
        for offset in [PAGE, 1 << 31, 1 << 32, (1 << 33) - 1] {
            cx.expect_bytes(vmo, offset, b"\0")?;
        }
        Ok(())
    });

    for kept in [1, 31, 32, 33, 511, 512, 513, 1024] {
        suite.test(format!("cuts_a_long_vmo::to_{kept}_pages"), &["VMO-SETSIZE-10"], &[], {
            move |cx| {
                let vmo = cx.create(1100 * PAGE)?;
                let pages = [0, 30, 31, 32, 33, 63, 511, 512, 513, 1023, 1024, 1025, 1099];
                for page in pages {
                    cx.write(vmo, page * PAGE + 9, b"x")?;
                }
                cx.resize(vmo, kept * PAGE)?;
                cx.resize(vmo, 1100 * PAGE)?;
                for page in pages {
                    cx.expect_bytes(vmo, page * PAGE + 9, if page < kept { b"x" } else { b"\0" })?;
                }
                Ok(())
            }
        });
    }

    suite.test("size_0_leaves_nothing_committed", &["VMO-SETSIZE-13"], &[CachePolicy], |cx| {
        let vmo = create_old(cx, 3)?;
        cx.resize(vmo, 0)?;
        cx.expect_nothing_committed(vmo)
    });

    suite.test(
        "committed_pages_without_data_are_cut_too",
        &["VMO-SETSIZE-13"],
        &[CachePolicy, Range],
        |cx| {
            let vmo = cx.create(3 * PAGE)?;
            cx.operate(vmo, ZX_VMO_OP_COMMIT, 0, 3 * PAGE)?;
            cx.resize(vmo, 0)?;
            cx.expect_nothing_committed(vmo)
        },
    );

    suite.test("kept_pages_stay_committed", &["VMO-SETSIZE-14"], &[CachePolicy], |cx| {
        let vmo = create_old(cx, 3)?;
        cx.resize(vmo, 1)?;
        cx.vmo_set_cache_policy(vmo, 0)?.is(ZX_ERR_BAD_STATE)?;
        cx.resize(vmo, 0)?;
        cx.expect_nothing_committed(vmo)
    });

    suite.test("a_huge_vmo_can_be_cut_a_little", &["VMO-SETSIZE-10"], &[], |cx| {
        let vmo = cx.create(1 << 62)?;
        cx.write(vmo, (1 << 62) - PAGE - 1, b"ab")?;
        cx.resize(vmo, (1 << 62) - PAGE)?;
        cx.resize(vmo, 1 << 62)?;
        cx.expect_bytes(vmo, (1 << 62) - PAGE - 1, b"a\0")
    });

    suite.test("a_large_empty_vmo_can_be_cut_to_nothing", &["VMO-SETSIZE-13"], &[], |cx| {
        let answer = cx.vmo_create(1 << 32, 0)?;
        let Some(created) = cx.ok_or_no_memory(answer)? else { return Ok(()) };
        cx.resize(created.handle(0), 0)?;
        cx.expect_size(created.handle(0), 0)
    });

    suite
        .test("the_largest_vmo_can_be_cut_to_nothing", &["VMO-SETSIZE-23"], &[], |cx| {
            let vmo = cx.create(LARGEST)?;
            cx.resize(vmo, 0)?;
            cx.expect_size(vmo, 0)
        })
        .hazard();
}

fn unchanged(suite: &mut Suite) {
    for &(name, asked) in SAME {
        suite.test(
            format!("the_present_size_changes_nothing::{name}"),
            &["VMO-SETSIZE-12"],
            &[],
            move |cx| {
                let vmo = create_old(cx, 3)?;
                for _ in 0..2 {
                    cx.resize(vmo, asked)?;
                    cx.expect_size(vmo, 3 * PAGE)?;
                    cx.expect_bytes(vmo, 0, &old_bytes(3 * PAGE))?;
                }
                Ok(())
            },
        );
    }

    for (name, size) in [("grow", 5 * PAGE), ("shrink", PAGE), ("same", 2 * PAGE)] {
        suite.test(
            format!("leaves_name_koid_rights_and_signals::{name}"),
            &["VMO-SETSIZE-22"],
            &[Info, Properties, Signals],
            move |cx| {
                let vmo = create_old(cx, 2)?;
                cx.set_name(vmo, b"name")?;
                cx.object_signal(vmo, 0, ZX_USER_SIGNAL_1)?.ok()?;
                let (rights, koid) = (cx.rights(vmo)?, cx.koid(vmo)?);
                let signals = cx.signals(vmo)?;
                cx.resize(vmo, size)?;
                cx.expect_name(vmo, b"name")?;
                cx.expect_rights(vmo, rights)?;
                cx.expect_signals(vmo, signals)?;
                let same = cx.koid(vmo)?;
                cx.expect(same == koid, koid, same)
            },
        );
    }

    suite.test(
        "works_through_any_handle",
        &["VMO-SETSIZE-10", "VMO-SETSIZE-14"],
        &[Handles],
        |cx| {
            let vmo = create_old(cx, 3)?;
            let writer = cx.duplicate(vmo, ZX_RIGHT_WRITE)?;
            let reader = cx.duplicate(vmo, ZX_RIGHT_READ)?;
            cx.resize(writer, PAGE)?;
            cx.resize(vmo, 3 * PAGE)?;
            for handle in [vmo, reader] {
                expect_old_then_zeros(cx, handle, 1, 3)?;
            }
            Ok(())
        },
    );

    suite.test("leaves_other_vmos", &["VMO-SETSIZE-14"], &[], |cx| {
        let (before, vmo, after) = (create_old(cx, 2)?, create_old(cx, 2)?, create_old(cx, 2)?);
        cx.resize(vmo, 0)?;
        for other in [before, after] {
            cx.expect_size(other, 2 * PAGE)?;
            cx.expect_bytes(other, 0, &old_bytes(2 * PAGE))?;
        }
        Ok(())
    });
}
