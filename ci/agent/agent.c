/*
 * The agent: answers the tester's requests by calls of the kernel that it runs on.
 *
 * Freestanding: no library, no allocation, about two payloads of static memory.
 * What is received is never trusted: apart from the calls, loads and stores that
 * the tester asks for, nothing is touched outside of the arena and the buffers.
 */
#include "agent.h"

#define VERSION 1u
#define PAGE_SIZE 4096u
#define SLOTS 32u
#define ARGUMENTS 8u
#define BAD_SYSCALL (-13)

/* A frame is a header, a payload and the payload's check. */
#define HEADER ((size_t)16)
#define CHECK ((size_t)4)
#define PAYLOAD ((size_t)AGENT_PAYLOAD)
#define FRAME (HEADER + PAYLOAD + CHECK)
#define MAGIC 0x4f4d56f5u

/* Operations. A result has the code of its operation plus RESULT. */
#define HELLO 0x01u
#define PUT 0x02u
#define FILL 0x03u
#define GET 0x04u
#define CALL 0x05u
#define KEEP 0x06u
#define LOAD 0x07u
#define STORE 0x08u
#define CLOCK 0x09u
#define LIMIT_MEMORY 0x0au
#define FAIL_ALLOCATION 0x0bu
#define RESET 0x0cu
#define RESULT 0x80u
#define REFUSED 0xffu

typedef char payload_is_at_least_1024[AGENT_PAYLOAD >= 1024 ? 1 : -1];

static const struct agent_port* port;
static uint64_t slots[SLOTS];
static uint32_t crc_table[256];

/* What was received and not yet looked at is input[input_start..input_end]. */
static uint8_t input[FRAME];
static size_t input_start;
static size_t input_end;

/* The last answer, kept in case that it is asked for again. */
static uint8_t output[FRAME];
static size_t output_length;
static uint32_t output_sequence;
/* Bytes of the payload of the answer that is being made. */
static size_t used;

/* Stores to volatile bytes keep compilers from calling memcpy and memset here. */
static void copy(volatile uint8_t* to, const volatile uint8_t* from, size_t length) {
    size_t i;
    for (i = 0; i < length; i++) {
        to[i] = from[i];
    }
}

static uint64_t load_number(const volatile uint8_t* from, size_t length) {
    uint64_t number = 0;
    while (length > 0) {
        length--;
        number = number << 8 | from[length];
    }
    return number;
}

static void store_number(volatile uint8_t* to, uint64_t number, size_t length) {
    size_t i;
    for (i = 0; i < length; i++) {
        to[i] = (uint8_t)(number >> (8 * i));
    }
}

static void make_crc_table(void) {
    uint32_t i;
    for (i = 0; i < 256; i++) {
        uint32_t crc = i;
        unsigned bit;
        for (bit = 0; bit < 8; bit++) {
            crc = (crc & 1) != 0 ? crc >> 1 ^ 0xedb88320u : crc >> 1;
        }
        crc_table[i] = crc;
    }
}

static uint32_t crc32(const uint8_t* bytes, size_t length) {
    uint32_t crc = 0xffffffffu;
    size_t i;
    for (i = 0; i < length; i++) {
        crc = crc_table[(crc ^ bytes[i]) & 0xff] ^ crc >> 8;
    }
    return ~crc;
}

/* Frames. */

/* Waits until so many bytes are there, at most FRAME; answers 0 if no more come. */
static int receive(size_t wanted) {
    if (input_start == input_end) {
        input_start = 0;
        input_end = 0;
    }
    if (input_start + wanted > FRAME) {
        copy(input, input + input_start, input_end - input_start);
        input_end -= input_start;
        input_start = 0;
    }
    while (input_end - input_start < wanted) {
        size_t room = FRAME - input_end;
        size_t received = agent_receive(input + input_end, room);
        if (received == 0 || received > room) {
            return 0;
        }
        input_end += received;
    }
    return 1;
}

