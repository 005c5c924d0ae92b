//! The words of a command line, before they are understood.

use std::ffi::OsString;

use clap::ArgAction;

/// The words with `run` before those that no command stands before.
pub(super) fn with_command(command: &clap::Command, mut words: Vec<OsString>) -> Vec<OsString> {
    let mut index = 1;
    while let Some(word) = words.get(index).and_then(|word| word.to_str()) {
        if command.get_subcommands().any(|known| known.get_name() == word) {
            return words;
        }
        let Some(taken) = words_of_option(command, word) else { break };
        if taken == 0 {
            return words;
        }
        index += taken;
    }
    words.insert(index.min(words.len()), "run".into());
    words
}

/// How many words an option of the command as a whole takes: none if nothing
/// else counts beside it. `None` if it is no such option.
fn words_of_option(command: &clap::Command, word: &str) -> Option<usize> {
    if ["-h", "--help", "-V", "--version"].contains(&word) {
        return Some(0);
    }
    if let Some(long) = word.strip_prefix("--") {
        let (name, value) = long.split_once('=').map_or((long, None), |(n, v)| (n, Some(v)));
        let option = command.get_arguments().find(|option| option.get_long() == Some(name))?;
        let takes_next = matches!(option.get_action(), ArgAction::Set) && value.is_none();
        return Some(1 + usize::from(takes_next));
    }
    let mut letters = word.strip_prefix('-').filter(|letters| !letters.is_empty())?.chars();
    let is_known = |letter| command.get_arguments().any(|known| known.get_short() == Some(letter));
    letters.all(is_known).then_some(1)
}

/// The last value that the words give an option.
pub(super) fn last_value(words: &[OsString], option: &str) -> Option<OsString> {
    let mut found = None;
    let mut words = words.iter().take_while(|word| *word != "--").peekable();
    while let Some(word) = words.next() {
        if word == option {
            found = words.peek().map(|next| (*next).clone());
        } else if let Some(value) =
            word.to_str().and_then(|word| word.strip_prefix(option)?.strip_prefix('='))
        {
            found = Some(value.into());
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn words(text: &str) -> Vec<OsString> {
        text.split(' ').map(OsString::from).collect()
    }

    #[test]
    fn run_is_put_in_where_a_command_would_stand() {
        let command = super::super::Command::command();
        for (given, expected) in [
            ("x", "x run"),
            ("x --level kernel", "x run --level kernel"),
            ("x -qv --color never --config a a::*", "x -qv --color never --config a run a::*"),
            ("x --color=never fuzz", "x --color=never fuzz"),
            ("x --quiet -h", "x --quiet -h"),
            ("x --version", "x --version"),
            ("x --color", "x --color run"),
        ] {
            assert_eq!(with_command(&command, words(given)), words(expected), "{given}");
        }
    }

    #[test]
    fn the_last_value_counts() {
        let value = |text: &str| last_value(&words(text), "--color");
        assert_eq!(value("x --color=never --color always"), Some("always".into()));
        assert_eq!(value("x --color"), None);
        assert_eq!(value("x -- --color always"), None);
        assert_eq!(value("x --colors=never"), None);
    }
}
