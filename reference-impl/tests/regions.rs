//! The trickier clauses about regions and mappings.

mod common;

use common::{LARGEST, Machine, PAGE, READ_WRITE};
use vmo_abi::{
    Backend, ZX_ERR_ACCESS_DENIED, ZX_ERR_BAD_HANDLE, ZX_ERR_BAD_STATE, ZX_ERR_INVALID_ARGS,
    ZX_ERR_NO_MEMORY, ZX_ERR_NOT_FOUND, ZX_ERR_WRONG_TYPE, ZX_RIGHT_MAP, ZX_RIGHT_READ,
    ZX_RIGHT_WRITE, ZX_VM_FLAG_CAN_MAP_READ, ZX_VM_FLAG_CAN_MAP_SPECIFIC, ZX_VM_FLAG_MAP_RANGE,
    ZX_VM_FLAG_PERM_EXECUTE, ZX_VM_FLAG_PERM_READ, ZX_VM_FLAG_PERM_WRITE, ZX_VM_FLAG_SPECIFIC,
    ZX_VM_FLAG_SPECIFIC_OVERWRITE, zx_handle_t, zx_vaddr_t,
};

const READ: u32 = ZX_VM_FLAG_PERM_READ;
const CAN_MAP: u32 = READ_WRITE << 7 | ZX_VM_FLAG_CAN_MAP_SPECIFIC;
const SPECIFIC: u32 = READ_WRITE | ZX_VM_FLAG_SPECIFIC;
const OVERWRITE: u32 = READ_WRITE | ZX_VM_FLAG_SPECIFIC_OVERWRITE;

/// Pages of the region of a ground.
const PAGES: u64 = 16;

/// A machine with a region to map into and a VMO whose pages hold their numbers.
struct Ground {
    machine: Machine,
    region: zx_handle_t,
    base: zx_vaddr_t,
    vmo: zx_handle_t,
}

impl Ground {
    fn new() -> Self {
        let machine = Machine::new();
        let (region, base) = machine.allocate(machine.root, 0, PAGES * PAGE, CAN_MAP).unwrap();
        let vmo = machine.create(PAGES * PAGE).unwrap();
        for page in 0..PAGES {
            machine.write(vmo, page * PAGE, &[page as u8]).unwrap();
        }
        Self { machine, region, base, vmo }
    }

    /// Maps pages of the VMO so that page and place have the same number.
    fn map(&self, pages: std::ops::Range<u64>, flags: u32) {
        let (start, len) = (pages.start * PAGE, (pages.end - pages.start) * PAGE);
        let mapped = self.machine.map_in(self.region, start, self.vmo, start, len, flags);
        assert_eq!(mapped, Ok(self.base + start));
    }

    fn at(&self, page: u64) -> zx_vaddr_t {
        self.base + page * PAGE
    }

    /// For each page `r` or `w` if it can be read or written, else `.`; what is
    /// mapped has to be the page of that number.
    fn picture(&self) -> String {
        let look = |page| match self.machine.load_byte(self.at(page)) {
            Ok(byte) => {
                assert_eq!(u64::from(byte), page);
                if self.machine.store(self.at(page), &[byte]).is_ok() { 'w' } else { 'r' }
            }
            Err(fault) => {
                assert_eq!(fault.address, self.at(page));
                '.'
            }
        };
        (0..PAGES).map(look).collect()
    }
}

#[test]
fn a_mapping_whose_address_cannot_be_stored_is_gone() {
    let ground = Ground::new();
    let machine = &ground.machine;
    let before = machine.census();
    let unmapped = machine.reference.environment().bad.unmapped.unwrap();
    for out in [0, unmapped] {
        let (region, vmo) = (ground.region, ground.vmo);
        let status = machine.reference.vmar_map(region, 0, vmo, 0, PAGE, SPECIFIC, out);
        assert_eq!(status, ZX_ERR_INVALID_ARGS);
        assert_eq!(machine.census(), before, "VMAR-MAP-35");
    }
    ground.map(2..6, SPECIFIC);
    let (vmo, offset) = (ground.vmo, 3 * PAGE);
    let status =
        machine.reference.vmar_map(ground.region, offset, vmo, 0, PAGE, OVERWRITE, unmapped);
    assert_eq!(status, ZX_ERR_INVALID_ARGS);
    assert_eq!(ground.picture(), "..w.ww..........", "VMAR-MAP-53");
}

