//! Clone families seen and changed through mappings.

use vmo_abi::Capability::{Clone, Handles, Mapping, Range};
use vmo_abi::{ZX_VM_FLAG_PERM_READ, ZX_VM_FLAG_PERM_WRITE, ZX_VMO_OP_COMMIT};

use super::pages::{clone, create, map, put, put_at, shows, shows_at};
use crate::program::Handle;
use crate::suite::steps::PAGE;
use crate::suite::{READ_ONLY, READ_WRITE, Suite, plus};

pub(super) fn add(suite: &mut Suite) {
    add_agreement(suite);
    add_stores(suite);
    add_parents(suite);
    add_buffers(suite);
}

fn add_agreement(suite: &mut Suite) {
    suite.test(
        "a_mapping_of_a_clone_shows_the_clone",
        &["COW-31", "COW-01"],
        &[Clone, Mapping],
        |cx| {
            let parent = create(cx, "abcd")?;
            let copy = clone(cx, parent, 1, 4)?;
            put(cx, copy, 1, 'X')?;
            let at = map(cx, copy, 4)?;
            shows_at(cx, at, "bXd.")
        },
    );

    suite.test("a_call_shows_in_the_mapping", &["COW-31"], &[Clone, Mapping], |cx| {
        let parent = create(cx, "ab.")?;
        let copy = clone(cx, parent, 0, 4)?;
        let at = map(cx, copy, 4)?;
        shows_at(cx, at, "ab..")?;
        for (page, letter) in (0..).zip("wxyz".chars()) {
            put(cx, copy, page, letter)?;
            cx.expect_load(plus(at, page * PAGE), &[letter as u8])?;
        }
        shows_at(cx, at, "wxyz")
    });

    suite.test("a_store_shows_in_the_call", &["COW-31"], &[Clone, Mapping], |cx| {
        let parent = create(cx, "ab.")?;
        let copy = clone(cx, parent, 0, 4)?;
        let at = map(cx, copy, 4)?;
        for (page, letter) in (0..).zip("wxyz".chars()) {
            put_at(cx, at, page, letter)?;
            cx.expect_bytes(copy, page * PAGE, &[letter as u8])?;
        }
        shows(cx, copy, "wxyz")?;
        shows(cx, parent, "ab.")
    });

    suite.test("two_mappings_of_a_clone_agree", &["COW-31"], &[Clone, Mapping], |cx| {
        let parent = create(cx, "abc")?;
        let copy = clone(cx, parent, 0, 3)?;
        let all = map(cx, copy, 3)?;
        let tail = cx.map(copy, PAGE, 2 * PAGE, READ_ONLY)?;
        shows_at(cx, tail, "bc")?;
        put_at(cx, all, 2, 'x')?;
        shows_at(cx, tail, "bx")?;
        put(cx, parent, 1, 'y')?;
        shows_at(cx, all, "ayx")?;
        shows_at(cx, tail, "yx")
    });

    suite.test("a_mapping_of_a_part_of_a_clone", &["COW-31", "COW-24"], &[Clone, Mapping], |cx| {
        let parent = create(cx, "abcdef")?;
        let copy = clone(cx, parent, 1, 5)?;
        let at = cx.map(copy, 2 * PAGE, 2 * PAGE, READ_WRITE)?;
        shows_at(cx, at, "de")?;
        put_at(cx, at, 1, 'x')?;
        shows(cx, copy, "bcdxf")?;
        put(cx, parent, 3, 'y')?;
        shows_at(cx, at, "yx")
    });
}

