//! `vmar_allocate` and `vmar_destroy`.

use vmo_abi::{
    ZX_DEFAULT_VMAR_RIGHTS, ZX_ERR_ACCESS_DENIED, ZX_ERR_BAD_STATE, ZX_ERR_INVALID_ARGS,
    ZX_VM_FLAG_CAN_MAP_EXECUTE, ZX_VM_FLAG_CAN_MAP_READ, ZX_VM_FLAG_CAN_MAP_SPECIFIC,
    ZX_VM_FLAG_CAN_MAP_WRITE, ZX_VM_FLAG_COMPACT, ZX_VM_FLAG_PERM_WRITE, ZX_VM_FLAG_SPECIFIC,
    zx_handle_t, zx_vaddr_t,
};

use super::results::{check_handle, deliver, new_handle, overlap, spoil};
use super::vmar_map::Placement;
use crate::oracle::clause::clause;
use crate::oracle::context::{Context, Judged};
use crate::oracle::event::{CallEvent, Stored};
use crate::oracle::handles::{Origin, Rights};
use crate::oracle::memory::{Access, Span};
use crate::oracle::space::{RegionId, Space};
use crate::oracle::state::{Kind, State, rights_by_level};
use crate::oracle::vmo::is_aligned;

const CAN_MAP: u32 =
    ZX_VM_FLAG_CAN_MAP_READ | ZX_VM_FLAG_CAN_MAP_WRITE | ZX_VM_FLAG_CAN_MAP_EXECUTE;

/// Where a call stores its results.
struct Places {
    handle: zx_vaddr_t,
    handle_span: Span,
    address: zx_vaddr_t,
    address_span: Span,
}

pub(super) fn judge(state: &mut State, cx: &mut Context<'_>, call: &CallEvent<'_>) -> Judged {
    let (offset, size, flags) = (call.long(1), call.long(2), call.int(3));
    let place = Placement { offset, len: size, flags };
    let asked = Space::rights_of(flags);

    let mut parent = None;
    if let Some(entry) = cx.handle(state, call.int(0), clause!("GEN-03")) {
        cx.rights(&entry, asked, clause!("VMAR-ALLOC-03"));
        parent = cx.region(state, &entry, clause!("TYPE-06"));
    }
    let known = CAN_MAP | ZX_VM_FLAG_SPECIFIC | ZX_VM_FLAG_CAN_MAP_SPECIFIC | ZX_VM_FLAG_COMPACT;
    let ignored = flags & ZX_VM_FLAG_PERM_WRITE != 0;
    cx.lenient(ignored, ZX_ERR_INVALID_ARGS, clause!("VMAR-ALLOC-09"));
    let unknown = flags & !(known | ZX_VM_FLAG_PERM_WRITE) != 0;
    cx.by_kernel(unknown, ZX_ERR_INVALID_ARGS, clause!("VMAR-ALLOC-09"));
    cx.must(!is_aligned(size), ZX_ERR_INVALID_ARGS, clause!("VMAR-ALLOC-05"));
    if let Some(parent) = parent {
        let region = *state.space.region(parent);
        cx.must(!region.alive, ZX_ERR_BAD_STATE, clause!("VMAR-DESTROY-02"));
        cx.must(size == 0, ZX_ERR_INVALID_ARGS, clause!("VMAR-ALLOC-05"));
        let lacking = flags & CAN_MAP & !region.flags != 0;
        cx.must(lacking, ZX_ERR_ACCESS_DENIED, clause!("VMAR-ALLOC-03"));
        place.check(state, cx, parent);
        place.check_room(state, cx, parent);
    } else {
        cx.must(size == 0, ZX_ERR_INVALID_ARGS, clause!("VMAR-ALLOC-05"));
    }
    let was_placed = !cx.must_fail();
    let (handle, address) = (call.long(4), call.long(5));
    let places = Places {
        handle,
        handle_span: cx.place(state, handle, 4, clause!("VMAR-ALLOC-06")),
        address,
        address_span: cx.place(state, address, 8, clause!("VMAR-ALLOC-06")),
    };
    let success = cx.settle(state, clause!("VMAR-ALLOC-01"))?;
    let Some(parent) = parent.filter(|_| success || was_placed) else {
        spoil(state, cx, handle, &places.handle_span);
        spoil(state, cx, address, &places.address_span);
        return cx.untouched(call.untouched, clause!("GEN-06"));
    };
    if success {
        return succeed(state, cx, call, (parent, &place), &places);
    }
    if cx.status == ZX_ERR_INVALID_ARGS {
        return leave(state, cx, call, (parent, &place), &places);
    }
    spoil(state, cx, handle, &places.handle_span);
    spoil(state, cx, address, &places.address_span);
    cx.untouched(call.untouched, clause!("GEN-06"))
}

