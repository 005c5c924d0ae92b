//! `SPECIFIC_OVERWRITE` over every part of what is there.

use vmo_abi::Capability::{CachePolicy, Handles, Mapping, Regions};
use vmo_abi::{
    ZX_ERR_ACCESS_DENIED, ZX_ERR_BAD_STATE, ZX_ERR_INVALID_ARGS, ZX_RIGHT_MAP, ZX_RIGHT_READ,
    ZX_VM_FLAG_MAP_RANGE, ZX_VM_FLAG_PERM_WRITE, ZX_VM_FLAG_SPECIFIC,
    ZX_VM_FLAG_SPECIFIC_OVERWRITE, zx_status_t,
};

use crate::level::Level;
use crate::program::{Address, Handle};
use crate::suite::cases::copy_on_write::pages::{create, shows};
use crate::suite::cases::mappings::picture::{
    Piece, changed, lay, lay_with, map_at, pages_allow, pages_of, pages_show, stores_arrive,
};
use crate::suite::cases::prototypes::ANY_MAPPING;
use crate::suite::{Checked, Context, PAGE, READ_ONLY, READ_WRITE, Suite};

const OVERWRITE: u32 = READ_WRITE | ZX_VM_FLAG_SPECIFIC_OVERWRITE;
const BASE: Address = Address::Region(0);
const PICTURE: &str = "[ab]-[cde][f]-";

pub(super) fn add(suite: &mut Suite) {
    for first in 0..8 {
        for end in first + 1..=8 {
            suite.test(
                format!("overwrites_every_range::{first}_to_{end}"),
                &["VMAR-MAP-27"],
                &[Mapping],
                move |cx| overwrite_range(cx, first, end),
            );
        }
    }
    itself(suite);
    permissions(suite);
    refusals(suite);
    regions(suite);
    bad_pointers(suite);
    what_is_left(suite);
}

fn overwrite_range(cx: &mut Context<'_>, first: u64, end: u64) -> Checked {
    let pieces = lay(cx, Handle::Region, PICTURE)?;
    let other = create(cx, "#KLMNOPQR")?;
    let len = (end - first) * PAGE;
    cx.vmar_map(Handle::Region, first * PAGE, other, PAGE, len, OVERWRITE)?.ok()?;
    let letter = |page| char::from(b'K' + (page - first) as u8);
    pages_show(cx, BASE, &changed(&pages_of(PICTURE), first..end, letter))?;
    stores_arrive(cx, BASE, &pieces, |page| !(first..end).contains(&page))?;
    cx.store_bytes(Address::Region(end * PAGE - 1), b"!")?;
    cx.expect_bytes(other, len + PAGE - 2, &[letter(end - 1) as u8, b'!'])
}

/// A VMO that replaces parts of its own mapping: the pages of the region, the
/// page of the VMO that comes first there, and what is seen in the end.
const ITSELF: &[(&str, std::ops::Range<u64>, u64, &str)] = &[
    ("in_place", 2..4, 2, "abcdef"),
    ("moved_up", 2..4, 0, "ababef"),
    ("moved_down", 1..4, 3, "adefef"),
    ("one_page_everywhere", 0..1, 5, "fbcdef"),
    ("all_in_place", 0..6, 0, "abcdef"),
    ("all_moved", 0..6, 1, "bcdef-"),
    ("over_the_end", 4..8, 0, "abcdabcd"),
];

fn itself(suite: &mut Suite) {
    for (row, range, first, shown) in ITSELF {
        suite.test(
            format!("overwrites_a_mapping_of_the_same_vmo::{row}"),
            &["VMAR-MAP-27", "VMAR-MAP-49"],
            &[Mapping],
            move |cx| {
                let vmo = create(cx, "abcdef")?;
                map_at(cx, Handle::Region, 0, vmo, 0, 6, READ_WRITE)?;
                let pages = range.end - range.start;
                let place = range.start * PAGE;
                cx.vmar_map(Handle::Region, place, vmo, first * PAGE, pages * PAGE, OVERWRITE)?
                    .ok()?;
                pages_show(cx, BASE, shown)?;
                shows(cx, vmo, "abcdef")?;
                cx.close(vmo)?;
                pages_show(cx, BASE, shown)
            },
        );
    }

    suite.test("overwrites_again_and_again", &["VMAR-MAP-27"], &[Mapping], |cx| {
        let vmos = [create(cx, "ab")?, create(cx, "cd")?, create(cx, "ef")?];
        for round in 0..300 {
            let vmo = vmos[round % 3];
            cx.vmar_map(Handle::Region, 0, vmo, 0, 2 * PAGE, OVERWRITE)?.ok()?;
        }
        pages_show(cx, BASE, "ef-")?;
        cx.vmar_unmap(Handle::Region, BASE, PAGE)?.ok()?;
        pages_show(cx, BASE, "-f-")
    });
}

