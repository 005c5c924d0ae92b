//! Clone families when pages run out.

use vmo_abi::Capability::{Clone, Mapping, MemoryControl, Range};
use vmo_abi::{ZX_ERR_NO_MEMORY, ZX_VMO_OP_COMMIT, ZX_VMO_OP_DECOMMIT};

use crate::program::Handle;
use crate::suite::cases::copy_on_write::pages::{clone, create, map, put, put_at, shows, shows_at};
use crate::suite::steps::PAGE;
use crate::suite::{Checked, Context, Suite, plus};

const NEEDS: &[vmo_abi::Capability] = &[Clone, MemoryControl];
const NEEDS_MAPPING: &[vmo_abi::Capability] = &[Clone, MemoryControl, Mapping];
const NEEDS_RANGE: &[vmo_abi::Capability] = &[Clone, MemoryControl, Range];

pub(super) fn add(suite: &mut Suite) {
    add_refusals(suite);
    add_states(suite);
    add_giving_back(suite);
    add_rounds(suite);
}

fn add_refusals(suite: &mut Suite) {
    suite.test("a_copy_lacks_a_page", &["VMO-WRITE-16"], NEEDS, |cx| {
        let parent = create(cx, "ab")?;
        let copy = clone(cx, parent, 0, 2)?;
        cx.limit_memory(Some(2))?;
        cx.vmo_write(copy, PAGE, b"x")?.is(ZX_ERR_NO_MEMORY).map(drop)
    });

    suite.test("a_write_in_place_needs_none", &["COW-36", "COW-02"], NEEDS, |cx| {
        let parent = create(cx, "ab")?;
        let copy = clone(cx, parent, 0, 2)?;
        put(cx, copy, 0, 'X')?;
        cx.limit_memory(Some(0))?;
        put(cx, parent, 1, 'y')?;
        put(cx, copy, 0, 'Z')?;
        shows(cx, copy, "Zy")?;
        shows(cx, parent, "ay")
    });

    suite.test("reading_needs_none", &["VMO-READ-18", "COW-08"], NEEDS, |cx| {
        let parent = create(cx, "ab.")?;
        let copy = clone(cx, parent, 0, 4)?;
        cx.limit_memory(Some(0))?;
        shows(cx, copy, "ab..")?;
        shows(cx, parent, "ab.")
    });

    suite.test("loading_needs_none", &["VMAR-MAP-41", "COW-08"], NEEDS_MAPPING, |cx| {
        let parent = create(cx, "ab.")?;
        let copy = clone(cx, parent, 0, 4)?;
        let at = map(cx, copy, 4)?;
        cx.limit_memory(Some(0))?;
        shows_at(cx, at, "ab..")
    });

    suite.test("commit_lacks_a_page", &["VMO-OPRANGE-20"], NEEDS_RANGE, |cx| {
        let parent = create(cx, "ab")?;
        let copy = clone(cx, parent, 0, 2)?;
        cx.limit_memory(Some(3))?;
        let answer = cx.vmo_op_range(copy, ZX_VMO_OP_COMMIT, 0, 2 * PAGE)?;
        answer.is(ZX_ERR_NO_MEMORY)?;
        shows(cx, copy, "ab")
    });

    suite.test("commit_has_just_enough", &["COW-36", "COW-17"], NEEDS_RANGE, |cx| {
        let parent = create(cx, "ab")?;
        let copy = clone(cx, parent, 0, 3)?;
        put(cx, copy, 1, 'X')?;
        cx.limit_memory(Some(5))?;
        cx.operate(copy, ZX_VMO_OP_COMMIT, 0, 3 * PAGE)?;
        shows(cx, copy, "aX.")
    });
}

/// Expects that both pages of a clone of `ab` still follow.
fn still_follows(cx: &mut Context<'_>, parent: Handle, copy: Handle) -> Checked {
    shows(cx, parent, "ab")?;
    shows(cx, copy, "ab")?;
    put(cx, parent, 0, 'x')?;
    put(cx, parent, 1, 'y')?;
    shows(cx, copy, "xy")
}

