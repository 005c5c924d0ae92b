//! Programs: lists of calls with symbolic results, optionally with the
//! outcome that is expected of each.
//!
//! Everything that is tested, recorded, fuzzed or reported is a [`Program`].
//! Its only stored form is text ([`parse`], [`print()`], [`Program`]'s `Display`);
//! the grammar is on one page in `corpus/GRAMMAR.md`.

mod data;
mod error;
mod golden;
mod names;
mod parse;
mod print;

use vmo_abi::{ArgumentKind, Capabilities, Capability, Syscall, zx_signals_t, zx_status_t};

pub(crate) use data::is_fill;
pub use data::{Data, LONGEST_DATA, Part};
pub use error::{Position, SyntaxError};
pub use golden::parse_golden;
pub use names::{MOST_NAMES, words};
pub use parse::{parse, parse_bytes};
pub use print::print;

/// A list of steps that starts with no handles but the fixed ones and with an
/// empty region of its own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Program {
    /// The name, such as `b/clone/12`: what a person types to run it again.
    pub name: String,
    /// What the program is about; empty if nothing is said.
    pub topic: String,
    /// Clauses at which an implementation may answer otherwise than what is
    /// expected here.
    pub marks: Vec<String>,
    /// Lines of comment before the program, without `#`.
    pub comments: Vec<String>,
    /// The names that steps bind and use; a [`Name`] is an index into it.
    pub names: Vec<String>,
    /// The steps in order.
    pub steps: Vec<Step>,
    /// Lines of comment after the last step, without `#`.
    pub trailing_comments: Vec<String>,
}

/// A name of a program: an index into [`Program::names`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name(pub u16);

impl Name {
    /// Its index.
    #[must_use]
    pub fn index(self) -> usize {
        usize::from(self.0)
    }
}

/// One step of a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Lines of comment before the step, without `#`.
    pub comments: Vec<String>,
    /// What is done.
    pub action: Action,
    /// What is expected to come of it, if anything is.
    pub expected: Option<Expected>,
}

/// What a step does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// A system call.
    Call(Call),
    /// User code loads bytes.
    Load {
        /// From where.
        address: Address,
        /// How many bytes.
        len: u64,
    },
    /// User code stores bytes.
    Store {
        /// To where.
        address: Address,
        /// What.
        data: Data,
    },
    /// Limits the pages that can be committed in all, or takes the limit away.
    LimitMemory(Option<u64>),
    /// Makes the n-th allocation from now fail, or takes that back.
    FailAllocation(Option<u64>),
}

impl Action {
    /// The name of the call, without `zx_`, or `load`, `store`, `limit_memory`
    /// or `fail_allocation`.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Call(call) => call.syscall.name(),
            Self::Load { .. } => "load",
            Self::Store { .. } => "store",
            Self::LimitMemory(_) => "limit_memory",
            Self::FailAllocation(_) => "fail_allocation",
        }
    }
}

/// A system call with its arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// Which call.
    pub syscall: Syscall,
    /// A value for each declared argument, in order.
    pub arguments: Vec<Value>,
    /// The names for what the call produces: one for each handle it stores (of
    /// an array for the first), or one for the address where it stores just
    /// that. The one name of
    /// `vmar_allocate` stands for both the handle and the address.
    ///
    /// Empty if the results are not named. A name stays unbound, and counts as
    /// the handle 0 and the address 0, until a call that binds it succeeds.
    pub results: Vec<Name>,
}

impl Call {
    /// The names that a call binds if it binds any: one for each handle it
    /// stores, or one for the address where it stores just that.
    #[must_use]
    pub fn result_count(syscall: Syscall) -> usize {
        let kinds = || syscall.arguments().iter().map(|argument| argument.kind);
        let is_handle =
            |kind| matches!(kind, ArgumentKind::HandleOut | ArgumentKind::HandlesOut(_));
        match kinds().filter(|kind| is_handle(*kind)).count() {
            0 => kinds().filter(|kind| *kind == ArgumentKind::AddressOut).count(),
            handles => handles,
        }
    }
}

/// The value of an argument.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// A pointer to good, large enough scratch memory: what a pointer
    /// argument that is not mentioned means.
    Scratch,
    /// A number.
    Number(u64),
    /// A deadline so many nanoseconds from now.
    FromNow(u64),
    /// A handle.
    Handle(Handle),
    /// An address, for a pointer or for an address as such.
    Address(Address),
    /// Scratch memory that starts with these bytes.
    Data(Data),
    /// Scratch memory with these handles.
    Handles(Vec<Handle>),
    /// Scratch memory with these items of `object_wait_many`.
    WaitItems(Vec<(Handle, zx_signals_t)>),
}

/// A handle value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Handle {
    /// `invalid`: 0.
    Invalid,
    /// `never`: 0xffffffff, whose bit 31 no handle has (HV-07).
    Never,
    /// `region`: the program's own region, 4 GiB, with all CAN_MAP flags.
    Region,
    /// `root`: the root region of the process.
    Root,
    /// `process`: the process.
    Process,
    /// `observed`: a process for which `ZX_INFO_PROCESS_VMOS` answers.
    Observed,
    /// What a step named; after its close still the closed value.
    Named(Name),
    /// This very value.
    Literal(u32),
}

