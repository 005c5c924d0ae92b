//! What a mapping shows while its VMO shrinks and grows.

use vmo_abi::Capability::{Handles, Mapping};
use vmo_abi::ZX_ERR_INVALID_ARGS;

use super::changes::TOUCHES;
use super::picture::{map_at, pages_allow, pages_show};
use crate::program::{Address, Handle};
use crate::suite::cases::copy_on_write::pages::{create, put, put_at, shows};
use crate::suite::{Checked, Context, PAGE, READ_ONLY, READ_WRITE, Suite, plus};

const BASE: Address = Address::Region(0);
const LETTERS: &str = "abcdef";

/// Maps six pages at the start of the program's region, and the pages from the
/// third on behind that and a free page, beyond the end of the VMO.
fn map_two(cx: &mut Context<'_>, vmo: Handle) -> Checked<Address> {
    map_at(cx, Handle::Region, 0, vmo, 0, 6, READ_WRITE)?;
    map_at(cx, Handle::Region, 7, vmo, 2, 6, READ_ONLY)
}

/// Expects what both mappings show of so many letters.
fn both_show(cx: &mut Context<'_>, tail: Address, letters: &str) -> Checked {
    let beyond = format!("{letters:-<8}");
    pages_show(cx, BASE, &beyond[..6])?;
    pages_show(cx, tail, &beyond[2..])
}

pub(super) fn add(suite: &mut Suite) {
    for &(touch_row, touch) in TOUCHES {
        for size in 0..=6 {
            suite.test(
                format!("shrinks_to::{size}::{touch_row}"),
                &["VMAR-MAP-42", "VMO-SETSIZE-16"],
                &[Mapping],
                move |cx| {
                    let vmo = create(cx, LETTERS)?;
                    let tail = map_two(cx, vmo)?;
                    touch(cx, 6)?;
                    cx.load_bytes(tail, 4 * PAGE)?;
                    cx.resize(vmo, size * PAGE)?;
                    both_show(cx, tail, &LETTERS[..size as usize])
                },
            );
            suite.test(
                format!("keeps_what_stays::{size}::{touch_row}"),
                &["VMAR-MAP-39", "VMO-SETSIZE-15"],
                &[Mapping],
                move |cx| {
                    let vmo = create(cx, LETTERS)?;
                    map_two(cx, vmo)?;
                    touch(cx, 6)?;
                    cx.resize(vmo, size * PAGE)?;
                    pages_show(cx, BASE, &LETTERS[..size as usize])?;
                    for page in 0..size {
                        put_at(cx, BASE, page, 'x')?;
                    }
                    shows(cx, vmo, &"xxxxxx"[..size as usize])
                },
            );
            suite.test(
                format!("grows_again_from::{size}::{touch_row}"),
                &["VMAR-MAP-43", "VMO-SETSIZE-17", "VMO-SETSIZE-10"],
                &[Mapping],
                move |cx| {
                    let vmo = create(cx, LETTERS)?;
                    let tail = map_two(cx, vmo)?;
                    touch(cx, 6)?;
                    cx.resize(vmo, size * PAGE)?;
                    cx.resize(vmo, 7 * PAGE)?;
                    both_show(cx, tail, &format!("{:.<7}", &LETTERS[..size as usize]))?;
                    put_at(cx, BASE, 5, 'x')?;
                    cx.expect_load(plus(tail, 3 * PAGE), b"xx")?;
                    pages_allow(cx, BASE, "wwwwww-rrrrr-")
                },
            );
        }
    }
    growing(suite);
    sizes(suite);
    calls(suite);
}

fn growing(suite: &mut Suite) {
    for from in 0..6 {
        for to in from + 1..=6 {
            suite.test(format!("grows::{from}_to_{to}"), &["VMAR-MAP-43"], &[Mapping], move |cx| {
                let vmo = create(cx, &LETTERS[..from as usize])?;
                let tail = map_two(cx, vmo)?;
                both_show(cx, tail, &LETTERS[..from as usize])?;
                cx.resize(vmo, to * PAGE)?;
                let kept = &LETTERS[..from as usize];
                let dots = ".".repeat((to - from) as usize);
                both_show(cx, tail, &format!("{kept}{dots}"))?;
                put_at(cx, BASE, to - 1, 'x')?;
                put(cx, vmo, from, 'y')?;
                let shown = if to - from == 1 { b'y' } else { b'x' };
                cx.expect_load(plus(BASE, (to - 1) * PAGE), &[shown; 4])?;
                cx.expect_load(plus(BASE, from * PAGE), b"yyyy")
            });
        }
    }

    suite.test("page_by_page_up_and_down", &["VMAR-MAP-42", "VMAR-MAP-43"], &[Mapping], |cx| {
        let vmo = cx.create(0)?;
        let tail = map_two(cx, vmo)?;
        for size in 1..=6 {
            cx.resize(vmo, size * PAGE)?;
            put_at(cx, BASE, size - 1, 'x')?;
            both_show(cx, tail, &"xxxxxx"[..size as usize])?;
        }
        for size in (0..6).rev() {
            cx.resize(vmo, size * PAGE)?;
            both_show(cx, tail, &"xxxxxx"[..size as usize])?;
        }
        cx.resize(vmo, 6 * PAGE)?;
        both_show(cx, tail, "......")
    });
}

