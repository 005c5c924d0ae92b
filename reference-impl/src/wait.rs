//! Signals and waits.

use slab::Slab;
use vmo_abi::{
    ZX_CHANNEL_PEER_CLOSED, ZX_CHANNEL_WRITABLE, ZX_SIGNAL_HANDLE_CLOSED, zx_handle_t, zx_signals_t,
};

use crate::kernel::Kernel;
use crate::object::{Kind, ObjectId};

/// One wait of one thread on one handle.
#[derive(Debug)]
struct Observer {
    handle: zx_handle_t,
    object: ObjectId,
    wanted: zx_signals_t,
    /// Every signal seen since the wait began (OBJ-WAIT-05, OBJ-WAIT-08).
    seen: zx_signals_t,
    /// Whether the wait is over: a wanted signal was seen or the handle closed.
    is_over: bool,
}

/// Names a wait in progress.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ObserverId(usize);

/// The waits in progress.
#[derive(Debug, Default)]
pub(crate) struct Observers {
    slab: Slab<Observer>,
    /// Set when a wait came to its end since the last
    /// [`take_woken`](Self::take_woken).
    woken: bool,
}

impl Observers {
    /// Begins to watch an object through a handle.
    pub(crate) fn begin(
        &mut self,
        handle: zx_handle_t,
        object: ObjectId,
        wanted: zx_signals_t,
        now: zx_signals_t,
    ) -> ObserverId {
        let is_over = now & wanted != 0;
        ObserverId(self.slab.insert(Observer { handle, object, wanted, seen: now, is_over }))
    }

    pub(crate) fn is_over(&self, id: ObserverId) -> bool {
        self.slab[id.0].is_over
    }

    /// Ends a wait and answers with the signals seen.
    pub(crate) fn end(&mut self, id: ObserverId) -> zx_signals_t {
        self.slab.remove(id.0).seen
    }

    /// Ends the waits through a handle that is being closed (HANDLE-CLOSE-07).
    pub(crate) fn cancel(&mut self, handle: zx_handle_t) {
        for (_, observer) in &mut self.slab {
            if observer.handle == handle {
                observer.seen |= ZX_SIGNAL_HANDLE_CLOSED;
                observer.is_over = true;
                self.woken = true;
            }
        }
    }

    fn notice(&mut self, object: ObjectId, signals: zx_signals_t) {
        for (_, observer) in &mut self.slab {
            // A closed handle's object may be another one by now.
            if observer.object == object && observer.seen & ZX_SIGNAL_HANDLE_CLOSED == 0 {
                observer.seen |= signals;
                if signals & observer.wanted != 0 {
                    observer.is_over = true;
                    self.woken = true;
                }
            }
        }
    }

    /// Whether waiting threads have to be woken.
    pub(crate) fn take_woken(&mut self) -> bool {
        std::mem::take(&mut self.woken)
    }
}

impl Kernel {
    /// Changes an object's signals in one step (OBJ-SIGNAL-13).
    pub(crate) fn change_signals(&mut self, id: ObjectId, clear: zx_signals_t, set: zx_signals_t) {
        let object = self.objects.get_mut(id);
        object.signals = object.signals & !clear | set;
        let signals = object.signals;
        self.observers.notice(id, signals);
    }

    /// Tells an end of a channel that the other is gone.
    pub(crate) fn close_peer(&mut self, id: ObjectId) {
        if let Kind::Channel { peer, .. } = &mut self.objects.get_mut(id).kind {
            *peer = None;
        }
        self.change_signals(id, ZX_CHANNEL_WRITABLE, ZX_CHANNEL_PEER_CLOSED);
    }
}
