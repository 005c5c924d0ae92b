//! Clones of clones.

use vmo_abi::Capability::{Clone, Mapping, Range};
use vmo_abi::{ZX_VMO_OP_COMMIT, ZX_VMO_OP_DECOMMIT};

use super::pages::{clone, create, map, put, put_at, shows};
use crate::program::Handle;
use crate::suite::steps::PAGE;
use crate::suite::{Checked, Context, Suite};

pub(super) fn add(suite: &mut Suite) {
    add_looking_up(suite);
    add_isolation(suite);
    add_copies_on_the_way(suite);
    add_far_offsets(suite);
}

/// Clones a clone so many times, each from the same page on.
fn chain(cx: &mut Context<'_>, root: Handle, first: u64, pages: &[u64]) -> Checked<Vec<Handle>> {
    let mut members = vec![root];
    let mut last = root;
    for &pages in pages {
        last = clone(cx, last, first, pages)?;
        members.push(last);
    }
    Ok(members)
}

fn add_looking_up(suite: &mut Suite) {
    suite.test("the_nearest_that_has_the_page", &["COW-23"], &[Clone], |cx| {
        let root = create(cx, "abcde")?;
        let members = chain(cx, root, 0, &[5, 5, 5])?;
        put(cx, members[1], 1, 'B')?;
        put(cx, members[1], 2, 'B')?;
        put(cx, members[2], 2, 'C')?;
        put(cx, members[2], 3, 'C')?;
        put(cx, members[3], 4, 'D')?;
        for (member, shown) in members.into_iter().zip(["abcde", "aBBde", "aBCCe", "aBCCD"]) {
            shows(cx, member, shown)?;
        }
        Ok(())
    });

    suite.test("offsets_add_up", &["COW-24"], &[Clone], |cx| {
        let root = create(cx, "abcdefgh")?;
        let members = chain(cx, root, 1, &[7, 6, 5, 4, 3])?;
        for (member, first) in members.into_iter().zip(0..) {
            shows(cx, member, &"abcdefgh"[first..])?;
        }
        Ok(())
    });

    suite.test("different_offsets_add_up", &["COW-24", "COW-23"], &[Clone], |cx| {
        let root = create(cx, "abcdefghij")?;
        let middle = clone(cx, root, 3, 6)?;
        let below = clone(cx, middle, 0, 6)?;
        let lowest = clone(cx, below, 2, 3)?;
        shows(cx, lowest, "fgh")?;
        put(cx, middle, 3, 'M')?;
        put(cx, below, 4, 'B')?;
        put(cx, root, 5, 'R')?;
        shows(cx, lowest, "RMB")
    });

    suite.test("a_grandchild_starts_like_its_parent", &["COW-01"], &[Clone], |cx| {
        let root = create(cx, "abcd")?;
        let middle = clone(cx, root, 1, 4)?;
        let below = clone(cx, middle, 1, 4)?;
        shows(cx, middle, "bcd.")?;
        shows(cx, below, "cd..")
    });

    suite.test("a_write_to_the_middle_shows_below", &["COW-02", "COW-05"], &[Clone], |cx| {
        let root = create(cx, "abc")?;
        let middle = clone(cx, root, 0, 3)?;
        let below = clone(cx, middle, 1, 2)?;
        cx.write(middle, 2 * PAGE - 1, b"xy")?;
        cx.expect_fill(below, 0, PAGE - 1, b'b')?;
        cx.expect_bytes(below, PAGE - 1, b"xyc")?;
        shows(cx, root, "abc")
    });

    suite.test("a_write_to_the_root_shows_below", &["COW-02"], &[Clone], |cx| {
        let root = create(cx, "abc")?;
        let members = chain(cx, root, 0, &[3, 3, 3])?;
        put(cx, root, 1, 'x')?;
        members.into_iter().try_for_each(|member| shows(cx, member, "axc"))
    });

    suite.test("the_root_is_hidden_by_the_middle", &["COW-04"], &[Clone], |cx| {
        let root = create(cx, "ab")?;
        let middle = clone(cx, root, 0, 2)?;
        let below = clone(cx, middle, 0, 2)?;
        put(cx, middle, 0, 'M')?;
        put(cx, root, 0, 'x')?;
        put(cx, root, 1, 'y')?;
        shows(cx, below, "My")
    });

    suite.test(
        "a_read_over_pages_of_every_generation",
        &["COW-23", "VMO-READ-19"],
        &[Clone],
        |cx| {
            let root = create(cx, "ab.d.f")?;
            let middle = clone(cx, root, 0, 6)?;
            let below = clone(cx, middle, 0, 6)?;
            put(cx, below, 1, 'L')?;
            put(cx, middle, 3, 'M')?;
            put(cx, middle, 4, 'N')?;
            let expected: Vec<u8> = "aL.MNf"
                .bytes()
                .flat_map(|letter| [if letter == b'.' { 0 } else { letter }; PAGE as usize])
                .collect();
            let (from, to) = (PAGE - 100, 5 * PAGE + 100);
            cx.expect_bytes(below, from, &expected[from as usize..to as usize])
        },
    );
}