fn succeed(
    state: &mut State,
    cx: &mut Context<'_>,
    call: &CallEvent<'_>,
    (parent, place): (RegionId, &Placement),
    places: &Places,
) -> Judged {
    if overlap(state, cx, (places.handle, 4), (places.address, 8)) {
        // Nobody knows what is left of the results.
        state.lost = true;
        return Ok(());
    }
    let base = match call.stored(5) {
        Stored::Word(address) => Some(address),
        Stored::Nothing => {
            let expected = "an address stored";
            return Err(cx.violation(clause!("VMAR-ALLOC-01"), expected, "nothing stored"));
        }
        Stored::Unknown => place.address(state, parent),
    };
    if let Some(base) = base {
        place.check_address(state, cx, parent, base)?;
    }
    let region = state.space_mut().add_region(parent, base, place.len, place.flags);
    let object = state.new_object(Kind::Region(region));
    let known = base.unwrap_or(0).to_le_bytes();
    let known = if base.is_some() { &known[..] } else { &[] };
    deliver(state, cx, (places.address, &places.address_span), 8, known);
    let rights = rights(cx, place.flags);
    new_handle(
        state,
        cx,
        (places.handle, &places.handle_span),
        call.stored(4),
        (object, (rights, Origin::Allocate)),
        clause!("VMAR-ALLOC-01"),
    )
}

/// The rights of the new handle; that the region can be used as it was asked
/// for is all that a page says (VMAR-ALLOC-04).
fn rights(cx: &mut Context<'_>, flags: u32) -> Rights {
    cx.reach(clause!("VMAR-ALLOC-04"));
    let access = Space::rights_of(flags);
    rights_by_level(cx.kernel, ZX_DEFAULT_VMAR_RIGHTS | access, access)
}

/// What a call leaves behind that failed for a bad pointer (VMAR-ALLOC-07):
/// with a good place for the handle a handle to a destroyed region, else with a
/// good place for the address a region without handle. By the pages it may be
/// either, or nothing (ND-21).
fn leave(
    state: &mut State,
    cx: &mut Context<'_>,
    call: &CallEvent<'_>,
    (parent, place): (RegionId, &Placement),
    places: &Places,
) -> Judged {
    cx.reach(clause!("VMAR-ALLOC-07"));
    let overlaps = overlap(state, cx, (places.handle, 4), (places.address, 8));
    let handle_is_good = !overlaps && places.handle_span.access == Access::Good;
    let address_is_good = places.address_span.access == Access::Good;
    // Memory may lack for a page of a mapping that is otherwise good.
    let may_lack = places.address_span.mapped && (state.limited || state.failing);
    let rights = rights(cx, place.flags);
    let base = match call.stored(5) {
        Stored::Word(address) => Some(address),
        _ => place.address(state, parent),
    };
    let (handle, address) = (places.handle, places.address);
    for (place, span) in [(handle, places.handle_span), (address, places.address_span)] {
        if span.mapped {
            state.deliver(cx.how().perhaps(), cx.environment, place, span.good, &[]);
        }
    }
    let fits = |state: &State, cx: &mut Context<'_>| {
        base.is_none_or(|base| place.check_address(state, cx, parent, base).is_ok())
    };
    if let (Stored::Word(handle), true) = (call.stored(4), handle_is_good) {
        let handle = handle as zx_handle_t;
        check_handle(state, cx, handle)?;
        if !cx.kernel && fits(state, cx) {
            let mut fork = state.clone();
            let region = fork.space_mut().add_region(parent, base, place.len, place.flags);
            let object = fork.new_object(Kind::Region(region));
            fork.add_handle(handle, object, (rights, Origin::Allocate));
            cx.forks.push(fork);
        }
        let region = state.space_mut().add_dead_region(base, place.len, place.flags);
        let object = state.new_object(Kind::Region(region));
        state.add_handle(handle, object, (rights, Origin::Allocate));
    } else if fits(state, cx) && (address_is_good || !cx.kernel) {
        let before = state.clone();
        let region = state.space_mut().add_region(parent, base, place.len, place.flags);
        state.space_mut().forget_name(region);
        let surely_stays = cx.kernel && address_is_good && !may_lack;
        if !surely_stays || handle_is_good {
            cx.forks.push(before);
        }
    }
    Ok(())
}

pub(super) fn judge_destroy(
    state: &mut State,
    cx: &mut Context<'_>,
    call: &CallEvent<'_>,
) -> Judged {
    let mut region = None;
    if let Some(entry) = cx.handle(state, call.int(0), clause!("VMAR-DESTROY-04")) {
        region = cx.region(state, &entry, clause!("VMAR-DESTROY-04"));
    }
    if let Some(region) = region {
        let destroyed = !state.space.region(region).alive;
        cx.must(destroyed, ZX_ERR_BAD_STATE, clause!("VMAR-DESTROY-03"));
    }
    if cx.settle(state, clause!("VMAR-DESTROY-01"))?
        && let Some(region) = region
    {
        state.destroy_region(region);
    }
    Ok(())
}