#[test]
fn a_mapping_that_fails_otherwise_stores_no_address() {
    let ground = Ground::new();
    let machine = &ground.machine;
    ground.map(0..2, SPECIFIC);
    machine.store(machine.out(0), &[0xa5; 8]).unwrap();
    let map = |offset, len, flags| machine.map_in(ground.region, offset, ground.vmo, 0, len, flags);
    assert_eq!(map(PAGE, PAGE, SPECIFIC), Err(ZX_ERR_NO_MEMORY), "VMAR-MAP-26");
    assert_eq!(map(0, 0, SPECIFIC), Err(ZX_ERR_INVALID_ARGS));
    assert_eq!(map(0, PAGES * PAGE, READ_WRITE), Err(ZX_ERR_NO_MEMORY));
    assert_eq!(map(0, PAGES * PAGE + 1, READ_WRITE), Err(ZX_ERR_INVALID_ARGS), "VMAR-MAP-24");
    let eager = READ_WRITE | ZX_VM_FLAG_MAP_RANGE;
    let mapped = machine.map_in(ground.region, 0, ground.vmo, PAGE, PAGE, eager);
    assert_eq!(mapped, Err(ZX_ERR_INVALID_ARGS), "VMAR-MAP-32");
    assert_eq!(machine.u64_at(0), 0xa5a5_a5a5_a5a5_a5a5, "VMAR-MAP-36");
    assert_eq!(ground.picture(), "ww..............");
}

#[test]
fn arguments_of_map_are_judged_in_order() {
    let ground = Ground::new();
    let machine = &ground.machine;
    let (region, vmo) = (ground.region, ground.vmo);
    let map = |region, vmo, flags| machine.map_in(region, 0, vmo, 0, PAGE, flags);
    assert_eq!(map(0, 0, READ), Err(ZX_ERR_BAD_HANDLE));
    assert_eq!(map(vmo, 0, READ), Err(ZX_ERR_WRONG_TYPE), "VMAR-MAP-04");
    assert_eq!(map(region, 0, READ), Err(ZX_ERR_BAD_HANDLE));
    assert_eq!(map(region, region, READ), Err(ZX_ERR_WRONG_TYPE));
    let not_mappable = machine.duplicate_with(vmo, ZX_RIGHT_READ).unwrap();
    let denied = Err(ZX_ERR_ACCESS_DENIED);
    assert_eq!(map(region, not_mappable, ZX_VM_FLAG_PERM_WRITE), denied, "VMAR-MAP-06");
    let read_only = machine.duplicate_with(vmo, ZX_RIGHT_READ | ZX_RIGHT_MAP).unwrap();
    let without_read = ZX_VM_FLAG_PERM_WRITE | ZX_VM_FLAG_PERM_EXECUTE;
    assert_eq!(map(region, read_only, without_read), Err(ZX_ERR_INVALID_ARGS), "VMAR-MAP-10");
    assert_eq!(map(region, read_only, READ_WRITE | 1 << 20), denied);
    assert_eq!(map(region, vmo, READ_WRITE | 1 << 20), Err(ZX_ERR_INVALID_ARGS));
    // The region handle allows it, the region does not.
    let execute = READ | ZX_VM_FLAG_PERM_EXECUTE;
    assert_eq!(map(region, vmo, execute), denied, "VMAR-ALLOC-02");
    let mapped = machine.map_in(region, 0, vmo, LARGEST, PAGE, READ);
    assert_eq!(mapped, Err(ZX_ERR_INVALID_ARGS), "VMAR-MAP-18");
    machine.destroy(region).unwrap();
    assert_eq!(map(region, vmo, READ), Err(ZX_ERR_BAD_STATE));
    assert_eq!(machine.map_in(region, 0, vmo, 1, PAGE, READ), Err(ZX_ERR_INVALID_ARGS));
}

