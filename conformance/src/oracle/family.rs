//! What shows at a position of a VMO whose family of clones decides it
//! (COW-01 to COW-38), and what is learnt by looking.
//!
//! A position is a page number. Each VMO holds there one of a few possibilities
//! ([`Slot`]); where a possibility is to follow, the parent is asked, so what
//! shows is decided by the choices along the chain of parents. All walks along
//! that chain are loops: chains may be as long as programs.

use vmo_abi::{ZX_PAGE_SHIFT, ZX_PAGE_SIZE};

use super::clause::{Clause, clause};
use super::page::{Match, PAGE, Page, Slot, is_zero};
use super::state::{Happening, State};
use super::vmo::{VmoId, pages_of};

/// What shows at a position.
pub(super) enum Seen<'a> {
    /// Zeros, and nobody in the chain has a page.
    Nothing,
    /// The own page of a VMO of the chain.
    Page(VmoId, u64, &'a Page),
    /// One of several things.
    Several,
}

/// A position and those of the ancestors that may show there.
pub(super) struct Chain {
    pub(super) levels: Vec<(VmoId, u64)>,
    /// The position where it is not all the same any more.
    pub(super) end: u64,
}

impl State {
    /// The parent and the position in it that a position corresponds to.
    fn above(&self, vmo: VmoId, index: u64) -> Option<(VmoId, u64)> {
        let (parent, offset) = self.vmo(vmo).parent?;
        // Positions that leave 64 bits are beyond every size (COW-37).
        Some((parent, index.checked_add(offset)?))
    }

