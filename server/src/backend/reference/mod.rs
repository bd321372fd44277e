//! The embedded backend: answers from the caller's own words, with no model file and no randomness.
//!
//! It is small, but nothing in it is feigned: tokens are produced one by one at a set rate, can be stopped, are counted,
//! and the same request always gets the same answer. A product can be built and tested against it.

/// What to say.
mod answer;
/// chat and generate.
mod chat;
/// embeddings.
mod embed;
/// Saying it, token by token.
mod generator;
/// Which models there are.
mod models;
/// Finding, ordering, comparing, grouping and recommending texts.
mod search;
/// Words, sentences, tokens.
mod words;

use std::sync::{Arc, OnceLock};

use tabagent_protocol::api::{Chat, Generate, ListModels, ModelListResponse, System};

use super::{Embedder, machine};
use crate::{
    service::{Service, ServiceLimits},
    store::Store,
};

/// How the reference backend behaves.
#[derive(Clone, Debug)]
pub struct ReferenceOptions {
    /// Tokens a second of one generation, streamed or not; 0 is as fast as its reader reads.
    pub tokens_per_second: u32,
    /// Tokens of an answer whose request does not say `max_tokens`.
    pub max_tokens: u32,
    /// What callers may use.
    pub limits: ServiceLimits,
    /// Where conversations and the token are kept; in memory unless said otherwise.
    pub store: Store,
}

impl Default for ReferenceOptions {
    fn default() -> Self {
        // 50 a second is a small model on a laptop; the bound is the contract's own.
        Self { tokens_per_second: 50, max_tokens: 100_000, limits: ServiceLimits::default(), store: Store::default() }
    }
}

/// The model of the vectors of stored messages. They are compared for years: where they come out otherwise, it needs a new name.
const STORED: &str = "tabagent/reference-embed-384";

fn embedder() -> Embedder {
    Embedder { model: STORED.to_owned(), embed: Arc::new(embed::embed) }
}

/// What the handlers share.
struct Reference {
    options: ReferenceOptions,
    /// Looked at when first asked for.
    machine: OnceLock<System>,
}

impl Reference {
    fn machine(&self) -> &System {
        self.machine.get_or_init(machine::look)
    }
}

impl Service {
    /// A service with the reference backend's models.
    #[must_use]
    pub fn reference() -> Self {
        Self::reference_with(ReferenceOptions::default())
    }

    /// The same with other options.
    #[must_use]
    pub fn reference_with(options: ReferenceOptions) -> Self {
        let service = Self::with_limits(options.limits.clone());
        service.stats().models_loaded.set(models::MODELS.len() as u64);
        let reference = Arc::new(Reference { options, machine: OnceLock::new() });
        let store = reference.options.store.clone();
        let (for_chat, for_generate) = (Arc::clone(&reference), reference);
        service
            .with_control()
            .with_system()
            .with_history(&store, &embedder())
            .with_hf_token(&store)
            .on(|_, request: ListModels| async move { Ok(ModelListResponse { models: models::list(request.filter.as_deref()) }) })
            .on(move |call, request: Chat| chat::chat(Arc::clone(&for_chat), call, request))
            .on(move |call, request: Generate| chat::generate(Arc::clone(&for_generate), call, request))
            .on(embed::embeddings)
            .with_search(&store)
    }
}
