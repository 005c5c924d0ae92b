//! What the oracle allows at each step of a program.
//!
//! The oracle judges and does not predict, so it is asked: the program is run on
//! the reference, and at each step the oracle is shown what came of it with one
//! thing changed at a time. What it refuses to have changed is what a backend
//! can be held to; the clause that it names is what another value breaks.
//!
//! The program is run on two machines on which handles, addresses and koids
//! come out differently, as what is the same in both does not depend on them.

use vmo_abi::{
    ArgumentKind, Backend, STATUSES, Syscall, ZX_ERR_INTERNAL, ZX_INFO_HANDLE_BASIC, ZX_OK,
    ZX_PAGE_SIZE, zx_status_t,
};

use super::ExportError;
use super::expected::expect;
use crate::level::Level;
use crate::oracle::{Oracle, Violation};
use crate::program::{Action, Address, Call, Handle, Name, Program, StepResult, Value};
use crate::runner::{Facts, Outcome, Runner, Status};

/// Most bytes of a buffer that are tried one by one; of longer ones pieces are.
const MOST_PIECES: usize = 8192;
/// Pages on both sides of an address that are tried in its place.
const NEIGHBOURS: u64 = 16;
/// Bytes of which one that differs between the machines makes the others
/// doubtful, too: those of an address.
const DOUBTFUL: usize = 8;

/// What is allowed at a step.
#[derive(Clone, Debug)]
pub(super) struct Allowed {
    /// The statuses that are allowed; `None` if any is. An access that goes
    /// through counts as `ZX_OK`; if it may only fault there is none.
    pub(super) statuses: Option<Vec<zx_status_t>>,
    /// What another status breaks.
    pub(super) clause: &'static str,
    /// How the reference ends the step.
    pub(super) usual: StepResult,
    /// What holds if the step ends like this.
    pub(super) checks: Vec<Check>,
    /// The words that the reference stored, where it did.
    pub(super) stored: Vec<bool>,
}

/// Something that has to be so after a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Check {
    /// What is broken if it is not.
    pub(super) clause: &'static str,
    /// What has to be so.
    pub(super) what: What,
}

/// What has to be so after a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum What {
    /// Bits of a number that the call stored.
    Word { argument: usize, mask: u64, value: u64 },
    /// A handle that the call stored is not 0.
    NotZero { argument: usize },
    /// A handle that the call stored is not this one.
    OtherHandle { argument: usize, than: Name },
    /// An address that the call stored lies so far from a known one.
    AddressIs { argument: usize, base: Address, offset: u64 },
    /// The bytes from an offset of the buffer on.
    Bytes { offset: usize, bytes: Vec<u8> },
    /// Bits of the pending signals of a wait item.
    Pending { item: usize, mask: u32, value: u32 },
    /// The koid is the one that an earlier step showed.
    SameKoid { step: usize },
    /// The koid is another one than an earlier step showed.
    OtherKoid { step: usize },
    /// Nothing was stored.
    Untouched,
    /// Nothing was stored behind the buffer.
    NotOverrun,
}

/// What is allowed at each step, up to the first one where even the reference
/// is wrong.
pub(super) fn allowed(program: &Program, level: Level) -> Result<Vec<Allowed>, ExportError> {
    let [one, other] = machines()?;
    let one = on_machine(one.as_ref(), program, level)?;
    let other = on_machine(other.as_ref(), program, level)?;
    let both = one.into_iter().zip(other).map(|(one, other)| in_both(one, &other));
    let narrowed = both.zip(&program.steps).map(|(mut allowed, step)| {
        expect(&mut allowed, step);
        allowed
    });
    Ok(narrowed.collect())
}

