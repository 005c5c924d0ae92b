//! Values that name no handle, for every call and every handle argument.

use vmo_abi::Capability::{Handles, Info};
use vmo_abi::{Capability, Syscall, ZX_ERR_BAD_HANDLE, ZX_OK, ZX_RIGHT_SAME_RIGHTS};

use super::prototypes::PROTOTYPES;
use crate::program::{Handle, Value};
use crate::suite::{Checked, Context, Suite};

/// A value that names no handle.
type Make = fn(&mut Context<'_>) -> Checked<Handle>;

/// Values that name no handle, and what making them needs.
const VALUES: &[(&str, &[Capability], Make)] = &[
    ("zero", &[], |_| Ok(Handle::Invalid)),
    ("bit_31", &[], |_| Ok(Handle::Never)),
    ("only_bit_31", &[], |_| Ok(Handle::Literal(0x8000_0000))),
    ("closed", &[], |cx| cx.closed_handle()),
    ("closed_by_close_many", &[Handles], |cx| {
        let vmo = cx.create(0)?;
        cx.handle_close_many(&[vmo])?.ok()?;
        Ok(vmo)
    }),
    ("replaced", &[Handles], |cx| {
        let vmo = cx.create(0)?;
        cx.handle_replace(vmo, ZX_RIGHT_SAME_RIGHTS)?.ok()?;
        Ok(vmo)
    }),
    ("closed_duplicate", &[Handles], |cx| {
        let vmo = cx.create(0)?;
        let second = cx.duplicate_same(vmo)?;
        cx.close(second)?;
        Ok(second)
    }),
];

pub(super) fn add(suite: &mut Suite) {
    for prototype in PROTOTYPES {
        for &(value, more, make) in VALUES {
            suite.test(
                format!("{}::{value}", prototype.name),
                prototype.bad_handle,
                &prototype.needs_and(more),
                move |cx| {
                    let object = prototype.object(cx)?;
                    let mut arguments = (prototype.arguments)(cx, object, object)?;
                    let bad = make(cx)?;
                    arguments[prototype.position] = Value::Handle(bad);
                    let closes_nothing =
                        prototype.syscall == Syscall::handle_close && bad == Handle::Invalid;
                    let expected = if closes_nothing { ZX_OK } else { ZX_ERR_BAD_HANDLE };
                    cx.call(prototype.syscall, arguments)?.is(expected)?.untouched().map(drop)
                },
            );
        }
    }

    for prototype in PROTOTYPES {
        suite.test(
            format!("{}::the_good_handle_stays", prototype.name),
            prototype.bad_handle,
            &prototype.needs_and(&[Info]),
            move |cx| {
                let object = prototype.object(cx)?;
                let mut arguments = (prototype.arguments)(cx, object, object)?;
                arguments[prototype.position] = Value::Handle(Handle::Never);
                cx.call(prototype.syscall, arguments)?.is(ZX_ERR_BAD_HANDLE)?;
                cx.expect_valid(object, true)
            },
        );
    }

    suite.test("bit_0_of_a_value_is_ignored", &["HV-06"], &[], |cx| {
        let vmo = cx.create(4096)?;
        let Handle::Literal(value) = cx.value_of(vmo) else { return Ok(()) };
        cx.vmo_get_size(Handle::Literal(value & !1))?.ok()?.word_is(1, 4096).map(drop)
    });
}
