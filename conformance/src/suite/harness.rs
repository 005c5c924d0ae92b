//! The suite as a test binary of another crate, with the command line of
//! `cargo test`.

use std::process::ExitCode;

use libtest_mimic::{Arguments, Completion, Failed, Trial};
use vmo_abi::Backend;

use super::Suite;
use super::report::failure_text;
use super::run::{CaseOptions, CaseVerdict, run_case};
use crate::level::Level;

/// The environment variable that sets the level.
const LEVEL: &str = "VMO_LEVEL";

/// Runs the suite against backends that `start` makes, a fresh one for each
/// test, with the command line of `cargo test`: the `main` of a test target
/// with `harness = false`.
///
/// `VMO_LEVEL` sets the level: `seed`, `page` (the default) or `kernel`. Tests
/// that need what the backend does not claim are ignored, and so are those that
/// a real kernel may not survive; `--include-ignored` runs the latter.
///
/// ```no_run
/// use vmo_reference::{Configuration, Reference};
///
/// fn main() -> std::process::ExitCode {
///     vmo_conformance::suite::main(|| Reference::new(Configuration::default()).unwrap())
/// }
/// ```
pub fn main<B: Backend + 'static>(start: fn() -> B) -> ExitCode {
    main_at(Level::default(), start)
}

/// As [`main`], at `level` if `VMO_LEVEL` does not say otherwise.
pub fn main_at<B: Backend + 'static>(level: Level, start: fn() -> B) -> ExitCode {
    let arguments = Arguments::from_args();
    let level = match std::env::var(LEVEL) {
        Ok(name) => match Level::named(&name) {
            Some(level) => level,
            None => {
                eprintln!("error: {LEVEL} is `{name}`; it takes seed, page or kernel");
                return ExitCode::from(2);
            }
        },
        Err(_) => level,
    };
    let capabilities = start().environment().capabilities;
    let suite = Suite::new();
    let trials = suite.at_level(level).map(|test| {
        let options = CaseOptions { level, include_hazards: true };
        // What is not supported is settled while listing, as far as it can be:
        // runners that start every test by itself count it as ignored, too.
        let is_ignored = test.hazard || test.missing(capabilities).is_some();
        let test = test.clone();
        let name = test.name.clone();
        let run = move || -> Result<Completion, Failed> {
            let report = run_case(&test, &start(), options);
            match report.verdict {
                CaseVerdict::Pass => Ok(Completion::Completed),
                CaseVerdict::Unsupported(what) => Ok(Completion::ignored_with(what)),
                _ => Err(failure_text(&test, &report, Some(&again(&test.name))).into()),
            }
        };
        Trial::ignorable_test(name, run).with_ignored_flag(is_ignored)
    });
    libtest_mimic::run(&arguments, trials.collect()).exit_code()
}

/// The command that runs a test of this very binary again.
fn again(name: &str) -> String {
    let binary = std::env::args().next().unwrap_or_default();
    let level = std::env::var(LEVEL).map_or(String::new(), |level| format!("{LEVEL}={level} "));
    format!("{level}{binary} --exact {name}")
}
