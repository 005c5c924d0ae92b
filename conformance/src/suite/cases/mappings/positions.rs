//! Mappings of positions that do not fit into 32 bits.

use vmo_abi::Capability::Mapping;

use super::picture::map_at;
use crate::program::{Address, Handle};
use crate::suite::{Checked, Context, PAGE, READ_WRITE, Suite, plus};

/// Positions, all below the last pages of a VMO, which the kernel of that day
/// could not free.
const POSITIONS: &[(&str, u64)] = &[
    ("2_to_the_31", 1 << 31),
    ("before_2_to_the_32", (1 << 32) - PAGE),
    ("2_to_the_32", 1 << 32),
    ("behind_2_to_the_32", (1 << 32) + PAGE),
    ("2_to_the_40", 1 << 40),
    ("2_to_the_44", 1 << 44),
    ("2_to_the_52", 1 << 52),
    ("2_to_the_63", 1 << 63),
    ("behind_2_to_the_63", (1 << 63) + PAGE),
    ("near_the_end", 0_u64.wrapping_sub(64 * PAGE)),
];

/// Creates a VMO as large as can be, if there is memory for it.
fn create_largest(cx: &mut Context<'_>) -> Checked<Option<Handle>> {
    let answer = cx.vmo_create(0_u64.wrapping_sub(PAGE), 0)?;
    Ok(cx.ok_or_no_memory(answer)?.map(|answer| answer.handle(0)))
}

pub(super) fn add(suite: &mut Suite) {
    for &(row, position) in POSITIONS {
        suite.test(
            format!("a_large_position_shows_its_page::{row}"),
            &["VMAR-MAP-01", "VMAR-MAP-39"],
            &[Mapping],
            move |cx| {
                let Some(vmo) = create_largest(cx)? else { return Ok(()) };
                cx.write(vmo, 0, b"wrong")?;
                cx.write(vmo, PAGE, b"wrong")?;
                cx.write(vmo, position, b"right")?;
                let address = cx.map(vmo, position - PAGE, 3 * PAGE, READ_WRITE)?;
                cx.expect_load(address, &[0; PAGE as usize])?;
                cx.expect_load(plus(address, PAGE), b"right\0")?;
                cx.expect_load(plus(address, 2 * PAGE), &[0; PAGE as usize])
            },
        );

        suite.test(
            format!("a_store_at_a_large_position::{row}"),
            &["VMAR-MAP-40"],
            &[Mapping],
            move |cx| {
                let Some(vmo) = create_largest(cx)? else { return Ok(()) };
                let address = cx.map(vmo, position, 2 * PAGE, READ_WRITE)?;
                cx.store_bytes(plus(address, PAGE - 1), b"xy")?;
                cx.expect_bytes(vmo, position + PAGE - 2, b"\0xy\0")?;
                cx.expect_bytes(vmo, 0, &[0; 2 * PAGE as usize])?;
                if position < 1 << 32 {
                    return Ok(());
                }
                // What the position would be if it were cut to 32 bits.
                cx.expect_bytes(vmo, position % (1 << 32) + PAGE - 1, b"\0\0")
            },
        );

        suite.test(
            format!("an_end_at_a_large_position::{row}"),
            &["VMAR-MAP-42", "VMAR-MAP-43"],
            &[Mapping],
            move |cx| {
                let answer = cx.vmo_create(position, 0)?;
                let Some(answer) = cx.ok_or_no_memory(answer)? else { return Ok(()) };
                let vmo = answer.handle(0);
                let address = cx.map(vmo, position - PAGE, 2 * PAGE, READ_WRITE)?;
                cx.store_bytes(address, b"last")?;
                cx.expect_load_fault(plus(address, PAGE))?;
                cx.expect_store_fault(plus(address, PAGE))?;
                cx.resize(vmo, position + PAGE)?;
                cx.store_bytes(plus(address, PAGE), b"more")?;
                cx.expect_bytes(vmo, position - PAGE, b"last\0")?;
                cx.expect_bytes(vmo, position, b"more\0")
            },
        );

        suite.test(
            format!("a_split_at_a_large_position::{row}"),
            &["VMAR-UNMAP-02"],
            &[Mapping],
            move |cx| {
                let Some(vmo) = create_largest(cx)? else { return Ok(()) };
                cx.write(vmo, position, b"right")?;
                let first = position / PAGE - 2;
                map_at(cx, Handle::Region, 0, vmo, first, 4, READ_WRITE)?;
                cx.vmar_unmap(Handle::Region, Address::Region(PAGE), PAGE)?.ok()?;
                cx.expect_load(Address::Region(2 * PAGE), b"right\0")?;
                cx.store_bytes(Address::Region(3 * PAGE), b"next")?;
                cx.expect_bytes(vmo, position + PAGE, b"next\0")
            },
        );
    }

    suite.test("the_first_page_far_into_a_mapping", &["VMAR-MAP-01"], &[Mapping], |cx| {
        let answer = cx.vmo_create(1 << 32, 0)?;
        let Some(answer) = cx.ok_or_no_memory(answer)? else { return Ok(()) };
        let vmo = answer.handle(0);
        for (page, byte) in [(0, b"a"), ((1 << 19) + 1, b"b"), ((1 << 20) - 1, b"c")] {
            cx.write(vmo, page * PAGE, byte)?;
        }
        let answer = cx.vmar_map(Handle::Region, 0, vmo, 0, 1 << 32, READ_WRITE)?;
        let Some(answer) = cx.ok_or_no_memory(answer)? else { return Ok(()) };
        let address = answer.address();
        for (page, byte) in [(0, b"a"), ((1 << 19) + 1, b"b"), ((1 << 20) - 1, b"c")] {
            cx.expect_load(plus(address, page * PAGE), byte)?;
            cx.store_bytes(plus(address, page * PAGE + 1), byte)?;
            cx.expect_bytes(vmo, page * PAGE, &[byte[0], byte[0], 0])?;
        }
        Ok(())
    });
}
