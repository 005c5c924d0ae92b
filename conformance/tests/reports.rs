//! Reports in every form, and what happens to files that cannot be written.

mod common;

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use common::{DISAGREED, Folder, GOOD, NOTHING_TESTED};
use serde_json::Value;

/// A mistake that some tests of this module find.
const MISTAKE: &str = "vmo_create::* --backend fault:create_rounds_size_down";

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// A report without what differs from run to run.
fn timeless(mut report: Value) -> Value {
    report["seconds"] = Value::Null;
    report["run"]["started"] = Value::Null;
    report["run"]["arguments"] = Value::Null;
    for case in report["cases"].as_array_mut().expect("cases") {
        case.as_object_mut().expect("a case").remove("micros");
    }
    report
}

#[test]
fn json_has_everything_that_a_person_is_shown() {
    let folder = Folder::new();
    let ran = folder.expect(&format!("run {MISTAKE} --format json"), DISAGREED, "{");
    let report = json(&ran.stdout);
    assert_eq!(report["schema"], 1);
    assert_eq!(report["run"]["level"], "page");
    assert!(report["run"]["capabilities"].as_array().is_some_and(|claims| claims.len() > 10));
    let cases = report["cases"].as_array().expect("cases");
    let failed = cases.iter().find(|case| case["verdict"] == "fail").expect("a failure");
    assert_eq!(failed["name"], "vmo_create::rounds_size_up_to_a_page::1");
    assert_eq!(failed["clauses"][0], "VMO-CREATE-02");
    let detail = &failed["detail"];
    assert_eq!(detail["call"], "vmo_get_size");
    assert_eq!(detail["expected"], "0x1000");
    let program = detail["program"].as_str().expect("a program");
    assert!(program.contains("  v0 = vmo_create(size=0x1, options=0) -> OK\n"), "{program}");
    let again = detail["again"].as_str().expect("a command").strip_prefix("vmo-conformance ");
    folder.expect(again.expect("the name of the command"), DISAGREED, "0 of 1 tests pass");
    let passed = cases.iter().find(|case| case["verdict"] == "pass").expect("a pass");
    assert!(passed.get("detail").is_none());
    let counted: u64 = report["counts"]["test"]
        .as_object()
        .expect("counts")
        .values()
        .filter_map(Value::as_u64)
        .sum();
    assert_eq!(counted, cases.len() as u64);
}

#[test]
fn json_is_of_the_published_form() {
    let schema = Path::new(env!("CARGO_MANIFEST_DIR")).join("report.schema.json");
    let script = "import json, sys\ntry:\n    import jsonschema\nexcept ImportError:\n    \
                  sys.exit(77)\nschema = json.load(open(sys.argv[1]))\n\
                  jsonschema.Draft202012Validator.check_schema(schema)\n\
                  for name in sys.argv[2:]:\n    \
                  jsonschema.validate(json.load(open(name)), schema)\n";
    let folder = Folder::new();
    folder.write(
        "x.vmo",
        "program x\n  v0 = vmo_create(size=1, options=0)\n  \
                           vmo_get_size(handle=v0) -> OK size=1\n",
    );
    folder.write("known.toml", "[[expected]]\ntest = \"vmo_create::rounds_*\"\nreason = \"x\"\n");
    folder.run(&format!("run {MISTAKE} --report json=1.json --expectations known.toml"));
    folder.run("replay x.vmo --report json=2.json --shard 1/1");
    folder.run("run b/create/* vmo_clone::* --report json=3.json");
    let names = ["1.json", "2.json", "3.json"];
    let status = Command::new("python3")
        .args(["-W", "ignore", "-c", script])
        .arg(schema)
        .args(names.map(|name| folder.path(name)))
        .status();
    match status.ok().and_then(|status| status.code()) {
        Some(0) => {}
        Some(77) | None => eprintln!("SKIPPED: python3 with the module jsonschema is not there"),
        Some(_) => panic!("a report is not of the form that report.schema.json describes"),
    }
}

