//! `object_wait_one` and `object_wait_many`.

use std::time::Duration;

use vmo_abi::Capability::{Clone, Handles, Info, Signals, Threads};
use vmo_abi::{
    ZX_ERR_ACCESS_DENIED, ZX_ERR_BAD_HANDLE, ZX_ERR_INVALID_ARGS, ZX_ERR_OUT_OF_RANGE,
    ZX_ERR_TIMED_OUT, ZX_OK, ZX_RIGHT_WAIT, ZX_SIGNAL_HANDLE_CLOSED, ZX_USER_SIGNAL_0,
    ZX_USER_SIGNAL_1, ZX_USER_SIGNAL_2, ZX_VMO_ZERO_CHILDREN,
};

use crate::level::Level;
use crate::program::{Address, Handle};
use crate::suite::{Deadline, PAGE, Side, Suite};

/// A timeout that ends a wait only when something is wrong.
pub(super) const LONG: Duration = Duration::from_secs(10);
const SHORT: Duration = Duration::from_millis(15);
const NOW: Deadline = Deadline::At(0);

pub(super) fn add(suite: &mut Suite) {
    at_once(suite);
    waiting(suite);
    refusals(suite);
    many(suite);
}

fn at_once(suite: &mut Suite) {
    for (row, deadline) in
        [("in_time", Deadline::FromNow(1 << 40)), ("infinite", Deadline::At(u64::MAX))]
    {
        suite.test(
            format!("an_active_signal_ends_it_at_once::{row}"),
            &["OBJ-WAIT-01", "OBJ-WAIT-17"],
            &[Signals],
            move |cx| {
                let vmo = cx.create(PAGE)?;
                let answer = cx.object_wait_one(vmo, ZX_VMO_ZERO_CHILDREN, deadline)?.ok()?;
                answer.word_is(3, ZX_VMO_ZERO_CHILDREN.into()).map(drop)
            },
        );
    }

    for (row, deadline) in [("zero", NOW), ("one", Deadline::At(1))] {
        suite.test(
            format!("even_with_a_deadline_that_has_passed::{row}"),
            &["OBJ-WAIT-02"],
            &[Signals],
            move |cx| {
                let vmo = cx.create(PAGE)?;
                cx.object_wait_one(vmo, ZX_VMO_ZERO_CHILDREN, deadline)?.ok().map(drop)
            },
        );
    }

    for signal in 0..8 {
        suite.test(
            format!("each_user_signal_can_be_waited_for::{signal}"),
            &["OBJ-WAIT-01"],
            &[Signals],
            move |cx| {
                let vmo = cx.create(PAGE)?;
                let bit = ZX_USER_SIGNAL_0 << signal;
                cx.object_wait_one(vmo, bit, NOW)?.is(ZX_ERR_TIMED_OUT)?;
                cx.object_signal(vmo, 0, bit)?.ok()?;
                cx.object_wait_one(vmo, bit, NOW)?.ok()?;
                cx.object_wait_one(vmo, !bit & 0xff00_0000, NOW)?.is(ZX_ERR_TIMED_OUT).map(drop)
            },
        );
    }

    suite.test("one_of_several_is_enough", &["OBJ-WAIT-01"], &[Signals], |cx| {
        let vmo = cx.create(PAGE)?;
        let asked = ZX_USER_SIGNAL_0 | ZX_VMO_ZERO_CHILDREN;
        cx.object_wait_one(vmo, asked, NOW)?.ok().map(drop)
    });

    suite.test("observed_tells_what_was_not_asked", &["OBJ-WAIT-05"], &[Signals], |cx| {
        let vmo = cx.create(PAGE)?;
        cx.object_signal(vmo, 0, ZX_USER_SIGNAL_1)?.ok()?;
        let answer = cx.object_wait_one(vmo, ZX_USER_SIGNAL_1, NOW)?.ok()?;
        answer.word_is(3, (ZX_VMO_ZERO_CHILDREN | ZX_USER_SIGNAL_1).into()).map(drop)
    });

    suite.test(
        "an_expired_deadline_polls",
        &["OBJ-WAIT-06", "OBJ-WAIT-07"],
        &[Signals, Clone],
        |cx| {
            let vmo = cx.create(PAGE)?;
            let clone = cx.clone_of(vmo, 0, PAGE)?;
            let asked = ZX_USER_SIGNAL_0;
            let answer = cx.object_wait_one(vmo, asked, NOW)?.is(ZX_ERR_TIMED_OUT)?;
            answer.word_is(3, 0)?;
            cx.close(clone)?;
            let answer = cx.object_wait_one(vmo, asked, NOW)?.is(ZX_ERR_TIMED_OUT)?;
            answer.word_is(3, ZX_VMO_ZERO_CHILDREN.into()).map(drop)
        },
    );

    suite.test("the_closed_bit_does_not_appear", &["OBJ-WAIT-15"], &[Signals], |cx| {
        let vmo = cx.create(PAGE)?;
        let answer = cx.object_wait_one(vmo, ZX_SIGNAL_HANDLE_CLOSED, NOW)?;
        let observed = answer.is(ZX_ERR_TIMED_OUT)?.word(3)?;
        let holds = observed & u64::from(ZX_SIGNAL_HANDLE_CLOSED) == 0;
        cx.expect(holds, "bit 23 clear", format!("{observed:#x}"))
    });

    suite.test("no_signals_are_never_active", &["OBJ-WAIT-16"], &[Signals], |cx| {
        let vmo = cx.create(PAGE)?;
        cx.object_wait_one(vmo, 0, NOW)?.is(ZX_ERR_TIMED_OUT)?;
        cx.expect_timeout(vmo, 0, SHORT)
    });

    for deadline in [NOW, Deadline::At(u64::MAX)] {
        let row = if matches!(deadline, Deadline::At(0)) { "timed_out" } else { "ok" };
        suite.test(
            format!("observed_may_be_null::{row}"),
            &["OBJ-WAIT-09"],
            &[Signals],
            move |cx| {
                let vmo = cx.create(PAGE)?;
                cx.with("observed", Address::Null);
                let ends_at_once = row == "ok";
                let asked = if ends_at_once { ZX_VMO_ZERO_CHILDREN } else { ZX_USER_SIGNAL_0 };
                let status = if ends_at_once { ZX_OK } else { ZX_ERR_TIMED_OUT };
                cx.object_wait_one(vmo, asked, deadline)?.is(status).map(drop)
            },
        );
    }
}

