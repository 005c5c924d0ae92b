//! Virtual memory objects: sizes, committed pages, and copy-on-write between
//! the members of a clone family.
//!
//! A clone that has no page of its own at some position shows what its parent
//! shows there (COW-01, COW-02). Families can be very deep, so nothing here
//! recurses.

use std::ops::Range;

use slab::Slab;
use vmo_abi::{ZX_ERR_OUT_OF_RANGE, ZX_MAX_NAME_LEN, ZX_PAGE_SIZE, zx_koid_t, zx_status_t};

use crate::budget::Budget;
use crate::memory::{Frame, Memory};
use crate::object::ObjectId;
use crate::pages::Pages;

/// Names a VMO inside the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct VmoId(u32);

/// One virtual memory object.
#[derive(Debug)]
pub(crate) struct Vmo {
    pub(crate) koid: zx_koid_t,
    pub(crate) name: [u8; ZX_MAX_NAME_LEN],
    /// Bytes, always whole pages (VMO-GETSIZE-07).
    pub(crate) size: u64,
    pub(crate) cache_policy: u32,
    /// The object that handles name, until the last handle is closed.
    pub(crate) dispatcher: Option<ObjectId>,
    /// Mappings that hold the VMO (VMAR-MAP-38).
    pub(crate) mappings: u32,
    /// Direct clones, which hold the VMO as well (COW-15).
    pub(crate) children: u32,
    pub(crate) parent: Option<VmoId>,
    /// The page of the parent that page 0 corresponds to.
    parent_offset: u64,
    first_child: Option<VmoId>,
    next_sibling: Option<VmoId>,
    previous_sibling: Option<VmoId>,
    pages: Pages,
}

impl Vmo {
    /// Bytes attached to this very VMO (COW-36).
    pub(crate) fn committed_bytes(&self) -> u64 {
        self.pages.count() * ZX_PAGE_SIZE
    }

    fn page_count(&self) -> u64 {
        self.size / ZX_PAGE_SIZE
    }

    /// Whether nothing needs the VMO any more.
    fn is_unneeded(&self) -> bool {
        self.dispatcher.is_none() && self.mappings == 0 && self.children == 0
    }

    /// The parent's page that shows at page `index` of this VMO, if the
    /// position exists at all (COW-37).
    fn position_in_parent(&self, index: u64) -> Option<(VmoId, u64)> {
        Some((self.parent?, self.parent_offset.checked_add(index)?))
    }
}

/// A page that was made the VMO's own.
#[derive(Debug)]
pub(crate) struct Committed {
    pub(crate) frame: Frame,
    /// The highest ancestor, and its page, that shows another frame than
    /// before; `None` if the page was there already.
    pub(crate) changed: Option<(VmoId, u64)>,
}

/// All VMOs of the machine.
#[derive(Debug, Default)]
pub(crate) struct Vmos {
    slab: Slab<Vmo>,
}

/// Rounds a size up to whole pages, or refuses one that is too large for the
/// edition (VMO-CREATE-02, VMO-CREATE-06).
pub(crate) fn round_size(size: u64, largest: u64) -> Result<u64, zx_status_t> {
    size.checked_next_multiple_of(ZX_PAGE_SIZE)
        .filter(|rounded| *rounded <= largest)
        .ok_or(ZX_ERR_OUT_OF_RANGE)
}

impl Vmos {
    pub(crate) fn len(&self) -> usize {
        self.slab.len()
    }

    /// Whether the VMO still exists.
    pub(crate) fn contains(&self, id: VmoId) -> bool {
        self.slab.contains(id.0 as usize)
    }

    pub(crate) fn get(&self, id: VmoId) -> &Vmo {
        &self.slab[id.0 as usize]
    }

    pub(crate) fn get_mut(&mut self, id: VmoId) -> &mut Vmo {
        &mut self.slab[id.0 as usize]
    }

