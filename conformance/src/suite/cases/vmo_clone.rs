//! `vmo_clone`: what the call gives, refuses and leaves alone.

mod arguments;
mod birth;
mod memory;
mod order;
mod pointers;
mod rights;

use vmo_abi::Capability::{Clone, Handles, Info, Properties, Signals};
use vmo_abi::{ZX_USER_SIGNAL_3, ZX_VMO_CLONE_COPY_ON_WRITE};

use super::copy_on_write::pages::{clone, create, put, shows};
use crate::suite::Suite;
use crate::suite::steps::PAGE;

pub(super) fn add(suite: &mut Suite) {
    add_results(suite);
    add_sources(suite);
    arguments::add(suite);
    pointers::add(suite);
    rights::add(suite);
    birth::add(suite);
    order::add(suite);
    memory::add(suite);
}

fn add_results(suite: &mut Suite) {
    suite.test("stores_a_new_handle", &["VMO-CLONE-01", "HV-01"], &[Clone], |cx| {
        let vmo = cx.vmo_create(PAGE, 0)?.ok()?;
        let answer = cx.vmo_clone(vmo.handle(0), ZX_VMO_CLONE_COPY_ON_WRITE, 0, PAGE)?.ok()?;
        let (source, stored) = (vmo.word(2)?, answer.word(4)?);
        cx.expect(stored != 0 && stored != source, "another value", format!("{stored:#x}"))?;
        cx.expect_size(answer.handle(0), PAGE)
    });

    suite.test("stores_a_positive_odd_handle", &["HV-02", "HV-10"], &[Clone], |cx| {
        let vmo = cx.create(PAGE)?;
        let mut seen = Vec::new();
        for _ in 0..8 {
            let answer = cx.vmo_clone(vmo, ZX_VMO_CLONE_COPY_ON_WRITE, 0, PAGE)?.ok()?;
            let stored = answer.word(4)?;
            cx.expect(stored & 0x8000_0001 == 1, "bit 0 and not bit 31", format!("{stored:#x}"))?;
            cx.expect(!seen.contains(&stored), "a new value", format!("{stored:#x} again"))?;
            seen.push(stored);
        }
        Ok(())
    });

    // Every page has its own letter, so that a wrong offset shows.
    for (name, first, pages, shown) in [
        ("all", 0, 4, "abcd"),
        ("from_page_1", 1, 3, "bcd"),
        ("from_page_2", 2, 2, "cd"),
        ("the_last_page", 3, 1, "d"),
        ("the_first_page", 0, 1, "a"),
        ("one_in_the_middle", 2, 1, "c"),
        ("over_the_end", 3, 3, "d.."),
        ("from_the_end", 4, 2, ".."),
        ("from_beyond_the_end", 5, 2, ".."),
    ] {
        suite.test(
            format!("starts_at_the_offset::{name}"),
            &["VMO-CLONE-01", "VMO-CLONE-10", "COW-01", "COW-09"],
            &[Clone],
            move |cx| {
                let vmo = create(cx, "abcd")?;
                let copy = clone(cx, vmo, first, pages)?;
                cx.expect_size(copy, pages * PAGE)?;
                shows(cx, copy, shown)
            },
        );
    }

    suite.test("each_call_makes_another_vmo", &["VMO-CLONE-01", "COW-05"], &[Clone], |cx| {
        let vmo = create(cx, "a")?;
        let (first, second) = (clone(cx, vmo, 0, 1)?, clone(cx, vmo, 0, 1)?);
        put(cx, first, 0, 'x')?;
        put(cx, second, 0, 'y')?;
        shows(cx, first, "x")?;
        shows(cx, second, "y")?;
        shows(cx, vmo, "a")
    });

    suite.test("a_clone_can_be_cloned", &["VMO-CLONE-30"], &[Clone], |cx| {
        let vmo = create(cx, "abc")?;
        let first = clone(cx, vmo, 0, 3)?;
        let second = clone(cx, first, 1, 2)?;
        cx.expect_size(second, 2 * PAGE)?;
        shows(cx, second, "bc")
    });
}

