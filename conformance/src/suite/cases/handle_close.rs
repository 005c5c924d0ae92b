//! `handle_close` and `handle_close_many`.

use vmo_abi::Capability::{Clone, Handles, Info, Mapping, Signals, Threads};
use vmo_abi::{
    ZX_ERR_BAD_HANDLE, ZX_ERR_CANCELED, ZX_ERR_INVALID_ARGS, ZX_OK, ZX_SIGNAL_HANDLE_CLOSED,
    ZX_USER_SIGNAL_0, ZX_VMO_ZERO_CHILDREN,
};

use super::object_wait::LONG;
use crate::level::Level;
use crate::program::{Address, Handle};
use crate::suite::{PAGE, READ_WRITE, Side, Suite};

pub(super) fn add(suite: &mut Suite) {
    one(suite);
    waits(suite);
    many(suite);
}

fn one(suite: &mut Suite) {
    suite.test("closing_makes_it_invalid", &["HANDLE-CLOSE-01", "HANDLE-CLOSE-03"], &[], |cx| {
        let vmo = cx.create(PAGE)?;
        cx.handle_close(vmo)?.ok()?;
        cx.vmo_get_size(vmo)?.is(ZX_ERR_BAD_HANDLE)?;
        cx.handle_close(vmo)?.is(ZX_ERR_BAD_HANDLE).map(drop)
    });

    suite.test("closing_0_is_fine", &["HANDLE-CLOSE-02"], &[], |cx| {
        cx.handle_close(Handle::Invalid)?.ok()?;
        let vmo = cx.create(PAGE)?;
        cx.handle_close(Handle::Invalid)?.ok()?;
        cx.expect_size(vmo, PAGE)
    });

    suite.test("a_value_that_never_was", &["HANDLE-CLOSE-03"], &[], |cx| {
        cx.handle_close(Handle::Never)?.is(ZX_ERR_BAD_HANDLE).map(drop)
    });

    suite.test("no_right_is_needed", &["HANDLE-CLOSE-04"], &[Handles], |cx| {
        let vmo = cx.create(PAGE)?;
        let bare = cx.duplicate(vmo, 0)?;
        cx.close(bare)?;
        cx.vmo_get_size(bare)?.is(ZX_ERR_BAD_HANDLE)?;
        cx.expect_size(vmo, PAGE)
    });

    suite.test("a_mapping_keeps_the_object", &["HANDLE-CLOSE-05"], &[Mapping], |cx| {
        let vmo = cx.create_filled(PAGE, 0x41)?;
        let address = cx.map(vmo, 0, PAGE, READ_WRITE)?;
        cx.close(vmo)?;
        cx.expect_load(address, b"A")
    });

    suite.test("a_clone_keeps_what_it_shows", &["HANDLE-CLOSE-05"], &[Clone], |cx| {
        let vmo = cx.create_filled(2 * PAGE, 0x41)?;
        let clone = cx.clone_of(vmo, PAGE, PAGE)?;
        cx.close(vmo)?;
        cx.expect_fill(clone, 0, PAGE, 0x41)
    });

    suite.test("the_object_is_gone_at_once", &["HANDLE-CLOSE-06"], &[Clone, Signals], |cx| {
        let parent = cx.create(PAGE)?;
        for _ in 0..20 {
            let clone = cx.clone_of(parent, 0, PAGE)?;
            cx.expect_signal(parent, ZX_VMO_ZERO_CHILDREN, false)?;
            cx.close(clone)?;
            cx.expect_signal(parent, ZX_VMO_ZERO_CHILDREN, true)?;
        }
        Ok(())
    });
}

