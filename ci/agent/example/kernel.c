/* The rest of the kernel: a serial line, user memory, and the agent's port. */
#include "kernel.h"

#include "agent.h"

/* The serial line. */

#define COM1 0x3f8u

static uint8_t in(uint16_t port) {
    uint8_t byte;
    __asm__ volatile("inb %1, %0" : "=a"(byte) : "Nd"(port));
    return byte;
}

static void out(uint16_t port, uint8_t byte) {
    __asm__ volatile("outb %0, %1" : : "a"(byte), "Nd"(port));
}

static void start_serial(void) {
    out(COM1 + 3, 0x80);
    out(COM1, 1);
    out(COM1 + 1, 0);
    out(COM1 + 3, 3);
    out(COM1 + 2, 7);
}

void agent_send(const void* bytes, size_t length) {
    const uint8_t* next = bytes;
    while (length > 0) {
        /* An empty FIFO takes sixteen. */
        size_t part = length < 16 ? length : 16;
        while ((in(COM1 + 5) & 0x20) == 0) {
        }
        for (length -= part; part > 0; part--) {
            out(COM1, *next++);
        }
    }
}

size_t agent_receive(void* bytes, size_t length) {
    uint8_t* next = bytes;
    size_t received = 0;
    for (;;) {
        while (received < length && (in(COM1 + 5) & 1) != 0) {
            next[received++] = in(COM1);
        }
        if (received > 0) {
            return received;
        }
        __asm__ volatile("pause");
    }
}

/* User memory: the second GiB, of which only some pages are there. */

#define USER 0x40000000u
#define PAGE 4096u
#define PAGES 512u
#define READ_ONLY 16u
#define ARENA 32u
#define ARENA_PAGES 32u

#define PRESENT 1u
#define WRITABLE 2u

extern uint64_t level3[];
static _Alignas(PAGE) uint64_t level2[PAGES];
static _Alignas(PAGE) uint64_t level1[PAGES];
static _Alignas(PAGE) uint8_t read_only[PAGE];
static _Alignas(PAGE) uint8_t arena[ARENA_PAGES * PAGE];

static void map_user_memory(void) {
    uint32_t i;
    level1[READ_ONLY] = (uintptr_t)read_only | PRESENT;
    for (i = 0; i < ARENA_PAGES; i++) {
        level1[ARENA + i] = ((uintptr_t)arena + i * PAGE) | PRESENT | WRITABLE;
    }
    level2[0] = (uintptr_t)level1 | PRESENT | WRITABLE;
    level3[1] = (uintptr_t)level2 | PRESENT | WRITABLE;
}

/* How many of the bytes from an address on are there, and writable if that is asked. */
static size_t accessible(uint64_t address, size_t length, uint64_t how) {
    size_t good = 0;
    while (good < length) {
        uint64_t page = (address + good - USER) / PAGE;
        if (page >= PAGES || (level1[page] & how) != how) {
            return good;
        }
        good += PAGE - (size_t)((address + good) % PAGE);
    }
    return length;
}

static void copy(volatile uint8_t* to, const volatile uint8_t* from, size_t length) {
    for (; length > 0; length--) {
        *to++ = *from++;
    }
}

int copy_from_user(void* to, uint64_t from, size_t length) {
    if (accessible(from, length, PRESENT) < length) {
        return 0;
    }
    copy(to, (const uint8_t*)from, length);
    return 1;
}

int copy_to_user(uint64_t to, const void* from, size_t length) {
    if (accessible(to, length, PRESENT | WRITABLE) < length) {
        return 0;
    }
    copy((uint8_t*)to, from, length);
    return 1;
}

/* The agent's port. */

static const struct agent_calls calls = {
    .vmo_create = zx_vmo_create,
    .vmo_read = zx_vmo_read,
    .vmo_write = zx_vmo_write,
    .vmo_get_size = zx_vmo_get_size,
    .vmo_set_size = zx_vmo_set_size,
    .handle_close = zx_handle_close,
};

static const struct agent_environment environment = {
    .arena = USER + ARENA * PAGE,
    .arena_length = ARENA_PAGES * PAGE,
    .unmapped = USER,
    .read_only = USER + READ_ONLY * PAGE,
    .kernel = 0xffffffff80000000,
    .edition = "2018-06",
    .name = "a kernel of an afternoon",
};

/* Nanoseconds, more or less. */
static uint64_t now(void) {
    uint32_t low;
    uint32_t high;
    __asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
    return ((uint64_t)high << 32 | low) / 2 + 2;
}

static int access_memory(uint64_t address, void* bytes, size_t length, int is_store,
                         uint64_t* fault) {
    size_t good = accessible(address, length, is_store ? PRESENT | WRITABLE : PRESENT);
    if (good < length) {
        *fault = address + good;
        return 1;
    }
    agent_access(address, bytes, length, is_store);
    return 0;
}

static const struct agent_port port = {
    .calls = &calls,
    .environment = &environment,
    .clock = now,
    .access = access_memory,
};

void kernel_main(void);
void kernel_main(void) {
    static const char hello[] = "The kernel has started.\r\n";
    start_serial();
    map_user_memory();
    agent_send(hello, sizeof hello - 1);
    agent_serve(&port);
}
