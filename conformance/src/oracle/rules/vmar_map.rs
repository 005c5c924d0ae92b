//! `vmar_map`.

use vmo_abi::{
    ZX_ERR_ACCESS_DENIED, ZX_ERR_BAD_STATE, ZX_ERR_INVALID_ARGS, ZX_ERR_NO_MEMORY, ZX_PAGE_SIZE,
    ZX_RIGHT_EXECUTE, ZX_RIGHT_MAP, ZX_RIGHT_READ, ZX_RIGHT_WRITE, ZX_VM_FLAG_CAN_MAP_EXECUTE,
    ZX_VM_FLAG_CAN_MAP_READ, ZX_VM_FLAG_CAN_MAP_SPECIFIC, ZX_VM_FLAG_CAN_MAP_WRITE,
    ZX_VM_FLAG_MAP_RANGE, ZX_VM_FLAG_PERM_EXECUTE, ZX_VM_FLAG_PERM_READ, ZX_VM_FLAG_PERM_WRITE,
    ZX_VM_FLAG_SPECIFIC, ZX_VM_FLAG_SPECIFIC_OVERWRITE, zx_rights_t, zx_vaddr_t,
};

use super::results::{deliver, is_kept, spoil};
use crate::oracle::clause::clause;
use crate::oracle::context::{Context, Judged};
use crate::oracle::event::{CallEvent, Stored};
use crate::oracle::memory::{Access, Part, Span, WRITE};
use crate::oracle::space::{Mapping, RegionId, Taken};
use crate::oracle::state::State;
use crate::oracle::vmo::{VmoId, is_aligned, pages_of, round_up};

const PERMISSIONS: u32 = ZX_VM_FLAG_PERM_READ | ZX_VM_FLAG_PERM_WRITE | ZX_VM_FLAG_PERM_EXECUTE;
const CAN_MAP: u32 =
    ZX_VM_FLAG_CAN_MAP_READ | ZX_VM_FLAG_CAN_MAP_WRITE | ZX_VM_FLAG_CAN_MAP_EXECUTE;
const PLACED: u32 = ZX_VM_FLAG_SPECIFIC | ZX_VM_FLAG_SPECIFIC_OVERWRITE;

/// The rights that permission flags stand for.
pub(super) fn rights_of(flags: u32) -> zx_rights_t {
    let mut rights = 0;
    for (flag, right) in [
        (ZX_VM_FLAG_PERM_READ, ZX_RIGHT_READ),
        (ZX_VM_FLAG_PERM_WRITE, ZX_RIGHT_WRITE),
        (ZX_VM_FLAG_PERM_EXECUTE, ZX_RIGHT_EXECUTE),
    ] {
        if flags & flag != 0 {
            rights |= right;
        }
    }
    rights
}

/// Whether the flags ask to write or execute what cannot be read.
pub(super) fn lacks_read(flags: u32) -> bool {
    flags & (ZX_VM_FLAG_PERM_WRITE | ZX_VM_FLAG_PERM_EXECUTE) != 0
        && flags & ZX_VM_FLAG_PERM_READ == 0
}

/// Where something is to be placed.
pub(super) struct Placement {
    pub(super) offset: u64,
    /// Bytes, rounded up; 0 if that is none or leaves 64 bits.
    pub(super) len: u64,
    pub(super) flags: u32,
}

impl Placement {
    pub(super) fn is_placed(&self) -> bool {
        self.flags & PLACED != 0
    }

    /// The address that the flags ask for, if it is known.
    pub(super) fn address(&self, state: &State, region: RegionId) -> Option<zx_vaddr_t> {
        let base = state.space.region(region).base?;
        if self.is_placed() { base.checked_add(self.offset) } else { None }
    }

