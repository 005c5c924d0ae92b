//! The right backend inside a wrong one, and what faults ask of it.
//!
//! Handles are whole registers here, as hooks have them in this form.

use std::sync::{Mutex, MutexGuard, PoisonError};

use vmo_abi::{
    Backend, Environment, Record, Syscall, ZX_ERR_ACCESS_DENIED, ZX_ERR_TIMED_OUT,
    ZX_INFO_HANDLE_BASIC, ZX_INFO_PROCESS_VMOS, ZX_OBJ_TYPE_VMO, ZX_OK, ZX_PAGE_SIZE, ZX_PROP_NAME,
    ZX_RIGHT_SAME_RIGHTS, ZX_VMO_OP_COMMIT, zx_info_handle_basic_t, zx_info_vmo_t, zx_koid_t,
    zx_rights_t, zx_signals_t, zx_status_t, zx_vaddr_t,
};

use super::hook::Registers;
use super::notes::Notes;

/// How long a wait may last in nanoseconds. With a mistake that keeps a signal
/// away it would last forever; no test waits so long for something that
/// happens.
const PATIENCE: u64 = 250_000_000;
/// Most pages that a fault goes over one by one.
const MOST_PAGES: u64 = 64;
/// Most clones of a VMO that a fault goes over.
const MOST_CLONES: usize = 16;
/// Bytes that are read or written at a time.
const CHUNK: u64 = ZX_PAGE_SIZE;
/// Most entries of `ZX_INFO_PROCESS_VMOS` that are looked at.
const MOST_VMOS: usize = 200;
const VMO_ENTRY: usize = 104;

/// The right backend inside a wrong one.
pub(super) struct Machine {
    inner: Box<dyn Backend>,
    environment: Environment,
    notes: Mutex<Notes>,
    /// Held while the machine's own place in the arena is in use.
    place: Mutex<()>,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The lower half of a register, which is what a 32-bit argument is.
fn half(register: u64) -> u32 {
    register as u32
}

impl Machine {
    pub(super) fn new(inner: Box<dyn Backend>) -> Self {
        let environment = inner.environment();
        Self { inner, environment, notes: Mutex::default(), place: Mutex::default() }
    }

    pub(super) fn inner(&self) -> &dyn Backend {
        self.inner.as_ref()
    }

    pub(super) fn environment(&self) -> &Environment {
        &self.environment
    }

    pub(super) fn notes(&self) -> MutexGuard<'_, Notes> {
        locked(&self.notes)
    }

    /// A call done rightly, but that no wait lasts forever.
    pub(super) fn right(&self, call: Syscall, registers: &Registers) -> zx_status_t {
        let mut registers = *registers;
        if matches!(call, Syscall::object_wait_one | Syscall::object_wait_many) {
            registers[2] = self.in_time(registers[2]);
        }
        self.inner.syscall(call, &registers)
    }

    /// A call done rightly with one argument replaced.
    pub(super) fn with(
        &self,
        call: Syscall,
        registers: &Registers,
        position: usize,
        value: u64,
    ) -> zx_status_t {
        let mut registers = *registers;
        registers[position] = value;
        self.right(call, &registers)
    }

    /// A deadline that passes soon enough.
    pub(super) fn in_time(&self, deadline: u64) -> u64 {
        deadline.min(self.inner.monotonic_now().saturating_add(PATIENCE))
    }

    // User memory.

    /// The number in 4 bytes of user memory.
    pub(super) fn word(&self, address: zx_vaddr_t) -> Option<u32> {
        let mut bytes = [0; 4];
        self.inner.load(address, &mut bytes).ok()?;
        Some(u32::from_le_bytes(bytes))
    }

    /// The number in 8 bytes of user memory.
    pub(super) fn long(&self, address: zx_vaddr_t) -> Option<u64> {
        let mut bytes = [0; 8];
        self.inner.load(address, &mut bytes).ok()?;
        Some(u64::from_le_bytes(bytes))
    }

    /// Bytes of user memory.
    pub(super) fn bytes_at(&self, address: zx_vaddr_t, len: usize) -> Option<Vec<u8>> {
        let mut bytes = vec![0; len];
        self.inner.load(address, &mut bytes).ok()?;
        Some(bytes)
    }

