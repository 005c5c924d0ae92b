//! A machine with shorthands, so that a test reads as what it does.

#![allow(dead_code, reason = "each test binary uses its own part")]

pub mod pointers;

use std::ops::Range;
use std::sync::Arc;

use vmo_abi::{
    Backend, Fault, Record, ZX_ERR_TIMED_OUT, ZX_INFO_HANDLE_BASIC, ZX_INFO_HANDLE_COUNT, ZX_OK,
    ZX_PROP_NAME, ZX_RIGHT_SAME_RIGHTS, ZX_VM_FLAG_PERM_READ, ZX_VM_FLAG_PERM_WRITE,
    ZX_VMO_CLONE_COPY_ON_WRITE, ZX_VMO_OP_COMMIT, ZX_VMO_OP_DECOMMIT, zx_handle_t,
    zx_info_handle_basic_t, zx_rights_t, zx_signals_t, zx_status_t, zx_time_t, zx_vaddr_t,
    zx_wait_item_t,
};
use vmo_reference::{Census, Configuration, Reference};

/// What a call comes to.
pub type Answer<T = ()> = Result<T, zx_status_t>;

/// Bytes in a page.
pub const PAGE: u64 = vmo_abi::ZX_PAGE_SIZE;
/// The largest size of a VMO.
pub const LARGEST: u64 = 0xffff_ffff_ffff_f000;
/// Read and write permission.
pub const READ_WRITE: u32 = ZX_VM_FLAG_PERM_READ | ZX_VM_FLAG_PERM_WRITE;

/// Bytes of the arena that one thread has for itself.
const SCRATCH: u64 = 64 * 1024;
/// Where in the scratch memory buffers begin; handles and the like lie below.
const BUFFER: u64 = PAGE;

/// A machine as one thread uses it, with scratch memory of its own.
#[derive(Clone)]
pub struct Machine {
    /// The machine itself, for calls without a shorthand.
    pub reference: Arc<Reference>,
    /// A handle to the root region.
    pub root: zx_handle_t,
    scratch: zx_vaddr_t,
}

fn answer(status: zx_status_t) -> Answer {
    if status == ZX_OK { Ok(()) } else { Err(status) }
}

impl Machine {
    pub fn new() -> Self {
        Self::with(Configuration::default())
    }

    pub fn with(configuration: Configuration) -> Self {
        let reference = Arc::new(Reference::new(configuration).expect("the host has room"));
        let environment = reference.environment();
        Self { reference, root: environment.root_vmar, scratch: environment.arena.base }
    }

    /// The same machine for the thread with this number.
    pub fn for_thread(&self, number: u64) -> Self {
        let scratch = self.reference.environment().arena.base + (number + 1) * SCRATCH;
        Self { scratch, ..self.clone() }
    }

    pub fn census(&self) -> Census {
        self.reference.census()
    }

    /// An address of scratch memory for what calls store; there is room for 16.
    pub fn out(&self, number: u64) -> zx_vaddr_t {
        assert!(number < 16);
        self.scratch + number * 8
    }

    /// The address of the scratch memory for bytes.
    pub fn buffer(&self) -> zx_vaddr_t {
        self.scratch + BUFFER
    }

    /// The number that a call stored at [`out`](Self::out).
    pub fn u32_at(&self, number: u64) -> u32 {
        let mut bytes = [0; 4];
        self.reference.load(self.out(number), &mut bytes).expect("scratch memory is readable");
        u32::from_le_bytes(bytes)
    }

    /// The number that a call stored at [`out`](Self::out).
    pub fn u64_at(&self, number: u64) -> u64 {
        let mut bytes = [0; 8];
        self.reference.load(self.out(number), &mut bytes).expect("scratch memory is readable");
        u64::from_le_bytes(bytes)
    }

    /// Puts bytes in the scratch memory and answers with their address.
    pub fn place(&self, bytes: &[u8]) -> zx_vaddr_t {
        assert!(bytes.len() as u64 <= SCRATCH - BUFFER);
        self.reference.store(self.buffer(), bytes).expect("scratch memory is writable");
        self.buffer()
    }

    // VMOs.

    pub fn create(&self, size: u64) -> Answer<zx_handle_t> {
        answer(self.reference.vmo_create(size, 0, self.out(0)))?;
        Ok(self.u32_at(0))
    }

    pub fn clone_of(&self, vmo: zx_handle_t, offset: u64, size: u64) -> Answer<zx_handle_t> {
        let options = ZX_VMO_CLONE_COPY_ON_WRITE;
        answer(self.reference.vmo_clone(vmo, options, offset, size, self.out(0)))?;
        Ok(self.u32_at(0))
    }

