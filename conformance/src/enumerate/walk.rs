//! Goes through the programs of a universe, depth first.
//!
//! A backend cannot be cloned, so a state is come to again by running its
//! program once more. That is needed only after a call that changed something:
//! calls that changed nothing are made one after the other in the same state.
//! What such a call has done nevertheless, the ones after it will see; a program
//! that found something has all of them in it, and is shrunk later.

use std::rc::Rc;

use vmo_abi::Syscall;

use super::plan::{Creation, Plan, Planned, Planner};
use super::report::{Broken, Counts};
use super::world::World;
use crate::level::Level;
use crate::oracle::{Oracle, Violation};
use crate::program::{Action, Call, Name, Program, Step};
use crate::runner::{Outcome, Runner};

/// How often a template may break the same clause in one part of the work; after
/// that it is tried no more there.
const OFTEN: u32 = 4;

/// Which calls of a plan are tried.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Which {
    All,
    Plainer,
    Looks,
}

/// Calls before one with two odd arguments at most.
const SHALLOW: usize = 1;

/// A call of the present program, with the calls that are tried in its place.
pub(super) struct Frame {
    plan: Rc<Plan>,
    which: Which,
    /// The first call that was made in the state as it is now.
    since: usize,
    /// The call of the present program.
    at: usize,
    /// The calls in its place that made an object.
    made: Vec<Creation>,
    /// The calls in its place that were not made.
    skipped: Vec<usize>,
}

impl Frame {
    fn new(plan: Rc<Plan>, which: Which) -> Self {
        Self { plan, which, since: 0, at: 0, made: Vec::new(), skipped: Vec::new() }
    }

    fn calls(&self) -> &[Planned] {
        match self.which {
            Which::All => &self.plan.calls,
            Which::Plainer => &self.plan.plainer,
            Which::Looks => &self.plan.looks,
        }
    }

    fn call(&self) -> &Planned {
        &self.calls()[self.at]
    }
}

/// What came of a call.
enum Came {
    /// It changed nothing.
    Unchanged,
    /// It changed something.
    Changed,
    /// It broke a clause.
    Broken,
}

/// A call after which more is to be tried.
#[derive(Clone, Debug)]
pub(super) struct Branch {
    /// Its place among the calls that are tried in the state of the start.
    pub(super) at: usize,
    /// The calls that are tried after it.
    pub(super) calls: usize,
}

/// What one part of the work came to.
#[derive(Default)]
pub(super) struct Part {
    pub(super) counts: Counts,
    pub(super) broken: Vec<Broken>,
    /// The calls after the start that changed something, if there is more to be
    /// tried after them.
    pub(super) branches: Vec<Branch>,
    /// Those that made an object.
    pub(super) made: Vec<Creation>,
}

/// Goes through the programs that begin with one start.
pub(super) struct Walk<'a, 'b> {
    pub(super) start: &'a Program,
    pub(super) runner: Runner<'b>,
    pub(super) planner: &'a mut Planner,
    /// An oracle that has seen nothing yet.
    fresh: Oracle,
    oracle: Oracle,
    outcome: Outcome,
    frames: Vec<Frame>,
    /// Templates with the clause they broke, and how often.
    often: Vec<(u32, &'static str, u32)>,
    /// Answers whether to stop.
    stops: &'a dyn Fn(&Violation) -> bool,
    /// Is told of each program.
    told: Option<&'a (dyn Fn(&Program) + Sync)>,
    stopped: bool,
    part: Part,
}

impl<'a, 'b> Walk<'a, 'b> {
    pub(super) fn new(
        start: &'a Program,
        runner: Runner<'b>,
        planner: &'a mut Planner,
        level: Level,
        stops: &'a dyn Fn(&Violation) -> bool,
        told: Option<&'a (dyn Fn(&Program) + Sync)>,
    ) -> Self {
        let fresh = Oracle::new(runner.environment(), level);
        Self {
            start,
            runner,
            planner,
            oracle: fresh.clone(),
            fresh,
            outcome: Outcome::default(),
            frames: Vec::new(),
            often: Vec::new(),
            stops,
            told,
            stopped: false,
            part: Part::default(),
        }
    }

    /// Tries every call in the state of the start. If `more` is to be tried
    /// after them, the calls for that are handed back as branches; else what
    /// they did is looked at.
    pub(super) fn first_calls(mut self, more: bool) -> Part {
        self.part.counts.prefixes += 1;
        if self.begin() {
            self.explore(if more { None } else { Some(0) });
        }
        self.runner.finish();
        self.part
    }

    /// Tries the programs that begin with a branch and have `depth` more calls.
    /// `made` are the calls in the place of the branch that made an object.
    pub(super) fn branch(mut self, at: usize, made: Vec<Creation>, depth: usize) -> Part {
        if self.begin() {
            let plan = self.plan_here();
            self.frames.push(Frame { since: at, at, made, ..Frame::new(plan, Which::All) });
            if matches!(self.make(), Came::Changed) {
                self.explore(Some(depth));
            }
        }
        self.runner.finish();
        self.part
    }

