//! The native-messaging host as a browser has it: a process with two pipes, each message behind its length.

use std::{
    io::{self, Read, Write},
    path::Path,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    thread,
};

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::Value;
use tabagent_server::{
    testing::{Transport, channel},
    transport::Message,
};

use crate::program;

/// A running host, killed when dropped.
pub struct Host {
    running: Running,
    /// What the extension says.
    pub input: ChildStdin,
    /// What it hears.
    pub output: ChildStdout,
}

impl Host {
    /// Starts it as a browser does for an extension that nobody knows.
    ///
    /// # Errors
    /// When there is no such program.
    pub fn start(data: &Path) -> io::Result<Self> {
        let mut command = Command::new(program::path()?);
        command.args(["native-host", "--data-dir"]).arg(data).args(["--", "chrome-extension://whoever/"]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let none = || io::Error::other("a pipe is missing");
        let (input, output) = (child.stdin.take().ok_or_else(none)?, child.stdout.take().ok_or_else(none)?);
        Ok(Self { running: Running(child), input, output })
    }

    /// Waits for its end, and says whether it was a good one.
    ///
    /// # Errors
    /// When it cannot be waited for.
    pub fn wait(&mut self) -> io::Result<bool> {
        Ok(self.running.0.wait()?.success())
    }

    /// Closes its input, as a browser does with a port, and waits as [`wait`](Self::wait).
    ///
    /// # Errors
    /// When it cannot be waited for.
    pub fn close(mut self) -> io::Result<bool> {
        drop(self.input);
        Ok(self.running.0.wait()?.success())
    }

    /// A transport of the test client over packets in it; two threads carry them, until the client lets go or the host ends.
    ///
    /// # Errors
    /// When there is no such program.
    pub fn transport(data: &Path) -> io::Result<Transport> {
        let Self { running, mut input, mut output } = Self::start(data)?;
        let (channel, far) = channel();
        let transport = Transport::shared(channel);
        let (mut to_send, received) = (far.to_send, far.received);
        thread::spawn(move || {
            while let Some(Message::Binary(packet) | Message::Text(packet)) = to_send.blocking_recv() {
                if say(&mut input, &serde_json::json!({"p": BASE64_STANDARD.encode(&packet)})).is_err() {
                    break;
                }
            }
        });
        let over = transport.over();
        thread::spawn(move || {
            while let Ok(Some(message)) = hear(&mut output) {
                let packet = message["p"].as_str().and_then(|text| BASE64_STANDARD.decode(text).ok()).unwrap_or_default();
                if received.blocking_send(Message::Binary(packet.into())).is_err() {
                    break;
                }
            }
            over.cancel();
            drop(running);
        });
        Ok(transport)
    }
}

struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Says a message as a browser does.
///
/// # Errors
/// When the host does not hear any more.
pub fn say(input: &mut impl Write, message: &Value) -> io::Result<()> {
    let text = message.to_string();
    let length = u32::try_from(text.len()).map_err(io::Error::other)?;
    input.write_all(&length.to_ne_bytes())?;
    input.write_all(text.as_bytes())?;
    input.flush()
}

/// The next message of the host; none at its end. A browser takes no larger one.
///
/// # Errors
/// When the message is cut short, too long or no JSON.
pub fn hear(output: &mut impl Read) -> io::Result<Option<Value>> {
    let mut length = [0; 4];
    if output.read(&mut length[..1])? == 0 {
        return Ok(None);
    }
    output.read_exact(&mut length[1..])?;
    let length = u32::from_ne_bytes(length);
    if length > 64 * 1024 {
        return Err(io::Error::other(format!("{length} bytes in one message")));
    }
    let mut text = vec![0; length as usize];
    output.read_exact(&mut text)?;
    Ok(Some(serde_json::from_slice(&text)?))
}
