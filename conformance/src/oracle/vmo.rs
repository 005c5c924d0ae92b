//! One VMO.

use vmo_abi::{ZX_CACHE_POLICY_CACHED, ZX_MAX_NAME_LEN, ZX_PAGE_SHIFT, ZX_PAGE_SIZE};

use super::clause::{Clause, clause};
use super::handles::ObjectId;
use super::page::Slot;
use super::pages::PageList;

/// A VMO: an index into the state's VMOs.
pub(super) type VmoId = u32;

pub(super) type NameBytes = [u8; ZX_MAX_NAME_LEN];

/// What is known of a name.
#[derive(Clone)]
pub(super) enum Name {
    Known(NameBytes),
    /// One of these.
    Either(NameBytes, NameBytes),
    Unknown,
}

impl Name {
    pub(super) const EMPTY: Self = Self::Known([0; ZX_MAX_NAME_LEN]);

    /// Whether it may be this one, which it is from then on.
    pub(super) fn observe(&mut self, name: &NameBytes) -> bool {
        let possible = match self {
            Self::Known(known) => return known == name,
            Self::Either(one, other) => one == name || other == name,
            Self::Unknown => true,
        };
        if possible {
            *self = Self::Known(*name);
        }
        possible
    }
}

/// A VMO, as far as it is known.
#[derive(Clone)]
pub(super) struct Vmo {
    pub(super) object: ObjectId,
    pub(super) size: u64,
    /// The VMO it is a clone of, and the page of it where the clone begins.
    pub(super) parent: Option<(VmoId, u64)>,
    /// Direct clones that exist.
    pub(super) children: u32,
    /// Mappings that exist.
    pub(super) mappings: u32,
    /// Whether it has handles.
    pub(super) named: bool,
    pub(super) cache_policy: u32,
    /// Whether the cache policy was ever set (C-13).
    pub(super) configured: bool,
    pub(super) name: Name,
    pub(super) pages: PageList,
    /// Positions around all that was read and so may have been committed by
    /// that (C-06); empty if its end is not behind its start.
    pub(super) read: (u64, u64),
    /// The first position that it grew over as a clone, by rules other than the
    /// kernel's.
    pub(super) grown_from: u64,
    /// The clause that says why it has its size.
    pub(super) size_clause: Clause,
    /// Whether it ever had a clone.
    pub(super) was_cloned: bool,
    /// What happened to it, to find the clause that wrong bytes break.
    pub(super) was_cut: bool,
    pub(super) was_released: bool,
}

/// Rounds up to whole pages; `None` if that leaves 64 bits.
pub(super) fn round_up(bytes: u64) -> Option<u64> {
    Some(bytes.checked_add(ZX_PAGE_SIZE - 1)? & !(ZX_PAGE_SIZE - 1))
}

pub(super) fn is_aligned(bytes: u64) -> bool {
    bytes.is_multiple_of(ZX_PAGE_SIZE)
}

/// Pages that a range touches, as positions.
pub(super) fn pages_of(offset: u64, len: u64) -> (u64, u64) {
    let first = offset >> ZX_PAGE_SHIFT;
    if len == 0 {
        return (first, first);
    }
    (first, (offset.saturating_add(len - 1) >> ZX_PAGE_SHIFT) + 1)
}

impl Vmo {
    /// A VMO as it is at birth (VMO-CREATE-37 to -40).
    pub(super) fn new(size: u64) -> Self {
        Self {
            object: 0,
            size,
            parent: None,
            children: 0,
            mappings: 0,
            named: true,
            cache_policy: ZX_CACHE_POLICY_CACHED,
            configured: false,
            name: Name::EMPTY,
            pages: PageList::default(),
            read: (0, 0),
            grown_from: u64::MAX,
            size_clause: clause!("VMO-CREATE-03"),
            was_cloned: false,
            was_cut: false,
            was_released: false,
        }
    }

    pub(super) fn page_count(&self) -> u64 {
        self.size >> ZX_PAGE_SHIFT
    }

    /// What is at a position, and where the next thing begins.
    pub(super) fn slot(&self, index: u64) -> (&Slot, u64) {
        self.pages.slot(index)
    }

    pub(super) fn is_free(&self) -> bool {
        !self.named && self.mappings == 0 && self.children == 0 && self.object == ObjectId::MAX
    }

    pub(super) fn free(&mut self) {
        self.object = ObjectId::MAX;
        self.pages = PageList::default();
        self.parent = None;
    }

    pub(super) fn forget_read(&mut self, first: u64, end: u64) {
        let (read_first, read_end) = self.read;
        if first <= read_first {
            self.read.0 = read_first.max(end);
        }
        if end >= read_end {
            self.read.1 = self.read.1.min(first);
        }
        if self.read.0 >= self.read.1 {
            self.read = (0, 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_touch_whole_pages() {
        assert_eq!(pages_of(0, 0), (0, 0));
        assert_eq!(pages_of(0xfff, 2), (0, 2));
        assert_eq!(pages_of(0x1000, 0x1000), (1, 2));
        assert_eq!(pages_of(u64::MAX, 1), ((1 << 52) - 1, 1 << 52));
        assert_eq!(round_up(0), Some(0));
        assert_eq!(round_up(1), Some(0x1000));
        assert_eq!(round_up(u64::MAX - 0xffe), None);
    }

    #[test]
    fn what_was_read_is_forgotten_piece_by_piece() {
        let mut vmo = Vmo::new(0);
        vmo.read = (2, 8);
        vmo.forget_read(3, 4);
        assert_eq!(vmo.read, (2, 8));
        vmo.forget_read(0, 4);
        assert_eq!(vmo.read, (4, 8));
        vmo.forget_read(7, 20);
        assert_eq!(vmo.read, (4, 7));
        vmo.forget_read(0, 20);
        assert_eq!(vmo.read, (0, 0));
    }
}
