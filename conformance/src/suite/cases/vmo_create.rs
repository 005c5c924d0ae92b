//! `vmo_create`.

mod birth;
mod failures;
mod rights;

use vmo_abi::Capability::Mapping;
use vmo_abi::{Syscall, ZX_ERR_INVALID_ARGS, ZX_ERR_NO_MEMORY, ZX_ERR_OUT_OF_RANGE, zx_rights_t};

use crate::level::Level;
use crate::program::{Handle, Value};
use crate::suite::{Checked, Context, PAGE, READ_WRITE, Side, Suite, plus};

/// The largest size that can be rounded up to a page.
pub(super) const LARGEST: u64 = !(PAGE - 1);

/// The rights that the seed page lists. A fresh handle may have more.
pub(super) const LISTED_RIGHTS: zx_rights_t = 0xff;

/// Sizes asked for, and what they are rounded to.
pub(super) const SIZES: &[(&str, u64, u64)] = &[
    ("1", 1, PAGE),
    ("2", 2, PAGE),
    ("half_page", PAGE / 2, PAGE),
    ("half_page_plus_1", PAGE / 2 + 1, PAGE),
    ("page_less_1", PAGE - 1, PAGE),
    ("page", PAGE, PAGE),
    ("page_plus_1", PAGE + 1, 2 * PAGE),
    ("2_pages_less_1", 2 * PAGE - 1, 2 * PAGE),
    ("2_pages", 2 * PAGE, 2 * PAGE),
    ("2_pages_plus_1", 2 * PAGE + 1, 3 * PAGE),
    ("3_pages_plus_half", 3 * PAGE + PAGE / 2, 4 * PAGE),
    ("16_pages_less_1", 16 * PAGE - 1, 16 * PAGE),
    ("16_pages", 16 * PAGE, 16 * PAGE),
    ("16_pages_plus_1", 16 * PAGE + 1, 17 * PAGE),
    ("512_pages_plus_1", 512 * PAGE + 1, 513 * PAGE),
];

/// Sizes around the ends of smaller integers, and what they are rounded to.
pub(super) const HUGE_SIZES: &[(&str, u64, u64)] = &[
    ("2_to_31_less_1", (1 << 31) - 1, 1 << 31),
    ("2_to_31", 1 << 31, 1 << 31),
    ("2_to_31_plus_1", (1 << 31) + 1, (1 << 31) + PAGE),
    ("2_to_32_less_page", (1 << 32) - PAGE, (1 << 32) - PAGE),
    ("2_to_32_less_1", (1 << 32) - 1, 1 << 32),
    ("2_to_32", 1 << 32, 1 << 32),
    ("2_to_32_plus_1", (1 << 32) + 1, (1 << 32) + PAGE),
    ("2_to_32_plus_page", (1 << 32) + PAGE, (1 << 32) + PAGE),
    ("2_to_40", 1 << 40, 1 << 40),
    ("2_to_44", 1 << 44, 1 << 44),
    ("2_to_48_plus_1", (1 << 48) + 1, (1 << 48) + PAGE),
    ("2_to_62", 1 << 62, 1 << 62),
    ("2_to_63_less_page", (1 << 63) - PAGE, (1 << 63) - PAGE),
    ("2_to_63_less_1", (1 << 63) - 1, 1 << 63),
    ("2_to_63", 1 << 63, 1 << 63),
    ("2_to_63_plus_1", (1 << 63) + 1, (1 << 63) + PAGE),
    ("largest_less_page", LARGEST - PAGE, LARGEST - PAGE),
    ("largest_less_page_plus_1", LARGEST - PAGE + 1, LARGEST),
    ("largest_less_1", LARGEST - 1, LARGEST),
    ("largest", LARGEST, LARGEST),
];

/// Sizes that no multiple of the page size reaches.
pub(super) const TOO_LARGE: &[(&str, u64)] = &[
    ("largest_plus_1", LARGEST + 1),
    ("largest_plus_2", LARGEST + 2),
    ("largest_plus_half_page", LARGEST + PAGE / 2),
    ("2_to_64_less_2", u64::MAX - 1),
    ("2_to_64_less_1", u64::MAX),
];

/// Creates a VMO with a whole register for the options.
fn create_with_register(cx: &mut Context<'_>, options: u64) -> Checked<crate::suite::Answer> {
    let arguments = vec![Value::Number(PAGE), Value::Number(options), Value::Scratch];
    cx.call(Syscall::vmo_create, arguments)
}

pub(super) fn add(suite: &mut Suite) {
    sizes(suite);
    options(suite);
    birth::add(suite);
    failures::add(suite);
    rights::add(suite);
}

