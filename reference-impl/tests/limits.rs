//! Nothing costs in proportion to a VMO's size, and families may be deep.

mod common;

use std::time::Duration;

use common::{LARGEST, Machine, PAGE, READ_WRITE};
use vmo_abi::{
    Backend, ZX_ERR_NO_MEMORY, ZX_ERR_OUT_OF_RANGE, ZX_VM_FLAG_MAP_RANGE, ZX_VM_FLAG_PERM_READ,
};
use vmo_reference::Configuration;

/// What any single call may take; real work takes microseconds.
const AT_ONCE: Duration = Duration::from_millis(50);

const SIZES: [u64; 6] = [0, PAGE, 1 << 36, 1 << 52, 1 << 63, LARGEST];

/// Most of the user space there is.
const HUGE_REGION: u64 = 1 << 45;

/// The processor time that this thread has used: a busy host does not count.
fn thread_time() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the call stores into a record of ours.
    let status = unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut time) };
    assert_eq!(status, 0);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// Does something that must not take long.
#[track_caller]
fn at_once<T>(what: &str, act: impl FnOnce() -> T) -> T {
    let start = thread_time();
    let result = act();
    let taken = thread_time() - start;
    assert!(taken < AT_ONCE, "{what} took {taken:?}");
    result
}

fn huge_machine() -> Machine {
    Machine::with(Configuration { root_region_bytes: HUGE_REGION, ..Configuration::default() })
}

#[test]
fn create_clone_resize_and_close_cost_the_same_at_every_size() {
    let machine = Machine::new();
    let before = machine.census();
    for size in SIZES {
        let vmo = at_once("create", || machine.create(size)).unwrap();
        assert_eq!(machine.size(vmo), Ok(size));
        let clone = at_once("clone", || machine.clone_of(vmo, 0, size)).unwrap();
        let grandchild = at_once("clone of a clone", || machine.clone_of(clone, 0, size)).unwrap();
        for resized in [vmo, clone, grandchild] {
            at_once("shrink", || machine.set_size(resized, 0)).unwrap();
            assert_eq!(machine.size(resized), Ok(0));
            at_once("grow", || machine.set_size(resized, size)).unwrap();
            assert_eq!(machine.size(resized), Ok(size));
        }
        at_once("close", || machine.close_many(&[vmo, clone, grandchild])).unwrap();
    }
    assert_eq!(machine.census(), before);
}

#[test]
fn clones_start_anywhere_in_a_huge_parent() {
    let machine = Machine::new();
    let before = machine.census();
    let vmo = machine.create(LARGEST).unwrap();
    let last = LARGEST - PAGE;
    machine.write(vmo, last, b"end").unwrap();
    let clone = at_once("clone", || machine.clone_of(vmo, last, 0)).unwrap();
    machine.set_size(clone, LARGEST).unwrap();
    assert_eq!(machine.read(clone, 0, 3).unwrap(), b"end");
    // Beyond the parent, and where offset and position leave 64 bits (COW-37).
    for offset in [PAGE, 2 * PAGE, last] {
        assert_eq!(at_once("read", || machine.read(clone, offset, PAGE)).unwrap(), vec![0; 4096]);
        machine.write(clone, offset, b"own").unwrap();
        assert_eq!(machine.read(clone, offset, 3).unwrap(), b"own");
    }
    machine.close_many(&[vmo, clone]).unwrap();
    assert_eq!(machine.census(), before);
}

