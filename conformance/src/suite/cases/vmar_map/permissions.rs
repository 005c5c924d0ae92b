//! Which permissions a mapping can have, and what they allow.

use vmo_abi::Capability::{Handles, Mapping, Regions};
use vmo_abi::{
    ZX_ERR_ACCESS_DENIED, ZX_ERR_INVALID_ARGS, ZX_RIGHT_EXECUTE, ZX_RIGHT_MAP, ZX_RIGHT_READ,
    ZX_RIGHT_WRITE, ZX_VM_FLAG_PERM_EXECUTE, ZX_VM_FLAG_PERM_READ, ZX_VM_FLAG_PERM_WRITE,
    zx_rights_t,
};

use super::numbered;
use crate::program::Handle;
use crate::suite::cases::prototypes::ANY_MAPPING;
use crate::suite::{PAGE, READ_WRITE, Suite};

const READ: u32 = ZX_VM_FLAG_PERM_READ;
const WRITE: u32 = ZX_VM_FLAG_PERM_WRITE;
const EXECUTE: u32 = ZX_VM_FLAG_PERM_EXECUTE;

/// Permissions with the right each needs and the clause that says so.
const PERMISSIONS: &[(&str, u32, zx_rights_t, &[&str])] = &[
    ("read", READ, ZX_RIGHT_READ, &["VMAR-MAP-07"]),
    ("write", READ | WRITE, ZX_RIGHT_WRITE, &["VMAR-MAP-08"]),
    ("execute", READ | EXECUTE, ZX_RIGHT_EXECUTE, &["VMAR-MAP-09"]),
    ("all_read", READ | WRITE | EXECUTE, ZX_RIGHT_READ, &["VMAR-MAP-07"]),
    ("all_write", READ | WRITE | EXECUTE, ZX_RIGHT_WRITE, &["VMAR-MAP-08"]),
    ("all_execute", READ | WRITE | EXECUTE, ZX_RIGHT_EXECUTE, &["VMAR-MAP-09"]),
];

/// Flags that vmar_map does not take.
const BAD_FLAGS: &[(&str, &[&str], u32)] = &[
    ("compact", &["VMAR-MAP-13"], 1 << 3),
    ("can_map_specific", &["VMAR-MAP-13"], 1 << 6),
    ("can_map_read", &["VMAR-MAP-13"], 1 << 7),
    ("can_map_write", &["VMAR-MAP-13"], 1 << 8),
    ("can_map_execute", &["VMAR-MAP-13"], 1 << 9),
    ("bit_11", &["VMAR-MAP-12"], 1 << 11),
    ("bit_16", &["VMAR-MAP-12"], 1 << 16),
    ("bit_31", &["VMAR-MAP-12"], 1 << 31),
];

