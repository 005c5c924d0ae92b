//! `vmo_read`.

mod buffers;
mod state;

use vmo_abi::Capability::{Handles, OtherObjects};
use vmo_abi::{
    ZX_ERR_ACCESS_DENIED, ZX_ERR_BAD_HANDLE, ZX_ERR_INVALID_ARGS, ZX_ERR_OUT_OF_RANGE,
    ZX_ERR_WRONG_TYPE, ZX_RIGHT_READ,
};

use super::vmo_create::{LARGEST, LISTED_RIGHTS};
use crate::program::Handle;
use crate::suite::{Checked, Context, PAGE, Side, Suite};

/// Bytes to begin with, none of them zero, different on every page.
pub(super) fn old_bytes(len: u64) -> Vec<u8> {
    (0..len).map(|at| (at % 127) as u8 + 1).collect()
}

/// Bytes to be written over the old ones, all of them different from those.
pub(super) fn new_bytes(len: u64) -> Vec<u8> {
    (0..len).map(|at| (at % 127) as u8 + 128).collect()
}

/// Creates a VMO of whole pages that holds the [`old_bytes`].
pub(super) fn create_old(cx: &mut Context<'_>, pages: u64) -> Checked<Handle> {
    let vmo = cx.create(pages * PAGE)?;
    cx.write(vmo, 0, &old_bytes(pages * PAGE))?;
    Ok(vmo)
}

/// How a number is written in the name of a test.
pub(super) fn named(number: u64) -> String {
    if number < 1 << 20 { number.to_string() } else { format!("{number:#x}") }
}

/// Offsets that a range may begin at.
pub(super) const OFFSETS: &[u64] = &[
    0,
    1,
    PAGE - 1,
    PAGE,
    PAGE + 1,
    2 * PAGE - 1,
    3 * PAGE - 1,
    3 * PAGE,
    3 * PAGE + 1,
    1 << 31,
    1 << 32,
    (1 << 32) + PAGE,
    1 << 63,
    LARGEST,
    u64::MAX - 7,
    u64::MAX,
];

/// Lengths of ranges.
pub(super) const LENGTHS: &[u64] =
    &[0, 1, 2, 8, PAGE - 1, PAGE, PAGE + 1, 2 * PAGE, 3 * PAGE, 3 * PAGE + 1];

/// Lengths that no buffer has.
pub(super) const HUGE_LENGTHS: &[u64] = &[1 << 32, (1 << 32) + 1, 1 << 63, LARGEST, u64::MAX];

/// How a range of a read or write lies in a VMO.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lies {
    /// Inside, also if it is empty and begins before the end.
    Inside,
    /// Empty, at the very end.
    EmptyAtEnd,
    /// Empty, beyond the end.
    EmptyBeyond,
    /// It begins inside, and neither offset nor length exceeds the size.
    RunningOut,
    /// Otherwise not inside.
    Outside,
    /// Its end is beyond 2^64.
    Wrapping,
}

pub(super) fn lies(size: u64, offset: u64, len: u64) -> Lies {
    match offset.checked_add(len) {
        None => Lies::Wrapping,
        Some(end) if end <= size && (len > 0 || offset < size) => Lies::Inside,
        Some(end) if end <= size => Lies::EmptyAtEnd,
        Some(_) if len == 0 => Lies::EmptyBeyond,
        Some(_) if offset < size && len <= size => Lies::RunningOut,
        Some(_) => Lies::Outside,
    }
}

/// Does something for each range of the tables in VMOs of 0, 1 and 3 pages:
/// name, pages, offset, length.
pub(super) fn for_each_range(mut add: impl FnMut(String, u64, u64, u64)) {
    for pages in [0, 1, 3] {
        for &offset in OFFSETS {
            for &len in LENGTHS {
                let place = named(offset);
                add(format!("{pages}_pages_at_{place}_for_{len}"), pages, offset, len);
            }
        }
    }
}

pub(super) fn add(suite: &mut Suite) {
    ranges(suite);
    errors(suite);
    contents(suite);
    buffers::add(suite);
    state::add(suite);
}