    /// Puts bytes into user memory, where that is possible.
    pub(super) fn put(&self, address: zx_vaddr_t, bytes: &[u8]) -> bool {
        address != 0 && self.inner.store(address, bytes).is_ok()
    }

    /// Whether user code can write all of a range.
    pub(super) fn is_writable(&self, address: zx_vaddr_t, len: usize) -> bool {
        self.bytes_at(address, len).is_some_and(|bytes| self.put(address, &bytes))
    }

    /// A place in the arena for calls of the fault's own. What lies there is put
    /// back.
    pub(super) fn in_place<T>(&self, len: usize, work: impl FnOnce(zx_vaddr_t) -> T) -> T {
        let _guard = locked(&self.place);
        let arena = self.environment.arena;
        let place = arena.base + arena.len / 2 / ZX_PAGE_SIZE * ZX_PAGE_SIZE;
        let before = self.bytes_at(place, len);
        let result = work(place);
        if let Some(before) = before {
            self.put(place, &before);
        }
        result
    }

    /// The handle that a call of the fault's own stores.
    fn made(&self, call: impl FnOnce(zx_vaddr_t) -> zx_status_t) -> Option<u64> {
        self.in_place(4, |place| match call(place) {
            ZX_OK => self.word(place).map(u64::from),
            _ => None,
        })
    }

    // Handles and objects.

    /// What `ZX_INFO_HANDLE_BASIC` tells.
    pub(super) fn basic(&self, handle: u64) -> Option<zx_info_handle_basic_t> {
        self.in_place(32, |place| {
            let topic = ZX_INFO_HANDLE_BASIC;
            match self.inner.object_get_info(half(handle), topic, place, 32, 0, 0) {
                ZX_OK => {
                    let bytes = self.bytes_at(place, 32)?;
                    Some(zx_info_handle_basic_t::from_bytes(bytes.first_chunk()?))
                }
                _ => None,
            }
        })
    }

    pub(super) fn koid(&self, handle: u64) -> Option<zx_koid_t> {
        self.basic(handle).map(|basic| basic.koid)
    }

    /// The rights of a handle; none if it is none.
    pub(super) fn rights(&self, handle: u64) -> zx_rights_t {
        self.basic(handle).map_or(0, |basic| basic.rights)
    }

    pub(super) fn is_live(&self, handle: u64) -> bool {
        self.basic(handle).is_some()
    }

    pub(super) fn is_vmo(&self, handle: u64) -> bool {
        self.basic(handle).is_some_and(|basic| basic.type_ == ZX_OBJ_TYPE_VMO)
    }

    /// A handle to the object with this koid that has at least these rights.
    pub(super) fn handle_to(&self, koid: zx_koid_t, rights: zx_rights_t) -> Option<u64> {
        let mut handles = vec![self.environment.root_vmar.into()];
        handles.extend(self.notes().handles_to(koid));
        let suits = |handle: &u64| {
            let basic = self.basic(*handle);
            basic.is_some_and(|basic| basic.koid == koid && basic.rights & rights == rights)
        };
        handles.into_iter().rev().find(suits)
    }

    /// Another handle to the same object that has at least these rights.
    pub(super) fn sibling(&self, handle: u64, rights: zx_rights_t) -> Option<u64> {
        self.handle_to(self.koid(handle)?, rights)
    }

    /// The call without a look at a right of the handle at a position: done
    /// through another handle to the same object that has it.
    pub(super) fn ignoring(
        &self,
        call: Syscall,
        registers: &Registers,
        position: usize,
        right: zx_rights_t,
    ) -> zx_status_t {
        let status = self.right(call, registers);
        if status != ZX_ERR_ACCESS_DENIED {
            return status;
        }
        let handle = registers[position];
        match self.sibling(handle, self.rights(handle) | right) {
            Some(sibling) => self.with(call, registers, position, sibling),
            None => status,
        }
    }

    /// The call with a look at another right, too, which is not needed.
    pub(super) fn needing(
        &self,
        call: Syscall,
        registers: &Registers,
        position: usize,
        right: zx_rights_t,
    ) -> zx_status_t {
        match self.basic(registers[position]) {
            Some(basic) if basic.rights & right != right => ZX_ERR_ACCESS_DENIED,
            _ => self.right(call, registers),
        }
    }

