//! Where children of a region are placed.

use vmo_abi::{
    Edition, ZX_ERR_ACCESS_DENIED, ZX_ERR_INVALID_ARGS, ZX_PAGE_SIZE, ZX_VM_FLAG_CAN_MAP_SPECIFIC,
    zx_status_t, zx_vaddr_t,
};

use super::{AddressSpace, CAN_MAP, Child, Region, RegionId, is_page_aligned};

/// Where a child is to be placed in its region.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Anywhere,
    Specific,
    SpecificOverwrite,
}

impl AddressSpace {
    /// Judges and finds a place for a child of `size` bytes.
    ///
    /// With [`Place::SpecificOverwrite`] the range may hold mappings, which the
    /// caller removes.
    pub(crate) fn place(
        &mut self,
        id: RegionId,
        offset: u64,
        size: u64,
        can_map: u32,
        place: Place,
        edition: &Edition,
    ) -> Result<zx_vaddr_t, zx_status_t> {
        let region = self.region(id);
        region.require_alive()?;
        if size == 0 {
            return Err(ZX_ERR_INVALID_ARGS);
        }
        if can_map & CAN_MAP & !region.flags != 0 {
            return Err(ZX_ERR_ACCESS_DENIED);
        }
        if place == Place::Anywhere && offset != 0 {
            return Err(ZX_ERR_INVALID_ARGS);
        }
        if place != Place::Anywhere && region.flags & ZX_VM_FLAG_CAN_MAP_SPECIFIC == 0 {
            return Err(ZX_ERR_ACCESS_DENIED);
        }
        if offset >= region.size || size > region.size - offset {
            return Err(ZX_ERR_INVALID_ARGS);
        }
        if place == Place::Anywhere {
            return self.find_gap(id, size).ok_or(edition.no_room_status);
        }
        let base = region.base + offset;
        if !is_page_aligned(base) {
            return Err(ZX_ERR_INVALID_ARGS);
        }
        if self.is_free(id, base, size) {
            return Ok(base);
        }
        if place == Place::Specific {
            return Err(edition.overlap_status);
        }
        if self.has_region(id, &(base..base + size)) {
            return Err(ZX_ERR_INVALID_ARGS);
        }
        Ok(base)
    }

    /// A place for `size` bytes, each place as likely as any other.
    fn find_gap(&mut self, id: RegionId, size: u64) -> Option<zx_vaddr_t> {
        let Region { base, size: room, .. } = *self.region(id);
        let places = (room - size) / ZX_PAGE_SIZE + 1;
        for _ in 0..32 {
            let start = base + self.random.below(places) * ZX_PAGE_SIZE;
            if self.is_free(id, start, size) {
                return Some(start);
            }
        }
        // The region is crowded: count the places that are left.
        let mut gaps = Vec::new();
        let mut total = 0;
        let end = base + room;
        let mut at = base;
        loop {
            let child = self.next_child(id, at, end);
            let gap_end = child.as_ref().map_or(end, Child::base);
            if gap_end > at && gap_end - at >= size {
                let fits = (gap_end - at - size) / ZX_PAGE_SIZE + 1;
                gaps.push((at, fits));
                total += fits;
            }
            match child {
                Some(child) => at = child.end(),
                None => break,
            }
        }
        let mut chosen = (total != 0).then(|| self.random.below(total))?;
        gaps.into_iter().find_map(|(start, fits)| {
            if chosen < fits {
                return Some(start + chosen * ZX_PAGE_SIZE);
            }
            chosen -= fits;
            None
        })
    }
}
