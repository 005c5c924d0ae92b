//! Everything that is known of the system under test.

use std::sync::Arc;

use vmo_abi::{
    Environment, ZX_CHANNEL_PEER_CLOSED, ZX_CHANNEL_READABLE, ZX_CHANNEL_WRITABLE,
    ZX_DEFAULT_PROCESS_RIGHTS, ZX_DEFAULT_VMAR_RIGHTS, ZX_HANDLE_INVALID, ZX_RIGHT_EXECUTE,
    ZX_RIGHT_READ, ZX_RIGHT_WRITE, ZX_VMO_ZERO_CHILDREN, zx_handle_t, zx_koid_t, zx_signals_t,
    zx_vaddr_t,
};

use super::clause::{Clause, Covered, clause};
use super::handles::{Entry, HandleTable, ObjectId, Origin, Rights};
use super::koids::Koids;
use super::space::{RegionId, Space};
use super::vmo::{Vmo, VmoId};

/// Rights to read, write and execute.
pub(super) const ACCESS_RIGHTS: u32 = ZX_RIGHT_READ | ZX_RIGHT_WRITE | ZX_RIGHT_EXECUTE;

/// Pages that any kernel has memory for.
pub(super) const MODEST: u64 = 1 << 16;

/// What an object is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Vmo(VmoId),
    Event,
    /// With the other end, while that exists.
    Channel(Option<ObjectId>),
    Port,
    Region(RegionId),
    /// The process itself, or one that observes it.
    Process {
        observed: bool,
    },
    /// No object: the place is free.
    Nothing,
}

/// A kernel object. A VMO stays one as long as anything needs it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Object {
    pub(super) kind: Kind,
    pub(super) handles: u32,
    /// User signals that are active.
    pub(super) signals: zx_signals_t,
    /// Objects created later have larger numbers; 0 for those that were there.
    pub(super) sequence: u32,
    /// 0 while it is not known.
    pub(super) koid: zx_koid_t,
}

/// A message on its way through a channel.
#[derive(Clone)]
pub(super) struct Message {
    /// The end that it can be read from.
    pub(super) to: ObjectId,
    pub(super) len: u32,
    /// Its bytes, if they are known.
    pub(super) bytes: Option<Arc<[u8]>>,
    pub(super) handles: Vec<(ObjectId, Rights)>,
}

/// Something that happens to contents, and is worth to be known as covered.
#[derive(Clone, Copy)]
#[repr(u8)]
pub(super) enum Happening {
    ParentShows,
    AncestorShows,
    NothingShows,
    Detached,
    DetachedFromNothing,
    MiddleCopied,
    MiddleLeftAlone,
    PartlyWritten,
    Reattached,
    NothingToReattach,
    Released,
    NothingToRelease,
    ParentReleased,
    LastNeedEnded,
    OrphanCollected,
    KeptByMapping,
    KeptByClone,
}

/// The clauses that happenings are examples of, in their order.
const CLAUSES: [Clause; 17] = [
    clause!("COW-01"),
    clause!("COW-23"),
    clause!("COW-09"),
    clause!("COW-03"),
    clause!("COW-10"),
    clause!("COW-27"),
    clause!("COW-28"),
    clause!("COW-07"),
    clause!("COW-19"),
    clause!("COW-22"),
    clause!("VMO-OPRANGE-27"),
    clause!("VMO-OPRANGE-31"),
    clause!("COW-14"),
    clause!("HANDLE-CLOSE-06"),
    clause!("SIG-ZC-14"),
    clause!("VMAR-MAP-38"),
    clause!("COW-15"),
];

