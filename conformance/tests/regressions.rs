//! What was once wrong in the oracle or in the reference stays mended.

use std::fs;
use std::path::Path;

use vmo_conformance::Level;
use vmo_conformance::backends::built_in;
use vmo_conformance::enumerate::broken_by;
use vmo_conformance::program::parse_bytes;

#[test]
fn the_oracle_and_the_reference_agree_on_every_regression() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../corpus/regressions");
    let start = built_in("reference").expect("it is built in").start;
    let mut count = 0;
    for entry in fs::read_dir(folder).expect("the regressions can be listed") {
        let path = entry.expect("an entry can be read").path();
        let bytes = fs::read(&path).expect("a regression can be read");
        let programs = parse_bytes(&path.display().to_string(), &bytes);
        for program in programs.unwrap_or_else(|error| panic!("{error}")) {
            for level in Level::ALL {
                let broken = broken_by(&program, level, &start).expect("the reference starts");
                assert_eq!(broken, None, "{} at {}", program.name, level.name());
            }
            count += 1;
        }
    }
    assert_ne!(count, 0);
}
