//! Where an agent is found, and how it is spoken to.

use std::fmt;
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use vmo_abi::{Backend, Environment};

use super::backend::{Refusal, Remote};
use super::client::Client;
#[cfg(feature = "host")]
use super::link::Shared;
use super::link::{Serial, Socket};
use super::message::{Unfit, feature};
use super::process::{CommandLine, Process, launcher};
use crate::backends::StartError;

/// After so many attempts in a row that failed nobody tries again.
const MOST_FAILURES: u32 = 3;

/// The time that a backend has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// For a program or a test, all its calls together.
    pub case: Duration,
    /// Until it says hello for the first time.
    pub start: Duration,
}

impl Default for Limits {
    /// Half a minute each.
    fn default() -> Self {
        Self { case: Duration::from_secs(30), start: Duration::from_secs(30) }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Place {
    /// The standard input and output of a program.
    Exec(CommandLine),
    /// A socket of this host.
    Unix(PathBuf),
    /// Host and port.
    Tcp(String),
    /// A terminal.
    Serial(PathBuf),
    /// A file that both sides map.
    #[cfg(feature = "host")]
    Shared(PathBuf),
}

/// Why a door has no place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DoorError {
    /// Nothing stands behind the colon.
    Empty(&'static str),
    /// A command line with a quote that is not closed.
    Quotes(String),
    /// No host and port.
    Port(String),
}

impl fmt::Display for DoorError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty(scheme) => write!(f, "nothing stands behind `{scheme}:`"),
            Self::Quotes(line) => write!(f, "a quote in `{line}` is not closed"),
            Self::Port(text) => {
                write!(f, "`{text}` is no host and port, such as `localhost:7001`")
            }
        }
    }
}

impl std::error::Error for DoorError {}

/// A way to a backend elsewhere. Backends that were started through it and are
/// no longer used leave their connection to the next one.
pub struct Door {
    place: Place,
    /// As it was named.
    name: String,
    limits: Limits,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    idle: Vec<Client>,
    /// What the last backend said of itself, if there was one.
    environment: Option<Environment>,
    /// Whether a reset works.
    can_reset: bool,
    /// Attempts in a row that failed, and why the last one did.
    failures: u32,
    last_failure: String,
}

/// What backends elsewhere are named by.
pub(crate) const SCHEMES: [(&str, &str); 6] = [
    ("lib:PATH", "a shared library with the functions of <zircon/syscalls.h>"),
    ("exec:'CMD ARG…'", "a program with an agent on its standard input and output"),
    ("unix:PATH", "an agent behind a socket of this host"),
    ("tcp:HOST:PORT", "an agent behind a port"),
    ("serial:PATH", "an agent behind a serial line, a tty or pty"),
    ("shm:PATH", "an agent behind a file that both sides map"),
];

impl Door {
    /// The door that a name such as `exec:./agent` means; `None` if it begins
    /// with no scheme that is known here.
    #[must_use]
    pub fn named(name: &str, limits: Limits) -> Option<Result<Arc<Self>, DoorError>> {
        let (scheme, rest) = name.split_once(':')?;
        let full = |scheme| if rest.is_empty() { Err(DoorError::Empty(scheme)) } else { Ok(rest) };
        let place = match scheme {
            "exec" => full("exec").and_then(|line| match shlex::split(line) {
                Some(words) if !words.is_empty() => Ok(Place::Exec(CommandLine(words))),
                Some(_) => Err(DoorError::Empty("exec")),
                None => Err(DoorError::Quotes(line.to_owned())),
            }),
            "unix" => full("unix").map(|path| Place::Unix(path.into())),
            "serial" => full("serial").map(|path| Place::Serial(path.into())),
            #[cfg(feature = "host")]
            "shm" => full("shm").map(|path| Place::Shared(path.into())),
            "tcp" => full("tcp").and_then(|text| {
                let port = text.rsplit_once(':').map(|(_, port)| port.parse::<u16>());
                match port {
                    Some(Ok(_)) => Ok(Place::Tcp(text.to_owned())),
                    _ => Err(DoorError::Port(text.to_owned())),
                }
            }),
            _ => return None,
        };
        Some(place.map(|place| Self::at(place, name, limits)))
    }

    /// The door to another process of this program, which serves the backend that
    /// it calls `inner`; `None` if this program does not know how to.
    pub(crate) fn serving(name: &str, inner: &str, limits: Limits) -> Option<Arc<Self>> {
        let program = launcher()?.to_str()?.to_owned();
        let words =
            [program.as_str(), "serve", "--no-config", "--backend", inner].map(str::to_owned);
        Some(Self::at(Place::Exec(CommandLine(words.to_vec())), name, limits))
    }

    fn at(place: Place, name: &str, limits: Limits) -> Arc<Self> {
        Arc::new(Self { place, name: name.to_owned(), limits, state: Mutex::default() })
    }

    /// Backends that can be in use at once: any number of programs can be
    /// started, and there is one of everything else.
    #[must_use]
    pub fn backends_at_once(&self) -> usize {
        if matches!(self.place, Place::Exec(_)) { usize::MAX } else { 1 }
    }

