//! `object_get_info`.

use vmo_abi::{
    INFO_TOPICS, Record, ZX_ERR_ACCESS_DENIED, ZX_ERR_BAD_STATE, ZX_ERR_BUFFER_TOO_SMALL,
    ZX_ERR_INVALID_ARGS, ZX_ERR_NOT_SUPPORTED, ZX_ERR_WRONG_TYPE, ZX_INFO_BTI, ZX_INFO_CPU_STATS,
    ZX_INFO_HANDLE_BASIC, ZX_INFO_HANDLE_COUNT, ZX_INFO_HANDLE_VALID, ZX_INFO_JOB_CHILDREN,
    ZX_INFO_JOB_PROCESSES, ZX_INFO_KMEM_STATS, ZX_INFO_NONE, ZX_INFO_PROCESS,
    ZX_INFO_PROCESS_HANDLE_STATS, ZX_INFO_PROCESS_MAPS, ZX_INFO_PROCESS_THREADS,
    ZX_INFO_PROCESS_VMOS, ZX_INFO_TASK_STATS, ZX_INFO_VMAR, ZX_OBJ_PROP_NONE, ZX_OBJ_PROP_WAITABLE,
    ZX_OBJ_TYPE_CHANNEL, ZX_OBJ_TYPE_EVENT, ZX_OBJ_TYPE_NONE, ZX_OBJ_TYPE_PORT,
    ZX_OBJ_TYPE_PROCESS, ZX_OBJ_TYPE_VMAR, ZX_OBJ_TYPE_VMO, ZX_RIGHT_ENUMERATE, ZX_RIGHT_READ,
    zx_info_handle_basic_t, zx_info_vmar_t,
};

use super::process_vmos;
use super::results::{deliver, overlap, spoil};
use crate::oracle::clause::clause;
use crate::oracle::context::{Context, Judged};
use crate::oracle::event::{CallEvent, Stored};
use crate::oracle::handles::{Entry, Rights};
use crate::oracle::memory::{Access, Span, WRITE};
use crate::oracle::state::{Kind, State};
use crate::program::is_fill;

/// The places of a call, and how good they are.
pub(super) struct Places {
    pub(super) buffer: Span,
    actual: Span,
    avail: Span,
}

const GOOD: Span = Span { good: 0, access: Access::Good, mapped: false };

pub(super) fn judge(state: &mut State, cx: &mut Context<'_>, call: &CallEvent<'_>) -> Judged {
    let topic = call.int(1);
    let is_defined = topic != ZX_INFO_NONE
        && INFO_TOPICS.iter().any(|(_, defined)| *defined == u64::from(topic));
    cx.must(!is_defined, ZX_ERR_NOT_SUPPORTED, clause!("OBJ-INFO-16"));
    let entry = cx.handle(state, call.int(0), clause!("OBJ-INFO-15"));
    if topic == ZX_INFO_HANDLE_VALID {
        cx.settle(state, clause!("OBJ-INFO-01"))?;
        return cx.untouched(call.untouched && no_counts(call), clause!("OBJ-INFO-02"));
    }
    let record = match topic {
        ZX_INFO_HANDLE_BASIC => zx_info_handle_basic_t::SIZE as u64,
        ZX_INFO_HANDLE_COUNT => 4,
        ZX_INFO_VMAR => zx_info_vmar_t::SIZE as u64,
        _ => 0,
    };
    if let Some(entry) = &entry {
        needs(state, cx, entry, topic);
    }
    let places = places(state, cx, call, record);
    let (_, size) = (call.long(2), call.long(3));
    cx.must(size < record, ZX_ERR_BUFFER_TOO_SMALL, clause!("OBJ-INFO-10"));
    if record == 0 && entry.is_some() {
        // Lists, and records that the contract does not describe.
        cx.may(true, ZX_ERR_BUFFER_TOO_SMALL, clause!("OBJ-INFO-10"));
    }
    cx.no_memory(state, clause!("ND-03"));

    let success = cx.settle(state, clause!("OBJ-INFO-03"))?;
    let Some(entry) = entry.filter(|_| success || cx.status == ZX_ERR_BUFFER_TOO_SMALL) else {
        return judge_failure(state, cx, call, record, &places);
    };
    if record == 0 {
        let observed = Kind::Process { observed: true };
        if success && topic == ZX_INFO_PROCESS_VMOS && state.object(entry.object).kind == observed {
            process_vmos::check(state, cx, call)?;
        }
        let everything = size.min(places.buffer.good);
        deliver(state, cx, (call.long(2), &places.buffer), everything, &[]);
        spoil_counts(state, cx, call, &places);
        return Ok(());
    }
    judge_counts(state, cx, call, success, &places)?;
    if !success {
        return cx.untouched(call.untouched, clause!("OBJ-INFO-11"));
    }
    let bytes = call.bytes.filter(|_| !places_overlap(state, cx, call, record));
    if let Some(bytes) = bytes {
        match topic {
            ZX_INFO_HANDLE_BASIC => check_basic(state, cx, &entry, bytes)?,
            ZX_INFO_HANDLE_COUNT => check_count(state, cx, &entry, bytes)?,
            _ => check_region(state, cx, &entry, bytes)?,
        }
        let rest = bytes.get(record as usize..).unwrap_or_default();
        if call.overran || (cx.kernel && !is_fill(rest, call.pattern)) {
            return Err(cx.violation(
                clause!("OBJ-INFO-12"),
                "one record stored",
                "more than that",
            ));
        }
    }
    deliver(state, cx, (call.long(2), &places.buffer), record, &[]);
    Ok(())
}

