//! What changes the contents of a VMO: stores, commitment, release, resizing.

use vmo_abi::{ZX_PAGE_SHIFT, ZX_PAGE_SIZE};

use super::family::Seen;
use super::page::{PAGE, Page, Piece, Slot};
use super::state::{Happening, State};
use super::vmo::{VmoId, pages_of};

/// Most pages whose bytes are kept; others become unknown. Programs are short,
/// so this is far beyond what they write.
const MOST_PAGES: u32 = 1 << 16;
/// Most pages of one range that are looked at one by one.
const MOST_PIECES: u64 = 1 << 12;

/// How sure it is that something happened, and by whose rules.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct How {
    /// A clone between the VMO and the page that shows takes a copy, too
    /// (COW-27); otherwise it may or may not (C-26).
    pub(super) kernel: bool,
    /// Whether it happened; otherwise it may have.
    pub(super) certain: bool,
    /// Only pages that an ancestor has are copied (COW-34).
    pub(super) only_existing: bool,
}

impl How {
    pub(super) fn by_level(kernel: bool) -> Self {
        Self { kernel, certain: true, only_existing: false }
    }

    pub(super) fn perhaps(self) -> Self {
        Self { certain: false, ..self }
    }
}

impl State {
    /// Stores a piece at `within` of each page `first..end`, all of which hold
    /// the same, committing them; with an empty piece they are only committed.
    fn write_pages(
        &mut self,
        how: How,
        vmo: VmoId,
        (first, end): (u64, u64),
        within: usize,
        piece: &Piece<'_>,
    ) {
        if how.certain
            && end == first + 1
            && let Some(page) = self.vmo_mut(vmo).pages.own_page_mut(first)
        {
            page.put(within, piece);
            return;
        }
        let piece = if piece.is_empty() || self.pages_made < MOST_PAGES {
            piece
        } else {
            &Piece::Unknown(piece.len())
        };
        self.pages_made += u32::from(!piece.is_empty());
        let chain = self.chain(vmo, first);
        let Some(((_, _), ancestors)) = chain.levels.split_first() else { return };
        let own = self.vmo(vmo).slot(first).0.clone();
        let mut above = vec![(Page::Zero, false)];
        if self.vmo(vmo).parent.is_some() && own.may_follow() {
            // A middle clone copies for certain only if it was asked for
            // certain.
            let certain = how.kernel && how.certain && !own.may_be_own();
            for (ancestor, index) in ancestors.iter().rev() {
                above = self.ask(certain, *ancestor, (*index, index + (end - first)), above);
            }
        }
        if self.vmo(vmo).parent.is_some() && own.may_follow() {
            let exists = above.iter().any(|(_, exists)| *exists);
            self.note(if exists { Happening::Detached } else { Happening::DetachedFromNothing });
            if exists && (1..PAGE).contains(&piece.len()) {
                self.note(Happening::PartlyWritten);
            }
            if !exists && ancestors.len() > 1 {
                self.note(Happening::MiddleLeftAlone);
            }
        }
        let mut slots = if how.certain { Vec::new() } else { own.alternatives().to_vec() };
        for page in own.alternatives() {
            if !matches!(page, Page::Follows) {
                let mut page = page.clone();
                if !how.only_existing || page.is_own() {
                    page.put(within, piece);
                }
                slots.push(page);
                continue;
            }
            for (shown, exists) in &above {
                if how.only_existing && !exists {
                    slots.push(Page::Follows);
                    continue;
                }
                let mut page = shown.copied();
                page.put(within, piece);
                slots.push(page);
            }
        }
        self.vmo_mut(vmo).pages.set(first, end, Slot::of(slots));
    }

