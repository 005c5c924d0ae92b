//! Frames: what a stream of bytes carries, and finding it among noise.

use std::ops::Range;

/// What a frame begins with.
const MAGIC: [u8; 4] = *b"\xf5VMO";
/// Bytes before the payload.
pub(crate) const HEADER: usize = 16;
/// Bytes after the payload.
pub(crate) const TRAILER: usize = 4;

/// Begins a frame in `frame`; the payload is to be appended to it.
pub(crate) fn begin(frame: &mut Vec<u8>) {
    frame.clear();
    frame.resize(HEADER, 0);
}

/// Completes the frame whose payload was appended.
pub(crate) fn complete(frame: &mut Vec<u8>, sequence: u32) {
    let len = (frame.len() - HEADER) as u32;
    frame[..4].copy_from_slice(&MAGIC);
    frame[4..8].copy_from_slice(&sequence.to_le_bytes());
    frame[8..12].copy_from_slice(&len.to_le_bytes());
    let check = crc32fast::hash(&frame[..12]);
    frame[12..16].copy_from_slice(&check.to_le_bytes());
    let check = crc32fast::hash(&frame[HEADER..]);
    frame.extend_from_slice(&check.to_le_bytes());
}

/// What was found in the bytes that came in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// A frame.
    Frame {
        /// Its sequence number.
        sequence: u32,
        /// Where its payload lies among the bytes; see [`Decoder::payload`].
        payload: Range<usize>,
    },
    /// The payload of a frame was changed on the way.
    Damaged,
    /// A frame of so many bytes of payload, more than are taken.
    TooLong(u32),
}

/// Finds frames in a stream.
pub(crate) struct Decoder {
    bytes: Vec<u8>,
    /// Bytes before this were looked at.
    at: usize,
    /// Bytes that were no frame since the last one.
    noise: u64,
    largest: usize,
}

impl Decoder {
    /// A decoder of frames with payloads of at most `largest` bytes.
    pub(crate) fn new(largest: usize) -> Self {
        Self { bytes: Vec::new(), at: 0, noise: 0, largest }
    }

    /// Takes in bytes. The payloads that were found before are gone then.
    pub(crate) fn take(&mut self, bytes: &[u8]) {
        self.bytes.drain(..self.at);
        self.at = 0;
        self.bytes.extend_from_slice(bytes);
    }

    /// The bytes of a payload that was just found.
    pub(crate) fn payload(&self, place: Range<usize>) -> &[u8] {
        &self.bytes[place]
    }

    /// Bytes that were no frame since the last one.
    pub(crate) fn noise(&self) -> u64 {
        self.noise
    }

    /// The next frame among the bytes that came in, `None` if there is not all
    /// of it yet.
    pub(crate) fn next(&mut self) -> Option<Found> {
        loop {
            let rest = &self.bytes[self.at..];
            let Some(skipped) = rest.iter().position(|byte| *byte == MAGIC[0]) else {
                self.skip(rest.len());
                return None;
            };
            self.skip(skipped);
            let rest = &self.bytes[self.at..];
            if rest.len() < HEADER {
                if MAGIC.starts_with(&rest[..rest.len().min(4)]) || rest.starts_with(&MAGIC) {
                    return None;
                }
                self.skip(1);
                continue;
            }
            let word = |at: usize| {
                u32::from_le_bytes([rest[at], rest[at + 1], rest[at + 2], rest[at + 3]])
            };
            if !rest.starts_with(&MAGIC) || word(12) != crc32fast::hash(&rest[..12]) {
                self.skip(1);
                continue;
            }
            let (sequence, len) = (word(4), word(8));
            if len as usize > self.largest {
                self.skip(1);
                return Some(Found::TooLong(len));
            }
            let whole = HEADER + len as usize + TRAILER;
            if rest.len() < whole {
                return None;
            }
            let payload = &rest[HEADER..HEADER + len as usize];
            let is_right = word(whole - TRAILER) == crc32fast::hash(payload);
            let place = self.at + HEADER..self.at + HEADER + len as usize;
            self.at += whole;
            if !is_right {
                self.noise += whole as u64;
                return Some(Found::Damaged);
            }
            self.noise = 0;
            return Some(Found::Frame { sequence, payload: place });
        }
    }

    fn skip(&mut self, bytes: usize) {
        self.at += bytes;
        self.noise += bytes as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(sequence: u32, payload: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        begin(&mut bytes);
        bytes.extend_from_slice(payload);
        complete(&mut bytes, sequence);
        bytes
    }

    /// Everything that is found if the bytes come in pieces of this length.
    fn found(bytes: &[u8], piece: usize) -> Vec<Result<(u32, Vec<u8>), Found>> {
        let mut decoder = Decoder::new(64);
        let mut all = Vec::new();
        for piece in bytes.chunks(piece) {
            decoder.take(piece);
            while let Some(found) = decoder.next() {
                all.push(match found {
                    Found::Frame { sequence, payload } => {
                        Ok((sequence, decoder.payload(payload).to_vec()))
                    }
                    other => Err(other),
                });
            }
        }
        all
    }

    #[test]
    fn a_frame_is_as_the_protocol_says() {
        let bytes = frame(0x0102_0304, b"123456789");
        assert_eq!(&bytes[..12], b"\xf5VMO\x04\x03\x02\x01\x09\x00\x00\x00");
        assert_eq!(&bytes[16..25], b"123456789");
        // The check value of this CRC.
        assert_eq!(&bytes[25..], 0xcbf4_3926_u32.to_le_bytes());
    }

    #[test]
    fn frames_are_found_among_noise_however_they_come_in() {
        let mut bytes = b"[    0.1] console \xf5\xf5V\xf5VM".to_vec();
        bytes.extend(frame(1, b"one"));
        bytes.extend(b"\xf5VMO0123456789abcdef");
        bytes.extend(frame(2, b""));
        bytes.extend(frame(3, b"three")[..20].to_vec());
        bytes.extend(frame(4, b"four"));
        for piece in [1, 2, 7, 1000] {
            let frames = found(&bytes, piece);
            assert_eq!(frames.first(), Some(&Ok((1, b"one".to_vec()))), "{piece}");
            assert_eq!(frames.get(1), Some(&Ok((2, Vec::new()))), "{piece}");
            // The cut frame takes the bytes of the next one for its own.
            assert_eq!(frames.get(2), Some(&Err(Found::Damaged)), "{piece}");
        }
    }

    #[test]
    fn changed_and_long_frames_are_told() {
        let mut bytes = frame(1, b"one");
        bytes[17] ^= 1;
        bytes.extend(frame(2, &[0; 65]));
        bytes.extend(frame(3, &[0; 64]));
        assert_eq!(
            found(&bytes, 9),
            [Err(Found::Damaged), Err(Found::TooLong(65)), Ok((3, vec![0; 64]))]
        );
    }

    #[test]
    fn noise_is_counted_and_not_kept() {
        let mut decoder = Decoder::new(64);
        for _ in 0..1000 {
            decoder.take(&[b'x'; 1000]);
            assert_eq!(decoder.next(), None);
        }
        assert_eq!(decoder.noise(), 1_000_000);
        assert!(decoder.bytes.capacity() < 10_000);
    }
}
