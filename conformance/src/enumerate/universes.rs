//! The universes that there are.

mod handles;
mod mappings;
mod vmo;

use vmo_abi::{ZX_PAGE_SIZE, zx_signals_t};

use super::universe::{Pick, Universe};
use crate::program::{Address, Data, Handle, Part, Program, Value, parse};

/// Makes a universe.
pub type Make = fn() -> Universe;

/// Every universe with its name, in the order in which they are tried.
pub const UNIVERSES: &[(&str, Make)] =
    &[("vmo", vmo::universe), ("handles", handles::universe), ("mappings", mappings::universe)];

/// The universe called `name`.
#[must_use]
pub fn universe(name: &str) -> Option<Universe> {
    let make = UNIVERSES.iter().find(|(known, _)| *known == name);
    make.map(|(_, make)| make())
}

const PAGE: u64 = ZX_PAGE_SIZE;
/// The last page of 64 bits.
const TOP: u64 = u64::MAX - (PAGE - 1);
/// A value whose lower half looks harmless.
const BEYOND_32_BITS: u64 = 1 << 32;

/// The programs of a text.
fn starts(text: &str) -> Vec<Program> {
    match parse("universe", text) {
        Ok(starts) => starts,
        Err(error) => panic!("the start of a universe: {error}"),
    }
}

fn numbers<const N: usize>(numbers: [u64; N]) -> [Pick; N] {
    numbers.map(|number| Pick::Value(Value::Number(number)))
}

fn masks<const N: usize>(numbers: [u32; N]) -> [Pick; N] {
    numbers.map(|number| Pick::Value(Value::Number(u64::from(number))))
}

fn handle(handle: Handle) -> Pick {
    Pick::Value(Value::Handle(handle))
}

fn at(address: Address) -> Pick {
    Pick::Value(Value::Address(address))
}

fn region(offsets: &[u64]) -> Vec<Pick> {
    offsets.iter().map(|offset| at(Address::Region(*offset))).collect()
}

fn data(parts: impl Into<Vec<Part>>) -> Pick {
    Pick::Value(Value::Data(Data(parts.into())))
}

fn items<const N: usize>(items: [(Pick, zx_signals_t); N]) -> Pick {
    Pick::Items(items.into())
}

const SCRATCH: Pick = Pick::Value(Value::Scratch);

/// Handles that no call on a VMO takes.
fn no_vmo() -> [Pick; 4] {
    [handle(Handle::Invalid), Pick::Closed, handle(Handle::Process), Pick::Other]
}

/// Places that nothing can be stored in.
fn bad_places() -> [Pick; 3] {
    [Address::Null, Address::ReadOnly, Address::Kernel].map(at)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_universe_has_its_name_and_can_be_printed() {
        for (name, make) in UNIVERSES {
            let made = make();
            assert_eq!(made.name, *name);
            let text = made.to_string();
            assert!(text.starts_with(&format!("universe {name}: ")), "{text}");
            for start in &made.starts {
                assert!(text.contains(&start.name), "{text}");
                assert!(!start.name.is_empty());
            }
            let names: HashSet<_> = made.starts.iter().map(|start| &start.name).collect();
            assert_eq!(names.len(), made.starts.len());
            assert!(made.shapes.iter().any(|shape| shape.looks));
            assert!(universe(name).is_some());
        }
        assert!(universe("vmos").is_none());
    }
}
