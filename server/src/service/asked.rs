//! Who asks, and for what: the one shape that every way in turns its requests into.

use std::{
    fmt,
    hash::{Hash, Hasher},
    sync::Arc,
    time::Duration,
};

use serde_json::Value;
use tabagent_protocol::{
    Code, Fault, Payload,
    api::{Action, StopGeneration, refused},
};
use tokio_util::sync::CancellationToken;

use super::{incoming::Incoming, limits::ServiceLimits, reverse::ReverseCaller};

/// Who is calling: fixed when a connection is admitted, the same on every way in. Two of the same name are the same.
#[derive(Clone)]
pub struct Principal {
    name: Arc<str>,
    /// Cancelled when what let it in is taken back; none for what lasts as long as the server.
    revoked: Option<CancellationToken>,
}

impl Principal {
    /// A caller by name: `key:1f2e3d4c`, `origin:https://example.org`, …
    pub fn new(name: impl Into<Arc<str>>) -> Self {
        Self { name: name.into(), revoked: None }
    }

    /// A caller that is let in until this is cancelled: then whatever it has under way ends.
    pub(crate) fn until(name: impl Into<Arc<str>>, revoked: CancellationToken) -> Self {
        Self { name: name.into(), revoked: Some(revoked) }
    }

    /// Returns when what let it in is taken back.
    pub(crate) async fn revoked(&self) {
        match &self.revoked {
            Some(revoked) => revoked.cancelled().await,
            None => std::future::pending().await,
        }
    }

    /// Why it is let in no more.
    ///
    /// # Errors
    /// `unauthorized` when what let it in was taken back.
    pub(crate) fn check(&self) -> Result<(), Fault> {
        match &self.revoked {
            Some(revoked) if revoked.is_cancelled() => Err(Self::revocation()),
            _ => Ok(()),
        }
    }

    /// What it is told then.
    pub(crate) fn revocation() -> Fault {
        Fault::new(Code::UNAUTHORIZED, "the pairing was revoked: pair anew")
    }

    /// A caller on this machine that needed no key.
    #[must_use]
    pub fn local() -> Self {
        Self::new("local")
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.name
    }
}

impl PartialEq for Principal {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Principal {}

impl Hash for Principal {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

impl fmt::Debug for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Principal({:?})", self.name)
    }
}

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

/// What is asked, however it came in.
#[derive(Debug)]
pub struct Asked {
    /// Who asks.
    pub principal: Principal,
    /// The server's own number of the session it came in by, if any ([`super::Service::new_session`]).
    pub session: Option<u64>,
    /// Name of the action.
    pub action: String,
    /// The action's fields: an object, or null for none.
    pub fields: Value,
    /// Raw bytes beside the fields.
    pub payload: Option<Payload>,
    /// What the caller streams up, where it does.
    pub incoming: Option<Incoming>,
    /// The caller's name of the call, unique among the session's running calls. Without one, a `request_id` among the
    /// fields counts, or else the server makes one.
    pub request_id: Option<String>,
    /// How long the call may take from now on.
    pub deadline: Option<Duration>,
    /// The caller's name of what is to happen once: a repeat gets the first result. Without one, an `idempotency_key` among the
    /// fields counts.
    pub idempotency_key: Option<String>,
    /// The server process that first had the key, where the caller knows it: another one cannot tell what became of the call.
    pub boot: Option<[u8; 16]>,
    /// The way back, where the caller serves actions too.
    pub reverse: Option<ReverseCaller>,
}

impl Asked {
    /// A request with nothing beside its fields.
    pub fn new(principal: Principal, action: impl Into<String>, fields: Value) -> Self {
        Self {
            principal,
            session: None,
            action: action.into(),
            fields,
            payload: None,
            incoming: None,
            request_id: None,
            deadline: None,
            idempotency_key: None,
            boot: None,
            reverse: None,
        }
    }

    /// Takes the idempotency key, wherever it is written.
    pub(super) fn take_key(&mut self, limits: &ServiceLimits) -> Result<Option<String>, Fault> {
        let field = self.fields.as_object_mut().and_then(|fields| fields.remove("idempotency_key"));
        let field = match field {
            None | Some(Value::Null) => None,
            Some(Value::String(key)) => Some(key),
            Some(_) => return Err(refused("idempotency_key", "must be a string")),
        };
        let key = self.idempotency_key.take().or(field);
        if key.as_ref().is_some_and(|key| key.is_empty() || key.len() > limits.idempotency_key_bytes) {
            return Err(refused("idempotency_key", format_args!("has 1 to {} bytes", limits.idempotency_key_bytes)));
        }
        Ok(key)
    }

    /// The caller's name of the call, wherever it is written.
    pub(super) fn name_of_call(&self, action: &str, limits: &ServiceLimits) -> Result<Option<String>, Fault> {
        if action == StopGeneration::NAME {
            // Its request_id names another call, and nobody stops a stop.
            return Ok(None);
        }
        let name = self.request_id.as_deref().or_else(|| self.fields.get("request_id")?.as_str());
        if name.is_some_and(|name| name.len() > limits.request_id_bytes) {
            return Err(refused("request_id", format_args!("is longer than {} bytes", limits.request_id_bytes)));
        }
        Ok(name.filter(|name| !name.is_empty()).map(str::to_owned))
    }
}
