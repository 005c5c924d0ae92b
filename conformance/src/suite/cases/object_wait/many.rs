//! `object_wait_many`: how many items, which of them, and what it tells.

use vmo_abi::Capability::{Clone, Handles, Info, Mapping, OtherObjects, Signals};
use vmo_abi::{
    Record, Syscall, ZX_ERR_ACCESS_DENIED, ZX_ERR_BAD_HANDLE, ZX_ERR_INVALID_ARGS,
    ZX_ERR_OUT_OF_RANGE, ZX_ERR_TIMED_OUT, ZX_OK, ZX_RIGHT_WAIT, ZX_USER_SIGNAL_0,
    ZX_USER_SIGNAL_1, ZX_USER_SIGNAL_ALL, ZX_VMO_ZERO_CHILDREN, zx_signals_t, zx_status_t,
    zx_wait_item_t,
};

use super::{NOW, set};
use crate::level::Level;
use crate::program::{Address, Handle, Value};
use crate::suite::{Checked, Context, Deadline, PAGE, READ_ONLY, Side, Suite};

type Items = [(Handle, zx_signals_t)];

/// Waits for items without time, and expects the status and what is pending of
/// each; handles and what was waited for must be as they were.
fn expect_many(
    cx: &mut Context<'_>,
    items: &Items,
    status: zx_status_t,
    pending: &[zx_signals_t],
) -> Checked {
    let answer = cx.object_wait_many(items, NOW)?.is(status)?;
    let seen: Vec<_> =
        answer.bytes().as_chunks().0.iter().map(zx_wait_item_t::from_bytes).collect();
    let expected: Vec<_> = items
        .iter()
        .zip(pending)
        .map(|((handle, waitfor), pending)| zx_wait_item_t {
            handle: cx.handle_value(*handle),
            waitfor: *waitfor,
            pending: *pending,
        })
        .collect();
    cx.expect(seen == expected, format!("{expected:x?}"), format!("{seen:x?}"))
}

/// Fresh VMOs that are waited for with the first user signal.
fn fresh(cx: &mut Context<'_>, count: usize) -> Checked<Vec<(Handle, zx_signals_t)>> {
    (0..count).map(|_| Ok((cx.create(PAGE)?, ZX_USER_SIGNAL_0))).collect()
}

pub(super) fn add(suite: &mut Suite) {
    items(suite);
    pending(suite);
    refusals(suite);
    limits(suite);
    none(suite);
}

fn items(suite: &mut Suite) {
    // Eight items are what the page promises, sixteen what the kernel takes
    // (C-25).
    for count in 1..=16_usize {
        let level = if count <= 8 { Level::Page } else { Level::Kernel };
        suite
            .test(
                format!("many_tells_which_are_pending::{count}_items"),
                &["OBJ-WAIT-20"],
                &[Signals],
                move |cx| {
                    let items = fresh(cx, count)?;
                    let mut pending = vec![ZX_VMO_ZERO_CHILDREN; count];
                    expect_many(cx, &items, ZX_ERR_TIMED_OUT, &pending)?;
                    for index in 0..count {
                        set(cx, items[index].0, ZX_USER_SIGNAL_0)?;
                        pending[index] |= ZX_USER_SIGNAL_0;
                        expect_many(cx, &items, ZX_OK, &pending)?;
                    }
                    Ok(())
                },
            )
            .at(level);
    }

    for place in 0..8_usize {
        suite.test(
            format!("one_item_is_enough::item_{place}"),
            &["OBJ-WAIT-20"],
            &[Signals],
            move |cx| {
                let items = fresh(cx, 8)?;
                set(cx, items[place].0, ZX_USER_SIGNAL_0)?;
                // What is active of others and not asked for is told as well.
                set(cx, items[7 - place].0, ZX_USER_SIGNAL_1)?;
                let mut pending = [ZX_VMO_ZERO_CHILDREN; 8];
                pending[place] |= ZX_USER_SIGNAL_0;
                pending[7 - place] |= ZX_USER_SIGNAL_1;
                expect_many(cx, &items, ZX_OK, &pending)
            },
        );
    }

    for (row, deadline) in [
        ("zero", NOW),
        ("one", Deadline::At(1)),
        ("in_an_hour", Deadline::FromNow(3_600_000_000_000)),
        ("2_to_63", Deadline::At(1 << 63)),
        ("infinite", Deadline::At(u64::MAX)),
    ] {
        suite.test(
            format!("many_with_an_active_signal_ends_at_once::{row}"),
            &["OBJ-WAIT-20"],
            &[Signals],
            move |cx| {
                let mut items = fresh(cx, 3)?;
                items[1].1 = ZX_VMO_ZERO_CHILDREN;
                cx.object_wait_many(&items, deadline)?.ok().map(drop)
            },
        );
    }
}

