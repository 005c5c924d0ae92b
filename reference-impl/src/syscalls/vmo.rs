//! `vmo_create`, `vmo_read`, `vmo_write`, `vmo_get_size`, `vmo_set_size`,
//! `vmo_clone`, `vmo_op_range` and `vmo_set_cache_policy`.

use std::ops::Range;

use vmo_abi::{
    ZX_CACHE_POLICY_CACHED, ZX_CACHE_POLICY_MASK, ZX_ERR_ACCESS_DENIED, ZX_ERR_BAD_STATE,
    ZX_ERR_INVALID_ARGS, ZX_ERR_NOT_SUPPORTED, ZX_ERR_OUT_OF_RANGE, ZX_PAGE_SIZE,
    ZX_RIGHT_DUPLICATE, ZX_RIGHT_GET_PROPERTY, ZX_RIGHT_MAP, ZX_RIGHT_READ, ZX_RIGHT_SET_PROPERTY,
    ZX_RIGHT_WRITE, ZX_VMO_CLONE_COPY_ON_WRITE, ZX_VMO_OP_CACHE_CLEAN,
    ZX_VMO_OP_CACHE_CLEAN_INVALIDATE, ZX_VMO_OP_CACHE_INVALIDATE, ZX_VMO_OP_CACHE_SYNC,
    ZX_VMO_OP_COMMIT, ZX_VMO_OP_DECOMMIT, ZX_VMO_OP_LOCK, ZX_VMO_OP_UNLOCK, ZX_VMO_ZERO_CHILDREN,
    zx_handle_t, zx_rights_t, zx_vaddr_t,
};

use crate::kernel::{Answer, Kernel};
use crate::memory::Access;
use crate::object::{Kind, ObjectId};
use crate::vmo::{VmoId, round_size};

impl Kernel {
    pub(crate) fn vmo_create(&mut self, size: u64, options: u32, out: zx_vaddr_t) -> Answer {
        let edition = self.configuration.edition;
        if options & !edition.create_options != 0 {
            return Err(ZX_ERR_INVALID_ARGS);
        }
        if self.configuration.deny_new_vmo {
            return Err(ZX_ERR_ACCESS_DENIED);
        }
        let size = round_size(size, edition.largest_vmo_size)?;
        self.budget.allocate()?;
        let object = self.create_vmo_object(size, None);
        self.hand_out(object, edition.default_vmo_rights, out)
    }

    fn create_vmo_object(&mut self, size: u64, parent: Option<(VmoId, u64)>) -> ObjectId {
        let koid = self.next_koid();
        let vmo = self.vmos.create(koid, size, parent);
        let object = self.objects.create(koid, Kind::Vmo(vmo));
        self.vmos.get_mut(vmo).dispatcher = Some(object);
        object
    }

    pub(crate) fn vmo_read(
        &mut self,
        handle: zx_handle_t,
        buffer: zx_vaddr_t,
        offset: u64,
        len: u64,
    ) -> Answer {
        self.read_or_write(handle, ZX_RIGHT_READ, buffer, offset, len, Access::Write)
    }

    pub(crate) fn vmo_write(
        &mut self,
        handle: zx_handle_t,
        buffer: zx_vaddr_t,
        offset: u64,
        len: u64,
    ) -> Answer {
        self.read_or_write(handle, ZX_RIGHT_WRITE, buffer, offset, len, Access::Read)
    }

    /// `access` is what the call does to the buffer.
    fn read_or_write(
        &mut self,
        handle: zx_handle_t,
        right: zx_rights_t,
        buffer: zx_vaddr_t,
        offset: u64,
        len: u64,
        access: Access,
    ) -> Answer {
        let handle = self.with_rights(handle, right)?;
        let vmo = self.as_vmo(handle)?;
        if self.configuration.edition.buffers_are_probed {
            self.probe_buffer(buffer, len, access)?;
        }
        if self.vmos.get(vmo).cache_policy != ZX_CACHE_POLICY_CACHED {
            return Err(ZX_ERR_BAD_STATE);
        }
        let end = offset.checked_add(len).ok_or(ZX_ERR_OUT_OF_RANGE)?;
        if end > self.vmos.get(vmo).size {
            return Err(ZX_ERR_OUT_OF_RANGE);
        }
        self.copy_range(vmo, offset, buffer, len, access)
    }

    pub(crate) fn vmo_get_size(&mut self, handle: zx_handle_t, out: zx_vaddr_t) -> Answer {
        let handle = self.handles.get(handle)?;
        let size = self.vmos.get(self.as_vmo(handle)?).size;
        self.copy_out(out, &size.to_le_bytes())
    }

    pub(crate) fn vmo_set_size(&mut self, handle: zx_handle_t, size: u64) -> Answer {
        let handle = self.with_rights(handle, ZX_RIGHT_WRITE)?;
        let vmo = self.as_vmo(handle)?;
        let size = round_size(size, self.configuration.edition.largest_vmo_size)?;
        let old = self.vmos.get(vmo).size;
        self.pages_changed(vmo, old.min(size) / ZX_PAGE_SIZE..old.max(size) / ZX_PAGE_SIZE);
        self.vmos.decommit(vmo, size / ZX_PAGE_SIZE..u64::MAX, &mut self.budget);
        self.vmos.get_mut(vmo).size = size;
        Ok(())
    }

