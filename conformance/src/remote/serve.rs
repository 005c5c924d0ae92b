//! The agent's side of the protocol, for any [`Backend`].

use std::io::{self, ErrorKind, Read, Write};

use vmo_abi::{Backend, Fault, MAX_ARGUMENTS, Syscall, ZX_ERR_BAD_SYSCALL};

use super::LARGEST_PAYLOAD;
use super::frame::{self, Decoder, Found};
use super::message::{Fields, Hello, SLOTS, code};
use crate::backends::StartError;

/// What is served: a backend that can be started again, if it can.
pub struct Served {
    /// The backend.
    pub backend: Box<dyn Backend>,
    /// Brings the backend back to the state at its start; `None` if nothing can.
    pub reset: Option<Box<Reset>>,
    /// What it is called in reports, at most 255 bytes.
    pub name: String,
}

/// Brings a backend back to the state at its start, or puts a fresh one in its
/// place.
pub type Reset = dyn FnMut(&mut Box<dyn Backend>) -> Result<(), StartError>;

/// Answers requests until the stream ends.
///
/// # Errors
///
/// The stream cannot be read from or written to.
pub fn serve(served: Served, input: &mut impl Read, output: &mut impl Write) -> io::Result<()> {
    let mut agent = Agent { served, slots: [0; SLOTS] };
    let mut decoder = Decoder::new(LARGEST_PAYLOAD);
    let mut bytes = vec![0; LARGEST_PAYLOAD];
    let mut answer = Vec::new();
    let mut last = 0;
    loop {
        let len = match input.read(&mut bytes) {
            Ok(0) => return Ok(()),
            Ok(len) => len,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) if error.kind() == ErrorKind::ConnectionReset => return Ok(()),
            Err(error) => return Err(error),
        };
        decoder.take(&bytes[..len]);
        while let Some(found) = decoder.next() {
            // The tester sends again what came in damaged.
            let Found::Frame { sequence, payload } = found else { continue };
            if sequence != last || last == 0 {
                frame::begin(&mut answer);
                agent.answer(decoder.payload(payload), &mut answer);
                frame::complete(&mut answer, sequence);
                last = sequence;
            }
            match output.write_all(&answer).and_then(|()| output.flush()) {
                Err(error) if error.kind() == ErrorKind::BrokenPipe => return Ok(()),
                result => result?,
            }
        }
    }
}

struct Agent {
    served: Served,
    slots: [u64; SLOTS],
}

impl Agent {
    /// Does the operations of a request and appends their results.
    fn answer(&mut self, request: &[u8], answer: &mut Vec<u8>) {
        let mut fields = Fields::new(request);
        while !fields.is_at_end() {
            let before = answer.len();
            if self.operation(&mut fields, answer).is_none()
                || answer.len() - frame::HEADER >= LARGEST_PAYLOAD
            {
                answer.truncate(before);
                answer.push(code::REFUSED);
                return;
            }
        }
    }

