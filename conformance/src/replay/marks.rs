//! Clauses at which the pages allow an implementation to answer otherwise than
//! the recorded kernel did.
//!
//! A recording names such clauses for a whole program. What is accepted here is
//! narrow: just the other side of that clause, at a step that the clause is
//! about.

use vmo_abi::{
    Syscall, ZX_ERR_ACCESS_DENIED, ZX_ERR_INVALID_ARGS, ZX_ERR_NO_MEMORY, ZX_ERR_NOT_FOUND,
    ZX_ERR_NOT_SUPPORTED, ZX_ERR_OUT_OF_RANGE, ZX_OK, ZX_VM_FLAG_MAP_RANGE,
    ZX_VMO_OP_CACHE_INVALIDATE, ZX_VMO_OP_COMMIT, ZX_VMO_OP_DECOMMIT, zx_status_t,
};

use super::Mismatch;
use crate::program::{Action, Call, Program, StepResult, Value};
use crate::runner::Outcome;

/// A call that came out with another status than recorded.
struct OtherStatus<'a> {
    call: &'a Call,
    recorded: zx_status_t,
    actual: zx_status_t,
}

impl OtherStatus<'_> {
    fn is(&self, syscall: Syscall, recorded: zx_status_t, actual: &[zx_status_t]) -> bool {
        self.call.syscall == syscall && self.recorded == recorded && actual.contains(&self.actual)
    }
}

/// The mark of a program that allows a step to differ from the recording in
/// this way, if one does.
#[must_use]
pub fn accepting_mark<'p>(
    program: &'p Program,
    step: usize,
    outcome: &Outcome,
    mismatch: &Mismatch,
) -> Option<&'p str> {
    let marks = program.marks.iter().map(String::as_str);
    let mut accepting = marks.filter(|mark| accepts(mark, program, step, outcome, mismatch));
    accepting.next()
}

fn accepts(
    mark: &str,
    program: &Program,
    step: usize,
    outcome: &Outcome,
    mismatch: &Mismatch,
) -> bool {
    if mismatch.what == "data" {
        return accepts_other_data(mark, program, step);
    }
    let step = &program.steps[step];
    let (Action::Call(call), Some(expected)) = (&step.action, &step.expected) else { return false };
    let (StepResult::Status(recorded), StepResult::Status(actual)) =
        (expected.result, outcome.result)
    else {
        return false;
    };
    if mismatch.what != "result" {
        return false;
    }
    let other = OtherStatus { call, recorded, actual };
    match mark {
        "C-01" => other.is(
            Syscall::vmo_create,
            ZX_ERR_OUT_OF_RANGE,
            &[ZX_ERR_INVALID_ARGS, ZX_ERR_NO_MEMORY],
        ),
        "C-03" | "C-05" => [Syscall::vmo_read, Syscall::vmo_write]
            .into_iter()
            .any(|syscall| other.is(syscall, ZX_OK, &[ZX_ERR_OUT_OF_RANGE])),
        // NULL is refused although the length is 0.
        "C-04" => {
            [Syscall::vmo_read, Syscall::vmo_write].contains(&call.syscall)
                && number(call, "buffer_size") == Some(0)
                && actual == ZX_ERR_INVALID_ARGS
        }
        "C-10" => other.is(Syscall::vmo_clone, ZX_ERR_OUT_OF_RANGE, &[ZX_OK]),
        "C-12" => {
            let is_commitment = matches!(
                number(call, "op").map(|op| op as u32),
                Some(ZX_VMO_OP_COMMIT | ZX_VMO_OP_DECOMMIT)
            );
            is_commitment && other.is(Syscall::vmo_op_range, ZX_OK, &[ZX_ERR_OUT_OF_RANGE])
        }
        "C-16" => other.is(Syscall::vmo_set_size, ZX_OK, &[ZX_ERR_NO_MEMORY]),
        "C-17" => other.is(Syscall::vmar_unmap, ZX_OK, &[ZX_ERR_NOT_FOUND]),
        "C-18" => {
            has_flag(call, ZX_VM_FLAG_MAP_RANGE)
                && other.is(Syscall::vmar_map, ZX_ERR_INVALID_ARGS, &[ZX_OK])
        }
        "C-20" => {
            number(call, "prot_flags") == Some(0)
                && other.is(Syscall::vmar_protect, ZX_OK, &[ZX_ERR_INVALID_ARGS])
        }
        "C-22" => [Syscall::object_get_property, Syscall::object_set_property]
            .into_iter()
            .any(|syscall| other.is(syscall, ZX_ERR_INVALID_ARGS, &[ZX_ERR_NOT_SUPPORTED])),
        "C-23" => {
            other.is(Syscall::object_signal_peer, ZX_ERR_ACCESS_DENIED, &[ZX_ERR_NOT_SUPPORTED])
        }
        "C-28" => other.is(Syscall::object_get_info, ZX_ERR_ACCESS_DENIED, &[ZX_OK]),
        "C-29" => other.is(Syscall::handle_close_many, ZX_OK, &[ZX_ERR_INVALID_ARGS]),
        "ND-18" => [Syscall::vmo_create, Syscall::vmo_clone, Syscall::vmo_set_size]
            .into_iter()
            .any(|syscall| other.is(syscall, ZX_OK, &[ZX_ERR_NO_MEMORY])),
        "VMO-CLONE-08" => other.is(Syscall::vmo_clone, ZX_OK, &[ZX_ERR_INVALID_ARGS]),
        // Pages that a middle clone or a mapping took copies of, or did not,
        // decide whether the policy can be set.
        _ => false,
    }
}

/// Clauses that leave open what the bytes are after something happened.
fn accepts_other_data(mark: &str, program: &Program, step: usize) -> bool {
    let before = program.steps[..step].iter().filter_map(|step| match &step.action {
        Action::Call(call) => Some(call),
        _ => None,
    });
    let mut before = before;
    match mark {
        // A clone of a clone took its own copy of a page.
        "C-26" => before.any(|call| call.syscall == Syscall::vmo_clone),
        "C-19" => before.any(|call| has_flag(call, ZX_VM_FLAG_MAP_RANGE)),
        "ND-11" => before.any(|call| {
            call.syscall == Syscall::vmo_op_range
                && number(call, "op") == Some(u64::from(ZX_VMO_OP_CACHE_INVALIDATE))
        }),
        _ => false,
    }
}

fn has_flag(call: &Call, flag: u32) -> bool {
    number(call, "map_flags").is_some_and(|flags| flags & u64::from(flag) != 0)
}

fn number(call: &Call, argument: &str) -> Option<u64> {
    let position = call.syscall.declaration().position(argument)?;
    match call.arguments[position] {
        Value::Number(number) => Some(number),
        _ => None,
    }
}
