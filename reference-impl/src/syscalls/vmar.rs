//! `vmar_map`, `vmar_unmap`, `vmar_protect`, `vmar_allocate` and
//! `vmar_destroy`.

use vmo_abi::{
    ZX_DEFAULT_VMAR_RIGHTS, ZX_ERR_ACCESS_DENIED, ZX_ERR_INVALID_ARGS, ZX_PAGE_SIZE,
    ZX_RIGHT_EXECUTE, ZX_RIGHT_MAP, ZX_RIGHT_READ, ZX_RIGHT_WRITE, ZX_VM_FLAG_CAN_MAP_SPECIFIC,
    ZX_VM_FLAG_COMPACT, ZX_VM_FLAG_MAP_RANGE, ZX_VM_FLAG_PERM_EXECUTE, ZX_VM_FLAG_PERM_READ,
    ZX_VM_FLAG_PERM_WRITE, ZX_VM_FLAG_SPECIFIC, ZX_VM_FLAG_SPECIFIC_OVERWRITE, zx_handle_t,
    zx_rights_t, zx_vaddr_t,
};

use crate::address_space::{CAN_MAP, Mapping, Place, allowing, round_length};
use crate::kernel::{Answer, Kernel};
use crate::object::Kind;
use crate::vmo::VmoId;

const PERMISSIONS: u32 = ZX_VM_FLAG_PERM_READ | ZX_VM_FLAG_PERM_WRITE | ZX_VM_FLAG_PERM_EXECUTE;

/// The rights that permissions need, or the permissions that rights allow: the
/// three bits are in the same order, two places apart.
const RIGHT_SHIFT: u32 = 2;

fn rights_for(permissions: u32) -> zx_rights_t {
    (permissions & PERMISSIONS) << RIGHT_SHIFT
}

fn permissions_for(rights: zx_rights_t) -> u32 {
    (rights & (ZX_RIGHT_READ | ZX_RIGHT_WRITE | ZX_RIGHT_EXECUTE)) >> RIGHT_SHIFT
}

/// Write and execute permission go only with read permission (VMAR-MAP-10).
fn check_protection(flags: u32) -> Answer {
    let without_read = flags & ZX_VM_FLAG_PERM_READ == 0;
    if without_read && flags & (ZX_VM_FLAG_PERM_WRITE | ZX_VM_FLAG_PERM_EXECUTE) != 0 {
        return Err(ZX_ERR_INVALID_ARGS);
    }
    Ok(())
}

fn place_of(flags: u32) -> Place {
    if flags & ZX_VM_FLAG_SPECIFIC_OVERWRITE != 0 {
        Place::SpecificOverwrite
    } else if flags & ZX_VM_FLAG_SPECIFIC != 0 {
        Place::Specific
    } else {
        Place::Anywhere
    }
}

impl Kernel {
    #[allow(clippy::too_many_arguments)]
    pub(crate) fn vmar_map(
        &mut self,
        vmar: zx_handle_t,
        vmar_offset: u64,
        vmo: zx_handle_t,
        vmo_offset: u64,
        len: u64,
        flags: u32,
        mapped_addr: zx_vaddr_t,
    ) -> Answer {
        let vmar = self.handles.get(vmar)?;
        let region = self.as_region(vmar)?;
        let vmo_handle = self.handles.get(vmo)?;
        let vmo = self.as_vmo(vmo_handle)?;
        if vmo_handle.rights & ZX_RIGHT_MAP == 0 {
            return Err(ZX_ERR_ACCESS_DENIED);
        }
        check_protection(flags)?;
        let map_range = flags & ZX_VM_FLAG_MAP_RANGE != 0;
        let place = place_of(flags);
        if map_range && place == Place::SpecificOverwrite || flags & CAN_MAP != 0 {
            return Err(ZX_ERR_INVALID_ARGS);
        }
        let possible = permissions_for(vmo_handle.rights & vmar.rights);
        let permissions = flags & PERMISSIONS;
        if permissions & !possible != 0 {
            return Err(ZX_ERR_ACCESS_DENIED);
        }
        let known = PERMISSIONS
            | ZX_VM_FLAG_SPECIFIC
            | ZX_VM_FLAG_SPECIFIC_OVERWRITE
            | ZX_VM_FLAG_MAP_RANGE;
        if flags & !known != 0 {
            return Err(ZX_ERR_INVALID_ARGS);
        }
        if allowing(permissions) & !self.space.region(region).flags != 0 {
            return Err(ZX_ERR_ACCESS_DENIED);
        }
        let edition = self.configuration.edition;
        if !edition.map_length_is_rounded && !len.is_multiple_of(ZX_PAGE_SIZE) {
            return Err(ZX_ERR_INVALID_ARGS);
        }
        let size = round_length(len);
        if !vmo_offset.is_multiple_of(ZX_PAGE_SIZE) || vmo_offset.checked_add(size).is_none() {
            return Err(ZX_ERR_INVALID_ARGS);
        }
        let allowed = allowing(possible);
        let base = self.space.place(region, vmar_offset, size, allowed, place, &edition)?;
        self.budget.allocate()?;
        if place == Place::SpecificOverwrite {
            // The new mapping already holds the VMO while the old ones go.
            self.vmos.get_mut(vmo).mappings += 1;
            self.remove_mappings(base..base + size);
            self.vmos.get_mut(vmo).mappings -= 1;
        }
        let mapping = Mapping { size, vmo, vmo_offset, permissions, allowed };
        self.space.create_mapping(base, mapping, &mut self.vmos);

        let stored = if map_range { self.map_range(vmo, vmo_offset, size) } else { Ok(()) }
            .and_then(|()| self.copy_out(mapped_addr, &base.to_le_bytes()));
        stored.inspect_err(|_| self.remove_mappings(base..base + size))
    }

