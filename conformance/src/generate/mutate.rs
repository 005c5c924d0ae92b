//! Programs made of other programs.
//!
//! What is to become of each step is decided first. Then the new program is
//! built from its first step to its last, beside the generator's idea of what
//! exists by then: names are bound anew, and a step that uses what is no longer
//! made uses something else that is there. So nothing that is done to the steps
//! can make a program that is not one.

use rand::rngs::SmallRng;
use rand::{Rng, RngExt, SeedableRng};
use vmo_abi::{Argument, ArgumentKind, Syscall};

use super::{Generator, Profile};
use crate::program::{Action, Address, Call, Handle, Name, Program, Value};

/// A program grows to at most so many times the steps that its profile allows.
const GROWTH: usize = 2;
/// Steps of a crossed program at most, if its parents do not have more.
const MOST_CROSSED_STEPS: usize = 40;
/// Longest wait that is kept, in nanoseconds: nobody may be left to end it.
const LONGEST_WAIT: u64 = 1000;
const FAR_PERCENT: u32 = 3;

/// A program near another one: steps are inserted, removed, duplicated,
/// swapped or replaced, single arguments changed to neighbours, handles let
/// mean other objects.
///
/// Inserted calls are those of `profile`, and no program grows to more than
/// twice the steps it allows. Expectations and comments are about the program
/// as it was, and are dropped. The same program, seed and profile give the same
/// program.
#[must_use]
pub fn mutated(program: &Program, seed: u64, profile: &Profile) -> Program {
    let mut builder = Builder::new(seed, "mutated", profile.far_percent);
    let mut script: Vec<_> = program.steps.iter().map(|step| Item::keep(&step.action)).collect();
    for _ in 0..*builder.generator.choose(&[1, 1, 1, 2, 2, 3, 5]) {
        builder.generator.edit(&mut script);
    }
    script.truncate(profile.steps.1.max(1) * GROWTH);
    for item in script {
        match item {
            Item::Copied(action, change) => builder.copy(action, change),
            Item::New => {
                let action = builder.generator.action(profile, &profile.weights);
                builder.generator.push(action);
            }
        }
    }
    builder.generator.program
}

/// The first steps of one program followed by the last steps of another, whose
/// handles mean what the first have made.
///
/// Expectations and comments are dropped. The same programs and seed give the
/// same program.
#[must_use]
pub fn crossed(one: &Program, other: &Program, seed: u64) -> Program {
    let mut builder = Builder::new(seed, "crossed", FAR_PERCENT);
    let most = MOST_CROSSED_STEPS.max(one.steps.len()).max(other.steps.len());
    let head = builder.generator.rng.random_range(0..=one.steps.len());
    let tail = builder.generator.rng.random_range(0..=other.steps.len());
    for step in &one.steps[..head] {
        builder.copy(&step.action, None);
    }
    builder.renamed.clear();
    for step in other.steps[tail..].iter().take(most - head) {
        builder.copy(&step.action, None);
    }
    builder.generator.program
}

/// What a step of the new program is made of.
#[derive(Clone, Copy)]
enum Item<'p> {
    Copied(&'p Action, Option<Change>),
    New,
}

impl<'p> Item<'p> {
    fn keep(action: &'p Action) -> Self {
        Self::Copied(action, None)
    }
}

/// What changes in a step that is copied.
#[derive(Clone, Copy)]
enum Change {
    /// One argument, to a neighbour.
    Argument,
    /// One handle.
    Handle,
    /// Every argument.
    All,
}

impl<R: Rng> Generator<R> {
    /// Changes in one way what a program is made of.
    fn edit(&mut self, script: &mut Vec<Item<'_>>) {
        let count = script.len();
        let place = self.rng.random_range(0..=count);
        let kind = if place == count { 0 } else { self.rng.random_range(0..100) };
        let some = *self.choose(&[1, 1, 1, 2, 3]);
        match kind {
            0..25 => drop(script.splice(place..place, std::iter::repeat_n(Item::New, some))),
            25..40 => drop(script.drain(place..(place + some).min(count))),
            40..50 => {
                let copied = script[place..(place + some).min(count)].to_vec();
                let target = self.rng.random_range(place + 1..=count);
                drop(script.splice(target..target, copied));
            }
            50..58 => {
                let other = self.rng.random_range(0..count);
                script.swap(place, other);
            }
            58..97 => {
                let change = match kind {
                    58..85 => Change::Argument,
                    85..93 => Change::Handle,
                    _ => Change::All,
                };
                if let Item::Copied(_, changed) = &mut script[place] {
                    *changed = Some(change);
                }
            }
            _ => script[place..].fill(Item::New),
        }
    }
}

