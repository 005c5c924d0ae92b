//! What a program itself expects, as checks.

use vmo_abi::{ArgumentKind, ZX_OK};

use super::allowed::{Allowed, Check, What};
use crate::program::{Action, Field, Step, StepResult};

/// What stands in the place of a clause where the program itself expects
/// something.
pub(super) const EXPECTATION: &str = "EXPECTATION";

/// Narrows what is allowed to what the program expects.
pub(super) fn expect(allowed: &mut Allowed, step: &Step) {
    let Some(expected) = &step.expected else { return };
    let statuses = match expected.result {
        StepResult::Status(status) => vec![status],
        StepResult::Fault => Vec::new(),
    };
    let is_narrower = allowed.statuses.as_ref() != Some(&statuses);
    if is_narrower {
        allowed.statuses = Some(statuses);
        allowed.clause = EXPECTATION;
        // What the reference did is no measure any more.
        if allowed.usual != expected.result {
            allowed.usual = expected.result;
            allowed.checks.clear();
            allowed.stored.fill(expected.result == StepResult::Status(ZX_OK));
        }
    }
    let fields = expected.fields.iter().flat_map(|field| checks_of(&step.action, field));
    for what in fields {
        if !allowed.checks.iter().any(|check| says(&check.what, &what)) {
            allowed.checks.push(Check { clause: EXPECTATION, what });
        }
    }
}

/// Whether a check says as much as another.
fn says(one: &What, other: &What) -> bool {
    match (one, other) {
        (What::Bytes { offset, bytes }, What::Bytes { offset: at, bytes: wanted }) => at
            .checked_sub(*offset)
            .and_then(|skip| bytes.get(skip..skip + wanted.len()))
            .is_some_and(|bytes| bytes == wanted),
        _ => one == other,
    }
}

fn checks_of(action: &Action, field: &Field) -> Vec<What> {
    let word = |kind: ArgumentKind, nth: usize, value: u64| {
        let Action::Call(call) = action else { return Vec::new() };
        let arguments = call.syscall.arguments().iter().enumerate();
        let mut places = arguments.filter(|(_, argument)| argument.kind == kind);
        let Some((argument, _)) = places.nth(nth) else { return Vec::new() };
        let bits = kind.pointee_size().unwrap_or(8) * 8;
        vec![What::Word { argument, mask: u64::MAX >> (64 - bits), value }]
    };
    let bytes = |offset: usize, bytes: Vec<u8>| vec![What::Bytes { offset, bytes }];
    match field {
        Field::Size(size) => word(ArgumentKind::SizeOut, 0, *size),
        Field::Observed(signals) => word(ArgumentKind::SignalsOut, 0, u64::from(*signals)),
        Field::Actual(count) => word(ArgumentKind::CountOut, 0, *count),
        Field::Avail(count) => word(ArgumentKind::CountOut, 1, *count),
        Field::Data(data) | Field::Value(data) if data.is_empty() => Vec::new(),
        Field::Data(data) | Field::Value(data) => bytes(0, data.to_bytes()),
        Field::Pending(signals) => {
            let items = signals.iter().enumerate();
            items
                .map(|(item, value)| What::Pending { item, mask: u32::MAX, value: *value })
                .collect()
        }
        Field::Count(count) => bytes(0, count.to_le_bytes().to_vec()),
        Field::Rights(rights) => bytes(8, rights.to_le_bytes().to_vec()),
        Field::Type(kind) => bytes(12, kind.to_le_bytes().to_vec()),
        Field::RelatedKoid(koid) => bytes(16, koid.to_le_bytes().to_vec()),
        Field::Props(props) => bytes(24, props.to_le_bytes().to_vec()),
        Field::Untouched(true) => vec![What::Untouched],
        // The oracle knows what koids and addresses have to do with each other.
        Field::Untouched(false)
        | Field::KoidSameAs(_)
        | Field::KoidDiffers(_)
        | Field::AddressIs(_) => Vec::new(),
    }
}
