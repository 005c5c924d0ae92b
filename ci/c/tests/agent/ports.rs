//! The port for POSIX processes, over the reference as a C library.

use std::ffi::CStr;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::fd::{AsRawFd, FromRawFd};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use vmo_abi::{Syscall, ZX_ERR_INVALID_ARGS, ZX_OK, ZX_VM_FLAG_PERM_READ, ZX_VM_FLAG_PERM_WRITE};

use crate::sources::{STRICT, compile, compilers, folder};
use crate::wire::{Agent, call, done, get, hello, keep, load, number, put, slot, status, store};

const LIMIT: usize = 0x10000;

/// The agent over the library, compiled once.
fn agent() -> Option<PathBuf> {
    static PROGRAM: OnceLock<Option<PathBuf>> = OnceLock::new();
    PROGRAM
        .get_or_init(|| {
            let compiler = compilers().into_iter().next()?;
            let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join("agent-posix");
            fs::create_dir_all(&place).expect("there is room for a folder");
            let program = place.join("agent");
            let test = std::env::current_exe().expect("the test has a path");
            let library = test.parent().expect("it lies in a folder").display();
            let agent = folder();
            let source = |name: &str| agent.join(name).display().to_string();
            let mut arguments = STRICT.map(str::to_owned).to_vec();
            arguments.extend([
                "-O1".to_owned(),
                format!("-DAGENT_PAYLOAD={LIMIT}"),
                format!("-I{}", agent.display()),
                source("agent.c"),
                source("ports/posix.c"),
                source("ports/line.c"),
                format!("-L{library}"),
                "-lvmo_c".to_owned(),
                format!("-Wl,-rpath,{library}"),
                "-o".to_owned(),
                program.display().to_string(),
            ]);
            compile(&compiler, &arguments);
            Some(program)
        })
        .clone()
}

