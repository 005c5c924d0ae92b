//! Loads and stores that may fault.
//!
//! All of them are made by one routine in assembly. When one faults, the
//! handler lets the routine go on at a place where it returns, with the address
//! that the host told.

#![allow(unsafe_code)]

use std::arch::global_asm;
use std::io;
use std::mem::zeroed;
use std::ptr;
use std::sync::{Mutex, OnceLock, PoisonError};

use vmo_abi::{Fault, ZX_PAGE_SIZE, zx_vaddr_t};

// `vmo_host_copy(to, from, len)`: 1, 2, 4 and 8 bytes are one access on either
// side, other lengths go upward byte by byte. `rcx` is what is left to do, of an
// access in one piece all of it. The handler enters at `vmo_host_copy_faulted`
// with the address in `rax`.
#[cfg(target_arch = "x86_64")]
global_asm!(
    ".pushsection .text.vmo_host_copy, \"ax\", @progbits",
    ".globl vmo_host_copy, vmo_host_copy_faulted, vmo_host_copy_end",
    ".hidden vmo_host_copy, vmo_host_copy_faulted, vmo_host_copy_end",
    ".type vmo_host_copy, @function",
    "vmo_host_copy:",
    ".cfi_startproc",
    "mov rcx, rdx",
    "cmp rcx, 1",
    "je 21f",
    "cmp rcx, 2",
    "je 22f",
    "cmp rcx, 4",
    "je 24f",
    "cmp rcx, 8",
    "je 28f",
    "rep movsb",
    "20:",
    "xor eax, eax",
    "xor edx, edx",
    "ret",
    "21:",
    "mov al, byte ptr [rsi]",
    "mov byte ptr [rdi], al",
    "jmp 20b",
    "22:",
    "mov ax, word ptr [rsi]",
    "mov word ptr [rdi], ax",
    "jmp 20b",
    "24:",
    "mov eax, dword ptr [rsi]",
    "mov dword ptr [rdi], eax",
    "jmp 20b",
    "28:",
    "mov rax, qword ptr [rsi]",
    "mov qword ptr [rdi], rax",
    "jmp 20b",
    "vmo_host_copy_faulted:",
    "mov rdx, rcx",
    "ret",
    ".cfi_endproc",
    "vmo_host_copy_end:",
    ".size vmo_host_copy, . - vmo_host_copy",
    ".popsection",
);

// As above, with what is left in `x2` and the address in `x0`.
#[cfg(target_arch = "aarch64")]
global_asm!(
    ".pushsection .text.vmo_host_copy, \"ax\", @progbits",
    ".globl vmo_host_copy, vmo_host_copy_faulted, vmo_host_copy_end",
    ".hidden vmo_host_copy, vmo_host_copy_faulted, vmo_host_copy_end",
    ".type vmo_host_copy, @function",
    ".balign 4",
    "vmo_host_copy:",
    ".cfi_startproc",
    "cmp x2, #1",
    "b.eq 21f",
    "cmp x2, #2",
    "b.eq 22f",
    "cmp x2, #4",
    "b.eq 24f",
    "cmp x2, #8",
    "b.eq 28f",
    "cbz x2, 20f",
    "29:",
    "ldrb w3, [x1], #1",
    "strb w3, [x0], #1",
    "subs x2, x2, #1",
    "b.ne 29b",
    "20:",
    "mov x0, #0",
    "mov x1, #0",
    "ret",
    "21:",
    "ldrb w3, [x1]",
    "strb w3, [x0]",
    "b 20b",
    "22:",
    "ldrh w3, [x1]",
    "strh w3, [x0]",
    "b 20b",
    "24:",
    "ldr w3, [x1]",
    "str w3, [x0]",
    "b 20b",
    "28:",
    "ldr x3, [x1]",
    "str x3, [x0]",
    "b 20b",
    "vmo_host_copy_faulted:",
    "mov x1, x2",
    "ret",
    ".cfi_endproc",
    "vmo_host_copy_end:",
    ".size vmo_host_copy, . - vmo_host_copy",
    ".popsection",
);

/// What a copy came to.
#[repr(C)]
struct Copied {
    /// The address that the host told, if it faulted.
    told: u64,
    /// Bytes that were not copied; 0 if it did not fault.
    left: u64,
}

unsafe extern "C" {
    fn vmo_host_copy(to: u64, from: u64, len: u64) -> Copied;
    static vmo_host_copy_faulted: u8;
    static vmo_host_copy_end: u8;
}

/// Loads from any address of the process. The handler must be installed.
pub(crate) fn load(address: zx_vaddr_t, bytes: &mut [u8]) -> Result<(), Fault> {
    let len = bytes.len() as u64;
    // SAFETY: `bytes` can be written, and a load from elsewhere that faults is
    // recovered from; the routine keeps to the C calling convention.
    let copied = unsafe { vmo_host_copy(bytes.as_mut_ptr() as u64, address, len) };
    result(address, len, &copied)
}

/// Stores to any address of the process. The handler must be installed.
pub(crate) fn store(address: zx_vaddr_t, bytes: &[u8]) -> Result<(), Fault> {
    let len = bytes.len() as u64;
    // SAFETY: `bytes` can be read, and a store that faults is recovered from. A
    // tester stores in its arena, in the mappings that its calls made, and where
    // nobody can; none of that is memory that Rust uses.
    let copied = unsafe { vmo_host_copy(address, bytes.as_ptr() as u64, len) };
    result(address, len, &copied)
}

