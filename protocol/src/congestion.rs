//! How much of the bulk lane may be under way: enough to keep the path busy and no more, because what queues in front of its slowest spot is
//! time that a call waits there too. That spot may be a link, a busy machine at the other end, or a buffer of a socket; all of them show in
//! how long packets take until they are acknowledged. So the window follows that delay, as LEDBAT's does.

use crate::Millis;

/// Milliseconds of queueing that calls would notice. On long paths half of the round trip, and a quarter of it is worth having: the path
/// never runs dry.
const LONG: Millis = 2;
/// Bytes that the window grows by with each acknowledgement, once it has been too large. Before, it grows by what was acknowledged.
const STEP: usize = 8 * 1024;
/// What is taken off a window that is too large: a quarter, and not again before that has shown.
const SHARE: usize = 4;
/// Milliseconds for which at least the quickest packet counts: paths change.
const MEMORY: Millis = 15_000;

/// What one lane may have under way on one transport.
#[derive(Debug, Default)]
pub(crate) struct CongestionWindow {
    /// Bytes above the least that is always allowed.
    extra: usize,
    /// When it was last too large.
    shrunk: Option<Millis>,
    /// The quickest packet of a stretch of time that is over, and of the one that is not.
    before: Option<Millis>,
    present: Option<(Millis, Millis)>,
}

impl CongestionWindow {
    /// Bytes that may be unacknowledged; `least` are always allowed, `most` never exceeded.
    pub(crate) fn bytes(&self, least: usize, most: usize) -> usize {
        (least + self.extra).min(most)
    }

    /// The newest packet of an acknowledgement of so many bytes took so long; `used`: the window was what held the sender back. It never
    /// grows to more than `most`, or it would take as long to shrink.
    pub(crate) fn judge(&mut self, now: Millis, took: Millis, bytes: usize, used: bool, most: usize) {
        let quickest = self.quickest(now, took);
        let queue = took - quickest;
        if queue >= LONG.max(quickest / 2) {
            if self.shrunk.is_none_or(|at| now - took >= at) {
                self.shrunk = Some(now);
                self.extra -= self.extra.div_ceil(SHARE);
            }
        } else if used && queue <= quickest / 4 {
            let growth = if self.shrunk.is_some() { STEP } else { bytes };
            self.extra = most.min(self.extra + growth);
        }
    }

    /// The least of late, this one included.
    fn quickest(&mut self, now: Millis, took: Millis) -> Millis {
        let (since, quickest) = self.present.unwrap_or((now, took));
        let quickest = quickest.min(took);
        self.present = Some((since, quickest));
        if now.saturating_sub(since) >= MEMORY {
            self.before = Some(quickest);
            self.present = None;
        }
        self.before.map_or(quickest, |before| before.min(quickest))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use super::*;

    const LEAST: usize = 40 * 1024;
    const MOST: usize = 4 * 1024 * 1024;
    const PACKET: usize = 16 * 1024;
    /// Packets of one acknowledgement.
    const TOGETHER: usize = 2;

    /// Sends over a path of this many bytes a millisecond and this many milliseconds there and back, for ten seconds. Answers the window in
    /// the end, the milliseconds that its queue takes, and the mean of the bytes delivered in a millisecond.
    fn over_a_path(rate: usize, round_trip: Millis) -> (usize, usize, usize) {
        let mut window = CongestionWindow::default();
        // When each packet arrives, and when it left.
        let mut arrivals: VecDeque<(Millis, Millis)> = VecDeque::new();
        let (mut sent_bytes, mut outstanding, mut delivered) = (0, 0, 0);
        let mut free_at = 0;
        for now in 0..10_000 {
            while let Some(&(at, left)) = arrivals.get(TOGETHER - 1).filter(|(at, _)| *at <= now) {
                let used = outstanding + PACKET > window.bytes(LEAST, MOST);
                arrivals.drain(..TOGETHER);
                outstanding -= TOGETHER * PACKET;
                delivered += TOGETHER * PACKET;
                window.judge(now, at - left, TOGETHER * PACKET, used, MOST);
            }
            while outstanding < window.bytes(LEAST, MOST) {
                sent_bytes += PACKET;
                outstanding += PACKET;
                free_at = usize::max(free_at, now as usize * rate) + PACKET;
                arrivals.push_back(((free_at / rate) as Millis + round_trip, now));
            }
        }
        assert!(sent_bytes > delivered);
        let bytes = window.bytes(LEAST, MOST);
        (bytes, bytes.saturating_sub(rate * round_trip as usize) / rate, delivered / 10_000)
    }

    #[test]
    fn a_fast_path_is_kept_busy_with_hardly_a_queue() {
        let (bytes, queue, delivered) = over_a_path(30_000, 1);
        assert!(queue <= 8, "{queue} ms of {bytes} bytes");
        assert!(delivered > 28_000, "{delivered} of 30000 bytes a millisecond");
    }

    #[test]
    fn a_slow_path_gets_the_least() {
        let (bytes, _, delivered) = over_a_path(320, 40);
        assert!(bytes < LEAST + PACKET, "{bytes}");
        assert!(delivered > 300, "{delivered} of 320 bytes a millisecond");
    }

    #[test]
    fn a_long_path_is_filled() {
        let (bytes, queue, delivered) = over_a_path(10_000, 100);
        assert!(queue < 60, "{queue} ms of {bytes} bytes");
        assert!(delivered > 8_500, "{delivered} of 10000 bytes a millisecond");
    }

    #[test]
    fn who_sends_little_is_not_allowed_more_for_it() {
        let mut window = CongestionWindow::default();
        (0..100).for_each(|now| window.judge(now, 1, PACKET, false, MOST));
        assert_eq!(window.bytes(LEAST, MOST), LEAST);
    }

    #[test]
    fn a_path_that_has_become_longer_is_believed_in_time() {
        let mut window = CongestionWindow::default();
        window.judge(0, 5, PACKET, true, MOST);
        (1..100).for_each(|n| window.judge(n * 100, 100, PACKET, true, MOST));
        assert_eq!(window.bytes(LEAST, MOST), LEAST, "it may be a queue");
        (100..500).for_each(|n| window.judge(n * 100, 100, PACKET, true, MOST));
        assert!(window.bytes(LEAST, MOST) > LEAST);
    }

    #[test]
    fn it_grows_no_further_than_it_may_and_shrinks_from_there() {
        let mut window = CongestionWindow::default();
        (0..10_000).for_each(|now| window.judge(now, 1, PACKET, true, MOST));
        assert_eq!(window.bytes(LEAST, MOST), MOST);
        window.judge(10_000, 50, PACKET, true, MOST);
        assert_eq!(window.bytes(LEAST, MOST), LEAST + MOST / 4 * 3);
    }
}
