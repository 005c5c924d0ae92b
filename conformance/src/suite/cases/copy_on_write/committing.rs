//! Committing and decommitting pages of members of a clone family.

use vmo_abi::Capability::{Clone, Info, ProcessVmos, Range};
use vmo_abi::{
    ZX_ERR_OUT_OF_RANGE, ZX_VMO_OP_CACHE_CLEAN, ZX_VMO_OP_CACHE_CLEAN_INVALIDATE,
    ZX_VMO_OP_CACHE_SYNC, ZX_VMO_OP_COMMIT, ZX_VMO_OP_DECOMMIT,
};

use super::pages::{clone, create, put, shows};
use crate::suite::Suite;
use crate::suite::steps::PAGE;

pub(super) fn add(suite: &mut Suite) {
    add_commit(suite);
    add_decommit(suite);
    add_parents(suite);
    add_counts(suite);
}

/// Ranges of a clone of four pages, and the pages that they reach.
const RANGES: &[(&str, u64, u64, std::ops::Range<u64>)] = &[
    ("first_page", 0, PAGE, 0..1),
    ("second_page", PAGE, PAGE, 1..2),
    ("last_page", 3 * PAGE, PAGE, 3..4),
    ("inner_pages", PAGE, 2 * PAGE, 1..3),
    ("all", 0, 4 * PAGE, 0..4),
    ("a_byte", 2 * PAGE + 7, 1, 2..3),
    ("last_byte", 4 * PAGE - 1, 1, 3..4),
    ("over_a_border", 2 * PAGE - 1, 2, 1..3),
    ("up_to_a_border", PAGE + 1, PAGE - 1, 1..2),
    ("nothing", PAGE, 0, 0..0),
    ("nothing_inside_a_page", PAGE + 1, 0, 0..0),
    ("nothing_at_the_end", 4 * PAGE, 0, 0..0),
];

/// The letters of the pages of a range, and those of `others` elsewhere.
fn mixed(range: &std::ops::Range<u64>, inside: &str, others: &str) -> String {
    let pairs = (0..).zip(inside.chars().zip(others.chars()));
    pairs
        .map(|(page, (inside, other))| if range.contains(&page) { inside } else { other })
        .collect()
}

fn add_commit(suite: &mut Suite) {
    for (name, offset, size, range) in RANGES.iter().cloned() {
        suite.test(
            format!("commit_detaches::{name}"),
            &["COW-17", "COW-18", "VMO-OPRANGE-14"],
            &[Clone, Range],
            move |cx| {
                let parent = create(cx, "wab.d")?;
                let copy = clone(cx, parent, 1, 4)?;
                cx.operate(copy, ZX_VMO_OP_COMMIT, offset, size)?;
                shows(cx, copy, "ab.d")?;
                for page in 0..5 {
                    put(cx, parent, page, 'z')?;
                }
                shows(cx, copy, &mixed(&range, "ab.d", "zzzz"))
            },
        );
    }

    suite.test("commit_takes_the_parents_present_bytes", &["COW-17"], &[Clone, Range], |cx| {
        let parent = create(cx, "ab")?;
        let copy = clone(cx, parent, 0, 3)?;
        put(cx, parent, 0, 'x')?;
        cx.operate(copy, ZX_VMO_OP_COMMIT, 0, 3 * PAGE)?;
        shows(cx, copy, "xb.")?;
        shows(cx, parent, "xb")
    });

    suite.test("commit_keeps_the_clones_own_pages", &["COW-17"], &[Clone, Range], |cx| {
        let parent = create(cx, "abcd")?;
        let copy = clone(cx, parent, 0, 4)?;
        put(cx, copy, 1, 'X')?;
        put(cx, copy, 3, 'Y')?;
        cx.operate(copy, ZX_VMO_OP_COMMIT, 0, 4 * PAGE)?;
        shows(cx, copy, "aXcY")
    });

    suite.test("a_committed_clone_can_be_written", &["COW-05", "COW-17"], &[Clone, Range], |cx| {
        let parent = create(cx, "ab")?;
        let copy = clone(cx, parent, 0, 2)?;
        cx.operate(copy, ZX_VMO_OP_COMMIT, 0, 2 * PAGE)?;
        cx.write(copy, PAGE, b"x")?;
        cx.expect_bytes(copy, PAGE - 1, b"axb")?;
        shows(cx, parent, "ab")
    });

    suite.test("commit_beyond_the_parents_end", &["COW-17", "COW-18"], &[Clone, Range], |cx| {
        let parent = create(cx, "a")?;
        let copy = clone(cx, parent, 0, 3)?;
        cx.operate(copy, ZX_VMO_OP_COMMIT, PAGE, PAGE)?;
        cx.resize(parent, 3 * PAGE)?;
        put(cx, parent, 1, 'y')?;
        put(cx, parent, 2, 'z')?;
        shows(cx, copy, "a.z")
    });

    suite.test("a_refused_range_detaches_nothing", &["COW-02"], &[Clone, Range], |cx| {
        let parent = create(cx, "ab")?;
        let copy = clone(cx, parent, 0, 2)?;
        for (offset, size) in [(2 * PAGE + 1, 0), (3 * PAGE, PAGE), (u64::MAX, 1), (1, u64::MAX)] {
            cx.vmo_op_range(copy, ZX_VMO_OP_COMMIT, offset, size)?.is(ZX_ERR_OUT_OF_RANGE)?;
        }
        put(cx, parent, 0, 'x')?;
        put(cx, parent, 1, 'y')?;
        shows(cx, copy, "xy")
    });

    for (name, op) in [
        ("sync", ZX_VMO_OP_CACHE_SYNC),
        ("clean", ZX_VMO_OP_CACHE_CLEAN),
        ("clean_invalidate", ZX_VMO_OP_CACHE_CLEAN_INVALIDATE),
    ] {
        suite.test(
            format!("cache_operations_detach_nothing::{name}"),
            &["VMO-OPRANGE-47"],
            &[Clone, Range],
            move |cx| {
                let parent = create(cx, "ab.")?;
                let copy = clone(cx, parent, 0, 3)?;
                put(cx, copy, 1, 'X')?;
                cx.operate(copy, op, 0, 3 * PAGE)?;
                shows(cx, copy, "aX.")?;
                put(cx, parent, 0, 'y')?;
                put(cx, parent, 2, 'z')?;
                shows(cx, copy, "yXz")
            },
        );
    }
}

