//! The calls that are tried in a state.

use std::collections::HashMap;
use std::rc::Rc;

use vmo_abi::{ArgumentKind, Syscall};

use super::templates::Template;
use super::universe::{Deed, Pick};
use super::world::{Seen, World};
use crate::program::{Action, Address, Call, Handle, Name, Value};

/// A call that makes an object, and what decides whether another one could have
/// been made first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Creation {
    pub(super) template: u32,
    /// The handle it is made from, if it is.
    pub(super) source: Option<Name>,
}

/// A call that is to be tried.
#[derive(Clone, Debug)]
pub(super) struct Planned {
    pub(super) action: Action,
    pub(super) template: u32,
    pub(super) creation: Option<Creation>,
    /// Whether it changes nothing if it succeeds.
    pub(super) observes: bool,
    /// Whether more calls are tried after it, if it changes something.
    pub(super) is_built_upon: bool,
}

impl Planned {
    /// The names that it binds if it succeeds.
    pub(super) fn results(&self) -> &[Name] {
        match &self.action {
            Action::Call(call) => &call.results,
            _ => &[],
        }
    }

    /// Whether it uses a name.
    pub(super) fn uses(&self, name: Name) -> bool {
        let is = |handle: &Handle| *handle == Handle::Named(name);
        match &self.action {
            Action::Call(call) => call.arguments.iter().any(|value| match value {
                Value::Handle(handle) => is(handle),
                Value::Handles(handles) => handles.iter().any(is),
                Value::WaitItems(items) => items.iter().any(|(handle, _)| is(handle)),
                Value::Address(Address::Named(other, _)) => *other == name,
                _ => false,
            }),
            Action::Load { address, .. } | Action::Store { address, .. } => {
                matches!(address, Address::Named(other, _) if *other == name)
            }
            Action::LimitMemory(_) | Action::FailAllocation(_) => false,
        }
    }
}

/// The calls that are tried in a state.
#[derive(Debug)]
pub(super) struct Plan {
    /// All of them.
    pub(super) calls: Vec<Planned>,
    /// Those with at most one odd argument.
    pub(super) plainer: Vec<Planned>,
    /// Those of them that show what the last call did.
    pub(super) looks: Vec<Planned>,
}

/// Makes plans, each once: they depend on nothing but which handles there are.
pub(super) struct Planner {
    templates: Rc<[Template]>,
    plans: HashMap<World, Rc<Plan>>,
}

impl Planner {
    pub(super) fn new(templates: Rc<[Template]>) -> Self {
        Self { templates, plans: HashMap::new() }
    }

    pub(super) fn plan(&mut self, world: World) -> Rc<Plan> {
        if let Some(plan) = self.plans.get(&world) {
            return Rc::clone(plan);
        }
        let mut plan = Plan { calls: Vec::new(), plainer: Vec::new(), looks: Vec::new() };
        for (number, template) in (0..).zip(self.templates.iter()) {
            let before = plan.calls.len();
            expand(template, number, &world, &mut plan.calls);
            if template.odd < 2 {
                plan.plainer.extend_from_slice(&plan.calls[before..]);
            }
            if template.looks {
                plan.looks.extend_from_slice(&plan.calls[before..]);
            }
        }
        let plan = Rc::new(plan);
        self.plans.insert(world, Rc::clone(&plan));
        plan
    }
}

/// Adds a template with each choice of handles.
fn expand(template: &Template, number: u32, world: &World, calls: &mut Vec<Planned>) {
    let mut chosen = Chosen { values: Vec::new(), used: Vec::new() };
    choose(template, number, world, &mut chosen, calls);
}

/// The arguments that are decided, and the handles that they use.
struct Chosen {
    values: Vec<Value>,
    used: Vec<Name>,
}

fn choose(
    template: &Template,
    number: u32,
    world: &World,
    chosen: &mut Chosen,
    calls: &mut Vec<Planned>,
) {
    let Some(pick) = template.picks.get(chosen.values.len()) else {
        calls.push(planned(template, number, world, chosen));
        return;
    };
    for (value, names) in values_of(pick, world, &chosen.used) {
        let used = chosen.used.len();
        chosen.used.extend(names);
        chosen.values.push(value);
        choose(template, number, world, chosen, calls);
        chosen.values.pop();
        chosen.used.truncate(used);
    }
}

/// The handles that a pick stands for after some names were used.
fn handles_of(pick: &Pick, world: &World, used: &[Name]) -> Vec<Handle> {
    let any = |seen: &[Seen]| {
        seen.iter()
            .filter(|seen| seen.after.is_none_or(|after| used.contains(&after)))
            .map(|seen| Handle::Named(seen.name))
            .collect()
    };
    match pick {
        Pick::Vmo => any(&world.vmos),
        Pick::Other => any(&world.others),
        Pick::Region => any(&world.regions),
        Pick::Closed => world.closed.map(Handle::Named).into_iter().collect(),
        Pick::Same => used.first().copied().map(Handle::Named).into_iter().collect(),
        Pick::Value(Value::Handle(handle)) => vec![*handle],
        _ => Vec::new(),
    }
}

