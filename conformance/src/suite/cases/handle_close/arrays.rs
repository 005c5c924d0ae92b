//! `handle_close_many`: arrays that are empty, unreadable, or readable in part.

use vmo_abi::Capability::{Handles, Info};
use vmo_abi::{Syscall, ZX_ERR_BAD_HANDLE, ZX_ERR_INVALID_ARGS, ZX_OK, zx_handle_t, zx_status_t};

use crate::level::Level;
use crate::program::{Address, Handle, Value};
use crate::suite::cases::object_get_info::expect_count;
use crate::suite::{Answer, Checked, Context, Failure, PAGE, Side, Suite};

/// Places where no array can be read.
const UNREADABLE: &[(&str, Address)] = &[
    ("null", Address::Null),
    ("unmapped", Address::Unmapped),
    ("kernel", Address::Kernel),
    ("below_user_space", Address::Literal(0x1000)),
    ("straddling", Address::Straddle(3)),
];

/// Closes `count` handles from an array that ends where memory ends.
fn close_at_the_end_of_memory(
    cx: &mut Context<'_>,
    values: &[zx_handle_t],
    count: u64,
) -> Checked<Answer> {
    let bytes: Vec<_> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    let address = cx.backend().environment().arena.end() - bytes.len() as u64;
    let stored = cx.backend().store(address, &bytes);
    stored.map_err(|fault| Failure::CannotRun(fault.into()))?;
    let handles = Value::Address(Address::Straddle(bytes.len() as u64));
    cx.call(Syscall::handle_close_many, vec![handles, Value::Number(count)])
}

/// Duplicates of a VMO, and their values.
fn duplicates(
    cx: &mut Context<'_>,
    vmo: Handle,
    count: usize,
) -> Checked<(Vec<Handle>, Vec<zx_handle_t>)> {
    let mut handles = Vec::new();
    for _ in 0..count {
        handles.push(cx.duplicate_same(vmo)?);
    }
    let values = handles.iter().map(|handle| cx.handle_value(*handle)).collect();
    Ok((handles, values))
}

pub(super) fn add(suite: &mut Suite) {
    for &(row, address) in UNREADABLE {
        suite.test(
            format!("many_of_none_looks_at_nothing::{row}"),
            &["HANDLE-CLOSE-12"],
            &[Handles],
            move |cx| {
                cx.with("handles", address);
                cx.handle_close_many(&[])?.ok().map(drop)
            },
        );
        suite
            .test(
                format!("many_with_an_unreadable_array::{row}"),
                &["HANDLE-CLOSE-13"],
                &[Handles, Info],
                move |cx| {
                    let vmo = cx.create(PAGE)?;
                    let second = cx.duplicate_same(vmo)?;
                    cx.with("handles", address);
                    let answer = cx.handle_close_many(&[second])?;
                    cx.either("C-29", answer, ZX_ERR_INVALID_ARGS, ZX_OK)?;
                    cx.expect_valid(second, true)?;
                    expect_count(cx, vmo, 2)
                },
            )
            .at(Level::Page);
    }

    suite.test("many_of_none_closes_nothing", &["HANDLE-CLOSE-12"], &[Handles, Info], |cx| {
        let vmo = cx.create(PAGE)?;
        let arguments = vec![Value::Handles(vec![vmo]), Value::Number(0)];
        cx.call(Syscall::handle_close_many, arguments)?.ok()?;
        cx.expect_valid(vmo, true)
    });

    suite.test("a_read_only_array_will_do", &["HANDLE-CLOSE-11"], &[Handles, Info], |cx| {
        // A page of zeros, which is an array of 1024 values 0.
        let vmo = cx.create(PAGE)?;
        let arguments = vec![Value::Address(Address::ReadOnly), Value::Number(1024)];
        cx.call(Syscall::handle_close_many, arguments)?.ok()?;
        cx.expect_valid(vmo, true)
    });

    for count in [1_usize, 5, 63, 64, 65, 128] {
        suite.test(
            format!("an_array_up_to_the_end_of_memory::{count}"),
            &["HANDLE-CLOSE-09"],
            &[Handles, Info],
            move |cx| {
                let vmo = cx.create(PAGE)?;
                let (_, values) = duplicates(cx, vmo, count)?;
                close_at_the_end_of_memory(cx, &values, count as u64)?.ok()?;
                expect_count(cx, vmo, 1)
            },
        );
    }

    // The kernel reads 64 entries at a time, and closes those it could read.
    for (row, readable, count, closed) in [
        ("none_of_an_unreadable_block", 5_usize, 6_u64, 0_usize),
        ("none_of_a_long_unreadable_block", 63, 64, 0),
        ("the_first_block", 64, 65, 64),
        ("the_first_of_two_and_a_half", 100, 130, 64),
        ("two_blocks", 128, 129, 128),
    ] {
        suite.test(
            format!("what_can_be_read_is_closed::{row}"),
            &["HANDLE-CLOSE-13"],
            &[Handles, Info],
            move |cx| {
                let vmo = cx.create(PAGE)?;
                let (handles, values) = duplicates(cx, vmo, readable)?;
                let answer = close_at_the_end_of_memory(cx, &values, count)?;
                let (_, side) = cx.either("C-29", answer, ZX_ERR_INVALID_ARGS, ZX_OK)?;
                if side == Side::Page {
                    return Ok(());
                }
                for (index, handle) in handles.into_iter().enumerate() {
                    cx.expect_valid(handle, index >= closed)?;
                }
                expect_count(cx, vmo, 1 + (readable - closed) as u32)
            },
        );
    }

    for (row, readable, expected) in
        [("in_a_block_that_was_read", 64_usize, ZX_ERR_BAD_HANDLE), ("in_none", 63, ZX_OK)]
    {
        suite.test(
            format!("a_bad_entry_before_unreadable_memory::{row}"),
            &["HANDLE-CLOSE-13"],
            &[Handles, Info],
            move |cx| {
                let vmo = cx.create(PAGE)?;
                let (_, mut values) = duplicates(cx, vmo, readable)?;
                values[7] = zx_handle_t::MAX;
                let answer = close_at_the_end_of_memory(cx, &values, readable as u64 + 1)?;
                answer.is(expected).map(drop)
            },
        );
    }

    for (row, count) in [
        ("2_to_32", 1 << 32 | 1),
        ("2_to_62", 1 << 62 | 1),
        ("2_to_63", 1 << 63 | 1),
        ("all_ones", u64::MAX),
    ] {
        suite.test(
            format!("a_huge_count_is_not_cut::{row}"),
            &["HANDLE-CLOSE-13"],
            &[Handles, Info],
            move |cx| {
                // Cut to 32 bits, or multiplied by 4, some counts are 1.
                let vmo = cx.create(PAGE)?;
                let (handles, values) = duplicates(cx, vmo, 1)?;
                let answer = close_at_the_end_of_memory(cx, &values, count)?;
                answer.is(ZX_OK as zx_status_t)?;
                cx.expect_valid(handles[0], true)
            },
        );
    }
}
