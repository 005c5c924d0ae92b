//! The parser takes any bytes without a panic, and what it reads is printed and
//! read again to the same programs.

#![no_main]

use libfuzzer_sys::fuzz_target;
use vmo_conformance::program::{parse, parse_bytes, print};

fuzz_target!(|bytes: &[u8]| {
    let Ok(programs) = parse_bytes("input", bytes) else { return };
    let text = print(&programs);
    match parse("printed", &text) {
        Ok(again) => assert_eq!(programs, again),
        Err(error) => panic!("{error}\n{text}"),
    }
});
