//! VMOs as a typical host shim has them, and their adapter for the suite.
//!
//! A VMO is a memfd, reading and writing are `pread` and `pwrite`, a mapping is
//! the host's. It is quickly written and mostly right; where it is not, the
//! suite says so. A clone, above all, is a copy made at once, which does not
//! follow its parent. Memory for the tester, and loads and stores that may
//! fault, are those of `vmo-host`.

#![deny(unsafe_code)]

mod space;
mod vmo;

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use vmo_abi::*;
use vmo_host::HostMemory;

use space::{CAN_MAP, CAN_MAP_SHIFT, PERMISSIONS, RegionId, Space};
use vmo::{Vmo, status};

type Answer<T = ()> = Result<T, zx_status_t>;

/// The rights that permissions need are the same bits, so many places higher.
const RIGHT_SHIFT: u32 = 2;
const ROOT_RIGHTS: zx_rights_t =
    ZX_DEFAULT_VMAR_RIGHTS | ZX_RIGHT_READ | ZX_RIGHT_WRITE | ZX_RIGHT_EXECUTE;

/// The implementation.
pub struct Linux {
    memory: HostMemory,
    root: zx_handle_t,
    state: Mutex<State>,
}

struct State {
    space: Space,
    handles: HashMap<zx_handle_t, Handle>,
    /// Objects are told apart by koids, handles by values; both only go up.
    last: u32,
}

#[derive(Clone)]
struct Handle {
    object: Object,
    koid: zx_koid_t,
    rights: zx_rights_t,
}

#[derive(Clone)]
enum Object {
    Vmo(Arc<Vmo>),
    Region(RegionId),
}

impl Handle {
    fn vmo(&self) -> Answer<&Arc<Vmo>> {
        match &self.object {
            Object::Vmo(vmo) => Ok(vmo),
            Object::Region(_) => Err(ZX_ERR_WRONG_TYPE),
        }
    }

    fn region(&self) -> Answer<RegionId> {
        match &self.object {
            Object::Vmo(_) => Err(ZX_ERR_WRONG_TYPE),
            Object::Region(region) => Ok(*region),
        }
    }
}

impl State {
    fn next(&mut self) -> u32 {
        self.last += 4;
        self.last
    }

    fn insert(&mut self, object: Object, koid: Option<zx_koid_t>, rights: u32) -> zx_handle_t {
        let koid = koid.unwrap_or_else(|| self.next().into());
        let value = self.next();
        self.handles.insert(value, Handle { object, koid, rights });
        value
    }

    fn get(&self, handle: zx_handle_t) -> Answer<Handle> {
        self.handles.get(&handle).cloned().ok_or(ZX_ERR_BAD_HANDLE)
    }

    fn with(&self, handle: zx_handle_t, rights: zx_rights_t) -> Answer<Handle> {
        let handle = self.get(handle)?;
        if handle.rights & rights == rights { Ok(handle) } else { Err(ZX_ERR_ACCESS_DENIED) }
    }

    /// A VMO whose handle has rights. Of a handle to something else it is the
    /// type that is wrong.
    fn vmo(&self, handle: zx_handle_t, rights: zx_rights_t) -> Answer<Arc<Vmo>> {
        self.get(handle)?.vmo()?;
        Ok(Arc::clone(self.with(handle, rights)?.vmo()?))
    }
}

/// The rights of a copy of a handle.
fn granted(source: &Handle, rights: zx_rights_t) -> Answer<zx_rights_t> {
    match rights {
        ZX_RIGHT_SAME_RIGHTS => Ok(source.rights),
        _ if rights & !source.rights == 0 => Ok(rights),
        _ => Err(ZX_ERR_INVALID_ARGS),
    }
}

fn check_permissions(flags: u32) -> Answer {
    let is_odd = flags & PERMISSIONS != 0 && flags & ZX_VM_FLAG_PERM_READ == 0;
    if is_odd { Err(ZX_ERR_INVALID_ARGS) } else { Ok(()) }
}

