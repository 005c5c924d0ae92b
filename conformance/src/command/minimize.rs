//! `minimize`: the shortest program that breaks the same clause.

use std::path::PathBuf;

use clap::Args;

use super::exit::Exit;
use super::failure::Failure;
use super::replay::Selection;
use super::{Target, output, source};
use crate::backends::{self, Choice};
use crate::export::{Form, export};
use crate::level::Level;
use crate::program::Program;
use crate::reproduce::{Finding, Wrong, first_wrong_step};
use crate::runner::Runner;
use crate::shrink::{shrink, shrink_to_expectation};

/// What `minimize` takes.
#[derive(Args)]
pub(super) struct Minimize {
    /// The file with the programs.
    file: PathBuf,
    #[command(flatten)]
    target: Target,
    /// Only the programs of this name or pattern.
    ///
    /// Only the programs of this name or pattern; may be repeated.
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,
    /// The file to write to.
    ///
    /// The file to write to; the terminal if not given.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// The programs of a file that have one of some names.
pub(super) fn programs(file: &PathBuf, only: &[String]) -> Result<Vec<Program>, Failure> {
    let sources = source::from_paths(std::slice::from_ref(file))?;
    let all: Vec<_> = sources.into_iter().flat_map(|source| source.programs).collect();
    let selection = Selection { names: only, exact: false };
    if let Some(name) =
        only.iter().find(|name| !all.iter().any(|program| selection.matches(name, &program.name)))
    {
        return Err(Failure::NoSuchProgram { name: name.clone(), file: file.clone() });
    }
    let programs: Vec<_> =
        all.into_iter().filter(|program| selection.selects(&program.name)).collect();
    if programs.is_empty() { Err(Failure::NoProgram(file.clone())) } else { Ok(programs) }
}

/// Writes the shortest forms of the programs that fail.
pub(super) fn minimize(arguments: &Minimize) -> Result<Exit, Failure> {
    let target = &arguments.target;
    let backend = target.choice()?;
    let level = target.level();
    let mut found = Vec::new();
    for program in programs(&arguments.file, &arguments.only)? {
        let Some(finding) = first_wrong(&backend, &program, level)? else { continue };
        found.push(shortest(&backend, &program, finding, level)?);
    }
    if found.is_empty() {
        return Err(Failure::NothingFails {
            file: arguments.file.clone(),
            backend: target.backend.clone(),
            level,
        });
    }
    let texts = found
        .iter()
        .map(|(program, finding)| export(program, finding.wrong.violation(), level, Form::Vmo));
    let texts: Vec<_> = texts.collect::<Result<_, _>>()?;
    output::deliver(&texts.join("\n"), arguments.out.as_deref())?;
    Ok(Exit::Good)
}

/// The first wrong step of a program on a fresh backend; a program that cannot be
/// run is an error.
pub(super) fn first_wrong(
    backend: &Choice,
    program: &Program,
    level: Level,
) -> Result<Option<Finding>, Failure> {
    let failed = |error| Failure::CannotRun { program: program.name.clone(), error };
    let backend = backend.start()?;
    let mut runner = Runner::new(backend.as_ref()).map_err(failed)?;
    first_wrong_step(&mut runner, program, level).map_err(failed)
}

/// The shortest program found that does the same thing wrong, and what it does
/// wrong.
fn shortest(
    backend: &Choice,
    program: &Program,
    finding: Finding,
    level: Level,
) -> Result<(Program, Finding), Failure> {
    let mut program = program.clone();
    // What comes after the failure was not run.
    program.steps.truncate(finding.step + 1);
    program.trailing_comments.clear();
    let fails_alike = |candidate: &Program| {
        let found = first_wrong(backend, candidate, level).ok().flatten();
        found.is_some_and(|found| {
            found.wrong.is_like(&finding.wrong) && found.step + 1 == candidate.steps.len()
        })
    };
    let shrunk = match &finding.wrong {
        Wrong::Clause(_) => shrink(&program, fails_alike),
        // That it comes out otherwise than expected has a meaning only as long
        // as the expectation is right: as long as a right backend meets it.
        Wrong::Expectation { .. } => {
            let right = backends::named("reference")?;
            shrink_to_expectation(&program, |candidate| {
                matches!(first_wrong(&right, candidate, level), Ok(None)) && fails_alike(candidate)
            })
        }
    };
    let again = first_wrong(backend, &shrunk, level)?;
    Ok((shrunk, again.unwrap_or(finding)))
}
