//! Pointers into mappings, which obey the mapping's permissions and the VMO's
//! size.

use vmo_abi::Capability::Mapping;

use super::{Pointer, pointers};
use crate::program::{Address, Handle};
use crate::suite::{Checked, Context, PAGE, READ_ONLY, READ_WRITE, Suite, plus};

/// An address in a mapping, and what memory there allows.
struct Row {
    name: &'static str,
    readable: bool,
    writable: bool,
    /// Whether the address is good for what needs no alignment only.
    is_unaligned: bool,
    /// Makes the address, for something of this size.
    make: fn(&mut Context<'_>, u64) -> Checked<Address>,
}

/// Maps two pages of a VMO of so many pages.
fn map(cx: &mut Context<'_>, pages: u64, flags: u32) -> Checked<(Handle, Address)> {
    let vmo = cx.create(pages * PAGE)?;
    Ok((vmo, cx.map(vmo, 0, 2 * PAGE, flags)?))
}

const ROWS: &[Row] = &[
    Row {
        name: "in_a_mapping",
        readable: true,
        writable: true,
        is_unaligned: false,
        make: |cx, _| Ok(plus(map(cx, 2, READ_WRITE)?.1, 24)),
    },
    Row {
        name: "across_pages_of_a_mapping",
        readable: true,
        writable: true,
        is_unaligned: true,
        make: |cx, size| Ok(plus(map(cx, 2, READ_WRITE)?.1, PAGE - size / 2)),
    },
    Row {
        name: "up_to_the_end_of_the_vmo",
        readable: true,
        writable: true,
        is_unaligned: false,
        make: |cx, size| Ok(plus(map(cx, 1, READ_WRITE)?.1, PAGE - size)),
    },
    Row {
        name: "across_the_end_of_the_vmo",
        readable: false,
        writable: false,
        is_unaligned: false,
        make: |cx, size| Ok(plus(map(cx, 1, READ_WRITE)?.1, PAGE - size + 1)),
    },
    Row {
        name: "beyond_the_vmo",
        readable: false,
        writable: false,
        is_unaligned: false,
        make: |cx, _| Ok(plus(map(cx, 1, READ_WRITE)?.1, PAGE)),
    },
    Row {
        name: "in_a_read_only_mapping",
        readable: true,
        writable: false,
        is_unaligned: false,
        make: |cx, _| Ok(plus(map(cx, 2, READ_ONLY)?.1, 16)),
    },
    Row {
        name: "in_a_closed_mapping",
        readable: false,
        writable: false,
        is_unaligned: false,
        make: |cx, _| Ok(map(cx, 2, 0)?.1),
    },
    Row {
        name: "in_a_mapping_made_read_only",
        readable: true,
        writable: false,
        is_unaligned: false,
        make: |cx, _| {
            let (_, address) = map(cx, 2, READ_WRITE)?;
            cx.store_bytes(address, b"was writable")?;
            cx.vmar_protect(Handle::Region, address, 2 * PAGE, READ_ONLY)?.ok()?;
            Ok(address)
        },
    },
    Row {
        name: "where_the_vmo_was_cut",
        readable: false,
        writable: false,
        is_unaligned: false,
        make: |cx, _| {
            let (vmo, address) = map(cx, 2, READ_WRITE)?;
            cx.store_bytes(plus(address, PAGE), b"was there")?;
            cx.resize(vmo, PAGE)?;
            Ok(plus(address, PAGE))
        },
    },
    Row {
        name: "where_a_mapping_was",
        readable: false,
        writable: false,
        is_unaligned: false,
        make: |cx, _| {
            let (_, address) = map(cx, 2, READ_WRITE)?;
            cx.store_bytes(address, b"was there")?;
            cx.vmar_unmap(Handle::Region, address, 2 * PAGE)?.ok()?;
            Ok(address)
        },
    },
];

pub(super) fn add(suite: &mut Suite) {
    let followed = pointers().filter(|pointer| !pointer.is_ignored());
    for pointer in followed.filter(|pointer| !pointer.is_of_varying_size()) {
        for row in ROWS {
            let Row { readable, writable, .. } = *row;
            let is_good = if pointer.is_input() { readable } else { writable };
            // A list has to be where it can be read, and says what to do.
            if pointer.is_list() && readable {
                continue;
            }
            suite.test(
                pointer.case(row.name),
                if row.is_unaligned && pointer.kind.pointee_size().is_some() {
                    &["GEN-08", "GEN-10"]
                } else {
                    &["GEN-10"]
                },
                &pointer.prototype.needs_and(&[Mapping]),
                move |cx| check(cx, pointer, row, is_good),
            );
        }
    }
}

fn check(cx: &mut Context<'_>, pointer: Pointer, row: &Row, is_good: bool) -> Checked {
    let address = (row.make)(cx, pointer.size())?;
    let judged = pointer.try_address(cx, address, is_good)?;
    let stores = pointer.kind.pointee_size().is_some();
    if is_good && stores {
        let stored = judged.word(pointer.position)?;
        // A result is there, whatever it is, except that no signal is none.
        cx.expect(stored != 0, "a result in the mapping", "zeros")?;
    }
    Ok(())
}
