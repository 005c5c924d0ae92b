//! The machine behind its lock: objects, handles, VMOs, the address space, and
//! what the calls share.

use std::collections::BTreeSet;
use std::io;
use std::ops::Range;

use vmo_abi::{
    BadAddresses, Environment, Fault, ZX_DEFAULT_PROCESS_RIGHTS, ZX_DEFAULT_VMAR_RIGHTS,
    ZX_ERR_ACCESS_DENIED, ZX_ERR_INVALID_ARGS, ZX_ERR_WRONG_TYPE, ZX_PAGE_SIZE, ZX_RIGHT_EXECUTE,
    ZX_RIGHT_READ, ZX_RIGHT_WRITE, ZX_VM_FLAG_PERM_READ, ZX_VM_FLAG_PERM_WRITE,
    ZX_VMO_ZERO_CHILDREN, zx_handle_t, zx_koid_t, zx_rights_t, zx_status_t, zx_vaddr_t,
};

use crate::address_space::{AddressSpace, RegionId};
use crate::budget::Budget;
use crate::configuration::Configuration;
use crate::handle_table::{Handle, HandleTable};
use crate::memory::{Access, Frame, Memory, PAGE, Span};
use crate::object::{Kind, ObjectId, Objects};
use crate::vmo::{Committed, Destroyed, VmoId, Vmos};
use crate::wait::Observers;

/// What a call comes to: its status, with `Ok(())` for `ZX_OK`.
pub(crate) type Answer<T = ()> = Result<T, zx_status_t>;

/// The first koid that a call gives out (KOID-04).
const FIRST_KOID: zx_koid_t = 1024;
/// User space of the kernel of that day.
const USER_SPACE: Range<zx_vaddr_t> = 0x100_0000..0x100_0000 + 0x7fff_feff_f000;
/// Pages that real pointers reach at once at most.
const MOST_ENTERED: usize = 16_384;
/// Bytes that are copied in one piece at most.
const LONGEST_COPY: usize = 1 << 20;
/// An address that is never in user space.
const KERNEL_ADDRESS: zx_vaddr_t = 0xffff_ff80_0010_0000;

/// The whole state of the machine.
pub(crate) struct Kernel {
    pub(crate) configuration: Configuration,
    pub(crate) memory: Memory,
    pub(crate) budget: Budget,
    pub(crate) objects: Objects,
    pub(crate) vmos: Vmos,
    pub(crate) handles: HandleTable,
    pub(crate) space: AddressSpace,
    pub(crate) observers: Observers,
    /// Pages of the root region where a frame is entered for real pointers.
    entered: BTreeSet<zx_vaddr_t>,
    next_koid: zx_koid_t,
    root_vmar: zx_handle_t,
    process: zx_handle_t,
    observed_process: zx_handle_t,
}

impl Kernel {
    pub(crate) fn new(configuration: Configuration) -> io::Result<Self> {
        configuration.check()?;
        let memory = Memory::new(&configuration)?;
        let space = AddressSpace::new(
            memory.root_base,
            configuration.root_region_bytes,
            configuration.seed,
        );
        let mut kernel = Self {
            budget: Budget::new(configuration.physical_pages, configuration.memory_limit),
            objects: Objects::default(),
            vmos: Vmos::default(),
            handles: HandleTable::new(configuration.seed, configuration.largest_handle_count),
            observers: Observers::default(),
            entered: BTreeSet::new(),
            next_koid: FIRST_KOID,
            root_vmar: 0,
            process: 0,
            observed_process: 0,
            configuration,
            memory,
            space,
        };
        let root_rights =
            ZX_DEFAULT_VMAR_RIGHTS | ZX_RIGHT_READ | ZX_RIGHT_WRITE | ZX_RIGHT_EXECUTE;
        let root = Kind::Region(kernel.space.root);
        kernel.root_vmar = kernel.first_handle(root, root_rights)?;
        let process = Kind::Process { observed: false };
        kernel.process = kernel.first_handle(process, ZX_DEFAULT_PROCESS_RIGHTS)?;
        let observed = Kind::Process { observed: true };
        kernel.observed_process = kernel.first_handle(observed, ZX_DEFAULT_PROCESS_RIGHTS)?;
        Ok(kernel)
    }

