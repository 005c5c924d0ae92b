//! Where `vmo_read` stores.

use vmo_abi::Capability::Mapping;
use vmo_abi::{ZX_ERR_INVALID_ARGS, ZX_ERR_OUT_OF_RANGE, ZX_OK};

use super::{create_old, old_bytes};
use crate::level::Level;
use crate::program::Address;
use crate::suite::{PAGE, READ_ONLY, READ_WRITE, Suite, plus};

/// Addresses that cannot be written.
const BAD_BUFFERS: &[(&str, Address)] = &[
    ("null", Address::Null),
    ("one", Address::Literal(1)),
    ("unmapped", Address::Unmapped),
    ("readonly", Address::ReadOnly),
    ("kernel", Address::Kernel),
];

pub(super) fn add(suite: &mut Suite) {
    bad(suite);
    mapped(suite);
    probe(suite);
}

fn bad(suite: &mut Suite) {
    for &(name, address) in BAD_BUFFERS {
        suite.test(format!("refuses_buffer::{name}"), &["VMO-READ-06"], &[], move |cx| {
            let vmo = create_old(cx, 2)?;
            for (offset, len) in [(0, 1), (PAGE - 1, 8), (0, 2 * PAGE)] {
                let answer = cx.with("buffer", address).vmo_read(vmo, offset, len)?;
                answer.is(ZX_ERR_INVALID_ARGS)?;
            }
            cx.expect_bytes(vmo, 0, &old_bytes(2 * PAGE))
        });

        suite.test(
            format!("does_not_look_at_the_buffer_for_length_0::{name}"),
            &["VMO-READ-07"],
            &[],
            move |cx| {
                let vmo = create_old(cx, 1)?;
                for offset in [0, 1, PAGE - 1, PAGE] {
                    cx.with("buffer", address).vmo_read(vmo, offset, 0)?.ok()?;
                }
                let answer = cx.with("buffer", address).vmo_read(vmo, PAGE + 1, 0)?;
                answer.is(ZX_ERR_OUT_OF_RANGE).map(drop)
            },
        );

        suite.test(
            format!("judges_buffer_before_range::{name}"),
            &["VMO-READ-13"],
            &[],
            move |cx| {
                let vmo = create_old(cx, 1)?;
                for (offset, len) in [(PAGE, 1), (0, PAGE + 1), (u64::MAX, 2), (1 << 40, 8)] {
                    let answer = cx.with("buffer", address).vmo_read(vmo, offset, len)?;
                    answer.is(ZX_ERR_INVALID_ARGS)?;
                }
                Ok(())
            },
        );
    }

    suite
        .test("reads_nothing_into_null", &["VMO-READ-07"], &[], |cx| {
            let vmo = create_old(cx, 1)?;
            let answer = cx.with("buffer", Address::Null).vmo_read(vmo, 0, 0)?;
            cx.either("C-04", answer, ZX_ERR_INVALID_ARGS, ZX_OK).map(drop)
        })
        .at(Level::Page);

    for bytes in [1, 2, 16, PAGE - 1] {
        suite.test(
            format!("buffer_may_end_where_memory_ends::{bytes}"),
            &["VMO-READ-06"],
            &[],
            move |cx| {
                let vmo = create_old(cx, 2)?;
                let mut with =
                    |len| cx.with("buffer", Address::Straddle(bytes)).vmo_read(vmo, PAGE - 1, len);
                with(bytes)?.ok()?;
                with(bytes + 1)?.is(ZX_ERR_INVALID_ARGS)?;
                with(bytes)?.ok().map(drop)
            },
        );
    }
}

