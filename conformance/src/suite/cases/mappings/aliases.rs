//! Several mappings of one VMO, of overlapping ranges and other permissions.

use vmo_abi::Capability::{Handles, Mapping, Range};
use vmo_abi::{ZX_RIGHT_MAP, ZX_RIGHT_READ, ZX_VMO_OP_DECOMMIT};

use super::picture::{map_at, pages_allow, pages_show};
use crate::program::{Address, Handle};
use crate::suite::cases::copy_on_write::pages::{create, put, put_at, shows};
use crate::suite::{Checked, Context, PAGE, READ_ONLY, READ_WRITE, Suite, plus};

/// Windows onto a VMO of six pages: the first page and how many.
const WINDOWS: [(u64, u64); 7] = [(0, 6), (0, 3), (2, 3), (5, 1), (4, 4), (1, 2), (2, 1)];
const LETTERS: &str = "abcdef";

/// Maps each window, with a free page behind each.
fn open(cx: &mut Context<'_>, vmo: Handle) -> Checked<Vec<Address>> {
    let mut page = 0;
    let mut addresses = Vec::new();
    for (first, pages) in WINDOWS {
        addresses.push(map_at(cx, Handle::Region, page, vmo, first, pages, READ_WRITE)?);
        page += pages + 1;
    }
    Ok(addresses)
}

/// Expects what each window shows of a VMO of six pages.
fn all_show(cx: &mut Context<'_>, windows: &[Address], letters: &str) -> Checked {
    let beyond = format!("{letters}----");
    for (window, (first, pages)) in windows.iter().zip(WINDOWS) {
        pages_show(cx, *window, &beyond[first as usize..(first + pages) as usize])?;
    }
    Ok(())
}

/// Letters with the one of a page replaced.
fn with(letters: &str, page: u64, letter: char) -> String {
    let mut letters = letters.to_owned();
    letters.replace_range(page as usize..=page as usize, &letter.to_string());
    letters
}

pub(super) fn add(suite: &mut Suite) {
    for (nth, (first, pages)) in WINDOWS.into_iter().enumerate() {
        for page in first..(first + pages).min(6) {
            suite.test(
                format!("a_store_shows_everywhere::window_{nth}::page_{page}"),
                &["VMAR-MAP-39", "VMAR-MAP-40", "VMAR-MAP-49"],
                &[Mapping],
                move |cx| {
                    let vmo = create(cx, LETTERS)?;
                    let windows = open(cx, vmo)?;
                    put_at(cx, windows[nth], page - first, 'X')?;
                    let letters = with(LETTERS, page, 'X');
                    shows(cx, vmo, &letters)?;
                    for (window, (start, count)) in windows.iter().zip(WINDOWS) {
                        let inside = &letters[start as usize..(start + count).min(6) as usize];
                        pages_show(cx, *window, inside)?;
                    }
                    Ok(())
                },
            );
        }
    }

    for page in 0..6 {
        suite.test(
            format!("a_write_shows_everywhere::page_{page}"),
            &["VMAR-MAP-39", "VMAR-MAP-49", "VMAR-MAP-42"],
            &[Mapping],
            move |cx| {
                let vmo = create(cx, LETTERS)?;
                let windows = open(cx, vmo)?;
                all_show(cx, &windows, LETTERS)?;
                put(cx, vmo, page, 'X')?;
                all_show(cx, &windows, &with(LETTERS, page, 'X'))
            },
        );

        // The first store to a page whose zeros have been seen already.
        suite.test(
            format!("a_first_store_shows_everywhere::page_{page}"),
            &["VMAR-MAP-40", "VMAR-MAP-49", "VMAR-MAP-42"],
            &[Mapping],
            move |cx| {
                let vmo = cx.create(6 * PAGE)?;
                let windows = open(cx, vmo)?;
                all_show(cx, &windows, "......")?;
                put_at(cx, windows[0], page, 'X')?;
                all_show(cx, &windows, &with("......", page, 'X'))?;
                put_at(cx, windows[0], page, 'Y')?;
                all_show(cx, &windows, &with("......", page, 'Y'))
            },
        );

        suite.test(
            format!("a_decommit_shows_everywhere::page_{page}"),
            &["VMO-OPRANGE-32", "VMAR-MAP-42"],
            &[Mapping, Range],
            move |cx| {
                let vmo = create(cx, LETTERS)?;
                let windows = open(cx, vmo)?;
                all_show(cx, &windows, LETTERS)?;
                cx.operate(vmo, ZX_VMO_OP_DECOMMIT, page * PAGE, PAGE)?;
                all_show(cx, &windows, &with(LETTERS, page, '.'))?;
                put_at(cx, windows[0], page, 'X')?;
                all_show(cx, &windows, &with(LETTERS, page, 'X'))
            },
        );
    }

    for size in 0..6 {
        suite.test(
            format!("a_new_end_shows_everywhere::{size}"),
            &["VMAR-MAP-42", "VMAR-MAP-43"],
            &[Mapping],
            move |cx| {
                let vmo = create(cx, LETTERS)?;
                let windows = open(cx, vmo)?;
                all_show(cx, &windows, LETTERS)?;
                cx.resize(vmo, size * PAGE)?;
                let kept = &LETTERS[..size as usize];
                all_show(cx, &windows, &format!("{kept:-<6}"))?;
                cx.resize(vmo, 6 * PAGE)?;
                all_show(cx, &windows, &format!("{kept:.<6}"))
            },
        );
    }
    permissions(suite);
    one_goes(suite);
}

