//! Steps that tests are made of: calls that have to succeed, and looks at the
//! state.

use vmo_abi::{
    Record, ZX_ERR_TIMED_OUT, ZX_INFO_HANDLE_BASIC, ZX_INFO_HANDLE_COUNT, ZX_INFO_HANDLE_VALID,
    ZX_INFO_PROCESS_VMOS, ZX_OK, ZX_PAGE_SIZE, ZX_PROP_NAME, ZX_RIGHT_SAME_RIGHTS,
    ZX_VM_FLAG_PERM_READ, ZX_VM_FLAG_PERM_WRITE, ZX_VMO_CLONE_COPY_ON_WRITE, zx_info_vmo_t,
    zx_koid_t, zx_rights_t, zx_signals_t,
};

use super::answer::{Answer, Checked, Failure};
use super::calls::Deadline;
use super::context::Context;
use crate::program::{Address, Handle};

/// Bytes in a page.
pub const PAGE: u64 = ZX_PAGE_SIZE;
/// Permissions to read and write.
pub const READ_WRITE: u32 = ZX_VM_FLAG_PERM_READ | ZX_VM_FLAG_PERM_WRITE;
/// Permission to read.
pub const READ_ONLY: u32 = ZX_VM_FLAG_PERM_READ;

/// What can be seen of a VMO, for comparing it before and after a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    size: u64,
    signals: zx_signals_t,
    name: [u8; 32],
    handle_count: u32,
    rights: zx_rights_t,
    koid: zx_koid_t,
    contents: Vec<u8>,
}

/// Most bytes of a VMO that a snapshot holds: they have to fit into the smallest
/// arena.
const SNAPSHOT_BYTES: u64 = 8 * PAGE;

