//! A backend at the other end of a stream.
//!
//! A request and its answer take microseconds at best. So what the tester stores
//! in the arena is sent along with the next call, and what it will read back
//! afterwards, the places that the call's pointers name, comes with the answer.

use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use vmo_abi::{
    Backend, Environment, Fault, Loss, MAX_ARGUMENTS, Syscall, ZX_ERR_INTERNAL, zx_status_t,
    zx_time_t, zx_vaddr_t,
};

use super::client::{Client, Lost};
use super::door::Door;
use super::message::{Fields, Hello, Unfit, code};

/// From this length on bytes that are all the same are sent as one.
const FILL: usize = 16;
/// Bytes of an operation or a result besides the bytes it carries, at most.
const OVERHEAD: usize = 4 + 9 * (MAX_ARGUMENTS + 1);

/// A result that the next answer is to hold.
#[derive(Clone, Copy, Debug)]
enum Awaited {
    /// Of a store in the arena.
    Put(zx_vaddr_t),
    /// Of a load from the arena.
    Got { address: zx_vaddr_t, len: usize },
    /// Of a reset.
    Reset,
}

/// What is under way with an agent.
struct Session {
    client: Client,
    /// Bytes of a request or answer at most.
    largest: usize,
    /// Results of the operations in the request so far.
    awaited: Vec<Awaited>,
    /// Bytes that these results will have.
    answer_len: usize,
    /// What was stored in the arena since the last call.
    placed: Vec<(zx_vaddr_t, usize)>,
    /// What came of the arena with the last answer, and where in it.
    fetched: Vec<(zx_vaddr_t, Range<usize>)>,
    /// When the program that is under way has taken too long.
    deadline: Instant,
}

/// A backend behind a [`Door`].
pub(crate) struct Remote {
    environment: Environment,
    door: Arc<Door>,
    timeout: Duration,
    /// Gone when it is given back to the door.
    session: Mutex<Option<Session>>,
    lost: OnceLock<Lost>,
}

/// Why an agent cannot be used.
#[derive(Debug)]
pub(crate) enum Refusal {
    Lost(Lost),
    Unfit(Unfit),
}

impl From<Lost> for Refusal {
    fn from(lost: Lost) -> Self {
        Self::Lost(lost)
    }
}

fn nonsense(what: &str) -> Lost {
    Lost::protocol(format!("the answer to `{what}` is cut short or another one"))
}

fn refused(what: &str) -> Lost {
    Lost::protocol(format!("`{what}` was refused as malformed"))
}

/// The result of an operation, behind its code.
fn result_of<'m>(fields: &mut Fields<'m>, code: u8, what: &str) -> Result<(), Lost> {
    match fields.u8() {
        Some(found) if found == code | code::RESULT => Ok(()),
        Some(code::REFUSED) => Err(refused(what)),
        _ => Err(nonsense(what)),
    }
}

impl Session {
    /// Appends an operation, after sending what would make the request or its
    /// answer too long.
    fn append(
        &mut self,
        awaited: Awaited,
        carried: usize,
        write: impl FnOnce(&mut Vec<u8>),
    ) -> Result<(), Lost> {
        let answered = OVERHEAD + if let Awaited::Got { len, .. } = awaited { len } else { 0 };
        self.make_room(carried + OVERHEAD, answered)?;
        write(self.client.request());
        self.awaited.push(awaited);
        self.answer_len += answered;
        Ok(())
    }

    /// Sends what was gathered if so many more bytes of request and answer do not
    /// fit beside it.
    fn make_room(&mut self, request: usize, answer: usize) -> Result<(), Lost> {
        let is_full = self.client.request_len() + request + OVERHEAD > self.largest
            || self.answer_len + answer + OVERHEAD > self.largest;
        if is_full { self.flush() } else { Ok(()) }
    }

    /// Bytes that fit into one operation.
    fn piece(&self) -> usize {
        self.largest - 3 * OVERHEAD
    }

