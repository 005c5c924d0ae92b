#define _DEFAULT_SOURCE

#include "line.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "agent.h"

static int input = -1;
static int output = -1;

static int failed(const char* what) {
    perror(what);
    return 0;
}

int line_stdio(void) {
    int null = open("/dev/null", O_RDONLY);
    input = dup(0);
    output = dup(1);
    if (null < 0 || input < 0 || output < 0 || dup2(null, 0) < 0 || dup2(2, 1) < 0) {
        return failed("standard input and output");
    }
    close(null);
    return 1;
}

int line_terminal(const char* path) {
    struct termios how;
    input = open(path, O_RDWR | O_NOCTTY);
    output = input;
    if (input < 0 || tcgetattr(input, &how) != 0) {
        return failed(path);
    }
    cfmakeraw(&how);
    cfsetspeed(&how, B115200);
    how.c_cflag |= CLOCAL | CREAD;
    how.c_cc[VMIN] = 1;
    how.c_cc[VTIME] = 0;
    return tcsetattr(input, TCSANOW, &how) == 0 || failed(path);
}

/* Shared memory, as conformance/PROTOCOL.md describes it. Words, not bytes. */

#define MAGIC 0
#define LAYOUT 1
#define RING_LENGTH 2
#define GENERATION 3
#define ANSWERED 4
#define TESTER_PUT 16
#define AGENT_TAKEN 32
#define AGENT_PUT 48
#define TESTER_TAKEN 64
#define RINGS 4096u

static uint32_t* words;
static size_t memory_length;
static uint32_t ring_length;
static uint32_t generation;
static uint32_t put;
static uint32_t taken;

static uint32_t look(unsigned word) { return __atomic_load_n(words + word, __ATOMIC_ACQUIRE); }

static void tell(unsigned word, uint32_t value) {
    __atomic_store_n(words + word, value, __ATOMIC_RELEASE);
}

/* Waits a moment; the longer nothing has happened, the longer. */
static void wait_a_moment(unsigned* turn) {
    struct timespec moment = {0, 50000};
    *turn += 1;
    if (*turn < 100) {
#if defined(__x86_64__) || defined(__i386__)
        __builtin_ia32_pause();
#endif
    } else if (*turn < 20000) {
        sched_yield();
    } else {
        moment.tv_nsec *= *turn < 30000 ? 1 : 20;
        nanosleep(&moment, NULL);
    }
}

