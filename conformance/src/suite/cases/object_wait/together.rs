//! Several waits at a time, and waits for several items that something ends.

use std::thread;
use std::time::Duration;

use vmo_abi::Capability::{Clone, Handles, Signals, Threads};
use vmo_abi::{
    Backend, Record, ZX_ERR_CANCELED, ZX_ERR_TIMED_OUT, ZX_OK, ZX_SIGNAL_HANDLE_CLOSED,
    ZX_USER_SIGNAL_0, ZX_USER_SIGNAL_1, ZX_VMO_ZERO_CHILDREN, zx_signals_t, zx_status_t, zx_time_t,
    zx_vaddr_t, zx_wait_item_t,
};

use super::{LONG, set};
use crate::program::Handle;
use crate::suite::{Checked, Context, Entry, Failure, PAGE, Suite};

/// Where in the arena the waiting threads have their items.
const ITEMS_OFFSET: u64 = 0x800;
/// Bytes between the items of two threads.
const ITEMS_STRIDE: u64 = 0x100;

/// How a wait came out, and what was pending of its items.
type Ended = (zx_status_t, Vec<zx_signals_t>);

/// A wait for items that lie at an address, in the present thread.
fn wait(
    backend: &dyn Backend,
    place: zx_vaddr_t,
    items: &[zx_wait_item_t],
    deadline: zx_time_t,
    entry: &Entry,
) -> Checked<Ended> {
    let faulted = |fault: vmo_abi::Fault| Failure::CannotRun(fault.into());
    let bytes: Vec<_> = items.iter().flat_map(Record::to_bytes).collect();
    backend.store(place, &bytes).map_err(faulted)?;
    entry.enter();
    let status = backend.object_wait_many(place, items.len() as u64, deadline);
    let mut bytes = vec![0; bytes.len()];
    backend.load(place, &mut bytes).map_err(faulted)?;
    let items = bytes.as_chunks().0.iter().map(zx_wait_item_t::from_bytes);
    Ok((status, items.map(|item| item.pending).collect()))
}

