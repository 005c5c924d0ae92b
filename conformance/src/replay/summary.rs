//! Counts over many replayed programs.

use vmo_abi::Syscall;

use super::{Replayed, Verdict};
use crate::program::{Action, Program};

/// What was counted for one kind of step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Programs with such a step.
    pub programs: usize,
    /// Such steps that were run.
    pub calls: usize,
    /// Those of them that came out as expected, or with nothing expected.
    pub agreed: usize,
    /// Those that came out otherwise in a way that the pages allow.
    pub accepted: usize,
    /// Those that came out otherwise than expected.
    pub disagreed: usize,
}

/// Counts over many replayed programs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// Counts of each system call, in the order of [`Syscall::ALL`].
    pub syscalls: Vec<(Syscall, Counts)>,
    /// Counts of loads and stores.
    pub accesses: Counts,
    /// Programs in all.
    pub programs: usize,
    /// Programs that came out as expected.
    pub agreed: usize,
    /// Programs with a difference that the pages allow.
    pub accepted: usize,
    /// Programs that came out otherwise than expected.
    pub disagreed: usize,
    /// Programs that need what the backend does not offer.
    pub unsupported: usize,
    /// Programs in which the backend was lost.
    pub lost: usize,
    /// Programs that could not be run for another reason.
    pub broken: usize,
    /// Steps that were run and judged.
    pub steps_judged: usize,
}

impl Summary {
    /// Counts.
    #[must_use]
    pub fn of(programs: &[&Program], replayed: &[Replayed]) -> Self {
        let mut summary = Self {
            syscalls: Syscall::ALL.iter().map(|call| (*call, Counts::default())).collect(),
            accesses: Counts::default(),
            programs: programs.len(),
            agreed: 0,
            accepted: 0,
            disagreed: 0,
            unsupported: 0,
            lost: 0,
            broken: 0,
            steps_judged: 0,
        };
        for (program, replayed) in programs.iter().zip(replayed) {
            summary.add(program, replayed);
        }
        summary
    }

    fn add(&mut self, program: &Program, replayed: &Replayed) {
        self.steps_judged += replayed.steps_judged;
        *match replayed.verdict {
            Verdict::Agreed => &mut self.agreed,
            Verdict::Accepted { .. } => &mut self.accepted,
            Verdict::Disagreed { .. } => &mut self.disagreed,
            Verdict::Unsupported(_) => &mut self.unsupported,
            Verdict::Lost { .. } => &mut self.lost,
            Verdict::Broken(_) => &mut self.broken,
        } += 1;
        let mut seen = Vec::new();
        for (index, step) in program.steps[..replayed.steps_run].iter().enumerate() {
            let syscall = match &step.action {
                Action::Call(call) => Some(call.syscall),
                Action::Load { .. } | Action::Store { .. } => None,
                Action::LimitMemory(_) | Action::FailAllocation(_) => continue,
            };
            let counts = match syscall {
                Some(syscall) => &mut self.syscalls[syscall as usize].1,
                None => &mut self.accesses,
            };
            if !seen.contains(&syscall) {
                seen.push(syscall);
                counts.programs += 1;
            }
            counts.calls += 1;
            *match replayed.verdict {
                Verdict::Accepted { step, .. } if step == index => &mut counts.accepted,
                Verdict::Disagreed { step, .. } if step == index => &mut counts.disagreed,
                _ => &mut counts.agreed,
            } += 1;
        }
    }

    /// Whether anything was judged at all.
    #[must_use]
    pub fn tested_anything(&self) -> bool {
        self.steps_judged != 0
    }

    /// Whether everything that was judged is as it should be.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.disagreed + self.lost + self.broken == 0
    }
}
