//! `object_wait_one` and `object_wait_many`.

mod at_once;
mod many;
mod together;
mod waiting;

use std::time::Duration;

use vmo_abi::Capability::{Handles, Info, OtherObjects, Signals};
use vmo_abi::{
    ZX_ERR_ACCESS_DENIED, ZX_ERR_BAD_HANDLE, ZX_ERR_INVALID_ARGS, ZX_ERR_TIMED_OUT, ZX_OK,
    ZX_RIGHT_WAIT, ZX_USER_SIGNAL_0, ZX_VMO_ZERO_CHILDREN, zx_signals_t,
};

use super::handle_duplicate::{VMO_RIGHTS, level_of};
use crate::level::Level;
use crate::program::{Address, Handle};
use crate::suite::{Checked, Context, Deadline, PAGE, Suite};

/// A timeout that ends a wait only when something is wrong.
pub(in crate::suite::cases) const LONG: Duration = Duration::from_secs(10);
const SHORT: Duration = Duration::from_millis(15);
const NOW: Deadline = Deadline::At(0);

/// Sets user signals.
fn set(cx: &mut Context<'_>, handle: Handle, signals: zx_signals_t) -> Checked {
    cx.object_signal(handle, 0, signals)?.ok().map(drop)
}

/// Clears user signals.
fn clear(cx: &mut Context<'_>, handle: Handle, signals: zx_signals_t) -> Checked {
    cx.object_signal(handle, signals, 0)?.ok().map(drop)
}

pub(super) fn add(suite: &mut Suite) {
    at_once::add(suite);
    waiting::add(suite);
    refusals(suite);
    pointers(suite);
    many::add(suite);
    together::add(suite);
}

fn refusals(suite: &mut Suite) {
    suite.test("a_refusal_stores_nothing", &["OBJ-WAIT-13"], &[Signals, Handles, Info], |cx| {
        let vmo = cx.create(PAGE)?;
        let deaf = cx.duplicate_without(vmo, ZX_RIGHT_WAIT)?;
        let closed = cx.closed_handle()?;
        for signals in [ZX_VMO_ZERO_CHILDREN, ZX_USER_SIGNAL_0, 0, zx_signals_t::MAX] {
            let answer = cx.object_wait_one(deaf, signals, NOW)?;
            answer.is(ZX_ERR_ACCESS_DENIED)?.untouched()?;
            for bad in [Handle::Never, Handle::Invalid, closed] {
                let answer = cx.object_wait_one(bad, signals, NOW)?;
                answer.is(ZX_ERR_BAD_HANDLE)?.untouched()?;
            }
        }
        Ok(())
    });

    for &(row, right) in VMO_RIGHTS.iter().filter(|(_, right)| *right != ZX_RIGHT_WAIT) {
        suite
            .test(
                format!("another_right_is_not_enough::{row}"),
                &["OBJ-WAIT-12"],
                &[Signals, Handles],
                move |cx| {
                    let vmo = cx.create(PAGE)?;
                    let other = cx.duplicate(vmo, right)?;
                    let answer = cx.object_wait_one(other, ZX_VMO_ZERO_CHILDREN, NOW)?;
                    answer.is(ZX_ERR_ACCESS_DENIED).map(drop)
                },
            )
            .at(level_of(right));
    }

    suite.test("a_refusal_does_not_wait", &["OBJ-WAIT-12"], &[Signals, Handles, Info], |cx| {
        let vmo = cx.create(PAGE)?;
        let deaf = cx.duplicate_without(vmo, ZX_RIGHT_WAIT)?;
        let endless = Deadline::At(u64::MAX);
        cx.object_wait_one(deaf, ZX_USER_SIGNAL_0, endless)?.is(ZX_ERR_ACCESS_DENIED)?;
        cx.object_wait_one(Handle::Never, ZX_USER_SIGNAL_0, endless)?.is(ZX_ERR_BAD_HANDLE)?;
        cx.object_wait_one(Handle::Invalid, 0, endless)?.is(ZX_ERR_BAD_HANDLE).map(drop)
    });

    for (row, right) in [("wait", ZX_RIGHT_WAIT), ("wait_and_read", ZX_RIGHT_WAIT | 4)] {
        suite.test(
            format!("wait_is_enough::{row}"),
            &["OBJ-WAIT-17"],
            &[Signals, Handles],
            move |cx| {
                let vmo = cx.create(PAGE)?;
                let ear = cx.duplicate(vmo, right)?;
                let answer = cx.object_wait_one(ear, ZX_VMO_ZERO_CHILDREN, NOW)?.ok()?;
                answer.word_is(3, ZX_VMO_ZERO_CHILDREN.into())?;
                let answer = cx.object_wait_one(ear, ZX_USER_SIGNAL_0, NOW)?;
                answer.is(ZX_ERR_TIMED_OUT).map(drop)
            },
        );
    }

    suite.test("an_event_is_like_a_vmo", &["OBJ-WAIT-01"], &[Signals, OtherObjects], |cx| {
        let event = cx.event()?;
        let answer = cx.object_wait_one(event, ZX_USER_SIGNAL_0, NOW)?.is(ZX_ERR_TIMED_OUT)?;
        answer.word_is(3, 0)?;
        set(cx, event, ZX_USER_SIGNAL_0)?;
        let answer = cx.object_wait_one(event, ZX_USER_SIGNAL_0, NOW)?.ok()?;
        answer.word_is(3, ZX_USER_SIGNAL_0.into()).map(drop)
    });
}

