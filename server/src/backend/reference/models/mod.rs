//! Which models there are, which of them are present and loaded, and which one a request means.
//!
//! The one lock is held for a look or a change, never while something is waited for; what takes time is a [`Flight`].

/// Answers to the actions about models.
mod actions;
/// How a call gets a model to where it wants it.
mod boarding;
/// The models there can be.
mod catalogue;
/// Work that several calls wait for.
mod flight;
/// Where the files of models lie.
mod library;
/// Models described.
mod rows;
/// Fetching and loading.
mod work;

pub(super) use catalogue::Engine;
pub(super) use rows::needs;

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
};

use jiff::Timestamp;
use tabagent_protocol::{Code, Fault, api::refused};

use crate::service::{Stats, short};
use catalogue::{CATALOGUE, Entry};
use flight::Flight;
use library::Library;

/// What requests may call the model that was selected, or the first that can do what they ask.
pub(super) const DEFAULT: &str = "default";

/// The models of the reference backend.
pub(super) struct Models {
    library: Library,
    stats: Arc<Stats>,
    inner: Mutex<Inner>,
}

struct Inner {
    /// In the order of the catalogue.
    rows: Vec<Row>,
    /// What `default` means, by what the model is to do; without an entry, the first that can.
    selected: BTreeMap<&'static str, &'static str>,
}

/// A model and its state.
struct Row {
    entry: &'static Entry,
    /// Its file is here.
    present: bool,
    loaded: Option<Loaded>,
    /// Work on it, while somebody waits for that.
    flight: Weak<Flight>,
}

/// A model in memory.
struct Loaded {
    variant: &'static str,
    at: Timestamp,
    engine: Engine,
}

/// The model that a request means.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub(super) id: &'static str,
    pub(super) variant: &'static str,
    /// Keeps the model's tables, even if it is unloaded meanwhile.
    pub(super) engine: Engine,
}

