//! The whole command line for this crate's VMOs: `cargo run --example check -- fuzz`.

use example_vmo::Example;
use vmo_conformance::backends::BuiltIn;

static MINE: [BuiltIn; 1] = [BuiltIn {
    name: "example",
    description: "the VMOs of this crate",
    start: || Ok(Box::new(Example::default())),
}];

fn main() -> std::process::ExitCode {
    vmo_conformance::command::main_with(&MINE)
}
