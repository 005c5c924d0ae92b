//! Every range of pictures, with gaps, regions and forbidden permissions.

use vmo_abi::Capability::{Handles, Mapping, Regions};
use vmo_abi::{
    ZX_ERR_ACCESS_DENIED, ZX_ERR_INVALID_ARGS, ZX_ERR_NOT_FOUND, ZX_OK, ZX_RIGHT_MAP,
    ZX_RIGHT_READ, zx_status_t,
};

use crate::level::Level;
use crate::program::{Address, Handle};
use crate::suite::cases::copy_on_write::pages::create;
use crate::suite::cases::mappings::picture::{
    Piece, changed, lay, lay_with, map_at, pages_allow, pages_of, pages_show, stores_arrive,
};
use crate::suite::cases::prototypes::ANY_MAPPING;
use crate::suite::cases::vmar_unmap::region_at;
use crate::suite::{Answer, Checked, Context, PAGE, READ_ONLY, READ_WRITE, Suite};

const BASE: Address = Address::Region(0);
/// Mappings side by side, and how their pages can be accessed at first.
const PICTURE: &str = "[ab][cde][f]";
const ACCESSES: &str = "wwrrrw";

/// Protects the pages from `first` to before `end` of the program's region.
fn protect(cx: &mut Context<'_>, first: u64, end: u64, permissions: u32) -> Checked<Answer> {
    let address = Address::Region(first * PAGE);
    cx.vmar_protect(Handle::Region, address, (end - first) * PAGE, permissions)
}

/// Lays out [`PICTURE`] with [`ACCESSES`].
fn lay_three(cx: &mut Context<'_>) -> Checked<Vec<Piece>> {
    lay_with(cx, Handle::Region, PICTURE, |nth| if nth == 1 { READ_ONLY } else { READ_WRITE })
}

pub(super) fn add(suite: &mut Suite) {
    for first in 0..6 {
        for end in first + 1..=6 {
            for (kind, permissions, access) in
                [("read", READ_ONLY, 'r'), ("write", READ_WRITE, 'w')]
            {
                suite.test(
                    format!("every_range_gets_just::{kind}::{first}_to_{end}"),
                    &["VMAR-PROTECT-01"],
                    &[Mapping],
                    move |cx| {
                        let pieces = lay_three(cx)?;
                        protect(cx, first, end, permissions)?.ok()?;
                        let accesses = changed(ACCESSES, first..end, |_| access);
                        pages_allow(cx, BASE, &accesses)?;
                        pages_show(cx, BASE, "abcdef")?;
                        let is_left = |page| accesses.as_bytes()[page as usize] == b'w';
                        stores_arrive(cx, BASE, &pieces, is_left)
                    },
                );
            }

            suite
                .test(
                    format!("every_range_gets_nothing::{first}_to_{end}"),
                    &["VMAR-PROTECT-07"],
                    &[Mapping],
                    move |cx| {
                        lay_three(cx)?;
                        let answer = protect(cx, first, end, 0)?;
                        let (answer, _) = cx.either("C-20", answer, ZX_ERR_INVALID_ARGS, ZX_OK)?;
                        if answer.status() != Some(ZX_OK) {
                            return pages_allow(cx, BASE, ACCESSES);
                        }
                        pages_allow(cx, BASE, &changed(ACCESSES, first..end, |_| '-'))?;
                        // What was there shows again when it may.
                        protect(cx, 0, 6, READ_WRITE)?.ok()?;
                        pages_show(cx, BASE, "abcdef")?;
                        pages_allow(cx, BASE, "wwwwww")
                    },
                )
                .at(Level::Page);
        }
    }
    lengths(suite);
    again(suite);
    gaps(suite);
    walks(suite);
}