    pub fn write(&self, vmo: zx_handle_t, offset: u64, bytes: &[u8]) -> Answer {
        let buffer = self.place(bytes);
        answer(self.reference.vmo_write(vmo, buffer, offset, bytes.len() as u64))
    }

    pub fn read(&self, vmo: zx_handle_t, offset: u64, len: u64) -> Answer<Vec<u8>> {
        assert!(len <= SCRATCH - BUFFER);
        answer(self.reference.vmo_read(vmo, self.buffer(), offset, len))?;
        Ok(self.load(self.buffer(), len).expect("scratch memory is readable"))
    }

    /// One byte of a VMO.
    pub fn byte(&self, vmo: zx_handle_t, offset: u64) -> u8 {
        self.read(vmo, offset, 1).expect("the byte can be read")[0]
    }

    pub fn size(&self, vmo: zx_handle_t) -> Answer<u64> {
        answer(self.reference.vmo_get_size(vmo, self.out(0)))?;
        Ok(self.u64_at(0))
    }

    pub fn set_size(&self, vmo: zx_handle_t, size: u64) -> Answer {
        answer(self.reference.vmo_set_size(vmo, size))
    }

    pub fn commit(&self, vmo: zx_handle_t, range: Range<u64>) -> Answer {
        self.operate(vmo, ZX_VMO_OP_COMMIT, range)
    }

    pub fn decommit(&self, vmo: zx_handle_t, range: Range<u64>) -> Answer {
        self.operate(vmo, ZX_VMO_OP_DECOMMIT, range)
    }

    fn operate(&self, vmo: zx_handle_t, op: u32, range: Range<u64>) -> Answer {
        let len = range.end - range.start;
        answer(self.reference.vmo_op_range(vmo, op, range.start, len, 0, 0))
    }

    pub fn set_cache_policy(&self, vmo: zx_handle_t, policy: u32) -> Answer {
        answer(self.reference.vmo_set_cache_policy(vmo, policy))
    }

    // Regions.

    /// Maps a range of a VMO anywhere in the root region.
    pub fn map(&self, vmo: zx_handle_t, offset: u64, len: u64, flags: u32) -> Answer<zx_vaddr_t> {
        self.map_in(self.root, 0, vmo, offset, len, flags)
    }

    pub fn map_in(
        &self,
        region: zx_handle_t,
        region_offset: u64,
        vmo: zx_handle_t,
        offset: u64,
        len: u64,
        flags: u32,
    ) -> Answer<zx_vaddr_t> {
        let out = self.out(0);
        answer(self.reference.vmar_map(region, region_offset, vmo, offset, len, flags, out))?;
        Ok(self.u64_at(0))
    }

    pub fn unmap(&self, address: zx_vaddr_t, len: u64) -> Answer {
        self.unmap_in(self.root, address, len)
    }

    pub fn unmap_in(&self, region: zx_handle_t, address: zx_vaddr_t, len: u64) -> Answer {
        answer(self.reference.vmar_unmap(region, address, len))
    }

    pub fn protect(&self, address: zx_vaddr_t, len: u64, flags: u32) -> Answer {
        self.protect_in(self.root, address, len, flags)
    }

    pub fn protect_in(
        &self,
        region: zx_handle_t,
        address: zx_vaddr_t,
        len: u64,
        flags: u32,
    ) -> Answer {
        answer(self.reference.vmar_protect(region, address, len, flags))
    }

    /// Allocates a region and answers with its handle and its address.
    pub fn allocate(
        &self,
        parent: zx_handle_t,
        offset: u64,
        size: u64,
        flags: u32,
    ) -> Answer<(zx_handle_t, zx_vaddr_t)> {
        let (child, address) = (self.out(0), self.out(1));
        answer(self.reference.vmar_allocate(parent, offset, size, flags, child, address))?;
        Ok((self.u32_at(0), self.u64_at(1)))
    }

    pub fn destroy(&self, region: zx_handle_t) -> Answer {
        answer(self.reference.vmar_destroy(region))
    }

    // User memory.

    pub fn load(&self, address: zx_vaddr_t, len: u64) -> Result<Vec<u8>, Fault> {
        let mut bytes = vec![0; len as usize];
        self.reference.load(address, &mut bytes)?;
        Ok(bytes)
    }

    pub fn load_byte(&self, address: zx_vaddr_t) -> Result<u8, Fault> {
        Ok(self.load(address, 1)?[0])
    }

