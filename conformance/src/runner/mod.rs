//! Runs programs against a backend.
//!
//! The runner knows nothing of the contract but how calls are declared: it
//! lays arguments out in the backend's arena, does the calls, and collects what
//! they stored. Whether that is right is for others to say.

mod cleanup;
mod error;
mod facts;
mod outcome;
mod scratch;

use vmo_abi::{
    ArgumentKind, Backend, Capability, Environment, MAX_ARGUMENTS, Record, Syscall,
    ZX_INFO_HANDLE_BASIC, ZX_OK, ZX_VM_FLAG_CAN_MAP_EXECUTE, ZX_VM_FLAG_CAN_MAP_READ,
    ZX_VM_FLAG_CAN_MAP_SPECIFIC, ZX_VM_FLAG_CAN_MAP_WRITE, zx_handle_t, zx_koid_t, zx_vaddr_t,
    zx_wait_item_t,
};

use crate::program::{Action, Address, Call, Handle, Name, Program, StepResult, Value};

use cleanup::Leftovers;
pub use error::{RunError, Status};
pub use facts::Facts;
pub use outcome::Outcome;
use scratch::Scratch;

/// Bytes of the region that each program gets.
pub const REGION_BYTES: u64 = 0x1_0000_0000;
const REGION_FLAGS: u32 = ZX_VM_FLAG_CAN_MAP_READ
    | ZX_VM_FLAG_CAN_MAP_WRITE
    | ZX_VM_FLAG_CAN_MAP_EXECUTE
    | ZX_VM_FLAG_CAN_MAP_SPECIFIC;
/// A value whose bit 31 is set, which no handle has (HV-07).
const NEVER: zx_handle_t = 0xffff_ffff;

/// What a name of the running program stands for.
#[derive(Clone, Copy, Debug, Default)]
struct Binding {
    handle: zx_handle_t,
    address: zx_vaddr_t,
}

/// Runs programs one after the other against one backend.
///
/// After each program everything it left behind is closed and unmapped, so that
/// the next one starts afresh.
pub struct Runner<'b> {
    backend: &'b dyn Backend,
    environment: Environment,
    scratch: Scratch,
    /// For each argument of each call the position of the one with its length.
    lengths: Vec<[Option<u8>; MAX_ARGUMENTS]>,
    bindings: Vec<Binding>,
    /// The program's region, allocated when it is first used.
    region: Option<Binding>,
    koids: Vec<(Handle, zx_koid_t)>,
    last_koid: Option<(Handle, zx_koid_t)>,
    leftovers: Leftovers,
    /// The registers and the buffer's contents of the last call.
    registers: [u64; MAX_ARGUMENTS],
    input: Vec<u8>,
    outcome: Outcome,
}

impl<'b> Runner<'b> {
    /// Makes a runner for a backend.
    ///
    /// # Errors
    ///
    /// The arena is too small.
    pub fn new(backend: &'b dyn Backend) -> Result<Self, RunError> {
        let environment = backend.environment();
        Ok(Self {
            backend,
            environment,
            scratch: Scratch::new(environment.arena)?,
            lengths: Syscall::ALL.iter().map(|syscall| lengths_of(*syscall)).collect(),
            bindings: Vec::new(),
            region: None,
            koids: Vec::new(),
            last_koid: None,
            leftovers: Leftovers::default(),
            registers: [0; MAX_ARGUMENTS],
            input: Vec::new(),
            outcome: Outcome::default(),
        })
    }

    /// Whether the backend offers what the program needs.
    ///
    /// # Errors
    ///
    /// The first capability that is missing.
    pub fn check_capabilities(&self, program: &Program) -> Result<(), RunError> {
        let offered = self.environment.capabilities;
        match program.needs().iter().find(|needed| !offered.contains(*needed)) {
            Some(missing) => Err(RunError::Unsupported(missing)),
            None => Ok(()),
        }
    }

