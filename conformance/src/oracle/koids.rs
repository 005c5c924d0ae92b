//! The koids that were seen, also those of objects that are gone.

use vmo_abi::{ZX_KOID_INVALID, zx_koid_t};

use super::clause::{Clause, clause};
use super::handles::ObjectId;
use super::state::State;

/// The first koid that is handed to an object created by a call (KOID-04).
const FIRST_KOID: zx_koid_t = 1024;

/// Koids with the place of their objects in the order of creation, in that
/// order.
#[derive(Clone, Default)]
pub(super) struct Koids(Vec<(u32, zx_koid_t)>);

impl Koids {
    /// Takes note of the koid of an object, or says which clause it breaks.
    fn add(&mut self, kernel: bool, sequence: u32, koid: zx_koid_t) -> Result<(), Clause> {
        if self.0.iter().any(|(_, known)| *known == koid) {
            return Err(clause!("KOID-01"));
        }
        let position = self.0.partition_point(|(known, _)| *known <= sequence);
        // Objects that were there at the start have no known order.
        if kernel && sequence > 0 {
            let older = self.0[..position].iter().rev().find(|(known, _)| *known < sequence);
            let after_older = older.is_none_or(|(known, older)| *known == 0 || koid > *older);
            let before_newer = self.0.get(position).is_none_or(|(_, newer)| koid < *newer);
            if koid < FIRST_KOID || !after_older || !before_newer {
                return Err(clause!("KOID-04"));
            }
        }
        self.0.insert(position, (sequence, koid));
        Ok(())
    }
}

impl State {
    /// Takes note of a koid that an object showed, or says which clause that
    /// breaks.
    pub(super) fn learn_koid(
        &mut self,
        kernel: bool,
        id: ObjectId,
        koid: zx_koid_t,
    ) -> Result<(), Clause> {
        let object = *self.object(id);
        if koid == ZX_KOID_INVALID {
            return Err(clause!("KOID-03"));
        }
        if object.koid == koid {
            return Ok(());
        }
        if object.koid != ZX_KOID_INVALID {
            return Err(clause!("KOID-02"));
        }
        self.koids_mut().add(kernel, object.sequence, koid)?;
        self.object_mut(id).koid = koid;
        Ok(())
    }
}
