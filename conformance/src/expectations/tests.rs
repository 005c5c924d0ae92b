use std::path::Path;

use super::*;
use crate::report::Kind;

const PLACE: &str = "known.toml";

fn parse(text: &str) -> Result<Expectations, String> {
    Expectations::parse(Path::new(PLACE), text).map_err(|error| error.to_string())
}

fn case(name: &str, verdict: Verdict) -> Case {
    let module = name.split("::").next().unwrap_or_default().to_owned();
    Case {
        kind: Kind::Test,
        name: name.to_owned(),
        module,
        calls: Vec::new(),
        clauses: Vec::new(),
        verdict,
        micros: 0,
        sides: Vec::new(),
        expectation: None,
        detail: None,
    }
}

const PAGE: Conditions<'_> = Conditions { level: Level::Page, edition: "2018-06" };

fn judged(text: &str, name: &str, verdict: Verdict) -> Verdict {
    let expectations = parse(text).expect("it is well formed");
    let mut case = case(name, verdict);
    expectations.applied(PAGE).judge(&mut case);
    case.verdict
}

#[test]
fn what_is_wrong_with_a_file_is_told_with_its_line() {
    let entry = |more: &str| format!("\n[[expected]]\ntest = \"a::b\"\n{more}\n");
    for (text, words) in [
        (entry("reson = \"x\""), "known.toml:4: unknown key `reson`; did you mean `reason`?"),
        (entry("zzzzzzzz = 1"), "known are test, verdict"),
        (entry(""), "known.toml:2: an entry has no `reason`; say why"),
        (entry("reason = \"  \""), "known.toml:4: `reason` is empty"),
        (entry("reason = 7"), "known.toml:4: `reason` is of type integer; it takes a text"),
        (
            entry("reason = \"x\"\nverdict = \"pass\""),
            "known.toml:5: `verdict` is `pass`; it takes",
        ),
        (entry("reason = \"x\"\nlevel = \"page,kernel\""), "it takes seed, page, kernel"),
        (entry("reason = \"x\"\nedition = \"2099-01\""), "it takes 2018-06"),
        (entry("reason = \"x\"\nexpires = \"2027-01-01\""), "a day without quotes"),
        (entry("reason = \"x\"\nexpires = 2027-02-30"), "known.toml:5: "),
        ("[[expected]]\nreason = \"x\"\n".to_owned(), "an entry has no `test`"),
        ("[expected]\ntest = \"x\"\n".to_owned(), "begin each entry with `[[expected]]`"),
        ("expected = [1]\n".to_owned(), "an entry is no table"),
        (
            "[[expcted]]\n".to_owned(),
            "known.toml:1: unknown key `expcted`; did you mean `expected`?",
        ),
        ("[[expected]\n".to_owned(), "known.toml:1: "),
        (entry("reason = \"x").to_owned(), "known.toml:4: "),
        (entry("reason = \"x\"").repeat(2), "known.toml:6: `a::b` is expected already on line 2"),
    ] {
        let error = parse(&text).expect_err(&text);
        assert!(error.contains(words), "{text}: {error}");
        assert_eq!(error.lines().count(), 1, "{error}");
    }
}

#[test]
fn conditions_and_verdicts_are_minded() {
    let entry = |more: &str| format!("[[expected]]\ntest = \"a::*\"\nreason = \"x\"\n{more}\n");
    assert_eq!(judged(&entry(""), "a::b", Verdict::Fail), Verdict::ExpectedFailure);
    assert_eq!(judged(&entry(""), "a::b", Verdict::Crash), Verdict::Crash);
    assert_eq!(judged(&entry(""), "b::b", Verdict::Fail), Verdict::Fail);
    assert_eq!(judged(&entry(""), "a::b", Verdict::Unsupported), Verdict::Unsupported);
    assert_eq!(
        judged(&entry("verdict = \"crash\""), "a::b", Verdict::Crash),
        Verdict::ExpectedFailure
    );
    assert_eq!(judged(&entry(""), "a::b", Verdict::Pass), Verdict::UnexpectedPass);
    assert_eq!(judged(&entry("level = \"kernel\""), "a::b", Verdict::Pass), Verdict::Pass);
    assert_eq!(judged(&entry("level = \"page\""), "a::b", Verdict::Fail), Verdict::ExpectedFailure);
}

