/* A port of the agent to a kernel that only writes down how it was called. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent.h"

#define ARENA_LENGTH 0x10000
/* Where in the arena a call is written down. */
#define RECORD 0xf000
/* Two pages of user space that are not where they seem to be. */
#define USER 0x7000000000u
#define USER_LENGTH 0x2000u

/* Bytes around the arena that must stay what they are. */
static struct {
    uint8_t before[4096];
    uint8_t arena[ARENA_LENGTH];
    uint8_t after[4096];
} memory;
static uint8_t user[USER_LENGTH];
static uint64_t limit, failing;

static zx_status_t record(uint64_t number, const uint64_t* arguments, size_t count) {
    uint8_t* to = memory.arena + RECORD;
    memcpy(to, &number, 8);
    memcpy(to + 8, arguments, 8 * count);
    memset(to + 8 + 8 * count, 0xee, 8 * (8 - count));
    return -100 - (zx_status_t)number;
}

#include "fake_calls.h"

void agent_send(const void* bytes, size_t length) {
    while (length > 0) {
        ssize_t sent = write(1, bytes, length);
        if (sent <= 0) {
            exit(4);
        }
        bytes = (const uint8_t*)bytes + sent;
        length -= (size_t)sent;
    }
}

static size_t most = SIZE_MAX;

size_t agent_receive(void* bytes, size_t length) {
    ssize_t received = read(0, bytes, length < most ? length : most);
    return received <= 0 ? 0 : (size_t)received;
}

static struct agent_environment environment = {
    .arena_length = ARENA_LENGTH,
    .unmapped = 0x1111,
    .read_only = 0x2222,
    .kernel = 0xffff000000003333,
    .root_vmar = 0x44444444,
    .process = 0x55555555,
    .observed_process = 0x66666666,
    .edition = "2018-06",
    .name = "a fake \xc3\xa4",
};

static uint64_t tell(void) { return 1234567890123456789; }

static int reset(void) {
    environment.root_vmar++;
    limit = 0;
    return 1;
}

static int limit_memory(uint64_t pages) {
    limit = pages;
    memcpy(memory.arena, &limit, 8);
    return pages != 13;
}

static int fail_allocation(uint64_t nth) {
    failing = nth;
    memcpy(memory.arena + 8, &failing, 8);
    return nth != 13;
}

static int reach(uint64_t address, void* bytes, size_t length, int is_store, uint64_t* fault) {
    uint64_t offset = address - USER;
    if (offset >= USER_LENGTH) {
        *fault = address;
        return 1;
    }
    if (length > USER_LENGTH - offset) {
        *fault = USER + USER_LENGTH;
        return 1;
    }
    agent_access((uint64_t)(uintptr_t)(user + offset), bytes, length, is_store);
    return 0;
}

/* Words: `bare` without hooks, `slow` with single bytes. */
int main(int count, char** words) {
    struct agent_port port = {
        .calls = &calls,
        .environment = &environment,
        .clock = tell,
        .reset = reset,
        .limit_memory = limit_memory,
        .fail_allocation = fail_allocation,
        .access = reach,
    };
    struct agent_calls none = {0};
    size_t i;
    for (i = 1; i < (size_t)count; i++) {
        if (strcmp(words[i], "slow") == 0) {
            most = 1;
        } else {
            memset(&port, 0, sizeof port);
            port.calls = &none;
            port.environment = &environment;
            environment.name = NULL;
        }
    }
    environment.arena = (uint64_t)(uintptr_t)memory.arena;
    memset(memory.before, 0x5a, sizeof memory.before);
    memset(memory.after, 0x5a, sizeof memory.after);
    agent_serve(&port);
    for (i = 0; i < sizeof memory.before; i++) {
        if (memory.before[i] != 0x5a || memory.after[i] != 0x5a) {
            return 5;
        }
    }
    return 0;
}