    fn first_handle(&mut self, kind: Kind, rights: zx_rights_t) -> io::Result<zx_handle_t> {
        let object = self.create_object(kind);
        self.add_handle(object, rights)
            .map_err(|_| io::Error::other("largest_handle_count leaves no room for three handles"))
    }

    pub(crate) fn environment(&self) -> Environment {
        Environment {
            edition: self.configuration.edition,
            capabilities: self.configuration.capabilities,
            arena: self.memory.arena,
            bad: BadAddresses {
                unmapped: Some(self.memory.unmapped()),
                read_only: Some(self.memory.read_only),
                kernel: Some(KERNEL_ADDRESS),
            },
            root_vmar: self.root_vmar,
            process: self.process,
            observed_process: self.observed_process,
        }
    }

    // Handles and objects.

    pub(crate) fn next_koid(&mut self) -> zx_koid_t {
        let koid = self.next_koid;
        self.next_koid += 1;
        koid
    }

    pub(crate) fn create_object(&mut self, kind: Kind) -> ObjectId {
        let koid = self.next_koid();
        self.objects.create(koid, kind)
    }

    /// A handle's object, if the handle has the rights (GEN-01).
    pub(crate) fn with_rights(&self, handle: zx_handle_t, rights: zx_rights_t) -> Answer<Handle> {
        let handle = self.handles.get(handle)?;
        if handle.rights & rights == rights { Ok(handle) } else { Err(ZX_ERR_ACCESS_DENIED) }
    }

    pub(crate) fn kind(&self, handle: Handle) -> Kind {
        self.objects.get(handle.object).kind
    }

    /// The VMO that a handle names.
    pub(crate) fn as_vmo(&self, handle: Handle) -> Answer<VmoId> {
        match self.kind(handle) {
            Kind::Vmo(vmo) => Ok(vmo),
            _ => Err(ZX_ERR_WRONG_TYPE),
        }
    }

    /// The region that a handle names.
    pub(crate) fn as_region(&self, handle: Handle) -> Answer<RegionId> {
        match self.kind(handle) {
            Kind::Region(region) => Ok(region),
            _ => Err(ZX_ERR_WRONG_TYPE),
        }
    }

    /// Makes a handle to an object. When there is no room for it an object
    /// that has no other handle is gone.
    pub(crate) fn add_handle(
        &mut self,
        object: ObjectId,
        rights: zx_rights_t,
    ) -> Answer<zx_handle_t> {
        let added =
            self.budget.allocate().and_then(|()| self.handles.insert(Handle { object, rights }));
        match added {
            Ok(value) => {
                self.objects.get_mut(object).handles += 1;
                Ok(value)
            }
            Err(status) => {
                self.destroy_object_if_unneeded(object);
                Err(status)
            }
        }
    }

    /// Makes a handle to a new object and stores it for user code, which comes
    /// last of all: if it fails the handle is destroyed (GEN-05).
    pub(crate) fn hand_out(
        &mut self,
        object: ObjectId,
        rights: zx_rights_t,
        out: zx_vaddr_t,
    ) -> Answer {
        let value = self.add_handle(object, rights)?;
        self.store_handle(value, out)
    }

    pub(crate) fn store_handle(&mut self, value: zx_handle_t, out: zx_vaddr_t) -> Answer {
        self.copy_out(out, &value.to_le_bytes()).inspect_err(|_| {
            self.close(value).expect("the handle was made just now");
        })
    }

    pub(crate) fn close(&mut self, handle: zx_handle_t) -> Answer {
        let (handle, value) = self.handles.remove(handle)?;
        self.observers.cancel(value);
        self.release(handle.object);
        Ok(())
    }

    /// Gives up one handle to an object that is not in the table any more.
    pub(crate) fn release(&mut self, object: ObjectId) {
        self.objects.get_mut(object).handles -= 1;
        self.destroy_object_if_unneeded(object);
    }