pub(super) fn add(suite: &mut Suite) {
    for &(row, flags, right, clauses) in PERMISSIONS {
        suite.test(
            format!("permission_needs_the_right_on_the_vmo::{row}"),
            clauses,
            &[Mapping, Handles],
            move |cx| {
                let vmo = cx.create(PAGE)?;
                let rights = ZX_RIGHT_MAP | ZX_RIGHT_READ | ZX_RIGHT_WRITE | ZX_RIGHT_EXECUTE;
                let full = cx.duplicate(vmo, rights)?;
                let few = cx.duplicate(vmo, rights & !right)?;
                cx.vmar_map(Handle::Region, 0, full, 0, PAGE, flags)?.ok()?;
                let answer = cx.vmar_map(Handle::Region, 0, few, 0, PAGE, flags)?;
                answer.is(ZX_ERR_ACCESS_DENIED)?.untouched().map(drop)
            },
        );
        suite.test(
            format!("permission_needs_the_right_on_the_region::{row}"),
            clauses,
            &[Mapping, Regions, Handles],
            move |cx| {
                let vmo = cx.create(PAGE)?;
                let (region, _) = cx.allocate(4 * PAGE, ANY_MAPPING)?;
                let rights = ZX_RIGHT_READ | ZX_RIGHT_WRITE | ZX_RIGHT_EXECUTE;
                let full = cx.duplicate(region, rights)?;
                let few = cx.duplicate(region, rights & !right)?;
                cx.vmar_map(full, 0, vmo, 0, PAGE, flags)?.ok()?;
                let answer = cx.vmar_map(few, 0, vmo, 0, PAGE, flags)?;
                answer.is(ZX_ERR_ACCESS_DENIED)?.untouched().map(drop)
            },
        );
        suite.test(
            format!("permission_needs_no_other_right::{row}"),
            clauses,
            &[Mapping, Handles],
            move |cx| {
                let vmo = cx.create(PAGE)?;
                let mut rights = ZX_RIGHT_MAP | ZX_RIGHT_READ;
                if flags & WRITE != 0 {
                    rights |= ZX_RIGHT_WRITE;
                }
                if flags & EXECUTE != 0 {
                    rights |= ZX_RIGHT_EXECUTE;
                }
                let just = cx.duplicate(vmo, rights)?;
                cx.vmar_map(Handle::Region, 0, just, 0, PAGE, flags)?.ok().map(drop)
            },
        );
    }

    for &(row, clauses, bit) in BAD_FLAGS {
        suite.test(format!("refuses_flags::{row}"), clauses, &[Mapping], move |cx| {
            let vmo = cx.create(PAGE)?;
            for flags in [READ | bit, bit] {
                let answer = cx.vmar_map(Handle::Region, 0, vmo, 0, PAGE, flags)?;
                answer.is(ZX_ERR_INVALID_ARGS)?.untouched()?;
            }
            Ok(())
        });
    }

    for (row, flags) in [("write", WRITE), ("execute", EXECUTE), ("both", WRITE | EXECUTE)] {
        suite.test(
            format!("permission_without_read_is_refused::{row}"),
            &["VMAR-MAP-10"],
            &[Mapping, Handles],
            move |cx| {
                let vmo = cx.create(PAGE)?;
                let answer = cx.vmar_map(Handle::Region, 0, vmo, 0, PAGE, flags)?;
                answer.is(ZX_ERR_INVALID_ARGS)?.untouched()?;
                let bare = cx.duplicate(vmo, ZX_RIGHT_MAP)?;
                let answer = cx.vmar_map(Handle::Region, 0, bare, 0, PAGE, flags)?;
                answer.is(ZX_ERR_INVALID_ARGS)?.untouched().map(drop)
            },
        );
    }

    suite.test("no_permission_allows_no_access", &["VMAR-MAP-11"], &[Mapping], |cx| {
        let vmo = numbered(cx, 1)?;
        let address = cx.map(vmo, 0, PAGE, 0)?;
        cx.expect_load_fault(address)?;
        cx.expect_store_fault(address)
    });

    suite.test("no_permission_needs_only_map", &["VMAR-MAP-11"], &[Mapping, Handles], |cx| {
        let vmo = cx.create(PAGE)?;
        let bare = cx.duplicate(vmo, ZX_RIGHT_MAP)?;
        let address = cx.map(bare, 0, PAGE, 0)?;
        cx.expect_load_fault(address)
    });

    suite.test(
        "the_region_needs_no_right_without_permissions",
        &["VMAR-MAP-47"],
        &[Mapping, Regions, Handles],
        |cx| {
            let vmo = cx.create(PAGE)?;
            let (region, _) = cx.allocate(4 * PAGE, ANY_MAPPING)?;
            let bare = cx.duplicate(region, 0)?;
            cx.vmar_map(bare, 0, vmo, 0, PAGE, 0)?.ok().map(drop)
        },
    );

    suite.test("a_read_only_mapping_cannot_be_stored_to", &["VMAR-MAP-44"], &[Mapping], |cx| {
        let vmo = numbered(cx, 1)?;
        let address = cx.map(vmo, 0, PAGE, READ)?;
        cx.expect_load(address, &[0x10])?;
        cx.expect_store_fault(address)?;
        cx.expect_bytes(vmo, 0, &[0x10])
    });

    suite.test("an_execute_mapping_cannot_be_stored_to", &["VMAR-MAP-44"], &[Mapping], |cx| {
        let vmo = numbered(cx, 1)?;
        let address = cx.map(vmo, 0, PAGE, READ | EXECUTE)?;
        cx.expect_load(address, &[0x10])?;
        cx.expect_store_fault(address)
    });

    granted_later(suite);
}

/// What vmar_protect may grant later is fixed by the rights at the time of the
/// mapping.
fn granted_later(suite: &mut Suite) {
    for &(row, flags, right, _) in &PERMISSIONS[..3] {
        suite.test(
            format!("what_can_be_granted_later_is_fixed::{row}"),
            &["VMAR-MAP-45"],
            &[Mapping, Handles],
            move |cx| {
                let vmo = cx.create(PAGE)?;
                let all = ZX_RIGHT_MAP | ZX_RIGHT_READ | ZX_RIGHT_WRITE | ZX_RIGHT_EXECUTE;
                let few = cx.duplicate(vmo, all & !right)?;
                let address = cx.map(few, 0, PAGE, 0)?;
                let answer = cx.vmar_protect(Handle::Region, address, PAGE, flags)?;
                answer.is(ZX_ERR_ACCESS_DENIED)?;
                let address = cx.map(vmo, 0, PAGE, 0)?;
                cx.vmar_protect(Handle::Region, address, PAGE, flags)?.ok().map(drop)
            },
        );
    }

    suite.test(
        "later_changes_of_handles_make_no_difference",
        &["VMAR-MAP-46"],
        &[Mapping, Handles],
        |cx| {
            let vmo = cx.create(PAGE)?;
            let second = cx.duplicate_same(vmo)?;
            let address = cx.map(second, 0, PAGE, 0)?;
            let weak = cx.handle_replace(second, ZX_RIGHT_READ)?.ok()?.handle(0);
            cx.vmar_protect(Handle::Region, address, PAGE, READ_WRITE)?.ok()?;
            cx.close(weak)?;
            cx.close(vmo)?;
            cx.vmar_protect(Handle::Region, address, PAGE, READ)?.ok()?;
            cx.vmar_protect(Handle::Region, address, PAGE, READ_WRITE)?.ok()?;
            cx.store_bytes(address, b"x")
        },
    );
}
