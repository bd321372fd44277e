//! A named pipe whose name is made of the data folder's. Only this machine can open it; whoever writes must be its user.

use std::{io, path::Path, time::Duration};

use sha2::{Digest, Sha256};
use tokio::net::windows::named_pipe::{ClientOptions, NamedPipeServer, ServerOptions};

/// What Windows says while every instance of a pipe is taken: `ERROR_PIPE_BUSY`.
const BUSY: i32 = 231;
/// How long to wait for the next instance, each time, and how often.
const PAUSE: Duration = Duration::from_millis(20);
const TRIES: u32 = 50;

/// An open connection.
pub(crate) type Stream = Box<dyn Duplex>;

/// Both ends of a named pipe are types of their own.
pub(crate) trait Duplex: tokio::io::AsyncRead + tokio::io::AsyncWrite + Send + Unpin {}

impl<T: tokio::io::AsyncRead + tokio::io::AsyncWrite + Send + Unpin> Duplex for T {}

/// The server's end.
pub(crate) struct Listener {
    name: String,
    next: NamedPipeServer,
}

impl Listener {
    /// Listens for this data folder.
    ///
    /// # Errors
    /// When another server does (`PermissionDenied`).
    pub(crate) fn open(folder: &Path) -> io::Result<Self> {
        let name = name(folder)?;
        let next = ServerOptions::new().first_pipe_instance(true).create(&name)?;
        Ok(Self { name, next })
    }

    /// The next connection.
    pub(crate) async fn accept(&mut self) -> io::Result<Stream> {
        let connected = self.next.connect().await;
        let next = ServerOptions::new().create(&self.name)?;
        if let Err(error) = connected {
            // Whoever opened it was gone before it was met: nobody can open that instance any more.
            self.next = next;
            return Err(error);
        }
        Ok(Box::new(std::mem::replace(&mut self.next, next)))
    }
}

/// Opens a connection to the server of this data folder.
///
/// # Errors
/// When there is none.
pub(crate) async fn connect(folder: &Path) -> io::Result<Stream> {
    let name = name(folder)?;
    for _ in 1..TRIES {
        match ClientOptions::new().open(&name) {
            Err(error) if error.raw_os_error() == Some(BUSY) => tokio::time::sleep(PAUSE).await,
            opened => return Ok(Box::new(opened?)),
        }
    }
    Ok(Box::new(ClientOptions::new().open(&name)?))
}

/// Made of the folder itself, which may be spelled in many ways.
fn name(folder: &Path) -> io::Result<String> {
    let folder = folder.canonicalize()?;
    let hash = Sha256::digest(folder.as_os_str().as_encoded_bytes());
    Ok(format!(r"\\.\pipe\tabagent-{hash:x}"))
}