    fn destroy_object_if_unneeded(&mut self, id: ObjectId) {
        if self.objects.get(id).handles != 0 {
            return;
        }
        // Messages hold handles to channels that hold messages, and so on.
        let mut pending = vec![id];
        while let Some(id) = pending.pop() {
            let object = self.objects.remove(id);
            let messages = object.messages.map(|messages| *messages).unwrap_or_default();
            for handle in messages.into_iter().flat_map(|message| message.handles) {
                let held = self.objects.get_mut(handle.object);
                held.handles -= 1;
                if held.handles == 0 {
                    pending.push(handle.object);
                }
            }
            match object.kind {
                Kind::Vmo(vmo) => {
                    self.vmos.get_mut(vmo).dispatcher = None;
                    self.destroy_vmo_if_unneeded(vmo);
                }
                Kind::Region(region) => {
                    self.space.region_mut(region).has_dispatcher = false;
                    self.space.forget_region_if_unneeded(region);
                }
                Kind::Channel { peer: Some(peer), .. } => self.close_peer(peer),
                _ => {}
            }
        }
    }

    /// Destroys a VMO that nothing needs, and with it every ancestor that only
    /// it had needed; raises ZERO_CHILDREN on the way (SIG-ZC-06).
    pub(crate) fn destroy_vmo_if_unneeded(&mut self, vmo: VmoId) {
        let mut next = Some(vmo);
        while let Some(vmo) = next {
            next = match self.vmos.destroy_if_unneeded(vmo, &mut self.budget) {
                Destroyed::StillNeeded => None,
                Destroyed::Gone { parent } => parent,
            };
            let Some(parent) = next.map(|parent| self.vmos.get(parent)) else { break };
            if let (0, Some(dispatcher)) = (parent.children, parent.dispatcher) {
                self.change_signals(dispatcher, 0, ZX_VMO_ZERO_CHILDREN);
            }
        }
    }

    /// Removes the mappings of a range, and whatever lived only through them.
    pub(crate) fn remove_mappings(&mut self, range: Range<zx_vaddr_t>) {
        self.leave(range.clone());
        for vmo in self.space.remove_mappings(range, &mut self.vmos) {
            // A VMO may have been mapped more than once in the range.
            if self.vmos.contains(vmo) {
                self.destroy_vmo_if_unneeded(vmo);
            }
        }
    }

    // Pages.

    /// The VMO's own page at `index`, made its own if it was not.
    pub(crate) fn page_for_write(&mut self, vmo: VmoId, index: u64) -> Answer<Frame> {
        let Committed { frame, changed } =
            self.vmos.commit(vmo, index, &self.memory, &mut self.budget)?;
        if let Some((vmo, index)) = changed {
            self.pages_changed(vmo, index..index + 1);
        }
        Ok(frame)
    }

    /// What a page of a VMO shows, from `offset` in the page on. Only to be
    /// read: it may be an ancestor's page.
    pub(crate) fn page_for_read(&self, vmo: VmoId, index: u64, offset: usize) -> Span {
        match self.vmos.lookup(vmo, index) {
            Some(frame) => self.memory.frame(frame, offset),
            None => self.memory.zeros(offset),
        }
    }

    /// Takes away what real pointers see of pages that show something else now,
    /// in the VMO and in every clone that looks through to it.
    pub(crate) fn pages_changed(&mut self, vmo: VmoId, range: Range<u64>) {
        if self.entered.is_empty() {
            return;
        }
        let mut stale = Vec::new();
        self.vmos.visit_viewers(vmo, range, |vmo, range| {
            for (base, mapping) in self.space.mappings_of(vmo) {
                let first = mapping.vmo_offset / ZX_PAGE_SIZE;
                let start = range.start.max(first);
                let end = range.end.min(first + mapping.size / ZX_PAGE_SIZE);
                if start < end {
                    let at = |page: u64| base + (page - first) * ZX_PAGE_SIZE;
                    stale.push(at(start)..at(end));
                }
            }
        });
        stale.into_iter().for_each(|range| self.leave(range));
    }

    /// Takes away what real pointers see in a range of addresses.
    pub(crate) fn leave(&mut self, range: Range<zx_vaddr_t>) {
        while let Some(&start) = self.entered.range(range.clone()).next() {
            let mut end = start;
            while end < range.end && self.entered.remove(&end) {
                end += ZX_PAGE_SIZE;
            }
            self.memory.leave(start, end - start);
        }
    }

