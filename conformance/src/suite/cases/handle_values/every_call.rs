//! What holds for the handle, the status and the out pointer of every call.

use vmo_abi::Capability::{
    self, Clone, Handles, Info, Mapping, OtherObjects, Properties, Range, Signals,
};
use vmo_abi::{
    ZX_ERR_ACCESS_DENIED, ZX_ERR_BAD_HANDLE, ZX_ERR_INVALID_ARGS, ZX_ERR_OUT_OF_RANGE,
    ZX_INFO_HANDLE_BASIC, ZX_INFO_HANDLE_COUNT, ZX_INFO_HANDLE_VALID, ZX_PROP_NAME, ZX_RIGHT_READ,
    ZX_RIGHT_SAME_RIGHTS, ZX_USER_SIGNAL_0, ZX_VMO_OP_COMMIT, ZX_VMO_ZERO_CHILDREN, zx_status_t,
};

use crate::program::{Address, Handle};
use crate::suite::{Answer, Checked, Context, Deadline, PAGE, READ_ONLY, Suite};

/// A call that succeeds with a good handle, and what it needs.
type Row = (&'static str, &'static [Capability], fn(&mut Context<'_>, Handle) -> Checked<Answer>);

const CALLS: &[Row] = &[
    ("vmo_read", &[], |cx, vmo| cx.vmo_read(vmo, 0, 8)),
    ("vmo_write", &[], |cx, vmo| cx.vmo_write(vmo, 0, b"x")),
    ("vmo_get_size", &[], |cx, vmo| cx.vmo_get_size(vmo)),
    ("vmo_set_size", &[], |cx, vmo| cx.vmo_set_size(vmo, PAGE)),
    ("vmo_clone", &[Clone], |cx, vmo| cx.vmo_clone(vmo, 1, 0, PAGE)),
    ("vmo_op_range", &[Range], |cx, vmo| cx.vmo_op_range(vmo, ZX_VMO_OP_COMMIT, 0, PAGE)),
    ("vmo_set_cache_policy", &[Capability::CachePolicy], |cx, vmo| cx.vmo_set_cache_policy(vmo, 0)),
    ("vmar_map", &[Mapping], |cx, vmo| cx.vmar_map(Handle::Region, 0, vmo, 0, PAGE, READ_ONLY)),
    ("handle_duplicate", &[Handles], |cx, vmo| cx.handle_duplicate(vmo, ZX_RIGHT_SAME_RIGHTS)),
    ("handle_replace", &[Handles], |cx, vmo| cx.handle_replace(vmo, ZX_RIGHT_SAME_RIGHTS)),
    ("handle_close", &[], |cx, vmo| cx.handle_close(vmo)),
    ("handle_close_many", &[Handles], |cx, vmo| cx.handle_close_many(&[vmo])),
    ("object_get_property", &[Properties], |cx, vmo| cx.object_get_property(vmo, ZX_PROP_NAME, 32)),
    ("object_set_property", &[Properties], |cx, vmo| {
        cx.object_set_property(vmo, ZX_PROP_NAME, b"name")
    }),
    ("object_get_info_valid", &[Info], |cx, vmo| cx.object_get_info(vmo, ZX_INFO_HANDLE_VALID, 0)),
    ("object_get_info_basic", &[Info], |cx, vmo| cx.object_get_info(vmo, ZX_INFO_HANDLE_BASIC, 32)),
    ("object_get_info_count", &[Info], |cx, vmo| cx.object_get_info(vmo, ZX_INFO_HANDLE_COUNT, 4)),
    ("object_wait_one", &[Signals], |cx, vmo| {
        cx.object_wait_one(vmo, ZX_VMO_ZERO_CHILDREN, Deadline::At(0))
    }),
    ("object_wait_many", &[Signals], |cx, vmo| {
        cx.object_wait_many(&[(vmo, ZX_VMO_ZERO_CHILDREN)], Deadline::At(0))
    }),
    ("object_signal", &[Signals], |cx, vmo| cx.object_signal(vmo, 0, ZX_USER_SIGNAL_0)),
];

/// A call that makes a handle and that something is wrong with besides the out
/// pointer: its name, what it needs, the handle it is done with, how it is done,
/// and the error that is told.
struct Wrong {
    name: &'static str,
    needs: &'static [Capability],
    handle: fn(&mut Context<'_>) -> Checked<Handle>,
    call: fn(&mut Context<'_>, Handle) -> Checked<Answer>,
    status: zx_status_t,
}

const WRONG: &[Wrong] = &[
    Wrong {
        name: "vmo_create_size",
        needs: &[],
        handle: |_| Ok(Handle::Invalid),
        call: |cx, _| cx.vmo_create(u64::MAX, 0),
        status: ZX_ERR_OUT_OF_RANGE,
    },
    Wrong {
        name: "vmo_create_options",
        needs: &[],
        handle: |_| Ok(Handle::Invalid),
        call: |cx, _| cx.vmo_create(PAGE, 1),
        status: ZX_ERR_INVALID_ARGS,
    },
    Wrong {
        name: "vmo_clone_handle",
        needs: &[Clone],
        handle: |_| Ok(Handle::Never),
        call: |cx, bad| cx.vmo_clone(bad, 1, 0, PAGE),
        status: ZX_ERR_BAD_HANDLE,
    },
    Wrong {
        name: "vmo_clone_size",
        needs: &[Clone],
        handle: |cx| cx.create(PAGE),
        call: |cx, vmo| cx.vmo_clone(vmo, 1, 0, u64::MAX),
        status: ZX_ERR_OUT_OF_RANGE,
    },
    Wrong {
        name: "vmo_clone_offset",
        needs: &[Clone],
        handle: |cx| cx.create(PAGE),
        call: |cx, vmo| cx.vmo_clone(vmo, 1, 1, PAGE),
        status: ZX_ERR_INVALID_ARGS,
    },
    Wrong {
        name: "vmo_clone_right",
        needs: &[Clone, Handles],
        handle: |cx| {
            let vmo = cx.create(PAGE)?;
            cx.duplicate(vmo, ZX_RIGHT_READ)
        },
        call: |cx, reader| cx.vmo_clone(reader, 1, 0, PAGE),
        status: ZX_ERR_ACCESS_DENIED,
    },
    Wrong {
        name: "handle_duplicate_handle",
        needs: &[Handles],
        handle: |_| Ok(Handle::Never),
        call: |cx, bad| cx.handle_duplicate(bad, ZX_RIGHT_SAME_RIGHTS),
        status: ZX_ERR_BAD_HANDLE,
    },
    Wrong {
        name: "handle_duplicate_right",
        needs: &[Handles],
        handle: |cx| {
            let vmo = cx.create(PAGE)?;
            cx.duplicate(vmo, ZX_RIGHT_READ)
        },
        call: |cx, reader| cx.handle_duplicate(reader, ZX_RIGHT_READ),
        status: ZX_ERR_ACCESS_DENIED,
    },
    Wrong {
        name: "handle_duplicate_rights",
        needs: &[Handles],
        handle: |cx| cx.create(PAGE),
        call: |cx, vmo| cx.handle_duplicate(vmo, 1 << 20),
        status: ZX_ERR_INVALID_ARGS,
    },
    Wrong {
        name: "handle_replace_handle",
        needs: &[Handles],
        handle: |_| Ok(Handle::Never),
        call: |cx, bad| cx.handle_replace(bad, ZX_RIGHT_SAME_RIGHTS),
        status: ZX_ERR_BAD_HANDLE,
    },
    Wrong {
        name: "handle_replace_rights",
        needs: &[Handles],
        handle: |cx| cx.create(PAGE),
        call: |cx, vmo| cx.handle_replace(vmo, 1 << 20),
        status: ZX_ERR_INVALID_ARGS,
    },
    Wrong {
        name: "event_create_options",
        needs: &[OtherObjects],
        handle: |_| Ok(Handle::Invalid),
        call: |cx, _| cx.event_create(1),
        status: ZX_ERR_INVALID_ARGS,
    },
];

pub(super) fn add(suite: &mut Suite) {
    handles(suite);
    statuses(suite);
    pointers(suite);
}

fn handles(suite: &mut Suite) {
    for &(row, needs, call) in CALLS {
        suite.test(format!("bit_0_is_ignored::{row}"), &["HV-06"], needs, move |cx| {
            let vmo = cx.create(PAGE)?;
            let other = cx.create(2 * PAGE)?;
            let even = Handle::Literal(cx.handle_value(vmo) & !1);
            call(cx, even)?.ok()?;
            if matches!(row, "handle_close" | "handle_close_many" | "handle_replace") {
                cx.vmo_get_size(vmo)?.is(ZX_ERR_BAD_HANDLE)?;
            } else {
                cx.expect_size(vmo, PAGE)?;
            }
            cx.expect_size(other, 2 * PAGE)
        });
        suite.test(format!("bit_31_names_nothing::{row}"), &["HV-07"], needs, move |cx| {
            let vmo = cx.create(PAGE)?;
            let value = cx.handle_value(vmo);
            for high in [value | 1 << 31, (value & !1) | 1 << 31] {
                call(cx, Handle::Literal(high))?.is(ZX_ERR_BAD_HANDLE)?.untouched()?;
            }
            cx.expect_size(vmo, PAGE)
        });
        if row.starts_with("handle_close") {
            continue;
        }
        suite.test(format!("0_names_nothing::{row}"), &["HV-08"], needs, move |cx| {
            cx.create(PAGE)?;
            call(cx, Handle::Invalid)?.is(ZX_ERR_BAD_HANDLE).map(drop)
        });
        suite.test(format!("a_closed_value_names_nothing::{row}"), &["GEN-03"], needs, move |cx| {
            let vmo = cx.create(PAGE)?;
            if needs.contains(&Mapping) {
                cx.use_region()?;
            }
            cx.close(vmo)?;
            call(cx, vmo)?.is(ZX_ERR_BAD_HANDLE).map(drop)
        });
    }
}

fn statuses(suite: &mut Suite) {
    for &(row, needs, call) in CALLS {
        suite
            .test(
                format!("success_is_0_and_failures_are_negative::{row}"),
                &["GEN-04"],
                needs,
                move |cx| {
                    let vmo = cx.create(PAGE)?;
                    let failed = call(cx, Handle::Never)?;
                    let status = failed.status().unwrap_or_default();
                    let text = format!("{status}");
                    cx.expect(status < 0, "a negative status", text)?;
                    call(cx, vmo)?.is(0).map(drop)
                },
            )
            .at(crate::level::Level::Page);
    }

    suite.test("success_is_0_and_failures_are_negative", &["GEN-04"], &[], |cx| {
        let vmo = cx.create(PAGE)?;
        for (answer, succeeds) in [
            (cx.vmo_get_size(vmo)?, true),
            (cx.vmo_get_size(Handle::Never)?, false),
            (cx.vmo_read(vmo, PAGE, 1)?, false),
            (cx.vmo_read(vmo, 0, PAGE)?, true),
            (cx.vmo_create(PAGE, 1)?, false),
            (cx.vmo_set_size(vmo, 2 * PAGE)?, true),
            (cx.vmo_write(vmo, PAGE, b"x")?, true),
            (cx.vmo_write(vmo, 2 * PAGE, b"x")?, false),
        ] {
            let status = answer.status();
            let holds =
                status.is_some_and(|status| if succeeds { status == 0 } else { status < 0 });
            let expected = if succeeds { "0" } else { "a negative status" };
            cx.expect(holds, expected, format!("{status:?}"))?;
        }
        Ok(())
    });
}

fn pointers(suite: &mut Suite) {
    for wrong in WRONG {
        suite.test(
            format!("a_refusal_stores_no_handle::{}", wrong.name),
            &["GEN-06"],
            wrong.needs,
            |cx| {
                let handle = (wrong.handle)(cx)?;
                (wrong.call)(cx, handle)?.is(wrong.status)?.untouched().map(drop)
            },
        );
        // An out pointer that is bad as well is not even looked at.
        for (kind, address) in [("null", Address::Null), ("unmapped", Address::Unmapped)] {
            suite.test(
                format!("the_pointer_is_used_last::{}_{kind}", wrong.name),
                &["GEN-05"],
                wrong.needs,
                move |cx| {
                    let handle = (wrong.handle)(cx)?;
                    cx.with("out", address);
                    (wrong.call)(cx, handle)?.is(wrong.status).map(drop)
                },
            );
        }
    }
}
