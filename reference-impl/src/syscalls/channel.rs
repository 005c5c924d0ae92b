//! `channel_write` and `channel_read`, as far as moving handles needs them.

use vmo_abi::{
    ZX_CHANNEL_MAX_MSG_BYTES, ZX_CHANNEL_MAX_MSG_HANDLES, ZX_CHANNEL_READ_MAY_DISCARD,
    ZX_CHANNEL_READABLE, ZX_ERR_ACCESS_DENIED, ZX_ERR_BAD_HANDLE, ZX_ERR_BUFFER_TOO_SMALL,
    ZX_ERR_INVALID_ARGS, ZX_ERR_NOT_SUPPORTED, ZX_ERR_OUT_OF_RANGE, ZX_ERR_PEER_CLOSED,
    ZX_ERR_SHOULD_WAIT, ZX_ERR_WRONG_TYPE, ZX_RIGHT_READ, ZX_RIGHT_TRANSFER, ZX_RIGHT_WRITE,
    zx_handle_t, zx_rights_t, zx_vaddr_t,
};

use crate::handle_table::Handle;
use crate::kernel::{Answer, Kernel};
use crate::object::{Kind, Message, ObjectId};

const HANDLE_BYTES: usize = size_of::<zx_handle_t>();

impl Kernel {
    /// The end of a channel that a handle names, and the other end.
    fn channel(
        &self,
        handle: zx_handle_t,
        right: zx_rights_t,
    ) -> Answer<(ObjectId, Option<ObjectId>)> {
        let handle = self.with_rights(handle, right)?;
        match self.kind(handle) {
            Kind::Channel { peer, .. } => Ok((handle.object, peer)),
            _ => Err(ZX_ERR_WRONG_TYPE),
        }
    }

    #[allow(clippy::too_many_arguments)]
    pub(crate) fn channel_write(
        &mut self,
        handle: zx_handle_t,
        options: u32,
        bytes: zx_vaddr_t,
        num_bytes: u32,
        handles: zx_vaddr_t,
        num_handles: u32,
    ) -> Answer {
        let prepared = self.prepare_message(handle, options, bytes, num_bytes, num_handles);
        let (end, peer, bytes) = match prepared {
            Ok(prepared) => prepared,
            Err(status) => {
                // The handles are consumed even so.
                let _ = self.handle_close_many(handles, u64::from(num_handles));
                return Err(status);
            }
        };
        let handles = self.take_handles(end, handles, num_handles)?;
        let message = Message { bytes, handles };
        let Some(peer) = peer else {
            self.drop_message(message);
            return Err(ZX_ERR_PEER_CLOSED);
        };
        self.objects.get_mut(peer).messages.get_or_insert_default().push_back(message);
        self.change_signals(peer, 0, ZX_CHANNEL_READABLE);
        Ok(())
    }

    fn prepare_message(
        &mut self,
        handle: zx_handle_t,
        options: u32,
        bytes: zx_vaddr_t,
        num_bytes: u32,
        num_handles: u32,
    ) -> Answer<(ObjectId, Option<ObjectId>, Vec<u8>)> {
        if options != 0 {
            return Err(ZX_ERR_INVALID_ARGS);
        }
        let (end, peer) = self.channel(handle, ZX_RIGHT_WRITE)?;
        if num_bytes > ZX_CHANNEL_MAX_MSG_BYTES || num_handles > ZX_CHANNEL_MAX_MSG_HANDLES {
            return Err(ZX_ERR_OUT_OF_RANGE);
        }
        self.budget.allocate()?;
        let mut copy = vec![0; num_bytes as usize];
        if num_bytes != 0 {
            self.copy_in(bytes, &mut copy)?;
        }
        Ok((end, peer, copy))
    }