#[test]
fn junit_has_a_case_for_each_test_and_survives_any_text() {
    let folder = Folder::new();
    folder.write(
        "x.vmo",
        "program \u{1}\u{1b}[31m<&]]>\n  v0 = vmo_create(size=1, options=0) -> ERR_BAD_STATE\n",
    );
    let report = folder.expect("replay x.vmo --format junit", DISAGREED, "&lt;&amp;]]&gt;");
    let raw = |c: char| (c as u32) < 0x20 && !"\n\t\r".contains(c);
    assert!(!report.stdout.contains(raw), "{:?}", report.stdout);
    let ran = folder.expect(&format!("run {MISTAKE} --format junit"), DISAGREED, "<?xml ");
    let count = |words: &str| ran.stdout.matches(words).count();
    assert_eq!(count("<testsuite "), 1);
    assert_eq!(count("<testcase "), 186);
    let failures = count("<failure ");
    assert!(failures > 10, "{failures}");
    assert!(ran.stdout.contains(&format!("tests=\"186\" skipped=\"0\" failures=\"{failures}\"")));
    assert!(ran.stdout.contains("message=\"expected 0x1000, got 0x0\" type=\"fail\">"));
    let parsed = Command::new("python3")
        .args([
            "-c",
            "import sys, xml.dom.minidom as m; m.parseString(sys.argv[1])",
            &report.stdout,
        ])
        .status();
    assert!(parsed.map_or(true, |status| status.success()));
}

#[test]
fn markdown_folds_failures_and_keeps_its_size() {
    let folder = Folder::new();
    let all = "run --backend fault:create_rounds_size_down --format markdown";
    let ran = folder.expect(all, DISAGREED, "## ❌ VMO conformance of <code>fault:create_rounds");
    assert!(ran.stdout.len() <= 1_000_000, "{}", ran.stdout.len());
    assert!(ran.stdout.contains("| fail | 63 | 2514 |"));
    assert!(ran.stdout.contains("<details><summary>fail <code>vmo_create::rounds_size_up_to"));
    assert!(ran.stdout.contains(" more, which the other forms of the report show."));
    let opened = ran.stdout.matches("<details>").count();
    assert_eq!(opened, ran.stdout.matches("</details>").count());
    folder.expect("run vmo_create::* --format markdown", GOOD, "## ✅ VMO conformance of");
}

#[test]
fn the_page_needs_no_network_and_stays_small() {
    let folder = Folder::new();
    folder.expect("run --level kernel --report html=all.html", GOOD, "14606 of 14606 tests pass");
    let page = folder.read("all.html");
    assert!(page.len() < 1_000_000, "{}", page.len());
    for outside in ["src=", "http://", "https://", "@import", "url("] {
        let code = page.replace("\"https://\"", "").replace("link.startsWith", "");
        assert!(!code.contains(outside), "{outside}");
    }
    assert_eq!(page.matches("<script").count(), page.matches("</script>").count());
}

#[test]
fn what_a_page_shows_is_no_markup() {
    let folder = Folder::new();
    folder.write(
        "x.vmo",
        "# </script><script>alert(1)</script>\nprogram </script><b>x\n  \
         v0 = vmo_create(size=1, options=0) -> ERR_BAD_STATE\n",
    );
    let ran = folder.expect("replay x.vmo --format html", DISAGREED, "<!doctype html>");
    assert!(!ran.stdout.contains("<script>alert") && !ran.stdout.contains("<b>x"));
    let ran = folder.run("replay x.vmo --format markdown");
    assert!(ran.stdout.contains("&lt;/script&gt;&lt;b&gt;x"), "{}", ran.stdout);
}

#[test]
fn badges_tell_the_outcome() {
    let folder = Folder::new();
    let both = "--report badge-json=b.json --report badge-svg=b.svg";
    folder.expect(&format!("run vmo_create::* {both}"), GOOD, "186 of 186");
    let badge = json(&folder.read("b.json"));
    assert_eq!(badge["schemaVersion"], 1);
    assert_eq!(badge["message"], "186/186 at level page");
    assert_eq!(badge["color"], "brightgreen");
    assert!(folder.read("b.svg").contains("<title>VMO conformance: 186/186 at level page</title>"));
    folder.expect(&format!("run {MISTAKE} {both}"), DISAGREED, "FAIL");
    assert_eq!(json(&folder.read("b.json"))["color"], "red");
}

