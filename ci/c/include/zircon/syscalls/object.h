// Made by `vmo-conformance export --headers` from its table of system calls.

#pragma once

#include <zircon/types.h>

typedef uint32_t zx_obj_type_t;

typedef struct zx_info_handle_basic {
    zx_koid_t koid;
    zx_rights_t rights;
    uint32_t type;
    zx_koid_t related_koid;
    uint32_t props;
} zx_info_handle_basic_t;

typedef struct zx_info_vmar {
    uintptr_t base;
    size_t len;
} zx_info_vmar_t;

typedef struct zx_info_vmo {
    zx_koid_t koid;
    char name[32];
    uint64_t size_bytes;
    zx_koid_t parent_koid;
    size_t num_children;
    size_t num_mappings;
    size_t share_count;
    uint32_t flags;
    uint64_t committed_bytes;
    zx_rights_t handle_rights;
} zx_info_vmo_t;

#define ZX_OBJ_TYPE_NONE ((zx_obj_type_t)0x0u)
#define ZX_OBJ_TYPE_PROCESS ((zx_obj_type_t)0x1u)
#define ZX_OBJ_TYPE_THREAD ((zx_obj_type_t)0x2u)
#define ZX_OBJ_TYPE_VMO ((zx_obj_type_t)0x3u)
#define ZX_OBJ_TYPE_CHANNEL ((zx_obj_type_t)0x4u)
#define ZX_OBJ_TYPE_EVENT ((zx_obj_type_t)0x5u)
#define ZX_OBJ_TYPE_PORT ((zx_obj_type_t)0x6u)
#define ZX_OBJ_TYPE_JOB ((zx_obj_type_t)0x11u)
#define ZX_OBJ_TYPE_VMAR ((zx_obj_type_t)0x12u)

#define ZX_INFO_NONE ((uint32_t)0x0u)
#define ZX_INFO_HANDLE_VALID ((uint32_t)0x1u)
#define ZX_INFO_HANDLE_BASIC ((uint32_t)0x2u)
#define ZX_INFO_PROCESS ((uint32_t)0x3u)
#define ZX_INFO_PROCESS_THREADS ((uint32_t)0x4u)
#define ZX_INFO_VMAR ((uint32_t)0x7u)
#define ZX_INFO_JOB_CHILDREN ((uint32_t)0x8u)
#define ZX_INFO_JOB_PROCESSES ((uint32_t)0x9u)
#define ZX_INFO_THREAD ((uint32_t)0xau)
#define ZX_INFO_THREAD_EXCEPTION_REPORT ((uint32_t)0xbu)
#define ZX_INFO_TASK_STATS ((uint32_t)0xcu)
#define ZX_INFO_PROCESS_MAPS ((uint32_t)0xdu)
#define ZX_INFO_PROCESS_VMOS ((uint32_t)0xeu)
#define ZX_INFO_THREAD_STATS ((uint32_t)0xfu)
#define ZX_INFO_CPU_STATS ((uint32_t)0x10u)
#define ZX_INFO_KMEM_STATS ((uint32_t)0x11u)
#define ZX_INFO_RESOURCE ((uint32_t)0x12u)
#define ZX_INFO_HANDLE_COUNT ((uint32_t)0x13u)
#define ZX_INFO_BTI ((uint32_t)0x14u)
#define ZX_INFO_PROCESS_HANDLE_STATS ((uint32_t)0x15u)

#define ZX_PROP_REGISTER_GS ((uint32_t)0x2u)
#define ZX_PROP_NAME ((uint32_t)0x3u)
#define ZX_PROP_REGISTER_FS ((uint32_t)0x4u)
#define ZX_PROP_PROCESS_DEBUG_ADDR ((uint32_t)0x5u)
#define ZX_PROP_PROCESS_VDSO_BASE_ADDRESS ((uint32_t)0x6u)
#define ZX_PROP_SOCKET_RX_BUF_MAX ((uint32_t)0x8u)
#define ZX_PROP_SOCKET_RX_BUF_SIZE ((uint32_t)0x9u)
#define ZX_PROP_SOCKET_TX_BUF_MAX ((uint32_t)0xau)
#define ZX_PROP_SOCKET_TX_BUF_SIZE ((uint32_t)0xbu)
#define ZX_PROP_CHANNEL_TX_MSG_MAX ((uint32_t)0xcu)

#define ZX_OBJ_PROP_WAITABLE ((uint32_t)0x1u)
#define ZX_INFO_VMO_TYPE_PAGED ((uint32_t)0x1u)
#define ZX_INFO_VMO_IS_COW_CLONE ((uint32_t)0x4u)
#define ZX_INFO_VMO_VIA_HANDLE ((uint32_t)0x8u)
#define ZX_INFO_VMO_VIA_MAPPING ((uint32_t)0x10u)