    /// Lets a real pointer reach an address that it faulted at, if user code
    /// may access it in this way.
    pub(crate) fn enter(&mut self, address: zx_vaddr_t, access: Access) -> Result<(), Fault> {
        let page = address - address % ZX_PAGE_SIZE;
        self.resolve(address, access)?;
        let (base, mapping) = self.space.mapping_at(page).ok_or(Fault { address })?;
        let index = (page - base + mapping.vmo_offset) / ZX_PAGE_SIZE;
        let own = self.vmos.own_page(mapping.vmo, index);
        let frame = own.or_else(|| self.vmos.lookup(mapping.vmo, index));
        let writable = own.is_some() && mapping.permissions & ZX_VM_FLAG_PERM_WRITE != 0;
        // The host allows only so many mappings, and even taking single pages
        // away needs more of them: start over with none before they run out.
        if self.entered.len() >= MOST_ENTERED || self.memory.enter(page, frame, writable).is_err() {
            self.memory
                .try_leave(self.memory.root_base, self.configuration.root_region_bytes)
                .map_err(|_| Fault { address })?;
            self.entered.clear();
            self.memory.enter(page, frame, writable).map_err(|_| Fault { address })?;
        }
        self.entered.insert(page);
        Ok(())
    }

    /// The memory behind a user address, up to the end of the page or of the
    /// arena, made ready for the access.
    fn resolve(&mut self, address: zx_vaddr_t, access: Access) -> Result<Span, Fault> {
        if let Some(span) = self.memory.fixed(address, access) {
            return Ok(span);
        }
        let fault = Fault { address };
        let Some((base, mapping)) = self.space.mapping_at(address) else {
            return self.of_process(address, access).ok_or(fault);
        };
        let needed = match access {
            Access::Read => ZX_VM_FLAG_PERM_READ,
            Access::Write => ZX_VM_FLAG_PERM_WRITE,
        };
        let (vmo, position) = (mapping.vmo, address - base + mapping.vmo_offset);
        if mapping.permissions & needed == 0 || position >= self.vmos.get(vmo).size {
            return Err(fault);
        }
        let (index, offset) = (position / ZX_PAGE_SIZE, (position % ZX_PAGE_SIZE) as usize);
        match access {
            Access::Read => Ok(self.page_for_read(vmo, index, offset)),
            Access::Write => {
                let frame = self.page_for_write(vmo, index).map_err(|_| fault)?;
                Ok(self.memory.frame(frame, offset))
            }
        }
    }

    // User memory.

    /// Memory of the process's own, if that counts.
    fn of_process(&self, address: zx_vaddr_t, access: Access) -> Option<Span> {
        let counts = self.configuration.process_memory;
        counts.then(|| self.memory.of_process(address, access)).flatten()
    }

    /// User code loading bytes.
    pub(crate) fn load(&mut self, address: zx_vaddr_t, bytes: &mut [u8]) -> Result<(), Fault> {
        // Such an access goes through whole or not at all.
        if matches!(bytes.len(), 2 | 4 | 8) {
            let last = address.checked_add(bytes.len() as u64 - 1).ok_or(Fault { address })?;
            self.resolve(address, Access::Read)?;
            if last / ZX_PAGE_SIZE != address / ZX_PAGE_SIZE {
                self.resolve(last - last % ZX_PAGE_SIZE, Access::Read)?;
            }
        }
        let mut done = 0;
        while done < bytes.len() {
            let at = address.checked_add(done as u64).ok_or(Fault { address })?;
            let span = self.resolve(at, Access::Read)?.up_to(bytes.len() - done);
            span.read(&mut bytes[done..done + span.len()]);
            done += span.len();
        }
        Ok(())
    }

    /// User code storing bytes.
    pub(crate) fn store(&mut self, address: zx_vaddr_t, bytes: &[u8]) -> Result<(), Fault> {
        // Such an access goes through whole or not at all.
        if matches!(bytes.len(), 2 | 4 | 8) {
            let last = address.checked_add(bytes.len() as u64 - 1).ok_or(Fault { address })?;
            if last / ZX_PAGE_SIZE != address / ZX_PAGE_SIZE {
                self.resolve(address, Access::Write)?;
                self.resolve(last - last % ZX_PAGE_SIZE, Access::Write)?;
            }
        }
        let mut done = 0;
        while done < bytes.len() {
            let at = address.checked_add(done as u64).ok_or(Fault { address })?;
            let span = self.resolve(at, Access::Write)?.up_to(bytes.len() - done);
            span.write(&bytes[done..done + span.len()]);
            done += span.len();
        }
        Ok(())
    }