    fn put(&mut self, address: zx_vaddr_t, bytes: &[u8]) -> Result<(), Lost> {
        self.fetched.clear();
        self.placed.push((address, bytes.len()));
        if bytes.len() >= FILL && bytes.iter().all(|byte| *byte == bytes[0]) {
            return self.append(Awaited::Put(address), 0, |request| {
                request.push(code::FILL);
                request.extend_from_slice(&address.to_le_bytes());
                request.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
                request.push(bytes[0]);
            });
        }
        let mut at = address;
        for piece in bytes.chunks(self.piece()) {
            self.append(Awaited::Put(at), piece.len(), |request| {
                request.push(code::PUT);
                request.extend_from_slice(&at.to_le_bytes());
                request.extend_from_slice(&(piece.len() as u32).to_le_bytes());
                request.extend_from_slice(piece);
            })?;
            at += piece.len() as u64;
        }
        Ok(())
    }

    fn get(&mut self, address: zx_vaddr_t, len: usize) -> Result<(), Lost> {
        self.append(Awaited::Got { address, len }, 0, |request| {
            request.push(code::GET);
            request.extend_from_slice(&address.to_le_bytes());
            request.extend_from_slice(&(len as u32).to_le_bytes());
        })
    }

    /// Sends what was gathered.
    fn flush(&mut self) -> Result<(), Lost> {
        if self.awaited.is_empty() {
            return Ok(());
        }
        self.exchange("store", |_| Some(())).map(drop)
    }