/// The values that a pick stands for, with the names that each uses.
fn values_of(pick: &Pick, world: &World, used: &[Name]) -> Vec<(Value, Vec<Name>)> {
    let name_of = |handle: &Handle| match handle {
        Handle::Named(name) => Some(*name),
        _ => None,
    };
    match pick {
        // What it is depends on other arguments.
        Pick::Fitting => vec![(Value::Scratch, Vec::new())],
        Pick::Value(Value::Handle(_))
        | Pick::Vmo
        | Pick::Other
        | Pick::Region
        | Pick::Closed
        | Pick::Same => {
            let handles = handles_of(pick, world, used).into_iter();
            handles
                .map(|handle| (Value::Handle(handle), name_of(&handle).into_iter().collect()))
                .collect()
        }
        Pick::Value(value) => vec![(value.clone(), Vec::new())],
        Pick::Handles(picks) => {
            let lists = lists_of(picks.iter(), world, used).into_iter();
            lists
                .map(|list| {
                    let names = list.iter().filter_map(name_of).collect();
                    (Value::Handles(list), names)
                })
                .collect()
        }
        Pick::Items(items) => {
            let lists = lists_of(items.iter().map(|(pick, _)| pick), world, used).into_iter();
            lists
                .map(|list| {
                    let names = list.iter().filter_map(name_of).collect();
                    let signals = items.iter().map(|(_, signals)| *signals);
                    (Value::WaitItems(list.into_iter().zip(signals).collect()), names)
                })
                .collect()
        }
    }
}

/// Every list of handles with one for each pick.
fn lists_of<'p>(
    picks: impl Iterator<Item = &'p Pick>,
    world: &World,
    used: &[Name],
) -> Vec<Vec<Handle>> {
    picks.fold(vec![Vec::new()], |lists, pick| {
        let longer = |list: Vec<Handle>| {
            let mut used = used.to_vec();
            used.extend(list.iter().filter_map(|handle| match handle {
                Handle::Named(name) => Some(*name),
                _ => None,
            }));
            handles_of(pick, world, &used).into_iter().map(move |handle| {
                let mut list = list.clone();
                list.push(handle);
                list
            })
        };
        lists.into_iter().flat_map(longer).collect()
    })
}

fn planned(template: &Template, number: u32, world: &World, chosen: &Chosen) -> Planned {
    let values = chosen.values.clone();
    let action = match template.deed {
        Deed::Call(syscall) => call(syscall, &template.picks, values, world),
        Deed::Load => Action::Load { address: address(&values), len: number_at(&values, 1) },
        Deed::Store => {
            let data = match &values[1] {
                Value::Data(data) => data.clone(),
                _ => Default::default(),
            };
            Action::Store { address: address(&values), data }
        }
    };
    let creation = creation_of(&action).map(|source| Creation { template: number, source });
    let observes = observes(&action);
    Planned { action, template: number, creation, observes, is_built_upon: template.odd == 0 }
}

fn address(values: &[Value]) -> Address {
    match values[0] {
        Value::Address(address) => address,
        _ => Address::Null,
    }
}

fn number_at(values: &[Value], position: usize) -> u64 {
    match values[position] {
        Value::Number(number) => number,
        _ => 0,
    }
}

fn call(syscall: Syscall, picks: &[Pick], mut arguments: Vec<Value>, world: &World) -> Action {
    for (position, argument) in syscall.arguments().iter().enumerate() {
        let length = argument.kind.length_argument();
        let Some(length) = length.and_then(|name| syscall.declaration().position(name)) else {
            continue;
        };
        if picks[length] == Pick::Fitting {
            let len = match &arguments[position] {
                Value::Data(data) => data.len(),
                Value::Handles(handles) => handles.len() as u64,
                Value::WaitItems(items) => items.len() as u64,
                _ => 0,
            };
            arguments[length] = Value::Number(len);
        }
    }
    let count = Call::result_count(syscall) as u16;
    let results = (world.names..world.names + count).map(Name).collect();
    Action::Call(Call { syscall, arguments, results })
}

/// Whether the call makes an object, and from which handle.
fn creation_of(action: &Action) -> Option<Option<Name>> {
    let Action::Call(call) = action else { return None };
    match call.syscall {
        Syscall::vmo_create
        | Syscall::event_create
        | Syscall::channel_create
        | Syscall::port_create => Some(None),
        Syscall::vmo_clone | Syscall::handle_duplicate => match call.arguments[0] {
            Value::Handle(Handle::Named(name)) => Some(Some(name)),
            _ => None,
        },
        _ => None,
    }
}

/// Whether the action changes nothing if it succeeds: it tells something, and
/// stores it in scratch memory.
fn observes(action: &Action) -> bool {
    let Action::Call(call) = action else { return matches!(action, Action::Load { .. }) };
    let tells = matches!(
        call.syscall,
        Syscall::vmo_read
            | Syscall::vmo_get_size
            | Syscall::object_get_property
            | Syscall::object_get_info
            | Syscall::object_wait_one
            | Syscall::object_wait_many
    );
    let in_scratch =
        call.syscall.arguments().iter().zip(&call.arguments).all(|(argument, value)| {
            !argument.kind.is_output()
                || matches!(argument.kind, ArgumentKind::WaitItems(_))
                || matches!(value, Value::Scratch | Value::Address(Address::Null))
        });
    tells && in_scratch
}