fn waits(suite: &mut Suite) {
    suite.test(
        "a_wait_through_the_handle_is_canceled",
        &["HANDLE-CLOSE-07", "OBJ-WAIT-14"],
        &[Signals, Threads],
        |cx| {
            let vmo = cx.create(PAGE)?;
            let waited = cx.wait_while(vmo, ZX_USER_SIGNAL_0, LONG, |cx| cx.close(vmo))?;
            waited.is(ZX_ERR_CANCELED, ZX_VMO_ZERO_CHILDREN | ZX_SIGNAL_HANDLE_CLOSED)
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
}

fn many(suite: &mut Suite) {
    for count in [1_usize, 2, 3, 63, 64, 65, 130] {
        suite.test(
            format!("many_closes_every_handle::{count}"),
            &["HANDLE-CLOSE-09"],
            &[Handles, Info],
            move |cx| {
                let vmo = cx.create(PAGE)?;
                let mut handles = Vec::new();
                for _ in 0..count {
                    handles.push(cx.duplicate_same(vmo)?);
                }
                cx.handle_close_many(&handles)?.ok()?;
                for handle in handles {
                    cx.expect_valid(handle, false)?;
                }
                let left = cx.handle_count(vmo)?;
                cx.expect(left == 1, "1 handle", left)
            },
        );
    }

    for (row, place) in [("first", 0), ("middle", 1), ("last", 3)] {
        suite.test(
            format!("many_with_a_bad_entry_closes_the_others::{row}"),
            &["HANDLE-CLOSE-09", "HANDLE-CLOSE-10"],
            &[Handles, Info],
            move |cx| {
                let vmo = cx.create(PAGE)?;
                let bad = cx.closed_handle()?;
                let mut handles = Vec::new();
                for index in 0..4 {
                    handles.push(if index == place { bad } else { cx.duplicate_same(vmo)? });
                }
                cx.handle_close_many(&handles)?.is(ZX_ERR_BAD_HANDLE)?;
                for handle in handles {
                    cx.expect_valid(handle, false)?;
                }
                cx.expect_valid(vmo, true)
            },
        );
    }

    suite.test("many_with_a_value_twice", &["HANDLE-CLOSE-10"], &[Handles, Info], |cx| {
        let vmo = cx.create(PAGE)?;
        let second = cx.duplicate_same(vmo)?;
        let third = cx.duplicate_same(vmo)?;
        cx.handle_close_many(&[second, second, third])?.is(ZX_ERR_BAD_HANDLE)?;
        cx.expect_valid(second, false)?;
        cx.expect_valid(third, false)?;
        cx.expect_valid(vmo, true)
    });

    suite.test("many_skips_0", &["HANDLE-CLOSE-11"], &[Handles, Info], |cx| {
        let vmo = cx.create(PAGE)?;
        let second = cx.duplicate_same(vmo)?;
        cx.handle_close_many(&[Handle::Invalid, second, Handle::Invalid])?.ok()?;
        cx.expect_valid(second, false)?;
        cx.handle_close_many(&[Handle::Invalid, Handle::Invalid])?.ok()?;
        cx.expect_valid(vmo, true)
    });

    for address in [Address::Null, Address::Unmapped, Address::Kernel] {
        let row = format!("{address:?}").to_lowercase();
        suite.test(
            format!("many_of_none_looks_at_nothing::{row}"),
            &["HANDLE-CLOSE-12"],
            &[Handles],
            move |cx| {
                cx.with("handles", address);
                cx.handle_close_many(&[])?.ok().map(drop)
            },
        );
    }

    suite
        .test("many_with_an_unreadable_array", &["HANDLE-CLOSE-13"], &[Handles, Info], |cx| {
            let vmo = cx.create(PAGE)?;
            let second = cx.duplicate_same(vmo)?;
            cx.with("handles", Address::Unmapped);
            let answer = cx.handle_close_many(&[second])?;
            let (_, side) = cx.either("C-29", answer, ZX_ERR_INVALID_ARGS, ZX_OK)?;
            if side == Side::Kernel { cx.expect_valid(second, true) } else { Ok(()) }
        })
        .at(Level::Page);
}