fn waiting(suite: &mut Suite) {
    suite.test("it_times_out", &["OBJ-WAIT-03"], &[Signals], |cx| {
        let vmo = cx.create(PAGE)?;
        cx.expect_timeout(vmo, ZX_USER_SIGNAL_0, SHORT)
    });

    suite.test("it_waits_for_a_signal", &["OBJ-WAIT-03"], &[Signals, Threads], |cx| {
        let vmo = cx.create(PAGE)?;
        let waited = cx.wait_while(vmo, ZX_USER_SIGNAL_0, LONG, |cx| {
            cx.object_signal(vmo, 0, ZX_USER_SIGNAL_0)?.ok().map(drop)
        })?;
        waited.is(ZX_OK, ZX_VMO_ZERO_CHILDREN | ZX_USER_SIGNAL_0)
    });

    suite.test("a_last_clone_closed_ends_it", &["OBJ-WAIT-03"], &[Signals, Clone, Threads], |cx| {
        let vmo = cx.create(PAGE)?;
        let clone = cx.clone_of(vmo, 0, PAGE)?;
        let waited = cx.wait_while(vmo, ZX_VMO_ZERO_CHILDREN, LONG, |cx| cx.close(clone))?;
        waited.is(ZX_OK, ZX_VMO_ZERO_CHILDREN)
    });

    suite.test("an_infinite_wait_does_not_time_out", &["OBJ-WAIT-04"], &[Signals, Threads], |cx| {
        let vmo = cx.create(PAGE)?;
        let endless = Duration::from_nanos(u64::MAX);
        let waited = cx.wait_while(vmo, ZX_USER_SIGNAL_0, endless, |cx| {
            std::thread::sleep(SHORT);
            cx.object_signal(vmo, 0, ZX_USER_SIGNAL_0)?.ok().map(drop)
        })?;
        waited.is(ZX_OK, ZX_VMO_ZERO_CHILDREN | ZX_USER_SIGNAL_0)
    });

    suite.test("signals_of_a_moment_stay_observed", &["OBJ-WAIT-08"], &[Signals, Threads], |cx| {
        let vmo = cx.create(PAGE)?;
        let waited = cx.wait_while(vmo, ZX_USER_SIGNAL_0, LONG, |cx| {
            cx.object_signal(vmo, 0, ZX_USER_SIGNAL_1)?.ok()?;
            cx.object_signal(vmo, ZX_USER_SIGNAL_1, 0)?.ok()?;
            cx.object_signal(vmo, 0, ZX_USER_SIGNAL_0)?.ok().map(drop)
        })?;
        waited.is(ZX_OK, ZX_VMO_ZERO_CHILDREN | ZX_USER_SIGNAL_0 | ZX_USER_SIGNAL_1)
    });

    suite.test("signals_of_before_are_not_observed", &["OBJ-WAIT-08"], &[Signals, Threads], |cx| {
        let vmo = cx.create(PAGE)?;
        cx.object_signal(vmo, 0, ZX_USER_SIGNAL_2)?.ok()?;
        cx.object_signal(vmo, ZX_USER_SIGNAL_2, 0)?.ok()?;
        let waited = cx.wait_while(vmo, ZX_USER_SIGNAL_0, LONG, |cx| {
            cx.object_signal(vmo, 0, ZX_USER_SIGNAL_0)?.ok().map(drop)
        })?;
        waited.is(ZX_OK, ZX_VMO_ZERO_CHILDREN | ZX_USER_SIGNAL_0)
    });
}