/// What a call that lacked memory left.
fn add_states(suite: &mut Suite) {
    suite.test(
        "a_failed_copy_leaves_the_page_following",
        &["VMO-WRITE-17", "COW-02"],
        NEEDS,
        |cx| {
            let parent = create(cx, "ab")?;
            let copy = clone(cx, parent, 0, 2)?;
            cx.limit_memory(Some(2))?;
            for offset in [0, PAGE - 1, PAGE, 2 * PAGE - 1] {
                cx.vmo_write(copy, offset, b"X")?.is(ZX_ERR_NO_MEMORY)?;
            }
            still_follows(cx, parent, copy)
        },
    );

    suite.test("a_failed_copy_can_be_made_later", &["VMO-WRITE-17", "COW-03"], NEEDS, |cx| {
        let parent = create(cx, "ab")?;
        let copy = clone(cx, parent, 0, 2)?;
        cx.limit_memory(Some(2))?;
        cx.vmo_write(copy, PAGE + 1, b"X")?.is(ZX_ERR_NO_MEMORY)?;
        cx.limit_memory(None)?;
        cx.write(copy, PAGE + 1, b"X")?;
        cx.expect_bytes(copy, PAGE - 1, b"abXb")?;
        shows(cx, parent, "ab")
    });

    suite.test("the_pages_that_were_to_be_had_are_written", &["VMO-WRITE-17"], NEEDS, |cx| {
        let parent = create(cx, "abc")?;
        let copy = clone(cx, parent, 0, 3)?;
        cx.limit_memory(Some(4))?;
        let answer = cx.vmo_write(copy, 0, &[b'X'; 3 * PAGE as usize])?;
        answer.is(ZX_ERR_NO_MEMORY)?;
        shows(cx, copy, "Xbc")?;
        for page in 0..3 {
            put(cx, parent, page, 'z')?;
        }
        shows(cx, copy, "Xzz")
    });

    suite.test(
        "a_failed_store_faults_and_leaves_the_page",
        &["COW-33", "COW-08"],
        NEEDS_MAPPING,
        |cx| {
            let parent = create(cx, "ab")?;
            let copy = clone(cx, parent, 0, 2)?;
            let at = map(cx, copy, 2)?;
            shows_at(cx, at, "ab")?;
            cx.limit_memory(Some(2))?;
            cx.expect_store_fault(at)?;
            cx.expect_store_fault(plus(at, 2 * PAGE - 1))?;
            shows_at(cx, at, "ab")?;
            still_follows(cx, parent, copy)?;
            cx.limit_memory(None)?;
            put_at(cx, at, 0, 'Z')?;
            shows(cx, copy, "Zy")
        },
    );

    suite.test(
        "a_failed_commit_commits_nothing",
        &["VMO-OPRANGE-21", "COW-02"],
        NEEDS_RANGE,
        |cx| {
            let parent = create(cx, "ab")?;
            let copy = clone(cx, parent, 0, 2)?;
            cx.limit_memory(Some(3))?;
            let answer = cx.vmo_op_range(copy, ZX_VMO_OP_COMMIT, 0, 2 * PAGE)?;
            answer.is(ZX_ERR_NO_MEMORY)?;
            still_follows(cx, parent, copy)?;
            // The page there is was not taken either.
            put(cx, copy, 0, 'Z')?;
            shows(cx, copy, "Zy")
        },
    );

    suite.test("a_failed_call_stores_no_buffer", &["GEN-10", "COW-08"], NEEDS_MAPPING, |cx| {
        let parent = create(cx, "ab")?;
        let copy = clone(cx, parent, 0, 2)?;
        let at = map(cx, copy, 2)?;
        cx.limit_memory(Some(2))?;
        cx.with("size", at).vmo_get_size(parent)?.is(vmo_abi::ZX_ERR_INVALID_ARGS)?;
        still_follows(cx, parent, copy)
    });

    // The kernel of that day took the failed copy for the middle clone for a
    // page that nobody has, and went on with zeros (W-30).
    suite
        .test("a_failed_copy_below_leaves_everybody", &["COW-26", "VMO-WRITE-17"], NEEDS, |cx| {
            let root = create(cx, "ab")?;
            let middle = clone(cx, root, 0, 2)?;
            let below = clone(cx, middle, 0, 2)?;
            for limit in [2, 3] {
                cx.limit_memory(Some(limit))?;
                cx.vmo_write(below, PAGE, b"X")?.is(ZX_ERR_NO_MEMORY)?;
                for vmo in [root, middle, below] {
                    shows(cx, vmo, "ab")?;
                }
            }
            put(cx, root, 1, 'y')?;
            shows(cx, middle, "ay")?;
            shows(cx, below, "ay")?;
            cx.limit_memory(Some(4))?;
            cx.write(below, PAGE, b"X")?;
            cx.expect_bytes(below, PAGE, b"Xy")?;
            shows(cx, middle, "ay")
        })
        .hazard();

    suite
        .test(
            "a_failed_commit_below_leaves_everybody",
            &["COW-26", "VMO-OPRANGE-21"],
            NEEDS_RANGE,
            |cx| {
                let root = create(cx, "ab")?;
                let middle = clone(cx, root, 0, 2)?;
                let below = clone(cx, middle, 0, 2)?;
                for limit in 2..6 {
                    cx.limit_memory(Some(limit))?;
                    let answer = cx.vmo_op_range(below, ZX_VMO_OP_COMMIT, 0, 2 * PAGE)?;
                    answer.is(ZX_ERR_NO_MEMORY)?;
                }
                put(cx, root, 0, 'x')?;
                put(cx, root, 1, 'y')?;
                shows(cx, middle, "xy")?;
                shows(cx, below, "xy")?;
                cx.limit_memory(Some(6))?;
                cx.operate(below, ZX_VMO_OP_COMMIT, 0, 2 * PAGE)?;
                shows(cx, below, "xy")
            },
        )
        .hazard();
}

