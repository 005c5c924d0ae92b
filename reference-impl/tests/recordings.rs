//! The reference does what a real kernel did.

use vmo_conformance::Level;
use vmo_conformance::backends::StartError;
use vmo_conformance::program::parse;
use vmo_conformance::recordings::recordings;
use vmo_conformance::replay::{Verdict, replay_all};
use vmo_reference::{Configuration, Reference};

#[test]
fn the_reference_does_what_the_recorded_kernel_did() {
    let parsed = recordings().flat_map(|file| parse(file.path, file.text).expect("it parses"));
    let programs: Vec<_> = parsed.collect();
    let programs: Vec<_> = programs.iter().collect();
    assert_eq!(programs.len(), 8140);
    let start = || match Reference::new(Configuration::default()) {
        Ok(reference) => Ok(Box::new(reference) as Box<_>),
        Err(error) => Err(StartError(error.to_string())),
    };
    let replayed = replay_all(&programs, Level::Kernel, 2, &start).expect("the reference starts");
    for (program, replayed) in programs.iter().zip(&replayed) {
        assert_eq!(replayed.verdict, Verdict::Agreed, "{}", program.name);
    }
}
