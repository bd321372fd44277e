//! What answers the actions: the machine itself, and the models behind them.

/// What this machine is.
mod machine;
/// The embedded backend: deterministic answers without a model file.
pub mod reference;
/// health, system_info, get_stats.
mod system;