fn ranges(suite: &mut Suite) {
    for_each_range(|name, pages, offset, len| {
        let lies = lies(pages * PAGE, offset, len);
        let clauses: &[&str] = match lies {
            Lies::Inside => &["VMO-READ-01", "VMO-READ-19"],
            Lies::EmptyAtEnd => &["VMO-READ-10"],
            Lies::EmptyBeyond => &["VMO-READ-11"],
            Lies::RunningOut => &["VMO-READ-08", "VMO-READ-09"],
            Lies::Outside => &["VMO-READ-08"],
            Lies::Wrapping => &["VMO-READ-08", "VMO-READ-12"],
        };
        suite.test(format!("range::{name}"), clauses, &[], move |cx| {
            let vmo = create_old(cx, pages)?;
            let answer = cx.vmo_read(vmo, offset, len)?;
            match lies {
                Lies::Inside | Lies::EmptyAtEnd => {
                    let bytes = old_bytes(pages * PAGE);
                    answer.ok()?.bytes_are(&bytes[offset as usize..][..len as usize])?;
                }
                _ => drop(answer.is(ZX_ERR_OUT_OF_RANGE)?),
            }
            match lies {
                Lies::EmptyAtEnd => cx.takes("C-03", Side::Kernel),
                Lies::RunningOut => cx.takes("C-05", Side::Kernel),
                _ => {}
            }
            Ok(())
        });
    });

    for &len in HUGE_LENGTHS {
        for offset in [0, 1, PAGE] {
            suite.test(
                format!("refuses_huge_length::{}_at_{offset}", named(len)),
                &["VMO-READ-08"],
                &[],
                move |cx| {
                    let vmo = create_old(cx, 1)?;
                    // The buffer is too short as well.
                    let answer = cx.vmo_read(vmo, offset, len)?;
                    answer.one_of(&[ZX_ERR_OUT_OF_RANGE, ZX_ERR_INVALID_ARGS])?;
                    cx.expect_bytes(vmo, 0, &old_bytes(PAGE))
                },
            );
        }
    }

    suite.test("ranges_go_by_the_present_size", &["VMO-READ-08"], &[], |cx| {
        let vmo = create_old(cx, 3)?;
        cx.resize(vmo, 2 * PAGE)?;
        cx.vmo_read(vmo, 2 * PAGE, 1)?.is(ZX_ERR_OUT_OF_RANGE)?;
        cx.vmo_read(vmo, PAGE, PAGE + 1)?.is(ZX_ERR_OUT_OF_RANGE)?;
        cx.resize(vmo, 4 * PAGE)?;
        cx.vmo_read(vmo, 4 * PAGE - 1, 1)?.ok()?;
        cx.vmo_read(vmo, 4 * PAGE - 1, 2)?.is(ZX_ERR_OUT_OF_RANGE).map(drop)
    });

    suite.test("nothing_can_be_read_of_a_vmo_cut_to_nothing", &["VMO-READ-08"], &[], |cx| {
        let vmo = create_old(cx, 2)?;
        cx.resize(vmo, 0)?;
        cx.vmo_read(vmo, 0, 1)?.is(ZX_ERR_OUT_OF_RANGE).map(drop)
    });
}

