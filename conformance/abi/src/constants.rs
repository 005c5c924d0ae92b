//! Types and constants of `<zircon/types.h>`, `<zircon/errors.h>`,
//! `<zircon/rights.h>` and `<zircon/syscalls/object.h>`, as of June 2018.

#![allow(non_camel_case_types)]

/// A handle value: a number that names a kernel object for one process.
pub type zx_handle_t = u32;
/// A status: 0 is success, everything else is negative (GEN-04).
pub type zx_status_t = i32;
/// A mask of `ZX_RIGHT_*`.
pub type zx_rights_t = u32;
/// A mask of `ZX_*_SIGNAL*` and other signal bits.
pub type zx_signals_t = u32;
/// One of `ZX_OBJ_TYPE_*`.
pub type zx_obj_type_t = u32;
/// A kernel object id, unique while the system runs (KOID-01).
pub type zx_koid_t = u64;
/// A point on the monotonic clock in nanoseconds, unsigned in edition 2018-06.
pub type zx_time_t = u64;
/// A user address.
pub type zx_vaddr_t = u64;

/// Declares constants of one type together with the table of their names.
macro_rules! constants {
    ($(#[$doc:meta])* $table:ident: $type:ty {
        $($(#[$item_doc:meta])* $prefix:ident $name:literal = $value:expr;)*
    }) => {
        $($(#[$item_doc])* #[doc = concat!("`", stringify!($prefix), "`.")]
        pub const $prefix: $type = $value;)*
        $(#[$doc])*
        pub static $table: &[(&str, u64)] = &[$(($name, $prefix as u64)),*];
    };
}

/// Bytes in a page.
pub const ZX_PAGE_SIZE: u64 = 4096;
/// log2 of [`ZX_PAGE_SIZE`].
pub const ZX_PAGE_SHIFT: u32 = 12;
/// Bytes of an object's name, the terminating NUL included.
pub const ZX_MAX_NAME_LEN: usize = 32;
/// Most items of one `object_wait_many` (OBJ-WAIT-18).
pub const ZX_WAIT_MANY_MAX_ITEMS: u64 = 16;
/// The value that never names a handle (HV-01).
pub const ZX_HANDLE_INVALID: zx_handle_t = 0;
/// The koid that no object has (KOID-03).
pub const ZX_KOID_INVALID: zx_koid_t = 0;
/// A deadline that never passes (OBJ-WAIT-04).
pub const ZX_TIME_INFINITE: zx_time_t = u64::MAX;
/// Mask of the valid cache policies.
pub const ZX_CACHE_POLICY_MASK: u32 = 3;

/// Declares the status codes and the table that names them.
macro_rules! statuses {
    ($($name:ident $short:literal = $value:literal;)*) => {
        $(#[doc = concat!("`", stringify!($name), "`.")]
        pub const $name: zx_status_t = $value;)*
        /// Every status code with its name, without `ZX_`.
        pub static STATUSES: &[(&str, zx_status_t)] = &[$(($short, $value)),*];
    };
}

statuses! {
    ZX_OK "OK" = 0;
    ZX_ERR_INTERNAL "ERR_INTERNAL" = -1;
    ZX_ERR_NOT_SUPPORTED "ERR_NOT_SUPPORTED" = -2;
    ZX_ERR_NO_RESOURCES "ERR_NO_RESOURCES" = -3;
    ZX_ERR_NO_MEMORY "ERR_NO_MEMORY" = -4;
    ZX_ERR_INTERNAL_INTR_RETRY "ERR_INTERNAL_INTR_RETRY" = -6;
    ZX_ERR_INVALID_ARGS "ERR_INVALID_ARGS" = -10;
    ZX_ERR_BAD_HANDLE "ERR_BAD_HANDLE" = -11;
    ZX_ERR_WRONG_TYPE "ERR_WRONG_TYPE" = -12;
    ZX_ERR_BAD_SYSCALL "ERR_BAD_SYSCALL" = -13;
    ZX_ERR_OUT_OF_RANGE "ERR_OUT_OF_RANGE" = -14;
    ZX_ERR_BUFFER_TOO_SMALL "ERR_BUFFER_TOO_SMALL" = -15;
    ZX_ERR_BAD_STATE "ERR_BAD_STATE" = -20;
    ZX_ERR_TIMED_OUT "ERR_TIMED_OUT" = -21;
    ZX_ERR_SHOULD_WAIT "ERR_SHOULD_WAIT" = -22;
    ZX_ERR_CANCELED "ERR_CANCELED" = -23;
    ZX_ERR_PEER_CLOSED "ERR_PEER_CLOSED" = -24;
    ZX_ERR_NOT_FOUND "ERR_NOT_FOUND" = -25;
    ZX_ERR_ALREADY_EXISTS "ERR_ALREADY_EXISTS" = -26;
    ZX_ERR_ALREADY_BOUND "ERR_ALREADY_BOUND" = -27;
    ZX_ERR_UNAVAILABLE "ERR_UNAVAILABLE" = -28;
    ZX_ERR_ACCESS_DENIED "ERR_ACCESS_DENIED" = -30;
    ZX_ERR_IO "ERR_IO" = -40;
}

constants! {
    /// Names of the rights, without `ZX_RIGHT_`.
    RIGHTS: zx_rights_t {
        ZX_RIGHT_DUPLICATE "DUPLICATE" = 1 << 0;
        ZX_RIGHT_TRANSFER "TRANSFER" = 1 << 1;
        ZX_RIGHT_READ "READ" = 1 << 2;
        ZX_RIGHT_WRITE "WRITE" = 1 << 3;
        ZX_RIGHT_EXECUTE "EXECUTE" = 1 << 4;
        ZX_RIGHT_MAP "MAP" = 1 << 5;
        ZX_RIGHT_GET_PROPERTY "GET_PROPERTY" = 1 << 6;
        ZX_RIGHT_SET_PROPERTY "SET_PROPERTY" = 1 << 7;
        ZX_RIGHT_ENUMERATE "ENUMERATE" = 1 << 8;
        ZX_RIGHT_DESTROY "DESTROY" = 1 << 9;
        ZX_RIGHT_SET_POLICY "SET_POLICY" = 1 << 10;
        ZX_RIGHT_GET_POLICY "GET_POLICY" = 1 << 11;
        ZX_RIGHT_SIGNAL "SIGNAL" = 1 << 12;
        ZX_RIGHT_SIGNAL_PEER "SIGNAL_PEER" = 1 << 13;
        ZX_RIGHT_WAIT "WAIT" = 1 << 14;
        ZX_RIGHT_INSPECT "INSPECT" = 1 << 15;
        ZX_RIGHT_MANAGE_JOB "MANAGE_JOB" = 1 << 16;
        ZX_RIGHT_MANAGE_PROCESS "MANAGE_PROCESS" = 1 << 17;
        ZX_RIGHT_MANAGE_THREAD "MANAGE_THREAD" = 1 << 18;
        ZX_RIGHT_APPLY_PROFILE "APPLY_PROFILE" = 1 << 19;
        /// Asks for the rights of the source handle (HANDLE-DUP-02).
        ZX_RIGHT_SAME_RIGHTS "SAME_RIGHTS" = 1 << 31;
    }
}

/// No rights at all.
pub const ZX_RIGHT_NONE: zx_rights_t = 0;
/// Rights of a fresh VMO handle (VMO-CREATE-24).
pub const ZX_DEFAULT_VMO_RIGHTS: zx_rights_t = 0xd0ff;
/// Rights of a fresh event handle.
pub const ZX_DEFAULT_EVENT_RIGHTS: zx_rights_t = 0xd00f;
/// Rights of a fresh channel handle.
pub const ZX_DEFAULT_CHANNEL_RIGHTS: zx_rights_t = 0xf0ce;
/// Rights of a fresh port handle.
pub const ZX_DEFAULT_PORT_RIGHTS: zx_rights_t = 0x800f;
/// Rights of a process handle.
pub const ZX_DEFAULT_PROCESS_RIGHTS: zx_rights_t = 0x2d3cf;
/// Rights every VMAR handle starts with (VMAR-ALLOC-04).
pub const ZX_DEFAULT_VMAR_RIGHTS: zx_rights_t = 0x8003;

constants! {
    /// Names of the signals that a VMO, an event or a channel can show.
    SIGNALS: zx_signals_t {
        /// Active while no clone of the VMO exists (SIG-ZC-01).
        ZX_VMO_ZERO_CHILDREN "ZERO_CHILDREN" = 1 << 3;
        /// Only seen in the results of a wait (OBJ-WAIT-14).
        ZX_SIGNAL_HANDLE_CLOSED "HANDLE_CLOSED" = 1 << 23;
        ZX_USER_SIGNAL_0 "USER_0" = 1 << 24;
        ZX_USER_SIGNAL_1 "USER_1" = 1 << 25;
        ZX_USER_SIGNAL_2 "USER_2" = 1 << 26;
        ZX_USER_SIGNAL_3 "USER_3" = 1 << 27;
        ZX_USER_SIGNAL_4 "USER_4" = 1 << 28;
        ZX_USER_SIGNAL_5 "USER_5" = 1 << 29;
        ZX_USER_SIGNAL_6 "USER_6" = 1 << 30;
        ZX_USER_SIGNAL_7 "USER_7" = 1 << 31;
    }
}

/// All eight user signals.
pub const ZX_USER_SIGNAL_ALL: zx_signals_t = 0xff00_0000;
/// The channel has a message to be read.
pub const ZX_CHANNEL_READABLE: zx_signals_t = 1 << 0;
/// The channel may be written to.
pub const ZX_CHANNEL_WRITABLE: zx_signals_t = 1 << 1;
/// The other end of the channel is gone.
pub const ZX_CHANNEL_PEER_CLOSED: zx_signals_t = 1 << 2;

constants! {
    /// Names of the operations of `vmo_op_range`, without `ZX_VMO_OP_`.
    VMO_OPERATIONS: u32 {
        ZX_VMO_OP_COMMIT "COMMIT" = 1;
        ZX_VMO_OP_DECOMMIT "DECOMMIT" = 2;
        ZX_VMO_OP_LOCK "LOCK" = 3;
        ZX_VMO_OP_UNLOCK "UNLOCK" = 4;
        ZX_VMO_OP_CACHE_SYNC "CACHE_SYNC" = 6;
        ZX_VMO_OP_CACHE_INVALIDATE "CACHE_INVALIDATE" = 7;
        ZX_VMO_OP_CACHE_CLEAN "CACHE_CLEAN" = 8;
        ZX_VMO_OP_CACHE_CLEAN_INVALIDATE "CACHE_CLEAN_INVALIDATE" = 9;
    }
}

constants! {
    /// Names of the cache policies, without `ZX_CACHE_POLICY_`.
    CACHE_POLICIES: u32 {
        ZX_CACHE_POLICY_CACHED "CACHED" = 0;
        ZX_CACHE_POLICY_UNCACHED "UNCACHED" = 1;
        ZX_CACHE_POLICY_UNCACHED_DEVICE "UNCACHED_DEVICE" = 2;
        ZX_CACHE_POLICY_WRITE_COMBINING "WRITE_COMBINING" = 3;
    }
}

constants! {
    /// Names of the options of `vmo_clone`, without `ZX_VMO_CLONE_`.
    CLONE_OPTIONS: u32 {
        /// The only clone mode, to be asked for (VMO-CLONE-06).
        ZX_VMO_CLONE_COPY_ON_WRITE "COPY_ON_WRITE" = 1;
    }
}

constants! {
    /// Names of the mapping flags, without `ZX_VM_FLAG_`.
    MAP_FLAGS: u32 {
        ZX_VM_FLAG_PERM_READ "PERM_READ" = 1 << 0;
        ZX_VM_FLAG_PERM_WRITE "PERM_WRITE" = 1 << 1;
        ZX_VM_FLAG_PERM_EXECUTE "PERM_EXECUTE" = 1 << 2;
        ZX_VM_FLAG_COMPACT "COMPACT" = 1 << 3;
        ZX_VM_FLAG_SPECIFIC "SPECIFIC" = 1 << 4;
        ZX_VM_FLAG_SPECIFIC_OVERWRITE "SPECIFIC_OVERWRITE" = 1 << 5;
        ZX_VM_FLAG_CAN_MAP_SPECIFIC "CAN_MAP_SPECIFIC" = 1 << 6;
        ZX_VM_FLAG_CAN_MAP_READ "CAN_MAP_READ" = 1 << 7;
        ZX_VM_FLAG_CAN_MAP_WRITE "CAN_MAP_WRITE" = 1 << 8;
        ZX_VM_FLAG_CAN_MAP_EXECUTE "CAN_MAP_EXECUTE" = 1 << 9;
        ZX_VM_FLAG_MAP_RANGE "MAP_RANGE" = 1 << 10;
    }
}

constants! {
    /// Names of the object types, without `ZX_OBJ_TYPE_`.
    OBJECT_TYPES: zx_obj_type_t {
        ZX_OBJ_TYPE_NONE "NONE" = 0;
        ZX_OBJ_TYPE_PROCESS "PROCESS" = 1;
        ZX_OBJ_TYPE_THREAD "THREAD" = 2;
        ZX_OBJ_TYPE_VMO "VMO" = 3;
        ZX_OBJ_TYPE_CHANNEL "CHANNEL" = 4;
        ZX_OBJ_TYPE_EVENT "EVENT" = 5;
        ZX_OBJ_TYPE_PORT "PORT" = 6;
        ZX_OBJ_TYPE_JOB "JOB" = 17;
        ZX_OBJ_TYPE_VMAR "VMAR" = 18;
    }
}

constants! {
    /// Names of the topics of `object_get_info`, without `ZX_INFO_`.
    INFO_TOPICS: u32 {
        ZX_INFO_NONE "NONE" = 0;
        ZX_INFO_HANDLE_VALID "HANDLE_VALID" = 1;
        ZX_INFO_HANDLE_BASIC "HANDLE_BASIC" = 2;
        ZX_INFO_PROCESS "PROCESS" = 3;
        ZX_INFO_PROCESS_THREADS "PROCESS_THREADS" = 4;
        ZX_INFO_VMAR "VMAR" = 7;
        ZX_INFO_JOB_CHILDREN "JOB_CHILDREN" = 8;
        ZX_INFO_JOB_PROCESSES "JOB_PROCESSES" = 9;
        ZX_INFO_THREAD "THREAD" = 10;
        ZX_INFO_THREAD_EXCEPTION_REPORT "THREAD_EXCEPTION_REPORT" = 11;
        ZX_INFO_TASK_STATS "TASK_STATS" = 12;
        ZX_INFO_PROCESS_MAPS "PROCESS_MAPS" = 13;
        ZX_INFO_PROCESS_VMOS "PROCESS_VMOS" = 14;
        ZX_INFO_THREAD_STATS "THREAD_STATS" = 15;
        ZX_INFO_CPU_STATS "CPU_STATS" = 16;
        ZX_INFO_KMEM_STATS "KMEM_STATS" = 17;
        ZX_INFO_RESOURCE "RESOURCE" = 18;
        ZX_INFO_HANDLE_COUNT "HANDLE_COUNT" = 19;
        ZX_INFO_BTI "BTI" = 20;
        ZX_INFO_PROCESS_HANDLE_STATS "PROCESS_HANDLE_STATS" = 21;
    }
}

constants! {
    /// Names of the properties, without `ZX_PROP_`.
    PROPERTIES: u32 {
        ZX_PROP_REGISTER_GS "REGISTER_GS" = 2;
        ZX_PROP_NAME "NAME" = 3;
        ZX_PROP_REGISTER_FS "REGISTER_FS" = 4;
        ZX_PROP_PROCESS_DEBUG_ADDR "PROCESS_DEBUG_ADDR" = 5;
        ZX_PROP_PROCESS_VDSO_BASE_ADDRESS "PROCESS_VDSO_BASE_ADDRESS" = 6;
        ZX_PROP_SOCKET_RX_BUF_MAX "SOCKET_RX_BUF_MAX" = 8;
        ZX_PROP_SOCKET_RX_BUF_SIZE "SOCKET_RX_BUF_SIZE" = 9;
        ZX_PROP_SOCKET_TX_BUF_MAX "SOCKET_TX_BUF_MAX" = 10;
        ZX_PROP_SOCKET_TX_BUF_SIZE "SOCKET_TX_BUF_SIZE" = 11;
        ZX_PROP_CHANNEL_TX_MSG_MAX "CHANNEL_TX_MSG_MAX" = 12;
    }
}

/// Most bytes of a message of a channel.
pub const ZX_CHANNEL_MAX_MSG_BYTES: u32 = 65536;
/// Most handles of a message of a channel.
pub const ZX_CHANNEL_MAX_MSG_HANDLES: u32 = 64;
/// `channel_read` may throw away a message that does not fit.
pub const ZX_CHANNEL_READ_MAY_DISCARD: u32 = 1;

/// The object has no signals to wait for.
pub const ZX_OBJ_PROP_NONE: u32 = 0;
/// The object can be waited on.
pub const ZX_OBJ_PROP_WAITABLE: u32 = 1;

/// The VMO is made of pages, not of physical memory (OBJ-INFO-28).
pub const ZX_INFO_VMO_TYPE_PAGED: u32 = 1 << 0;
/// The VMO is a clone (OBJ-INFO-28).
pub const ZX_INFO_VMO_IS_COW_CLONE: u32 = 1 << 2;
/// The entry stands for a handle (OBJ-INFO-29).
pub const ZX_INFO_VMO_VIA_HANDLE: u32 = 1 << 3;
/// The entry stands for a mapping (OBJ-INFO-29).
pub const ZX_INFO_VMO_VIA_MAPPING: u32 = 1 << 4;
