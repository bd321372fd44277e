//! Bodies of the signaling API.
