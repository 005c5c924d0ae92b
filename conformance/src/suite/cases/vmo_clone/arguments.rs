//! Options, offsets and sizes of `vmo_clone`.

use vmo_abi::Capability::Clone;
use vmo_abi::{
    Syscall, ZX_ERR_INVALID_ARGS, ZX_ERR_NO_MEMORY, ZX_ERR_OUT_OF_RANGE, ZX_OK,
    ZX_VMO_CLONE_COPY_ON_WRITE,
};

use crate::level::Level;
use crate::program::{Handle, Value};
use crate::suite::cases::copy_on_write::pages::{clone, create, shows};
use crate::suite::steps::PAGE;
use crate::suite::{Answer, Checked, Context, Suite};

/// The largest size of a VMO.
const LARGEST: u64 = 0xffff_ffff_ffff_f000;

pub(super) fn add(suite: &mut Suite) {
    add_options(suite);
    add_sizes(suite);
    add_offsets_and_sizes(suite);
}

fn add_options(suite: &mut Suite) {
    suite.test("wants_the_only_mode", &["VMO-CLONE-06"], &[Clone], |cx| {
        let vmo = create(cx, "a")?;
        cx.vmo_clone(vmo, 0, 0, PAGE)?.is(ZX_ERR_INVALID_ARGS)?.untouched()?;
        let copy = clone(cx, vmo, 0, 1)?;
        shows(cx, copy, "a")
    });

    for bit in 1..32 {
        let name = format!("refuses_options_without_the_mode::bit_{bit}");
        suite.test(name, &["VMO-CLONE-07"], &[Clone], move |cx| {
            let vmo = cx.create(PAGE)?;
            cx.vmo_clone(vmo, 1 << bit, 0, PAGE)?.is(ZX_ERR_INVALID_ARGS)?.untouched().map(drop)
        });
        let name = format!("an_unknown_option_next_to_the_mode::bit_{bit}");
        let ignored = suite.test(name, &["VMO-CLONE-08"], &[Clone], move |cx| {
            ignores_options(cx, ZX_VMO_CLONE_COPY_ON_WRITE | 1 << bit)
        });
        ignored.at(Level::Page);
    }
    suite.test("refuses_all_options_but_the_mode", &["VMO-CLONE-07"], &[Clone], |cx| {
        let vmo = cx.create(PAGE)?;
        let answer = cx.vmo_clone(vmo, !ZX_VMO_CLONE_COPY_ON_WRITE, 0, PAGE)?;
        answer.is(ZX_ERR_INVALID_ARGS)?.untouched().map(drop)
    });
    suite
        .test("all_options_at_once", &["VMO-CLONE-08"], &[Clone], |cx| {
            ignores_options(cx, u32::MAX)
        })
        .at(Level::Page);

    // The options are 32 bits wide; the rest of the register means nothing.
    suite.test("ignores_the_upper_half_of_the_register", &["VMO-CLONE-06"], &[Clone], |cx| {
        let vmo = create(cx, "a")?;
        for register in [0x1_0000_0001, 0xffff_ffff_0000_0001] {
            let copy = clone_with(cx, vmo, register)?.ok()?.handle(0);
            shows(cx, copy, "a")?;
        }
        Ok(())
    });
    suite.test("the_upper_half_is_not_the_mode", &["VMO-CLONE-06"], &[Clone], |cx| {
        let vmo = cx.create(PAGE)?;
        for register in [0x1_0000_0000, 0xffff_ffff_0000_0000] {
            clone_with(cx, vmo, register)?.is(ZX_ERR_INVALID_ARGS)?.untouched()?;
        }
        Ok(())
    });
}

/// Other bits are ignored by the kernel; the pages leave them open (ND-10).
fn ignores_options(cx: &mut Context<'_>, options: u32) -> Checked {
    let vmo = create(cx, "ab")?;
    let answer = cx.vmo_clone(vmo, options, PAGE, PAGE)?;
    if cx.level() != Level::Kernel && answer.status() == Some(ZX_ERR_INVALID_ARGS) {
        return answer.is(ZX_ERR_INVALID_ARGS)?.untouched().map(drop);
    }
    let copy = answer.ok()?.handle(0);
    cx.expect_size(copy, PAGE)?;
    shows(cx, copy, "b")
}

/// `vmo_clone` of a page with this in the register of its options.
fn clone_with(cx: &mut Context<'_>, vmo: Handle, register: u64) -> Checked<Answer> {
    let numbers = [register, 0, PAGE].map(Value::Number);
    let arguments = [Value::Handle(vmo)].into_iter().chain(numbers).chain([Value::Scratch]);
    cx.call(Syscall::vmo_clone, arguments.collect())
}