/* The payload of the next request and its sequence number; NULL if no more come. */
static uint8_t* next_request(uint32_t* sequence, size_t* length) {
    while (receive(HEADER)) {
        uint8_t* frame = input + input_start;
        size_t payload;
        if (load_number(frame, 4) != MAGIC || load_number(frame + 12, 4) != crc32(frame, 12)
            || load_number(frame + 8, 4) > PAYLOAD) {
            input_start++;
            continue;
        }
        *sequence = (uint32_t)load_number(frame + 4, 4);
        payload = (size_t)load_number(frame + 8, 4);
        if (!receive(HEADER + payload + CHECK)) {
            return NULL;
        }
        frame = input + input_start + HEADER;
        input_start += HEADER + payload + CHECK;
        if (load_number(frame + payload, 4) != crc32(frame, payload)) {
            continue;
        }
        /* A terminal may echo answers, which must not be answered. */
        if (*sequence == 0 || payload == 0 || frame[0] >= RESULT) {
            continue;
        }
        *length = payload;
        return frame;
    }
    return NULL;
}

static void finish_answer(uint32_t sequence) {
    store_number(output, MAGIC, 4);
    store_number(output + 4, sequence, 4);
    store_number(output + 8, used, 4);
    store_number(output + 12, crc32(output, 12), 4);
    store_number(output + HEADER + used, crc32(output + HEADER, used), 4);
    output_length = HEADER + used + CHECK;
    output_sequence = sequence;
}

/* Fields of a request. */

struct cursor {
    uint8_t* at;
    size_t left;
    /* Whether a field was missing or wrong. */
    int bad;
};

static uint8_t* take(struct cursor* request, size_t length) {
    uint8_t* bytes = request->at;
    if (request->bad || length > request->left) {
        request->bad = 1;
        return NULL;
    }
    request->at += length;
    request->left -= length;
    return bytes;
}

static uint64_t take_number(struct cursor* request, size_t length) {
    const uint8_t* bytes = take(request, length);
    return bytes == NULL ? 0 : load_number(bytes, length);
}

static uint64_t take_value(struct cursor* request) {
    uint64_t slot = take_number(request, 1);
    uint64_t number = take_number(request, 8);
    if (slot > SLOTS) {
        request->bad = 1;
        return 0;
    }
    return slot == 0 ? number : number + slots[slot - 1];
}

/* Results. */

/* Whether a result of so many bytes fits, with REFUSED behind it if more is to come. */
static int fits(const struct cursor* request, size_t length) {
    return !request->bad && length <= PAYLOAD - used - (request->left != 0 ? 1 : 0);
}

static void append(uint64_t number, size_t length) {
    store_number(output + HEADER + used, number, length);
    used += length;
}

static int faulted(const struct cursor* request, unsigned code, uint64_t address) {
    if (!fits(request, 10)) {
        return 0;
    }
    append(code + RESULT, 1);
    append(1, 1);
    append(address, 8);
    return 1;
}

static int all_well(unsigned code) {
    append(code + RESULT, 1);
    append(0, 1);
    return 1;
}

static int done_if(int can, unsigned code) {
    append(code + RESULT, 1);
    append(can ? 0 : 1, 1);
    return 1;
}

/* Operations. Each answers 0 if it is refused, and has done nothing then. */

static size_t text_length(const char* text) {
    size_t length = 0;
    while (text != NULL && length < 255 && text[length] != 0) {
        length++;
    }
    return length;
}

static void append_text(const char* text) {
    size_t length = text_length(text);
    append(length, 1);
    copy(output + HEADER + used, (const uint8_t*)text, length);
    used += length;
}

/* Made from the table of calls: begin. */
static const uint8_t arguments_of_call[AGENT_CALLS] = {
    3, 4, 4, 2, 2, 5, 6, 2, 7, 3, 4, 6, 1, 1, 2, 3, 3, 4, 4, 6, 4, 3, 3, 3, 2, 3, 2, 6, 8,
};

