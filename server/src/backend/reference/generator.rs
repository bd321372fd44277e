//! Saying it, token by token: at its rate, up to its bounds, until it is stopped.

use std::{pin::pin, time::Duration};

use tabagent_protocol::{
    Fault,
    api::{ChatDelta, FinishReason, LastGeneration, Usage},
};
use tokio::time::{Instant, interval};

use super::words::tokens;
use crate::service::Call;

/// How to say it.
pub(super) struct Manner<'a> {
    /// Tokens before which no stop string ends the answer.
    pub(super) min_tokens: u32,
    /// Tokens after which the answer ends.
    pub(super) max_tokens: u32,
    /// The answer ends before the first of these after `min_tokens`; empty ones do not count.
    pub(super) stop: &'a [String],
    /// 0 is as fast as its reader reads.
    pub(super) tokens_per_second: u32,
    /// Every token is also an item of the call; the items joined are what was said.
    pub(super) stream: bool,
}

/// What was said.
pub(super) struct Said {
    pub(super) text: String,
    pub(super) usage: Usage,
    pub(super) finish_reason: FinishReason,
}

/// Says a text, or as much of it as its bounds and its caller allow.
pub(super) async fn say(call: &Call, text: &str, manner: &Manner<'_>, input_tokens: u64) -> Result<Said, Fault> {
    let (text, mut finish_reason) = cut(text, manner);
    let mut pace = Pace::new(manner.tokens_per_second);
    let mut stopped = pin!(call.stopped());
    let mut timing = Timing::new();
    let mut end = 0;
    for (index, token) in (0..).zip(tokens(text)) {
        let next = async {
            pace.wait().await;
            timing.token();
            call.stats().tokens_generated.add(1);
            if manner.stream { call.item(&ChatDelta { delta: token.to_owned(), index }).await } else { Ok(()) }
        };
        tokio::select! {
            biased;
            () = &mut stopped => { finish_reason = FinishReason::Cancelled; break }
            sent = next => sent?,
        }
        end += token.len();
    }
    let usage = Usage::new(input_tokens, tokens(&text[..end]).count() as u64);
    call.stats().generated(timing.finish(usage));
    Ok(Said { text: text[..end].to_owned(), usage, finish_reason })
}

/// The part of a text within its bounds, and which bound it was.
fn cut<'t>(text: &'t str, manner: &Manner<'_>) -> (&'t str, FinishReason) {
    let stops = manner.stop.iter().filter(|stop| !stop.is_empty());
    let least: usize = tokens(text).take(manner.min_tokens as usize).map(str::len).sum();
    let end = stops.filter_map(|stop| text[least..].find(stop.as_str())).min();
    let text = end.map_or(text, |end| &text[..least + end]);
    let end: usize = tokens(text).take(manner.max_tokens as usize).map(str::len).sum();
    if end < text.len() { (&text[..end], FinishReason::Length) } else { (text, FinishReason::Stop) }
}

/// Tokens a second.
struct Pace(Option<tokio::time::Interval>);

impl Pace {
    fn new(rate: u32) -> Self {
        // A reader that was slow gets what has piled up at once: the rate is a mean.
        Self((rate > 0).then(|| interval((Duration::from_secs(1) / rate).max(Duration::from_nanos(1)))))
    }

    async fn wait(&mut self) {
        match &mut self.0 {
            Some(interval) => {
                interval.tick().await;
            }
            // Even at full speed, others get their turn and a stop is heard.
            None => tokio::task::yield_now().await,
        }
    }
}

/// When the tokens came.
struct Timing {
    started: Instant,
    first: Option<Instant>,
    last: Instant,
}

impl Timing {
    fn new() -> Self {
        let started = Instant::now();
        Self { started, first: None, last: started }
    }

    fn token(&mut self) {
        self.last = Instant::now();
        self.first.get_or_insert(self.last);
    }

    fn finish(&self, usage: Usage) -> LastGeneration {
        let milliseconds = |until: Instant| (until - self.started).as_secs_f64() * 1000.0;
        let total_time_ms = milliseconds(self.last);
        let tokens_per_second = if total_time_ms > 0.0 { usage.completion_tokens as f64 * 1000.0 / total_time_ms } else { 0.0 };
        LastGeneration {
            time_to_first_token_ms: milliseconds(self.first.unwrap_or(self.last)),
            tokens_per_second,
            input_tokens: usage.prompt_tokens,
            output_tokens: usage.completion_tokens,
            total_time_ms,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut_at<'t>(text: &'t str, max_tokens: u32, stop: &[&str]) -> (&'t str, FinishReason) {
        let stop: Vec<String> = stop.iter().map(|stop| (*stop).to_owned()).collect();
        cut(text, &Manner { min_tokens: 0, max_tokens, stop: &stop, tokens_per_second: 0, stream: false })
    }

    #[test]
    fn a_stop_string_before_the_least_length_does_not_count() {
        let stop = [" 2".to_owned()];
        let cut_after = |min_tokens| {
            let manner = Manner { min_tokens, max_tokens: 100, stop: &stop, tokens_per_second: 0, stream: false };
            cut("1 2 3 2", &manner).0
        };
        assert_eq!([1, 2, 4, 9].map(cut_after), ["1", "1 2 3", "1 2 3 2", "1 2 3 2"]);
    }

    #[test]
    fn an_answer_ends_at_the_first_of_its_bounds() {
        assert_eq!(cut_at("1 2 3 4", 100, &[]), ("1 2 3 4", FinishReason::Stop));
        assert_eq!(cut_at("1 2 3 4", 4, &[]), ("1 2 3 4", FinishReason::Stop));
        assert_eq!(cut_at("1 2 3 4", 3, &[]), ("1 2 3", FinishReason::Length));
        assert_eq!(cut_at("1 2 3 4", 100, &["4", " 3"]), ("1 2", FinishReason::Stop));
        assert_eq!(cut_at("1 2 3 4", 1, &["3"]), ("1", FinishReason::Length));
        assert_eq!(cut_at("1 2", 100, &["", "x"]), ("1 2", FinishReason::Stop));
    }
}
