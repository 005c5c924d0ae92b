//! Programs from bytes: the same generator, whose choices are the bytes.

use std::convert::Infallible;

use arbitrary::{Arbitrary, Result, Unstructured};
use rand::TryRng;
use vmo_abi::{Capabilities, Syscall};

use super::{Generator, Profile, drawn};
use crate::program::{Action, Call, Program};

/// Takes what should be random from bytes, and zeros when there are none left.
struct Choices<'u, 'a>(&'u mut Unstructured<'a>);

impl Choices<'_, '_> {
    fn take<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        // Never fails, as it goes on with zeros.
        let _ = self.0.fill_buffer(&mut bytes);
        bytes
    }
}

impl TryRng for Choices<'_, '_> {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> std::result::Result<u32, Infallible> {
        Ok(u32::from_le_bytes(self.take()))
    }

    fn try_next_u64(&mut self) -> std::result::Result<u64, Infallible> {
        Ok(u64::from_le_bytes(self.take()))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> std::result::Result<(), Infallible> {
        let _ = self.0.fill_buffer(bytes);
        Ok(())
    }
}

/// A program of any calls of the contract, about objects that its earlier calls
/// have probably made.
///
/// Any bytes give a program that can be printed and parsed. One for a backend
/// that does not offer everything is made by [`program`](super::program).
impl Arbitrary<'_> for Program {
    fn arbitrary(bytes: &mut Unstructured<'_>) -> Result<Self> {
        let profile = Profile::all(Capabilities::all());
        Ok(drawn(Choices(bytes), "arbitrary".to_owned(), &profile))
    }
}

/// A call that stands alone: nothing is made before it, and its results have no
/// names.
impl Arbitrary<'_> for Call {
    fn arbitrary(bytes: &mut Unstructured<'_>) -> Result<Self> {
        let syscall = *bytes.choose(Syscall::ALL)?;
        let far_percent = Profile::all(Capabilities::all()).far_percent;
        let mut generator = Generator::new(Choices(bytes), String::new(), far_percent);
        let arguments = generator.arguments(syscall);
        Ok(Self { syscall, arguments, results: Vec::new() })
    }
}

/// A step that stands alone, as the [`Call`] or access that it is.
impl Arbitrary<'_> for Action {
    fn arbitrary(bytes: &mut Unstructured<'_>) -> Result<Self> {
        let is_access = bytes.ratio(1, 8)?;
        if is_access {
            let mut generator = Generator::new(Choices(bytes), String::new(), 0);
            return Ok(generator.access());
        }
        Call::arbitrary(bytes).map(Action::Call)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use rand::rngs::SmallRng;
    use rand::{Rng, SeedableRng};

    use super::*;
    use crate::program::{Step, parse, print};

    fn bytes(seed: u64, len: usize) -> Vec<u8> {
        let mut bytes = vec![0; len];
        SmallRng::seed_from_u64(seed).fill_bytes(&mut bytes);
        bytes
    }

    fn is_read_again(program: Program) {
        let text = print(std::slice::from_ref(&program));
        assert_eq!(parse("arbitrary", &text), Ok(vec![program]), "{text}");
    }

    #[test]
    fn any_bytes_make_programs() {
        let mut calls = HashSet::new();
        for seed in 0..1000 {
            let bytes = bytes(seed, (seed * 7 % 3000) as usize);
            let made = || Program::arbitrary(&mut Unstructured::new(&bytes));
            let program = made().expect("any bytes will do");
            assert_eq!(made(), Ok(program.clone()));
            for step in &program.steps {
                if let Action::Call(call) = &step.action {
                    calls.insert(call.syscall);
                }
            }
            is_read_again(program);
        }
        assert_eq!(calls.len(), Syscall::ALL.len());
    }

    #[test]
    fn any_bytes_make_steps() {
        for seed in 0..1000 {
            let bytes = bytes(seed, (seed % 200) as usize);
            let action = Action::arbitrary(&mut Unstructured::new(&bytes));
            let action = action.expect("any bytes will do");
            let step = Step { comments: Vec::new(), action, expected: None };
            is_read_again(Program {
                name: "step".to_owned(),
                steps: vec![step],
                ..Program::default()
            });
        }
    }

    /// The generator is the same: random choices written down as bytes make the
    /// program that they make directly.
    #[test]
    fn bytes_and_random_numbers_make_the_same_programs() {
        let profile = Profile::all(Capabilities::all());
        for seed in 0..100 {
            let mut recorded = Recorder { rng: SmallRng::seed_from_u64(seed), bytes: Vec::new() };
            let direct = drawn(&mut recorded, "arbitrary".to_owned(), &profile);
            let again = Program::arbitrary(&mut Unstructured::new(&recorded.bytes));
            assert_eq!(again, Ok(direct));
        }
    }

    /// Writes down what was random.
    struct Recorder {
        rng: SmallRng,
        bytes: Vec<u8>,
    }

    impl TryRng for Recorder {
        type Error = Infallible;

        fn try_next_u32(&mut self) -> std::result::Result<u32, Infallible> {
            let number = self.rng.next_u32();
            self.bytes.extend(number.to_le_bytes());
            Ok(number)
        }

        fn try_next_u64(&mut self) -> std::result::Result<u64, Infallible> {
            let number = self.rng.next_u64();
            self.bytes.extend(number.to_le_bytes());
            Ok(number)
        }

        fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> std::result::Result<(), Infallible> {
            self.rng.fill_bytes(bytes);
            self.bytes.extend_from_slice(bytes);
            Ok(())
        }
    }
}
