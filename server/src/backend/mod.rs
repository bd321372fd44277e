//! What answers the actions: the machine itself, and the models behind them.

/// How much memory models take.
mod estimate;
/// get_hardware_info, check_model_feasibility, get_recommended_models.
mod hardware;
/// What this machine is.
mod machine;
/// The embedded backend: deterministic answers without a model file.
pub mod reference;
/// health, system_info, get_stats.
mod system;
