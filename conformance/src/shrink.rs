//! Makes a failing program as short and plain as it can be while it still
//! fails.

use std::collections::BTreeSet;

use vmo_abi::{ArgumentKind, Syscall, ZX_PAGE_SIZE, names_of};

use crate::program::{Action, Address, Call, Data, Handle, Name, Part, Program, Value};

/// Makes a program smaller as long as `fails` says that it still fails in the
/// same way: first by steps, then by arguments, until nothing more can go.
///
/// Expectations are dropped, as they are about the program as it was. A program
/// that does not fail is given back as it is.
pub fn shrink(program: &Program, mut fails: impl FnMut(&Program) -> bool) -> Program {
    let mut best = program.clone();
    for step in &mut best.steps {
        step.expected = None;
    }
    if !fails(&best) {
        return program.clone();
    }
    loop {
        let before = best.clone();
        remove_steps(&mut best, &mut fails);
        simplify_arguments(&mut best, &mut fails);
        if best == before {
            break;
        }
    }
    renamed(&best)
}

/// Removes as many steps as possible, many at a time at first.
fn remove_steps(best: &mut Program, fails: &mut impl FnMut(&Program) -> bool) {
    let mut count = best.steps.len().div_ceil(2);
    while count > 0 {
        // From the end, as what comes after a failure never matters.
        let mut end = best.steps.len();
        while end > 0 {
            let start = end.saturating_sub(count);
            let candidate = without_steps(best, start, end);
            if candidate.steps.len() < best.steps.len() && fails(&candidate) {
                *best = candidate;
                end = start.min(best.steps.len());
            } else {
                end -= 1;
            }
        }
        count /= 2;
    }
}

/// The program without some steps, and without those that use what these had
/// named.
fn without_steps(program: &Program, start: usize, end: usize) -> Program {
    let mut missing = BTreeSet::new();
    let mut kept = Vec::new();
    for (index, step) in program.steps.iter().enumerate() {
        let is_removed = (start..end).contains(&index)
            || names_used(&step.action).iter().any(|name| missing.contains(name));
        if is_removed {
            if let Action::Call(call) = &step.action {
                missing.extend(call.results.iter().copied());
            }
        } else {
            kept.push(step.clone());
        }
    }
    Program { steps: kept, ..program.clone() }
}

fn names_used(action: &Action) -> Vec<Name> {
    let mut names = Vec::new();
    visit_names(&mut action.clone(), &mut |name| names.push(*name));
    names
}

/// Visits every name that an action uses; not those that it binds.
fn visit_names(action: &mut Action, visit: &mut impl FnMut(&mut Name)) {
    let in_handle = |handle: &mut Handle, visit: &mut dyn FnMut(&mut Name)| {
        if let Handle::Named(name) = handle {
            visit(name);
        }
    };
    let in_address = |address: &mut Address, visit: &mut dyn FnMut(&mut Name)| {
        if let Address::Named(name, _) = address {
            visit(name);
        }
    };
    match action {
        Action::Load { address, .. } | Action::Store { address, .. } => in_address(address, visit),
        Action::LimitMemory(_) | Action::FailAllocation(_) => {}
        Action::Call(call) => {
            for value in &mut call.arguments {
                match value {
                    Value::Handle(handle) => in_handle(handle, visit),
                    Value::Address(address) => in_address(address, visit),
                    Value::Handles(handles) => {
                        handles.iter_mut().for_each(|handle| in_handle(handle, visit));
                    }
                    Value::WaitItems(items) => {
                        items.iter_mut().for_each(|(handle, _)| in_handle(handle, visit));
                    }
                    Value::Scratch | Value::Number(_) | Value::FromNow(_) | Value::Data(_) => {}
                }
            }
        }
    }
}

