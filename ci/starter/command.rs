//! The command `vmo-conformance` for these VMOs: `cargo run --example zircon -- run`.

#[path = "../tests/zircon/backend.rs"]
mod backend;

use vmo_conformance::backends::BuiltIn;

static MINE: [BuiltIn; 1] = [BuiltIn {
    name: "mine",
    description: "the VMOs of this crate",
    start: || Ok(Box::new(backend::Example::default())),
}];

fn main() -> std::process::ExitCode {
    vmo_conformance::command::main_with(&MINE)
}
