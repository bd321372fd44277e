//! What is JavaScript's, made safe: callbacks, timers, untyped values. The only file that casts. Nothing here can throw or panic.

#[cfg(feature = "typed")]
use js_sys::JSON;
use js_sys::{Function, Uint8Array};
use wasm_bindgen::{JsCast, prelude::*};

#[wasm_bindgen(module = "/src/later.js")]
extern "C" {
    /// Runs a callback when the current task is done, before the next one.
    pub(crate) fn soon(then: &Function);

    /// Runs a callback after so many milliseconds. Returns what `clear_timeout` takes: a number in a browser, an object elsewhere.
    pub(crate) fn later(then: &Function, ms: u32) -> JsValue;
}

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_name = clearTimeout)]
    pub(crate) fn clear_timeout(id: &JsValue);

    /// Milliseconds of a clock that never goes back.
    #[wasm_bindgen(js_namespace = performance, js_name = now)]
    pub(crate) fn performance_now() -> f64;

    /// A number from 0 up to, but not including, 1.
    #[wasm_bindgen(js_namespace = Math)]
    pub(crate) fn random() -> f64;
}

/// Strings cross as their bytes: the code for that is there already, for packets.
#[wasm_bindgen(module = "/src/values.js")]
extern "C" {
    /// A field of any value; `undefined` when there is none.
    pub(crate) fn field(value: &JsValue, name: &str) -> JsValue;
    #[wasm_bindgen(js_name = text)]
    fn text_bytes(value: &JsValue, name: &str) -> JsValue;
    #[wasm_bindgen(js_name = json)]
    fn json_bytes(value: &JsValue, name: &str) -> JsValue;
    #[wasm_bindgen(js_name = number)]
    fn number_or_nan(value: &JsValue, name: &str) -> f64;
}

/// What a callback is called with.
pub(crate) struct Heard {
    pub(crate) happened: u32,
    pub(crate) number: u32,
    pub(crate) value: JsValue,
}

/// A Rust closure that JavaScript may call for as long as this value lives. All are of one type: each would have code of its own.
#[must_use]
pub(crate) struct Callback(Closure<dyn FnMut(u32, u32, JsValue)>);

impl Callback {
    /// Wraps `then`, which gets the arguments of the call.
    pub(crate) fn new(then: impl Fn(Heard) + 'static) -> Self {
        Self(Closure::wrap(Box::new(move |happened, number, value| then(Heard { happened, number, value }))))
    }

    /// What JavaScript calls.
    pub(crate) fn function(&self) -> &Function {
        self.0.as_ref().unchecked_ref()
    }
}

/// Says that a value is what the browser's own interface promises it to be.
pub(crate) fn known<T: JsCast>(value: JsValue) -> T {
    value.unchecked_into()
}

/// A field that is a string.
pub(crate) fn text(value: &JsValue, name: &str) -> Option<String> {
    let bytes = text_bytes(value, name);
    if bytes.is_object() { String::from_utf8(self::bytes(&bytes)).ok() } else { None }
}

/// A field that is an object, as JSON; empty for any other.
pub(crate) fn json(value: &JsValue, name: &str) -> Vec<u8> {
    bytes(&json_bytes(value, name))
}

/// A field that is a string, in UTF-8; empty for any other.
pub(crate) fn utf8(value: &JsValue, name: &str) -> Vec<u8> {
    bytes(&text_bytes(value, name))
}

/// A field that is a number without sign or fraction that matter.
pub(crate) fn number(value: &JsValue, name: &str) -> Option<u32> {
    let number = number_or_nan(value, name);
    if number.is_nan() { None } else { Some(number as u32) }
}

/// Whether a field is `true`.
pub(crate) fn truth(value: &JsValue, name: &str) -> bool {
    number_or_nan(value, name) == 1.0
}

/// The bytes of an `ArrayBuffer` or of a `Uint8Array`, copied; none of anything else.
pub(crate) fn bytes(value: &JsValue) -> Vec<u8> {
    Uint8Array::new(value).to_vec()
}

/// JSON text to a value; `undefined` for what is no JSON.
#[cfg(feature = "typed")]
pub(crate) fn parse(json: &str) -> JsValue {
    JSON::parse(json).unwrap_or(JsValue::UNDEFINED)
}

/// A value to JSON text; empty for what has none.
#[cfg(feature = "typed")]
pub(crate) fn stringify(value: &JsValue) -> String {
    JSON::stringify(value).ok().and_then(|text| text.as_string()).unwrap_or_default()
}
