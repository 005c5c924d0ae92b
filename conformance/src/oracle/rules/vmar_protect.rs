//! `vmar_protect`.

use vmo_abi::{
    ZX_ERR_ACCESS_DENIED, ZX_ERR_BAD_STATE, ZX_ERR_INVALID_ARGS, ZX_ERR_NO_MEMORY,
    ZX_ERR_NOT_FOUND, ZX_VM_FLAG_PERM_EXECUTE, ZX_VM_FLAG_PERM_READ, ZX_VM_FLAG_PERM_WRITE,
    zx_rights_t, zx_vaddr_t,
};

use super::vmar_map::{lacks_read, rights_of};
use crate::oracle::clause::clause;
use crate::oracle::context::{Context, Judged};
use crate::oracle::event::CallEvent;
use crate::oracle::space::RegionId;
use crate::oracle::state::State;
use crate::oracle::vmo::{is_aligned, round_up};

const PERMISSIONS: u32 = ZX_VM_FLAG_PERM_READ | ZX_VM_FLAG_PERM_WRITE | ZX_VM_FLAG_PERM_EXECUTE;
/// Most mappings of one range whose change is followed one by one.
const MOST_PARTS: usize = 16;

pub(super) fn judge(state: &mut State, cx: &mut Context<'_>, call: &CallEvent<'_>) -> Judged {
    let (address, len, flags) = (call.long(1), call.long(2), call.int(3));
    let rounded = round_up(len).unwrap_or(0);
    let permissions = rights_of(flags);
    let mut region = None;
    if let Some(entry) = cx.handle(state, call.int(0), clause!("VMAR-PROTECT-13")) {
        cx.rights(&entry, permissions, clause!("VMAR-PROTECT-02"));
        region = cx.region(state, &entry, clause!("VMAR-PROTECT-13"));
    }
    cx.must(lacks_read(flags), ZX_ERR_INVALID_ARGS, clause!("VMAR-PROTECT-06"));
    cx.must(!is_aligned(address), ZX_ERR_INVALID_ARGS, clause!("VMAR-PROTECT-09"));
    let other_flags = flags & !PERMISSIONS != 0;
    cx.must(other_flags, ZX_ERR_INVALID_ARGS, clause!("VMAR-PROTECT-08"));
    cx.lenient(flags == 0, ZX_ERR_INVALID_ARGS, clause!("C-20"));
    cx.must(rounded == 0, ZX_ERR_INVALID_ARGS, clause!("VMAR-PROTECT-09"));
    if let Some(id) = region {
        let region = *state.space.region(id);
        cx.must(!region.alive, ZX_ERR_BAD_STATE, clause!("VMAR-PROTECT-14"));
        let inside = region.contains(address, rounded);
        cx.must(inside == Some(false), ZX_ERR_INVALID_ARGS, clause!("VMAR-PROTECT-09"));
        if region.alive && inside != Some(false) && rounded > 0 {
            walk(state, cx, id, (address, address.saturating_add(rounded)), permissions);
        }
        if region.foreign {
            // Something unknown may be there.
            for status in [ZX_ERR_INVALID_ARGS, ZX_ERR_ACCESS_DENIED, ZX_ERR_NOT_FOUND] {
                cx.may(true, status, clause!("VMAR-PROTECT-10"));
            }
        }
    }
    // Splitting a mapping needs memory.
    cx.may(state.memory_is_short(), ZX_ERR_NO_MEMORY, clause!("ND-03"));
    let end = address.saturating_add(rounded);
    if cx.settle(state, clause!("VMAR-PROTECT-01"))? {
        let parts = state.space.overlapping(address, end);
        let is_cut = parts.iter().any(|part| part.base < address || part.end > end);
        cx.examples(&[
            (is_cut, clause!("VMAR-PROTECT-15")),
            (flags == 0, clause!("VMAR-PROTECT-07")),
        ]);
        state.protect(address, end, permissions);
    } else if cx.status == ZX_ERR_NO_MEMORY {
        // How far it came is open.
        let parts: Vec<_> = state.space.overlapping(address, end).to_vec();
        for part in parts.iter().take(MOST_PARTS) {
            let mut fork = state.clone();
            fork.protect(address, end.min(part.end), permissions);
            cx.forks.push(fork);
        }
    }
    Ok(())
}

/// What the kernel finds while it goes through a range from low to high.
fn walk(
    state: &State,
    cx: &mut Context<'_>,
    id: RegionId,
    (base, end): (zx_vaddr_t, zx_vaddr_t),
    permissions: zx_rights_t,
) {
    let foreign = state.space.region(id).foreign;
    let mut found: Vec<(zx_vaddr_t, zx_vaddr_t, Option<zx_rights_t>)> = state
        .space
        .overlapping(base, end)
        .iter()
        .filter(|mapping| mapping.region == id)
        .map(|mapping| (mapping.base, mapping.end, Some(mapping.allowed)))
        .collect();
    found.extend(state.space.children(id).filter_map(|(_, region)| {
        let own = region.base?;
        let own_end = own.saturating_add(region.len);
        (own < end && base < own_end).then_some((own, own_end, None))
    }));
    found.sort_unstable_by_key(|(base, ..)| *base);
    let mut reached = base;
    for (own, own_end, allowed) in found {
        let gap = own > reached;
        // A region is noticed before the gap in front of it, unless that is
        // where the range begins.
        if gap && reached == base {
            missing(cx, foreign);
        }
        match allowed {
            None => cx.must(true, ZX_ERR_INVALID_ARGS, clause!("VMAR-PROTECT-11")),
            Some(_) if gap => missing(cx, foreign),
            Some(allowed) => {
                let denied = permissions & !allowed != 0;
                cx.must(denied, ZX_ERR_ACCESS_DENIED, clause!("VMAR-PROTECT-03"));
            }
        }
        reached = own_end;
    }
    if reached < end {
        missing(cx, foreign);
    }
}

fn missing(cx: &mut Context<'_>, foreign: bool) {
    if foreign {
        cx.may(true, ZX_ERR_NOT_FOUND, clause!("VMAR-PROTECT-10"));
    } else {
        cx.must(true, ZX_ERR_NOT_FOUND, clause!("VMAR-PROTECT-10"));
    }
}
