//! Where `vmo_write` takes its bytes from.

use vmo_abi::Capability::Mapping;
use vmo_abi::{ZX_ERR_INVALID_ARGS, ZX_ERR_OUT_OF_RANGE, ZX_OK};

use super::overwritten;
use crate::level::Level;
use crate::program::Address;
use crate::suite::cases::vmo_read::{create_old, new_bytes, old_bytes};
use crate::suite::{PAGE, READ_ONLY, READ_WRITE, Suite, plus};

/// Addresses that cannot be read.
const BAD_BUFFERS: &[(&str, Address)] = &[
    ("null", Address::Null),
    ("one", Address::Literal(1)),
    ("unmapped", Address::Unmapped),
    ("kernel", Address::Kernel),
];

pub(super) fn add(suite: &mut Suite) {
    bad(suite);
    good(suite);
}

fn bad(suite: &mut Suite) {
    for &(name, address) in BAD_BUFFERS {
        suite.test(format!("refuses_buffer::{name}"), &["VMO-WRITE-06"], &[], move |cx| {
            let vmo = create_old(cx, 2)?;
            for (offset, len) in [(0, 1), (PAGE - 1, 8), (0, 2 * PAGE)] {
                let answer = cx.with("buffer", address).vmo_write_from_buffer(vmo, offset, len)?;
                answer.is(ZX_ERR_INVALID_ARGS)?;
            }
            cx.expect_size(vmo, 2 * PAGE)
        });

        suite.test(format!("a_bad_buffer_changes_nothing::{name}"), &["VMO-WRITE-14"], &[], {
            move |cx| {
                let vmo = create_old(cx, 2)?;
                let answer = cx.with("buffer", address).vmo_write_from_buffer(vmo, 9, PAGE)?;
                answer.is(ZX_ERR_INVALID_ARGS)?;
                cx.expect_bytes(vmo, 0, &old_bytes(2 * PAGE))
            }
        });

        suite.test(
            format!("does_not_look_at_the_buffer_for_length_0::{name}"),
            &["VMO-WRITE-07"],
            &[],
            move |cx| {
                let vmo = create_old(cx, 1)?;
                for offset in [0, 1, PAGE - 1, PAGE] {
                    cx.with("buffer", address).vmo_write_from_buffer(vmo, offset, 0)?.ok()?;
                }
                let answer = cx.with("buffer", address).vmo_write_from_buffer(vmo, PAGE + 1, 0)?;
                answer.is(ZX_ERR_OUT_OF_RANGE)?;
                cx.expect_bytes(vmo, 0, &old_bytes(PAGE))
            },
        );

        suite.test(
            format!("judges_buffer_before_range::{name}"),
            &["VMO-WRITE-13"],
            &[],
            move |cx| {
                let vmo = create_old(cx, 1)?;
                for (offset, len) in [(PAGE, 1), (0, PAGE + 1), (u64::MAX, 2), (1 << 40, 8)] {
                    let answer =
                        cx.with("buffer", address).vmo_write_from_buffer(vmo, offset, len)?;
                    answer.is(ZX_ERR_INVALID_ARGS)?;
                }
                Ok(())
            },
        );
    }

    suite
        .test("writes_nothing_from_null", &["VMO-WRITE-07"], &[], |cx| {
            let vmo = create_old(cx, 1)?;
            let answer = cx.with("buffer", Address::Null).vmo_write_from_buffer(vmo, 0, 0)?;
            cx.either("C-04", answer, ZX_ERR_INVALID_ARGS, ZX_OK)?;
            cx.expect_bytes(vmo, 0, &old_bytes(PAGE))
        })
        .at(Level::Page);

    for bytes in [1, 2, 16, PAGE - 1] {
        suite.test(
            format!("buffer_may_end_where_memory_ends::{bytes}"),
            &["VMO-WRITE-06"],
            &[],
            move |cx| {
                let vmo = create_old(cx, 2)?;
                let mut with = |len| {
                    let buffer = Address::Straddle(bytes);
                    cx.with("buffer", buffer).vmo_write_from_buffer(vmo, PAGE - 1, len)
                };
                with(bytes)?.ok()?;
                with(bytes + 1)?.is(ZX_ERR_INVALID_ARGS)?;
                with(bytes)?.ok().map(drop)
            },
        );
    }

    // The kernel tries the buffer before it takes anything from it.
    for (good, len) in [(16, 32), (1, 2), (PAGE, PAGE + 1), (PAGE, 2 * PAGE)] {
        suite.test(
            format!("a_buffer_that_ends_too_early_changes_nothing::{good}_of_{len}"),
            &["VMO-WRITE-14"],
            &[],
            move |cx| {
                let vmo = create_old(cx, 3)?;
                let buffer = Address::Straddle(good);
                let answer = cx.with("buffer", buffer).vmo_write_from_buffer(vmo, 100, len)?;
                answer.is(ZX_ERR_INVALID_ARGS)?;
                cx.expect_bytes(vmo, 0, &old_bytes(3 * PAGE))
            },
        );
    }
}

