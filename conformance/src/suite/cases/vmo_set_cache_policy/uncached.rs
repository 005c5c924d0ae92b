//! What a VMO whose policy is not CACHED can do and what it cannot.

use vmo_abi::Capability::{
    CachePolicy, Clone, Handles, Info, Mapping, ProcessVmos, Properties, Range, Signals,
};
use vmo_abi::{
    ZX_ERR_ACCESS_DENIED, ZX_ERR_BAD_STATE, ZX_ERR_INVALID_ARGS, ZX_RIGHT_MAP, ZX_USER_SIGNAL_0,
    ZX_VMO_CLONE_COPY_ON_WRITE, ZX_VMO_OP_COMMIT, ZX_VMO_OP_DECOMMIT, ZX_VMO_ZERO_CHILDREN,
};

use super::expect_cached;
use crate::program::Handle;
use crate::suite::cases::vmo_create::LISTED_RIGHTS;
use crate::suite::cases::vmo_read::{new_bytes, old_bytes};
use crate::suite::{Checked, Context, PAGE, READ_ONLY, READ_WRITE, Suite, plus};

/// Policies other than CACHED.
const UNCACHED: [u32; 3] = [1, 2, 3];

fn create_uncached(cx: &mut Context<'_>, pages: u64, policy: u32) -> Checked<Handle> {
    let vmo = cx.create(pages * PAGE)?;
    cx.vmo_set_cache_policy(vmo, policy)?.ok()?;
    Ok(vmo)
}

pub(super) fn add(suite: &mut Suite) {
    for policy in UNCACHED {
        calls(suite, policy);
        mappings(suite, policy);
        refusals(suite, policy);
    }
}

