//! Mappings are host memory behind real pointers.

mod common;

use std::ops::Deref;
use std::ptr;
use std::sync::MutexGuard;

use common::pointers::{Ending, in_child, peek, pointer, poke, take_turn};
use common::{Machine, PAGE, READ_WRITE};
use vmo_abi::{
    Backend, ZX_VM_FLAG_CAN_MAP_SPECIFIC, ZX_VM_FLAG_PERM_READ, ZX_VM_FLAG_SPECIFIC_OVERWRITE,
    zx_vaddr_t,
};
use vmo_reference::{Configuration, fault_handler};

struct Test {
    machine: Machine,
    _turn: MutexGuard<'static, ()>,
}

impl Deref for Test {
    type Target = Machine;

    fn deref(&self) -> &Machine {
        &self.machine
    }
}

fn start() -> Test {
    start_with(Configuration::default())
}

fn start_with(configuration: Configuration) -> Test {
    let turn = take_turn();
    fault_handler::install().expect("the host takes a handler");
    Test { machine: Machine::with(configuration), _turn: turn }
}

/// Whether an access ends the process with SIGSEGV. Only for accesses that
/// either fault or change nothing in the machine.
fn faults(access: impl FnOnce()) -> bool {
    match in_child(access) {
        Ending::Exit(0) => false,
        Ending::Signal(libc::SIGSEGV) => true,
        other => panic!("the access ended with {other:?}"),
    }
}

fn load_faults(address: zx_vaddr_t) -> bool {
    faults(|| {
        peek(address);
    })
}

fn store_faults(address: zx_vaddr_t) -> bool {
    faults(|| poke(address, 0xee))
}

#[test]
fn pointers_and_calls_see_each_other() {
    let machine = start();
    let vmo = machine.create(4 * PAGE).unwrap();
    let base = machine.map(vmo, 0, 4 * PAGE, READ_WRITE).unwrap();
    for page in 0..4 {
        let offset = page * PAGE + 17;
        assert_eq!(peek(base + offset), 0);
        machine.write(vmo, offset, &[1]).unwrap();
        assert_eq!(peek(base + offset), 1);
        poke(base + offset, 2);
        assert_eq!(machine.byte(vmo, offset), 2);
        machine.write(vmo, offset, &[3]).unwrap();
        assert_eq!(peek(base + offset), 3);
        machine.store(base + offset, &[4]).unwrap();
        assert_eq!(peek(base + offset), 4);
        poke(base + offset, 5);
        assert_eq!(machine.load_byte(base + offset), Ok(5));
    }
}

#[test]
fn mappings_of_one_vmo_show_the_same_bytes() {
    let machine = start();
    let vmo = machine.create(4 * PAGE).unwrap();
    let whole = machine.map(vmo, 0, 4 * PAGE, READ_WRITE).unwrap();
    let part = machine.map(vmo, PAGE, 2 * PAGE, READ_WRITE).unwrap();
    let read_only = machine.map(vmo, PAGE, PAGE, ZX_VM_FLAG_PERM_READ).unwrap();
    assert_eq!((peek(whole + PAGE), peek(part), peek(read_only)), (0, 0, 0));
    poke(part, 1);
    assert_eq!((peek(whole + PAGE), peek(part), peek(read_only)), (1, 1, 1));
    poke(whole + PAGE, 2);
    assert_eq!((peek(whole + PAGE), peek(part), peek(read_only)), (2, 2, 2));
    machine.close(vmo).unwrap();
    machine.unmap(whole, 4 * PAGE).unwrap();
    assert_eq!((peek(part), peek(read_only)), (2, 2), "a mapping holds the VMO");
}

#[test]
fn loads_commit_nothing_and_stores_one_page() {
    let machine = start();
    let vmo = machine.create(4 * PAGE).unwrap();
    let base = machine.map(vmo, 0, 4 * PAGE, READ_WRITE).unwrap();
    for page in 0..4 {
        assert_eq!(peek(base + page * PAGE), 0);
    }
    assert_eq!(machine.census().frames, 0);
    poke(base + 2 * PAGE, 1);
    poke(base + 3 * PAGE - 1, 1);
    assert_eq!(machine.census().frames, 1);
    assert_eq!(peek(base + PAGE), 0, "the page of zeros is nobody's to write");
}

