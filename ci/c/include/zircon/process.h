// Made by `vmo-conformance export --headers` from its table of system calls.

#pragma once

#include <zircon/types.h>

#ifdef __cplusplus
extern "C" {
#endif

zx_handle_t zx_process_self(void);
zx_handle_t zx_vmar_root_self(void);

#ifdef __cplusplus
}
#endif
