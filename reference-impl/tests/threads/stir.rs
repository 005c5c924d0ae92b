//! What the threads of the great stir do: any call, on handles and mappings
//! that all of them use, close and replace.

use std::fmt;
use std::ptr;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Instant;

use vmo_abi::{
    Backend, Syscall, ZX_ERR_ACCESS_DENIED, ZX_ERR_BAD_HANDLE, ZX_ERR_BAD_STATE, ZX_ERR_CANCELED,
    ZX_ERR_INVALID_ARGS, ZX_ERR_NO_MEMORY, ZX_ERR_NOT_FOUND, ZX_ERR_OUT_OF_RANGE, ZX_ERR_TIMED_OUT,
    ZX_ERR_WRONG_TYPE, ZX_INFO_PROCESS_VMOS, ZX_OK, ZX_RIGHT_SAME_RIGHTS, ZX_USER_SIGNAL_0,
    ZX_VM_FLAG_CAN_MAP_SPECIFIC, ZX_VM_FLAG_MAP_RANGE, ZX_VM_FLAG_PERM_READ, ZX_VM_FLAG_SPECIFIC,
    ZX_VM_FLAG_SPECIFIC_OVERWRITE, ZX_VMO_ZERO_CHILDREN, zx_handle_t, zx_status_t, zx_vaddr_t,
};

use crate::common::{Answer, Machine, PAGE, READ_WRITE};
use crate::item;

pub const THREADS: u64 = 8;

/// Pages of the region that the stir happens in: few, so that threads meet.
const REGION_PAGES: u64 = 1024;
/// Largest ordinary size of a VMO, in pages.
const PAGES: u64 = 16;
/// Pages of each thread's own clone, which it uses through a real pointer.
const OWN_PAGES: u64 = 16;
/// Pages of physical memory: few enough to run out now and then.
const MEMORY_PAGES: u64 = 1_500;

/// Whether memory suffices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weather {
    /// It does, and threads use real pointers too.
    Calm,
    /// It runs out, and allocations fail.
    Stormy,
}

/// What all threads share.
pub struct Stir {
    weather: Weather,
    /// Handles to VMOs of one family, or what is left of them.
    handles: [AtomicU32; 24],
    /// Addresses where something was mapped.
    addresses: [AtomicU64; 12],
    region: zx_handle_t,
    /// What every thread has a clone of; nobody closes or resizes it.
    steady: zx_handle_t,
    own: Vec<Own>,
    /// For each call how often it succeeded, and how often not.
    counts: Vec<[AtomicU64; 2]>,
}

/// A thread's clone of the steady VMO. Other threads commit its pages, and
/// decommit the upper half of them.
#[derive(Clone, Copy)]
struct Own {
    clone: zx_handle_t,
    mapped: zx_vaddr_t,
}

/// The statuses that a call may have in the stir. A handle may have been closed
/// and its number given to another object by the time it is used (THREAD-01).
fn possible(syscall: Syscall) -> &'static [zx_status_t] {
    const STALE: [zx_status_t; 3] = [ZX_OK, ZX_ERR_BAD_HANDLE, ZX_ERR_WRONG_TYPE];
    macro_rules! or {
        ($($status:ident)*) => { &[STALE[0], STALE[1], STALE[2], $($status),*] };
    }
    match syscall {
        Syscall::vmo_read => {
            or!(ZX_ERR_ACCESS_DENIED ZX_ERR_INVALID_ARGS ZX_ERR_BAD_STATE ZX_ERR_OUT_OF_RANGE)
        }
        Syscall::vmo_write => or!(ZX_ERR_ACCESS_DENIED ZX_ERR_INVALID_ARGS ZX_ERR_BAD_STATE
            ZX_ERR_OUT_OF_RANGE ZX_ERR_NO_MEMORY),
        Syscall::vmo_clone => or!(ZX_ERR_ACCESS_DENIED ZX_ERR_BAD_STATE ZX_ERR_NO_MEMORY),
        Syscall::vmo_op_range => or!(ZX_ERR_ACCESS_DENIED ZX_ERR_OUT_OF_RANGE ZX_ERR_NO_MEMORY),
        Syscall::vmo_set_cache_policy => or!(ZX_ERR_ACCESS_DENIED ZX_ERR_BAD_STATE),
        Syscall::vmar_map | Syscall::handle_duplicate => {
            or!(ZX_ERR_ACCESS_DENIED ZX_ERR_INVALID_ARGS ZX_ERR_NO_MEMORY)
        }
        Syscall::vmar_unmap => &[ZX_OK, ZX_ERR_INVALID_ARGS],
        Syscall::vmar_protect => {
            &[ZX_OK, ZX_ERR_ACCESS_DENIED, ZX_ERR_INVALID_ARGS, ZX_ERR_NOT_FOUND]
        }
        Syscall::vmo_create | Syscall::vmar_allocate | Syscall::channel_create => {
            &[ZX_OK, ZX_ERR_NO_MEMORY]
        }
        // Another thread may have unmapped all around the region.
        Syscall::vmar_destroy => or!(ZX_ERR_BAD_STATE),
        Syscall::handle_replace => or!(ZX_ERR_INVALID_ARGS ZX_ERR_NO_MEMORY),
        Syscall::object_get_info => &[ZX_OK],
        Syscall::object_wait_one | Syscall::object_wait_many => {
            or!(ZX_ERR_ACCESS_DENIED ZX_ERR_TIMED_OUT ZX_ERR_CANCELED)
        }
        Syscall::channel_write => or!(ZX_ERR_ACCESS_DENIED ZX_ERR_NO_MEMORY),
        Syscall::vmo_set_size
        | Syscall::object_get_property
        | Syscall::object_set_property
        | Syscall::object_signal => or!(ZX_ERR_ACCESS_DENIED),
        _ => &STALE,
    }
}

