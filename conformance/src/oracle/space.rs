//! The user address space: regions, and the mappings in them.

use vmo_abi::{
    ZX_RIGHT_EXECUTE, ZX_RIGHT_READ, ZX_RIGHT_WRITE, ZX_VM_FLAG_CAN_MAP_EXECUTE,
    ZX_VM_FLAG_CAN_MAP_READ, ZX_VM_FLAG_CAN_MAP_SPECIFIC, ZX_VM_FLAG_CAN_MAP_WRITE, zx_rights_t,
    zx_vaddr_t,
};

use super::state::State;
use super::vmo::VmoId;

/// A region: an index into the space's regions.
pub(super) type RegionId = u32;

const ROOT: RegionId = 0;

/// A region of the address space.
#[derive(Clone, Copy, Debug)]
pub(super) struct Region {
    pub(super) parent: Option<RegionId>,
    /// Where it is, if that is known.
    pub(super) base: Option<zx_vaddr_t>,
    /// Bytes; as many as there can be while that is not known.
    pub(super) len: u64,
    /// `ZX_VM_FLAG_CAN_MAP_*` that it was made with.
    pub(super) flags: u32,
    pub(super) alive: bool,
    /// Whether there is a handle to it.
    named: bool,
    /// Whether it may contain things that are not known.
    pub(super) foreign: bool,
}

impl Region {
    fn end(&self) -> Option<zx_vaddr_t> {
        self.base?.checked_add(self.len)
    }

    /// Whether a range lies wholly inside, as far as that is known.
    pub(super) fn contains(&self, base: zx_vaddr_t, len: u64) -> Option<bool> {
        let own = self.base?;
        Some(base >= own && base - own < self.len && len <= self.len - (base - own))
    }
}

/// A mapping of a part of a VMO.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mapping {
    pub(super) base: zx_vaddr_t,
    pub(super) end: zx_vaddr_t,
    pub(super) vmo: VmoId,
    /// The byte of the VMO at `base`.
    pub(super) offset: u64,
    pub(super) region: RegionId,
    /// Rights READ, WRITE, EXECUTE that its permissions stand for.
    pub(super) permissions: zx_rights_t,
    /// Those that `vmar_protect` may give (VMAR-MAP-45).
    pub(super) allowed: zx_rights_t,
}

impl Mapping {
    /// The byte of the VMO at an address.
    pub(super) fn position(&self, address: zx_vaddr_t) -> u64 {
        self.offset.wrapping_add(address - self.base)
    }
}

/// What is in the way in a range of a region.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Taken {
    Free,
    ByMapping,
    ByRegion,
}

/// The regions and mappings of the process, as far as they are known.
#[derive(Clone, Default)]
pub(super) struct Space {
    /// In the order of their addresses; they do not overlap.
    mappings: Vec<Mapping>,
    regions: Vec<Region>,
    /// Ranges in which everything is known, also after they are no region any
    /// more.
    known: Vec<(zx_vaddr_t, zx_vaddr_t)>,
}

/// Most ranges that are kept in mind as known.
const MOST_KNOWN: usize = 256;

impl Space {
    /// The rights that CAN_MAP flags stand for.
    pub(super) fn rights_of(flags: u32) -> zx_rights_t {
        let mut rights = 0;
        for (flag, right) in [
            (ZX_VM_FLAG_CAN_MAP_READ, ZX_RIGHT_READ),
            (ZX_VM_FLAG_CAN_MAP_WRITE, ZX_RIGHT_WRITE),
            (ZX_VM_FLAG_CAN_MAP_EXECUTE, ZX_RIGHT_EXECUTE),
        ] {
            if flags & flag != 0 {
                rights |= right;
            }
        }
        rights
    }

    pub(super) fn root(&self) -> RegionId {
        ROOT
    }

    pub(super) fn add_root(&mut self) -> RegionId {
        self.regions.push(Region {
            parent: None,
            base: None,
            len: u64::MAX,
            flags: ZX_VM_FLAG_CAN_MAP_READ
                | ZX_VM_FLAG_CAN_MAP_WRITE
                | ZX_VM_FLAG_CAN_MAP_EXECUTE
                | ZX_VM_FLAG_CAN_MAP_SPECIFIC,
            alive: true,
            named: true,
            foreign: true,
        });
        ROOT
    }

    pub(super) fn add_region(
        &mut self,
        parent: RegionId,
        base: Option<zx_vaddr_t>,
        len: u64,
        flags: u32,
    ) -> RegionId {
        let region = Region {
            parent: Some(parent),
            base,
            len,
            flags,
            alive: true,
            named: true,
            foreign: false,
        };
        if let Some(base) = base {
            self.note_known(parent, base, base.saturating_add(len));
        } else {
            self.region_mut(parent).foreign = true;
        }
        self.place_region(region)
    }