fn add_sources(suite: &mut Suite) {
    const SOURCE_STAYS: &[&str] = &["VMO-CLONE-29"];

    suite.test("the_source_keeps_size_and_contents", SOURCE_STAYS, &[Clone], |cx| {
        let vmo = create(cx, "ab")?;
        for (first, pages) in [(0, 1), (1, 4), (7, 1)] {
            clone(cx, vmo, first, pages)?;
            cx.expect_size(vmo, 2 * PAGE)?;
            shows(cx, vmo, "ab")?;
        }
        Ok(())
    });

    suite.test("the_source_handle_stays_as_it_was", SOURCE_STAYS, &[Clone, Info], |cx| {
        let vmo = cx.create(PAGE)?;
        let (rights, koid) = (cx.rights(vmo)?, cx.koid(vmo)?);
        clone(cx, vmo, 0, 1)?;
        cx.expect_valid(vmo, true)?;
        cx.expect_rights(vmo, rights)?;
        let (same, count) = (cx.koid(vmo)?, cx.handle_count(vmo)?);
        cx.expect(same == koid, koid, same)?;
        cx.expect(count == 1, "1 handle", count)
    });

    suite.test("the_source_keeps_its_name", SOURCE_STAYS, &[Clone, Properties], |cx| {
        let vmo = cx.create(PAGE)?;
        cx.set_name(vmo, b"source")?;
        clone(cx, vmo, 0, 1)?;
        cx.expect_name(vmo, b"source")
    });

    suite.test("the_source_keeps_its_user_signals", SOURCE_STAYS, &[Clone, Signals], |cx| {
        let vmo = cx.create(PAGE)?;
        cx.object_signal(vmo, 0, ZX_USER_SIGNAL_3)?.ok()?;
        clone(cx, vmo, 0, 1)?;
        cx.expect_signals(vmo, ZX_USER_SIGNAL_3)
    });

    suite.test(
        "a_clone_that_went_leaves_no_trace",
        SOURCE_STAYS,
        &[Clone, Info, Properties, Signals],
        |cx| {
            let vmo = create(cx, "ab")?;
            cx.set_name(vmo, b"source")?;
            let before = cx.snapshot(vmo)?;
            let copy = clone(cx, vmo, 0, 2)?;
            put(cx, copy, 1, 'x')?;
            cx.set_name(copy, b"clone")?;
            cx.resize(copy, 5 * PAGE)?;
            cx.close(copy)?;
            cx.expect_unchanged(vmo, &before)
        },
    );

    suite.test(
        "any_handle_of_the_source_will_do",
        &["VMO-CLONE-01", "HANDLE-DUP-13"],
        &[Clone, Handles],
        |cx| {
            let vmo = create(cx, "ab")?;
            let second = cx.duplicate_same(vmo)?;
            cx.close(vmo)?;
            let copy = clone(cx, second, 1, 1)?;
            put(cx, second, 1, 'x')?;
            shows(cx, copy, "x")
        },
    );

    suite.test(
        "a_replaced_handle_is_no_source",
        &["VMO-CLONE-03", "GEN-03", "HANDLE-REPLACE-01"],
        &[Clone, Handles],
        |cx| {
            let vmo = create(cx, "a")?;
            let replaced = cx.handle_replace(vmo, vmo_abi::ZX_RIGHT_SAME_RIGHTS)?.ok()?.handle(0);
            let answer = cx.vmo_clone(vmo, ZX_VMO_CLONE_COPY_ON_WRITE, 0, PAGE)?;
            answer.is(vmo_abi::ZX_ERR_BAD_HANDLE)?.untouched()?;
            let copy = clone(cx, replaced, 0, 1)?;
            shows(cx, copy, "a")
        },
    );
}
