//! Reading words, numbers and single characters off a text.

use crate::program::error::{Failure, Result, quote};

/// A place in a text that moves forward. Every method that reads skips blanks
/// first, and moves only over what it has read.
///
/// It holds an offset alone: lines and columns are counted when an error needs
/// them.
pub(super) struct Cursor<'a> {
    text: &'a str,
    offset: usize,
}

/// Bytes of words and of numbers.
fn is_word_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// Bytes that separate the words of a program's header.
fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

impl<'a> Cursor<'a> {
    pub fn new(text: &'a str) -> Self {
        Self { text, offset: 0 }
    }

    /// Bytes before the cursor.
    pub fn offset(&self) -> usize {
        self.offset
    }

    /// The next byte that is no blank; the cursor stands before it.
    #[inline]
    pub fn next(&mut self) -> Option<u8> {
        let bytes = self.text.as_bytes();
        loop {
            match bytes.get(self.offset) {
                Some(b' ' | b'\t') => self.offset += 1,
                next => return next.copied(),
            }
        }
    }

    /// Reads `byte` if it is next.
    #[inline]
    pub fn eat(&mut self, byte: u8) -> bool {
        let is_next = self.next() == Some(byte);
        self.offset += usize::from(is_next);
        is_next
    }

    /// Reads `byte`, which is ASCII and has to be next.
    #[inline]
    pub fn expect(&mut self, byte: u8) -> Result<()> {
        if self.eat(byte) {
            return Ok(());
        }
        Err(self.unexpected(format!("`{}`", char::from(byte))))
    }

    /// Reads `->` if it is next.
    pub fn eat_arrow(&mut self) -> bool {
        let is_next =
            self.next() == Some(b'-') && self.text.as_bytes().get(self.offset + 1) == Some(&b'>');
        self.offset += if is_next { 2 } else { 0 };
        is_next
    }

    /// The next word, if a word is next; the cursor stands before it.
    #[inline]
    pub fn peek_word(&mut self) -> Option<&'a str> {
        let first = self.next()?;
        if !is_word_byte(first) || first.is_ascii_digit() {
            return None;
        }
        Some(self.run(is_word_byte))
    }

    /// Reads a word if one is next.
    #[inline]
    pub fn word(&mut self) -> Option<&'a str> {
        let word = self.peek_word()?;
        self.offset += word.len();
        Some(word)
    }

    /// Moves over `word`, which was peeked at.
    pub fn skip(&mut self, word: &str) {
        self.offset += word.len();
    }

    /// Reads `keyword` if it is the next word.
    pub fn eat_keyword(&mut self, keyword: &str) -> bool {
        let is_next = self.peek_word() == Some(keyword);
        if is_next {
            self.skip(keyword);
        }
        is_next
    }

    /// Reads a word of a program's header, which ends at a space, if one is
    /// next.
    pub fn header_word(&mut self) -> Option<&'a str> {
        if self.is_at_line_end() {
            return None;
        }
        let word = self.run(|byte| !is_space(byte));
        self.offset += word.len();
        if word.is_empty() { None } else { Some(word) }
    }

    /// Whether a digit is next.
    #[inline]
    pub fn is_at_number(&mut self) -> bool {
        self.next().is_some_and(|byte| byte.is_ascii_digit())
    }

    /// Reads a number up to `max`, which has to be next; `what` says for an
    /// error what is wanted.
    pub fn number(&mut self, what: &str, max: u64) -> Result<u64> {
        if !self.is_at_number() {
            return Err(self.unexpected(what));
        }
        let text = self.run(is_word_byte);
        let number = match text.strip_prefix("0x") {
            Some(digits) => digits_value(digits, 16),
            None => digits_value(text, 10),
        };
        match number {
            Some(Some(number)) if number <= max => {
                self.offset += text.len();
                Ok(number)
            }
            Some(_) => Err(self.unexpected(format!("a number up to {max:#x}"))),
            None => Err(self.unexpected("a number, decimal or with 0x hexadecimal")),
        }
    }

    /// Reads hexadecimal digits, two for each byte, up to what is none.
    pub fn hex_bytes(&mut self) -> Result<Vec<u8>> {
        self.next();
        let digits = self.run(|byte| byte.is_ascii_hexdigit()).as_bytes();
        if !digits.len().is_multiple_of(2) {
            let found = format!("{} digits", digits.len());
            return Err(Failure::new(self.offset, "two hexadecimal digits for each byte", found));
        }
        self.offset += digits.len();
        let bytes = digits.chunks_exact(2).map(|pair| match *pair {
            [high, low] => DIGITS[usize::from(high)] << 4 | DIGITS[usize::from(low)],
            _ => 0,
        });
        Ok(bytes.collect())
    }

    /// Whether nothing but a comment is left of the line.
    pub fn is_at_line_end(&mut self) -> bool {
        match self.next() {
            None | Some(b'\n' | b'#') => true,
            Some(b'\r') => matches!(self.text.as_bytes().get(self.offset + 1), None | Some(b'\n')),
            Some(_) => false,
        }
    }

    /// Reads the rest of the line, which can only be a comment, and answers
    /// that without `#` and one space behind it.
    pub fn end_line(&mut self) -> Result<Option<&'a str>> {
        if !self.is_at_line_end() {
            return Err(self.unexpected("the end of the line"));
        }
        let line = self.run(|byte| byte != b'\n');
        self.offset += line.len();
        self.offset += usize::from(self.offset < self.text.len());
        // More of them would not be the same when they are read again.
        let line = line.trim_end_matches('\r');
        Ok(line.strip_prefix('#').map(|comment| comment.strip_prefix(' ').unwrap_or(comment)))
    }

    /// The error that something else than `expected` is next.
    #[cold]
    pub fn unexpected(&mut self, expected: impl Into<String>) -> Box<Failure> {
        let found = match self.next() {
            None => "the end of the text".to_owned(),
            _ if self.is_at_line_end() && self.next() == Some(b'#') => "a comment".to_owned(),
            _ if self.is_at_line_end() => "the end of the line".to_owned(),
            Some(byte) if is_word_byte(byte) => quote(self.run(is_word_byte)),
            Some(_) => {
                let rest = self.text.get(self.offset..).unwrap_or("");
                quote(&rest.chars().take(1).collect::<String>())
            }
        };
        Failure::new(self.offset, expected, found)
    }

    /// The error that something else than `expected` is where the cursor was
    /// at `offset`.
    #[cold]
    pub fn unexpected_at(&self, offset: usize, expected: impl Into<String>) -> Box<Failure> {
        Cursor { text: self.text, offset }.unexpected(expected)
    }

    /// The bytes from the cursor on for which `belongs` holds, which has to
    /// part ASCII from ASCII only or keep all other characters whole.
    #[inline]
    fn run(&self, belongs: impl Fn(u8) -> bool) -> &'a str {
        let rest = self.text.get(self.offset..).unwrap_or("");
        let len = rest.bytes().position(|byte| !belongs(byte)).unwrap_or(rest.len());
        rest.get(..len).unwrap_or("")
    }
}

