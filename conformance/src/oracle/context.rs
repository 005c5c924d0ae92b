//! The means of a rule: which statuses a call may return, and saying no.

use vmo_abi::{
    Environment, ZX_ERR_ACCESS_DENIED, ZX_ERR_BAD_HANDLE, ZX_ERR_INVALID_ARGS, ZX_ERR_NO_MEMORY,
    ZX_ERR_WRONG_TYPE, ZX_OK, zx_handle_t, zx_rights_t, zx_status_t, zx_vaddr_t,
};

use super::clause::{Clause, Covered, clause};
use super::event::Stored;
use super::handles::{Entry, Named};
use super::memory::{Access, Span, WRITE};
use super::space::RegionId;
use super::state::{Kind, State};
use super::violation::Violation;
use super::vmo::VmoId;
use super::writing::How;
use crate::runner::Status;

/// What a rule answers.
pub(super) type Judged<T = ()> = Result<T, Violation>;

/// The means of a rule.
///
/// A rule names the errors of its call in the order in which the kernel finds
/// them. At kernel level the first one that applies is the only one allowed; at
/// page level any that applies is (ND-07).
pub(super) struct Context<'a> {
    pub(super) environment: &'a Environment,
    /// Whether the kernel is the measure, or only the pages.
    pub(super) kernel: bool,
    pub(super) covered: &'a mut Covered,
    /// States that are possible, too.
    pub(super) forks: &'a mut Vec<State>,
    pub(super) call: &'static str,
    pub(super) status: zx_status_t,
    /// Statuses that are allowed, as bits; not `ZX_OK`.
    allowed: u64,
    /// The first clause by which the call must fail.
    fails: Option<Clause>,
    /// The first clause by which it may.
    may_fail: Option<Clause>,
    /// Whether the tester's control of memory allows `NO_MEMORY`.
    short_of_memory: bool,
    /// Whether something else may have used up the memory.
    runs_out: bool,
    /// The clause that says what a right is for that the handle has.
    promised: Option<Clause>,
}

fn bit(status: zx_status_t) -> u64 {
    if (-63..0).contains(&status) { 1 << -status } else { 0 }
}

impl<'a> Context<'a> {
    pub(super) fn new(
        environment: &'a Environment,
        kernel: bool,
        covered: &'a mut Covered,
        forks: &'a mut Vec<State>,
        call: &'static str,
        status: zx_status_t,
    ) -> Self {
        Self {
            environment,
            kernel,
            covered,
            forks,
            call,
            status,
            allowed: 0,
            fails: None,
            may_fail: None,
            short_of_memory: false,
            runs_out: false,
            promised: None,
        }
    }

    pub(super) fn how(&self) -> How {
        How::by_level(self.kernel)
    }

    /// Takes note that a clause was come to.
    pub(super) fn reach(&mut self, clause: Clause) {
        self.covered.insert(clause);
    }

    /// Takes note of clauses that the call is an example of.
    pub(super) fn examples(&mut self, examples: &[(bool, Clause)]) {
        for (_, clause) in examples.iter().filter(|(applies, _)| *applies) {
            self.covered.insert(*clause);
        }
    }

    /// Whether an error found now would still be looked for.
    fn is_open(&self) -> bool {
        !(self.kernel && self.fails.is_some())
    }

    /// If it applies, the call fails, at kernel level with this status.
    pub(super) fn must(&mut self, applies: bool, status: zx_status_t, clause: Clause) {
        if applies && self.is_open() {
            self.covered.insert(clause);
            self.allowed |= bit(status);
            self.fails.get_or_insert(clause);
        }
    }

    /// If it applies, the call may fail with this status.
    pub(super) fn may(&mut self, applies: bool, status: zx_status_t, clause: Clause) {
        if applies && self.is_open() {
            self.covered.insert(clause);
            self.allowed |= bit(status);
            self.may_fail.get_or_insert(clause);
            self.runs_out |= status == ZX_ERR_NO_MEMORY;
        }
    }

    /// If it applies, the call may fail with this status by the pages, though
    /// not by the kernel.
    pub(super) fn lenient(&mut self, applies: bool, status: zx_status_t, clause: Clause) {
        self.may(applies && !self.kernel, status, clause);
    }

    /// If it applies, the kernel fails with this status, though no page says
    /// so.
    pub(super) fn by_kernel(&mut self, applies: bool, status: zx_status_t, clause: Clause) {
        if self.kernel {
            self.must(applies, status, clause);
        } else {
            self.may(applies, status, clause);
        }
    }

    /// Lack of memory: by the pages at any time (ND-03), by the kernel only
    /// if the tester made memory short.
    pub(super) fn no_memory(&mut self, state: &State, clause: Clause) {
        if !self.kernel {
            self.allowed |= bit(ZX_ERR_NO_MEMORY);
        } else if state.memory_is_short() && self.is_open() {
            self.covered.insert(clause);
            self.allowed |= bit(ZX_ERR_NO_MEMORY);
            self.short_of_memory = true;
        }
    }

    /// A handle that the call needs.
    pub(super) fn handle(
        &mut self,
        state: &State,
        value: zx_handle_t,
        clause: Clause,
    ) -> Option<Entry> {
        match state.handles.find(value) {
            Named::Handle(entry) => Some(entry),
            Named::Perhaps(entry) => {
                self.lenient(true, ZX_ERR_BAD_HANDLE, clause!("HV-06"));
                Some(entry)
            }
            Named::Nothing => {
                self.must(true, ZX_ERR_BAD_HANDLE, clause);
                None
            }
        }
    }

