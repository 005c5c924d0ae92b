//! The manifest of a crate that is to be checked.

use std::fs;
use std::path::Path;

use super::{InitError, MANIFEST};

const LINES: &str = include_str!("../../../ci/starter/dependencies.toml");

/// The manifest of the crate in a folder with the lines for the test at its end;
/// nothing if it has them.
pub(super) fn extended(folder: &Path, path: Option<&Path>) -> Result<Option<String>, InitError> {
    let manifest = folder.join(MANIFEST);
    let text = match fs::read_to_string(&manifest) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(InitError::NoCrate(folder.to_owned()));
        }
        Err(error) => return Err(InitError::Io { path: manifest, error }),
    };
    let lines = with_source(LINES, path, "");
    let refused = |problem: String| InitError::Manifest {
        path: manifest.clone(),
        problem,
        lines: lines.clone(),
    };
    let known: toml::Table = toml::from_str(&text)
        .map_err(|error| refused(format!("it is not in order: {}", error.message())))?;
    let has_test = known.get("test").and_then(toml::Value::as_array).is_some_and(|tests| {
        tests.iter().any(|test| test.get("name").and_then(toml::Value::as_str) == Some("zircon"))
    });
    if has_test {
        return Ok(None);
    }
    let text = format!("{}\n{lines}", text.trim_end());
    toml::from_str::<toml::Table>(&text).map_err(|error| {
        refused(format!("it cannot take more lines at its end: {}", error.message()))
    })?;
    Ok(Some(text))
}

/// A text with where the crates are taken from: a folder, which `up` leads to if it
/// is relative, or the repository.
pub(super) fn with_source(text: &str, path: Option<&Path>, up: &str) -> String {
    let mut result = String::new();
    for (index, piece) in text.split("SOURCE").enumerate() {
        if index != 0 {
            let crate_folder = if index == 1 { "conformance/abi" } else { "conformance" };
            result.push_str(&match path {
                None => format!("git = \"{}\"", env!("CARGO_PKG_REPOSITORY")),
                Some(path) => {
                    let folder = Path::new(up).join(path).join(crate_folder);
                    format!("path = {}", toml::Value::from(folder.to_string_lossy().as_ref()))
                }
            });
        }
        result.push_str(piece);
    }
    result
}