static int map_memory(int file, const char* path) {
    struct stat status;
    void* at;
    if (fstat(file, &status) != 0) {
        return failed(path);
    }
    memory_length = (size_t)status.st_size;
    at = mmap(NULL, memory_length, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    close(file);
    if (at == MAP_FAILED) {
        return failed(path);
    }
    words = at;
    fputs("agent: waiting in shared memory\n", stderr);
    return line_begins_anew();
}

int line_memory(const char* path) {
    struct stat status;
    int file = open(path, O_RDWR | O_CREAT, 0600);
    if (file < 0 || fstat(file, &status) != 0) {
        return failed(path);
    }
    if (status.st_size == 0 && ftruncate(file, (off_t)RINGS + 2 * (1 << 17)) != 0) {
        return failed(path);
    }
    return map_memory(file, path);
}

/* Whether a file of a PCI device says what it should. */
static int says(const char* device, const char* file, const char* expected) {
    char path[512];
    char text[16] = "";
    FILE* opened;
    snprintf(path, sizeof path, "/sys/bus/pci/devices/%s/%s", device, file);
    opened = fopen(path, "r");
    if (opened == NULL) {
        return 0;
    }
    if (fgets(text, sizeof text, opened) == NULL) {
        text[0] = 0;
    }
    fclose(opened);
    return strncmp(text, expected, strlen(expected)) == 0;
}

int line_ivshmem(void) {
    DIR* devices = opendir("/sys/bus/pci/devices");
    struct dirent* device;
    char path[512];
    int file;
    while (devices != NULL && (device = readdir(devices)) != NULL) {
        if (!says(device->d_name, "vendor", "0x1af4") || !says(device->d_name, "device", "0x1110")) {
            continue;
        }
        /* The device answers at its addresses only after this. */
        snprintf(path, sizeof path, "/sys/bus/pci/devices/%s/enable", device->d_name);
        file = open(path, O_WRONLY);
        if (file < 0 || write(file, "1", 1) != 1) {
            return failed(path);
        }
        close(file);
        snprintf(path, sizeof path, "/sys/bus/pci/devices/%s/resource2", device->d_name);
        file = open(path, O_RDWR);
        closedir(devices);
        return file < 0 ? failed(path) : map_memory(file, path);
    }
    fputs("there is no ivshmem device\n", stderr);
    return 0;
}

int line_begins_anew(void) {
    unsigned turn = 0;
    uint32_t length;
    if (words == NULL) {
        return 0;
    }
    for (;;) {
        generation = look(GENERATION);
        length = look(RING_LENGTH);
        if (look(MAGIC) == 0x534f4d56 && look(LAYOUT) == 1 && generation != look(ANSWERED)
            && length != 0 && (length & (length - 1)) == 0
            && length <= (memory_length - RINGS) / 2) {
            break;
        }
        wait_a_moment(&turn);
    }
    ring_length = length;
    put = 0;
    taken = 0;
    tell(AGENT_PUT, put);
    tell(AGENT_TAKEN, taken);
    tell(ANSWERED, generation);
    return 1;
}

/* Copies from or to a ring, beginning with the byte of that number. */
static void copy(uint8_t* ring, uint32_t number, uint8_t* bytes, size_t length, int is_put) {
    size_t start = number & (ring_length - 1);
    size_t first = length < ring_length - start ? length : ring_length - start;
    if (is_put) {
        memcpy(ring + start, bytes, first);
        memcpy(ring, bytes + first, length - first);
    } else {
        memcpy(bytes, ring + start, first);
        memcpy(bytes + first, ring, length - first);
    }
}

static size_t receive_by_memory(void* bytes, size_t length) {
    uint32_t available;
    unsigned turn = 0;
    for (;;) {
        available = look(TESTER_PUT) - taken;
        if (look(GENERATION) != generation) {
            return 0;
        }
        if (available != 0 && available <= ring_length) {
            break;
        }
        wait_a_moment(&turn);
    }
    length = length < available ? length : available;
    copy((uint8_t*)words + RINGS, taken, bytes, length, 0);
    taken += (uint32_t)length;
    tell(AGENT_TAKEN, taken);
    return length;
}

static void send_by_memory(const uint8_t* bytes, size_t length) {
    unsigned turn = 0;
    while (length > 0) {
        uint32_t room = ring_length - (put - look(TESTER_TAKEN));
        size_t part = length < room ? length : room;
        /* A tester that begins anew does not want the rest. */
        if (look(GENERATION) != generation) {
            return;
        }
        if (room == 0 || room > ring_length) {
            wait_a_moment(&turn);
            continue;
        }
        copy((uint8_t*)words + RINGS + ring_length, put, (uint8_t*)(uintptr_t)bytes, part, 1);
        put += (uint32_t)part;
        tell(AGENT_PUT, put);
        bytes += part;
        length -= part;
        turn = 0;
    }
}

/* Waits until a file is ready; answers 0 if it never will be. */
static int ready(int file, short events) {
    struct pollfd what = {.fd = file, .events = events};
    return errno == EINTR || (errno == EAGAIN && poll(&what, 1, -1) > 0);
}

size_t agent_receive(void* bytes, size_t length) {
    ssize_t received;
    if (words != NULL) {
        return receive_by_memory(bytes, length);
    }
    do {
        received = read(input, bytes, length);
    } while (received < 0 && ready(input, POLLIN));
    return received <= 0 ? 0 : (size_t)received;
}

void agent_send(const void* bytes, size_t length) {
    const uint8_t* next = bytes;
    if (words != NULL) {
        send_by_memory(next, length);
        return;
    }
    while (length > 0) {
        ssize_t sent = write(output, next, length);
        if (sent < 0 && !ready(output, POLLOUT)) {
            /* The next attempt to receive finds the end, too. */
            return;
        }
        if (sent > 0) {
            next += sent;
            length -= (size_t)sent;
        }
    }
}
