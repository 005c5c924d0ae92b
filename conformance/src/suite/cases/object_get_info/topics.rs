//! Topics: those that a VMO handle can be asked about, those of other objects,
//! and numbers of none.

use vmo_abi::Capability::{Handles, Info, OtherObjects};
use vmo_abi::{
    Syscall, ZX_ERR_ACCESS_DENIED, ZX_ERR_BAD_HANDLE, ZX_ERR_NOT_SUPPORTED, ZX_ERR_WRONG_TYPE,
    ZX_INFO_HANDLE_BASIC, ZX_INFO_HANDLE_COUNT, ZX_INFO_HANDLE_VALID, ZX_INFO_PROCESS,
    ZX_INFO_PROCESS_VMOS, ZX_INFO_VMAR, ZX_RIGHT_READ, zx_status_t,
};

use crate::level::Level;
use crate::program::{Address, Handle, Value};
use crate::suite::{Checked, Context, Judged, PAGE, Suite};

/// Topics of other objects, and what they answer for a VMO with all its rights.
const OTHERS: &[(&str, u32, zx_status_t)] = &[
    ("process", ZX_INFO_PROCESS, ZX_ERR_WRONG_TYPE),
    ("process_threads", 4, ZX_ERR_ACCESS_DENIED),
    ("vmar", ZX_INFO_VMAR, ZX_ERR_WRONG_TYPE),
    ("job_children", 8, ZX_ERR_ACCESS_DENIED),
    ("job_processes", 9, ZX_ERR_ACCESS_DENIED),
    ("thread", 10, ZX_ERR_WRONG_TYPE),
    ("thread_exception_report", 11, ZX_ERR_WRONG_TYPE),
    ("task_stats", 12, ZX_ERR_WRONG_TYPE),
    ("process_maps", 13, ZX_ERR_WRONG_TYPE),
    ("process_vmos", ZX_INFO_PROCESS_VMOS, ZX_ERR_WRONG_TYPE),
    ("thread_stats", 15, ZX_ERR_WRONG_TYPE),
    ("cpu_stats", 16, ZX_ERR_WRONG_TYPE),
    ("kmem_stats", 17, ZX_ERR_WRONG_TYPE),
    ("resource", 18, ZX_ERR_WRONG_TYPE),
    ("bti", 20, ZX_ERR_WRONG_TYPE),
    ("process_handle_stats", 21, ZX_ERR_WRONG_TYPE),
];

/// Numbers of no topic.
const UNDEFINED: &[(&str, u32)] = &[
    ("0", 0),
    ("5", 5),
    ("6", 6),
    ("22", 22),
    ("23", 23),
    ("99", 99),
    ("999", 999),
    ("0x102", 0x102),
    ("0x10002", 0x1_0002),
    ("high_bit", 1 << 31),
    ("high_bit_and_basic", 1 << 31 | ZX_INFO_HANDLE_BASIC),
    ("all_ones", u32::MAX),
];

/// A refusal that tells nothing, not even how many records there would be; the
/// latter is the kernel's word alone.
fn refused(
    cx: &mut Context<'_>,
    handle: Handle,
    topic: u32,
    expected: zx_status_t,
) -> Checked<Judged> {
    let answer = cx.object_get_info(handle, topic, 4096)?.is(expected)?.untouched()?;
    let told = cx.level() == Level::Kernel && (answer.has_word(4) || answer.has_word(5));
    cx.expect(!told, "actual and avail keep their bytes", "one was written")?;
    Ok(answer)
}

pub(super) fn add(suite: &mut Suite) {
    undefined(suite);
    others(suite);
    not_handles(suite);
}

fn undefined(suite: &mut Suite) {
    for &(row, topic) in UNDEFINED {
        suite.test(format!("an_undefined_topic::{row}"), &["OBJ-INFO-16"], &[Info], move |cx| {
            let vmo = cx.create(PAGE)?;
            refused(cx, vmo, topic, ZX_ERR_NOT_SUPPORTED).map(drop)
        });
        suite.test(
            format!("an_undefined_topic_comes_before_the_handle::{row}"),
            &["OBJ-INFO-17"],
            &[Info],
            move |cx| {
                let closed = cx.closed_handle()?;
                for bad in [Handle::Invalid, Handle::Never, closed] {
                    refused(cx, bad, topic, ZX_ERR_NOT_SUPPORTED)?;
                }
                Ok(())
            },
        );
        suite.test(
            format!("an_undefined_topic_looks_at_no_pointer::{row}"),
            &["OBJ-INFO-17"],
            &[Info],
            move |cx| {
                let vmo = cx.create(PAGE)?;
                for size in [0, 64] {
                    cx.with("buffer", Address::Null).with("actual", Address::Unmapped);
                    cx.with("avail", Address::Kernel);
                    cx.object_get_info(vmo, topic, size)?.is(ZX_ERR_NOT_SUPPORTED)?;
                }
                Ok(())
            },
        );
    }

    suite.test("an_undefined_topic_needs_no_right", &["OBJ-INFO-17"], &[Info, Handles], |cx| {
        let vmo = cx.create(PAGE)?;
        let bare = cx.duplicate(vmo, 0)?;
        refused(cx, bare, 999, ZX_ERR_NOT_SUPPORTED).map(drop)
    });
}

