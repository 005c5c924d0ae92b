//! Handles that one thread uses and another closes: the use hits or misses,
//! and nothing else.

use std::time::{Duration, Instant};

use vmo_abi::Capability::{Handles, Info, Threads};
use vmo_abi::{ZX_ERR_BAD_HANDLE, ZX_OK, ZX_RIGHT_SAME_RIGHTS};

use super::{expect, in_threads, ok, one_of};
use crate::level::Level;
use crate::suite::cases::object_get_info::expect_count;
use crate::suite::{PAGE, Suite};

/// Handles that are fought for, one after the other.
const HANDLES: usize = 100;

/// How long a read through a handle that another thread closes may go on.
const PATIENCE: Duration = Duration::from_secs(2);

pub(super) fn add(suite: &mut Suite) {
    suite.test("a_read_ends_although_its_handle_is_closed", &["THREAD-02"], &[Threads, Handles], {
        |cx| {
            let vmo = cx.create_filled(2 * PAGE, 0x41)?;
            let mut handles = Vec::new();
            for _ in 0..HANDLES {
                let second = cx.duplicate_same(vmo)?;
                handles.push(cx.handle_value(second));
            }
            in_threads(cx, 2, |nth, hand| {
                for handle in &handles {
                    if nth == 0 {
                        hand.close(*handle)?;
                        continue;
                    }
                    // At last the handle is gone.
                    let started = Instant::now();
                    loop {
                        match hand.read(*handle, 0, 2 * PAGE)? {
                            Err(status) => {
                                one_of(status, &[ZX_ERR_BAD_HANDLE])?;
                                break;
                            }
                            Ok(bytes) => {
                                let whole = bytes.iter().all(|byte| *byte == 0x41);
                                expect(whole, "the bytes of the VMO", "others")?;
                            }
                        }
                        let over = started.elapsed() > PATIENCE;
                        expect(!over, "the handle gone", format!("reads for {PATIENCE:?}"))?;
                    }
                }
                Ok(())
            })?;
            cx.expect_fill(vmo, 0, 2 * PAGE, 0x41)
        }
    });

    suite
        .test(
            "one_of_several_closes_succeeds",
            &["HANDLE-CLOSE-01", "HANDLE-CLOSE-03"],
            &[Threads, Handles, Info],
            |cx| {
                let vmo = cx.create(PAGE)?;
                for _ in 0..HANDLES / 4 {
                    let second = cx.duplicate_same(vmo)?;
                    let second = cx.handle_value(second);
                    let statuses =
                        in_threads(cx, 4, |_, hand| Ok(hand.backend.handle_close(second)))?;
                    let closed = statuses.iter().filter(|status| **status == ZX_OK).count();
                    cx.expect(closed == 1, "one close", format!("{statuses:?}"))?;
                    statuses
                        .iter()
                        .try_for_each(|status| one_of(*status, &[ZX_OK, ZX_ERR_BAD_HANDLE]))?;
                    expect_count(cx, vmo, 1)?;
                }
                Ok(())
            },
        )
        .at(Level::Kernel);

    suite
        .test(
            "one_of_several_replacements_succeeds",
            &["HANDLE-REPLACE-01", "HANDLE-REPLACE-08"],
            &[Threads, Handles, Info],
            |cx| {
                let vmo = cx.create(PAGE)?;
                for _ in 0..HANDLES / 4 {
                    let second = cx.duplicate_same(vmo)?;
                    let second = cx.handle_value(second);
                    let made = in_threads(cx, 4, |_, hand| {
                        let status =
                            hand.backend.handle_replace(second, ZX_RIGHT_SAME_RIGHTS, hand.place);
                        one_of(status, &[ZX_OK, ZX_ERR_BAD_HANDLE])?;
                        if status == ZX_OK { hand.handle(status).map(Some) } else { Ok(None) }
                    })?;
                    let made: Vec<_> = made.into_iter().flatten().collect();
                    cx.expect(made.len() == 1, "one replacement", made.len())?;
                    expect_count(cx, vmo, 2)?;
                    ok(cx.backend().handle_close(made[0]))?;
                }
                Ok(())
            },
        )
        .at(Level::Kernel);
}
