//! From recordings of a real kernel to programs.
//!
//! The recordings are JSON lines, one program a line. The conversion is exact
//! or fails: every key has to be understood in its place, so that no recorded
//! result is lost.

mod keys;

use serde_json::Value as Json;
use vmo_abi::{
    Argument, ArgumentKind, Syscall, ZX_INFO_HANDLE_BASIC, ZX_INFO_HANDLE_COUNT,
    ZX_INFO_HANDLE_VALID, ZX_INFO_NONE, ZX_OK, ZX_PROP_NAME, ZX_VMO_CLONE_COPY_ON_WRITE,
    status_from_name,
};

use super::error::{Failure, Position, SyntaxError, quote};
use super::names::{Names, address_from_word, handle_from_word};
use super::{
    Action, Address, Call, Data, Expected, Field, Handle, LONGEST_DATA, Part, Program, Step,
    StepResult, Value,
};
use keys::{Keys, Mismatch, Result, string, u8_number, u32_hex, u64_hex, u64_number};

/// Converts recorded programs: JSON lines, one program a line.
///
/// What a recording leaves out is filled in: default arguments, and scratch
/// memory for every pointer that it doesn't mention.
///
/// # Errors
///
/// A line is not JSON or not a recorded program, or has anything in it that
/// would be lost. The error names the line, and the step where there is one.
pub fn parse_golden(
    source_name: &str,
    text: &str,
) -> std::result::Result<Vec<Program>, SyntaxError> {
    let mut programs = Vec::new();
    for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let error = |column, expected: String, found: String| {
            let position = Position { line: index + 1, column };
            SyntaxError::new(source_name, position, *Failure::new(0, expected, found))
        };
        let json: Json = serde_json::from_str(line)
            .map_err(|wrong| error(wrong.column().max(1), "JSON".to_owned(), wrong.to_string()))?;
        let program =
            program(&json).map_err(|Mismatch { expected, found }| error(1, expected, found))?;
        programs.push(program);
    }
    Ok(programs)
}

fn program(json: &Json) -> Result<Program> {
    let mut keys = Keys::of(json)?;
    let mut program = Program {
        name: word(keys.require("id")?)?,
        topic: word(keys.require("topic")?)?,
        ..Program::default()
    };
    if let Some(marks) = keys.take("marks") {
        program.marks = list(marks)?.iter().map(word).collect::<Result<_>>()?;
        if program.marks.iter().any(|mark| mark.contains(',')) {
            return Err(Mismatch::new("marks without commas", marks));
        }
    }
    let steps = list(keys.require("steps")?)?;
    keys.finish()?;
    let mut names = Names::default();
    for (index, json) in steps.iter().enumerate() {
        let step = Converter { names: &mut names }.step(json).map_err(|mismatch| {
            mismatch.within(&format!("step {} of {}", index + 1, quote(&program.name)))
        })?;
        program.steps.push(step);
    }
    program.names = names.finish();
    Ok(program)
}

fn list(json: &Json) -> Result<&Vec<Json>> {
    json.as_array().ok_or_else(|| Mismatch::new("a list", json))
}

/// A string that can stand in the header of a program.
fn word(json: &Json) -> Result<String> {
    let word = string(json)?;
    if word.is_empty() || word.starts_with('#') || word.contains(char::is_whitespace) {
        return Err(Mismatch::new("a word", json));
    }
    Ok(word.to_owned())
}

/// Converts the steps of one program.
struct Converter<'n, 'j> {
    names: &'n mut Names<'j>,
}

