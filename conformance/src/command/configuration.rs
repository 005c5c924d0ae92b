//! The configuration file: other defaults for the options of the command line.

use std::ffi::OsString;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::{fmt, fs, io};

use clap::{Arg, ArgAction};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::words::last_value;

/// The file that is read if none is named.
pub(super) const FILE: &str = "vmo-conformance.toml";

/// Options that the file cannot set: they are what it takes to read it, or end
/// the command.
const NOT_SET: [&str; 4] = ["config", "no-config", "help", "version"];

/// How like an unknown key a known one has to be to be suggested.
const LIKE: f64 = 0.75;

/// What is wrong with a configuration file.
#[derive(Debug)]
pub(super) struct ConfigurationError {
    path: PathBuf,
    /// From 1 on.
    line: Option<usize>,
    problem: Box<Problem>,
}

#[derive(Debug, PartialEq)]
enum Problem {
    Unreadable(String),
    Syntax(String),
    UnknownSection { name: String, like: Option<String>, known: Vec<String> },
    UnknownKey { name: String, section: String, like: Option<String>, known: Vec<String> },
    ForAll { name: String, section: String },
    Type { name: String, wanted: &'static str, found: &'static str },
    Value { name: String, message: String },
}

impl fmt::Display for ConfigurationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.path.display())?;
        if let Some(line) = self.line {
            write!(f, "{line}:")?;
        }
        write!(f, " {}", self.problem)
    }
}

fn write_like(f: &mut fmt::Formatter<'_>, like: &Option<String>, known: &[String]) -> fmt::Result {
    match like {
        Some(like) => write!(f, "; did you mean `{like}`?"),
        None => write!(f, "; known are {}", known.join(", ")),
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(error) => write!(f, "it cannot be read: {error}"),
            Self::Syntax(message) => write!(f, "{message}"),
            Self::UnknownSection { name, like, known } => {
                write!(f, "no command is called `{name}`, as [{name}] has it")?;
                write_like(f, like, known)
            }
            Self::UnknownKey { name, section, like, known } => {
                match section.as_str() {
                    "" => write!(f, "no command has an option `{name}`")?,
                    section => write!(f, "unknown key `{name}` in [{section}]")?,
                }
                write_like(f, like, known)
            }
            Self::ForAll { name, section } => write!(
                f,
                "`{name}` is for all commands; move it from [{section}] to the top, above every \
                 section"
            ),
            Self::Type { name, wanted, found } => {
                write!(f, "`{name}` takes {wanted}, and this is {found}")
            }
            Self::Value { name, message } => write!(f, "`{name}`: {message}"),
        }
    }
}

/// A key with its value, as the words of a command line would have it.
struct Setting {
    /// The command, or nothing for what is for all.
    section: String,
    key: String,
    values: Vec<String>,
}

/// A command line whose defaults are those of a configuration file.
pub(super) struct Configured {
    pub(super) command: clap::Command,
    /// What was taken from which file, in words.
    pub(super) remark: Option<String>,
}

/// Gives the options of a command line the defaults of the file that its words
/// name, or of the one in the working directory, if there is one.
///
/// # Errors
///
/// The file cannot be read, or something in it makes no sense.
pub(super) fn configured(
    mut command: clap::Command,
    words: &[OsString],
) -> Result<Configured, ConfigurationError> {
    let named = last_value(words, "--config").map(PathBuf::from);
    let is_refused =
        words.iter().take_while(|word| *word != "--").any(|word| word == "--no-config");
    let path = named.clone().unwrap_or_else(|| FILE.into());
    if is_refused {
        return Ok(Configured { command, remark: None });
    }
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if named.is_none() && error.kind() == io::ErrorKind::NotFound => {
            return Ok(Configured { command, remark: None });
        }
        Err(error) => {
            let problem = Box::new(Problem::Unreadable(error.to_string()));
            return Err(ConfigurationError { path, line: None, problem });
        }
    };
    let settings = read(&command, &path, &text)?;
    let mut remark = format!("{}:", path.display());
    for setting in settings {
        let Setting { section, key, values } = &setting;
        let place = if section.is_empty() { String::new() } else { format!("[{section}] ") };
        remark.push_str(&format!(" {place}{key} = {};", values.join(", ")));
        command = applied(command, &setting);
    }
    Ok(Configured { command, remark: Some(remark.trim_end_matches([';', ':']).to_owned()) })
}