#[test]
fn copies_of_many_bytes_go_across_pages() {
    let machine = start();
    let vmo = machine.create(16 * PAGE).unwrap();
    let base = machine.map(vmo, 0, 16 * PAGE, READ_WRITE).unwrap();
    let bytes: Vec<u8> = (0..10 * PAGE).map(|index| (index % 251) as u8).collect();
    // SAFETY: the mapping has room for the bytes, and nothing in Rust refers to
    // its memory.
    unsafe { pointer(base + 100).copy_from_nonoverlapping(bytes.as_ptr(), bytes.len()) };
    assert_eq!(machine.read(vmo, 100, 10 * PAGE).unwrap(), bytes);
    assert_eq!(machine.census().frames, 11);
    // One access that touches two pages, the second of them for the first time.
    // SAFETY: as above.
    unsafe { pointer(base + 12 * PAGE - 3).cast::<u64>().write_unaligned(u64::MAX) };
    assert_eq!(machine.read(vmo, 12 * PAGE - 4, 10).unwrap(), {
        let mut expected = [0xff; 10];
        (expected[0], expected[9]) = (0, 0);
        expected
    });
    // SAFETY: as above.
    let word = unsafe { pointer(base + 13 * PAGE - 3).cast::<u64>().read_unaligned() };
    assert_eq!(word, 0);
}

#[test]
fn a_clone_copies_at_the_first_store() {
    let machine = start();
    let parent = machine.create(2 * PAGE).unwrap();
    machine.write(parent, 0, b"ab").unwrap();
    let clone = machine.clone_of(parent, 0, 2 * PAGE).unwrap();
    let sibling = machine.clone_of(parent, 0, 2 * PAGE).unwrap();
    let base = machine.map(clone, 0, 2 * PAGE, READ_WRITE).unwrap();
    let other = machine.map(sibling, 0, 2 * PAGE, READ_WRITE).unwrap();
    assert_eq!((peek(base), peek(other), machine.census().frames), (b'a', b'a', 1));

    machine.write(parent, 0, b"c").unwrap();
    assert_eq!((peek(base), peek(other)), (b'c', b'c'), "a clone is no snapshot (COW-02)");

    poke(base, b'd');
    assert_eq!(machine.census().frames, 2);
    assert_eq!(machine.read(parent, 0, 2).unwrap(), b"cb");
    assert_eq!((peek(base), peek(base + 1), peek(other)), (b'd', b'b', b'c'));

    machine.write(parent, 0, b"ef").unwrap();
    assert_eq!((peek(base), peek(base + 1)), (b'd', b'b'), "the page is detached (COW-04)");
    assert_eq!((peek(other), peek(other + 1)), (b'e', b'f'));

    // The other page still follows (COW-07), also from zeros to the first page.
    assert_eq!(peek(base + PAGE), 0);
    machine.write(parent, PAGE, b"g").unwrap();
    assert_eq!(peek(base + PAGE), b'g');
}

#[test]
fn stores_to_the_parent_show_in_its_clones() {
    let machine = start();
    let parent = machine.create(PAGE).unwrap();
    let parent_base = machine.map(parent, 0, PAGE, READ_WRITE).unwrap();
    let clone = machine.clone_of(parent, 0, PAGE).unwrap();
    let grandchild = machine.clone_of(clone, 0, PAGE).unwrap();
    let base = machine.map(grandchild, 0, PAGE, READ_WRITE).unwrap();
    assert_eq!(peek(base), 0);
    poke(parent_base, 1);
    assert_eq!(peek(base), 1, "the page of zeros is replaced (COW-32)");
    machine.close(parent).unwrap();
    poke(parent_base, 2);
    assert_eq!((peek(base), machine.byte(clone, 0)), (2, 2), "a mapped parent feeds (COW-16)");
    machine.write(clone, 0, &[3]).unwrap();
    assert_eq!((peek(parent_base), peek(base)), (2, 3));
    poke(base, 4);
    assert_eq!((peek(parent_base), machine.byte(clone, 0), peek(base)), (2, 3, 4));
}

