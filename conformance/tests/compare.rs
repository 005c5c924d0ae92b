//! Reports side by side.

mod common;

use common::{DISAGREED, Folder, GOOD};

fn reported() -> Folder {
    let folder = Folder::new();
    for (name, words) in [
        ("good", "vmo_create::* vmo_get_size::*"),
        ("down", "vmo_create::* vmo_get_size::* --backend fault:create_rounds_size_down"),
        ("more", "vmo_create::* vmo_get_size::* --backend fault:create_gives_a_page_too_many"),
        ("part", "vmo_create::*"),
        ("kernel", "vmo_create::* vmo_get_size::* --level kernel"),
    ] {
        folder.run(&format!("run {words} --report json={name}.json"));
    }
    folder
}

#[test]
fn three_backends_fit_a_terminal() {
    let folder = reported();
    let ran = folder.expect("compare good.json down.json more.json", GOOD, "passed of tested");
    for line in ran.stdout.lines() {
        assert!(line.chars().count() <= 80, "{line}");
    }
    assert!(ran.stdout.contains("vmo_create"), "{}", ran.stdout);
    assert!(ran.stdout.contains("VMO-CREATE-02"), "{}", ran.stdout);
    assert!(ran.stdout.contains("other clauses pass, or are not tested, in all alike."));
    let ran = folder.expect("compare good.json down.json --format markdown", GOOD, "| clause |");
    assert!(ran.stdout.contains("| VMO-CREATE-02 |"), "{}", ran.stdout);
    let ran = folder.expect("compare good.json down.json more.json --format json", GOOD, "{");
    let compared: serde_json::Value = serde_json::from_str(&ran.stdout).expect("JSON");
    assert_eq!(compared["clauses"].as_array().map(Vec::len), Some(568));
    assert_eq!(compared["reports"].as_array().map(Vec::len), Some(3));
}

#[test]
fn what_changed_is_told_of_two_reports_of_one_backend() {
    let folder = reported();
    // As if the backend had been broken since.
    let broken = folder.read("down.json").replace("fault:create_rounds_size_down", "reference");
    folder.write("broken.json", &broken);
    let ran = folder.expect("compare good.json broken.json", DISAGREED, "pass -> fail");
    assert!(ran.stdout.contains("\nworse\n") && ran.stdout.contains(" 0 better, 0 no longer"));
    assert!(ran.stdout.contains("… and "), "{}", ran.stdout);
    let ran = folder.expect("compare good.json broken.json --all", DISAGREED, "pass -> fail");
    assert!(!ran.stdout.contains("… and "));
    folder.expect("compare broken.json good.json", GOOD, "fail -> pass");
    folder.expect(
        "compare good.json good.json",
        GOOD,
        "0 worse, 0 better, 0 no longer tested, 0 new",
    );
    folder.expect("compare part.json good.json", GOOD, " 51 new, 0 gone.");
    folder.expect("compare good.json part.json", GOOD, "0 new, 51 gone.");
    // What another level demands is no change of the backend.
    let ran = folder.expect("compare good.json kernel.json", GOOD, "kernel");
    assert!(!ran.stdout.contains("worse"));
    folder.expect("compare good.json broken.json --format markdown", DISAGREED, "<summary>worse: ");
}

#[test]
fn what_cannot_be_compared_is_refused() {
    let folder = reported();
    folder.expect_error("compare good.json", "2 values required");
    folder.expect_error("compare good.json missing.json", "missing.json cannot be read");
    let newer = folder.read("good.json").replacen("\"schema\": 1", "\"schema\": 7", 1);
    folder.write("newer.json", &newer);
    folder.expect_error("compare good.json newer.json", "is a report of schema 7");
    let cut = folder.read("good.json");
    folder.write("cut.json", &cut[..cut.len() - 100]);
    folder.expect_error("compare cut.json good.json", "cut.json ends before the report does");
}