fn calls(suite: &mut Suite, policy: u32) {
    suite.test(
        format!("can_be_neither_read_nor_written::{policy}"),
        &["VMO-CACHEPOL-18"],
        &[CachePolicy],
        move |cx| {
            let vmo = create_uncached(cx, 2, policy)?;
            for (offset, len) in [(0, 1), (PAGE - 1, 2), (0, 2 * PAGE)] {
                cx.vmo_read(vmo, offset, len)?.is(ZX_ERR_BAD_STATE)?;
                cx.vmo_write(vmo, offset, &new_bytes(len))?.is(ZX_ERR_BAD_STATE)?;
            }
            Ok(())
        },
    );

    suite.test(
        format!("a_refused_write_does_not_show_later::{policy}"),
        &["VMO-CACHEPOL-18", "VMO-CACHEPOL-14"],
        &[CachePolicy],
        move |cx| {
            let vmo = create_uncached(cx, 2, policy)?;
            cx.vmo_write(vmo, 0, &new_bytes(2 * PAGE))?.is(ZX_ERR_BAD_STATE)?;
            cx.vmo_set_cache_policy(vmo, 0)?.ok()?;
            cx.expect_fill(vmo, 0, 2 * PAGE, 0)?;
            cx.write(vmo, 0, &old_bytes(2 * PAGE))?;
            cx.expect_bytes(vmo, 0, &old_bytes(2 * PAGE))
        },
    );

    suite.test(
        format!("cannot_be_cloned::{policy}"),
        &["VMO-CACHEPOL-19"],
        &[CachePolicy, Clone, Signals],
        move |cx| {
            let vmo = create_uncached(cx, 2, policy)?;
            for (offset, size) in [(0, 2 * PAGE), (0, 0), (PAGE, PAGE)] {
                let answer = cx.vmo_clone(vmo, ZX_VMO_CLONE_COPY_ON_WRITE, offset, size)?;
                answer.is(ZX_ERR_BAD_STATE)?;
            }
            cx.expect_signal(vmo, ZX_VMO_ZERO_CHILDREN, true)?;
            // No clone is left in the way.
            cx.vmo_set_cache_policy(vmo, 0)?.ok()?;
            cx.clone_of(vmo, 0, PAGE).map(drop)
        },
    );

    suite.test(
        format!("can_be_committed_and_decommitted::{policy}"),
        &["VMO-CACHEPOL-19"],
        &[CachePolicy, Range],
        move |cx| {
            let vmo = create_uncached(cx, 3, policy)?;
            cx.operate(vmo, ZX_VMO_OP_COMMIT, 0, 3 * PAGE)?;
            cx.vmo_set_cache_policy(vmo, 0)?.is(ZX_ERR_BAD_STATE)?;
            cx.operate(vmo, ZX_VMO_OP_DECOMMIT, 0, 3 * PAGE)?;
            cx.vmo_set_cache_policy(vmo, 0)?.ok().map(drop)
        },
    );

    suite.test(
        format!("commits_page_by_page::{policy}"),
        &["VMO-CACHEPOL-19"],
        &[CachePolicy, Range, ProcessVmos, Info],
        move |cx| {
            let vmo = create_uncached(cx, 3, policy)?;
            cx.operate(vmo, ZX_VMO_OP_COMMIT, PAGE - 1, 2)?;
            cx.expect_committed(vmo, 2 * PAGE)?;
            cx.operate(vmo, ZX_VMO_OP_DECOMMIT, 0, PAGE)?;
            cx.expect_committed(vmo, PAGE)
        },
    );

    suite.test(format!("has_a_size::{policy}"), &["VMO-CACHEPOL-19"], &[CachePolicy], move |cx| {
        let vmo = create_uncached(cx, 2, policy)?;
        cx.expect_size(vmo, 2 * PAGE)?;
        for pages in [5, 1, 0, 3] {
            cx.resize(vmo, pages * PAGE)?;
            cx.expect_size(vmo, pages * PAGE)?;
        }
        // Resizing does not change the policy.
        expect_cached(cx, vmo, false)
    });

    suite.test(
        format!("has_a_name_and_signals::{policy}"),
        &["VMO-CACHEPOL-19"],
        &[CachePolicy, Properties, Signals, Handles],
        move |cx| {
            let vmo = create_uncached(cx, 2, policy)?;
            cx.set_name(vmo, b"uncached")?;
            cx.expect_name(vmo, b"uncached")?;
            cx.object_signal(vmo, 0, ZX_USER_SIGNAL_0)?.ok()?;
            cx.expect_signals(vmo, ZX_VMO_ZERO_CHILDREN | ZX_USER_SIGNAL_0)?;
            let second = cx.duplicate_same(vmo)?;
            expect_cached(cx, second, false)
        },
    );

    suite.test(
        format!("setting_it_leaves_name_size_and_signals::{policy}"),
        &["VMO-CACHEPOL-19"],
        &[CachePolicy, Properties, Signals],
        move |cx| {
            let vmo = cx.create(2 * PAGE)?;
            cx.set_name(vmo, b"name")?;
            cx.object_signal(vmo, 0, ZX_USER_SIGNAL_0)?.ok()?;
            for policy in [policy, 0] {
                cx.vmo_set_cache_policy(vmo, policy)?.ok()?;
                cx.expect_size(vmo, 2 * PAGE)?;
                cx.expect_name(vmo, b"name")?;
                cx.expect_signals(vmo, ZX_VMO_ZERO_CHILDREN | ZX_USER_SIGNAL_0)?;
            }
            Ok(())
        },
    );
}

