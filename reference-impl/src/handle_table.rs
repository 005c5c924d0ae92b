//! Handles: values, rights, and the rules for values (HV-01 to HV-11).

use vmo_abi::{ZX_ERR_BAD_HANDLE, ZX_ERR_NO_MEMORY, zx_handle_t, zx_rights_t, zx_status_t};

use crate::object::ObjectId;

const INDEX_BITS: u32 = 18;
const INDEX_MASK: u32 = (1 << INDEX_BITS) - 1;
const GENERATION_MASK: u32 = (1 << 12) - 1;
const VALUE_MASK: u32 = (1 << 30) - 1;

/// Handles of a table at most (HV-11).
pub(crate) const LARGEST_HANDLE_COUNT: u32 = 1 << INDEX_BITS;

/// What a live handle is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Handle {
    pub(crate) object: ObjectId,
    pub(crate) rights: zx_rights_t,
}

#[derive(Debug)]
struct Slot {
    handle: Option<Handle>,
    /// Advances with every use of the slot, so that a value comes back only
    /// after 4096 uses (HV-05).
    generation: u32,
}

/// The handle table of the process.
#[derive(Debug)]
pub(crate) struct HandleTable {
    slots: Vec<Slot>,
    free: Vec<u32>,
    /// Mixed into values so that they look arbitrary.
    mix: u32,
    largest: u32,
}

impl HandleTable {
    pub(crate) fn new(mix: u64, largest: u32) -> Self {
        Self {
            slots: Vec::new(),
            free: Vec::new(),
            mix: mix as u32 & VALUE_MASK,
            largest: largest.min(LARGEST_HANDLE_COUNT),
        }
    }

    /// Live handles.
    pub(crate) fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// Bit 0 is always set and bit 31 never (HV-02).
    fn value(&self, index: u32) -> zx_handle_t {
        let generation = self.slots[index as usize].generation;
        (((generation << INDEX_BITS | index) ^ self.mix) << 1) | 1
    }

    /// The slot that a value names; bit 0 of the value is ignored (HV-06).
    fn slot(&self, value: zx_handle_t) -> Option<u32> {
        if value == 0 || value >> 31 != 0 {
            return None;
        }
        let mixed = (value >> 1) ^ self.mix;
        let (index, generation) = (mixed & INDEX_MASK, mixed >> INDEX_BITS);
        let slot = self.slots.get(index as usize)?;
        (slot.generation == generation && slot.handle.is_some()).then_some(index)
    }

    pub(crate) fn get(&self, value: zx_handle_t) -> Result<Handle, zx_status_t> {
        self.slot(value)
            .and_then(|index| self.slots[index as usize].handle)
            .ok_or(ZX_ERR_BAD_HANDLE)
    }

    pub(crate) fn insert(&mut self, handle: Handle) -> Result<zx_handle_t, zx_status_t> {
        let index = match self.free.pop() {
            Some(index) => index,
            None if self.slots.len() < self.largest as usize => {
                self.slots.push(Slot { handle: None, generation: 0 });
                (self.slots.len() - 1) as u32
            }
            None => return Err(ZX_ERR_NO_MEMORY),
        };
        let slot = &mut self.slots[index as usize];
        slot.generation = (slot.generation + 1) & GENERATION_MASK;
        slot.handle = Some(handle);
        Ok(self.value(index))
    }

    /// Takes a handle out of the table and answers with it and its proper
    /// value.
    pub(crate) fn remove(
        &mut self,
        value: zx_handle_t,
    ) -> Result<(Handle, zx_handle_t), zx_status_t> {
        let index = self.slot(value).ok_or(ZX_ERR_BAD_HANDLE)?;
        let proper = self.value(index);
        let handle = self.slots[index as usize].handle.take().ok_or(ZX_ERR_BAD_HANDLE)?;
        self.free.push(index);
        Ok((handle, proper))
    }

    /// Live handles in the order of their slots.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Handle> + '_ {
        self.slots.iter().filter_map(|slot| slot.handle)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::{Kind, Objects};

    fn handle() -> Handle {
        Handle { object: Objects::default().create(1024, Kind::Event), rights: 0 }
    }

    #[test]
    fn values_are_odd_positive_distinct_and_late_to_return() {
        let mut table = HandleTable::new(0x1234_5678, 100);
        let first = table.insert(handle()).unwrap();
        let mut seen = vec![first];
        table.remove(first).unwrap();
        for _ in 0..4095 {
            let value = table.insert(handle()).unwrap();
            assert_eq!((value & 1, value >> 31), (1, 0));
            assert!(!seen.contains(&value));
            assert!(table.get(first).is_err());
            seen.push(value);
            table.remove(value).unwrap();
        }
        assert_eq!(table.insert(handle()).unwrap(), first);
    }

    #[test]
    fn bit_zero_is_ignored_and_bit_31_is_not() {
        let mut table = HandleTable::new(7, 100);
        let value = table.insert(handle()).unwrap();
        assert!(table.get(value & !1).is_ok());
        assert!(table.get(value | 1 << 31).is_err());
        assert!(table.get(0).is_err());
    }

    #[test]
    fn a_full_table_has_no_room() {
        let mut table = HandleTable::new(0, 2);
        let first = table.insert(handle()).unwrap();
        table.insert(handle()).unwrap();
        assert_eq!(table.insert(handle()), Err(ZX_ERR_NO_MEMORY));
        table.remove(first).unwrap();
        assert!(table.insert(handle()).is_ok());
    }
}
