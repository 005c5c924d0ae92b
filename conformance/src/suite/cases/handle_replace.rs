//! `handle_replace`: the old handle goes, whatever happens.

use vmo_abi::Capability::{Clone, Handles, Info, Properties, Signals, Threads};
use vmo_abi::{
    ZX_ERR_BAD_HANDLE, ZX_ERR_CANCELED, ZX_ERR_INVALID_ARGS, ZX_RIGHT_DUPLICATE, ZX_RIGHT_READ,
    ZX_RIGHT_SAME_RIGHTS, ZX_RIGHT_WRITE, ZX_SIGNAL_HANDLE_CLOSED, ZX_USER_SIGNAL_0,
    ZX_VMO_ZERO_CHILDREN,
};

use crate::program::{Address, Handle};
use crate::suite::{PAGE, Suite};

pub(super) fn add(suite: &mut Suite) {
    suite.test(
        "the_old_handle_is_gone",
        &["HANDLE-REPLACE-01", "HANDLE-REPLACE-04"],
        &[Handles],
        |cx| {
            let vmo = cx.create_filled(PAGE, 0x41)?;
            let other = cx.handle_replace(vmo, ZX_RIGHT_SAME_RIGHTS)?.ok()?.handle(0);
            cx.vmo_get_size(vmo)?.is(ZX_ERR_BAD_HANDLE)?;
            cx.expect_bytes(other, PAGE - 1, b"A")?;
            cx.handle_close(vmo)?.is(ZX_ERR_BAD_HANDLE).map(drop)
        },
    );

    for (row, rights) in [
        ("none", 0),
        ("read", ZX_RIGHT_READ),
        ("write", ZX_RIGHT_WRITE),
        ("map", 1 << 5),
        ("read_write_duplicate", ZX_RIGHT_READ | ZX_RIGHT_WRITE | ZX_RIGHT_DUPLICATE),
    ] {
        suite.test(
            format!("gives_just_the_rights::{row}"),
            &["HANDLE-REPLACE-01"],
            &[Handles, Info],
            move |cx| {
                let vmo = cx.create(PAGE)?;
                let koid = cx.koid(vmo)?;
                let other = cx.handle_replace(vmo, rights)?.ok()?.handle(0);
                cx.expect_rights(other, rights)?;
                let same = cx.koid(other)?;
                cx.expect(same == koid, koid, same)
            },
        );
    }

    suite.test("same_rights_keeps_them", &["HANDLE-REPLACE-02"], &[Handles, Info], |cx| {
        let vmo = cx.create(PAGE)?;
        let few = cx.duplicate(vmo, ZX_RIGHT_READ | ZX_RIGHT_WRITE)?;
        let other = cx.handle_replace(few, ZX_RIGHT_SAME_RIGHTS)?.ok()?.handle(0);
        cx.expect_rights(other, ZX_RIGHT_READ | ZX_RIGHT_WRITE)?;
        let rights = cx.rights(vmo)?;
        let all = cx.handle_replace(vmo, ZX_RIGHT_SAME_RIGHTS)?.ok()?.handle(0);
        cx.expect_rights(all, rights)
    });

    for bit in [0, 3, 4, 8, 11, 13, 16, 20, 30] {
        suite.test(
            format!("rights_it_lacks_are_refused::bit_{bit}"),
            &["HANDLE-REPLACE-03", "HANDLE-REPLACE-04"],
            &[Handles, Info],
            move |cx| {
                let vmo = cx.create(PAGE)?;
                let few = cx.duplicate(vmo, ZX_RIGHT_READ)?;
                cx.handle_replace(few, ZX_RIGHT_READ | 1 << bit)?.is(ZX_ERR_INVALID_ARGS)?;
                cx.expect_valid(few, false)?;
                let count = cx.handle_count(vmo)?;
                cx.expect(count == 1, "1 handle", count)
            },
        );
        suite.test(
            format!("same_rights_with_another_bit_is_refused::bit_{bit}"),
            &["HANDLE-REPLACE-11"],
            &[Handles, Info],
            move |cx| {
                let vmo = cx.create(PAGE)?;
                let second = cx.duplicate_same(vmo)?;
                let answer = cx.handle_replace(second, ZX_RIGHT_SAME_RIGHTS | 1 << bit)?;
                answer.is(ZX_ERR_INVALID_ARGS)?.untouched()?;
                cx.expect_valid(second, false)?;
                cx.expect_valid(vmo, true)
            },
        );
    }

    suite.test("a_refusal_stores_nothing", &["HANDLE-REPLACE-12"], &[Handles], |cx| {
        let vmo = cx.create(PAGE)?;
        let few = cx.duplicate(vmo, ZX_RIGHT_READ)?;
        let answer = cx.handle_replace(few, ZX_RIGHT_WRITE)?;
        answer.is(ZX_ERR_INVALID_ARGS)?.untouched().map(drop)
    });

    suite.test("duplicate_is_not_needed", &["HANDLE-REPLACE-05"], &[Handles], |cx| {
        let vmo = cx.create(2 * PAGE)?;
        let few = cx.duplicate(vmo, ZX_RIGHT_READ)?;
        let other = cx.handle_replace(few, ZX_RIGHT_READ)?.ok()?.handle(0);
        cx.expect_size(other, 2 * PAGE)
    });

    for address in [Address::Null, Address::Unmapped, Address::ReadOnly] {
        let row = format!("{address:?}").to_lowercase();
        suite.test(
            format!("a_bad_pointer_takes_the_handle::{row}"),
            &["HANDLE-REPLACE-06"],
            &[Handles, Info],
            move |cx| {
                let vmo = cx.create(PAGE)?;
                let second = cx.duplicate_same(vmo)?;
                cx.with("out", address);
                cx.handle_replace(second, ZX_RIGHT_SAME_RIGHTS)?.is(ZX_ERR_INVALID_ARGS)?;
                cx.expect_valid(second, false)?;
                let count = cx.handle_count(vmo)?;
                cx.expect(count == 1, "1 handle", count)
            },
        );
    }

    for (row, bad_pointer) in [("bad_pointer", true), ("rights", false)] {
        suite.test(
            format!("a_failure_with_the_last_handle_destroys::{row}"),
            &["HANDLE-REPLACE-07"],
            &[Handles, Clone, Signals],
            move |cx| {
                let parent = cx.create(PAGE)?;
                let clone = cx.clone_of(parent, 0, PAGE)?;
                let few = cx.handle_replace(clone, ZX_RIGHT_READ)?.ok()?.handle(0);
                cx.expect_signal(parent, ZX_VMO_ZERO_CHILDREN, false)?;
                if bad_pointer {
                    cx.with("out", Address::Null);
                }
                let rights = if bad_pointer { ZX_RIGHT_READ } else { ZX_RIGHT_WRITE };
                cx.handle_replace(few, rights)?.is(ZX_ERR_INVALID_ARGS)?;
                cx.expect_signal(parent, ZX_VMO_ZERO_CHILDREN, true)
            },
        );
    }

    suite.test("no_handle_takes_nothing", &["HANDLE-REPLACE-08"], &[Handles, Info], |cx| {
        let vmo = cx.create(PAGE)?;
        let closed = cx.closed_handle()?;
        for bad in [Handle::Invalid, Handle::Never, closed] {
            cx.handle_replace(bad, ZX_RIGHT_SAME_RIGHTS)?.is(ZX_ERR_BAD_HANDLE)?.untouched()?;
        }
        cx.expect_valid(vmo, true)
    });

    suite.test(
        "signals_names_and_clones_stay",
        &["HANDLE-REPLACE-09"],
        &[Handles, Properties, Clone, Signals],
        |cx| {
            let vmo = cx.create_filled(PAGE, 0x41)?;
            cx.set_name(vmo, b"kept")?;
            cx.object_signal(vmo, 0, ZX_USER_SIGNAL_0)?.ok()?;
            let clone = cx.clone_of(vmo, 0, PAGE)?;
            let before = cx.signals(vmo)?;
            let other = cx.handle_replace(vmo, ZX_RIGHT_SAME_RIGHTS)?.ok()?.handle(0);
            cx.expect_signals(other, before)?;
            cx.expect_name(other, b"kept")?;
            cx.expect_bytes(clone, 0, b"A")
        },
    );

    suite.test("the_value_is_another", &["HANDLE-REPLACE-10"], &[Handles], |cx| {
        let mut handle = cx.create(PAGE)?;
        for _ in 0..16 {
            let old = cx.handle_value(handle);
            handle = cx.handle_replace(handle, ZX_RIGHT_SAME_RIGHTS)?.ok()?.handle(0);
            let new = cx.handle_value(handle);
            cx.expect(old != new, "another value", new)?;
        }
        Ok(())
    });

    suite.test(
        "a_wait_on_the_old_handle_is_canceled",
        &["HANDLE-REPLACE-13"],
        &[Handles, Signals, Threads],
        |cx| {
            let vmo = cx.create(PAGE)?;
            let second = cx.duplicate_same(vmo)?;
            let waited =
                cx.wait_while(second, ZX_USER_SIGNAL_0, super::object_wait::LONG, |cx| {
                    cx.handle_replace(second, ZX_RIGHT_SAME_RIGHTS)?.ok().map(drop)
                })?;
            waited.is(ZX_ERR_CANCELED, ZX_VMO_ZERO_CHILDREN | ZX_SIGNAL_HANDLE_CLOSED)
        },
    );
}
