//! `handle_close`, `handle_close_many`, `handle_duplicate` and
//! `handle_replace`.

use vmo_abi::{
    ZX_ERR_BAD_HANDLE, ZX_ERR_INVALID_ARGS, ZX_HANDLE_INVALID, ZX_OK, ZX_RIGHT_DUPLICATE,
    ZX_RIGHT_SAME_RIGHTS, zx_handle_t, zx_rights_t, zx_vaddr_t,
};

use crate::handle_table::Handle;
use crate::kernel::{Answer, Kernel};

/// Handles that `handle_close_many` reads at a time (HANDLE-CLOSE-13).
const HANDLES_PER_BLOCK: u64 = 64;
const HANDLE_BYTES: u64 = size_of::<zx_handle_t>() as u64;

/// The rights a new handle gets, if the source handle allows them.
fn granted(source: Handle, asked: zx_rights_t) -> Answer<zx_rights_t> {
    if asked == ZX_RIGHT_SAME_RIGHTS {
        Ok(source.rights)
    } else if asked & !source.rights == 0 {
        Ok(asked)
    } else {
        Err(ZX_ERR_INVALID_ARGS)
    }
}

impl Kernel {
    pub(crate) fn handle_close(&mut self, handle: zx_handle_t) -> Answer {
        if handle == ZX_HANDLE_INVALID { Ok(()) } else { self.close(handle) }
    }

    pub(crate) fn handle_close_many(&mut self, handles: zx_vaddr_t, count: u64) -> Answer {
        let mut status = ZX_OK;
        let mut done = 0;
        while done < count {
            let block = (count - done).min(HANDLES_PER_BLOCK);
            let mut bytes = [0; (HANDLES_PER_BLOCK * HANDLE_BYTES) as usize];
            let bytes = &mut bytes[..(block * HANDLE_BYTES) as usize];
            let readable = done
                .checked_mul(HANDLE_BYTES)
                .and_then(|offset| handles.checked_add(offset))
                .is_some_and(|address| self.copy_in(address, bytes).is_ok());
            if !readable {
                break;
            }
            for value in bytes.chunks_exact(HANDLE_BYTES as usize) {
                let value = zx_handle_t::from_le_bytes([value[0], value[1], value[2], value[3]]);
                if value != ZX_HANDLE_INVALID && self.close(value).is_err() {
                    status = ZX_ERR_BAD_HANDLE;
                }
            }
            done += block;
        }
        if status == ZX_OK { Ok(()) } else { Err(status) }
    }

    pub(crate) fn handle_duplicate(
        &mut self,
        handle: zx_handle_t,
        rights: zx_rights_t,
        out: zx_vaddr_t,
    ) -> Answer {
        let source = self.with_rights(handle, ZX_RIGHT_DUPLICATE)?;
        let rights = granted(source, rights)?;
        self.hand_out(source.object, rights, out)
    }

    pub(crate) fn handle_replace(
        &mut self,
        handle: zx_handle_t,
        rights: zx_rights_t,
        out: zx_vaddr_t,
    ) -> Answer {
        let source = self.handles.get(handle)?;
        // The new handle is made before the old one goes, so that the object
        // is never without one (HANDLE-REPLACE-09); the old one goes even when
        // there is no new one (HANDLE-REPLACE-04).
        let new = granted(source, rights).and_then(|rights| self.add_handle(source.object, rights));
        self.close(handle)?;
        self.store_handle(new?, out)
    }
}
