//! Operations and their results, byte by byte as `PROTOCOL.md` says.

use vmo_abi::{
    Arena, BadAddresses, Capabilities, Capability, Edition, Environment, Syscall, ZX_PAGE_SIZE,
};

/// The version that is spoken here.
pub const VERSION: u32 = 1;

/// Codes of operations.
pub(crate) mod code {
    pub(crate) const HELLO: u8 = 0x01;
    pub(crate) const PUT: u8 = 0x02;
    pub(crate) const FILL: u8 = 0x03;
    pub(crate) const GET: u8 = 0x04;
    pub(crate) const CALL: u8 = 0x05;
    pub(crate) const KEEP: u8 = 0x06;
    pub(crate) const LOAD: u8 = 0x07;
    pub(crate) const STORE: u8 = 0x08;
    pub(crate) const CLOCK: u8 = 0x09;
    pub(crate) const LIMIT_MEMORY: u8 = 0x0a;
    pub(crate) const FAIL_ALLOCATION: u8 = 0x0b;
    pub(crate) const RESET: u8 = 0x0c;
    /// What is added to the code in a result.
    pub(crate) const RESULT: u8 = 0x80;
    /// Instead of a result: the operation is unknown or malformed.
    pub(crate) const REFUSED: u8 = 0xff;
}

/// Bits of what a backend can do besides the calls.
pub(crate) mod feature {
    pub(crate) const MEMORY_CONTROL: u32 = 1;
    pub(crate) const RESET: u32 = 2;
}

/// Slots for values.
pub(crate) const SLOTS: usize = 32;

/// Reads a message field by field; every method answers `None` at its end.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fields<'m> {
    rest: &'m [u8],
}

impl<'m> Fields<'m> {
    pub(crate) fn new(message: &'m [u8]) -> Self {
        Self { rest: message }
    }

    /// Whether the next byte is this one.
    pub(crate) fn begins_with(&self, byte: u8) -> bool {
        self.rest.first() == Some(&byte)
    }

    pub(crate) fn is_at_end(&self) -> bool {
        self.rest.is_empty()
    }

    /// Bytes of the message before what is read next.
    pub(crate) fn position(&self, message: &[u8]) -> usize {
        message.len() - self.rest.len()
    }

    /// Leaves out all that is left.
    pub(crate) fn skip(&mut self) {
        self.rest = &[];
    }

    pub(crate) fn bytes(&mut self, len: usize) -> Option<&'m [u8]> {
        let (bytes, rest) = self.rest.split_at_checked(len)?;
        self.rest = rest;
        Some(bytes)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (bytes, rest) = self.rest.split_first_chunk()?;
        self.rest = rest;
        Some(*bytes)
    }

    pub(crate) fn u8(&mut self) -> Option<u8> {
        self.array().map(|[byte]| byte)
    }

    pub(crate) fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    pub(crate) fn i32(&mut self) -> Option<i32> {
        self.array().map(i32::from_le_bytes)
    }

    pub(crate) fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }

    fn text(&mut self) -> Option<String> {
        let len = self.u8()?;
        let bytes = self.bytes(len.into())?;
        Some(String::from_utf8_lossy(bytes).into_owned())
    }
}

/// What an agent says about its backend and itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hello {
    /// The version of the protocol.
    pub version: u32,
    /// Bytes of the largest payload that it takes and gives.
    pub largest_payload: u32,
    /// Bytes of a page.
    pub page_size: u32,
    /// The calls that there are, one bit each.
    pub calls: u64,
    /// What it can do besides the calls.
    pub features: u32,
    /// The arena.
    pub arena: Arena,
    /// Bad addresses.
    pub bad: BadAddresses,
    /// Handles to the root region, the process, and a process that is observed.
    pub handles: [u32; 3],
    /// The name of the edition.
    pub edition: String,
    /// The name of the backend.
    pub name: String,
}

/// Why nothing can be tested behind a hello.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Unfit {
    /// It is no hello.
    Malformed,
    /// Another version of the protocol.
    Version(u32),
    /// What is wrong.
    Because(String),
}