#[test]
fn the_last_page_of_the_largest_vmo_is_ordinary() {
    let machine = Machine::new();
    let before = machine.census();
    let vmo = machine.create(LARGEST).unwrap();
    let last = LARGEST - PAGE;
    assert_eq!(machine.read(vmo, last, PAGE).unwrap(), vec![0; 4096]);
    at_once("write", || machine.write(vmo, last, &[7; 4096])).unwrap();
    assert_eq!(at_once("read", || machine.read(vmo, last, PAGE)).unwrap(), vec![7; 4096]);
    assert_eq!(machine.write(vmo, LARGEST - 1, &[1; 2]), Err(ZX_ERR_OUT_OF_RANGE));
    assert_eq!(machine.byte(vmo, LARGEST - 1), 7);
    assert_eq!(machine.census().frames, before.frames + 1);

    at_once("decommit", || machine.decommit(vmo, 0..LARGEST)).unwrap();
    assert_eq!(machine.byte(vmo, LARGEST - 1), 0);
    assert_eq!(machine.census().frames, before.frames);

    machine.write(vmo, 0, b"first").unwrap();
    machine.write(vmo, last, b"last").unwrap();
    at_once("shrink", || machine.set_size(vmo, 0)).unwrap();
    machine.set_size(vmo, LARGEST).unwrap();
    assert_eq!((machine.byte(vmo, 0), machine.byte(vmo, last)), (0, 0));
    machine.close(vmo).unwrap();
    assert_eq!(machine.census(), before);
}

#[test]
fn a_commit_that_can_never_be_had_is_refused_and_commits_nothing() {
    let machine = Machine::new();
    let before = machine.census();
    let vmo = machine.create(LARGEST).unwrap();
    machine.write(vmo, PAGE, b"kept").unwrap();
    let clone = machine.clone_of(vmo, 0, LARGEST).unwrap();
    let grandchild = machine.clone_of(clone, 0, LARGEST).unwrap();
    for refused in [vmo, clone, grandchild] {
        for range in [0..1 << 62, 0..LARGEST, PAGE..1 << 45, LARGEST - (1 << 62)..LARGEST] {
            let answer = at_once("commit", || machine.commit(refused, range.clone()));
            assert_eq!(answer, Err(ZX_ERR_NO_MEMORY), "{range:x?}");
        }
        assert_eq!(machine.read(refused, PAGE, 4).unwrap(), b"kept");
    }
    assert_eq!(machine.census().frames, before.frames + 1);
    machine.close_many(&[vmo, clone, grandchild]).unwrap();
    assert_eq!(machine.census(), before);
}

#[test]
fn huge_mappings_are_made_used_and_removed_at_once() {
    let machine = huge_machine();
    let before = machine.census();
    let vmo = machine.create(LARGEST).unwrap();
    let len = HUGE_REGION / 2;
    for flags in [READ_WRITE, READ_WRITE | ZX_VM_FLAG_MAP_RANGE] {
        let base = at_once("map", || machine.map(vmo, 0, len, flags)).unwrap();
        assert_eq!(machine.census().frames, before.frames, "mapping commits nothing");
        let last = base + len - 8;
        assert_eq!(machine.load(last, 8).unwrap(), [0; 8]);
        at_once("store", || machine.store(last, b"the end.")).unwrap();
        assert_eq!(machine.read(vmo, len - 8, 8).unwrap(), b"the end.");
        at_once("protect", || machine.protect(base, len, ZX_VM_FLAG_PERM_READ)).unwrap();
        assert!(machine.store(last, b"no").is_err());
        at_once("shrink", || machine.set_size(vmo, PAGE)).unwrap();
        assert!(machine.load(last, 8).is_err());
        at_once("grow", || machine.set_size(vmo, LARGEST)).unwrap();
        assert_eq!(machine.load(last, 8).unwrap(), [0; 8]);
        at_once("unmap the middle", || machine.unmap(base + PAGE, len - 2 * PAGE)).unwrap();
        assert_eq!(machine.load(last, 8).unwrap(), [0; 8]);
        at_once("unmap", || machine.unmap(base, len)).unwrap();
        assert!(machine.load(last, 1).is_err());
    }
    machine.close(vmo).unwrap();
    assert_eq!(machine.census(), before);
}

#[test]
fn mapping_a_huge_clone_eagerly_costs_what_its_ancestors_have() {
    let machine = huge_machine();
    let before = machine.census();
    let root = machine.create(LARGEST).unwrap();
    let len = HUGE_REGION / 2;
    machine.write(root, 0, b"low").unwrap();
    machine.write(root, len - PAGE, b"high").unwrap();
    machine.write(root, len, b"not in the mapping").unwrap();
    let clone = machine.clone_of(root, 0, LARGEST).unwrap();
    let flags = ZX_VM_FLAG_PERM_READ | ZX_VM_FLAG_MAP_RANGE;
    let base = at_once("map", || machine.map(clone, 0, len, flags)).unwrap();
    assert_eq!(machine.load(base + len - PAGE, 4).unwrap(), b"high");
    assert_eq!(machine.census().frames, before.frames + 5, "two pages were copied (COW-34)");
    at_once("unmap", || machine.unmap(base, len)).unwrap();
    machine.close_many(&[root, clone]).unwrap();
    assert_eq!(machine.census(), before);
}

