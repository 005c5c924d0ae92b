//! A report as one page for a browser, which needs nothing from a network.
//!
//! What passed is stored compactly: names without what they have in common,
//! and what they are about as an index into a table.

use std::collections::HashMap;

use serde::Serialize;

use super::{Case, Kind, Report, Stand, Verdict};
use crate::ledger::{clauses, conflicts, untested_reason};

const PAGE: &str = include_str!("page.html");
const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("page.js");

/// Bytes of programs at most; failures after that are shown without theirs.
const MOST_OF_PROGRAMS: usize = 4 << 20;

/// What the page's script reads.
#[derive(Serialize)]
struct Data<'a> {
    kinds: [&'static str; 3],
    verdicts: Vec<&'static str>,
    calls: Vec<&'a str>,
    clauses: Vec<ClauseData>,
    conflicts: Vec<(&'static str, Option<Stand>, &'static str, &'static str)>,
    /// What cases are about: indices of clauses and of calls.
    abouts: Vec<About>,
    groups: Vec<Group<'a>>,
    /// By the place of the case among all.
    details: HashMap<usize, DetailData<'a>>,
}

type About = (Vec<usize>, Vec<usize>);

#[derive(Serialize)]
struct ClauseData {
    id: &'static str,
    level: &'static str,
    call: &'static str,
    text: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    untested: Option<&'static str>,
}

/// Neighbours whose names begin alike: their kind, that beginning, the rest of
/// each, and values with the number of times that each is repeated.
#[derive(Serialize)]
struct Group<'a>(usize, &'a str, String, Repeated, Repeated);

/// Values, each followed by how often it is repeated.
#[derive(Default, Serialize)]
#[serde(transparent)]
struct Repeated(Vec<usize>);

impl Repeated {
    fn push(&mut self, value: usize) {
        match self.0.as_mut_slice() {
            [.., last, count] if *last == value => *count += 1,
            _ => self.0.extend([value, 1]),
        }
    }
}

#[derive(Serialize)]
struct DetailData<'a> {
    #[serde(flatten)]
    detail: super::Detail,
    #[serde(skip_serializing_if = "Option::is_none")]
    known: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    link: Option<&'a str>,
    /// Whether the program was left out for its size.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    cut: bool,
}

/// Indices of words in the order in which they were first met.
#[derive(Default)]
struct Indices<'a> {
    known: HashMap<&'a str, usize>,
    words: Vec<&'a str>,
}

impl<'a> Indices<'a> {
    fn of(&mut self, word: &'a str) -> usize {
        *self.known.entry(word).or_insert_with(|| {
            self.words.push(word);
            self.words.len() - 1
        })
    }
}

/// The part of a name that its neighbours are likely to have, too.
fn beginning(case: &Case) -> &str {
    let separator = if case.kind == Kind::Test { "::" } else { "/" };
    // A test's module and its own name; a parameter comes after them.
    let start = if case.kind == Kind::Test { case.module.len() + separator.len() } else { 0 };
    let rest = case.name.get(start..).unwrap_or_default();
    match (case.kind, rest.find(separator), rest.rfind(separator)) {
        (Kind::Test, Some(at), _) | (_, _, Some(at)) => &case.name[..start + at + separator.len()],
        _ => case.name.get(..start).unwrap_or_default(),
    }
}

fn data_of(report: &Report) -> Data<'_> {
    let known: HashMap<_, _> =
        clauses().enumerate().map(|(index, clause)| (clause.id, index)).collect();
    let mut calls = Indices::default();
    let (mut abouts, mut places) = (Vec::new(), HashMap::<About, usize>::new());
    let mut groups: Vec<Group<'_>> = Vec::new();
    let mut details = HashMap::new();
    let mut room = MOST_OF_PROGRAMS;
    for (index, case) in report.cases.iter().enumerate() {
        let about = (
            case.clauses.iter().filter_map(|id| known.get(id.as_str()).copied()).collect(),
            case.calls.iter().map(|call| calls.of(call)).collect(),
        );
        let place = *places.entry(about).or_insert_with_key(|about| {
            abouts.push(about.clone());
            abouts.len() - 1
        });
        let (kind, beginning) = (case.kind as usize, beginning(case));
        if groups.last().is_none_or(|group| (group.0, group.1) != (kind, beginning)) {
            let (abouts, verdicts) = (Repeated::default(), Repeated::default());
            groups.push(Group(kind, beginning, String::new(), abouts, verdicts));
        } else if let Some(group) = groups.last_mut() {
            group.2.push(' ');
        }
        if let Some(group) = groups.last_mut() {
            group.2.push_str(&case.name[beginning.len()..]);
            group.3.push(place);
            group.4.push(case.verdict as usize);
        }
        if case.detail.is_some() || case.expectation.is_some() {
            details.insert(index, detail_of(case, &mut room));
        }
    }
    Data {
        kinds: Kind::ALL.map(Kind::name),
        verdicts: Verdict::ALL.iter().map(|verdict| verdict.name()).collect(),
        calls: calls.words,
        clauses: clauses()
            .map(|clause| ClauseData {
                id: clause.id,
                level: clause.source.name(),
                call: clause.call,
                text: clause.text,
                untested: untested_reason(clause.id),
            })
            .collect(),
        conflicts: conflicts_of(report),
        abouts,
        groups,
        details,
    }
}

