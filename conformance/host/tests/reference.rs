//! An implementation that resolves faults in a handler of its own is asked
//! first: accesses reach the mappings of the reference through real addresses.

use vmo_abi::{
    Backend, Fault, ZX_OK, ZX_PAGE_SIZE, ZX_VM_FLAG_PERM_READ, ZX_VM_FLAG_PERM_WRITE,
    ZX_VMO_CLONE_COPY_ON_WRITE, zx_handle_t,
};
use vmo_host::HostMemory;
use vmo_reference::{Configuration, Reference, fault_handler};

const PAGE: u64 = ZX_PAGE_SIZE;
const READ_WRITE: u32 = ZX_VM_FLAG_PERM_READ | ZX_VM_FLAG_PERM_WRITE;

/// The reference as a machine, and our memory for accesses.
struct Both {
    memory: HostMemory,
    machine: Reference,
    out: u64,
    root: zx_handle_t,
}

fn start() -> Both {
    let memory = HostMemory::new(1 << 16).expect("the host has room");
    fault_handler::install().expect("the host allows a handler");
    let machine = Reference::new(Configuration::default()).expect("the host has room");
    let environment = machine.environment();
    Both { memory, out: environment.arena.base, root: environment.root_vmar, machine }
}

fn fault(address: u64) -> Result<(), Fault> {
    Err(Fault { address })
}

impl Both {
    /// What a call stored in the machine's arena, read through its address.
    fn out<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.memory.load(self.out, &mut bytes).expect("the arena can be read");
        bytes
    }

    fn create(&self, size: u64) -> zx_handle_t {
        assert_eq!(self.machine.vmo_create(size, 0, self.out), ZX_OK);
        u32::from_le_bytes(self.out())
    }

    fn clone_of(&self, vmo: zx_handle_t, size: u64) -> zx_handle_t {
        let options = ZX_VMO_CLONE_COPY_ON_WRITE;
        assert_eq!(self.machine.vmo_clone(vmo, options, 0, size, self.out), ZX_OK);
        u32::from_le_bytes(self.out())
    }

    fn map(&self, vmo: zx_handle_t, len: u64, flags: u32) -> u64 {
        let status = self.machine.vmar_map(self.root, 0, vmo, 0, len, flags, self.out);
        assert_eq!(status, ZX_OK);
        u64::from_le_bytes(self.out())
    }

    /// The first byte of a VMO, as `vmo_read` tells it.
    fn byte(&self, vmo: zx_handle_t, offset: u64) -> u8 {
        assert_eq!(self.machine.vmo_read(vmo, self.out, offset, 1), ZX_OK);
        self.out::<1>()[0]
    }

    fn load(&self, address: u64) -> Result<u8, Fault> {
        let mut byte = [0xaa];
        self.memory.load(address, &mut byte).map(|()| byte[0])
    }
}

#[test]
fn a_store_commits_a_page_and_a_load_does_not() {
    let both = start();
    let vmo = both.create(4 * PAGE);
    let base = both.map(vmo, 4 * PAGE, READ_WRITE);
    for page in 0..4 {
        assert_eq!(both.load(base + page * PAGE), Ok(0));
    }
    assert_eq!(both.machine.census().frames, 0);
    assert_eq!(both.memory.store(base + PAGE, &[7]), Ok(()));
    assert_eq!((both.machine.census().frames, both.byte(vmo, PAGE)), (1, 7));
    // A copy over all pages, and one access over two.
    let bytes: Vec<u8> = (0..4 * PAGE).map(|index| index as u8 ^ 0x5a).collect();
    assert_eq!(both.memory.store(base, &bytes), Ok(()));
    assert_eq!(both.machine.census().frames, 4);
    let mut loaded = vec![0; bytes.len()];
    assert_eq!(both.memory.load(base, &mut loaded), Ok(()));
    assert_eq!(loaded, bytes);
    assert_eq!(both.memory.store(base + PAGE - 3, &[1; 8]), Ok(()));
    assert_eq!((both.byte(vmo, PAGE - 3), both.byte(vmo, PAGE + 4)), (1, 1));
}