fn errors(suite: &mut Suite) {
    suite.test("refuses_a_closed_handle", &["VMO-READ-02"], &[], |cx| {
        let closed = cx.closed_handle()?;
        cx.vmo_read(closed, 0, 0)?.is(ZX_ERR_BAD_HANDLE)?;
        cx.vmo_read(Handle::Invalid, 0, 0)?.is(ZX_ERR_BAD_HANDLE).map(drop)
    });

    // No page says that an event's handle has the right (W-04).
    let event = suite.test("refuses_an_event", &["VMO-READ-03"], &[OtherObjects], |cx| {
        let event = cx.event()?;
        cx.vmo_read(event, 0, 0)?.is(ZX_ERR_WRONG_TYPE).map(drop)
    });
    event.at(crate::level::Level::Kernel);

    suite.test("refuses_a_handle_without_read", &["VMO-READ-04"], &[Handles], |cx| {
        let vmo = create_old(cx, 1)?;
        for rights in [0, LISTED_RIGHTS & !ZX_RIGHT_READ] {
            let blind = cx.duplicate(vmo, rights)?;
            for len in [0, 1, PAGE] {
                cx.vmo_read(blind, 0, len)?.is(ZX_ERR_ACCESS_DENIED)?;
            }
        }
        cx.expect_bytes(vmo, 0, &old_bytes(PAGE))
    });

    suite.test("needs_no_right_but_read", &["VMO-READ-05"], &[Handles], |cx| {
        let vmo = create_old(cx, 2)?;
        let reader = cx.duplicate(vmo, ZX_RIGHT_READ)?;
        cx.expect_bytes(reader, 0, &old_bytes(2 * PAGE))?;
        cx.vmo_read(reader, 2 * PAGE, 1)?.is(ZX_ERR_OUT_OF_RANGE).map(drop)
    });

    suite.test("works_after_a_refusal", &["VMO-READ-08"], &[], |cx| {
        let vmo = create_old(cx, 1)?;
        cx.vmo_read(vmo, PAGE - 1, 2)?.is(ZX_ERR_OUT_OF_RANGE)?;
        cx.expect_bytes(vmo, PAGE - 1, &old_bytes(PAGE)[PAGE as usize - 1..])?;
        cx.expect_bytes(vmo, 0, &old_bytes(PAGE))
    });
}

fn contents(suite: &mut Suite) {
    // Each combination of pages that were written and pages that were not.
    for written in 0_u64..16 {
        suite.test(
            format!("reads_zeros_between_written_pages::{written:04b}"),
            &["VMO-READ-19", "VMO-CREATE-37"],
            &[],
            move |cx| {
                let vmo = cx.create(4 * PAGE)?;
                let mut expected = vec![0; 4 * PAGE as usize];
                let old = old_bytes(4 * PAGE);
                for page in (0..4).filter(|page| written >> page & 1 != 0) {
                    let range = (page * PAGE) as usize..((page + 1) * PAGE) as usize;
                    cx.write(vmo, page * PAGE, &old[range.clone()])?;
                    expected[range.clone()].copy_from_slice(&old[range]);
                }
                cx.expect_bytes(vmo, 0, &expected)?;
                cx.expect_bytes(vmo, 100, &expected[100..4 * PAGE as usize - 100])
            },
        );
    }

    // Offsets that differ in their upper bits only.
    for (name, offset) in [
        ("2_to_31", 1 << 31),
        ("2_to_32", 1 << 32),
        ("2_to_33", 1 << 33),
        ("2_to_40", 1 << 40),
        ("2_to_44", 1 << 44),
        ("2_to_48", 1 << 48),
        ("2_to_62", 1 << 62),
        ("2_to_63", 1 << 63),
    ] {
        suite.test(
            format!("offset_is_a_whole_register::{name}"),
            &["VMO-READ-19"],
            &[],
            move |cx| {
                let answer = cx.vmo_create(offset + 2 * PAGE, 0)?;
                let Some(created) = cx.ok_or_no_memory(answer)? else { return Ok(()) };
                let vmo = created.handle(0);
                cx.write(vmo, 0, b"low page")?;
                cx.write(vmo, offset - 4, b"the high page")?;
                cx.expect_bytes(vmo, 0, b"low page\0")?;
                cx.expect_bytes(vmo, offset - 6, b"\0\0the high page\0")?;
                cx.expect_bytes(vmo, offset, b"high page\0")
            },
        );
    }

    suite.test("reads_12_pages_at_once", &["VMO-READ-01", "VMO-READ-08"], &[], |cx| {
        let vmo = create_old(cx, 12)?;
        cx.expect_bytes(vmo, 0, &old_bytes(12 * PAGE))?;
        cx.expect_bytes(vmo, 1, &old_bytes(12 * PAGE)[1..])
    });

    suite.test("reads_each_byte_alone", &["VMO-READ-19"], &[], |cx| {
        let vmo = create_old(cx, 2)?;
        let bytes = old_bytes(2 * PAGE);
        for offset in (0..2 * PAGE).step_by(61).chain(PAGE - 2..PAGE + 2) {
            cx.expect_bytes(vmo, offset, &bytes[offset as usize..=offset as usize])?;
        }
        Ok(())
    });
}