    /// What an ancestor shows at `first..end` when a page is wanted for
    /// writing, given what shows above it, each with whether a page exists.
    /// The ancestor takes a copy of a page that exists above it (COW-27), or
    /// may take it (C-26).
    fn ask(
        &mut self,
        certain: bool,
        vmo: VmoId,
        (first, end): (u64, u64),
        above: Vec<(Page, bool)>,
    ) -> Vec<(Page, bool)> {
        let slot = self.vmo(vmo).slot(first).0.clone();
        let mut shown = Vec::new();
        let mut slots = Vec::new();
        let mut copies = false;
        for page in slot.alternatives() {
            match page {
                Page::Follows => {
                    let exists = above.iter().filter(|(_, exists)| *exists);
                    slots.extend(exists.map(|(page, _)| page.copied()));
                    copies |= !slots.is_empty();
                    if !certain || above.iter().any(|(_, exists)| !exists) {
                        slots.push(Page::Follows);
                    }
                    shown.extend(above.iter().cloned());
                }
                Page::Severed => {
                    slots.push(Page::Severed);
                    shown.push((Page::Zero, false));
                }
                own => {
                    slots.push(own.clone());
                    shown.push((own.clone(), true));
                }
            }
        }
        if copies {
            self.note(Happening::MiddleCopied);
            self.vmo_mut(vmo).pages.set(first, end, Slot::of(slots));
        }
        // More than this only matters to bytes that will be unknown anyway.
        shown.truncate(8);
        shown
    }

    /// Stores bytes at a position within one page.
    pub(super) fn write(&mut self, how: How, vmo: VmoId, offset: u64, piece: &Piece<'_>) {
        let index = offset >> ZX_PAGE_SHIFT;
        let within = (offset % ZX_PAGE_SIZE) as usize;
        self.write_pages(how, vmo, (index, index + 1), within, piece);
    }

    /// Stores known bytes, and unknown ones up to `len`.
    pub(super) fn write_all(&mut self, how: How, vmo: VmoId, offset: u64, len: u64, known: &[u8]) {
        let known = &known[..known.len().min(usize::try_from(len).unwrap_or(usize::MAX))];
        let mut done = 0;
        while done < known.len() {
            let within = ((offset + done as u64) % ZX_PAGE_SIZE) as usize;
            let piece = (PAGE - within).min(known.len() - done);
            let bytes = &known[done..done + piece];
            self.write(how, vmo, offset + done as u64, &Piece::Known(bytes));
            done += piece;
        }
        self.smear(how, vmo, offset + done as u64, len - done as u64);
    }

    /// Stores bytes that nobody knows.
    pub(super) fn smear(&mut self, how: How, vmo: VmoId, offset: u64, len: u64) {
        if len == 0 {
            return;
        }
        let last = offset.saturating_add(len - 1);
        let (mut first, end) = pages_of(offset, len);
        let page_end = |index: u64| (index << ZX_PAGE_SHIFT) | (ZX_PAGE_SIZE - 1);
        let partial = |state: &mut Self, from: u64, to: u64| {
            let piece = Piece::Unknown((to - from + 1) as usize);
            state.write(how, vmo, from, &piece);
        };
        if !offset.is_multiple_of(ZX_PAGE_SIZE) || last < page_end(first) {
            partial(self, offset, last.min(page_end(first)));
            first += 1;
        }
        let whole = if last == page_end(end - 1) { end } else { end - 1 };
        self.each_piece(vmo, first, whole, |state, first, end| {
            state.write_pages(how, vmo, (first, end), 0, &Piece::Unknown(PAGE));
        });
        if whole < end && first < end {
            partial(self, whole << ZX_PAGE_SHIFT, last);
        }
    }

    /// Does something with each part of a range that holds the same all over.
    fn each_piece(
        &mut self,
        vmo: VmoId,
        first: u64,
        end: u64,
        mut each: impl FnMut(&mut Self, u64, u64),
    ) {
        let mut first = first;
        let mut pieces = 0;
        while first < end {
            let piece_end = self.chain(vmo, first).end.min(end);
            each(self, first, piece_end);
            first = piece_end;
            pieces += 1;
            if pieces > MOST_PIECES {
                self.lost = true;
                return;
            }
        }
    }

    /// Commits pages (VMO-OPRANGE-13, COW-17), or copies those that an ancestor
    /// has (COW-34).
    pub(super) fn commit(&mut self, how: How, vmo: VmoId, first: u64, end: u64) {
        self.each_piece(vmo, first, end, |state, first, end| {
            let slot = state.vmo(vmo).slot(first).0;
            if slot.is_own() {
                return;
            }
            state.write_pages(how, vmo, (first, end), 0, &Piece::NONE);
        });
    }

