//! What the generator believes to exist.

use vmo_abi::{Syscall, ZX_PAGE_SIZE};

use crate::program::{Address, Call, Handle, Name, Value};

/// Sizes from here on are likely to be refused.
const LARGEST: u64 = 1 << 63;

/// Mappings from here on are likely to be refused.
const LARGEST_MAPPING: u64 = 1 << 32;

/// A VMO that a program has probably made.
#[derive(Clone, Copy, Debug)]
pub(super) struct Vmo {
    pub(super) name: Name,
    pub(super) size: u64,
}

/// A mapping that a program has probably made.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mapping {
    pub(super) name: Name,
    pub(super) len: u64,
    /// The region it was made in.
    pub(super) region: Handle,
}

/// What a program has probably made so far.
#[derive(Debug, Default)]
pub(super) struct World {
    pub(super) vmos: Vec<Vmo>,
    pub(super) mappings: Vec<Mapping>,
    pub(super) regions: Vec<Name>,
    pub(super) others: Vec<Name>,
    /// Handles that were probably closed.
    pub(super) closed: Vec<Name>,
    /// The ends of channels, both ends of one beside each other.
    pub(super) channels: Vec<Name>,
    /// Ends at which a message probably waits.
    pub(super) readable: Vec<Name>,
}

impl World {
    pub(super) fn has_mappings(&self) -> bool {
        !self.mappings.is_empty()
    }

    pub(super) fn is_vmo(&self, handle: Handle) -> bool {
        self.vmos.iter().any(|vmo| handle == Handle::Named(vmo.name))
    }

    pub(super) fn size_of(&self, handle: Handle) -> u64 {
        let Handle::Named(name) = handle else { return 0 };
        self.vmos.iter().find(|vmo| vmo.name == name).map_or(0, |vmo| vmo.size)
    }

    fn is_region(&self, handle: Handle) -> bool {
        match handle {
            Handle::Named(name) => self.regions.contains(&name),
            other => other == Handle::Region,
        }
    }

    fn close(&mut self, handle: Handle) {
        let Handle::Named(name) = handle else { return };
        self.vmos.retain(|vmo| vmo.name != name);
        for names in [&mut self.others, &mut self.readable, &mut self.regions] {
            names.retain(|other| *other != name);
        }
        self.closed.push(name);
    }

    /// Takes note of a call as if it succeeds.
    pub(super) fn note(&mut self, call: &Call) {
        let number = |position: usize| match call.arguments[position] {
            Value::Number(number) => number,
            _ => 0,
        };
        let handle = |position: usize| match call.arguments[position] {
            Value::Handle(handle) => handle,
            _ => Handle::Invalid,
        };
        let rounded = |size: u64| size.checked_next_multiple_of(ZX_PAGE_SIZE).unwrap_or(0);
        // A call need not name what it produces.
        let result = call.results.first().copied();
        let vmo = |size| result.map(|name| Vmo { name, size });
        match call.syscall {
            Syscall::vmo_create if number(1) == 0 && number(0) < LARGEST => {
                self.vmos.extend(vmo(rounded(number(0))));
            }
            Syscall::vmo_clone
                if self.is_vmo(handle(0))
                    && number(2).is_multiple_of(ZX_PAGE_SIZE)
                    && number(2) < LARGEST
                    && number(3) < LARGEST =>
            {
                self.vmos.extend(vmo(rounded(number(3))));
            }
            Syscall::handle_duplicate if self.is_region(handle(0)) => self.regions.extend(result),
            Syscall::handle_duplicate | Syscall::handle_replace | Syscall::channel_read => {
                let size = self.size_of(handle(0));
                let is_received = call.syscall == Syscall::channel_read
                    && self.readable.iter().any(|end| handle(0) == Handle::Named(*end));
                let is_other = |name: &Name| handle(0) == Handle::Named(*name);
                if self.is_vmo(handle(0)) || is_received {
                    self.vmos.extend(vmo(size));
                } else if self.others.iter().any(is_other) {
                    self.others.extend(result);
                }
                if call.syscall == Syscall::handle_replace {
                    self.close(handle(0));
                }
            }
            Syscall::vmo_set_size => {
                let (resized, size) = (handle(0), rounded(number(1)));
                let mut vmos = self.vmos.iter_mut();
                if let Some(vmo) = vmos.find(|vmo| resized == Handle::Named(vmo.name)) {
                    vmo.size = size;
                }
            }
            Syscall::vmar_map
                if self.is_vmo(handle(2))
                    && number(1).is_multiple_of(ZX_PAGE_SIZE)
                    && number(3).is_multiple_of(ZX_PAGE_SIZE)
                    && (1..LARGEST_MAPPING).contains(&number(4)) =>
            {
                let len = rounded(number(4)).max(ZX_PAGE_SIZE);
                let region = handle(0);
                self.mappings.extend(result.map(|name| Mapping { name, len, region }));
            }
            Syscall::vmar_unmap => {
                if let (Value::Address(Address::Named(name, 0)), Value::Number(len)) =
                    (&call.arguments[1], &call.arguments[2])
                {
                    self.mappings.retain(|mapping| mapping.name != *name || mapping.len > *len);
                }
            }
            Syscall::vmar_allocate => self.regions.extend(result),
            Syscall::event_create | Syscall::port_create => self.others.extend(result),
            Syscall::handle_close => self.close(handle(0)),
            Syscall::handle_close_many => {
                if let Value::Handles(handles) = &call.arguments[0] {
                    handles.iter().for_each(|handle| self.close(*handle));
                }
            }
            Syscall::channel_create => self.channels.extend(&call.results),
            Syscall::channel_write => {
                let is_end = |name: &Name| handle(0) == Handle::Named(*name);
                if let Value::Handles(handles) = &call.arguments[4] {
                    handles.iter().for_each(|handle| self.close(*handle));
                }
                if let Some(end) = self.channels.iter().position(is_end) {
                    self.readable.push(self.channels[end ^ 1]);
                }
            }
            _ => {}
        }
    }
}
