//! The contract, executable: judges what any backend did at any call.
//!
//! The oracle does not predict. It is told what was done and what came of it
//! ([`Event`]), says whether that is allowed, and moves its state along with
//! what happened; if it is not allowed it names the clause that is broken
//! ([`Violation`]). So it copes with everything that the contract leaves open:
//! handle values, addresses, lack of memory, the choice among several errors.
//!
//! # Levels
//!
//! At [`Level::Kernel`] the recorded kernel is the measure: of several errors
//! the first in its order, exact rights, exact commitment. At [`Level::Page`]
//! it is what the pages promise, and what in-tree tests insist on: any error
//! that applies, and either side where a page and the kernel contradict each
//! other. [`Level::Seed`] is the same, but only breaking what the seed page
//! itself states counts, and after anything else everything is allowed.
//!
//! # What is not known
//!
//! What the contract leaves open, or what nobody can see, is kept in mind as
//! such until something shows it, in three ways:
//!
//! - *per byte*: bytes of a page may be unknown. They are whatever is seen
//!   first, and stay that.
//! - *per page*: a position of a VMO may hold one of a few possibilities, such
//!   as a page of its own or none (C-26, C-19, a write that failed half-way).
//!   A read rules out those that would have shown other bytes.
//! - *per call*: a call that may have had one of several effects as a whole
//!   leaves several possible states. Each later event is judged in all of them;
//!   those that do not allow it are dropped, and only if none is left is a
//!   clause broken.
//!
//! Beyond some bounds on each of these, and after a call of which nobody can
//! know what it did (such as closing handles read from unknown memory), the
//! oracle gives up and allows everything; [`Oracle::gave_up`] says so.
//!
//! # Cost
//!
//! A state shares everything with its clones until one of them changes it:
//! tables behind `Arc`, one `Arc` for each VMO, one for each page. (Persistent
//! maps would make single changes to large tables cheaper, but programs are
//! short, and small sorted vectors are faster to look up and to copy.) Nothing
//! depends on how large VMOs are: pages are kept as runs of positions that hold
//! the same, and only pages with bytes take memory, of which there is a bound.

mod clause;
mod context;
mod event;
mod family;
mod handles;
mod koids;
mod memory;
mod observer;
mod page;
mod pages;
mod rules;
mod space;
mod state;
mod view;
mod violation;
mod vmo;
mod writing;

use vmo_abi::{Environment, ZX_OK, zx_handle_t, zx_vaddr_t};

use crate::level::Level;
pub use clause::{Covered, JUDGED_CLAUSES};
use context::Context;
pub use event::{CallEvent, Event};
use state::State;
pub use view::HandleView;
pub use violation::Violation;

/// Most states that are kept in mind at once.
const MOST_STATES: usize = 64;

/// Judges events one after the other.
///
/// A clone shares everything with the original until one of them moves on.
#[derive(Clone)]
pub struct Oracle {
    environment: Environment,
    level: Level,
    state: State,
    /// States that are possible as well.
    others: Vec<State>,
    covered: Covered,
    knows_region: bool,
    gave_up: bool,
    buffer: Vec<u8>,
}

impl Oracle {
    /// An oracle for a backend that has just been started, or whose earlier
    /// programs left nothing behind.
    #[must_use]
    pub fn new(environment: &Environment, level: Level) -> Self {
        Self {
            environment: *environment,
            level,
            state: State::new(environment, level == Level::Kernel),
            others: Vec::new(),
            covered: Covered::NONE,
            knows_region: false,
            gave_up: false,
            buffer: Vec::new(),
        }
    }

    /// Takes note of a region that the tester has allocated in the root region
    /// by itself, such as the one that every program of the runner may use.
    pub fn adopt_region(&mut self, handle: zx_handle_t, base: zx_vaddr_t, len: u64, flags: u32) {
        self.knows_region = true;
        let kernel = self.level == Level::Kernel;
        for state in std::iter::once(&mut self.state).chain(&mut self.others) {
            state.adopt_region(kernel, handle, base, len, flags);
        }
    }