    /// Rights that a handle needs.
    pub(super) fn rights(&mut self, entry: &Entry, needed: zx_rights_t, clause: Clause) {
        self.must(needed & !entry.rights.may != 0, ZX_ERR_ACCESS_DENIED, clause);
        self.may(needed & !entry.rights.have != 0, ZX_ERR_ACCESS_DENIED, clause);
    }

    /// The seed page says that a right that a handle to a VMO has is good for
    /// the call.
    pub(super) fn promise(&mut self, entry: &Entry, right: zx_rights_t, clause: Clause) {
        if entry.rights.have & right != 0 {
            self.covered.insert(clause);
            self.promised = Some(clause);
        }
    }

    /// A VMO that the handle has to name.
    pub(super) fn vmo(&mut self, state: &State, entry: &Entry, clause: Clause) -> Option<VmoId> {
        match state.object(entry.object).kind {
            Kind::Vmo(vmo) => Some(vmo),
            _ => {
                self.must(true, ZX_ERR_WRONG_TYPE, clause);
                None
            }
        }
    }

    /// A region that the handle has to name.
    pub(super) fn region(
        &mut self,
        state: &State,
        entry: &Entry,
        clause: Clause,
    ) -> Option<RegionId> {
        match state.object(entry.object).kind {
            Kind::Region(region) => Some(region),
            _ => {
                self.must(true, ZX_ERR_WRONG_TYPE, clause);
                None
            }
        }
    }

    pub(super) fn span(&self, state: &State, address: zx_vaddr_t, len: u64, right: u32) -> Span {
        state.span(self.kernel, self.environment, address, len, right)
    }

    /// A pointer that the call follows has to be good (GEN-07).
    pub(super) fn pointer(&mut self, access: Access, clause: Clause) {
        self.must(access == Access::Bad, ZX_ERR_INVALID_ARGS, clause);
        self.may(access == Access::Unknown, ZX_ERR_INVALID_ARGS, clause);
    }

    /// An output place of fixed size has to be good. Answers how good it is.
    pub(super) fn place(
        &mut self,
        state: &State,
        address: zx_vaddr_t,
        len: u64,
        clause: Clause,
    ) -> Span {
        let span = self.span(state, address, len, WRITE);
        self.pointer(span.access, clause);
        self.short_buffer(state, &span);
        span
    }

    /// A buffer in a mapping may need pages that memory is too short for; the
    /// fault becomes INVALID_ARGS (GEN-10, ND-03).
    pub(super) fn short_buffer(&mut self, state: &State, span: &Span) {
        if span.mapped && state.memory_is_short() {
            self.may(true, ZX_ERR_INVALID_ARGS, clause!("GEN-10"));
        }
    }

    /// Whether the call has to fail by something that was named so far.
    pub(super) fn must_fail(&self) -> bool {
        self.fails.is_some()
    }

    /// Judges the status. Answers whether the call succeeded; `success` is the
    /// clause that says it has to if no error applies.
    pub(super) fn settle(&mut self, state: &mut State, success: Clause) -> Judged<bool> {
        let status = self.status;
        if status == ZX_OK {
            if let Some(clause) = self.fails {
                return Err(self.wrong_status(clause));
            }
            self.covered.insert(success);
            return Ok(true);
        }
        if bit(status) & self.allowed == 0 {
            let clause = match self.fails.or(self.may_fail) {
                _ if status > 0 => clause!("GEN-04"),
                Some(clause) => clause,
                None if status == ZX_ERR_ACCESS_DENIED => self.promised.unwrap_or(success),
                None => success,
            };
            return Err(self.wrong_status(clause));
        }
        let ran_out = self.runs_out || state.limited;
        if self.short_of_memory && status == ZX_ERR_NO_MEMORY && !ran_out {
            // The one allocation that was to fail has failed.
            state.failing = false;
        }
        Ok(false)
    }

    fn wrong_status(&self, clause: Clause) -> Violation {
        let mut allowed = Vec::new();
        if self.fails.is_none() {
            allowed.push(ZX_OK);
        }
        allowed.extend((-63..0).rev().filter(|status| self.allowed & bit(*status) != 0));
        let names: Vec<_> = allowed.iter().map(|status| Status(*status).to_string()).collect();
        self.violation(clause, names.join(" or "), Status(self.status).to_string())
    }

    /// Says no.
    pub(super) fn violation(
        &self,
        clause: Clause,
        expected: impl Into<String>,
        actual: impl Into<String>,
    ) -> Violation {
        Violation {
            clause: clause.id,
            call: self.call,
            expected: expected.into(),
            actual: actual.into(),
        }
    }

    /// Says no unless a call stored a number.
    pub(super) fn same(
        &mut self,
        what: &str,
        expected: u64,
        stored: Stored,
        clause: Clause,
    ) -> Judged {
        self.covered.insert(clause);
        let actual = match stored {
            Stored::Word(word) if word == expected => return Ok(()),
            Stored::Word(word) => format!("{word:#x}"),
            Stored::Nothing => "nothing stored".to_owned(),
            Stored::Unknown => return Ok(()),
        };
        Err(self.violation(clause, format!("{what} {expected:#x}"), actual))
    }

    /// A failed call leaves its output places alone, says the kernel (GEN-06).
    pub(super) fn untouched(&mut self, untouched: bool, clause: Clause) -> Judged {
        if !self.kernel || untouched {
            return Ok(());
        }
        Err(self.violation(clause, "output places untouched", "something stored"))
    }
}
