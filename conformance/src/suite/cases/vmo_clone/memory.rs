//! `vmo_clone` when memory is short.

use vmo_abi::Capability::{
    CachePolicy, Clone, Info, MemoryControl, ProcessVmos, Properties, Signals,
};
use vmo_abi::{ZX_ERR_NO_MEMORY, ZX_OK, ZX_VMO_CLONE_COPY_ON_WRITE, ZX_VMO_ZERO_CHILDREN};

use crate::program::Handle;
use crate::suite::cases::copy_on_write::pages::{clone, create, put, shows};
use crate::suite::steps::PAGE;
use crate::suite::{Answer, Checked, Context, Suite};

/// More allocations than one call makes.
const MOST: u64 = 32;

/// Clones with the first allocation failing, then with the second, and so on
/// until the call succeeds; `after` looks at each failure. Answers with the
/// clone and how many calls failed.
fn until_it_succeeds(
    cx: &mut Context<'_>,
    vmo: Handle,
    mut after: impl FnMut(&mut Context<'_>, Answer) -> Checked,
) -> Checked<(Handle, u64)> {
    for nth in 1..=MOST {
        cx.fail_allocation(Some(nth))?;
        let answer = cx.vmo_clone(vmo, ZX_VMO_CLONE_COPY_ON_WRITE, 0, 2 * PAGE)?;
        cx.fail_allocation(None)?;
        if answer.status() == Some(ZX_OK) {
            return Ok((answer.ok()?.handle(0), nth - 1));
        }
        after(cx, answer)?;
    }
    Err(crate::suite::Failure::new("a call that succeeds", format!("{MOST} calls that failed")))
}

pub(super) fn add(suite: &mut Suite) {
    suite.test("lack_of_memory", &["VMO-CLONE-19"], &[Clone, MemoryControl], |cx| {
        let vmo = create(cx, "ab")?;
        let (copy, failed) = until_it_succeeds(cx, vmo, |_, answer| {
            answer.is(ZX_ERR_NO_MEMORY)?.untouched().map(drop)
        })?;
        cx.expect(failed > 0, "an allocation that can fail", "none failed")?;
        shows(cx, copy, "ab")
    });

    suite.test(
        "a_call_that_lacked_memory_changed_nothing",
        &["VMO-CLONE-19", "VMO-CLONE-29", "SIG-ZC-17"],
        &[Clone, MemoryControl, Info, Properties, Signals],
        |cx| {
            let vmo = create(cx, "ab")?;
            cx.set_name(vmo, b"source")?;
            let before = cx.snapshot(vmo)?;
            let (copy, _) = until_it_succeeds(cx, vmo, |cx, answer| {
                answer.is(ZX_ERR_NO_MEMORY)?.untouched()?;
                cx.expect_unchanged(vmo, &before)
            })?;
            cx.expect_signals(vmo, 0)?;
            cx.close(copy)?;
            cx.expect_unchanged(vmo, &before)
        },
    );

    suite.test(
        "a_call_that_lacked_memory_leaves_no_clone",
        &["VMO-CLONE-19", "SIG-ZC-17"],
        &[Clone, MemoryControl, CachePolicy],
        |cx| {
            let vmo = cx.create(2 * PAGE)?;
            let (copy, _) = until_it_succeeds(cx, vmo, |cx, answer| {
                answer.is(ZX_ERR_NO_MEMORY)?;
                cx.expect_nothing_committed(vmo)
            })?;
            cx.close(copy)?;
            cx.expect_nothing_committed(vmo)
        },
    );

    suite.test(
        "a_call_that_lacked_memory_leaves_no_vmo_behind",
        &["VMO-CLONE-19", "GEN-05"],
        &[Clone, MemoryControl, Info, ProcessVmos],
        |cx| {
            let vmo = cx.create(2 * PAGE)?;
            let before = cx.vmo_infos()?;
            let (_, _) = until_it_succeeds(cx, vmo, |cx, answer| {
                answer.is(ZX_ERR_NO_MEMORY)?;
                let children = cx.vmo_info(vmo)?.num_children;
                cx.expect(children == 0, "no children", children)?;
                let after = cx.vmo_infos()?.len();
                cx.expect(after == before.len(), before.len(), after)
            })?;
            let children = cx.vmo_info(vmo)?.num_children;
            cx.expect(children == 1, "1 child", children)
        },
    );

    suite.test(
        "a_call_that_lacked_memory_spares_the_clones_there_are",
        &["VMO-CLONE-19", "SIG-ZC-17"],
        &[Clone, MemoryControl, Signals],
        |cx| {
            let vmo = create(cx, "ab")?;
            let first = clone(cx, vmo, 0, 2)?;
            put(cx, first, 1, 'x')?;
            until_it_succeeds(cx, vmo, |cx, answer| {
                answer.is(ZX_ERR_NO_MEMORY)?;
                cx.expect_signals(vmo, 0)?;
                cx.expect_signals(first, ZX_VMO_ZERO_CHILDREN)?;
                shows(cx, first, "ax")
            })
            .map(drop)
        },
    );

    // Nothing is copied by the call, however much the source holds.
    suite.test("cloning_takes_no_page", &["VMO-CLONE-28"], &[Clone, MemoryControl], |cx| {
        let vmo = create(cx, "abcd")?;
        cx.limit_memory(Some(4))?;
        for _ in 0..3 {
            let copy = clone(cx, vmo, 0, 8)?;
            shows(cx, copy, "abcd....")?;
        }
        Ok(())
    });
}
