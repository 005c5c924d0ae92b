/*
 * An agent: lets the tester on another machine reach the VMO calls of a kernel.
 *
 * Fill in a `struct agent_port`, write `agent_send` and `agent_receive`, and call
 * `agent_serve`. README.md next to this file shows how; conformance/PROTOCOL.md
 * says what goes over the line.
 */
#ifndef AGENT_H
#define AGENT_H

#include <stddef.h>
#include <stdint.h>

/*
 * The types of <zircon/types.h>. A kernel that has that header names it, as in
 * -DAGENT_TYPES='<zircon/types.h>', and the compiler then compares its
 * prototypes with the table below.
 */
#ifdef AGENT_TYPES
#include AGENT_TYPES
#else
typedef int32_t zx_status_t;
typedef uint32_t zx_handle_t;
typedef uint32_t zx_rights_t;
typedef uint32_t zx_signals_t;
typedef uint64_t zx_time_t;
typedef uintptr_t zx_vaddr_t;
typedef struct zx_wait_item {
    zx_handle_t handle;
    zx_signals_t waitfor;
    zx_signals_t pending;
} zx_wait_item_t;
#endif

/*
 * The largest payload of a frame, at least 1024. The agent has two buffers of
 * that size, and little memory besides. A frame should not take a slow line
 * longer than half a second; a fast one may have 0x10000.
 */
#ifndef AGENT_PAYLOAD
#define AGENT_PAYLOAD 4096
#endif

/* Made from the table of calls: begin. */
#define AGENT_CALLS 29

/* The calls of the kernel; NULL for those that it does not have. */
struct agent_calls {
    zx_status_t (*vmo_create)(uint64_t size, uint32_t options, zx_handle_t* out);
    zx_status_t (*vmo_read)(zx_handle_t handle, void* buffer, uint64_t offset, size_t buffer_size);
    zx_status_t (*vmo_write)(zx_handle_t handle, const void* buffer, uint64_t offset,
        size_t buffer_size);
    zx_status_t (*vmo_get_size)(zx_handle_t handle, uint64_t* size);
    zx_status_t (*vmo_set_size)(zx_handle_t handle, uint64_t size);
    zx_status_t (*vmo_clone)(zx_handle_t handle, uint32_t options, uint64_t offset, uint64_t size,
        zx_handle_t* out);
    zx_status_t (*vmo_op_range)(zx_handle_t handle, uint32_t op, uint64_t offset, uint64_t size,
        void* buffer, size_t buffer_size);
    zx_status_t (*vmo_set_cache_policy)(zx_handle_t handle, uint32_t cache_policy);
    zx_status_t (*vmar_map)(zx_handle_t vmar, uint64_t vmar_offset, zx_handle_t vmo,
        uint64_t vmo_offset, size_t len, uint32_t map_flags, zx_vaddr_t* mapped_addr);
    zx_status_t (*vmar_unmap)(zx_handle_t vmar, zx_vaddr_t addr, size_t len);
    zx_status_t (*vmar_protect)(zx_handle_t vmar, zx_vaddr_t addr, size_t len,
        uint32_t prot_flags);
    zx_status_t (*vmar_allocate)(zx_handle_t parent_vmar, uint64_t offset, uint64_t size,
        uint32_t map_flags, zx_handle_t* child_vmar, zx_vaddr_t* child_addr);
    zx_status_t (*vmar_destroy)(zx_handle_t vmar);
    zx_status_t (*handle_close)(zx_handle_t handle);
    zx_status_t (*handle_close_many)(const zx_handle_t* handles, size_t num_handles);
    zx_status_t (*handle_duplicate)(zx_handle_t handle, zx_rights_t rights, zx_handle_t* out);
    zx_status_t (*handle_replace)(zx_handle_t handle, zx_rights_t rights, zx_handle_t* out);
    zx_status_t (*object_get_property)(zx_handle_t handle, uint32_t property, void* value,
        size_t value_size);
    zx_status_t (*object_set_property)(zx_handle_t handle, uint32_t property, const void* value,
        size_t value_size);
    zx_status_t (*object_get_info)(zx_handle_t handle, uint32_t topic, void* buffer,
        size_t buffer_size, size_t* actual, size_t* avail);
    zx_status_t (*object_wait_one)(zx_handle_t handle, zx_signals_t signals, zx_time_t deadline,
        zx_signals_t* observed);
    zx_status_t (*object_wait_many)(zx_wait_item_t* items, size_t count, zx_time_t deadline);
    zx_status_t (*object_signal)(zx_handle_t handle, zx_signals_t clear_mask,
        zx_signals_t set_mask);
    zx_status_t (*object_signal_peer)(zx_handle_t handle, zx_signals_t clear_mask,
        zx_signals_t set_mask);
    zx_status_t (*event_create)(uint32_t options, zx_handle_t* out);
    zx_status_t (*channel_create)(uint32_t options, zx_handle_t* out0, zx_handle_t* out1);
    zx_status_t (*port_create)(uint32_t options, zx_handle_t* out);
    zx_status_t (*channel_write)(zx_handle_t handle, uint32_t options, const void* bytes,
        uint32_t num_bytes, const zx_handle_t* handles, uint32_t num_handles);
    zx_status_t (*channel_read)(zx_handle_t handle, uint32_t options, void* bytes,
        zx_handle_t* handles, uint32_t num_bytes, uint32_t num_handles, uint32_t* actual_bytes,
        uint32_t* actual_handles);
};
/* Made from the table of calls: end. */

