//! Resizing members of a clone family.

use vmo_abi::Capability::Clone;
use vmo_abi::ZX_ERR_OUT_OF_RANGE;

use super::pages::{clone, create, put, shows};
use crate::suite::Suite;
use crate::suite::steps::PAGE;

pub(super) fn add(suite: &mut Suite) {
    add_parents(suite);
    add_growing_parents(suite);
    add_clones(suite);
    add_middles(suite);
}

fn add_parents(suite: &mut Suite) {
    // The clone of `abcd` has its second and its last page for itself.
    for (pages, shown) in [(0, ".X.Y"), (1, "aX.Y"), (2, "aX.Y"), (3, "aXcY"), (4, "aXcY")] {
        suite.test(
            format!("the_parent_shrinks_to::{pages}_pages"),
            &["COW-12", "COW-09"],
            &[Clone],
            move |cx| {
                let parent = create(cx, "abcd")?;
                let copy = clone(cx, parent, 0, 4)?;
                put(cx, copy, 1, 'X')?;
                put(cx, copy, 3, 'Y')?;
                cx.resize(parent, pages * PAGE)?;
                shows(cx, copy, shown)?;
                cx.expect_size(copy, 4 * PAGE)?;
                shows(cx, parent, &"abcd"[..pages as usize])
            },
        );
        suite.test(
            format!("old_data_does_not_come_back::{pages}_pages"),
            &["COW-13"],
            &[Clone],
            move |cx| {
                let parent = create(cx, "abcd")?;
                let copy = clone(cx, parent, 0, 4)?;
                put(cx, copy, 1, 'X')?;
                put(cx, copy, 3, 'Y')?;
                cx.resize(parent, pages * PAGE)?;
                cx.resize(parent, 4 * PAGE)?;
                shows(cx, copy, shown)?;
                put(cx, parent, 2, 'z')?;
                put(cx, parent, 3, 'z')?;
                cx.expect_fill(copy, 2 * PAGE, PAGE, b'z')?;
                cx.expect_fill(copy, 3 * PAGE, PAGE, b'Y')
            },
        );
    }

    suite.test("a_clone_with_an_offset_loses_the_right_pages", &["COW-12"], &[Clone], |cx| {
        let parent = create(cx, "abcdef")?;
        let copy = clone(cx, parent, 2, 4)?;
        put(cx, copy, 2, 'X')?;
        cx.resize(parent, 4 * PAGE)?;
        shows(cx, copy, "cdX.")?;
        cx.resize(parent, 3 * PAGE)?;
        shows(cx, copy, "c.X.")?;
        cx.resize(parent, 2 * PAGE)?;
        shows(cx, copy, "..X.")
    });

    suite.test("the_parents_last_kept_page_stays_whole", &["COW-12"], &[Clone], |cx| {
        let parent = create(cx, "abc")?;
        let copy = clone(cx, parent, 0, 3)?;
        cx.resize(parent, PAGE + 1)?;
        shows(cx, copy, "ab.")
    });

    suite.test("every_clone_sees_the_parent_shrink", &["COW-12"], &[Clone], |cx| {
        let parent = create(cx, "abc")?;
        let first = clone(cx, parent, 0, 3)?;
        let second = clone(cx, parent, 1, 2)?;
        let below = clone(cx, first, 1, 2)?;
        put(cx, second, 1, 'X')?;
        cx.resize(parent, PAGE)?;
        for (vmo, shown) in [(first, "a.."), (second, ".X"), (below, "..")] {
            shows(cx, vmo, shown)?;
        }
        Ok(())
    });

    suite.test("resizing_the_parent_leaves_the_clones_size", &["VMO-SETSIZE-18"], &[Clone], |cx| {
        let parent = create(cx, "abc")?;
        let copy = clone(cx, parent, 1, 2)?;
        for pages in [0, 8, 1, 1 << 20] {
            cx.resize(parent, pages * PAGE)?;
            cx.expect_size(copy, 2 * PAGE)?;
            cx.vmo_read(copy, 2 * PAGE, 1)?.is(ZX_ERR_OUT_OF_RANGE)?;
            cx.read(copy, 0, 2 * PAGE)?;
        }
        Ok(())
    });
}

