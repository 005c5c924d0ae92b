//! Making the arguments of a random call fit each other, so that most calls
//! get further than their first check.

use rand::{Rng, RngExt};
use vmo_abi::{
    Syscall, ZX_INFO_HANDLE_BASIC, ZX_INFO_HANDLE_COUNT, ZX_INFO_PROCESS_VMOS, ZX_INFO_VMAR,
    ZX_PAGE_SIZE, ZX_PROP_NAME, ZX_VM_FLAG_PERM_EXECUTE, ZX_VM_FLAG_PERM_READ,
    ZX_VM_FLAG_PERM_WRITE, ZX_VM_FLAG_SPECIFIC, ZX_VM_FLAG_SPECIFIC_OVERWRITE,
};

use super::Generator;
use crate::program::{Address, Data, Handle, Part, Value};

const PAGE: u64 = ZX_PAGE_SIZE;
/// Of 100 calls so many have arguments that fit each other.
const FITTING_PERCENT: u32 = 75;
/// Pages that a call commits or decommits, as a rule.
const MOST_PAGES: u64 = 16;
/// Bytes that a call reads or writes at most.
const LONGEST_TRANSFER: u64 = 3 * PAGE;

impl<R: Rng> Generator<R> {
    /// Lets the arguments of most calls fit each other.
    pub(super) fn refine(&mut self, syscall: Syscall, values: &mut [Value]) {
        if !self.percent(FITTING_PERCENT) {
            return;
        }
        let size = match values.first() {
            Some(Value::Handle(handle)) => self.world.size_of(*handle),
            _ => 0,
        };
        match syscall {
            Syscall::vmo_create => {
                let pages = self.rng.random_range(0..7) * PAGE;
                values[0] = Value::Number(pages.saturating_sub(*self.choose(&[0, 0, 0, 1, 2048])));
                values[1] = Value::Number(0);
                values[2] = Value::Scratch;
            }
            Syscall::vmo_read => {
                let (offset, len) = self.range_in(size);
                values[2] = Value::Number(offset);
                values[3] = Value::Number(len);
            }
            Syscall::vmo_write => {
                let (offset, len) = self.range_in(size);
                if !matches!(values[1], Value::Address(_)) {
                    values[1] = Value::Data(Data(vec![Part::Fill(self.byte(), len)]));
                }
                values[2] = Value::Number(offset);
                values[3] = Value::Number(if self.percent(2) { 0 } else { len });
            }
            Syscall::vmo_op_range => {
                let (offset, len) = self.pages_in(size);
                values[2] = Value::Number(offset);
                values[3] = Value::Number(len);
            }
            Syscall::vmo_clone => self.align(values, 2),
            Syscall::vmar_map => self.refine_map(values),
            Syscall::vmar_allocate => {
                if !has_flag(&values[3], ZX_VM_FLAG_SPECIFIC | ZX_VM_FLAG_SPECIFIC_OVERWRITE) {
                    values[1] = Value::Number(0);
                }
                values[2] = Value::Number(self.rng.random_range(1..8) * PAGE);
                values[0] = Value::Handle(Handle::Region);
            }
            Syscall::vmar_unmap | Syscall::vmar_protect => {
                if let Some(mapping) = self.pick(|generator| &generator.world.mappings) {
                    let pages = mapping.len / PAGE;
                    let first = self.rng.random_range(0..pages);
                    let count = self.rng.random_range(1..=pages - first);
                    values[0] = Value::Handle(mapping.region);
                    values[1] = Value::Address(Address::Named(mapping.name, first * PAGE));
                    values[2] = Value::Number(count * PAGE);
                }
                if syscall == Syscall::vmar_protect {
                    let (read, write) = (ZX_VM_FLAG_PERM_READ, ZX_VM_FLAG_PERM_WRITE);
                    let both = read | write;
                    let execute = read | ZX_VM_FLAG_PERM_EXECUTE;
                    let flags = *self.choose(&[0, read, read, write, both, both, both, execute]);
                    values[3] = Value::Number(flags.into());
                }
            }
            Syscall::channel_write => {
                values[1] = Value::Number(0);
                let end = self.pick(|generator| &generator.world.channels);
                if let Some(end) = end {
                    values[0] = Value::Handle(Handle::Named(end));
                }
                if let Value::Handles(handles) = &mut values[4] {
                    // A message cannot hold an end of its own channel, nor a
                    // handle twice.
                    let channels = &self.world.channels;
                    let is_end =
                        |handle: &Handle| channels.iter().any(|end| *handle == Handle::Named(*end));
                    handles.retain(|handle| !is_end(handle));
                    handles.dedup();
                }
            }
            Syscall::channel_read => {
                values[1] = Value::Number(0);
                values[4] = Value::Number(64);
                values[5] = Value::Number(4);
            }
            Syscall::object_signal | Syscall::object_signal_peer => {
                for value in &mut values[1..] {
                    let bits = self.rng.random_range(0..=255_u64) & self.rng.random_range(0..=255);
                    *value = Value::Number(bits << 24);
                }
            }
            Syscall::vmo_set_cache_policy => {
                let policy = *self.choose(&[0, 0, 1, 2, 3]);
                values[1] = Value::Number(policy);
            }
            Syscall::object_get_property | Syscall::object_set_property => {
                values[1] = Value::Number(ZX_PROP_NAME.into());
                if syscall == Syscall::object_get_property {
                    values[3] = Value::Number(32);
                }
            }
            Syscall::object_get_info => self.refine_info(values),
            _ => {}
        }
    }

