//! How the handler gets along with the rest of the process. Each test installs
//! it in a child process, so that each finds the process as it likes.

mod common;

use std::{io, mem, ptr, thread};

use common::pointers::{Ending, in_child, peek, poke, take_turn};
use common::{Machine, PAGE, READ_WRITE};
use vmo_abi::zx_vaddr_t;
use vmo_reference::fault_handler;

/// A machine and the address of a mapping of 64 pages, of a clone of a clone.
fn mapped() -> (Machine, zx_vaddr_t) {
    let machine = Machine::new();
    let len = 64 * PAGE;
    let root = machine.create(len).unwrap();
    machine.commit(root, 0..len).unwrap();
    let middle = machine.clone_of(root, 0, len).unwrap();
    let clone = machine.clone_of(middle, 0, len).unwrap();
    let address = machine.map(clone, 0, len, READ_WRITE).unwrap();
    (machine, address)
}

/// What the process does at SIGSEGV from now on.
fn set_handler(handler: usize, flags: libc::c_int) {
    // SAFETY: all zeros is a valid record, and the handlers of these tests fit
    // the flags they come with.
    unsafe {
        let mut action: libc::sigaction = mem::zeroed();
        action.sa_sigaction = handler;
        action.sa_flags = flags;
        assert_eq!(libc::sigaction(libc::SIGSEGV, &action, ptr::null_mut()), 0);
    }
}

extern "C" fn leave_with_42(_signal: i32) {
    // SAFETY: leaves without running anything else.
    unsafe { libc::_exit(42) }
}

extern "C" fn leave_with_the_address(
    _signal: i32,
    info: *mut libc::siginfo_t,
    _context: *mut libc::c_void,
) {
    // SAFETY: the host passes a valid record; leaves without running anything
    // else.
    unsafe { libc::_exit((*info).si_addr() as i32) }
}

#[test]
fn what_is_not_ours_goes_to_the_handler_before_us() {
    let _turn = take_turn();
    let after_use = |handler: usize, flags| {
        in_child(|| {
            set_handler(handler, flags);
            fault_handler::install().unwrap();
            // Installing once more changes nothing.
            fault_handler::install().unwrap();
            let (_machine, address) = mapped();
            assert_eq!(peek(address), 0);
            poke(address, 1);
            peek(77);
        })
    };
    let plain: extern "C" fn(i32) = leave_with_42;
    assert_eq!(after_use(plain as usize, 0), Ending::Exit(42));
    let informed: extern "C" fn(i32, *mut libc::siginfo_t, *mut libc::c_void) =
        leave_with_the_address;
    assert_eq!(after_use(informed as usize, libc::SA_SIGINFO), Ending::Exit(77));
    assert_eq!(after_use(libc::SIG_DFL, 0), Ending::Signal(libc::SIGSEGV));
    assert_eq!(after_use(libc::SIG_IGN, 0), Ending::Signal(libc::SIGSEGV));
}

/// Rust gives each thread an alternative stack of this size for its own handler,
/// and ours runs on it.
#[test]
fn the_handler_fits_the_alternative_stack_of_a_thread() {
    const UNTOUCHED: u8 = 0xa5;
    let _turn = take_turn();
    let ending = in_child(|| {
        fault_handler::install().unwrap();
        let (_machine, address) = mapped();
        let mut stack = vec![UNTOUCHED; 256 * 1024];
        // SAFETY: all zeros is a valid record, and the stack stays where it is
        // until the old one is back.
        let room = unsafe {
            let mut old: libc::stack_t = mem::zeroed();
            let ss_sp = stack.as_mut_ptr().cast();
            let new = libc::stack_t { ss_sp, ss_flags: 0, ss_size: stack.len() };
            assert_eq!(libc::sigaltstack(&new, &mut old), 0);
            for page in 0..64 {
                peek(address + page * PAGE);
                poke(address + page * PAGE, 1);
            }
            assert_eq!(libc::sigaltstack(&old, ptr::null_mut()), 0);
            old.ss_size
        };
        let untouched = stack.iter().take_while(|byte| **byte == UNTOUCHED).count();
        let used = stack.len() - untouched;
        assert!(used > 0, "the handler ran there");
        assert!(used <= room, "{used} bytes of {room}");
    });
    assert_eq!(ending, Ending::Exit(0));
}

#[test]
fn a_stack_overflow_is_still_noticed_by_rust() {
    #[expect(unconditional_recursion, reason = "that is what the test is about")]
    fn recurse(depth: u64) -> u64 {
        std::hint::black_box(recurse(std::hint::black_box(depth + 1))) + 1
    }
    let _turn = take_turn();
    let ending = in_child(|| {
        fault_handler::install().unwrap();
        let (_machine, address) = mapped();
        poke(address, 1);
        // SAFETY: closes a descriptor that nothing here needs: what Rust says
        // about the overflow is not for the output of this test.
        unsafe { libc::close(libc::STDERR_FILENO) };
        let _ = thread::spawn(|| recurse(0)).join();
    });
    assert_eq!(ending, Ending::Signal(libc::SIGABRT));
}

#[test]
fn threads_may_install_at_once() {
    let _turn = take_turn();
    let ending = in_child(|| {
        let threads: Vec<_> = (0..8)
            .map(|_| {
                thread::spawn(|| {
                    fault_handler::install().unwrap();
                    let (_machine, address) = mapped();
                    poke(address, 1);
                    assert_eq!(peek(address), 1);
                })
            })
            .collect();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    });
    assert_eq!(ending, Ending::Exit(0));
}

/// The rest of the process may have taken all the mappings that the host allows.
#[test]
fn without_any_mapping_left_an_access_faults() {
    let _turn = take_turn();
    let ending = in_child(|| {
        fault_handler::install().unwrap();
        let (_machine, address) = mapped();
        poke(address, 1);
        loop {
            let flags = libc::MAP_SHARED | libc::MAP_ANONYMOUS;
            // SAFETY: asks for a mapping of its own wherever there is room.
            let new = unsafe { libc::mmap(ptr::null_mut(), 1, libc::PROT_READ, flags, -1, 0) };
            if new == libc::MAP_FAILED {
                assert_eq!(io::Error::last_os_error().raw_os_error(), Some(libc::ENOMEM));
                break;
            }
        }
        peek(address + 32 * PAGE);
    });
    assert_eq!(ending, Ending::Signal(libc::SIGSEGV));
}
