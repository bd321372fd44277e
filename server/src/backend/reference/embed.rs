//! embeddings by feature hashing: the letter groups of words, each at its place in 384 dimensions.
//!
//! Texts that share words, or parts of words, get vectors that point the same way; the vectors have length 1, so that
//! their product is the cosine of the angle. A long word counts as much as a short one: its groups share its weight.

use std::sync::Arc;

use base64::{Engine, prelude::BASE64_STANDARD};
use tabagent_protocol::{
    Fault, Payload,
    api::{EmbeddingEncoding, EmbeddingFormat, Embeddings, EmbeddingsResponse, Usage, refused},
};
use tokio::task::yield_now;

use super::{
    models::Models,
    words::{self, Groups},
};
use crate::service::{Call, Service};

/// Numbers in a vector.
pub(super) const DIMENSIONS: usize = 384;
/// Texts in one request. One-letter texts cost six bytes to send, and four kilobytes to answer where their vectors are sent.
const TEXTS: usize = 2048;
/// What a word weighs that every text has.
const COMMON_WEIGHT: f32 = 0.1;

impl Service {
    /// Adds `embeddings`.
    pub(super) fn with_embeddings(self, models: &Arc<Models>) -> Self {
        let models = Arc::clone(models);
        self.on(move |call, request: Embeddings| embeddings(Arc::clone(&models), call, request))
    }
}

async fn embeddings(models: Arc<Models>, call: Call, request: Embeddings) -> Result<EmbeddingsResponse, Fault> {
    let model = models.find(&request.model, "embeddings")?.id.to_owned();
    let texts = request.input.as_slice();
    bounded("input", texts.len())?;
    let mut vectors = Vec::with_capacity(texts.len());
    for text in texts {
        vectors.push(embed(text));
        // A list of long texts takes a while; others get their turn, and a cancel is heard.
        yield_now().await;
    }
    let read = texts.iter().map(|text| words::tokens(text).count() as u64).sum();
    let usage = Usage::new(read, 0);
    let mut response = EmbeddingsResponse { model, dimensions: DIMENSIONS as u32, usage, ..EmbeddingsResponse::default() };
    match (request.encoding.unwrap_or_default(), request.encoding_format.unwrap_or_default()) {
        (EmbeddingEncoding::Binary, _) => {
            response.count = Some(vectors.len() as u32);
            call.attach(Payload { content_type: None, bytes: vectors.iter().flat_map(|vector| bytes(vector)).collect() });
        }
        (EmbeddingEncoding::Json, EmbeddingFormat::Float) => response.embeddings = Some(vectors),
        (EmbeddingEncoding::Json, EmbeddingFormat::Base64) => {
            let encode = |vector: &Vec<f32>| BASE64_STANDARD.encode(bytes(vector));
            response.embeddings_base64 = Some(vectors.iter().map(encode).collect());
        }
    }
    Ok(response)
}

/// Refuses more texts than one request may have embedded.
pub(super) fn bounded(field: &str, texts: usize) -> Result<(), Fault> {
    if texts > TEXTS {
        return Err(refused(field, format_args!("has {texts} texts; send at most {TEXTS} at a time")));
    }
    Ok(())
}

fn bytes(vector: &[f32]) -> Vec<u8> {
    vector.iter().flat_map(|number| number.to_le_bytes()).collect()
}

/// The vector of a text that is not empty.
pub(super) fn embed(text: &str) -> Vec<f32> {
    let mut vector = vec![0.0; DIMENSIONS];
    for word in words::words(&text.to_lowercase()) {
        let weight = if words::is_common(word) { COMMON_WEIGHT } else { 1.0 };
        let groups = Groups::of(word);
        let share = weight / (groups.iter().count() as f32).sqrt();
        groups.iter().for_each(|group| add(&mut vector, group.as_bytes(), share));
    }
    let mut length = norm(&vector);
    if length == 0.0 {
        // Nothing but signs: the text as a whole is its only feature.
        add(&mut vector, text.as_bytes(), 1.0);
        length = norm(&vector);
    }
    vector.iter_mut().for_each(|number| *number /= length);
    vector
}

fn add(vector: &mut [f32], feature: &[u8], weight: f32) {
    let hash = hash(feature);
    let sign = if hash >> 63 == 0 { 1.0 } else { -1.0 };
    vector[(hash % DIMENSIONS as u64) as usize] += sign * weight;
}

fn norm(vector: &[f32]) -> f32 {
    vector.iter().map(|number| number * number).sum::<f32>().sqrt()
}

/// FNV-1a, its bits mixed once more. Written out because vectors are stored: the same text must get the same vector in
/// every version, which std's hasher does not promise.
pub(super) fn hash(bytes: &[u8]) -> u64 {
    let fnv = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    let hash = bytes.iter().fold(0xcbf2_9ce4_8422_2325, fnv);
    (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cosine(one: &str, other: &str) -> f32 {
        embed(one).iter().zip(embed(other)).map(|(a, b)| a * b).sum()
    }

    #[test]
    fn every_vector_has_length_one() {
        for text in ["a", "Rust and WebRTC", "!!!", " ", "日本語", &"word ".repeat(1000)] {
            let length = norm(&embed(text));
            assert!((length - 1.0).abs() < 1e-5, "{text:.9}: {length}");
        }
    }

    #[test]
    fn alike_texts_are_closer_than_unlike_ones() {
        let cat = "The cat sleeps on the warm sofa";
        let near = cosine(cat, "A cat is sleeping on a sofa");
        let far = cosine(cat, "Quarterly revenue exceeded expectations");
        assert!(near > 0.4 && far < 0.2 && near > far + 0.3, "near {near}, far {far}");
        assert!(cosine("connection", "connections") > 0.5);
        assert!((cosine("Same", "same") - 1.0).abs() < 1e-5);
    }

    #[test]
    fn vectors_stay_what_they_are() {
        let places: Vec<_> = embed("tab").iter().enumerate().filter(|(_, n)| **n != 0.0).map(|(i, _)| i).collect();
        assert_eq!(places, PLACES_OF_TAB);
    }

    /// Stored vectors must stay comparable: where these change, the model needs a new name.
    const PLACES_OF_TAB: [usize; 5] = [59, 128, 179, 259, 334];
}
