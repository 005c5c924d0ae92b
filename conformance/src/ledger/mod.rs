//! The ledger: every clause of the contract, written once, as data.
//!
//! Clauses keep the ids of the catalogue for edition 2018-06. Tests name the
//! clauses that they check.

mod clone;
mod conflicts;
mod general;
mod handle;
mod mapping;
mod object;
mod range;
mod untested;
mod vmo;

use crate::level::Level;

/// One clause of the contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Clause {
    /// The id, such as `VMO-CREATE-02`.
    pub id: &'static str,
    /// Where the clause comes from: the seed page, another page of the edition,
    /// or only the kernel.
    pub source: Level,
    /// The call that the clause is about, without `zx_`; empty if it is about
    /// several.
    pub call: &'static str,
    /// What the clause says.
    pub text: &'static str,
    /// The conflict between pages and kernel that it is one side of.
    pub conflict: Option<&'static str>,
    /// Whether an implementation may do otherwise, and the report tells.
    pub either: bool,
    /// Whether a real kernel of that day could hang, panic or corrupt memory
    /// when it is tested.
    pub hazard: bool,
    /// Whether tests in Zircon's own tree of that day insist on it although no
    /// page says it.
    pub insisted: bool,
    /// Whether pages promise it and the kernel does otherwise or nothing that
    /// can be seen.
    pub kernel_differs: bool,
}

/// A contradiction between the pages of the edition and its kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// The id, such as `C-12`.
    pub id: &'static str,
    /// What the pages say.
    pub page: &'static str,
    /// What the kernel does.
    pub kernel: &'static str,
    /// How an implementation is judged.
    pub verdict: &'static str,
}

const fn clause(id: &'static str, source: Level, call: &'static str, text: &'static str) -> Clause {
    Clause {
        id,
        source,
        call,
        text,
        conflict: None,
        either: false,
        hazard: false,
        insisted: false,
        kernel_differs: false,
    }
}

impl Clause {
    const fn conflict(self, id: &'static str) -> Self {
        Self { conflict: Some(id), ..self }
    }

    const fn either(self) -> Self {
        Self { either: true, ..self }
    }

    const fn hazard(self) -> Self {
        Self { hazard: true, ..self }
    }

    const fn insisted(self) -> Self {
        Self { insisted: true, ..self }
    }

    const fn kernel_differs(self) -> Self {
        Self { kernel_differs: true, ..self }
    }

    /// The lowest level at which a backend is held to the clause: its source,
    /// but the level of the pages for what Zircon's own tests insist on.
    #[must_use]
    pub fn level(&self) -> Level {
        if self.insisted { self.source.min(Level::Page) } else { self.source }
    }
}

/// Every clause, in the order of the catalogue's chapters.
pub fn clauses() -> impl Iterator<Item = &'static Clause> {
    [
        general::CLAUSES,
        vmo::CLAUSES,
        clone::CLAUSES,
        range::CLAUSES,
        mapping::CLAUSES,
        handle::CLAUSES,
        object::CLAUSES,
    ]
    .into_iter()
    .flatten()
}

/// The clause with an id.
#[must_use]
pub fn clause_of(id: &str) -> Option<&'static Clause> {
    clauses().find(|clause| clause.id == id)
}

/// Why no test checks a clause, for those that none does.
#[must_use]
pub fn untested_reason(id: &str) -> Option<&'static str> {
    untested::UNTESTED.iter().find(|(known, _)| *known == id).map(|(_, reason)| *reason)
}

/// Every conflict.
pub fn conflicts() -> impl Iterator<Item = &'static Conflict> {
    conflicts::CONFLICTS.iter()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn there_are_568_clauses_and_34_conflicts_with_different_ids() {
        let ids: BTreeSet<_> = clauses().map(|clause| clause.id).collect();
        assert_eq!((ids.len(), clauses().count()), (568, 568));
        let conflicts: BTreeSet<_> = conflicts().map(|conflict| conflict.id).collect();
        assert_eq!(conflicts.len(), 34);
        let named = clauses().filter_map(|clause| clause.conflict);
        assert!(named.into_iter().all(|id| conflicts.contains(id)));
    }

    #[test]
    fn every_call_named_exists() {
        for clause in clauses().filter(|clause| !clause.call.is_empty()) {
            assert!(vmo_abi::Syscall::from_name(clause.call).is_some(), "{}", clause.id);
        }
    }
}