fn mappings(suite: &mut Suite, policy: u32) {
    suite.test(
        format!("can_be_mapped::{policy}"),
        &["VMO-CACHEPOL-19"],
        &[CachePolicy, Mapping],
        move |cx| {
            let vmo = create_uncached(cx, 2, policy)?;
            let address = cx.map(vmo, 0, 2 * PAGE, READ_ONLY)?;
            cx.expect_load(address, &[0; 2 * PAGE as usize])?;
            cx.vmo_set_cache_policy(vmo, policy)?.is(ZX_ERR_BAD_STATE)?;
            cx.vmar_unmap(Handle::Region, address, 2 * PAGE)?.ok().map(drop)
        },
    );

    suite.test(
        format!("what_is_stored_is_loaded_back::{policy}"),
        &["VMO-CACHEPOL-20"],
        &[CachePolicy, Mapping],
        move |cx| {
            let vmo = create_uncached(cx, 3, policy)?;
            let whole = cx.map(vmo, 0, 3 * PAGE, READ_WRITE)?;
            let tail = cx.map(vmo, PAGE, 2 * PAGE, READ_ONLY)?;
            cx.expect_load(tail, &[0; 16])?;
            cx.store_bytes(plus(whole, PAGE + 1), b"stored")?;
            cx.store_bytes(plus(whole, 2 * PAGE), b"twice")?;
            cx.expect_load(plus(whole, PAGE), b"\0stored\0")?;
            cx.expect_load(tail, b"\0stored\0")?;
            cx.expect_load(plus(tail, PAGE), b"twice\0")?;
            cx.expect_load(whole, &[0; PAGE as usize])
        },
    );

    suite.test(
        format!("a_store_commits_and_a_decommit_shows_zeros::{policy}"),
        &["VMO-CACHEPOL-20"],
        &[CachePolicy, Mapping, Range],
        move |cx| {
            let vmo = create_uncached(cx, 2, policy)?;
            let address = cx.map(vmo, 0, 2 * PAGE, READ_WRITE)?;
            cx.store_bytes(plus(address, PAGE), b"stored")?;
            cx.operate(vmo, ZX_VMO_OP_DECOMMIT, PAGE, PAGE)?;
            cx.expect_load(plus(address, PAGE), &[0; 8])?;
            cx.store_bytes(plus(address, PAGE), b"again")?;
            cx.vmar_unmap(Handle::Region, address, 2 * PAGE)?.ok()?;
            cx.vmo_set_cache_policy(vmo, 0)?.is(ZX_ERR_BAD_STATE)?;
            cx.operate(vmo, ZX_VMO_OP_DECOMMIT, 0, 2 * PAGE)?;
            cx.vmo_set_cache_policy(vmo, 0)?.ok()?;
            cx.expect_fill(vmo, 0, 2 * PAGE, 0)
        },
    );

    suite.test(
        format!("resizing_works_while_mapped::{policy}"),
        &["VMO-CACHEPOL-20"],
        &[CachePolicy, Mapping],
        move |cx| {
            let vmo = create_uncached(cx, 2, policy)?;
            let address = cx.map(vmo, 0, 2 * PAGE, READ_WRITE)?;
            cx.store_bytes(address, b"first")?;
            cx.store_bytes(plus(address, PAGE), b"second")?;
            cx.resize(vmo, PAGE)?;
            cx.expect_load_fault(plus(address, PAGE))?;
            cx.resize(vmo, 2 * PAGE)?;
            cx.expect_load(address, b"first\0")?;
            cx.expect_load(plus(address, PAGE), &[0; 8])
        },
    );
}

fn refusals(suite: &mut Suite, policy: u32) {
    suite.test(
        format!("a_refusal_keeps_an_uncached_policy::{policy}"),
        &["VMO-CACHEPOL-21"],
        &[CachePolicy, Range],
        move |cx| {
            let vmo = create_uncached(cx, 2, policy)?;
            cx.operate(vmo, ZX_VMO_OP_COMMIT, 0, PAGE)?;
            for other in super::POLICIES {
                cx.vmo_set_cache_policy(vmo, other)?.is(ZX_ERR_BAD_STATE)?;
                expect_cached(cx, vmo, false)?;
            }
            Ok(())
        },
    );

    suite.test(
        format!("an_invalid_policy_keeps_an_uncached_policy::{policy}"),
        &["VMO-CACHEPOL-21"],
        &[CachePolicy],
        move |cx| {
            let vmo = create_uncached(cx, 2, policy)?;
            for other in [4, 8, 0xff00, u32::MAX] {
                cx.vmo_set_cache_policy(vmo, other)?.is(ZX_ERR_INVALID_ARGS)?;
                expect_cached(cx, vmo, false)?;
            }
            Ok(())
        },
    );

    suite.test(
        format!("a_denied_call_keeps_an_uncached_policy::{policy}"),
        &["VMO-CACHEPOL-21"],
        &[CachePolicy, Handles],
        move |cx| {
            let vmo = create_uncached(cx, 2, policy)?;
            let handle = cx.duplicate(vmo, LISTED_RIGHTS & !ZX_RIGHT_MAP)?;
            cx.vmo_set_cache_policy(handle, 0)?.is(ZX_ERR_ACCESS_DENIED)?;
            expect_cached(cx, vmo, false)
        },
    );
}
