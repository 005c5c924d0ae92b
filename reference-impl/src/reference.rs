//! The machine as a backend: one lock around the kernel, and the waits.

use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use vmo_abi::{
    Backend, Environment, Fault, Record, ZX_ERR_CANCELED, ZX_ERR_INVALID_ARGS,
    ZX_ERR_NOT_SUPPORTED, ZX_ERR_OUT_OF_RANGE, ZX_ERR_TIMED_OUT, ZX_OK, ZX_RIGHT_WAIT,
    ZX_SIGNAL_HANDLE_CLOSED, ZX_TIME_INFINITE, ZX_WAIT_MANY_MAX_ITEMS, zx_handle_t, zx_rights_t,
    zx_signals_t, zx_status_t, zx_time_t, zx_vaddr_t, zx_wait_item_t,
};

use crate::configuration::Configuration;
use crate::fault_handler;
use crate::kernel::{Answer, Kernel};
use crate::memory::Access;
use crate::wait::ObserverId;

/// The clock starts here, so that the deadlines 0 and 1 have always passed.
const CLOCK_START: Duration = Duration::from_secs(1);

/// The reference machine.
///
/// Calls may come from any number of threads; each is one atomic step, apart
/// from waiting.
pub struct Reference {
    shared: Arc<Shared>,
}

/// What the machine shares with the fault handler.
pub(crate) struct Shared {
    kernel: Mutex<Kernel>,
    /// Notified when a wait is over.
    woken: Condvar,
    started: Instant,
}

impl Shared {
    /// No state is left half changed by a panic, as none is expected: the lock
    /// is taken over rather than given up.
    pub(crate) fn lock(&self) -> MutexGuard<'_, Kernel> {
        self.kernel.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How many of everything exist, for finding what leaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Census {
    /// Handles, those to the root region and the processes included.
    pub handles: usize,
    /// Objects that handles name.
    pub objects: usize,
    /// VMOs, those that only mappings or clones hold included.
    pub vmos: usize,
    /// Mappings.
    pub mappings: usize,
    /// Regions, the root region included.
    pub regions: usize,
    /// Frames of physical memory in use.
    pub frames: u64,
}

impl Reference {
    /// Sets up a machine.
    ///
    /// # Errors
    ///
    /// The host has no memfd, addresses or mappings left for it, it refused a
    /// handler for faults that is needed, or the configuration is impossible.
    pub fn new(configuration: Configuration) -> io::Result<Self> {
        if configuration.process_memory {
            fault_handler::install()?;
        }
        let shared = Arc::new(Shared {
            kernel: Mutex::new(Kernel::new(configuration)?),
            woken: Condvar::new(),
            started: Instant::now(),
        });
        fault_handler::register(&shared);
        Ok(Self { shared })
    }

    /// Counts what exists at this moment.
    #[must_use]
    pub fn census(&self) -> Census {
        let kernel = self.shared.lock();
        Census {
            handles: kernel.handles.len(),
            objects: kernel.objects.len(),
            vmos: kernel.vmos.len(),
            mappings: kernel.space.mapping_count(),
            regions: kernel.space.region_count(),
            frames: kernel.budget.in_use(),
        }
    }

    /// Does a call as one step, and wakes the waits that it ended.
    fn call(&self, call: impl FnOnce(&mut Kernel) -> Answer) -> zx_status_t {
        let mut kernel = self.shared.lock();
        let answer = call(&mut kernel);
        let woken = kernel.observers.take_woken();
        drop(kernel);
        if woken {
            self.shared.woken.notify_all();
        }
        answer.err().unwrap_or(ZX_OK)
    }