fn result(address: zx_vaddr_t, len: u64, copied: &Copied) -> Result<(), Fault> {
    if copied.left == 0 {
        return Ok(());
    }
    // Where the access stood. The host tells another address if the first bytes
    // can be accessed and a page behind them cannot, and none at all, or one
    // without its upper bits, for addresses that no process has.
    let at = address.wrapping_add(len - copied.left);
    let told = copied.told;
    if told < at || told - at >= copied.left {
        return Err(Fault { address: at });
    }
    Err(Fault { address: at.max(told - told % ZX_PAGE_SIZE) })
}

/// The handlers that were installed before ours.
struct Previous {
    segv: libc::sigaction,
    bus: libc::sigaction,
}

// SAFETY: the records hold addresses of functions and masks, which any thread
// may use.
unsafe impl Send for Previous {}
// SAFETY: as above; they are never changed once set.
unsafe impl Sync for Previous {}

static PREVIOUS: OnceLock<Previous> = OnceLock::new();

/// Makes two threads that install at once take turns.
static INSTALLED: Mutex<bool> = Mutex::new(false);

/// Installs the handler, once in the life of the process.
///
/// # Errors
///
/// The host refused.
pub(crate) fn install() -> io::Result<()> {
    let mut installed = INSTALLED.lock().unwrap_or_else(PoisonError::into_inner);
    if *installed {
        return Ok(());
    }
    // They are known before ours can run.
    let previous = Previous { segv: present(libc::SIGSEGV)?, bus: present(libc::SIGBUS)? };
    PREVIOUS.get_or_init(|| previous);
    // SAFETY: all zeros is a valid record.
    let mut action: libc::sigaction = unsafe { zeroed() };
    let handler: extern "C" fn(i32, *mut libc::siginfo_t, *mut libc::c_void) = handle;
    action.sa_sigaction = handler as usize;
    // Rust notices the overflow of a stack in a handler with a stack of its own,
    // and ours hands on to it; it is small enough for that in any build.
    action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
    for signal in [libc::SIGSEGV, libc::SIGBUS] {
        // SAFETY: the handler has the signature that SA_SIGINFO asks for.
        if unsafe { libc::sigaction(signal, &action, ptr::null_mut()) } != 0 {
            return Err(io::Error::last_os_error());
        }
    }
    *installed = true;
    Ok(())
}

fn present(signal: i32) -> io::Result<libc::sigaction> {
    // SAFETY: all zeros is a valid record.
    let mut action: libc::sigaction = unsafe { zeroed() };
    // SAFETY: reads the present handler into a record of ours.
    let result = unsafe { libc::sigaction(signal, ptr::null(), &mut action) };
    if result == 0 { Ok(action) } else { Err(io::Error::last_os_error()) }
}

extern "C" fn handle(signal: i32, info: *mut libc::siginfo_t, context: *mut libc::c_void) {
    // SAFETY: with SA_SIGINFO the host passes valid records.
    let (info_ref, context_ref) = unsafe { (&*info, &mut *context.cast::<libc::ucontext_t>()) };
    let is_sent = info_ref.si_code <= 0;
    // SAFETY: for these two signals the record has an address.
    let told = unsafe { info_ref.si_addr() } as u64;
    if is_sent || !recover(told, context_ref) {
        hand_on(signal, is_sent, info, context);
    }
}

/// Lets the routine go on where it returns, if it is what faulted.
fn recover(told: u64, context: &mut libc::ucontext_t) -> bool {
    let start = vmo_host_copy as *const () as u64;
    let faulted = &raw const vmo_host_copy_faulted as u64;
    let end = &raw const vmo_host_copy_end as u64;
    let (at, result) = registers(context);
    if *at < start || *at >= end {
        return false;
    }
    *at = faulted;
    *result = told;
    true
}

/// Where the thread stands, and its first register for results.
#[cfg(target_arch = "x86_64")]
fn registers(context: &mut libc::ucontext_t) -> (&mut u64, &mut u64) {
    let registers = &mut context.uc_mcontext.gregs;
    let at = registers.as_mut_ptr().cast::<u64>();
    // SAFETY: both indices lie in the array, are different, and the registers
    // have 64 bits, signed or not.
    unsafe { (&mut *at.add(libc::REG_RIP as usize), &mut *at.add(libc::REG_RAX as usize)) }
}

/// Where the thread stands, and its first register for results.
#[cfg(target_arch = "aarch64")]
fn registers(context: &mut libc::ucontext_t) -> (&mut u64, &mut u64) {
    let machine = &mut context.uc_mcontext;
    (&mut machine.pc, &mut machine.regs[0])
}

/// Does what would have happened without us.
fn hand_on(signal: i32, is_sent: bool, info: *mut libc::siginfo_t, context: *mut libc::c_void) {
    let Some(previous) = PREVIOUS.get() else { return };
    let previous = if signal == libc::SIGBUS { &previous.bus } else { &previous.segv };
    match previous.sa_sigaction {
        libc::SIG_IGN if is_sent => {}
        libc::SIG_DFL | libc::SIG_IGN => {
            // SAFETY: puts the previous handler back. The access is then done
            // again and ends the process in the ordinary way; a signal that was
            // sent is sent again, and comes when this handler returns.
            unsafe {
                libc::sigaction(signal, previous, ptr::null_mut());
                if is_sent {
                    libc::raise(signal);
                }
            }
        }
        handler if previous.sa_flags & libc::SA_SIGINFO != 0 => {
            // SAFETY: the flag says that the handler has this signature.
            let handler: extern "C" fn(i32, *mut libc::siginfo_t, *mut libc::c_void) =
                unsafe { std::mem::transmute(handler) };
            handler(signal, info, context);
        }
        handler => {
            // SAFETY: without the flag the handler has this signature.
            let handler: extern "C" fn(i32) = unsafe { std::mem::transmute(handler) };
            handler(signal);
        }
    }
}
