//! The oracle as an observer of the runner.

use vmo_abi::{ArgumentKind, Environment, zx_vaddr_t};

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
        let faulted = outcome.result == StepResult::Fault;
        match action {
            Action::Call(call) => {
                let StepResult::Status(status) = outcome.result else { return Ok(()) };
                self.judge(&Event::Call(CallEvent {
                    syscall: call.syscall,
                    registers: facts.registers(),
                    input: facts.input(),
                    status,
                    words: &outcome.words,
                    known_words: known_words(call, outcome),
                    bytes: outcome.bytes.as_deref().filter(|_| stores_bytes(call)),
                    pattern: facts.pattern(),
                    untouched: outcome.untouched,
                    overran: outcome.overran,
                }))
            }
            Action::Load { address, .. } => {
                let address = resolve(self.environment(), facts, *address);
                let bytes = outcome.bytes.as_deref().unwrap_or_default();
                let len = bytes.len() as u64;
                self.judge(&Event::Load { address, len, bytes: (!faulted).then_some(bytes) })
            }
            Action::Store { address, data } => {
                let address = resolve(self.environment(), facts, *address);
                let mut bytes = self.take_buffer();
                data.write_to(&mut bytes);
                let judged = self.judge(&Event::Store { address, bytes: &bytes, faulted });
                self.give_buffer(bytes);
                judged
            }
            Action::LimitMemory(pages) => self.judge(&Event::LimitMemory(*pages)),
            Action::FailAllocation(nth) => self.judge(&Event::FailAllocation(*nth)),
        }
    }
}

/// The arguments whose places the runner has looked at.
fn known_words(call: &Call, outcome: &Outcome) -> u8 {
    let mut known = 0;
    for (index, value) in call.arguments.iter().enumerate() {
        if matches!(value, Value::Scratch) || outcome.words[index].is_some() {
            known |= 1 << index;
        }
    }
    known
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
