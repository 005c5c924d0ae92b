//! Ratios that the reference is held to, each measured side by side with what
//! it is compared with. `cargo bench -p vmo-reference` prints the table.

mod allocator;
#[path = "../../tests/common/mod.rs"]
mod common;
mod host;
mod measure;

use std::hint::black_box;
use std::ptr;
use std::time::{Duration, Instant};

use common::{Machine, PAGE, READ_WRITE};
use host::Memfd;
use measure::{Bar, Effort, Rounds, Table, compare, plain};
use vmo_abi::{Backend, ZX_OK, zx_handle_t, zx_vaddr_t};
use vmo_reference::{Configuration, fault_handler};

const MIB: u64 = 1 << 20;

/// Pages that are stored to in a round of the copy-on-write rows.
const COW_PAGES: u64 = 256;

fn main() {
    // `cargo test` runs benches as well, without this argument.
    let is_bench = std::env::args().any(|argument| argument == "--bench");
    let effort = if is_bench { Effort::FULL } else { Effort::SMOKE };
    fault_handler::install().expect("the host takes a handler");
    let mut table = Table::default();
    copying(effort, &mut table);
    small_transfers(effort, &mut table);
    creation(effort, &mut table);
    cloning(effort, &mut table);
    copy_on_write(effort, &mut table);
    println!("\n{table}");
    memory_per_vmo();
    a_million_vmos(effort);
}

/// A machine whose calls are timed, without more around them than a program
/// for the real kernel has.
struct Bench {
    machine: Machine,
    handle_out: zx_vaddr_t,
}

impl Bench {
    fn new() -> Self {
        let machine = Machine::with(Configuration {
            physical_pages: (8 << 30) / PAGE,
            ..Configuration::default()
        });
        let handle_out = machine.out(0);
        Self { machine, handle_out }
    }

    /// The handle that a call has stored, as user code loads it.
    fn handle(&self) -> zx_handle_t {
        let pointer = ptr::with_exposed_provenance::<zx_handle_t>(self.handle_out as usize);
        // SAFETY: the address is aligned and lies in the arena, which is memory
        // that stays readable as long as the machine lives.
        unsafe { pointer.read_volatile() }
    }

    fn create(&self, size: u64) -> zx_handle_t {
        let status = self.machine.reference.vmo_create(size, 0, self.handle_out);
        assert_eq!(status, ZX_OK);
        self.handle()
    }

    fn clone_of(&self, vmo: zx_handle_t, size: u64) -> zx_handle_t {
        let status = self.machine.reference.vmo_clone(vmo, 1, 0, size, self.handle_out);
        assert_eq!(status, ZX_OK);
        self.handle()
    }

    fn close(&self, handle: zx_handle_t) {
        assert_eq!(self.machine.reference.handle_close(handle), ZX_OK);
    }

    fn committed(&self, size: u64) -> zx_handle_t {
        let vmo = self.create(size);
        self.machine.commit(vmo, 0..size).expect("there is memory");
        vmo
    }
}

fn pattern(len: u64, seed: u64) -> Vec<u8> {
    (0..len).map(|index| ((index * 31 + seed) >> 3) as u8).collect()
}

/// 1 MiB between a buffer and a VMO, against `memcpy`.
fn copying(effort: Effort, table: &mut Table) {
    // Which physical pages the host gives decides how well they share a cache,
    // so this takes several machines and several pairs of buffers.
    const PLACES: usize = 11;
    let bars = [("", Bar::Speed(0.9)), (", scattered frames", Bar::None)];
    let mut rounds: [[Rounds; 2]; 2] = Default::default();
    for _ in 0..PLACES {
        for (index, rounds) in rounds.iter_mut().enumerate() {
            let [write, read] = copy_at_one_place(effort.part(PLACES), index == 1);
            rounds[0].add(write);
            rounds[1].add(read);
        }
    }
    for ((frames, bar), [write, read]) in bars.into_iter().zip(rounds) {
        table.add(&format!("vmo_write 1 MiB{frames}"), "memcpy 1 MiB", bar, write);
        table.add(&format!("vmo_read 1 MiB{frames}"), "memcpy 1 MiB", bar, read);
    }
}

/// Writes and reads 1 MiB.
fn copy_at_one_place(effort: Effort, is_scattered: bool) -> [Rounds; 2] {
    let bench = Bench::new();
    let reference = &bench.machine.reference;
    let buffer = reference.environment().arena.base + MIB;
    let vmo = bench.create(MIB);
    for page in 0..MIB / PAGE {
        // Scattered frames were taken out of order, as in a machine that has
        // run long.
        let page = if is_scattered { page * 97 % (MIB / PAGE) } else { page };
        bench.machine.commit(vmo, page * PAGE..(page + 1) * PAGE).expect("there is memory");
    }
    let source = pattern(MIB, 1);
    let mut target = vec![0; MIB as usize];
    let mut memcpy = plain(|| black_box(&mut target).copy_from_slice(black_box(&source)));

    let expected = pattern(MIB, 2);
    reference.store(buffer, &expected).expect("the arena is writable");
    let mut write = plain(|| assert_eq!(reference.vmo_write(vmo, buffer, 0, MIB), ZX_OK));
    let write = compare(effort, &mut write, &mut memcpy);
    reference.store(buffer, &vec![0; MIB as usize]).expect("the arena is writable");
    let mut read = plain(|| assert_eq!(reference.vmo_read(vmo, buffer, 0, MIB), ZX_OK));
    let read = compare(effort, &mut read, &mut memcpy);

    // What was written came back through the VMO.
    assert!(bench.machine.load(buffer, MIB).expect("the arena is readable") == expected);
    drop(memcpy);
    assert!(target == source);
    [write, read]
}

