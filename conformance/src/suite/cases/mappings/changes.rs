//! Writes, commits and decommits under mappings that were touched or not.

use vmo_abi::Capability::{CachePolicy, Handles, Info, Mapping, ProcessVmos, Range};
use vmo_abi::{
    ZX_DEFAULT_VMO_RIGHTS, ZX_RIGHT_WRITE, ZX_VMO_OP_CACHE_CLEAN, ZX_VMO_OP_CACHE_CLEAN_INVALIDATE,
    ZX_VMO_OP_CACHE_SYNC, ZX_VMO_OP_COMMIT, ZX_VMO_OP_DECOMMIT,
};

use super::picture::{map_at, pages_allow, pages_show};
use crate::program::{Address, Handle};
use crate::suite::cases::copy_on_write::pages::{create, put_at, shows};
use crate::suite::{Checked, Context, PAGE, READ_ONLY, READ_WRITE, Suite, plus};

const BASE: Address = Address::Region(0);

/// How the pages of a mapping are touched before something changes.
pub(super) type Touch = fn(&mut Context<'_>, u64) -> Checked;

/// Ways to touch the first pages of the program's region, leaving their bytes.
pub(super) const TOUCHES: &[(&str, Touch)] = &[
    ("untouched", |_, _| Ok(())),
    ("loaded", |cx, pages| {
        for page in 0..pages {
            cx.load_bytes(plus(BASE, page * PAGE), PAGE)?;
        }
        Ok(())
    }),
    ("stored", |cx, pages| {
        for page in 0..pages {
            let byte = cx.load_bytes(plus(BASE, page * PAGE + 5), 1)?;
            cx.store_bytes(plus(BASE, page * PAGE + 5), &byte)?;
        }
        Ok(())
    }),
];

/// Maps all of a VMO at the start of the program's region, and its pages from
/// the second on behind that and a free page.
fn map_twice(cx: &mut Context<'_>, vmo: Handle, pages: u64) -> Checked<Address> {
    map_at(cx, Handle::Region, 0, vmo, 0, pages, READ_WRITE)?;
    map_at(cx, Handle::Region, pages + 1, vmo, 1, pages - 1, READ_ONLY)
}

/// Writes: where and how long.
const WRITES: &[(&str, u64, u64)] = &[
    ("first_byte", 0, 1),
    ("last_byte_of_a_page", PAGE - 1, 1),
    ("untouched_page", PAGE + 8, 8),
    ("over_a_border", 2 * PAGE - 4, 8),
    ("last_page", 3 * PAGE, PAGE),
    ("last_byte", 4 * PAGE - 1, 1),
    ("all", 0, 4 * PAGE),
];

pub(super) fn add(suite: &mut Suite) {
    for &(touch_row, touch) in TOUCHES {
        for &(row, start, len) in WRITES {
            suite.test(
                format!("a_write_shows::{row}::{touch_row}"),
                &["VMAR-MAP-39"],
                &[Mapping],
                move |cx| {
                    let vmo = create(cx, "a.c.")?;
                    let tail = map_twice(cx, vmo, 4)?;
                    touch(cx, 4)?;
                    cx.load_bytes(tail, 3 * PAGE)?;
                    cx.write(vmo, start, &vec![b'!'; len as usize])?;
                    let mut all = [b'a', 0, b'c', 0].map(|byte| [byte; PAGE as usize]).concat();
                    all[start as usize..(start + len) as usize].fill(b'!');
                    cx.expect_load(BASE, &all)?;
                    cx.expect_load(tail, &all[PAGE as usize..])?;
                    pages_allow(cx, BASE, "wwww-rrr-")
                },
            );
        }
        ranges(suite, touch_row, touch);
    }
    counts(suite);
    policies(suite);
}

fn ranges(suite: &mut Suite, touch_row: &'static str, touch: Touch) {
    // Where a DECOMMIT starts, how long it is, and what `abcd` shows then.
    for (row, start, len, shown) in [
        ("first_page", 0, PAGE, ".bcd"),
        ("middle_page", PAGE, PAGE, "a.cd"),
        ("last_page", 3 * PAGE, PAGE, "abc."),
        ("two_pages", PAGE, 2 * PAGE, "a..d"),
        ("all", 0, 4 * PAGE, "...."),
        ("one_byte", 2 * PAGE + 9, 1, "ab.d"),
        ("over_a_border", 2 * PAGE - 1, 2, "a..d"),
        ("nothing", PAGE, 0, "abcd"),
    ] {
        suite.test(
            format!("a_decommit_shows::{row}::{touch_row}"),
            if len == 0 {
                &["VMO-OPRANGE-32", "VMO-OPRANGE-29", "VMO-OPRANGE-30"]
            } else {
                &["VMO-OPRANGE-32", "VMO-OPRANGE-29"]
            },
            &[Mapping, Range],
            move |cx| {
                let vmo = create(cx, "abcd")?;
                let tail = map_twice(cx, vmo, 4)?;
                touch(cx, 4)?;
                cx.load_bytes(tail, 3 * PAGE)?;
                cx.operate(vmo, ZX_VMO_OP_DECOMMIT, start, len)?;
                pages_show(cx, BASE, shown)?;
                pages_show(cx, tail, &shown[1..])?;
                for page in 0..4 {
                    put_at(cx, BASE, page, 'z')?;
                }
                shows(cx, vmo, "zzzz")?;
                pages_show(cx, tail, "zzz-")
            },
        );
    }

    for (row, start, len) in
        [("first_page", 0, PAGE), ("untouched_page", PAGE, PAGE), ("all", 0, 4 * PAGE)]
    {
        suite.test(
            format!("a_commit_shows_nothing_new::{row}::{touch_row}"),
            &["VMO-OPRANGE-23"],
            &[Mapping, Range],
            move |cx| {
                let vmo = create(cx, "a.c.")?;
                let tail = map_twice(cx, vmo, 4)?;
                touch(cx, 4)?;
                cx.load_bytes(tail, 3 * PAGE)?;
                cx.operate(vmo, ZX_VMO_OP_COMMIT, start, len)?;
                pages_show(cx, BASE, "a.c.")?;
                pages_allow(cx, BASE, "wwww-rrr-")?;
                // What the mappings show is the page that was committed.
                put_at(cx, BASE, 1, 'y')?;
                shows(cx, vmo, "ayc.")?;
                pages_show(cx, tail, "yc.")
            },
        );
    }

    for (row, op) in [
        ("sync", ZX_VMO_OP_CACHE_SYNC),
        ("clean", ZX_VMO_OP_CACHE_CLEAN),
        ("clean_invalidate", ZX_VMO_OP_CACHE_CLEAN_INVALIDATE),
    ] {
        suite.test(
            format!("a_cache_op_shows_nothing_new::{row}::{touch_row}"),
            &["VMO-OPRANGE-45"],
            &[Mapping, Range],
            move |cx| {
                let vmo = create(cx, "a.c.")?;
                map_twice(cx, vmo, 4)?;
                touch(cx, 4)?;
                cx.store_bytes(plus(BASE, PAGE), b"new")?;
                cx.operate(vmo, op, 0, 4 * PAGE)?;
                cx.expect_load(plus(BASE, PAGE), b"new\0")?;
                cx.expect_load(plus(BASE, 5 * PAGE), b"new\0")?;
                pages_show(cx, plus(BASE, 2 * PAGE), "c.-")
            },
        );
    }
}

fn counts(suite: &mut Suite) {
    const NEEDS: &[vmo_abi::Capability] = &[Mapping, Handles, Info, ProcessVmos];
    // Stores, and the pages that they commit.
    for (row, stores, pages) in [
        ("first_byte", &[(0, 1)][..], 1),
        ("last_byte_of_a_page", &[(PAGE - 1, 1)], 1),
        ("over_a_border", &[(PAGE - 1, 2)], 2),
        ("a_page", &[(PAGE, PAGE)], 1),
        ("an_unaligned_page", &[(1, PAGE)], 2),
        ("the_same_page_again", &[(8, 1), (9, 1), (PAGE - 1, 1)], 1),
        ("two_pages_apart", &[(0, 1), (3 * PAGE, 1)], 2),
        ("all", &[(0, 4 * PAGE)], 4),
    ] {
        suite.test(
            format!("stores_commit_just_their_pages::{row}"),
            &["VMAR-MAP-40", "VMAR-MAP-41"],
            NEEDS,
            move |cx| {
                let vmo = cx.create(4 * PAGE)?;
                map_at(cx, Handle::Region, 0, vmo, 0, 4, READ_WRITE)?;
                cx.load_bytes(BASE, 4 * PAGE)?;
                cx.expect_committed(vmo, 0)?;
                for (start, len) in stores {
                    cx.store_bytes(plus(BASE, *start), &vec![b's'; *len as usize])?;
                }
                cx.expect_committed(vmo, pages * PAGE)
            },
        );
    }

    suite.test("faults_commit_nothing", &["VMAR-MAP-44", "VMAR-MAP-42"], NEEDS, |cx| {
        let vmo = cx.create(2 * PAGE)?;
        map_at(cx, Handle::Region, 0, vmo, 0, 4, READ_WRITE)?;
        map_at(cx, Handle::Region, 5, vmo, 0, 2, READ_ONLY)?;
        for page in [2, 3, 4, 5, 6, 7] {
            cx.expect_store_fault(plus(BASE, page * PAGE))?;
        }
        cx.expect_committed(vmo, 0)
    });

    suite.test("a_call_commits_where_it_stores", &["VMAR-MAP-40", "GEN-08"], NEEDS, |cx| {
        let vmo = cx.create(4 * PAGE)?;
        let other = cx.create(PAGE)?;
        map_at(cx, Handle::Region, 0, vmo, 0, 4, READ_WRITE)?;
        cx.with("size", plus(BASE, 2 * PAGE - 4)).vmo_get_size(other)?.ok()?;
        cx.expect_committed(vmo, 2 * PAGE)?;
        cx.with("buffer", plus(BASE, 3 * PAGE)).vmo_write_from_buffer(other, 0, 8)?.ok()?;
        cx.expect_committed(vmo, 2 * PAGE)
    });
}

fn policies(suite: &mut Suite) {
    suite.test(
        "the_last_unmap_lets_the_policy_be_set",
        &["VMO-CACHEPOL-09", "VMO-CACHEPOL-16"],
        &[Mapping, CachePolicy],
        |cx| {
            let vmo = cx.create(3 * PAGE)?;
            map_twice(cx, vmo, 3)?;
            for (page, pages) in [(1, 1), (0, 1), (4, 2), (2, 1)] {
                cx.vmo_set_cache_policy(vmo, 1)?.is(vmo_abi::ZX_ERR_BAD_STATE)?;
                cx.vmar_unmap(Handle::Region, plus(BASE, page * PAGE), pages * PAGE)?.ok()?;
            }
            cx.vmo_set_cache_policy(vmo, 1)?.ok().map(drop)
        },
    );

    suite.test("stores_need_no_right_now", &["VMAR-MAP-46"], &[Mapping, Handles], |cx| {
        let vmo = create(cx, "ab")?;
        map_at(cx, Handle::Region, 0, vmo, 0, 2, READ_WRITE)?;
        let weak = cx.duplicate(vmo, ZX_DEFAULT_VMO_RIGHTS & !ZX_RIGHT_WRITE)?;
        cx.close(vmo)?;
        put_at(cx, BASE, 1, 'x')?;
        cx.expect_bytes(weak, PAGE - 1, b"ax")
    });
}
