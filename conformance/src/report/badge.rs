//! Badges: a few words about a run for a page about the backend.

use serde_json::json;

use super::{Report, Verdict};

/// What the badge is about.
const LABEL: &str = "VMO conformance";

/// What a badge says, and in which colour: its name for shields.io, and its
/// value.
struct Badge {
    message: String,
    colour: (&'static str, &'static str),
}

fn badge_of(report: &Report) -> Badge {
    const GREEN: (&str, &str) = ("brightgreen", "#2f7d32");
    const YELLOW: (&str, &str) = ("yellow", "#8a6100");
    const RED: (&str, &str) = ("red", "#b3261e");
    const GREY: (&str, &str) = ("lightgrey", "#5f6368");
    let tried = report.cases.iter().filter(|case| case.verdict.is_tried()).count();
    let passed = report.cases.iter().filter(|case| case.verdict.is_pass()).count();
    let known = report.cases.iter().filter(|case| case.verdict == Verdict::ExpectedFailure).count();
    let level = report.run.level.name();
    let message = match (tried, report.bad()) {
        (0, _) if !report.tested_anything() && report.totals.is_empty() => "not tested".to_owned(),
        (0, 0) => format!("nothing found at level {level}"),
        (_, bad) if report.counts.contains_key(&super::Kind::Finding) => {
            format!("{bad} findings at level {level}")
        }
        _ => format!("{passed}/{tried} at level {level}"),
    };
    let message = match report.run.shard {
        Some(shard) => format!("{message}, part {shard}"),
        None if !report.complete => format!("{message}, unfinished"),
        None => message,
    };
    let colour = match report.bad() {
        0 if !report.complete || message == "not tested" => GREY,
        0 if known != 0 || !report.stale.is_empty() => YELLOW,
        0 => GREEN,
        _ => RED,
    };
    Badge { message, colour }
}

/// The end point of a badge as shields.io reads it.
pub(super) fn json(report: &Report) -> serde_json::Result<String> {
    let Badge { message, colour: (colour, _) } = badge_of(report);
    let badge = json!({ "schemaVersion": 1, "label": LABEL, "message": message, "color": colour });
    Ok(serde_json::to_string_pretty(&badge)? + "\n")
}

/// The badge as a picture.
pub(super) fn svg(report: &Report) -> String {
    /// About the width of a character of the text, in units of the picture.
    const CHARACTER: usize = 7;
    const MARGIN: usize = 8;
    let Badge { message, colour: (_, colour) } = badge_of(report);
    let width = |text: &str| text.chars().count() * CHARACTER + 2 * MARGIN;
    let (left, right) = (width(LABEL), width(&message));
    let (all, left_middle, right_middle) = (left + right, left / 2, left + right / 2);
    let (left_text, right_text) = (left - 2 * MARGIN, right - 2 * MARGIN);
    format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" width="{all}" height="20" role="img" aria-label="{LABEL}: {message}">
<title>{LABEL}: {message}</title>
<clipPath id="r"><rect width="{all}" height="20" rx="3"/></clipPath>
<g clip-path="url(#r)"><rect width="{left}" height="20" fill="#444"/><rect x="{left}" width="{right}" height="20" fill="{colour}"/></g>
<g fill="#fff" text-anchor="middle" font-family="Verdana,Geneva,DejaVu Sans,sans-serif" font-size="11">
<text x="{left_middle}" y="14" textLength="{left_text}">{LABEL}</text>
<text x="{right_middle}" y="14" textLength="{right_text}">{message}</text>
</g>
</svg>
"##
    )
}