    /// Waits until one of the observers' waits is over or the deadline passes.
    fn wait<'a>(
        &self,
        mut kernel: MutexGuard<'a, Kernel>,
        observers: &[ObserverId],
        deadline: zx_time_t,
    ) -> (MutexGuard<'a, Kernel>, Answer) {
        loop {
            if observers.iter().any(|observer| kernel.observers.is_over(*observer)) {
                return (kernel, Ok(()));
            }
            let woken = &self.shared.woken;
            if deadline == ZX_TIME_INFINITE {
                kernel = woken.wait(kernel).unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            let left = deadline.saturating_sub(self.monotonic_now());
            if left == 0 {
                return (kernel, Err(ZX_ERR_TIMED_OUT));
            }
            let left = Duration::from_nanos(left);
            kernel = woken.wait_timeout(kernel, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn begin(kernel: &mut Kernel, handle: zx_handle_t, wanted: zx_signals_t) -> Answer<ObserverId> {
        let named = kernel.with_rights(handle, ZX_RIGHT_WAIT)?;
        let object = kernel.objects.get(named.object);
        if !object.kind.is_waitable() {
            return Err(ZX_ERR_NOT_SUPPORTED);
        }
        // Bit 0 of a handle value says nothing (HV-06), but waits end with the
        // very handle they began with.
        let handle = handle | 1;
        let signals = object.signals;
        Ok(kernel.observers.begin(handle, named.object, wanted, signals))
    }

    fn wait_one(
        &self,
        handle: zx_handle_t,
        wanted: zx_signals_t,
        deadline: zx_time_t,
        observed: zx_vaddr_t,
    ) -> Answer {
        let mut kernel = self.shared.lock();
        let observer = Self::begin(&mut kernel, handle, wanted)?;
        let (mut kernel, result) = self.wait(kernel, &[observer], deadline);
        let seen = kernel.observers.end(observer);
        if observed != 0 {
            kernel.copy_out(observed, &seen.to_le_bytes())?;
        }
        if seen & ZX_SIGNAL_HANDLE_CLOSED != 0 { Err(ZX_ERR_CANCELED) } else { result }
    }

    fn wait_many(&self, items: zx_vaddr_t, count: u64, deadline: zx_time_t) -> Answer {
        const ITEM: usize = 12;
        let mut kernel = self.shared.lock();
        if count == 0 {
            return self.wait(kernel, &[], deadline).1;
        }
        if count > ZX_WAIT_MANY_MAX_ITEMS {
            return Err(ZX_ERR_OUT_OF_RANGE);
        }
        let mut bytes = [0; ITEM * ZX_WAIT_MANY_MAX_ITEMS as usize];
        let bytes = &mut bytes[..ITEM * count as usize];
        kernel.copy_in(items, bytes)?;

        let mut records = Vec::new();
        let mut observers = Vec::new();
        for chunk in bytes.as_chunks::<ITEM>().0 {
            let record = zx_wait_item_t::from_bytes(chunk);
            match Self::begin(&mut kernel, record.handle, record.waitfor) {
                Ok(observer) => observers.push(observer),
                Err(status) => {
                    for observer in observers {
                        kernel.observers.end(observer);
                    }
                    return Err(status);
                }
            }
            records.push(record);
        }
        let (mut kernel, result) = self.wait(kernel, &observers, deadline);
        let mut seen = 0;
        for (index, observer) in observers.into_iter().enumerate() {
            records[index].pending = kernel.observers.end(observer);
            seen |= records[index].pending;
            bytes[ITEM * index..ITEM * (index + 1)].copy_from_slice(&records[index].to_bytes());
        }
        kernel.copy_out(items, bytes).map_err(|_| ZX_ERR_INVALID_ARGS)?;
        if seen & ZX_SIGNAL_HANDLE_CLOSED != 0 { Err(ZX_ERR_CANCELED) } else { result }
    }
}

impl Drop for Reference {
    fn drop(&mut self) {
        fault_handler::unregister(&self.shared);
    }
}

impl std::fmt::Debug for Reference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Reference").field(&self.census()).finish()
    }
}

/// Calls that are one step in the kernel.
macro_rules! calls {
    ($($name:ident($($argument:ident: $type:ty),*);)*) => {
        $(fn $name(&self, $($argument: $type),*) -> zx_status_t {
            self.call(|kernel| kernel.$name($($argument),*))
        })*
    };
}

impl Backend for Reference {
    fn environment(&self) -> Environment {
        self.shared.lock().environment()
    }

    fn load(&self, address: zx_vaddr_t, bytes: &mut [u8]) -> Result<(), Fault> {
        self.shared.lock().load(address, bytes)
    }

    fn store(&self, address: zx_vaddr_t, bytes: &[u8]) -> Result<(), Fault> {
        self.shared.lock().store(address, bytes)
    }

    fn monotonic_now(&self) -> zx_time_t {
        let now = self.shared.started.elapsed() + CLOCK_START;
        zx_time_t::try_from(now.as_nanos()).unwrap_or(ZX_TIME_INFINITE - 1)
    }

    fn set_memory_limit(&self, pages: Option<u64>) -> bool {
        self.shared.lock().budget.set_limit(pages);
        true
    }

    fn fail_allocation(&self, nth: Option<u64>) -> bool {
        self.shared.lock().budget.fail_allocation(nth);
        true
    }

    calls! {
        vmo_create(size: u64, options: u32, out: zx_vaddr_t);
        vmo_read(handle: zx_handle_t, buffer: zx_vaddr_t, offset: u64, buffer_size: u64);
        vmo_write(handle: zx_handle_t, buffer: zx_vaddr_t, offset: u64, buffer_size: u64);
        vmo_get_size(handle: zx_handle_t, size: zx_vaddr_t);
        vmo_set_size(handle: zx_handle_t, size: u64);
        vmo_clone(handle: zx_handle_t, options: u32, offset: u64, size: u64, out: zx_vaddr_t);
        vmo_set_cache_policy(handle: zx_handle_t, cache_policy: u32);
        vmar_map(vmar: zx_handle_t, vmar_offset: u64, vmo: zx_handle_t, vmo_offset: u64, len: u64,
            map_flags: u32, mapped_addr: zx_vaddr_t);
        vmar_unmap(vmar: zx_handle_t, addr: zx_vaddr_t, len: u64);
        vmar_protect(vmar: zx_handle_t, addr: zx_vaddr_t, len: u64, prot_flags: u32);
        vmar_allocate(parent_vmar: zx_handle_t, offset: u64, size: u64, map_flags: u32,
            child_vmar: zx_vaddr_t, child_addr: zx_vaddr_t);
        vmar_destroy(vmar: zx_handle_t);
        handle_close(handle: zx_handle_t);
        handle_close_many(handles: zx_vaddr_t, num_handles: u64);
        handle_duplicate(handle: zx_handle_t, rights: zx_rights_t, out: zx_vaddr_t);
        handle_replace(handle: zx_handle_t, rights: zx_rights_t, out: zx_vaddr_t);
        object_get_property(handle: zx_handle_t, property: u32, value: zx_vaddr_t, value_size: u64);
        object_set_property(handle: zx_handle_t, property: u32, value: zx_vaddr_t, value_size: u64);
        object_get_info(handle: zx_handle_t, topic: u32, buffer: zx_vaddr_t, buffer_size: u64,
            actual: zx_vaddr_t, avail: zx_vaddr_t);
        object_signal(handle: zx_handle_t, clear_mask: zx_signals_t, set_mask: zx_signals_t);
        object_signal_peer(handle: zx_handle_t, clear_mask: zx_signals_t, set_mask: zx_signals_t);
        event_create(options: u32, out: zx_vaddr_t);
        channel_create(options: u32, out0: zx_vaddr_t, out1: zx_vaddr_t);
        port_create(options: u32, out: zx_vaddr_t);
        channel_write(handle: zx_handle_t, options: u32, bytes: zx_vaddr_t, num_bytes: u32,
            handles: zx_vaddr_t, num_handles: u32);
        channel_read(handle: zx_handle_t, options: u32, bytes: zx_vaddr_t, handles: zx_vaddr_t,
            num_bytes: u32, num_handles: u32, actual_bytes: zx_vaddr_t, actual_handles: zx_vaddr_t);
    }

    fn vmo_op_range(
        &self,
        handle: zx_handle_t,
        op: u32,
        offset: u64,
        size: u64,
        _buffer: zx_vaddr_t,
        _buffer_size: u64,
    ) -> zx_status_t {
        self.call(|kernel| kernel.vmo_op_range(handle, op, offset, size))
    }

    fn object_wait_one(
        &self,
        handle: zx_handle_t,
        signals: zx_signals_t,
        deadline: zx_time_t,
        observed: zx_vaddr_t,
    ) -> zx_status_t {
        self.wait_one(handle, signals, deadline, observed).err().unwrap_or(ZX_OK)
    }

    fn object_wait_many(&self, items: zx_vaddr_t, count: u64, deadline: zx_time_t) -> zx_status_t {
        self.wait_many(items, count, deadline).err().unwrap_or(ZX_OK)
    }
}

impl Shared {
    /// Lets a real pointer reach an address, if it is one of the machine's root
    /// region and user code may access it in this way.
    pub(crate) fn enter(&self, address: zx_vaddr_t, access: Access) -> bool {
        let mut kernel = self.lock();
        let entered = kernel.enter(address, access).is_ok();
        // Committing a page cannot end a wait, so nobody is to be woken.
        entered
    }
}
