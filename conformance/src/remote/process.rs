//! Processes of ours, which end when they are dropped and when we end.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Mutex, OnceLock, PoisonError, mpsc};
use std::time::{Duration, Instant};

use rustix::process::{
    Pid, Signal, WaitId, WaitIdOptions, kill_process_group, set_parent_process_death_signal, waitid,
};

/// A program and its arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CommandLine(pub(crate) Vec<String>);

/// The argument by which the command `vmo-conformance` becomes another program
/// that ends with its parent.
pub(crate) const LAUNCH: &str = "launch";

/// The program that takes [`LAUNCH`], if there is one.
static LAUNCHER: OnceLock<std::path::PathBuf> = OnceLock::new();

/// Says that this program takes [`LAUNCH`] as its first argument.
pub(crate) fn can_launch() {
    if let Ok(path) = std::env::current_exe() {
        LAUNCHER.get_or_init(|| path);
    }
}

/// The program that takes [`LAUNCH`], which is this one, if there is one.
pub(crate) fn launcher() -> Option<&'static std::path::Path> {
    LAUNCHER.get().map(std::path::PathBuf::as_path)
}

/// Becomes the program of a command line, after seeing to it that it ends with
/// its parent. Comes back only if that does not work.
pub(crate) fn launch(arguments: &[std::ffi::OsString]) -> io::Error {
    let Some((program, arguments)) = arguments.split_first() else {
        return io::ErrorKind::InvalidInput.into();
    };
    match set_parent_process_death_signal(Some(Signal::KILL)) {
        Ok(()) => Command::new(program).args(arguments).exec(),
        Err(error) => error.into(),
    }
}

/// A running process, at the head of a group of its own.
pub(crate) struct Process {
    child: Child,
    ended: Option<ExitStatus>,
}

impl Process {
    /// Starts a process whose standard input and output are one end of the
    /// stream.
    pub(crate) fn start(command: &CommandLine) -> io::Result<(Self, UnixStream)> {
        let (ours, theirs) = UnixStream::pair()?;
        let child = spawn(command.clone(), theirs)?;
        Ok((Self { child, ended: None }, ours))
    }

    /// How the process ended, if it does so in time.
    pub(crate) fn end_within(&mut self, time: Duration) -> Option<String> {
        let since = Instant::now();
        loop {
            if let Some(status) = self.ended() {
                return Some(describe(status));
            }
            if since.elapsed() >= time {
                return None;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

impl Process {
    /// How the process ended, if it has.
    fn ended(&mut self) -> Option<ExitStatus> {
        let is_over = || {
            let looks = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
            let id = Pid::from_raw(self.child.id() as i32)?;
            waitid(WaitId::Pid(id), looks).ok().flatten()
        };
        if self.ended.is_none() && is_over().is_some() {
            // What it started may go on.
            self.kill();
        }
        self.ended
    }

    /// Ends the process and its group. The number of the group is its own until
    /// it was waited for.
    fn kill(&mut self) {
        if self.ended.is_some() {
            return;
        }
        if let Some(group) = Pid::from_raw(self.child.id() as i32) {
            // Nobody may be left in it.
            let _ = kill_process_group(group, Signal::KILL);
        }
        let _ = self.child.kill();
        self.ended = self.child.wait().ok();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

fn describe(status: ExitStatus) -> String {
    let core = if status.core_dumped() { " (core dumped)" } else { "" };
    match (status.signal(), status.code()) {
        (Some(signal), _) => format!("its process was killed by signal {signal}{core}"),
        (None, Some(code)) => format!("its process exited with status {code}"),
        (None, None) => "its process ended".to_owned(),
    }
}

fn command_of(line: &CommandLine, stream: UnixStream) -> io::Result<Command> {
    let Some((program, arguments)) = line.0.split_first() else {
        return Err(io::ErrorKind::InvalidInput.into());
    };
    let mut command = match launcher() {
        Some(launcher) => {
            let mut command = Command::new(launcher);
            command.arg(LAUNCH).arg(program);
            command
        }
        None => Command::new(program),
    };
    let output = stream.try_clone()?;
    command
        .args(arguments)
        .stdin(Stdio::from(OwnedFd::from(stream)))
        .stdout(Stdio::from(OwnedFd::from(output)))
        .process_group(0);
    Ok(command)
}

/// A process dies with the thread that started it, not just with its parent:
/// so all are started by a thread that stays.
fn spawn(line: CommandLine, stream: UnixStream) -> io::Result<Child> {
    type Order = (CommandLine, UnixStream, mpsc::Sender<io::Result<Child>>);
    static ORDERS: OnceLock<Mutex<mpsc::Sender<Order>>> = OnceLock::new();
    let orders = ORDERS.get_or_init(|| {
        let (sender, receiver) = mpsc::channel::<Order>();
        std::thread::spawn(move || {
            for (line, stream, answer) in receiver {
                let child = command_of(&line, stream).and_then(|mut command| command.spawn());
                // Nobody waits for it any more if this fails.
                let _ = answer.send(child);
            }
        });
        Mutex::new(sender)
    });
    let gone = || io::Error::other("the thread that starts processes has ended");
    let (answer, started) = mpsc::channel();
    let sender = orders.lock().unwrap_or_else(PoisonError::into_inner);
    sender.send((line, stream, answer)).map_err(|_| gone())?;
    drop(sender);
    started.recv().map_err(|_| gone())?
}