    pub fn store(&self, address: zx_vaddr_t, bytes: &[u8]) -> Result<(), Fault> {
        self.reference.store(address, bytes)
    }

    // Handles.

    pub fn close(&self, handle: zx_handle_t) -> Answer {
        answer(self.reference.handle_close(handle))
    }

    pub fn close_many(&self, handles: &[zx_handle_t]) -> Answer {
        let bytes: Vec<_> = handles.iter().flat_map(|handle| handle.to_le_bytes()).collect();
        let address = self.place(&bytes);
        answer(self.reference.handle_close_many(address, handles.len() as u64))
    }

    pub fn duplicate(&self, handle: zx_handle_t) -> Answer<zx_handle_t> {
        self.duplicate_with(handle, ZX_RIGHT_SAME_RIGHTS)
    }

    pub fn duplicate_with(&self, handle: zx_handle_t, rights: zx_rights_t) -> Answer<zx_handle_t> {
        answer(self.reference.handle_duplicate(handle, rights, self.out(0)))?;
        Ok(self.u32_at(0))
    }

    pub fn replace(&self, handle: zx_handle_t, rights: zx_rights_t) -> Answer<zx_handle_t> {
        answer(self.reference.handle_replace(handle, rights, self.out(0)))?;
        Ok(self.u32_at(0))
    }

    pub fn is_valid(&self, handle: zx_handle_t) -> bool {
        self.basic(handle).is_ok()
    }

    // Objects.

    pub fn basic(&self, handle: zx_handle_t) -> Answer<zx_info_handle_basic_t> {
        let topic = ZX_INFO_HANDLE_BASIC;
        answer(self.reference.object_get_info(handle, topic, self.buffer(), 32, 0, 0))?;
        let mut record = [0; 32];
        self.reference.load(self.buffer(), &mut record).expect("scratch memory is readable");
        Ok(zx_info_handle_basic_t::from_bytes(&record))
    }

    /// How many handles name the object.
    pub fn handle_count(&self, handle: zx_handle_t) -> Answer<u32> {
        let topic = ZX_INFO_HANDLE_COUNT;
        answer(self.reference.object_get_info(handle, topic, self.out(0), 4, 0, 0))?;
        Ok(self.u32_at(0))
    }

    pub fn set_name(&self, handle: zx_handle_t, name: &str) -> Answer {
        let value = self.place(name.as_bytes());
        let len = name.len() as u64;
        answer(self.reference.object_set_property(handle, ZX_PROP_NAME, value, len))
    }

    pub fn name(&self, handle: zx_handle_t) -> Answer<Vec<u8>> {
        let value = self.buffer();
        answer(self.reference.object_get_property(handle, ZX_PROP_NAME, value, 32))?;
        Ok(self.load(value, 32).expect("scratch memory is readable"))
    }

    pub fn signal(&self, handle: zx_handle_t, clear: zx_signals_t, set: zx_signals_t) -> Answer {
        answer(self.reference.object_signal(handle, clear, set))
    }

    /// The signals that are active now.
    pub fn signals(&self, handle: zx_handle_t) -> zx_signals_t {
        let (status, observed) = self.wait(handle, 0, 0);
        assert_eq!(status, ZX_ERR_TIMED_OUT);
        observed
    }

    /// Waits, and answers with the status and what was observed.
    pub fn wait(
        &self,
        handle: zx_handle_t,
        signals: zx_signals_t,
        deadline: zx_time_t,
    ) -> (zx_status_t, zx_signals_t) {
        let status = self.reference.object_wait_one(handle, signals, deadline, self.out(0));
        (status, self.u32_at(0))
    }

    /// Waits for several objects; the items receive what was observed.
    pub fn wait_many(&self, items: &mut [zx_wait_item_t], deadline: zx_time_t) -> zx_status_t {
        let bytes: Vec<_> = items.iter().flat_map(Record::to_bytes).collect();
        let address = self.place(&bytes);
        let status = self.reference.object_wait_many(address, items.len() as u64, deadline);
        let bytes = self.load(address, bytes.len() as u64).expect("scratch memory is readable");
        for (item, bytes) in items.iter_mut().zip(bytes.as_chunks::<12>().0) {
            *item = zx_wait_item_t::from_bytes(bytes);
        }
        status
    }

    pub fn channel(&self) -> Answer<[zx_handle_t; 2]> {
        answer(self.reference.channel_create(0, self.out(0), self.out(1)))?;
        Ok([self.u32_at(0), self.u32_at(1)])
    }
}
