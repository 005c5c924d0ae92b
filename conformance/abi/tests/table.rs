//! What follows from the table of system calls.

use std::sync::Mutex;

use vmo_abi::{
    Arena, ArgumentKind, Backend, BadAddresses, Capabilities, EDITION_2018_06, Environment, Fault,
    MAX_ARGUMENTS, Record, Syscall, ZX_ERR_BAD_SYSCALL, ZX_OK, zx_info_handle_basic_t,
    zx_info_vmo_t, zx_status_t, zx_time_t, zx_vaddr_t, zx_wait_item_t,
};

#[test]
fn every_call_is_found_by_its_name_and_has_a_prototype() {
    for syscall in Syscall::ALL {
        assert_eq!(Syscall::from_name(syscall.name()), Some(*syscall));
        let prototype = syscall.declaration().c_prototype().to_string();
        assert!(prototype.starts_with(&format!("zx_status_t zx_{}(", syscall.name())));
        assert!(syscall.arguments().len() <= MAX_ARGUMENTS);
    }
    assert_eq!(Syscall::from_name("vmo_frob"), None);
    assert_eq!(
        Syscall::vmar_map.declaration().c_prototype().to_string(),
        "zx_status_t zx_vmar_map(zx_handle_t vmar, uint64_t vmar_offset, zx_handle_t vmo, \
         uint64_t vmo_offset, size_t len, uint32_t map_flags, zx_vaddr_t* mapped_addr)"
    );
}

#[test]
fn every_length_names_an_argument_that_is_a_number() {
    for syscall in Syscall::ALL {
        let declaration = syscall.declaration();
        for argument in declaration.arguments {
            if let Some(name) = argument.kind.length_argument() {
                let position = declaration.position(name).expect(name);
                let kind = declaration.arguments[position].kind;
                assert!(matches!(kind, ArgumentKind::Length | ArgumentKind::Count), "{name}");
            }
            assert_eq!(argument.kind.is_pointer(), argument.c_type().ends_with('*'));
        }
    }
}

/// A backend that has only `vmo_set_size` and keeps what it was called with.
#[derive(Default)]
struct OneCall(Mutex<Option<(u32, u64)>>);

impl Backend for OneCall {
    fn environment(&self) -> Environment {
        Environment {
            edition: EDITION_2018_06,
            capabilities: Capabilities::NONE,
            arena: Arena { base: 0, len: 0 },
            bad: BadAddresses::default(),
            root_vmar: 0,
            process: 0,
            observed_process: 0,
        }
    }

    fn load(&self, address: zx_vaddr_t, _bytes: &mut [u8]) -> Result<(), Fault> {
        Err(Fault { address })
    }

    fn store(&self, address: zx_vaddr_t, _bytes: &[u8]) -> Result<(), Fault> {
        Err(Fault { address })
    }

    fn monotonic_now(&self) -> zx_time_t {
        2
    }

    fn vmo_set_size(&self, handle: u32, size: u64) -> zx_status_t {
        *self.0.lock().unwrap() = Some((handle, size));
        ZX_OK
    }
}

#[test]
fn registers_reach_the_call_cut_to_their_width() {
    let backend = OneCall::default();
    let mut registers = [0; MAX_ARGUMENTS];
    registers[0] = 0xffff_ffff_0000_0007;
    registers[1] = 0xffff_ffff_0000_0008;
    assert_eq!(backend.syscall(Syscall::vmo_set_size, &registers), ZX_OK);
    assert_eq!(*backend.0.lock().unwrap(), Some((7, 0xffff_ffff_0000_0008)));
    assert_eq!(backend.syscall(Syscall::vmo_create, &registers), ZX_ERR_BAD_SYSCALL);
    assert!(!backend.set_memory_limit(None) && !backend.fail_allocation(None));
}

#[test]
fn records_lie_in_memory_as_zircon_lays_them_out() {
    let basic = zx_info_handle_basic_t { koid: 1, rights: 2, type_: 3, related_koid: 4, props: 5 };
    let mut expected = [0; 32];
    for (offset, value) in [(0, 1), (8, 2), (12, 3), (16, 4), (24, 5)] {
        expected[offset] = value;
    }
    assert_eq!(basic.to_bytes(), expected);
    assert_eq!(zx_info_handle_basic_t::from_bytes(&expected), basic);

    let vmo = zx_info_vmo_t {
        koid: 1,
        size_bytes: 2,
        parent_koid: 3,
        num_children: 4,
        num_mappings: 5,
        share_count: 6,
        flags: 7,
        committed_bytes: 8,
        handle_rights: 9,
        name: [10; 32],
    };
    let mut expected = [0; 104];
    expected[8..40].fill(10);
    for (offset, value) in
        [(0, 1), (40, 2), (48, 3), (56, 4), (64, 5), (72, 6), (80, 7), (88, 8), (96, 9)]
    {
        expected[offset] = value;
    }
    assert_eq!(vmo.to_bytes(), expected);
    assert_eq!(zx_info_vmo_t::from_bytes(&expected), vmo);

    let item = zx_wait_item_t { handle: 1, waitfor: 2, pending: 3 };
    assert_eq!(item.to_bytes(), [1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0]);
    assert_eq!(zx_wait_item_t::from_bytes(&item.to_bytes()), item);
}
