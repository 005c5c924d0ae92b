//! The user address space: regions, and the mappings in them.
//!
//! Mappings never overlap, however deep the region they are in, so they are
//! kept in one table for the whole address space; a region knows only the
//! regions directly inside it.

mod placement;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use slab::Slab;
use vmo_abi::{
    ZX_ERR_ACCESS_DENIED, ZX_ERR_BAD_STATE, ZX_ERR_INVALID_ARGS, ZX_ERR_NOT_FOUND, ZX_PAGE_SIZE,
    ZX_VM_FLAG_CAN_MAP_EXECUTE, ZX_VM_FLAG_CAN_MAP_READ, ZX_VM_FLAG_CAN_MAP_SPECIFIC,
    ZX_VM_FLAG_CAN_MAP_WRITE, zx_status_t, zx_vaddr_t,
};

use crate::random::Random;
use crate::vmo::{VmoId, Vmos};

pub(crate) use placement::Place;

/// The flags that say which permissions mappings may have.
pub(crate) const CAN_MAP: u32 =
    ZX_VM_FLAG_CAN_MAP_READ | ZX_VM_FLAG_CAN_MAP_WRITE | ZX_VM_FLAG_CAN_MAP_EXECUTE;
/// A `PERM_*` flag shifted by this is the `CAN_MAP_*` flag that allows it.
const CAN_MAP_SHIFT: u32 = 7;

/// The `CAN_MAP_*` flags that allow the `PERM_*` flags given.
pub(crate) fn allowing(permissions: u32) -> u32 {
    permissions << CAN_MAP_SHIFT
}

/// Names a region inside the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct RegionId(u32);

/// A region of the address space.
#[derive(Debug)]
pub(crate) struct Region {
    pub(crate) base: zx_vaddr_t,
    pub(crate) size: u64,
    /// `ZX_VM_FLAG_CAN_MAP_*`.
    pub(crate) flags: u32,
    /// Whether a handle can name it.
    pub(crate) has_dispatcher: bool,
    alive: bool,
    parent: Option<RegionId>,
    children: BTreeMap<zx_vaddr_t, RegionId>,
}

impl Region {
    fn end(&self) -> zx_vaddr_t {
        self.base + self.size
    }

    fn contains(&self, start: zx_vaddr_t, size: u64) -> bool {
        start >= self.base
            && start - self.base < self.size
            && size <= self.size - (start - self.base)
    }

    fn require_alive(&self) -> Result<(), zx_status_t> {
        if self.alive { Ok(()) } else { Err(ZX_ERR_BAD_STATE) }
    }
}

/// A range of a VMO in the address space.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mapping {
    pub(crate) size: u64,
    pub(crate) vmo: VmoId,
    pub(crate) vmo_offset: u64,
    /// `ZX_VM_FLAG_PERM_*` now.
    pub(crate) permissions: u32,
    /// `ZX_VM_FLAG_CAN_MAP_*`: what `vmar_protect` may grant (VMAR-MAP-45).
    pub(crate) allowed: u32,
}

/// What directly lies in a region.
enum Child {
    Region { base: zx_vaddr_t, end: zx_vaddr_t },
    Mapping { base: zx_vaddr_t, end: zx_vaddr_t, allowed: u32 },
}

impl Child {
    fn base(&self) -> zx_vaddr_t {
        match self {
            Self::Region { base, .. } | Self::Mapping { base, .. } => *base,
        }
    }

    fn end(&self) -> zx_vaddr_t {
        match self {
            Self::Region { end, .. } | Self::Mapping { end, .. } => *end,
        }
    }
}

/// The regions and mappings of the process.
#[derive(Debug)]
pub(crate) struct AddressSpace {
    regions: Slab<Region>,
    mappings: BTreeMap<zx_vaddr_t, Mapping>,
    by_vmo: BTreeSet<(VmoId, zx_vaddr_t)>,
    pub(crate) root: RegionId,
    random: Random,
}

