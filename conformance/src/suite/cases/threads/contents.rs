//! Bytes that several threads read and write: each call is one step.

use vmo_abi::Capability::{Clone, Handles, Range, Threads};
use vmo_abi::{
    ZX_ERR_OUT_OF_RANGE, ZX_OK, ZX_RIGHT_SAME_RIGHTS, ZX_VMO_OP_COMMIT, ZX_VMO_OP_DECOMMIT,
    zx_status_t,
};

use super::{expect, expect_alike, in_threads, ok, one_of, watched};
use crate::runner::Status;
use crate::suite::{PAGE, Suite};

/// Bytes in the most that a thread moves at once.
const LONG: usize = 2 * PAGE as usize;

/// Expects a read to have gone through, and all its bytes to be alike.
fn expect_whole(read: Result<Vec<u8>, zx_status_t>) -> crate::suite::Checked {
    match read {
        Ok(bytes) => expect_alike(&bytes),
        Err(status) => ok(status),
    }
}

pub(super) fn add(suite: &mut Suite) {
    reads(suite);
    writes(suite);
    ranges(suite);
    sizes(suite);
    clones(suite);
}

fn reads(suite: &mut Suite) {
    for (row, offset, len) in [
        ("in_a_page", 100, 64),
        ("across_pages", PAGE - 32, 64),
        ("two_pages", 0, LONG),
        ("two_pages_across_three", PAGE / 2, LONG),
    ] {
        suite.test(
            format!("a_read_sees_no_half_of_a_write::{row}"),
            &["THREAD-03"],
            &[Threads],
            move |cx| {
                let vmo = cx.create(3 * PAGE)?;
                let vmo = cx.handle_value(vmo);
                watched(
                    cx,
                    |round, hand| ok(hand.write(vmo, offset, &vec![round as u8; len])?),
                    |hand| expect_whole(hand.read(vmo, offset, len as u64)?),
                )
            },
        );
    }

    suite.test(
        "a_read_through_another_handle_sees_no_half",
        &["THREAD-03"],
        &[Threads, Handles],
        |cx| {
            let vmo = cx.create(2 * PAGE)?;
            let second = cx.duplicate_same(vmo)?;
            let (vmo, second) = (cx.handle_value(vmo), cx.handle_value(second));
            watched(
                cx,
                |round, hand| ok(hand.write(vmo, 0, &vec![round as u8; LONG])?),
                |hand| expect_whole(hand.read(second, 0, LONG as u64)?),
            )
        },
    );
}

fn writes(suite: &mut Suite) {
    suite.test("writes_exclude_each_other", &["THREAD-03"], &[Threads], |cx| {
        let vmo = cx.create(2 * PAGE)?;
        let value = cx.handle_value(vmo);
        in_threads(cx, 4, |nth, hand| {
            for _ in 0..100 {
                ok(hand.write(value, 0, &vec![1 + nth as u8; LONG])?)?;
                expect_whole(hand.read(value, 0, LONG as u64)?)?;
            }
            Ok(())
        })?;
        expect_alike(&cx.read(vmo, 0, 2 * PAGE)?)
    });

    suite.test("writes_to_neighbours_lose_nothing", &["THREAD-03"], &[Threads], |cx| {
        let vmo = cx.create(PAGE)?;
        let vmo = cx.handle_value(vmo);
        in_threads(cx, 4, |nth, hand| {
            let offset = PAGE / 2 + nth as u64;
            for round in 0..500 {
                let byte = [round as u8];
                ok(hand.write(vmo, offset, &byte)?)?;
                let seen = hand.read(vmo, offset, 1)?.unwrap_or_default();
                expect(seen == byte, format!("{byte:x?}"), format!("{seen:x?}"))?;
            }
            Ok(())
        })
        .map(drop)
    });

    suite.test("first_writes_to_a_page_all_stay", &["THREAD-03"], &[Threads], |cx| {
        const PAGES: u64 = 100;
        let vmo = cx.create(PAGES * PAGE)?;
        let value = cx.handle_value(vmo);
        in_threads(cx, 4, |nth, hand| {
            for page in 0..PAGES {
                let offset = page * PAGE + nth as u64 * (PAGE / 4);
                ok(hand.write(value, offset, &[1 + nth as u8; 16])?)?;
            }
            Ok(())
        })?;
        for page in 0..PAGES {
            for nth in 0..4 {
                cx.expect_fill(vmo, page * PAGE + nth * (PAGE / 4), 16, 1 + nth as u8)?;
            }
        }
        Ok(())
    });
}

fn ranges(suite: &mut Suite) {
    suite.test("a_read_sees_no_half_of_a_decommit", &["THREAD-03"], &[Threads, Range], |cx| {
        let vmo = cx.create(2 * PAGE)?;
        let vmo = cx.handle_value(vmo);
        watched(
            cx,
            |round, hand| {
                if round % 2 == 0 {
                    return ok(hand.write(vmo, 0, &[0x41; LONG])?);
                }
                let op = ZX_VMO_OP_DECOMMIT;
                ok(hand.backend.vmo_op_range(vmo, op, 0, 2 * PAGE, 0, 0))
            },
            |hand| expect_whole(hand.read(vmo, 0, LONG as u64)?),
        )
    });

    suite.test("a_commit_loses_no_write", &["THREAD-03"], &[Threads, Range], |cx| {
        for _ in 0..50 {
            let vmo = cx.create(8 * PAGE)?;
            let value = cx.handle_value(vmo);
            in_threads(cx, 2, |nth, hand| {
                if nth == 0 {
                    let op = ZX_VMO_OP_COMMIT;
                    return ok(hand.backend.vmo_op_range(value, op, 0, 8 * PAGE, 0, 0));
                }
                (0..8).try_for_each(|page| ok(hand.write(value, page * PAGE, b"x")?))
            })?;
            for page in 0..8 {
                cx.expect_bytes(vmo, page * PAGE, b"x\0")?;
            }
            cx.close(vmo)?;
        }
        Ok(())
    });
}

