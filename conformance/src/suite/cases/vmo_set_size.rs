//! `vmo_set_size`.

mod contents;
mod relatives;

use vmo_abi::Capability::{CachePolicy, Handles, MemoryControl, OtherObjects};
use vmo_abi::{
    ZX_ERR_ACCESS_DENIED, ZX_ERR_BAD_HANDLE, ZX_ERR_BAD_STATE, ZX_ERR_NO_MEMORY,
    ZX_ERR_OUT_OF_RANGE, ZX_ERR_WRONG_TYPE, ZX_OK, ZX_RIGHT_WRITE,
};

use super::vmo_create::{HUGE_SIZES, LARGEST, LISTED_RIGHTS, SIZES, TOO_LARGE};
use super::vmo_read::{create_old, old_bytes};
use crate::level::Level;
use crate::program::Handle;
use crate::suite::{Answer, Checked, Context, Judged, PAGE, Side, Suite};

/// Judges growing by very much, which may also be refused for lack of memory.
fn ok_or_no_memory(cx: &mut Context<'_>, answer: Answer) -> Checked<Option<Judged>> {
    let answer = cx.ok_or_no_memory(answer)?;
    cx.takes("C-16", if answer.is_some() { Side::Kernel } else { Side::Page });
    Ok(answer)
}

pub(super) fn add(suite: &mut Suite) {
    sizes(suite);
    too_large(suite);
    errors(suite);
    memory(suite);
    contents::add(suite);
    relatives::add(suite);
}

fn sizes(suite: &mut Suite) {
    for pages in [0, 1, 3, 20] {
        for &(name, asked, size) in SIZES {
            suite.test(
                format!("rounds_up::{pages}_pages_to_{name}"),
                &["VMO-SETSIZE-01"],
                &[],
                move |cx| {
                    let vmo = cx.create(pages * PAGE)?;
                    cx.resize(vmo, asked)?;
                    cx.expect_size(vmo, size)
                },
            );
        }
        for &(name, asked, size) in HUGE_SIZES {
            suite.test(
                format!("grows_to_huge_size::{pages}_pages_to_{name}"),
                &["VMO-SETSIZE-01"],
                &[],
                move |cx| {
                    let vmo = cx.create(pages * PAGE)?;
                    let answer = cx.vmo_set_size(vmo, asked)?;
                    let size = match ok_or_no_memory(cx, answer)? {
                        Some(_) => size,
                        None => pages * PAGE,
                    };
                    cx.expect_size(vmo, size)
                },
            );
        }
        suite.test(format!("accepts_size_0::{pages}_pages"), &["VMO-SETSIZE-13"], &[], move |cx| {
            let vmo = create_old(cx, pages.min(3))?;
            cx.resize(vmo, 0)?;
            cx.expect_size(vmo, 0)?;
            cx.vmo_read(vmo, 0, 1)?.is(ZX_ERR_OUT_OF_RANGE).map(drop)
        });
    }

    for (name, asked, size) in [
        ("largest", LARGEST, LARGEST),
        ("largest_less_1", LARGEST - 1, LARGEST),
        ("largest_less_page_plus_1", LARGEST - PAGE + 1, LARGEST),
    ] {
        suite.test(
            format!("accepts_the_largest_sizes::{name}"),
            &["VMO-SETSIZE-07"],
            &[],
            move |cx| {
                let vmo = create_old(cx, 1)?;
                cx.resize(vmo, asked)?;
                cx.expect_size(vmo, size)?;
                cx.expect_bytes(vmo, 0, &old_bytes(PAGE))?;
                cx.expect_fill(vmo, size - 16, 16, 0)
            },
        );
    }

    suite.test("goes_up_and_down", &["VMO-SETSIZE-01"], &[], |cx| {
        let vmo = cx.create(PAGE)?;
        for (asked, pages) in [(0, 0), (1, 1), (9 * PAGE, 9), (2 * PAGE + 1, 3), (PAGE, 1)] {
            cx.resize(vmo, asked)?;
            cx.expect_size(vmo, pages * PAGE)?;
        }
        Ok(())
    });

    suite.test("ranges_of_reads_follow_it", &["VMO-SETSIZE-01"], &[], |cx| {
        let vmo = cx.create(2 * PAGE)?;
        cx.resize(vmo, 3 * PAGE + 1)?;
        cx.vmo_read(vmo, 4 * PAGE - 1, 1)?.ok()?;
        cx.vmo_read(vmo, 4 * PAGE - 1, 2)?.is(ZX_ERR_OUT_OF_RANGE)?;
        cx.write(vmo, 4 * PAGE - 1, b"x")?;
        cx.resize(vmo, PAGE)?;
        cx.vmo_read(vmo, PAGE - 1, 1)?.ok()?;
        cx.vmo_read(vmo, PAGE - 1, 2)?.is(ZX_ERR_OUT_OF_RANGE)?;
        cx.vmo_write(vmo, PAGE, b"x")?.is(ZX_ERR_OUT_OF_RANGE).map(drop)
    });
}