fn add_stores(suite: &mut Suite) {
    for (name, offset, len) in [
        ("first_byte", 0, 1),
        ("a_word", 1024, 8),
        ("last_byte", PAGE - 1, 1),
        ("whole_page", 0, PAGE),
    ] {
        suite.test(
            format!("a_store_detaches_the_page::{name}"),
            &["COW-33", "COW-03", "COW-04", "COW-05", "COW-07"],
            &[Clone, Mapping],
            move |cx| {
                let parent = create(cx, "abc")?;
                let copy = clone(cx, parent, 0, 3)?;
                let at = map(cx, copy, 3)?;
                cx.store_bytes(plus(at, PAGE + offset), &vec![b'x'; len as usize])?;
                shows(cx, parent, "abc")?;
                for (page, letter) in (0..).zip("XYZ".chars()) {
                    put(cx, parent, page, letter)?;
                }
                cx.expect_fill(copy, 0, PAGE, b'X')?;
                cx.expect_fill(copy, PAGE, offset, b'b')?;
                cx.expect_fill(copy, PAGE + offset, len, b'x')?;
                cx.expect_fill(copy, PAGE + offset + len, PAGE - offset - len, b'b')?;
                cx.expect_fill(copy, 2 * PAGE, PAGE, b'Z')
            },
        );
    }

    suite.test("a_store_after_a_load_detaches", &["COW-33", "COW-05"], &[Clone, Mapping], |cx| {
        let parent = create(cx, "ab.")?;
        let copy = clone(cx, parent, 0, 3)?;
        let (at, above) = (map(cx, copy, 3)?, map(cx, parent, 3)?);
        shows_at(cx, at, "ab.")?;
        shows_at(cx, above, "ab.")?;
        put_at(cx, at, 0, 'x')?;
        put_at(cx, at, 2, 'z')?;
        shows_at(cx, at, "xbz")?;
        shows_at(cx, above, "ab.")?;
        shows(cx, parent, "ab.")
    });

    suite.test("a_store_beyond_the_parents_end", &["COW-10", "COW-33"], &[Clone, Mapping], |cx| {
        let parent = create(cx, "a")?;
        let copy = clone(cx, parent, 0, 3)?;
        let at = map(cx, copy, 3)?;
        cx.store_bytes(plus(at, 2 * PAGE - 1), b"x")?;
        cx.expect_fill(copy, PAGE, PAGE - 1, 0)?;
        cx.expect_bytes(copy, 2 * PAGE - 1, b"x\0")?;
        cx.expect_size(parent, PAGE)?;
        cx.resize(parent, 3 * PAGE)?;
        put(cx, parent, 1, 'y')?;
        cx.expect_fill(copy, PAGE, PAGE - 1, 0)
    });

    suite.test(
        "a_store_does_not_show_in_a_sibling",
        &["COW-06", "COW-33"],
        &[Clone, Mapping],
        |cx| {
            let parent = create(cx, "ab")?;
            let (copy, sibling) = (clone(cx, parent, 0, 2)?, clone(cx, parent, 0, 2)?);
            let (at, beside) = (map(cx, copy, 2)?, map(cx, sibling, 2)?);
            shows_at(cx, beside, "ab")?;
            put_at(cx, at, 1, 'x')?;
            shows_at(cx, beside, "ab")?;
            put_at(cx, beside, 0, 'y')?;
            shows_at(cx, at, "ax")?;
            shows_at(cx, beside, "yb")
        },
    );

    suite.test(
        "a_store_below_shows_in_nobody_above",
        &["COW-26", "COW-33"],
        &[Clone, Mapping],
        |cx| {
            let root = create(cx, "ab")?;
            let middle = clone(cx, root, 0, 2)?;
            let below = clone(cx, middle, 0, 2)?;
            let (high, mid, low) = (map(cx, root, 2)?, map(cx, middle, 2)?, map(cx, below, 2)?);
            for at in [high, mid, low] {
                shows_at(cx, at, "ab")?;
            }
            put_at(cx, low, 0, 'x')?;
            shows_at(cx, low, "xb")?;
            shows_at(cx, mid, "ab")?;
            shows_at(cx, high, "ab")
        },
    );

    suite.test("a_detached_page_is_stored_to_again", &["COW-33"], &[Clone, Mapping], |cx| {
        let parent = create(cx, "a")?;
        let copy = clone(cx, parent, 0, 1)?;
        let at = map(cx, copy, 1)?;
        cx.store_bytes(at, b"x")?;
        put(cx, parent, 0, 'y')?;
        cx.store_bytes(plus(at, 1), b"z")?;
        cx.expect_load(at, b"xza")
    });

    suite.test(
        "a_read_only_mapping_stays_that",
        &["COW-33", "VMAR-MAP-44"],
        &[Clone, Mapping],
        |cx| {
            let parent = create(cx, "a")?;
            let copy = clone(cx, parent, 0, 1)?;
            let at = cx.map(copy, 0, PAGE, READ_ONLY)?;
            cx.expect_store_fault(at)?;
            put(cx, copy, 0, 'x')?;
            cx.expect_store_fault(at)?;
            shows_at(cx, at, "x")?;
            shows(cx, parent, "a")
        },
    );

    suite.test(
        "a_clone_of_what_cannot_be_written_is_mapped_writable",
        &["VMO-CLONE-20", "COW-33"],
        &[Clone, Mapping, Handles],
        |cx| {
            let parent = create(cx, "ab")?;
            let fewer = cx.duplicate(
                parent,
                vmo_abi::ZX_RIGHT_READ | vmo_abi::ZX_RIGHT_DUPLICATE | vmo_abi::ZX_RIGHT_MAP,
            )?;
            let copy = clone(cx, fewer, 0, 2)?;
            let at = cx.map(copy, 0, 2 * PAGE, ZX_VM_FLAG_PERM_READ | ZX_VM_FLAG_PERM_WRITE)?;
            put_at(cx, at, 1, 'x')?;
            shows(cx, copy, "ax")?;
            shows(cx, parent, "ab")
        },
    );
}

