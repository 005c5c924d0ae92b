//! Checks this crate's VMOs against Zircon's contract, with what is known to fail.

use vmo_linux::Linux;

fn main() -> std::process::ExitCode {
    vmo_conformance::suite::Check::new(|| Linux::new().expect("the host has room"))
        .expectations("expectations.toml")
        .main()
}
