//! What a replacement leaves alone: the object, its other handles, and the
//! waits through them.

use vmo_abi::Capability::{
    CachePolicy, Clone, Handles, Info, Mapping, Properties, Signals, Threads,
};
use vmo_abi::{
    ZX_CACHE_POLICY_UNCACHED, ZX_ERR_BAD_STATE, ZX_ERR_CANCELED, ZX_ERR_INVALID_ARGS, ZX_OK,
    ZX_RIGHT_READ, ZX_RIGHT_SAME_RIGHTS, ZX_SIGNAL_HANDLE_CLOSED, ZX_USER_SIGNAL_0,
    ZX_VMO_ZERO_CHILDREN,
};

use crate::program::{Address, Handle};
use crate::suite::cases::object_get_info::expect_count;
use crate::suite::cases::object_wait::LONG;
use crate::suite::{Checked, Context, PAGE, READ_WRITE, Suite};

fn replaced(cx: &mut Context<'_>, handle: Handle) -> Checked<Handle> {
    Ok(cx.handle_replace(handle, ZX_RIGHT_SAME_RIGHTS)?.ok()?.handle(0))
}

pub(super) fn add(suite: &mut Suite) {
    objects(suite);
    values(suite);
    waits(suite);
}

fn objects(suite: &mut Suite) {
    suite.test(
        "everything_that_can_be_seen_stays",
        &["HANDLE-REPLACE-09"],
        &[Handles, Info, Properties, Signals],
        |cx| {
            let vmo = cx.create(3 * PAGE)?;
            cx.write(vmo, PAGE - 1, b"xyz")?;
            cx.set_name(vmo, b"kept")?;
            cx.object_signal(vmo, 0, 0x5a00_0000)?.ok()?;
            let before = cx.snapshot(vmo)?;
            let mut handle = vmo;
            for _ in 0..5 {
                handle = replaced(cx, handle)?;
                cx.expect_unchanged(handle, &before)?;
            }
            Ok(())
        },
    );

    suite.test(
        "a_clones_only_handle_keeps_it",
        &["HANDLE-REPLACE-09"],
        &[Handles, Clone, Signals],
        |cx| {
            let parent = cx.create_filled(PAGE, 0x41)?;
            let clone = cx.clone_of(parent, 0, PAGE)?;
            cx.write(clone, 0, b"own")?;
            let mut handle = clone;
            for _ in 0..10 {
                handle = replaced(cx, handle)?;
                cx.expect_signal(parent, ZX_VMO_ZERO_CHILDREN, false)?;
            }
            cx.expect_bytes(handle, 0, b"ownA")?;
            cx.close(handle)?;
            cx.expect_signal(parent, ZX_VMO_ZERO_CHILDREN, true)
        },
    );

    suite.test(
        "a_parents_only_handle_keeps_its_clones",
        &["HANDLE-REPLACE-09"],
        &[Handles, Clone, Signals],
        |cx| {
            let parent = cx.create_filled(PAGE, 0x41)?;
            let clone = cx.clone_of(parent, 0, PAGE)?;
            let other = replaced(cx, parent)?;
            cx.expect_signals(other, 0)?;
            cx.write(other, 0, b"new")?;
            cx.expect_bytes(clone, 0, b"newA")
        },
    );

    suite.test("mappings_stay", &["HANDLE-REPLACE-09"], &[Handles, Mapping], |cx| {
        let vmo = cx.create_filled(PAGE, 0x41)?;
        let address = cx.map(vmo, 0, PAGE, READ_WRITE)?;
        let other = replaced(cx, vmo)?;
        cx.expect_load(address, b"A")?;
        cx.store_bytes(address, b"B")?;
        cx.expect_bytes(other, 0, b"BA")
    });

    suite.test("the_cache_policy_stays", &["HANDLE-REPLACE-09"], &[Handles, CachePolicy], |cx| {
        let vmo = cx.create(PAGE)?;
        cx.vmo_set_cache_policy(vmo, ZX_CACHE_POLICY_UNCACHED)?.ok()?;
        let other = replaced(cx, vmo)?;
        cx.vmo_read(other, 0, 1)?.is(ZX_ERR_BAD_STATE).map(drop)
    });

    suite.test(
        "other_handles_name_the_same_object",
        &["HANDLE-REPLACE-01"],
        &[Handles, Info],
        |cx| {
            let vmo = cx.create(PAGE)?;
            let second = cx.duplicate_same(vmo)?;
            let other = replaced(cx, vmo)?;
            cx.write(other, 0, b"x")?;
            cx.expect_bytes(second, 0, b"x")?;
            let (koid, same) = (cx.koid(second)?, cx.koid(other)?);
            cx.expect(same == koid, koid, same)?;
            expect_count(cx, second, 2)
        },
    );
}

