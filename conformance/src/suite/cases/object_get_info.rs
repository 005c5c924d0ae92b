//! `object_get_info`: handles and the VMOs of a process.

mod vmos;

use vmo_abi::Capability::{Clone, Handles, Info, OtherObjects, Regions};
use vmo_abi::{
    ZX_ERR_ACCESS_DENIED, ZX_ERR_BAD_HANDLE, ZX_ERR_BUFFER_TOO_SMALL, ZX_ERR_INVALID_ARGS,
    ZX_ERR_NOT_SUPPORTED, ZX_ERR_WRONG_TYPE, ZX_INFO_HANDLE_BASIC, ZX_INFO_HANDLE_COUNT,
    ZX_INFO_HANDLE_VALID, ZX_INFO_PROCESS_VMOS, ZX_RIGHT_READ, zx_rights_t,
};

use crate::program::{Address, Handle};
use crate::suite::{PAGE, Suite};

/// Topics for other objects that a VMO is of the wrong type for.
const OTHERS: &[(&str, u32)] = &[
    ("process", 3),
    ("vmar", 7),
    ("thread", 10),
    ("process_maps", 13),
    ("process_vmos", ZX_INFO_PROCESS_VMOS),
];

pub(super) fn add(suite: &mut Suite) {
    valid(suite);
    basic(suite);
    count(suite);
    topics(suite);
    vmos::add(suite);
}

fn valid(suite: &mut Suite) {
    suite.test("valid_tells_live_handles", &["OBJ-INFO-01"], &[Info], |cx| {
        let vmo = cx.create(PAGE)?;
        let closed = cx.closed_handle()?;
        cx.expect_valid(vmo, true)?;
        cx.expect_valid(closed, false)?;
        cx.expect_valid(Handle::Invalid, false)?;
        cx.expect_valid(Handle::Never, false)
    });

    for address in [Address::Null, Address::Unmapped, Address::Kernel] {
        let row = format!("{address:?}").to_lowercase();
        suite.test(
            format!("valid_looks_at_no_pointer::{row}"),
            &["OBJ-INFO-02"],
            &[Info],
            move |cx| {
                let vmo = cx.create(PAGE)?;
                cx.with("buffer", address).with("actual", address).with("avail", address);
                cx.object_get_info(vmo, ZX_INFO_HANDLE_VALID, 64)?.ok().map(drop)
            },
        );
    }

    suite.test("valid_writes_nothing", &["OBJ-INFO-02"], &[Info], |cx| {
        let vmo = cx.create(PAGE)?;
        cx.object_get_info(vmo, ZX_INFO_HANDLE_VALID, 64)?.ok()?.untouched().map(drop)
    });
}

fn basic(suite: &mut Suite) {
    suite.test(
        "basic_describes_a_vmo",
        &["OBJ-INFO-03", "OBJ-INFO-06", "OBJ-INFO-08"],
        &[Info],
        |cx| {
            let vmo = cx.create(PAGE)?;
            let info = cx.object_get_info(vmo, ZX_INFO_HANDLE_BASIC, 32)?.ok()?.basic_info()?;
            cx.expect(info.koid != 0, "a koid", info.koid)?;
            cx.expect(info.type_ == 3, "type 3", info.type_)?;
            cx.expect(info.props == 1, "waitable", info.props)
        },
    );

    suite.test("basic_gives_no_related_koid", &["OBJ-INFO-07"], &[Info, Clone], |cx| {
        let vmo = cx.create(PAGE)?;
        let clone = cx.clone_of(vmo, 0, PAGE)?;
        for handle in [vmo, clone] {
            let info = cx.object_get_info(handle, ZX_INFO_HANDLE_BASIC, 32)?.ok()?.basic_info()?;
            cx.expect(info.related_koid == 0, "0", info.related_koid)?;
        }
        Ok(())
    });

    for bit in [0, 1, 2, 3, 4, 5, 6, 7, 12, 14, 15] {
        suite.test(
            format!("basic_gives_just_the_rights::bit_{bit}"),
            &["OBJ-INFO-05"],
            &[Info, Handles],
            move |cx| {
                let right: zx_rights_t = 1 << bit;
                let vmo = cx.create(PAGE)?;
                let one = cx.duplicate(vmo, right)?;
                cx.expect_rights(one, right)
            },
        );
    }

    suite.test("basic_tells_one_record", &["OBJ-INFO-09"], &[Info], |cx| {
        let vmo = cx.create(PAGE)?;
        let answer = cx.object_get_info(vmo, ZX_INFO_HANDLE_BASIC, 32)?.ok()?;
        answer.word_is(4, 1)?.word_is(5, 1)?;
        cx.with("actual", Address::Null).with("avail", Address::Null);
        cx.object_get_info(vmo, ZX_INFO_HANDLE_BASIC, 32)?.ok().map(drop)
    });

    for size in [0, 1, 31] {
        suite.test(
            format!("basic_needs_32_bytes::{size}"),
            &["OBJ-INFO-10", "OBJ-INFO-11"],
            &[Info],
            move |cx| {
                let vmo = cx.create(PAGE)?;
                let answer = cx.object_get_info(vmo, ZX_INFO_HANDLE_BASIC, size)?;
                let answer = answer.is(ZX_ERR_BUFFER_TOO_SMALL)?;
                answer.word_is(4, 0)?.word_is(5, 1)?;
                cx.with("buffer", Address::Null);
                let answer = cx.object_get_info(vmo, ZX_INFO_HANDLE_BASIC, size)?;
                answer.is(ZX_ERR_BUFFER_TOO_SMALL)?.word_is(4, 0).map(drop)
            },
        );
    }

    for size in [33, 64, 4096] {
        suite.test(
            format!("basic_writes_one_record::{size}"),
            &["OBJ-INFO-12"],
            &[Info],
            move |cx| {
                let vmo = cx.create(PAGE)?;
                let answer = cx.object_get_info(vmo, ZX_INFO_HANDLE_BASIC, size)?.ok()?;
                let behind = answer.bytes().get(32).copied();
                // The tester had put other bytes there.
                cx.expect(behind.is_none_or(|byte| byte != 0), "only one record", "more")?;
                answer.word_is(4, 1)?.word_is(5, 1).map(drop)
            },
        );
    }

    suite.test("basic_stores_in_order", &["OBJ-INFO-14"], &[Info], |cx| {
        let vmo = cx.create(PAGE)?;
        let koid = cx.koid(vmo)?;
        cx.with("avail", Address::Unmapped);
        let answer = cx.object_get_info(vmo, ZX_INFO_HANDLE_BASIC, 32)?;
        let (stored, described) = (answer.has_word(4), answer.basic_info()?.koid == koid);
        answer.is(ZX_ERR_INVALID_ARGS)?;
        cx.expect(stored && described, "record and actual stored", "not stored")?;
        cx.with("buffer", Address::Unmapped);
        let answer = cx.object_get_info(vmo, ZX_INFO_HANDLE_BASIC, 32)?;
        let stored = answer.has_word(4) || answer.has_word(5);
        answer.is(ZX_ERR_INVALID_ARGS)?;
        cx.expect(!stored, "nothing stored behind a bad buffer", "actual or avail stored")
    });
}

