//! From programs to text, in the one canonical form of `corpus/GRAMMAR.md`.
//!
//! How a number is written depends on what it means alone: names where the
//! value has them, decimal where something is counted (elements, records,
//! bytes of data and of a load, pages, nanoseconds), hexadecimal elsewhere,
//! and 0 always as `0`.

use std::fmt::{self, Formatter, Write as _};

use vmo_abi::{
    Argument, ArgumentKind, Named, OBJECT_TYPES, ZX_TIME_INFINITE, names_of, status_name,
};

use super::{
    Action, Address, Call, Data, Expected, Field, Handle, Name, Part, Program, Step, StepResult,
    Value,
};

/// The text of programs, with an empty line between them.
///
/// [`parse`](super::parse) reads it back as the same programs, on the
/// conditions that `Program`'s `Display` names.
#[must_use]
pub fn print(programs: &[Program]) -> String {
    let mut text = String::new();
    for (index, program) in programs.iter().enumerate() {
        if index > 0 {
            text.push('\n');
        }
        // A `String` takes everything.
        let _ = write!(text, "{program}");
    }
    text
}

/// The program as text that [`parse`](super::parse) reads back as the same
/// program, if the grammar can express it:
///
/// - its names are well formed, distinct, bound by a step before they are
///   used, and numbered in the order of binding;
/// - the name of the program is not empty; it, the topic and the marks contain
///   no spaces, the marks no commas, and comments no line breaks;
/// - each call has a value of the right kind for each argument, and names for
///   all of its results or for none;
/// - numbers fit their arguments, data and loads have at most
///   [`LONGEST_DATA`](super::LONGEST_DATA) bytes.
///
/// Every program that was parsed is such a program.
impl fmt::Display for Program {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write_comments(f, "", &self.comments)?;
        write!(f, "program {}", self.name)?;
        if !self.topic.is_empty() {
            write!(f, " topic={}", self.topic)?;
        }
        if !self.marks.is_empty() {
            write!(f, " marks={}", self.marks.join(","))?;
        }
        f.write_str("\n")?;
        for step in &self.steps {
            write_comments(f, "  ", &step.comments)?;
            writeln!(f, "  {}", StepText { program: self, step })?;
        }
        write_comments(f, "  ", &self.trailing_comments)
    }
}

impl Program {
    /// The text of one step, without its comments, on one line without its
    /// end.
    ///
    /// # Panics
    ///
    /// There is no step `index`.
    #[must_use]
    pub fn step_text(&self, index: usize) -> String {
        StepText { program: self, step: &self.steps[index] }.to_string()
    }
}

fn write_comments(f: &mut Formatter<'_>, indent: &str, comments: &[String]) -> fmt::Result {
    // A line break within a comment must not make a step of what follows.
    for line in comments.iter().flat_map(|comment| comment.split('\n')) {
        let space = if line.is_empty() { "" } else { " " };
        writeln!(f, "{indent}#{space}{line}")?;
    }
    Ok(())
}

/// Displays a step in the words of its program.
struct StepText<'a> {
    program: &'a Program,
    step: &'a Step,
}

impl fmt::Display for StepText<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match &self.step.action {
            Action::Call(call) => self.write_call(f, call)?,
            Action::Load { address, len } => {
                f.write_str("load(address=")?;
                self.write_address(f, *address)?;
                write!(f, ", len={len})")?;
            }
            Action::Store { address, data } => {
                f.write_str("store(address=")?;
                self.write_address(f, *address)?;
                f.write_str(", data=")?;
                write_data(f, data)?;
                f.write_str(")")?;
            }
            Action::LimitMemory(pages) => {
                f.write_str("limit_memory(pages=")?;
                write_optional(f, *pages)?;
            }
            Action::FailAllocation(nth) => {
                f.write_str("fail_allocation(nth=")?;
                write_optional(f, *nth)?;
            }
        }
        match &self.step.expected {
            Some(expected) => self.write_expected(f, expected),
            None => Ok(()),
        }
    }
}

