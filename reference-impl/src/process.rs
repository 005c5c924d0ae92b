//! The process's own memory as memory of user code.
//!
//! Whether a byte can be accessed is found out by touching it. That is done by
//! two routines in assembly, which the handler for faults lets go on at a place
//! where they say no.
//!
//! This is one of the three modules that touch memory through pointers.

#![allow(unsafe_code)]

use vmo_abi::zx_vaddr_t;

use crate::memory::Access;

/// Whether the routines are there for this host.
pub(crate) const IS_SUPPORTED: bool = cfg!(any(target_arch = "x86_64", target_arch = "aarch64"));

// A load, and a store of what is there in one step that no other thread sees.
#[cfg(target_arch = "x86_64")]
std::arch::global_asm!(
    ".pushsection .text.vmo_reference_touch, \"ax\", @progbits",
    ".globl vmo_reference_touch_load, vmo_reference_touch_store",
    ".hidden vmo_reference_touch_load, vmo_reference_touch_store",
    ".globl vmo_reference_touch_faulted, vmo_reference_touch_end",
    ".hidden vmo_reference_touch_faulted, vmo_reference_touch_end",
    ".cfi_startproc",
    "vmo_reference_touch_load:",
    "mov al, byte ptr [rdi]",
    "mov eax, 1",
    "ret",
    "vmo_reference_touch_store:",
    "lock or byte ptr [rdi], 0",
    "mov eax, 1",
    "ret",
    "vmo_reference_touch_faulted:",
    "xor eax, eax",
    "ret",
    "vmo_reference_touch_end:",
    ".cfi_endproc",
    ".popsection",
);

#[cfg(target_arch = "aarch64")]
std::arch::global_asm!(
    ".pushsection .text.vmo_reference_touch, \"ax\", @progbits",
    ".globl vmo_reference_touch_load, vmo_reference_touch_store",
    ".hidden vmo_reference_touch_load, vmo_reference_touch_store",
    ".globl vmo_reference_touch_faulted, vmo_reference_touch_end",
    ".hidden vmo_reference_touch_faulted, vmo_reference_touch_end",
    ".balign 4",
    ".cfi_startproc",
    "vmo_reference_touch_load:",
    "ldrb w1, [x0]",
    "mov w0, #1",
    "ret",
    "vmo_reference_touch_store:",
    "ldxrb w1, [x0]",
    "stxrb w2, w1, [x0]",
    "cbnz w2, vmo_reference_touch_store",
    "mov w0, #1",
    "ret",
    "vmo_reference_touch_faulted:",
    "mov w0, #0",
    "ret",
    "vmo_reference_touch_end:",
    ".cfi_endproc",
    ".popsection",
);

#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
unsafe extern "C" {
    fn vmo_reference_touch_load(address: u64) -> u32;
    fn vmo_reference_touch_store(address: u64) -> u32;
    static vmo_reference_touch_faulted: u8;
    static vmo_reference_touch_end: u8;
}

/// Whether the process can access a byte of its memory. The handler for faults
/// must be installed.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
pub(crate) fn can_access(address: zx_vaddr_t, access: Access) -> bool {
    // SAFETY: neither routine changes memory, and a fault is recovered from.
    let answer = unsafe {
        match access {
            Access::Read => vmo_reference_touch_load(address),
            Access::Write => vmo_reference_touch_store(address),
        }
    };
    answer != 0
}

/// Whether the process can access a byte of its memory.
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
pub(crate) fn can_access(_address: zx_vaddr_t, _access: Access) -> bool {
    false
}

/// Lets a routine say no, if it is what faulted. Takes no lock: the thread may
/// hold any.
pub(crate) fn recover(context: *mut libc::c_void) -> bool {
    #[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
    {
        // SAFETY: the host passes a valid context.
        let context = unsafe { &mut (*context.cast::<libc::ucontext_t>()).uc_mcontext };
        #[cfg(target_arch = "x86_64")]
        let at = &mut context.gregs[libc::REG_RIP as usize];
        #[cfg(target_arch = "aarch64")]
        let at = &mut context.pc;
        let start = vmo_reference_touch_load as *const () as u64;
        let end = &raw const vmo_reference_touch_end as u64;
        if (start..end).contains(&(*at as u64)) {
            *at = (&raw const vmo_reference_touch_faulted as u64) as _;
            return true;
        }
    }
    let _ = context;
    false
}
