//! Loads and stores of every length, over the borders of pages and mappings.

use vmo_abi::Capability::{CachePolicy, Mapping};
use vmo_abi::{ZX_VM_FLAG_MAP_RANGE, ZX_VM_FLAG_PERM_EXECUTE};

use super::pattern;
use super::picture::{lay, map_at, pages_allow, pages_show};
use crate::program::{Address, Handle};
use crate::suite::cases::copy_on_write::pages::create;
use crate::suite::{Checked, Context, PAGE, READ_ONLY, READ_WRITE, Suite, plus};

const BASE: Address = Address::Region(0);

/// Where accesses start and how long they are, in a mapping of three pages.
const ACCESSES: &[(&str, u64, u64)] = &[
    ("first_byte", 0, 1),
    ("first_word", 0, 2),
    ("four_bytes", 4, 4),
    ("eight_bytes", 8, 8),
    ("odd_eight_bytes", 13, 8),
    ("three_bytes", 5, 3),
    ("last_byte_of_a_page", PAGE - 1, 1),
    ("first_byte_of_the_next", PAGE, 1),
    ("two_bytes_over_a_border", PAGE - 1, 2),
    ("eight_bytes_over_a_border", PAGE - 3, 8),
    ("half_a_page", PAGE / 2, PAGE / 2),
    ("a_page", PAGE, PAGE),
    ("an_unaligned_page", PAGE / 2, PAGE),
    ("more_than_a_page", PAGE - 1, PAGE + 2),
    ("all", 0, 3 * PAGE),
    ("all_but_the_ends", 1, 3 * PAGE - 2),
    ("last_byte", 3 * PAGE - 1, 1),
    ("last_eight_bytes", 3 * PAGE - 8, 8),
];

/// Maps all but the first of four pages of a [`pattern`].
fn map_pattern(cx: &mut Context<'_>) -> Checked<(Handle, Address)> {
    let vmo = cx.create(4 * PAGE)?;
    cx.write(vmo, 0, &pattern(0, 4 * PAGE))?;
    let address = cx.map(vmo, PAGE, 3 * PAGE, READ_WRITE)?;
    Ok((vmo, address))
}

pub(super) fn add(suite: &mut Suite) {
    for &(row, start, len) in ACCESSES {
        suite.test(
            format!("loads::{row}"),
            &["VMAR-MAP-01", "VMAR-MAP-39"],
            &[Mapping],
            move |cx| {
                let (_, address) = map_pattern(cx)?;
                cx.expect_load(plus(address, start), &pattern(PAGE + start, len))
            },
        );

        suite.test(
            format!("stores::{row}"),
            &["VMAR-MAP-39", "VMAR-MAP-40"],
            &[Mapping],
            move |cx| {
                let (vmo, address) = map_pattern(cx)?;
                let stored: Vec<_> = pattern(77, len).iter().map(|byte| !byte).collect();
                cx.store_bytes(plus(address, start), &stored)?;
                let mut all = pattern(0, 4 * PAGE);
                let at = (PAGE + start) as usize;
                all[at..at + len as usize].copy_from_slice(&stored);
                cx.expect_bytes(vmo, 0, &all)?;
                cx.expect_load(address, &all[PAGE as usize..])
            },
        );

        suite.test(
            format!("stores_to_untouched_pages::{row}"),
            &["VMAR-MAP-40"],
            &[Mapping],
            move |cx| {
                let vmo = cx.create(4 * PAGE)?;
                let address = cx.map(vmo, PAGE, 3 * PAGE, READ_WRITE)?;
                let stored = pattern(78, len);
                cx.store_bytes(plus(address, start), &stored)?;
                let mut all = vec![0; 4 * PAGE as usize];
                let at = (PAGE + start) as usize;
                all[at..at + len as usize].copy_from_slice(&stored);
                cx.expect_bytes(vmo, 0, &all)
            },
        );
    }
    borders(suite);
    permissions(suite);
}