#[test]
fn overwriting_replaces_mappings_but_no_regions() {
    let ground = Ground::new();
    let machine = &ground.machine;
    ground.map(0..4, SPECIFIC);
    ground.map(6..10, SPECIFIC);
    ground.map(2..8, READ | ZX_VM_FLAG_SPECIFIC_OVERWRITE);
    assert_eq!(ground.picture(), "wwrrrrrrww......");
    let inner_flags = CAN_MAP | ZX_VM_FLAG_SPECIFIC;
    machine.allocate(ground.region, 12 * PAGE, PAGE, inner_flags).unwrap();
    let before = machine.census();
    let mapped = machine.map_in(ground.region, 0, ground.vmo, 0, 13 * PAGE, OVERWRITE);
    assert_eq!(mapped, Err(ZX_ERR_INVALID_ARGS), "VMAR-MAP-29");
    assert_eq!(machine.census(), before);
    assert_eq!(ground.picture(), "wwrrrrrrww......");
}

#[test]
fn unmapping_splits_and_destroys_regions_it_covers() {
    let ground = Ground::new();
    let machine = &ground.machine;
    let inner_flags = CAN_MAP | ZX_VM_FLAG_SPECIFIC;
    let (inner, _) = machine.allocate(ground.region, 4 * PAGE, 4 * PAGE, inner_flags).unwrap();
    ground.map(0..4, SPECIFIC);
    machine.map_in(inner, PAGE, ground.vmo, 5 * PAGE, PAGE, SPECIFIC).unwrap();
    ground.map(9..12, SPECIFIC);
    assert_eq!(ground.picture(), "wwww.w...www....");
    let unmap = |first, pages| machine.unmap_in(ground.region, ground.at(first), pages * PAGE);
    for (first, pages) in [(0, 5), (5, 1), (7, 5), (0, 7)] {
        assert_eq!(unmap(first, pages), Err(ZX_ERR_INVALID_ARGS), "VMAR-UNMAP-04");
        assert_eq!(ground.picture(), "wwww.w...www....", "VMAR-UNMAP-05");
    }
    assert_eq!(unmap(12, 4), Ok(()), "VMAR-UNMAP-10");
    assert_eq!(unmap(12, 5), Err(ZX_ERR_INVALID_ARGS), "VMAR-UNMAP-09");
    unmap(2, 8).unwrap();
    assert_eq!(ground.picture(), "ww........ww....", "VMAR-UNMAP-01 to -03");
    let mapped = machine.map_in(inner, 0, ground.vmo, 0, PAGE, READ);
    assert_eq!(mapped, Err(ZX_ERR_BAD_STATE), "its handle is still one (VMAR-DESTROY-02)");
    assert_eq!(machine.destroy(inner), Err(ZX_ERR_BAD_STATE));
    // A length is rounded up, and only a length.
    machine.unmap_in(ground.region, ground.at(0), 1).unwrap();
    let unaligned = machine.unmap_in(ground.region, ground.at(1) + 1, PAGE);
    assert_eq!(unaligned, Err(ZX_ERR_INVALID_ARGS));
    assert_eq!(ground.picture(), ".w........ww....");
}

