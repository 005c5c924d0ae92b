//! `handle_duplicate`: which rights the new handle gets, and what it shares.

use vmo_abi::Capability::{Handles, Info, MemoryControl, Properties, Signals};
use vmo_abi::{
    ZX_DEFAULT_VMO_RIGHTS, ZX_ERR_ACCESS_DENIED, ZX_ERR_INVALID_ARGS, ZX_OK, ZX_RIGHT_DUPLICATE,
    ZX_RIGHT_READ, ZX_RIGHT_SAME_RIGHTS, ZX_RIGHT_TRANSFER, ZX_RIGHT_WRITE, ZX_USER_SIGNAL_3,
    zx_rights_t,
};

use crate::level::Level;
use crate::program::Address;
use crate::suite::{PAGE, Suite};

/// Rights that are kept by a duplicate.
const SUBSETS: &[(&str, zx_rights_t)] = &[
    ("none", 0),
    ("duplicate", ZX_RIGHT_DUPLICATE),
    ("transfer", ZX_RIGHT_TRANSFER),
    ("read", ZX_RIGHT_READ),
    ("write", ZX_RIGHT_WRITE),
    ("read_write", ZX_RIGHT_READ | ZX_RIGHT_WRITE),
    ("execute", 1 << 4),
    ("map", 1 << 5),
    ("get_property", 1 << 6),
    ("set_property", 1 << 7),
    ("signal", 1 << 12),
    ("wait", 1 << 14),
    ("inspect", 1 << 15),
    ("all_but_duplicate", ZX_DEFAULT_VMO_RIGHTS & !ZX_RIGHT_DUPLICATE),
    ("all_but_write", ZX_DEFAULT_VMO_RIGHTS & !ZX_RIGHT_WRITE),
];