fn count(suite: &mut Suite) {
    suite.test("count_counts_handles", &["OBJ-INFO-18"], &[Info, Handles], |cx| {
        let vmo = cx.create(PAGE)?;
        let mut handles = Vec::new();
        for expected in 1..5 {
            let count = cx.handle_count(vmo)?;
            cx.expect(count == expected, expected, count)?;
            handles.push(cx.duplicate_same(vmo)?);
        }
        for expected in (1..5).rev() {
            let Some(handle) = handles.pop() else { break };
            cx.close(handle)?;
            let count = cx.handle_count(vmo)?;
            cx.expect(count == expected, expected, count)?;
        }
        let other = cx.handle_replace(vmo, vmo_abi::ZX_RIGHT_SAME_RIGHTS)?.ok()?.handle(0);
        let count = cx.handle_count(other)?;
        cx.expect(count == 1, 1, count)
    });

    suite.test("count_needs_read", &["OBJ-INFO-19"], &[Info, Handles], |cx| {
        let vmo = cx.create(PAGE)?;
        let blind = cx.duplicate_without(vmo, ZX_RIGHT_READ)?;
        let answer = cx.object_get_info(blind, ZX_INFO_HANDLE_COUNT, 4)?;
        answer.is(ZX_ERR_ACCESS_DENIED).map(drop)
    });

    for size in [0, 3] {
        suite.test(format!("count_needs_4_bytes::{size}"), &["OBJ-INFO-10"], &[Info], move |cx| {
            let vmo = cx.create(PAGE)?;
            let answer = cx.object_get_info(vmo, ZX_INFO_HANDLE_COUNT, size)?;
            answer.is(ZX_ERR_BUFFER_TOO_SMALL).map(drop)
        });
    }
}

fn topics(suite: &mut Suite) {
    for (row, topic) in [("0", 0), ("999", 999), ("all_ones", u32::MAX), ("high_bit", 1 << 31)] {
        // Topic 0 is no topic, either.
        suite.test(format!("an_undefined_topic::{row}"), &["OBJ-INFO-16"], &[Info], move |cx| {
            let vmo = cx.create(PAGE)?;
            cx.object_get_info(vmo, topic, 64)?.is(ZX_ERR_NOT_SUPPORTED).map(drop)
        });
        suite.test(
            format!("an_undefined_topic_comes_before_the_handle::{row}"),
            &["OBJ-INFO-17"],
            &[Info],
            move |cx| {
                cx.object_get_info(Handle::Never, topic, 64)?.is(ZX_ERR_NOT_SUPPORTED).map(drop)
            },
        );
    }

    for &(row, topic) in OTHERS {
        suite.test(format!("a_topic_for_others::{row}"), &["OBJ-INFO-21"], &[Info], move |cx| {
            let vmo = cx.create(PAGE)?;
            cx.object_get_info(vmo, topic, 4096)?.is(ZX_ERR_WRONG_TYPE).map(drop)
        });
    }

    for (row, topic) in [("basic", ZX_INFO_HANDLE_BASIC), ("count", ZX_INFO_HANDLE_COUNT)] {
        suite.test(format!("no_handle::{row}"), &["OBJ-INFO-15"], &[Info], move |cx| {
            let closed = cx.closed_handle()?;
            for bad in [Handle::Invalid, Handle::Never, closed] {
                cx.object_get_info(bad, topic, 64)?.is(ZX_ERR_BAD_HANDLE)?;
            }
            Ok(())
        });
    }

    suite.test(
        "basic_works_on_any_object",
        &["OBJ-INFO-03"],
        &[Info, OtherObjects, Regions],
        |cx| {
            let event = cx.event()?;
            let port = cx.port()?;
            for (handle, kind) in [(event, 5), (port, 6), (Handle::Region, 18)] {
                let info =
                    cx.object_get_info(handle, ZX_INFO_HANDLE_BASIC, 32)?.ok()?.basic_info()?;
                cx.expect(info.type_ == kind, kind, info.type_)?;
            }
            Ok(())
        },
    );
}
