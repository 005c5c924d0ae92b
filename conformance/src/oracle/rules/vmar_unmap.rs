//! `vmar_unmap`.

use vmo_abi::{
    ZX_ERR_ACCESS_DENIED, ZX_ERR_BAD_STATE, ZX_ERR_INVALID_ARGS, ZX_ERR_NO_MEMORY,
    ZX_ERR_NOT_FOUND, zx_vaddr_t,
};

use crate::oracle::clause::clause;
use crate::oracle::context::{Context, Judged};
use crate::oracle::event::CallEvent;
use crate::oracle::space::RegionId;
use crate::oracle::state::State;
use crate::oracle::vmo::{is_aligned, round_up};

pub(super) fn judge(state: &mut State, cx: &mut Context<'_>, call: &CallEvent<'_>) -> Judged {
    let (address, len) = (call.long(1), call.long(2));
    let rounded = round_up(len).unwrap_or(0);
    let end = address.saturating_add(rounded);
    let mut region = None;
    if let Some(entry) = cx.handle(state, call.int(0), clause!("VMAR-UNMAP-11")) {
        region = cx.region(state, &entry, clause!("VMAR-UNMAP-11"));
    }
    cx.must(!is_aligned(address), ZX_ERR_INVALID_ARGS, clause!("VMAR-UNMAP-06"));
    cx.must(rounded == 0, ZX_ERR_INVALID_ARGS, clause!("VMAR-UNMAP-07"));
    let mut covered = Vec::new();
    if let Some(id) = region {
        let region = *state.space.region(id);
        cx.must(!region.alive, ZX_ERR_BAD_STATE, clause!("VMAR-UNMAP-12"));
        let inside = region.contains(address, rounded);
        cx.must(inside == Some(false), ZX_ERR_INVALID_ARGS, clause!("VMAR-UNMAP-09"));
        let parts = sub_regions(state, id, address, end);
        let is_cut = parts.iter().any(|part| !part.whole);
        cx.must(is_cut, ZX_ERR_INVALID_ARGS, clause!("VMAR-UNMAP-04"));
        let is_empty = parts.is_empty() && state.space.overlapping(address, end).is_empty();
        cx.lenient(is_empty, ZX_ERR_NOT_FOUND, clause!("C-17"));
        if region.foreign {
            // Something unknown may be there.
            for status in [ZX_ERR_INVALID_ARGS, ZX_ERR_ACCESS_DENIED, ZX_ERR_NOT_FOUND] {
                cx.may(true, status, clause!("VMAR-UNMAP-04"));
            }
        }
        covered = parts.into_iter().map(|part| part.region).collect();
    }
    // Splitting a mapping needs memory.
    cx.may(state.memory_is_short(), ZX_ERR_NO_MEMORY, clause!("ND-03"));
    if cx.settle(state, clause!("VMAR-UNMAP-01"))? {
        let cut = state.space.overlapping(address, end);
        let is_cut = cut.iter().any(|part| part.base < address || part.end > end);
        cx.examples(&[
            (is_cut, clause!("VMAR-UNMAP-02")),
            (cut.is_empty(), clause!("VMAR-UNMAP-10")),
            (!is_aligned(len), clause!("VMAR-UNMAP-08")),
        ]);
        for region in covered {
            cx.reach(clause!("VMAR-UNMAP-03"));
            state.destroy_region(region);
        }
        state.unmap(address, end);
    }
    Ok(())
}

struct SubRegion {
    region: RegionId,
    /// Whether the range covers all of it.
    whole: bool,
}

/// The regions directly inside `id` that a range touches.
fn sub_regions(
    state: &State,
    id: RegionId,
    address: zx_vaddr_t,
    end: zx_vaddr_t,
) -> Vec<SubRegion> {
    let mut parts = Vec::new();
    for (region, own) in state.space.children(id) {
        let Some(base) = own.base else { continue };
        let own_end = base.saturating_add(own.len);
        if base < end && address < own_end {
            parts.push(SubRegion { region, whole: address <= base && own_end <= end });
        }
    }
    parts
}
