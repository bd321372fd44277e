//! set_hf_token, get_hf_token_status, clear_hf_token: the Hugging Face token, which goes in and never comes out.

use core::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    info::{Action, ActionInfo, NoItem},
    success::Success,
};

/// Keeps a Hugging Face token, in place of the one before.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SetHfToken {
    /// Begins with `hf_`; at most 1024 bytes, all of them letters, digits or signs.
    // Not a `default`, nor an example: what is written here could be taken for one that works.
    #[schemars(length(max = 1024), regex(pattern = "^hf_[!-~]+$"))]
    pub token: String,
}

/// Without the token: requests are shown in logs.
impl fmt::Debug for SetHfToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SetHfToken(…)")
    }
}

impl Action for SetHfToken {
    const NAME: &'static str = "set_hf_token";
    const INFO: ActionInfo = ActionInfo {
        path: "/v1/hf/token",
        tags: &["settings"],
        description: "Keeps a Hugging Face token, for models that need one; it is never shown again.",
        scope: "settings",
        response: "success",
        accepted: r#"{"token":"hf_example"}"#,
        refused: (r#"{"token":"example"}"#, "token"),
        ..ActionInfo::own(Self::NAME)
    };
    type Response = Success;
    type Item = NoItem;
}

/// Asks whether there is a Hugging Face token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GetHfTokenStatus {}

impl Action for GetHfTokenStatus {
    const NAME: &'static str = "get_hf_token_status";
    const INFO: ActionInfo = ActionInfo {
        method: "GET",
        path: "/v1/hf/token/status",
        tags: &["settings"],
        description: "Says whether there is a Hugging Face token, and nothing else of it.",
        scope: "read",
        response: "hf_token_status_response",
        ..ActionInfo::own(Self::NAME)
    };
    type Response = HfTokenStatusResponse;
    type Item = NoItem;
}

/// Whether there is a Hugging Face token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HfTokenStatusResponse {
    /// There is one.
    pub has_token: bool,
}

/// Forgets the Hugging Face token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ClearHfToken {}

impl Action for ClearHfToken {
    const NAME: &'static str = "clear_hf_token";
    const INFO: ActionInfo = ActionInfo {
        method: "DELETE",
        path: "/v1/hf/token",
        tags: &["settings"],
        description: "Forgets the Hugging Face token; it is no failure if there is none.",
        scope: "settings",
        response: "success",
        ..ActionInfo::own(Self::NAME)
    };
    type Response = Success;
    type Item = NoItem;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_does_not_show_its_token() {
        let request = SetHfToken { token: "hf_secret".to_owned() };
        assert!(!format!("{request:?}").contains("secret"));
    }
}