impl<'j> Converter<'_, 'j> {
    fn step(&mut self, json: &'j Json) -> Result<Step> {
        let mut keys = Keys::of(json)?;
        let (action, expected) = if let Some(call) = keys.take("call") {
            let syscall = Syscall::from_name(string(call)?)
                .ok_or_else(|| Mismatch::new("a system call", call))?;
            let call = self.call(syscall, &mut keys)?;
            let status = keys.require("status")?;
            let status = status_from_name(string(status)?)
                .ok_or_else(|| Mismatch::new("the name of a status", status))?;
            let fields = self.fields(syscall, &mut keys)?;
            (Action::Call(call), Expected { result: StepResult::Status(status), fields })
        } else if let Some(address) = keys.take("load") {
            let address = self.address(string(address)?)?;
            let len = u64_number(keys.require("len")?)?;
            if len > LONGEST_DATA {
                return Err(Mismatch::new("a shorter load", &Json::from(len)));
            }
            let result = access_result(&mut keys)?;
            let fields = match keys.take("data") {
                Some(bytes) => vec![Field::Data(data(bytes)?)],
                None => Vec::new(),
            };
            (Action::Load { address, len }, Expected { result, fields })
        } else if let Some(address) = keys.take("store") {
            let address = self.address(string(address)?)?;
            let data = data(keys.require("data")?)?;
            let result = access_result(&mut keys)?;
            (Action::Store { address, data }, Expected { result, fields: Vec::new() })
        } else {
            return Err(Mismatch::new("a step with `call`, `load` or `store`", json));
        };
        keys.finish()?;
        Ok(Step { comments: Vec::new(), action, expected: Some(expected) })
    }

    fn call(&mut self, syscall: Syscall, keys: &mut Keys<'j>) -> Result<Call> {
        let mut pointers = keys.take("ptr").map(Keys::of).transpose()?;
        let mut arguments = Vec::with_capacity(syscall.arguments().len());
        // The length of what is pointed to is an argument behind the pointer,
        // and `buffer_size` of `object_get_info` one behind the topic.
        let mut input_len = None;
        for argument in syscall.arguments() {
            let value = if argument.kind.is_pointer() {
                let input = self.input(syscall, argument, keys)?;
                input_len = input_len.or(match &input {
                    Value::Data(data) => Some(data.len()),
                    Value::Handles(handles) => Some(handles.len() as u64),
                    _ => None,
                });
                match pointers.as_mut().and_then(|pointers| pointers.take(argument.name)) {
                    Some(pointer) => Value::Address(self.address(string(pointer)?)?),
                    None => input,
                }
            } else {
                match keys.take(argument.name) {
                    Some(json) => self.plain_argument(argument, json)?,
                    None => default_argument(syscall, argument, &arguments, input_len)
                        .ok_or_else(|| Mismatch::missing(argument.name))?,
                }
            };
            arguments.push(value);
        }
        if let Some(pointers) = pointers {
            pointers.finish()?;
        }
        let mut results = Vec::new();
        for key in result_keys(syscall) {
            if let Some(name) = keys.take(key) {
                results.push(
                    self.names
                        .bind(string(name)?)
                        .map_err(|unbindable| Mismatch::new(unbindable.expected(), name))?,
                );
            }
        }
        if !results.is_empty() && results.len() != Call::result_count(syscall) {
            return Err(Mismatch::missing("out0` and `out1"));
        }
        Ok(Call { syscall, arguments, results })
    }

    /// What a pointer argument points to if `ptr` doesn't say.
    fn input(&self, syscall: Syscall, argument: &Argument, keys: &mut Keys<'j>) -> Result<Value> {
        match argument.kind {
            ArgumentKind::BytesUnused(_) => Ok(Value::Address(Address::Null)),
            ArgumentKind::BytesIn(_) => {
                let key = if syscall == Syscall::vmo_write { "data" } else { argument.name };
                keys.take(key).map_or(Ok(Value::Scratch), |bytes| data(bytes).map(Value::Data))
            }
            ArgumentKind::HandlesIn(_) => {
                let handles = list(keys.require(argument.name)?)?;
                let handles = handles.iter().map(|name| self.handle(string(name)?));
                handles.collect::<Result<_>>().map(Value::Handles)
            }
            ArgumentKind::WaitItems(_) => {
                Err(Mismatch::new("a call that is recorded", &Json::from(syscall.name())))
            }
            _ => Ok(Value::Scratch),
        }
    }

    /// An argument that is no pointer.
    fn plain_argument(&self, argument: &Argument, json: &Json) -> Result<Value> {
        match argument.kind {
            ArgumentKind::Handle => self.handle(string(json)?).map(Value::Handle),
            ArgumentKind::Address => self.address(string(json)?).map(Value::Address),
            _ if argument.bits == 32 => u32_hex(json).map(u64::from).map(Value::Number),
            _ => u64_hex(json).map(Value::Number),
        }
    }

    fn handle(&self, word: &str) -> Result<Handle> {
        handle_from_word(word)
            .or_else(|| self.names.get(word).map(Handle::Named))
            .ok_or_else(|| Mismatch::new("a handle", &Json::from(word)))
    }

    fn address(&self, text: &str) -> Result<Address> {
        let wrong = || Mismatch::new("an address", &Json::from(text));
        if text.starts_with("0x") {
            return u64_hex(&Json::from(text)).map(Address::Literal);
        }
        if let Some(bytes) = text.strip_prefix("straddle:") {
            return bytes.parse().map(Address::Straddle).map_err(|_| wrong());
        }
        if let Some(address) = address_from_word(text) {
            return Ok(address);
        }
        let (base, offset) = match text.split_once('+') {
            Some((base, offset)) => (base, u64_hex(&Json::from(offset))?),
            None => (text, 0),
        };
        if base == "region" {
            return Ok(Address::Region(offset));
        }
        self.names.get(base).map(|name| Address::Named(name, offset)).ok_or_else(wrong)
    }

    /// The recorded results of a call, in the order of [`Field::KEYS`].
    fn fields(&self, syscall: Syscall, keys: &mut Keys<'j>) -> Result<Vec<Field>> {
        let mut fields = Vec::new();
        for key in recorded_fields(syscall).iter().copied().chain(["untouched"]) {
            if let Some(json) = keys.take(key) {
                fields.push(self.field(key, json)?);
            }
        }
        Ok(fields)
    }

    fn field(&self, key: &'static str, json: &Json) -> Result<Field> {
        Ok(match key {
            "size" => Field::Size(u64_hex(json)?),
            "data" => Field::Data(data(json)?),
            "value" => Field::Value(data(json)?),
            "observed" => Field::Observed(u32_hex(json)?),
            "rights" => Field::Rights(u32_hex(json)?),
            "type" => Field::Type(u32_hex(json)?),
            "related_koid" => Field::RelatedKoid(u64_hex(json)?),
            "props" => Field::Props(u32_hex(json)?),
            "koid_same_as" => Field::KoidSameAs(self.handle(string(json)?)?),
            "koid_differs" => {
                let handles = list(json)?.iter().map(|name| self.handle(string(name)?));
                Field::KoidDiffers(handles.collect::<Result<_>>()?)
            }
            "count" => {
                let count = u32::try_from(u64_number(json)?);
                Field::Count(count.map_err(|_| Mismatch::new("a number of 32 bits", json))?)
            }
            "actual" => Field::Actual(u64_hex(json)?),
            "avail" => Field::Avail(u64_hex(json)?),
            "addr_is" => Field::AddressIs(self.address(string(json)?)?),
            "untouched" => {
                let untouched = json.as_bool();
                Field::Untouched(untouched.ok_or_else(|| Mismatch::new("true or false", json))?)
            }
            _ => return Err(Mismatch::new("a known result", &Json::from(key))),
        })
    }
}

