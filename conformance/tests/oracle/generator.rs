//! Random programs over all calls, with a liking for odd arguments: buffers in
//! mappings of the very VMO, places that are half good, values at boundaries.

use vmo_abi::{
    ArgumentKind, Syscall, ZX_RIGHT_SAME_RIGHTS, ZX_VM_FLAG_CAN_MAP_EXECUTE,
    ZX_VM_FLAG_CAN_MAP_READ, ZX_VM_FLAG_CAN_MAP_SPECIFIC, ZX_VM_FLAG_CAN_MAP_WRITE,
    ZX_VM_FLAG_MAP_RANGE, ZX_VM_FLAG_PERM_READ, ZX_VM_FLAG_PERM_WRITE, ZX_VM_FLAG_SPECIFIC,
    ZX_VM_FLAG_SPECIFIC_OVERWRITE,
};
use vmo_conformance::program::{
    Action, Address, Call, Data, Handle, Name, Part, Program, Step, Value,
};

use super::alterations::Random;

/// What a program leans to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flavour {
    /// All calls.
    Everything,
    /// Clones, writes, resizes, commitment.
    Contents,
    /// Mappings, regions, buffers in mappings.
    Mappings,
    /// Handles, rights, names, signals, info.
    Handles,
    /// Everything, with memory that runs out.
    Memory,
}

impl Flavour {
    pub const ALL: [Self; 5] =
        [Self::Everything, Self::Contents, Self::Mappings, Self::Handles, Self::Memory];

    fn weight(self, syscall: Syscall) -> u64 {
        use Syscall::*;
        let contents = matches!(
            syscall,
            vmo_create | vmo_read | vmo_write | vmo_set_size | vmo_clone | vmo_op_range
        );
        let mappings =
            matches!(syscall, vmar_map | vmar_unmap | vmar_protect | vmar_allocate | vmar_destroy);
        match self {
            Self::Everything | Self::Memory if contents => 6,
            Self::Everything | Self::Memory if matches!(syscall, vmar_map | vmar_protect) => 5,
            Self::Everything | Self::Memory if matches!(syscall, vmar_destroy) => 1,
            Self::Everything | Self::Memory => 2,
            Self::Contents if contents => 12,
            Self::Contents if matches!(syscall, vmo_set_cache_policy | handle_close) => 3,
            Self::Contents => 0,
            Self::Mappings if matches!(syscall, vmar_destroy) => 2,
            Self::Mappings if mappings => 8,
            Self::Mappings if contents => 4,
            Self::Mappings if matches!(syscall, handle_close | vmo_get_size) => 1,
            Self::Mappings => 0,
            Self::Handles if matches!(syscall, vmo_create | vmo_clone) => 4,
            Self::Handles if contents || mappings => 1,
            Self::Handles if matches!(syscall, event_create | port_create) => 1,
            Self::Handles if matches!(syscall, handle_close | handle_close_many) => 2,
            Self::Handles => 4,
        }
    }
}

/// Makes programs.
pub struct Generator {
    random: Random,
    flavour: Flavour,
    program: Program,
    vmos: Vec<Name>,
    copies: Vec<Name>,
    others: Vec<Name>,
    channels: Vec<Name>,
    regions: Vec<Name>,
    mappings: Vec<Name>,
}

const SMALL: [u64; 16] = [
    0, 0, 0, 1, 7, 0xff, 0xfff, 0x1000, 0x1000, 0x1001, 0x1800, 0x1fff, 0x2000, 0x2001, 0x3000,
    0x4000,
];
const SIZES: [u64; 12] =
    [0x1000, 0x1000, 0x2000, 0x2000, 0x3000, 0x3000, 0x4000, 0x5000, 0x8000, 0, 1, 0x2fff];
const HUGE: [u64; 10] = [
    0x1_0000_0000,
    1 << 40,
    1 << 47,
    1 << 63,
    0xffff_ffff_fffe_0000,
    0xffff_ffff_ffff_e000,
    0xffff_ffff_ffff_f000,
    0xffff_ffff_ffff_f001,
    u64::MAX - 1,
    u64::MAX,
];

