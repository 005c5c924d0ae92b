//! Every program of the corpus comes out on the reference as it says.

use std::path::{Path, PathBuf};
use std::{fs, io};

use vmo_conformance::Level;
use vmo_conformance::backends::built_in;
use vmo_conformance::oracle::Oracle;
use vmo_conformance::program::{Program, parse_bytes};
use vmo_conformance::replay::{Summary, Verdict, replay_all};
use vmo_conformance::runner::Runner;

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

/// The fuzz targets that run programs; each has a folder of seeds.
const FUZZED: [&str; 5] = ["programs", "clones", "mappings", "handles", "limits"];
const FEWEST_SEEDS: usize = 15;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../corpus")
}

fn files() -> Vec<PathBuf> {
    let mut files = Vec::new();
    program_files(&folder(), &mut files).expect("the corpus can be listed");
    files.sort();
    files
}

fn in_folder(file: &Path, name: &str) -> bool {
    file.starts_with(folder().join(name))
}

fn is_recorded(file: &Path) -> bool {
    in_folder(file, "golden")
}

fn read(file: &PathBuf) -> Vec<Program> {
    let bytes = fs::read(file).expect("a file of the corpus can be read");
    parse_bytes(&file.display().to_string(), &bytes).unwrap_or_else(|error| panic!("{error}"))
}

fn corpus() -> Vec<Program> {
    files().iter().flat_map(read).collect()
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

/// Programs with expectations or without: what the reference does is judged at
/// every step, as it is while fuzzing.
#[test]
fn the_oracle_allows_what_the_reference_does_in_every_seed_and_regression() {
    let programs: Vec<_> = files()
        .into_iter()
        .filter(|file| !is_recorded(file))
        .flat_map(|file| read(&file))
        .collect();
    assert!(programs.len() >= FUZZED.len() * FEWEST_SEEDS);
    let backend = (built_in("reference").expect("it is built in").start)().expect("it starts");
    let mut runner = Runner::new(backend.as_ref()).expect("its arena is large enough");
    for level in [Level::Kernel, Level::Page] {
        let fresh = Oracle::new(runner.environment(), level);
        for program in &programs {
            let mut oracle = fresh.clone();
            let ran = runner.run(program, |index, outcome, facts| {
                let judged = oracle.observe(&program.steps[index].action, outcome, facts);
                let level = level.name();
                assert_eq!(judged, Ok(()), "step {} at level {level} of\n{program}", index + 1);
                true
            });
            assert_eq!(ran, Ok(()), "{program}");
        }
    }
}

/// A seed is one program with one idea, which its comment tells, under the name
/// of its file.
#[test]
fn every_target_has_seeds_with_an_idea() {
    for target in FUZZED {
        let seeds = files().into_iter().filter(|file| in_folder(file, target)).filter(|file| {
            let programs = read(file);
            let [program] = programs.as_slice() else {
                panic!("{} has {} programs", file.display(), programs.len())
            };
            let stem = file.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
            assert_eq!(program.name, format!("{target}/{stem}"));
            !program.comments.is_empty()
        });
        let seeds = seeds.count();
        assert!(seeds >= FEWEST_SEEDS, "{target} has {seeds} seeds");
    }
}

/// The corpus is small enough to be replayed at each change.
#[test]
fn found_programs_stay_small() {
    let size = |file: &PathBuf| fs::metadata(file).expect("a file of the corpus is there").len();
    let fuzzed = files().into_iter().filter(|file| !is_recorded(file));
    let bytes: u64 = fuzzed.map(|file| size(&file)).sum();
    assert!(bytes < 1 << 20, "{bytes} bytes");
}
