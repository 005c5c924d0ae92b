//! What is tried is neither more nor less than it should be.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use vmo_abi::{Syscall, ZX_PAGE_SIZE, ZX_RIGHT_SAME_RIGHTS};

use super::*;
use crate::backends::built_in;
use crate::faults::{Faulty, fault_named};
use crate::program::{Action, Data, Handle, Part as Piece, Value, parse, print};

fn number(number: u64) -> Pick {
    Pick::Value(Value::Number(number))
}

/// Two sizes, clones, duplicates, writes, closes, and one call that changes
/// nothing.
fn tiny() -> Universe {
    let on_vmo = |syscall| Shape::call(syscall).with("handle", [Pick::Vmo], []);
    let byte = Pick::Value(Value::Data(Data(vec![Piece::Fill(1, 1)])));
    let starts = parse("tiny", "program nothing\n").expect("it is a program");
    let shapes = vec![
        Shape::call(Syscall::vmo_create).with(
            "size",
            [number(ZX_PAGE_SIZE), number(2 * ZX_PAGE_SIZE)],
            [],
        ),
        on_vmo(Syscall::vmo_clone).with("options", [number(1)], []).with(
            "size",
            [number(ZX_PAGE_SIZE)],
            [],
        ),
        on_vmo(Syscall::handle_duplicate).with(
            "rights",
            [number(u64::from(ZX_RIGHT_SAME_RIGHTS))],
            [],
        ),
        on_vmo(Syscall::vmo_write).with("buffer", [byte], []),
        on_vmo(Syscall::handle_close),
        on_vmo(Syscall::vmo_get_size),
    ];
    Universe { name: "tiny", about: "", starts, shapes }
}

fn plan(universes: &[Universe], depth: usize) -> Plan<'_> {
    let (level, stops) = (Level::Kernel, &|_: &Violation| false);
    Plan { universes, depth, level, jobs: 1, stops, shrinks: false, told: None }
}

fn reference(plan: &Plan<'_>) -> Report {
    let start = built_in("reference").expect("it is built in").start;
    enumerate(plan, &start, &Progress::default()).expect("it starts")
}

/// A call in terms of objects, which are numbered as they are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Deed {
    Create(u64),
    Clone(usize),
    Duplicate(usize),
    Write(usize),
    Close(usize),
    Size(usize),
}

impl Deed {
    fn makes_object(self) -> bool {
        matches!(self, Self::Create(_) | Self::Clone(_))
    }

    fn is_creation(self) -> bool {
        self.makes_object() || matches!(self, Self::Duplicate(_))
    }

    fn with_object(self, change: impl Fn(usize) -> usize) -> Self {
        match self {
            Self::Create(size) => Self::Create(size),
            Self::Clone(object) => Self::Clone(change(object)),
            Self::Duplicate(object) => Self::Duplicate(change(object)),
            Self::Write(object) => Self::Write(change(object)),
            Self::Close(object) => Self::Close(change(object)),
            Self::Size(object) => Self::Size(change(object)),
        }
    }

    fn source(self) -> Option<usize> {
        match self {
            Self::Clone(object) | Self::Duplicate(object) => Some(object),
            _ => None,
        }
    }
}

/// Every word with one more call. `handles` are those that each object has.
fn words(depth: usize, word: &mut Vec<Deed>, handles: &mut Vec<u32>, all: &mut Vec<Vec<Deed>>) {
    if depth == 0 {
        return;
    }
    let mut deeds = vec![Deed::Create(1), Deed::Create(2)];
    for object in (0..handles.len()).filter(|object| handles[*object] > 0) {
        let on = [Deed::Clone, Deed::Duplicate, Deed::Write, Deed::Close, Deed::Size];
        deeds.extend(on.map(|deed: fn(usize) -> Deed| deed(object)));
    }
    for deed in deeds {
        word.push(deed);
        all.push(word.clone());
        let before = handles.clone();
        match deed {
            Deed::Create(_) | Deed::Clone(_) => handles.push(1),
            Deed::Duplicate(object) => handles[object] += 1,
            Deed::Close(object) => handles[object] -= 1,
            Deed::Write(_) | Deed::Size(_) => {}
        }
        // After a call that changes nothing the state is the one before.
        if !matches!(deed, Deed::Size(_)) {
            words(depth - 1, word, handles, all);
        }
        *handles = before;
        word.pop();
    }
}