    /// A range inside `size` bytes, whole pages about as often as not.
    fn range_in(&mut self, size: u64) -> (u64, u64) {
        let pages = size / PAGE;
        if pages == 0 {
            return (0, 0);
        }
        let first = self.rng.random_range(0..pages);
        let start = first * PAGE;
        let room = (size - start).min(LONGEST_TRANSFER);
        match self.rng.random_range(0..20) {
            0 => return (start, self.rng.random_range(1..=room / PAGE) * PAGE),
            1..4 => return (start, PAGE),
            // Around the border of two pages.
            4 if pages > first + 1 => return (start + PAGE - 4, 8),
            5..13 => return (start, *self.choose(&[1, 8, 16])),
            _ => {}
        }
        let skipped = self.rng.random_range(0..PAGE);
        let len = *self.choose(&[1, 2, 8, 100, 100, 100, PAGE + 1]);
        (start + skipped, len.min(room - skipped))
    }

    /// A range inside `size` bytes, whole pages as a rule.
    fn pages_in(&mut self, size: u64) -> (u64, u64) {
        let pages = size / PAGE;
        if pages == 0 || self.percent(25) {
            return self.range_in(size);
        }
        let first = self.rng.random_range(0..pages);
        // Committing many pages takes long and shows nothing more.
        let most = (pages - first).min(MOST_PAGES);
        (first * PAGE, self.rng.random_range(1..=most) * PAGE)
    }

    fn align(&mut self, values: &mut [Value], position: usize) {
        if let Value::Number(number) = &mut values[position] {
            *number -= *number % PAGE;
        }
    }

    fn refine_map(&mut self, values: &mut [Value]) {
        self.align(values, 1);
        self.align(values, 3);
        if self.percent(60) {
            // Anywhere, as nothing else is there, for whatever comes after.
            let write = ZX_VM_FLAG_PERM_READ | ZX_VM_FLAG_PERM_WRITE;
            values[0] = Value::Handle(Handle::Region);
            values[5] = Value::Number(write.into());
            values[6] = Value::Scratch;
        }
        let is_specific = has_flag(&values[5], ZX_VM_FLAG_SPECIFIC | ZX_VM_FLAG_SPECIFIC_OVERWRITE);
        if !is_specific {
            values[1] = Value::Number(0);
        }
        if let Value::Handle(vmo) = values[2]
            && let pages @ 1.. = self.world.size_of(vmo) / PAGE
        {
            let first = self.rng.random_range(0..pages);
            values[3] = Value::Number(first * PAGE);
            // Sometimes a page more than there is.
            let most = (pages - first).min(8) + u64::from(self.percent(20));
            values[4] = Value::Number(self.rng.random_range(1..=most) * PAGE);
        }
        // Wrapped lengths are left to the calls that are not made to fit.
        if !matches!(values[4], Value::Number(1..0x10_0000)) {
            values[4] = Value::Number(PAGE);
        }
    }

    fn refine_info(&mut self, values: &mut [Value]) {
        let (topic, size) = *self.choose(&[
            (ZX_INFO_HANDLE_BASIC, 32),
            (ZX_INFO_HANDLE_BASIC, 32),
            (ZX_INFO_HANDLE_COUNT, 4),
            (ZX_INFO_VMAR, 16),
            (ZX_INFO_PROCESS_VMOS, 1040),
        ]);
        if topic == ZX_INFO_VMAR {
            values[0] = Value::Handle(Handle::Region);
        }
        if topic == ZX_INFO_PROCESS_VMOS {
            values[0] = Value::Handle(Handle::Observed);
        }
        values[1] = Value::Number(topic.into());
        values[3] = Value::Number(size);
    }
}

fn has_flag(value: &Value, flags: u32) -> bool {
    matches!(value, Value::Number(number) if number & u64::from(flags) != 0)
}