impl Linux {
    /// Sets up an empty address space.
    ///
    /// # Errors
    ///
    /// The host has no addresses left.
    pub fn new() -> io::Result<Self> {
        let memory = HostMemory::new(4 << 20)?;
        let mut state = State { space: Space::new()?, handles: HashMap::new(), last: 1023 };
        let root = state.insert(Object::Region(0), None, ROOT_RIGHTS);
        Ok(Self { memory, root, state: Mutex::new(state) })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A call storing bytes for user code.
    fn put(&self, address: zx_vaddr_t, bytes: &[u8]) -> Answer {
        self.memory.store(address, bytes).map_err(|_| ZX_ERR_INVALID_ARGS)
    }

    /// A call reading bytes of user code.
    fn take(&self, address: zx_vaddr_t, bytes: &mut [u8]) -> Answer {
        self.memory.load(address, bytes).map_err(|_| ZX_ERR_INVALID_ARGS)
    }

    /// Makes a handle, unless it cannot be stored.
    fn hand_out(
        &self,
        object: Object,
        koid: Option<zx_koid_t>,
        rights: zx_rights_t,
        out: zx_vaddr_t,
    ) -> Answer {
        let mut state = self.state();
        let value = state.insert(object, koid, rights);
        self.put(out, &value.to_le_bytes()).inspect_err(|_| {
            state.handles.remove(&value);
        })
    }

    fn map(
        &self,
        [vmar_offset, vmo_offset, len]: [u64; 3],
        (vmar, vmo): (zx_handle_t, zx_handle_t),
        flags: u32,
        mapped_addr: zx_vaddr_t,
    ) -> Answer {
        let mut state = self.state();
        let (vmar, vmo) = (state.get(vmar)?, state.get(vmo)?);
        let region = vmar.region()?;
        vmo.vmo()?;
        let possible = (vmo.rights & vmar.rights) >> RIGHT_SHIFT & PERMISSIONS;
        if vmo.rights & ZX_RIGHT_MAP == 0 {
            return Err(ZX_ERR_ACCESS_DENIED);
        }
        check_permissions(flags)?;
        if flags & PERMISSIONS & !possible != 0 {
            return Err(ZX_ERR_ACCESS_DENIED);
        }
        let places = ZX_VM_FLAG_SPECIFIC | ZX_VM_FLAG_SPECIFIC_OVERWRITE;
        let range_and_overwrite = ZX_VM_FLAG_MAP_RANGE | ZX_VM_FLAG_SPECIFIC_OVERWRITE;
        if flags & !(PERMISSIONS | places | ZX_VM_FLAG_MAP_RANGE) != 0
            || flags & range_and_overwrite == range_and_overwrite
        {
            return Err(ZX_ERR_INVALID_ARGS);
        }
        let vmo = (vmo.vmo()?.as_ref(), vmo_offset);
        let place = state.space.map(region, vmar_offset, vmo, len, flags, possible)?;
        self.put(mapped_addr, &place.start.to_le_bytes()).inspect_err(|_| {
            let _ = state.space.unmap(region, place.start, place.end - place.start);
        })
    }

    fn info(&self, handle: Handle, topic: u32) -> Answer<Vec<u8>> {
        match topic {
            ZX_INFO_HANDLE_BASIC => {
                let is_vmo = handle.vmo().is_ok();
                let record = zx_info_handle_basic_t {
                    koid: handle.koid,
                    rights: handle.rights,
                    type_: if is_vmo { ZX_OBJ_TYPE_VMO } else { ZX_OBJ_TYPE_VMAR },
                    related_koid: 0,
                    props: if is_vmo { ZX_OBJ_PROP_WAITABLE } else { ZX_OBJ_PROP_NONE },
                };
                Ok(record.to_bytes().to_vec())
            }
            ZX_INFO_HANDLE_COUNT => {
                if handle.rights & ZX_RIGHT_READ == 0 {
                    return Err(ZX_ERR_ACCESS_DENIED);
                }
                let state = self.state();
                let count = state.handles.values().filter(|other| other.koid == handle.koid);
                Ok((count.count() as u32).to_le_bytes().to_vec())
            }
            ZX_INFO_VMAR => {
                let range = self.state().space.range(handle.region()?);
                let record = zx_info_vmar_t { base: range.start, len: range.end - range.start };
                Ok(record.to_bytes().to_vec())
            }
            _ => Err(ZX_ERR_NOT_SUPPORTED),
        }
    }
}

/// The calls: each is its body, which answers with what it comes to.
macro_rules! calls {
    ($($name:ident($self:ident $(, $argument:ident: $type:ty)*) $body:block)*) => {
        $(#[allow(clippy::too_many_arguments)]
        fn $name(&$self, $($argument: $type),*) -> zx_status_t {
            let call = || -> Answer { $body };
            call().err().unwrap_or(ZX_OK)
        })*
    };
}

impl Backend for Linux {
    fn environment(&self) -> Environment {
        let claims = [
            Capability::Vmo,
            Capability::Clone,
            Capability::Range,
            Capability::Handles,
            Capability::Properties,
            Capability::Info,
            Capability::Mapping,
            Capability::Regions,
        ];
        let environment = self.memory.environment(claims.into_iter().collect());
        Environment { root_vmar: self.root, ..environment }
    }

