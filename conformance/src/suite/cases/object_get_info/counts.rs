//! `ZX_INFO_HANDLE_COUNT`: what counts as a handle to an object.

use vmo_abi::Capability::{Clone, Handles, Info, Mapping, OtherObjects};
use vmo_abi::{
    ZX_ERR_ACCESS_DENIED, ZX_ERR_BAD_HANDLE, ZX_ERR_INVALID_ARGS, ZX_INFO_HANDLE_COUNT,
    ZX_RIGHT_READ, ZX_RIGHT_SAME_RIGHTS, ZX_RIGHT_WRITE,
};

use super::expect_count;
use crate::program::Address;
use crate::suite::{PAGE, READ_ONLY, READ_WRITE, Suite};

pub(super) fn add(suite: &mut Suite) {
    changes(suite);
    refusals(suite);
    uncounted(suite);
}

fn changes(suite: &mut Suite) {
    suite.test("count_begins_with_1", &["OBJ-INFO-18"], &[Info], |cx| {
        for pages in [0, 1, 3] {
            let vmo = cx.create(pages * PAGE)?;
            expect_count(cx, vmo, 1)?;
            expect_count(cx, vmo, 1)?;
        }
        Ok(())
    });

    suite.test("count_follows_duplicates_and_closes", &["OBJ-INFO-18"], &[Info, Handles], |cx| {
        let vmo = cx.create(PAGE)?;
        let mut handles = Vec::new();
        for expected in 1..10 {
            expect_count(cx, vmo, expected)?;
            handles.push(cx.duplicate_same(vmo)?);
        }
        for expected in (1..10).rev() {
            let Some(handle) = handles.pop() else { break };
            cx.close(handle)?;
            expect_count(cx, vmo, expected)?;
        }
        Ok(())
    });

    suite.test("count_goes_beyond_a_byte", &["OBJ-INFO-18"], &[Info, Handles], |cx| {
        let vmo = cx.create(PAGE)?;
        for _ in 0..300 {
            cx.duplicate_same(vmo)?;
        }
        expect_count(cx, vmo, 301)
    });

    suite.test("count_is_the_same_through_any_handle", &["OBJ-INFO-18"], &[Info, Handles], |cx| {
        let vmo = cx.create(PAGE)?;
        let second = cx.duplicate(vmo, ZX_RIGHT_READ)?;
        let third = cx.duplicate_same(vmo)?;
        for handle in [vmo, second, third] {
            expect_count(cx, handle, 3)?;
        }
        cx.close(vmo)?;
        for handle in [second, third] {
            expect_count(cx, handle, 2)?;
        }
        Ok(())
    });

    suite.test("count_includes_handles_without_rights", &["OBJ-INFO-18"], &[Info, Handles], |cx| {
        let vmo = cx.create(PAGE)?;
        let bare = cx.duplicate(vmo, 0)?;
        expect_count(cx, vmo, 2)?;
        cx.close(bare)?;
        expect_count(cx, vmo, 1)
    });

    suite.test("count_stays_when_one_is_replaced", &["OBJ-INFO-18"], &[Info, Handles], |cx| {
        let vmo = cx.create(PAGE)?;
        let second = cx.duplicate_same(vmo)?;
        expect_count(cx, vmo, 2)?;
        let other = cx.handle_replace(second, ZX_RIGHT_READ)?.ok()?.handle(0);
        expect_count(cx, vmo, 2)?;
        let other = cx.handle_replace(other, ZX_RIGHT_SAME_RIGHTS)?.ok()?.handle(0);
        expect_count(cx, other, 2)?;
        let last = cx.handle_replace(vmo, ZX_RIGHT_SAME_RIGHTS)?.ok()?.handle(0);
        expect_count(cx, last, 2)
    });

    suite.test("count_falls_when_a_replace_fails", &["OBJ-INFO-18"], &[Info, Handles], |cx| {
        let vmo = cx.create(PAGE)?;
        let second = cx.duplicate(vmo, ZX_RIGHT_READ)?;
        let third = cx.duplicate(vmo, ZX_RIGHT_READ)?;
        cx.handle_replace(second, ZX_RIGHT_WRITE)?.is(ZX_ERR_INVALID_ARGS)?;
        expect_count(cx, vmo, 2)?;
        cx.with("out", Address::Null);
        cx.handle_replace(third, ZX_RIGHT_READ)?.is(ZX_ERR_INVALID_ARGS)?;
        expect_count(cx, vmo, 1)
    });

    suite.test("count_stays_when_a_call_is_refused", &["OBJ-INFO-18"], &[Info, Handles], |cx| {
        let vmo = cx.create(PAGE)?;
        let second = cx.duplicate(vmo, ZX_RIGHT_READ)?;
        cx.handle_duplicate(second, ZX_RIGHT_READ)?.is(ZX_ERR_ACCESS_DENIED)?;
        cx.handle_duplicate(vmo, 1 << 30)?.is(ZX_ERR_INVALID_ARGS)?;
        cx.vmo_write(second, 0, b"x")?.is(ZX_ERR_ACCESS_DENIED)?;
        expect_count(cx, vmo, 2)
    });

    suite.test("count_falls_by_close_many", &["OBJ-INFO-18"], &[Info, Handles], |cx| {
        let vmo = cx.create(PAGE)?;
        let (second, third) = (cx.duplicate_same(vmo)?, cx.duplicate_same(vmo)?);
        cx.duplicate_same(vmo)?;
        cx.handle_close_many(&[third, second, third])?.is(ZX_ERR_BAD_HANDLE)?;
        expect_count(cx, vmo, 2)
    });

    suite.test("objects_are_counted_apart", &["OBJ-INFO-18"], &[Info, Handles], |cx| {
        let first = cx.create(PAGE)?;
        let second = cx.create(PAGE)?;
        cx.duplicate_same(second)?;
        cx.duplicate_same(second)?;
        expect_count(cx, first, 1)?;
        cx.duplicate_same(first)?;
        expect_count(cx, first, 2)?;
        expect_count(cx, second, 3)
    });

    suite.test(
        "handles_to_events_are_counted",
        &["OBJ-INFO-18"],
        &[Info, Handles, OtherObjects],
        |cx| {
            let event = cx.event()?;
            expect_count(cx, event, 1)?;
            let second = cx.duplicate_same(event)?;
            expect_count(cx, second, 2)?;
            cx.close(event)?;
            expect_count(cx, second, 1)
        },
    );
}

