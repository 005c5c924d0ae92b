//! Zircon's values, checked against the crate `fuchsia-zircon-types` where it
//! has them.
//!
//! That crate follows a later edition; names that changed since June 2018 are
//! compared under their later names.

use fuchsia_zircon_types as zircon;

/// Compares constants that have the same name in both crates.
macro_rules! same {
    ($($name:ident)*) => {
        $(assert_eq!(
            i128::from(vmo_abi::$name),
            i128::from(zircon::$name),
            stringify!($name)
        );)*
    };
}

#[test]
fn statuses() {
    same!(ZX_OK ZX_ERR_INTERNAL ZX_ERR_NOT_SUPPORTED ZX_ERR_NO_RESOURCES ZX_ERR_NO_MEMORY
        ZX_ERR_INVALID_ARGS ZX_ERR_BAD_HANDLE ZX_ERR_WRONG_TYPE ZX_ERR_BAD_SYSCALL
        ZX_ERR_OUT_OF_RANGE ZX_ERR_BUFFER_TOO_SMALL ZX_ERR_BAD_STATE ZX_ERR_TIMED_OUT
        ZX_ERR_SHOULD_WAIT ZX_ERR_CANCELED ZX_ERR_PEER_CLOSED ZX_ERR_NOT_FOUND
        ZX_ERR_ALREADY_EXISTS ZX_ERR_ALREADY_BOUND ZX_ERR_UNAVAILABLE ZX_ERR_ACCESS_DENIED
        ZX_ERR_IO);
}

#[test]
fn rights() {
    same!(ZX_RIGHT_NONE ZX_RIGHT_DUPLICATE ZX_RIGHT_TRANSFER ZX_RIGHT_READ ZX_RIGHT_WRITE
        ZX_RIGHT_EXECUTE ZX_RIGHT_MAP ZX_RIGHT_GET_PROPERTY ZX_RIGHT_SET_PROPERTY
        ZX_RIGHT_ENUMERATE ZX_RIGHT_DESTROY ZX_RIGHT_SET_POLICY ZX_RIGHT_GET_POLICY
        ZX_RIGHT_SIGNAL ZX_RIGHT_SIGNAL_PEER ZX_RIGHT_WAIT ZX_RIGHT_INSPECT ZX_RIGHT_MANAGE_JOB
        ZX_RIGHT_MANAGE_PROCESS ZX_RIGHT_MANAGE_THREAD ZX_RIGHT_APPLY_PROFILE
        ZX_RIGHT_SAME_RIGHTS);
}

#[test]
fn signals() {
    same!(ZX_VMO_ZERO_CHILDREN ZX_USER_SIGNAL_0 ZX_USER_SIGNAL_1 ZX_USER_SIGNAL_2
        ZX_USER_SIGNAL_3 ZX_USER_SIGNAL_4 ZX_USER_SIGNAL_5 ZX_USER_SIGNAL_6 ZX_USER_SIGNAL_7
        ZX_CHANNEL_READABLE ZX_CHANNEL_WRITABLE ZX_CHANNEL_PEER_CLOSED
        ZX_CHANNEL_MAX_MSG_BYTES ZX_CHANNEL_MAX_MSG_HANDLES);
}

#[test]
fn operations_policies_types_and_properties() {
    same!(ZX_VMO_OP_COMMIT ZX_VMO_OP_DECOMMIT ZX_VMO_OP_LOCK ZX_VMO_OP_UNLOCK
        ZX_VMO_OP_CACHE_SYNC ZX_VMO_OP_CACHE_INVALIDATE ZX_VMO_OP_CACHE_CLEAN
        ZX_VMO_OP_CACHE_CLEAN_INVALIDATE);
    same!(ZX_CACHE_POLICY_CACHED ZX_CACHE_POLICY_UNCACHED ZX_CACHE_POLICY_UNCACHED_DEVICE
        ZX_CACHE_POLICY_WRITE_COMBINING);
    same!(ZX_OBJ_TYPE_NONE ZX_OBJ_TYPE_PROCESS ZX_OBJ_TYPE_THREAD ZX_OBJ_TYPE_VMO
        ZX_OBJ_TYPE_CHANNEL ZX_OBJ_TYPE_EVENT ZX_OBJ_TYPE_PORT ZX_OBJ_TYPE_JOB ZX_OBJ_TYPE_VMAR);
    same!(ZX_PROP_NAME);
    same!(ZX_INFO_NONE ZX_INFO_HANDLE_VALID ZX_INFO_HANDLE_BASIC ZX_INFO_PROCESS_THREADS
        ZX_INFO_VMAR ZX_INFO_THREAD);
    // Later editions put a version above the topic's number.
    assert_eq!(vmo_abi::ZX_INFO_PROCESS, zircon::ZX_INFO_PROCESS & 0x0fff_ffff);
    assert_eq!(vmo_abi::ZX_MAX_NAME_LEN, zircon::ZX_MAX_NAME_LEN);
}

#[test]
fn map_flags() {
    // The flags lost the word FLAG in August 2018 and kept their bits.
    assert_eq!(vmo_abi::ZX_VM_FLAG_PERM_READ, zircon::ZX_VM_PERM_READ);
    assert_eq!(vmo_abi::ZX_VM_FLAG_PERM_WRITE, zircon::ZX_VM_PERM_WRITE);
    assert_eq!(vmo_abi::ZX_VM_FLAG_PERM_EXECUTE, zircon::ZX_VM_PERM_EXECUTE);
    assert_eq!(vmo_abi::ZX_VM_FLAG_COMPACT, zircon::ZX_VM_COMPACT);
    assert_eq!(vmo_abi::ZX_VM_FLAG_SPECIFIC, zircon::ZX_VM_SPECIFIC);
    assert_eq!(vmo_abi::ZX_VM_FLAG_SPECIFIC_OVERWRITE, zircon::ZX_VM_SPECIFIC_OVERWRITE);
    assert_eq!(vmo_abi::ZX_VM_FLAG_CAN_MAP_SPECIFIC, zircon::ZX_VM_CAN_MAP_SPECIFIC);
    assert_eq!(vmo_abi::ZX_VM_FLAG_CAN_MAP_READ, zircon::ZX_VM_CAN_MAP_READ);
    assert_eq!(vmo_abi::ZX_VM_FLAG_CAN_MAP_WRITE, zircon::ZX_VM_CAN_MAP_WRITE);
    assert_eq!(vmo_abi::ZX_VM_FLAG_CAN_MAP_EXECUTE, zircon::ZX_VM_CAN_MAP_EXECUTE);
    assert_eq!(vmo_abi::ZX_VM_FLAG_MAP_RANGE, zircon::ZX_VM_MAP_RANGE);
}
