//! Checks the reference against Zircon's contract.

use vmo_conformance::{Level, suite};
use vmo_reference::{Configuration, Reference};

fn main() -> std::process::ExitCode {
    suite::main_at(Level::Kernel, || {
        Reference::new(Configuration::default()).expect("the reference starts")
    })
}
