//! Converts recordings of a real kernel, JSON lines, to programs in text form,
//! one file for each input file and topic.
//!
//! ```text
//! cargo run --release --example convert_golden -- RECORDING.jsonl... FOLDER
//! ```

use std::collections::BTreeMap;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::{env, fs};

use vmo_conformance::program::{Program, parse_golden, print};

fn main() -> ExitCode {
    let mut paths: Vec<PathBuf> = env::args_os().skip(1).map(PathBuf::from).collect();
    let Some(folder) = paths.pop().filter(|_| !paths.is_empty()) else {
        eprintln!("usage: convert_golden RECORDING.jsonl... FOLDER");
        return ExitCode::from(2);
    };
    for recording in paths {
        if let Err(error) = convert(&recording, &folder) {
            eprintln!("{error}");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

fn convert(recording: &Path, folder: &Path) -> Result<(), Box<dyn Error>> {
    let source_name = recording.display().to_string();
    let text = fs::read_to_string(recording).map_err(|error| format!("{source_name}: {error}"))?;
    let mut by_topic: BTreeMap<String, Vec<Program>> = BTreeMap::new();
    for program in parse_golden(&source_name, &text)? {
        by_topic.entry(program.topic.clone()).or_default().push(program);
    }
    let stem = recording.file_stem().unwrap_or_default().to_string_lossy();
    for (topic, mut programs) in by_topic {
        if let Some(first) = programs.first_mut() {
            first.comments = head(&stem, &topic);
        }
        let steps: usize = programs.iter().map(|program| program.steps.len()).sum();
        let file = folder.join(format!("{stem}-{}.vmo", file_name(&topic)));
        fs::write(&file, print(&programs))?;
        println!("{}: {} programs, {steps} steps", file.display(), programs.len());
    }
    Ok(())
}

/// The comment at the head of a file.
fn head(stem: &str, topic: &str) -> Vec<String> {
    [
        &*format!("Programs ({stem}, {topic}) and what a real Zircon kernel answered."),
        "",
        "Recorded from Zircon commit 66e3dd6e (28 June 2018), x86-64. Each program ran",
        "in two boots and is here because both gave the same results.",
        "Data, not to be edited: conformance/examples/convert_golden.rs made it from the",
        "recording.",
        "",
    ]
    .map(str::to_owned)
    .to_vec()
}

/// A topic as a part of a file name.
fn file_name(topic: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '-' { c } else { '-' };
    topic.chars().map(plain).collect()
}