fn refusals(suite: &mut Suite) {
    suite.test("count_needs_read", &["OBJ-INFO-19"], &[Info, Handles], |cx| {
        let vmo = cx.create(PAGE)?;
        let blind = cx.duplicate_without(vmo, ZX_RIGHT_READ)?;
        let answer = cx.object_get_info(blind, ZX_INFO_HANDLE_COUNT, 4)?;
        let answer = answer.is(ZX_ERR_ACCESS_DENIED)?.untouched()?;
        let told = answer.has_word(4) || answer.has_word(5);
        cx.expect(!told, "actual and avail keep their bytes", "one was written")
    });

    suite.test("count_needs_nothing_but_read", &["OBJ-INFO-19"], &[Info, Handles], |cx| {
        let vmo = cx.create(PAGE)?;
        let reader = cx.duplicate(vmo, ZX_RIGHT_READ)?;
        expect_count(cx, reader, 2)
    });

    for (row, size) in [("fits", 4), ("does_not_fit", 3)] {
        suite.test(
            format!("count_asks_for_read_first::{row}"),
            &["OBJ-INFO-19"],
            &[Info, Handles],
            move |cx| {
                let vmo = cx.create(PAGE)?;
                let blind = cx.duplicate_without(vmo, ZX_RIGHT_READ)?;
                cx.with("buffer", Address::Null).with("actual", Address::Unmapped);
                let answer = cx.object_get_info(blind, ZX_INFO_HANDLE_COUNT, size)?;
                answer.is(ZX_ERR_ACCESS_DENIED).map(drop)
            },
        );
    }
}

fn uncounted(suite: &mut Suite) {
    suite.test("mappings_are_not_counted", &["OBJ-INFO-20"], &[Info, Mapping], |cx| {
        let vmo = cx.create(2 * PAGE)?;
        let address = cx.map(vmo, 0, PAGE, READ_WRITE)?;
        cx.map(vmo, PAGE, PAGE, READ_ONLY)?;
        expect_count(cx, vmo, 1)?;
        cx.store_bytes(address, b"x")?;
        expect_count(cx, vmo, 1)
    });

    suite.test("clones_are_not_counted", &["OBJ-INFO-20"], &[Info, Clone, Handles], |cx| {
        let vmo = cx.create(PAGE)?;
        let clone = cx.clone_of(vmo, 0, PAGE)?;
        cx.clone_of(vmo, 0, PAGE)?;
        cx.clone_of(clone, 0, PAGE)?;
        expect_count(cx, vmo, 1)?;
        expect_count(cx, clone, 1)?;
        cx.duplicate_same(vmo)?;
        expect_count(cx, vmo, 2)?;
        expect_count(cx, clone, 1)?;
        cx.duplicate_same(clone)?;
        expect_count(cx, vmo, 2)?;
        expect_count(cx, clone, 2)
    });

    suite.test("calls_that_are_done_are_not_counted", &["OBJ-INFO-20"], &[Info], |cx| {
        let vmo = cx.create(PAGE)?;
        for round in 0..20 {
            cx.write(vmo, round, b"x")?;
            cx.read(vmo, 0, 8)?;
            cx.resize(vmo, (1 + round) * PAGE)?;
        }
        expect_count(cx, vmo, 1)
    });
}