    /// What shows at a position inside the VMO.
    pub(super) fn seen(&self, vmo: VmoId, index: u64) -> Seen<'_> {
        let (mut vmo, mut index) = (vmo, index);
        loop {
            match self.vmo(vmo).slot(index).0 {
                Slot::Several(_) => return Seen::Several,
                Slot::One(Page::Severed) => return Seen::Nothing,
                Slot::One(Page::Follows) => {}
                Slot::One(page) => return Seen::Page(vmo, index, page),
            }
            match self.above(vmo, index) {
                Some((parent, above)) if above < self.vmo(parent).page_count() => {
                    (vmo, index) = (parent, above);
                }
                _ => return Seen::Nothing,
            }
        }
    }

    /// The page whose bytes show, for a copy; unknown if there are several.
    pub(super) fn visible(&self, vmo: VmoId, index: u64) -> Page {
        match self.seen(vmo, index) {
            Seen::Nothing => Page::Zero,
            Seen::Page(_, _, page) => page.clone(),
            Seen::Several => Page::Unknown,
        }
    }

    /// The levels that may decide about a position, itself first.
    pub(super) fn chain(&self, vmo: VmoId, index: u64) -> Chain {
        let first = index;
        let mut chain = Chain { levels: Vec::new(), end: u64::MAX };
        let mut next = Some((vmo, index));
        while let Some((vmo, index)) = next {
            let pages = self.vmo(vmo).page_count();
            let is_first = chain.levels.is_empty();
            if index >= pages && !is_first {
                break;
            }
            let (slot, run_end) = self.vmo(vmo).slot(index);
            let end = if is_first { run_end.min(pages.max(index + 1)) } else { run_end.min(pages) };
            chain.end = chain.end.min(first.saturating_add(end - index));
            chain.levels.push((vmo, index));
            if !slot.may_follow() {
                break;
            }
            next = self.above(vmo, index);
        }
        chain
    }

    /// Whether something stored in `first..end` of `stored` can show in a range
    /// of `shown`: it is the same VMO or an ancestor, at the same place.
    pub(super) fn shows(
        &self,
        shown: VmoId,
        range: (u64, u64),
        stored: VmoId,
        first: u64,
        end: u64,
    ) -> bool {
        let (mut vmo, (mut range_first, mut range_end)) = (shown, range);
        loop {
            if vmo == stored {
                return range_first < end && first < range_end;
            }
            let Some((parent, offset)) = self.vmo(vmo).parent else { return false };
            range_first = range_first.saturating_add(offset);
            range_end = range_end.saturating_add(offset);
            vmo = parent;
        }
    }

    /// Compares bytes that were read at `offset` with what may show there, and
    /// takes note of what that decides. Answers with the clause that is broken
    /// and how many bytes before the first wrong page were right.
    pub(super) fn observe(
        &mut self,
        vmo: VmoId,
        offset: u64,
        bytes: &[u8],
    ) -> Result<(), (Clause, usize)> {
        let mut done = 0;
        while done < bytes.len() {
            let at = offset + done as u64;
            let (index, within) = (at >> ZX_PAGE_SHIFT, (at % ZX_PAGE_SIZE) as usize);
            let len = (PAGE - within).min(bytes.len() - done);
            let chunk = &bytes[done..done + len];
            let mut shows = None;
            let agreed = match self.seen(vmo, index) {
                Seen::Nothing => {
                    shows = self.vmo(vmo).parent.map(|_| Happening::NothingShows);
                    is_zero(chunk)
                }
                Seen::Page(owner, position, page) => {
                    if owner != vmo {
                        let is_parent = self.vmo(vmo).parent.is_some_and(|it| it.0 == owner);
                        shows = Some(if is_parent {
                            Happening::ParentShows
                        } else {
                            Happening::AncestorShows
                        });
                    }
                    match page.compare(within, chunk) {
                        Match::Same => true,
                        Match::Different => false,
                        Match::Possible => {
                            self.learn(owner, position, within, chunk);
                            true
                        }
                    }
                }
                Seen::Several => self.observe_several(vmo, index, within, chunk),
            };
            if let Some(shows) = shows {
                self.note(shows);
            }
            if !agreed {
                return Err((self.blame(vmo, index), done));
            }
            done += len;
        }
        Ok(())
    }

    fn learn(&mut self, vmo: VmoId, index: u64, within: usize, bytes: &[u8]) {
        let Slot::One(page) = self.vmo(vmo).slot(index).0 else { return };
        let mut page = page.clone();
        page.learn(within, bytes);
        self.vmo_mut(vmo).pages.set(index, index + 1, Slot::One(page));
    }

    /// [`observe`](Self::observe) where several things may show: those that
    /// would have shown other bytes are ruled out.
    fn observe_several(&mut self, vmo: VmoId, index: u64, within: usize, bytes: &[u8]) -> bool {
        let chain = self.chain(vmo, index);
        let zeros = is_zero(bytes);
        let fits = |page: &Page, above: bool| match page {
            Page::Follows => above,
            Page::Severed => zeros,
            page => page.compare(within, bytes) != Match::Different,
        };
        // Whether what each level shows may be these bytes, from the top down;
        // above the topmost there are zeros.
        let mut possible = vec![zeros];
        for (vmo, index) in chain.levels.iter().rev() {
            let above = possible[possible.len() - 1];
            let slot = self.vmo(*vmo).slot(*index).0;
            possible.push(slot.alternatives().iter().any(|page| fits(page, above)));
        }
        let mut levels = chain.levels.iter();
        while let (Some((vmo, index)), Some(true)) = (levels.next(), possible.pop()) {
            let Some(above) = possible.last().copied() else { break };
            let slot = self.vmo(*vmo).slot(*index).0;
            let mut rest: Vec<_> =
                slot.alternatives().iter().filter(|page| fits(page, above)).cloned().collect();
            if let [page] = &mut rest[..]
                && page.is_own()
            {
                page.learn(within, bytes);
            }
            let follows = matches!(rest[..], [Page::Follows]);
            self.vmo_mut(*vmo).pages.set(*index, index + 1, Slot::of(rest));
            if !follows {
                return true;
            }
            if possible.len() == 1 {
                // Nobody above has a page.
                return true;
            }
        }
        // Only if these bytes were impossible at the first level.
        false
    }

    /// The clause that bytes break which cannot be those of a position: the one
    /// that says most about what should show there.
    fn blame(&self, vmo: VmoId, index: u64) -> Clause {
        let own = self.vmo(vmo);
        match (self.seen(vmo, index), own.parent) {
            (Seen::Nothing, None) if own.was_released => clause!("VMO-OPRANGE-27"),
            (Seen::Nothing, None) if own.was_cut => clause!("VMO-SETSIZE-10"),
            (Seen::Nothing, None) => clause!("VMO-CREATE-37"),
            (Seen::Page(..), None) => clause!("VMO-READ-23"),
            (Seen::Nothing, Some(_)) => clause!("COW-09"),
            (Seen::Page(owner, ..), Some(_)) if owner == vmo => clause!("COW-04"),
            (Seen::Page(..), Some(_)) => clause!("COW-02"),
            (Seen::Several, _) => clause!("COW-27"),
        }
    }

    /// Takes note that a range was read, which may have committed its pages
    /// here or further up (C-06).
    pub(super) fn note_read(&mut self, vmo: VmoId, offset: u64, len: u64) {
        let (mut first, mut end) = pages_of(offset, len);
        let mut next = Some(vmo);
        while let Some(vmo) = next {
            let own = self.vmo(vmo);
            end = end.min(own.page_count());
            if first >= end {
                return;
            }
            let (read_first, read_end) = own.read;
            if read_first >= read_end || first < read_first || end > read_end {
                let empty = read_first >= read_end;
                self.vmo_mut(vmo).read =
                    if empty { (first, end) } else { (first.min(read_first), end.max(read_end)) };
            }
            next = self.vmo(vmo).parent.map(|(parent, offset)| {
                first = first.saturating_add(offset);
                end = end.saturating_add(offset);
                parent
            });
        }
    }
}
