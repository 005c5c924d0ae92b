//! `vmar_allocate`: regions inside regions.

mod arguments;
mod bounds;
mod room;

use vmo_abi::Capability::{Handles, Info, Mapping, Regions};
use vmo_abi::{
    ZX_ERR_ACCESS_DENIED, ZX_ERR_INVALID_ARGS, ZX_OK, ZX_RIGHT_EXECUTE, ZX_RIGHT_READ,
    ZX_RIGHT_WRITE, ZX_VM_FLAG_CAN_MAP_EXECUTE, ZX_VM_FLAG_CAN_MAP_READ,
    ZX_VM_FLAG_CAN_MAP_SPECIFIC, ZX_VM_FLAG_CAN_MAP_WRITE, ZX_VM_FLAG_SPECIFIC,
};

use super::prototypes::ANY_MAPPING;
use super::vmar_map::{mark, numbered};
use crate::level::Level;
use crate::program::{Address, Handle};
use crate::suite::{PAGE, READ_ONLY, READ_WRITE, Side, Suite, plus};

const SPECIFIC: u32 = READ_WRITE | ZX_VM_FLAG_SPECIFIC;
/// DUPLICATE, TRANSFER and INSPECT, which every region handle has.
const BASIC_RIGHTS: u32 = 0x8003;

/// What a region may hold, with the rights of its handle.
const GRANTS: &[(&str, u32, u32)] = &[
    ("nothing", 0, 0),
    ("read", ZX_VM_FLAG_CAN_MAP_READ, ZX_RIGHT_READ),
    ("write", ZX_VM_FLAG_CAN_MAP_WRITE, ZX_RIGHT_WRITE),
    ("execute", ZX_VM_FLAG_CAN_MAP_EXECUTE, ZX_RIGHT_EXECUTE),
    ("specific", ZX_VM_FLAG_CAN_MAP_SPECIFIC, 0),
    (
        "read_write",
        ZX_VM_FLAG_CAN_MAP_READ | ZX_VM_FLAG_CAN_MAP_WRITE,
        ZX_RIGHT_READ | ZX_RIGHT_WRITE,
    ),
    ("all", ANY_MAPPING, ZX_RIGHT_READ | ZX_RIGHT_WRITE | ZX_RIGHT_EXECUTE),
];

