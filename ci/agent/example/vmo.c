/* VMOs: a size, and those pages that are not all zeros. */
#include "kernel.h"

#define OK 0
#define NO_MEMORY (-4)
#define INVALID_ARGS (-10)
#define BAD_HANDLE (-11)
#define OUT_OF_RANGE (-14)

#define PAGE 4096u
#define PAGES 8192u
#define VMOS 1024u
#define LARGEST (UINT64_MAX / PAGE * PAGE)

struct page {
    uint8_t bytes[PAGE];
};

/* What is known of a page of memory; the first is none. */
struct frame {
    uint64_t index;
    uint32_t next;
};

struct vmo {
    uint64_t size;
    uint32_t first;
    uint32_t handle;
};

static struct page pages[PAGES];
static struct frame frames[PAGES];
static struct vmo vmos[VMOS];
static uint32_t free_frames;
static uint32_t fresh_frames = 1;
static uint32_t handles;

static struct vmo* find(uint32_t handle) {
    struct vmo* vmo = &vmos[(handle >> 2) % VMOS];
    return handle != 0 && vmo->handle == handle ? vmo : NULL;
}

static struct page* find_page(const struct vmo* vmo, uint64_t index) {
    uint32_t frame;
    for (frame = vmo->first; frame != 0; frame = frames[frame].next) {
        if (frames[frame].index == index) {
            return &pages[frame];
        }
    }
    return NULL;
}

static struct page* add_page(struct vmo* vmo, uint64_t index) {
    uint32_t frame = free_frames;
    size_t i;
    if (frame != 0) {
        free_frames = frames[frame].next;
    } else if (fresh_frames < PAGES) {
        frame = fresh_frames++;
    } else {
        return NULL;
    }
    for (i = 0; i < PAGE; i++) {
        ((volatile uint8_t*)pages[frame].bytes)[i] = 0;
    }
    frames[frame].index = index;
    frames[frame].next = vmo->first;
    vmo->first = frame;
    return &pages[frame];
}

/* Gives back the pages from an index on. */
static void cut(struct vmo* vmo, uint64_t index) {
    uint32_t* link = &vmo->first;
    while (*link != 0) {
        uint32_t frame = *link;
        if (frames[frame].index >= index) {
            *link = frames[frame].next;
            frames[frame].next = free_frames;
            free_frames = frame;
        } else {
            link = &frames[frame].next;
        }
    }
}

int32_t zx_vmo_create(uint64_t size, uint32_t options, uint32_t* out) {
    uint32_t tries;
    if (options != 0) {
        return INVALID_ARGS;
    }
    if (size > LARGEST) {
        return OUT_OF_RANGE;
    }
    for (tries = 0; tries < VMOS; tries++) {
        uint32_t handle = ++handles << 2 | 3;
        struct vmo* vmo = &vmos[handles % VMOS];
        if (vmo->handle != 0) {
            continue;
        }
        if (!copy_to_user((uintptr_t)out, &handle, sizeof handle)) {
            return INVALID_ARGS;
        }
        vmo->handle = handle;
        vmo->size = (size + PAGE - 1) / PAGE * PAGE;
        return OK;
    }
    return NO_MEMORY;
}

/* What vmo_read and vmo_write have in common. */
static int32_t transfer(uint32_t handle, uint64_t user, uint64_t offset, size_t length, int write) {
    struct vmo* vmo = find(handle);
    if (vmo == NULL) {
        return BAD_HANDLE;
    }
    if (offset > vmo->size || length > vmo->size - offset) {
        return OUT_OF_RANGE;
    }
    while (length > 0) {
        static const struct page zeros;
        struct page* page = find_page(vmo, offset / PAGE);
        size_t start = (size_t)(offset % PAGE);
        size_t part = length < PAGE - start ? length : PAGE - start;
        int is_done;
        if (write && page == NULL) {
            page = add_page(vmo, offset / PAGE);
            if (page == NULL) {
                return NO_MEMORY;
            }
        }
        if (write) {
            is_done = copy_from_user(page->bytes + start, user, part);
        } else {
            is_done = copy_to_user(user, (page == NULL ? &zeros : page)->bytes + start, part);
        }
        if (!is_done) {
            return INVALID_ARGS;
        }
        user += part;
        offset += part;
        length -= part;
    }
    return OK;
}

int32_t zx_vmo_read(uint32_t handle, void* buffer, uint64_t offset, size_t length) {
    return transfer(handle, (uintptr_t)buffer, offset, length, 0);
}

int32_t zx_vmo_write(uint32_t handle, const void* buffer, uint64_t offset, size_t length) {
    return transfer(handle, (uintptr_t)buffer, offset, length, 1);
}

int32_t zx_vmo_get_size(uint32_t handle, uint64_t* size) {
    struct vmo* vmo = find(handle);
    if (vmo == NULL) {
        return BAD_HANDLE;
    }
    return copy_to_user((uintptr_t)size, &vmo->size, sizeof vmo->size) ? OK : INVALID_ARGS;
}

int32_t zx_vmo_set_size(uint32_t handle, uint64_t size) {
    struct vmo* vmo = find(handle);
    if (vmo == NULL) {
        return BAD_HANDLE;
    }
    if (size > LARGEST) {
        return OUT_OF_RANGE;
    }
    vmo->size = (size + PAGE - 1) / PAGE * PAGE;
    cut(vmo, vmo->size / PAGE);
    return OK;
}

int32_t zx_handle_close(uint32_t handle) {
    struct vmo* vmo = find(handle);
    if (vmo == NULL) {
        return BAD_HANDLE;
    }
    cut(vmo, 0);
    vmo->handle = 0;
    return OK;
}