/// How a load or store ended.
fn access_result(keys: &mut Keys<'_>) -> Result<StepResult> {
    match keys.take("fault") {
        None => Ok(StepResult::Status(ZX_OK)),
        Some(Json::Bool(true)) => Ok(StepResult::Fault),
        Some(json) => Err(Mismatch::new("`fault` to be true", json)),
    }
}

/// The keys that name what a call makes.
fn result_keys(syscall: Syscall) -> &'static [&'static str] {
    match (syscall, Call::result_count(syscall)) {
        (Syscall::channel_create, _) => &["out0", "out1"],
        (Syscall::vmar_map, _) => &["addr"],
        (_, 1) => &["out"],
        _ => &[],
    }
}

/// The keys of results that a call is recorded with, besides `untouched`.
fn recorded_fields(syscall: Syscall) -> &'static [&'static str] {
    match syscall {
        Syscall::vmo_get_size => &["size"],
        Syscall::vmo_read => &["data"],
        Syscall::object_get_property => &["value"],
        Syscall::object_wait_one => &["observed"],
        Syscall::object_get_info => &[
            "rights",
            "type",
            "related_koid",
            "props",
            "koid_same_as",
            "koid_differs",
            "count",
            "actual",
            "avail",
        ],
        Syscall::vmar_map => &["addr_is"],
        _ => &[],
    }
}

