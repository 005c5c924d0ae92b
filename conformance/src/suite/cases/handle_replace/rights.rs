//! The rights of the new handle, and those that are refused.

use vmo_abi::Capability::{Handles, Info, OtherObjects, Regions};
use vmo_abi::{
    Syscall, ZX_DEFAULT_VMO_RIGHTS, ZX_ERR_INVALID_ARGS, ZX_RIGHT_DUPLICATE, ZX_RIGHT_READ,
    ZX_RIGHT_SAME_RIGHTS, ZX_RIGHT_WAIT, ZX_RIGHT_WRITE,
};

use crate::level::Level;
use crate::program::{Handle, Value};
use crate::suite::cases::handle_duplicate::{VMO_RIGHTS, level_of};
use crate::suite::cases::object_get_info::expect_count;
use crate::suite::{Answer, Checked, Context, PAGE, Suite};

/// Replaces with a whole register of rights.
fn replace_with_register(cx: &mut Context<'_>, vmo: Handle, rights: u64) -> Checked<Answer> {
    let arguments = vec![vmo.into(), Value::Number(rights), Value::Scratch];
    cx.call(Syscall::handle_replace, arguments)
}

pub(super) fn add(suite: &mut Suite) {
    granted(suite);
    refused(suite);
    others(suite);
}

fn granted(suite: &mut Suite) {
    for &(row, right) in VMO_RIGHTS {
        suite
            .test(
                format!("gives_just_the_one_right::{row}"),
                &["HANDLE-REPLACE-01"],
                &[Handles, Info],
                move |cx| {
                    let vmo = cx.create(PAGE)?;
                    let other = cx.handle_replace(vmo, right)?.ok()?.handle(0);
                    cx.expect_rights(other, right)?;
                    cx.expect_size(other, PAGE)
                },
            )
            .at(level_of(right));
        suite.test(
            format!("gives_all_but_the_one_right::{row}"),
            &["HANDLE-REPLACE-01"],
            &[Handles, Info],
            move |cx| {
                let vmo = cx.create(PAGE)?;
                let less = cx.rights(vmo)? & !right;
                let other = cx.handle_replace(vmo, less)?.ok()?.handle(0);
                cx.expect_rights(other, less)
            },
        );
        suite.test(
            format!("same_rights_keeps_them::without_{row}"),
            &["HANDLE-REPLACE-02"],
            &[Handles, Info],
            move |cx| {
                let vmo = cx.create(PAGE)?;
                let few = cx.duplicate_without(vmo, right)?;
                let rights = cx.rights(vmo)? & !right;
                let other = cx.handle_replace(few, ZX_RIGHT_SAME_RIGHTS)?.ok()?.handle(0);
                cx.expect_rights(other, rights)
            },
        );
    }

    suite.test("gives_every_set_of_rights", &["HANDLE-REPLACE-01"], &[Handles, Info], |cx| {
        let vmo = cx.create(PAGE)?;
        let all = cx.rights(vmo)? & ZX_DEFAULT_VMO_RIGHTS;
        let mut asked = all;
        while asked != 0 {
            asked = (asked - 1) & all;
            let second = cx.duplicate_same(vmo)?;
            let other = cx.handle_replace(second, asked)?.ok()?.handle(0);
            cx.expect_rights(other, asked)?;
            cx.close(other)?;
        }
        expect_count(cx, vmo, 1)
    });

    suite.test("same_rights_of_all_and_of_none", &["HANDLE-REPLACE-02"], &[Handles, Info], |cx| {
        let vmo = cx.create(PAGE)?;
        let rights = cx.rights(vmo)?;
        let bare = cx.duplicate(vmo, 0)?;
        let other = cx.handle_replace(bare, ZX_RIGHT_SAME_RIGHTS)?.ok()?.handle(0);
        cx.expect_rights(other, 0)?;
        let all = cx.handle_replace(vmo, ZX_RIGHT_SAME_RIGHTS)?.ok()?.handle(0);
        cx.expect_rights(all, rights)
    });

    suite.test("its_own_rights_may_be_asked", &["HANDLE-REPLACE-01"], &[Handles, Info], |cx| {
        let vmo = cx.create(PAGE)?;
        let rights = cx.rights(vmo)?;
        let other = cx.handle_replace(vmo, rights)?.ok()?.handle(0);
        cx.expect_rights(other, rights)
    });

    suite.test("the_rights_of_others_stay", &["HANDLE-REPLACE-01"], &[Handles, Info], |cx| {
        let vmo = cx.create(PAGE)?;
        let rights = cx.rights(vmo)?;
        let second = cx.duplicate(vmo, ZX_RIGHT_READ | ZX_RIGHT_WRITE)?;
        let third = cx.duplicate_same(vmo)?;
        let other = cx.handle_replace(second, ZX_RIGHT_READ)?.ok()?.handle(0);
        cx.expect_rights(vmo, rights)?;
        cx.expect_rights(third, rights)?;
        cx.expect_rights(other, ZX_RIGHT_READ)
    });

    suite.test("duplicate_is_not_needed", &["HANDLE-REPLACE-05"], &[Handles], |cx| {
        let vmo = cx.create(2 * PAGE)?;
        for asked in [ZX_RIGHT_READ, ZX_RIGHT_SAME_RIGHTS, 0] {
            let few = cx.duplicate(vmo, ZX_RIGHT_READ)?;
            let other = cx.handle_replace(few, asked)?.ok()?.handle(0);
            cx.expect_size(other, 2 * PAGE)?;
        }
        Ok(())
    });
}