fn lengths(suite: &mut Suite) {
    for (row, len, accesses) in [
        ("1", 1, "wrwww"),
        ("before_a_page", PAGE - 1, "wrwww"),
        ("a_page", PAGE, "wrwww"),
        ("behind_a_page", PAGE + 1, "wrrww"),
        ("before_two_pages", 2 * PAGE - 1, "wrrww"),
        ("behind_two_pages", 2 * PAGE + 1, "wrrrw"),
    ] {
        suite.test(
            format!("a_length_is_rounded_up::{row}"),
            &["VMAR-PROTECT-01"],
            &[Mapping],
            move |cx| {
                lay(cx, Handle::Region, "[abc][de]")?;
                cx.vmar_protect(Handle::Region, Address::Region(PAGE), len, READ_ONLY)?.ok()?;
                pages_allow(cx, BASE, accesses)
            },
        );
    }

    for (row, start, len) in [
        ("2_to_the_32_too_long", 0, (1 << 32) + PAGE),
        ("wraps_by_one", 0, 0_u64.wrapping_sub(PAGE) + 1),
        ("wraps", PAGE, u64::MAX),
        ("to_the_last_page", 0, 0_u64.wrapping_sub(PAGE)),
        ("2_to_the_63", 0, 1 << 63),
        ("0", PAGE, 0),
        ("before_the_region", 0_u64.wrapping_sub(PAGE), 2 * PAGE),
        ("behind_the_region", 1 << 32, PAGE),
        ("2_to_the_32_too_far", (1 << 32) + PAGE, PAGE),
    ] {
        suite
            .test(
                format!("a_bad_range_changes_nothing::{row}"),
                &["VMAR-PROTECT-09"],
                &[Mapping],
                move |cx| {
                    lay(cx, Handle::Region, "[abc]")?;
                    let answer =
                        cx.vmar_protect(Handle::Region, Address::Region(start), len, READ_ONLY)?;
                    answer.is(ZX_ERR_INVALID_ARGS)?;
                    pages_allow(cx, BASE, "www")
                },
            )
            .at(Level::Kernel);
    }

    for (row, len) in [("exactly", 1 << 32), ("rounded_up", (1 << 32) - PAGE + 1)] {
        suite.test(
            format!("the_whole_region::{row}"),
            &["VMAR-PROTECT-01"],
            &[Mapping],
            move |cx| {
                let vmo = create(cx, "ab")?;
                let answer = cx.vmar_map(Handle::Region, 0, vmo, 0, 1 << 32, READ_WRITE)?;
                if cx.ok_or_no_memory(answer)?.is_none() {
                    return Ok(());
                }
                cx.vmar_protect(Handle::Region, BASE, len, READ_ONLY)?.ok()?;
                pages_allow(cx, BASE, "rr")?;
                pages_show(cx, BASE, "ab")
            },
        );
    }

    for bit in 0..12 {
        suite.test(
            format!("an_unaligned_address_changes_nothing::bit_{bit}"),
            &["VMAR-PROTECT-09"],
            &[Mapping],
            move |cx| {
                lay(cx, Handle::Region, "[abc]")?;
                let address = Address::Region(PAGE + (1 << bit));
                for len in [1, PAGE, PAGE - (1 << bit)] {
                    let answer = cx.vmar_protect(Handle::Region, address, len, READ_ONLY)?;
                    answer.is(ZX_ERR_INVALID_ARGS)?;
                }
                pages_allow(cx, BASE, "www")
            },
        );
    }
}

