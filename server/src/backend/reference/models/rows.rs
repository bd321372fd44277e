//! Models described: the answers that only look.

use tabagent_protocol::{
    Fault,
    api::{EmbeddingModel, LoadedModel, ModelInfo, Recipe},
};

use super::{
    Models, Row,
    catalogue::{BACKEND, Bundle, CATALOGUE, Entry, HARDWARE},
};

/// Bytes of what is called a GB here.
const GB: f64 = (1024 * 1024 * 1024) as f64;

impl Models {
    /// The rows of `list_models`.
    pub(super) fn list(&self, filter: Option<&str>) -> Vec<ModelInfo> {
        let wanted = filter.unwrap_or_default().to_lowercase();
        let matches = |row: &&Row| {
            let mut texts = [row.entry.id, row.entry.name].into_iter().chain(row.entry.capabilities.iter().copied());
            row.present && texts.any(|text| text.to_lowercase().contains(&wanted))
        };
        self.lock().rows.iter().filter(matches).map(info).collect()
    }

    /// One of them.
    pub(super) fn info(&self, id: &str) -> Result<ModelInfo, Fault> {
        let inner = self.lock();
        let row = inner.known(id, "model_id")?;
        row.require_present("model_id")?;
        Ok(info(row))
    }

    /// The models in memory.
    pub(super) fn loaded(&self) -> Vec<LoadedModel> {
        let row = |row: &Row| {
            let loaded = row.loaded.as_ref()?;
            Some(LoadedModel {
                id: row.entry.id.to_owned(),
                name: row.entry.name.to_owned(),
                variant: loaded.variant.to_owned(),
                memory_usage: loaded.engine.bytes(),
                loaded_at: loaded.at.to_string(),
            })
        };
        self.lock().rows.iter().filter_map(row).collect()
    }

    /// Ids of the models in memory.
    pub(in crate::backend::reference) fn loaded_ids(&self) -> Vec<String> {
        let inner = self.lock();
        inner.rows.iter().filter(|row| row.loaded.is_some()).map(|row| row.entry.id.to_owned()).collect()
    }

    /// The models that make vectors.
    pub(super) fn embedding_models(&self) -> Vec<EmbeddingModel> {
        let row = |row: &Row| {
            let dimensions = row.entry.dimensions().filter(|_| row.present)?;
            Some(EmbeddingModel { name: row.entry.id.to_owned(), dimensions, backend: BACKEND.to_owned() })
        };
        self.lock().rows.iter().filter_map(row).collect()
    }

    /// The model of an id and the variant of a name, as settings are saved for them.
    pub(in crate::backend::reference) fn variant(&self, id: &str, variant: &str) -> Result<(&'static str, &'static str), Fault> {
        let entry = self.entry(id, "repo_id")?;
        Ok((entry.id, entry.variant(variant)?))
    }

    /// A model that there can be.
    pub(super) fn entry(&self, id: &str, field: &str) -> Result<&'static Entry, Fault> {
        self.lock().known(id, field).map(|row| row.entry)
    }
}

/// The recipes for a machine on which a model may take so many bytes. Takes some milliseconds the first time.
pub(super) fn recipes(safe: u64) -> Vec<Recipe> {
    let recipe = |entry: &Entry| {
        let needs = entry.needs(entry.variants[0]);
        Recipe {
            id: entry.id.to_owned(),
            name: entry.name.to_owned(),
            engine: BACKEND.to_owned(),
            hardware: vec![HARDWARE.to_owned()],
            ram_gb: needs as f64 / GB,
            suitable: needs <= safe,
        }
    };
    CATALOGUE.iter().map(recipe).collect()
}

/// Bytes of memory that a model of the catalogue takes: the named variant of it, or else its first. Takes some milliseconds
/// the first time.
pub(in crate::backend::reference) fn needs(id: &str, variant: Option<&str>) -> Option<u64> {
    let entry = CATALOGUE.iter().find(|entry| entry.id == id)?;
    let variant = variant.and_then(|name| entry.variant(name).ok()).unwrap_or(entry.variants[0]);
    Some(entry.needs(variant))
}

fn info(row: &Row) -> ModelInfo {
    ModelInfo {
        id: row.entry.id.to_owned(),
        name: row.entry.name.to_owned(),
        backend: BACKEND.to_owned(),
        loaded: row.loaded.is_some(),
        size_bytes: row.entry.bundle.as_ref().map(Bundle::size),
        parameters: None,
        capabilities: row.entry.capabilities.iter().map(|&capability| capability.to_owned()).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::Stats;
    use std::sync::Arc;

    #[test]
    fn a_filter_looks_at_ids_names_and_capabilities_of_what_is_present() {
        let models = Models::new(None, &Arc::new(Stats::default()));
        assert_eq!(models.list(None).len(), 2);
        assert_eq!(models.list(Some("CHAT")).len(), 1);
        assert_eq!(models.list(Some("embeddings"))[0].id, "tabagent/reference-embed-384");
        assert!(models.list(Some("guide")).is_empty() && models.info("tabagent/reference-guide").is_err());
    }

    #[test]
    fn what_is_in_memory_says_how_much_it_takes_and_since_when() {
        let models = Models::new(None, &Arc::new(Stats::default()));
        let loaded = models.loaded();
        assert_eq!(loaded.len(), 2);
        assert!(loaded.iter().all(|model| model.memory_usage > 0 && model.loaded_at.ends_with('Z')));
        assert_eq!(models.embedding_models()[0].dimensions, 384);
    }

    #[test]
    fn a_recipe_is_suitable_where_there_is_room_for_it() {
        assert!(recipes(u64::MAX).iter().all(|recipe| recipe.suitable && recipe.ram_gb > 0.0));
        assert!(recipes(0).iter().all(|recipe| !recipe.suitable));
        assert!(needs("tabagent/reference-guide", Some("q8")) < needs("tabagent/reference-guide", None));
        assert_eq!(needs("gpt-9", None), None);
    }
}