/* Where the tester works. It is asked for after each reset. */
struct agent_environment {
    /* Readable and writable pages with unmapped ground on both sides, at least 16. */
    uint64_t arena;
    uint64_t arena_length;
    /* A user address where nothing is mapped for a page, or 0. */
    uint64_t unmapped;
    /* A page of zeros that can be read and not written, or 0. */
    uint64_t read_only;
    /* An address outside of user space, or 0. */
    uint64_t kernel;
    /* The root region, or 0. */
    zx_handle_t root_vmar;
    /* The process itself, or 0. */
    zx_handle_t process;
    /* A process for which ZX_INFO_PROCESS_VMOS lists the VMOs of this one, or 0. */
    zx_handle_t observed_process;
    /* Which edition of the contract holds, such as "2018-06". */
    const char* edition;
    /* The kernel's name in reports, in UTF-8. */
    const char* name;
};

/* What differs from kernel to kernel. Hooks that are NULL are not offered. */
struct agent_port {
    const struct agent_calls* calls;
    const struct agent_environment* environment;
    /* The monotonic clock in nanoseconds, which deadlines refer to. */
    uint64_t (*clock)(void);
    /* Puts everything back to the state at the start. Answers 1 if it did. */
    int (*reset)(void);
    /* Limits the pages in use; UINT64_MAX takes the limit away. Answers 1 if it did. */
    int (*limit_memory)(uint64_t pages);
    /* Makes the nth allocation from now fail, none if 0. Answers 1 if it did. */
    int (*fail_allocation)(uint64_t nth);
    /*
     * Does what `agent_access` does. If that faults it answers 1 and stores the
     * first address that could not be accessed in `fault`, otherwise it answers
     * 0. Without the hook a fault is the end of the agent.
     */
    int (*access)(uint64_t address, void* bytes, size_t length, int is_store, uint64_t* fault);
};

/* Sends bytes to the tester. To be written for each kernel. */
void agent_send(const void* bytes, size_t length);

/*
 * Waits for bytes from the tester and stores at most `length` of them; answers
 * with their number, 0 if no more will come. To be written for each kernel.
 */
size_t agent_receive(void* bytes, size_t length);

/* Serves the tester until no more bytes come. May be called again. */
void agent_serve(const struct agent_port* port);

/*
 * Loads from `address` to `bytes`, or stores `bytes` there. 1, 2, 4 and 8 bytes
 * are one access each. For ports, to be surrounded with a way out of faults.
 */
void agent_access(uint64_t address, void* bytes, size_t length, int is_store);

#endif