/// Two right backends that have lived differently.
#[cfg(feature = "reference")]
fn machines() -> Result<[Box<dyn Backend>; 2], ExportError> {
    use vmo_reference::{Configuration, Reference};

    use crate::backends::StartError;

    let start = |seed| {
        Reference::new(Configuration { seed, ..Configuration::default() })
            .map_err(|error| StartError(error.to_string()))
    };
    let one = start(1)?;
    let other = start(0x1234_5678_9abc)?;
    // Koids of the second machine are well ahead.
    let place = other.environment().arena.base;
    for _ in 0..0x1357 {
        other.event_create(0, place);
        let mut handle = [0; 4];
        if other.load(place, &mut handle).is_ok() {
            other.handle_close(u32::from_le_bytes(handle));
        }
    }
    Ok([Box::new(one), Box::new(other)])
}

#[cfg(not(feature = "reference"))]
fn machines() -> Result<[Box<dyn Backend>; 2], ExportError> {
    Err(crate::backends::StartError("the reference is not built in".to_owned()).into())
}

fn on_machine(
    backend: &dyn Backend,
    program: &Program,
    level: Level,
) -> Result<Vec<Allowed>, ExportError> {
    let mut runner = Runner::new(backend)?;
    let mut oracle = Oracle::new(runner.environment(), level);
    let mut koids = Vec::new();
    let mut steps = Vec::new();
    runner.run(program, |step, outcome, facts| {
        let action = &program.steps[step].action;
        let probe = Probe { oracle: &oracle, action, outcome, facts };
        steps.push(probe.allowed(program, step, &koids));
        if let Some(record) = is_basic_info(action).then(|| outcome.basic_info()).flatten() {
            koids.push((step, record.koid));
        }
        oracle.observe(action, outcome, facts).is_ok()
    })?;
    Ok(steps)
}

fn is_basic_info(action: &Action) -> bool {
    match action {
        Action::Call(Call { syscall: Syscall::object_get_info, arguments, .. }) => {
            arguments[1] == Value::Number(u64::from(ZX_INFO_HANDLE_BASIC))
        }
        _ => false,
    }
}

/// Asks the oracle about changes of what came of a step.
struct Probe<'a> {
    oracle: &'a Oracle,
    action: &'a Action,
    outcome: &'a Outcome,
    facts: &'a Facts<'a>,
}