    /// Releases pages: what the parent shows is back (COW-19), or zeros
    /// (VMO-OPRANGE-27).
    pub(super) fn release(&mut self, vmo: VmoId, first: u64, end: u64) {
        let own = self.vmo(vmo);
        let had_page = own.pages.has_own(first, end);
        self.note(match (own.parent.is_some(), had_page) {
            (true, true) => Happening::Reattached,
            (true, false) => Happening::NothingToReattach,
            (false, true) => Happening::Released,
            (false, false) => Happening::NothingToRelease,
        });
        if had_page && self.vmo(vmo).children > 0 {
            self.note(Happening::ParentReleased);
        }
        let vmo = self.vmo_mut(vmo);
        vmo.was_released = true;
        vmo.pages.clear(first, end);
        vmo.forget_read(first, end);
        if vmo.grown_from < end {
            vmo.pages.set(first.max(vmo.grown_from), end, perhaps_severed());
        }
    }

    /// A page of which a part was released may have been released as a whole,
    /// or not at all, or only the part reads as 0.
    pub(super) fn release_partly(&mut self, vmo: VmoId, offset: u64, len: u64) {
        let index = offset >> ZX_PAGE_SHIFT;
        let zeros = [0; PAGE];
        let within = (offset % ZX_PAGE_SIZE) as usize;
        let slot = self.vmo(vmo).slot(index).0;
        if !slot.may_be_own() {
            return;
        }
        let mut slots = slot.alternatives().to_vec();
        for page in slot.alternatives().iter().filter(|page| page.is_own()) {
            let mut page = page.clone();
            page.put(within, &Piece::Known(&zeros[..len as usize]));
            slots.push(page);
        }
        slots.push(Page::Follows);
        let vmo = self.vmo_mut(vmo);
        if vmo.grown_from <= index {
            slots.push(Page::Severed);
        }
        vmo.was_released = true;
        vmo.pages.set(index, index + 1, Slot::of(slots));
    }

    /// Resizes a VMO (VMO-SETSIZE-09 to -14).
    pub(super) fn resize(&mut self, kernel: bool, vmo: VmoId, size: u64) {
        let vmo = self.vmo_mut(vmo);
        let (old, new) = (vmo.page_count(), size >> ZX_PAGE_SHIFT);
        vmo.size = size;
        if new < old {
            vmo.was_cut = true;
            vmo.pages.clear(new, u64::MAX);
            vmo.forget_read(new, u64::MAX);
        } else if new > old && vmo.parent.is_some() && !kernel {
            // Only the kernel says that the parent shows where a clone grew
            // (COW-29, COW-30).
            vmo.pages.set(old, new, perhaps_severed());
            vmo.grown_from = vmo.grown_from.min(old);
        }
    }

    /// What was stored in a range since it was last cleaned may be lost
    /// (ND-11).
    pub(super) fn invalidate(&mut self, vmo: VmoId, first: u64, end: u64) {
        self.each_piece(vmo, first, end, |state, first, end| {
            for (vmo, index) in state.chain(vmo, first).levels {
                let slot = state.vmo(vmo).slot(index).0;
                if slot.may_be_own() {
                    let mut pages = slot.alternatives().to_vec();
                    pages.iter_mut().for_each(Page::invalidate);
                    state.vmo_mut(vmo).pages.set(index, index + (end - first), Slot::of(pages));
                }
            }
        });
    }

    /// The pages that show in a range have been cleaned.
    pub(super) fn clean(&mut self, vmo: VmoId, first: u64, end: u64) {
        self.each_piece(vmo, first, end, |state, first, end| {
            if let Seen::Page(owner, index, page) = state.seen(vmo, first) {
                let mut page = page.clone();
                page.clean();
                let slot = Slot::One(page);
                state.vmo_mut(owner).pages.set(index, index + (end - first), slot);
            }
        });
    }
}

/// What is at positions that a clone grew over, or released there, by other
/// rules than the kernel's (COW-29, COW-30).
fn perhaps_severed() -> Slot {
    Slot::of(vec![Page::Follows, Page::Severed])
}
