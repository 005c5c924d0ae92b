//! Members of a clone family that go, in every order.

use vmo_abi::Capability::{Clone, Handles, Info, Mapping, ProcessVmos, Range};
use vmo_abi::{ZX_VMO_OP_COMMIT, ZX_VMO_OP_DECOMMIT};

use super::pages::{clone, create, map, put, put_at, shows, shows_at};
use crate::program::Handle;
use crate::suite::steps::PAGE;
use crate::suite::{Checked, Context, Suite, plus};

/// A root `abc`, two clones of it and a clone of the first, each with a page of
/// its own, and what they show.
fn family(cx: &mut Context<'_>) -> Checked<[Handle; 4]> {
    let root = create(cx, "abc")?;
    let (child, sibling) = (clone(cx, root, 0, 3)?, clone(cx, root, 0, 3)?);
    put(cx, child, 1, 'x')?;
    put(cx, sibling, 2, 'y')?;
    let below = clone(cx, child, 0, 3)?;
    put(cx, below, 2, 'z')?;
    Ok([root, child, sibling, below])
}

const SHOWN: [&str; 4] = ["abc", "axc", "aby", "axz"];
const LETTERS: [char; 4] = ['r', 'c', 's', 'g'];

/// Every order of four.
fn orders() -> Vec<[usize; 4]> {
    let all = 0..256_usize;
    let digits = all.map(|number| [number >> 6, (number >> 4) & 3, (number >> 2) & 3, number & 3]);
    digits.filter(|order| (0..4).all(|member| order.contains(&member))).collect()
}

pub(super) fn add(suite: &mut Suite) {
    add_orders(suite);
    add_parents(suite);
    add_mapped(suite);
    add_leftovers(suite);
}

fn add_orders(suite: &mut Suite) {
    for order in orders() {
        let name: String = order.iter().map(|member| LETTERS[*member]).collect();
        suite.test(
            format!("closed_in_the_order::{name}"),
            &["HANDLE-CLOSE-05", "COW-01"],
            &[Clone],
            move |cx| {
                let members = family(cx)?;
                for (gone, member) in order.into_iter().enumerate() {
                    cx.close(members[member])?;
                    for survivor in &order[gone + 1..] {
                        shows(cx, members[*survivor], SHOWN[*survivor])?;
                    }
                }
                Ok(())
            },
        );
        suite.test(
            format!("written_while_closed_in_the_order::{name}"),
            &["HANDLE-CLOSE-05", "COW-15", "COW-05"],
            &[Clone],
            move |cx| {
                let members = family(cx)?;
                for (gone, member) in order.into_iter().enumerate() {
                    cx.close(members[member])?;
                    // Each survivor gets another last page, and only it.
                    for survivor in &order[gone + 1..] {
                        put(cx, members[*survivor], 2, (b'0' + *survivor as u8) as char)?;
                    }
                    for survivor in &order[gone + 1..] {
                        let expected = format!("{}{survivor}", &SHOWN[*survivor][..2]);
                        shows(cx, members[*survivor], &expected)?;
                    }
                }
                Ok(())
            },
        );
    }

    suite.test(
        "closed_all_at_once",
        &["HANDLE-CLOSE-05", "HANDLE-CLOSE-09"],
        &[Clone, Handles],
        |cx| {
            let [root, child, sibling, below] = family(cx)?;
            cx.handle_close_many(&[root, sibling, child])?.ok()?;
            shows(cx, below, "axz")?;
            put(cx, below, 0, 'w')?;
            shows(cx, below, "wxz")
        },
    );
}

