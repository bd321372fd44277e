//! Asks one STUN or TURN server over UDP: again where nothing comes back, and with a signature where one is wanted.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use tokio::{
    net::UdpSocket,
    time::{sleep, timeout},
};

use super::stun::{self, Answer, Question};

/// What an answer may take, all repetitions together.
const PATIENCE: Duration = Duration::from_secs(3);
/// A question that got lost is repeated after this.
const AGAIN: Duration = Duration::from_millis(500);
/// Bytes of an answer; real ones have about 100.
const ANSWER_BYTES: usize = 1_500;
/// UDP, as the number of a protocol stands in a request for an address.
const OVER_UDP: [u8; 4] = [17, 0, 0, 0];

/// Who asks a TURN server.
#[derive(Clone, Debug)]
pub(super) struct User {
    pub(super) name: String,
    pub(super) password: String,
}

/// Asks from one of our addresses. Answers with nothing when no answer came, else with the refusal if it is one.
pub(super) async fn ask(from: IpAddr, at: SocketAddr, user: &User, turn: bool) -> io::Result<Option<Option<(u16, String)>>> {
    let socket = UdpSocket::bind((from, 0)).await?;
    socket.connect(at).await?;
    let answer = if turn { borrow(&socket, user).await? } else { exchange(&socket, stun::BINDING, |question| question).await? };
    // A STUN server that refuses is one all the same.
    Ok(answer.map(|answer| answer.refusal().filter(|_| turn)))
}

/// Borrows an address from a TURN server, and gives it back.
async fn borrow(socket: &UdpSocket, user: &User) -> io::Result<Option<Answer>> {
    let wish = |question: Question| question.with(stun::REQUESTED_TRANSPORT, &OVER_UDP);
    // The first refusal says what is to be signed with.
    let first = exchange(socket, stun::ALLOCATE, wish).await?;
    let Some(refusal) = first.as_ref().filter(|answer| answer.refusal().is_some_and(|(number, _)| number == 401)) else {
        return Ok(first);
    };
    let (Some(realm), Some(nonce)) = (refusal.attribute(stun::REALM), refusal.attribute(stun::NONCE)) else { return Ok(first) };
    let key = stun::key(&user.name, realm, &user.password);
    let sign = |question: Question| {
        let question = question.with(stun::USERNAME, user.name.as_bytes()).with(stun::REALM, realm);
        question.with(stun::NONCE, nonce).signed(&key)
    };
    let lent = exchange(socket, stun::ALLOCATE, |question| sign(wish(question))).await?;
    if lent.as_ref().is_some_and(|answer| answer.refusal().is_none()) {
        exchange(socket, stun::REFRESH, |question| sign(question.with(stun::LIFETIME, &[0; 4]))).await?;
    }
    Ok(lent)
}

/// Asks, again where nothing comes back, and waits for the answer.
async fn exchange(socket: &UdpSocket, kind: u16, complete: impl FnOnce(Question) -> Question) -> io::Result<Option<Answer>> {
    let mut id = stun::Id::default();
    getrandom::fill(&mut id).map_err(|error| io::Error::other(error.to_string()))?;
    let question = complete(Question::new(kind, id));
    let asking = async {
        loop {
            // "Refused" may be about the question before; the next one tells.
            let _ = socket.send(question.bytes()).await;
            sleep(AGAIN).await;
        }
    };
    let answered = async {
        let mut packet = [0; ANSWER_BYTES];
        loop {
            match socket.recv(&mut packet).await.map(|length| Answer::read(&packet[..length], kind, id)) {
                Ok(Some(answer)) => return answer,
                Ok(None) => {}
                // An unreachable port comes back as an error for every question: wait for the next one.
                Err(_) => sleep(AGAIN).await,
            }
        }
    };
    let asked = async {
        tokio::select! {
            () = asking => None,
            answer = answered => Some(answer),
        }
    };
    Ok(timeout(PATIENCE, asked).await.ok().flatten())
}
