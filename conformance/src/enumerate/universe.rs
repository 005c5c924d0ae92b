//! What programs are made of: a small universe of calls and values.

use std::fmt::{self, Formatter};

use vmo_abi::{ArgumentKind, Capabilities, Capability, Environment, Syscall, zx_signals_t};

use crate::program::{Action, Address, Call, Data, Handle, Program, Step, Value};

/// A set of calls with the values that their arguments take, and the states
/// that programs start from.
///
/// It is a plain value and can be printed.
#[derive(Clone, Debug)]
pub struct Universe {
    /// What it is called on the command line.
    pub name: &'static str,
    /// What it is about, in one sentence.
    pub about: &'static str,
    /// Programs that prepare a state each. Every call of the universe is tried
    /// after each of them.
    pub starts: Vec<Program>,
    /// The calls.
    pub shapes: Vec<Shape>,
}

/// What a call does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deed {
    /// A system call.
    Call(Syscall),
    /// User code loads bytes: its arguments are an address and a length.
    Load,
    /// User code stores bytes: its arguments are an address and data.
    Store,
}

/// A call with the values that its arguments take.
#[derive(Clone, Debug)]
pub struct Shape {
    /// What it does.
    pub deed: Deed,
    /// The values of each argument, in order.
    pub choices: Vec<Choice>,
    /// Most arguments that are odd at once; 2 to see which of two errors comes
    /// first.
    pub odd_at_once: usize,
    /// Whether it is also made after the last call of each program that changed
    /// something, as it shows what that did.
    pub looks: bool,
}

/// The values of an argument.
#[derive(Clone, Debug, Default)]
pub struct Choice {
    /// Values that are tried with all plain values of the other arguments.
    pub plain: Vec<Pick>,
    /// Values that most calls refuse. With one, the other arguments take their
    /// first plain value; handles take all. Calls with an odd value are not built
    /// upon, and those with two are tried only with at most one call before.
    pub odd: Vec<Pick>,
}

/// What an argument is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pick {
    /// Always this.
    Value(Value),
    /// The length of the buffer that the argument belongs to.
    Fitting,
    /// One of the handles to VMOs that are open.
    Vmo,
    /// One of the handles to other objects that are open, regions aside.
    Other,
    /// One of the handles to regions that the program made.
    Region,
    /// A handle that was closed.
    Closed,
    /// The handle that the call has used before.
    Same,
    /// An array of these handles.
    Handles(Vec<Pick>),
    /// Items of a wait, each a handle with the signals waited for.
    Items(Vec<(Pick, zx_signals_t)>),
}

impl Pick {
    /// Whether it stands for any of several handles.
    pub(super) fn is_any_handle(&self) -> bool {
        matches!(self, Self::Vmo | Self::Other | Self::Region)
    }

    /// Whether the backend has the address, if it is one.
    fn exists_in(&self, environment: &Environment) -> bool {
        match self {
            Self::Value(Value::Address(Address::Unmapped)) => environment.bad.unmapped.is_some(),
            Self::Value(Value::Address(Address::ReadOnly)) => environment.bad.read_only.is_some(),
            Self::Value(Value::Address(Address::Kernel)) => environment.bad.kernel.is_some(),
            Self::Value(Value::Handle(Handle::Process)) => environment.process != 0,
            Self::Value(Value::Handle(Handle::Observed)) => environment.observed_process != 0,
            Self::Value(Value::Handle(Handle::Root)) => environment.root_vmar != 0,
            _ => true,
        }
    }
}

impl Shape {
    /// The call with what each of its arguments has to be at least: scratch
    /// memory for pointers, lengths that fit.
    pub(super) fn call(syscall: Syscall) -> Self {
        let plain = |kind: ArgumentKind| match kind {
            ArgumentKind::BytesUnused(_) => vec![Pick::Value(Value::Address(Address::Null))],
            kind if kind.is_pointer() => vec![Pick::Value(Value::Scratch)],
            ArgumentKind::Length | ArgumentKind::Count => vec![Pick::Fitting],
            _ => vec![Pick::Value(Value::Number(0))],
        };
        let choices = syscall
            .arguments()
            .iter()
            .map(|argument| Choice { plain: plain(argument.kind), odd: Vec::new() });
        Self { deed: Deed::Call(syscall), choices: choices.collect(), odd_at_once: 2, looks: false }
    }

    /// Loads from these addresses.
    pub(super) fn load(addresses: Vec<Pick>, lengths: Vec<Pick>) -> Self {
        let choices = [addresses, lengths].map(|plain| Choice { plain, odd: Vec::new() });
        Self { deed: Deed::Load, choices: choices.into(), odd_at_once: 0, looks: false }
    }

    /// Stores to these addresses.
    pub(super) fn store(addresses: Vec<Pick>, data: Vec<Pick>) -> Self {
        Self { deed: Deed::Store, ..Self::load(addresses, data) }
    }

    /// Gives the argument called `name` these values.
    ///
    /// # Panics
    ///
    /// The call has no such argument.
    pub(super) fn with(
        mut self,
        name: &str,
        plain: impl IntoIterator<Item = Pick>,
        odd: impl IntoIterator<Item = Pick>,
    ) -> Self {
        let position = match self.deed {
            Deed::Call(syscall) => syscall.declaration().position(name),
            Deed::Load | Deed::Store => None,
        };
        let position = position.unwrap_or_else(|| panic!("{:?} has no {name}", self.deed));
        self.choices[position] =
            Choice { plain: plain.into_iter().collect(), odd: odd.into_iter().collect() };
        self
    }

    /// The call is made after the last one, too.
    pub(super) fn looking(self) -> Self {
        Self { looks: true, ..self }
    }