    /// A region that was destroyed before anyone could use it (VMAR-ALLOC-07).
    pub(super) fn add_dead_region(
        &mut self,
        base: Option<zx_vaddr_t>,
        len: u64,
        flags: u32,
    ) -> RegionId {
        let parent = Some(ROOT);
        let alive = false;
        self.place_region(Region { parent, base, len, flags, alive, named: true, foreign: false })
    }

    fn place_region(&mut self, region: Region) -> RegionId {
        match self.regions.iter().position(|region| !region.alive && !region.named) {
            Some(free) => {
                self.regions[free] = region;
                free as RegionId
            }
            None => {
                self.regions.push(region);
                (self.regions.len() - 1) as RegionId
            }
        }
    }

    /// In a region whose contents are known, parts of it need no mention.
    fn note_known(&mut self, region: RegionId, base: zx_vaddr_t, end: zx_vaddr_t) {
        if self.region(region).foreign && self.known.len() < MOST_KNOWN {
            self.known.push((base, end));
        }
    }

    pub(super) fn is_known(&self, address: zx_vaddr_t) -> bool {
        self.known.iter().any(|(base, end)| (*base..*end).contains(&address))
    }

    pub(super) fn region(&self, id: RegionId) -> &Region {
        &self.regions[id as usize]
    }

    pub(super) fn region_mut(&mut self, id: RegionId) -> &mut Region {
        &mut self.regions[id as usize]
    }

    pub(super) fn forget_name(&mut self, id: RegionId) {
        self.region_mut(id).named = false;
    }

    /// The mappings that overlap a range.
    pub(super) fn overlapping(&self, base: zx_vaddr_t, end: zx_vaddr_t) -> &[Mapping] {
        let first = self.mappings.partition_point(|mapping| mapping.end <= base);
        let rest = &self.mappings[first..];
        &rest[..rest.partition_point(|mapping| mapping.base < end)]
    }

    pub(super) fn mapping_at(&self, address: zx_vaddr_t) -> Option<&Mapping> {
        let first = self.mappings.partition_point(|mapping| mapping.end <= address);
        self.mappings.get(first).filter(|mapping| mapping.base <= address)
    }

    /// Living regions directly inside `id`.
    pub(super) fn children(&self, id: RegionId) -> impl Iterator<Item = (RegionId, &Region)> {
        let regions = (0..).zip(&self.regions);
        regions.filter(move |(_, region)| region.alive && region.parent == Some(id))
    }

    /// What a range of a region is taken by.
    pub(super) fn taken(&self, id: RegionId, base: zx_vaddr_t, end: zx_vaddr_t) -> Taken {
        let overlaps = |(_, region): (RegionId, &Region)| match (region.base, region.end()) {
            (Some(own), Some(own_end)) => own < end && base < own_end,
            _ => false,
        };
        if self.children(id).any(overlaps) {
            Taken::ByRegion
        } else if self.overlapping(base, end).is_empty() {
            Taken::Free
        } else {
            Taken::ByMapping
        }
    }

    /// Whether a region has a gap of so many bytes, as far as that is known.
    pub(super) fn has_room(&self, id: RegionId, len: u64) -> Option<bool> {
        let region = self.region(id);
        let (Some(base), Some(end), false) = (region.base, region.end(), region.foreign) else {
            return None;
        };
        let mut taken: Vec<_> = self
            .overlapping(base, end)
            .iter()
            .filter(|mapping| mapping.region == id)
            .map(|mapping| (mapping.base, mapping.end))
            .chain(self.children(id).filter_map(|(_, child)| Some((child.base?, child.end()?))))
            .collect();
        taken.sort_unstable();
        let mut free_from = base;
        for (taken_base, taken_end) in taken {
            if taken_base.saturating_sub(free_from) >= len {
                return Some(true);
            }
            free_from = free_from.max(taken_end);
        }
        Some(end.saturating_sub(free_from) >= len)
    }

    fn insert(&mut self, mapping: Mapping) {
        let position = self.mappings.partition_point(|known| known.base < mapping.base);
        self.mappings.insert(position, mapping);
    }
}

impl State {
    /// Adds a mapping to free ground.
    pub(super) fn map(&mut self, mapping: Mapping) {
        self.vmo_mut(mapping.vmo).mappings += 1;
        let space = self.space_mut();
        space.note_known(mapping.region, mapping.base, mapping.end);
        space.insert(mapping);
    }