fn no_counts(call: &CallEvent<'_>) -> bool {
    call.is_unwritten(4) && call.is_unwritten(5)
}

/// The right and the type of object that a topic needs.
fn needs(state: &State, cx: &mut Context<'_>, entry: &Entry, topic: u32) {
    let kind = state.object(entry.object).kind;
    match topic {
        ZX_INFO_HANDLE_BASIC => {}
        ZX_INFO_HANDLE_COUNT if cx.kernel => {
            cx.rights(entry, ZX_RIGHT_READ, clause!("OBJ-INFO-19"));
        }
        ZX_INFO_HANDLE_COUNT => {
            let missing = entry.rights.have & ZX_RIGHT_READ == 0;
            cx.may(missing, ZX_ERR_ACCESS_DENIED, clause!("C-28"));
        }
        ZX_INFO_VMAR => {
            let is_region = matches!(kind, Kind::Region(_));
            cx.must(!is_region, ZX_ERR_WRONG_TYPE, clause!("OBJ-INFO-21"));
        }
        ZX_INFO_PROCESS_THREADS | ZX_INFO_JOB_CHILDREN | ZX_INFO_JOB_PROCESSES => {
            cx.rights(entry, ZX_RIGHT_ENUMERATE, clause!("OBJ-INFO-21"));
            type_of_process(cx, kind, topic == ZX_INFO_PROCESS_THREADS);
        }
        ZX_INFO_PROCESS | ZX_INFO_PROCESS_MAPS | ZX_INFO_PROCESS_VMOS => {
            cx.rights(entry, ZX_RIGHT_READ, clause!("OBJ-INFO-21"));
            type_of_process(cx, kind, true);
            // Of the maps of the calling process the contract says nothing.
            if topic == ZX_INFO_PROCESS_VMOS && kind == (Kind::Process { observed: false }) {
                cx.must(true, ZX_ERR_ACCESS_DENIED, clause!("OBJ-INFO-22"));
            }
        }
        _ => {
            // The contract does not say which right the others need.
            let missing = entry.rights.have & ZX_RIGHT_READ == 0
                && !matches!(topic, ZX_INFO_CPU_STATS | ZX_INFO_KMEM_STATS);
            cx.may(missing, ZX_ERR_ACCESS_DENIED, clause!("OBJ-INFO-21"));
            let of_process = matches!(topic, ZX_INFO_TASK_STATS | ZX_INFO_PROCESS_HANDLE_STATS);
            type_of_process(cx, kind, of_process);
        }
    }
    // Of a process the contract says little.
    if matches!(kind, Kind::Process { .. })
        && !matches!(topic, ZX_INFO_HANDLE_BASIC | ZX_INFO_HANDLE_COUNT | ZX_INFO_VMAR)
        && topic != ZX_INFO_BTI
    {
        for status in
            [ZX_ERR_ACCESS_DENIED, ZX_ERR_BAD_STATE, ZX_ERR_WRONG_TYPE, ZX_ERR_NOT_SUPPORTED]
        {
            cx.may(true, status, clause!("OBJ-INFO-23"));
        }
    }
}

fn type_of_process(cx: &mut Context<'_>, kind: Kind, of_process: bool) {
    let fits = of_process && matches!(kind, Kind::Process { .. });
    cx.must(!fits, ZX_ERR_WRONG_TYPE, clause!("OBJ-INFO-21"));
}

