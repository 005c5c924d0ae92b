//! Mappings of clones that were looked at before an ancestor changed.

use vmo_abi::Capability::{Clone, Mapping, Range};
use vmo_abi::{ZX_VMO_OP_COMMIT, ZX_VMO_OP_DECOMMIT};

use super::pages::{clone, create, map, put, put_at, shows, shows_at};
use crate::program::Handle;
use crate::suite::steps::PAGE;
use crate::suite::{Checked, Context, READ_ONLY, READ_WRITE, Suite, plus};

type Change = fn(&mut Context<'_>, Handle) -> Checked;

/// What is done to the parent `ab.d`, and what a clone of five pages shows then.
struct Row {
    name: &'static str,
    clauses: &'static [&'static str],
    needs: &'static [vmo_abi::Capability],
    change: Change,
    shown: &'static str,
}

/// What all rows need.
const NEEDS: &[vmo_abi::Capability] = &[Clone, Mapping];
/// What those need that commit or decommit.
const NEEDS_RANGE: &[vmo_abi::Capability] = &[Clone, Mapping, Range];

const ROWS: &[Row] = &[
    Row {
        name: "parent_writes",
        clauses: &["COW-32", "COW-02"],
        needs: NEEDS,
        change: |cx, parent| put(cx, parent, 1, 'x'),
        shown: "ax.d.",
    },
    Row {
        name: "parent_writes_a_new_page",
        clauses: &["COW-32", "COW-02"],
        needs: NEEDS,
        change: |cx, parent| put(cx, parent, 2, 'x'),
        shown: "abxd.",
    },
    Row {
        name: "parent_writes_all",
        clauses: &["COW-32", "COW-02"],
        needs: NEEDS,
        change: |cx, parent| cx.write(parent, 0, &[b'x'; 4 * PAGE as usize]),
        shown: "xxxx.",
    },
    Row {
        name: "parent_is_stored_to",
        clauses: &["COW-32", "COW-02"],
        needs: NEEDS,
        change: |cx, parent| {
            let at = map(cx, parent, 4)?;
            put_at(cx, at, 1, 'x')?;
            put_at(cx, at, 2, 'y')
        },
        shown: "axyd.",
    },
    Row {
        name: "parent_commits",
        clauses: &["COW-32", "VMO-OPRANGE-19"],
        needs: NEEDS_RANGE,
        change: |cx, parent| cx.operate(parent, ZX_VMO_OP_COMMIT, 0, 4 * PAGE),
        shown: "ab.d.",
    },
    Row {
        name: "parent_commits_and_writes",
        clauses: &["COW-32", "COW-02"],
        needs: NEEDS_RANGE,
        change: |cx, parent| {
            cx.operate(parent, ZX_VMO_OP_COMMIT, 0, 4 * PAGE)?;
            put(cx, parent, 2, 'x')
        },
        shown: "abxd.",
    },
    Row {
        name: "parent_decommits_a_page",
        clauses: &["COW-32", "COW-14"],
        needs: NEEDS_RANGE,
        change: |cx, parent| cx.operate(parent, ZX_VMO_OP_DECOMMIT, PAGE, PAGE),
        shown: "a..d.",
    },
    Row {
        name: "parent_decommits_all",
        clauses: &["COW-32", "COW-14"],
        needs: NEEDS_RANGE,
        change: |cx, parent| cx.operate(parent, ZX_VMO_OP_DECOMMIT, 0, 4 * PAGE),
        shown: ".....",
    },
    Row {
        name: "parent_decommits_and_writes",
        clauses: &["COW-32", "COW-14"],
        needs: NEEDS_RANGE,
        change: |cx, parent| {
            cx.operate(parent, ZX_VMO_OP_DECOMMIT, 0, 2 * PAGE)?;
            put(cx, parent, 1, 'x')
        },
        shown: ".x.d.",
    },
    Row {
        name: "parent_shrinks",
        clauses: &["COW-32", "COW-12"],
        needs: NEEDS,
        change: |cx, parent| cx.resize(parent, PAGE),
        shown: "a....",
    },
    Row {
        name: "parent_shrinks_to_nothing",
        clauses: &["COW-32", "COW-12"],
        needs: NEEDS,
        change: |cx, parent| cx.resize(parent, 0),
        shown: ".....",
    },
    Row {
        name: "parent_shrinks_and_grows",
        clauses: &["COW-32", "COW-13"],
        needs: NEEDS,
        change: |cx, parent| {
            cx.resize(parent, PAGE)?;
            cx.resize(parent, 4 * PAGE)?;
            put(cx, parent, 3, 'x')
        },
        shown: "a..x.",
    },
    Row {
        name: "parent_grows_and_writes",
        clauses: &["COW-32", "COW-11"],
        needs: NEEDS,
        change: |cx, parent| {
            cx.resize(parent, 5 * PAGE)?;
            put(cx, parent, 4, 'x')
        },
        shown: "ab.dx",
    },
    Row {
        name: "parent_is_closed",
        clauses: &["COW-32", "COW-15"],
        needs: NEEDS,
        change: |cx, parent| cx.close(parent),
        shown: "ab.d.",
    },
];

