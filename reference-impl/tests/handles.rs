//! What happens to handles and objects when calls fail, and when objects end.

mod common;

use common::{Machine, PAGE, READ_WRITE};
use vmo_abi::{
    Backend, ZX_ERR_ACCESS_DENIED, ZX_ERR_BAD_HANDLE, ZX_ERR_INVALID_ARGS, ZX_OK,
    ZX_RIGHT_DUPLICATE, ZX_RIGHT_READ, ZX_RIGHT_SAME_RIGHTS, ZX_RIGHT_SET_POLICY,
    ZX_VM_FLAG_CAN_MAP_SPECIFIC, ZX_VM_FLAG_SPECIFIC_OVERWRITE, ZX_VMO_ZERO_CHILDREN, zx_handle_t,
    zx_vaddr_t,
};

/// An address of each kind that nothing can be stored at.
fn bad_pointers(machine: &Machine) -> [zx_vaddr_t; 5] {
    let environment = machine.reference.environment();
    let bad = environment.bad;
    let straddling = environment.arena.end() - 2;
    [0, bad.unmapped.unwrap(), bad.read_only.unwrap(), bad.kernel.unwrap(), straddling]
}

fn has_no_clones(machine: &Machine, vmo: zx_handle_t) -> bool {
    machine.signals(vmo) & ZX_VMO_ZERO_CHILDREN != 0
}

#[test]
fn a_handle_that_cannot_be_stored_leaks_nothing() {
    let machine = Machine::new();
    let vmo = machine.create(PAGE).unwrap();
    let before = machine.census();
    for out in bad_pointers(&machine) {
        let reference = &machine.reference;
        let statuses = [
            reference.vmo_create(PAGE, 0, out),
            reference.vmo_clone(vmo, 1, 0, PAGE, out),
            reference.handle_duplicate(vmo, ZX_RIGHT_SAME_RIGHTS, out),
            reference.event_create(0, out),
            reference.port_create(0, out),
            reference.channel_create(0, out, machine.out(0)),
            reference.channel_create(0, machine.out(0), out),
        ];
        assert_eq!(statuses, [ZX_ERR_INVALID_ARGS; 7], "{out:#x}");
        assert_eq!(machine.census(), before, "{out:#x}");
        assert!(has_no_clones(&machine, vmo), "VMO-CLONE-16");
        assert_eq!(machine.handle_count(vmo), Ok(1), "HANDLE-DUP-12");
    }
}

#[test]
fn a_call_that_fails_otherwise_stores_no_handle() {
    let machine = Machine::new();
    let reference = &machine.reference;
    let vmo = machine.create(PAGE).unwrap();
    let reduced = machine.duplicate_with(vmo, ZX_RIGHT_READ).unwrap();
    let spare = machine.duplicate(vmo).unwrap();
    let out = machine.out(0);
    let more = ZX_RIGHT_READ | ZX_RIGHT_SET_POLICY;
    machine.store(out, &0xdead_beef_u32.to_le_bytes()).unwrap();
    assert_eq!(reference.vmo_create(PAGE, 1, out), ZX_ERR_INVALID_ARGS);
    assert!(reference.vmo_create(u64::MAX, 0, out) < 0);
    assert_eq!(reference.vmo_clone(vmo, 1, 1, PAGE, out), ZX_ERR_INVALID_ARGS);
    assert_eq!(reference.vmo_clone(reduced, 1, 0, PAGE, out), ZX_ERR_ACCESS_DENIED);
    assert_eq!(reference.handle_duplicate(vmo, more, out), ZX_ERR_INVALID_ARGS);
    assert_eq!(reference.handle_duplicate(reduced, ZX_RIGHT_READ, out), ZX_ERR_ACCESS_DENIED);
    assert_eq!(reference.handle_replace(spare, more, out), ZX_ERR_INVALID_ARGS);
    assert_eq!(reference.event_create(1, out), ZX_ERR_INVALID_ARGS);
    assert_eq!(reference.port_create(2, out), ZX_ERR_INVALID_ARGS);
    assert_eq!(reference.channel_create(1, out, out), ZX_ERR_INVALID_ARGS);
    assert_eq!(machine.u32_at(0), 0xdead_beef);
}

