//! The time of day for a protocol that has none, and timers that stop when they are dropped.

use tabagent_protocol::Millis;
use wasm_bindgen::JsValue;

use crate::js::{self, Callback};

/// Milliseconds since the page began; only differences mean anything.
pub(crate) fn now() -> Millis {
    js::performance_now() as Millis
}

/// A `setTimeout` that is called off when this is dropped.
#[must_use]
pub(crate) struct Timer {
    id: JsValue,
    /// What the browser calls; it must outlive the timer.
    _then: Callback,
}

impl Timer {
    /// Calls `then` once, after `ms` milliseconds. Hidden tabs may be made to wait up to a minute.
    pub(crate) fn after(ms: Millis, then: Callback) -> Self {
        // Browsers read the delay as a signed number: a longer one would fire at once.
        let ms = ms.min(i32::MAX as Millis) as u32;
        Self { id: js::later(then.function(), ms), _then: then }
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        js::clear_timeout(&self.id);
    }
}
