//! Files that are either whole or not there.

use std::fs::{self, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// Writes a file whole or not at all.
pub(crate) fn write_file(path: &Path, text: &str) -> io::Result<()> {
    match fs::metadata(path) {
        // A device or a pipe is written to; nothing can take its place.
        Ok(known) if !known.is_file() => {
            let mut file = OpenOptions::new().write(true).open(path)?;
            file.write_all(text.as_bytes()).and_then(|()| file.flush())
        }
        // Behind a link it is the file that is replaced.
        Ok(_) => replace(&fs::canonicalize(path)?, text),
        Err(error) if error.kind() == io::ErrorKind::NotFound => replace(path, text),
        Err(error) => Err(error),
    }
}

fn replace(path: &Path, text: &str) -> io::Result<()> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    // If anything fails the unfinished file is taken away again.
    let mut file = tempfile::Builder::new()
        .prefix(".vmo-conformance-")
        .permissions(Permissions::from_mode(0o666))
        .tempfile_in(folder)?;
    file.write_all(text.as_bytes())?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}
