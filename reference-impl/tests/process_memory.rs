//! Calls follow pointers to the process's own memory, where a machine is set up
//! for that.

mod common;

use std::ptr;

use vmo_abi::{
    Backend, Fault, ZX_ERR_INVALID_ARGS, ZX_ERR_NO_MEMORY, ZX_OK, zx_handle_t, zx_status_t,
};
use vmo_reference::{Configuration, Reference};

use common::PAGE;

fn start() -> Reference {
    let configuration = Configuration { process_memory: true, ..Configuration::default() };
    Reference::new(configuration).expect("the host has room")
}

fn create(machine: &Reference, size: u64) -> zx_handle_t {
    let mut vmo = 0_u32;
    assert_eq!(machine.vmo_create(size, 0, &raw mut vmo as u64), ZX_OK);
    vmo
}

/// Three pages of the process: one to be written, one to be read, and none.
struct Pages(u64);

impl Pages {
    fn new() -> Self {
        let (len, page) = (3 * PAGE as usize, PAGE as usize);
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
        // SAFETY: asks for addresses wherever the host has them.
        let start = unsafe {
            libc::mmap(ptr::null_mut(), len, libc::PROT_READ | libc::PROT_WRITE, flags, -1, 0)
        };
        assert_ne!(start, libc::MAP_FAILED);
        // SAFETY: both pages lie in the mapping, to which nothing refers.
        unsafe {
            libc::mprotect(start.byte_add(page), page, libc::PROT_READ);
            libc::mprotect(start.byte_add(2 * page), page, libc::PROT_NONE);
        }
        Self(start.expose_provenance() as u64)
    }
}

impl Drop for Pages {
    fn drop(&mut self) {
        // SAFETY: the mapping was made by `new` and is not used again.
        unsafe {
            libc::munmap(ptr::with_exposed_provenance_mut(self.0 as usize), 3 * PAGE as usize)
        };
    }
}

#[test]
fn variables_are_read_and_stored_to() {
    let machine = start();
    let vmo = create(&machine, 3 * PAGE);
    let written: Vec<u8> = (0..0x2345).map(|index| (index % 251) as u8).collect();
    let at = written.as_ptr() as u64;
    assert_eq!(machine.vmo_write(vmo, at, 0x10, 0x2345), ZX_OK);
    let mut read = vec![1_u8; 0x2355];
    let at = read.as_mut_ptr() as u64;
    assert_eq!(machine.vmo_read(vmo, at, 0, 0x2355), ZX_OK);
    assert_eq!(read[..0x10], [0; 0x10]);
    assert_eq!(read[0x10..], written);
}

#[test]
fn calls_and_accesses_refuse_what_the_process_cannot_access() {
    let machine = start();
    let vmo = create(&machine, 4 * PAGE);
    let pages = Pages::new();
    let read_only = pages.0 + PAGE;
    let none = pages.0 + 2 * PAGE;
    let size_at = |at| machine.vmo_get_size(vmo, at);
    assert_eq!(size_at(pages.0), ZX_OK);
    assert_eq!(size_at(read_only - 8), ZX_OK);
    for bad in [0, 16, read_only - 4, read_only, none, 0xffff_ff80_0010_0000, u64::MAX - 3] {
        assert_eq!(size_at(bad), ZX_ERR_INVALID_ARGS, "{bad:#x}");
    }
    let read = |at, len| -> zx_status_t { machine.vmo_read(vmo, at, 0, len) };
    let write = |at, len| -> zx_status_t { machine.vmo_write(vmo, at, 0, len) };
    assert_eq!((read(pages.0, PAGE), read(pages.0, PAGE + 1)), (ZX_OK, ZX_ERR_INVALID_ARGS));
    assert_eq!((write(pages.0, 2 * PAGE), write(read_only, PAGE)), (ZX_OK, ZX_OK));
    assert_eq!(write(none - 1, 2), ZX_ERR_INVALID_ARGS);

    let mut bytes = [0; 4];
    assert_eq!(machine.load(none - 4, &mut bytes), Ok(()));
    assert_eq!(machine.load(none - 2, &mut bytes), Err(Fault { address: none }));
    assert_eq!(machine.store(read_only, &[1]), Err(Fault { address: read_only }));
    assert_eq!(machine.store(pages.0, &[1]), Ok(()));
}

/// What belongs to the machine is reached through its mappings alone.
#[test]
fn memory_of_the_machine_is_none_of_the_processes() {
    let machine = start();
    let environment = machine.environment();
    let vmo = create(&machine, PAGE);
    let unmapped = environment.bad.unmapped.expect("there is one");
    assert_eq!(machine.vmo_get_size(vmo, unmapped), ZX_ERR_INVALID_ARGS);
    let mut at = 0_u64;
    let out = &raw mut at as u64;
    assert_eq!(machine.vmar_map(environment.root_vmar, 0, vmo, 0, PAGE, 3, out), ZX_OK);
    assert_eq!(machine.vmo_get_size(vmo, at), ZX_OK);
    let size: *const u64 = ptr::with_exposed_provenance(at as usize);
    // SAFETY: the mapping can be read, and nothing in Rust refers to it.
    assert_eq!(unsafe { size.read_volatile() }, PAGE);
    assert_eq!(machine.vmar_unmap(environment.root_vmar, at, PAGE), ZX_OK);
    assert_eq!(machine.vmo_get_size(vmo, at), ZX_ERR_INVALID_ARGS);
}

#[test]
fn memory_of_the_process_counts_for_no_limit() {
    let machine = start();
    let vmo = create(&machine, PAGE);
    let pages = Pages::new();
    assert!(machine.set_memory_limit(Some(0)));
    assert_eq!(machine.vmo_read(vmo, pages.0, 0, PAGE), ZX_OK);
    assert_eq!(machine.vmo_write(vmo, pages.0, 0, PAGE), ZX_ERR_NO_MEMORY);
}

#[test]
fn without_it_variables_are_refused() {
    let machine = Reference::new(Configuration::default()).expect("the host has room");
    let mut vmo = 0_u32;
    assert_eq!(machine.vmo_create(1, 0, &raw mut vmo as u64), ZX_ERR_INVALID_ARGS);
    assert_eq!(vmo, 0);
}

#[test]
fn threads_touch_what_others_write() {
    let machine = start();
    let vmo = create(&machine, PAGE);
    let words: Vec<std::sync::atomic::AtomicU64> = (0..8).map(|_| 0.into()).collect();
    std::thread::scope(|scope| {
        for word in &words {
            let machine = &machine;
            scope.spawn(move || {
                for round in 0..2_000_u64 {
                    // Neighbours lie in one page, each for one thread.
                    word.store(round, std::sync::atomic::Ordering::Relaxed);
                    assert_eq!(machine.vmo_get_size(vmo, 16), ZX_ERR_INVALID_ARGS);
                    assert_eq!(word.load(std::sync::atomic::Ordering::Relaxed), round);
                    assert_eq!(machine.vmo_get_size(vmo, word.as_ptr() as u64), ZX_OK);
                    assert_eq!(word.load(std::sync::atomic::Ordering::Relaxed), PAGE);
                }
            });
        }
    });
}