    /// The call with a look at the wrong right.
    pub(super) fn mistaking(
        &self,
        call: Syscall,
        registers: &Registers,
        position: usize,
        (right, wrong): (zx_rights_t, zx_rights_t),
    ) -> zx_status_t {
        match self.basic(registers[position]) {
            Some(basic) if basic.rights & wrong != wrong => ZX_ERR_ACCESS_DENIED,
            _ => self.ignoring(call, registers, position, right),
        }
    }

    /// Live handles to an object, as far as they were given out.
    pub(super) fn live_handles(&self, koid: zx_koid_t) -> usize {
        let handles = self.notes().handles_to(koid).to_vec();
        handles.into_iter().filter(|handle| self.koid(*handle) == Some(koid)).count()
    }

    pub(super) fn duplicate(&self, handle: u64, rights: zx_rights_t) -> Option<u64> {
        self.made(|place| self.inner.handle_duplicate(half(handle), rights, place))
    }

    pub(super) fn duplicate_same(&self, handle: u64) -> Option<u64> {
        self.duplicate(handle, ZX_RIGHT_SAME_RIGHTS)
    }

    /// Replaces the handle that a call stored at an address by one with fewer
    /// rights.
    pub(super) fn restrict(&self, address: zx_vaddr_t, rights: zx_rights_t) {
        let Some(handle) = self.word(address) else { return };
        let replaced = self.made(|place| self.inner.handle_replace(handle, rights, place));
        if let Some(replaced) = replaced {
            self.put(address, &half(replaced).to_le_bytes());
        }
    }

    pub(super) fn close(&self, handle: u64) {
        self.inner.handle_close(half(handle));
    }

    pub(super) fn create(&self, size: u64) -> Option<u64> {
        self.made(|place| self.inner.vmo_create(size, 0, place))
    }

    // VMOs.

    pub(super) fn size(&self, vmo: u64) -> Option<u64> {
        self.in_place(8, |place| match self.inner.vmo_get_size(half(vmo), place) {
            ZX_OK => self.long(place),
            _ => None,
        })
    }

    /// Bytes of a VMO, if the handle permits it and they are there.
    pub(super) fn read(&self, vmo: u64, offset: u64, len: u64) -> Option<Vec<u8>> {
        let mut bytes = Vec::new();
        while (bytes.len() as u64) < len {
            let done = bytes.len() as u64;
            let chunk = (len - done).min(CHUNK);
            let read = self.in_place(chunk as usize, |place| {
                match self.inner.vmo_read(half(vmo), place, offset + done, chunk) {
                    ZX_OK => self.bytes_at(place, chunk as usize),
                    _ => None,
                }
            });
            bytes.extend(read?);
        }
        Some(bytes)
    }

    /// Writes bytes into a VMO, if the handle permits it.
    pub(super) fn write(&self, vmo: u64, offset: u64, bytes: &[u8]) {
        let mut at = offset;
        for chunk in bytes.chunks(CHUNK as usize) {
            self.in_place(chunk.len(), |place| {
                self.put(place, chunk);
                self.inner.vmo_write(half(vmo), place, at, chunk.len() as u64)
            });
            at += chunk.len() as u64;
        }
    }

    /// Fills a range of a VMO, unless it is long.
    pub(super) fn fill(&self, vmo: u64, offset: u64, len: u64, byte: u8) {
        if len <= MOST_PAGES * ZX_PAGE_SIZE {
            self.write(vmo, offset, &vec![byte; len as usize]);
        }
    }

    pub(super) fn operate(&self, vmo: u64, op: u32, offset: u64, size: u64) -> zx_status_t {
        self.inner.vmo_op_range(half(vmo), op, offset, size, 0, 0)
    }

    /// Commits a range of a VMO, unless it is long.
    pub(super) fn commit(&self, vmo: u64, offset: u64, size: u64) {
        if size <= MOST_PAGES * ZX_PAGE_SIZE {
            self.operate(vmo, ZX_VMO_OP_COMMIT, offset, size);
        }
    }

