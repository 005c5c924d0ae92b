//! A small source of numbers that look random and are the same in every run.

/// Xorshift, 64 bits.
pub struct Random(u64);

impl Random {
    /// Numbers that depend on `seed` alone.
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// The next number.
    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// A number below `bound`, which is not 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        (self.next() >> 16) % bound
    }

    /// True once in `n` times.
    pub fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    /// One of the values.
    pub fn pick<T: Copy>(&mut self, values: &[T]) -> T {
        values[self.below(values.len() as u64) as usize]
    }

    /// A number of at most `bits` bits, often one at an edge.
    pub fn number(&mut self, bits: u32) -> u64 {
        let max = u64::MAX >> (64 - bits);
        let number = match self.below(4) {
            0 => self.below(4),
            1 => max - self.below(4),
            2 => 1 << self.below(u64::from(bits)),
            _ => self.next(),
        };
        number & max
    }
}