#[test]
fn a_clone_copies_at_the_first_store() {
    let both = start();
    let parent = both.create(2 * PAGE);
    let parent_base = both.map(parent, 2 * PAGE, READ_WRITE);
    assert_eq!(both.memory.store(parent_base, &[1]), Ok(()));
    let clone = both.clone_of(parent, 2 * PAGE);
    let base = both.map(clone, 2 * PAGE, READ_WRITE);
    assert_eq!(both.load(base), Ok(1));
    assert_eq!(both.memory.store(parent_base, &[2]), Ok(()));
    assert_eq!(both.load(base), Ok(2));
    assert_eq!(both.memory.store(base, &[3]), Ok(()));
    assert_eq!((both.load(parent_base), both.load(base)), (Ok(2), Ok(3)));
    assert_eq!(both.machine.census().frames, 2);
}

#[test]
fn what_the_machine_does_not_allow_is_a_fault() {
    let both = start();
    let vmo = both.create(2 * PAGE);
    let read_only = both.map(vmo, PAGE, ZX_VM_FLAG_PERM_READ);
    assert_eq!(both.load(read_only), Ok(0));
    assert_eq!(both.memory.store(read_only + 5, &[1]), fault(read_only + 5));
    assert_eq!(both.memory.store(read_only + 4, &[1; 8]), fault(read_only + 4));

    // Two pages of the VMO, and two where it has none.
    let base = both.map(vmo, 4 * PAGE, READ_WRITE);
    let end = base + 2 * PAGE;
    assert_eq!(both.memory.store(end - 4, &[9; 4]), Ok(()));
    assert_eq!(both.load(end), Err(Fault { address: end }));
    assert_eq!(both.memory.store(end - 4, &[1; 8]), fault(end));
    assert_eq!(both.byte(vmo, 2 * PAGE - 1), 9, "one access is whole or not at all");
    let mut bytes = [0; 100];
    assert_eq!(both.memory.load(end - 50, &mut bytes), fault(end));
    assert_eq!(bytes[49..52], [9, 0, 0]);
    assert_eq!(both.machine.vmo_set_size(vmo, PAGE), ZX_OK);
    assert_eq!(both.load(end - 1), Err(Fault { address: end - 1 }));

    assert_eq!(both.machine.vmar_unmap(both.root, base, 4 * PAGE), ZX_OK);
    assert_eq!(both.load(base), Err(Fault { address: base }));
    both.machine.set_memory_limit(Some(0));
    let empty = both.map(both.create(PAGE), PAGE, READ_WRITE);
    assert_eq!(both.memory.store(empty, &[1]), fault(empty));
    assert_eq!(both.load(empty), Ok(0));
}

#[test]
fn bad_ground_of_the_machine_is_a_fault() {
    let both = start();
    let bad = both.machine.environment().bad;
    for at in [bad.unmapped, bad.kernel].into_iter().flatten() {
        assert_eq!(both.load(at), Err(Fault { address: at }));
        assert_eq!(both.memory.store(at, &[1; 3]), fault(at));
    }
    let read_only = bad.read_only.expect("the reference has one");
    assert_eq!(both.load(read_only), Ok(0));
    assert_eq!(both.memory.store(read_only, &[1]), fault(read_only));
}

/// Every access of one does the same as that of the other.
#[test]
fn threads_access_while_the_machine_changes_what_they_see() {
    let both = start();
    let vmo = both.create(8 * PAGE);
    let base = both.map(vmo, 8 * PAGE, READ_WRITE);
    std::thread::scope(|scope| {
        for number in 0..4_u64 {
            let both = &both;
            scope.spawn(move || {
                for round in 0..500_u64 {
                    let at = base + (round % 8) * PAGE + number * 8;
                    assert_eq!(both.memory.store(at, &round.to_le_bytes()), Ok(()));
                    let mut word = [0; 8];
                    assert_eq!(both.memory.load(at, &mut word), Ok(()));
                    let word = u64::from_le_bytes(word);
                    // It may be decommitted in between.
                    assert!(word == round || word == 0, "{word}");
                }
            });
        }
        for _ in 0..200 {
            let decommit = vmo_abi::ZX_VMO_OP_DECOMMIT;
            assert_eq!(both.machine.vmo_op_range(vmo, decommit, 0, 8 * PAGE, 0, 0), ZX_OK);
        }
    });
}