#[test]
fn replacing_consumes_the_old_handle_in_any_case() {
    let machine = Machine::new();
    let before = machine.census();
    let vmo = machine.create(PAGE).unwrap();
    machine.write(vmo, 0, b"kept").unwrap();

    let new = machine.replace(vmo, ZX_RIGHT_READ).unwrap();
    assert_ne!(new, vmo, "HANDLE-REPLACE-10");
    assert!(!machine.is_valid(vmo));
    assert_eq!(machine.read(new, 0, 4).unwrap(), b"kept");
    assert_eq!(machine.basic(new).unwrap().rights, ZX_RIGHT_READ);

    // Rights are not judged before the handle exists, nor is it consumed then.
    let never = 1 << 31 | new;
    assert_eq!(machine.replace(never, ZX_RIGHT_SET_POLICY), Err(ZX_ERR_BAD_HANDLE));
    assert!(machine.is_valid(new));

    let more = ZX_RIGHT_SAME_RIGHTS | ZX_RIGHT_READ;
    assert_eq!(machine.replace(new, more), Err(ZX_ERR_INVALID_ARGS), "HANDLE-REPLACE-11");
    assert!(!machine.is_valid(new));
    assert_eq!(machine.census(), before, "it was the last one (HANDLE-REPLACE-07)");

    for out in bad_pointers(&machine) {
        let vmo = machine.create(PAGE).unwrap();
        let status = machine.reference.handle_replace(vmo, ZX_RIGHT_SAME_RIGHTS, out);
        assert_eq!(status, ZX_ERR_INVALID_ARGS);
        assert!(!machine.is_valid(vmo));
        assert_eq!(machine.census(), before);
    }
}

#[test]
fn a_duplicate_may_have_the_same_rights_but_no_others() {
    let machine = Machine::new();
    let vmo = machine.create(PAGE).unwrap();
    let rights = machine.basic(vmo).unwrap().rights;
    for asked in [rights, ZX_RIGHT_SAME_RIGHTS] {
        let duplicate = machine.duplicate_with(vmo, asked).unwrap();
        assert_eq!(machine.basic(duplicate).unwrap().rights, rights);
    }
    let refused = Err(ZX_ERR_INVALID_ARGS);
    assert_eq!(machine.duplicate_with(vmo, ZX_RIGHT_SAME_RIGHTS | 1), refused);
    assert_eq!(machine.duplicate_with(vmo, rights | ZX_RIGHT_SET_POLICY), refused);
    let bare = machine.duplicate_with(vmo, 0).unwrap();
    // DUPLICATE is asked for before the subset is (HANDLE-DUP-09).
    assert_eq!(machine.duplicate_with(bare, ZX_RIGHT_DUPLICATE), Err(ZX_ERR_ACCESS_DENIED));
    assert_eq!(machine.size(bare), Ok(PAGE));
    assert!(machine.replace(bare, 0).is_ok());
}

#[test]
fn only_bit_0_of_a_value_says_nothing() {
    let machine = Machine::new();
    let vmo = machine.create(PAGE).unwrap();
    assert_eq!((vmo & 1, vmo >> 31), (1, 0));
    assert_eq!(machine.size(vmo & !1), Ok(PAGE), "HV-06");
    assert_eq!(machine.size(vmo | 1 << 31), Err(ZX_ERR_BAD_HANDLE), "HV-07");
    assert_eq!(machine.size(0), Err(ZX_ERR_BAD_HANDLE));
    machine.close(vmo & !1).unwrap();
    assert!(!machine.is_valid(vmo));
}

#[test]
fn closing_many_closes_all_that_can_be_closed() {
    let machine = Machine::new();
    let before = machine.census();
    let vmos = [(); 4].map(|()| machine.create(PAGE).unwrap());
    let list = [vmos[0], 0, vmos[1], 1 << 31 | 1, vmos[2], vmos[2], 0, vmos[3]];
    assert_eq!(machine.close_many(&list), Err(ZX_ERR_BAD_HANDLE), "HANDLE-CLOSE-10");
    assert_eq!(machine.census(), before, "HANDLE-CLOSE-09");
    assert_eq!(machine.close_many(&[0; 70]), Ok(()), "HANDLE-CLOSE-11");
    for pointer in bad_pointers(&machine) {
        assert_eq!(machine.reference.handle_close_many(pointer, 0), ZX_OK, "HANDLE-CLOSE-12");
    }
}

