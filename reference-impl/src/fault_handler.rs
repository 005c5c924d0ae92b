//! Lets real pointers reach the mappings of reference machines.
//!
//! After [`install`] a program may load and store through the addresses that
//! `vmar_map` gives. A page is entered into the process at the first access to
//! it, copied or committed if the access is a store, and taken away again when
//! the VMO shows something else there. An access that the contract forbids is
//! handed on to the handler that was installed before, which by default ends
//! the process.
//!
//! This is one of the three modules that touch memory through pointers.

#![allow(unsafe_code)]

use std::io;
use std::ptr;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock, Weak};

use crate::memory::Access;
use crate::process;
use crate::reference::Shared;

/// The machines that live.
static MACHINES: RwLock<Vec<Weak<Shared>>> = RwLock::new(Vec::new());

/// The handler that was installed before ours.
static PREVIOUS: OnceLock<Previous> = OnceLock::new();

/// Makes two threads that install at once take turns.
static INSTALLING: Mutex<()> = Mutex::new(());

struct Previous(libc::sigaction);

// SAFETY: the record holds addresses of functions and a mask, which any thread
// may use.
unsafe impl Send for Previous {}
// SAFETY: as above; it is never changed once set.
unsafe impl Sync for Previous {}

pub(crate) fn register(machine: &Arc<Shared>) {
    let mut machines = MACHINES.write().unwrap_or_else(PoisonError::into_inner);
    machines.push(Arc::downgrade(machine));
}

pub(crate) fn unregister(machine: &Arc<Shared>) {
    let mut machines = MACHINES.write().unwrap_or_else(PoisonError::into_inner);
    machines.retain(|known| !ptr::eq(known.as_ptr(), Arc::as_ptr(machine)));
}

/// Without optimization the handler takes more than the stack for signals that
/// Rust gives each thread, and runs on the thread's own stack.
const SIGNAL_STACK: libc::c_int = if cfg!(unoptimized) { 0 } else { libc::SA_ONSTACK };

/// Installs the handler for `SIGSEGV`, once in the life of the process.
///
/// # Errors
///
/// The host refused.
pub fn install() -> io::Result<()> {
    let _turn = INSTALLING.lock().unwrap_or_else(PoisonError::into_inner);
    if PREVIOUS.get().is_some() {
        return Ok(());
    }
    // SAFETY: all zeros is a valid record.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    let handler: extern "C" fn(i32, *mut libc::siginfo_t, *mut libc::c_void) = handle;
    action.sa_sigaction = handler as usize;
    action.sa_flags = libc::SA_SIGINFO | SIGNAL_STACK | libc::SA_NODEFER;
    // SAFETY: all zeros is a valid record.
    let mut previous: libc::sigaction = unsafe { std::mem::zeroed() };
    // The previous handler is read before ours can run.
    // SAFETY: reads the present handler into a record of ours.
    if unsafe { libc::sigaction(libc::SIGSEGV, ptr::null(), &mut previous) } != 0 {
        return Err(io::Error::last_os_error());
    }
    PREVIOUS.get_or_init(|| Previous(previous));
    // SAFETY: the handler has the signature that SA_SIGINFO asks for.
    if unsafe { libc::sigaction(libc::SIGSEGV, &action, ptr::null_mut()) } != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

extern "C" fn handle(signal: i32, info: *mut libc::siginfo_t, context: *mut libc::c_void) {
    if process::recover(context) {
        return;
    }
    // SAFETY: with SA_SIGINFO the host passes a valid record; for SIGSEGV it
    // has the address.
    let address = unsafe { (*info).si_addr() } as u64;
    if !enter(address, context) {
        hand_on(signal, info, context);
    }
}

/// Takes locks, which is sound here: the signal comes from a load or store of
/// user code, and no code that holds these locks loads or stores through the
/// address of a mapping.
fn enter(address: u64, context: *mut libc::c_void) -> bool {
    let machines: Vec<_> = MACHINES
        .read()
        .unwrap_or_else(PoisonError::into_inner)
        .iter()
        .filter_map(Weak::upgrade)
        .collect();
    machines.iter().any(|machine| match is_store(context) {
        Some(true) => machine.enter(address, Access::Write),
        Some(false) => machine.enter(address, Access::Read),
        // The host does not say: a load is tried where a store is not allowed. The
        // other way round a store to what can be loaded would fault for ever.
        None => machine.enter(address, Access::Write) || machine.enter(address, Access::Read),
    })
}

/// Whether the access that faulted was a store, where the host tells.
#[cfg(target_arch = "x86_64")]
fn is_store(context: *mut libc::c_void) -> Option<bool> {
    const WRITE: i64 = 1 << 1;
    // SAFETY: the host passes a valid context.
    let registers = unsafe { &(*context.cast::<libc::ucontext_t>()).uc_mcontext.gregs };
    Some(registers[libc::REG_ERR as usize] & WRITE != 0)
}

/// Whether the access that faulted was a store, where the host tells.
#[cfg(not(target_arch = "x86_64"))]
fn is_store(_context: *mut libc::c_void) -> Option<bool> {
    None
}

/// Does what would have happened without us.
fn hand_on(signal: i32, info: *mut libc::siginfo_t, context: *mut libc::c_void) {
    let Some(Previous(previous)) = PREVIOUS.get() else { return };
    match previous.sa_sigaction {
        libc::SIG_DFL | libc::SIG_IGN => {
            // SAFETY: puts the previous handler back; the access is then done
            // again and ends the process in the ordinary way.
            unsafe { libc::sigaction(signal, previous, ptr::null_mut()) };
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