    /// Makes a VMO of whole pages; with a parent it is a clone that starts at
    /// page `parent_offset` of it.
    pub(crate) fn create(
        &mut self,
        koid: zx_koid_t,
        size: u64,
        parent: Option<(VmoId, u64)>,
    ) -> VmoId {
        let parent_offset = parent.map_or(0, |(_, offset)| offset);
        let parent = parent.map(|(id, _)| id);
        let first_sibling = parent.and_then(|parent| self.get(parent).first_child);
        let id = VmoId(
            u32::try_from(self.slab.insert(Vmo {
                koid,
                name: [0; ZX_MAX_NAME_LEN],
                size,
                cache_policy: 0,
                dispatcher: None,
                mappings: 0,
                children: 0,
                parent,
                parent_offset,
                first_child: None,
                next_sibling: first_sibling,
                previous_sibling: None,
                pages: Pages::default(),
            }))
            .expect("handles, mappings and clones of them run out long before 2^32 VMOs"),
        );
        if let Some(sibling) = first_sibling {
            self.get_mut(sibling).previous_sibling = Some(id);
        }
        if let Some(parent) = parent {
            let parent = self.get_mut(parent);
            parent.first_child = Some(id);
            parent.children += 1;
        }
        id
    }

    /// Destroys a VMO that nothing needs, gives its frames back, and answers
    /// with its parent, which has lost a child. Does nothing and answers
    /// `None` as long as something needs it.
    pub(crate) fn destroy_if_unneeded(&mut self, id: VmoId, budget: &mut Budget) -> Destroyed {
        if !self.get(id).is_unneeded() {
            return Destroyed::StillNeeded;
        }
        let mut vmo = self.slab.remove(id.0 as usize);
        vmo.pages.remove(0..u64::MAX, |frame| budget.release(frame));
        if let Some(previous) = vmo.previous_sibling {
            self.get_mut(previous).next_sibling = vmo.next_sibling;
        } else if let Some(parent) = vmo.parent {
            self.get_mut(parent).first_child = vmo.next_sibling;
        }
        if let Some(next) = vmo.next_sibling {
            self.get_mut(next).previous_sibling = vmo.previous_sibling;
        }
        if let Some(parent) = vmo.parent {
            self.get_mut(parent).children -= 1;
        }
        Destroyed::Gone { parent: vmo.parent }
    }

    /// The frame that page `index` of a VMO shows, `None` for zeros. The page
    /// must lie inside the VMO.
    pub(crate) fn lookup(&self, id: VmoId, index: u64) -> Option<Frame> {
        let mut vmo = self.get(id);
        let mut index = index;
        loop {
            if index >= vmo.page_count() {
                return None;
            }
            if let Some(frame) = vmo.pages.get(index) {
                return Some(frame);
            }
            let (parent, position) = vmo.position_in_parent(index)?;
            vmo = self.get(parent);
            index = position;
        }
    }

    /// The frame that is the VMO's very own at page `index`, and how many pages
    /// from there on have consecutive frames of its own, at most `most`.
    pub(crate) fn own_run(&self, id: VmoId, index: u64, most: usize) -> Option<(Frame, usize)> {
        self.get(id).pages.run(index, most)
    }

    /// The frame that is the VMO's very own at page `index`.
    pub(crate) fn own_page(&self, id: VmoId, index: u64) -> Option<Frame> {
        self.get(id).pages.get(index)
    }

    /// Where page `index` of a VMO comes from, when it has none of its own: the
    /// frame of the nearest ancestor that has one, and how many VMOs get a
    /// copy when the page is made its own: itself and, in this kernel, every
    /// ancestor on the way (COW-27).
    fn source(&self, id: VmoId, index: u64) -> (Option<Frame>, u64) {
        let mut vmo = self.get(id);
        let mut index = index;
        let mut copies = 1;
        while let Some((parent, position)) = vmo.position_in_parent(index) {
            vmo = self.get(parent);
            index = position;
            if index >= vmo.page_count() {
                break;
            }
            if let Some(frame) = vmo.pages.get(index) {
                return (Some(frame), copies);
            }
            copies += 1;
        }
        (None, 1)
    }

