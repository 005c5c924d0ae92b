//! The pages of one VMO, as runs of positions that hold the same.

use super::page::{FOLLOWS, Page, Slot};

/// Positions `first..end`, each of which holds the same.
#[derive(Clone)]
struct Run {
    first: u64,
    end: u64,
    slot: Slot,
}

/// What a VMO holds at each position. Where nothing is said, it follows its
/// parent. The size of the VMO does not matter to the size of this.
#[derive(Clone, Default)]
pub(super) struct PageList(Vec<Run>);

impl PageList {
    /// The index of the first run that ends behind `index`.
    fn find(&self, index: u64) -> usize {
        match self.0.last() {
            None => 0,
            // Programs mostly go on where they were.
            Some(last) if last.end <= index => self.0.len(),
            _ => self.0.partition_point(|run| run.end <= index),
        }
    }

    /// What is at `index`, and where the next thing begins.
    pub(super) fn slot(&self, index: u64) -> (&Slot, u64) {
        match self.0.get(self.find(index)) {
            None => (&FOLLOWS, u64::MAX),
            Some(run) if run.first > index => (&FOLLOWS, run.first),
            Some(run) => (&run.slot, run.end),
        }
    }

    /// The one page at `index`, to be changed in place, if it is own, certain
    /// and alone.
    pub(super) fn own_page_mut(&mut self, index: u64) -> Option<&mut Page> {
        let position = self.find(index);
        match self.0.get_mut(position)? {
            Run { first, end, slot: Slot::One(page) }
                if *first == index && *end == index + 1 && page.is_own() =>
            {
                Some(page)
            }
            _ => None,
        }
    }

    /// Puts a slot at each of `first..end`.
    pub(super) fn set(&mut self, first: u64, end: u64, slot: Slot) {
        if first >= end {
            return;
        }
        let position = self.clear(first, end);
        if !matches!(slot, Slot::One(Page::Follows)) {
            self.0.insert(position, Run { first, end, slot });
        }
    }

    /// Takes away what is at `first..end`, and answers where runs from there
    /// on belong.
    pub(super) fn clear(&mut self, first: u64, end: u64) -> usize {
        let mut position = self.find(first);
        if first >= end {
            return position;
        }
        if let Some(run) = self.0.get_mut(position)
            && run.first < first
        {
            let mut rest = run.clone();
            run.end = first;
            rest.first = first;
            position += 1;
            self.0.insert(position, rest);
        }
        let mut last = position;
        while self.0.get(last).is_some_and(|run| run.end <= end) {
            last += 1;
        }
        if let Some(run) = self.0.get_mut(last)
            && run.first < end
        {
            run.first = end;
        }
        self.0.drain(position..last);
        position
    }

    /// Whether one of `first..end` may be committed.
    pub(super) fn has_own(&self, first: u64, end: u64) -> bool {
        let mut runs = self.0[self.find(first)..].iter().take_while(|run| run.first < end);
        runs.any(|run| run.slot.may_be_own())
    }

    /// Pages that are committed for certain, and pages that may be.
    pub(super) fn committed(&self) -> (u64, u64) {
        self.0.iter().fold((0, 0), |(certain, possible), run| {
            let len = run.end - run.first;
            (
                certain + if run.slot.is_own() { len } else { 0 },
                possible + if run.slot.may_be_own() { len } else { 0 },
            )
        })
    }

    /// It is known now that nothing is committed.
    pub(super) fn forget_own(&mut self) {
        for run in &mut self.0 {
            let rest: Vec<_> =
                run.slot.alternatives().iter().filter(|page| !page.is_own()).cloned().collect();
            run.slot = Slot::of(rest);
        }
        self.0.retain(|run| !matches!(run.slot, Slot::One(Page::Follows)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(pages: &PageList) -> Vec<(u64, u64)> {
        pages.0.iter().map(|run| (run.first, run.end)).collect()
    }

    #[test]
    fn runs_are_split_and_replaced() {
        let mut pages = PageList::default();
        pages.set(10, 20, Slot::One(Page::Zero));
        pages.set(12, 13, Slot::One(Page::Unknown));
        assert_eq!(shape(&pages), [(10, 12), (12, 13), (13, 20)]);
        pages.set(5, 11, Slot::One(Page::Zero));
        assert_eq!(shape(&pages), [(5, 11), (11, 12), (12, 13), (13, 20)]);
        pages.clear(0, 12);
        assert_eq!(shape(&pages), [(12, 13), (13, 20)]);
        pages.clear(15, 16);
        assert_eq!(shape(&pages), [(12, 13), (13, 15), (16, 20)]);
        assert_eq!(pages.slot(15).1, 16);
        assert_eq!(pages.slot(14).1, 15);
        assert_eq!(pages.slot(20).1, u64::MAX);
        assert_eq!(pages.committed(), (7, 7));
        pages.set(0, 30, Slot::One(Page::Follows));
        assert_eq!(shape(&pages), []);
        assert_eq!(pages.clear(3, 3), 0);
    }
}
