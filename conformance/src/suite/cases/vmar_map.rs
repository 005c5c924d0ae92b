//! `vmar_map`: what can be mapped, where, and with which permissions.

mod anywhere;
mod arguments;
mod eagerly;
mod lacking_memory;
mod lifetime;
mod overwriting;
mod permissions;
mod placement;
pub(super) mod rights;

use vmo_abi::Capability::{CachePolicy, Mapping, Range};
use vmo_abi::{
    ZX_CACHE_POLICY_UNCACHED, ZX_ERR_INVALID_ARGS, ZX_ERR_NO_MEMORY, ZX_VM_FLAG_MAP_RANGE,
    ZX_VM_FLAG_PERM_READ, ZX_VMO_OP_COMMIT,
};

use crate::program::Handle;
use crate::suite::{Checked, Context, PAGE, READ_ONLY, READ_WRITE, Suite, plus};

/// The first byte of page `page` of a VMO made by [`numbered`].
pub(super) fn mark(page: u64) -> [u8; 1] {
    [0x10 + page as u8]
}

/// A VMO each of whose pages starts and ends with its [`mark`].
pub(super) fn numbered(cx: &mut Context<'_>, pages: u64) -> Checked<Handle> {
    let vmo = cx.create(pages * PAGE)?;
    for page in 0..pages {
        cx.write(vmo, page * PAGE, &mark(page))?;
        cx.write(vmo, page * PAGE + PAGE - 1, &mark(page))?;
    }
    Ok(vmo)
}

/// Lengths that are refused.
const BAD_LENGTHS: &[(&str, &[&str], u64)] = &[
    ("zero", &["VMAR-MAP-14"], 0),
    ("wraps_when_rounded", &["VMAR-MAP-16"], u64::MAX),
    ("wraps_by_one", &["VMAR-MAP-16"], u64::MAX - PAGE + 2),
    ("larger_than_any_region", &["VMAR-MAP-24"], 1 << 48),
];

/// Positions in the VMO that are refused for one page.
const BAD_POSITIONS: &[(&str, &[&str], u64)] = &[
    ("one", &["VMAR-MAP-17"], 1),
    ("before_a_page", &["VMAR-MAP-17"], PAGE - 1),
    ("half_a_page", &["VMAR-MAP-17"], PAGE / 2),
    ("behind_a_page", &["VMAR-MAP-17"], PAGE + 1),
    ("last_byte", &["VMAR-MAP-17"], u64::MAX),
    ("last_page", &["VMAR-MAP-18"], 0_u64.wrapping_sub(PAGE)),
];

/// Lengths and the pages that are mapped by them.
const ROUNDED: &[(&str, u64, u64)] = &[
    ("one", 1, 1),
    ("before_a_page", PAGE - 1, 1),
    ("a_page", PAGE, 1),
    ("behind_a_page", PAGE + 1, 2),
    ("before_two_pages", 2 * PAGE - 1, 2),
    ("behind_three_pages", 3 * PAGE + 1, 4),
];

pub(super) fn add(suite: &mut Suite) {
    contents(suite);
    sizes(suite);
    at_once(suite);
    placement::add(suite);
    permissions::add(suite);
    lifetime::add(suite);
    rights::add(suite);
    arguments::add(suite);
    anywhere::add(suite);
    overwriting::add(suite);
    eagerly::add(suite);
    lacking_memory::add(suite);
}

