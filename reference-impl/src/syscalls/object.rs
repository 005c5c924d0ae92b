//! `object_signal`, `object_signal_peer`, and the calls that make objects of
//! other types.

use vmo_abi::{
    ZX_DEFAULT_CHANNEL_RIGHTS, ZX_DEFAULT_EVENT_RIGHTS, ZX_DEFAULT_PORT_RIGHTS,
    ZX_ERR_INVALID_ARGS, ZX_ERR_NOT_SUPPORTED, ZX_ERR_PEER_CLOSED, ZX_RIGHT_SIGNAL,
    ZX_RIGHT_SIGNAL_PEER, zx_handle_t, zx_signals_t, zx_vaddr_t,
};

use crate::kernel::{Answer, Kernel};
use crate::object::{Kind, ObjectId};

/// The only option that `port_create` knows.
const PORT_OPTIONS: u32 = 1;

impl Kernel {
    pub(crate) fn object_signal(
        &mut self,
        handle: zx_handle_t,
        clear: zx_signals_t,
        set: zx_signals_t,
    ) -> Answer {
        let handle = self.with_rights(handle, ZX_RIGHT_SIGNAL)?;
        if !self.kind(handle).is_waitable() {
            return Err(ZX_ERR_NOT_SUPPORTED);
        }
        self.user_signal(handle.object, self.kind(handle), clear, set)
    }

    pub(crate) fn object_signal_peer(
        &mut self,
        handle: zx_handle_t,
        clear: zx_signals_t,
        set: zx_signals_t,
    ) -> Answer {
        let handle = self.with_rights(handle, ZX_RIGHT_SIGNAL_PEER)?;
        let kind = self.kind(handle);
        let Kind::Channel { peer, .. } = kind else { return Err(ZX_ERR_NOT_SUPPORTED) };
        if (clear | set) & !kind.user_signals() != 0 {
            return Err(ZX_ERR_INVALID_ARGS);
        }
        self.user_signal(peer.ok_or(ZX_ERR_PEER_CLOSED)?, kind, clear, set)
    }

    fn user_signal(
        &mut self,
        object: ObjectId,
        kind: Kind,
        clear: zx_signals_t,
        set: zx_signals_t,
    ) -> Answer {
        if (clear | set) & !kind.user_signals() != 0 {
            return Err(ZX_ERR_INVALID_ARGS);
        }
        self.change_signals(object, clear, set);
        Ok(())
    }

    pub(crate) fn event_create(&mut self, options: u32, out: zx_vaddr_t) -> Answer {
        if options != 0 {
            return Err(ZX_ERR_INVALID_ARGS);
        }
        self.budget.allocate()?;
        let object = self.create_object(Kind::Event);
        self.hand_out(object, ZX_DEFAULT_EVENT_RIGHTS, out)
    }

    pub(crate) fn port_create(&mut self, options: u32, out: zx_vaddr_t) -> Answer {
        if options & !PORT_OPTIONS != 0 {
            return Err(ZX_ERR_INVALID_ARGS);
        }
        self.budget.allocate()?;
        let object = self.create_object(Kind::Port);
        self.hand_out(object, ZX_DEFAULT_PORT_RIGHTS, out)
    }

    pub(crate) fn channel_create(
        &mut self,
        options: u32,
        out0: zx_vaddr_t,
        out1: zx_vaddr_t,
    ) -> Answer {
        if options != 0 {
            return Err(ZX_ERR_INVALID_ARGS);
        }
        self.budget.allocate()?;
        let (first_koid, second_koid) = (self.next_koid(), self.next_koid());
        let unconnected = Kind::Channel { peer: None, peer_koid: second_koid };
        let first = self.objects.create(first_koid, unconnected);
        let second = Kind::Channel { peer: Some(first), peer_koid: first_koid };
        let second = self.objects.create(second_koid, second);
        self.objects.get_mut(first).kind =
            Kind::Channel { peer: Some(second), peer_koid: second_koid };
        // Both handles exist before either is stored; if one cannot be, both go.
        let handle0 = match self.add_handle(first, ZX_DEFAULT_CHANNEL_RIGHTS) {
            Ok(handle) => handle,
            Err(status) => {
                self.objects.remove(second);
                return Err(status);
            }
        };
        let handle1 = self
            .add_handle(second, ZX_DEFAULT_CHANNEL_RIGHTS)
            .inspect_err(|_| self.close(handle0).expect("the handle was made just now"))?;
        let stored = self
            .copy_out(out0, &handle0.to_le_bytes())
            .and_then(|()| self.copy_out(out1, &handle1.to_le_bytes()));
        stored.inspect_err(|_| {
            for handle in [handle0, handle1] {
                self.close(handle).expect("the handle was made just now");
            }
        })
    }
}