fn add_parents(suite: &mut Suite) {
    suite.test("a_closed_parent_goes_on_showing", &["COW-15"], &[Clone], |cx| {
        let parent = create(cx, "ab.d")?;
        let copy = clone(cx, parent, 0, 5)?;
        put(cx, copy, 1, 'X')?;
        put(cx, parent, 3, 'e')?;
        cx.close(parent)?;
        shows(cx, copy, "aX.e.")?;
        cx.write(copy, 0, b"Y")?;
        cx.expect_bytes(copy, 0, b"Yaa")?;
        put(cx, copy, 2, 'Z')?;
        cx.expect_fill(copy, 2 * PAGE, PAGE, b'Z')
    });

    suite.test("every_handle_of_the_parent_is_closed", &["COW-15"], &[Clone, Handles], |cx| {
        let parent = create(cx, "ab")?;
        let second = cx.duplicate_same(parent)?;
        let copy = clone(cx, parent, 0, 2)?;
        cx.close(parent)?;
        put(cx, second, 0, 'x')?;
        cx.close(second)?;
        shows(cx, copy, "xb")
    });

    suite.test("decommit_shows_a_closed_parent", &["COW-15", "COW-19"], &[Clone, Range], |cx| {
        let parent = create(cx, "ab")?;
        let copy = clone(cx, parent, 0, 2)?;
        put(cx, copy, 1, 'X')?;
        put(cx, parent, 1, 'c')?;
        cx.close(parent)?;
        cx.operate(copy, ZX_VMO_OP_DECOMMIT, 0, 2 * PAGE)?;
        shows(cx, copy, "ac")
    });

    suite.test(
        "commit_copies_from_a_closed_parent",
        &["COW-15", "COW-17"],
        &[Clone, Range],
        |cx| {
            let parent = create(cx, "ab")?;
            let copy = clone(cx, parent, 0, 3)?;
            cx.close(parent)?;
            cx.operate(copy, ZX_VMO_OP_COMMIT, 0, 3 * PAGE)?;
            shows(cx, copy, "ab.")
        },
    );

    suite.test("a_clone_of_an_orphan", &["COW-15", "VMO-CLONE-30"], &[Clone], |cx| {
        let parent = create(cx, "abc")?;
        let copy = clone(cx, parent, 1, 2)?;
        cx.close(parent)?;
        let below = clone(cx, copy, 1, 2)?;
        shows(cx, below, "c.")?;
        cx.close(copy)?;
        shows(cx, below, "c.")?;
        put(cx, below, 0, 'X')?;
        shows(cx, below, "X.")
    });

    suite.test("an_orphan_grows", &["COW-15", "COW-30"], &[Clone], |cx| {
        let parent = create(cx, "abc")?;
        let copy = clone(cx, parent, 0, 1)?;
        cx.close(parent)?;
        cx.resize(copy, 4 * PAGE)?;
        shows(cx, copy, "abc.")
    });

    suite.test("a_closed_middle_keeps_its_pages", &["COW-15", "COW-23"], &[Clone], |cx| {
        let root = create(cx, "abc")?;
        let middle = clone(cx, root, 0, 3)?;
        let below = clone(cx, middle, 0, 3)?;
        put(cx, middle, 1, 'M')?;
        cx.close(middle)?;
        shows(cx, below, "aMc")?;
        put(cx, root, 1, 'x')?;
        put(cx, root, 2, 'y')?;
        shows(cx, below, "aMy")?;
        cx.close(root)?;
        shows(cx, below, "aMy")
    });

    suite.test("a_closed_middle_keeps_its_size", &["COW-15", "COW-25"], &[Clone], |cx| {
        let root = create(cx, "abc")?;
        let middle = clone(cx, root, 0, 3)?;
        let below = clone(cx, middle, 0, 3)?;
        cx.resize(middle, PAGE)?;
        cx.close(middle)?;
        shows(cx, below, "a..")
    });
}

