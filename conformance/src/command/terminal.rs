//! What the terminal shows: colours, progress and remarks.

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::Duration;

use anstream::{AutoStream, ColorChoice};
use anstyle::{AnsiColor, Style};
use clap::{Args, ValueEnum};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::words::last_value;

/// What every command takes about its output.
#[derive(Args, Clone, Debug)]
pub(super) struct Terminal {
    /// Colours: auto, always or never.
    ///
    /// Colours on the terminal. `auto` has them where the output is a terminal,
    /// and minds NO_COLOR, CLICOLOR and CLICOLOR_FORCE.
    #[arg(
        long,
        global = true, display_order = 901,
        value_enum,
        value_name = "WHEN",
        default_value_t = Colour::Auto,
        hide_default_value = true,
        hide_possible_values = true
    )]
    color: Colour,
    /// Just what is wrong, and no progress.
    ///
    /// Print what is wrong and nothing else: no progress, and no report of a
    /// run in which all is as it should be.
    #[arg(short, long, global = true)]
    quiet: bool,
    /// Also what is done, on the standard error.
    ///
    /// Say on the standard error what is done: the configuration file that is
    /// used with what it sets, and how long the command took.
    #[arg(short, long, global = true, display_order = 902, conflicts_with = "quiet")]
    verbose: bool,
    /// The configuration file.
    ///
    /// The configuration file, which gives options other defaults;
    /// vmo-conformance.toml in the working directory if not given.
    #[arg(long, global = true, display_order = 903, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Read no configuration file.
    #[arg(long, global = true, display_order = 904, conflicts_with = "config")]
    no_config: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Colour {
    /// Where the output is a terminal.
    Auto,
    /// Everywhere.
    Always,
    /// Nowhere.
    Never,
}

impl From<Colour> for ColorChoice {
    fn from(colour: Colour) -> Self {
        match colour {
            Colour::Auto => Self::Auto,
            Colour::Always => Self::Always,
            Colour::Never => Self::Never,
        }
    }
}

/// As the command line says, for all that prints.
static CHOSEN: OnceLock<Terminal> = OnceLock::new();

impl Terminal {
    /// Makes this what all output goes by.
    pub(super) fn choose(self) {
        ColorChoice::from(self.color).write_global();
        // The command line is read once.
        let _ = CHOSEN.set(self);
    }
}

/// The colours that the words of a command line ask for. Its help and its errors
/// are printed before the rest of it is understood.
pub(super) fn colours(words: &[OsString]) -> clap::ColorChoice {
    let value = last_value(words, "--color");
    match value.as_ref().and_then(|value| value.to_str()) {
        Some("always") => clap::ColorChoice::Always,
        Some("never") => clap::ColorChoice::Never,
        _ => clap::ColorChoice::Auto,
    }
}

/// Whether only what is wrong is to be printed.
pub(super) fn is_quiet() -> bool {
    CHOSEN.get().is_some_and(|chosen| chosen.quiet)
}

/// Says on the standard error what is done, if that is wanted.
pub(super) fn remark(words: impl FnOnce() -> String) {
    if CHOSEN.get().is_some_and(|chosen| chosen.verbose) {
        // A remark is worth no failure.
        let _ = writeln!(io::stderr(), "{}", words());
    }
}

/// A progress bar or spinner with a template of indicatif's, which is shown on a
/// terminal only.
pub(super) fn progress(length: Option<u64>, template: &str) -> ProgressBar {
    let target =
        if is_quiet() { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
    let bar = ProgressBar::with_draw_target(length, target);
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar
}

/// How long nobody needs to be told that something goes on.
pub(super) const PATIENCE: Duration = Duration::from_secs(1);

/// Labels at the beginning of a line, and their colours.
const LABELS: &[(&str, AnsiColor)] = &[
    ("FAIL ", AnsiColor::Red),
    ("CRASH ", AnsiColor::Red),
    ("TIMEOUT ", AnsiColor::Red),
    ("PROTOCOL ", AnsiColor::Red),
    ("DISAGREES ", AnsiColor::Red),
    ("LOST ", AnsiColor::Red),
    ("FOUND ", AnsiColor::Red),
    ("BAD ", AnsiColor::Red),
    ("BROKEN ", AnsiColor::Magenta),
    ("STALE ", AnsiColor::Yellow),
    ("PASSES UNEXPECTEDLY ", AnsiColor::Yellow),
];

/// The standard output, with the labels of verdicts in colour if that is wanted.
pub(super) fn stdout() -> Painter<AutoStream<io::Stdout>> {
    Painter { inner: anstream::stdout(), line: Vec::new() }
}

/// Paints the label at the beginning of each line.
pub(super) struct Painter<W: Write> {
    inner: W,
    /// What was written of a line that is not whole yet.
    line: Vec<u8>,
}

impl<W: Write> Painter<W> {
    fn write_line(&mut self) -> io::Result<()> {
        let line = std::mem::take(&mut self.line);
        let label = LABELS.iter().find(|(label, _)| line.starts_with(label.as_bytes()));
        let Some((label, colour)) = label else { return self.inner.write_all(&line) };
        let style = Style::new().bold().fg_color(Some((*colour).into()));
        let (label, rest) = line.split_at(label.len() - 1);
        write!(self.inner, "{style}{}{style:#}", String::from_utf8_lossy(label))?;
        self.inner.write_all(rest)
    }
}

impl<W: Write> Write for Painter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.line.extend_from_slice(piece);
            if piece.ends_with(b"\n") {
                self.write_line()?;
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.write_line()?;
        self.inner.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn painted(text: &str) -> String {
        let mut painter = Painter { inner: Vec::new(), line: Vec::new() };
        // In pieces, as a buffer may cut a line anywhere.
        for byte in text.bytes() {
            painter.write_all(&[byte]).expect("a vector takes all");
        }
        painter.flush().expect("a vector takes all");
        String::from_utf8(painter.inner).expect("it was text")
    }

    #[test]
    fn only_labels_at_the_beginning_of_a_line_are_painted() {
        let text = "FAIL vmo_create::x\n  FAIL\nFAILURE\nends so";
        let expected = "\u{1b}[1m\u{1b}[31mFAIL\u{1b}[0m vmo_create::x\n  FAIL\nFAILURE\nends so";
        assert_eq!(painted(text), expected);
    }
}
