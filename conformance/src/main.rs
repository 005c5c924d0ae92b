//! The command `vmo-conformance`.

use std::process::ExitCode;

fn main() -> ExitCode {
    vmo_conformance::command::main(std::env::args_os())
}