/// One possible state of the system under test. Cloning shares everything.
#[derive(Clone)]
pub(super) struct State {
    pub(super) handles: Arc<HandleTable>,
    objects: Arc<Vec<Object>>,
    pub(super) vmos: Arc<Vec<Arc<Vmo>>>,
    pub(super) space: Arc<Space>,
    pub(super) koids: Arc<Koids>,
    /// Messages on their way through channels, the oldest first.
    pub(super) messages: Arc<Vec<Message>>,
    sequence: u32,
    /// Pages whose bytes were kept so far; there is a bound.
    pub(super) pages_made: u32,
    /// Whether the tester has limited memory.
    pub(super) limited: bool,
    /// Whether the tester has ordered an allocation to fail that is not known
    /// to have failed.
    pub(super) failing: bool,
    /// Pages that COMMIT was asked for so far; many of them use up any memory.
    pub(super) pages_asked: u64,
    /// Whether something happened of which nobody can know what it did.
    pub(super) lost: bool,
    /// What the present event was an example of, as bits ([`Happening`]).
    pub(super) happened: u32,
    /// How often something was changed.
    pub(super) changes: u32,
}

impl State {
    /// Nothing but what the environment offers.
    pub(super) fn new(environment: &Environment, kernel: bool) -> Self {
        let mut state = Self {
            handles: Arc::default(),
            objects: Arc::default(),
            vmos: Arc::default(),
            space: Arc::default(),
            koids: Arc::default(),
            messages: Arc::default(),
            sequence: 0,
            pages_made: 0,
            limited: false,
            failing: false,
            pages_asked: 0,
            lost: false,
            happened: 0,
            changes: 0,
        };
        let root = state.space_mut().add_root();
        state.add_fixed(
            environment.root_vmar,
            Kind::Region(root),
            rights_by_level(kernel, ZX_DEFAULT_VMAR_RIGHTS | ACCESS_RIGHTS, ACCESS_RIGHTS),
        );
        state.add_fixed(
            environment.process,
            Kind::Process { observed: false },
            rights_by_level(kernel, ZX_DEFAULT_PROCESS_RIGHTS, 0),
        );
        // Whoever made this process handle decided about its rights.
        state.add_fixed(
            environment.observed_process,
            Kind::Process { observed: true },
            Rights::at_least(ZX_RIGHT_READ),
        );
        state.sequence = 1;
        state
    }

    fn add_fixed(&mut self, value: zx_handle_t, kind: Kind, rights: Rights) {
        if value != ZX_HANDLE_INVALID {
            let object = self.add_object(kind);
            self.add_handle(value, object, (rights, Origin::Other));
        }
    }

    /// Takes note of a region in the root region that the tester allocated.
    pub(super) fn adopt_region(
        &mut self,
        kernel: bool,
        value: zx_handle_t,
        base: zx_vaddr_t,
        len: u64,
        flags: u32,
    ) {
        let root = self.space.root();
        let region = self.space_mut().add_region(root, Some(base), len, flags);
        let object = self.new_object(Kind::Region(region));
        let rights = ZX_DEFAULT_VMAR_RIGHTS | Space::rights_of(flags);
        let rights = rights_by_level(kernel, rights, Space::rights_of(flags));
        self.add_handle(value, object, (rights, Origin::Allocate));
    }

    /// Takes note of a happening.
    pub(super) fn note(&mut self, happening: Happening) {
        self.happened |= 1 << happening as u8;
    }

    /// Hands over what happened since.
    pub(super) fn cover(&mut self, covered: &mut Covered) {
        let happened = std::mem::take(&mut self.happened);
        for (bit, clause) in CLAUSES.iter().enumerate() {
            if happened & (1 << bit) != 0 {
                covered.insert(*clause);
            }
        }
    }

    pub(super) fn objects(&self) -> &[Object] {
        &self.objects
    }

    pub(super) fn object(&self, id: ObjectId) -> &Object {
        &self.objects[id as usize]
    }

    pub(super) fn object_mut(&mut self, id: ObjectId) -> &mut Object {
        self.changes = self.changes.wrapping_add(1);
        &mut Arc::make_mut(&mut self.objects)[id as usize]
    }