/// Calls that have to succeed. Each fails if it does not.
#[allow(clippy::missing_errors_doc)]
impl Context<'_> {
    /// Creates a VMO of `size` bytes.
    pub fn create(&mut self, size: u64) -> Checked<Handle> {
        Ok(self.vmo_create(size, 0)?.ok()?.handle(0))
    }

    /// Creates a VMO of `size` bytes, each of them `byte`.
    pub fn create_filled(&mut self, size: u64, byte: u8) -> Checked<Handle> {
        let vmo = self.create(size)?;
        self.write(vmo, 0, &vec![byte; size as usize])?;
        Ok(vmo)
    }

    /// Clones a range of a VMO.
    pub fn clone_of(&mut self, vmo: Handle, offset: u64, size: u64) -> Checked<Handle> {
        let answer = self.vmo_clone(vmo, ZX_VMO_CLONE_COPY_ON_WRITE, offset, size)?;
        Ok(answer.ok()?.handle(0))
    }

    /// Duplicates a handle with just these rights.
    pub fn duplicate(&mut self, handle: Handle, rights: zx_rights_t) -> Checked<Handle> {
        Ok(self.handle_duplicate(handle, rights)?.ok()?.handle(0))
    }

    /// Duplicates a handle with the same rights.
    pub fn duplicate_same(&mut self, handle: Handle) -> Checked<Handle> {
        self.duplicate(handle, ZX_RIGHT_SAME_RIGHTS)
    }

    /// Duplicates a handle with all its rights but these.
    pub fn duplicate_without(&mut self, handle: Handle, rights: zx_rights_t) -> Checked<Handle> {
        let all = self.rights(handle)?;
        self.duplicate(handle, all & !rights)
    }

    /// Closes a handle.
    pub fn close(&mut self, handle: Handle) -> Checked {
        self.handle_close(handle)?.ok().map(drop)
    }

    /// A handle's value, for calls past the context.
    #[must_use]
    pub fn handle_value(&self, handle: Handle) -> vmo_abi::zx_handle_t {
        self.runner.facts().handle(handle)
    }

    /// An address, for calls past the context.
    ///
    /// # Errors
    ///
    /// Nothing gave it.
    pub fn address_of(&self, address: Address) -> Checked<vmo_abi::zx_vaddr_t> {
        let found = self.runner.facts().address(address);
        found.ok_or_else(|| Failure::new("an address", "none was given"))
    }

    /// The very value of a handle.
    pub fn value_of(&self, handle: Handle) -> Handle {
        Handle::Literal(self.runner.facts().handle(handle))
    }

    /// Allocates the program's own region, so that no later use of it gets the
    /// value of a handle that was closed.
    pub fn use_region(&mut self) -> Checked {
        Ok(self.runner.use_region()?)
    }

    /// A handle value that was live and has been closed. It may be given out
    /// again by the next call that makes a handle.
    pub fn closed_handle(&mut self) -> Checked<Handle> {
        let vmo = self.create(0)?;
        self.close(vmo)?;
        Ok(vmo)
    }

    /// Creates an event.
    pub fn event(&mut self) -> Checked<Handle> {
        Ok(self.event_create(0)?.ok()?.handle(0))
    }

    /// Creates a port.
    pub fn port(&mut self) -> Checked<Handle> {
        Ok(self.port_create(0)?.ok()?.handle(0))
    }

    /// Creates a channel.
    pub fn channel(&mut self) -> Checked<(Handle, Handle)> {
        let answer = self.channel_create(0)?.ok()?;
        Ok((answer.handle(0), answer.handle(1)))
    }

    /// Writes bytes into a VMO.
    pub fn write(&mut self, vmo: Handle, offset: u64, bytes: &[u8]) -> Checked {
        self.vmo_write(vmo, offset, bytes)?.ok().map(drop)
    }

    /// Reads bytes of a VMO.
    pub fn read(&mut self, vmo: Handle, offset: u64, len: u64) -> Checked<Vec<u8>> {
        Ok(self.vmo_read(vmo, offset, len)?.ok()?.bytes().to_vec())
    }

    /// Reads one byte of a VMO.
    pub fn byte(&mut self, vmo: Handle, offset: u64) -> Checked<u8> {
        let answer = self.vmo_read(vmo, offset, 1)?.ok()?;
        answer.bytes.first().copied().ok_or_else(|| answer.failure("one byte", "nothing stored"))
    }

    /// Expects a VMO to hold these bytes.
    pub fn expect_bytes(&mut self, vmo: Handle, offset: u64, expected: &[u8]) -> Checked {
        let answer = self.vmo_read(vmo, offset, expected.len() as u64)?;
        answer.ok()?.bytes_are(expected).map(drop)
    }

    /// Expects `len` bytes of a VMO to be `byte`.
    pub fn expect_fill(&mut self, vmo: Handle, offset: u64, len: u64, byte: u8) -> Checked {
        self.expect_bytes(vmo, offset, &vec![byte; len as usize])
    }

    /// The size of a VMO.
    pub fn size(&mut self, vmo: Handle) -> Checked<u64> {
        self.vmo_get_size(vmo)?.ok()?.word(1)
    }

    /// Expects a VMO to have this size.
    pub fn expect_size(&mut self, vmo: Handle, expected: u64) -> Checked {
        self.vmo_get_size(vmo)?.ok()?.word_is(1, expected).map(drop)
    }

    /// Resizes a VMO.
    pub fn resize(&mut self, vmo: Handle, size: u64) -> Checked {
        self.vmo_set_size(vmo, size)?.ok().map(drop)
    }

    /// Does an operation on a range of a VMO.
    pub fn operate(&mut self, vmo: Handle, op: u32, offset: u64, size: u64) -> Checked {
        self.vmo_op_range(vmo, op, offset, size)?.ok().map(drop)
    }

    /// Expects that nothing is committed in a VMO that is neither mapped, nor
    /// a clone, nor cloned: then its cache policy can be set (VMO-CACHEPOL-08).
    pub fn expect_nothing_committed(&mut self, vmo: Handle) -> Checked {
        self.vmo_set_cache_policy(vmo, 0)?.ok().map(drop)
    }

    /// Maps a range of a VMO anywhere in the program's region.
    pub fn map(&mut self, vmo: Handle, offset: u64, len: u64, flags: u32) -> Checked<Address> {
        Ok(self.vmar_map(Handle::Region, 0, vmo, offset, len, flags)?.ok()?.address())
    }

    /// Allocates a region in the program's region; the address of the answer's
    /// name is its base.
    pub fn allocate(&mut self, size: u64, flags: u32) -> Checked<(Handle, Address)> {
        let answer = self.vmar_allocate(Handle::Region, 0, size, flags)?.ok()?;
        Ok((answer.handle(0), answer.address()))
    }

    /// Loads bytes through a mapping.
    pub fn load_bytes(&mut self, address: Address, len: u64) -> Checked<Vec<u8>> {
        Ok(self.load(address, len)?.ok()?.bytes().to_vec())
    }

    /// Expects that a load gives these bytes.
    pub fn expect_load(&mut self, address: Address, expected: &[u8]) -> Checked {
        self.load(address, expected.len() as u64)?.ok()?.bytes_are(expected).map(drop)
    }

    /// Expects that a load of one byte faults.
    pub fn expect_load_fault(&mut self, address: Address) -> Checked {
        self.load(address, 1)?.faults().map(drop)
    }

    /// Stores bytes through a mapping.
    pub fn store_bytes(&mut self, address: Address, bytes: &[u8]) -> Checked {
        self.store(address, bytes)?.ok().map(drop)
    }

    /// Expects that a store of one byte faults.
    pub fn expect_store_fault(&mut self, address: Address) -> Checked {
        self.store(address, &[0x5a])?.faults().map(drop)
    }

    /// An object's signals now.
    pub fn signals(&mut self, handle: Handle) -> Checked<zx_signals_t> {
        let answer = self.object_wait_one(handle, 0, Deadline::At(0))?.is(ZX_ERR_TIMED_OUT)?;
        Ok(answer.word(3)? as zx_signals_t)
    }

    /// Expects an object to show just these signals.
    pub fn expect_signals(&mut self, handle: Handle, expected: zx_signals_t) -> Checked {
        let answer = self.object_wait_one(handle, 0, Deadline::At(0))?.is(ZX_ERR_TIMED_OUT)?;
        answer.word_is(3, expected.into()).map(drop)
    }

    /// Expects some of an object's signals to be active and the others among
    /// them not.
    pub fn expect_signal(&mut self, handle: Handle, signal: zx_signals_t, active: bool) -> Checked {
        let answer = self.object_wait_one(handle, signal, Deadline::At(0))?;
        let expected = if active { ZX_OK } else { ZX_ERR_TIMED_OUT };
        answer.is(expected).map(drop)
    }

    /// A handle's rights.
    pub fn rights(&mut self, handle: Handle) -> Checked<zx_rights_t> {
        Ok(self.object_get_info(handle, ZX_INFO_HANDLE_BASIC, 32)?.ok()?.basic_info()?.rights)
    }

    /// Expects a handle to have just these rights.
    pub fn expect_rights(&mut self, handle: Handle, expected: zx_rights_t) -> Checked {
        let answer = self.object_get_info(handle, ZX_INFO_HANDLE_BASIC, 32)?.ok()?;
        let rights = answer.basic_info()?.rights;
        if rights == expected {
            return Ok(());
        }
        Err(answer.failure(format!("rights {expected:#x}"), format!("rights {rights:#x}")))
    }

    /// An object's koid.
    pub fn koid(&mut self, handle: Handle) -> Checked<zx_koid_t> {
        Ok(self.object_get_info(handle, ZX_INFO_HANDLE_BASIC, 32)?.ok()?.basic_info()?.koid)
    }

    /// How many handles name an object.
    pub fn handle_count(&mut self, handle: Handle) -> Checked<u32> {
        let answer = self.object_get_info(handle, ZX_INFO_HANDLE_COUNT, 4)?.ok()?;
        match answer.bytes.first_chunk() {
            Some(bytes) => Ok(u32::from_le_bytes(*bytes)),
            None => Err(answer.failure("a count", "nothing stored")),
        }
    }

    /// Whether a value names a live handle.
    pub fn is_valid(&mut self, handle: Handle) -> Checked<bool> {
        let answer = self.object_get_info(handle, ZX_INFO_HANDLE_VALID, 0)?;
        Ok(answer.status() == Some(ZX_OK))
    }

    /// Expects that a value names a live handle, or none.
    pub fn expect_valid(&mut self, handle: Handle, valid: bool) -> Checked {
        let answer = self.object_get_info(handle, ZX_INFO_HANDLE_VALID, 0)?;
        answer.is(if valid { ZX_OK } else { vmo_abi::ZX_ERR_BAD_HANDLE }).map(drop)
    }

    /// Sets an object's name.
    pub fn set_name(&mut self, handle: Handle, name: &[u8]) -> Checked {
        self.object_set_property(handle, ZX_PROP_NAME, name)?.ok().map(drop)
    }

    /// The 32 bytes of an object's name.
    pub fn name(&mut self, handle: Handle) -> Checked<[u8; 32]> {
        let answer = self.object_get_property(handle, ZX_PROP_NAME, 32)?.ok()?;
        let name = answer.bytes.first_chunk().copied();
        name.ok_or_else(|| answer.failure("32 bytes", format!("{} bytes", answer.bytes.len())))
    }

    /// Expects an object's name, padded with NUL bytes.
    pub fn expect_name(&mut self, handle: Handle, expected: &[u8]) -> Checked {
        let mut padded = expected.to_vec();
        padded.resize(32, 0);
        self.object_get_property(handle, ZX_PROP_NAME, 32)?.ok()?.bytes_are(&padded).map(drop)
    }

    /// The entry of `ZX_INFO_PROCESS_VMOS` that stands for a handle to the same
    /// VMO as `vmo`.
    pub fn vmo_info(&mut self, vmo: Handle) -> Checked<zx_info_vmo_t> {
        let koid = self.koid(vmo)?;
        let entries = self.vmo_infos()?;
        let found = entries.into_iter().find(|entry| entry.koid == koid);
        found.ok_or_else(|| Failure::new(format!("an entry with koid {koid}"), "no such entry"))
    }

    /// Every entry of `ZX_INFO_PROCESS_VMOS`.
    pub fn vmo_infos(&mut self) -> Checked<Vec<zx_info_vmo_t>> {
        const MOST: u64 = 256;
        let size = MOST * <zx_info_vmo_t as Record<104>>::SIZE as u64;
        let answer = self.object_get_info(Handle::Observed, ZX_INFO_PROCESS_VMOS, size)?.ok()?;
        let actual = answer.word(4)? as usize;
        let entries = answer.bytes.as_chunks().0.iter().take(actual);
        Ok(entries.map(zx_info_vmo_t::from_bytes).collect())
    }

    /// Bytes committed in a VMO itself.
    pub fn committed(&mut self, vmo: Handle) -> Checked<u64> {
        Ok(self.vmo_info(vmo)?.committed_bytes)
    }

    /// Expects so many bytes to be committed in a VMO itself.
    pub fn expect_committed(&mut self, vmo: Handle, expected: u64) -> Checked {
        let committed = self.committed(vmo)?;
        let what = |bytes| format!("{bytes:#x} bytes committed");
        self.expect(committed == expected, what(expected), what(committed))
    }

    /// What can be seen of a VMO. The handle needs its default rights.
    pub fn snapshot(&mut self, vmo: Handle) -> Checked<Snapshot> {
        let size = self.size(vmo)?;
        let info = self.object_get_info(vmo, ZX_INFO_HANDLE_BASIC, 32)?.ok()?.basic_info()?;
        Ok(Snapshot {
            size,
            signals: self.signals(vmo)?,
            name: self.name(vmo)?,
            handle_count: self.handle_count(vmo)?,
            rights: info.rights,
            koid: info.koid,
            contents: self.read(vmo, 0, size.min(SNAPSHOT_BYTES))?,
        })
    }

    /// Expects that nothing that can be seen of a VMO has changed.
    pub fn expect_unchanged(&mut self, vmo: Handle, before: &Snapshot) -> Checked {
        let after = self.snapshot(vmo)?;
        if after == *before {
            return Ok(());
        }
        let what = |snapshot: &Snapshot| {
            let Snapshot { size, signals, handle_count, rights, koid, .. } = snapshot;
            format!(
                "size {size:#x}, signals {signals:#x}, {handle_count} handles, rights {rights:#x}, \
                 koid {koid}, name and contents {}",
                if snapshot.name == before.name && snapshot.contents == before.contents {
                    "as before"
                } else {
                    "changed"
                }
            )
        };
        Err(Failure::new(what(before), what(&after)))
    }

    /// Expects a refusal with this status that changes nothing that can be seen
    /// of the VMO, and at the level of the kernel leaves every output location
    /// alone.
    pub fn expect_refusal(
        &mut self,
        vmo: Handle,
        status: vmo_abi::zx_status_t,
        call: impl FnOnce(&mut Self) -> Checked<Answer>,
    ) -> Checked {
        let before = self.snapshot(vmo)?;
        call(self)?.is(status)?.untouched()?;
        self.expect_unchanged(vmo, &before)
    }
}
