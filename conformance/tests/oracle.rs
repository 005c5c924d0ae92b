//! The oracle against what is known to be right, and against what is known to
//! be wrong.

use std::time::Instant;

use vmo_conformance::Level;
use vmo_conformance::backends::built_in;
use vmo_conformance::oracle::Oracle;
use vmo_conformance::program::{Program, parse};
use vmo_conformance::runner::Runner;

fn recordings() -> Vec<Program> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../corpus/golden");
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .expect("the recordings can be listed")
        .map(|entry| entry.expect("an entry can be read").path())
        .collect();
    files.sort();
    let read = |path: &std::path::PathBuf| {
        let text = std::fs::read_to_string(path).expect("a recording can be read");
        parse(&path.display().to_string(), &text).expect("a recording is a list of programs")
    };
    files.iter().flat_map(read).collect()
}

#[test]
fn nothing_that_the_kernel_did_is_called_wrong() {
    let programs = recordings();
    let backend = (built_in("reference").expect("it is built in").start)().expect("it starts");
    let mut runner = Runner::new(backend.as_ref()).expect("its arena is large enough");
    for level in Level::ALL {
        let fresh = Oracle::new(runner.environment(), level);
        let mut wrong = 0;
        let mut lost = 0;
        let mut steps = 0;
        let start = Instant::now();
        for program in &programs {
            let mut oracle = fresh.clone();
            let result = runner.run(program, |index, outcome, facts| {
                steps += 1;
                let action = &program.steps[index].action;
                let judged = oracle.observe(action, outcome, facts);
                if let Err(violation) = &judged {
                    wrong += 1;
                    if wrong < 30 {
                        eprintln!("{} step {index}: {violation}", program.name);
                    }
                }
                judged.is_ok()
            });
            result.expect("the reference can do everything");
            lost += usize::from(oracle.gave_up());
        }
        eprintln!(
            "{}: {} programs, {steps} steps, {wrong} called wrong, {lost} given up, {:?}",
            level.name(),
            programs.len(),
            start.elapsed()
        );
        assert_eq!(wrong, 0);
    }
}
