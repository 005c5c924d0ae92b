//! Arguments of random calls.

use rand::{Rng, RngExt};
use vmo_abi::{
    Argument, ArgumentKind, RIGHTS, Syscall, ZX_PAGE_SIZE, ZX_RIGHT_SAME_RIGHTS, ZX_RIGHT_WRITE,
    ZX_VM_FLAG_PERM_EXECUTE, ZX_VM_FLAG_PERM_READ, ZX_VM_FLAG_PERM_WRITE, ZX_VM_FLAG_SPECIFIC,
    ZX_VM_FLAG_SPECIFIC_OVERWRITE, ZX_VMO_CLONE_COPY_ON_WRITE, ZX_VMO_OP_COMMIT,
    ZX_VMO_ZERO_CHILDREN, names_of,
};

use super::Generator;
use crate::program::{Address, Data, Handle, Part, Value};

const PAGE: u64 = ZX_PAGE_SIZE;
/// Sizes and offsets at which something changes.
pub(super) const BOUNDARIES: &[u64] = &[
    0,
    1,
    PAGE - 1,
    PAGE,
    PAGE + 1,
    1 << 31,
    1 << 32,
    1 << 47,
    1 << 63,
    u64::MAX - 2 * PAGE + 1,
    u64::MAX - PAGE,
    u64::MAX - PAGE + 1,
    u64::MAX - PAGE + 2,
    u64::MAX,
];
/// Bytes of a VMO that one call commits at most.
const LONGEST_OPERATION: u64 = 64 * PAGE;
/// Bytes that one call reads or writes at most.
pub(super) const LONGEST_TRANSFER: u64 = 3 * PAGE;

impl<R: Rng> Generator<R> {
    pub(super) fn arguments(&mut self, syscall: Syscall) -> Vec<Value> {
        let declared = syscall.arguments();
        let mut values: Vec<_> =
            declared.iter().map(|argument| self.argument(syscall, argument)).collect();
        self.refine(syscall, &mut values);
        self.fit_lengths(syscall, &mut values);
        values
    }

    /// Lets what a buffer holds and how long it is said to be agree, as a rule.
    pub(super) fn fit_lengths(&mut self, syscall: Syscall, values: &mut [Value]) {
        // Committing very many pages takes long and shows nothing more. From
        // 2^63 bytes on they are too many for any VMO, and cost nothing.
        if let (Syscall::vmo_op_range, [_, Value::Number(op), _, Value::Number(len), ..]) =
            (syscall, &mut *values)
            && *op == u64::from(ZX_VMO_OP_COMMIT)
            && (LONGEST_OPERATION..1 << 63).contains(len)
        {
            *len %= LONGEST_OPERATION;
        }
        for (position, argument) in syscall.arguments().iter().enumerate() {
            let Some(length) = argument.kind.length_argument() else { continue };
            let len = match &values[position] {
                Value::Data(data) => data.len(),
                Value::Handles(handles) => handles.len() as u64,
                Value::WaitItems(items) => items.len() as u64,
                _ => continue,
            };
            if let Some(length) = syscall.declaration().position(length)
                && !self.percent(2)
            {
                values[length] = Value::Number(len);
            }
        }
    }

