//! Does nothing: what libFuzzer itself takes, for the others to be compared with.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    std::hint::black_box(bytes);
});