#[test]
fn a_region_as_large_as_its_parent_is_filled_and_destroyed_at_once() {
    let machine = huge_machine();
    let before = machine.census();
    let can_map = READ_WRITE << 7;
    let allocate = || machine.allocate(machine.root, 0, HUGE_REGION, can_map);
    let (region, base) = at_once("allocate", allocate).unwrap();
    let vmo = machine.create(LARGEST).unwrap();
    let map = || machine.map_in(region, 0, vmo, 0, HUGE_REGION, READ_WRITE);
    assert_eq!(at_once("map", map), Ok(base));
    assert_eq!(at_once("map in a full region", map), Err(ZX_ERR_NO_MEMORY));
    at_once("destroy", || machine.destroy(region)).unwrap();
    machine.close_many(&[region, vmo]).unwrap();
    assert_eq!(machine.census(), before);
}

/// Clones of clones, all but the root and the newest without a handle.
fn chain(machine: &Machine, root: u32, depth: usize, size: u64) -> u32 {
    let mut newest = root;
    for _ in 0..depth {
        let next = machine.clone_of(newest, 0, size).unwrap();
        if newest != root {
            machine.close(newest).unwrap();
        }
        newest = next;
    }
    newest
}

#[test]
fn a_chain_of_a_hundred_thousand_clones_works_and_goes_away() {
    const DEPTH: usize = 100_000;
    let machine = Machine::with(Configuration {
        memory_limit: Some(DEPTH as u64 + 10),
        ..Configuration::default()
    });
    let before = machine.census();
    let size = 4 * PAGE;
    let root = machine.create(size).unwrap();
    machine.write(root, 0, b"page 0").unwrap();
    machine.write(root, PAGE, b"page 1").unwrap();
    let newest = chain(&machine, root, DEPTH, size);
    assert_eq!(machine.census().vmos, before.vmos + DEPTH + 1);
    assert_eq!(machine.census().frames, before.frames + 2);

    assert_eq!(machine.read(newest, 0, 6).unwrap(), b"page 0");
    assert_eq!(machine.read(newest, PAGE, 6).unwrap(), b"page 1");
    machine.write(root, PAGE, b"PAGE").unwrap();
    assert_eq!(machine.read(newest, PAGE, 6).unwrap(), b"PAGE 1");
    // No ancestor has the page, so only the newest gets one (COW-28).
    machine.write(newest, 2 * PAGE, b"own").unwrap();
    assert_eq!(machine.census().frames, before.frames + 3);
    // Every clone on the way gets a copy (COW-27).
    machine.write(newest, 0, b"P").unwrap();
    assert_eq!(machine.read(newest, 0, 6).unwrap(), b"Page 0");
    assert_eq!(machine.read(root, 0, 6).unwrap(), b"page 0");
    assert_eq!(machine.census().frames, before.frames + 3 + DEPTH as u64);
    // A second such page would take more memory than there is.
    assert_eq!(machine.write(newest, PAGE, b"Q"), Err(ZX_ERR_NO_MEMORY));
    assert_eq!(machine.commit(newest, PAGE..2 * PAGE), Err(ZX_ERR_NO_MEMORY));
    assert_eq!(machine.census().frames, before.frames + 3 + DEPTH as u64);

    machine.set_size(root, 0).unwrap();
    assert_eq!(machine.read(newest, 0, 6).unwrap(), b"Page 0");
    assert_eq!(machine.read(newest, PAGE, 6).unwrap(), [0; 6]);
    machine.set_size(root, size).unwrap();
    machine.write(root, PAGE, b"back").unwrap();
    assert_eq!(machine.read(newest, PAGE, 4).unwrap(), b"back");
    machine.decommit(newest, 0..size).unwrap();
    assert_eq!(machine.read(newest, 0, 6).unwrap(), b"page 0", "the copy of the one above");

    machine.close(root).unwrap();
    assert_eq!(machine.census().vmos, before.vmos + DEPTH + 1);
    assert_eq!(machine.read(newest, PAGE, 4).unwrap(), b"back");
    machine.close(newest).unwrap();
    assert_eq!(machine.census(), before);
}

