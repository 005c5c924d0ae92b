//! The clauses of the contract, as ids that the compiler checks and as bits
//! that are cheap to note.

use std::fmt;

/// The groups of clauses of edition 2018-06 with how many there are of each,
/// conflicts (`C`) and freedoms (`ND`) included.
const GROUPS: &[(&str, usize)] = &[
    ("GEN", 10),
    ("HV", 11),
    ("KOID", 5),
    ("TYPE", 7),
    ("VMO-CREATE", 42),
    ("VMO-READ", 23),
    ("VMO-WRITE", 26),
    ("VMO-GETSIZE", 9),
    ("VMO-SETSIZE", 23),
    ("VMO-CLONE", 33),
    ("COW", 38),
    ("VMO-OPRANGE", 49),
    ("VMO-CACHEPOL", 23),
    ("VMAR-MAP", 53),
    ("VMAR-UNMAP", 18),
    ("VMAR-PROTECT", 16),
    ("VMAR-ALLOC", 9),
    ("VMAR-DESTROY", 7),
    ("HANDLE-DUP", 14),
    ("HANDLE-REPLACE", 13),
    ("HANDLE-CLOSE", 13),
    ("OBJ-GETPROP", 13),
    ("OBJ-SETPROP", 17),
    ("OBJ-INFO", 30),
    ("OBJ-WAIT", 20),
    ("OBJ-SIGNAL", 14),
    ("SIG-ZC", 22),
    ("THREAD", 10),
    ("C", 34),
    ("ND", 22),
];

/// Clauses in all.
const COUNT: usize = {
    let mut sum = 0;
    let mut group = 0;
    while group < GROUPS.len() {
        sum += GROUPS[group].1;
        group += 1;
    }
    sum
};

const WORDS: usize = COUNT.div_ceil(64);

/// A clause of the contract, such as `VMO-CREATE-02`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Clause {
    pub(super) id: &'static str,
    index: u16,
}

impl Clause {
    /// The clause with this id. Meant for constants: an id that names no clause
    /// does not compile.
    pub(super) const fn named(id: &'static str) -> Self {
        match index_of(id) {
            Some(index) => Self { id, index: index as u16 },
            None => panic!("there is no such clause"),
        }
    }
}

/// Ids of the clauses that the oracle's rules name: those that it can come to.
pub const JUDGED_CLAUSES: &[&str] = include!(concat!(env!("OUT_DIR"), "/oracle_clauses.rs"));

/// The clauses that the seed page itself states.
const SEED: &[(&str, &[(usize, usize)])] = &[
    ("GEN", &[(4, 4)]),
    ("VMO-CREATE", &[(1, 3), (7, 10), (16, 23), (26, 34), (42, 42)]),
    ("SIG-ZC", &[(1, 2), (4, 4), (7, 7)]),
];

/// Whether the seed page itself states the clause called `id`.
pub(super) fn is_of_seed(id: &str) -> bool {
    SEED.iter().any(|(group, ranges)| {
        number_in(id.as_bytes(), group.as_bytes()).is_some_and(|number| {
            ranges.iter().any(|(first, last)| (*first..=*last).contains(&number))
        })
    })
}

const fn index_of(id: &str) -> Option<usize> {
    let bytes = id.as_bytes();
    let mut first = 0;
    let mut group = 0;
    while group < GROUPS.len() {
        let (name, count) = GROUPS[group];
        if let Some(number) = number_in(bytes, name.as_bytes()) {
            return if number >= 1 && number <= count { Some(first + number - 1) } else { None };
        }
        first += count;
        group += 1;
    }
    None
}

/// The number in `GROUP-nn`, if that is the group.
const fn number_in(id: &[u8], group: &[u8]) -> Option<usize> {
    if id.len() != group.len() + 3 || id[group.len()] != b'-' {
        return None;
    }
    let mut at = 0;
    while at < group.len() {
        if id[at] != group[at] {
            return None;
        }
        at += 1;
    }
    let (tens, ones) = (id[at + 1], id[at + 2]);
    if !tens.is_ascii_digit() || !ones.is_ascii_digit() {
        return None;
    }
    Some((tens - b'0') as usize * 10 + (ones - b'0') as usize)
}

/// Names a clause where its rule is; an id that does not exist does not compile.
macro_rules! clause {
    ($id:literal) => {
        const { $crate::oracle::clause::Clause::named($id) }
    };
}
pub(super) use clause;

/// The clauses that a judge has come to: those that decided about a status, or
/// whose consequence was looked at. What fuzzing takes as coverage of a backend
/// that it cannot look into.
#[derive(Clone, PartialEq, Eq)]
pub struct Covered([u64; WORDS]);

impl Covered {
    /// No clause.
    pub(super) const NONE: Self = Self([0; WORDS]);

    pub(super) fn insert(&mut self, clause: Clause) {
        self.0[usize::from(clause.index) / 64] |= 1 << (clause.index % 64);
    }

    /// How many clauses there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// Whether the clause called `id` is among them.
    #[must_use]
    pub fn contains(&self, id: &str) -> bool {
        index_of(id).is_some_and(|index| self.0[index / 64] & (1 << (index % 64)) != 0)
    }

    /// Adds the clauses of `other`, and answers how many of them are new.
    pub fn merge(&mut self, other: &Self) -> usize {
        let mut new = 0;
        for (word, other) in self.0.iter_mut().zip(&other.0) {
            new += (other & !*word).count_ones() as usize;
            *word |= other;
        }
        new
    }

    /// The ids, in the order of the contract.
    pub fn ids(&self) -> impl Iterator<Item = String> {
        let numbered = GROUPS.iter().flat_map(|(group, count)| {
            (1..=*count).map(move |number| format!("{group}-{number:02}"))
        });
        numbered
            .enumerate()
            .filter_map(|(index, id)| (self.0[index / 64] & (1 << (index % 64)) != 0).then_some(id))
    }

    /// The set as bits, one for each clause in the order of the contract.
    #[must_use]
    pub fn as_words(&self) -> &[u64] {
        &self.0
    }
}

impl Default for Covered {
    fn default() -> Self {
        Self::NONE
    }
}

impl fmt::Debug for Covered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.ids()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_and_bits_belong_together() {
        let mut covered = Covered::NONE;
        for clause in [clause!("GEN-01"), clause!("VMO-CREATE-42"), clause!("ND-22")] {
            assert!(!covered.contains(clause.id));
            covered.insert(clause);
            assert!(covered.contains(clause.id));
        }
        assert_eq!(covered.count(), 3);
        assert_eq!(covered.ids().collect::<Vec<_>>(), ["GEN-01", "VMO-CREATE-42", "ND-22"]);
    }

    #[test]
    fn the_clauses_that_are_judged_have_bits() {
        assert!(JUDGED_CLAUSES.len() > 300);
        for id in JUDGED_CLAUSES {
            assert!(index_of(id).is_some(), "{id}");
        }
    }

    #[test]
    fn what_is_no_id_has_no_bit() {
        for id in ["", "GEN", "GEN-00", "GEN-11", "GEN-1", "VMO-CREATE-43", "X-01", "C-35"] {
            assert_eq!(index_of(id), None, "{id}");
        }
    }
}
