//! The rights of a duplicate: each right alone, without each right, every set.

use vmo_abi::Capability::{Handles, Info, OtherObjects, Regions};
use vmo_abi::{
    Syscall, ZX_DEFAULT_VMO_RIGHTS, ZX_ERR_ACCESS_DENIED, ZX_ERR_INVALID_ARGS, ZX_OK,
    ZX_RIGHT_DUPLICATE, ZX_RIGHT_MAP, ZX_RIGHT_READ, ZX_RIGHT_SAME_RIGHTS, ZX_RIGHT_WAIT,
    ZX_RIGHT_WRITE,
};

use super::{VMO_RIGHTS, level_of};
use crate::level::Level;
use crate::program::{Handle, Value};
use crate::suite::cases::object_get_info::expect_count;
use crate::suite::{Answer, Checked, Context, PAGE, Suite};

/// Duplicates with a whole register of rights.
fn duplicate_with_register(cx: &mut Context<'_>, vmo: Handle, rights: u64) -> Checked<Answer> {
    let arguments = vec![vmo.into(), Value::Number(rights), Value::Scratch];
    cx.call(Syscall::handle_duplicate, arguments)
}

pub(super) fn add(suite: &mut Suite) {
    granted(suite);
    refused(suite);
    same_rights(suite);
    registers(suite);
    other_objects(suite);
}