fn pending(suite: &mut Suite) {
    suite.test("one_object_in_several_items", &["OBJ-WAIT-20"], &[Signals, Handles], |cx| {
        let vmo = cx.create(PAGE)?;
        let second = cx.duplicate_same(vmo)?;
        let items = [(vmo, ZX_USER_SIGNAL_0), (second, ZX_USER_SIGNAL_1), (vmo, 0)];
        let mut pending = [ZX_VMO_ZERO_CHILDREN; 3];
        expect_many(cx, &items, ZX_ERR_TIMED_OUT, &pending)?;
        set(cx, vmo, ZX_USER_SIGNAL_1)?;
        pending = [ZX_VMO_ZERO_CHILDREN | ZX_USER_SIGNAL_1; 3];
        expect_many(cx, &items, ZX_OK, &pending)
    });

    suite.test("parents_and_clones", &["OBJ-WAIT-20"], &[Signals, Clone], |cx| {
        let parent = cx.create(PAGE)?;
        let clone = cx.clone_of(parent, 0, PAGE)?;
        let items = [(parent, ZX_VMO_ZERO_CHILDREN), (clone, ZX_USER_SIGNAL_0)];
        expect_many(cx, &items, ZX_ERR_TIMED_OUT, &[0, ZX_VMO_ZERO_CHILDREN])?;
        set(cx, clone, ZX_USER_SIGNAL_0)?;
        let both = ZX_VMO_ZERO_CHILDREN | ZX_USER_SIGNAL_0;
        expect_many(cx, &items, ZX_OK, &[0, both])?;
        cx.close(clone)?;
        expect_many(cx, &items[..1], ZX_OK, &[ZX_VMO_ZERO_CHILDREN])
    });

    suite.test("objects_of_several_types", &["OBJ-WAIT-20"], &[Signals, OtherObjects], |cx| {
        let vmo = cx.create(PAGE)?;
        let event = cx.event()?;
        let items = [(vmo, ZX_USER_SIGNAL_0), (event, ZX_USER_SIGNAL_0)];
        expect_many(cx, &items, ZX_ERR_TIMED_OUT, &[ZX_VMO_ZERO_CHILDREN, 0])?;
        set(cx, event, ZX_USER_SIGNAL_0)?;
        expect_many(cx, &items, ZX_OK, &[ZX_VMO_ZERO_CHILDREN, ZX_USER_SIGNAL_0])
    });

    suite.test("what_was_pending_before_is_overwritten", &["OBJ-WAIT-20"], &[Signals], |cx| {
        let vmo = cx.create(PAGE)?;
        let handle = cx.handle_value(vmo);
        let item = zx_wait_item_t { handle, waitfor: ZX_USER_SIGNAL_0, pending: u32::MAX };
        let place = cx.backend().environment().arena.base + 0x800;
        let stored = cx.backend().store(place, &item.to_bytes());
        stored.map_err(|fault| crate::suite::Failure::CannotRun(fault.into()))?;
        cx.with("items", Address::Literal(place));
        cx.object_wait_many(&[(vmo, 0)], NOW)?.is(ZX_ERR_TIMED_OUT)?;
        let mut bytes = [0; 12];
        let loaded = cx.backend().load(place, &mut bytes);
        loaded.map_err(|fault| crate::suite::Failure::CannotRun(fault.into()))?;
        let pending = zx_wait_item_t::from_bytes(&bytes).pending;
        cx.expect(pending == ZX_VMO_ZERO_CHILDREN, "0x8", format!("{pending:#x}"))
    });

    suite.test("many_without_signals_times_out", &["OBJ-WAIT-20"], &[Signals], |cx| {
        let vmo = cx.create(PAGE)?;
        set(cx, vmo, ZX_USER_SIGNAL_ALL)?;
        let all = ZX_VMO_ZERO_CHILDREN | ZX_USER_SIGNAL_ALL;
        expect_many(cx, &[(vmo, 0), (vmo, 0)], ZX_ERR_TIMED_OUT, &[all, all])
    });

    suite.test("many_waits_until_the_deadline", &["OBJ-WAIT-20"], &[Signals], |cx| {
        let items = fresh(cx, 3)?;
        let started = cx.backend().monotonic_now();
        let answer = cx.object_wait_many(&items, Deadline::FromNow(5_000_000))?;
        let waited = cx.backend().monotonic_now() - started;
        answer.is(ZX_ERR_TIMED_OUT)?;
        cx.expect(waited >= 5_000_000, "a wait of 5 ms", format!("{waited} ns"))
    });
}

