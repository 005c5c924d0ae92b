//! Which names of a program stand for what, and which of them are
//! interchangeable.

use crate::oracle::{HandleView, Oracle};
use crate::program::{Handle, Name};
use crate::runner::Facts;

/// A handle that calls may be tried with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Seen {
    pub(super) name: Name,
    /// A handle that this one can be exchanged with. It may be used only in a
    /// call that uses that one before it.
    pub(super) after: Option<Name>,
}

/// The handles that calls may be tried with, in one state. What calls there are
/// depends on just this.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct World {
    pub(super) vmos: Vec<Seen>,
    pub(super) others: Vec<Seen>,
    pub(super) regions: Vec<Seen>,
    /// One of the handles that are closed; they are all alike.
    pub(super) closed: Option<Name>,
    /// Names that are in use.
    pub(super) names: u16,
}

impl World {
    /// Looks at the first `names` names. `twins` are pairs of names of objects
    /// that were made in the same way and not touched since.
    pub(super) fn of(
        names: u16,
        oracle: &Oracle,
        facts: &Facts<'_>,
        twins: &[(Name, Name)],
    ) -> Self {
        let mut world = Self { names, ..Self::default() };
        let mut views: Vec<(Name, HandleView)> = Vec::new();
        for name in (0..names).map(Name) {
            let value = facts.handle(Handle::Named(name));
            if value == 0 {
                // It names a mapping.
                continue;
            }
            let Some(view) = oracle.handle_view(value) else {
                world.closed.get_or_insert(name);
                continue;
            };
            // With the same object and rights handles are interchangeable.
            let alike = views.iter().rev().find(|(_, other)| *other == view);
            let twin = || twins.iter().find(|(_, second)| *second == name);
            let after = alike.map(|(name, _)| *name).or_else(|| Some(twin()?.0));
            let seen = Seen { name, after };
            views.push((name, view));
            match view {
                view if view.is_vmo() => world.vmos.push(seen),
                view if view.is_region() => world.regions.push(seen),
                _ => world.others.push(seen),
            }
        }
        world
    }
}
