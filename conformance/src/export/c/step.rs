//! One step of a program in C.

use std::fmt::Write as _;

use vmo_abi::{ArgumentKind, Syscall, ZX_INFO_HANDLE_BASIC, ZX_OK};

use super::super::ExportError;
use super::super::allowed::{Allowed, Check, What};
use super::{clause_constant, is_about_koid, values};
use crate::program::{Action, Address, Call, Data, Handle, Program, StepResult, Value};

/// Bytes that a buffer has at most; a call with a longer one is to refuse it.
const LONGEST_BUFFER: u64 = 3 << 20;
/// Bytes behind a buffer that must stay as they are.
const CANARY: u64 = 16;

pub(super) fn write(
    out: &mut String,
    program: &Program,
    index: usize,
    allowed: &Allowed,
    last: bool,
) -> Result<(), ExportError> {
    let text = bare_text(program, index);
    let _ = writeln!(out, "\n    // {}: {text}", index + 1);
    let quoted = values::string(format!("call {}, {text},", index + 1).as_bytes());
    let mut lines = Lines { program, index, allowed, last, lines: Vec::new() };
    match &program.steps[index].action {
        Action::Call(call) => lines.call(call)?,
        Action::Load { address, len } => lines.load(*address, *len),
        Action::Store { address, data } => lines.store(*address, data),
        Action::LimitMemory(_) => return Err(lines.not_expressible("limits memory")),
        Action::FailAllocation(_) => {
            return Err(lines.not_expressible("makes an allocation fail"));
        }
    }
    if lines.lines.is_empty() {
        let _ =
            writeln!(out, "    // Left out: it may fault, which the program would not survive.");
        return Ok(());
    }
    let _ = writeln!(out, "    step = {quoted};\n    {{");
    for line in lines.lines {
        let _ = writeln!(out, "        {line}");
    }
    out.push_str("    }\n");
    Ok(())
}

/// The text of a step without what is expected of it.
fn bare_text(program: &Program, index: usize) -> String {
    let mut bare = program.clone();
    bare.steps[index].expected = None;
    bare.step_text(index)
}

struct Lines<'a> {
    program: &'a Program,
    index: usize,
    allowed: &'a Allowed,
    /// Whether no step follows.
    last: bool,
    lines: Vec<String>,
}

