//! Lists the recorded programs of `corpus/golden`, so that the command carries
//! them and finds them wherever it is started from.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

fn main() {
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
    let out = env::var_os("OUT_DIR").expect("cargo sets it");
    fs::write(Path::new(&out).join("recordings.rs"), list).expect("cargo made the folder");
}