pub(super) fn add(suite: &mut Suite) {
    for row in ROWS {
        let Row { name, clauses, needs, change, shown } = row;
        for (kind, flags) in [("read_only", READ_ONLY), ("read_write", READ_WRITE)] {
            suite.test(
                format!("a_mapping_looked_at_before::{name}_{kind}"),
                clauses,
                needs,
                move |cx| {
                    let parent = create(cx, "ab.d")?;
                    let copy = clone(cx, parent, 0, 5)?;
                    let at = cx.map(copy, 0, 5 * PAGE, flags)?;
                    shows_at(cx, at, "ab.d.")?;
                    change(cx, parent)?;
                    shows_at(cx, at, shown)?;
                    shows(cx, copy, shown)
                },
            );
        }
        suite.test(
            format!("a_grandchilds_mapping_looked_at_before::{name}"),
            clauses,
            needs,
            move |cx| {
                let root = create(cx, "ab.d")?;
                let middle = clone(cx, root, 0, 5)?;
                let below = clone(cx, middle, 0, 5)?;
                let (mid, low) = (map(cx, middle, 5)?, map(cx, below, 5)?);
                shows_at(cx, mid, "ab.d.")?;
                shows_at(cx, low, "ab.d.")?;
                change(cx, root)?;
                shows_at(cx, mid, shown)?;
                shows_at(cx, low, shown)
            },
        );
        suite.test(
            format!("a_detached_page_in_a_mapping_looked_at_before::{name}"),
            clauses,
            needs,
            move |cx| {
                let parent = create(cx, "ab.d")?;
                let copy = clone(cx, parent, 0, 5)?;
                let at = map(cx, copy, 5)?;
                shows_at(cx, at, "ab.d.")?;
                put_at(cx, at, 1, 'Y')?;
                put_at(cx, at, 4, 'Z')?;
                change(cx, parent)?;
                let mut expected = (*shown).to_owned();
                expected.replace_range(1..2, "Y");
                expected.replace_range(4..5, "Z");
                shows_at(cx, at, &expected)
            },
        );
    }
    add_clones_own_changes(suite);
    add_middles(suite);
}

