//! Kernel objects as handles name them.

use std::collections::VecDeque;

use slab::Slab;
use vmo_abi::{
    ZX_CHANNEL_WRITABLE, ZX_OBJ_TYPE_CHANNEL, ZX_OBJ_TYPE_EVENT, ZX_OBJ_TYPE_PORT,
    ZX_OBJ_TYPE_PROCESS, ZX_OBJ_TYPE_VMAR, ZX_OBJ_TYPE_VMO, ZX_USER_SIGNAL_ALL,
    ZX_VMO_ZERO_CHILDREN, zx_koid_t, zx_obj_type_t, zx_signals_t,
};

use crate::address_space::RegionId;
use crate::handle_table::Handle;
use crate::vmo::VmoId;

/// Names an object inside the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct ObjectId(u32);

/// What an object is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Vmo(VmoId),
    Event,
    Channel {
        /// The other end, until it is closed.
        peer: Option<ObjectId>,
        /// The koid of the other end, also after it is closed.
        peer_koid: zx_koid_t,
    },
    Port,
    Region(RegionId),
    Process {
        /// Whether it counts as another process than the caller's.
        observed: bool,
    },
}

/// The signal bit that user code may set on an event besides the user signals.
const EVENT_SIGNALED: zx_signals_t = 1 << 3;

impl Kind {
    pub(crate) fn object_type(self) -> zx_obj_type_t {
        match self {
            Self::Vmo(_) => ZX_OBJ_TYPE_VMO,
            Self::Event => ZX_OBJ_TYPE_EVENT,
            Self::Channel { .. } => ZX_OBJ_TYPE_CHANNEL,
            Self::Port => ZX_OBJ_TYPE_PORT,
            Self::Region(_) => ZX_OBJ_TYPE_VMAR,
            Self::Process { .. } => ZX_OBJ_TYPE_PROCESS,
        }
    }

    /// Whether the object has signals to wait for.
    pub(crate) fn is_waitable(self) -> bool {
        !matches!(self, Self::Region(_))
    }

    /// Signals at birth.
    fn first_signals(self) -> zx_signals_t {
        match self {
            Self::Vmo(_) => ZX_VMO_ZERO_CHILDREN,
            Self::Channel { .. } => ZX_CHANNEL_WRITABLE,
            _ => 0,
        }
    }

    /// Signals that user code may change.
    pub(crate) fn user_signals(self) -> zx_signals_t {
        match self {
            Self::Event => ZX_USER_SIGNAL_ALL | EVENT_SIGNALED,
            _ => ZX_USER_SIGNAL_ALL,
        }
    }
}

/// A kernel object.
#[derive(Debug)]
pub(crate) struct Object {
    pub(crate) koid: zx_koid_t,
    pub(crate) kind: Kind,
    pub(crate) signals: zx_signals_t,
    /// Handles that name it, those in messages included; the object goes with
    /// the last one.
    pub(crate) handles: u32,
    /// Messages that wait at this end of a channel.
    #[expect(clippy::box_collection, reason = "few objects have messages, so they stay small")]
    pub(crate) messages: Option<Box<VecDeque<Message>>>,
}

/// A message of a channel.
#[derive(Debug)]
pub(crate) struct Message {
    pub(crate) bytes: Vec<u8>,
    pub(crate) handles: Vec<Handle>,
}

/// All objects of the machine.
#[derive(Debug, Default)]
pub(crate) struct Objects {
    slab: Slab<Object>,
}

impl Objects {
    pub(crate) fn len(&self) -> usize {
        self.slab.len()
    }

    pub(crate) fn create(&mut self, koid: zx_koid_t, kind: Kind) -> ObjectId {
        let object =
            Object { koid, kind, signals: kind.first_signals(), handles: 0, messages: None };
        let key = self.slab.insert(object);
        ObjectId(u32::try_from(key).expect("handles run out long before 2^32 objects"))
    }

    pub(crate) fn get(&self, id: ObjectId) -> &Object {
        &self.slab[id.0 as usize]
    }

    pub(crate) fn get_mut(&mut self, id: ObjectId) -> &mut Object {
        &mut self.slab[id.0 as usize]
    }

    pub(crate) fn remove(&mut self, id: ObjectId) -> Object {
        self.slab.remove(id.0 as usize)
    }
}
