//! Which clones count for which VMO.

use vmo_abi::Capability::{Clone, Handles, Signals};
use vmo_abi::{ZX_USER_SIGNAL_0, ZX_USER_SIGNAL_ALL, ZX_VMO_ZERO_CHILDREN};

use super::{high, low};
use crate::suite::cases::copy_on_write::pages::clone;
use crate::suite::steps::PAGE;
use crate::suite::{Deadline, Suite};

const NEEDS: &[vmo_abi::Capability] = &[Clone, Signals];

pub(super) fn add(suite: &mut Suite) {
    add_clones(suite);
    add_generations(suite);
    add_words(suite);
}

fn add_clones(suite: &mut Suite) {
    suite.test("falls_before_the_call_returns", &["SIG-ZC-03"], NEEDS, |cx| {
        let vmo = cx.create(PAGE)?;
        cx.expect_signal(vmo, ZX_VMO_ZERO_CHILDREN, true)?;
        clone(cx, vmo, 0, 1)?;
        cx.expect_signal(vmo, ZX_VMO_ZERO_CHILDREN, false)
    });

    suite.test("a_second_clone_changes_nothing", &["SIG-ZC-03"], NEEDS, |cx| {
        let vmo = cx.create(PAGE)?;
        for _ in 0..5 {
            clone(cx, vmo, 0, 1)?;
            cx.expect_signal(vmo, ZX_VMO_ZERO_CHILDREN, false)?;
        }
        Ok(())
    });

    suite.test("a_new_clone_starts_active", &["SIG-ZC-15"], NEEDS, |cx| {
        let vmo = cx.create(PAGE)?;
        let first = clone(cx, vmo, 0, 1)?;
        let second = clone(cx, vmo, 0, 1)?;
        let below = clone(cx, first, 0, 1)?;
        cx.expect_signal(second, ZX_VMO_ZERO_CHILDREN, true)?;
        cx.expect_signal(below, ZX_VMO_ZERO_CHILDREN, true)
    });

    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        let name: String = order.iter().map(ToString::to_string).collect();
        suite.test(
            format!("only_the_last_of_three_raises_it::{name}"),
            &["SIG-ZC-05", "SIG-ZC-06"],
            NEEDS,
            move |cx| {
                let vmo = cx.create(PAGE)?;
                let clones = [clone(cx, vmo, 0, 1)?, clone(cx, vmo, 0, 1)?, clone(cx, vmo, 0, 1)?];
                cx.close(clones[order[0]])?;
                low(cx, vmo)?;
                cx.close(clones[order[1]])?;
                low(cx, vmo)?;
                cx.close(clones[order[2]])?;
                high(cx, vmo)
            },
        );
    }

    suite.test("clones_that_come_and_go_in_between", &["SIG-ZC-05"], NEEDS, |cx| {
        let vmo = cx.create(PAGE)?;
        let mut last = clone(cx, vmo, 0, 1)?;
        for _ in 0..10 {
            let next = clone(cx, vmo, 0, 1)?;
            cx.close(last)?;
            low(cx, vmo)?;
            last = next;
        }
        cx.close(last)?;
        high(cx, vmo)
    });

    for (name, size) in [("0_pages", 0), ("1_page", PAGE), ("2_to_40", 1 << 40)] {
        suite.test(
            format!("the_size_of_a_clone_does_not_matter::{name}"),
            &["SIG-ZC-18"],
            NEEDS,
            move |cx| {
                let vmo = cx.create(PAGE)?;
                let copy = cx.clone_of(vmo, 0, size)?;
                low(cx, vmo)?;
                cx.close(copy)?;
                high(cx, vmo)
            },
        );
    }

    suite.test("a_clone_beyond_the_end_counts", &["SIG-ZC-18"], NEEDS, |cx| {
        let vmo = cx.create(0)?;
        let copy = clone(cx, vmo, 7, 1)?;
        low(cx, vmo)?;
        cx.close(copy)?;
        high(cx, vmo)
    });

    suite.test("a_clone_made_empty_later_counts", &["SIG-ZC-18"], NEEDS, |cx| {
        let vmo = cx.create(PAGE)?;
        let copy = clone(cx, vmo, 0, 1)?;
        cx.resize(copy, 0)?;
        low(cx, vmo)?;
        cx.resize(vmo, 0)?;
        low(cx, vmo)?;
        cx.close(copy)?;
        high(cx, vmo)
    });

    for order in [[0, 1, 2], [1, 2, 0], [2, 1, 0]] {
        let name: String = order.iter().map(ToString::to_string).collect();
        suite.test(
            format!("all_duplicates_have_to_be_closed::{name}"),
            &["SIG-ZC-11"],
            &[Clone, Signals, Handles],
            move |cx| {
                let vmo = cx.create(PAGE)?;
                let copy = clone(cx, vmo, 0, 1)?;
                // The last one has no rights at all, and counts like the others.
                let handles = [copy, cx.duplicate_same(copy)?, cx.duplicate(copy, 0)?];
                cx.close(handles[order[0]])?;
                low(cx, vmo)?;
                cx.close(handles[order[1]])?;
                low(cx, vmo)?;
                cx.close(handles[order[2]])?;
                high(cx, vmo)
            },
        );
    }
}

