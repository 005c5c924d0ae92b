//! The hand-written suite: tests of single behaviours, named for them, each
//! naming the clauses that it checks.
//!
//! A test is a few calls on a [`Context`] that read like the manual page. Every
//! call is recorded, so that a failure shows as a program what was done. How to
//! write one is described in `conformance/TESTS.md`.

mod answer;
mod calls;
mod cases;
mod context;
mod entry;
mod harness;
mod observe;
mod report;
mod run;
mod steps;
mod waiting;

use std::sync::Arc;

use vmo_abi::{Capabilities, Capability};

use crate::ledger::clause_of;
use crate::level::Level;

pub use answer::{Answer, Checked, Failure, Judged, plus};
pub use calls::Deadline;
pub use context::{Context, Side};
use entry::Entry;
pub use harness::{Check, main, main_at};
pub use report::failure_text;
pub use run::{CaseOptions, CaseReport, CaseVerdict, Start, run_case, run_cases, run_cases_told};
pub use steps::{PAGE, READ_ONLY, READ_WRITE, Snapshot};
pub use waiting::Waited;

/// What a test does.
type Body = Arc<dyn Fn(&mut Context<'_>) -> Checked + Send + Sync>;

/// A named test of one behaviour.
#[derive(Clone)]
#[non_exhaustive]
pub struct Test {
    /// The name, such as `vmo_create::rounds_size_up_to_a_page`.
    pub name: String,
    /// Ids of the clauses that it checks.
    pub clauses: &'static [&'static str],
    /// What a backend has to offer for it, besides plain VMOs.
    pub needs: Capabilities,
    /// The lowest level at which it is run.
    pub level: Level,
    /// Whether a real kernel of the edition could hang, panic or corrupt memory
    /// in it.
    pub hazard: bool,
    body: Body,
}

impl std::fmt::Debug for Test {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Test").field("name", &self.name).field("clauses", &self.clauses).finish()
    }
}

impl Test {
    /// Runs the test from this level on, whatever the levels of its clauses.
    pub(crate) fn at(&mut self, level: Level) -> &mut Self {
        self.level = level;
        self
    }

    /// Marks a test that a real kernel may not survive.
    pub(crate) fn hazard(&mut self) -> &mut Self {
        self.hazard = true;
        self
    }

    /// The module of the test: the part of the name before the last two `::`
    /// parts, or before the last.
    #[must_use]
    pub fn module(&self) -> &str {
        self.name.split("::").next().unwrap_or(&self.name)
    }
}

/// The tests, gathered module by module.
#[derive(Default)]
pub struct Suite {
    module: &'static str,
    tests: Vec<Test>,
}

impl Suite {
    /// Every test there is.
    #[must_use]
    pub fn new() -> Self {
        let mut suite = Self::default();
        cases::add_all(&mut suite);
        suite
    }

    /// The tests in the order in which they are run.
    #[must_use]
    pub fn tests(&self) -> &[Test] {
        &self.tests
    }

    /// Begins a module; the names of the tests that follow start with it.
    pub(crate) fn module(&mut self, name: &'static str) -> &mut Self {
        self.module = name;
        self
    }

    /// Adds a test. Its level is the highest among its clauses'. Mappings are
    /// made in a region of the test's own (W-35), so who needs the former needs
    /// regions as well.
    ///
    /// # Panics
    ///
    /// A clause does not exist, or two tests have the same name: a mistake in
    /// the suite, found by its own tests.
    pub(crate) fn test(
        &mut self,
        name: impl Into<String>,
        clauses: &'static [&'static str],
        needs: &[Capability],
        body: impl Fn(&mut Context<'_>) -> Checked + Send + Sync + 'static,
    ) -> &mut Test {
        let levels = clauses.iter().map(|id| match clause_of(id) {
            Some(clause) => clause.level(),
            None => panic!("no clause is called {id}"),
        });
        let level = levels.max().unwrap_or(Level::Page);
        let mut needs: Capabilities = needs.iter().copied().collect();
        if needs.contains(Capability::Mapping) {
            needs = needs.with(Capability::Regions);
        }
        let name = format!("{}::{}", self.module, name.into());
        self.tests.push(Test { name, clauses, needs, level, hazard: false, body: Arc::new(body) });
        self.tests.last_mut().expect("a test was pushed just now")
    }
}

#[cfg(test)]
mod tests;
