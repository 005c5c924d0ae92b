//! `object_get_info`.

use vmo_abi::{
    Record, ZX_ERR_ACCESS_DENIED, ZX_ERR_BAD_HANDLE, ZX_ERR_BUFFER_TOO_SMALL, ZX_ERR_INVALID_ARGS,
    ZX_ERR_NOT_SUPPORTED, ZX_ERR_WRONG_TYPE, ZX_INFO_BTI, ZX_INFO_CPU_STATS, ZX_INFO_HANDLE_BASIC,
    ZX_INFO_HANDLE_COUNT, ZX_INFO_HANDLE_VALID, ZX_INFO_JOB_CHILDREN, ZX_INFO_JOB_PROCESSES,
    ZX_INFO_KMEM_STATS, ZX_INFO_PROCESS, ZX_INFO_PROCESS_HANDLE_STATS, ZX_INFO_PROCESS_MAPS,
    ZX_INFO_PROCESS_THREADS, ZX_INFO_PROCESS_VMOS, ZX_INFO_RESOURCE, ZX_INFO_TASK_STATS,
    ZX_INFO_THREAD, ZX_INFO_THREAD_EXCEPTION_REPORT, ZX_INFO_THREAD_STATS, ZX_INFO_VMAR,
    ZX_INFO_VMO_IS_COW_CLONE, ZX_INFO_VMO_TYPE_PAGED, ZX_INFO_VMO_VIA_HANDLE,
    ZX_INFO_VMO_VIA_MAPPING, ZX_OBJ_PROP_NONE, ZX_OBJ_PROP_WAITABLE, ZX_OBJ_TYPE_PROCESS,
    ZX_RIGHT_ENUMERATE, ZX_RIGHT_NONE, ZX_RIGHT_READ, zx_handle_t, zx_info_handle_basic_t,
    zx_info_vmar_t, zx_info_vmo_t, zx_vaddr_t,
};

use crate::kernel::{Answer, Kernel};
use crate::object::Kind;
use crate::vmo::VmoId;

/// Where `object_get_info` stores what it found.
struct Output {
    buffer: zx_vaddr_t,
    buffer_size: u64,
    actual: zx_vaddr_t,
    avail: zx_vaddr_t,
}

impl Kernel {
    pub(crate) fn object_get_info(
        &mut self,
        handle: zx_handle_t,
        topic: u32,
        buffer: zx_vaddr_t,
        buffer_size: u64,
        actual: zx_vaddr_t,
        avail: zx_vaddr_t,
    ) -> Answer {
        let output = Output { buffer, buffer_size, actual, avail };
        match topic {
            ZX_INFO_HANDLE_VALID => {
                self.handles.get(handle).map(drop).map_err(|_| ZX_ERR_BAD_HANDLE)
            }
            ZX_INFO_HANDLE_BASIC => {
                let handle = self.handles.get(handle)?;
                let object = self.objects.get(handle.object);
                let related_koid = match object.kind {
                    Kind::Channel { peer_koid, .. } => peer_koid,
                    _ => 0,
                };
                let waitable = object.kind.is_waitable();
                let record = zx_info_handle_basic_t {
                    koid: object.koid,
                    rights: handle.rights,
                    type_: object.kind.object_type(),
                    related_koid,
                    props: if waitable { ZX_OBJ_PROP_WAITABLE } else { ZX_OBJ_PROP_NONE },
                };
                self.store_record(&output, &record.to_bytes())
            }
            ZX_INFO_HANDLE_COUNT => {
                let handle = self.with_rights(handle, ZX_RIGHT_READ)?;
                let count = self.objects.get(handle.object).handles;
                self.store_record(&output, &count.to_le_bytes())
            }
            ZX_INFO_VMAR => {
                let handle = self.handles.get(handle)?;
                let region = self.space.region(self.as_region(handle)?);
                let record = zx_info_vmar_t { base: region.base, len: region.size };
                self.store_record(&output, &record.to_bytes())
            }
            ZX_INFO_PROCESS_VMOS => {
                let handle = self.with_rights(handle, ZX_RIGHT_READ)?;
                match self.kind(handle) {
                    Kind::Process { observed: true } => self.store_vmos(&output),
                    // A process cannot ask about itself (OBJ-INFO-22).
                    Kind::Process { observed: false } => Err(ZX_ERR_ACCESS_DENIED),
                    _ => Err(ZX_ERR_WRONG_TYPE),
                }
            }
            _ => self.topic_of_another_type(handle, topic),
        }
    }