pub(super) fn add(suite: &mut Suite) {
    arguments::add(suite);
    bounds::add(suite);
    room::add(suite);
    suite.test("a_region_can_be_mapped_in", &["VMAR-ALLOC-01"], &[Mapping, Regions], |cx| {
        let vmo = numbered(cx, 2)?;
        let (region, base) = cx.allocate(2 * PAGE, ANY_MAPPING)?;
        cx.expect_load_fault(base)?;
        cx.vmar_map(region, 0, vmo, 0, 2 * PAGE, SPECIFIC)?.ok()?;
        cx.expect_load(plus(base, PAGE), &mark(1))
    });

    suite.test("regions_nest", &["VMAR-ALLOC-01"], &[Mapping, Regions], |cx| {
        let vmo = numbered(cx, 1)?;
        let (outer, base) = cx.allocate(4 * PAGE, ANY_MAPPING)?;
        let flags = ANY_MAPPING | ZX_VM_FLAG_SPECIFIC;
        let inner = cx.vmar_allocate(outer, 2 * PAGE, 2 * PAGE, flags)?.ok()?.handle(0);
        cx.vmar_map(inner, PAGE, vmo, 0, PAGE, SPECIFIC)?.ok()?;
        cx.expect_load(plus(base, 3 * PAGE), &mark(0))
    });

    for &(row, flags, rights) in GRANTS {
        suite.test(
            format!("the_rights_follow_what_it_may_hold::{row}"),
            &["VMAR-ALLOC-04"],
            &[Regions, Info],
            move |cx| {
                let (region, _) = cx.allocate(PAGE, flags)?;
                cx.expect_rights(region, BASIC_RIGHTS | rights)
            },
        );
        suite.test(
            format!("a_mapping_has_only_what_the_region_may_hold::{row}"),
            &["VMAR-ALLOC-02"],
            &[Mapping, Regions],
            move |cx| {
                let vmo = cx.create(PAGE)?;
                let (region, _) = cx.allocate(8 * PAGE, flags)?;
                for (wanted, needed) in [
                    (1, ZX_RIGHT_READ),
                    (3, ZX_RIGHT_READ | ZX_RIGHT_WRITE),
                    (5, ZX_RIGHT_READ | ZX_RIGHT_EXECUTE),
                    (7, ZX_RIGHT_READ | ZX_RIGHT_WRITE | ZX_RIGHT_EXECUTE),
                ] {
                    let status =
                        if rights & needed == needed { ZX_OK } else { ZX_ERR_ACCESS_DENIED };
                    cx.vmar_map(region, 0, vmo, 0, PAGE, wanted)?.is(status)?;
                }
                Ok(())
            },
        );
        suite.test(
            format!("a_region_has_only_what_its_parent_has::{row}"),
            &["VMAR-ALLOC-03"],
            &[Regions],
            move |cx| {
                let (parent, _) = cx.allocate(16 * PAGE, flags)?;
                for bit in
                    [ZX_VM_FLAG_CAN_MAP_READ, ZX_VM_FLAG_CAN_MAP_WRITE, ZX_VM_FLAG_CAN_MAP_EXECUTE]
                {
                    let status = if flags & bit != 0 { ZX_OK } else { ZX_ERR_ACCESS_DENIED };
                    cx.vmar_allocate(parent, 0, PAGE, bit)?.is(status)?;
                }
                Ok(())
            },
        );
    }

    for (row, offset, size, specific) in [
        ("size_0", 0, 0, false),
        ("size_one", 0, 1, false),
        ("size_before_a_page", 0, PAGE - 1, false),
        ("size_behind_a_page", 0, PAGE + 1, false),
        ("size_all_ones", 0, u64::MAX, false),
        ("size_larger_than_the_parent", 0, 9 * PAGE, false),
        ("offset_without_specific", PAGE, PAGE, false),
        ("unaligned_offset", 1, PAGE, true),
        ("behind_the_end", 8 * PAGE, PAGE, true),
        ("over_the_end", 7 * PAGE, 2 * PAGE, true),
        ("wrapping", 0_u64.wrapping_sub(PAGE), 2 * PAGE, true),
    ] {
        suite.test(format!("refuses::{row}"), &["VMAR-ALLOC-05"], &[Regions], move |cx| {
            let (parent, _) = cx.allocate(8 * PAGE, ANY_MAPPING)?;
            let flags = if specific { ZX_VM_FLAG_SPECIFIC } else { 0 };
            let answer = cx.vmar_allocate(parent, offset, size, flags)?;
            answer.is(ZX_ERR_INVALID_ARGS)?.untouched()?;
            cx.vmar_allocate(parent, 0, 8 * PAGE, ZX_VM_FLAG_SPECIFIC)?.ok().map(drop)
        });
    }

    for (argument, address) in [
        ("child_vmar", Address::Null),
        ("child_vmar", Address::Unmapped),
        ("child_addr", Address::Null),
        ("child_addr", Address::ReadOnly),
    ] {
        let name = format!("a_bad_pointer_is_refused::{argument}_{address:?}").to_lowercase();
        suite.test(name, &["VMAR-ALLOC-06"], &[Regions], move |cx| {
            cx.with(argument, address);
            let answer = cx.vmar_allocate(Handle::Region, 0, PAGE, ANY_MAPPING)?;
            answer.is(ZX_ERR_INVALID_ARGS).map(drop)
        });
    }

    suite
        .test("a_bad_address_pointer_leaves_a_handle", &["VMAR-ALLOC-07"], &[Regions], |cx| {
            cx.with("child_addr", Address::Null);
            let answer = cx.vmar_allocate(Handle::Region, 0, PAGE, ANY_MAPPING)?;
            let leaves = answer.has_word(4);
            answer.is(ZX_ERR_INVALID_ARGS)?;
            cx.takes("C-30", if leaves { Side::Kernel } else { Side::Page });
            let demanded = cx.level() == Level::Kernel;
            cx.expect(leaves || !demanded, "a handle left behind", "none")
        })
        .at(Level::Page);

    suite.test(
        "closing_the_handle_leaves_the_region",
        &["VMAR-ALLOC-08"],
        &[Mapping, Regions],
        |cx| {
            let vmo = numbered(cx, 1)?;
            let (region, base) = cx.allocate(2 * PAGE, ANY_MAPPING)?;
            cx.vmar_map(region, PAGE, vmo, 0, PAGE, SPECIFIC)?.ok()?;
            cx.close(region)?;
            cx.expect_load(plus(base, PAGE), &mark(0))?;
            cx.store_bytes(plus(base, PAGE), b"x")?;
            cx.expect_bytes(vmo, 0, b"x")
        },
    );

    suite.test(
        "a_region_is_not_free_after_closing_its_handle",
        &["VMAR-ALLOC-08"],
        &[Mapping, Regions],
        |cx| {
            let vmo = cx.create(PAGE)?;
            let (parent, _) = cx.allocate(2 * PAGE, ANY_MAPPING)?;
            let flags = ANY_MAPPING | ZX_VM_FLAG_SPECIFIC;
            let child = cx.vmar_allocate(parent, 0, PAGE, flags)?.ok()?.handle(0);
            cx.close(child)?;
            let answer = cx.vmar_map(parent, 0, vmo, 0, PAGE, READ_ONLY | ZX_VM_FLAG_SPECIFIC)?;
            cx.expect(answer.status() != Some(ZX_OK), "a refusal", "ZX_OK")
        },
    );

    for (row, flags, status) in [
        ("perm_read", 1, ZX_ERR_INVALID_ARGS),
        ("perm_write", 2, ZX_OK),
        ("perm_execute", 4, ZX_ERR_INVALID_ARGS),
        ("specific_overwrite", 1 << 5, ZX_ERR_INVALID_ARGS),
        ("map_range", 1 << 10, ZX_ERR_INVALID_ARGS),
        ("bit_11", 1 << 11, ZX_ERR_INVALID_ARGS),
        ("bit_31", 1 << 31, ZX_ERR_INVALID_ARGS),
    ] {
        suite.test(
            format!("flags_that_are_not_for_it::{row}"),
            &["VMAR-ALLOC-09"],
            &[Regions],
            move |cx| cx.vmar_allocate(Handle::Region, 0, PAGE, flags)?.is(status).map(drop),
        );
    }

    suite.test(
        "the_parent_handle_needs_the_rights",
        &["VMAR-ALLOC-03"],
        &[Regions, Handles],
        |cx| {
            let (parent, _) = cx.allocate(4 * PAGE, ANY_MAPPING)?;
            for (bit, right) in [
                (ZX_VM_FLAG_CAN_MAP_READ, ZX_RIGHT_READ),
                (ZX_VM_FLAG_CAN_MAP_WRITE, ZX_RIGHT_WRITE),
                (ZX_VM_FLAG_CAN_MAP_EXECUTE, ZX_RIGHT_EXECUTE),
            ] {
                let few = cx.duplicate(
                    parent,
                    (ZX_RIGHT_READ | ZX_RIGHT_WRITE | ZX_RIGHT_EXECUTE) & !right,
                )?;
                cx.vmar_allocate(few, 0, PAGE, bit)?.is(ZX_ERR_ACCESS_DENIED)?.untouched()?;
            }
            Ok(())
        },
    );
}
