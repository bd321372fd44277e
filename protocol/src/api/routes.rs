//! routes: the table of actions, as the server that is asked has it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::info::{Action, ActionInfo, NoItem};

/// Asks which actions the server has, and where each is reached over HTTP.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Routes {}

impl Action for Routes {
    const NAME: &'static str = "routes";
    const INFO: ActionInfo = ActionInfo {
        method: "GET",
        path: "/v1/routes",
        tags: &["system"],
        description: "Lists every action of this server with its HTTP method and path.",
        scope: "read",
        ..ActionInfo::own(Self::NAME)
    };
    type Response = RoutesResponse;
    type Item = NoItem;
}

/// Every action of the server.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RoutesResponse {
    /// The product's actions in the order of their documentation, then the program's own.
    pub routes: Vec<Route>,
    /// How many they are.
    pub total: u32,
}

/// An action's row.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Route {
    /// What requests write into `action`.
    pub action: String,
    /// HTTP method.
    pub method: String,
    /// HTTP path; `{name}` stands for the field of that name.
    pub path: String,
    /// Chapters of the documentation it belongs to.
    pub tags: Vec<String>,
    /// What it does, in one sentence.
    pub description: String,
    /// Whether it can answer piece by piece.
    pub streaming: bool,
    /// Whether the caller must have a key, or be on this machine where the server lets local callers in.
    pub requires_auth: bool,
}

impl From<&ActionInfo> for Route {
    fn from(info: &ActionInfo) -> Self {
        Self {
            action: info.name.to_owned(),
            method: info.method.to_owned(),
            path: info.address().into_owned(),
            tags: info.tags.iter().map(|&tag| tag.to_owned()).collect(),
            description: info.description.to_owned(),
            streaming: info.streams,
            requires_auth: true,
        }
    }
}
