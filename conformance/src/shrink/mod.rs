//! Makes a failing program as short and plain as it can be while it still
//! fails.
//!
//! It is deterministic: the same program and the same answers give the same
//! result. Candidates are tried one after the other, [`MOST_CANDIDATES`] at
//! most.

mod handles;
mod steps;
mod values;

use crate::program::{Action, Address, Expected, Field, Handle, Name, Program, Step, Value};

/// Candidates that are tried at most for one program.
pub const MOST_CANDIDATES: usize = 20_000;

/// Makes a program smaller as long as `fails` says that it still fails in the
/// same way: first by steps, then by arguments, until nothing more can go.
///
/// Expectations are dropped, as they are about the program as it was. A program
/// that does not fail is given back as it is.
pub fn shrink(program: &Program, fails: impl FnMut(&Program) -> bool) -> Program {
    shrink_steps(program, |_| false, fails)
}

/// As [`shrink`], but what is expected of the last step stays: for a program
/// that fails just by that. Whoever judges has to see to it that the
/// expectation is still right.
pub fn shrink_to_expectation(program: &Program, fails: impl FnMut(&Program) -> bool) -> Program {
    let last = program.steps.len().saturating_sub(1);
    shrink_steps(program, |index| index == last, fails)
}

fn shrink_steps(
    program: &Program,
    keeps_expectation: impl Fn(usize) -> bool,
    fails: impl FnMut(&Program) -> bool,
) -> Program {
    let mut best = program.clone();
    for (index, step) in best.steps.iter_mut().enumerate() {
        if !keeps_expectation(index) {
            step.expected = None;
        }
    }
    let mut shrinker = Shrinker { best, fails, left: MOST_CANDIDATES };
    let start = shrinker.best.clone();
    if !(shrinker.fails)(&start) {
        return program.clone();
    }
    loop {
        let before = shrinker.best.clone();
        shrinker.remove_steps();
        shrinker.replace_handles();
        shrinker.simplify_makers();
        shrinker.simplify_values();
        if shrinker.best == before {
            // Dearer, so only once nothing else helps.
            shrinker.remove_pairs();
        }
        if shrinker.best == before || shrinker.left == 0 {
            break;
        }
    }
    renamed(&shrinker.best)
}

/// The best program so far.
struct Shrinker<F> {
    best: Program,
    fails: F,
    /// Candidates that may still be tried.
    left: usize,
}

impl<F: FnMut(&Program) -> bool> Shrinker<F> {
    /// Takes a candidate if it still fails.
    fn take(&mut self, candidate: Program) -> bool {
        if self.left == 0 {
            return false;
        }
        self.left -= 1;
        let fails = (self.fails)(&candidate);
        if fails {
            self.best = candidate;
        }
        fails
    }

    /// Puts an action in the place of a step's, if the program still fails.
    fn take_action(&mut self, index: usize, action: Action) -> bool {
        let mut candidate = self.best.clone();
        candidate.steps[index].action = action;
        self.take(candidate)
    }
}

fn names_used(step: &Step) -> Vec<Name> {
    let mut names = Vec::new();
    visit_names(&mut step.clone(), &mut |name| names.push(*name));
    names
}

/// Visits every name that a step uses; not those that it binds.
fn visit_names(step: &mut Step, visit: &mut dyn FnMut(&mut Name)) {
    visit_uses(
        step,
        &mut |handle| {
            if let Handle::Named(name) = handle {
                visit(name);
            }
        },
        &mut Vec::new(),
    );
    let mut addresses = Vec::new();
    visit_uses(step, &mut |_| {}, &mut addresses);
    for address in addresses {
        if let Address::Named(name, _) = address {
            visit(name);
        }
    }
}