fn contents(suite: &mut Suite) {
    suite.test("shows_the_bytes_of_the_vmo", &["VMAR-MAP-01"], &[Mapping], |cx| {
        let vmo = numbered(cx, 3)?;
        let address = cx.map(vmo, 0, 3 * PAGE, READ_ONLY)?;
        for page in 0..3 {
            cx.expect_load(plus(address, page * PAGE), &mark(page))?;
            cx.expect_load(plus(address, page * PAGE + PAGE - 1), &mark(page))?;
        }
        Ok(())
    });

    suite.test("starts_at_the_asked_position", &["VMAR-MAP-01"], &[Mapping], |cx| {
        let vmo = numbered(cx, 4)?;
        let address = cx.map(vmo, 2 * PAGE, 2 * PAGE, READ_ONLY)?;
        cx.expect_load(address, &mark(2))?;
        cx.expect_load(plus(address, PAGE), &mark(3))
    });

    suite.test("a_write_is_seen_through_it", &["VMAR-MAP-39"], &[Mapping], |cx| {
        let vmo = cx.create(2 * PAGE)?;
        let address = cx.map(vmo, 0, 2 * PAGE, READ_WRITE)?;
        cx.expect_load(plus(address, PAGE - 1), &[0, 0])?;
        cx.write(vmo, PAGE - 1, b"ab")?;
        cx.expect_load(plus(address, PAGE - 1), b"ab")
    });

    suite.test("a_store_is_seen_by_vmo_read", &["VMAR-MAP-39", "VMAR-MAP-40"], &[Mapping], |cx| {
        let vmo = cx.create(2 * PAGE)?;
        let address = cx.map(vmo, 0, 2 * PAGE, READ_WRITE)?;
        cx.store_bytes(plus(address, PAGE - 2), b"abcd")?;
        cx.expect_bytes(vmo, PAGE - 3, b"\0abcd\0")
    });

    suite.test(
        "two_mappings_show_the_same",
        &["VMAR-MAP-39", "VMAR-MAP-40", "VMAR-MAP-49"],
        &[Mapping],
        |cx| {
            let vmo = cx.create(2 * PAGE)?;
            let first = cx.map(vmo, 0, 2 * PAGE, READ_WRITE)?;
            let second = cx.map(vmo, PAGE, PAGE, READ_WRITE)?;
            cx.expect_load(second, &[0])?;
            cx.store_bytes(plus(first, PAGE), b"a")?;
            cx.expect_load(second, b"a")?;
            cx.store_bytes(plus(second, 1), b"b")?;
            cx.expect_load(plus(first, PAGE), b"ab")
        },
    );

    suite.test("many_mappings_of_one_vmo", &["VMAR-MAP-49"], &[Mapping], |cx| {
        let vmo = numbered(cx, 2)?;
        let mut addresses = Vec::new();
        for _ in 0..40 {
            addresses.push(cx.map(vmo, PAGE, PAGE, READ_WRITE)?);
        }
        cx.store_bytes(addresses[39], b"z")?;
        for address in addresses {
            cx.expect_load(address, b"z")?;
        }
        cx.expect_bytes(vmo, 0, &mark(0))
    });

    suite.test("an_address_is_page_aligned", &["VMAR-MAP-48"], &[Mapping], |cx| {
        let vmo = cx.create(PAGE)?;
        for _ in 0..8 {
            let answer = cx.vmar_map(Handle::Region, 0, vmo, 0, PAGE, READ_ONLY)?.ok()?;
            let address = answer.word(6)?;
            cx.expect(address.is_multiple_of(PAGE), "an aligned address", address)?;
        }
        Ok(())
    });

    suite.test("any_cache_policy_can_be_mapped", &["VMAR-MAP-51"], &[Mapping, CachePolicy], |cx| {
        let vmo = cx.create(PAGE)?;
        cx.vmo_set_cache_policy(vmo, ZX_CACHE_POLICY_UNCACHED)?.ok()?;
        let address = cx.map(vmo, 0, PAGE, READ_WRITE)?;
        cx.store_bytes(address, b"u")?;
        cx.expect_load(address, b"u")
    });
}

fn sizes(suite: &mut Suite) {
    for &(row, clauses, len) in BAD_LENGTHS {
        suite.test(format!("refuses_a_length::{row}"), clauses, &[Mapping], move |cx| {
            let vmo = cx.create(PAGE)?;
            let answer = cx.vmar_map(Handle::Region, 0, vmo, 0, len, READ_ONLY)?;
            answer.is(ZX_ERR_INVALID_ARGS)?.untouched().map(drop)
        });
    }
    for &(row, clauses, position) in BAD_POSITIONS {
        suite.test(format!("refuses_a_position::{row}"), clauses, &[Mapping], move |cx| {
            let vmo = cx.create(2 * PAGE)?;
            let answer = cx.vmar_map(Handle::Region, 0, vmo, position, PAGE, READ_ONLY)?;
            answer.is(ZX_ERR_INVALID_ARGS)?.untouched().map(drop)
        });
    }
    for &(row, len, pages) in ROUNDED {
        suite.test(format!("rounds_a_length_up::{row}"), &["VMAR-MAP-15"], &[Mapping], move |cx| {
            let vmo = numbered(cx, 5)?;
            let address = cx.map(vmo, 0, len, READ_ONLY)?;
            cx.expect_load(plus(address, (pages - 1) * PAGE), &mark(pages - 1))?;
            cx.expect_load(plus(address, pages * PAGE - 1), &mark(pages - 1))
        });
    }

    suite.test("a_sum_of_2_to_the_64_is_refused", &["VMAR-MAP-18"], &[Mapping], |cx| {
        let vmo = cx.create(PAGE)?;
        let position = 0_u64.wrapping_sub(3 * PAGE);
        let answer = cx.vmar_map(Handle::Region, 0, vmo, position, 2 * PAGE + 1, READ_ONLY)?;
        answer.is(ZX_ERR_INVALID_ARGS)?.untouched()?;
        cx.vmar_map(Handle::Region, 0, vmo, position, 2 * PAGE, READ_ONLY)?.ok().map(drop)
    });

    suite.test("a_mapping_may_lie_beyond_the_end", &["VMAR-MAP-19"], &[Mapping], |cx| {
        let vmo = numbered(cx, 1)?;
        let address = cx.map(vmo, 0, 2 * PAGE, READ_WRITE)?;
        cx.expect_load(address, &mark(0))?;
        let beyond = cx.map(vmo, 1 << 40, PAGE, READ_WRITE)?;
        cx.expect_load_fault(beyond)
    });

    suite.test("an_empty_vmo_can_be_mapped", &["VMAR-MAP-19"], &[Mapping], |cx| {
        let vmo = cx.create(0)?;
        let address = cx.map(vmo, 0, PAGE, READ_WRITE)?;
        cx.expect_load_fault(address)?;
        cx.expect_store_fault(address)
    });
}