fn too_large(suite: &mut Suite) {
    suite.test("refuses_a_size_that_cannot_be", &["VMO-SETSIZE-06"], &[], |cx| {
        let vmo = cx.create(2 * PAGE)?;
        cx.vmo_set_size(vmo, u64::MAX)?.is(ZX_ERR_OUT_OF_RANGE)?;
        cx.expect_size(vmo, 2 * PAGE)
    });

    for &(name, size) in TOO_LARGE {
        for pages in [0, 1, 3] {
            suite.test(
                format!("refuses_too_large_size::{pages}_pages_to_{name}"),
                &["VMO-SETSIZE-07"],
                &[],
                move |cx| {
                    let vmo = cx.create(pages * PAGE)?;
                    cx.vmo_set_size(vmo, size)?.is(ZX_ERR_OUT_OF_RANGE)?;
                    cx.expect_size(vmo, pages * PAGE)
                },
            );
        }
        suite.test(
            format!("a_refused_size_changes_nothing::{name}"),
            &["VMO-SETSIZE-08"],
            &[],
            move |cx| {
                let vmo = create_old(cx, 3)?;
                cx.vmo_set_size(vmo, size)?.is(ZX_ERR_OUT_OF_RANGE)?;
                cx.expect_size(vmo, 3 * PAGE)?;
                cx.expect_bytes(vmo, 0, &old_bytes(3 * PAGE))?;
                cx.resize(vmo, 4 * PAGE)?;
                cx.expect_bytes(vmo, 0, &old_bytes(3 * PAGE))
            },
        );
    }
}

