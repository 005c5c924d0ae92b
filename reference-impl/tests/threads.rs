//! Calls from several threads at once: waits, and one great stir.

mod common;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};

use common::{Machine, PAGE, READ_WRITE};
use vmo_abi::{
    Backend, ZX_ERR_CANCELED, ZX_ERR_TIMED_OUT, ZX_OK, ZX_RIGHT_SAME_RIGHTS,
    ZX_SIGNAL_HANDLE_CLOSED, ZX_TIME_INFINITE, ZX_USER_SIGNAL_0, ZX_USER_SIGNAL_1,
    ZX_USER_SIGNAL_7, ZX_VMO_ZERO_CHILDREN, zx_handle_t, zx_signals_t, zx_status_t, zx_wait_item_t,
};
use vmo_reference::fault_handler;

#[path = "threads/stir.rs"]
mod stir;

use stir::{Stir, Weather};

/// Long enough for anything that is not stuck.
const PATIENCE: Duration = Duration::from_secs(20);

/// Long enough for a thread that was just started to be waiting.
const A_WHILE: Duration = Duration::from_millis(30);

/// Does something in another thread; the answer comes through the channel.
fn in_thread<T: Send + 'static>(act: impl FnOnce() -> T + Send + 'static) -> Receiver<T> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || sender.send(act()));
    receiver
}

/// The answer of a thread that must come to an end.
#[track_caller]
fn answer_of<T>(receiver: &Receiver<T>) -> T {
    receiver.recv_timeout(PATIENCE).expect("the thread comes to an end")
}

/// Begins a wait in a thread of its own, and lets it get there.
fn wait_in_thread(
    machine: &Machine,
    number: u64,
    handle: zx_handle_t,
    signals: zx_signals_t,
) -> Receiver<(zx_status_t, zx_signals_t)> {
    let thread = machine.for_thread(number);
    let receiver = in_thread(move || thread.wait(handle, signals, ZX_TIME_INFINITE));
    thread::sleep(A_WHILE);
    receiver
}

fn item(handle: zx_handle_t, waitfor: zx_signals_t) -> zx_wait_item_t {
    zx_wait_item_t { handle, waitfor, pending: 0 }
}

#[test]
fn a_signal_wakes_the_threads_that_wait_for_it() {
    let machine = Machine::new();
    let vmo = machine.create(PAGE).unwrap();
    let duplicate = machine.duplicate(vmo).unwrap();
    let first = wait_in_thread(&machine, 0, vmo, ZX_USER_SIGNAL_0);
    let second = wait_in_thread(&machine, 1, duplicate, ZX_USER_SIGNAL_0 | ZX_USER_SIGNAL_1);
    let third = wait_in_thread(&machine, 2, vmo, ZX_USER_SIGNAL_7);
    machine.signal(duplicate, 0, ZX_USER_SIGNAL_0).unwrap();
    let expected = (ZX_OK, ZX_VMO_ZERO_CHILDREN | ZX_USER_SIGNAL_0);
    assert_eq!(answer_of(&first), expected);
    assert_eq!(answer_of(&second), expected);
    assert!(third.recv_timeout(A_WHILE).is_err(), "it waits for another signal");
    // What was seen for a part of the wait stays observed (OBJ-WAIT-08).
    machine.signal(vmo, ZX_USER_SIGNAL_0, ZX_USER_SIGNAL_1).unwrap();
    machine.signal(vmo, ZX_USER_SIGNAL_1, 0).unwrap();
    machine.signal(vmo, 0, ZX_USER_SIGNAL_7).unwrap();
    let seen = ZX_USER_SIGNAL_0 | ZX_USER_SIGNAL_1 | ZX_USER_SIGNAL_7 | ZX_VMO_ZERO_CHILDREN;
    assert_eq!(answer_of(&third), (ZX_OK, seen));
}

#[test]
fn a_signal_too_short_to_be_met_still_wakes() {
    let machine = Machine::new();
    let vmo = machine.create(PAGE).unwrap();
    let waiter = wait_in_thread(&machine, 0, vmo, ZX_USER_SIGNAL_0);
    machine.signal(vmo, 0, ZX_USER_SIGNAL_0).unwrap();
    machine.signal(vmo, ZX_USER_SIGNAL_0, 0).unwrap();
    assert_eq!(answer_of(&waiter), (ZX_OK, ZX_VMO_ZERO_CHILDREN | ZX_USER_SIGNAL_0));
}

