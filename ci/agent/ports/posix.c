/*
 * The agent in a POSIX process, over a library that has the calls as C functions.
 *
 *   cc -o agent ports/posix.c ports/line.c agent.c -I . -L ... -lvmo_c
 *   agent [--tty PATH | --shm PATH | --ivshmem] [--name NAME] [--edition EDITION]
 *
 * Without a line it speaks on standard input and output. As the first process of
 * a Linux guest it prepares the guest, and powers it off at the end. For a library
 * that lacks calls it is compiled with -DAGENT_WEAK.
 */
#define _GNU_SOURCE

#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/klog.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "agent.h"
#include "line.h"

#define WEAK __attribute__((weak))
#ifdef AGENT_WEAK
#define OPTIONAL WEAK
#else
#define OPTIONAL
#endif

/* Made from the table of calls: begin. */
#ifndef AGENT_TYPES
zx_status_t zx_vmo_create(uint64_t size, uint32_t options, zx_handle_t* out) OPTIONAL;
zx_status_t zx_vmo_read(zx_handle_t handle, void* buffer, uint64_t offset,
    size_t buffer_size) OPTIONAL;
zx_status_t zx_vmo_write(zx_handle_t handle, const void* buffer, uint64_t offset,
    size_t buffer_size) OPTIONAL;
zx_status_t zx_vmo_get_size(zx_handle_t handle, uint64_t* size) OPTIONAL;
zx_status_t zx_vmo_set_size(zx_handle_t handle, uint64_t size) OPTIONAL;
zx_status_t zx_vmo_clone(zx_handle_t handle, uint32_t options, uint64_t offset, uint64_t size,
    zx_handle_t* out) OPTIONAL;
zx_status_t zx_vmo_op_range(zx_handle_t handle, uint32_t op, uint64_t offset, uint64_t size,
    void* buffer, size_t buffer_size) OPTIONAL;
zx_status_t zx_vmo_set_cache_policy(zx_handle_t handle, uint32_t cache_policy) OPTIONAL;
zx_status_t zx_vmar_map(zx_handle_t vmar, uint64_t vmar_offset, zx_handle_t vmo,
    uint64_t vmo_offset, size_t len, uint32_t map_flags, zx_vaddr_t* mapped_addr) OPTIONAL;
zx_status_t zx_vmar_unmap(zx_handle_t vmar, zx_vaddr_t addr, size_t len) OPTIONAL;
zx_status_t zx_vmar_protect(zx_handle_t vmar, zx_vaddr_t addr, size_t len,
    uint32_t prot_flags) OPTIONAL;
zx_status_t zx_vmar_allocate(zx_handle_t parent_vmar, uint64_t offset, uint64_t size,
    uint32_t map_flags, zx_handle_t* child_vmar, zx_vaddr_t* child_addr) OPTIONAL;
zx_status_t zx_vmar_destroy(zx_handle_t vmar) OPTIONAL;
zx_status_t zx_handle_close(zx_handle_t handle) OPTIONAL;
zx_status_t zx_handle_close_many(const zx_handle_t* handles, size_t num_handles) OPTIONAL;
zx_status_t zx_handle_duplicate(zx_handle_t handle, zx_rights_t rights, zx_handle_t* out) OPTIONAL;
zx_status_t zx_handle_replace(zx_handle_t handle, zx_rights_t rights, zx_handle_t* out) OPTIONAL;
zx_status_t zx_object_get_property(zx_handle_t handle, uint32_t property, void* value,
    size_t value_size) OPTIONAL;
zx_status_t zx_object_set_property(zx_handle_t handle, uint32_t property, const void* value,
    size_t value_size) OPTIONAL;
zx_status_t zx_object_get_info(zx_handle_t handle, uint32_t topic, void* buffer,
    size_t buffer_size, size_t* actual, size_t* avail) OPTIONAL;
zx_status_t zx_object_wait_one(zx_handle_t handle, zx_signals_t signals, zx_time_t deadline,
    zx_signals_t* observed) OPTIONAL;
zx_status_t zx_object_wait_many(zx_wait_item_t* items, size_t count, zx_time_t deadline) OPTIONAL;
zx_status_t zx_object_signal(zx_handle_t handle, zx_signals_t clear_mask,
    zx_signals_t set_mask) OPTIONAL;
zx_status_t zx_object_signal_peer(zx_handle_t handle, zx_signals_t clear_mask,
    zx_signals_t set_mask) OPTIONAL;