#[test]
fn closing_many_gives_up_at_an_unreadable_block() {
    const BLOCK: u64 = 64;
    let machine = Machine::new();
    let end = machine.reference.environment().arena.end();
    for (readable, closed) in [(BLOCK, BLOCK), (BLOCK + 10, BLOCK), (10, 0), (0, 0)] {
        let vmos: Vec<_> = (0..readable).map(|_| machine.create(0).unwrap()).collect();
        let bytes: Vec<_> = vmos.iter().flat_map(|vmo| vmo.to_le_bytes()).collect();
        let array = end - bytes.len() as u64;
        machine.store(array, &bytes).unwrap();
        let status = machine.reference.handle_close_many(array, readable + 1);
        assert_eq!(status, ZX_OK, "HANDLE-CLOSE-13");
        let left = vmos.iter().filter(|vmo| machine.is_valid(**vmo)).count() as u64;
        assert_eq!(readable - left, closed);
        assert!(vmos[closed as usize..].iter().all(|vmo| machine.is_valid(*vmo)));
    }
    // What was found wrong before that is told.
    let mut bytes = [0; 4 * BLOCK as usize];
    bytes[3] = 0x80;
    let array = end - bytes.len() as u64;
    machine.store(array, &bytes).unwrap();
    assert_eq!(machine.reference.handle_close_many(array, BLOCK + 1), ZX_ERR_BAD_HANDLE);
    assert_eq!(machine.reference.handle_close_many(u64::MAX - 3, u64::MAX), ZX_OK);
}

/// A parent with one clone of two pages.
fn family(machine: &Machine) -> (zx_handle_t, zx_handle_t) {
    let parent = machine.create(2 * PAGE).unwrap();
    let clone = machine.clone_of(parent, 0, 2 * PAGE).unwrap();
    assert!(!has_no_clones(machine, parent), "SIG-ZC-03");
    assert!(has_no_clones(machine, clone), "SIG-ZC-15");
    (parent, clone)
}

#[test]
fn a_clone_lasts_as_long_as_one_of_its_handles() {
    let machine = Machine::new();
    let (parent, clone) = family(&machine);
    let duplicates = [(); 2].map(|()| machine.duplicate(clone).unwrap());
    machine.close(clone).unwrap();
    machine.close(duplicates[0]).unwrap();
    assert!(!has_no_clones(&machine, parent), "SIG-ZC-11");
    let replaced = machine.replace(duplicates[1], ZX_RIGHT_SAME_RIGHTS).unwrap();
    assert!(!has_no_clones(&machine, parent), "SIG-ZC-19");
    machine.set_size(replaced, 0).unwrap();
    assert!(!has_no_clones(&machine, parent), "SIG-ZC-18");
    machine.close_many(&[replaced]).unwrap();
    assert!(has_no_clones(&machine, parent), "SIG-ZC-06");
}

#[test]
fn a_failing_replace_ends_a_clone() {
    let machine = Machine::new();
    let (parent, clone) = family(&machine);
    assert_eq!(machine.replace(clone, ZX_RIGHT_SET_POLICY), Err(ZX_ERR_INVALID_ARGS));
    assert!(has_no_clones(&machine, parent), "SIG-ZC-20");
    let clone = machine.clone_of(parent, 0, PAGE).unwrap();
    let status = machine.reference.handle_replace(clone, ZX_RIGHT_SAME_RIGHTS, 0);
    assert_eq!(status, ZX_ERR_INVALID_ARGS);
    assert!(has_no_clones(&machine, parent));
}