/// Visits every handle that a step uses, and gathers the addresses.
fn visit_uses<'s>(
    step: &'s mut Step,
    visit: &mut dyn FnMut(&mut Handle),
    addresses: &mut Vec<&'s mut Address>,
) {
    match &mut step.action {
        Action::Load { address, .. } | Action::Store { address, .. } => addresses.push(address),
        Action::LimitMemory(_) | Action::FailAllocation(_) => {}
        Action::Call(call) => {
            for value in &mut call.arguments {
                match value {
                    Value::Handle(handle) => visit(handle),
                    Value::Address(address) => addresses.push(address),
                    Value::Handles(handles) => handles.iter_mut().for_each(&mut *visit),
                    Value::WaitItems(items) => {
                        items.iter_mut().for_each(|(handle, _)| visit(handle));
                    }
                    Value::Scratch | Value::Number(_) | Value::FromNow(_) | Value::Data(_) => {}
                }
            }
        }
    }
    let Some(Expected { fields, .. }) = &mut step.expected else { return };
    for field in fields {
        match field {
            Field::KoidSameAs(handle) => visit(handle),
            Field::KoidDiffers(handles) => handles.iter_mut().for_each(&mut *visit),
            Field::AddressIs(address) => addresses.push(address),
            _ => {}
        }
    }
}

/// The program with names that are numbered anew, and only those in use.
fn renamed(program: &Program) -> Program {
    let mut program = program.clone();
    let old = std::mem::take(&mut program.names);
    let mut new_of: Vec<Option<Name>> = vec![None; old.len()];
    let mut names: Vec<String> = Vec::new();
    for step in &mut program.steps {
        if let Action::Call(call) = &mut step.action {
            for result in &mut call.results {
                let prefix = old[result.index()].chars().next().unwrap_or('v');
                let number = names.iter().filter(|name| name.starts_with(prefix)).count();
                names.push(format!("{prefix}{number}"));
                let new = Name((names.len() - 1) as u16);
                new_of[result.index()] = Some(new);
                *result = new;
            }
        }
        // What is expected of a step may use its own names.
        visit_names(step, &mut |name| {
            if let Some(Some(new)) = new_of.get(name.index()) {
                *name = *new;
            }
        });
    }
    program.names = names;
    program
}

#[cfg(test)]
mod tests {
    use vmo_abi::{Capabilities, Syscall};

    use super::*;
    use crate::generate::{self, Profile};
    use crate::program::{parse, print};

    fn parsed(text: &str) -> Program {
        parse("test", text).expect("the text is a program").remove(0)
    }

    /// Fails if some handle is read after a write through another one.
    fn writes_and_reads(program: &Program) -> bool {
        let calls = |wanted| {
            program.steps.iter().position(
                |step| matches!(&step.action, Action::Call(call) if call.syscall == wanted),
            )
        };
        match (calls(Syscall::vmo_write), calls(Syscall::vmo_read)) {
            (Some(write), Some(read)) => write < read,
            _ => false,
        }
    }

    #[test]
    fn nothing_that_does_not_matter_is_left() {
        let program = parsed(
            "program x\n  e0 = event_create(options=0)\n  v0 = vmo_create(size=0x5001, options=0)\n  \
             v1 = vmo_clone(handle=v0, options=COPY_ON_WRITE, offset=0x1000, size=0x3000)\n  \
             vmo_write(handle=v1, buffer=seq(3, 300), offset=0x234, buffer_size=300) -> OK\n  \
             handle_close(handle=e0)\n  \
             vmo_read(handle=v1, offset=0x2345, buffer_size=0x77)\n  handle_close(handle=v0)\n",
        );
        let expected = "program x\n  v0 = vmo_create(size=0, options=0)\n  \
             vmo_write(handle=v0, buffer=none, offset=0, buffer_size=0)\n  \
             vmo_read(handle=v0, offset=0, buffer_size=0)\n";
        let shrunk = shrink(&program, writes_and_reads);
        let text = print(std::slice::from_ref(&shrunk));
        assert_eq!(text.replace("fill(0x1, 0)", "none"), expected);
    }

    #[test]
    fn a_program_that_does_not_fail_is_given_back() {
        let program = parsed("program x\n  v0 = vmo_create(size=1, options=0) -> OK\n");
        assert_eq!(shrink(&program, |_| false), program);
    }

    #[test]
    fn shrunken_programs_can_be_written_and_read() {
        let profile = Profile::all(Capabilities::all());
        let found = (0..500).map(|seed| generate::program(seed, &profile)).filter(writes_and_reads);
        for program in found {
            let shrunk = shrink(&program, writes_and_reads);
            assert!(writes_and_reads(&shrunk));
            // A channel takes a step of its own.
            assert!(shrunk.steps.len() <= 4, "{shrunk}");
            let text = print(std::slice::from_ref(&shrunk));
            assert_eq!(parse("shrunk", &text), Ok(vec![shrunk]), "{text}");
        }
    }
}
