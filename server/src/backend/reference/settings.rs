//! How text is generated where a request does not say: each caller's own settings, and those saved for models.

use std::{
    collections::{BTreeMap, HashMap},
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tabagent_protocol::{
    Code, Fault,
    api::{
        GetInferenceSettings, GetParams, InferenceSettingsResponse, Params, ParamsResponse, SaveInferenceSettings, SetParams,
        refused,
    },
};
use tempfile::NamedTempFile;

use super::{
    super::machine,
    models::{Found, Models},
};
use crate::service::{Principal, Service};

/// Callers whose settings are kept. Stops callers with ever new names from filling the memory; a server has a handful of keys.
const CALLERS: usize = 10_000;
/// The file in the data folder.
const FILE: &str = "inference-settings.json";

/// Settings by model and variant.
type Saved = BTreeMap<String, BTreeMap<String, Params>>;

/// All settings.
pub(super) struct Settings {
    /// What counts where nobody set anything.
    defaults: Params,
    callers: Mutex<HashMap<Principal, Params>>,
    saved: Mutex<Saved>,
    /// Where those of models are saved; nowhere without a data folder.
    file: Option<PathBuf>,
    /// Held while the file is written, so that of two changes the later one is what it says in the end.
    writing: Mutex<()>,
}

impl Settings {
    /// Reads what was saved. A file that cannot be read is reported and counts as none.
    pub(super) fn new(max_tokens: u32, data_dir: Option<&Path>) -> Arc<Self> {
        let file = data_dir.map(|folder| folder.join(FILE));
        let saved = file.as_deref().map_or_else(Saved::default, |file| {
            read(file).unwrap_or_else(|error| {
                tracing::error!(file = %file.display(), %error, "the saved settings of models cannot be read");
                Saved::default()
            })
        });
        Arc::new(Self {
            defaults: Params { max_new_tokens: Some(max_tokens), ..Params::default() },
            callers: Mutex::default(),
            saved: Mutex::new(saved),
            file,
            writing: Mutex::default(),
        })
    }

    /// What counts for a caller's call of a model that says nothing itself.
    pub(super) fn of(&self, caller: &Principal, model: &Found) -> ParamsResponse {
        self.of_caller(caller).over(self.of_model(model.id, model.variant)).over(self.defaults.clone()).complete()
    }

    fn of_caller(&self, caller: &Principal) -> Params {
        lock(&self.callers).get(caller).cloned().unwrap_or_default()
    }

    fn of_model(&self, id: &str, variant: &str) -> Params {
        lock(&self.saved).get(id).and_then(|variants| variants.get(variant)).cloned().unwrap_or_default()
    }

    fn get(&self, caller: &Principal) -> ParamsResponse {
        self.of_caller(caller).over(self.defaults.clone()).complete()
    }

    fn set(&self, caller: &Principal, changes: Params) -> Result<ParamsResponse, Fault> {
        let mut callers = lock(&self.callers);
        let before = callers.get(caller).cloned();
        if before.is_none() && callers.len() >= CALLERS {
            let text = format!("settings are kept for {CALLERS} callers, and so many have some");
            return Err(Fault::new(Code::LIMIT_REACHED, text));
        }
        let field = if changes.min_length.is_some() { "min_length" } else { "max_length" };
        let after = changes.over(before.unwrap_or_default());
        let all = after.clone().over(self.defaults.clone()).complete();
        if all.min_length > all.max_length {
            let text = format_args!("min_length would be {} and max_length {}", all.min_length, all.max_length);
            return Err(refused(field, text));
        }
        callers.insert(caller.clone(), after);
        Ok(all)
    }

    /// Saves settings for a variant of a model, in place of those before. Blocks while it writes.
    fn save(&self, id: &str, variant: &str, settings: Params) -> Result<(), Fault> {
        let _writing = lock(&self.writing);
        let mut saved = lock(&self.saved).clone();
        saved.entry(id.to_owned()).or_default().insert(variant.to_owned(), settings);
        if let Some(file) = &self.file {
            write(file, &saved).map_err(|error| {
                tracing::error!(file = %file.display(), %error, "the settings of a model could not be saved");
                Fault::new(Code::INTERNAL, format!("the settings could not be saved: {error}"))
            })?;
        }
        *lock(&self.saved) = saved;
        Ok(())
    }
}

impl Service {
    /// Adds `get_params`, `set_params`, `get_inference_settings` and `save_inference_settings`.
    pub(super) fn with_settings(self, settings: &Arc<Settings>, models: &Arc<Models>) -> Self {
        let [for_get, for_set, for_read, for_save] = std::array::from_fn(|_| (Arc::clone(settings), Arc::clone(models)));
        self.on(move |call, _: GetParams| {
            let all = for_get.0.get(call.principal());
            async { Ok(all) }
        })
        .on(move |call, request: SetParams| {
            let set = for_set.0.set(call.principal(), request.0);
            async { set }
        })
        .on(move |_, request: GetInferenceSettings| {
            let found = for_read.1.variant(&request.repo_id, &request.variant);
            let found = found.map(|(id, variant)| response(id, variant, for_read.0.of_model(id, variant)));
            async { found }
        })
        .on(move |_, request: SaveInferenceSettings| {
            let found = for_save.1.variant(&request.repo_id, &request.variant);
            let settings = Arc::clone(&for_save.0);
            async move {
                let (id, variant) = found?;
                let saved = request.settings.clone();
                machine::ask(move || settings.save(id, variant, saved)).await??;
                Ok(response(id, variant, request.settings))
            }
        })
    }
}

fn response(id: &str, variant: &str, settings: Params) -> InferenceSettingsResponse {
    InferenceSettingsResponse { repo_id: id.to_owned(), variant: variant.to_owned(), settings }
}

fn read(file: &Path) -> io::Result<Saved> {
    match fs::read(file) {
        Ok(text) => Ok(serde_json::from_slice(&text)?),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Saved::default()),
        Err(error) => Err(error),
    }
}