    /// Runs a program, handing each outcome to `judge` with the step's index
    /// until that answers `false`.
    ///
    /// # Errors
    ///
    /// The program cannot be run on this backend; steps before the one that
    /// cannot have been judged.
    pub fn run(
        &mut self,
        program: &Program,
        mut judge: impl FnMut(usize, &Outcome, &Facts<'_>) -> bool,
    ) -> Result<(), RunError> {
        self.check_capabilities(program)?;
        self.begin();
        let mut outcome = std::mem::take(&mut self.outcome);
        let mut result = Ok(());
        for (index, step) in program.steps.iter().enumerate() {
            result = self.step(&step.action, &mut outcome);
            if result.is_err() || !judge(index, &outcome, &Facts { runner: self }) {
                break;
            }
        }
        self.outcome = outcome;
        self.finish();
        result
    }

    /// Begins a program whose steps are given one by one to
    /// [`step`](Self::step).
    pub fn begin(&mut self) {
        self.backend.begin();
        self.bindings.clear();
        self.koids.clear();
        self.last_koid = None;
    }

    /// Does one step of the program that was begun.
    ///
    /// # Errors
    ///
    /// The step cannot be done on this backend.
    pub fn step(&mut self, action: &Action, outcome: &mut Outcome) -> Result<(), RunError> {
        outcome.clear();
        self.input.clear();
        // A koid counts as asked for only by the steps after.
        self.koids.extend(self.last_koid.take());
        let done = self.do_step(action, outcome);
        self.check_alive()?;
        done?;
        if let (Some(handle), Some(record)) = (basic_info_of(action), outcome.basic_info()) {
            self.last_koid = Some((handle, record.koid));
        }
        Ok(())
    }

    /// Allocates the program's own region now, if nothing used it yet.
    ///
    /// # Errors
    ///
    /// It could not be allocated.
    pub fn use_region(&mut self) -> Result<(), RunError> {
        self.region().map(drop)
    }

    /// Whether the backend is still there.
    ///
    /// # Errors
    ///
    /// It was lost.
    pub fn check_alive(&self) -> Result<(), RunError> {
        match self.backend.lost() {
            None => Ok(()),
            Some(loss) => Err(loss.into()),
        }
    }

    /// Ends the program, taking away what it left behind.
    pub fn finish(&mut self) {
        self.leftovers.clean_up(self.backend, &self.environment, self.region.take());
    }

    /// What a judge may ask about the step that was just done.
    #[must_use]
    pub fn facts(&self) -> Facts<'_> {
        Facts { runner: self }
    }

    /// What the backend offers.
    #[must_use]
    pub fn environment(&self) -> &Environment {
        &self.environment
    }

    fn binding(&self, name: Name) -> Binding {
        self.bindings.get(name.index()).copied().unwrap_or_default()
    }

    fn binding_mut(&mut self, name: Name) -> &mut Binding {
        if self.bindings.len() <= name.index() {
            self.bindings.resize(name.index() + 1, Binding::default());
        }
        &mut self.bindings[name.index()]
    }

    fn do_step(&mut self, action: &Action, outcome: &mut Outcome) -> Result<(), RunError> {
        match action {
            Action::Call(call) => return self.call(call, outcome),
            Action::Load { address, len } => {
                let address = self.address(*address)?;
                let len = usize::try_from(*len).unwrap_or(usize::MAX).min(self.scratch.room());
                let bytes = outcome.bytes.insert(std::mem::take(&mut outcome.spare));
                bytes.resize(len, 0);
                if self.backend.load(address, bytes).is_err() {
                    outcome.result = StepResult::Fault;
                }
            }
            Action::Store { address, data } => {
                let address = self.address(*address)?;
                self.scratch.check_room(data.len())?;
                if self.backend.store(address, &data.to_bytes()).is_err() {
                    outcome.result = StepResult::Fault;
                }
            }
            Action::LimitMemory(pages) => {
                self.leftovers.memory_control = true;
                if !self.backend.set_memory_limit(*pages) {
                    return Err(RunError::Unsupported(Capability::MemoryControl));
                }
            }
            Action::FailAllocation(nth) => {
                self.leftovers.memory_control = true;
                if !self.backend.fail_allocation(*nth) {
                    return Err(RunError::Unsupported(Capability::MemoryControl));
                }
            }
        }
        Ok(())
    }

