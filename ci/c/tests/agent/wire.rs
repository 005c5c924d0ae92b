//! The protocol, written a second time and as simply as can be.

use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::Duration;

use crate::sources;

const MAGIC: [u8; 4] = [0xf5, 0x56, 0x4d, 0x4f];
/// How long an answer may take before a test fails, and how long none is to come.
const PATIENCE: Duration = Duration::from_secs(20);

/// CRC-32, bit by bit.
pub fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 };
        }
    }
    !crc
}

/// A frame.
pub fn frame(sequence: u32, payload: &[u8]) -> Vec<u8> {
    let mut bytes = MAGIC.to_vec();
    bytes.extend(sequence.to_le_bytes());
    bytes.extend((payload.len() as u32).to_le_bytes());
    bytes.extend(crc32(&bytes).to_le_bytes());
    bytes.extend(payload);
    bytes.extend(crc32(payload).to_le_bytes());
    bytes
}

/// The sequence number and payload of the first frame in a stream, and the bytes
/// up to its end; `None` if it is not all there.
pub fn first_frame(stream: &[u8], limit: usize) -> Option<(u32, Vec<u8>, usize)> {
    let word = |at: usize| u32::from_le_bytes(stream[at..at + 4].try_into().unwrap());
    let mut at = 0;
    while at + 16 <= stream.len() {
        let len = word(at + 8) as usize;
        if stream[at..at + 4] != MAGIC
            || word(at + 12) != crc32(&stream[at..at + 12])
            || len > limit
        {
            at += 1;
            continue;
        }
        let end = at + 16 + len + 4;
        if end > stream.len() {
            return None;
        }
        let payload = &stream[at + 16..at + 16 + len];
        if word(end - 4) == crc32(payload) {
            return Some((word(at + 4), payload.to_vec(), end));
        }
        at = end;
    }
    None
}

/// A value of a call: a number, or what is in a slot plus a number.
pub fn number(value: u64) -> Vec<u8> {
    [&[0][..], &value.to_le_bytes()].concat()
}

/// A value of a call that is taken from a slot.
pub fn slot(slot: u8, value: u64) -> Vec<u8> {
    [&[slot + 1][..], &value.to_le_bytes()].concat()
}

fn with_range(code: u8, address: u64, len: usize) -> Vec<u8> {
    [&[code][..], &address.to_le_bytes(), &(len as u32).to_le_bytes()].concat()
}

pub fn hello() -> Vec<u8> {
    vec![1, 1, 0, 0, 0]
}

pub fn put(address: u64, bytes: &[u8]) -> Vec<u8> {
    [&with_range(2, address, bytes.len()), bytes].concat()
}

pub fn fill(address: u64, len: usize, byte: u8) -> Vec<u8> {
    [&with_range(3, address, len)[..], &[byte]].concat()
}

pub fn get(address: u64, len: usize) -> Vec<u8> {
    with_range(4, address, len)
}

pub fn call(number: u8, values: &[Vec<u8>]) -> Vec<u8> {
    [&[5, number, values.len() as u8][..], &values.concat()].concat()
}

pub fn keep(slot: u8, size: u8, address: u64) -> Vec<u8> {
    [&[6, slot, size][..], &address.to_le_bytes()].concat()
}

pub fn load(address: &[u8], len: usize) -> Vec<u8> {
    [&[7][..], address, &(len as u32).to_le_bytes()].concat()
}

pub fn store(address: &[u8], bytes: &[u8]) -> Vec<u8> {
    [&[8][..], address, &(bytes.len() as u32).to_le_bytes(), bytes].concat()
}

pub fn control(code: u8, number: u64) -> Vec<u8> {
    [&[code][..], &number.to_le_bytes()].concat()
}

/// The result of an access that went well, or of one that faulted.
pub fn done(code: u8, fault: Option<u64>) -> Vec<u8> {
    match fault {
        None => vec![code + 0x80, 0],
        Some(address) => [&[code + 0x80, 1][..], &address.to_le_bytes()].concat(),
    }
}

/// The result of a call.
pub fn status(status: i32) -> Vec<u8> {
    [&[0x85][..], &status.to_le_bytes()].concat()
}

