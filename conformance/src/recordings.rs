//! The recordings of a real kernel that the command carries.

/// A file of recorded programs.
#[derive(Clone, Copy, Debug)]
pub struct Recording {
    /// Its place in the repository.
    pub path: &'static str,
    /// Its text.
    pub text: &'static str,
}

const FILES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/recordings.rs"));

/// Every file of recorded programs, in the order of their paths.
pub fn recordings() -> impl Iterator<Item = Recording> {
    FILES.iter().map(|(path, text)| Recording { path, text })
}

/// The names of the recorded programs, without reading them as programs.
pub fn program_names<'a>() -> impl Iterator<Item = &'a str> + Clone {
    let lines = FILES.iter().flat_map(|(_, text)| text.lines());
    lines.filter_map(|line| -> Option<&'a str> {
        line.strip_prefix("program ")?.split_whitespace().next()
    })
}
