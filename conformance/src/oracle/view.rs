//! What the oracle tells of what exists, for whoever makes programs.

use vmo_abi::zx_handle_t;

use super::Oracle;
use super::handles::{Named, ObjectId, Rights};
use super::state::Kind;

/// What a handle is, as far as is known. Two handles with the same view can be
/// exchanged for each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HandleView {
    object: ObjectId,
    kind: Kind,
    rights: Rights,
}

impl HandleView {
    /// Whether it is a handle to a VMO.
    #[must_use]
    pub fn is_vmo(&self) -> bool {
        matches!(self.kind, Kind::Vmo(_))
    }

    /// Whether it is a handle to a region.
    #[must_use]
    pub fn is_region(&self) -> bool {
        matches!(self.kind, Kind::Region(_))
    }
}

impl Oracle {
    /// What the open handle with this value is; `None` if there is none.
    #[must_use]
    pub fn handle_view(&self, value: zx_handle_t) -> Option<HandleView> {
        let Named::Handle(entry) = self.state.handles.find(value) else { return None };
        let kind = self.state.object(entry.object).kind;
        Some(HandleView { object: entry.object, kind, rights: entry.rights })
    }

    /// A number that is another one after a call that may have changed something.
    /// It may also change as more becomes known of what was there before.
    #[must_use]
    pub fn changes(&self) -> u64 {
        // Another number of possible states means that the call may have done
        // something.
        u64::from(self.state.changes) << 8 | self.others.len() as u64
    }
}
