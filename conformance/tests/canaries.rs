//! What a call stores outside of the places and buffers it is given is noticed.

use vmo_abi::{
    Backend, Environment, Fault, MAX_ARGUMENTS, Syscall, zx_status_t, zx_time_t, zx_vaddr_t,
};
use vmo_conformance::Level;
use vmo_conformance::backends::built_in;
use vmo_conformance::program::parse;
use vmo_conformance::reproduce::first_wrong_step;
use vmo_conformance::runner::Runner;

/// The reference, which stores a byte more so far from the pointer of a call.
struct Careless {
    right: Box<dyn Backend>,
    call: Syscall,
    pointer: usize,
    distance: i64,
}

impl Backend for Careless {
    fn environment(&self) -> Environment {
        self.right.environment()
    }

    fn load(&self, address: zx_vaddr_t, bytes: &mut [u8]) -> Result<(), Fault> {
        self.right.load(address, bytes)
    }

    fn store(&self, address: zx_vaddr_t, bytes: &[u8]) -> Result<(), Fault> {
        self.right.store(address, bytes)
    }

    fn monotonic_now(&self) -> zx_time_t {
        self.right.monotonic_now()
    }

    fn syscall(&self, syscall: Syscall, registers: &[u64; MAX_ARGUMENTS]) -> zx_status_t {
        let status = self.right.syscall(syscall, registers);
        if syscall == self.call {
            let place = registers[self.pointer].wrapping_add_signed(self.distance);
            self.right.store(place, &[0]).expect("the arena can be stored to");
        }
        status
    }
}

/// The clause that is found broken at the last step of a program.
fn broken(call: Syscall, pointer: usize, distance: i64) -> Option<&'static str> {
    let right = (built_in("reference").expect("it is built in").start)().expect("it starts");
    let backend = Careless { right, call, pointer, distance };
    let text = "program p\n  v0 = vmo_create(size=0x1000, options=0)\n  \
                vmo_read(handle=v0, offset=0, buffer_size=0x10)\n";
    let program = parse("p", text).expect("it is well formed").remove(0);
    let mut runner = Runner::new(&backend).expect("the arena is large enough");
    let found = first_wrong_step(&mut runner, &program, Level::Page).expect("it can be run");
    found.and_then(|found| found.wrong.violation().map(|violation| violation.clause))
}

#[test]
fn bytes_around_a_place_are_watched() {
    for distance in [-16, -1, 4, 19] {
        let found = broken(Syscall::vmo_create, 2, distance);
        assert_eq!(found, Some("VMO-CREATE-01"), "{distance}");
    }
}

#[test]
fn bytes_around_a_buffer_are_watched() {
    for distance in [-16, -1, 16, 31] {
        let found = broken(Syscall::vmo_read, 1, distance);
        assert_eq!(found, Some("VMO-READ-01"), "{distance}");
    }
}

#[test]
fn a_call_that_keeps_to_its_places_is_right() {
    // Far behind the buffer, where nothing is.
    assert_eq!(broken(Syscall::vmo_read, 1, 0x2000), None);
}