impl Probe<'_> {
    /// What the oracle says to a changed outcome.
    fn judge(&self, change: impl FnOnce(&mut Outcome)) -> Result<(), Violation> {
        let mut outcome = self.outcome.clone();
        change(&mut outcome);
        self.oracle.clone().observe(self.action, &outcome, self.facts)
    }

    /// The clause that a changed outcome breaks.
    fn breaks(&self, change: impl FnOnce(&mut Outcome)) -> Option<&'static str> {
        self.judge(change).err().map(|violation| violation.clause)
    }

    fn allowed(&self, program: &Program, step: usize, koids: &[(usize, u64)]) -> Allowed {
        let (statuses, clause) = match self.action {
            Action::Call(_) => self.statuses(),
            _ => self.faults(),
        };
        let mut allowed = Allowed {
            statuses,
            clause,
            usual: self.outcome.result,
            checks: Vec::new(),
            stored: self.outcome.words.iter().map(Option::is_some).collect(),
        };
        if self.judge(|_| {}).is_err() {
            return allowed;
        }
        let checks = &mut allowed.checks;
        if let Action::Call(call) = self.action {
            for (index, argument) in call.syscall.arguments().iter().enumerate() {
                if let Some(word) = self.outcome.words[index] {
                    self.check_word(program, step, (index, argument.kind, word), checks);
                }
            }
            self.check_koids(koids, checks);
            let is_wait = call.syscall == Syscall::object_wait_many;
            if is_wait {
                self.check_pending(checks)
            } else {
                self.check_bytes(checks)
            }
            if !self.outcome.is_ok()
                && let Some(clause) = self.breaks(|outcome| outcome.untouched = false)
            {
                checks.push(Check { clause, what: What::Untouched });
            }
            // Only behind a buffer is there room in an exported program to look at.
            let has_buffer = self.outcome.bytes.is_some() && !is_wait;
            if has_buffer
                && self.outcome.is_ok()
                && let Some(clause) = self.breaks(|outcome| outcome.overran = true)
            {
                checks.push(Check { clause, what: What::NotOverrun });
            }
        } else if self.outcome.is_ok() {
            self.check_bytes(checks);
        }
        allowed
    }

    /// The statuses that the call may return.
    fn statuses(&self) -> (Option<Vec<zx_status_t>>, &'static str) {
        let verdict = |status: zx_status_t| {
            let judged = self.judge(|outcome| {
                if outcome.result != StepResult::Status(status) {
                    become_a_failure(self.action, outcome, status);
                }
            });
            // Something else may be wrong with a status that is allowed.
            judged.err().filter(|violation| violation.actual == Status(status).to_string())
        };
        let mut allowed = Vec::new();
        let mut clause = "";
        for (_, status) in STATUSES {
            match verdict(*status) {
                None => allowed.push(*status),
                Some(violation) if *status == ZX_ERR_INTERNAL || clause.is_empty() => {
                    clause = violation.clause;
                }
                Some(_) => {}
            }
        }
        ((allowed.len() < STATUSES.len()).then_some(allowed), clause)
    }

    /// Whether an access may go through, and whether it may fault.
    fn faults(&self) -> (Option<Vec<zx_status_t>>, &'static str) {
        if !matches!(self.action, Action::Load { .. } | Action::Store { .. }) {
            return (None, "");
        }
        let goes_through = self.judge(|outcome| outcome.result = StepResult::Status(ZX_OK));
        let faults = self.judge(|outcome| outcome.result = StepResult::Fault);
        match (goes_through, faults) {
            (Err(violation), _) if self.outcome.result == StepResult::Fault => {
                (Some(Vec::new()), violation.clause)
            }
            (_, Err(violation)) => (Some(vec![ZX_OK]), violation.clause),
            _ => (None, ""),
        }
    }

    fn check_word(
        &self,
        program: &Program,
        step: usize,
        (argument, kind, word): (usize, ArgumentKind, u64),
        checks: &mut Vec<Check>,
    ) {
        let breaks =
            |word: u64| self.breaks(|outcome: &mut Outcome| outcome.words[argument] = Some(word));
        match kind {
            ArgumentKind::HandleOut | ArgumentKind::HandlesOut(_) => {
                if let Some(clause) = breaks(0) {
                    checks.push(Check { clause, what: What::NotZero { argument } });
                }
                for than in named_before(program, step) {
                    let known = u64::from(self.facts.handle(Handle::Named(than)));
                    if known != 0
                        && known != word
                        && let Some(clause) = breaks(known)
                    {
                        checks.push(Check { clause, what: What::OtherHandle { argument, than } });
                    }
                }
            }
            _ => {
                let mut mask = 0;
                let mut clause = "";
                for bit in 0..kind.pointee_size().unwrap_or(8) * 8 {
                    if let Some(broken) = breaks(word ^ (1 << bit)) {
                        mask |= 1 << bit;
                        clause = broken;
                    }
                }
                if kind == ArgumentKind::AddressOut {
                    // In a small region every other bit may lead out of it.
                    let is_fixed = (1..=NEIGHBOURS).all(|pages| {
                        let distance = pages * ZX_PAGE_SIZE;
                        breaks(word.wrapping_add(distance)).is_some()
                            && breaks(word.wrapping_sub(distance)).is_some()
                    });
                    if mask == u64::MAX
                        && is_fixed
                        && let Some((base, offset)) = self.nearest_base(program, step, word)
                    {
                        let what = What::AddressIs { argument, base, offset };
                        checks.push(Check { clause, what });
                        return;
                    }
                    // How far up addresses reach is the backend's choice.
                    mask &= 0xfff;
                }
                if mask != 0 {
                    let what = What::Word { argument, mask, value: word & mask };
                    checks.push(Check { clause, what });
                }
            }
        }
    }

    /// The known address that is nearest below one.
    fn nearest_base(&self, program: &Program, step: usize, at: u64) -> Option<(Address, u64)> {
        let named = named_before(program, step).map(|name| Address::Named(name, 0));
        std::iter::once(Address::Region(0))
            .chain(named)
            .filter_map(|base| Some((base, at.checked_sub(self.facts.address(base)?)?)))
            .filter(|(_, offset)| *offset < crate::runner::REGION_BYTES)
            .min_by_key(|(_, offset)| *offset)
    }

    fn check_koids(&self, koids: &[(usize, u64)], checks: &mut Vec<Check>) {
        if !is_basic_info(self.action) {
            return;
        }
        let Some(record) = self.outcome.basic_info() else { return };
        let breaks = |koid: u64| {
            self.breaks(|outcome: &mut Outcome| {
                if let Some(bytes) = outcome.bytes.as_mut().and_then(|bytes| bytes.get_mut(..8)) {
                    bytes.copy_from_slice(&koid.to_le_bytes());
                }
            })
        };
        for (step, koid) in koids {
            if *koid == record.koid {
                if let Some(clause) = breaks(koid ^ 0x10_0000) {
                    checks.push(Check { clause, what: What::SameKoid { step: *step } });
                }
            } else if let Some(clause) = breaks(*koid) {
                checks.push(Check { clause, what: What::OtherKoid { step: *step } });
            }
        }
    }

    /// The pending signals that `object_wait_many` stored.
    fn check_pending(&self, checks: &mut Vec<Check>) {
        let Some(bytes) = &self.outcome.bytes else { return };
        for item in 0..bytes.len() / 12 {
            let at = 12 * item + 8;
            let Some(Ok(pending)) = bytes.get(at..at + 4).map(<[u8; 4]>::try_from) else { return };
            let (mut mask, mut clause) = (0_u32, "");
            for bit in 0..32 {
                let flip = |outcome: &mut Outcome| {
                    if let Some(bytes) = &mut outcome.bytes {
                        bytes[at + bit / 8] ^= 1 << (bit % 8);
                    }
                };
                if let Some(broken) = self.breaks(flip) {
                    mask |= 1 << bit;
                    clause = broken;
                }
            }
            if mask != 0 {
                let value = u32::from_le_bytes(pending) & mask;
                checks.push(Check { clause, what: What::Pending { item, mask, value } });
            }
        }
    }

    /// The bytes of the buffer that have to be what they are.
    fn check_bytes(&self, checks: &mut Vec<Check>) {
        let Some(bytes) = &self.outcome.bytes else { return };
        let piece = bytes.len().div_ceil(MOST_PIECES).max(1);
        let copies = matches!(self.action, Action::Call(call) if call.syscall != Syscall::vmo_read);
        let flips: &[u8] = if copies { &[1, 2, 4, 8, 16, 32, 64, 128] } else { &[0xff] };
        let mut run: Option<(usize, usize, &'static str)> = None;
        let finish = |run: &mut Option<(usize, usize, &'static str)>, checks: &mut Vec<Check>| {
            if let Some((offset, end, clause)) = run.take() {
                let what = What::Bytes { offset, bytes: bytes[offset..end].to_vec() };
                checks.push(Check { clause, what });
            }
        };
        for start in (0..bytes.len()).step_by(piece) {
            let end = (start + piece).min(bytes.len());
            let ends = if end - start == 1 { vec![start] } else { vec![start, end - 1] };
            let mut clause = None;
            let is_fixed = ends.iter().all(|at| {
                flips.iter().all(|flip| {
                    let broken = self.breaks(|outcome| {
                        if let Some(bytes) = &mut outcome.bytes {
                            bytes[*at] ^= flip;
                        }
                    });
                    clause = broken.or(clause);
                    broken.is_some()
                })
            });
            match (&mut run, clause) {
                (Some((_, run_end, known)), Some(clause)) if is_fixed && *known == clause => {
                    *run_end = end;
                }
                (_, Some(clause)) if is_fixed => {
                    finish(&mut run, checks);
                    run = Some((start, end, clause));
                }
                _ => finish(&mut run, checks),
            }
        }
        finish(&mut run, checks);
    }
}