fn again(suite: &mut Suite) {
    // Ranges that are protected one after the other, each with its permissions.
    for (row, steps, accesses) in [
        ("the_whole_after_a_part", &[(1, 2, READ_ONLY), (0, 4, READ_WRITE)][..], "wwww"),
        ("a_part_after_the_whole", &[(0, 4, READ_ONLY), (2, 3, READ_WRITE)], "rrwr"),
        ("page_by_page", &[(0, 1, READ_ONLY), (1, 2, READ_ONLY), (3, 4, READ_ONLY)], "rrwr"),
        ("across_a_split", &[(1, 2, READ_ONLY), (1, 3, READ_WRITE), (2, 4, READ_ONLY)], "wwrr"),
        ("the_same_twice", &[(1, 3, READ_ONLY), (1, 3, READ_ONLY)], "wrrw"),
        ("back_and_forth", &[(0, 4, READ_ONLY), (0, 4, READ_WRITE), (0, 4, READ_ONLY)], "rrrr"),
    ] {
        suite.test(
            format!("one_range_after_the_other::{row}"),
            &["VMAR-PROTECT-01", "VMAR-PROTECT-15"],
            &[Mapping],
            move |cx| {
                let pieces = lay(cx, Handle::Region, "[abcd]")?;
                for (first, end, permissions) in steps {
                    protect(cx, *first, *end, *permissions)?.ok()?;
                }
                pages_show(cx, BASE, "abcd")?;
                pages_allow(cx, BASE, accesses)?;
                stores_arrive(cx, BASE, &pieces, |page| accesses.as_bytes()[page as usize] == b'w')
            },
        );
    }

    suite.test("what_was_split_is_unmapped_at_once", &["VMAR-PROTECT-15"], &[Mapping], |cx| {
        let pieces = lay(cx, Handle::Region, "[abcde]")?;
        protect(cx, 1, 2, READ_ONLY)?.ok()?;
        protect(cx, 3, 4, READ_ONLY)?.ok()?;
        cx.vmar_unmap(Handle::Region, Address::Region(PAGE), 3 * PAGE)?.ok()?;
        pages_show(cx, BASE, "a---e")?;
        stores_arrive(cx, BASE, &pieces, |page| page == 0 || page == 4)
    });

    suite.test("what_was_split_stays_bounded", &["VMAR-PROTECT-03"], &[Mapping, Handles], |cx| {
        let vmo = create(cx, "abcd")?;
        let weak = cx.duplicate(vmo, ZX_RIGHT_MAP | ZX_RIGHT_READ)?;
        map_at(cx, Handle::Region, 0, weak, 0, 4, 0)?;
        protect(cx, 1, 2, READ_ONLY)?.ok()?;
        for page in 0..4 {
            protect(cx, page, page + 1, READ_WRITE)?.is(ZX_ERR_ACCESS_DENIED)?;
        }
        pages_allow(cx, BASE, "-r--")?;
        cx.vmar_unmap(Handle::Region, Address::Region(2 * PAGE), PAGE)?.ok()?;
        protect(cx, 3, 4, READ_WRITE)?.is(ZX_ERR_ACCESS_DENIED)?;
        protect(cx, 3, 4, READ_ONLY)?.ok()?;
        pages_show(cx, BASE, "-b-d")
    });
}

fn gaps(suite: &mut Suite) {
    const WITH_GAPS: &str = "-[ab]-[cd]-";
    for first in 0..7 {
        for end in first + 1..=7 {
            let pages = pages_of(WITH_GAPS);
            if !pages[first as usize..end as usize].contains('-') {
                continue;
            }
            suite.test(
                format!("a_gap_anywhere_is_not_found::{first}_to_{end}"),
                &["VMAR-PROTECT-10"],
                &[Mapping],
                move |cx| {
                    lay(cx, Handle::Region, WITH_GAPS)?;
                    protect(cx, first, end, READ_ONLY)?.is(ZX_ERR_NOT_FOUND).map(drop)
                },
            );
            suite.test(
                format!("a_gap_anywhere_changes_nothing::{first}_to_{end}"),
                &["VMAR-PROTECT-12"],
                &[Mapping],
                move |cx| {
                    lay(cx, Handle::Region, WITH_GAPS)?;
                    protect(cx, first, end, READ_ONLY)?.is(ZX_ERR_NOT_FOUND)?;
                    pages_allow(cx, BASE, "-ww-ww-")
                },
            );
        }
    }

    suite.test("a_hole_is_a_gap", &["VMAR-PROTECT-10"], &[Mapping], |cx| {
        lay(cx, Handle::Region, "[abc]")?;
        cx.vmar_unmap(Handle::Region, Address::Region(PAGE), PAGE)?.ok()?;
        protect(cx, 0, 3, READ_ONLY)?.is(ZX_ERR_NOT_FOUND)?;
        protect(cx, 1, 2, READ_ONLY)?.is(ZX_ERR_NOT_FOUND).map(drop)
    });

    suite.test("an_empty_region_is_a_gap", &["VMAR-PROTECT-10"], &[Mapping, Regions], |cx| {
        let (region, base) = cx.allocate(2 * PAGE, ANY_MAPPING)?;
        cx.vmar_protect(region, base, PAGE, READ_ONLY)?.is(ZX_ERR_NOT_FOUND)?;
        cx.vmar_protect(region, base, 2 * PAGE, READ_WRITE)?.is(ZX_ERR_NOT_FOUND).map(drop)
    });

    suite.test(
        "a_region_with_a_mapping_is_no_mapping",
        &["VMAR-PROTECT-11"],
        &[Mapping, Regions],
        |cx| {
            let child = region_at(cx, Handle::Region, 1, 1)?;
            lay(cx, child, "[b]")?;
            protect(cx, 1, 2, READ_ONLY)?.is(ZX_ERR_INVALID_ARGS)?;
            pages_allow(cx, BASE, "-w-")?;
            cx.vmar_protect(child, Address::Region(PAGE), PAGE, READ_ONLY)?.ok()?;
            pages_allow(cx, BASE, "-r-")
        },
    );
}