fn values(suite: &mut Suite) {
    suite.test("the_value_is_another", &["HANDLE-REPLACE-10"], &[Handles], |cx| {
        let mut handle = cx.create(PAGE)?;
        for _ in 0..64 {
            let old = cx.handle_value(handle);
            handle = replaced(cx, handle)?;
            let new = cx.handle_value(handle);
            cx.expect(old != new, "another value", format!("{new:#x} again"))?;
        }
        Ok(())
    });

    suite.test("the_value_is_no_other_handles", &["HANDLE-REPLACE-10"], &[Handles], |cx| {
        let mut handles = Vec::new();
        for _ in 0..16 {
            handles.push(cx.create(PAGE)?);
        }
        for index in 0..16 {
            handles[index] = replaced(cx, handles[index])?;
            let values: std::collections::BTreeSet<_> =
                handles.iter().map(|handle| cx.handle_value(*handle)).collect();
            cx.expect(values.len() == 16, "16 values", values.len())?;
        }
        Ok(())
    });
}

fn waits(suite: &mut Suite) {
    let closed = ZX_VMO_ZERO_CHILDREN | ZX_SIGNAL_HANDLE_CLOSED;
    suite.test(
        "a_wait_on_the_old_handle_is_canceled",
        &["HANDLE-REPLACE-13"],
        &[Handles, Signals, Threads],
        move |cx| {
            let vmo = cx.create(PAGE)?;
            let waited =
                cx.wait_while(vmo, ZX_USER_SIGNAL_0, LONG, |cx| replaced(cx, vmo).map(drop))?;
            waited.is(ZX_ERR_CANCELED, closed)
        },
    );

    for (row, bad_pointer, asked) in
        [("rights", false, 1 << 30), ("bad_pointer", true, ZX_RIGHT_READ)]
    {
        suite.test(
            format!("a_failing_one_cancels_the_wait_too::{row}"),
            &["HANDLE-REPLACE-04", "HANDLE-REPLACE-13"],
            &[Handles, Signals, Threads],
            move |cx| {
                let vmo = cx.create(PAGE)?;
                let second = cx.duplicate_same(vmo)?;
                let waited = cx.wait_while(second, ZX_USER_SIGNAL_0, LONG, |cx| {
                    if bad_pointer {
                        cx.with("out", Address::Null);
                    }
                    cx.handle_replace(second, asked)?.is(ZX_ERR_INVALID_ARGS).map(drop)
                })?;
                waited.is(ZX_ERR_CANCELED, closed)
            },
        );
    }

    suite.test(
        "a_wait_through_another_handle_goes_on",
        &["HANDLE-REPLACE-09"],
        &[Handles, Signals, Threads],
        |cx| {
            let vmo = cx.create(PAGE)?;
            let second = cx.duplicate_same(vmo)?;
            let waited = cx.wait_while(second, ZX_USER_SIGNAL_0, LONG, |cx| {
                let other = replaced(cx, vmo)?;
                cx.object_signal(other, 0, ZX_USER_SIGNAL_0)?.ok().map(drop)
            })?;
            waited.is(ZX_OK, ZX_VMO_ZERO_CHILDREN | ZX_USER_SIGNAL_0)
        },
    );
}
