//! The embedded backend: answers from the caller's own words, with no model file and no randomness.
//!
//! It is small, but nothing in it is feigned: tokens are produced one by one at a set rate, can be stopped, are counted,
//! and the same request always gets the same answer. A product can be built and tested against it.

/// What to say.
mod answer;
/// chat, generate and responses.
mod chat;
/// embeddings.
mod embed;
/// Saying it, token by token.
mod generator;
/// Answers about this product.
mod guide;
/// Which models there are.
mod models;
/// get_resources, estimate_memory, compatibility.
mod resources;
/// Finding, ordering, comparing, grouping and recommending texts.
mod search;
/// Settings of generation.
mod settings;
/// Words, sentences, tokens.
mod words;

use std::{
    path::PathBuf,
    sync::{Arc, OnceLock},
};

use tabagent_protocol::api::System;

use super::{Embedder, machine};
use crate::{
    service::{Service, ServiceLimits},
    store::Store,
};
use models::Models;
use settings::Settings;

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
    /// Folder of the models that were pulled and of the settings saved for models; None keeps both in memory.
    pub data_dir: Option<PathBuf>,
}

impl Default for ReferenceOptions {
    fn default() -> Self {
        // 50 a second is a small model on a laptop; the bound is the contract's own.
        Self {
            tokens_per_second: 50,
            max_tokens: 100_000,
            limits: ServiceLimits::default(),
            store: Store::default(),
            data_dir: None,
        }
    }
}

/// The model of the vectors of stored messages. They are compared for years: where they come out otherwise, it needs a new name.
const STORED: &str = "tabagent/reference-embed-384";

fn embedder() -> Embedder {
    Embedder { model: STORED.to_owned(), embed: Arc::new(embed::embed) }
}

/// What the generating handlers share.
struct Reference {
    tokens_per_second: u32,
    models: Arc<Models>,
    settings: Arc<Settings>,
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
        let service = Self::with_limits(options.limits);
        let (store, data_dir) = (options.store, options.data_dir.as_deref());
        let models = Models::new(data_dir, service.stats());
        let settings = Settings::new(options.max_tokens, data_dir);
        let reference = Reference {
            tokens_per_second: options.tokens_per_second,
            models: Arc::clone(&models),
            settings: Arc::clone(&settings),
            machine: OnceLock::new(),
        };
        service
            .with_control()
            .with_system()
            .with_hardware()
            .with_history(&store, &embedder())
            .with_hf_token(&store)
            .with_models(&models)
            .with_settings(&settings, &models)
            .with_resources(&models, data_dir)
            .with_generation(reference)
            .with_embeddings(&models)
            .with_search(&store, &models)
    }
}