fn add_generations(suite: &mut Suite) {
    suite.test("a_clone_of_a_clone_counts_for_the_clone", &["SIG-ZC-13"], NEEDS, |cx| {
        let vmo = cx.create(PAGE)?;
        let middle = clone(cx, vmo, 0, 1)?;
        low(cx, vmo)?;
        high(cx, middle)?;
        let below = clone(cx, middle, 0, 1)?;
        low(cx, vmo)?;
        low(cx, middle)?;
        high(cx, below)
    });

    suite.test("a_clone_without_handles_has_its_clone", &["SIG-ZC-12"], NEEDS, |cx| {
        let vmo = cx.create(PAGE)?;
        let middle = clone(cx, vmo, 0, 1)?;
        let below = clone(cx, middle, 0, 1)?;
        cx.close(middle)?;
        low(cx, vmo)?;
        cx.close(below)?;
        high(cx, vmo)
    });

    suite.test("the_middle_rises_before_the_root", &["SIG-ZC-14"], NEEDS, |cx| {
        let vmo = cx.create(PAGE)?;
        let middle = clone(cx, vmo, 0, 1)?;
        let below = clone(cx, middle, 0, 1)?;
        cx.close(below)?;
        high(cx, middle)?;
        low(cx, vmo)?;
        cx.close(middle)?;
        high(cx, vmo)
    });

    suite.test("five_generations_go_from_below", &["SIG-ZC-13", "SIG-ZC-14"], NEEDS, |cx| {
        let mut members = vec![cx.create(PAGE)?];
        for generation in 0..4 {
            members.push(clone(cx, members[generation], 0, 1)?);
        }
        for generation in (0..4).rev() {
            low(cx, members[generation])?;
            cx.close(members[generation + 1])?;
            high(cx, members[generation])?;
            for above in &members[..generation] {
                low(cx, *above)?;
            }
        }
        Ok(())
    });

    suite.test("five_generations_go_from_above", &["SIG-ZC-12"], NEEDS, |cx| {
        let mut members = vec![cx.create(PAGE)?];
        for generation in 0..4 {
            members.push(clone(cx, members[generation], 0, 1)?);
        }
        for generation in 1..4 {
            cx.close(members[generation])?;
            low(cx, members[0])?;
            high(cx, members[4])?;
        }
        cx.close(members[4])?;
        high(cx, members[0])
    });

    suite.test("two_clones_of_a_clone_without_handles", &["SIG-ZC-12", "SIG-ZC-05"], NEEDS, |cx| {
        let vmo = cx.create(PAGE)?;
        let middle = clone(cx, vmo, 0, 1)?;
        let (first, second) = (clone(cx, middle, 0, 1)?, clone(cx, middle, 0, 1)?);
        cx.close(middle)?;
        cx.close(second)?;
        low(cx, vmo)?;
        cx.close(first)?;
        high(cx, vmo)
    });

    suite.test("a_sibling_of_an_ended_line_counts", &["SIG-ZC-12", "SIG-ZC-05"], NEEDS, |cx| {
        let vmo = cx.create(PAGE)?;
        let (middle, sibling) = (clone(cx, vmo, 0, 1)?, clone(cx, vmo, 0, 1)?);
        let below = clone(cx, middle, 0, 1)?;
        cx.close(middle)?;
        cx.close(below)?;
        low(cx, vmo)?;
        high(cx, sibling)?;
        cx.close(sibling)?;
        high(cx, vmo)
    });

    suite.test("a_closed_root_does_not_trouble_the_middle", &["SIG-ZC-13"], NEEDS, |cx| {
        let vmo = cx.create(PAGE)?;
        let middle = clone(cx, vmo, 0, 1)?;
        let below = clone(cx, middle, 0, 1)?;
        cx.close(vmo)?;
        low(cx, middle)?;
        cx.close(below)?;
        high(cx, middle)
    });

    suite.test("each_vmo_counts_its_own", &["SIG-ZC-13"], NEEDS, |cx| {
        let (first, second) = (cx.create(PAGE)?, cx.create(PAGE)?);
        let copy = clone(cx, first, 0, 1)?;
        low(cx, first)?;
        high(cx, second)?;
        clone(cx, second, 0, 1)?;
        cx.close(copy)?;
        high(cx, first)?;
        low(cx, second)
    });
}