fn sizes(suite: &mut Suite) {
    suite.test("a_read_sees_one_size", &["THREAD-03"], &[Threads], |cx| {
        let vmo = cx.create_filled(2 * PAGE, 0x41)?;
        let vmo = cx.handle_value(vmo);
        watched(
            cx,
            |round, hand| match round % 3 {
                0 => ok(hand.backend.vmo_set_size(vmo, PAGE)),
                1 => ok(hand.backend.vmo_set_size(vmo, 2 * PAGE)),
                _ => ok(hand.write(vmo, PAGE, &[0x41; PAGE as usize])?),
            },
            |hand| match hand.read(vmo, 0, LONG as u64)? {
                Err(status) => one_of(status, &[ZX_ERR_OUT_OF_RANGE]),
                Ok(bytes) => {
                    let (first, second) = bytes.split_at(PAGE as usize);
                    expect(first[0] == 0x41, "the first page as it was", first[0])?;
                    expect_alike(first)?;
                    expect_alike(second)
                }
            },
        )
    });

    suite.test("a_write_sees_one_size", &["THREAD-03"], &[Threads], |cx| {
        let vmo = cx.create(2 * PAGE)?;
        let vmo = cx.handle_value(vmo);
        let written = std::sync::Mutex::new((0_u8, 0_u8));
        watched(
            cx,
            |round, hand| {
                let pages = 1 + (round % 2) as u64;
                ok(hand.backend.vmo_set_size(vmo, pages * PAGE))
            },
            |hand| {
                // A write that is refused leaves even what it could have written.
                let mut state = written.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                state.0 = state.0.wrapping_add(1);
                let status = hand.write(vmo, PAGE - 4, &[state.0; 8])?;
                one_of(status, &[ZX_OK, ZX_ERR_OUT_OF_RANGE])?;
                if status == ZX_OK {
                    state.1 = state.0;
                }
                let seen = hand
                    .read(vmo, PAGE - 4, 4)?
                    .map_err(|status| crate::suite::Failure::new("ZX_OK", Status(status)))?;
                expect(seen == [state.1; 4], format!("four times {:#x}", state.1), {
                    format!("{seen:x?}")
                })
            },
        )
    });
}

fn clones(suite: &mut Suite) {
    suite.test(
        "a_clone_sees_no_half_of_a_write_to_its_parent",
        &["THREAD-03"],
        &[Threads, Clone],
        |cx| {
            let vmo = cx.create(2 * PAGE)?;
            let clone = cx.clone_of(vmo, 0, 2 * PAGE)?;
            let (vmo, clone) = (cx.handle_value(vmo), cx.handle_value(clone));
            watched(
                cx,
                |round, hand| ok(hand.write(vmo, 0, &vec![round as u8; LONG])?),
                |hand| expect_whole(hand.read(clone, 0, LONG as u64)?),
            )
        },
    );

    suite.test(
        "a_page_is_copied_as_it_was_at_one_moment",
        &["THREAD-03"],
        &[Threads, Clone],
        |cx| {
            let vmo = cx.create_filled(PAGE, 0)?;
            let vmo = cx.handle_value(vmo);
            watched(
                cx,
                |round, hand| ok(hand.write(vmo, 0, &[round as u8; PAGE as usize])?),
                |hand| {
                    let clone = hand.clone_of(vmo, PAGE)?;
                    ok(hand.write(clone, 0, b"x")?)?;
                    expect_whole(hand.read(clone, 1, PAGE - 1)?)?;
                    hand.close(clone)
                },
            )
        },
    );

    suite.test(
        "writes_to_sibling_clones_stay_apart",
        &["THREAD-03"],
        &[Threads, Clone, Handles],
        |cx| {
            let vmo = cx.create_filled(4 * PAGE, 0x41)?;
            let second = cx.duplicate(vmo, ZX_RIGHT_SAME_RIGHTS)?;
            let (vmo, second) = (cx.handle_value(vmo), cx.handle_value(second));
            in_threads(cx, 4, |nth, hand| {
                let source = if nth % 2 == 0 { vmo } else { second };
                for _ in 0..50 {
                    let clone = hand.clone_of(source, 4 * PAGE)?;
                    for page in 0..4 {
                        ok(hand.write(clone, page * PAGE, &[nth as u8; 8])?)?;
                    }
                    for page in 0..4 {
                        let seen = hand.read(clone, page * PAGE, 9)?.unwrap_or_default();
                        let whole = seen[..8] == [nth as u8; 8] && seen[8] == 0x41;
                        expect(whole, format!("{nth} eight times and 0x41"), {
                            format!("{seen:x?}")
                        })?;
                    }
                    hand.close(clone)?;
                }
                Ok(())
            })
            .map(drop)
        },
    );
}
