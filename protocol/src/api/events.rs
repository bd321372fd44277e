//! subscribe and unsubscribe, and the events that the product itself sends.
//!
//! On the wire an event is `{type:"event", event, …}`; whoever sends one of these structs adds both.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::info::{Action, ActionInfo, Event, NoItem};

/// Asks for events by name, in addition to those already asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Subscribe {
    /// Names of events, such as `model_loaded`; a name that nothing sends is no error.
    #[schemars(length(min = 1), inner(length(min = 1)))]
    pub events: Vec<String>,
}

impl Action for Subscribe {
    const NAME: &'static str = "subscribe";
    const INFO: ActionInfo = ActionInfo {
        tags: &["events"],
        accepted: r#"{"events":["generation_stopped"]}"#,
        refused: (r#"{"events":[]}"#, "events"),
        description: "Asks for events by name; over HTTP this is GET /v1/events.",
        scope: "read",
        needs_session: true,
        ..ActionInfo::own(Self::NAME)
    };
    type Response = SubscribeResponse;
    type Item = NoItem;
}

/// The subscription as it is now.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SubscribeResponse {
    /// Every event this session is subscribed to, sorted.
    pub events: Vec<String>,
}

/// Asks for events no longer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Unsubscribe {
    /// Names of events; one that was not subscribed to is no error.
    #[schemars(length(min = 1), inner(length(min = 1)))]
    pub events: Vec<String>,
}

impl Action for Unsubscribe {
    const NAME: &'static str = "unsubscribe";
    const INFO: ActionInfo = ActionInfo {
        tags: &["events"],
        accepted: r#"{"events":["generation_stopped"]}"#,
        refused: (r#"{"events":["generation_stopped",""]}"#, "events[1]"),
        description: "Takes back a subscription by the events' names.",
        scope: "read",
        needs_session: true,
        ..ActionInfo::own(Self::NAME)
    };
    type Response = UnsubscribeResponse;
    type Item = NoItem;
}

/// The subscription as it is now.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UnsubscribeResponse {
    /// Every event this session is still subscribed to, sorted.
    pub events: Vec<String>,
}

/// A call was ended by `stop_generation`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GenerationStopped {
    /// Name of the call.
    pub request_id: String,
}

impl Event for GenerationStopped {
    const NAME: &'static str = "generation_stopped";
}

/// The server is about to shut down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ServerDraining {
    /// Milliseconds that running calls still have.
    pub deadline_ms: u64,
}

impl Event for ServerDraining {
    const NAME: &'static str = "server_draining";
}

/// The reader was too slow for its subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EventsLost {
    /// Events dropped, the oldest first.
    pub count: u64,
}

impl Event for EventsLost {
    const NAME: &'static str = "events_lost";
}

/// Something works, but not as well as it could.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Warning {
    /// Stable name of the matter.
    pub code: String,
    /// One sentence for people, with what to do.
    pub message: String,
}

impl Event for Warning {
    const NAME: &'static str = "warning";
}
