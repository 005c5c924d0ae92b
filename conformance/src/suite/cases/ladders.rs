//! For each call the ladder of its checks, in the order of the recorded kernel:
//! the table from which single, double and more errors are made.

mod handle;
mod object;
mod vmar;
mod vmo;

use vmo_abi::Capability::{self, CachePolicy, Handles, Info, OtherObjects, Regions};
use vmo_abi::{
    Syscall, ZX_CACHE_POLICY_CACHED, ZX_CACHE_POLICY_UNCACHED, ZX_ERR_ACCESS_DENIED, zx_rights_t,
    zx_status_t,
};

use super::prototypes::{Clauses, Object, Prototype, prototype};
use crate::ledger::clause_of;
use crate::level::Level;
use crate::program::{Handle, Value};
use crate::suite::{Checked, Context, PAGE, plus};

/// Something wrong with a call.
#[derive(Clone, Copy)]
pub(super) enum Flaw {
    /// The handle names nothing.
    BadHandle,
    /// The handle names an object of another type.
    WrongType,
    /// The handle lacks these rights.
    Denied(zx_rights_t),
    /// The VMO's cache policy is not CACHED.
    Uncached,
    /// A page of the VMO is committed.
    Committed,
    /// The region was destroyed.
    Destroyed,
    /// The argument at the position is another one.
    Value(usize, fn() -> Value),
    /// In the number at the position these bits are set and then those cleared.
    Bits(usize, u64, u64),
    /// The address at the position is so many bytes further on.
    Shift(usize, u64),
    /// Something is done to the arguments at these positions, or just done.
    Scene(&'static [usize], fn(&mut Context<'_>, Handle, &mut Vec<Value>) -> Checked),
}

/// Stands among positions for what is in the region or on the VMO.
pub(super) const STATE: usize = 100;

/// One check of a call.
#[derive(Clone, Copy)]
pub(super) struct Rung {
    pub(super) name: &'static str,
    pub(super) status: zx_status_t,
    pub(super) flaw: Flaw,
    /// What making the flaw needs besides the call.
    needs: &'static [Capability],
    /// The clauses that say so.
    pub(super) clauses: Clauses,
    /// The clauses that say that nothing has changed, where others do.
    pub(super) state: Option<Clauses>,
    /// Statuses that are as good below the level of the kernel.
    also: &'static [zx_status_t],
    /// Whether the call may do a part of its work all the same.
    pub(super) may_leave_something: bool,
}

/// The checks of a call in the order of the recorded kernel.
pub(super) struct Ladder {
    /// The name of the prototype.
    prototype: &'static str,
    /// The clauses that say in which order the checks are made.
    pub(super) order: Clauses,
    pub(super) rungs: &'static [Rung],
}

const fn rung(name: &'static str, status: zx_status_t, flaw: Flaw, clauses: Clauses) -> Rung {
    Rung {
        name,
        status,
        flaw,
        needs: &[],
        clauses,
        state: None,
        also: &[],
        may_leave_something: false,
    }
}

impl Rung {
    const fn needs(self, needs: &'static [Capability]) -> Self {
        Self { needs, ..self }
    }

    /// Another status that the pages know for it.
    const fn or(self, also: &'static [zx_status_t]) -> Self {
        Self { also, ..self }
    }

    /// The clauses that say what the call leaves behind: a page that asks for
    /// the status does not always say that.
    const fn leaving_as(self, clauses: Clauses) -> Self {
        Self { state: Some(clauses), ..self }
    }

    const fn leaving_something(self) -> Self {
        Self { may_leave_something: true, ..self }
    }

    /// What the flaw needs besides the prototype's call.
    pub(super) fn all_needs(&self) -> Vec<Capability> {
        let made: &[Capability] = match self.flaw {
            Flaw::WrongType => &[OtherObjects],
            Flaw::Denied(_) => &[Handles, Info],
            Flaw::Uncached => &[CachePolicy],
            Flaw::Destroyed => &[Regions],
            _ => &[],
        };
        self.needs.iter().chain(made).copied().collect()
    }

    /// Whether a page, or a test of the edition's own tree, asks for the error.
    pub(super) fn is_of_pages(&self) -> bool {
        let mut levels = self.clauses.iter().filter_map(|id| clause_of(id));
        levels.any(|clause| clause.level() != Level::Kernel)
    }

    /// Statuses for the flaw at a level.
    pub(super) fn statuses(
        &self,
        level: Level,
        prototype: &Prototype,
    ) -> impl Iterator<Item = zx_status_t> {
        let also: &[_] = match self.flaw {
            _ if level == Level::Kernel => &[],
            // No page says what rights another object's handle has (W-04).
            Flaw::WrongType if prototype.rights != 0 => &[ZX_ERR_ACCESS_DENIED],
            _ => self.also,
        };
        also.iter().chain([&self.status]).copied()
    }

    /// Whether the flaw is in the handle of the prototype.
    pub(super) fn is_of_handle(&self, position: usize) -> bool {
        match self.flaw {
            Flaw::BadHandle | Flaw::WrongType | Flaw::Denied(_) => true,
            Flaw::Scene(positions, _) => positions.contains(&position),
            Flaw::Value(at, _) => at == position,
            _ => false,
        }
    }

