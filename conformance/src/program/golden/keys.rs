//! Objects of JSON of which every key has to be used.

use serde_json::{Map, Value as Json};

use crate::program::error::quote;

/// Something in a recording is not what its format demands.
#[derive(Debug)]
pub(super) struct Mismatch {
    pub expected: String,
    pub found: String,
}

/// What parts of the conversion answer.
pub(super) type Result<T> = std::result::Result<T, Mismatch>;

impl Mismatch {
    pub fn new(expected: impl Into<String>, found: &Json) -> Self {
        Self { expected: expected.into(), found: quote(&found.to_string()) }
    }

    pub fn missing(key: &str) -> Self {
        Self { expected: format!("the key `{key}`"), found: "none".to_owned() }
    }

    /// Says where in a program it is.
    pub fn within(mut self, place: &str) -> Self {
        self.expected.push_str(" in ");
        self.expected.push_str(place);
        self
    }
}

/// An object and those of its keys that were used.
pub(super) struct Keys<'j> {
    map: &'j Map<String, Json>,
    used: Vec<&'static str>,
}

impl<'j> Keys<'j> {
    pub fn of(json: &'j Json) -> Result<Self> {
        let map = json.as_object().ok_or_else(|| Mismatch::new("an object", json))?;
        Ok(Self { map, used: Vec::new() })
    }

    /// Uses `key`, if it is there.
    pub fn take(&mut self, key: &'static str) -> Option<&'j Json> {
        self.used.push(key);
        self.map.get(key)
    }

    /// Uses `key`, which has to be there.
    pub fn require(&mut self, key: &'static str) -> Result<&'j Json> {
        self.take(key).ok_or_else(|| Mismatch::missing(key))
    }

    /// Makes sure that nothing is left.
    pub fn finish(self) -> Result<()> {
        match self.map.keys().find(|key| !self.used.contains(&key.as_str())) {
            None => Ok(()),
            Some(key) => Err(Mismatch {
                expected: "keys that the conversion knows".to_owned(),
                found: quote(key),
            }),
        }
    }
}

pub(super) fn string(json: &Json) -> Result<&str> {
    json.as_str().ok_or_else(|| Mismatch::new("a string", json))
}

/// A plain number.
pub(super) fn u64_number(json: &Json) -> Result<u64> {
    json.as_u64().ok_or_else(|| Mismatch::new("a number", json))
}

pub(super) fn u8_number(json: &Json) -> Result<u8> {
    u8::try_from(u64_number(json)?).map_err(|_| Mismatch::new("a byte", json))
}

/// A string with a hexadecimal number.
pub(super) fn u64_hex(json: &Json) -> Result<u64> {
    string(json)?
        .strip_prefix("0x")
        .filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
        .and_then(|digits| u64::from_str_radix(digits, 16).ok())
        .ok_or_else(|| Mismatch::new("a string with a hexadecimal number", json))
}

pub(super) fn u32_hex(json: &Json) -> Result<u32> {
    u32::try_from(u64_hex(json)?).map_err(|_| Mismatch::new("a number of 32 bits", json))
}
