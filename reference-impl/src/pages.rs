//! The pages that are committed in a VMO: a sparse table from page index to
//! frame, whose cost follows what is committed and never the VMO's size.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::memory::Frame;

/// Pages in one leaf of the table.
const LEAF_PAGES: usize = 32;

#[derive(Debug, Default)]
struct Leaf {
    frames: [Option<Frame>; LEAF_PAGES],
    used: u32,
}

/// A sparse table from page index to frame.
#[derive(Debug, Default)]
pub(crate) struct Pages {
    leaves: BTreeMap<u64, Box<Leaf>>,
    count: u64,
}

fn split(index: u64) -> (u64, usize) {
    (index / LEAF_PAGES as u64, (index % LEAF_PAGES as u64) as usize)
}

impl Pages {
    /// How many pages are committed.
    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    /// The frame of a page, if it is committed.
    pub(crate) fn get(&self, index: u64) -> Option<Frame> {
        if self.count == 0 {
            return None;
        }
        let (leaf, slot) = split(index);
        self.leaves.get(&leaf)?.frames[slot]
    }

    /// The frame of a page if it is committed, and how many pages from there on
    /// have consecutive frames, at most `most`.
    pub(crate) fn run(&self, index: u64, most: usize) -> Option<(Frame, usize)> {
        if self.count == 0 {
            return None;
        }
        let (leaf, slot) = split(index);
        let frames = &self.leaves.get(&leaf)?.frames[slot..];
        let first = frames[0]?;
        let numbers = (first.0.get()..).zip(frames.iter().take(most));
        let len = numbers
            .take_while(|(number, frame)| frame.is_some_and(|frame| frame.0.get() == *number))
            .count();
        Some((first, len))
    }

    /// Commits a page that is not committed yet.
    pub(crate) fn insert(&mut self, index: u64, frame: Frame) {
        let (leaf, slot) = split(index);
        let leaf = self.leaves.entry(leaf).or_default();
        debug_assert!(leaf.frames[slot].is_none());
        leaf.frames[slot] = Some(frame);
        leaf.used += 1;
        self.count += 1;
    }

    /// The first committed page at or after `index`.
    pub(crate) fn next(&self, index: u64) -> Option<u64> {
        if self.count == 0 {
            return None;
        }
        let (first, slot) = split(index);
        self.leaves.range(first..).find_map(|(&leaf, pages)| {
            let start = if leaf == first { slot } else { 0 };
            let offset = pages.frames[start..].iter().position(Option::is_some)?;
            Some(leaf * LEAF_PAGES as u64 + (start + offset) as u64)
        })
    }

    /// How many pages of the range are committed.
    pub(crate) fn count_in(&self, range: Range<u64>) -> u64 {
        let mut count = 0;
        let mut at = range.start;
        while let Some(index) = self.next(at).filter(|index| *index < range.end) {
            count += 1;
            at = index + 1;
        }
        count
    }

    /// Takes the committed pages of the range out of the table, handing each
    /// frame to `release`.
    pub(crate) fn remove(&mut self, range: Range<u64>, mut release: impl FnMut(Frame)) {
        if self.count == 0 || range.is_empty() {
            return;
        }
        // From high to low, so that frames that were taken in a row are free in
        // the order in which they will be taken in a row again.
        let mut end = split(range.end - 1).0;
        while let Some((&leaf, pages)) = self.leaves.range_mut(..=end).next_back() {
            let start = leaf * LEAF_PAGES as u64;
            let from = range.start.saturating_sub(start);
            if from >= LEAF_PAGES as u64 {
                break;
            }
            let to = (range.end - start).min(LEAF_PAGES as u64) as usize;
            for frame in pages.frames[from as usize..to].iter_mut().rev().filter_map(Option::take) {
                pages.used -= 1;
                self.count -= 1;
                release(frame);
            }
            if pages.used == 0 {
                self.leaves.remove(&leaf);
            }
            match leaf.checked_sub(1) {
                Some(lower) => end = lower,
                None => break,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(number: u32) -> Frame {
        Frame(std::num::NonZeroU32::new(number).unwrap())
    }

    #[test]
    fn sparse_pages_are_found_counted_and_removed() {
        let mut pages = Pages::default();
        let top = (1 << 52) - 2;
        for (number, index) in [0, 31, 32, 1000, top].into_iter().enumerate() {
            pages.insert(index, frame(number as u32 + 1));
        }
        assert_eq!(pages.get(31), Some(frame(2)));
        assert_eq!(pages.get(33), None);
        assert_eq!(pages.next(1), Some(31));
        assert_eq!(pages.next(33), Some(1000));
        assert_eq!(pages.next(1001), Some(top));
        assert_eq!(pages.next(top + 1), None);
        assert_eq!(pages.count_in(1..1001), 3);
        let mut released = Vec::new();
        pages.remove(31..1000, |frame| released.push(frame));
        assert_eq!(released, [frame(3), frame(2)]);
        pages.insert(1001, frame(5));
        pages.insert(1002, frame(7));
        assert_eq!(pages.run(1000, 8), Some((frame(4), 2)));
        assert_eq!(pages.run(1000, 1), Some((frame(4), 1)));
        assert_eq!(pages.run(999, 8), None);
        pages.remove(1001..1003, drop);
        assert_eq!(pages.count(), 3);
        pages.remove(0..u64::MAX, |frame| released.push(frame));
        assert_eq!(pages.count(), 0);
        assert!(pages.leaves.is_empty());
    }
}
