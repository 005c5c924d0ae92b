//! A report as JUnit's XML, for the pages of CI services.

use std::time::Duration;

use quick_junit::{NonSuccessKind, SerializeError, TestCase, TestCaseStatus, TestSuite};

use super::{Case, Kind, Report, Verdict, case_text};

/// A report as XML: a suite for each module, with each case in it.
pub(super) fn write(report: &Report) -> Result<String, SerializeError> {
    let run = &report.run;
    let name = format!("vmo-conformance {} {}", run.backend, run.level.name());
    let mut xml = quick_junit::Report::new(name);
    xml.set_time(seconds(report.seconds));
    for kind in Kind::ALL {
        for (module, cases) in report.modules(kind) {
            let name = match kind {
                Kind::Test => module.to_owned(),
                Kind::Program => format!("programs {module}"),
                Kind::Finding => format!("findings {module}"),
            };
            let mut suite = TestSuite::new(name.as_str());
            let micros = cases.iter().map(|case| case.micros).sum();
            suite.set_time(Duration::from_micros(micros));
            suite.add_test_cases(cases.into_iter().map(|case| test_case(case, &name)));
            xml.add_test_suite(suite);
        }
    }
    xml.to_string()
}

fn seconds(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or_default()
}

fn test_case(case: &Case, class: &str) -> TestCase {
    let detail = case.details();
    let message = match (&detail.expected, &detail.actual, &detail.reason) {
        (Some(expected), Some(actual), _) => {
            let what = detail.what.as_ref().map_or(String::new(), |what| format!("{what}: "));
            Some(format!("{what}expected {expected}, got {actual}"))
        }
        (_, _, reason) => reason.clone(),
    };
    let mut status = match case.verdict {
        Verdict::Pass | Verdict::Accepted => TestCaseStatus::success(),
        Verdict::Fail | Verdict::UnexpectedPass => {
            TestCaseStatus::non_success(NonSuccessKind::Failure)
        }
        Verdict::Crash | Verdict::Timeout | Verdict::Protocol | Verdict::Broken => {
            TestCaseStatus::non_success(NonSuccessKind::Error)
        }
        Verdict::Unsupported | Verdict::Hazard | Verdict::ExpectedFailure => {
            TestCaseStatus::skipped()
        }
    };
    let known = case.expectation.as_ref().map(|known| known.reason.as_str());
    match (case.verdict, known, message) {
        (Verdict::Pass | Verdict::Accepted, ..) => {}
        (Verdict::ExpectedFailure, Some(known), _) => {
            status.set_message(format!("expected failure: {known}"));
        }
        (Verdict::UnexpectedPass, Some(known), _) => {
            status.set_message(format!("passes, although it is expected to fail: {known}"));
        }
        (_, _, Some(message)) => {
            status.set_message(message);
        }
        (_, _, None) => {}
    }
    if case.verdict.is_bad() {
        status.set_type(case.verdict.name()).set_description(case_text(case));
    }
    let mut written = TestCase::new(case.name.as_str(), status);
    written.set_classname(class).set_time(Duration::from_micros(case.micros));
    written
}
