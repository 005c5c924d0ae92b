//! Stores, and calls that store, when there are no more pages.

use vmo_abi::Capability::{CachePolicy, Clone, Mapping, MemoryControl, Range};
use vmo_abi::{ZX_ERR_INVALID_ARGS, ZX_VMO_OP_COMMIT, ZX_VMO_OP_DECOMMIT};

use super::picture::{map_at, pages_allow, pages_show};
use crate::program::{Address, Handle};
use crate::suite::cases::copy_on_write::pages::{clone, create, put, put_at, shows};
use crate::suite::{PAGE, READ_WRITE, Suite, plus};

const BASE: Address = Address::Region(0);
const NEEDS: &[vmo_abi::Capability] = &[Mapping, MemoryControl];

pub(super) fn add(suite: &mut Suite) {
    for pages in 0..4 {
        suite.test(
            format!("stores_have_just_the_pages_there_are::{pages}"),
            &["VMAR-MAP-40"],
            NEEDS,
            move |cx| {
                let vmo = cx.create(5 * PAGE)?;
                map_at(cx, Handle::Region, 0, vmo, 0, 5, READ_WRITE)?;
                cx.limit_memory(Some(pages))?;
                for page in 0..pages {
                    put_at(cx, BASE, page, 'x')?;
                }
                for page in pages..5 {
                    cx.expect_store_fault(plus(BASE, page * PAGE))?;
                    cx.expect_store_fault(plus(BASE, page * PAGE + PAGE - 1))?;
                }
                let shown = format!("{:.<5}", "x".repeat(pages as usize));
                pages_show(cx, BASE, &shown)?;
                shows(cx, vmo, &shown)?;
                cx.limit_memory(None)?;
                for page in pages..5 {
                    put_at(cx, BASE, page, 'y')?;
                }
                shows(cx, vmo, &shown.replace('.', "y"))
            },
        );
    }

    suite.test("pages_there_are_need_no_more", &["VMAR-MAP-40", "VMAR-MAP-41"], NEEDS, |cx| {
        let vmo = create(cx, "a.c")?;
        map_at(cx, Handle::Region, 0, vmo, 0, 3, READ_WRITE)?;
        cx.limit_memory(Some(0))?;
        pages_show(cx, BASE, "a.c")?;
        put_at(cx, BASE, 0, 'x')?;
        put_at(cx, BASE, 2, 'z')?;
        put(cx, vmo, 0, 'w')?;
        pages_show(cx, BASE, "w.z")?;
        cx.expect_store_fault(plus(BASE, PAGE))?;
        shows(cx, vmo, "w.z")
    });

    suite.test("a_store_over_a_border_needs_both_pages", &["VMAR-MAP-40"], NEEDS, |cx| {
        let vmo = create(cx, "a.c")?;
        map_at(cx, Handle::Region, 0, vmo, 0, 3, READ_WRITE)?;
        cx.limit_memory(Some(0))?;
        cx.store(plus(BASE, PAGE - 1), b"xy")?.faults()?;
        cx.store(plus(BASE, 2 * PAGE - 1), b"xy")?.faults()?;
        cx.expect_load(plus(BASE, PAGE), &[0; PAGE as usize])?;
        cx.limit_memory(None)?;
        cx.store_bytes(plus(BASE, PAGE - 1), b"xy")?;
        cx.expect_bytes(vmo, PAGE - 2, b"axy\0")
    });

    suite.test("an_allocation_that_fails_once", &["VMAR-MAP-40"], NEEDS, |cx| {
        let vmo = create(cx, "a.")?;
        map_at(cx, Handle::Region, 0, vmo, 0, 2, READ_WRITE)?;
        cx.fail_allocation(Some(1))?;
        put_at(cx, BASE, 0, 'x')?;
        cx.expect_store_fault(plus(BASE, PAGE))?;
        cx.store_bytes(plus(BASE, PAGE), b"y")?;
        cx.expect_bytes(vmo, PAGE, b"y\0")
    });

    suite.test(
        "a_failed_store_commits_nothing",
        &["VMAR-MAP-40", "VMO-CACHEPOL-08"],
        &[Mapping, MemoryControl, CachePolicy],
        |cx| {
            let vmo = cx.create(2 * PAGE)?;
            map_at(cx, Handle::Region, 0, vmo, 0, 2, READ_WRITE)?;
            cx.limit_memory(Some(0))?;
            cx.expect_store_fault(BASE)?;
            cx.expect_store_fault(plus(BASE, PAGE))?;
            cx.vmar_unmap(Handle::Region, BASE, 2 * PAGE)?.ok()?;
            cx.expect_nothing_committed(vmo)
        },
    );

    suite.test("aliases_need_one_page_together", &["VMAR-MAP-40", "VMAR-MAP-49"], NEEDS, |cx| {
        let vmo = cx.create(PAGE)?;
        for page in 0..4 {
            map_at(cx, Handle::Region, page, vmo, 0, 1, READ_WRITE)?;
        }
        pages_show(cx, BASE, "....")?;
        cx.limit_memory(Some(1))?;
        for page in 0..4 {
            put_at(cx, BASE, page, 'x')?;
        }
        pages_allow(cx, BASE, "wwww")
    });

    suite.test("shrinking_gives_pages_back", &["VMAR-MAP-40", "VMO-SETSIZE-10"], NEEDS, |cx| {
        let vmo = create(cx, "abc")?;
        map_at(cx, Handle::Region, 0, vmo, 0, 3, READ_WRITE)?;
        cx.limit_memory(Some(3))?;
        cx.resize(vmo, PAGE)?;
        cx.resize(vmo, 3 * PAGE)?;
        put_at(cx, BASE, 1, 'x')?;
        put_at(cx, BASE, 2, 'y')?;
        let other = cx.create(PAGE)?;
        cx.vmo_write(other, 0, b"z")?.is(vmo_abi::ZX_ERR_NO_MEMORY)?;
        pages_show(cx, BASE, "axy")
    });

    suite.test(
        "decommitting_gives_pages_back",
        &["VMAR-MAP-40", "VMO-OPRANGE-32"],
        &[Mapping, MemoryControl, Range],
        |cx| {
            let vmo = create(cx, "ab..")?;
            map_at(cx, Handle::Region, 0, vmo, 0, 4, READ_WRITE)?;
            cx.limit_memory(Some(2))?;
            cx.expect_store_fault(plus(BASE, 3 * PAGE))?;
            cx.operate(vmo, ZX_VMO_OP_DECOMMIT, 0, PAGE)?;
            put_at(cx, BASE, 3, 'd')?;
            cx.expect_store_fault(BASE)?;
            pages_show(cx, BASE, ".b.d")
        },
    );

    suite.test(
        "committed_pages_take_stores",
        &["VMAR-MAP-40", "VMO-OPRANGE-13"],
        &[Mapping, MemoryControl, Range],
        |cx| {
            let vmo = cx.create(4 * PAGE)?;
            map_at(cx, Handle::Region, 0, vmo, 0, 4, READ_WRITE)?;
            pages_show(cx, BASE, "....")?;
            cx.operate(vmo, ZX_VMO_OP_COMMIT, PAGE, 2 * PAGE)?;
            cx.limit_memory(Some(0))?;
            put_at(cx, BASE, 1, 'b')?;
            put_at(cx, BASE, 2, 'c')?;
            cx.expect_store_fault(BASE)?;
            cx.expect_store_fault(plus(BASE, 3 * PAGE))?;
            shows(cx, vmo, ".bc.")
        },
    );

    suite.test("a_call_lacks_a_page_to_store_to", &["GEN-10"], NEEDS, |cx| {
        let vmo = create(cx, "a.")?;
        let other = cx.create(3 * PAGE)?;
        map_at(cx, Handle::Region, 0, vmo, 0, 2, READ_WRITE)?;
        cx.limit_memory(Some(0))?;
        let answer = cx.with("size", plus(BASE, PAGE)).vmo_get_size(other)?;
        answer.is(ZX_ERR_INVALID_ARGS)?;
        cx.with("size", plus(BASE, PAGE - 8)).vmo_get_size(other)?.ok()?;
        cx.expect_load(plus(BASE, PAGE), &[0; PAGE as usize])?;
        cx.limit_memory(None)?;
        cx.with("size", plus(BASE, PAGE)).vmo_get_size(other)?.ok()?;
        cx.expect_bytes(vmo, PAGE, &(3 * PAGE).to_le_bytes())
    });

    suite.test("a_clone_lacks_a_page", &["COW-33"], &[Mapping, MemoryControl, Clone], |cx| {
        let parent = create(cx, "ab")?;
        let copy = clone(cx, parent, 0, 3)?;
        map_at(cx, Handle::Region, 0, copy, 0, 3, READ_WRITE)?;
        map_at(cx, Handle::Region, 4, parent, 0, 2, READ_WRITE)?;
        cx.limit_memory(Some(3))?;
        put_at(cx, BASE, 1, 'x')?;
        cx.expect_store_fault(BASE)?;
        cx.expect_store_fault(plus(BASE, 2 * PAGE))?;
        put_at(cx, plus(BASE, 4 * PAGE), 0, 'y')?;
        pages_show(cx, BASE, "yx.-yb")
    });
}
