//! `vmo_write`.

mod buffers;
mod commits;
mod memory;
mod state;

use vmo_abi::Capability::{CachePolicy, Handles, OtherObjects};
use vmo_abi::{
    ZX_ERR_ACCESS_DENIED, ZX_ERR_BAD_HANDLE, ZX_ERR_BAD_STATE, ZX_ERR_INVALID_ARGS,
    ZX_ERR_OUT_OF_RANGE, ZX_ERR_WRONG_TYPE, ZX_RIGHT_WRITE,
};

use super::vmo_create::LISTED_RIGHTS;
use super::vmo_read::{
    HUGE_LENGTHS, Lies, create_old, for_each_range, lies, named, new_bytes, old_bytes,
};
use crate::program::{Address, Handle};
use crate::suite::{PAGE, Side, Suite};

/// The [`old_bytes`] of a VMO after the [`new_bytes`] were written over a range
/// of them.
fn overwritten(pages: u64, offset: u64, len: u64) -> Vec<u8> {
    let mut bytes = old_bytes(pages * PAGE);
    bytes[offset as usize..][..len as usize].copy_from_slice(&new_bytes(len));
    bytes
}

pub(super) fn add(suite: &mut Suite) {
    ranges(suite);
    errors(suite);
    policies(suite);
    buffers::add(suite);
    commits::add(suite);
    memory::add(suite);
    state::add(suite);
}

fn ranges(suite: &mut Suite) {
    for_each_range(|name, pages, offset, len| {
        let lies = lies(pages * PAGE, offset, len);
        let clauses: &[&str] = match lies {
            Lies::Inside => &["VMO-WRITE-01", "VMO-WRITE-24"],
            Lies::EmptyAtEnd => &["VMO-WRITE-10"],
            Lies::EmptyBeyond => &["VMO-WRITE-11"],
            Lies::RunningOut => &["VMO-WRITE-08", "VMO-WRITE-09"],
            Lies::Outside => &["VMO-WRITE-08"],
            Lies::Wrapping => &["VMO-WRITE-08", "VMO-WRITE-12"],
        };
        suite.test(format!("range::{name}"), clauses, &[], move |cx| {
            let vmo = create_old(cx, pages)?;
            let answer = cx.vmo_write(vmo, offset, &new_bytes(len))?;
            match lies {
                Lies::Inside | Lies::EmptyAtEnd => {
                    answer.ok()?;
                    cx.expect_bytes(vmo, 0, &overwritten(pages, offset, len))?;
                }
                _ => drop(answer.is(ZX_ERR_OUT_OF_RANGE)?),
            }
            match lies {
                Lies::EmptyAtEnd => cx.takes("C-03", Side::Kernel),
                Lies::RunningOut => cx.takes("C-05", Side::Kernel),
                _ => {}
            }
            cx.expect_size(vmo, pages * PAGE)
        });

        if lies == Lies::RunningOut || lies == Lies::Wrapping {
            suite.test(
                format!("refused_range_is_left::{name}"),
                &["VMO-WRITE-14"],
                &[],
                move |cx| {
                    let vmo = create_old(cx, pages)?;
                    cx.vmo_write(vmo, offset, &new_bytes(len))?.is(ZX_ERR_OUT_OF_RANGE)?;
                    cx.expect_bytes(vmo, 0, &old_bytes(pages * PAGE))
                },
            );
        }
    });

    for &len in HUGE_LENGTHS {
        for offset in [0, 1, PAGE] {
            suite.test(
                format!("refuses_huge_length::{}_at_{offset}", named(len)),
                &["VMO-WRITE-08"],
                &[],
                move |cx| {
                    let vmo = create_old(cx, 1)?;
                    // The buffer is too short as well.
                    let answer = cx.vmo_write_from_buffer(vmo, offset, len)?;
                    answer.one_of(&[ZX_ERR_OUT_OF_RANGE, ZX_ERR_INVALID_ARGS])?;
                    cx.expect_size(vmo, PAGE)
                },
            );
        }
    }

    suite.test("ranges_go_by_the_present_size", &["VMO-WRITE-08"], &[], |cx| {
        let vmo = create_old(cx, 3)?;
        cx.resize(vmo, 2 * PAGE)?;
        cx.vmo_write(vmo, 2 * PAGE, b"x")?.is(ZX_ERR_OUT_OF_RANGE)?;
        cx.vmo_write(vmo, 2 * PAGE - 1, b"xy")?.is(ZX_ERR_OUT_OF_RANGE)?;
        cx.expect_size(vmo, 2 * PAGE)?;
        cx.resize(vmo, 4 * PAGE)?;
        cx.write(vmo, 4 * PAGE - 1, b"x")?;
        cx.expect_bytes(vmo, 4 * PAGE - 1, b"x")
    });

    suite.test(
        "a_refused_write_beyond_the_end_does_not_show_later",
        &["VMO-WRITE-14"],
        &[],
        |cx| {
            let vmo = create_old(cx, 1)?;
            cx.vmo_write(vmo, PAGE, &new_bytes(PAGE))?.is(ZX_ERR_OUT_OF_RANGE)?;
            cx.vmo_write(vmo, PAGE / 2, &new_bytes(PAGE))?.is(ZX_ERR_OUT_OF_RANGE)?;
            cx.resize(vmo, 2 * PAGE)?;
            cx.expect_bytes(vmo, 0, &old_bytes(PAGE))?;
            cx.expect_fill(vmo, PAGE, PAGE, 0)
        },
    );
}

