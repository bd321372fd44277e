//! Streams that can be proved whole: each item carries its number and the hash of all before it, kept by both sides.

use std::{
    collections::BTreeMap,
    hash::{DefaultHasher, Hash, Hasher},
    sync::{Arc, Mutex, PoisonError},
};

use super::calling::read;
use crate::Service;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tabagent_protocol::{
    Code, Fault,
    api::{Action, NoItem},
};

/// Asks for a stream.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
pub struct Produce {
    /// Its name: carried out once.
    pub name: String,
    /// How many items.
    pub items: u64,
    /// Bytes of each.
    pub bytes: usize,
}

/// Takes a stream that the caller sends.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
pub struct Consume {
    /// Its name: carried out once.
    pub name: String,
}

impl Action for Consume {
    const NAME: &'static str = "consume";
    type Response = Value;
    type Item = NoItem;
}

/// One item.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
pub struct Entry {
    /// From 1.
    pub seq: u64,
    /// Hash of the one before, the number and the load.
    pub chain: String,
    /// What makes it large.
    pub load: String,
}

impl Action for Produce {
    const NAME: &'static str = "produce";
    type Response = Value;
    type Item = Entry;
}

/// Which calls were carried out, and how often.
#[derive(Clone, Debug, Default)]
pub struct Executed(Arc<Mutex<BTreeMap<String, u32>>>);

impl Executed {
    /// The reference service with `produce` and `consume`.
    #[must_use]
    pub fn service(&self) -> Service {
        self.kept_by(Service::reference())
    }

    /// Adds `produce` and `consume` to a service: it notes what it carries out.
    #[must_use]
    pub fn kept_by(&self, service: Service) -> Service {
        let (executed, consuming) = (self.clone(), self.clone());
        let service = service.on(move |call, asked: Consume| {
            let consuming = consuming.clone();
            consuming.note(&asked.name);
            async move {
                let mut incoming = call.incoming().ok_or(Fault::new(Code::BAD_REQUEST, "nothing is sent"))?;
                let mut chain = Chain::default();
                while let Some(item) = incoming.next().await? {
                    chain.check(read(&item)?);
                    consuming.note(&format!("item of {}", asked.name));
                }
                Ok::<_, Fault>(json!({"type": "consumed", "chain": chain.value(), "items": chain.items()}))
            }
        });
        service.on(move |call, asked: Produce| {
            executed.note(&asked.name);
            async move {
                let mut chain = Chain::default();
                for _ in 0..asked.items {
                    call.item(&chain.next(asked.bytes)).await?;
                }
                Ok::<_, Fault>(json!({"type": "produced", "chain": chain.value()}))
            }
        })
    }

    fn note(&self, name: &str) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(name.to_owned()).or_default() += 1;
    }

    /// How often a call of this name was carried out; how many items came, for "item of NAME".
    #[must_use]
    pub fn times(&self, name: &str) -> u32 {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(name).copied().unwrap_or(0)
    }
}

/// One side's ledger of one stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Chain {
    seq: u64,
    value: u64,
}

impl Chain {
    /// The producer's next item.
    pub fn next(&mut self, bytes: usize) -> Entry {
        let load = "x".repeat(bytes);
        self.add(&load);
        Entry { seq: self.seq, chain: self.value(), load }
    }

    /// The consumer's check of the next item: neither lost, nor repeated, nor out of order.
    ///
    /// # Panics
    /// When it is not the next one.
    pub fn check(&mut self, entry: Entry) {
        self.add(&entry.load);
        assert_eq!((entry.seq, entry.chain), (self.seq, self.value()), "the next item");
    }

    /// The hash of everything so far.
    #[must_use]
    pub fn value(&self) -> String {
        format!("{:016x}", self.value)
    }

    /// How many there were.
    #[must_use]
    pub fn items(&self) -> u64 {
        self.seq
    }

    fn add(&mut self, load: &str) {
        self.seq += 1;
        let mut hasher = DefaultHasher::new();
        (self.value, self.seq, load).hash(&mut hasher);
        self.value = hasher.finish();
    }
}