fn permissions(suite: &mut Suite) {
    for (row, old, new, accesses) in [
        ("read_over_write", READ_WRITE, READ_ONLY, "wrw"),
        ("write_over_read", READ_ONLY, READ_WRITE, "rwr"),
        ("nothing_over_write", READ_WRITE, 0, "w-w"),
        ("write_over_nothing", 0, READ_WRITE, "-w-"),
    ] {
        suite.test(
            format!("each_part_has_its_own_permissions::{row}"),
            &["VMAR-MAP-27", "VMAR-MAP-44"],
            &[Mapping],
            move |cx| {
                lay_with(cx, Handle::Region, "[abc]", |_| old)?;
                let other = create(cx, "x")?;
                let flags = new | ZX_VM_FLAG_SPECIFIC_OVERWRITE;
                cx.vmar_map(Handle::Region, PAGE, other, 0, PAGE, flags)?.ok()?;
                pages_allow(cx, BASE, accesses)
            },
        );
    }

    suite.test(
        "what_is_left_keeps_its_bounds",
        &["VMAR-MAP-27", "VMAR-MAP-45"],
        &[Mapping, Handles],
        |cx| {
            let vmo = create(cx, "abc")?;
            let weak = cx.duplicate(vmo, ZX_RIGHT_MAP | ZX_RIGHT_READ)?;
            map_at(cx, Handle::Region, 0, weak, 0, 3, READ_ONLY)?;
            map_at(cx, Handle::Region, 3, vmo, 0, 3, READ_ONLY)?;
            let other = create(cx, "x")?;
            for place in [1, 4] {
                let flags = READ_ONLY | ZX_VM_FLAG_SPECIFIC_OVERWRITE;
                cx.vmar_map(Handle::Region, place * PAGE, other, 0, PAGE, flags)?.ok()?;
            }
            for page in 0..6 {
                let address = Address::Region(page * PAGE);
                let answer = cx.vmar_protect(Handle::Region, address, PAGE, READ_WRITE)?;
                if page == 0 || page == 2 {
                    answer.is(ZX_ERR_ACCESS_DENIED)?;
                } else {
                    answer.ok()?;
                }
            }
            pages_allow(cx, BASE, "rwrwww")
        },
    );

    suite
        .test("overwriting_wins_over_specific", &["VMAR-MAP-27"], &[Mapping], |cx| {
            lay(cx, Handle::Region, "[abc]")?;
            let other = create(cx, "x")?;
            let flags = OVERWRITE | ZX_VM_FLAG_SPECIFIC;
            cx.vmar_map(Handle::Region, PAGE, other, 0, PAGE, flags)?.ok()?;
            pages_show(cx, BASE, "axc")
        })
        .at(Level::Kernel);
}

/// A refusal: the page of the region, the position in the VMO, the length, and
/// further flags.
struct Refusal {
    row: &'static str,
    clauses: &'static [&'static str],
    place: u64,
    position: u64,
    len: u64,
    flags: u32,
}

