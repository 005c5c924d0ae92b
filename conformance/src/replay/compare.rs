//! Compares what came of a step with what is expected.

use std::fmt::Display;

use vmo_abi::{ArgumentKind, Record, ZX_ERR_NO_MEMORY, ZX_OK, zx_wait_item_t};

use crate::oracle::Violation;
use crate::program::{Action, Call, Data, Expected, Field, Program, StepResult};
use crate::runner::{Facts, Outcome, Status};

/// A difference between what is expected and what was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mismatch {
    /// What differs: a key of the text form, `result`, or the id of the clause
    /// that the oracle finds to be broken.
    pub what: &'static str,
    /// What is expected.
    pub expected: String,
    /// What was seen.
    pub actual: String,
}

/// Whether a difference may be a choice that the pages leave: which of several
/// refusals, lack of memory, what a refused call leaves in its outputs, and in
/// a program with marks also statuses and contents on which pages and kernel
/// contradict each other. Any other expectation that is not met is wrong or was
/// broken.
#[must_use]
pub fn may_be_a_choice(
    program: &Program,
    step: usize,
    outcome: &Outcome,
    mismatch: &Mismatch,
) -> bool {
    let is_marked = !program.marks.is_empty();
    match mismatch.what {
        "untouched" => true,
        "data" => is_marked,
        "result" => {
            let expected = program.steps[step].expected.as_ref().map(|expected| expected.result);
            let fails = |result| matches!(result, StepResult::Status(status) if status != ZX_OK);
            is_marked
                || outcome.result == StepResult::Status(ZX_ERR_NO_MEMORY)
                || (fails(outcome.result) && expected.is_some_and(fails))
        }
        _ => false,
    }
}

impl From<Violation> for Mismatch {
    fn from(violation: Violation) -> Self {
        let Violation { clause, expected, actual, .. } = violation;
        Self { what: clause, expected, actual }
    }
}

/// Whether a step came out as expected.
///
/// # Errors
///
/// The first difference.
pub fn compare(
    action: &Action,
    expected: &Expected,
    outcome: &Outcome,
    facts: &Facts<'_>,
) -> Result<(), Mismatch> {
    if expected.result != outcome.result {
        return Err(Mismatch {
            what: "result",
            expected: result_text(expected.result),
            actual: result_text(outcome.result),
        });
    }
    if outcome.overran {
        return Err(Mismatch {
            what: "buffer",
            expected: "nothing stored outside of the buffers".to_owned(),
            actual: "bytes there changed".to_owned(),
        });
    }
    expected.fields.iter().try_for_each(|field| compare_field(action, field, outcome, facts))?;
    if expected.fields.contains(&Field::Untouched(true)) {
        check_counts_untouched(action, expected, outcome)?;
    }
    Ok(())
}

/// Of a call that is to leave its outputs alone, `actual` and `avail` may be
/// stored only where the expectation mentions them.
fn check_counts_untouched(
    action: &Action,
    expected: &Expected,
    outcome: &Outcome,
) -> Result<(), Mismatch> {
    for (nth, what) in ["actual", "avail"].into_iter().enumerate() {
        let stored = stored_word(action, outcome, ArgumentKind::CountOut, nth);
        let is_expected = expected.fields.iter().any(|field| field.key() == what);
        if let (Some(stored), false) = (stored, is_expected) {
            return Err(Mismatch { what, expected: nothing(), actual: stored.to_string() });
        }
    }
    Ok(())
}