/// Waits for items in as many threads as there are lists of them, at most for
/// `timeout`, does something meanwhile, and answers with how each came out;
/// with `None` if it was done so late that the waits may have been over.
fn waits(
    cx: &mut Context<'_>,
    lists: &[&[(Handle, zx_signals_t)]],
    timeout: Duration,
    meanwhile: impl FnOnce(&mut Context<'_>) -> Checked,
) -> Checked<Option<Vec<Ended>>> {
    let backend = cx.backend();
    let base = backend.environment().arena.base + ITEMS_OFFSET;
    let nanoseconds = u64::try_from(timeout.as_nanos()).unwrap_or(u64::MAX);
    let deadline = backend.monotonic_now().saturating_add(nanoseconds);
    let item = |(handle, waitfor): &(Handle, zx_signals_t)| zx_wait_item_t {
        handle: cx.handle_value(*handle),
        waitfor: *waitfor,
        pending: 0,
    };
    let lists: Vec<Vec<_>> = lists.iter().map(|list| list.iter().map(item).collect()).collect();
    let entries: Vec<_> = lists.iter().map(|_| Entry::default()).collect();
    thread::scope(|scope| {
        let waits: Vec<_> = lists
            .iter()
            .zip(&entries)
            .enumerate()
            .map(|(nth, (items, entry))| {
                let place = base + ITEMS_STRIDE * nth as u64;
                scope.spawn(move || wait(backend, place, items, deadline, entry))
            })
            .collect();
        for (wait, entry) in waits.iter().zip(&entries) {
            entry.await_inside(|| wait.is_finished());
        }
        let early = waits.iter().filter(|wait| wait.is_finished()).count();
        let done = meanwhile(cx);
        let is_late = backend.monotonic_now() >= deadline;
        let ended: Checked<Vec<_>> = waits
            .into_iter()
            .map(|wait| wait.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect();
        done?;
        if is_late {
            return Ok(None);
        }
        cx.expect(early == 0, "waits that go on", format!("{early} ended at once"))?;
        ended.map(Some)
    })
}

/// Expects how waits come out that something ends.
fn expect_waits(
    cx: &mut Context<'_>,
    lists: &[&[(Handle, zx_signals_t)]],
    meanwhile: impl FnOnce(&mut Context<'_>) -> Checked,
    expected: &[Ended],
) -> Checked {
    let seen = waits(cx, lists, LONG, meanwhile)?;
    let holds = seen.as_deref() == Some(expected);
    cx.expect(holds, format!("{expected:x?}"), format!("{seen:x?}"))
}

/// Expects how waits come out of which some time out. On a machine that is too
/// busy for it, it is done again with more time.
fn expect_waits_in_time(
    cx: &mut Context<'_>,
    expected: &[Ended],
    act: impl Fn(&mut Context<'_>, Duration) -> Checked<Option<Vec<Ended>>>,
) -> Checked {
    for milliseconds in [60, 300, 3000] {
        if let Some(seen) = act(cx, Duration::from_millis(milliseconds))? {
            return cx.expect(seen == expected, format!("{expected:x?}"), format!("{seen:x?}"));
        }
    }
    Err(Failure::new("a call that ends within seconds", "the machine was too busy"))
}

const CHILDLESS: zx_signals_t = ZX_VMO_ZERO_CHILDREN;
const NEEDS: &[vmo_abi::Capability] = &[Signals, Threads];

pub(super) fn add(suite: &mut Suite) {
    ends(suite);
    cancels(suite);
    several(suite);
}

fn ends(suite: &mut Suite) {
    for place in 0..3_usize {
        suite.test(
            format!("many_waits_for_any_of_them::item_{place}"),
            &["OBJ-WAIT-20"],
            NEEDS,
            move |cx| {
                let vmos = [cx.create(PAGE)?, cx.create(PAGE)?, cx.create(PAGE)?];
                let mut pending = vec![CHILDLESS; 3];
                pending[place] |= ZX_USER_SIGNAL_0;
                expect_waits(
                    cx,
                    &[&vmos.map(|vmo| (vmo, ZX_USER_SIGNAL_0))],
                    |cx| set(cx, vmos[place], ZX_USER_SIGNAL_0),
                    &[(ZX_OK, pending)],
                )
            },
        );
    }

    suite.test(
        "many_waits_for_a_clone_to_go",
        &["OBJ-WAIT-20"],
        &[Signals, Threads, Clone],
        |cx| {
            let (parent, other) = (cx.create(PAGE)?, cx.create(PAGE)?);
            let clone = cx.clone_of(parent, 0, PAGE)?;
            expect_waits(
                cx,
                &[&[(other, ZX_USER_SIGNAL_0), (parent, CHILDLESS)]],
                |cx| cx.close(clone),
                &[(ZX_OK, vec![CHILDLESS, CHILDLESS])],
            )
        },
    );

    suite.test("many_tells_at_a_timeout_what_was_seen", &["OBJ-WAIT-20"], NEEDS, |cx| {
        let expected = [(ZX_ERR_TIMED_OUT, vec![CHILDLESS, CHILDLESS | ZX_USER_SIGNAL_1])];
        expect_waits_in_time(cx, &expected, |cx, timeout| {
            let (vmo, other) = (cx.create(PAGE)?, cx.create(PAGE)?);
            let items = [(vmo, ZX_USER_SIGNAL_0), (other, ZX_USER_SIGNAL_0)];
            waits(cx, &[&items], timeout, |cx| set(cx, other, ZX_USER_SIGNAL_1))
        })
    });
}

fn cancels(suite: &mut Suite) {
    for place in 0..3_usize {
        suite.test(
            format!("many_marks_what_is_closed::item_{place}"),
            &["OBJ-WAIT-20"],
            NEEDS,
            move |cx| {
                let vmos = [cx.create(PAGE)?, cx.create(PAGE)?, cx.create(PAGE)?];
                let mut pending = vec![CHILDLESS; 3];
                pending[place] |= ZX_SIGNAL_HANDLE_CLOSED;
                expect_waits(
                    cx,
                    &[&vmos.map(|vmo| (vmo, ZX_USER_SIGNAL_0))],
                    |cx| cx.close(vmos[place]),
                    &[(ZX_ERR_CANCELED, pending)],
                )
            },
        );
    }

    suite.test(
        "many_marks_only_the_handle_that_is_closed",
        &["OBJ-WAIT-20"],
        &[Signals, Threads, Handles],
        |cx| {
            let vmo = cx.create(PAGE)?;
            let second = cx.duplicate_same(vmo)?;
            expect_waits(
                cx,
                &[&[(vmo, ZX_USER_SIGNAL_0), (second, ZX_USER_SIGNAL_0)]],
                |cx| cx.close(second),
                &[(ZX_ERR_CANCELED, vec![CHILDLESS, CHILDLESS | ZX_SIGNAL_HANDLE_CLOSED])],
            )
        },
    );

    suite.test("every_wait_through_a_handle_is_canceled", &["HANDLE-CLOSE-07"], NEEDS, |cx| {
        let vmo = cx.create(PAGE)?;
        let closed = (ZX_ERR_CANCELED, vec![CHILDLESS | ZX_SIGNAL_HANDLE_CLOSED]);
        let asked: &[_] = &[(vmo, ZX_USER_SIGNAL_0)];
        let expected = [closed.clone(), closed.clone(), closed];
        expect_waits(cx, &[asked, &[(vmo, 0)], asked], |cx| cx.close(vmo), &expected)
    });
}

fn several(suite: &mut Suite) {
    suite.test("every_wait_for_a_signal_ends", &["OBJ-SIGNAL-12"], NEEDS, |cx| {
        let vmo = cx.create(PAGE)?;
        let ended = (ZX_OK, vec![CHILDLESS | ZX_USER_SIGNAL_0]);
        let asked: &[_] = &[(vmo, ZX_USER_SIGNAL_0)];
        expect_waits(
            cx,
            &[asked, asked, &[(vmo, ZX_USER_SIGNAL_0 | ZX_USER_SIGNAL_1)], asked],
            |cx| set(cx, vmo, ZX_USER_SIGNAL_0),
            &[ended.clone(), ended.clone(), ended.clone(), ended],
        )
    });

    suite.test("only_waits_for_the_signal_end", &["OBJ-SIGNAL-12", "OBJ-WAIT-03"], NEEDS, |cx| {
        let seen = vec![CHILDLESS | ZX_USER_SIGNAL_0];
        let expected = [(ZX_OK, seen.clone()), (ZX_ERR_TIMED_OUT, seen)];
        expect_waits_in_time(cx, &expected, |cx, timeout| {
            let vmo = cx.create(PAGE)?;
            let lists: [&[_]; 2] = [&[(vmo, ZX_USER_SIGNAL_0)], &[(vmo, ZX_USER_SIGNAL_1)]];
            waits(cx, &lists, timeout, |cx| set(cx, vmo, ZX_USER_SIGNAL_0))
        })
    });

    suite.test(
        "a_close_cancels_only_waits_through_it",
        &["HANDLE-CLOSE-07", "HANDLE-CLOSE-08"],
        &[Signals, Threads, Handles],
        |cx| {
            let expected = [
                (ZX_ERR_TIMED_OUT, vec![CHILDLESS]),
                (ZX_ERR_CANCELED, vec![CHILDLESS | ZX_SIGNAL_HANDLE_CLOSED]),
            ];
            expect_waits_in_time(cx, &expected, |cx, timeout| {
                let vmo = cx.create(PAGE)?;
                let second = cx.duplicate_same(vmo)?;
                let lists: [&[_]; 2] = [&[(vmo, ZX_USER_SIGNAL_0)], &[(second, ZX_USER_SIGNAL_0)]];
                waits(cx, &lists, timeout, |cx| cx.close(second))
            })
        },
    );
}