/// Builds a program out of steps of others.
struct Builder {
    generator: Generator<SmallRng>,
    /// What the names of the program that is copied from now mean, by index.
    renamed: Vec<Option<Handle>>,
}

impl Builder {
    fn new(seed: u64, kind: &str, far_percent: u32) -> Self {
        let rng = SmallRng::seed_from_u64(seed);
        let generator = Generator::new(rng, format!("{kind}/{seed:#x}"), far_percent);
        Self { generator, renamed: Vec::new() }
    }

    fn meaning(&mut self, name: Name) -> &mut Option<Handle> {
        if self.renamed.len() <= name.index() {
            self.renamed.resize(name.index() + 1, None);
        }
        &mut self.renamed[name.index()]
    }

    fn copy(&mut self, action: &Action, change: Option<Change>) {
        let action = match action {
            Action::Call(call) => self.call(call, change),
            Action::Load { address, len } => {
                let load = Action::Load { address: self.address(*address), len: *len };
                self.other(load, change)
            }
            Action::Store { address, data } => {
                let address = self.address(*address);
                self.other(Action::Store { address, data: data.clone() }, change)
            }
            Action::LimitMemory(_) | Action::FailAllocation(_) => {
                self.other(action.clone(), change)
            }
        };
        self.generator.push(action);
    }

    fn other(&mut self, action: Action, change: Option<Change>) -> Action {
        if change.is_some() { self.generator.change_other(&action) } else { action }
    }

    fn call(&mut self, call: &Call, change: Option<Change>) -> Action {
        let syscall = call.syscall;
        let declared = syscall.arguments().iter().zip(&call.arguments);
        let mut values: Vec<_> =
            declared.map(|(argument, value)| self.value(syscall, argument, value)).collect();
        let generator = &mut self.generator;
        match change {
            None => {}
            Some(Change::Argument) => generator.change_argument(syscall, &mut values),
            Some(Change::Handle) => generator.retarget(syscall, &mut values),
            Some(Change::All) => values = generator.arguments(syscall),
        }
        if change.is_some() {
            generator.fit_lengths(syscall, &mut values);
        }
        // Calls with no names for their results get no names.
        let has_names = !call.results.is_empty();
        let results = if has_names { generator.names(syscall) } else { Vec::new() };
        for (old, new) in call.results.iter().zip(&results) {
            *self.meaning(*old) = Some(Handle::Named(*new));
        }
        let call = Call { syscall, arguments: values, results };
        self.generator.world.note(&call);
        Action::Call(call)
    }

    /// A value of the program that is copied from, in the new program's words.
    fn value(&mut self, syscall: Syscall, argument: &Argument, value: &Value) -> Value {
        match value {
            Value::Number(deadline) if argument.kind == ArgumentKind::Deadline => {
                Value::Number((*deadline).min(LONGEST_WAIT))
            }
            Value::FromNow(wait) => Value::FromNow((*wait).min(LONGEST_WAIT)),
            Value::Handle(handle) => Value::Handle(self.handle(syscall, argument.name, *handle)),
            Value::Address(address) => Value::Address(self.address(*address)),
            Value::Handles(handles) => {
                let renamed = |handle: &Handle| self.handle(syscall, "handle", *handle);
                Value::Handles(handles.iter().map(renamed).collect())
            }
            Value::WaitItems(items) => {
                let renamed = |(handle, signals): &(Handle, u32)| {
                    (self.handle(syscall, "handle", *handle), *signals)
                };
                Value::WaitItems(items.iter().map(renamed).collect())
            }
            Value::Scratch | Value::Number(_) | Value::Data(_) => value.clone(),
        }
    }

    fn handle(&mut self, syscall: Syscall, argument: &str, handle: Handle) -> Handle {
        let Handle::Named(name) = handle else { return handle };
        // All steps that used what is not there use the same thing instead.
        let known = *self.meaning(name);
        let handle = known.unwrap_or_else(|| self.generator.handle(syscall, argument));
        // But not one that every program has: another step may close it.
        if !matches!(handle, Handle::Root | Handle::Process | Handle::Observed) {
            *self.meaning(name) = Some(handle);
        }
        handle
    }