fn add_isolation(suite: &mut Suite) {
    suite.test("a_write_below_changes_nobody_above", &["COW-26"], &[Clone], |cx| {
        let root = create(cx, "abc")?;
        let members = chain(cx, root, 0, &[3, 3, 3])?;
        put(cx, members[1], 2, 'M')?;
        cx.write(members[3], PAGE - 1, &[b'x'; PAGE as usize + 2])?;
        for (member, shown) in members.iter().zip(["abc", "abM", "abM"]) {
            shows(cx, *member, shown)?;
        }
        cx.expect_fill(members[3], 0, PAGE - 1, b'a')?;
        cx.expect_fill(members[3], PAGE - 1, PAGE + 2, b'x')?;
        cx.expect_fill(members[3], 2 * PAGE + 1, PAGE - 1, b'M')
    });

    suite.test("a_copy_below_is_of_the_nearest", &["COW-03", "COW-26"], &[Clone], |cx| {
        let root = create(cx, "ab")?;
        let middle = clone(cx, root, 0, 2)?;
        let below = clone(cx, middle, 0, 2)?;
        put(cx, middle, 0, 'M')?;
        put(cx, root, 0, 'r')?;
        cx.write(below, 9, b"x")?;
        put(cx, middle, 0, 'N')?;
        cx.expect_fill(below, 0, 9, b'M')?;
        cx.expect_bytes(below, 9, b"xM")?;
        cx.expect_fill(below, 10, PAGE - 10, b'M')
    });

    suite.test("cousins_do_not_see_each_other", &["COW-06", "COW-26"], &[Clone], |cx| {
        let root = create(cx, "abc")?;
        let (left, right) = (clone(cx, root, 0, 3)?, clone(cx, root, 0, 3)?);
        let (first, second) = (clone(cx, left, 0, 3)?, clone(cx, left, 0, 3)?);
        let third = clone(cx, right, 0, 3)?;
        put(cx, first, 0, 'x')?;
        put(cx, second, 1, 'y')?;
        put(cx, third, 2, 'z')?;
        let members = [root, left, right, first, second, third];
        for (member, shown) in members.into_iter().zip(["abc", "abc", "abc", "xbc", "ayc", "abz"]) {
            shows(cx, member, shown)?;
        }
        put(cx, right, 0, 'R')?;
        shows(cx, third, "Rbz")?;
        shows(cx, first, "xbc")
    });

    suite.test("a_detached_page_below_hides_the_middle", &["COW-04"], &[Clone], |cx| {
        let root = create(cx, "ab")?;
        let middle = clone(cx, root, 0, 2)?;
        let below = clone(cx, middle, 0, 2)?;
        put(cx, below, 0, 'x')?;
        put(cx, middle, 0, 'M')?;
        put(cx, middle, 1, 'N')?;
        shows(cx, below, "xN")
    });

    suite.test(
        "decommit_in_the_middle_shows_the_root_below",
        &["COW-19", "COW-23"],
        &[Clone, Range],
        |cx| {
            let root = create(cx, "abc")?;
            let middle = clone(cx, root, 0, 3)?;
            let below = clone(cx, middle, 0, 3)?;
            for page in 0..3 {
                put(cx, middle, page, 'M')?;
            }
            put(cx, below, 2, 'x')?;
            cx.operate(middle, ZX_VMO_OP_DECOMMIT, PAGE, 2 * PAGE)?;
            shows(cx, below, "Mbx")?;
            put(cx, root, 1, 'y')?;
            shows(cx, below, "Myx")
        },
    );

    suite.test("decommit_below_shows_the_middle", &["COW-19", "COW-23"], &[Clone, Range], |cx| {
        let root = create(cx, "ab")?;
        let middle = clone(cx, root, 0, 2)?;
        let below = clone(cx, middle, 0, 2)?;
        put(cx, middle, 0, 'M')?;
        put(cx, below, 0, 'x')?;
        put(cx, middle, 0, 'N')?;
        cx.operate(below, ZX_VMO_OP_DECOMMIT, 0, PAGE)?;
        shows(cx, below, "Nb")
    });
}

