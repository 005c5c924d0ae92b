//! Closing a handle that somebody waits on.

use vmo_abi::Capability::{Handles, Info, OtherObjects, Signals, Threads};
use vmo_abi::{
    ZX_ERR_CANCELED, ZX_ERR_INVALID_ARGS, ZX_OK, ZX_RIGHT_WAIT, ZX_SIGNAL_HANDLE_CLOSED,
    ZX_USER_SIGNAL_0, ZX_USER_SIGNAL_1, ZX_USER_SIGNAL_ALL, ZX_VMO_ZERO_CHILDREN,
};

use crate::program::Handle;
use crate::suite::cases::object_wait::LONG;
use crate::suite::{PAGE, Suite};

const CLOSED: u32 = ZX_VMO_ZERO_CHILDREN | ZX_SIGNAL_HANDLE_CLOSED;

pub(super) fn add(suite: &mut Suite) {
    for (row, asked) in [
        ("one_signal", ZX_USER_SIGNAL_0),
        ("all_user_signals", ZX_USER_SIGNAL_ALL),
        ("none", 0),
        ("the_closed_bit_itself", ZX_SIGNAL_HANDLE_CLOSED),
    ] {
        suite.test(
            format!("a_wait_through_the_handle_is_canceled::{row}"),
            &["HANDLE-CLOSE-07", "OBJ-WAIT-14"],
            &[Signals, Threads],
            move |cx| {
                let vmo = cx.create(PAGE)?;
                let waited = cx.wait_while(vmo, asked, LONG, |cx| cx.close(vmo))?;
                waited.is(ZX_ERR_CANCELED, CLOSED)
            },
        );
    }

    suite.test(
        "a_wait_is_canceled_by_close_many",
        &["HANDLE-CLOSE-07", "HANDLE-CLOSE-09"],
        &[Handles, Signals, Threads],
        |cx| {
            let vmo = cx.create(PAGE)?;
            let (before, behind) = (cx.create(PAGE)?, cx.create(PAGE)?);
            let waited = cx.wait_while(vmo, ZX_USER_SIGNAL_0, LONG, |cx| {
                cx.handle_close_many(&[before, Handle::Invalid, vmo, behind])?.ok().map(drop)
            })?;
            waited.is(ZX_ERR_CANCELED, CLOSED)
        },
    );

    suite.test(
        "a_wait_is_canceled_although_the_object_lives",
        &["HANDLE-CLOSE-07", "OBJ-WAIT-14"],
        &[Handles, Signals, Threads],
        |cx| {
            let vmo = cx.create(PAGE)?;
            let waiter = cx.duplicate(vmo, ZX_RIGHT_WAIT)?;
            cx.object_signal(vmo, 0, ZX_USER_SIGNAL_1)?.ok()?;
            let waited = cx.wait_while(waiter, ZX_USER_SIGNAL_0, LONG, |cx| cx.close(waiter))?;
            waited.is(ZX_ERR_CANCELED, CLOSED | ZX_USER_SIGNAL_1)
        },
    );

    suite.test("an_endless_wait_is_canceled", &["HANDLE-CLOSE-07"], &[Signals, Threads], |cx| {
        let vmo = cx.create(PAGE)?;
        let endless = std::time::Duration::from_nanos(u64::MAX);
        let waited = cx.wait_while(vmo, ZX_USER_SIGNAL_0, endless, |cx| cx.close(vmo))?;
        waited.is(ZX_ERR_CANCELED, CLOSED)
    });

    suite.test(
        "a_wait_on_an_event_is_canceled",
        &["HANDLE-CLOSE-07"],
        &[Signals, OtherObjects, Threads],
        |cx| {
            let event = cx.event()?;
            let waited = cx.wait_while(event, ZX_USER_SIGNAL_0, LONG, |cx| cx.close(event))?;
            waited.is(ZX_ERR_CANCELED, ZX_SIGNAL_HANDLE_CLOSED)
        },
    );

    suite.test(
        "waits_through_other_handles_go_on",
        &["HANDLE-CLOSE-08"],
        &[Handles, Signals, Threads],
        |cx| {
            let vmo = cx.create(PAGE)?;
            let second = cx.duplicate_same(vmo)?;
            let third = cx.duplicate_same(vmo)?;
            let waited = cx.wait_while(vmo, ZX_USER_SIGNAL_0, LONG, |cx| {
                cx.close(second)?;
                cx.object_signal(third, 0, ZX_USER_SIGNAL_0)?.ok().map(drop)
            })?;
            waited.is(ZX_OK, ZX_VMO_ZERO_CHILDREN | ZX_USER_SIGNAL_0)
        },
    );

    suite.test("waits_on_other_objects_go_on", &["HANDLE-CLOSE-08"], &[Signals, Threads], |cx| {
        let vmo = cx.create(PAGE)?;
        let other = cx.create(PAGE)?;
        let waited = cx.wait_while(vmo, ZX_USER_SIGNAL_0, LONG, |cx| {
            cx.close(other)?;
            cx.object_signal(vmo, 0, ZX_USER_SIGNAL_0)?.ok().map(drop)
        })?;
        waited.is(ZX_OK, ZX_VMO_ZERO_CHILDREN | ZX_USER_SIGNAL_0)
    });

    suite.test(
        "a_close_that_is_refused_cancels_nothing",
        &["HANDLE-CLOSE-08"],
        &[Handles, Signals, Threads, Info],
        |cx| {
            let vmo = cx.create(PAGE)?;
            let closed = cx.closed_handle()?;
            let waited = cx.wait_while(vmo, ZX_USER_SIGNAL_0, LONG, |cx| {
                cx.handle_close(closed)?.is(vmo_abi::ZX_ERR_BAD_HANDLE)?;
                cx.handle_close(Handle::Invalid)?.ok()?;
                cx.handle_duplicate(vmo, 1 << 30)?.is(ZX_ERR_INVALID_ARGS)?;
                cx.expect_valid(vmo, true)?;
                cx.object_signal(vmo, 0, ZX_USER_SIGNAL_0)?.ok().map(drop)
            })?;
            waited.is(ZX_OK, ZX_VMO_ZERO_CHILDREN | ZX_USER_SIGNAL_0)
        },
    );
}