fn at_once(suite: &mut Suite) {
    const EAGER: u32 = READ_WRITE | ZX_VM_FLAG_MAP_RANGE;

    suite.test("map_range_changes_nothing_that_is_read", &["VMAR-MAP-31"], &[Mapping], |cx| {
        let vmo = cx.create(3 * PAGE)?;
        cx.write(vmo, PAGE, b"ab")?;
        let address = cx.map(vmo, 0, 3 * PAGE, EAGER)?;
        cx.expect_load(address, &[0])?;
        cx.expect_load(plus(address, PAGE), b"ab")?;
        cx.store_bytes(plus(address, 2 * PAGE), b"c")?;
        cx.expect_bytes(vmo, 2 * PAGE, b"c")
    });

    suite.test("map_range_shows_committed_pages", &["VMAR-MAP-31"], &[Mapping, Range], |cx| {
        let vmo = cx.create(2 * PAGE)?;
        cx.operate(vmo, ZX_VMO_OP_COMMIT, 0, 2 * PAGE)?;
        let address = cx.map(vmo, 0, 2 * PAGE, EAGER)?;
        cx.store_bytes(plus(address, PAGE), b"k")?;
        cx.expect_bytes(vmo, PAGE, b"k")?;
        cx.write(vmo, 1, b"w")?;
        cx.expect_load(plus(address, 1), b"w")
    });

    suite.test("map_range_commits_nothing", &["VMAR-MAP-33"], &[Mapping, CachePolicy], |cx| {
        let vmo = cx.create(2 * PAGE)?;
        let address = cx.map(vmo, 0, 2 * PAGE, EAGER)?;
        cx.vmar_unmap(Handle::Region, address, 2 * PAGE)?.ok()?;
        cx.expect_nothing_committed(vmo)
    });

    suite.test("map_range_skips_what_lies_beyond_the_end", &["VMAR-MAP-33"], &[Mapping], |cx| {
        let vmo = numbered(cx, 1)?;
        let address = cx.map(vmo, 0, 3 * PAGE, EAGER)?;
        cx.expect_load(address, &mark(0))?;
        cx.expect_load_fault(plus(address, PAGE))
    });

    suite
        .test("map_range_at_another_position", &["VMAR-MAP-32"], &[Mapping], |cx| {
            let vmo = numbered(cx, 2)?;
            let answer = cx.vmar_map(Handle::Region, 0, vmo, PAGE, PAGE, EAGER)?;
            let (answer, _) = cx.either("C-18", answer, vmo_abi::ZX_OK, ZX_ERR_INVALID_ARGS)?;
            if answer.status() == Some(vmo_abi::ZX_OK) {
                return cx.expect_load(answer.address(), &mark(1));
            }
            answer.untouched().map(drop)
        })
        .at(crate::level::Level::Page);

    suite.test("map_range_without_overwriting_only", &["VMAR-MAP-30"], &[Mapping], |cx| {
        let vmo = cx.create(PAGE)?;
        let flags = EAGER | vmo_abi::ZX_VM_FLAG_SPECIFIC_OVERWRITE;
        let answer = cx.vmar_map(Handle::Region, 0, vmo, 0, PAGE, flags)?;
        answer.is(ZX_ERR_INVALID_ARGS)?.untouched().map(drop)
    });

    suite.test(
        "lack_of_room_is_no_memory",
        &["VMAR-MAP-52"],
        &[Mapping, vmo_abi::Capability::Regions],
        |cx| {
            let vmo = cx.create(PAGE)?;
            let (region, _) = cx.allocate(2 * PAGE, super::prototypes::ANY_MAPPING)?;
            let specific = READ_ONLY | vmo_abi::ZX_VM_FLAG_SPECIFIC;
            cx.vmar_map(region, 0, vmo, 0, PAGE, specific)?.ok()?;
            let answer = cx.vmar_map(region, 0, vmo, 0, 2 * PAGE, ZX_VM_FLAG_PERM_READ)?;
            answer.is(ZX_ERR_NO_MEMORY)?.untouched().map(drop)
        },
    );
}
