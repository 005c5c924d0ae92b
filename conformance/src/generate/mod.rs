//! Random programs: calls whose arguments come from what the program has made
//! so far and from boundary values.
//!
//! The generator keeps a rough idea of what exists (names, sizes, mappings), so
//! that most calls find something to work on; it knows nothing of what calls
//! answer. The same seed and profile give the same program, always.

mod arbitrary;
mod arguments;
mod mutate;
mod neighbours;
mod refine;
mod world;

use rand::rngs::SmallRng;
use rand::{Rng, RngExt, SeedableRng};
use vmo_abi::{Capabilities, Capability, Syscall};

use crate::program::{Action, Call, Data, MOST_NAMES, Name, Part, Program, Step};
pub use mutate::{crossed, mutated};
use world::World;

/// What programs are made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// The calls that programs may use, with how often each is chosen.
    pub weights: Vec<(Syscall, u32)>,
    /// How often loads and stores are chosen, on the scale of the weights.
    pub accesses: u32,
    /// How often memory is limited or an allocation made to fail.
    pub memory_control: u32,
    /// Steps of a program at least and at most.
    pub steps: (usize, usize),
    /// Of 100 programs so many use just some of the calls (swarm testing).
    pub swarm_percent: u32,
    /// Of 100 sizes and offsets so many are anywhere up to 2^64 instead of near
    /// what is in use.
    pub far_percent: u32,
}

impl Profile {
    /// Every call that a backend offers, the frequent ones more often.
    #[must_use]
    pub fn all(offered: Capabilities) -> Self {
        let weight = |syscall: Syscall| match syscall {
            Syscall::vmo_create => 8,
            Syscall::vmo_clone => 14,
            Syscall::vmo_read | Syscall::vmo_write => 16,
            Syscall::vmo_set_size | Syscall::vmo_op_range => 10,
            Syscall::vmar_map => 12,
            Syscall::handle_close | Syscall::handle_duplicate => 5,
            Syscall::vmo_get_size | Syscall::object_wait_one | Syscall::object_get_info => 6,
            Syscall::vmar_unmap | Syscall::vmar_protect => 4,
            Syscall::object_set_property | Syscall::object_get_property => 4,
            Syscall::object_signal | Syscall::vmar_allocate => 4,
            Syscall::vmo_set_cache_policy => 4,
            // Only several of these in a row come to anything.
            Syscall::channel_create | Syscall::channel_write | Syscall::channel_read => 6,
            _ => 2,
        };
        let is_offered = |syscall: Syscall| offered.contains(syscall.declaration().capability);
        let calls = Syscall::ALL.iter().copied().filter(|syscall| is_offered(*syscall));
        let weights: Vec<_> = calls.map(|syscall| (syscall, weight(syscall))).collect();
        let accesses = if is_offered(Syscall::vmar_map) { 16 } else { 0 };
        Self {
            weights,
            accesses,
            memory_control: 0,
            steps: (4, 32),
            swarm_percent: 30,
            far_percent: 3,
        }
    }

    /// This profile with memory control now and then, if the backend offers it.
    #[must_use]
    pub fn with_memory_control(mut self, offered: Capabilities) -> Self {
        self.memory_control = u32::from(offered.contains(Capability::MemoryControl));
        self
    }

    /// This profile with just these calls, and loads and stores only if
    /// `vmar_map` is among them.
    #[must_use]
    pub fn only(mut self, calls: &[Syscall]) -> Self {
        self.weights.retain(|(syscall, _)| calls.contains(syscall));
        if !calls.contains(&Syscall::vmar_map) {
            self.accesses = 0;
        }
        self
    }

    /// The weights that one program uses: all of them, or in a swarm those of
    /// some calls, always with those that make VMOs.
    fn draw(&self, rng: &mut impl Rng) -> Vec<(Syscall, u32)> {
        if rng.random_range(0..100) >= self.swarm_percent {
            return self.weights.clone();
        }
        let mut keeps = |syscall| syscall == Syscall::vmo_create || rng.random_bool(0.5);
        self.weights.iter().copied().filter(|(syscall, _)| keeps(*syscall)).collect()
    }
}

/// A random program; the same seed and profile give the same one.
#[must_use]
pub fn program(seed: u64, profile: &Profile) -> Program {
    drawn(SmallRng::seed_from_u64(seed), format!("random/{seed:#x}"), profile)
}

/// A program whose every choice is drawn from `rng`.
fn drawn(mut rng: impl Rng, name: String, profile: &Profile) -> Program {
    let weights = profile.draw(&mut rng);
    let steps = rng.random_range(profile.steps.0..=profile.steps.1.max(profile.steps.0));
    let mut generator = Generator::new(rng, name, profile.far_percent);
    for _ in 0..steps {
        let action = generator.action(profile, &weights);
        generator.push(action);
    }
    generator.program
}

struct Generator<R> {
    rng: R,
    world: World,
    program: Program,
    far_percent: u32,
}

impl<R: Rng> Generator<R> {
    fn new(rng: R, name: String, far_percent: u32) -> Self {
        let program = Program { name, ..Program::default() };
        Self { rng, world: World::default(), program, far_percent }
    }

    fn push(&mut self, action: Action) {
        self.program.steps.push(Step { comments: Vec::new(), action, expected: None });
    }