fn errors(suite: &mut Suite) {
    suite.test("refuses_a_closed_handle", &["VMO-WRITE-02"], &[], |cx| {
        let closed = cx.closed_handle()?;
        cx.vmo_write(closed, 0, b"")?.is(ZX_ERR_BAD_HANDLE)?;
        cx.vmo_write(Handle::Invalid, 0, b"")?.is(ZX_ERR_BAD_HANDLE).map(drop)
    });

    // No page says that an event's handle has the right (W-04).
    let event = suite.test("refuses_an_event", &["VMO-WRITE-03"], &[OtherObjects], |cx| {
        let event = cx.event()?;
        cx.vmo_write(event, 0, b"")?.is(ZX_ERR_WRONG_TYPE).map(drop)
    });
    event.at(crate::level::Level::Kernel);

    suite.test("refuses_a_handle_without_write", &["VMO-WRITE-04"], &[Handles], |cx| {
        let vmo = create_old(cx, 1)?;
        for rights in [0, LISTED_RIGHTS & !ZX_RIGHT_WRITE] {
            let reader = cx.duplicate(vmo, rights)?;
            for len in [0, 1, PAGE] {
                cx.vmo_write(reader, 0, &new_bytes(len))?.is(ZX_ERR_ACCESS_DENIED)?;
            }
        }
        Ok(())
    });

    suite.test("denied_writes_change_nothing", &["VMO-WRITE-14"], &[Handles], |cx| {
        let vmo = create_old(cx, 2)?;
        let reader = cx.duplicate(vmo, LISTED_RIGHTS & !ZX_RIGHT_WRITE)?;
        cx.vmo_write(reader, 5, &new_bytes(PAGE))?.is(ZX_ERR_ACCESS_DENIED)?;
        cx.expect_bytes(vmo, 0, &old_bytes(2 * PAGE))
    });

    suite.test("needs_no_right_but_write", &["VMO-WRITE-05"], &[Handles], |cx| {
        let vmo = create_old(cx, 2)?;
        let writer = cx.duplicate(vmo, ZX_RIGHT_WRITE)?;
        cx.write(writer, PAGE - 3, &new_bytes(100))?;
        cx.expect_bytes(vmo, 0, &overwritten(2, PAGE - 3, 100))?;
        cx.vmo_write(writer, 2 * PAGE, b"x")?.is(ZX_ERR_OUT_OF_RANGE).map(drop)
    });

    suite.test("works_after_a_refusal", &["VMO-WRITE-08"], &[], |cx| {
        let vmo = cx.create(PAGE)?;
        cx.vmo_write(vmo, PAGE - 1, b"xy")?.is(ZX_ERR_OUT_OF_RANGE)?;
        cx.write(vmo, PAGE - 1, b"z")?;
        cx.expect_bytes(vmo, PAGE - 1, b"z")
    });
}

fn policies(suite: &mut Suite) {
    for policy in 1..4 {
        suite.test(
            format!("refuses_cache_policy::{policy}"),
            &["VMO-WRITE-18"],
            &[CachePolicy],
            move |cx| {
                let vmo = cx.create(PAGE)?;
                cx.vmo_set_cache_policy(vmo, policy)?.ok()?;
                cx.vmo_write(vmo, 0, b"x")?.is(ZX_ERR_BAD_STATE)?;
                cx.vmo_write(vmo, 0, &new_bytes(PAGE))?.is(ZX_ERR_BAD_STATE).map(drop)
            },
        );

        suite.test(
            format!("judges_cache_policy_before_range::{policy}"),
            &["VMO-WRITE-19"],
            &[CachePolicy],
            move |cx| {
                let vmo = cx.create(PAGE)?;
                cx.vmo_set_cache_policy(vmo, policy)?.ok()?;
                for (offset, len) in
                    [(0, 0), (PAGE, 0), (PAGE + 1, 0), (0, PAGE + 1), (u64::MAX, 2)]
                {
                    cx.vmo_write(vmo, offset, &new_bytes(len))?.is(ZX_ERR_BAD_STATE)?;
                }
                let answer = cx.with("buffer", Address::Null).vmo_write_from_buffer(vmo, 0, 1)?;
                answer.is(ZX_ERR_INVALID_ARGS)?;
                let answer = cx.with("buffer", Address::Null).vmo_write_from_buffer(vmo, 0, 0)?;
                answer.is(ZX_ERR_BAD_STATE).map(drop)
            },
        );

        suite.test(
            format!("an_uncached_vmo_is_left::{policy}"),
            &["VMO-WRITE-14"],
            &[CachePolicy],
            move |cx| {
                let vmo = cx.create(2 * PAGE)?;
                cx.vmo_set_cache_policy(vmo, policy)?.ok()?;
                cx.vmo_write(vmo, 10, &new_bytes(PAGE))?.is(ZX_ERR_BAD_STATE)?;
                // Nothing was committed, or this would be refused.
                cx.vmo_set_cache_policy(vmo, 0)?.ok()?;
                cx.expect_fill(vmo, 0, 2 * PAGE, 0)
            },
        );
    }
}
