//! Which models there are, and what each can do.

use tabagent_protocol::{
    Code, Fault,
    api::{ModelInfo, refused},
};

use crate::service::short;

/// What requests may call the first model that can do what they ask.
pub(super) const DEFAULT: &str = "default";

/// A model of the reference backend.
pub(super) struct Model {
    pub(super) id: &'static str,
    name: &'static str,
    capabilities: &'static [&'static str],
}

/// All of them; the first that can do something is its default.
pub(super) const MODELS: &[Model] = &[
    Model { id: "tabagent/reference-chat", name: "Reference chat", capabilities: &["chat", "generate"] },
    Model {
        id: "tabagent/reference-embed-384",
        name: "Reference embeddings, 384 dimensions",
        capabilities: &["embeddings", "rerank"],
    },
];

/// Finds the model that a request names.
pub(super) fn find(id: &str, capability: &str) -> Result<&'static Model, Fault> {
    let able = |model: &&Model| model.capabilities.contains(&capability);
    if id == DEFAULT
        && let Some(model) = MODELS.iter().find(able)
    {
        return Ok(model);
    }
    match MODELS.iter().find(|model| model.id == id) {
        Some(model) if able(&model) => Ok(model),
        Some(model) => Err(refused("model", format_args!("{} does not serve {capability}", model.id))),
        None => {
            let text = format!("no model {:?} is known here; list_models names those that are", short(id));
            Err(Fault::new(Code::MODEL_NOT_FOUND, text).with_details(r#"{"field":"model"}"#))
        }
    }
}

/// The rows of `list_models`.
pub(super) fn list(filter: Option<&str>) -> Vec<ModelInfo> {
    let wanted = filter.unwrap_or_default().to_lowercase();
    let matches = |model: &&Model| {
        let mut texts = [model.id, model.name].into_iter().chain(model.capabilities.iter().copied());
        texts.any(|text| text.to_lowercase().contains(&wanted))
    };
    MODELS.iter().filter(matches).map(info).collect()
}

fn info(model: &Model) -> ModelInfo {
    ModelInfo {
        id: model.id.to_owned(),
        name: model.name.to_owned(),
        backend: "reference".to_owned(),
        loaded: true,
        size_bytes: None,
        parameters: None,
        capabilities: model.capabilities.iter().map(|&capability| capability.to_owned()).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(id: &str, capability: &str) -> Result<&'static str, Code> {
        find(id, capability).map(|model| model.id).map_err(|fault| fault.code)
    }

    #[test]
    fn default_is_the_first_model_that_can_do_it() {
        assert_eq!(found("default", "chat"), Ok("tabagent/reference-chat"));
        assert_eq!(found("default", "embeddings"), Ok("tabagent/reference-embed-384"));
        assert_eq!(found("default", "rerank"), Ok("tabagent/reference-embed-384"));
    }

    #[test]
    fn an_unknown_model_and_an_unable_one_are_different_failures() {
        assert_eq!(found("gpt-9", "chat"), Err(Code::MODEL_NOT_FOUND));
        assert_eq!(found("tabagent/reference-embed-384", "chat"), Err(Code::VALIDATION_FAILED));
    }

    #[test]
    fn a_filter_looks_at_ids_names_and_capabilities() {
        assert_eq!(list(None).len(), 2);
        assert_eq!(list(Some("CHAT")).len(), 1);
        assert_eq!(list(Some("embeddings"))[0].id, "tabagent/reference-embed-384");
        assert!(list(Some("nothing")).is_empty());
    }
}