#[test]
fn protecting_changes_all_of_a_range_or_nothing() {
    let ground = Ground::new();
    let machine = &ground.machine;
    let protect = |first, pages, flags| {
        machine.protect_in(ground.region, ground.at(first), pages * PAGE, flags)
    };
    ground.map(0..2, SPECIFIC);
    ground.map(2..4, READ | ZX_VM_FLAG_SPECIFIC);
    ground.map(6..8, SPECIFIC);
    machine.allocate(ground.region, 8 * PAGE, PAGE, CAN_MAP | ZX_VM_FLAG_SPECIFIC).unwrap();
    let picture = "wwrr..ww........";
    assert_eq!(ground.picture(), picture);
    assert_eq!(protect(1, 4, READ), Err(ZX_ERR_NOT_FOUND), "a gap at the end");
    assert_eq!(protect(5, 2, READ), Err(ZX_ERR_NOT_FOUND), "a gap at the start");
    assert_eq!(protect(3, 4, READ), Err(ZX_ERR_NOT_FOUND), "a gap in the middle");
    assert_eq!(protect(7, 2, READ), Err(ZX_ERR_INVALID_ARGS), "a region");
    assert_eq!(protect(8, 1, READ), Err(ZX_ERR_INVALID_ARGS), "only a region");
    assert_eq!(protect(0, 0, READ), Err(ZX_ERR_INVALID_ARGS));
    assert_eq!(protect(0, 1, ZX_VM_FLAG_PERM_WRITE), Err(ZX_ERR_INVALID_ARGS));
    assert_eq!(protect(0, 1, READ | ZX_VM_FLAG_MAP_RANGE), Err(ZX_ERR_INVALID_ARGS));
    assert_eq!(ground.picture(), picture, "VMAR-PROTECT-12");
    assert_eq!(protect(1, 2, READ), Ok(()));
    assert_eq!(ground.picture(), "wrrr..ww........");
    assert_eq!(protect(3, 1, READ_WRITE), Ok(()));
    assert_eq!(protect(6, 1, 0), Ok(()), "VMAR-PROTECT-07");
    assert_eq!(ground.picture(), "wrrw...w........");
}

#[test]
fn the_first_obstacle_from_low_to_high_is_told() {
    let ground = Ground::new();
    let machine = &ground.machine;
    let read_only = machine.duplicate_with(ground.vmo, ZX_RIGHT_READ | ZX_RIGHT_MAP).unwrap();
    let specific = READ | ZX_VM_FLAG_SPECIFIC;
    machine.map_in(ground.region, 0, read_only, 0, PAGE, specific).unwrap();
    machine.map_in(ground.region, 3 * PAGE, read_only, 3 * PAGE, PAGE, specific).unwrap();
    machine.allocate(ground.region, 4 * PAGE, PAGE, CAN_MAP | ZX_VM_FLAG_SPECIFIC).unwrap();
    let protect = |first, pages| {
        machine.protect_in(ground.region, ground.at(first), pages * PAGE, READ_WRITE)
    };
    assert_eq!(protect(0, 4), Err(ZX_ERR_ACCESS_DENIED), "before the gap");
    assert_eq!(protect(1, 4), Err(ZX_ERR_NOT_FOUND), "before the rest");
    assert_eq!(protect(3, 2), Err(ZX_ERR_ACCESS_DENIED), "before the region");
}

#[test]
fn what_protect_may_grant_is_fixed_when_mapping() {
    let ground = Ground::new();
    let machine = &ground.machine;
    let weak_region = machine.duplicate_with(ground.region, ZX_RIGHT_READ).unwrap();
    let none = ZX_VM_FLAG_SPECIFIC;
    machine.map_in(weak_region, 0, ground.vmo, 0, PAGE, none).unwrap();
    machine.map_in(ground.region, PAGE, ground.vmo, PAGE, PAGE, none).unwrap();
    machine.close_many(&[ground.vmo, weak_region]).unwrap();
    let protect = |page, flags| machine.protect_in(ground.region, ground.at(page), PAGE, flags);
    assert_eq!(protect(0, READ_WRITE), Err(ZX_ERR_ACCESS_DENIED), "VMAR-PROTECT-04");
    assert_eq!(protect(0, READ), Ok(()));
    assert_eq!(protect(1, READ_WRITE), Ok(()), "VMAR-PROTECT-05");
    assert_eq!(ground.picture(), "rw..............");
}

