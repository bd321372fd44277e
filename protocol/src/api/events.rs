//! subscribe and unsubscribe, and the events that the product itself sends.
//!
//! On the wire an event is `{type:"event", event, …}`; whoever sends one of these structs adds the `type`.

use serde::{Deserialize, Serialize};

use super::{
    check,
    info::{Action, ActionInfo, NoItem},
};
use crate::error::Fault;

/// Asks for events by name, in addition to those already asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct Subscribe {
    /// Names of events; a name that nothing sends is no error.
    pub events: Vec<String>,
}

impl Action for Subscribe {
    const NAME: &'static str = "subscribe";
    const INFO: ActionInfo = ActionInfo {
        tags: &["events"],
        description: "Asks for events by name; over HTTP this is GET /v1/events.",
        scope: "read",
        ..ActionInfo::own(Self::NAME)
    };
    type Response = SubscribeResponse;
    type Item = NoItem;

    fn validate(&self) -> Result<(), Fault> {
        check::at_least_one("events", &self.events)?;
        named(&self.events)
    }
}

/// The subscription as it is now.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename = "subscribe_response")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct SubscribeResponse {
    /// Every event this session is subscribed to, sorted.
    pub events: Vec<String>,
}

/// Asks for events no longer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct Unsubscribe {
    /// Names of events; one that was not subscribed to is no error.
    pub events: Vec<String>,
}

impl Action for Unsubscribe {
    const NAME: &'static str = "unsubscribe";
    const INFO: ActionInfo = ActionInfo {
        tags: &["events"],
        description: "Takes back a subscription by the events' names.",
        scope: "read",
        ..ActionInfo::own(Self::NAME)
    };
    type Response = UnsubscribeResponse;
    type Item = NoItem;

    fn validate(&self) -> Result<(), Fault> {
        check::at_least_one("events", &self.events)?;
        named(&self.events)
    }
}

/// The subscription as it is now.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename = "unsubscribe_response")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct UnsubscribeResponse {
    /// Every event this session is still subscribed to, sorted.
    pub events: Vec<String>,
}

fn named(events: &[String]) -> Result<(), Fault> {
    events.iter().enumerate().try_for_each(|(i, name)| check::not_empty(&format!("events[{i}]"), name))
}

/// A call was ended by `stop_generation`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename = "generation_stopped")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct GenerationStopped {
    /// Name of the call.
    pub request_id: String,
}

/// The server is about to shut down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename = "server_draining")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct ServerDraining {
    /// Milliseconds that running calls still have.
    pub deadline_ms: u64,
}

/// The reader was too slow for its subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename = "events_lost")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct EventsLost {
    /// Events dropped, the oldest first.
    pub count: u64,
}

/// Something works, but not as well as it could.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename = "warning")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct Warning {
    /// Stable name of the matter.
    pub code: String,
    /// One sentence for people, with what to do.
    pub message: String,
}
