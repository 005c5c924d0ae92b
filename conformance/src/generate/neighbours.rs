//! Changing one argument of a call to a value near the one it has.

use rand::{Rng, RngExt};
use vmo_abi::{Argument, ArgumentKind, Named, Syscall, ZX_PAGE_SIZE, names_of};

use super::Generator;
use super::arguments::{BOUNDARIES, LONGEST_TRANSFER};
use crate::program::{Action, Address, Data, Part, Value};

const PAGE: u64 = ZX_PAGE_SIZE;
/// Bytes of data that are changed one by one at most.
const LONGEST_EDITED: u64 = 64;
/// Elements to which an array grows at most.
const MOST_ELEMENTS: usize = 6;

impl<R: Rng> Generator<R> {
    /// Changes one argument of a call to a neighbour.
    pub(super) fn change_argument(&mut self, syscall: Syscall, values: &mut [Value]) {
        // Most neighbours of a good pointer are good pointers.
        for _ in 0..3 {
            let position = self.place_to_change(syscall, values);
            let changed =
                self.neighbour(syscall, &syscall.arguments()[position], &values[position]);
            if changed != values[position] {
                values[position] = changed;
                return;
            }
        }
    }

    fn place_to_change(&mut self, syscall: Syscall, values: &[Value]) -> usize {
        let declared = syscall.arguments();
        let position = self.rng.random_range(0..declared.len());
        // How long data is said to be follows how long it is.
        let buffer = declared.iter().zip(values).position(|(argument, value)| {
            argument.kind.length_argument() == Some(declared[position].name)
                && matches!(value, Value::Data(_) | Value::Handles(_) | Value::WaitItems(_))
        });
        buffer.unwrap_or(position)
    }

    /// Lets one handle of a call be another one.
    pub(super) fn retarget(&mut self, syscall: Syscall, values: &mut [Value]) {
        let has_handle = |value: &Value| {
            matches!(value, Value::Handle(_) | Value::Handles(_) | Value::WaitItems(_))
        };
        let positions: Vec<_> =
            (0..values.len()).filter(|position| has_handle(&values[*position])).collect();
        if positions.is_empty() {
            return;
        }
        let position = *self.choose(&positions);
        let argument = &syscall.arguments()[position];
        values[position] = self.neighbour(syscall, argument, &values[position]);
    }

    /// Changes where a load or a store goes or how much it is about, or by how
    /// much memory is limited.
    pub(super) fn change_other(&mut self, action: &Action) -> Action {
        match action {
            Action::Call(_) => action.clone(),
            Action::Load { address, len } => {
                if self.percent(60) {
                    return Action::Load { address: self.moved(*address), len: *len };
                }
                let len = self.near(*len).clamp(1, LONGEST_TRANSFER);
                Action::Load { address: *address, len }
            }
            Action::Store { address, data } => {
                if self.percent(60) {
                    return Action::Store { address: self.moved(*address), data: data.clone() };
                }
                Action::Store { address: *address, data: self.changed_data(data) }
            }
            Action::LimitMemory(_) | Action::FailAllocation(_) => self.control(),
        }
    }

    fn neighbour(&mut self, syscall: Syscall, argument: &Argument, value: &Value) -> Value {
        match value {
            Value::Number(number) => Value::Number(self.near_number(argument, *number)),
            Value::Address(address) if !argument.kind.is_pointer() || self.percent(50) => {
                Value::Address(self.moved(*address))
            }
            Value::Data(data) if self.percent(95) => Value::Data(self.changed_data(data)),
            Value::Handles(handles) => {
                let mut handles = handles.clone();
                let changed = self.changed_place(handles.len());
                if changed < handles.len() && self.percent(30) {
                    handles.remove(changed);
                } else {
                    let handle = self.handle(syscall, "handle");
                    handles.resize(handles.len().max(changed + 1), handle);
                    handles[changed] = handle;
                }
                Value::Handles(handles)
            }
            Value::WaitItems(items) => {
                let mut items = items.clone();
                let changed = self.changed_place(items.len());
                if changed < items.len() && self.percent(30) {
                    items.remove(changed);
                } else if changed < items.len() && self.percent(50) {
                    items[changed].1 ^= 1 << self.rng.random_range(0..32);
                } else {
                    let item = (self.handle(syscall, "handle"), self.rng.random());
                    items.resize(items.len().max(changed + 1), item);
                    items[changed] = item;
                }
                Value::WaitItems(items)
            }
            Value::Scratch
            | Value::FromNow(_)
            | Value::Handle(_)
            | Value::Address(_)
            | Value::Data(_) => self.argument(syscall, argument),
        }
    }

    /// An element of an array, or the place behind the last one.
    fn changed_place(&mut self, len: usize) -> usize {
        self.rng.random_range(0..(len + 1).min(len.max(MOST_ELEMENTS)))
    }

    fn near_number(&mut self, argument: &Argument, number: u64) -> u64 {
        let near = match names_of(argument.kind) {
            Some(Named::Bits(bits)) if self.percent(90) => number ^ self.choose(bits).1,
            Some(Named::Bits(_)) => number ^ 1 << self.rng.random_range(0..32),
            Some(Named::Values(values)) if self.percent(90) => self.choose(values).1,
            Some(Named::Values(_)) => number.wrapping_add(1),
            None => match argument.kind {
                // Nothing would end a wait without a deadline.
                ArgumentKind::Deadline => u64::from(number == 0),
                ArgumentKind::Options => number ^ 1,
                ArgumentKind::Count => *self.choose(&[0, 1, 2, number.wrapping_add(1)]),
                _ => self.near(number),
            },
        };
        if argument.bits == 32 { near & u64::from(u32::MAX) } else { near }
    }

    /// A number beside this one, or one that is in use.
    fn near(&mut self, number: u64) -> u64 {
        let size = self.pick(|generator| &generator.world.vmos).map_or(PAGE, |vmo| vmo.size);
        match self.rng.random_range(0..16) {
            0 | 1 => number.wrapping_add(1),
            2 | 3 => number.wrapping_sub(1),
            4 | 5 => number.wrapping_add(PAGE),
            6 | 7 => number.wrapping_sub(PAGE),
            8 => number - number % PAGE,
            9 => number / 2,
            10 => number.wrapping_mul(2),
            11 => size,
            12 => size.wrapping_sub(number),
            13 if self.percent(30) => *self.choose(BOUNDARIES),
            _ => self.position(""),
        }
    }

    fn moved(&mut self, address: Address) -> Address {
        match address {
            Address::Named(name, offset) if self.percent(70) => {
                Address::Named(name, self.near(offset))
            }
            Address::Region(offset) if self.percent(50) => Address::Region(self.near(offset)),
            _ => self.mapped_address(),
        }
    }

    fn changed_data(&mut self, data: &Data) -> Data {
        let len = data.len();
        let changed = self.near(len).min(LONGEST_TRANSFER);
        if len <= LONGEST_EDITED && changed <= LONGEST_EDITED {
            let mut bytes = data.to_bytes();
            if let 1.. = bytes.len()
                && self.percent(50)
            {
                let place = self.rng.random_range(0..bytes.len());
                bytes[place] = *self.choose(&[0, 1, 0x80, 0xff, bytes[place].wrapping_add(1)]);
            } else {
                bytes.resize(changed as usize, self.rng.random());
            }
            return Data::from_bytes(&bytes);
        }
        let len = if self.percent(50) { len } else { changed };
        let first = self.rng.random();
        Data(vec![if self.percent(50) { Part::Fill(first, len) } else { Part::Seq(first, len) }])
    }
}
