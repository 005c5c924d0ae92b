/* A kernel that has VMOs and nothing else. */
#ifndef KERNEL_H
#define KERNEL_H

#include <stddef.h>
#include <stdint.h>

/* Copies from and to user memory; answer 0 if not all of it can be accessed. */
int copy_from_user(void* to, uint64_t from, size_t length);
int copy_to_user(uint64_t to, const void* from, size_t length);

int32_t zx_vmo_create(uint64_t size, uint32_t options, uint32_t* out);
int32_t zx_vmo_read(uint32_t handle, void* buffer, uint64_t offset, size_t length);
int32_t zx_vmo_write(uint32_t handle, const void* buffer, uint64_t offset, size_t length);
int32_t zx_vmo_get_size(uint32_t handle, uint64_t* size);
int32_t zx_vmo_set_size(uint32_t handle, uint64_t size);
int32_t zx_handle_close(uint32_t handle);

#endif