    /// Sends the request, takes in what the operations gathered before came to,
    /// and reads the result of the last one. Ends with the place of what is left.
    fn exchange<T>(
        &mut self,
        what: &str,
        last: impl FnOnce(&mut Fields<'_>) -> Option<T>,
    ) -> Result<T, Lost> {
        self.exchange_with(what, 0, last)
    }

    /// As [`exchange`](Self::exchange), where the last `after` of the operations
    /// gathered stand behind the one whose result is read.
    fn exchange_with<T>(
        &mut self,
        what: &str,
        after: usize,
        last: impl FnOnce(&mut Fields<'_>) -> Option<T>,
    ) -> Result<T, Lost> {
        let place = self.client.exchange(self.deadline)?;
        let answer = self.client.answer(place.clone());
        let mut fields = Fields::new(answer);
        let start = place.start;
        self.fetched.clear();
        let before = self.awaited.len() - after;
        let mut take = |awaited: &Awaited, fields: &mut Fields<'_>| -> Result<(), Lost> {
            match *awaited {
                Awaited::Put(address) => put_result(fields, address),
                Awaited::Got { address, len } => {
                    got_result(fields, address)?;
                    let at = start + fields.position(answer);
                    fields.bytes(len).ok_or_else(|| nonsense("get"))?;
                    self.fetched.push((address, at..at + len));
                    Ok(())
                }
                Awaited::Reset => {
                    result_of(fields, code::RESET, "reset")?;
                    match fields.u8() {
                        Some(0) => Ok(()),
                        _ => Err(Lost::protocol("it cannot be reset, against what it says")),
                    }
                }
            }
        };
        for awaited in &self.awaited[..before] {
            take(awaited, &mut fields)?;
        }
        if fields.begins_with(code::REFUSED) {
            return Err(refused(what));
        }
        let result = last(&mut fields).ok_or_else(|| nonsense(what))?;
        for awaited in &self.awaited[before..] {
            take(awaited, &mut fields)?;
        }
        if !fields.is_at_end() {
            return Err(Lost::protocol(format!("the answer to `{what}` is too long")));
        }
        self.awaited.clear();
        self.answer_len = 0;
        Ok(result)
    }

    /// Says hello, after a reset if that is possible and anything was done.
    fn hello(&mut self, after_reset: bool) -> Result<Hello, Refusal> {
        self.client.clear_request();
        self.awaited.clear();
        self.answer_len = 0;
        self.placed.clear();
        self.fetched.clear();
        if after_reset {
            self.append(Awaited::Reset, 0, |request| request.push(code::RESET))?;
        }
        let request = self.client.request();
        request.push(code::HELLO);
        request.extend_from_slice(&super::VERSION.to_le_bytes());
        let mut unfit = None;
        let hello = self.exchange("hello", |fields| {
            if fields.u8()? != code::HELLO | code::RESULT {
                return None;
            }
            match Hello::read(fields) {
                Ok(hello) => Some(Some(hello)),
                Err(Unfit::Malformed) => None,
                Err(error) => {
                    // What another version says further is its own business.
                    fields.skip();
                    unfit = Some(error);
                    Some(None)
                }
            }
        })?;
        match (hello, unfit) {
            (Some(hello), _) => Ok(hello),
            (None, unfit) => Err(Refusal::Unfit(unfit.unwrap_or(Unfit::Malformed))),
        }
    }

    fn syscall(
        &mut self,
        syscall: Syscall,
        registers: &[u64; MAX_ARGUMENTS],
    ) -> Result<zx_status_t, Lost> {
        let arguments = syscall.arguments();
        // What lies where the pointers for results point to.
        let mut wanted = [(0, 0); MAX_ARGUMENTS];
        let mut count = 0;
        let mut len = 0;
        for (argument, register) in arguments.iter().zip(registers) {
            // With the bytes around it that are to stay as they are.
            let holds = |&&(address, len): &&(u64, usize)| {
                (address..address + len as u64).contains(register)
            };
            let placed = self.placed.iter().rev().find(holds);
            let Some(placed) = placed.filter(|_| argument.kind.is_output()) else { continue };
            wanted[count] = *placed;
            count += 1;
            len += placed.1 + OVERHEAD;
        }
        // What does not fit beside the call is asked for later.
        let wanted = if len + 4 * OVERHEAD > self.largest { &[] } else { &wanted[..count] };
        self.make_room(OVERHEAD * (wanted.len() + 3), if wanted.is_empty() { 0 } else { len })?;
        let request = self.client.request();
        request.extend_from_slice(&[code::CALL, syscall as u8, arguments.len() as u8]);
        for register in &registers[..arguments.len()] {
            request.push(0);
            request.extend_from_slice(&register.to_le_bytes());
        }
        for &(address, len) in wanted {
            self.get(address, len)?;
        }
        let after = wanted.len();
        self.placed.clear();
        self.exchange_with(syscall.name(), after, |fields| {
            (fields.u8()? == code::CALL | code::RESULT).then_some(())?;
            fields.i32()
        })
    }

    /// Loads from the arena.
    fn load_arena(&mut self, address: zx_vaddr_t, bytes: &mut [u8]) -> Result<(), Lost> {
        if let Some(place) = self.fetched_place(address, bytes.len()) {
            bytes.copy_from_slice(self.client.answer(place));
            return Ok(());
        }
        let mut at = address;
        let piece = self.piece();
        for bytes in bytes.chunks_mut(piece) {
            self.get(at, bytes.len())?;
            self.exchange("get", |_| Some(()))?;
            let place = self.fetched_place(at, bytes.len()).ok_or_else(|| nonsense("get"))?;
            bytes.copy_from_slice(self.client.answer(place));
            at += bytes.len() as u64;
        }
        Ok(())
    }

    fn fetched_place(&self, address: zx_vaddr_t, len: usize) -> Option<Range<usize>> {
        self.fetched.iter().find_map(|(base, place)| {
            let offset = usize::try_from(address.checked_sub(*base)?).ok()?;
            let end = offset.checked_add(len)?;
            (end <= place.len()).then(|| place.start + offset..place.start + end)
        })
    }

    /// Loads as user code would.
    fn load(&mut self, address: zx_vaddr_t, bytes: &mut [u8]) -> Result<Result<(), Fault>, Lost> {
        let mut at = address;
        for bytes in bytes.chunks_mut(self.piece()) {
            self.make_room(OVERHEAD, bytes.len() + OVERHEAD)?;
            let request = self.client.request();
            request.push(code::LOAD);
            request.push(0);
            request.extend_from_slice(&at.to_le_bytes());
            request.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
            let done = self.exchange("load", |fields| {
                (fields.u8()? == code::LOAD | code::RESULT).then_some(())?;
                match fields.u8()? {
                    0 => {
                        bytes.copy_from_slice(fields.bytes(bytes.len())?);
                        Some(Ok(()))
                    }
                    1 => Some(Err(Fault { address: fields.u64()? })),
                    _ => None,
                }
            })?;
            if done.is_err() {
                return Ok(done);
            }
            at = at.wrapping_add(bytes.len() as u64);
        }
        Ok(Ok(()))
    }

    /// Stores as user code would.
    fn store(&mut self, address: zx_vaddr_t, bytes: &[u8]) -> Result<Result<(), Fault>, Lost> {
        let mut at = address;
        for bytes in bytes.chunks(self.piece()) {
            self.make_room(bytes.len() + OVERHEAD, OVERHEAD)?;
            let request = self.client.request();
            request.push(code::STORE);
            request.push(0);
            request.extend_from_slice(&at.to_le_bytes());
            request.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
            request.extend_from_slice(bytes);
            let done = self.exchange("store", |fields| {
                (fields.u8()? == code::STORE | code::RESULT).then_some(())?;
                match fields.u8()? {
                    0 => Some(Ok(())),
                    1 => Some(Err(Fault { address: fields.u64()? })),
                    _ => None,
                }
            })?;
            if done.is_err() {
                return Ok(done);
            }
            at = at.wrapping_add(bytes.len() as u64);
        }
        Ok(Ok(()))
    }

    fn clock(&mut self) -> Result<zx_time_t, Lost> {
        self.make_room(OVERHEAD, OVERHEAD)?;
        self.client.request().push(code::CLOCK);
        self.exchange("clock", |fields| {
            (fields.u8()? == code::CLOCK | code::RESULT).then_some(())?;
            fields.u64()
        })
    }

    /// Tells the backend a number, and answers whether it can do that.
    fn control(&mut self, code: u8, number: u64) -> Result<bool, Lost> {
        self.make_room(OVERHEAD, OVERHEAD)?;
        let request = self.client.request();
        request.push(code);
        request.extend_from_slice(&number.to_le_bytes());
        self.exchange("memory control", |fields| {
            (fields.u8()? == code | code::RESULT).then_some(())?;
            Some(fields.u8()? == 0)
        })
    }
}

fn put_result(fields: &mut Fields<'_>, address: zx_vaddr_t) -> Result<(), Lost> {
    match fields.u8() {
        Some(found) if [code::PUT | code::RESULT, code::FILL | code::RESULT].contains(&found) => {}
        Some(code::REFUSED) => return Err(refused("put")),
        _ => return Err(nonsense("put")),
    }
    done_result(fields, address)
}

fn got_result(fields: &mut Fields<'_>, address: zx_vaddr_t) -> Result<(), Lost> {
    result_of(fields, code::GET, "get")?;
    done_result(fields, address)
}

fn done_result(fields: &mut Fields<'_>, address: zx_vaddr_t) -> Result<(), Lost> {
    match fields.u8() {
        Some(0) => Ok(()),
        Some(1) => Err(Lost::protocol(format!("the arena cannot be accessed at {address:#x}"))),
        _ => Err(nonsense("an access to the arena")),
    }
}

impl Remote {
    /// A backend behind an agent with which nothing is under way.
    pub(crate) fn new(
        door: Arc<Door>,
        client: Client,
        after_reset: bool,
        timeout: Duration,
        start_deadline: Instant,
    ) -> Result<(Self, Hello), Refusal> {
        let mut session = Session {
            client,
            largest: super::LARGEST_PAYLOAD,
            awaited: Vec::new(),
            answer_len: 0,
            placed: Vec::new(),
            fetched: Vec::new(),
            deadline: start_deadline,
        };
        let hello = session.hello(after_reset)?;
        let environment = hello.environment().map_err(Refusal::Unfit)?;
        session.largest = (hello.largest_payload as usize).min(super::LARGEST_PAYLOAD);
        session.deadline = Instant::now() + timeout;
        let session = Mutex::new(Some(session));
        Ok((Self { environment, door, timeout, session, lost: OnceLock::new() }, hello))
    }