fn good(suite: &mut Suite) {
    // Offsets of the buffer in a mapping of three pages, and lengths.
    for (name, start, len) in [
        ("one_byte", 100, 1),
        ("across_a_border", PAGE - 50, 100),
        ("a_page", PAGE, PAGE),
        ("unaligned_page", 1, PAGE),
        ("to_the_last_byte", PAGE + 3, 2 * PAGE - 3),
        ("from_the_first_byte", 0, 2 * PAGE + 1),
    ] {
        suite.test(
            format!("takes_the_bytes_of_the_buffer::{name}"),
            &["VMO-WRITE-01"],
            &[Mapping],
            move |cx| {
                let source = cx.create(3 * PAGE)?;
                let bytes = new_bytes(3 * PAGE);
                cx.write(source, 0, &bytes)?;
                let address = cx.map(source, 0, 3 * PAGE, READ_WRITE)?;
                let vmo = create_old(cx, 3)?;
                let buffer = plus(address, start);
                cx.with("buffer", buffer).vmo_write_from_buffer(vmo, 5, len)?.ok()?;
                let mut expected = old_bytes(3 * PAGE);
                expected[5..][..len as usize]
                    .copy_from_slice(&bytes[start as usize..][..len as usize]);
                cx.expect_bytes(vmo, 0, &expected)?;
                cx.expect_bytes(source, 0, &bytes)
            },
        );
    }

    suite.test("a_read_only_mapping_will_do", &["VMO-WRITE-25"], &[Mapping], |cx| {
        let source = cx.create(2 * PAGE)?;
        cx.write(source, 0, &new_bytes(2 * PAGE))?;
        let address = cx.map(source, 0, 2 * PAGE, READ_ONLY)?;
        let vmo = create_old(cx, 2)?;
        cx.with("buffer", address).vmo_write_from_buffer(vmo, 3, PAGE + 9)?.ok()?;
        cx.expect_bytes(vmo, 0, &overwritten(2, 3, PAGE + 9))
    });

    suite.test("a_read_only_page_will_do", &["VMO-WRITE-25"], &[], |cx| {
        let vmo = cx.create_filled(PAGE, 0xff)?;
        cx.with("buffer", Address::ReadOnly).vmo_write_from_buffer(vmo, 10, 20)?.ok()?;
        cx.expect_fill(vmo, 0, 10, 0xff)?;
        cx.expect_fill(vmo, 10, 20, 0)?;
        cx.expect_fill(vmo, 30, PAGE - 30, 0xff)
    });

    suite.test("refuses_a_mapping_without_permissions", &["VMO-WRITE-06"], &[Mapping], |cx| {
        let source = cx.create_filled(PAGE, 0x51)?;
        let address = cx.map(source, 0, PAGE, 0)?;
        let vmo = create_old(cx, 1)?;
        let answer = cx.with("buffer", address).vmo_write_from_buffer(vmo, 0, 1)?;
        answer.is(ZX_ERR_INVALID_ARGS).map(drop)
    });

    suite.test("refuses_a_buffer_beyond_the_mapped_vmo", &["VMO-WRITE-06"], &[Mapping], |cx| {
        let source = cx.create_filled(PAGE, 0x52)?;
        let address = cx.map(source, 0, 2 * PAGE, READ_ONLY)?;
        let vmo = create_old(cx, 2)?;
        let buffer = plus(address, PAGE - 8);
        cx.with("buffer", buffer).vmo_write_from_buffer(vmo, 0, 8)?.ok()?;
        cx.with("buffer", buffer).vmo_write_from_buffer(vmo, 0, 9)?.is(ZX_ERR_INVALID_ARGS)?;
        cx.expect_fill(vmo, 0, 8, 0x52)
    });

    // Every page is committed: only then the kernel of the edition can do it.
    suite.test("writes_from_another_page_of_itself", &["VMO-WRITE-01"], &[Mapping], |cx| {
        let vmo = create_old(cx, 3)?;
        let address = cx.map(vmo, 2 * PAGE, PAGE, READ_ONLY)?;
        cx.with("buffer", address).vmo_write_from_buffer(vmo, 10, PAGE)?.ok()?;
        let mut expected = old_bytes(3 * PAGE);
        expected.copy_within(2 * PAGE as usize.., 10);
        cx.expect_bytes(vmo, 0, &expected)
    });
}
