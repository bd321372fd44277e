//! How much memory a model would take that is known by its name alone. The formula is the one that the description of
//! `estimate_memory` gives.

/// Tokens of context unless a request says how many.
pub(super) const CONTEXT: u32 = 4096;
/// How a model's numbers are kept unless its name or a request says otherwise: as makers publish them.
const PUBLISHED: &str = "f16";
/// The quantisation that most people run models in at home.
pub(super) const COMMON: &str = "q4_k_m";
/// Bits per parameter, scales and the parts left unquantised included, by how the name of a quantisation begins.
const BITS: &[(&str, f64)] = &[
    ("f32", 32.0),
    ("fp32", 32.0),
    ("float32", 32.0),
    ("f16", 16.0),
    ("fp16", 16.0),
    ("float16", 16.0),
    ("bf16", 16.0),
    ("bfloat16", 16.0),
    ("q8", 8.5),
    ("int8", 8.5),
    ("fp8", 8.5),
    ("8bit", 8.5),
    ("q6", 6.6),
    ("q5", 5.7),
    ("q4", 4.9),
    ("iq4", 4.5),
    ("int4", 4.5),
    ("nf4", 4.5),
    ("awq", 4.5),
    ("gptq", 4.5),
    ("4bit", 4.5),
    ("q3", 3.9),
    ("iq3", 3.7),
    ("q2", 3.4),
    ("iq2", 2.7),
];
/// Endings of files, which are no part of a model's name.
const ENDINGS: &[&str] = &[".gguf", ".onnx", ".safetensors", ".bin"];

/// Bytes that a model takes, from its parameters and the bits of each.
pub(super) fn bytes(parameters: f64, bits: f64, context: u32) -> u64 {
    let layers = (parameters / 196_608.0).cbrt();
    let per_token = 2.0 * 2.0 * layers * (128.0 * layers);
    // Saturates, as conversions from f64 do.
    (parameters * bits / 8.0 + per_token * f64::from(context)).ceil() as u64
}

/// Bits per parameter of a quantisation; none when its name is not known.
pub(super) fn bits(quantization: &str) -> Option<f64> {
    let name = quantization.to_ascii_lowercase();
    BITS.iter().find(|(beginning, _)| name.starts_with(beginning)).map(|(_, bits)| *bits)
}

/// Bits per parameter as a model's name says them, or else as makers publish them.
pub(super) fn bits_of_name(name: &str) -> f64 {
    parts(name).find_map(bits).or_else(|| bits(PUBLISHED)).unwrap_or_default()
}

/// The number of parameters that a model's name says: `Qwen2.5-1.5B-Instruct`, `SmolLM-135M`, `Mixtral-8x7B`.
pub(super) fn parameters(name: &str) -> Option<f64> {
    parts(name).find_map(|part| {
        let part = part.to_ascii_lowercase();
        let (number, unit) = match (part.strip_suffix('b'), part.strip_suffix('m')) {
            (Some(number), _) => (number, 1e9),
            (_, Some(number)) => (number, 1e6),
            _ => return None,
        };
        let (times, number) = match number.split_once('x') {
            Some((times, number)) => (times.parse::<u32>().ok()?, number),
            None => (1, number),
        };
        // Digits alone: f64 would also take `inf` and `1e9`.
        let plain = number.starts_with(|c: char| c.is_ascii_digit()) && number.bytes().all(|b| b.is_ascii_digit() || b == b'.');
        let parameters = f64::from(times) * number.parse::<f64>().ok().filter(|_| plain)? * unit;
        (parameters > 0.0 && parameters.is_finite()).then_some(parameters)
    })
}

fn parts(name: &str) -> impl Iterator<Item = &str> {
    let name = ENDINGS.iter().find_map(|ending| name.strip_suffix(ending)).unwrap_or(name);
    name.split(['-', '/', ':', ' ', '@']).flat_map(|part| {
        // `TinyLlama_1.1B` has its size behind a `_`, and `Q4_K_M` is one word.
        let pieces = if bits(part).is_some() { None } else { Some(part.split('_')) };
        std::iter::once(part).chain(pieces.into_iter().flatten())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_their_parameters() {
        let rows = [
            ("meta-llama/Llama-3-8B-Instruct", Some(8e9)),
            ("Qwen2.5-1.5B-Instruct", Some(1.5e9)),
            ("qwen2.5:0.5b", Some(0.5e9)),
            ("SmolLM-135M", Some(135e6)),
            ("TinyLlama_1.1B_chat", Some(1.1e9)),
            ("Mixtral-8x7B-v0.1", Some(56e9)),
            ("Qwen3-30B-A3B", Some(30e9)),
            ("mistral-7b.gguf", Some(7e9)),
            ("phi-3-mini-4k", None),
            ("model-4bit", None),
            ("infb", None),
            ("0B", None),
            ("-b-m-xb-1xb", None),
        ];
        for (name, expected) in rows {
            assert_eq!(parameters(name), expected, "{name}");
        }
    }

    #[test]
    fn quantisations_are_known_by_their_beginnings() {
        assert_eq!((bits("Q4_K_M"), bits("q4f16"), bits("BF16"), bits("tiny")), (Some(4.9), Some(4.9), Some(16.0), None));
        assert_eq!(bits_of_name("Llama-3-8B-Q8_0.gguf"), 8.5);
        assert_eq!(bits_of_name("Llama-3-8B-AWQ"), 4.5);
        assert_eq!(bits_of_name("Llama-3-8B"), 16.0);
        assert!(bits(COMMON).is_some());
    }

    #[test]
    fn an_estimate_is_weights_and_context() {
        let gibibytes = |bytes: u64| bytes as f64 / f64::from(1 << 30);
        // 7B at 16 bits are 13 GiB; its 4096 tokens, 32 layers of width 4096, another 2.
        let estimate = gibibytes(bytes(7e9, 16.0, CONTEXT));
        assert!((14.5..15.5).contains(&estimate), "{estimate}");
        assert!(bytes(7e9, 4.9, 1) < bytes(7e9, 4.9, 100_000));
        assert_eq!(bytes(f64::MAX, 32.0, u32::MAX), u64::MAX);
    }
}