zx_status_t zx_event_create(uint32_t options, zx_handle_t* out) OPTIONAL;
zx_status_t zx_channel_create(uint32_t options, zx_handle_t* out0, zx_handle_t* out1) OPTIONAL;
zx_status_t zx_port_create(uint32_t options, zx_handle_t* out) OPTIONAL;
zx_status_t zx_channel_write(zx_handle_t handle, uint32_t options, const void* bytes,
    uint32_t num_bytes, const zx_handle_t* handles, uint32_t num_handles) OPTIONAL;
zx_status_t zx_channel_read(zx_handle_t handle, uint32_t options, void* bytes,
    zx_handle_t* handles, uint32_t num_bytes, uint32_t num_handles, uint32_t* actual_bytes,
    uint32_t* actual_handles) OPTIONAL;
#endif

static const struct agent_calls calls = {
    .vmo_create = zx_vmo_create,
    .vmo_read = zx_vmo_read,
    .vmo_write = zx_vmo_write,
    .vmo_get_size = zx_vmo_get_size,
    .vmo_set_size = zx_vmo_set_size,
    .vmo_clone = zx_vmo_clone,
    .vmo_op_range = zx_vmo_op_range,
    .vmo_set_cache_policy = zx_vmo_set_cache_policy,
    .vmar_map = zx_vmar_map,
    .vmar_unmap = zx_vmar_unmap,
    .vmar_protect = zx_vmar_protect,
    .vmar_allocate = zx_vmar_allocate,
    .vmar_destroy = zx_vmar_destroy,
    .handle_close = zx_handle_close,
    .handle_close_many = zx_handle_close_many,
    .handle_duplicate = zx_handle_duplicate,
    .handle_replace = zx_handle_replace,
    .object_get_property = zx_object_get_property,
    .object_set_property = zx_object_set_property,
    .object_get_info = zx_object_get_info,
    .object_wait_one = zx_object_wait_one,
    .object_wait_many = zx_object_wait_many,
    .object_signal = zx_object_signal,
    .object_signal_peer = zx_object_signal_peer,
    .event_create = zx_event_create,
    .channel_create = zx_channel_create,
    .port_create = zx_port_create,
    .channel_write = zx_channel_write,
    .channel_read = zx_channel_read,
};
/* Made from the table of calls: end. */

/* What a library may have besides. */
WEAK zx_handle_t zx_vmar_root_self(void);
WEAK zx_handle_t zx_process_self(void);
WEAK zx_time_t zx_deadline_after(uint64_t nanoseconds);
WEAK zx_handle_t vmo_backend_observed_process(void);
WEAK void vmo_backend_reset(void);
WEAK void vmo_backend_set_memory_limit(uint64_t pages);
WEAK void vmo_backend_fail_allocation(uint64_t nth);

/* The tester's memory. */

#define GROUND ((size_t)0x10000)
#define ARENA ((size_t)0x400000)
#define PAGE ((size_t)4096)

static struct agent_environment environment = {
    .arena_length = ARENA,
    /* No process of today's machines has it. */
    .kernel = 0xffffff8000100000,
    .edition = "2018-06",
    .name = "POSIX process",
};

/* Nothing, a page that is read-only, nothing, the arena, nothing. */
static void find_memory(void) {
    size_t length = 3 * GROUND + ARENA + GROUND;
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
    char* ground = mmap(NULL, length, PROT_NONE, flags, -1, 0);
    if (ground == MAP_FAILED || mprotect(ground + GROUND, PAGE, PROT_READ) != 0
        || mprotect(ground + 3 * GROUND, ARENA, PROT_READ | PROT_WRITE) != 0) {
        perror("memory for the tester");
        exit(3);
    }
    environment.unmapped = (uintptr_t)ground;
    environment.read_only = (uintptr_t)(ground + GROUND);
    environment.arena = (uintptr_t)(ground + 3 * GROUND);
}

static void find_handles(void) {
    environment.root_vmar = zx_vmar_root_self == NULL ? 0 : zx_vmar_root_self();
    environment.process = zx_process_self == NULL ? 0 : zx_process_self();
    environment.observed_process =
        vmo_backend_observed_process == NULL ? 0 : vmo_backend_observed_process();
}

/* Loads and stores. */

static sigjmp_buf way_out;
static volatile sig_atomic_t accessing;
static volatile uintptr_t fault_address;
/* What is accessed; no local variables, which a jump may spoil. */
static uint64_t accessed_address;
static size_t accessed_length;

static void on_fault(int number, siginfo_t* what, void* context) {
    (void)context;
    if (!accessing) {
        /* The library crashed: the instruction is done again, and ends the process. */
        signal(number, SIG_DFL);
        return;
    }
    accessing = 0;
    fault_address = (uintptr_t)what->si_addr;
    siglongjmp(way_out, 1);
}

