//! Names of numbers, for people to read and for programs to be written in.

use crate::constants::{
    CACHE_POLICIES, CLONE_OPTIONS, INFO_TOPICS, MAP_FLAGS, PROPERTIES, RIGHTS, SIGNALS, STATUSES,
    VMO_OPERATIONS, zx_status_t,
};
use crate::declaration::ArgumentKind;

/// The name of a status without `ZX_`, or `None` for a number that is none.
#[must_use]
pub fn status_name(status: zx_status_t) -> Option<&'static str> {
    STATUSES.iter().find(|(_, value)| *value == status).map(|(name, _)| *name)
}

/// The status of a name without `ZX_`.
#[must_use]
pub fn status_from_name(name: &str) -> Option<zx_status_t> {
    STATUSES.iter().find(|(known, _)| *known == name).map(|(_, value)| *value)
}

/// How the numbers of one kind of argument are named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Named {
    /// Each number has a name of its own.
    Values(&'static [(&'static str, u64)]),
    /// Each bit has a name.
    Bits(&'static [(&'static str, u64)]),
}

impl Named {
    /// The table of names.
    #[must_use]
    pub fn table(self) -> &'static [(&'static str, u64)] {
        match self {
            Self::Values(table) | Self::Bits(table) => table,
        }
    }
}

/// The names for the numbers of an argument kind, or `None` where numbers are
/// plain numbers.
#[must_use]
pub fn names_of(kind: ArgumentKind) -> Option<Named> {
    Some(match kind {
        ArgumentKind::CloneOptions => Named::Bits(CLONE_OPTIONS),
        ArgumentKind::MapFlags => Named::Bits(MAP_FLAGS),
        ArgumentKind::Rights => Named::Bits(RIGHTS),
        ArgumentKind::Signals => Named::Bits(SIGNALS),
        ArgumentKind::CachePolicy => Named::Values(CACHE_POLICIES),
        ArgumentKind::VmoOperation => Named::Values(VMO_OPERATIONS),
        ArgumentKind::Property => Named::Values(PROPERTIES),
        ArgumentKind::InfoTopic => Named::Values(INFO_TOPICS),
        _ => return None,
    })
}
