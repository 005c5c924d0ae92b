//! Whole pages as letters: what tests of clone families write and expect.

use crate::program::{Address, Handle};
use crate::suite::steps::PAGE;
use crate::suite::{Checked, Context, READ_WRITE};

/// The letter of a page of zeros.
const ZEROS: char = '.';

/// The bytes of pages that are each full of one letter; `.` is a page of zeros.
fn bytes_of(letters: &str) -> Vec<u8> {
    let byte = |letter| if letter == ZEROS { 0 } else { letter as u8 };
    letters.chars().flat_map(|letter| [byte(letter); PAGE as usize]).collect()
}

/// Creates a VMO with a page for each letter; pages of zeros are never touched.
pub(in crate::suite::cases) fn create(cx: &mut Context<'_>, letters: &str) -> Checked<Handle> {
    let vmo = cx.create(letters.len() as u64 * PAGE)?;
    for (page, letter) in (0..).zip(letters.chars()) {
        if letter != ZEROS {
            put(cx, vmo, page, letter)?;
        }
    }
    Ok(vmo)
}

/// Fills a page by `vmo_write`.
pub(in crate::suite::cases) fn put(
    cx: &mut Context<'_>,
    vmo: Handle,
    page: u64,
    letter: char,
) -> Checked {
    cx.write(vmo, page * PAGE, &[letter as u8; PAGE as usize])
}

/// Fills a page of a mapping by a store.
pub(in crate::suite::cases) fn put_at(
    cx: &mut Context<'_>,
    mapping: Address,
    page: u64,
    letter: char,
) -> Checked {
    cx.store_bytes(crate::suite::plus(mapping, page * PAGE), &[letter as u8; PAGE as usize])
}

/// Expects the first pages of a VMO.
pub(in crate::suite::cases) fn shows(cx: &mut Context<'_>, vmo: Handle, letters: &str) -> Checked {
    cx.expect_bytes(vmo, 0, &bytes_of(letters))
}

/// Expects the first pages of a mapping.
pub(in crate::suite::cases) fn shows_at(
    cx: &mut Context<'_>,
    mapping: Address,
    letters: &str,
) -> Checked {
    cx.expect_load(mapping, &bytes_of(letters))
}

/// Clones so many pages from a page on.
pub(in crate::suite::cases) fn clone(
    cx: &mut Context<'_>,
    vmo: Handle,
    first: u64,
    pages: u64,
) -> Checked<Handle> {
    cx.clone_of(vmo, first * PAGE, pages * PAGE)
}

/// Maps the first pages of a VMO, to be read and written.
pub(in crate::suite::cases) fn map(
    cx: &mut Context<'_>,
    vmo: Handle,
    pages: u64,
) -> Checked<Address> {
    cx.map(vmo, 0, pages * PAGE, READ_WRITE)
}
