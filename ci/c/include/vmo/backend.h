// What a tester asks of a library besides the system calls. Each function is
// optional; a test that needs one that is not there is reported as unsupported.

#pragma once

#include <stdint.h>

#include <zircon/types.h>

#ifdef __cplusplus
extern "C" {
#endif

// A handle to a process for which ZX_INFO_PROCESS_VMOS lists the VMOs of this
// process, which cannot ask that about itself.
zx_handle_t vmo_backend_observed_process(void);

// Limits the pages that can be committed from now on, in all. UINT64_MAX takes
// the limit away.
void vmo_backend_set_memory_limit(uint64_t pages);

// Makes the nth allocation from now fail, once; 1 is the next one. 0 takes an
// order back.
void vmo_backend_fail_allocation(uint64_t nth);

// Goes back to the state at the start: no handle and no mapping is left. No call
// is under way meanwhile.
void vmo_backend_reset(void);

#ifdef __cplusplus
}
#endif
