//! One record of fixed size: every size of the buffer, with every pointer good,
//! absent and bad.

use vmo_abi::Capability::Info;
use vmo_abi::{
    Record, Syscall, ZX_ERR_BAD_HANDLE, ZX_ERR_BUFFER_TOO_SMALL, ZX_ERR_INVALID_ARGS,
    ZX_INFO_HANDLE_BASIC, ZX_INFO_HANDLE_COUNT, ZX_OK, zx_info_handle_basic_t,
};

use crate::level::Level;
use crate::program::{Address, Handle, Value};
use crate::suite::{Answer, Checked, Context, PAGE, Suite};

/// A topic that gives one record: its name, its number, the bytes of a record,
/// and of these the ones whose contents are defined.
struct Topic {
    name: &'static str,
    number: u32,
    size: u64,
    defined: usize,
    /// Sizes of the buffer to be tried with every kind of pointer.
    sizes: &'static [u64],
}

const TOPICS: &[Topic] = &[
    Topic {
        name: "basic",
        number: ZX_INFO_HANDLE_BASIC,
        size: <zx_info_handle_basic_t as Record<32>>::SIZE as u64,
        // Padding follows (ND-14).
        defined: 28,
        sizes: &[0, 31, 32, 33],
    },
    Topic {
        name: "count",
        number: ZX_INFO_HANDLE_COUNT,
        size: 4,
        defined: 4,
        sizes: &[0, 3, 4, 5],
    },
];

/// Where a pointer leads.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Pointer {
    Good,
    Null,
    Bad(Address),
}

const POINTERS: &[(&str, Pointer)] = &[
    ("good", Pointer::Good),
    ("null", Pointer::Null),
    ("unmapped", Pointer::Bad(Address::Unmapped)),
    ("kernel", Pointer::Bad(Address::Kernel)),
];

fn point(cx: &mut Context<'_>, argument: &'static str, pointer: Pointer) {
    match pointer {
        Pointer::Good => {}
        Pointer::Null => drop(cx.with(argument, Address::Null)),
        Pointer::Bad(address) => drop(cx.with(argument, address)),
    }
}

/// The bytes behind the record must be those that the tester had put there:
/// all alike, and not zero.
fn expect_just_one_record(answer: &Answer, size: u64) -> Checked {
    let rest = answer.bytes().get(size as usize..).unwrap_or_default();
    match rest.iter().find(|byte| **byte != 0xaa) {
        None => Ok(()),
        Some(byte) => {
            Err(answer.failure(format!("{size} bytes stored"), format!("more: {byte:#x}")))
        }
    }
}

pub(super) fn add(suite: &mut Suite) {
    for topic in TOPICS {
        sizes(suite, topic);
        pointers(suite, topic);
        registers(suite, topic);
    }
}

fn sizes(suite: &mut Suite, topic: &'static Topic) {
    for size in 0..topic.size {
        suite.test(
            format!("{}_does_not_fit::{size}", topic.name),
            &["OBJ-INFO-10"],
            &[Info],
            move |cx| {
                let vmo = cx.create(PAGE)?;
                let answer = cx.object_get_info(vmo, topic.number, size)?;
                answer.is(ZX_ERR_BUFFER_TOO_SMALL).map(drop)
            },
        );
        suite.test(
            format!("{}_tells_that_it_does_not_fit::{size}", topic.name),
            &["OBJ-INFO-11"],
            &[Info],
            move |cx| {
                let vmo = cx.create(PAGE)?;
                let answer = cx.object_get_info(vmo, topic.number, size)?;
                let answer = answer.is(ZX_ERR_BUFFER_TOO_SMALL)?.untouched()?;
                answer.word_is(4, 0)?.word_is(5, 1).map(drop)
            },
        );
    }

    for more in [0, 1, 2, 7, 8, 31, 32, 33, 64, 100, 4000] {
        let size = topic.size + more;
        suite.test(
            format!("{}_is_one_record::{size}", topic.name),
            &["OBJ-INFO-09", "OBJ-INFO-12"],
            &[Info],
            move |cx| {
                let vmo = cx.create(PAGE)?;
                let expected = cx.object_get_info(vmo, topic.number, topic.size)?.ok()?;
                let answer = cx.object_get_info(vmo, topic.number, size)?.ok()?;
                expect_just_one_record(&answer, topic.size)?;
                let (seen, expected) =
                    (&answer.bytes()[..topic.defined], &expected.bytes()[..topic.defined]);
                cx.expect(seen == expected, format!("{expected:x?}"), format!("{seen:x?}"))?;
                answer.word_is(4, 1)?.word_is(5, 1).map(drop)
            },
        );
    }

    // Cut to 32 bits these sizes are smaller than a record.
    for (row, size) in [("2_to_32", 1 << 32), ("2_to_63", 1 << 63), ("all_ones", u64::MAX)] {
        suite.test(
            format!("{}_is_one_record_of_a_huge_buffer::{row}", topic.name),
            &["OBJ-INFO-12"],
            &[Info],
            move |cx| {
                let vmo = cx.create(PAGE)?;
                let answer = cx.object_get_info(vmo, topic.number, size)?.ok()?;
                expect_just_one_record(&answer, topic.size)?;
                answer.word_is(4, 1)?.word_is(5, 1).map(drop)
            },
        );
    }

    suite.test(
        format!("{}_needs_just_the_bytes_of_a_record", topic.name),
        &["OBJ-INFO-12", "OBJ-INFO-13"],
        &[Info],
        move |cx| {
            let vmo = cx.create(PAGE)?;
            cx.with("buffer", Address::Straddle(topic.size));
            cx.object_get_info(vmo, topic.number, 4096)?.ok()?;
            cx.with("buffer", Address::Straddle(topic.size - 1));
            cx.object_get_info(vmo, topic.number, topic.size)?.is(ZX_ERR_INVALID_ARGS).map(drop)
        },
    );
}

