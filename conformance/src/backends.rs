//! The backends that are built in.

use std::fmt;
use std::sync::{Arc, OnceLock};

use vmo_abi::Backend;
#[cfg(feature = "reference")]
use vmo_reference::{Configuration, Reference};

use crate::faults::{Fault, Faulty, fault_named};
use crate::remote::{Door, DoorError, Limits};
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

/// The backends that the program brings along itself.
static OWN: OnceLock<&'static [BuiltIn]> = OnceLock::new();

/// Adds the backends that the program brings along itself, once.
pub(crate) fn bring_along(backends: &'static [BuiltIn]) {
    OWN.get_or_init(|| backends);
}

/// The backends of this program, its own before those that are built in.
pub fn known() -> impl Iterator<Item = &'static BuiltIn> {
    OWN.get().copied().unwrap_or_default().iter().chain(BUILT_IN)
}

/// The backend that is taken if none is named.
pub(crate) fn default_name() -> &'static str {
    known().next().map_or("reference", |backend| backend.name)
}

/// The backend of this program that is called `name`.
#[must_use]
pub fn built_in(name: &str) -> Option<&'static BuiltIn> {
    known().find(|backend| backend.name == name)
}

/// What stands before the name of a fault where a backend is named.
const FAULT_PREFIX: &str = "fault:";

/// What stands before the path of a shared library.
pub(crate) const LIBRARY_PREFIX: &str = "lib:";

/// What stands before the name of a backend that is to run in a process of its
/// own.
const ISOLATED_PREFIX: &str = "isolated:";

/// A backend that can be started by name.
#[derive(Clone)]
pub enum Choice {
    /// A built-in one.
    BuiltIn(&'static BuiltIn),
    /// `fault:NAME`: the reference with one of the mistakes that ship.
    Fault(&'static Fault),
    /// One in another process or machine.
    Door(Arc<Door>),
}

impl Choice {
    /// Starts a fresh instance.
    ///
    /// # Errors
    ///
    /// The backend would not start.
    pub fn start(&self) -> Result<Box<dyn Backend>, StartError> {
        match self {
            Self::Door(door) => door.start(),
            Self::BuiltIn(backend) => (backend.start)(),
            Self::Fault(fault) => Ok(Box::new(Faulty::reference(Some(fault))?)),
        }
    }

    /// Backends that can be in use at once.
    #[must_use]
    pub fn backends_at_once(&self) -> usize {
        match self {
            Self::BuiltIn(_) | Self::Fault(_) => usize::MAX,
            Self::Door(door) => door.backends_at_once(),
        }
    }
}

/// Why no backend has a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UnknownBackend {
    /// None is called so.
    Backend(String),
    /// It was to be a fault, and none is called so.
    Fault(String),
    /// It was to be elsewhere, and the place makes no sense.
    Door(DoorError),
    /// It was to run in a process of its own, which this program cannot start.
    Alone(String),
}

impl fmt::Display for UnknownBackend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Backend(name) => {
                write!(f, "unknown backend `{name}`: known are ")?;
                known().try_for_each(|known| write!(f, "{}, ", known.name))?;
                write!(
                    f,
                    "{FAULT_PREFIX}NAME with a fault of `vmo-conformance faults --list`, and \
                     exec:, lib:, unix:, tcp:, serial: for backends elsewhere"
                )
            }
            Self::Door(error) => error.fmt(f),
            Self::Alone(name) => write!(
                f,
                "`{name}` runs in a process of its own, which only the command \
                 `vmo-conformance` starts"
            ),
            Self::Fault(name) => write!(
                f,
                "unknown backend `{FAULT_PREFIX}{name}`: no fault is called `{name}`; \
                 `vmo-conformance faults --list` lists them"
            ),
        }
    }
}

impl std::error::Error for UnknownBackend {}

/// The backend called `name`: a built-in one, `fault:NAME` for the reference with
/// a mistake, or one elsewhere.
///
/// # Errors
///
/// There is no such backend.
pub fn named(name: &str) -> Result<Choice, UnknownBackend> {
    named_within(name, Limits::default())
}

/// As [`named`], with other limits of the time that a backend elsewhere has.
///
/// # Errors
///
/// There is no such backend.
pub fn named_within(name: &str, limits: Limits) -> Result<Choice, UnknownBackend> {
    if let Some(door) = Door::named(name, limits) {
        return Ok(Choice::Door(door.map_err(UnknownBackend::Door)?));
    }
    if name.strip_prefix(LIBRARY_PREFIX).is_some_and(|path| !path.is_empty()) {
        return isolated(name, name, limits);
    }
    if let Some(inner) = name.strip_prefix(ISOLATED_PREFIX) {
        // It has to exist, which the other process would be late to say.
        named(inner)?;
        return isolated(name, inner, limits);
    }
    if let Some(fault) = name.strip_prefix(FAULT_PREFIX) {
        let known = fault_named(fault).ok_or_else(|| UnknownBackend::Fault(fault.to_owned()))?;
        return Ok(Choice::Fault(known));
    }
    let known = built_in(name).ok_or_else(|| UnknownBackend::Backend(name.to_owned()))?;
    Ok(Choice::BuiltIn(known))
}

/// A backend of this program in a process of its own.
fn isolated(name: &str, inner: &str, limits: Limits) -> Result<Choice, UnknownBackend> {
    let door = Door::serving(name, inner, limits);
    door.map(Choice::Door).ok_or_else(|| UnknownBackend::Alone(name.to_owned()))
}

#[cfg(all(test, feature = "reference"))]
mod tests {
    use vmo_abi::Syscall;

    use super::*;
    use crate::faults::FAULTS;

    fn size_of_a_vmo_of_one_byte(name: &str) -> u64 {
        let backend = named(name).expect("it is known").start().expect("it starts");
        let place = backend.environment().arena.base;
        let create = [1, 0, place, 0, 0, 0, 0, 0];
        assert_eq!(backend.syscall(Syscall::vmo_create, &create), 0);
        let mut handle = [0; 4];
        backend.load(place, &mut handle).expect("the arena can be read");
        assert_eq!(backend.vmo_get_size(u32::from_le_bytes(handle), place + 8), 0);
        let mut size = [0; 8];
        backend.load(place + 8, &mut size).expect("the arena can be read");
        u64::from_le_bytes(size)
    }

    #[test]
    fn a_fault_can_be_named_as_a_backend() {
        assert_eq!(size_of_a_vmo_of_one_byte("reference"), 4096);
        assert_eq!(size_of_a_vmo_of_one_byte("fault:create_rounds_size_down"), 0);
        assert!(FAULTS.iter().all(|fault| named(&format!("fault:{}", fault.name)).is_ok()));
    }

    #[test]
    fn unknown_names_are_told_apart() {
        let error = |name: &str| named(name).err().map(|error| error.to_string());
        let words = error("zircon").expect("it is unknown");
        assert!(words.starts_with("unknown backend `zircon`: known are reference, "), "{words}");
        let words = error("fault:frob").expect("it is unknown");
        assert!(words.contains("no fault is called `frob`"), "{words}");
        assert!(error("").is_some() && error("fault:").is_some());
    }
}