    /// A backend that was lost before anything could be done with it.
    pub(crate) fn lost(door: Arc<Door>, environment: Environment, lost: Lost) -> Self {
        let timeout = Duration::ZERO;
        Self { environment, door, timeout, session: Mutex::default(), lost: lost.into() }
    }

    fn session(&self) -> MutexGuard<'_, Option<Session>> {
        self.session.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does something with the agent, unless it is lost; `None` if it is, or is
    /// lost by that.
    fn with<T>(&self, work: impl FnOnce(&mut Session) -> Result<T, Lost>) -> Option<T> {
        let mut session = self.session();
        match work(session.as_mut()?) {
            Ok(result) => Some(result),
            Err(lost) => {
                // Its process ends with it.
                *session = None;
                self.lost.get_or_init(|| lost);
                None
            }
        }
    }
}

impl Drop for Remote {
    fn drop(&mut self) {
        if let Some(session) = self.session().take() {
            self.door.give_back(session.client);
        }
    }
}

macro_rules! calls {
    ($($(#[$doc:meta])* $name:ident($($argument:ident: $register:ident = $kind:expr),*)
        $capability:ident $clauses:literal;)*) => {
        $(fn $name(&self, $($argument: $register),*) -> zx_status_t {
            let mut registers = [0; MAX_ARGUMENTS];
            for (register, value) in registers.iter_mut().zip([$(u64::from($argument)),*]) {
                *register = value;
            }
            self.syscall(Syscall::$name, &registers)
        })*
    };
}

impl Backend for Remote {
    fn environment(&self) -> Environment {
        self.environment
    }

    fn load(&self, address: zx_vaddr_t, bytes: &mut [u8]) -> Result<(), Fault> {
        if self.environment.arena.contains(address, bytes.len() as u64) {
            let loaded = self.with(|session| session.load_arena(address, bytes));
            return loaded.ok_or(Fault { address });
        }
        self.with(|session| session.load(address, bytes)).unwrap_or(Err(Fault { address }))
    }

    fn store(&self, address: zx_vaddr_t, bytes: &[u8]) -> Result<(), Fault> {
        if self.environment.arena.contains(address, bytes.len() as u64) {
            return self.with(|session| session.put(address, bytes)).ok_or(Fault { address });
        }
        self.with(|session| session.store(address, bytes)).unwrap_or(Err(Fault { address }))
    }

    fn monotonic_now(&self) -> zx_time_t {
        self.with(Session::clock).unwrap_or(2)
    }

    fn lost(&self) -> Option<Loss<'_>> {
        self.lost.get().map(Lost::as_loss)
    }

    fn begin(&self) {
        if let Some(session) = self.session().as_mut() {
            session.deadline = Instant::now() + self.timeout;
        }
    }

    fn set_memory_limit(&self, pages: Option<u64>) -> bool {
        let pages = pages.unwrap_or(u64::MAX);
        self.with(|session| session.control(code::LIMIT_MEMORY, pages)).unwrap_or(false)
    }

    fn fail_allocation(&self, nth: Option<u64>) -> bool {
        let nth = nth.unwrap_or(0);
        self.with(|session| session.control(code::FAIL_ALLOCATION, nth)).unwrap_or(false)
    }

    fn syscall(&self, syscall: Syscall, registers: &[u64; MAX_ARGUMENTS]) -> zx_status_t {
        self.with(|session| session.syscall(syscall, registers)).unwrap_or(ZX_ERR_INTERNAL)
    }

    vmo_abi::for_each_syscall!(calls);
}