    pub(crate) fn vmo_clone(
        &mut self,
        handle: zx_handle_t,
        options: u32,
        offset: u64,
        size: u64,
        out: zx_vaddr_t,
    ) -> Answer {
        let edition = self.configuration.edition;
        let handle = self.with_rights(handle, ZX_RIGHT_DUPLICATE | ZX_RIGHT_READ)?;
        let parent = self.as_vmo(handle)?;
        let unknown = options & !ZX_VMO_CLONE_COPY_ON_WRITE != 0;
        if options & ZX_VMO_CLONE_COPY_ON_WRITE == 0
            || unknown && !edition.unknown_clone_options_ignored
        {
            return Err(ZX_ERR_INVALID_ARGS);
        }
        let size = round_size(size, edition.largest_vmo_size)?;
        self.budget.allocate()?;
        if self.vmos.get(parent).cache_policy != ZX_CACHE_POLICY_CACHED {
            return Err(ZX_ERR_BAD_STATE);
        }
        if !offset.is_multiple_of(ZX_PAGE_SIZE) {
            return Err(ZX_ERR_INVALID_ARGS);
        }
        offset.checked_add(size).ok_or(ZX_ERR_OUT_OF_RANGE)?;

        let object = self.create_vmo_object(size, Some((parent, offset / ZX_PAGE_SIZE)));
        if let Some(dispatcher) = self.vmos.get(parent).dispatcher {
            self.change_signals(dispatcher, ZX_VMO_ZERO_CHILDREN, 0);
        }
        if let (true, Kind::Vmo(clone)) =
            (handle.rights & ZX_RIGHT_GET_PROPERTY != 0, self.objects.get(object).kind)
        {
            self.vmos.get_mut(clone).name = self.vmos.get(parent).name;
        }
        let added = ZX_RIGHT_WRITE | ZX_RIGHT_GET_PROPERTY | ZX_RIGHT_SET_PROPERTY;
        self.hand_out(object, handle.rights | added, out)
    }

    pub(crate) fn vmo_op_range(
        &mut self,
        handle: zx_handle_t,
        op: u32,
        offset: u64,
        size: u64,
    ) -> Answer {
        let handle = self.handles.get(handle)?;
        let vmo = self.as_vmo(handle)?;
        let needed = match op {
            ZX_VMO_OP_COMMIT | ZX_VMO_OP_DECOMMIT | ZX_VMO_OP_CACHE_INVALIDATE => ZX_RIGHT_WRITE,
            ZX_VMO_OP_CACHE_SYNC | ZX_VMO_OP_CACHE_CLEAN | ZX_VMO_OP_CACHE_CLEAN_INVALIDATE => {
                ZX_RIGHT_READ
            }
            ZX_VMO_OP_LOCK | ZX_VMO_OP_UNLOCK => return Err(ZX_ERR_NOT_SUPPORTED),
            _ => return Err(ZX_ERR_INVALID_ARGS),
        };
        if handle.rights & needed == 0 {
            return Err(ZX_ERR_ACCESS_DENIED);
        }
        match op {
            ZX_VMO_OP_COMMIT => {
                let range = self.page_range(vmo, offset, size)?;
                self.commit_range(vmo, range)
            }
            ZX_VMO_OP_DECOMMIT => {
                let range = self.page_range(vmo, offset, size)?;
                if !range.is_empty() {
                    self.pages_changed(vmo, range.clone());
                    self.vmos.decommit(vmo, range, &mut self.budget);
                }
                Ok(())
            }
            _ => self.operate_on_cache(vmo, offset, size),
        }
    }

    /// The whole pages that a range of COMMIT or DECOMMIT touches, cut at the
    /// VMO's end (VMO-OPRANGE-14 to -17).
    fn page_range(&self, vmo: VmoId, offset: u64, size: u64) -> Answer<Range<u64>> {
        let vmo_size = self.vmos.get(vmo).size;
        let end = offset.checked_add(size).ok_or(ZX_ERR_OUT_OF_RANGE)?;
        let trimmed = self.configuration.edition.ranges_are_trimmed;
        if offset > vmo_size || end > vmo_size && !trimmed {
            return Err(ZX_ERR_OUT_OF_RANGE);
        }
        let end = end.min(vmo_size);
        if end == offset {
            return Ok(0..0);
        }
        Ok(offset / ZX_PAGE_SIZE..end.div_ceil(ZX_PAGE_SIZE))
    }

    /// Commits every page of the range, or none if memory does not suffice
    /// (VMO-OPRANGE-21).
    fn commit_range(&mut self, vmo: VmoId, range: Range<u64>) -> Answer {
        if range.is_empty() {
            return Ok(());
        }
        let needed = self.vmos.frames_to_commit(vmo, range.clone());
        self.budget.check_reserve(needed)?;
        for index in range {
            self.page_for_write(vmo, index)?;
        }
        Ok(())
    }

    /// The caches of the host are coherent, so only the arguments matter
    /// (VMO-OPRANGE-40 to -45).
    fn operate_on_cache(&self, vmo: VmoId, offset: u64, size: u64) -> Answer {
        if size == 0 {
            return Err(ZX_ERR_INVALID_ARGS);
        }
        match offset.checked_add(size) {
            Some(end) if end <= self.vmos.get(vmo).size => Ok(()),
            _ => Err(ZX_ERR_OUT_OF_RANGE),
        }
    }

    pub(crate) fn vmo_set_cache_policy(&mut self, handle: zx_handle_t, policy: u32) -> Answer {
        if policy & !ZX_CACHE_POLICY_MASK != 0 {
            return Err(ZX_ERR_INVALID_ARGS);
        }
        let handle = self.with_rights(handle, ZX_RIGHT_MAP)?;
        let id = self.as_vmo(handle)?;
        let vmo = self.vmos.get(id);
        let is_free = !self.vmos.has_pages(id)
            && vmo.mappings == 0
            && vmo.children == 0
            && vmo.parent.is_none();
        if !is_free {
            return Err(ZX_ERR_BAD_STATE);
        }
        self.vmos.get_mut(id).cache_policy = policy;
        Ok(())
    }
}