fn add_mapped(suite: &mut Suite) {
    suite.test(
        "a_parent_that_is_only_mapped_feeds_its_clone",
        &["COW-16"],
        &[Clone, Mapping],
        |cx| {
            let parent = create(cx, "ab.")?;
            let copy = clone(cx, parent, 0, 3)?;
            let at = map(cx, parent, 3)?;
            put(cx, copy, 1, 'X')?;
            cx.close(parent)?;
            for (page, letter) in (0..).zip("wxy".chars()) {
                put_at(cx, at, page, letter)?;
            }
            shows(cx, copy, "wXy")?;
            shows_at(cx, at, "wxy")
        },
    );

    suite.test(
        "a_parent_that_was_unmapped_too_stays",
        &["COW-15", "COW-16"],
        &[Clone, Mapping],
        |cx| {
            let parent = create(cx, "ab")?;
            let copy = clone(cx, parent, 0, 2)?;
            let at = map(cx, parent, 2)?;
            cx.close(parent)?;
            put_at(cx, at, 0, 'x')?;
            cx.vmar_unmap(Handle::Region, at, 2 * PAGE)?.ok()?;
            shows(cx, copy, "xb")?;
            put(cx, copy, 1, 'Y')?;
            shows(cx, copy, "xY")
        },
    );

    suite.test(
        "a_mapped_clone_outlives_its_handle",
        &["VMAR-MAP-38", "COW-33"],
        &[Clone, Mapping],
        |cx| {
            let parent = create(cx, "ab.")?;
            let copy = clone(cx, parent, 0, 3)?;
            put(cx, copy, 1, 'X')?;
            let at = map(cx, copy, 3)?;
            cx.close(copy)?;
            shows_at(cx, at, "aX.")?;
            put(cx, parent, 0, 'c')?;
            put(cx, parent, 2, 'd')?;
            shows_at(cx, at, "cXd")?;
            put_at(cx, at, 2, 'Y')?;
            put(cx, parent, 2, 'e')?;
            shows_at(cx, at, "cXY")?;
            shows(cx, parent, "cbe")
        },
    );

    suite.test(
        "a_mapped_clone_outlives_its_parents_handle",
        &["VMAR-MAP-38", "COW-15"],
        &[Clone, Mapping],
        |cx| {
            let parent = create(cx, "ab")?;
            let copy = clone(cx, parent, 0, 3)?;
            let at = map(cx, copy, 3)?;
            shows_at(cx, at, "ab.")?;
            cx.close(parent)?;
            cx.close(copy)?;
            shows_at(cx, at, "ab.")?;
            cx.store_bytes(plus(at, PAGE - 1), b"x")?;
            put_at(cx, at, 2, 'y')?;
            cx.expect_load(plus(at, PAGE - 2), b"axbb")?;
            cx.expect_load(plus(at, 2 * PAGE), b"y")
        },
    );

    suite.test(
        "a_family_of_mappings_only",
        &["VMAR-MAP-38", "COW-16"],
        &[Clone, Mapping, Handles],
        |cx| {
            let root = create(cx, "ab")?;
            let middle = clone(cx, root, 0, 2)?;
            let below = clone(cx, middle, 0, 2)?;
            let (high, mid, low) = (map(cx, root, 2)?, map(cx, middle, 2)?, map(cx, below, 2)?);
            cx.handle_close_many(&[below, root, middle])?.ok()?;
            put_at(cx, high, 0, 'r')?;
            put_at(cx, mid, 1, 'm')?;
            shows_at(cx, low, "rm")?;
            cx.vmar_unmap(Handle::Region, mid, 2 * PAGE)?.ok()?;
            shows_at(cx, low, "rm")?;
            put_at(cx, high, 0, 's')?;
            put_at(cx, high, 1, 't')?;
            shows_at(cx, low, "sm")?;
            cx.vmar_unmap(Handle::Region, high, 2 * PAGE)?.ok()?;
            shows_at(cx, low, "sm")
        },
    );

    suite.test(
        "unmapping_a_clone_leaves_its_handle",
        &["VMAR-UNMAP-15", "COW-04"],
        &[Clone, Mapping],
        |cx| {
            let parent = create(cx, "ab")?;
            let copy = clone(cx, parent, 0, 2)?;
            let at = map(cx, copy, 2)?;
            put_at(cx, at, 0, 'X')?;
            cx.vmar_unmap(Handle::Region, at, 2 * PAGE)?.ok()?;
            put(cx, parent, 0, 'y')?;
            put(cx, parent, 1, 'z')?;
            shows(cx, copy, "Xz")
        },
    );
}

