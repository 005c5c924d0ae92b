//! Numbers of properties: those of other objects, and those of none.

use vmo_abi::Capability::Properties;
use vmo_abi::{
    Syscall, ZX_ERR_BUFFER_TOO_SMALL, ZX_ERR_INVALID_ARGS, ZX_ERR_NOT_SUPPORTED, ZX_ERR_WRONG_TYPE,
    ZX_PROP_NAME,
};

use crate::level::Level;
use crate::program::{Address, Value};
use crate::suite::{PAGE, Suite};

/// Properties of other objects that can be asked for.
const OTHERS: &[(&str, u32)] = &[
    ("process_debug_addr", 5),
    ("process_vdso_base_address", 6),
    ("socket_rx_buf_max", 8),
    ("socket_rx_buf_size", 9),
    ("socket_tx_buf_max", 10),
    ("socket_tx_buf_size", 11),
    ("channel_tx_msg_max", 12),
];

/// Numbers of no property, and of properties that can only be set.
const UNKNOWN: &[(&str, u32)] = &[
    ("zero", 0),
    ("one", 1),
    ("register_gs", 2),
    ("register_fs", 4),
    ("seven", 7),
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
                &["OBJ-GETPROP-09"],
                &[Properties],
                move |cx| {
                    let vmo = cx.create(PAGE)?;
                    for size in [32, 0] {
                        let answer = cx.object_get_property(vmo, property, size)?;
                        let (answer, _) =
                            cx.either("C-22", answer, ZX_ERR_NOT_SUPPORTED, ZX_ERR_INVALID_ARGS)?;
                        answer.untouched()?;
                    }
                    Ok(())
                },
            )
            .at(Level::Page);
    }

    for &(row, property) in OTHERS {
        suite.test(
            format!("a_property_of_another_object::{row}"),
            &["OBJ-GETPROP-10"],
            &[Properties],
            move |cx| {
                let vmo = cx.create(PAGE)?;
                for size in [8, 9, 32, 4096] {
                    let answer = cx.object_get_property(vmo, property, size)?;
                    answer.is(ZX_ERR_WRONG_TYPE)?.untouched()?;
                }
                Ok(())
            },
        );
        suite.test(
            format!("a_small_size_comes_before_the_type::{row}"),
            &["OBJ-GETPROP-11"],
            &[Properties],
            move |cx| {
                let vmo = cx.create(PAGE)?;
                for size in 0..8 {
                    let answer = cx.object_get_property(vmo, property, size)?;
                    answer.is(ZX_ERR_BUFFER_TOO_SMALL)?.untouched()?;
                }
                Ok(())
            },
        );
        suite
            .test(
                format!("the_type_comes_before_the_pointer::{row}"),
                &["OBJ-GETPROP-10"],
                &[Properties],
                move |cx| {
                    let vmo = cx.create(PAGE)?;
                    cx.with("value", Address::Unmapped);
                    cx.object_get_property(vmo, property, 8)?.is(ZX_ERR_WRONG_TYPE).map(drop)
                },
            )
            .at(Level::Kernel);
    }

    // An argument of 32 bits is the lower half of a register; the kernel never
    // looks at the other.
    for (row, upper) in [("lowest", 1 << 32), ("all", u64::MAX << 32)] {
        suite
            .test(
                format!("ignores_the_upper_half_of_the_property::{row}"),
                &["OBJ-GETPROP-01"],
                &[Properties],
                move |cx| {
                    let vmo = cx.create(PAGE)?;
                    cx.set_name(vmo, b"name")?;
                    let property = Value::Number(upper | u64::from(ZX_PROP_NAME));
                    let arguments = vec![vmo.into(), property, Value::Scratch, Value::Number(32)];
                    let answer = cx.call(Syscall::object_get_property, arguments)?.ok()?;
                    super::expect_just_the_name(&answer, b"name")
                },
            )
            .at(Level::Kernel);
    }
}
