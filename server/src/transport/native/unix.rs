//! A Unix socket in the data folder, its user's alone.

use std::{
    fs::{self, File, Permissions},
    io,
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use tokio::net::{UnixListener, UnixStream};

/// The socket's file.
const NAME: &str = "native.sock";
/// Locked by the server that has the socket: a file without a listener behind it may then be replaced.
const LOCK: &str = "native.lock";

/// Bytes of a socket's path, without the zero behind it: what macOS has room for. Linux has four more.
const PATH_BYTES: usize = 103;

/// An open connection.
pub(crate) type Stream = UnixStream;

/// The server's end; its file goes with it.
pub(crate) struct Listener {
    listener: UnixListener,
    path: PathBuf,
    _lock: File,
}

impl Listener {
    /// Listens in this data folder.
    ///
    /// # Errors
    /// When another server does (`AddrInUse`), or the socket cannot be made: its path is too long (`InvalidFilename`).
    pub(crate) fn open(folder: &Path) -> io::Result<Self> {
        let path = path(folder)?;
        let lock = File::options().create(true).append(true).mode(0o600).open(folder.join(LOCK))?;
        lock.try_lock().map_err(|error| match error {
            fs::TryLockError::WouldBlock => io::ErrorKind::AddrInUse.into(),
            fs::TryLockError::Error(error) => error,
        })?;
        remove(&path)?;
        let listener = UnixListener::bind(&path)?;
        fs::set_permissions(&path, Permissions::from_mode(0o600))?;
        Ok(Self { listener, path, _lock: lock })
    }

    /// The next connection of this user's. Until the file had its rights others may have opened one, so each is asked.
    pub(crate) async fn accept(&mut self) -> io::Result<Stream> {
        let own = rustix::process::geteuid().as_raw();
        loop {
            let (stream, _) = self.listener.accept().await?;
            if stream.peer_cred()?.uid() == own {
                return Ok(stream);
            }
            tracing::warn!("another user of this machine tried the local socket");
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        if let Err(error) = remove(&self.path) {
            tracing::debug!(%error, "the local socket's file stays");
        }
    }
}

/// Opens a connection to the server of this data folder.
///
/// # Errors
/// When there is none.
pub(crate) async fn connect(folder: &Path) -> io::Result<Stream> {
    UnixStream::connect(path(folder)?).await
}

/// Where the socket is. The system has little room for the name of one, and says no more than that it is invalid.
fn path(folder: &Path) -> io::Result<PathBuf> {
    let path = folder.join(NAME);
    let bytes = path.as_os_str().len();
    if bytes <= PATH_BYTES {
        return Ok(path);
    }
    let message =
        format!("the path {} has {bytes} bytes, a socket's at most {PATH_BYTES}: choose a shorter --data-dir", path.display());
    Err(io::Error::new(io::ErrorKind::InvalidFilename, message))
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_server_of_a_folder_has_the_socket_and_what_is_left_of_a_dead_one_is_replaced() -> io::Result<()> {
        let folder = tempfile::tempdir()?;
        assert!(connect(folder.path()).await.is_err());
        // A dead server's file: nobody listens behind it.
        drop(std::os::unix::net::UnixListener::bind(folder.path().join(NAME))?);
        let mut listener = Listener::open(folder.path())?;
        let mode = fs::metadata(folder.path().join(NAME))?.permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let second = Listener::open(folder.path()).err().map(|error| error.kind());
        assert_eq!(second, Some(io::ErrorKind::AddrInUse));
        let (near, far) = tokio::join!(connect(folder.path()), listener.accept());
        drop((near?, far?));
        drop(listener);
        assert!(!folder.path().join(NAME).exists());
        Listener::open(folder.path()).map(drop)
    }

    #[tokio::test]
    async fn a_path_that_is_too_long_is_named_at_both_ends_and_the_longest_works() -> io::Result<()> {
        let base = tempfile::tempdir()?;
        let letters = PATH_BYTES - base.path().as_os_str().len() - NAME.len() - 2;
        let (longest, longer) = (base.path().join("f".repeat(letters)), base.path().join("f".repeat(letters + 1)));
        fs::create_dir(&longest)?;
        fs::create_dir(&longer)?;
        let mut listener = Listener::open(&longest)?;
        let (near, far) = tokio::join!(connect(&longest), listener.accept());
        drop((near?, far?));
        for refused in [Listener::open(&longer).err(), connect(&longer).await.err()] {
            let error = refused.ok_or_else(|| io::Error::other("it is not refused"))?;
            assert_eq!(error.kind(), io::ErrorKind::InvalidFilename);
            assert!(error.to_string().contains("--data-dir"), "{error}");
        }
        Ok(())
    }
}
