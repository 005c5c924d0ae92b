//! The handles that are open, and what they allow.

use vmo_abi::{ZX_HANDLE_INVALID, ZX_RIGHT_WRITE, zx_handle_t, zx_rights_t};

use super::clause::{Clause, clause};

/// An object: an index into the state's objects.
pub(super) type ObjectId = u32;

/// What is known of the rights of a handle: those it has, and those it may
/// have. At kernel level both are the same; at page level the page of a call
/// does not name every right of what it makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rights {
    pub(super) have: zx_rights_t,
    pub(super) may: zx_rights_t,
}

impl Rights {
    pub(super) fn exactly(rights: zx_rights_t) -> Self {
        Self { have: rights, may: rights }
    }

    /// At least these.
    pub(super) fn at_least(rights: zx_rights_t) -> Self {
        Self { have: rights, may: zx_rights_t::MAX >> 1 }
    }

    pub(super) fn allow(self, rights: zx_rights_t) -> bool {
        self.have & !rights == 0 && rights & !self.may == 0
    }
}

/// Which call gave a handle its rights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    Create,
    Clone,
    Duplicate,
    Replace,
    Allocate,
    Other,
}

impl Origin {
    /// The clause that wrong rights break.
    pub(super) fn clause(self, expected: Rights, actual: zx_rights_t) -> Clause {
        let missing = expected.have & !actual;
        match self {
            Self::Create => match missing.trailing_zeros() {
                0 => clause!("VMO-CREATE-16"),
                1 => clause!("VMO-CREATE-17"),
                2 => clause!("VMO-CREATE-18"),
                3 => clause!("VMO-CREATE-19"),
                4 => clause!("VMO-CREATE-20"),
                5 => clause!("VMO-CREATE-21"),
                6 => clause!("VMO-CREATE-22"),
                7 => clause!("VMO-CREATE-23"),
                8..32 => clause!("VMO-CREATE-24"),
                _ => clause!("VMO-CREATE-25"),
            },
            Self::Clone if missing & ZX_RIGHT_WRITE != 0 => clause!("VMO-CLONE-20"),
            Self::Clone => clause!("VMO-CLONE-21"),
            Self::Duplicate => clause!("HANDLE-DUP-03"),
            Self::Replace => clause!("HANDLE-REPLACE-01"),
            Self::Allocate => clause!("VMAR-ALLOC-04"),
            Self::Other => clause!("OBJ-INFO-05"),
        }
    }
}

/// An open handle.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    pub(super) value: zx_handle_t,
    pub(super) object: ObjectId,
    pub(super) rights: Rights,
    pub(super) origin: Origin,
}

/// The open handles, in the order of their values.
#[derive(Clone, Default)]
pub(super) struct HandleTable(Vec<Entry>);

/// What a value names.
#[derive(Clone, Copy)]
pub(super) enum Named {
    Handle(Entry),
    /// This handle, if the bit in which the value differs from it is ignored
    /// (HV-06).
    Perhaps(Entry),
    Nothing,
}

impl HandleTable {
    fn position(&self, value: zx_handle_t) -> Result<usize, usize> {
        self.0.binary_search_by_key(&value, |entry| entry.value)
    }

    pub(super) fn get(&self, value: zx_handle_t) -> Option<&Entry> {
        self.0.get(self.position(value).ok()?)
    }

    pub(super) fn find(&self, value: zx_handle_t) -> Named {
        if value == ZX_HANDLE_INVALID {
            return Named::Nothing;
        }
        match self.position(value) {
            Ok(position) => Named::Handle(self.0[position]),
            // The table is sorted, so the value with bit 0 set would be next.
            Err(position) => match self.0.get(position) {
                Some(entry) if entry.value == value | 1 => Named::Perhaps(*entry),
                _ => Named::Nothing,
            },
        }
    }

    pub(super) fn insert(&mut self, entry: Entry) {
        match self.position(entry.value) {
            Ok(position) => self.0[position] = entry,
            Err(position) => self.0.insert(position, entry),
        }
    }

    pub(super) fn remove(&mut self, value: zx_handle_t) -> Option<Entry> {
        let position = self.position(value).ok()?;
        Some(self.0.remove(position))
    }

    pub(super) fn set_rights(&mut self, value: zx_handle_t, rights: Rights) {
        if let Ok(position) = self.position(value) {
            self.0[position].rights = rights;
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.0.iter()
    }
}