/// The value of an argument that is not mentioned, given those before it and
/// the length of what the call reads.
fn default_argument(
    syscall: Syscall,
    argument: &Argument,
    before: &[Value],
    input_len: Option<u64>,
) -> Option<Value> {
    let number = match (syscall, argument.name) {
        (Syscall::vmar_destroy, "vmar") => return None,
        (_, "vmar" | "parent_vmar") => return Some(Value::Handle(Handle::Region)),
        (Syscall::vmo_clone, "options") => u64::from(ZX_VMO_CLONE_COPY_ON_WRITE),
        (_, "options") => 0,
        (Syscall::vmo_write, "buffer_size")
        | (Syscall::object_set_property, "value_size")
        | (Syscall::handle_close_many, "num_handles") => input_len?,
        (Syscall::vmo_op_range, "buffer_size") => 0,
        (Syscall::vmar_map, "vmar_offset" | "vmo_offset") => 0,
        (Syscall::vmar_allocate, "offset") => 0,
        (Syscall::object_get_property | Syscall::object_set_property, "property") => {
            u64::from(ZX_PROP_NAME)
        }
        (Syscall::object_get_property, "value_size") => 32,
        (Syscall::object_get_info, "buffer_size") => info_buffer_size(before)?,
        (Syscall::object_wait_one, "deadline") => 0,
        (Syscall::object_signal | Syscall::object_signal_peer, "clear_mask" | "set_mask") => 0,
        _ => return None,
    };
    Some(Value::Number(number))
}

/// The default `buffer_size` of `object_get_info` for the topic before it.
fn info_buffer_size(before: &[Value]) -> Option<u64> {
    let topic = Syscall::object_get_info.declaration().position("topic")?;
    let Some(Value::Number(topic)) = before.get(topic) else {
        return None;
    };
    Some(match u32::try_from(*topic).ok()? {
        ZX_INFO_HANDLE_BASIC => 32,
        ZX_INFO_HANDLE_COUNT => 4,
        ZX_INFO_NONE | ZX_INFO_HANDLE_VALID => 0,
        _ => 64,
    })
}

/// One part or a list of parts.
fn data(json: &Json) -> Result<Data> {
    let parts = match json {
        Json::Array(parts) => parts.as_slice(),
        part => std::slice::from_ref(part),
    };
    let data = Data(parts.iter().map(part).collect::<Result<_>>()?);
    if data.len() > LONGEST_DATA {
        return Err(Mismatch::new(format!("at most {LONGEST_DATA} bytes"), json));
    }
    Ok(data)
}

fn part(json: &Json) -> Result<Part> {
    let mut keys = Keys::of(json)?;
    let part = if let Some(digits) = keys.take("hex") {
        Part::Hex(hex_bytes(string(digits)?).ok_or_else(|| Mismatch::new("bytes in hex", digits))?)
    } else if let Some(fill) = keys.take("fill") {
        let (byte, count) = pair(fill)?;
        let byte = u8::try_from(u64_hex(byte)?).map_err(|_| Mismatch::new("a byte", byte))?;
        Part::Fill(byte, u64_number(count)?)
    } else if let Some(seq) = keys.take("seq") {
        let (first, count) = pair(seq)?;
        Part::Seq(u8_number(first)?, u64_number(count)?)
    } else {
        return Err(Mismatch::new("a part of data", json));
    };
    keys.finish()?;
    Ok(part)
}

fn pair(json: &Json) -> Result<(&Json, &Json)> {
    match list(json)?.as_slice() {
        [first, second] => Ok((first, second)),
        _ => Err(Mismatch::new("a list of two", json)),
    }
}

fn hex_bytes(digits: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|d| u8::try_from(d).ok());
    if !digits.len().is_multiple_of(2) {
        return None;
    }
    let pairs = digits.as_bytes().chunks_exact(2);
    pairs.map(|pair| Some(digit(*pair.first()?)? << 4 | digit(*pair.last()?)?)).collect()
}
