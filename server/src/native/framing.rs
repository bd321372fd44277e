//! Messages on a pipe, as browsers and native-messaging hosts have them: the length in four bytes of this machine's order, then the bytes.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// What a pipe brought.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Framed {
    /// A message.
    Message(Vec<u8>),
    /// One of this many bytes, which is too long: it was read past.
    TooLong(u32),
    /// Nothing any more; the last message was whole.
    End,
}

/// The next message, of `largest` bytes at most. What is lost with a dropped call is lost for good.
///
/// # Errors
/// When the pipe breaks, or ends inside a message.
pub(crate) async fn read(pipe: &mut (impl AsyncRead + Unpin), largest: usize) -> io::Result<Framed> {
    let mut length = [0; 4];
    if pipe.read(&mut length[..1]).await? == 0 {
        return Ok(Framed::End);
    }
    pipe.read_exact(&mut length[1..]).await?;
    let length = u32::from_ne_bytes(length);
    if length as usize > largest {
        let passed = tokio::io::copy(&mut pipe.take(length.into()), &mut tokio::io::sink()).await?;
        return if passed == u64::from(length) { Ok(Framed::TooLong(length)) } else { Err(io::ErrorKind::UnexpectedEof.into()) };
    }
    let mut message = vec![0; length as usize];
    pipe.read_exact(&mut message).await?;
    Ok(Framed::Message(message))
}

/// Writes a message; the caller flushes.
///
/// # Errors
/// When the pipe is broken, or the message has more bytes than can be told.
pub(crate) async fn write(pipe: &mut (impl AsyncWrite + Unpin), message: &[u8]) -> io::Result<()> {
    let length = u32::try_from(message.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
    pipe.write_all(&length.to_ne_bytes()).await?;
    pipe.write_all(message).await
}

#[cfg(test)]
mod tests {
    use super::*;

    const LARGEST: usize = 300;

    async fn framed(length: usize) -> io::Result<Vec<u8>> {
        let mut pipe = Vec::new();
        write(&mut pipe, &vec![7; length]).await?;
        Ok(pipe)
    }

    #[tokio::test]
    async fn messages_of_every_length_come_back_one_after_the_other() -> io::Result<()> {
        let lengths = [0, 1, 2, 3, 4, 5, 255, 256, 257, LARGEST - 1, LARGEST];
        let mut pipe = Vec::new();
        for length in lengths {
            pipe.extend(framed(length).await?);
        }
        let mut pipe = pipe.as_slice();
        for length in lengths {
            assert_eq!(read(&mut pipe, LARGEST).await?, Framed::Message(vec![7; length]));
        }
        assert_eq!(read(&mut pipe, LARGEST).await?, Framed::End);
        Ok(())
    }

    #[tokio::test]
    async fn one_that_is_too_long_is_read_past() -> io::Result<()> {
        let pipe = [framed(LARGEST + 1).await?, framed(1).await?].concat();
        let mut pipe = pipe.as_slice();
        assert_eq!(read(&mut pipe, LARGEST).await?, Framed::TooLong(301));
        assert_eq!(read(&mut pipe, LARGEST).await?, Framed::Message(vec![7]));
        Ok(())
    }

    #[tokio::test]
    async fn an_end_inside_a_message_is_a_failure_wherever_it_is() -> io::Result<()> {
        for length in [5, LARGEST + 1] {
            let pipe = framed(length).await?;
            for cut in 1..pipe.len() {
                let error = read(&mut &pipe[..cut], LARGEST).await.err().map(|error| error.kind());
                assert_eq!(error, Some(io::ErrorKind::UnexpectedEof), "{cut} of {}", pipe.len());
            }
        }
        // A length that nobody has: nothing is allocated for it.
        let error = read(&mut [255_u8; 5].as_slice(), LARGEST).await.err().map(|error| error.kind());
        assert_eq!(error, Some(io::ErrorKind::UnexpectedEof));
        Ok(())
    }
}
