//! `MAP_RANGE`: pages entered at once show and allow just what they would later.

use vmo_abi::Capability::{CachePolicy, Mapping, MemoryControl, Range, Regions};
use vmo_abi::{
    ZX_ERR_INVALID_ARGS, ZX_ERR_NO_MEMORY, ZX_OK, ZX_VM_FLAG_MAP_RANGE, ZX_VM_FLAG_SPECIFIC,
    ZX_VMO_OP_DECOMMIT,
};

use crate::level::Level;
use crate::program::{Address, Handle};
use crate::suite::cases::copy_on_write::pages::{create, put, shows};
use crate::suite::cases::mappings::picture::{lay, pages_allow, pages_show};
use crate::suite::{PAGE, READ_ONLY, READ_WRITE, Suite, plus};

const EAGER: u32 = READ_WRITE | ZX_VM_FLAG_MAP_RANGE;

pub(super) fn add(suite: &mut Suite) {
    for (row, permissions, accesses) in
        [("nothing", 0, "---"), ("read", READ_ONLY, "rrr"), ("write", READ_WRITE, "www")]
    {
        suite.test(
            format!("eager_pages_allow_what_was_asked_for::{row}"),
            &["VMAR-MAP-31", "VMAR-MAP-44"],
            &[Mapping],
            move |cx| {
                let vmo = create(cx, "a.c")?;
                let address = cx.map(vmo, 0, 3 * PAGE, permissions | ZX_VM_FLAG_MAP_RANGE)?;
                pages_allow(cx, address, accesses)
            },
        );
    }

    suite.test("eager_pages_follow_writes", &["VMAR-MAP-31", "VMAR-MAP-39"], &[Mapping], |cx| {
        let vmo = create(cx, "a.c.")?;
        let address = cx.map(vmo, 0, 4 * PAGE, READ_ONLY | ZX_VM_FLAG_MAP_RANGE)?;
        pages_show(cx, address, "a.c.")?;
        put(cx, vmo, 0, 'x')?;
        put(cx, vmo, 1, 'y')?;
        pages_show(cx, address, "xyc.")?;
        pages_allow(cx, address, "rrrr")
    });

    suite.test(
        "eager_pages_follow_a_decommit",
        &["VMAR-MAP-31", "VMO-OPRANGE-32"],
        &[Mapping, Range],
        |cx| {
            let vmo = create(cx, "abc")?;
            let address = cx.map(vmo, 0, 3 * PAGE, EAGER)?;
            cx.operate(vmo, ZX_VMO_OP_DECOMMIT, PAGE, PAGE)?;
            pages_show(cx, address, "a.c")?;
            cx.store_bytes(plus(address, PAGE), b"y")?;
            cx.expect_bytes(vmo, PAGE, b"y\0")
        },
    );

    suite.test("eager_pages_go_with_the_size", &["VMAR-MAP-31", "VMAR-MAP-42"], &[Mapping], |cx| {
        let vmo = create(cx, "abc")?;
        let address = cx.map(vmo, 0, 4 * PAGE, EAGER)?;
        cx.resize(vmo, PAGE)?;
        pages_show(cx, address, "a---")?;
        cx.resize(vmo, 4 * PAGE)?;
        pages_show(cx, address, "a...")
    });

    suite.test("eager_at_a_place", &["VMAR-MAP-31", "VMAR-MAP-21"], &[Mapping], |cx| {
        let vmo = create(cx, "a.c")?;
        let flags = EAGER | ZX_VM_FLAG_SPECIFIC;
        cx.vmar_map(Handle::Region, PAGE, vmo, 0, 3 * PAGE, flags)?.ok()?;
        pages_show(cx, Address::Region(0), "-a.c-")?;
        let answer = cx.vmar_map(Handle::Region, 3 * PAGE, vmo, 0, 2 * PAGE, flags)?;
        answer.one_of(&[ZX_ERR_INVALID_ARGS, ZX_ERR_NO_MEMORY])?.untouched()?;
        pages_show(cx, Address::Region(0), "-a.c-")
    });

    suite.test("eager_in_an_unaligned_length", &["VMAR-MAP-31", "VMAR-MAP-15"], &[Mapping], |cx| {
        let vmo = create(cx, "abc")?;
        let address = cx.map(vmo, 0, PAGE + 1, EAGER)?;
        pages_show(cx, address, "ab")
    });

    suite.test("an_eager_empty_vmo", &["VMAR-MAP-33"], &[Mapping], |cx| {
        let vmo = cx.create(0)?;
        let address = cx.map(vmo, 0, 2 * PAGE, EAGER)?;
        pages_show(cx, address, "--")?;
        cx.resize(vmo, PAGE)?;
        pages_show(cx, address, ".-")
    });

    for (row, position) in [("a_page", PAGE), ("2_to_the_32", 1 << 32), ("the_end", 3 * PAGE)] {
        suite
            .test(
                format!("eager_from_a_later_position::{row}"),
                &["VMAR-MAP-32"],
                &[Mapping, CachePolicy],
                move |cx| {
                    let vmo = cx.create(3 * PAGE)?;
                    let answer = cx.vmar_map(Handle::Region, 0, vmo, position, PAGE, EAGER)?;
                    let (answer, _) = cx.either("C-18", answer, ZX_OK, ZX_ERR_INVALID_ARGS)?;
                    if answer.status() == Some(ZX_OK) {
                        let shown = if position == PAGE { "." } else { "-" };
                        return pages_show(cx, answer.address(), shown);
                    }
                    answer.untouched()?;
                    // A VMO that is mapped would refuse this (VMO-CACHEPOL-09).
                    cx.expect_nothing_committed(vmo)
                },
            )
            .at(Level::Page);
    }

    suite.test("eager_from_a_later_position_at_a_place", &["VMAR-MAP-32"], &[Mapping], |cx| {
        let pieces = lay(cx, Handle::Region, "[a]-[c]")?;
        let flags = EAGER | ZX_VM_FLAG_SPECIFIC;
        let answer = cx.vmar_map(Handle::Region, PAGE, pieces[0].vmo, PAGE, PAGE, flags)?;
        answer.is(ZX_ERR_INVALID_ARGS)?.untouched()?;
        pages_show(cx, Address::Region(0), "a-c")
    });

    suite.test(
        "eager_with_a_bad_pointer_leaves_no_mapping",
        &["VMAR-MAP-35"],
        &[Mapping, CachePolicy],
        |cx| {
            let vmo = cx.create(2 * PAGE)?;
            cx.with("mapped_addr", Address::Null);
            let answer = cx.vmar_map(Handle::Region, 0, vmo, 0, 2 * PAGE, EAGER)?;
            answer.is(ZX_ERR_INVALID_ARGS)?;
            cx.expect_nothing_committed(vmo)
        },
    );

    suite.test("eager_takes_no_pages", &["VMAR-MAP-33"], &[Mapping, MemoryControl], |cx| {
        let vmo = create(cx, "a.c.")?;
        cx.limit_memory(Some(0))?;
        let address = cx.map(vmo, 0, 4 * PAGE, EAGER)?;
        pages_show(cx, address, "a.c.")?;
        cx.expect_store_fault(plus(address, PAGE))?;
        cx.store_bytes(plus(address, 2 * PAGE), b"x")?;
        cx.limit_memory(None)?;
        cx.store_bytes(plus(address, PAGE), b"y")?;
        cx.expect_bytes(vmo, PAGE, b"y\0")
    });

    suite.test("eager_with_overwriting_replaces_nothing", &["VMAR-MAP-30"], &[Mapping], |cx| {
        let pieces = lay(cx, Handle::Region, "[ab]")?;
        let other = create(cx, "x")?;
        for more in [0, ZX_VM_FLAG_SPECIFIC] {
            let flags = EAGER | more | vmo_abi::ZX_VM_FLAG_SPECIFIC_OVERWRITE;
            let answer = cx.vmar_map(Handle::Region, 0, other, 0, PAGE, flags)?;
            answer.is(ZX_ERR_INVALID_ARGS)?.untouched()?;
        }
        pages_show(cx, Address::Region(0), "ab")?;
        shows(cx, pieces[0].vmo, "#ab")
    });

    suite.test("eager_in_a_region", &["VMAR-MAP-31"], &[Mapping, Regions], |cx| {
        let (region, base) = cx.allocate(2 * PAGE, super::super::prototypes::ANY_MAPPING)?;
        let vmo = create(cx, "ab")?;
        cx.vmar_map(region, 0, vmo, 0, 2 * PAGE, EAGER)?.ok()?;
        pages_show(cx, base, "ab")
    });
}