/// Sizes asked for, and what they are rounded to.
const SIZES: &[(&str, u64, u64)] = &[
    ("1", 1, PAGE),
    ("page_less_1", PAGE - 1, PAGE),
    ("page", PAGE, PAGE),
    ("page_plus_1", PAGE + 1, 2 * PAGE),
    ("2_pages_less_1", 2 * PAGE - 1, 2 * PAGE),
    ("2_pages", 2 * PAGE, 2 * PAGE),
    ("2_pages_plus_1", 2 * PAGE + 1, 3 * PAGE),
    ("3_pages_less_1", 3 * PAGE - 1, 3 * PAGE),
    ("16_pages_plus_1", 16 * PAGE + 1, 17 * PAGE),
    ("below_2_to_31", 0x7fff_ffff, 0x8000_0000),
    ("2_to_31", 0x8000_0000, 0x8000_0000),
    ("above_2_to_31", 0x8000_0001, 0x8000_1000),
    ("last_page_below_2_to_32", 0xffff_f001, 0x1_0000_0000),
    ("below_2_to_32", 0xffff_ffff, 0x1_0000_0000),
    ("2_to_32", 0x1_0000_0000, 0x1_0000_0000),
    ("above_2_to_32", 0x1_0000_0001, 0x1_0000_1000),
    ("2_to_44_plus_page", 0x1000_0000_1000, 0x1000_0000_1000),
    ("below_2_to_63", 0x7fff_ffff_ffff_ffff, 0x8000_0000_0000_0000),
    ("2_to_63", 0x8000_0000_0000_0000, 0x8000_0000_0000_0000),
    ("above_2_to_63", 0x8000_0000_0000_0001, 0x8000_0000_0000_1000),
    ("largest_less_1_page", LARGEST - PAGE, LARGEST - PAGE),
    ("rounds_to_the_largest", LARGEST - PAGE + 1, LARGEST),
    ("largest_less_1", LARGEST - 1, LARGEST),
    ("largest", LARGEST, LARGEST),
];

fn add_sizes(suite: &mut Suite) {
    for &(name, size, rounded) in SIZES {
        let clauses = &["VMO-CLONE-02", "VMO-CLONE-10"];
        for (source, pages) in [("an_empty_vmo", 0), ("2_pages", 2)] {
            let name = format!("rounds_size_up_to_a_page::{name}_of_{source}");
            suite.test(name, clauses, &[Clone], move |cx| {
                let vmo = cx.create(pages * PAGE)?;
                let answer = cx.vmo_clone(vmo, ZX_VMO_CLONE_COPY_ON_WRITE, 0, size)?;
                let Some(answer) = cx.ok_or_no_memory(answer)? else { return Ok(()) };
                cx.expect_size(answer.handle(0), rounded)?;
                cx.expect_size(vmo, pages * PAGE)
            });
        }
    }

    suite.test("size_0_gives_an_empty_clone", &["VMO-CLONE-14"], &[Clone], |cx| {
        let vmo = create(cx, "ab")?;
        for offset in [0, PAGE, 2 * PAGE, 8 * PAGE] {
            let copy = cx.clone_of(vmo, offset, 0)?;
            cx.expect_size(copy, 0)?;
            cx.vmo_read(copy, 0, 1)?.is(ZX_ERR_OUT_OF_RANGE)?;
            cx.vmo_write(copy, 0, b"x")?.is(ZX_ERR_OUT_OF_RANGE)?;
            shows(cx, vmo, "ab")?;
        }
        Ok(())
    });

    suite.test("the_whole_rounded_clone_is_there", &["VMO-CLONE-02", "COW-01"], &[Clone], |cx| {
        let vmo = create(cx, "abc")?;
        let copy = cx.clone_of(vmo, 0, PAGE + 1)?;
        shows(cx, copy, "ab")?;
        cx.vmo_read(copy, 2 * PAGE, 1)?.is(ZX_ERR_OUT_OF_RANGE).map(drop)
    });

    for (name, size) in [
        ("largest_plus_1", LARGEST + 1),
        ("largest_plus_2", LARGEST + 2),
        ("last_word", u64::MAX - 7),
        ("all_but_1", u64::MAX - 1),
        ("all", u64::MAX),
    ] {
        let clauses = &["VMO-CLONE-13"];
        suite.test(format!("refuses_size::{name}"), clauses, &[Clone], move |cx| {
            let vmo = create(cx, "a")?;
            let answer = cx.vmo_clone(vmo, ZX_VMO_CLONE_COPY_ON_WRITE, 0, size)?;
            answer.is(ZX_ERR_OUT_OF_RANGE)?.untouched()?;
            shows(cx, vmo, "a")
        });
        // By the pages it is open which error it is, but there is no such size.
        let name = format!("never_makes_a_clone_of_size::{name}");
        let test = suite.test(name, clauses, &[Clone], move |cx| {
            let vmo = cx.create(PAGE)?;
            let answer = cx.vmo_clone(vmo, ZX_VMO_CLONE_COPY_ON_WRITE, 0, size)?;
            let refusals = [ZX_ERR_OUT_OF_RANGE, ZX_ERR_INVALID_ARGS, ZX_ERR_NO_MEMORY];
            answer.one_of(&refusals)?.untouched().map(drop)
        });
        test.at(Level::Page);
    }
}