fn add_growing_parents(suite: &mut Suite) {
    suite.test("beyond_the_parents_end_are_zeros", &["COW-09"], &[Clone], |cx| {
        let parent = create(cx, "ab")?;
        let copy = clone(cx, parent, 1, 4)?;
        shows(cx, copy, "b...")
    });

    for (name, offset, len) in
        [("first_byte", 0, 1), ("middle", 1000, 10), ("last_byte", PAGE - 1, 1), ("whole", 0, PAGE)]
    {
        suite.test(
            format!("a_write_beyond_the_parents_end::{name}"),
            &["COW-10", "COW-05"],
            &[Clone],
            move |cx| {
                let parent = create(cx, "ab")?;
                let copy = clone(cx, parent, 1, 4)?;
                cx.write(copy, 2 * PAGE + offset, &vec![b'x'; len as usize])?;
                cx.expect_fill(copy, 2 * PAGE, offset, 0)?;
                cx.expect_fill(copy, 2 * PAGE + offset, len, b'x')?;
                cx.expect_fill(copy, 2 * PAGE + offset + len, PAGE - offset - len, 0)?;
                cx.expect_fill(copy, PAGE, PAGE, 0)?;
                cx.expect_fill(copy, 3 * PAGE, PAGE, 0)?;
                shows(cx, parent, "ab")?;
                cx.expect_size(parent, 2 * PAGE)
            },
        );
    }

    suite.test("a_write_over_the_parents_end", &["COW-03", "COW-10"], &[Clone], |cx| {
        let parent = create(cx, "ab")?;
        let copy = clone(cx, parent, 1, 2)?;
        cx.write(copy, PAGE - 1, b"xy")?;
        cx.expect_fill(copy, 0, PAGE - 1, b'b')?;
        cx.expect_bytes(copy, PAGE - 1, b"xy")?;
        cx.expect_fill(copy, PAGE + 1, PAGE - 1, 0)?;
        shows(cx, parent, "ab")
    });

    suite.test("where_the_parent_grows_it_shows", &["COW-11"], &[Clone], |cx| {
        let parent = create(cx, "ab")?;
        let copy = clone(cx, parent, 1, 4)?;
        cx.resize(parent, 4 * PAGE)?;
        shows(cx, copy, "b...")?;
        put(cx, parent, 3, 'd')?;
        shows(cx, copy, "b.d.")?;
        put(cx, parent, 2, 'c')?;
        shows(cx, copy, "bcd.")
    });

    suite.test("an_empty_parent_grows", &["COW-11"], &[Clone], |cx| {
        let parent = cx.create(0)?;
        let copy = clone(cx, parent, 0, 2)?;
        shows(cx, copy, "..")?;
        cx.resize(parent, 2 * PAGE)?;
        put(cx, parent, 1, 'b')?;
        shows(cx, copy, ".b")
    });

    suite.test("a_page_written_early_stays_the_clones", &["COW-04", "COW-10"], &[Clone], |cx| {
        let parent = create(cx, "a")?;
        let copy = clone(cx, parent, 0, 3)?;
        cx.write(copy, PAGE, b"x")?;
        cx.resize(parent, 3 * PAGE)?;
        put(cx, parent, 1, 'y')?;
        put(cx, parent, 2, 'z')?;
        cx.expect_fill(copy, PAGE, 1, b'x')?;
        cx.expect_fill(copy, PAGE + 1, PAGE - 1, 0)?;
        cx.expect_fill(copy, 2 * PAGE, PAGE, b'z')
    });
}