fn sizes(suite: &mut Suite) {
    for &(name, size, rounded) in SIZES {
        suite.test(
            format!("rounds_size_up_to_a_page::{name}"),
            &["VMO-CREATE-02", "VMO-CREATE-03"],
            &[],
            move |cx| {
                let vmo = cx.create(size)?;
                cx.expect_size(vmo, rounded)
            },
        );
    }

    suite.test("accepts_size_0", &["VMO-CREATE-04"], &[], |cx| {
        let vmo = cx.create(0)?;
        cx.expect_size(vmo, 0)
    });

    for &(name, size, rounded) in HUGE_SIZES {
        suite.test(
            format!("rounds_huge_size_up_to_a_page::{name}"),
            &["VMO-CREATE-02", "VMO-CREATE-03"],
            &[],
            move |cx| {
                let answer = cx.vmo_create(size, 0)?;
                match cx.ok_or_no_memory(answer)? {
                    Some(created) => cx.expect_size(created.handle(0), rounded),
                    None => Ok(()),
                }
            },
        );
    }

    for &(name, size, rounded) in &HUGE_SIZES[HUGE_SIZES.len() - 4..] {
        suite.test(
            format!("accepts_the_largest_sizes::{name}"),
            &["VMO-CREATE-05"],
            &[],
            move |cx| {
                let vmo = cx.create(size)?;
                cx.expect_size(vmo, rounded)
            },
        );
    }

    for &(name, size) in TOO_LARGE {
        // Whatever the status: no VMO can have the size that was asked for.
        suite
            .test(format!("refuses_too_large_size::{name}"), &["VMO-CREATE-06"], &[], move |cx| {
                let answer = cx.vmo_create(size, 0)?;
                let answer = if cx.level() == Level::Kernel {
                    answer.is(ZX_ERR_OUT_OF_RANGE)?
                } else {
                    answer.one_of(&[ZX_ERR_OUT_OF_RANGE, ZX_ERR_INVALID_ARGS, ZX_ERR_NO_MEMORY])?
                };
                let is_kernels = answer.status() == Some(ZX_ERR_OUT_OF_RANGE);
                cx.takes("C-01", if is_kernels { Side::Kernel } else { Side::Page });
                Ok(())
            })
            .at(Level::Seed);
    }

    suite.test("stores_a_handle_and_no_more", &["VMO-CREATE-01"], &[Mapping], |cx| {
        let target = cx.create_filled(PAGE, 0x55)?;
        let address = cx.map(target, 0, PAGE, READ_WRITE)?;
        cx.with("out", plus(address, 8)).vmo_create(3 * PAGE, 0)?.ok()?;
        let bytes = cx.load_bytes(address, 20)?;
        let around = [&bytes[..8], &bytes[12..]].concat();
        cx.expect(around == [0x55; 16], "bytes around the handle kept", "one changed")?;
        let value = bytes[8..].first_chunk().map_or(0, |bytes| u32::from_le_bytes(*bytes));
        cx.expect_size(Handle::Literal(value), 3 * PAGE)?;
        cx.close(Handle::Literal(value))
    });

    suite.test("size_is_a_whole_register", &["VMO-CREATE-02"], &[], |cx| {
        // Cut to 32 bits this would be one page.
        let answer = cx.vmo_create((7 << 32) + 1, 0)?;
        match cx.ok_or_no_memory(answer)? {
            Some(created) => cx.expect_size(created.handle(0), (7 << 32) + PAGE),
            None => Ok(()),
        }
    });
}

fn options(suite: &mut Suite) {
    for bit in 0..32 {
        suite.test(format!("refuses_option_bit::{bit}"), &["VMO-CREATE-07"], &[], move |cx| {
            cx.vmo_create(PAGE, 1 << bit)?.is(ZX_ERR_INVALID_ARGS).map(drop)
        });
    }

    for (name, options) in [
        ("all", u32::MAX),
        ("all_but_the_lowest", u32::MAX - 1),
        ("two_low", 3),
        ("low_byte", 0xff),
        ("byte_1", 0xff00),
        ("upper_16", 0xffff_0000),
        ("positive", 0x7fff_ffff),
    ] {
        suite.test(format!("refuses_option_bits::{name}"), &["VMO-CREATE-07"], &[], move |cx| {
            cx.vmo_create(PAGE, options)?.is(ZX_ERR_INVALID_ARGS).map(drop)
        });
    }

    suite.test("refuses_options_for_size_0_too", &["VMO-CREATE-07"], &[], |cx| {
        cx.vmo_create(0, 1)?.is(ZX_ERR_INVALID_ARGS).map(drop)
    });

    // An argument of 32 bits is the lower half of a register; the kernel never
    // looks at the other.
    for (name, upper) in [("lowest", 1 << 32), ("highest", 1 << 63), ("all", u64::MAX << 32)] {
        suite
            .test(
                format!("ignores_the_upper_half_of_options::{name}"),
                &["VMO-CREATE-07"],
                &[],
                move |cx| {
                    create_with_register(cx, upper)?.ok()?;
                    create_with_register(cx, upper | 1)?.is(ZX_ERR_INVALID_ARGS).map(drop)
                },
            )
            .at(Level::Kernel);
    }
}
