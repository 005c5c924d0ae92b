//! Reports of `fuzz` and `enumerate`: findings as cases, counts as totals.

mod common;

use common::{DISAGREED, Folder, GOOD};
use serde_json::Value;

const FUZZ: &str = "fuzz --backend fault:create_gives_a_page_too_many --seed 1 --programs 2000";

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[test]
fn findings_of_fuzzing_are_cases() {
    let folder = Folder::new();
    let files = "--report json=x.json --report jsonl=x.jsonl --report human=x.txt --report \
                 junit=x.xml";
    let printed = folder.expect(&format!("{FUZZ} {files}"), DISAGREED, "FOUND VMO-").stdout;
    assert_eq!(folder.read("x.txt"), printed);
    let report = json(&folder.read("x.json"));
    assert_eq!(report["totals"]["programs"], 2000);
    let finding = &report["cases"][0];
    assert_eq!((&finding["kind"], &finding["verdict"]), (&"finding".into(), &"fail".into()));
    let program = finding["detail"]["program"].as_str().expect("a program");
    folder.write("x.vmo", program);
    folder.expect(
        "replay x.vmo --backend fault:create_gives_a_page_too_many",
        DISAGREED,
        "0 of 1 programs agree",
    );
    assert!(folder.read("x.xml").contains("<testsuite name=\"findings "));
    let merged = folder.expect("merge x.jsonl --report json=y.json", DISAGREED, "FOUND ").stdout;
    assert!(merged.contains("  again     vmo-conformance fuzz --seed 0x1 "), "{merged}");
    assert_eq!(json(&folder.read("y.json"))["cases"], report["cases"]);
}

#[test]
fn a_run_that_finds_nothing_tells_its_seed() {
    let folder = Folder::new();
    let ran = folder.expect("fuzz --programs 100 --format json", GOOD, "{");
    let report = json(&ran.stdout);
    let arguments = report["run"]["arguments"].as_array().expect("arguments");
    assert!(arguments.contains(&"--seed".into()), "{arguments:?}");
    assert_eq!(report["cases"], Value::Array(Vec::new()));
    folder.expect("fuzz --programs 100 --format markdown", GOOD, "## ✅ VMO conformance of");
}

#[test]
fn findings_of_an_enumeration_are_cases() {
    let folder = Folder::new();
    let words = "enumerate --depth 1 --backend fault:create_rounds_size_down";
    let ran =
        folder.expect(&format!("{words} --report json=x.json"), DISAGREED, "1 calls at level");
    let report = json(&folder.read("x.json"));
    let cases = report["cases"].as_array().expect("cases");
    assert!(!cases.is_empty());
    assert!(ran.stdout.contains(&format!("{} findings", cases.len())), "{}", ran.stdout);
    assert!(report["totals"]["steps judged"].as_u64().is_some_and(|steps| steps > 0));
}