fn mapped(suite: &mut Suite) {
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
            format!("stores_in_the_buffer_and_nowhere_else::{name}"),
            &["VMO-READ-01"],
            &[Mapping],
            move |cx| {
                let vmo = create_old(cx, 3)?;
                let target = cx.create_filled(3 * PAGE, 0xee)?;
                let address = cx.map(target, 0, 3 * PAGE, READ_WRITE)?;
                cx.with("buffer", plus(address, start)).vmo_read(vmo, 5, len)?.ok()?;
                let mut expected = vec![0xee; 3 * PAGE as usize];
                expected[start as usize..][..len as usize]
                    .copy_from_slice(&old_bytes(3 * PAGE)[5..][..len as usize]);
                cx.expect_bytes(target, 0, &expected)?;
                cx.expect_load(address, &expected)
            },
        );
    }

    for (name, flags) in [("read_only", READ_ONLY), ("without_permissions", 0)] {
        suite.test(
            format!("refuses_a_buffer_in_a_mapping::{name}"),
            &["VMO-READ-22"],
            &[Mapping],
            move |cx| {
                let vmo = create_old(cx, 1)?;
                let target = cx.create_filled(PAGE, 0xee)?;
                let address = cx.map(target, 0, PAGE, flags)?;
                for len in [1, PAGE] {
                    let answer = cx.with("buffer", address).vmo_read(vmo, 0, len)?;
                    answer.is(ZX_ERR_INVALID_ARGS)?;
                }
                cx.expect_fill(target, 0, PAGE, 0xee)
            },
        );
    }

    suite.test("refuses_a_buffer_beyond_the_mapped_vmo", &["VMO-READ-22"], &[Mapping], |cx| {
        let vmo = create_old(cx, 2)?;
        let target = cx.create(PAGE)?;
        let address = cx.map(target, 0, 2 * PAGE, READ_WRITE)?;
        let buffer = plus(address, PAGE - 8);
        cx.with("buffer", buffer).vmo_read(vmo, 0, 8)?.ok()?;
        cx.with("buffer", buffer).vmo_read(vmo, 0, 9)?.is(ZX_ERR_INVALID_ARGS).map(drop)
    });

    suite.test("reads_into_another_page_of_itself", &["VMO-READ-01"], &[Mapping], |cx| {
        let vmo = create_old(cx, 3)?;
        let address = cx.map(vmo, 2 * PAGE, PAGE, READ_WRITE)?;
        cx.with("buffer", address).vmo_read(vmo, 10, PAGE)?.ok()?;
        let old = old_bytes(3 * PAGE);
        cx.expect_bytes(vmo, 0, &old[..2 * PAGE as usize])?;
        cx.expect_bytes(vmo, 2 * PAGE, &old[10..][..PAGE as usize])
    });
}

fn probe(suite: &mut Suite) {
    // The kernel makes sure of the buffer by storing zeros into it.
    for (name, len) in [("1", 1), ("2", 2), ("page", PAGE), ("2_pages_plus_1", 2 * PAGE + 1)] {
        suite.test(format!("probes_the_buffer::{name}"), &["VMO-READ-14"], &[], move |cx| {
            let vmo = cx.create_filled(PAGE, 0x41)?;
            let answer = cx.vmo_read(vmo, PAGE, len)?.is(ZX_ERR_OUT_OF_RANGE)?;
            let mut expected = vec![0xaa; len as usize];
            for at in (0..len).step_by(PAGE as usize).chain([len - 1]) {
                expected[at as usize] = 0;
            }
            answer.bytes_are(&expected).map(drop)
        });
    }

    suite.test("the_probe_does_not_show_after_success", &["VMO-READ-14"], &[], |cx| {
        let vmo = create_old(cx, 3)?;
        for len in [1, 2, PAGE, PAGE + 1, 3 * PAGE] {
            cx.expect_bytes(vmo, 0, &old_bytes(len))?;
        }
        Ok(())
    });

    suite.test("a_bad_second_page_of_the_buffer_is_found", &["VMO-READ-06"], &[], |cx| {
        let vmo = create_old(cx, 2)?;
        let answer = cx.with("buffer", Address::Straddle(PAGE)).vmo_read(vmo, 0, 2 * PAGE)?;
        answer.is(ZX_ERR_INVALID_ARGS)?;
        cx.expect_bytes(vmo, 0, &old_bytes(2 * PAGE))
    });

    for (name, len) in [("1", 1), ("100", 100), ("page_plus_1", PAGE + 1)] {
        suite.test(
            format!("a_refused_read_stores_nothing_behind_the_buffer::{name}"),
            &["VMO-READ-01", "VMO-READ-08"],
            &[],
            move |cx| {
                let vmo = cx.create_filled(2 * PAGE, 0x42)?;
                let answer = cx.vmo_read(vmo, 2 * PAGE - len + 1, len)?;
                let answer = answer.is(ZX_ERR_OUT_OF_RANGE)?;
                cx.expect(!answer.overran, "nothing stored behind the buffer", "bytes changed")
            },
        );
    }
}
