//! A clone and its parent: following, detaching, and the bytes of a copy.

use vmo_abi::Capability::{Clone, Mapping};
use vmo_abi::{ZX_ERR_INVALID_ARGS, ZX_ERR_OUT_OF_RANGE};

use super::pages::{clone, create, map, put, shows};
use crate::program::{Address, Handle};
use crate::suite::steps::PAGE;
use crate::suite::{Checked, Context, READ_ONLY, Suite, plus};

/// Bytes that differ from position to position and from page to page.
fn pattern(offset: u64, len: u64) -> Vec<u8> {
    (offset..offset + len).map(|position| (position % 251) as u8 + 1).collect()
}

/// A VMO with that pattern all over.
fn patterned(cx: &mut Context<'_>, pages: u64) -> Checked<Handle> {
    let vmo = cx.create(pages * PAGE)?;
    cx.write(vmo, 0, &pattern(0, pages * PAGE))?;
    Ok(vmo)
}

pub(super) fn add(suite: &mut Suite) {
    add_following(suite);
    add_copies(suite);
    add_detached(suite);
    add_what_detaches_nothing(suite);
}

fn add_following(suite: &mut Suite) {
    for (name, offset, len) in [
        ("a_byte", 0, 1),
        ("a_byte_at_the_end_of_a_page", PAGE - 1, 1),
        ("over_a_border", PAGE - 3, 7),
        ("over_two_borders", PAGE - 1, PAGE + 2),
        ("unaligned_pages", 5, 2 * PAGE),
        ("the_last_byte", 3 * PAGE - 1, 1),
        ("all", 0, 3 * PAGE),
    ] {
        suite.test(
            format!("shows_the_parents_bytes::{name}"),
            &["COW-01", "VMO-READ-19"],
            &[Clone],
            move |cx| {
                let parent = patterned(cx, 5)?;
                let copy = clone(cx, parent, 2, 3)?;
                cx.expect_bytes(copy, offset, &pattern(2 * PAGE + offset, len))
            },
        );
    }

    for page in 0..4 {
        suite.test(
            format!("later_writes_to_the_parent_show::page_{page}"),
            &["COW-01", "COW-02"],
            &[Clone],
            move |cx| {
                let parent = create(cx, "abcd")?;
                let copy = clone(cx, parent, 0, 4)?;
                put(cx, parent, page, 'x')?;
                let shown: String = (0..4)
                    .zip("abcd".chars())
                    .map(|(at, it)| if at == page { 'x' } else { it })
                    .collect();
                shows(cx, copy, &shown)?;
                shows(cx, parent, &shown)
            },
        );
    }

    suite.test("a_clone_is_no_snapshot", &["COW-02"], &[Clone], |cx| {
        let parent = create(cx, "a.")?;
        let copy = clone(cx, parent, 0, 2)?;
        for letter in "xyz".chars() {
            put(cx, parent, 0, letter)?;
            put(cx, parent, 1, letter)?;
        }
        shows(cx, copy, "zz")
    });

    suite.test("a_part_of_a_page_shows_too", &["COW-02"], &[Clone], |cx| {
        let parent = patterned(cx, 3)?;
        let copy = clone(cx, parent, 1, 2)?;
        cx.write(parent, 2 * PAGE - 2, b"wxyz")?;
        let mut expected = pattern(PAGE, 2 * PAGE);
        expected[PAGE as usize - 2..][..4].copy_from_slice(b"wxyz");
        cx.expect_bytes(copy, 0, &expected)
    });

    suite.test("clones_of_different_parts_follow_their_own", &["COW-02"], &[Clone], |cx| {
        let parent = create(cx, "abcd")?;
        let low = clone(cx, parent, 0, 2)?;
        let high = clone(cx, parent, 2, 2)?;
        let overlapping = clone(cx, parent, 1, 2)?;
        put(cx, parent, 1, 'x')?;
        put(cx, parent, 2, 'y')?;
        shows(cx, low, "ax")?;
        shows(cx, high, "yd")?;
        shows(cx, overlapping, "xy")
    });
}