    pub(super) fn handles_mut(&mut self) -> &mut HandleTable {
        self.changes = self.changes.wrapping_add(1);
        Arc::make_mut(&mut self.handles)
    }

    pub(super) fn space_mut(&mut self) -> &mut Space {
        self.changes = self.changes.wrapping_add(1);
        Arc::make_mut(&mut self.space)
    }

    pub(super) fn koids_mut(&mut self) -> &mut Koids {
        Arc::make_mut(&mut self.koids)
    }

    pub(super) fn vmo(&self, id: VmoId) -> &Vmo {
        &self.vmos[id as usize]
    }

    pub(super) fn vmo_mut(&mut self, id: VmoId) -> &mut Vmo {
        self.changes = self.changes.wrapping_add(1);
        Arc::make_mut(&mut Arc::make_mut(&mut self.vmos)[id as usize])
    }

    fn add_object(&mut self, kind: Kind) -> ObjectId {
        self.changes = self.changes.wrapping_add(1);
        let object = Object { kind, handles: 0, signals: 0, sequence: self.sequence, koid: 0 };
        let objects = Arc::make_mut(&mut self.objects);
        // The last place is free most often, as programs close what they made.
        match objects.iter().rposition(|object| object.kind == Kind::Nothing) {
            Some(free) => {
                objects[free] = object;
                free as ObjectId
            }
            None => {
                objects.push(object);
                (objects.len() - 1) as ObjectId
            }
        }
    }

    /// An object that was created just now.
    pub(super) fn new_object(&mut self, kind: Kind) -> ObjectId {
        self.sequence += 1;
        self.add_object(kind)
    }

    /// Two objects of which nobody knows which is the older.
    pub(super) fn new_pair(&mut self) -> (ObjectId, ObjectId) {
        let one = self.new_object(Kind::Channel(None));
        let other = self.add_object(Kind::Channel(Some(one)));
        self.object_mut(one).kind = Kind::Channel(Some(other));
        (one, other)
    }

    pub(super) fn add_handle(
        &mut self,
        value: zx_handle_t,
        object: ObjectId,
        (rights, origin): (Rights, Origin),
    ) {
        self.object_mut(object).handles += 1;
        self.handles_mut().insert(Entry { value, object, rights, origin });
    }

    /// Closes a handle, if it is open.
    pub(super) fn close(&mut self, value: zx_handle_t) {
        let Some(entry) = self.handles_mut().remove(value) else { return };
        self.drop_handle(entry.object);
    }

    /// One handle of an object is gone.
    pub(super) fn drop_handle(&mut self, id: ObjectId) {
        let mut more = self.drop_one(id);
        while let Some(id) = more.pop() {
            more.extend(self.drop_one(id));
        }
    }

    /// One handle of an object is gone. Answers with the objects whose handles
    /// go with it, as they were in messages that nobody can read any more.
    fn drop_one(&mut self, id: ObjectId) -> Vec<ObjectId> {
        let object = self.object_mut(id);
        object.handles = object.handles.saturating_sub(1);
        if object.handles > 0 {
            return Vec::new();
        }
        let mut unread = Vec::new();
        match object.kind {
            Kind::Vmo(id) => {
                let vmo = self.vmo_mut(id);
                vmo.named = false;
                let (mappings, children) = (vmo.mappings, vmo.children);
                if mappings > 0 {
                    self.note(Happening::KeptByMapping);
                }
                if children > 0 {
                    self.note(Happening::KeptByClone);
                }
                self.collect(id);
                return unread;
            }
            Kind::Channel(peer) => {
                if let Some(peer) = peer {
                    self.object_mut(peer).kind = Kind::Channel(None);
                }
                while let Some(message) = self.take_message(id) {
                    unread.extend(message.handles.iter().map(|(object, _)| *object));
                }
            }
            Kind::Region(region) => self.space_mut().forget_name(region),
            _ => {}
        }
        self.object_mut(id).kind = Kind::Nothing;
        unread
    }