fn others(suite: &mut Suite) {
    for &(row, topic, status) in OTHERS {
        suite.test(format!("a_topic_for_others::{row}"), &["OBJ-INFO-21"], &[Info], move |cx| {
            let vmo = cx.create(PAGE)?;
            refused(cx, vmo, topic, status).map(drop)
        });
        suite
            .test(
                format!("a_topic_for_others_looks_at_no_pointer::{row}"),
                &["OBJ-INFO-21"],
                &[Info],
                move |cx| {
                    let vmo = cx.create(PAGE)?;
                    for size in [0, 4096] {
                        cx.with("buffer", Address::Null).with("actual", Address::Unmapped);
                        cx.with("avail", Address::Kernel);
                        cx.object_get_info(vmo, topic, size)?.is(status)?;
                    }
                    Ok(())
                },
            )
            .at(Level::Kernel);
        suite
            .test(
                format!("a_topic_for_others_without_a_handle::{row}"),
                &["OBJ-INFO-15"],
                &[Info],
                move |cx| {
                    for bad in [Handle::Invalid, Handle::Never, cx.closed_handle()?] {
                        refused(cx, bad, topic, ZX_ERR_BAD_HANDLE)?;
                    }
                    Ok(())
                },
            )
            .at(Level::Page);
    }

    for (row, topic) in [("process", ZX_INFO_PROCESS), ("process_vmos", ZX_INFO_PROCESS_VMOS)] {
        suite
            .test(
                format!("the_right_comes_before_the_type::{row}"),
                &["OBJ-INFO-21"],
                &[Info, Handles],
                move |cx| {
                    let vmo = cx.create(PAGE)?;
                    let blind = cx.duplicate_without(vmo, ZX_RIGHT_READ)?;
                    refused(cx, blind, topic, ZX_ERR_ACCESS_DENIED)?;
                    let reader = cx.duplicate(vmo, ZX_RIGHT_READ)?;
                    refused(cx, reader, topic, ZX_ERR_WRONG_TYPE).map(drop)
                },
            )
            .at(Level::Kernel);
    }

    suite.test("the_topic_of_regions_needs_no_right", &["OBJ-INFO-21"], &[Info, Handles], |cx| {
        let vmo = cx.create(PAGE)?;
        let bare = cx.duplicate(vmo, 0)?;
        refused(cx, bare, ZX_INFO_VMAR, ZX_ERR_WRONG_TYPE).map(drop)
    });

    suite.test("an_event_is_no_process_either", &["OBJ-INFO-21"], &[Info, OtherObjects], |cx| {
        let event = cx.event()?;
        refused(cx, event, ZX_INFO_PROCESS, ZX_ERR_WRONG_TYPE)?;
        refused(cx, event, ZX_INFO_PROCESS_VMOS, ZX_ERR_WRONG_TYPE).map(drop)
    });
}

fn not_handles(suite: &mut Suite) {
    for (row, topic) in [("basic", ZX_INFO_HANDLE_BASIC), ("count", ZX_INFO_HANDLE_COUNT)] {
        suite.test(format!("no_handle::{row}"), &["OBJ-INFO-15"], &[Info], move |cx| {
            let closed = cx.closed_handle()?;
            for bad in [Handle::Invalid, Handle::Never, closed] {
                refused(cx, bad, topic, ZX_ERR_BAD_HANDLE)?;
            }
            Ok(())
        });
        suite
            .test(
                format!("no_handle_comes_before_the_pointers::{row}"),
                &["OBJ-INFO-15"],
                &[Info],
                move |cx| {
                    for size in [0, 64] {
                        cx.with("buffer", Address::Null).with("actual", Address::Unmapped);
                        let answer = cx.object_get_info(Handle::Never, topic, size)?;
                        answer.is(ZX_ERR_BAD_HANDLE)?;
                    }
                    Ok(())
                },
            )
            .at(Level::Kernel);
    }

    // An argument of 32 bits is the lower half of a register; the kernel never
    // looks at the other.
    suite
        .test("the_upper_half_of_the_topic_is_ignored", &["OBJ-INFO-16"], &[Info], |cx| {
            let vmo = cx.create(PAGE)?;
            for (topic, status) in [
                (1 << 32, ZX_ERR_NOT_SUPPORTED),
                (1 << 32 | u64::from(ZX_INFO_HANDLE_VALID), 0),
                (u64::MAX << 32 | 3, ZX_ERR_WRONG_TYPE),
            ] {
                let arguments = vec![
                    vmo.into(),
                    Value::Number(topic),
                    Value::Scratch,
                    Value::Number(64),
                    Value::Scratch,
                    Value::Scratch,
                ];
                cx.call(Syscall::object_get_info, arguments)?.is(status)?;
            }
            Ok(())
        })
        .at(Level::Kernel);
}
