//! How a system call is declared.

use core::fmt;

use crate::capability::Capability;

/// The most arguments that a system call of the contract has.
pub const MAX_ARGUMENTS: usize = 8;

/// What an argument means, and for a pointer what it points to.
///
/// The string in the kinds with a length names the argument of the same call
/// that holds the length, in bytes for bytes and in elements for arrays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArgumentKind {
    /// A handle value.
    Handle,
    /// A size in bytes.
    Size,
    /// An offset in bytes.
    Offset,
    /// A length in bytes: of a range, or of the buffer an argument points to.
    Length,
    /// A number of array elements.
    Count,
    /// Options of a call that defines none of its own.
    Options,
    /// Options of `vmo_clone`.
    CloneOptions,
    /// `ZX_VM_FLAG_*`.
    MapFlags,
    /// `ZX_RIGHT_*`.
    Rights,
    /// Signal bits.
    Signals,
    /// `ZX_CACHE_POLICY_*`.
    CachePolicy,
    /// `ZX_VMO_OP_*`.
    VmoOperation,
    /// `ZX_PROP_*`.
    Property,
    /// `ZX_INFO_*`.
    InfoTopic,
    /// A user address that is not followed as a pointer.
    Address,
    /// A point on the monotonic clock, in nanoseconds.
    Deadline,
    /// Points to where a handle (4 bytes) is stored.
    HandleOut,
    /// Points to where a size (8 bytes) is stored.
    SizeOut,
    /// Points to where an address (8 bytes) is stored.
    AddressOut,
    /// Points to where signals (4 bytes) are stored; NULL if not wanted.
    SignalsOut,
    /// Points to where a number (8 bytes) is stored; NULL if not wanted.
    CountOut,
    /// Points to where a number (4 bytes) is stored; NULL if not wanted.
    Count32Out,
    /// Points to bytes that the call reads.
    BytesIn(&'static str),
    /// Points to where the call stores bytes.
    BytesOut(&'static str),
    /// Points to a buffer that no operation of the edition looks at.
    BytesUnused(&'static str),
    /// Points to an array of handles that the call reads.
    HandlesIn(&'static str),
    /// Points to where the call stores an array of handles.
    HandlesOut(&'static str),
    /// Points to an array of `zx_wait_item_t` that the call reads and stores.
    WaitItems(&'static str),
}

impl ArgumentKind {
    /// Whether the argument is a pointer that the call may follow.
    #[must_use]
    pub const fn is_pointer(self) -> bool {
        self.pointee_size().is_some() || self.length_argument().is_some()
    }

    /// Bytes stored through a pointer of fixed size, `None` for other kinds.
    #[must_use]
    pub const fn pointee_size(self) -> Option<u64> {
        match self {
            Self::HandleOut | Self::SignalsOut | Self::Count32Out => Some(4),
            Self::SizeOut | Self::AddressOut | Self::CountOut => Some(8),
            _ => None,
        }
    }

    /// The name of the argument with the length of what is pointed to.
    #[must_use]
    pub const fn length_argument(self) -> Option<&'static str> {
        match self {
            Self::BytesIn(name)
            | Self::BytesOut(name)
            | Self::BytesUnused(name)
            | Self::HandlesIn(name)
            | Self::HandlesOut(name)
            | Self::WaitItems(name) => Some(name),
            _ => None,
        }
    }

    /// Whether the call stores through the pointer.
    #[must_use]
    pub const fn is_output(self) -> bool {
        self.pointee_size().is_some()
            || matches!(self, Self::BytesOut(_) | Self::HandlesOut(_) | Self::WaitItems(_))
    }
}

/// One argument of a system call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Argument {
    /// The name on the call's manual page.
    pub name: &'static str,
    /// What it means.
    pub kind: ArgumentKind,
    /// Bits of the register that carry it: 32 or 64.
    pub bits: u32,
}

impl Argument {
    /// The type of the argument in `<zircon/syscalls.h>`.
    #[must_use]
    pub const fn c_type(self) -> &'static str {
        match self.kind {
            ArgumentKind::Handle => "zx_handle_t",
            ArgumentKind::Size | ArgumentKind::Offset => "uint64_t",
            ArgumentKind::Length | ArgumentKind::Count if self.bits == 32 => "uint32_t",
            ArgumentKind::Length | ArgumentKind::Count => "size_t",
            ArgumentKind::Options
            | ArgumentKind::CloneOptions
            | ArgumentKind::MapFlags
            | ArgumentKind::CachePolicy
            | ArgumentKind::VmoOperation
            | ArgumentKind::Property
            | ArgumentKind::InfoTopic => "uint32_t",
            ArgumentKind::Rights => "zx_rights_t",
            ArgumentKind::Signals => "zx_signals_t",
            ArgumentKind::Address => "zx_vaddr_t",
            ArgumentKind::Deadline => "zx_time_t",
            ArgumentKind::HandleOut => "zx_handle_t*",
            ArgumentKind::SizeOut => "uint64_t*",
            ArgumentKind::AddressOut => "zx_vaddr_t*",
            ArgumentKind::SignalsOut => "zx_signals_t*",
            ArgumentKind::CountOut => "size_t*",
            ArgumentKind::Count32Out => "uint32_t*",
            ArgumentKind::BytesIn(_) => "const void*",
            ArgumentKind::BytesOut(_) | ArgumentKind::BytesUnused(_) => "void*",
            ArgumentKind::HandlesIn(_) => "const zx_handle_t*",
            ArgumentKind::HandlesOut(_) => "zx_handle_t*",
            ArgumentKind::WaitItems(_) => "zx_wait_item_t*",
        }
    }
}

/// One system call, as declared in [`for_each_syscall`](crate::for_each_syscall).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Declaration {
    /// The name without `zx_`.
    pub name: &'static str,
    /// The arguments in the order of the edition 2018-06.
    pub arguments: &'static [Argument],
    /// The capability that a backend with this call claims.
    pub capability: Capability,
    /// The group of clauses that the call belongs to, such as `VMO-CREATE`.
    pub clauses: &'static str,
}

impl Declaration {
    /// The position of the argument called `name`.
    #[must_use]
    pub fn position(&self, name: &str) -> Option<usize> {
        self.arguments.iter().position(|argument| argument.name == name)
    }

    /// The C prototype, to be written with `{}`.
    #[must_use]
    pub fn c_prototype(&self) -> impl fmt::Display + use<'_> {
        CPrototype(self)
    }
}

struct CPrototype<'a>(&'a Declaration);

impl fmt::Display for CPrototype<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "zx_status_t zx_{}(", self.0.name)?;
        for (index, argument) in self.0.arguments.iter().enumerate() {
            let separator = if index == 0 { "" } else { ", " };
            write!(f, "{separator}{} {}", argument.c_type(), argument.name)?;
        }
        f.write_str(")")
    }
}