    pub(super) fn messages_mut(&mut self) -> &mut Vec<Message> {
        self.changes = self.changes.wrapping_add(1);
        Arc::make_mut(&mut self.messages)
    }

    /// Takes the oldest message to an end of a channel.
    pub(super) fn take_message(&mut self, to: ObjectId) -> Option<Message> {
        let position = self.messages.iter().position(|message| message.to == to)?;
        Some(self.messages_mut().remove(position))
    }

    /// A new VMO, with an object that has no handle yet.
    pub(super) fn new_vmo(&mut self, mut vmo: Vmo) -> (VmoId, ObjectId) {
        let free = self.vmos.iter().rposition(|vmo| vmo.is_free());
        let id = free.unwrap_or(self.vmos.len()) as VmoId;
        let object = self.new_object(Kind::Vmo(id));
        vmo.object = object;
        if let Some((parent, _)) = vmo.parent {
            let parent = self.vmo_mut(parent);
            parent.children += 1;
            parent.was_cloned = true;
        }
        let vmos = Arc::make_mut(&mut self.vmos);
        match free {
            Some(free) => vmos[free] = Arc::new(vmo),
            None => vmos.push(Arc::new(vmo)),
        }
        (id, object)
    }

    /// Lets go of a VMO that nothing needs any more, and of ancestors that only
    /// it needed (HANDLE-CLOSE-06, SIG-ZC-12).
    pub(super) fn collect(&mut self, mut id: VmoId) {
        loop {
            let vmo = self.vmo(id);
            if vmo.named || vmo.mappings > 0 || vmo.children > 0 || vmo.is_free() {
                return;
            }
            let (object, parent) = (vmo.object, vmo.parent);
            self.note(Happening::LastNeedEnded);
            self.object_mut(object).kind = Kind::Nothing;
            self.vmo_mut(id).free();
            let Some((parent, _)) = parent else { return };
            let parent_vmo = self.vmo_mut(parent);
            parent_vmo.children = parent_vmo.children.saturating_sub(1);
            if !parent_vmo.named {
                self.note(Happening::OrphanCollected);
            }
            id = parent;
        }
    }

    /// The signals of an object that are known, and those of them that are
    /// active.
    pub(super) fn signals(&self, id: ObjectId) -> (zx_signals_t, zx_signals_t) {
        let object = self.object(id);
        let user = vmo_abi::ZX_USER_SIGNAL_ALL;
        match object.kind {
            Kind::Vmo(vmo) => {
                let childless = self.vmo(vmo).children == 0;
                let zero_children = if childless { ZX_VMO_ZERO_CHILDREN } else { 0 };
                (zx_signals_t::MAX, object.signals | zero_children)
            }
            Kind::Channel(peer) => {
                let mut state =
                    if peer.is_some() { ZX_CHANNEL_WRITABLE } else { ZX_CHANNEL_PEER_CLOSED };
                if self.messages.iter().any(|message| message.to == id) {
                    state |= ZX_CHANNEL_READABLE;
                }
                let known =
                    user | ZX_CHANNEL_READABLE | ZX_CHANNEL_WRITABLE | ZX_CHANNEL_PEER_CLOSED;
                (known, object.signals | state)
            }
            // Whoever had a process before may have left signals on it.
            Kind::Process { .. } => (0, 0),
            _ => (user, object.signals),
        }
    }

    /// Whether allocations can fail by the tester's doing.
    pub(super) fn memory_is_short(&self) -> bool {
        self.limited || self.failing || self.pages_asked > MODEST
    }
}

/// Rights that the kernel gives, of which a page promises only some.
pub(super) fn rights_by_level(kernel: bool, exact: u32, promised: u32) -> Rights {
    if kernel { Rights::exactly(exact) } else { Rights::at_least(promised) }
}