/// Ranges that a clone of four pages is written at, and the pages that touches.
const WRITES: &[(&str, u64, u64, std::ops::Range<u64>)] = &[
    ("first_byte", 0, 1, 0..1),
    ("second_byte", 1, 1, 0..1),
    ("middle_of_a_page", PAGE + 2000, 100, 1..2),
    ("last_byte_of_a_page", 2 * PAGE - 1, 1, 1..2),
    ("first_byte_of_a_page", 2 * PAGE, 1, 2..3),
    ("all_but_the_first_byte", PAGE + 1, PAGE - 1, 1..2),
    ("all_but_the_last_byte", PAGE, PAGE - 1, 1..2),
    ("a_whole_page", PAGE, PAGE, 1..2),
    ("two_bytes_over_a_border", PAGE - 1, 2, 0..2),
    ("a_page_and_a_byte", PAGE, PAGE + 1, 1..3),
    ("a_byte_and_a_page", PAGE - 1, PAGE + 1, 0..2),
    ("the_inner_of_three_pages", PAGE - 1, PAGE + 2, 0..3),
    ("two_whole_pages", PAGE, 2 * PAGE, 1..3),
    ("the_last_byte", 4 * PAGE - 1, 1, 3..4),
    ("all", 0, 4 * PAGE, 0..4),
];

fn add_copies(suite: &mut Suite) {
    for (name, offset, len, touched) in WRITES.iter().cloned() {
        suite.test(
            format!("a_write_copies_the_pages_it_touches::{name}"),
            &["COW-03", "COW-04", "COW-05", "COW-07"],
            &[Clone],
            move |cx| {
                let parent = patterned(cx, 5)?;
                let copy = clone(cx, parent, 1, 4)?;
                cx.write(copy, offset, &vec![0xee; len as usize])?;
                let mut expected = pattern(PAGE, 4 * PAGE);
                expected[offset as usize..][..len as usize].fill(0xee);
                cx.expect_bytes(copy, 0, &expected)?;
                cx.expect_bytes(parent, 0, &pattern(0, 5 * PAGE))?;

                // From now on just those pages are the clone's own.
                cx.write(parent, 0, &[0xdd; 5 * PAGE as usize])?;
                for page in (0..4).filter(|page| !touched.contains(page)) {
                    expected[(page * PAGE) as usize..][..PAGE as usize].fill(0xdd);
                }
                cx.expect_bytes(copy, 0, &expected)
            },
        );
    }

    suite.test("a_copy_is_of_the_moment_of_the_write", &["COW-02", "COW-03"], &[Clone], |cx| {
        let parent = create(cx, "a")?;
        let copy = clone(cx, parent, 0, 1)?;
        put(cx, parent, 0, 'b')?;
        cx.write(copy, 7, b"x")?;
        put(cx, parent, 0, 'c')?;
        cx.expect_fill(copy, 0, 7, b'b')?;
        cx.expect_fill(copy, 7, 1, b'x')?;
        cx.expect_fill(copy, 8, PAGE - 8, b'b')
    });

    suite.test("a_page_is_copied_only_once", &["COW-03", "COW-04"], &[Clone], |cx| {
        let parent = create(cx, "a")?;
        let copy = clone(cx, parent, 0, 1)?;
        cx.write(copy, 0, b"x")?;
        put(cx, parent, 0, 'b')?;
        cx.write(copy, PAGE - 1, b"y")?;
        cx.expect_bytes(copy, 0, b"xaaa")?;
        cx.expect_bytes(copy, PAGE - 4, b"aaay")
    });

    suite.test("a_page_beyond_what_the_parent_has_is_zeros", &["COW-03"], &[Clone], |cx| {
        let parent = create(cx, "a.")?;
        let copy = clone(cx, parent, 0, 2)?;
        cx.write(copy, PAGE + 10, b"x")?;
        cx.expect_fill(copy, PAGE, 10, 0)?;
        cx.expect_fill(copy, PAGE + 10, 1, b'x')?;
        cx.expect_fill(copy, PAGE + 11, PAGE - 11, 0)?;
        shows(cx, parent, "a.")
    });
}

