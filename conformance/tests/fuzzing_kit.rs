//! The dictionary for fuzzers has the words of the text form.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use vmo_conformance::program::words;

fn dictionary() -> String {
    let mut text = "# Words of corpus/GRAMMAR.md, made by the test fuzzing_kit.\n".to_owned();
    for word in words() {
        let _ = writeln!(text, "\"{word}\"");
    }
    for piece in [" -> ", "0xffffffffffffffff", "0xfffffffffffff000", "0x1000", "\\x0a  "] {
        let _ = writeln!(text, "\"{piece}\"");
    }
    text
}

#[test]
fn the_dictionary_has_the_words_of_the_text_form() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../ci/fuzzing/vmo.dict");
    let made = dictionary();
    if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
        fs::write(&file, &made).expect("the file can be written");
    }
    let known = fs::read_to_string(&file).unwrap_or_default();
    let place = file.display();
    assert!(known == made, "{place} is out of date; run the test with UPDATE_SNAPSHOTS=1");
}