#[test]
fn pointers_of_allocate_leave_what_the_kernel_leaves() {
    let ground = Ground::new();
    let machine = &ground.machine;
    let before = machine.census();
    let unmapped = machine.reference.environment().bad.unmapped.unwrap();
    let allocate = |child, address| {
        let (region, flags) = (ground.region, CAN_MAP | ZX_VM_FLAG_SPECIFIC);
        machine.reference.vmar_allocate(region, 0, PAGE, flags, child, address)
    };
    assert_eq!(allocate(machine.out(0), unmapped), ZX_ERR_INVALID_ARGS);
    let destroyed = machine.u32_at(0);
    assert_eq!(machine.destroy(destroyed), Err(ZX_ERR_BAD_STATE), "VMAR-ALLOC-07");
    machine.close(destroyed).unwrap();
    assert_eq!(machine.census(), before);

    assert_eq!(allocate(unmapped, unmapped), ZX_ERR_INVALID_ARGS);
    assert_eq!(machine.census(), before);

    assert_eq!(allocate(unmapped, machine.out(1)), ZX_ERR_INVALID_ARGS);
    assert_eq!(machine.u64_at(1), ground.base);
    assert_eq!(machine.census().regions, before.regions + 1, "VMAR-ALLOC-07");
    assert_eq!(machine.census().handles, before.handles);
    let in_the_way = machine.map_in(ground.region, 0, ground.vmo, 0, PAGE, SPECIFIC);
    assert_eq!(in_the_way, Err(ZX_ERR_NO_MEMORY));
    machine.unmap_in(ground.region, ground.base, PAGE).unwrap();
    assert_eq!(machine.census(), before);
}

#[test]
fn a_region_outlives_its_handle_and_ends_with_its_parent() {
    let ground = Ground::new();
    let machine = &ground.machine;
    let before = machine.census();
    let (child, _) = machine.allocate(ground.region, 0, 4 * PAGE, CAN_MAP).unwrap();
    let (grandchild, _) = machine.allocate(child, 0, 2 * PAGE, CAN_MAP).unwrap();
    let mapped = machine.map_in(grandchild, 0, ground.vmo, 0, PAGE, READ).unwrap();
    machine.close_many(&[child, grandchild]).unwrap();
    assert_eq!(machine.load_byte(mapped), Ok(0), "VMAR-ALLOC-08");
    assert_eq!(machine.census().regions, before.regions + 2);
    machine.destroy(ground.region).unwrap();
    assert!(machine.load_byte(mapped).is_err());
    assert_eq!(machine.census().regions, before.regions, "its handle keeps the destroyed one");
    assert_eq!(machine.census().mappings, before.mappings);
    machine.close(ground.region).unwrap();
    assert_eq!(machine.census().regions, before.regions - 1);
}

#[test]
fn every_place_of_a_crowded_region_is_found() {
    let ground = Ground::new();
    let machine = &ground.machine;
    let map = |len| machine.map_in(ground.region, 0, ground.vmo, 0, len, READ);
    let mut places: Vec<_> = (0..PAGES).map(|_| map(PAGE).unwrap()).collect();
    assert_eq!(map(PAGE), Err(ZX_ERR_NO_MEMORY));
    places.sort_unstable();
    assert!(places.iter().copied().eq((0..PAGES).map(|page| ground.at(page))));
    machine.unmap_in(ground.region, ground.at(7), PAGE).unwrap();
    machine.unmap_in(ground.region, ground.at(11), 2 * PAGE).unwrap();
    assert_eq!(map(2 * PAGE), Ok(ground.at(11)));
    assert_eq!(map(PAGE), Ok(ground.at(7)));
    assert_eq!(map(PAGE), Err(ZX_ERR_NO_MEMORY));
}