fn add_clones(suite: &mut Suite) {
    suite.test("a_clone_shrinks_and_grows", &["COW-29"], &[Clone], |cx| {
        let parent = create(cx, "abcd")?;
        let copy = clone(cx, parent, 0, 4)?;
        for page in [0, 1, 3] {
            put(cx, copy, page, 'X')?;
        }
        cx.resize(copy, PAGE)?;
        cx.expect_size(copy, PAGE)?;
        shows(cx, copy, "X")?;
        cx.vmo_read(copy, PAGE, 1)?.is(ZX_ERR_OUT_OF_RANGE)?;
        put(cx, parent, 1, 'y')?;
        cx.resize(copy, 4 * PAGE)?;
        shows(cx, copy, "Xycd")?;
        put(cx, parent, 3, 'z')?;
        shows(cx, copy, "Xycz")
    });

    suite.test("a_clone_shrinks_to_nothing_and_grows", &["COW-29"], &[Clone], |cx| {
        let parent = create(cx, "ab")?;
        let copy = clone(cx, parent, 0, 2)?;
        put(cx, copy, 0, 'X')?;
        put(cx, copy, 1, 'Y')?;
        cx.resize(copy, 0)?;
        cx.vmo_read(copy, 0, 1)?.is(ZX_ERR_OUT_OF_RANGE)?;
        cx.resize(copy, 2 * PAGE)?;
        shows(cx, copy, "ab")?;
        put(cx, copy, 1, 'Z')?;
        shows(cx, parent, "ab")
    });

    suite.test("a_clones_last_kept_page_stays_whole", &["COW-29"], &[Clone], |cx| {
        let parent = create(cx, "abc")?;
        let copy = clone(cx, parent, 0, 3)?;
        put(cx, copy, 1, 'X')?;
        put(cx, copy, 2, 'Y')?;
        cx.resize(copy, PAGE + 1)?;
        shows(cx, copy, "aX")?;
        cx.resize(copy, 2 * PAGE + 1)?;
        shows(cx, copy, "aXc")
    });

    suite.test("a_clone_grows_beyond_what_it_was_made_with", &["COW-30"], &[Clone], |cx| {
        let parent = create(cx, "abcd")?;
        let copy = clone(cx, parent, 1, 1)?;
        cx.resize(copy, 5 * PAGE)?;
        shows(cx, copy, "bcd..")?;
        put(cx, parent, 3, 'z')?;
        shows(cx, copy, "bcz..")?;
        put(cx, copy, 1, 'X')?;
        put(cx, copy, 4, 'Y')?;
        shows(cx, copy, "bXz.Y")?;
        shows(cx, parent, "abcz")
    });

    suite.test(
        "a_clone_may_be_larger_than_its_parent",
        &["VMO-SETSIZE-01", "COW-09"],
        &[Clone],
        |cx| {
            let parent = create(cx, "ab")?;
            let copy = clone(cx, parent, 0, 4)?;
            cx.resize(copy, 6 * PAGE + 1)?;
            cx.expect_size(copy, 7 * PAGE)?;
            shows(cx, copy, "ab.....")?;
            put(cx, copy, 6, 'X')?;
            shows(cx, copy, "ab....X")?;
            cx.expect_size(parent, 2 * PAGE)
        },
    );

    suite.test("an_empty_clone_grows", &["COW-30", "VMO-CLONE-14"], &[Clone], |cx| {
        let parent = create(cx, "abc")?;
        let copy = clone(cx, parent, 1, 0)?;
        cx.resize(copy, 1)?;
        shows(cx, copy, "b")?;
        cx.resize(copy, 2 * PAGE)?;
        shows(cx, copy, "bc")
    });

    suite.test("an_empty_clone_of_nothing_grows", &["COW-30", "COW-11"], &[Clone], |cx| {
        let parent = cx.create(0)?;
        let copy = clone(cx, parent, 0, 0)?;
        cx.resize(copy, PAGE)?;
        shows(cx, copy, ".")?;
        cx.resize(parent, PAGE)?;
        put(cx, parent, 0, 'a')?;
        shows(cx, copy, "a")
    });

    suite.test("resizing_a_clone_leaves_the_rest", &["VMO-SETSIZE-18"], &[Clone], |cx| {
        let parent = create(cx, "abc")?;
        let (copy, sibling) = (clone(cx, parent, 0, 3)?, clone(cx, parent, 0, 3)?);
        put(cx, sibling, 2, 'S')?;
        for pages in [1, 0, 6] {
            cx.resize(copy, pages * PAGE)?;
            for (vmo, shown) in [(parent, "abc"), (sibling, "abS")] {
                cx.expect_size(vmo, 3 * PAGE)?;
                shows(cx, vmo, shown)?;
            }
        }
        Ok(())
    });

    suite.test("a_refused_size_leaves_a_clone_alone", &["VMO-SETSIZE-08"], &[Clone], |cx| {
        let parent = create(cx, "ab")?;
        let copy = clone(cx, parent, 0, 2)?;
        put(cx, copy, 0, 'X')?;
        cx.vmo_set_size(copy, u64::MAX)?.is(ZX_ERR_OUT_OF_RANGE)?;
        cx.expect_size(copy, 2 * PAGE)?;
        shows(cx, copy, "Xb")
    });
}