fn add_parents(suite: &mut Suite) {
    suite.test(
        "what_is_mapped_can_be_cloned",
        &["VMO-CLONE-01", "COW-02"],
        &[Clone, Mapping],
        |cx| {
            let parent = create(cx, "ab.")?;
            let at = map(cx, parent, 3)?;
            shows_at(cx, at, "ab.")?;
            let copy = clone(cx, parent, 0, 3)?;
            let view = map(cx, copy, 3)?;
            let below = clone(cx, copy, 0, 3)?;
            put_at(cx, at, 0, 'x')?;
            put_at(cx, at, 2, 'y')?;
            for vmo in [parent, copy, below] {
                shows(cx, vmo, "xby")?;
            }
            shows_at(cx, view, "xby")
        },
    );

    suite.test("a_store_to_the_parent_shows_in_the_clone", &["COW-02"], &[Clone, Mapping], |cx| {
        let parent = create(cx, "ab.")?;
        let copy = clone(cx, parent, 0, 3)?;
        let at = map(cx, parent, 3)?;
        put(cx, copy, 0, 'X')?;
        for (page, letter) in (0..).zip("xyz".chars()) {
            put_at(cx, at, page, letter)?;
        }
        shows(cx, copy, "Xyz")?;
        shows(cx, parent, "xyz")
    });

    suite.test("stores_from_mapping_to_mapping", &["COW-02", "COW-33"], &[Clone, Mapping], |cx| {
        let parent = create(cx, "ab")?;
        let copy = clone(cx, parent, 0, 2)?;
        let (above, at) = (map(cx, parent, 2)?, map(cx, copy, 2)?);
        put_at(cx, above, 0, 'x')?;
        shows_at(cx, at, "xb")?;
        put_at(cx, at, 0, 'y')?;
        put_at(cx, above, 0, 'z')?;
        put_at(cx, above, 1, 'w')?;
        shows_at(cx, at, "yw")?;
        shows_at(cx, above, "zw")
    });

    suite.test("the_parents_mapping_keeps_its_page", &["COW-05"], &[Clone, Mapping], |cx| {
        let parent = create(cx, "ab")?;
        let copy = clone(cx, parent, 0, 2)?;
        let above = map(cx, parent, 2)?;
        shows_at(cx, above, "ab")?;
        put(cx, copy, 0, 'X')?;
        shows_at(cx, above, "ab")?;
        put_at(cx, above, 0, 'y')?;
        shows(cx, parent, "yb")?;
        shows(cx, copy, "Xb")
    });

    suite.test(
        "a_committed_clone_page_is_stored_to_in_place",
        &["COW-33", "COW-18"],
        &[Clone, Mapping, Range],
        |cx| {
            let parent = create(cx, "ab")?;
            let copy = clone(cx, parent, 0, 2)?;
            let at = map(cx, copy, 2)?;
            shows_at(cx, at, "ab")?;
            cx.operate(copy, ZX_VMO_OP_COMMIT, 0, 2 * PAGE)?;
            put(cx, parent, 0, 'x')?;
            shows_at(cx, at, "ab")?;
            cx.store_bytes(at, b"y")?;
            cx.expect_bytes(copy, 0, b"ya")?;
            shows(cx, parent, "xb")
        },
    );
}