const fn refusal(row: &'static str, clauses: &'static [&'static str]) -> Refusal {
    Refusal { row, clauses, place: PAGE, position: 0, len: PAGE, flags: OVERWRITE }
}

const REFUSALS: &[Refusal] = &[
    Refusal { len: 0, ..refusal("length_0", &["VMAR-MAP-14"]) },
    Refusal { len: u64::MAX, ..refusal("length_that_wraps", &["VMAR-MAP-16"]) },
    Refusal { position: 1, ..refusal("unaligned_position", &["VMAR-MAP-17"]) },
    Refusal {
        position: 0_u64.wrapping_sub(PAGE),
        ..refusal("position_that_wraps", &["VMAR-MAP-18"])
    },
    Refusal { place: PAGE + 1, ..refusal("unaligned_place", &["VMAR-MAP-23"]) },
    Refusal { len: 1 << 32, ..refusal("longer_than_the_rest", &["VMAR-MAP-24"]) },
    Refusal {
        flags: OVERWRITE & !READ_ONLY | ZX_VM_FLAG_PERM_WRITE,
        ..refusal("write_alone", &["VMAR-MAP-10"])
    },
    Refusal { flags: OVERWRITE | 1 << 11, ..refusal("undefined_flag", &["VMAR-MAP-12"]) },
    Refusal { flags: OVERWRITE | 1 << 6, ..refusal("can_map_specific", &["VMAR-MAP-13"]) },
    Refusal { flags: OVERWRITE | ZX_VM_FLAG_MAP_RANGE, ..refusal("map_range", &["VMAR-MAP-30"]) },
];

/// Expects that nothing of `[abc]` has been replaced.
fn nothing_is_replaced(cx: &mut Context<'_>, pieces: &[Piece]) -> Checked {
    pages_show(cx, BASE, "abc-")?;
    stores_arrive(cx, BASE, pieces, |_| true)
}

fn refusals(suite: &mut Suite) {
    for &Refusal { row, clauses, place, position, len, flags } in REFUSALS {
        suite.test(
            format!("a_refused_overwrite_replaces_nothing::{row}"),
            clauses,
            &[Mapping],
            move |cx| {
                let pieces = lay(cx, Handle::Region, "[abc]")?;
                let other = create(cx, "xyz")?;
                let answer = cx.vmar_map(Handle::Region, place, other, position, len, flags)?;
                answer.is(ZX_ERR_INVALID_ARGS)?.untouched()?;
                nothing_is_replaced(cx, &pieces)
            },
        );
    }

    for (row, clauses, rights) in [
        ("no_right_to_map", &["VMAR-MAP-05"], ZX_RIGHT_READ | 8),
        ("no_right_to_write", &["VMAR-MAP-08"], ZX_RIGHT_MAP | ZX_RIGHT_READ),
        ("no_right_to_read", &["VMAR-MAP-07"], ZX_RIGHT_MAP | 8),
    ] {
        suite.test(
            format!("a_refused_overwrite_replaces_nothing::{row}"),
            clauses,
            &[Mapping, Handles],
            move |cx| {
                let pieces = lay(cx, Handle::Region, "[abc]")?;
                let other = create(cx, "x")?;
                let weak = cx.duplicate(other, rights)?;
                let answer = cx.vmar_map(Handle::Region, PAGE, weak, 0, PAGE, OVERWRITE)?;
                answer.is(ZX_ERR_ACCESS_DENIED)?.untouched()?;
                nothing_is_replaced(cx, &pieces)
            },
        );
    }
}

fn regions(suite: &mut Suite) {
    // A region on pages 3 and 4, with a mapping on each side of it.
    for first in 0..8 {
        for end in first + 1..=8 {
            if end <= 3 || first >= 5 {
                continue;
            }
            suite.test(
                format!("overwrites_no_region::{first}_to_{end}"),
                &["VMAR-MAP-29"],
                &[Mapping, Regions],
                move |cx| {
                    let pieces = lay(cx, Handle::Region, "-[ab]--[cd]-")?;
                    let flags = ANY_MAPPING | ZX_VM_FLAG_SPECIFIC;
                    let child =
                        cx.vmar_allocate(Handle::Region, 3 * PAGE, 2 * PAGE, flags)?.ok()?;
                    let inner = create(cx, "i")?;
                    map_at(cx, child.handle(0), 0, inner, 0, 1, READ_WRITE)?;
                    let other = create(cx, "KLMNOPQR")?;
                    let len = (end - first) * PAGE;
                    let answer =
                        cx.vmar_map(Handle::Region, first * PAGE, other, 0, len, OVERWRITE)?;
                    answer.is(ZX_ERR_INVALID_ARGS)?.untouched()?;
                    pages_show(cx, BASE, "-abi-cd-")?;
                    stores_arrive(cx, BASE, &pieces, |_| true)?;
                    cx.vmar_destroy(child.handle(0))?.ok().map(drop)
                },
            );
        }
    }

    suite.test("overwrites_inside_a_region", &["VMAR-MAP-27"], &[Mapping, Regions], |cx| {
        let around = lay(cx, Handle::Region, "[a]----[b]")?;
        let flags = ANY_MAPPING | ZX_VM_FLAG_SPECIFIC;
        let child = cx.vmar_allocate(Handle::Region, PAGE, 4 * PAGE, flags)?.ok()?.handle(0);
        let inside = lay(cx, child, "[cdef]")?;
        let other = create(cx, "x")?;
        cx.vmar_map(child, 2 * PAGE, other, 0, PAGE, OVERWRITE)?.ok()?;
        pages_show(cx, BASE, "acdxfb")?;
        stores_arrive(cx, BASE, &around, |_| true)?;
        stores_arrive(cx, Address::Region(PAGE), &inside, |page| page != 2)
    });
}

fn bad_pointers(suite: &mut Suite) {
    for (row, first, pages, shown) in [
        ("first_page", 1, 1, "--bc-d"),
        ("middle_page", 2, 1, "-a-c-d"),
        ("last_page", 3, 1, "-ab--d"),
        ("all", 1, 3, "-----d"),
        ("more_than_all", 0, 5, "-----d"),
        ("over_the_end", 3, 3, "-ab---"),
        ("beside_it", 4, 1, "-abc-d"),
    ] {
        suite.test(
            format!("a_bad_pointer_leaves_a_hole::{row}"),
            &["VMAR-MAP-53"],
            &[Mapping],
            move |cx| {
                let pieces = lay(cx, Handle::Region, "-[abc]-[d]")?;
                let other = create(cx, "xyzwv")?;
                cx.with("mapped_addr", Address::Null);
                let answer =
                    cx.vmar_map(Handle::Region, first * PAGE, other, 0, pages * PAGE, OVERWRITE)?;
                answer.is(ZX_ERR_INVALID_ARGS)?;
                pages_show(cx, BASE, shown)?;
                stores_arrive(cx, BASE, &pieces, |page| !(first..first + pages).contains(&page))?;
                shows(cx, other, "xyzwv")
            },
        );
    }

    // The address is stored last, when the new mapping is there already.
    suite.test("the_address_lands_in_the_new_mapping", &["VMAR-MAP-36"], &[Mapping], |cx| {
        let pieces = lay(cx, Handle::Region, "[ab]")?;
        let other = create(cx, "x")?;
        cx.with("mapped_addr", Address::Region(8));
        cx.vmar_map(Handle::Region, 0, other, 0, PAGE, OVERWRITE)?.ok()?;
        let base = cx.address_of(BASE)?;
        cx.expect_bytes(other, 8, &base.to_le_bytes())?;
        shows(cx, pieces[0].vmo, "#ab")
    });

    suite.test("the_new_mapping_cannot_take_the_address", &["VMAR-MAP-53"], &[Mapping], |cx| {
        let pieces = lay(cx, Handle::Region, "[ab]")?;
        let other = create(cx, "x")?;
        cx.with("mapped_addr", Address::Region(8));
        let flags = READ_ONLY | ZX_VM_FLAG_SPECIFIC_OVERWRITE;
        let answer = cx.vmar_map(Handle::Region, 0, other, 0, PAGE, flags)?;
        answer.is(ZX_ERR_INVALID_ARGS)?;
        pages_show(cx, BASE, "-b")?;
        shows(cx, pieces[0].vmo, "#ab")?;
        shows(cx, other, "x")
    });
}

fn what_is_left(suite: &mut Suite) {
    suite.test("the_old_vmo_keeps_its_contents", &["VMAR-MAP-27"], &[Mapping], |cx| {
        let pieces = lay(cx, Handle::Region, "[abc]")?;
        let other = create(cx, "xyz")?;
        cx.store_bytes(Address::Region(PAGE + 1), b"kept")?;
        cx.vmar_map(Handle::Region, 0, other, 0, 3 * PAGE, OVERWRITE)?.ok()?;
        cx.store_bytes(Address::Region(PAGE + 1), b"new")?;
        cx.expect_bytes(pieces[0].vmo, 2 * PAGE, b"bkept")?;
        cx.expect_bytes(other, PAGE, b"ynewy")
    });

    // A VMO that is mapped refuses a policy (VMO-CACHEPOL-09).
    for (row, first, pages, status) in [
        ("all_of_it", 1, 2, vmo_abi::ZX_OK),
        ("more", 0, 4, vmo_abi::ZX_OK),
        ("its_first_page", 0, 2, ZX_ERR_BAD_STATE),
        ("its_last_page", 2, 2, ZX_ERR_BAD_STATE),
    ] {
        suite.test(
            format!("the_old_vmo_is_mapped_no_more::{row}"),
            &["VMAR-MAP-27", "VMO-CACHEPOL-09"],
            &[Mapping, CachePolicy],
            move |cx| is_still_mapped(cx, first, pages, status),
        );
    }
}

fn is_still_mapped(cx: &mut Context<'_>, first: u64, pages: u64, status: zx_status_t) -> Checked {
    let vmo = cx.create(2 * PAGE)?;
    map_at(cx, Handle::Region, 1, vmo, 0, 2, READ_WRITE)?;
    let other = create(cx, "KLMN")?;
    cx.vmar_map(Handle::Region, first * PAGE, other, 0, pages * PAGE, OVERWRITE)?.ok()?;
    cx.vmo_set_cache_policy(vmo, 0)?.is(status).map(drop)
}
