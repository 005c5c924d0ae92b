//! Fewer steps.

use std::collections::BTreeSet;

use super::{Shrinker, names_used};
use crate::program::{Action, Program};

/// Programs of more steps are not tried without every pair of them.
const MOST_STEPS_IN_PAIRS: usize = 32;

impl<F: FnMut(&Program) -> bool> Shrinker<F> {
    /// Removes as many steps as possible, many at a time at first.
    pub(super) fn remove_steps(&mut self) {
        let mut count = self.best.steps.len().div_ceil(2);
        while count > 0 {
            // From the end, as what comes after a failure never matters.
            let mut end = self.best.steps.len();
            while end > 0 {
                let start = end.saturating_sub(count);
                let candidate = without_steps(&self.best, |index| (start..end).contains(&index));
                if candidate.steps.len() < self.best.steps.len() && self.take(candidate) {
                    end = start.min(self.best.steps.len());
                } else {
                    end -= 1;
                }
            }
            count /= 2;
        }
    }

    /// Removes two steps that only go together, such as a close and what makes
    /// up for it.
    pub(super) fn remove_pairs(&mut self) {
        if self.best.steps.len() > MOST_STEPS_IN_PAIRS {
            return;
        }
        let mut second = self.best.steps.len();
        while second > 1 {
            second -= 1;
            let removed = (0..second).rev().any(|first| {
                let candidate =
                    without_steps(&self.best, |index| index == first || index == second);
                self.take(candidate)
            });
            if removed {
                second = self.best.steps.len();
            }
        }
    }
}

/// The program without some steps, and without those that use what these had
/// named.
pub(super) fn without_steps(program: &Program, is_removed: impl Fn(usize) -> bool) -> Program {
    let mut missing = BTreeSet::new();
    let mut kept = Vec::new();
    for (index, step) in program.steps.iter().enumerate() {
        if is_removed(index) || names_used(step).iter().any(|name| missing.contains(name)) {
            if let Action::Call(call) = &step.action {
                missing.extend(call.results.iter().copied());
            }
        } else {
            kept.push(step.clone());
        }
    }
    Program { steps: kept, ..program.clone() }
}