fn compare_field(
    action: &Action,
    field: &Field,
    outcome: &Outcome,
    facts: &Facts<'_>,
) -> Result<(), Mismatch> {
    let what = field.key();
    let word = |kind| stored_word(action, outcome, kind, 0);
    let basic = outcome.basic_info();
    match field {
        Field::Size(size) => same(what, hex(*size), word(ArgumentKind::SizeOut).map(hex)),
        Field::Data(data) => same_bytes(what, data, outcome.bytes.as_deref()),
        Field::Value(data) => {
            let stored =
                usize::try_from(data.len()).ok().and_then(|len| outcome.stored_exactly(len));
            same_bytes(what, data, stored.or(outcome.bytes.as_deref()))
        }
        Field::Observed(signals) => {
            same(what, hex(u64::from(*signals)), word(ArgumentKind::SignalsOut).map(hex))
        }
        Field::Pending(signals) => {
            let items = outcome.bytes.as_ref().map(|bytes| pending(bytes));
            same(what, hex_list(signals), items.as_deref().map(hex_list))
        }
        Field::Rights(rights) => {
            same(what, hex(u64::from(*rights)), basic.map(|info| hex(u64::from(info.rights))))
        }
        Field::Type(kind) => same(what, *kind, basic.map(|info| info.type_)),
        Field::RelatedKoid(koid) => same(what, *koid, basic.map(|info| info.related_koid)),
        Field::Props(props) => same(what, *props, basic.map(|info| info.props)),
        Field::KoidSameAs(other) => {
            same(what, facts.koid(*other).unwrap_or(0), basic.map(|info| info.koid))
        }
        Field::KoidDiffers(others) => {
            let koid = basic.map(|info| info.koid);
            let clash = others.iter().find(|other| koid.is_some() && facts.koid(**other) == koid);
            match (koid, clash) {
                (Some(_), None) => Ok(()),
                (koid, _) => Err(Mismatch {
                    what,
                    expected: "a koid that none of the others has".to_owned(),
                    actual: koid.map_or_else(nothing, |koid| koid.to_string()),
                }),
            }
        }
        Field::Count(count) => {
            let stored = outcome.stored_exactly(4).and_then(|bytes| bytes.first_chunk().copied());
            same(what, *count, stored.map(u32::from_le_bytes))
        }
        Field::Actual(count) => {
            same(what, *count, stored_word(action, outcome, ArgumentKind::CountOut, 0))
        }
        Field::Avail(count) => {
            same(what, *count, stored_word(action, outcome, ArgumentKind::CountOut, 1))
        }
        Field::AddressIs(address) => {
            let expected = facts.address(*address).map_or_else(nothing, hex);
            same(what, expected, word(ArgumentKind::AddressOut).map(hex))
        }
        Field::Untouched(untouched) => same(what, *untouched, Some(outcome.untouched)),
    }
}

/// What the call stored through its `nth` pointer of a kind.
fn stored_word(action: &Action, outcome: &Outcome, kind: ArgumentKind, nth: usize) -> Option<u64> {
    let Action::Call(Call { syscall, .. }) = action else { return None };
    let arguments = syscall.arguments().iter().enumerate();
    let (index, _) = arguments.filter(|(_, argument)| argument.kind == kind).nth(nth)?;
    outcome.words[index]
}

fn pending(bytes: &[u8]) -> Vec<u32> {
    let (items, _) = bytes.as_chunks();
    items.iter().map(|item| zx_wait_item_t::from_bytes(item).pending).collect()
}

fn same<T: PartialEq + Display>(
    what: &'static str,
    expected: T,
    actual: Option<T>,
) -> Result<(), Mismatch> {
    if actual.as_ref() == Some(&expected) {
        return Ok(());
    }
    let actual = actual.map_or_else(nothing, |actual| actual.to_string());
    Err(Mismatch { what, expected: expected.to_string(), actual })
}

fn same_bytes(what: &'static str, expected: &Data, actual: Option<&[u8]>) -> Result<(), Mismatch> {
    match actual {
        Some(actual) if expected.matches(actual) => Ok(()),
        Some(actual) => Err(Mismatch {
            what,
            expected: expected.to_string(),
            actual: Data::from_bytes(actual).to_string(),
        }),
        None => Err(Mismatch { what, expected: expected.to_string(), actual: nothing() }),
    }
}

fn result_text(result: StepResult) -> String {
    match result {
        StepResult::Status(status) => Status(status).to_string(),
        StepResult::Fault => "FAULT".to_owned(),
    }
}

fn hex(number: u64) -> String {
    format!("{number:#x}")
}

fn hex_list(numbers: &[u32]) -> String {
    let items: Vec<_> = numbers.iter().map(|number| hex(u64::from(*number))).collect();
    format!("[{}]", items.join(", "))
}

fn nothing() -> String {
    "nothing stored".to_owned()
}
