//! `object_get_property` and `object_set_property`.

use vmo_abi::{
    ZX_ERR_BUFFER_TOO_SMALL, ZX_ERR_INVALID_ARGS, ZX_ERR_NOT_SUPPORTED, ZX_ERR_WRONG_TYPE,
    ZX_MAX_NAME_LEN, ZX_PROP_CHANNEL_TX_MSG_MAX, ZX_PROP_NAME, ZX_PROP_PROCESS_DEBUG_ADDR,
    ZX_PROP_PROCESS_VDSO_BASE_ADDRESS, ZX_PROP_REGISTER_FS, ZX_PROP_REGISTER_GS,
    ZX_PROP_SOCKET_RX_BUF_MAX, ZX_PROP_SOCKET_TX_BUF_SIZE, ZX_RIGHT_GET_PROPERTY,
    ZX_RIGHT_SET_PROPERTY, zx_handle_t, zx_rights_t, zx_vaddr_t,
};

use crate::handle_table::Handle;
use crate::kernel::{Answer, Kernel};
use crate::object::Kind;

/// Bytes of every property but the name.
const WORD: u64 = 8;

impl Kernel {
    pub(crate) fn object_get_property(
        &mut self,
        handle: zx_handle_t,
        property: u32,
        value: zx_vaddr_t,
        value_size: u64,
    ) -> Answer {
        let handle = self.with_value(handle, ZX_RIGHT_GET_PROPERTY, value)?;
        match property {
            ZX_PROP_NAME => {
                if value_size < ZX_MAX_NAME_LEN as u64 {
                    return Err(ZX_ERR_BUFFER_TOO_SMALL);
                }
                let name = match self.kind(handle) {
                    Kind::Vmo(vmo) => self.vmos.get(vmo).name,
                    _ => [0; ZX_MAX_NAME_LEN],
                };
                self.copy_out(value, &name)
            }
            // Properties of processes, sockets and channels.
            ZX_PROP_PROCESS_DEBUG_ADDR
            | ZX_PROP_PROCESS_VDSO_BASE_ADDRESS
            | ZX_PROP_SOCKET_RX_BUF_MAX..=ZX_PROP_SOCKET_TX_BUF_SIZE
            | ZX_PROP_CHANNEL_TX_MSG_MAX => {
                if value_size < WORD {
                    return Err(ZX_ERR_BUFFER_TOO_SMALL);
                }
                Err(self.other_property_status(self.kind(handle), property))
            }
            _ => Err(self.configuration.edition.unknown_property_status),
        }
    }

    /// NULL is noticed before the handle is looked at (OBJ-GETPROP-08,
    /// OBJ-SETPROP-04).
    fn with_value(
        &self,
        handle: zx_handle_t,
        right: zx_rights_t,
        value: zx_vaddr_t,
    ) -> Answer<Handle> {
        if value == 0 {
            return Err(ZX_ERR_INVALID_ARGS);
        }
        self.with_rights(handle, right)
    }

    /// What a property that this machine does not keep answers: it is of
    /// another object type, or its own type is outside of the contract.
    fn other_property_status(&self, kind: Kind, property: u32) -> i32 {
        let is_own_type = match property {
            ZX_PROP_PROCESS_DEBUG_ADDR | ZX_PROP_PROCESS_VDSO_BASE_ADDRESS => {
                matches!(kind, Kind::Process { .. })
            }
            ZX_PROP_CHANNEL_TX_MSG_MAX => matches!(kind, Kind::Channel { .. }),
            _ => false,
        };
        if is_own_type { ZX_ERR_NOT_SUPPORTED } else { ZX_ERR_WRONG_TYPE }
    }

    pub(crate) fn object_set_property(
        &mut self,
        handle: zx_handle_t,
        property: u32,
        value: zx_vaddr_t,
        value_size: u64,
    ) -> Answer {
        let handle = self.with_value(handle, ZX_RIGHT_SET_PROPERTY, value)?;
        match property {
            ZX_PROP_NAME => {
                let mut name = [0; ZX_MAX_NAME_LEN];
                let len = value_size.min(ZX_MAX_NAME_LEN as u64 - 1) as usize;
                self.copy_in(value, &mut name[..len])?;
                let end = name.iter().position(|byte| *byte == 0).unwrap_or(len);
                name[end..].fill(0);
                match self.kind(handle) {
                    Kind::Vmo(vmo) => self.vmos.get_mut(vmo).name = name,
                    _ => return Err(ZX_ERR_NOT_SUPPORTED),
                }
                Ok(())
            }
            ZX_PROP_PROCESS_DEBUG_ADDR | ZX_PROP_REGISTER_FS | ZX_PROP_REGISTER_GS => {
                if value_size < WORD {
                    return Err(ZX_ERR_BUFFER_TOO_SMALL);
                }
                Err(self.other_property_status(self.kind(handle), property))
            }
            _ => Err(self.configuration.edition.unknown_property_status),
        }
    }
}