    fn call(&mut self, call: &Call, outcome: &mut Outcome) -> Result<(), RunError> {
        let declared = call.syscall.arguments();
        let mut registers = [0; MAX_ARGUMENTS];
        // Numbers first: how long a buffer is decides how it is prepared.
        for (register, value) in registers.iter_mut().zip(&call.arguments) {
            match value {
                Value::Number(number) => *register = *number,
                Value::FromNow(duration) => {
                    *register = self.backend.monotonic_now().saturating_add(*duration);
                }
                Value::Handle(handle) => *register = u64::from(self.handle(*handle)?),
                Value::Address(address) => *register = self.address(*address)?,
                Value::Scratch | Value::Data(_) | Value::Handles(_) | Value::WaitItems(_) => {}
            }
        }
        for (index, (argument, value)) in declared.iter().zip(&call.arguments).enumerate() {
            let len = self.length(call.syscall, index, &registers);
            registers[index] = match value {
                Value::Scratch => self.scratch.prepare(self.backend, index, argument.kind, len)?,
                Value::Data(_) | Value::Handles(_) | Value::WaitItems(_) => {
                    let before = self.input.len();
                    self.fill_input(value)?;
                    let bytes = &self.input[before..];
                    if before == 0 {
                        self.scratch.place(self.backend, bytes)?
                    } else {
                        self.scratch.place_handles(self.backend, bytes)?
                    }
                }
                _ => continue,
            };
        }
        self.registers = registers;
        let status = self.backend.syscall(call.syscall, &registers);
        outcome.result = StepResult::Status(status);
        self.collect(call, &registers, outcome)?;
        self.bind(call, outcome);
        self.leftovers.note(call, &registers, outcome, &self.environment);
        Ok(())
    }

    /// The length of what an argument points to, 0 if it has none.
    fn length(&self, syscall: Syscall, index: usize, registers: &[u64; MAX_ARGUMENTS]) -> u64 {
        let position = self.lengths[syscall as usize][index];
        position.map_or(0, |position| registers[usize::from(position)])
    }

    /// The bytes that an argument puts into the buffer.
    fn fill_input(&mut self, value: &Value) -> Result<(), RunError> {
        let mut input = std::mem::take(&mut self.input);
        match value {
            Value::Data(data) => {
                self.scratch.check_room(data.len())?;
                data.write_to(&mut input);
            }
            Value::Handles(handles) => {
                for handle in handles {
                    input.extend_from_slice(&self.handle(*handle)?.to_le_bytes());
                }
            }
            Value::WaitItems(items) => {
                for (handle, waitfor) in items {
                    let handle = self.handle(*handle)?;
                    let item = zx_wait_item_t { handle, waitfor: *waitfor, pending: 0 };
                    input.extend_from_slice(&item.to_bytes());
                }
            }
            _ => {}
        }
        self.input = input;
        Ok(())
    }

