//! Two rings of bytes in memory that two processes or machines share.
//!
//! The layout is that of the chapter on shared memory in `PROTOCOL.md`. Each
//! ring has one side that puts bytes in and one that takes them out.

#![allow(unsafe_code)]

use std::fs::{File, OpenOptions};
use std::io;
use std::path::Path;
use std::ptr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use memmap2::{MmapOptions, MmapRaw};

/// What the memory begins with once the tester has set it up.
const MAGIC: u32 = u32::from_le_bytes(*b"VMOS");
const VERSION: u32 = 1;
/// Where the rings begin.
const HEADER: usize = 4096;
/// Bytes of each ring, where the file does not have a length yet.
const CAPACITY: usize = 1 << 17;

/// Offsets of the words in the header.
mod word {
    pub(super) const MAGIC: usize = 0;
    pub(super) const VERSION: usize = 4;
    pub(super) const CAPACITY: usize = 8;
    pub(super) const GENERATION: usize = 12;
    pub(super) const ACKNOWLEDGED: usize = 16;
    pub(super) const TO_AGENT_PUT: usize = 64;
    pub(super) const TO_AGENT_TAKEN: usize = 128;
    pub(super) const TO_TESTER_PUT: usize = 192;
    pub(super) const TO_TESTER_TAKEN: usize = 256;
}

/// Which side of the rings one is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Tester,
    Agent,
}

/// One side of the rings.
#[derive(Debug)]
pub struct Rings {
    memory: MmapRaw,
    /// Bytes of each ring, a power of two.
    capacity: usize,
    side: Side,
    /// The generation that the agent has taken note of.
    generation: u32,
    /// How long nothing has come.
    idle: u32,
}

impl Rings {
    /// The tester's side of a file that an agent or an emulator has made. The
    /// agent is yet to take note: see [`is_acknowledged`](Self::is_acknowledged).
    ///
    /// # Errors
    ///
    /// The file cannot be mapped, or has less than 12 KiB.
    pub fn of_tester(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().read(true).write(true).open(path)?;
        let mut rings = Self::map(&file, Side::Tester)?;
        let before = rings.word(word::GENERATION).load(Ordering::Acquire);
        // An agent that is in the middle of something must see a change.
        let time = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        let salt = time.map_or(1, |time| time.subsec_nanos()) | 1;
        rings.generation = before.wrapping_add(salt).max(1);
        rings.word(word::MAGIC).store(0, Ordering::Release);
        let counts = [word::TO_AGENT_PUT, word::TO_AGENT_TAKEN];
        for count in counts.into_iter().chain([word::TO_TESTER_PUT, word::TO_TESTER_TAKEN]) {
            rings.word(count).store(0, Ordering::Relaxed);
        }
        rings.word(word::VERSION).store(VERSION, Ordering::Relaxed);
        rings.word(word::CAPACITY).store(rings.capacity as u32, Ordering::Relaxed);
        rings.word(word::GENERATION).store(rings.generation, Ordering::Release);
        rings.word(word::MAGIC).store(MAGIC, Ordering::Release);
        Ok(rings)
    }

    /// The agent's side of a file that a tester has set up or will do so. It is
    /// made if it does not exist.
    ///
    /// # Errors
    ///
    /// The file cannot be made or mapped, or has less than 12 KiB.
    pub fn of_agent(path: &Path) -> io::Result<Self> {
        let file =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
        if file.metadata()?.len() == 0 {
            file.set_len((HEADER + 2 * CAPACITY) as u64)?;
        }
        Self::map(&file, Side::Agent)
    }