/// 4 KiB between a buffer and a VMO, against calls of the host.
fn small_transfers(effort: Effort, table: &mut Table) {
    let bench = Bench::new();
    let reference = &bench.machine.reference;
    let buffer = bench.machine.buffer();
    let pages = 16;
    let vmo = bench.committed(pages * PAGE);
    let file = Memfd::new(pages * PAGE);
    let expected = pattern(PAGE, 3);
    let mut bytes = expected.clone();
    reference.store(buffer, &expected).expect("the arena is writable");

    let mut page = 0;
    let mut next = || {
        page = (page + 1) % pages;
        page * PAGE
    };
    let mut ours = plain(|| assert_eq!(reference.vmo_write(vmo, buffer, next(), PAGE), ZX_OK));
    let mut other = 0;
    let mut next_other = || {
        other = (other + 1) % pages;
        other * PAGE
    };
    let mut theirs = plain(|| file.write(black_box(&bytes), next_other()));
    let rounds = compare(effort, &mut ours, &mut theirs);
    table.add("vmo_write 4 KiB", "pwrite 4 KiB to a memfd", Bar::Speed(4.0), rounds);
    drop((ours, theirs));

    reference.store(buffer, &[0; PAGE as usize]).expect("the arena is writable");
    bytes.fill(0);
    let mut ours = plain(|| assert_eq!(reference.vmo_read(vmo, buffer, next(), PAGE), ZX_OK));
    let mut theirs = plain(|| file.read(black_box(&mut bytes), next_other()));
    let rounds = compare(effort, &mut ours, &mut theirs);
    table.add("vmo_read 4 KiB", "pread 4 KiB from a memfd", Bar::Speed(4.0), rounds);
    drop((ours, theirs));
    assert!(bytes == expected);
    assert!(bench.machine.load(buffer, PAGE).expect("the arena is readable") == expected);
}

fn creation(effort: Effort, table: &mut Table) {
    let bench = Bench::new();
    let before = bench.machine.census();
    let mut ours = plain(|| bench.close(black_box(bench.create(PAGE))));
    let mut theirs = plain(|| drop(black_box(Memfd::new(PAGE))));
    let rounds = compare(effort, &mut ours, &mut theirs);
    let bar = Bar::Speed(10.0);
    table.add("vmo_create, handle_close", "memfd_create, ftruncate, close", bar, rounds);
    assert_eq!(bench.machine.census(), before);
}

fn cloning(effort: Effort, table: &mut Table) {
    let bench = Bench::new();
    let small = bench.committed(PAGE);
    let large = bench.committed(1 << 30);
    let before = bench.machine.census();
    assert_eq!(before.frames, (1 << 30) / PAGE + 1);
    let mut clone_small = plain(|| bench.close(black_box(bench.clone_of(small, PAGE))));
    let mut clone_large = plain(|| bench.close(black_box(bench.clone_of(large, 1 << 30))));
    let mut create = plain(|| bench.close(black_box(bench.create(PAGE))));
    let rounds = compare(effort, &mut clone_small, &mut create);
    let bar = Bar::Time(3.0);
    table.add("vmo_clone, handle_close", "vmo_create, handle_close", bar, rounds);
    let rounds = compare(effort, &mut clone_large, &mut clone_small);
    let bar = Bar::Time(2.0);
    table.add("the same of 1 GiB, all committed", "the same of 4 KiB", bar, rounds);
    assert_eq!(bench.machine.census(), before);
}

/// How a store goes to a mapping.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Door {
    Call,
    Pointer,
}