    fn address(&mut self, address: Address) -> Address {
        let Address::Named(name, offset) = address else { return address };
        let known = *self.meaning(name);
        let meaning = known.unwrap_or_else(|| match self.generator.mapped_address() {
            Address::Named(name, _) => Handle::Named(name),
            _ => Handle::Region,
        });
        match *self.meaning(name).insert(meaning) {
            Handle::Named(name) => Address::Named(name, offset),
            _ => Address::Region(offset),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use vmo_abi::Capabilities;

    use super::*;
    use crate::backends::built_in;
    use crate::generate::program;
    use crate::program::{parse, parse_bytes, print};
    use crate::runner::Runner;

    fn profile() -> Profile {
        Profile::all(Capabilities::all())
    }

    /// Chains of mutations of random programs, crossed with each other now and
    /// then.
    fn offspring(count: u64) -> impl Iterator<Item = Program> {
        let profile = profile();
        let mut current = program(0, &profile);
        (0..count).map(move |seed| {
            current = match seed % 16 {
                0 => program(seed, &profile),
                7 => crossed(&current, &program(seed, &profile), seed),
                _ => mutated(&current, seed, &profile),
            };
            current.clone()
        })
    }

    /// What a program has to be to be written and read again.
    fn is_read_again(program: &Program) {
        let text = print(std::slice::from_ref(program));
        assert_eq!(parse("mutated", &text).as_deref(), Ok(std::slice::from_ref(program)), "{text}");
    }

    #[test]
    fn the_same_seed_gives_the_same_program() {
        assert!(offspring(1000).eq(offspring(1000)));
    }

    #[test]
    fn programs_can_be_written_read_and_run() {
        let backend = (built_in("reference").expect("it is built in").start)().expect("it starts");
        let mut runner = Runner::new(backend.as_ref()).expect("the arena is large enough");
        let (mut calls, mut succeeded) = (0, 0);
        for program in offspring(10_000) {
            is_read_again(&program);
            let ran = runner.run(&program, |_, outcome, _| {
                calls += 1;
                succeeded += u64::from(outcome.is_ok());
                true
            });
            assert_eq!(ran, Ok(()), "{program}");
        }
        // Programs whose calls all fail would test nothing.
        assert!(succeeded * 2 >= calls, "{succeeded} of {calls} succeed");
    }

    #[test]
    fn recorded_programs_can_be_mutated() {
        let backend = (built_in("reference").expect("it is built in").start)().expect("it starts");
        let mut runner = Runner::new(backend.as_ref()).expect("the arena is large enough");
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../corpus/golden");
        let mut recorded = Vec::new();
        for file in ["boundary-clone.vmo", "boundary-handles.vmo", "boundary-map.vmo"] {
            let bytes = std::fs::read(folder.join(file)).expect("the recording can be read");
            recorded.extend(parse_bytes(file, &bytes).expect("it is programs"));
        }
        let pairs = recorded.iter().zip(recorded.iter().skip(1));
        for (seed, (program, other)) in (0..).zip(pairs) {
            for made in [mutated(program, seed, &profile()), crossed(program, other, seed)] {
                is_read_again(&made);
                assert_eq!(runner.run(&made, |_, _, _| true), Ok(()), "{made}");
            }
        }
    }

    #[test]
    fn programs_stay_bounded() {
        let profile = profile();
        let mut current = program(1, &profile);
        for seed in 0..2000 {
            current = mutated(&current, seed, &profile);
            assert!(current.steps.len() <= profile.steps.1 * GROWTH);
        }
    }

    /// Each way of changing programs comes up, and few changes change nothing.
    #[test]
    fn programs_change_in_every_way() {
        let profile = profile();
        let source = program(3, &profile);
        let actions = |program: &Program| -> Vec<_> {
            (0..program.steps.len()).map(|index| program.step_text(index)).collect()
        };
        let mut lengths = HashSet::new();
        let (mut same, mut one_changed) = (0, 0);
        for seed in 0..1000 {
            let made = mutated(&source, seed, &profile);
            let (before, after) = (actions(&source), actions(&made));
            lengths.insert(after.len() as i64 - before.len() as i64);
            let differing = before.iter().zip(&after).filter(|(one, other)| one != other).count();
            same += u32::from(before == after);
            one_changed += u32::from(before.len() == after.len() && differing == 1);
        }
        assert!((-3..=3).all(|change| lengths.contains(&change)), "{lengths:?}");
        assert!(same < 150, "{same} of 1000 programs are as they were");
        assert!(one_changed > 100, "{one_changed} of 1000 programs have one changed step");
    }

    #[test]
    fn nothing_can_be_mutated() {
        let nothing = Program::default();
        assert!(!mutated(&nothing, 1, &profile()).steps.is_empty());
        assert!(crossed(&nothing, &nothing, 1).steps.is_empty());
    }
}
