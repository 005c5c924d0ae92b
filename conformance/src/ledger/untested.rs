//! Clauses without a test, and why.

/// The clauses that no test checks, with the reason.
pub(super) static UNTESTED: &[(&str, &str)] = &[
    ("HV-03", "only a second process could tell, and the backend trait has one"),
    ("HV-11", "262,144 handles of a whole system would take them from everybody else (hazard)"),
    ("VMO-CREATE-13", "a job policy cannot be set through the backend trait"),
    ("VMO-CREATE-14", "a job policy cannot be set through the backend trait"),
    ("VMO-READ-15", "it grants freedom and demands nothing"),
    ("VMO-SETSIZE-20", "pages can be pinned only through a BTI, which no backend offers"),
    ("VMO-CLONE-31", "needs a job policy that forbids new VMOs, which a tester cannot set"),
    (
        "VMO-CLONE-33",
        "only an asynchronous repeating wait could notice the dip; no call offers one",
    ),
    ("VMO-OPRANGE-34", "pages can be pinned only through a BTI, which no backend offers"),
    ("VMO-OPRANGE-35", "no call of the catalogue makes a VMO that cannot release pages"),
    ("OBJ-INFO-23", "no call of the catalogue makes a process that is not running"),
    ("THREAD-01", "it says what a caller must not do and leaves every outcome open"),
    ("THREAD-04", "it grants freedom and demands nothing"),
    ("THREAD-07", "it grants freedom and demands nothing"),
    ("THREAD-08", "it warns the caller and demands nothing"),
    ("THREAD-09", "it warns the caller and demands nothing"),
];