    /// Judges what was done and what came of it, and moves on accordingly.
    ///
    /// # Errors
    ///
    /// The outcome breaks a clause. The oracle cannot be used after that.
    pub fn judge(&mut self, event: &Event<'_>) -> Result<(), Violation> {
        if self.gave_up {
            return Ok(());
        }
        let judged = if self.others.is_empty() {
            let mut forks = Vec::new();
            let judged = self.judge_in(None, event, &mut forks);
            self.others = forks;
            judged
        } else {
            self.judge_in_all(event)
        };
        if let Err(violation) = judged {
            if self.level != Level::Seed || clause::is_of_seed(violation.clause) {
                return Err(violation);
            }
            // The seed page does not say that this is wrong, nor what is right
            // after it.
            self.gave_up = true;
            return Ok(());
        }
        let is_lost = self.state.lost || self.others.iter().any(|state| state.lost);
        if is_lost || self.others.len() >= MOST_STATES {
            self.gave_up = true;
            self.others.clear();
        }
        Ok(())
    }

    /// Judges in every possible state, and keeps those that allow the event.
    #[cold]
    fn judge_in_all(&mut self, event: &Event<'_>) -> Result<(), Violation> {
        let mut kept = Vec::new();
        let first = self.judge_in(None, event, &mut kept);
        if first.is_ok() {
            kept.push(self.state.clone());
        }
        for mut state in std::mem::take(&mut self.others) {
            if self.judge_in(Some(&mut state), event, &mut kept).is_ok() {
                kept.push(state);
            }
        }
        let Some(state) = kept.pop() else { return first };
        self.state = state;
        self.others = kept;
        Ok(())
    }

    /// Judges in one state, by default the main one.
    fn judge_in(
        &mut self,
        state: Option<&mut State>,
        event: &Event<'_>,
        forks: &mut Vec<State>,
    ) -> Result<(), Violation> {
        let state = state.unwrap_or(&mut self.state);
        let kernel = self.level == Level::Kernel;
        let (call, status) = match event {
            Event::Call(call) => (call.syscall.name(), call.status),
            Event::Load { .. } => ("load", ZX_OK),
            Event::Store { .. } => ("store", ZX_OK),
            Event::LimitMemory(pages) => {
                state.limited = pages.is_some();
                return Ok(());
            }
            Event::FailAllocation(nth) => {
                state.failing = nth.is_some();
                return Ok(());
            }
        };
        let covered = &mut self.covered;
        let cx = &mut Context::new(&self.environment, kernel, covered, forks, call, status);
        let judged = match event {
            Event::Call(call) => rules::judge_call(state, cx, call),
            Event::Load { address, len, bytes } => {
                rules::judge_load(state, cx, *address, *len, *bytes)
            }
            Event::Store { address, bytes, faulted } => {
                rules::judge_store(state, cx, *address, bytes, *faulted)
            }
            Event::LimitMemory(_) | Event::FailAllocation(_) => Ok(()),
        };
        if state.happened != 0 {
            state.cover(&mut self.covered);
        }
        judged
    }

    /// Whether something happened after which everything is allowed, as nobody
    /// could know any more what is right.
    #[must_use]
    pub fn gave_up(&self) -> bool {
        self.gave_up
    }

    /// How many states are possible.
    #[must_use]
    pub fn possible_states(&self) -> usize {
        1 + self.others.len()
    }

    /// The clauses that the oracle has come to so far.
    #[must_use]
    pub fn covered(&self) -> &Covered {
        &self.covered
    }

    /// Forgets which clauses were come to, so that [`covered`](Self::covered)
    /// tells just those of the events from here on.
    pub fn forget_covered(&mut self) {
        self.covered = Covered::NONE;
    }

    /// What the backend offers that is judged.
    #[must_use]
    pub fn environment(&self) -> &Environment {
        &self.environment
    }

    /// How strict the oracle is.
    #[must_use]
    pub fn level(&self) -> Level {
        self.level
    }

    fn knows_region(&self) -> bool {
        self.knows_region
    }

    fn take_buffer(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.buffer)
    }

    fn give_buffer(&mut self, mut buffer: Vec<u8>) {
        // A clone has nothing to copy then.
        buffer.clear();
        self.buffer = buffer;
    }
}