fn add_clones_own_changes(suite: &mut Suite) {
    suite.test("the_clone_decommits", &["COW-32", "COW-19"], NEEDS_RANGE, |cx| {
        let parent = create(cx, "ab")?;
        let copy = clone(cx, parent, 0, 2)?;
        let at = map(cx, copy, 2)?;
        put_at(cx, at, 0, 'X')?;
        put_at(cx, at, 1, 'Y')?;
        put(cx, parent, 0, 'c')?;
        shows_at(cx, at, "XY")?;
        cx.operate(copy, ZX_VMO_OP_DECOMMIT, 0, 2 * PAGE)?;
        shows_at(cx, at, "cb")?;
        put_at(cx, at, 1, 'Z')?;
        shows(cx, copy, "cZ")?;
        shows(cx, parent, "cb")
    });

    suite.test("the_clone_commits", &["COW-32", "COW-17", "COW-18"], NEEDS_RANGE, |cx| {
        let parent = create(cx, "a.")?;
        let copy = clone(cx, parent, 0, 2)?;
        let at = map(cx, copy, 2)?;
        shows_at(cx, at, "a.")?;
        cx.operate(copy, ZX_VMO_OP_COMMIT, 0, 2 * PAGE)?;
        shows_at(cx, at, "a.")?;
        put(cx, parent, 0, 'x')?;
        put(cx, parent, 1, 'y')?;
        shows_at(cx, at, "a.")
    });

    suite.test("the_clone_shrinks_and_grows", &["COW-29", "VMAR-MAP-42"], NEEDS, |cx| {
        let parent = create(cx, "abc")?;
        let copy = clone(cx, parent, 0, 3)?;
        let at = map(cx, copy, 3)?;
        put_at(cx, at, 0, 'X')?;
        put_at(cx, at, 1, 'Y')?;
        shows_at(cx, at, "XYc")?;
        cx.resize(copy, PAGE)?;
        shows_at(cx, at, "X")?;
        cx.expect_load_fault(plus(at, PAGE))?;
        cx.expect_store_fault(plus(at, 2 * PAGE))?;
        cx.resize(copy, 3 * PAGE)?;
        shows_at(cx, at, "Xbc")?;
        put_at(cx, at, 2, 'Z')?;
        shows(cx, parent, "abc")
    });

    suite.test("the_clone_grows_under_its_mapping", &["COW-30", "VMAR-MAP-43"], NEEDS, |cx| {
        let parent = create(cx, "abc")?;
        let copy = clone(cx, parent, 1, 1)?;
        let at = map(cx, copy, 4)?;
        cx.expect_load_fault(plus(at, PAGE))?;
        cx.resize(copy, 3 * PAGE)?;
        shows_at(cx, at, "bc.")?;
        cx.expect_load_fault(plus(at, 3 * PAGE))?;
        put_at(cx, at, 1, 'X')?;
        shows(cx, parent, "abc")
    });

    // What shrank away from the clone was never the parent's.
    suite.test("a_parents_mapping_survives_its_clone_shrinking", &["COW-05"], NEEDS, |cx| {
        let parent = create(cx, "ab")?;
        let copy = clone(cx, parent, 0, 2)?;
        let above = map(cx, parent, 2)?;
        shows_at(cx, above, "ab")?;
        cx.resize(copy, 0)?;
        shows_at(cx, above, "ab")?;
        cx.close(copy)?;
        shows_at(cx, above, "ab")
    });
}

fn add_middles(suite: &mut Suite) {
    for (name, needs, change, shown) in [
        ("writes", NEEDS, (|cx, middle| put(cx, middle, 0, 'x')) as Change, "xM.d"),
        ("writes_over_zeros", NEEDS, |cx, middle| put(cx, middle, 2, 'x'), "aMxd"),
        (
            "decommits",
            NEEDS_RANGE,
            |cx, middle| cx.operate(middle, ZX_VMO_OP_DECOMMIT, 0, 4 * PAGE),
            "ab.d",
        ),
        ("shrinks", NEEDS, |cx, middle| cx.resize(middle, PAGE), "a..."),
        (
            "shrinks_and_grows",
            NEEDS,
            |cx, middle| {
                cx.resize(middle, PAGE)?;
                cx.resize(middle, 4 * PAGE)
            },
            "ab.d",
        ),
        ("is_closed", NEEDS, |cx, middle| cx.close(middle), "aM.d"),
    ] {
        suite.test(
            format!("a_mapping_below_looked_at_before::middle_{name}"),
            &["COW-32", "COW-23", "COW-25"],
            needs,
            move |cx| {
                let root = create(cx, "ab.d")?;
                let middle = clone(cx, root, 0, 4)?;
                let below = clone(cx, middle, 0, 4)?;
                put(cx, middle, 1, 'M')?;
                let (low, high) = (map(cx, below, 4)?, map(cx, root, 4)?);
                shows_at(cx, low, "aM.d")?;
                shows_at(cx, high, "ab.d")?;
                change(cx, middle)?;
                shows_at(cx, low, shown)?;
                shows_at(cx, high, "ab.d")
            },
        );
    }
}