fn permissions(suite: &mut Suite) {
    suite.test("each_has_its_own_permissions", &["VMAR-MAP-44", "VMAR-MAP-11"], &[Mapping], |cx| {
        let vmo = create(cx, "a")?;
        for (page, permissions) in [(0, READ_ONLY), (1, READ_WRITE), (2, 0), (3, READ_ONLY)] {
            map_at(cx, Handle::Region, page, vmo, 0, 1, permissions)?;
        }
        pages_allow(cx, Address::Region(0), "rw-r")?;
        cx.store_bytes(Address::Region(PAGE), b"!")?;
        pages_allow(cx, Address::Region(0), "rw-r")?;
        cx.expect_load(Address::Region(3 * PAGE), b"!a")
    });

    suite.test("a_store_makes_no_other_writable", &["VMAR-MAP-44"], &[Mapping], |cx| {
        let vmo = cx.create(PAGE)?;
        let (read, write) = (cx.map(vmo, 0, PAGE, 1)?, cx.map(vmo, 0, PAGE, READ_WRITE)?);
        cx.expect_load(read, &[0])?;
        cx.store_bytes(write, b"x")?;
        cx.expect_load(read, b"x")?;
        cx.expect_store_fault(read)?;
        cx.expect_store_fault(plus(read, PAGE - 1))?;
        cx.expect_load(write, b"x\0")
    });

    suite.test(
        "handles_with_other_rights_map_the_same",
        &["VMAR-MAP-39", "VMAR-MAP-07"],
        &[Mapping, Handles],
        |cx| {
            let vmo = create(cx, "ab")?;
            let weak = cx.duplicate(vmo, ZX_RIGHT_MAP | ZX_RIGHT_READ)?;
            let read = cx.map(weak, 0, 2 * PAGE, READ_ONLY)?;
            let write = cx.map(vmo, 0, 2 * PAGE, READ_WRITE)?;
            put_at(cx, write, 1, 'x')?;
            pages_show(cx, read, "ax")?;
            pages_allow(cx, read, "rr")
        },
    );
}

fn one_goes(suite: &mut Suite) {
    for gone in 0..3 {
        suite.test(
            format!("unmapping_one_leaves_the_others::{gone}"),
            &["VMAR-MAP-49", "VMAR-UNMAP-01"],
            &[Mapping],
            move |cx| {
                let vmo = create(cx, "ab")?;
                for place in [0, 2, 4] {
                    map_at(cx, Handle::Region, place, vmo, 0, 2, READ_WRITE)?;
                }
                let address = Address::Region(2 * gone * PAGE);
                cx.vmar_unmap(Handle::Region, address, 2 * PAGE)?.ok()?;
                put(cx, vmo, 1, 'x')?;
                let mut shown = "axaxax".to_owned();
                let start = 2 * gone as usize;
                shown.replace_range(start..start + 2, "--");
                pages_show(cx, Address::Region(0), &shown)
            },
        );
    }

    suite.test("the_same_address_for_another_vmo", &["VMAR-MAP-39"], &[Mapping], |cx| {
        let vmos = [create(cx, "ab")?, create(cx, "cd")?];
        for round in 0..6 {
            let (vmo, other) = (vmos[round % 2], vmos[1 - round % 2]);
            map_at(cx, Handle::Region, 0, vmo, 0, 2, READ_WRITE)?;
            let letter = char::from(b'k' + round as u8);
            put_at(cx, Address::Region(0), 1, letter)?;
            cx.expect_bytes(vmo, PAGE, &[letter as u8; 8])?;
            let last = if round == 0 { b'd' } else { b'k' + round as u8 - 1 };
            cx.expect_bytes(other, PAGE, &[last; 8])?;
            cx.vmar_unmap(Handle::Region, Address::Region(0), 2 * PAGE)?.ok()?;
            pages_show(cx, Address::Region(0), "--")?;
        }
        Ok(())
    });
}
