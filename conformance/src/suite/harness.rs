//! The suite as a test binary of another crate, with the command line of
//! `cargo test`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use libtest_mimic::{Arguments, Completion, Failed, Trial};
use vmo_abi::Backend;

use super::Suite;
use super::run::{CaseOptions, run_case};
use crate::expectations::{Conditions, Expectations};
use crate::level::Level;
use crate::recordings::program_names;
use crate::report::{Case, Verdict, case_text};

/// The environment variable that sets the level.
const LEVEL: &str = "VMO_LEVEL";

/// The exit code if something that was given is malformed.
const USAGE: u8 = 2;
/// The exit code if known failures name what does not exist.
const STALE: u8 = 5;

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
    Check::new(start).main()
}

/// As [`main`], at `level` if `VMO_LEVEL` does not say otherwise.
pub fn main_at<B: Backend + 'static>(level: Level, start: fn() -> B) -> ExitCode {
    Check::new(start).level(level).main()
}

/// How [`main`] runs the suite, to be changed before it does.
///
/// ```no_run
/// use vmo_reference::{Configuration, Reference};
///
/// fn main() -> std::process::ExitCode {
///     vmo_conformance::suite::Check::new(|| Reference::new(Configuration::default()).unwrap())
///         .expectations("tests/known.toml")
///         .main()
/// }
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Check<B> {
    start: fn() -> B,
    level: Level,
    expectations: Option<PathBuf>,
}

impl<B: Backend + 'static> Check<B> {
    /// A check of backends that `start` makes, at the default level and with no
    /// known failures.
    pub fn new(start: fn() -> B) -> Self {
        Self { start, level: Level::default(), expectations: None }
    }

    /// Holds the backend to this level, if `VMO_LEVEL` does not say otherwise.
    pub fn level(self, level: Level) -> Self {
        Self { level, ..self }
    }

    /// Reads known failures from a file (see
    /// [`expectations`](crate::expectations)); a relative path starts at the
    /// folder of the crate, where `cargo test` runs its tests. A test that
    /// fails as expected passes with a note, one that passes although it is
    /// expected to fail fails, and so does one whose entry has expired.
    pub fn expectations(self, path: impl Into<PathBuf>) -> Self {
        Self { expectations: Some(path.into()), ..self }
    }

    /// Runs the tests that the command line selects.
    ///
    /// The exit code is 2 if `VMO_LEVEL` or the file of known failures is
    /// malformed, 5 if the latter names tests that do not exist, and else what
    /// `cargo test` expects.
    pub fn main(self) -> ExitCode {
        let arguments = Arguments::from_args();
        match self.trials() {
            Ok(trials) => libtest_mimic::run(&arguments, trials).exit_code(),
            Err((code, message)) => {
                eprintln!("error: {message}");
                ExitCode::from(code)
            }
        }
    }

    fn trials(self) -> Result<Vec<Trial>, (u8, String)> {
        let level = match std::env::var(LEVEL) {
            Ok(name) => Level::named(&name).ok_or_else(|| {
                (USAGE, format!("{LEVEL} is `{name}`; it takes seed, page or kernel"))
            })?,
            Err(_) => self.level,
        };
        let environment = (self.start)().environment();
        let suite = Suite::new();
        let known = match &self.expectations {
            Some(path) => read_known(path, &suite)?,
            None => Expectations::default(),
        };
        let conditions = Conditions { level, edition: environment.edition.name };
        let trials = suite.at_level(level).map(|test| {
            let options = CaseOptions { level, include_hazards: true };
            // What is not supported is settled while listing, as far as it can
            // be: runners that start every test by itself count it as ignored,
            // too.
            let is_ignored = test.hazard || test.missing(environment.capabilities).is_some();
            let (start, test, name) = (self.start, test.clone(), test.name.clone());
            let known = known.about(&name);
            let run = move || -> Result<Completion, Failed> {
                let report = run_case(&test, &start(), options);
                let mut case = Case::of_test(&test, &report, || Some(again(&test.name)));
                let applied = known.applied(conditions);
                applied.judge(&mut case);
                match (case.verdict, applied.complaint(&case)) {
                    (Verdict::Unsupported, _) => {
                        let what = case.details().reason.clone().unwrap_or_default();
                        Ok(Completion::ignored_with(what))
                    }
                    (_, Some(complaint)) => Err(complaint.into()),
                    (Verdict::ExpectedFailure, None) => {
                        eprintln!("{} fails as expected\n{}", case.name, case_text(&case));
                        Ok(Completion::Completed)
                    }
                    (Verdict::Pass, None) => Ok(Completion::Completed),
                    _ => Err(case_text(&case).into()),
                }
            };
            Trial::ignorable_test(name, run).with_ignored_flag(is_ignored)
        });
        Ok(trials.collect())
    }
}

/// The known failures of a file, all of which name something.
fn read_known(path: &Path, suite: &Suite) -> Result<Expectations, (u8, String)> {
    let known = Expectations::read(path).map_err(|error| (USAGE, error.to_string()))?;
    let tests = suite.tests().iter().map(|test| test.name.as_str());
    // Most files name nothing but tests, and each test may be run in a process
    // of its own.
    if known.nameless(tests.clone()).next().is_some() {
        let nameless: Vec<_> = known.nameless(tests.chain(program_names())).collect();
        if !nameless.is_empty() {
            return Err((STALE, nameless.join("\n")));
        }
    }
    Ok(known)
}

/// The command that runs a test of this very binary again.
fn again(name: &str) -> String {
    let binary = std::env::args().next().unwrap_or_default();
    let level = std::env::var(LEVEL).map_or(String::new(), |level| format!("{LEVEL}={level} "));
    format!("{level}{binary} --exact {name}")
}