/// The options of a command that the file can set.
fn options(command: &clap::Command) -> impl Iterator<Item = (&str, &Arg)> {
    let named = command.get_arguments().filter_map(|option| Some((option.get_long()?, option)));
    named.filter(|(name, _)| !NOT_SET.contains(name))
}

fn option<'c>(command: &'c clap::Command, name: &str) -> Option<&'c Arg> {
    options(command).find(|(known, _)| *known == name).map(|(_, option)| option)
}

/// The commands that have an option, the whole among them.
fn with_option<'c>(command: &'c clap::Command, name: &str) -> Vec<&'c clap::Command> {
    let all = std::iter::once(command).chain(command.get_subcommands());
    all.filter(|command| option(command, name).is_some()).collect()
}

fn applied(command: clap::Command, setting: &Setting) -> clap::Command {
    let Setting { section, key, values } = setting;
    let set = |command: clap::Command| match option(&command, key) {
        Some(option) => {
            let id = option.get_id().clone();
            command.mut_arg(id, |option| option.default_values(values.clone()))
        }
        None => command,
    };
    if section.is_empty() {
        set(command).mut_subcommands(set)
    } else {
        command.mut_subcommand(section.clone(), set)
    }
}

/// What a text sets: first what is for all commands, so that what is for one
/// comes later and counts.
fn read(
    command: &clap::Command,
    path: &Path,
    text: &str,
) -> Result<Vec<Setting>, ConfigurationError> {
    let fail = |span: Option<Range<usize>>, problem: Problem| ConfigurationError {
        path: path.to_owned(),
        line: span.map(|span| 1 + text[..span.start.min(text.len())].matches('\n').count()),
        problem: Box::new(problem),
    };
    let table = DeTable::parse(text)
        .map_err(|error| fail(error.span(), Problem::Syntax(error.message().to_owned())))?;
    let (mut common, mut particular) = (Vec::new(), Vec::new());
    for (key, value) in table.get_ref() {
        let name = key.get_ref().as_ref();
        if let DeValue::Table(section) = value.get_ref() {
            let known = command.get_subcommands().find(|known| known.get_name() == name);
            let Some(known) = known else {
                let names = command.get_subcommands().map(|known| known.get_name().to_owned());
                return Err(fail(Some(key.span()), unknown_section(name, names.collect())));
            };
            for (key, value) in section {
                let setting = setting(command, Some(known), key, value);
                particular.push(setting.map_err(|(span, problem)| fail(Some(span), problem))?);
            }
        } else {
            let setting = setting(command, None, key, value);
            common.push(setting.map_err(|(span, problem)| fail(Some(span), problem))?);
        }
    }
    common.append(&mut particular);
    Ok(common)
}

type Key<'t> = Spanned<std::borrow::Cow<'t, str>>;

fn setting(
    command: &clap::Command,
    section: Option<&clap::Command>,
    key: &Key<'_>,
    value: &Spanned<DeValue<'_>>,
) -> Result<Setting, (Range<usize>, Problem)> {
    let name = key.get_ref().as_ref();
    let place = section.map(clap::Command::get_name).unwrap_or_default().to_owned();
    let having: Vec<_> = match section {
        Some(section) if option(section, name).is_none() && option(command, name).is_some() => {
            let problem = Problem::ForAll { name: name.to_owned(), section: place };
            return Err((key.span(), problem));
        }
        Some(section) => option(section, name).map(|_| section).into_iter().collect(),
        None => with_option(command, name),
    };
    if having.is_empty() {
        let known: Vec<_> = match section {
            Some(section) => options(section).map(|(name, _)| name.to_owned()).collect(),
            None => {
                let all = std::iter::once(command).chain(command.get_subcommands());
                let mut names: Vec<_> =
                    all.flat_map(options).map(|(name, _)| name.to_owned()).collect();
                names.sort_unstable();
                names.dedup();
                names
            }
        };
        let like = nearest(name, &known);
        let problem = Problem::UnknownKey { name: name.to_owned(), section: place, like, known };
        return Err((key.span(), problem));
    }
    let mut values = Vec::new();
    for option in having.iter().filter_map(|command| option(command, name)) {
        values = words_of(name, option, value.get_ref()).map_err(|p| (value.span(), p))?;
    }
    Ok(Setting { section: place, key: name.to_owned(), values })
}