fn refused(suite: &mut Suite) {
    for bit in 0..31 {
        suite.test(
            format!("a_right_it_lacks_is_refused::bit_{bit}"),
            &["HANDLE-REPLACE-03", "HANDLE-REPLACE-04"],
            &[Handles, Info],
            move |cx| {
                let right = 1 << bit;
                let vmo = cx.create(PAGE)?;
                let most = cx.rights(vmo)? & !right;
                for asked in [right, right | most, right | ZX_RIGHT_READ | ZX_RIGHT_WRITE] {
                    let few = cx.duplicate(vmo, most)?;
                    cx.handle_replace(few, asked)?.is(ZX_ERR_INVALID_ARGS)?;
                    cx.expect_valid(few, false)?;
                }
                cx.expect_size(vmo, PAGE)
            },
        );
        suite.test(
            format!("same_rights_with_another_bit_is_refused::bit_{bit}"),
            &["HANDLE-REPLACE-11"],
            &[Handles, Info],
            move |cx| {
                let vmo = cx.create(PAGE)?;
                let second = cx.duplicate_same(vmo)?;
                let answer = cx.handle_replace(second, ZX_RIGHT_SAME_RIGHTS | 1 << bit)?;
                answer.is(ZX_ERR_INVALID_ARGS)?.untouched()?;
                cx.expect_valid(second, false)?;
                expect_count(cx, vmo, 1)
            },
        );
    }

    suite.test("all_ones_are_refused", &["HANDLE-REPLACE-11"], &[Handles, Info], |cx| {
        let vmo = cx.create(PAGE)?;
        let second = cx.duplicate_same(vmo)?;
        cx.handle_replace(second, u32::MAX)?.is(ZX_ERR_INVALID_ARGS)?.untouched()?;
        cx.expect_valid(second, false)?;
        expect_count(cx, vmo, 1)
    });

    suite.test("no_right_comes_back", &["HANDLE-REPLACE-03"], &[Handles], |cx| {
        let vmo = cx.create(PAGE)?;
        let strong = cx.duplicate(vmo, ZX_RIGHT_READ | ZX_RIGHT_WRITE)?;
        let weak = cx.handle_replace(strong, ZX_RIGHT_READ)?.ok()?.handle(0);
        cx.handle_replace(weak, ZX_RIGHT_READ | ZX_RIGHT_WRITE)?.is(ZX_ERR_INVALID_ARGS).map(drop)
    });
}

fn others(suite: &mut Suite) {
    // An argument of 32 bits is the lower half of a register; the kernel never
    // looks at the other.
    for (row, upper) in [("lowest", 1 << 32), ("highest", 1 << 63), ("all", u64::MAX << 32)] {
        suite
            .test(
                format!("ignores_the_upper_half_of_rights::{row}"),
                &["HANDLE-REPLACE-01", "HANDLE-REPLACE-02", "HANDLE-REPLACE-03"],
                &[Handles, Info],
                move |cx| {
                    let vmo = cx.create(PAGE)?;
                    let rights = cx.rights(vmo)?;
                    let same = upper | u64::from(ZX_RIGHT_SAME_RIGHTS);
                    let other = replace_with_register(cx, vmo, same)?.ok()?.handle(0);
                    cx.expect_rights(other, rights)?;
                    let weak = replace_with_register(cx, other, upper | 4)?.ok()?.handle(0);
                    cx.expect_rights(weak, ZX_RIGHT_READ)?;
                    let answer = replace_with_register(cx, weak, upper | 8)?;
                    answer.is(ZX_ERR_INVALID_ARGS)?.untouched().map(drop)
                },
            )
            .at(Level::Kernel);
    }

    suite.test(
        "an_event_is_like_a_vmo",
        &["HANDLE-REPLACE-01", "HANDLE-REPLACE-03", "HANDLE-REPLACE-04"],
        &[Handles, Info, OtherObjects],
        |cx| {
            let event = cx.event()?;
            let koid = cx.koid(event)?;
            let other = cx.handle_replace(event, ZX_RIGHT_WAIT)?.ok()?.handle(0);
            cx.expect_valid(event, false)?;
            cx.expect_rights(other, ZX_RIGHT_WAIT)?;
            let same = cx.koid(other)?;
            cx.expect(same == koid, koid, same)?;
            cx.handle_replace(other, ZX_RIGHT_DUPLICATE)?.is(ZX_ERR_INVALID_ARGS)?;
            cx.expect_valid(other, false)
        },
    );

    suite.test(
        "a_region_is_like_a_vmo",
        &["HANDLE-REPLACE-01", "HANDLE-REPLACE-02"],
        &[Handles, Info, Regions],
        |cx| {
            let (region, _) = cx.allocate(16 * PAGE, 0x80)?;
            let rights = cx.rights(region)?;
            let other = cx.handle_replace(region, ZX_RIGHT_SAME_RIGHTS)?.ok()?.handle(0);
            cx.expect_valid(region, false)?;
            cx.expect_rights(other, rights)
        },
    );
}
