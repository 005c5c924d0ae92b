//! Reading the values of arguments and results.

use vmo_abi::{Argument, ArgumentKind, Named, OBJECT_TYPES, ZX_TIME_INFINITE, names_of};

use super::Reader;
use crate::program::error::{Failure, Result};
use crate::program::names::{address_from_word, handle_from_word};
use crate::program::{Address, Data, Field, Handle, LONGEST_DATA, Name, Part, Value};

/// How many bound names are compared with one that is not bound.
const MOST_SUGGESTED_NAMES: usize = 1000;

const U32: u64 = u32::MAX as u64;

impl<'a> Reader<'a> {
    /// The value of an argument.
    pub fn argument(&mut self, argument: &Argument) -> Result<Value> {
        let kind = argument.kind;
        Ok(match kind {
            ArgumentKind::Handle => Value::Handle(self.handle()?),
            ArgumentKind::Deadline => self.deadline()?,
            ArgumentKind::BytesIn(_) if self.is_at_data() => Value::Data(self.data()?),
            ArgumentKind::HandlesIn(_) if self.cursor.next() == Some(b'[') => {
                Value::Handles(self.list("a handle", Self::handle)?)
            }
            ArgumentKind::WaitItems(_) if self.cursor.next() == Some(b'[') => {
                Value::WaitItems(self.list("a handle", Self::wait_item)?)
            }
            ArgumentKind::BytesIn(_) => Value::Address(self.address("data or an address")?),
            ArgumentKind::HandlesIn(_) | ArgumentKind::WaitItems(_) => {
                Value::Address(self.address("a list or an address")?)
            }
            ArgumentKind::Address => Value::Address(self.address("an address")?),
            _ if kind.is_pointer() => Value::Address(self.address("an address")?),
            _ => {
                let max = if argument.bits == 32 { U32 } else { u64::MAX };
                Value::Number(match names_of(kind) {
                    Some(named) => self.named_number(named, max)?,
                    None => self.cursor.number("a number", max)?,
                })
            }
        })
    }

    /// The value of the result called `key`, or `None` if there is none.
    pub fn field(&mut self, key: &str) -> Result<Option<Field>> {
        Ok(Some(match key {
            "size" => Field::Size(self.u64()?),
            "data" => Field::Data(self.data()?),
            "value" => Field::Value(self.data()?),
            "observed" => Field::Observed(self.signals()?),
            "pending" => Field::Pending(self.list("signals", Self::signals)?),
            "rights" => Field::Rights(self.named_u32(names_of(ArgumentKind::Rights))?),
            "type" => Field::Type(self.named_u32(Some(Named::Values(OBJECT_TYPES)))?),
            "related_koid" => Field::RelatedKoid(self.u64()?),
            "props" => Field::Props(self.named_u32(None)?),
            "koid_same_as" => Field::KoidSameAs(self.handle()?),
            "koid_differs" => Field::KoidDiffers(self.list("a handle", Self::handle)?),
            "count" => Field::Count(self.named_u32(None)?),
            "actual" => Field::Actual(self.u64()?),
            "avail" => Field::Avail(self.u64()?),
            "addr_is" => Field::AddressIs(self.address("an address")?),
            "untouched" => Field::Untouched(self.boolean()?),
            _ => return Ok(None),
        }))
    }

    pub fn u64(&mut self) -> Result<u64> {
        self.cursor.number("a number", u64::MAX)
    }

    /// A number, or `none` for no number.
    pub fn optional_u64(&mut self) -> Result<Option<u64>> {
        if self.cursor.eat_keyword("none") {
            return Ok(None);
        }
        self.cursor.number("a number or `none`", u64::MAX).map(Some)
    }

    fn boolean(&mut self) -> Result<bool> {
        if self.cursor.eat_keyword("true") {
            return Ok(true);
        }
        if self.cursor.eat_keyword("false") {
            return Ok(false);
        }
        Err(self.cursor.unexpected("`true` or `false`"))
    }

    fn named_u32(&mut self, named: Option<Named>) -> Result<u32> {
        let number = match named {
            Some(named) => self.named_number(named, U32)?,
            None => self.cursor.number("a number", U32)?,
        };
        Ok(u32::try_from(number).unwrap_or(u32::MAX))
    }

    fn signals(&mut self) -> Result<u32> {
        self.named_u32(names_of(ArgumentKind::Signals))
    }

    /// A number that may be written by names: one name, or for bits any
    /// number of names and numbers joined by `|`.
    fn named_number(&mut self, named: Named, max: u64) -> Result<u64> {
        let what = "a number or a name for one";
        let mut sum = 0;
        loop {
            sum |= match self.cursor.peek_word() {
                None => self.cursor.number(what, max)?,
                Some(word) => match named.table().iter().find(|(name, _)| *name == word) {
                    Some((_, value)) => {
                        self.cursor.skip(word);
                        *value
                    }
                    None => {
                        let known = named.table().iter().map(|(name, _)| *name);
                        return Err(self.cursor.unexpected(what).suggest(word, known));
                    }
                },
            };
            if !matches!(named, Named::Bits(_)) || !self.cursor.eat(b'|') {
                return Ok(sum);
            }
        }
    }

