//! The one table of system calls, and what follows from it.

use crate::backend::{Environment, Fault, Loss};
use crate::capability::Capability;
use crate::constants::{ZX_ERR_BAD_SYSCALL, zx_status_t, zx_time_t, zx_vaddr_t};
use crate::declaration::{Argument, ArgumentKind, Declaration, MAX_ARGUMENTS};

/// Hands the table of system calls to the macro named by its argument.
///
/// This is the only place where a call is declared. An entry reads
///
/// ```text
/// /// What the call does.
/// name(argument: register = kind, …) capability "clause group";
/// ```
///
/// where `register` is `u32` or `u64` and `kind` a variant of
/// [`ArgumentKind`]. Pointers are user addresses, plain 64-bit numbers.
#[macro_export]
macro_rules! for_each_syscall {
    ($then:ident) => {
        $then! {
            /// Creates a VMO of `size` bytes, rounded up to whole pages.
            vmo_create(size: u64 = Size, options: u32 = Options, out: u64 = HandleOut)
                Vmo "VMO-CREATE";
            /// Copies bytes of a VMO into `buffer`.
            vmo_read(handle: u32 = Handle, buffer: u64 = BytesOut("buffer_size"),
                offset: u64 = Offset, buffer_size: u64 = Length)
                Vmo "VMO-READ";
            /// Copies bytes from `buffer` into a VMO.
            vmo_write(handle: u32 = Handle, buffer: u64 = BytesIn("buffer_size"),
                offset: u64 = Offset, buffer_size: u64 = Length)
                Vmo "VMO-WRITE";
            /// Stores the size of a VMO in bytes.
            vmo_get_size(handle: u32 = Handle, size: u64 = SizeOut)
                Vmo "VMO-GETSIZE";
            /// Resizes a VMO to `size` bytes, rounded up to whole pages.
            vmo_set_size(handle: u32 = Handle, size: u64 = Size)
                Vmo "VMO-SETSIZE";
            /// Makes a copy-on-write clone of a range of a VMO.
            vmo_clone(handle: u32 = Handle, options: u32 = CloneOptions, offset: u64 = Offset,
                size: u64 = Size, out: u64 = HandleOut)
                Clone "VMO-CLONE";
            /// Commits, decommits, or operates on the caches of, a range of a VMO.
            vmo_op_range(handle: u32 = Handle, op: u32 = VmoOperation, offset: u64 = Offset,
                size: u64 = Size, buffer: u64 = BytesUnused("buffer_size"),
                buffer_size: u64 = Length)
                Range "VMO-OPRANGE";
            /// Sets how mappings of a VMO are cached.
            vmo_set_cache_policy(handle: u32 = Handle, cache_policy: u32 = CachePolicy)
                CachePolicy "VMO-CACHEPOL";
            /// Maps a range of a VMO into a region.
            vmar_map(vmar: u32 = Handle, vmar_offset: u64 = Offset, vmo: u32 = Handle,
                vmo_offset: u64 = Offset, len: u64 = Length, map_flags: u32 = MapFlags,
                mapped_addr: u64 = AddressOut)
                Mapping "VMAR-MAP";
            /// Removes the mappings in a range of a region.
            vmar_unmap(vmar: u32 = Handle, addr: u64 = Address, len: u64 = Length)
                Mapping "VMAR-UNMAP";
            /// Changes the permissions of the mappings in a range of a region.
            vmar_protect(vmar: u32 = Handle, addr: u64 = Address, len: u64 = Length,
                prot_flags: u32 = MapFlags)
                Mapping "VMAR-PROTECT";
            /// Allocates a region inside a region.
            vmar_allocate(parent_vmar: u32 = Handle, offset: u64 = Offset, size: u64 = Size,
                map_flags: u32 = MapFlags, child_vmar: u64 = HandleOut,
                child_addr: u64 = AddressOut)
                Regions "VMAR-ALLOC";
            /// Destroys a region and everything in it.
            vmar_destroy(vmar: u32 = Handle)
                Regions "VMAR-DESTROY";
            /// Closes a handle.
            handle_close(handle: u32 = Handle)
                Vmo "HANDLE-CLOSE";
            /// Closes every handle of an array.
            handle_close_many(handles: u64 = HandlesIn("num_handles"), num_handles: u64 = Count)
                Handles "HANDLE-CLOSE";
            /// Makes another handle to the same object, with the same or fewer rights.
            handle_duplicate(handle: u32 = Handle, rights: u32 = Rights, out: u64 = HandleOut)
                Handles "HANDLE-DUP";
            /// Replaces a handle by another to the same object.
            handle_replace(handle: u32 = Handle, rights: u32 = Rights, out: u64 = HandleOut)
                Handles "HANDLE-REPLACE";
            /// Stores a property of an object.
            object_get_property(handle: u32 = Handle, property: u32 = Property,
                value: u64 = BytesOut("value_size"), value_size: u64 = Length)
                Properties "OBJ-GETPROP";
            /// Sets a property of an object.
            object_set_property(handle: u32 = Handle, property: u32 = Property,
                value: u64 = BytesIn("value_size"), value_size: u64 = Length)
                Properties "OBJ-SETPROP";
            /// Stores facts about a handle or an object.
            object_get_info(handle: u32 = Handle, topic: u32 = InfoTopic,
                buffer: u64 = BytesOut("buffer_size"), buffer_size: u64 = Length,
                actual: u64 = CountOut, avail: u64 = CountOut)
                Info "OBJ-INFO";
            /// Waits until an object shows one of `signals`.
            object_wait_one(handle: u32 = Handle, signals: u32 = Signals,
                deadline: u64 = Deadline, observed: u64 = SignalsOut)
                Signals "OBJ-WAIT";
            /// Waits until one of several objects shows a signal asked for.
            object_wait_many(items: u64 = WaitItems("count"), count: u64 = Count,
                deadline: u64 = Deadline)
                Signals "OBJ-WAIT";
            /// Clears and sets user signals of an object.
            object_signal(handle: u32 = Handle, clear_mask: u32 = Signals,
                set_mask: u32 = Signals)
                Signals "OBJ-SIGNAL";
            /// Clears and sets user signals of an object's peer.
            object_signal_peer(handle: u32 = Handle, clear_mask: u32 = Signals,
                set_mask: u32 = Signals)
                OtherObjects "OBJ-SIGNAL";
            /// Creates an event.
            event_create(options: u32 = Options, out: u64 = HandleOut)
                OtherObjects "TYPE";
            /// Creates a channel with two ends.
            channel_create(options: u32 = Options, out0: u64 = HandleOut, out1: u64 = HandleOut)
                OtherObjects "TYPE";
            /// Creates a port.
            port_create(options: u32 = Options, out: u64 = HandleOut)
                OtherObjects "TYPE";
            /// Sends bytes and handles to the other end of a channel. The handles
            /// leave the process, whether the call succeeds or not.
            channel_write(handle: u32 = Handle, options: u32 = Options,
                bytes: u64 = BytesIn("num_bytes"), num_bytes: u32 = Length,
                handles: u64 = HandlesIn("num_handles"), num_handles: u32 = Count)
                Channels "VMO-CREATE";
            /// Receives the oldest message that was sent to this end of a channel.
            channel_read(handle: u32 = Handle, options: u32 = Options,
                bytes: u64 = BytesOut("num_bytes"), handles: u64 = HandlesOut("num_handles"),
                num_bytes: u32 = Length, num_handles: u32 = Count,
                actual_bytes: u64 = Count32Out, actual_handles: u64 = Count32Out)
                Channels "VMO-CREATE";
        }
    };
}

