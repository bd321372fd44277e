//! Pairing on the local socket: its user asks the running server for a code, for the list of who is paired, and to forget one of them.
//!
//! A sub-protocol of its own: one question, one answer. The relay that browsers start speaks the two others alone, so no extension gets
//! here; who does is a program of this user, which could read the server's memory as well.

use std::{io, path::Path};

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};

use super::framing::{self, Framed};
use crate::{
    pairing::{Paired, Pairing, ShownCode},
    transport::native::connect,
};

/// The name of the sub-protocol.
pub(super) const PROTOCOL: &str = "tabagent.pairing.v1";

/// Bytes of a question.
const QUESTION_BYTES: usize = 1024;
/// Bytes of an answer: a list of thousands.
const ANSWER_BYTES: usize = 1024 * 1024;

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Question {
    Code,
    List,
    Revoke(String),
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Answer {
    Code(ShownCode),
    List(Vec<Paired>),
    Revoked(Option<Paired>),
    /// What went wrong.
    Failed(String),
}

/// A new code of the server of this data folder. The one before it is worth nothing any more.
///
/// # Errors
/// When there is no server, or it makes none.
pub async fn show_code(folder: &Path) -> io::Result<ShownCode> {
    match ask(folder, &Question::Code).await? {
        Answer::Code(code) => Ok(code),
        other => Err(other.failure()),
    }
}

/// Who is paired with the server of this data folder.
///
/// # Errors
/// When there is no server.
pub async fn list(folder: &Path) -> io::Result<Vec<Paired>> {
    match ask(folder, &Question::List).await? {
        Answer::List(list) => Ok(list),
        other => Err(other.failure()),
    }
}

/// Has the server of this data folder forget a caller, and end what it has under way. None when nobody has this id.
///
/// # Errors
/// When there is no server, or it cannot write that down.
pub async fn revoke(folder: &Path, id: &str) -> io::Result<Option<Paired>> {
    match ask(folder, &Question::Revoke(id.to_owned())).await? {
        Answer::Revoked(paired) => Ok(paired),
        other => Err(other.failure()),
    }
}

impl Answer {
    fn failure(self) -> io::Error {
        io::Error::other(match self {
            Self::Failed(why) => why,
            _ => "the server answered something else".to_owned(),
        })
    }
}

async fn ask(folder: &Path, question: &Question) -> io::Result<Answer> {
    let mut stream = connect(folder).await.map_err(|error| {
        let message = format!("no server has its data in {}: start tabagent-server ({error})", folder.display());
        io::Error::new(error.kind(), message)
    })?;
    framing::write(&mut stream, PROTOCOL.as_bytes()).await?;
    framing::write(&mut stream, &serde_json::to_vec(question)?).await?;
    stream.flush().await?;
    match framing::read(&mut stream, ANSWER_BYTES).await? {
        Framed::Message(answer) => Ok(serde_json::from_slice(&answer)?),
        Framed::TooLong(_) | Framed::End => Err(io::Error::other("the server does not pair")),
    }
}

/// Answers the one question of a connection.
pub(super) async fn serve(stream: &mut (impl AsyncRead + AsyncWrite + Unpin), pairing: &Pairing) -> io::Result<()> {
    let Framed::Message(question) = framing::read(stream, QUESTION_BYTES).await? else { return Ok(()) };
    let answer = match serde_json::from_slice(&question) {
        Ok(question) => answer(question, pairing.clone()).await,
        Err(error) => Answer::Failed(error.to_string()),
    };
    framing::write(stream, &serde_json::to_vec(&answer)?).await?;
    stream.flush().await
}

async fn answer(question: Question, pairing: Pairing) -> Answer {
    // A revocation writes a file.
    let work = move || {
        Ok::<_, io::Error>(match question {
            Question::Code => Answer::Code(pairing.show_code()?),
            Question::List => Answer::List(pairing.list()),
            Question::Revoke(id) => Answer::Revoked(pairing.revoke(&id)?),
        })
    };
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(io::Error::other).flatten().unwrap_or_else(|error| Answer::Failed(error.to_string()))
}
