//! Plainer handles: the original in place of a duplicate, the program's own
//! region in place of a new one, a fresh VMO in place of a clone.

use vmo_abi::{
    ArgumentKind, Syscall, ZX_RIGHT_SAME_RIGHTS, ZX_VM_FLAG_PERM_READ, ZX_VM_FLAG_PERM_WRITE,
};

use super::steps::without_steps;
use super::{Shrinker, visit_uses};
use crate::program::{Action, Address, Call, Handle, Name, Program, Value};

/// Whether a call makes a handle that can stand where a VMO is wanted.
fn makes_vmo(syscall: Syscall) -> bool {
    matches!(
        syscall,
        Syscall::vmo_create
            | Syscall::vmo_clone
            | Syscall::handle_duplicate
            | Syscall::handle_replace
            | Syscall::channel_read
    )
}

impl<F: FnMut(&Program) -> bool> Shrinker<F> {
    /// Uses earlier handles in place of later ones: everywhere at once, so that
    /// what made the later one can go, or at a single place.
    pub(super) fn replace_handles(&mut self) {
        let mut index = self.best.steps.len();
        while index > 0 {
            index -= 1;
            if index >= self.best.steps.len() {
                continue;
            }
            for name in bound_by(&self.best, index) {
                let others = plainer_handles(&self.best, index);
                if others.iter().any(|other| self.take(merged(&self.best, index, name, *other))) {
                    break;
                }
            }
        }
        for index in 0..self.best.steps.len() {
            while single_replacements(&self.best, index)
                .into_iter()
                .any(|action| self.take_action(index, action))
            {}
        }
    }

    /// Puts plainer calls in place of those that make something.
    pub(super) fn simplify_makers(&mut self) {
        for index in 0..self.best.steps.len() {
            while plainer_makers(&self.best, index)
                .into_iter()
                .any(|action| self.take_action(index, action))
            {}
        }
        let mut index = 0;
        while index < self.best.steps.len() {
            if !self.fold_size(index) {
                index += 1;
            }
        }
    }

    /// Makes a VMO of the size that it gets at a step in the first place.
    fn fold_size(&mut self, index: usize) -> bool {
        let Action::Call(Call { syscall: Syscall::vmo_set_size, arguments, .. }) =
            &self.best.steps[index].action
        else {
            return false;
        };
        let (Value::Handle(Handle::Named(name)), size) = (&arguments[0], arguments[1].clone())
        else {
            return false;
        };
        let makes = |action: &Action| match action {
            Action::Call(call) => {
                call.syscall == Syscall::vmo_create && call.results.contains(name)
            }
            _ => false,
        };
        let Some(maker) = self.best.steps[..index].iter().position(|step| makes(&step.action))
        else {
            return false;
        };
        let mut candidate = without_steps(&self.best, |removed| removed == index);
        if let Action::Call(call) = &mut candidate.steps[maker].action {
            call.arguments[0] = size;
        }
        self.take(candidate)
    }
}

fn bound_by(program: &Program, index: usize) -> Vec<Name> {
    match &program.steps[index].action {
        Action::Call(call) => call.results.clone(),
        _ => Vec::new(),
    }
}

/// What could stand for the handle that a step makes.
fn plainer_handles(program: &Program, index: usize) -> Vec<Handle> {
    let Action::Call(call) = &program.steps[index].action else { return Vec::new() };
    if call.syscall == Syscall::vmar_allocate {
        return vec![Handle::Region];
    }
    let mut earlier: Vec<_> = call
        .arguments
        .iter()
        .filter_map(|value| match value {
            // The source of a duplicate before all else.
            Value::Handle(handle) if makes_vmo(call.syscall) => Some(*handle),
            _ => None,
        })
        .collect();
    if makes_vmo(call.syscall) {
        earlier.extend(earlier_vmos(program, index));
    }
    earlier.dedup();
    earlier
}

/// The handles that could be VMOs and were made before a step, the earliest
/// first.
fn earlier_vmos(program: &Program, index: usize) -> Vec<Handle> {
    let calls = program.steps[..index].iter().filter_map(|step| match &step.action {
        Action::Call(call) if makes_vmo(call.syscall) => Some(call),
        _ => None,
    });
    calls.flat_map(|call| call.results.iter().map(|name| Handle::Named(*name))).collect()
}

