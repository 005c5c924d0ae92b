//! Loads and stores are real, and faults are values.

use std::fs::File;
use std::os::fd::AsRawFd;
use std::os::unix::process::ExitStatusExt;
use std::process::Command;
use std::ptr;

use vmo_abi::{Fault, ZX_PAGE_SIZE};
use vmo_host::HostMemory;

const PAGE: u64 = ZX_PAGE_SIZE;
/// Lengths that are one access, and others.
const LENGTHS: [usize; 9] = [1, 2, 3, 4, 7, 8, 16, 4096, 10_000];

fn memory() -> HostMemory {
    HostMemory::new(1 << 16).expect("the host has room")
}

fn fault(address: u64) -> Result<(), Fault> {
    Err(Fault { address })
}

/// What a load and a store of so many bytes come to.
fn both(memory: &HostMemory, address: u64, len: usize) -> [Result<(), Fault>; 2] {
    let mut bytes = vec![0; len];
    [memory.load(address, &mut bytes), memory.store(address, &vec![1; len])]
}

#[test]
fn the_arena_holds_what_is_stored() {
    let memory = memory();
    let arena = memory.arena();
    assert_eq!((arena.base % PAGE, arena.len), (0, 1 << 16));
    for (number, len) in LENGTHS.into_iter().enumerate() {
        for at in [arena.base, arena.base + 1, arena.base + PAGE - 3, arena.end() - len as u64] {
            let bytes: Vec<u8> = (0..len).map(|index| (index * 7 + number) as u8).collect();
            assert_eq!(memory.store(at, &bytes), Ok(()));
            let mut loaded = vec![0; len];
            assert_eq!(memory.load(at, &mut loaded), Ok(()));
            assert_eq!(loaded, bytes, "{len} bytes at {at:#x}");
        }
    }
    assert_eq!(both(&memory, 0, 0), [Ok(()), Ok(())], "nothing is accessed");
}

#[test]
fn the_ground_around_the_arena_is_unmapped() {
    let memory = memory();
    let arena = memory.arena();
    for len in LENGTHS {
        for at in [arena.base - 1, arena.base - (64 << 10), arena.end(), arena.end() + (60 << 10)] {
            assert_eq!(both(&memory, at, len), [fault(at), fault(at)], "{len} at {at:#x}");
        }
    }
}

#[test]
fn the_first_bad_address_is_told() {
    let memory = memory();
    let end = memory.arena().end();
    for len in LENGTHS.into_iter().filter(|len| *len > 1) {
        for inside in [1, len as u64 / 2, len as u64 - 1] {
            let at = end - inside;
            assert_eq!(both(&memory, at, len), [fault(end), fault(end)], "{len} at {at:#x}");
        }
    }
}

#[test]
fn a_single_access_is_whole_or_not_at_all_and_a_copy_goes_as_far_as_it_can() {
    let memory = memory();
    let end = memory.arena().end();
    assert_eq!(memory.store(end - 4, &[9; 8]), fault(end));
    let mut bytes = [1; 4];
    assert_eq!(memory.load(end - 4, &mut bytes), Ok(()));
    assert_eq!(bytes, [0; 4]);
    assert_eq!(memory.store(end - 4, &[9; 7]), fault(end));
    assert_eq!(memory.load(end - 4, &mut bytes), Ok(()));
    assert_eq!(bytes, [9; 4]);
    let mut bytes = [1; 7];
    assert_eq!(memory.load(end - 4, &mut bytes), fault(end));
    assert_eq!(bytes, [9, 9, 9, 9, 1, 1, 1]);
}

#[test]
fn bad_addresses_are_what_they_say() {
    let memory = memory();
    let bad = memory.bad_addresses();
    let (unmapped, read_only) = (bad.unmapped.unwrap(), bad.read_only.unwrap());
    let kernel = bad.kernel.unwrap();
    for len in LENGTHS {
        for at in [0, 8, unmapped, kernel] {
            assert_eq!(both(&memory, at, len), [fault(at), fault(at)], "{len} at {at:#x}");
        }
    }
    let mut page = [1; PAGE as usize];
    assert_eq!(memory.load(read_only, &mut page), Ok(()));
    assert_eq!(page, [0; PAGE as usize]);
    for len in LENGTHS {
        assert_eq!(memory.store(read_only, &vec![0; len]), fault(read_only));
    }
}