/// Every mixture of pointers: the buffer is used first, then actual, then
/// avail, and what was used before a bad one has been written.
fn pointers(suite: &mut Suite, topic: &'static Topic) {
    for &size in topic.sizes {
        for &(buffer_name, buffer) in POINTERS {
            for &(actual_name, actual) in POINTERS {
                for &(avail_name, avail) in POINTERS {
                    suite.test(
                        format!(
                            "{}_with_pointers::{size}_{buffer_name}_{actual_name}_{avail_name}",
                            topic.name
                        ),
                        &["OBJ-INFO-09", "OBJ-INFO-11", "OBJ-INFO-13", "OBJ-INFO-14"],
                        &[Info],
                        move |cx| try_pointers(cx, topic, size, [buffer, actual, avail]),
                    );
                }
            }
        }
    }
}

fn try_pointers(
    cx: &mut Context<'_>,
    topic: &Topic,
    size: u64,
    [buffer, actual, avail]: [Pointer; 3],
) -> Checked {
    let vmo = cx.create(PAGE)?;
    point(cx, "buffer", buffer);
    point(cx, "actual", actual);
    point(cx, "avail", avail);
    let answer = cx.object_get_info(vmo, topic.number, size)?;
    let fits = size >= topic.size;
    let is_bad = |pointer| matches!(pointer, Pointer::Bad(_));
    let buffer_fails = fits && buffer != Pointer::Good;
    let actual_fails = buffer_fails || is_bad(actual);
    let fails = actual_fails || is_bad(avail);
    let expected = match (fails, fits) {
        (true, _) => ZX_ERR_INVALID_ARGS,
        (false, true) => ZX_OK,
        (false, false) => ZX_ERR_BUFFER_TOO_SMALL,
    };
    let answer = answer.is(expected)?;
    if buffer == Pointer::Good {
        let is_stored = answer.bytes().iter().any(|byte| *byte != 0xaa);
        cx.expect(is_stored == fits, format!("record stored: {fits}"), is_stored)?;
    }
    for (position, pointer, is_reached, count) in
        [(4, actual, !buffer_fails, u64::from(fits)), (5, avail, !actual_fails, 1)]
    {
        if pointer != Pointer::Good {
            continue;
        }
        let stored = answer.has_word(position).then(|| answer.word(position)).transpose()?;
        let expected = is_reached.then_some(count);
        cx.expect(stored == expected, format!("{expected:?}"), format!("{stored:?}"))?;
    }
    Ok(())
}

fn registers(suite: &mut Suite, topic: &'static Topic) {
    // An argument of 32 bits is the lower half of a register; the kernel never
    // looks at the other.
    for (row, upper) in [("lowest", 1 << 32), ("all", u64::MAX << 32)] {
        suite
            .test(
                format!("{}_ignores_the_upper_half_of_the_topic::{row}", topic.name),
                &["OBJ-INFO-09"],
                &[Info],
                move |cx| {
                    let vmo = cx.create(PAGE)?;
                    let arguments = |handle: Handle| {
                        vec![
                            handle.into(),
                            Value::Number(upper | u64::from(topic.number)),
                            Value::Scratch,
                            Value::Number(topic.size),
                            Value::Scratch,
                            Value::Scratch,
                        ]
                    };
                    let answer = cx.call(Syscall::object_get_info, arguments(vmo))?.ok()?;
                    answer.word_is(4, 1)?;
                    let answer = cx.call(Syscall::object_get_info, arguments(Handle::Never))?;
                    answer.is(ZX_ERR_BAD_HANDLE).map(drop)
                },
            )
            .at(Level::Kernel);
    }
}