/// Rounds a length up to whole pages; what wraps counts as 0 (VMAR-MAP-16).
pub(crate) fn round_length(len: u64) -> u64 {
    len.checked_next_multiple_of(ZX_PAGE_SIZE).unwrap_or(0)
}

fn is_page_aligned(number: u64) -> bool {
    number.is_multiple_of(ZX_PAGE_SIZE)
}

impl AddressSpace {
    pub(crate) fn new(base: zx_vaddr_t, size: u64, seed: u64) -> Self {
        let mut space = Self {
            regions: Slab::new(),
            mappings: BTreeMap::new(),
            by_vmo: BTreeSet::new(),
            root: RegionId(0),
            random: Random::new(seed),
        };
        space.root = space.insert_region(base, size, CAN_MAP | ZX_VM_FLAG_CAN_MAP_SPECIFIC, None);
        space
    }

    pub(crate) fn region_count(&self) -> usize {
        self.regions.len()
    }

    pub(crate) fn mapping_count(&self) -> usize {
        self.mappings.len()
    }

    pub(crate) fn region(&self, id: RegionId) -> &Region {
        &self.regions[id.0 as usize]
    }

    pub(crate) fn region_mut(&mut self, id: RegionId) -> &mut Region {
        &mut self.regions[id.0 as usize]
    }

    fn insert_region(
        &mut self,
        base: zx_vaddr_t,
        size: u64,
        flags: u32,
        parent: Option<RegionId>,
    ) -> RegionId {
        let region = Region {
            base,
            size,
            flags,
            has_dispatcher: true,
            alive: true,
            parent,
            children: BTreeMap::new(),
        };
        RegionId(
            u32::try_from(self.regions.insert(region))
                .expect("regions run out of addresses long before 2^32"),
        )
    }

    /// The mapping at an address, with its base.
    pub(crate) fn mapping_at(&self, address: zx_vaddr_t) -> Option<(zx_vaddr_t, &Mapping)> {
        let (&base, mapping) = self.mappings.range(..=address).next_back()?;
        (address - base < mapping.size).then_some((base, mapping))
    }

    /// Mappings of a VMO, with their bases.
    pub(crate) fn mappings_of(&self, vmo: VmoId) -> impl Iterator<Item = (zx_vaddr_t, &Mapping)> {
        self.by_vmo.range((vmo, 0)..=(vmo, u64::MAX)).map(|(_, base)| (*base, &self.mappings[base]))
    }

    /// Every mapping from low to high.
    pub(crate) fn mappings(&self) -> impl Iterator<Item = &Mapping> {
        self.mappings.values()
    }

    /// The lowest child of a region that ends above `at` and starts below `end`.
    fn next_child(&self, id: RegionId, at: zx_vaddr_t, end: zx_vaddr_t) -> Option<Child> {
        let children = &self.region(id).children;
        let end_of = |child: RegionId| self.region(child).end();
        let region = children
            .range(..=at)
            .next_back()
            .filter(|(_, child)| end_of(**child) > at)
            .or_else(|| children.range(at..).next())
            .map(|(&base, &child)| Child::Region { base, end: end_of(child) });
        let mapping = self
            .mappings
            .range(..=at)
            .next_back()
            .filter(|(base, mapping)| at - **base < mapping.size)
            .or_else(|| self.mappings.range(at..).next())
            .map(|(&base, mapping)| Child::Mapping {
                base,
                end: base + mapping.size,
                allowed: mapping.allowed,
            });
        // A mapping inside a region that is itself a child lies at or above
        // that child's base, so the child comes first.
        let (first, second) = (region, mapping);
        let lowest = match (first, second) {
            (Some(region), Some(mapping)) if mapping.base() < region.base() => Some(mapping),
            (Some(region), _) => Some(region),
            (None, mapping) => mapping,
        };
        lowest.filter(|child| child.base() < end)
    }

