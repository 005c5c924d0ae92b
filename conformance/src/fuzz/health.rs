//! How often calls were made and succeeded.

use vmo_abi::{Syscall, ZX_OK};

use crate::program::{Action, StepResult};
use crate::runner::Outcome;

/// How many calls of one kind were made, and how many of them succeeded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Health {
    /// Calls that were made.
    pub calls: u64,
    /// Calls that returned `ZX_OK`, or accesses that went through.
    pub succeeded: u64,
}

impl Health {
    fn add(&mut self, other: Self) {
        self.calls += other.calls;
        self.succeeded += other.succeeded;
    }
}

/// What was counted in programs that were run.
///
/// A fuzzer whose calls all fail tests nothing; here it shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tally {
    /// Programs that were run.
    pub programs: u64,
    /// Programs that ended early, as the backend lacks an address or room that
    /// a step needs.
    pub cut_short: u64,
    /// Loads and stores.
    pub accesses: Health,
    /// By call, in the order of [`Syscall::ALL`].
    syscalls: [Health; Syscall::ALL.len()],
}

impl Default for Tally {
    fn default() -> Self {
        Self {
            programs: 0,
            cut_short: 0,
            accesses: Health::default(),
            syscalls: [Health::default(); Syscall::ALL.len()],
        }
    }
}

impl Tally {
    /// How often one call was made and succeeded.
    #[must_use]
    pub fn of(&self, syscall: Syscall) -> Health {
        self.syscalls[syscall as usize]
    }

    /// Calls and accesses in all.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.syscalls.iter().map(|health| health.calls).sum::<u64>() + self.accesses.calls
    }

    pub(super) fn count(&mut self, action: &Action, outcome: &Outcome) {
        let health = match action {
            Action::Call(call) => &mut self.syscalls[call.syscall as usize],
            Action::Load { .. } | Action::Store { .. } => &mut self.accesses,
            Action::LimitMemory(_) | Action::FailAllocation(_) => return,
        };
        health.calls += 1;
        health.succeeded += u64::from(outcome.result == StepResult::Status(ZX_OK));
    }

    pub(super) fn add(&mut self, other: &Self) {
        self.programs += other.programs;
        self.cut_short += other.cut_short;
        self.accesses.add(other.accesses);
        for (health, other) in self.syscalls.iter_mut().zip(&other.syscalls) {
            health.add(*other);
        }
    }
}