    /// What `MAP_RANGE` does beyond mapping: every page that shows an
    /// ancestor's page becomes the clone's own (COW-34). An offset other than 0
    /// is refused because this kernel mistakes it for a position in the mapping
    /// (VMAR-MAP-32).
    fn map_range(&mut self, vmo: VmoId, vmo_offset: u64, size: u64) -> Answer {
        if vmo_offset != 0 {
            return Err(ZX_ERR_INVALID_ARGS);
        }
        let end = size / ZX_PAGE_SIZE;
        let mut at = 0;
        while let Some(index) = self.vmos.next_inherited(vmo, at).filter(|index| *index < end) {
            // A page that cannot be had is left for a later fault.
            let _ = self.page_for_write(vmo, index);
            at = index + 1;
        }
        Ok(())
    }

    pub(crate) fn vmar_unmap(&mut self, vmar: zx_handle_t, addr: zx_vaddr_t, len: u64) -> Answer {
        let vmar = self.handles.get(vmar)?;
        let region = self.as_region(vmar)?;
        let range = self.space.clear_for_unmap(region, addr, len)?;
        self.remove_mappings(range);
        Ok(())
    }

    pub(crate) fn vmar_protect(
        &mut self,
        vmar: zx_handle_t,
        addr: zx_vaddr_t,
        len: u64,
        flags: u32,
    ) -> Answer {
        let vmar = self.with_rights(vmar, rights_for(flags))?;
        let region = self.as_region(vmar)?;
        check_protection(flags)?;
        if flags & !PERMISSIONS != 0 {
            return Err(ZX_ERR_INVALID_ARGS);
        }
        let range = self.space.protect(region, addr, len, flags, &mut self.vmos)?;
        self.leave(range);
        Ok(())
    }

    pub(crate) fn vmar_allocate(
        &mut self,
        parent_vmar: zx_handle_t,
        offset: u64,
        size: u64,
        flags: u32,
        child_vmar: zx_vaddr_t,
        child_addr: zx_vaddr_t,
    ) -> Answer {
        let permissions = (flags & CAN_MAP) >> allowing(1).trailing_zeros();
        let parent = self.with_rights(parent_vmar, rights_for(permissions))?;
        let parent = self.as_region(parent)?;
        // PERM_WRITE alone slips through here (VMAR-ALLOC-09).
        let known = CAN_MAP
            | ZX_VM_FLAG_CAN_MAP_SPECIFIC
            | ZX_VM_FLAG_SPECIFIC
            | ZX_VM_FLAG_COMPACT
            | ZX_VM_FLAG_PERM_WRITE;
        if flags & !known != 0 || !size.is_multiple_of(ZX_PAGE_SIZE) {
            return Err(ZX_ERR_INVALID_ARGS);
        }
        let edition = self.configuration.edition;
        let base = self.space.place(parent, offset, size, flags, place_of(flags), &edition)?;
        self.budget.allocate()?;
        let kept = flags & (CAN_MAP | ZX_VM_FLAG_CAN_MAP_SPECIFIC);
        let region = self.space.create_region(parent, base, size, kept);
        let object = self.create_object(Kind::Region(region));
        let handle = match self.add_handle(object, ZX_DEFAULT_VMAR_RIGHTS | rights_for(permissions))
        {
            Ok(handle) => handle,
            Err(status) => {
                // Without a handle the region has no dispatcher and is
                // destroyed, which cannot fail while it is alive.
                let _ = self.space.destroy_region(region);
                return Err(status);
            }
        };
        // The kernel of that day stores the handle even when the address could
        // not be stored, and leaves the region when only the handle could not
        // (VMAR-ALLOC-07).
        let address_stored = self.copy_out(child_addr, &base.to_le_bytes());
        if address_stored.is_err() {
            self.space.destroy_region(region)?;
        }
        self.store_handle(handle, child_vmar)?;
        address_stored
    }

    pub(crate) fn vmar_destroy(&mut self, vmar: zx_handle_t) -> Answer {
        let vmar = self.handles.get(vmar)?;
        let region = self.as_region(vmar)?;
        let range = self.space.destroy_region(region)?;
        self.remove_mappings(range);
        Ok(())
    }
}