impl Generator {
    /// The program of a seed.
    pub fn program(seed: u64, flavour: Flavour) -> Program {
        let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        random.next();
        let mut generator = Self {
            random,
            flavour,
            program: Program { name: format!("random/{flavour:?}/{seed}"), ..Program::default() },
            vmos: Vec::new(),
            copies: Vec::new(),
            others: Vec::new(),
            channels: Vec::new(),
            regions: Vec::new(),
            mappings: Vec::new(),
        };
        let steps = 4 + generator.random.below(24);
        generator.call(Syscall::vmo_create);
        for _ in 0..steps {
            generator.step();
        }
        generator.look_around();
        generator.program
    }

    fn one_in(&mut self, count: u64) -> bool {
        self.random.below(count) == 0
    }

    fn choose<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.random.below(from.len() as u64) as usize]
    }

    fn name(&mut self, prefix: &str) -> Name {
        self.program.names.push(format!("{prefix}{}", self.program.names.len()));
        Name((self.program.names.len() - 1) as u16)
    }

    fn push(&mut self, action: Action) {
        self.program.steps.push(Step { comments: Vec::new(), action, expected: None });
    }

    fn step(&mut self) {
        if !self.mappings.is_empty() && self.flavour != Flavour::Handles && self.one_in(5) {
            return self.access();
        }
        if self.flavour == Flavour::Memory && self.one_in(8) {
            let pages = [None, Some(0), Some(1), Some(3), Some(6)];
            let nth = [None, Some(1), Some(1), Some(2), Some(3)];
            let action = if self.one_in(2) {
                Action::LimitMemory(self.choose(&pages))
            } else {
                Action::FailAllocation(self.choose(&nth))
            };
            return self.push(action);
        }
        let weights: Vec<u64> =
            Syscall::ALL.iter().map(|syscall| self.flavour.weight(*syscall)).collect();
        let mut at = self.random.below(weights.iter().sum());
        for (syscall, weight) in Syscall::ALL.iter().zip(weights) {
            if at < weight {
                return self.call(*syscall);
            }
            at -= weight;
        }
    }

    /// Looks at what has become of everything.
    fn look_around(&mut self) {
        for name in self.mappings.clone().into_iter().rev().take(3) {
            for offset in [0, 0x1000] {
                self.push(Action::Load { address: Address::Named(name, offset), len: 0x1000 });
            }
        }
        for name in self.vmos.clone().into_iter().rev().take(6) {
            let handle = Value::Handle(Handle::Named(name));
            let number = Value::Number;
            for offset in [0, 0x1000, 0x2000] {
                let (offset, len) = (number(offset), number(0x1000));
                let arguments = vec![handle.clone(), Value::Scratch, offset, len];
                let syscall = Syscall::vmo_read;
                self.push(Action::Call(Call { syscall, arguments, results: Vec::new() }));
            }
            let arguments = vec![handle, number(8), number(0), Value::Scratch];
            let syscall = Syscall::object_wait_one;
            self.push(Action::Call(Call { syscall, arguments, results: Vec::new() }));
        }
    }

    fn access(&mut self) {
        let address = self.mapped();
        if self.one_in(2) {
            let len = self.choose(&[1, 1, 2, 4, 8, 3, 16, 0x1000, 0x1001]);
            self.push(Action::Load { address, len });
        } else {
            let data = self.data(self.flavour == Flavour::Memory);
            self.push(Action::Store { address, data });
        }
    }

    fn data(&mut self, short: bool) -> Data {
        let byte = self.random.below(255) as u8 + 1;
        let len = self.choose(&[1, 1, 2, 4, 8, 3, 8, 100, 100, 0xfff, 0x1000, 0x1001, 0x2000]);
        let len = if short { len.min(8) } else { len };
        if self.one_in(2) {
            Data(vec![Part::Fill(byte, len)])
        } else {
            Data(vec![Part::Seq(byte % 251, len)])
        }
    }

    fn number(&mut self) -> u64 {
        if self.one_in(40) { self.choose(&HUGE) } else { self.choose(&SMALL) }
    }

    /// An address in a mapping or near it.
    fn mapped(&mut self) -> Address {
        let offset = self.choose(&[0, 0, 1, 8, 0xffc, 0xfff, 0x1000, 0x1ffe, 0x2000, 0x3000]);
        if self.mappings.is_empty() || self.one_in(12) {
            return Address::Region(offset + 0x1000 * self.random.below(8));
        }
        let mappings = self.mappings.clone();
        Address::Named(self.choose(&mappings), offset)
    }

    fn pointer(&mut self) -> Value {
        let in_mapping = if self.flavour == Flavour::Mappings { 4 } else { 12 };
        if self.one_in(in_mapping) && self.flavour != Flavour::Contents {
            return Value::Address(self.mapped());
        }
        if !self.one_in(24) {
            return Value::Scratch;
        }
        let straddle = self.choose(&[1, 2, 4, 7, 8, 32, 0x1000]);
        Value::Address(self.choose(&[
            Address::Null,
            Address::Null,
            Address::Unmapped,
            Address::ReadOnly,
            Address::Kernel,
            Address::Straddle(straddle),
            Address::Literal(1),
        ]))
    }

    fn from(&mut self, names: &[Name], otherwise: Handle) -> Handle {
        if names.is_empty() { otherwise } else { Handle::Named(self.choose(names)) }
    }

    fn handle(&mut self, of_region: bool, of_channel: bool, keeps: bool) -> Handle {
        let (vmos, others, regions) =
            (self.vmos.clone(), self.others.clone(), self.regions.clone());
        if of_region && !self.one_in(10) {
            return if self.one_in(3) {
                self.from(&regions, Handle::Region)
            } else {
                Handle::Region
            };
        }
        if of_channel && !self.one_in(10) {
            let channels = self.channels.clone();
            return self.from(&channels, Handle::Invalid);
        }
        let copies = self.copies.clone();
        match self.random.below(40) {
            0 => self.from(&others, Handle::Invalid),
            4..8 => self.from(&copies, Handle::Invalid),
            1 => self.choose(&[Handle::Invalid, Handle::Never, Handle::Literal(0x1234_5679)]),
            2 if keeps => self.choose(&[Handle::Process, Handle::Observed, Handle::Region]),
            3 => self.from(&regions, Handle::Region),
            _ => self.from(&vmos, Handle::Invalid),
        }
    }

    fn map_flags(&mut self, syscall: Syscall) -> u64 {
        if self.one_in(20) {
            return self.random.below(1 << 12);
        }
        let can = ZX_VM_FLAG_CAN_MAP_READ | ZX_VM_FLAG_CAN_MAP_WRITE;
        let flags = match syscall {
            Syscall::vmar_allocate => {
                let mut flags = can | ZX_VM_FLAG_CAN_MAP_SPECIFIC;
                if self.one_in(4) {
                    flags |= ZX_VM_FLAG_CAN_MAP_EXECUTE;
                }
                if self.one_in(2) { flags | ZX_VM_FLAG_SPECIFIC } else { flags }
            }
            Syscall::vmar_protect => self.choose(&[0, 1, 3, 3, 5]),
            _ => {
                let mut flags = self.choose(&[
                    ZX_VM_FLAG_PERM_READ | ZX_VM_FLAG_PERM_WRITE,
                    ZX_VM_FLAG_PERM_READ | ZX_VM_FLAG_PERM_WRITE,
                    ZX_VM_FLAG_PERM_READ,
                    0,
                ]);
                flags |= self.choose(&[
                    0,
                    0,
                    ZX_VM_FLAG_SPECIFIC,
                    ZX_VM_FLAG_SPECIFIC,
                    ZX_VM_FLAG_SPECIFIC_OVERWRITE,
                ]);
                if self.one_in(6) { flags | ZX_VM_FLAG_MAP_RANGE } else { flags }
            }
        };
        u64::from(flags)
    }

    fn argument(&mut self, syscall: Syscall, kind: ArgumentKind, position: usize) -> Value {
        use ArgumentKind::*;
        let of_region = position == 0 && syscall.name().starts_with("vmar");
        let of_channel = matches!(
            syscall,
            Syscall::channel_read | Syscall::channel_write | Syscall::object_signal_peer
        );
        // The next program needs the handles that are not this program's own.
        let keeps = !matches!(
            syscall,
            Syscall::handle_close | Syscall::handle_close_many | Syscall::handle_replace
        );
        Value::Number(match kind {
            Handle => return Value::Handle(self.handle(of_region, of_channel, keeps)),
            Address => {
                let mut address = self.mapped();
                if let (self::Address::Named(_, offset) | self::Address::Region(offset), false) =
                    (&mut address, self.one_in(8))
                {
                    *offset &= !0xfff;
                }
                return Value::Address(address);
            }
            Size | Offset | Length if syscall == Syscall::channel_read => {
                self.choose(&[0, 1, 0x10, 0x1000])
            }
            Offset if syscall == Syscall::vmar_map && position == 1 => {
                return Value::Number(if self.one_in(4) { self.number() } else { 0 });
            }
            Offset if matches!(syscall, Syscall::vmar_map | Syscall::vmo_clone) => {
                let offset = self.number();
                if self.one_in(8) { offset } else { offset & !0xfff }
            }
            Size if syscall == Syscall::vmar_allocate => {
                let size = self.choose(&[0x1000, 0x2000, 0x4000, 0x8000]);
                if self.one_in(10) { self.number() } else { size }
            }
            Size if syscall != Syscall::vmo_op_range && !self.one_in(10) => self.choose(&SIZES),
            Offset if !self.one_in(4) => self.choose(&[0, 0, 1, 0x10, 0xff8, 0x1000, 0x1ffc]),
            Size | Offset => self.number(),
            Length if self.one_in(60) => self.number(),
            Length if syscall.name().starts_with("vmar") => {
                self.choose(&[0x1000, 0x1000, 0x2000, 0x3000, 1, 0x1001])
            }
            Length => self.choose(&[1, 1, 8, 0x64, 0x1000, 0x1000, 0x2000, 0]),

            Count => self.choose(&[0, 1, 1, 2, 3, 4]),
            Options => u64::from(self.one_in(30)),
            CloneOptions => self.choose(&[1, 1, 1, 1, 1, 1, 1, 0, 2, 3]),
            MapFlags => self.map_flags(syscall),
            Rights => {
                let all = 0xd0ff_u64;
                match self.random.below(8) {
                    3.. => u64::from(ZX_RIGHT_SAME_RIGHTS),
                    0 => all & !(1 << self.random.below(16)),
                    1 => all & self.random.next(),
                    _ => self.choose(&[0, all, 4, 8, 0x100, 0x2f, 1 << 31 | 1]),
                }
            }
            Signals if syscall != Syscall::object_wait_one && !self.one_in(6) => {
                self.choose(&[0, 1 << 24, 1 << 31, 0xff00_0000])
            }
            Signals => {
                self.choose(&[0, 8, 8, 1 << 24, 1 << 31, 0xff00_0000, 0x0100_0008, 1 << 23, 7])
            }
            CachePolicy => self.choose(&[0, 0, 1, 2, 3, 4, 1 << 31]),
            VmoOperation => self.choose(&[1, 1, 1, 2, 2, 2, 0, 3, 4, 5, 6, 7, 8, 9, 10]),
            Property if !self.one_in(4) => 3,
            Property => self.choose(&[2, 4, 5, 6, 8, 12, 0, 99]),
            InfoTopic if !self.one_in(4) => self.choose(&[2, 2, 19, 1]),
            InfoTopic => self.choose(&[2, 2, 2, 19, 19, 1, 14, 7, 3, 4, 0, 5, 12, 18, 99]),
            Deadline => self.choose(&[0, 0, 1, 1000]),
            BytesIn(_) => {
                if self.one_in(4) {
                    return self.pointer();
                }
                return Value::Data(self.data(false));
            }
            HandlesIn(_) => {
                let count = 1 + self.random.below(4);
                return Value::Handles(
                    (0..count).map(|_| self.handle(false, false, false)).collect(),
                );
            }
            WaitItems(_) => {
                let count = 1 + self.random.below(4);
                let items = (0..count).map(|_| {
                    let handle = self.handle(false, false, true);
                    (handle, self.choose(&[8, 1 << 24, 0, 0xff00_0008]))
                });
                return Value::WaitItems(items.collect());
            }
            BytesUnused(_) | HandleOut | SizeOut | AddressOut | SignalsOut | CountOut
            | Count32Out | BytesOut(_) | HandlesOut(_) => return self.pointer(),
        })
    }

    fn call(&mut self, syscall: Syscall) {
        let declared = syscall.arguments();
        let mut arguments: Vec<_> = declared
            .iter()
            .enumerate()
            .map(|(position, argument)| self.argument(syscall, argument.kind, position))
            .collect();
        // Lengths mostly are what was given.
        for (position, argument) in declared.iter().enumerate() {
            let Some(length) = argument
                .kind
                .length_argument()
                .and_then(|name| syscall.declaration().position(name))
            else {
                continue;
            };
            let len = match &arguments[position] {
                Value::Data(data) => data.len(),
                Value::Handles(handles) => handles.len() as u64,
                Value::WaitItems(items) => items.len() as u64,
                _ => match syscall {
                    Syscall::object_get_property => 32,
                    Syscall::object_get_info => 32 * (1 + 31 * self.random.below(2)),
                    Syscall::channel_read => 64,
                    _ => continue,
                },
            };
            let is_array = matches!(arguments[position], Value::Handles(_) | Value::WaitItems(_));
            if is_array || !self.one_in(8) {
                arguments[length] = Value::Number(len);
            }
        }
        if matches!(syscall, Syscall::vmar_protect | Syscall::vmar_unmap)
            && !self.mappings.is_empty()
            && !self.one_in(5)
        {
            let mappings = self.mappings.clone();
            let offset = 0x1000 * self.random.below(2) * self.random.below(2);
            arguments[1] = Value::Address(Address::Named(self.choose(&mappings), offset));
            arguments[0] = Value::Handle(Handle::Region);
        }
        if syscall == Syscall::vmar_map {
            self.refine_map(&mut arguments);
        }
        if syscall == Syscall::vmar_allocate
            && let Value::Number(flags) = arguments[3]
            && !self.one_in(10)
        {
            let placed = flags & u64::from(ZX_VM_FLAG_SPECIFIC) != 0;
            let offset = if placed { 0x1000 * self.random.below(12) } else { 0 };
            arguments[1] = Value::Number(offset);
        }
        let results = self.results(syscall);
        self.push(Action::Call(Call { syscall, arguments, results }));
    }

    fn refine_map(&mut self, arguments: &mut [Value]) {
        if self.one_in(12) {
            arguments[0] = Value::Handle(Handle::Root);
            arguments[1] = Value::Number(0);
            arguments[5] = Value::Number(3);
        }
        let Value::Number(flags) = arguments[5] else { return };
        let placed = u64::from(ZX_VM_FLAG_SPECIFIC | ZX_VM_FLAG_SPECIFIC_OVERWRITE);
        if !self.one_in(10) {
            let offset = if flags & placed != 0 { 0x1000 * self.random.below(12) } else { 0 };
            arguments[1] = Value::Number(offset);
        }
        if !self.one_in(10) {
            let offset = self.choose(&[0, 0, 0, 0x1000, 0x2000]);
            arguments[3] = Value::Number(offset);
            let len = self.choose(&[0x1000, 0x2000, 0x2000, 0x3000, 1, 0x1001]);
            arguments[4] = Value::Number(len);
        }
    }

    fn results(&mut self, syscall: Syscall) -> Vec<Name> {
        let mut results = Vec::new();
        for _ in 0..Call::result_count(syscall) {
            let prefix = match syscall {
                Syscall::vmar_map => "m",
                Syscall::vmar_allocate => "r",
                Syscall::event_create | Syscall::port_create => "o",
                Syscall::channel_create => "c",
                Syscall::handle_duplicate | Syscall::handle_replace | Syscall::channel_read => "d",
                _ => "v",
            };
            let name = self.name(prefix);
            results.push(name);
            match prefix {
                "m" => self.mappings.push(name),
                "r" => self.regions.push(name),
                "o" => self.others.push(name),
                "c" => {
                    self.channels.push(name);
                    self.others.push(name);
                }
                "d" => self.copies.push(name),
                _ => self.vmos.push(name),
            }
        }
        results
    }
}