#[test]
fn what_is_printed_can_go_to_a_file() {
    let folder = Folder::new();
    let ran = folder.expect("run vmo_create::* --output out.txt", GOOD, "");
    assert!(ran.stdout.is_empty());
    assert!(folder.read("out.txt").contains("186 of 186 tests pass"));
    folder.expect("run vmo_create::* --format json --output out.json", GOOD, "");
    assert_eq!(json(&folder.read("out.json"))["schema"], 1);
    assert_eq!(folder.names(), ["out.json", "out.txt"]);
}

#[test]
fn files_that_cannot_be_written_are_told_and_nothing_is_lost() {
    let folder = Folder::new();
    // Told before anything is run.
    for (words, said) in [
        ("--report json=no/such/folder.json", "no/such/folder.json cannot be written: No such"),
        ("--output .", ". cannot be written: is a directory"),
        ("--report html=x.html --report junit=/proc/x", "/proc/x cannot be written: "),
    ] {
        let ran = folder.expect_error(&format!("run {MISTAKE} {words}"), said);
        assert!(ran.stdout.is_empty());
    }
    // A full disk shows only when it is written to.
    for full in ["--report json=/dev/full", "--report jsonl=/dev/full", "--output /dev/full"] {
        let words = format!("run {MISTAKE} --report junit=ok.xml {full}");
        let ran = folder.run(&words);
        if full.contains("jsonl") {
            assert!(ran.stdout.is_empty());
        } else {
            assert!(ran.stdout.contains("FAIL vmo_create::rounds_size_up"), "{words}");
            assert!(folder.read("ok.xml").contains("<failure "), "the others are written");
        }
        assert_eq!(ran.code, Some(2));
        let error = "error: /dev/full cannot be written: No space left on device";
        assert!(ran.stderr.starts_with(error), "{}", ran.stderr);
    }
    assert_eq!(folder.names(), ["ok.xml"], "nothing half-written is left");
}

#[test]
fn words_that_name_no_form_are_refused() {
    let folder = Folder::new();
    for (words, said) in [
        ("--report pdf=x.pdf", "unknown format `pdf`: known are human, json, jsonl, junit"),
        ("--report junit", "it takes FORMAT=FILE, such as junit=report.xml"),
        ("--report junit=", "it takes FORMAT=FILE"),
        ("--format xml", "invalid value 'xml' for '--format"),
        ("--shard 5/4", "`5/4` is no shard: 2/4 is the second of four"),
        ("--shard 2", "`2` is no shard"),
    ] {
        folder.expect_error(&format!("run vmo_create::* {words}"), said);
    }
}

#[test]
fn lines_are_there_as_soon_as_cases_are_judged() {
    let folder = Folder::new();
    folder.expect("run vmo_create::* --report jsonl=x.jsonl --report json=x.json", GOOD, "186");
    let whole = folder.read("x.jsonl");
    assert_eq!(whole.lines().count(), 186 + 2);
    folder.expect("merge x.jsonl --report json=y.json", GOOD, "186 of 186");
    assert_eq!(timeless(json(&folder.read("x.json"))), timeless(json(&folder.read("y.json"))));
    // A tester that was killed left the first part, and half a line.
    let part: String = whole.chars().take(whole.len() / 2).collect();
    folder.write("part.jsonl", &part);
    let ran = folder.expect("merge part.jsonl", GOOD, "The run did not come to its end.");
    assert!(ran.stdout.contains(" tests pass"));
    folder.write("broken.jsonl", &whole.replacen("\"kind\":\"test\"", "\"kind\":\"toast\"", 1));
    folder.expect_error("merge broken.jsonl", "broken.jsonl:2 is no part of a report: ");
}

