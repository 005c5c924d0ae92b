//! Checks these VMOs against Zircon's contract: `cargo test --test zircon`.

mod backend;

use vmo_conformance::suite::Check;

fn main() -> std::process::ExitCode {
    Check::new(backend::Example::default).expectations("expectations.toml").main()
}