    /// The errors of a place that can be told from the region alone.
    pub(super) fn check(&self, state: &State, cx: &mut Context<'_>, region: RegionId) {
        let region = state.space.region(region);
        let unasked = !self.is_placed() && self.offset != 0;
        cx.must(unasked, ZX_ERR_INVALID_ARGS, clause!("VMAR-MAP-20"));
        let cannot = self.is_placed() && region.flags & ZX_VM_FLAG_CAN_MAP_SPECIFIC == 0;
        cx.must(cannot, ZX_ERR_ACCESS_DENIED, clause!("VMAR-MAP-22"));
        let outside = self.offset >= region.len || self.len > region.len - self.offset;
        cx.must(outside, ZX_ERR_INVALID_ARGS, clause!("VMAR-MAP-24"));
        cx.may(region.base.is_none(), ZX_ERR_INVALID_ARGS, clause!("VMAR-MAP-24"));
        let unaligned = self.is_placed() && !is_aligned(self.offset);
        cx.must(unaligned, ZX_ERR_INVALID_ARGS, clause!("VMAR-MAP-23"));
    }

    /// The errors of a place that is taken, or that does not exist.
    pub(super) fn check_room(&self, state: &State, cx: &mut Context<'_>, region: RegionId) {
        if cx.must_fail() && cx.kernel {
            return;
        }
        let foreign = state.space.region(region).foreign;
        let (overlap, no_room) =
            (cx.environment.edition.overlap_status, cx.environment.edition.no_room_status);
        if let Some(base) = self.address(state, region) {
            let taken = state.space.taken(region, base, base.saturating_add(self.len));
            if self.flags & ZX_VM_FLAG_SPECIFIC_OVERWRITE != 0 {
                let by_region = taken == Taken::ByRegion;
                cx.must(by_region, ZX_ERR_INVALID_ARGS, clause!("VMAR-MAP-29"));
            } else {
                cx.must(taken != Taken::Free, overlap, clause!("VMAR-MAP-26"));
            }
        } else if !self.is_placed() && cx.status != 0 {
            // A call that succeeded shows by its address that there was room.
            let room = state.space.has_room(region, self.len);
            cx.must(room == Some(false), no_room, clause!("VMAR-MAP-52"));
            cx.may(room.is_none(), no_room, clause!("VMAR-MAP-52"));
        }
        if foreign {
            // Something unknown may be in the way.
            for status in [overlap, no_room, ZX_ERR_INVALID_ARGS, ZX_ERR_ACCESS_DENIED] {
                cx.may(true, status, clause!("VMAR-MAP-25"));
            }
        }
        cx.no_memory(state, clause!("VMAR-MAP-52"));
    }

    /// Judges the address that a call chose.
    pub(super) fn check_address(
        &self,
        state: &State,
        cx: &mut Context<'_>,
        region: RegionId,
        address: zx_vaddr_t,
    ) -> Judged {
        let actual = || format!("{address:#x}");
        if let Some(asked) = self.address(state, region) {
            cx.same("the address", asked, Stored::Word(address), clause!("VMAR-MAP-21"))?;
        }
        cx.reach(clause!("VMAR-MAP-48"));
        let region_inside = state.space.region(region).contains(address, self.len);
        if !is_aligned(address) || region_inside == Some(false) {
            let expected = "a page-aligned range inside the region";
            return Err(cx.violation(clause!("VMAR-MAP-48"), expected, actual()));
        }
        let end = address.checked_add(self.len);
        let hits_arena = end.is_none_or(|end| {
            address < cx.environment.arena.end() && cx.environment.arena.base < end
        });
        let overwrites = self.flags & ZX_VM_FLAG_SPECIFIC_OVERWRITE != 0;
        let taken = state.space.taken(region, address, end.unwrap_or(u64::MAX));
        let is_free = taken == Taken::Free || (overwrites && taken == Taken::ByMapping);
        if hits_arena || !is_free {
            let expected = "a range where nothing is";
            return Err(cx.violation(clause!("VMAR-MAP-25"), expected, actual()));
        }
        Ok(())
    }
}

/// What a call asks for.
struct Request {
    place: Placement,
    region: RegionId,
    vmo: VmoId,
    vmo_offset: u64,
    permissions: zx_rights_t,
    allowed: zx_rights_t,
    pointer: zx_vaddr_t,
}