    /// Removes the parts of mappings in a range, splitting those that stick
    /// out (VMAR-UNMAP-01, -02).
    pub(super) fn unmap(&mut self, base: zx_vaddr_t, end: zx_vaddr_t) {
        let removed = self.space.overlapping(base, end).to_vec();
        if removed.is_empty() {
            return;
        }
        self.space_mut().mappings.retain(|mapping| mapping.end <= base || mapping.base >= end);
        let mut touched = Vec::new();
        for mapping in removed {
            let mut parts = 0;
            if mapping.base < base {
                self.space_mut().insert(Mapping { end: base, ..mapping });
                parts += 1;
            }
            if mapping.end > end {
                let offset = mapping.position(end);
                self.space_mut().insert(Mapping { base: end, offset, ..mapping });
                parts += 1;
            }
            let vmo = self.vmo_mut(mapping.vmo);
            vmo.mappings = (vmo.mappings + parts).saturating_sub(1);
            touched.push(mapping.vmo);
        }
        touched.into_iter().for_each(|vmo| self.collect(vmo));
    }

    /// Gives the mappings in a range other permissions, splitting them where
    /// the range ends (VMAR-PROTECT-01).
    pub(super) fn protect(&mut self, base: zx_vaddr_t, end: zx_vaddr_t, permissions: u32) {
        for mapping in self.space.overlapping(base, end).to_vec() {
            let position = self.space.mappings.partition_point(|known| known.base < mapping.base);
            let (part_base, part_end) = (mapping.base.max(base), mapping.end.min(end));
            let offset = mapping.position(part_base);
            let part = Mapping { base: part_base, end: part_end, offset, permissions, ..mapping };
            self.space_mut().mappings[position] = part;
            let mut parts = 0;
            if mapping.base < part_base {
                self.space_mut().insert(Mapping { end: part_base, ..mapping });
                parts += 1;
            }
            if mapping.end > part_end {
                let offset = mapping.position(part_end);
                self.space_mut().insert(Mapping { base: part_end, offset, ..mapping });
                parts += 1;
            }
            self.vmo_mut(mapping.vmo).mappings += parts;
        }
    }

    /// Destroys a region with everything in it (VMAR-DESTROY-01).
    pub(super) fn destroy_region(&mut self, id: RegionId) {
        let mut dying = vec![id];
        let mut next = 0;
        while let Some(parent) = dying.get(next).copied() {
            next += 1;
            self.space_mut().region_mut(parent).alive = false;
            let regions = self.space.regions.iter().enumerate();
            dying.extend(
                regions
                    .filter(|(_, region)| region.alive && region.parent == Some(parent))
                    .map(|(id, _)| id as RegionId),
            );
        }
        let is_dying = |mapping: &Mapping| dying.contains(&mapping.region);
        if !self.space.mappings.iter().any(is_dying) {
            return;
        }
        let (removed, rest) = self.space.mappings.iter().copied().partition(is_dying);
        self.space_mut().mappings = rest;
        let removed: Vec<Mapping> = removed;
        for mapping in &removed {
            let vmo = self.vmo_mut(mapping.vmo);
            vmo.mappings = vmo.mappings.saturating_sub(1);
        }
        removed.iter().for_each(|mapping| self.collect(mapping.vmo));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn space() -> Space {
        let mut space = Space::default();
        let root = space.add_root();
        let region = space.add_region(root, Some(0x10000), 0x10000, 0);
        let inner = space.add_region(region, Some(0x12000), 0x2000, 0);
        let mapping = Mapping {
            base: 0x11000,
            end: 0x12000,
            vmo: 0,
            offset: 0,
            region,
            permissions: 0,
            allowed: 0,
        };
        space.insert(mapping);
        space.insert(Mapping { base: 0x12000, end: 0x13000, region: inner, ..mapping });
        space
    }

    #[test]
    fn room_is_between_mappings_and_regions() {
        let space = space();
        assert_eq!(space.has_room(1, 0xc000), Some(true));
        assert_eq!(space.has_room(1, 0xc001), Some(false));
        assert_eq!(space.has_room(2, 0x1000), Some(true));
        assert_eq!(space.has_room(2, 0x2000), Some(false));
        assert_eq!(space.has_room(0, 1), None);
    }

    #[test]
    fn ranges_are_taken() {
        let space = space();
        assert!(space.taken(1, 0x10000, 0x11000) == Taken::Free);
        assert!(space.taken(1, 0x10000, 0x11001) == Taken::ByMapping);
        assert!(space.taken(1, 0x11000, 0x13000) == Taken::ByRegion);
        assert!(space.taken(2, 0x13000, 0x14000) == Taken::Free);
        assert!(space.mapping_at(0x12fff).is_some_and(|mapping| mapping.region == 2));
        assert!(space.mapping_at(0x13000).is_none());
        assert!(space.is_known(0x1ffff) && !space.is_known(0x20000));
    }
}
