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