/// The word with the calls at `index` and after it in the other order, if they
/// make objects independently of each other.
fn exchanged(word: &[Deed], index: usize) -> Option<Vec<Deed>> {
    let (&first, &second) = (word.get(index)?, word.get(index + 1)?);
    let made = |end: usize| word[..end].iter().filter(|deed| deed.makes_object()).count();
    let (one, other) = (made(index), made(index + 1));
    let needs = first.makes_object() && second.source() == Some(one);
    if !first.is_creation() || !second.is_creation() || needs {
        return None;
    }
    let exchanges = first.makes_object() && second.makes_object();
    let renamed = |object: usize| match object {
        object if exchanges && object == one => other,
        object if exchanges && object == other => one,
        object => object,
    };
    let mut word = word.to_vec();
    word.swap(index, index + 1);
    for deed in &mut word[index + 2..] {
        *deed = deed.with_object(renamed);
    }
    Some(word)
}

/// The smallest of the words that a word can be made into.
fn representative(word: &[Deed]) -> Vec<Deed> {
    let mut reached = BTreeSet::from([word.to_vec()]);
    let mut open = vec![word.to_vec()];
    while let Some(word) = open.pop() {
        for index in 0..word.len() {
            if let Some(other) = exchanged(&word, index)
                && reached.insert(other.clone())
            {
                open.push(other);
            }
        }
    }
    reached.pop_first().expect("the word itself is there")
}

/// A program in terms of objects.
fn word_of(program: &Program) -> Vec<Deed> {
    let mut objects = BTreeMap::new();
    let mut made = 0;
    let mut word = Vec::new();
    for step in &program.steps {
        let Action::Call(call) = &step.action else { panic!("no access is tried") };
        let object = match &call.arguments[0] {
            Value::Handle(Handle::Named(name)) => objects[name],
            _ => usize::MAX,
        };
        word.push(match (call.syscall, &call.arguments[0]) {
            (Syscall::vmo_create, Value::Number(size)) => Deed::Create(size / ZX_PAGE_SIZE),
            (Syscall::vmo_clone, _) => Deed::Clone(object),
            (Syscall::handle_duplicate, _) => Deed::Duplicate(object),
            (Syscall::vmo_write, _) => Deed::Write(object),
            (Syscall::handle_close, _) => Deed::Close(object),
            (Syscall::vmo_get_size, _) => Deed::Size(object),
            (other, _) => panic!("{} is not of the universe", other.name()),
        });
        if let Some(name) = call.results.first() {
            let is_new = call.syscall != Syscall::handle_duplicate;
            objects.insert(*name, if is_new { made } else { object });
            made += usize::from(is_new);
        }
    }
    word
}

#[test]
fn each_class_of_symmetric_programs_is_tried_just_once() {
    for depth in 1..=4 {
        let mut all = Vec::new();
        words(depth, &mut Vec::new(), &mut Vec::new(), &mut all);
        let classes: BTreeSet<_> = all.iter().map(|word| representative(word)).collect();
        let tried = Mutex::new(BTreeMap::<_, Vec<String>>::new());
        let told = |program: &Program| {
            let class = representative(&word_of(program));
            tried.lock().unwrap().entry(class).or_default().push(program.to_string());
        };
        let universes = [tiny()];
        let report = reference(&Plan { told: Some(&told), ..plan(&universes, depth) });
        assert_eq!(report.findings, []);
        assert!(report.is_complete);
        let tried = tried.into_inner().unwrap();
        // Where two exchanges have to be made together a class may be tried twice.
        let most = if depth < 4 { 1 } else { 2 };
        for (class, programs) in &tried {
            assert!(programs.len() <= most, "{class:?}: {programs:#?}");
            assert!(classes.contains(class), "{class:?}: {programs:#?}");
        }
        for class in &classes {
            assert!(tried.contains_key(class), "{class:?}");
        }
        let programs: usize = tried.values().map(Vec::len).sum();
        assert_eq!(report.counts.programs, programs as u64);
        assert!(programs as f64 <= 1.01 * classes.len() as f64);
        assert!(depth > 3 || programs == classes.len());
        assert!(depth < 3 || (classes.len() as f64) < 0.95 * all.len() as f64);
    }
}

fn against(fault: &str, universe: &str, depth: usize, jobs: usize) -> Report {
    let fault = fault_named(fault).expect("there is such a fault");
    let start = || Ok(Box::new(Faulty::reference(Some(fault))?) as Box<dyn vmo_abi::Backend>);
    let universes = [super::universe(universe).expect("there is such a universe")];
    let plan = Plan { jobs, shrinks: true, ..plan(&universes, depth) };
    enumerate(&plan, &start, &Progress::default()).expect("it starts")
}