static uint64_t calls_present(const struct agent_calls* calls) {
    uint64_t present = 0;
    present |= (uint64_t)(calls->vmo_create != NULL) << 0;
    present |= (uint64_t)(calls->vmo_read != NULL) << 1;
    present |= (uint64_t)(calls->vmo_write != NULL) << 2;
    present |= (uint64_t)(calls->vmo_get_size != NULL) << 3;
    present |= (uint64_t)(calls->vmo_set_size != NULL) << 4;
    present |= (uint64_t)(calls->vmo_clone != NULL) << 5;
    present |= (uint64_t)(calls->vmo_op_range != NULL) << 6;
    present |= (uint64_t)(calls->vmo_set_cache_policy != NULL) << 7;
    present |= (uint64_t)(calls->vmar_map != NULL) << 8;
    present |= (uint64_t)(calls->vmar_unmap != NULL) << 9;
    present |= (uint64_t)(calls->vmar_protect != NULL) << 10;
    present |= (uint64_t)(calls->vmar_allocate != NULL) << 11;
    present |= (uint64_t)(calls->vmar_destroy != NULL) << 12;
    present |= (uint64_t)(calls->handle_close != NULL) << 13;
    present |= (uint64_t)(calls->handle_close_many != NULL) << 14;
    present |= (uint64_t)(calls->handle_duplicate != NULL) << 15;
    present |= (uint64_t)(calls->handle_replace != NULL) << 16;
    present |= (uint64_t)(calls->object_get_property != NULL) << 17;
    present |= (uint64_t)(calls->object_set_property != NULL) << 18;
    present |= (uint64_t)(calls->object_get_info != NULL) << 19;
    present |= (uint64_t)(calls->object_wait_one != NULL) << 20;
    present |= (uint64_t)(calls->object_wait_many != NULL) << 21;
    present |= (uint64_t)(calls->object_signal != NULL) << 22;
    present |= (uint64_t)(calls->object_signal_peer != NULL) << 23;
    present |= (uint64_t)(calls->event_create != NULL) << 24;
    present |= (uint64_t)(calls->channel_create != NULL) << 25;
    present |= (uint64_t)(calls->port_create != NULL) << 26;
    present |= (uint64_t)(calls->channel_write != NULL) << 27;
    present |= (uint64_t)(calls->channel_read != NULL) << 28;
    return present;
}