    /// Reads back what the call stored in scratch memory.
    fn collect(
        &mut self,
        call: &Call,
        registers: &[u64; MAX_ARGUMENTS],
        outcome: &mut Outcome,
    ) -> Result<(), RunError> {
        for (index, argument) in call.syscall.arguments().iter().enumerate() {
            if !argument.kind.is_output() {
                continue;
            }
            let length = self.length(call.syscall, index, registers);
            match (&call.arguments[index], argument.kind) {
                (Value::Scratch, ArgumentKind::BytesOut(_)) => {
                    let exempt = call.syscall == Syscall::vmo_read;
                    self.scratch.collect_bytes(self.backend, length, exempt, outcome)?;
                }
                (Value::WaitItems(items), _) => {
                    let len = items.len() * size_of::<[u32; 3]>();
                    self.scratch.load_bytes(self.backend, len, outcome)?;
                }
                (Value::Scratch, ArgumentKind::HandlesOut(_)) => {
                    outcome.words[index] = self.scratch.first_handle(self.backend)?;
                    outcome.untouched &= outcome.words[index].is_none();
                }
                (Value::Scratch, kind) => {
                    if let Some(size) = kind.pointee_size() {
                        let word = self.scratch.collect_word(self.backend, index, size, outcome)?;
                        outcome.words[index] = word;
                        // How many records there are is told even by a call
                        // that fails, and is a result of its own.
                        outcome.untouched &= word.is_none()
                            || matches!(kind, ArgumentKind::CountOut | ArgumentKind::Count32Out);
                    }
                }
                (Value::Address(_), kind) if outcome.is_ok() => {
                    // What was stored at an address of the program's own choice
                    // is read from there; if it has gone, nobody can know it.
                    if let Some(size) = kind.pointee_size() {
                        let mut bytes = [0; 8];
                        let bytes_read =
                            self.backend.load(registers[index], &mut bytes[..size as usize]);
                        outcome.words[index] = bytes_read.ok().map(|()| u64::from_le_bytes(bytes));
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Binds the names of a call that succeeded to what it stored.
    fn bind(&mut self, call: &Call, outcome: &Outcome) {
        if !outcome.is_ok() {
            return;
        }
        let mut names = call.results.iter();
        let mut last = None;
        for (index, argument) in call.syscall.arguments().iter().enumerate() {
            let Some(word) = outcome.words[index] else { continue };
            match argument.kind {
                ArgumentKind::HandleOut | ArgumentKind::HandlesOut(_) => {
                    last = names.next();
                    if let Some(name) = last {
                        self.binding_mut(*name).handle = word as zx_handle_t;
                    }
                }
                ArgumentKind::AddressOut => {
                    if let Some(name) = last.or_else(|| names.next()) {
                        self.binding_mut(*name).address = word;
                    }
                }
                _ => {}
            }
        }
    }

    fn handle(&mut self, handle: Handle) -> Result<zx_handle_t, RunError> {
        if handle == Handle::Region {
            self.region()?;
        }
        match (handle, self.facts().handle(handle)) {
            (Handle::Process, 0) => Err(RunError::NoSuchHandle("process")),
            (_, value) => Ok(value),
        }
    }

    fn address(&mut self, address: Address) -> Result<zx_vaddr_t, RunError> {
        let bad = &self.environment.bad;
        Ok(match address {
            Address::Null => 0,
            Address::Unmapped => bad.unmapped.ok_or(RunError::NoSuchAddress("unmapped"))?,
            Address::ReadOnly => bad.read_only.ok_or(RunError::NoSuchAddress("readonly"))?,
            Address::Kernel => bad.kernel.ok_or(RunError::NoSuchAddress("kernel"))?,
            Address::Straddle(bytes) => self.environment.arena.end().wrapping_sub(bytes),
            Address::Region(offset) => self.region()?.address.wrapping_add(offset),
            Address::Named(name, offset) => self.binding(name).address.wrapping_add(offset),
            Address::Literal(address) => address,
        })
    }

    /// The program's own region.
    fn region(&mut self) -> Result<Binding, RunError> {
        if let Some(region) = self.region {
            return Ok(region);
        }
        let handle_out = self.scratch.prepare(self.backend, 0, ArgumentKind::HandleOut, 0)?;
        let address_out = self.scratch.prepare(self.backend, 1, ArgumentKind::AddressOut, 0)?;
        let root = self.environment.root_vmar;
        let status = self.backend.vmar_allocate(
            root,
            0,
            REGION_BYTES,
            REGION_FLAGS,
            handle_out,
            address_out,
        );
        if status != ZX_OK {
            return Err(RunError::NoRegion(status));
        }
        let mut handle = [0; 4];
        self.backend.load(handle_out, &mut handle)?;
        let mut address = [0; 8];
        self.backend.load(address_out, &mut address)?;
        let region = Binding {
            handle: zx_handle_t::from_le_bytes(handle),
            address: zx_vaddr_t::from_le_bytes(address),
        };
        self.region = Some(region);
        Ok(region)
    }
}

/// For each argument of a call the position of the one with its length.
fn lengths_of(syscall: Syscall) -> [Option<u8>; MAX_ARGUMENTS] {
    let mut lengths = [None; MAX_ARGUMENTS];
    for (length, argument) in lengths.iter_mut().zip(syscall.arguments()) {
        let name = argument.kind.length_argument();
        let position = name.and_then(|name| syscall.declaration().position(name));
        *length = position.map(|position| position as u8);
    }
    lengths
}

/// The handle of a step that asks for `ZX_INFO_HANDLE_BASIC`.
fn basic_info_of(action: &Action) -> Option<Handle> {
    match action {
        Action::Call(Call { syscall: Syscall::object_get_info, arguments, .. }) => {
            match (&arguments[0], &arguments[1]) {
                (Value::Handle(handle), Value::Number(topic))
                    if *topic == u64::from(ZX_INFO_HANDLE_BASIC) =>
                {
                    Some(*handle)
                }
                _ => None,
            }
        }
        _ => None,
    }
}