/// The kernel's way of writing below: whoever is on the way to the page that is
/// found takes a copy, too.
fn add_copies_on_the_way(suite: &mut Suite) {
    suite.test("everybody_on_the_way_takes_a_copy", &["COW-27"], &[Clone], |cx| {
        let root = create(cx, "ab")?;
        let members = chain(cx, root, 0, &[2, 2, 2])?;
        put(cx, members[3], 0, 'x')?;
        put(cx, root, 0, 'y')?;
        put(cx, root, 1, 'z')?;
        for (member, shown) in members.into_iter().zip(["yz", "az", "az", "xz"]) {
            shows(cx, member, shown)?;
        }
        Ok(())
    });

    suite.test("nobody_above_the_page_takes_one", &["COW-27"], &[Clone], |cx| {
        let root = create(cx, "ab")?;
        let members = chain(cx, root, 0, &[2, 2, 2, 2])?;
        put(cx, members[2], 0, 'M')?;
        put(cx, members[4], 0, 'x')?;
        put(cx, members[2], 0, 'N')?;
        put(cx, members[1], 0, 'B')?;
        put(cx, root, 0, 'y')?;
        for (member, shown) in members.into_iter().zip(["yb", "Bb", "Nb", "Mb", "xb"]) {
            shows(cx, member, shown)?;
        }
        Ok(())
    });

    suite.test("a_copy_on_the_way_is_at_the_right_place", &["COW-27", "COW-24"], &[Clone], |cx| {
        let root = create(cx, "abcdef")?;
        let middle = clone(cx, root, 1, 5)?;
        let below = clone(cx, middle, 2, 3)?;
        cx.write(below, PAGE + 5, b"x")?;
        for page in 0..6 {
            put(cx, root, page, 'r')?;
        }
        shows(cx, middle, "rrrer")?;
        cx.expect_fill(below, 0, PAGE, b'r')?;
        cx.expect_bytes(below, PAGE + 4, b"exe")?;
        cx.expect_fill(below, 2 * PAGE, PAGE, b'r')
    });

    suite.test("a_store_below_copies_on_the_way", &["COW-27"], &[Clone, Mapping], |cx| {
        let root = create(cx, "ab")?;
        let middle = clone(cx, root, 0, 2)?;
        let below = clone(cx, middle, 0, 2)?;
        let at = map(cx, below, 2)?;
        put_at(cx, at, 1, 'x')?;
        put(cx, root, 0, 'y')?;
        put(cx, root, 1, 'z')?;
        shows(cx, middle, "yb")?;
        shows(cx, below, "yx")
    });

    suite.test("commit_below_copies_on_the_way", &["COW-27", "COW-18"], &[Clone, Range], |cx| {
        let root = create(cx, "abc.")?;
        let middle = clone(cx, root, 0, 4)?;
        let below = clone(cx, middle, 0, 4)?;
        put(cx, middle, 1, 'M')?;
        cx.operate(below, ZX_VMO_OP_COMMIT, PAGE, 3 * PAGE)?;
        for page in 0..4 {
            put(cx, root, page, 'r')?;
        }
        // Nobody above had the last page, so the middle clone follows there.
        shows(cx, middle, "rMcr")?;
        shows(cx, below, "rMc.")
    });

    suite.test("the_middle_gives_its_copy_up", &["COW-27", "COW-19"], &[Clone, Range], |cx| {
        let root = create(cx, "a")?;
        let middle = clone(cx, root, 0, 1)?;
        let below = clone(cx, middle, 0, 1)?;
        put(cx, below, 0, 'x')?;
        cx.operate(middle, ZX_VMO_OP_DECOMMIT, 0, PAGE)?;
        put(cx, root, 0, 'y')?;
        shows(cx, middle, "y")?;
        shows(cx, below, "x")
    });

    suite.test("the_other_grandchild_follows_the_copy", &["COW-27"], &[Clone], |cx| {
        let root = create(cx, "a")?;
        let middle = clone(cx, root, 0, 1)?;
        let (first, second) = (clone(cx, middle, 0, 1)?, clone(cx, middle, 0, 1)?);
        put(cx, first, 0, 'x')?;
        put(cx, root, 0, 'y')?;
        shows(cx, second, "a")?;
        put(cx, middle, 0, 'M')?;
        shows(cx, second, "M")?;
        shows(cx, first, "x")
    });

    suite.test("the_middle_is_not_touched_for_zeros", &["COW-28"], &[Clone], |cx| {
        let root = create(cx, "..")?;
        let middle = clone(cx, root, 0, 2)?;
        let below = clone(cx, middle, 0, 2)?;
        put(cx, below, 0, 'x')?;
        put(cx, root, 0, 'y')?;
        shows(cx, middle, "y.")?;
        shows(cx, below, "x.")
    });

    suite.test("the_middle_is_not_touched_beyond_the_root", &["COW-28"], &[Clone], |cx| {
        let root = create(cx, "a")?;
        let middle = clone(cx, root, 0, 3)?;
        let below = clone(cx, middle, 0, 3)?;
        put(cx, below, 1, 'x')?;
        cx.resize(root, 3 * PAGE)?;
        put(cx, root, 1, 'y')?;
        shows(cx, middle, "ay.")?;
        shows(cx, below, "ax.")
    });
}

