//! Handles, rights, names, signals and waits: the backend against the oracle.

#![no_main]

use std::cell::RefCell;

use libfuzzer_sys::{Corpus, fuzz_crossover, fuzz_mutator, fuzz_target};
use vmo_conformance::fuzz::target::{self, Target};

thread_local! {
    static TARGET: RefCell<Target> = RefCell::new(Target::or_exit(target::handles));
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