    fn load(&self, address: zx_vaddr_t, bytes: &mut [u8]) -> Result<(), Fault> {
        self.memory.load(address, bytes)
    }

    fn store(&self, address: zx_vaddr_t, bytes: &[u8]) -> Result<(), Fault> {
        self.memory.store(address, bytes)
    }

    fn monotonic_now(&self) -> zx_time_t {
        self.memory.monotonic_now()
    }

    calls! {
        vmo_create(self, size: u64, options: u32, out: u64) {
            if options != 0 {
                return Err(ZX_ERR_INVALID_ARGS);
            }
            self.hand_out(Object::Vmo(Vmo::new(size)?), None, ZX_DEFAULT_VMO_RIGHTS, out)
        }

        vmo_read(self, handle: u32, buffer: u64, offset: u64, len: u64) {
            self.state().vmo(handle, ZX_RIGHT_READ)?.copy(buffer, offset, len, true)
        }

        vmo_write(self, handle: u32, buffer: u64, offset: u64, len: u64) {
            self.state().vmo(handle, ZX_RIGHT_WRITE)?.copy(buffer, offset, len, false)
        }

        vmo_get_size(self, handle: u32, out: u64) {
            let size = self.state().vmo(handle, 0)?.size()?;
            self.put(out, &size.to_le_bytes())
        }

        vmo_set_size(self, handle: u32, size: u64) {
            self.state().vmo(handle, ZX_RIGHT_WRITE)?.set_size(size)
        }

        vmo_clone(self, handle: u32, options: u32, offset: u64, size: u64, out: u64) {
            let needed = ZX_RIGHT_DUPLICATE | ZX_RIGHT_READ;
            let parent = self.state().vmo(handle, needed)?;
            let rights = self.state().get(handle)?.rights;
            if options & ZX_VMO_CLONE_COPY_ON_WRITE == 0 || !offset.is_multiple_of(ZX_PAGE_SIZE) {
                return Err(ZX_ERR_INVALID_ARGS);
            }
            let rounded = size.checked_next_multiple_of(ZX_PAGE_SIZE).ok_or(ZX_ERR_OUT_OF_RANGE)?;
            offset.checked_add(rounded).ok_or(ZX_ERR_OUT_OF_RANGE)?;
            let clone = Vmo::new(size)?;
            clone.copy_from(&parent, offset).map_err(|error| status(&error))?;
            if rights & ZX_RIGHT_GET_PROPERTY != 0 {
                *clone.name.lock().unwrap_or_else(PoisonError::into_inner) =
                    *parent.name.lock().unwrap_or_else(PoisonError::into_inner);
            }
            let added = ZX_RIGHT_WRITE | ZX_RIGHT_GET_PROPERTY | ZX_RIGHT_SET_PROPERTY;
            self.hand_out(Object::Vmo(clone), None, rights | added, out)
        }

        vmo_op_range(self, handle: u32, op: u32, offset: u64, size: u64, _buffer: u64, _len: u64) {
            let vmo = self.state().vmo(handle, 0)?;
            let right = match op {
                ZX_VMO_OP_COMMIT | ZX_VMO_OP_DECOMMIT | ZX_VMO_OP_CACHE_INVALIDATE => {
                    ZX_RIGHT_WRITE
                }
                ZX_VMO_OP_CACHE_SYNC
                | ZX_VMO_OP_CACHE_CLEAN
                | ZX_VMO_OP_CACHE_CLEAN_INVALIDATE => ZX_RIGHT_READ,
                ZX_VMO_OP_LOCK | ZX_VMO_OP_UNLOCK => return Err(ZX_ERR_NOT_SUPPORTED),
                _ => return Err(ZX_ERR_INVALID_ARGS),
            };
            self.state().vmo(handle, right)?;
            match op {
                ZX_VMO_OP_COMMIT => vmo.commit(offset, size, true),
                ZX_VMO_OP_DECOMMIT => vmo.commit(offset, size, false),
                // The host's caches are coherent.
                _ if size == 0 => Err(ZX_ERR_INVALID_ARGS),
                _ => match offset.checked_add(size) {
                    Some(end) if end <= vmo.size()? => Ok(()),
                    _ => Err(ZX_ERR_OUT_OF_RANGE),
                },
            }
        }

        vmar_map(self, vmar: u32, vmar_offset: u64, vmo: u32, vmo_offset: u64, len: u64, flags: u32,
            mapped_addr: u64) {
            self.map([vmar_offset, vmo_offset, len], (vmar, vmo), flags, mapped_addr)
        }

        vmar_unmap(self, vmar: u32, addr: u64, len: u64) {
            let mut state = self.state();
            let region = state.get(vmar)?.region()?;
            state.space.unmap(region, addr, len)
        }

        vmar_protect(self, vmar: u32, addr: u64, len: u64, flags: u32) {
            let mut state = self.state();
            let region = state.get(vmar)?.region()?;
            state.with(vmar, (flags & PERMISSIONS) << RIGHT_SHIFT)?;
            check_permissions(flags)?;
            if flags & !PERMISSIONS != 0 {
                return Err(ZX_ERR_INVALID_ARGS);
            }
            state.space.protect(region, addr, len, flags)
        }

        vmar_allocate(self, parent: u32, offset: u64, size: u64, flags: u32, out: u64, addr: u64) {
            let rights = (flags & CAN_MAP) >> CAN_MAP_SHIFT << RIGHT_SHIFT;
            let known = CAN_MAP | ZX_VM_FLAG_CAN_MAP_SPECIFIC | ZX_VM_FLAG_SPECIFIC
                | ZX_VM_FLAG_COMPACT;
            let mut state = self.state();
            let parent = state.get(parent)?.region().and_then(|_| state.with(parent, rights))?;
            if flags & !known != 0 {
                return Err(ZX_ERR_INVALID_ARGS);
            }
            let (region, base) = state.space.allocate(parent.region()?, offset, size, flags)?;
            drop(state);
            let rights = ZX_DEFAULT_VMAR_RIGHTS | rights;
            self.put(addr, &base.to_le_bytes())
                .and_then(|()| self.hand_out(Object::Region(region), None, rights, out))
                .inspect_err(|_| {
                    let _ = self.state().space.destroy(region);
                })
        }

        vmar_destroy(self, vmar: u32) {
            let mut state = self.state();
            let region = state.get(vmar)?.region()?;
            state.space.destroy(region)
        }

        handle_close(self, handle: u32) {
            let closed = self.state().handles.remove(&handle).is_some();
            if closed || handle == 0 { Ok(()) } else { Err(ZX_ERR_BAD_HANDLE) }
        }

        handle_close_many(self, handles: u64, count: u64) {
            let mut answer = Ok(());
            for index in 0..count {
                let mut value = [0; 4];
                self.take(handles.wrapping_add(index.wrapping_mul(4)), &mut value)?;
                if self.handle_close(u32::from_le_bytes(value)) != ZX_OK {
                    answer = Err(ZX_ERR_BAD_HANDLE);
                }
            }
            answer
        }

        handle_duplicate(self, handle: u32, rights: u32, out: u64) {
            let source = self.state().with(handle, ZX_RIGHT_DUPLICATE)?;
            let rights = granted(&source, rights)?;
            self.hand_out(source.object, Some(source.koid), rights, out)
        }

        handle_replace(self, handle: u32, rights: u32, out: u64) {
            let source = self.state().handles.remove(&handle).ok_or(ZX_ERR_BAD_HANDLE)?;
            let rights = granted(&source, rights)?;
            self.hand_out(source.object, Some(source.koid), rights, out)
        }

        object_get_property(self, handle: u32, property: u32, value: u64, size: u64) {
            let handle = self.state().with(handle, ZX_RIGHT_GET_PROPERTY)?;
            match property {
                ZX_PROP_NAME if size < ZX_MAX_NAME_LEN as u64 => Err(ZX_ERR_BUFFER_TOO_SMALL),
                ZX_PROP_NAME => {
                    let name = handle.vmo()?.name.lock().unwrap_or_else(PoisonError::into_inner);
                    self.put(value, &*name)
                }
                ZX_PROP_PROCESS_DEBUG_ADDR
                | ZX_PROP_PROCESS_VDSO_BASE_ADDRESS
                | ZX_PROP_SOCKET_RX_BUF_MAX..=ZX_PROP_SOCKET_TX_BUF_SIZE
                | ZX_PROP_CHANNEL_TX_MSG_MAX => Err(ZX_ERR_WRONG_TYPE),
                _ => Err(ZX_ERR_INVALID_ARGS),
            }
        }

        object_set_property(self, handle: u32, property: u32, value: u64, size: u64) {
            let handle = self.state().with(handle, ZX_RIGHT_SET_PROPERTY)?;
            if property != ZX_PROP_NAME {
                return Err(ZX_ERR_INVALID_ARGS);
            }
            let mut name = [0; ZX_MAX_NAME_LEN];
            let len = size.min(ZX_MAX_NAME_LEN as u64 - 1) as usize;
            self.take(value, &mut name[..len])?;
            let end = name.iter().position(|byte| *byte == 0).unwrap_or(len);
            name[end..].fill(0);
            *handle.vmo()?.name.lock().unwrap_or_else(PoisonError::into_inner) = name;
            Ok(())
        }

        object_get_info(self, handle: u32, topic: u32, buffer: u64, size: u64, actual: u64,
            avail: u64) {
            let handle = self.state().get(handle)?;
            if topic == ZX_INFO_HANDLE_VALID {
                return Ok(());
            }
            let record = self.info(handle, topic)?;
            let fits = size >= record.len() as u64;
            if fits {
                self.put(buffer, &record)?;
            }
            for (out, count) in [(actual, u64::from(fits)), (avail, 1)] {
                if out != 0 {
                    self.put(out, &count.to_le_bytes())?;
                }
            }
            if fits { Ok(()) } else { Err(ZX_ERR_BUFFER_TOO_SMALL) }
        }
    }
}