#[test]
fn a_mapped_chain_follows_its_root() {
    const DEPTH: usize = 10_000;
    let machine = Machine::new();
    let before = machine.census();
    let root = machine.create(PAGE).unwrap();
    let newest = chain(&machine, root, DEPTH, PAGE);
    let base = machine.map(newest, 0, PAGE, READ_WRITE).unwrap();
    machine.close(newest).unwrap();
    assert_eq!(machine.load_byte(base), Ok(0));
    machine.write(root, 0, &[1]).unwrap();
    assert_eq!(machine.load_byte(base), Ok(1));
    machine.store(base, &[2]).unwrap();
    assert_eq!(machine.load_byte(base), Ok(2));
    assert_eq!(machine.byte(root, 0), 1);
    machine.close(root).unwrap();
    assert_eq!(machine.census().vmos, before.vmos + DEPTH + 1, "the mapping holds them all");
    machine.unmap(base, PAGE).unwrap();
    assert_eq!(machine.census(), before);
}

#[test]
fn a_hundred_thousand_clones_of_one_vmo_are_told_apart() {
    const CLONES: u64 = 100_000;
    let machine = Machine::new();
    let before = machine.census();
    let root = machine.create(CLONES * PAGE).unwrap();
    let clones: Vec<_> =
        (0..CLONES).map(|index| machine.clone_of(root, index * PAGE, PAGE).unwrap()).collect();
    machine.write(root, 77_777 * PAGE, &[1]).unwrap();
    assert_eq!(machine.byte(clones[77_777], 0), 1);
    machine.write(clones[77_777], 0, &[2]).unwrap();
    assert_eq!(machine.byte(root, 77_777 * PAGE), 1);
    assert_eq!(machine.byte(clones[77_776], 0), 0);
    // From the middle outward, so that no order of siblings is favoured.
    let (low, high) = clones.split_at(clones.len() / 2);
    for (low, high) in low.iter().rev().zip(high) {
        machine.close(*low).unwrap();
        machine.close(*high).unwrap();
    }
    assert_eq!(machine.census().vmos, before.vmos + 1);
    machine.close(root).unwrap();
    assert_eq!(machine.census(), before);
}

#[test]
fn a_full_handle_table_refuses_and_recovers() {
    let machine =
        Machine::with(Configuration { largest_handle_count: 100, ..Configuration::default() });
    let before = machine.census();
    let vmo = machine.create(PAGE).unwrap();
    let mut handles = vec![vmo];
    while let Ok(handle) = machine.duplicate(vmo) {
        handles.push(handle);
    }
    let full = machine.census();
    assert_eq!(full.handles, 100);
    assert_eq!(machine.create(PAGE), Err(ZX_ERR_NO_MEMORY));
    assert_eq!(machine.clone_of(vmo, 0, PAGE), Err(ZX_ERR_NO_MEMORY));
    assert_eq!(machine.channel(), Err(ZX_ERR_NO_MEMORY));
    assert_eq!(machine.allocate(machine.root, 0, PAGE, 0), Err(ZX_ERR_NO_MEMORY));
    assert_eq!(machine.reference.event_create(0, machine.out(0)), ZX_ERR_NO_MEMORY);
    assert_eq!(machine.reference.port_create(0, machine.out(0)), ZX_ERR_NO_MEMORY);
    assert_eq!(machine.census(), full);
    machine.close(handles.pop().unwrap()).unwrap();
    assert_eq!(machine.channel(), Err(ZX_ERR_NO_MEMORY), "there is room for one end only");
    handles.push(machine.create(PAGE).unwrap());
    for handle in handles {
        machine.close(handle).unwrap();
    }
    assert_eq!(machine.census(), before);
}