fn add_detached(suite: &mut Suite) {
    suite.test("a_write_of_the_same_bytes_detaches", &["COW-04"], &[Clone], |cx| {
        let parent = create(cx, "ab")?;
        let copy = clone(cx, parent, 0, 2)?;
        put(cx, copy, 0, 'a')?;
        put(cx, parent, 0, 'x')?;
        shows(cx, copy, "ab")
    });

    suite.test("a_write_of_zeros_over_zeros_detaches", &["COW-04"], &[Clone], |cx| {
        let parent = create(cx, "..")?;
        let copy = clone(cx, parent, 0, 2)?;
        cx.write(copy, PAGE, &[0])?;
        put(cx, parent, 0, 'x')?;
        put(cx, parent, 1, 'y')?;
        shows(cx, copy, "x.")
    });

    suite.test("a_parents_write_before_the_clones_shows", &["COW-02", "COW-04"], &[Clone], |cx| {
        let parent = create(cx, "ab")?;
        let copy = clone(cx, parent, 0, 2)?;
        put(cx, copy, 0, 'x')?;
        put(cx, parent, 0, 'y')?;
        put(cx, parent, 1, 'z')?;
        put(cx, copy, 1, 'w')?;
        put(cx, parent, 1, 'v')?;
        shows(cx, copy, "xw")?;
        shows(cx, parent, "yv")
    });

    suite.test("siblings_detach_each_for_itself", &["COW-06"], &[Clone], |cx| {
        let parent = create(cx, "abc")?;
        let (first, second) = (clone(cx, parent, 0, 3)?, clone(cx, parent, 0, 3)?);
        put(cx, first, 0, 'x')?;
        put(cx, second, 1, 'y')?;
        for (vmo, shown) in [(first, "xbc"), (second, "ayc"), (parent, "abc")] {
            shows(cx, vmo, shown)?;
        }
        for page in 0..3 {
            put(cx, parent, page, 'z')?;
        }
        shows(cx, first, "xzz")?;
        shows(cx, second, "zyz")
    });

    suite.test("a_sibling_made_later_does_not_see_it", &["COW-06"], &[Clone], |cx| {
        let parent = create(cx, "ab")?;
        let first = clone(cx, parent, 0, 2)?;
        put(cx, first, 1, 'x')?;
        let second = clone(cx, parent, 0, 2)?;
        shows(cx, second, "ab")
    });

    suite.test("twelve_siblings_have_a_page_of_their_own_each", &["COW-06"], &[Clone], |cx| {
        let letters = "abcdefghijkl";
        let parent = create(cx, letters)?;
        let mut siblings = Vec::new();
        for page in 0..12 {
            let sibling = clone(cx, parent, 0, 12)?;
            put(cx, sibling, page, '#')?;
            siblings.push(sibling);
        }
        put(cx, parent, 3, '=')?;
        for (page, sibling) in siblings.into_iter().enumerate() {
            let mut expected = letters.replace('d', "=").into_bytes();
            expected[page] = b'#';
            shows(cx, sibling, &String::from_utf8_lossy(&expected))?;
        }
        Ok(())
    });

    suite.test("a_clone_written_all_over_is_on_its_own", &["COW-38"], &[Clone], |cx| {
        let parent = create(cx, "abcd")?;
        let copy = clone(cx, parent, 1, 2)?;
        cx.write(copy, 0, &[b'x'; 2 * PAGE as usize])?;
        put(cx, parent, 1, 'y')?;
        put(cx, parent, 2, 'z')?;
        shows(cx, copy, "xx")?;
        cx.resize(parent, 0)?;
        shows(cx, copy, "xx")?;
        cx.resize(parent, 4 * PAGE)?;
        put(cx, parent, 1, 'y')?;
        shows(cx, copy, "xx")?;
        cx.close(parent)?;
        shows(cx, copy, "xx")
    });
}

