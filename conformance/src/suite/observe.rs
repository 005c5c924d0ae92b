//! What came of a step, as the expectation that a program would state.

use vmo_abi::{
    ArgumentKind, Record, Syscall, ZX_INFO_HANDLE_BASIC, ZX_INFO_HANDLE_COUNT, zx_wait_item_t,
};

use crate::program::{Action, Call, Data, Expected, Field, Value};
use crate::runner::Outcome;

/// Most bytes of data that are recorded in full.
const LONGEST_RECORDED: usize = 1 << 20;

/// What came of a step, as far as the text form can say it.
pub(super) fn observe(action: &Action, outcome: &Outcome) -> Expected {
    let fields = match action {
        Action::Call(call) => observe_call(call, outcome),
        Action::Load { .. } if outcome.is_ok() => {
            data(outcome).map(Field::Data).into_iter().collect()
        }
        _ => Vec::new(),
    };
    Expected { result: outcome.result, fields }
}

fn data(outcome: &Outcome) -> Option<Data> {
    let bytes = outcome.bytes.as_deref().filter(|bytes| bytes.len() <= LONGEST_RECORDED)?;
    Some(Data::from_bytes(bytes))
}

fn observe_call(call: &Call, outcome: &Outcome) -> Vec<Field> {
    let word = |kind, nth| {
        let arguments = call.syscall.arguments().iter().enumerate();
        let mut positions = arguments.filter(|(_, argument)| argument.kind == kind);
        positions.nth(nth).and_then(|(position, _)| outcome.words[position])
    };
    let mut fields = Vec::new();
    match call.syscall {
        Syscall::vmo_get_size => {
            fields.extend(word(ArgumentKind::SizeOut, 0).map(Field::Size));
        }
        Syscall::vmo_read if outcome.is_ok() => fields.extend(data(outcome).map(Field::Data)),
        Syscall::object_get_property if outcome.is_ok() => {
            let name = outcome.bytes.as_deref().and_then(|bytes| bytes.first_chunk::<32>());
            fields.extend(name.map(|name| Field::Value(Data::from_bytes(name))));
        }
        Syscall::object_wait_one => {
            let signals = word(ArgumentKind::SignalsOut, 0);
            fields.extend(signals.map(|signals| Field::Observed(signals as u32)));
        }
        Syscall::object_wait_many => {
            let items = outcome.bytes.as_deref().unwrap_or_default().as_chunks().0;
            let pending = items.iter().map(|item| zx_wait_item_t::from_bytes(item).pending);
            fields.push(Field::Pending(pending.collect()));
        }
        Syscall::object_get_info => {
            match call.arguments[1] {
                Value::Number(topic) if topic == u64::from(ZX_INFO_HANDLE_BASIC) => {
                    if let Some(info) = outcome.basic_info() {
                        fields.extend([
                            Field::Rights(info.rights),
                            Field::Type(info.type_),
                            Field::Props(info.props),
                        ]);
                    }
                }
                Value::Number(topic) if topic == u64::from(ZX_INFO_HANDLE_COUNT) => {
                    let count = outcome.stored_exactly(4).and_then(|bytes| bytes.first_chunk());
                    fields.extend(count.map(|bytes| Field::Count(u32::from_le_bytes(*bytes))));
                }
                _ => {}
            }
            fields.extend(word(ArgumentKind::CountOut, 0).map(Field::Actual));
            fields.extend(word(ArgumentKind::CountOut, 1).map(Field::Avail));
        }
        _ => {}
    }
    fields
}