pub(super) fn add(suite: &mut Suite) {
    for &(row, rights) in SUBSETS {
        suite.test(
            format!("gives_just_the_rights::{row}"),
            &["HANDLE-DUP-03"],
            &[Handles, Info],
            move |cx| {
                let vmo = cx.create(PAGE)?;
                let before = cx.rights(vmo)?;
                let second = cx.duplicate(vmo, rights)?;
                cx.expect_rights(second, rights)?;
                cx.expect_rights(vmo, before)
            },
        );
    }

    suite.test("same_rights_gives_the_same", &["HANDLE-DUP-02"], &[Handles, Info], |cx| {
        let vmo = cx.create(PAGE)?;
        let rights = cx.rights(vmo)?;
        let second = cx.duplicate(vmo, ZX_RIGHT_SAME_RIGHTS)?;
        cx.expect_rights(second, rights)?;
        let few = cx.duplicate(vmo, ZX_RIGHT_DUPLICATE | ZX_RIGHT_READ)?;
        let fewer = cx.duplicate(few, ZX_RIGHT_SAME_RIGHTS)?;
        cx.expect_rights(fewer, ZX_RIGHT_DUPLICATE | ZX_RIGHT_READ)
    });

    suite
        .test("just_its_own_rights_may_be_asked", &["HANDLE-DUP-04"], &[Handles, Info], |cx| {
            let vmo = cx.create(PAGE)?;
            let rights = cx.rights(vmo)?;
            let answer = cx.handle_duplicate(vmo, rights)?;
            let (answer, _) = cx.either("C-21", answer, ZX_ERR_INVALID_ARGS, ZX_OK)?;
            if answer.status() == Some(ZX_OK) {
                return cx.expect_rights(answer.handle(0), rights);
            }
            answer.untouched().map(drop)
        })
        .at(Level::Page);

    for bit in 0..31 {
        suite.test(
            format!("a_right_it_lacks_is_refused::bit_{bit}"),
            &["HANDLE-DUP-05"],
            &[Handles, Info],
            move |cx| {
                let right = 1 << bit;
                let vmo = cx.create(PAGE)?;
                let most = cx.rights(vmo)? & !right | ZX_RIGHT_DUPLICATE;
                let few = cx.duplicate(vmo, if bit == 0 { ZX_RIGHT_READ } else { most })?;
                // Without DUPLICATE itself the refusal has another name.
                let refusal = if bit == 0 { ZX_ERR_ACCESS_DENIED } else { ZX_ERR_INVALID_ARGS };
                for asked in [right, right | ZX_RIGHT_READ] {
                    cx.handle_duplicate(few, asked)?.is(refusal)?.untouched()?;
                }
                cx.expect_valid(few, true)
            },
        );
        suite.test(
            format!("same_rights_with_another_bit_is_refused::bit_{bit}"),
            &["HANDLE-DUP-06"],
            &[Handles, Info],
            move |cx| {
                let vmo = cx.create(PAGE)?;
                let answer = cx.handle_duplicate(vmo, ZX_RIGHT_SAME_RIGHTS | 1 << bit)?;
                answer.is(ZX_ERR_INVALID_ARGS)?.untouched()?;
                let count = cx.handle_count(vmo)?;
                cx.expect(count == 1, "1 handle", count)
            },
        );
    }

    suite.test("no_rights_at_all_is_allowed", &["HANDLE-DUP-07"], &[Handles, Info], |cx| {
        let vmo = cx.create(3 * PAGE)?;
        let bare = cx.duplicate(vmo, 0)?;
        cx.expect_rights(bare, 0)?;
        cx.expect_size(bare, 3 * PAGE)?;
        cx.vmo_read(bare, 0, 1)?.is(ZX_ERR_ACCESS_DENIED)?;
        let other = cx.handle_replace(bare, 0)?.ok()?.handle(0);
        cx.close(other)
    });

    for (row, asked) in
        [("same_rights", ZX_RIGHT_SAME_RIGHTS), ("none", 0), ("read", ZX_RIGHT_READ)]
    {
        suite.test(
            format!("without_duplicate_it_is_denied::{row}"),
            &["HANDLE-DUP-08"],
            &[Handles, Info],
            move |cx| {
                let vmo = cx.create(PAGE)?;
                let fixed = cx.duplicate(vmo, ZX_RIGHT_READ | ZX_RIGHT_WRITE)?;
                cx.handle_duplicate(fixed, asked)?.is(ZX_ERR_ACCESS_DENIED)?.untouched()?;
                cx.expect_valid(fixed, true)
            },
        );
    }

    suite.test("the_right_comes_before_the_subset", &["HANDLE-DUP-09"], &[Handles], |cx| {
        let vmo = cx.create(PAGE)?;
        let fixed = cx.duplicate(vmo, ZX_RIGHT_READ)?;
        let answer = cx.handle_duplicate(fixed, ZX_RIGHT_READ | ZX_RIGHT_WRITE)?;
        answer.is(ZX_ERR_ACCESS_DENIED)?.untouched()?;
        cx.handle_duplicate(fixed, 1 << 30)?.is(ZX_ERR_ACCESS_DENIED).map(drop)
    });

    suite.test("both_name_the_same_vmo", &["HANDLE-DUP-13", "HANDLE-DUP-01"], &[Handles], |cx| {
        let vmo = cx.create(PAGE)?;
        let second = cx.duplicate_same(vmo)?;
        cx.write(vmo, 0, b"one")?;
        cx.expect_bytes(second, 0, b"one")?;
        cx.resize(second, 3 * PAGE)?;
        cx.expect_size(vmo, 3 * PAGE)?;
        cx.write(second, 2 * PAGE, b"two")?;
        cx.expect_bytes(vmo, 2 * PAGE, b"two")
    });

    suite.test(
        "both_show_name_and_signals",
        &["HANDLE-DUP-13"],
        &[Handles, Properties, Signals],
        |cx| {
            let vmo = cx.create(PAGE)?;
            let second = cx.duplicate_same(vmo)?;
            cx.set_name(second, b"shared")?;
            cx.expect_name(vmo, b"shared")?;
            cx.object_signal(vmo, 0, ZX_USER_SIGNAL_3)?.ok()?;
            cx.expect_signal(second, ZX_USER_SIGNAL_3, true)
        },
    );

    suite.test("closing_one_leaves_the_other", &["HANDLE-DUP-01"], &[Handles], |cx| {
        let vmo = cx.create_filled(PAGE, 0x41)?;
        let second = cx.duplicate_same(vmo)?;
        let third = cx.duplicate_same(second)?;
        cx.close(vmo)?;
        cx.expect_bytes(second, 0, b"A")?;
        cx.close(second)?;
        cx.expect_bytes(third, PAGE - 1, b"A")
    });

    for address in [Address::Null, Address::Unmapped, Address::ReadOnly] {
        let row = format!("{address:?}").to_lowercase();
        suite.test(
            format!("a_bad_pointer_adds_no_handle::{row}"),
            &["HANDLE-DUP-12"],
            &[Handles, Info],
            move |cx| {
                let vmo = cx.create(PAGE)?;
                cx.with("out", address);
                cx.handle_duplicate(vmo, ZX_RIGHT_SAME_RIGHTS)?.is(ZX_ERR_INVALID_ARGS)?;
                let count = cx.handle_count(vmo)?;
                cx.expect(count == 1, "1 handle", count)?;
                cx.expect_size(vmo, PAGE)
            },
        );
    }

    suite.test("lack_of_memory", &["HANDLE-DUP-14"], &[Handles, MemoryControl], |cx| {
        let vmo = cx.create(PAGE)?;
        cx.fail_allocation(Some(1))?;
        let answer = cx.handle_duplicate(vmo, ZX_RIGHT_SAME_RIGHTS)?;
        cx.fail_allocation(None)?;
        answer.one_of(&[ZX_OK, vmo_abi::ZX_ERR_NO_MEMORY])?;
        cx.expect_size(vmo, PAGE)
    });
}
