//! Requests to an agent and their answers.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{self, ErrorKind};
use std::ops::Range;
use std::time::{Duration, Instant};

use vmo_abi::{Loss, LossKind};

use super::frame::{self, Decoder, Found};
use super::link::Link;
use super::process::Process;

/// After this time without an answer a request is sent again.
const SEND_AGAIN: Duration = Duration::from_secs(1);
/// How often a request is sent again because its answer came in damaged.
const MOST_DAMAGED: u32 = 8;
/// Bytes in a row that may be no frame.
const MOST_NOISE: u64 = 4 << 20;
/// How long a process that has closed its stream may take to end.
const LAST_MOMENT: Duration = Duration::from_secs(1);

/// How a backend was lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Lost {
    pub(crate) kind: LossKind,
    pub(crate) detail: String,
}

impl Lost {
    pub(crate) fn crash(detail: impl Into<String>) -> Self {
        Self { kind: LossKind::Crash, detail: detail.into() }
    }

    pub(crate) fn protocol(detail: impl Into<String>) -> Self {
        Self { kind: LossKind::Protocol, detail: detail.into() }
    }

    pub(crate) fn as_loss(&self) -> Loss<'_> {
        Loss { kind: self.kind, detail: &self.detail }
    }
}

/// One end of a connection to an agent.
pub(crate) struct Client {
    link: Box<dyn Link>,
    /// The process at the other end, if it is one of ours.
    process: Option<Process>,
    decoder: Decoder,
    request: Vec<u8>,
    sequence: u32,
    /// Whether a request was ever sent more than once.
    has_repeated: bool,
    input: Box<[u8]>,
}

impl Client {
    pub(crate) fn new(link: Box<dyn Link>, process: Option<Process>) -> Self {
        let mut request = Vec::new();
        frame::begin(&mut request);
        Self {
            link,
            process,
            decoder: Decoder::new(super::LARGEST_PAYLOAD),
            request,
            // Nobody who is still at an earlier request takes ours for it.
            sequence: RandomState::new().build_hasher().finish() as u32,
            has_repeated: false,
            input: vec![0; 64 << 10].into_boxed_slice(),
        }
    }

    /// Where the operations of the next request are to be appended.
    pub(crate) fn request(&mut self) -> &mut Vec<u8> {
        &mut self.request
    }

    /// Bytes of the operations in the next request.
    pub(crate) fn request_len(&self) -> usize {
        self.request.len() - frame::HEADER
    }

    /// Takes back what was appended.
    pub(crate) fn clear_request(&mut self) {
        frame::begin(&mut self.request);
    }

    /// The bytes of an answer that was the last to come.
    pub(crate) fn answer(&self, place: Range<usize>) -> &[u8] {
        self.decoder.payload(place)
    }

    /// Sends the request and waits for its answer.
    pub(crate) fn exchange(&mut self, deadline: Instant) -> Result<Range<usize>, Lost> {
        self.sequence = self.sequence.wrapping_add(1).max(1);
        frame::complete(&mut self.request, self.sequence);
        let answer = self.converse(deadline);
        frame::begin(&mut self.request);
        answer
    }

    fn converse(&mut self, deadline: Instant) -> Result<Range<usize>, Lost> {
        let began = Instant::now();
        self.send(began, deadline)?;
        let (mut sent, mut damaged) = (began, 0);
        loop {
            while let Some(found) = self.decoder.next() {
                match found {
                    Found::Frame { sequence, payload } if sequence == self.sequence => {
                        return Ok(payload);
                    }
                    // Answers to what was sent more than once, this request or
                    // one before.
                    Found::Frame { sequence, .. } if self.is_recent(sequence) => {}
                    Found::Frame { sequence, .. } => {
                        let asked = self.sequence;
                        return Err(Lost::protocol(format!(
                            "request {asked:#x} got the answer to {sequence:#x}"
                        )));
                    }
                    Found::TooLong(len) => {
                        return Err(Lost::protocol(format!("a frame of {len} bytes of payload")));
                    }
                    Found::Damaged => {
                        damaged += 1;
                        if damaged > MOST_DAMAGED {
                            return Err(Lost::protocol("frames with a wrong checksum"));
                        }
                        self.has_repeated = true;
                        self.send(began, deadline)?;
                    }
                }
            }
            if self.decoder.noise() > MOST_NOISE {
                let noise = self.decoder.noise();
                return Err(Lost::protocol(format!("{noise} bytes that are no frame")));
            }
            match self.link.receive(&mut self.input) {
                Ok(0) => return Err(self.ended(None)),
                Ok(len) => self.decoder.take(&self.input[..len]),
                Err(error) if error.kind() == ErrorKind::TimedOut => {}
                Err(error) => return Err(self.ended(Some(error))),
            }
            // Also if there is an endless stream of noise.
            let now = Instant::now();
            if now >= deadline {
                return Err(slow(began));
            }
            if now.duration_since(sent) >= SEND_AGAIN {
                self.has_repeated = true;
                self.send(began, deadline)?;
                sent = now;
            }
        }
    }

    /// Whether an answer may be a late one, to one of the last requests.
    fn is_recent(&self, sequence: u32) -> bool {
        const RECENT: u32 = 2;
        let age = self.sequence.wrapping_sub(sequence);
        self.has_repeated && (1..=RECENT).contains(&age)
    }

    fn send(&mut self, began: Instant, deadline: Instant) -> Result<(), Lost> {
        match self.link.send(&self.request, deadline) {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == ErrorKind::TimedOut => Err(slow(began)),
            Err(error) => Err(self.ended(Some(error))),
        }
    }

    /// What became of an agent that closed the stream.
    fn ended(&mut self, error: Option<io::Error>) -> Lost {
        if let Some(process) = &mut self.process {
            return match process.end_within(LAST_MOMENT) {
                Some(how) => Lost::crash(how),
                None => Lost::crash("it closed its end of the stream and went on"),
            };
        }
        match error {
            Some(error) => Lost::crash(format!("the connection broke: {error}")),
            None => Lost::crash("it closed the connection"),
        }
    }
}

fn slow(began: Instant) -> Lost {
    let waited = began.elapsed().as_secs_f64();
    Lost { kind: LossKind::Timeout, detail: format!("no answer within {waited:.1} s") }
}
