//! How values are written in C.

use vmo_abi::{ArgumentKind, Named, ZX_TIME_INFINITE, names_of, status_name, zx_status_t};

use crate::program::{Address, Data, Handle, Name, Part, Program};

/// An identifier for a name of a program.
pub(super) fn identifier(program: &Program, name: Name) -> String {
    let text = program.name_text(name);
    let is_plain = text.len() >= 2 && text[1..].bytes().all(|byte| byte.is_ascii_digit());
    // Other names could mean something to C.
    if is_plain { text.to_owned() } else { format!("name_{text}") }
}

/// A handle; `None` for what a C program does not have.
pub(super) fn handle(program: &Program, handle: Handle) -> Option<String> {
    Some(match handle {
        Handle::Invalid => "ZX_HANDLE_INVALID".to_owned(),
        Handle::Never => "0xffffffffu".to_owned(),
        Handle::Region => "region".to_owned(),
        Handle::Root => "zx_vmar_root_self()".to_owned(),
        Handle::Process => "zx_process_self()".to_owned(),
        Handle::Observed => return None,
        Handle::Named(name) => identifier(program, name),
        Handle::Literal(value) => format!("{value:#x}u"),
    })
}

/// An address as a number.
pub(super) fn address(program: &Program, address: Address) -> String {
    let plus = |base: String, offset: u64| match offset {
        0 => base,
        offset => format!("{base} + {}", long(offset)),
    };
    match address {
        Address::Null => "0".to_owned(),
        Address::Unmapped => "unmapped_address()".to_owned(),
        Address::ReadOnly => "(uintptr_t)read_only_page".to_owned(),
        // The lowest address of the kernel on x86-64 is above all of user space.
        Address::Kernel => "0xffffff8000100000u".to_owned(),
        Address::Straddle(bytes) => format!("straddling_address({bytes})"),
        Address::Region(offset) => plus("region_address".to_owned(), offset),
        Address::Named(name, offset) => {
            plus(format!("{}_address", identifier(program, name)), offset)
        }
        Address::Literal(address) => long(address),
    }
}

/// A number of 64 bits.
pub(super) fn long(number: u64) -> String {
    match number {
        0..=9 => number.to_string(),
        _ if number <= u64::from(u32::MAX) => format!("{number:#x}u"),
        _ => format!("{number:#x}ull"),
    }
}

/// The number of an argument, by names where these express all of it.
pub(super) fn number(kind: ArgumentKind, number: u64) -> String {
    if kind == ArgumentKind::Deadline && number == ZX_TIME_INFINITE {
        return "ZX_TIME_INFINITE".to_owned();
    }
    let named = match names_of(kind) {
        Some(Named::Values(table)) => {
            table.iter().find(|(_, value)| *value == number).map(|(name, _)| constant(kind, name))
        }
        Some(Named::Bits(table)) if number != 0 => {
            let parts: Vec<_> = table.iter().filter(|(_, bit)| number & bit == *bit).collect();
            let all = parts.iter().fold(0, |all, (_, bit)| all | bit);
            let names: Vec<_> = parts.iter().map(|(name, _)| constant(kind, name)).collect();
            (all == number).then(|| names.join(" | "))
        }
        _ => None,
    };
    named.unwrap_or_else(|| long(number))
}

/// The name of a constant in Zircon's headers.
fn constant(kind: ArgumentKind, name: &str) -> String {
    let prefix = match kind {
        ArgumentKind::CloneOptions => "ZX_VMO_CLONE_",
        ArgumentKind::MapFlags => "ZX_VM_FLAG_",
        ArgumentKind::CachePolicy => "ZX_CACHE_POLICY_",
        ArgumentKind::VmoOperation => "ZX_VMO_OP_",
        ArgumentKind::Property => "ZX_PROP_",
        ArgumentKind::InfoTopic => "ZX_INFO_",
        ArgumentKind::Signals => return signal(name),
        _ => "ZX_RIGHT_",
    };
    format!("{prefix}{name}")
}

/// The constant of a signal.
pub(crate) fn signal(name: &str) -> String {
    match name.strip_prefix("USER_") {
        Some(number) => format!("ZX_USER_SIGNAL_{number}"),
        None if name == "ZERO_CHILDREN" => "ZX_VMO_ZERO_CHILDREN".to_owned(),
        None => format!("ZX_SIGNAL_{name}"),
    }
}

/// A status by its name.
pub(super) fn status(status: zx_status_t) -> String {
    status_name(status).map_or_else(|| status.to_string(), |name| format!("ZX_{name}"))
}

/// A string constant of any bytes.
pub(super) fn string(bytes: &[u8]) -> String {
    let mut text = "\"".to_owned();
    for byte in bytes {
        // Octal digits end after three, so that nothing that follows is taken
        // for more of them.
        match byte {
            b' '..=b'~' if !b"\"\\?".contains(byte) => text.push(char::from(*byte)),
            _ => text.push_str(&format!("\\{byte:03o}")),
        }
    }
    text.push('"');
    text
}

/// Bytes in each piece of a long string.
const STRING_PIECE: usize = 2048;

/// Statements that put data into an array of bytes.
pub(super) fn put(array: &str, data: &Data) -> Vec<String> {
    let mut at = 0;
    let mut statements = Vec::new();
    for part in data.0.iter().filter(|part| part.len() != 0) {
        let len = part.len();
        match part {
            Part::Hex(bytes) => {
                for (nth, piece) in bytes.chunks(STRING_PIECE).enumerate() {
                    let place = at + (nth * STRING_PIECE) as u64;
                    let (text, len) = (string(piece), piece.len());
                    statements.push(format!("memcpy({array} + {place}, {text}, {len});"));
                }
            }
            Part::Fill(byte, len) => {
                statements.push(format!("memset({array} + {at}, {byte:#x}, {len});"));
            }
            Part::Seq(first, len) => {
                statements.push(format!("sequence({array} + {at}, {first}, {len});"));
            }
        }
        at += len;
    }
    statements
}

/// Statements that check the bytes of an array.
pub(super) fn expect(clause: &str, array: &str, offset: usize, bytes: &[u8]) -> Vec<String> {
    let mut at = offset as u64;
    let mut statements = Vec::new();
    for part in &Data::from_bytes(bytes).0 {
        let len = part.len();
        match part {
            Part::Hex(bytes) => {
                for (nth, piece) in bytes.chunks(STRING_PIECE).enumerate() {
                    let place = at + (nth * STRING_PIECE) as u64;
                    let (text, len) = (string(piece), piece.len());
                    statements
                        .push(format!("expect_bytes({clause}, {array}, {place}, {text}, {len});"));
                }
            }
            Part::Fill(byte, len) => {
                statements.push(format!("expect_fill({clause}, {array}, {at}, {byte:#x}, {len});"))
            }
            Part::Seq(first, len) => statements
                .push(format!("expect_sequence({clause}, {array}, {at}, {first}, {len});")),
        }
        at += len;
    }
    statements
}
