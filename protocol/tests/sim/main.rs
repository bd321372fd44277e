//! The core under faults: a client and a server on a clock of their own, with transports that are delayed, cut, stalled, lossy, and
//! with either side crashing. A ledger demands that every call is carried out at most once and answered exactly once, and that
//! every item arrives once and in order.
//!
//! `FIRST=7 SEEDS=100000 cargo test -p tabagent-protocol --test sim` for more worlds, `SEED=17` for one of them, told step by step.
#![expect(clippy::panic, clippy::print_stdout, reason = "a world that went wrong says how")]

/// What the two applications do, and the ledger they keep.
mod app;
/// Transports and their faults.
mod wire;
/// Both ends, the clock, the plan.
mod world;

use world::{Faults, World};

/// How many worlds `npm test` looks at.
const SEEDS: u64 = 1_000;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

fn simulate(faults: Faults) {
    if let Some(seed) = number("SEED") {
        return World::new(seed, faults).tell().run();
    }
    let (first, seeds) = (number("FIRST").unwrap_or(0), number("SEEDS").unwrap_or(SEEDS));
    let mut totals = world::Totals::default();
    for seed in first..first + seeds {
        let mut world = World::new(seed, faults);
        world.run();
        totals.add(&world.totals());
    }
    println!("{seeds} seeds from {first}: {totals}");
}

#[test]
fn cuts_and_delays_lose_nothing_and_repeat_nothing() {
    simulate(Faults { cuts: true, stalls: true, ..Faults::default() });
}

#[test]
fn transports_that_lose_double_and_swap_packets_are_replaced() {
    simulate(Faults { cuts: true, dirt: true, ..Faults::default() });
}

#[test]
fn after_a_crash_of_either_side_nothing_is_done_twice() {
    simulate(Faults { cuts: true, stalls: true, crashes: true, ..Faults::default() });
}
