//! What is reported of one test, program or finding.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::suite::Side;

/// What a case is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A test of the suite.
    Test,
    /// A program that was replayed.
    Program,
    /// A broken clause that fuzzing or enumeration came upon.
    Finding,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Test, Self::Program, Self::Finding];

    /// The name used in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Test => "test",
            Self::Program => "program",
            Self::Finding => "finding",
        }
    }
}

/// How a case came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// All was as it should be.
    Pass,
    /// A program came out otherwise than recorded, in a way that is allowed.
    Accepted,
    /// Something was not as it should be.
    Fail,
    /// The backend panicked, or its process ended.
    Crash,
    /// The backend did not answer in time.
    Timeout,
    /// What the backend answered was no answer.
    Protocol,
    /// The tester's own fault.
    Broken,
    /// The backend does not offer what is needed.
    Unsupported,
    /// Not run, as a real kernel may not survive it.
    Hazard,
    /// It did not come out as it should, and the expectations say so.
    ExpectedFailure,
    /// It came out as it should, and the expectations say that it does not.
    UnexpectedPass,
}

impl Verdict {
    /// Every verdict.
    pub const ALL: [Self; 11] = [
        Self::Pass,
        Self::Accepted,
        Self::Fail,
        Self::Crash,
        Self::Timeout,
        Self::Protocol,
        Self::Broken,
        Self::Unsupported,
        Self::Hazard,
        Self::ExpectedFailure,
        Self::UnexpectedPass,
    ];

    /// The name used in reports and in files of expectations.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Accepted => "accepted",
            Self::Fail => "fail",
            Self::Crash => "crash",
            Self::Timeout => "timeout",
            Self::Protocol => "protocol",
            Self::Broken => "broken",
            Self::Unsupported => "unsupported",
            Self::Hazard => "hazard",
            Self::ExpectedFailure => "expected-failure",
            Self::UnexpectedPass => "unexpected-pass",
        }
    }

    /// The verdict called `name`.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|verdict| verdict.name() == name)
    }

    /// Whether it did not come out as it should, and nothing says that this is
    /// known.
    #[must_use]
    pub fn is_bad(self) -> bool {
        matches!(self, Self::Fail | Self::Crash | Self::Timeout | Self::Protocol | Self::Broken)
    }

    /// Whether the backend did what it should.
    #[must_use]
    pub fn is_pass(self) -> bool {
        matches!(self, Self::Pass | Self::Accepted | Self::UnexpectedPass)
    }

    /// Whether the backend was tried at all.
    #[must_use]
    pub fn is_tried(self) -> bool {
        !matches!(self, Self::Unsupported | Self::Hazard)
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The side of a conflict between pages and kernel that was taken in a case.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Taken {
    /// The conflict, such as `C-12`.
    pub conflict: String,
    /// The side.
    pub side: Side,
}

/// What is known of a case that did not simply pass.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Detail {
    /// The number of the call that it is about, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step: Option<usize>,
    /// The name of that call without `zx_`, or `load` or `store`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub call: Option<String>,
    /// What was different: a key of the text form, `result`, or the id of a
    /// broken clause. For programs only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub what: Option<String>,
    /// What was expected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected: Option<String>,
    /// What was seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actual: Option<String>,
    /// What is missing, how the backend was lost, or why the case could not be
    /// judged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The clause that the oracle finds to be broken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oracle: Option<String>,
    /// The calls as a program in text form.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub program: Option<String>,
    /// The file that the program comes from, or was written to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The command that does it again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub again: Option<String>,
}

impl Detail {
    /// The calls, one a line, without comments and without the line that names
    /// the program.
    pub fn steps(&self) -> impl DoubleEndedIterator<Item = &str> {
        let lines = self.program.as_deref().unwrap_or_default().lines();
        lines.filter_map(|line| line.strip_prefix("  ")).filter(|step| !step.starts_with('#'))
    }
}

/// What a file of expectations says about a case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expectation {
    /// The verdict that it expects.
    pub verdict: Verdict,
    /// Why.
    pub reason: String,
    /// Where more is to be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
}

/// One test, program or finding, and what came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Case {
    /// What it is.
    pub kind: Kind,
    /// The name, by which `run --exact` or `replay --only` find it.
    pub name: String,
    /// What it is listed under: the module of a test, the first part of a
    /// program's name, the call of a finding.
    pub module: String,
    /// The calls that it is about, without `zx_`: those of the clauses of a
    /// test, those that a program does.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub calls: Vec<String>,
    /// The clauses that it checks or, of a finding, breaks.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub clauses: Vec<String>,
    /// How it came out.
    pub verdict: Verdict,
    /// How long it took in microseconds; 0 if that was not measured.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub micros: u64,
    /// The sides of conflicts that were taken in it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sides: Vec<Taken>,
    /// What the expectations say of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expectation: Option<Expectation>,
    /// More, if it did not simply pass.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<Box<Detail>>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl Case {
    /// The details; empty ones if there are none.
    #[must_use]
    pub fn details(&self) -> &Detail {
        const NONE: &Detail = &Detail {
            step: None,
            call: None,
            what: None,
            expected: None,
            actual: None,
            reason: None,
            oracle: None,
            program: None,
            file: None,
            again: None,
        };
        self.detail.as_deref().unwrap_or(NONE)
    }

    /// The verdict without regard to what is expected of the case.
    #[must_use]
    pub fn verdict_itself(&self) -> Verdict {
        match (self.verdict, &self.expectation) {
            (Verdict::ExpectedFailure, Some(expectation)) => expectation.verdict,
            (Verdict::ExpectedFailure, None) => Verdict::Fail,
            (Verdict::UnexpectedPass, _) => Verdict::Pass,
            (verdict, _) => verdict,
        }
    }
}
