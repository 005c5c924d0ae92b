//! What of the process's own memory can be accessed.

use std::fs;
use std::ops::Range;

/// A stretch of mapped addresses.
struct Stretch {
    addresses: Range<u64>,
    readable: bool,
    writable: bool,
}

/// A line of `/proc/self/maps`, such as `7f00-7f20 rw-p 0 00:00 0`.
fn stretch(line: &str) -> Option<Stretch> {
    let mut words = line.split_ascii_whitespace();
    let (start, end) = words.next()?.split_once('-')?;
    let permissions = words.next()?.as_bytes();
    let number = |text| u64::from_str_radix(text, 16).ok();
    Some(Stretch {
        addresses: number(start)?..number(end)?,
        readable: permissions.first() == Some(&b'r'),
        writable: permissions.get(1) == Some(&b'w'),
    })
}

/// How many of the bytes from an address on can be read, and written if
/// `written`, without a gap.
///
/// # Errors
///
/// The host does not say.
pub(crate) fn accessible(address: u64, len: u64, written: bool) -> std::io::Result<u64> {
    let maps = fs::read_to_string("/proc/self/maps")?;
    let mut end = address;
    let wanted = address.saturating_add(len);
    // The lines are in the order of addresses.
    for stretch in maps.lines().filter_map(stretch) {
        let is_good = stretch.readable && (!written || stretch.writable);
        if is_good && stretch.addresses.contains(&end) {
            end = stretch.addresses.end;
        }
        if end >= wanted {
            break;
        }
    }
    Ok(end.min(wanted) - address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_of_the_process_is_told_from_what_is_none() {
        let mut buffer = vec![0_u8; 3 << 20];
        let at = buffer.as_mut_ptr() as u64;
        assert_eq!(accessible(at, 3 << 20, true).ok(), Some(3 << 20));
        assert_eq!(accessible(0, 16, false).ok(), Some(0));
        assert_eq!(accessible(u64::MAX - 8, 16, false).ok(), Some(0));
        static CONSTANT: [u8; 4096] = [7; 4096];
        let at = CONSTANT.as_ptr() as u64;
        assert_eq!(accessible(at, 4096, false).ok(), Some(4096));
        assert_eq!(accessible(at, 4096, true).ok(), Some(0));
    }
}