#[test]
fn the_end_of_the_last_clone_wakes() {
    let machine = Machine::new();
    let vmo = machine.create(PAGE).unwrap();
    let clone = machine.clone_of(vmo, 0, PAGE).unwrap();
    let grandchild = machine.clone_of(clone, 0, PAGE).unwrap();
    let mapped = machine.map(grandchild, 0, PAGE, READ_WRITE).unwrap();
    let waiter = wait_in_thread(&machine, 0, vmo, ZX_VMO_ZERO_CHILDREN);
    machine.close_many(&[clone, grandchild]).unwrap();
    assert!(waiter.recv_timeout(A_WHILE).is_err(), "the mapping holds the family");
    machine.unmap(mapped, PAGE).unwrap();
    assert_eq!(answer_of(&waiter), (ZX_OK, ZX_VMO_ZERO_CHILDREN));
}

#[test]
fn closing_a_handle_cancels_the_waits_through_it_and_no_others() {
    let machine = Machine::new();
    let vmo = machine.create(PAGE).unwrap();
    let duplicate = machine.duplicate(vmo).unwrap();
    let through_closed = wait_in_thread(&machine, 0, duplicate, ZX_USER_SIGNAL_0);
    // Bit 0 of a value says nothing (HV-06), also for a wait.
    let through_even = wait_in_thread(&machine, 1, duplicate & !1, ZX_USER_SIGNAL_0);
    let through_other = wait_in_thread(&machine, 2, vmo, ZX_USER_SIGNAL_0);
    machine.close(duplicate).unwrap();
    let canceled = (ZX_ERR_CANCELED, ZX_SIGNAL_HANDLE_CLOSED | ZX_VMO_ZERO_CHILDREN);
    assert_eq!(answer_of(&through_closed), canceled);
    assert_eq!(answer_of(&through_even), canceled);
    assert!(through_other.recv_timeout(A_WHILE).is_err());
    machine.signal(vmo, 0, ZX_USER_SIGNAL_0).unwrap();
    assert_eq!(answer_of(&through_other), (ZX_OK, ZX_VMO_ZERO_CHILDREN | ZX_USER_SIGNAL_0));
}

#[test]
fn replacing_a_handle_cancels_the_wait_through_the_old_one() {
    let machine = Machine::new();
    let vmo = machine.create(PAGE).unwrap();
    let waiter = wait_in_thread(&machine, 0, vmo, ZX_USER_SIGNAL_0);
    let new = machine.replace(vmo, ZX_RIGHT_SAME_RIGHTS).unwrap();
    let (status, observed) = answer_of(&waiter);
    assert_eq!(status, ZX_ERR_CANCELED, "HANDLE-REPLACE-13");
    assert_eq!(observed, ZX_SIGNAL_HANDLE_CLOSED | ZX_VMO_ZERO_CHILDREN);
    assert_eq!(machine.signals(new), ZX_VMO_ZERO_CHILDREN);
}

/// The object may be gone and its place taken by another before the thread that
/// waited gets to see the end of its wait.
#[test]
fn a_canceled_wait_observes_nothing_of_an_object_made_later() {
    let machine = Machine::new();
    let mut foreign = 0;
    for _ in 0..20 {
        let vmo = machine.create(PAGE).unwrap();
        let waiter = wait_in_thread(&machine, 0, vmo, ZX_USER_SIGNAL_0);
        machine.close(vmo).unwrap();
        let other = machine.create(PAGE).unwrap();
        machine.signal(other, 0, ZX_USER_SIGNAL_7).unwrap();
        let (status, observed) = answer_of(&waiter);
        assert_eq!(status, ZX_ERR_CANCELED);
        foreign |= observed & ZX_USER_SIGNAL_7;
        machine.close(other).unwrap();
    }
    assert_eq!(foreign, 0);
}

