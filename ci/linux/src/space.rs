//! The address space: a reserved range, with regions and mappings in it.

#![allow(unsafe_code)]

use std::collections::BTreeMap;
use std::io;
use std::ops::Range;
use std::os::fd::AsRawFd;
use std::ptr;

use vmo_abi::{
    ZX_ERR_ACCESS_DENIED, ZX_ERR_BAD_STATE, ZX_ERR_INVALID_ARGS, ZX_ERR_NO_MEMORY,
    ZX_ERR_NOT_FOUND, ZX_PAGE_SIZE, ZX_VM_FLAG_CAN_MAP_EXECUTE, ZX_VM_FLAG_CAN_MAP_READ,
    ZX_VM_FLAG_CAN_MAP_SPECIFIC, ZX_VM_FLAG_CAN_MAP_WRITE, ZX_VM_FLAG_PERM_EXECUTE,
    ZX_VM_FLAG_PERM_READ, ZX_VM_FLAG_PERM_WRITE, ZX_VM_FLAG_SPECIFIC,
    ZX_VM_FLAG_SPECIFIC_OVERWRITE, zx_status_t,
};

use crate::vmo::{Vmo, status};

/// Bytes of the root region.
const ROOT_BYTES: u64 = 1 << 40;
/// The flags for permissions that mappings have, and may have.
pub(crate) const PERMISSIONS: u32 =
    ZX_VM_FLAG_PERM_READ | ZX_VM_FLAG_PERM_WRITE | ZX_VM_FLAG_PERM_EXECUTE;
pub(crate) const CAN_MAP: u32 =
    ZX_VM_FLAG_CAN_MAP_READ | ZX_VM_FLAG_CAN_MAP_WRITE | ZX_VM_FLAG_CAN_MAP_EXECUTE;
/// A permission shifted by this is the flag that allows it.
pub(crate) const CAN_MAP_SHIFT: u32 = 7;

/// A place in the list of regions. The root is 0.
pub(crate) type RegionId = usize;

struct Region {
    range: Range<u64>,
    flags: u32,
    parent: RegionId,
    alive: bool,
}

/// The host knows what a mapping shows; kept are its end and what it may allow.
type Mapping = (u64, u32);

pub(crate) struct Space {
    regions: Vec<Region>,
    mappings: BTreeMap<u64, Mapping>,
}

fn overlap(one: &Range<u64>, other: &Range<u64>) -> bool {
    one.start < other.end && other.start < one.end
}

impl Space {
    pub(crate) fn new() -> io::Result<Self> {
        let base = reserve(ptr::null_mut(), ROOT_BYTES, 0)?;
        let flags = CAN_MAP | ZX_VM_FLAG_CAN_MAP_SPECIFIC;
        let root = Region { range: base..base + ROOT_BYTES, flags, parent: 0, alive: true };
        Ok(Self { regions: vec![root], mappings: BTreeMap::new() })
    }

    pub(crate) fn range(&self, id: RegionId) -> Range<u64> {
        self.regions[id].range.clone()
    }