    /// Begins the program anew, and makes the calls of its start. Answers
    /// whether they broke nothing.
    fn begin(&mut self) -> bool {
        self.runner.begin();
        self.oracle.clone_from(&self.fresh);
        for index in 0..self.start.steps.len() {
            let action = &self.start.steps[index].action;
            self.part.counts.judged += 1;
            if let Err(violation) =
                perform(&mut self.runner, &mut self.oracle, action, &mut self.outcome)
            {
                self.note(violation, Some(index));
                return false;
            }
        }
        true
    }

    /// Comes to the state again in which the calls of the last frame are tried.
    fn again(&mut self) -> bool {
        self.runner.finish();
        if !self.begin() {
            return false;
        }
        let depth = self.frames.len() - 1;
        for index in 0..depth {
            let frame = &mut self.frames[index];
            frame.since = frame.at;
            self.part.counts.judged += 1;
            self.part.counts.repeated += 1;
            let done = perform(
                &mut self.runner,
                &mut self.oracle,
                &self.frames[index].call().action,
                &mut self.outcome,
            );
            if let Err(violation) = done {
                let later = self.frames.split_off(index + 1);
                self.note(violation, None);
                self.frames.extend(later);
                return false;
            }
        }
        true
    }

    /// The calls that are tried in the present state.
    fn plan_here(&mut self) -> Rc<Plan> {
        let twins: Vec<_> = (0..self.frames.len()).filter_map(|index| self.twins(index)).collect();
        self.plan_with(&twins)
    }

    fn plan_with(&mut self, twins: &[(Name, Name)]) -> Rc<Plan> {
        let results = self.frames.iter().map(|frame| frame.call().results().len());
        let names = (self.start.names.len() + results.sum::<usize>()) as u16;
        let world = World::of(names, &self.oracle, &self.runner.facts(), twins);
        self.planner.plan(world)
    }

    /// The names of two objects that the call at `index` and the one before it
    /// made in the same way, if no later call used either.
    fn twins(&self, index: usize) -> Option<(Name, Name)> {
        let (one, other) = (self.frames[index.checked_sub(1)?].call(), self.frames[index].call());
        if one.creation.is_none() || one.creation != other.creation {
            return None;
        }
        // The ends of channels are two of a kind already.
        let (&[first], &[second]) = (one.results(), other.results()) else { return None };
        let mut later = self.frames[index + 1..].iter();
        let used = later.any(|frame| frame.call().uses(first) || frame.call().uses(second));
        (!used).then_some((first, second))
    }

    /// Tries the calls in the present state, and `more` calls after each that
    /// changes something; if that is `None`, such calls become branches.
    fn explore(&mut self, more: Option<usize>) {
        let plan = self.plan_here();
        self.part.counts.states += 1;
        let is_shallow = self.frames.len() <= SHALLOW;
        let which = if is_shallow { Which::All } else { Which::Plainer };
        self.frames.push(Frame::new(plan, which));
        self.try_calls(more);
        self.frames.pop();
    }

    /// Looks at what the last call did.
    fn look(&mut self) {
        // The backend need not have made twins alike.
        let plan = self.plan_with(&[]);
        self.frames.push(Frame::new(plan, Which::Looks));
        self.try_calls(None);
        self.frames.pop();
    }

    fn try_calls(&mut self, more: Option<usize>) {
        let last = self.frames.len() - 1;
        let looks = self.frames[last].which == Which::Looks;
        let mut is_stale = false;
        for at in 0..self.frames[last].calls().len() {
            if self.is_skipped(at) {
                self.frames[last].skipped.push(at);
                continue;
            }
            if is_stale {
                if self.stopped || !self.again() {
                    return;
                }
                self.frames[last].since = at;
                is_stale = false;
            }
            self.frames[last].at = at;
            if looks {
                self.part.counts.looks += 1;
            } else {
                self.part.counts.programs += 1;
                if let Some(told) = self.told {
                    told(&self.program(|frame, at| at == frame.at));
                }
            }
            match self.make() {
                Came::Unchanged => {}
                Came::Broken => is_stale = true,
                Came::Changed => {
                    is_stale = true;
                    self.go_on(more);
                }
            }
            if self.stopped {
                return;
            }
        }
    }

    /// Whether the call is left out, as a program with the same calls in
    /// another order has it, or as it broke a clause too often.
    fn is_skipped(&mut self, at: usize) -> bool {
        let Some((last, frames)) = self.frames.split_last() else { return false };
        let planned = &last.calls()[at];
        if is_other_order(frames, planned) {
            self.part.counts.other_order += 1;
            return true;
        }
        let is_same = |template| template == planned.template;
        let is_known =
            self.often.iter().any(|(template, _, times)| is_same(*template) && *times >= OFTEN);
        self.part.counts.broken_often += u64::from(is_known);
        is_known
    }