    /// Makes page `index` of a VMO its own: a copy of what it shows, or zeros
    /// (COW-03, COW-10). The page must lie inside the VMO.
    pub(crate) fn commit(
        &mut self,
        id: VmoId,
        index: u64,
        memory: &Memory,
        budget: &mut Budget,
    ) -> Result<Committed, zx_status_t> {
        if let Some(frame) = self.own_page(id, index) {
            return Ok(Committed { frame, changed: None });
        }
        let (source, copies) = self.source(id, index);
        budget.reserve(copies)?;
        let Some(source) = source else {
            let frame = budget.take_zeroed(memory);
            self.get_mut(id).pages.insert(index, frame);
            return Ok(Committed { frame, changed: Some((id, index)) });
        };
        let mut at = (id, index);
        let mut changed = at;
        for _ in 0..copies {
            let frame = budget.take();
            memory.frame(frame, 0).copy_from(memory.frame(source, 0));
            let vmo = self.get_mut(at.0);
            vmo.pages.insert(at.1, frame);
            changed = at;
            at = vmo.position_in_parent(at.1).unwrap_or(at);
        }
        let frame = self.own_page(id, index).expect("the first copy went to this very page");
        Ok(Committed { frame, changed: Some(changed) })
    }

    /// Frames that committing every page of the range takes.
    pub(crate) fn frames_to_commit(&self, id: VmoId, range: Range<u64>) -> u64 {
        let vmo = self.get(id);
        let missing = range.end - range.start - vmo.pages.count_in(range.clone());
        if vmo.parent.is_none_or(|parent| self.get(parent).parent.is_none()) {
            return missing;
        }
        // Only a clone of a clone can make ancestors take copies too.
        let mut extra = 0;
        let mut at = range.start;
        while let Some(index) = self.next_inherited(id, at).filter(|index| *index < range.end) {
            extra += self.source(id, index).1 - 1;
            at = index + 1;
        }
        missing + extra
    }

    /// The first page of a VMO at or after `index` that is not its own and
    /// shows a page of an ancestor.
    pub(crate) fn next_inherited(&self, id: VmoId, index: u64) -> Option<u64> {
        let mut at = index;
        loop {
            let mut nearest: Option<u64> = None;
            // In pages of the VMO `id`: where the ancestor begins to be out of
            // sight, and what to add to get its own page index.
            let mut sight = self.get(id).page_count();
            let mut offset = 0u64;
            let mut vmo = self.get(id);
            while let Some(parent) = vmo.parent {
                let Some(sum) = offset.checked_add(vmo.parent_offset) else { break };
                offset = sum;
                vmo = self.get(parent);
                sight = sight.min(vmo.page_count().saturating_sub(offset));
                if at >= sight {
                    break;
                }
                let found = vmo.pages.next(at + offset).map(|index| index - offset);
                nearest = nearest.into_iter().chain(found.filter(|index| *index < sight)).min();
            }
            match nearest {
                Some(index) if self.own_page(id, index).is_some() => at = index + 1,
                other => return other,
            }
        }
    }

    /// Gives back the frames of the VMO's own pages in the range.
    pub(crate) fn decommit(&mut self, id: VmoId, range: Range<u64>, budget: &mut Budget) {
        self.get_mut(id).pages.remove(range, |frame| budget.release(frame));
    }

    /// Whether the VMO has pages of its own.
    pub(crate) fn has_pages(&self, id: VmoId) -> bool {
        self.get(id).pages.count() != 0
    }

    /// Calls `visit` for the VMO with the page range, and for every descendant
    /// that could show a page of it with the range as it lies there.
    pub(crate) fn visit_viewers(
        &self,
        id: VmoId,
        range: Range<u64>,
        mut visit: impl FnMut(VmoId, Range<u64>),
    ) {
        let mut pending = vec![(id, range)];
        while let Some((id, range)) = pending.pop() {
            visit(id, range.clone());
            let mut child = self.get(id).first_child;
            while let Some(next) = child {
                let vmo = self.get(next);
                let start = range.start.max(vmo.parent_offset);
                let end = range.end.min(vmo.parent_offset.saturating_add(vmo.page_count()));
                if start < end {
                    pending.push((next, start - vmo.parent_offset..end - vmo.parent_offset));
                }
                child = vmo.next_sibling;
            }
        }
    }
}

/// What became of a VMO that might not be needed any more.
pub(crate) enum Destroyed {
    /// Something still needs it.
    StillNeeded,
    /// It is gone; its parent has one child less.
    Gone {
        /// The VMO it was a clone of.
        parent: Option<VmoId>,
    },
}