impl Stir {
    pub fn new(machine: &Machine, weather: Weather) -> Self {
        let flags = READ_WRITE << 7 | ZX_VM_FLAG_CAN_MAP_SPECIFIC;
        let size = REGION_PAGES * PAGE;
        let region = machine.allocate(machine.root, 0, size, flags).unwrap().0;
        let len = OWN_PAGES * PAGE;
        let steady = machine.create(len).unwrap();
        let own = (0..THREADS).map(|_| {
            let clone = machine.clone_of(steady, 0, len).unwrap();
            Own { clone, mapped: machine.map(clone, 0, len, READ_WRITE).unwrap() }
        });
        let own = own.collect();
        if weather == Weather::Stormy {
            machine.reference.set_memory_limit(Some(MEMORY_PAGES));
        }
        Self {
            weather,
            handles: Default::default(),
            addresses: Default::default(),
            region,
            steady,
            own,
            counts: Syscall::ALL.iter().map(|_| Default::default()).collect(),
        }
    }

    /// Closes and removes what the threads have left.
    pub fn tidy_up(&self, machine: &Machine) {
        machine.reference.set_memory_limit(None);
        machine.reference.fail_allocation(None);
        for handle in &self.handles {
            let answer = machine.close(handle.swap(0, Ordering::Relaxed));
            assert!(matches!(answer, Ok(()) | Err(ZX_ERR_BAD_HANDLE)));
        }
        machine.destroy(self.region).unwrap();
        machine.close_many(&[self.region, self.steady]).unwrap();
        for own in &self.own {
            machine.close(own.clone).unwrap();
            machine.unmap(own.mapped, OWN_PAGES * PAGE).unwrap();
        }
    }

    /// Makes calls until the end; answers how many.
    pub fn run(&self, machine: &Machine, number: u64, end: Instant) -> u64 {
        let mut thread = Thread {
            stir: self,
            machine,
            own: self.own[number as usize],
            stored: [None; OWN_PAGES as usize],
            random: (number + 1) << 32,
            calls: 0,
        };
        while !thread.calls.is_multiple_of(64) || Instant::now() < end {
            thread.act();
            thread.calls += 1;
        }
        thread.calls
    }
}

/// A table of the calls that were made.
impl fmt::Display for Stir {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:22}{:>12}{:>12}", "call", "succeeded", "refused")?;
        for (syscall, [succeeded, refused]) in Syscall::ALL.iter().zip(&self.counts) {
            let (succeeded, refused) =
                (succeeded.load(Ordering::Relaxed), refused.load(Ordering::Relaxed));
            if succeeded + refused != 0 {
                writeln!(f, "{:22}{succeeded:12}{refused:12}", syscall.name())?;
            }
        }
        Ok(())
    }
}

struct Thread<'a> {
    stir: &'a Stir,
    machine: &'a Machine,
    own: Own,
    /// What was last stored to each page of the own clone.
    stored: [Option<u8>; OWN_PAGES as usize],
    random: u64,
    calls: u64,
}