impl Request {
    fn mapping(&self, address: zx_vaddr_t) -> Mapping {
        Mapping {
            base: address,
            end: address.saturating_add(self.place.len),
            vmo: self.vmo,
            offset: self.vmo_offset,
            region: self.region,
            permissions: self.permissions,
            allowed: self.allowed,
        }
    }

    /// The parts of the VMO that the place for the address may begin in, if it
    /// reaches beyond the mapping or beyond the VMO, and nobody knows where the
    /// mapping is.
    fn last_bytes(&self, state: &State) -> Vec<Part> {
        let (within, page) = (self.pointer % ZX_PAGE_SIZE, ZX_PAGE_SIZE);
        let size = state.vmo(self.vmo).size;
        if within + 8 <= page || self.permissions & WRITE == 0 {
            return Vec::new();
        }
        let ends = [self.vmo_offset.saturating_add(self.place.len), size];
        let inside = ends.into_iter().filter(|end| *end <= size && *end > self.vmo_offset);
        let part = |end: u64| Part {
            vmo: self.vmo,
            offset: end - page + within,
            len: page - within,
            before: 0,
        };
        inside.map(part).collect()
    }

    fn overwrites(&self) -> bool {
        self.place.flags & ZX_VM_FLAG_SPECIFIC_OVERWRITE != 0
    }
}

