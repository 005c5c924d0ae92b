//! The kernel that the walk-through is about.

use std::path::Path;
use std::process::Command;

use vmo_abi::{Syscall, ZX_ERR_BAD_SYSCALL, ZX_ERR_INVALID_ARGS, ZX_OK};

use crate::sources::{compilers, exists, folder};
use crate::wire::{Agent, call, done, get, hello, keep, load, number, put, slot, status, store};

/// The payload of an agent that nothing else is said to.
const LIMIT: usize = 4096;

#[test]
fn it_boots_and_answers() {
    let compilers = compilers();
    if cfg!(not(target_arch = "x86_64")) || compilers.is_empty() {
        return;
    }
    let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join("agent-example");
    std::fs::create_dir_all(&place).expect("there is room for a folder");
    let built = Command::new(folder().join("example/build"))
        .arg(&place)
        .env("CC", &compilers[0])
        .status()
        .expect("the script can be started");
    assert!(built.success());
    if !exists("qemu-system-x86_64") {
        eprintln!("not booted: there is no qemu-system-x86_64");
        return;
    }
    let mut command = Command::new(folder().join("example/run"));
    command.arg(&place);
    let mut agent = Agent::start(command, LIMIT);
    // What comes earlier is lost.
    agent.wait_for("The kernel has started.\r\n");
    let answer = agent.ask(&hello());
    let long = |at: usize| u64::from_le_bytes(answer[at..at + 8].try_into().unwrap());
    assert_eq!(answer[5..9], (LIMIT as u32).to_le_bytes());
    let (calls, arena, end) = (long(13), long(25), long(25) + long(33));
    let (unmapped, read_only, kernel) = (long(41), long(49), long(57));
    let has = |syscall: Syscall| calls >> syscall as u8 & 1 == 1;
    assert!(has(Syscall::vmo_create) && has(Syscall::handle_close) && !has(Syscall::vmo_clone));
    let create = |out: u64| call(0, &[number(0x1800), number(0), number(out)]);
    let get_size = |out: u64| call(Syscall::vmo_get_size as u8, &[slot(0, 0), number(out)]);
    agent.expect(&[
        (create(arena), status(ZX_OK)),
        (keep(0, 4, arena), done(6, None)),
        (get_size(arena + 8), status(ZX_OK)),
        (get(arena + 8, 8), [&[0x84, 0][..], &0x2000_u64.to_le_bytes()].concat()),
        (put(arena, b"hello"), done(2, None)),
        (
            call(Syscall::vmo_write as u8, &[slot(0, 0), number(arena), number(0xffe), number(5)]),
            status(ZX_OK),
        ),
        (
            call(Syscall::vmo_read as u8, &[slot(0, 0), number(end - 4), number(0xfff), number(4)]),
            status(ZX_OK),
        ),
        (get(end - 4, 4), [&[0x84, 0][..], b"ello"].concat()),
        (call(Syscall::vmo_clone as u8, &vec![number(0); 5]), status(ZX_ERR_BAD_SYSCALL)),
    ]);
    for bad in [0, unmapped, read_only, kernel, end - 3, end] {
        agent.expect(&[
            (create(bad), status(ZX_ERR_INVALID_ARGS)),
            (get_size(bad), status(ZX_ERR_INVALID_ARGS)),
        ]);
    }
    agent.expect(&[
        (load(&number(read_only), 8), [&[0x87, 0][..], &[0; 8]].concat()),
        (store(&number(read_only), &[1]), done(8, Some(read_only))),
        (load(&number(end - 3), 8), done(7, Some(end))),
        (load(&number(arena - 1), 1), done(7, Some(arena - 1))),
        (call(Syscall::handle_close as u8, &[slot(0, 0)]), status(ZX_OK)),
    ]);
}
