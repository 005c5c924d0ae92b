//! `object_get_info`: handles and the VMOs of a process.

mod counts;
mod records;
mod topics;
mod vmos;

use vmo_abi::Capability::{Clone, Handles, Info, OtherObjects, Regions};
use vmo_abi::{
    ZX_INFO_HANDLE_BASIC, ZX_INFO_HANDLE_VALID, ZX_OBJ_TYPE_EVENT, ZX_OBJ_TYPE_PORT,
    ZX_OBJ_TYPE_VMAR, ZX_OBJ_TYPE_VMO, ZX_RIGHT_SAME_RIGHTS, zx_info_handle_basic_t,
};

use super::handle_duplicate::{VMO_RIGHTS, level_of};
use crate::program::{Address, Handle};
use crate::suite::{Checked, Context, PAGE, Suite};

/// Expects so many handles to name an object.
pub(in crate::suite::cases) fn expect_count(
    cx: &mut Context<'_>,
    handle: Handle,
    expected: u32,
) -> Checked {
    let count = cx.handle_count(handle)?;
    cx.expect(count == expected, format!("{expected} handles"), format!("{count}"))
}

/// The record of `ZX_INFO_HANDLE_BASIC`.
fn basic_info(cx: &mut Context<'_>, handle: Handle) -> Checked<zx_info_handle_basic_t> {
    cx.object_get_info(handle, ZX_INFO_HANDLE_BASIC, 32)?.ok()?.basic_info()
}

pub(super) fn add(suite: &mut Suite) {
    valid(suite);
    basic(suite);
    records::add(suite);
    counts::add(suite);
    topics::add(suite);
    vmos::add(suite);
}

fn valid(suite: &mut Suite) {
    suite.test("valid_tells_live_handles", &["OBJ-INFO-01"], &[Info], |cx| {
        let vmo = cx.create(PAGE)?;
        let closed = cx.closed_handle()?;
        cx.expect_valid(vmo, true)?;
        cx.expect_valid(closed, false)?;
        cx.expect_valid(Handle::Invalid, false)?;
        cx.expect_valid(Handle::Never, false)?;
        cx.close(vmo)?;
        cx.expect_valid(vmo, false)
    });

    suite.test("valid_needs_no_right", &["OBJ-INFO-01"], &[Info, Handles], |cx| {
        let vmo = cx.create(PAGE)?;
        let bare = cx.duplicate(vmo, 0)?;
        cx.expect_valid(bare, true)?;
        cx.close(vmo)?;
        cx.expect_valid(bare, true)
    });

    suite.test(
        "valid_tells_handles_of_any_object",
        &["OBJ-INFO-01"],
        &[Info, OtherObjects, Regions],
        |cx| {
            let (near, far) = cx.channel()?;
            for handle in [near, far, cx.event()?, cx.port()?, Handle::Region] {
                cx.expect_valid(handle, true)?;
            }
            cx.close(near)?;
            cx.expect_valid(near, false)?;
            cx.expect_valid(far, true)
        },
    );

    for (row, address) in [
        ("null", Address::Null),
        ("unmapped", Address::Unmapped),
        ("kernel", Address::Kernel),
        ("readonly", Address::ReadOnly),
        ("straddle", Address::Straddle(1)),
    ] {
        suite.test(
            format!("valid_looks_at_no_pointer::{row}"),
            &["OBJ-INFO-02"],
            &[Info],
            move |cx| {
                let vmo = cx.create(PAGE)?;
                for size in [0, 1, 64, u64::MAX] {
                    cx.with("buffer", address).with("actual", address).with("avail", address);
                    cx.object_get_info(vmo, ZX_INFO_HANDLE_VALID, size)?.ok()?;
                }
                Ok(())
            },
        );
    }

    for size in [0, 1, 32, 64, 4096] {
        suite.test(format!("valid_writes_nothing::{size}"), &["OBJ-INFO-02"], &[Info], move |cx| {
            let vmo = cx.create(PAGE)?;
            let answer = cx.object_get_info(vmo, ZX_INFO_HANDLE_VALID, size)?.ok()?.untouched()?;
            let told = answer.has_word(4) || answer.has_word(5);
            cx.expect(!told, "actual and avail keep their bytes", "one was written")
        });
    }
}

