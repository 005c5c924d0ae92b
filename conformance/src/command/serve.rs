//! `serve`: be the agent of a backend.

#[cfg(feature = "host")]
mod shared;

use std::io::{self, Read, Write};
use std::net::TcpListener;
use std::os::unix::net::UnixListener;
use std::path::PathBuf;

use clap::Args;

use super::exit::Exit;
use super::failure::Failure;
use crate::backends::{self, StartError};
use crate::remote::serve::{Served, serve as answer};

/// What `serve` takes.
#[derive(Args)]
pub(super) struct Serve {
    /// The backend, see `backends`.
    ///
    /// The backend: one that `vmo-conformance backends` lists, or fault:NAME for
    /// the reference with a mistake.
    #[arg(long, default_value = backends::default_name(), value_name = "NAME")]
    backend: String,
    /// unix:PATH, tcp:HOST:PORT or shm:PATH.
    ///
    /// Listen at unix:PATH, tcp:HOST:PORT or shm:PATH, for one tester after the
    /// other; the standard input and output are used if not given.
    #[arg(long, value_name = "PLACE", value_parser = place)]
    listen: Option<Place>,
}

#[derive(Clone)]
enum Place {
    #[cfg(feature = "host")]
    Shared(PathBuf),
    Unix(PathBuf),
    Tcp(String),
}

fn place(text: &str) -> Result<Place, String> {
    match text.split_once(':') {
        #[cfg(feature = "host")]
        Some(("shm", path)) if !path.is_empty() => Ok(Place::Shared(path.into())),
        Some(("unix", path)) if !path.is_empty() => Ok(Place::Unix(path.into())),
        Some(("tcp", address)) if address.contains(':') => Ok(Place::Tcp(address.to_owned())),
        _ => Err("it takes unix:PATH, tcp:HOST:PORT or shm:PATH".to_owned()),
    }
}

/// The backend, which is started anew to reset it.
fn served(name: &str) -> Result<Served, Failure> {
    #[cfg(feature = "host")]
    if let Some(path) = name.strip_prefix(backends::LIBRARY_PREFIX) {
        return shared::library(path);
    }
    let choice = backends::named(name)?;
    let backend = choice.start()?;
    let reset = move |backend: &mut Box<_>| -> Result<(), StartError> {
        *backend = choice.start()?;
        Ok(())
    };
    Ok(Served { backend, reset: Some(Box::new(reset)), name: name.to_owned() })
}

pub(super) fn serve(arguments: &Serve) -> Result<Exit, Failure> {
    let name = arguments.backend.as_str();
    let one = |mut input: &mut dyn Read, mut output: &mut dyn Write| -> Result<(), Failure> {
        Ok(answer(served(name)?, &mut input, &mut output)?)
    };
    match &arguments.listen {
        None => one(&mut io::stdin().lock(), &mut io::stdout().lock())?,
        #[cfg(feature = "host")]
        Some(Place::Shared(path)) => {
            let failed = |error| Failure::Unwritable { path: path.clone(), error };
            let rings = vmo_host::Rings::of_agent(path).map_err(failed)?;
            let rings = std::cell::RefCell::new(rings);
            one(&mut shared::Stream(&rings), &mut shared::Stream(&rings))?;
        }
        Some(Place::Unix(path)) => {
            let listener = UnixListener::bind(path)
                .map_err(|error| Failure::Unwritable { path: path.clone(), error })?;
            for stream in listener.incoming() {
                let stream = stream?;
                one(&mut &stream, &mut &stream)?;
            }
        }
        Some(Place::Tcp(address)) => {
            let listener = TcpListener::bind(address)
                .map_err(|error| Failure::Unwritable { path: address.into(), error })?;
            for stream in listener.incoming() {
                let stream = stream?;
                stream.set_nodelay(true)?;
                one(&mut &stream, &mut &stream)?;
            }
        }
    }
    Ok(Exit::Good)
}