fn sizes(suite: &mut Suite) {
    // Sizes in bytes, and the pages that are left.
    for (row, size, pages) in [
        ("1", 1, 1),
        ("before_two_pages", 2 * PAGE - 1, 2),
        ("behind_two_pages", 2 * PAGE + 1, 3),
        ("half_of_the_fourth", 3 * PAGE + PAGE / 2, 4),
        ("before_the_old_size", 6 * PAGE - 1, 6),
    ] {
        suite.test(
            format!("shrinks_to_whole_pages::{row}"),
            &["VMAR-MAP-42", "VMO-SETSIZE-11"],
            &[Mapping],
            move |cx| {
                let vmo = create(cx, LETTERS)?;
                let tail = map_two(cx, vmo)?;
                both_show(cx, tail, LETTERS)?;
                cx.resize(vmo, size)?;
                both_show(cx, tail, &LETTERS[..pages])
            },
        );
    }

    suite.test("the_same_size_leaves_everything", &["VMO-SETSIZE-12"], &[Mapping], |cx| {
        let vmo = create(cx, LETTERS)?;
        map_two(cx, vmo)?;
        put_at(cx, BASE, 5, 'x')?;
        for size in [6 * PAGE, 5 * PAGE + 1] {
            cx.resize(vmo, size)?;
            pages_show(cx, BASE, "abcdex")?;
            pages_allow(cx, BASE, "wwwwww")?;
        }
        Ok(())
    });

    suite.test("through_any_handle", &["VMAR-MAP-42", "VMAR-MAP-43"], &[Mapping, Handles], |cx| {
        let vmo = create(cx, LETTERS)?;
        let second = cx.duplicate_same(vmo)?;
        let tail = map_two(cx, vmo)?;
        cx.close(vmo)?;
        cx.resize(second, 3 * PAGE)?;
        both_show(cx, tail, "abc")?;
        cx.resize(second, 5 * PAGE)?;
        both_show(cx, tail, "abc..")
    });

    suite.test("a_refused_size_leaves_everything", &["VMO-SETSIZE-08"], &[Mapping], |cx| {
        let vmo = create(cx, LETTERS)?;
        let tail = map_two(cx, vmo)?;
        cx.vmo_set_size(vmo, u64::MAX)?.is(vmo_abi::ZX_ERR_OUT_OF_RANGE)?;
        both_show(cx, tail, LETTERS)?;
        pages_allow(cx, BASE, "wwwwww")
    });

    suite.test("far_beyond_the_mapping", &["VMAR-MAP-43"], &[Mapping], |cx| {
        let vmo = create(cx, "ab")?;
        let tail = map_two(cx, vmo)?;
        let answer = cx.vmo_set_size(vmo, 1 << 35)?;
        if cx.ok_or_no_memory(answer)?.is_none() {
            return Ok(());
        }
        both_show(cx, tail, "ab......")?;
        cx.resize(vmo, PAGE)?;
        both_show(cx, tail, "a")
    });
}

fn calls(suite: &mut Suite) {
    suite.test("calls_obey_the_present_size", &["GEN-08", "GEN-10"], &[Mapping], |cx| {
        let vmo = create(cx, "abc")?;
        let other = cx.create(5 * PAGE)?;
        map_at(cx, Handle::Region, 0, vmo, 0, 3, READ_WRITE)?;
        let size = |cx: &mut Context<'_>, at| cx.with("size", plus(BASE, at)).vmo_get_size(other);
        let write = |cx: &mut Context<'_>, at, len| {
            cx.with("buffer", plus(BASE, at)).vmo_write_from_buffer(other, 0, len)
        };
        size(cx, 2 * PAGE)?.ok()?;
        write(cx, PAGE, PAGE)?.ok()?;
        cx.resize(vmo, PAGE)?;
        for at in [PAGE - 7, PAGE, 2 * PAGE, 3 * PAGE - 8] {
            size(cx, at)?.is(ZX_ERR_INVALID_ARGS)?;
            write(cx, at, 8)?.is(ZX_ERR_INVALID_ARGS)?;
        }
        size(cx, PAGE - 8)?.ok()?;
        write(cx, 0, PAGE)?.ok()?;
        cx.resize(vmo, 2 * PAGE)?;
        size(cx, PAGE - 4)?.ok()?;
        size(cx, 2 * PAGE - 4)?.is(ZX_ERR_INVALID_ARGS)?;
        cx.expect_bytes(vmo, PAGE - 4, &(5 * PAGE).to_le_bytes())
    });
}