    fn deadline(&mut self) -> Result<Value> {
        if self.cursor.eat_keyword("infinite") {
            return Ok(Value::Number(ZX_TIME_INFINITE));
        }
        if self.cursor.eat_keyword("now") {
            return self.offset().map(Value::FromNow);
        }
        self.cursor.number("a number, `now` or `infinite`", u64::MAX).map(Value::Number)
    }

    /// `+` and a number, or nothing, which is 0.
    fn offset(&mut self) -> Result<u64> {
        if self.cursor.eat(b'+') { self.u64() } else { Ok(0) }
    }

    pub fn handle(&mut self) -> Result<Handle> {
        let Some(word) = self.cursor.peek_word() else {
            let literal = self.cursor.number("a handle", U32)?;
            return Ok(Handle::Literal(u32::try_from(literal).unwrap_or(u32::MAX)));
        };
        let handle = match handle_from_word(word) {
            Some(handle) => handle,
            None => Handle::Named(self.bound_name("a handle", word)?),
        };
        self.cursor.skip(word);
        Ok(handle)
    }

    fn wait_item(&mut self) -> Result<(Handle, u32)> {
        let handle = self.handle()?;
        self.cursor.expect(b':')?;
        Ok((handle, self.signals()?))
    }

    /// An address; `what` says for an error what is wanted.
    pub fn address(&mut self, what: &str) -> Result<Address> {
        let Some(word) = self.cursor.peek_word() else {
            return self.cursor.number(what, u64::MAX).map(Address::Literal);
        };
        if let Some(address) = address_from_word(word) {
            self.cursor.skip(word);
            return Ok(address);
        }
        match word {
            "straddle" => {
                self.cursor.skip(word);
                self.cursor.expect(b':')?;
                self.u64().map(Address::Straddle)
            }
            "region" => {
                self.cursor.skip(word);
                self.offset().map(Address::Region)
            }
            _ => {
                let name = self.bound_name(what, word)?;
                self.cursor.skip(word);
                Ok(Address::Named(name, self.offset()?))
            }
        }
    }

    /// The name that `word`, which is next, is bound as.
    fn bound_name(&mut self, what: &str, word: &str) -> Result<Name> {
        match self.names.get(word) {
            Some(name) => Ok(name),
            None => {
                let expected = format!("{what}, or a name that an earlier step binds");
                let failure = self.cursor.unexpected(expected);
                Err(failure.suggest(word, self.names.iter().take(MOST_SUGGESTED_NAMES)))
            }
        }
    }

    /// `[`, items with `,` between them, `]`.
    fn list<T>(
        &mut self,
        what: &str,
        mut item: impl FnMut(&mut Self) -> Result<T>,
    ) -> Result<Vec<T>> {
        let mut items = Vec::new();
        if !self.cursor.eat(b'[') {
            return Err(self.cursor.unexpected(format!("`[` and {what}")));
        }
        if self.cursor.eat(b']') {
            return Ok(items);
        }
        loop {
            items.push(item(self)?);
            if self.cursor.eat(b']') {
                return Ok(items);
            }
            if !self.cursor.eat(b',') {
                return Err(self.cursor.unexpected("`,` or `]`"));
            }
        }
    }

    fn is_at_data(&mut self) -> bool {
        matches!(self.cursor.peek_word(), Some("hex" | "fill" | "seq" | "none"))
    }

    /// `none`, or parts joined by `+`.
    pub fn data(&mut self) -> Result<Data> {
        let mut data = Data::default();
        if self.cursor.eat_keyword("none") {
            return Ok(data);
        }
        let mut len = 0u64;
        loop {
            self.cursor.next();
            let start = self.cursor.offset();
            let part = self.part()?;
            len = len.saturating_add(part.len());
            if len > LONGEST_DATA {
                let expected = format!("at most {LONGEST_DATA} bytes of data");
                return Err(Failure::new(start, expected, format!("{len} bytes")));
            }
            data.0.push(part);
            if !self.cursor.eat(b'+') {
                return Ok(data);
            }
        }
    }

    fn part(&mut self) -> Result<Part> {
        let word = self.cursor.peek_word().unwrap_or("");
        if !matches!(word, "hex" | "fill" | "seq") {
            let parts = "data: `hex(...)`, `fill(BYTE, COUNT)` or `seq(FIRST, COUNT)`";
            return Err(self.cursor.unexpected(parts));
        }
        self.cursor.skip(word);
        self.cursor.expect(b'(')?;
        let part = if word == "hex" {
            Part::Hex(self.cursor.hex_bytes()?)
        } else {
            let byte = self.cursor.number("a byte", u64::from(u8::MAX))?;
            let byte = u8::try_from(byte).unwrap_or(u8::MAX);
            self.cursor.expect(b',')?;
            let count = self.cursor.number("a number of bytes", u64::MAX)?;
            if word == "fill" { Part::Fill(byte, count) } else { Part::Seq(byte, count) }
        };
        self.cursor.expect(b')')?;
        Ok(part)
    }
}
