//! Reading steps.

use vmo_abi::{Argument, MAX_ARGUMENTS, STATUSES, Syscall, status_from_name, zx_status_t};

use super::Reader;
use crate::program::error::{Failure, Result, quote};
use crate::program::{
    Action, Address, Call, Data, Expected, Field, LONGEST_DATA, Name, StepResult, Value,
};

/// The words for steps that are not system calls.
const OTHER_STEPS: [&str; 4] = ["load", "store", "limit_memory", "fail_allocation"];

/// Most results of a call.
const MOST_RESULTS: usize = 2;

/// An argument in the text: its name and whether it may be left out.
type Parameter = (&'static str, bool);

/// The parameters of a system call: a pointer that is not mentioned points to
/// scratch memory, everything else has to be there.
fn parameter(argument: &Argument) -> Parameter {
    (argument.name, argument.kind.is_pointer())
}

/// Names before a call, with the offsets where they stand.
#[derive(Default)]
struct ResultNames<'a> {
    names: [(usize, &'a str); MOST_RESULTS],
    len: usize,
}

impl<'a> ResultNames<'a> {
    fn as_slice(&self) -> &[(usize, &'a str)] {
        self.names.get(..self.len).unwrap_or(&self.names)
    }
}

impl<'a> Reader<'a> {
    /// A step without its comments and the end of its line.
    pub fn step(&mut self) -> Result<(Action, Option<Expected>)> {
        let action = self.action()?;
        let expected = if self.cursor.eat_arrow() { Some(self.expected()?) } else { None };
        Ok((action, expected))
    }

    fn action(&mut self) -> Result<Action> {
        self.cursor.next();
        let mut start = self.cursor.offset();
        let Some(mut word) = self.cursor.word() else {
            return Err(self.cursor.unexpected("a step or `program`"));
        };
        let mut results = ResultNames::default();
        if self.cursor.next() != Some(b'(') {
            self.results(start, word, &mut results)?;
            self.cursor.next();
            start = self.cursor.offset();
            match self.cursor.word() {
                Some(call) if !OTHER_STEPS.contains(&call) => word = call,
                _ => return Err(self.cursor.unexpected_at(start, "a system call")),
            }
        }
        match word {
            "load" => self.load(),
            "store" => self.store(),
            "limit_memory" => self.one_number("limit_memory", "pages").map(Action::LimitMemory),
            "fail_allocation" => {
                self.one_number("fail_allocation", "nth").map(Action::FailAllocation)
            }
            _ => match Syscall::from_name(word) {
                Some(syscall) => self.call(syscall, &results).map(Action::Call),
                None => {
                    let calls = Syscall::ALL.iter().map(|syscall| syscall.name());
                    let failure = self.cursor.unexpected_at(start, "a call");
                    Err(failure.suggest(word, calls.chain(OTHER_STEPS)))
                }
            },
        }
    }

    /// The rest of the names before a call, of which `word` is the first, and
    /// the `=` behind them.
    fn results(
        &mut self,
        start: usize,
        word: &'a str,
        results: &mut ResultNames<'a>,
    ) -> Result<()> {
        let mut next = (start, word);
        loop {
            let Some(place) = results.names.get_mut(results.len) else {
                let expected = format!("at most {MOST_RESULTS} names");
                return Err(self.cursor.unexpected_at(next.0, expected));
            };
            *place = next;
            results.len += 1;
            if self.cursor.eat(b'=') {
                return Ok(());
            }
            if !self.cursor.eat(b',') {
                return Err(self.cursor.unexpected("`(`, `=` or `,`"));
            }
            self.cursor.next();
            let start = self.cursor.offset();
            match self.cursor.word() {
                Some(word) => next = (start, word),
                None => return Err(self.cursor.unexpected("a name")),
            }
        }
    }

    fn call(&mut self, syscall: Syscall, results: &ResultNames<'a>) -> Result<Call> {
        let declared = syscall.arguments();
        let mut parameters = [("", true); MAX_ARGUMENTS];
        for (slot, argument) in parameters.iter_mut().zip(declared) {
            *slot = parameter(argument);
        }
        let parameters = parameters.get(..declared.len()).unwrap_or(&parameters);
        let mut arguments = vec![Value::Scratch; declared.len()];
        self.arguments(syscall.name(), parameters, |reader, index| {
            if let (Some(argument), Some(value)) = (declared.get(index), arguments.get_mut(index)) {
                *value = reader.argument(argument)?;
            }
            Ok(())
        })?;
        Ok(Call { syscall, arguments, results: self.bind(syscall, results.as_slice())? })
    }

    /// Binds the names of a call's results.
    fn bind(&mut self, syscall: Syscall, results: &[(usize, &'a str)]) -> Result<Vec<Name>> {
        let Some((start, _)) = results.first() else {
            return Ok(Vec::new());
        };
        let count = Call::result_count(syscall);
        if results.len() != count {
            let name = syscall.name();
            let expected = match count {
                0 => format!("no name, as {name} makes no handle and no mapping"),
                1 => format!("1 name for the result of {name}"),
                _ => format!("{count} names for the results of {name}"),
            };
            let found = match results {
                [(_, word)] => quote(word),
                _ => format!("{} names", results.len()),
            };
            return Err(Failure::new(*start, expected, found));
        }
        let mut names = Vec::with_capacity(count);
        for (start, word) in results {
            match self.names.bind(word) {
                Ok(name) => names.push(name),
                Err(unbindable) => {
                    return Err(Failure::new(*start, unbindable.expected(), quote(word)));
                }
            }
        }
        Ok(names)
    }

    fn load(&mut self) -> Result<Action> {
        let mut address = Address::Null;
        let mut len = 0;
        self.arguments("load", &[("address", false), ("len", false)], |reader, index| {
            match index {
                0 => address = reader.address("an address")?,
                _ => len = reader.cursor.number("a number", LONGEST_DATA)?,
            }
            Ok(())
        })?;
        Ok(Action::Load { address, len })
    }

    fn store(&mut self) -> Result<Action> {
        let mut address = Address::Null;
        let mut data = Data::default();
        self.arguments("store", &[("address", false), ("data", false)], |reader, index| {
            match index {
                0 => address = reader.address("an address")?,
                _ => data = reader.data()?,
            }
            Ok(())
        })?;
        Ok(Action::Store { address, data })
    }

    /// The argument of a step that has one number or `none`.
    fn one_number(&mut self, step: &str, name: &'static str) -> Result<Option<u64>> {
        let mut number = None;
        self.arguments(step, &[(name, false)], |reader, _| {
            number = reader.optional_u64()?;
            Ok(())
        })?;
        Ok(number)
    }

    /// `(`, arguments by name in any order, `)`. Calls `read` with the place
    /// of each argument in `parameters` to read its value.
    fn arguments(
        &mut self,
        call: &str,
        parameters: &[Parameter],
        mut read: impl FnMut(&mut Self, usize) -> Result<()>,
    ) -> Result<()> {
        self.cursor.expect(b'(')?;
        let mut seen = 0u32;
        if !self.cursor.eat(b')') {
            loop {
                let index = self.parameter(call, parameters, seen)?;
                seen |= 1 << index;
                self.cursor.expect(b'=')?;
                read(self, index)?;
                if self.cursor.eat(b')') {
                    break;
                }
                if !self.cursor.eat(b',') {
                    return Err(self.cursor.unexpected("`,` or `)`"));
                }
            }
        }
        let missing = parameters
            .iter()
            .enumerate()
            .find(|(index, (_, is_optional))| seen & 1 << index == 0 && !is_optional);
        match missing {
            None => Ok(()),
            Some((_, (name, _))) => {
                let expected = format!("the argument `{name}` of {call} ({})", allowed(parameters));
                Err(self.cursor.unexpected_at(self.cursor.offset() - 1, expected))
            }
        }
    }

    /// The name of an argument that is not `seen` yet.
    fn parameter(&mut self, call: &str, parameters: &[Parameter], seen: u32) -> Result<usize> {
        let word = self.cursor.peek_word().unwrap_or("");
        let Some(index) = parameters.iter().position(|(name, _)| *name == word) else {
            let expected = format!("an argument of {call} ({})", allowed(parameters));
            let known = parameters.iter().map(|(name, _)| *name);
            return Err(self.cursor.unexpected(expected).suggest(word, known));
        };
        if seen & 1 << index != 0 {
            let expected = format!("each argument of {call} once ({})", allowed(parameters));
            let found = format!("a second `{word}`");
            return Err(Failure::new(self.cursor.offset(), expected, found));
        }
        self.cursor.skip(word);
        Ok(index)
    }

    /// What stands behind `->`.
    fn expected(&mut self) -> Result<Expected> {
        let result = self.result()?;
        let mut fields: Vec<Field> = Vec::new();
        while !self.cursor.is_at_line_end() {
            let start = self.cursor.offset();
            let Some(key) = self.cursor.word() else {
                return Err(self.cursor.unexpected("a result or the end of the line"));
            };
            if !Field::KEYS.contains(&key) {
                let expected = format!("a result ({})", Field::KEYS.join(", "));
                let failure = self.cursor.unexpected_at(start, expected);
                return Err(failure.suggest(key, Field::KEYS));
            }
            if fields.iter().any(|field| field.key() == key) {
                let found = format!("a second `{key}`");
                return Err(Failure::new(start, "each result once", found));
            }
            self.cursor.expect(b'=')?;
            fields.extend(self.field(key)?);
        }
        Ok(Expected { result, fields })
    }

    fn result(&mut self) -> Result<StepResult> {
        let what = "a status or `FAULT`";
        self.cursor.next();
        let start = self.cursor.offset();
        let Some(word) = self.cursor.word() else {
            return self.status_number(what).map(StepResult::Status);
        };
        if word == "FAULT" {
            return Ok(StepResult::Fault);
        }
        status_from_name(word).map(StepResult::Status).ok_or_else(|| {
            let statuses = STATUSES.iter().map(|(name, _)| *name);
            self.cursor.unexpected_at(start, what).suggest(word, statuses.chain(["FAULT"]))
        })
    }

    /// A status that has no name.
    fn status_number(&mut self, what: &str) -> Result<zx_status_t> {
        let is_negative = self.cursor.eat(b'-');
        let max = i64::from(i32::MAX) + i64::from(is_negative);
        let number = self.cursor.number(what, max.unsigned_abs())?;
        let number = i64::try_from(number).unwrap_or(0);
        Ok(zx_status_t::try_from(if is_negative { -number } else { number }).unwrap_or(0))
    }
}

/// The arguments of a call for an error to list, those that may be left out
/// in brackets.
fn allowed(parameters: &[Parameter]) -> String {
    let names: Vec<String> = parameters
        .iter()
        .map(
            |(name, is_optional)| {
                if *is_optional { format!("[{name}]") } else { (*name).to_owned() }
            },
        )
        .collect();
    names.join(", ")
}