/// The value of each hexadecimal digit.
static DIGITS: [u8; 256] = {
    let mut values = [0; 256];
    let mut value = 0;
    while value < 16 {
        values[b"0123456789abcdef"[value as usize] as usize] = value;
        values[b"0123456789ABCDEF"[value as usize] as usize] = value;
        value += 1;
    }
    values
};

/// The value of digits with underscores between them: `None` if they are no
/// such digits, `Some(None)` if the value has more than 64 bits.
fn digits_value(text: &str, radix: u32) -> Option<Option<u64>> {
    let mut value = Some(0u64);
    let mut has_digits = false;
    for byte in text.bytes() {
        if byte == b'_' {
            continue;
        }
        let digit = char::from(byte).to_digit(radix)?;
        has_digits = true;
        value = value
            .and_then(|value| value.checked_mul(u64::from(radix)))
            .and_then(|value| value.checked_add(u64::from(digit)));
    }
    if has_digits { Some(value) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits() {
        assert_eq!(digits_value("18446744073709551615", 10), Some(Some(u64::MAX)));
        assert_eq!(digits_value("18446744073709551616", 10), Some(None));
        assert_eq!(digits_value("ffff_ffff_ffff_ffff", 16), Some(Some(u64::MAX)));
        assert_eq!(digits_value("1_0000_0000_0000_0000", 16), Some(None));
        assert_eq!(digits_value("000000000000000000000000000007", 10), Some(Some(7)));
        for malformed in ["", "_", "12a", "0x1"] {
            assert_eq!(digits_value(malformed, 10), None, "{malformed}");
        }
    }

    #[test]
    fn words_and_numbers() {
        let mut cursor = Cursor::new("  ab_1\t0x1f 17, hex # note\r\nnext");
        assert_eq!(cursor.word(), Some("ab_1"));
        assert_eq!(cursor.word(), None);
        assert_eq!(cursor.number("a number", 31).ok(), Some(31));
        assert!(cursor.number("a number", 16).is_err());
        assert_eq!(cursor.number("a number", 17).ok(), Some(17));
        assert!(cursor.eat(b','));
        assert_eq!(cursor.peek_word(), Some("hex"));
        assert!(!cursor.is_at_line_end());
        assert!(cursor.eat_keyword("hex"));
        assert_eq!(cursor.end_line().ok(), Some(Some("note")));
        assert_eq!(cursor.word(), Some("next"));
        assert_eq!(cursor.end_line().ok(), Some(None));
        assert_eq!(cursor.next(), None);
    }
}
