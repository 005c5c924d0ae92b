//! The whole command line for this crate's VMOs.

use vmo_conformance::backends::{BuiltIn, StartError};
use vmo_linux::Linux;

static MINE: [BuiltIn; 1] = [BuiltIn {
    name: "linux",
    description: "VMOs over memfd and mmap",
    start: || match Linux::new() {
        Ok(backend) => Ok(Box::new(backend)),
        Err(error) => Err(StartError(error.to_string())),
    },
}];

fn main() -> std::process::ExitCode {
    vmo_conformance::command::main_with(&MINE)
}