    fn is_free(&self, id: RegionId, start: zx_vaddr_t, size: u64) -> bool {
        self.next_child(id, start, start + size).is_none()
    }

    fn has_region(&self, id: RegionId, range: &Range<zx_vaddr_t>) -> bool {
        self.regions_in(id, range).next().is_some()
    }

    /// The regions directly in a region that overlap a range.
    fn regions_in(
        &self,
        id: RegionId,
        range: &Range<zx_vaddr_t>,
    ) -> impl Iterator<Item = RegionId> + use<'_> {
        let start = range.start;
        self.region(id)
            .children
            .range(..range.end)
            .rev()
            .map(|(_, child)| *child)
            .take_while(move |child| self.region(*child).end() > start)
    }

    /// Makes a region at a place that [`place`](Self::place) gave.
    pub(crate) fn create_region(
        &mut self,
        parent: RegionId,
        base: zx_vaddr_t,
        size: u64,
        flags: u32,
    ) -> RegionId {
        let id = self.insert_region(base, size, flags, Some(parent));
        self.region_mut(parent).children.insert(base, id);
        id
    }

    /// Makes a mapping at a free place; the VMO is held by it from now on.
    pub(crate) fn create_mapping(&mut self, base: zx_vaddr_t, mapping: Mapping, vmos: &mut Vmos) {
        vmos.get_mut(mapping.vmo).mappings += 1;
        self.by_vmo.insert((mapping.vmo, base));
        self.mappings.insert(base, mapping);
    }

    fn take_mapping(&mut self, base: zx_vaddr_t, vmos: &mut Vmos) -> Option<Mapping> {
        let mapping = self.mappings.remove(&base)?;
        self.by_vmo.remove(&(mapping.vmo, base));
        vmos.get_mut(mapping.vmo).mappings -= 1;
        Some(mapping)
    }

    /// The part of a mapping at `base` that lies in a range, if any does.
    fn cut(
        base: zx_vaddr_t,
        mapping: &Mapping,
        range: Range<zx_vaddr_t>,
    ) -> Option<(zx_vaddr_t, Mapping)> {
        let start = base.max(range.start);
        let end = (base + mapping.size).min(range.end);
        (start < end).then(|| {
            let vmo_offset = mapping.vmo_offset + (start - base);
            (start, Mapping { size: end - start, vmo_offset, ..*mapping })
        })
    }

    /// Takes the mappings of a range apart: what sticks out stays, what lies
    /// inside is handed to `inside`, which may put it back in another form.
    fn split_range(
        &mut self,
        range: Range<zx_vaddr_t>,
        vmos: &mut Vmos,
        mut inside: impl FnMut(&mut Self, &mut Vmos, zx_vaddr_t, Mapping),
    ) {
        let first = self
            .mapping_at(range.start)
            .map(|(base, _)| base)
            .or_else(|| self.mappings.range(range.clone()).next().map(|(base, _)| *base));
        let mut next = first;
        while let Some(base) = next.filter(|base| *base < range.end) {
            let Some(mapping) = self.take_mapping(base, vmos) else { break };
            let end = base + mapping.size;
            if let Some((start, part)) = Self::cut(base, &mapping, base..range.start) {
                self.create_mapping(start, part, vmos);
            }
            if let Some((start, part)) = Self::cut(base, &mapping, range.end..end) {
                self.create_mapping(start, part, vmos);
            }
            if let Some((start, part)) = Self::cut(base, &mapping, range.clone()) {
                inside(self, vmos, start, part);
            }
            next = self.mappings.range(end..).next().map(|(base, _)| *base);
        }
    }

    /// Removes the mappings of a range and answers with the VMOs that each
    /// removed part had held.
    pub(crate) fn remove_mappings(
        &mut self,
        range: Range<zx_vaddr_t>,
        vmos: &mut Vmos,
    ) -> Vec<VmoId> {
        let mut released = Vec::new();
        self.split_range(range, vmos, |_, _, _, part| released.push(part.vmo));
        released
    }

    /// The whole pages of a range that `vmar_unmap` or `vmar_protect` names, if
    /// they lie in the region (VMAR-UNMAP-06 to -09, -13).
    fn checked_range(
        &self,
        id: RegionId,
        start: zx_vaddr_t,
        len: u64,
    ) -> Result<Range<zx_vaddr_t>, zx_status_t> {
        let size = round_length(len);
        if size == 0 || !is_page_aligned(start) {
            return Err(ZX_ERR_INVALID_ARGS);
        }
        self.region(id).require_alive()?;
        if !self.region(id).contains(start, size) {
            return Err(ZX_ERR_INVALID_ARGS);
        }
        Ok(start..start + size)
    }

    /// Judges a range for `vmar_unmap`, and destroys the regions wholly in it
    /// (VMAR-UNMAP-03 to -05). The caller removes the mappings.
    pub(crate) fn clear_for_unmap(
        &mut self,
        id: RegionId,
        start: zx_vaddr_t,
        len: u64,
    ) -> Result<Range<zx_vaddr_t>, zx_status_t> {
        let range = self.checked_range(id, start, len)?;
        let inside: Vec<_> = self.regions_in(id, &range).collect();
        let is_partly_covered = |child: &RegionId| {
            let child = self.region(*child);
            child.base < range.start || child.end() > range.end
        };
        if inside.iter().any(is_partly_covered) {
            return Err(ZX_ERR_INVALID_ARGS);
        }
        for child in inside {
            self.destroy_region(child)?;
        }
        Ok(range)
    }

    /// Changes the permissions of a range (VMAR-PROTECT-01 to -12).
    pub(crate) fn protect(
        &mut self,
        id: RegionId,
        start: zx_vaddr_t,
        len: u64,
        permissions: u32,
        vmos: &mut Vmos,
    ) -> Result<Range<zx_vaddr_t>, zx_status_t> {
        let range = self.checked_range(id, start, len)?;
        let mut at = range.start;
        while at < range.end {
            let child = self.next_child(id, at, range.end).ok_or(ZX_ERR_NOT_FOUND)?;
            let is_first = at == range.start;
            if is_first && child.base() > at {
                return Err(ZX_ERR_NOT_FOUND);
            }
            let Child::Mapping { base, end, allowed } = child else {
                return Err(ZX_ERR_INVALID_ARGS);
            };
            if base > at {
                return Err(ZX_ERR_NOT_FOUND);
            }
            if allowing(permissions) & !allowed != 0 {
                return Err(ZX_ERR_ACCESS_DENIED);
            }
            at = end;
        }
        self.split_range(range.clone(), vmos, |space, vmos, base, part| {
            space.create_mapping(base, Mapping { permissions, ..part }, vmos);
        });
        Ok(range)
    }

    /// Marks a region and all regions in it as destroyed, and answers with its
    /// range. The caller removes the mappings (VMAR-DESTROY-01).
    pub(crate) fn destroy_region(
        &mut self,
        id: RegionId,
    ) -> Result<Range<zx_vaddr_t>, zx_status_t> {
        self.region(id).require_alive()?;
        let Region { base, size, parent, .. } = *self.region(id);
        if let Some(parent) = parent {
            self.region_mut(parent).children.remove(&base);
        }
        let mut pending = vec![id];
        while let Some(id) = pending.pop() {
            let region = self.region_mut(id);
            region.alive = false;
            region.parent = None;
            pending.extend(std::mem::take(&mut region.children).into_values());
            self.forget_region_if_unneeded(id);
        }
        Ok(base..base + size)
    }

    /// Forgets a destroyed region that no handle names.
    pub(crate) fn forget_region_if_unneeded(&mut self, id: RegionId) {
        let region = self.region(id);
        if !region.alive && !region.has_dispatcher {
            self.regions.remove(id.0 as usize);
        }
    }
}