    pub(super) fn argument(&mut self, syscall: Syscall, argument: &Argument) -> Value {
        let number = match argument.kind {
            ArgumentKind::Handle => return Value::Handle(self.handle(syscall, argument.name)),
            ArgumentKind::Address => return Value::Address(self.mapped_address()),
            // Nothing would end a wait without a deadline.
            ArgumentKind::Deadline if self.percent(3) => {
                return Value::FromNow(*self.choose(&[0, 1, 1000, 1000, 20_000]));
            }
            ArgumentKind::Deadline => *self.choose(&[0, 0, 0, 1]),
            ArgumentKind::Size | ArgumentKind::Offset => self.position(argument.name),
            ArgumentKind::Length => self.length(syscall, argument.name),
            ArgumentKind::Count if syscall == Syscall::channel_read => {
                *self.choose(&[4, 4, 4, 1, 0])
            }
            ArgumentKind::Count if self.percent(2) => {
                *self.choose(&[8, 9, 16, 17, 64, 65, 1 << 32])
            }
            ArgumentKind::Count => self.rng.random_range(0..3),
            ArgumentKind::Options if self.percent(5) => {
                let bit = 1 << self.rng.random_range(0..32);
                *self.choose(&[1, 2, bit, bit])
            }
            ArgumentKind::Options => 0,
            ArgumentKind::CloneOptions if self.percent(95) => u64::from(ZX_VMO_CLONE_COPY_ON_WRITE),
            ArgumentKind::CloneOptions => self.any_bits(argument.kind),
            ArgumentKind::MapFlags => self.map_flags(syscall),
            ArgumentKind::Rights => self.rights(),
            ArgumentKind::Signals => self.signals(),
            ArgumentKind::CachePolicy => *self.choose(&[0, 0, 1, 2, 3, 4]),
            // An operation with a bit that no operation has.
            ArgumentKind::VmoOperation if self.percent(3) => {
                self.rng.random_range(0..10) | 1 << self.rng.random_range(4..32)
            }
            ArgumentKind::VmoOperation => {
                *self.choose(&[1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 3, 4, 6, 7, 8, 9, 0, 5, 10])
            }
            ArgumentKind::Property => *self.choose(&[3, 3, 3, 3, 5, 0, 1, 2, 4, 6]),
            ArgumentKind::InfoTopic => *self.choose(&[1, 2, 2, 2, 19, 19, 7, 14, 0, 13, 22]),
            ArgumentKind::HandlesIn(_) => {
                let count = self.rng.random_range(0..3);
                let handles = (0..count).map(|_| self.handle(syscall, "handle")).collect();
                return Value::Handles(handles);
            }
            ArgumentKind::WaitItems(_) => {
                // The kernel has room for 8 without asking for memory, and takes 16.
                let count = match self.rng.random_range(0..16) {
                    0 => *self.choose(&[8, 9, 16, 17]),
                    other => other % 3,
                };
                let mut items = Vec::new();
                for _ in 0..count {
                    let handle = self.handle(syscall, "handle");
                    items.push((handle, self.signals() as u32));
                }
                return Value::WaitItems(items);
            }
            ArgumentKind::BytesIn(_) if self.percent(92) => return Value::Data(self.data(syscall)),
            ArgumentKind::BytesIn(_) if self.percent(50) => return self.bad_pointer(),
            ArgumentKind::BytesUnused(_) if self.percent(90) => {
                return Value::Address(Address::Null);
            }
            _ => return self.pointer(),
        };
        let mask = if argument.bits == 32 { u64::from(u32::MAX) } else { u64::MAX };
        Value::Number(number & mask)
    }

    pub(super) fn handle(&mut self, syscall: Syscall, argument: &str) -> Handle {
        let wants_region = argument.contains("vmar");
        match self.rng.random_range(0..100) {
            0 => {
                return match self.rng.random_range(0..8) {
                    0..3 => Handle::Invalid,
                    3..5 => Handle::Never,
                    5 => Handle::Literal(self.rng.next_u32()),
                    _ if self.is_harmless(syscall) => {
                        *self.choose(&[Handle::Root, Handle::Process, Handle::Observed])
                    }
                    _ => Handle::Region,
                };
            }
            1 => return if wants_region { Handle::Process } else { Handle::Region },
            2 => {
                if let Some(name) = self.pick(|generator| &generator.world.closed) {
                    return Handle::Named(name);
                }
            }
            3 => {
                if let Some(name) = self.pick(|generator| &generator.world.others) {
                    return Handle::Named(name);
                }
            }
            _ => {}
        }
        let copies = matches!(syscall, Syscall::handle_duplicate | Syscall::handle_replace);
        if copies && self.percent(10) {
            let other = match self.rng.random_range(0..3) {
                0 => self.pick(|generator| &generator.world.regions),
                1 => self.pick(|generator| &generator.world.channels),
                _ => self.pick(|generator| &generator.world.others),
            };
            // Nothing can be mapped any more when the region has gone.
            if let Some(name) = other {
                return Handle::Named(name);
            } else if syscall == Syscall::handle_duplicate {
                return Handle::Region;
            }
        }
        if wants_region {
            let own = self.percent(75);
            let name = self.pick(|generator| &generator.world.regions);
            return name.filter(|_| !own).map_or(Handle::Region, Handle::Named);
        }
        if syscall == Syscall::channel_read
            && let Some(name) = self.pick(|generator| &generator.world.readable)
        {
            return Handle::Named(name);
        }
        let is_channel = matches!(
            syscall,
            Syscall::channel_write | Syscall::channel_read | Syscall::object_signal_peer
        );
        if (is_channel && argument == "handle" || self.percent(1))
            && let Some(name) = self.pick(|generator| &generator.world.channels)
        {
            return Handle::Named(name);
        }
        // The newest are the most interesting.
        let count = self.world.vmos.len();
        if count == 0 {
            return Handle::Invalid;
        }
        let index = if self.percent(40) {
            count - 1 - self.rng.random_range(0..count.min(3))
        } else {
            self.rng.random_range(0..count)
        };
        Handle::Named(self.world.vmos[index].name)
    }

