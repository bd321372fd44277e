//! The OpenAI wire format: what its requests mean here, and what our answers are in it.
//!
//! One mapping, in both directions, and no HTTP in it. What that format has no word for is left out (`dimensions`) or named by the
//! nearest (`cancelled` is `stop`).

/// chat.completion and text_completion.
mod completions;
/// Lists of embeddings.
mod embeddings;
/// Errors that both kinds of callers can read.
mod error;
/// Models.
mod models;
/// What requests may say here beyond our own fields.
mod request;
/// The response object and its events.
mod responses;
/// A call's updates as the events of a stream.
mod stream;

pub(crate) use error::{Error, error};
pub(crate) use stream::{Chunk, Chunks, DONE};

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};
use tabagent_protocol::{
    Code, Fault,
    api::{Action, ActionInfo, Chat, Embeddings, Generate, GetModelInfo, ListModels, ModelInfoResponse, Responses},
};

/// An action that speaks this format over HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Twin {
    /// `chat` is chat/completions.
    Chat,
    /// `generate` is completions.
    Generate,
    /// `embeddings` has the same name.
    Embeddings,
    /// `list_models` is models.
    Models,
    /// `model_info` is models/{id}.
    Model,
    /// `responses` has the same name.
    Responses,
}

/// The twins with their actions and paths: an own action that has but the name is none.
const TWINS: [(Twin, &str, &str); 6] = [
    (Twin::Chat, Chat::NAME, "/v1/chat/completions"),
    (Twin::Generate, Generate::NAME, "/v1/completions"),
    (Twin::Embeddings, Embeddings::NAME, "/v1/embeddings"),
    (Twin::Models, ListModels::NAME, "/v1/models"),
    (Twin::Model, GetModelInfo::NAME, "/v1/models/{model_id}"),
    (Twin::Responses, Responses::NAME, "/v1/responses"),
];

/// What a request of this format asks for besides the action.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Wishes {
    /// The last chunk of a stream says how many tokens there were.
    pub(crate) usage: bool,
}

impl Twin {
    /// The twin of an action, if it has one.
    pub(crate) fn of(info: &ActionInfo) -> Option<Self> {
        let twin = TWINS.iter().find(|(_, name, path)| *name == info.name && *path == info.path);
        twin.map(|(twin, ..)| *twin)
    }

    /// Puts a request of this format into our fields.
    ///
    /// # Errors
    /// `validation_failed` for a field that only this format has.
    pub(crate) fn translate(self, fields: &mut Map<String, Value>) -> Result<Wishes, Fault> {
        request::translate(self, fields)
    }

    /// Our answer in this format, from JSON to JSON: a number that went through another type would be another number.
    ///
    /// # Errors
    /// `internal` when it is not of the action's type.
    pub(crate) fn answer(self, ours: &[u8], fields: &Map<String, Value>) -> Result<Vec<u8>, Fault> {
        match self {
            Self::Chat => map(ours, completions::chat),
            Self::Generate => map(ours, completions::text),
            Self::Embeddings => map(ours, embeddings::list),
            Self::Models => map(ours, models::list),
            Self::Model => map(ours, |ModelInfoResponse { info }| models::model(info)),
            Self::Responses => map(ours, |answer| responses::whole(answer, fields)),
        }
    }

    /// Writes what requests may say here into the schema of the action's own.
    pub(crate) fn widen(self, request: &mut Value, generator: &mut SchemaGenerator) {
        request::widen(self, request, generator);
    }

    /// The schema of the answer.
    pub(crate) fn answer_schema(self, generator: &mut SchemaGenerator) -> Schema {
        match self {
            Self::Chat => generator.subschema_for::<completions::ChatCompletion>(),
            Self::Generate => generator.subschema_for::<completions::TextCompletion>(),
            Self::Embeddings => generator.subschema_for::<embeddings::EmbeddingList>(),
            Self::Models => generator.subschema_for::<models::ModelList>(),
            Self::Model => generator.subschema_for::<models::Model>(),
            Self::Responses => generator.subschema_for::<responses::Response>(),
        }
    }

    /// The schema of the data of one event of the stream; None where there is none.
    pub(crate) fn chunk_schema(self, generator: &mut SchemaGenerator) -> Option<Schema> {
        match self {
            Self::Chat => Some(generator.subschema_for::<completions::ChatCompletionChunk>()),
            Self::Generate => Some(generator.subschema_for::<completions::TextCompletion>()),
            Self::Responses => Some(generator.subschema_for::<responses::StreamEvent>()),
            _ => None,
        }
    }
}

/// Whether callers of this path expect errors in this format.
pub(crate) fn speaks(path: &str) -> bool {
    let paths = TWINS.iter().map(|(.., path)| path.split('{').next().unwrap_or(path));
    paths.into_iter().any(|known| path == known || known.ends_with('/') && path.starts_with(known))
}

/// From the type of our answer to the type of theirs.
fn map<O: DeserializeOwned, T: Serialize + JsonSchema>(ours: &[u8], theirs: impl FnOnce(O) -> T) -> Result<Vec<u8>, Fault> {
    let ours = serde_json::from_slice(ours).map_err(|error| unlike(&error))?;
    serde_json::to_vec(&theirs(ours)).map_err(|error| unlike(&error))
}

fn unlike(error: &serde_json::Error) -> Fault {
    Fault::new(Code::INTERNAL, format!("the answer is not one of its action: {error}"))
}

/// Seconds since 1970.
fn now() -> i64 {
    jiff::Timestamp::now().as_second()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_twin_is_known_by_name_and_path() {
        assert_eq!(Twin::of(&Chat::INFO), Some(Twin::Chat));
        assert_eq!(Twin::of(&ActionInfo::own("chat")), None);
        assert!(["/v1/models", "/v1/models/a", "/v1/models/a/b", "/v1/embeddings"].iter().all(|path| speaks(path)));
        assert!(["/v1/modelsx", "/v1/health", "/v1/chat"].iter().all(|path| !speaks(path)));
    }

    #[test]
    fn numbers_stay_what_they_are() {
        let usage = r#"{"prompt_tokens":1,"completion_tokens":0,"total_tokens":1}"#;
        let ours = format!(r#"{{"model":"m","embeddings":[[0.44499415,-0.1]],"dimensions":2,"usage":{usage}}}"#);
        let theirs = Twin::Embeddings.answer(ours.as_bytes(), &Map::new()).expect("an answer");
        assert!(String::from_utf8(theirs).is_ok_and(|text| text.contains("[0.44499415,-0.1]")));
    }

    #[test]
    fn what_is_no_answer_of_the_action_is_a_bug() {
        let fault = Twin::Chat.answer(b"null", &Map::new()).expect_err("no answer");
        assert_eq!(fault.code, Code::INTERNAL);
    }
}