fn add_decommit(suite: &mut Suite) {
    for (name, offset, size, range) in RANGES.iter().cloned() {
        // Parts of pages, and none at all, are the kernel's business.
        let is_whole = size > 0 && offset % PAGE == 0 && size % PAGE == 0;
        let clauses: &[&str] = if is_whole { &["COW-19"] } else { &["COW-19", "VMO-OPRANGE-30"] };
        suite.test(
            format!("decommit_shows_the_parent_again::{name}"),
            clauses,
            &[Clone, Range],
            move |cx| {
                let parent = create(cx, "wabcd")?;
                let copy = clone(cx, parent, 1, 4)?;
                for (page, letter) in (0..).zip("ABCD".chars()) {
                    put(cx, copy, page, letter)?;
                }
                put(cx, parent, 2, 'x')?;
                cx.operate(copy, ZX_VMO_OP_DECOMMIT, offset, size)?;
                shows(cx, copy, &mixed(&range, "axcd", "ABCD"))?;
                shows(cx, parent, "waxcd")
            },
        );
    }

    suite.test("a_decommitted_page_follows_again", &["COW-19"], &[Clone, Range], |cx| {
        let parent = create(cx, "ab")?;
        let copy = clone(cx, parent, 0, 2)?;
        put(cx, copy, 0, 'X')?;
        cx.operate(copy, ZX_VMO_OP_DECOMMIT, 0, PAGE)?;
        put(cx, parent, 0, 'y')?;
        shows(cx, copy, "yb")
    });

    suite.test(
        "a_decommitted_page_is_copied_again",
        &["COW-20", "COW-03"],
        &[Clone, Range],
        |cx| {
            let parent = create(cx, "ab")?;
            let copy = clone(cx, parent, 0, 2)?;
            put(cx, copy, 0, 'X')?;
            cx.operate(copy, ZX_VMO_OP_DECOMMIT, 0, PAGE)?;
            put(cx, parent, 0, 'y')?;
            cx.write(copy, 1, b"Z")?;
            put(cx, parent, 0, 'w')?;
            cx.expect_bytes(copy, 0, b"yZyy")?;
            cx.expect_fill(copy, 2, PAGE - 2, b'y')?;
            shows(cx, parent, "wb")
        },
    );

    suite.test(
        "detaching_and_decommitting_in_turn",
        &["COW-19", "COW-20"],
        &[Clone, Range],
        |cx| {
            let parent = create(cx, "a")?;
            let copy = clone(cx, parent, 0, 1)?;
            for letter in 'b'..='m' {
                put(cx, copy, 0, letter.to_ascii_uppercase())?;
                put(cx, parent, 0, letter)?;
                cx.expect_fill(copy, 0, PAGE, letter.to_ascii_uppercase() as u8)?;
                cx.operate(copy, ZX_VMO_OP_DECOMMIT, 0, PAGE)?;
                cx.expect_fill(copy, 0, PAGE, letter as u8)?;
            }
            Ok(())
        },
    );

    suite.test("decommit_of_what_was_never_detached", &["COW-22"], &[Clone, Range], |cx| {
        let parent = create(cx, "ab.")?;
        let copy = clone(cx, parent, 0, 4)?;
        cx.operate(copy, ZX_VMO_OP_DECOMMIT, 0, 4 * PAGE)?;
        cx.operate(copy, ZX_VMO_OP_DECOMMIT, 0, 4 * PAGE)?;
        shows(cx, copy, "ab..")?;
        shows(cx, parent, "ab.")?;
        put(cx, parent, 2, 'x')?;
        shows(cx, copy, "abx.")
    });

    suite.test("decommit_beyond_the_parents_end", &["COW-09", "COW-19"], &[Clone, Range], |cx| {
        let parent = create(cx, "a")?;
        let copy = clone(cx, parent, 0, 2)?;
        put(cx, copy, 1, 'X')?;
        cx.operate(copy, ZX_VMO_OP_DECOMMIT, PAGE, PAGE)?;
        shows(cx, copy, "a.")
    });

    suite.test("decommit_leaves_the_sibling", &["COW-21", "COW-19"], &[Clone, Range], |cx| {
        let parent = create(cx, "ab")?;
        let (copy, sibling) = (clone(cx, parent, 0, 2)?, clone(cx, parent, 0, 2)?);
        put(cx, copy, 0, 'X')?;
        put(cx, sibling, 0, 'Y')?;
        cx.operate(copy, ZX_VMO_OP_DECOMMIT, 0, 2 * PAGE)?;
        shows(cx, copy, "ab")?;
        shows(cx, sibling, "Yb")?;
        shows(cx, parent, "ab")
    });
}