/// Puts plainer values in place of each argument, as far as that goes.
fn simplify_arguments(best: &mut Program, fails: &mut impl FnMut(&Program) -> bool) {
    for index in 0..best.steps.len() {
        loop {
            let candidates = simpler(best, index);
            let better = candidates.into_iter().find_map(|action| {
                let mut candidate = best.clone();
                candidate.steps[index].action = action;
                fails(&candidate).then_some(candidate)
            });
            match better {
                Some(candidate) => *best = candidate,
                None => break,
            }
        }
    }
}

/// Actions that do the same as a step of a program in a plainer way, the
/// plainest first. Each is strictly plainer, so that taking one comes to an end.
fn simpler(program: &Program, index: usize) -> Vec<Action> {
    match &program.steps[index].action {
        Action::Call(call) => simpler_calls(program, index, call),
        Action::Load { address, len } => {
            let lengths = simpler_numbers(*len, 1);
            let shorter = lengths.into_iter().map(|len| Action::Load { address: *address, len });
            let nearer = simpler_addresses(*address);
            shorter
                .chain(nearer.into_iter().map(|address| Action::Load { address, len: *len }))
                .collect()
        }
        Action::Store { address, data } => {
            let shorter = simpler_data(data)
                .into_iter()
                .filter(|data| !data.is_empty())
                .map(|data| Action::Store { address: *address, data });
            let nearer = simpler_addresses(*address);
            let data = data.clone();
            shorter
                .chain(
                    nearer.into_iter().map(|address| Action::Store { address, data: data.clone() }),
                )
                .collect()
        }
        Action::LimitMemory(_) | Action::FailAllocation(_) => Vec::new(),
    }
}

fn simpler_calls(program: &Program, index: usize, call: &Call) -> Vec<Action> {
    let declared = call.syscall.arguments();
    let mut actions = Vec::new();
    for (position, (argument, value)) in declared.iter().zip(&call.arguments).enumerate() {
        for value in simpler_values(program, index, argument.kind, value) {
            let mut simpler = call.clone();
            // A buffer and its length change together.
            if let (Value::Data(data), Some(length)) = (&value, argument.kind.length_argument())
                && let Some(length) = call.syscall.declaration().position(length)
            {
                simpler.arguments[length] = Value::Number(data.len());
            }
            simpler.arguments[position] = value;
            actions.push(Action::Call(simpler));
        }
    }
    actions
}

fn simpler_values(
    program: &Program,
    index: usize,
    kind: ArgumentKind,
    value: &Value,
) -> Vec<Value> {
    match value {
        Value::Number(number) => match names_of(kind) {
            Some(vmo_abi::Named::Bits(_)) => {
                let bits = (0..64).filter(|bit| number & (1 << bit) != 0);
                bits.map(|bit| Value::Number(number & !(1 << bit))).collect()
            }
            Some(vmo_abi::Named::Values(_)) => Vec::new(),
            None => simpler_numbers(*number, 0).into_iter().map(Value::Number).collect(),
        },
        Value::FromNow(_) => vec![Value::Number(0)],
        Value::Handle(Handle::Named(name)) => {
            earlier_names(program, index, *name).into_iter().map(Value::Handle).collect()
        }
        Value::Handle(_) => Vec::new(),
        Value::Address(Address::Named(..) | Address::Region(_))
            if kind == ArgumentKind::Address =>
        {
            let Value::Address(address) = value else { return Vec::new() };
            simpler_addresses(*address).into_iter().map(Value::Address).collect()
        }
        Value::Address(Address::Null) if matches!(kind, ArgumentKind::BytesUnused(_)) => Vec::new(),
        Value::Address(_) if kind.is_pointer() => vec![Value::Scratch],
        Value::Data(data) => simpler_data(data).into_iter().map(Value::Data).collect(),
        Value::Handles(handles) => {
            let shorter = (0..handles.len()).map(|position| {
                let mut handles = handles.clone();
                handles.remove(position);
                Value::Handles(handles)
            });
            shorter.collect()
        }
        Value::Scratch | Value::Address(_) | Value::WaitItems(_) => Vec::new(),
    }
}