/// The rest of the signal word.
fn add_words(suite: &mut Suite) {
    suite.test("user_signals_stay_beside_it", &["SIG-ZC-06", "OBJ-SIGNAL-11"], NEEDS, |cx| {
        let vmo = cx.create(PAGE)?;
        cx.object_signal(vmo, 0, ZX_USER_SIGNAL_ALL)?.ok()?;
        cx.expect_signals(vmo, ZX_USER_SIGNAL_ALL | ZX_VMO_ZERO_CHILDREN)?;
        let copy = clone(cx, vmo, 0, 1)?;
        cx.expect_signals(vmo, ZX_USER_SIGNAL_ALL)?;
        cx.close(copy)?;
        cx.expect_signals(vmo, ZX_USER_SIGNAL_ALL | ZX_VMO_ZERO_CHILDREN)
    });

    suite.test("user_signals_do_not_touch_it", &["SIG-ZC-16"], NEEDS, |cx| {
        let vmo = cx.create(PAGE)?;
        let copy = clone(cx, vmo, 0, 1)?;
        cx.object_signal(vmo, ZX_USER_SIGNAL_ALL, ZX_USER_SIGNAL_0)?.ok()?;
        cx.expect_signals(vmo, ZX_USER_SIGNAL_0)?;
        cx.object_signal(vmo, ZX_USER_SIGNAL_ALL, 0)?.ok()?;
        cx.expect_signals(vmo, 0)?;
        cx.close(copy)?;
        cx.object_signal(vmo, ZX_USER_SIGNAL_ALL, 0)?.ok()?;
        high(cx, vmo)
    });

    // As OBJ-SIGNAL-05 says, for a VMO that has a clone too.
    suite.test("nobody_can_set_it", &["OBJ-SIGNAL-04", "OBJ-SIGNAL-05"], NEEDS, |cx| {
        let vmo = cx.create(PAGE)?;
        clone(cx, vmo, 0, 1)?;
        let answer = cx.object_signal(vmo, 0, ZX_VMO_ZERO_CHILDREN | ZX_USER_SIGNAL_0)?;
        answer.is(vmo_abi::ZX_ERR_INVALID_ARGS)?;
        low(cx, vmo)
    });

    suite.test("a_wait_for_either_of_two", &["SIG-ZC-06", "OBJ-WAIT-20"], NEEDS, |cx| {
        let (first, second) = (cx.create(PAGE)?, cx.create(PAGE)?);
        let (copy, other) = (clone(cx, first, 0, 1)?, clone(cx, second, 0, 1)?);
        let items = [(first, ZX_VMO_ZERO_CHILDREN), (second, ZX_VMO_ZERO_CHILDREN)];
        cx.object_wait_many(&items, Deadline::At(0))?.is(vmo_abi::ZX_ERR_TIMED_OUT)?;
        cx.close(other)?;
        cx.object_wait_many(&items, Deadline::At(0))?.ok()?;
        low(cx, first)?;
        high(cx, second)?;
        cx.close(copy)?;
        high(cx, first)
    });
}
