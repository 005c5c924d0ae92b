//! Every call that can take away the last need of a clone.

use std::time::Duration;

use vmo_abi::Capability::{Clone, Handles, Mapping, Regions, Signals, Threads};
use vmo_abi::{
    ZX_ERR_BAD_HANDLE, ZX_ERR_INVALID_ARGS, ZX_OK, ZX_RIGHT_ENUMERATE, ZX_RIGHT_SAME_RIGHTS,
    ZX_VM_FLAG_CAN_MAP_READ, ZX_VM_FLAG_CAN_MAP_SPECIFIC, ZX_VM_FLAG_CAN_MAP_WRITE,
    ZX_VM_FLAG_SPECIFIC, ZX_VM_FLAG_SPECIFIC_OVERWRITE, ZX_VMO_ZERO_CHILDREN,
};

use super::{high, low};
use crate::ledger::{Clause, clause_of};
use crate::program::{Address, Handle};
use crate::suite::cases::copy_on_write::pages::{clone, map};
use crate::suite::steps::PAGE;
use crate::suite::{Checked, Context, READ_WRITE, Suite, plus};

/// What keeps the clone alive before the last call.
#[derive(Clone, Copy)]
struct Held {
    copy: Handle,
    at: Address,
    region: Handle,
}

impl Held {
    fn by_handle(copy: Handle) -> Self {
        Self { copy, at: Address::Null, region: Handle::Invalid }
    }
}

