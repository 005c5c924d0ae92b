//! The backends that are built in.

use std::fmt;

use vmo_abi::Backend;
#[cfg(feature = "reference")]
use vmo_reference::{Configuration, Reference};

use crate::runner::RunError;

/// A backend that would not start, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StartError(pub String);

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the backend would not start: {}", self.0)
    }
}

impl std::error::Error for StartError {}

impl From<RunError> for StartError {
    fn from(error: RunError) -> Self {
        Self(error.to_string())
    }
}

/// A backend that is built in.
#[derive(Clone, Copy)]
pub struct BuiltIn {
    /// The name on the command line.
    pub name: &'static str,
    /// What it is, in one line.
    pub description: &'static str,
    /// Starts a fresh instance.
    pub start: fn() -> Result<Box<dyn Backend>, StartError>,
}

/// Every backend that is built in: none without the feature `reference`.
pub const BUILT_IN: &[BuiltIn] = &[
    #[cfg(feature = "reference")]
    BuiltIn {
        name: "reference",
        description: "the reference implementation on Linux memory, in this process",
        start: start_reference,
    },
];

#[cfg(feature = "reference")]
fn start_reference() -> Result<Box<dyn Backend>, StartError> {
    match Reference::new(Configuration::default()) {
        Ok(reference) => Ok(Box::new(reference)),
        Err(error) => Err(StartError(error.to_string())),
    }
}

/// The built-in backend called `name`.
#[must_use]
pub fn built_in(name: &str) -> Option<&'static BuiltIn> {
    BUILT_IN.iter().find(|backend| backend.name == name)
}
