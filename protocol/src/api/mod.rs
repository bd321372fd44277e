//! What can be said: every action with its request, response and items, one file per family.
//!
//! A request is one flat JSON object, a response one flat object tagged `type`. What is written here is all there is: the
//! server's dispatch and validation, TypeScript, OpenAPI and the documentation are derived from these types and from [`TABLE`].
//! An application adds actions of its own by implementing [`Action`] for its request types.

/// chat, generate: text from a model.
mod chat;
/// The refusal that names its field.
mod check;
/// calculate_similarity, evaluate_embeddings, cluster_documents, recommend_content: texts compared.
mod compare;
/// embeddings: vectors from a model.
mod embeddings;
/// subscribe, unsubscribe, and the events themselves.
mod events;
/// list_files, read_file, write_file.
mod files;
/// get_hardware_info, check_model_feasibility, get_recommended_models.
mod hardware;
/// chat_history, save_message.
mod history;
/// What an action is.
mod info;
/// load_model, unload_model, pull_model, delete_model, and their events.
mod loading;
/// list_models and other questions about models.
mod models;
/// get_params, set_params, and the settings of models.
mod params;
/// get_resources, estimate_memory, compatibility.
mod resources;
/// responses.
mod responses;
/// routes: the table itself.
mod routes;
/// rerank, rag_query, semantic_search_query: texts found.
mod search;
/// stop_generation, get_halt_status.
mod stop;
/// The answer of actions that are just done.
mod success;
/// health, system_info, get_stats.
mod system;
/// set_hf_token, get_hf_token_status, clear_hf_token.
mod token;

pub use chat::{Chat, ChatDelta, ChatMessage, ChatResponse, FinishReason, Generate, GenerateResponse, MessageRole, Stop, Usage};
pub use check::refused;
pub use compare::{
    CalculateSimilarity, ClusterDocuments, ClusterResponse, EvaluateEmbeddings, EvaluationResponse, RecommendContent,
    RecommendResponse, Recommendation, SimilarityResponse,
};
pub use embeddings::{EmbeddingEncoding, EmbeddingFormat, Embeddings, EmbeddingsResponse, TextInput};
pub use events::{
    EventsLost, GenerationStopped, ServerDraining, Subscribe, SubscribeResponse, Unsubscribe, UnsubscribeResponse, Warning,
};
pub use files::{
    FileEntry, FileKind, FileListResponse, FilePiece, HASHED_PIECE, ListFiles, ReadFile, ReadFileResponse, WriteFile,
    WriteFileResponse,
};
pub use hardware::{
    CheckModelFeasibility, FeasibilityResponse, GetHardwareInfo, GetRecommendedModels, HardwareCpu, HardwareInfoResponse,
    HardwareMemory, RamTier, RecommendedModelsResponse,
};
pub use history::{ChatHistory, ChatHistoryResponse, MessageSavedResponse, NewMessage, SaveMessage, StoredMessage};
pub use info::{Action, ActionInfo, Event, NoItem};
pub use loading::{
    DeleteModel, DeleteModelResponse, DownloadProgress, DownloadStatus, LoadModel, LoadStatus, LoadingStatus, ModelLoaded,
    ModelLoadedResponse, ModelLoadingProgress, ModelUnloaded, PullModel, PullModelResponse, UnloadModel,
};
pub use models::{
    EmbeddingModel, EmbeddingModelsResponse, GetEmbeddingModels, GetLoadedModels, GetModelInfo, GetModelQuants, GetRecipes,
    ListModels, LoadedModel, LoadedModelsResponse, ModelInfo, ModelInfoResponse, ModelListResponse, ModelQuantsResponse,
    ModelSelectedResponse, Recipe, RecipesResponse, SelectModel,
};
pub use params::{
    GetInferenceSettings, GetParams, InferenceSettingsResponse, Params, ParamsResponse, SaveInferenceSettings, SetParams,
};
pub use resources::{
    Compatibility, CompatibilityResponse, EstimateMemory, GetResources, MemoryEstimateResponse, ResourcesResponse,
};
pub use responses::{Responses, ResponsesInput, ResponsesResponse};
pub use routes::{Route, Routes, RoutesResponse};
pub use search::{
    DescribedDocument, RagQuery, RagResponse, Rerank, RerankResponse, RerankResult, SearchDocument, SearchResult,
    SemanticSearchQuery, SemanticSearchResponse,
};
pub use stop::{GetHaltStatus, HaltStatusResponse, StopGeneration, StopGenerationResponse};
pub use success::Success;
pub use system::{
    Cpu, GetStats, Gpu, Health, HealthResponse, HealthStatus, LastGeneration, Memory, SessionCounts, StatsResponse, System,
    SystemInfo, SystemInfoResponse,
};
pub use token::{ClearHfToken, GetHfTokenStatus, HfTokenStatusResponse, SetHfToken};

/// One list for everything that goes through all actions.
macro_rules! actions {
    ($($action:ident),* $(,)?) => {
        /// Every action of the product.
        pub const TABLE: &[ActionInfo] = &[$($action::INFO),*];

        #[cfg(test)]
        fn check_all_examples() {
            $(tests::check_examples::<$action>();)*
        }
    };
}

actions! {
    Health, SystemInfo, GetStats, Chat, Generate, Embeddings, Rerank, ListModels, LoadModel, UnloadModel, GetModelInfo,
    PullModel, DeleteModel, GetLoadedModels, SelectModel, GetEmbeddingModels, GetRecipes, SaveMessage, ChatHistory, RagQuery,
    SemanticSearchQuery, CalculateSimilarity, EvaluateEmbeddings, ClusterDocuments, RecommendContent, StopGeneration, GetParams,
    SetParams, GetResources, EstimateMemory, SetHfToken, GetHfTokenStatus, ClearHfToken, GetHardwareInfo, CheckModelFeasibility,
    GetRecommendedModels, Subscribe, Unsubscribe, Responses, GetHaltStatus, Compatibility, GetModelQuants, GetInferenceSettings,
    SaveInferenceSettings, Routes,
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// What the schema refuses is the server's to test, which holds requests against it.
    pub(super) fn check_examples<A: Action>() {
        let accepted: A = serde_json::from_str(A::INFO.accepted).unwrap_or_else(|error| unreachable!("{}: {error}", A::NAME));
        assert_eq!(accepted.validate(), Ok(()), "{}", A::NAME);
        let refused: serde_json::Value = serde_json::from_str(A::INFO.refused.0).expect("JSON");
        assert!(refused.is_object() && !A::INFO.refused.1.is_empty(), "{}", A::NAME);
    }

    #[test]
    fn every_accepted_example_is_one() {
        check_all_examples();
    }

    #[test]
    fn every_name_and_every_route_is_there_once() {
        let names: BTreeSet<_> = TABLE.iter().map(|info| info.name).collect();
        assert_eq!(names.len(), TABLE.len());
        let routes: Vec<_> = TABLE.iter().filter(|info| !info.path.is_empty()).map(|info| (info.method, info.path)).collect();
        let also = TABLE.iter().flat_map(|info| info.also.iter().copied());
        let routes: Vec<_> = routes.into_iter().chain(also).collect();
        assert_eq!(routes.iter().collect::<BTreeSet<_>>().len(), routes.len());
    }

    #[test]
    fn every_row_says_what_its_action_is_for() {
        for info in TABLE {
            assert!(info.description.ends_with('.'), "{} has no sentence", info.name);
            assert!(!info.tags.is_empty(), "{} has no tag", info.name);
            assert!(!info.scope.is_empty(), "{} has no scope", info.name);
        }
    }
}