#[test]
fn a_wait_times_out_close_to_its_deadline() {
    let machine = Machine::new();
    let vmo = machine.create(PAGE).unwrap();
    for wait in [0, 1, 10, 50].map(Duration::from_millis) {
        // A busy host may be late, but not every time.
        let in_time = (0..10).any(|_| {
            let deadline = machine.reference.monotonic_now() + wait.as_nanos() as u64;
            let (status, observed) = machine.wait(vmo, ZX_USER_SIGNAL_0, deadline);
            let now = machine.reference.monotonic_now();
            assert_eq!((status, observed), (ZX_ERR_TIMED_OUT, ZX_VMO_ZERO_CHILDREN));
            assert!(now >= deadline, "never early");
            now - deadline < 20_000_000
        });
        assert!(in_time, "always more than 20 ms late for {wait:?}");
    }
    for past in [0, 1, machine.reference.monotonic_now()] {
        assert_eq!(machine.wait(vmo, 0, past).0, ZX_ERR_TIMED_OUT);
        assert_eq!(machine.wait(vmo, ZX_VMO_ZERO_CHILDREN, past).0, ZX_OK, "OBJ-WAIT-02");
    }
}

#[test]
fn a_signal_before_the_deadline_beats_it() {
    let machine = Machine::new();
    let vmo = machine.create(PAGE).unwrap();
    let thread = machine.for_thread(0);
    let deadline = machine.reference.monotonic_now() + PATIENCE.as_nanos() as u64;
    let waiter = in_thread(move || thread.wait(vmo, ZX_USER_SIGNAL_0, deadline).0);
    thread::sleep(A_WHILE);
    machine.signal(vmo, 0, ZX_USER_SIGNAL_0).unwrap();
    assert_eq!(answer_of(&waiter), ZX_OK);
    assert!(machine.reference.monotonic_now() < deadline);
}

#[test]
fn waiting_for_many_ends_with_the_first() {
    let machine = Machine::new();
    let vmos: Vec<_> = (0..16).map(|_| machine.create(PAGE).unwrap()).collect();
    let (thread, handles) = (machine.for_thread(0), vmos.clone());
    let waiter = in_thread(move || {
        let mut items: Vec<_> =
            handles.iter().map(|handle| item(*handle, ZX_USER_SIGNAL_0)).collect();
        (thread.wait_many(&mut items, ZX_TIME_INFINITE), items)
    });
    thread::sleep(A_WHILE);
    machine.signal(vmos[3], 0, ZX_USER_SIGNAL_1).unwrap();
    machine.signal(vmos[11], 0, ZX_USER_SIGNAL_0).unwrap();
    let (status, items) = answer_of(&waiter);
    assert_eq!(status, ZX_OK);
    for (index, item) in items.iter().enumerate() {
        let expected = match index {
            3 => ZX_USER_SIGNAL_1,
            11 => ZX_USER_SIGNAL_0,
            _ => 0,
        };
        assert_eq!(item.pending, expected | ZX_VMO_ZERO_CHILDREN, "item {index}");
    }
}

#[test]
fn waiting_for_many_is_canceled_and_times_out() {
    let machine = Machine::new();
    let vmos = [(); 3].map(|()| machine.create(PAGE).unwrap());
    let thread = machine.for_thread(0);
    let waiter = in_thread(move || {
        let mut items = vmos.map(|handle| item(handle, ZX_USER_SIGNAL_0));
        let status = thread.wait_many(&mut items, ZX_TIME_INFINITE);
        (status, items.map(|item| item.pending & ZX_SIGNAL_HANDLE_CLOSED != 0))
    });
    thread::sleep(A_WHILE);
    machine.close(vmos[1]).unwrap();
    assert_eq!(answer_of(&waiter), (ZX_ERR_CANCELED, [false, true, false]));

    let mut items = [item(vmos[0], ZX_USER_SIGNAL_0), item(vmos[2], 0)];
    let deadline = machine.reference.monotonic_now() + 10_000_000;
    assert_eq!(machine.wait_many(&mut items, deadline), ZX_ERR_TIMED_OUT);
    assert_eq!(items.map(|item| item.pending), [ZX_VMO_ZERO_CHILDREN; 2]);
    let deadline = machine.reference.monotonic_now() + 10_000_000;
    assert_eq!(machine.wait_many(&mut [], deadline), ZX_ERR_TIMED_OUT, "OBJ-WAIT-19");
    assert!(machine.reference.monotonic_now() >= deadline);
}

