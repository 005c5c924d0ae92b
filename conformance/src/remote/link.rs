//! Streams of bytes to an agent.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::termios::{OptionalActions, QueueSelector, tcflush, tcgetattr, tcsetattr};

/// How long a stream is waited for at a time. Whoever waits longer looks at the
/// clock in between.
pub(crate) const PATIENCE: Duration = Duration::from_millis(100);

/// A stream of bytes in both directions.
pub(crate) trait Link: Send {
    /// Sends all of the bytes before the deadline.
    fn send(&mut self, bytes: &[u8], deadline: Instant) -> io::Result<()>;

    /// Receives some bytes; 0 if the other side has closed the stream, and an
    /// error of the kind `TimedOut` if none came for a while.
    fn receive(&mut self, bytes: &mut [u8]) -> io::Result<usize>;
}

/// What a stream that does not wait any longer answers.
fn is_slow(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted)
}

fn timed_out() -> io::Error {
    ErrorKind::TimedOut.into()
}

/// Sends all of the bytes by writes that wait for [`PATIENCE`] at most.
fn send_all(stream: &mut impl Write, mut bytes: &[u8], deadline: Instant) -> io::Result<()> {
    while !bytes.is_empty() {
        match stream.write(bytes) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(written) => bytes = &bytes[written..],
            Err(error) if is_slow(&error) && Instant::now() < deadline => {}
            Err(error) if is_slow(&error) => return Err(timed_out()),
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn receive_some(stream: &mut impl Read, bytes: &mut [u8]) -> io::Result<usize> {
    stream.read(bytes).map_err(|error| if is_slow(&error) { timed_out() } else { error })
}

/// A socket.
pub(crate) struct Socket<S>(S);

impl Socket<UnixStream> {
    /// A socket of this host.
    pub(crate) fn unix(stream: UnixStream) -> io::Result<Self> {
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(Self(stream))
    }
}

impl Socket<TcpStream> {
    /// A socket of the network.
    pub(crate) fn tcp(stream: TcpStream) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(Self(stream))
    }
}

impl<S: Read + Write + Send> Link for Socket<S> {
    fn send(&mut self, bytes: &[u8], deadline: Instant) -> io::Result<()> {
        send_all(&mut self.0, bytes, deadline)
    }

    fn receive(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        receive_some(&mut self.0, bytes)
    }
}

/// A serial line: a terminal in raw mode.
pub(crate) struct Serial(File);

impl Serial {
    /// Opens a terminal.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        use std::os::unix::fs::OpenOptionsExt;
        let flags = rustix::fs::OFlags::NONBLOCK | rustix::fs::OFlags::NOCTTY;
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .custom_flags(flags.bits() as i32)
            .open(path)?;
        let mut modes = tcgetattr(&file)?;
        modes.make_raw();
        tcsetattr(&file, OptionalActions::Now, &modes)?;
        // What was said before anybody listened.
        tcflush(&file, QueueSelector::IOFlush)?;
        Ok(Self(file))
    }

    fn wait(&self, flags: PollFlags) -> io::Result<()> {
        let patience = Timespec { tv_sec: 0, tv_nsec: PATIENCE.subsec_nanos().into() };
        let mut polled = [PollFd::new(&self.0, flags)];
        match poll(&mut polled, Some(&patience)) {
            Ok(0) => Err(timed_out()),
            Ok(_) => Ok(()),
            Err(rustix::io::Errno::INTR) => Err(timed_out()),
            Err(error) => Err(error.into()),
        }
    }
}

impl Link for Serial {
    fn send(&mut self, mut bytes: &[u8], deadline: Instant) -> io::Result<()> {
        while !bytes.is_empty() {
            match self.0.write(bytes) {
                Ok(written) => bytes = &bytes[written..],
                Err(error) if is_slow(&error) => match self.wait(PollFlags::OUT) {
                    Err(error) if is_slow(&error) && Instant::now() < deadline => {}
                    result => result?,
                },
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn receive(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        match self.0.read(bytes) {
            Err(error) if is_slow(&error) => {}
            result => return result,
        }
        self.wait(PollFlags::IN)?;
        receive_some(&mut self.0, bytes)
    }
}

/// Memory that is shared with the agent.
#[cfg(feature = "host")]
pub(crate) struct Shared(vmo_host::Rings);

#[cfg(feature = "host")]
impl Shared {
    /// Sets up a file, and waits until an agent takes note of it.
    pub(crate) fn open(path: &Path, deadline: Instant) -> io::Result<Self> {
        let mut rings = vmo_host::Rings::of_tester(path)?;
        while !rings.is_acknowledged() {
            if Instant::now() >= deadline {
                return Err(io::Error::new(ErrorKind::TimedOut, "no agent takes note of it"));
            }
            rings.pause();
        }
        Ok(Self(rings))
    }
}

#[cfg(feature = "host")]
impl Link for Shared {
    fn send(&mut self, mut bytes: &[u8], deadline: Instant) -> io::Result<()> {
        loop {
            bytes = &bytes[self.0.put(bytes)..];
            if bytes.is_empty() {
                return Ok(());
            }
            if Instant::now() >= deadline {
                return Err(timed_out());
            }
            self.0.pause();
        }
    }

    fn receive(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        match self.0.take_until(bytes, Instant::now() + PATIENCE) {
            0 => Err(timed_out()),
            len => Ok(len),
        }
    }
}
