//! What befalls messages on their way: cuts, silence, delay, and, on transports that are not what they should be, loss, doubles and
//! disorder. The same seed has the same dice.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{mpsc, watch},
    time::{Instant, sleep_until},
};
use tokio_util::sync::CancellationToken;

use super::transport::{FarEnd, channel};
use crate::transport::{Channel, Message};

/// Messages that are under way in one direction at a time; whoever sends more waits, as on any path.
const UNDER_WAY: usize = 16;

/// How a path spoils what it carries. The default carries everything at once and as it is. The first message of each direction is
/// never lost, doubled or overtaken: without a hello there is no session to be spoiled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Noise {
    /// Each message is under way for a random time up to this one. They stay in order.
    pub delay: Duration,
    /// One message in so many is lost; 0 for none. No transport of a session may do that: its session must replace it.
    pub lose: u32,
    /// One message in so many comes twice; 0 for none.
    pub double: u32,
    /// One message in so many overtakes the one before it, where that is still under way; 0 for none.
    pub swap: u32,
}

/// The faults of some lines: those that were wrapped or made with it. A handle; clones are the same.
#[derive(Clone, Debug)]
pub struct Faults {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    dice: Mutex<fastrand::Rng>,
    noise: Mutex<Noise>,
    frozen: watch::Sender<bool>,
    /// Of the lines that stand; another one after each cut.
    cut: Mutex<CancellationToken>,
}

impl Faults {
    /// None yet. The seed says which messages noise will hit.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let dice = Mutex::new(fastrand::Rng::with_seed(seed));
        let (noise, cut) = (Mutex::default(), Mutex::default());
        Self { shared: Arc::new(Shared { dice, noise, frozen: watch::Sender::new(false), cut }) }
    }

    /// Cuts the lines that stand: what is under way is lost, and both sides hear that their transport is gone. Lines that are made
    /// later are not concerned.
    pub fn cut(&self) {
        std::mem::take(&mut *lock(&self.shared.cut)).cancel();
    }

    /// Nothing moves any more, and nobody says so: like a laptop that sleeps, or a path that has become a black hole.
    pub fn freeze(&self) {
        self.shared.frozen.send_replace(true);
    }

    /// What was frozen moves on.
    pub fn thaw(&self) {
        self.shared.frozen.send_replace(false);
    }

    /// From now on messages are spoiled so.
    pub fn set(&self, noise: Noise) {
        *lock(&self.shared.noise) = noise;
    }

    /// Puts these faults between a channel and whoever uses it.
    #[must_use]
    pub fn wrap(&self, beneath: Channel) -> Channel {
        let (mut above, far) = channel();
        above.label.clone_from(&beneath.label);
        above.protocol.clone_from(&beneath.protocol);
        (above.reliable, above.made_here) = (beneath.reliable, beneath.made_here);
        let near =
            FarEnd { to_send: beneath.receiver.queue, received: beneath.sender.queue.clone(), closing: CancellationToken::new() };
        let line = self.line();
        let closing = beneath.sender.closing.clone();
        let carried = self.carry(line, far, near);
        tokio::spawn(async move {
            carried.await;
            // The last sender goes with it; where a sub-protocol's own way to close is another, this is it.
            closing.cancel();
            drop(beneath.sender);
        });
        above
    }

    /// A token for a line that is made now: cancelled when it is cut. Cancelling it ends that line alone.
    pub(super) fn line(&self) -> CancellationToken {
        lock(&self.shared.cut).child_token()
    }

    /// Carries messages between the far ends of two channels until both ways are closed, or the line is over.
    pub(super) fn carry(&self, line: CancellationToken, one: FarEnd, other: FarEnd) -> impl Future<Output = ()> + use<> {
        let there = self.clone().way(one.to_send, one.closing, other.received);
        let back = self.clone().way(other.to_send, other.closing, one.received);
        async move {
            line.run_until_cancelled(async { tokio::join!(there, back) }).await;
            line.cancel();
        }
    }

    /// One direction.
    async fn way(self, mut from: mpsc::Receiver<Message>, closing: CancellationToken, to: mpsc::Sender<Message>) {
        let mut under_way = VecDeque::new();
        let (mut open, mut carried, mut frozen) = (true, 0, self.shared.frozen.subscribe());
        while open || !under_way.is_empty() {
            let due = under_way.front().map(|(due, _)| *due);
            let arrives = async {
                // Who froze it may be gone with all its handles but this one.
                let _ = frozen.wait_for(|frozen| !frozen).await;
                // A timer would round up to the next millisecond.
                if let Some(due) = due.filter(|due| *due > Instant::now()) {
                    sleep_until(due).await;
                }
            };
            tokio::select! {
                message = from.recv(), if open && under_way.len() < UNDER_WAY => match message {
                    Some(message) => {
                        self.befall(carried, message, &mut under_way);
                        carried += 1;
                    }
                    None => open = false,
                },
                () = closing.cancelled(), if open && !from.is_closed() => from.close(),
                () = arrives, if due.is_some() => {
                    if let Some((_, message)) = under_way.pop_front() {
                        // Nobody may read any more; whoever sends hears of it by itself.
                        drop(to.send(message).await);
                    }
                }
            }
        }
    }

    /// A message is on its way behind so many others: when it will arrive, how often, in which order.
    fn befall(&self, behind: u64, message: Message, under_way: &mut VecDeque<(Instant, Message)>) {
        let (noise, mut dice) = (*lock(&self.shared.noise), lock(&self.shared.dice));
        let mut hits = |one_in: u32| one_in > 0 && dice.u32(0..one_in) == 0;
        let (lost, doubled, swapped) = (hits(noise.lose), hits(noise.double), hits(noise.swap));
        let longest = u64::try_from(noise.delay.as_micros()).unwrap_or(u64::MAX);
        let delay = Duration::from_micros(if longest == 0 { 0 } else { dice.u64(0..=longest) });
        let before = under_way.back().map(|(due, _)| *due);
        let due = before.into_iter().fold(Instant::now() + delay, Instant::max);
        if lost && behind > 0 {
            return;
        }
        if doubled && behind > 0 {
            under_way.push_back((due, message.clone()));
        }
        under_way.push_back((due, message));
        let last = under_way.len() - 1;
        if swapped && behind > 1 && last > 0 {
            let (earlier, later) = (under_way[last - 1].0, under_way[last].0);
            under_way.swap(last - 1, last);
            (under_way[last - 1].0, under_way[last].0) = (earlier, later);
        }
    }
}

impl Default for Faults {
    fn default() -> Self {
        Self::new(0)
    }
}

/// No value behind these locks can be left half-changed.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
