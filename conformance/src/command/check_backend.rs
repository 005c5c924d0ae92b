//! `check-backend`: a short test of an adapter.

use std::io::{self, Write};

use clap::Args;

use super::exit::Exit;
use super::failure::Failure;
use super::target::Target;
use super::{quoted, terminal};
use crate::smoke::{Came, Step, smoke};

/// What `check-backend` takes.
#[derive(Args)]
pub(super) struct CheckBackend {
    #[command(flatten)]
    target: Target,
}

/// How the steps came out.
#[derive(Default)]
struct Counts {
    good: usize,
    bad: usize,
    missing: usize,
}

pub(super) fn check_backend(arguments: &CheckBackend) -> Result<Exit, Failure> {
    let choice = arguments.target.choice()?;
    let backend = choice.start()?;
    let mut counts = Counts::default();
    let mut out = terminal::stdout();
    let mut written = Ok(());
    smoke(backend.as_ref(), |step| {
        let one = write_step(&mut out, &step, &mut counts);
        if written.is_ok() {
            written = one;
        }
    });
    written?;
    drop(backend);
    // Whether it can be started again decides how far a run comes.
    let again = choice.start();
    if let Err(error) = &again {
        let (seen, next) = (error.to_string(), "let it be started any number of times".to_owned());
        let step = Step { what: "start again".to_owned(), came: Came::Bad { seen, next } };
        write_step(&mut out, &step, &mut counts)?;
    }
    let Counts { good, bad, missing } = counts;
    writeln!(out, "\n{good} work, {bad} do not, {missing} are not offered.")?;
    let backend = quoted(&arguments.target.backend);
    if bad == 0 {
        writeln!(out, "Next: vmo-conformance run --backend {backend}")?;
        Ok(Exit::Good)
    } else {
        writeln!(out, "Next: mend what does not work, then run this again.")?;
        Ok(Exit::Disagreed)
    }
}

fn write_step(out: &mut impl Write, step: &Step, counts: &mut Counts) -> io::Result<()> {
    let (label, text, next) = match &step.came {
        Came::Good(text) => {
            counts.good += 1;
            ("ok", text, None)
        }
        Came::Missing(text) => {
            counts.missing += 1;
            ("-", text, None)
        }
        Came::Bad { seen, next } => {
            counts.bad += 1;
            ("BAD", seen, Some(next))
        }
    };
    for (index, line) in text.lines().enumerate() {
        match index {
            0 => writeln!(out, "{label:<4} {:<18} {line}", step.what)?,
            _ => writeln!(out, "{:<23} {line}", "")?,
        }
    }
    if let Some(next) = next.filter(|next| !next.is_empty()) {
        writeln!(out, "{:<23} next: {next}", "")?;
    }
    Ok(())
}