fn add_far_offsets(suite: &mut Suite) {
    // The offsets of the two clones add up to 2^64, which must not lead back to
    // the root's first page: the middle clone ends before that.
    suite.test("offsets_do_not_wrap", &["COW-24", "COW-25"], &[Clone], |cx| {
        let root = create(cx, "ab")?;
        let middle = cx.clone_of(root, 0xffff_ffff_ffff_e000, PAGE)?;
        let below = cx.clone_of(middle, 2 * PAGE, 2 * PAGE)?;
        shows(cx, middle, ".")?;
        shows(cx, below, "..")?;
        put(cx, root, 0, 'x')?;
        shows(cx, below, "..")?;
        put(cx, below, 1, 'y')?;
        shows(cx, below, ".y")?;
        shows(cx, root, "xb")
    });

    suite
        .test("a_position_beyond_2_to_64_is_zeros", &["COW-37", "COW-09"], &[Clone], |cx| {
            let root = create(cx, "ab")?;
            let copy = cx.clone_of(root, 0xffff_ffff_ffff_e000, PAGE)?;
            cx.resize(copy, 4 * PAGE)?;
            shows(cx, copy, "....")?;
            put(cx, copy, 2, 'x')?;
            shows(cx, copy, "..x.")?;
            shows(cx, root, "ab")?;
            let below = cx.clone_of(copy, PAGE, 3 * PAGE)?;
            shows(cx, below, ".x.")?;
            put(cx, below, 2, 'y')?;
            shows(cx, below, ".xy")
        })
        .hazard();
}