impl Bench {
    /// Stores to every page of a fresh clone of `parent` that was read before,
    /// and answers how long the stores took.
    fn store_to_clone(&self, parent: zx_handle_t, door: Door, byte: u8) -> Duration {
        let len = COW_PAGES * PAGE;
        let machine = &self.machine;
        let before = machine.census();
        let clone = self.clone_of(parent, len);
        let mapped = machine.map(clone, 0, len, READ_WRITE).expect("there is room");
        let pointer = |page| {
            let address = mapped + page * PAGE;
            ptr::with_exposed_provenance_mut::<u8>(address as usize)
        };
        for page in 0..COW_PAGES {
            let seen = match door {
                Door::Call => machine.load_byte(mapped + page * PAGE).expect("it is mapped"),
                // SAFETY: the mapping is readable; nothing in Rust refers to it.
                Door::Pointer => unsafe { pointer(page).read_volatile() },
            };
            assert_eq!(seen, page as u8);
        }
        let start = Instant::now();
        for page in 0..COW_PAGES {
            match door {
                Door::Call => machine.store(mapped + page * PAGE, &[byte]).expect("it is mapped"),
                // SAFETY: the mapping is writable; nothing in Rust refers to it.
                Door::Pointer => unsafe { pointer(page).write_volatile(byte) },
            }
        }
        let taken = start.elapsed();
        let last = (COW_PAGES - 1) * PAGE;
        assert_eq!(machine.census().frames, before.frames + COW_PAGES, "every page was copied");
        assert_eq!(machine.read(clone, last, 2), Ok(vec![byte, 0x55]));
        assert_eq!(machine.byte(parent, last), (COW_PAGES - 1) as u8);
        machine.unmap(mapped, len).expect("it is mapped");
        self.close(clone);
        assert_eq!(machine.census(), before);
        taken
    }
}

/// The first store to a page of a clone, against the host's own copy-on-write.
fn copy_on_write(effort: Effort, table: &mut Table) {
    let file = Memfd::new(COW_PAGES * PAGE);
    for page in 0..COW_PAGES {
        file.write(&[page as u8, 0x55], page * PAGE);
    }
    let mut theirs = |times| {
        let rounds = (0..times).map(|_| {
            let mapping = file.map_private(COW_PAGES);
            for page in 0..COW_PAGES {
                assert_eq!(mapping.load(page), page as u8);
            }
            let taken = mapping.store_to_each(0xee);
            assert_eq!(mapping.load(COW_PAGES - 1), 0xee);
            taken
        });
        rounds.sum()
    };
    let parent_of = |bench: &Bench| {
        let parent = bench.create(COW_PAGES * PAGE);
        for page in 0..COW_PAGES {
            let bytes = [page as u8, 0x55];
            bench.machine.write(parent, page * PAGE, &bytes).expect("there is memory");
        }
        parent
    };

    let bench = Bench::new();
    let parent = parent_of(&bench);
    let rows = [
        (Door::Call, "first store to a clone page", Bar::Time(3.0)),
        (Door::Pointer, "the same through a real pointer", Bar::None),
    ];
    for (door, name, bar) in rows {
        let mut ours = |times| (0..times).map(|_| bench.store_to_clone(parent, door, 0xee)).sum();
        let rounds = compare(effort, &mut ours, &mut theirs).per(COW_PAGES);
        table.add(name, "first store to a MAP_PRIVATE page", bar, rounds);
    }

    // In frames that were never used before the host has to find memory, too.
    let mut ours = |times: u32| {
        let rounds = (0..times).map(|_| {
            let bench = Bench::new();
            let parent = parent_of(&bench);
            bench.store_to_clone(parent, Door::Call, 0xee)
        });
        rounds.sum()
    };
    let rounds = compare(effort, &mut ours, &mut theirs).per(COW_PAGES);
    let name = "first store, frame never used before";
    table.add(name, "first store to a MAP_PRIVATE page", Bar::Time(3.0), rounds);
}

/// Bytes that an empty VMO with one handle takes.
fn memory_per_vmo() {
    const VMOS: usize = 100_000;
    let bench = Bench::new();
    let before = bench.machine.census();
    let bytes_before = allocator::live_bytes();
    for _ in 0..VMOS {
        bench.create(PAGE);
    }
    let bytes = (allocator::live_bytes() - bytes_before) / VMOS;
    assert_eq!(bench.machine.census().vmos, before.vmos + VMOS);
    assert_eq!(bench.machine.census().frames, before.frames);
    let verdict = if bytes < 512 { "met" } else { "MISSED" };
    println!("an empty VMO with one handle takes {bytes} bytes (< 512 {verdict})");
}

/// Creates, clones and closes a million VMOs, as many at a time as there can be
/// handles for.
fn a_million_vmos(effort: Effort) {
    const BATCH: u64 = 100_000;
    let bench = Bench::new();
    let before = bench.machine.census();
    let batch = BATCH / effort.divisor;
    let mut handles = Vec::with_capacity(2 * batch as usize);
    let mut times = [Duration::ZERO; 3];
    for _ in 0..10 {
        let start = Instant::now();
        handles.extend((0..batch).map(|_| bench.create(PAGE)));
        times[0] += start.elapsed();
        let start = Instant::now();
        handles.extend_from_within(..);
        for index in 0..batch as usize {
            handles[batch as usize + index] = bench.clone_of(handles[index], PAGE);
        }
        times[1] += start.elapsed();
        assert_eq!(bench.machine.census().vmos as u64, before.vmos as u64 + 2 * batch);
        let start = Instant::now();
        handles.drain(..).for_each(|handle| bench.close(handle));
        times[2] += start.elapsed();
    }
    assert_eq!(bench.machine.census(), before);
    let [create, clone, close] = times;
    println!(
        "{} VMOs: created in {create:.2?}, cloned in {clone:.2?}, with their clones closed in \
         {close:.2?}, all in {:.2?}",
        10 * batch,
        create + clone + close,
    );
}
