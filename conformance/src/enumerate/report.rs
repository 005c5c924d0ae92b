//! What came of an enumeration.

use std::ops::AddAssign;
use std::time::Duration;

use crate::oracle::Violation;
use crate::program::Program;

/// What was done, in numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Programs: every call that was tried as the last one of its program.
    pub programs: u64,
    /// States in which calls were tried.
    pub states: u64,
    /// Programs after which more calls were tried, the starts included.
    pub prefixes: u64,
    /// Calls after which the state may have been another one.
    pub changing: u64,
    /// Calls that look at what the last call of a program did.
    pub looks: u64,
    /// Calls and accesses that were made and judged in all.
    pub judged: u64,
    /// Those of them that were made to come to a state again; the calls of
    /// starts are not among them.
    pub repeated: u64,
    /// Calls after which nobody could know any more what is right.
    pub not_judged: u64,
    /// Programs that were left out, as the same calls in another order are
    /// tried. (Those with an exchanged handle are not even listed.)
    pub other_order: u64,
    /// Programs that were left out, as their last call had broken the same
    /// clause often.
    pub broken_often: u64,
    /// Calls that broke a clause.
    pub violations: u64,
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.programs += other.programs;
        self.states += other.states;
        self.prefixes += other.prefixes;
        self.changing += other.changing;
        self.looks += other.looks;
        self.judged += other.judged;
        self.repeated += other.repeated;
        self.not_judged += other.not_judged;
        self.other_order += other.other_order;
        self.broken_often += other.broken_often;
        self.violations += other.violations;
    }
}

/// A broken clause, and the program that broke it.
#[derive(Clone, Debug)]
pub(super) struct Broken {
    pub(super) violation: Violation,
    pub(super) program: Program,
}

/// A way in which a backend breaks the contract.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What is broken.
    pub violation: Violation,
    /// The program that was found, up to the call that broke the clause.
    pub found: Program,
    /// The shortest program that was made of it; `None` if a fresh backend does
    /// not break the clause with what was found.
    pub shrunk: Option<Program>,
}

impl Finding {
    /// The shortest program that is known to show it.
    #[must_use]
    pub fn program(&self) -> &Program {
        self.shrunk.as_ref().unwrap_or(&self.found)
    }
}

/// What came of an enumeration.
#[derive(Clone, Debug)]
pub struct Report {
    /// What was done.
    pub counts: Counts,
    /// Findings, one for each broken clause and call, in the order in which
    /// they were made.
    pub findings: Vec<Finding>,
    /// Starts and calls that need what the backend does not claim.
    pub left_out: Vec<String>,
    /// Whether all of it was tried.
    pub is_complete: bool,
    /// How long it took.
    pub elapsed: Duration,
}