    pub(super) fn resize(&self, vmo: u64, size: u64) -> zx_status_t {
        self.inner.vmo_set_size(half(vmo), size)
    }

    /// The entries of `ZX_INFO_PROCESS_VMOS`.
    pub(super) fn vmo_infos(&self) -> Vec<zx_info_vmo_t> {
        let len = VMO_ENTRY * MOST_VMOS;
        // The counts lie behind the entries.
        self.in_place(len + 8, |place| {
            let (process, topic) = (self.environment.observed_process, ZX_INFO_PROCESS_VMOS);
            let actual = place + len as u64;
            match self.inner.object_get_info(process, topic, place, len as u64, actual, 0) {
                ZX_OK => {
                    let count = self.long(actual).unwrap_or_default() as usize;
                    let bytes = self.bytes_at(place, VMO_ENTRY * count).unwrap_or_default();
                    bytes.as_chunks().0.iter().map(zx_info_vmo_t::from_bytes).collect()
                }
                _ => Vec::new(),
            }
        })
    }

    pub(super) fn vmo_info(&self, vmo: u64) -> Option<zx_info_vmo_t> {
        let koid = self.koid(vmo)?;
        self.vmo_infos().into_iter().find(|info| info.koid == koid)
    }

    /// Bytes committed in a VMO itself.
    pub(super) fn committed(&self, vmo: u64) -> u64 {
        self.vmo_info(vmo).map_or(0, |info| info.committed_bytes)
    }

    /// Commits a range of a VMO, unless it is long, and answers with the
    /// positions of the pages that were not committed before.
    pub(super) fn commit_fresh(&self, vmo: u64, offset: u64, size: u64) -> Vec<u64> {
        let first = offset / ZX_PAGE_SIZE;
        let last = offset.saturating_add(size).div_ceil(ZX_PAGE_SIZE);
        let mut fresh = Vec::new();
        if size == 0 || last - first > MOST_PAGES {
            return fresh;
        }
        let mut committed = self.committed(vmo);
        for page in first..last {
            let at = page * ZX_PAGE_SIZE;
            self.operate(vmo, ZX_VMO_OP_COMMIT, at, ZX_PAGE_SIZE);
            let now = self.committed(vmo);
            if now > committed {
                fresh.push(at);
            }
            committed = now;
        }
        fresh
    }

    /// The handles of clones of a VMO that are live, with where they begin.
    pub(super) fn clones_of(&self, vmo: u64) -> Vec<(u64, super::notes::Origin)> {
        let Some(koid) = self.koid(vmo) else { return Vec::new() };
        let clones: Vec<_> = {
            let notes = self.notes();
            let children = notes.children_of(koid).iter();
            children.filter_map(|clone| Some((*clone, *notes.clones.get(clone)?))).collect()
        };
        let live = |(clone, origin)| Some((self.handle_to(clone, 0)?, origin));
        clones.into_iter().filter_map(live).take(MOST_CLONES).collect()
    }

    /// What a VMO was cloned from.
    pub(super) fn origin(&self, vmo: u64) -> Option<super::notes::Origin> {
        let koid = self.koid(vmo)?;
        self.notes().clones.get(&koid).copied()
    }

    // Names and signals.

    pub(super) fn name(&self, handle: u64) -> Option<Vec<u8>> {
        self.in_place(32, |place| {
            match self.inner.object_get_property(half(handle), ZX_PROP_NAME, place, 32) {
                ZX_OK => self.bytes_at(place, 32),
                _ => None,
            }
        })
    }

    pub(super) fn set_name(&self, handle: u64, name: &[u8]) {
        self.in_place(32, |place| {
            self.put(place, name);
            let len = name.len() as u64;
            self.inner.object_set_property(half(handle), ZX_PROP_NAME, place, len)
        });
    }

    /// An object's signals now, if the handle permits waiting.
    pub(super) fn signals(&self, handle: u64) -> Option<zx_signals_t> {
        self.in_place(4, |place| match self.inner.object_wait_one(half(handle), 0, 0, place) {
            ZX_ERR_TIMED_OUT => self.word(place),
            _ => None,
        })
    }
}
