//! The table of actions: what can be said.