/* Before the library starts, so that its own handler comes first and hands on to this one. */
static void catch_faults(void) {
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_sigaction = on_fault;
    action.sa_flags = SA_SIGINFO | SA_NODEFER;
    if (sigaction(SIGSEGV, &action, NULL) != 0 || sigaction(SIGBUS, &action, NULL) != 0) {
        perror("handlers for faults");
        exit(3);
    }
}

static int access_memory(uint64_t address, void* bytes, size_t length, int is_store,
                         uint64_t* fault) {
    accessed_address = address;
    accessed_length = length;
    if (sigsetjmp(way_out, 0) != 0) {
        sigset_t faults;
        /* A handler that was installed without SA_NODEFER has blocked its signal. */
        sigemptyset(&faults);
        sigaddset(&faults, SIGSEGV);
        sigaddset(&faults, SIGBUS);
        sigprocmask(SIG_UNBLOCK, &faults, NULL);
        /* For some addresses the host does not say it. */
        *fault = accessed_address;
        if (fault_address - accessed_address < accessed_length) {
            *fault = fault_address;
        }
        return 1;
    }
    accessing = 1;
    agent_access(address, bytes, length, is_store);
    accessing = 0;
    return 0;
}

/* The other hooks. */

static uint64_t now(void) {
    struct timespec time = {0, 0};
    if (zx_deadline_after != NULL) {
        return (uint64_t)zx_deadline_after(0);
    }
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec + 2;
}

static int reset(void) {
    vmo_backend_reset();
    find_handles();
    return 1;
}

static int limit_memory(uint64_t pages) {
    vmo_backend_set_memory_limit(pages);
    return 1;
}

static int fail_allocation(uint64_t nth) {
    vmo_backend_fail_allocation(nth);
    return 1;
}

/* The first process of a guest. */

static void prepare_guest(void) {
    mkdir("/proc", 0555);
    mkdir("/sys", 0555);
    mkdir("/dev", 0755);
    if (mount("proc", "/proc", "proc", 0, NULL) != 0
        || mount("sysfs", "/sys", "sysfs", 0, NULL) != 0) {
        perror("/proc and /sys");
    }
    /* The kernel may have done it by itself. */
    (void)mount("devtmpfs", "/dev", "devtmpfs", 0, NULL);
    /* From now on the kernel's messages stay off the line. */
    klogctl(6, NULL, 0);
}

static int end(int code) {
    if (getpid() == 1) {
        sync();
        reboot(RB_POWER_OFF);
        pause();
    }
    return code;
}

static const char* line = "";
static const char* path = "";

/* Answers 0 if the words mean nothing. */
static int understand(char** words) {
    for (; *words != NULL; words++) {
        const char** value = NULL;
        if (strcmp(*words, "--tty") == 0 || strcmp(*words, "--shm") == 0) {
            line = *words;
            value = &path;
        } else if (strcmp(*words, "--ivshmem") == 0) {
            line = *words;
        } else if (strcmp(*words, "--name") == 0) {
            value = &environment.name;
        } else if (strcmp(*words, "--edition") == 0) {
            value = &environment.edition;
        } else {
            return 0;
        }
        if (value != NULL && (*value = *++words) == NULL) {
            return 0;
        }
    }
    return 1;
}

static int open_line(void) {
    if (strcmp(line, "--tty") == 0) {
        return line_terminal(path);
    }
    if (strcmp(line, "--shm") == 0) {
        return line_memory(path);
    }
    return strcmp(line, "--ivshmem") == 0 ? line_ivshmem() : line_stdio();
}

int main(int count, char** words) {
    struct agent_port port = {
        .calls = &calls,
        .environment = &environment,
        .clock = now,
        .reset = vmo_backend_reset == NULL ? NULL : reset,
        .limit_memory = vmo_backend_set_memory_limit == NULL ? NULL : limit_memory,
        .fail_allocation = vmo_backend_fail_allocation == NULL ? NULL : fail_allocation,
        .access = access_memory,
    };
    if (count < 1 || !understand(words + 1)) {
        fputs("usage: agent [--tty PATH | --shm PATH | --ivshmem] [--name NAME] "
              "[--edition EDITION]\n", stderr);
        return end(2);
    }
    if (getpid() == 1) {
        prepare_guest();
    }
    catch_faults();
    find_memory();
    find_handles();
    if (!open_line()) {
        return end(3);
    }
    do {
        agent_serve(&port);
    } while (line_begins_anew());
    return end(0);
}