/// The program without a step, and with another handle in place of one that the
/// step made.
fn merged(program: &Program, index: usize, name: Name, other: Handle) -> Program {
    let mut program = program.clone();
    for step in &mut program.steps[index + 1..] {
        let mut addresses = Vec::new();
        let visit = &mut |handle: &mut Handle| {
            if *handle == Handle::Named(name) {
                *handle = other;
            }
        };
        visit_uses(step, visit, &mut addresses);
        for address in addresses {
            if let (Address::Named(used, offset), Handle::Region) = (*address, other)
                && used == name
            {
                *address = Address::Region(offset);
            }
        }
    }
    without_steps(&program, |removed| removed == index)
}

/// The action of a step with an earlier handle, or the program's own region, in
/// one place.
fn single_replacements(program: &Program, index: usize) -> Vec<Action> {
    let Action::Call(call) = &program.steps[index].action else { return Vec::new() };
    let mut actions = Vec::new();
    for (position, value) in call.arguments.iter().enumerate() {
        if let Value::Address(Address::Named(_, offset)) = value {
            // Often the mapping that is named there does not matter.
            let mut call = call.clone();
            call.arguments[position] = Value::Address(Address::Region(*offset));
            actions.push(Action::Call(call));
        }
        let Value::Handle(Handle::Named(name)) = value else { continue };
        let maker = program.steps[..index].iter().position(
            |step| matches!(&step.action, Action::Call(call) if call.results.contains(name)),
        );
        let Some(maker) = maker else { continue };
        let Action::Call(made_by) = &program.steps[maker].action else { continue };
        let plainer = match made_by.syscall {
            Syscall::vmar_allocate => vec![Handle::Region],
            syscall if makes_vmo(syscall) => earlier_vmos(program, maker),
            _ => Vec::new(),
        };
        for handle in plainer {
            let mut call = call.clone();
            call.arguments[position] = Value::Handle(handle);
            actions.push(Action::Call(call));
        }
    }
    actions
}

/// Calls that make the same kind of thing as a step in a plainer way.
fn plainer_makers(program: &Program, index: usize) -> Vec<Action> {
    let Action::Call(call) = &program.steps[index].action else { return Vec::new() };
    let mut actions = Vec::new();
    let by_argument = |name: &str| {
        let position = call.syscall.declaration().position(name)?;
        Some(call.arguments[position].clone())
    };
    let plain = |syscall: Syscall, size: Value| {
        let arguments = syscall.arguments().iter().map(|argument| match argument.kind {
            ArgumentKind::Size => size.clone(),
            ArgumentKind::HandleOut => Value::Scratch,
            _ => Value::Number(0),
        });
        let results = call.results.clone();
        Action::Call(Call { syscall, arguments: arguments.collect(), results })
    };
    match call.syscall {
        Syscall::vmo_clone => {
            actions.extend(by_argument("size").map(|size| plain(Syscall::vmo_create, size)));
        }
        Syscall::handle_duplicate | Syscall::handle_replace => {
            actions.push(plain(Syscall::vmo_create, Value::Number(0x1000)));
        }
        Syscall::channel_read if call.results.len() == 1 => {
            actions.push(plain(Syscall::vmo_create, Value::Number(0x1000)));
        }
        Syscall::channel_create | Syscall::port_create if call.results.len() == 1 => {
            actions.push(plain(Syscall::event_create, Value::Number(0)));
        }
        _ => {}
    }
    let same_rights = Value::Number(u64::from(ZX_RIGHT_SAME_RIGHTS));
    let read_write = Value::Number(u64::from(ZX_VM_FLAG_PERM_READ | ZX_VM_FLAG_PERM_WRITE));
    let plainest = match call.syscall {
        Syscall::handle_duplicate | Syscall::handle_replace => Some(("rights", same_rights)),
        Syscall::vmar_map => Some(("map_flags", read_write)),
        _ => None,
    };
    if let Some((argument, plainest)) = plainest
        && let Some(position) = call.syscall.declaration().position(argument)
        && is_plainer(&plainest, &call.arguments[position])
    {
        let mut call = call.clone();
        call.arguments[position] = plainest;
        actions.push(Action::Call(call));
    }
    actions
}

/// Whether a value has fewer bits set than another, or as many and others.
fn is_plainer(plain: &Value, value: &Value) -> bool {
    match (plain, value) {
        (Value::Number(plain), Value::Number(number)) => plain.count_ones() < number.count_ones(),
        _ => false,
    }
}
