//! A report as Markdown, for the summary of a CI job.

use std::fmt::{Result, Write};

use super::{Case, Kind, Report, Stand, Verdict, case_text};

/// Bytes at most: what GitHub takes for the summary of one step, with some
/// room.
const MOST: usize = 1_000_000;

/// Bytes at most of one case.
const MOST_OF_CASE: usize = 8_000;

/// A report as Markdown.
pub(super) fn write(report: &Report) -> String {
    let mut text = String::new();
    // A string can always be written to.
    let _ = write_head(&mut text, report);
    let mut tail = String::new();
    let _ = write_tail(&mut tail, report);
    let bad: Vec<_> = report
        .cases
        .iter()
        .filter(|case| case.verdict.is_bad() || case.verdict == Verdict::UnexpectedPass)
        .collect();
    if !bad.is_empty() {
        text.push_str("### Not as it should be\n\n");
    }
    for (index, case) in bad.iter().enumerate() {
        let folded = folded(case);
        if text.len() + folded.len() + tail.len() + 200 > MOST {
            let hidden = bad.len() - index;
            let _ =
                writeln!(text, "… and {hidden} more, which the other forms of the report show.\n");
            break;
        }
        text.push_str(&folded);
    }
    text + &tail
}

fn write_head(text: &mut String, report: &Report) -> Result {
    let run = &report.run;
    let mark = if report.bad() != 0 || !report.stale.is_empty() {
        "❌"
    } else if report.complete && report.tested_anything() {
        "✅"
    } else {
        "⚠️"
    };
    writeln!(text, "## {mark} VMO conformance of {}\n", code(&run.backend))?;
    let shard = run.shard.map_or(String::new(), |shard| format!(", part {shard}"));
    writeln!(
        text,
        "Edition {}, level {}, {} with version {} on {}, {:.1} s{shard}.\n",
        run.edition,
        run.level.name(),
        code(&run.command),
        run.version,
        run.started,
        report.seconds
    )?;
    if !report.complete {
        writeln!(text, "**The run did not come to its end.**\n")?;
    }
    for problem in &report.stale {
        writeln!(text, "- **Stale expectation:** {}", escaped(problem))?;
    }
    if !report.stale.is_empty() {
        writeln!(text)?;
    }
    let kinds = || Kind::ALL.into_iter().filter(|kind| report.count_of_kind(*kind) != 0);
    if kinds().next().is_some() {
        let header: String = kinds().map(|kind| format!(" {}s |", kind.name())).collect();
        writeln!(text, "| |{header}\n|---|{}", "---:|".repeat(kinds().count()))?;
    }
    for verdict in Verdict::ALL {
        if kinds().all(|kind| report.count_of(kind, verdict) == 0) {
            continue;
        }
        let counts: String =
            kinds().map(|kind| format!(" {} |", report.count_of(kind, verdict))).collect();
        writeln!(text, "| {verdict} |{counts}")?;
    }
    writeln!(text)
}

/// The tables that follow the failures.
fn write_tail(text: &mut String, report: &Report) -> Result {
    for (kind, title) in [(Kind::Test, "Tests by module"), (Kind::Program, "Programs by topic")] {
        let modules = report.modules(kind);
        if modules.is_empty() {
            continue;
        }
        writeln!(text, "<details><summary>{title}</summary>\n")?;
        writeln!(text, "| | passed | known failures | failed | unsupported | not run |")?;
        writeln!(text, "|---|---:|---:|---:|---:|---:|")?;
        for (module, cases) in modules {
            let count =
                |is: &dyn Fn(Verdict) -> bool| cases.iter().filter(|case| is(case.verdict)).count();
            writeln!(
                text,
                "| {} | {} | {} | {} | {} | {} |",
                code(module),
                count(&Verdict::is_pass),
                count(&|verdict| verdict == Verdict::ExpectedFailure),
                count(&Verdict::is_bad),
                count(&|verdict| verdict == Verdict::Unsupported),
                count(&|verdict| verdict == Verdict::Hazard),
            )?;
        }
        writeln!(text, "\n</details>\n")?;
    }
    if !report.conflicts.is_empty() {
        writeln!(
            text,
            "<details><summary>Sides taken where pages and kernel contradict each other</summary>\n"
        )?;
        for (side, label) in
            [(Stand::Kernel, "kernel"), (Stand::Page, "pages"), (Stand::Both, "now this, now that")]
        {
            let taken = report.conflicts.iter().filter(|taken| taken.side == side);
            let ids: Vec<_> = taken.map(|taken| taken.conflict.as_str()).collect();
            if !ids.is_empty() {
                writeln!(text, "- {label}: {}", ids.join(", "))?;
            }
        }
        writeln!(text, "\n</details>")?;
    }
    if !report.totals.is_empty() {
        let totals: Vec<_> =
            report.totals.iter().map(|(what, count)| format!("{count} {what}")).collect();
        writeln!(text, "\n{}.", escaped(&totals.join(", ")))?;
    }
    Ok(())
}

fn folded(case: &Case) -> String {
    let name = html(&case.name);
    let mut body = match case.verdict {
        Verdict::UnexpectedPass => {
            let reason = case.expectation.as_ref().map_or("", |known| known.reason.as_str());
            format!("  known     {reason}\n")
        }
        _ => case_text(case),
    };
    if body.len() > MOST_OF_CASE {
        let end = (0..=MOST_OF_CASE).rev().find(|at| body.is_char_boundary(*at)).unwrap_or(0);
        body.truncate(end);
        body.push_str("…\n");
    }
    // A fence that nothing in the text can close.
    let longest = body.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    format!(
        "<details><summary>{} <code>{name}</code></summary>\n\n{fence}text\n{body}{fence}\n\n\
         </details>\n\n",
        case.verdict
    )
}

/// Text in which nothing is markup.
fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for c in html(&text.replace('\n', " ")).chars() {
        if "\\`*_[]|~".contains(c) {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

/// A word as code, also within a table.
fn code(word: &str) -> String {
    format!("<code>{}</code>", html(word).replace('|', "&#124;"))
}

fn html(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
