//! Lists the recorded programs of `corpus/golden`, so that the command carries
//! them and finds them wherever it is started from, and the clauses that the
//! oracle names.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

fn main() {
    list_recordings();
    list_clauses();
}

/// Writes a file that the sources include.
fn write_out(name: &str, contents: &str) {
    let out = env::var_os("OUT_DIR").expect("cargo sets it");
    fs::write(Path::new(&out).join(name), contents).expect("cargo made the folder");
}

/// The files below a folder.
fn files_below(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("the folder can be listed");
    let paths = entries.map(|entry| entry.expect("the folder can be listed").path());
    paths.flat_map(|path| if path.is_dir() { files_below(&path) } else { vec![path] }).collect()
}

/// Every clause that the oracle's rules name, so that a report can say how many
/// of them were come to.
fn list_clauses() {
    let oracle = Path::new("src/oracle");
    println!("cargo::rerun-if-changed={}", oracle.display());
    let mut clauses = BTreeSet::new();
    for file in files_below(oracle) {
        let text = fs::read_to_string(&file).expect("sources are text");
        // What tests name is not come to.
        let rules = text.split("#[cfg(test)]").next().unwrap_or_default();
        let named = rules.split("clause!(\"").skip(1);
        clauses.extend(named.filter_map(|rest| Some(rest.split_once('"')?.0.to_owned())));
    }
    write_out("oracle_clauses.rs", &format!("&{clauses:?}").replace('{', "[").replace('}', "]"));
}

fn list_recordings() {
    let package = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it"));
    let corpus = package.join("../corpus");
    println!("cargo::rerun-if-changed={}", corpus.join("golden").display());
    let mut files: Vec<_> = fs::read_dir(corpus.join("golden"))
        .expect("the repository has corpus/golden")
        .map(|entry| entry.expect("corpus/golden can be listed").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "vmo"))
        .collect();
    files.sort();
    let mut list = String::from("&[\n");
    for file in files {
        let name = file.file_name().expect("a file has a name").to_string_lossy().into_owned();
        let path = fs::canonicalize(&file).expect("the file was just listed");
        println!("cargo::rerun-if-changed={}", path.display());
        writeln!(list, "(\"corpus/golden/{name}\", include_str!({path:?})),")
            .expect("a string can always be written to");
    }
    list.push_str("]\n");
    write_out("recordings.rs", &list);
}