fn refusals(suite: &mut Suite) {
    for place in 0..8_usize {
        suite.test(
            format!("many_refuses_what_is_no_handle::item_{place}"),
            &["GEN-03"],
            &[Signals],
            move |cx| {
                for bad in [Some(Handle::Invalid), Some(Handle::Never), None] {
                    let mut items = fresh(cx, 8)?;
                    // Closed last of all, so that its value is not given again.
                    items[place].0 = match bad {
                        Some(bad) => bad,
                        None => cx.closed_handle()?,
                    };
                    for asked in [ZX_USER_SIGNAL_0, ZX_VMO_ZERO_CHILDREN] {
                        items[7 - place].1 = asked;
                        cx.object_wait_many(&items, NOW)?.is(ZX_ERR_BAD_HANDLE)?;
                    }
                }
                Ok(())
            },
        );
        suite.test(
            format!("many_needs_wait::item_{place}"),
            &["OBJ-WAIT-12"],
            &[Signals, Handles, Info],
            move |cx| {
                let mut items = fresh(cx, 8)?;
                items[place].0 = cx.duplicate_without(items[place].0, ZX_RIGHT_WAIT)?;
                cx.object_wait_many(&items, NOW)?.is(ZX_ERR_ACCESS_DENIED)?;
                items[7 - place].1 = ZX_VMO_ZERO_CHILDREN;
                let answer = cx.object_wait_many(&items, Deadline::At(u64::MAX))?;
                answer.is(ZX_ERR_ACCESS_DENIED).map(drop)
            },
        );
    }

    suite.test(
        "a_refused_wait_leaves_the_objects_alone",
        &["OBJ-WAIT-12"],
        &[Signals, Handles],
        |cx| {
            let vmo = cx.create(PAGE)?;
            let deaf = cx.duplicate(vmo, 1)?;
            for _ in 0..50 {
                let items = [(vmo, ZX_USER_SIGNAL_0), (deaf, ZX_USER_SIGNAL_0)];
                cx.object_wait_many(&items, NOW)?.is(ZX_ERR_ACCESS_DENIED)?;
            }
            cx.expect_signals(vmo, ZX_VMO_ZERO_CHILDREN)?;
            set(cx, vmo, ZX_USER_SIGNAL_0)?;
            cx.close(deaf)?;
            cx.close(vmo)
        },
    );

    for (row, address) in [
        ("null", Address::Null),
        ("unmapped", Address::Unmapped),
        ("kernel", Address::Kernel),
        ("straddling", Address::Straddle(11)),
    ] {
        suite.test(
            format!("many_with_unreadable_items::{row}"),
            &["GEN-07"],
            &[Signals],
            move |cx| {
                let vmo = cx.create(PAGE)?;
                cx.with("items", address);
                let answer = cx.object_wait_many(&[(vmo, ZX_VMO_ZERO_CHILDREN)], NOW)?;
                answer.is(ZX_ERR_INVALID_ARGS).map(drop)
            },
        );
    }

    suite.test("many_with_read_only_items", &["GEN-07", "GEN-10"], &[Signals, Mapping], |cx| {
        let (vmo, source) = (cx.create(PAGE)?, cx.create(PAGE)?);
        let handle = cx.handle_value(vmo);
        let item = zx_wait_item_t { handle, waitfor: ZX_VMO_ZERO_CHILDREN, pending: 0 };
        cx.write(source, 0, &item.to_bytes())?;
        let address = cx.map(source, 0, PAGE, READ_ONLY)?;
        cx.with("items", address);
        let answer = cx.object_wait_many(&[(vmo, 0)], NOW)?;
        answer.is(ZX_ERR_INVALID_ARGS)?;
        cx.expect_bytes(source, 0, &item.to_bytes())
    });
}