pub(super) fn judge(state: &mut State, cx: &mut Context<'_>, call: &CallEvent<'_>) -> Judged {
    let (vmar_offset, vmo_offset) = (call.long(1), call.long(3));
    let (len, flags, pointer) = (call.long(4), call.int(5), call.long(6));
    let place = Placement { offset: vmar_offset, len: round_up(len).unwrap_or(0), flags };

    let mut region = None;
    let mut vmo = None;
    let (mut held, mut certain) = (zx_rights_t::MAX, zx_rights_t::MAX);
    if let Some(entry) = cx.handle(state, call.int(0), clause!("VMAR-MAP-02")) {
        region = cx.region(state, &entry, clause!("VMAR-MAP-03"));
        held &= entry.rights.may;
        certain &= entry.rights.have;
    }
    if let Some(entry) = cx.handle(state, call.int(2), clause!("VMAR-MAP-02")) {
        vmo = cx.vmo(state, &entry, clause!("VMAR-MAP-03"));
        cx.rights(&entry, ZX_RIGHT_MAP, clause!("VMAR-MAP-05"));
        cx.promise(&entry, ZX_RIGHT_MAP, clause!("VMO-CREATE-29"));
        if flags & ZX_VM_FLAG_PERM_EXECUTE != 0 {
            cx.promise(&entry, ZX_RIGHT_EXECUTE, clause!("VMO-CREATE-28"));
        }
        held &= entry.rights.may;
        certain &= entry.rights.have;
    }
    let permissions = rights_of(flags);
    cx.must(lacks_read(flags), ZX_ERR_INVALID_ARGS, clause!("VMAR-MAP-10"));
    let overwrites = flags & ZX_VM_FLAG_SPECIFIC_OVERWRITE != 0;
    let ranges = flags & ZX_VM_FLAG_MAP_RANGE != 0;
    cx.must(ranges && overwrites, ZX_ERR_INVALID_ARGS, clause!("VMAR-MAP-30"));
    cx.must(flags & CAN_MAP != 0, ZX_ERR_INVALID_ARGS, clause!("VMAR-MAP-13"));
    for (right, clause) in [
        (ZX_RIGHT_READ, clause!("VMAR-MAP-07")),
        (ZX_RIGHT_WRITE, clause!("VMAR-MAP-08")),
        (ZX_RIGHT_EXECUTE, clause!("VMAR-MAP-09")),
    ] {
        let asked = permissions & right;
        cx.must(asked & !held != 0, ZX_ERR_ACCESS_DENIED, clause);
        cx.may(asked & !certain != 0, ZX_ERR_ACCESS_DENIED, clause);
    }
    let known = PERMISSIONS | PLACED | ZX_VM_FLAG_MAP_RANGE | CAN_MAP;
    cx.must(flags & !known != 0, ZX_ERR_INVALID_ARGS, clause!("VMAR-MAP-12"));
    cx.must(!is_aligned(vmo_offset), ZX_ERR_INVALID_ARGS, clause!("VMAR-MAP-17"));
    let leaves = place.len > 0 && vmo_offset.checked_add(place.len).is_none();
    cx.must(leaves, ZX_ERR_INVALID_ARGS, clause!("VMAR-MAP-18"));
    if let Some(region) = region {
        let destroyed = !state.space.region(region).alive;
        cx.must(destroyed, ZX_ERR_BAD_STATE, clause!("VMAR-MAP-37"));
    }
    cx.must(len == 0, ZX_ERR_INVALID_ARGS, clause!("VMAR-MAP-14"));
    cx.must(place.len == 0, ZX_ERR_INVALID_ARGS, clause!("VMAR-MAP-16"));
    if let Some(region) = region {
        place.check(state, cx, region);
        place.check_room(state, cx, region);
    }
    let was_placed = !cx.must_fail();
    if ranges && vmo_offset != 0 {
        if cx.kernel {
            cx.must(true, ZX_ERR_INVALID_ARGS, clause!("VMAR-MAP-32"));
        } else {
            cx.may(true, ZX_ERR_INVALID_ARGS, clause!("C-18"));
        }
    }
    let (Some(region), Some(vmo)) = (region, vmo) else {
        let span = cx.place(state, pointer, 8, clause!("VMAR-MAP-34"));
        cx.settle(state, clause!("VMAR-MAP-01"))?;
        spoil(state, cx, pointer, &span);
        return cx.untouched(call.untouched, clause!("VMAR-MAP-36"));
    };
    let allowed = held & crate::oracle::state::ACCESS_RIGHTS;
    let request = Request { place, region, vmo, vmo_offset, permissions, allowed, pointer };
    let ranges_work = !cx.must_fail();
    let (span, parts) = pointer_after(state, cx, call, &request);
    cx.pointer(span.access, clause!("VMAR-MAP-34"));
    cx.short_buffer(state, &span);
    if ranges && state.memory_is_short() {
        cx.may(true, ZX_ERR_NO_MEMORY, clause!("VMAR-MAP-52"));
    }

    if cx.settle(state, clause!("VMAR-MAP-01"))? {
        return succeed(state, cx, call, &request, &span);
    }
    if !is_kept(state, cx, &span) {
        // A place that is only partly good may hold a part of the address,
        // also in the mapping that was taken away again (GEN-09).
        for part in parts {
            state.smear(cx.how().perhaps(), part.vmo, part.offset, part.len);
        }
    }
    if was_placed && cx.status == ZX_ERR_INVALID_ARGS {
        fail_late(state, cx, &request, span.access, ranges && ranges_work);
    } else if was_placed && cx.status == ZX_ERR_NO_MEMORY && ranges {
        enter_range(state, cx, &request, false);
    }
    cx.untouched(call.untouched, clause!("VMAR-MAP-36"))
}

/// How good the place for the address is, and the parts of VMOs that it is. It is used last, so it may lie in the
/// mapping that the call makes, or in one that the call takes away.
fn pointer_after(
    state: &State,
    cx: &Context<'_>,
    call: &CallEvent<'_>,
    request: &Request,
) -> (Span, Vec<Part>) {
    let pointer = request.pointer;
    let look = |state: &State| {
        let span = cx.span(state, pointer, 8, WRITE);
        (span, state.parts(cx.kernel, cx.environment, pointer, span.good))
    };
    let now = look(state);
    if cx.environment.arena.contains(pointer, 8) {
        return now;
    }
    let placed = request.place.address(state, request.region).or(match call.stored(6) {
        Stored::Word(address) if cx.status == 0 => Some(address),
        _ => None,
    });
    let end = pointer.saturating_add(8);
    let hits = match placed {
        Some(base) => base < end && pointer < base.saturating_add(request.place.len),
        None => {
            // It may have been placed anywhere in the region.
            let inside = state.space.region(request.region).contains(pointer, 1);
            inside != Some(false) && now.0.access == Access::Bad && !now.0.mapped
        }
    };
    if !hits {
        return now;
    }
    match placed {
        Some(base) if is_aligned(base) && (!cx.must_fail() || !cx.kernel) => {
            let mut after = state.clone();
            after.unmap(base, base.saturating_add(request.place.len));
            after.map(request.mapping(base));
            look(&after)
        }
        Some(_) => now,
        None => (Span { access: Access::Unknown, ..now.0 }, request.last_bytes(state)),
    }
}