/// A running agent.
pub struct Agent {
    child: Option<Child>,
    input: Option<Box<dyn Write>>,
    output: Receiver<Vec<u8>>,
    received: Vec<u8>,
    limit: usize,
    sequence: u32,
}

impl Agent {
    /// Starts the fake kernel; `None` if there is no compiler.
    pub fn fake(payload: u32, words: &[&str]) -> Option<Self> {
        let mut command = Command::new(sources::fake(payload)?);
        command.args(words);
        Some(Self::start(command, payload as usize))
    }

    /// Starts an agent on its standard input and output.
    pub fn start(mut command: Command, limit: usize) -> Self {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let input = Box::new(child.stdin.take().expect("it is piped"));
        let output = child.stdout.take().expect("it is piped");
        Self::over(child, input, output, limit)
    }

    /// An agent that is reached in another way.
    pub fn over(
        child: Child,
        input: Box<dyn Write>,
        mut from: impl Read + Send + 'static,
        limit: usize,
    ) -> Self {
        let (to, output) = mpsc::channel();
        std::thread::spawn(move || {
            let mut buffer = vec![0; 1 << 16];
            while let Ok(len @ 1..) = from.read(&mut buffer) {
                if to.send(buffer[..len].to_vec()).is_err() {
                    break;
                }
            }
        });
        Self {
            child: Some(child),
            input: Some(input),
            output,
            received: Vec::new(),
            limit,
            sequence: 0x1234_5678,
        }
    }

    /// Sends bytes as they are.
    pub fn send(&mut self, bytes: &[u8]) {
        let input = self.input.as_mut().expect("it is open");
        input.write_all(bytes).expect("the agent reads");
        input.flush().expect("the agent reads");
    }

    /// The next frame, `None` if there is none any more.
    pub fn receive(&mut self) -> Option<(u32, Vec<u8>)> {
        loop {
            if let Some((sequence, payload, end)) = first_frame(&self.received, self.limit) {
                self.received.drain(..end);
                return Some((sequence, payload));
            }
            match self.output.recv_timeout(PATIENCE) {
                Ok(bytes) => self.received.extend(bytes),
                Err(RecvTimeoutError::Disconnected) => return None,
                Err(RecvTimeoutError::Timeout) => panic!("no answer"),
            }
        }
    }

    /// Waits until a message has come.
    pub fn wait_for(&mut self, text: &str) {
        let wanted = text.as_bytes();
        while !self.received.windows(wanted.len()).any(|window| window == wanted) {
            let bytes = self.output.recv_timeout(PATIENCE).expect("the message comes");
            self.received.extend(bytes);
        }
    }

    /// Asks, and answers with the payload of the answer.
    pub fn ask(&mut self, payload: &[u8]) -> Vec<u8> {
        self.sequence += 1;
        self.send(&frame(self.sequence, payload));
        let (sequence, answer) = self.receive().expect("an answer");
        assert_eq!(sequence, self.sequence);
        answer
    }

    /// Does operations, each of which must have the result next to it.
    pub fn expect(&mut self, pairs: &[(Vec<u8>, Vec<u8>)]) {
        let payload: Vec<u8> = pairs.iter().flat_map(|(operation, _)| operation.clone()).collect();
        let expected: Vec<u8> = pairs.iter().flat_map(|(_, result)| result.clone()).collect();
        assert_eq!(self.ask(&payload), expected);
    }

    /// The address of the arena.
    pub fn arena(&mut self) -> u64 {
        let answer = self.ask(&hello());
        u64::from_le_bytes(answer[25..33].try_into().unwrap())
    }

    /// Ends without ending the agent.
    pub fn leave(mut self) -> Child {
        self.child.take().expect("it runs")
    }

    /// Ends the input and answers with the frames that were left.
    pub fn end(mut self) -> Vec<(u32, Vec<u8>)> {
        self.input = None;
        let rest = std::iter::from_fn(|| self.receive()).collect();
        let status = self.child.take().expect("it runs").wait().expect("it ends");
        assert!(status.success(), "{status}");
        rest
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        self.input = None;
        if let Some(mut child) = self.child.take() {
            // It may have ended by itself.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