/// The names that are bound before a step.
fn named_before(program: &Program, step: usize) -> impl Iterator<Item = Name> {
    program.steps[..step].iter().flat_map(|step| match &step.action {
        Action::Call(call) => call.results.clone(),
        _ => Vec::new(),
    })
}

/// Makes an outcome that of a call that fails with this status, or that
/// succeeds and stores nothing.
fn become_a_failure(action: &Action, outcome: &mut Outcome, status: zx_status_t) {
    outcome.result = StepResult::Status(status);
    let Action::Call(call) = action else { return };
    for (index, argument) in call.syscall.arguments().iter().enumerate() {
        if !matches!(argument.kind, ArgumentKind::CountOut | ArgumentKind::Count32Out) {
            outcome.words[index] = None;
        }
    }
    outcome.untouched = true;
}

/// What is the same on both machines.
fn in_both(mut one: Allowed, other: &Allowed) -> Allowed {
    let bytes_of = |allowed: &Allowed| {
        let mut known: Vec<(usize, u8)> = Vec::new();
        for check in &allowed.checks {
            if let What::Bytes { offset, bytes } = &check.what {
                known.extend((*offset..).zip(bytes.iter().copied()));
            }
        }
        known
    };
    let others = bytes_of(other);
    let differs = |at: usize| {
        let found = others.binary_search_by_key(&at, |(at, _)| *at);
        found.map(|index| others[index].1).ok()
    };
    let mut checks = Vec::new();
    for mut check in one.checks {
        match &mut check.what {
            What::Bytes { offset, bytes } => {
                let doubtful: Vec<bool> = bytes
                    .iter()
                    .enumerate()
                    .map(|(index, byte)| differs(*offset + index) != Some(*byte))
                    .collect();
                checks.extend(certain_runs(check.clause, *offset, bytes, &doubtful));
            }
            What::Word { argument, mask, value } => {
                let same = other.checks.iter().find_map(|check| match &check.what {
                    What::Word { argument: at, mask, value } if at == argument => {
                        Some((*mask, *value))
                    }
                    _ => None,
                });
                let Some((other_mask, other_value)) = same else { continue };
                *mask &= other_mask & !(*value ^ other_value);
                *value &= *mask;
                if *mask != 0 {
                    checks.push(check);
                }
            }
            what => {
                if other.checks.iter().any(|other| other.what == *what) {
                    checks.push(check);
                }
            }
        }
    }
    one.checks = checks;
    one
}

/// The runs of bytes that have no doubtful one in the same group of 8.
fn certain_runs(
    clause: &'static str,
    offset: usize,
    bytes: &[u8],
    doubtful: &[bool],
) -> Vec<Check> {
    let group_is_certain = |index: usize| {
        let first = (offset + index) / DOUBTFUL * DOUBTFUL;
        (first..first + DOUBTFUL)
            .all(|at| at.checked_sub(offset).is_none_or(|i| doubtful.get(i) != Some(&true)))
    };
    let mut checks = Vec::new();
    let mut start = 0;
    while start < bytes.len() {
        if !group_is_certain(start) {
            start += 1;
            continue;
        }
        let len = (start..bytes.len()).take_while(|index| group_is_certain(*index)).count();
        let bytes = bytes[start..start + len].to_vec();
        checks.push(Check { clause, what: What::Bytes { offset: offset + start, bytes } });
        start += len;
    }
    checks
}
