//! Checks this crate's VMOs against Zircon's contract.

fn main() -> std::process::ExitCode {
    vmo_conformance::suite::main(example_vmo::Example::default)
}