fn add_leftovers(suite: &mut Suite) {
    suite.test("a_new_clone_has_nothing_of_an_old_one", &["COW-01"], &[Clone], |cx| {
        let parent = create(cx, "a..")?;
        for letter in "XYZ".chars() {
            let copy = clone(cx, parent, 0, 4)?;
            shows(cx, copy, "a...")?;
            for page in 0..4 {
                put(cx, copy, page, letter)?;
            }
            cx.close(copy)?;
        }
        shows(cx, parent, "a..")
    });

    suite.test(
        "a_new_vmo_has_nothing_of_an_old_clone",
        &["VMO-CREATE-37", "COW-10"],
        &[Clone],
        |cx| {
            let parent = create(cx, "ab")?;
            let copy = clone(cx, parent, 0, 4)?;
            cx.write(copy, 0, &[b'S'; 4 * PAGE as usize])?;
            cx.close(copy)?;
            let other = cx.create(2 * PAGE)?;
            cx.write(other, 10, b"x")?;
            cx.expect_fill(other, 0, 10, 0)?;
            cx.expect_fill(other, 11, 2 * PAGE - 11, 0)?;
            let second = clone(cx, parent, 0, 4)?;
            cx.write(second, 2 * PAGE + 10, b"x")?;
            cx.expect_fill(second, 2 * PAGE, 10, 0)?;
            cx.expect_fill(second, 2 * PAGE + 11, 2 * PAGE - 11, 0)
        },
    );

    suite.test("families_do_not_mix", &["VMO-CREATE-42", "COW-01"], &[Clone], |cx| {
        let first = create(cx, "ab")?;
        let gone = clone(cx, first, 0, 2)?;
        let kept = clone(cx, first, 0, 2)?;
        cx.close(gone)?;
        // Whatever is found again of the closed clone must not be used.
        let second = create(cx, "cd")?;
        let other = clone(cx, second, 0, 2)?;
        put(cx, first, 0, 'x')?;
        put(cx, second, 1, 'y')?;
        shows(cx, kept, "xb")?;
        shows(cx, other, "cy")?;
        cx.close(first)?;
        cx.close(second)?;
        shows(cx, kept, "xb")?;
        shows(cx, other, "cy")
    });

    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        let name: String = order.iter().map(ToString::to_string).collect();
        suite.test(
            format!("siblings_closed_in_the_order::{name}"),
            &["COW-32", "HANDLE-CLOSE-05"],
            &[Clone, Mapping],
            move |cx| {
                let parent = create(cx, "ab")?;
                let siblings =
                    [clone(cx, parent, 0, 2)?, clone(cx, parent, 0, 2)?, clone(cx, parent, 0, 2)?];
                let views =
                    [map(cx, siblings[0], 2)?, map(cx, siblings[1], 2)?, map(cx, siblings[2], 2)?];
                for (gone, sibling) in order.into_iter().enumerate() {
                    cx.vmar_unmap(Handle::Region, views[sibling], 2 * PAGE)?.ok()?;
                    cx.close(siblings[sibling])?;
                    let letter = (b'x' + gone as u8) as char;
                    put(cx, parent, 1, letter)?;
                    for other in &order[gone + 1..] {
                        shows_at(cx, views[*other], &format!("a{letter}"))?;
                    }
                }
                Ok(())
            },
        );
    }

    suite.test(
        "nothing_is_left_of_a_family",
        &["HANDLE-CLOSE-06", "COW-15"],
        &[Clone, Info, ProcessVmos],
        |cx| {
            let before = cx.vmo_infos()?.len();
            for order in orders() {
                let members = family(cx)?;
                for member in order {
                    cx.close(members[member])?;
                }
                let after = cx.vmo_infos()?.len();
                cx.expect(after == before, before, after)?;
            }
            Ok(())
        },
    );
}