    /// What comes after a call that changed something.
    fn go_on(&mut self, more: Option<usize>) {
        self.part.counts.changing += 1;
        let last = self.frames.len() - 1;
        let frame = &self.frames[last];
        if frame.which == Which::Looks || self.oracle.gave_up() {
            return;
        }
        if !frame.call().is_built_upon {
            self.look();
            return;
        }
        if let Some(creation) = frame.call().creation {
            self.frames[last].made.push(creation);
        }
        match more {
            None => {
                let at = self.frames[last].at;
                let calls = self.plan_here().calls.len();
                self.part.branches.push(Branch { at, calls });
                self.part.made.clone_from(&self.frames[last].made);
            }
            Some(0) => self.look(),
            Some(more) => {
                self.part.counts.prefixes += 1;
                self.explore(Some(more - 1));
            }
        }
    }

    /// Makes the call of the last frame.
    fn make(&mut self) -> Came {
        let Some(frame) = self.frames.last() else { return Came::Unchanged };
        let planned = frame.call();
        let before = self.oracle.changes();
        self.part.counts.judged += 1;
        let done = perform(&mut self.runner, &mut self.oracle, &planned.action, &mut self.outcome);
        match done {
            Err(violation) => {
                let template = planned.template;
                self.count_often(template, violation.clause);
                self.note(violation, None);
                Came::Broken
            }
            Ok(()) if self.oracle.gave_up() => {
                self.part.counts.not_judged += 1;
                Came::Changed
            }
            Ok(()) if self.outcome.is_ok() && planned.observes => Came::Unchanged,
            Ok(()) if self.oracle.changes() == before => Came::Unchanged,
            Ok(()) => Came::Changed,
        }
    }

    fn count_often(&mut self, template: u32, clause: &'static str) {
        let known = self
            .often
            .iter_mut()
            .find(|(other, broken, _)| *other == template && *broken == clause);
        match known {
            Some((_, _, times)) => *times += 1,
            None => self.often.push((template, clause, 1)),
        }
    }

    /// Takes note of a broken clause; `start` is the step of the start that
    /// broke it, if it was one.
    fn note(&mut self, violation: Violation, start: Option<usize>) {
        self.part.counts.violations += 1;
        self.stopped |= (self.stops)(&violation) || self.runner.check_alive().is_err();
        let is_known = self.part.broken.iter().any(|known| {
            (known.violation.clause, known.violation.call) == (violation.clause, violation.call)
        });
        if !is_known {
            let program = match start {
                Some(step) => {
                    let mut program = self.start.clone();
                    program.steps.truncate(step + 1);
                    program
                }
                None => self.program(|frame, at| at >= frame.since && !frame.skipped.contains(&at)),
            };
            self.part.broken.push(Broken { violation, program });
        }
    }

    /// The start and some of the calls up to the present one, as a program.
    fn program(&self, has: impl Fn(&Frame, usize) -> bool) -> Program {
        let mut program = self.start.clone();
        for frame in &self.frames {
            for (at, planned) in frame.calls().iter().enumerate().take(frame.at + 1) {
                if !has(frame, at) {
                    continue;
                }
                let mut action = planned.action.clone();
                if let Action::Call(call) = &mut action {
                    if at == frame.at {
                        bind(&mut program, call);
                    } else {
                        // It bound no name, as it made nothing.
                        call.results.clear();
                    }
                }
                program.steps.push(Step { comments: Vec::new(), action, expected: None });
            }
        }
        program
    }
}

/// Whether the program with this call is another one with two calls in the
/// other order, both of which make an object that the other does not need.
fn is_other_order(frames: &[Frame], planned: &Planned) -> bool {
    let Some(creation) = planned.creation else { return false };
    for frame in frames.iter().rev() {
        let call = frame.call();
        let Some(before) = call.creation else { return false };
        if creation.source.is_some_and(|source| call.results().contains(&source)) {
            return false;
        }
        // It has to be a call that would have made its object here.
        if creation < before && frame.made.contains(&creation) {
            return true;
        }
    }
    false
}

/// Gives the names that a call binds a text.
fn bind(program: &mut Program, call: &Call) {
    let prefix = match call.syscall {
        Syscall::vmar_map => 'm',
        Syscall::vmar_allocate => 'r',
        Syscall::event_create => 'e',
        Syscall::channel_create => 'c',
        Syscall::port_create => 'p',
        _ => 'v',
    };
    for _ in &call.results {
        let count = program.names.iter().filter(|name| name.starts_with(prefix)).count();
        program.names.push(format!("{prefix}{count}"));
    }
}

/// Makes a call and judges it.
pub(super) fn perform(
    runner: &mut Runner<'_>,
    oracle: &mut Oracle,
    action: &Action,
    outcome: &mut Outcome,
) -> Result<(), Violation> {
    if let Err(error) = runner.step(action, outcome) {
        // The tester's own memory does not work, or the like.
        return Err(Violation {
            clause: "GEN-04",
            call: "tester",
            expected: "a call that can be made".to_owned(),
            actual: error.to_string(),
        });
    }
    oracle.observe(action, outcome, &runner.facts())
}