#[test]
fn a_parent_that_shrinks_and_grows_shows_zeros_in_its_clones() {
    let machine = start();
    let parent = machine.create(2 * PAGE).unwrap();
    machine.write(parent, PAGE, &[1]).unwrap();
    let clone = machine.clone_of(parent, 0, 2 * PAGE).unwrap();
    let base = machine.map(clone, 0, 2 * PAGE, READ_WRITE).unwrap();
    assert_eq!(peek(base + PAGE), 1);
    machine.set_size(parent, PAGE).unwrap();
    assert_eq!(peek(base + PAGE), 0);
    machine.set_size(parent, 2 * PAGE).unwrap();
    assert_eq!(peek(base + PAGE), 0);
    machine.write(parent, PAGE, &[2]).unwrap();
    assert_eq!(peek(base + PAGE), 2);
    machine.decommit(parent, PAGE..2 * PAGE).unwrap();
    assert_eq!(peek(base + PAGE), 0, "(COW-14)");
}

#[test]
fn commit_changes_nothing_and_decommit_shows_zeros() {
    let machine = start();
    let vmo = machine.create(2 * PAGE).unwrap();
    let base = machine.map(vmo, 0, 2 * PAGE, READ_WRITE).unwrap();
    poke(base, 1);
    assert_eq!(peek(base + PAGE), 0);
    machine.commit(vmo, 0..2 * PAGE).unwrap();
    assert_eq!((peek(base), peek(base + PAGE)), (1, 0));
    poke(base + PAGE, 2);
    assert_eq!(machine.byte(vmo, PAGE), 2);
    machine.decommit(vmo, 0..PAGE).unwrap();
    assert_eq!((peek(base), peek(base + PAGE)), (0, 2));
    poke(base, 3);
    assert_eq!((machine.byte(vmo, 0), machine.census().frames), (3, 2));
    // A frame that was given back serves another VMO, out of reach from here.
    machine.decommit(vmo, 0..2 * PAGE).unwrap();
    let other = machine.create(2 * PAGE).unwrap();
    machine.write(other, 0, &[9; 2 * PAGE as usize]).unwrap();
    assert_eq!((peek(base), peek(base + PAGE)), (0, 0));
}

#[test]
fn beyond_the_end_is_a_fault_until_the_vmo_grows() {
    let machine = start();
    let vmo = machine.create(2 * PAGE).unwrap();
    let base = machine.map(vmo, 0, 4 * PAGE, READ_WRITE).unwrap();
    poke(base + PAGE, 1);
    assert!(load_faults(base + 2 * PAGE));
    assert!(store_faults(base + 2 * PAGE));
    machine.set_size(vmo, PAGE).unwrap();
    assert!(load_faults(base + PAGE));
    assert!(store_faults(base + PAGE));
    assert!(!load_faults(base));
    machine.set_size(vmo, 3 * PAGE).unwrap();
    assert_eq!((peek(base + PAGE), peek(base + 2 * PAGE)), (0, 0));
    poke(base + 2 * PAGE, 2);
    assert_eq!(machine.byte(vmo, 2 * PAGE), 2);
    assert!(load_faults(base + 3 * PAGE));
}

#[test]
fn permissions_are_kept_and_changed() {
    let machine = start();
    let vmo = machine.create(2 * PAGE).unwrap();
    machine.write(vmo, 0, &[1]).unwrap();
    let base = machine.map(vmo, 0, 2 * PAGE, ZX_VM_FLAG_PERM_READ).unwrap();
    assert_eq!((peek(base), peek(base + PAGE)), (1, 0));
    assert!(store_faults(base));
    assert!(store_faults(base + PAGE));

    machine.protect(base, PAGE, READ_WRITE).unwrap();
    poke(base, 2);
    assert_eq!(machine.byte(vmo, 0), 2);
    assert!(store_faults(base + PAGE));

    machine.protect(base, 2 * PAGE, ZX_VM_FLAG_PERM_READ).unwrap();
    assert_eq!(peek(base), 2);
    assert!(store_faults(base));

    machine.protect(base, 2 * PAGE, 0).unwrap();
    assert!(load_faults(base));
    assert!(store_faults(base));
    machine.protect(base, 2 * PAGE, READ_WRITE).unwrap();
    poke(base, 3);
    assert_eq!((peek(base), machine.byte(vmo, 0)), (3, 3));

    let silent = machine.map(vmo, 0, PAGE, 0).unwrap();
    assert!(load_faults(silent));
    assert!(store_faults(silent));
}