/// Handles of the same kind that were named earlier than this one.
fn earlier_names(program: &Program, index: usize, name: Name) -> Vec<Handle> {
    let makes_vmo = |syscall: Syscall| {
        matches!(
            syscall,
            Syscall::vmo_create
                | Syscall::vmo_clone
                | Syscall::handle_duplicate
                | Syscall::handle_replace
                | Syscall::channel_read
        )
    };
    let mut earlier = Vec::new();
    for step in &program.steps[..index] {
        let Action::Call(call) = &step.action else { continue };
        if call.results.contains(&name) {
            return if makes_vmo(call.syscall) { earlier } else { Vec::new() };
        }
        if makes_vmo(call.syscall) {
            earlier.extend(call.results.iter().map(|name| Handle::Named(*name)));
        }
    }
    Vec::new()
}

/// Numbers that are plainer than this one and not below `least`.
fn simpler_numbers(number: u64, least: u64) -> Vec<u64> {
    let page = ZX_PAGE_SIZE;
    let mut numbers = vec![least, 1, page, 2 * page, number / 2 / page * page];
    if !number.is_multiple_of(page) {
        numbers.extend([number / page * page, number / 2]);
    } else {
        numbers.push(number.saturating_sub(page));
    }
    numbers.retain(|simpler| *simpler >= least && plainness(*simpler) < plainness(number));
    numbers.dedup();
    numbers
}

/// Small numbers are plain, and of those of a size whole pages.
fn plainness(number: u64) -> (u64, bool) {
    (number.div_ceil(ZX_PAGE_SIZE), !number.is_multiple_of(ZX_PAGE_SIZE) && number != 1)
}

fn simpler_addresses(address: Address) -> Vec<Address> {
    match address {
        Address::Named(name, offset) => simpler_numbers(offset, 0)
            .into_iter()
            .map(|offset| Address::Named(name, offset))
            .collect(),
        Address::Region(offset) => {
            simpler_numbers(offset, 0).into_iter().map(Address::Region).collect()
        }
        _ => Vec::new(),
    }
}

/// Data that is shorter, or as long and of one byte.
fn simpler_data(data: &Data) -> Vec<Data> {
    let filled = |byte: u8, len: u64| Data(vec![Part::Fill(byte, len)]);
    let len = data.len();
    let mut simpler: Vec<_> =
        simpler_numbers(len, 0).into_iter().map(|len| filled(1, len)).collect();
    if *data != filled(1, len) && len != 0 {
        simpler.push(filled(1, len));
    }
    simpler
}

/// The program with names that are numbered anew, and only those in use.
fn renamed(program: &Program) -> Program {
    let mut program = program.clone();
    let old = std::mem::take(&mut program.names);
    let mut new_of: Vec<Option<Name>> = vec![None; old.len()];
    let mut names: Vec<String> = Vec::new();
    for step in &mut program.steps {
        visit_names(&mut step.action, &mut |name| {
            if let Some(Some(new)) = new_of.get(name.index()) {
                *name = *new;
            }
        });
        let Action::Call(call) = &mut step.action else { continue };
        for result in &mut call.results {
            let prefix = old[result.index()].chars().next().unwrap_or('v');
            let number = names.iter().filter(|name| name.starts_with(prefix)).count();
            names.push(format!("{prefix}{number}"));
            let new = Name((names.len() - 1) as u16);
            new_of[result.index()] = Some(new);
            *result = new;
        }
    }
    program.names = names;
    program
}

#[cfg(test)]
mod tests {
    use vmo_abi::Capabilities;

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
            assert!(shrunk.steps.len() <= 3, "{shrunk}");
            let text = print(std::slice::from_ref(&shrunk));
            assert_eq!(parse("shrunk", &text), Ok(vec![shrunk]), "{text}");
        }
    }
}