/// The buffer if a record fits, and the places for the counts (OBJ-INFO-13).
fn places(state: &State, cx: &mut Context<'_>, call: &CallEvent<'_>, record: u64) -> Places {
    let (buffer, size, actual, avail) = (call.long(2), call.long(3), call.long(4), call.long(5));
    let mut places = Places { buffer: GOOD, actual: GOOD, avail: GOOD };
    if record == 0 {
        places.buffer = cx.span(state, buffer, size, WRITE);
        let access = places.buffer.access;
        cx.may(access != Access::Good, ZX_ERR_INVALID_ARGS, clause!("OBJ-INFO-13"));
        cx.short_buffer(state, &places.buffer);
    } else if size >= record {
        places.buffer = cx.place(state, buffer, record, clause!("OBJ-INFO-13"));
    }
    if actual != 0 {
        places.actual = cx.place(state, actual, 8, clause!("OBJ-INFO-13"));
    }
    if avail != 0 {
        places.avail = cx.place(state, avail, 8, clause!("OBJ-INFO-13"));
    }
    places
}

/// Whether two of the places share bytes, so that nobody knows what they hold.
fn places_overlap(state: &State, cx: &Context<'_>, call: &CallEvent<'_>, record: u64) -> bool {
    let (buffer, actual, avail) = (call.long(2), call.long(4), call.long(5));
    if call.fresh_words & 0x30 == 0x30 {
        // The tester's own places are apart.
        return false;
    }
    let overlap = |one, other| overlap(state, cx, one, other);
    (actual != 0 && overlap((buffer, record), (actual, 8)))
        || (avail != 0 && overlap((buffer, record), (avail, 8)))
        || (actual != 0 && avail != 0 && overlap((actual, 8), (avail, 8)))
}

/// `actual` and `avail` of a single record (OBJ-INFO-09, OBJ-INFO-11).
fn judge_counts(
    state: &mut State,
    cx: &mut Context<'_>,
    call: &CallEvent<'_>,
    success: bool,
    places: &Places,
) -> Judged {
    if !success && !cx.kernel {
        // No page says how many records there are if none was stored.
        spoil_counts(state, cx, call, places);
        return Ok(());
    }
    let clause = if success { clause!("OBJ-INFO-09") } else { clause!("OBJ-INFO-11") };
    let counts = [("actual", 4, u64::from(success), places.actual), ("avail", 5, 1, places.avail)];
    let unclear = places_overlap(state, cx, call, 8);
    for (what, argument, count, span) in counts {
        let address = call.long(argument);
        if address == 0 || span.access != Access::Good {
            continue;
        }
        if !unclear {
            cx.same(what, count, call.stored(argument), clause)?;
        }
        let known = count.to_le_bytes();
        deliver(state, cx, (address, &span), 8, if unclear { &[] } else { &known });
    }
    Ok(())
}

fn spoil_counts(state: &mut State, cx: &mut Context<'_>, call: &CallEvent<'_>, places: &Places) {
    for (address, span) in [(call.long(4), &places.actual), (call.long(5), &places.avail)] {
        if span.mapped {
            state.deliver(cx.how().perhaps(), cx.environment, address, span.good, &[]);
        }
    }
}

/// A call that failed for another reason than too small a buffer.
fn judge_failure(
    state: &mut State,
    cx: &mut Context<'_>,
    call: &CallEvent<'_>,
    record: u64,
    places: &Places,
) -> Judged {
    if cx.status != ZX_ERR_INVALID_ARGS {
        // Nothing has been stored yet, says the kernel.
        spoil(state, cx, call.long(2), &places.buffer);
        spoil(state, cx, call.long(4), &places.actual);
        spoil(state, cx, call.long(5), &places.avail);
        return cx.untouched(call.untouched && no_counts(call), clause!("GEN-06"));
    }
    // What comes before the first bad place has been stored (OBJ-INFO-14).
    if places.buffer.mapped {
        let len = call.long(3).min(places.buffer.good);
        state.deliver(cx.how().perhaps(), cx.environment, call.long(2), len, &[]);
    }
    spoil_counts(state, cx, call, places);
    if cx.kernel && record != 0 && places.buffer.access == Access::Good {
        cx.reach(clause!("OBJ-INFO-14"));
        let fits = call.long(3) >= record;
        let is_scratch = cx.environment.arena.contains(call.long(2), record);
        if fits && is_scratch && call.bytes.is_some() && call.untouched {
            return Err(cx.violation(
                clause!("OBJ-INFO-14"),
                "the record stored",
                "nothing stored",
            ));
        }
        if !fits {
            return cx.untouched(call.untouched, clause!("OBJ-INFO-11"));
        }
    } else if cx.kernel && record != 0 && places.buffer.access == Access::Bad {
        return cx.untouched(call.untouched && no_counts(call), clause!("OBJ-INFO-14"));
    }
    Ok(())
}