impl Hello {
    /// Writes the result of a hello, its code included.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        out.push(code::HELLO | code::RESULT);
        for word in [self.version, self.largest_payload, self.page_size] {
            out.extend_from_slice(&word.to_le_bytes());
        }
        out.extend_from_slice(&self.calls.to_le_bytes());
        out.extend_from_slice(&self.features.to_le_bytes());
        let BadAddresses { unmapped, read_only, kernel } = self.bad;
        let bad = [unmapped, read_only, kernel].map(Option::unwrap_or_default);
        for word in [self.arena.base, self.arena.len].into_iter().chain(bad) {
            out.extend_from_slice(&word.to_le_bytes());
        }
        for handle in self.handles {
            out.extend_from_slice(&handle.to_le_bytes());
        }
        for text in [&self.edition, &self.name] {
            let ends = (0..=text.len().min(usize::from(u8::MAX))).rev();
            let len = ends.into_iter().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
            out.push(len as u8);
            out.extend_from_slice(&text.as_bytes()[..len]);
        }
    }

    /// Reads the result of a hello behind its code.
    pub(crate) fn read(fields: &mut Fields<'_>) -> Result<Self, Unfit> {
        let version = fields.u32().ok_or(Unfit::Malformed)?;
        if version != VERSION {
            return Err(Unfit::Version(version));
        }
        Self::read_rest(version, fields).ok_or(Unfit::Malformed)
    }

    fn read_rest(version: u32, fields: &mut Fields<'_>) -> Option<Self> {
        let some = |address: u64| (address != 0).then_some(address);
        Some(Self {
            version,
            largest_payload: fields.u32()?,
            page_size: fields.u32()?,
            calls: fields.u64()?,
            features: fields.u32()?,
            arena: Arena { base: fields.u64()?, len: fields.u64()? },
            bad: BadAddresses {
                unmapped: some(fields.u64()?),
                read_only: some(fields.u64()?),
                kernel: some(fields.u64()?),
            },
            handles: [fields.u32()?, fields.u32()?, fields.u32()?],
            edition: fields.text()?,
            name: fields.text()?,
        })
    }

    /// What the hello says about a backend.
    pub(crate) fn of(environment: &Environment, name: &str, can_reset: bool) -> Self {
        let has =
            |call: &&Syscall| environment.capabilities.contains(call.declaration().capability);
        let calls = Syscall::ALL.iter().filter(has).fold(0, |calls, call| calls | 1 << *call as u8);
        let memory = environment.capabilities.contains(Capability::MemoryControl);
        let memory = if memory { feature::MEMORY_CONTROL } else { 0 };
        let reset = if can_reset { feature::RESET } else { 0 };
        let observed = environment.capabilities.contains(Capability::ProcessVmos);
        let observed = if observed { environment.observed_process } else { 0 };
        Self {
            version: VERSION,
            largest_payload: super::LARGEST_PAYLOAD as u32,
            page_size: ZX_PAGE_SIZE as u32,
            calls,
            features: memory | reset,
            arena: environment.arena,
            bad: environment.bad,
            handles: [environment.root_vmar, environment.process, observed],
            edition: environment.edition.name.to_owned(),
            name: name.to_owned(),
        }
    }

    /// What a tester can make of it.
    pub(crate) fn environment(&self) -> Result<Environment, Unfit> {
        let unfit = |text: String| Err(Unfit::Because(text));
        let Some(edition) = Edition::named(&self.edition) else {
            return unfit(format!("it names the edition `{}`, which is unknown", self.edition));
        };
        if u64::from(self.page_size) != ZX_PAGE_SIZE {
            return unfit(format!("its pages have {} bytes, not {ZX_PAGE_SIZE}", self.page_size));
        }
        if self.largest_payload < SMALLEST_LIMIT {
            let limit = self.largest_payload;
            return unfit(format!(
                "it takes payloads of {limit} bytes, less than {SMALLEST_LIMIT}"
            ));
        }
        let Arena { base, len } = self.arena;
        if !base.is_multiple_of(ZX_PAGE_SIZE) || base == 0 || base.checked_add(len).is_none() {
            return unfit(format!("its arena of {len:#x} bytes at {base:#x} is no range of pages"));
        }
        let [root_vmar, process, observed_process] = self.handles;
        let has = |call: Syscall| self.calls & 1 << call as u8 != 0;
        let claims = |capability: &Capability| match capability {
            Capability::Threads => false,
            Capability::MemoryControl => self.features & feature::MEMORY_CONTROL != 0,
            Capability::ProcessVmos => observed_process != 0,
            _ => {
                let of = |call: &&Syscall| call.declaration().capability == *capability;
                let needs_root = *capability == Capability::Mapping;
                Syscall::ALL.iter().filter(of).all(|call| has(*call))
                    && (!needs_root || root_vmar != 0)
            }
        };
        let capabilities: Capabilities = Capability::ALL.into_iter().filter(claims).collect();
        let (arena, bad) = (self.arena, self.bad);
        Ok(Environment { edition, capabilities, arena, bad, root_vmar, process, observed_process })
    }
}

/// The smallest limit of payloads that an agent may have.
const SMALLEST_LIMIT: u32 = 1024;