#[test]
fn mistakes_are_found_for_the_clause_that_they_break() {
    for (fault, universe, longest) in [
        ("create_rounds_size_down", "vmo", 2),
        ("read_is_cut_at_the_end", "vmo", 2),
        ("clone_aligns_the_offset", "vmo", 2),
        ("duplicate_masks_rights", "handles", 2),
        ("create_gives_no_transfer", "handles", 2),
        ("map_aligns_the_vmo_offset", "mappings", 2),
    ] {
        let report = against(fault, universe, 1, 1);
        let clauses = fault_named(fault).expect("there is such a fault").clauses;
        let right = |finding: &&Finding| clauses.contains(&finding.violation.clause);
        let finding = report.findings.iter().find(right);
        let finding = finding.unwrap_or_else(|| panic!("{fault}: {:#?}", report.findings));
        let shrunk = finding.shrunk.as_ref().expect("it shows on a fresh backend");
        assert!(shrunk.steps.len() <= longest, "{fault}: {shrunk}");
        let text = print(std::slice::from_ref(shrunk));
        assert_eq!(parse("shrunk", &text), Ok(vec![shrunk.clone()]), "{text}");
    }
}

#[test]
fn the_number_of_threads_changes_nothing() {
    let alone = against("clones_do_not_follow_growth", "vmo", 2, 1);
    assert!(!alone.findings.is_empty());
    for jobs in 2..=3 {
        let together = against("clones_do_not_follow_growth", "vmo", 2, jobs);
        assert_eq!(together.counts, alone.counts);
        assert_eq!(together.findings, alone.findings);
    }
}

#[test]
fn stopping_at_the_first_finding_gives_the_first_of_all() {
    let fault = fault_named("clones_do_not_follow_growth").expect("there is such a fault");
    let start = || Ok(Box::new(Faulty::reference(Some(fault))?) as Box<dyn vmo_abi::Backend>);
    let universes = [super::universe("vmo").expect("there is such a universe")];
    let all = enumerate(&plan(&universes, 2), &start, &Progress::default()).expect("it starts");
    for jobs in 1..=2 {
        let plan = Plan { jobs, stops: &|_| true, ..plan(&universes, 2) };
        let first = enumerate(&plan, &start, &Progress::default()).expect("it starts");
        assert!(!first.is_complete);
        assert_eq!(first.findings.first(), all.findings.first());
        assert!(first.counts.judged < all.counts.judged);
    }
}

#[test]
fn the_reference_breaks_nothing_with_two_calls() {
    let universes: Vec<_> = UNIVERSES.iter().map(|(_, make)| make()).collect();
    for level in [Level::Page, Level::Kernel] {
        let report = reference(&Plan { level, shrinks: true, ..plan(&universes, 2) });
        assert_eq!(report.findings, [], "{}", level.name());
        assert_eq!(report.left_out, [""; 0]);
        let counts = report.counts;
        assert!(report.is_complete && counts.programs > 300_000, "{counts:?}");
        assert!(counts.judged > counts.programs + counts.looks && counts.changing > 10_000);
        // Only what closes handles that nobody knows may be left unjudged.
        assert!(counts.not_judged * 100 < counts.judged, "{counts:?}");
    }
}

#[test]
fn impossible_depths_are_refused_at_once() {
    let universes = [tiny()];
    let start = built_in("reference").expect("it is built in").start;
    let refused = |depth| {
        let plan = plan(&universes, depth);
        enumerate(&plan, &start, &Progress::default()).expect_err("it cannot be done")
    };
    assert_eq!(refused(0), EnumerateError::NoDepth);
    let vmo = [super::universe("vmo").expect("there is such a universe")];
    let plan = plan(&vmo, 40);
    match enumerate(&plan, &start, &Progress::default()) {
        Err(EnumerateError::TooMany { depth: 40, programs, seconds }) => {
            assert!(programs > 1e30 && seconds > 1e20);
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_a_backend_does_not_claim_is_left_out() {
    let environment = built_in("reference").map(|reference| (reference.start)());
    let mut environment = environment.expect("it is built in").expect("it starts").environment();
    environment.capabilities = environment.capabilities.without(vmo_abi::Capability::Mapping);
    environment.bad.kernel = None;
    let mappings = super::universe("mappings").expect("there is such a universe");
    let (offered, left_out) = mappings.offered_by(&environment);
    assert!(left_out.iter().any(|name| name == "vmar_map"));
    assert!(left_out.iter().any(|name| name == "start mapping"));
    assert!(offered.shapes.iter().all(|shape| shape.name() != "load"));
    assert!(offered.starts.iter().any(|start| start.name == "vmo"));
    assert!(!offered.to_string().contains("kernel"));
    assert!(mappings.to_string().contains("kernel"));
}