fn refusals(suite: &mut Suite) {
    suite.test("a_refusal_stores_nothing", &["OBJ-WAIT-13"], &[Signals, Handles, Info], |cx| {
        let vmo = cx.create(PAGE)?;
        let deaf = cx.duplicate_without(vmo, ZX_RIGHT_WAIT)?;
        let answer = cx.object_wait_one(deaf, ZX_VMO_ZERO_CHILDREN, NOW)?;
        answer.is(ZX_ERR_ACCESS_DENIED)?.untouched()?;
        let answer = cx.object_wait_one(Handle::Never, ZX_VMO_ZERO_CHILDREN, NOW)?;
        answer.is(ZX_ERR_BAD_HANDLE)?.untouched().map(drop)
    });

    for address in [Address::Unmapped, Address::ReadOnly, Address::Kernel] {
        let row = format!("{address:?}").to_lowercase();
        suite.test(
            format!("a_bad_pointer_shows_after_the_wait::{row}"),
            &["OBJ-WAIT-10", "OBJ-WAIT-11"],
            &[Signals],
            move |cx| {
                let vmo = cx.create(PAGE)?;
                for asked in [ZX_VMO_ZERO_CHILDREN, ZX_USER_SIGNAL_0] {
                    cx.with("observed", address);
                    cx.object_wait_one(vmo, asked, NOW)?.is(ZX_ERR_INVALID_ARGS)?;
                }
                Ok(())
            },
        );
    }
}

fn many(suite: &mut Suite) {
    for count in [1_usize, 2, 7, 8] {
        suite.test(
            format!("many_waits_on_up_to_8::{count}"),
            &["OBJ-WAIT-18", "OBJ-WAIT-20"],
            &[Signals],
            move |cx| {
                let mut items = Vec::new();
                for _ in 0..count {
                    items.push((cx.create(PAGE)?, ZX_USER_SIGNAL_0));
                }
                cx.object_wait_many(&items, NOW)?.is(ZX_ERR_TIMED_OUT)?;
                cx.object_signal(items[count - 1].0, 0, ZX_USER_SIGNAL_0)?.ok()?;
                cx.object_wait_many(&items, NOW)?.ok().map(drop)
            },
        );
    }

    suite
        .test("many_takes_16", &["OBJ-WAIT-18"], &[Signals], |cx| {
            let vmo = cx.create(PAGE)?;
            let items = vec![(vmo, ZX_VMO_ZERO_CHILDREN); 16];
            let answer = cx.object_wait_many(&items, NOW)?;
            let (_, side) = cx.either("C-25", answer, ZX_ERR_OUT_OF_RANGE, ZX_OK)?;
            cx.expect(side == Side::Kernel || cx.level() != Level::Kernel, "16 items", "refused")
        })
        .at(Level::Page);

    for count in [17_usize, 18, 64] {
        suite.test(
            format!("many_refuses_more::{count}"),
            &["OBJ-WAIT-18"],
            &[Signals],
            move |cx| {
                let vmo = cx.create(PAGE)?;
                let items = vec![(vmo, ZX_VMO_ZERO_CHILDREN); count];
                cx.object_wait_many(&items, NOW)?.is(ZX_ERR_OUT_OF_RANGE).map(drop)
            },
        );
    }

    suite.test("many_of_none_sleeps", &["OBJ-WAIT-19"], &[Signals], |cx| {
        let started = cx.backend().monotonic_now();
        cx.object_wait_many(&[], Deadline::FromNow(5_000_000))?.is(ZX_ERR_TIMED_OUT)?;
        let waited = cx.backend().monotonic_now() - started;
        cx.expect(waited >= 5_000_000, "5 ms", format!("{waited} ns"))
    });
}