fn pointers(suite: &mut Suite) {
    for (row, asked, deadline, status) in [
        ("timed_out", ZX_USER_SIGNAL_0, NOW, ZX_ERR_TIMED_OUT),
        ("ok", ZX_VMO_ZERO_CHILDREN, Deadline::At(u64::MAX), ZX_OK),
        ("ok_with_deadline_0", ZX_VMO_ZERO_CHILDREN, NOW, ZX_OK),
        ("no_signals", 0, NOW, ZX_ERR_TIMED_OUT),
    ] {
        suite.test(
            format!("observed_may_be_null::{row}"),
            &["OBJ-WAIT-09"],
            &[Signals],
            move |cx| {
                let vmo = cx.create(PAGE)?;
                cx.with("observed", Address::Null);
                cx.object_wait_one(vmo, asked, deadline)?.is(status).map(drop)
            },
        );
    }

    for (row, address) in [
        ("unmapped", Address::Unmapped),
        ("readonly", Address::ReadOnly),
        ("kernel", Address::Kernel),
        ("one", Address::Literal(1)),
        ("straddling_by_1", Address::Straddle(1)),
        ("straddling_by_3", Address::Straddle(3)),
    ] {
        suite.test(
            format!("a_bad_pointer_shows_after_the_wait::{row}"),
            &["OBJ-WAIT-10", "OBJ-WAIT-11"],
            &[Signals],
            move |cx| {
                let vmo = cx.create(PAGE)?;
                for asked in [ZX_VMO_ZERO_CHILDREN, ZX_USER_SIGNAL_0, 0] {
                    cx.with("observed", address);
                    cx.object_wait_one(vmo, asked, NOW)?.is(ZX_ERR_INVALID_ARGS)?;
                }
                Ok(())
            },
        );
    }

    suite.test("a_bad_pointer_waits_all_the_same", &["OBJ-WAIT-11"], &[Signals], |cx| {
        let vmo = cx.create(PAGE)?;
        let started = cx.backend().monotonic_now();
        cx.with("observed", Address::Unmapped);
        let answer = cx.object_wait_one(vmo, ZX_USER_SIGNAL_0, Deadline::FromNow(5_000_000))?;
        let waited = cx.backend().monotonic_now() - started;
        answer.is(ZX_ERR_INVALID_ARGS)?;
        cx.expect(waited >= 5_000_000, "a wait of 5 ms", format!("{waited} ns"))
    });

    suite.test("observed_needs_just_4_bytes", &["OBJ-WAIT-05"], &[Signals], |cx| {
        let vmo = cx.create(PAGE)?;
        cx.with("observed", Address::Straddle(4));
        let answer = cx.object_wait_one(vmo, ZX_VMO_ZERO_CHILDREN, NOW)?.ok()?;
        answer.word_is(3, ZX_VMO_ZERO_CHILDREN.into()).map(drop)
    });

    suite
        .test(
            "handle_and_right_come_before_the_pointer",
            &["OBJ-WAIT-12"],
            &[Signals, Handles, Info],
            |cx| {
                let vmo = cx.create(PAGE)?;
                let deaf = cx.duplicate_without(vmo, ZX_RIGHT_WAIT)?;
                for (handle, status) in
                    [(deaf, ZX_ERR_ACCESS_DENIED), (Handle::Never, ZX_ERR_BAD_HANDLE)]
                {
                    cx.with("observed", Address::Unmapped);
                    cx.object_wait_one(handle, ZX_VMO_ZERO_CHILDREN, NOW)?.is(status)?;
                }
                Ok(())
            },
        )
        .at(Level::Kernel);
}