/// Calls whose buffers lie in a mapping of a clone.
fn add_buffers(suite: &mut Suite) {
    suite.test("a_call_that_stores_detaches", &["COW-33", "COW-05"], &[Clone, Mapping], |cx| {
        let parent = create(cx, "ab")?;
        let copy = clone(cx, parent, 0, 2)?;
        let (at, other) = (map(cx, copy, 2)?, cx.create(3 * PAGE)?);
        cx.with("size", plus(at, PAGE + 8)).vmo_get_size(other)?.ok()?;
        cx.expect_bytes(copy, PAGE + 8, &(3 * PAGE).to_le_bytes())?;
        cx.expect_fill(copy, PAGE, 8, b'b')?;
        shows(cx, parent, "ab")?;
        put(cx, parent, 1, 'z')?;
        cx.expect_fill(copy, PAGE, 8, b'b')
    });

    suite.test("reading_into_a_clones_mapping", &["COW-33", "COW-05"], &[Clone, Mapping], |cx| {
        let parent = create(cx, "abc")?;
        let copy = clone(cx, parent, 0, 3)?;
        let (at, other) = (map(cx, copy, 3)?, create(cx, "xy")?);
        cx.with("buffer", plus(at, PAGE)).vmo_read(other, 0, 2 * PAGE)?.ok()?;
        shows(cx, copy, "axy")?;
        shows(cx, parent, "abc")
    });

    // The source maps the parent, and the page that is written is the clone's.
    suite.test("writing_a_clone_from_its_parents_mapping", &["COW-05"], &[Clone, Mapping], |cx| {
        let parent = create(cx, "ab")?;
        let copy = clone(cx, parent, 0, 2)?;
        let above = map(cx, parent, 2)?;
        shows_at(cx, above, "ab")?;
        cx.with("buffer", plus(above, PAGE)).vmo_write_from_buffer(copy, 0, PAGE)?.ok()?;
        shows(cx, copy, "bb")?;
        shows(cx, parent, "ab")
    });

    suite.test(
        "protecting_a_clones_mapping",
        &["VMAR-PROTECT-15", "COW-31"],
        &[Clone, Mapping],
        |cx| {
            let parent = create(cx, "abc")?;
            let copy = clone(cx, parent, 0, 3)?;
            let at = map(cx, copy, 3)?;
            put_at(cx, at, 1, 'X')?;
            cx.vmar_protect(Handle::Region, plus(at, PAGE), PAGE, READ_ONLY)?.ok()?;
            shows_at(cx, at, "aXc")?;
            cx.expect_store_fault(plus(at, PAGE))?;
            put_at(cx, at, 2, 'Y')?;
            put(cx, copy, 1, 'Z')?;
            shows_at(cx, at, "aZY")?;
            shows(cx, parent, "abc")
        },
    );
}