macro_rules! register_bits {
    (u32) => {
        32
    };
    (u64) => {
        64
    };
}

macro_rules! declare {
    ($($(#[$doc:meta])* $name:ident($($argument:ident: $register:ident = $kind:expr),*)
        $capability:ident $clauses:literal;)*) => {
        /// A system call of the contract.
        #[allow(non_camel_case_types)]
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum Syscall {
            $($(#[$doc])* $name,)*
        }

        impl Syscall {
            /// Every call, in the order of the table.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// How the call is declared.
            #[must_use]
            pub const fn declaration(self) -> &'static Declaration {
                use ArgumentKind::*;
                match self {
                    $(Self::$name => &const { Declaration {
                        name: stringify!($name),
                        arguments: &const { [$(Argument {
                            name: stringify!($argument),
                            kind: $kind,
                            bits: register_bits!($register),
                        }),*] },
                        capability: Capability::$capability,
                        clauses: $clauses,
                    } },)*
                }
            }

            /// The call called `name`, without `zx_`.
            #[must_use]
            pub fn from_name(name: &str) -> Option<Self> {
                match name {
                    $(stringify!($name) => Some(Self::$name),)*
                    _ => None,
                }
            }
        }

        /// An implementation of the contract, as a tester sees it: a tiny
        /// machine with system calls and a user address space.
        ///
        /// Every pointer argument of a call is a user address, a plain number
        /// that the backend must never trust. The calls have default bodies
        /// that answer `ZX_ERR_BAD_SYSCALL`, so that a backend implements what
        /// it has and claims just that in its [`Environment`].
        ///
        /// Calls may come from several threads at once if the backend claims
        /// [`Capability::Threads`].
        pub trait Backend: Send + Sync {
            /// The place the backend offers to be tested in. Stays the same for
            /// the life of the backend.
            fn environment(&self) -> Environment;

            /// What user code loading `bytes.len()` bytes from `address` sees.
            ///
            /// 1, 2, 4 and 8 bytes are one access, other lengths a copy byte
            /// by byte; of a copy that faults the bytes before the fault may
            /// have been stored in `bytes`.
            ///
            /// # Errors
            ///
            /// The access faulted: there is no mapping, it has no read
            /// permission, or its position lies beyond the VMO (VMAR-MAP-42,
            /// VMAR-MAP-44).
            fn load(&self, address: zx_vaddr_t, bytes: &mut [u8]) -> Result<(), Fault>;

            /// User code storing `bytes` at `address`, with the same division
            /// into accesses as [`load`](Self::load).
            ///
            /// # Errors
            ///
            /// The access faulted, or no memory was left for the page.
            fn store(&self, address: zx_vaddr_t, bytes: &[u8]) -> Result<(), Fault>;

            /// The monotonic clock in nanoseconds, which deadlines refer to.
            /// More than 1 at all times, so that the deadlines 0 and 1 have
            /// passed.
            fn monotonic_now(&self) -> zx_time_t;

            /// Says that another program of the tester's begins. A backend that
            /// limits the time that one may take counts from here.
            fn begin(&self) {}

            /// How the backend was lost, if it was. A backend that runs in another
            /// process or machine may crash, hang or talk nonsense; from then on
            /// it answers every call with `ZX_ERR_INTERNAL` and every access with
            /// a fault, and the tester asks here what to make of that.
            fn lost(&self) -> Option<Loss<'_>> {
                None
            }

            /// Limits the pages that can be committed from now on, in all;
            /// `None` takes the limit away. Answers whether the backend can,
            /// which it claims as [`Capability::MemoryControl`].
            fn set_memory_limit(&self, pages: Option<u64>) -> bool {
                let _ = pages;
                false
            }

            /// Makes the `nth` allocation from now fail, once; 1 is the next
            /// one, `None` takes an order back. Answers whether the backend
            /// can, which it claims as [`Capability::MemoryControl`].
            fn fail_allocation(&self, nth: Option<u64>) -> bool {
                let _ = nth;
                false
            }

            /// Does a call whose arguments are given as whole registers.
            ///
            /// The default cuts 32-bit arguments to their lower half; a backend
            /// that can express the upper half overrides it.
            fn syscall(
                &self,
                syscall: Syscall,
                registers: &[u64; MAX_ARGUMENTS],
            ) -> zx_status_t {
                match syscall {
                    $(Syscall::$name => {
                        let [$($argument,)* ..] = *registers;
                        self.$name($($argument as $register),*)
                    })*
                }
            }

            $($(#[$doc])*
            #[allow(clippy::too_many_arguments)]
            fn $name(&self, $($argument: $register),*) -> zx_status_t {
                $(let _ = $argument;)*
                ZX_ERR_BAD_SYSCALL
            })*
        }
    };
}

for_each_syscall!(declare);

impl Syscall {
    /// The name without `zx_`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.declaration().name
    }

    /// The arguments in order.
    #[must_use]
    pub const fn arguments(self) -> &'static [Argument] {
        self.declaration().arguments
    }
}
