//! For each call a prototype that succeeds, and what its handle has to be: the
//! table that the families of common errors are made from.

mod effects;
mod handle;
mod makers;
mod object;
mod vmar;
mod vmo;

use vmo_abi::Capability::{self, Channels, OtherObjects, ProcessVmos, Regions};
use vmo_abi::{
    Syscall, ZX_DEFAULT_VMO_RIGHTS, ZX_RIGHT_READ, ZX_VM_FLAG_CAN_MAP_EXECUTE,
    ZX_VM_FLAG_CAN_MAP_READ, ZX_VM_FLAG_CAN_MAP_SPECIFIC, ZX_VM_FLAG_CAN_MAP_WRITE, zx_rights_t,
};

use crate::program::{Data, Handle, Part, Value};
use crate::suite::{Checked, Context, PAGE};

pub(super) use effects::Effect;

/// Clauses that a case checks.
pub(super) type Clauses = &'static [&'static str];

/// What kind of object the handle of a prototype names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Object {
    /// Nothing: the call takes no handle.
    None,
    /// A VMO of two pages.
    Vmo,
    /// A region of sixteen pages.
    Region,
    /// An end of a channel.
    Channel,
    /// An end of a channel with a message in it.
    Message,
    /// A process for which `ZX_INFO_PROCESS_VMOS` answers.
    Process,
}

/// Pages of a region made for a prototype.
pub(super) const REGION_PAGES: u64 = 16;

/// Rights of a fresh handle to a region that may hold any mapping.
pub(super) const REGION_RIGHTS: zx_rights_t = 0x801f;

impl Object {
    /// Makes an object.
    pub(super) fn make(self, cx: &mut Context<'_>) -> Checked<Handle> {
        match self {
            Self::None => Ok(Handle::Invalid),
            Self::Vmo => cx.create(2 * PAGE),
            Self::Region => Ok(cx.allocate(REGION_PAGES * PAGE, ANY_MAPPING)?.0),
            Self::Channel => Ok(cx.channel()?.0),
            Self::Message => {
                let (near, far) = cx.channel()?;
                cx.channel_write(far, &[])?.ok()?;
                Ok(near)
            }
            Self::Process => Ok(Handle::Observed),
        }
    }

    /// What making and having it needs.
    pub(super) fn needs(self) -> &'static [Capability] {
        match self {
            Self::None | Self::Vmo => &[],
            Self::Region => &[Regions],
            Self::Channel => &[OtherObjects],
            Self::Message => &[OtherObjects, Channels],
            Self::Process => &[ProcessVmos],
        }
    }

    /// The rights of a fresh handle to it that cases try one by one.
    pub(super) fn rights(self) -> zx_rights_t {
        match self {
            Self::Vmo => ZX_DEFAULT_VMO_RIGHTS,
            Self::Region => REGION_RIGHTS,
            Self::Process => ZX_RIGHT_READ,
            Self::None | Self::Channel | Self::Message => 0,
        }
    }
}

/// What is said about a value that names no handle.
#[derive(Clone, Copy)]
pub(super) struct BadHandle {
    /// About any such value.
    pub(super) any: Clauses,
    /// About 0.
    pub(super) zero: Clauses,
}

macro_rules! bad_handle {
    ($($clause:literal)?) => {
        $crate::suite::cases::prototypes::BadHandle {
            any: &[$($clause,)? "GEN-03"],
            zero: &[$($clause,)? "HV-08"],
        }
    };
}
use bad_handle;