static zx_status_t call(const struct agent_calls* calls, uint64_t number, const uint64_t* a) {
    if (number >= AGENT_CALLS || (calls_present(calls) >> number & 1) == 0) {
        return BAD_SYSCALL;
    }
    switch (number) {
    case 0:
        return calls->vmo_create(a[0], (uint32_t)a[1], (zx_handle_t*)(uintptr_t)a[2]);
    case 1:
        return calls->vmo_read((zx_handle_t)a[0], (void*)(uintptr_t)a[1], a[2], (size_t)a[3]);
    case 2:
        return calls->vmo_write((zx_handle_t)a[0], (const void*)(uintptr_t)a[1], a[2],
            (size_t)a[3]);
    case 3:
        return calls->vmo_get_size((zx_handle_t)a[0], (uint64_t*)(uintptr_t)a[1]);
    case 4:
        return calls->vmo_set_size((zx_handle_t)a[0], a[1]);
    case 5:
        return calls->vmo_clone((zx_handle_t)a[0], (uint32_t)a[1], a[2], a[3],
            (zx_handle_t*)(uintptr_t)a[4]);
    case 6:
        return calls->vmo_op_range((zx_handle_t)a[0], (uint32_t)a[1], a[2], a[3],
            (void*)(uintptr_t)a[4], (size_t)a[5]);
    case 7:
        return calls->vmo_set_cache_policy((zx_handle_t)a[0], (uint32_t)a[1]);
    case 8:
        return calls->vmar_map((zx_handle_t)a[0], a[1], (zx_handle_t)a[2], a[3], (size_t)a[4],
            (uint32_t)a[5], (zx_vaddr_t*)(uintptr_t)a[6]);
    case 9:
        return calls->vmar_unmap((zx_handle_t)a[0], (zx_vaddr_t)a[1], (size_t)a[2]);
    case 10:
        return calls->vmar_protect((zx_handle_t)a[0], (zx_vaddr_t)a[1], (size_t)a[2],
            (uint32_t)a[3]);
    case 11:
        return calls->vmar_allocate((zx_handle_t)a[0], a[1], a[2], (uint32_t)a[3],
            (zx_handle_t*)(uintptr_t)a[4], (zx_vaddr_t*)(uintptr_t)a[5]);
    case 12:
        return calls->vmar_destroy((zx_handle_t)a[0]);
    case 13:
        return calls->handle_close((zx_handle_t)a[0]);
    case 14:
        return calls->handle_close_many((const zx_handle_t*)(uintptr_t)a[0], (size_t)a[1]);
    case 15:
        return calls->handle_duplicate((zx_handle_t)a[0], (zx_rights_t)a[1],
            (zx_handle_t*)(uintptr_t)a[2]);
    case 16:
        return calls->handle_replace((zx_handle_t)a[0], (zx_rights_t)a[1],
            (zx_handle_t*)(uintptr_t)a[2]);
    case 17:
        return calls->object_get_property((zx_handle_t)a[0], (uint32_t)a[1],
            (void*)(uintptr_t)a[2], (size_t)a[3]);
    case 18:
        return calls->object_set_property((zx_handle_t)a[0], (uint32_t)a[1],
            (const void*)(uintptr_t)a[2], (size_t)a[3]);
    case 19:
        return calls->object_get_info((zx_handle_t)a[0], (uint32_t)a[1], (void*)(uintptr_t)a[2],
            (size_t)a[3], (size_t*)(uintptr_t)a[4], (size_t*)(uintptr_t)a[5]);
    case 20:
        return calls->object_wait_one((zx_handle_t)a[0], (zx_signals_t)a[1], (zx_time_t)a[2],
            (zx_signals_t*)(uintptr_t)a[3]);
    case 21:
        return calls->object_wait_many((zx_wait_item_t*)(uintptr_t)a[0], (size_t)a[1],
            (zx_time_t)a[2]);
    case 22:
        return calls->object_signal((zx_handle_t)a[0], (zx_signals_t)a[1], (zx_signals_t)a[2]);
    case 23:
        return calls->object_signal_peer((zx_handle_t)a[0], (zx_signals_t)a[1],
            (zx_signals_t)a[2]);
    case 24:
        return calls->event_create((uint32_t)a[0], (zx_handle_t*)(uintptr_t)a[1]);
    case 25:
        return calls->channel_create((uint32_t)a[0], (zx_handle_t*)(uintptr_t)a[1],
            (zx_handle_t*)(uintptr_t)a[2]);
    case 26:
        return calls->port_create((uint32_t)a[0], (zx_handle_t*)(uintptr_t)a[1]);
    case 27:
        return calls->channel_write((zx_handle_t)a[0], (uint32_t)a[1],
            (const void*)(uintptr_t)a[2], (uint32_t)a[3], (const zx_handle_t*)(uintptr_t)a[4],
            (uint32_t)a[5]);
    case 28:
        return calls->channel_read((zx_handle_t)a[0], (uint32_t)a[1], (void*)(uintptr_t)a[2],
            (zx_handle_t*)(uintptr_t)a[3], (uint32_t)a[4], (uint32_t)a[5],
            (uint32_t*)(uintptr_t)a[6], (uint32_t*)(uintptr_t)a[7]);
    default:
        return BAD_SYSCALL;
    }
}
/* Made from the table of calls: end. */

static int do_hello(struct cursor* request) {
    const struct agent_environment* place = port->environment;
    size_t length = 79 + text_length(place->edition) + text_length(place->name);
    uint64_t flags = 0;
    (void)take_number(request, 4);
    if (!fits(request, length)) {
        return 0;
    }
    if (port->limit_memory != NULL && port->fail_allocation != NULL) {
        flags |= 1;
    }
    if (port->reset != NULL) {
        flags |= 2;
    }
    append(HELLO + RESULT, 1);
    append(VERSION, 4);
    append(PAYLOAD, 4);
    append(PAGE_SIZE, 4);
    append(calls_present(port->calls), 8);
    append(flags, 4);
    append(place->arena, 8);
    append(place->arena_length, 8);
    append(place->unmapped, 8);
    append(place->read_only, 8);
    append(place->kernel, 8);
    append(place->root_vmar, 4);
    append(place->process, 4);
    append(place->observed_process, 4);
    append_text(place->edition);
    append_text(place->name);
    return 1;
}