    /// Whether a call leaves the handles that every program has as they are, and
    /// does not have them in memory, where a later call could find them.
    fn is_harmless(&self, syscall: Syscall) -> bool {
        matches!(
            syscall,
            Syscall::object_get_info
                | Syscall::object_get_property
                | Syscall::object_wait_one
                | Syscall::handle_duplicate
                | Syscall::vmo_create
                | Syscall::vmo_clone
                | Syscall::vmo_read
                | Syscall::vmo_write
                | Syscall::vmo_get_size
                | Syscall::vmo_set_size
                | Syscall::vmo_op_range
                | Syscall::vmo_set_cache_policy
        )
    }

    pub(super) fn pick<T: Copy>(&mut self, from: impl Fn(&Self) -> &Vec<T>) -> Option<T> {
        let count = from(self).len();
        (count != 0).then(|| {
            let index = self.rng.random_range(0..count);
            from(self)[index]
        })
    }

    /// A size or an offset: near what is in use, or at a boundary.
    pub(super) fn position(&mut self, argument: &str) -> u64 {
        if self.percent(self.far_percent) {
            return if self.percent(70) { *self.choose(BOUNDARIES) } else { self.any_number() };
        }
        let size = self.pick(|generator| &generator.world.vmos).map_or(0, |vmo| vmo.size);
        let is_small = argument == "vmar_offset";
        let base = match self.rng.random_range(0..10) {
            0..6 => self.rng.random_range(0..6) * PAGE,
            6..8 if !is_small => size,
            8 if !is_small => size / 2,
            _ => 0,
        };
        match self.rng.random_range(0..12) {
            0 => base.wrapping_add(1),
            1 => base.wrapping_sub(1),
            2 => base.wrapping_add(self.rng.random_range(0..PAGE)),
            3 => base.wrapping_add(PAGE),
            _ => base,
        }
    }

    fn length(&mut self, syscall: Syscall, argument: &str) -> u64 {
        match syscall {
            Syscall::vmar_map | Syscall::vmar_unmap | Syscall::vmar_protect => {
                let pages = self.rng.random_range(1..5) * PAGE;
                match self.rng.random_range(0..20) {
                    0 if self.percent(50) => 0,
                    0 => *self.choose(BOUNDARIES),
                    1 => pages - 1,
                    2 => pages - PAGE + 1,
                    _ => pages,
                }
            }
            Syscall::vmo_read => {
                let len = *self.choose(&[
                    0,
                    1,
                    1,
                    2,
                    8,
                    8,
                    16,
                    100,
                    100,
                    PAGE,
                    PAGE + 1,
                    LONGEST_TRANSFER,
                ]);
                if self.percent(1) { u64::MAX } else { len }
            }
            _ if argument == "value_size" => *self.choose(&[32, 32, 32, 31, 33, 0, 8]),
            Syscall::channel_read => *self.choose(&[64, 64, 64, 1, 0]),
            Syscall::object_get_info => *self.choose(&[32, 32, 4, 64, 31, 0, 3, 16, 15, 104, 208]),
            _ => self.rng.random_range(0..16),
        }
    }