#[test]
fn a_killed_tester_leaves_what_was_judged() {
    let folder = Folder::new();
    let path = folder.path("x.jsonl");
    let mut child = Command::new(env!("CARGO_BIN_EXE_vmo-conformance"))
        .args(["run", "--jobs", "1", "--report"])
        .arg(format!("jsonl={}", path.display()))
        .stdout(Stdio::null())
        .spawn()
        .expect("the command runs");
    let judged = || {
        let file = fs::File::open(&path).ok();
        file.map_or(0, |file| BufReader::new(file).lines().count())
    };
    while judged() < 20 {
        assert!(child.try_wait().expect("it can be asked").is_none(), "it ended early");
        std::thread::yield_now();
    }
    child.kill().expect("it can be killed");
    child.wait().expect("it ends");
    let ran = folder.run("merge x.jsonl --report json=part.json");
    assert!(ran.stdout.contains("The run did not come to its end."), "{}", ran.stderr);
    let report = json(&folder.read("part.json"));
    assert_eq!(report["complete"], false);
    assert!(report["cases"].as_array().is_some_and(|cases| cases.len() >= 18));
}

#[test]
fn four_parts_are_the_whole() {
    let folder = Folder::new();
    let what = "run vmo_c* b/create/* --backend fault:create_rounds_size_down";
    let whole = folder.expect(&format!("{what} --report json=all.json"), DISAGREED, "FAIL");
    let mut cases = 0;
    for part in 1..=4 {
        folder.run(&format!("{what} --shard {part}/4 --report json={part}.json"));
        let report = json(&folder.read(&format!("{part}.json")));
        cases += report["cases"].as_array().expect("cases").len();
    }
    // In whatever order.
    let ran =
        folder.expect("merge 3.json 1.json 4.json 2.json --report json=m.json", DISAGREED, "");
    assert_eq!(ran.stdout, whole.stdout);
    let (merged, all) = (json(&folder.read("m.json")), json(&folder.read("all.json")));
    assert_eq!(cases, all["cases"].as_array().expect("cases").len());
    assert!(timeless(merged) == timeless(all), "the parts are not the whole");
    folder.expect_error("merge 1.json 2.json 4.json", "part 3/4 is missing");
    folder.expect_error("merge 1.json all.json", "are not parts of one run");
    folder.expect_error("merge all.json all.json", "is both in all.json and in all.json");
    folder.run("run vmo_create::* --report json=other.json");
    folder.expect_error("merge all.json other.json", "their backend is `");
}

#[test]
fn a_part_without_cases_is_no_success() {
    let folder = Folder::new();
    let words = "run --exact vmo_create::accepts_size_0 --shard";
    folder.expect(&format!("{words} 1/2"), GOOD, "1 of 1 tests pass");
    folder.expect(&format!("{words} 2/2"), NOTHING_TESTED, "Nothing was tested.");
}

#[test]
fn files_that_are_no_report_are_told_apart() {
    let folder = Folder::new();
    folder.run("run vmo_create::* --report json=good.json");
    let good = folder.read("good.json");
    for (text, said) in [
        (String::new(), "is no report: EOF while parsing"),
        ("hello".to_owned(), "is no report: expected value at line 1"),
        ("{\"a\": 1}".to_owned(), "is JSON, but no report: it has no number `schema`"),
        ("[1, 2]".to_owned(), "is JSON, but no report"),
        ("{\"schema\": 2, \"anything\": [}".to_owned(), "is no report: "),
        (
            "{\"schema\": 2, \"anything\": []}".to_owned(),
            "is a report of schema 2, and this version",
        ),
        (good[..good.len() / 2].to_owned(), "ends before the report does"),
        (
            good.replacen("\"level\": \"page\"", "\"level\": \"pages\"", 1),
            "is no report of schema 1: ",
        ),
        (
            good.replacen("\"verdict\":\"pass\"", "\"verdict\":\"fail\"", 1),
            "its counts are not those",
        ),
    ] {
        folder.write("bad.json", &text);
        folder.expect_error("merge bad.json", said);
    }
    folder.expect_error("merge missing.json", "missing.json cannot be read: No such file");
}
