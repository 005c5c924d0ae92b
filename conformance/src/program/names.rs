//! The words of programs: those with a fixed meaning, and the names that a
//! program binds.

use std::collections::{BTreeSet, HashMap};

use vmo_abi::{Named, OBJECT_TYPES, STATUSES, Syscall, names_of};

use super::{Address, Field, Handle, Name};

/// Words with a meaning of their own, which no program can bind.
pub(super) const FIXED_WORDS: [&str; 24] = [
    "invalid",
    "never",
    "region",
    "root",
    "process",
    "observed",
    "null",
    "unmapped",
    "readonly",
    "kernel",
    "straddle",
    "now",
    "none",
    "hex",
    "fill",
    "seq",
    "true",
    "false",
    "infinite",
    "load",
    "store",
    "limit_memory",
    "fail_allocation",
    "program",
];

/// Every word of the text form: calls, arguments, fields, statuses, flags and the
/// fixed words. Names that programs bind and numbers are not among them.
#[must_use]
pub fn words() -> BTreeSet<&'static str> {
    let declarations = Syscall::ALL.iter().map(|call| call.declaration());
    let arguments = declarations.flat_map(|declaration| {
        let kinds = declaration.arguments.iter();
        let flags = kinds.clone().filter_map(|argument| names_of(argument.kind));
        let flags = flags.flat_map(Named::table).map(|(name, _)| *name);
        kinds.map(|argument| argument.name).chain(flags)
    });
    let types = OBJECT_TYPES.iter().map(|(name, _)| *name);
    let statuses = STATUSES.iter().map(|(name, _)| *name);
    let calls = Syscall::ALL.iter().map(|call| call.name());
    let steps = ["address", "len", "pages", "nth", "FAULT", "topic", "marks"];
    (FIXED_WORDS.into_iter().chain(Field::KEYS).chain(steps))
        .chain(calls.chain(arguments).chain(types).chain(statuses))
        .collect()
}

/// The handle of a fixed word.
pub(super) fn handle_from_word(word: &str) -> Option<Handle> {
    Some(match word {
        "invalid" => Handle::Invalid,
        "never" => Handle::Never,
        "region" => Handle::Region,
        "root" => Handle::Root,
        "process" => Handle::Process,
        "observed" => Handle::Observed,
        _ => return None,
    })
}

/// The address of a fixed word that stands alone.
pub(super) fn address_from_word(word: &str) -> Option<Address> {
    Some(match word {
        "null" => Address::Null,
        "unmapped" => Address::Unmapped,
        "readonly" => Address::ReadOnly,
        "kernel" => Address::Kernel,
        _ => return None,
    })
}

/// Most names of one program: as many as a [`Name`] can tell apart, less one
/// so that their number fits as well.
pub const MOST_NAMES: usize = u16::MAX as usize;

/// The names that a program has bound so far.
#[derive(Debug, Default)]
pub(super) struct Names<'a> {
    table: Vec<String>,
    index: HashMap<&'a str, Name>,
}

/// Why a word can't be bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unbindable {
    /// It is not of the form of a name.
    Malformed,
    /// It has a fixed meaning.
    Fixed,
    /// The program binds it already.
    Bound,
    /// The program has as many names as it can have.
    TooMany,
}

impl Unbindable {
    /// What should stand in the place of the word.
    pub fn expected(self) -> String {
        match self {
            Self::Malformed => "a name of a-z, 0-9 and _ that starts with a-z".to_owned(),
            Self::Fixed => "a name without a fixed meaning".to_owned(),
            Self::Bound => "a name that is not bound yet".to_owned(),
            Self::TooMany => format!("at most {MOST_NAMES} names in a program"),
        }
    }
}

impl<'a> Names<'a> {
    /// The name that `word` is bound as.
    pub fn get(&self, word: &str) -> Option<Name> {
        self.index.get(word).copied()
    }

    /// Binds `word`.
    pub fn bind(&mut self, word: &'a str) -> Result<Name, Unbindable> {
        if !is_well_formed(word) {
            return Err(Unbindable::Malformed);
        }
        if FIXED_WORDS.contains(&word) {
            return Err(Unbindable::Fixed);
        }
        if self.index.contains_key(word) {
            return Err(Unbindable::Bound);
        }
        let name = match u16::try_from(self.table.len()) {
            Ok(next) if self.table.len() < MOST_NAMES => Name(next),
            _ => return Err(Unbindable::TooMany),
        };
        self.table.push(word.to_owned());
        self.index.insert(word, name);
        Ok(name)
    }

    /// The bound names in order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.table.iter().map(String::as_str)
    }

    /// The table of a finished program. Leaves nothing bound.
    pub fn finish(&mut self) -> Vec<String> {
        // A new map and not a cleared one: clearing costs time for the names
        // of the largest program so far, once for every program after it.
        self.index = HashMap::new();
        std::mem::take(&mut self.table)
    }
}

fn is_well_formed(word: &str) -> bool {
    word.starts_with(|first: char| first.is_ascii_lowercase())
        && word.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_bound_once() {
        let mut names = Names::default();
        assert_eq!(names.bind("v0"), Ok(Name(0)));
        assert_eq!(names.bind("m_0"), Ok(Name(1)));
        assert_eq!(names.bind("v0"), Err(Unbindable::Bound));
        for word in ["", "V0", "0v", "_v", "v-0", "vö"] {
            assert_eq!(names.bind(word), Err(Unbindable::Malformed), "{word}");
        }
        assert_eq!(names.get("m_0"), Some(Name(1)));
        assert_eq!(names.finish(), ["v0", "m_0"]);
        assert_eq!(names.get("v0"), None);
    }

    #[test]
    fn fixed_words_cannot_be_bound() {
        for word in FIXED_WORDS {
            assert_eq!(Names::default().bind(word), Err(Unbindable::Fixed), "{word}");
        }
    }

    #[test]
    fn names_are_limited() {
        let words: Vec<String> = (0..=MOST_NAMES).map(|i| format!("v{i}")).collect();
        let mut names = Names::default();
        for word in &words[..MOST_NAMES] {
            assert!(names.bind(word).is_ok());
        }
        assert_eq!(names.bind(&words[MOST_NAMES]), Err(Unbindable::TooMany));
    }
}
