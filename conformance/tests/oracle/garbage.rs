//! Events that no backend would produce.

use vmo_abi::{MAX_ARGUMENTS, Syscall, ZX_ERR_INVALID_ARGS, ZX_ERR_NO_MEMORY, ZX_OK};

use super::alterations::Random;
use super::captured::{Captured, CapturedCall};

/// Makes events of numbers that have been seen before, boundary values and
/// noise.
pub struct Garbage {
    random: Random,
    seen: Vec<u64>,
}

impl Garbage {
    pub fn new(seed: u64, seen: Vec<u64>) -> Self {
        Self { random: Random(seed | 1), seen }
    }

    fn word(&mut self) -> u64 {
        let word = match self.random.below(8) {
            0 => self.random.next(),
            1 => 1 << self.random.below(64),
            2 => u64::MAX - self.random.below(0x3000),
            3 => self.random.below(0x5000),
            4 => 0x1000 * self.random.below(6),
            5 => self.random.below(6),
            _ => {
                let index = self.random.below(self.seen.len() as u64) as usize;
                self.seen[index].wrapping_add(0x1000 * self.random.below(3) * self.random.below(2))
            }
        };
        if self.random.below(4) == 0 {
            let index = self.random.below(self.seen.len() as u64) as usize;
            self.seen[index] = word;
        }
        word
    }

    fn bytes(&mut self, most: u64) -> Vec<u8> {
        let len = self.random.below(most);
        let byte = self.random.next() as u8;
        (0..len).map(|at| if at % 7 == 0 { byte } else { 0 }).collect()
    }

    pub fn event(&mut self) -> Captured {
        let faulted = self.random.below(3) == 0;
        match self.random.below(12) {
            0 => {
                let bytes = self.bytes(0x2100);
                let (address, len) = (self.word(), bytes.len() as u64);
                Captured::Load { address, len, bytes: (!faulted).then_some(bytes) }
            }
            1 => {
                let bytes = self.bytes(0x2100);
                Captured::Store { address: self.word(), bytes, faulted }
            }
            2 if faulted => Captured::LimitMemory(Some(1)),
            2 => Captured::FailAllocation(None),
            _ => Captured::Call(Box::new(self.call())),
        }
    }

    fn call(&mut self) -> CapturedCall {
        let syscall = Syscall::ALL[self.random.below(Syscall::ALL.len() as u64) as usize];
        let mut registers = [0; MAX_ARGUMENTS];
        let mut words = [None; MAX_ARGUMENTS];
        for index in 0..MAX_ARGUMENTS {
            registers[index] = self.word();
            if self.random.below(2) == 0 {
                words[index] = Some(self.word());
            }
        }
        let status = match self.random.below(8) {
            0 => ZX_ERR_INVALID_ARGS,
            1 => ZX_ERR_NO_MEMORY,
            2 => self.random.next() as i32,
            _ => ZX_OK,
        };
        CapturedCall {
            syscall,
            registers,
            input: self.bytes(64),
            handles: self.bytes(16),
            status,
            words,
            fresh_words: self.random.next() as u8,
            bytes: (self.random.below(2) == 0).then(|| self.bytes(0x1100)),
            pattern: 0xaa,
            untouched: self.random.below(2) == 0,
            overran: self.random.below(9) == 0,
        }
    }
}
