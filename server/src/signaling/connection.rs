//! One connection: a negotiation, the transport it leads to, and what its owner may know about it.

use std::{
    collections::HashSet,
    net::IpAddr,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use tabagent_protocol::{
    Code, Fault,
    signaling::{CandidateInit, CandidateList, ConnectionInfo, ConnectionState, NumberedCandidate, StepTime},
};
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use super::{ConnectionId, handshake::Handshake};
use crate::{
    limits::ServerLimits,
    service::Principal,
    transport::{Candidate, GOODBYE, Peer, Step},
};

/// Why a connection ended that ended without anybody's wish.
const LOST: &str = "the path was lost";

/// Who asks for a connection.
#[derive(Clone, Debug)]
pub struct Client {
    /// On whose behalf.
    pub principal: Principal,
    /// From where.
    pub ip: Option<IpAddr>,
    /// What it calls itself.
    pub client_id: Option<String>,
    /// It has a session here that it may come back to: while the server drains nobody else is let in.
    pub returns: bool,
}

/// A connection, from its first request to its end.
#[derive(Debug)]
pub struct Connection {
    /// Its name.
    pub id: ConnectionId,
    /// Whose it is; fixed when it was admitted.
    pub principal: Principal,
    /// The client's own name for itself; told back, never trusted.
    pub client_id: Option<String>,
    /// Whether the client is on this machine.
    pub loopback: bool,
    /// When it was admitted, for people.
    pub created: jiff::Timestamp,
    /// Cancelled when the connection is over, whoever ended it; end it with [`close`](Self::close).
    pub closed: CancellationToken,
    /// Cancelled when its session is to leave it; ask for that with [`retire`](Self::retire).
    pub(crate) retiring: CancellationToken,
    /// Told when it turns out to carry on a session of before.
    pub(super) resumes: Notify,
    /// A session has been welcomed on it.
    attended: AtomicBool,
    peer: Peer,
    began: Instant,
    /// Milliseconds from `began` to the last sign of life.
    active: AtomicU64,
    state: Mutex<State>,
    /// Counts changes of `state.offered`, for polls that wait for one.
    news: watch::Sender<u64>,
    limits: ServerLimits,
}

#[derive(Debug)]
struct State {
    phase: ConnectionState,
    handshake: Handshake,
    has_answer: bool,
    channel_open: bool,
    /// The server's candidates; the number of one is its place, from 1.
    offered: Vec<CandidateInit>,
    all_offered: bool,
    /// How many candidates the client has sent.
    received: usize,
    /// Sub-protocols of which there may be one channel, and is.
    lanes: HashSet<&'static str>,
    /// Why it ends, once somebody has said so.
    reason: Option<&'static str>,
}

impl Connection {
    /// A connection whose offer has just been answered (`answered`) or made.
    pub(super) fn new(
        id: ConnectionId,
        client: Client,
        peer: Peer,
        handshake: Handshake,
        answered: bool,
        limits: ServerLimits,
    ) -> Self {
        let mut state = State {
            phase: ConnectionState::WaitingForAnswer,
            handshake,
            has_answer: answered,
            channel_open: false,
            offered: Vec::new(),
            all_offered: false,
            received: 0,
            lanes: HashSet::new(),
            reason: None,
        };
        state.handshake.step(id, Step::Offer);
        if answered {
            state.phase = ConnectionState::IceGathering;
            state.handshake.step(id, Step::Answer);
        }
        Self {
            id,
            principal: client.principal,
            client_id: client.client_id,
            loopback: client.ip.is_some_and(|ip| ip.to_canonical().is_loopback()),
            created: jiff::Timestamp::now(),
            closed: CancellationToken::new(),
            retiring: CancellationToken::new(),
            resumes: Notify::new(),
            attended: AtomicBool::new(false),
            peer,
            began: Instant::now(),
            active: AtomicU64::new(0),
            state: Mutex::new(state),
            news: watch::Sender::new(0),
            limits,
        }
    }

    /// Traffic on a channel: keeps the connection from being idle.
    pub fn activity(&self) {
        let ms = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.active.store(ms, Ordering::Relaxed);
    }

    /// A step of the handshake was made; told to the log the first time.
    pub fn step(&self, step: Step) {
        let mut state = self.lock();
        if step == Step::Ice {
            state.handshake.candidates(self.id, state.received, state.offered.len());
        }
        if step >= Step::Dtls && state.phase == ConnectionState::IceGathering {
            state.phase = ConnectionState::Connected;
        }
        state.channel_open |= step == Step::Channel;
        state.handshake.step(self.id, step);
        drop(state);
        self.activity();
    }

    /// It carries on a session of before: it does not count as a new one.
    pub(crate) fn resumed(&self) {
        self.resumes.notify_one();
    }

    /// Ends the connection for this reason. The first reason is the one that is told.
    pub fn close(&self, reason: &'static str) {
        self.lock().reason.get_or_insert(reason);
        self.closed.cancel();
    }

    /// Ends the connection for this reason; a session on it is asked to come over another one first, for which it has a moment.
    pub fn retire(&self, reason: &'static str) {
        if !self.attended.load(Ordering::Relaxed) {
            return self.close(reason);
        }
        self.lock().reason.get_or_insert(reason);
        self.retiring.cancel();
    }

    /// A session is on it, which will heed `retiring`.
    pub(crate) fn attended(&self) {
        self.attended.store(true, Ordering::Relaxed);
    }

    /// True for the first who asks for this lane: there is one channel of each.
    pub(crate) fn claim_lane(&self, protocol: &'static str) -> bool {
        self.lock().lanes.insert(protocol)
    }

    /// Takes the client's answer and what candidates came with it.
    ///
    /// # Errors
    /// `invalid_state` unless the answer is awaited; what the transport says about the answer.
    pub async fn accept_answer(&self, sdp: &str, candidates: Vec<CandidateInit>) -> Result<(), Fault> {
        self.awaits(ConnectionState::WaitingForAnswer)?;
        self.peer.accept_answer(sdp).await?;
        {
            let mut state = self.lock();
            state.has_answer = true;
            if state.phase == ConnectionState::WaitingForAnswer {
                state.phase = ConnectionState::IceGathering;
            }
            state.handshake.step(self.id, Step::Answer);
        }
        self.activity();
        self.add_candidates(candidates).await
    }

    /// Takes candidates of the client, also before its answer: the transport keeps them until then.
    ///
    /// # Errors
    /// `limit_reached` for one too many, `validation_failed` for one that is none; those before it are taken.
    pub async fn add_candidates(&self, candidates: Vec<CandidateInit>) -> Result<(), Fault> {
        for init in candidates {
            if init.candidate.len() > self.limits.candidate_bytes {
                let message = format!("a candidate is longer than {} bytes (limit candidate_bytes)", self.limits.candidate_bytes);
                return Err(Fault::new(Code::VALIDATION_FAILED, message).with_details(r#"{"field":"candidate"}"#));
            }
            let end = init.candidate.is_empty();
            self.peer.add_candidate(to_candidate(init)).await?;
            if !end {
                self.lock().received += 1;
                self.activity();
            }
        }
        Ok(())
    }

    /// The server's candidates after number `since`; waits up to `wait` for one when there is none yet.
    pub async fn candidates(&self, since: u64, wait: Duration) -> CandidateList {
        let mut news = self.news.subscribe();
        let wait = wait.min(Duration::from_millis(self.limits.candidate_wait));
        let something = async {
            while self.listed(since).candidates.is_empty() && !self.listed(since).done && news.changed().await.is_ok() {}
        };
        tokio::select! {
            _ = tokio::time::timeout(wait, something) => {}
            () = self.closed.cancelled() => {}
        }
        self.listed(since)
    }

    /// What its owner may know.
    #[must_use]
    pub fn info(&self) -> ConnectionInfo {
        let state = self.lock();
        let active = jiff::SignedDuration::from_millis(i64::try_from(self.active.load(Ordering::Relaxed)).unwrap_or(i64::MAX));
        ConnectionInfo {
            session_id: self.id.to_string(),
            client_id: self.client_id.clone(),
            state: state.phase,
            created_at: self.created.to_string(),
            last_activity: self.created.checked_add(active).unwrap_or(self.created).to_string(),
            data_channel_connected: state.channel_open && state.phase == ConnectionState::Connected,
            ice_candidate_count: state.received,
            has_offer: true,
            has_answer: state.has_answer,
            steps: state.handshake.made().map(|(step, ms)| StepTime { step: step.name().to_owned(), ms }).collect(),
        }
    }

    /// How far it is.
    pub(super) fn phase(&self) -> ConnectionState {
        self.lock().phase
    }

    /// One of our own candidates, or the news that there are no more.
    pub(super) fn offered(&self, candidate: Option<Candidate>) {
        let mut state = self.lock();
        match candidate {
            Some(candidate) if state.offered.len() < self.limits.candidates => state.offered.push(to_init(candidate)),
            Some(_) => {}
            None => state.all_offered = true,
        }
        drop(state);
        self.news.send_modify(|count| *count += 1);
    }

    /// When the connection will be over unless something happens, and why it then is.
    pub(super) fn deadline(&self) -> (Instant, &'static str) {
        let active = self.began + Duration::from_millis(self.active.load(Ordering::Relaxed));
        let (wait, reason) = match self.phase() {
            ConnectionState::WaitingForAnswer => (self.limits.unanswered, "no answer came in time (limit unanswered)"),
            ConnectionState::IceGathering => (self.limits.unanswered, "it was not connected in time (limit unanswered)"),
            _ => (self.limits.idle, "it was idle for too long (limit idle)"),
        };
        (active + Duration::from_millis(wait), reason)
    }

    /// Ends it for the stack too.
    pub(super) fn close_peer(&self) {
        self.peer.close();
    }

    /// It is over. `told` is the transport's reason, where the transport ended it.
    pub(super) fn over(&self, told: Option<&'static str>) {
        let mut state = self.lock();
        let wanted = state.reason;
        let on_purpose = wanted.is_some() || told == Some(GOODBYE);
        state.phase = if on_purpose { ConnectionState::Closed } else { ConnectionState::Disconnected };
        state.all_offered = true;
        state.handshake.ended(self.id, wanted.or(told).unwrap_or(LOST));
        drop(state);
        self.closed.cancel();
        self.news.send_modify(|count| *count += 1);
    }

    fn awaits(&self, expected: ConnectionState) -> Result<(), Fault> {
        let actual = self.phase();
        if actual == expected { Ok(()) } else { Err(wrong_state(expected, actual)) }
    }

    fn listed(&self, since: u64) -> CandidateList {
        let state = self.lock();
        let skip = usize::try_from(since).unwrap_or(usize::MAX);
        let candidates: Vec<_> = (1..)
            .zip(&state.offered)
            .skip(skip)
            .map(|(seq, candidate)| NumberedCandidate { seq, candidate: candidate.clone() })
            .collect();
        let next = candidates.last().map_or(since, |last| last.seq);
        CandidateList { candidates, next, done: state.all_offered }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The refusal of a request that comes too early, too late or twice.
pub(super) fn wrong_state(expected: ConnectionState, actual: ConnectionState) -> Fault {
    let (expected, actual) = (expected.name(), actual.name());
    Fault::new(Code::INVALID_STATE, format!("the connection should be {expected} for this, but is {actual}"))
        .with_details(format!(r#"{{"expected":"{expected}","actual":"{actual}"}}"#))
}

fn to_candidate(init: CandidateInit) -> Candidate {
    Candidate {
        candidate: init.candidate,
        sdp_mid: init.sdp_mid,
        sdp_mline_index: init.sdp_mline_index,
        username_fragment: init.username_fragment,
    }
}

fn to_init(candidate: Candidate) -> CandidateInit {
    CandidateInit {
        candidate: candidate.candidate,
        sdp_mid: candidate.sdp_mid,
        sdp_mline_index: candidate.sdp_mline_index,
        username_fragment: candidate.username_fragment,
    }
}