fn add_parents(suite: &mut Suite) {
    suite.test("the_parent_decommits_all", &["COW-14"], &[Clone, Range], |cx| {
        let parent = create(cx, "abcd")?;
        let copy = clone(cx, parent, 0, 4)?;
        put(cx, copy, 2, 'X')?;
        cx.operate(parent, ZX_VMO_OP_DECOMMIT, 0, 4 * PAGE)?;
        shows(cx, copy, "..X.")?;
        put(cx, parent, 1, 'z')?;
        shows(cx, copy, ".zX.")
    });

    suite.test(
        "the_parent_decommits_what_a_clone_detached",
        &["VMO-OPRANGE-26", "COW-04"],
        &[Clone, Range],
        |cx| {
            let parent = create(cx, "abc")?;
            let copy = clone(cx, parent, 0, 3)?;
            put(cx, copy, 1, 'X')?;
            cx.write(copy, 2 * PAGE, b"Y")?;
            cx.operate(parent, ZX_VMO_OP_DECOMMIT, PAGE, 2 * PAGE)?;
            shows(cx, copy, "aX")?;
            cx.expect_bytes(copy, 2 * PAGE, b"Ycc")
        },
    );

    suite.test("the_parent_decommits_a_page", &["COW-14"], &[Clone, Range], |cx| {
        let parent = create(cx, "abcd")?;
        let copy = clone(cx, parent, 1, 3)?;
        cx.operate(parent, ZX_VMO_OP_DECOMMIT, 2 * PAGE, PAGE)?;
        shows(cx, copy, "b.d")?;
        cx.write(copy, PAGE + 4, b"x")?;
        cx.expect_fill(copy, PAGE, 4, 0)?;
        cx.expect_fill(copy, PAGE + 5, PAGE - 5, 0)
    });

    suite.test(
        "the_parent_commits_what_a_clone_shows_as_zeros",
        &["COW-02"],
        &[Clone, Range],
        |cx| {
            let parent = create(cx, "a.")?;
            let copy = clone(cx, parent, 0, 2)?;
            cx.operate(parent, ZX_VMO_OP_COMMIT, 0, 2 * PAGE)?;
            shows(cx, copy, "a.")?;
            put(cx, parent, 1, 'b')?;
            shows(cx, copy, "ab")
        },
    );

    suite.test("the_parent_commits_what_a_clone_detached", &["COW-04"], &[Clone, Range], |cx| {
        let parent = create(cx, "..")?;
        let copy = clone(cx, parent, 0, 2)?;
        put(cx, copy, 1, 'X')?;
        cx.operate(parent, ZX_VMO_OP_COMMIT, 0, 2 * PAGE)?;
        shows(cx, copy, ".X")?;
        shows(cx, parent, "..")
    });
}

