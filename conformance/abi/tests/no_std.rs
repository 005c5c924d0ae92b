//! `vmo-abi` is for kernels: a crate without the standard library can use it.
//!
//! The crate under `no_std/` is built for the host without `std`, as a library
//! that has neither a panic handler nor an allocator, so anything of `std` or
//! `alloc` in `vmo-abi` would show.

use std::path::Path;
use std::process::Command;

#[test]
fn a_crate_without_std_builds_with_it() {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/no_std/Cargo.toml");
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("no_std");
    let output = Command::new(env!("CARGO"))
        .args(["build", "--offline", "--no-default-features", "--manifest-path"])
        .arg(&manifest)
        .arg("--target-dir")
        .arg(&target)
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