impl StepText<'_> {
    fn write_call(&self, f: &mut Formatter<'_>, call: &Call) -> fmt::Result {
        for (index, name) in call.results.iter().enumerate() {
            f.write_str(if index == 0 { "" } else { ", " })?;
            self.write_name(f, *name)?;
        }
        f.write_str(if call.results.is_empty() { "" } else { " = " })?;
        write!(f, "{}(", call.syscall.name())?;
        let mut separator = "";
        for (argument, value) in call.syscall.arguments().iter().zip(&call.arguments) {
            if *value != Value::Scratch {
                write!(f, "{separator}{}=", argument.name)?;
                self.write_value(f, argument, value)?;
                separator = ", ";
            }
        }
        f.write_str(")")
    }

    fn write_value(
        &self,
        f: &mut Formatter<'_>,
        argument: &Argument,
        value: &Value,
    ) -> fmt::Result {
        match value {
            Value::Scratch => Ok(()),
            Value::Number(number) => match (argument.kind, names_of(argument.kind)) {
                (_, Some(named)) => write_named(f, named, *number),
                (ArgumentKind::Deadline, _) if *number == ZX_TIME_INFINITE => {
                    f.write_str("infinite")
                }
                (ArgumentKind::Deadline | ArgumentKind::Count, _) => write!(f, "{number}"),
                _ => write_hex(f, *number),
            },
            Value::FromNow(nanoseconds) => write!(f, "now+{nanoseconds}"),
            Value::Handle(handle) => self.write_handle(f, *handle),
            Value::Address(address) => self.write_address(f, *address),
            Value::Data(data) => write_data(f, data),
            Value::Handles(handles) => self.write_handles(f, handles),
            Value::WaitItems(items) => write_list(f, items, |f, (handle, signals)| {
                self.write_handle(f, *handle)?;
                f.write_str(":")?;
                write_kind(f, ArgumentKind::Signals, *signals)
            }),
        }
    }

    fn write_expected(&self, f: &mut Formatter<'_>, expected: &Expected) -> fmt::Result {
        match expected.result {
            StepResult::Fault => f.write_str(" -> FAULT")?,
            StepResult::Status(status) => match status_name(status) {
                Some(name) => write!(f, " -> {name}")?,
                None => write!(f, " -> {status}")?,
            },
        }
        for field in &expected.fields {
            write!(f, " {}=", field.key())?;
            match field {
                Field::Size(number) | Field::RelatedKoid(number) => write_hex(f, *number)?,
                Field::Data(data) | Field::Value(data) => write_data(f, data)?,
                Field::Observed(signals) => write_kind(f, ArgumentKind::Signals, *signals)?,
                Field::Pending(pending) => write_list(f, pending, |f, signals| {
                    write_kind(f, ArgumentKind::Signals, *signals)
                })?,
                Field::Rights(rights) => write_kind(f, ArgumentKind::Rights, *rights)?,
                Field::Type(number) => {
                    write_named(f, Named::Values(OBJECT_TYPES), u64::from(*number))?;
                }
                Field::Props(number) => write_hex(f, u64::from(*number))?,
                Field::KoidSameAs(handle) => self.write_handle(f, *handle)?,
                Field::KoidDiffers(handles) => self.write_handles(f, handles)?,
                Field::Count(count) => write!(f, "{count}")?,
                Field::Actual(count) | Field::Avail(count) => write!(f, "{count}")?,
                Field::AddressIs(address) => self.write_address(f, *address)?,
                Field::Untouched(untouched) => write!(f, "{untouched}")?,
            }
        }
        Ok(())
    }

    fn write_name(&self, f: &mut Formatter<'_>, name: Name) -> fmt::Result {
        match self.program.names.get(name.index()) {
            Some(text) => f.write_str(text),
            // Not to be read back, but a report about a program with this
            // mistake must still come to an end.
            None => write!(f, "?{}", name.index()),
        }
    }

    fn write_handle(&self, f: &mut Formatter<'_>, handle: Handle) -> fmt::Result {
        f.write_str(match handle {
            Handle::Invalid => "invalid",
            Handle::Never => "never",
            Handle::Region => "region",
            Handle::Root => "root",
            Handle::Process => "process",
            Handle::Observed => "observed",
            Handle::Named(name) => return self.write_name(f, name),
            Handle::Literal(value) => return write_hex(f, u64::from(value)),
        })
    }

    fn write_handles(&self, f: &mut Formatter<'_>, handles: &[Handle]) -> fmt::Result {
        write_list(f, handles, |f, handle| self.write_handle(f, *handle))
    }

    fn write_address(&self, f: &mut Formatter<'_>, address: Address) -> fmt::Result {
        let offset = match address {
            Address::Null => return f.write_str("null"),
            Address::Unmapped => return f.write_str("unmapped"),
            Address::ReadOnly => return f.write_str("readonly"),
            Address::Kernel => return f.write_str("kernel"),
            Address::Straddle(bytes) => return write!(f, "straddle:{bytes}"),
            Address::Literal(address) => return write_hex(f, address),
            Address::Region(offset) => {
                f.write_str("region")?;
                offset
            }
            Address::Named(name, offset) => {
                self.write_name(f, name)?;
                offset
            }
        };
        if offset == 0 { Ok(()) } else { write!(f, "+{offset:#x}") }
    }
}

