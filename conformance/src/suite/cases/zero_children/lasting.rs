//! What leaves the signal as it is.

use std::time::Duration;

use vmo_abi::Capability::{
    CachePolicy, Clone, Handles, Info, Mapping, MemoryControl, Properties, Range, Regions, Signals,
    Threads,
};
use vmo_abi::{
    ZX_ERR_ACCESS_DENIED, ZX_ERR_BAD_STATE, ZX_ERR_CANCELED, ZX_ERR_INVALID_ARGS, ZX_ERR_NO_MEMORY,
    ZX_ERR_OUT_OF_RANGE, ZX_ERR_TIMED_OUT, ZX_OK, ZX_RIGHT_DUPLICATE, ZX_RIGHT_READ,
    ZX_RIGHT_SAME_RIGHTS, ZX_SIGNAL_HANDLE_CLOSED, ZX_USER_SIGNAL_0, ZX_VM_FLAG_CAN_MAP_READ,
    ZX_VM_FLAG_CAN_MAP_WRITE, ZX_VM_FLAG_SPECIFIC, ZX_VM_FLAG_SPECIFIC_OVERWRITE,
    ZX_VMO_CLONE_COPY_ON_WRITE as COPY, ZX_VMO_OP_CACHE_CLEAN, ZX_VMO_OP_COMMIT,
    ZX_VMO_OP_DECOMMIT, ZX_VMO_ZERO_CHILDREN,
};

use super::{high, low};
use crate::program::{Address, Handle};
use crate::suite::cases::copy_on_write::pages::{clone, map};
use crate::suite::steps::PAGE;
use crate::suite::{Checked, Context, Deadline, READ_ONLY, READ_WRITE, Suite, plus};