    /// Topics whose records this machine does not keep: it answers as the
    /// kernel does for objects of the wrong type (OBJ-INFO-21).
    fn topic_of_another_type(&self, handle: zx_handle_t, topic: u32) -> Answer {
        let (right, object_type) = match topic {
            ZX_INFO_PROCESS
            | ZX_INFO_TASK_STATS
            | ZX_INFO_PROCESS_MAPS
            | ZX_INFO_PROCESS_HANDLE_STATS => (ZX_RIGHT_READ, Some(ZX_OBJ_TYPE_PROCESS)),
            ZX_INFO_PROCESS_THREADS => (ZX_RIGHT_ENUMERATE, Some(ZX_OBJ_TYPE_PROCESS)),
            // No object here is a job, a thread, a resource or a BTI.
            ZX_INFO_JOB_CHILDREN | ZX_INFO_JOB_PROCESSES => (ZX_RIGHT_ENUMERATE, None),
            ZX_INFO_THREAD
            | ZX_INFO_THREAD_EXCEPTION_REPORT
            | ZX_INFO_THREAD_STATS
            | ZX_INFO_BTI => (ZX_RIGHT_READ, None),
            ZX_INFO_CPU_STATS | ZX_INFO_KMEM_STATS | ZX_INFO_RESOURCE => (ZX_RIGHT_NONE, None),
            _ => return Err(ZX_ERR_NOT_SUPPORTED),
        };
        let handle = self.with_rights(handle, right)?;
        if object_type == Some(self.kind(handle).object_type()) {
            // Facts about processes are outside of the contract.
            Err(ZX_ERR_NOT_SUPPORTED)
        } else {
            Err(ZX_ERR_WRONG_TYPE)
        }
    }

    /// Stores one record: the record, then the counts, in this order
    /// (OBJ-INFO-11, OBJ-INFO-14).
    fn store_record(&mut self, output: &Output, record: &[u8]) -> Answer {
        let fits = output.buffer_size >= record.len() as u64;
        if fits {
            self.copy_out(output.buffer, record)?;
        }
        self.store_counts(output, u64::from(fits), 1)?;
        if fits { Ok(()) } else { Err(ZX_ERR_BUFFER_TOO_SMALL) }
    }

    fn store_counts(&mut self, output: &Output, actual: u64, avail: u64) -> Answer {
        for (address, count) in [(output.actual, actual), (output.avail, avail)] {
            if address != 0 {
                self.copy_out(address, &count.to_le_bytes())?;
            }
        }
        Ok(())
    }

    /// Lists the VMOs of the process, handles first (OBJ-INFO-24, OBJ-INFO-29).
    fn store_vmos(&mut self, output: &Output) -> Answer {
        let via_handles = self.handles.iter().filter_map(|handle| {
            let Kind::Vmo(vmo) = self.kind(handle) else { return None };
            Some(self.vmo_record(vmo, ZX_INFO_VMO_VIA_HANDLE, handle.rights))
        });
        let via_mappings = self
            .space
            .mappings()
            .map(|mapping| self.vmo_record(mapping.vmo, ZX_INFO_VMO_VIA_MAPPING, 0));
        let records: Vec<_> = via_handles.chain(via_mappings).collect();
        let room = output.buffer_size / size_of::<[u8; 104]>() as u64;
        let actual = room.min(records.len() as u64);
        let mut address = output.buffer;
        for record in &records[..actual as usize] {
            let bytes = record.to_bytes();
            if self.copy_out(address, &bytes).is_err() {
                self.store_counts(output, 0, 0)?;
                return Err(ZX_ERR_INVALID_ARGS);
            }
            address += bytes.len() as u64;
        }
        self.store_counts(output, actual, records.len() as u64)
    }

    fn vmo_record(&self, id: VmoId, via: u32, handle_rights: u32) -> zx_info_vmo_t {
        let vmo = self.vmos.get(id);
        let clone = if vmo.parent.is_some() { ZX_INFO_VMO_IS_COW_CLONE } else { 0 };
        zx_info_vmo_t {
            koid: vmo.koid,
            size_bytes: vmo.size,
            parent_koid: vmo.parent.map_or(0, |parent| self.vmos.get(parent).koid),
            num_children: u64::from(vmo.children),
            num_mappings: u64::from(vmo.mappings),
            // There is one address space.
            share_count: 1,
            flags: ZX_INFO_VMO_TYPE_PAGED | clone | via,
            committed_bytes: vmo.committed_bytes(),
            handle_rights,
            name: vmo.name,
        }
    }
}