impl Lines<'_> {
    fn push(&mut self, line: impl Into<String>) {
        self.lines.push(line.into());
    }

    fn not_expressible(&self, what: &'static str) -> ExportError {
        ExportError::NotExpressible { step: self.index + 1, what }
    }

    /// Whether the step may fault, or has to.
    fn may_fault(&self) -> bool {
        self.allowed.usual == StepResult::Fault
            || self.allowed.statuses.as_ref().is_some_and(|statuses| !statuses.contains(&ZX_OK))
    }

    fn load(&mut self, address: Address, len: u64) {
        if self.may_fault() {
            return;
        }
        let len = len.min(LONGEST_BUFFER);
        self.announce_fault();
        self.push(format!("static uint8_t bytes[{}];", len.max(1)));
        let from = values::address(self.program, address);
        self.push(format!("load(bytes, {from}, {len});"));
        for check in &self.allowed.checks {
            if let What::Bytes { offset, bytes } = &check.what {
                let clause = clause_constant(check.clause);
                self.lines.extend(values::expect(&clause, "bytes", *offset, bytes));
            }
        }
    }

    fn store(&mut self, address: Address, data: &Data) {
        if self.may_fault() {
            return;
        }
        self.announce_fault();
        self.push(format!("static uint8_t bytes[{}];", data.len().max(1)));
        self.lines.extend(values::put("bytes", data));
        let to = values::address(self.program, address);
        self.push(format!("store({to}, bytes, {});", data.len()));
    }

    /// What a fault that ends the program would mean.
    fn announce_fault(&mut self) {
        if !self.allowed.clause.is_empty() {
            let clause = clause_constant(self.allowed.clause);
            self.push(format!("printf(\"%s\\n  if it faults: %s\\n\", step, {clause});"));
            self.push("fflush(stdout);");
        }
    }

    fn handle(&self, handle: Handle) -> Result<String, ExportError> {
        values::handle(self.program, handle)
            .ok_or_else(|| self.not_expressible("asks about a process that is watched"))
    }

    fn length_of(&self, call: &Call, kind: ArgumentKind) -> u64 {
        let position =
            kind.length_argument().and_then(|name| call.syscall.declaration().position(name));
        match position.map(|position| &call.arguments[position]) {
            Some(Value::Number(number)) => *number,
            _ => 0,
        }
    }

    fn call(&mut self, call: &Call) -> Result<(), ExportError> {
        let mut arguments = Vec::new();
        let mut places = Vec::new();
        for (position, (argument, value)) in
            call.syscall.arguments().iter().zip(&call.arguments).enumerate()
        {
            let name = argument.name;
            let is_pointer = argument.kind.is_pointer();
            arguments.push(match value {
                Value::Number(number) => values::number(argument.kind, *number),
                Value::FromNow(duration) => {
                    format!("zx_deadline_after({})", values::long(*duration))
                }
                Value::Handle(handle) => self.handle(*handle)?,
                Value::Address(address) => {
                    let number = values::address(self.program, *address);
                    if is_pointer {
                        format!("({})(uintptr_t)({number})", argument.c_type())
                    } else {
                        number
                    }
                }
                Value::Scratch if argument.kind.pointee_size().is_some() => {
                    let kind = argument.c_type().trim_end_matches('*');
                    self.push(format!("{kind} stored_{name};"));
                    self.push(format!("prepare(&stored_{name}, sizeof(stored_{name}));"));
                    if position_is_place(argument.kind) {
                        places.push((format!("&stored_{name}"), format!("sizeof(stored_{name})")));
                    }
                    format!("&stored_{name}")
                }
                _ => {
                    let place = self.buffer(call, position, value)?;
                    if let Some(place) = place {
                        places.push(place);
                    }
                    buffer_name(name)
                }
            });
        }
        let name = call.syscall.name();
        self.push(format!("zx_status_t status = zx_{name}({});", arguments.join(", ")));
        self.status();
        self.bind(call);
        self.checks(call, &places);
        Ok(())
    }

    /// Declares the buffer of an argument; answers with the place and length of
    /// what a failed call leaves alone.
    fn buffer(
        &mut self,
        call: &Call,
        position: usize,
        value: &Value,
    ) -> Result<Option<(String, String)>, ExportError> {
        let argument = &call.syscall.arguments()[position];
        let buffer = buffer_name(argument.name);
        let len = self.length_of(call, argument.kind);
        match (value, argument.kind) {
            (Value::Data(data), _) => {
                let room = data.len().max(len.min(LONGEST_BUFFER)).max(1);
                self.push(format!("static uint8_t {buffer}[{room}];"));
                self.lines.extend(values::put(&buffer, data));
            }
            (Value::Handles(handles), _) => {
                let room = (handles.len() as u64).max(len.min(1024)).max(1);
                self.push(format!("static zx_handle_t {buffer}[{room}];"));
                for (index, handle) in handles.iter().enumerate() {
                    let handle = self.handle(*handle)?;
                    self.push(format!("{buffer}[{index}] = {handle};"));
                }
            }
            (Value::WaitItems(items), _) => {
                let room = (items.len() as u64).max(len.min(1024)).max(1);
                self.push(format!("static zx_wait_item_t {buffer}[{room}];"));
                for (index, (handle, waitfor)) in items.iter().enumerate() {
                    let handle = self.handle(*handle)?;
                    let waitfor = values::number(ArgumentKind::Signals, u64::from(*waitfor));
                    self.push(format!("{buffer}[{index}].handle = {handle};"));
                    self.push(format!("{buffer}[{index}].waitfor = {waitfor};"));
                }
            }
            (_, ArgumentKind::HandlesOut(_)) => {
                self.push(format!("static zx_handle_t {buffer}[{}];", len.clamp(1, 1024)));
                self.push(format!("prepare({buffer}, sizeof({buffer}));"));
                return Ok(Some((buffer.clone(), format!("sizeof({buffer})"))));
            }
            (_, kind) => {
                let len = len.min(LONGEST_BUFFER);
                self.push(format!("static uint8_t {buffer}[{}];", len + CANARY));
                if matches!(kind, ArgumentKind::BytesOut(_)) {
                    self.push(format!("prepare({buffer}, sizeof({buffer}));"));
                    if call.syscall != Syscall::vmo_read {
                        return Ok(Some((buffer, len.to_string())));
                    }
                }
            }
        }
        Ok(None)
    }

    fn status(&mut self) {
        let allowed = match &self.allowed.statuses {
            Some(statuses) => {
                let names: Vec<_> = statuses.iter().map(|status| values::status(*status)).collect();
                let (list, count) = (names.join(", "), names.len());
                self.push(format!("const zx_status_t allowed[] = {{{list}}};"));
                let clause = clause_constant(self.allowed.clause);
                self.push(format!("expect_status({clause}, status, allowed, {count});"));
                count
            }
            None => usize::MAX,
        };
        let has_more = !self.last || !self.allowed.checks.is_empty();
        match self.allowed.usual {
            StepResult::Status(usual) if allowed > 1 && has_more => {
                self.push(format!("if (status != {})", values::status(usual)));
                self.push("    inconclusive();");
            }
            _ => self.push("(void)status;"),
        }
    }

    /// Binds the names of the call, if it succeeded.
    fn bind(&mut self, call: &Call) {
        if self.allowed.usual != StepResult::Status(ZX_OK) {
            return;
        }
        let mut names = call.results.iter();
        let mut last = None;
        for (index, argument) in call.syscall.arguments().iter().enumerate() {
            let is_address = argument.kind == ArgumentKind::AddressOut;
            let is_handle =
                matches!(argument.kind, ArgumentKind::HandleOut | ArgumentKind::HandlesOut(_));
            if !(is_address || is_handle) || !self.allowed.stored[index] {
                continue;
            }
            let name = if is_handle {
                last = names.next();
                last
            } else {
                last.or_else(|| names.next())
            };
            let Some(name) = name else { continue };
            let mut target = values::identifier(self.program, *name);
            if is_address {
                target.push_str("_address");
            }
            match &call.arguments[index] {
                Value::Address(address) => {
                    let from = values::address(self.program, *address);
                    self.push(format!("load(&{target}, {from}, sizeof({target}));"));
                }
                _ if matches!(argument.kind, ArgumentKind::HandlesOut(_)) => {
                    self.push(format!("{target} = {}[0];", buffer_name(argument.name)));
                }
                _ => self.push(format!("{target} = stored_{};", argument.name)),
            }
        }
        if call.syscall == Syscall::object_get_info
            && call.arguments[1] == Value::Number(u64::from(ZX_INFO_HANDLE_BASIC))
            && matches!(call.arguments[2], Value::Scratch)
            && self.length_of(call, call.syscall.arguments()[2].kind) >= 32
        {
            self.push(format!("memcpy(&koid_{}, buffer_buffer, 8);", self.index + 1));
        }
    }

    fn checks(&mut self, call: &Call, places: &[(String, String)]) {
        let allowed = self.allowed;
        for check in &allowed.checks {
            let clause = clause_constant(check.clause);
            if is_about_koid(check) && !matches!(call.arguments[2], Value::Scratch) {
                continue;
            }
            let lines = self.check(call, check, &clause, places);
            self.lines.extend(lines);
        }
    }

    fn check(
        &self,
        call: &Call,
        check: &Check,
        clause: &str,
        places: &[(String, String)],
    ) -> Vec<String> {
        let declared = call.syscall.arguments();
        let stored = |argument: usize| {
            let name = declared[argument].name;
            match (&call.arguments[argument], declared[argument].kind) {
                (Value::Scratch, ArgumentKind::HandlesOut(_)) => {
                    Some(format!("{}[0]", buffer_name(name)))
                }
                (Value::Scratch, _) => Some(format!("stored_{name}")),
                // What was stored at an address of the program's own is not
                // looked at again.
                _ => None,
            }
        };
        let what = |argument: usize| values::string(declared[argument].name.as_bytes());
        let koid = self.index + 1;
        let bytes = || {
            let position = declared
                .iter()
                .position(|argument| matches!(argument.kind, ArgumentKind::BytesOut(_)))?;
            Some((position, buffer_name(declared[position].name)))
        };
        match &check.what {
            What::Word { argument, mask, value } => stored(*argument).map(|stored| {
                let (mask, value) = (values::long(*mask), values::long(*value));
                let what = what(*argument);
                vec![format!("expect_number({clause}, {what}, {stored}, {mask}, {value});")]
            }),
            What::NotZero { argument } => stored(*argument).map(|stored| {
                vec![format!("expect_other({clause}, {}, {stored}, 0);", what(*argument))]
            }),
            What::OtherHandle { argument, than } => stored(*argument).map(|stored| {
                let than = values::identifier(self.program, *than);
                vec![format!("expect_other({clause}, {}, {stored}, {than});", what(*argument))]
            }),
            What::AddressIs { argument, base, offset } => stored(*argument).map(|stored| {
                let base = values::address(self.program, *base);
                let (what, offset) = (what(*argument), values::long(*offset));
                vec![format!(
                    "expect_number({clause}, {what}, {stored}, UINT64_MAX, {base} + {offset});"
                )]
            }),
            What::Bytes { offset, bytes: expected } => {
                bytes().map(|(_, buffer)| values::expect(clause, &buffer, *offset, expected))
            }
            What::Pending { item, mask, value } => Some(vec![format!(
                "expect_number({clause}, \"pending\", buffer_items[{item}].pending, {mask:#x}u, \
                 {value:#x}u);"
            )]),
            What::SameKoid { step } => Some(vec![format!(
                "expect_number({clause}, \"koid\", koid_{koid}, UINT64_MAX, koid_{});",
                step + 1
            )]),
            What::OtherKoid { step } => Some(vec![format!(
                "expect_other({clause}, \"koid\", koid_{koid}, koid_{});",
                step + 1
            )]),
            What::Untouched => Some(
                places
                    .iter()
                    .map(|(place, len)| format!("expect_untouched({clause}, {place}, {len});"))
                    .collect(),
            ),
            What::NotOverrun => bytes().and_then(|(position, buffer)| {
                let len = self.length_of(call, declared[position].kind);
                (len < LONGEST_BUFFER).then(|| {
                    vec![format!("expect_fill({clause}, {buffer}, {len}, 0xaa, {CANARY});")]
                })
            }),
        }
        .unwrap_or_default()
    }
}

/// Whether a failed call has to leave the place alone. How many records there
/// are is a result even of a call that fails.
fn position_is_place(kind: ArgumentKind) -> bool {
    !matches!(kind, ArgumentKind::CountOut | ArgumentKind::Count32Out)
}

fn buffer_name(argument: &str) -> String {
    format!("buffer_{argument}")
}
