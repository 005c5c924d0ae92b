//! The pages that COMMIT commits.

use vmo_abi::Capability::{CachePolicy, Info, ProcessVmos, Range};
use vmo_abi::{ZX_ERR_BAD_STATE, ZX_ERR_OUT_OF_RANGE, ZX_OK, ZX_VMO_OP_COMMIT, ZX_VMO_OP_DECOMMIT};

use super::{BEYOND, RANGE_OFFSETS, RANGE_SIZES, WRAPPING, is_inside, touched};
use crate::level::Level;
use crate::program::Handle;
use crate::suite::cases::vmo_read::named;
use crate::suite::{Checked, Context, PAGE, Side, Suite};

/// Whether page `page` of a VMO of three pages is committed, seen in whether
/// its cache policy can be set once the others are released.
fn is_committed(cx: &mut Context<'_>, vmo: Handle, page: u64) -> Checked<bool> {
    for other in (0..3).filter(|other| *other != page) {
        cx.operate(vmo, ZX_VMO_OP_DECOMMIT, other * PAGE, PAGE)?;
    }
    let answer = cx.vmo_set_cache_policy(vmo, 0)?.one_of(&[ZX_OK, ZX_ERR_BAD_STATE])?;
    Ok(answer.status() == Some(ZX_ERR_BAD_STATE))
}

/// Commits a range of a fresh VMO of three pages for each page, and answers
/// whether that page is committed.
fn expect_pages(
    cx: &mut Context<'_>,
    offset: u64,
    size: u64,
    is_right: impl Fn(u64, bool) -> bool,
) -> Checked {
    for page in 0..3 {
        let vmo = cx.create(3 * PAGE)?;
        cx.operate(vmo, ZX_VMO_OP_COMMIT, offset, size)?;
        let committed = is_committed(cx, vmo, page)?;
        let text = |committed| format!("page {page} committed: {committed}");
        cx.expect(is_right(page, committed), text(!committed), text(committed))?;
    }
    Ok(())
}

pub(super) fn add(suite: &mut Suite) {
    for &offset in RANGE_OFFSETS {
        for &size in RANGE_SIZES {
            let name = format!("{offset}_for_{}", named(size));
            let pages = touched(offset, size);
            if is_inside(offset, size) {
                inside(suite, &name, offset, size, pages);
            } else {
                cut(suite, &name, offset, size, pages);
            }
        }
    }

    for &(offset, size) in BEYOND {
        suite.test(
            format!("commit_refuses_an_offset_beyond_the_end::{}_for_{size}", named(offset)),
            &["VMO-OPRANGE-16"],
            &[Range, CachePolicy],
            move |cx| {
                let vmo = cx.create(3 * PAGE)?;
                let answer = cx.vmo_op_range(vmo, ZX_VMO_OP_COMMIT, offset, size)?;
                answer.is(ZX_ERR_OUT_OF_RANGE)?;
                cx.expect_nothing_committed(vmo)
            },
        );
    }

    for &(offset, size) in WRAPPING {
        suite.test(
            format!("commit_refuses_a_wrapping_range::{}_for_{}", named(offset), named(size)),
            if offset > 3 * PAGE { &["VMO-OPRANGE-16"] } else { &["VMO-OPRANGE-17"] },
            &[Range, CachePolicy],
            move |cx| {
                let vmo = cx.create(3 * PAGE)?;
                let answer = cx.vmo_op_range(vmo, ZX_VMO_OP_COMMIT, offset, size)?;
                answer.is(ZX_ERR_OUT_OF_RANGE)?;
                cx.expect_nothing_committed(vmo)
            },
        );
    }

    suite.test("commit_takes_a_range_up_to_the_last_byte", &["VMO-OPRANGE-17"], &[Range], |cx| {
        let vmo = cx.create(3 * PAGE)?;
        cx.operate(vmo, ZX_VMO_OP_COMMIT, 0, u64::MAX)?;
        cx.operate(vmo, ZX_VMO_OP_COMMIT, PAGE, u64::MAX - PAGE)?;
        let answer = cx.vmo_op_range(vmo, ZX_VMO_OP_COMMIT, PAGE, u64::MAX - PAGE + 1)?;
        answer.is(ZX_ERR_OUT_OF_RANGE).map(drop)
    });
}

fn inside(suite: &mut Suite, name: &str, offset: u64, size: u64, pages: std::ops::Range<u64>) {
    if size > 0 {
        let needed = pages.clone();
        suite.test(
            format!("commits_every_page::{name}"),
            &["VMO-OPRANGE-13", "VMO-OPRANGE-14", "VMO-OPRANGE-24"],
            &[Range, CachePolicy],
            move |cx| {
                expect_pages(cx, offset, size, |page, committed| {
                    committed || !needed.contains(&page)
                })
            },
        );
    }

    let is_empty = size == 0;
    suite
        .test(
            format!("commits_no_more_than_asked::{name}"),
            if is_empty { &["VMO-OPRANGE-18"] } else { &["VMO-OPRANGE-14"] },
            &[Range, CachePolicy, ProcessVmos, Info],
            move |cx| {
                expect_pages(cx, offset, size, |page, committed| {
                    committed == pages.contains(&page)
                })?;
                let vmo = cx.create(3 * PAGE)?;
                for _ in 0..2 {
                    cx.operate(vmo, ZX_VMO_OP_COMMIT, offset, size)?;
                    cx.expect_committed(vmo, (pages.end - pages.start) * PAGE)?;
                }
                Ok(())
            },
        )
        .at(Level::Kernel);
}

fn cut(suite: &mut Suite, name: &str, offset: u64, size: u64, pages: std::ops::Range<u64>) {
    suite
        .test(
            format!("commit_cuts_a_range_at_the_end::{name}"),
            &["VMO-OPRANGE-15"],
            &[Range, CachePolicy],
            move |cx| {
                let vmo = cx.create(3 * PAGE)?;
                let answer = cx.vmo_op_range(vmo, ZX_VMO_OP_COMMIT, offset, size)?;
                let (_, side) = cx.either("C-12", answer, ZX_ERR_OUT_OF_RANGE, ZX_OK)?;
                if side == Side::Page {
                    return cx.expect_nothing_committed(vmo);
                }
                let is_kernel = cx.level() == Level::Kernel;
                expect_pages(cx, offset, size, |page, committed| {
                    // Below the level of the kernel only what was asked for
                    // has to be there.
                    let asked = pages.contains(&page);
                    committed == asked || !is_kernel && committed
                })
            },
        )
        .at(Level::Page);
}