    /// At most so many arguments are odd at once.
    pub(super) fn odd_at_once(self, odd_at_once: usize) -> Self {
        Self { odd_at_once, ..self }
    }

    /// What a backend needs to offer for it.
    fn needs(&self) -> Capability {
        match self.deed {
            Deed::Call(syscall) => syscall.declaration().capability,
            Deed::Load | Deed::Store => Capability::Mapping,
        }
    }

    /// Its name: that of the call, or `load` or `store`.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self.deed {
            Deed::Call(syscall) => syscall.name(),
            Deed::Load => "load",
            Deed::Store => "store",
        }
    }

    /// The names of its arguments.
    fn argument_names(&self) -> Vec<&'static str> {
        match self.deed {
            Deed::Call(syscall) => {
                syscall.arguments().iter().map(|argument| argument.name).collect()
            }
            Deed::Load => vec!["address", "len"],
            Deed::Store => vec!["address", "data"],
        }
    }
}

impl Universe {
    /// The part of the universe that a backend offers, and what had to be left
    /// out.
    #[must_use]
    pub fn offered_by(&self, environment: &Environment) -> (Self, Vec<String>) {
        let mut offered = self.clone();
        let mut left_out = Vec::new();
        let has = |needed: Capabilities| {
            needed.iter().all(|needed| environment.capabilities.contains(needed))
        };
        offered.shapes.retain(|shape| {
            let keeps = environment.capabilities.contains(shape.needs());
            if !keeps {
                left_out.push(shape.name().to_owned());
            }
            keeps
        });
        offered.starts.retain(|start| {
            let keeps = has(start.needs());
            if !keeps {
                left_out.push(format!("start {}", start.name));
            }
            keeps
        });
        for shape in &mut offered.shapes {
            for choice in &mut shape.choices {
                choice.plain.retain(|pick| pick.exists_in(environment));
                choice.odd.retain(|pick| pick.exists_in(environment));
            }
        }
        // Without a value for one of its arguments a call cannot be made.
        offered.shapes.retain(|shape| shape.choices.iter().all(|choice| !choice.plain.is_empty()));
        left_out.dedup();
        (offered, left_out)
    }
}

impl fmt::Display for Universe {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "universe {}: {}", self.name, self.about)?;
        for start in &self.starts {
            writeln!(f, "  start {}", start.name)?;
            for step in &start.steps {
                writeln!(f, "    {}", Line(start, step))?;
            }
        }
        for shape in &self.shapes {
            write!(f, "  {}", shape.name())?;
            for (name, choice) in shape.argument_names().iter().zip(&shape.choices) {
                if choice.odd.is_empty() && is_silent(&choice.plain) {
                    continue;
                }
                write!(f, "\n    {name:<14}")?;
                for pick in &choice.plain {
                    write!(f, " {pick}")?;
                }
                if !choice.odd.is_empty() {
                    f.write_str("  odd:")?;
                }
                for pick in &choice.odd {
                    write!(f, " {pick}")?;
                }
            }
            if shape.looks {
                f.write_str("\n    is made after the last call, too")?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}

/// Values that need not be said.
fn is_silent(plain: &[Pick]) -> bool {
    matches!(plain, [Pick::Fitting | Pick::Value(Value::Scratch)])
}

/// A step of a program in one line.
struct Line<'a>(&'a Program, &'a Step);

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let text = Program { steps: vec![self.1.clone()], ..self.0.clone() }.to_string();
        f.write_str(text.lines().last().unwrap_or_default().trim())
    }
}

impl fmt::Display for Pick {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Value(value) => write_value(f, value),
            Self::Fitting => f.write_str("fitting"),
            Self::Vmo => f.write_str("any-vmo"),
            Self::Other => f.write_str("any-other-object"),
            Self::Region => f.write_str("any-region"),
            Self::Closed => f.write_str("closed"),
            Self::Same => f.write_str("same"),
            Self::Handles(picks) => {
                let picks: Vec<_> = picks.iter().map(Self::to_string).collect();
                write!(f, "[{}]", picks.join(", "))
            }
            Self::Items(items) => {
                let items: Vec<_> =
                    items.iter().map(|(pick, signals)| format!("{pick}:{signals:#x}")).collect();
                write!(f, "[{}]", items.join(", "))
            }
        }
    }
}

fn write_value(f: &mut Formatter<'_>, value: &Value) -> fmt::Result {
    match value {
        Value::Scratch => f.write_str("scratch"),
        Value::Number(0) => f.write_str("0"),
        Value::Number(number) => write!(f, "{number:#x}"),
        Value::Data(data) => write!(f, "{}", Bytes(data)),
        other => {
            // The text form of a call shows a value as a person would write it.
            let (syscall, position) = match other {
                Value::Address(_) => (Syscall::vmo_get_size, 1),
                _ => (Syscall::handle_close, 0),
            };
            let mut arguments = vec![Value::Handle(Handle::Invalid), Value::Scratch];
            arguments.truncate(syscall.arguments().len());
            arguments[position] = other.clone();
            let action = Action::Call(Call { syscall, arguments, results: Vec::new() });
            let step = Step { comments: Vec::new(), action, expected: None };
            let text = Line(&Program::default(), &step).to_string();
            let shown = text.rsplit_once('=').map_or("", |(_, value)| value);
            f.write_str(shown.trim_end_matches(')'))
        }
    }
}

struct Bytes<'a>(&'a Data);

impl fmt::Display for Bytes<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let action = Action::Store { address: Address::Null, data: self.0.clone() };
        let step = Step { comments: Vec::new(), action, expected: None };
        let text = Line(&Program::default(), &step).to_string();
        let shown = text.split_once("data=").map_or(text.as_str(), |(_, data)| data);
        f.write_str(shown.strip_suffix(')').unwrap_or(shown))
    }
}