/// The conflicts with the sides that were taken, if any side was.
fn conflicts_of(report: &Report) -> Vec<(&'static str, Option<Stand>, &'static str, &'static str)> {
    if report.conflicts.is_empty() {
        return Vec::new();
    }
    let stand = |id: &str| {
        report.conflicts.iter().find(|taken| taken.conflict == id).map(|taken| taken.side)
    };
    conflicts()
        .map(|conflict| (conflict.id, stand(conflict.id), conflict.page, conflict.kernel))
        .collect()
}

fn detail_of<'a>(case: &'a Case, room: &mut usize) -> DetailData<'a> {
    let mut detail = case.details().clone();
    let size = detail.program.as_ref().map_or(0, String::len);
    let cut = size > *room;
    if cut {
        detail.program = None;
    } else {
        *room -= size;
    }
    let expectation = case.expectation.as_ref();
    DetailData {
        detail,
        known: expectation.map(|known| known.reason.as_str()),
        link: expectation.and_then(|known| known.link.as_deref()).filter(|link| {
            // Anything else could be a script.
            link.starts_with("https://") || link.starts_with("http://")
        }),
        cut,
    }
}

/// The page.
pub(super) fn write(report: &Report) -> serde_json::Result<String> {
    // Within a script element only `<` could end it.
    let data = serde_json::to_string(&data_of(report))?.replace('<', "\\u003c");
    let run = &report.run;
    let title = escaped(&format!("VMO conformance: {}", run.backend));
    let shard = run.shard.map_or(String::new(), |shard| format!(", part {shard}"));
    let about = format!(
        "Edition {}, level {}; vmo-conformance {} {}{shard}, {}, {:.1} s.",
        run.edition,
        run.level.name(),
        run.version,
        run.command,
        run.started,
        report.seconds,
    );
    let mut page = String::with_capacity(data.len() + PAGE.len() + STYLE.len() + SCRIPT.len());
    let mut rest = PAGE;
    while let Some((before, after)) = rest.split_once("{{") {
        let (name, after) = after.split_once("}}").unwrap_or((after, ""));
        page.push_str(before);
        match name {
            "title" => page.push_str(&title),
            // Names of faults are long for a phone.
            "heading" => page.push_str(&title.replace('_', "_<wbr>")),
            "about" => page.push_str(&escaped(&about)),
            "notes" => page.push_str(&notes(report)),
            "totals" => page.push_str(&totals(report)),
            "style" => page.push_str(STYLE),
            "script" => page.push_str(SCRIPT),
            _ => page.push_str(&data),
        }
        rest = after;
    }
    page.push_str(rest);
    Ok(page)
}

/// What has to be said before any count.
fn notes(report: &Report) -> String {
    let unfinished = (!report.complete).then_some("The run did not come to its end.");
    let lines = unfinished.into_iter().chain(report.stale.iter().map(String::as_str));
    lines.map(|line| format!("<p class=\"note\">{}</p>\n", escaped(line))).collect()
}

fn totals(report: &Report) -> String {
    let kinds = || Kind::ALL.into_iter().filter(|kind| report.count_of_kind(*kind) != 0);
    let heads: String = kinds().map(|kind| format!("<th>{}s</th>", kind.name())).collect();
    let mut table = format!("<table><thead><tr><th></th>{heads}</tr></thead><tbody>\n");
    for verdict in Verdict::ALL {
        if kinds().all(|kind| report.count_of(kind, verdict) == 0) {
            continue;
        }
        let counts: String =
            kinds().map(|kind| format!("<td>{}</td>", report.count_of(kind, verdict))).collect();
        table.push_str(&format!(
            "<tr><th><a href=\"#verdict={verdict}\">{verdict}</a></th>{counts}</tr>\n"
        ));
    }
    table + "</tbody></table>"
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