    fn children<'s>(
        &'s self,
        id: RegionId,
        range: &Range<u64>,
    ) -> impl Iterator<Item = (RegionId, &'s Region)> {
        let range = range.clone();
        self.regions.iter().enumerate().skip(1).filter(move |(_, child)| {
            child.alive && child.parent == id && overlap(&child.range, &range)
        })
    }

    fn overlapping(&self, range: &Range<u64>) -> Vec<(u64, Mapping)> {
        let before = self.mappings.range(..range.start).next_back();
        let before = before.filter(|(_, (end, _))| *end > range.start);
        before
            .into_iter()
            .chain(self.mappings.range(range.clone()))
            .map(|(b, m)| (*b, *m))
            .collect()
    }

    /// The end of the last thing in a region that lies in a range.
    fn taken(&self, id: RegionId, range: &Range<u64>) -> Option<u64> {
        let regions = self.children(id, range).map(|(_, child)| child.range.end);
        regions.chain(self.overlapping(range).into_iter().map(|(_, (end, _))| end)).max()
    }

    /// Finds a place for something of `len` bytes, the first that is free unless
    /// the flags ask for a certain one.
    fn place(
        &self,
        id: RegionId,
        offset: u64,
        len: u64,
        flags: u32,
    ) -> Result<Range<u64>, zx_status_t> {
        let region = &self.regions[id];
        let overwrite = flags & ZX_VM_FLAG_SPECIFIC_OVERWRITE != 0;
        let specific = overwrite || flags & ZX_VM_FLAG_SPECIFIC != 0;
        if !region.alive {
            return Err(ZX_ERR_BAD_STATE);
        }
        if specific && region.flags & ZX_VM_FLAG_CAN_MAP_SPECIFIC == 0 {
            return Err(ZX_ERR_ACCESS_DENIED);
        }
        let room = region.range.end - region.range.start;
        let misplaced = if specific { !offset.is_multiple_of(ZX_PAGE_SIZE) } else { offset != 0 };
        if misplaced || len == 0 || len > room || offset > room - len {
            return Err(ZX_ERR_INVALID_ARGS);
        }
        let mut place = region.range.start + offset..region.range.start + offset + len;
        if specific {
            return match self.taken(id, &place) {
                Some(_) if overwrite && self.children(id, &place).next().is_none() => Ok(place),
                Some(_) if overwrite => Err(ZX_ERR_INVALID_ARGS),
                Some(_) => Err(ZX_ERR_NO_MEMORY),
                None => Ok(place),
            };
        }
        while let Some(end) = self.taken(id, &place) {
            place = end..end + len;
            if place.end > region.range.end {
                return Err(ZX_ERR_NO_MEMORY);
            }
        }
        Ok(place)
    }

    /// Whole pages of a range in a region.
    fn pages(&self, id: RegionId, start: u64, len: u64) -> Result<Range<u64>, zx_status_t> {
        let region = &self.regions[id];
        let len = len.checked_next_multiple_of(ZX_PAGE_SIZE).unwrap_or(0);
        let end = start.checked_add(len).ok_or(ZX_ERR_INVALID_ARGS)?;
        if !region.alive {
            return Err(ZX_ERR_BAD_STATE);
        }
        let is_inside = start >= region.range.start && end <= region.range.end;
        if len == 0 || !start.is_multiple_of(ZX_PAGE_SIZE) || !is_inside {
            return Err(ZX_ERR_INVALID_ARGS);
        }
        Ok(start..end)
    }

    pub(crate) fn map(
        &mut self,
        id: RegionId,
        offset: u64,
        vmo: (&Vmo, u64),
        len: u64,
        flags: u32,
        possible: u32,
    ) -> Result<Range<u64>, zx_status_t> {
        let (vmo, vmo_offset) = vmo;
        let len = len.checked_next_multiple_of(ZX_PAGE_SIZE).unwrap_or(0);
        let leaves = vmo_offset.checked_add(len).is_none();
        if leaves || !vmo_offset.is_multiple_of(ZX_PAGE_SIZE) {
            return Err(ZX_ERR_INVALID_ARGS);
        }
        if (flags & PERMISSIONS) << CAN_MAP_SHIFT & !self.regions[id].flags != 0 {
            return Err(ZX_ERR_ACCESS_DENIED);
        }
        let place = self.place(id, offset, len, flags)?;
        // SAFETY: the place lies in the reserved range, and what is there is to
        // be replaced.
        let mapped = unsafe {
            libc::mmap(
                ptr::with_exposed_provenance_mut(place.start as usize),
                len as usize,
                protection(flags),
                libc::MAP_SHARED | libc::MAP_FIXED,
                vmo.file.as_raw_fd(),
                vmo_offset as libc::off_t,
            )
        };
        if mapped == libc::MAP_FAILED {
            return Err(status(&io::Error::last_os_error()));
        }
        self.cut(&place);
        self.mappings.insert(place.start, (place.end, possible));
        Ok(place)
    }

    /// Forgets the mappings in a range, and answers with them; what sticks out
    /// stays.
    fn cut(&mut self, range: &Range<u64>) -> Vec<(u64, Mapping)> {
        let inside = self.overlapping(range);
        for (base, (end, possible)) in &inside {
            self.mappings.remove(base);
            if *base < range.start {
                self.mappings.insert(*base, (range.start, *possible));
            }
            if *end > range.end {
                self.mappings.insert(range.end, (*end, *possible));
            }
        }
        inside
    }

    fn remove(&mut self, range: &Range<u64>) -> Result<(), zx_status_t> {
        let address = ptr::with_exposed_provenance_mut(range.start as usize);
        reserve(address, range.end - range.start, libc::MAP_FIXED)
            .map_err(|error| status(&error))?;
        self.cut(range);
        Ok(())
    }

    pub(crate) fn unmap(&mut self, id: RegionId, start: u64, len: u64) -> Result<(), zx_status_t> {
        let range = self.pages(id, start, len)?;
        let is_partly =
            |child: &Region| child.range.start < range.start || child.range.end > range.end;
        if self.children(id, &range).any(|(_, child)| is_partly(child)) {
            return Err(ZX_ERR_INVALID_ARGS);
        }
        let inside: Vec<_> = self.children(id, &range).map(|(child, _)| child).collect();
        inside.into_iter().try_for_each(|child| self.destroy(child))?;
        self.remove(&range)
    }

    pub(crate) fn protect(
        &mut self,
        id: RegionId,
        start: u64,
        len: u64,
        flags: u32,
    ) -> Result<(), zx_status_t> {
        let range = self.pages(id, start, len)?;
        if self.children(id, &range).next().is_some() {
            return Err(ZX_ERR_INVALID_ARGS);
        }
        let mut at = range.start;
        for (base, (end, possible)) in self.overlapping(&range) {
            if base > at {
                return Err(ZX_ERR_NOT_FOUND);
            }
            if flags & !possible != 0 {
                return Err(ZX_ERR_ACCESS_DENIED);
            }
            at = end;
        }
        if at < range.end {
            return Err(ZX_ERR_NOT_FOUND);
        }
        let address = ptr::with_exposed_provenance_mut(range.start as usize);
        // SAFETY: the range holds mappings of VMOs, to which nothing in Rust
        // refers.
        let result = unsafe {
            libc::mprotect(address, (range.end - range.start) as usize, protection(flags))
        };
        if result == 0 { Ok(()) } else { Err(status(&io::Error::last_os_error())) }
    }

    pub(crate) fn allocate(
        &mut self,
        parent: RegionId,
        offset: u64,
        len: u64,
        flags: u32,
    ) -> Result<(RegionId, u64), zx_status_t> {
        if flags & CAN_MAP & !self.regions[parent].flags != 0 {
            return Err(ZX_ERR_ACCESS_DENIED);
        }
        if !len.is_multiple_of(ZX_PAGE_SIZE) {
            return Err(ZX_ERR_INVALID_ARGS);
        }
        let range = self.place(parent, offset, len, flags)?;
        let base = range.start;
        self.regions.push(Region { range, flags, parent, alive: true });
        Ok((self.regions.len() - 1, base))
    }

    pub(crate) fn destroy(&mut self, id: RegionId) -> Result<(), zx_status_t> {
        if !self.regions[id].alive {
            return Err(ZX_ERR_BAD_STATE);
        }
        let range = self.range(id);
        let children: Vec<_> = self.children(id, &range).map(|(child, _)| child).collect();
        children.into_iter().try_for_each(|child| self.destroy(child))?;
        self.regions[id].alive = false;
        self.remove(&range)
    }
}