#[test]
fn flags_of_allocate_bound_the_region() {
    let ground = Ground::new();
    let machine = &ground.machine;
    let allocate = |flags| machine.allocate(ground.region, 0, PAGE, flags);
    let rights = |region| machine.basic(region).unwrap().rights;
    let (reader, _) = allocate(ZX_VM_FLAG_CAN_MAP_READ).unwrap();
    assert_eq!(rights(reader), 0x8003 | ZX_RIGHT_READ, "VMAR-ALLOC-04");
    let (odd, _) = allocate(ZX_VM_FLAG_PERM_WRITE).unwrap();
    assert_eq!(rights(odd), 0x8003, "VMAR-ALLOC-09");
    for flags in [READ, ZX_VM_FLAG_PERM_EXECUTE, ZX_VM_FLAG_MAP_RANGE, 1 << 20] {
        assert_eq!(allocate(flags), Err(ZX_ERR_INVALID_ARGS), "VMAR-ALLOC-09");
    }
    // The handle has too few rights before the region has too few flags.
    let nested = machine.allocate(reader, 0, PAGE, CAN_MAP);
    assert_eq!(nested, Err(ZX_ERR_ACCESS_DENIED));
    let specific = machine.map_in(reader, 0, ground.vmo, 0, PAGE, READ | ZX_VM_FLAG_SPECIFIC);
    assert_eq!(specific, Err(ZX_ERR_ACCESS_DENIED), "VMAR-MAP-22");
    assert_eq!(rights(ground.region), 0x8003 | ZX_RIGHT_READ | ZX_RIGHT_WRITE);
}

#[test]
fn a_buffer_in_a_mapping_obeys_the_mapping() {
    let ground = Ground::new();
    let machine = &ground.machine;
    let reference = &machine.reference;
    ground.map(0..2, SPECIFIC);
    ground.map(2..3, READ | ZX_VM_FLAG_SPECIFIC);
    let other = machine.create(4 * PAGE).unwrap();
    let (writable, read_only) = (ground.at(1), ground.at(2));
    assert_eq!(reference.vmo_write(other, writable, 0, 2 * PAGE), 0, "VMO-WRITE-25");
    assert_eq!((machine.byte(other, 0), machine.byte(other, PAGE)), (1, 2));
    assert_eq!(reference.vmo_read(other, read_only, 0, 1), ZX_ERR_INVALID_ARGS, "VMO-READ-22");
    assert_eq!(reference.vmo_read(other, writable, 0, PAGE + 1), ZX_ERR_INVALID_ARGS);
    assert_eq!(reference.vmo_get_size(other, writable + PAGE - 4), ZX_ERR_INVALID_ARGS);
    assert_eq!(reference.vmo_get_size(other, writable + PAGE - 8), 0);
    machine.set_size(ground.vmo, PAGE).unwrap();
    assert_eq!(reference.vmo_get_size(other, writable), ZX_ERR_INVALID_ARGS, "GEN-10");
    // The buffer is the very range that is read (W-16): the probe's zeros.
    machine.write(ground.vmo, 0, &[7; PAGE as usize]).unwrap();
    assert_eq!(reference.vmo_read(ground.vmo, ground.at(0), 0, PAGE), 0);
    let bytes = machine.read(ground.vmo, 0, PAGE).unwrap();
    assert_eq!((bytes[0], bytes[1], bytes[4094], bytes[4095]), (0, 7, 7, 0));
}

#[test]
fn an_access_across_pages_goes_through_whole_or_not_at_all() {
    let ground = Ground::new();
    let machine = &ground.machine;
    ground.map(0..1, SPECIFIC);
    machine.write(ground.vmo, PAGE - 4, &[1; 4]).unwrap();
    let border = ground.at(1);
    assert_eq!(machine.store(border - 4, &[2; 8]).unwrap_err().address, border);
    assert_eq!(machine.load(border - 4, 4).unwrap(), [1; 4]);
    let mut bytes = [3; 8];
    assert_eq!(machine.reference.load(border - 4, &mut bytes).unwrap_err().address, border);
    assert_eq!(bytes, [3; 8], "8 bytes are one access");
    // A copy of another length may have been done in part.
    assert_eq!(machine.store(border - 4, &[2; 9]).unwrap_err().address, border);
    assert_eq!(machine.reference.load(border - 4, &mut [0; 9]).unwrap_err().address, border);
    assert!(machine.store(u64::MAX - 3, &[2; 8]).is_err());
    assert!(machine.load(u64::MAX - 3, 8).is_err());
}