/// The host does not tell the address of some of them.
#[test]
fn addresses_that_no_process_can_have_are_told() {
    let memory = memory();
    let odd = [
        0x0000_8000_0000_0000,
        0x1234_5678_9abc_def0,
        0xffff_7fff_ffff_fff0,
        0xffff_8000_0000_0000,
        0xffff_ffff_ffff_f000,
    ];
    for len in LENGTHS {
        for at in odd {
            assert_eq!(both(&memory, at, len), [fault(at), fault(at)], "{len} at {at:#x}");
        }
    }
    // A copy that leaves what a process can have, and one that wraps around.
    assert_eq!(both(&memory, u64::MAX, 1), [fault(u64::MAX); 2]);
    assert_eq!(both(&memory, u64::MAX - 3, 8), [fault(u64::MAX - 3); 2]);
}

/// The host says so with `SIGBUS`.
#[test]
fn beyond_the_end_of_a_file_is_a_fault() {
    let memory = memory();
    let file: File = tempfile::tempfile().expect("there is room for a file");
    file.set_len(PAGE).expect("it can grow");
    let (protection, flags) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_SHARED);
    let len = 2 * PAGE as usize;
    // SAFETY: maps a file wherever there is room.
    let mapped =
        unsafe { libc::mmap(ptr::null_mut(), len, protection, flags, file.as_raw_fd(), 0) };
    assert_ne!(mapped, libc::MAP_FAILED);
    let at = mapped.expose_provenance() as u64;
    assert_eq!(both(&memory, at + PAGE - 8, 8), [Ok(()), Ok(())]);
    for len in LENGTHS {
        assert_eq!(both(&memory, at + PAGE, len), [fault(at + PAGE); 2]);
    }
    file.set_len(0).expect("it can shrink");
    assert_eq!(both(&memory, at + 3, 4), [fault(at + 3); 2]);
    // SAFETY: the mapping was made above and nothing refers to it.
    unsafe { libc::munmap(mapped, len) };
    assert_eq!(both(&memory, at, 1), [fault(at); 2]);
}

#[test]
fn threads_fault_at_once() {
    let memory = memory();
    let (arena, bad) = (memory.arena(), memory.bad_addresses().unmapped.unwrap());
    std::thread::scope(|scope| {
        for number in 0..8_u64 {
            let memory = &memory;
            scope.spawn(move || {
                let at = arena.base + number * 64;
                for round in 0..2_000_u64 {
                    assert_eq!(
                        both(memory, bad + number, 1 + number as usize),
                        [fault(bad + number), fault(bad + number)]
                    );
                    assert_eq!(memory.store(at, &round.to_le_bytes()), Ok(()));
                    let mut bytes = [0; 8];
                    assert_eq!(memory.load(at, &mut bytes), Ok(()));
                    assert_eq!(u64::from_le_bytes(bytes), round);
                }
            });
        }
    });
}

#[test]
fn the_clock_goes_on() {
    let memory = memory();
    let before = memory.monotonic_now();
    std::thread::sleep(std::time::Duration::from_millis(2));
    let after = memory.monotonic_now();
    assert!(before > 1 && after - before >= 2_000_000 && after - before < 60_000_000_000);
}

#[test]
fn impossible_arenas_are_refused() {
    for bytes in [0, (1 << 46) + 1, u64::MAX] {
        let error = HostMemory::new(bytes).expect_err("it is impossible").to_string();
        assert!(error.contains(&format!("{bytes:#x}")), "{error}");
    }
    assert_eq!(HostMemory::new(1).map(|memory| memory.arena().len).ok(), Some(1 << 16));
}

/// Runs a test of this file alone in a child that is to do what kills it, and
/// answers with the signal and the words.
fn child(test: &str, what: &str) -> (Option<i32>, String) {
    let output = Command::new(std::env::current_exe().expect("the test has a path"))
        .args(["--exact", test, "--nocapture"])
        .env("DIES_OF", what)
        .output()
        .expect("the test runs");
    (output.status.signal(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[inline(never)]
fn overflow(depth: u64) -> u64 {
    let bytes = std::hint::black_box([depth; 64]);
    if depth == u64::MAX { 0 } else { overflow(depth + 1) + bytes[(depth % 64) as usize] }
}

/// What is not an access of ours ends the process as ever.
#[test]
fn other_faults_are_handed_on() {
    let name = "other_faults_are_handed_on";
    let memory = memory();
    match std::env::var("DIES_OF").as_deref() {
        Ok("pointer") => {
            let at: *const u8 = ptr::with_exposed_provenance(memory.arena().end() as usize);
            // SAFETY: the read faults, and the process ends.
            unsafe { at.read_volatile() };
        }
        Ok("overflow") => {
            overflow(0);
        }
        _ => {
            assert_eq!(child(name, "pointer").0, Some(libc::SIGSEGV));
            let (signal, words) = child(name, "overflow");
            assert_eq!(signal, Some(libc::SIGABRT), "{words}");
            assert!(words.contains("overflowed its stack"), "{words}");
        }
    }
}