/// Does something with a clone of `ab` that leaves both pages to follow.
fn still_follows(
    suite: &mut Suite,
    name: &str,
    clauses: &'static [&'static str],
    needs: &[vmo_abi::Capability],
    done: impl Fn(&mut Context<'_>, Handle) -> Checked + Send + Sync + 'static,
) {
    suite.test(format!("does_not_detach::{name}"), clauses, needs, move |cx| {
        let parent = create(cx, "ab")?;
        let copy = clone(cx, parent, 0, 2)?;
        done(cx, copy)?;
        put(cx, parent, 0, 'x')?;
        put(cx, parent, 1, 'y')?;
        shows(cx, copy, "xy")
    });
}

fn add_what_detaches_nothing(suite: &mut Suite) {
    const READING: &[&str] = &["COW-08"];

    still_follows(suite, "reading_all", READING, &[Clone], |cx, copy| shows(cx, copy, "ab"));
    still_follows(suite, "reading_a_byte", READING, &[Clone], |cx, copy| {
        cx.expect_bytes(copy, PAGE, b"b")
    });
    still_follows(suite, "reading_again_and_again", READING, &[Clone], |cx, copy| {
        (0..10).try_for_each(|_| shows(cx, copy, "ab"))
    });
    still_follows(suite, "loading", READING, &[Clone, Mapping], |cx, copy| {
        let at = map(cx, copy, 2)?;
        cx.expect_load(plus(at, PAGE - 1), b"ab")
    });
    still_follows(suite, "loading_from_read_only", READING, &[Clone, Mapping], |cx, copy| {
        let at = cx.map(copy, 0, 2 * PAGE, READ_ONLY)?;
        cx.expect_load(plus(at, PAGE - 1), b"ab")
    });
    still_follows(suite, "being_the_buffer_of_a_write", READING, &[Clone, Mapping], |cx, copy| {
        let (at, other) = (map(cx, copy, 2)?, cx.create(2 * PAGE)?);
        cx.with("buffer", at).vmo_write_from_buffer(other, 0, 2 * PAGE)?.ok()?;
        shows(cx, other, "ab")
    });
    still_follows(suite, "mapping_it", &["COW-02"], &[Clone, Mapping], |cx, copy| {
        map(cx, copy, 2).map(drop)
    });
    still_follows(suite, "cloning_it", &["COW-02"], &[Clone], |cx, copy| {
        clone(cx, copy, 0, 2).map(drop)
    });
    still_follows(suite, "asking_its_size", &["COW-02"], &[Clone], |cx, copy| {
        cx.expect_size(copy, 2 * PAGE)
    });
    still_follows(suite, "setting_the_size_it_has", &["COW-02"], &[Clone], |cx, copy| {
        cx.resize(copy, 2 * PAGE)?;
        cx.resize(copy, PAGE + 1)
    });
    still_follows(suite, "writing_nothing", &["VMO-WRITE-22"], &[Clone], |cx, copy| {
        for offset in [0, 1, PAGE, 2 * PAGE] {
            cx.write(copy, offset, b"")?;
        }
        Ok(())
    });
    still_follows(suite, "a_write_that_ends_too_far", &["VMO-WRITE-14"], &[Clone], |cx, copy| {
        let bytes = [b'z'; 2 * PAGE as usize];
        cx.vmo_write(copy, 1, &bytes)?.is(ZX_ERR_OUT_OF_RANGE)?;
        cx.vmo_write(copy, 2 * PAGE - 1, b"zz")?.is(ZX_ERR_OUT_OF_RANGE).map(drop)
    });
    still_follows(suite, "a_write_from_nowhere", &["VMO-WRITE-14"], &[Clone], |cx, copy| {
        let answer = cx.with("buffer", Address::Null).vmo_write_from_buffer(copy, 0, 2 * PAGE)?;
        answer.is(ZX_ERR_INVALID_ARGS).map(drop)
    });
    still_follows(suite, "a_store_that_faults", READING, &[Clone, Mapping], |cx, copy| {
        let at = cx.map(copy, 0, 2 * PAGE, READ_ONLY)?;
        cx.expect_store_fault(at)?;
        cx.expect_store_fault(plus(at, 2 * PAGE - 1))
    });
}