fn granted(suite: &mut Suite) {
    for &(row, right) in VMO_RIGHTS {
        suite
            .test(
                format!("gives_just_the_one_right::{row}"),
                &["HANDLE-DUP-03"],
                &[Handles, Info],
                move |cx| {
                    let vmo = cx.create(PAGE)?;
                    let before = cx.rights(vmo)?;
                    let second = cx.duplicate(vmo, right)?;
                    cx.expect_rights(second, right)?;
                    cx.expect_rights(vmo, before)
                },
            )
            .at(level_of(right));
        suite.test(
            format!("gives_all_but_the_one_right::{row}"),
            &["HANDLE-DUP-03"],
            &[Handles, Info],
            move |cx| {
                let vmo = cx.create(PAGE)?;
                let before = cx.rights(vmo)?;
                let second = cx.duplicate(vmo, before & !right)?;
                cx.expect_rights(second, before & !right)?;
                cx.expect_rights(vmo, before)
            },
        );
    }

    suite.test("gives_every_set_of_rights", &["HANDLE-DUP-03"], &[Handles, Info], |cx| {
        let vmo = cx.create(PAGE)?;
        let own = cx.rights(vmo)?;
        let all = own & ZX_DEFAULT_VMO_RIGHTS;
        // All proper subsets, from the largest down to none.
        let mut asked = all;
        while asked != 0 {
            asked = (asked - 1) & all;
            let second = cx.duplicate(vmo, asked)?;
            cx.expect_rights(second, asked)?;
            cx.close(second)?;
        }
        cx.expect_rights(vmo, own)
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

    suite.test("own_rights_of_a_weak_handle", &["HANDLE-DUP-04"], &[Handles, Info], |cx| {
        let vmo = cx.create(PAGE)?;
        for &(_, right) in VMO_RIGHTS {
            let few = cx.duplicate(vmo, right | ZX_RIGHT_DUPLICATE)?;
            let again = cx.duplicate(few, right | ZX_RIGHT_DUPLICATE)?;
            cx.expect_rights(again, right | ZX_RIGHT_DUPLICATE)?;
        }
        Ok(())
    });

    suite.test("no_rights_at_all_is_allowed", &["HANDLE-DUP-07"], &[Handles, Info], |cx| {
        let vmo = cx.create(3 * PAGE)?;
        let bare = cx.duplicate(vmo, 0)?;
        cx.expect_rights(bare, 0)?;
        cx.expect_size(bare, 3 * PAGE)?;
        cx.vmo_read(bare, 0, 1)?.is(ZX_ERR_ACCESS_DENIED)?;
        cx.vmo_write(bare, 0, b"x")?.is(ZX_ERR_ACCESS_DENIED)?;
        cx.vmo_set_size(bare, 0)?.is(ZX_ERR_ACCESS_DENIED)?;
        let other = cx.handle_replace(bare, 0)?.ok()?.handle(0);
        cx.expect_rights(other, 0)?;
        cx.close(other)?;
        cx.expect_size(vmo, 3 * PAGE)
    });

    suite.test("rights_only_ever_get_fewer", &["HANDLE-DUP-03"], &[Handles, Info], |cx| {
        let vmo = cx.create(PAGE)?;
        let all = cx.rights(vmo)?;
        let (mut handle, mut rights) = (vmo, all);
        for &(_, right) in VMO_RIGHTS.iter().rev() {
            if right == ZX_RIGHT_DUPLICATE {
                break;
            }
            handle = cx.duplicate(handle, rights & !right)?;
            rights &= !right;
            cx.expect_rights(handle, rights)?;
            cx.handle_duplicate(handle, rights | right)?.is(ZX_ERR_INVALID_ARGS)?.untouched()?;
        }
        cx.expect_rights(vmo, all)
    });
}

fn refused(suite: &mut Suite) {
    for bit in 1..31 {
        suite.test(
            format!("a_right_it_lacks_is_refused::bit_{bit}"),
            &["HANDLE-DUP-05"],
            &[Handles, Info],
            move |cx| {
                let right = 1 << bit;
                let vmo = cx.create(PAGE)?;
                let most = cx.rights(vmo)? & !right;
                let few = cx.duplicate(vmo, most & !ZX_RIGHT_WRITE)?;
                let most = most & !ZX_RIGHT_WRITE;
                for asked in [right, right | ZX_RIGHT_DUPLICATE, most | right] {
                    cx.handle_duplicate(few, asked)?.is(ZX_ERR_INVALID_ARGS)?.untouched()?;
                }
                cx.expect_rights(few, most)?;
                expect_count(cx, vmo, 2)
            },
        );
    }

    for (row, asked) in [
        ("undefined", 0x7ff0_0000),
        ("all_but_same_rights", 0x7fff_ffff),
        ("every_right_there_is", 0xf_ffff),
    ] {
        suite.test(
            format!("rights_no_vmo_has_are_refused::{row}"),
            &["HANDLE-DUP-05"],
            &[Handles, Info],
            move |cx| {
                let vmo = cx.create(PAGE)?;
                cx.handle_duplicate(vmo, asked)?.is(ZX_ERR_INVALID_ARGS)?.untouched()?;
                expect_count(cx, vmo, 1)
            },
        );
    }

    suite.test(
        "a_strong_handle_does_not_help_a_weak_one",
        &["HANDLE-DUP-05"],
        &[Handles, Info],
        |cx| {
            let vmo = cx.create(PAGE)?;
            let weak = cx.duplicate(vmo, ZX_RIGHT_DUPLICATE | ZX_RIGHT_READ)?;
            let asked = ZX_RIGHT_READ | ZX_RIGHT_WRITE;
            cx.handle_duplicate(weak, asked)?.is(ZX_ERR_INVALID_ARGS)?.untouched()?;
            let strong = cx.duplicate(vmo, asked)?;
            cx.expect_rights(strong, asked)?;
            cx.handle_duplicate(weak, asked)?.is(ZX_ERR_INVALID_ARGS)?.untouched().map(drop)
        },
    );
}

fn same_rights(suite: &mut Suite) {
    suite.test("same_rights_gives_the_same", &["HANDLE-DUP-02"], &[Handles, Info], |cx| {
        let vmo = cx.create(PAGE)?;
        let rights = cx.rights(vmo)?;
        let second = cx.duplicate(vmo, ZX_RIGHT_SAME_RIGHTS)?;
        cx.expect_rights(second, rights)?;
        cx.expect_rights(vmo, rights)
    });

    for &(row, right) in VMO_RIGHTS {
        suite
            .test(
                format!("same_rights_of_a_weak_handle::{row}"),
                &["HANDLE-DUP-02"],
                &[Handles, Info],
                move |cx| {
                    let vmo = cx.create(PAGE)?;
                    let few = cx.duplicate(vmo, right | ZX_RIGHT_DUPLICATE)?;
                    let second = cx.duplicate(few, ZX_RIGHT_SAME_RIGHTS)?;
                    cx.expect_rights(second, right | ZX_RIGHT_DUPLICATE)
                },
            )
            .at(level_of(right));
    }

    for bit in 0..31 {
        suite.test(
            format!("same_rights_with_another_bit_is_refused::bit_{bit}"),
            &["HANDLE-DUP-06"],
            &[Handles, Info],
            move |cx| {
                let vmo = cx.create(PAGE)?;
                let answer = cx.handle_duplicate(vmo, ZX_RIGHT_SAME_RIGHTS | 1 << bit)?;
                answer.is(ZX_ERR_INVALID_ARGS)?.untouched()?;
                expect_count(cx, vmo, 1)
            },
        );
    }

    for (row, more) in [("its_own", ZX_DEFAULT_VMO_RIGHTS), ("all_ones", u32::MAX)] {
        suite.test(
            format!("same_rights_with_more_is_refused::{row}"),
            &["HANDLE-DUP-06"],
            &[Handles, Info],
            move |cx| {
                let vmo = cx.create(PAGE)?;
                let answer = cx.handle_duplicate(vmo, ZX_RIGHT_SAME_RIGHTS | more)?;
                answer.is(ZX_ERR_INVALID_ARGS)?.untouched()?;
                expect_count(cx, vmo, 1)
            },
        );
    }
}

/// An argument of 32 bits is the lower half of a register; the kernel never
/// looks at the other.
fn registers(suite: &mut Suite) {
    for (row, upper) in [("lowest", 1 << 32), ("highest", 1 << 63), ("all", u64::MAX << 32)] {
        suite
            .test(
                format!("ignores_the_upper_half_of_rights::{row}"),
                &["HANDLE-DUP-02", "HANDLE-DUP-03", "HANDLE-DUP-05"],
                &[Handles, Info],
                move |cx| {
                    let vmo = cx.create(PAGE)?;
                    let rights = cx.rights(vmo)?;
                    let same = upper | u64::from(ZX_RIGHT_SAME_RIGHTS);
                    let second = duplicate_with_register(cx, vmo, same)?.ok()?.handle(0);
                    cx.expect_rights(second, rights)?;
                    let third = duplicate_with_register(cx, vmo, upper | 4)?.ok()?.handle(0);
                    cx.expect_rights(third, ZX_RIGHT_READ)?;
                    let answer = duplicate_with_register(cx, vmo, upper | 1 << 20)?;
                    answer.is(ZX_ERR_INVALID_ARGS)?.untouched().map(drop)
                },
            )
            .at(Level::Kernel);
    }
}

fn other_objects(suite: &mut Suite) {
    suite.test(
        "an_event_is_like_a_vmo",
        &["HANDLE-DUP-02", "HANDLE-DUP-03", "HANDLE-DUP-05"],
        &[Handles, Info, OtherObjects],
        |cx| {
            let event = cx.event()?;
            let (rights, koid) = (cx.rights(event)?, cx.koid(event)?);
            let second = cx.duplicate_same(event)?;
            cx.expect_rights(second, rights)?;
            let third = cx.duplicate(event, ZX_RIGHT_WAIT)?;
            cx.expect_rights(third, ZX_RIGHT_WAIT)?;
            cx.handle_duplicate(event, ZX_RIGHT_MAP)?.is(ZX_ERR_INVALID_ARGS)?.untouched()?;
            let same = cx.koid(third)?;
            cx.expect(same == koid, koid, same)
        },
    );

    suite.test(
        "a_region_is_like_a_vmo",
        &["HANDLE-DUP-02", "HANDLE-DUP-03", "HANDLE-DUP-05"],
        &[Handles, Info, Regions],
        |cx| {
            let (region, _) = cx.allocate(16 * PAGE, 0x80)?;
            let (rights, koid) = (cx.rights(region)?, cx.koid(region)?);
            let second = cx.duplicate_same(region)?;
            cx.expect_rights(second, rights)?;
            let third = cx.duplicate(region, ZX_RIGHT_READ)?;
            cx.expect_rights(third, ZX_RIGHT_READ)?;
            cx.handle_duplicate(region, ZX_RIGHT_MAP)?.is(ZX_ERR_INVALID_ARGS)?.untouched()?;
            let same = cx.koid(third)?;
            cx.expect(same == koid, koid, same)
        },
    );

    suite
        .test(
            "a_channel_has_no_right_to_be_duplicated",
            &["HANDLE-DUP-08"],
            &[Handles, OtherObjects],
            |cx| {
                let (near, far) = cx.channel()?;
                for end in [near, far] {
                    for asked in [ZX_RIGHT_SAME_RIGHTS, ZX_RIGHT_READ, 0] {
                        let answer = cx.handle_duplicate(end, asked)?;
                        answer.is(ZX_ERR_ACCESS_DENIED)?.untouched()?;
                    }
                }
                Ok(())
            },
        )
        .at(Level::Kernel);
}