type Step = fn(&mut Context<'_>, Handle) -> Checked;
type Needs = &'static [vmo_abi::Capability];

/// What can be done to a VMO of two pages and has nothing to do with clones of
/// it.
const STEPS: &[(&str, Needs, Step)] = &[
    ("read", &[], |cx, vmo| cx.read(vmo, 0, 2 * PAGE).map(drop)),
    ("write", &[], |cx, vmo| cx.write(vmo, PAGE - 1, b"xy")),
    ("get_size", &[], |cx, vmo| cx.expect_size(vmo, 2 * PAGE)),
    ("shrink_to_nothing", &[], |cx, vmo| cx.resize(vmo, 0)),
    ("grow", &[], |cx, vmo| cx.resize(vmo, 100 * PAGE)),
    ("refused_resize", &[], |cx, vmo| {
        cx.vmo_set_size(vmo, u64::MAX)?.is(ZX_ERR_OUT_OF_RANGE).map(drop)
    }),
    ("commit", &[Range], |cx, vmo| cx.operate(vmo, ZX_VMO_OP_COMMIT, 0, 2 * PAGE)),
    ("decommit", &[Range], |cx, vmo| {
        cx.write(vmo, 0, b"x")?;
        cx.operate(vmo, ZX_VMO_OP_DECOMMIT, 0, 2 * PAGE)
    }),
    ("clean", &[Range], |cx, vmo| cx.operate(vmo, ZX_VMO_OP_CACHE_CLEAN, 0, 2 * PAGE)),
    ("name", &[Properties], |cx, vmo| cx.set_name(vmo, b"name")),
    ("info", &[Info], |cx, vmo| {
        cx.koid(vmo)?;
        cx.handle_count(vmo).map(drop)
    }),
    ("duplicate", &[Handles], |cx, vmo| cx.duplicate_same(vmo).map(drop)),
    ("duplicate_and_close", &[Handles], |cx, vmo| {
        let second = cx.duplicate(vmo, 0)?;
        cx.close(second)
    }),
    ("refused_duplicate", &[Handles], |cx, vmo| {
        cx.with("out", Address::Null);
        cx.handle_duplicate(vmo, ZX_RIGHT_SAME_RIGHTS)?.is(ZX_ERR_INVALID_ARGS).map(drop)
    }),
    ("replace_a_duplicate", &[Handles], |cx, vmo| {
        let second = cx.duplicate_same(vmo)?;
        cx.handle_replace(second, ZX_RIGHT_READ)?.ok().map(drop)
    }),
    ("map", &[Mapping], |cx, vmo| map(cx, vmo, 2).map(drop)),
    ("map_and_unmap", &[Mapping], |cx, vmo| {
        let at = map(cx, vmo, 2)?;
        cx.vmar_unmap(Handle::Region, at, 2 * PAGE)?.ok().map(drop)
    }),
    ("store", &[Mapping], |cx, vmo| {
        let at = map(cx, vmo, 2)?;
        cx.store_bytes(plus(at, PAGE), b"x")
    }),
    ("refused_map", &[Mapping], |cx, vmo| {
        let answer = cx.vmar_map(Handle::Region, 0, vmo, 1, PAGE, READ_ONLY)?;
        answer.is(ZX_ERR_INVALID_ARGS).map(drop)
    }),
    ("user_signal", &[], |cx, vmo| {
        cx.object_signal(vmo, 0, ZX_USER_SIGNAL_0)?.ok()?;
        cx.object_signal(vmo, ZX_USER_SIGNAL_0, 0)?.ok().map(drop)
    }),
    ("wait", &[], |cx, vmo| {
        cx.object_wait_one(vmo, ZX_USER_SIGNAL_0, Deadline::At(0))?.is(ZX_ERR_TIMED_OUT).map(drop)
    }),
    ("another_vmo", &[], |cx, _| {
        let other = cx.create(PAGE)?;
        let copy = clone(cx, other, 0, 1)?;
        cx.close(copy)?;
        cx.close(other)
    }),
];

/// What can be done to a clone of two pages and leaves it alive.
const CLONE_STEPS: &[(&str, Needs, Step)] = &[
    ("closed_while_mapped", &[Mapping], |cx, copy| {
        map(cx, copy, 2)?;
        cx.close(copy)
    }),
    ("mapped_beyond_its_end_and_closed", &[Mapping], |cx, copy| {
        cx.map(copy, 8 * PAGE, PAGE, READ_ONLY)?;
        cx.close(copy)
    }),
    ("mapped_without_permissions_and_closed", &[Mapping], |cx, copy| {
        cx.map(copy, 0, PAGE, 0)?;
        cx.close(copy)
    }),
    ("mapped_and_shrunk_to_nothing_and_closed", &[Mapping], |cx, copy| {
        map(cx, copy, 2)?;
        cx.resize(copy, 0)?;
        cx.close(copy)
    }),
    ("unmapped", &[Mapping], |cx, copy| {
        let at = map(cx, copy, 2)?;
        cx.vmar_unmap(Handle::Region, at, 2 * PAGE)?.ok().map(drop)
    }),
    ("unmapped_once_of_twice", &[Mapping], |cx, copy| {
        let at = map(cx, copy, 2)?;
        map(cx, copy, 2)?;
        cx.close(copy)?;
        cx.vmar_unmap(Handle::Region, at, 2 * PAGE)?.ok().map(drop)
    }),
    ("unmapped_at_the_start", &[Mapping], |cx, copy| {
        let at = map(cx, copy, 2)?;
        cx.close(copy)?;
        cx.vmar_unmap(Handle::Region, at, PAGE)?.ok().map(drop)
    }),
    ("unmapped_at_the_end", &[Mapping], |cx, copy| {
        let at = map(cx, copy, 2)?;
        cx.close(copy)?;
        cx.vmar_unmap(Handle::Region, plus(at, PAGE), PAGE)?.ok().map(drop)
    }),
    ("unmapped_in_the_middle", &[Mapping], |cx, copy| {
        let at = map(cx, copy, 3)?;
        cx.close(copy)?;
        cx.vmar_unmap(Handle::Region, plus(at, PAGE), PAGE)?.ok().map(drop)
    }),
    ("unmapped_beside_it", &[Mapping], |cx, copy| {
        let other = cx.create(2 * PAGE)?;
        let flags = READ_WRITE | ZX_VM_FLAG_SPECIFIC;
        cx.vmar_map(Handle::Region, 0, copy, 0, 2 * PAGE, flags)?.ok()?;
        let beside =
            cx.vmar_map(Handle::Region, 2 * PAGE, other, 0, 2 * PAGE, flags)?.ok()?.address();
        cx.close(copy)?;
        cx.vmar_unmap(Handle::Region, beside, 2 * PAGE)?.ok().map(drop)
    }),
    ("protected_while_mapped", &[Mapping], |cx, copy| {
        let at = map(cx, copy, 2)?;
        cx.close(copy)?;
        cx.vmar_protect(Handle::Region, plus(at, PAGE), PAGE, READ_ONLY)?.ok().map(drop)
    }),
    ("overwritten_in_part", &[Mapping], |cx, copy| {
        let other = cx.create(PAGE)?;
        let flags = READ_WRITE | ZX_VM_FLAG_SPECIFIC_OVERWRITE;
        cx.vmar_map(Handle::Region, 0, copy, 0, 2 * PAGE, flags)?.ok()?;
        cx.close(copy)?;
        cx.vmar_map(Handle::Region, PAGE, other, 0, PAGE, flags)?.ok().map(drop)
    }),
    ("overwritten_by_itself", &[Mapping], |cx, copy| {
        let flags = READ_WRITE | ZX_VM_FLAG_SPECIFIC_OVERWRITE;
        cx.vmar_map(Handle::Region, 0, copy, 0, 2 * PAGE, flags)?.ok()?;
        cx.vmar_map(Handle::Region, 0, copy, 0, 2 * PAGE, flags)?.ok()?;
        cx.close(copy)
    }),
    ("in_a_region_whose_handle_is_closed", &[Mapping, Regions], |cx, copy| {
        let (region, _) = cx.allocate(4 * PAGE, ZX_VM_FLAG_CAN_MAP_READ)?;
        cx.vmar_map(region, 0, copy, 0, PAGE, READ_ONLY)?.ok()?;
        cx.close(copy)?;
        cx.close(region)
    }),
    ("with_a_handle_besides_a_destroyed_region", &[Mapping, Regions], |cx, copy| {
        let flags = ZX_VM_FLAG_CAN_MAP_READ | ZX_VM_FLAG_CAN_MAP_WRITE;
        let (region, _) = cx.allocate(4 * PAGE, flags)?;
        cx.vmar_map(region, 0, copy, 0, PAGE, READ_WRITE)?.ok()?;
        cx.vmar_destroy(region)?.ok().map(drop)
    }),
    ("closed_beside_a_clone_of_it", &[], |cx, copy| {
        clone(cx, copy, 0, 1)?;
        cx.close(copy)
    }),
    ("closed_beside_an_empty_clone_of_it", &[], |cx, copy| {
        cx.clone_of(copy, 0, 0)?;
        cx.close(copy)
    }),
    ("whose_own_clone_went", &[], |cx, copy| {
        let below = clone(cx, copy, 0, 1)?;
        cx.close(below)
    }),
    ("closed_beside_a_duplicate", &[Handles], |cx, copy| {
        cx.duplicate_same(copy)?;
        cx.close(copy)
    }),
    ("closed_beside_a_duplicate_without_rights", &[Handles], |cx, copy| {
        cx.duplicate(copy, 0)?;
        cx.handle_close_many(&[copy])?.ok().map(drop)
    }),
    ("replaced", &[Handles], |cx, copy| {
        cx.handle_replace(copy, ZX_RIGHT_SAME_RIGHTS)?.ok().map(drop)
    }),
    ("replaced_with_fewer_rights", &[Handles], |cx, copy| {
        cx.handle_replace(copy, 0)?.ok().map(drop)
    }),
    ("whose_duplicate_was_lost_in_a_replace", &[Handles], |cx, copy| {
        let second = cx.duplicate(copy, ZX_RIGHT_READ)?;
        cx.handle_replace(second, ZX_RIGHT_DUPLICATE)?.is(ZX_ERR_INVALID_ARGS).map(drop)
    }),
];

/// A clone call that fails.
type Failing = fn(&mut Context<'_>, Handle) -> Checked;

const FAILING: &[(&str, Needs, Failing)] = &[
    ("options", &[], |cx, vmo| cx.vmo_clone(vmo, 0, 0, PAGE)?.is(ZX_ERR_INVALID_ARGS).map(drop)),
    ("size", &[], |cx, vmo| {
        cx.vmo_clone(vmo, COPY, 0, u64::MAX)?.is(ZX_ERR_OUT_OF_RANGE).map(drop)
    }),
    ("alignment", &[], |cx, vmo| {
        cx.vmo_clone(vmo, COPY, 1, PAGE)?.is(ZX_ERR_INVALID_ARGS).map(drop)
    }),
    ("sum", &[], |cx, vmo| {
        let offset = 0xffff_ffff_ffff_f000;
        cx.vmo_clone(vmo, COPY, offset, 2 * PAGE)?.is(ZX_ERR_OUT_OF_RANGE).map(drop)
    }),
    ("pointer", &[], |cx, vmo| {
        let answer = cx.with("out", Address::Null).vmo_clone(vmo, COPY, 0, PAGE)?;
        answer.is(ZX_ERR_INVALID_ARGS).map(drop)
    }),
    ("rights", &[Handles], |cx, vmo| {
        let blind = cx.duplicate(vmo, ZX_RIGHT_DUPLICATE)?;
        cx.vmo_clone(blind, COPY, 0, PAGE)?.is(ZX_ERR_ACCESS_DENIED)?;
        cx.close(blind)
    }),
    ("memory", &[MemoryControl], |cx, vmo| {
        cx.fail_allocation(Some(1))?;
        cx.vmo_clone(vmo, COPY, 0, PAGE)?.is(ZX_ERR_NO_MEMORY).map(drop)
    }),
    ("memory_for_the_handle", &[MemoryControl], |cx, vmo| {
        cx.fail_allocation(Some(2))?;
        let answer = cx.vmo_clone(vmo, COPY, 0, PAGE)?;
        cx.fail_allocation(None)?;
        // Whether there is a second allocation is nobody's business.
        match answer.status() {
            Some(ZX_OK) => {
                let copy = answer.ok()?.handle(0);
                cx.close(copy)
            }
            _ => answer.is(ZX_ERR_NO_MEMORY).map(drop),
        }
    }),
];

fn needs(some: Needs, more: Needs) -> Vec<vmo_abi::Capability> {
    [some, more].concat()
}

pub(super) fn add(suite: &mut Suite) {
    for &(name, some, step) in STEPS {
        let of_clones = needs(some, &[Clone, Signals]);
        suite.test(
            format!("high_whatever_is_done_to_the_vmo::{name}"),
            &["SIG-ZC-16"],
            &needs(some, if name == "another_vmo" { &[Clone, Signals] } else { &[Signals] }),
            move |cx| {
                let vmo = cx.create(2 * PAGE)?;
                step(cx, vmo)?;
                high(cx, vmo)
            },
        );
        suite.test(
            format!("low_whatever_is_done_to_the_vmo::{name}"),
            &["SIG-ZC-16"],
            &of_clones,
            move |cx| {
                let vmo = cx.create(2 * PAGE)?;
                let copy = clone(cx, vmo, 0, 2)?;
                step(cx, vmo)?;
                low(cx, vmo)?;
                high(cx, copy)?;
                cx.close(copy)?;
                high(cx, vmo)
            },
        );
        suite.test(
            format!("low_whatever_is_done_to_the_clone::{name}"),
            &["SIG-ZC-16"],
            &of_clones,
            move |cx| {
                let vmo = cx.create(2 * PAGE)?;
                let copy = clone(cx, vmo, 0, 2)?;
                step(cx, copy)?;
                low(cx, vmo)?;
                high(cx, copy)
            },
        );
    }
    for &(name, some, step) in CLONE_STEPS {
        suite.test(
            format!("a_clone_counts_that_was::{name}"),
            &["SIG-ZC-08", "SIG-ZC-11", "SIG-ZC-12", "SIG-ZC-19"],
            &needs(some, &[Clone, Signals]),
            move |cx| {
                let vmo = cx.create(2 * PAGE)?;
                let copy = clone(cx, vmo, 0, 2)?;
                step(cx, copy)?;
                low(cx, vmo)
            },
        );
    }
    add_failing(suite);
    add_waits(suite);
}

fn add_failing(suite: &mut Suite) {
    for &(name, some, call) in FAILING {
        suite.test(
            format!("high_after_a_failing_call::{name}"),
            &["SIG-ZC-17"],
            &needs(some, &[Clone, Signals]),
            move |cx| {
                let vmo = cx.create(PAGE)?;
                call(cx, vmo)?;
                high(cx, vmo)?;
                let copy = clone(cx, vmo, 0, 1)?;
                low(cx, vmo)?;
                cx.close(copy)?;
                high(cx, vmo)
            },
        );
        suite.test(
            format!("low_after_a_failing_call::{name}"),
            &["SIG-ZC-17"],
            &needs(some, &[Clone, Signals]),
            move |cx| {
                let vmo = cx.create(PAGE)?;
                let copy = clone(cx, vmo, 0, 1)?;
                call(cx, vmo)?;
                call(cx, vmo)?;
                low(cx, vmo)?;
                cx.close(copy)?;
                high(cx, vmo)
            },
        );
        suite.test(
            format!("a_failing_call_on_a_clone_leaves_its_parent::{name}"),
            &["SIG-ZC-17", "SIG-ZC-13"],
            &needs(some, &[Clone, Signals]),
            move |cx| {
                let vmo = cx.create(PAGE)?;
                let copy = clone(cx, vmo, 0, 1)?;
                call(cx, copy)?;
                high(cx, copy)?;
                low(cx, vmo)?;
                cx.close(copy)?;
                high(cx, vmo)
            },
        );
    }

    suite.test(
        "high_after_a_failing_call::policy",
        &["SIG-ZC-17"],
        &[Clone, Signals, CachePolicy],
        {
            |cx| {
                let vmo = cx.create(PAGE)?;
                cx.vmo_set_cache_policy(vmo, 1)?.ok()?;
                cx.vmo_clone(vmo, COPY, 0, PAGE)?.is(ZX_ERR_BAD_STATE)?;
                high(cx, vmo)?;
                cx.vmo_set_cache_policy(vmo, 0)?.ok()?;
                clone(cx, vmo, 0, 1)?;
                low(cx, vmo)
            }
        },
    );
}

/// A VMO to wait for, and then the VMO with a clone of it.
fn family(cx: &mut Context<'_>) -> Checked<(Handle, (Handle, Handle))> {
    let vmo = cx.create(2 * PAGE)?;
    let copy = clone(cx, vmo, 0, 2)?;
    Ok((vmo, (vmo, copy)))
}

/// Waits of another thread.
fn add_waits(suite: &mut Suite) {
    const NEEDS: Needs = &[Clone, Signals, Threads];
    const PATIENCE: Duration = Duration::from_secs(2);

    suite.test(
        "replacing_does_not_raise_it_for_a_moment",
        &["SIG-ZC-19"],
        &[Clone, Signals, Threads, Handles],
        |cx| {
            cx.expect_timeout_while(ZX_VMO_ZERO_CHILDREN, 0, family, |cx, (_, mut copy)| {
                for _ in 0..20 {
                    copy = cx.handle_replace(copy, ZX_RIGHT_SAME_RIGHTS)?.ok()?.handle(0);
                }
                Ok(())
            })
        },
    );

    suite.test(
        "a_clone_of_the_clone_does_not_end_a_wait",
        &["SIG-ZC-12", "SIG-ZC-13"],
        NEEDS,
        |cx| {
            cx.expect_timeout_while(ZX_VMO_ZERO_CHILDREN, 0, family, |cx, (vmo, copy)| {
                let below = clone(cx, copy, 0, 1)?;
                cx.close(below)?;
                let other = clone(cx, vmo, 0, 1)?;
                cx.close(other)?;
                clone(cx, copy, 0, 1)?;
                cx.close(copy)
            })
        },
    );

    suite.test(
        "a_mapped_clone_does_not_end_a_wait",
        &["SIG-ZC-08"],
        &[Clone, Signals, Threads, Mapping],
        |cx| {
            cx.expect_timeout_while(ZX_VMO_ZERO_CHILDREN, 0, family, |cx, (_, copy)| {
                let at = map(cx, copy, 2)?;
                cx.close(copy)?;
                cx.vmar_unmap(Handle::Region, at, PAGE)?.ok().map(drop)
            })
        },
    );

    suite.test("a_wait_on_the_clone_goes_its_own_way", &["SIG-ZC-13"], NEEDS, |cx| {
        let vmo = cx.create(PAGE)?;
        let copy = clone(cx, vmo, 0, 1)?;
        let below = clone(cx, copy, 0, 1)?;
        let waited = cx.wait_while(copy, ZX_VMO_ZERO_CHILDREN, PATIENCE, |cx| cx.close(below))?;
        waited.is(ZX_OK, ZX_VMO_ZERO_CHILDREN)?;
        low(cx, vmo)
    });

    suite.test("user_signals_come_along_with_it", &["SIG-ZC-06", "OBJ-WAIT-05"], NEEDS, |cx| {
        let vmo = cx.create(PAGE)?;
        cx.object_signal(vmo, 0, ZX_USER_SIGNAL_0)?.ok()?;
        let copy = clone(cx, vmo, 0, 1)?;
        let waited = cx.wait_while(vmo, ZX_VMO_ZERO_CHILDREN, PATIENCE, |cx| cx.close(copy))?;
        waited.is(ZX_OK, ZX_USER_SIGNAL_0 | ZX_VMO_ZERO_CHILDREN)
    });

    // The wait may hold the clone for a moment longer (SIG-ZC-21).
    suite.test(
        "it_rises_though_somebody_waits_on_the_clone",
        &["SIG-ZC-21", "SIG-ZC-04"],
        NEEDS,
        |cx| {
            let vmo = cx.create(PAGE)?;
            let copy = clone(cx, vmo, 0, 1)?;
            let waited = cx.wait_while(copy, ZX_USER_SIGNAL_0, PATIENCE, |cx| cx.close(copy))?;
            waited.is(ZX_ERR_CANCELED, ZX_VMO_ZERO_CHILDREN | ZX_SIGNAL_HANDLE_CLOSED)?;
            let soon = Deadline::FromNow(1_000_000_000);
            cx.object_wait_one(vmo, ZX_VMO_ZERO_CHILDREN, soon)?.ok().map(drop)
        },
    );

    suite.test("a_wait_that_begins_high_ends_at_once", &["SIG-ZC-06"], &[Clone, Signals], |cx| {
        let vmo = cx.create(PAGE)?;
        let copy = clone(cx, vmo, 0, 1)?;
        cx.close(copy)?;
        let late = Deadline::FromNow(2_000_000_000);
        cx.object_wait_one(vmo, ZX_VMO_ZERO_CHILDREN, late)?.ok().map(drop)
    });
}
