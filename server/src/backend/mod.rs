//! What answers the actions: the machine itself, and the models behind them.

/// How much memory models take.
mod estimate;
/// Failures of the store.
mod failure;
/// get_hardware_info, check_model_feasibility, get_recommended_models.
mod hardware;
/// chat_history, save_message.
mod history;
/// What this machine is.
mod machine;
/// The embedded backend: deterministic answers without a model file.
pub mod reference;
/// health, system_info, get_stats.
mod system;
/// set_hf_token, get_hf_token_status, clear_hf_token.
mod token;

pub use history::{Embed, Embedder};