/// Offsets for the table of offsets and sizes.
const OFFSETS: &[(&str, u64)] = &[
    ("0", 0),
    ("1", 1),
    ("8", 8),
    ("half_a_page", PAGE / 2),
    ("page_less_1", PAGE - 1),
    ("page", PAGE),
    ("page_plus_1", PAGE + 1),
    ("end", 2 * PAGE),
    ("beyond_the_end", 3 * PAGE),
    ("2_to_31", 0x8000_0000),
    ("2_to_32", 0x1_0000_0000),
    ("2_to_32_plus_1", 0x1_0000_0001),
    ("2_to_63", 0x8000_0000_0000_0000),
    ("last_but_1_page", 0xffff_ffff_ffff_e000),
    ("last_page", 0xffff_ffff_ffff_f000),
    ("last_page_plus_1", 0xffff_ffff_ffff_f001),
    ("last_byte", u64::MAX),
];

/// Sizes for it.
const LENGTHS: &[(&str, u64)] = &[
    ("0", 0),
    ("1", 1),
    ("page_less_1", PAGE - 1),
    ("page", PAGE),
    ("page_plus_1", PAGE + 1),
    ("2_pages", 2 * PAGE),
    ("2_to_32", 0x1_0000_0000),
    ("2_to_63_less_page", 0x7fff_ffff_ffff_f000),
    ("2_to_63", 0x8000_0000_0000_0000),
    ("largest_less_2_pages", LARGEST - 2 * PAGE),
    ("largest_less_page_plus_1", LARGEST - PAGE + 1),
    ("largest", LARGEST),
];

/// What a clone with an offset and a size comes to.
#[derive(Clone, Copy)]
enum Verdict {
    Clone,
    Unaligned,
    TooFar,
    /// The sum fits as it is asked for, and not when it is rounded.
    TooFarRounded,
    /// Two faults at once.
    UnalignedAndTooFar,
}

fn verdict_on(offset: u64, size: u64) -> Verdict {
    let is_aligned = offset.is_multiple_of(PAGE);
    let end = u128::from(offset) + u128::from(size);
    let rounded_end = u128::from(offset) + u128::from(size).next_multiple_of(PAGE.into());
    let too_far = 1 << 64;
    match is_aligned {
        true if end >= too_far => Verdict::TooFar,
        true if rounded_end >= too_far => Verdict::TooFarRounded,
        true => Verdict::Clone,
        false if rounded_end >= too_far => Verdict::UnalignedAndTooFar,
        false => Verdict::Unaligned,
    }
}

fn add_offsets_and_sizes(suite: &mut Suite) {
    for &(offset_name, offset) in OFFSETS {
        for &(size_name, size) in LENGTHS {
            let verdict = verdict_on(offset, size);
            let name = format!("offset_and_size::{offset_name}_and_{size_name}");
            let clauses: &[&str] = match verdict {
                Verdict::Clone => &["VMO-CLONE-02", "VMO-CLONE-10", "COW-09"],
                Verdict::Unaligned => &["VMO-CLONE-09"],
                Verdict::TooFar => &["VMO-CLONE-11"],
                Verdict::TooFarRounded => &["VMO-CLONE-12"],
                Verdict::UnalignedAndTooFar => &["VMO-CLONE-18"],
            };
            let test = suite.test(name, clauses, &[Clone], move |cx| {
                let vmo = create(cx, "ab")?;
                let answer = cx.vmo_clone(vmo, ZX_VMO_CLONE_COPY_ON_WRITE, offset, size)?;
                match verdict {
                    Verdict::Clone => {
                        let Some(answer) = cx.ok_or_no_memory(answer)? else { return Ok(()) };
                        let copy = answer.handle(0);
                        expect_clone(cx, copy, offset, size)?;
                    }
                    Verdict::Unaligned | Verdict::UnalignedAndTooFar => {
                        answer.is(ZX_ERR_INVALID_ARGS)?.untouched()?;
                    }
                    Verdict::TooFar => {
                        answer.is(ZX_ERR_OUT_OF_RANGE)?.untouched()?;
                    }
                    Verdict::TooFarRounded => {
                        cx.either("C-10", answer, ZX_OK, ZX_ERR_OUT_OF_RANGE)?;
                    }
                }
                cx.expect_size(vmo, 2 * PAGE)?;
                shows(cx, vmo, "ab")
            });
            if matches!(verdict, Verdict::TooFarRounded) {
                test.at(Level::Page);
            }
        }
    }
}

/// Expects the size, the first byte and the last of a clone of `ab`.
fn expect_clone(cx: &mut Context<'_>, copy: Handle, offset: u64, size: u64) -> Checked {
    let rounded = size.next_multiple_of(PAGE);
    cx.expect_size(copy, rounded)?;
    if rounded == 0 {
        return Ok(());
    }
    let shown = |position: u64| match position / PAGE {
        0 => b'a',
        1 => b'b',
        _ => 0,
    };
    let last = rounded - 1;
    cx.expect_bytes(copy, 0, &[shown(offset)])?;
    cx.expect_bytes(copy, last, &[shown(offset + last)])
}