fn basic(suite: &mut Suite) {
    suite.test(
        "basic_describes_a_vmo",
        &["OBJ-INFO-03", "OBJ-INFO-06", "OBJ-INFO-08"],
        &[Info],
        |cx| {
            let vmo = cx.create(PAGE)?;
            let info = basic_info(cx, vmo)?;
            cx.expect(info.koid != 0, "a koid", info.koid)?;
            cx.expect(info.type_ == ZX_OBJ_TYPE_VMO, "type 3", info.type_)?;
            cx.expect(info.props == 1, "waitable", info.props)?;
            let again = basic_info(cx, vmo)?;
            cx.expect(again == info, format!("{info:x?}"), format!("{again:x?}"))
        },
    );

    for (row, right) in [("all", ZX_RIGHT_SAME_RIGHTS), ("none", 0), ("duplicate", 1)] {
        suite.test(
            format!("basic_tells_the_same_through_any_handle::{row}"),
            &["OBJ-INFO-03", "OBJ-INFO-06", "OBJ-INFO-08", "KOID-02"],
            &[Info, Handles],
            move |cx| {
                let vmo = cx.create(PAGE)?;
                let info = basic_info(cx, vmo)?;
                let second = cx.duplicate(vmo, right)?;
                let rights = if right == ZX_RIGHT_SAME_RIGHTS { info.rights } else { right };
                let expected = zx_info_handle_basic_t { rights, ..info };
                let seen = basic_info(cx, second)?;
                cx.expect(seen == expected, format!("{expected:x?}"), format!("{seen:x?}"))
            },
        );
    }

    suite.test("basic_gives_no_related_koid", &["OBJ-INFO-07"], &[Info, Clone], |cx| {
        let vmo = cx.create(PAGE)?;
        let clone = cx.clone_of(vmo, 0, PAGE)?;
        let second = cx.clone_of(clone, 0, PAGE)?;
        for handle in [vmo, clone, second] {
            let related = basic_info(cx, handle)?.related_koid;
            cx.expect(related == 0, "0", related)?;
        }
        Ok(())
    });

    suite.test(
        "basic_describes_a_clone",
        &["OBJ-INFO-03", "OBJ-INFO-06", "OBJ-INFO-08"],
        &[Info, Clone],
        |cx| {
            let vmo = cx.create(PAGE)?;
            let clone = cx.clone_of(vmo, 0, PAGE)?;
            let (parent, info) = (basic_info(cx, vmo)?, basic_info(cx, clone)?);
            cx.expect(info.type_ == ZX_OBJ_TYPE_VMO, "type 3", info.type_)?;
            cx.expect(info.props == 1, "waitable", info.props)?;
            cx.expect(info.koid != parent.koid && info.koid != 0, "its own koid", info.koid)
        },
    );

    for &(row, right) in VMO_RIGHTS {
        suite
            .test(
                format!("basic_gives_just_the_rights::{row}"),
                &["OBJ-INFO-05"],
                &[Info, Handles],
                move |cx| {
                    let vmo = cx.create(PAGE)?;
                    let one = cx.duplicate(vmo, right)?;
                    cx.expect_rights(one, right)?;
                    cx.expect_rights(one, right)
                },
            )
            .at(level_of(right));
    }

    suite.test(
        "basic_works_on_any_object",
        &["OBJ-INFO-03"],
        &[Info, OtherObjects, Regions],
        |cx| {
            let event = cx.event()?;
            let port = cx.port()?;
            let kinds = [
                (event, ZX_OBJ_TYPE_EVENT),
                (port, ZX_OBJ_TYPE_PORT),
                (Handle::Region, ZX_OBJ_TYPE_VMAR),
            ];
            for (handle, kind) in kinds {
                let info = basic_info(cx, handle)?;
                cx.expect(info.type_ == kind, kind, info.type_)?;
                cx.expect(info.koid != 0, "a koid", info.koid)?;
            }
            Ok(())
        },
    );
}
