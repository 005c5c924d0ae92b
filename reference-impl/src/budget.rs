//! Which frames are in use, how many may be, and which allocation is to fail.

use std::num::NonZeroU32;

use vmo_abi::{ZX_ERR_NO_MEMORY, zx_status_t};

use crate::memory::{Frame, Memory};

/// The allocator of frames and of everything else that can run out.
#[derive(Debug)]
pub(crate) struct Budget {
    free: Vec<Frame>,
    /// The lowest frame that was never used.
    fresh: u32,
    physical: u64,
    limit: u64,
    in_use: u64,
    /// How many more allocations succeed before one fails.
    until_failure: Option<u64>,
}

impl Budget {
    pub(crate) fn new(physical_pages: u64, limit: Option<u64>) -> Self {
        let mut budget = Self {
            free: Vec::new(),
            fresh: 1,
            physical: physical_pages,
            limit: physical_pages,
            in_use: 0,
            until_failure: None,
        };
        budget.set_limit(limit);
        budget
    }

    pub(crate) fn set_limit(&mut self, limit: Option<u64>) {
        self.limit = limit.unwrap_or(u64::MAX).min(self.physical);
    }

    /// Makes the `nth` allocation from now fail; 0 counts as 1.
    pub(crate) fn fail_allocation(&mut self, nth: Option<u64>) {
        self.until_failure = nth.map(|nth| nth.saturating_sub(1));
    }

    pub(crate) fn in_use(&self) -> u64 {
        self.in_use
    }

    /// Counts one allocation of something that is not a frame.
    pub(crate) fn allocate(&mut self) -> Result<(), zx_status_t> {
        self.count(1)
    }

    /// Whether `count` frames could be reserved now. Reserves nothing, but a
    /// refusal because of the failing allocation was that failure.
    pub(crate) fn check_reserve(&mut self, count: u64) -> Result<(), zx_status_t> {
        if count > self.limit.saturating_sub(self.in_use) {
            return Err(ZX_ERR_NO_MEMORY);
        }
        if self.until_failure.is_some_and(|left| left < count) {
            self.until_failure = None;
            return Err(ZX_ERR_NO_MEMORY);
        }
        Ok(())
    }

    /// Makes sure that the next `count` calls of [`take`](Self::take) succeed,
    /// or fails without any effect but that of the failing allocation.
    pub(crate) fn reserve(&mut self, count: u64) -> Result<(), zx_status_t> {
        if count > self.limit.saturating_sub(self.in_use) {
            return Err(ZX_ERR_NO_MEMORY);
        }
        self.count(count)
    }

    fn count(&mut self, count: u64) -> Result<(), zx_status_t> {
        match &mut self.until_failure {
            None => Ok(()),
            Some(left) if *left >= count => {
                *left -= count;
                Ok(())
            }
            Some(_) => {
                self.until_failure = None;
                Err(ZX_ERR_NO_MEMORY)
            }
        }
    }

    /// A reserved frame, with bytes left over from its last use.
    pub(crate) fn take(&mut self) -> Frame {
        self.in_use += 1;
        if let Some(frame) = self.free.pop() {
            return frame;
        }
        let frame = NonZeroU32::new(self.fresh).expect("frame numbers start at 1 and do not wrap");
        self.fresh += 1;
        Frame(frame)
    }

    /// A reserved frame full of zeros.
    pub(crate) fn take_zeroed(&mut self, memory: &Memory) -> Frame {
        // A frame that was never used is zero already, and touching it early
        // would only cost a fault of the host.
        let used_before = !self.free.is_empty();
        let frame = self.take();
        if used_before {
            memory.clear(frame);
        }
        frame
    }

    /// Gives a frame back.
    pub(crate) fn release(&mut self, frame: Frame) {
        self.in_use -= 1;
        self.free.push(frame);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nth_allocation_fails_once() {
        let mut budget = Budget::new(10, None);
        budget.fail_allocation(Some(3));
        assert_eq!(budget.allocate(), Ok(()));
        assert_eq!(budget.reserve(1), Ok(()));
        assert_eq!(budget.allocate(), Err(ZX_ERR_NO_MEMORY));
        assert_eq!(budget.allocate(), Ok(()));
    }

    #[test]
    fn a_reservation_that_contains_the_failing_one_fails_whole() {
        let mut budget = Budget::new(10, None);
        budget.fail_allocation(Some(3));
        assert_eq!(budget.reserve(4), Err(ZX_ERR_NO_MEMORY));
        assert_eq!(budget.in_use(), 0);
        assert_eq!(budget.reserve(4), Ok(()));
    }

    #[test]
    fn the_limit_counts_frames_in_use() {
        let mut budget = Budget::new(10, Some(2));
        budget.reserve(2).unwrap();
        let first = budget.take();
        budget.take();
        assert_eq!(budget.reserve(1), Err(ZX_ERR_NO_MEMORY));
        budget.release(first);
        assert_eq!(budget.reserve(1), Ok(()));
        budget.set_limit(Some(0));
        assert_eq!(budget.reserve(1), Err(ZX_ERR_NO_MEMORY));
        budget.set_limit(None);
        assert_eq!(budget.reserve(9), Ok(()));
        assert_eq!(budget.reserve(10), Err(ZX_ERR_NO_MEMORY));
    }
}