    /// Whether both flaws can be had at once and the other one is not changed
    /// by this one.
    pub(super) fn goes_with(&self, other: &Self, prototype: &Prototype) -> bool {
        use Flaw::{Bits, Denied, Scene, Shift, Value, WrongType};
        match (self.flaw, other.flaw) {
            (Denied(_), WrongType) | (WrongType, Denied(_)) => true,
            (Bits(at, set, clear), Bits(to, sets, clears)) => {
                at != to || set & clears == 0 && sets & clear == 0
            }
            (Shift(..), Shift(..)) => true,
            (Value(at, _) | Bits(at, ..) | Shift(at, _), Value(to, _))
            | (Value(at, _), Bits(to, ..) | Shift(to, _)) => at != to,
            (Scene(at, _), Scene(to, _)) => at.iter().all(|position| !to.contains(position)),
            (Scene(at, _), Value(to, _) | Bits(to, ..) | Shift(to, _))
            | (Value(to, _) | Bits(to, ..) | Shift(to, _), Scene(at, _)) => !at.contains(&to),
            (Scene(at, _), Flaw::Destroyed) | (Flaw::Destroyed, Scene(at, _))
                if at.contains(&STATE) =>
            {
                false
            }
            _ => {
                let position = prototype.position;
                !(self.is_of_handle(position) && other.is_of_handle(position))
            }
        }
    }
}

impl Ladder {
    pub(super) fn prototype(&self) -> &'static Prototype {
        prototype(self.prototype)
    }
}

/// Every ladder.
pub(super) fn ladders() -> impl Iterator<Item = &'static Ladder> {
    [vmo::LADDERS, vmar::LADDERS, handle::LADDERS, object::LADDERS].into_iter().flatten()
}

/// A call with flaws, ready to be made.
pub(super) struct Flawed {
    pub(super) syscall: Syscall,
    pub(super) arguments: Vec<Value>,
    /// The arguments as they were before the flaws, with the good handle.
    pub(super) sound: Vec<Value>,
    /// The good handle to the object.
    pub(super) object: Handle,
}

/// Prepares a prototype's call with flaws.
pub(super) fn flawed(
    cx: &mut Context<'_>,
    prototype: &Prototype,
    rungs: &[&Rung],
) -> Checked<Flawed> {
    let flaws = || rungs.iter().map(|rung| rung.flaw);
    let object = prototype.object.make(cx)?;
    let sound = (prototype.arguments)(cx, object, object)?;
    let mut used = None;
    if flaws().any(|flaw| matches!(flaw, Flaw::WrongType)) {
        used = Some(match prototype.object {
            Object::Region => cx.create(PAGE)?,
            _ => cx.event()?,
        });
    }
    let denied = flaws().map(|flaw| if let Flaw::Denied(rights) = flaw { rights } else { 0 });
    let denied = denied.fold(0, |all, rights| all | rights);
    if denied != 0 {
        used = Some(match used {
            Some(other) => cx.duplicate(other, 0)?,
            None => cx.duplicate_without(object, denied)?,
        });
    }
    let mut arguments = sound.clone();
    if let Some(used) = used {
        prototype.put(&mut arguments, used);
    }
    // What makes a scene may look at the arguments, so it comes first; and the
    // region is destroyed when nothing needs it any more.
    for flaw in flaws() {
        match flaw {
            Flaw::Scene(_, make) => make(cx, object, &mut arguments)?,
            Flaw::Committed => cx.write(object, 0, b"committed")?,
            Flaw::Uncached => {
                release(cx, object)?;
                set_policy(cx, object, ZX_CACHE_POLICY_UNCACHED)?;
            }
            _ => {}
        }
    }
    for flaw in flaws() {
        match flaw {
            Flaw::BadHandle => prototype.put(&mut arguments, Handle::Never),
            Flaw::Value(position, value) => arguments[position] = value(),
            Flaw::Bits(position, set, clear) => {
                if let Value::Number(number) = &mut arguments[position] {
                    *number = (*number | set) & !clear;
                }
            }
            Flaw::Shift(position, bytes) => {
                if let Value::Address(address) = &mut arguments[position] {
                    *address = plus(*address, bytes);
                }
            }
            Flaw::Destroyed => cx.vmar_destroy(object)?.ok().map(drop)?,
            _ => {}
        }
    }
    Ok(Flawed { syscall: prototype.syscall, arguments, sound, object })
}

/// Releases every page of a VMO, which a cache policy may need.
fn release(cx: &mut Context<'_>, vmo: Handle) -> Checked {
    let size = cx.size(vmo)?;
    cx.resize(vmo, 0)?;
    cx.resize(vmo, size)
}

fn set_policy(cx: &mut Context<'_>, vmo: Handle, policy: u32) -> Checked {
    cx.vmo_set_cache_policy(vmo, policy)?.ok().map(drop)
}

impl Flawed {
    /// Takes away what stands in the way of the sound call; answers whether
    /// that could be done.
    pub(super) fn mend(&self, cx: &mut Context<'_>, rung: &Rung) -> Checked<bool> {
        match rung.flaw {
            Flaw::Destroyed => return Ok(false),
            Flaw::Scene(positions, _) if positions.contains(&STATE) => return Ok(false),
            Flaw::Uncached => set_policy(cx, self.object, ZX_CACHE_POLICY_CACHED)?,
            Flaw::Committed => release(cx, self.object)?,
            _ => {}
        }
        Ok(true)
    }
}
