//! Waits that last, and what ends them.

use std::time::Duration;

use vmo_abi::Capability::{Clone, Handles, OtherObjects, Signals, Threads};
use vmo_abi::{
    ZX_OK, ZX_USER_SIGNAL_0, ZX_USER_SIGNAL_1, ZX_USER_SIGNAL_2, ZX_USER_SIGNAL_ALL,
    ZX_VMO_ZERO_CHILDREN, zx_signals_t,
};

use super::{LONG, SHORT, clear, set};
use crate::program::Handle;
use crate::suite::{Checked, Context, PAGE, Suite};

/// Expects that a wait on a VMO times out although something is done to it.
fn expect_timed_out(
    cx: &mut Context<'_>,
    asked: zx_signals_t,
    seen: zx_signals_t,
    act: impl Fn(&mut Context<'_>, Handle) -> Checked,
) -> Checked {
    let prepare = |cx: &mut Context<'_>| cx.create(PAGE).map(|vmo| (vmo, vmo));
    cx.expect_timeout_while(asked, seen, prepare, act)
}

pub(super) fn add(suite: &mut Suite) {
    deadlines(suite);
    signals(suite);
    observed(suite);
    others(suite);
}

fn deadlines(suite: &mut Suite) {
    suite.test("it_times_out", &["OBJ-WAIT-03"], &[Signals], |cx| {
        let vmo = cx.create(PAGE)?;
        cx.expect_timeout(vmo, ZX_USER_SIGNAL_0, SHORT)
    });

    suite.test(
        "what_is_not_asked_for_does_not_end_it",
        &["OBJ-WAIT-03", "OBJ-WAIT-06"],
        &[Signals],
        |cx| {
            let vmo = cx.create(PAGE)?;
            set(cx, vmo, ZX_USER_SIGNAL_ALL & !ZX_USER_SIGNAL_0)?;
            cx.expect_timeout(vmo, ZX_USER_SIGNAL_0, SHORT)
        },
    );

    for (row, timeout) in
        [("infinite", u64::MAX), ("2_to_63", 1 << 63), ("2_to_62", 1 << 62), ("2_to_33", 1 << 33)]
    {
        suite.test(
            format!("a_far_deadline_does_not_time_out::{row}"),
            if timeout == u64::MAX { &["OBJ-WAIT-04"] } else { &["OBJ-WAIT-03"] },
            &[Signals, Threads],
            move |cx| {
                let vmo = cx.create(PAGE)?;
                let timeout = Duration::from_nanos(timeout);
                let waited = cx.wait_while(vmo, ZX_USER_SIGNAL_0, timeout, |cx| {
                    set(cx, vmo, ZX_USER_SIGNAL_0)
                })?;
                waited.is(ZX_OK, ZX_VMO_ZERO_CHILDREN | ZX_USER_SIGNAL_0)
            },
        );
    }
}

fn signals(suite: &mut Suite) {
    suite.test("it_waits_for_a_signal", &["OBJ-WAIT-03"], &[Signals, Threads], |cx| {
        let vmo = cx.create(PAGE)?;
        let waited =
            cx.wait_while(vmo, ZX_USER_SIGNAL_0, LONG, |cx| set(cx, vmo, ZX_USER_SIGNAL_0))?;
        waited.is(ZX_OK, ZX_VMO_ZERO_CHILDREN | ZX_USER_SIGNAL_0)
    });

    suite.test("the_last_of_several_ends_it", &["OBJ-WAIT-03"], &[Signals, Threads], |cx| {
        let vmo = cx.create(PAGE)?;
        let asked = ZX_USER_SIGNAL_0 | 1 << 31;
        let waited = cx.wait_while(vmo, asked, LONG, |cx| set(cx, vmo, 1 << 31))?;
        waited.is(ZX_OK, ZX_VMO_ZERO_CHILDREN | 1 << 31)
    });

    suite.test(
        "it_hears_of_signals_set_through_another_handle",
        &["OBJ-WAIT-03"],
        &[Signals, Handles, Threads],
        |cx| {
            let vmo = cx.create(PAGE)?;
            let second = cx.duplicate_same(vmo)?;
            let waited = cx.wait_while(vmo, ZX_USER_SIGNAL_0, LONG, |cx| {
                set(cx, second, ZX_USER_SIGNAL_0)?;
                cx.close(second)
            })?;
            waited.is(ZX_OK, ZX_VMO_ZERO_CHILDREN | ZX_USER_SIGNAL_0)
        },
    );

    suite.test("a_last_clone_closed_ends_it", &["OBJ-WAIT-03"], &[Signals, Clone, Threads], |cx| {
        let vmo = cx.create(PAGE)?;
        let clone = cx.clone_of(vmo, 0, PAGE)?;
        let second = cx.clone_of(vmo, 0, PAGE)?;
        let waited = cx.wait_while(vmo, ZX_VMO_ZERO_CHILDREN, LONG, |cx| {
            cx.close(second)?;
            cx.expect_signals(vmo, 0)?;
            cx.close(clone)
        })?;
        waited.is(ZX_OK, ZX_VMO_ZERO_CHILDREN)
    });

    suite.test("a_moment_is_enough", &["OBJ-WAIT-08"], &[Signals, Threads], |cx| {
        let vmo = cx.create(PAGE)?;
        let waited = cx.wait_while(vmo, ZX_USER_SIGNAL_0, LONG, |cx| {
            set(cx, vmo, ZX_USER_SIGNAL_0)?;
            clear(cx, vmo, ZX_USER_SIGNAL_0)
        })?;
        waited.is(ZX_OK, ZX_VMO_ZERO_CHILDREN | ZX_USER_SIGNAL_0)
    });
}

fn observed(suite: &mut Suite) {
    suite.test("signals_of_a_moment_stay_observed", &["OBJ-WAIT-08"], &[Signals, Threads], |cx| {
        let vmo = cx.create(PAGE)?;
        let waited = cx.wait_while(vmo, ZX_USER_SIGNAL_0, LONG, |cx| {
            set(cx, vmo, ZX_USER_SIGNAL_1)?;
            clear(cx, vmo, ZX_USER_SIGNAL_1)?;
            set(cx, vmo, ZX_USER_SIGNAL_0)
        })?;
        waited.is(ZX_OK, ZX_VMO_ZERO_CHILDREN | ZX_USER_SIGNAL_0 | ZX_USER_SIGNAL_1)
    });

    suite.test(
        "signals_of_the_beginning_stay_observed",
        &["OBJ-WAIT-08"],
        &[Signals, Threads],
        |cx| {
            let vmo = cx.create(PAGE)?;
            set(cx, vmo, ZX_USER_SIGNAL_2)?;
            let waited = cx.wait_while(vmo, ZX_USER_SIGNAL_0, LONG, |cx| {
                clear(cx, vmo, ZX_USER_SIGNAL_2)?;
                set(cx, vmo, ZX_USER_SIGNAL_0)
            })?;
            waited.is(ZX_OK, ZX_VMO_ZERO_CHILDREN | ZX_USER_SIGNAL_0 | ZX_USER_SIGNAL_2)
        },
    );

    suite.test("signals_of_before_are_not_observed", &["OBJ-WAIT-08"], &[Signals, Threads], |cx| {
        let vmo = cx.create(PAGE)?;
        set(cx, vmo, ZX_USER_SIGNAL_2)?;
        clear(cx, vmo, ZX_USER_SIGNAL_2)?;
        let waited =
            cx.wait_while(vmo, ZX_USER_SIGNAL_0, LONG, |cx| set(cx, vmo, ZX_USER_SIGNAL_0))?;
        waited.is(ZX_OK, ZX_VMO_ZERO_CHILDREN | ZX_USER_SIGNAL_0)
    });

    suite.test(
        "a_timeout_tells_what_was_seen",
        &["OBJ-WAIT-06", "OBJ-WAIT-08"],
        &[Signals, Threads],
        |cx| {
            let seen = ZX_VMO_ZERO_CHILDREN | ZX_USER_SIGNAL_1;
            expect_timed_out(cx, ZX_USER_SIGNAL_0, seen, |cx, vmo| {
                set(cx, vmo, ZX_USER_SIGNAL_1)?;
                clear(cx, vmo, ZX_USER_SIGNAL_1)
            })
        },
    );

    suite.test("no_signals_wait_for_nothing", &["OBJ-WAIT-16"], &[Signals, Threads], |cx| {
        let seen = ZX_VMO_ZERO_CHILDREN | ZX_USER_SIGNAL_ALL;
        expect_timed_out(cx, 0, seen, |cx, vmo| set(cx, vmo, ZX_USER_SIGNAL_ALL))
    });
}

/// What happens to another object ends no wait on this one.
fn others(suite: &mut Suite) {
    suite.test(
        "other_objects_end_nothing",
        &["OBJ-WAIT-03", "OBJ-WAIT-15"],
        &[Signals, Threads, OtherObjects],
        |cx| {
            expect_timed_out(cx, ZX_USER_SIGNAL_0, ZX_VMO_ZERO_CHILDREN, |cx, _| {
                for other in [cx.create(PAGE)?, cx.event()?] {
                    set(cx, other, ZX_USER_SIGNAL_0)?;
                    cx.close(other)?;
                }
                Ok(())
            })
        },
    );

    suite.test(
        "calls_on_the_vmo_end_nothing",
        &["OBJ-WAIT-03", "OBJ-WAIT-15"],
        &[Signals, Threads, Handles],
        |cx| {
            expect_timed_out(cx, ZX_USER_SIGNAL_0, ZX_VMO_ZERO_CHILDREN, |cx, vmo| {
                cx.write(vmo, 0, b"x")?;
                cx.resize(vmo, 3 * PAGE)?;
                let second = cx.duplicate_same(vmo)?;
                cx.close(second)
            })
        },
    );
}
