//! What a wrong backend remembers of the calls that it did.

use std::collections::BTreeMap;
use std::ops::Range;

use vmo_abi::{
    ArgumentKind, Syscall, ZX_OK, ZX_PAGE_SIZE, ZX_VM_FLAG_SPECIFIC_OVERWRITE, zx_koid_t,
    zx_vaddr_t,
};

use super::hook::Registers;
use super::machine::Machine;

/// What a clone was made of.
#[derive(Clone, Copy, Debug)]
pub(super) struct Origin {
    /// The VMO that was cloned.
    pub(super) parent: zx_koid_t,
    /// The position in it where the clone begins.
    pub(super) offset: u64,
    /// The size that was asked for.
    pub(super) size: u64,
}

/// A mapping, as it was made.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mapped {
    pub(super) base: zx_vaddr_t,
    pub(super) len: u64,
    pub(super) vmo: zx_koid_t,
    pub(super) vmo_offset: u64,
    pub(super) flags: u64,
    /// The VMO's size at that time.
    pub(super) vmo_size: u64,
}

impl Mapped {
    pub(super) fn end(&self) -> zx_vaddr_t {
        self.base + self.len
    }

    pub(super) fn contains(&self, address: zx_vaddr_t) -> bool {
        (self.base..self.end()).contains(&address)
    }

    pub(super) fn overlaps(&self, range: &Range<zx_vaddr_t>) -> bool {
        self.base < range.end && range.start < self.end()
    }
}

/// What a wrong backend remembers.
#[derive(Debug, Default)]
pub(super) struct Notes {
    /// Handle values that were given out, by the koid of their object. Those
    /// that calls for closing took are gone from here, others may not be live
    /// any more, either.
    handles: BTreeMap<zx_koid_t, Vec<u64>>,
    /// The koids that handle values belong to.
    owners: BTreeMap<u64, zx_koid_t>,
    /// Clones by koid.
    pub(super) clones: BTreeMap<zx_koid_t, Origin>,
    /// The clones of a VMO, by its koid.
    children: BTreeMap<zx_koid_t, Vec<zx_koid_t>>,
    /// Mappings that were not removed.
    pub(super) mappings: Vec<Mapped>,
    /// Regions by koid.
    regions: BTreeMap<zx_koid_t, Range<zx_vaddr_t>>,
    /// Numbers that a fault keeps, under numbers of its own choice.
    pub(super) numbers: BTreeMap<u64, u64>,
    /// Bytes that a fault keeps, under numbers of its own choice.
    pub(super) bytes: BTreeMap<u64, Vec<u8>>,
}

impl Notes {
    fn add_handle(&mut self, handle: u64, koid: zx_koid_t) {
        self.handles.entry(koid).or_default().push(handle);
        self.owners.insert(handle | 1, koid);
    }

    fn remove_handle(&mut self, handle: u64) {
        let koid = self.owners.remove(&(handle | 1));
        if let Some(handles) = koid.and_then(|koid| self.handles.get_mut(&koid)) {
            handles.retain(|other| other | 1 != handle | 1);
        }
    }

    /// Handles to an object that were given out, the newest last.
    pub(super) fn handles_to(&self, koid: zx_koid_t) -> &[u64] {
        self.handles.get(&koid).map_or(&[], Vec::as_slice)
    }

    /// The clones that were made of a VMO, gone or not.
    pub(super) fn children_of(&self, koid: zx_koid_t) -> &[zx_koid_t] {
        self.children.get(&koid).map_or(&[], Vec::as_slice)
    }

    /// Takes a range out of the mappings.
    fn unmap(&mut self, range: Range<zx_vaddr_t>) {
        let mut left = Vec::new();
        for mapped in self.mappings.drain(..) {
            if !mapped.overlaps(&range) {
                left.push(mapped);
                continue;
            }
            if mapped.base < range.start {
                left.push(Mapped { len: range.start - mapped.base, ..mapped });
            }
            if mapped.end() > range.end {
                let cut = range.end - mapped.base;
                let (len, vmo_offset) = (mapped.len - cut, mapped.vmo_offset + cut);
                left.push(Mapped { base: range.end, len, vmo_offset, ..mapped });
            }
        }
        self.mappings = left;
    }

    /// The mapping at an address.
    pub(super) fn mapping_at(&self, address: zx_vaddr_t) -> Option<Mapped> {
        self.mappings.iter().find(|mapped| mapped.contains(address)).copied()
    }
}

/// Rounds up to whole pages, as far as there are any.
pub(super) fn round_up(bytes: u64) -> u64 {
    bytes.checked_next_multiple_of(ZX_PAGE_SIZE).unwrap_or(u64::MAX - (ZX_PAGE_SIZE - 1))
}