fn unknown_section(name: &str, known: Vec<String>) -> Problem {
    Problem::UnknownSection { name: name.to_owned(), like: nearest(name, &known), known }
}

fn nearest(name: &str, known: &[String]) -> Option<String> {
    let likeness = known.iter().map(|known| (strsim::jaro_winkler(name, known), known));
    let nearest = likeness.max_by(|(one, _), (other, _)| one.total_cmp(other))?;
    (nearest.0 >= LIKE).then(|| nearest.1.clone())
}

/// A value as words of the command line, if the option takes it.
fn words_of(name: &str, option: &Arg, value: &DeValue<'_>) -> Result<Vec<String>, Problem> {
    let wrong = |wanted, found: &DeValue<'_>| Problem::Type {
        name: name.to_owned(),
        wanted,
        found: described(found),
    };
    let word = |value: &DeValue<'_>, wanted| match value {
        DeValue::String(text) => Ok(text.clone().into_owned()),
        DeValue::Integer(number) if number.radix() == 10 => Ok(number.as_str().to_owned()),
        DeValue::Integer(number) if number.radix() == 16 => Ok(format!("0x{}", number.as_str())),
        other => Err(wrong(wanted, other)),
    };
    let words = match option.get_action() {
        ArgAction::SetTrue => {
            let DeValue::Boolean(is_set) = value else {
                return Err(wrong("true or false", value));
            };
            return Ok(vec![is_set.to_string()]);
        }
        ArgAction::Append => {
            let wanted = "a text, a number, or a list of these";
            match value {
                DeValue::Array(list) => {
                    let words = list.iter().map(|value| word(value.get_ref(), wanted));
                    words.collect::<Result<Vec<_>, _>>()?
                }
                value => vec![word(value, wanted)?],
            }
        }
        _ => vec![word(value, "a text or a number")?],
    };
    for word in &words {
        checked(name, option, word)?;
    }
    Ok(words)
}

/// Whether an option takes a word, which a default value has to be known for.
fn checked(name: &str, option: &Arg, word: &str) -> Result<(), Problem> {
    let mut alone = Arg::new("option")
        .long(name.to_owned())
        .value_parser(option.get_value_parser().clone())
        .action(option.get_action().clone())
        .allow_hyphen_values(true);
    if let Some(delimiter) = option.get_value_delimiter() {
        alone = alone.value_delimiter(delimiter);
    }
    let command = clap::Command::new("configuration")
        .no_binary_name(true)
        .color(clap::ColorChoice::Never)
        .arg(alone);
    let Err(error) = command.try_get_matches_from([format!("--{name}={word}")]) else {
        return Ok(());
    };
    let text = error.to_string();
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let first = lines.next().unwrap_or_default();
    let first = first.strip_prefix("error: ").unwrap_or(first);
    let first = first.replace(&format!(" for '--{name} <option>'"), "");
    let possible = lines.find(|line| line.starts_with("[possible values"));
    let message =
        [Some(first.as_str()), possible].into_iter().flatten().collect::<Vec<_>>().join(" ");
    Err(Problem::Value { name: name.to_owned(), message })
}

fn described(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) => "a number that is neither decimal nor hexadecimal",
        DeValue::Float(_) => "a number with a fraction",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}