fn check_basic(state: &mut State, cx: &mut Context<'_>, entry: &Entry, bytes: &[u8]) -> Judged {
    let Some(bytes) = bytes.first_chunk() else { return Ok(()) };
    let info = zx_info_handle_basic_t::from_bytes(bytes);
    let kind = state.object(entry.object).kind;
    let (type_, props) = match kind {
        Kind::Vmo(_) => (ZX_OBJ_TYPE_VMO, ZX_OBJ_PROP_WAITABLE),
        Kind::Event => (ZX_OBJ_TYPE_EVENT, ZX_OBJ_PROP_WAITABLE),
        Kind::Channel(_) => (ZX_OBJ_TYPE_CHANNEL, ZX_OBJ_PROP_WAITABLE),
        // The contract does not say whether a port counts as waitable.
        Kind::Port => (ZX_OBJ_TYPE_PORT, info.props),
        Kind::Region(_) => (ZX_OBJ_TYPE_VMAR, ZX_OBJ_PROP_NONE),
        Kind::Process { .. } => (ZX_OBJ_TYPE_PROCESS, ZX_OBJ_PROP_WAITABLE),
        Kind::Nothing => (ZX_OBJ_TYPE_NONE, ZX_OBJ_PROP_NONE),
    };
    let word = |number: u32| Stored::Word(u64::from(number));
    cx.same("type", u64::from(type_), word(info.type_), clause!("OBJ-INFO-06"))?;
    cx.same("props", u64::from(props), word(info.props), clause!("OBJ-INFO-08"))?;
    if !entry.rights.allow(info.rights) {
        let Rights { have, may } = entry.rights;
        let expected = if have == may {
            format!("rights {have:#x}")
        } else {
            format!("rights with {have:#x} and within {may:#x}")
        };
        let clause = entry.origin.clause(entry.rights, info.rights);
        return Err(cx.violation(clause, expected, format!("{:#x}", info.rights)));
    }
    cx.reach(clause!("OBJ-INFO-05"));
    if entry.rights.have != info.rights {
        state.handles_mut().set_rights(entry.value, Rights::exactly(info.rights));
    }
    let learnt = state.learn_koid(cx.kernel, entry.object, info.koid);
    learnt.map_err(|clause| koid_violation(cx, clause, info.koid))?;
    cx.reach(clause!("KOID-01"));
    match kind {
        Kind::Channel(Some(peer)) => {
            let learnt = state.learn_koid(cx.kernel, peer, info.related_koid);
            learnt.map_err(|clause| koid_violation(cx, clause, info.related_koid))
        }
        // An end whose peer is gone may go on telling its koid.
        Kind::Channel(None) => Ok(()),
        Kind::Process { .. } => Ok(()),
        // By the page a clone may count as related to its parent.
        Kind::Vmo(vmo) if !cx.kernel && state.vmo(vmo).parent.is_some() => Ok(()),
        _ => cx.same("related koid", 0, Stored::Word(info.related_koid), clause!("OBJ-INFO-07")),
    }
}

fn koid_violation(
    cx: &Context<'_>,
    clause: crate::oracle::clause::Clause,
    koid: u64,
) -> crate::oracle::Violation {
    let expected = match clause.id {
        "KOID-02" => "the koid that the object showed before",
        "KOID-03" => "a koid other than 0",
        "KOID-04" => "a koid of at least 1024 in the order of creation",
        _ => "a koid that no other object has",
    };
    cx.violation(clause, expected, koid.to_string())
}

fn check_count(state: &mut State, cx: &mut Context<'_>, entry: &Entry, bytes: &[u8]) -> Judged {
    let Some(bytes) = bytes.first_chunk() else { return Ok(()) };
    let object = state.object(entry.object);
    if object.sequence == 0 {
        // Nobody knows how many there were before.
        return Ok(());
    }
    let count = u64::from(u32::from_le_bytes(*bytes));
    cx.same("count", u64::from(object.handles), Stored::Word(count), clause!("OBJ-INFO-18"))
}

fn check_region(state: &mut State, cx: &mut Context<'_>, entry: &Entry, bytes: &[u8]) -> Judged {
    let (Some(bytes), Kind::Region(id)) = (bytes.first_chunk(), state.object(entry.object).kind)
    else {
        return Ok(());
    };
    let info = zx_info_vmar_t::from_bytes(bytes);
    let region = *state.space.region(id);
    let Some(base) = region.base else {
        let region = state.space_mut().region_mut(id);
        region.base = Some(info.base);
        region.len = info.len;
        return Ok(());
    };
    cx.same("base", base, Stored::Word(info.base), clause!("VMAR-ALLOC-01"))?;
    cx.same("length", region.len, Stored::Word(info.len), clause!("VMAR-ALLOC-01"))
}