    fn action(&mut self, profile: &Profile, weights: &[(Syscall, u32)]) -> Action {
        // Without a VMO there is little to be done.
        if self.world.vmos.is_empty()
            && self.percent(90)
            && weights.iter().any(|(call, _)| *call == Syscall::vmo_create)
        {
            return self.call(Syscall::vmo_create);
        }
        let calls: u32 = weights.iter().map(|(_, weight)| weight).sum();
        let accesses = if self.world.has_mappings() { profile.accesses } else { 0 };
        let total = (calls + accesses + profile.memory_control).max(1);
        loop {
            let mut chosen = self.rng.random_range(0..total);
            let call = weights.iter().find(|(_, weight)| {
                let is_it = chosen < *weight;
                if !is_it {
                    chosen -= weight;
                }
                is_it
            });
            match call {
                // Rarely while what the call is about is missing.
                Some((syscall, _)) if self.has_object(*syscall) || self.percent(12) => {
                    return self.call(*syscall);
                }
                Some(_) => {}
                None if chosen < accesses => return self.access(),
                None => return self.control(),
            }
        }
    }

    /// Whether what a call is about is probably there.
    fn has_object(&self, syscall: Syscall) -> bool {
        match syscall {
            Syscall::channel_write | Syscall::object_signal_peer => !self.world.channels.is_empty(),
            Syscall::channel_read => !self.world.readable.is_empty(),
            Syscall::vmar_unmap | Syscall::vmar_protect => self.world.has_mappings(),
            Syscall::vmar_destroy => !self.world.regions.is_empty(),
            _ => true,
        }
    }

    fn call(&mut self, syscall: Syscall) -> Action {
        let arguments = self.arguments(syscall);
        let results = self.names(syscall);
        let call = Call { syscall, arguments, results };
        self.world.note(&call);
        Action::Call(call)
    }

    /// New names for what a call produces; none if the program has no room for
    /// more.
    fn names(&mut self, syscall: Syscall) -> Vec<Name> {
        let count = Call::result_count(syscall);
        if self.program.names.len() + count > MOST_NAMES {
            return Vec::new();
        }
        (0..count).map(|_| self.name(syscall)).collect()
    }

    fn name(&mut self, syscall: Syscall) -> Name {
        let prefix = match syscall {
            Syscall::vmar_map => 'm',
            Syscall::vmar_allocate => 'r',
            Syscall::event_create => 'e',
            Syscall::channel_create => 'c',
            Syscall::port_create => 'p',
            _ => 'v',
        };
        let index = self.program.names.len() as u16;
        let mut name = String::with_capacity(6);
        name.push(prefix);
        let mut power = if index < 10 { 1 } else { 10_u16.pow(index.ilog10()) };
        while power != 0 {
            name.push(char::from(b'0' + (index / power % 10) as u8));
            power /= 10;
        }
        self.program.names.push(name);
        Name(index)
    }

    fn access(&mut self) -> Action {
        let address = self.mapped_address();
        if self.rng.random_bool(0.5) {
            let len = *self.choose(&[1, 1, 1, 2, 4, 8, 8, 8, 16, 16, 4096, 5000]);
            Action::Load { address, len }
        } else {
            let len = *self.choose(&[1, 1, 2, 4, 8, 8, 16, 100, 4096, 5000]);
            Action::Store { address, data: Data(vec![Part::Fill(self.byte(), len)]) }
        }
    }

    fn control(&mut self) -> Action {
        match self.rng.random_range(0..4) {
            0 => Action::LimitMemory(None),
            1 => Action::LimitMemory(Some(self.rng.random_range(0..8))),
            2 => Action::FailAllocation(None),
            _ => Action::FailAllocation(Some(self.rng.random_range(1..8))),
        }
    }

    fn choose<'a, T>(&mut self, choices: &'a [T]) -> &'a T {
        &choices[self.rng.random_range(0..choices.len())]
    }

    fn percent(&mut self, percent: u32) -> bool {
        self.rng.random_range(0..100) < percent
    }

    /// A byte to be written, rarely one of those that unwritten memory has.
    fn byte(&mut self) -> u8 {
        if self.percent(4) { 0 } else { self.rng.random() }
    }

    fn any_number(&mut self) -> u64 {
        let bits = self.rng.random_range(0..64);
        self.rng.next_u64() >> bits
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::backends::built_in;
    use crate::program::{parse, print};
    use crate::runner::Runner;

    fn programs() -> impl Iterator<Item = Program> {
        (0..2000).map(|seed| program(seed, &Profile::all(Capabilities::all())))
    }

    #[test]
    fn the_same_seed_gives_the_same_program() {
        assert!(programs().eq(programs()));
    }

    #[test]
    fn random_programs_can_be_written_and_read() {
        for program in programs() {
            let text = print(std::slice::from_ref(&program));
            assert_eq!(parse("random", &text), Ok(vec![program]), "{text}");
        }
    }

    /// A generator whose calls all fail would test nothing.
    #[test]
    fn every_call_succeeds_and_fails_often_enough() {
        let backend = (built_in("reference").expect("it is built in").start)().expect("it starts");
        let mut runner = Runner::new(backend.as_ref()).expect("the arena is large enough");
        let mut counts: BTreeMap<&str, (u32, u32)> = BTreeMap::new();
        for program in programs() {
            let ran = runner.run(&program, |index, outcome, _| {
                let name = match &program.steps[index].action {
                    Action::Call(call) => call.syscall.name(),
                    _ => "load or store",
                };
                let (succeeded, failed) = counts.entry(name).or_default();
                *if outcome.is_ok() { succeeded } else { failed } += 1;
                true
            });
            assert_eq!(ran, Ok(()));
        }
        assert_eq!(counts.len(), Syscall::ALL.len() + 1);
        for (name, (succeeded, failed)) in counts {
            let all = succeeded + failed;
            // A message has to be sent before it can be read.
            let most = if name == "channel_read" { 200 } else { 12 };
            assert!(succeeded * most >= all, "{name}: {succeeded} of {all} succeed");
            assert!(failed * 300 >= all, "{name}: {failed} of {all} fail");
        }
    }
}