/// A user address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Address {
    /// `null`: 0.
    Null,
    /// `unmapped`: a user address where nothing is mapped.
    Unmapped,
    /// `readonly`: a page of zeros that cannot be written.
    ReadOnly,
    /// `kernel`: an address outside of user space.
    Kernel,
    /// `straddle:N`: the last N bytes of a good page before unmapped ground.
    Straddle(u64),
    /// `region+offset`: in the program's own region.
    Region(u64),
    /// `name+offset`: in a mapping or region that a step named.
    Named(Name, u64),
    /// This very address.
    Literal(u64),
}

/// What is expected of a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expected {
    /// The status of a call, `ZX_OK` also for an access that goes through.
    pub result: StepResult,
    /// What is expected of the results, in any order, each kind at most once.
    pub fields: Vec<Field>,
}

/// How a step ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepResult {
    /// A call returned this; an access that went through counts as `ZX_OK`.
    Status(zx_status_t),
    /// An access faulted.
    Fault,
}

/// Something a step stored or showed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Field {
    /// `size`: what `vmo_get_size` stored.
    Size(u64),
    /// `data`: what `vmo_read` stored or a load read.
    Data(Data),
    /// `value`: the bytes that `object_get_property` stored.
    Value(Data),
    /// `observed`: the signals that `object_wait_one` stored.
    Observed(zx_signals_t),
    /// `pending`: the signals that `object_wait_many` stored, item by item.
    Pending(Vec<zx_signals_t>),
    /// `rights` of `ZX_INFO_HANDLE_BASIC`.
    Rights(u32),
    /// `type` of `ZX_INFO_HANDLE_BASIC`.
    Type(u32),
    /// `related_koid` of `ZX_INFO_HANDLE_BASIC`.
    RelatedKoid(u64),
    /// `props` of `ZX_INFO_HANDLE_BASIC`.
    Props(u32),
    /// `koid_same_as`: the koid equals the one this handle showed before.
    KoidSameAs(Handle),
    /// `koid_differs`: the koid is none of those that these handles showed.
    KoidDiffers(Vec<Handle>),
    /// `count` of `ZX_INFO_HANDLE_COUNT`.
    Count(u32),
    /// `actual`: the records that `object_get_info` stored.
    Actual(u64),
    /// `avail`: the records that there are.
    Avail(u64),
    /// `addr_is`: where `vmar_map` put the mapping.
    AddressIs(Address),
    /// `untouched`: whether every good output location that no other field is
    /// about (all but the buffer of `vmo_read`) kept its bytes although the
    /// call failed.
    Untouched(bool),
}

impl Action {
    /// Whether the step is about the program's own region.
    fn uses_region(&self) -> bool {
        let is_in_region = |address: &Address| matches!(address, Address::Region(_));
        let is_about = |value: &Value| match value {
            Value::Handle(handle) => *handle == Handle::Region,
            Value::Address(address) => is_in_region(address),
            Value::Handles(handles) => handles.contains(&Handle::Region),
            Value::WaitItems(items) => items.iter().any(|(handle, _)| *handle == Handle::Region),
            Value::Scratch | Value::Number(_) | Value::FromNow(_) | Value::Data(_) => false,
        };
        match self {
            Self::Call(call) => call.arguments.iter().any(is_about),
            Self::Load { address, .. } | Self::Store { address, .. } => is_in_region(address),
            Self::LimitMemory(_) | Self::FailAllocation(_) => false,
        }
    }
}

impl Field {
    /// Every key, in the order of the variants.
    pub const KEYS: [&str; 16] = [
        "size",
        "data",
        "value",
        "observed",
        "pending",
        "rights",
        "type",
        "related_koid",
        "props",
        "koid_same_as",
        "koid_differs",
        "count",
        "actual",
        "avail",
        "addr_is",
        "untouched",
    ];

    /// The key of the field in the text form.
    #[must_use]
    pub fn key(&self) -> &'static str {
        match self {
            Self::Size(_) => "size",
            Self::Data(_) => "data",
            Self::Value(_) => "value",
            Self::Observed(_) => "observed",
            Self::Pending(_) => "pending",
            Self::Rights(_) => "rights",
            Self::Type(_) => "type",
            Self::RelatedKoid(_) => "related_koid",
            Self::Props(_) => "props",
            Self::KoidSameAs(_) => "koid_same_as",
            Self::KoidDiffers(_) => "koid_differs",
            Self::Count(_) => "count",
            Self::Actual(_) => "actual",
            Self::Avail(_) => "avail",
            Self::AddressIs(_) => "addr_is",
            Self::Untouched(_) => "untouched",
        }
    }
}

impl Program {
    /// What a backend has to offer to run the program.
    #[must_use]
    pub fn needs(&self) -> Capabilities {
        self.steps.iter().fold(Capabilities::NONE, |needs, step| {
            let needs = needs.with(match &step.action {
                Action::Call(call) => call.syscall.declaration().capability,
                Action::Load { .. } | Action::Store { .. } => Capability::Mapping,
                Action::LimitMemory(_) | Action::FailAllocation(_) => Capability::MemoryControl,
            });
            if step.action.uses_region() { needs.with(Capability::Regions) } else { needs }
        })
    }

    /// The text of a name.
    #[must_use]
    pub fn name_text(&self, name: Name) -> &str {
        &self.names[name.index()]
    }

    /// Steps that are system calls, loads or stores.
    #[must_use]
    pub fn call_count(&self) -> usize {
        self.steps.len()
    }
}