/// A reader finds the old file or the new one, whole.
fn write(file: &Path, saved: &Saved) -> io::Result<()> {
    let folder = file.parent().unwrap_or(file);
    fs::create_dir_all(folder)?;
    let mut new = NamedTempFile::new_in(folder)?;
    new.write_all(&serde_json::to_vec_pretty(saved)?)?;
    new.as_file().sync_all()?;
    new.persist(file)?;
    Ok(())
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_length(min: Option<u32>, max: Option<u32>) -> Params {
        Params { min_length: min, max_length: max, ..Params::default() }
    }

    #[test]
    fn each_caller_has_settings_of_its_own() {
        let settings = Settings::new(100, None);
        let (ann, bob) = (Principal::new("ann"), Principal::new("bob"));
        let set = settings.set(&ann, Params { top_k: Some(5), ..Params::default() }).expect("in range");
        assert_eq!((set.top_k, set.max_new_tokens), (5, 100));
        assert_eq!((settings.get(&ann).top_k, settings.get(&bob).top_k), (5, 0));
    }

    #[test]
    fn a_change_must_agree_with_what_was_set_before() {
        let settings = Settings::new(100, None);
        let ann = Principal::new("ann");
        let field = |changes| settings.set(&ann, changes).map_err(|fault| String::from_utf8_lossy(&fault.details).into_owned());
        assert!(field(with_length(Some(50), None)).is_ok());
        assert_eq!(field(with_length(None, Some(49))), Err(r#"{"field":"max_length"}"#.to_owned()));
        assert!(field(with_length(None, Some(60))).is_ok());
        assert_eq!(field(with_length(Some(61), None)), Err(r#"{"field":"min_length"}"#.to_owned()));
        assert_eq!(settings.get(&ann).min_length, 50);
    }

    #[test]
    fn what_is_saved_for_a_model_is_there_after_a_restart() {
        let folder = tempfile::tempdir().expect("a folder");
        let model = Settings::new(100, Some(folder.path()));
        model.save("m", "f32", with_length(Some(7), None)).expect("room");
        model.save("m", "q8", with_length(Some(8), None)).expect("room");
        let again = Settings::new(100, Some(folder.path()));
        assert_eq!((again.of_model("m", "f32").min_length, again.of_model("m", "q8").min_length), (Some(7), Some(8)));
        assert_eq!(again.of_model("m", "q4"), Params::default());
        fs::write(folder.path().join(FILE), "not json").expect("room");
        assert_eq!(Settings::new(100, Some(folder.path())).of_model("m", "f32"), Params::default());
    }
}