    /// Takes handles out of the table; if one cannot be sent, all of them are
    /// closed.
    fn take_handles(
        &mut self,
        end: ObjectId,
        handles: zx_vaddr_t,
        count: u32,
    ) -> Answer<Vec<Handle>> {
        let mut bytes = vec![0; count as usize * HANDLE_BYTES];
        if count != 0 {
            self.copy_in(handles, &mut bytes)?;
        }
        let mut taken = Vec::new();
        let mut status = None;
        for value in bytes.as_chunks().0 {
            let wrong = match self.handles.remove(zx_handle_t::from_le_bytes(*value)) {
                Err(_) => Some(ZX_ERR_BAD_HANDLE),
                Ok((handle, value)) => {
                    self.observers.cancel(value);
                    taken.push(handle);
                    if handle.rights & ZX_RIGHT_TRANSFER == 0 {
                        Some(ZX_ERR_ACCESS_DENIED)
                    } else if handle.object == end {
                        Some(ZX_ERR_NOT_SUPPORTED)
                    } else {
                        None
                    }
                }
            };
            status = status.or(wrong);
        }
        match status {
            None => Ok(taken),
            Some(status) => {
                self.drop_message(Message { bytes: Vec::new(), handles: taken });
                Err(status)
            }
        }
    }

    fn drop_message(&mut self, message: Message) {
        for handle in message.handles {
            self.release(handle.object);
        }
    }

    #[allow(clippy::too_many_arguments)]
    pub(crate) fn channel_read(
        &mut self,
        handle: zx_handle_t,
        options: u32,
        bytes: zx_vaddr_t,
        handles: zx_vaddr_t,
        num_bytes: u32,
        num_handles: u32,
        actual_bytes: zx_vaddr_t,
        actual_handles: zx_vaddr_t,
    ) -> Answer {
        let (end, peer) = self.channel(handle, ZX_RIGHT_READ)?;
        if options & !ZX_CHANNEL_READ_MAY_DISCARD != 0 {
            return Err(ZX_ERR_NOT_SUPPORTED);
        }
        let messages = self.objects.get(end).messages.as_ref();
        let Some(first) = messages.and_then(|messages| messages.front()) else {
            return Err(if peer.is_some() { ZX_ERR_SHOULD_WAIT } else { ZX_ERR_PEER_CLOSED });
        };
        let sizes = (first.bytes.len() as u32, first.handles.len() as u32);
        let fits = sizes.0 <= num_bytes && sizes.1 <= num_handles;
        let message = if fits || options & ZX_CHANNEL_READ_MAY_DISCARD != 0 {
            self.take_message(end)
        } else {
            None
        };
        for (address, count) in [(actual_bytes, sizes.0), (actual_handles, sizes.1)] {
            if address != 0
                && let Err(status) = self.copy_out(address, &count.to_le_bytes())
            {
                message.into_iter().for_each(|message| self.drop_message(message));
                return Err(status);
            }
        }
        match message {
            Some(message) if fits => self.receive(message, bytes, handles),
            message => {
                message.into_iter().for_each(|message| self.drop_message(message));
                Err(ZX_ERR_BUFFER_TOO_SMALL)
            }
        }
    }

    fn take_message(&mut self, end: ObjectId) -> Option<Message> {
        let messages = self.objects.get_mut(end).messages.as_mut()?;
        let message = messages.pop_front();
        if messages.is_empty() {
            self.change_signals(end, ZX_CHANNEL_READABLE, 0);
        }
        message
    }

    /// Stores a message; its handles enter the table. What does not find room
    /// there is closed.
    fn receive(&mut self, message: Message, bytes: zx_vaddr_t, handles: zx_vaddr_t) -> Answer {
        if !message.bytes.is_empty()
            && let Err(status) = self.copy_out(bytes, &message.bytes)
        {
            self.drop_message(message);
            return Err(status);
        }
        let mut values = Vec::new();
        let mut result = Ok(());
        for handle in message.handles {
            match self.handles.insert(handle) {
                Ok(value) => values.extend_from_slice(&value.to_le_bytes()),
                Err(status) => {
                    self.release(handle.object);
                    result = Err(status);
                }
            }
        }
        if !values.is_empty() {
            // The kernel of that day does not look at how this came out.
            let _ = self.copy_out(handles, &values);
        }
        result
    }
}