fn succeed(
    state: &mut State,
    cx: &mut Context<'_>,
    call: &CallEvent<'_>,
    request: &Request,
    span: &Span,
) -> Judged {
    let address = match call.stored(6) {
        Stored::Word(address) => address,
        Stored::Nothing => {
            return Err(cx.violation(
                clause!("VMAR-MAP-01"),
                "an address stored",
                "nothing stored",
            ));
        }
        Stored::Unknown => match request.place.address(state, request.region) {
            Some(address) => address,
            None => {
                // There is a mapping somewhere that nobody knows of.
                state.lost = true;
                return Ok(());
            }
        },
    };
    request.place.check_address(state, cx, request.region, address)?;
    let vmo = state.vmo(request.vmo);
    let beyond = request.vmo_offset.saturating_add(request.place.len) > vmo.size;
    cx.examples(&[
        (beyond, clause!("VMAR-MAP-19")),
        (vmo.mappings > 0, clause!("VMAR-MAP-49")),
        (request.permissions == 0, clause!("VMAR-MAP-11")),
        (vmo.cache_policy != 0, clause!("VMAR-MAP-51")),
        (!is_aligned(call.long(4)), clause!("VMAR-MAP-15")),
    ]);
    if request.overwrites() {
        cx.reach(clause!("VMAR-MAP-27"));
        state.unmap(address, address.saturating_add(request.place.len));
    }
    state.map(request.mapping(address));
    if request.place.flags & ZX_VM_FLAG_MAP_RANGE != 0 {
        enter_range(state, cx, request, true);
    }
    deliver(state, cx, (request.pointer, span), 8, &address.to_le_bytes());
    Ok(())
}

/// The call failed after the mapping had been made, and took it away again
/// (VMAR-MAP-35).
fn fail_late(
    state: &mut State,
    cx: &mut Context<'_>,
    request: &Request,
    pointer: Access,
    ranges: bool,
) {
    if ranges {
        enter_range(state, cx, request, cx.kernel && pointer == Access::Bad);
    }
    let (Some(base), true) = (request.place.address(state, request.region), request.overwrites())
    else {
        return;
    };
    let end = base.saturating_add(request.place.len);
    if state.space.overlapping(base, end).is_empty() {
        return;
    }
    // What it had replaced is gone, too, says the kernel (VMAR-MAP-53).
    cx.reach(clause!("VMAR-MAP-53"));
    let before = state.clone();
    state.unmap(base, end);
    if !cx.kernel || pointer == Access::Unknown {
        cx.forks.push(before);
    }
}

/// MAP_RANGE gives a clone the pages that an ancestor has (COW-34), by the
/// pages perhaps (C-19).
fn enter_range(state: &mut State, cx: &mut Context<'_>, request: &Request, certain: bool) {
    let vmo = state.vmo(request.vmo);
    if vmo.parent.is_none() {
        cx.reach(clause!("VMAR-MAP-33"));
        return;
    }
    cx.reach(clause!("COW-34"));
    let (first, end) = pages_of(request.vmo_offset, request.place.len);
    let end = end.min(vmo.page_count());
    let mut how = cx.how();
    how.only_existing = true;
    // Pages that there is no memory for are left out.
    how.certain = certain && cx.kernel && !state.memory_is_short();
    if first < end {
        state.commit(how, request.vmo, first, end);
    }
}
