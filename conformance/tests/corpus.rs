//! Every program of the corpus comes out on the reference as it says.

use std::path::{Path, PathBuf};
use std::{fs, io};

use vmo_conformance::Level;
use vmo_conformance::backends::built_in;
use vmo_conformance::program::{Program, parse_bytes};
use vmo_conformance::replay::{Summary, Verdict, replay_all};

fn program_files(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            program_files(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "vmo") {
            files.push(path);
        }
    }
    Ok(())
}

fn corpus() -> Vec<Program> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../corpus");
    let mut files = Vec::new();
    program_files(&folder, &mut files).expect("the corpus can be listed");
    files.sort();
    let read = |file: &PathBuf| {
        let bytes = fs::read(file).expect("a file of the corpus can be read");
        parse_bytes(&file.display().to_string(), &bytes).unwrap_or_else(|error| panic!("{error}"))
    };
    files.iter().flat_map(read).collect()
}

#[test]
fn the_reference_agrees_with_every_program_at_every_level() {
    let programs = corpus();
    let programs: Vec<_> = programs.iter().collect();
    let start = built_in("reference").expect("it is built in").start;
    for level in Level::ALL {
        let replayed = replay_all(&programs, level, 2, &start).expect("the reference starts");
        for (program, replayed) in programs.iter().zip(&replayed) {
            assert_eq!(replayed.verdict, Verdict::Agreed, "{} at {}", program.name, level.name());
        }
        let summary = Summary::of(&programs, &replayed);
        assert_eq!(summary.agreed, programs.len());
        let steps: usize = programs.iter().map(|program| program.steps.len()).sum();
        assert!(summary.steps_judged >= 117_247 && summary.steps_judged <= steps);
    }
}