#[test]
fn a_mapped_clone_lasts_until_all_of_it_is_unmapped() {
    let machine = Machine::new();
    let flags = READ_WRITE << 7 | ZX_VM_FLAG_CAN_MAP_SPECIFIC;
    let (region, base) = machine.allocate(machine.root, 0, 4 * PAGE, flags).unwrap();
    let overwrite = READ_WRITE | ZX_VM_FLAG_SPECIFIC_OVERWRITE;
    let other = machine.create(2 * PAGE).unwrap();
    let mapped_family = || {
        let (parent, clone) = family(&machine);
        machine.map_in(region, PAGE, clone, 0, 2 * PAGE, overwrite).unwrap();
        machine.close(clone).unwrap();
        assert!(!has_no_clones(&machine, parent), "SIG-ZC-07");
        parent
    };

    let parent = mapped_family();
    machine.unmap(base + PAGE, PAGE).unwrap_err();
    machine.unmap_in(region, base + PAGE, PAGE).unwrap();
    assert!(!has_no_clones(&machine, parent), "SIG-ZC-08");
    machine.unmap_in(region, base + 2 * PAGE, PAGE).unwrap();
    assert!(has_no_clones(&machine, parent), "SIG-ZC-06");

    let parent = mapped_family();
    machine.map_in(region, PAGE, other, 0, PAGE, overwrite).unwrap();
    assert!(!has_no_clones(&machine, parent));
    machine.map_in(region, 2 * PAGE, other, 0, PAGE, overwrite).unwrap();
    assert!(has_no_clones(&machine, parent), "SIG-ZC-10");

    let parent = mapped_family();
    machine.destroy(region).unwrap();
    assert!(has_no_clones(&machine, parent), "SIG-ZC-09");
}

#[test]
fn a_clone_lives_on_in_its_own_clones() {
    let machine = Machine::new();
    let before = machine.census();
    let (root, middle) = family(&machine);
    let last = machine.clone_of(middle, 0, 0).unwrap();
    assert!(!has_no_clones(&machine, middle), "SIG-ZC-13");
    let kept = machine.duplicate(middle).unwrap();
    machine.close(middle).unwrap();
    machine.close(kept).unwrap();
    assert!(!has_no_clones(&machine, root), "SIG-ZC-12");
    machine.close(last).unwrap();
    assert!(has_no_clones(&machine, root), "SIG-ZC-12");

    let middle = machine.clone_of(root, 0, PAGE).unwrap();
    let last = machine.clone_of(middle, 0, PAGE).unwrap();
    machine.close(last).unwrap();
    assert!(has_no_clones(&machine, middle), "SIG-ZC-14");
    assert!(!has_no_clones(&machine, root), "SIG-ZC-14");
    machine.close_many(&[root, middle]).unwrap();
    assert_eq!(machine.census(), before);
}

#[test]
fn only_the_last_of_several_clones_raises() {
    let machine = Machine::new();
    let parent = machine.create(PAGE).unwrap();
    let clones = [(); 3].map(|()| machine.clone_of(parent, 0, PAGE).unwrap());
    for (index, clone) in [clones[1], clones[0], clones[2]].into_iter().enumerate() {
        assert!(!has_no_clones(&machine, parent), "SIG-ZC-05");
        machine.close(clone).unwrap();
        assert_eq!(has_no_clones(&machine, parent), index == 2);
    }
}

#[test]
fn a_clone_in_a_message_counts_until_the_channel_goes() {
    let machine = Machine::new();
    let before = machine.census();
    let (parent, clone) = family(&machine);
    let [near, far] = machine.channel().unwrap();
    let handles = machine.place(&clone.to_le_bytes());
    assert_eq!(machine.reference.channel_write(near, 0, 0, 0, handles, 1), ZX_OK);
    assert!(!machine.is_valid(clone));
    machine.close(near).unwrap();
    assert!(!has_no_clones(&machine, parent), "SIG-ZC-22");
    machine.close(far).unwrap();
    assert!(has_no_clones(&machine, parent), "SIG-ZC-22");
    machine.close(parent).unwrap();
    assert_eq!(machine.census(), before);
}

#[test]
fn channels_in_messages_in_channels_go_without_recursion() {
    let machine = Machine::new();
    let before = machine.census();
    let mut inner = machine.create(PAGE).unwrap();
    for _ in 0..100_000 {
        let [near, far] = machine.channel().unwrap();
        let handles = machine.place(&inner.to_le_bytes());
        assert_eq!(machine.reference.channel_write(near, 0, 0, 0, handles, 1), ZX_OK);
        machine.close(near).unwrap();
        inner = far;
    }
    machine.close(inner).unwrap();
    assert_eq!(machine.census(), before);
}
