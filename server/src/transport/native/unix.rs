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
    /// When another server does (`AddrInUse`), or the socket cannot be made: its path may have a hundred bytes.
    pub(crate) fn open(folder: &Path) -> io::Result<Self> {
        let lock = File::options().create(true).append(true).mode(0o600).open(folder.join(LOCK))?;
        lock.try_lock().map_err(|error| match error {
            fs::TryLockError::WouldBlock => io::ErrorKind::AddrInUse.into(),
            fs::TryLockError::Error(error) => error,
        })?;
        let path = folder.join(NAME);
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
    UnixStream::connect(folder.join(NAME)).await
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
}
