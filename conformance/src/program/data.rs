//! Bytes in a notation that stays short when they are many.

/// Most bytes of one piece of data in a program.
pub const LONGEST_DATA: u64 = 1 << 22;

/// A sequence of bytes, written as parts that are joined.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Data(pub Vec<Part>);

/// A part of [`Data`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// `hex(4142)`: these bytes.
    Hex(Vec<u8>),
    /// `fill(0xab, 16)`: a byte so many times.
    Fill(u8, u64),
    /// `seq(3, 16)`: so many bytes, byte i being (first + i) mod 251.
    Seq(u8, u64),
}

/// Shortest run that [`Data::from_bytes`] writes as a part of its own.
const SHORTEST_RUN: usize = 8;

impl Part {
    /// Bytes of the part.
    #[must_use]
    #[allow(clippy::len_without_is_empty)]
    pub fn len(&self) -> u64 {
        match self {
            Self::Hex(bytes) => bytes.len() as u64,
            Self::Fill(_, len) | Self::Seq(_, len) => *len,
        }
    }
}

/// Byte `index` of a sequence that starts with `first`.
fn seq_byte(first: u8, index: u64) -> u8 {
    ((u64::from(first) + index) % 251) as u8
}

impl Data {
    /// Bytes in all.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.0.iter().map(Part::len).fold(0, u64::saturating_add)
    }

    /// Whether there are no bytes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Appends the bytes to `out`.
    pub fn write_to(&self, out: &mut Vec<u8>) {
        for part in &self.0 {
            match part {
                Part::Hex(bytes) => out.extend_from_slice(bytes),
                Part::Fill(byte, len) => out.resize(out.len() + *len as usize, *byte),
                Part::Seq(first, len) => {
                    let mut byte = seq_byte(*first, 0);
                    out.extend((0..*len).map(|_| {
                        let next = if byte == 250 { 0 } else { byte + 1 };
                        std::mem::replace(&mut byte, next)
                    }));
                }
            }
        }
    }

    /// The bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.len() as usize);
        self.write_to(&mut bytes);
        bytes
    }

    /// Whether the data is just these bytes, however it is cut into parts.
    #[must_use]
    pub fn matches(&self, bytes: &[u8]) -> bool {
        let mut rest = bytes;
        for part in &self.0 {
            let Some((head, tail)) =
                usize::try_from(part.len()).ok().and_then(|len| rest.split_at_checked(len))
            else {
                return false;
            };
            let same = match part {
                Part::Hex(bytes) => head == bytes,
                Part::Fill(byte, _) => is_fill(head, *byte),
                Part::Seq(first, _) => is_seq(head, *first),
            };
            if !same {
                return false;
            }
            rest = tail;
        }
        rest.is_empty()
    }

    /// Writes bytes in a short notation.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Self {
        let mut parts = Vec::new();
        let mut hex = Vec::new();
        let mut rest = bytes;
        while let Some(&first) = rest.first() {
            let fill = rest.iter().take_while(|byte| **byte == first).count();
            let seq =
                (0u64..).zip(rest).take_while(|(i, byte)| **byte == seq_byte(first, *i)).count();
            let run = fill.max(seq);
            if run < SHORTEST_RUN {
                hex.push(first);
                rest = &rest[1..];
                continue;
            }
            if !hex.is_empty() {
                parts.push(Part::Hex(std::mem::take(&mut hex)));
            }
            parts.push(if fill >= seq {
                Part::Fill(first, fill as u64)
            } else {
                Part::Seq(first, seq as u64)
            });
            rest = &rest[run..];
        }
        if !hex.is_empty() {
            parts.push(Part::Hex(hex));
        }
        Self(parts)
    }
}

/// Whether every byte is `byte`; compares in blocks, as recordings are mostly fill.
fn is_fill(bytes: &[u8], byte: u8) -> bool {
    let block = [byte; 64];
    let mut chunks = bytes.chunks_exact(block.len());
    chunks.by_ref().all(|chunk| chunk == block) && chunks.remainder().iter().all(|b| *b == byte)
}

fn is_seq(bytes: &[u8], first: u8) -> bool {
    let mut expected = seq_byte(first, 0);
    bytes.iter().all(|byte| {
        let same = *byte == expected;
        expected = if expected == 250 { 0 } else { expected + 1 };
        same
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn from_bytes_and_back() {
        let mut bytes = vec![0; 4096];
        bytes.extend((0..600u64).map(|i| seq_byte(23, i)));
        bytes.extend([1, 2, 4, 8, 16]);
        bytes.extend([255; 9]);
        let data = Data::from_bytes(&bytes);
        assert_eq!(data.0.len(), 4);
        assert_eq!(data.to_bytes(), bytes);
        assert!(data.matches(&bytes));
        bytes.push(0);
        assert!(!data.matches(&bytes));
        assert!(!data.matches(&bytes[..100]));
    }

    #[test]
    fn sequences_wrap_at_251() {
        let data = Data(vec![Part::Seq(249, 4)]);
        assert_eq!(data.to_bytes(), [249, 250, 0, 1]);
        assert!(data.matches(&[249, 250, 0, 1]));
        assert!(!data.matches(&[249, 250, 251, 1]));
    }

    #[test]
    fn every_byte_of_a_fill_counts() {
        let data = Data(vec![Part::Fill(7, 200)]);
        for wrong in 0..200 {
            let mut bytes = [7; 200];
            assert!(data.matches(&bytes));
            bytes[wrong] = 8;
            assert!(!data.matches(&bytes), "byte {wrong}");
        }
    }
}