fn add_middles(suite: &mut Suite) {
    suite.test("a_parent_that_is_a_clone_ends_where_it_ends", &["COW-09"], &[Clone], |cx| {
        let root = create(cx, "abcd")?;
        let parent = clone(cx, root, 1, 1)?;
        let copy = clone(cx, parent, 0, 3)?;
        shows(cx, copy, "b..")
    });

    suite.test("a_parent_that_is_a_clone_shrinks", &["COW-09", "COW-12"], &[Clone], |cx| {
        let root = create(cx, "abcd")?;
        let parent = clone(cx, root, 0, 4)?;
        let copy = clone(cx, parent, 0, 4)?;
        put(cx, copy, 3, 'X')?;
        cx.resize(parent, 2 * PAGE)?;
        shows(cx, copy, "ab.X")
    });

    suite.test("a_middle_clone_shrinks", &["COW-25", "COW-12"], &[Clone], |cx| {
        let root = create(cx, "abcd")?;
        let middle = clone(cx, root, 0, 4)?;
        let below = clone(cx, middle, 0, 4)?;
        put(cx, below, 3, 'X')?;
        cx.resize(middle, 2 * PAGE)?;
        shows(cx, below, "ab.X")?;
        shows(cx, root, "abcd")
    });

    suite.test("a_middle_clone_is_smaller_from_the_start", &["COW-25"], &[Clone], |cx| {
        let root = create(cx, "abcd")?;
        let middle = clone(cx, root, 1, 2)?;
        let below = clone(cx, middle, 1, 3)?;
        shows(cx, below, "c..")
    });

    suite.test("a_middle_clone_is_empty", &["COW-25", "VMO-CLONE-14"], &[Clone], |cx| {
        let root = create(cx, "ab")?;
        let middle = clone(cx, root, 0, 0)?;
        let below = clone(cx, middle, 0, 2)?;
        shows(cx, below, "..")?;
        put(cx, root, 0, 'x')?;
        shows(cx, below, "..")?;
        cx.resize(middle, 2 * PAGE)?;
        shows(cx, below, "xb")
    });

    suite.test("a_middle_clone_shrinks_and_grows", &["COW-25", "COW-29"], &[Clone], |cx| {
        let root = create(cx, "abc")?;
        let middle = clone(cx, root, 0, 3)?;
        let below = clone(cx, middle, 0, 3)?;
        put(cx, middle, 1, 'M')?;
        put(cx, middle, 2, 'N')?;
        shows(cx, below, "aMN")?;
        cx.resize(middle, PAGE)?;
        shows(cx, below, "a..")?;
        put(cx, root, 2, 'z')?;
        cx.resize(middle, 3 * PAGE)?;
        shows(cx, middle, "abz")?;
        shows(cx, below, "abz")
    });

    suite.test("a_write_where_the_middle_clone_ends", &["COW-25", "COW-28"], &[Clone], |cx| {
        let root = create(cx, "ab")?;
        let middle = clone(cx, root, 0, 2)?;
        let below = clone(cx, middle, 0, 2)?;
        cx.resize(middle, PAGE)?;
        cx.write(below, PAGE, b"x")?;
        cx.expect_fill(below, PAGE, 1, b'x')?;
        cx.expect_fill(below, PAGE + 1, PAGE - 1, 0)?;
        cx.resize(middle, 2 * PAGE)?;
        put(cx, root, 1, 'z')?;
        shows(cx, middle, "az")?;
        cx.expect_fill(below, PAGE + 1, PAGE - 1, 0)
    });

    suite.test("the_root_shrinks_under_a_middle_clone", &["COW-12", "COW-25"], &[Clone], |cx| {
        let root = create(cx, "abc")?;
        let middle = clone(cx, root, 0, 3)?;
        let below = clone(cx, middle, 0, 3)?;
        put(cx, middle, 1, 'M')?;
        cx.resize(root, 0)?;
        shows(cx, middle, ".M.")?;
        shows(cx, below, ".M.")?;
        cx.resize(root, 3 * PAGE)?;
        put(cx, root, 2, 'z')?;
        shows(cx, below, ".Mz")
    });
}