/// A family that has all the pages there are: a parent `ab` and a clone `XY`.
fn full(cx: &mut Context<'_>) -> Checked<(Handle, Handle, Handle)> {
    let parent = create(cx, "ab")?;
    let copy = clone(cx, parent, 0, 2)?;
    put(cx, copy, 0, 'X')?;
    put(cx, copy, 1, 'Y')?;
    let other = cx.create(2 * PAGE)?;
    cx.limit_memory(Some(4))?;
    cx.vmo_write(other, 0, b"z")?.is(ZX_ERR_NO_MEMORY)?;
    Ok((parent, copy, other))
}

/// Expects that there are so many pages to be had, and takes them.
fn takes_just(cx: &mut Context<'_>, other: Handle, pages: u64) -> Checked {
    for page in 0..pages {
        put(cx, other, page, 'z')?;
    }
    let last = cx.create(PAGE)?;
    cx.vmo_write(last, 0, b"z")?.is(ZX_ERR_NO_MEMORY).map(drop)
}

/// Which calls give pages back, seen from what another VMO can have then.
fn add_giving_back(suite: &mut Suite) {
    suite.test(
        "a_closed_clone_gives_its_pages_back",
        &["HANDLE-CLOSE-06", "COW-36"],
        NEEDS,
        |cx| {
            let (parent, copy, other) = full(cx)?;
            cx.close(copy)?;
            takes_just(cx, other, 2)?;
            shows(cx, parent, "ab")
        },
    );

    suite.test("a_closed_parent_keeps_its_pages", &["COW-15", "COW-36"], NEEDS, |cx| {
        let (parent, copy, other) = full(cx)?;
        cx.close(parent)?;
        cx.vmo_write(other, 0, b"z")?.is(ZX_ERR_NO_MEMORY)?;
        shows(cx, copy, "XY")?;
        cx.close(copy)?;
        cx.resize(other, 4 * PAGE)?;
        takes_just(cx, other, 4)
    });

    suite.test("a_family_gives_all_its_pages_back", &["HANDLE-CLOSE-06", "COW-15"], NEEDS, |cx| {
        let (parent, copy, _) = full(cx)?;
        cx.close(parent)?;
        cx.close(copy)?;
        let large = cx.create(4 * PAGE)?;
        takes_just(cx, large, 4)
    });

    suite.test("a_shrunk_clone_gives_pages_back", &["COW-29", "COW-36"], NEEDS, |cx| {
        let (_, copy, other) = full(cx)?;
        cx.resize(copy, PAGE)?;
        takes_just(cx, other, 1)?;
        cx.resize(copy, 2 * PAGE)?;
        shows(cx, copy, "Xb")
    });

    suite.test("a_shrunk_parent_gives_pages_back", &["COW-12", "COW-36"], NEEDS, |cx| {
        let (parent, copy, other) = full(cx)?;
        cx.resize(parent, 0)?;
        takes_just(cx, other, 2)?;
        shows(cx, copy, "XY")
    });

    suite.test("decommit_of_a_clone_gives_pages_back", &["COW-19", "COW-36"], NEEDS_RANGE, |cx| {
        let (_, copy, other) = full(cx)?;
        cx.operate(copy, ZX_VMO_OP_DECOMMIT, PAGE, PAGE)?;
        takes_just(cx, other, 1)?;
        shows(cx, copy, "Xb")
    });

    suite.test("decommit_of_a_parent_gives_pages_back", &["COW-14", "COW-36"], NEEDS_RANGE, |cx| {
        let (parent, copy, other) = full(cx)?;
        cx.operate(parent, ZX_VMO_OP_DECOMMIT, 0, 2 * PAGE)?;
        takes_just(cx, other, 2)?;
        shows(cx, copy, "XY")
    });

    suite.test(
        "an_unmapped_clone_gives_its_pages_back",
        &["VMAR-UNMAP-17", "COW-36"],
        NEEDS_MAPPING,
        |cx| {
            let (parent, copy, other) = full(cx)?;
            let at = map(cx, copy, 2)?;
            cx.close(copy)?;
            cx.vmo_write(other, 0, b"z")?.is(ZX_ERR_NO_MEMORY)?;
            shows_at(cx, at, "XY")?;
            cx.vmar_unmap(Handle::Region, at, PAGE)?.ok()?;
            cx.vmo_write(other, 0, b"z")?.is(ZX_ERR_NO_MEMORY)?;
            cx.vmar_unmap(Handle::Region, plus(at, PAGE), PAGE)?.ok()?;
            takes_just(cx, other, 2)?;
            shows(cx, parent, "ab")
        },
    );

    suite.test("a_grandchild_keeps_the_pages_of_the_middle", &["COW-15", "COW-36"], NEEDS, |cx| {
        let (parent, copy, other) = full(cx)?;
        let below = clone(cx, copy, 0, 2)?;
        cx.close(copy)?;
        cx.close(parent)?;
        cx.vmo_write(other, 0, b"z")?.is(ZX_ERR_NO_MEMORY)?;
        shows(cx, below, "XY")?;
        cx.close(below)?;
        cx.resize(other, 4 * PAGE)?;
        takes_just(cx, other, 4)
    });
}