/// The day's kernel writes into the parent's page here (COW-35).
#[test]
fn a_clone_made_writable_after_it_was_read_still_copies() {
    let machine = start();
    let parent = machine.create(2 * PAGE).unwrap();
    machine.write(parent, 0, &[1]).unwrap();
    let clone = machine.clone_of(parent, 0, 2 * PAGE).unwrap();
    let base = machine.map(clone, 0, 2 * PAGE, ZX_VM_FLAG_PERM_READ).unwrap();
    assert_eq!((peek(base), peek(base + PAGE)), (1, 0));
    machine.protect(base, 2 * PAGE, READ_WRITE).unwrap();
    poke(base, 2);
    poke(base + PAGE, 3);
    assert_eq!((machine.byte(parent, 0), machine.byte(parent, PAGE)), (1, 0));
    assert_eq!((machine.byte(clone, 0), machine.byte(clone, PAGE)), (2, 3));
    let other = machine.create(PAGE).unwrap();
    assert_eq!(machine.byte(other, 0), 0);
}

#[test]
fn what_is_not_mapped_faults() {
    let machine = start();
    let environment = machine.reference.environment();
    assert!(load_faults(8));
    assert!(load_faults(environment.bad.unmapped.unwrap()));
    assert!(load_faults(environment.arena.base - 1));
    assert!(load_faults(environment.arena.end()));
    let read_only = environment.bad.read_only.unwrap();
    assert_eq!((peek(read_only), peek(read_only + PAGE - 1)), (0, 0));
    assert!(store_faults(read_only));

    let vmo = machine.create(3 * PAGE).unwrap();
    let base = machine.map(vmo, 0, 3 * PAGE, READ_WRITE).unwrap();
    (0..3).for_each(|page| poke(base + page * PAGE, 1));
    machine.unmap(base + PAGE, PAGE).unwrap();
    assert!(load_faults(base + PAGE));
    assert_eq!((peek(base), peek(base + 2 * PAGE)), (1, 1));
    machine.unmap(base, 3 * PAGE).unwrap();
    assert!((0..3).all(|page| load_faults(base + page * PAGE)));
    assert_eq!(machine.byte(vmo, PAGE), 1);
}

#[test]
fn destroyed_and_overwritten_mappings_are_out_of_reach() {
    let machine = start();
    let (old, new) = (machine.create(2 * PAGE).unwrap(), machine.create(2 * PAGE).unwrap());
    let flags = READ_WRITE << 7 | ZX_VM_FLAG_CAN_MAP_SPECIFIC;
    let (region, base) = machine.allocate(machine.root, 0, 4 * PAGE, flags).unwrap();
    let overwrite = READ_WRITE | ZX_VM_FLAG_SPECIFIC_OVERWRITE;
    machine.map_in(region, 0, old, 0, 2 * PAGE, overwrite).unwrap();
    poke(base, 1);
    poke(base + PAGE, 1);
    machine.map_in(region, PAGE, new, 0, 2 * PAGE, overwrite).unwrap();
    assert_eq!((peek(base), peek(base + PAGE)), (1, 0));
    poke(base + PAGE, 2);
    assert_eq!((machine.byte(old, PAGE), machine.byte(new, 0)), (1, 2));
    machine.destroy(region).unwrap();
    assert!(load_faults(base));
    assert!(load_faults(base + PAGE));
}

#[test]
fn a_store_that_no_memory_is_left_for_faults() {
    let machine = start();
    let vmo = machine.create(2 * PAGE).unwrap();
    let base = machine.map(vmo, 0, 2 * PAGE, READ_WRITE).unwrap();
    poke(base, 1);
    machine.reference.set_memory_limit(Some(1));
    poke(base, 2);
    assert_eq!(peek(base + PAGE), 0);
    assert!(store_faults(base + PAGE));
    machine.reference.set_memory_limit(Some(2));
    poke(base + PAGE, 3);
    assert_eq!(machine.byte(vmo, PAGE), 3);
}