    fn map(file: &File, side: Side) -> io::Result<Self> {
        let len = usize::try_from(file.metadata()?.len()).unwrap_or(usize::MAX);
        let room = len.saturating_sub(HEADER) / 2;
        if room < HEADER {
            let reason = format!("{len} bytes are too few to be shared, at least 12288 are needed");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, reason));
        }
        let capacity = 1 << room.min(1 << 30).ilog2();
        let memory = MmapOptions::new().len(HEADER + 2 * capacity).map_raw(file)?;
        Ok(Self { memory, capacity, side, generation: 0, idle: 0 })
    }

    fn word(&self, offset: usize) -> &AtomicU32 {
        // SAFETY: the offset is that of an aligned word in the header, which is
        // mapped as long as `self` lives. The other side may change it at any
        // time, which an atomic allows for.
        unsafe { AtomicU32::from_ptr(self.memory.as_mut_ptr().add(offset).cast()) }
    }

    /// Whether the agent has taken note of the tester.
    #[must_use]
    pub fn is_acknowledged(&self) -> bool {
        self.word(word::ACKNOWLEDGED).load(Ordering::Acquire) == self.generation
    }

    /// Takes note of a tester that has begun anew; the agent does so before it
    /// uses the rings. Answers whether there is a tester.
    fn take_note(&mut self) -> bool {
        if self.word(word::MAGIC).load(Ordering::Acquire) != MAGIC {
            return false;
        }
        let generation = self.word(word::GENERATION).load(Ordering::Acquire);
        if generation != self.generation {
            let capacity = self.word(word::CAPACITY).load(Ordering::Relaxed) as usize;
            if capacity > self.capacity || !capacity.is_power_of_two() {
                return false;
            }
            self.capacity = capacity;
            self.generation = generation;
            self.word(word::TO_AGENT_TAKEN).store(0, Ordering::Relaxed);
            self.word(word::TO_TESTER_PUT).store(0, Ordering::Relaxed);
            self.word(word::ACKNOWLEDGED).store(generation, Ordering::Release);
        }
        true
    }

    /// Puts as many of the bytes into the ring to the other side as it has room
    /// for, and answers with their number.
    pub fn put(&mut self, bytes: &[u8]) -> usize {
        if self.side == Side::Agent && !self.take_note() {
            return 0;
        }
        let (put, taken, base) = match self.side {
            Side::Tester => (word::TO_AGENT_PUT, word::TO_AGENT_TAKEN, HEADER),
            Side::Agent => (word::TO_TESTER_PUT, word::TO_TESTER_TAKEN, HEADER + self.capacity),
        };
        let count = self.word(put).load(Ordering::Relaxed);
        let used = count.wrapping_sub(self.word(taken).load(Ordering::Acquire)) as usize;
        let len = bytes.len().min(self.capacity.saturating_sub(used));
        let at = count as usize & (self.capacity - 1);
        let first = len.min(self.capacity - at);
        // SAFETY: both parts lie within the ring, which is mapped. The other
        // side may read them meanwhile against the protocol, which harms nobody
        // here.
        unsafe {
            let ring = self.memory.as_mut_ptr().add(base);
            ptr::copy_nonoverlapping(bytes.as_ptr(), ring.add(at), first);
            ptr::copy_nonoverlapping(bytes.as_ptr().add(first), ring, len - first);
        }
        self.word(put).store(count.wrapping_add(len as u32), Ordering::Release);
        len
    }

    /// Takes bytes out of the ring from the other side, and answers with their
    /// number.
    pub fn take(&mut self, bytes: &mut [u8]) -> usize {
        if self.side == Side::Agent && !self.take_note() {
            return 0;
        }
        let (put, taken, base) = match self.side {
            Side::Tester => (word::TO_TESTER_PUT, word::TO_TESTER_TAKEN, HEADER + self.capacity),
            Side::Agent => (word::TO_AGENT_PUT, word::TO_AGENT_TAKEN, HEADER),
        };
        let count = self.word(taken).load(Ordering::Relaxed);
        let there = self.word(put).load(Ordering::Acquire).wrapping_sub(count) as usize;
        let len = bytes.len().min(there).min(self.capacity);
        let at = count as usize & (self.capacity - 1);
        let first = len.min(self.capacity - at);
        // SAFETY: both parts lie within the ring, which is mapped. If the other
        // side writes there meanwhile, against the protocol, some of the bytes
        // are arbitrary; what they mean is checked by whoever takes them.
        unsafe {
            let ring = self.memory.as_mut_ptr().add(base);
            ptr::copy_nonoverlapping(ring.add(at), bytes.as_mut_ptr(), first);
            ptr::copy_nonoverlapping(ring, bytes.as_mut_ptr().add(first), len - first);
        }
        self.word(taken).store(count.wrapping_add(len as u32), Ordering::Release);
        len
    }

    /// Takes bytes as [`take`](Self::take) does, and waits for them until then;
    /// 0 if none came.
    pub fn take_until(&mut self, bytes: &mut [u8], deadline: Instant) -> usize {
        loop {
            let len = self.take(bytes);
            if len != 0 {
                self.idle = 0;
                return len;
            }
            self.pause();
            // Looking at the clock takes longer than looking at the ring.
            if self.idle.is_multiple_of(64) && Instant::now() >= deadline {
                return 0;
            }
        }
    }

    /// Lets some time pass, more the longer nothing has come: an answer mostly
    /// comes within microseconds.
    pub fn pause(&mut self) {
        self.idle = self.idle.saturating_add(1);
        match self.idle {
            0..2_000 => std::hint::spin_loop(),
            2_000..20_000 => std::thread::yield_now(),
            _ => std::thread::sleep(Duration::from_micros(200)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(20)
    }

    #[test]
    fn bytes_come_out_as_they_went_in() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("shared");
        std::fs::write(&path, vec![0; 3 * HEADER]).expect("a file");
        let mut tester = Rings::of_tester(&path).expect("the tester's side");
        assert!(!tester.is_acknowledged());
        let echo = std::thread::spawn({
            let path = path.clone();
            move || {
                let mut agent = Rings::of_agent(&path).expect("the agent's side");
                let mut bytes = [0; 999];
                let mut left = 1_000_000;
                while left != 0 {
                    let len = agent.take_until(&mut bytes, soon());
                    assert_ne!(len, 0);
                    left -= len;
                    let mut done = 0;
                    while done < len {
                        done += agent.put(&bytes[done..len]);
                    }
                }
            }
        });
        let sent: Vec<u8> = (0..1_000_000_u32).map(|n| ((n * 7) >> 3) as u8).collect();
        let (mut put, mut got, mut buffer) = (0, Vec::new(), [0; 5000]);
        while got.len() < sent.len() {
            put += tester.put(&sent[put..]);
            let len = tester.take_until(&mut buffer, soon());
            assert_ne!(len, 0);
            got.extend_from_slice(&buffer[..len]);
        }
        assert!(got == sent && tester.is_acknowledged());
        echo.join().expect("no assertion failed");
    }

    #[test]
    fn a_tester_that_begins_anew_finds_empty_rings() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("shared");
        let mut agent = Rings::of_agent(&path).expect("the agent's side");
        let mut first = Rings::of_tester(&path).expect("the tester's side");
        let mut bytes = [0; 16];
        assert_eq!(first.put(b"first"), 5);
        assert_eq!(agent.take(&mut bytes), 5);
        assert_eq!(agent.put(b"late"), 4);
        let mut second = Rings::of_tester(&path).expect("the tester's side");
        assert!(!second.is_acknowledged());
        assert_eq!((second.take(&mut bytes), agent.take(&mut bytes)), (0, 0));
        assert!(second.is_acknowledged());
        assert_eq!(second.put(b"two"), 3);
        assert_eq!(agent.take(&mut bytes), 3);
    }

    #[test]
    fn small_files_are_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("shared");
        std::fs::write(&path, vec![0; 3 * HEADER - 1]).expect("a file");
        assert!(Rings::of_tester(&path).is_err());
        assert!(Rings::of_tester(&folder.path().join("none")).is_err());
        assert!(Rings::of_agent(&folder.path().join("none/none")).is_err());
    }
}
