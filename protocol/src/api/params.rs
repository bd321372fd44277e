//! get_params, set_params, get_inference_settings, save_inference_settings: how text is generated where a request does not say.
//!
//! What a request says counts first, then what its caller set, then what is saved for the model and its variant, then the
//! defaults.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    check::refused,
    info::{Action, ActionInfo, NoItem},
};
use crate::error::Fault;

/// One row per setting: what it is, which values it takes, its name, its type, and what it is unless somebody sets it.
macro_rules! params {
    ($($(#[$about:meta])* $name:ident: $kind:ty = $default:expr;)*) => {
        /// Settings of generation: any of them.
        #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
        pub struct Params {
            $($(#[$about])*
            #[serde(skip_serializing_if = "Option::is_none")]
            pub $name: Option<$kind>,)*
            /// What models that draw at random begin with. Default: each call another. The reference models draw nothing.
            #[schemars(range(min = 0, max = 9_007_199_254_740_991_u64))]
            #[serde(skip_serializing_if = "Option::is_none")]
            pub seed: Option<u64>,
        }

        /// Settings of generation: all of them.
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
        pub struct ParamsResponse {
            $($(#[$about])*
            pub $name: $kind,)*
            /// What models that draw at random begin with; absent: each call another. The reference models draw nothing.
            #[serde(skip_serializing_if = "Option::is_none")]
            pub seed: Option<u64>,
        }

        impl Default for ParamsResponse {
            fn default() -> Self {
                Self { $($name: $default,)* seed: None }
            }
        }

        impl Params {
            /// These, completed by weaker ones.
            #[must_use]
            pub fn over(self, weaker: Self) -> Self {
                Self { $($name: self.$name.or(weaker.$name),)* seed: self.seed.or(weaker.seed) }
            }

            /// These, completed by the defaults.
            #[must_use]
            pub fn complete(self) -> ParamsResponse {
                let defaults = ParamsResponse::default();
                ParamsResponse { $($name: self.$name.unwrap_or(defaults.$name),)* seed: self.seed }
            }
        }
    };
}

params! {
    /// How freely models that draw at random do it, 0 to 2; 0: always the likeliest. The reference models draw nothing.
    #[schemars(range(min = 0.0, max = 2.0))]
    temperature: f64 = 0.0;
    /// Share of the likeliest tokens that are drawn from, 0 to 1. The reference models draw nothing.
    #[schemars(range(min = 0.0, max = 1.0))]
    top_p: f64 = 1.0;
    /// Number of the likeliest tokens that are drawn from; 0: all. The reference models draw nothing.
    top_k: u32 = 0;
    /// Probability, as a share of the likeliest token's, below which no token is drawn, 0 to 1. The reference models draw nothing.
    #[schemars(range(min = 0.0, max = 1.0))]
    min_p: f64 = 0.0;
    /// Tokens of an answer before which it does not end at a stop string, 0 to 100000 and at most `max_length`.
    #[schemars(range(min = 0, max = 100_000))]
    min_length: u32 = 0;
    /// Tokens after which an answer ends, 1 to 100000; of this and `max_new_tokens` the smaller counts.
    #[schemars(range(min = 1, max = 100_000))]
    max_length: u32 = 100_000;
    /// Tokens after which an answer ends, 1 to 100000.
    #[schemars(range(min = 1, max = 100_000))]
    max_new_tokens: u32 = 100_000;
    /// By what the score of a token that was used before is divided, above 0; 1: nothing. The reference models score no tokens.
    #[schemars(extend("exclusiveMinimum" = 0))]
    repetition_penalty: f64 = 1.0;
    /// What a token's score loses for each time it was used, −2 to 2. The reference models score no tokens.
    #[schemars(range(min = -2.0, max = 2.0))]
    frequency_penalty: f64 = 0.0;
    /// What a token's score loses for having been used, −2 to 2. The reference models score no tokens.
    #[schemars(range(min = -2.0, max = 2.0))]
    presence_penalty: f64 = 0.0;
    /// How much beams of greater length are preferred. The reference models follow no beams.
    length_penalty: f64 = 1.0;
    /// Tokens in a row that may not come twice; 0: any may. The reference models repeat what their sources repeat.
    no_repeat_ngram_size: u32 = 0;
    /// Beams that are followed, at least 1. The reference models follow none beside the answer.
    #[schemars(range(min = 1))]
    num_beams: u32 = 1;
    /// Whether the search ends when enough beams are complete. The reference models follow no beams.
    early_stopping: bool = false;
    /// Whether tokens are drawn at random. The reference models draw nothing.
    do_sample: bool = false;
    /// Whether what was computed for the text so far is kept for the next token. The reference models have nothing to keep.
    use_cache: bool = false;
    /// An answer ends before any of these; 16 of up to 256 characters.
    #[schemars(length(max = 16), inner(length(min = 1, max = 256)))]
    stop_sequences: Vec<String> = Vec::new();
}

impl Params {
    /// Checks that those that are there agree with each other.
    ///
    /// # Errors
    /// `validation_failed` that names `min_length`.
    pub fn agree(&self) -> Result<(), Fault> {
        match (self.min_length, self.max_length) {
            (Some(min), Some(max)) if min > max => {
                Err(refused("min_length", format_args!("{min} is more than max_length, which is {max}")))
            }
            _ => Ok(()),
        }
    }
}

/// Asks for the settings of generation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GetParams {}

impl Action for GetParams {
    const NAME: &'static str = "get_params";
    const INFO: ActionInfo = ActionInfo {
        method: "GET",
        path: "/v1/params",
        tags: &["settings"],
        description: "Says with which settings this caller's text is generated where requests do not say.",
        scope: "read",
        response: "params_response",
        ..ActionInfo::own(Self::NAME)
    };
    type Response = ParamsResponse;
    type Item = NoItem;
}

/// Sets any of the settings of generation. They are each caller's own, and forgotten when the server ends.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(inline)]
pub struct SetParams(
    /// Those to set; the others stay.
    pub Params,
);

impl Action for SetParams {
    const NAME: &'static str = "set_params";
    const INFO: ActionInfo = ActionInfo {
        path: "/v1/params",
        accepted: r#"{"temperature":0.7,"max_new_tokens":512}"#,
        refused: (r#"{"temperature":3}"#, "temperature"),
        tags: &["settings"],
        description: "Sets any of the settings with which this caller's later calls generate text where they do not say; others' calls keep theirs, and nothing outlasts the server.",
        scope: "settings",
        response: "params_response",
        ..ActionInfo::own(Self::NAME)
    };
    type Response = ParamsResponse;
    type Item = NoItem;

    fn validate(&self) -> Result<(), Fault> {
        self.0.agree()
    }
}

/// Asks for the settings saved for a model.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GetInferenceSettings {
    /// Id of the model.
    #[schemars(length(min = 1))]
    pub repo_id: String,
    /// One of its variants, as `get_model_quants` says them.
    #[schemars(length(min = 1))]
    pub variant: String,
}

impl Action for GetInferenceSettings {
    const NAME: &'static str = "get_inference_settings";
    const INFO: ActionInfo = ActionInfo {
        method: "GET",
        path: "/v1/models/{repo_id}/{variant}/settings",
        accepted: r#"{"repo_id":"tabagent/reference-guide","variant":"f32"}"#,
        refused: (r#"{"repo_id":"tabagent/reference-guide","variant":""}"#, "variant"),
        tags: &["settings", "models"],
        description: "Says which settings of generation are saved for a variant of a model.",
        scope: "read",
        response: "inference_settings_response",
        ..ActionInfo::own(Self::NAME)
    };
    type Response = InferenceSettingsResponse;
    type Item = NoItem;
}

/// Saves settings for a model, in place of those before. They hold for every caller.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SaveInferenceSettings {
    /// Id of the model.
    #[schemars(length(min = 1))]
    pub repo_id: String,
    /// One of its variants, as `get_model_quants` says them.
    #[schemars(length(min = 1))]
    pub variant: String,
    /// The settings: any of those of `set_params`.
    pub settings: Params,
}

impl Action for SaveInferenceSettings {
    const NAME: &'static str = "save_inference_settings";
    const INFO: ActionInfo = ActionInfo {
        method: "PUT",
        path: "/v1/models/{repo_id}/{variant}/settings",
        accepted: r#"{"repo_id":"tabagent/reference-guide","variant":"f32","settings":{"max_new_tokens":400}}"#,
        refused: (
            r#"{"repo_id":"tabagent/reference-guide","variant":"f32","settings":{"min_length":9,"max_length":8}}"#,
            "settings.min_length",
        ),
        tags: &["settings", "models"],
        description: "Saves settings of generation for a variant of a model, in place of those before.",
        scope: "settings",
        response: "inference_settings_response",
        ..ActionInfo::own(Self::NAME)
    };
    type Response = InferenceSettingsResponse;
    type Item = NoItem;

    fn validate(&self) -> Result<(), Fault> {
        self.settings.agree().map_err(|_| refused("settings.min_length", "is more than settings.max_length"))
    }
}

/// The settings saved for a model.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct InferenceSettingsResponse {
    /// Id of the model.
    pub repo_id: String,
    /// Its variant.
    pub variant: String,
    /// What is saved; empty if nothing is.
    pub settings: Params,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stronger_settings_win_and_the_defaults_fill_up() {
        let strong = Params { top_k: Some(5), ..Params::default() };
        let weak = Params { top_k: Some(9), seed: Some(7), ..Params::default() };
        let all = strong.over(weak).complete();
        assert_eq!((all.top_k, all.seed, all.num_beams), (5, Some(7), 1));
    }

    #[test]
    fn lengths_must_agree() {
        let lengths = |min, max| Params { min_length: min, max_length: max, ..Params::default() }.agree();
        assert_eq!(lengths(Some(5), Some(5)), Ok(()));
        assert_eq!(lengths(Some(5), None), Ok(()));
        assert_eq!(lengths(Some(6), Some(5)).expect_err("refused").details, br#"{"field":"min_length"}"#);
    }

    #[test]
    fn a_transparent_request_is_flat() {
        let text = r#"{"temperature":0.7,"seed":3}"#;
        let request: SetParams = serde_json::from_str(text).expect("well-typed");
        assert_eq!(request.0.seed, Some(3));
        assert_eq!(serde_json::to_string(&request).expect("json"), text);
    }
}