    /// Starts a backend, or takes one over that is not used any more and goes
    /// back to the state at its start if it can.
    ///
    /// # Errors
    ///
    /// The place cannot be reached, or who is there is no agent that can be
    /// tested.
    pub fn start(self: &Arc<Self>) -> Result<Box<dyn Backend>, StartError> {
        let (idle, can_reset, environment) = {
            let mut state = self.state();
            if state.failures >= MOST_FAILURES {
                let last = &state.last_failure;
                return Err(StartError(format!("it did not come back: {last}")));
            }
            (state.idle.pop(), state.can_reset, state.environment)
        };
        if let Some(client) = idle {
            match (self.begin(client, can_reset, self.limits.case), environment) {
                (Ok(backend), _) => return Ok(Box::new(backend)),
                // That it broke between two programs is told of in the second.
                (Err(Refusal::Lost(lost)), Some(environment)) => {
                    let door = Arc::clone(self);
                    return Ok(Box::new(Remote::lost(door, environment, lost)));
                }
                (Err(_), _) => {}
            }
        }
        let started = self.connect().and_then(|client| {
            // What is reached once more has been used before, as far as one knows.
            let is_new = matches!(self.place, Place::Exec(_)) || environment.is_none();
            self.begin(client, can_reset && !is_new, self.limits.start)
                .map_err(|refusal| self.explain(refusal))
        });
        let mut state = self.state();
        match started {
            Ok(backend) => {
                state.failures = 0;
                Ok(Box::new(backend))
            }
            Err(reason) => {
                state.failures += 1;
                state.last_failure.clone_from(&reason);
                Err(StartError(reason))
            }
        }
    }

    fn begin(
        self: &Arc<Self>,
        client: Client,
        after_reset: bool,
        time: Duration,
    ) -> Result<Remote, Refusal> {
        let deadline = Instant::now() + time;
        let (backend, hello) =
            Remote::new(Arc::clone(self), client, after_reset, self.limits.case, deadline)?;
        let mut state = self.state();
        state.can_reset = hello.features & feature::RESET != 0;
        state.environment = Some(backend.environment());
        drop(state);
        Ok(backend)
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps a connection for the next backend.
    pub(super) fn give_back(&self, mut client: Client) {
        client.clear_request();
        self.state().idle.push(client);
    }

    fn connect(&self) -> Result<Client, String> {
        let failed = |error: std::io::Error| match &self.place {
            Place::Exec(line) => format!("`{}` cannot be started: {error}", line.0[0]),
            Place::Unix(path) => format!(
                "nobody answers at the socket {}: {error}; start the agent first",
                path.display()
            ),
            Place::Tcp(place) => {
                format!("nobody answers at {place}: {error}; start the agent first")
            }
            Place::Serial(path) => {
                format!("{} cannot be used as a serial line: {error}", path.display())
            }
            #[cfg(feature = "host")]
            Place::Shared(path) => {
                format!(
                    "{} cannot be used as shared memory: {error}; start the agent first",
                    path.display()
                )
            }
        };
        let client = match &self.place {
            Place::Exec(line) => {
                which::which(&line.0[0]).map_err(|_| {
                    format!("there is no program `{}` that can be started", line.0[0])
                })?;
                let (process, stream) = Process::start(line).map_err(failed)?;
                Client::new(Box::new(Socket::unix(stream).map_err(failed)?), Some(process))
            }
            Place::Unix(path) => {
                let stream = UnixStream::connect(path).map_err(failed)?;
                Client::new(Box::new(Socket::unix(stream).map_err(failed)?), None)
            }
            Place::Tcp(place) => {
                let stream = TcpStream::connect(place).map_err(failed)?;
                Client::new(Box::new(Socket::tcp(stream).map_err(failed)?), None)
            }
            Place::Serial(path) => Client::new(Box::new(Serial::open(path).map_err(failed)?), None),
            #[cfg(feature = "host")]
            Place::Shared(path) => {
                let deadline = Instant::now() + self.limits.start;
                Client::new(Box::new(Shared::open(path, deadline).map_err(failed)?), None)
            }
        };
        Ok(client)
    }

    /// What to tell of an agent that cannot be used.
    fn explain(&self, refusal: Refusal) -> String {
        match refusal {
            Refusal::Lost(lost) => format!(
                "{} said no hello ({}): is there an agent that speaks version {} of the protocol?",
                self.name,
                lost.detail,
                super::VERSION
            ),
            Refusal::Unfit(Unfit::Version(version)) => format!(
                "{} speaks version {version} of the protocol, and this tester version {}: \
                 build it with the agent that came with this tester",
                self.name,
                super::VERSION
            ),
            Refusal::Unfit(Unfit::Malformed) => {
                format!("{} answers hello with something else", self.name)
            }
            Refusal::Unfit(Unfit::Because(reason)) => {
                format!("{} cannot be tested: {reason}", self.name)
            }
        }
    }
}

impl fmt::Debug for Door {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Door").field("name", &self.name).finish_non_exhaustive()
    }
}
