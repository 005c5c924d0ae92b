//! Plainer arguments.

use vmo_abi::{ArgumentKind, ZX_PAGE_SIZE, names_of};

use super::Shrinker;
use crate::program::{Action, Address, Call, Data, Part, Program, Value};

impl<F: FnMut(&Program) -> bool> Shrinker<F> {
    /// Puts plainer values in place of each argument, as far as that goes.
    pub(super) fn simplify_values(&mut self) {
        for index in 0..self.best.steps.len() {
            loop {
                let candidates = simpler(&self.best.steps[index].action);
                if !candidates.into_iter().any(|action| self.take_action(index, action)) {
                    break;
                }
            }
        }
    }
}

/// Actions that do the same in a plainer way, the plainest first. Each is
/// strictly plainer, so that taking one comes to an end.
fn simpler(action: &Action) -> Vec<Action> {
    match action {
        Action::Call(call) => simpler_calls(call),
        Action::Load { address, len } => {
            let lengths = simpler_numbers(*len, 1);
            let shorter = lengths.into_iter().map(|len| Action::Load { address: *address, len });
            let nearer = simpler_addresses(*address);
            shorter
                .chain(nearer.into_iter().map(|address| Action::Load { address, len: *len }))
                .collect()
        }
        Action::Store { address, data } => {
            let shorter = simpler_data(data)
                .into_iter()
                .filter(|data| !data.is_empty())
                .map(|data| Action::Store { address: *address, data });
            let nearer = simpler_addresses(*address);
            let data = data.clone();
            shorter
                .chain(
                    nearer.into_iter().map(|address| Action::Store { address, data: data.clone() }),
                )
                .collect()
        }
        Action::LimitMemory(_) | Action::FailAllocation(_) => Vec::new(),
    }
}

fn simpler_calls(call: &Call) -> Vec<Action> {
    let declared = call.syscall.arguments();
    let mut actions = Vec::new();
    for (position, (argument, value)) in declared.iter().zip(&call.arguments).enumerate() {
        for value in simpler_values(argument.kind, value) {
            let mut simpler = call.clone();
            // A buffer and its length change together.
            let len = match &value {
                Value::Data(data) => Some(data.len()),
                Value::Handles(handles) => Some(handles.len() as u64),
                Value::WaitItems(items) => Some(items.len() as u64),
                _ => None,
            };
            if let (Some(len), Some(length)) = (len, argument.kind.length_argument())
                && let Some(length) = call.syscall.declaration().position(length)
            {
                simpler.arguments[length] = Value::Number(len);
            }
            simpler.arguments[position] = value;
            actions.push(Action::Call(simpler));
        }
    }
    actions
}

fn simpler_values(kind: ArgumentKind, value: &Value) -> Vec<Value> {
    match value {
        Value::Number(number) => match names_of(kind) {
            Some(vmo_abi::Named::Bits(_)) => {
                let bits = (0..64).filter(|bit| number & (1 << bit) != 0);
                bits.map(|bit| Value::Number(number & !(1 << bit))).collect()
            }
            Some(vmo_abi::Named::Values(_)) => Vec::new(),
            None => simpler_numbers(*number, 0).into_iter().map(Value::Number).collect(),
        },
        Value::FromNow(_) => vec![Value::Number(0)],
        Value::Address(Address::Named(..) | Address::Region(_))
            if kind == ArgumentKind::Address =>
        {
            let Value::Address(address) = value else { return Vec::new() };
            simpler_addresses(*address).into_iter().map(Value::Address).collect()
        }
        Value::Address(Address::Null) if matches!(kind, ArgumentKind::BytesUnused(_)) => Vec::new(),
        Value::Address(_) if kind.is_pointer() => vec![Value::Scratch],
        Value::Data(data) => simpler_data(data).into_iter().map(Value::Data).collect(),
        Value::Handles(handles) => {
            let shorter = (0..handles.len()).map(|position| {
                let mut handles = handles.clone();
                handles.remove(position);
                Value::Handles(handles)
            });
            shorter.collect()
        }
        Value::WaitItems(items) => {
            let shorter = (0..items.len()).map(|position| {
                let mut items = items.clone();
                items.remove(position);
                Value::WaitItems(items)
            });
            shorter.collect()
        }
        Value::Scratch | Value::Address(_) | Value::Handle(_) => Vec::new(),
    }
}

/// Numbers that are plainer than this one and not below `least`.
fn simpler_numbers(number: u64, least: u64) -> Vec<u64> {
    let page = ZX_PAGE_SIZE;
    let mut numbers = vec![least, 1, page, 2 * page, number / 2 / page * page];
    if !number.is_multiple_of(page) {
        numbers.extend([number / page * page, number / 2]);
    } else {
        numbers.push(number.saturating_sub(page));
    }
    numbers.retain(|simpler| *simpler >= least && plainness(*simpler) < plainness(number));
    numbers.dedup();
    numbers
}

/// Small numbers are plain, and of those of a size whole pages.
fn plainness(number: u64) -> (u64, bool) {
    (number.div_ceil(ZX_PAGE_SIZE), !number.is_multiple_of(ZX_PAGE_SIZE) && number != 1)
}

fn simpler_addresses(address: Address) -> Vec<Address> {
    match address {
        Address::Named(name, offset) => simpler_numbers(offset, 0)
            .into_iter()
            .map(|offset| Address::Named(name, offset))
            .collect(),
        Address::Region(offset) => {
            simpler_numbers(offset, 0).into_iter().map(Address::Region).collect()
        }
        _ => Vec::new(),
    }
}

/// Data that is shorter, or as long and of one byte.
fn simpler_data(data: &Data) -> Vec<Data> {
    let filled = |byte: u8, len: u64| match len {
        0 => Data::default(),
        len => Data(vec![Part::Fill(byte, len)]),
    };
    let len = data.len();
    let mut simpler: Vec<_> =
        simpler_numbers(len, 0).into_iter().map(|len| filled(1, len)).collect();
    if *data != filled(1, len) && len != 0 {
        simpler.push(filled(1, len));
    }
    simpler
}