/* The bytes of the arena at an address; NULL and the first wrong address if not all are there. */
static volatile uint8_t* in_arena(uint64_t address, uint64_t length, uint64_t* wrong) {
    uint64_t base = port->environment->arena;
    uint64_t size = port->environment->arena_length;
    if (address >= base && length <= size && address - base <= size - length) {
        return (volatile uint8_t*)(uintptr_t)address;
    }
    *wrong = address >= base && address - base < size ? base + size : address;
    return NULL;
}

static int do_put(struct cursor* request) {
    uint64_t address = take_number(request, 8);
    size_t length = (size_t)take_number(request, 4);
    const uint8_t* bytes = take(request, length);
    volatile uint8_t* arena;
    if (!fits(request, 2)) {
        return 0;
    }
    arena = in_arena(address, length, &address);
    if (arena == NULL) {
        return faulted(request, PUT, address);
    }
    copy(arena, bytes, length);
    return all_well(PUT);
}

static int do_fill(struct cursor* request) {
    uint64_t address = take_number(request, 8);
    size_t length = (size_t)take_number(request, 4);
    uint8_t byte = (uint8_t)take_number(request, 1);
    volatile uint8_t* arena;
    size_t i;
    if (!fits(request, 2)) {
        return 0;
    }
    arena = in_arena(address, length, &address);
    if (arena == NULL) {
        return faulted(request, FILL, address);
    }
    for (i = 0; i < length; i++) {
        arena[i] = byte;
    }
    return all_well(FILL);
}

static int do_get(struct cursor* request) {
    uint64_t address = take_number(request, 8);
    size_t length = (size_t)take_number(request, 4);
    volatile uint8_t* arena;
    if (length > PAYLOAD || !fits(request, 2 + length)) {
        return 0;
    }
    arena = in_arena(address, length, &address);
    if (arena == NULL) {
        return faulted(request, GET, address);
    }
    (void)all_well(GET);
    copy(output + HEADER + used, arena, length);
    used += length;
    return 1;
}

static int do_call(struct cursor* request) {
    uint64_t number = take_number(request, 1);
    uint64_t count = take_number(request, 1);
    uint64_t arguments[ARGUMENTS];
    zx_status_t status;
    size_t i;
    if (count > ARGUMENTS || (number < AGENT_CALLS && count < arguments_of_call[number])) {
        return 0;
    }
    for (i = 0; i < count; i++) {
        arguments[i] = take_value(request);
    }
    if (!fits(request, 5)) {
        return 0;
    }
    status = call(port->calls, number, arguments);
    append(CALL + RESULT, 1);
    append((uint32_t)status, 4);
    return 1;
}

static int do_keep(struct cursor* request) {
    uint64_t slot = take_number(request, 1);
    uint64_t size = take_number(request, 1);
    uint64_t address = take_number(request, 8);
    volatile uint8_t* arena;
    if (slot >= SLOTS || (size != 4 && size != 8) || !fits(request, 2)) {
        return 0;
    }
    arena = in_arena(address, size, &address);
    if (arena == NULL) {
        return faulted(request, KEEP, address);
    }
    slots[slot] = load_number(arena, (size_t)size);
    return all_well(KEEP);
}

/* On machines that demand it, the compiler divides accesses that are not aligned. */
#ifdef __GNUC__
#define ONE_ACCESS __attribute__((packed, may_alias))
#else
#define ONE_ACCESS
#endif
struct bytes2 { uint16_t all; } ONE_ACCESS;
struct bytes4 { uint32_t all; } ONE_ACCESS;
struct bytes8 { uint64_t all; } ONE_ACCESS;

void agent_access(uint64_t address, void* bytes, size_t length, int is_store) {
    volatile void* at = (volatile void*)(uintptr_t)address;
    switch (length) {
    case 2:
        if (is_store) {
            ((volatile struct bytes2*)at)->all = ((struct bytes2*)bytes)->all;
        } else {
            ((struct bytes2*)bytes)->all = ((volatile struct bytes2*)at)->all;
        }
        break;
    case 4:
        if (is_store) {
            ((volatile struct bytes4*)at)->all = ((struct bytes4*)bytes)->all;
        } else {
            ((struct bytes4*)bytes)->all = ((volatile struct bytes4*)at)->all;
        }
        break;
    case 8:
        if (is_store) {
            ((volatile struct bytes8*)at)->all = ((struct bytes8*)bytes)->all;
        } else {
            ((struct bytes8*)bytes)->all = ((volatile struct bytes8*)at)->all;
        }
        break;
    default:
        if (is_store) {
            copy((volatile uint8_t*)at, (const uint8_t*)bytes, length);
        } else {
            copy((uint8_t*)bytes, (volatile uint8_t*)at, length);
        }
        break;
    }
}