    fn data(&mut self, syscall: Syscall) -> Data {
        let len = match syscall {
            Syscall::object_set_property => self.rng.random_range(0..40),
            Syscall::vmo_write => {
                *self.choose(&[0, 1, 1, 2, 8, 8, 16, 100, 100, PAGE, PAGE + 1, LONGEST_TRANSFER])
            }
            _ => self.rng.random_range(0..16),
        };
        let first = self.byte();
        Data(vec![if self.percent(50) { Part::Fill(first, len) } else { Part::Seq(first, len) }])
    }

    fn map_flags(&mut self, syscall: Syscall) -> u64 {
        if self.percent(4) {
            return self.any_bits(ArgumentKind::MapFlags);
        }
        let read = ZX_VM_FLAG_PERM_READ;
        let write = read | ZX_VM_FLAG_PERM_WRITE;
        u64::from(match syscall {
            Syscall::vmar_protect => *self.choose(&[0, read, write, write]),
            Syscall::vmar_allocate => *self.choose(&[0x380, 0x3c0, 0x180, 0x80, 0x3d0, 0]),
            _ => {
                let place =
                    *self.choose(&[0, 0, ZX_VM_FLAG_SPECIFIC, ZX_VM_FLAG_SPECIFIC_OVERWRITE]);
                let execute = ZX_VM_FLAG_PERM_EXECUTE;
                let permissions = [read, read, write, write, write, write, 0, execute | read];
                place | *self.choose(&permissions)
            }
        })
    }

    fn rights(&mut self) -> u64 {
        let all = u64::from(vmo_abi::ZX_DEFAULT_VMO_RIGHTS);
        match self.rng.random_range(0..20) {
            0..12 => u64::from(ZX_RIGHT_SAME_RIGHTS),
            // Not to be able to write shows in the most places.
            12 => all & !u64::from(ZX_RIGHT_WRITE),
            13..17 => all & !(1 << self.rng.random_range(0..16)),
            17 => 0,
            18 => all & self.rng.next_u64(),
            _ => RIGHTS[self.rng.random_range(0..RIGHTS.len())].1,
        }
    }

    fn signals(&mut self) -> u64 {
        match self.rng.random_range(0..8) {
            0..3 => u64::from(ZX_VMO_ZERO_CHILDREN),
            3 if self.percent(30) => 1 << self.rng.random_range(0..24),
            3..7 => 1 << self.rng.random_range(24..32),
            _ => u64::from(self.rng.next_u32() & 0xff00_0008),
        }
    }

    fn any_bits(&mut self, kind: ArgumentKind) -> u64 {
        let known = names_of(kind).map_or(&[][..], |named| named.table());
        if known.is_empty() || self.percent(30) {
            return 1 << self.rng.random_range(0..32);
        }
        let first = known[self.rng.random_range(0..known.len())].1;
        first | known[self.rng.random_range(0..known.len())].1
    }

    /// A pointer: good scratch memory as a rule, sometimes a bad one or one into
    /// a mapping.
    fn pointer(&mut self) -> Value {
        match self.rng.random_range(0..100) {
            0..3 => self.bad_pointer(),
            3 | 4 if self.world.has_mappings() => Value::Address(self.mapped_address()),
            _ => Value::Scratch,
        }
    }

    /// A pointer that is bad for something.
    fn bad_pointer(&mut self) -> Value {
        Value::Address(*self.choose(&[
            Address::Null,
            Address::Null,
            Address::Unmapped,
            Address::ReadOnly,
            Address::ReadOnly,
            Address::Kernel,
            Address::Straddle(1),
            Address::Straddle(2),
            Address::Straddle(4),
            Address::Straddle(12),
            Address::Straddle(PAGE),
            Address::Literal(1),
        ]))
    }

    /// An address in or near a mapping.
    pub(super) fn mapped_address(&mut self) -> Address {
        let Some(mapping) = self.pick(|generator| &generator.world.mappings) else {
            return Address::Region(self.rng.random_range(0..6) * PAGE);
        };
        let pages = mapping.len / PAGE;
        let beyond = u64::from(self.percent(10));
        let page = self.rng.random_range(0..pages.min(8) + beyond) * PAGE;
        let offset = match self.rng.random_range(0..10) {
            0 => page.wrapping_add(PAGE - 1),
            1 => page.wrapping_add(self.rng.random_range(0..PAGE)),
            2 => mapping.len.wrapping_sub(1),
            _ => page,
        };
        Address::Named(mapping.name, offset)
    }
}
