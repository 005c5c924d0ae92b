//! Checks this crate's VMOs against Zircon's contract.

fn main() -> std::process::ExitCode {
    vmo_conformance::suite::main(|| vmo_linux::Linux::new().expect("the host has room"))
}