impl Thread<'_> {
    /// A number below `bound` (SplitMix64).
    fn below(&mut self, bound: u64) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.random;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }

    fn handle(&mut self) -> zx_handle_t {
        let slot = self.below(self.stir.handles.len() as u64);
        self.stir.handles[slot as usize].load(Ordering::Relaxed)
    }

    fn address(&mut self) -> zx_vaddr_t {
        let slot = self.below(self.stir.addresses.len() as u64);
        let address = self.stir.addresses[slot as usize].load(Ordering::Relaxed);
        address + self.below(PAGES) * PAGE
    }

    /// A position and a length in bytes, mostly inside an ordinary VMO.
    fn range(&mut self) -> (u64, u64) {
        (self.below(PAGES * PAGE), self.below(3 * PAGE) + 1)
    }

    fn bytes(&mut self, len: u64) -> Vec<u8> {
        vec![self.below(256) as u8; len as usize]
    }

    /// Checks and counts how a call went.
    #[track_caller]
    fn note<T>(&self, syscall: Syscall, answer: Answer<T>) -> Option<T> {
        let status = answer.as_ref().err().copied().unwrap_or(ZX_OK);
        assert!(possible(syscall).contains(&status), "{syscall:?} answered {status}");
        let [succeeded, refused] = &self.stir.counts[syscall as usize];
        let count = if status == ZX_OK { succeeded } else { refused };
        count.fetch_add(1, Ordering::Relaxed);
        answer.ok()
    }

    #[track_caller]
    fn note_status(&self, syscall: Syscall, status: zx_status_t) {
        self.note(syscall, if status == ZX_OK { Ok(()) } else { Err(status) });
    }

    /// Lets all threads have a handle, and closes the one it takes the place of.
    fn publish(&mut self, handle: Option<zx_handle_t>) {
        let slot = self.below(self.stir.handles.len() as u64);
        if let Some(handle) = handle {
            let old = self.stir.handles[slot as usize].swap(handle, Ordering::Relaxed);
            self.note(Syscall::handle_close, self.machine.close(old));
        }
    }

    fn act(&mut self) {
        match self.below(26) {
            0 => self.create(),
            1 | 2 => self.make_clone(),
            3 | 4 => self.write(),
            5 | 6 => self.read(),
            7 => self.resize(),
            8 | 9 => self.operate_on_range(),
            10 | 11 => self.map(),
            12 | 13 => self.load_and_store(),
            14 => self.unmap_or_protect(),
            15 => self.duplicate(),
            16 => self.replace(),
            17 => self.close(),
            18 => self.name(),
            19 => self.signal_and_wait(),
            20 => self.set_cache_policy(),
            21 => self.use_a_region(),
            22 => self.send(),
            23 => self.list(),
            _ if self.stir.weather == Weather::Calm => self.use_pointers(),
            _ => {
                let nth = self.below(40);
                self.machine.reference.fail_allocation((nth != 0).then_some(nth));
            }
        }
    }

    fn create(&mut self) {
        let size = if self.below(8) == 0 { 1 << 50 } else { self.below(PAGES * PAGE) };
        let vmo = self.note(Syscall::vmo_create, self.machine.create(size));
        self.publish(vmo);
    }

    fn make_clone(&mut self) {
        let (parent, offset) = (self.handle(), self.below(4) * PAGE);
        let size = self.below(PAGES * PAGE);
        let clone = self.machine.clone_of(parent, offset, size);
        let clone = self.note(Syscall::vmo_clone, clone);
        self.publish(clone);
    }

    fn write(&mut self) {
        let (vmo, (offset, len)) = (self.handle(), self.range());
        if self.below(4) == 0 {
            let status = self.machine.reference.vmo_write(vmo, self.address(), offset, len);
            return self.note_status(Syscall::vmo_write, status);
        }
        let bytes = self.bytes(len);
        self.note(Syscall::vmo_write, self.machine.write(vmo, offset, &bytes));
        let page = self.below(OWN_PAGES * PAGE - len);
        self.note(Syscall::vmo_write, self.machine.write(self.stir.steady, page, &bytes));
    }

    fn read(&mut self) {
        let (vmo, (offset, len)) = (self.handle(), self.range());
        if self.below(4) == 0 {
            let status = self.machine.reference.vmo_read(vmo, self.address(), offset, len);
            return self.note_status(Syscall::vmo_read, status);
        }
        self.note(Syscall::vmo_read, self.machine.read(vmo, offset, len));
        if let Some(size) = self.note(Syscall::vmo_get_size, self.machine.size(vmo)) {
            assert!(size.is_multiple_of(PAGE));
        }
    }

    fn resize(&mut self) {
        let (vmo, size) = (self.handle(), self.below((PAGES + 2) * PAGE));
        self.note(Syscall::vmo_set_size, self.machine.set_size(vmo, size));
    }

    fn operate_on_range(&mut self) {
        let (vmo, (offset, len)) = (self.handle(), self.range());
        let answer = if self.below(2) == 0 {
            self.machine.commit(vmo, offset..offset + len)
        } else {
            self.machine.decommit(vmo, offset..offset + len)
        };
        self.note(Syscall::vmo_op_range, answer);
        let own = self.stir.own[self.below(THREADS) as usize].clone;
        let upper = OWN_PAGES / 2 + self.below(OWN_PAGES / 2);
        let answer = if self.below(2) == 0 {
            self.machine.commit(own, self.below(OWN_PAGES) * PAGE..OWN_PAGES * PAGE)
        } else {
            self.machine.decommit(own, upper * PAGE..(upper + 1) * PAGE)
        };
        self.note(Syscall::vmo_op_range, answer);
    }

    fn map(&mut self) {
        let vmo = self.handle();
        let len = (self.below(PAGES) + 1) * PAGE;
        let permissions = [0, ZX_VM_FLAG_PERM_READ, READ_WRITE, READ_WRITE][self.below(4) as usize];
        let place =
            [0, 0, ZX_VM_FLAG_SPECIFIC, ZX_VM_FLAG_SPECIFIC_OVERWRITE, ZX_VM_FLAG_MAP_RANGE]
                [self.below(5) as usize];
        let is_placed = place & (ZX_VM_FLAG_SPECIFIC | ZX_VM_FLAG_SPECIFIC_OVERWRITE) != 0;
        let place_offset = if is_placed { self.below(REGION_PAGES - PAGES) * PAGE } else { 0 };
        let vmo_offset = if place == ZX_VM_FLAG_MAP_RANGE { 0 } else { self.below(3) * PAGE };
        let flags = permissions | place;
        let region = self.stir.region;
        let mapped = self.machine.map_in(region, place_offset, vmo, vmo_offset, len, flags);
        if let Some(address) = self.note(Syscall::vmar_map, mapped) {
            let slot = self.below(self.stir.addresses.len() as u64);
            self.stir.addresses[slot as usize].store(address, Ordering::Relaxed);
        }
    }

    fn load_and_store(&mut self) {
        let address = self.address() + self.below(PAGE);
        let len = [1, 2, 4, 8, 100, 2 * PAGE][self.below(6) as usize];
        // Whether the access faults is up to the other threads.
        let _ = self.machine.load(address, len);
        let _ = self.machine.store(address, &self.bytes(len));
    }

    fn unmap_or_protect(&mut self) {
        let (address, len) = (self.address(), (self.below(4) + 1) * PAGE);
        if address < PAGES * PAGE {
            return;
        }
        if self.below(2) == 0 {
            let answer = self.machine.unmap_in(self.stir.region, address, len);
            self.note(Syscall::vmar_unmap, answer);
        } else {
            let flags = [0, ZX_VM_FLAG_PERM_READ, READ_WRITE][self.below(3) as usize];
            let answer = self.machine.protect_in(self.stir.region, address, len, flags);
            self.note(Syscall::vmar_protect, answer);
        }
    }

    fn rights(&mut self) -> u32 {
        if self.below(3) == 0 { !(1 << self.below(16)) & 0xd0ff } else { ZX_RIGHT_SAME_RIGHTS }
    }

    fn duplicate(&mut self) {
        let (handle, rights) = (self.handle(), self.rights());
        let duplicate = self.machine.duplicate_with(handle, rights);
        let duplicate = self.note(Syscall::handle_duplicate, duplicate);
        self.publish(duplicate);
    }

    fn replace(&mut self) {
        let (slot, rights) = (self.below(self.stir.handles.len() as u64), self.rights());
        let slot = &self.stir.handles[slot as usize];
        let new = self.machine.replace(slot.load(Ordering::Relaxed), rights);
        if let Some(new) = self.note(Syscall::handle_replace, new) {
            let old = slot.swap(new, Ordering::Relaxed);
            self.note(Syscall::handle_close, self.machine.close(old));
        }
    }

    fn close(&mut self) {
        let handles = [self.handle(), self.handle()];
        match self.below(6) {
            0 => {
                self.note(Syscall::handle_close, self.machine.close(handles[0]));
            }
            1 => {
                self.note(Syscall::handle_close_many, self.machine.close_many(&handles));
            }
            // There is to be something left to race for.
            _ => {}
        }
    }

    fn name(&mut self) {
        let (handle, letter) = (self.handle(), b'a' + self.below(26) as u8);
        let name = char::from(letter).to_string().repeat(31);
        self.note(Syscall::object_set_property, self.machine.set_name(handle, &name));
        if let Some(name) = self.note(Syscall::object_get_property, self.machine.name(handle)) {
            assert!(name[..31].iter().all(|byte| *byte == name[0]), "THREAD-06");
        }
    }

    fn signal_and_wait(&mut self) {
        let (signalled, waited) = (self.handle(), self.handle());
        let (clear, set) = (self.below(256) as u32, self.below(256) as u32);
        let answer = self.machine.signal(signalled, clear << 24, set << 24);
        self.note(Syscall::object_signal, answer);
        let deadline = self.machine.reference.monotonic_now() + self.below(200_000);
        let wanted = ZX_USER_SIGNAL_0 << self.below(8) | ZX_VMO_ZERO_CHILDREN;
        if self.below(2) == 0 {
            let status = self.machine.wait(waited, wanted, deadline).0;
            return self.note_status(Syscall::object_wait_one, status);
        }
        let mut items = [signalled, waited, self.handle()].map(|handle| item(handle, wanted));
        let status = self.machine.wait_many(&mut items, deadline);
        self.note_status(Syscall::object_wait_many, status);
    }

    fn set_cache_policy(&mut self) {
        let (vmo, policy) = (self.handle(), self.below(6).saturating_sub(2) as u32);
        let answer = self.machine.set_cache_policy(vmo, policy);
        self.note(Syscall::vmo_set_cache_policy, answer);
    }

    /// Allocates a region, maps into it, and destroys it.
    fn use_a_region(&mut self) {
        let size = (self.below(4) + 1) * PAGE;
        let allocated = self.machine.allocate(self.stir.region, 0, size, READ_WRITE << 7);
        let Some((region, _)) = self.note(Syscall::vmar_allocate, allocated) else { return };
        let vmo = self.handle();
        // The region may be gone, or its handle name something else already.
        if let Ok(address) = self.machine.map_in(region, 0, vmo, 0, PAGE, READ_WRITE) {
            let _ = self.machine.store(address, &[1]);
        }
        self.note(Syscall::vmar_destroy, self.machine.destroy(region));
        self.note(Syscall::handle_close, self.machine.close(region));
    }

    /// Sends a handle on a channel that nobody reads and that is closed at once.
    fn send(&mut self) {
        let Some([near, far]) = self.note(Syscall::channel_create, self.machine.channel()) else {
            return;
        };
        let sent = self.note(Syscall::handle_duplicate, self.machine.duplicate(self.stir.steady));
        if let Some(handle) = sent {
            let (handles, reference) =
                (self.machine.place(&handle.to_le_bytes()), &self.machine.reference);
            let status = reference.channel_write(near, 0, 0, 0, handles, 1);
            self.note_status(Syscall::channel_write, status);
        }
        for end in [far, near] {
            self.note(Syscall::handle_close, self.machine.close(end));
        }
    }

    fn list(&mut self) {
        let reference = &self.machine.reference;
        let process = reference.environment().observed_process;
        let (topic, buffer) = (ZX_INFO_PROCESS_VMOS, self.machine.buffer());
        let status = reference.object_get_info(process, topic, buffer, 20 * 104, 0, 0);
        self.note_status(Syscall::object_get_info, status);
    }

    /// Uses the own clone through a real pointer while others write its parent.
    fn use_pointers(&mut self) {
        let (page, byte) = (self.below(OWN_PAGES), self.below(256) as u8);
        let pointer =
            ptr::with_exposed_provenance_mut::<u8>((self.own.mapped + page * PAGE) as usize);
        // SAFETY: the mapping stays until the threads are done, the VMO keeps
        // its size and memory suffices; nothing in Rust refers to that memory.
        let seen = unsafe { pointer.read_volatile() };
        let is_kept = page < OWN_PAGES / 2;
        if let (true, Some(stored)) = (is_kept, self.stored[page as usize]) {
            assert_eq!(seen, stored, "nobody else stores to this page");
        }
        if self.below(2) == 0 {
            // SAFETY: as above.
            unsafe { pointer.write_volatile(byte) };
            self.stored[page as usize] = Some(byte);
        }
    }
}