impl Models {
    /// The catalogue, with what is built in loaded.
    pub(super) fn new(data_dir: Option<&Path>, stats: &Arc<Stats>) -> Arc<Self> {
        let library = Library::new(data_dir);
        let row = |entry: &'static Entry| Row {
            entry,
            present: library.holds(entry),
            loaded: entry.at_once().map(|engine| Loaded { variant: entry.variants[0], at: Timestamp::now(), engine }),
            flight: Weak::new(),
        };
        let inner = Inner { rows: CATALOGUE.iter().map(row).collect(), selected: BTreeMap::new() };
        let models = Self { library, stats: Arc::clone(stats), inner: Mutex::new(inner) };
        models.count(&models.lock());
        Arc::new(models)
    }

    /// Finds the loaded model that a request means: the one place where ids become models.
    ///
    /// # Errors
    /// `model_not_found`, `model_not_loaded`, or `validation_failed` for a model that cannot do what is asked.
    pub(super) fn find(&self, id: &str, capability: &str) -> Result<Found, Fault> {
        let inner = self.lock();
        if id == DEFAULT {
            return inner.default_for(capability);
        }
        let row = inner.known(id, "model")?;
        if !row.entry.capabilities.contains(&capability) {
            return Err(refused("model", format_args!("{} does not serve {capability}", row.entry.id)));
        }
        row.require_present("model")?;
        row.found().ok_or_else(|| not_loaded(row.entry, "model"))
    }

    /// Makes a loaded model the default for everything it can do.
    fn select(&self, id: &str) -> Result<&'static str, Fault> {
        let mut inner = self.lock();
        let row = inner.known(id, "model_id")?;
        row.require_present("model_id")?;
        let entry = row.entry;
        if row.loaded.is_none() {
            return Err(not_loaded(entry, "model_id"));
        }
        inner.selected.extend(entry.capabilities.iter().map(|capability| (*capability, entry.id)));
        Ok(entry.id)
    }

    /// Takes a model out of memory.
    fn unload(&self, id: &str) -> Result<&'static str, Fault> {
        let mut inner = self.lock();
        let entry = inner.known(id, "model_id")?.entry;
        if !inner.unload(entry) {
            return Err(not_loaded(entry, "model_id"));
        }
        self.count(&inner);
        Ok(entry.id)
    }

    /// Removes a model's file, unloading it first; answers whether it was loaded. Blocks for a moment: the lock is held
    /// meanwhile, so that nobody begins to load what is going.
    fn delete(&self, id: &str) -> Result<bool, Fault> {
        let mut inner = self.lock();
        let row = inner.known(id, "model_id")?;
        let Some(bundle) = &row.entry.bundle else {
            let text = format!("{} is built in and cannot be deleted; unload_model frees its memory", row.entry.id);
            return Err(Fault::new(Code::INVALID_STATE, text));
        };
        row.require_present("model_id")?;
        if row.flight().is_some() {
            let text = format!("{} is being pulled or loaded; wait for the end of that, or stop it", row.entry.id);
            return Err(Fault::new(Code::INVALID_STATE, text));
        }
        let entry = row.entry;
        self.library.remove(entry, bundle)?;
        inner.row(entry).present = false;
        let was_loaded = inner.unload(entry);
        self.count(&inner);
        Ok(was_loaded)
    }

    fn count(&self, inner: &Inner) {
        let loaded = inner.rows.iter().filter(|row| row.loaded.is_some()).count();
        self.stats.models_loaded.set(loaded as u64);
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    /// The row of a model that there can be.
    fn known(&self, id: &str, field: &str) -> Result<&Row, Fault> {
        self.rows.iter().find(|row| row.entry.id == id).ok_or_else(|| unknown(id, field))
    }

    fn row(&mut self, entry: &'static Entry) -> &mut Row {
        let number = CATALOGUE.iter().position(|one| one.id == entry.id).unwrap_or_default();
        &mut self.rows[number]
    }

    fn default_for(&self, capability: &str) -> Result<Found, Fault> {
        let able = |row: &&Row| row.entry.capabilities.contains(&capability);
        let selected = |row: &&Row| self.selected.get(capability).is_some_and(|id| *id == row.entry.id);
        let candidates = self.rows.iter().filter(able);
        let chosen = candidates.clone().find(selected).and_then(Row::found);
        chosen.or_else(|| candidates.clone().find_map(Row::found)).ok_or_else(|| {
            let ids: Vec<_> = candidates.map(|row| row.entry.id).collect();
            let text = format!("no model that serves {capability} is loaded; load_model can load {}", ids.join(" or "));
            Fault::new(Code::MODEL_NOT_LOADED, text).with_details(r#"{"field":"model"}"#)
        })
    }

    /// Whether it was loaded.
    fn unload(&mut self, entry: &'static Entry) -> bool {
        self.selected.retain(|_, id| *id != entry.id);
        self.row(entry).loaded.take().is_some()
    }
}

impl Row {
    fn found(&self) -> Option<Found> {
        let loaded = self.loaded.as_ref()?;
        Some(Found { id: self.entry.id, variant: loaded.variant, engine: loaded.engine.clone() })
    }

    fn require_present(&self, field: &str) -> Result<(), Fault> {
        if self.present {
            return Ok(());
        }
        let text = format!("{} is not present; pull_model or load_model fetches it", self.entry.id);
        Err(Fault::new(Code::MODEL_NOT_FOUND, text).with_details(format!("{{\"field\":{field:?}}}")))
    }

    /// The work under way, if there is any.
    fn flight(&self) -> Option<Arc<Flight>> {
        self.flight.upgrade().filter(|flight| !flight.is_over())
    }
}

fn unknown(id: &str, field: &str) -> Fault {
    let text = format!("no model {:?} is known here; get_recipes names those that are", short(id));
    Fault::new(Code::MODEL_NOT_FOUND, text).with_details(format!("{{\"field\":{field:?}}}"))
}

fn not_loaded(entry: &Entry, field: &str) -> Fault {
    let text = format!("{} is not loaded; load_model loads it", entry.id);
    Fault::new(Code::MODEL_NOT_LOADED, text).with_details(format!("{{\"field\":{field:?}}}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHAT: &str = "tabagent/reference-chat";
    const EMBED: &str = "tabagent/reference-embed-384";
    const GUIDE: &str = "tabagent/reference-guide";

    fn models() -> Arc<Models> {
        Models::new(None, &Arc::new(Stats::default()))
    }

    fn found(models: &Models, id: &str, capability: &str) -> Result<&'static str, Code> {
        models.find(id, capability).map(|model| model.id).map_err(|fault| fault.code)
    }

    #[test]
    fn default_is_the_first_loaded_model_that_can_do_it() {
        let models = models();
        assert_eq!(found(&models, "default", "chat"), Ok(CHAT));
        assert_eq!(found(&models, "default", "embeddings"), Ok(EMBED));
        assert_eq!(found(&models, "default", "rerank"), Ok(EMBED));
        assert_eq!(models.unload(EMBED), Ok(EMBED));
        assert_eq!(found(&models, "default", "rerank"), Err(Code::MODEL_NOT_LOADED));
        assert_eq!(found(&models, "default", "generate"), Ok(CHAT));
    }

    #[test]
    fn each_way_in_which_a_model_cannot_be_asked_has_its_own_failure() {
        let models = models();
        assert_eq!(found(&models, "gpt-9", "chat"), Err(Code::MODEL_NOT_FOUND));
        assert_eq!(found(&models, GUIDE, "chat"), Err(Code::MODEL_NOT_FOUND));
        assert_eq!(found(&models, EMBED, "chat"), Err(Code::VALIDATION_FAILED));
        assert_eq!(models.unload(CHAT), Ok(CHAT));
        assert_eq!(found(&models, CHAT, "chat"), Err(Code::MODEL_NOT_LOADED));
        assert_eq!(models.unload(CHAT).map_err(|fault| fault.code), Err(Code::MODEL_NOT_LOADED));
    }

    #[test]
    fn only_what_is_loaded_can_be_selected_and_only_what_was_pulled_deleted() {
        let models = models();
        let code = |result: Result<_, Fault>| result.map_err(|fault| fault.code);
        assert_eq!(code(models.select(CHAT)), Ok(CHAT));
        assert_eq!(code(models.select(GUIDE)), Err(Code::MODEL_NOT_FOUND));
        assert_eq!(code(models.select("gpt-9")), Err(Code::MODEL_NOT_FOUND));
        assert_eq!(models.delete(CHAT).map_err(|fault| fault.code), Err(Code::INVALID_STATE));
        assert_eq!(models.delete(GUIDE).map_err(|fault| fault.code), Err(Code::MODEL_NOT_FOUND));
        assert_eq!(code(models.unload(CHAT)), Ok(CHAT));
        assert_eq!(code(models.select(CHAT)), Err(Code::MODEL_NOT_LOADED));
    }

    #[test]
    fn the_count_of_loaded_models_follows() {
        let stats = Arc::new(Stats::default());
        let models = Models::new(None, &stats);
        assert_eq!(stats.models_loaded.value(), 2);
        assert!(models.unload(EMBED).is_ok());
        assert_eq!(stats.models_loaded.value(), 1);
    }
}