/// A call that succeeds, seen from one of its handles.
#[derive(Clone, Copy)]
pub(super) struct Prototype {
    /// The name of the case: the call, with what is particular about it.
    pub(super) name: &'static str,
    pub(super) syscall: Syscall,
    /// The position of the handle, or of the array that it is in.
    pub(super) position: usize,
    /// Which entry of the array it is.
    pub(super) entry: usize,
    /// What it has to name.
    pub(super) object: Object,
    /// Capabilities of the call and of making its arguments.
    pub(super) needs: &'static [Capability],
    /// Rights that the handle has to have.
    pub(super) rights: zx_rights_t,
    /// Whether the rights are judged before the type (GEN-01).
    pub(super) rights_first: bool,
    pub(super) bad_handle: BadHandle,
    /// The clauses about a handle to another object; none if any object does.
    pub(super) wrong_type: Clauses,
    /// For each right the clauses about a handle without it.
    pub(super) denied: &'static [(zx_rights_t, Clauses)],
    /// The clauses that say that no other rights are needed.
    pub(super) enough: Clauses,
    /// What can be seen of what the call does.
    pub(super) effect: &'static Effect,
    /// Arguments for an object whose full handle is the first handle, used
    /// through the second.
    pub(super) arguments: fn(&mut Context<'_>, Handle, Handle) -> Checked<Vec<Value>>,
}

/// Flags of a region that may hold any mapping at any place.
pub(super) const ANY_MAPPING: u32 = ZX_VM_FLAG_CAN_MAP_READ
    | ZX_VM_FLAG_CAN_MAP_WRITE
    | ZX_VM_FLAG_CAN_MAP_EXECUTE
    | ZX_VM_FLAG_CAN_MAP_SPECIFIC;

/// What prototypes begin with: a call on a VMO that needs nothing.
const PLAIN: Prototype = Prototype {
    name: "",
    syscall: Syscall::vmo_get_size,
    position: 0,
    entry: 0,
    object: Object::Vmo,
    needs: &[],
    rights: 0,
    rights_first: false,
    bad_handle: bad_handle!(),
    wrong_type: &[],
    denied: &[],
    enough: &[],
    effect: &effects::NONE,
    arguments: |_, _, used| Ok(vec![used.into()]),
};

pub(super) fn number(number: impl Into<u64>) -> Value {
    Value::Number(number.into())
}

pub(super) fn bytes(byte: u8, len: u64) -> Value {
    Value::Data(Data(vec![Part::Fill(byte, len)]))
}

impl Prototype {
    /// Capabilities of the prototype, of its object, and of more that a case
    /// does.
    pub(super) fn needs_and(&self, more: &[Capability]) -> Vec<Capability> {
        self.needs.iter().chain(self.object.needs()).chain(more).copied().collect()
    }

    /// Those, and what looking at the effect needs.
    pub(super) fn needs_and_effect(&self, more: &[Capability]) -> Vec<Capability> {
        let mut needs = self.needs_and(more);
        needs.extend(self.effect.needs);
        needs
    }

    /// Puts another handle into the place of the prototype's.
    pub(super) fn put(&self, arguments: &mut [Value], handle: Handle) {
        match &mut arguments[self.position] {
            Value::Handles(handles) => handles[self.entry] = handle,
            Value::WaitItems(items) => items[self.entry].0 = handle,
            value => *value = handle.into(),
        }
    }

    /// What can be seen of what the call does to an object.
    pub(super) fn look(
        &self,
        cx: &mut Context<'_>,
        object: Handle,
        arguments: &[Value],
    ) -> Checked<Vec<u8>> {
        (self.effect.look)(cx, object, arguments)
    }

    /// The clauses about a handle that lacks these of the needed rights.
    pub(super) fn denied_without(&self, rights: zx_rights_t) -> Clauses {
        let mut denied = self.denied.iter();
        denied.find(|(right, _)| rights & right != 0).map_or(&["GEN-01"], |(_, clauses)| clauses)
    }
}

/// Every call that takes a handle, once for each handle argument.
pub(super) fn prototypes() -> impl Iterator<Item = &'static Prototype> {
    [vmo::PROTOTYPES, vmar::PROTOTYPES, handle::PROTOTYPES, object::PROTOTYPES]
        .into_iter()
        .flatten()
}

/// Calls of the table with other flags, which need other rights.
pub(super) fn variants() -> impl Iterator<Item = &'static Prototype> {
    vmar::VARIANTS.iter()
}

/// The calls that take no handle.
pub(super) fn makers() -> impl Iterator<Item = &'static Prototype> {
    makers::PROTOTYPES.iter()
}

/// The prototype with a name.
pub(super) fn prototype(name: &str) -> &'static Prototype {
    prototypes()
        .chain(makers())
        .find(|known| known.name == name)
        .expect("the table has a prototype of this name")
}