/// A way for a clone of two pages to go: steps that prepare it, after which the
/// clone is still needed, and the call after which it is not.
struct Door {
    name: &'static str,
    clauses: &'static [&'static str],
    needs: &'static [vmo_abi::Capability],
    prepare: fn(&mut Context<'_>, Handle) -> Checked<Held>,
    last: fn(&mut Context<'_>, Held) -> Checked,
}

const REGION: u32 =
    ZX_VM_FLAG_CAN_MAP_READ | ZX_VM_FLAG_CAN_MAP_WRITE | ZX_VM_FLAG_CAN_MAP_SPECIFIC;

/// Maps the clone and closes its handle.
fn only_mapped(cx: &mut Context<'_>, copy: Handle) -> Checked<Held> {
    let at = map(cx, copy, 2)?;
    cx.close(copy)?;
    Ok(Held { copy, at, region: Handle::Invalid })
}

/// Maps the clone at the start of the program's region and closes its handle.
fn only_mapped_first(cx: &mut Context<'_>, copy: Handle) -> Checked<Held> {
    let flags = READ_WRITE | ZX_VM_FLAG_SPECIFIC;
    let at = cx.vmar_map(Handle::Region, 0, copy, 0, 2 * PAGE, flags)?.ok()?.address();
    cx.close(copy)?;
    Ok(Held { copy, at, region: Handle::Invalid })
}

/// Maps the clone in a region of its own and closes its handle.
fn only_in_a_region(cx: &mut Context<'_>, copy: Handle) -> Checked<Held> {
    let (region, at) = cx.allocate(4 * PAGE, REGION)?;
    cx.vmar_map(region, 0, copy, 0, 2 * PAGE, READ_WRITE)?.ok()?;
    cx.close(copy)?;
    Ok(Held { copy, at, region })
}

fn unmap(cx: &mut Context<'_>, at: Address, pages: u64) -> Checked {
    cx.vmar_unmap(Handle::Region, at, pages * PAGE)?.ok().map(drop)
}

/// Maps another VMO over pages of the program's region.
fn overwrite(cx: &mut Context<'_>, first: u64, pages: u64) -> Checked {
    let other = cx.create(pages * PAGE)?;
    let flags = READ_WRITE | ZX_VM_FLAG_SPECIFIC_OVERWRITE;
    let answer = cx.vmar_map(Handle::Region, first * PAGE, other, 0, pages * PAGE, flags)?;
    answer.ok().map(drop)
}

const DOORS: &[Door] = &[
    Door {
        name: "handle_close",
        clauses: &["SIG-ZC-06", "HANDLE-CLOSE-06"],
        needs: &[],
        prepare: |_, copy| Ok(Held::by_handle(copy)),
        last: |cx, held| cx.close(held.copy),
    },
    Door {
        name: "handle_close_many",
        clauses: &["SIG-ZC-06", "HANDLE-CLOSE-06"],
        needs: &[Handles],
        prepare: |_, copy| Ok(Held::by_handle(copy)),
        last: |cx, held| cx.handle_close_many(&[held.copy])?.ok().map(drop),
    },
    Door {
        name: "handle_close_many_of_all_duplicates",
        clauses: &["SIG-ZC-06", "SIG-ZC-11"],
        needs: &[Handles],
        prepare: |_, copy| Ok(Held::by_handle(copy)),
        last: |cx, held| {
            let handles = [held.copy, cx.duplicate_same(held.copy)?, cx.duplicate(held.copy, 0)?];
            cx.handle_close_many(&handles)?.ok().map(drop)
        },
    },
    Door {
        name: "handle_close_many_that_fails",
        clauses: &["SIG-ZC-06", "HANDLE-CLOSE-09"],
        needs: &[Handles],
        prepare: |_, copy| Ok(Held::by_handle(copy)),
        last: |cx, held| {
            let handles = [Handle::Never, Handle::Invalid, held.copy, held.copy];
            cx.handle_close_many(&handles)?.is(ZX_ERR_BAD_HANDLE).map(drop)
        },
    },
    Door {
        name: "handle_close_of_a_replaced_handle",
        clauses: &["SIG-ZC-06", "SIG-ZC-19"],
        needs: &[Handles],
        prepare: |cx, copy| {
            let replaced = cx.handle_replace(copy, ZX_RIGHT_SAME_RIGHTS)?.ok()?.handle(0);
            Ok(Held::by_handle(replaced))
        },
        last: |cx, held| cx.close(held.copy),
    },
    Door {
        name: "handle_replace_with_too_many_rights",
        clauses: &["SIG-ZC-20", "HANDLE-REPLACE-07"],
        needs: &[Handles],
        prepare: |_, copy| Ok(Held::by_handle(copy)),
        last: |cx, held| {
            cx.handle_replace(held.copy, ZX_RIGHT_ENUMERATE)?.is(ZX_ERR_INVALID_ARGS).map(drop)
        },
    },
    Door {
        name: "handle_replace_with_a_bad_pointer",
        clauses: &["SIG-ZC-20", "HANDLE-REPLACE-07"],
        needs: &[Handles],
        prepare: |_, copy| Ok(Held::by_handle(copy)),
        last: |cx, held| {
            cx.with("out", Address::Null);
            cx.handle_replace(held.copy, ZX_RIGHT_SAME_RIGHTS)?.is(ZX_ERR_INVALID_ARGS).map(drop)
        },
    },
    Door {
        name: "closing_after_unmapping",
        clauses: &["SIG-ZC-06"],
        needs: &[Mapping],
        prepare: |cx, copy| {
            let at = map(cx, copy, 2)?;
            unmap(cx, at, 2)?;
            Ok(Held::by_handle(copy))
        },
        last: |cx, held| cx.close(held.copy),
    },
    Door {
        name: "unmap",
        clauses: &["SIG-ZC-06", "VMAR-UNMAP-17"],
        needs: &[Mapping],
        prepare: only_mapped,
        last: |cx, held| unmap(cx, held.at, 2),
    },
    Door {
        name: "unmap_of_an_unaligned_length",
        clauses: &["SIG-ZC-06", "VMAR-UNMAP-17"],
        needs: &[Mapping],
        prepare: only_mapped,
        last: |cx, held| cx.vmar_unmap(Handle::Region, held.at, PAGE + 1)?.ok().map(drop),
    },
    Door {
        name: "unmap_of_the_rest_after_the_start",
        clauses: &["SIG-ZC-08", "VMAR-UNMAP-18"],
        needs: &[Mapping],
        prepare: |cx, copy| {
            let held = only_mapped(cx, copy)?;
            unmap(cx, held.at, 1)?;
            Ok(held)
        },
        last: |cx, held| unmap(cx, plus(held.at, PAGE), 1),
    },
    Door {
        name: "unmap_of_the_rest_after_the_end",
        clauses: &["SIG-ZC-08", "VMAR-UNMAP-18"],
        needs: &[Mapping],
        prepare: |cx, copy| {
            let held = only_mapped(cx, copy)?;
            unmap(cx, plus(held.at, PAGE), 1)?;
            Ok(held)
        },
        last: |cx, held| unmap(cx, held.at, 1),
    },
    Door {
        name: "unmap_of_both_ends_after_the_middle",
        clauses: &["SIG-ZC-08", "VMAR-UNMAP-18"],
        needs: &[Mapping],
        prepare: |cx, copy| {
            // Mapping beyond the end is fine (VMAR-MAP-19).
            let at = map(cx, copy, 3)?;
            cx.close(copy)?;
            unmap(cx, plus(at, PAGE), 1)?;
            Ok(Held { copy, at, region: Handle::Invalid })
        },
        last: |cx, held| unmap(cx, held.at, 3),
    },
    Door {
        name: "unmap_of_two_mappings_at_once",
        clauses: &["SIG-ZC-06", "VMAR-UNMAP-17"],
        needs: &[Mapping],
        prepare: |cx, copy| {
            let flags = READ_WRITE | ZX_VM_FLAG_SPECIFIC;
            let at = cx.vmar_map(Handle::Region, 0, copy, 0, PAGE, flags)?.ok()?.address();
            cx.vmar_map(Handle::Region, 2 * PAGE, copy, PAGE, PAGE, flags)?.ok()?;
            cx.close(copy)?;
            Ok(Held { copy, at, region: Handle::Invalid })
        },
        last: |cx, held| unmap(cx, held.at, 3),
    },
    Door {
        name: "unmap_of_the_second_mapping",
        clauses: &["SIG-ZC-06", "VMAR-UNMAP-17"],
        needs: &[Mapping],
        prepare: |cx, copy| {
            let first = map(cx, copy, 2)?;
            let held = only_mapped(cx, copy)?;
            unmap(cx, first, 2)?;
            Ok(held)
        },
        last: |cx, held| unmap(cx, held.at, 2),
    },
    Door {
        name: "unmap_after_a_split_by_protect",
        clauses: &["SIG-ZC-06", "VMAR-UNMAP-17"],
        needs: &[Mapping],
        prepare: |cx, copy| {
            let held = only_mapped(cx, copy)?;
            cx.vmar_protect(Handle::Region, held.at, PAGE, vmo_abi::ZX_VM_FLAG_PERM_READ)?.ok()?;
            unmap(cx, held.at, 1)?;
            Ok(held)
        },
        last: |cx, held| unmap(cx, plus(held.at, PAGE), 1),
    },
    Door {
        name: "closing_and_then_unmapping_what_was_stored_to",
        clauses: &["SIG-ZC-06", "VMAR-UNMAP-17"],
        needs: &[Mapping],
        prepare: |cx, copy| {
            let held = only_mapped(cx, copy)?;
            cx.store_bytes(held.at, b"x")?;
            Ok(held)
        },
        last: |cx, held| unmap(cx, held.at, 2),
    },
    Door {
        name: "overwriting_the_mapping",
        clauses: &["SIG-ZC-10"],
        needs: &[Mapping],
        prepare: only_mapped_first,
        last: |cx, _| overwrite(cx, 0, 2),
    },
    Door {
        name: "overwriting_more_than_the_mapping",
        clauses: &["SIG-ZC-10"],
        needs: &[Mapping],
        prepare: |cx, copy| {
            let flags = READ_WRITE | ZX_VM_FLAG_SPECIFIC;
            let at = cx.vmar_map(Handle::Region, PAGE, copy, 0, 2 * PAGE, flags)?.ok()?.address();
            cx.close(copy)?;
            Ok(Held { copy, at, region: Handle::Invalid })
        },
        last: |cx, _| overwrite(cx, 0, 4),
    },
    Door {
        name: "overwriting_the_rest_of_the_mapping",
        clauses: &["SIG-ZC-10"],
        needs: &[Mapping],
        prepare: |cx, copy| {
            let held = only_mapped_first(cx, copy)?;
            overwrite(cx, 1, 1)?;
            Ok(held)
        },
        last: |cx, _| overwrite(cx, 0, 1),
    },
    Door {
        name: "overwriting_with_a_bad_pointer",
        clauses: &["SIG-ZC-10", "VMAR-MAP-53"],
        needs: &[Mapping],
        prepare: only_mapped_first,
        last: |cx, _| {
            let other = cx.create(2 * PAGE)?;
            let flags = READ_WRITE | ZX_VM_FLAG_SPECIFIC_OVERWRITE;
            cx.with("mapped_addr", Address::Null);
            let answer = cx.vmar_map(Handle::Region, 0, other, 0, 2 * PAGE, flags)?;
            answer.is(ZX_ERR_INVALID_ARGS).map(drop)
        },
    },
    Door {
        name: "destroying_the_region",
        clauses: &["SIG-ZC-09", "VMAR-DESTROY-07"],
        needs: &[Mapping, Regions],
        prepare: only_in_a_region,
        last: |cx, held| cx.vmar_destroy(held.region)?.ok().map(drop),
    },
    Door {
        name: "destroying_a_region_around_it",
        clauses: &["SIG-ZC-09", "VMAR-DESTROY-07"],
        needs: &[Mapping, Regions],
        prepare: |cx, copy| {
            let (region, at) = cx.allocate(8 * PAGE, REGION)?;
            let inner = cx.vmar_allocate(region, 0, 4 * PAGE, REGION)?.ok()?.handle(0);
            cx.vmar_map(inner, 0, copy, 0, 2 * PAGE, READ_WRITE)?.ok()?;
            cx.close(copy)?;
            cx.close(inner)?;
            Ok(Held { copy, at, region })
        },
        last: |cx, held| cx.vmar_destroy(held.region)?.ok().map(drop),
    },
    Door {
        name: "unmap_of_the_region",
        clauses: &["SIG-ZC-06", "VMAR-UNMAP-03"],
        needs: &[Mapping, Regions],
        prepare: |cx, copy| {
            let held = only_in_a_region(cx, copy)?;
            cx.close(held.region)?;
            Ok(held)
        },
        last: |cx, held| unmap(cx, held.at, 4),
    },
    Door {
        name: "unmap_in_the_region",
        clauses: &["SIG-ZC-06", "VMAR-UNMAP-17"],
        needs: &[Mapping, Regions],
        prepare: |cx, copy| {
            let (region, _) = cx.allocate(4 * PAGE, REGION)?;
            let at = cx.vmar_map(region, 0, copy, 0, 2 * PAGE, READ_WRITE)?.ok()?.address();
            cx.close(copy)?;
            Ok(Held { copy, at, region })
        },
        last: |cx, held| cx.vmar_unmap(held.region, held.at, 2 * PAGE)?.ok().map(drop),
    },
    Door {
        name: "closing_the_last_clone_of_the_clone",
        clauses: &["SIG-ZC-12"],
        needs: &[],
        prepare: |cx, copy| {
            let below = clone(cx, copy, 0, 2)?;
            cx.close(copy)?;
            Ok(Held::by_handle(below))
        },
        last: |cx, held| cx.close(held.copy),
    },
    Door {
        name: "unmapping_the_last_clone_of_the_clone",
        clauses: &["SIG-ZC-12", "VMAR-UNMAP-17"],
        needs: &[Mapping],
        prepare: |cx, copy| {
            let below = clone(cx, copy, 0, 2)?;
            cx.close(copy)?;
            only_mapped(cx, below)
        },
        last: |cx, held| unmap(cx, held.at, 2),
    },
    Door {
        name: "unmapping_the_clone_whose_clone_went",
        clauses: &["SIG-ZC-06", "SIG-ZC-12"],
        needs: &[Mapping],
        prepare: |cx, copy| {
            let below = clone(cx, copy, 0, 2)?;
            let held = only_mapped(cx, copy)?;
            cx.close(below)?;
            Ok(held)
        },
        last: |cx, held| unmap(cx, held.at, 2),
    },
];

/// What a test of a door needs.
fn needs_of(door: &Door, more: &[vmo_abi::Capability]) -> Vec<vmo_abi::Capability> {
    [Clone, Signals].iter().chain(door.needs).chain(more).copied().collect()
}

pub(super) fn add(suite: &mut Suite) {
    for door in DOORS {
        add_door(suite, door);
    }
}

fn add_door(suite: &mut Suite, door: &'static Door) {
    let name = door.name;

    suite.test(format!("rises_at_once::{name}"), door.clauses, &needs_of(door, &[]), |cx| {
        let vmo = cx.create(2 * PAGE)?;
        high(cx, vmo)?;
        let copy = clone(cx, vmo, 0, 2)?;
        low(cx, vmo)?;
        let held = (door.prepare)(cx, copy)?;
        low(cx, vmo)?;
        (door.last)(cx, held)?;
        high(cx, vmo)
    });

    // More clones after that, to be sure that nothing is counted twice.
    suite.test(format!("falls_again_after::{name}"), door.clauses, &needs_of(door, &[]), |cx| {
        let vmo = cx.create(2 * PAGE)?;
        let copy = clone(cx, vmo, 0, 2)?;
        let held = (door.prepare)(cx, copy)?;
        (door.last)(cx, held)?;
        let second = clone(cx, vmo, 0, 2)?;
        low(cx, vmo)?;
        cx.close(second)?;
        high(cx, vmo)
    });

    suite.test(format!("a_sibling_keeps_it_low::{name}"), &["SIG-ZC-05"], &needs_of(door, &[]), {
        |cx| {
            let vmo = cx.create(2 * PAGE)?;
            let early = clone(cx, vmo, 0, 1)?;
            let copy = clone(cx, vmo, 0, 2)?;
            let late = clone(cx, vmo, 1, 1)?;
            let held = (door.prepare)(cx, copy)?;
            (door.last)(cx, held)?;
            low(cx, vmo)?;
            cx.close(early)?;
            low(cx, vmo)?;
            cx.close(late)?;
            high(cx, vmo)
        }
    });

    suite.test(
        format!("rises_in_the_middle_only::{name}"),
        &["SIG-ZC-13", "SIG-ZC-14"],
        &needs_of(door, &[]),
        |cx| {
            let vmo = cx.create(2 * PAGE)?;
            let middle = clone(cx, vmo, 0, 2)?;
            let copy = clone(cx, middle, 0, 2)?;
            let held = (door.prepare)(cx, copy)?;
            low(cx, middle)?;
            (door.last)(cx, held)?;
            high(cx, middle)?;
            low(cx, vmo)?;
            cx.close(middle)?;
            high(cx, vmo)
        },
    );

    let level = door.clauses.iter().filter_map(|id| clause_of(id)).map(Clause::level).max();
    let through = suite.test(
        format!("rises_through_a_clone_without_handles::{name}"),
        &["SIG-ZC-12"],
        &needs_of(door, &[]),
        |cx| {
            let vmo = cx.create(2 * PAGE)?;
            let first = clone(cx, vmo, 0, 2)?;
            let second = clone(cx, first, 0, 2)?;
            let copy = clone(cx, second, 0, 2)?;
            cx.close(second)?;
            cx.close(first)?;
            let held = (door.prepare)(cx, copy)?;
            low(cx, vmo)?;
            (door.last)(cx, held)?;
            high(cx, vmo)
        },
    );
    through.at(through.level.max(level.unwrap_or_default()));

    suite.test(format!("ends_a_wait::{name}"), door.clauses, &needs_of(door, &[Threads]), |cx| {
        let vmo = cx.create(2 * PAGE)?;
        let copy = clone(cx, vmo, 0, 2)?;
        let held = (door.prepare)(cx, copy)?;
        let patience = Duration::from_secs(2);
        let waited =
            cx.wait_while(vmo, ZX_VMO_ZERO_CHILDREN, patience, |cx| (door.last)(cx, held))?;
        waited.is(ZX_OK, ZX_VMO_ZERO_CHILDREN)
    });
}
