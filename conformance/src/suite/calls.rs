//! The system calls as a test writes them: with their arguments in order, and
//! good scratch memory for every pointer that [`Context::with`] does not
//! override.

use vmo_abi::{Syscall, zx_rights_t, zx_signals_t};

use super::answer::{Answer, Checked};
use super::context::Context;
use crate::program::{Address, Data, Handle, Value};

fn number(number: impl Into<u64>) -> Value {
    Value::Number(number.into())
}

fn data(bytes: &[u8]) -> Value {
    Value::Data(Data::from_bytes(bytes))
}

/// When a wait ends at the latest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deadline {
    /// At this point of the clock, in nanoseconds; 0 has passed.
    At(u64),
    /// So many nanoseconds from now.
    FromNow(u64),
}

impl From<Deadline> for Value {
    fn from(deadline: Deadline) -> Self {
        match deadline {
            Deadline::At(time) => Self::Number(time),
            Deadline::FromNow(duration) => Self::FromNow(duration),
        }
    }
}

/// The calls. Each fails only if it cannot be done on this backend at all; what
/// it answered is for the test to judge.
#[allow(clippy::missing_errors_doc)]
impl Context<'_> {
    /// `vmo_create`.
    pub fn vmo_create(&mut self, size: u64, options: u32) -> Checked<Answer> {
        self.call(Syscall::vmo_create, vec![number(size), number(options), Value::Scratch])
    }

    /// `vmo_read`.
    pub fn vmo_read(&mut self, vmo: Handle, offset: u64, len: u64) -> Checked<Answer> {
        let arguments = vec![vmo.into(), Value::Scratch, number(offset), number(len)];
        self.call(Syscall::vmo_read, arguments)
    }

    /// `vmo_write` of these bytes.
    pub fn vmo_write(&mut self, vmo: Handle, offset: u64, bytes: &[u8]) -> Checked<Answer> {
        let arguments = vec![vmo.into(), data(bytes), number(offset), number(bytes.len() as u64)];
        self.call(Syscall::vmo_write, arguments)
    }

    /// `vmo_write` of `len` bytes from wherever [`with`](Self::with) points the
    /// buffer.
    pub fn vmo_write_from_buffer(&mut self, vmo: Handle, offset: u64, len: u64) -> Checked<Answer> {
        let arguments = vec![vmo.into(), Value::Scratch, number(offset), number(len)];
        self.call(Syscall::vmo_write, arguments)
    }

    /// `vmo_get_size`.
    pub fn vmo_get_size(&mut self, vmo: Handle) -> Checked<Answer> {
        self.call(Syscall::vmo_get_size, vec![vmo.into(), Value::Scratch])
    }

    /// `vmo_set_size`.
    pub fn vmo_set_size(&mut self, vmo: Handle, size: u64) -> Checked<Answer> {
        self.call(Syscall::vmo_set_size, vec![vmo.into(), number(size)])
    }

    /// `vmo_clone`.
    pub fn vmo_clone(
        &mut self,
        vmo: Handle,
        options: u32,
        offset: u64,
        size: u64,
    ) -> Checked<Answer> {
        let arguments =
            vec![vmo.into(), number(options), number(offset), number(size), Value::Scratch];
        self.call(Syscall::vmo_clone, arguments)
    }

    /// `vmo_op_range` with NULL as its buffer.
    pub fn vmo_op_range(
        &mut self,
        vmo: Handle,
        op: u32,
        offset: u64,
        size: u64,
    ) -> Checked<Answer> {
        self.vmo_op_range_with_buffer(vmo, op, offset, size, Address::Null, 0)
    }

    /// `vmo_op_range` with a buffer.
    pub fn vmo_op_range_with_buffer(
        &mut self,
        vmo: Handle,
        op: u32,
        offset: u64,
        size: u64,
        buffer: Address,
        buffer_size: u64,
    ) -> Checked<Answer> {
        let arguments = vec![
            vmo.into(),
            number(op),
            number(offset),
            number(size),
            Value::Address(buffer),
            number(buffer_size),
        ];
        self.call(Syscall::vmo_op_range, arguments)
    }

    /// `vmo_set_cache_policy`.
    pub fn vmo_set_cache_policy(&mut self, vmo: Handle, policy: u32) -> Checked<Answer> {
        self.call(Syscall::vmo_set_cache_policy, vec![vmo.into(), number(policy)])
    }

    /// `vmar_map`.
    pub fn vmar_map(
        &mut self,
        vmar: Handle,
        vmar_offset: u64,
        vmo: Handle,
        vmo_offset: u64,
        len: u64,
        flags: u32,
    ) -> Checked<Answer> {
        let arguments = vec![
            vmar.into(),
            number(vmar_offset),
            vmo.into(),
            number(vmo_offset),
            number(len),
            number(flags),
            Value::Scratch,
        ];
        self.call(Syscall::vmar_map, arguments)
    }

    /// `vmar_unmap`.
    pub fn vmar_unmap(&mut self, vmar: Handle, address: Address, len: u64) -> Checked<Answer> {
        let arguments = vec![vmar.into(), Value::Address(address), number(len)];
        self.call(Syscall::vmar_unmap, arguments)
    }

    /// `vmar_protect`.
    pub fn vmar_protect(
        &mut self,
        vmar: Handle,
        address: Address,
        len: u64,
        flags: u32,
    ) -> Checked<Answer> {
        let arguments = vec![vmar.into(), Value::Address(address), number(len), number(flags)];
        self.call(Syscall::vmar_protect, arguments)
    }

    /// `vmar_allocate`.
    pub fn vmar_allocate(
        &mut self,
        parent: Handle,
        offset: u64,
        size: u64,
        flags: u32,
    ) -> Checked<Answer> {
        let arguments = vec![
            parent.into(),
            number(offset),
            number(size),
            number(flags),
            Value::Scratch,
            Value::Scratch,
        ];
        self.call(Syscall::vmar_allocate, arguments)
    }

    /// `vmar_destroy`.
    pub fn vmar_destroy(&mut self, vmar: Handle) -> Checked<Answer> {
        self.call(Syscall::vmar_destroy, vec![vmar.into()])
    }

    /// `handle_close`.
    pub fn handle_close(&mut self, handle: Handle) -> Checked<Answer> {
        self.call(Syscall::handle_close, vec![handle.into()])
    }

    /// `handle_close_many`.
    pub fn handle_close_many(&mut self, handles: &[Handle]) -> Checked<Answer> {
        let count = number(handles.len() as u64);
        self.call(Syscall::handle_close_many, vec![Value::Handles(handles.to_vec()), count])
    }

    /// `handle_duplicate`.
    pub fn handle_duplicate(&mut self, handle: Handle, rights: zx_rights_t) -> Checked<Answer> {
        let arguments = vec![handle.into(), number(rights), Value::Scratch];
        self.call(Syscall::handle_duplicate, arguments)
    }

    /// `handle_replace`.
    pub fn handle_replace(&mut self, handle: Handle, rights: zx_rights_t) -> Checked<Answer> {
        let arguments = vec![handle.into(), number(rights), Value::Scratch];
        self.call(Syscall::handle_replace, arguments)
    }

    /// `object_get_property`.
    pub fn object_get_property(
        &mut self,
        handle: Handle,
        property: u32,
        value_size: u64,
    ) -> Checked<Answer> {
        let arguments = vec![handle.into(), number(property), Value::Scratch, number(value_size)];
        self.call(Syscall::object_get_property, arguments)
    }

    /// `object_set_property` to these bytes.
    pub fn object_set_property(
        &mut self,
        handle: Handle,
        property: u32,
        value: &[u8],
    ) -> Checked<Answer> {
        self.object_set_property_sized(handle, property, value, value.len() as u64)
    }

    /// `object_set_property` to these bytes with another size.
    pub fn object_set_property_sized(
        &mut self,
        handle: Handle,
        property: u32,
        value: &[u8],
        value_size: u64,
    ) -> Checked<Answer> {
        let arguments = vec![handle.into(), number(property), data(value), number(value_size)];
        self.call(Syscall::object_set_property, arguments)
    }

    /// `object_get_info`.
    pub fn object_get_info(
        &mut self,
        handle: Handle,
        topic: u32,
        buffer_size: u64,
    ) -> Checked<Answer> {
        let arguments = vec![
            handle.into(),
            number(topic),
            Value::Scratch,
            number(buffer_size),
            Value::Scratch,
            Value::Scratch,
        ];
        self.call(Syscall::object_get_info, arguments)
    }

    /// `object_wait_one`.
    pub fn object_wait_one(
        &mut self,
        handle: Handle,
        signals: zx_signals_t,
        deadline: Deadline,
    ) -> Checked<Answer> {
        let arguments = vec![handle.into(), number(signals), deadline.into(), Value::Scratch];
        self.call(Syscall::object_wait_one, arguments)
    }

    /// `object_wait_many`.
    pub fn object_wait_many(
        &mut self,
        items: &[(Handle, zx_signals_t)],
        deadline: Deadline,
    ) -> Checked<Answer> {
        let count = number(items.len() as u64);
        let arguments = vec![Value::WaitItems(items.to_vec()), count, deadline.into()];
        self.call(Syscall::object_wait_many, arguments)
    }

    /// `object_signal`.
    pub fn object_signal(
        &mut self,
        handle: Handle,
        clear: zx_signals_t,
        set: zx_signals_t,
    ) -> Checked<Answer> {
        self.call(Syscall::object_signal, vec![handle.into(), number(clear), number(set)])
    }

    /// `object_signal_peer`.
    pub fn object_signal_peer(
        &mut self,
        handle: Handle,
        clear: zx_signals_t,
        set: zx_signals_t,
    ) -> Checked<Answer> {
        self.call(Syscall::object_signal_peer, vec![handle.into(), number(clear), number(set)])
    }

    /// `event_create`.
    pub fn event_create(&mut self, options: u32) -> Checked<Answer> {
        self.call(Syscall::event_create, vec![number(options), Value::Scratch])
    }

    /// `channel_create`.
    pub fn channel_create(&mut self, options: u32) -> Checked<Answer> {
        let arguments = vec![number(options), Value::Scratch, Value::Scratch];
        self.call(Syscall::channel_create, arguments)
    }

    /// `channel_write` of handles alone.
    pub fn channel_write(&mut self, channel: Handle, handles: &[Handle]) -> Checked<Answer> {
        let arguments = vec![
            channel.into(),
            number(0_u32),
            Value::Address(Address::Null),
            number(0_u32),
            Value::Handles(handles.to_vec()),
            number(handles.len() as u64),
        ];
        self.call(Syscall::channel_write, arguments)
    }

    /// `channel_read` of a message with at most one handle and no bytes.
    pub fn channel_read(&mut self, channel: Handle) -> Checked<Answer> {
        let arguments = vec![
            channel.into(),
            number(0_u32),
            Value::Address(Address::Null),
            Value::Scratch,
            number(0_u32),
            number(1_u32),
            Value::Scratch,
            Value::Scratch,
        ];
        self.call(Syscall::channel_read, arguments)
    }

    /// `port_create`.
    pub fn port_create(&mut self, options: u32) -> Checked<Answer> {
        self.call(Syscall::port_create, vec![number(options), Value::Scratch])
    }
}

impl From<Handle> for Value {
    fn from(handle: Handle) -> Self {
        Self::Handle(handle)
    }
}