/// The kinds of pages that a walk meets: a mapping that may be written, one
/// that may not, a gap, and a region.
const KINDS: [char; 4] = ['m', 'd', 'g', 'r'];

fn status_of(kind: char) -> zx_status_t {
    match kind {
        'd' => ZX_ERR_ACCESS_DENIED,
        'g' => ZX_ERR_NOT_FOUND,
        'r' => ZX_ERR_INVALID_ARGS,
        _ => ZX_OK,
    }
}

/// What the kernel of that day answers: it goes from child to child, and sees a
/// gap behind the first page only when it comes to the mapping behind it.
fn kernel_status(kinds: &str) -> zx_status_t {
    if kinds.starts_with('g') {
        return ZX_ERR_NOT_FOUND;
    }
    let mut next = 0;
    for (page, kind) in kinds.char_indices().filter(|(_, kind)| *kind != 'g') {
        match kind {
            'r' => return ZX_ERR_INVALID_ARGS,
            _ if page != next => return ZX_ERR_NOT_FOUND,
            'd' => return ZX_ERR_ACCESS_DENIED,
            _ => next = page + 1,
        }
    }
    if next < kinds.len() { ZX_ERR_NOT_FOUND } else { ZX_OK }
}

/// Lays out pages of these kinds from page 1 on.
fn lay_kinds(cx: &mut Context<'_>, kinds: &str) -> Checked {
    let vmo = create(cx, "abc")?;
    let weak = cx.duplicate(vmo, ZX_RIGHT_MAP | ZX_RIGHT_READ)?;
    for (index, kind) in (0..).zip(kinds.chars()) {
        match kind {
            'm' => drop(map_at(cx, Handle::Region, index + 1, vmo, index, 1, READ_ONLY)?),
            'd' => drop(map_at(cx, Handle::Region, index + 1, weak, index, 1, READ_ONLY)?),
            'r' => drop(region_at(cx, Handle::Region, index + 1, 1)?),
            _ => {}
        }
    }
    Ok(())
}

fn walks(suite: &mut Suite) {
    const NEEDS: &[vmo_abi::Capability] = &[Mapping, Regions, Handles];
    for number in 0..64 {
        let kinds: String =
            [number / 16, number / 4 % 4, number % 4].map(|kind| KINDS[kind]).iter().collect();
        if kinds == "mmm" {
            continue;
        }
        let name = format!("meets::{kinds}");
        let clauses: &'static [&'static str] = match kinds.chars().find(|kind| *kind != 'm') {
            Some('d') => &["VMAR-PROTECT-03"],
            Some('g') => &["VMAR-PROTECT-10"],
            _ => &["VMAR-PROTECT-11"],
        };
        let of_test = kinds.clone();
        suite.test(name, clauses, NEEDS, move |cx| {
            lay_kinds(cx, &of_test)?;
            let answer = protect(cx, 1, 4, READ_WRITE)?;
            if cx.level() == Level::Kernel {
                return answer.is(kernel_status(&of_test)).map(drop);
            }
            let wrong = of_test.chars().map(status_of).filter(|status| *status != ZX_OK);
            answer.one_of(&wrong.collect::<Vec<_>>()).map(drop)
        });
        suite.test(
            format!("changes_nothing_when_it_meets::{kinds}"),
            &["VMAR-PROTECT-12"],
            NEEDS,
            move |cx| {
                lay_kinds(cx, &kinds)?;
                protect(cx, 1, 4, READ_WRITE)?.is(kernel_status(&kinds))?;
                let access = |kind| if "md".contains(kind) { 'r' } else { '-' };
                let accesses: String = kinds.chars().map(access).collect();
                pages_allow(cx, Address::Region(PAGE), &accesses)
            },
        );
    }
}