fn add_counts(suite: &mut Suite) {
    const NEEDS: &[vmo_abi::Capability] = &[Clone, Info, ProcessVmos];
    const NEEDS_RANGE: &[vmo_abi::Capability] = &[Clone, Info, ProcessVmos, Range];

    suite.test("a_clone_counts_its_own_pages_only", &["COW-36"], NEEDS, |cx| {
        let parent = create(cx, "abc.")?;
        let copy = clone(cx, parent, 0, 4)?;
        cx.write(copy, PAGE - 1, b"xx")?;
        cx.expect_committed(copy, 2 * PAGE)?;
        cx.expect_committed(parent, 3 * PAGE)?;
        cx.write(copy, 0, b"y")?;
        cx.expect_committed(copy, 2 * PAGE)?;
        cx.write(copy, 3 * PAGE, b"y")?;
        cx.expect_committed(copy, 3 * PAGE)?;
        cx.expect_committed(parent, 3 * PAGE)
    });

    suite.test("reading_a_clone_commits_nothing", &["COW-36", "COW-08"], NEEDS, |cx| {
        let parent = create(cx, "a.")?;
        let copy = clone(cx, parent, 0, 3)?;
        shows(cx, copy, "a..")?;
        cx.expect_committed(copy, 0)?;
        cx.expect_committed(parent, PAGE)
    });

    suite.test("writing_the_parent_commits_nothing_in_a_clone", &["COW-36"], NEEDS, |cx| {
        let parent = create(cx, "a.")?;
        let copy = clone(cx, parent, 0, 2)?;
        put(cx, parent, 1, 'b')?;
        cx.expect_committed(copy, 0)?;
        cx.expect_committed(parent, 2 * PAGE)
    });

    suite.test("a_clone_commits_and_decommits", &["COW-36", "COW-21"], NEEDS_RANGE, |cx| {
        let parent = create(cx, "a..")?;
        let copy = clone(cx, parent, 0, 4)?;
        cx.operate(copy, ZX_VMO_OP_COMMIT, 0, 4 * PAGE)?;
        cx.expect_committed(copy, 4 * PAGE)?;
        cx.expect_committed(parent, PAGE)?;
        cx.operate(copy, ZX_VMO_OP_DECOMMIT, PAGE, 2 * PAGE)?;
        cx.expect_committed(copy, 2 * PAGE)?;
        cx.operate(copy, ZX_VMO_OP_DECOMMIT, 0, 4 * PAGE)?;
        cx.expect_committed(copy, 0)?;
        cx.expect_committed(parent, PAGE)
    });

    suite.test("a_parent_decommits_only_its_own_pages", &["COW-36"], NEEDS_RANGE, |cx| {
        let parent = create(cx, "abc")?;
        let copy = clone(cx, parent, 0, 3)?;
        put(cx, copy, 1, 'X')?;
        cx.operate(parent, ZX_VMO_OP_DECOMMIT, 0, 3 * PAGE)?;
        cx.expect_committed(parent, 0)?;
        cx.expect_committed(copy, PAGE)
    });

    suite.test("a_clone_gives_pages_up_when_it_shrinks", &["COW-36", "COW-29"], NEEDS, |cx| {
        let parent = create(cx, "abc")?;
        let copy = clone(cx, parent, 0, 3)?;
        for page in 0..3 {
            put(cx, copy, page, 'X')?;
        }
        cx.resize(copy, PAGE)?;
        cx.expect_committed(copy, PAGE)?;
        cx.resize(copy, 3 * PAGE)?;
        cx.expect_committed(copy, PAGE)?;
        cx.expect_committed(parent, 3 * PAGE)
    });

    suite.test("a_grandchild_copies_into_the_middle_clone", &["COW-36", "COW-27"], NEEDS, |cx| {
        let root = create(cx, "ab.")?;
        let middle = clone(cx, root, 0, 3)?;
        let below = clone(cx, middle, 0, 3)?;
        put(cx, below, 1, 'X')?;
        cx.expect_committed(below, PAGE)?;
        cx.expect_committed(middle, PAGE)?;
        // Nobody above has the third page.
        put(cx, below, 2, 'Y')?;
        cx.expect_committed(below, 2 * PAGE)?;
        cx.expect_committed(middle, PAGE)?;
        cx.expect_committed(root, 2 * PAGE)
    });
}
