//! Numbers of properties that cannot be set on a VMO.

use vmo_abi::Capability::{Info, Properties, Signals};
use vmo_abi::{
    Syscall, ZX_ERR_BUFFER_TOO_SMALL, ZX_ERR_INVALID_ARGS, ZX_ERR_NOT_SUPPORTED, ZX_ERR_WRONG_TYPE,
    ZX_PROP_NAME, zx_status_t,
};

use crate::level::Level;
use crate::program::{Data, Value};
use crate::suite::{PAGE, Suite};

const REGISTER_GS: u32 = 2;
const REGISTER_FS: u32 = 4;
const PROCESS_DEBUG_ADDR: u32 = 5;

/// Numbers of no property, and of properties that can only be read.
const UNKNOWN: &[(&str, u32)] = &[
    ("zero", 0),
    ("one", 1),
    ("process_vdso_base_address", 6),
    ("seven", 7),
    ("socket_rx_buf_max", 8),
    ("socket_rx_buf_size", 9),
    ("socket_tx_buf_max", 10),
    ("socket_tx_buf_size", 11),
    ("channel_tx_msg_max", 12),
    ("thirteen", 13),
    ("a_hundred", 100),
    ("name_and_256", 256 | ZX_PROP_NAME),
    ("name_and_2_to_16", 1 << 16 | ZX_PROP_NAME),
    ("name_and_the_high_bit", 1 << 31 | ZX_PROP_NAME),
    ("all_ones", u32::MAX),
];

pub(super) fn add(suite: &mut Suite) {
    for &(row, property) in UNKNOWN {
        suite
            .test(
                format!("an_unknown_property::{row}"),
                &["OBJ-SETPROP-13"],
                &[Properties],
                move |cx| {
                    let vmo = cx.create(PAGE)?;
                    cx.set_name(vmo, b"stays")?;
                    for size in [0, 4, 8, 32] {
                        let answer = cx.object_set_property_sized(vmo, property, &[1; 32], size)?;
                        cx.either("C-22", answer, ZX_ERR_NOT_SUPPORTED, ZX_ERR_INVALID_ARGS)?;
                    }
                    cx.expect_name(vmo, b"stays")
                },
            )
            .at(Level::Page);
    }

    for size in [0, 1, 7, 8, 9, 64, u64::MAX] {
        suite.test(
            format!("the_debug_address_of_a_process::{size}"),
            &["OBJ-SETPROP-14"],
            &[Properties],
            move |cx| {
                let vmo = cx.create(PAGE)?;
                let status: zx_status_t =
                    if size < 8 { ZX_ERR_BUFFER_TOO_SMALL } else { ZX_ERR_WRONG_TYPE };
                let answer =
                    cx.object_set_property_sized(vmo, PROCESS_DEBUG_ADDR, &[1; 64], size)?;
                answer.is(status)?;
                cx.expect_name(vmo, b"")
            },
        );
    }

    for (row, property) in [("gs", REGISTER_GS), ("fs", REGISTER_FS)] {
        suite.test(
            format!("the_register_of_a_thread::{row}"),
            &["OBJ-SETPROP-15"],
            &[Properties],
            move |cx| {
                // Which of the two tells the architecture.
                let vmo = cx.create(PAGE)?;
                let first = cx.object_set_property(vmo, property, &[1; 8])?;
                let first = first.one_of(&[ZX_ERR_WRONG_TYPE, ZX_ERR_INVALID_ARGS])?;
                let again = cx.object_set_property(vmo, property, &[0; 8])?;
                again.is(first.status().unwrap_or_default())?;
                cx.expect_name(vmo, b"")
            },
        );
    }

    suite.test(
        "what_is_refused_changes_nothing",
        &["OBJ-SETPROP-13", "OBJ-SETPROP-14", "OBJ-SETPROP-15"],
        &[Properties, Info, Signals],
        |cx| {
            let vmo = cx.create_filled(PAGE, 0x41)?;
            cx.set_name(vmo, b"stays")?;
            let before = cx.snapshot(vmo)?;
            for property in (0..16).filter(|property| *property != ZX_PROP_NAME) {
                let answer = cx.object_set_property(vmo, property, &[0xff; 32])?;
                let status = answer.status();
                cx.expect(status.is_some_and(|status| status < 0), "a refusal", "ZX_OK")?;
            }
            cx.expect_unchanged(vmo, &before)
        },
    );

    // An argument of 32 bits is the lower half of a register; the kernel never
    // looks at the other.
    for (row, upper) in [("lowest", 1 << 32), ("all", u64::MAX << 32)] {
        suite
            .test(
                format!("ignores_the_upper_half_of_the_property::{row}"),
                &["OBJ-SETPROP-01"],
                &[Properties],
                move |cx| {
                    let vmo = cx.create(PAGE)?;
                    let property = Value::Number(upper | u64::from(ZX_PROP_NAME));
                    let name = Value::Data(Data::from_bytes(b"name"));
                    let arguments = vec![vmo.into(), property, name, Value::Number(4)];
                    cx.call(Syscall::object_set_property, arguments)?.ok()?;
                    cx.expect_name(vmo, b"name")
                },
            )
            .at(Level::Kernel);
    }
}