/// What a tester would do: handles, bytes, mappings, faults.
fn exercise(agent: &mut Agent) {
    let answer = agent.ask(&hello());
    let word = |at: usize| u32::from_le_bytes(answer[at..at + 4].try_into().unwrap());
    let long = |at: usize| u64::from_le_bytes(answer[at..at + 8].try_into().unwrap());
    assert_eq!(long(13), (1 << Syscall::ALL.len()) - 1);
    let (arena, len) = (long(25), long(33));
    let (unmapped, read_only, kernel) = (long(41), long(49), long(57));
    assert_eq!((arena % 4096, len), (0, 4 << 20));
    let root = u64::from(word(65));
    assert_ne!((root, word(69)), (0, 0));
    let do_call = |syscall: Syscall, values: &[Vec<u8>]| call(syscall as u8, values);
    let out = number(arena);
    let data: Vec<u8> = (0..5000_usize).map(|index| (index * 7) as u8).collect();
    let handle = || slot(0, 0);
    let map = |flags: u32| {
        [
            do_call(
                Syscall::vmar_map,
                &[
                    number(root),
                    number(0),
                    handle(),
                    number(0),
                    number(0x2000),
                    number(flags.into()),
                    out.clone(),
                ],
            ),
            keep(1, 8, arena),
        ]
        .concat()
    };
    let kept = [status(ZX_OK), done(6, None)].concat();
    let loaded = |data: &[u8]| [&[0x87, 0][..], data].concat();
    agent.expect(&[
        (do_call(Syscall::vmo_create, &[number(0x1800), number(0), out.clone()]), status(ZX_OK)),
        (keep(0, 4, arena), done(6, None)),
        (put(arena, &data), done(2, None)),
        (
            do_call(Syscall::vmo_write, &[handle(), out.clone(), number(1), number(5000)]),
            status(ZX_OK),
        ),
        (
            do_call(Syscall::vmo_read, &[handle(), number(arena + 1), number(1), number(5000)]),
            status(ZX_OK),
        ),
        (get(arena + 1, 5000), [&[0x84, 0][..], &data].concat()),
        (map(ZX_VM_FLAG_PERM_READ | ZX_VM_FLAG_PERM_WRITE), kept.clone()),
        (load(&slot(1, 1), 5000), loaded(&data)),
        (store(&slot(1, 0xffe), &[1, 2, 3, 4]), done(8, None)),
        (
            load(&slot(1, 0xffd), 8),
            loaded(&[data[0xffc], 1, 2, 3, 4, data[0x1001], data[0x1002], data[0x1003]]),
        ),
        (
            do_call(Syscall::vmo_read, &[handle(), out.clone(), number(0xffe), number(4)]),
            status(ZX_OK),
        ),
        (get(arena, 4), vec![0x84, 0, 1, 2, 3, 4]),
    ]);
    // Faults, at their first bad address, again and again.
    let end = arena + len;
    for _ in 0..3 {
        for bad in [0, 16, unmapped, unmapped + 4095, end, arena - 1] {
            for len in [1, 2, 4, 8, 3, 100] {
                agent.expect(&[
                    (load(&number(bad), len), done(7, Some(bad))),
                    (store(&number(bad), &vec![9; len]), done(8, Some(bad))),
                ]);
            }
        }
        for len in [1, 4, 100] {
            agent.expect(&[
                (load(&number(kernel), len), done(7, Some(kernel))),
                (load(&number(0x8000_0000_0000_1234), len), done(7, Some(0x8000_0000_0000_1234))),
                (load(&number(read_only), len), loaded(&vec![0; len])),
                (store(&number(read_only), &vec![9; len]), done(8, Some(read_only))),
            ]);
        }
        for before in 1..8 {
            agent.expect(&[
                (load(&number(end - before), 8), done(7, Some(end))),
                (store(&number(end - before), &[9; 8]), done(8, Some(end))),
                (load(&number(end - before), 100), done(7, Some(end))),
            ]);
        }
    }
    // The first write through a mapping without the permission faults.
    let before = agent.ask(&[map(ZX_VM_FLAG_PERM_READ), get(arena, 8)].concat());
    let read_mapping = u64::from_le_bytes(before[9..17].try_into().unwrap());
    agent.expect(&[
        (load(&slot(1, 1), 2), loaded(&data[..2])),
        (store(&slot(1, 5), &[1]), done(8, Some(read_mapping + 5))),
        (load(&slot(1, 0x2000), 1), done(7, Some(read_mapping + 0x2000))),
    ]);
    let bad_out = |address: u64| do_call(Syscall::vmo_get_size, &[handle(), number(address)]);
    agent.expect(&[
        (bad_out(0), status(ZX_ERR_INVALID_ARGS)),
        (bad_out(unmapped), status(ZX_ERR_INVALID_ARGS)),
        (bad_out(read_only), status(ZX_ERR_INVALID_ARGS)),
        (bad_out(kernel), status(ZX_ERR_INVALID_ARGS)),
        (bad_out(end - 4), status(ZX_ERR_INVALID_ARGS)),
        (bad_out(end - 8), status(ZX_OK)),
        (
            do_call(
                Syscall::vmar_protect,
                &[number(root), slot(1, 0), number(0x2000), number(ZX_VM_FLAG_PERM_WRITE.into())],
            ),
            status(ZX_ERR_INVALID_ARGS),
        ),
        (do_call(Syscall::handle_close, &[handle()]), status(ZX_OK)),
    ]);
    let clock = agent.ask(&[9]);
    assert!(u64::from_le_bytes(clock[1..9].try_into().unwrap()) > 1);
}

#[test]
fn it_serves_on_standard_input_and_output() {
    let Some(program) = agent() else { return };
    let mut agent = Agent::start(Command::new(program), LIMIT);
    exercise(&mut agent);
    assert_eq!(agent.end(), []);
}

/// A new pair of terminals: this end, and the path of the other.
fn terminals() -> (File, PathBuf) {
    let mut name = [0; 64];
    // SAFETY: ordinary calls; `name` is as long as is said, and the file that is
    // made owns the descriptor.
    unsafe {
        let end = libc::posix_openpt(libc::O_RDWR | libc::O_NOCTTY);
        assert!(end >= 0 && libc::grantpt(end) == 0 && libc::unlockpt(end) == 0);
        assert_eq!(libc::ptsname_r(end, name.as_mut_ptr(), name.len()), 0);
        let path = CStr::from_ptr(name.as_ptr()).to_str().expect("it is text");
        (File::from_raw_fd(end), PathBuf::from(path))
    }
}