fn limits(suite: &mut Suite) {
    suite
        .test("many_takes_16", &["OBJ-WAIT-18"], &[Signals], |cx| {
            let vmo = cx.create(PAGE)?;
            let items = vec![(vmo, ZX_VMO_ZERO_CHILDREN); 16];
            let answer = cx.object_wait_many(&items, NOW)?;
            let (_, side) = cx.either("C-25", answer, ZX_ERR_OUT_OF_RANGE, ZX_OK)?;
            cx.expect(side == Side::Kernel || cx.level() != Level::Kernel, "16 items", "refused")
        })
        .at(Level::Page);

    for count in [17_usize, 18, 32, 64] {
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

    for (row, count) in [
        ("2_to_31", 1 << 31),
        ("2_to_32", 1 << 32),
        ("2_to_32_and_1", (1 << 32) + 1),
        ("2_to_63_and_1", (1 << 63) + 1),
        ("all_ones", u64::MAX),
    ] {
        suite.test(
            format!("many_refuses_a_huge_count::{row}"),
            &["OBJ-WAIT-18"],
            &[Signals],
            move |cx| {
                let vmo = cx.create(PAGE)?;
                let items = Value::WaitItems(vec![(vmo, ZX_VMO_ZERO_CHILDREN); 16]);
                let arguments = vec![items, Value::Number(count), Value::Number(0)];
                let answer = cx.call(Syscall::object_wait_many, arguments)?;
                answer.is(ZX_ERR_OUT_OF_RANGE).map(drop)
            },
        );
    }

    // Both sides refuse seventeen; with which status no page says.
    suite
        .test("many_refuses_17_in_some_way", &["OBJ-WAIT-18"], &[Signals], |cx| {
            let vmo = cx.create(PAGE)?;
            let answer = cx.object_wait_many(&[(vmo, ZX_VMO_ZERO_CHILDREN); 17], NOW)?;
            let status = answer.status();
            cx.expect(status.is_some_and(|status| status < 0), "a refusal", "ZX_OK")
        })
        .at(Level::Page);
}

fn none(suite: &mut Suite) {
    suite.test("many_of_none_sleeps", &["OBJ-WAIT-19"], &[Signals], |cx| {
        let started = cx.backend().monotonic_now();
        cx.object_wait_many(&[], Deadline::FromNow(5_000_000))?.is(ZX_ERR_TIMED_OUT)?;
        let waited = cx.backend().monotonic_now() - started;
        cx.expect(waited >= 5_000_000, "5 ms", format!("{waited} ns"))
    });

    for (row, address) in
        [("null", Address::Null), ("unmapped", Address::Unmapped), ("kernel", Address::Kernel)]
    {
        suite.test(
            format!("many_of_none_looks_at_nothing::{row}"),
            &["OBJ-WAIT-19"],
            &[Signals],
            move |cx| {
                for deadline in [NOW, Deadline::At(1)] {
                    cx.with("items", address);
                    cx.object_wait_many(&[], deadline)?.is(ZX_ERR_TIMED_OUT)?;
                }
                Ok(())
            },
        );
    }
}