fn borders(suite: &mut Suite) {
    suite.test("over_the_border_of_two_mappings", &["VMAR-MAP-39"], &[Mapping], |cx| {
        let pieces = lay(cx, Handle::Region, "[ab][cd]")?;
        cx.expect_load(plus(BASE, 2 * PAGE - 2), b"bbcc")?;
        cx.store_bytes(plus(BASE, 2 * PAGE - 2), b"wxyz")?;
        cx.expect_bytes(pieces[0].vmo, 3 * PAGE - 3, b"bwx")?;
        cx.expect_bytes(pieces[1].vmo, PAGE - 1, b"#yzc")
    });

    // What lies on page 1, and whether the fault is of a store alone.
    for (row, clauses, of_store, lay_page) in [
        ("nothing", &["VMAR-MAP-44"][..], false, (|_, _| Ok(())) as LayPage),
        ("no_permission", &["VMAR-MAP-44", "VMAR-MAP-11"], false, |cx, vmo| {
            map_at(cx, Handle::Region, 1, vmo, 0, 1, 0).map(drop)
        }),
        ("read_only", &["VMAR-MAP-44"], true, |cx, vmo| {
            map_at(cx, Handle::Region, 1, vmo, 0, 1, READ_ONLY).map(drop)
        }),
        ("beyond_the_end", &["VMAR-MAP-42"], false, |cx, vmo| {
            map_at(cx, Handle::Region, 1, vmo, 1, 1, READ_WRITE).map(drop)
        }),
    ] {
        suite.test(format!("into_a_page_that_forbids_it::{row}"), clauses, &[Mapping], move |cx| {
            lay(cx, Handle::Region, "[a]")?;
            let vmo = create(cx, "x")?;
            lay_page(cx, vmo)?;
            for (before, len) in [(1, 2), (4, 8), (PAGE, 2 * PAGE), (PAGE, PAGE + 1)] {
                let address = plus(BASE, PAGE - before);
                if !of_store {
                    cx.load(address, len)?.faults()?;
                }
                cx.store(address, &vec![b'!'; len as usize])?.faults()?;
            }
            cx.expect_bytes(vmo, 0, &[b'x'; PAGE as usize])?;
            // Up to the border it is allowed.
            cx.store_bytes(plus(BASE, PAGE - 8), b"12345678")?;
            cx.expect_load(plus(BASE, PAGE - 8), b"12345678")
        });
    }

    suite.test("the_page_before_and_the_page_behind", &["VMAR-MAP-15"], &[Mapping], |cx| {
        let vmo = create(cx, "abcd")?;
        map_at(cx, Handle::Region, 2, vmo, 1, 2, READ_WRITE)?;
        pages_show(cx, BASE, "--bc--")?;
        cx.load(plus(BASE, 2 * PAGE - 1), 2)?.faults()?;
        cx.load(plus(BASE, 4 * PAGE - 1), 2)?.faults().map(drop)
    });
}

/// Puts something on page 1 of the program's region.
type LayPage = fn(&mut Context<'_>, Handle) -> Checked;

fn permissions(suite: &mut Suite) {
    const EXECUTE: u32 = ZX_VM_FLAG_PERM_EXECUTE;
    // Each permission, what it allows, and what was there before.
    for (row, flags, access) in [
        ("none", 0, '-'),
        ("read", READ_ONLY, 'r'),
        ("read_write", READ_WRITE, 'w'),
        ("read_execute", READ_ONLY | EXECUTE, 'r'),
        ("read_write_execute", READ_WRITE | EXECUTE, 'w'),
    ] {
        let accesses: String = [access; 3].iter().collect();
        for (how, extra) in [("", 0), ("_eagerly", ZX_VM_FLAG_MAP_RANGE)] {
            for (pages_row, letters) in [("written", "abc"), ("untouched", "..."), ("mixed", "a.c")]
            {
                let accesses = accesses.clone();
                suite.test(
                    format!("allows_just::{row}{how}::{pages_row}"),
                    &["VMAR-MAP-44", "VMAR-MAP-11"],
                    &[Mapping],
                    move |cx| {
                        let vmo = create(cx, letters)?;
                        let address = cx.map(vmo, 0, 3 * PAGE, flags | extra)?;
                        pages_allow(cx, address, &accesses)?;
                        // A second time, when the pages are known.
                        pages_allow(cx, address, &accesses)
                    },
                );
            }
        }

        for policy in 0..4 {
            let accesses = accesses.clone();
            suite.test(
                format!("allows_just::{row}::with_policy_{policy}"),
                &["VMAR-MAP-51", "VMAR-MAP-44", "VMO-CACHEPOL-20"],
                &[Mapping, CachePolicy],
                move |cx| {
                    let vmo = cx.create(3 * PAGE)?;
                    cx.vmo_set_cache_policy(vmo, policy)?.ok()?;
                    let address = cx.map(vmo, 0, 3 * PAGE, flags)?;
                    pages_allow(cx, address, &accesses)?;
                    if access != 'w' {
                        return Ok(());
                    }
                    let second = cx.map(vmo, PAGE, PAGE, READ_ONLY)?;
                    cx.store_bytes(plus(address, PAGE), b"stored")?;
                    cx.expect_load(second, b"stored\0")?;
                    cx.expect_load(address, &[0])
                },
            );
        }
    }

    suite.test("a_refused_store_changes_nothing", &["VMAR-MAP-44"], &[Mapping], |cx| {
        let vmo = create(cx, "ab")?;
        let address = cx.map(vmo, 0, 2 * PAGE, READ_ONLY)?;
        for (offset, len) in [(0, 1), (PAGE - 1, 1), (PAGE - 1, 2), (0, 2 * PAGE), (PAGE, 8)] {
            cx.store(plus(address, offset), &vec![b'!'; len as usize])?.faults()?;
        }
        pages_show(cx, address, "ab")?;
        cx.expect_bytes(vmo, 0, &[b'a'; PAGE as usize])?;
        cx.expect_bytes(vmo, PAGE, &[b'b'; PAGE as usize])
    });

    suite.test(
        "refused_accesses_commit_nothing",
        &["VMAR-MAP-44", "VMAR-MAP-41"],
        &[Mapping, CachePolicy],
        |cx| {
            let vmo = cx.create(2 * PAGE)?;
            for permissions in [0, READ_ONLY] {
                let address = cx.map(vmo, 0, 3 * PAGE, permissions)?;
                for page in 0..3 {
                    cx.expect_store_fault(plus(address, page * PAGE))?;
                }
                cx.vmar_unmap(Handle::Region, address, 3 * PAGE)?.ok()?;
            }
            cx.expect_nothing_committed(vmo)
        },
    );
}