/// Waits until no terminal changes bytes on their way to the agent.
fn wait_until_raw(end: &File) {
    let started = Instant::now();
    loop {
        // SAFETY: all zeros is a valid record, which the call fills in.
        let how = unsafe {
            let mut how: libc::termios = std::mem::zeroed();
            assert_eq!(libc::tcgetattr(end.as_raw_fd(), &mut how), 0);
            how
        };
        if how.c_lflag & libc::ICANON == 0 {
            return;
        }
        assert!(started.elapsed() < Duration::from_secs(20), "the terminal is not made raw");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn it_serves_on_a_terminal() {
    let Some(program) = agent() else { return };
    let (end, path) = terminals();
    let child =
        Command::new(program).arg("--tty").arg(path).spawn().expect("the agent can be started");
    wait_until_raw(&end);
    let input = Box::new(end.try_clone().expect("there are descriptors"));
    let mut agent = Agent::over(child, input, end, LIMIT);
    agent.send(b"login: \r\n\x03\x04\x11\x13");
    exercise(&mut agent);
}

/// The tester's end of a file with two rings.
#[derive(Clone)]
struct Rings {
    file: std::sync::Arc<File>,
    generation: u32,
    len: u32,
    put: u32,
    taken: u32,
}

impl Rings {
    fn word(&self, at: u64) -> u32 {
        let mut bytes = [0; 4];
        self.file.read_exact_at(&mut bytes, at).expect("the file can be read");
        u32::from_le_bytes(bytes)
    }

    fn set(&self, at: u64, word: u32) {
        self.file.write_all_at(&word.to_le_bytes(), at).expect("the file can be written");
    }

    fn begin(file: std::sync::Arc<File>, len: u32, generation: u32) -> Self {
        let rings = Self { file, generation, len, put: 0, taken: 0 };
        for (at, word) in [(64, 0), (256, 0), (4, 1), (8, len), (12, generation), (0, 0x534f_4d56)]
        {
            rings.set(at, word);
        }
        while rings.word(16) != generation {
            std::thread::sleep(Duration::from_millis(1));
        }
        rings
    }
}

impl Write for Rings {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = self.len - (self.put - self.word(128));
        let start = self.put % self.len;
        let part = bytes.len().min(room as usize).min((self.len - start) as usize);
        self.file.write_all_at(&bytes[..part], 4096 + u64::from(start))?;
        self.put = self.put.wrapping_add(part as u32);
        self.set(64, self.put);
        if part == 0 {
            std::thread::yield_now();
            return Err(io::ErrorKind::Interrupted.into());
        }
        Ok(part)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Read for Rings {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let mut available = 0;
        while available == 0 {
            std::thread::yield_now();
            available = self.word(192).wrapping_sub(self.taken);
            if self.word(12) != self.generation {
                return Ok(0);
            }
        }
        let start = self.taken % self.len;
        let part = bytes.len().min(available as usize).min((self.len - start) as usize);
        let ring = 4096 + u64::from(self.len);
        self.file.read_exact_at(&mut bytes[..part], ring + u64::from(start))?;
        self.taken = self.taken.wrapping_add(part as u32);
        self.set(256, self.taken);
        Ok(part)
    }
}

#[test]
fn it_serves_in_shared_memory_one_tester_after_the_other() {
    let Some(program) = agent() else { return };
    let folder = tempfile::tempdir().expect("there is room for a folder");
    let path = folder.path().join("rings");
    let mut child = Command::new(program)
        .arg("--shm")
        .arg(&path)
        .stdin(Stdio::null())
        .spawn()
        .expect("the agent can be started");
    let file = OpenOptions::new().read(true).write(true).create_new(true).open(&path);
    let file = std::sync::Arc::new(file.expect("the file can be made"));
    file.set_len(1 << 20).expect("there is room");
    for (generation, len) in [(7, 1 << 18), (8, 64), (u32::MAX, 1 << 12)] {
        let rings = Rings::begin(file.clone(), len, generation);
        let mut agent = Agent::over(child, Box::new(rings.clone()), rings, LIMIT);
        exercise(&mut agent);
        // It is left in the middle of a frame.
        agent.send(&crate::wire::frame(5, &[0; 40])[..30]);
        child = agent.leave();
    }
    child.kill().expect("it can be ended");
    child.wait().expect("it can be waited for");
}