    /// Whether a whole range of addresses lies in user space; of an empty range
    /// its address has to (OBJ-SETPROP-17).
    fn check_user_range(&self, address: zx_vaddr_t, len: usize) -> Answer {
        // Some programs have their variables below the user space of the day.
        let is_user = |address| {
            USER_SPACE.contains(&address)
                || address < USER_SPACE.start && self.of_process(address, Access::Read).is_some()
        };
        let last = address.checked_add((len as u64).saturating_sub(1));
        match last {
            Some(last) if is_user(address) && is_user(last) => Ok(()),
            _ => Err(ZX_ERR_INVALID_ARGS),
        }
    }

    /// A call storing bytes for user code (GEN-07).
    pub(crate) fn copy_out(&mut self, address: zx_vaddr_t, bytes: &[u8]) -> Answer {
        self.check_user_range(address, bytes.len())?;
        let mut done = 0;
        while done < bytes.len() {
            let span = self
                .resolve(address + done as u64, Access::Write)
                .map_err(|_| ZX_ERR_INVALID_ARGS)?
                .up_to(bytes.len() - done);
            span.write(&bytes[done..done + span.len()]);
            done += span.len();
        }
        Ok(())
    }

    /// A call reading bytes of user code (GEN-07).
    pub(crate) fn copy_in(&mut self, address: zx_vaddr_t, bytes: &mut [u8]) -> Answer {
        self.check_user_range(address, bytes.len())?;
        self.load(address, bytes).map_err(|_| ZX_ERR_INVALID_ARGS)
    }

    /// Touches a buffer the way `vmo_read` and `vmo_write` do before they look
    /// at anything else: the first byte, one byte a page further on, and the
    /// last (VMO-READ-14).
    pub(crate) fn probe_buffer(&mut self, buffer: zx_vaddr_t, len: u64, access: Access) -> Answer {
        let bad = self.configuration.edition.bad_buffer_status;
        let mut offset = 0;
        while offset < len {
            let address = buffer.checked_add(offset).ok_or(bad)?;
            self.check_user_range(address, 1).map_err(|_| bad)?;
            let span = self.resolve(address, access).map_err(|_| bad)?;
            if access == Access::Write {
                span.up_to(1).write(&[0]);
            }
            let last = len - 1;
            // The last byte is touched once more, wherever the stride ended.
            offset = match offset.checked_add(ZX_PAGE_SIZE) {
                Some(next) if next < len => next,
                _ if offset < last => last,
                _ => break,
            };
        }
        Ok(())
    }

    /// Copies between a range of a VMO and user memory; the range lies inside
    /// the VMO. `access` is what is done to user memory.
    pub(crate) fn copy_range(
        &mut self,
        vmo: VmoId,
        offset: u64,
        buffer: zx_vaddr_t,
        len: u64,
        access: Access,
    ) -> Answer {
        let bad = self.configuration.edition.bad_buffer_status;
        let mut done = 0;
        while done < len {
            let left = usize::try_from(len - done).unwrap_or(usize::MAX);
            let pages = self.pages_for_copy(vmo, offset + done, left, access)?;
            let user = self.resolve(buffer + done, access).map_err(|_| bad)?;
            done += match access {
                Access::Write => user.copy_from(pages),
                Access::Read => pages.copy_from(user),
            } as u64;
        }
        Ok(())
    }

    /// The memory of a VMO from a position on, as far as it goes in one piece
    /// and at most `most` bytes, to be read if user memory is written and the
    /// other way round.
    fn pages_for_copy(
        &mut self,
        vmo: VmoId,
        position: u64,
        most: usize,
        access: Access,
    ) -> Answer<Span> {
        let (index, start) = (position / ZX_PAGE_SIZE, (position % ZX_PAGE_SIZE) as usize);
        let wanted = (start + most.min(LONGEST_COPY)).div_ceil(PAGE);
        let pages = match (self.vmos.own_run(vmo, index, wanted), access) {
            (Some((first, count)), _) => self.memory.frames(first, count, start),
            (None, Access::Write) => self.page_for_read(vmo, index, start),
            (None, Access::Read) => {
                let frame = self.page_for_write(vmo, index)?;
                self.memory.frame(frame, start)
            }
        };
        Ok(pages.up_to(most))
    }
}
