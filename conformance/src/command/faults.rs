//! `faults`: the suite against wrong backends.

use std::io::Write;

use clap::Args;
use vmo_abi::Syscall;

use crate::faults::{MISTAKES, first_failure};
use crate::suite::Suite;

use super::exit::Exit;
use super::failure::Failure;
use super::{How, LevelName};

/// What `faults` takes.
#[derive(Args)]
pub(super) struct Faults {
    /// Only the mistakes in this call.
    #[arg(long, value_name = "CALL")]
    call: Option<String>,
    /// What the wrong backends are held to.
    #[arg(long, value_enum, default_value_t = LevelName::Kernel)]
    level: LevelName,
}

/// Shows for each mistake the test that finds it.
pub(super) fn faults(arguments: &Faults) -> Result<Exit, Failure> {
    if let Some(call) = &arguments.call {
        Syscall::from_name(call).ok_or_else(|| Failure::UnknownCall(call.clone()))?;
    }
    let suite = Suite::new();
    let level = How::level_of(arguments.level);
    let wanted = |name: &str| arguments.call.as_deref().is_none_or(|call| call == name);
    let mut out = std::io::stdout().lock();
    let (mut tried, mut found) = (0, 0);
    for mistake in MISTAKES.iter().filter(|mistake| wanted(mistake.call.name())) {
        let failure = first_failure(&suite, mistake, level).map_err(Failure::Start)?;
        tried += 1;
        let by = match &failure {
            Some((test, _)) => {
                found += 1;
                format!("found by {}", test.name)
            }
            None => "NOT FOUND".to_owned(),
        };
        let name = format!("{}::{}", mistake.call.name(), mistake.name);
        writeln!(out, "{name:<56} {by}").map_err(Failure::Output)?;
    }
    writeln!(out, "\n{found} of {tried} wrong backends found at level {}.", level.name())
        .map_err(Failure::Output)?;
    Ok(if tried == 0 {
        Exit::NothingTested
    } else if found == tried {
        Exit::Good
    } else {
        Exit::Disagreed
    })
}