impl Machine {
    /// Remembers a call that was done.
    pub(super) fn note(&self, call: Syscall, registers: &Registers, status: i32) {
        if status != ZX_OK {
            return;
        }
        if matches!(call, Syscall::handle_close | Syscall::handle_replace) {
            self.notes().remove_handle(registers[0]);
        }
        for (argument, register) in call.arguments().iter().zip(registers) {
            if argument.kind == ArgumentKind::HandleOut {
                self.note_handle(*register);
            }
        }
        match call {
            Syscall::channel_read => {
                let count = self.word(registers[7]).unwrap_or_default();
                for nth in 0..u64::from(count.min(64)) {
                    self.note_handle(registers[3] + 4 * nth);
                }
            }
            Syscall::vmo_clone => self.note_clone(registers),
            Syscall::vmar_map => self.note_mapping(registers),
            Syscall::vmar_unmap => {
                let [_, base, len, ..] = *registers;
                self.notes().unmap(base..base.saturating_add(round_up(len)));
            }
            Syscall::vmar_allocate => {
                let [_, _, size, _, handle, address, ..] = *registers;
                let handle = self.word(handle).map(u64::from);
                let koid = handle.and_then(|handle| self.koid(handle));
                if let (Some(koid), Some(base)) = (koid, self.long(address)) {
                    self.notes().regions.insert(koid, base..base.saturating_add(size));
                }
            }
            Syscall::vmar_destroy => {
                let Some(koid) = self.koid(registers[0]) else { return };
                let mut notes = self.notes();
                if let Some(range) = notes.regions.remove(&koid) {
                    notes.unmap(range);
                }
            }
            _ => {}
        }
    }

    /// Remembers the handle that was stored at an address.
    fn note_handle(&self, address: zx_vaddr_t) {
        let handle = self.word(address).map(u64::from);
        if let Some(handle) = handle
            && let Some(koid) = self.koid(handle)
        {
            self.notes().add_handle(handle, koid);
        }
    }

    fn note_clone(&self, registers: &Registers) {
        let [source, _, offset, size, out, ..] = *registers;
        let clone = self.word(out).and_then(|clone| self.koid(clone.into()));
        if let (Some(parent), Some(clone)) = (self.koid(source), clone) {
            let mut notes = self.notes();
            notes.clones.insert(clone, Origin { parent, offset, size });
            notes.children.entry(parent).or_default().push(clone);
        }
    }

    fn note_mapping(&self, registers: &Registers) {
        let [_, _, vmo, vmo_offset, len, flags, out, ..] = *registers;
        let (Some(base), Some(koid)) = (self.long(out), self.koid(vmo)) else { return };
        let (len, vmo_size) = (round_up(len), self.size(vmo).unwrap_or_default());
        let mut notes = self.notes();
        if flags & u64::from(ZX_VM_FLAG_SPECIFIC_OVERWRITE) != 0 {
            notes.unmap(base..base + len);
        }
        notes.mappings.push(Mapped { base, len, vmo: koid, vmo_offset, flags, vmo_size });
    }

    /// Removes what is mapped in a range, through the smallest region that the
    /// range lies in.
    pub(super) fn unmap(&self, base: zx_vaddr_t, len: u64) {
        let end = base.saturating_add(len);
        let regions = self.notes().regions.clone();
        let around = |range: &&Range<zx_vaddr_t>| range.start <= base && end <= range.end;
        let smallest = regions
            .iter()
            .filter(|(_, range)| around(range))
            .min_by_key(|(_, range)| range.end - range.start)
            .and_then(|(koid, _)| self.handle_to(*koid, 0));
        let region = smallest.unwrap_or_else(|| self.environment().root_vmar.into());
        let registers = [region, base, len, 0, 0, 0, 0, 0];
        if self.right(Syscall::vmar_unmap, &registers) == ZX_OK {
            self.notes().unmap(base..end);
        }
    }

    /// The range of a region that is not the root region.
    pub(super) fn region_range(&self, region: u64) -> Option<Range<zx_vaddr_t>> {
        let koid = self.koid(region)?;
        self.notes().regions.get(&koid).cloned()
    }

    /// Whether a region lies wholly in a range.
    pub(super) fn has_region_in(&self, range: &Range<zx_vaddr_t>) -> bool {
        let notes = self.notes();
        notes.regions.values().any(|own| range.start <= own.start && own.end <= range.end)
    }

    /// Maps something over what is mapped in a region; the arguments are those
    /// of `vmar_map` but for the last.
    pub(super) fn remap(&self, arguments: [u64; 6]) {
        let [vmar, vmar_offset, vmo, vmo_offset, len, flags] = arguments;
        self.in_place(8, |place| {
            let registers = [vmar, vmar_offset, vmo, vmo_offset, len, flags, place, 0];
            self.right(Syscall::vmar_map, &registers)
        });
    }
}
