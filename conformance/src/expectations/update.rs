//! Writes the file anew from what a run came to.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fmt::Write;

use super::{Conditions, Entry, Expectations, NO_REASON_YET};
use crate::report::{Case, Kind, Verdict};

impl Expectations {
    /// The text of the file that expects just what failed in a run. Entries
    /// that still hold are kept with all that they say, and so are those about
    /// nothing that was run; of those that hold for a part the part is kept.
    /// What they do not name gets new entries: a pattern where everything that
    /// it names failed alike, and else a name for each.
    #[must_use]
    pub fn updated<'n>(
        &self,
        conditions: Conditions<'_>,
        cases: &[Case],
        names: impl Iterator<Item = &'n str> + Clone,
    ) -> String {
        let cases: Vec<_> = cases.iter().filter(|case| case.kind != Kind::Finding).collect();
        let mut entries: Vec<Entry> = Vec::new();
        let mut covered: HashSet<(&str, Verdict)> = HashSet::new();
        for entry in &self.entries {
            let named: Vec<_> = if conditions.hold_for(entry) {
                cases.iter().filter(|case| entry.names(&case.name)).copied().collect()
            } else {
                Vec::new()
            };
            let is_tried = |case: &&&Case| case.verdict_itself().is_tried();
            let tried: Vec<_> = named.iter().filter(is_tried).copied().collect();
            let failed: Vec<_> = tried
                .iter()
                .filter(|case| case.verdict_itself() == entry.verdict)
                .copied()
                .collect();
            covered.extend(failed.iter().map(|case| (case.name.as_str(), entry.verdict)));
            let passes = tried.iter().any(|case| case.verdict_itself().is_pass());
            if tried.is_empty() {
                if names.clone().any(|name| entry.names(name)) {
                    entries.push(entry.clone());
                }
            } else if !failed.is_empty() && !passes {
                entries.push(entry.clone());
            } else if !failed.is_empty() {
                let narrowed = patterns(&failed, &cases, entry.verdict);
                entries.extend(narrowed.into_iter().map(|test| Entry { test, ..entry.clone() }));
            }
        }
        for verdict in Verdict::ALL.into_iter().filter(|verdict| verdict.is_bad()) {
            let is_new = |case: &&&Case| {
                case.verdict_itself() == verdict
                    && !covered.contains(&(case.name.as_str(), verdict))
            };
            let new: Vec<_> = cases.iter().filter(is_new).copied().collect();
            entries.extend(patterns(&new, &cases, verdict).into_iter().map(|test| Entry {
                line: 0,
                test,
                verdict,
                reason: NO_REASON_YET.to_owned(),
                link: None,
                level: None,
                edition: None,
                expires: None,
            }));
        }
        text_of(entries)
    }
}

/// The name of a case without its last part: what a pattern could name.
fn parent(name: &str) -> Option<&str> {
    let test = name.rfind("::").map(|at| at + 2);
    let end = test.or_else(|| name.rfind('/').map(|at| at + 1))?;
    name.get(..end)
}

/// Names and patterns that name just these failures: a pattern where everything
/// that was tried and that it names is among them.
fn patterns(failed: &[&Case], cases: &[&Case], verdict: Verdict) -> Vec<String> {
    let failing: HashSet<&str> = failed.iter().map(|case| case.name.as_str()).collect();
    let mut whole: BTreeMap<String, (bool, usize)> = BTreeMap::new();
    let beginnings = |case: &Case| {
        let separator = if case.kind == Kind::Test { "::" } else { "/" };
        let module = format!("{}{separator}", case.module);
        [Some(module), parent(&case.name).map(str::to_owned)]
    };
    for case in cases.iter().filter(|case| case.verdict_itself().is_tried()) {
        let fails = case.verdict_itself() == verdict && failing.contains(case.name.as_str());
        let beginnings: BTreeSet<_> = beginnings(case).into_iter().flatten().collect();
        for beginning in beginnings {
            let (all_fail, count) = whole.entry(beginning).or_insert((true, 0));
            *all_fail &= fails;
            *count += 1;
        }
    }
    let mut found = Vec::new();
    for case in failed {
        // The module comes first: the widest pattern that holds is taken.
        let pattern = beginnings(case).into_iter().flatten().find(|beginning| {
            case.name.starts_with(beginning.as_str())
                && whole.get(beginning).is_some_and(|(all_fail, count)| *all_fail && *count > 1)
        });
        let name = pattern.map_or_else(|| case.name.clone(), |beginning| beginning + "*");
        if found.last() != Some(&name) && !found.contains(&name) {
            found.push(name);
        }
    }
    found
}

fn text_of(entries: Vec<Entry>) -> String {
    let module_of = |entry: &Entry| {
        let end = entry.test.find("::").or_else(|| entry.test.rfind('/'));
        entry.test[..end.unwrap_or(entry.test.len())].to_owned()
    };
    let mut modules: Vec<(String, Vec<Entry>)> = Vec::new();
    for entry in entries {
        let module = module_of(&entry);
        match modules.iter_mut().find(|(known, _)| *known == module) {
            Some((_, entries)) => entries.push(entry),
            None => modules.push((module, vec![entry])),
        }
    }
    let mut text = "# Failures that are known, for vmo-conformance --expectations.\n\
                    # --update-expectations writes this file anew; what is to be kept belongs \
                    into `reason`.\n"
        .to_owned();
    for (module, entries) in modules {
        // A string can always be written to.
        let _ = writeln!(text, "\n# {module}");
        for entry in entries {
            let _ = write_entry(&mut text, &entry);
        }
    }
    text
}

fn write_entry(text: &mut String, entry: &Entry) -> std::fmt::Result {
    let quoted = |value: &str| toml::Value::String(value.to_owned()).to_string();
    writeln!(text, "\n[[expected]]\ntest = {}", quoted(&entry.test))?;
    if entry.verdict != Verdict::Fail {
        writeln!(text, "verdict = {}", quoted(entry.verdict.name()))?;
    }
    writeln!(text, "reason = {}", quoted(&entry.reason))?;
    if let Some(link) = &entry.link {
        writeln!(text, "link = {}", quoted(link))?;
    }
    if let Some(level) = entry.level {
        writeln!(text, "level = {}", quoted(level.name()))?;
    }
    if let Some(edition) = &entry.edition {
        writeln!(text, "edition = {}", quoted(edition))?;
    }
    if let Some(expires) = entry.expires {
        writeln!(text, "expires = {expires}")?;
    }
    Ok(())
}
