//! The reference models there can be: what each is called, can do, and comes as.

use std::sync::{Arc, OnceLock};

use tabagent_protocol::{Fault, api::refused};

use super::super::{
    embed,
    guide::{Builder, Guide, Precision},
    words,
};
use crate::service::short;

/// What runs all of them.
pub(super) const BACKEND: &str = "reference";
/// What they run on.
pub(super) const HARDWARE: &str = "cpu";

/// A model that can be had here.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) id: &'static str,
    pub(super) name: &'static str,
    /// The actions it can serve.
    pub(super) capabilities: &'static [&'static str],
    /// The first is what is loaded unless another is asked for.
    pub(super) variants: &'static [&'static str],
    /// What has to be fetched; a model without is built in.
    pub(super) bundle: Option<Bundle>,
    kind: Kind,
}

/// A model's file, as it is packed into the program.
#[derive(Debug)]
pub(super) struct Bundle {
    /// Name of the file.
    pub(super) file: &'static str,
    pub(super) bytes: &'static [u8],
    /// SHA-256 of the bytes, in hexadecimal.
    pub(super) digest: &'static str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Chat,
    Embeddings,
    Guide,
}

/// A loaded model.
#[derive(Clone, Debug)]
pub(in crate::backend::reference) enum Engine {
    /// Answers from the caller's own words.
    Words,
    /// Makes vectors.
    Vectors,
    /// Answers from the guide.
    Guide(Arc<Guide>),
}

/// In the order of `list_models`.
pub(super) static CATALOGUE: &[Entry] = &[
    Entry {
        id: "tabagent/reference-chat",
        name: "Reference chat",
        capabilities: &["chat", "generate"],
        variants: &["default"],
        bundle: None,
        kind: Kind::Chat,
    },
    Entry {
        id: "tabagent/reference-embed-384",
        name: "Reference embeddings, 384 dimensions",
        capabilities: &["embeddings", "rerank"],
        variants: &["f32"],
        bundle: None,
        kind: Kind::Embeddings,
    },
    Entry {
        id: "tabagent/reference-guide",
        name: "Reference guide: questions about this server",
        capabilities: &["chat", "generate"],
        variants: &["f32", "q8"],
        bundle: Some(Bundle {
            file: "guide.md",
            bytes: include_bytes!("../guide.md"),
            digest: "a24799c47f0e5a31e3253e04852a5ea37c3545fda4512cca15eb3764f51159d8",
        }),
        kind: Kind::Guide,
    },
];

impl Bundle {
    pub(super) fn size(&self) -> u64 {
        self.bytes.len() as u64
    }
}

impl Entry {
    /// One of its variants, by name.
    pub(super) fn variant(&self, name: &str) -> Result<&'static str, Fault> {
        let variant = self.variants.iter().find(|variant| variant.eq_ignore_ascii_case(name));
        variant.copied().ok_or_else(|| {
            let there = self.variants.join(", ");
            refused("variant", format_args!("{} has no variant {:?}; there are: {there}", self.id, short(name)))
        })
    }

    /// Numbers in its vectors, if it makes any.
    pub(super) fn dimensions(&self) -> Option<u32> {
        (self.kind == Kind::Embeddings).then_some(embed::DIMENSIONS as u32)
    }

    /// A model that needs nothing to be read; none for one that does.
    pub(super) fn at_once(&self) -> Option<Engine> {
        match self.kind {
            Kind::Chat => Some(Engine::Words),
            Kind::Embeddings => Some(Engine::Vectors),
            Kind::Guide => None,
        }
    }

    /// Bytes of memory that a variant takes when it is loaded. Takes some milliseconds the first time.
    pub(super) fn needs(&self, variant: &str) -> u64 {
        static GUIDE: OnceLock<[u64; 2]> = OnceLock::new();
        if let Some(engine) = self.at_once() {
            return engine.bytes();
        }
        // Measured on a copy that is thrown away: what is not loaded has no size to look at.
        let measure = |precision| {
            let text = self.bundle.as_ref().map_or(&[][..], |bundle| bundle.bytes);
            let mut builder = Builder::new(String::from_utf8_lossy(text).into_owned());
            while builder.step().is_some() {}
            builder.finish(precision).bytes()
        };
        let [full, small] = *GUIDE.get_or_init(|| [Precision::F32, Precision::Q8].map(measure));
        if precision(variant) == Precision::Q8 { small } else { full }
    }
}

/// How a variant of the guide keeps its weights.
pub(super) fn precision(variant: &str) -> Precision {
    if variant == "q8" { Precision::Q8 } else { Precision::F32 }
}

impl Engine {
    /// Bytes of its tables.
    pub(super) fn bytes(&self) -> u64 {
        match self {
            // Both know the words that say nothing, and nothing more.
            Self::Words | Self::Vectors => words::table_bytes(),
            Self::Guide(guide) => guide.bytes(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sha2::{Digest, Sha256};

    #[test]
    fn every_file_has_its_checksum() {
        for bundle in CATALOGUE.iter().filter_map(|entry| entry.bundle.as_ref()) {
            let digest: String = Sha256::digest(bundle.bytes).iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!(digest, bundle.digest, "of {}: write it into the catalogue", bundle.file);
        }
    }

    #[test]
    fn every_model_has_a_variant_and_something_it_can_do() {
        for entry in CATALOGUE {
            assert!(!entry.variants.is_empty() && !entry.capabilities.is_empty(), "{}", entry.id);
            assert!(entry.variants.iter().all(|variant| entry.needs(variant) > 0), "{}", entry.id);
        }
    }

    #[test]
    fn a_variant_is_found_in_any_spelling_and_a_wrong_one_is_told_which_there_are() {
        let guide = &CATALOGUE[2];
        assert_eq!(guide.variant("Q8"), Ok("q8"));
        let fault = guide.variant("q4_k_m").expect_err("none");
        assert!(fault.message.ends_with("there are: f32, q8"), "{}", fault.message);
        assert!(guide.needs("q8") < guide.needs("f32"));
    }
}
