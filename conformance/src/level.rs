//! How strictly a backend is held to the contract.

use serde::{Deserialize, Serialize};

/// What a backend is held to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// What the seed page promises, and nothing else.
    Seed,
    /// What the pages of the edition promise, and what Zircon's own tests insist
    /// on besides. Where a page and the recorded kernel contradict each other
    /// both are accepted.
    #[default]
    Page,
    /// What the recorded kernel did, too, the choice among several errors
    /// included.
    Kernel,
}

impl Level {
    /// Every level.
    pub const ALL: [Self; 3] = [Self::Seed, Self::Page, Self::Kernel];

    /// The name used on the command line and in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Seed => "seed",
            Self::Page => "page",
            Self::Kernel => "kernel",
        }
    }

    /// The level called `name`.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.name() == name)
    }
}