#[test]
fn stale_entries_are_told_with_what_to_do() {
    let text = "[[expected]]\ntest = \"a::*\"\nreason = \"x\"\n\
                [[expected]]\ntest = \"gone::*\"\nreason = \"x\"\n\
                [[expected]]\ntest = \"b::c\"\nreason = \"x\"\nexpires = 2020-01-01\n\
                [[expected]]\ntest = \"c::c\"\nreason = \"not selected\"\n\
                [[expected]]\ntest = \"d::d\"\nreason = \"x\"\nlevel = \"kernel\"\n";
    let expectations = parse(text).expect("it is well formed");
    let cases = [
        case("a::a", Verdict::Fail),
        case("a::b", Verdict::Pass),
        case("b::c", Verdict::Fail),
        case("d::d", Verdict::Pass),
    ];
    let names = ["a::a", "a::b", "b::c", "c::c", "d::d"];
    let stale = expectations.stale(PAGE, &cases, names.iter().copied());
    let words = [
        "1: `a::*` names 2 that were run, and 1 of them pass (a::b)",
        "4: `gone::*` names no",
        "7: `b::c` expired on 2020-01-01",
    ];
    assert_eq!(stale.len(), words.len(), "{stale:?}");
    for (stale, words) in stale.iter().zip(words) {
        assert!(stale.contains(words), "{stale}");
    }
}

#[test]
fn an_update_expects_just_what_failed_and_keeps_what_was_said() {
    let text = "[[expected]]\ntest = \"a::*\"\nreason = \"because\"\nlink = \"https://x/1\"\nexpires = 2030-01-01\n\
                [[expected]]\ntest = \"b::gone\"\nreason = \"fixed\"\n\
                [[expected]]\ntest = \"c::c\"\nreason = \"not selected\"\n\
                [[expected]]\ntest = \"nothing\"\nreason = \"no such test\"\n";
    let expectations = parse(text).expect("it is well formed");
    let mut cases = vec![
        case("a::a", Verdict::Fail),
        case("a::b", Verdict::Pass),
        case("b::gone", Verdict::Pass),
        case("d::x::1", Verdict::Fail),
        case("d::x::2", Verdict::Fail),
        case("d::y", Verdict::Pass),
        case("e::x", Verdict::Crash),
        case("e::y", Verdict::Crash),
        case("e::z", Verdict::Unsupported),
        case("f::\"", Verdict::Fail),
    ];
    let names: Vec<_> =
        cases.iter().map(|case| case.name.clone()).chain(["c::c".to_owned()]).collect();
    let names = || names.iter().map(String::as_str);
    let updated = expectations.updated(PAGE, &cases, names());
    let again = parse(&updated).expect("what was written is well formed");
    let tests: Vec<_> = again.entries.iter().map(|entry| entry.test.as_str()).collect();
    assert_eq!(tests, ["a::a", "c::c", "d::x::*", "f::\"", "e::*"], "{updated}");
    let kept = &again.entries[0];
    assert_eq!((kept.reason.as_str(), kept.link.as_deref()), ("because", Some("https://x/1")));
    assert!(kept.expires.is_some());
    assert_eq!(again.entries[2].reason, NO_REASON_YET);
    // With it all is as expected, and another update changes nothing.
    let applied = again.applied(PAGE);
    cases.iter_mut().for_each(|case| applied.judge(case));
    assert!(!cases.iter().any(|case| case.verdict.is_bad()));
    assert_eq!(again.stale(PAGE, &cases, names()), Vec::<String>::new());
    assert_eq!(again.updated(PAGE, &cases, names()), updated);
}
