//! What an action is: a request type that knows its name, its answer, and its row of the table.

use serde::{Serialize, de::DeserializeOwned};

use crate::{error::Fault, lane::Lane};

/// A request type. What is sent is the type itself, what comes back its [`Response`](Action::Response).
///
/// ```
/// use serde::{Deserialize, Serialize};
/// use tabagent_protocol::api::{Action, NoItem};
///
/// #[derive(Deserialize)]
/// struct Roll { sides: u32 }
///
/// #[derive(Serialize)]
/// #[serde(tag = "type", rename = "roll_response")]
/// struct RollResponse { eyes: u32 }
///
/// impl Action for Roll {
///     const NAME: &'static str = "roll";
///     type Response = RollResponse;
///     type Item = NoItem;
/// }
/// assert_eq!(Roll::INFO.name, "roll");
/// ```
pub trait Action: DeserializeOwned + Send + 'static {
    /// What callers write into `action`; snake_case.
    const NAME: &'static str;
    /// The row of the table. An application's own action need not have one.
    const INFO: ActionInfo = ActionInfo::own(Self::NAME);

    /// The one answer: a flat object tagged `type`.
    type Response: Serialize + Send;
    /// What a stream of this action is made of; [`NoItem`] when it has none.
    type Item: Serialize;

    /// Checks what types cannot say: ranges, emptiness.
    ///
    /// # Errors
    /// `validation_failed` whose `details.field` names the field; see [`check`](super::check).
    fn validate(&self) -> Result<(), Fault> {
        Ok(())
    }
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
    /// Chapters of the documentation it belongs to.
    pub tags: &'static [&'static str],
    /// One sentence.
    pub description: &'static str,
    /// Whether it can answer with items before its response.
    pub streams: bool,
    /// The lane that all frames of such a call travel in.
    pub lane: Lane,
    /// What a caller's key must allow.
    pub scope: &'static str,
}

impl ActionInfo {
    /// The row of an action that says nothing more about itself; also the base of rows that do.
    #[must_use]
    pub const fn own(name: &'static str) -> Self {
        Self {
            name,
            method: "POST",
            path: "",
            tags: &["own"],
            description: "",
            streams: false,
            lane: Lane::Interactive,
            scope: "own",
        }
    }
}

/// The item of an action that has no stream: there is no such value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub enum NoItem {}