    /// Does one operation; `None` if that is refused.
    fn operation(&mut self, fields: &mut Fields<'_>, answer: &mut Vec<u8>) -> Option<()> {
        let operation = fields.u8()?;
        let result = operation | code::RESULT;
        match operation {
            code::HELLO => {
                fields.u32()?;
                let environment = self.served.backend.environment();
                let can_reset = self.served.reset.is_some();
                Hello::of(&environment, &self.served.name, can_reset).write(answer);
            }
            code::PUT => {
                let (address, len) = (fields.u64()?, fields.u32()? as usize);
                let done = self.served.backend.store(address, fields.bytes(len)?);
                push_done(answer, result, done);
            }
            code::FILL => {
                let (address, len) = (fields.u64()?, fields.u32()? as usize);
                let arena = self.served.backend.environment().arena;
                let bytes = [fields.u8()?; 4096];
                let mut done = Ok(());
                if !arena.contains(address, len as u64) {
                    done = Err(Fault { address });
                }
                for at in (0..len).step_by(bytes.len()) {
                    let piece = &bytes[..bytes.len().min(len - at)];
                    let stored = || self.served.backend.store(address + at as u64, piece);
                    done = done.and_then(|()| stored());
                }
                push_done(answer, result, done);
            }
            code::GET => {
                let (address, len) = (fields.u64()?, fields.u32()? as usize);
                self.push_loaded(answer, result, address, len)?;
            }
            code::CALL => {
                let (number, count) = (fields.u8()?, usize::from(fields.u8()?));
                let mut registers = [0; MAX_ARGUMENTS];
                if count > MAX_ARGUMENTS {
                    return None;
                }
                for register in &mut registers[..count] {
                    *register = self.value(fields)?;
                }
                let call = Syscall::ALL.get(usize::from(number));
                if call.is_some_and(|call| call.arguments().len() > count) {
                    return None;
                }
                let status = match call {
                    Some(call) => self.served.backend.syscall(*call, &registers),
                    None => ZX_ERR_BAD_SYSCALL,
                };
                answer.push(result);
                answer.extend_from_slice(&status.to_le_bytes());
            }
            code::KEEP => {
                let (slot, size) = (usize::from(fields.u8()?), usize::from(fields.u8()?));
                let address = fields.u64()?;
                let mut bytes = [0; 8];
                if slot >= SLOTS || ![4, 8].contains(&size) {
                    return None;
                }
                let done = self.served.backend.load(address, &mut bytes[..size]);
                if done.is_ok() {
                    self.slots[slot] = u64::from_le_bytes(bytes);
                }
                push_done(answer, result, done);
            }
            code::LOAD => {
                let (address, len) = (self.value(fields)?, fields.u32()? as usize);
                self.push_loaded(answer, result, address, len)?;
            }
            code::STORE => {
                let (address, len) = (self.value(fields)?, fields.u32()? as usize);
                let done = self.served.backend.store(address, fields.bytes(len)?);
                push_done(answer, result, done);
            }
            code::CLOCK => {
                answer.push(result);
                answer.extend_from_slice(&self.served.backend.monotonic_now().to_le_bytes());
            }
            code::LIMIT_MEMORY => {
                let pages = fields.u64()?;
                let pages = (pages != u64::MAX).then_some(pages);
                let can = self.served.backend.set_memory_limit(pages);
                answer.extend_from_slice(&[result, u8::from(!can)]);
            }
            code::FAIL_ALLOCATION => {
                let nth = fields.u64()?;
                let can = self.served.backend.fail_allocation((nth != 0).then_some(nth));
                answer.extend_from_slice(&[result, u8::from(!can)]);
            }
            code::RESET => {
                let Served { backend, reset, .. } = &mut self.served;
                let done = reset.as_mut().is_some_and(|reset| reset(backend).is_ok());
                self.slots = [0; SLOTS];
                answer.extend_from_slice(&[result, u8::from(!done)]);
            }
            _ => return None,
        }
        Some(())
    }

    /// A value: a number, or a number more than a slot holds.
    fn value(&self, fields: &mut Fields<'_>) -> Option<u64> {
        let (base, number) = (fields.u8()?, fields.u64()?);
        match usize::from(base).checked_sub(1) {
            None => Some(number),
            Some(slot) => Some(self.slots.get(slot)?.wrapping_add(number)),
        }
    }

    fn push_loaded(
        &self,
        answer: &mut Vec<u8>,
        result: u8,
        address: u64,
        len: usize,
    ) -> Option<()> {
        if answer.len() + len > LARGEST_PAYLOAD {
            return None;
        }
        let start = answer.len();
        answer.extend_from_slice(&[result, 0]);
        answer.resize(start + 2 + len, 0);
        if let Err(fault) = self.served.backend.load(address, &mut answer[start + 2..]) {
            answer.truncate(start);
            push_done(answer, result, Err(fault));
        }
        Some(())
    }
}

fn push_done(answer: &mut Vec<u8>, result: u8, done: Result<(), Fault>) {
    answer.extend_from_slice(&[result, u8::from(done.is_err())]);
    if let Err(fault) = done {
        answer.extend_from_slice(&fault.address.to_le_bytes());
    }
}
