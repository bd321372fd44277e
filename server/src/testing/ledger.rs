//! Streams that can be proved whole: each item carries its number and the hash of all before it, kept by both sides.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tabagent_protocol::{
    Code, Fault,
    api::{Action, NoItem},
};
use tokio::time::interval;

use super::calling::read;
use crate::Service;

/// Asks for a stream.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
pub struct Produce {
    /// Its name: carried out once.
    pub name: String,
    /// How many items, if it is not finished before.
    pub items: u64,
    /// Bytes of each.
    pub bytes: usize,
    /// How many items a second; 0 is as fast as they are read.
    #[serde(default)]
    pub per_second: u32,
}

/// Ends a stream behind the item that is on its way.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
pub struct Finish {
    /// Its name.
    pub name: String,
}

impl Action for Finish {
    const NAME: &'static str = "finish";
    type Response = Value;
    type Item = NoItem;
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
        let finishing = self.clone();
        let service = service.on(move |_, asked: Finish| {
            finishing.note(&finished(&asked.name));
            async { Ok::<_, Fault>(json!({"type": "finished"})) }
        });
        service.on(move |call, asked: Produce| {
            let executed = executed.clone();
            executed.note(&asked.name);
            async move {
                let mut chain = Chain::default();
                // What a slow reader kept waiting comes at once: the rate is a mean.
                let mut pace = (asked.per_second > 0).then(|| interval(Duration::from_secs(1) / asked.per_second));
                while chain.items() < asked.items && executed.times(&finished(&asked.name)) == 0 {
                    if let Some(pace) = &mut pace {
                        pace.tick().await;
                    }
                    call.item(&chain.next(asked.bytes)).await?;
                }
                let times = executed.times(&asked.name);
                Ok::<_, Fault>(json!({"type": "produced", "chain": chain.value(), "items": chain.items(), "times": times}))
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

/// What is noted when the stream of this name is to end.
fn finished(name: &str) -> String {
    format!("finish {name}")
}

/// One side's ledger of one stream: the SHA-256 of the one before it, the number of the item and its load, which a page can make too.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Chain {
    seq: u64,
    value: [u8; 32],
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

    /// The hash of everything so far, in hexadecimal.
    #[must_use]
    pub fn value(&self) -> String {
        self.value.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// How many there were.
    #[must_use]
    pub fn items(&self) -> u64 {
        self.seq
    }

    fn add(&mut self, load: &str) {
        self.seq += 1;
        let hash = Sha256::new().chain_update(self.value).chain_update(self.seq.to_le_bytes()).chain_update(load);
        self.value = hash.finalize().into();
    }
}
