//! What guides a run to programs that show something new: coverage of the
//! oracle's own clauses, which works for backends that nobody can look into.

use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use vmo_abi::Syscall;

use crate::generate::{self, Profile};
use crate::oracle::Covered;
use crate::program::{Action, Program, StepResult};

/// Combinations that are told apart, at most.
const COMBINATIONS: usize = 1 << 18;
/// Programs that are kept, at most.
const MOST_KEPT: usize = 1 << 13;

/// Of 100 programs so many are made of those that were kept.
const KEPT_PERCENT: u32 = 40;
/// Of 100 programs so many are two of those that were kept, crossed.
const CROSSED_PERCENT: u32 = 4;

/// A call, how it ended, and the clauses that decided about it or whose
/// consequences were looked at, as a number below [`COMBINATIONS`]; rarely two
/// combinations share a number.
pub(super) type Combination = u32;

/// The combination that a judged step shows.
pub(super) fn combination(action: &Action, result: StepResult, clauses: &Covered) -> Combination {
    let call = match action {
        Action::Call(call) => call.syscall as u64,
        Action::Load { .. } => Syscall::ALL.len() as u64,
        Action::Store { .. } => Syscall::ALL.len() as u64 + 1,
        Action::LimitMemory(_) | Action::FailAllocation(_) => Syscall::ALL.len() as u64 + 2,
    };
    let status = match result {
        StepResult::Status(status) => u64::from(status.unsigned_abs()),
        StepResult::Fault => 1 << 32,
    };
    let mut mixed = call << 40 ^ status;
    for word in clauses.as_words() {
        mixed = (mixed ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        mixed ^= mixed >> 29;
    }
    (mixed >> 13) as Combination % COMBINATIONS as Combination
}

/// What was reached so far, and the programs that reached it first.
///
/// It changes only between rounds, so that every program of a round is made
/// with the same knowledge on whatever thread.
pub(super) struct Guide {
    seen: Vec<u64>,
    /// Programs that showed a combination that no program before them did.
    kept: Vec<Program>,
    /// Clauses that were reached.
    pub(super) covered: Covered,
    /// Combinations that were reached.
    pub(super) combinations: u64,
}

impl Guide {
    pub(super) fn new() -> Self {
        Self {
            seen: vec![0; COMBINATIONS / 64],
            kept: Vec::new(),
            covered: Covered::default(),
            combinations: 0,
        }
    }

    /// How many programs were kept.
    pub(super) fn kept(&self) -> usize {
        self.kept.len()
    }

    /// A program that is made of nothing, or of those that were kept.
    pub(super) fn program(&self, seed: u64, profile: &Profile) -> Program {
        let mut rng = SmallRng::seed_from_u64(!seed);
        let choice = rng.random_range(0..100);
        if self.kept.is_empty() || choice >= KEPT_PERCENT {
            return generate::program(seed, profile);
        }
        let mut some = || &self.kept[rng.random_range(0..self.kept.len())];
        if choice < CROSSED_PERCENT {
            generate::crossed(some(), some(), seed)
        } else {
            generate::mutated(some(), seed, profile)
        }
    }

    pub(super) fn knows(&self, combination: Combination) -> bool {
        self.seen[combination as usize / 64] & (1 << (combination % 64)) != 0
    }

    /// Takes note of what a program showed, and keeps the program if anything
    /// of that is still new.
    pub(super) fn learn(&mut self, combinations: &[Combination], program: Program) {
        let mut is_new = false;
        for combination in combinations {
            if !self.knows(*combination) {
                self.seen[*combination as usize / 64] |= 1 << (combination % 64);
                self.combinations += 1;
                is_new = true;
            }
        }
        if is_new && self.kept.len() < MOST_KEPT {
            self.kept.push(program);
        }
    }
}
