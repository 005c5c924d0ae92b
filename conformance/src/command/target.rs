//! What a command checks, and what it holds it to.

use std::time::Duration;

use clap::{Args, ValueEnum};

use super::failure::Failure;
use super::quoted;
use crate::backends::{self, Choice};
use crate::level::Level;
use crate::remote::Limits;

/// The backend that is checked, and what it is held to.
#[derive(Args)]
pub(super) struct Target {
    /// The backend to check, see `backends`.
    ///
    /// The backend to check: one that `vmo-conformance backends` lists,
    /// fault:NAME for the reference with a mistake, or one elsewhere: exec:'CMD
    /// ARG…', lib:PATH, unix:PATH, tcp:HOST:PORT, serial:PATH.
    #[arg(long, default_value = backends::default_name(), value_name = "NAME")]
    pub(super) backend: String,
    /// What to hold it to: seed, page or kernel.
    ///
    /// What to hold it to: the page of zx_vmo_create alone, all pages, or also
    /// what the kernel did.
    #[arg(long, value_enum, default_value_t = LevelName::Page, hide_possible_values = true)]
    level: LevelName,
    /// Time for a test.
    ///
    /// Time that a backend elsewhere has for a test or program, such as 10s.
    #[arg(long, value_name = "TIME", value_parser = time, default_value = "30s")]
    timeout: Duration,
    /// Time to start.
    ///
    /// Time that a backend elsewhere has to start and say hello.
    #[arg(long, value_name = "TIME", value_parser = time, default_value = "30s")]
    start_timeout: Duration,
}

/// A level by its name on the command line.
#[derive(Clone, Copy, ValueEnum)]
pub(super) enum LevelName {
    Seed,
    Page,
    Kernel,
}

impl LevelName {
    pub(super) fn level(self) -> Level {
        match self {
            Self::Seed => Level::Seed,
            Self::Page => Level::Page,
            Self::Kernel => Level::Kernel,
        }
    }
}

impl Target {
    pub(super) fn level(&self) -> Level {
        self.level.level()
    }

    /// The backend that was named.
    pub(super) fn choice(&self) -> Result<Choice, Failure> {
        let limits = Limits { case: self.timeout, start: self.start_timeout };
        Ok(backends::named_within(&self.backend, limits)?)
    }

    /// The options that a command needs to check in the same way again.
    pub(super) fn again(&self) -> String {
        let mut options = String::new();
        if self.backend != backends::default_name() {
            options.push_str(&format!(" --backend {}", quoted(&self.backend)));
        }
        if self.level() != Level::default() {
            options.push_str(&format!(" --level {}", self.level().name()));
        }
        options
    }
}

/// A duration such as `90s` that is not 0.
pub(super) fn time(text: &str) -> Result<Duration, String> {
    let time = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    if time.is_zero() { Err("nothing can be done in no time".to_owned()) } else { Ok(time) }
}
