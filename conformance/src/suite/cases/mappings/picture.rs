//! Mappings as pictures: a letter for each page, brackets around each mapping.

use vmo_abi::ZX_VM_FLAG_SPECIFIC;

use crate::program::{Address, Handle};
use crate::suite::cases::copy_on_write::pages::create;
use crate::suite::{Checked, Context, PAGE, READ_WRITE, plus};

/// A mapping of a picture.
pub(in crate::suite::cases) struct Piece {
    /// The page of the region at which it starts.
    pub(in crate::suite::cases) first: u64,
    /// What its pages hold.
    pub(in crate::suite::cases) letters: String,
    /// The VMO, in which one page lies before those that are mapped.
    pub(in crate::suite::cases) vmo: Handle,
}

/// Maps at this page of a region.
pub(in crate::suite::cases) fn map_at(
    cx: &mut Context<'_>,
    region: Handle,
    page: u64,
    vmo: Handle,
    first: u64,
    pages: u64,
    flags: u32,
) -> Checked<Address> {
    let flags = flags | ZX_VM_FLAG_SPECIFIC;
    let answer = cx.vmar_map(region, page * PAGE, vmo, first * PAGE, pages * PAGE, flags)?;
    Ok(answer.ok()?.address())
}

/// Lays mappings out from the start of a region on, to be read and written:
/// `-[ab][c]` is a free page, a mapping of two pages, and one of one page.
pub(in crate::suite::cases) fn lay(
    cx: &mut Context<'_>,
    region: Handle,
    picture: &str,
) -> Checked<Vec<Piece>> {
    lay_with(cx, region, picture, |_| READ_WRITE)
}

/// As [`lay`], with the permissions of the nth mapping as told.
pub(in crate::suite::cases) fn lay_with(
    cx: &mut Context<'_>,
    region: Handle,
    picture: &str,
    permissions: impl Fn(usize) -> u32,
) -> Checked<Vec<Piece>> {
    let mut pieces = Vec::new();
    let mut first = 0;
    for part in picture.split(']') {
        let (gap, letters) = part.split_once('[').unwrap_or((part, ""));
        first += gap.len() as u64;
        if letters.is_empty() {
            continue;
        }
        let vmo = create(cx, &format!("#{letters}"))?;
        let pages = letters.len() as u64;
        map_at(cx, region, first, vmo, 1, pages, permissions(pieces.len()))?;
        pieces.push(Piece { first, letters: letters.to_owned(), vmo });
        first += pages;
    }
    Ok(pieces)
}

/// What the pages of a picture show: its letters without the brackets.
pub(in crate::suite::cases) fn pages_of(picture: &str) -> String {
    picture.chars().filter(|letter| !"[]".contains(*letter)).collect()
}

/// A picture's pages after something was done to some of them.
pub(in crate::suite::cases) fn changed(
    pages: &str,
    range: std::ops::Range<u64>,
    change: impl Fn(u64) -> char,
) -> String {
    let change = |(page, letter)| if range.contains(&page) { change(page) } else { letter };
    (0..).zip(pages.chars()).map(change).collect()
}

/// The two ends of a page.
const ENDS: [u64; 2] = [0, PAGE - 1];

/// Expects what the pages from an address on show: a letter, `.` for zeros, or
/// `-` for a page that can be neither loaded from nor stored to.
pub(in crate::suite::cases) fn pages_show(
    cx: &mut Context<'_>,
    base: Address,
    pages: &str,
) -> Checked {
    for (page, letter) in (0..).zip(pages.chars()) {
        let at = |offset| plus(base, page * PAGE + offset);
        match letter {
            '-' => cannot_be_accessed(cx, at(0))?,
            '.' => cx.expect_load(at(0), &[0; PAGE as usize])?,
            letter => cx.expect_load(at(0), &[letter as u8; PAGE as usize])?,
        }
    }
    Ok(())
}

fn cannot_be_accessed(cx: &mut Context<'_>, page: Address) -> Checked {
    for offset in ENDS {
        cx.expect_load_fault(plus(page, offset))?;
        cx.expect_store_fault(plus(page, offset))?;
    }
    Ok(())
}

/// Expects how the pages from an address on can be accessed: `w` for loads and
/// stores, `r` for loads alone, `-` for none. Changes nothing.
pub(in crate::suite::cases) fn pages_allow(
    cx: &mut Context<'_>,
    base: Address,
    accesses: &str,
) -> Checked {
    for (page, access) in (0..).zip(accesses.chars()) {
        let first = plus(base, page * PAGE);
        if access == '-' {
            cannot_be_accessed(cx, first)?;
            continue;
        }
        for offset in ENDS {
            let address = plus(first, offset);
            let byte = cx.load_bytes(address, 1)?;
            match access {
                'w' => cx.store_bytes(address, &byte)?,
                _ => cx.expect_store_fault(address)?,
            }
        }
    }
    Ok(())
}

/// Expects that a store to each page that is left of the mappings reaches the
/// page of the VMO that it shows, and no other.
pub(in crate::suite::cases) fn stores_arrive(
    cx: &mut Context<'_>,
    base: Address,
    pieces: &[Piece],
    is_left: impl Fn(u64) -> bool,
) -> Checked {
    const WHERE: u64 = 0x7f8;
    for piece in pieces {
        for (page, letter) in (piece.first..).zip(piece.letters.bytes()) {
            let middle = if is_left(page) { b'!' } else { letter };
            if is_left(page) {
                cx.store_bytes(plus(base, page * PAGE + WHERE), b"!")?;
            }
            let offset = (page - piece.first + 1) * PAGE + WHERE;
            cx.expect_bytes(piece.vmo, offset - 1, &[letter, middle, letter])?;
        }
        cx.expect_bytes(piece.vmo, WHERE, b"#")?;
    }
    Ok(())
}
