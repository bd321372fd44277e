//! What an action is: a request type that knows its name, its answer, and its row of the table.

use std::borrow::Cow;

use schemars::JsonSchema;
use serde::{Serialize, de::DeserializeOwned};

use crate::{error::Fault, lane::Lane};

/// A request type. What is sent is the type itself, what comes back its [`Response`](Action::Response).
///
/// The JSON Schema of a type is the one source of what is said about it: requests are held against it before a handler sees
/// them, and TypeScript, OpenAPI and documentation are written from it. So a range belongs into a `#[schemars(…)]` attribute, and
/// what a reader should know into a doc comment.
///
/// ```
/// use schemars::JsonSchema;
/// use serde::{Deserialize, Serialize};
/// use tabagent_protocol::api::{Action, NoItem};
///
/// /// Rolls a die.
/// #[derive(Deserialize, JsonSchema)]
/// struct Roll {
///     /// Sides of the die.
///     #[schemars(range(min = 2, max = 100))]
///     sides: u32,
/// }
///
/// #[derive(Serialize, JsonSchema)]
/// struct RollResponse { eyes: u32 }
///
/// impl Action for Roll {
///     const NAME: &'static str = "roll";
///     type Response = RollResponse;
///     type Item = NoItem;
/// }
/// assert_eq!(Roll::INFO.name, "roll");
/// ```
pub trait Action: DeserializeOwned + JsonSchema + Send + 'static {
    /// What callers write into `action`; snake_case.
    const NAME: &'static str;
    /// The row of the table. An application's own action need not have one.
    const INFO: ActionInfo = ActionInfo::own(Self::NAME);

    /// The one answer. An object is tagged on its way out: `type` is `roll_response` for `roll`, unless the row says otherwise.
    type Response: Serialize + JsonSchema + Send;
    /// What a stream of this action is made of, tagged `roll_item`; [`NoItem`] when it has none.
    type Item: Serialize + JsonSchema;

    /// Checks what a schema cannot say: how fields must agree with each other.
    ///
    /// # Errors
    /// `validation_failed` whose `details.field` names the field; see [`refused`](super::refused).
    fn validate(&self) -> Result<(), Fault> {
        Ok(())
    }
}

/// An event type: what [`Action`]s say while they run, and what subscribers hear.
///
/// On the wire it is `{type: "event", event: NAME, …}`: the struct's own fields, and two that the sender adds.
pub trait Event: Serialize + JsonSchema {
    /// What subscribers ask for; snake_case.
    const NAME: &'static str;
}

/// One row of the table of actions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ActionInfo {
    /// What callers write into `action`.
    pub name: &'static str,
    /// HTTP method of its twin.
    pub method: &'static str,
    /// HTTP path of its twin; empty when it has none of its own.
    pub path: &'static str,
    /// Other methods and paths that lead to it, for older callers.
    pub also: &'static [(&'static str, &'static str)],
    /// The `type` of its answer; empty for the action's name and `_response`.
    pub response: &'static str,
    /// The `type` of its items; empty for the action's name and `_item`.
    pub item: &'static str,
    /// Chapters of the documentation it belongs to.
    pub tags: &'static [&'static str],
    /// One sentence.
    pub description: &'static str,
    /// Whether it can answer with items before its response.
    pub streams: bool,
    /// Whether it means nothing without a session: callers who have none, as over HTTP, are refused with `invalid_state`.
    pub needs_session: bool,
    /// Media types of the raw bytes that may come beside its fields; `image/*` and `*/*` stand for many. Over HTTP such a body
    /// is the request's own, and the fields are in the query. Empty: none.
    pub takes: &'static [&'static str],
    /// Whether what it takes is read as it comes, from the items that the caller sends behind its request, and so of any size. Over
    /// HTTP the fields are in the address then.
    pub incoming: bool,
    /// Media types of the raw bytes that may go beside its answer. Over HTTP such a body is the answer's own, and the JSON is in a
    /// header.
    pub gives: &'static [&'static str],
    /// Whether what it gives goes as it comes, as the payloads of its items, and so is of any size. A field `total` of the items says
    /// how many bytes they have in all. Over HTTP these are the body, and the JSON of the answer follows in a trailer.
    pub outgoing: bool,
    /// The lane that all frames of such a call travel in.
    pub lane: Lane,
    /// What a caller's key must allow.
    pub scope: &'static str,
    /// The fields of a request that is answered, as JSON. Examples of a table are meant to be run in its order.
    pub accepted: &'static str,
    /// The fields of a request that is refused, as JSON, and the field at fault.
    pub refused: (&'static str, &'static str),
}

/// A name of a call that is longer than any server takes; what is refused where there is no other field to get wrong.
const LONG_NAME: &str = concat!(
    "{\"request_id\":\"",
    "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789",
    "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789",
    "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789",
    "\"}"
);

impl ActionInfo {
    /// The row of an action that says nothing more about itself; also the base of rows that do.
    #[must_use]
    pub const fn own(name: &'static str) -> Self {
        Self {
            name,
            method: "POST",
            path: "",
            also: &[],
            response: "",
            item: "",
            tags: &["own"],
            description: "",
            streams: false,
            needs_session: false,
            takes: &[],
            incoming: false,
            gives: &[],
            outgoing: false,
            lane: Lane::Interactive,
            scope: "own",
            accepted: "{}",
            refused: (LONG_NAME, "request_id"),
        }
    }

    /// The `type` of its answer.
    #[must_use]
    pub fn response_type(&self) -> Cow<'static, str> {
        if self.response.is_empty() { format!("{}_response", self.name).into() } else { self.response.into() }
    }

    /// Where it is reached over HTTP: its own path, or the one that all actions without one share.
    #[must_use]
    pub fn address(&self) -> Cow<'static, str> {
        if self.path.is_empty() { format!("/v1/actions/{}", self.name).into() } else { self.path.into() }
    }

    /// The `type` of its items.
    #[must_use]
    pub fn item_type(&self) -> Cow<'static, str> {
        if self.item.is_empty() { format!("{}_item", self.name).into() } else { self.item.into() }
    }
}

/// The item of an action that has no stream: there is no such value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub enum NoItem {}