/* Answers 0 and the address if the access faulted. */
static int accessed(uint64_t* address, void* bytes, size_t length, int is_store) {
    uint64_t end = *address + length;
    if (length == 0) {
        return 1;
    }
    if (end < *address) {
        return 0;
    }
#if UINTPTR_MAX < UINT64_MAX
    /* What no pointer can hold is not there. */
    if (end > UINTPTR_MAX) {
        return 0;
    }
#endif
    if (port->access == NULL) {
        agent_access(*address, bytes, length, is_store);
        return 1;
    }
    return !port->access(*address, bytes, length, is_store, address);
}

static int do_load(struct cursor* request) {
    uint64_t address = take_value(request);
    size_t length = (size_t)take_number(request, 4);
    if (length > PAYLOAD || !fits(request, 2 + length)) {
        return 0;
    }
    if (!accessed(&address, output + HEADER + used + 2, length, 0)) {
        return faulted(request, LOAD, address);
    }
    (void)all_well(LOAD);
    used += length;
    return 1;
}

static int do_store(struct cursor* request) {
    uint64_t address = take_value(request);
    size_t length = (size_t)take_number(request, 4);
    uint8_t* bytes = take(request, length);
    /* Asked first, as a store cannot be taken back. */
    if (!fits(request, 10)) {
        return 0;
    }
    if (!accessed(&address, bytes, length, 1)) {
        return faulted(request, STORE, address);
    }
    return all_well(STORE);
}

static int do_clock(struct cursor* request) {
    if (!fits(request, 9)) {
        return 0;
    }
    append(CLOCK + RESULT, 1);
    append(port->clock == NULL ? 0 : port->clock(), 8);
    return 1;
}

static int do_control(struct cursor* request, unsigned code, int (*control)(uint64_t)) {
    uint64_t number = take_number(request, 8);
    if (!fits(request, 2)) {
        return 0;
    }
    return done_if(control != NULL && control(number), code);
}

static int do_reset(struct cursor* request) {
    size_t i;
    if (!fits(request, 2)) {
        return 0;
    }
    if (port->reset == NULL || !port->reset()) {
        return done_if(0, RESET);
    }
    for (i = 0; i < SLOTS; i++) {
        *(volatile uint64_t*)&slots[i] = 0;
    }
    return done_if(1, RESET);
}

static int do_operation(struct cursor* request) {
    switch (take_number(request, 1)) {
    case HELLO:
        return do_hello(request);
    case PUT:
        return do_put(request);
    case FILL:
        return do_fill(request);
    case GET:
        return do_get(request);
    case CALL:
        return do_call(request);
    case KEEP:
        return do_keep(request);
    case LOAD:
        return do_load(request);
    case STORE:
        return do_store(request);
    case CLOCK:
        return do_clock(request);
    case LIMIT_MEMORY:
        return do_control(request, LIMIT_MEMORY, port->limit_memory);
    case FAIL_ALLOCATION:
        return do_control(request, FAIL_ALLOCATION, port->fail_allocation);
    case RESET:
        return do_reset(request);
    default:
        return 0;
    }
}

void agent_serve(const struct agent_port* served) {
    uint8_t* payload;
    uint32_t sequence;
    size_t length;
    port = served;
    input_start = 0;
    input_end = 0;
    output_length = 0;
    make_crc_table();
    while ((payload = next_request(&sequence, &length)) != NULL) {
        if (output_length == 0 || sequence != output_sequence) {
            struct cursor request;
            request.at = payload;
            request.left = length;
            request.bad = 0;
            used = 0;
            while (request.left > 0) {
                if (!do_operation(&request)) {
                    append(REFUSED, 1);
                    break;
                }
            }
            finish_answer(sequence);
        }
        agent_send(output, output_length);
    }
}
