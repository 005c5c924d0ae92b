//! Loads and stores through real pointers, and child processes to do them in.

use std::panic::{self, AssertUnwindSafe};
use std::ptr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use vmo_abi::zx_vaddr_t;

/// Tests that make child processes take turns, so that no other thread holds a
/// lock when one forks.
pub fn take_turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The pointer to an address.
pub fn pointer(address: zx_vaddr_t) -> *mut u8 {
    ptr::with_exposed_provenance_mut(address as usize)
}

/// Loads through a real pointer.
pub fn peek(address: zx_vaddr_t) -> u8 {
    // SAFETY: the machine has memory there or makes the access fault, which
    // ends the process; nothing in Rust refers to that memory.
    unsafe { pointer(address).read_volatile() }
}

/// Stores through a real pointer.
pub fn poke(address: zx_vaddr_t, byte: u8) {
    // SAFETY: as in `peek`.
    unsafe { pointer(address).write_volatile(byte) }
}

/// How a child process ended.
#[derive(Debug, PartialEq, Eq)]
pub enum Ending {
    Exit(i32),
    Signal(i32),
}

/// Does something in a child process, where it may fault or hang.
///
/// The child has a copy of the machine's state but shares its memory, so either
/// the child must change nothing or the parent must not count on what the
/// memory holds afterwards.
pub fn in_child(act: impl FnOnce()) -> Ending {
    // SAFETY: the child does one thing and ends, whatever happens. It may take
    // the locks that the handler takes, which no other thread holds now.
    let child = unsafe { libc::fork() };
    assert!(child >= 0, "the host has room for a child");
    if child == 0 {
        let none = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
        // SAFETY: only numbers go in. A child that hangs is ended by the alarm.
        unsafe {
            libc::setrlimit(libc::RLIMIT_CORE, &none);
            libc::alarm(60);
        }
        let result = panic::catch_unwind(AssertUnwindSafe(act));
        // SAFETY: the child leaves without running anything of the parent.
        unsafe { libc::_exit(i32::from(result.is_err())) };
    }
    let mut status = 0;
    // SAFETY: the child is ours, and the call stores into a variable of ours.
    assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
    if libc::WIFSIGNALED(status) {
        Ending::Signal(libc::WTERMSIG(status))
    } else {
        Ending::Exit(libc::WEXITSTATUS(status))
    }
}
