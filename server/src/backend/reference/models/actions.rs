//! Answers to the actions about models.

use std::sync::Arc;

use tabagent_protocol::{
    Fault,
    api::{
        DeleteModel, DeleteModelResponse, DownloadProgress, EmbeddingModelsResponse, GetEmbeddingModels, GetLoadedModels,
        GetModelInfo, GetModelQuants, GetRecipes, ListModels, LoadModel, LoadStatus, LoadedModelsResponse, LoadingStatus,
        ModelInfoResponse, ModelListResponse, ModelLoaded, ModelLoadedResponse, ModelLoadingProgress, ModelQuantsResponse,
        ModelSelectedResponse, ModelUnloaded, PullModel, PullModelResponse, RecipesResponse, SelectModel, Success, UnloadModel,
    },
};

use super::{
    super::super::{hardware::Room, machine},
    Models,
    boarding::{Boarding, Wanted},
    catalogue::Entry,
    flight::Landed,
    rows, work,
};
use crate::service::{Call, Service};

impl Service {
    /// Adds `list_models` and everything else that is about models, but not what they do.
    pub(in crate::backend::reference) fn with_models(self, models: &Arc<Models>) -> Self {
        self.on_models(models, |models, _, request: ListModels| async move {
            Ok(ModelListResponse { models: models.list(request.filter.as_deref()) })
        })
        .on_models(models, load)
        .on_models(models, unload)
        .on_models(models, |models, _, request: GetModelInfo| async move {
            Ok(ModelInfoResponse { info: models.info(&request.model_id)? })
        })
        .on_models(models, pull)
        .on_models(models, delete)
        .on_models(models, |models, _, _: GetLoadedModels| async move { Ok(LoadedModelsResponse { models: models.loaded() }) })
        .on_models(models, |models, _, request: SelectModel| async move {
            Ok(ModelSelectedResponse { model_id: models.select(&request.model_id)?.to_owned() })
        })
        .on_models(models, |models, _, _: GetEmbeddingModels| async move {
            Ok(EmbeddingModelsResponse { models: models.embedding_models() })
        })
        .on(|_, _: GetRecipes| async {
            Ok(RecipesResponse { recipes: machine::ask(|| rows::recipes(Room::now().safe())).await? })
        })
        .on_models(models, |models, _, request: GetModelQuants| async move {
            let variants = models.entry(&request.repo_id, "repo_id")?.variants;
            Ok(ModelQuantsResponse { quants: variants.iter().map(|&variant| variant.to_owned()).collect() })
        })
        .sends::<ModelLoadingProgress>()
        .sends::<DownloadProgress>()
        .sends::<ModelLoaded>()
        .sends::<ModelUnloaded>()
    }

    fn on_models<A, F, Fut>(self, models: &Arc<Models>, handler: F) -> Self
    where
        A: tabagent_protocol::api::Action,
        F: Fn(Arc<Models>, Call, A) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<A::Response, Fault>> + Send + 'static,
    {
        let models = Arc::clone(models);
        self.on(move |call, request: A| handler(Arc::clone(&models), call, request))
    }
}

async fn load(models: Arc<Models>, call: Call, request: LoadModel) -> Result<ModelLoadedResponse, Fault> {
    let entry = models.entry(&request.model_id, "model_id")?;
    let variant = request.variant.as_deref().map(|name| entry.variant(name)).transpose()?;
    let again = request.force_reload.unwrap_or(false);
    let wanted = if again { Wanted::Reloaded(variant) } else { Wanted::Loaded(variant) };
    let (status, load_time_ms) = match reach(&models, entry, wanted, &call).await? {
        Reached::ByThisCall(landed) => (LoadStatus::Loaded, u64::try_from(landed.took.as_millis()).unwrap_or(u64::MAX)),
        Reached::ByAnother(_) => (LoadStatus::AlreadyLoaded, 0),
        Reached::Before => {
            call.event(&work::progress(entry, LoadingStatus::Cached, None)).await?;
            (LoadStatus::AlreadyLoaded, 0)
        }
    };
    Ok(ModelLoadedResponse { model_id: entry.id.to_owned(), status, load_time_ms })
}

async fn pull(models: Arc<Models>, call: Call, request: PullModel) -> Result<PullModelResponse, Fault> {
    let entry = models.entry(&request.model, "model")?;
    let bytes = match reach(&models, entry, Wanted::Present, &call).await? {
        Reached::ByThisCall(landed) | Reached::ByAnother(landed) => landed.bytes,
        Reached::Before => 0,
    };
    Ok(PullModelResponse { model: entry.id.to_owned(), success: true, bytes })
}

/// How a model got to where a call wants it.
enum Reached {
    /// It was there.
    Before,
    ByThisCall(Landed),
    ByAnother(Landed),
}

/// Gets a model to where a call wants it: by work under way where that leads there, by its own otherwise.
async fn reach(models: &Arc<Models>, entry: &'static Entry, wanted: Wanted, call: &Call) -> Result<Reached, Fault> {
    loop {
        match models.board(entry, wanted, call) {
            Boarding::There => return Ok(Reached::Before),
            Boarding::Started(flight) => return flight.follow(call).await?.map(Reached::ByThisCall),
            Boarding::Joined(flight) => {
                let leads_there = wanted.is_served_by(flight.goal);
                let end = flight.follow(call).await?;
                if leads_there {
                    return end.map(Reached::ByAnother);
                }
                // Something else was done to the model; now it is this call's turn.
            }
        }
    }
}

async fn unload(models: Arc<Models>, call: Call, request: UnloadModel) -> Result<Success, Fault> {
    let id = models.unload(&request.model_id)?;
    call.announce(&ModelUnloaded { model_id: id.to_owned() }).await?;
    Ok(Success::new(format!("{id} is unloaded")))
}

async fn delete(models: Arc<Models>, call: Call, request: DeleteModel) -> Result<DeleteModelResponse, Fault> {
    let entry = models.entry(&request.model_id, "model_id")?;
    let was_loaded = machine::ask(move || models.delete(entry.id)).await??;
    if was_loaded {
        call.announce(&ModelUnloaded { model_id: entry.id.to_owned() }).await?;
    }
    Ok(DeleteModelResponse { model_id: entry.id.to_owned(), success: true })
}
