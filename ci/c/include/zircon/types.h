// Made by `vmo-conformance export --headers` from its table of system calls.

#pragma once

#include <stddef.h>
#include <stdint.h>

#include <zircon/errors.h>
#include <zircon/rights.h>

typedef uint32_t zx_handle_t;
typedef int32_t zx_status_t;
typedef uint32_t zx_signals_t;
typedef uint64_t zx_koid_t;
typedef uint64_t zx_time_t;
typedef uint64_t zx_duration_t;
typedef uintptr_t zx_vaddr_t;

typedef struct zx_wait_item {
    zx_handle_t handle;
    zx_signals_t waitfor;
    zx_signals_t pending;
} zx_wait_item_t;

#define ZX_HANDLE_INVALID ((zx_handle_t)0)
#define ZX_KOID_INVALID ((zx_koid_t)0)
#define ZX_TIME_INFINITE UINT64_MAX

#define ZX_VMO_ZERO_CHILDREN ((zx_signals_t)0x8u)
#define ZX_SIGNAL_HANDLE_CLOSED ((zx_signals_t)0x800000u)
#define ZX_USER_SIGNAL_0 ((zx_signals_t)0x1000000u)
#define ZX_USER_SIGNAL_1 ((zx_signals_t)0x2000000u)
#define ZX_USER_SIGNAL_2 ((zx_signals_t)0x4000000u)
#define ZX_USER_SIGNAL_3 ((zx_signals_t)0x8000000u)
#define ZX_USER_SIGNAL_4 ((zx_signals_t)0x10000000u)
#define ZX_USER_SIGNAL_5 ((zx_signals_t)0x20000000u)
#define ZX_USER_SIGNAL_6 ((zx_signals_t)0x40000000u)
#define ZX_USER_SIGNAL_7 ((zx_signals_t)0x80000000u)

#define ZX_USER_SIGNAL_ALL ((zx_signals_t)0xff000000u)
#define ZX_CHANNEL_READABLE ((zx_signals_t)0x1u)
#define ZX_CHANNEL_WRITABLE ((zx_signals_t)0x2u)
#define ZX_CHANNEL_PEER_CLOSED ((zx_signals_t)0x4u)

#define ZX_VM_FLAG_PERM_READ ((uint32_t)0x1u)
#define ZX_VM_FLAG_PERM_WRITE ((uint32_t)0x2u)
#define ZX_VM_FLAG_PERM_EXECUTE ((uint32_t)0x4u)
#define ZX_VM_FLAG_COMPACT ((uint32_t)0x8u)
#define ZX_VM_FLAG_SPECIFIC ((uint32_t)0x10u)
#define ZX_VM_FLAG_SPECIFIC_OVERWRITE ((uint32_t)0x20u)
#define ZX_VM_FLAG_CAN_MAP_SPECIFIC ((uint32_t)0x40u)
#define ZX_VM_FLAG_CAN_MAP_READ ((uint32_t)0x80u)
#define ZX_VM_FLAG_CAN_MAP_WRITE ((uint32_t)0x100u)
#define ZX_VM_FLAG_CAN_MAP_EXECUTE ((uint32_t)0x200u)
#define ZX_VM_FLAG_MAP_RANGE ((uint32_t)0x400u)

#define ZX_VMO_OP_COMMIT ((uint32_t)0x1u)
#define ZX_VMO_OP_DECOMMIT ((uint32_t)0x2u)
#define ZX_VMO_OP_LOCK ((uint32_t)0x3u)
#define ZX_VMO_OP_UNLOCK ((uint32_t)0x4u)
#define ZX_VMO_OP_CACHE_SYNC ((uint32_t)0x6u)
#define ZX_VMO_OP_CACHE_INVALIDATE ((uint32_t)0x7u)
#define ZX_VMO_OP_CACHE_CLEAN ((uint32_t)0x8u)
#define ZX_VMO_OP_CACHE_CLEAN_INVALIDATE ((uint32_t)0x9u)

#define ZX_VMO_CLONE_COPY_ON_WRITE ((uint32_t)0x1u)

#define ZX_CACHE_POLICY_CACHED ((uint32_t)0x0u)
#define ZX_CACHE_POLICY_UNCACHED ((uint32_t)0x1u)
#define ZX_CACHE_POLICY_UNCACHED_DEVICE ((uint32_t)0x2u)
#define ZX_CACHE_POLICY_WRITE_COMBINING ((uint32_t)0x3u)

#define ZX_CACHE_POLICY_MASK ((uint32_t)0x3u)
#define ZX_MAX_NAME_LEN ((uint32_t)0x20u)
#define ZX_WAIT_MANY_MAX_ITEMS ((uint32_t)0x10u)
#define ZX_CHANNEL_MAX_MSG_BYTES ((uint32_t)0x10000u)
#define ZX_CHANNEL_MAX_MSG_HANDLES ((uint32_t)0x40u)
