//! The oracle as an observer of the runner.

use vmo_abi::{ArgumentKind, Environment, Syscall, ZX_ERR_INTERNAL, zx_vaddr_t};

use super::event::{CallEvent, Event};
use super::{Oracle, Violation};
use crate::program::{Action, Address, Call, StepResult, Value};
use crate::runner::{Facts, Outcome, REGION_BYTES};

impl Oracle {
    /// Judges a step that the runner has just done: what is handed to
    /// [`Runner::run`](crate::runner::Runner::run) calls this.
    ///
    /// The oracle has to be a fresh one at the start of a program, as what the
    /// program before left behind was taken away without its knowledge.
    ///
    /// # Errors
    ///
    /// The outcome breaks a clause. The oracle cannot be used after that.
    pub fn observe(
        &mut self,
        action: &Action,
        outcome: &Outcome,
        facts: &Facts<'_>,
    ) -> Result<(), Violation> {
        if !self.knows_region()
            && let Some((handle, base)) = facts.region()
        {
            self.adopt_region(handle, base, REGION_BYTES, facts.region_flags());
        }
        let mut buffer = self.take_buffer();
        let event = Event::of(self.environment(), action, outcome, facts, &mut buffer);
        let judged = self.judge(&event);
        self.give_buffer(buffer);
        judged
    }
}

impl<'a> Event<'a> {
    /// What the runner has done in a step, and what came of it. `buffer` is
    /// room for bytes that are nowhere else.
    #[must_use]
    pub fn of(
        environment: &Environment,
        action: &Action,
        outcome: &'a Outcome,
        facts: &'a Facts<'_>,
        buffer: &'a mut Vec<u8>,
    ) -> Self {
        let faulted = outcome.result == StepResult::Fault;
        match action {
            Action::Call(call) => {
                let status = match outcome.result {
                    StepResult::Status(status) => status,
                    StepResult::Fault => ZX_ERR_INTERNAL,
                };
                let (input, handles) = inputs(call, facts.input());
                Self::Call(CallEvent {
                    syscall: call.syscall,
                    registers: facts.registers(),
                    input,
                    handles,
                    status,
                    words: &outcome.words,
                    fresh_words: fresh_words(call),
                    bytes: outcome.bytes.as_deref().filter(|_| stores_bytes(call)),
                    pattern: facts.pattern(),
                    untouched: outcome.untouched,
                    overran: outcome.overran,
                })
            }
            Action::Load { address, .. } => {
                let address = resolve(environment, facts, *address);
                let bytes = outcome.bytes.as_deref().unwrap_or_default();
                let len = bytes.len() as u64;
                Self::Load { address, len, bytes: (!faulted).then_some(bytes) }
            }
            Action::Store { address, data } => {
                let address = resolve(environment, facts, *address);
                data.write_to(buffer);
                Self::Store { address, bytes: buffer, faulted }
            }
            Action::LimitMemory(pages) => Self::LimitMemory(*pages),
            Action::FailAllocation(nth) => Self::FailAllocation(*nth),
        }
    }
}

/// The bytes for the call's input pointer, and those for an array of handles
/// that it has besides.
fn inputs<'a>(call: &Call, input: &'a [u8]) -> (&'a [u8], &'a [u8]) {
    if call.syscall != Syscall::channel_write {
        return (input, &[]);
    }
    let data = call.arguments.iter().find_map(|value| match value {
        Value::Data(data) => usize::try_from(data.len()).ok(),
        _ => None,
    });
    input.split_at_checked(data.unwrap_or(0)).unwrap_or((input, &[]))
}

/// The arguments for which the runner has prepared a place.
fn fresh_words(call: &Call) -> u8 {
    let values = call.arguments.iter().enumerate();
    let scratch = values.filter(|(_, value)| matches!(value, Value::Scratch));
    scratch.fold(0, |fresh, (index, _)| fresh | 1 << index)
}

/// Whether the call has a buffer that the runner reads back.
fn stores_bytes(call: &Call) -> bool {
    let mut arguments = call.syscall.arguments().iter().zip(&call.arguments);
    arguments.any(|(argument, value)| match argument.kind {
        ArgumentKind::BytesOut(_) => matches!(value, Value::Scratch),
        ArgumentKind::WaitItems(_) => matches!(value, Value::WaitItems(_)),
        _ => false,
    })
}

/// The address that an address of a program stands for.
fn resolve(environment: &Environment, facts: &Facts<'_>, address: Address) -> zx_vaddr_t {
    let bad = &environment.bad;
    let fixed = match address {
        Address::Unmapped => bad.unmapped,
        Address::ReadOnly => bad.read_only,
        Address::Kernel => bad.kernel,
        Address::Straddle(bytes) => Some(environment.arena.end().wrapping_sub(bytes)),
        other => facts.address(other),
    };
    fixed.unwrap_or(0)
}
