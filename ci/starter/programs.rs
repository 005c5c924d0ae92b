//! Every call: these VMOs against the oracle, `cargo +nightly fuzz run programs`.

#![no_main]

#[path = "../../tests/zircon/backend.rs"]
mod backend;

use std::cell::RefCell;

use libfuzzer_sys::{Corpus, fuzz_crossover, fuzz_mutator, fuzz_target};
use vmo_conformance::Level;
use vmo_conformance::fuzz::target::{self, Target};

fn start() -> Target {
    let backend = Box::new(backend::Example::default());
    Target::new(backend, Level::Page, target::programs).expect("the arena is large enough")
}

thread_local! {
    static TARGET: RefCell<Target> = RefCell::new(start());
}

fuzz_target!(|text: &[u8]| -> Corpus {
    let ran = TARGET.with_borrow_mut(|target| target.run(text));
    if ran { Corpus::Keep } else { Corpus::Reject }
});

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    TARGET.with_borrow_mut(|target| target.mutate(data, size, max_size, seed))
});

fuzz_crossover!(|data1: &[u8], data2: &[u8], out: &mut [u8], seed: u32| {
    TARGET.with_borrow_mut(|target| target.cross(data1, data2, out, seed))
});