fn errors(suite: &mut Suite) {
    suite.test("refuses_a_closed_handle", &["VMO-SETSIZE-02"], &[], |cx| {
        let closed = cx.closed_handle()?;
        cx.vmo_set_size(closed, PAGE)?.is(ZX_ERR_BAD_HANDLE)?;
        cx.vmo_set_size(Handle::Invalid, 0)?.is(ZX_ERR_BAD_HANDLE).map(drop)
    });

    // No page says that an event's handle has the right (W-04).
    let event = suite.test("refuses_an_event", &["VMO-SETSIZE-03"], &[OtherObjects], |cx| {
        let event = cx.event()?;
        cx.vmo_set_size(event, PAGE)?.is(ZX_ERR_WRONG_TYPE).map(drop)
    });
    event.at(crate::level::Level::Kernel);

    for (name, size) in [("0", 0), ("less", PAGE), ("same", 2 * PAGE), ("more", 5 * PAGE)] {
        suite.test(
            format!("refuses_a_handle_without_write::{name}"),
            &["VMO-SETSIZE-04"],
            &[Handles],
            move |cx| {
                let vmo = cx.create(2 * PAGE)?;
                for rights in [0, LISTED_RIGHTS & !ZX_RIGHT_WRITE] {
                    let reader = cx.duplicate(vmo, rights)?;
                    cx.vmo_set_size(reader, size)?.is(ZX_ERR_ACCESS_DENIED)?;
                    cx.expect_size(vmo, 2 * PAGE)?;
                }
                Ok(())
            },
        );
        suite.test(
            format!("a_denied_size_changes_nothing::{name}"),
            &["VMO-SETSIZE-08"],
            &[Handles],
            move |cx| {
                let vmo = create_old(cx, 2)?;
                let reader = cx.duplicate(vmo, LISTED_RIGHTS & !ZX_RIGHT_WRITE)?;
                cx.vmo_set_size(reader, size)?.is(ZX_ERR_ACCESS_DENIED)?;
                cx.expect_size(vmo, 2 * PAGE)?;
                cx.expect_bytes(vmo, 0, &old_bytes(2 * PAGE))
            },
        );
    }

    suite.test("needs_no_right_but_write", &["VMO-SETSIZE-05"], &[Handles], |cx| {
        let vmo = cx.create(2 * PAGE)?;
        let writer = cx.duplicate(vmo, ZX_RIGHT_WRITE)?;
        for size in [PAGE, 3 * PAGE, 0] {
            cx.resize(writer, size)?;
            cx.expect_size(vmo, size)?;
        }
        cx.vmo_set_size(writer, u64::MAX)?.is(ZX_ERR_OUT_OF_RANGE).map(drop)
    });

    for policy in 1..4 {
        suite.test(
            format!("works_under_cache_policy::{policy}"),
            &["VMO-SETSIZE-19"],
            &[CachePolicy],
            move |cx| {
                let vmo = cx.create(2 * PAGE)?;
                cx.vmo_set_cache_policy(vmo, policy)?.ok()?;
                for (asked, size) in [(3 * PAGE + 1, 4 * PAGE), (PAGE, PAGE), (0, 0), (1, PAGE)] {
                    cx.resize(vmo, asked)?;
                    cx.expect_size(vmo, size)?;
                }
                // The policy is what it was.
                cx.vmo_read(vmo, 0, 1)?.is(ZX_ERR_BAD_STATE)?;
                cx.vmo_set_cache_policy(vmo, 0)?.ok()?;
                cx.expect_fill(vmo, 0, PAGE, 0)
            },
        );
    }
}

fn memory(suite: &mut Suite) {
    for (name, size) in [("grow", 40 * PAGE), ("shrink", PAGE), ("to_0", 0)] {
        suite
            .test(
                format!("may_run_out_of_memory::{name}"),
                &["VMO-SETSIZE-21"],
                &[MemoryControl],
                move |cx| {
                    let vmo = create_old(cx, 2)?;
                    cx.fail_allocation(Some(1))?;
                    let answer = cx.vmo_set_size(vmo, size)?;
                    let (_, side) = cx.either("C-16", answer, ZX_ERR_NO_MEMORY, ZX_OK)?;
                    cx.fail_allocation(None)?;
                    cx.expect_size(vmo, if side == Side::Kernel { size } else { 2 * PAGE })?;
                    let kept = if side == Side::Kernel { size.min(2 * PAGE) } else { 2 * PAGE };
                    cx.expect_bytes(vmo, 0, &old_bytes(kept))
                },
            )
            .at(Level::Page);
    }

    suite
        .test("growing_may_need_memory", &["VMO-SETSIZE-21"], &[MemoryControl], |cx| {
            cx.limit_memory(Some(0))?;
            let vmo = cx.create(PAGE)?;
            let answer = cx.vmo_set_size(vmo, 1 << 40)?;
            let (_, side) = cx.either("C-16", answer, ZX_ERR_NO_MEMORY, ZX_OK)?;
            cx.expect_size(vmo, if side == Side::Kernel { 1 << 40 } else { PAGE })
        })
        .at(Level::Page);

    suite.test("shrinking_gives_memory_back", &["VMO-SETSIZE-10"], &[MemoryControl], |cx| {
        let vmo = create_old(cx, 4)?;
        cx.limit_memory(Some(4))?;
        let other = cx.create(3 * PAGE)?;
        cx.vmo_write(other, 0, &old_bytes(3 * PAGE))?.is(ZX_ERR_NO_MEMORY)?;
        cx.resize(vmo, PAGE)?;
        cx.write(other, 0, &old_bytes(3 * PAGE))?;
        cx.vmo_set_size(vmo, 4 * PAGE)?.ok()?;
        cx.vmo_write(vmo, 3 * PAGE, b"x")?.is(ZX_ERR_NO_MEMORY).map(drop)
    });
}