impl Drop for Space {
    fn drop(&mut self) {
        let Range { start, end } = self.range(0);
        // SAFETY: the range was reserved by `new` and is not used again.
        unsafe {
            libc::munmap(ptr::with_exposed_provenance_mut(start as usize), (end - start) as usize)
        };
    }
}

/// What the host calls permissions.
fn protection(flags: u32) -> i32 {
    [
        (ZX_VM_FLAG_PERM_READ, libc::PROT_READ),
        (ZX_VM_FLAG_PERM_WRITE, libc::PROT_WRITE),
        (ZX_VM_FLAG_PERM_EXECUTE, libc::PROT_EXEC),
    ]
    .into_iter()
    .filter(|(flag, _)| flags & flag != 0)
    .fold(libc::PROT_NONE, |protection, (_, bit)| protection | bit)
}

/// Makes a range inaccessible: one of the reserved range, or a new one.
fn reserve(address: *mut libc::c_void, len: u64, flags: i32) -> io::Result<u64> {
    let flags = flags | libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
    // SAFETY: without an address the host chooses; with one it lies in the
    // reserved range, and what is there is to go.
    let found = unsafe { libc::mmap(address, len as usize, libc::PROT_NONE, flags, -1, 0) };
    if found == libc::MAP_FAILED {
        return Err(io::Error::last_os_error());
    }
    Ok(found.expose_provenance() as u64)
}