fn write_hex(f: &mut Formatter<'_>, number: u64) -> fmt::Result {
    if number == 0 { f.write_str("0") } else { write!(f, "{number:#x}") }
}

fn write_optional(f: &mut Formatter<'_>, number: Option<u64>) -> fmt::Result {
    match number {
        Some(number) => write!(f, "{number})"),
        None => f.write_str("none)"),
    }
}

/// A number in the names of an argument kind.
fn write_kind(f: &mut Formatter<'_>, kind: ArgumentKind, number: u32) -> fmt::Result {
    match names_of(kind) {
        Some(named) => write_named(f, named, u64::from(number)),
        None => write_hex(f, u64::from(number)),
    }
}

/// A number by its names if they say all of it.
fn write_named(f: &mut Formatter<'_>, named: Named, number: u64) -> fmt::Result {
    let bits = match named {
        Named::Values(values) => {
            return match values.iter().find(|(_, value)| *value == number) {
                Some((name, _)) => f.write_str(name),
                None => write_hex(f, number),
            };
        }
        Named::Bits(bits) => bits,
    };
    let unnamed = bits.iter().fold(number, |rest, (_, bit)| rest & !bit);
    if unnamed != 0 || number == 0 {
        return write_hex(f, number);
    }
    let mut separator = "";
    for (name, _) in bits.iter().filter(|(_, bit)| number & bit == *bit) {
        write!(f, "{separator}{name}")?;
        separator = "|";
    }
    Ok(())
}

fn write_list<T>(
    f: &mut Formatter<'_>,
    items: &[T],
    mut item: impl FnMut(&mut Formatter<'_>, &T) -> fmt::Result,
) -> fmt::Result {
    f.write_str("[")?;
    for (index, value) in items.iter().enumerate() {
        f.write_str(if index == 0 { "" } else { ", " })?;
        item(f, value)?;
    }
    f.write_str("]")
}

fn write_data(f: &mut Formatter<'_>, data: &Data) -> fmt::Result {
    if data.0.is_empty() {
        return f.write_str("none");
    }
    for (index, part) in data.0.iter().enumerate() {
        f.write_str(if index == 0 { "" } else { " + " })?;
        match part {
            Part::Hex(bytes) => {
                f.write_str("hex(")?;
                bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
            }
            Part::Fill(byte, count) => {
                f.write_str("fill(")?;
                write_hex(f, u64::from(*byte))?;
                write!(f, ", {count}")?;
            }
            Part::Seq(first, count) => write!(f, "seq({first}, {count}")?,
        }
        f.write_str(")")?;
    }
    Ok(())
}

impl fmt::Display for Data {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write_data(f, self)
    }
}
