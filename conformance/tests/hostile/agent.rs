//! An agent over the reference that misbehaves once, in the middle of a run: if
//! a file does not exist yet, which it makes then. From then on it is well behaved.

use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Command, Stdio, exit};
use std::thread::sleep;
use std::time::Duration;

use vmo_conformance::backends;
use vmo_conformance::remote::serve::{Served, serve};

/// Answers before it misbehaves.
const GOOD_ANSWERS: u32 = 40;

/// Does something wrong instead of sending a frame.
type Misbehave = fn(&mut Output, &[u8]) -> io::Result<()>;

/// What it can do wrong.
pub(crate) const MISBEHAVIOURS: &[(&str, Misbehave)] = &[
    ("abort", |_, _| std::process::abort()),
    ("exit", |_, _| exit(7)),
    ("exit_well", |_, _| exit(0)),
    ("hang", |_, _| hang()),
    ("close", |_, _| {
        UnixStream::from(io::stdout().as_fd().try_clone_to_owned()?).shutdown(Shutdown::Both)?;
        hang()
    }),
    ("say_nothing_and_leave_a_child", |_, _| {
        // It keeps the stream open after its parent has gone.
        Command::new("sleep").arg("1000").stdin(Stdio::inherit()).spawn()?;
        exit(1)
    }),
    ("garbage", |output, _| {
        output.raw(&[0x5a; 4096])?;
        hang()
    }),
    ("flood_of_noise", |output, _| {
        loop {
            output.raw(&[b'x'; 65536])?;
        }
    }),
    ("flood_of_beginnings", |output, _| {
        loop {
            output.raw(&b"\xf5VMO".repeat(16384))?;
        }
    }),
    ("flood_of_answers", |output, frame| {
        loop {
            output.raw(&with_sequence(frame, |sequence| sequence ^ 0x5555))?;
        }
    }),
    ("half_a_frame", |output, frame| {
        output.raw(&frame[..frame.len() / 2])?;
        hang()
    }),
    ("half_a_frame_and_exit", |output, frame| {
        output.raw(&frame[..frame.len() / 2])?;
        exit(9)
    }),
    ("too_long_a_frame", |output, frame| {
        let mut header = frame[..16].to_vec();
        header[8..12].copy_from_slice(&0x7fff_ffff_u32.to_le_bytes());
        check(&mut header);
        output.raw(&header)?;
        output.raw(&[0; 1 << 20])?;
        hang()
    }),
    ("wrong_checksum", |output, frame| {
        let mut frame = frame.to_vec();
        let last = frame.len() - 1;
        frame[last] ^= 1;
        loop {
            output.raw(&frame)?;
            output.wait_for_request()?;
        }
    }),
    ("wrong_header_checksum", |output, frame| {
        let mut frame = frame.to_vec();
        frame[12] ^= 1;
        loop {
            output.raw(&frame)?;
            output.wait_for_request()?;
        }
    }),
    ("stale_answer", |output, frame| {
        output.raw(&with_sequence(frame, |sequence| sequence.wrapping_sub(1)))?;
        hang()
    }),
    ("answer_of_the_future", |output, frame| {
        output.raw(&with_sequence(frame, |sequence| sequence.wrapping_add(1)))?;
        hang()
    }),
    ("answer_twice", |output, frame| {
        output.raw(frame)?;
        output.raw(frame)
    }),
    ("empty_answer", |output, frame| output.raw(&with_payload(frame, &[]))),
    ("cut_answer", |output, frame| output.raw(&with_payload(frame, &frame[16..frame.len() - 5]))),
    ("long_answer", |output, frame| {
        let mut payload = frame[16..frame.len() - 4].to_vec();
        payload.push(0);
        output.raw(&with_payload(frame, &payload))
    }),
    ("refusal", |output, frame| output.raw(&with_payload(frame, &[0xff]))),
    ("another_result", |output, frame| {
        let mut payload = frame[16..frame.len() - 4].to_vec();
        payload[0] ^= 0x10;
        output.raw(&with_payload(frame, &payload))
    }),
    ("trickle", |output, frame| {
        for byte in frame.iter().cycle() {
            output.raw(&[*byte ^ 0x80])?;
            sleep(Duration::from_millis(50));
        }
        Ok(())
    }),
    ("stop_reading", |_, _| hang()),
];

fn hang() -> ! {
    loop {
        sleep(Duration::from_secs(3600));
    }
}

/// Makes the check of a header right again.
fn check(header: &mut [u8]) {
    let check = crc32fast::hash(&header[..12]);
    header[12..16].copy_from_slice(&check.to_le_bytes());
}

fn with_sequence(frame: &[u8], change: impl Fn(u32) -> u32) -> Vec<u8> {
    let mut frame = frame.to_vec();
    let mut sequence = [0; 4];
    sequence.copy_from_slice(&frame[4..8]);
    let changed = change(u32::from_le_bytes(sequence));
    frame[4..8].copy_from_slice(&changed.to_le_bytes());
    check(&mut frame);
    frame
}

fn with_payload(frame: &[u8], payload: &[u8]) -> Vec<u8> {
    let mut changed = frame[..16].to_vec();
    changed[8..12].copy_from_slice(&(payload.len() as u32).to_le_bytes());
    check(&mut changed);
    changed.extend_from_slice(payload);
    changed.extend_from_slice(&crc32fast::hash(payload).to_le_bytes());
    changed
}

/// The standard output, on which every frame is one write.
pub(crate) struct Output {
    good_answers: u32,
    marker: PathBuf,
    misbehave: Misbehave,
}

impl Output {
    fn raw(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut out = io::stdout().lock();
        out.write_all(bytes)?;
        out.flush()
    }

    fn wait_for_request(&mut self) -> io::Result<()> {
        let mut bytes = [0; 1 << 16];
        if io::stdin().read(&mut bytes)? == 0 {
            exit(0);
        }
        Ok(())
    }
}

impl Write for Output {
    fn write(&mut self, frame: &[u8]) -> io::Result<usize> {
        match self.good_answers {
            0 if !self.marker.exists() => {
                std::fs::write(&self.marker, "")?;
                (self.misbehave)(self, frame)?;
            }
            0 => self.raw(frame)?,
            _ => {
                self.good_answers -= 1;
                self.raw(frame)?;
            }
        }
        Ok(frame.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Is the agent.
pub(crate) fn agent(name: &str, marker: &str) -> io::Result<()> {
    let Some((_, misbehave)) = MISBEHAVIOURS.iter().find(|(known, _)| *known == name) else {
        eprintln!("unknown misbehaviour `{name}`");
        exit(2)
    };
    let start = || match backends::named("reference").map(|reference| reference.start()) {
        Ok(Ok(backend)) => backend,
        _ => exit(3),
    };
    let served = Served {
        backend: start(),
        reset: Some(Box::new(move |backend| {
            *backend = start();
            Ok(())
        })),
        name: "hostile".to_owned(),
    };
    let mut output =
        Output { good_answers: GOOD_ANSWERS, marker: marker.into(), misbehave: *misbehave };
    serve(served, &mut io::stdin(), &mut output)
}