#[test]
fn reads_never_see_half_of_a_write() {
    const LEN: u64 = 3 * PAGE;
    let machine = Machine::new();
    let vmo = machine.create(LEN).unwrap();
    let clone = machine.clone_of(vmo, 0, LEN).unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let mut threads = Vec::new();
    for number in 0..4 {
        let (thread, stop) = (machine.for_thread(number), stop.clone());
        threads.push(in_thread(move || {
            let mut rounds = 0_u64;
            while !stop.load(Ordering::Relaxed) {
                rounds += 1;
                if number < 2 {
                    let fill = (2 * rounds + number) as u8;
                    thread.write(vmo, 0, &[fill; LEN as usize]).unwrap();
                } else {
                    let bytes = thread.read(if number == 2 { vmo } else { clone }, 0, LEN).unwrap();
                    assert!(bytes.iter().all(|byte| *byte == bytes[0]), "THREAD-03");
                }
            }
            rounds
        }));
    }
    thread::sleep(Duration::from_millis(300));
    stop.store(true, Ordering::Relaxed);
    for thread in threads {
        assert!(answer_of(&thread) > 0);
    }
}

#[test]
fn sizes_and_names_are_seen_whole() {
    let machine = Machine::new();
    let vmo = machine.create(PAGE).unwrap();
    machine.set_name(vmo, &"a".repeat(31)).unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let (thread, stopped) = (machine.for_thread(0), stop.clone());
    let changer = in_thread(move || {
        while !stopped.load(Ordering::Relaxed) {
            thread.set_size(vmo, 1 << 40).unwrap();
            thread.set_name(vmo, &"b".repeat(31)).unwrap();
            thread.set_size(vmo, PAGE).unwrap();
            thread.set_name(vmo, &"a".repeat(31)).unwrap();
        }
    });
    let end = Instant::now() + Duration::from_millis(200);
    while Instant::now() < end {
        assert!([PAGE, 1 << 40].contains(&machine.size(vmo).unwrap()), "THREAD-05");
        let name = machine.name(vmo).unwrap();
        assert!(name[..31].iter().all(|byte| *byte == name[0]), "THREAD-06");
    }
    stop.store(true, Ordering::Relaxed);
    answer_of(&changer);
}

#[test]
fn koids_are_unique_across_threads() {
    let machine = Machine::new();
    let start = Arc::new(Barrier::new(4));
    let threads: Vec<_> = (0..4)
        .map(|number| {
            let (thread, start) = (machine.for_thread(number), start.clone());
            in_thread(move || {
                start.wait();
                let made = (0..2_000).map(|_| {
                    let vmo = thread.create(0).unwrap();
                    let koid = thread.basic(vmo).unwrap().koid;
                    thread.close(vmo).unwrap();
                    koid
                });
                made.collect::<Vec<_>>()
            })
        })
        .collect();
    let mut koids: Vec<_> = threads.iter().flat_map(answer_of).collect();
    koids.sort_unstable();
    assert!(koids.windows(2).all(|pair| pair[0] < pair[1]), "THREAD-10");
}

fn stir_for_a_while(weather: Weather) {
    let seconds = std::env::var("VMO_STRESS_SECONDS")
        .map_or(2, |seconds| seconds.parse().expect("VMO_STRESS_SECONDS is a number"));
    let machine = Machine::new();
    let before = machine.census();
    let stir = Arc::new(Stir::new(&machine, weather));
    let end = Instant::now() + Duration::from_secs(seconds);
    let threads: Vec<_> = (0..stir::THREADS)
        .map(|number| {
            let (stir, machine) = (stir.clone(), machine.for_thread(number));
            in_thread(move || stir.run(&machine, number, end))
        })
        .collect();
    let mut steps = 0;
    for thread in &threads {
        // A thread that is stuck is a deadlock.
        let patience = end.saturating_duration_since(Instant::now()) + PATIENCE;
        match thread.recv_timeout(patience) {
            Ok(done) => steps += done,
            Err(reason) => panic!("a thread is stuck or has failed: {reason}\n{stir}"),
        }
    }
    stir.tidy_up(&machine);
    assert_eq!(machine.census(), before, "{stir}");
    println!("{steps} steps in {seconds} s\n{stir}");
    // The machine is as good as new.
    let vmo = machine.create(PAGE).unwrap();
    machine.write(vmo, 0, b"still works").unwrap();
    assert_eq!(machine.read(vmo, 0, 11).unwrap(), b"still works");
}

#[test]
fn a_great_stir_with_real_pointers_loses_nothing() {
    fault_handler::install().expect("the host takes a handler");
    stir_for_a_while(Weather::Calm);
}

#[test]
fn a_great_stir_in_scarce_memory_loses_nothing() {
    stir_for_a_while(Weather::Stormy);
}
