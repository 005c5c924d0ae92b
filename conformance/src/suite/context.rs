//! Where a test does its calls: it runs them, and records them as a program.

use std::cell::Cell;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use vmo_abi::{Backend, Capability, Edition, Environment, Syscall, ZX_ERR_NO_MEMORY, zx_status_t};

use super::Test;
use super::answer::{Answer, Checked, Failure, Judged};
use super::observe::observe;
use crate::level::Level;
use crate::oracle::{Oracle, Violation};
use crate::program::{Action, Address, Call, Data, Name, Program, Step, Value};
use crate::runner::{Outcome, RunError, Runner};

/// Which side of a conflict between pages and kernel a backend takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Side {
    /// What the pages say.
    Page,
    /// What the kernel of June 2018 did.
    Kernel,
}

/// Where a test does its calls.
///
/// Each call is done at once and recorded with what came of it.
pub struct Context<'b> {
    pub(super) runner: Runner<'b>,
    pub(super) backend: &'b dyn Backend,
    level: Level,
    program: Program,
    outcome: Outcome,
    /// Pointers of the next call that are not to be good scratch memory.
    pointers: Vec<(&'static str, Address)>,
    sides: Vec<(&'static str, Side)>,
    /// Names given so far, by their first letter.
    named: BTreeMap<char, u32>,
    /// Judges every call besides the test, until a clause is broken.
    oracle: Option<Oracle>,
    violation: Option<(usize, Violation)>,
    /// Whether other threads may do calls that the oracle is not told of.
    is_threaded: bool,
    is_shared: Cell<bool>,
}

impl<'b> Context<'b> {
    /// A context on a fresh backend.
    ///
    /// # Errors
    ///
    /// The backend's arena is too small.
    pub fn new(backend: &'b dyn Backend, test: &Test, level: Level) -> Result<Self, RunError> {
        let mut runner = Runner::new(backend)?;
        runner.begin();
        let oracle = Oracle::new(runner.environment(), level);
        Ok(Self {
            runner,
            backend,
            level,
            program: Program { name: test.name.clone(), ..Program::default() },
            outcome: Outcome::default(),
            pointers: Vec::new(),
            sides: Vec::new(),
            named: BTreeMap::new(),
            oracle: Some(oracle),
            violation: None,
            is_threaded: test.needs.contains(Capability::Threads),
            is_shared: Cell::new(false),
        })
    }

    /// The backend itself, for calls from other threads. They are not recorded,
    /// and in a test of threads the oracle judges nothing from then on.
    #[must_use]
    pub fn backend(&self) -> &'b dyn Backend {
        self.is_shared.set(self.is_threaded);
        self.backend
    }

    /// What the backend offers.
    #[must_use]
    pub fn environment(&self) -> &Environment {
        self.runner.environment()
    }

    /// The level that the backend is held to.
    #[must_use]
    pub fn level(&self) -> Level {
        self.level
    }

    /// The edition that the backend names.
    #[must_use]
    pub fn edition(&self) -> Edition {
        self.runner.environment().edition
    }

    /// Lets a pointer argument of the next call point to this address instead
    /// of good scratch memory.
    pub fn with(&mut self, argument: &'static str, address: Address) -> &mut Self {
        self.pointers.push((argument, address));
        self
    }

    /// Does any call; `arguments` has a value for each declared argument.
    ///
    /// # Errors
    ///
    /// The call cannot be done on this backend.
    pub fn call(&mut self, syscall: Syscall, mut arguments: Vec<Value>) -> Checked<Answer> {
        for (name, address) in self.pointers.drain(..) {
            match syscall.declaration().position(name) {
                Some(position) => arguments[position] = Value::Address(address),
                None => panic!("{} has no argument {name}", syscall.name()),
            }
        }
        let results: Vec<_> =
            (0..Call::result_count(syscall)).map(|_| self.fresh(syscall)).collect();
        let names = results.clone();
        self.step(Action::Call(Call { syscall, arguments, results }), names)
    }

    /// A name for what a call makes.
    fn fresh(&mut self, syscall: Syscall) -> Name {
        let prefix = match syscall {
            Syscall::vmar_map => 'm',
            Syscall::vmar_allocate => 'r',
            Syscall::event_create => 'e',
            Syscall::channel_create => 'c',
            Syscall::port_create => 'p',
            _ => 'v',
        };
        let number = self.named.entry(prefix).or_insert(0_u32);
        self.program.names.push(format!("{prefix}{number}"));
        *number += 1;
        Name((self.program.names.len() - 1) as u16)
    }

    /// User code loading bytes.
    ///
    /// # Errors
    ///
    /// The load cannot be tried on this backend.
    pub fn load(&mut self, address: Address, len: u64) -> Checked<Answer> {
        self.step(Action::Load { address, len }, Vec::new())
    }

    /// User code storing bytes.
    ///
    /// # Errors
    ///
    /// The store cannot be tried on this backend.
    pub fn store(&mut self, address: Address, bytes: &[u8]) -> Checked<Answer> {
        let data = Data::from_bytes(bytes);
        self.step(Action::Store { address, data }, Vec::new())
    }

    /// Limits the pages that can be committed in all.
    ///
    /// # Errors
    ///
    /// The backend cannot.
    pub fn limit_memory(&mut self, pages: Option<u64>) -> Checked {
        self.step(Action::LimitMemory(pages), Vec::new()).map(drop)
    }

    /// Makes the `nth` allocation from now fail.
    ///
    /// # Errors
    ///
    /// The backend cannot.
    pub fn fail_allocation(&mut self, nth: Option<u64>) -> Checked {
        self.step(Action::FailAllocation(nth), Vec::new()).map(drop)
    }

    fn step(&mut self, action: Action, names: Vec<Name>) -> Checked<Answer> {
        let mut outcome = std::mem::take(&mut self.outcome);
        let result = self.runner.step(&action, &mut outcome);
        let expected = result.is_ok().then(|| observe(&action, &outcome));
        if result.is_ok() {
            self.judge(&action, &outcome);
        }
        self.program.steps.push(Step { comments: Vec::new(), action, expected });
        let answer = Answer {
            step: self.program.steps.len() - 1,
            result: outcome.result,
            words: outcome.words,
            bytes: outcome.bytes.clone().unwrap_or_default(),
            // That a call that fails stores nothing is the kernel's word only.
            untouched: outcome.untouched || self.level != Level::Kernel,
            overran: outcome.overran,
            names,
        };
        self.outcome = outcome;
        result?;
        Ok(answer)
    }

    /// Lets the oracle judge a step, until it finds a broken clause.
    fn judge(&mut self, action: &Action, outcome: &Outcome) {
        let oracle = self.oracle.as_mut().filter(|_| !self.is_shared.get());
        let judged = oracle.map(|oracle| oracle.observe(action, outcome, &self.runner.facts()));
        if let Some(Err(violation)) = judged {
            self.violation = Some((self.program.steps.len(), violation));
            self.oracle = None;
        }
    }

    /// Judges a call on which pages and kernel contradict each other: at the
    /// level of the kernel its side is demanded, below it both are accepted and
    /// the report tells which one was taken.
    ///
    /// # Errors
    ///
    /// The answer is on neither side, or not on the one demanded.
    pub fn either(
        &mut self,
        conflict: &'static str,
        answer: Answer,
        page: zx_status_t,
        kernel: zx_status_t,
    ) -> Checked<(Judged, Side)> {
        let answer = if self.level == Level::Kernel {
            answer.is(kernel)?
        } else {
            answer.one_of(&[page, kernel])?
        };
        let side = if answer.status() == Some(kernel) { Side::Kernel } else { Side::Page };
        self.takes(conflict, side);
        Ok((answer, side))
    }

    /// Notes which side of a conflict the backend takes.
    pub fn takes(&mut self, conflict: &'static str, side: Side) {
        self.sides.push((conflict, side));
    }

    /// Judges a call on a very large object, which below the level of the
    /// kernel may also be refused for lack of memory (ND-18). Answers `None` in
    /// that case.
    ///
    /// # Errors
    ///
    /// The call failed otherwise.
    pub fn ok_or_no_memory(&mut self, answer: Answer) -> Checked<Option<Judged>> {
        if self.level != Level::Kernel && answer.status() == Some(ZX_ERR_NO_MEMORY) {
            return Ok(None);
        }
        answer.ok().map(Some)
    }

    /// Expects something to hold.
    ///
    /// # Errors
    ///
    /// It does not.
    pub fn expect(
        &self,
        holds: bool,
        expected: impl std::fmt::Display,
        actual: impl std::fmt::Display,
    ) -> Checked {
        if holds { Ok(()) } else { Err(Failure::new(expected, actual)) }
    }

    /// What was done so far, as a program.
    #[must_use]
    pub fn program(&self) -> &Program {
        &self.program
    }

    /// Takes away what the test left behind.
    pub(super) fn clean_up(&mut self) {
        self.runner.finish();
    }

    /// Ends the test.
    #[must_use]
    pub fn finish(self) -> Finished {
        Finished { program: self.program, sides: self.sides, violation: self.violation }
    }
}

/// What there is to tell of a test besides how it came out.
#[derive(Debug)]
pub struct Finished {
    /// What was done, with what came of each step.
    pub program: Program,
    /// The sides of conflicts that the backend took.
    pub sides: Vec<(&'static str, Side)>,
    /// The first step that the oracle does not allow, and why.
    pub violation: Option<(usize, Violation)>,
}
