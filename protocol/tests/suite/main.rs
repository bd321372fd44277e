//! Proofs of the protocol: two peers, a virtual clock, and a network that can be spoiled.
#![expect(clippy::panic, reason = "a test that saw something else says what it saw")]

mod calls;
mod codec;
mod flow;
mod hostile;
mod leaving;
mod life;
mod pair;
mod resume;
mod rig;
mod spec;