/// Nothing is lost in many rounds under a limit that a lost page would exceed.
fn add_rounds(suite: &mut Suite) {
    const ROUNDS: u32 = 200;

    suite.test(
        "two_hundred_clones_one_after_the_other",
        &["HANDLE-CLOSE-06", "COW-36"],
        NEEDS,
        |cx| {
            let parent = create(cx, "ab.")?;
            cx.limit_memory(Some(6))?;
            for _ in 0..ROUNDS {
                let copy = clone(cx, parent, 0, 4)?;
                cx.write(copy, PAGE - 1, &[b'x'; PAGE as usize + 2])?;
                put(cx, copy, 3, 'y')?;
                cx.close(copy)?;
            }
            shows(cx, parent, "ab.")
        },
    );

    suite.test(
        "two_hundred_chains_one_after_the_other",
        &["HANDLE-CLOSE-06", "COW-27"],
        NEEDS,
        |cx| {
            let root = create(cx, "a")?;
            cx.limit_memory(Some(4))?;
            for _ in 0..ROUNDS {
                let middle = clone(cx, root, 0, 2)?;
                let below = clone(cx, middle, 0, 2)?;
                cx.close(middle)?;
                put(cx, below, 0, 'x')?;
                put(cx, below, 1, 'y')?;
                cx.close(below)?;
            }
            shows(cx, root, "a")
        },
    );

    suite.test("two_hundred_failed_writes", &["VMO-WRITE-16", "VMO-WRITE-17"], NEEDS, |cx| {
        let parent = create(cx, "ab")?;
        let copy = clone(cx, parent, 0, 2)?;
        cx.limit_memory(Some(3))?;
        for _ in 0..ROUNDS {
            cx.vmo_write(copy, PAGE - 1, b"XY")?.is(ZX_ERR_NO_MEMORY)?;
        }
        cx.limit_memory(Some(4))?;
        cx.write(copy, PAGE - 1, b"XY")?;
        cx.expect_bytes(copy, PAGE - 2, b"aXYb")
    });

    suite.test(
        "two_hundred_commits_and_decommits",
        &["COW-17", "COW-19", "COW-36"],
        NEEDS_RANGE,
        |cx| {
            let parent = create(cx, "ab")?;
            let copy = clone(cx, parent, 0, 3)?;
            cx.limit_memory(Some(5))?;
            for _ in 0..ROUNDS {
                cx.operate(copy, ZX_VMO_OP_COMMIT, 0, 3 * PAGE)?;
                put(cx, copy, 2, 'x')?;
                cx.operate(copy, ZX_VMO_OP_DECOMMIT, 0, 3 * PAGE)?;
            }
            shows(cx, copy, "ab.")
        },
    );

    suite.test("two_hundred_times_smaller_and_larger", &["COW-29", "COW-36"], NEEDS, |cx| {
        let parent = create(cx, "ab")?;
        let copy = clone(cx, parent, 0, 2)?;
        cx.limit_memory(Some(4))?;
        for _ in 0..ROUNDS {
            put(cx, copy, 0, 'x')?;
            put(cx, copy, 1, 'y')?;
            cx.resize(copy, 0)?;
            cx.resize(copy, 2 * PAGE)?;
        }
        shows(cx, copy, "ab")
    });

    suite.test("two_hundred_mapped_clones", &["VMAR-UNMAP-17", "COW-33"], NEEDS_MAPPING, |cx| {
        let parent = create(cx, "ab")?;
        cx.limit_memory(Some(4))?;
        for _ in 0..ROUNDS {
            let copy = clone(cx, parent, 0, 2)?;
            let at = map(cx, copy, 2)?;
            cx.close(copy)?;
            put_at(cx, at, 0, 'x')?;
            put_at(cx, at, 1, 'y')?;
            cx.vmar_unmap(Handle::Region, at, 2 * PAGE)?.ok()?;
        }
        shows(cx, parent, "ab")
    });
}