#[test]
fn scratch_memory_is_ordinary_memory() {
    let machine = start();
    let address = machine.buffer();
    poke(address, 1);
    assert_eq!(machine.load_byte(address), Ok(1));
    let vmo = machine.create(PAGE).unwrap();
    machine.write(vmo, 0, &[2]).unwrap();
    assert_eq!(peek(address), 2);
}

#[test]
fn machines_do_not_get_in_each_others_way() {
    let machine = start();
    let other = Machine::new();
    let (vmo, other_vmo) = (machine.create(PAGE).unwrap(), other.create(PAGE).unwrap());
    let base = machine.map(vmo, 0, PAGE, READ_WRITE).unwrap();
    let other_base = other.map(other_vmo, 0, PAGE, READ_WRITE).unwrap();
    poke(base, 1);
    poke(other_base, 2);
    assert_eq!((machine.byte(vmo, 0), other.byte(other_vmo, 0)), (1, 2));
    drop(other);
    assert!(load_faults(other_base));
    assert_eq!(peek(base), 1);
}

/// More than the host allows mappings, by default 65,530.
const MANY_PAGES: u64 = 70_000;

/// Does something in child processes that differ in whether they have an odd or
/// an even number of mappings: an entered page takes two, so that one of them
/// goes beyond the host's limit and the other stops at it.
fn ends_well_in_children(act: impl Fn()) {
    for more in 0..2 {
        let ending = in_child(|| {
            for _ in 0..more {
                let flags = libc::MAP_SHARED | libc::MAP_ANONYMOUS;
                // SAFETY: asks for a mapping of its own wherever there is room.
                unsafe { libc::mmap(ptr::null_mut(), 1, libc::PROT_READ, flags, -1, 0) };
            }
            act();
        });
        assert_eq!(ending, Ending::Exit(0), "with {more} more mappings");
    }
}

#[test]
fn more_pages_can_be_touched_than_the_host_has_mappings() {
    let machine = start();
    // Every second page, so that no two of them make one mapping of the host.
    let size = 2 * MANY_PAGES * PAGE;
    let vmo = machine.create(size).unwrap();
    let base = machine.map(vmo, 0, size, READ_WRITE).unwrap();
    ends_well_in_children(|| {
        for page in 0..MANY_PAGES {
            poke(base + 2 * page * PAGE, page as u8);
        }
        for page in (0..MANY_PAGES).rev() {
            assert_eq!(peek(base + 2 * page * PAGE), page as u8);
        }
        assert_eq!(machine.byte(vmo, 2 * 1_000 * PAGE), 1_000_u64 as u8);
        machine.close(vmo).unwrap();
        machine.unmap(base, size).unwrap();
        assert_eq!(machine.census().frames, 0);
    });
}

/// Taking a page away from the middle of a mapping of the host splits it, which
/// the host refuses when it has as many mappings as it allows.
#[test]
fn pages_can_be_taken_away_when_the_host_has_no_mappings_left() {
    let machine = start();
    let vmo = machine.create(3 * PAGE).unwrap();
    machine.commit(vmo, 0..3 * PAGE).unwrap();
    let base = machine.map(vmo, 0, 3 * PAGE, READ_WRITE).unwrap();
    let size = 2 * MANY_PAGES * PAGE;
    let strided = machine.create(size).unwrap();
    let strided_base = machine.map(strided, 0, size, ZX_VM_FLAG_PERM_READ).unwrap();
    ends_well_in_children(|| {
        for page in 0..MANY_PAGES {
            assert_eq!(peek(strided_base + 2 * page * PAGE), 0);
            if page % 8 != 0 {
                continue;
            }
            // Three pages that are one mapping of the host lose the middle one.
            (0..3).for_each(|page| poke(base + page * PAGE, 1));
            machine.protect(base + PAGE, PAGE, ZX_VM_FLAG_PERM_READ).unwrap();
            assert_eq!(peek(base + PAGE), 1);
            machine.protect(base + PAGE, PAGE, READ_WRITE).unwrap();
        }
    });
}
